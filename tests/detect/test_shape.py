"""Circles and corridors as rings: true on the ellipsoid everywhere, the poles and the antimeridian too."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.detect.boundary import areas_of, boundary, is_inside
from detente.detect.shape import WITHIN_M, circle, corridor
from flights import WGS84


def insides(rings: tuple[np.ndarray, ...], lon_deg: np.ndarray, lat_deg: np.ndarray) -> np.ndarray:
    """Whether each point is within the rings."""
    areas = areas_of([boundary([np.radians(ring[:, ::-1]) for ring in rings])])
    points = zip(np.radians(lat_deg).tolist(), np.radians(lon_deg).tolist(), strict=True)
    return np.array([is_inside(lat, lon, areas, 0) for lat, lon in points])


@settings(max_examples=50)
@given(st.floats(-180, 180), st.floats(-90, 90), st.floats(10, 1_000_000))
def test_a_circle_is_the_points_within_its_radius(lon: float, lat: float, radius_m: float) -> None:
    rings = circle((lon, lat), radius_m)
    bearing = np.linspace(0.0, 360.0, 73)
    centre = np.full(73, lon), np.full(73, lat)
    for beyond_m in (-WITHIN_M, WITHIN_M):
        lons, lats, _ = WGS84.fwd(*centre, bearing, np.full(73, radius_m + beyond_m))
        assert (insides(rings, lons, lats) == (beyond_m < 0)).all()


def test_a_circle_round_or_beside_a_pole_is_a_circle_all_the_same() -> None:
    for lat, radius_m in [(90.0, 5_000.0), (-90.0, 300_000.0), (89.99, 1_116.0), (89.99, 1_117.0), (-89.9, 50_000.0)]:
        [ring] = circle((20.0, lat), radius_m)
        assert len(ring) < 8_000
        lons, lats = np.linspace(-180.0, 180.0, 721), np.full(721, math.copysign(89.995, lat))
        away = WGS84.inv(np.full(721, 20.0), np.full(721, lat), lons, lats)[2]
        assert (insides((ring,), lons, lats) == (away < radius_m))[np.abs(away - radius_m) > WITHIN_M].all()


lines = st.tuples(
    st.floats(-180, 180),
    st.floats(-70, 70) | st.floats(75, 89.5) | st.floats(-89.5, -75),
    st.lists(st.tuples(st.floats(-1.5, 1.5), st.floats(-1.0, 1.0)), min_size=1, max_size=5),
)


@settings(max_examples=40)
@given(lines, st.floats(100, 50_000), st.integers(0, 2**32))
def test_a_corridor_is_the_points_near_its_line(
    start: tuple[float, float, list[tuple[float, float]]], half_width_m: float, seed: int
) -> None:
    lon, lat, steps = start
    line = np.cumsum(np.array([(lon, lat), *steps]), axis=0)
    line[:, 1] = np.clip(line[:, 1], -90.0, 90.0)
    if (np.abs(np.diff(line, axis=0)).sum(axis=1) < 1e-6).any():
        return
    dense = np.concatenate([a + np.linspace(0, 1, 401)[:, None] * (b - a) for a, b in pairwise(line)])
    rng = np.random.default_rng(seed)
    near = dense[rng.integers(0, len(dense), 20)]
    lons, lats, _ = WGS84.fwd(*near.T, rng.uniform(0, 360, 20), half_width_m * rng.choice([0.5, 0.95, 1.05, 1.5], 20))
    within = insides(corridor(line, half_width_m), lons, lats)
    for n in range(20):
        away_m = WGS84.inv(np.full(len(dense), lons[n]), np.full(len(dense), lats[n]), *dense.T)[2].min()
        # The points the line is looked at are up to 500 m apart.
        unsure_m = math.hypot(half_width_m, 260.0) - half_width_m + 2 * WITHIN_M
        if abs(away_m - half_width_m) > unsure_m:
            assert within[n] == (away_m < half_width_m)


def test_a_corridor_along_the_pole_itself_is_all_that_is_near_the_pole() -> None:
    line = np.array([[10.0, 89.9], [10.0, 90.0], [11.2, 90.0], [10.3, 90.0]])
    rings = corridor(line, 5_000.0)
    assert insides(rings, np.array([-120.0, 75.0, 10.5, -120.0]), np.array([89.97, 89.99, 89.9, 89.9])).tolist() == [
        True,
        True,
        True,
        False,
    ]


def test_a_corridor_that_meets_itself_has_a_hole() -> None:
    line = np.array([[10, 0], [10, 0.1], [10.1, 0.1], [10.1, 0], [10, 0]], float)
    rings = corridor(line, 1_000.0)
    assert len(rings) == 2
    assert insides(rings, np.array([10.05, 10.0]), np.array([0.05, 0.05])).tolist() == [False, True]


@pytest.mark.parametrize("lat", [89.5, -85.0])
def test_a_corridor_round_a_pole_leaves_the_pole_out(lat: float) -> None:
    rings = corridor(np.array([[0.0, lat], [360.0, lat]]), 20_000.0)
    lats = np.array([lat, math.copysign(90.0, lat), math.copysign(89.99, lat)])
    for lon in (-179.0, 0.0, 77.0):
        assert insides(rings, np.full(3, lon), lats).tolist() == [True, False, False]
