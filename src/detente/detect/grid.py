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
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from detente.detect.motion import BLOCK, MOTION, Floats, flown, place
from detente.detect.room import Room
from detente.detect.shares import each_of, shares_of, together
from detente.detect.soon import soon

CLASSES: Final = 8  # each reaches twice as far as the one before
LANES: Final = 16  # pieces in a tile
_EARTH_M: Final = 6_356_000.0  # a little less than the smallest distance from the centre
_ROUNDING_M: Final = 4.0  # of positions kept in single precision, and of terms of third order

Singles = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int32]
Keys = npt.NDArray[np.int64]

SWEPT: Final = 10
"""A swept piece, single precision: 0-2 middle, m; 3-5 velocity there, m/s; 6 half the minimum and what straightness
neglects, m; 7 pressure altitude there, ft, NaN unknown; 8 climb, ft/s; 9 reach, m."""

BALL: Final = 7
"""A ball round all that a tile's pieces reach: 0-2 centre, m; 3 radius, m. And 4, 5 the westernmost and easternmost
longitude of their middles, rad; 6 the farthest reach, rad of a great circle."""


class Rows(NamedTuple):
    """Rows of latitude of all classes, one class after the other."""

    height: Floats  # by class: of a row, rad
    first: Numbers  # by class: its first row; and one past the last
    narrowest: Floats  # by row: smallest cosine of latitude within reach of it


class Swept(NamedTuple):
    """Swept pieces in the order of their motions."""

    piece: Singles  # (n, SWEPT)
    row: Numbers  # (n,): the row that holds the middle; -1 of a motion with a number missing, which is the caller's
    turned: Numbers  # (n,): the longitude of the middle, in 65,536ths of a turn


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


def smallest_reach(speeds_mps: Floats, horizontal_m: float, lookahead_s: float) -> float:
    """Return the reach, rad, of the first class, which is to hold all but the fastest tenth or so of such speeds.

    In steps, so that the rows seldom change: they decide what is looked at, not what is found.
    """
    known = speeds_mps[np.isfinite(speeds_mps)]
    common_mps = 1.2 * float(np.quantile(known, 0.9)) if len(known) else 0.0
    reach_m = min(max(0.5 * (horizontal_m + common_mps * lookahead_s), 500.0), _EARTH_M)
    return float(2.0 ** (math.ceil(math.log2(reach_m) * 8.0) / 8.0)) / _EARTH_M


