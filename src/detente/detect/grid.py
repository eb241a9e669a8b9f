"""Where each aircraft's swept piece of air lies, sorted so that neighbours lie side by side in memory.

Each aircraft sweeps a short straight piece of air while we look ahead. The piece has a middle and a reach (half its
length, half the minimum, and how far the Earth curves away beneath it), and two pieces whose middles are farther apart
than both reaches together cannot meet. Middles are sorted into rows of latitude, and along a row into columns of
longitude; a row's columns lie where its own pieces are, so rows at the poles and across the antimeridian are like any
other.

Aircraft are put into classes by reach, each class with its own rows: a fast jet asks far, in the rows of the slow, but
makes nobody else ask far.
"""

from __future__ import annotations

import math
from concurrent.futures import Executor
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from detente.detect.motion import Floats, along
from detente.detect.shares import each_of, shares_of, together

CLASSES: Final = 8  # each reaches twice as far as the one before
PADDING: Final = 16  # so many pieces past the last can be read
_EARTH_M: Final = 6_356_000.0  # a little less than the smallest distance from the centre
_ROUNDING_M: Final = 4.0  # of positions kept in single precision, and of terms of third order

Singles = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int32]

SWEPT: Final = 10
"""A swept piece, single precision: 0-2 middle, m; 3-5 velocity there, m/s; 6 half the minimum and what straightness
neglects, m; 7 pressure altitude now, ft, NaN unknown; 8 climb, ft/s; 9 longitude of the middle, rad. And when it is not
sorted yet, 10 its reach, rad of a great circle."""


class Rows(NamedTuple):
    """Rows of latitude of all classes, one class after the other."""

    height: Floats  # by class: of a row, rad
    first: Numbers  # by class: its first row; and one past the last
    narrowest: Floats  # by row: smallest cosine of latitude within reach of it


class Grid(NamedTuple):
    """Pieces in order of row and column."""

    start: Numbers  # by row: its first piece; and one past the last
    row: (
        Floats  # (rows, 4): farthest reach, rad, 0 if empty; westernmost longitude, rad; columns to the radian; columns
    )
    cells: Numbers  # first piece of each cell; those of row r begin at twice its first piece plus 2 r
    farthest: Floats  # by class: farthest reach, rad, 0 if empty
    order: Numbers  # by piece: its motion
    swept: Singles  # (SWEPT, pieces + PADDING)


@lru_cache(maxsize=32)
def rows_of(smallest_rad: float) -> Rows:
    """Return the rows for classes of which the first reaches *smallest_rad*: a row is as high as two reach."""
    height = np.minimum(2.0 * smallest_rad * 2.0 ** np.arange(CLASSES), math.pi)
    first = np.concatenate(([0], np.cumsum((math.pi / height).astype(np.int32) + 1))).astype(np.int32)
    south = np.concatenate([np.arange(first[k + 1] - first[k]) * height[k] for k in range(CLASSES)]) - 0.5 * math.pi
    tall = np.repeat(height, np.diff(first))
    # As far north or south as one reaches, meridians are closer.
    farthest = np.minimum(np.maximum(-south, south + tall) + tall + 1e-5, 0.5 * math.pi)
    return Rows(height, first, np.cos(farthest))


