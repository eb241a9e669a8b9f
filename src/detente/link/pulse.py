"""What the heartbeats of one channel tell: whether the peer is there, how far, and how its clock stands.

Four times a heartbeat, as NTP does it: sent there, heard here, sent here, heard there. Timers run on *elapsed* time,
which the caller keeps from going backwards; only the four times themselves are wall clock.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from detente.link.frames import Hb
from detente.types import NS_PER_S, Instant

_SAMPLES: Final = 16
_RTT_LIMIT_US: Final = 60_000_000  # more is a clock that was set between the four times


def micros(now: Instant) -> int:
    """Return *now* in whole microseconds, the unit of the four times."""
    return now // 1_000


class Pulse:
    """Both halves of the heartbeat on one channel. *elapsed* is in nanoseconds since the session began."""

    def __init__(self, interval_ns: int = NS_PER_S) -> None:
        self._interval_ns = interval_ns
        self._next_n = 0
        self._last_sent: int | None = None
        self._echo: tuple[int, int] | None = None
        self._numbers: deque[int] = deque(maxlen=_SAMPLES)
        self._samples: deque[tuple[int, int]] = deque(maxlen=_SAMPLES)  # (round trip, offset), µs
        self._heard: int | None = None
        self.quickest_ns = 0  # the least round trip since the connection opened: the line without its queues

    def opened(self) -> None:
        """Begin a new connection: numbers start again; what was measured stays."""
        self._next_n = 0
        self._last_sent = None
        self._echo = None
        self._numbers.clear()
        self.quickest_ns = 0

    def is_due(self, elapsed: int) -> bool:
        """Whether a heartbeat is to be sent."""
        return self._last_sent is None or elapsed - self._last_sent >= self._interval_ns

    def sent(self, elapsed: int) -> int:
        """Note that a heartbeat goes out; returns its number."""
        self._last_sent = elapsed
        self._next_n += 1
        return self._next_n - 1

    @property
    def echo(self) -> tuple[int, int] | None:
        """What the next heartbeat carries back."""
        return self._echo

    def heard(self, beat: Hb, now: Instant, elapsed: int) -> None:
        """Take in a heartbeat of the peer."""
        self.alive(elapsed)
        self._numbers.append(beat.n)
        self._echo = (beat.sent_us, micros(now))
        if beat.echo is None:
            return
        mine, theirs = beat.echo
        rtt = (micros(now) - mine) - (beat.sent_us - theirs)
        if 0 <= rtt <= _RTT_LIMIT_US:
            self.quickest_ns = min(self.quickest_ns or 1 << 62, rtt * 1_000)
            self._samples.append((rtt, ((theirs - mine) + (beat.sent_us - micros(now))) // 2))

    def alive(self, elapsed: int) -> None:
        """Anything heard is a sign of life."""
        self._heard = elapsed

    def missed(self, elapsed: int) -> int | None:
        """How many heartbeats in a row did not come; None if nothing was ever heard."""
        return None if self._heard is None else (elapsed - self._heard) // self._interval_ns

    @property
    def rtt_ms(self) -> float | None:
        """The newest round trip."""
        return self._samples[-1][0] / 1_000 if self._samples else None

    @property
    def rtt_p95_ms(self) -> float | None:
        """The round trip that one in twenty of the last sixteen exceeds: with so few, the longest but none."""
        return max(self._samples)[0] / 1_000 if self._samples else None

    @property
    def offset_ms(self) -> float | None:
        """How far the peer's clock is ahead of ours, by the quickest of the last sixteen round trips."""
        return min(self._samples)[1] / 1_000 if self._samples else None

    @property
    def loss(self) -> float:
        """The share of the last heartbeats, by their numbers, that did not come."""
        if not self._numbers:
            return 0.0
        expected = max(self._numbers) - min(self._numbers) + 1
        return 1.0 - min(1.0, len(set(self._numbers)) / expected)
