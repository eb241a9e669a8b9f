"""Decisions of a summit, followed up: each party has its own part of each, and no party marks its own homework.

A part is assigned to a seat with a due date, claimed done with evidence, and then confirmed or disputed by every other
party. A decision is closed when every part is confirmed by everybody else: "done" on one side's word is impossible, and
a dispute stays visible until who raised it confirms. Overdue is computed, never typed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from detente.coordination.act import Act, Key, Ms, Name, Party, Said, Seat, Title, Words
from detente.coordination.charter import Charter
from detente.errors import OrderRefused
from detente.types import PartyId

DECISIONS_LIMIT: Final = 64
EVIDENCE_LIMIT: Final = 32


class Decided(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing that a summit decided."""

    key: Key
    text: Words
    due_ms: Ms | None = None


class RecordSummit(Act, frozen=True, tag="decision.summit"):
    """Put on record what a summit decided. It stands as agreed when every other party has adopted the same words."""

    title: Title
    held_ms: Ms
    place: Title
    decisions: Annotated[tuple[Decided, ...], Meta(min_length=1, max_length=DECISIONS_LIMIT)]


class Adopt(Act, frozen=True, tag="decision.adopt"):
    """Say that these are the decisions; or, with words, how one remembers them."""

    summit: Name
    objection: Words | None = None


class Assign(Act, frozen=True, tag="decision.assign"):
    """Give one's own part of a decision to a seat."""

    summit: Name
    decision: Key
    seat: Seat
    due_ms: Ms


class Report(Act, frozen=True, tag="decision.progress"):
    summit: Name
    decision: Key
    words: Words


class ClaimDone(Act, frozen=True, tag="decision.claim_done"):
    """Say that one's own part is done, and by what it can be seen."""

    summit: Name
    decision: Key
    words: Words
    evidence: Annotated[tuple[Words, ...], Meta(max_length=EVIDENCE_LIMIT)] = ()


class Confirm(Act, frozen=True, tag="decision.confirm"):
    """Confirm another party's part."""

    summit: Name
    decision: Key
    party: Party


class Dispute(Act, frozen=True, tag="decision.dispute"):
    """Dispute that another party's part is done."""

    summit: Name
    decision: Key
    party: Party
    reason: Words


AnyDecisionAct = RecordSummit | Adopt | Assign | Report | ClaimDone | Confirm | Dispute


class State(StrEnum):
    """How one party's part of a decision stands."""

    ADOPTED = "adopted"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    CLAIMED = "claimed_done"
    DISPUTED = "disputed"
    CONFIRMED = "confirmed"


class Event(StrEnum):
    ASSIGN = "assign"
    PROGRESS = "progress"
    CLAIM = "claim"
    DISPUTE = "dispute"
    CONFIRM = "confirm"  # by the last of the others


TRANSITIONS: Final[Mapping[State, Mapping[Event, State]]] = {
    State.ADOPTED: {Event.ASSIGN: State.ASSIGNED},
    State.ASSIGNED: {
        Event.ASSIGN: State.ASSIGNED,
        Event.PROGRESS: State.IN_PROGRESS,
        Event.CLAIM: State.CLAIMED,
    },
    State.IN_PROGRESS: {
        Event.ASSIGN: State.IN_PROGRESS,
        Event.PROGRESS: State.IN_PROGRESS,
        Event.CLAIM: State.CLAIMED,
    },
    State.CLAIMED: {Event.CLAIM: State.CLAIMED, Event.DISPUTE: State.DISPUTED, Event.CONFIRM: State.CONFIRMED},
    State.DISPUTED: {
        Event.PROGRESS: State.DISPUTED,
        Event.CLAIM: State.DISPUTED,
        Event.DISPUTE: State.DISPUTED,
        Event.CONFIRM: State.CONFIRMED,
    },
    State.CONFIRMED: {},
}


class PartRow(msgspec.Struct, frozen=True):
    party: str
    seat: str
    state: str
    due_ms: int | None
    overdue: bool
    progress: str
    claim: str
    evidence: list[str]
    claimed_at_ms: int | None
    confirmed_by: list[str]
    disputed_by: dict[str, str]  # by whom, and why


class DecisionRow(msgspec.Struct, frozen=True):
    summit: str
    decision: str
    text: str
    closed: bool
    parts: list[PartRow]


class SummitRow(msgspec.Struct, frozen=True):
    summit: str
    title: str
    place: str
    held_ms: int
    by: str
    adopted_by: list[str]
    objections: dict[str, str]
    decisions: list[DecisionRow]


