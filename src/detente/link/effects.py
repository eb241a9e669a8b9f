"""What a session asks of its node, as values.

They are performed in the order given, across calls too, and one that fails ends all: so a checkpoint is on disk before
it leaves. Only an `Append` may take its time while what follows goes on: nothing that hangs on it is asked for before
`stored`. After a failed write the node drops the session and opens a new one from the store: recovery is the normal
start.
"""

from __future__ import annotations

from dataclasses import dataclass

from detente.evidence.leaf import Envelope
from detente.evidence.log import Receipt
from detente.evidence.store import Entry
from detente.link.frames import Audit, Channel, Code, Copy, Proof, Witnessed
from detente.link.transitions import State
from detente.link.unlogged import UnloggedFlash
from detente.types import Instant


@dataclass(frozen=True, slots=True)
class Append:
    """Record *entries* from *start* on, in one transaction; then tell the session `stored`, with what was read back."""

    origin: str
    start: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class KeepBody:
    """Record the body of a leaf that is already in the log."""

    origin: str
    seq: int
    salt: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class SaveCheckpoint:
    """Replace the newest checkpoint of a log, if it still is *old*."""

    origin: str
    old: bytes | None
    new: bytes


@dataclass(frozen=True, slots=True)
class SaveReceipt:
    """Replace the newest receipt of a log."""

    origin: str
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Transmit:
    """Send one frame."""

    channel: Channel
    frame: str | bytes


@dataclass(frozen=True, slots=True)
class Close:
    """Close a connection; the node dials again in its own time."""

    channel: Channel
    code: Code


@dataclass(frozen=True, slots=True)
class Heard:
    """A peer's leaf, on our disk, once, in order. *body* is None if its writer has it no more, or (tracks) not yet."""

    envelope: Envelope
    leaf: bytes
    leaf_hash: bytes
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Previewed:
    """A peer's leaf before its turn: to be shown as "not yet in the record"."""

    envelope: Envelope
    leaf_hash: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class HeardUnlogged:
    """A peer's FLASH outside any log: its record takes nothing, and neither of us has it in the record."""

    flash: UnloggedFlash
    note_hash: bytes


@dataclass(frozen=True, slots=True)
class Wrote:
    """Our own leaf is on our disk."""

    origin: str
    seq: int
    leaf_hash: bytes
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Recovered:
    """Our own leaf, given back by the peer's mirror, is on our disk again. *body* is None if it came without."""

    origin: str
    seq: int
    leaf_hash: bytes
    envelope: Envelope
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Keep:
    """Keep *value* under *key* across restarts."""

    key: str
    value: bytes


def strong_key(origin: str) -> str:
    """Return under which key the newest receipt of a log that bears an ML-DSA-44 line is kept."""
    return f"pq {origin}"


@dataclass(frozen=True, slots=True)
class Held:
    """The peer's receipt: it says that everything below *size* was durably held there at *at*, by its clock."""

    origin: str
    size: int
    at: Instant


@dataclass(frozen=True, slots=True)
class StatementsCame:
    """Key statements of the peer that follow those admitted: to be kept, shown, and gone by in a new session."""

    notes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Aside:
    """What the peer says beside the logs, for the node that has the disk and the keys."""

    frame: Audit | Witnessed | Proof | Copy


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The link's state changed; *why* is for the desk."""

    state: State
    why: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal, ours or (*by_peer*) the peer's."""

    code: Code
    why: str
    by_peer: bool = False


@dataclass(frozen=True, slots=True)
class Forked:
    """Two histories under one log's name. *proof*: the signed notes that cannot both be true of one log."""

    origin: str
    proof: tuple[bytes, ...]


Effect = (
    Append
    | KeepBody
    | SaveCheckpoint
    | SaveReceipt
    | Transmit
    | Close
    | Heard
    | Previewed
    | HeardUnlogged
    | Wrote
    | Recovered
    | Keep
    | Held
    | StatementsCame
    | Aside
    | StateChanged
    | Refused
    | Forked
)
