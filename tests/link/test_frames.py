from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.evidence.leaf import LEAF_LIMIT, Lane
from detente.link.frames import (
    CHUNK_LIMIT,
    FRAME_LIMIT,
    TEXT_LIMIT,
    Bodies,
    Bye,
    Channel,
    Chunk,
    Code,
    Cp,
    Credit,
    Encoding,
    Hb,
    Hello,
    LaneHello,
    Leaves,
    LinkFault,
    Nack,
    Preview,
    Rcpt,
    decode,
    encode,
)

HASH = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
counts = st.integers(0, 2**53 - 1)
lanes = st.sampled_from(list(Lane))
heads = st.tuples(counts, st.just(HASH))
notes = st.text(max_size=200)
pieces = st.binary(min_size=1, max_size=300)

frames = st.one_of(
    st.builds(
        Hello,
        versions=st.lists(st.integers(1, 255), min_size=1, max_size=16).map(tuple),
        node=st.text(max_size=50),
        keys=st.just(HASH),
        channel=st.sampled_from(list(Channel)),
        lanes=st.dictionaries(
            lanes, st.builds(LaneHello, own=heads, have=heads, receipt=st.none() | st.tuples(counts, notes))
        ),
        codebook=st.text(max_size=64),
    ),
    st.builds(Cp, lane=lanes, note=notes),
    st.builds(Rcpt, lane=lanes, size=counts, lines=notes),
    st.builds(Credit, taken=counts),
    st.builds(
        Hb,
        n=counts,
        sent_us=counts,
        lanes=st.dictionaries(lanes, st.tuples(counts, counts)),
        echo=st.none() | st.tuples(counts, counts),
    ),
    st.builds(Nack, lane=lanes, seq=counts, code=st.sampled_from(list(Code))),
    st.builds(Bye, code=st.sampled_from(list(Code))),
    st.builds(Leaves, lane=lanes, start=st.integers(0, 2**64 - 1), leaves=st.lists(pieces, min_size=1, max_size=5)),
    st.builds(Bodies, lane=lanes, start=st.integers(0, 2**64 - 1), bodies=st.lists(pieces, min_size=1, max_size=5)),
    st.builds(Preview, lane=lanes, leaf=pieces),
    st.builds(
        lambda lane, seq, offset, piece, rest, encoding: Chunk(
            lane, seq, offset, offset + len(piece) + rest, encoding, piece
        ),
        lanes,
        st.integers(0, 2**64 - 1),
        st.integers(0, 2**20),
        pieces,
        st.integers(0, 2**20),
        st.sampled_from(list(Encoding)),
    ),
)


def read(raw):
    """The frame in *raw*, or the code of its refusal."""
    try:
        return decode(raw)
    except LinkFault as fault:
        return fault.code


@given(frames)
def test_a_frame_is_what_it_was_after_the_way(frame):
    assert decode(encode(frame)) == frame


@given(st.binary(max_size=400) | st.text(max_size=400))
def test_t01_no_bytes_and_no_text_make_the_codec_raise_anything_but_its_own_fault(raw):
    assert read(raw) is Code.FRAME or read(encode(read(raw))) == read(raw)


@given(frames, st.data())
def test_t01_a_frame_cut_short_or_altered_is_another_frame_or_a_fault(frame, data):
    raw = encode(frame)
    at = data.draw(st.integers(0, len(raw) - 1))
    for altered in (raw[:at], raw + raw[-1:]):
        assert read(altered) not in (None, frame)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "[]",
        "{}",
        '{"t":"jump"}',
        '{"t":"bye"}',
        '{"t":"bye","code":"because I say so"}',
        '{"t":"credit","taken":-1}',
        '{"t":"credit","taken":1.0}',
        '{"t":"credit","taken":9007199254740992}',
        '{"t":"credit","taken":1,"more":2}',
        '{"t":"nack","lane":"slow","seq":0,"code":"leaf"}',
        "[" * 60_000,
        '{"t":"cp","lane":"flash","note":"' + "x" * TEXT_LIMIT + '"}',
        b"",
        b"\x01",
        b"\x01\x03" + bytes(8),
        b"\x04\x00" + bytes(20),
        b"\x01\x00" + bytes(8),
        b"\x01\x00" + bytes(8) + b"\x00\x00",
        b"\x01\x00" + bytes(8) + b"\x00\x05leaf",
        b"\x01\x00" + bytes(8) + (LEAF_LIMIT + 1).to_bytes(2, "big") + bytes(LEAF_LIMIT + 1),
        b"\x02\x00" + bytes(10),
        b"\x02\x00" + bytes(8) + bytes(4) + (CHUNK_LIMIT + 1).to_bytes(4, "big") + b"\x00" + bytes(CHUNK_LIMIT + 1),
        b"\x02\x00" + bytes(8) + bytes(4) + (1).to_bytes(4, "big") + b"\x02" + b"x",
        b"\x02\x00" + bytes(8) + bytes(4) + (1).to_bytes(4, "big") + b"\x00" + b"xy",
        b"\x02\x00" + bytes(8) + bytes(4) + (1).to_bytes(4, "big") + b"\x00",
        b"\x03\x00",
        b"\x03\x00" + bytes(LEAF_LIMIT + 1),
        bytes(FRAME_LIMIT + 1),
    ],
    ids=lambda raw: repr(raw[:40]),
)
def test_t01_a_frame_that_breaks_a_limit_or_a_rule_is_refused(raw):
    with pytest.raises(LinkFault) as caught:
        decode(raw)
    assert caught.value.code is Code.FRAME
    assert len(caught.value.raw) <= 1024
