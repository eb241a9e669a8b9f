"""What enters a plan: what cannot be meant is refused, with the reason; nothing is repaired."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from coordination.meeting import charter
from detente.coordination.extent import E7
from detente.coordination.plan import (
    AREA_LIMIT_KM2,
    LONGEST_MS,
    Circle,
    Corridor,
    EllipsoidLevels,
    Kind,
    Plan,
    Polygon,
    PressureLevels,
    Volume,
    check_plan,
    extents_of,
    levels_meet,
)
from detente.errors import ConfigError, OrderRefused

NOW_MS, START_MS, END_MS = 1_000, 10_000, 20_000
DISTRICT = tuple((lat * E7, lon * E7) for lat, lon in ((35, 35), (35, 40), (38, 40), (38, 35)))


def at(*points):
    return tuple((round(lat * E7), round(lon * E7)) for lat, lon in points)


SQUARE = Polygon(at((36, 36), (36, 37), (37, 37), (37, 36)))


LEVELS = PressureLevels(0, 10_000)


def plan(outline=SQUARE, levels=LEVELS, start=START_MS, end=END_MS, kind=Kind.EXERCISE) -> Plan:
    return Plan(kind=kind, title="x", volumes=(Volume(outline=outline, levels=levels, start_ms=start, end_ms=end),))


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"outline": Polygon(at((36, 36), (37, 37), (36, 37), (37, 36)))}, "self_crossing"),
        ({"outline": Polygon(at((36, 36), (36, 37), (36, 38)))}, "degenerate"),
        ({"outline": Polygon(at((36, 36), (36, 37), (37, 37), (36, 36)))}, "degenerate"),
        ({"outline": Polygon(at((36, 36), (36, 37), (36, 36.5), (37, 36.5)))}, "self_crossing"),
        ({"outline": Corridor(at((36, 36), (36, 36)), 1_000)}, "degenerate"),
        ({"outline": Polygon(at((30, 10), (30, 39), (45, 39), (45, 10)))}, "too_wide"),
        ({"outline": Polygon(at((0, -100), (0, 0), (10, 0)))}, "too_wide"),
        ({"outline": Circle((36 * E7, 36 * E7), 45_000_000)}, "too_wide"),
        ({"outline": Circle((86 * E7, 0), 1_000)}, "polar"),
        ({"levels": PressureLevels(10_000, 10_000)}, "levels"),
        ({"levels": EllipsoidLevels(10, 5)}, "levels"),
        ({"start": END_MS, "end": END_MS}, "times"),
        ({"start": END_MS, "end": START_MS}, "times"),
        ({"start": 10, "end": NOW_MS}, "time_past"),
        ({"start": START_MS, "end": START_MS + LONGEST_MS + 1}, "too_long"),
        ({"kind": Kind.PROTECTED_SITE}, "precise"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(given, code):
    with pytest.raises(OrderRefused) as refused:
        check_plan(plan(**given), NOW_MS)
    assert refused.value.code == code


def test_latitude_and_longitude_exchanged_are_told_from_a_place_outside_the_district():
    check_plan(plan(), NOW_MS, DISTRICT)
    swapped = plan(Circle((39_9 * E7 // 10, 36 * E7), 1_000))
    with pytest.raises(OrderRefused, match="latitude is first") as refused:
        check_plan(swapped, NOW_MS, DISTRICT)
    assert refused.value.code == "swapped"
    for outside in (Circle((50 * E7, 36 * E7), 1_000), Circle((36 * E7, 120 * E7), 1_000)):
        with pytest.raises(OrderRefused) as refused:
            check_plan(plan(outside), NOW_MS, DISTRICT)
        assert refused.value.code == "outside_district"


def test_a_volume_that_stands_twice_in_a_plan_is_refused():
    one = plan().volumes[0]
    with pytest.raises(OrderRefused, match="stands twice"):
        check_plan(replace(plan(), volumes=(one, one)), NOW_MS)


@pytest.mark.parametrize("datum", ["agl", "msl", "nap"])
def test_a_level_of_another_datum_is_no_level(datum):
    raw = msgspec.json.encode(plan()).replace(b'"pressure"', f'"{datum}"'.encode())
    with pytest.raises(msgspec.ValidationError, match=datum):
        msgspec.json.decode(raw, type=Plan)


@given(st.integers(-90 * E7, 90 * E7), st.integers(-180 * E7, 180 * E7), st.integers(1, 100_000_000))
def test_no_circle_raises_anything_but_a_refusal(latitude, longitude, radius_cm):
    round_one = plan(Circle((latitude, longitude), radius_cm))
    try:
        check_plan(round_one, NOW_MS)
    except OrderRefused:
        return
    south, north, west, east = extents_of(round_one)[0].box
    assert south < latitude < north
    assert west < longitude < east


@given(st.lists(st.tuples(st.integers(-90 * E7, 90 * E7), st.integers(-180 * E7, 180 * E7)), min_size=3, max_size=8))
def test_no_outline_raises_anything_but_a_refusal(points):
    for outline in (Polygon(tuple(points)), Corridor(tuple(points), 100_000)):
        code = None
        try:
            check_plan(plan(outline), NOW_MS, DISTRICT)
        except OrderRefused as refused:
            code = refused.code
        assert code in {None, "polar", "too_wide", "degenerate", "self_crossing", "swapped", "outside_district"}


def test_levels_are_compared_only_within_one_datum():
    assert levels_meet(PressureLevels(0, 100), PressureLevels(100, 200)) is True
    assert levels_meet(PressureLevels(0, 99), PressureLevels(100, None)) is False
    assert levels_meet(PressureLevels(None, 99), EllipsoidLevels(100_000, None)) is None
    assert levels_meet(PressureLevels(), EllipsoidLevels(100_000, None)) is True


@pytest.mark.parametrize(
    ("district", "why"),
    [
        (at((35, 35), (35, 40)), "three vertices"),
        (at((35, 35), (36, 36), (35, 36), (36, 35)), "crosses itself"),
        (at((0, 0), (0, 50), (10, 50)), "wider than 30"),
    ],
)
def test_a_district_that_encloses_nothing_clear_is_no_district(district, why):
    with pytest.raises(ConfigError, match=why):
        replace(charter(), district=district).check()
    assert AREA_LIMIT_KM2 > 0