@dataclass(slots=True)
class _Part:
    state: State = State.ADOPTED
    seat: str = ""
    due_ms: int | None = None
    progress: str = ""
    claim: ClaimDone | None = None
    claimed_at_ms: int | None = None
    confirmed: set[PartyId] = field(default_factory=set)
    disputed: dict[PartyId, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Summit:
    recorded: RecordSummit
    said: Said
    adopted: set[PartyId]
    objections: dict[PartyId, str]
    parts: dict[tuple[str, PartyId], _Part]


class Decisions:
    """All summits of one table and what became of their decisions."""

    def __init__(self, charter: Charter) -> None:
        self._charter = charter
        self._summits: dict[str, _Summit] = {}

    def apply(self, act: Act, said: Said) -> None:
        assert isinstance(act, AnyDecisionAct)
        match act:
            case RecordSummit(decisions=decisions, held_ms=held_ms):
                keys = [decided.key for decided in decisions]
                if len(set(keys)) != len(keys):
                    raise OrderRefused("decisions", "a decision's key stands twice")
                if held_ms > said.at_ms:
                    raise OrderRefused("time_ahead", "a summit is recorded after it was held")
                parts = {(key, party): _Part() for key in keys for party in self._charter.parties}
                self._summits[said.name] = _Summit(act, said, {said.party}, {}, parts)
            case Adopt(summit=name, objection=objection):
                summit = self._summit(name)
                (summit.adopted.discard if objection else summit.adopted.add)(said.party)
                summit.objections.pop(said.party, None)
                if objection:
                    summit.objections[said.party] = objection
            case Confirm() | Dispute():
                self._judge(act, said)
            case _:
                self._do(act, said)

    def rows(self, now_ms: int) -> list[SummitRow]:
        """Return every summit, the newest first."""
        return [self._row(name, summit, now_ms) for name, summit in reversed(self._summits.items())]

    def _do(self, act: Assign | Report | ClaimDone, said: Said) -> None:
        """A party acts on its own part."""
        summit = self._summit(act.summit)
        part = self._part(summit, act.decision, said.party)
        if said.party not in summit.adopted:
            raise OrderRefused("not_adopted", f"{said.party} has not adopted the decisions of {act.summit}")
        match act:
            case Assign(seat=seat, due_ms=due_ms):
                part.state = _after(part, Event.ASSIGN)
                part.seat, part.due_ms = seat, due_ms
            case Report(words=words):
                part.state = _after(part, Event.PROGRESS)
                part.progress = words
            case ClaimDone():
                part.state = _after(part, Event.CLAIM)
                part.claim, part.claimed_at_ms = act, said.at_ms
                # A new claim is judged anew; what was disputed stays so until who disputed it says otherwise.
                part.confirmed.clear()

    def _judge(self, act: Confirm | Dispute, said: Said) -> None:
        """A party judges another's part."""
        part = self._part(self._summit(act.summit), act.decision, PartyId(act.party))
        if act.party == said.party:
            raise OrderRefused("own_part", f"{said.party} cannot judge its own part; the others do")
        if part.state not in (State.CLAIMED, State.DISPUTED):
            raise OrderRefused("state", f"{act.party} has not claimed this to be done")
        if isinstance(act, Dispute):
            part.state = _after(part, Event.DISPUTE)
            part.disputed[said.party] = act.reason
            part.confirmed.discard(said.party)
            return
        part.disputed.pop(said.party, None)
        part.confirmed.add(said.party)
        if part.confirmed == set(self._charter.parties) - {PartyId(act.party)}:
            part.state = _after(part, Event.CONFIRM)
        elif not part.disputed:
            part.state = State.CLAIMED

    def _summit(self, name: str) -> _Summit:
        if name not in self._summits:
            raise OrderRefused("unknown_summit", f"there is no summit {name!r} on record at this table")
        return self._summits[name]

    @staticmethod
    def _part(summit: _Summit, decision: str, party: PartyId) -> _Part:
        part = summit.parts.get((decision, party))
        if part is None:
            raise OrderRefused("unknown_decision", f"{summit.said.name} has no decision {decision!r} for {party}")
        return part

    def _row(self, name: str, summit: _Summit, now_ms: int) -> SummitRow:
        said = summit.recorded
        return SummitRow(
            summit=name,
            title=said.title,
            place=said.place,
            held_ms=said.held_ms,
            by=summit.said.party,
            adopted_by=sorted(summit.adopted),
            objections={str(party): words for party, words in summit.objections.items()},
            decisions=[
                DecisionRow(
                    summit=name,
                    decision=decided.key,
                    text=decided.text,
                    closed=all(summit.parts[decided.key, p].state is State.CONFIRMED for p in self._charter.parties),
                    parts=[_part_row(p, summit.parts[decided.key, p], decided, now_ms) for p in self._charter.parties],
                )
                for decided in said.decisions
            ],
        )


def _part_row(party: PartyId, part: _Part, decided: Decided, now_ms: int) -> PartRow:
    due_ms = part.due_ms if part.due_ms is not None else decided.due_ms
    is_done = part.state in (State.CLAIMED, State.CONFIRMED)
    return PartRow(
        party=party,
        seat=part.seat,
        state=part.state,
        due_ms=due_ms,
        overdue=due_ms is not None and now_ms > due_ms and not is_done,
        progress=part.progress,
        claim="" if part.claim is None else part.claim.words,
        evidence=[] if part.claim is None else list(part.claim.evidence),
        claimed_at_ms=part.claimed_at_ms,
        confirmed_by=sorted(part.confirmed),
        disputed_by={str(by): why for by, why in part.disputed.items()},
    )


def _after(part: _Part, event: Event) -> State:
    after = TRANSITIONS[part.state].get(event)
    if after is None:
        raise OrderRefused("state", f"a part that is {part.state.replace('_', ' ')} takes no {event}")
    return after


def open_parts(rows: Sequence[SummitRow]) -> list[tuple[SummitRow, DecisionRow, PartRow]]:
    """Return what is still to be done, by due date; what has none comes last."""
    found = [
        (summit, decision, part)
        for summit in rows
        for decision in summit.decisions
        for part in decision.parts
        if part.state != State.CONFIRMED
    ]
    return sorted(found, key=lambda one: (one[2].due_ms is None, one[2].due_ms or 0, one[1].decision, one[2].party))
