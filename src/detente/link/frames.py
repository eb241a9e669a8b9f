"""The frames of the link: small texts and a few kinds of bytes, each with a limit.

A text frame is one JSON object whose ``t`` names it; unknown names and fields are refused, because versions are
negotiated in ``hello``. A binary frame begins with its kind and its lane. Whatever else arrives raises `LinkFault` with
a code from a closed list: what a peer is told of a refusal is the code and never a text of ours.
Source: docs/protocol/link.md.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from detente.errors import PeerFault
from detente.evidence.keys import STATEMENT_LIMIT
from detente.evidence.leaf import LEAF_LIMIT, Count, Hash, Lane
from detente.evidence.tiles import pack_entries, unpack_entries

VERSION: Final = 1
FRAME_LIMIT: Final = 1 << 20
TEXT_LIMIT: Final = 1 << 16
CHUNK_LIMIT: Final = 16 * 1024


class Channel(StrEnum):
    """The two connections of a pair: bulk must never stand before a warning."""

    PRIO = "prio"
    BULK = "bulk"


LANES: Final = {Channel.PRIO: (Lane.FLASH, Lane.OPS), Channel.BULK: (Lane.TRACK,)}
"""Which lanes travel on which connection, in strict order."""

CHANNEL_OF: Final = {lane: channel for channel, lanes in LANES.items() for lane in lanes}


class Code(StrEnum):
    """Why something was refused or is asked for again. The list is closed: no text of ours tells a peer more."""

    GAP = "gap"  # send the lane's leaves again from `seq`
    NO_BODY = "no_body"  # send the body of leaf `seq` again
    FRAME = "frame"  # a frame that cannot be read
    HELLO = "hello"  # no hello in time, a second one, or one that names other lanes
    VERSION = "version"  # no version in common
    NODE = "node"  # the hello is of another node than the certificate
    STATEMENT = "statement"  # another key statement than the one admitted here
    LEAF = "leaf"  # malformed, not canonical, or not signed by the peer
    PLACE = "place"  # signed for another log, index, predecessor or reader
    BODY = "body"  # the body is not the one the leaf commits to
    CHECKPOINT = "checkpoint"  # malformed or not signed by the log's key
    RECEIPT = "receipt"  # malformed, or not over the log as its writer holds it
    FORK = "fork"  # two histories under one log's name
    ROLLBACK = "rollback"  # the writer holds less than it has sent before
    DISK = "disk"  # what was read back is not what was written
    QUOTA = "quota"  # more was sent than the reader gave credit for
    EPOCH = "epoch"  # both agreed to go on in a new epoch: hello again
    UNLOGGED = "unlogged"  # a FLASH outside the log that is not one


class LinkFault(PeerFault):
    """The peer broke a rule of the link, named by *code*."""

    def __init__(self, code: Code, reason: str, raw: bytes = b"") -> None:
        super().__init__(reason, raw[:1024])
        self.code = code


Head = tuple[Count, Hash]
"""A log's size and its root there."""

Quota = tuple[Count, Count, Count]
"""Of one lane: leaves a minute that the sender takes; leaves and previews it took since the connection opened; how many
it would take at once now. With 0 it holds them back."""

_Epoch = Annotated[int, Meta(ge=1, lt=10**9)]
_Micros = Annotated[int, Meta(ge=0, le=2**53 - 1)]
_Digest = Annotated[str, Meta(max_length=64)]
_Note = Annotated[str, Meta(max_length=TEXT_LIMIT // 4)]


class LaneHello(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One lane as a channel opens: what the sender wrote, what it holds of the reader's, and its newest receipt.

    ``epochs``: of the sender's log and of the reader's, as the sender counts them. ``quota``: as in a heartbeat.
    """

    own: Head
    have: Head
    receipt: tuple[Count, _Note] | None = None
    epochs: tuple[_Epoch, _Epoch] = (1, 1)
    quota: Quota | None = None


class Hello(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="t", tag="hello"):
    """First on every channel, each way. ``keys`` is the digest of the sender's key statement."""

    versions: Annotated[tuple[Annotated[int, Meta(ge=1, le=255)], ...], Meta(min_length=1, max_length=16)]
    node: Annotated[str, Meta(max_length=255)]
    keys: Hash
    channel: Channel
    lanes: dict[Lane, LaneHello]
    codebook: _Digest


class Cp(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="t", tag="cp"):
    """The writer's newest checkpoint of a lane."""

    lane: Lane
    note: _Note


class Rcpt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="t", tag="rcpt"):
    """The mirror's cosignature lines on the writer's checkpoint of *size*: all before *size* is durably held."""

    lane: Lane
    size: Count
    lines: _Note


class Credit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="t", tag="credit"):
    """How many bytes of windowed frames the receiver has taken from this channel since it opened."""

    taken: Count


class Hb(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="t", tag="hb"):
    """Heartbeat *n*. ``echo`` is the newest heartbeat heard: its ``sent_us`` and when it came, by the receiver's clock.

    ``lanes``: the size of the sender's own log, the size it holds of the receiver's.
    """

    n: Count
    sent_us: _Micros
    lanes: dict[Lane, tuple[Count, Count]]
    echo: tuple[_Micros, _Micros] | None = None
    quota: dict[Lane, Quota] = {}


class Nack(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="t", tag="nack"):
    """A leaf was refused and its lane stopped, or (``gap``, ``no_body``) is asked for again."""

    lane: Lane
    seq: Count
    code: Code


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="t", tag="ask"):
    """The sender lost its own leaves of a lane from *seq* on: give them back from the mirror."""

    lane: Lane
    seq: Count


