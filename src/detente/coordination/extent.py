"""Outlines in whole numbers, and whether two of them meet: the same answer on every machine.

Every member folds the same statements and must refuse the same acts, so nothing here may hang on how a library or a
processor rounds. Coordinates are integers of 1e-7 degree; whether two outlines meet is decided in integers; circles
become polygons by sums, products and square roots alone, which IEEE 754 fixes to the last bit.

An outline is never smaller than what it stands for: a circle, and the ends of a corridor, are drawn up to 1.5 % and
3 cm too large. Two that meet in one point meet. That is enough for its use: to say what a planner must have seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

E7: Final = 10_000_000
SPAN_LIMIT_E7: Final = 30 * E7
"""The widest outline, in latitude or longitude: what makes 64 bits enough for every product here."""

POLAR_E7: Final = 85 * E7
"""Nearer to a pole than this no outline is taken."""

Ring = npt.NDArray[np.int64]
"""(n, 2) latitude and longitude, 1e-7 degree, not closed; longitudes run on over the antimeridian."""

_ROUND_E7: Final = 360 * E7
_RADIUS_M: Final = 6_371_008.8
_CORNERS: Final = 32
_GROWN: Final = 1.015  # 0.5 % for the corners, 0.6 % for the ellipsoid, the rest for edges straight in degrees
_ROUNDING_CM: Final = 3  # a corner stands to 1e-7 degree, which of a circle of a metre is more than the rest
_PI: Final = 3.141592653589793


@dataclass(frozen=True, slots=True, eq=False)
class Extent:
    """What one volume covers on the ground: rings, of which each counts, and the box round them all."""

    rings: tuple[Ring, ...]
    box: tuple[int, int, int, int]  # south, north, west, east

    @property
    def span_e7(self) -> int:
        south, north, west, east = self.box
        return max(north - south, east - west)


def extent(rings: tuple[Ring, ...]) -> Extent:
    """Return the extent of *rings*, the longitudes of all beside the first one's."""
    first = int(rings[0][0, 1])
    beside = tuple(_shifted(ring, _turns(first - int(ring[0, 1]))) for ring in rings)
    every = np.concatenate(beside)
    (south, west), (north, east) = every.min(0).tolist(), every.max(0).tolist()
    return Extent(beside, (south, north, west, east))


def ring_of(points: tuple[tuple[int, int], ...]) -> Ring:
    """Return *points* as a ring, each edge the shorter way round."""
    longitudes = [points[0][1]]
    for _, longitude in points[1:]:
        longitudes.append(longitude + _turns(longitudes[-1] - longitude))
    return np.array([(latitude, lon) for (latitude, _), lon in zip(points, longitudes, strict=True)], np.int64)


def round_about(centre: tuple[int, int], radius_cm: int) -> Ring:
    """Return a polygon round the circle about *centre*; the circle lies in it. Away from the poles only."""
    sin_d, cos_d = _sin_cos((radius_cm + _ROUNDING_CM) / 100.0 / _RADIUS_M * _GROWN)
    sin_lat, cos_lat = _sin_cos(centre[0] / E7 * _PI / 180.0)
    up = sin_lat * cos_d + cos_lat * sin_d * _COS_COURSE
    latitude = _atan(up / np.sqrt(np.maximum(1.0 - up * up, 1e-18)))
    longitude = _atan(_SIN_COURSE * (sin_d * cos_lat) / np.maximum(cos_d - sin_lat * up, 1e-9))
    corners = np.stack((latitude, longitude), 1) * (180.0 / _PI * E7)
    return np.asarray(np.rint(corners).astype(np.int64) + np.array([0, centre[1]], np.int64))


def along(line: tuple[tuple[int, int], ...], half_width_cm: int) -> tuple[Ring, ...]:
    """Return, for each leg of *line*, the hull of the circles about its ends: the corridor lies in them."""
    ends = [round_about((int(lat), int(lon)), half_width_cm) for lat, lon in ring_of(line).tolist()]
    return tuple(_hull(np.concatenate(pair)) for pair in pairwise(ends))


