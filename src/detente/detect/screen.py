"""Which pairs are worth a look, found without looking at all of them.

Each pair of tiles of swept pieces (see `detente.detect.grid`) is met once: within a class only forwards, and between
classes only from the class of shorter reach. From two tiles to a pair worth an exact look it goes by three tests, each
of all LANES pieces of a tile at once, in single precision and without a branch:

1. which pieces of the other tile the ball round all that this one's reach touches;
2. which pieces of this tile are near each of those, by reach and by the heights swept;
3. and which of these come near it, by a straight line, while their heights let them.

Each is widened by all that it neglects. What passes is judged exactly, in order of the pairs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from detente.detect.cpa import CLEAR, FINDING, FOUND, OTHER, PAIR, UNSURE, VERDICT, by_arcs, by_series
from detente.detect.grid import CLASSES, LANES, Grid, Keys, Numbers, Rows, Singles, grid_of, placed_grid_of, row_at
from detente.detect.motion import MOTION, Floats
from detente.detect.room import Room
from detente.detect.shares import LEAST, each_of, in_turn, shares_of, together
from detente.detect.soon import soon

_MARGIN_RAD: Final = 5e-5  # of angles to 1e-5, kept in single precision
_ROUNDING: Final = np.float32(2e-6)  # of squared distances in single precision, relative
_WIDER: Final = np.float32(1.0) + np.float32(2.0) * _ROUNDING
_ROUNDING_FT: Final = 1.0
_STILL: Final = np.float32(1e-12)  # keeps 0 / 0 out of the test of two of one velocity or one climb
_BIT: Final = (1 << np.arange(LANES)).astype(np.int32)
_DE_BRUIJN: Final = 0x09AF  # each four bits in a row of it are others: a bit times it tells which bit it is
_PLACE: Final = np.argsort([((_DE_BRUIJN << bit) >> 12) & 15 for bit in range(16)]).astype(np.int32)
_HOW_MANY: Final = np.array([byte.bit_count() for byte in range(256)], np.int32)
_WHICH: Final = np.array(
    [sorted(range(8), key=lambda bit: ((~byte >> bit) & 1, bit)) for byte in range(256)], np.int32
)  # the bits of each byte, those that are set first: eight are written at once, and the next begin after the set ones
_LINES: Final = (0, 7, MOTION - 1)  # columns of which each of the cache lines that hold a motion has one
# Multiplying and adding in one step rounds less: what a test lets pass may differ between processors, within what it is
# widened by, but not what is found. Nothing else of fast arithmetic: under it NaN is no NaN.
_TEST: Final[dict[str, Any]] = {
    "cache": True, "nogil": True, "error_model": "numpy", "forceinline": True, "fastmath": {"contract"},
}  # fmt: skip
_LOG: Final = LANES.bit_length() - 1
_PAIRS: Final = 8  # judged at once. Fetching the next 8 takes as long as that; of more, one would wait for the other
_ASKED: Final = 1_024  # pieces that are asked about at once


def _touched(tiles: Singles, b: int, balls: Singles, a: int) -> int:
    """Return which pieces of tile *b* what lies in the ball of tile *a* may reach, a bit each."""
    x, y, z, radius = balls[a, 0], balls[a, 1], balls[a, 2], balls[a, 3]
    bits = np.int32(0)
    for q in range(LANES):
        dx, dy, dz = tiles[b, 0, q] - x, tiles[b, 1, q] - y, tiles[b, 2, q] - z
        near = tiles[b, 9, q] + radius
        bits = np.int32(bits | (_BIT[q] if dx * dx + dy * dy + dz * dz < near * near * _WIDER else np.int32(0)))
    return int(bits)


touched = njit(**_TEST)(_touched)


def _near(tiles: Singles, a: int, b: int, j: int, vertical_ft: np.float32, half_s: np.float32) -> int:
    """Return which pieces of tile *a* are near piece *j* of *b*, by their reach and the heights they sweep."""
    x, y, z, reach, height = tiles[b, 0, j], tiles[b, 1, j], tiles[b, 2, j], tiles[b, 9, j], tiles[b, 7, j]
    room = vertical_ft + abs(tiles[b, 8, j]) * half_s
    bits = np.int32(0)
    for q in range(LANES):
        dx, dy, dz = tiles[a, 0, q] - x, tiles[a, 1, q] - y, tiles[a, 2, q] - z
        near = tiles[a, 9, q] + reach
        is_apart = abs(tiles[a, 7, q] - height) > room + abs(tiles[a, 8, q]) * half_s  # of unknown heights, never
        is_near = (dx * dx + dy * dy + dz * dz < near * near * _WIDER) & (not is_apart)
        bits = np.int32(bits | (_BIT[q] if is_near else np.int32(0)))
    return int(bits)


near = njit(**_TEST)(_near)


def _meeting(tiles: Singles, a: int, b: int, j: int, vertical_ft: np.float32, half_s: np.float32) -> int:
    """Return which pieces of tile *a* come near piece *j* of *b*, a bit each; by straight lines.

    Time is counted from the middle of the look-ahead, where the pieces' positions and heights hold.
    """
    xj, yj, zj, uj, vj, wj = (
        tiles[b, 0, j],
        tiles[b, 1, j],
        tiles[b, 2, j],
        tiles[b, 3, j],
        tiles[b, 4, j],
        tiles[b, 5, j],
    )
    limit_j, height_j, climb_j = tiles[b, 6, j], tiles[b, 7, j], tiles[b, 8, j]
    bits = np.int32(0)
    for q in range(LANES):
        dx, dy, dz = tiles[a, 0, q] - xj, tiles[a, 1, q] - yj, tiles[a, 2, q] - zj
        du, dv, dw = tiles[a, 3, q] - uj, tiles[a, 4, q] - vj, tiles[a, 5, q] - wj
        apart, rate = tiles[a, 7, q] - height_j, tiles[a, 8, q] - climb_j
        speed2, climb = du * du + dv * dv + dw * dw + _STILL, abs(rate) + _STILL
        # One division for the two: it takes as long as ten of the other steps.
        per_both = np.float32(1.0) / (speed2 * climb)
        per_speed2, per_climb = per_both * climb, per_both * speed2
        # When the heights let them meet; unknown heights, at all times.
        level_at = (apart if rate < np.float32(0.0) else -apart) * per_climb
        begins, ends = level_at - vertical_ft * per_climb, level_at + vertical_ft * per_climb
        is_later, is_sooner = begins > -half_s, ends < half_s  # of what is not a number, neither
        begins, ends = begins if is_later else -half_s, ends if is_sooner else half_s
        # How near they come meanwhile.
        closing = dx * du + dy * dv + dz * dw
        square = dx * dx + dy * dy + dz * dz
        t = min(max(-closing * per_speed2, begins), ends)
        least = square + t * (t * speed2 + closing + closing)
        limit = tiles[a, 6, q] + limit_j
        meets = (least < limit * limit + _ROUNDING * square) & (begins <= ends)
        bits = np.int32(bits | (_BIT[q] if meets else np.int32(0)))
    return int(bits)


meeting = njit(**_TEST)(_meeting)


def _meet(
    tiles: Singles,
    order: Numbers,
    a: int,
    asked: Numbers,
    bits_of: Numbers,
    n: int,
    vertical_ft: np.float32,
    half_s: np.float32,
    shift: int,
    in_part: Numbers,
    keys: Keys,
    count: int,
) -> int:
    """Append to *keys* the pairs of tile *a* and *n* pieces *asked* that are worth a look; returns the new *count*.

    Counts in *in_part* how many are of each part of the lower motions, 2**shift to a part.

    Each test is made of all that passed the one before, and what passes is written where the last was, whether it will
    stay or not: the processor need not guess, as often wrong as right, what comes out of a test.
    """
    passed = 0
    for p in range(n):
        piece = asked[p]
        b, j = piece >> _LOG, piece & (LANES - 1)
        each_once = (1 << j) - 1 if a == b else -1
        bits = near(tiles, a, b, j, vertical_ft, half_s) & each_once
        asked[passed], bits_of[passed] = piece, bits
        passed += bits != 0
    met = 0
    for p in range(passed):
        piece = asked[p]
        bits = bits_of[p] & meeting(tiles, a, piece >> _LOG, piece & (LANES - 1), vertical_ft, half_s)
        asked[met], bits_of[met] = piece, bits
        met += bits != 0
    for p in range(met):
        left, two = np.int64(bits_of[p]), np.int64(order[asked[p] >> _LOG, asked[p] & (LANES - 1)])
        while left != 0:
            lowest = left & -left
            if count < keys.shape[0]:
                one = np.int64(order[a, _PLACE[(lowest * _DE_BRUIJN >> 12) & 15]])
                keys[count] = (min(one, two) << 32) | max(one, two)
                in_part[min(one, two) >> shift] += 1
            count += 1
            left ^= lowest
    return count


meet = njit(cache=True, nogil=True, error_model="numpy")(_meet)


def _first_tile(balls: Singles, begin: int, end: int, longitude_rad: float) -> int:
    """Return the first of a row's tiles *begin* to *end* that reaches east of a longitude; *end* if none does."""
    if begin >= end or not balls[begin, 5] < longitude_rad:
        return begin
    if balls[end - 1, 5] < longitude_rad:
        return end
    while begin < end:
        middle = (begin + end) // 2
        if balls[middle, 5] < longitude_rad:
            begin = middle + 1
        else:
            end = middle
    return begin


