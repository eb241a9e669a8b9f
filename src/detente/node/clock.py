"""Where the time comes from. Everything else in the project is told what time it is."""

from __future__ import annotations

import time
from typing import Protocol

from detente.types import Instant


class Clock(Protocol):
    def now(self) -> Instant: ...

    def real_s(self, duration_s: float) -> float:
        """Return how long to sleep for *duration_s* of this clock to pass, in seconds of the machine."""
        ...

    def stepped_s(self) -> float:
        """Return how far the machine's clock was set away from this one, in seconds."""
        ...


class SystemClock:
    """The machine's UTC at start, then its monotonic clock: a step of the machine's clock never moves a timer.

    `stepped_s` tells how far the machine's clock has walked away since, for the desk.
    """

    def __init__(self) -> None:
        self._epoch_ns = time.time_ns() - time.monotonic_ns()

    def now(self) -> Instant:
        return Instant(self._epoch_ns + time.monotonic_ns())

    def real_s(self, duration_s: float) -> float:
        return duration_s

    def stepped_s(self) -> float:
        return (time.time_ns() - self.now()) * 1e-9


class ScaledClock:
    """A clock that starts at *start* and runs *speed* times as fast as the machine: for scenarios, said on screen."""

    def __init__(self, start: Instant, speed: float) -> None:
        self._start, self._from_ns = start, time.monotonic_ns()
        self.speed = speed

    def now(self) -> Instant:
        return Instant(self._start + round((time.monotonic_ns() - self._from_ns) * self.speed))

    def real_s(self, duration_s: float) -> float:
        return duration_s / self.speed

    def stepped_s(self) -> float:
        return 0.0  # it follows no clock that anybody sets

    def set_speed(self, speed: float) -> None:
        """Go on from the present instant at *speed* times real time."""
        self._start, self._from_ns, self.speed = self.now(), time.monotonic_ns(), speed
