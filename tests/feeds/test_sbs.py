"""BaseStation lines become plots, merged per address, damage counted."""

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.feeds.plot import UNKNOWN_SQUAWK, Reject
from detente.feeds.sbs import LONGEST_LINE, SbsReader
from detente.types import Instant

NAME = b"MSG,1,1,1,4249B5,1,2018/04/03,19:02:28.000,2018/04/03,19:02:28.000,AFL1,,,,,,,,,,,\r\n"
SPEED = b"MSG,4,1,1,4249B5,1,2018/04/03,19:02:28.300,2018/04/03,19:02:28.300,,,360,90,,,-640,,,,,0\r\n"
CODE = b"MSG,6,1,1,4249B5,1,2018/04/03,19:02:28.400,2018/04/03,19:02:28.400,,,,,,,,1017,0,0,0,0\r\n"
PLACE = b"MSG,3,1,1,4249B5,1,2018/04/03,19:02:29.000,2018/04/03,19:02:29.000,,7000,,,59.7,30.1,,,0,0,0,0\r\n"


def test_messages_of_one_address_make_one_plot():
    (plot,), rejected = SbsReader().feed(NAME + SPEED + CODE + PLACE)
    assert plot["identity"] == b"4249b5"
    assert plot["callsign"] == b"AFL1"
    assert plot["applicable_at_ns"] == 1_522_782_149_000_000_000
    assert plot["v_east_mps"] == pytest.approx(185.2)
    assert plot["v_up_mps"] == pytest.approx(-3.2512)
    assert plot["altitude_pressure_m"] == pytest.approx(2133.6)
    assert plot["squawk"] == 0o1017
    assert plot["on_ground"] == 0
    assert not rejected


def test_an_old_velocity_does_not_go_with_a_new_position():
    late = PLACE.replace(b"19:02:29.000", b"19:03:29.000")
    (plot,), _ = SbsReader().feed(SPEED + late)
    assert np.isnan(plot["v_east_mps"])


def test_an_address_silent_for_long_begins_again():
    late = PLACE.replace(b"19:02:29.000", b"19:12:29.000")
    (plot,), _ = SbsReader().feed(NAME + CODE + late)
    assert plot["callsign"] == b""
    assert plot["squawk"] == UNKNOWN_SQUAWK


@given(st.integers(1, 50))
def test_it_does_not_matter_how_the_stream_is_cut(size):
    stream = NAME + SPEED + CODE + PLACE + PLACE.replace(b"19:02:29", b"19:02:30")
    reader = SbsReader()
    pieces = [reader.feed(stream[i : i + size])[0] for i in range(0, len(stream), size)]
    whole, _ = SbsReader().feed(stream)
    assert np.concatenate(pieces).tobytes() == whole.tobytes()


def test_a_line_without_a_time_happened_when_it_was_received():
    bare = PLACE.replace(b"2018/04/03,19:02:29.000,2018/04/03,19:02:29.000", b",,,")
    (plot,), _ = SbsReader().feed(bare, Instant(77))
    assert plot["applicable_at_ns"] == 77
    _, rejected = SbsReader().feed(bare)
    assert rejected == {Reject.MALFORMED: 1}


@pytest.mark.parametrize(
    "bad",
    [
        b"WARNING! Found 6 messages\n",
        b"MSG,3,1,1,XYZ,1,2018/04/03,19:02:29.000,,,,,,,59.7,30.1,,,,,,\n",
        PLACE.replace(b"59.7", b"north"),
        PLACE.replace(b"19:02:29.000", b"25:61:00.000"),
        b"\x00\xff\x80MSG\n",
        b"MSG,3\n",
        b"x" * (LONGEST_LINE + 1) + b"\n",
    ],
)
def test_a_damaged_line_is_counted_once_and_the_next_is_read(bad):
    reader = SbsReader()
    plots, rejected = reader.feed(bad + PLACE)
    assert len(plots) == 1
    assert rejected == {Reject.MALFORMED: 1}


def test_a_line_that_never_ends_is_counted_once_and_does_not_fill_memory():
    reader = SbsReader()
    total = sum((reader.feed(b"y" * 400)[1] for _ in range(20)), start=reader.feed(b"")[1])
    plots, rejected = reader.feed(b"\n" + PLACE)
    assert total + rejected == {Reject.MALFORMED: 1}
    assert len(plots) == 1


def test_other_kinds_of_line_are_no_faults():
    plots, rejected = SbsReader().feed(b"STA,,5,179,400AE7,10103,2008/11/28,14:58:51.153,,,RM\n\nCLK,,,,,\n")
    assert not len(plots)
    assert not rejected


def test_a_last_line_without_a_line_feed_counts():
    reader = SbsReader()
    assert not len(reader.feed(PLACE.strip())[0])
    assert len(reader.finish()[0]) == 1
    assert not len(reader.finish()[0])


@given(st.binary(max_size=300))
def test_no_bytes_make_it_raise(chunk):
    reader = SbsReader()
    reader.feed(chunk)
    reader.finish()


def test_the_log_of_stratux_with_its_damage_is_read(shared):
    reader = SbsReader()
    log = gzip.decompress((shared / "data/raw_modes/stratux_sbs_20150902.log.gz").read_bytes())
    plots, rejected = reader.feed(log)
    # 44,478 messages, one of them behind a run of NUL bytes; the other damage is the cut that run made.
    assert reader.messages == 44_477
    assert rejected == {Reject.MALFORMED: 2}
    assert len(plots) == 2_104
    assert plots["applicable_at_ns"][0] // 1_000_000_000 in range(1_441_167_817, 1_441_167_817 + 2_672)
