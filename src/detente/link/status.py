"""What a desk shows of one link: values, read at one instant."""

from __future__ import annotations

from dataclasses import dataclass

from detente.evidence.leaf import Lane
from detente.link.frames import Code
from detente.link.transitions import State
from detente.types import Instant


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """One lane, both directions. Sizes count leaves on our disk; roots are base64."""

    lane: Lane
    own_size: int
    own_root: str
    own_held: int  # of which the peer has given its receipt
    their_size: int
    their_root: str
    backlog: int  # own leaves not yet sent
    their_backlog: int | None  # leaves that the peer has written and we do not hold; None before its first heartbeat
    receipt_lag_ms: float | None  # how long a receipt is owed, else how long the newest took; None: there was none yet
    quota_per_min: int  # leaves of the peer that we take
    quota_left: int  # that we would take at once now; 0: reading has stopped
    their_quota_per_min: int | None  # the same of ours, as the peer says; None: it has not said
    their_quota_left: int | None
    bodies_missing: int
    own_stopped: Code | None  # why our leaves do not go: refused by the peer, or frozen here
    their_stopped: Code | None  # why the peer's leaves are not taken


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """One link. *line* is what the heartbeats say, even while *state* stands above it."""

    state: State
    why: str
    since: Instant
    line: State
    heard_at: Instant | None
    missed: int | None  # heartbeats in a row; None: never heard
    rtt_ms: float | None
    rtt_p95_ms: float | None
    offset_ms: float | None  # the peer's clock ahead of ours
    loss: float
    receipt_lag_ms: float | None
    receipts_withheld: bool  # late by 30 s on a live link
    flash_receipts_late: bool  # late by 5 s on a live link: FLASH alone may be held up
    clock_suspect: bool  # the peer's newest leaf was stamped more than two seconds ahead of us
    codebook_same: bool | None
    channels: tuple[str, ...]  # open and greeted
    lanes: tuple[LaneStatus, ...]
    refused: dict[Code, int]
    refused_by_peer: dict[Code, int]
