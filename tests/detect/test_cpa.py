"""The pair kernel: what must hold for any pair, and agreement with geodesics computed by pyproj."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from detente.detect import cpa
from detente.detect.cpa import CLEAR, CONFLICT, NOT_ASSESSED, judge_pair
from detente.detect.motion import along, geodetic, motions
from detente.units import MPS_PER_KT
from flights import WGS84, Flight

D_M = 5 * 1852.0
H_FT = 1000.0
LOOKAHEAD_S = 300.0


def motions_of(*flights: Flight, age_s: float = 0.0) -> np.ndarray:
    track = np.radians([f.trk_deg for f in flights])
    speed = np.array([f.gs_kt for f in flights]) * MPS_PER_KT
    n = len(flights)
    return motions(
        np.radians([f.lat_deg for f in flights]),
        np.radians([f.lon_deg for f in flights]),
        np.array([float(f.alt_ft) for f in flights]),
        np.full(n, np.nan),
        speed * np.sin(track),
        speed * np.cos(track),
        np.array([f.vs_fpm / 60.0 for f in flights]),
        np.full(n, age_s),
    )


def judged(a: Flight, b: Flight, horizontal_m: float = D_M, vertical_ft: float = H_FT) -> tuple[int, np.ndarray]:
    m = motions_of(a, b)
    return judge_pair(m[0], m[1], horizontal_m, vertical_ft, LOOKAHEAD_S)


@st.composite
def encounters(draw: st.DrawFn) -> tuple[Flight, Flight]:
    """Two aircraft within 60 NM, anywhere on the globe, the poles and the antimeridian included."""
    lat = draw(st.one_of(st.floats(-89.9, 89.9), st.sampled_from([-89.99, -80.0, 0.0, 80.0, 89.99])))
    lon = draw(st.one_of(st.floats(-180, 180), st.sampled_from([-180.0, 179.99, 0.0])))
    whole_feet = st.integers(0, 1800).map(lambda n: n * 25.0)
    level = draw(whole_feet)
    speeds, tracks = st.floats(0, 1200), st.floats(0, 360)
    climbs = st.one_of(st.just(0.0), st.integers(-60, 60).map(lambda n: n * 64.0))
    a = Flight("a", lat, lon, level, draw(tracks), draw(speeds), draw(climbs))
    b_lat, b_lon = a.moved(draw(tracks), draw(st.floats(0, 60 * 1852.0)))
    apart = draw(st.integers(-80, 80)) * 25.0
    return a, Flight("b", b_lat, b_lon, level + apart, draw(tracks), draw(speeds), draw(climbs))


@given(encounters())
def test_a_pair_is_judged_the_same_from_either_aircraft(pair: tuple[Flight, Flight]) -> None:
    a, b = pair
    verdict, found = judged(a, b)
    other, seen = judged(b, a)
    assert verdict == other
    if verdict == CONFLICT:
        assert found == pytest.approx(seen, abs=1e-4)


@given(encounters(), st.floats(0, LOOKAHEAD_S))
def test_no_instant_is_closer_than_the_closest_point(pair: tuple[Flight, Flight], t: float) -> None:
    m = motions_of(*pair)
    _, found = judge_pair(m[0], m[1], D_M, H_FT, LOOKAHEAD_S)
    square, _, _ = cpa.gap(m[0], m[1], t)
    # A centimetre: below it the difference of two Earth-centred positions is noise.
    assert math.sqrt(square) >= found[3] - 0.01


@given(encounters(), st.floats(1.0, 2.0), st.floats(1.0, 2.0))
def test_wider_minima_never_take_a_conflict_away(pair: tuple[Flight, Flight], wider: float, higher: float) -> None:
    verdict, found = judged(*pair)
    wide, around = judged(*pair, D_M * wider, H_FT * higher)
    if verdict == CONFLICT:
        assert wide == CONFLICT
        assert around[0] <= found[0] + 1e-5
        assert around[1] >= found[1] - 1e-5


@given(encounters(), st.floats(-180, 180))
def test_turning_the_globe_about_its_axis_changes_nothing(pair: tuple[Flight, Flight], turn_deg: float) -> None:
    a, b = pair
    turned = [Flight(f.identity, f.lat_deg, f.lon_deg + turn_deg, f.alt_ft, f.trk_deg, f.gs_kt, f.vs_fpm) for f in pair]
    verdict, found = judged(a, b)
    again, seen = judged(*turned)
    grazes = abs(found[3] - D_M) < 0.01
    assert verdict == again or grazes or CONFLICT in {verdict, again}
    if verdict == again == CONFLICT and not grazes:
        assert found[0] == pytest.approx(seen[0], abs=1e-3)


@given(encounters(), st.sampled_from(["lat_deg", "lon_deg", "trk_deg", "gs_kt", "vs_fpm", "alt_ft"]))
def test_nan_never_becomes_clear(pair: tuple[Flight, Flight], name: str) -> None:
    a, b = pair
    assume(judged(a, b)[0] == CONFLICT)
    broken = Flight(**{**vars(a), name: math.nan})
    assert judged(broken, b)[0] == NOT_ASSESSED
    assert judged(b, broken)[0] == NOT_ASSESSED


@given(encounters())
@example((Flight("a", 89.9, 0.0, gs_kt=400, trk_deg=0), Flight("b", 89.9, 180.0, gs_kt=400, trk_deg=0)))
def test_verdicts_agree_with_geodesics_sampled_every_second(pair: tuple[Flight, Flight]) -> None:
    """Arbiter: both aircraft on WGS 84 geodesics by pyproj, level, so that only the horizontal decides."""
    a, b = (Flight(f.identity, f.lat_deg, f.lon_deg, 30_000.0, f.trk_deg, f.gs_kt) for f in pair)
    seconds = np.arange(0.0, LOOKAHEAD_S + 1.0)
    ends = [
        WGS84.fwd(
            *(np.full(len(seconds), v) for v in (f.lon_deg, f.lat_deg, f.trk_deg)), f.gs_kt * MPS_PER_KT * seconds
        )
        for f in (a, b)
    ]
    apart = WGS84.inv(ends[0][0], ends[0][1], ends[1][0], ends[1][1])[2]
    verdict, found = judged(a, b)
    assume(abs(apart.min() - D_M) > 25.0)  # between two samples a grazing pair may dip below
    assert (verdict == CONFLICT) == (apart.min() < D_M)
    if verdict == CONFLICT and apart[0] > D_M:
        first = int(np.argmax(apart < D_M))
        assert first - 1.01 <= found[0] <= first + 0.01


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
