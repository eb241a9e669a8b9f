"""How each link was of late: a sample every five seconds for an hour, in memory, for the desk to draw."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from detente.desk.board import PeerRow
from detente.desk.record_view import LinkSamples
from detente.types import NS_PER_S, Instant, instant_ms

EVERY_NS: Final = 5 * NS_PER_S
KEPT: Final = 720


@dataclass(frozen=True, slots=True)
class _Sample:
    at_ms: int
    state: str
    rtt_ms: float | None
    offset_ms: float | None
    backlog: int
    receipt_lag_ms: float | None


class LinkHistory:
    """One node's. At the limit the oldest sample goes."""

    def __init__(self) -> None:
        self._of: dict[str, deque[_Sample]] = {}
        self._sampled_at: Instant | None = None

    def is_due(self, now: Instant) -> bool:
        """Whether it is time for another sample."""
        return self._sampled_at is None or now - self._sampled_at >= EVERY_NS

    def take(self, rows: Iterable[PeerRow], now: Instant) -> None:
        """Take one sample of every link."""
        self._sampled_at = now
        for row in rows:
            sample = _Sample(
                instant_ms(now),
                row.state,
                row.rtt_ms,
                row.offset_ms,
                sum(lane.backlog for lane in row.lanes),
                row.receipt_lag_ms,
            )
            self._of.setdefault(row.party, deque(maxlen=KEPT)).append(sample)

    def of(self, peer: str) -> LinkSamples:
        """Return the samples of the link to *peer*; none for a party that is no peer."""
        kept = self._of.get(peer, ())
        return LinkSamples(
            peer=peer,
            every_ms=EVERY_NS // 1_000_000,
            at_ms=[s.at_ms for s in kept],
            state=[s.state for s in kept],
            rtt_ms=[s.rtt_ms for s in kept],
            offset_ms=[s.offset_ms for s in kept],
            backlog=[s.backlog for s in kept],
            receipt_lag_ms=[s.receipt_lag_ms for s in kept],
        )
