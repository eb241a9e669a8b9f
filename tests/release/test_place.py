"""Areas and distances, against shapely and the WGS 84 ellipsoid."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod
from shapely.geometry import Point, Polygon

from detente.release.place import Shape, snapped, within_circle
from detente.units import EARTH_MEAN_RADIUS_M

SQUARE = np.radians(np.array([[35.0, 35.0], [35.0, 37.0], [36.0, 37.0], [36.0, 35.0]]))


def wavy(n=500):
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return np.radians(np.column_stack((37 + 3 * np.sin(angle) + 0.1 * np.sin(40 * angle), 35 + 5 * np.cos(angle))))


def test_inside_agrees_with_shapely_on_a_long_boundary():
    ring = wavy()
    rng = np.random.default_rng(7)
    lat, lon = np.radians(rng.uniform(33, 41, 3_000)), np.radians(rng.uniform(29, 41, 3_000))
    inside, _ = Shape([ring]).measure(lat, lon, 0.0)
    polygon = Polygon(ring[:, ::-1])
    assert inside.tolist() == [polygon.contains(Point(x, y)) for x, y in zip(lon, lat, strict=True)]
    assert inside.any()
    assert not inside.all()


@given(st.floats(-55, 55), st.floats(0.5, 50.0))
def test_distance_to_a_line_is_within_one_percent_of_the_ellipsoid(latitude, distance_nm):
    geod = Geod(ellps="WGS84")
    ring = np.radians(np.array([[latitude, 10.0], [latitude, 14.0], [latitude - 3.0, 14.0], [latitude - 3.0, 10.0]]))
    lon, lat, _ = geod.fwd(12.0, latitude, 0.0, distance_nm * 1852.0)
    inside, distance = Shape([ring]).measure(np.radians([lat]), np.radians([lon]), 200_000.0)
    assert not inside[0]
    assert distance[0] == pytest.approx(distance_nm * 1852.0, rel=0.01)


def test_beyond_the_limit_the_distance_is_infinite_and_unknown_stays_unknown():
    shape = Shape([SQUARE])
    inside, distance = shape.measure(np.radians([40.0, 35.5]), np.array([np.radians(36.0), np.nan]), 10_000.0)
    assert not inside.any()
    assert np.isinf(distance[0])
    assert np.isnan(distance[1])


def test_a_hole_is_outside_and_the_antimeridian_is_no_edge():
    hole = np.radians(np.array([[35.4, 35.9], [35.4, 36.1], [35.6, 36.1], [35.6, 35.9]]))
    inside, _ = Shape([SQUARE, hole]).measure(np.radians([35.5, 35.2]), np.radians([36.0, 36.0]), 0.0)
    assert inside.tolist() == [False, True]
    across = np.radians(np.array([[10.0, 179.0], [10.0, -179.0], [11.0, -179.0], [11.0, 179.0]]))
    inside, _ = Shape([across]).measure(np.radians([10.5, 10.5, 10.5]), np.radians([179.5, -179.5, 0.0]), 0.0)
    assert inside.tolist() == [True, True, False]


@given(st.floats(-90, 90), st.floats(-180, 180), st.sampled_from([100, 1_000, 10_000]))
def test_a_snapped_position_is_in_its_own_cell_and_stays_there(latitude, longitude, grid_m):
    lat, lon = np.radians([latitude]), np.radians([longitude])
    once = snapped(lat, lon, grid_m)
    again = snapped(*once, grid_m)
    assert np.allclose(once, again, atol=1e-9)
    assert within_circle(lat, lon, (float(once[0][0]), float(once[1][0])), grid_m * 0.75)[0]


@given(st.floats(-1.5, 1.5), st.floats(-math.pi, math.pi), st.floats(0, 2 * math.pi), st.floats(1e3, 1e6))
def test_a_circle_holds_what_is_nearer_than_its_radius(latitude, longitude, course, radius_m):
    geod = Geod(a=EARTH_MEAN_RADIUS_M, b=EARTH_MEAN_RADIUS_M)
    for share, expected in ((0.99, True), (1.01, False)):
        lon, lat, _ = geod.fwd(longitude, latitude, course, share * radius_m, radians=True)
        assert within_circle(np.array([lat]), np.array([lon]), (latitude, longitude), radius_m)[0] == expected
