"""A track's motion as an arc over the WGS 84 ellipsoid, in Earth-centred coordinates.

An aircraft that holds its course follows a geodesic. Over the distances of a look-ahead it is, within centimetres, the
circle that touches the ellipsoid along the course: the plane of the normal and the direction of flight, with the radius
of curvature in that direction (Euler). In these coordinates nothing is special at the antimeridian or a pole, and
meridian convergence needs no thought. The error against pyproj is below 0.1 m at 100 km and 7 m at 500 km.

A motion is one row of MOTION float64 columns, so a pair's two rows are two cache lines each.
"""

from __future__ import annotations

import math
from concurrent.futures import Executor
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from detente.detect.shares import each_of

SEMI_MAJOR_M: Final = 6_378_137.0
SEMI_MINOR_M: Final = 6_356_752.314245179
_E2: Final = 1.0 - (SEMI_MINOR_M / SEMI_MAJOR_M) ** 2

MOTION: Final = 14
"""Columns: 0-2 surface point at time zero, m; 3-5 unit vector of flight; 6-8 unit normal; 9 radius of the arc, m;
10 speed over ground, m/s; 11 pressure altitude, 12 ellipsoid altitude, ft (whole feet at the time of applicability, NaN
unknown); 13 vertical speed, ft/s."""

