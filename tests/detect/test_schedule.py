"""When a zone is active: instants, times of day, days of the week; all UTC."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.detect.schedule import ALWAYS, Schedule, Window, time_of_day_s
from detente.types import NS_PER_S, Instant, instant_of_iso

SUNDAY = instant_of_iso("2026-11-22T00:00:00Z")


def at(text: str) -> Instant:
    """An instant of 22 November 2026, a Sunday."""
    return instant_of_iso(f"2026-11-22T{text}:00Z")


def test_what_has_no_schedule_is_active_all_the_time() -> None:
    assert ALWAYS.spans(SUNDAY, 600.0) == [(0.0, 600.0)]


def test_an_area_is_active_from_and_until_an_instant() -> None:
    schedule = Schedule(at("10:00"), at("11:00"))
    assert schedule.spans(at("09:55"), 600.0) == [(300.0, 600.0)]
    assert schedule.spans(at("10:55"), 600.0) == [(0.0, 300.0)]
    assert schedule.spans(at("09:40"), 600.0) == schedule.spans(at("11:00"), 600.0) == []


def test_a_daily_window_may_pass_midnight() -> None:
    night = Schedule(windows=(Window(22 * 3_600, 6 * 3_600),))
    assert night.spans(at("21:59"), 600.0) == [(60.0, 600.0)]
    assert night.spans(at("03:00"), 600.0) == [(0.0, 600.0)]
    assert night.spans(at("05:59"), 600.0) == [(0.0, 60.0)]
    assert night.spans(at("12:00"), 600.0) == []


def test_a_weekly_window_is_named_by_the_day_it_begins_on() -> None:
    saturday_night = Schedule(windows=(Window(23 * 3_600, 3_600, frozenset({5})),))
    assert saturday_night.spans(at("00:55"), 600.0) == [(0.0, 300.0)]
    assert saturday_night.spans(at("23:30"), 600.0) == []


def test_windows_that_meet_are_one_span_and_those_apart_are_two() -> None:
    meeting = Schedule(windows=(Window(0, 3_600), Window(3_600, 7_200), Window(1_800, 5_400)))
    assert meeting.spans(at("00:58"), 600.0) == [(0.0, 600.0)]
    apart = Schedule(windows=(Window(0, 60), Window(120, 180)))
    assert apart.spans(at("00:00"), 600.0) == [(0.0, 60.0), (120.0, 180.0)]


@pytest.mark.parametrize(("text", "second"), [("00:00", 0), ("08:30", 30_600), ("24:00", 86_400), ("01:02:03", 3_723)])
def test_a_time_of_day_is_read(text: str, second: int) -> None:
    assert time_of_day_s(text) == second


@pytest.mark.parametrize("text", ["8:00", "08:60", "24:01", "0800", "noon", "", "08:00:61"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="HH:MM"):
        time_of_day_s(text)


windows = st.builds(
    Window, st.integers(0, 86_399), st.integers(0, 86_400), st.frozensets(st.integers(0, 6), min_size=1)
)
instants = st.integers(-(10**6), 10**7)


@given(st.lists(windows, max_size=4), st.none() | instants, st.none() | instants, st.integers(0, 10**7), st.data())
def test_spans_are_the_seconds_at_which_the_area_is_active(
    windows: list[Window], from_s: int | None, until_s: int | None, now_s: int, data: st.DataObject
) -> None:
    clocks = [None if s is None else Instant(s * NS_PER_S) for s in (from_s, until_s)]
    schedule = Schedule(*clocks, tuple(windows))
    spans = schedule.spans(Instant(now_s * NS_PER_S), 1_800.0)
    ahead = data.draw(st.integers(0, 1_799))
    then = now_s + ahead
    # 1970-01-01 was a Thursday, day 3 of the week; a window may have begun the day before.
    active = not windows or any(
        (then // 86_400 - back + 3) % 7 in w.days and 0 <= then % 86_400 + back * 86_400 - w.from_s < w.length_s
        for w in windows
        for back in (0, 1)
    )
    active &= (from_s is None or then >= from_s) and (until_s is None or then < until_s)
    assert any(first <= ahead < last for first, last in spans) == active
    assert all(0.0 <= first < last <= 1_800.0 for first, last in spans)
    later = Schedule(*(None if c is None else Instant(c + 7 * 86_400 * NS_PER_S) for c in clocks), tuple(windows))
    assert later.spans(Instant((now_s + 7 * 86_400) * NS_PER_S), 1_800.0) == spans
