"""Where each aircraft's swept piece of air lies, sorted so that neighbours lie side by side in memory.

Each aircraft sweeps a short straight piece of air while we look ahead. The piece has a middle and a reach (half its
length, half the minimum, and how far the Earth curves away beneath it), and two pieces whose middles are farther apart
than both reaches together cannot meet. Middles are sorted into rows of latitude and along a row by longitude, and laid
down LANES at a time in tiles: one tile is ten cache lines, and one look of the processor's vector unit takes all of it.

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

from detente.detect.motion import BLOCK, MOTION, Floats, flown
from detente.detect.shares import each_of, shares_of, together

CLASSES: Final = 8  # each reaches twice as far as the one before
LANES: Final = 16  # pieces in a tile
_EARTH_M: Final = 6_356_000.0  # a little less than the smallest distance from the centre
_ROUNDING_M: Final = 4.0  # of positions kept in single precision, and of terms of third order

Singles = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int32]
Keys = npt.NDArray[np.int64]

SWEPT: Final = 10
"""A swept piece, single precision: 0-2 middle, m; 3-5 velocity there, m/s; 6 half the minimum and what straightness
neglects, m; 7 pressure altitude there, ft, NaN unknown; 8 climb, ft/s; 9 reach, m. And while it is not sorted yet, 10
longitude of the middle, rad."""

BALL: Final = 7
"""A ball round all that a tile's pieces reach: 0-2 centre, m; 3 radius, m. And 4, 5 the westernmost and easternmost
longitude of their middles, rad; 6 the farthest reach, rad of a great circle."""


class Rows(NamedTuple):
    """Rows of latitude of all classes, one class after the other."""

    height: Floats  # by class: of a row, rad
    first: Numbers  # by class: its first row; and one past the last
    narrowest: Floats  # by row: smallest cosine of latitude within reach of it


class Grid(NamedTuple):
    """Pieces in tiles, in order of row and longitude. A row's last tile may have lanes to spare, all NaN."""

    start: Numbers  # by row: its first tile; and one past the last
    reach: Floats  # by row: farthest reach, rad, 0 if empty
    farthest: Floats  # by class: farthest reach, rad, 0 if empty
    order: Numbers  # (tiles, LANES): the motion in each lane, -1 none
    tiles: Singles  # (tiles, SWEPT, LANES)
    balls: Singles  # (tiles, BALL)


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
    """Return atan2(y, x) to 1e-5 rad, four times faster: enough to find a row. Source: Abramowitz, Stegun, 4.4.49."""
    small, large = min(abs(x), abs(y)), max(abs(x), abs(y))
    t = small / large
    t2 = t * t
    angle = t * (0.9998660 - t2 * (0.3302995 - t2 * (0.1801410 - t2 * (0.0851330 - t2 * 0.0208351))))
    angle = 0.5 * math.pi - angle if abs(y) > abs(x) else angle
    angle = math.pi - angle if x < 0.0 else angle
    return -angle if y < 0.0 else angle


angle = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)(_angle)


def _sweep(
    m: Floats,
    horizontal_m: float,
    lookahead_s: float,
    rows: Rows,
    unsorted: Singles,
    row_of: Numbers,
    lo: int,
    hi: int,
) -> Numbers:
    """Fill rows lo to hi of *unsorted* (n, SWEPT + 1) and *row_of*; returns how many fell into each row.

    A motion with a number missing gets row -1 and is left to the caller.
    """
    in_row = np.zeros(rows.first[CLASSES], np.int32)
    half = 0.5 * lookahead_s
    own, piece, latitude = np.empty((MOTION, BLOCK)), np.empty((SWEPT + 1, BLOCK)), np.empty(BLOCK)
    for begin in range(lo, hi, BLOCK):
        lanes = min(BLOCK, hi - begin)
        for q in range(lanes):
            for c in range(MOTION):
                own[c, q] = m[begin + q, c]
        for q in range(lanes):
            run, rise, forward, down = flown(own[9, q], own[10, q], half)
            x = own[0, q] + run * own[3, q] - rise * own[6, q]
            y = own[1, q] + run * own[4, q] - rise * own[7, q]
            z = own[2, q] + run * own[5, q] - rise * own[8, q]
            length = own[10, q] * half
            sag = 0.55 * length * length / own[9, q]
            piece[0, q], piece[1, q], piece[2, q] = x, y, z
            for c in range(3):
                piece[3 + c, q] = forward * own[3 + c, q] - down * own[6 + c, q]
            piece[6, q] = 0.5 * horizontal_m + sag + _ROUNDING_M
            piece[7, q], piece[8, q] = own[11, q] + half * own[13, q], own[13, q]
            piece[9, q] = length + 0.5 * horizontal_m + sag + _ROUNDING_M
            piece[10, q] = angle(y, x)
            latitude[q] = angle(z, math.sqrt(x * x + y * y))
        for q in range(lanes):
            i = begin + q
            for c in range(SWEPT + 1):
                unsorted[i, c] = piece[c, q]
            reach = piece[9, q] / _EARTH_M
            if not math.isfinite(piece[0, q] + piece[1, q] + piece[2, q] + piece[3, q] + reach + piece[8, q]):
                row_of[i] = -1
                continue
            k = 0
            while 2.0 * reach > rows.height[k] and k < CLASSES - 1:
                k += 1
            r = row_at(latitude[q], rows.height[k], rows.first[k], rows.first[k + 1])
            row_of[i] = r
            in_row[r] += 1
    return in_row


