"""What looks as if a peer were searching for what it is not told: for our own desk, never sent.

A peer can ask in two ways. It can declare an activity that names an aircraft which is withheld from it: that has no
answer. And it can report an aircraft of its own that nobody else sees, and read whether it is warned: that has the
answer of any warning, in bands, because such an aircraft may be real and a warning kept back may kill. One is no
search; many in a while are, and each stands in the record under the peer's own signature.

Pure: who asked, what and when are arguments. Source: threat-model.md, row 46.
"""

from __future__ import annotations

from typing import Final

from detente.types import NS_PER_S, Instant, PartyId

WINDOW_NS: Final = 600 * NS_PER_S

WARNINGS: Final = 5
"""So many warnings in one window about aircraft withheld from a peer, with ones that it alone reports, are a search."""

KEPT: Final = 256
"""Questions of each kind and peer that are remembered; the oldest goes. The count shown then says at least so many."""


class Probing:
    """The questions of all peers in the last ten minutes."""

    def __init__(self) -> None:
        self._named: dict[PartyId, dict[str, Instant]] = {}  # activity → when
        self._warned: dict[PartyId, dict[str, Instant]] = {}  # alert → when it was told first

    def named(self, peer: PartyId, activity: str, now: Instant) -> None:
        """Note that an *activity* of *peer* names an aircraft that is not told to it exactly."""
        _note(self._named.setdefault(peer, {}), activity, now)

    def warned(self, peer: PartyId, alert: str, now: Instant) -> None:
        """Note that *peer* was warned in bands, with an aircraft that it alone reports."""
        _note(self._warned.setdefault(peer, {}), alert, now)

    def lines(self, now: Instant) -> list[str]:
        """Return a line for each peer and kind of question."""
        lines = []
        for peer, asked in self._named.items():
            if n := _count(asked, now):
                lines.append(
                    f"{peer} names aircraft that are withheld from it in {_at_least(n)} of its own activities: "
                    "whether they keep to them is not told"
                )
        for peer, asked in self._warned.items():
            if (n := _count(asked, now)) >= WARNINGS:
                lines.append(
                    f"{peer}: {_at_least(n)} warnings in ten minutes about traffic withheld from it, "
                    "with aircraft that it alone reports: this looks like a search"
                )
        return lines


def _note(asked: dict[str, Instant], what: str, now: Instant) -> None:
    asked.setdefault(what, now)
    if len(asked) > KEPT:
        del asked[next(iter(asked))]


def _count(asked: dict[str, Instant], now: Instant) -> int:
    for what in [what for what, at in asked.items() if now - at >= WINDOW_NS]:
        del asked[what]
    return len(asked)


def _at_least(n: int) -> str:
    return f"{n} or more" if n >= KEPT else str(n)
