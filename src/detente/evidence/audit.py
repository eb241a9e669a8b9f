"""A node's log of its own people's acts: who released, replaced, held or signed in, by seat and never by name.

The log is the node's alone; its peers witness it. Once an hour it is padded to a multiple of 256 leaves and signed, and
each peer cosigns the checkpoint after a consistency proof, without seeing an entry. So an insider can neither take an
entry back nor change one, and a peer learns neither what was done nor how much.

Entries hold what is allowed here by name: seats, logs, numbers, digests. No text of anybody's, no position.
Source: C2SP tlog-witness for the rules of a witness.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from detente.errors import OwnFault, PeerFault
from detente.evidence.checkpoint import SignedCheckpoint, TimedSigner, cosignature, with_lines
from detente.evidence.keys import KeyChain, audit_origin
from detente.evidence.leaf import Count, Hash, Millis
from detente.evidence.log import Log
from detente.evidence.merkle import Tree, leaf_hash, verify_consistency
from detente.evidence.note import Signer, Vkey, b64, open_note, sign_note, split_note

PADDED_TO: Final = 256
PADDING: Final = b"detente-audit/v1 padding\n"
_HEAD: Final = "detente-audit/v1\n"


class Act(StrEnum):
    """What was done. The list is closed."""

    START = "start"
    STOP = "stop"
    SIGN_IN = "sign_in"
    SIGN_OUT = "sign_out"
    SESSION_ENDED = "session_ended"  # one's own or another's, from the list of sessions
    STEP_UP = "step_up"  # signed in once more for one order, or to open the lock
    ENROLLED = "enrolled"  # an account has a further passkey
    ORDER = "order"
    REFUSED = "refused"  # an order that was refused
    POLICY = "policy"  # another release policy is in force
    CONFIG = "config"
    KEYS = "keys"  # own keys were replaced
    PEER_KEYS = "peer_keys"  # a peer's were
    PAIRED = "paired"
    CLOCK = "clock"  # the machine's clock jumped
    READ = "read"  # the place of what a party protects was looked at
    HOLD = "hold"
    RELEASE = "release"  # of a hold
    RETENTION = "retention"  # bodies were deleted by age
    EXPORT = "export"
    SCRUB = "scrub"
    REPAIR = "repair"
    ALARM = "alarm"  # the record or a peer's copy is not what it should be
    HOUR = "hour"  # one every hour, whatever happened


AboutKey = Literal[
    "activity", "alert", "bodies", "code", "count", "digest", "epoch", "from_ms", "hold", "lane", "leaves", "log",
    "offset_ms", "order", "peer", "seq", "size", "table", "to_ms", "use", "withheld",
]  # fmt: skip
_Value = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9 ._:/+=-]{0,255}\Z")] | Annotated[int, Meta(ge=-(2**53), lt=2**53)]


class AuditEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="v", tag=1):
    """One act, by the seat *by* (``node`` for what the node did itself), at *at* by the node's clock."""

    log: Annotated[str, Meta(max_length=160)]
    seq: Count
    prev: Hash
    at: Millis
    act: Act
    by: Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9_-]{0,31}\Z")]
    about: dict[AboutKey, _Value]


_encoder: Final = msgspec.json.Encoder(order="sorted")
_decoder: Final = msgspec.json.Decoder(AuditEntry)


def encode_entry(entry: AuditEntry, env: Signer) -> bytes:
    """Return the leaf of *entry*, signed by the node's ``env`` key; raises OwnFault for what no entry may hold."""
    try:
        line = _encoder.encode(entry)
        _decoder.decode(line)
    except (msgspec.ValidationError, UnicodeEncodeError, OverflowError) as wrong:
        raise OwnFault(f"audit entry: {wrong}") from None
    return sign_note(f"{_HEAD}{line.decode()}\n", env)


def read_entry(leaf: bytes, keys: Sequence[Vkey]) -> AuditEntry | None:
    """Return the entry in *leaf*, signed by one of *keys*; None for padding. Raises PeerFault."""
    if leaf == PADDING:
        return None
    text = open_note(leaf, *keys).text
    line = text.removeprefix(_HEAD).removesuffix("\n").encode()
    try:
        entry = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise PeerFault(f"audit entry: {wrong}", leaf) from None
    if not text.startswith(_HEAD) or _encoder.encode(entry) != line:
        raise PeerFault("audit entry: not canonical", leaf)
    return entry


