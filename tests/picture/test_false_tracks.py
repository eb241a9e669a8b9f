"""Twelve kinds of false track: each is shown and not assessed within ten seconds, and the honest one stays assessed."""

from __future__ import annotations

import numpy as np
import pytest

from detente.alerts.alert import Level
from detente.alerts.life import AlertBook
from detente.detect.detector import Detector
from detente.detect.profile import EN_ROUTE
from detente.picture.picture import Reason
from detente.picture.suspicion import RULES
from detente.picture.tracker import Tracker
from detente.surveillance import Surveillance
from detente.types import NS_PER_S, Instant
from flights import Flight, head_on, plots_of
from picture.false_tracks import KINDS, LATE, synthetic, watched

SEEDS = range(20)


def test_each_kind_has_its_rule_its_reason_and_what_it_cannot_see():
    assert len(RULES) == 12
    assert {rule.reason for rule in RULES} == {kind.reason for kind in KINDS.values()}
    assert all(rule.sees and rule.because and rule.blind_to for rule in RULES)


@pytest.mark.parametrize("party", [0, 1], ids=["ours", "a peer's"])
@pytest.mark.parametrize("name", KINDS)
def test_a_false_track_is_not_assessed_within_ten_seconds_and_the_honest_one_stays(name, party):
    kind, found = KINDS[name], []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        flight = synthetic(rng)
        start = int(rng.integers(35, 50))
        made = kind.make(flight, start, rng)
        begins = int(flight["applicable_at_ns"][start]) + (NS_PER_S // 3 if name in LATE else 0)
        found.append(watched(made, begins, kind, party))
    assert all(flagged.quiet_before for flagged in found)
    assert min(flagged.real_judged for flagged in found) >= 0.95
    in_time = np.mean([flagged.after_s <= 10.0 for flagged in found])
    assert in_time >= (1.0 if name == "swapped_coordinates" else 0.95)


def judged(plots, seconds):
    """Return the reasons that were ever given to any track of *plots*, played as they come."""
    tracker, reasons = Tracker(16), set()
    at = plots["applicable_at_ns"]
    for second in range(seconds):
        now = Instant(int(at[0]) + second * NS_PER_S)
        tracker.take(0, 0, plots[(at > now - NS_PER_S) & (at <= now)], now)
        tracker.tick(now)
        reasons |= {Reason(r) for r in tracker.snapshot()["not_assessed"].tolist()}
    return reasons


def circling(rng, radius_m, speed_mps, seconds=240, wind_mps=0.0):
    """One aircraft that holds, thermals or surveys: smoothly into a turn and round."""
    t = np.arange(seconds)
    rate = speed_mps / radius_m * np.clip((t - 20) / 8.0, 0.0, 1.0)
    course = np.cumsum(rate)
    east = speed_mps * np.sin(course) + wind_mps
    north = speed_mps * np.cos(course)
    plots = synthetic(rng, seconds)
    noise = rng.normal(0.0, 3.0, (2, seconds))
    plots["latitude_rad"] = 0.8 + (np.cumsum(north) + noise[0]) / 6.371e6
    plots["longitude_rad"] = 0.1 + (np.cumsum(east) + noise[1]) / (6.371e6 * np.cos(0.8))
    plots["v_east_mps"], plots["v_north_mps"] = east, north
    plots["altitude_pressure_m"], plots["altitude_ellipsoid_m"], plots["v_up_mps"] = 2_000.0, 2_050.0, 0.0
    return plots


@pytest.mark.parametrize(
    ("who", "radius_m", "speed_mps", "wind_mps"),
    [("a hold", 2_500.0, 115.0, 15.0), ("a hold without wind", 2_500.0, 115.0, 0.0), ("a glider", 90.0, 28.0, 5.0), ("a survey", 900.0, 70.0, 8.0)],
)  # fmt: skip
def test_an_honest_circle_is_assessed(who, radius_m, speed_mps, wind_mps):
    for seed in range(5):
        found = judged(circling(np.random.default_rng(seed), radius_m, speed_mps, wind_mps=wind_mps), 240)
        assert found <= {Reason.NONE, Reason.TOO_NEW}, who


def test_a_helicopter_that_hovers_is_assessed():
    hovering = plots_of(Flight("a1b2c3", 47.0, 8.0, 1_000.0, gs_kt=0.0), seconds=120.0, start=NS_PER_S)
    assert judged(hovering, 120) == {Reason.NONE}


def test_two_aircraft_that_are_each_others_mirror_image_head_on_are_assessed():
    a = Flight("aaaaaa", 47.0, 8.0, trk_deg=90.0)
    b = Flight("bbbbbb", 47.0, 8.4, trk_deg=270.0)
    assert judged(plots_of(a, b, seconds=100.0, start=NS_PER_S), 100) == {Reason.NONE}


def steady(rng, seconds=60):
    """One aircraft that tells one velocity all the time, its places with the noise of ADS-B."""
    plots = plots_of(Flight("aaaaaa", 47.0, 8.0, trk_deg=60.0), seconds=float(seconds), start=NS_PER_S)
    plots["latitude_rad"] += rng.normal(0.0, 4.0 / 6.371e6, len(plots))
    plots["longitude_rad"] += rng.normal(0.0, 4.0 / 4.3e6, len(plots))
    return plots


def mirrored_of(plots):
    image = plots.copy()
    image["identity"] = b"bbbbbb"
    image["longitude_rad"] = 2.0 * (plots["longitude_rad"][0] + 0.002) - plots["longitude_rad"]
    image["v_east_mps"] *= -1.0
    return image


def both(a, b):
    plots = np.concatenate([a, b])
    return plots[np.argsort(plots["applicable_at_ns"], kind="stable")]


def test_the_image_of_a_steady_flight_is_told_by_the_scatter_of_its_places():
    for seed in range(5):
        plots = steady(np.random.default_rng(seed))
        assert Reason.MIRRORED in judged(both(plots, mirrored_of(plots)), 10)


def test_two_steady_flights_that_are_each_others_image_but_scatter_each_by_itself_are_assessed():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        assert judged(both(steady(rng), mirrored_of(steady(rng))), 60) == {Reason.NONE}


def turning(rng, speed_mps, told_after_s):
    """A steady flight that after 20 s turns left at 4 degrees a second and *speed_mps*, and tells it *told_after_s* later."""
    plots = steady(rng)
    t = np.arange(len(plots))
    rate = np.radians(4.0) * (t >= 20)
    course = np.radians(60.0) - np.cumsum(rate)
    speed = np.where(t >= 20, speed_mps, np.hypot(plots["v_east_mps"][0], plots["v_north_mps"][0]))
    east, north = speed * np.sin(course), speed * np.cos(course)
    noise = rng.normal(0.0, 1.0, (2, len(t)))
    plots["latitude_rad"] = 0.82 + (np.cumsum(north) + noise[0]) / 6.371e6
    plots["longitude_rad"] = 0.14 + (np.cumsum(east) + noise[1]) / (6.371e6 * np.cos(0.82))
    late = np.maximum(t - told_after_s, 0)
    plots["v_east_mps"], plots["v_north_mps"] = east[late], north[late]
    return plots


def test_a_circle_that_begins_with_a_leap_in_speed_is_told_though_the_velocity_told_stays_what_it_was():
    for seed in range(5):
        plots = turning(np.random.default_rng(seed), speed_mps=90.0, told_after_s=60)
        assert Reason.SPOOFED_CIRCLE in judged(plots, 30)


def test_a_turn_at_one_speed_whose_velocity_comes_seconds_late_is_assessed():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        speed_mps = float(np.hypot(steady(rng)["v_east_mps"][0], steady(rng)["v_north_mps"][0]))
        assert judged(turning(rng, speed_mps, told_after_s=4), 45) == {Reason.NONE}


def test_aircraft_in_trail_on_one_approach_are_assessed():
    first = plots_of(Flight("aaaaaa", 47.0, 8.0, 4_000.0, 0.0, 160.0, -800.0), seconds=200.0, start=NS_PER_S)
    second = first.copy()
    second["identity"] = b"bbbbbb"
    second["applicable_at_ns"] += 75 * NS_PER_S
    second["longitude_rad"] += 5.0 / 4.3e6
    second["v_north_mps"] += 0.5
    assert judged(both(first, second), 190) <= {
        Reason.NONE,
        Reason.COASTED_TOO_LONG,
        Reason.STALE,
    }


def test_t04_a_peers_word_and_a_peers_lies_never_take_our_own_track_out_of_judgement():
    for name, kind in KINDS.items():
        for seed in range(6):
            rng = np.random.default_rng(100 + seed)
            flight = synthetic(rng, 80)
            _, false = kind.make(flight, 40, rng)
            tracker = Tracker(16)
            for second in range(80):
                now = Instant(int(flight["applicable_at_ns"][0]) + (second + 1) * NS_PER_S)
                for party, plots in ((0, flight), (1, false)):
                    at = plots["applicable_at_ns"]
                    some = plots[(at > now - NS_PER_S) & (at <= now)]
                    tracker.take(party, 1000 * party, some, now, party, is_assessed=np.ones(len(some), bool))
                tracker.tick(now)
                tracks = tracker.snapshot()
                own = tracks[tracks["party"] == 0]
                assert len(own) == 1, name
                assert own["not_assessed"].tolist() == [Reason.NONE], (name, second)
                assert own["same_as"].tolist() == [0], name
                expected = flight[flight["applicable_at_ns"] <= now][-1]
                assert own["latitude_rad"][0] == expected["latitude_rad"], name


def test_t04_a_peer_that_names_thousands_leaves_room_for_our_own():
    tracker = Tracker(40)
    crowd = plots_of(*(Flight(f"{n:06x}", 40.0 + 0.2 * n, 8.0) for n in range(60)), seconds=1.0, start=NS_PER_S)
    tracker.take(1, 1000, crowd, Instant(NS_PER_S))
    assert len(tracker) == 20
    ours = plots_of(*(Flight(f"a{n:05x}", 40.0 + 0.2 * n, 9.0) for n in range(20)), seconds=1.0, start=NS_PER_S)
    counts = tracker.take(0, 0, ours, Instant(NS_PER_S))
    assert counts[0] == 20


def test_what_a_peer_could_not_judge_we_do_not_either_and_the_reason_says_so():
    plots = plots_of(Flight("a1b2c3", 47.0, 8.0), seconds=10.0, start=NS_PER_S)
    tracker = Tracker(4)
    for i, assessed in ((0, True), (1, False), (2, True)):
        now = Instant(int(plots["applicable_at_ns"][i]))
        tracker.take(1, 1000, plots[i : i + 1], now, is_assessed=np.array([assessed]))
        tracker.tick(now)
        expected = Reason.NONE if assessed else Reason.NOT_ASSESSED_BY_PARTY
        assert tracker.snapshot()["not_assessed"].tolist() == [expected]


def met_head_on(rng):
    """Two of our own aircraft that will lose separation, seen with the noise of ADS-B, for 110 s."""
    both = plots_of(*head_on(30.0, offset_nm=1.0), seconds=110.0, start=1_700_000_000 * NS_PER_S)
    noise = rng.normal(0.0, 4.0 / 6.371e6, (2, len(both)))
    both["latitude_rad"] += noise[0]
    both["longitude_rad"] += noise[1]
    both["altitude_ellipsoid_m"] = both["altitude_pressure_m"] + 60.0
    return both


def alerts_by_second(own, false):
    """Return for each second the level of the alert on our two aircraft, None while there is none."""
    surveillance = Surveillance(Tracker(32), Detector(EN_ROUTE), AlertBook(EN_ROUTE))
    levels, pair = [], None
    for second in range(110):
        now = Instant(int(own["applicable_at_ns"][0]) + (second + 1) * NS_PER_S)
        for party, plots in ((0, own), (1, false)):
            at = plots["applicable_at_ns"]
            some = plots[(at > now - NS_PER_S) & (at <= now)]
            surveillance.take(party, 1000 * party, some, now, party, is_assessed=np.ones(len(some), bool))
        surveillance.tick(now)
        tracks = surveillance.tracks[surveillance.tracks["party"] == 0]
        pair = set(tracks["number"].tolist())
        active = [a for a in surveillance.book.active.values() if {a.a, a.b} == pair]
        assert len(active) <= 1
        assert all(not a.held_because for a in active)
        levels.append(active[0].level if active else None)
    return levels


@pytest.mark.parametrize("name", KINDS)
def test_t04_no_lie_of_a_peer_clears_holds_or_delays_an_alert_from_our_own_data(name):
    rng = np.random.default_rng(200)
    own = met_head_on(rng)
    undisturbed = alerts_by_second(own, own[:0])
    assert undisturbed[-1] is Level.ALARM
    # The lie is told of each of the two, under its own address, from before the alert and from within it.
    for identity in (b"aaaaaa", b"bbbbbb"):
        for start in (6, 60):
            _, false = KINDS[name].make(own[own["identity"] == identity], start, rng)
            assert alerts_by_second(own, false) == undisturbed, (identity, start)
