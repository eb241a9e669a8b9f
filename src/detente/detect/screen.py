"""Which pairs are worth a look, found without looking at all of them.

Each aircraft sweeps a short straight piece of air while we look ahead. The piece has a middle and a reach (half its
length, half the minimum, and how far the Earth curves away beneath it), and two pieces whose middles are farther apart
than both reaches together cannot meet. Middles are counted into cells of rows of latitude, and a row's cells are
divided where its own pieces are, so rows at the poles and across the antimeridian are like any other.

Aircraft are put into classes by reach, each class with its own rows: a fast jet asks far, in the classes of the slow,
but makes nobody else ask far. Each pair is met once: within a class only forwards, and between classes only from the
class of shorter reach.

What passes the cells, the levels and a straight-line test (widened by all that was neglected) is judged exactly.
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
from detente.detect.motion import Floats, along
from detente.detect.shares import each_of

CLASSES: Final = 9
_EARTH_M: Final = 6_356_000.0  # a little less than the smallest distance from the centre
_SMALLEST_RAD: Final = 8_000.0 / _EARTH_M  # reach of class 0; each class reaches twice as far as the one before
_MARGIN_RAD: Final = 5e-5  # of angles to 1e-5, kept in single precision
_ROUNDING_M: Final = 4.0  # of positions kept in single precision, and of terms of third order

# Rows of latitude of all classes, one class after the other; a class's are as high as its reach.
_HEIGHT: Final = 2.0 * _SMALLEST_RAD * 2.0 ** np.arange(CLASSES)
_FIRST_ROW: Final = np.concatenate(([0], np.cumsum((math.pi / _HEIGHT).astype(np.int64) + 1)))
_ROWS: Final = int(_FIRST_ROW[-1])

Singles = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int32]

SWEPT: Final = 10
"""Columns of a swept piece, single precision: 0-2 middle, m; 3-5 velocity there, m/s; 6 what straightness neglects, m;
7 reach, rad of a great circle; 8, 9 geocentric latitude and longitude of the middle, rad."""


def _row_at(latitude_rad: float, k: int) -> int:
    """Return the row of class *k* that holds a latitude; beyond a pole, the last row before it."""
    # Cut towards zero: south of the pole the first row is meant anyway.
    row = _FIRST_ROW[k] + int((latitude_rad + 0.5 * math.pi) / _HEIGHT[k])
    return int(min(max(row, _FIRST_ROW[k]), _FIRST_ROW[k + 1] - 1))


row_at = njit(cache=True, nogil=True)(_row_at)


def _angle(y: float, x: float) -> float:
    """Return atan2(y, x) to 1e-5 rad, four times faster: enough to find a cell. Source: Abramowitz, Stegun, 4.4.49."""
    small, large = min(abs(x), abs(y)), max(abs(x), abs(y))
    t = small / large
    t2 = t * t
    angle = t * (0.9998660 - t2 * (0.3302995 - t2 * (0.1801410 - t2 * (0.0851330 - t2 * 0.0208351))))
    if abs(y) > abs(x):
        angle = 0.5 * math.pi - angle
    if x < 0.0:
        angle = math.pi - angle
    return math.copysign(angle, y)


angle = njit(cache=True, nogil=True)(_angle)


def _sweep(
    m: Floats,
    horizontal_m: float,
    vertical_ft: float,
    lookahead_s: float,
    swept: Singles,
    levels: Singles,
    row_of: Numbers,
    class_of: npt.NDArray[np.int8],
    lo: int,
    hi: int,
) -> None:
    """Fill rows lo to hi of *swept*, *levels*, *row_of* and *class_of*.

    levels: lowest and highest, ft, each with half the minimum. A motion with a number missing gets class -1 and is left
    to the caller.
    """
    half = 0.5 * lookahead_s
    for i in range(lo, hi):
        x, y, z, u, v, w = along(m[i], half)
        length = m[i, 10] * half
        sag = 1.1 * length * length / (2.0 * m[i, 9])
        reach = (length + 0.5 * horizontal_m + sag + _ROUNDING_M) / _EARTH_M
        climb = m[i, 13] * lookahead_s
        if math.isnan(x + y + z + u + climb):
            class_of[i] = -1
            continue
        swept[i, 0], swept[i, 1], swept[i, 2] = x, y, z
        swept[i, 3], swept[i, 4], swept[i, 5] = u, v, w
        swept[i, 6] = sag + _ROUNDING_M
        swept[i, 7] = reach
        swept[i, 8] = angle(z, math.sqrt(x * x + y * y))
        swept[i, 9] = angle(y, x)
        pressure, ellipsoid = m[i, 11], m[i, 12]
        if math.isnan(pressure):  # comparable only through the other datum, or not at all: meets every level
            levels[i, 0], levels[i, 1] = -np.inf, np.inf
        else:
            other = pressure if math.isnan(ellipsoid) else ellipsoid
            levels[i, 0] = min(pressure, other) + min(climb, 0.0) - 0.5 * vertical_ft - 1.0
            levels[i, 1] = max(pressure, other) + max(climb, 0.0) + 0.5 * vertical_ft + 1.0
        k = 0
        while 2.0 * reach > _HEIGHT[k] and k < CLASSES - 1:
            k += 1
        class_of[i] = k
        row_of[i] = row_at(np.float64(swept[i, 8]), k)


sweep = njit(cache=True, nogil=True)(_sweep)


Grid = tuple[Floats, Floats, Numbers, Numbers]
"""By class: farthest reach, rad, 0 when empty. By row (rows, 3): smallest cosine of latitude within reach of it,
westernmost longitude, rad, columns to the radian; and first cell (rows + 1). By cell: its first piece (cells + 1)."""


def _grid(swept: Singles, row_of: Numbers, class_of: npt.NDArray[np.int8], order: Numbers) -> Grid:
    """Count the pieces into cells; fills *order*, the rows of *swept* in order of cell, and overwrites *row_of*.

    Pieces of class -1 are left out: the last of the cells says how many are in. A row has as many columns as it has use
    for, between its westernmost and its easternmost piece, so there are never many more cells than pieces.
    """
    n = swept.shape[0]
    farthest = np.zeros(CLASSES)
    in_row, west, east = np.zeros(_ROWS, np.int32), np.full(_ROWS, np.inf), np.full(_ROWS, -np.inf)
    for i in range(n):
        if class_of[i] >= 0:
            farthest[class_of[i]] = max(farthest[class_of[i]], swept[i, 7])
            r = row_of[i]
            in_row[r] += 1
            west[r], east[r] = min(west[r], swept[i, 9]), max(east[r], swept[i, 9])
    row = np.zeros((_ROWS, 3))
    column = np.zeros(_ROWS + 1, np.int32)
    for k in range(CLASSES):
        height = _HEIGHT[k]
        for r in range(_FIRST_ROW[k], _FIRST_ROW[k + 1]):
            south = (r - _FIRST_ROW[k]) * height - 0.5 * math.pi
            # How far east two reaches from here go at most: as far north or south as they get, meridians are closer.
            row[r, 0] = math.cos(min(max(-south, south + height) + height + 1e-5, 0.5 * math.pi))
            columns = 0
            if in_row[r] > 0:
                extent = east[r] - west[r]
                half_reach = 0.25 * height / max(math.cos(south + 0.5 * height), 0.01)
                columns = min(int(extent / half_reach), 2 * in_row[r]) + 1
                row[r, 1], row[r, 2] = west[r], columns / max(extent, 1e-9)
            column[r + 1] = column[r] + columns
    cells = np.zeros(column[_ROWS] + 1, np.int32)
    for i in range(n):
        if class_of[i] >= 0:
            r = row_of[i]
            step = int((swept[i, 9] - row[r, 1]) * row[r, 2])
            row_of[i] = column[r] + min(step, column[r + 1] - column[r] - 1)
            cells[row_of[i] + 1] += 1
    for c in range(column[_ROWS]):
        cells[c + 1] += cells[c]
    fill = cells.copy()
    for i in range(n):
        if class_of[i] >= 0:
            order[fill[row_of[i]]] = i
            fill[row_of[i]] += 1
    return farthest, row, column, cells


grid = njit(cache=True, nogil=True)(_grid)


def _gather(
    swept: Singles, levels: Singles, order: Numbers, sorted_swept: Singles, sorted_levels: Singles, lo: int, hi: int
) -> None:
    """Bring rows lo to hi into the order of the cells, so that neighbours lie side by side in memory."""
    for s in range(lo, hi):
        for q in range(SWEPT):
            sorted_swept[s, q] = swept[order[s], q]
        sorted_levels[s, 0], sorted_levels[s, 1] = levels[order[s], 0], levels[order[s], 1]


gather = njit(cache=True, nogil=True)(_gather)


def _meets(swept: Singles, s: int, j: int, horizontal_m: float, half_s: float) -> bool:
    """Whether two swept pieces come near each other, by straight lines and with everything neglected allowed for."""
    # Single precision keeps the positions; the sums need double.
    x = np.float64(swept[s, 0]) - swept[j, 0]
    y = np.float64(swept[s, 1]) - swept[j, 1]
    z = np.float64(swept[s, 2]) - swept[j, 2]
    u = np.float64(swept[s, 3]) - swept[j, 3]
    v = np.float64(swept[s, 4]) - swept[j, 4]
    w = np.float64(swept[s, 5]) - swept[j, 5]
    closing = x * u + y * v + z * w
    speed2 = u * u + v * v + w * w
    limit = horizontal_m + swept[s, 6] + swept[j, 6]
    square = x * x + y * y + z * z
    if abs(closing) >= half_s * speed2:
        square += half_s * (half_s * speed2 - 2.0 * abs(closing))
    else:
        square -= closing * closing / speed2
    return bool(square < limit * limit)


meets = njit(cache=True, nogil=True)(_meets)


def _scan(
    m: Floats,
    swept: Singles,
    levels: Singles,
    order: Numbers,
    index: Grid,
    horizontal_m: float,
    vertical_ft: float,
    lookahead_s: float,
    lo: int,
    hi: int,
    pairs: npt.NDArray[np.int64],
    found: Floats,
    verdicts: npt.NDArray[np.int8],
) -> int:
    """Judge every pair worth a look whose first piece is one of sorted pieces lo to hi.

    Fills rows of *pairs* (lower row of the motions first), *found* and *verdicts* for all that is not clear. Returns
    how many there are, which may be more than fit: the caller then comes again with more room.
    """
    farthest, row, column, cells = index
    count, room, half_s = 0, pairs.shape[0], 0.5 * lookahead_s
    one = np.empty(FOUND)
    own = 0
    for s in range(lo, hi):
        while cells[column[_FIRST_ROW[own + 1]]] <= s:
            own += 1
        latitude, longitude = np.float64(swept[s, 8]), np.float64(swept[s, 9])
        lowest, highest = levels[s, 0], levels[s, 1]
        for k in range(own, CLASSES):
            if farthest[k] == 0.0:
                continue
            both = swept[s, 7] + farthest[k] + _MARGIN_RAD
            here = row_at(latitude, k)
            south = here if k == own else row_at(latitude - both, k)
            width = both / row[here, 0] if row[here, 0] * math.pi > both else math.pi
            for r in range(south, row_at(latitude + both, k) + 1):
                columns = column[r + 1] - column[r]
                if columns == 0:
                    continue
                # A row may be reached across the antimeridian, from here to the west or to the east.
                first_turn = -1 if longitude + width > math.pi else 0
                last_turn = 1 if longitude - width < -math.pi else 0
                if width >= math.pi:
                    first_turn = last_turn = 0
                for turn in range(first_turn, last_turn + 1):
                    first, last = 0, columns - 1
                    if width < math.pi:
                        from_west = longitude - row[r, 1] + 2.0 * math.pi * turn
                        first = max(math.floor((from_west - width) * row[r, 2]), 0)
                        last = min(math.floor((from_west + width) * row[r, 2]), columns - 1)
                        if first > last:
                            continue
                    for j in range(max(cells[column[r] + first], s + 1), cells[column[r] + last + 1]):
                        # One branch for both: nine in ten end here, and the other cannot be foretold.
                        if (lowest > levels[j, 1]) | (levels[j, 0] > highest):
                            continue
                        if not meets(swept, s, j, horizontal_m, half_s):
                            continue
                        a, b = min(order[s], order[j]), max(order[s], order[j])
                        verdict = judge(m[a], m[b], horizontal_m, vertical_ft, lookahead_s, one)
                        if verdict != CLEAR:
                            if count < room:
                                pairs[count, 0], pairs[count, 1] = a, b
                                found[count] = one
                                verdicts[count] = verdict
                            count += 1
    return count


scan: Callable[..., int] = njit(cache=True, nogil=True)(_scan)


def pairs_in_conflict(
    m: Floats, horizontal_m: float, vertical_ft: float, lookahead_s: float, threads: Executor | None = None
) -> tuple[npt.NDArray[np.int64], Floats, npt.NDArray[np.int8]]:
    """Judge all pairs of motions *m*; returns what is not clear, in order of the pairs.

    pairs: (k, 2) rows of *m*, lower first; findings: (k, FOUND), see `detente.detect.cpa`; verdicts: (k,) CONFLICT or
    NOT_ASSESSED. Motions with a number missing other than an altitude are in no pair: the caller tells of them.
    *threads* shares the work (the kernels release the interpreter's lock); the answer is the same without.
    """
    n = m.shape[0]
    minima = (horizontal_m, vertical_ft, lookahead_s)
    swept, levels = np.empty((n, SWEPT), np.float32), np.empty((n, 2), np.float32)
    row_of, class_of, order = np.empty(n, np.int32), np.empty(n, np.int8), np.empty(n, np.int32)
    each_of(threads, n, sweep, m, *minima, swept, levels, row_of, class_of)
    index = grid(swept, row_of, class_of, order)
    known = int(index[-1][-1])
    sorted_swept, sorted_levels = np.empty_like(swept), np.empty_like(levels)
    each_of(threads, known, gather, swept, levels, order, sorted_swept, sorted_levels)
    parts = each_of(threads, known, _scanned, m, sorted_swept, sorted_levels, order, index, *minima)
    pairs, found, verdicts = (np.concatenate([part[q] for part in parts]) for q in range(3))
    # By the lower row, then by the higher: one key sorts faster than two.
    in_order = np.argsort(pairs[:, 0] * n + pairs[:, 1])
    return pairs[in_order], found[in_order], verdicts[in_order]


def _scanned(*asked: Any) -> tuple[npt.NDArray[np.int64], Floats, npt.NDArray[np.int8]]:
    lo, hi = asked[-2:]
    room = max(256, (hi - lo) // 2)
    while True:
        pairs, found, verdicts = np.empty((room, 2), np.int64), np.empty((room, FOUND)), np.empty(room, np.int8)
        count = scan(*asked, pairs, found, verdicts)
        if count <= room:
            return pairs[:count], found[:count], verdicts[:count]
        room = count
