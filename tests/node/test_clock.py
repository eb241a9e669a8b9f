"""The clocks that a node can run on."""

from __future__ import annotations

import time

from detente.node.clock import ScaledClock, SystemClock
from detente.types import Instant


def test_a_scaled_clock_runs_as_many_times_as_fast_and_sleeps_as_much_less():
    clock = ScaledClock(Instant(1_000), 50.0)
    before = clock.now()
    time.sleep(0.02)
    assert clock.now() - before >= 50 * 20_000_000
    assert clock.real_s(10.0) == 0.2


def test_a_change_of_speed_goes_on_from_the_same_instant_and_never_back():
    clock = ScaledClock(Instant(0), 1_000_000.0)
    before = clock.now()
    clock.set_speed(1.0)
    after = clock.now()
    time.sleep(0.01)
    assert before <= after <= clock.now() <= after + 10_000_000_000
    assert clock.real_s(3.0) == 3.0


def test_the_machine_s_clock_never_steps_back():
    clock = SystemClock()
    instants = [clock.now() for _ in range(1_000)]
    assert instants == sorted(instants)
    assert abs(clock.stepped_s()) < 60.0
