"""A ceasefire: its terms, claims that it was broken, replies, and what the parties find together, if they do.

A claim stays *alleged* until every party has given the same finding; findings that differ are a standing dispute, and
the software finds nothing of its own. A daily summary counts claims up to one cut-off hour, beside the period before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from detente.coordination.act import Act, Cell, Ms, Name, Said, Title, Words
from detente.coordination.charter import Charter
from detente.errors import OrderRefused
from detente.types import PartyId

_DAY_MS: Final = 86_400_000
DAYS_SHOWN: Final = 14

Category = Literal[
    "explosion_undetermined", "explosion_outgoing", "explosion_incoming", "airburst", "burst", "shot", "projectile",
    "muzzle_flash", "illumination_flare", "withdrawal_line", "mine", "access_denied", "uav", "interference",
    "air_strike", "prohibited_weapon", "other",
]  # fmt: skip
"""What is claimed to have happened. Source: the daily reports of the OSCE's mission to Ukraine, 2016 to 2021."""

Sense = Literal["seen", "heard", "recorded", "reported"]
Confidence = Literal["low", "moderate", "high"]
Grade = Literal["minor", "serious", "very_serious"]


class Finding(StrEnum):
    AGREED = "agreed"
    PARTLY = "partly"
    NOT_AGREED = "not_agreed"
    NOT_ESTABLISHED = "not_established"


class Terms(Act, frozen=True, kw_only=True, tag="ceasefire.terms"):
    """Put terms on record; they are common once every other party has agreed to them."""

    title: Title
    area: Annotated[tuple[Cell, ...], Meta(min_length=1, max_length=1_000)]
    from_ms: Ms
    until_ms: Ms | None = None
    prohibited: Annotated[tuple[Words, ...], Meta(min_length=1, max_length=64)]
    cut_off_min: Annotated[int, Meta(ge=0, lt=1_440)] = 0  # minute of the day, UTC, at which a day's count ends


class AgreeTerms(Act, frozen=True, tag="ceasefire.agree"):
    terms: Name


class Claim(Act, frozen=True, tag="ceasefire.claim"):
    """Claim that the terms were broken. Where is a coarse cell, never a point."""

    terms: Name
    category: Category
    observed_ms: Ms
    observer: Title  # a role or an institution, never a person
    sense: Sense
    confidence: Confidence
    area: Cell
    words: Words
    count: Annotated[int, Meta(ge=1, le=100_000)] = 1
    about: str | None = None  # the party it is said of, if that is claimed at all


class Reply(Act, frozen=True, tag="ceasefire.reply"):
    """Answer a claim: with one's own facts."""

    claim: Name
    stance: Literal["confirms", "denies", "partly", "looks_into_it"]
    words: Words


class Find(Act, frozen=True, kw_only=True, tag="ceasefire.find"):
    """Say what one's party finds. Only the same finding of every party is a joint one."""

    claim: Name
    finding: Finding
    grade: Grade | None = None
    words: Words


class Remedy(Act, frozen=True, tag="ceasefire.remedy"):
    """Say what has been done about what was found together."""

    claim: Name
    words: Words


AnyCeasefireAct = Terms | AgreeTerms | Claim | Reply | Find | Remedy


class State(StrEnum):
    ALLEGED = "alleged"
    REPLIED = "alleged_and_answered"
    DISPUTED = "disputed"  # the parties' findings differ
    FOUND = "found"  # the same finding of every party
    REMEDIED = "remedied"


class Event(StrEnum):
    REPLY = "reply"
    DIFFER = "differ"  # a finding that is not every party's
    AGREE = "agree"  # the last of equal findings
    REMEDY = "remedy"


_JUDGED: Final = {Event.REPLY: State.DISPUTED, Event.DIFFER: State.DISPUTED, Event.AGREE: State.FOUND}
TRANSITIONS: Final[Mapping[State, Mapping[Event, State]]] = {
    State.ALLEGED: {Event.REPLY: State.REPLIED, Event.DIFFER: State.ALLEGED, Event.AGREE: State.FOUND},
    State.REPLIED: {Event.REPLY: State.REPLIED, Event.DIFFER: State.REPLIED, Event.AGREE: State.FOUND},
    State.DISPUTED: _JUDGED,
    State.FOUND: {Event.REPLY: State.FOUND, Event.DIFFER: State.DISPUTED, Event.REMEDY: State.REMEDIED},
    State.REMEDIED: {Event.REMEDY: State.REMEDIED},
}


