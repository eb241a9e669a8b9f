"""Rows of the desk: one event is one row, also when it is known late that two rows were about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from detente.alerts.alert import Alert, AlertEvent, Happening, Kind, Level
from detente.desk.board import TrackRef
from detente.desk.warnings import Told, Warnings, subject_of
from detente.types import Instant

SECOND = 1_000_000_000
A, B = TrackRef("aaaaaa", "alfa", 1), TrackRef("bbbbbb", "bravo", 2)
EVENT = subject_of(Kind.CONFLICT, 1, 2, "")
ELSEWHERE = ("told bravo-7", 0, 0, "")


def ours(raised_s, cleared_s=None):
    """Our alert about the two, raised and perhaps cleared so many seconds in."""
    alert = Alert(
        1, Kind.CONFLICT, Level.WARNING, 1, 2, "", Instant(raised_s * SECOND), Instant(raised_s * SECOND),
        Instant(900 * SECOND), 60.0, 0.0, 0, 0.8, 0.1, cleared_at=None if cleared_s is None else Instant(cleared_s * SECOND),
    )  # fmt: skip
    return AlertEvent(Happening.RAISED if cleared_s is None else Happening.CLEARED, alert)


def theirs(at_s, *, is_cleared=False):
    return Told("bravo-7", Kind.CONFLICT, Level.WARNING, is_cleared, TrackRef("?", None), TrackRef("?", None), None,
                900_000, 0.0, 0, 0, 0, at_s * 1_000)  # fmt: skip


def desk(own, told):
    """Our alert's life, and the peer's of aircraft that we did not hold when it told of them."""
    warnings = Warnings("alfa")
    for event in own:
        warnings.changed(event, (A, B), {"bravo"})
    for word in told:
        warnings.told("bravo", word, ELSEWHERE, bytes(32), Instant(word.sent_at_ms * 1_000_000))
    return warnings


@pytest.mark.parametrize("is_over", [False, True], ids=["both stand", "both are over"])
def test_a_peers_alert_whose_aircraft_come_late_joins_ours_about_the_same_event(is_over):
    own, told = [ours(10)], [theirs(12)]
    if is_over:
        own.append(ours(10, cleared_s=30))
        told.append(theirs(28, is_cleared=True))
    warnings = desk(own, told)
    assert warnings.named("bravo-7") is not warnings.named("alfa-1")
    row, joined = warnings.placed("bravo", "bravo-7", EVENT, A, B)
    assert joined == "bravo-7"
    assert row is warnings.named("bravo-7") is warnings.named("alfa-1")
    assert [r.name for r in warnings.all()] == ["alfa-1"]


def test_an_alert_about_the_same_two_that_was_over_before_is_another_event():
    warnings = desk([ours(10), ours(10, cleared_s=30)], [theirs(50)])
    _, joined = warnings.placed("bravo", "bravo-7", EVENT, A, B)
    assert joined is None
    assert {r.name for r in warnings.all()} == {"alfa-1", "bravo-7"}


def test_the_desk_is_told_on_what_condition_a_caution_stands_and_with_what_margin():
    warnings = Warnings("alfa")
    event = ours(10)
    alert = replace(event.alert, level=Level.CAUTION, levels=((2, 35_000),), margin_m=1_200.0, margin_ft=37.5)
    warnings.changed(replace(event, alert=alert), (A, B), {"bravo"})
    (row,) = warnings.rows({}, {}, {})
    assert row.levels == (("bbbbbb", 35_000),)
    assert (row.margin_m, row.margin_ft) == (1_200.0, 37.5)
