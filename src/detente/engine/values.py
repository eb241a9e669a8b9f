"""What happens to a party, what it asks of its node, and what it begins with: values only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from detente.alerts.escalation import Ladder
from detente.coordination.charter import Charter
from detente.desk.codebook import Codebook
from detente.desk.orders import AnyOrder
from detente.detect.zone import Zone
from detente.evidence.log import Receipt
from detente.evidence.store import Entry
from detente.feeds.plot import Plots, Reject
from detente.link.frames import Audit, Channel, Copy, Proof, Vouch, Witnessed
from detente.link.session import Session
from detente.release.policy import Policy
from detente.release.release import Releaser
from detente.surveillance import Surveillance
from detente.types import Instant, NodeName, PartyId, Role, duration_ns


@dataclass(frozen=True, slots=True)
class PlotsReceived:
    """A batch of plots of one of our own sensors."""

    source: int
    plots: Plots
    rejected: Mapping[Reject, int] = field(default_factory=dict)  # by the decoder


@dataclass(frozen=True, slots=True)
class PeerOpened:
    peer: PartyId
    channel: Channel


@dataclass(frozen=True, slots=True)
class PeerClosed:
    peer: PartyId
    channel: Channel


@dataclass(frozen=True, slots=True)
class PeerSent:
    """One frame of a peer, as received."""

    peer: PartyId
    channel: Channel
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
class DiskWorks:
    """The disk took a write again: the links are begun again from what it has."""


@dataclass(frozen=True, slots=True)
class ClockStepped:
    """The machine's clock was set by so much. No timer of ours follows it; the desk and the log of acts say it."""

    by_ns: int


@dataclass(frozen=True, slots=True)
class OrderGiven:
    order: AnyOrder
    role: Role
    account: str = ""  # whose session gave it, where accounts are known: two seats of one account are one person


@dataclass(frozen=True, slots=True)
class FeedSaid:
    """What became of one of our own feeds."""

    source: int
    state: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class PolicySet:
    """Another release policy by the node's own hand, from the next frame on: a scenario's, for one."""

    releaser: Releaser
    text: str = ""


@dataclass(frozen=True, slots=True)
class ViewSet:
    """Another place for the map's centre."""

    centre_deg: tuple[float, float]
    range_nm: float


@dataclass(frozen=True, slots=True)
class Declares:
    """Further identities that our own sensors see and that are ours."""

    identities: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class SessionsRestored:
    """After a failed write the links go on from what the disk really has."""

    sessions: Mapping[PartyId, Session]


@dataclass(frozen=True, slots=True)
class PeersAdded:
    """Parties that were no peers at the start, with their links as the disk has them, and tables they may sit at.

    *releaser* has keys for them as well.
    """

    peers: tuple[tuple[Party, Session], ...]
    tables: tuple[Charter, ...]
    releaser: Releaser


@dataclass(frozen=True, slots=True)
class VouchSaid:
    """What the node says to a peer beside the logs: its log of acts to be witnessed, a challenge, an answer."""

    peer: PartyId
    frame: Vouch


@dataclass(frozen=True, slots=True)
class KeysReplaced:
    """This node goes by another key statement, *note*: said to every peer, for the record."""

    note: str


@dataclass(frozen=True, slots=True)
class Noticed:
    """The node noticed something about itself, *what*, that the desk shows until *text* is empty."""

    what: str
    text: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


@dataclass(frozen=True, slots=True)
class FramesDue:
    """A tick is about to be taken: what was made before may leave, before the tick's own work takes its time."""


Input = (
    PlotsReceived
    | PeerOpened
    | PeerClosed
    | PeerSent
    | Stored
    | StoreFailed
    | SessionsRestored
    | PeersAdded
    | DiskWorks
    | ClockStepped
    | OrderGiven
    | FeedSaid
    | PolicySet
    | ViewSet
    | Declares
    | VouchSaid
    | KeysReplaced
    | Noticed
    | FramesDue
    | Tick
)


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
    channel: Channel
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
    channel: Channel


@dataclass(frozen=True, slots=True)
class RecordState:
    """Keep *value* under *key* across restarts."""

    key: str
    value: bytes


@dataclass(frozen=True, slots=True)
class ProbeDisk:
    """Write something that means nothing, and say `DiskWorks` if that was done."""


Write = Record | RecordBody | RecordCheckpoint | RecordReceipt | RecordState | ProbeDisk
"""What is done on the disk, all of a batch before anything leaves."""


@dataclass(frozen=True, slots=True)
class AdmitKeys:
    """Keep key statements of a peer that follow those admitted, and go on with a session under them."""

    peer: PartyId
    notes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Vouched:
    """What a peer says beside the logs, for the node to judge or to keep."""

    peer: PartyId
    frame: Audit | Witnessed | Proof | Copy


Effect = Show | Write | Send | CloseChannel | AdmitKeys | Vouched


@dataclass(frozen=True, slots=True)
class Party:
    party: PartyId
    name: str
    node: NodeName


@dataclass(slots=True)
class Feed:
    """One of our own sensors, as the desk shows it. `declared`: identities and callsign prefixes that are ours."""

    source: int
    name: str
    is_synthetic: bool = False
    state: str = "waiting"
    note: str = ""
    last_plot_at: Instant | None = None
    malformed: Counter[Reject] = field(default_factory=Counter)  # by the decoder, before the tracker


@dataclass(frozen=True)
class Declared:
    """Which tracks of our own sensors we declare: "this one is mine"."""

    identities: tuple[bytes, ...] = ()  # whole, or a prefix that ends in "*"
    callsigns: tuple[bytes, ...] = ()  # prefixes

    def of(self, plots: Plots) -> npt.NDArray[np.bool_]:
        """Return which of *plots* are ours."""
        mine = np.isin(plots["identity"], [i for i in self.identities if not i.endswith(b"*")])
        for prefix in (i[:-1] for i in self.identities if i.endswith(b"*")):
            mine |= np.char.startswith(plots["identity"], prefix)
        for prefix in self.callsigns:
            mine |= np.char.startswith(plots["callsign"], prefix)
        return mine


@dataclass(frozen=True)
class Setup:
    """All that an engine begins with."""

    parties: tuple[Party, ...]  # ourselves first; the index is `party` and `declared_by` of a track
    sessions: Mapping[PartyId, Session]
    surveillance: Surveillance
    releaser: Releaser
    zones: tuple[Zone, ...]
    codebook: Codebook
    ladder: Ladder
    feeds: tuple[Feed, ...] = ()
    declared: Declared = Declared()
    badges: tuple[str, ...] = ()
    not_built_yet: tuple[str, ...] = ()
    centre_deg: tuple[float, float] = (0.0, 0.0)
    range_nm: float = 200.0
    alerts_shown: int = 200
    tick_ns: int = duration_ns(0.2)
    is_exercise: bool = False
    line_test_ns: int = duration_ns(3_600.0)
    tables: tuple[Charter, ...] = ()
    baseline: Policy | None = None  # the agreed policy, when another one is in force at the start
    policy_text: str = ""  # of the policy in force, as it was written
