"""The frame of the published encounters, and the filter that decides what a pilot is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.detect.encounter import AircraftState, AlertFilter, cylinders, levels, relative, well_clear
from detente.detect.wellclear import Interval

NOW = (0.0, 60.0)


def lost(level: int) -> dict[str, Interval | None]:
    """Intervals that give this raw level under phase 1."""
    return {
        "phase1_preventive": NOW if level else None,
        "phase1": {0: None, 1: None, 2: (54.0, 60.0), 3: (20.0, 60.0)}[level],
    }


def told(*raw: int, every_s: float = 1.0) -> list[int]:
    alerts = AlertFilter()
    return [alerts.step(n * every_s, lost(level)) for n, level in enumerate(raw)]


def test_what_begins_with_an_alert_is_told_at_once() -> None:
    assert told(3, 3, 3) == [3, 3, 3]


def test_one_look_in_four_is_not_told_and_two_are() -> None:
    assert told(0, 0, 0, 3, 0, 0, 0) == [0] * 7
    assert told(0, 0, 0, 3, 3) == [0, 0, 0, 0, 3]


def test_a_level_once_told_persists_four_seconds() -> None:
    assert told(0, 0, 2, 2, 0, 0, 0, 0, 0) == [0, 0, 0, 2, 2, 2, 2, 0, 0]


def test_after_a_gap_the_filter_begins_anew() -> None:
    assert told(0, 3, every_s=6.0) == [0, 3]


def test_head_on_at_one_level_all_volumes_are_lost() -> None:
    own = AircraftState(10.0, 20.0, 5_000.0, 0.0, 200.0, 0.0)
    intr = AircraftState(10.05, 20.0, 5_000.0, 180.0, 200.0, 0.0)
    s, v = relative(own, intr)
    assert s == pytest.approx((0.0, -5_556.0, 0.0), abs=0.5)
    assert v == pytest.approx((0.0, 205.8, 0.0), abs=0.1)
    assert all(interval is not None for interval in well_clear(s, v).values())
    assert levels(well_clear(s, v)) == {"phase1": 3, "phase2": 3, "noncoop": 3, "buffered": 3}
    assert all(interval is not None for interval in cylinders(s, v).values())


@given(st.floats(-89, 89), st.floats(-180, 180), st.floats(0, 360))
def test_an_aircraft_in_its_own_place_is_nowhere_relative_to_itself(lat: float, lon: float, trk: float) -> None:
    state = AircraftState(lat, lon, 10_000.0, trk, 300.0, 500.0)
    s, v = relative(state, state)
    assert s == (0.0, 0.0, 0.0)
    assert v == (0.0, 0.0, 0.0)


def told_slowly(steps: list[tuple[float, float | None, float | None]]) -> list[int]:
    """What a pilot is told under phase 1, written from the words of the rule, each step from the whole history.

    steps: time, and when the preventive and the corrective volume are entered; None never.
    """
    levels_seen: list[int] = []
    told: list[int] = []
    risen_at: list[float] = []  # when the level told at each step was last raised to
    for k, (at_s, preventive, corrective) in enumerate(steps):
        anew = k == 0 or not 0.0 < at_s - steps[k - 1][0] <= 5.0
        standing = told[-1] if told and risen_at[-1] < at_s else 0
        raw = 0
        for level, enters, limit_s, early_s in (
            (1, preventive, 55.0, 75.0),
            (2, corrective, 55.0, 75.0),
            (3, corrective, 25.0, 55.0),
        ):
            if enters is not None and (enters == 0.0 or enters < (early_s if standing == level else limit_s)):
                raw = level
        if anew:
            levels_seen = [raw, raw, -1, -1]  # seen twice, and the two looks between then and now saw nothing
        levels_seen.append(raw)
        last_four = levels_seen[-4:]
        agreed = max((level for level in range(4) if sum(seen >= level for seen in last_four) >= 2), default=0)
        before = 0 if anew else told[-1]
        since = -1e9 if anew else risen_at[-1]
        if before > agreed and at_s - since < 4.0:
            told.append(before)
            risen_at.append(since)
            continue
        told.append(agreed)
        risen_at.append(at_s if agreed > before else since)
    return told


entered = st.one_of(st.none(), st.just(0.0), st.floats(0.0, 90.0))


@given(st.lists(st.tuples(st.sampled_from([1.0, 1.0, 1.0, 2.0, 5.0, 6.0]), entered, entered), min_size=1, max_size=40))
def test_generated_sequences_are_told_as_a_slow_reading_of_the_rule_tells_them(
    moves: list[tuple[float, float | None, float | None]],
) -> None:
    at_s, steps = 0.0, []
    for pause_s, preventive, corrective in moves:
        at_s += pause_s
        steps.append((at_s, preventive, corrective))
    alerts = AlertFilter()
    fast = [
        alerts.step(
            at,
            {
                "phase1_preventive": None if preventive is None else (preventive, 120.0),
                "phase1": None if corrective is None else (corrective, 120.0),
            },
        )
        for at, preventive, corrective in steps
    ]
    assert fast == told_slowly(steps)