_ROUNDS: Final = 1.5 * 2.0**52
_QUARTER: Final = math.ldexp(math.floor(math.ldexp(math.pi / 2.0, 32)), -32)  # its first bits: times a few, still exact
_QUARTER_REST: Final = 6.077100506506192e-11  # half of pi, less that
_S: Final = tuple((-1.0) ** (n // 2) / math.factorial(n) for n in range(3, 16, 2))
_C: Final = tuple((-1.0) ** (n // 2) / math.factorial(n) for n in range(4, 17, 2))

Floats = npt.NDArray[np.float64]
Arc = tuple[float, float, float, float, float, float, float, float, float, float, float]

BLOCK: Final = 32
"""So many motions are worked on at once, a column of each beside each other: loops over them become vector
instructions, and a block stays in the nearest cache."""


def _sine_cosine(angle_rad: float) -> tuple[float, float]:
    """Return sine and cosine, within 1e-16 of exact for a turn or two; NaN for NaN and infinities.

    A series rather than the maths library: every node gets the same bits, and the loop over tracks calls nothing.
    """
    # Adding and taking away 1.5 * 2**52 rounds to a whole number, of quarter turns.
    quarters = (angle_rad * (2.0 / math.pi) + _ROUNDS) - _ROUNDS
    x = (angle_rad - quarters * _QUARTER) - quarters * _QUARTER_REST
    x2 = x * x
    sine = x + x * x2 * (_S[0] + x2 * (_S[1] + x2 * (_S[2] + x2 * (_S[3] + x2 * (_S[4] + x2 * (_S[5] + x2 * _S[6]))))))
    cosine = 1.0 - x2 * (
        0.5 - x2 * (_C[0] + x2 * (_C[1] + x2 * (_C[2] + x2 * (_C[3] + x2 * (_C[4] + x2 * (_C[5] + x2 * _C[6]))))))
    )
    quadrant = quarters - 4.0 * ((quarters * 0.25 + _ROUNDS) - _ROUNDS)  # -2 to 2
    is_odd, is_back = abs(quadrant) == 1.0, abs(quadrant) == 2.0
    s = quadrant * cosine if is_odd else (-sine if is_back else sine)
    c = -quadrant * sine if is_odd else (-cosine if is_back else cosine)
    return s, c


sine_cosine = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)(_sine_cosine)


def _here(latitude_rad: float, longitude_rad: float, v_east_mps: float, v_north_mps: float) -> Arc:
    """Return columns 0 to 10 of one motion at its own time. NaN in, NaN out."""
    sin_lat, cos_lat = sine_cosine(latitude_rad)
    sin_lon, cos_lon = sine_cosine(longitude_rad)
    speed = math.sqrt(v_east_mps * v_east_mps + v_north_mps * v_north_mps)
    per_speed = 1.0 / (speed if speed != 0.0 else 1.0)
    # What stands still points east: any direction would do.
    east = v_east_mps * per_speed if speed != 0.0 else 1.0
    north = v_north_mps * per_speed
    w2 = 1.0 - _E2 * sin_lat * sin_lat
    prime_vertical = SEMI_MAJOR_M / math.sqrt(w2)
    # Euler: the curvatures of meridian and prime vertical, each as much as the course lies along it.
    radius = prime_vertical / (north * north * w2 / (1.0 - _E2) + east * east)
    n0, n1, n2 = cos_lat * cos_lon, cos_lat * sin_lon, sin_lat
    return (
        prime_vertical * n0,
        prime_vertical * n1,
        prime_vertical * (1.0 - _E2) * n2,
        -east * sin_lon - north * sin_lat * cos_lon,
        east * cos_lon - north * sin_lat * sin_lon,
        north * cos_lat,
        n0,
        n1,
        n2,
        radius,
        speed,
    )


here = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)(_here)


def _arc(latitude_rad: float, longitude_rad: float, v_east_mps: float, v_north_mps: float, age_s: float) -> Arc:
    """Return columns 0 to 10 of one motion, carried *age_s* forward along its arc. NaN in, NaN out."""
    x, y, z, t0, t1, t2, n0, n1, n2, radius, speed = here(latitude_rad, longitude_rad, v_east_mps, v_north_mps)
    s, c = sine_cosine(speed * age_s / radius)
    run, rise = radius * s, radius * (1.0 - c)
    return (
        x + (run * t0 - rise * n0),
        y + (run * t1 - rise * n1),
        z + (run * t2 - rise * n2),
        c * t0 - s * n0,
        c * t1 - s * n1,
        c * t2 - s * n2,
        c * n0 + s * t0,
        c * n1 + s * t1,
        c * n2 + s * t2,
        radius,
        speed,
    )


arc = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)(_arc)


def _motion(
    latitude_rad: float, longitude_rad: float, v_east_mps: float, v_north_mps: float, age_s: float, out: Floats
) -> None:
    """Fill columns 0 to 10 of one motion, as `arc` returns them."""
    columns = arc(latitude_rad, longitude_rad, v_east_mps, v_north_mps, age_s)
    for q in range(11):
        out[q] = columns[q]


motion = njit(cache=True, nogil=True, error_model="numpy")(_motion)


def _fill(
    latitude_rad: Floats,
    longitude_rad: Floats,
    altitude_pressure_ft: Floats,
    altitude_ellipsoid_ft: Floats,
    v_east_mps: Floats,
    v_north_mps: Floats,
    v_up_fps: Floats,
    age_s: Floats,
    out: Floats,
    lo: int,
    hi: int,
) -> None:
    """Fill rows lo to hi of *out* (n, MOTION): motions at one instant, *age_s* after each row's own time."""
    block = np.empty((MOTION, BLOCK))
    for begin in range(lo, hi, BLOCK):
        end = min(begin + BLOCK, hi)
        # Slices, and q from 0: the compiler then sees that neighbours lie side by side.
        latitude, longitude, age = latitude_rad[begin:end], longitude_rad[begin:end], age_s[begin:end]
        v_east, v_north, v_up = v_east_mps[begin:end], v_north_mps[begin:end], v_up_fps[begin:end]
        pressure, ellipsoid = altitude_pressure_ft[begin:end], altitude_ellipsoid_ft[begin:end]
        for q in range(end - begin):
            columns = arc(latitude[q], longitude[q], v_east[q], v_north[q], age[q])
            block[0, q], block[1, q], block[2, q] = columns[0], columns[1], columns[2]
            block[3, q], block[4, q], block[5, q] = columns[3], columns[4], columns[5]
            block[6, q], block[7, q], block[8, q] = columns[6], columns[7], columns[8]
            block[9, q], block[10, q] = columns[9], columns[10]
            climbed_ft = v_up[q] * age[q]
            block[11, q], block[12, q], block[13, q] = pressure[q] + climbed_ft, ellipsoid[q] + climbed_ft, v_up[q]
        for q in range(end - begin):
            for c in range(MOTION):
                out[begin + q, c] = block[c, q]


fill = njit(cache=True, nogil=True, error_model="numpy")(_fill)


def _place(
    latitude_rad: Floats,
    longitude_rad: Floats,
    altitude_ft: Floats,
    v_east_mps: Floats,
    v_north_mps: Floats,
    v_up_fps: Floats,
    block: Floats,
    is_unknown: npt.NDArray[np.bool_],
) -> None:
    """Fill *block* (MOTION, BLOCK) with up to BLOCK motions, each at its own time, altitudes taken to whole feet; and
    which of them are unknown, for want of any number: these lie nowhere."""
    for q in range(len(latitude_rad)):
        columns = here(latitude_rad[q], longitude_rad[q], v_east_mps[q], v_north_mps[q])
        total = latitude_rad[q] + longitude_rad[q] + altitude_ft[q] + v_east_mps[q] + v_north_mps[q] + v_up_fps[q]
        is_unknown[q] = not abs(total) < math.inf
        block[0, q] = columns[0] if abs(total) < math.inf else math.nan
        block[1, q], block[2, q] = columns[1], columns[2]
        block[3, q], block[4, q], block[5, q] = columns[3], columns[4], columns[5]
        block[6, q], block[7, q], block[8, q] = columns[6], columns[7], columns[8]
        block[9, q], block[10, q] = columns[9], columns[10]
        block[11, q], block[12, q], block[13, q] = np.rint(altitude_ft[q]), math.nan, v_up_fps[q]


place = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)(_place)


