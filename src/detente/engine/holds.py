"""What either side holds: windows of time of which both keep every body."""

from __future__ import annotations

from detente.evidence.retention import Hold
from detente.types import PartyId
from detente.wire.messages import HoldBody


class Holds:
    """The holds in force, each under the party that placed it and its own name for it: a fold of leaves."""

    def __init__(self) -> None:
        self._placed: dict[tuple[PartyId, str], Hold] = {}

    def said(self, party: PartyId, body: HoldBody) -> None:
        """Take in what *party* says of its own hold; nobody lifts another's."""
        if body.lifted:
            self._placed.pop((party, body.hold), None)
        else:
            self._placed[party, body.hold] = Hold(body.hold, party, body.from_ms, body.to_ms)

    def find(self, party: PartyId, hold: str) -> Hold | None:
        """Return the hold in force that *party* placed under this name."""
        return self._placed.get((party, hold))

    def all(self) -> list[Hold]:
        """Return all in force."""
        return list(self._placed.values())
