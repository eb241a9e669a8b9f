"""When two aircraft that hold their courses are below both minima, and how close they come.

The horizontal distance is between the two surface points (a chord: at 5 NM it is 1 mm short of the geodesic). Its
square is very nearly a parabola in time, so a Newton step or two from the parabola finds each instant. The vertical is
exact: whole feet and a constant rate.

There are two ways to the same answer. *By series* (`by_series`) the difference of the two arcs is a polynomial in time,
and a fixed number of steps is taken without a branch, so that a loop over pairs becomes vector instructions. It says
itself where this is not sure: arcs too long for the series, steps that have not settled, a grazing pair, a number
missing. Such pairs, one in thousands, are judged *by arcs* (`by_arcs`), with guarded steps on the exact arcs of
`detente.detect.motion`.

Everything is open: an aircraft exactly on a minimum is not below it. The caller orders each pair by identity, so both
parties' nodes compute the same bits.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit

from detente.detect.motion import MOTION, Floats, along

FOUND: Final = 7
"""Columns of a finding: 0 time in, 1 time out, 2 time to CPA, s; 3 distance at CPA, m; 4 height apart at CPA, ft;
5, 6 distance now, m, and height apart now, ft."""

CLEAR: Final = 0
CONFLICT: Final = 1
NOT_ASSESSED: Final = 2  # the two altitudes have no datum in common, or a number is missing
UNSURE: Final = 3  # by series only: to be judged by arcs

OTHER: Final = MOTION
FINDING: Final = 2 * MOTION
VERDICT: Final = FINDING + FOUND
PAIR: Final = VERDICT + 1
"""Rows of a block of pairs, (PAIR, lanes): the one's motion, from OTHER the other's, from FINDING what is found, and
the VERDICT."""

_TOLERANCE_S: Final = 1e-7
_CLOSEST_S: Final = 1e-4  # about the closest point the distance stands still: at 1,000 m/s, within a millimetre
_BENT_SHARE: Final = 0.004  # of twice the slope, what the bend may make in a short step
_STEPS: Final = 60
_LONGEST_RAD: Final = 0.05  # arcs for which a series to the fifth power is within 0.2 mm; 320 km

Vectors = tuple[
    float, float, float, float, float, float, float, float, float,
    float, float, float, float, float, float, float, float, float,
]  # fmt: skip

Gap = tuple[float, float, float]
"""Squared distance, m², half its rate, m²/s, and what the rate of that is made of, m²/s²: see `gap` and `apart`."""


def _difference(b: Floats, q: int) -> Vectors:
    """Return the vectors c0 to c5, x y z each, of pair *q*: c0 + c1 t + c2 t^2/2! + ... + c5 t^5/5! is one's place less
    the other's, m.

    Of an arc, each derivative but one is the last but one turned back, times the square of the angular speed.
    """
    v_a, v_b = b[10, q], b[OTHER + 10, q]
    turn_a, turn_b = v_a / b[9, q], v_b / b[OTHER + 9, q]
    fall_a, fall_b = -v_a * turn_a, -v_b * turn_b
    w_a, w_b = -turn_a * turn_a, -turn_b * turn_b
    xa, ya, za = v_a * b[3, q], v_a * b[4, q], v_a * b[5, q]
    xb, yb, zb = v_b * b[OTHER + 3, q], v_b * b[OTHER + 4, q], v_b * b[OTHER + 5, q]
    ua, va, wa = fall_a * b[6, q], fall_a * b[7, q], fall_a * b[8, q]
    ub, vb, wb = fall_b * b[OTHER + 6, q], fall_b * b[OTHER + 7, q], fall_b * b[OTHER + 8, q]
    w2_a, w2_b = w_a * w_a, w_b * w_b
    return (
        b[0, q] - b[OTHER, q], b[1, q] - b[OTHER + 1, q], b[2, q] - b[OTHER + 2, q],
        xa - xb, ya - yb, za - zb,
        ua - ub, va - vb, wa - wb,
        w_a * xa - w_b * xb, w_a * ya - w_b * yb, w_a * za - w_b * zb,
        w_a * ua - w_b * ub, w_a * va - w_b * vb, w_a * wa - w_b * wb,
        w2_a * xa - w2_b * xb, w2_a * ya - w2_b * yb, w2_a * za - w2_b * zb,
    )  # fmt: skip


difference = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)(_difference)


def _apart(c: Vectors, t: float) -> Gap:
    """Return at *t* the squared distance, m², of a pair of which *c* is the difference, half its rate, m²/s, and half
    the rate of that, m²/s²."""
    x0, y0, z0, x1, y1, z1, x2, y2, z2, x3, y3, z3, x4, y4, z4, x5, y5, z5 = c
    half, third, quarter, fifth = t * (1.0 / 2.0), t * (1.0 / 3.0), t * (1.0 / 4.0), t * (1.0 / 5.0)
    x = x0 + t * (x1 + half * (x2 + third * (x3 + quarter * (x4 + fifth * x5))))
    y = y0 + t * (y1 + half * (y2 + third * (y3 + quarter * (y4 + fifth * y5))))
    z = z0 + t * (z1 + half * (z2 + third * (z3 + quarter * (z4 + fifth * z5))))
    u = x1 + t * (x2 + half * (x3 + third * (x4 + quarter * x5)))
    v = y1 + t * (y2 + half * (y3 + third * (y4 + quarter * y5)))
    w = z1 + t * (z2 + half * (z3 + third * (z4 + quarter * z5)))
    f = x2 + t * (x3 + half * (x4 + third * x5))
    g = y2 + t * (y3 + half * (y4 + third * y5))
    h = z2 + t * (z3 + half * (z4 + third * z5))
    bent = (u * u + v * v + w * w) + (x * f + y * g + z * h)
    return x * x + y * y + z * z, x * u + y * v + z * w, bent


apart = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)(_apart)


def _short_step(excess: float, slope: float, bent: float) -> float:
    """Return how long, s, until a small *excess* of a squared distance, m², is none, along the parabola there."""
    per_slope = 0.5 / slope
    straight = -excess * per_slope
    curved = straight * bent * per_slope
    return float(straight * (1.0 - curved + 2.0 * curved * curved))  # never turns back, however large the excess


short_step = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)(_short_step)


def _is_short_step(b: Floats, q: int, t: float, slope: float, bent: float) -> bool:
    """Whether a `short_step` of *t* seconds of pair *q* ends within the tolerance of the passage, *slope* being away.

    Its series leaves out five times the fourth power: the time, times a share of 0.002 cubed. The parabola leaves out a
    third of the rate of the bend times the time cubed: relative velocity times acceleration, of which the one is no
    more than both speeds and the other no more than both arcs' falls, and next to nothing from how these change.
    """
    v_a, v_b = b[10, q], b[OTHER + 10, q]
    left_out = abs(t * t * t) * (v_a + v_b) * (v_a * v_a / b[9, q] + v_b * v_b / b[OTHER + 9, q])
    return bool((slope > 0.0) & (left_out <= _TOLERANCE_S * slope) & (abs(t * bent) <= _BENT_SHARE * slope))


is_short_step = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)(_is_short_step)


def _vertically_inside(apart_ft: float, rate_fps: float, vertical_ft: float) -> tuple[float, float]:
    """Return the open interval, s, in which two aircraft are less than *vertical_ft* apart; empty as (inf, -inf)."""
    is_level, is_inside = rate_fps == 0.0, abs(apart_ft) < vertical_ft
    rate = 1.0 if is_level else rate_fps
    first, second = (-vertical_ft - apart_ft) / rate, (vertical_ft - apart_ft) / rate
    low, high = min(first, second), max(first, second)
    always, never = -math.inf if is_inside else math.inf, math.inf if is_inside else -math.inf
    return always if is_level else low, never if is_level else high


vertically_inside = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)(_vertically_inside)


def _by_series(b: Floats, q: int, horizontal_m: float, vertical_ft: float, lookahead_s: float) -> None:
    """Judge pair *q* of block *b*: fill the finding, and CLEAR, CONFLICT or UNSURE as the verdict.

    The finding of a pair that is clear is that of `by_arcs` but for the times in and out. Every doubt is a comparison
    that must hold, so that what is not a number is in doubt.
    """
    c, limit2, far_s = difference(b, q), horizontal_m * horizontal_m, 2.0 * lookahead_s
    x, y, z, u, v, w = c[:6]
    now2, rate, bent = x * x + y * y + z * z, x * u + y * v + z * w, u * u + v * v + w * w
    # The closest point: from the parabola, and one step more.
    t = min(max(-rate / bent, 0.0), far_s)
    _, rate, bent = apart(c, t)
    t = min(max(t - rate / bent, 0.0), far_s)
    square, rate, bent = apart(c, t)
    # Two side by side on courses that converge are farthest apart, not closest, where the rate is none.
    has_cpa = (bent > 0.0) & (abs(min(max(t - rate / bent, 0.0), far_s) - t) <= _CLOSEST_S)
    # The passages: where the parabola about the closest point has them, as far as we look; and from the parabola there.
    root, per_bent = math.sqrt(max(rate * rate - bent * (square - limit2), 0.0)), 1.0 / bent
    first, last = max(t - (root + rate) * per_bent, 0.0), min(t + (root - rate) * per_bent, lookahead_s)
    at2, slope, bent = apart(c, first)
    t_in = max(first + short_step(at2 - limit2, slope, bent), 0.0)
    is_inside = now2 < limit2
    has_in = is_inside | is_short_step(b, q, t_in - first, -slope, bent)
    at2, slope, bent = apart(c, last)
    t_out = min(last + short_step(at2 - limit2, slope, bent), lookahead_s)
    is_ahead = t >= lookahead_s
    has_out = is_ahead | is_short_step(b, q, t_out - last, slope, bent)
    t_in, t_out = 0.0 if is_inside else t_in, lookahead_s if is_ahead else t_out
    # The heights.
    height, climb = b[11, q] - b[OTHER + 11, q], b[13, q] - b[OTHER + 13, q]
    low, high = vertically_inside(height, climb, vertical_ft)
    is_level_in_time = max(low, 0.0) < min(high, lookahead_s)
    is_near = square < limit2
    t_in, t_out = max(t_in, low), min(t_out, high)
    is_conflict = is_level_in_time & is_near & (t_in < t_out) & (t_in < lookahead_s)
    is_short = max(b[10, q] / b[9, q], b[OTHER + 10, q] / b[OTHER + 9, q]) * far_s <= _LONGEST_RAD
    is_known = (abs(height) < math.inf) & (abs(climb) < math.inf) & (square < math.inf)
    is_settled = has_cpa & ((square >= limit2) | (is_near & has_in & has_out))
    is_sure = is_short & is_known & (is_settled | (not is_level_in_time))
    # Adding 0.0 makes -0.0 the same as 0.0: either aircraft may come first.
    b[FINDING, q], b[FINDING + 1, q], b[FINDING + 2, q] = t_in + 0.0, t_out, t + 0.0
    b[FINDING + 3, q], b[FINDING + 4, q] = math.sqrt(square), abs(height + climb * t)
    b[FINDING + 5, q], b[FINDING + 6, q] = math.sqrt(now2), abs(height)
    b[VERDICT, q] = (float(CONFLICT) if is_conflict else float(CLEAR)) if is_sure else float(UNSURE)


by_series = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)(_by_series)


def _gap(a: Floats, b: Floats, t: float) -> tuple[float, float, float]:
    """Return at *t* the squared distance, m², half its rate, m²/s, and the squared relative speed, m²/s²."""
    ax, ay, az, au, av, aw = along(a, t)
    bx, by, bz, bu, bv, bw = along(b, t)
    x, y, z = ax - bx, ay - by, az - bz
    u, v, w = au - bu, av - bv, aw - bw
    return x * x + y * y + z * z, x * u + y * v + z * w, u * u + v * v + w * w


gap = njit(cache=True, nogil=True, error_model="numpy")(_gap)


def _closest(a: Floats, b: Floats, until_s: float, now: Gap) -> tuple[float, Gap]:
    """Return the instant in [0, until_s] at which the two are closest in the horizontal, and the gap there.

    Great circles that run side by side may draw together, apart and together again: then the end is the closest.
    """
    t, there, end = 0.0, now, gap(a, b, until_s)
    lo, hi, steps = 0.0, until_s, _STEPS if now[1] < 0.0 else 0
    for _ in range(steps):
        _, rate, speed2 = there
        step = t - rate / speed2 if speed2 > 0.0 else until_s
        if step < lo or step > hi:
            step = 0.5 * (lo + hi) if hi < until_s else until_s
        is_settled = abs(step - t) <= _CLOSEST_S
        t, there = step, gap(a, b, step)
        if is_settled:
            break
        if there[1] >= 0.0:
            hi = t
        elif t >= until_s:
            break
        else:
            lo = t
    return (until_s, end) if end[0] < there[0] else (t, there)


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


def _by_arcs(a: Floats, b: Floats, horizontal_m: float, vertical_ft: float, lookahead_s: float, found: Floats) -> int:
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


by_arcs = njit(cache=True, nogil=True, error_model="numpy")(_by_arcs)


def _judge(a: Floats, b: Floats, horizontal_m: float, vertical_ft: float, lookahead_s: float, found: Floats) -> int:
    """Judge one pair, fill *found* as `by_arcs` and return CLEAR, CONFLICT or NOT_ASSESSED: a block of one."""
    block = np.empty((PAIR, 1))
    for q in range(MOTION):
        block[q, 0], block[OTHER + q, 0] = a[q], b[q]
    by_series(block, 0, horizontal_m, vertical_ft, lookahead_s)
    verdict = int(block[VERDICT, 0])
    if verdict == UNSURE:
        return int(by_arcs(a, b, horizontal_m, vertical_ft, lookahead_s, found))
    found[:] = block[FINDING:VERDICT, 0]
    if verdict == CLEAR:
        found[0] = found[1] = math.nan
        low, high = vertically_inside(a[11] - b[11], a[13] - b[13], vertical_ft)
        if max(low, 0.0) >= min(high, lookahead_s):
            found[:] = math.nan
    return verdict


judge = njit(cache=True, nogil=True, error_model="numpy")(_judge)


def judge_pair(a: Floats, b: Floats, horizontal_m: float, vertical_ft: float, lookahead_s: float) -> tuple[int, Floats]:
    """Judge one pair of motions; returns the verdict and its finding (NaN where the verdict leaves it open)."""
    found = np.full(FOUND, np.nan)
    return int(judge(a, b, horizontal_m, vertical_ft, lookahead_s, found)), found
