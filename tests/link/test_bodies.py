from __future__ import annotations

import time
import tracemalloc

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from detente.evidence.leaf import Lane
from detente.link.bodies import Arrivals, Body, bundled, chunks, unpacked
from detente.link.frames import Bodies, Chunk, Code, Encoding, LinkFault, decode

MIB = 1 << 20


def arrivals(count=8, total_bytes=MIB, body_bytes=MIB):
    return Arrivals(count, total_bytes, body_bytes)


@given(st.binary(max_size=3_000), st.integers(0, 40), st.integers(64, 2_000))
def test_a_body_is_what_it_was_however_it_is_cut(octets, times, frame_bytes):
    body = Body(bytes(16), octets * times)
    arrived = arrivals()
    frames = chunks(Lane.OPS, 7, body, frame_bytes)
    assert all(len(frame) <= frame_bytes for frame in frames)
    assert [arrived.add(decode(frame)) for frame in frames] == [False] * (len(frames) - 1) + [True]
    assert arrived.whole(7) == body.salt + body.octets


@given(
    st.lists(
        st.none() | st.builds(Body, st.just(bytes(16)) | st.just(bytes(32)), st.binary(max_size=2_000)), max_size=12
    ),
    st.integers(600, 4_096),
)
def test_bodies_come_with_their_own_leaves_whether_they_travel_together_or_alone(bodies, frame_bytes):
    came, gone = arrivals(count=16), []
    for raw in bundled(Lane.OPS, 40, bodies, frame_bytes):
        assert len(raw) <= frame_bytes
        frame = decode(raw)
        if isinstance(frame, Bodies):
            for seq, octets in enumerate(frame.bodies, frame.start):
                assert came.add(Chunk(Lane.OPS, seq, 0, len(octets), Encoding.PLAIN, octets))
        elif frame.total:
            came.add(frame)
        else:
            gone.append(frame.seq)
    assert gone == [seq for seq, body in enumerate(bodies, 40) if body is None]
    for seq, body in enumerate(bodies, 40):
        assert came.whole(seq) == (None if body is None else body.salt + body.octets)


def test_a_body_that_is_gone_says_so():
    assert decode(chunks(Lane.TRACK, 3, None, 4_096)[0]) == Chunk(Lane.TRACK, 3, 0, 0, Encoding.PLAIN, b"")


def test_a_piece_out_of_order_ends_that_body_and_no_other():
    arrived = arrivals()
    first, second, third = (Chunk(Lane.OPS, 1, at, 6, Encoding.PLAIN, b"ab") for at in (0, 2, 4))
    arrived.add(Chunk(Lane.OPS, 2, 0, 1, Encoding.PLAIN, b"x"))
    arrived.add(first)
    assert not arrived.add(third)
    assert not arrived.add(second)
    assert arrived.whole(1) is None
    assert arrived.whole(2) == b"x"
    assert [arrived.add(piece) for piece in (first, second, third)] == [False, False, True]
    assert not arrived.add(first)  # whole already


def test_at_the_limit_the_oldest_body_goes():
    arrived = arrivals(count=2)
    for seq in (1, 2, 3):
        arrived.add(Chunk(Lane.OPS, seq, 0, 1, Encoding.PLAIN, b"x"))
    assert [arrived.whole(seq) for seq in (1, 2, 3)] == [None, b"x", b"x"]
    arrived = arrivals(total_bytes=3)
    for seq in (1, 2):
        arrived.add(Chunk(Lane.OPS, seq, 0, 2, Encoding.PLAIN, b"xy"))
    assert [arrived.whole(seq) for seq in (1, 2)] == [None, b"xy"]


def test_a_body_over_the_limit_is_refused_at_its_first_piece():
    with pytest.raises(LinkFault) as caught:
        arrivals(body_bytes=1_000).add(Chunk(Lane.OPS, 1, 0, 1_033, Encoding.PLAIN, b"x"))
    assert caught.value.code is Code.BODY


@pytest.mark.parametrize("size", [1_000 * 1_000, 1_000 * MIB], ids=["1 to 1,000", "1 to 30,000"])
def test_t14_a_bomb_is_refused_at_once_and_takes_no_memory(size):
    packer = zstandard.ZstdCompressor(level=3).compressobj(size=size)
    bomb = b"".join(packer.compress(bytes(MIB)) for _ in range(size // MIB)) + packer.compress(bytes(size % MIB))
    bomb += packer.flush()
    tracemalloc.start()
    began = time.perf_counter()
    with pytest.raises(LinkFault):
        unpacked(bomb, Encoding.ZSTD, 4 * MIB)
    assert time.perf_counter() - began < 0.1
    assert tracemalloc.get_traced_memory()[1] < MIB
    tracemalloc.stop()


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"no zstd",
        zstandard.ZstdCompressor(write_content_size=False).compress(b"size not declared"),
        zstandard.ZstdCompressor().compress(b"one frame") * 2,
        zstandard.ZstdCompressor().compress(b"cut short" * 10)[:-3],
    ],
)
def test_t14_whatever_is_not_one_frame_of_declared_size_is_refused(octets):
    with pytest.raises(LinkFault) as caught:
        unpacked(octets, Encoding.ZSTD, MIB)
    assert caught.value.code is Code.BODY
