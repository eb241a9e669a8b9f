"""A network that loses, doubles, reorders and delays frames, and lines that are cut, all from one seed.

A real connection does none of this but delay and end; a session that survives worse survives that.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from detente.types import NS_PER_MS, Instant

Line = tuple[str, str]
"""The names of two nodes, the smaller first."""


def line(a: str, b: str) -> Line:
    """Return the line between *a* and *b*."""
    return (a, b) if a < b else (b, a)


@dataclass(frozen=True)
class Faults:
    """What this network does to frames, as chances per frame, and how long a frame takes."""

    drop: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    delay_ns: int = 5 * NS_PER_MS
    jitter_ns: int = 0


class LossyNetwork:
    """Decides when copies of a frame arrive. What it does depends on the random source alone."""

    def __init__(self, source: random.Random, faults: Faults) -> None:
        self.faults = faults
        self._random = source
        self._last: dict[tuple[str, str, str], int] = {}
        self._silent: set[Line] = set()
        self._generation: dict[Line, int] = {}
        self._open: set[Line] = set()

    def arrivals(self, sender: str, receiver: str, channel: str, now: Instant) -> list[Instant]:
        """Return when copies of a frame sent at *now* arrive: none where it is lost, in order unless reordered."""
        faults, draw = self.faults, self._random.random
        way = line(sender, receiver)
        if way not in self._open or way in self._silent or (faults.drop and draw() < faults.drop):
            return []
        pipe = (sender, receiver, channel)
        times = []
        for _ in range(2 if faults.duplicate and draw() < faults.duplicate else 1):
            at = now + faults.delay_ns + (int(draw() * faults.jitter_ns) if faults.jitter_ns else 0)
            if not faults.reorder or draw() >= faults.reorder:
                at = self._last[pipe] = max(at, self._last.get(pipe, 0))
            times.append(Instant(at))
        return times

    def open(self, way: Line) -> int:
        """Connect two nodes anew; returns the connection's number, which frames on their way must match."""
        self._open.add(way)
        self._silent.discard(way)
        self._generation[way] = self._generation.get(way, 0) + 1
        return self._generation[way]

    def cut(self, way: Line) -> None:
        """End the connection: what is on its way never arrives."""
        self._open.discard(way)
        self._generation[way] = self._generation.get(way, 0) + 1

    def swallow(self, way: Line) -> None:
        """Let frames vanish without a word until the line is opened anew: a black hole."""
        self._silent.add(way)

    def generation(self, way: Line) -> int:
        """The number of the newest connection."""
        return self._generation.get(way, 0)

    def is_open(self, way: Line) -> bool:
        """Whether there is a connection, even if it swallows all."""
        return way in self._open
