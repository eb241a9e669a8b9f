"""Areas made ready for the kernels: their edges in space and in the plane, and balls round them.

An area is what an odd number of its rings enclose in the plane of longitude and latitude, where GeoJSON defines them.
Its edges are cut into pieces short enough to be straight in space as well; pieces that follow each other lie in balls,
balls in bigger balls, and the areas themselves in a tree of balls: most tracks are done after looking at the largest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from detente.detect.motion import SEMI_MAJOR_M, SEMI_MINOR_M, Floats
from detente.detect.uncounted import uncounted

Indices = npt.NDArray[np.int64]

LEAF: Final = 8
"""Pieces in a smallest ball."""

_LONGEST_PIECE_M: Final = 5_000.0
_MOST_SLABS: Final = 4_096
_SAME_RAD: Final = 1e-11
_AT_POLE_RAD: Final = math.pi / 2.0 - 1e-12


class Boundary(NamedTuple):
    """One area."""

    pieces: Floats  # (k, 6) ends, m, Earth-centred
    balls: Floats  # (2 * leaves, 4) centre and radius, m; ball 1 holds all, ball i holds 2 i and 2 i + 1
    plane: Floats  # (e, 4) the rings' own edges: longitude, latitude of both ends, rad, longitudes running on
    slab_edges: Indices  # edges by slab of latitude
    slab_starts: Indices
    extent: Floats  # south, north, west, east of the rings in the plane, rad
    limits: Floats  # floor and ceiling, ft, infinite where open; margin, m


class Areas(NamedTuple):
    """Any number of boundaries, one after another, under a tree of balls that hold areas with their margins."""

    pieces: Floats
    balls: Floats  # (4, b) centre and radius, a row of each, so that neighbours are looked at side by side
    plane: Floats
    slab_edges: Indices  # rows of `plane`
    slab_starts: Indices
    starts: Indices  # (z + 1, 3): first row of each area in pieces, balls and slab_starts
    extent: Floats  # (z, 4)
    limits: Floats  # (z, 3)
    tree: Floats  # (4, 2 * leaves) as `balls`
    order: Indices  # (leaves,) the area in each leaf of the tree, -1 none


def boundary(
    rings: Sequence[Floats], floor_ft: float | None = None, ceiling_ft: float | None = None, margin_m: float = 0.0
) -> Boundary:
    """Make *rings* ((m, 2) latitude, longitude, rad, closed) ready for `areas_of`."""
    plane = np.concatenate([np.column_stack((r[:-1, 1], r[:-1, 0], r[1:, 1], r[1:, 0])) for r in rings])
    # Every edge from its southern end, so that a ring the other way round gives the same bits.
    turned = (plane[:, 1] > plane[:, 3]) | ((plane[:, 1] == plane[:, 3]) & (plane[:, 0] > plane[:, 2]))
    plane[turned] = plane[turned][:, [2, 3, 0, 1]]
    lon, lat = plane[:, ::2], plane[:, 1::2]
    extent = np.array([lat.min(), lat.max(), lon.min(), lon.max()])
    slab_starts, slab_edges = _slabs(plane, extent)
    pieces = _pieces(plane)
    floor, ceiling = -math.inf if floor_ft is None else floor_ft, math.inf if ceiling_ft is None else ceiling_ft
    limits = np.array([floor, ceiling, margin_m], np.float64)
    return Boundary(pieces, _balls(pieces), plane, slab_edges, slab_starts, extent, limits)


def areas_of(boundaries: Sequence[Boundary]) -> Areas:
    """Put *boundaries* one after another under one tree."""
    columns = [np.concatenate(column) if boundaries else np.empty(0) for column in zip(*boundaries, strict=True)]
    pieces, balls, plane, slab_edges, slab_starts, extent, limits = columns or _NOTHING
    lengths = np.array([(len(b.pieces), len(b.balls), len(b.slab_starts)) for b in boundaries], np.int64).reshape(-1, 3)
    starts = np.vstack((np.zeros((1, 3), np.int64), np.cumsum(lengths, axis=0)))
    edges = np.cumsum([0, *(len(b.plane) for b in boundaries)])
    memberships = np.cumsum([0, *(len(b.slab_edges) for b in boundaries)])
    slab_edges += np.repeat(edges[:-1], np.diff(memberships))
    slab_starts += np.repeat(memberships[:-1], lengths[:, 2])
    limits = limits.reshape(-1, 3)
    roots = balls[starts[:-1, 1] + 1].copy()
    roots[:, 3] += limits[:, 2]
    tree, order = _tree(roots)
    balls, tree = (np.ascontiguousarray(of.T) for of in (balls, tree))
    return Areas(pieces, balls, plane, slab_edges, slab_starts, starts, extent.reshape(-1, 4), limits, tree, order)


_NOTHING = (
    np.empty((0, 6)), np.empty((0, 4)), np.empty((0, 4)), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0),
    np.empty(0),
)  # fmt: skip


def _slabs(plane: Floats, extent: Floats) -> tuple[Indices, Indices]:
    """List, for each of as many slabs of latitude as there are edges (at most 4,096), the edges that reach into it."""
    slabs = min(max(len(plane), 1), _MOST_SLABS)
    scale = slabs / max(extent[1] - extent[0], 1e-12)
    low = np.minimum(plane[:, 1], plane[:, 3])
    high = np.maximum(plane[:, 1], plane[:, 3])
    first = np.clip(((low - extent[0]) * scale).astype(np.int64) - 1, 0, slabs - 1)
    last = np.clip(((high - extent[0]) * scale).astype(np.int64) + 1, 0, slabs - 1)
    reach = last - first + 1
    edge = np.repeat(np.arange(len(plane)), reach)
    slab = np.repeat(first, reach) + np.arange(len(edge)) - np.repeat(np.cumsum(reach) - reach, reach)
    starts = np.concatenate(([0], np.cumsum(np.bincount(slab, minlength=slabs)))).astype(np.int64)
    return starts, edge[np.argsort(slab, kind="stable")]


def surface(longitude_rad: Floats, latitude_rad: Floats) -> Floats:
    """Return the points, (n, 3) m, Earth-centred, on the ellipsoid."""
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
    """Cut the rings' edges into pieces of at most 5 km: a chord is then within 0.5 m of the line in degrees."""
    # An edge along a pole closes a ring in the plane; in space it is a point.
    edges = plane[(np.abs(plane[:, 1]) < _AT_POLE_RAD) | (np.abs(plane[:, 3]) < _AT_POLE_RAD)]
    degrees = np.hypot(edges[:, 2] - edges[:, 0], edges[:, 3] - edges[:, 1])
    parts = np.maximum(np.ceil(degrees * SEMI_MAJOR_M / _LONGEST_PIECE_M), 1).astype(np.int64)
    edge = np.repeat(np.arange(len(edges)), parts)
    step = np.arange(len(edge)) - np.repeat(np.cumsum(parts) - parts, parts)
    ends = []
    for offset in (0, 1):
        share = ((step + offset) / parts[edge])[:, None]
        point = edges[edge, :2] * (1.0 - share) + edges[edge, 2:] * share
        ends.append(surface(point[:, 0], point[:, 1]))
    return np.hstack(ends)


