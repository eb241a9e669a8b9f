"""When and where a track that holds its course first crosses a boundary, how near it comes, how long it stays.

The course is the same arc as for conflicts. A boundary's edges are straight in longitude and latitude, as GeoJSON
defines them, and cut into pieces short enough to be straight in space as well. Pieces that follow each other lie in
balls, balls in bigger balls: most tracks are done after looking at the largest. Whether a point is inside is decided in
the plane of longitude and latitude, where the ring is defined, by counting the edges east of it.

A zone's levels count too: to be inside is to be within the ring and from floor to ceiling at the same instant.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from detente.detect.motion import SEMI_MAJOR_M, SEMI_MINOR_M, Floats, along, geodetic

FAR: Final = 0
APPROACH: Final = 1
ENTRY: Final = 2
INSIDE: Final = 3
LEAVING: Final = 4
NOT_ASSESSED: Final = 5  # near the zone, and its level or course is unknown

STAND: Final = 6
"""Columns of how a track stands to a boundary: 0 time to entry, s (0 inside, inf never); 1, 2 latitude and longitude of
the entry or of the least distance, rad; 3 least distance to the line, m; 4 its time, s; 5 time inside, s."""

_LEAF: Final = 8
_LONGEST_EDGE_M: Final = 5_000.0
_MOST_CROSSINGS: Final = 64
_DEEPEST: Final = 64  # a tree over two million edges is 18 deep

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Boundary:
    """One area made ready for the kernels."""

    edges: Floats  # (k, 6) ends of the pieces, m, Earth-centred; padded to a full tree with NaN
    balls: Floats  # (2 * leaves, 4) centre and radius, m; ball 1 holds all, ball i holds 2 i and 2 i + 1
    plane: Floats  # (e, 4) the ring's own edges: longitude, latitude of both ends, rad, longitudes running on
    slab_edges: Indices  # edges by slab of latitude
    slab_starts: Indices
    extent: Floats  # south, north, west, east of the ring in the plane, rad
    floor_ft: float  # -inf open
    ceiling_ft: float
    margin_m: float


def boundary(
    rings: tuple[Floats, ...], floor_ft: int | None = None, ceiling_ft: int | None = None, margin_m: float = 0.0
) -> Boundary:
    """Make *rings* ((m, 2) latitude, longitude, rad, closed) ready for `standing`."""
    plane = np.concatenate([np.column_stack((r[:-1, 1], r[:-1, 0], r[1:, 1], r[1:, 0])) for r in rings])
    extent = np.array([plane[:, 1].min(), plane[:, 1].max(), plane[:, 0].min(), plane[:, 0].max()])
    slab_starts, slab_edges = _slabs(plane, extent)
    pieces = _pieces(plane)
    return Boundary(
        edges=pieces,
        balls=_balls(pieces),
        plane=plane,
        slab_edges=slab_edges,
        slab_starts=slab_starts,
        extent=extent,
        floor_ft=-math.inf if floor_ft is None else float(floor_ft),
        ceiling_ft=math.inf if ceiling_ft is None else float(ceiling_ft),
        margin_m=margin_m,
    )


def _slabs(plane: Floats, extent: Floats) -> tuple[Indices, Indices]:
    """List, for each of as many slabs of latitude as there are edges (at most 4,096), the edges that reach into it."""
    slabs = min(max(len(plane), 1), 4_096)
    scale = slabs / max(extent[1] - extent[0], 1e-12)
    low = np.minimum(plane[:, 1], plane[:, 3])
    high = np.maximum(plane[:, 1], plane[:, 3])
    first = np.clip(((low - extent[0]) * scale).astype(np.int64) - 1, 0, slabs - 1)
    last = np.clip(((high - extent[0]) * scale).astype(np.int64) + 1, 0, slabs - 1)
    members: list[list[int]] = [[] for _ in range(slabs)]
    for edge, (f, t) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
        for slab in range(f, t + 1):
            members[slab].append(edge)
    starts = np.concatenate(([0], np.cumsum([len(edges) for edges in members]))).astype(np.int64)
    return starts, np.array([edge for edges in members for edge in edges], np.int64)


def _surface(longitude_rad: Floats, latitude_rad: Floats) -> Floats:
    e2 = 1.0 - (SEMI_MINOR_M / SEMI_MAJOR_M) ** 2
    prime_vertical = SEMI_MAJOR_M / np.sqrt(1.0 - e2 * np.sin(latitude_rad) ** 2)
    cos_lat = np.cos(latitude_rad)
    return np.column_stack(
        (
            prime_vertical * cos_lat * np.cos(longitude_rad),
            prime_vertical * cos_lat * np.sin(longitude_rad),
            prime_vertical * (1.0 - e2) * np.sin(latitude_rad),
        )
    )


def _pieces(plane: Floats) -> Floats:
    """Cut the ring's edges into pieces of at most 5 km: a chord is then within 0.5 m of the line in degrees."""
    degrees = np.hypot(plane[:, 2] - plane[:, 0], plane[:, 3] - plane[:, 1])
    parts = np.maximum(np.ceil(degrees * SEMI_MAJOR_M / _LONGEST_EDGE_M), 1).astype(np.int64)
    edge = np.repeat(np.arange(len(plane)), parts)
    step = np.arange(len(edge)) - np.repeat(np.cumsum(parts) - parts, parts)
    ends = []
    for offset in (0, 1):
        share = ((step + offset) / parts[edge])[:, None]
        point = plane[edge, :2] * (1.0 - share) + plane[edge, 2:] * share
        ends.append(_surface(point[:, 0], point[:, 1]))
    return np.hstack(ends)