first_tile = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)(_first_tile)


def _scan(
    rows: Rows,
    grid: Grid,
    vertical_ft: float,
    lookahead_s: float,
    lo: int,
    hi: int,
    shift: int,
    in_part: Numbers,
    keys: Keys,
) -> int:
    """Find every pair worth a look of tiles lo to hi with themselves and those after them.

    Fills *keys*, each pair's lower motion times 2**32 plus its higher, and *in_part*, how many of them are of each part
    of the lower motions, 2**shift to a part. Returns how many there are, which may be more than fit: the caller then
    comes again with more room.
    """
    in_part[:] = 0
    start, first, balls, tiles, order = grid.start, rows.first, grid.balls, grid.tiles, grid.order
    limit_ft, half_s = np.float32(vertical_ft + _ROUNDING_FT), np.float32(0.5 * lookahead_s)
    count, own, waiting = 0, 0, 0
    asked, bits_of = np.empty(_ASKED, np.int32), np.empty(_ASKED, np.int32)
    here = max(int(np.searchsorted(start, lo, "right")) - 1, 0)
    for a in range(lo, hi):
        while start[here + 1] <= a:
            here += 1
        while here >= first[own + 1]:
            own += 1
        reach, west, east = np.float64(balls[a, 6]), np.float64(balls[a, 4]), np.float64(balls[a, 5])
        south = (here - first[own]) * rows.height[own] - 0.5 * math.pi
        north = south + rows.height[own]
        for k in range(own, CLASSES):
            if grid.farthest[k] == 0.0:
                continue
            both = reach + grid.farthest[k] + _MARGIN_RAD
            lower = here if k == own else row_at(south - both, rows.height[k], first[k], first[k + 1])
            upper = row_at(north + both, rows.height[k], first[k], first[k + 1])
            for r in range(lower, upper + 1):
                both, narrowest = reach + grid.reach[r] + _MARGIN_RAD, rows.narrowest[r]
                width = both / narrowest if narrowest * math.pi > both else math.pi
                # A row may be reached across the antimeridian too; no tile is met again at the next turn.
                b, end = a if r == here else start[r], start[r + 1]
                for turn in range(-1, 2):
                    around = 2.0 * math.pi * turn
                    b = first_tile(balls, b, end, west - width + around)
                    while b < end and balls[b, 4] <= east + width + around:
                        candidates = touched(tiles, b, balls, a)
                        for half in range(0, LANES, 8):
                            byte = (candidates >> half) & 255
                            for j in range(8):
                                asked[waiting + j] = b * LANES + half + _WHICH[byte, j]
                            waiting += _HOW_MANY[byte]
                        b += 1
                        if waiting > _ASKED - LANES:
                            count = meet(
                                tiles, order, a, asked, bits_of, waiting, limit_ft, half_s, shift, in_part, keys, count
                            )
                            waiting = 0
        count = meet(tiles, order, a, asked, bits_of, waiting, limit_ft, half_s, shift, in_part, keys, count)
        waiting = 0
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
    block, one, two = np.empty((PAIR, _PAIRS)), np.empty(_PAIRS, np.uint64), np.empty(_PAIRS, np.uint64)
    count = 0
    for begin in range(0, len(keys), _PAIRS):
        lanes = min(_PAIRS, len(keys) - begin)
        for q in range(lanes):
            one[q], two[q] = keys[begin + q] >> 32, keys[begin + q] & 0xFFFFFFFF
        for p in range(begin + _PAIRS, min(begin + 2 * _PAIRS, len(keys))):
            for c in _LINES:
                soon(m, keys[p] >> 32, c)
                soon(m, keys[p] & 0xFFFFFFFF, c)
        for q in range(lanes):
            a, b = one[q], two[q]
            for c in range(MOTION):
                block[c, q], block[OTHER + c, q] = m[a, c], m[b, c]
        for q in range(lanes):
            by_series(block, q, horizontal_m, vertical_ft, lookahead_s)
        for q in range(lanes):
            verdict = int(block[VERDICT, q])
            if verdict == CLEAR:
                continue
            a, b = one[q], two[q]
            for c in range(FOUND):
                found[count, c] = block[FINDING + c, q]
            if verdict == UNSURE:
                verdict = by_arcs(m[a], m[b], horizontal_m, vertical_ft, lookahead_s, found[count])
                if verdict == CLEAR:
                    continue
            pairs[count, 0], pairs[count, 1], verdicts[count] = a, b, verdict
            count += 1
    return count


