"""How many bytes may be on the way: half a second of what the line carries, so that a router's queue stays short.

Both connections of a pair leave through one queue somewhere. If bulk fills it, a FLASH on the other connection waits
all the same. So there is one window for both, within the measured goodput, and no less than 16 KiB. The round trip it
allows for is the quickest since the connection opened: one that includes our own queue would let the queue grow.
"""

from __future__ import annotations

from typing import Final

from detente.types import NS_PER_S

FLOOR_BYTES: Final = 16 * 1024
_SAMPLE_NS: Final = NS_PER_S // 2


class Window:
    """The sender's account of leaves, bodies and previews on the way to one peer. *elapsed* is in nanoseconds."""

    def __init__(self) -> None:
        self.in_flight = 0
        self._goodput_bps = 0.0  # bytes a second
        self._sampled_at = 0
        self._sampled = 0
        self._again_at = 0
        self._again = 0.0  # bytes that may be sent again now

    def limit(self, rtt_ns: int) -> int:
        """How many bytes may be in flight. Without the round trip a long line would measure itself to a standstill."""
        return max(FLOOR_BYTES, int(self._goodput_bps * (0.5 + rtt_ns / NS_PER_S)))

    def frame_bytes(self, least: int, most: int, within_ns: int) -> int:
        """How long a frame may be to be through the line within so many nanoseconds; *least* before any measure."""
        return max(least, min(most, int(self._goodput_bps * within_ns / NS_PER_S)))

    def is_open(self, rtt_ns: int, reserve: int = 0) -> bool:
        """Whether another frame may go; *reserve* is what a higher precedence may use beyond the limit."""
        return self.in_flight < self.limit(rtt_ns) + reserve

    def is_open_again(self, elapsed: int, share: float) -> bool:
        """Whether bytes that the peer had before may go: *share* of what the line carries, so that news goes first."""
        rate = share * max(self._goodput_bps, FLOOR_BYTES)
        self._again = min(FLOOR_BYTES, self._again + (elapsed - self._again_at) * rate / NS_PER_S)
        self._again_at = elapsed
        return self._again > 0

    def sent(self, octets: int, elapsed: int, *, is_again: bool = False) -> None:
        """Note that *octets* bytes go out; *is_again*: which the peer had before."""
        if is_again:
            self._again -= octets
        if not self.in_flight:
            self._sampled_at, self._sampled = elapsed, 0
        self.in_flight += octets

    def taken(self, octets: int, elapsed: int) -> None:
        """Note that the peer took *octets* more, and measure."""
        self.lost(octets)
        self._sampled += octets
        since = elapsed - self._sampled_at
        if since >= _SAMPLE_NS:
            self._goodput_bps = max(self._sampled * NS_PER_S / since, 0.8 * self._goodput_bps)
            self._sampled_at, self._sampled = elapsed, 0

    def lost(self, octets: int) -> None:
        """Note that *octets* are on the way no more."""
        self.in_flight = max(0, self.in_flight - octets)