def _balls(pieces: Floats) -> Floats:
    leaves = 1
    while leaves * LEAF < len(pieces):
        leaves *= 2
    balls = np.zeros((2 * leaves, 4))
    balls[:, 3] = -np.inf  # an empty ball is never near
    # A ball over a range of pieces, taken from the pieces themselves: tighter than balls of balls.
    width = leaves * LEAF
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


def _tree(roots: Floats) -> tuple[Floats, Indices]:
    """Halve the areas again and again across their longest axis; returns the balls and the area of each leaf."""
    leaves = 1
    while leaves < len(roots):
        leaves *= 2
    tree = np.zeros((2 * leaves, 4))
    tree[:, 3] = -np.inf
    order = np.full(leaves, -1, np.int64)
    members: dict[int, Indices] = {1: np.arange(len(roots))}
    for node in range(1, 2 * leaves):
        inside = members.pop(node)
        if not len(inside):
            half = inside
        else:
            centres, radii = roots[inside, :3], roots[inside, 3]
            low, high = (centres - radii[:, None]).min(axis=0), (centres + radii[:, None]).max(axis=0)
            tree[node, :3] = 0.5 * (low + high)
            tree[node, 3] = (np.sqrt(((centres - tree[node, :3]) ** 2).sum(axis=1)) + radii).max()
            axis = int(np.argmax(np.ptp(centres, axis=0)))
            half = inside[np.argsort(centres[:, axis], kind="stable")]
        if node < leaves:
            middle = (len(half) + 1) // 2
            members[2 * node], members[2 * node + 1] = half[:middle], half[middle:]
        elif len(inside):
            order[node - leaves] = inside[0]
    return tree, order


def _is_inside(latitude_rad: float, longitude_rad: float, areas: Areas, area: int) -> bool:
    """Whether a point is within an area, by the number of edges east of it."""
    extent = areas.extent[area]
    if not extent[0] <= latitude_rad <= extent[1]:
        return False
    turn = 2.0 * math.pi
    turns = math.floor((longitude_rad - extent[2] + _SAME_RAD) / turn)
    longitude = max(longitude_rad - turn * turns, extent[2])
    first, last = areas.starts[area, 2], areas.starts[area + 1, 2] - 1
    scale = (last - first) / max(extent[1] - extent[0], 1e-12)
    slab = min(first + int((latitude_rad - extent[0]) * scale), last - 1)
    inside = False
    # Parts on both sides of the antimeridian may reach more than once round: then every turn counts. A ring that goes
    # just once round begins and ends on the same meridian, which counts once.
    while longitude < extent[3] - _SAME_RAD:
        for q in range(areas.slab_starts[slab], areas.slab_starts[slab + 1]):
            edge = areas.slab_edges[q]
            x0, y0, x1, y1 = areas.plane[edge, 0], areas.plane[edge, 1], areas.plane[edge, 2], areas.plane[edge, 3]
            if (y0 <= latitude_rad) != (y1 <= latitude_rad):
                inside ^= longitude < x0 + (latitude_rad - y0) / (y1 - y0) * (x1 - x0)
        longitude += turn
    return inside


is_inside = uncounted()(_is_inside)