sweep = njit(cache=True, nogil=True, error_model="numpy")(_sweep)


def _deal(row_of: Numbers, place: Numbers, dealt: Numbers, lo: int, hi: int) -> None:
    """Write pieces lo to hi into *dealt*, each at the next *place* of its row."""
    for i in range(lo, hi):
        r = row_of[i]
        if r >= 0:
            dealt[place[r]] = i
            place[r] += 1


deal = njit(cache=True, nogil=True, error_model="numpy")(_deal)

_PER_RAD: Final = 2.0**23 / 3.1415930  # a little more than half a turn, whatever single precision makes of it


def _by_longitude(unsorted: Singles, pieces: Numbers, room: Keys) -> Keys:
    """Return *pieces* in order of longitude to a 2**24th of a turn, 2.4 m, each in the lower half of a number.

    By one digit of eight bits after the other, the lowest first: the time does not depend on where they are. *room*:
    (2, n), of which one row is returned.
    """
    n = pieces.shape[0]
    here: Keys = room[0]
    there: Keys = room[1]
    begins = np.zeros((3, 257), np.int32)
    for p in range(n):
        turned = np.int64((np.float64(unsorted[pieces[p], SWEPT]) + 3.1415930) * _PER_RAD)
        here[p] = (turned << 32) | np.int64(pieces[p])
        for digit in range(3):
            begins[digit, ((turned >> (8 * digit)) & 255) + 1] += 1
    for digit in range(3):
        for d in range(255):
            begins[digit, d + 1] += begins[digit, d]
        shift = 32 + 8 * digit
        for p in range(n):
            d = (here[p] >> shift) & 255
            there[begins[digit, d]] = here[p]
            begins[digit, d] += 1
        here, there = there, here
    return here


by_longitude = njit(cache=True, nogil=True, error_model="numpy")(_by_longitude)


def _ball(tile: Singles, lanes: int, ball: Singles) -> None:
    """Fill columns 0 to 3 of a tile's *ball*, of which the first *lanes* are in use."""
    x, y, z, reach = tile[0], tile[1], tile[2], tile[9]
    for c in range(3):
        least = most = tile[c, 0]
        for q in range(1, lanes):
            least, most = min(least, tile[c, q]), max(most, tile[c, q])
        ball[c] = np.float32(0.5) * (least + most)
    radius = np.float32(0.0)
    for q in range(lanes):
        dx, dy, dz = x[q] - ball[0], y[q] - ball[1], z[q] - ball[2]
        radius = max(radius, np.float32(math.sqrt(dx * dx + dy * dy + dz * dz)) + reach[q])
    ball[3] = radius + np.float32(_ROUNDING_M)


ball = njit(cache=True, nogil=True, error_model="numpy")(_ball)


def _arrange(unsorted: Singles, dealt: Numbers, place: Numbers, grid: Grid, lo: int, hi: int) -> None:
    """Sort the rows that begin at dealt pieces lo to hi by longitude, and fill their tiles of *grid*.

    *place*, by row: its first dealt piece; and one past the last.
    """
    room = np.empty((2, 256), np.int64)
    for r in range(np.searchsorted(place, lo), place.shape[0] - 1):
        begin, end = place[r], place[r + 1]
        if begin >= hi:
            break
        n = end - begin
        if n == 0:
            continue
        if n > room.shape[1]:
            room = np.empty((2, 2 * n), np.int64)
        ordered = by_longitude(unsorted, dealt[begin:end], room)
        farthest = np.float32(0.0)
        for t in range(grid.start[r], grid.start[r + 1]):
            tile, own = grid.tiles[t], grid.balls[t]
            first = (t - grid.start[r]) * LANES
            lanes = min(LANES, n - first)
            west, east, reach = np.float32(np.inf), np.float32(-np.inf), np.float32(0.0)
            for q in range(lanes):
                i = ordered[first + q] & 0xFFFFFFFF
                grid.order[t, q] = i
                for c in range(SWEPT):
                    tile[c, q] = unsorted[i, c]
                west, east = min(west, unsorted[i, SWEPT]), max(east, unsorted[i, SWEPT])
                reach = max(reach, unsorted[i, 9])
            for q in range(lanes, LANES):
                grid.order[t, q] = -1
                for c in range(SWEPT):
                    tile[c, q] = np.nan
            ball(tile, lanes, own)
            own[4], own[5], own[6] = west, east, reach / np.float32(_EARTH_M)
            farthest = max(farthest, own[6])
        grid.reach[r] = farthest


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
    first_piece = np.append(places[:, 0], place[-1])
    start = np.concatenate(([0], np.cumsum(-(-np.diff(first_piece) // LANES))), dtype=np.int32)
    tiles = int(start[-1])
    grid = Grid(
        start=start,
        reach=np.zeros(len(in_row)),
        farthest=np.zeros(CLASSES),
        order=np.empty((tiles, LANES), np.int32),
        tiles=np.empty((tiles, SWEPT, LANES), np.float32),
        balls=np.empty((tiles, BALL), np.float32),
    )
    each_of(threads, known, arrange, unsorted, dealt, first_piece, grid)
    return rows, grid._replace(farthest=np.maximum.reduceat(grid.reach, rows.first[:-1]))
