"""How well a track is known becomes a margin on its minima: said with the verdict, and not assessed where it is all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.alerts.alert import Level
from detente.alerts.life import AlertBook
from detente.detect.accuracy import accuracy_of, margins, worse_m
from detente.detect.detector import Detector
from detente.detect.profile import EN_ROUTE, LOW_LEVEL, Minima, Profile
from detente.picture.picture import Reason, Tracks
from detente.types import NS_PER_S, Instant
from flights import head_on, tracks_of

NOW = Instant(1_000 * NS_PER_S)
FT = 0.3048
STRAIGHT = replace(EN_ROUTE, level=None)


def passing(offset_nm: float, apart_ft: float = 0.0, distance_nm: float = 20.0, **columns: float) -> Tracks:
    """Two aircraft that will pass each other so near, the second known as the columns say."""
    tracks = tracks_of(*head_on(distance_nm, offset_nm=offset_nm, apart_ft=apart_ft), at=NOW)
    for name, value in columns.items():
        tracks[name][1] = value
    return tracks


def assessed(tracks: Tracks, profile: Profile = STRAIGHT):
    return Detector(profile).assess(tracks, NOW)


def test_a_pair_outside_the_minima_by_less_than_its_margin_is_told_with_the_margin() -> None:
    assert assessed(passing(5.5)).conflicts == ()
    assert assessed(passing(5.5, position_sigma_m=500.0)).conflicts == ()  # what 5 NM presuppose
    [conflict] = assessed(passing(5.5, position_sigma_m=1_000.0)).conflicts
    assert conflict.margin_m == pytest.approx(2.0 * np.sqrt(1_000.0**2 - 500.0**2))
    assert conflict.margin_ft == 0.0
    assert conflict.distance_at_cpa_m == pytest.approx(5.5 * 1_852.0, rel=0.02)
    assert assessed(passing(6.5, position_sigma_m=1_000.0)).conflicts == ()


def test_a_pair_below_the_minima_themselves_needs_no_margin() -> None:
    [conflict] = assessed(passing(1.0, position_sigma_m=1_000.0)).conflicts
    assert (conflict.margin_m, conflict.margin_ft) == (0.0, 0.0)


def test_steps_of_a_hundred_feet_widen_the_vertical_minimum_by_what_they_can_hide() -> None:
    assert all(conflict.is_held for conflict in assessed(passing(0.0, apart_ft=820.0)).conflicts)
    [conflict] = assessed(passing(0.0, apart_ft=820.0, altitude_step_m=100.0 * FT)).conflicts
    assert conflict.margin_ft == pytest.approx(37.5)
    # A thousand feet, seen through such steps at both ends, are 900 at the least.
    both = passing(0.0, apart_ft=900.0)
    both["altitude_step_m"] = 100.0 * FT
    assert all(conflict.is_held for conflict in assessed(both).conflicts)


def test_an_old_plot_is_less_known_than_a_fresh_one() -> None:
    tracks = passing(3.0)
    tracks["applicable_at_ns"][1] = NOW - 36 * NS_PER_S
    known = accuracy_of(tracks, NOW)
    assert known.sigma_m.tolist() == [0.0, 648.0]  # a tenth of gravity, half of it, times the square
    assert worse_m(known.sigma_m, EN_ROUTE.minima.horizontal_m)[1] > 800.0


def test_a_track_whose_margin_is_wider_than_the_minimum_is_not_assessed_and_never_clear() -> None:
    found = assessed(passing(1.0, position_sigma_m=10_000.0))
    assert found.conflicts == ()
    assert [(lost.track, lost.other, lost.reason) for lost in found.not_assessed] == [(2, None, Reason.TOO_COARSE)]


def test_what_is_good_enough_for_five_miles_may_not_be_for_half_a_mile() -> None:
    tracks = passing(0.7, distance_nm=12.0, position_sigma_m=600.0)
    tracks["position_sigma_m"][0] = 600.0
    found = assessed(tracks, LOW_LEVEL)
    assert found.conflicts == ()
    assert {(lost.track, lost.reason) for lost in found.not_assessed} == {
        (1, Reason.TOO_COARSE),
        (2, Reason.TOO_COARSE),
    }
    tracks["position_sigma_m"] = 400.0  # each can be judged, the two together cannot
    [lost] = assessed(tracks, LOW_LEVEL).not_assessed
    assert (lost.track, lost.other, lost.reason) == (1, 2, Reason.TOO_COARSE)


def test_a_coarse_track_changes_nothing_for_the_others() -> None:
    fine = tracks_of(*head_on(20.0, offset_nm=1.0), at=NOW)
    crowd = tracks_of(*head_on(20.0, offset_nm=1.0), *(replace(f, identity=f"c{f.identity[:5]}", lat_deg=f.lat_deg + 5.0)
                      for f in head_on(20.0, offset_nm=5.5)), at=NOW)  # fmt: skip
    crowd["position_sigma_m"][3] = 1_000.0
    [before] = assessed(fine).conflicts
    found = {(c.a, c.b): c for c in assessed(crowd).conflicts}
    assert found[1, 2] == before
    assert found[3, 4].margin_m > 0.0


def test_a_pair_told_only_for_its_margin_is_a_caution_until_its_best_estimate_is_a_conflict() -> None:
    book, detector = AlertBook(STRAIGHT), Detector(STRAIGHT)
    levels = []
    for second, offset_nm in enumerate((5.5, 5.5, 5.5, 1.0, 1.0)):
        tracks = passing(offset_nm, position_sigma_m=1_000.0)
        at = Instant(NOW + second * NS_PER_S)
        tracks["applicable_at_ns"] = at
        book.update(detector.assess(tracks, at), tracks, at)
        levels.append([(alert.level, alert.margin_m > 0.0) for alert in book.active.values()])
    assert levels[2] == [(Level.CAUTION, True)]
    assert levels[4][0][0] is not Level.CAUTION
    assert levels[4][0][1] is False


@given(
    st.floats(0.0, 1e5), st.floats(0.0, 1e5), st.floats(0.0, 500.0), st.floats(100.0, 20_000.0), st.integers(100, 2_000)
)
def test_margins_grow_with_what_is_unknown_and_are_the_same_for_either_order(
    a_m, b_m, coarse_ft, minimum_m, minimum_ft
):
    tracks = tracks_of(*head_on(20.0), at=NOW)
    tracks["position_sigma_m"] = a_m, b_m
    tracks["altitude_step_m"][0] = coarse_ft * FT
    minima = Minima(minimum_m, minimum_ft, 60.0)
    known = accuracy_of(tracks, NOW)
    margin = margins(known, (0, 1), minima)
    assert margin == pytest.approx(margins(known, (1, 0), minima))
    tracks["position_sigma_m"] *= 2.0
    wider = margins(accuracy_of(tracks, NOW), (0, 1), minima)
    assert wider[0] >= margin[0] >= 0.0
    assert wider[1] == margin[1] >= 0.0
    assert margin[0] == pytest.approx(float(np.hypot(*worse_m(known.sigma_m, minimum_m))))