def check_chain(
    leaves: Sequence[bytes], start: int, prev: bytes, origin: str, keys: Sequence[Vkey]
) -> list[AuditEntry]:
    """Return the entries among *leaves*, which stand from *start* on after a leaf of hash *prev*; raises PeerFault.

    Each entry must stand where it says, after the leaf it names.
    """
    entries = []
    for seq, leaf in enumerate(leaves, start):
        entry = read_entry(leaf, keys)
        if entry is not None:
            if (entry.log, entry.seq, entry.prev) != (origin, seq, b64(prev)):
                raise PeerFault(f"audit entry {entry.seq} of {entry.log} stands at {seq} of {origin}", leaf)
            entries.append(entry)
        prev = leaf_hash(leaf)
    return entries


def next_leaf(log: Log, env: Signer, at_ms: int, act: Act, by: str, about: Mapping[AboutKey, str | int]) -> bytes:
    """Return the leaf that says *act* at the end of *log*."""
    entry = AuditEntry(
        log=log.origin, seq=log.size, prev=b64(log.last_leaf_hash), at=at_ms, act=act, by=by, about=dict(about)
    )
    return encode_entry(entry, env)


def padding(size: int) -> int:
    """Return how many leaves of padding take a log of *size* to the next multiple of 256."""
    return -size % PADDED_TO


@dataclass(frozen=True)
class Offer:
    """What a peer is asked to witness: the newest signed checkpoint, and that it goes on from *old* leaves."""

    note: bytes
    old: int
    proof: tuple[bytes, ...]


def offer(tree: Tree, note: bytes, size: int, old: int) -> Offer:
    """Return the offer of the checkpoint *note* at *size* to a peer that has cosigned *old* leaves."""
    return Offer(note, old, tuple(tree.consistency(old, size)))


class WitnessRefused(PeerFault):
    """The peer's log of acts does not go on from what was cosigned before. *proof*: both its signed notes."""

    def __init__(self, reason: str, *proof: bytes) -> None:
        super().__init__(reason, proof[-1] if proof else b"")
        self.proof = proof


def witness(
    offered: Offer, held: bytes | None, chain: KeyChain, cosigner: TimedSigner, at_s: int
) -> tuple[bytes, bytes]:
    """Return the cosignature line on *offered*, and the note to hold from now on: stored before the line leaves.

    *held* is the note held so far, *chain* the keys of the log's node. Raises PeerFault for a checkpoint that is not
    its log's, WitnessRefused for one that does not go on from the one held: something was deleted, changed, restored.
    """
    origin = audit_origin(chain.node)
    signed = chain.checkpoint(offered.note, origin)
    if held is not None:
        _check_goes_on(chain.checkpoint(held, origin), signed, offered)
    elif offered.old:
        raise WitnessRefused(f"{origin}: said to be witnessed at {offered.old}, and it never was here", offered.note)
    line = cosignature(offered.note, cosigner, at_s)
    return line, with_lines(offered.note, line)


def _check_goes_on(before: SignedCheckpoint, after: SignedCheckpoint, offered: Offer) -> None:
    old, new = before.checkpoint, after.checkpoint
    both = (before.raw, after.raw)
    if new.size < old.size:
        raise WitnessRefused(f"{new.origin}: {new.size} leaves, and {old.size} were witnessed", *both)
    if offered.old != old.size:
        raise PeerFault(f"{new.origin}: offered from {offered.old}, and {old.size} were witnessed", offered.note)
    if not verify_consistency(old.size, new.size, offered.proof, old.root, new.root):
        raise WitnessRefused(f"{new.origin}: what was witnessed at {old.size} does not begin it at {new.size}", *both)


def witnessed(note: bytes, lines: bytes, keys: Sequence[Vkey]) -> bytes:
    """Return our checkpoint *note* with the cosignature in *lines*; raises PeerFault when none of *keys* gave it."""
    text, _ = split_note(note)
    signatures = open_note(text + b"\n" + lines, *keys).signatures
    return with_lines(note, *(signature.line for signature in signatures))
