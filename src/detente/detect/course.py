"""A track's course beside the edges of areas: where it crosses them, and how near it comes to those it does not cross.

The course is the arc of its motion; its frame unrolls it: x along the arc, y to the side. Edges lie in a tree of balls
(`detente.detect.boundary`), of which a course looks only into those that it touches, or that may hold a nearer edge.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numba import njit

from detente.detect.boundary import LEAF, Areas, Indices
from detente.detect.motion import Floats
from detente.detect.uncounted import uncounted

_A: Final = tuple(1.0 / n for n in range(3, 16, 2))

FAN: Final = 16
"""Balls looked at side by side."""

_DEEPEST: Final = 128  # FAN for each four levels of a tree; one over two million pieces is 18 deep


class Walk(NamedTuple):
    """Room to walk down a tree of balls."""

    stack: Indices  # nodes to look at
    near_m: Floats  # and how near each is
    apart_m: Floats  # (FAN,) of the balls looked at side by side
    aside_m: Floats  # (2, LEAF) of the ends of the pieces in one ball


def _walk() -> Walk:
    return Walk(np.empty(_DEEPEST, np.int64), np.empty(_DEEPEST), np.empty(FAN), np.empty((2, LEAF)))


walk_room = njit(cache=True, nogil=True, error_model="numpy")(_walk)


class Course(NamedTuple):
    """A motion's arc as the edges see it: axes along, aside, up, and the arc's centre in them."""

    along: tuple[float, float, float]
    aside: tuple[float, float, float]
    up: tuple[float, float, float]
    centre: tuple[float, float, float]
    radius: float
    length_m: float


def _course_of(m: Floats, length_m: float) -> Course:
    t, n = (m[3], m[4], m[5]), (m[6], m[7], m[8])
    b = (t[1] * n[2] - t[2] * n[1], t[2] * n[0] - t[0] * n[2], t[0] * n[1] - t[1] * n[0])
    return Course(
        t,
        b,
        n,
        (
            m[0] * t[0] + m[1] * t[1] + m[2] * t[2],
            m[0] * b[0] + m[1] * b[1] + m[2] * b[2],
            m[0] * n[0] + m[1] * n[1] + m[2] * n[2] - m[9],
        ),
        m[9],
        length_m,
    )


course_of = uncounted(error_model="numpy")(_course_of)


def _dot(p: Floats, q: int, axis: tuple[float, float, float]) -> float:
    return float(p[q] * axis[0] + p[q + 1] * axis[1] + p[q + 2] * axis[2])


dot = njit(cache=True, nogil=True, inline="always")(_dot)


def _apart_m(course: Course, x: float, y: float, z: float, radius: float) -> float:
    """Return a distance that nothing in a ball is nearer to a course than; negative where they may touch."""
    t, n, b = course.along, course.up, course.aside
    # Along the arc is never less than straight ahead, so this loses nothing.
    ahead = x * t[0] + y * t[1] + z * t[2] - course.centre[0]
    aside = abs(x * b[0] + y * b[1] + z * b[2] - course.centre[1])
    apart = max(aside, ahead - course.length_m, -ahead) - radius - 1.0
    # What lies on the far side of the Earth is not near, however little ahead and aside.
    return math.inf if x * n[0] + y * n[1] + z * n[2] - course.centre[2] < -radius else apart


apart_m = uncounted(error_model="numpy", forceinline=True)(_apart_m)


def _step_down(course: Course, balls: Floats, root: int, node: int, leaves: int, apart: Floats) -> tuple[int, int]:
    """Measure *apart* of balls a few levels below *node* of a tree, side by side; returns the first and how many.

    *root*: the column of *balls* before the tree's first.

    The balls of one level lie one after the other, so those below a node do too: FAN of them are looked at as fast as
    one after the other two or three.
    """
    first, count = node, 1
    while first < leaves and count < FAN:
        first, count = 2 * first, 2 * count
    # Slices, and q from 0: the compiler then sees that neighbours lie side by side.
    begin, end = root + first, root + first + count
    x, y, z, radius = balls[0, begin:end], balls[1, begin:end], balls[2, begin:end], balls[3, begin:end]
    for q in range(count):
        apart[q] = apart_m(course, x[q], y[q], z[q], radius[q])
    return first, count


step_down = uncounted(error_model="numpy", forceinline=True)(_step_down)


def _ahead_m(course: Course, ahead: float, above: float) -> float:
    """Return how far along a course's arc a point lies, *ahead* of its centre and *above* it, m.

    Within a tenth of a radian, 640 km, by a series, to the last bit or two: the maths library takes five times as long.
    """
    t = ahead / above
    t2 = t * t
    if not (t2 < 0.01 and above > 0.0):
        return float(course.radius * math.atan2(ahead, above))
    series = 1.0 - t2 * (_A[0] - t2 * (_A[1] - t2 * (_A[2] - t2 * (_A[3] - t2 * (_A[4] - t2 * (_A[5] - t2 * _A[6]))))))
    return course.radius * (t * series)


ahead_m = uncounted(error_model="numpy", forceinline=True)(_ahead_m)


def _crossings(course: Course, areas: Areas, area: int, crossings_m: Floats, walk: Walk) -> tuple[int, float]:
    """Find where a course crosses edges, m along it, in no order, and keep those that fit.

    Returns how many, and a distance, m, that no edge is nearer than; negative where one may be touched.
    """
    first_piece, first_ball = areas.starts[area, 0], areas.starts[area, 1]
    end_piece, leaves = areas.starts[area + 1, 0], (areas.starts[area + 1, 1] - first_ball) // 2
    balls, pieces, stack, apart, aside = areas.balls, areas.pieces, walk.stack, walk.apart_m, walk.aside_m
    crossed, nearest = 0, math.inf
    stack[0], depth = 1, 1
    while depth > 0:
        depth -= 1
        node = stack[depth]
        if node < leaves:
            below, count = step_down(course, balls, first_ball, node, leaves, apart)
            for q in range(count):
                stack[depth] = below + q
                depth += apart[q] <= 0.0
                # What may be touched is looked at more closely: its parts tell.
                nearest = min(nearest, apart[q] if apart[q] > 0.0 else math.inf)
            continue
        nearest = -math.inf
        first = first_piece + (node - leaves) * LEAF
        count = min(LEAF, end_piece - first)
        for q in range(count):
            for end in range(2):
                x, y, z = pieces[first + q, 3 * end], pieces[first + q, 3 * end + 1], pieces[first + q, 3 * end + 2]
                aside[end, q] = x * course.aside[0] + y * course.aside[1] + z * course.aside[2] - course.centre[1]
        for q in range(count):
            y0, y1 = aside[0, q], aside[1, q]
            if (y0 < 0.0) != (y1 < 0.0):
                piece = pieces[first + q]
                share = y0 / (y0 - y1)
                ahead = dot(piece, 0, course.along) * (1.0 - share) + dot(piece, 3, course.along) * share
                above = dot(piece, 0, course.up) * (1.0 - share) + dot(piece, 3, course.up) * share
                x = ahead_m(course, ahead - course.centre[0], above - course.centre[2])
                if 0.0 <= x <= course.length_m:
                    if crossed < crossings_m.shape[0]:
                        crossings_m[crossed] = x
                    crossed += 1
    return crossed, nearest


crossings = uncounted(error_model="numpy")(_crossings)


def _nearer(
    course: Course, piece: Floats, from_m: float, to_m: float, least: float, least_at: float
) -> tuple[float, float]:
    """Return the least distance, m, from a stretch of a course to *piece*, and where along: *least* at *least_at* if it
    is no nearer."""
    y0, y1 = dot(piece, 0, course.aside) - course.centre[1], dot(piece, 3, course.aside) - course.centre[1]
    if min(abs(y0), abs(y1)) > least and (y0 < 0.0) == (y1 < 0.0):
        return least, least_at
    ahead0, ahead1 = dot(piece, 0, course.along) - course.centre[0], dot(piece, 3, course.along) - course.centre[0]
    if min(ahead0, ahead1) > to_m + least or max(ahead0, ahead1) < -least:
        return least, least_at
    x0 = ahead_m(course, ahead0, dot(piece, 0, course.up) - course.centre[2])
    x1 = ahead_m(course, ahead1, dot(piece, 3, course.up) - course.centre[2])
    for x, y in ((x0, y0), (x1, y1)):
        at = min(max(x, from_m), to_m)
        apart = math.sqrt((x - at) * (x - at) + y * y)
        if apart < least:
            least, least_at = apart, at
    dx, dy = x1 - x0, y1 - y0
    square = dx * dx + dy * dy
    if square > 0.0:
        for end in (from_m, to_m):
            share = min(max(((end - x0) * dx - y0 * dy) / square, 0.0), 1.0)
            x, y = x0 + share * dx - end, y0 + share * dy
            apart = math.sqrt(x * x + y * y)
            if apart < least:
                least, least_at = apart, end
    return least, least_at


nearer = uncounted(error_model="numpy", forceinline=True)(_nearer)


def _least_distance(
    course: Course,
    areas: Areas,
    area: int,
    from_m: float,
    to_m: float,
    margin_m: float,
    walk: Walk,
) -> tuple[float, float]:
    """Return the least distance, m, from a stretch of a course that crosses no edge to any, and where along.

    Infinite beyond *margin_m*. The frame unrolls the arc: x along it, y to the side.
    """
    first_piece, first_ball = areas.starts[area, 0], areas.starts[area, 1]
    end_piece, leaves = areas.starts[area + 1, 0], (areas.starts[area + 1, 1] - first_ball) // 2
    balls = areas.balls
    stack, near_m, below_m = walk.stack, walk.near_m, walk.apart_m
    least, least_at = margin_m, math.inf
    stack[0], near_m[0], depth = 1, -math.inf, 1
    while depth > 0:
        depth -= 1
        node = stack[depth]
        if near_m[depth] > least:
            continue
        if node < leaves:
            below, count = step_down(course, balls, first_ball, node, leaves, below_m)
            nearest = math.inf
            for q in range(count):
                if below_m[q] > least:
                    continue
                stack[depth], near_m[depth] = below + q, below_m[q]
                if below_m[q] > nearest:
                    # The nearest comes first: what it holds spares most of the others.
                    stack[depth], near_m[depth] = stack[depth - 1], near_m[depth - 1]
                    stack[depth - 1], near_m[depth - 1] = below + q, below_m[q]
                nearest = min(nearest, below_m[q])
                depth += 1
            continue
        first = first_piece + (node - leaves) * LEAF
        for e in range(first, min(first + LEAF, end_piece)):
            least, least_at = nearer(course, areas.pieces[e], from_m, to_m, least, least_at)
    return (math.inf, 0.0) if math.isinf(least_at) else (least, least_at)


least_distance = uncounted(error_model="numpy")(_least_distance)


def _is_near(course: Course, balls: Floats, q: int) -> bool:
    return bool(apart_m(course, balls[0, q], balls[1, q], balls[2, q], balls[3, q]) <= 0.0)


is_near = uncounted(error_model="numpy", forceinline=True)(_is_near)
