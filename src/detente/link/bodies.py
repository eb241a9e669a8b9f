"""Bodies on the way: cut into pieces, compressed where it helps, put together again within limits.

What travels is the salt (the seed, for a tree body) and the body after it. Whether that is the body its leaf commits
to is judged where the leaf is known; until then these are bytes from a peer, and bounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import zstandard

from detente.evidence.leaf import SALT_LENGTH, SEED_LENGTH, Envelope, Lane, is_body_of, is_tree
from detente.link.frames import (
    CHUNK_HEAD,
    CHUNK_LIMIT,
    LEAVES_HEAD,
    Bodies,
    Chunk,
    Code,
    Encoding,
    GivenChunk,
    LinkFault,
    binary,
)

_RATIO_LIMIT: Final = 50
_WINDOW_LIMIT: Final = 8 << 20
_WORTH_COMPRESSING: Final = 512
_compressor: Final = zstandard.ZstdCompressor(level=3)
_decompressor: Final = zstandard.ZstdDecompressor(max_window_size=_WINDOW_LIMIT)


@dataclass(frozen=True, slots=True)
class Body:
    """A body with the salt under which its leaf commits to it."""

    salt: bytes
    octets: bytes


def chunks(lane: Lane, seq: int, body: Body | None, frame_bytes: int) -> list[bytes]:
    """Return the frames that carry *body*, none longer than *frame_bytes*; for None the one that says it is gone."""
    return [binary(piece) for piece in _pieces(lane, seq, body, frame_bytes)]


def bundled(lane: Lane, start: int, bodies: Sequence[Body | None], frame_bytes: int) -> list[bytes]:
    """Return the frames that carry *bodies*, of leaves from *start* on: short ones together, any other by itself."""
    out: list[bytes] = []
    together: list[bytes] = []
    room = 0
    for seq, body in enumerate([*bodies, None], start):
        is_short = body is not None and len(body.octets) <= _WORTH_COMPRESSING - SEED_LENGTH
        plain = body.salt + body.octets if body is not None and is_short else b""
        room -= len(plain) + 2
        if together and (room < 0 or not is_short):
            out.append(binary(Bodies(lane, seq - len(together), together)))
            together = []
        if is_short:
            if not together:
                room = frame_bytes - LEAVES_HEAD - len(plain) - 2
            together.append(plain)
        elif seq < start + len(bodies):
            out += chunks(lane, seq, body, frame_bytes)
    return out


def given_chunks(lane: Lane, seq: int, body: Body | None, frame_bytes: int) -> list[bytes]:
    """Return the same frames for a body that is given back to its writer; none if we have it no more."""
    return [] if body is None else [binary(GivenChunk(piece)) for piece in _pieces(lane, seq, body, frame_bytes)]


def _pieces(lane: Lane, seq: int, body: Body | None, frame_bytes: int) -> list[Chunk]:
    if body is None:
        return [Chunk(lane, seq, 0, 0, Encoding.PLAIN, b"")]
    plain = body.salt + body.octets
    whole, encoding = plain, Encoding.PLAIN
    if len(plain) > _WORTH_COMPRESSING:
        packed = _compressor.compress(plain)
        if len(packed) < len(plain) <= _RATIO_LIMIT * len(packed):
            whole, encoding = packed, Encoding.ZSTD
    step = min(CHUNK_LIMIT, frame_bytes - CHUNK_HEAD)
    return [Chunk(lane, seq, at, len(whole), encoding, whole[at : at + step]) for at in range(0, len(whole), step)]


def unpacked(octets: bytes, encoding: Encoding, limit: int) -> bytes:
    """Return what travelled as *octets*; raises LinkFault (``body``) beyond *limit* bytes or a ratio of 50."""
    if encoding is Encoding.ZSTD:
        try:
            declared = zstandard.frame_content_size(octets)
            if not 0 <= declared <= min(limit, _RATIO_LIMIT * len(octets)):
                raise LinkFault(Code.BODY, f"body: {len(octets)} bytes of zstd declare {declared}", octets)
            octets = _decompressor.decompress(octets, max_output_size=declared, allow_extra_data=False)
        except zstandard.ZstdError as wrong:
            raise LinkFault(Code.BODY, f"body: {wrong}", octets) from None
    if len(octets) > limit:
        raise LinkFault(Code.BODY, f"body: {len(octets)} bytes, more than {limit}", octets)
    return octets


def body_for(envelope: Envelope, travelled: bytes) -> Body:
    """Return the body in *travelled* that *envelope* commits to; raises LinkFault (``body``) if it is another."""
    cut = SEED_LENGTH if is_tree(envelope.media) else SALT_LENGTH
    body = Body(travelled[:cut], travelled[cut:])
    if not is_body_of(envelope, body.salt, body.octets):
        raise LinkFault(Code.BODY, f"body: not the one that leaf {envelope.seq} commits to", travelled)
    return body


@dataclass(slots=True)
class _Arriving:
    total: int
    encoding: Encoding
    octets: bytes | bytearray
    is_whole: bool = False


class Arrivals:
    """Bodies of one lane that are arriving, or have come before their leaf. At a limit the oldest goes."""

    def __init__(self, count: int, total_bytes: int, body_bytes: int) -> None:
        self._count = count
        self._total_bytes = total_bytes
        self._body_bytes = body_bytes
        self._bodies: dict[int, _Arriving] = {}
        self._held = 0

    def add(self, chunk: Chunk) -> bool:
        """Take in a piece; returns whether the body of its leaf is whole now. A piece out of order ends that body."""
        arriving = self._bodies.get(chunk.seq)
        if arriving is not None and arriving.is_whole:
            return False
        if chunk.total > self._body_bytes + SEED_LENGTH:
            raise LinkFault(Code.BODY, f"body: {chunk.total} bytes, more than {self._body_bytes}", chunk.piece)
        if len(chunk.piece) == chunk.total:
            self.drop(chunk.seq)
            self._bodies[chunk.seq] = _Arriving(chunk.total, chunk.encoding, chunk.piece, is_whole=True)
            self._held += chunk.total
            self._keep_within_limits(chunk.seq)
            return True
        if chunk.offset == 0:
            self.drop(chunk.seq)
            arriving = self._bodies[chunk.seq] = _Arriving(chunk.total, chunk.encoding, bytearray())
        elif arriving is None or (arriving.total, arriving.encoding, len(arriving.octets)) != (
            chunk.total,
            chunk.encoding,
            chunk.offset,
        ):
            self.drop(chunk.seq)
            return False
        arriving.octets += chunk.piece
        self._held += len(chunk.piece)
        arriving.is_whole = len(arriving.octets) == arriving.total
        self._keep_within_limits(chunk.seq)
        return arriving.is_whole

    def _keep_within_limits(self, newest: int) -> None:
        while len(self._bodies) > self._count or self._held > self._total_bytes:
            oldest = next(seq for seq in self._bodies if seq != newest)
            self.drop(oldest)

    def whole(self, seq: int) -> bytes | None:
        """Return the salt and body that came for leaf *seq*, or None; raises LinkFault if they break a limit."""
        arriving = self._bodies.get(seq)
        if arriving is None or not arriving.is_whole:
            return None
        return unpacked(bytes(arriving.octets), arriving.encoding, self._body_bytes + SEED_LENGTH)

    def is_coming(self, seq: int) -> bool:
        """Whether part of the body of leaf *seq* has come."""
        return seq in self._bodies

    def clear(self) -> None:
        """Forget all that came."""
        self._bodies.clear()
        self._held = 0

    def drop(self, seq: int) -> None:
        """Forget what came for leaf *seq*."""
        arriving = self._bodies.pop(seq, None)
        if arriving is not None:
            self._held -= len(arriving.octets)