def meet(a: Extent, b: Extent) -> bool:
    """Whether *a* and *b* have a point in common. Neither is wider than `SPAN_LIMIT_E7`."""
    shift = _turns((a.box[2] + a.box[3] - b.box[2] - b.box[3]) // 2)
    south, north, west, east = b.box
    if not _boxes_meet(a.box, (south, north, west + shift, east + shift)):
        return False
    return any(_rings_meet(one, _shifted(other, shift)) for one in a.rings for other in b.rings)


def holds(ring: Ring, point: tuple[int, int]) -> bool:
    """Whether *point* lies in *ring* or on its edge."""
    latitude, longitude = point
    at = np.array([latitude, longitude + _turns(int(ring[:, 1].mean()) - longitude)], np.int64)
    return _on_edge(ring, at) or _inside(ring, at)


def crosses_itself(ring: Ring) -> bool:
    """Whether edges of *ring* that are not neighbours meet, or a neighbour runs back over the one before it."""
    n = len(ring)
    starts, ends = ring, np.roll(ring, -1, 0)
    met = _edges_meet(starts, ends, starts, ends)
    step = np.abs(np.arange(n)[:, None] - np.arange(n))
    if bool((met & (step > 1) & (step < n - 1)).any()):
        return True
    before, after = starts - ends, np.roll(ends, -1, 0) - ends
    cross = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    return bool(((cross == 0) & ((before * after).sum(1) > 0)).any())


def is_flat(ring: Ring) -> bool:
    """Whether the points of *ring* lie on one line."""
    off = ring - ring[0]
    return not (_cross(off[1], off) if off[1].any() else _cross(off[-1], off)).any()


def area_km2(ring: Ring) -> float:
    """Return the area that *ring* encloses, within some per cent: what it is held against is a limit."""
    own = ring - ring[0]
    after = np.roll(own, -1, 0)
    twice = sum(a * d - b * c for (a, b), (c, d) in zip(own.tolist(), after.tolist(), strict=True))
    _, cos_lat = _sin_cos(int(ring[:, 0].sum()) // len(ring) / E7 * _PI / 180.0)
    return float(abs(twice) / 2.0 / E7 / E7 * 111.195**2 * cos_lat)


def _boxes_meet(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
    return a[0] <= b[1] and b[0] <= a[1] and a[2] <= b[3] and b[2] <= a[3]


def _box(ring: Ring) -> tuple[int, int, int, int]:
    (south, west), (north, east) = ring.min(0).tolist(), ring.max(0).tolist()
    return south, north, west, east


def _rings_meet(a: Ring, b: Ring) -> bool:
    if not _boxes_meet(_box(a), _box(b)):
        return False
    origin = a[0]
    a, b = a - origin, b - origin
    if bool(_edges_meet(a, np.roll(a, -1, 0), b, np.roll(b, -1, 0)).any()):
        return True
    return _inside(a, b[0]) or _inside(b, a[0])


def _edges_meet(a0: Ring, a1: Ring, b0: Ring, b1: Ring) -> npt.NDArray[np.bool_]:
    """Return which of the edges a0 to a1 (n) and b0 to b1 (m) have a point in common, (n, m)."""
    p0, p1, q0, q1 = a0[:, None], a1[:, None], b0[None], b1[None]
    touch = (np.maximum(p0, p1) >= np.minimum(q0, q1)) & (np.maximum(q0, q1) >= np.minimum(p0, p1))
    is_near = touch.all(2)
    if not is_near.any():
        return np.asarray(is_near)
    sides_p = np.sign(_cross(p1 - p0, q0 - p0)) * np.sign(_cross(p1 - p0, q1 - p0))
    sides_q = np.sign(_cross(q1 - q0, p0 - q0)) * np.sign(_cross(q1 - q0, p1 - q0))
    return np.asarray(is_near & (sides_p <= 0) & (sides_q <= 0))


def _cross(u: Ring, v: Ring) -> npt.NDArray[np.int64]:
    return np.asarray(u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0])


def _inside(ring: Ring, at: Ring) -> bool:
    """Whether *at* is inside by the odd number of edges east of it; on an edge either answer may come."""
    own = ring - at
    after = np.roll(own, -1, 0)
    spans = (own[:, 0] > 0) != (after[:, 0] > 0)
    turn = _cross(after - own, -own)
    is_east = np.where(after[:, 0] > own[:, 0], turn < 0, turn > 0)
    return bool((spans & is_east).sum() % 2)


def _on_edge(ring: Ring, at: Ring) -> bool:
    own = ring - at
    after = np.roll(own, -1, 0)
    lies = (np.minimum(own, after) <= 0).all(1) & (np.maximum(own, after) >= 0).all(1)
    return bool((lies & (_cross(own, after) == 0)).any())


def _hull(points: Ring) -> Ring:
    """Return the convex hull (Andrew's monotone chain)."""
    rows = sorted({(lat, lon) for lat, lon in points.tolist()})
    if len(rows) < 3:
        return np.array(rows, np.int64)
    chains = []
    for order in (rows, rows[::-1]):
        chain: list[tuple[int, int]] = []
        for row in order:
            while len(chain) > 1 and _turn(chain[-2], chain[-1], row) <= 0:
                chain.pop()
            chain.append(row)
        chains += chain[:-1]
    return np.array(chains, np.int64)


def _turn(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> int:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _turns(off_e7: int) -> int:
    """Return the whole turns, 1e-7 degree, that are nearest to *off_e7*."""
    return (off_e7 + _ROUND_E7 // 2) // _ROUND_E7 * _ROUND_E7


def _shifted(ring: Ring, by_e7: int) -> Ring:
    return ring + np.array([0, by_e7], np.int64) if by_e7 else ring


def _sin_cos(x: float) -> tuple[float, float]:
    """Return sine and cosine by their series after reduction to an eighth of a turn; the same on every machine."""
    quarter = math.floor(x / (_PI / 2.0) + 0.5)
    x -= quarter * (_PI / 2.0)
    sine, cosine, term = 0.0, 1.0, 1.0
    for n in range(1, 20):
        term = term * x / n
        if n % 2:
            sine += term if n % 4 == 1 else -term
        else:
            cosine += term if n % 4 == 0 else -term
    match quarter % 4:
        case 0:
            return sine, cosine
        case 1:
            return cosine, -sine
        case 2:
            return -sine, -cosine
        case _:
            return -cosine, sine


def _atan(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the arc tangent: the argument halved three times, then the series. Sums, products, quotients, roots."""
    for _ in range(3):
        x = x / (1.0 + np.sqrt(1.0 + x * x))
    square = x * x
    total = np.zeros_like(x)
    for n in range(21, 0, -2):
        total = 1.0 / n - square * total
    return 8.0 * x * total


_COURSES: Final = np.array([_sin_cos(2.0 * _PI * n / _CORNERS) for n in range(_CORNERS)])
_SIN_COURSE: Final = _COURSES[:, 0]
_COS_COURSE: Final = _COURSES[:, 1]
