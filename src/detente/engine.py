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


@dataclass(frozen=True, slots=True)
class RecordBody:
    """The body of a leaf that is already in a mirrored log."""

    origin: str
    seq: int
    salt: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class RecordReceipt:
    """The newest receipt of a log."""

    origin: str
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class CloseChannel:
    peer: PartyId
    channel: str


Effect = Show | Record | RecordBody | RecordCheckpoint | RecordReceipt | Send | CloseChannel


@dataclass(frozen=True, slots=True)
class Party:
    party: PartyId
    name: str
    node: NodeName


@dataclass(slots=True)
class _Peer:
    """What the engine keeps of one other party besides its link."""

    index: int  # in the table of parties; also the source index of its track frames
    session: Session
    refs: dict[int, int] = field(default_factory=dict)  # ref we gave it → our track number
    theirs: dict[int, bytes] = field(default_factory=dict)  # ref it gave us → identity in our picture
    newest: Released | None = None
    shared: int = 0
    frames_skipped: int = 0
    faults: Counter[str] = field(default_factory=Counter)


class Engine:
    """The party. One thread owns it; `answer` is what the order just handled made."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.codebook = setup.codebook
        self.answer: dict[str, object] = {}
        self._own = setup.parties[0].party
        self._watch = setup.surveillance
        self._releaser = setup.releaser
        self._peers = {p.party: _Peer(i, setup.sessions[p.party]) for i, p in enumerate(setup.parties) if i}
        self._party_of = {
            origin: peer.party
            for peer in setup.parties[1:]
            for origin in setup.sessions[peer.party].origins
        }
        self._zones = {zone.zone_id: zone for zone in setup.zones}
        self._zone_rows = [_zone_row(zone) for zone in setup.zones]
        self.warnings = Warnings(self._own, setup.alerts_shown)
        self.escalations = Escalations(setup.ladder)
        self.hotline = Hotline(self._own, self.codebook, self.escalations)
        self._feeds = {feed.source: feed for feed in setup.feeds}
        self._boards = 0
        self._frame_at = Instant(0)
        self._store_fault = ""
        self._names: dict[int, TrackRef] = {}

    # --- inputs

    def handle(self, event: Input, now: Instant) -> list[Effect]:
        """Return what is to be done about *event*, in order. Raises OrderRefused for an order that is refused."""
        match event:
            case PlotsReceived():
                return self._plots(event, now)
            case PeerOpened(peer, channel):
                return self._link(peer, self._peers[peer].session.opened(Channel(channel), now), now)
            case PeerClosed(peer, channel):
                return self._link(peer, self._peers[peer].session.closed(Channel(channel), now), now)
            case PeerSent(peer, channel, frame):
                return self._link(peer, self._peers[peer].session.received(Channel(channel), frame, now), now)
            case Stored(origin, start, leaf_hashes):
                peer = self._party_of[origin]
                self._store_fault = ""
                return self._link(peer, self._peers[peer].session.stored(origin, start, leaf_hashes, now), now)
            case StoreFailed(reason):
                self._store_fault = reason
                return [Show()]
            case OrderGiven(order, role):
                return self._order(order, role, now)
            case FeedSaid(source, state, note):
                self._feeds[source].state, self._feeds[source].note = state, note
                return [Show()]
            case PolicySet(releaser):
                self._releaser = releaser
                return [Show()]
            case Tick():
                return self._tick(now)
            case _:
                assert_never(event)
