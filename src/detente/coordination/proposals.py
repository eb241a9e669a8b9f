"""Proposals on the table: texts in versions, details to be settled, signatures by seat; silence is never acceptance.

A proposal is *in force* when every seat that the charter names has signed the newest version, for every party, while
no required detail is open. A new version takes every signature away. A reciprocal offer ("if you, then we") is one
proposal with a promise of each party: both take effect by the last signature, and lapse together.

Who acts first is settled by what each had seen, not by clocks: a withdrawal or a new version that was written before
its writer had the last signature holds, so nobody is bound to what they had already taken back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from detente.coordination.act import Act, Digest, Document, Key, Ms, Name, Party, Said, Title, Words, digest_of
from detente.coordination.changes import changes
from detente.coordination.charter import Charter
from detente.coordination.plan import Kind, Plan, check_plan
from detente.errors import OrderRefused
from detente.types import PartyId, Role

Stance = Literal["open", "agreed", "disputed"]

VERSIONS_LIMIT: Final = 200
DETAILS_LIMIT: Final = 64
ACTIVITIES_LIMIT: Final = 16


class Detail(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One line of the checklist."""

    key: Key
    title: Title
    required: bool = True


class Version(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One wording, whole: its digest is what people sign."""

    text: Document
    details: Annotated[tuple[Detail, ...], Meta(max_length=DETAILS_LIMIT)] = ()
    promises: dict[Party, Words] = {}  # a reciprocal offer: what each party will do
    activities: Annotated[tuple[Plan, ...], Meta(max_length=ACTIVITIES_LIMIT)] = ()  # of a joint operation

    @property
    def digest(self) -> str:
        return digest_of(msgspec.json.encode(self, order="sorted").decode())


class TableProposal(Act, frozen=True, tag="proposal.table"):
    """Put a proposal on the table; it is called by the name of this statement."""

    title: Title
    version: Version
    answer_by_ms: Ms | None = None  # silence until then is recorded as not answered, and nothing else
    expires_at_ms: Ms | None = None


class Counter(Act, frozen=True, tag="proposal.counter"):
    """Put a new version beside the newest one. It takes away every signature."""

    proposal: Name
    after: Annotated[int, Meta(ge=1, le=VERSIONS_LIMIT)]  # the version it answers: the newest the writer saw
    version: Version


class SettleDetail(Act, frozen=True, tag="proposal.detail"):
    """Say how this party stands to one detail of the newest version."""

    proposal: Name
    number: Annotated[int, Meta(ge=1, le=VERSIONS_LIMIT)]
    detail: Key
    stance: Stance
    words: Words | None = None


class Sign(Act, frozen=True, tag="proposal.sign"):
    """Sign the newest version for one's seat. *digest* is what the signer was shown."""

    proposal: Name
    number: Annotated[int, Meta(ge=1, le=VERSIONS_LIMIT)]
    digest: Digest


class Decline(Act, frozen=True, tag="proposal.decline"):
    proposal: Name
    reason: Words


class Withdraw(Act, frozen=True, tag="proposal.withdraw"):
    """Take back one's own proposal, before it is in force."""

    proposal: Name
    reason: Words


class Lapse(Act, frozen=True, tag="proposal.lapse"):
    """End what is in force, for every party together."""

    proposal: Name
    reason: Words


class Complete(Act, frozen=True, tag="proposal.complete"):
    """Say that what was agreed has been done; it is completed when every party says so."""

    proposal: Name


class NotAnswered(Act, frozen=True, tag="proposal.not_answered"):
    """Put on record that a party had said nothing by the time asked for. Said by the asking party's own node."""

    proposal: Name
    party: Party


AnyProposalAct = TableProposal | Counter | SettleDetail | Sign | Decline | Withdraw | Lapse | Complete | NotAnswered
_AboutOne = Counter | SettleDetail | Sign | Decline | Withdraw | Lapse | Complete | NotAnswered


class State(StrEnum):
    TABLED = "tabled"
    UNDER_DISCUSSION = "under_discussion"
    IN_FORCE = "in_force"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    COMPLETED = "completed"
    LAPSED = "lapsed"
    EXPIRED = "expired"  # by its own time; no act says so


class Event(StrEnum):
    DISCUSS = "discuss"  # a counter-proposal, a detail, a signature that is not the last
    BIND = "bind"  # the last signature
    AMEND = "amend"  # a new version of a joint operation that is in force: it is signed anew
    DECLINE = "decline"
    WITHDRAW = "withdraw"
    LAPSE = "lapse"
    COMPLETE = "complete"


_OPEN: Final = {
    Event.DISCUSS: State.UNDER_DISCUSSION,
    Event.BIND: State.IN_FORCE,
    Event.DECLINE: State.DECLINED,
    Event.WITHDRAW: State.WITHDRAWN,
}
# It does not know who tabled it. What is missing is refused.
TRANSITIONS: Final[Mapping[State, Mapping[Event, State]]] = {
    State.TABLED: _OPEN,
    State.UNDER_DISCUSSION: _OPEN,
    State.IN_FORCE: {
        Event.AMEND: State.UNDER_DISCUSSION,
        Event.LAPSE: State.LAPSED,
        Event.COMPLETE: State.COMPLETED,
    },
    State.DECLINED: {},
    State.WITHDRAWN: {},
    State.COMPLETED: {},
    State.LAPSED: {},
    State.EXPIRED: {},
}


class SignatureRow(msgspec.Struct, frozen=True):
    party: str
    seat: str
    number: int  # of the version signed
    at_ms: int
    holds: bool  # of the newest version


class DetailRow(msgspec.Struct, frozen=True):
    key: str
    title: str
    required: bool
    stance: str  # of all parties together: agreed only if every party agrees
    stances: dict[str, str]
    words: dict[str, str]


class VersionRow(msgspec.Struct, frozen=True):
    number: int
    by: str
    seat: str
    at_ms: int
    text: str
    digest: str
    promises: dict[str, str]
    activities: list[Plan]  # of a joint operation
    changes: list[tuple[str, str]]  # against the version before, line by line: ("-" or "+" or " ", line)


class ProposalRow(msgspec.Struct, frozen=True):
    proposal: str
    title: str
    by: str
    state: str
    tabled_at_ms: int
    answer_by_ms: int | None
    expires_at_ms: int | None
    versions: list[VersionRow]
    details: list[DetailRow]
    signatures: list[SignatureRow]
    missing: list[str]  # why it is not in force, in words: open details, seats that have not signed
    answered_by: list[str]
    not_answered: list[str]  # parties of whose silence the record speaks
    reason: str
    bound_at_ms: int | None
    history: list[tuple[str, str, int]]  # (act, by whom, when)


@dataclass(slots=True)
class _Version:
    version: Version
    said: Said


@dataclass(slots=True)
class _Proposal:
    tabled: TableProposal
    said: Said
    versions: list[_Version]
    state: State = State.TABLED
    stances: dict[tuple[str, PartyId], SettleDetail] = field(default_factory=dict)
    signatures: dict[tuple[PartyId, Role], tuple[int, Said]] = field(default_factory=dict)
    completed_by: set[PartyId] = field(default_factory=set)
    answered: set[PartyId] = field(default_factory=set)
    silent: set[PartyId] = field(default_factory=set)
    bound: Said | None = None  # the last signature
    reason: str = ""
    history: list[tuple[str, str, int]] = field(default_factory=list)

    @property
    def newest(self) -> Version:
        return self.versions[-1].version

    def is_expired(self, at_ms: int) -> bool:
        expires = self.tabled.expires_at_ms
        return expires is not None and at_ms > expires and self.bound is None


class Proposals:
    """All proposals of one table."""

    def __init__(self, charter: Charter) -> None:
        self._charter = charter
        self._proposals: dict[str, _Proposal] = {}

    def apply(self, act: Act, said: Said) -> None:
        if isinstance(act, TableProposal):
            self._table(act, said)
            return
        assert isinstance(act, _AboutOne)
        it = self._proposals.get(act.proposal)
        if it is None:
            raise OrderRefused("unknown_proposal", f"there is no proposal {act.proposal!r} on this table")
        if it.is_expired(said.at_ms) and it.state in (State.TABLED, State.UNDER_DISCUSSION):
            raise OrderRefused("expired", f"{act.proposal} has expired")
        match act:
            case Counter():
                self._counter(it, act, said)
            case SettleDetail():
                self._settle(it, act, said)
            case Sign():
                self._sign(it, act, said)
            case Decline(reason=reason):
                if said.party == it.said.party:
                    raise OrderRefused("own_proposal", "one's own proposal is withdrawn, not declined")
                self._end(it, Event.DECLINE, reason, said)
            case Withdraw(reason=reason):
                if said.party != it.said.party:
                    raise OrderRefused("not_yours", f"only {it.said.party}, who tabled it, can withdraw it")
                self._end(it, Event.WITHDRAW, reason, said)
            case Lapse(reason=reason):
                it.state, it.reason = _after(it, Event.LAPSE), reason
            case Complete():
                after = _after(it, Event.COMPLETE)
                it.completed_by.add(said.party)
                if it.completed_by == set(self._charter.parties):
                    it.state = after
            case NotAnswered(party=party):
                self._note_silence(it, PartyId(party), said)
        if not isinstance(act, NotAnswered):
            it.answered.add(said.party)
        it.history.append((_tag(act), f"{said.party} {said.by}", said.at_ms))

    def due(self, own: PartyId, now_ms: int) -> Sequence[Act]:
        return [
            NotAnswered(proposal=name, party=party)
            for name, it in self._proposals.items()
            if it.said.party == own and it.state in (State.TABLED, State.UNDER_DISCUSSION)
            for party in self._charter.parties
            if self._is_silent(it, party, now_ms) and party not in it.silent
        ]

    def is_in_force(self, proposal: str) -> bool:
        """Whether *proposal* binds every party now."""
        it = self._proposals.get(proposal)
        return it is not None and it.state is State.IN_FORCE

    def state(self, proposal: str) -> State:
        """Return where *proposal*, which is on the table, stands."""
        return self._proposals[proposal].state

    def in_force(self, proposal: str) -> Version:
        """Return the wording that binds; raises OrderRefused while none does."""
        it = self._proposals.get(proposal)
        if it is None:
            raise OrderRefused("unknown_proposal", f"there is no proposal {proposal!r} on this table")
        if it.state is not State.IN_FORCE:
            raise OrderRefused(
                "not_in_force", f"{proposal} is not in force: {'; '.join(self._missing(it)) or it.state}"
            )
        return it.newest

    def rows(self, now_ms: int) -> list[ProposalRow]:
        """Return every proposal, the newest first."""
        return [self._row(name, it, now_ms) for name, it in reversed(self._proposals.items())]

    # --- the acts

    def _table(self, act: TableProposal, said: Said) -> None:
        _check_version(act.version, self._charter, said.at_ms)
        for limit in (act.answer_by_ms, act.expires_at_ms):
            if limit is not None and limit <= said.at_ms:
                raise OrderRefused("time_past", "a time to answer by, or to expire at, lies ahead")
        it = _Proposal(act, said, [_Version(act.version, said)])
        it.history.append((_tag(act), f"{said.party} {said.by}", said.at_ms))
        self._proposals[said.name] = it

    def _counter(self, it: _Proposal, act: Counter, said: Said) -> None:
        _check_version(act.version, self._charter, said.at_ms)
        if len(it.versions) >= VERSIONS_LIMIT:
            raise OrderRefused("versions", f"a proposal has at most {VERSIONS_LIMIT} versions; table a new one")
        if act.after != len(it.versions):
            raise OrderRefused(
                "version", f"version {act.after} is answered, and version {len(it.versions)} is the newest"
            )
        if it.state is State.IN_FORCE and it.bound is not None and not said.saw(it.bound):
            it.state, it.bound = (
                State.UNDER_DISCUSSION,
                None,
            )  # written before its writer could know of the last signature
        is_joint = it.state is State.IN_FORCE and bool(it.newest.activities)
        it.state = _after(it, Event.AMEND if is_joint else Event.DISCUSS)
        it.bound = None
        it.versions.append(_Version(act.version, said))
        it.signatures.clear()
        it.stances.clear()

    def _settle(self, it: _Proposal, act: SettleDetail, said: Said) -> None:
        self._check_number(it, act.number)
        if act.detail not in {detail.key for detail in it.newest.details}:
            raise OrderRefused("unknown_detail", f"version {act.number} has no detail {act.detail!r}")
        if act.stance == "disputed" and not act.words:
            raise OrderRefused("reason_missing", "say in words what is disputed")
        it.state = _after(it, Event.DISCUSS)
        it.stances[act.detail, said.party] = act

    def _sign(self, it: _Proposal, act: Sign, said: Said) -> None:
        self._check_number(it, act.number)
        if act.digest != it.newest.digest:
            raise OrderRefused("digest", "the text signed is not the text on the table")
        if said.by not in self._charter.signers:
            seats = " and ".join(self._charter.signers)
            raise OrderRefused("wrong_seat", f"at this table {seats} sign, not the {said.by} seat")
        if still_open := self._open_details(it):
            raise OrderRefused("details_open", f"details are not agreed: {', '.join(still_open)}")
        after = _after(it, Event.DISCUSS)
        it.signatures[said.party, said.by] = (act.number, said)
        it.state = after
        if not self._unsigned(it):
            it.state, it.bound = _after(it, Event.BIND), said

    def _end(self, it: _Proposal, event: Event, reason: str, said: Said) -> None:
        if it.state is State.IN_FORCE and it.bound is not None and not said.saw(it.bound):
            it.state, it.bound = (
                State.UNDER_DISCUSSION,
                None,
            )  # as for a new version: nobody is bound to what they took back
        it.state, it.reason = _after(it, event), reason

    def _note_silence(self, it: _Proposal, party: PartyId, said: Said) -> None:
        if said.party != it.said.party:
            raise OrderRefused("not_yours", f"only {it.said.party}, who asked, can put silence on record")
        if not self._is_silent(it, party, said.at_ms):
            raise OrderRefused("not_due", f"{party} has answered, or its time is not up")
        it.silent.add(party)

    # --- what stands

    def _is_silent(self, it: _Proposal, party: PartyId, at_ms: int) -> bool:
        by = it.tabled.answer_by_ms
        return by is not None and at_ms > by and party != it.said.party and party not in it.answered

    def _check_number(self, it: _Proposal, number: int) -> None:
        if number != len(it.versions):
            raise OrderRefused("version", f"version {number} is not the newest: that is {len(it.versions)}")

    def _stance(self, it: _Proposal, detail: Detail) -> Stance:
        held = [it.stances.get((detail.key, party)) for party in self._charter.parties]
        if any(one is not None and one.stance == "disputed" for one in held):
            return "disputed"
        return "agreed" if all(one is not None and one.stance == "agreed" for one in held) else "open"

    def _open_details(self, it: _Proposal) -> list[str]:
        return [d.title for d in it.newest.details if d.required and self._stance(it, d) != "agreed"]

    def _unsigned(self, it: _Proposal) -> list[tuple[PartyId, Role]]:
        wanted = [(party, seat) for party in self._charter.parties for seat in self._charter.signers]
        return [one for one in wanted if one not in it.signatures]

    def _missing(self, it: _Proposal) -> list[str]:
        if it.state not in (State.TABLED, State.UNDER_DISCUSSION):
            return []
        return [f"not agreed: {title}" for title in self._open_details(it)] + [
            f"not signed: {party}, {seat}" for party, seat in self._unsigned(it)
        ]

    def _row(self, name: str, it: _Proposal, now_ms: int) -> ProposalRow:
        is_open = it.state in (State.TABLED, State.UNDER_DISCUSSION)
        return ProposalRow(
            proposal=name,
            title=it.tabled.title,
            by=it.said.party,
            state=State.EXPIRED if is_open and it.is_expired(now_ms) else it.state,
            tabled_at_ms=it.said.at_ms,
            answer_by_ms=it.tabled.answer_by_ms,
            expires_at_ms=it.tabled.expires_at_ms,
            versions=[
                VersionRow(
                    number=i,
                    by=v.said.party,
                    seat=v.said.by,
                    at_ms=v.said.at_ms,
                    text=v.version.text,
                    digest=v.version.digest,
                    promises=v.version.promises,
                    activities=list(v.version.activities),
                    changes=[] if i == 1 else list(changes(_whole(it.versions[i - 2].version), _whole(v.version))),
                )
                for i, v in enumerate(it.versions, start=1)
            ],
            details=[self._detail_row(it, detail) for detail in it.newest.details],
            signatures=[
                SignatureRow(party, seat, number, said.at_ms, number == len(it.versions))
                for (party, seat), (number, said) in it.signatures.items()
            ],
            missing=self._missing(it),
            answered_by=sorted(it.answered),
            not_answered=sorted(it.silent),
            reason=it.reason,
            bound_at_ms=None if it.bound is None else it.bound.at_ms,
            history=it.history,
        )

    def _detail_row(self, it: _Proposal, detail: Detail) -> DetailRow:
        held = {p: it.stances[detail.key, p] for p in self._charter.parties if (detail.key, p) in it.stances}
        return DetailRow(
            key=detail.key,
            title=detail.title,
            required=detail.required,
            stance=self._stance(it, detail),
            stances={party: act.stance for party, act in held.items()},
            words={party: act.words for party, act in held.items() if act.words},
        )


def _after(it: _Proposal, event: Event) -> State:
    """Return the state after *event*; raises OrderRefused where the table has none."""
    after = TRANSITIONS[it.state].get(event)
    if after is None:
        raise OrderRefused("state", f"a proposal that is {it.state.replace('_', ' ')} takes no {event}")
    return after


def _check_version(version: Version, charter: Charter, at_ms: int) -> None:
    keys = [detail.key for detail in version.details]
    if len(set(keys)) != len(keys):
        raise OrderRefused("details", "a detail's key stands twice")
    if version.promises and set(version.promises) != set(charter.members):
        raise OrderRefused("promises", "a reciprocal offer says what each party will do, and no other's")
    for n, plan in enumerate(version.activities, 1):
        if plan.kind is not Kind.JOINT_OPERATION:
            raise OrderRefused("kind", f"activity {n}: what is agreed together is declared as a joint operation")
        try:
            check_plan(plan, at_ms, charter.district)
        except OrderRefused as wrong:
            raise OrderRefused(wrong.code, f"activity {n}: {wrong.reason}") from None


def _whole(version: Version) -> str:
    """Return a version as people compare it: its text, its details, what each party promises, its activities."""
    details = [f"[{'required' if d.required else 'optional'}] {d.key}: {d.title}" for d in version.details]
    promises = [f"{party}: {words}" for party, words in sorted(version.promises.items())]
    plans = [f"{plan.title} {plan.digest}" for plan in version.activities]
    return "\n".join([version.text, *details, *promises, *plans])


def _tag(act: Act) -> str:
    return str(act.__struct_config__.tag)
