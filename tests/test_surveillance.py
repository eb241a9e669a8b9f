"""Plots in, alerts out: recorded and staged encounters, and a whole day of ordinary traffic."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from detente.alerts.alert import Happening, Kind, Level
from detente.detect.profile import EN_ROUTE, LIGHT_AIRCRAFT, LOW_LEVEL, PROFILES, TERMINAL, Profile, promoting
from detente.node.recordings import open_recording
from detente.types import NS_PER_S
from detente.units import M_PER_FT
from flights import Flight, head_on, plots_of
from incidents import DAIDALUS, DAY_S, closest_s, daidalus, dca, ocap, watched

DCA_CLOSEST_S = 1_738_201_679.0
"""01:47:59Z, the second of the collision."""


def test_two_airliners_head_on_are_told_once_and_the_alert_clears_behind_them() -> None:
    events, replayed = watched([plots_of(*head_on(40.0), seconds=300.0)], EN_ROUTE)
    raised = [e.alert for e in events if e.happening is Happening.RAISED]
    assert [(a.kind, replayed.names[a.a], replayed.names[a.b]) for a in raised] == [(Kind.CONFLICT, "aaaaaa", "bbbbbb")]
    assert 100.0 < raised[0].time_to_event_s <= 120.0
    assert replayed.levels == {1: (Kind.CONFLICT, Level.ALARM)}
    assert events[-1].happening is Happening.CLEARED
    assert events[-1].alert.cleared_because == "diverged"


def test_a_thousand_feet_apart_there_is_nothing_to_tell() -> None:
    events, _ = watched([plots_of(*head_on(40.0, apart_ft=1_000.0), seconds=300.0)], EN_ROUTE)
    assert events == []


def test_a_climb_to_a_separated_level_is_a_caution_then_a_warning_and_through_it_an_alarm() -> None:
    a, b = head_on(30.0, apart_ft=3_500.0)
    climbing = Flight(a.identity, a.lat_deg, a.lon_deg, 34_000.0, a.trk_deg, a.gs_kt, 1_500.0)
    level = Flight(b.identity, b.lat_deg, b.lon_deg, 37_000.0, b.trk_deg, b.gs_kt)
    events, _ = watched([plots_of(climbing, level, seconds=200.0)], EN_ROUTE)
    told = [(e.alert.level, e.alert.levels) for e in events if e.happening is not Happening.CLEARED]
    assert told[0][0] is Level.CAUTION
    assert any(level is Level.WARNING for level, levels in told if levels)
    assert list(dict.fromkeys(ft for _, levels in told for _, ft in levels)) == [35_000, 36_000]
    assert told[-1] == (Level.ALARM, ())


@pytest.mark.parametrize("tells", [True, False], ids=["tells", "does not tell"])
@pytest.mark.parametrize(
    ("level_ft", "at_ft", "promotes", "expected"),
    [
        # AFR34ZG climbs through FL240 with FL350 on its panel: that it might level at FL240 is known to be wrong.
        (25_000, 24_000, False, {True: (), False: (24_000,)}),
        # It will level at FL350 below another at FL360: a caution, also where level-offs are promoted to warnings.
        (36_000, 35_000, True, {True: Level.CAUTION, False: Level.WARNING}),
    ],
    ids=["climbs through", "levels off"],
)
def test_what_is_set_on_the_panel_decides_what_is_told(
    shared: Path, tells: bool, level_ft: int, at_ft: int, promotes: bool, expected: dict[bool, object]
) -> None:
    own = open_recording(shared / "data/raw_modes/jet1090_full_flight_20240706.jsonl.gz").plots
    climb = int(np.argmax(own["altitude_pressure_m"] >= at_ft * M_PER_FT))
    met = own[climb]
    own = own[np.abs(own["applicable_at_ns"] - met["applicable_at_ns"]) < 150 * NS_PER_S].copy()
    if not tells:
        own["selected_altitude_m"] = np.nan
    course = math.degrees(math.atan2(met["v_east_mps"], met["v_north_mps"]))
    there = Flight("bbbbbb", *np.degrees([met["latitude_rad"], met["longitude_rad"]]), level_ft, course + 180.0, 430.0)
    began_s = (own["applicable_at_ns"][0] - met["applicable_at_ns"]) / NS_PER_S
    oncoming = plots_of(there.after(began_s - 10.0), seconds=300.0)  # they meet 10 s after the level
    oncoming["applicable_at_ns"] += own["applicable_at_ns"][0] - oncoming["applicable_at_ns"][0]
    events, _ = watched([own, oncoming], EN_ROUTE if promotes else promoting(EN_ROUTE, 0.0))
    told = [e.alert for e in events if e.happening is not Happening.CLEARED]
    if promotes:
        assert max((a.level for a in told), key=list(Level).index) is expected[tells]
    else:
        assert tuple(ft for _, ft in told[0].levels) == expected[tells]


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_washington_is_told_at_least_thirty_seconds_before(shared: Path, profile) -> None:
    events, _ = watched([dca(shared)], profile)
    first = next(e.alert for e in events if e.happening is Happening.RAISED)
    assert DCA_CLOSEST_S - first.raised_at / NS_PER_S >= 30.0
    assert first.level is not Level.CAUTION


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
@pytest.mark.parametrize("name", DAIDALUS)
def test_what_nasa_ships_is_told_at_warning_before_the_closest_point(shared: Path, name: str, profile: Profile) -> None:
    plots = daidalus(shared, name)
    events, _ = watched([plots], profile)
    if (name, profile.name) == ("H0_0_120", "low-level"):  # they pass 927 m apart, outside its 900 m
        assert events == []
        return
    first = next(e.alert for e in events if e.alert.level is not Level.CAUTION)
    assert closest_s(plots) - first.updated_at / NS_PER_S >= 40.0


DAYS = {
    "20250110_birrfeld": [("rdn1", "yla1"), ("rdn2", "yla2")],
    "20250222_birrfeld": [("cxq", "yla")],
    "20250408_grenchen": [("19F", "1CB", "68D")],
}


@pytest.mark.parametrize("day", DAYS)
def test_every_staged_window_is_told_to_light_aircraft_and_two_devices_are_one(shared: Path, day: str) -> None:
    with (shared / "data/incidents/ocap_staged_encounters/closest_approach.csv").open() as file:
        windows = [row for row in csv.DictReader(file) if row["day"] == day]
    for names in DAYS[day]:
        plots = ocap(shared, day, names)
        events, replayed = watched([plots], LIGHT_AIRCRAFT)
        assert not any({replayed.names[e.alert.a], replayed.names[e.alert.b]} == {"~1cb", "~68d"} for e in events)
        origin_s = plots["applicable_at_ns"][0] / NS_PER_S
        begun = {e.alert.alert_id: e.alert.raised_at / NS_PER_S - origin_s for e in events}
        ended = {e.alert.alert_id: e.alert.updated_at / NS_PER_S - origin_s for e in events}
        for window in windows:
            if {name.lower() for name in window["objects"].split("+")} != {name.lower() for name in names}:
                continue
            closest_s = float(window["t_closest_s"])
            assert any(begun[n] <= closest_s <= ended[n] + 1.0 for n in begun), window["test_file"]
            assert any(
                replayed.levels[n][1] is not Level.CAUTION and begun[n] <= closest_s <= ended[n] + 1.0 for n in begun
            )
    assert origin_s > DAY_S


def test_a_profile_for_low_flight_does_not_take_hovering_for_parking(shared: Path) -> None:
    hovering = [Flight("~one", 47.0, 8.0, 400.0, gs_kt=0.0), Flight("~two", 47.0, 8.002, 420.0, gs_kt=2.0)]
    events, _ = watched([plots_of(*hovering, seconds=40.0)], LOW_LEVEL)
    assert any(e.happening is Happening.RAISED for e in events)
    events, replayed = watched([plots_of(*hovering, seconds=40.0)], TERMINAL)
    assert events == []
    assert any(reason.name == "ON_GROUND" for reason in replayed.not_assessed)
