"""Conformance: a track that takes part in a declared activity keeps to its volumes, or is told."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.alerts.alert import Happening, Kind, Level
from detente.alerts.life import AlertBook
from detente.detect.assessment import Conformance, ConformanceVerdict, NotAssessed
from detente.detect.conformance import Declared, Tolerance
from detente.detect.detector import Detector
from detente.detect.profile import LOW_LEVEL
from detente.detect.shape import circle
from detente.detect.volume import Activity, ActivityState, Datum, Volume
from detente.picture.picture import Mark, Reason
from detente.picture.tracker import Tracker
from detente.surveillance import Surveillance
from detente.types import NS_PER_S, Instant, PartyId
from detente.units import M_PER_FT, MPS_PER_KT
from flights import WGS84, Flight, plots_of, tracks_of

NOW = Instant(0)
HOUR = Instant(3_600 * NS_PER_S)
EXACT = Tolerance(horizontal_m=0.0, vertical_m=0.0, sigmas=0.0)


def ring(south: float, north: float, west: float, east: float) -> np.ndarray:
    return np.radians(np.array([[south, west], [south, east], [north, east], [north, west], [south, west]], float))


def volume(*rings: np.ndarray, floor_ft: float | None = None, ceiling_ft: float | None = None, **said) -> Volume:
    levels = [None if ft is None else ft * M_PER_FT for ft in (floor_ft, ceiling_ft)]
    clocks = {"datum": Datum.PRESSURE, "start": NOW, "end": HOUR} | said
    return Volume(rings or (ring(50, 51, 10, 11),), *levels, **clocks)


def activity(*volumes: Volume, name: str = "survey", state: ActivityState = ActivityState.ACTIVATED, **who) -> Activity:
    who = who or {"identities": frozenset({"aaaaaa"})}
    return Activity(name, PartyId("alfa"), state, volumes or (volume(),), **who)


def judged(
    flight: Flight, *declared: Activity, at: Instant = NOW, before=(), tolerance: Tolerance | None = None, **columns
) -> tuple[list[ConformanceVerdict], list[NotAssessed]]:
    tracks = tracks_of(flight)
    for name, value in columns.items():
        tracks[name] = value
    tracks["applicable_at_ns"] = at
    return Declared(declared or (activity(),), tolerance).judge(tracks, at, before)


INSIDE = Flight("aaaaaa", 50.5, 10.5, 2_000, 90, 100)


def test_a_track_deep_inside_conforms() -> None:
    [verdict], lost = judged(INSIDE)
    assert (verdict.phase, verdict.leaves_at, verdict.horizontal_m, lost) == (Conformance.CONFORMING, None, 0.0, [])
    assert math.isinf(verdict.time_to_leave_s)


def test_a_leaving_is_predicted_with_its_time_and_place() -> None:
    flight = replace(INSIDE, lon_deg=10.98)
    [verdict], _ = judged(flight, tolerance=EXACT)
    out_s = WGS84.inv(10.98, 50.5, 11.0, 50.5)[2] / (100 * MPS_PER_KT)
    assert verdict.phase is Conformance.LEAVING
    assert verdict.time_to_leave_s == pytest.approx(out_s, abs=0.06)
    assert verdict.leaves_at == pytest.approx(out_s * NS_PER_S, abs=0.06 * NS_PER_S)
    assert math.degrees(verdict.longitude_rad) == pytest.approx(11.0, abs=1e-4)
    [cautious], _ = judged(flight)
    assert cautious.time_to_leave_s == pytest.approx(out_s + 50.0 / (100 * MPS_PER_KT), abs=0.06)
    [later], _ = judged(flight, tolerance=replace(EXACT, lookahead_s=20.0))
    assert later.phase is Conformance.CONFORMING


def test_a_track_outside_is_told_since_when_and_how_far_to_the_side_and_in_level() -> None:
    low = activity(volume(ceiling_ft=1_000))
    flight = Flight("aaaaaa", 50.5, 11.01, 1_500, 90, 100)
    [verdict], _ = judged(flight, low)
    assert (verdict.phase, verdict.time_to_leave_s, verdict.leaves_at) == (Conformance.OUTSIDE, 0.0, NOW)
    assert verdict.horizontal_m == pytest.approx(WGS84.inv(11.0, 50.5, 11.01, 50.5)[2], abs=1.0)
    assert verdict.vertical_ft == 500
    [again], _ = judged(flight.after(30), low, at=Instant(30 * NS_PER_S), before=[verdict])
    assert (again.leaves_at, again.phase) == (NOW, Conformance.OUTSIDE)
    [below], _ = judged(INSIDE, activity(volume(floor_ft=2_500)))
    assert below.vertical_ft == -500


def test_what_was_predicted_is_the_instant_since_when_it_is_outside() -> None:
    [leaving], _ = judged(replace(INSIDE, lon_deg=10.999))
    at = Instant(20 * NS_PER_S)
    [outside], _ = judged(replace(INSIDE, lon_deg=10.999).after(20), at=at, before=[leaving])
    assert outside.phase is Conformance.OUTSIDE
    assert NOW < outside.leaves_at == leaving.leaves_at < at


def test_a_level_is_left_by_climbing() -> None:
    [verdict], _ = judged(replace(INSIDE, vs_fpm=600), activity(volume(ceiling_ft=2_300)), tolerance=EXACT)
    assert verdict.phase is Conformance.LEAVING
    assert verdict.time_to_leave_s == pytest.approx(30.0, abs=0.1)


def test_a_volume_that_ends_is_left_and_one_that_follows_is_entered() -> None:
    first = volume(end=Instant(30 * NS_PER_S))
    [verdict], _ = judged(INSIDE, activity(first), tolerance=EXACT)
    assert verdict.phase is Conformance.LEAVING
    assert verdict.time_to_leave_s == pytest.approx(30.0, abs=0.1)
    assert verdict.is_out_of_time
    [verdict], _ = judged(INSIDE, activity(first, volume(start=Instant(30 * NS_PER_S))), tolerance=EXACT)
    assert verdict.phase is Conformance.CONFORMING
    [verdict], _ = judged(INSIDE, activity(volume(start=Instant(600 * NS_PER_S))))
    assert (verdict.phase, verdict.is_out_of_time, verdict.horizontal_m) == (Conformance.OUTSIDE, True, 0.0)


def test_from_one_volume_into_the_next_is_no_leaving() -> None:
    flight = replace(INSIDE, lon_deg=10.98)
    both = activity(volume(), volume(ring(50, 51, 10.999, 12)))
    assert judged(flight, both, tolerance=EXACT)[0][0].phase is Conformance.CONFORMING


def test_noise_on_an_edge_does_not_flap() -> None:
    verdicts: list[ConformanceVerdict] = []
    phases = []
    for n, beyond_m in enumerate([0, 49, 40, 51, 45, 51, 30, 49, 24, 45]):
        lat, lon = Flight("edge", 50.5, 11.0).moved(90.0, beyond_m)
        at = Instant(n * NS_PER_S)
        verdicts, _ = judged(Flight("aaaaaa", lat, lon, 2_000, 0.0, 0.0), at=at, before=verdicts)
        phases.append(verdicts[0].phase is Conformance.OUTSIDE)
    assert phases == [False] * 3 + [True] * 5 + [False] * 2


def test_a_coarse_track_gets_a_wider_buffer() -> None:
    lat, lon = Flight("edge", 50.5, 11.0).moved(90.0, 200.0)
    flight = Flight("aaaaaa", lat, lon, 2_000, 0.0, 0.0)
    assert judged(flight)[0][0].phase is Conformance.OUTSIDE
    assert judged(flight, position_sigma_m=100.0)[0][0].phase is Conformance.CONFORMING


def test_what_cannot_be_judged_is_not_assessed_with_its_reason() -> None:
    levels = activity(volume(floor_ft=0, ceiling_ft=3_000))
    assert judged(INSIDE, levels, altitude_pressure_m=np.nan) == ([], [NotAssessed(1, Reason.NO_ALTITUDE)])
    above_ellipsoid = activity(volume(floor_ft=0, ceiling_ft=3_000, datum=Datum.ELLIPSOID))
    assert judged(INSIDE, above_ellipsoid)[1] == [NotAssessed(1, Reason.NO_ALTITUDE)]
    assert judged(INSIDE, above_ellipsoid, altitude_ellipsoid_m=500.0)[0][0].phase is Conformance.CONFORMING
    assert judged(INSIDE, levels, v_up_mps=np.nan)[1] == [NotAssessed(1, Reason.NO_VELOCITY)]
    assert judged(INSIDE, v_east_mps=np.nan)[1] == [NotAssessed(1, Reason.NO_VELOCITY)]
    assert judged(INSIDE, not_assessed=Reason.TELEPORT)[1] == [NotAssessed(1, Reason.TELEPORT)]


def test_an_unknown_level_does_not_hide_that_a_track_is_far_to_the_side() -> None:
    levels = activity(volume(floor_ft=0, ceiling_ft=3_000))
    [verdict], lost = judged(replace(INSIDE, lon_deg=12.0), levels, altitude_pressure_m=np.nan)
    assert (verdict.phase, verdict.vertical_ft, lost) == (Conformance.OUTSIDE, 0, [])


def test_who_takes_part_is_known_by_identity_or_callsign_and_nobody_else_is_judged() -> None:
    by_callsign = activity(callsigns=frozenset({"SURVEY1"}))
    assert judged(INSIDE, by_callsign) == ([], [])
    assert len(judged(INSIDE, by_callsign, callsign=b"survey1 ")[0]) == 1
    assert judged(replace(INSIDE, identity="bbbbbb")) == ([], [])
    both = judged(INSIDE, activity(), activity(name="other"))[0]
    assert [verdict.activity for verdict in both] == ["survey", "other"]


@pytest.mark.parametrize("mark", [Mark.ON_GROUND, Mark.SECONDARY])
def test_what_does_not_fly_or_is_shown_by_another_is_not_judged(mark: Mark) -> None:
    assert judged(replace(INSIDE, lon_deg=15.0), flags=mark) == ([], [])


def test_an_activity_not_yet_activated_is_not_watched() -> None:
    assert judged(replace(INSIDE, lon_deg=15.0), activity(state=ActivityState.ACCEPTED)) == ([], [])
    assert judged(replace(INSIDE, lon_deg=15.0), activity(state=ActivityState.CONTINGENT))[0] != []


@given(st.floats(-1_500, 1_500), st.floats(0, 360), st.floats(0, 360), st.floats(20, 200))
def test_the_leaving_of_a_circle_is_that_of_small_steps_on_the_geodesic(
    out_m: float, bearing: float, trk_deg: float, gs_kt: float
) -> None:
    centre, radius_m = (179.99, 71.0), 3_000.0
    rings = tuple(np.radians(part[:, ::-1]) for part in circle(centre, radius_m))
    lon, lat, _ = WGS84.fwd(*centre, bearing, radius_m + out_m)
    flight = Flight("aaaaaa", lat, lon, 2_000, trk_deg, gs_kt)
    [verdict], _ = judged(flight, activity(volume(*rings)), tolerance=EXACT)
    seconds = np.linspace(0.0, 60.0, 601)
    ways = (np.full(601, v) for v in (lon, lat, trk_deg))
    lons, lats, _ = WGS84.fwd(*ways, gs_kt * MPS_PER_KT * seconds)
    away = WGS84.inv(np.full(601, centre[0]), np.full(601, centre[1]), lons, lats)[2]
    if verdict.phase is Conformance.CONFORMING:
        assert (away < radius_m + 1.0).all()
        return
    at = int(np.searchsorted(seconds, verdict.time_to_leave_s))
    a_step_m = 0.06 * gs_kt * MPS_PER_KT
    assert (away[:at] < radius_m + 1.0 + a_step_m).all()
    assert away[min(at + 10, 600) if at else 0] > radius_m - 1.0 - gs_kt * MPS_PER_KT
    if verdict.phase is Conformance.OUTSIDE:
        assert verdict.horizontal_m == pytest.approx(max(out_m, 0.0), abs=1.0)


def test_leaving_a_declared_volume_raises_an_alert_with_its_instant_and_returning_clears_it() -> None:
    surveillance = Surveillance(Tracker(), Detector(LOW_LEVEL), AlertBook(LOW_LEVEL))
    surveillance.set_activities([activity(volume(ceiling_ft=3_000))])
    out = Flight("aaaaaa", 50.5, 10.98, 2_000, 90, 100)
    plots = plots_of(out, seconds=80)
    events = []
    for second in range(80):
        now = Instant(second * NS_PER_S)
        if second == 60:  # the volume was declared anew, and wider
            surveillance.set_activities([activity(volume(ring(50, 51, 10, 12), ceiling_ft=3_000))])
        surveillance.take(0, 0, plots[plots["applicable_at_ns"] == now], now)
        events += surveillance.tick(now)
    told = [event.alert for event in events]
    leaves_s = (WGS84.inv(10.98, 50.5, 11.0, 50.5)[2] + 50.0) / (100 * MPS_PER_KT)
    assert {(alert.kind, alert.zone, alert.a) for alert in told} == {(Kind.CONFORMANCE, "survey", 1)}
    assert (told[0].level, told[0].raised_at) == (Level.CAUTION, told[0].updated_at)
    assert told[0].event_at == pytest.approx(leaves_s * NS_PER_S, abs=2 * NS_PER_S)
    outside = next(alert for alert in told if alert.level is Level.WARNING)
    assert outside.event_at == pytest.approx(leaves_s * NS_PER_S, abs=2 * NS_PER_S)
    assert (events[-1].happening, told[-1].cleared_because) == (Happening.CLEARED, "returned")
