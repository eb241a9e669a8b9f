from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from detente.link.hybrid import HybridClock
from detente.testing.clock import DAY_ZERO
from detente.types import NS_PER_MS, NS_PER_S, Instant, instant_ms

YEAR_NS = 365 * 86_400 * NS_PER_S


@given(st.lists(st.integers(-(10**12), 10**12)))
def test_t38_readings_grow_however_the_clock_is_set(steps):
    clock, now, last = HybridClock(), DAY_ZERO, (0, 0)
    for step in steps:
        now = Instant(max(0, now + step))
        reading = clock.read(now)
        assert reading > last
        last = reading


def test_a_reading_comes_after_every_remote_one_that_was_believed():
    clock = HybridClock()
    remote = (instant_ms(DAY_ZERO) + 1_500, 7)
    assert clock.observe(remote, DAY_ZERO)
    assert clock.read(DAY_ZERO) == (remote[0], 8)


def test_t40_a_peer_a_year_ahead_does_not_move_the_clock():
    clock = HybridClock()
    assert not clock.observe((instant_ms(Instant(DAY_ZERO + YEAR_NS)), 0), DAY_ZERO)
    assert clock.read(DAY_ZERO) == (instant_ms(DAY_ZERO), 0)


def test_two_seconds_ahead_is_believed_and_a_millisecond_more_is_not():
    ahead = instant_ms(DAY_ZERO) + 2_000
    assert HybridClock().observe((ahead, 0), DAY_ZERO)
    assert not HybridClock().observe((ahead + 1, 0), DAY_ZERO)


def test_a_restarted_node_goes_on_after_its_own_record():
    clock = HybridClock()
    written = (instant_ms(Instant(DAY_ZERO + 5 * NS_PER_MS)), 3)
    clock.resume(written)
    assert clock.read(DAY_ZERO) > written
