"""Circles and corridors as rings, true on the WGS 84 ellipsoid.

A ring's edges are straight in longitude and latitude. They are cut so short that the ring is nowhere farther than
`WITHIN_M` from the true outline, near a pole too. Where a pole lies inside, the ring runs once round and is closed
along the pole, as GeoJSON draws such areas.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Final

import numpy as np
import shapely
from pyproj import Geod

from detente.detect.motion import SEMI_MAJOR_M, SEMI_MINOR_M, Floats

WITHIN_M: Final = 0.5
"""How far an outline is from the true one, at most."""

FARTHEST_M: Final = 1_000_000.0
"""The largest radius or half width."""

_SAG_M: Final = 0.2
_STRIP_SAG_M: Final = 0.05  # of the line: its offset may bend three times as much
_STATION_M: Final = 5_000.0
_POLAR_DEG: Final = 80.0  # nearer to a pole outlines are joined on a plane round it
_SPECK_M2: Final = 1.0

_WGS84: Final = Geod(ellps="WGS84")


def circle(centre_deg: tuple[float, float], radius_m: float) -> tuple[Floats, ...]:
    """Return the rings, (n, 2) longitude and latitude, deg, of all points within *radius_m* of longitude, latitude."""
    return _rings([_round(centre_deg, radius_m)])


def corridor(line_deg: Floats, half_width_m: float) -> tuple[Floats, ...]:
    """Return the rings of all points within *half_width_m* of a line, (n, 2) longitude and latitude, deg.

    The line is straight in longitude and latitude between its points, as GeoJSON defines it. The first ring is the
    outer one; a corridor that meets itself has holes.
    """
    discs = [_round((lon, lat), half_width_m) for lon, lat in line_deg.tolist()]
    strips = [strip for start, end in pairwise(line_deg) for strip in _strips(start, end, half_width_m)]
    parts = discs + strips
    is_polar = max(np.abs(part[:, 1]).max() for part in parts) > _POLAR_DEG
    sign = math.copysign(1.0, float(line_deg[:, 1].mean()))
    flat = [_about_pole(part, sign) if is_polar else part for part in parts]
    # A strip whose line runs along the pole itself turns on the spot and crosses itself; both its halves are within.
    joined = shapely.union_all(shapely.make_valid([shapely.Polygon(part) for part in flat]))
    speck = _SPECK_M2 / 111_000.0**2
    holes = [np.array(ring.coords) for ring in joined.interiors if shapely.Polygon(ring).area > speck]
    outlines = [np.array(joined.exterior.coords), *holes]
    return _rings([_from_pole(ring, sign)[:-1] for ring in outlines]) if is_polar else tuple(outlines)


def _round(centre_deg: tuple[float, float], radius_m: float) -> Floats:
    """Return a circle's points, not closed, anticlockwise, longitudes next to the centre's."""
    n = max(32, math.ceil(math.pi * math.sqrt(radius_m / (2.0 * _SAG_M))))
    lon, lat = centre_deg
    away, at, _ = _WGS84.fwd(np.full(n, lon), np.full(n, lat), -np.arange(n) * 360.0 / n, np.full(n, radius_m))
    return np.column_stack((lon + (np.asarray(away) - lon + 180.0) % 360.0 - 180.0, at))


def _strips(start: Floats, end: Floats, half_width_m: float) -> list[Floats]:
    """Return quadrilaterals along one straight of a line, each joined to the next."""
    d_lon, d_lat = np.radians(end - start)
    low, high = np.sort(np.abs(np.radians([start[1], end[1]])))
    # A parallel bends the more the nearer to a pole; its chord stays within the sag.
    bends = abs(d_lon) * math.sqrt(SEMI_MAJOR_M * math.cos(low) * math.sin(high) / (8.0 * _STRIP_SAG_M))
    n = max(1, math.ceil(bends), math.ceil(math.hypot(d_lon * math.cos(low), d_lat) * SEMI_MAJOR_M / _STATION_M))
    stations = start + np.linspace(0.0, 1.0, n + 1)[:, None] * (end - start)
    lat = np.radians(stations[:, 1])
    e2 = 1.0 - (SEMI_MINOR_M / SEMI_MAJOR_M) ** 2
    w2 = 1.0 - e2 * np.sin(lat) ** 2
    course = np.degrees(np.arctan2(d_lon * np.cos(lat), d_lat * (1.0 - e2) / w2))
    sides = []
    for turn in (-90.0, 90.0):
        away, at, _ = _WGS84.fwd(stations[:, 0], stations[:, 1], course + turn, np.full(n + 1, half_width_m))
        sides.append(np.column_stack((stations[:, 0] + (away - stations[:, 0] + 180.0) % 360.0 - 180.0, at)))
    left, right = sides
    return [np.array((left[k], right[k], right[k + 1], left[k + 1])) for k in range(n)]


def _about_pole(points: Floats, sign: float) -> Floats:
    distance, turn = 90.0 - sign * points[:, 1], np.radians(points[:, 0])
    return np.column_stack((distance * np.cos(turn), distance * np.sin(turn)))


def _from_pole(points: Floats, sign: float) -> Floats:
    return np.column_stack(
        (np.degrees(np.arctan2(points[:, 1], points[:, 0])), sign * (90.0 - np.hypot(points[:, 0], points[:, 1])))
    )


def _rings(outlines: list[Floats]) -> tuple[Floats, ...]:
    """Close outlines and bring them to the plane: cut short, longitudes running on, closed along a pole inside."""
    running = [_running(_cut_short(outline)) for outline in outlines]
    rounds = [ring for ring in running if abs(ring[-1, 0] - ring[0, 0]) > 180.0]
    plain = [ring for ring in running if abs(ring[-1, 0] - ring[0, 0]) <= 180.0]
    if not rounds:
        return tuple(plain)
    outer = rounds[0]
    if len(rounds) == 1:
        pole = math.copysign(90.0, float(outer[:, 1].mean()))
        back = np.array([[outer[-1, 0], pole], [outer[0, 0], pole]])
    else:
        inner = rounds[1] if (rounds[1][-1, 0] > rounds[1][0, 0]) == (outer[-1, 0] > outer[0, 0]) else rounds[1][::-1]
        turns = round((outer[0, 0] - inner[0, 0]) / 360.0)
        back = inner[::-1] + np.array([turns * 360.0, 0.0])
    return (np.vstack((outer, back, outer[:1])), *plain)


def _cut_short(points: Floats) -> Floats:
    """Close an outline and halve its edges until the plane's straight line is near enough to the shortest way."""
    closed = np.vstack((points, points[:1]))
    for _ in range(30):
        lon0, lat0, lon1, lat1 = closed[:-1, 0], closed[:-1, 1], closed[1:, 0], closed[1:, 1]
        bearing, _, length = _WGS84.inv(lon0, lat0, lon1, lat1)
        lon, lat, _ = _WGS84.fwd(lon0, lat0, bearing, np.asarray(length) / 2.0)
        straight = lon0 + ((lon1 - lon0 + 180.0) % 360.0 - 180.0) / 2.0
        apart = np.asarray(_WGS84.inv(lon, lat, straight, (lat0 + lat1) / 2.0)[2])
        far = np.flatnonzero(apart > _SAG_M)
        if not len(far):
            break
        closed = np.insert(closed, far + 1, np.column_stack((lon, lat))[far], axis=0)
    return closed


def _running(ring: Floats) -> Floats:
    return np.column_stack((np.unwrap(ring[:, 0], period=360.0), ring[:, 1]))