def smallest_reach(m: Floats, horizontal_m: float, lookahead_s: float) -> float:
    """Return the reach, rad, of the first class, which is to hold all but the fastest tenth or so of motions *m*.

    Told from a sample, in steps, so that the rows seldom change: they decide what is looked at, not what is found.
    """
    sample = m[:: max(len(m) // 4_096, 1), 10]
    speeds = sample[np.isfinite(sample)]
    common_mps = 1.2 * float(np.quantile(speeds, 0.9)) if len(speeds) else 0.0
    reach_m = min(max(0.5 * (horizontal_m + common_mps * lookahead_s), 500.0), _EARTH_M)
    return float(2.0 ** (math.ceil(math.log2(reach_m) * 8.0) / 8.0)) / _EARTH_M


def _row_at(latitude_rad: float, height: float, first: int, end: int) -> int:
    """Return the row, *first* to *end* being a class's, that holds a latitude; beyond a pole, the last before it."""
    # Cut towards zero: south of the pole the first row is meant anyway.
    row = first + int((latitude_rad + 0.5 * math.pi) / height)
    return int(min(max(row, first), end - 1))


row_at = njit(cache=True, nogil=True, error_model="numpy")(_row_at)


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


angle = njit(cache=True, nogil=True, error_model="numpy")(_angle)


def _sweep(
    m: Floats,
    horizontal_m: float,
    lookahead_s: float,
    rows: Rows,
    swept: Singles,
    row_of: Numbers,
    lo: int,
    hi: int,
) -> Numbers:
    """Fill rows lo to hi of *swept* (n, SWEPT + 1) and *row_of*; returns how many fell into each row.

    A motion with a number missing gets row -1 and is left to the caller.
    """
    in_row = np.zeros(rows.first[CLASSES], np.int32)
    half = 0.5 * lookahead_s
    for i in range(lo, hi):
        x, y, z, u, v, w = along(m[i], half)
        length = m[i, 10] * half
        sag = 0.55 * length * length / m[i, 9]
        reach = (length + 0.5 * horizontal_m + sag + _ROUNDING_M) / _EARTH_M
        if not math.isfinite(x + y + z + u + reach + m[i, 13]):
            row_of[i] = -1
            continue
        swept[i, 0], swept[i, 1], swept[i, 2] = x, y, z
        swept[i, 3], swept[i, 4], swept[i, 5] = u, v, w
        swept[i, 6] = 0.5 * horizontal_m + sag + _ROUNDING_M
        swept[i, 7], swept[i, 8] = m[i, 11], m[i, 13]
        swept[i, 9] = angle(y, x)
        swept[i, 10] = reach
        k = 0
        while 2.0 * reach > rows.height[k] and k < CLASSES - 1:
            k += 1
        r = row_at(angle(z, math.sqrt(x * x + y * y)), rows.height[k], rows.first[k], rows.first[k + 1])
        row_of[i] = r
        in_row[r] += 1
    return in_row


sweep = njit(cache=True, nogil=True, error_model="numpy")(_sweep)


def _deal(row_of: Numbers, place: Numbers, order: Numbers, lo: int, hi: int) -> None:
    """Write pieces lo to hi into *order*, each at the next *place* of its row."""
    for i in range(lo, hi):
        r = row_of[i]
        if r >= 0:
            order[place[r]] = i
            place[r] += 1


deal = njit(cache=True, nogil=True, error_model="numpy")(_deal)


def _arrange(unsorted: Singles, dealt: Numbers, rows: Rows, grid: Grid, lo: int, hi: int) -> None:
    """Sort the rows that begin at pieces lo to hi by longitude, and fill their part of *grid*.

    A row has as many columns as it has use for, between its westernmost and its easternmost piece, so there are never
    many more cells than pieces.
    """
    k = 0
    for r in range(np.searchsorted(grid.start, lo), grid.start.shape[0] - 1):
        begin, end = grid.start[r], grid.start[r + 1]
        if begin >= hi:
            break
        if begin == end:
            continue
        while r >= rows.first[k + 1]:
            k += 1
        west, east, reach = np.inf, -np.inf, 0.0
        for p in range(begin, end):
            longitude = np.float64(unsorted[dealt[p], 9])
            west, east = min(west, longitude), max(east, longitude)
            reach = max(reach, np.float64(unsorted[dealt[p], 10]))
        extent = east - west
        middle = (r - rows.first[k] + 0.5) * rows.height[k] - 0.5 * math.pi
        width = rows.height[k] / 16.0 / max(math.cos(middle), 0.01)
        columns = min(int(extent / width), 2 * (end - begin)) + 1
        per_rad = columns / max(extent, 1e-9)
        grid.row[r, 0], grid.row[r, 1], grid.row[r, 2], grid.row[r, 3] = reach, west, per_rad, columns
        cell = grid.cells[2 * (begin + r) : 2 * (end + r + 1)]
        cell[:] = 0
        for p in range(begin, end):
            cell[min(int((unsorted[dealt[p], 9] - west) * per_rad), columns - 1) + 1] += 1
        cell[0] = begin
        for c in range(columns):
            cell[c + 1] += cell[c]
        # The end of each cell moves back as the cell is filled, and so becomes its beginning.
        for p in range(end - 1, begin - 1, -1):
            c = min(int((unsorted[dealt[p], 9] - west) * per_rad), columns - 1)
            cell[c + 1] -= 1
            grid.order[cell[c + 1]] = dealt[p]
        for c in range(columns):
            cell[c] = cell[c + 1]
        cell[columns] = end
        for s in range(begin, end):
            for q in range(SWEPT):
                grid.swept[q, s] = unsorted[grid.order[s], q]


arrange = njit(cache=True, nogil=True, error_model="numpy")(_arrange)


def grid_of(m: Floats, horizontal_m: float, lookahead_s: float, threads: Executor | None = None) -> tuple[Rows, Grid]:
    """Return motions *m* as swept pieces, sorted; those with a number missing other than an altitude are left out."""
    n = len(m)
    rows = rows_of(smallest_reach(m, horizontal_m, lookahead_s))
    unsorted, row_of = np.empty((n, SWEPT + 1), np.float32), np.empty(n, np.int32)
    counts = each_of(threads, n, sweep, m, horizontal_m, lookahead_s, rows, unsorted, row_of)
    in_row = np.stack(counts, axis=1)
    # Each share's first piece of each row comes after those of the rows, and of the shares, before.
    place = np.concatenate(([0], np.cumsum(in_row)), dtype=np.int32)
    places, known = place[:-1].reshape(in_row.shape), int(place[-1])
    dealt, shares = np.empty(known, np.int32), shares_of(threads, n)
    each = [(row_of, places[:, part].copy(), dealt, *share) for part, share in enumerate(shares)]
    together(threads if len(shares) > 1 else None, deal, each)
    row = np.zeros((len(in_row), 4))
    swept = np.empty((SWEPT, known + PADDING), np.float32)
    swept[:, known:] = np.nan
    grid = Grid(
        start=np.append(places[:, 0], place[-1]),
        row=row,
        cells=np.empty(2 * (known + len(in_row)), np.int32),
        farthest=np.zeros(CLASSES),
        order=np.empty(known, np.int32),
        swept=swept,
    )
    each_of(threads, known, arrange, unsorted, dealt, rows, grid)
    return rows, grid._replace(farthest=np.maximum.reduceat(row[:, 0], rows.first[:-1]))
