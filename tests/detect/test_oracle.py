"""Thousands of encounters near the minima, judged by brute force on WGS 84 geodesics (pyproj) and by the kernels.

The arbiter shares nothing with the kernels: both aircraft are flown along their geodesics by pyproj and the geodesic
distance is measured every second; each passage of the minimum is then found between two samples by bisection on the
geodesics themselves, and the vertical interval is a straight line's. A row is robust when the arbiter says the same
with minima 2 % smaller and the look-ahead 5 s shorter, and with minima 2 % larger and 5 s longer: there no verdict may
differ; and a pair that stays level exactly at the vertical minimum is no conflict, robust or not.
"""

from __future__ import annotations

import numpy as np
import pytest

from detente.detect.detector import conflicts
from detente.detect.profile import Minima
from detente.units import MPS_PER_KT
from flights import WGS84

LOOKAHEAD_S = 300.0
D_M, H_FT = 5 * 1852.0, 1_000.0
ENCOUNTERS = 1_500
PLACES = {
    "Europe": ((36.0, 62.0), (-10.0, 30.0)),
    "the antimeridian": ((-60.0, 60.0), (179.0, 181.0)),
    "the Arctic": ((80.0, 89.9), (-180.0, 180.0)),
    "the South Pole": ((-90.0, -89.0), (-180.0, 180.0)),
    "the equator": ((-0.5, 0.5), (-180.0, 180.0)),
}


def encounters(place: str, seed: int) -> tuple[np.ndarray, ...]:
    """Return latitude, longitude, deg, altitude, ft, track, deg, speed, kt, climb, ft/min: (n, 2) each.

    Each pair passes at about the minima, at about the look-ahead or before, from as far as speed allows (long range):
    25 ft and 64 ft/min steps, a fifth level exactly at the vertical minimum, another fifth of one velocity.
    """
    rng = np.random.default_rng(seed)
    n = ENCOUNTERS
    (south, north), (west, east) = PLACES[place]
    lat, lon = rng.uniform(south, north, n), rng.uniform(west, east, n)
    track, speed = rng.uniform(0, 360, (n, 2)), rng.choice([15.0, 90.0, 250.0, 450.0, 520.0, 1_100.0], (n, 2))
    same = rng.random(n) < 0.2
    track[same, 1], speed[same, 1] = track[same, 0], speed[same, 0]
    climb = np.where(rng.random((n, 2)) < 0.5, 0.0, rng.integers(-50, 51, (n, 2)) * 64.0)
    altitude = np.stack((rng.integers(40, 1_600, n) * 25.0, np.zeros(n)), axis=1)
    apart_ft = rng.integers(-60, 61, n) * 25.0
    level = rng.random(n) < 0.2
    climb[level], apart_ft[level] = 0.0, rng.choice([-H_FT, H_FT], int(level.sum()))
    altitude[:, 1] = altitude[:, 0] + apart_ft
    bearing, miss = (
        rng.uniform(0, 360, n),
        D_M * np.where(rng.random(n) < 0.5, rng.uniform(0, 1.5, n), rng.normal(1, 0.03, n)),
    )
    lon_b, lat_b, _ = WGS84.fwd(lon, lat, bearing, np.abs(miss))
    back_s = -rng.uniform(0, LOOKAHEAD_S + 60, n)
    out_lon, out_lat, out_track = np.empty((n, 2)), np.empty((n, 2)), np.empty((n, 2))
    for q, (o, a) in enumerate(((lon, lat), (lon_b, lat_b))):
        out_lon[:, q], out_lat[:, q], back = WGS84.fwd(o, a, track[:, q], speed[:, q] * MPS_PER_KT * back_s)
        out_track[:, q] = (back + 180.0) % 360.0
    altitude -= np.rint(climb * (-back_s[:, None]) / 60.0 / 25.0) * 25.0
    return out_lat, out_lon, altitude, out_track, speed, climb


def distance_m(scene: tuple[np.ndarray, ...], t: np.ndarray) -> np.ndarray:
    """Return the geodesic distance of each pair, at its own instant or, t (n, k), at k instants."""
    lat, lon, _, track, speed, _ = scene
    t = np.asarray(t)
    at = []
    for q in (0, 1):
        own = [np.broadcast_to(c[:, q].reshape(-1, *([1] * (t.ndim - 1))), t.shape) for c in (lon, lat, track, speed)]
        at += WGS84.fwd(own[0].copy(), own[1].copy(), own[2].copy(), own[3] * MPS_PER_KT * t)[:2]
    return WGS84.inv(at[0], at[1], at[2], at[3])[2]


