"""What our side did about an alert and owes to a peer, so that the peer hears of it all the same.

A desk paints faster than a disk writes, and an aircraft may turn out to be a peer's own only while its alert stands:
then there is no leaf yet that the peer could be pointed to, and what was done waits for the first one. So does what
could not be said, as while a log is frozen.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from detente.evidence.leaf import Kind
from detente.types import PartyId
from detente.wire.messages import AckBody, DisplayedBody, EscalationBody, StandDownBody

Act = AckBody | DisplayedBody | EscalationBody | StandDownBody
"""What is said about a subject."""


@dataclass(frozen=True, slots=True)
class Done:
    """One act of our side, by a seat or by the node itself; of two the one with the higher number came later."""

    number: int
    kind: Kind
    body: Act
    by: str


@dataclass(slots=True)
class _OfRow:
    newest: dict[Kind, Done] = field(default_factory=dict)
    told: dict[PartyId, dict[Kind, int]] = field(default_factory=dict)  # number of the newest that a peer was told
    known_from: dict[PartyId, int] = field(default_factory=dict)  # number of the first done when it knew of the alert

    def owed(self, party: PartyId) -> list[Done]:
        told = self.told.setdefault(party, {})
        return sorted(
            (done for done in self.newest.values() if told.get(done.kind, 0) < done.number), key=lambda one: one.number
        )


class Doings:
    """The newest of each kind that was done about each row, and which peers were told."""

    def __init__(self) -> None:
        self._rows: dict[str, _OfRow] = {}
        self._count = 0

    def did(
        self, row: str, kind: Kind, body: Act, by: str, *, known_to: Iterable[PartyId], told: Iterable[PartyId]
    ) -> None:
        """Note what our side did about *row*, which peers knew of the alert then, and which have been told."""
        of_row = self._rows.setdefault(row, _OfRow())
        known = of_row.newest.get(kind)
        if known is None or _is_news(body, known.body):
            self._count += 1
            of_row.newest[kind] = Done(self._count, kind, body, by)
        for party in known_to:
            of_row.known_from.setdefault(party, of_row.newest[kind].number)
        for party in told:
            self.told(row, party, of_row.newest[kind])

    def told(self, row: str, party: PartyId, done: Done) -> None:
        """Note that *party* has been told what was *done* about *row*."""
        self._rows[row].told.setdefault(party, {})[done.kind] = done.number

    def names(self) -> list[str]:
        """Return the rows about which anything was done."""
        return list(self._rows)

    def owed(self, row: str, parties: Collection[PartyId]) -> list[tuple[PartyId, Done]]:
        """Return what *parties* have not been told of *row*, oldest first."""
        return [(party, done) for party in parties for done in self._rows[row].owed(party)]

    def was_known(self, row: str, party: PartyId, done: Done) -> bool:
        """Whether *party* knew of the alert when that was done."""
        first = self._rows[row].known_from.get(party)
        return first is not None and done.number >= first

    def joined(self, row: str, other: str) -> None:
        """Let what was done about *other* be about *row*, for the two turned out to be one event. The first stands."""
        of_other = self._rows.pop(other, None)
        if of_other is None:
            return
        of_row = self._rows.setdefault(row, _OfRow())
        for kind, done in of_other.newest.items():
            of_row.newest[kind] = min(done, of_row.newest.get(kind, done), key=lambda one: one.number)
        for party, told in of_other.told.items():
            known = of_row.told.setdefault(party, {})
            known.update({kind: max(number, known.get(kind, 0)) for kind, number in told.items()})
        for party, first in of_other.known_from.items():
            of_row.known_from[party] = min(first, of_row.known_from.get(party, first))

    def forget(self, row: str) -> None:
        """Forget a row that stands at the desk no longer."""
        self._rows.pop(row, None)


def _is_news(body: Act, known: Act) -> bool:
    """Whether *body* says more than *known* did: what was seen once stays seen, and a ladder goes up."""
    match body, known:
        case EscalationBody(), EscalationBody():
            return body.rung > known.rung
        case StandDownBody(), StandDownBody():
            return body.reason != known.reason
    return False
