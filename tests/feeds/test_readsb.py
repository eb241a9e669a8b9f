"""readsb's JSON becomes plots."""

import gzip
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.errors import FeedFault
from detente.feeds.plot import UNKNOWN_GROUND, Reject
from detente.feeds.readsb import (
    plots_of_aircraft_json,
    plots_of_lines,
    plots_of_trace,
    position_sigma_m,
    velocity_sigma_mps,
)

ONE = {"now": 100.0, "hex": "a7f426", "lat": 36.4, "lon": -121.4, "alt_baro": 1500, "gs": 90, "track": 90.0}


def line(**fields):
    return json.dumps(ONE | fields).encode()


def test_a_line_is_a_plot_at_the_time_of_its_position():
    (plot,), rejected = plots_of_lines([line(seen_pos=1.5, nac_p=9, nac_v=2, nav_altitude_mcp=2000, squawk="7700")])
    assert plot["applicable_at_ns"] == 98_500_000_000
    assert plot["identity"] == b"a7f426"
    assert plot["position_sigma_m"] == pytest.approx(30 / 2.4477)
    assert plot["velocity_sigma_mps"] == pytest.approx(3 / 2.4477)
    assert plot["selected_altitude_m"] == pytest.approx(609.6)
    assert plot["squawk"] == 0o7700
    assert plot["on_ground"] == 0
    assert not rejected


def test_heartbeats_are_no_plots_and_no_faults():
    plots, rejected = plots_of_lines([b'{"flight": "N/A", "now": 5}', b"", line()])
    assert len(plots) == 1
    assert not rejected


def test_on_the_ground_there_is_no_altitude():
    (plot,), _ = plots_of_lines([line(alt_baro="ground")])
    assert np.isnan(plot["altitude_pressure_m"])
    assert plot["on_ground"] == 1


def test_an_altitude_that_is_a_text_is_unknown_and_the_position_kept():
    (plot,), rejected = plots_of_lines([line(alt_baro="0")])
    assert np.isnan(plot["altitude_pressure_m"])
    assert plot["on_ground"] == UNKNOWN_GROUND
    assert not rejected


def test_a_non_icao_address_keeps_its_mark():
    (plot,), _ = plots_of_lines([line(hex="~2bd4f6")])
    assert plot["identity"] == b"~2bd4f6"


@pytest.mark.parametrize("bad", [b"{", b"[]", b"7", line(lat="north"), line(now=None), line(hex=5), line(flight=7)])
def test_a_damaged_line_is_counted_and_the_others_kept(bad):
    plots, rejected = plots_of_lines([bad, line()])
    assert len(plots) == 1
    assert rejected == {Reject.MALFORMED: 1}


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_no_bytes_make_it_raise(lines):
    plots, rejected = plots_of_lines(lines)
    assert len(plots) + sum(rejected.values()) <= len(lines)


@given(
    st.dictionaries(st.sampled_from([*ONE, "flightdict", "nac_p"]), st.none() | st.text() | st.floats() | st.integers())
)
def test_no_object_makes_it_raise(fields):
    plots, rejected = plots_of_lines([json.dumps(ONE | fields).encode()])
    assert len(plots) + sum(rejected.values()) == 1


def test_accuracy_categories_nobody_defined_tell_nothing():
    assert np.isnan([position_sigma_m(0), position_sigma_m(None), position_sigma_m(15), velocity_sigma_mps("2")]).all()


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"aircraft": [], "now": "x"}', b"\x00\x01"])
def test_what_is_no_aircraft_json_is_refused(text):
    with pytest.raises(FeedFault):
        plots_of_aircraft_json(text)


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"trace": [], "timestamp": 1}'])
def test_what_is_no_trace_is_refused(text):
    with pytest.raises(FeedFault):
        plots_of_trace(text)


def test_a_trace_point_that_is_none_is_counted():
    text = json.dumps({"icao": "ac671b", "timestamp": 10.0, "trace": [[1.0, 16.0, -88.0, 32000, 400, 90, 0, 64], "x"]})
    plots, rejected = plots_of_trace(text.encode())
    assert plots["applicable_at_ns"].tolist() == [11_000_000_000]
    assert rejected == {Reject.MALFORMED: 1}


def test_the_recorded_files_give_as_many_positions_as_they_hold(shared):
    folder = shared / "data" / "traffic" / "readsb"
    for name, positions, aircraft in (
        ("monterey_36N122W_20250601", 44_120, 521),
        ("kwvi_watsonville_20251213", 9_614, 218),
        ("brc_20230829_1000-1100Z", 4_920, 59),
        ("brc_20230830_0810-0830Z", 1_194, 19),
    ):
        with gzip.open(folder / f"{name}.jsonl.gz") as lines:
            plots, rejected = plots_of_lines(lines)
        assert (len(plots), len(np.unique(plots["identity"])), sum(rejected.values())) == (positions, aircraft, 0)
    for n, heard in ((1, 64), (2, 69), (3, 80), (4, 59)):
        plots, rejected = plots_of_aircraft_json((folder / f"aircraft_{n}.json").read_bytes())
        assert len(plots) + rejected[Reject.NO_POSITION] == heard
    plots, rejected = plots_of_trace((folder / "trace_full_ac671b.json").read_bytes())
    assert len(plots) == 2_500
    assert b"DAL1812" in set(plots["callsign"].tolist())
    selected = np.rint(plots["selected_altitude_m"] / 0.3048)
    assert np.isfinite(selected).mean() > 0.99
    assert not (selected[np.isfinite(selected)] % 100.0).any()  # 32,992 on the wire is 33,000 on the panel
    assert not rejected
