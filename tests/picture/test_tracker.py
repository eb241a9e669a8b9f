"""Plots become tracks; what contradicts a track is refused, counted, and never lost for ever."""

import numpy as np

from detente.feeds.plot import Reject, empty_plots
from detente.picture.picture import Reason
from detente.picture.tracker import Tracker
from detente.types import NS_PER_S, Instant
from detente.units import RAD_PER_DEG


def flight(
    seconds, *, identity=b"4baac6", latitude=47.0, longitude=8.0, east_mps=200.0, altitude_m=10_000.0, start_s=0
):
    """Return one plot a second of an aircraft that flies due east, with its velocity."""
    plots = empty_plots(seconds)
    t = np.arange(seconds)
    plots["applicable_at_ns"] = (start_s + t + 1) * NS_PER_S
    plots["identity"] = identity
    plots["latitude_rad"] = latitude * RAD_PER_DEG
    plots["longitude_rad"] = longitude * RAD_PER_DEG + east_mps * t / (6.389e6 * np.cos(latitude * RAD_PER_DEG))
    plots["altitude_pressure_m"] = altitude_m
    plots["v_east_mps"] = east_mps
    plots["v_north_mps"] = 0.0
    plots["v_up_mps"] = 0.0
    return plots


def replayed(tracker, plots, *, party=0, source=0):
    """Give *plots* to *tracker* one by one at their own time; return what it counted."""
    counts = np.zeros(max(Reject) + 1, np.int64)
    for i in range(len(plots)):
        now = Instant(int(plots["applicable_at_ns"][i]))
        counts += tracker.take(party, source, plots[i : i + 1], now)
        tracker.tick(now)
    return counts


def test_a_steady_flight_is_one_track_that_can_be_judged():
    tracker = Tracker(8)
    counts = replayed(tracker, flight(20))
    (track,) = tracker.snapshot()
    assert counts[0] == 20
    assert track["plots"] == 20
    assert track["not_assessed"] == Reason.NONE


def test_a_single_jump_is_refused_and_the_track_not_assessed_for_a_while():
    plots = flight(60)
    plots["latitude_rad"][10] += 1.0 * RAD_PER_DEG
    tracker = Tracker(8)
    counts = replayed(tracker, plots[:12])
    assert counts[Reject.TELEPORT] == 1
    assert tracker.snapshot()["not_assessed"].tolist() == [Reason.TELEPORT]
    replayed(tracker, plots[12:])
    assert tracker.snapshot()["not_assessed"].tolist() == [Reason.NONE]