class Fork(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="t", tag="fork"):
    """Two histories of one log: ``notes`` cannot both be true of it. ``own``: of a log of the sender's."""

    lane: Lane
    own: bool
    notes: Annotated[tuple[_Note, ...], Meta(min_length=1, max_length=4)]


class KeysWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="t", tag="keys_wanted"):
    """The newest key statement of the reader's admitted here has the digest ``after``: send those that follow it."""

    after: Hash


class Keys(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="t", tag="keys"):
    """One key statement of the sender's, as its root signed it; several come in order."""

    note: Annotated[str, Meta(max_length=STATEMENT_LIMIT)]


class Audit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="t", tag="audit"):
    """The newest checkpoint of the sender's log of acts, and the proof that it goes on from ``old`` leaves."""

    note: _Note
    old: Count
    proof: Annotated[tuple[Hash, ...], Meta(max_length=64)]


class Witnessed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="t", tag="witnessed"):
    """The sender has cosigned the reader's log of acts at ``size``; without ``lines``: offer it from there."""

    size: Count
    lines: _Note


class Challenge(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="t", tag="challenge"):
    """Show that you hold leaf ``seq`` of this log of mine, which you gave a receipt for."""

    log: Annotated[str, Meta(max_length=300)]
    seq: Count
    nonce: Hash


class Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="t", tag="proof"):
    """The answer: a digest over nonce and leaf, one over nonce, salt and body; empty for what is not held."""

    log: Annotated[str, Meta(max_length=300)]
    seq: Count
    leaf: Annotated[str, Meta(max_length=44)]
    body: Annotated[str, Meta(max_length=44)]


class Want(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="t", tag="want"):
    """Leaf ``seq`` of this log, ours or yours, is damaged here: send me your copy."""

    log: Annotated[str, Meta(max_length=300)]
    seq: Count


