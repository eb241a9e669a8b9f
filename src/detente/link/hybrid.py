"""A hybrid clock: orders what this node wrote after what it had seen, however wrong the clocks are.

Source: S. Kulkarni et al., Logical Physical Clocks, 2014; the bound of two seconds is ours. A peer a year ahead cannot
drag this clock along, and no message is ever refused for its time.
"""

from __future__ import annotations

from typing import Final

from detente.types import Instant, instant_ms

REMOTE_AHEAD_LIMIT_MS: Final = 2_000

Reading = tuple[int, int]
"""Milliseconds UTC, and a count within the millisecond."""


class HybridClock:
    """Reads never go back. Shared by all links of a node."""

    def __init__(self) -> None:
        self._newest: Reading = (0, 0)

    def read(self, now: Instant) -> Reading:
        """Return a reading later than every one before, and than every remote one that was believed."""
        ms = instant_ms(now)
        last_ms, count = self._newest
        self._newest = (ms, 0) if ms > last_ms else (last_ms, count + 1)
        return self._newest

    def observe(self, remote: Reading, now: Instant) -> bool:
        """Take *remote* into account; returns False, and stays unmoved, if it is over two seconds ahead of *now*."""
        if remote[0] > instant_ms(now) + REMOTE_AHEAD_LIMIT_MS:
            return False
        self._newest = max(self._newest, remote)
        return True

    def resume(self, own: Reading) -> None:
        """Go on after *own*, a reading of ours found in the record at start."""
        self._newest = max(self._newest, own)
