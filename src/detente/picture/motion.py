"""How tracks move between plots: one local plane, straight lines, and fits over a short memory.

Distances are on the plane that touches the WGS 84 ellipsoid midway; over the tens of kilometres a track moves
between plots that is exact to metres. Kernels are written as plain functions and compiled beside, so that they
run, slowly, without a compiler.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from detente.picture.picture import Tracks
from detente.types import NS_PER_S, Instant

_A_M = 6_378_137.0
_E2 = 0.006_694_379_990_141_316

Floats = npt.NDArray[np.float64]
Record = Any  # one track's newest plots, as `follow.py` keeps them


def _metres_per_radian(latitude_rad: float) -> tuple[float, float]:
    """Return the length of one radian of longitude and of latitude here, in that order."""
    s = math.sin(latitude_rad)
    w = 1.0 - _E2 * s * s
    prime_vertical = _A_M / math.sqrt(w)
    return prime_vertical * math.cos(latitude_rad), prime_vertical * (1.0 - _E2) / w


metres_per_radian = njit(cache=True, nogil=True)(_metres_per_radian)


def _offset_m(
    from_latitude_rad: float, from_longitude_rad: float, latitude_rad: float, longitude_rad: float
) -> tuple[float, float]:
    """Return how far east and north the second position is of the first; the short way across the antimeridian."""
    per_east, per_north = metres_per_radian(0.5 * (from_latitude_rad + latitude_rad))
    d = longitude_rad - from_longitude_rad
    d -= 2.0 * math.pi * math.floor(d / (2.0 * math.pi) + 0.5)
    return d * per_east, (latitude_rad - from_latitude_rad) * per_north


offset_m = njit(cache=True, nogil=True)(_offset_m)


def _slope(t_s: Floats, x: Floats, n: int) -> float:
    """Return the slope of the least-squares line through the first *n* points; nan when they have no spread in time."""
    mean_t = 0.0
    mean_x = 0.0
    for i in range(n):
        mean_t += t_s[i]
        mean_x += x[i]
    mean_t /= n
    mean_x /= n
    spread = 0.0
    rise = 0.0
    for i in range(n):
        spread += (t_s[i] - mean_t) ** 2
        rise += (t_s[i] - mean_t) * (x[i] - mean_x)
    return rise / spread if spread > 0.0 else math.nan


slope = njit(cache=True, nogil=True)(_slope)


def _newest_slope(t_s: Floats, x: Floats, n: int) -> float:
    """Return the slope at t = 0, the newest point, of the least-squares parabola through the first *n* points.

    A line's slope is that of half a window ago: in a standard turn ten degrees behind. Nan when the points are too few.
    """
    mean_t = 0.0
    for i in range(n):
        mean_t += t_s[i] / n
    second = 0.0
    third = 0.0
    for i in range(n):
        second += (t_s[i] - mean_t) ** 2
        third += (t_s[i] - mean_t) ** 3
    if second <= 0.0:
        return math.nan
    skew = third / second
    spread = 0.0
    bend = 0.0
    for i in range(n):
        d = t_s[i] - mean_t
        q = d * d - skew * d - second / n  # orthogonal to a constant and to d
        spread += q * q
        bend += q * x[i]
    if spread <= 0.0:
        return math.nan
    return slope(t_s, x, n) + bend / spread * (-2.0 * mean_t - skew)


newest_slope = njit(cache=True, nogil=True)(_newest_slope)


def _robust_slope(t_s: Floats, x: Floats, n: int) -> float:
    """Return the median slope of all pairs of points (Theil-Sen); nan below two.

    A step of 25 or 100 ft between two plots is a rounding, not a climb; a median over all pairs does not see it.
    """
    slopes = np.empty(n * (n - 1) // 2)
    k = 0
    for i in range(n):
        for j in range(i + 1, n):
            if t_s[i] != t_s[j]:
                slopes[k] = (x[j] - x[i]) / (t_s[j] - t_s[i])
                k += 1
    return float(np.median(slopes[:k])) if k else math.nan


robust_slope = njit(cache=True, nogil=True)(_robust_slope)


def advanced(tracks: Tracks, now: Instant) -> Tracks:
    """Return a copy of *tracks* with positions and altitudes brought to *now* in straight lines.

    They keep their course over the ground, as a rhumb line does. The great circle of the same start turns away from it
    as the meridians converge: after *d* metres, of which *e* to the east, by ½ e d tan(latitude) / a. That is 30 m in a
    minute of 300 m/s east and as much north at 40°, and 204 m at 80°.

    `applicable_at_ns` becomes *now*. A track whose velocity is unknown stays where it was last seen, and one whose
    climb is unknown at its altitude; their velocities stay NaN, so nothing that predicts takes them for still.
    """
    moved = tracks.copy()
    elapsed_s = (now - tracks["applicable_at_ns"]) / NS_PER_S
    east_m = np.nan_to_num(tracks["v_east_mps"] * elapsed_s)
    north_m = np.nan_to_num(tracks["v_north_mps"] * elapsed_s)
    up_m = np.nan_to_num(tracks["v_up_mps"] * elapsed_s)
    latitude = tracks["latitude_rad"]
    s2 = np.sin(latitude) ** 2
    meridian = _A_M * (1.0 - _E2) / (1.0 - _E2 * s2) ** 1.5
    to_latitude = np.clip(latitude + north_m / meridian, -math.pi / 2, math.pi / 2)
    midway = 0.5 * (latitude + to_latitude)
    parallel = _A_M / np.sqrt(1.0 - _E2 * np.sin(midway) ** 2) * np.maximum(np.cos(midway), 1e-9)
    longitude = tracks["longitude_rad"] + east_m / parallel
    moved["latitude_rad"] = to_latitude
    wrapped = longitude - 2.0 * math.pi * np.floor(longitude / (2.0 * math.pi) + 0.5)
    # Rounding may put the date line itself a hair beyond it.
    moved["longitude_rad"] = np.clip(wrapped, -math.pi, math.pi)
    moved["altitude_pressure_m"] += up_m
    moved["altitude_ellipsoid_m"] += up_m
    moved["applicable_at_ns"] = now
    moved.flags.writeable = False
    return moved


def _bend_m(memory: Record) -> tuple[float, float, float]:
    """Return how far east and north, m, the newest of three plots is from where the two before it lead.

    Third, how far it is from the one before it, m. All NaN when two of them are of one instant. There must be three.
    """
    n = memory["kept"] - 1
    first_s = (memory["at_ns"][n - 1] - memory["at_ns"][n - 2]) * 1e-9
    second_s = (memory["at_ns"][n] - memory["at_ns"][n - 1]) * 1e-9
    if first_s <= 0.0 or second_s <= 0.0:
        return math.nan, math.nan, math.nan
    east0, north0 = offset_m(
        memory["latitude_rad"][n - 2],
        memory["longitude_rad"][n - 2],
        memory["latitude_rad"][n - 1],
        memory["longitude_rad"][n - 1],
    )
    east1, north1 = offset_m(
        memory["latitude_rad"][n - 1],
        memory["longitude_rad"][n - 1],
        memory["latitude_rad"][n],
        memory["longitude_rad"][n],
    )
    return east1 - east0 * second_s / first_s, north1 - north0 * second_s / first_s, math.hypot(east1, north1)


bend_m = njit(cache=True, nogil=True)(_bend_m)
