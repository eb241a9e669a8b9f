from __future__ import annotations

import pytest

from detente.link.frames import Hb
from detente.link.pulse import Pulse, micros
from detente.testing.clock import DAY_ZERO
from detente.types import NS_PER_MS, NS_PER_S, Instant


def beat(n, sent_ms, echo=None):
    return Hb(n=n, sent_us=micros(DAY_ZERO) + sent_ms * 1_000, lanes={}, echo=echo)


def at(ms):
    return Instant(DAY_ZERO + ms * NS_PER_MS)


def exchange(pulse, n, there_ms, back_ms, offset_ms):
    """A heartbeat of ours leaves at second *n*, is heard *there_ms* later, answered at once, heard *back_ms* later."""
    sent = n * 1_000
    theirs = sent + there_ms + offset_ms
    echo = (micros(at(sent)), micros(at(theirs)))
    pulse.heard(beat(n, theirs, echo), at(sent + there_ms + back_ms), n * NS_PER_S)


def test_the_four_times_give_round_trip_and_offset():
    pulse = Pulse()
    exchange(pulse, 0, 30, 30, offset_ms=250)
    assert pulse.rtt_ms == 60
    assert pulse.offset_ms == 250


def test_the_offset_is_that_of_the_quickest_of_sixteen_round_trips():
    pulse = Pulse()
    exchange(pulse, 0, 20, 20, offset_ms=-100)
    for n in range(1, 16):
        exchange(pulse, n, 900, 20, offset_ms=-100)
    assert pulse.offset_ms == -100
    assert pulse.rtt_p95_ms == 920
    exchange(pulse, 16, 900, 20, offset_ms=-100)  # the quick one is forgotten
    assert pulse.offset_ms == pytest.approx(-100 + 440)


def test_t38_a_clock_set_between_the_four_times_is_no_round_trip():
    pulse = Pulse()
    exchange(pulse, 0, 20, -3_600_000, offset_ms=0)
    exchange(pulse, 1, 20, 3_600_000, offset_ms=0)
    assert pulse.rtt_ms is None
    assert pulse.offset_ms is None


def test_missed_heartbeats_are_counted_by_elapsed_time():
    pulse = Pulse()
    assert pulse.missed(9 * NS_PER_S) is None
    pulse.alive(10 * NS_PER_S)
    assert [pulse.missed(round(s * NS_PER_S)) for s in (10, 10.9, 11, 12.5, 15)] == [0, 0, 1, 2, 5]


def test_loss_is_the_share_of_numbers_that_did_not_come():
    pulse = Pulse()
    assert pulse.loss == 0
    for n in (0, 1, 2, 5):
        pulse.heard(beat(n, n * 1_000), at(n * 1_000), n * NS_PER_S)
    assert pulse.loss == pytest.approx(2 / 6)
    pulse.opened()
    assert pulse.loss == 0


def test_a_heartbeat_is_due_at_once_and_then_each_second():
    pulse = Pulse()
    assert pulse.is_due(0)
    assert [pulse.sent(0), pulse.is_due(NS_PER_S - 1), pulse.is_due(NS_PER_S), pulse.sent(NS_PER_S)] == [
        0,
        False,
        True,
        1,
    ]