def _balls(pieces: Floats) -> Floats:
    leaves = 1
    while leaves * _LEAF < len(pieces):
        leaves *= 2
    balls = np.full((2 * leaves, 4), np.nan)
    balls[:, 3] = -np.inf  # an empty ball is never near
    # A ball over a range of pieces, taken from the pieces themselves: tighter than balls of balls.
    width = leaves * _LEAF
    node, first = 1, 0
    while node < 2 * leaves:
        ends = pieces[first : first + width].reshape(-1, 3)
        if len(ends):
            centre = 0.5 * (ends.min(axis=0) + ends.max(axis=0))
            balls[node, :3] = centre
            balls[node, 3] = np.sqrt(((ends - centre) ** 2).sum(axis=1).max()) + 1.0
        node, first = node + 1, first + width
        if node & (node - 1) == 0:
            width, first = width // 2, 0
    return balls


def _is_inside(
    latitude_rad: float, longitude_rad: float, plane: Floats, slab_edges: Indices, slab_starts: Indices, extent: Floats
) -> bool:
    """Whether a point is within the ring, by the number of edges east of it."""
    if not extent[0] <= latitude_rad <= extent[1]:
        return False
    turn = 2.0 * math.pi
    longitude = longitude_rad - turn * math.floor((longitude_rad - extent[2]) / turn)
    if longitude > extent[3]:
        return False
    slabs = slab_starts.shape[0] - 1
    scale = slabs / max(extent[1] - extent[0], 1e-12)
    slab = min(int((latitude_rad - extent[0]) * scale), slabs - 1)
    inside = False
    for q in range(slab_starts[slab], slab_starts[slab + 1]):
        edge = slab_edges[q]
        x0, y0, x1, y1 = plane[edge, 0], plane[edge, 1], plane[edge, 2], plane[edge, 3]
        if (y0 <= latitude_rad) != (y1 <= latitude_rad):
            inside ^= longitude < x0 + (latitude_rad - y0) / (y1 - y0) * (x1 - x0)
    return inside


is_inside = njit(cache=True, nogil=True)(_is_inside)


def _near_course(m: Floats, ball: Floats, centre: tuple[float, float, float], length_m: float, margin_m: float) -> bool:
    """Whether a ball may hold anything within *margin_m* of a course."""
    near = ball[3] + margin_m + 1.0
    px, py, pz = ball[0] - centre[0], ball[1] - centre[1], ball[2] - centre[2]
    ahead = px * m[3] + py * m[4] + pz * m[5]
    # Along the arc is never less than straight ahead, so these bounds lose nothing.
    if not -near <= ahead <= length_m + near:
        return False
    bx, by, bz = m[4] * m[8] - m[5] * m[7], m[5] * m[6] - m[3] * m[8], m[3] * m[7] - m[4] * m[6]
    if abs(px * bx + py * by + pz * bz) > near:
        return False
    return bool(px * m[6] + py * m[7] + pz * m[8] >= -near)  # else on the far side of the Earth


near_course = njit(cache=True, nogil=True)(_near_course)


