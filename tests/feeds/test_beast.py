"""Raw Mode S becomes plots: framing, decoding against the receiver's position, and the check by pairs."""

import gzip
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.feeds.beast import BeastFramer, BeastReader, Frame, ModeSReader, _selected_ft, distance_m, receiver_of
from detente.feeds.plot import Reject
from detente.feeds.sbs import SbsReader
from detente.feeds.site import Site
from detente.types import Instant

LONG = bytes.fromhex("8d393322580940aa0a8e4d4f6250")
SHORT = bytes.fromhex("5f4001594b0fbb")


def framed(message, *, ticks=0, signal=0x40):
    """Return *message* as a Beast would send it."""
    kind = {2: b"1", 7: b"2", 14: b"3"}[len(message)]
    body = ticks.to_bytes(6, "big") + bytes([signal]) + message
    return b"\x1a" + kind + body.replace(b"\x1a", b"\x1a\x1a")


@given(
    st.lists(st.tuples(st.binary(min_size=14, max_size=14), st.integers(0, 2**48 - 1)), max_size=8), st.integers(1, 40)
)
def test_what_is_framed_comes_out_however_it_is_cut(messages, size):
    stream = b"".join(framed(message, ticks=ticks, signal=0x1A) for message, ticks in messages)
    framer = BeastFramer()
    found = []
    for i in range(0, len(stream), size):
        frames, damaged = framer.feed(stream[i : i + size])
        found += frames
        assert not damaged
    assert found == [(ticks, message.hex()) for message, ticks in messages]


@given(st.binary(max_size=200))
def test_no_bytes_make_the_framer_raise_or_lose_what_follows(noise):
    framer = BeastFramer()
    framer.feed(noise)
    framer.feed(b"\x00" * 30)
    frames, _ = framer.feed(framed(SHORT) * 2)
    assert (0, SHORT.hex()) in frames


def test_a_frame_cut_off_by_another_is_counted():
    frames, damaged = BeastFramer().feed(framed(LONG)[:10] + framed(SHORT))
    assert frames == [(0, SHORT.hex())]
    assert damaged == 1


def test_mode_a_and_c_are_passed_over():
    assert BeastFramer().feed(framed(b"\x12\x34")) == ([], 0)


@pytest.mark.parametrize("bad", ["", "8d", "zz" * 14, "8D393322580940AA0A8E4D4F62500", "٣" * 14])
def test_what_rs1090_would_panic_on_is_counted(bad):
    plots, rejected = ModeSReader(Site(49.0, 2.55)).feed([Frame(0, bad)])
    assert not len(plots)
    assert rejected == {Reject.MALFORMED: 1}


def test_a_frame_with_wrong_parity_is_counted():
    damaged = bytearray(LONG)
    damaged[5] ^= 1
    _, rejected = ModeSReader(Site(49.0, 2.55)).feed([Frame(0, damaged.hex())])
    assert rejected == {Reject.MALFORMED: 1}


@given(st.lists(st.binary(min_size=14, max_size=14) | st.binary(min_size=7, max_size=7), max_size=5))
def test_no_frame_makes_the_reader_raise(messages):
    ModeSReader(Site(49.0, 2.55)).feed([Frame(i, m.hex()) for i, m in enumerate(messages)])


def test_a_position_counts_once_a_pair_has_confirmed_it(shared):
    frames = [f for f in flight(shared) if f.hex.startswith("8d39332258")][:40]
    reader = ModeSReader(Site(49.0, 2.55))
    outcomes = [reader.feed([frame]) for frame in frames]  # one at a time, as from a live receiver
    first = next(i for i, (plots, _) in enumerate(outcomes) if len(plots))
    assert 1 <= first < 10
    assert all(rejected == {Reject.NO_POSITION: 1} for _, rejected in outcomes[:first])
    assert all(len(plots) == 1 for plots, _ in outcomes[first:])
    (plot,) = outcomes[first][0]
    assert np.degrees(plot["latitude_rad"]) == pytest.approx(48.996, abs=1e-2)
    assert plot["altitude_pressure_m"] == pytest.approx(213.36, abs=200)
    assert plot["on_ground"] == 0


def test_a_wrong_receiver_position_refuses_aircraft_and_never_moves_them(shared):
    frames = flight(shared)[2000:4000]
    right, _ = ModeSReader(Site(49.0, 2.55)).feed(frames)
    wrong, rejected = ModeSReader(Site(49.0, 9.4)).feed(frames)
    assert len(right) > 150
    assert not len(wrong)
    assert rejected[Reject.OUT_OF_RANGE] > 150


def flight(shared):
    with gzip.open(shared / "data/raw_modes/jet1090_full_flight_20240706.jsonl.gz") as lines:
        return [Frame(round(said["timestamp"] * 1e6) * 1_000, said["frame"]) for said in map(json.loads, lines)]


