"""An alert's life: confirmed by distinct plots, held through silence, cleared with a reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detente.alerts.alert import AlertEvent, Happening, Kind, Level
from detente.alerts.life import AlertBook, Cleared
from detente.detect.assessment import Assessment, Conflict, NotAssessed, Phase, ZoneVerdict
from detente.detect.profile import EN_ROUTE, Profile
from detente.picture.picture import Mark, Reason, Tracks
from detente.types import NS_PER_S, Instant
from flights import Flight, tracks_of

PROFILE = replace(EN_ROUTE, confirm=(2, 3), clear_after_s=8.0, hold_not_assessed_s=30.0)
CONFLICT = Conflict(1, 2, 90.0, 120.0, 100.0, 3_000.0, 200, 0.8, 0.1)
ENTRY = ZoneVerdict(1, "Z", Phase.ENTRY, 200.0, 0.8, 0.1, 0.0, 200.0, 10.0)
NEAR = ZoneVerdict(1, "Z", Phase.APPROACH, float("inf"), 0.8, 0.1, 4_000.0, 60.0, 0.0)


class Watch:
    """An alert book with a clock: each step is a pass over tracks 1 and 2."""

    def __init__(self, profile: Profile = PROFILE) -> None:
        self.book = AlertBook(profile)
        self.at_s = 0
        self.tracks: Tracks = tracks_of(Flight("a", 47, 8), Flight("b", 47, 9))

    def step(
        self,
        *verdicts: Conflict | ZoneVerdict,
        new_plot: bool = True,
        lost: tuple[NotAssessed, ...] = (),
        after_s: int = 4,
    ) -> list[AlertEvent]:
        self.at_s += after_s
        now = Instant(self.at_s * NS_PER_S)
        if new_plot:
            self.tracks["applicable_at_ns"][:1] = now
        conflicts = tuple(v for v in verdicts if isinstance(v, Conflict))
        zones = tuple(v for v in verdicts if isinstance(v, ZoneVerdict))
        return self.book.update(Assessment(now, 2, conflicts, zones, lost), self.tracks, now)

    def raised(self, verdict: Conflict | ZoneVerdict = CONFLICT) -> AlertEvent:
        events = self.step(verdict) + self.step(verdict)
        [event] = events
        assert event.happening is Happening.RAISED
        return event


def test_one_look_does_not_raise_and_the_same_plot_twice_is_one_look() -> None:
    watch = Watch()
    assert watch.step(CONFLICT) == []
    assert watch.step(CONFLICT, new_plot=False) == []
    [event] = watch.step(CONFLICT)
    assert event.happening is Happening.RAISED
    assert event.alert.alert_id == 1
    assert watch.book.active == {1: event.alert}


def test_two_of_three_are_enough_and_two_of_four_are_not() -> None:
    watch = Watch()
    assert watch.step(CONFLICT) + watch.step() == []
    assert watch.step(CONFLICT) != []
    other = Watch()
    assert other.step(CONFLICT) + other.step() + other.step() + other.step(CONFLICT) == []


def test_what_is_very_near_is_raised_at_once() -> None:
    watch = Watch(replace(PROFILE, confirm_within_s=20.0))
    [event] = watch.step(replace(CONFLICT, time_in_s=15.0))
    assert event.alert.level is Level.ALARM


def test_the_level_rises_and_never_falls() -> None:
    watch = Watch()
    assert watch.raised().alert.level is Level.WARNING
    [event] = watch.step(replace(CONFLICT, time_in_s=30.0))
    assert (event.happening, event.alert.level) == (Happening.UPDATED, Level.ALARM)
    watch.step(replace(CONFLICT, time_in_s=100.0))
    assert watch.book.active[1].level is Level.ALARM


def test_nothing_is_told_while_nothing_but_the_clock_moves() -> None:
    watch = Watch()
    watch.raised()
    assert watch.step(replace(CONFLICT, time_in_s=86.0)) == []
    assert watch.step(replace(CONFLICT, time_in_s=82.0)) == []


def test_wider_minima_hold_an_alert_and_raise_none() -> None:
    around = replace(CONFLICT, is_held=True)
    watch = Watch()
    assert [watch.step(around) for _ in range(5)] == [[]] * 5
    watch.raised()
    events = [event for _ in range(5) for event in watch.step(around)]
    assert all(event.happening is Happening.UPDATED for event in events)
    assert list(watch.book.active) == [1]


def test_a_conflict_on_condition_far_off_counts_but_is_not_told_and_then_is_a_caution() -> None:
    far = replace(CONFLICT, levels=((1, 36_000),), is_told=False)
    watch = Watch()
    assert watch.step(far) + watch.step(far) == []
    [event] = watch.step(replace(far, is_told=True, time_in_s=40.0))
    assert event.alert.level is Level.CAUTION
    assert event.alert.levels == ((1, 36_000),)
    [promoted] = watch.step(replace(CONFLICT, time_in_s=36.0))
    assert promoted.alert.level is Level.ALARM
    assert promoted.alert.levels == ()


def test_a_conflict_on_condition_that_cannot_wait_is_a_warning_with_its_condition() -> None:
    waiting = replace(CONFLICT, levels=((1, 36_000),), time_in_s=58.0)
    watch = Watch()
    assert watch.raised(waiting).alert.level is Level.CAUTION
    [event] = watch.step(replace(waiting, time_in_s=49.0, is_promoted=True))
    assert (event.alert.level, event.alert.levels) == (Level.WARNING, ((1, 36_000),))


def test_an_alert_is_cleared_only_after_the_verdict_has_been_gone_a_while() -> None:
    watch = Watch()
    watch.raised()
    assert watch.step() == []
    assert watch.step() == []
    [event] = watch.step()
    assert event.happening is Happening.CLEARED
    assert event.alert.cleared_because == Cleared.DIVERGED
    assert watch.book.active == {}


def test_a_pair_that_cannot_be_assessed_is_held_marked_and_never_cleared_in_silence() -> None:
    for lost in (NotAssessed(2, Reason.STALE), NotAssessed(1, Reason.STALE, 2)):
        watch = Watch()
        watch.raised()
        [event] = watch.step(lost=(lost,))
        assert (event.happening, event.alert.held_because) == (Happening.UPDATED, "stale")
        assert watch.step(lost=(lost,), after_s=20) == []
        [event] = watch.step(lost=(lost,), after_s=10)
        assert (event.happening, event.alert.cleared_because) == (Happening.CLEARED, Cleared.NOT_ASSESSED)


def test_a_held_alert_is_told_again_once_it_is_assessed_again() -> None:
    watch = Watch()
    watch.raised()
    watch.step(lost=(NotAssessed(2, Reason.STALE),))
    [event] = watch.step(CONFLICT)
    assert event.alert.held_because == ""


def test_a_dropped_track_clears_with_that_reason() -> None:
    watch = Watch()
    watch.raised()
    watch.tracks = watch.tracks[:1]
    [event] = watch.step()
    assert event.alert.cleared_because == Cleared.TRACK_DROPPED


def test_two_tracks_that_prove_to_be_one_aircraft_clear_their_alert() -> None:
    watch = Watch()
    watch.raised()
    watch.tracks["flags"][1] |= np.uint32(Mark.SECONDARY)
    [event] = watch.step()
    assert event.alert.cleared_because == Cleared.SAME_AIRCRAFT


def test_two_devices_side_by_side_are_given_time_to_prove_one_aircraft() -> None:
    beside = replace(CONFLICT, time_in_s=0.0, may_be_one=True)
    watch = Watch(replace(PROFILE, confirm_within_s=20.0))
    assert [watch.step(beside) for _ in range(7)] == [[]] * 7
    [event] = watch.step(beside) + watch.step(beside)
    assert event.happening is Happening.RAISED


def test_an_approach_that_becomes_an_incursion_is_never_without_an_alert() -> None:
    watch = Watch()
    approach = watch.raised(NEAR).alert
    assert (approach.kind, approach.level, approach.event_at) == (Kind.APPROACH, Level.WARNING, None)
    assert watch.step(ENTRY, after_s=20) == []
    [event] = watch.step(ENTRY)
    assert (event.happening, event.alert.kind) == (Happening.RAISED, Kind.INCURSION)
    [cleared] = watch.step(ENTRY)
    assert (cleared.alert.alert_id, cleared.alert.cleared_because) == (approach.alert_id, Cleared.ENTERED)


def test_an_incursion_rises_to_an_alarm_inside_and_clears_when_the_track_has_left() -> None:
    watch = Watch()
    far = replace(ENTRY, time_to_entry_s=500.0)
    assert watch.raised(far).alert.level is Level.WARNING
    [event] = watch.step(replace(ENTRY, phase=Phase.INSIDE, time_to_entry_s=0.0))
    assert event.alert.level is Level.ALARM
    watch.step()
    [event] = watch.step(after_s=8)
    assert event.alert.cleared_because == Cleared.LEFT


def test_the_instant_of_a_crossing_stands_once_it_has_happened() -> None:
    watch = Watch()
    raised = watch.raised(replace(ENTRY, time_to_entry_s=50.0)).alert
    inside = replace(ENTRY, phase=Phase.INSIDE, time_to_entry_s=0.0)
    [come_about] = watch.step(inside, after_s=49)  # a second before it was expected
    assert come_about.alert.time_to_event_s == 0.0
    assert [watch.step(inside, after_s=20) for _ in range(3)] == [[], [], []]
    assert raised.event_at is not None
    assert [alert.event_at for alert in watch.book.active.values()] == [raised.event_at - NS_PER_S]
    [event] = watch.step(lost=(NotAssessed(1, Reason.STALE),), after_s=1)
    assert event.alert.held_because == "stale"
    [event] = watch.step(inside, after_s=5)
    assert raised.event_at is not None
    assert event.alert.event_at == raised.event_at - NS_PER_S  # a minute later it is still the crossing


def test_an_entry_earlier_than_predicted_is_told_with_its_own_instant() -> None:
    watch = Watch()
    raised = watch.raised(replace(ENTRY, time_to_entry_s=500.0)).alert
    [event] = watch.step(replace(ENTRY, phase=Phase.INSIDE, time_to_entry_s=0.0), after_s=30)
    assert event.alert.event_at == event.alert.updated_at < raised.event_at


def test_an_approach_that_comes_much_nearer_is_told_again() -> None:
    watch = Watch()
    watch.raised(NEAR)
    assert watch.step(replace(NEAR, least_distance_m=3_950.0)) == []
    assert len(watch.step(replace(NEAR, least_distance_m=1_000.0))) == 1


@given(st.lists(st.lists(st.tuples(st.integers(1, 3), st.integers(4, 6), st.floats(0, 120)), max_size=4), max_size=25))
def test_numbers_rise_by_one_and_every_alert_is_raised_once_and_cleared_once(
    passes: list[list[tuple[int, int, float]]],
) -> None:
    book = AlertBook(PROFILE)
    tracks = tracks_of(*(Flight(str(n), 47, n) for n in range(6)))
    events: list[AlertEvent] = []
    for n, verdicts in enumerate([*passes, *[[]] * 4]):
        now = Instant((n + 1) * 5 * NS_PER_S)
        tracks["applicable_at_ns"] = now
        conflicts = {(a, b): replace(CONFLICT, a=a, b=b, time_in_s=t) for a, b, t in verdicts}
        events += book.update(Assessment(now, 6, tuple(conflicts.values())), tracks, now)
    raised = [e.alert.alert_id for e in events if e.happening is Happening.RAISED]
    cleared = [e.alert.alert_id for e in events if e.happening is Happening.CLEARED]
    assert raised == list(range(1, len(raised) + 1))
    assert sorted(cleared) == raised
    assert book.active == {}