def _crossings(m: Floats, edges: Floats, balls: Floats, length_m: float, crossings_m: Floats, stack: Indices) -> int:
    """Find where a course crosses edges, m along it, in no order; returns how many: perhaps more than fit."""
    radius = m[9]
    centre = (m[0] - radius * m[6], m[1] - radius * m[7], m[2] - radius * m[8])
    bx, by, bz = m[4] * m[8] - m[5] * m[7], m[5] * m[6] - m[3] * m[8], m[3] * m[7] - m[4] * m[6]
    leaves = balls.shape[0] // 2
    crossed = 0
    stack[0], depth = 1, 1
    while depth > 0:
        depth -= 1
        node = stack[depth]
        if not near_course(m, balls[node], centre, length_m, 0.0):
            continue
        if node < leaves:
            stack[depth], stack[depth + 1] = 2 * node, 2 * node + 1
            depth += 2
            continue
        first = (node - leaves) * _LEAF
        for e in range(first, min(first + _LEAF, edges.shape[0])):
            px, py, pz = edges[e, 0] - centre[0], edges[e, 1] - centre[1], edges[e, 2] - centre[2]
            qx, qy, qz = edges[e, 3] - centre[0], edges[e, 4] - centre[1], edges[e, 5] - centre[2]
            y0, y1 = px * bx + py * by + pz * bz, qx * bx + qy * by + qz * bz
            if (y0 < 0.0) != (y1 < 0.0):
                share = y0 / (y0 - y1)
                px, py, pz = px + share * (qx - px), py + share * (qy - py), pz + share * (qz - pz)
                x = radius * math.atan2(px * m[3] + py * m[4] + pz * m[5], px * m[6] + py * m[7] + pz * m[8])
                if 0.0 <= x <= length_m:
                    if crossed < crossings_m.shape[0]:
                        crossings_m[crossed] = x
                    crossed += 1
    return crossed


crossings = njit(cache=True, nogil=True)(_crossings)


def _least_distance(
    m: Floats, edges: Floats, balls: Floats, length_m: float, margin_m: float, stack: Indices
) -> tuple[float, float]:
    """Return the least distance, m, of a course that crosses no edge to any, and where along; inf beyond *margin_m*.

    The frame unrolls the arc: x along it, y to the side.
    """
    radius = m[9]
    centre = (m[0] - radius * m[6], m[1] - radius * m[7], m[2] - radius * m[8])
    bx, by, bz = m[4] * m[8] - m[5] * m[7], m[5] * m[6] - m[3] * m[8], m[3] * m[7] - m[4] * m[6]
    leaves = balls.shape[0] // 2
    least, least_at = margin_m, math.inf
    stack[0], depth = 1, 1
    while depth > 0:
        depth -= 1
        node = stack[depth]
        if not near_course(m, balls[node], centre, length_m, least):
            continue
        if node < leaves:
            stack[depth], stack[depth + 1] = 2 * node, 2 * node + 1
            depth += 2
            continue
        first = (node - leaves) * _LEAF
        for e in range(first, min(first + _LEAF, edges.shape[0])):
            px, py, pz = edges[e, 0] - centre[0], edges[e, 1] - centre[1], edges[e, 2] - centre[2]
            qx, qy, qz = edges[e, 3] - centre[0], edges[e, 4] - centre[1], edges[e, 5] - centre[2]
            y0, y1 = px * bx + py * by + pz * bz, qx * bx + qy * by + qz * bz
            if min(abs(y0), abs(y1)) > least and (y0 < 0.0) == (y1 < 0.0):
                continue
            x0 = radius * math.atan2(px * m[3] + py * m[4] + pz * m[5], px * m[6] + py * m[7] + pz * m[8])
            x1 = radius * math.atan2(qx * m[3] + qy * m[4] + qz * m[5], qx * m[6] + qy * m[7] + qz * m[8])
            for x, y in ((x0, y0), (x1, y1)):
                at = min(max(x, 0.0), length_m)
                apart = math.hypot(x - at, y)
                if apart < least:
                    least, least_at = apart, at
            dx, dy = x1 - x0, y1 - y0
            square = dx * dx + dy * dy
            if square > 0.0:
                for end in (0.0, length_m):
                    share = min(max(((end - x0) * dx - y0 * dy) / square, 0.0), 1.0)
                    apart = math.hypot(x0 + share * dx - end, y0 + share * dy)
                    if apart < least:
                        least, least_at = apart, end
    return (math.inf, 0.0) if math.isinf(least_at) else (least, least_at)


least_distance = njit(cache=True, nogil=True)(_least_distance)


def _within_levels(altitude_ft: float, climb_fps: float, floor_ft: float, ceiling_ft: float) -> tuple[float, float]:
    """Return the interval, s, in which a level is from floor to ceiling; empty as (inf, -inf)."""
    if climb_fps == 0.0:
        return (-math.inf, math.inf) if floor_ft <= altitude_ft <= ceiling_ft else (math.inf, -math.inf)
    first, second = (floor_ft - altitude_ft) / climb_fps, (ceiling_ft - altitude_ft) / climb_fps
    return min(first, second), max(first, second)


