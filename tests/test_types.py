"""Instants: nanoseconds in, ISO 8601 out, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.types import Instant, duration_ns, instant_ms, instant_of_iso, instant_of_ms, iso_utc

MICROSECONDS = st.integers(0, 4_000_000_000_000_000)


@given(MICROSECONDS)
def test_an_instant_comes_back_from_its_text(us):
    assert instant_of_iso(iso_utc(Instant(us * 1_000), 6)) == us * 1_000


@given(MICROSECONDS)
def test_milliseconds_are_cut_and_not_rounded(us):
    now = Instant(us * 1_000)
    assert 0 <= now - instant_of_ms(instant_ms(now)) < 1_000_000
    assert instant_of_iso(iso_utc(now)) == instant_of_ms(instant_ms(now))


def test_a_time_with_another_zone_is_the_same_instant():
    assert instant_of_iso("2026-11-22T14:00:00+03:00") == instant_of_iso("2026-11-22T11:00:00Z")
    assert iso_utc(instant_of_iso("2026-11-22T11:00:00Z"), 0) == "2026-11-22T11:00:00Z"


@pytest.mark.parametrize("text", ["2026-11-22T11:00:00", "yesterday", ""])
def test_a_time_without_a_zone_is_no_instant(text):
    with pytest.raises(ValueError):
        instant_of_iso(text)


def test_seconds_become_whole_nanoseconds():
    assert duration_ns(0.1) == 100_000_000
