"""How much one peer may say: a token bucket a lane, and one of bytes for all lanes.

At a quota reading stops: frames wait, no credit is given for them, and the peer's window closes. Nothing is dropped,
because what waits stands in the peer's log.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from detente.evidence.leaf import Lane
from detente.link.frames import Bodies, Chunk, Leaves, Preview, Unlogged
from detente.types import NS_PER_S

_DAY_S: Final = 86_400

Counted = Leaves | Chunk | Bodies | Preview | Unlogged
"""What a peer's log costs us."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many a second, and so many at once after a silence."""

    per_s: float
    burst: float


def a_day(octets: int) -> Allowance:
    """Return the allowance of so many bytes a day, of which all may come at once."""
    return Allowance(octets / _DAY_S, octets)


class Bucket:
    """A token bucket that may go into debt by what was taken at once. *elapsed* is in nanoseconds."""

    def __init__(self, allowance: Allowance) -> None:
        self.allowance = allowance
        self._level = float(allowance.burst)
        self._at = 0
        self.held_ns = 0  # how long it was empty, in all

    def refill(self, elapsed: int) -> None:
        """Let time pass. What was granted beyond the burst stays."""
        passed = elapsed - self._at
        if not passed:
            return
        self._at = elapsed
        if self._level < 1.0:
            self.held_ns += passed
        if self._level < self.allowance.burst:
            self._level = min(self.allowance.burst, self._level + passed * self.allowance.per_s / NS_PER_S)

    def accrued(self, since: int) -> int:
        """Return how much comes in the time *since*, in nanoseconds, without the cap."""
        return int(since * self.allowance.per_s / NS_PER_S)

    def grant(self, count: float) -> None:
        """Allow *count* more, once."""
        self._level += max(0.0, count)

    def spend(self, count: float) -> None:
        """Note that *count* were taken."""
        self._level -= count

    @property
    def is_open(self) -> bool:
        """Whether one more may be taken."""
        return self._level >= 1.0

    @property
    def left(self) -> int:
        """How many may be taken at once now."""
        return max(0, int(self._level))

    @property
    def used(self) -> float:
        """The share of the burst that is used up, 0 to 1."""
        return min(1.0, max(0.0, 1.0 - self._level / self.allowance.burst))


class Intake:
    """What one peer may make us take in: frames of a lane that is over its quota wait here, in their order."""

    def __init__(self, quotas: dict[Lane, Allowance], day_bytes: int) -> None:
        self.lanes = {lane: Bucket(allowance) for lane, allowance in quotas.items()}
        self.octets = Bucket(a_day(day_bytes))
        self._buckets = (*self.lanes.values(), self.octets)
        self.taken = dict.fromkeys(quotas, 0)  # leaves and previews since the connection opened
        self._waiting: dict[Lane, deque[tuple[int, Counted]]] = {lane: deque() for lane in quotas}
        self._waiting_bytes: dict[Lane, int] = dict.fromkeys(quotas, 0)

    def refill(self, elapsed: int) -> None:
        """Let time pass."""
        for bucket in self._buckets:
            bucket.refill(elapsed)

    def takes(self, frame: Counted) -> bool:
        """Whether *frame* may be taken now: its lane has quota left and nothing of the lane waits before it."""
        if self._waiting[frame.lane]:
            return False
        # A body is charged by its bytes alone: its leaf pays for the lane.
        return isinstance(frame, Chunk | Bodies) or self._is_open(frame.lane)

    def _is_open(self, lane: Lane) -> bool:
        # FLASH is a few bytes and the reason for it all: it does not wait for what tracks have used up.
        return self.lanes[lane].is_open and (lane is Lane.FLASH or self.octets.is_open)

    def spend(self, frame: Counted, size: int, new: Callable[[int, int], int]) -> None:
        """Charge for *frame* of *size* bytes. *new*: how many of so many leaves from an index on we do not know yet.

        A leaf that we hold or were shown costs nothing more.
        """
        self.octets.spend(size)
        if isinstance(frame, Leaves):
            self.taken[frame.lane] += len(frame.leaves)
            self.lanes[frame.lane].spend(new(frame.start, len(frame.leaves)))
        elif isinstance(frame, Preview | Unlogged):
            self.taken[frame.lane] += 1
            self.lanes[frame.lane].spend(1)

    def wait(self, frame: Counted, size: int) -> int:
        """Let *frame* wait; returns how many bytes wait now, in all lanes."""
        self._waiting[frame.lane].append((size, frame))
        self._waiting_bytes[frame.lane] += size
        return sum(self._waiting_bytes.values())

    def due(self, lane: Lane) -> tuple[int, Counted] | None:
        """Return the next frame of *lane* that may be taken now, with its size; None while none may."""
        waiting = self._waiting[lane]
        if not waiting or not (isinstance(waiting[0][1], Chunk | Bodies) or self._is_open(lane)):
            return None
        size, frame = waiting.popleft()
        self._waiting_bytes[lane] -= size
        return size, frame

    def forget(self, lane: Lane) -> None:
        """Drop what waits of *lane*: its connection is gone, and the peer's log has it."""
        self.taken[lane] = 0
        self._waiting[lane].clear()
        self._waiting_bytes[lane] = 0

    def left(self, lane: Lane) -> int:
        """How many leaves of *lane* would be taken at once now."""
        return self.lanes[lane].left if self._is_open(lane) else 0