within_levels = njit(cache=True, nogil=True)(_within_levels)


def _stand(
    m: Floats,
    edges: Floats,
    balls: Floats,
    plane: Floats,
    slab_edges: Indices,
    slab_starts: Indices,
    extent: Floats,
    floor_ft: float,
    ceiling_ft: float,
    margin_m: float,
    lookahead_s: float,
    crossings_m: Floats,
    stack: Indices,
    out: Floats,
) -> int:
    """Judge one track against one boundary, fill *out* (STAND columns) and return how it stands."""
    speed = m[10]
    length = speed * lookahead_s
    if math.isnan(length + m[0] + m[1] + m[2]):
        return NOT_ASSESSED
    px, py, pz = balls[1, 0] - m[0], balls[1, 1] - m[1], balls[1, 2] - m[2]
    if math.sqrt(px * px + py * py + pz * pz) > balls[1, 3] + length + margin_m:
        return FAR
    crossed, least, least_at = crossings(m, edges, balls, length, crossings_m, stack), 0.0, 0.0
    if crossed == 0:
        least, least_at = least_distance(m, edges, balls, length, margin_m, stack)
    latitude, longitude = geodetic(m[0], m[1], m[2])
    inside = is_inside(latitude, longitude, plane, slab_edges, slab_starts, extent)
    if not inside and math.isinf(least):
        return FAR
    has_levels = floor_ft > -math.inf or ceiling_ft < math.inf
    altitude = m[11]
    if has_levels and math.isnan(altitude + m[13]):
        return NOT_ASSESSED
    low, high = within_levels(altitude, m[13], floor_ft, ceiling_ft) if has_levels else (-math.inf, math.inf)
    low, high = max(low, 0.0), min(high, lookahead_s)
    if low > high:
        return FAR  # above or below all the while
    known = min(crossed, crossings_m.shape[0])
    times = np.sort(crossings_m[:known]) / speed if known > 0 else crossings_m[:0]
    entry, dwell, begin, within = math.inf, 0.0, 0.0, inside
    for q in range(known + 1):
        end = times[q] if q < known else lookahead_s
        if within and min(end, high) >= max(begin, low):
            entry = min(entry, max(begin, low))
            dwell += min(end, high) - max(begin, low)
        begin, within = end, not within
    at = entry if not math.isinf(entry) else (least_at / speed if speed > 0.0 else 0.0)
    x, y, z, _, _, _ = along(m, at)
    out[0] = entry
    out[1], out[2] = geodetic(x, y, z)
    out[3] = least
    out[4] = least_at / speed if speed > 0.0 else 0.0
    out[5] = dwell if crossed <= known else math.nan
    if math.isinf(entry):
        return APPROACH
    if entry > 0.0:
        return ENTRY
    return LEAVING if dwell < lookahead_s else INSIDE


stand = njit(cache=True, nogil=True)(_stand)


def _stands(
    m: Floats,
    edges: Floats,
    balls: Floats,
    plane: Floats,
    slab_edges: Indices,
    slab_starts: Indices,
    extent: Floats,
    levels_margin: tuple[float, float, float],
    lookahead_s: float,
    out: Floats,
    how: npt.NDArray[np.int8],
) -> None:
    crossings_m, stack = np.empty(_MOST_CROSSINGS), np.empty(_DEEPEST, np.int64)
    floor_ft, ceiling_ft, margin_m = levels_margin
    for i in range(m.shape[0]):
        how[i] = stand(
            m[i], edges, balls, plane, slab_edges, slab_starts, extent, floor_ft, ceiling_ft, margin_m, lookahead_s,
            crossings_m, stack, out[i],
        )  # fmt: skip


stands = njit(cache=True, nogil=True)(_stands)


def standing(m: Floats, area: Boundary, lookahead_s: float) -> tuple[npt.NDArray[np.int8], Floats]:
    """Judge motions *m* against *area*; returns how each stands, (n,), and its (n, STAND) findings, NaN where FAR."""
    how, out = np.zeros(len(m), np.int8), np.full((len(m), STAND), np.nan)
    levels_margin = (area.floor_ft, area.ceiling_ft, area.margin_m)
    stands(
        m, area.edges, area.balls, area.plane, area.slab_edges, area.slab_starts, area.extent, levels_margin,
        lookahead_s, out, how,
    )  # fmt: skip
    return how, out
