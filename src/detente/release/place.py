"""Whether tracks are inside an area, and how far they are from its boundary. For release, not for alerts.

Boundaries are straight in latitude and longitude, as drawn. Distances are taken on a plane at the track's own latitude:
within 1 % up to 50 NM from the boundary below 60° of latitude, which is far finer than any rule needs.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from detente.units import EARTH_MEAN_RADIUS_M

_CHUNK: Final = 32
"""Edges that share one bounding box: a track far from the box looks at none of them."""

Floats = npt.NDArray[np.float64]


class Shape:
    """A boundary of closed rings, ready to be asked about many positions.

    rings: each (m, 2) float64 [latitude_rad, longitude_rad]; the last point joins the first. Inside is the even-odd
    rule over all rings, so holes and several parts need no mark. A shape may cross the antimeridian, and no pole.
    """

    def __init__(self, rings: list[Floats]) -> None:
        edges = np.concatenate([_edges(ring, rings[0][0, 1]) for ring in rings])
        boxes = []
        for start in range(0, len(edges), _CHUNK):
            part = edges[start : start + _CHUNK]
            lats, lons = part[:, [0, 2]], part[:, [1, 3]]
            boxes.append((lats.min(), lats.max(), lons.min(), lons.max()))
        self._edges = edges
        self._boxes = np.array(boxes)
        self._south, self._north = self._boxes[:, 0].min(), self._boxes[:, 1].max()
        self._west, self._east = self._boxes[:, 2].min(), self._boxes[:, 3].max()
        self._middle = (self._west + self._east) / 2.0

    def measure(
        self, latitude_rad: Floats, longitude_rad: Floats, limit_m: float
    ) -> tuple[npt.NDArray[np.bool_], Floats]:
        """Return whether each position is inside, and its distance to the boundary in metres, inf beyond *limit_m*.

        An unknown position is not inside and at distance NaN.
        """
        inside = np.zeros(len(latitude_rad), np.bool_)
        distance = np.full(len(latitude_rad), np.inf)
        distance[np.isnan(latitude_rad) | np.isnan(longitude_rad)] = np.nan
        reach = limit_m / EARTH_MEAN_RADIUS_M
        # The widest a metre gets in longitude within reach of the shape.
        widest = math.cos(min(max(abs(self._south), abs(self._north)) + reach, math.radians(89.0)))
        bounds = (self._south - reach, self._north + reach, self._west - reach / widest, self._east + reach / widest)
        longitude = np.empty(len(longitude_rad))
        rows = np.empty(len(latitude_rad) + 1, np.int64)
        rows = rows[: _nearby(latitude_rad, longitude_rad, self._middle, *bounds, longitude, rows)]
        if rows.size:
            _measure(latitude_rad, longitude, rows, self._edges, self._boxes, _CHUNK, limit_m, inside, distance)
        return inside, distance


def within_circle(
    latitude_rad: Floats, longitude_rad: Floats, centre_rad: tuple[float, float], radius_m: float
) -> npt.NDArray[np.bool_]:
    """Return which positions are no farther than *radius_m* from *centre_rad* on the mean sphere; unknown is not."""
    inside = np.zeros(len(latitude_rad), np.bool_)
    _within_circle(latitude_rad, longitude_rad, *centre_rad, radius_m / EARTH_MEAN_RADIUS_M, inside)
    return inside


@njit(cache=True, nogil=True)
def _within_circle(
    latitude: Floats, longitude: Floats, lat: float, lon: float, radius: float, inside: npt.NDArray[np.bool_]
) -> None:
    most = math.sin(min(radius, math.pi) / 2.0) ** 2
    for i in range(len(latitude)):
        if abs(latitude[i] - lat) <= radius:
            half = math.sin((latitude[i] - lat) / 2.0) ** 2
            half += math.cos(latitude[i]) * math.cos(lat) * math.sin((longitude[i] - lon) / 2.0) ** 2
            inside[i] = half <= most


def snapped(latitude_rad: Floats, longitude_rad: Floats, grid_m: int) -> tuple[Floats, Floats]:
    """Return the middle of the cell that each position (n,), rad, lies in; a cell is *grid_m* or a little more a side.

    The cells are fixed on the globe, a whole number of them from pole to pole and round each row: where a cell was cut
    off, at the antimeridian or a pole, a position would be known better than promised, or have two answers.
    """
    middle, columns = _rows_of_cells(latitude_rad, grid_m)
    turn = np.mod(longitude_rad + math.pi, 2.0 * math.pi) / (2.0 * math.pi)
    column = np.minimum(np.floor(turn * columns), columns - 1.0)
    return middle, (column + 0.5) / columns * 2.0 * math.pi - math.pi


def cell_half_rad(latitude_rad: Floats, grid_m: int) -> tuple[float, Floats]:
    """Return half the height of a cell of `snapped`, and half its width in longitude in the row of each latitude."""
    middle, columns = _rows_of_cells(latitude_rad, grid_m)
    del middle
    return 0.5 * math.pi / max(math.floor(math.pi / (grid_m / EARTH_MEAN_RADIUS_M)), 1), math.pi / columns


def _rows_of_cells(latitude_rad: Floats, grid_m: int) -> tuple[Floats, Floats]:
    """Return the middle of the row of cells that each latitude lies in, and how many cells go round that row."""
    step = grid_m / EARTH_MEAN_RADIUS_M
    rows = max(math.floor(math.pi / step), 1)
    row = np.clip(np.floor((latitude_rad + 0.5 * math.pi) * (rows / math.pi)), 0, rows - 1)
    middle = (row + 0.5) * (math.pi / rows) - 0.5 * math.pi
    # A cell's width in longitude is that of its own row, or two positions of one cell could get two answers.
    return middle, np.maximum(np.floor(2.0 * math.pi * np.cos(middle) / step), 1.0)


def _edges(ring: Floats, first_lon: float) -> Floats:
    lon = first_lon + np.mod(ring[:, 1] - first_lon + math.pi, 2.0 * math.pi) - math.pi
    lon = np.unwrap(lon)
    start = np.column_stack((ring[:, 0], lon))
    return np.hstack((start, np.roll(start, -1, axis=0)))


@njit(cache=True, nogil=True)
def _nearby(
    latitude: Floats,
    longitude: Floats,
    middle: float,
    south: float,
    north: float,
    west: float,
    east: float,
    turned: Floats,
    rows: npt.NDArray[np.int64],
) -> int:
    """Put into *rows* the positions within the bounds, return how many; *turned* is their longitude about *middle*."""
    n = 0
    for i in range(len(latitude)):
        if not south <= latitude[i] <= north:
            continue
        lon = middle + (longitude[i] - middle + math.pi) % (2.0 * math.pi) - math.pi
        if west <= lon <= east:
            turned[i] = lon
            rows[n] = i
            n += 1
    return n


@njit(cache=True, nogil=True)
def _measure(
    latitude: Floats,
    longitude: Floats,
    rows: npt.NDArray[np.int64],
    edges: Floats,
    boxes: Floats,
    chunk: int,
    limit_m: float,
    inside: npt.NDArray[np.bool_],
    distance: Floats,
) -> None:
    """Fill *inside* and *distance* of *rows*."""
    radius = EARTH_MEAN_RADIUS_M
    for row in rows:
        lat, lon = latitude[row], longitude[row]
        shrink = math.cos(lat)
        reach = limit_m / radius
        crossings = 0
        best = limit_m * limit_m / (radius * radius)
        found = False
        for c in range(len(boxes)):
            south, north, west, east = boxes[c, 0], boxes[c, 1], boxes[c, 2], boxes[c, 3]
            spans = south <= lat <= north and lon <= east
            near = (
                south - reach <= lat <= north + reach
                and (west - lon) * shrink <= reach
                and (lon - east) * shrink <= reach
            )
            if not spans and not near:
                continue
            for e in range(c * chunk, min((c + 1) * chunk, len(edges))):
                y0, y1 = edges[e, 0] - lat, edges[e, 2] - lat
                x0, x1 = (edges[e, 1] - lon) * shrink, (edges[e, 3] - lon) * shrink
                if (y0 > 0.0) != (y1 > 0.0) and x0 + (x1 - x0) * y0 / (y0 - y1) > 0.0:
                    crossings += 1
                if near:
                    dy, dx = y1 - y0, x1 - x0
                    length = dx * dx + dy * dy
                    along = 0.0 if length == 0.0 else min(1.0, max(0.0, -(x0 * dx + y0 * dy) / length))
                    px, py = x0 + along * dx, y0 + along * dy
                    gap = px * px + py * py
                    if gap <= best:
                        best = gap
                        found = True
        inside[row] = crossings % 2 == 1
        if found:
            distance[row] = radius * math.sqrt(best)
