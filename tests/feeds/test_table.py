"""Columns of a table become plots; what a row does not tell stays unknown."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.feeds.plot import UNKNOWN_GROUND, UNKNOWN_SQUAWK, Reject
from detente.feeds.table import NO_TIME, callsign_of, ground_of, identity_of, plots_of_columns, squawk_of


def table(**columns):
    """Return a table of one aircraft at two times, with *columns* put in or replaced."""
    rows = {"timestamp": [2_000, 1_000], "icao24": ["4BAAC6"] * 2, "latitude": [47.0, 46.0], "longitude": [8.0, 8.1]}
    return {name: np.array(column) for name, column in (rows | columns).items()}


def test_plots_are_in_order_of_time_and_in_si():
    plots, rejected = plots_of_columns(table(groundspeed=[100.0, 0.0], track=[90.0, 0.0], altitude=[1000.0, 0.0]))
    assert plots["applicable_at_ns"].tolist() == [1_000, 2_000]
    assert plots["v_east_mps"][1] == pytest.approx(51.444, abs=1e-3)
    assert plots["v_north_mps"][1] == pytest.approx(0.0, abs=1e-9)
    assert plots["altitude_pressure_m"][1] == pytest.approx(304.8)
    assert plots["latitude_rad"][1] == pytest.approx(np.radians(47.0))
    assert not rejected


def test_what_a_table_does_not_tell_is_unknown():
    plots, _ = plots_of_columns(table())
    for name in ("altitude_pressure_m", "altitude_ellipsoid_m", "v_east_mps", "v_up_mps", "position_sigma_m"):
        assert np.isnan(plots[name]).all()
    assert plots["squawk"].tolist() == [UNKNOWN_SQUAWK] * 2
    assert plots["on_ground"].tolist() == [UNKNOWN_GROUND] * 2


def test_a_speed_without_a_track_is_no_velocity():
    plots, _ = plots_of_columns(table(groundspeed=[100.0, 100.0], track=[np.nan, 10.0]))
    assert np.isnan(plots["v_east_mps"]).tolist() == [False, True]


@pytest.mark.parametrize(
    ("column", "values", "reason"),
    [
        ("timestamp", [NO_TIME, 5], Reject.MALFORMED),
        ("icao24", ["", "4baac6"], Reject.NO_IDENTITY),
        ("latitude", [np.nan, 1.0], Reject.NO_POSITION),
        ("longitude", [np.inf, 1.0], Reject.NO_POSITION),
    ],
)
def test_a_row_that_is_no_plot_is_counted_by_reason(column, values, reason):
    plots, rejected = plots_of_columns(table(**{column: values}))
    assert len(plots) == 1
    assert rejected == {reason: 1}


@pytest.mark.parametrize(
    ("name", "identity"),
    [
        ("4BAAC6", b"4baac6"),
        (" ae0455 ", b"ae0455"),
        ("~2A01", b"~2a01"),
        ("N709PS", b"~n709ps"),
        ("", b""),
        ("DD0891", b"dd0891"),
    ],
)
def test_an_identity_is_an_address_or_carries_the_mark(name, identity):
    assert identity_of(name) == identity


@given(st.text())
def test_any_name_gives_an_identity_that_fits(name):
    identity = identity_of(name)
    assert len(identity) <= 16
    assert identity == b"" or identity[:1] == b"~" or len(identity) == 6


@given(st.integers(0, 0o7777))
def test_a_squawk_is_read_as_octal(code):
    assert squawk_of(f"{code:04o}") == code


@pytest.mark.parametrize("text", ["", "8000", "9", "12345", "-1", "x", "٣"])
def test_what_is_no_squawk_is_unknown(text):
    assert squawk_of(text) == UNKNOWN_SQUAWK


def test_words_of_truth_and_none():
    assert [ground_of(word) for word in ("True", "0", "", "perhaps")] == [1, 0, UNKNOWN_GROUND, UNKNOWN_GROUND]
    assert callsign_of("  THY9BP  ") == b"THY9BP"
