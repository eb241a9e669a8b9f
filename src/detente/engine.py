"""One whole party without I/O: ``handle(input, now) → effects``.

The engine never touches a clock, a socket, a disk or randomness. What it wants done it returns, and its one rule is the
order in which the node does it:

1. **Show** at once: an alert never waits for the disk; until it is recorded it is marked so.
2. **Record** in one transaction. The node then says `Stored`, with the hashes of what it read back.
3. **Send**: a promise never leaves before it is on the disk. Only `Stored` makes the link send leaves and receipts.

Alerts fail open, commitments fail closed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from detente.alerts.alert import Alert, AlertEvent, Happening, Kind
from detente.alerts.escalation import Climbed, Escalations
from detente.desk.board import Board
from detente.desk.hotline import Hotline
from detente.desk.orders import AnyOrder
from detente.desk.warnings import Row, Subject, Told, Warnings
from detente.evidence.store import Entry
from detente.feeds.plot import Plots, Reject
from detente.link.session import Session
from detente.types import Instant, PartyId, Role


@dataclass(frozen=True, slots=True)
class PlotsReceived:
    """A batch of plots of one of our own sensors."""

    source: int
    plots: Plots
    rejected: Mapping[Reject, int] = field(default_factory=dict)  # by the decoder


@dataclass(frozen=True, slots=True)
class PeerOpened:
    peer: PartyId
    channel: str


@dataclass(frozen=True, slots=True)
class PeerClosed:
    peer: PartyId
    channel: str


@dataclass(frozen=True, slots=True)
class PeerSent:
    """One frame of a peer, as received."""

    peer: PartyId
    channel: str
    frame: str | bytes


@dataclass(frozen=True, slots=True)
class Stored:
    """The transaction is durable: where each run of leaves begins, and the hashes of what was read back."""

    origin: str
    start: int
    leaf_hashes: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class StoreFailed:
    """The disk did not take it: commitments stop, alerts go on."""

    reason: str


@dataclass(frozen=True, slots=True)
class OrderGiven:
    order: AnyOrder
    role: Role


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


Input = PlotsReceived | PeerOpened | PeerClosed | PeerSent | Stored | StoreFailed | OrderGiven | Tick


@dataclass(frozen=True, slots=True)
class Show:
    """The board is newer; `frame` is the console's newest track frame, once a second."""

    frame: bytes | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """Leaves for one log, ours or the mirror of a peer's; all of a batch in one transaction."""

    origin: str
    start: int
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True)
class RecordCheckpoint:
    """Compare and swap of a log's newest checkpoint note."""

    origin: str
    old: bytes | None
    new: bytes


@dataclass(frozen=True, slots=True)
class Send:
    peer: PartyId
    channel: str
    frame: str | bytes


Effect = Show | Record | RecordCheckpoint | Send