def _sample(n: int) -> slice:
    """Return which of *n* rows to tell the common speed from: a few thousand of them."""
    return slice(None, None, max(n // 4_096, 1))


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


_HALF_TURN: Final = 3.1415930  # a little more than half a turn, whatever single precision makes of it
_PER_RAD: Final = 2.0**15 / _HALF_TURN  # 600 m at the equator: enough to lay neighbours side by side


def _sweep_block(
    own: Floats,
    begin: int,
    lanes: int,
    horizontal_m: float,
    half_s: float,
    rows: Rows,
    swept: Swept,
    in_row: Numbers,
    piece: Singles,
    polar: Floats,
) -> None:
    """Fill *lanes* rows of *swept* from *begin* on from as many motions *own* (MOTION, BLOCK), and count *in_row*.

    *piece*: (SWEPT, BLOCK), and *polar*: (3, BLOCK) latitude, longitude, reach, rad; both for the work.
    """
    height, first = rows.height, rows.first
    pieces, row_of, turned = swept  # taken apart once: read through the tuple each time, it takes a tenth longer
    for q in range(lanes):
        run, rise, forward, down = flown(own[9, q], own[10, q], half_s)
        x = own[0, q] + run * own[3, q] - rise * own[6, q]
        y = own[1, q] + run * own[4, q] - rise * own[7, q]
        z = own[2, q] + run * own[5, q] - rise * own[8, q]
        u = forward * own[3, q] - down * own[6, q]
        v = forward * own[4, q] - down * own[7, q]
        w = forward * own[5, q] - down * own[8, q]
        length, climb = own[10, q] * half_s, own[13, q]
        limit = 0.5 * horizontal_m + 0.55 * length * length / own[9, q] + _ROUNDING_M
        piece[0, q], piece[1, q], piece[2, q] = x, y, z
        piece[3, q], piece[4, q], piece[5, q] = u, v, w
        piece[6, q], piece[7, q], piece[8, q] = limit, own[11, q] + half_s * climb, climb
        piece[9, q] = length + limit
        polar[0, q], polar[1, q] = angle(z, math.sqrt(x * x + y * y)), angle(y, x)
        # Not a number where one of them is not, or not finite.
        polar[2, q] = (length + limit) / _EARTH_M + 0.0 * (x + y + z + u + v + w + climb)
    for q in range(lanes):
        i, reach = begin + q, polar[2, q]
        for c in range(SWEPT):
            pieces[i, c] = piece[c, q]
        if not math.isfinite(reach):
            row_of[i] = -1
            continue
        k = 0
        while 2.0 * reach > height[k] and k < CLASSES - 1:
            k += 1
        r = row_at(polar[0, q], height[k], first[k], first[k + 1])
        row_of[i] = r
        in_row[r] += 1
        # At a pole it may be no number, and may be any.
        east = (polar[1, q] + _HALF_TURN) * _PER_RAD
        turned[i] = int(east) if east > 0.0 else 0


sweep_block = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)(_sweep_block)


def _sweep(m: Floats, horizontal_m: float, lookahead_s: float, rows: Rows, swept: Swept, lo: int, hi: int) -> Numbers:
    """Fill rows lo to hi of *swept* from motions *m*; returns how many fell into each row."""
    in_row = np.zeros(rows.first[CLASSES], np.int32)
    own, piece, polar = np.empty((MOTION, BLOCK)), np.empty((SWEPT, BLOCK), np.float32), np.empty((3, BLOCK))
    half = 0.5 * lookahead_s
    for begin in range(lo, hi, BLOCK):
        lanes = min(BLOCK, hi - begin)
        for q in range(lanes):
            for c in range(MOTION):
                own[c, q] = m[begin + q, c]
        sweep_block(own, begin, lanes, horizontal_m, half, rows, swept, in_row, piece, polar)
    return in_row


sweep = njit(cache=True, nogil=True, error_model="numpy")(_sweep)


def _place_and_sweep(
    latitude_rad: Floats,
    longitude_rad: Floats,
    altitude_ft: Floats,
    v_east_mps: Floats,
    v_north_mps: Floats,
    v_up_fps: Floats,
    unknown: npt.NDArray[np.bool_],
    m: Floats,
    horizontal_m: float,
    lookahead_s: float,
    rows: Rows,
    swept: Swept,
    lo: int,
    hi: int,
) -> Numbers:
    """Fill rows lo to hi of motions *m* and of *unknown*, as `place`, and of *swept*; returns what `sweep` does.

    In one go, since a block of motions then need not come back from memory.
    """
    in_row = np.zeros(rows.first[CLASSES], np.int32)
    own, piece, polar = np.empty((MOTION, BLOCK)), np.empty((SWEPT, BLOCK), np.float32), np.empty((3, BLOCK))
    half = 0.5 * lookahead_s
    for begin in range(lo, hi, BLOCK):
        end = min(begin + BLOCK, hi)
        place(
            latitude_rad[begin:end],
            longitude_rad[begin:end],
            altitude_ft[begin:end],
            v_east_mps[begin:end],
            v_north_mps[begin:end],
            v_up_fps[begin:end],
            own,
            unknown[begin:end],
        )
        for q in range(end - begin):
            for c in range(MOTION):
                m[begin + q, c] = own[c, q]
        sweep_block(own, begin, end - begin, horizontal_m, half, rows, swept, in_row, piece, polar)
    return in_row


place_and_sweep = njit(cache=True, nogil=True, error_model="numpy")(_place_and_sweep)


def _deal(swept: Swept, place: Numbers, dealt: Keys, lo: int, hi: int) -> None:
    """Write pieces lo to hi into *dealt*, longitude times 2**32 plus piece, each at the next *place* of its row."""
    for i in range(lo, hi):
        r = swept.row[i]
        if r >= 0:
            dealt[place[r]] = (np.int64(swept.turned[i]) << 32) | np.int64(i)
            place[r] += 1


deal = njit(cache=True, nogil=True, error_model="numpy")(_deal)


def _by_longitude(dealt: Keys, room: Keys) -> None:
    """Put *dealt* pieces of one row in order of longitude. *room*: as long, for the work.

    By the lower eight bits and then the upper: the time does not depend on where they are.
    """
    n = dealt.shape[0]
    begins = np.zeros((2, 257), np.int32)
    for p in range(n):
        for digit in range(2):
            begins[digit, ((dealt[p] >> (32 + 8 * digit)) & 255) + 1] += 1
    for digit in range(2):
        for d in range(255):
            begins[digit, d + 1] += begins[digit, d]
    for p in range(n):
        d = (dealt[p] >> 32) & 255
        room[begins[0, d]] = dealt[p]
        begins[0, d] += 1
    for p in range(n):
        d = (room[p] >> 40) & 255
        dealt[begins[1, d]] = room[p]
        begins[1, d] += 1


by_longitude = njit(cache=True, nogil=True, error_model="numpy")(_by_longitude)


def _middle(tiles: Singles, t: int, c: int, room: Singles) -> float:
    """Return the middle between the least and the most of a tile's column *c*. *room*: (2, LANES)."""
    for q in range(LANES):
        room[0, q], room[1, q] = tiles[t, c, q], tiles[t, c, q]
    # Halves beside each other rather than one after the other: a few steps instead of many.
    for width in (8, 4, 2, 1):
        for q in range(width):
            room[0, q], room[1, q] = min(room[0, q], room[0, q + width]), max(room[1, q], room[1, q + width])
    return float(np.float32(0.5) * (room[0, 0] + room[1, 0]))


middle = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)(_middle)


