"""One pass over one snapshot."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detente.detect import detector
from detente.detect.detector import Detector, conflicts
from detente.detect.profile import EN_ROUTE, PROFILES, TERMINAL, Minima, Profile, profile_named, promoting
from detente.errors import ConfigError
from detente.picture.picture import Mark, Reason
from detente.types import NS_PER_S, Instant
from flights import Flight, head_on, tracks_of

NOW = Instant(1_000 * NS_PER_S)


def assessed(*flights: Flight, profile: Profile = EN_ROUTE, **columns: object) -> detector.Assessment:
    tracks = tracks_of(*flights, at=NOW)
    for name, value in columns.items():
        tracks[name][1] = value
    return Detector(profile).assess(tracks, NOW)


def test_a_conflict_tells_when_where_and_how_close() -> None:
    a, b = head_on(20.0, offset_nm=1.0)
    [conflict] = assessed(a, b).conflicts
    assert (conflict.a, conflict.b) == (1, 2)
    assert 55.0 < conflict.time_in_s < conflict.time_to_cpa_s < conflict.time_out_s
    assert conflict.distance_at_cpa_m == pytest.approx(1852.0, rel=0.02)
    assert conflict.vertical_at_cpa_ft == 0
    assert np.degrees([conflict.latitude_rad, conflict.longitude_rad]) == pytest.approx([47.008, 8.0], abs=0.01)


def test_the_pair_is_in_order_of_identity_whatever_the_order_of_the_tracks() -> None:
    a, b = head_on(20.0)
    [one] = assessed(a, b).conflicts
    [other] = assessed(b, a).conflicts
    assert (other.a, other.b) == (2, 1)
    assert replace(other, a=1, b=2) == one


def test_tracks_of_different_times_are_brought_to_now_along_their_courses() -> None:
    a, b = head_on(20.0)
    [fresh] = assessed(a, b).conflicts
    tracks = tracks_of(a, b.after(-10.0), at=NOW)
    tracks["applicable_at_ns"][1] = NOW - 10 * NS_PER_S
    [late] = Detector(EN_ROUTE).assess(tracks, NOW).conflicts
    assert late.time_in_s == pytest.approx(fresh.time_in_s, abs=0.01)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"not_assessed": Reason.FROZEN}, Reason.FROZEN),
        ({"v_east_mps": np.nan}, Reason.NO_VELOCITY),
        ({"v_up_mps": np.nan}, Reason.NO_VELOCITY),
        ({"latitude_rad": np.nan}, Reason.NO_VELOCITY),
        ({"altitude_pressure_m": np.nan}, Reason.NO_ALTITUDE),
    ],
)
def test_a_track_that_cannot_be_judged_is_said_and_never_clear(columns: dict[str, float], reason: Reason) -> None:
    found = assessed(*head_on(20.0), **columns)
    assert found.conflicts == ()
    assert (2, reason) in {(lost.track, lost.reason) for lost in found.not_assessed}


def test_two_heights_of_different_datum_make_a_pair_that_is_not_assessed() -> None:
    found = assessed(*head_on(20.0), altitude_pressure_m=np.nan, altitude_ellipsoid_m=10_668.0)
    [lost] = found.not_assessed
    assert (lost.track, lost.other, lost.reason) == (1, 2, Reason.NO_ALTITUDE)


def test_a_secondary_track_is_judged_through_the_one_that_stands_for_it() -> None:
    found = assessed(*head_on(20.0), flags=Mark.SECONDARY)
    assert (found.tracks, found.conflicts, found.not_assessed) == (1, (), ())


def test_noise_of_a_level_flight_is_no_climb_and_a_real_one_is() -> None:
    a, b = head_on(20.0, apart_ft=1_000.0)
    assert assessed(a, replace(b, vs_fpm=-128.0)).conflicts == ()
    assert len(assessed(replace(a, vs_fpm=1_500.0, alt_ft=35_300.0), b).conflicts) == 1


def test_an_aircraft_about_to_level_is_told_on_condition_and_nearer_only() -> None:
    a, b = head_on(22.0)
    climbing = replace(a, alt_ft=33_000.0, vs_fpm=2_000.0)
    [conflict] = assessed(climbing, b).conflicts
    assert conflict.levels == ((1, 33_000),)
    assert not conflict.is_told
    assert not conflict.is_promoted
    told_s = conflict.time_in_s - 55.0
    [nearer] = assessed(climbing.after(told_s), b.after(told_s)).conflicts
    assert nearer.is_told
    assert not nearer.is_promoted
    [near] = assessed(climbing.after(told_s + 6.0), b.after(told_s + 6.0)).conflicts
    assert near.levels
    assert near.is_promoted


def test_a_node_that_is_told_to_wait_does_not_warn_before_the_level_is_passed() -> None:
    a, b = head_on(22.0)
    climbing = replace(a, alt_ft=33_000.0, vs_fpm=2_000.0)
    waiting = Detector(promoting(EN_ROUTE, 0.0))
    for after_s, is_conditional in ((30.0, True), (40.0, False)):
        tracks = tracks_of(climbing.after(after_s), b.after(after_s), at=NOW)
        [conflict] = waiting.assess(tracks, NOW).conflicts
        assert bool(conflict.levels) is is_conditional
        assert not conflict.is_promoted


def test_a_crew_that_tells_its_selected_altitude_is_believed_to_level_there() -> None:
    a, b = head_on(15.0)
    tracks = tracks_of(replace(a, alt_ft=33_500.0, vs_fpm=2_000.0), b, at=NOW)
    assert Detector(EN_ROUTE).assess(tracks, NOW).conflicts[0].is_promoted
    tracks["selected_altitude_m"][0] = 34_000 * 0.3048
    [conflict] = Detector(EN_ROUTE).assess(tracks, NOW).conflicts
    assert conflict.levels == ((1, 34_000),)
    assert not conflict.is_promoted


def test_a_selected_altitude_beyond_the_other_is_no_promise_to_level() -> None:
    b, a = head_on(20.0)
    climbing = replace(a, alt_ft=33_500.0, vs_fpm=2_000.0)
    tracks = tracks_of(b, climbing, at=NOW)
    assert Detector(EN_ROUTE).assess(tracks, NOW).conflicts[0].levels == ((2, 34_000),)
    tracks["selected_altitude_m"][1] = 36_000 * 0.3048
    assert Detector(EN_ROUTE).assess(tracks, NOW).conflicts[0].levels == ()


def test_low_down_only_the_smaller_minima_count_in_terminal_airspace() -> None:
    side_by_side = Flight("a", 47.0, 8.0, 2_000, 0, 140), Flight("b", 47.0, 8.03, 2_000, 0, 140)
    assert assessed(*side_by_side, profile=TERMINAL).conflicts == ()
    assert len(assessed(*(replace(f, alt_ft=8_000) for f in side_by_side), profile=TERMINAL).conflicts) == 1
    near = side_by_side[0], replace(side_by_side[1], lon_deg=8.005)
    assert len(assessed(*near, profile=TERMINAL).conflicts) == 1


def test_rows_that_cannot_be_judged_are_returned_as_such() -> None:
    here = np.zeros(3)
    altitude = np.array([1_000.0, np.nan, 1_000.0])
    pairs, _, unknown = conflicts(here, here, altitude, here, here, here, Minima(1_000.0, 500, 60.0))
    assert pairs.tolist() == [[0, 2]]
    assert unknown.tolist() == [False, True, False]


def test_a_profile_has_a_name_and_makes_sense() -> None:
    assert [profile_named(name).name for name in PROFILES] == list(PROFILES)
    for nonsense in (
        {"hold": Minima(1.0, 800, 120.0)},
        {"confirm": (4, 3)},
        {"floor_ft": 3_000},
    ):
        with pytest.raises(ConfigError, match="profile en-route"):
            replace(EN_ROUTE, **nonsense)
    with pytest.raises(ConfigError, match="at most"):
        Minima(1.0, 1, 1e6)
    with pytest.raises(ConfigError, match="no profile"):
        profile_named("none")


def test_without_traffic_no_warming_raises() -> None:
    detector.warm()


def test_the_answers_are_the_same_bits_without_the_compiler(shared: Path) -> None:
    scene = shared / "data/bluesky-scenes/arctic-300-07.tracks.csv"
    command = [sys.executable, "-m", "detente", "detect", str(scene)]
    source = str(Path(detector.__file__).parents[2])
    answers = [
        subprocess.run(command, env=os.environ | {"PYTHONPATH": source} | extra, capture_output=True, check=True).stdout
        for extra in ({}, {"NUMBA_DISABLE_JIT": "1"})
    ]
    assert answers[0] == answers[1]
    assert answers[0].count(b"\n") == 15
