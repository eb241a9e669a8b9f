"""The watch: by role and shift, and "nobody is on watch" seen by both."""

from __future__ import annotations

import pytest

from coordination.meeting import ALFA, BRAVO, Meeting
from detente.coordination.watch import LeaveWatch, TakeWatch
from detente.errors import OrderRefused
from detente.types import Role

DUTY = Role.DUTY_OFFICER
HOUR_MS = 3_600_000


def alfa(meeting: Meeting, now_ms: int, at=BRAVO):
    return meeting.tables[at].standing.watches.rows(now_ms)[0]


def test_a_shift_that_nobody_takes_over_runs_out_and_both_sides_see_that_nobody_is_on_watch():
    meeting = Meeting()
    assert alfa(meeting, 0).nobody
    meeting.say(ALFA, DUTY, TakeWatch(post="duty_officer", until_ms=8 * HOUR_MS, languages=("en", "ru")))
    on = alfa(meeting, HOUR_MS)
    assert (on.nobody, [post.post for post in on.posts], on.posts[0].languages) == (
        False,
        ["duty_officer"],
        ["en", "ru"],
    )
    off = alfa(meeting, 8 * HOUR_MS)
    assert (off.nobody, off.since_ms) == (True, 8 * HOUR_MS)


def test_a_hand_over_leaves_words_to_the_next_and_a_deputy_is_shown_as_one():
    meeting = Meeting()
    meeting.say(ALFA, DUTY, TakeWatch(post="duty_officer", until_ms=8 * HOUR_MS))
    act = TakeWatch(post="duty_officer", until_ms=9 * HOUR_MS, deputy=True, handed_over="Two calls are open.")
    meeting.say(ALFA, DUTY, act)
    post = alfa(meeting, HOUR_MS).posts[0]
    assert (post.deputy, post.handed_over, post.until_ms) == (True, "Two calls are open.", 9 * HOUR_MS)


def test_who_leaves_a_post_leaves_nobody_there():
    meeting = Meeting()
    meeting.say(ALFA, DUTY, TakeWatch(post="duty_officer", until_ms=8 * HOUR_MS))
    meeting.say(ALFA, DUTY, LeaveWatch(post="duty_officer", reason="Called away."))
    assert alfa(meeting, HOUR_MS).nobody
    with pytest.raises(OrderRefused, match="nobody of alfa is on watch"):
        meeting.say(ALFA, DUTY, LeaveWatch(post="duty_officer"))


def test_a_shift_ends_within_a_day():
    meeting = Meeting()
    with pytest.raises(OrderRefused, match="within a day"):
        meeting.say(ALFA, DUTY, TakeWatch(post="duty_officer", until_ms=30 * HOUR_MS))
    assert alfa(meeting, 0).since_ms is None