def _ball(tiles: Singles, balls: Singles, t: int, room: Singles) -> None:
    """Fill columns 0 to 3 and 6 of the ball of tile *t*, all lanes in use. *room*: (2, LANES)."""
    x, y, z = middle(tiles, t, 0, room), middle(tiles, t, 1, room), middle(tiles, t, 2, room)
    balls[t, 0], balls[t, 1], balls[t, 2] = x, y, z
    for q in range(LANES):
        dx, dy, dz = tiles[t, 0, q] - balls[t, 0], tiles[t, 1, q] - balls[t, 1], tiles[t, 2, q] - balls[t, 2]
        room[0, q] = np.float32(math.sqrt(dx * dx + dy * dy + dz * dz)) + tiles[t, 9, q]
        room[1, q] = tiles[t, 9, q]
    for width in (8, 4, 2, 1):
        for q in range(width):
            room[0, q], room[1, q] = max(room[0, q], room[0, q + width]), max(room[1, q], room[1, q + width])
    balls[t, 3], balls[t, 6] = room[0, 0] + np.float32(_ROUNDING_M), room[1, 0] / np.float32(_EARTH_M)


ball = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)(_ball)


def _beside(unsorted: Singles, dealt: Keys, first: int, left: int, height_m: float) -> int:
    """Return how many tiles to lay side by side from south to north, of the *left* pieces from *first* on of a row.

    Where a row is crowded a tile of its whole height would be a narrow strip: two or four are nearer to squares, and
    fewer pieces lie in reach of each.
    """
    i = dealt[first] & 0xFFFFFFFF
    per_turned = math.sqrt(unsorted[i, 0] * unsorted[i, 0] + unsorted[i, 1] * unsorted[i, 1]) / _PER_RAD
    west, tiles = dealt[first] >> 32, 1
    if left >= 2 * LANES and ((dealt[first + 2 * LANES - 1] >> 32) - west) * per_turned < height_m:
        tiles = 2
    if left >= 4 * LANES and ((dealt[first + 4 * LANES - 1] >> 32) - west) * per_turned < 0.5 * height_m:
        tiles = 4
    return tiles


beside = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)(_beside)


def _by_latitude(unsorted: Singles, dealt: Keys, first: int, n: int, north: Singles, room: Keys) -> None:
    """Put *n* pieces of *dealt* from *first* on in order from south to north. *north*, *room*: n, for the work."""
    for p in range(n):
        room[p] = dealt[first + p]
        north[p] = unsorted[room[p] & 0xFFFFFFFF, 2]
    for p in range(n):
        # Each by how many come before it: more comparisons than need be, but many at once.
        own, rank = north[p], 0
        for q in range(n):
            rank += (north[q] < own) | ((north[q] == own) & (q < p))
        dealt[first + rank] = room[p]


by_latitude = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)(_by_latitude)


def _arrange(unsorted: Singles, dealt: Keys, place: Numbers, rows: Rows, grid: Grid, lo: int, hi: int) -> None:
    """Sort the rows that begin at dealt pieces lo to hi by longitude, and fill their tiles of *grid*.

    *place*, by row: its first dealt piece; and one past the last.
    """
    room, halves, north = np.empty(256, np.int64), np.empty((2, LANES), np.float32), np.empty(4 * LANES, np.float32)
    start, order, tiles, balls = grid.start, grid.order, grid.tiles, grid.balls
    own = 0
    for r in range(np.searchsorted(place, lo), place.shape[0] - 1):
        begin, end = place[r], place[r + 1]
        if begin >= hi:
            break
        if begin == end:
            continue
        while r >= rows.first[own + 1]:
            own += 1
        if end - begin > room.shape[0]:
            room = np.empty(2 * (end - begin), np.int64)
        by_longitude(dealt[begin:end], room)
        farthest, abreast = np.float32(0.0), 0
        west = east = 0.0
        for t in range(start[r], start[r + 1]):
            first = begin + (t - start[r]) * LANES
            lanes = min(LANES, end - first)
            if abreast == 0:
                abreast = beside(unsorted, dealt, first, end - first, rows.height[own] * _EARTH_M)
                last = min(first + abreast * LANES, end) - 1
                west = (dealt[first] >> 32) / _PER_RAD - _HALF_TURN
                east = ((dealt[last] >> 32) + 1) / _PER_RAD - _HALF_TURN
                if abreast > 1:
                    by_latitude(unsorted, dealt, first, abreast * LANES, north, room)
            abreast -= 1
            for p in range(first + lanes, min(first + lanes + LANES, end)):
                for c in (0, SWEPT - 1):
                    soon(unsorted, dealt[p] & 0xFFFFFFFF, c)
            for q in range(LANES):
                # The last again, where there are no more: the ball is that of the others.
                order[t, q] = dealt[first + min(q, lanes - 1)] & 0xFFFFFFFF
            # A column after the other: memory answers many questions as fast as one.
            for c in range(SWEPT):
                for q in range(LANES):
                    tiles[t, c, q] = unsorted[order[t, q], c]
            ball(tiles, balls, t, halves)
            balls[t, 4], balls[t, 5] = west, east
            farthest = max(farthest, balls[t, 6])
            for q in range(lanes, LANES):
                order[t, q] = -1
                for c in range(SWEPT):
                    tiles[t, c, q] = np.nan
        grid.reach[r] = farthest


