"""When and where a track that holds its course first enters an area, how near it comes, how long it stays.

The course is the same arc as for conflicts. A track looks only at the areas whose balls its course touches, and there
only at the edges near it (`detente.detect.course`): crossings first, and the least distance only where there is no
entry. Whether a point is inside is decided in the plane of longitude and latitude, where the rings are defined.

To be inside is to be within the rings, from floor to ceiling, while the area is active, all at the same instant.
"""

from __future__ import annotations

import math
from concurrent.futures import Executor
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from detente.detect.boundary import Areas, Boundary, Indices, areas_of, is_inside
from detente.detect.course import (
    Course,
    Walk,
    course_of,
    crossings,
    is_near,
    least_distance,
    step_down,
    walk_room,
)
from detente.detect.motion import Floats, along, geodetic, motion
from detente.detect.shares import each_of
from detente.detect.uncounted import uncounted

FAR: Final = 0
APPROACH: Final = 1
ENTRY: Final = 2
INSIDE: Final = 3
LEAVING: Final = 4
NOT_ASSESSED: Final = 5  # near the area, and its level or course is unknown

STAND: Final = 6
"""Columns of how a track stands to an area: 0 time to entry, s (0 inside, inf never); 1, 2 latitude and longitude of
the entry or of the least distance, rad; 3 least distance to the line, m; 4 its time, s; 5 time inside, s."""

ANY_AREA: Final = -1
"""Stands for all areas where a track's own course is unknown."""

_MOST_CROSSINGS: Final = 64
_NO_TIME_S: Final = 1e-3  # an edge that two parts share is left and entered at once
_ROOM: Final = 64
_SHARE: Final = 4_096  # tracks that are worth a thread
_STEPS: Final = (29_524, 9_841, 3_280, 1_093, 364, 121, 40, 13, 4, 1)  # each three times the next and one more (Knuth)


class Standings(NamedTuple):
    """The tracks that are not far from an area, in order of track and area."""

    rows: Indices  # (k,) of the motions
    areas: Indices  # (k,) or ANY_AREA
    how: npt.NDArray[np.int8]  # (k,) APPROACH to NOT_ASSESSED
    found: Floats  # (k, STAND), NaN where not assessed


class Activity(NamedTuple):
    """When each area is active, s from now: spans (k, 2), those of area z from row starts[z] to starts[z + 1]."""

    spans: Floats
    starts: Indices


def _beyond(m: Floats, t: float, areas: Areas, area: int, still: Floats, walk: Walk) -> tuple[float, float, float]:
    """Return latitude and longitude of a motion at *t* and its distance to an area's line, m, negative inside."""
    x, y, z, _, _, _ = along(m, t)
    latitude, longitude = geodetic(x, y, z)
    motion(latitude, longitude, 0.0, 0.0, 0.0, still)
    apart, _ = least_distance(course_of(still, 0.0), areas, area, 0.0, 0.0, math.inf, walk)
    return latitude, longitude, -apart if is_inside(latitude, longitude, areas, area) else apart


beyond = njit(cache=True, nogil=True, error_model="numpy")(_beyond)


def _within_levels(altitude_ft: float, climb_fps: float, floor_ft: float, ceiling_ft: float) -> tuple[float, float]:
    """Return the interval, s, in which a level is from floor to ceiling; empty as (inf, -inf)."""
    if climb_fps == 0.0:
        return (-math.inf, math.inf) if floor_ft <= altitude_ft <= ceiling_ft else (math.inf, -math.inf)
    first, second = (floor_ft - altitude_ft) / climb_fps, (ceiling_ft - altitude_ft) / climb_fps
    return min(first, second), max(first, second)


within_levels = uncounted(error_model="numpy", forceinline=True)(_within_levels)


def _is_inside_first(m: Floats, areas: Areas, area: int, times: Floats, lookahead_s: float) -> bool:
    """Whether a track begins within an area's rings, told from the middle of its longest stretch between crossings.

    There no rounding can matter: a track that begins on the line itself is on one side of it, and stays consistent.
    """
    begin, longest, at, turns = 0.0, -1.0, 0.0, 0
    for q in range(times.shape[0] + 1):
        end = times[q] if q < times.shape[0] else lookahead_s
        if end - begin > longest:
            longest, at, turns = end - begin, 0.5 * (begin + end), q
        begin = end
    x, y, z, _, _, _ = along(m, at if times.shape[0] > 0 else 0.0)
    row = areas.starts[area, 1] + 1
    dx, dy, dz = x - areas.balls[0, row], y - areas.balls[1, row], z - areas.balls[2, row]
    if dx * dx + dy * dy + dz * dz > areas.balls[3, row] * areas.balls[3, row]:
        return turns % 2 == 1  # outside the ball round all of it
    latitude, longitude = geodetic(x, y, z)
    return bool(is_inside(latitude, longitude, areas, area) ^ (turns % 2 == 1))


