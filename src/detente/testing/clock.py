"""A clock that a test moves: it drifts and jumps as told, and nothing waits for it."""

from __future__ import annotations

from dataclasses import dataclass

from detente.types import Instant

DAY_ZERO = Instant(1_795_363_200_000_000_000)
"""2026-11-22T16:00:00Z, where virtual time begins unless a test says otherwise."""


@dataclass(slots=True)
class VirtualClock:
    """One party's wall clock over a shared true time. *drift_ppm* is how much faster it runs than the truth."""

    offset_ns: int = 0
    drift_ppm: int = 0

    def at(self, true: Instant) -> Instant:
        """Return what this clock shows at the *true* instant."""
        return Instant(true + self.offset_ns + (true - DAY_ZERO) * self.drift_ppm // 1_000_000)

    def jump(self, by_ns: int) -> None:
        """Set the clock forward or, with a negative number, back."""
        self.offset_ns += by_ns