arrange = njit(cache=True, nogil=True, error_model="numpy")(_arrange)


def grid_of(
    m: Floats, horizontal_m: float, lookahead_s: float, threads: Executor | None = None, room: Room | None = None
) -> tuple[Rows, Grid]:
    """Return motions *m* as swept pieces, sorted; those with a number missing other than an altitude are left out.

    The grid lies in *room*, if there is one.
    """
    rows = rows_of(smallest_reach(m[_sample(len(m)), 10], horizontal_m, lookahead_s))
    return rows, _sorted(rows, len(m), threads, room or Room(), sweep, m, horizontal_m, lookahead_s)


def placed_grid_of(
    columns: Sequence[Floats],
    unknown: npt.NDArray[np.bool_],
    horizontal_m: float,
    lookahead_s: float,
    threads: Executor | None,
    room: Room,
) -> tuple[Floats, Rows, Grid]:
    """Return the motions of aircraft, each at its own time, and these as `grid_of` does; all of it lies in *room*.

    *columns*, each (n,) float64, as `detente.detect.motion.place` names them. Fills which of them are *unknown*.
    """
    n = len(unknown)
    few = _sample(n)
    rows = rows_of(smallest_reach(np.hypot(columns[3][few], columns[4][few]), horizontal_m, lookahead_s))
    m = room.array("m", (n, MOTION), np.float64)
    # In the one layout that the kernel was compiled for.
    columns = [np.require(column, np.float64, ("C", "W")) for column in columns]
    grid = _sorted(rows, n, threads, room, place_and_sweep, *columns, unknown, m, horizontal_m, lookahead_s)
    return m, rows, grid


def _sorted(
    rows: Rows, n: int, threads: Executor | None, room: Room, kernel: Callable[..., Any], *arguments: Any
) -> Grid:
    """Return what *kernel*, `sweep` or one like it, makes of its *arguments*: n swept pieces, sorted."""
    swept = Swept(
        piece=room.array("piece", (n, SWEPT), np.float32),
        row=room.array("row", (n,), np.int32),
        turned=room.array("turned", (n,), np.int32),
    )
    in_row = np.stack(each_of(threads, n, kernel, *arguments, rows, swept), axis=1)
    # Each share's first piece of each row comes after those of the rows, and of the shares, before.
    begins = np.concatenate(([0], np.cumsum(in_row)), dtype=np.int32)
    places, known = begins[:-1].reshape(in_row.shape), int(begins[-1])
    dealt, shares = room.array("dealt", (known,), np.int64), shares_of(threads, n)
    each = [(swept, places[:, part].copy(), dealt, *share) for part, share in enumerate(shares)]
    together(threads if len(shares) > 1 else None, deal, each)
    first_piece = np.append(places[:, 0], begins[-1])
    start = np.concatenate(([0], np.cumsum(-(-np.diff(first_piece) // LANES))), dtype=np.int32)
    tiles = int(start[-1])
    grid = Grid(
        start=start,
        reach=np.zeros(len(in_row)),
        farthest=np.zeros(CLASSES),
        order=room.array("order", (tiles, LANES), np.int32),
        tiles=room.array("tiles", (tiles, SWEPT, LANES), np.float32),
        balls=room.array("balls", (tiles, BALL), np.float32),
    )
    each_of(threads, known, arrange, swept.piece, dealt, first_piece, rows, grid)
    return grid._replace(farthest=np.maximum.reduceat(grid.reach, rows.first[:-1]))