def motions(*columns: Floats, threads: Executor | None = None, out: Floats | None = None) -> Floats:
    """Return (n, MOTION) motions at one instant; *columns*, each (n,) numbers, as `fill` names them, ages last.

    *out*: where to put them, if not in an array of their own.
    """
    n = len(columns[0])
    out = np.empty((n, MOTION)) if out is None else out
    # In the one layout that the kernel was compiled for.
    each_of(threads, n, fill, *(np.require(column, np.float64, ("C", "W")) for column in columns), out)
    return out


def _flown(radius: float, speed: float, t: float) -> tuple[float, float, float, float]:
    """Return how far along the arc's tangent and how far below it, m, and how fast each, m/s, at *t* seconds.

    The sine and cosine are short series (error below 1e-12 to 0.1 rad, 640 km), so two nodes get the same bits whatever
    their maths library.
    """
    x = speed * t / radius
    x2 = x * x
    sine = x * (1.0 - x2 * (1.0 / 6.0 - x2 * (1.0 / 120.0 - x2 * (1.0 / 5_040.0))))
    versine = x2 * (0.5 - x2 * (1.0 / 24.0 - x2 * (1.0 / 720.0 - x2 * (1.0 / 40_320.0))))
    return radius * sine, radius * versine, speed * (1.0 - versine), speed * sine


flown = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)(_flown)


def _along(m: Floats, t: float) -> tuple[float, float, float, float, float, float]:
    """Return the surface point, m, and the velocity, m/s, of one motion at *t* seconds."""
    run, rise, forward, down = flown(m[9], m[10], t)
    return (
        m[0] + run * m[3] - rise * m[6],
        m[1] + run * m[4] - rise * m[7],
        m[2] + run * m[5] - rise * m[8],
        forward * m[3] - down * m[6],
        forward * m[4] - down * m[7],
        forward * m[5] - down * m[8],
    )


along = njit(cache=True, nogil=True, error_model="numpy")(_along)


def _geodetic(x: float, y: float, z: float) -> tuple[float, float]:
    """Return geodetic latitude and longitude, rad, of a point on or near the ellipsoid (Bowring, one step)."""
    p = math.sqrt(x * x + y * y)
    # Sine and cosine of the parametric latitude, straight from its tangent.
    up, out = z * SEMI_MAJOR_M, p * SEMI_MINOR_M
    per_length = 1.0 / math.sqrt(up * up + out * out)
    sine, cosine = up * per_length, out * per_length
    second_e2 = (SEMI_MAJOR_M / SEMI_MINOR_M) ** 2 - 1.0
    latitude = math.atan2(
        z + second_e2 * SEMI_MINOR_M * sine * sine * sine,
        p - _E2 * SEMI_MAJOR_M * cosine * cosine * cosine,
    )
    return latitude, math.atan2(y, x)


geodetic = njit(cache=True, nogil=True, error_model="numpy")(_geodetic)
