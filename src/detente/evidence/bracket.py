"""When a leaf can have been written: not before what it says it has seen, not after the other side says it held it.

A writer's own clock proves nothing against its reader, nor the reader's against its writer. But a leaf that names a
root of the other side's log was written after the last leaf under that root, and a leaf that the other side receipted,
or named in a leaf of its own, was written before that. Both bounds are by the *other* side's clock.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from detente.evidence.keys import origin, parse_origin
from detente.evidence.leaf import Lane
from detente.evidence.run import Said


@dataclass(frozen=True)
class Bound:
    """An instant, milliseconds since 1970 UTC by the other side's clock, and what shows it."""

    at_ms: int
    shown_by: str


@dataclass
class LogTimes:
    """What one log says of time. *written_ms* counts from leaf *start*; -1 is a leaf that cannot be read."""

    start: int
    written_ms: list[int] = field(default_factory=list)
    seen: list[tuple[int, str, int]] = field(default_factory=list)
    """(index, the other log's origin, its size) in order of index."""
    receipts: list[tuple[int, int]] = field(default_factory=list)
    """(size, seconds since 1970 UTC)."""

    def at(self, index: int) -> int | None:
        """When leaf *index* was written, if it is in the dossier."""
        at = index - self.start
        return self.written_ms[at] if 0 <= at < len(self.written_ms) and self.written_ms[at] >= 0 else None


def leaf_of(log: str, index: int) -> str:
    """Return how a report names a leaf: ``bravo.example's ops leaf 2``."""
    parts = parse_origin(log)
    return f"{parts.writer.removesuffix('/detente')}'s {parts.lane} leaf {index}"


def other_log(log: str, lane: Lane) -> str:
    """Return the origin of the log of *lane* in which the reader of *log* answers."""
    mine = parse_origin(log)
    return origin(mine.reader, mine.writer, lane, mine.epoch)


def in_order(said: Iterable[Said], logs: Mapping[str, LogTimes]) -> list[Said]:
    """Return leaves in the order of the record: what a leaf has seen stands before it, then hybrid clocks, then logs.

    A clock alone would put a leaf that was dated back before those it answers.
    """
    waiting: dict[str, deque[Said]] = {}
    for each in sorted(said, key=lambda each: (each.log, each.index)):
        waiting.setdefault(each.log, deque()).append(each)
    needs: dict[tuple[str, int], list[tuple[str, int]]] = {}
    for name, times in logs.items():
        for index, other, size in times.seen:
            needs.setdefault((name, index), []).append((other, size))

    def is_ready(each: Said) -> bool:
        return all(
            other not in waiting or waiting[other][0].index >= size
            for other, size in needs.get((each.log, each.index), ())
        )

    ordered = []
    while waiting:
        first = [leaves[0] for leaves in waiting.values()]
        # Leaves that name each other in a circle were never written so: they come as their clocks say.
        chosen = min(filter(is_ready, first), key=_clock, default=None) or min(first, key=_clock)
        ordered.append(chosen)
        waiting[chosen.log].popleft()
        if not waiting[chosen.log]:
            del waiting[chosen.log]
    return ordered


def _clock(said: Said) -> tuple[tuple[int, int], str, int]:
    return said.hlc, said.log, said.index


class Brackets:
    """Bounds for each leaf of a dossier, from the times of all its logs by origin."""

    def __init__(self, logs: Mapping[str, LogTimes]) -> None:
        self._after = {name: _earliest(name, times, logs) for name, times in logs.items()}
        held: dict[str, list[tuple[int, Bound]]] = {name: _receipted(name, times) for name, times in logs.items()}
        for name, times in logs.items():
            for index, other, size in times.seen:
                at = times.at(index)
                if other in held and at is not None:
                    held[other].append((size, Bound(at, f"{leaf_of(name, index)} names it")))
        self._before = {name: _latest(bounds) for name, bounds in held.items()}

    def not_before(self, said: Said) -> Bound | None:
        """Return the earliest that the leaf can have been written, None where nothing bounds it."""
        indices, bounds = self._after.get(said.log, ([], []))
        at = bisect_right(indices, said.index)
        return bounds[at - 1] if at else None

    def not_after(self, said: Said) -> Bound | None:
        """Return the latest that the leaf can have been written, None where nothing bounds it."""
        sizes, bounds = self._before.get(said.log, ([], []))
        at = bisect_right(sizes, said.index)
        return bounds[at] if at < len(bounds) else None


def _receipted(name: str, times: LogTimes) -> list[tuple[int, Bound]]:
    reader = parse_origin(name).reader
    # A receipt says a whole second: it was given before the next one.
    return [(size, Bound(at_s * 1000 + 999, f"receipt of {reader} for {size}")) for size, at_s in times.receipts]


def _earliest(name: str, times: LogTimes, logs: Mapping[str, LogTimes]) -> tuple[list[int], list[Bound]]:
    """Indices from which on a bound holds, and the bounds: each leaf is later than all before it in its log."""
    indices: list[int] = []
    bounds: list[Bound] = []
    for index, other, size in times.seen:
        at = logs[other].at(size - 1) if other in logs and size else None
        if at is not None and (not bounds or at > bounds[-1].at_ms):
            indices.append(index)
            bounds.append(Bound(at, f"{leaf_of(name, index)} names {leaf_of(other, size - 1)}"))
    return indices, bounds


def _latest(held: Sequence[tuple[int, Bound]]) -> tuple[list[int], list[Bound]]:
    """Sizes up to which a bound holds, and the bounds: the earliest of all that cover a leaf."""
    sizes: list[int] = []
    bounds: list[Bound] = []
    for size, bound in sorted(held, key=lambda each: -each[0]):
        if bounds and bound.at_ms >= bounds[-1].at_ms:
            continue
        if sizes and sizes[-1] == size:
            bounds[-1] = bound
            continue
        sizes.append(size)
        bounds.append(bound)
    return sizes[::-1], bounds[::-1]