is_inside_first = uncounted(error_model="numpy", forceinline=True)(_is_inside_first)


def _put_in_order(times: Floats) -> None:
    """Sort *times*, of which there are a handful, seldom thousands, in place: by steps that become shorter (Shell)."""
    for step in _STEPS:
        for q in range(step, times.shape[0]):
            own, p = times[q], q
            while p >= step and times[p - step] > own:
                times[p] = times[p - step]
                p -= step
            times[p] = own


put_in_order = uncounted(error_model="numpy", forceinline=True)(_put_in_order)


def _stay(times: Floats, within: bool, low: float, high: float, spans: Floats) -> tuple[float, float]:
    """Return when a track first is inside and for how long altogether, s; (inf, 0) never.

    *times*: of its crossings, *within* the rings or not at first. From *low* to *high* it is within the levels, and in
    each of *spans* the area is active.
    """
    entry, dwell, begin = math.inf, 0.0, 0.0
    for q in range(times.shape[0] + 1):
        end = times[q] if q < times.shape[0] else math.inf
        if within:
            for k in range(spans.shape[0]):
                first, last = max(begin, low, spans[k, 0]), min(end, high, spans[k, 1])
                if first <= last:
                    entry = min(entry, first)
                    dwell += last - first
        begin, within = end, not within
    return entry, dwell


stay = uncounted(error_model="numpy", forceinline=True)(_stay)


def _approach(
    course: Course, areas: Areas, area: int, spans: Floats, low: float, high: float, speed: float, walk: Walk
) -> tuple[float, float]:
    """Return the least distance, m, of a track to the line of an area that it does not enter, and its time, s.

    Infinite beyond the area's margin. What counts is from *low* to *high*, and in *spans*.
    """
    margin_m, least, at = areas.limits[area, 2], math.inf, math.inf
    for k in range(spans.shape[0]):
        first, last = max(low, spans[k, 0]), min(high, spans[k, 1])
        if first <= last:
            apart, x = least_distance(course, areas, area, first * speed, last * speed, margin_m, walk)
            if apart < least:
                least, at = apart, (x / speed if speed > 0.0 else first)
    return least, at


approach = uncounted(error_model="numpy", forceinline=True)(_approach)


def _stand(
    m: Floats,
    course: Course,
    areas: Areas,
    area: int,
    spans: Floats,
    lookahead_s: float,
    crossings_m: Floats,
    walk: Walk,
    out: Floats,
) -> int:
    """Judge one track against one area active in *spans*, fill *out* (STAND columns) and return how it stands.

    Or how many crossings there are, negative, where *crossings_m* is too short for them.
    """
    speed, limits = m[10], areas.limits[area]
    has_levels = limits[0] > -math.inf or limits[1] < math.inf
    is_known = not has_levels or not math.isnan(m[11] + m[13])
    low, high = -math.inf, math.inf
    if has_levels and is_known:
        low, high = within_levels(m[11], m[13], limits[0], limits[1])
    crossed, nearest = 0, -math.inf
    if speed > 0.0:
        crossed, nearest = crossings(course, areas, area, crossings_m, walk)
    if crossed > crossings_m.shape[0]:
        return -crossed
    times = crossings_m[:crossed]
    for q in range(crossed):
        times[q] /= speed
    put_in_order(times)
    within = is_inside_first(m, areas, area, times, lookahead_s)
    entry, dwell = stay(times, within, low, high, spans)
    at, least = entry, 0.0
    if math.isinf(entry):
        least = math.inf
        if nearest <= limits[2]:
            least, at = approach(course, areas, area, spans, low, high, speed, walk)
        if math.isinf(least):
            return FAR
    if not is_known:
        return NOT_ASSESSED
    x, y, z, _, _, _ = along(m, at)
    out[0] = entry
    out[1], out[2] = geodetic(x, y, z)
    out[3] = least
    out[4] = at
    out[5] = dwell
    if math.isinf(entry):
        return APPROACH
    if entry > 0.0:
        return ENTRY
    return INSIDE if dwell >= lookahead_s - _NO_TIME_S else LEAVING


stand = uncounted(error_model="numpy", forceinline=True)(_stand)