class Copy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="t", tag="copy"):
    """The copy asked for: the leaf; salt and body in base64, empty without a body or when it is too long for a text."""

    log: Annotated[str, Meta(max_length=300)]
    seq: Count
    leaf: Annotated[str, Meta(max_length=LEAF_LIMIT)]
    salt: Annotated[str, Meta(max_length=44)]
    body: Annotated[str, Meta(max_length=TEXT_LIMIT // 2)]


Vouch = KeysWanted | Keys | Audit | Witnessed | Challenge | Proof | Want | Copy
"""What is said beside the logs; it travels on ``prio``."""


class Bye(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="t", tag="bye"):
    """The sender closes this channel."""

    code: Code


Text = Hello | Cp | Rcpt | Credit | Hb | Nack | Ask | Fork | Vouch | Bye


class Encoding(IntEnum):
    """How the bytes of a body travel."""

    PLAIN = 0
    ZSTD = 1


@dataclass(frozen=True, slots=True)
class Leaves:
    """Leaves of a lane from *start*, as an entry bundle (0x01)."""

    lane: Lane
    start: int
    leaves: list[bytes]


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of the body of leaf *seq*: *total* bytes in all as they travel (0x02). A total of 0: the body is gone."""

    lane: Lane
    seq: int
    offset: int
    total: int
    encoding: Encoding
    piece: bytes


@dataclass(frozen=True, slots=True)
class Bodies:
    """Whole bodies of leaves from *start* on, one a leaf, each as it is (0x07)."""

    lane: Lane
    start: int
    bodies: list[bytes]


@dataclass(frozen=True, slots=True)
class Preview:
    """One leaf shown before its turn in the log (0x03)."""

    lane: Lane
    leaf: bytes


@dataclass(frozen=True, slots=True)
class Given:
    """Leaves of the *reader's* log from *start*, given back from the mirror (0x04)."""

    lane: Lane
    start: int
    leaves: list[bytes]


@dataclass(frozen=True, slots=True)
class GivenChunk:
    """A piece of the body of such a leaf (0x05)."""

    chunk: Chunk

    @property
    def lane(self) -> Lane:
        """The lane of the log."""
        return self.chunk.lane


@dataclass(frozen=True, slots=True)
class Unlogged:
    """A FLASH outside any log, because the sender's record takes none (0x06): a signed note."""

    lane: Lane
    note: bytes


Frame = Text | Leaves | Chunk | Bodies | Preview | Given | GivenChunk | Unlogged

_WIRE_LANE: Final = {Lane.FLASH: 0, Lane.OPS: 1, Lane.TRACK: 2}
_LANE_OF: Final = dict(enumerate(_WIRE_LANE))
_LEAVES: Final = struct.Struct(">BBQ")
_CHUNK: Final = struct.Struct(">BBQIIB")
_PREVIEW: Final = struct.Struct(">BB")
CHUNK_HEAD: Final = _CHUNK.size
LEAVES_HEAD: Final = _LEAVES.size

_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Text)


def encode(frame: Frame) -> str | bytes:
    """Return *frame* as it travels: text or bytes."""
    match frame:
        case Leaves(lane, start, leaves) | Given(lane, start, leaves):
            return _LEAVES.pack(1 if isinstance(frame, Leaves) else 4, _WIRE_LANE[lane], start) + pack_entries(leaves)
        case Bodies(lane, start, bodies):
            return _LEAVES.pack(7, _WIRE_LANE[lane], start) + pack_entries(bodies)
        case Chunk():
            return _packed_chunk(2, frame)
        case GivenChunk(chunk):
            return _packed_chunk(5, chunk)
        case Preview(lane, leaf):
            return _PREVIEW.pack(3, _WIRE_LANE[lane]) + leaf
        case Unlogged(lane, note):
            return _PREVIEW.pack(6, _WIRE_LANE[lane]) + note
        case _:
            return _encoder.encode(frame).decode()


def binary(frame: Leaves | Chunk | Bodies | Preview | Given | GivenChunk | Unlogged) -> bytes:
    """Return a binary *frame* as it travels."""
    raw = encode(frame)
    assert isinstance(raw, bytes)
    return raw


def _packed_chunk(kind: int, chunk: Chunk) -> bytes:
    head = _CHUNK.pack(kind, _WIRE_LANE[chunk.lane], chunk.seq, chunk.offset, chunk.total, chunk.encoding)
    return head + chunk.piece


def decode(raw: str | bytes) -> Frame:
    """Return the frame in *raw*; raises LinkFault (``frame``) for anything that is not exactly one."""
    if isinstance(raw, str):
        return _decode_text(raw)
    if len(raw) > FRAME_LIMIT:
        raise LinkFault(Code.FRAME, f"frame: {len(raw)} bytes, more than {FRAME_LIMIT}", raw)
    lane = _LANE_OF.get(raw[1]) if len(raw) > 1 else None
    if lane is None:
        raise LinkFault(Code.FRAME, "frame: neither kind nor lane", raw)
    match raw[0]:
        case 1:
            return Leaves(lane, *_decode_bundle(raw, LEAF_LIMIT))
        case 2:
            return _decode_chunk(lane, raw)
        case 3:
            return Preview(lane, _limited(raw[_PREVIEW.size :], raw))
        case 4:
            return Given(lane, *_decode_bundle(raw, LEAF_LIMIT))
        case 5:
            return GivenChunk(_decode_chunk(lane, raw))
        case 6:
            return Unlogged(lane, _limited(raw[_PREVIEW.size :], raw))
        case 7:
            return Bodies(lane, *_decode_bundle(raw, CHUNK_LIMIT))
    raise LinkFault(Code.FRAME, f"frame: kind {raw[0]} is not known", raw)


def _decode_text(raw: str) -> Text:
    octets = raw.encode(errors="replace")
    if len(octets) > TEXT_LIMIT:
        raise LinkFault(Code.FRAME, f"frame: a text of {len(octets)} bytes, more than {TEXT_LIMIT}", octets)
    try:
        frame: Text = _decoder.decode(octets)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise LinkFault(Code.FRAME, f"frame: {wrong}", octets) from None
    return frame


def _limited(leaf: bytes, raw: bytes, limit: int = LEAF_LIMIT) -> bytes:
    if not 0 < len(leaf) <= limit:
        raise LinkFault(Code.FRAME, f"frame: an entry of {len(leaf)} bytes, not 1 to {limit}", raw)
    return leaf


def _decode_bundle(raw: bytes, limit: int) -> tuple[int, list[bytes]]:
    if len(raw) <= _LEAVES.size:
        raise LinkFault(Code.FRAME, "frame: no entries", raw)
    _, _, start = _LEAVES.unpack_from(raw)
    try:
        entries = unpack_entries(raw[_LEAVES.size :])
    except PeerFault as wrong:
        raise LinkFault(Code.FRAME, wrong.reason, raw) from None
    for entry in entries:
        _limited(entry, raw, limit)
    return start, entries


def _decode_chunk(lane: Lane, raw: bytes) -> Chunk:
    if len(raw) < _CHUNK.size:
        raise LinkFault(Code.FRAME, "frame: a piece of a body cut short", raw)
    _, _, seq, offset, total, encoding = _CHUNK.unpack_from(raw)
    piece = raw[_CHUNK.size :]
    if encoding not in Encoding.__members__.values():
        raise LinkFault(Code.FRAME, f"frame: encoding {encoding} is not known", raw)
    if len(piece) > CHUNK_LIMIT or offset + len(piece) > total or (total > 0) != bool(piece):
        raise LinkFault(Code.FRAME, f"frame: {len(piece)} bytes at {offset} of a body of {total}", raw)
    return Chunk(lane, seq, offset, total, Encoding(encoding), piece)
