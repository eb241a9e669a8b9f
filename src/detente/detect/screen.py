"""Which pairs are worth a look, found without looking at all of them.

Each pair of swept pieces (see `detente.detect.grid`) is met once: within a class only forwards, and between classes
only from the class of shorter reach. Neighbours in a row ask together, LANES at a time: they reach about the same
columns, and each piece found there is tried against all of them by one straight-line test without a branch, in single
precision, widened by all that this neglects.

What passes is judged exactly, in order of the pairs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from detente.detect.cpa import CLEAR, FOUND, judge
from detente.detect.grid import CLASSES, PADDING, Grid, Rows, Singles, grid_of, row_at
from detente.detect.motion import MOTION, Floats
from detente.detect.shares import each_of

LANES: Final = PADDING
_MARGIN_RAD: Final = 5e-5  # of angles to 1e-5, kept in single precision
_ROUNDING: Final = np.float32(2e-6)  # of squared distances in single precision, relative
_ROUNDING_FT: Final = 1.0
_STILL: Final = np.float32(1e-12)  # keeps 0 / 0 out of the test of two of one velocity or one climb
_BIT: Final = (1 << np.arange(LANES)).astype(np.int32)
_BLOCK: Final = 32  # pairs whose motions are fetched at once: memory answers many questions as fast as one

Keys = npt.NDArray[np.int64]


def _meeting(
    x: Singles,
    y: Singles,
    z: Singles,
    u: Singles,
    v: Singles,
    w: Singles,
    limit: Singles,
    height: Singles,
    climb: Singles,
    swept: Singles,
    j: int,
    vertical_ft: np.float32,
    half_s: np.float32,
) -> int:
    """Return which of LANES pieces come near piece *j* of *swept*, a bit each; by straight lines, with all margins."""
    xj, yj, zj, uj, vj, wj = swept[0, j], swept[1, j], swept[2, j], swept[3, j], swept[4, j], swept[5, j]
    limit_j, height_j, climb_j = swept[6, j], swept[7, j], swept[8, j]
    bits = np.int32(0)
    for q in range(LANES):
        # When the heights let them meet, from the middle of the look-ahead; unknown heights, at all times.
        apart, rate = height[q] - height_j, climb[q] - climb_j
        per_rate = np.float32(1.0) / (abs(rate) + _STILL)
        level_at = (apart if rate < np.float32(0.0) else -apart) * per_rate - half_s
        begins, ends = level_at - vertical_ft * per_rate, level_at + vertical_ft * per_rate
        is_later, is_sooner = begins > -half_s, ends < half_s  # of what is not a number, neither
        begins, ends = begins if is_later else -half_s, ends if is_sooner else half_s
        # How near they come meanwhile.
        dx, dy, dz = x[q] - xj, y[q] - yj, z[q] - zj
        du, dv, dw = u[q] - uj, v[q] - vj, w[q] - wj
        closing = dx * du + dy * dv + dz * dw
        speed2 = du * du + dv * dv + dw * dw
        square = dx * dx + dy * dy + dz * dz
        t = -closing / (speed2 + _STILL)
        t = min(max(t, begins), ends)
        least = square + t * (t * speed2 + closing + closing)
        near = limit[q] + limit_j
        meets = (least < near * near + _ROUNDING * square) & (begins <= ends)
        bits = np.int32(bits | (_BIT[q] if meets else np.int32(0)))
    return int(bits)


meeting = njit(cache=True, nogil=True, error_model="numpy")(_meeting)


def _reached(
    rows: Rows, grid: Grid, r: int, both_rad: float, west_rad: float, east_rad: float, turn: int
) -> tuple[int, int]:
    """Return the pieces (begin, end) of row *r* within reach of longitudes west to east, in one *turn* of three.

    A row may be reached across the antimeridian, to the west (-1) or to the east (1).
    """
    columns, per_rad, narrowest = int(grid.row[r, 3]), grid.row[r, 2], rows.narrowest[r]
    width = both_rad / narrowest if narrowest * math.pi > both_rad else math.pi
    if east_rad - west_rad + 2.0 * (width + 1.0 / per_rad) >= 2.0 * math.pi:  # all round, once
        return (grid.start[r], grid.start[r + 1]) if turn == 0 else (0, 0)
    from_west = 2.0 * math.pi * turn - grid.row[r, 1]
    first = max((from_west + west_rad - width) * per_rad, 0.0)
    last = min((from_west + east_rad + width) * per_rad, columns - 1.0)
    if last < 0.0 or first >= columns:
        return 0, 0
    cell = 2 * (grid.start[r] + r)
    return grid.cells[cell + int(first)], grid.cells[cell + int(last) + 1]


reached = njit(cache=True, nogil=True, error_model="numpy")(_reached)


def _scan(rows: Rows, grid: Grid, vertical_ft: float, lookahead_s: float, lo: int, hi: int, keys: Keys) -> int:
    """Find every pair worth a look whose first piece is in a group that begins at sorted pieces lo to hi.

    Fills *keys*, each pair's lower motion times 2**32 plus its higher. Returns how many there are, which may be more
    than fit: the caller then comes again with more room.
    """
    start, order, swept, first = grid.start, grid.order, grid.swept, rows.first
    limit_ft, half_s = np.float32(vertical_ft + _ROUNDING_FT), np.float32(0.5 * lookahead_s)
    count, room, own = 0, keys.shape[0], 0
    if lo >= hi:  # without a piece there is no row that holds the first, and beyond the last is anybody's memory
        return 0
    here = max(int(np.searchsorted(start, lo, "right")) - 1, 0)
    begin = min(lo + (int(start[here]) - lo) % LANES, int(start[here + 1]))
    while begin < hi:
        while start[here + 1] <= begin:
            here += 1
        while here >= first[own + 1]:
            own += 1
        end = begin + LANES
        x, y, z = swept[0][begin:end], swept[1][begin:end], swept[2][begin:end]
        u, v, w = swept[3][begin:end], swept[4][begin:end], swept[5][begin:end]
        limit, height, climb = swept[6][begin:end], swept[7][begin:end], swept[8][begin:end]
        end = min(end, int(start[here + 1]))
        west, east = np.inf, -np.inf
        for s in range(begin, end):
            west, east = min(west, np.float64(swept[9, s])), max(east, np.float64(swept[9, s]))
        south = (here - first[own]) * rows.height[own] - 0.5 * math.pi
        north = south + rows.height[own]
        for k in range(own, CLASSES):
            if grid.farthest[k] == 0.0:
                continue
            both = grid.row[here, 0] + grid.farthest[k] + _MARGIN_RAD
            lower = here if k == own else row_at(south - both, rows.height[k], first[k], first[k + 1])
            upper = row_at(north + both, rows.height[k], first[k], first[k + 1])
            for r in range(lower, upper + 1):
                if start[r + 1] == start[r]:
                    continue
                both = grid.row[here, 0] + grid.row[r, 0] + _MARGIN_RAD
                for turn in range(-1, 2):
                    nearest, farthest = reached(rows, grid, r, both, west, east, turn)
                    for j in range(max(int(nearest), begin + 1), farthest):
                        bits = meeting(x, y, z, u, v, w, limit, height, climb, swept, j, limit_ft, half_s)
                        if bits == 0:
                            continue
                        for s in range(begin, min(end, j)):
                            if (bits >> (s - begin)) & 1:
                                if count < room:
                                    a, b = np.int64(order[s]), np.int64(order[j])
                                    keys[count] = (min(a, b) << 32) | max(a, b)
                                count += 1
        begin = end
    return count


scan: Callable[..., int] = njit(cache=True, nogil=True, error_model="numpy")(_scan)


def _answer(
    m: Floats,
    horizontal_m: float,
    vertical_ft: float,
    lookahead_s: float,
    keys: Keys,
    pairs: Keys,
    found: Floats,
    verdicts: npt.NDArray[np.int8],
) -> int:
    """Judge the pairs of *keys*; fills the first rows of the rest with all that is not clear, returns how many."""
    fetched = np.empty((2 * _BLOCK, MOTION))
    count = 0
    for begin in range(0, len(keys), _BLOCK):
        end = min(begin + _BLOCK, len(keys))
        for p in range(begin, end):
            a, b = keys[p] >> 32, keys[p] & 0xFFFFFFFF
            for q in range(MOTION):
                fetched[2 * (p - begin), q] = m[a, q]
            for q in range(MOTION):
                fetched[2 * (p - begin) + 1, q] = m[b, q]
        for p in range(begin, end):
            one, other = fetched[2 * (p - begin)], fetched[2 * (p - begin) + 1]
            verdict = judge(one, other, horizontal_m, vertical_ft, lookahead_s, found[count])
            if verdict != CLEAR:
                pairs[count, 0], pairs[count, 1] = keys[p] >> 32, keys[p] & 0xFFFFFFFF
                verdicts[count] = verdict
                count += 1
    return count


answer: Callable[..., int] = njit(cache=True, nogil=True, error_model="numpy")(_answer)

Answers = tuple[npt.NDArray[np.int64], Floats, npt.NDArray[np.int8]]


def pairs_in_conflict(
    m: Floats, horizontal_m: float, vertical_ft: float, lookahead_s: float, threads: Executor | None = None
) -> Answers:
    """Judge all pairs of motions *m*; returns what is not clear, in order of the pairs.

    pairs: (k, 2) rows of *m*, lower first; findings: (k, FOUND), see `detente.detect.cpa`; verdicts: (k,) CONFLICT or
    NOT_ASSESSED. Motions with a number missing other than an altitude are in no pair: the caller tells of them.
    *threads* shares the work (the kernels release the interpreter's lock); the answer is the same without.
    """
    m = np.require(m, np.float64, ("C", "W"))  # the one layout that the kernels were compiled for
    minima = (float(horizontal_m), float(vertical_ft), float(lookahead_s))
    rows, grid = grid_of(m, minima[0], minima[2], threads)
    keys = each_of(threads, len(grid.order), _scanned, rows, grid, *minima[1:])
    parts: list[Answers] = each_of(threads, len(m), _answered, m, minima, keys)
    pairs, found, verdicts = (np.concatenate([part[q] for part in parts]) for q in range(3))
    return pairs, found, verdicts


def _scanned(*asked: Any) -> Keys:
    """Return the keys, in order, of the pairs that `scan` finds."""
    lo, hi = asked[-2:]
    room = max(1_024, 2 * (hi - lo))
    while True:
        keys = np.empty(room, np.int64)
        count = scan(*asked, keys)
        if count <= room:
            keys = keys[:count]
            keys.sort()
            return keys
        room = count


def _answered(m: Floats, minima: tuple[float, float, float], found_keys: list[Keys], lo: int, hi: int) -> Answers:
    """Judge the pairs, of all that were found, whose lower motion is one of lo to hi."""
    cuts = [np.searchsorted(keys, (lo << 32, hi << 32)) for keys in found_keys]
    keys = np.concatenate([keys[first:last] for keys, (first, last) in zip(found_keys, cuts, strict=True)])
    keys.sort()
    n = len(keys)
    pairs, found, verdicts = np.empty((n, 2), np.int64), np.empty((n, FOUND)), np.empty(n, np.int8)
    count = answer(m, *minima, keys, pairs, found, verdicts)
    return pairs[:count], found[:count], verdicts[:count]