answer: Callable[..., int] = njit(cache=True, nogil=True, error_model="numpy")(_answer)

Answers = tuple[npt.NDArray[np.int64], Floats, npt.NDArray[np.int8]]


def pairs_in_conflict(
    m: Floats,
    horizontal_m: float,
    vertical_ft: float,
    lookahead_s: float,
    threads: Executor | None = None,
    room: Room | None = None,
) -> Answers:
    """Judge all pairs of motions *m*; returns what is not clear, in order of the pairs.

    pairs: (k, 2) rows of *m*, lower first; findings: (k, FOUND), see `detente.detect.cpa`; verdicts: (k,) CONFLICT or
    NOT_ASSESSED. Motions with a number missing other than an altitude are in no pair: the caller tells of them.
    *threads* shares the work (the kernels release the interpreter's lock); the answer is the same without. *room*: to
    work in, kept for the next pass.
    """
    m = np.require(m, np.float64, ("C", "W"))  # the one layout that the kernels were compiled for
    minima, room = (float(horizontal_m), float(vertical_ft), float(lookahead_s)), room or Room()
    return _pairs_of(m, *grid_of(m, minima[0], minima[2], threads, room), minima, threads, room)


def placed_pairs_in_conflict(
    columns: Sequence[Floats],
    unknown: npt.NDArray[np.bool_],
    horizontal_m: float,
    vertical_ft: float,
    lookahead_s: float,
    threads: Executor | None,
    room: Room,
) -> Answers:
    """Judge all pairs of aircraft, each at its own time, as `pairs_in_conflict`; fills which are *unknown*.

    *columns*, each (n,) float64, as `detente.detect.motion.place` names them.
    """
    minima = (float(horizontal_m), float(vertical_ft), float(lookahead_s))
    return _pairs_of(*placed_grid_of(columns, unknown, minima[0], minima[2], threads, room), minima, threads, room)


