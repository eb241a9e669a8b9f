"""Well clear and cylinders on straight flight: what must hold whatever the encounter, and at the thresholds."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.detect.wellclear import (
    CORRECTIVE,
    PREVENTIVE,
    RULES,
    VOLUMES,
    WARNING,
    Vector,
    Volume,
    alert_level,
    cylinder_lost,
    well_clear_lost,
)
from detente.units import M_PER_FT

metres = st.floats(-20_000, 20_000)
heights = st.floats(-1_500, 1_500)
speeds = st.floats(-300, 300).map(lambda v: round(v, 2))
climbs = st.floats(-20, 20).map(lambda v: round(v, 2))
positions = st.tuples(metres, metres, heights)
velocities = st.tuples(speeds, speeds, climbs)


def at(s: Vector, v: Vector, t: float) -> Vector:
    return s[0] + v[0] * t, s[1] + v[1] * t, s[2] + v[2] * t


def violated(s: Vector, v: Vector, volume: Volume, slack: float = 1.0) -> bool:
    """Whether a volume is violated at this instant, from its definition and not from its interval."""
    square, closing = s[0] ** 2 + s[1] ** 2, s[0] * v[0] + s[1] * v[1]
    speed2 = v[0] ** 2 + v[1] ** 2
    dthr = volume.dthr_m * slack
    near = square <= dthr**2
    if not near and closing < 0:
        miss2 = square - closing**2 / speed2
        near = miss2 <= dthr**2 and (dthr**2 - square) / closing <= volume.tthr_s * slack
    z, w = s[2] / M_PER_FT, v[2] / M_PER_FT
    low = abs(z) <= volume.zthr_ft * slack or (z * w < 0 and -z / w <= volume.tcoa_s * slack)
    return near and low


@given(positions, velocities, st.sampled_from(list(VOLUMES.values())), st.floats(0, 180))
def test_the_interval_is_when_the_definition_holds(s: Vector, v: Vector, volume: Volume, t: float) -> None:
    interval = well_clear_lost(s, v, volume)
    then = at(s, v, t)
    if violated(then, v, volume, 0.999):
        assert interval is not None
        assert interval[0] - 0.05 <= t <= interval[1] + 0.05
    if interval is not None and interval[0] + 0.05 < t < interval[1] - 0.05:
        assert violated(then, v, volume, 1.001)


@given(positions, velocities)
def test_the_two_aircraft_are_alike(s: Vector, v: Vector) -> None:
    mirrored = (-s[0], -s[1], -s[2]), (-v[0], -v[1], -v[2])
    for volume in VOLUMES.values():
        assert well_clear_lost(s, v, volume) == well_clear_lost(*mirrored, volume)


@given(positions, velocities, st.floats(0, 300))
def test_inside_the_cylinder_is_inside_its_interval(s: Vector, v: Vector, t: float) -> None:
    interval = cylinder_lost(s, v, 9_260.0, 1_000.0, 300.0)
    x, y, z = at(s, v, t)
    if math.hypot(x, y) < 9_259.9 and abs(z) / M_PER_FT < 999.9:
        assert interval is not None
        assert interval[0] - 0.01 <= t <= interval[1] + 0.01


def test_a_cylinder_is_open_and_a_well_clear_volume_is_closed() -> None:
    beside, still = (1_000.0, 0.0, 450.0 * M_PER_FT), (0.0, 0.0, 0.0)
    assert cylinder_lost(beside, still, 9_260.0, 450.0, 300.0) is None
    assert well_clear_lost(beside, still, VOLUMES["phase1"]) == (0.0, 180.0)


def test_two_that_hold_station_beyond_the_distance_are_well_clear() -> None:
    assert well_clear_lost((5_000.0, 0.0, 0.0), (0.0, 0.0, 0.0), VOLUMES["phase1"]) is None


@pytest.mark.parametrize(
    ("time_in_s", "held", "level"),
    [
        (0.0, 0, WARNING),
        (24.9, 0, WARNING),
        (25.0, 0, CORRECTIVE),
        (54.9, 0, CORRECTIVE),
        (55.0, 0, 0),
        (54.9, WARNING, WARNING),
        (74.9, CORRECTIVE, CORRECTIVE),
        (74.9, PREVENTIVE, PREVENTIVE),
        (75.0, WARNING, 0),
    ],
)
def test_the_level_is_that_of_the_alerting_time_and_what_stands_is_left_later(
    time_in_s: float, held: int, level: int
) -> None:
    lost = {"phase1": (time_in_s, 100.0), "phase1_preventive": (time_in_s, 100.0)}
    assert alert_level(lost, RULES["phase1"], held) == level