def _near_areas(course: Course, areas: Areas, near: Indices, walk: Walk) -> int:
    """List the areas whose balls a course touches; returns how many."""
    leaves = areas.order.shape[0]
    stack, apart, found = walk.stack, walk.apart_m, 0
    stack[0], depth = 1, 1
    while depth > 0:
        depth -= 1
        node = stack[depth]
        if node < leaves:
            below, count = step_down(course, areas.tree, 0, node, leaves, apart)
            for q in range(count):
                stack[depth] = below + q
                depth += apart[q] <= 0.0
        elif leaves > 1 or is_near(course, areas.tree, node):
            near[found] = areas.order[node - leaves]
            found += 1
    return found


near_areas = uncounted(error_model="numpy", forceinline=True)(_near_areas)


def _stand_all(
    m: Floats,
    areas: Areas,
    activity: Activity,
    lookahead_s: float,
    lo: int,
    hi: int,
    crossings_m: Floats,
    near: Indices,
    walk: Walk,
    which: Indices,
    how: npt.NDArray[np.int8],
    found: Floats,
) -> tuple[int, int, int]:
    """Judge motions from *lo* on, as long as there is room in *which*, *how* and *found* for all areas of the next.

    Returns how many are filled, the motion to go on with (*hi*: none), and how many crossings it needs room for.
    """
    count = 0
    for i in range(lo, hi):
        begun = count
        if count + near.shape[0] > how.shape[0]:
            return count, i, 0
        length = m[i, 10] * lookahead_s
        is_lost = math.isnan(length + m[i, 0] + m[i, 1] + m[i, 2])
        course = course_of(m[i], length)
        for q in range(1 if is_lost else near_areas(course, areas, near, walk)):
            area = ANY_AREA if is_lost else near[q]
            for c in range(STAND):
                found[count, c] = math.nan
            stood = NOT_ASSESSED
            if not is_lost:
                spans = activity.spans[activity.starts[area] : activity.starts[area + 1]]
                stood = stand(m[i], course, areas, area, spans, lookahead_s, crossings_m, walk, found[count])
            if stood < 0:
                return begun, i, -stood
            which[count, 0], which[count, 1], how[count] = i, area, stood
            count += stood != FAR
    return count, hi, 0


stand_all = uncounted(error_model="numpy")(_stand_all)


def _stands(
    m: Floats, areas: Areas, activity: Activity, lookahead_s: float, lo: int, hi: int
) -> tuple[Indices, npt.NDArray[np.int8], Floats]:
    """Judge motions lo to hi against all areas; returns (row, area), how, found of those that are not FAR."""
    crossings_m, walk = np.empty(_MOST_CROSSINGS), walk_room()
    near = np.empty(areas.order.shape[0], np.int64)
    room, count, begin = max(_ROOM, near.shape[0]), 0, lo
    which, how, found = np.empty((room, 2), np.int64), np.empty(room, np.int8), np.empty((room, STAND))
    while True:
        filled, begin, crossed = stand_all(
            m, areas, activity, lookahead_s, begin, hi, crossings_m, near, walk,
            which[count:], how[count:], found[count:],
        )  # fmt: skip
        count += filled
        if begin == hi:
            return which[:count], how[:count], found[:count]
        if crossed > 0:
            crossings_m = np.empty(crossed)
        else:
            which, how = np.concatenate((which, which)), np.concatenate((how, how))
            found = np.concatenate((found, found))


stands = njit(cache=True, nogil=True, error_model="numpy")(_stands)


def standings(
    m: Floats, areas: Areas, lookahead_s: float, activity: Activity | None = None, threads: Executor | None = None
) -> Standings:
    """Judge motions *m* (n, MOTION) against all of *areas*, active all the time unless *activity* says when."""
    n_areas = len(areas.limits)
    if activity is None:
        always = np.column_stack((np.zeros(n_areas), np.full(n_areas, lookahead_s)))
        activity = Activity(always, np.arange(n_areas + 1))
    if not n_areas:
        return Standings(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int8), np.empty((0, STAND)))
    parts = each_of(threads, len(m), stands, m, areas, activity, lookahead_s, least=_SHARE)
    which, how, found = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((which[:, 1], which[:, 0]))
    return Standings(which[order, 0], which[order, 1], how[order], found[order])


def standing(
    m: Floats, area: Boundary, lookahead_s: float, threads: Executor | None = None
) -> tuple[npt.NDArray[np.int8], Floats]:
    """Judge motions *m* against one area; returns how each stands, (n,), and its (n, STAND) findings, NaN where FAR."""
    how, out = np.zeros(len(m), np.int8), np.full((len(m), STAND), np.nan)
    stood = standings(m, areas_of((area,)), lookahead_s, threads=threads)
    how[stood.rows], out[stood.rows] = stood.how, stood.found
    return how, out