class ClaimRow(msgspec.Struct, frozen=True):
    claim: str
    terms: str
    by: str
    at_ms: int
    observed_ms: int
    category: str
    count: int
    observer: str
    sense: str
    confidence: str
    area: list[int]
    words: str
    about: str | None
    state: str
    replies: list[tuple[str, str, str]]  # (party, stance, words)
    findings: dict[str, tuple[str, str | None, str]]  # by party: finding, grade, words
    joint: str | None
    remedies: list[tuple[str, str]]


class TermsRow(msgspec.Struct, frozen=True):
    terms: str
    title: str
    by: str
    area: list[list[int]]
    from_ms: int
    until_ms: int | None
    prohibited: list[str]
    agreed_by: list[str]
    in_force: bool
    cut_off_min: int
    days: list[DayRow]  # the day that runs, then those before it, the newest first
    claims: list[ClaimRow]


class DayRow(msgspec.Struct, frozen=True):
    """One daily period's claims, counted; none of them is more than alleged by being counted."""

    terms: str
    ends_ms: int
    is_over: bool
    claims: int
    before: int  # in the period before
    by_category: dict[str, tuple[int, int]]  # this period, the period before
    by_party: dict[str, int]  # who claimed
    found: int  # of which found together


@dataclass(slots=True)
class _Claim:
    act: Claim
    said: Said
    state: State = State.ALLEGED
    replies: list[tuple[str, str, str]] = field(default_factory=list)
    findings: dict[PartyId, Find] = field(default_factory=dict)
    remedies: list[tuple[str, str]] = field(default_factory=list)

    @property
    def joint(self) -> Finding | None:
        return next(iter(self.findings.values())).finding if self.state in (State.FOUND, State.REMEDIED) else None


