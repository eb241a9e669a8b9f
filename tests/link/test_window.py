from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from detente.link.window import FLOOR_BYTES, Window
from detente.types import NS_PER_MS, NS_PER_S


def drained(bytes_per_s, rtt_ns, seconds):
    """A window over a line that carries *bytes_per_s*, after *seconds* of sending all that it allows."""
    window, at, elapsed = Window(), [], 0
    free_at = 0
    while elapsed < seconds * NS_PER_S:
        while window.is_open(rtt_ns):
            window.sent(1_000, elapsed)
            free_at = max(free_at, elapsed) + 1_000 * NS_PER_S // bytes_per_s
            at.append(free_at + rtt_ns)
        elapsed = at.pop(0)
        window.taken(1_000, elapsed)
    return window


def test_an_idle_window_lets_sixteen_kilobytes_go():
    window = Window()
    window.sent(FLOOR_BYTES - 1, 0)
    assert window.is_open(0)
    window.sent(1, 0)
    assert not window.is_open(0)
    assert window.is_open(0, reserve=1)


def test_a_flash_waits_about_half_a_second_behind_bulk_at_any_speed():
    for bits_per_s in (256_000, 1_000_000, 10_000_000):
        window = drained(bits_per_s // 8, 20 * NS_PER_MS, 20)
        wait_s = window.limit(20 * NS_PER_MS) / (bits_per_s // 8)
        assert 0.4 < wait_s < 0.8, bits_per_s


def test_a_long_line_is_filled():
    """600 ms there and back, 1 Mbit/s: with half a second in flight and no more it would slow down to the floor."""
    window = drained(125_000, 600 * NS_PER_MS, 60)
    assert window.limit(600 * NS_PER_MS) > 0.6 * 125_000


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 10**6)), max_size=50))
def test_no_credit_makes_more_room_than_there_is(moves):
    window, elapsed = Window(), 0
    for is_credit, octets in moves:
        elapsed += NS_PER_MS
        window.taken(octets, elapsed) if is_credit else window.sent(octets, elapsed)
        assert window.in_flight >= 0
        assert window.limit(0) >= FLOOR_BYTES
