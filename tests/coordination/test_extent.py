"""Outlines in whole numbers: held against shapely and the ellipsoid, and the same whichever way they are written."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyproj import Geod

from detente.coordination.extent import (
    E7,
    _atan,
    _sin_cos,
    along,
    area_km2,
    crosses_itself,
    extent,
    holds,
    meet,
    ring_of,
    round_about,
)

WGS84 = Geod(ellps="WGS84")
POINTS = st.tuples(st.integers(-40, 40), st.integers(-40, 40))
CORNERS = st.lists(POINTS, min_size=3, max_size=7, unique=True)


def in_turn(points):
    """The points in the order in which they stand round their middle: most such rings do not cross themselves."""
    lat, lon = (sum(axis) / len(points) for axis in zip(*points, strict=True))
    return sorted(points, key=lambda p: math.atan2(p[0] - lat, p[1] - lon))


RINGS = CORNERS.map(in_turn)


def polygon(points):
    return shapely.Polygon(points)


def simple(points):
    shape = polygon(points)
    assume(shape.is_valid and shape.area > 0)
    return shape


@given(RINGS, RINGS)
def test_two_outlines_meet_just_when_they_have_a_point_in_common(a, b):
    expected = simple(a).intersects(simple(b))
    assert meet(extent((ring_of(tuple(a)),)), extent((ring_of(tuple(b)),))) == expected
    assert meet(extent((ring_of(tuple(b[::-1])),)), extent((ring_of(tuple(a)),))) == expected


@given(CORNERS)
def test_an_outline_that_crosses_itself_is_found_whatever_its_corners(points):
    shape = polygon(points)
    assume(shape.area > 0)
    assert crosses_itself(ring_of(tuple(points))) == (not shape.is_valid)


@given(RINGS, POINTS)
def test_a_point_on_the_edge_is_held(points, point):
    shape = simple(points)
    assert holds(ring_of(tuple(points)), point) == shape.intersects(shapely.Point(point))


@given(RINGS, st.integers(1, 3))
def test_where_it_starts_and_which_way_it_runs_changes_nothing(points, by):
    simple(points)
    turned = [*points[by:], *points[:by]][::-1]
    other = ring_of(((0, 0), (0, 10), (10, 10), (10, 0)))
    assert meet(extent((ring_of(tuple(points)),)), extent((other,))) == meet(
        extent((ring_of(tuple(turned)),)), extent((other,))
    )


def test_outlines_meet_over_the_antimeridian():
    east = ring_of(((0, 1_795_000_000), (0, -1_795_000_000), (10 * E7, -1_795_000_000), (10 * E7, 1_795_000_000)))
    west = ring_of(((5 * E7, -1_798_000_000), (5 * E7, -170 * E7), (6 * E7, -170 * E7)))
    far = ring_of(((5 * E7, 0), (5 * E7, E7), (6 * E7, E7)))
    assert meet(extent((east,)), extent((west,)))
    assert meet(extent((west,)), extent((east,)))
    assert not meet(extent((east,)), extent((far,)))
    assert area_km2(east) < 200_000
    assert holds(east, (5 * E7, 180 * E7))
    assert holds(east, (5 * E7, -180 * E7))


@settings(max_examples=40)
@given(
    st.floats(-84, 84),
    st.floats(-180, 180),
    st.integers(100, 20_000_000),
)
def test_the_polygon_round_a_circle_holds_the_circle_and_little_more(latitude, longitude, radius_cm):
    ring = round_about((round(latitude * E7), round(longitude * E7)), radius_cm)
    courses = np.linspace(0.0, 360.0, 73)
    n = len(courses)
    lon, lat, _ = WGS84.fwd(np.full(n, longitude), np.full(n, latitude), courses, np.full(n, radius_cm / 100.0))
    for at in zip(lat, lon, strict=True):
        assert holds(ring, tuple(round(float(v) * E7) for v in at))
    lon, lat, _ = WGS84.fwd(np.full(n, longitude), np.full(n, latitude), courses, np.full(n, radius_cm * 0.0104 + 0.05))
    assert not any(holds(ring, tuple(round(float(v) * E7) for v in at)) for at in zip(lat, lon, strict=True))


@settings(max_examples=30)
@given(
    st.floats(-80, 80),
    st.floats(-3, 3),
    st.floats(-3, 3),
    st.integers(10_000, 5_000_000),
    st.floats(0, 1),
    st.floats(0, 360),
)
def test_a_corridor_holds_what_is_within_its_width_of_its_line(latitude, north, east, half_width_cm, share, course):
    ends = ((round(latitude * E7), 0), (round((latitude + north) * E7), round(east * E7)))
    covered = along(ends, half_width_cm)
    lat, lon = latitude + share * north, share * east
    lon, lat, _ = WGS84.fwd(lon, lat, course, half_width_cm / 100.0 * 0.999)
    assert any(holds(ring, (round(lat * E7), round(lon * E7))) for ring in covered)


@given(st.floats(-7, 7))
def test_sine_cosine_and_arc_tangent_are_those_of_the_library(x):
    sine, cosine = _sin_cos(x)
    assert sine == pytest.approx(math.sin(x), abs=1e-14)
    assert cosine == pytest.approx(math.cos(x), abs=1e-14)
    assert float(_atan(np.array(x))) == pytest.approx(math.atan(x), abs=1e-14)


def test_an_area_is_known_well_enough_to_be_held_against_a_limit():
    ring = round_about((47 * E7, 8 * E7), 5_000_000)
    assert area_km2(ring) == pytest.approx(math.pi * 50.0**2, rel=0.05)