def arbiter(
    scene: tuple[np.ndarray, ...], sampled_m: np.ndarray, d_m: float, h_ft: float, lookahead_s: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return which pairs are in conflict and when each begins, NaN for the others."""
    _, _, altitude, _, _, climb = scene
    seconds = np.arange(sampled_m.shape[1], dtype=float)
    inside = (sampled_m < d_m) & (seconds <= lookahead_s)
    first = inside.argmax(axis=1)
    last = inside.shape[1] - 1 - inside[:, ::-1].argmax(axis=1)
    begin, end = first.astype(float), last.astype(float)
    for at, step in ((begin, -1.0), (end, 1.0)):
        inner, outer = at.copy(), np.clip(at + step, 0.0, lookahead_s)
        for _ in range(30):
            middle = 0.5 * (inner + outer)
            is_in = distance_m(scene, middle) < d_m
            inner, outer = np.where(is_in, middle, inner), np.where(is_in, outer, middle)
        at[:] = np.where((at + step >= 0.0) & (at + step <= lookahead_s), inner, at)
    apart, rate = altitude[:, 0] - altitude[:, 1], (climb[:, 0] - climb[:, 1]) / 60.0
    level = rate == 0.0
    one, other = (-h_ft - apart) / np.where(level, 1.0, rate), (h_ft - apart) / np.where(level, 1.0, rate)
    low = np.where(level, np.where(np.abs(apart) < h_ft, -np.inf, np.inf), np.minimum(one, other))
    high = np.where(level, np.inf, np.maximum(one, other))
    begins, ends = np.maximum(begin, low), np.minimum(end, high)
    is_conflict = inside.any(axis=1) & (begins < ends)
    return is_conflict, np.where(is_conflict, begins, np.nan)


def kernels(scene: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the same of our kernels: each pair is put where no other is, by a level all to itself."""
    lat, lon, altitude, track, speed, climb = scene
    n = len(lat)
    # 100,000 ft from pair to pair: no climb gets from one to the next.
    lift = np.arange(n)[:, None] * 100_000.0
    velocity = speed * MPS_PER_KT
    columns = (np.radians(lat), np.radians(lon), altitude + lift)
    columns += (velocity * np.sin(np.radians(track)), velocity * np.cos(np.radians(track)), climb / 60.0)
    pairs, found, unknown = conflicts(*(c.ravel() for c in columns), Minima(D_M, int(H_FT), LOOKAHEAD_S))
    assert not unknown.any()
    assert (pairs[:, 0] // 2 == pairs[:, 1] // 2).all()
    begins = np.full(n, np.nan)
    begins[pairs[:, 0] // 2] = found[:, 0]
    return ~np.isnan(begins), begins


@pytest.mark.parametrize("place", PLACES)
def test_brute_force_on_geodesics_says_the_same(place: str) -> None:
    scene = encounters(place, seed=hash_of(place))
    sampled_m = distance_m(scene, np.broadcast_to(np.arange(LOOKAHEAD_S + 6.0), (ENCOUNTERS, int(LOOKAHEAD_S) + 6)))
    expected, expected_s = arbiter(scene, sampled_m, D_M, H_FT, LOOKAHEAD_S)
    stricter, _ = arbiter(scene, sampled_m, D_M * 0.98, H_FT * 0.98, LOOKAHEAD_S - 5.0)
    looser, _ = arbiter(scene, sampled_m, D_M * 1.02, H_FT * 1.02, LOOKAHEAD_S + 5.0)
    robust = (stricter == expected) & (looser == expected)
    answered, answered_s = kernels(scene)
    assert robust.sum() > 0.6 * ENCOUNTERS
    assert min(expected.sum(), (~expected).sum()) > 0.2 * ENCOUNTERS
    assert (answered == expected)[robust].all()
    assert (answered != expected).mean() <= 0.002
    apart_ft, rate = scene[2][:, 0] - scene[2][:, 1], scene[5][:, 0] - scene[5][:, 1]
    exactly = (rate == 0.0) & (np.abs(apart_ft) == H_FT)
    assert exactly.sum() > 100
    assert not answered[exactly].any()
    off_s = np.abs(answered_s - expected_s)[answered & expected]
    assert np.quantile(off_s, 0.99) < 0.05
    assert off_s.max() < 0.5


def hash_of(place: str) -> int:
    """Return a seed that is the same in every process."""
    return int.from_bytes(place.encode()) % 2**32


def test_the_arbiter_knows_two_that_meet_head_on() -> None:
    half_m = 30 * 1852.0
    lon, lat, _ = WGS84.fwd([8.0, 8.0], [47.0, 47.0], [270.0, 90.0], [half_m, half_m])
    row = np.array
    scene = (
        row([lat]),
        row([lon]),
        row([[30_000.0, 30_500.0]]),
        row([[90.0, 270.0]]),
        row([[450.0, 450.0]]),
        row([[0.0, 0.0]]),
    )
    sampled_m = distance_m(scene, np.arange(LOOKAHEAD_S + 1.0)[None, :])
    is_conflict, begins = arbiter(scene, sampled_m, D_M, H_FT, LOOKAHEAD_S)
    assert is_conflict.tolist() == [True]
    assert begins[0] == pytest.approx((2 * half_m - D_M) / (900 * MPS_PER_KT), abs=1.0)
