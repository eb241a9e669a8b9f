"""What a desk sees of a line: the hourly test, late receipts, clocks that were set."""

from __future__ import annotations

from detente.desk.orders import SendText
from detente.engine.values import ClockStepped
from detente.link.frames import Channel, Rcpt, decode
from detente.types import NS_PER_S
from engine.meeting import meet, two

PARTIES = ("alfa", "bravo")


def peer(parties, party):
    return parties.board(party).peers[0]


def test_t22_each_hour_both_sides_test_the_line_and_both_desks_show_it():
    parties = two(line_test_ns=60 * NS_PER_S)
    parties.run(125.0)
    for party in PARTIES:
        row = peer(parties, party)
        assert row.line_test_own_at_ms <= row.line_test_held_at_ms
        assert row.line_test_their_at_ms is not None
        assert row.alarms == []
        (log, *_) = parties[party].engine.written("bravo" if party == "alfa" else "alfa")
        assert log.size == 2  # a leaf in the record each time


def test_t22_a_line_test_that_does_not_come_is_an_alarm_at_both_desks():
    parties = two(line_test_ns=60 * NS_PER_S)
    parties.run(70.0)
    parties.cut()
    parties.run(190.0)
    for party in PARTIES:
        assert {"line_test_not_held", "line_test_missed"} <= set(peer(parties, party).alarms)
        assert peer(parties, party).state == "DOWN"
    parties.heal()
    parties.run(75.0)
    for party in PARTIES:
        assert peer(parties, party).alarms == []


def test_t23_flash_receipts_that_are_held_up_are_an_alarm_after_five_seconds():
    """Somebody on the way lets everything through but the receipts of FLASH."""
    parties = two()
    parties.run(3.0)
    session = parties["alfa"].engine._sessions["bravo"]
    received = session.received

    def selective(channel, frame, now):
        small = channel is Channel.PRIO and isinstance(frame, str) and isinstance(decode(frame), Rcpt)
        return [] if small else received(channel, frame, now)

    session.received = selective
    parties.order("alfa", SendText("bravo", "watch", "Z", "now", reason="distress"))
    parties.run(4.0)
    assert peer(parties, "alfa").alarms == []
    parties.run(3.0)
    row = peer(parties, "alfa")
    assert row.alarms == ["flash_receipts_late"]
    assert row.state == "DEGRADED"
    assert row.receipt_lag_ms > 5_000
    parties.run(25.0)
    assert "receipts_withheld" in peer(parties, "alfa").alarms
    del session.received
    parties.run(6.0)
    assert peer(parties, "alfa").alarms == []


def test_t09_how_long_the_newest_receipt_took_is_on_the_board():
    parties = two()
    parties.order("alfa", SendText("bravo", "watch", "O", "hello"))
    parties.run(3.0)
    assert 0 <= peer(parties, "alfa").receipt_lag_ms < 2_000
    ops = next(lane for lane in peer(parties, "alfa").lanes if lane.lane == "ops")
    assert (ops.quota_per_min, ops.their_quota_per_min) == (1_200, 1_200)
    assert ops.their_quota_left > 0


def test_t38_a_clock_that_was_set_is_a_badge_on_the_desk():
    parties = two()
    parties.run(1.0)
    parties.give("alfa", ClockStepped(-3_600 * NS_PER_S))
    assert "CLOCK SET -3600.0 s" in parties.board("alfa").badges


def test_t39_a_back_dated_warning_stands_beside_the_times_that_bound_it():
    parties = two()
    parties.run(5.0)
    parties["alfa"].character.clock.jump(-3_600 * NS_PER_S)
    parties.order("alfa", SendText("bravo", "watch", "O", "we warned you an hour ago"))
    parties.run(3.0)
    (row,) = parties.board("bravo").messages
    now_ms = parties.board("bravo").at_ms
    assert row.sent_at_ms < now_ms - 3_500_000  # the claim
    assert now_ms - 10_000 < row.not_before_ms <= row.not_after_ms <= now_ms  # what can be shown


def test_t39_the_bounds_are_there_again_after_a_restart():
    parties = two()
    parties.run(5.0)
    parties.order("alfa", SendText("bravo", "watch", "O", "hello"))
    parties.order("bravo", SendText("alfa", "watch", "O", "hello"))
    parties.run(3.0)
    parties.order("alfa", SendText("bravo", "watch", "O", "hello again"))
    parties.run(3.0)
    parties.restart("bravo")
    row = parties.board("bravo").messages[0]
    assert row.not_before_ms is not None
    assert row.not_before_ms <= row.not_after_ms


def test_t41_whether_a_warning_still_held_is_judged_when_it_arrives_and_both_times_are_shown():
    parties = two()
    meet(parties, 40.0, seconds=120.0)
    parties.run(40.0)
    parties.cut()
    parties.run(60.0)
    parties.heal()
    parties.run(5.0)
    in_time = [row for row in parties.board("bravo").alerts if row.expires_at_ms]
    assert in_time
    assert not any(row.expired_on_arrival for row in in_time)


def test_t41_a_warning_that_comes_after_its_time_is_shown_and_says_so():
    parties = two()
    meet(parties, 40.0, seconds=60.0)
    session = parties["bravo"].engine._sessions["alfa"]
    received = session.received

    def without_words(channel, frame, now):
        is_word = isinstance(frame, bytes) and frame[1] != 2  # tracks come, warnings are held up
        return [] if is_word else received(channel, frame, now)

    session.received = without_words
    parties.run(60.0)
    assert parties.board("alfa").alerts
    del session.received
    parties.cut()
    parties.run(400.0)
    parties.heal()
    parties.run(5.0)
    late = [row for row in parties.board("bravo").alerts if row.expires_at_ms]
    assert late
    assert all(row.expired_on_arrival for row in late)
    assert all(row.not_after_ms > row.expires_at_ms for row in late)
