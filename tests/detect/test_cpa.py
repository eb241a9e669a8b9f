"""The pair kernel by examples, and its arcs against geodesics; what holds for any pair is in test_properties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.detect.cpa import CLEAR, CONFLICT, NOT_ASSESSED, gap, judge_pair
from detente.detect.motion import along, geodetic
from flights import WGS84, Flight, motions_of

D_M = 5 * 1852.0
H_FT = 1000.0
LOOKAHEAD_S = 300.0


def judged(a: Flight, b: Flight, horizontal_m: float = D_M, vertical_ft: float = H_FT) -> tuple[int, np.ndarray]:
    m = motions_of(a, b)
    return judge_pair(m[0], m[1], horizontal_m, vertical_ft, LOOKAHEAD_S)


def test_a_level_pair_exactly_on_the_vertical_minimum_is_no_conflict() -> None:
    a, b = Flight("a", 50, 8, 31_000, 90), Flight("b", 50, 8.5, 32_000, 270)
    assert judged(a, b)[0] == CLEAR
    assert judged(a, Flight("b", 50, 8.5, 31_999, 270))[0] == CONFLICT


def test_a_pair_at_the_minimum_that_converges_is_a_conflict_from_now() -> None:
    a, b = Flight("a", 50, 8, 31_000, 90), Flight("b", 50, 8.01, 32_000, 270, vs_fpm=-64)
    verdict, found = judged(a, b)
    assert verdict == CONFLICT
    assert found[0] == 0.0


def test_two_aircraft_with_the_same_velocity_inside_the_minima_stay_in_conflict() -> None:
    a, b = Flight("a", 50, 8, gs_kt=400), Flight("b", 50, 8.05, gs_kt=400)
    verdict, found = judged(a, b)
    assert verdict == CONFLICT
    assert found[:2].tolist() == [0.0, LOOKAHEAD_S]


def test_two_still_aircraft_are_judged_too() -> None:
    a, b = Flight("a", 50, 8, gs_kt=0), Flight("b", 50, 8.01, gs_kt=0)
    assert judged(a, b)[0] == CONFLICT
    assert judged(a, Flight("b", 51, 8, gs_kt=0))[0] == CLEAR


def test_altitudes_without_a_common_datum_are_not_assessed() -> None:
    m = motions_of(Flight("a", 50, 8), Flight("b", 50, 8.01))
    m[1, 12], m[1, 11] = m[1, 11], np.nan
    assert judge_pair(m[0], m[1], D_M, H_FT, LOOKAHEAD_S)[0] == NOT_ASSESSED
    m[0, 12] = m[0, 11] + 5_000.0
    assert judge_pair(m[0], m[1], D_M, H_FT, LOOKAHEAD_S)[0] == CLEAR
    m[0, 12] = m[1, 12]
    assert judge_pair(m[0], m[1], D_M, H_FT, LOOKAHEAD_S)[0] == CONFLICT


@given(st.floats(-89.9, 89.9), st.floats(-180, 180), st.floats(0, 360), st.floats(0, 600), st.floats(-60, 300))
def test_an_arc_stays_on_its_geodesic(lat: float, lon: float, trk: float, gs_kt: float, t: float) -> None:
    flight = Flight("a", lat, lon, trk_deg=trk, gs_kt=gs_kt)
    x, y, z, *_ = along(motions_of(flight)[0], t)
    latitude, longitude = geodetic(x, y, z)
    expected = flight.after(t)
    _, _, off_m = WGS84.inv(math.degrees(longitude), math.degrees(latitude), expected.lon_deg, expected.lat_deg)
    assert off_m < 0.1


def test_a_motion_carried_forward_is_the_same_arc() -> None:
    flight = Flight("a", 60, 10, 20_000, 45, 500, 1_200)
    now, later = motions_of(flight, age_s=40.0)[0], motions_of(flight)[0]
    assert along(now, 10.0) == pytest.approx(along(later, 50.0), abs=1e-6)
    assert now[11] == pytest.approx(20_800.0)


def test_two_abreast_on_courses_that_converge_are_closest_at_the_end() -> None:
    """Side by side due north their distance shrinks ever faster: its rate is none where they are farthest apart."""
    a, b = Flight("a", 40.0, 8.0, trk_deg=0.0, gs_kt=480), Flight("b", 40.0, 8.1, trk_deg=0.0, gs_kt=480)
    verdict, found = judged(a, b)
    assert verdict == CONFLICT
    assert found[2] == pytest.approx(2 * LOOKAHEAD_S)
    m = motions_of(a, b)
    assert found[3] == pytest.approx(math.sqrt(gap(m[0], m[1], 2 * LOOKAHEAD_S)[0]), abs=0.01)
