"""A dishonest node: what it sends is altered on the way out, signed with its own good keys or with the wrong one."""

from __future__ import annotations

import random
from dataclasses import replace

import msgspec

from detente.evidence.checkpoint import Checkpoint, cosignature, sign_checkpoint
from detente.evidence.leaf import decode
from detente.evidence.leaf import encode as encode_leaf
from detente.evidence.note import Cosigner, b64, split_note
from detente.link import frames
from detente.link.frames import Cp, Leaves, LinkFault, Rcpt
from detente.link.identity import OwnIdentity

_NOWHERE = b64(bytes(32))


def lie(own: OwnIdentity, raw: str | bytes, source: random.Random) -> str | bytes:
    """Return what the node *own* says instead of *raw*: always something else, seldom something that decodes."""
    try:
        frame = frames.decode(raw)
    except LinkFault:
        return raw
    if isinstance(frame, Leaves):
        return _false_leaf(own, frame, source)
    if isinstance(frame, Cp):
        head = Checkpoint.parse(split_note(frame.note.encode())[0].decode())
        if source.random() < 0.5:
            return frames.encode(Cp(frame.lane, sign_checkpoint(replace(head, root=bytes(32)), own.log).decode()))
        return frames.encode(Cp(frame.lane, sign_checkpoint(head, own.env).decode()))  # true, under the wrong key
    if isinstance(frame, Rcpt):
        stranger = Cosigner(own.mirror.vkey.name, bytes(32))
        nothing = sign_checkpoint(Checkpoint("nothing", frame.size, bytes(32)), own.log)
        return frames.encode(msgspec.structs.replace(frame, lines=cosignature(nothing, stranger, 1).decode()))
    if isinstance(raw, bytes):
        at = source.randrange(len(raw))
        return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
    return raw


def _false_leaf(own: OwnIdentity, frame: Leaves, source: random.Random) -> str | bytes:
    envelope = decode(frame.leaves[0], own.env.vkey)
    lies: tuple[dict[str, object], ...] = (
        {"prev": _NOWHERE},
        {"seq": envelope.seq + 1},
        {"to": "nobody.example/detente"},
        {},
    )
    false = source.choice(lies)
    forger = own.env if false else own.log  # or true in every word, under a key that is not for leaves
    forged = encode_leaf(msgspec.structs.replace(envelope, **false), forger)
    return frames.encode(replace(frame, leaves=[forged, *frame.leaves[1:]]))