def _pairs_of(
    m: Floats, rows: Rows, grid: Grid, minima: tuple[float, float, float], threads: Executor | None, room: Room
) -> Answers:
    parts, shift = parts_of(threads, len(m))
    found = each_of(
        threads, len(grid.tiles), _scanned, room, parts, shift, rows, grid, *minima[1:], least=LEAST // LANES
    )
    keys, begins = _parted(threads, room, shift, found)
    n = begins[-1]
    answers = (
        room.lent("pairs", (n, 2), np.int64),
        room.lent("found", (n, FOUND), np.float64),
        room.lent("verdicts", (n,), np.int8),
    )
    # Each part of the lower motions has its part of the answer to fill, as long as it has pairs worth a look.
    calls = [
        (m, minima, keys[begin:end], *(column[begin:end] for column in answers)) for begin, end in pairwise(begins)
    ]
    return closed_up(answers, begins, in_turn(threads if len(calls) > 1 else None, _answered, calls))


def parts_of(threads: Executor | None, n: int) -> tuple[int, int]:
    """Return into how many parts to take n motions, and how many bits of a motion's row are left out to tell its part.

    As many parts as `shares_of`, or up to half as few.
    """
    last = max(n - 1, 0)
    shift = (last // len(shares_of(threads, n))).bit_length()
    return (last >> shift) + 1, shift


def closed_up(columns: Answers, begins: list[int], counts: Iterable[int]) -> Answers:
    """Return *columns* without their gaps: from each of *begins* the next of *counts* rows are wanted. In place.

    What comes first is moved first: it may while those after it are still being filled.
    """
    end = 0
    for begin, count in zip(begins, counts, strict=False):
        if begin > end:
            for column in columns:
                # Row after row: then numpy sees that moving them forwards needs no copy in between.
                flat, width = column.reshape(-1), math.prod(column.shape[1:])
                flat[end * width : (end + count) * width] = flat[begin * width : (begin + count) * width]
        end += count
    pairs, found, verdicts = columns
    return pairs[:end], found[:end], verdicts[:end]


def _scanned(room: Room, parts: int, shift: int, *asked: Any) -> tuple[Keys, Numbers]:
    """Return the keys of the pairs that `scan` finds, in no order, and how many there are of each of *parts*."""
    lo, hi = asked[-2:]
    fits, in_part = max(1_024, 2 * LANES * (hi - lo)), np.empty(parts, np.int32)
    while True:
        keys = room.array(f"keys {lo}", (fits,), np.int64)
        count = scan(*asked, shift, in_part, keys)
        if count <= fits:
            return keys[:count], in_part
        fits = count


def _part(keys: Keys, shift: int, place: Keys, parted: Keys) -> None:
    """Write *keys* into *parted*, each at the next *place* of its part."""
    for p in range(len(keys)):
        part = keys[p] >> (32 + shift)
        parted[place[part]] = keys[p]
        place[part] += 1


part: Callable[..., None] = njit(cache=True, nogil=True, error_model="numpy")(_part)


def _parted(
    threads: Executor | None, room: Room, shift: int, found: list[tuple[Keys, Numbers]]
) -> tuple[Keys, list[int]]:
    """Return the keys *found*, part after part, in no order in each; and where each part begins, and the last ends."""
    # By part, and in it by who found them.
    places = np.cumsum([0, *np.stack([in_part for _, in_part in found], axis=1).flat])
    begins = [*places[: -1 : len(found)].tolist(), int(places[-1])]
    if len(begins) == 2 and len(found) == 1:
        return found[0][0], begins
    parted = room.array("parted", (begins[-1],), np.int64)
    each = places[:-1].reshape(-1, len(found))
    calls = [(keys, shift, each[:, q].copy(), parted) for q, (keys, _) in enumerate(found)]
    together(threads if len(found) > 1 else None, part, calls)
    return parted, begins


def _answered(
    m: Floats,
    minima: tuple[float, float, float],
    keys: Keys,
    pairs: Keys,
    found: Floats,
    verdicts: npt.NDArray[np.int8],
) -> int:
    """Judge the pairs of *keys*, in order; fills the first rows of the rest and returns how many."""
    keys.sort()
    return answer(m, *minima, keys, pairs, found, verdicts)
