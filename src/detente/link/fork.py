"""Proof that one log has two histories: signed notes of which at most one can be true.

The proof convinces anybody who has the writer's keys and trusts neither side. It is kept on the disk, and what both
delegations agree to afterwards names its digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import combinations
from typing import Final

import msgspec

from detente.errors import PeerFault
from detente.evidence.checkpoint import Checkpoint, open_checkpoint
from detente.evidence.leaf import Envelope, decode
from detente.evidence.merkle import leaf_hash
from detente.evidence.note import Vkey, b64, unb64

_HEAD: Final = b"detente-fork/v1\n"

Proof = tuple[bytes, ...]
"""Notes as signed."""


def state_key(origin: str) -> str:
    """Return under which key the store keeps the proof against the log *origin*."""
    return f"fork {origin}"


def packed(proof: Proof) -> bytes:
    """Return *proof* as the store keeps it."""
    return msgspec.json.encode([b64(note) for note in proof])


def unpacked(raw: bytes) -> Proof:
    """Return the proof that `packed` made."""
    return tuple(unb64(note) for note in msgspec.json.decode(raw, type=list[str]))


def digest(proof: Proof) -> str:
    """Return base64 SHA-256 over the notes' hashes, in order: what a new epoch's leaves name."""
    return b64(hashlib.sha256(_HEAD + b"".join(hashlib.sha256(note).digest() for note in proof)).digest())


def proof_in(
    origin: str,
    notes: Sequence[bytes],
    logs: Sequence[Vkey],
    envs: Sequence[Vkey],
    held: Callable[[int], bytes | None] = lambda _seq: None,
) -> Proof | None:
    """Return the proof against the log *origin* in *notes*, alone or beside a leaf of it that we hold; else None.

    One of *logs* signs its checkpoints, one of *envs* its leaves; *held* returns our leaf of an index. Two checkpoints
    of one size with different roots, two leaves of one index, or a leaf that does not follow the one before: each is
    enough.
    """
    said = [(note, what) for note in notes if (what := _read(origin, note, logs, envs)) is not None]
    for (note, one), (other_note, other) in combinations(said, 2):
        if _contradict(note, one, other_note, other) or _contradict(other_note, other, note, one):
            return (note, other_note)
    for note, one in said:
        ours = held(one.seq) if isinstance(one, Envelope) else None
        if ours is not None and leaf_hash(ours) != leaf_hash(note):
            return (ours, note)
    return None


def _read(origin: str, note: bytes, logs: Sequence[Vkey], envs: Sequence[Vkey]) -> Checkpoint | Envelope | None:
    for vkey in logs:
        with suppress(PeerFault):
            return open_checkpoint(note, vkey).checkpoint
    envelope = signed_by(note, envs)
    return envelope if envelope is not None and envelope.log == origin else None


def signed_by(leaf: bytes, envs: Sequence[Vkey]) -> Envelope | None:
    """Return the envelope in *leaf* if one of *envs* signed it, else None."""
    for vkey in envs:
        with suppress(PeerFault):
            return decode(leaf, vkey)
    return None


def _contradict(note: bytes, one: Checkpoint | Envelope, other_note: bytes, other: Checkpoint | Envelope) -> bool:
    if isinstance(one, Checkpoint) and isinstance(other, Checkpoint):
        return one.size == other.size and one.root != other.root
    if isinstance(one, Envelope) and isinstance(other, Envelope):
        hashed = leaf_hash(note)
        is_same_place = one.seq == other.seq and hashed != leaf_hash(other_note)
        return is_same_place or (other.seq == one.seq + 1 and other.prev != b64(hashed))
    return False