def test_a_whole_flight_is_decoded_as_its_own_decoder_did(shared):
    with gzip.open(shared / "data/raw_modes/jet1090_full_flight_20240706.jsonl.gz") as lines:
        said = {round(s["timestamp"] * 1e6): s for s in map(json.loads, lines)}
    frames = flight(shared)
    plots, rejected = ModeSReader(Site(49.0, 2.55)).feed(frames)
    assert (
        len(plots) + rejected[Reject.OUT_OF_RANGE] == 8_324
    )  # each position frame of the file; rs1090 alone, in one call, has 8,225
    assert len(plots) > 4_500  # the flight ends 330 NM away, beyond what this receiver's position can decode
    for plot in plots[::20]:
        own = said[plot["applicable_at_ns"] // 1_000]
        if "latitude" in own:
            here = float(np.degrees(plot["latitude_rad"])), float(np.degrees(plot["longitude_rad"]))
            assert distance_m(here, (own["latitude"], own["longitude"])) < 1.0


def test_a_receiver_that_nobody_named_is_found_in_the_middle_of_what_it_heard(shared):
    site = receiver_of(flight(shared))
    assert 43.4 < site.latitude_deg < 49.1
    assert receiver_of([]) is None
    assert receiver_of([Frame(0, SHORT.hex())]) is None


def test_a_beast_recording_gives_what_dump1090_made_of_it(shared):
    folder = shared / "data/raw_modes"
    name = "ulss7_beast_20180403T190228Z"
    reference, _ = SbsReader().feed(gzip.decompress((folder / f"{name}.ref_sbs.txt.gz").read_bytes()))
    reader = BeastReader(Site(59.74, 32.38), Instant(1_522_782_148_136_000_000))
    plots, rejected = reader.feed((folder / f"{name}.bin").read_bytes())
    assert reader.modes.messages == 8_928
    # Of its 1,456 positions it repairs some from single bits, and a few wait here for their pair.
    assert len(plots) >= 1_350
    assert len(plots) + rejected[Reject.NO_POSITION] >= 1_390
    assert set(rejected) == {Reject.NO_POSITION}
    by_aircraft = {}
    for plot in reference:
        by_aircraft.setdefault(plot["identity"], []).append(plot)
    for plot in plots:
        same = [
            other
            for other in by_aircraft[plot["identity"]]
            if abs(int(other["applicable_at_ns"]) - int(plot["applicable_at_ns"])) < 3_000_000
        ]
        here = np.degrees([plot["latitude_rad"], plot["longitude_rad"]])
        there = [np.degrees([other["latitude_rad"], other["longitude_rad"]]) for other in same]
        assert min(distance_m(tuple(here), tuple(t)) for t in there) < 1.0


def test_live_frames_happen_when_they_are_received(shared):
    positions = [f.hex for f in flight(shared) if f.hex.startswith("8d39332258")][:60]
    reader = BeastReader(Site(49.0, 2.55))
    for n, message in enumerate(positions):
        at_ns = 1_700_000_000_000_000_000 + n * 500_000_000
        plots, _ = reader.feed(framed(bytes.fromhex(message), ticks=99), Instant(at_ns))
    assert plots["applicable_at_ns"].tolist() == [at_ns]
    plots, rejected = reader.feed(b"noise", Instant(1))
    assert not len(plots)
    assert rejected == {Reject.MALFORMED: 1}


def test_the_altitude_on_the_panel_comes_from_replies_to_radars(shared):
    plots, _ = ModeSReader(Site(49.0, 2.55)).feed(flight(shared))
    selected = np.rint(plots["selected_altitude_m"] / 0.3048)
    told = np.isfinite(selected)
    assert told[int(np.argmax(told)) :].mean() > 0.99  # from when a radar first asks
    assert set(np.unique(selected[told])) <= {float(ft) for ft in range(3_000, 36_000, 1_000)}
    level = np.rint(plots["altitude_pressure_m"] / 0.3048)
    cruise = told & (level >= 34_900)
    assert (selected[cruise] == 35_000).mean() > 0.95  # then it is set lower, and the descent begins


def test_the_altitude_on_the_panel_comes_from_target_states(shared):
    recording = (shared / "data/raw_modes/ulss7_beast_20180403T190228Z.bin").read_bytes()
    receiver = receiver_of([Frame(ticks, text) for ticks, text in BeastFramer().feed(recording)[0]])
    plots, _ = BeastReader(receiver, Instant(1)).feed(recording)
    own = plots[plots["identity"] == b"71be34"]
    assert set(np.rint(own["selected_altitude_m"][len(own) // 2 :] / 0.3048)) == {35_000.0}


@pytest.mark.parametrize(
    ("message", "ft"),
    [
        ({"bds40": {"selected_mcp": 35_000}, "bds21": {}}, 35_000.0),
        ({"bds40": {"selected_mcp": 35_000}, "bds50": {}}, 0.0),  # could be a track as well
        ({"bds40": {"selected_fms": 35_000}}, 0.0),
        ({"selected_altitude": 8_000, "source": "MCP/FCU"}, 8_000.0),
        ({"selected_altitude": 8_000, "source": "FMS"}, 0.0),
        ({}, 0.0),
    ],
)
def test_only_what_is_surely_the_panel_is_read_as_a_selected_altitude(message, ft):
    assert _selected_ft(message) == ft
