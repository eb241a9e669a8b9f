"""When two aircraft that hold their courses are below both minima, and how close they come.

The horizontal distance is between the two surface points (a chord: at 5 NM it is 1 mm short of the geodesic). Its
square is very nearly a parabola in time, so a guarded Newton step finds each instant in a handful of iterations, from
the exact arcs of `detente.detect.motion`. The vertical is exact: whole feet and a constant rate.

Everything is open: an aircraft exactly on a minimum is not below it. The caller orders each pair by identity, so both
parties' nodes compute the same bits.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit

from detente.detect.motion import Floats, along

FOUND: Final = 7
"""Columns of a finding: 0 time in, 1 time out, 2 time to CPA, s; 3 distance at CPA, m; 4 height apart at CPA, ft;
5, 6 distance now, m, and height apart now, ft."""

CLEAR: Final = 0
CONFLICT: Final = 1
NOT_ASSESSED: Final = 2  # the two altitudes have no datum in common, or a number is missing

_TOLERANCE_S: Final = 1e-7
_CLOSEST_S: Final = 1e-4  # about the closest point the distance stands still: at 1,000 m/s, within a millimetre
_STEPS: Final = 60


def _gap(a: Floats, b: Floats, t: float) -> tuple[float, float, float]:
    """Return at *t* the squared distance, m², half its rate, m²/s, and the squared relative speed, m²/s²."""
    ax, ay, az, au, av, aw = along(a, t)
    bx, by, bz, bu, bv, bw = along(b, t)
    x, y, z = ax - bx, ay - by, az - bz
    u, v, w = au - bu, av - bv, aw - bw
    return x * x + y * y + z * z, x * u + y * v + z * w, u * u + v * v + w * w


gap = njit(cache=True, nogil=True, error_model="numpy")(_gap)


Gap = tuple[float, float, float]
"""Squared distance, m², half its rate, m²/s, and squared relative speed, m²/s²: what `gap` returns."""


def _closest(a: Floats, b: Floats, until_s: float, now: Gap) -> tuple[float, Gap]:
    """Return the instant in [0, until_s] at which the two are closest in the horizontal, and the gap there."""
    t, lo, hi, there = 0.0, 0.0, until_s, now
    if now[1] >= 0.0:
        return t, there
    for _ in range(_STEPS):
        _, rate, speed2 = there
        step = t - rate / speed2 if speed2 > 0.0 else until_s
        if step < lo or step > hi:
            step = 0.5 * (lo + hi) if hi < until_s else until_s
        if abs(step - t) <= _CLOSEST_S:
            break
        t, there = step, gap(a, b, step)
        if there[1] >= 0.0:
            hi = t
        elif t >= until_s:
            break
        else:
            lo = t
    return t, there


closest = njit(cache=True, nogil=True, error_model="numpy")(_closest)


def _passage(a: Floats, b: Floats, inner_s: float, outer_s: float, distance2_m2: float, inner: Gap) -> float:
    """Return when the distance passes a limit between *inner_s*, where it is below, and *outer_s*, where it is not.

    *inner*: the gap at *inner_s*.
    """
    lo, hi = inner_s, outer_s
    square, rate, speed2 = inner
    # From the closest point the parabola gives the passage at once; the arcs then correct it by milliseconds.
    discriminant = rate * rate - speed2 * (square - distance2_m2)
    reach = (math.sqrt(max(discriminant, 0.0)) + abs(rate)) / speed2 if speed2 > 0.0 else 0.0
    t = inner_s + math.copysign(reach, outer_s - inner_s)
    if (t - lo) * (t - hi) >= 0.0:
        t = 0.5 * (lo + hi)
    for _ in range(_STEPS):
        square, rate, speed2 = gap(a, b, t)
        if square < distance2_m2:
            lo = t
        else:
            hi = t
        step = t - (square - distance2_m2) / (2.0 * rate) if rate != 0.0 else lo
        if (step - lo) * (step - hi) >= 0.0:
            step = 0.5 * (lo + hi)
        # Newton: what is left after a step is its square, times the curve over twice the slope.
        if abs(step - t) <= _TOLERANCE_S or (step - t) * (step - t) * speed2 <= _TOLERANCE_S * abs(rate):
            return step
        t = step
    return t


passage = njit(cache=True, nogil=True, error_model="numpy")(_passage)


def _vertically_inside(apart_ft: float, rate_fps: float, vertical_ft: float) -> tuple[float, float]:
    """Return the open interval, s, in which two aircraft are less than *vertical_ft* apart; empty as (inf, -inf)."""
    if rate_fps == 0.0:
        return (-math.inf, math.inf) if abs(apart_ft) < vertical_ft else (math.inf, -math.inf)
    first = (-vertical_ft - apart_ft) / rate_fps
    second = (vertical_ft - apart_ft) / rate_fps
    return min(first, second), max(first, second)


vertically_inside = njit(cache=True, nogil=True, error_model="numpy")(_vertically_inside)


def _judge(a: Floats, b: Floats, horizontal_m: float, vertical_ft: float, lookahead_s: float, found: Floats) -> int:
    """Judge one pair, fill *found* (FOUND columns) and return CLEAR, CONFLICT or NOT_ASSESSED.

    Times are clipped to [0, lookahead_s]; the closest point is looked for as far as twice that. What a verdict leaves
    open is NaN: the times unless it is a conflict, and everything where the heights alone keep the two apart.
    """
    found[:] = math.nan
    apart_ft = a[11] - b[11]
    if math.isnan(apart_ft):
        apart_ft = a[12] - b[12]
    rate_fps = a[13] - b[13]
    now = gap(a, b, 0.0)
    if not math.isfinite(now[0] + now[1] + now[2] + rate_fps):
        return NOT_ASSESSED
    has_heights = math.isfinite(apart_ft)
    t_low, t_high = vertically_inside(apart_ft, rate_fps, vertical_ft) if has_heights else (-math.inf, math.inf)
    if max(t_low, 0.0) >= min(t_high, lookahead_s):
        return CLEAR
    distance2 = horizontal_m * horizontal_m
    t_cpa, there = closest(a, b, 2.0 * lookahead_s, now)
    found[2], found[3] = t_cpa, math.sqrt(there[0])
    found[4], found[5], found[6] = abs(apart_ft + rate_fps * t_cpa), math.sqrt(now[0]), abs(apart_ft)
    if there[0] >= distance2:
        return CLEAR
    t_in = 0.0 if now[0] < distance2 else passage(a, b, t_cpa, 0.0, distance2, there)
    if t_in >= lookahead_s:
        return CLEAR
    t_out = lookahead_s
    # Past the closest point and outside again at the end: it came out in between.
    if t_cpa < lookahead_s and gap(a, b, lookahead_s)[0] >= distance2:
        t_out = passage(a, b, t_cpa, lookahead_s, distance2, there)
    if not has_heights:
        return NOT_ASSESSED
    t_in, t_out = max(t_in, t_low), min(t_out, t_high)
    if t_in >= t_out:
        return CLEAR
    found[0], found[1] = t_in, t_out
    return CONFLICT


judge = njit(cache=True, nogil=True, error_model="numpy")(_judge)


def judge_pair(a: Floats, b: Floats, horizontal_m: float, vertical_ft: float, lookahead_s: float) -> tuple[int, Floats]:
    """Judge one pair of motions; returns the verdict and its finding (NaN where the verdict leaves it open)."""
    found = np.full(FOUND, np.nan)
    return int(judge(a, b, horizontal_m, vertical_ft, lookahead_s, found)), found
