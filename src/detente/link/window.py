"""How many bytes may be on the way: half a second of what the line carries, so that a router's queue stays short.

Both connections of a pair leave through one queue somewhere. If bulk fills it, a FLASH on the other connection waits
all the same; so each channel keeps its bytes in flight within the measured goodput, and no less than 16 KiB.
"""

from __future__ import annotations

from typing import Final

from detente.types import NS_PER_S

FLOOR_BYTES: Final = 16 * 1024
_SAMPLE_NS: Final = NS_PER_S // 10


class Window:
    """The sender's account of one channel, since it opened. Only leaves, bodies and previews are counted."""

    def __init__(self) -> None:
        self._sent = 0
        self._taken = 0
        self._goodput_bps = 0.0  # bytes a second
        self._sampled_at = 0
        self._sampled_taken = 0
        self.moved_at = 0  # elapsed at which the peer last took something

    @property
    def in_flight(self) -> int:
        """Bytes sent and not yet taken."""
        return max(0, self._sent - self._taken)

    def limit(self, rtt_ns: int) -> int:
        """How many bytes may be in flight. Without the round trip a long line would measure itself to a standstill."""
        return max(FLOOR_BYTES, int(self._goodput_bps * (0.5 + rtt_ns / NS_PER_S)))

    def is_open(self, rtt_ns: int, reserve: int = 0) -> bool:
        """Whether another frame may go; *reserve* is what a higher precedence may use beyond the limit."""
        return self.in_flight < self.limit(rtt_ns) + reserve

    def sent(self, octets: int, elapsed: int) -> None:
        """Note that a frame of *octets* bytes goes out."""
        if not self.in_flight:
            self._sampled_at, self._sampled_taken = elapsed, self._taken
        self._sent += octets

    def taken(self, total: int, elapsed: int) -> None:
        """Take in the peer's credit: *total* bytes since the channel opened. Older credits change nothing."""
        if total <= self._taken:
            return
        self._taken = total
        self._sent = max(self._sent, total)  # what was counted as lost came through after all
        self.moved_at = elapsed
        since = elapsed - self._sampled_at
        if since >= _SAMPLE_NS:
            goodput = (total - self._sampled_taken) * NS_PER_S / since
            self._goodput_bps = max(goodput, 0.8 * self._goodput_bps)
            self._sampled_at, self._sampled_taken = elapsed, total

    def forgive(self) -> None:
        """Count what is in flight as lost: the lane starts again from what the peer says it holds."""
        self._sent = self._taken
