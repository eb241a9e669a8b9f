"""The arrangement of a table: in force, safety of life only, suspended, terminated; and what still flows in each.

Any party may narrow it alone, at once: nobody can be kept at a table. To widen it again takes every party, since a
promise that one side alone restores is none. Warnings and the hotline outlive even termination: people in the air are
no party to the quarrel, and somebody has to be able to say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Literal

import msgspec

from detente.coordination.act import Act, Said, Words
from detente.coordination.charter import Charter
from detente.errors import OrderRefused
from detente.types import PartyId


class State(StrEnum):
    IN_FORCE = "in_force"
    SAFETY_OF_LIFE = "safety_of_life"
    SUSPENDED = "suspended"
    TERMINATED = "terminated"


class Flow(StrEnum):
    """What can cross between the parties of a table."""

    WARNINGS = "warnings"  # alerts with their four times, and what they need of the two aircraft
    HOTLINE = "hotline"
    PICTURE = "picture"  # tracks under the release policy
    ACTIVITIES = "activities"  # declared flights, hazards, protected sites and movements
    REPORTS = "reports"
    TALKS = "talks"  # proposals, decisions, terms and findings, statements, differences


FLOWS: Final[Mapping[State, frozenset[Flow]]] = {
    State.IN_FORCE: frozenset(Flow),
    # Without the picture nobody could be warned of what only the other side sees.
    State.SAFETY_OF_LIFE: frozenset({Flow.WARNINGS, Flow.HOTLINE, Flow.PICTURE, Flow.ACTIVITIES}),
    State.SUSPENDED: frozenset({Flow.WARNINGS, Flow.HOTLINE}),
    State.TERMINATED: frozenset({Flow.WARNINGS, Flow.HOTLINE}),
}

_NARROWNESS: Final = {state: at for at, state in enumerate(State)}


class Narrow(Act, frozen=True, tag="arrangement.narrow"):
    """Declare, for one's own part and at once, that less flows from now on."""

    to: Literal["safety_of_life", "suspended", "terminated"]
    note: Words  # the note's own words; kept, and shown to everybody


class Resume(Act, frozen=True, tag="arrangement.resume"):
    """Agree that all flows again. It takes effect when every party has said so since the last note."""

    note: Words


AnyArrangementAct = Narrow | Resume


class NoteRow(msgspec.Struct, frozen=True):
    party: str
    seat: str
    at_ms: int
    to: str
    note: str


class ArrangementRow(msgspec.Struct, frozen=True):
    state: str
    since_ms: int | None
    by: str | None  # whose note brought it there
    flows: list[str]
    stopped: list[str]
    resume_agreed_by: list[str]
    notes: list[NoteRow]


class Arrangement:
    """The state of one table's arrangement."""

    def __init__(self, charter: Charter) -> None:
        self._charter = charter
        self._asked: dict[PartyId, State] = {}  # how far each party has narrowed it
        self._resuming: set[PartyId] = set()
        self._notes: list[NoteRow] = []
        self._last: Said | None = None
        self.state = State.IN_FORCE  # the narrowest that any party has declared

    def flows(self, flow: Flow) -> bool:
        return flow in FLOWS[self.state]

    def apply(self, act: Act, said: Said) -> None:
        assert isinstance(act, AnyArrangementAct)
        if self.state is State.TERMINATED:
            raise OrderRefused("terminated", "this arrangement is terminated; a new table needs a new charter")
        match act:
            case Narrow(to=to, note=note):
                asked = State(to)
                held = self._asked.get(said.party, State.IN_FORCE)
                if _NARROWNESS[asked] <= _NARROWNESS[held]:
                    raise OrderRefused("state", f"{said.party} already declared {held.replace('_', ' ')}")
                self._asked[said.party] = asked
                self._resuming.clear()
                self._notes.append(NoteRow(said.party, said.by, said.at_ms, to, note))
            case Resume(note=note):
                if not self._asked:
                    raise OrderRefused("state", "the arrangement is in force")
                self._resuming.add(said.party)
                self._notes.append(NoteRow(said.party, said.by, said.at_ms, "in_force", note))
                if self._resuming == set(self._charter.parties):
                    self._asked.clear()
                    self._resuming.clear()
        self.state = max(self._asked.values(), key=_NARROWNESS.__getitem__, default=State.IN_FORCE)
        self._last = said

    def row(self) -> ArrangementRow:
        flows = FLOWS[self.state]
        return ArrangementRow(
            state=self.state,
            since_ms=None if self._last is None else self._last.at_ms,
            by=None if self._last is None else self._last.party,
            flows=[flow for flow in Flow if flow in flows],
            stopped=[flow for flow in Flow if flow not in flows],
            resume_agreed_by=sorted(self._resuming),
            notes=self._notes,
        )
