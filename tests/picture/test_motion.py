"""Tracks are brought to one instant in straight lines; what is unknown stays unknown."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyproj import Geod

from detente.picture.motion import advanced, newest_slope, offset_m, robust_slope, slope
from detente.picture.picture import TRACK
from detente.types import NS_PER_S, Instant

GEOD = Geod(ellps="WGS84")
latitudes = st.floats(-80.0, 80.0)
longitudes = st.floats(-180.0, 180.0)
speeds = st.floats(-300.0, 300.0)


def track(latitude_deg=47.0, longitude_deg=8.0, east_mps=0.0, north_mps=0.0, up_mps=0.0):
    tracks = np.zeros(1, TRACK)
    tracks["latitude_rad"], tracks["longitude_rad"] = np.radians(latitude_deg), np.radians(longitude_deg)
    tracks["v_east_mps"], tracks["v_north_mps"], tracks["v_up_mps"] = east_mps, north_mps, up_mps
    tracks["altitude_pressure_m"], tracks["altitude_ellipsoid_m"] = 1_000.0, math.nan
    return tracks


def turned_away_m(latitude, east_m, north_m):
    """How far a kept course and the great circle of the same start lie apart, in metres: the meridians converge.

    Along *s* metres of great circle its course turns by s · sin(course) · tan(latitude) / N; half of that, times *s*, is the
    distance. N, the radius across the meridian, is never less than the equator's. The latitude is the higher end's.
    """
    higher = math.radians(abs(latitude) + abs(north_m) / 110_000.0)
    return 0.5 * abs(east_m) * math.hypot(east_m, north_m) * math.tan(higher) / 6_378_137.0


@given(latitudes, longitudes, speeds, speeds)
@example(79.94825694620341, 0.0, -298.8810083307128, 299.6101067460918)  # 202 m
def test_a_minute_ahead_is_where_the_ellipsoid_has_it_but_for_the_turn_of_a_great_circle(
    latitude, longitude, east, north
):
    (there,) = advanced(track(latitude, longitude, east, north), Instant(60 * NS_PER_S))
    expected = GEOD.fwd(longitude, latitude, math.degrees(math.atan2(east, north)), 60 * math.hypot(east, north))
    here = np.degrees([there["longitude_rad"], there["latitude_rad"]])
    apart_m = GEOD.inv(here[0], here[1], expected[0], expected[1])[2]
    assert apart_m <= 1.0 + turned_away_m(latitude, 60 * east, 60 * north)
    assert -180.0 <= here[0] <= 180.0


def test_altitude_climbs_and_an_unknown_one_stays_unknown():
    (there,) = advanced(track(up_mps=5.0), Instant(10 * NS_PER_S))
    assert there["altitude_pressure_m"] == 1_050.0
    assert math.isnan(there["altitude_ellipsoid_m"])
    assert there["applicable_at_ns"] == 10 * NS_PER_S


def test_an_unknown_velocity_stays_unknown_and_the_track_where_it_was():
    before = track(east_mps=math.nan, north_mps=math.nan, up_mps=math.nan)
    (there,) = advanced(before, Instant(10 * NS_PER_S))
    assert there["latitude_rad"] == before["latitude_rad"][0]
    assert there["altitude_pressure_m"] == 1_000.0
    assert np.isnan([there["v_east_mps"], there["v_north_mps"], there["v_up_mps"]]).all()


def test_what_is_given_is_not_changed():
    before = track(east_mps=100.0)
    copy = before.copy()
    advanced(before, Instant(NS_PER_S))
    assert before.tobytes() == copy.tobytes()


@given(latitudes, longitudes, latitudes, longitudes)
def test_an_offset_there_is_the_way_back_reversed(lat_a, lon_a, lat_b, lon_b):
    there = offset_m(*np.radians([lat_a, lon_a, lat_b, lon_b]))
    back = offset_m(*np.radians([lat_b, lon_b, lat_a, lon_a]))
    assert there[1] == pytest.approx(-back[1])
    assert abs(there[0]) == pytest.approx(abs(back[0]))


def test_the_antimeridian_is_no_wall():
    east_m, _ = offset_m(*np.radians([0.0, 179.9, 0.0, -179.9]))
    assert east_m == pytest.approx(22_264, abs=10)
    (there,) = advanced(track(0.0, 179.9999, east_mps=300.0), Instant(10 * NS_PER_S))
    assert there["longitude_rad"] < -3.14


@given(st.floats(-50, 50), st.floats(-5, 5))
def test_slopes_of_a_parabola(speed, acceleration):
    t = -np.arange(8.0)
    x = 3.0 + speed * t + 0.5 * acceleration * t * t
    assert newest_slope(t, x, 8) == pytest.approx(speed, abs=1e-6)
    assert slope(t, x, 8) == pytest.approx(speed - 3.5 * acceleration, abs=1e-6)


def test_one_wild_point_does_not_move_the_robust_slope():
    t = -np.arange(10.0)
    x = 2.0 * t
    x[3] = 1_000.0
    assert robust_slope(t, x, 10) == pytest.approx(2.0)


def test_points_at_one_time_have_no_slope():
    same = np.zeros(4)
    assert math.isnan(slope(same, same, 4))
    assert math.isnan(robust_slope(same, same, 4))
    assert math.isnan(newest_slope(same, same, 4))
    assert math.isnan(newest_slope(np.array([0.0, -1.0]), same[:2], 2))