class Ceasefires:
    """All terms of one table, with what is claimed under them."""

    def __init__(self, charter: Charter) -> None:
        self._charter = charter
        self._terms: dict[str, tuple[Terms, Said, set[PartyId]]] = {}
        self._claims: dict[str, _Claim] = {}

    def apply(self, act: Act, said: Said) -> None:
        assert isinstance(act, AnyCeasefireAct)
        match act:
            case Terms():
                if act.until_ms is not None and act.until_ms <= act.from_ms:
                    raise OrderRefused("times", "the terms end before they begin")
                self._terms[said.name] = (act, said, {said.party})
            case AgreeTerms(terms=name):
                self._terms_of(name)[2].add(said.party)
            case Claim():
                self._terms_of(act.terms)
                if act.observed_ms > said.at_ms:
                    raise OrderRefused("time_ahead", "what is claimed was observed before it is claimed")
                if act.about is not None and act.about not in self._charter.members:
                    raise OrderRefused("unknown_party", f"{act.about!r} does not sit at this table")
                self._claims[said.name] = _Claim(act, said)
            case Reply(claim=name):
                claim = self._claim(name)
                if said.party == claim.said.party:
                    raise OrderRefused("own_claim", "who claims does not reply to it")
                claim.state = _after(claim, Event.REPLY)
                claim.replies.append((said.party, act.stance, act.words))
            case Find():
                self._find(self._claim(act.claim), act, said)
            case Remedy(claim=name, words=words):
                claim = self._claim(name)
                claim.state = _after(claim, Event.REMEDY)
                claim.remedies.append((said.party, words))

    def rows(self, now_ms: int) -> list[TermsRow]:
        """Return the terms, the newest first, each with its claims, the newest first."""
        return [
            TermsRow(
                terms=name,
                title=terms.title,
                by=said.party,
                area=[list(cell) for cell in terms.area],
                from_ms=terms.from_ms,
                until_ms=terms.until_ms,
                prohibited=list(terms.prohibited),
                agreed_by=sorted(agreed),
                in_force=agreed == set(self._charter.parties)
                and terms.from_ms <= now_ms
                and (terms.until_ms is None or now_ms < terms.until_ms),
                cut_off_min=terms.cut_off_min,
                days=self._days(name, terms, now_ms),
                claims=[_row(n, c) for n, c in reversed(self._claims.items()) if c.act.terms == name],
            )
            for name, (terms, said, agreed) in reversed(self._terms.items())
        ]

    def day(self, terms: str, ends_ms: int, now_ms: int) -> DayRow:
        """Count the claims of the day that ends at *ends_ms* by when it is said that they happened."""
        self._terms_of(terms)
        mine = [claim for claim in self._claims.values() if claim.act.terms == terms]
        now = [claim for claim in mine if ends_ms - _DAY_MS <= claim.act.observed_ms < ends_ms]
        before = [claim for claim in mine if ends_ms - 2 * _DAY_MS <= claim.act.observed_ms < ends_ms - _DAY_MS]
        counts, counts_before = (Counter(claim.act.category for claim in some) for some in (now, before))
        categories = sorted(counts.keys() | counts_before.keys())
        return DayRow(
            terms=terms,
            ends_ms=ends_ms,
            is_over=ends_ms <= now_ms,
            claims=len(now),
            before=len(before),
            by_category={category: (counts[category], counts_before[category]) for category in categories},
            by_party=dict(sorted(Counter(str(claim.said.party) for claim in now).items())),
            found=sum(claim.joint is Finding.AGREED for claim in now),
        )

    def _days(self, name: str, terms: Terms, now_ms: int) -> list[DayRow]:
        """Return the day that runs at *now_ms* and those before it that the terms reach into."""
        cut_off_ms = terms.cut_off_min * 60_000
        last = min(now_ms, now_ms if terms.until_ms is None else terms.until_ms - 1)
        ends_ms = ((last - cut_off_ms) // _DAY_MS + 1) * _DAY_MS + cut_off_ms
        ends = range(ends_ms, max(terms.from_ms, ends_ms - DAYS_SHOWN * _DAY_MS), -_DAY_MS)
        return [self.day(name, end, now_ms) for end in ends]

    def _find(self, claim: _Claim, act: Find, said: Said) -> None:
        if act.finding in (Finding.AGREED, Finding.PARTLY) and act.grade is None:
            raise OrderRefused("grade", "what is found to have happened is graded: minor, serious or very serious")
        findings = claim.findings | {said.party: act}
        same = {(find.finding, find.grade) for find in findings.values()}
        is_joint = len(same) == 1 and set(findings) == set(self._charter.parties)
        after = _after(claim, Event.AGREE if is_joint else Event.DIFFER)
        claim.state = State.DISPUTED if len(same) > 1 else after
        claim.findings = findings

    def _terms_of(self, name: str) -> tuple[Terms, Said, set[PartyId]]:
        if name not in self._terms:
            raise OrderRefused("unknown_terms", f"there are no terms {name!r} at this table")
        return self._terms[name]

    def _claim(self, name: str) -> _Claim:
        if name not in self._claims:
            raise OrderRefused("unknown_claim", f"there is no claim {name!r} at this table")
        return self._claims[name]


def _after(claim: _Claim, event: Event) -> State:
    after = TRANSITIONS[claim.state].get(event)
    if after is None:
        raise OrderRefused("state", f"a claim that is {claim.state.replace('_', ' ')} takes no {event}")
    return after


def _row(name: str, claim: _Claim) -> ClaimRow:
    act = claim.act
    return ClaimRow(
        claim=name,
        terms=act.terms,
        by=claim.said.party,
        at_ms=claim.said.at_ms,
        observed_ms=act.observed_ms,
        category=act.category,
        count=act.count,
        observer=act.observer,
        sense=act.sense,
        confidence=act.confidence,
        area=list(act.area),
        words=act.words,
        about=act.about,
        state=claim.state,
        replies=claim.replies,
        findings={str(p): (find.finding, find.grade, find.words) for p, find in claim.findings.items()},
        joint=claim.joint,
        remedies=claim.remedies,
    )
