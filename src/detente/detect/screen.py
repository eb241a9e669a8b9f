"""Which pairs are worth a look, found without looking at all of them.

Each aircraft sweeps a short straight piece of air while we look ahead. The piece has a middle and a reach (half its
length, half the minimum, and how far the Earth curves away beneath it), and two pieces whose middles are farther apart
than both reaches together cannot meet. Middles are counted into cells of rows of latitude, and a row's cells are
divided by its own circumference, so rows at the poles and across the antimeridian are like any other.

Aircraft are put into classes by reach, each class with its own rows: a fast jet asks far, in the classes of the slow,
but makes nobody else ask far. Each pair is met once: within a class only forwards, and between classes only from the
class of shorter reach.

What passes the cells, the levels and a straight-line test (widened by all that was neglected) is judged exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Executor
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from detente.detect.cpa import CLEAR, FOUND, judge
from detente.detect.motion import Floats, along

CLASSES: Final = 8
_SMALLEST_M: Final = 8_000.0  # reach of class 0; each class reaches twice as far as the one before
_EARTH_M: Final = 6_356_000.0  # a little less than the smallest distance from the centre
_MARGIN_RAD: Final = 1e-6
_ROUNDING_M: Final = 4.0  # of positions kept in single precision, and of terms of third order

Rows32 = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]

SWEPT: Final = 10
"""Columns of a swept piece, single precision: 0-2 middle, m; 3-5 velocity there, m/s; 6 what straightness neglects, m;
7, 8 lowest and highest altitude, ft, each with half the minimum; 9 reach, rad of a great circle."""


def _sweep(
    m: Floats,
    horizontal_m: float,
    vertical_ft: float,
    lookahead_s: float,
    swept: Rows32,
    where: Floats,
    lo: int,
    hi: int,
) -> None:
    """Fill *swept* and *where* (geocentric latitude and longitude of the middle, rad) for rows lo to hi of *m*.

    A motion with a number missing gets a reach of NaN and is left to the caller.
    """
    half = 0.5 * lookahead_s
    for i in range(lo, hi):
        x, y, z, u, v, w = along(m[i], half)
        length = m[i, 10] * half
        sag = 1.1 * length * length / (2.0 * m[i, 9])
        reach = (length + 0.5 * horizontal_m + sag + _ROUNDING_M) / _EARTH_M
        swept[i, 0], swept[i, 1], swept[i, 2] = x, y, z
        swept[i, 3], swept[i, 4], swept[i, 5] = u, v, w
        swept[i, 6] = sag + _ROUNDING_M
        climb = m[i, 13] * lookahead_s
        pressure, ellipsoid = m[i, 11], m[i, 12]
        if math.isnan(pressure):  # comparable only through the other datum, or not at all: meets every level
            swept[i, 7], swept[i, 8] = -np.inf, np.inf
        else:
            other = pressure if math.isnan(ellipsoid) else ellipsoid
            swept[i, 7] = min(pressure, other) + min(climb, 0.0) - 0.5 * vertical_ft - 1.0
            swept[i, 8] = max(pressure, other) + max(climb, 0.0) + 0.5 * vertical_ft + 1.0
        unknown = math.isnan(x + y + z + u + climb)
        swept[i, 9] = np.nan if unknown else reach
        where[i, 0] = math.atan2(z, math.sqrt(x * x + y * y))
        where[i, 1] = math.atan2(y, x)


sweep = njit(cache=True, nogil=True)(_sweep)


Grid = tuple[Floats, Floats, Indices, Floats, Indices, Indices]
"""By class: farthest reach, rad (0 when empty), and row height, rad; first row of each class (CLASSES + 1). By row: the
smallest cosine of latitude within two rows, and its first cell (rows + 1). By cell: its first piece (cells + 1)."""


def _grid(swept: Rows32, where: Floats, sorted_swept: Rows32, sorted_where: Floats, order: Indices) -> Grid:
    """Count the pieces into cells; fills *sorted_swept*, *sorted_where* and *order* (each sorted piece's own row).

    Pieces of unknown reach are left out: the last of `cells` says how many are in.
    """
    n = swept.shape[0]
    farthest, height = np.zeros(CLASSES), np.zeros(CLASSES)
    members = np.zeros(CLASSES, np.int64)
    of_class = np.empty(n, np.int8)
    for i in range(n):
        reach = swept[i, 9]
        of_class[i] = -1
        if not math.isnan(reach):
            k, limit = 0, _SMALLEST_M / _EARTH_M
            while reach > limit and k < CLASSES - 1:
                k, limit = k + 1, 2.0 * limit
            of_class[i] = k
            members[k] += 1
            farthest[k] = max(farthest[k], reach)
    first_row = np.zeros(CLASSES + 1, np.int64)
    for k in range(CLASSES):
        height[k] = max(farthest[k], 1e-4)
        first_row[k + 1] = first_row[k] + (int(math.pi / height[k]) + 1 if members[k] > 0 else 0)
    rows = first_row[CLASSES]
    cosine = np.empty(rows)
    column = np.zeros(rows + 1, np.int64)
    for k in range(CLASSES):
        in_class = first_row[k + 1] - first_row[k]
        for r in range(in_class):
            south, north = r * height[k] - 0.5 * math.pi, (r + 1) * height[k] - 0.5 * math.pi
            # How far east one reach from here goes at most: two rows on, where the meridians are closer.
            nearest_pole = min(max(-south, north) + 2.0 * height[k], 0.5 * math.pi)
            cosine[first_row[k] + r] = math.cos(nearest_pole)
            widest = 1.0 if south <= 0.0 <= north else max(math.cos(south), math.cos(north))
            # Cells half a reach wide, but no more of them than a few for each aircraft.
            columns = int(min(4.0 * math.pi * widest / height[k], 4.0 * members[k])) + 1
            column[first_row[k] + r + 1] = columns
    for r in range(rows):
        column[r + 1] += column[r]
    cells = np.zeros(column[rows] + 1, np.int64)
    cell_of = np.empty(n, np.int64)
    for i in range(n):
        k = of_class[i]
        if k >= 0:
            row = first_row[k] + min(
                int((where[i, 0] + 0.5 * math.pi) / height[k]), first_row[k + 1] - first_row[k] - 1
            )
            columns = column[row + 1] - column[row]
            cell_of[i] = column[row] + min(int((where[i, 1] + math.pi) / (2.0 * math.pi) * columns), columns - 1)
            cells[cell_of[i] + 1] += 1
    for c in range(column[rows]):
        cells[c + 1] += cells[c]
    fill = cells.copy()
    for i in range(n):
        if of_class[i] >= 0:
            s = fill[cell_of[i]]
            fill[cell_of[i]] += 1
            order[s] = i
            sorted_where[s] = where[i]
            sorted_swept[s] = swept[i]
    return farthest, height, first_row, cosine, column, cells


grid = njit(cache=True, nogil=True)(_grid)


def _meets(a: Rows32, b: Rows32, horizontal_m: float, half_s: float) -> bool:
    """Whether two swept pieces come near each other, by straight lines and with everything neglected allowed for."""
    if a[7] > b[8] or b[7] > a[8]:
        return False
    # Single precision keeps the positions; the sums need double.
    x, y, z = np.float64(a[0]) - b[0], np.float64(a[1]) - b[1], np.float64(a[2]) - b[2]
    u, v, w = np.float64(a[3]) - b[3], np.float64(a[4]) - b[4], np.float64(a[5]) - b[5]
    closing = x * u + y * v + z * w
    speed2 = u * u + v * v + w * w
    limit = horizontal_m + a[6] + b[6]
    square = x * x + y * y + z * z
    if abs(closing) >= half_s * speed2:
        square += half_s * (half_s * speed2 - 2.0 * abs(closing))
    else:
        square -= closing * closing / speed2
    return bool(square < limit * limit)


meets = njit(cache=True, nogil=True)(_meets)


def _scan(
    m: Floats,
    swept: Rows32,
    where: Floats,
    order: Indices,
    index: Grid,
    horizontal_m: float,
    vertical_ft: float,
    lookahead_s: float,
    lo: int,
    hi: int,
    pairs: Indices,
    found: Floats,
    verdicts: npt.NDArray[np.int8],
) -> int:
    """Judge every pair worth a look whose first piece is one of sorted pieces lo to hi.

    Fills rows of *pairs* (lower row of the motions first), *found* and *verdicts* for all that is not clear. Returns
    how many there are, which may be more than fit: the caller then comes again with more room.
    """
    farthest, height, first_row, cosine, column, cells = index
    count, room = 0, pairs.shape[0]
    one = np.empty(FOUND)
    for s in range(lo, hi):
        own = 0
        while cells[column[first_row[own + 1]]] <= s:
            own += 1
        for k in range(own, CLASSES):
            if farthest[k] == 0.0:
                continue
            both = swept[s, 9] + farthest[k] + _MARGIN_RAD
            base, top = first_row[k], first_row[k + 1] - 1
            northing, easting = where[s, 0] + 0.5 * math.pi, where[s, 1] + math.pi
            here = min(base + int(northing / height[k]), top)
            south = here if k == own else max(base + math.floor((northing - both) / height[k]), base)
            north = min(base + int((northing + both) / height[k]), top)
            width = both / cosine[here] if cosine[here] * math.pi > both else math.pi
            for r in range(south, north + 1):
                columns = column[r + 1] - column[r]
                scale = columns / (2.0 * math.pi)
                first = math.floor((easting - width) * scale)
                last = math.floor((easting + width) * scale)
                if last - first + 1 >= columns:
                    first, last = 0, columns - 1
                # At most two runs of neighbours, one on each side of the antimeridian.
                for wrap in range(-1, 2):
                    c0 = max(first + wrap * columns, 0)
                    c1 = min(last + wrap * columns, columns - 1)
                    if c0 > c1:
                        continue
                    for j in range(max(cells[column[r] + c0], s + 1), cells[column[r] + c1 + 1]):
                        if meets(swept[s], swept[j], horizontal_m, 0.5 * lookahead_s):
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
) -> tuple[Indices, Floats, npt.NDArray[np.int8]]:
    """Judge all pairs of motions *m*; returns what is not clear, in order of the pairs.

    pairs: (k, 2) rows of *m*, lower first; findings: (k, FOUND), see `detente.detect.cpa`; verdicts: (k,) CONFLICT or
    NOT_ASSESSED. Motions with a number missing other than an altitude are in no pair: the caller tells of them.
    *threads* shares the work (the kernels release the interpreter's lock); the answer is the same without.
    """
    n = m.shape[0]
    swept, where = np.empty((n, SWEPT), np.float32), np.empty((n, 2))
    shares = _shares(n, threads)
    _each(threads, [(sweep, (m, horizontal_m, vertical_ft, lookahead_s, swept, where, lo, hi)) for lo, hi in shares])
    sorted_swept, sorted_where, order = np.empty_like(swept), np.empty_like(where), np.empty(n, np.int64)
    index = grid(swept, where, sorted_swept, sorted_where, order)
    known = int(index[-1][-1])
    asked = [
        (_scanned, (m, sorted_swept, sorted_where, order, index, horizontal_m, vertical_ft, lookahead_s, lo, hi))
        for lo, hi in _shares(known, threads)
    ]
    parts = _each(threads, asked)
    pairs, found, verdicts = (np.concatenate([part[q] for part in parts]) for q in range(3))
    in_order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return pairs[in_order], found[in_order], verdicts[in_order]


def _scanned(*asked: Any) -> tuple[Indices, Floats, npt.NDArray[np.int8]]:
    lo, hi = asked[-2:]
    room = max(256, (hi - lo) // 4)
    while True:
        pairs, found, verdicts = np.empty((room, 2), np.int64), np.empty((room, FOUND)), np.empty(room, np.int8)
        count: int = scan(*asked, pairs, found, verdicts)
        if count <= room:
            return pairs[:count], found[:count], verdicts[:count]
        room = count


def _shares(n: int, threads: Executor | None) -> list[tuple[int, int]]:
    """Return ranges that cover n: one without threads, else enough that no thread waits long for the last."""
    parts = 1 if threads is None or n < 4_096 else 16
    edges = [n * part // parts for part in range(parts + 1)]
    return list(pairwise(edges))


def _each(threads: Executor | None, calls: list[tuple[Callable[..., Any], tuple[Any, ...]]]) -> list[Any]:
    if threads is None or len(calls) == 1:
        return [call(*arguments) for call, arguments in calls]
    return [done.result() for done in [threads.submit(call, *arguments) for call, arguments in calls]]
