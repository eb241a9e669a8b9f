"""What must hold for any pair, anywhere on the globe."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from detente.detect import cpa
from detente.detect.cpa import CLEAR, CONFLICT, NOT_ASSESSED, judge_pair
from detente.detect.screen import pairs_in_conflict
from flights import Flight, motions_of

D_M = 5 * 1852.0
H_FT = 1000.0
LOOKAHEAD_S = 300.0
MINIMA = (D_M, H_FT, LOOKAHEAD_S)
ANSWERED_M = 0.01  # below it the difference of two Earth-centred positions is noise


@st.composite
def encounters(draw: st.DrawFn) -> tuple[Flight, Flight]:
    """Two aircraft within 60 NM, the poles and the antimeridian included; half of them on courses that meet."""
    lat = draw(st.one_of(st.floats(-89.9, 89.9), st.sampled_from([-90.0, -89.99, -80.0, 0.0, 80.0, 89.99, 90.0])))
    lon = draw(st.one_of(st.floats(-180, 180), st.sampled_from([-180.0, 179.99, 180.0, 0.0])))
    level = draw(st.integers(0, 1800)) * 25.0
    speeds, tracks = st.floats(0, 1200), st.floats(0, 360)
    climbs = st.one_of(st.just(0.0), st.integers(-60, 60).map(lambda n: n * 64.0))
    apart = draw(st.integers(-80, 80)) * 25.0
    if draw(st.booleans()):
        a = Flight("a", lat, lon, level, draw(tracks), draw(speeds), draw(climbs))
        b_lat, b_lon = a.moved(draw(tracks), draw(st.floats(0, 60 * 1852.0)))
        return a, Flight("b", b_lat, b_lon, level + apart, draw(tracks), draw(speeds), draw(climbs))
    # Flown backwards from where they are near each other, a few minutes on.
    meeting = Flight("a", lat, lon, level, draw(tracks), draw(speeds), draw(climbs))
    near_lat, near_lon = meeting.moved(draw(tracks), draw(st.floats(0, 1.2 * D_M)))
    other = Flight("b", near_lat, near_lon, level + apart, draw(tracks), draw(speeds), draw(climbs))
    before_s = draw(st.floats(0, LOOKAHEAD_S))
    return meeting.after(-before_s), other.after(-before_s)


def judged(*pair: Flight, horizontal_m: float = D_M, vertical_ft: float = H_FT) -> tuple[int, np.ndarray]:
    m = motions_of(*pair)
    return judge_pair(m[0], m[1], horizontal_m, vertical_ft, LOOKAHEAD_S)


@given(encounters())
def test_a_pair_is_judged_the_same_to_the_last_bit_from_either_aircraft(pair: tuple[Flight, Flight]) -> None:
    a, b = pair
    (verdict, found), (other, seen) = judged(a, b), judged(b, a)
    assert verdict == other
    assert found.tobytes() == seen.tobytes()


@given(encounters())
def test_a_pair_in_a_scene_is_judged_as_alone(pair: tuple[Flight, Flight]) -> None:
    verdict, found = judged(*pair)
    pairs, findings, verdicts = pairs_in_conflict(motions_of(*pair), *MINIMA)
    assert (verdicts.tolist() or [CLEAR]) == [verdict]
    if verdict != CLEAR:
        assert pairs.tolist() == [[0, 1]]
        assert findings[0].tobytes() == found.tobytes()


@given(encounters(), st.sampled_from([60.0, LOOKAHEAD_S, 900.0]))
def test_by_series_and_by_arcs_a_pair_is_judged_the_same(pair: tuple[Flight, Flight], lookahead_s: float) -> None:
    a, b = motions_of(*pair)
    verdict, found = judge_pair(a, b, D_M, H_FT, lookahead_s)
    by_arcs = np.empty(cpa.FOUND)
    expected = cpa.by_arcs(a, b, D_M, H_FT, lookahead_s, by_arcs)
    if verdict != expected:  # a pair that grazes, by less than rounding, may be either
        assert {verdict, expected} == {CLEAR, CONFLICT}
        assert _agree((verdict, found), (expected, by_arcs), 1e-3)
        return
    assert np.isnan(found).tolist() == np.isnan(by_arcs).tolist()
    rate_fps = abs(a[13] - b[13])
    # Where two come in slowly a millimetre is a while: more than that, and it is not rounding.
    _, slope, _ = cpa.gap(a, b, by_arcs[0] if verdict == CONFLICT else 0.0)
    within_s = max(1e-6, 1e-3 * D_M / abs(slope)) if slope else lookahead_s
    for column, within in ((0, within_s), (1, within_s), (3, 0.01), (5, 0.01), (6, 0.0)):
        if not math.isnan(found[column]):
            assert abs(found[column] - by_arcs[column]) <= within
    if not math.isnan(found[2]) and abs(found[2] - by_arcs[2]) > 1e-3:
        # The time of the closest point is as good as told by the distance there.
        at, there = cpa.gap(a, b, found[2])[0], cpa.gap(a, b, by_arcs[2])[0]
        assert abs(math.sqrt(at) - math.sqrt(there)) <= 0.01
    else:
        assert math.isnan(found[4]) or abs(found[4] - by_arcs[4]) <= 1e-3 * rate_fps + 1e-9


def test_nearly_every_pair_of_a_crowded_sky_is_judged_by_series() -> None:
    rng = np.random.default_rng(4)
    places = zip(rng.uniform(0, 1, 40), rng.uniform(0, 1, 40), rng.uniform(0, 360, 40), strict=True)
    flights = [Flight("", 50 + north, 8 + east, 31_000.0, track, 450.0) for north, east, track in places]
    m = motions_of(*flights)
    pairs, _, _ = pairs_in_conflict(m, *MINIMA)
    sure = 0
    for a, b in pairs.tolist():
        block = np.empty((cpa.PAIR, 1))
        block[: cpa.OTHER, 0], block[cpa.OTHER : cpa.FINDING, 0] = m[a], m[b]
        cpa.by_series(block, 0, *MINIMA)
        sure += block[cpa.VERDICT, 0] == CONFLICT
    assert len(pairs) > 50
    assert sure >= 0.99 * len(pairs)


@given(encounters(), st.floats(0, 2 * LOOKAHEAD_S))
def test_no_instant_is_closer_than_the_closest_point(pair: tuple[Flight, Flight], t: float) -> None:
    a, b = motions_of(*pair)
    _, there = cpa.closest(a, b, 2 * LOOKAHEAD_S, cpa.gap(a, b, 0.0))
    assert math.sqrt(cpa.gap(a, b, t)[0]) >= math.sqrt(there[0]) - ANSWERED_M


def test_two_that_fly_side_by_side_are_closest_where_their_great_circles_are() -> None:
    """They draw together, apart by less than a metre, and together again."""
    nearer_at_the_end = 0
    for seed in range(2_000):
        rng = random.Random(seed)
        a = Flight(
            "a", rng.uniform(-85, 85), rng.uniform(-180, 180), 30_000.0, rng.uniform(0, 360), rng.uniform(400, 1200)
        )
        lat, lon = a.moved(rng.uniform(0, 360), rng.uniform(0, 60 * 1852.0))
        beside = {"trk_deg": a.trk_deg + rng.gauss(0, 0.01), "gs_kt": a.gs_kt + rng.gauss(0, 0.01)}
        one, two = motions_of(a, replace(a, identity="b", lat_deg=lat, lon_deg=lon, **beside))
        t, there = cpa.closest(one, two, 2 * LOOKAHEAD_S, cpa.gap(one, two, 0.0))
        nearest = min(cpa.gap(one, two, s)[0] for s in np.linspace(0.0, 2 * LOOKAHEAD_S, 13))
        assert math.sqrt(there[0]) <= math.sqrt(nearest) + ANSWERED_M
        nearer_at_the_end += cpa.gap(one, two, 0.0)[1] < 0.0 and t == 2 * LOOKAHEAD_S
    assert nearer_at_the_end > 0


@given(encounters(), st.floats(0, 1))
def test_a_conflict_lasts_from_its_beginning_to_its_end_and_not_outside(
    pair: tuple[Flight, Flight], share: float
) -> None:
    a, b = motions_of(*pair)
    verdict, found = judge_pair(a, b, *MINIMA)
    assume(verdict == CONFLICT)
    begin, end = found[:2]

    def excess(t: float) -> float:
        horizontal = math.sqrt(cpa.gap(a, b, t)[0]) / D_M
        return max(horizontal, abs(a[11] - b[11] + (a[13] - b[13]) * t) / H_FT) - 1.0

    assert excess(begin + share * (end - begin)) < 1e-6
    assert excess(share * begin) > -1e-6 or begin == 0.0
    assert excess(end + share * (LOOKAHEAD_S - end)) > -1e-6 or end == LOOKAHEAD_S


@given(encounters(), st.floats(1.0, 2.0), st.floats(1.0, 2.0))
def test_wider_minima_never_lose_a_conflict_enter_later_or_leave_earlier(
    pair: tuple[Flight, Flight], wider: float, higher: float
) -> None:
    verdict, found = judged(*pair)
    assume(verdict == CONFLICT)
    wide, around = judged(*pair, horizontal_m=D_M * wider, vertical_ft=H_FT * higher)
    assert wide == CONFLICT
    assert around[0] <= found[0] + 1e-6
    assert around[1] >= found[1] - 1e-6


def _agree(one: tuple[int, np.ndarray], other: tuple[int, np.ndarray], within_s: float) -> bool:
    """Whether two verdicts agree but for rounding: a pair that grazes, or meets for a moment, may be either."""
    if one[0] == other[0] == CONFLICT:
        # Where two come in slowly, a centimetre is a while.
        slow = 2.0 if one[1][3] > D_M - 1.0 else within_s
        return bool(np.abs(one[1][:2] - other[1][:2]).max() <= slow)
    for verdict, found in (one, other):
        if verdict == CONFLICT:
            return bool(found[1] - found[0] < 2.0 or found[3] > D_M - 1.0)
    return one[0] == other[0]


@given(encounters(), st.floats(-180, 180))
def test_turning_the_globe_about_its_axis_changes_nothing(pair: tuple[Flight, Flight], turn_deg: float) -> None:
    assert _agree(judged(*pair), judged(*(replace(f, lon_deg=f.lon_deg + turn_deg) for f in pair)), 1e-3)


@given(encounters())
def test_seen_in_a_mirror_the_globe_is_the_same(pair: tuple[Flight, Flight]) -> None:
    """WGS 84 is symmetric about its axis and its equator, and about nothing else."""
    south = [replace(f, lat_deg=-f.lat_deg, trk_deg=180.0 - f.trk_deg) for f in pair]
    east = [replace(f, lon_deg=-f.lon_deg, trk_deg=-f.trk_deg) for f in pair]
    assert _agree(judged(*pair), judged(*south), 1e-3)
    assert _agree(judged(*pair), judged(*east), 1e-3)


@given(
    st.floats(-85, 85), st.floats(-180, 180), st.floats(0, 360), st.floats(0, 360), st.floats(30, 180), st.floats(5, 40)
)
def test_elsewhere_on_the_ellipsoid_the_same_encounter_differs_by_no_more_than_its_flattening(
    lat: float, lon: float, turn_deg: float, trk: float, crossing: float, away_nm: float
) -> None:
    """Two aircraft that will meet, laid out by distance and bearing from a point, here and at 0 N 0 E turned round."""

    def laid_out(lat: float, lon: float, turn_deg: float) -> tuple[Flight, Flight]:
        centre = Flight("centre", lat, lon, trk_deg=trk + turn_deg)
        both = (centre, replace(centre, trk_deg=centre.trk_deg + crossing))
        a, b = (f.after(-away_nm / 450.0 * 3600.0) for f in both)
        return a, b

    (_, found), (verdict, seen) = judged(*laid_out(lat, lon, turn_deg)), judged(*laid_out(0.0, 0.0, 0.0))
    assert verdict == CONFLICT
    assert found[0] == pytest.approx(seen[0], abs=0.01)


@given(
    encounters(),
    st.sampled_from(["lat_deg", "lon_deg", "trk_deg", "gs_kt", "vs_fpm", "alt_ft"]),
    st.sampled_from([math.nan, math.inf, -math.inf]),
)
@pytest.mark.filterwarnings("ignore:invalid value encountered")  # infinity's sine, in the test's own arithmetic
def test_what_is_not_a_number_never_becomes_clear(pair: tuple[Flight, Flight], name: str, nothing: float) -> None:
    a, b = pair
    assume(judged(a, b)[0] == CONFLICT)
    broken = replace(a, **{name: nothing})
    assert judged(broken, b)[0] == NOT_ASSESSED
    assert judged(b, broken)[0] == NOT_ASSESSED


@given(encounters(), st.integers(0, 13))
def test_a_motion_with_any_column_missing_is_judged_with_no_one_or_left_to_the_caller(
    pair: tuple[Flight, Flight], column: int
) -> None:
    m = motions_of(*pair)
    assume(judge_pair(m[0], m[1], *MINIMA)[0] == CONFLICT)
    m[0, column] = np.nan
    _, _, verdicts = pairs_in_conflict(m, *MINIMA)
    if column == 12:  # the other datum: both have pressure altitudes
        assert verdicts.tolist() == [CONFLICT]
        return
    assert judge_pair(m[0], m[1], *MINIMA)[0] == NOT_ASSESSED
    assert CONFLICT not in verdicts.tolist()
