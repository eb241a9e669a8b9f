"""A leaf: one signed statement from one node to another, at one place in one log.

The bytes of a leaf are a whole signed note: the line that names the type, one line of canonical JSON (RFC 8785,
integers only), a blank line and the signature by the node's ``env`` key. They are kept and hashed as received and never
made again. The body travels beside the leaf, which holds only a salted commitment to it: a witness that sees
leaves cannot guess a short text, and a body may expire while the leaf still proves when, what size and which policy.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from detente.errors import OwnFault, PeerFault
from detente.evidence.merkle import Tree, leaf_hash, verify_inclusion
from detente.evidence.note import Signer, Vkey, b64, split_note, unb64
from detente.types import Precedence

LEAF_LIMIT: Final = 8192
BODY_LIMIT: Final = 16 * 1024 * 1024
SALT_LENGTH: Final = 16
SEED_LENGTH: Final = 32
FIRST_PREV: Final = hashlib.sha256().digest()
"""What ``prev`` of the first leaf holds: SHA-256 of nothing."""

MESSAGE_BYTES: Final = 1024
FRAME_BYTES: Final = 4096
"""Bodies are filled up to a multiple of these, so that `size` in a leaf tells a third party as little as it can."""

_HEAD: Final = b"detente-envelope/v1\n"
_SIGNED_LETTERS: Final = 92
"""Of the base64 of a key id and an Ed25519 signature, 4 and 64 bytes."""
_BODY_HEAD: Final = b"detente-body/v1\n"


class Lane(StrEnum):
    """One log each, so that FLASH never waits behind a day of track frames."""

    FLASH = "flash"
    OPS = "ops"
    TRACK = "track"


class Kind(StrEnum):
    """What a leaf says; the list is closed, and a new kind is a new version of the protocol."""

    TRACK = "track"
    ALERT = "alert"
    HOTLINE = "hotline"
    ACTIVITY = "activity"
    REPORT = "report"
    DECISION = "decision"
    ACK = "ack"
    DISPLAYED = "displayed"
    KEYS = "keys"
    REBASE = "rebase"
    LINE_TEST = "line_test"
    POLICY = "policy"
    INCIDENT = "incident"
    PROPOSAL = "proposal"
    STATEMENT = "statement"
    CEASEFIRE = "ceasefire"
    TABLE = "table"
    ESCALATION = "escalation"
    STAND_DOWN = "stand_down"
    WATCH = "watch"
    HOLD = "hold"


# The last letter before the padding carries four bits only: one hash has one spelling.
HASH_PATTERN: Final = r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]="
Hash = Annotated[str, Meta(pattern=rf"\A{HASH_PATTERN}\Z")]
"""Base64 of 32 bytes."""
Millis = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
_Name = Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9./_-]{0,254}\Z")]
_HashLong = Annotated[str, Meta(min_length=44, max_length=44)]
"""A `Hash` once `_envelope` has looked: at all of a leaf's hashes in one search, for each costs as much as a decode."""


class Envelope(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, tag_field="v", tag=1
):
    """What a leaf says of itself and of its body. Times are milliseconds since 1970 UTC, by the writer's clock."""

    log: _Name
    seq: Count
    prev: _HashLong
    to: _Name
    ts: Millis
    hlc: tuple[Millis, Count]
    kind: Kind
    prec: Precedence
    by: Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9_-]{0,31}\Z")]
    body: _HashLong
    size: Annotated[int, Meta(ge=0, le=BODY_LIMIT)]
    media: Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9./+-]{0,63}\Z")]
    pol: _HashLong
    exp: Millis | None = None
    re: Annotated[tuple[_HashLong, ...], Meta(max_length=64)] = ()
    seen: dict[Lane, tuple[Count, Hash]] = {}


_encoder: Final = msgspec.json.Encoder(order="sorted")
_decoder: Final = msgspec.json.Decoder(Envelope)
_hashes: Final = re.compile(rf"(?:{HASH_PATTERN})*")


def _envelope(line: bytes) -> Envelope:
    """Return the envelope in a leaf's one line; raises msgspec.DecodeError or UnicodeDecodeError."""
    envelope = _decoder.decode(line)
    if not _hashes.fullmatch("".join((envelope.prev, envelope.body, envelope.pol, *envelope.re))):
        raise msgspec.ValidationError(f"a hash that does not match {HASH_PATTERN!r}")
    return envelope


