"""Track frames: what goes out comes back, and nothing else is taken."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.errors import PeerFault
from detente.release.release import ITEM, UNTOLD
from detente.wire.tracks import decode_frame, encode_items, identity_of, plots_of


def items_of(*rows):
    items = np.zeros(len(rows), ITEM)
    for item, row in zip(items, rows, strict=True):
        for name in ("precision_m", "altitude_ft", "v_east_cmps", "v_north_cmps", "v_up_cmps", "squawk"):
            item[name] = UNTOLD
        for name, value in row.items():
            item[name] = value
    return items


def framed(items):
    return b"".join(line + b"\n" for line in encode_items(items))


ROWS = st.fixed_dictionaries(
    {
        "ref": st.integers(0, 2**52 - 1),
        "at_ms": st.integers(0, 2**42),
        "latitude_e7": st.integers(-900_000_000, 900_000_000),
        "longitude_e7": st.integers(-1_800_000_000, 1_800_000_000),
    },
    optional={
        "altitude_ft": st.integers(-2_000, 60_000),
        "v_east_cmps": st.integers(-100_000, 100_000),
        "squawk": st.integers(0, 0o7777),
        "callsign": st.from_regex(r"\A[A-Z0-9]{1,8}\Z").map(str.encode),
        "identity": st.from_regex(r"\A[0-9a-f]{6}\Z").map(str.encode),
        "is_ours": st.sampled_from([0, 1]),
        "on_ground": st.sampled_from([-1, 0, 1]),
        "is_synthetic": st.sampled_from([0, 1]),
        "is_assessed": st.sampled_from([0, 1]),
    },
)


@given(st.lists(ROWS, max_size=8))
def test_what_is_told_comes_back_as_plots_in_order_of_time(rows):
    told = decode_frame(framed(items_of(*rows)))
    plots, is_theirs, is_synthetic, is_assessed = plots_of(told)
    assert plots["applicable_at_ns"].tolist() == sorted(row["at_ms"] * 1_000_000 for row in rows)
    ordered = sorted(rows, key=lambda row: row["at_ms"])
    np.testing.assert_allclose(np.degrees(plots["latitude_rad"]), [r["latitude_e7"] * 1e-7 for r in ordered], atol=1e-9)
    assert is_theirs.tolist() == [bool(row.get("is_ours")) for row in ordered]
    assert is_assessed.tolist() == [bool(row.get("is_assessed")) for row in ordered]
    assert is_synthetic.tolist() == [bool(row.get("is_synthetic")) for row in ordered]
    assert plots["on_ground"].tolist() == [row.get("on_ground", 0) % 256 for row in ordered]
    for plot, row in zip(plots, ordered, strict=True):
        assert math.isnan(plot["altitude_pressure_m"]) == ("altitude_ft" not in row)


def test_a_track_without_an_identity_is_named_by_its_ref_alone():
    (item,) = decode_frame(framed(items_of({"ref": 0xABC})))
    assert identity_of(item) == b"~0000000000abc"
    assert item.identity is None
    assert item.altitude_ft is None


def test_characters_no_callsign_has_are_left_out():
    (item,) = decode_frame(framed(items_of({"callsign": b"A\x07B C"})))
    assert item.callsign == "ABC"


@given(st.binary(min_size=1, max_size=200).filter(lambda raw: not raw.endswith(b"\n")))
def test_bytes_that_are_no_frame_are_a_fault(raw):
    with pytest.raises(PeerFault):
        decode_frame(raw)


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b"[-1,0,0,0,null,null,null,null,null,null,null,null,null,0,0]",
        b"[1,0,900000001,0,null,null,null,null,null,null,null,null,null,0,0]",
        b"[1,0,0,0,null,null,null,null,null,null,null,8192,null,0,0]",
        b"[1,0,0,0,null,null,null,null,null,null,null,null,null,2,0]",
        b'{"ref":1}',
    ],
)
def test_an_item_beyond_its_ranges_refuses_the_frame(line):
    with pytest.raises(PeerFault, match="track frame"):
        decode_frame(line + b"\n")