def encode(envelope: Envelope, signer: Signer) -> bytes:
    """Return the leaf's bytes, signed; raises OwnFault for an envelope that no peer would decode."""
    try:
        line = _encoder.encode(envelope)
        _envelope(line)
    except (msgspec.ValidationError, UnicodeEncodeError, OverflowError) as wrong:
        raise OwnFault(f"envelope: {wrong}") from None
    text = _HEAD + line + b"\n"  # ASCII without control characters: every text in an envelope has a pattern
    leaf = text + b"\n" + signer.line(text)
    if len(leaf) > LEAF_LIMIT:
        raise OwnFault(f"envelope: the leaf would be {len(leaf)} bytes, more than {LEAF_LIMIT}")
    return leaf


def read(leaf: bytes) -> Envelope:
    """Return the envelope in *leaf*, whoever signed it; raises PeerFault as `decode` does, which is what to use."""
    return _read(leaf)[0]


def recalled(leaf: bytes) -> Envelope:
    """Return the envelope in a leaf of our own record, which was verified when it was kept; raises PeerFault."""
    try:
        return _decoder.decode(leaf[len(_HEAD) : leaf.find(b"\n", len(_HEAD))])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise PeerFault(f"leaf: {wrong}", leaf) from None


def _read(leaf: bytes) -> tuple[Envelope, bytes, str, bytes]:
    """Return the envelope, the signed text, and the name and the key id with signature of the one line under it."""
    if len(leaf) > LEAF_LIMIT:
        raise PeerFault(f"leaf: {len(leaf)} bytes, more than {LEAF_LIMIT}", leaf[:256])
    text, lines = split_note(leaf)
    line = text.removeprefix(_HEAD).removesuffix(b"\n")
    if not text.startswith(_HEAD) or b"\n" in line:
        raise PeerFault("leaf: not a detente-envelope/v1 of one line", leaf)
    try:
        envelope = _envelope(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise PeerFault(f"leaf: {wrong}", leaf) from None
    if _encoder.encode(envelope) != line:
        raise PeerFault("leaf: not canonical, two readings of one signature", leaf)
    if len(lines) != 1:
        raise PeerFault(f"leaf: {len(lines)} signatures, not one", leaf)
    name, keyed, _ = lines[0]
    return envelope, text, name, keyed


def decode(leaf: bytes, vkey: Vkey) -> Envelope:
    """Return the envelope in *leaf*, which *vkey* and nobody else signed; raises PeerFault with the first rule broken.

    The order is fixed: size, UTF-8, typed decode, equal when written again, signature over the bytes received. So
    duplicate keys, spaces, escapes, ``1.0`` and ``-0`` are refused before a signature is looked at.
    """
    if (quick := _decoded(leaf, vkey)) is not None:
        return quick
    envelope, text, name, keyed = _read(leaf)
    if name != vkey.name or keyed[:4] != vkey.key_id or not vkey.verifies(text, keyed[4:]):
        raise PeerFault(f"leaf: not signed by {vkey.name}", leaf)
    return envelope


def _decoded(leaf: bytes, vkey: Vkey) -> Envelope | None:
    """Return what `decode` returns where a leaf is just as *vkey* signs one; None: to be looked at rule by rule.

    What is written again like the line is UTF-8 without control characters, for every text in an envelope is ASCII.
    """
    signed = len(leaf) - len(vkey.line_start) - _SIGNED_LETTERS - 1
    line_end = signed - 2
    if (
        len(leaf) > LEAF_LIMIT
        or not leaf.startswith(_HEAD)
        or leaf.find(b"\n", len(_HEAD)) != line_end
        or leaf[line_end + 1 : -_SIGNED_LETTERS - 1] != b"\n" + vkey.line_start
        or leaf[-1] != 0x0A
    ):
        return None
    line, letters = leaf[len(_HEAD) : line_end], leaf[-_SIGNED_LETTERS - 1 : -1]
    try:
        envelope = _envelope(line)
        keyed = a2b_base64(letters, strict_mode=True)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        return None
    is_so = (
        _encoder.encode(envelope) == line
        and b2a_base64(keyed, newline=False) == letters
        and keyed.startswith(vkey.key_id)
        and vkey.verifies(leaf[: line_end + 1], keyed[4:])
    )
    return envelope if is_so else None


def check_place(envelope: Envelope, leaf: bytes, *, log: str, seq: int, prev: bytes, to: str) -> None:
    """Refuse a leaf that was signed for another place: raises PeerFault naming which of log, seq, prev, to differs."""
    for field, found, wanted in (
        ("to", envelope.to, to),
        ("log", envelope.log, log),
        ("seq", envelope.seq, seq),
        ("prev", envelope.prev, b64(prev)),
    ):
        if found != wanted:
            raise PeerFault(f"leaf: {field} is {found}, not {wanted}", leaf)


def salt_for(key: bytes, origin: str, seq: int) -> bytes:
    """Return the 16-byte salt of the body of leaf *seq*: from a secret key, so a replay gives the same leaves."""
    return seed_for(key, origin, seq)[:SALT_LENGTH]


def seed_for(key: bytes, origin: str, seq: int) -> bytes:
    """Return the 32-byte seed of a tree body: HMAC-SHA256(key, origin ‖ newline ‖ uint64be seq)."""
    return hmac.digest(key, origin.encode() + b"\n" + seq.to_bytes(8, "big"), "sha256")


def body_commitment(salt: bytes, body: bytes) -> str:
    """Return what the envelope's ``body`` holds for a plain body under its 16-byte *salt*."""
    return b64(hashlib.sha256(_BODY_HEAD + salt + body).digest())


def is_tree(media: str) -> bool:
    """Whether bodies of *media* are committed item by item, so that one can be shown without the others."""
    return media.endswith("+tree")


def item_salt(seed: bytes, index: int) -> bytes:
    """Return the salt of item *index* of a tree body."""
    return hmac.digest(seed, index.to_bytes(4, "big"), "sha256")[:SALT_LENGTH]


def _tree(seed: bytes, items: Sequence[bytes]) -> Tree:
    return Tree(leaf_hash(item_salt(seed, i) + item) for i, item in enumerate(items))


def tree_commitment(seed: bytes, items: Sequence[bytes]) -> str:
    """Return what the envelope's ``body`` holds for a tree body: the RFC 6962 root over salted items."""
    return b64(_tree(seed, items).root())


def pack_items(items: Sequence[bytes]) -> bytes:
    """Return the bytes of a tree body: each item ended by a newline; raises OwnFault for an item that holds one."""
    if any(b"\n" in item for item in items):
        raise OwnFault("an item of a tree body holds a newline")
    return b"".join(item + b"\n" for item in items)


def padded(body: bytes) -> bytes:
    """Return the JSON text *body* with spaces after it, up to a multiple of MESSAGE_BYTES."""
    return body + b" " * (-len(body) % MESSAGE_BYTES)


def padded_items(items: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return *items* with one more of spaces, which says nothing, so that they pack to a multiple of FRAME_BYTES.

    No items at all pack to as much as a few.
    """
    size = sum(len(item) + 1 for item in items)
    missing = FRAME_BYTES if not size else -size % FRAME_BYTES
    return (*items, b" " * (missing - 1)) if missing else tuple(items)


def unpack_items(body: bytes) -> list[bytes]:
    """Return the items of a tree body; raises PeerFault when the last is not ended."""
    if body and not body.endswith(b"\n"):
        raise PeerFault("tree body: the last item is not ended", body[:256])
    return body.split(b"\n")[:-1]


def is_body_of(envelope: Envelope, salt: bytes, body: bytes) -> bool:
    """Whether *body* under *salt* (the seed, for a tree body) is what *envelope* commits to, length included."""
    if len(body) != envelope.size:
        return False
    if not is_tree(envelope.media):
        return len(salt) == SALT_LENGTH and body_commitment(salt, body) == envelope.body
    if len(salt) != SEED_LENGTH or (body and not body.endswith(b"\n")):
        return False
    return tree_commitment(salt, unpack_items(body)) == envelope.body


@dataclass(frozen=True)
class Disclosure:
    """One item of a tree body, shown without the others: *count* is how many items the body has."""

    index: int
    count: int
    salt: bytes
    item: bytes
    proof: tuple[bytes, ...]


def disclose(seed: bytes, items: Sequence[bytes], index: int) -> Disclosure:
    """Return the disclosure of item *index*; raises OwnFault outside the body."""
    tree = _tree(seed, items)
    return Disclosure(index, len(items), item_salt(seed, index), items[index], tuple(tree.inclusion(index, len(items))))


def is_disclosed(commitment: str, shown: Disclosure) -> bool:
    """Whether *shown* is an item of the tree body that *commitment* stands for."""
    if len(shown.salt) != SALT_LENGTH:
        return False
    hashed = leaf_hash(shown.salt + shown.item)
    return verify_inclusion(hashed, shown.index, shown.count, shown.proof, unb64(commitment))
