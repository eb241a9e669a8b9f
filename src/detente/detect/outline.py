"""The outline of an area in GeoJSON (RFC 7946): polygons, circles and corridors, all as rings.

Nothing is repaired: an area that is not what its owner meant is worse than none, so what is wrong is refused with the
reason. A ring may run either way round (3.1.6 says that readers should not refuse one for it): its inside is what it
encloses in the plane of longitude and latitude. GeoJSON has no circle and no corridor: a Point with `radius_m` is all
that is so near to it, a LineString with `half_width_m` all that is so near to the line, on the ellipsoid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import shapely

from detente.detect.motion import Floats
from detente.detect.shape import FARTHEST_M, circle, corridor
from detente.errors import ConfigError


def read_features(raw: bytes, what: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the features of a GeoJSON text, each after how errors call it; *what*: the file's contents, for errors.

    Raises ConfigError unless each has a geometry and properties, though these may be anything.
    """
    try:
        document = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise ConfigError(f"{what}: not JSON: {wrong}") from None
    if not isinstance(document, dict) or document.get("type") not in ("FeatureCollection", "Feature"):
        raise ConfigError(f"{what}: a GeoJSON FeatureCollection is needed")
    features = document.get("features", []) if document["type"] == "FeatureCollection" else [document]
    if not isinstance(features, list) or not features:
        raise ConfigError(f"{what}: the file holds no feature")
    named = [(f"{what}: feature {n}", feature) for n, feature in enumerate(features)]
    for where, feature in named:
        if not isinstance(feature, dict) or not isinstance(feature.get("geometry"), dict):
            raise ConfigError(f"{where}: no geometry")
    return named


def read_outline(
    geometry: dict[str, Any], radius_m: float | None, half_width_m: float | None, where: str
) -> tuple[Floats, ...]:
    """Return an area's rings, each (m, 2) latitude and longitude, rad, closed; inside is what an odd number enclose.

    where: how errors call it. Raises ConfigError.
    """
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if radius_m is not None and kind != "Point":
        raise ConfigError(f"{where}: radius_m belongs to a Point, not to a {kind}")
    if half_width_m is not None and kind != "LineString":
        raise ConfigError(f"{where}: half_width_m belongs to a LineString, not to a {kind}")
    if not isinstance(coordinates, list) or not coordinates:
        raise ConfigError(f"{where}: no coordinates")
    match kind:
        case "Polygon":
            rings = _read_polygons([coordinates], where)
        case "MultiPolygon":
            rings = _read_polygons(coordinates, where)
        case "Point":
            radius = _size(radius_m, "radius_m", "a Point has no inside without it", where)
            [centre] = _positions([coordinates], 1, f"{where}: centre").tolist()
            rings = circle((centre[0], centre[1]), radius)
        case "LineString":
            half_width = _size(half_width_m, "half_width_m", "a line has no inside without it", where)
            line = _positions(coordinates, 2, f"{where}: line")
            _check_steps(line, f"{where}: line")
            rings = corridor(line, half_width)
        case _:
            raise ConfigError(f"{where}: a Polygon, MultiPolygon, Point or LineString is needed, not {kind}")
    return tuple(np.ascontiguousarray(np.radians(ring[:, ::-1])) for ring in rings)


def _size(size_m: float | None, name: str, why: str, where: str) -> float:
    if size_m is None:
        raise ConfigError(f"{where}: {name} is needed: {why}")
    if not 0.0 < size_m <= FARTHEST_M:
        raise ConfigError(f"{where}: {name} is {size_m:g}; more than 0, at most {FARTHEST_M:g} is possible")
    return size_m


def _read_polygons(parts: Sequence[Any], where: str) -> tuple[Floats, ...]:
    """Return the rings of all parts, deg, after every check that can be made."""
    areas = []
    for rings in parts:
        if not isinstance(rings, list) or not rings:
            raise ConfigError(f"{where}: no coordinates")
        degrees = [_read_ring(ring, f"{where}: {'hole' if n else 'outer ring'}") for n, ring in enumerate(rings)]
        area = shapely.Polygon(degrees[0], degrees[1:])
        if not area.is_valid:
            raise ConfigError(f"{where}: {shapely.is_valid_reason(area)}")
        areas.append(area)
    # Parts may share an edge (an area cut at the antimeridian, or in two), and nothing more.
    for i, j in shapely.STRtree(areas).query(areas, predicate="intersects").T.tolist():
        if i < j and shapely.relate_pattern(areas[i], areas[j], "T********"):
            raise ConfigError(f"{where}: parts {i + 1} and {j + 1} overlap")
    return tuple(np.array(ring.coords) for area in areas for ring in (area.exterior, *area.interiors))


def _read_ring(ring: Any, where: str) -> Floats:
    points = _positions(ring, 4, where)
    if (points[0] != points[-1]).any():
        raise ConfigError(f"{where}: it is not closed")
    if np.ptp(points[:, 0]) > 360.0:
        raise ConfigError(f"{where}: longitude {_worst(points[:, 0]):g} is off the globe")
    if np.abs(points[:, 1]).max() < 89.0:
        _check_steps(points, where)
    return points


def _positions(coordinates: Any, least: int, where: str) -> Floats:
    """Return positions, (n, 2) longitude and latitude, deg, of which there must be *least*."""
    try:
        points = np.array([point[:2] for point in coordinates], np.float64)
    except (TypeError, ValueError, IndexError):
        raise ConfigError(f"{where}: coordinates are not pairs of numbers") from None
    if points.ndim != 2 or points.shape[1:] != (2,) or len(points) < least:
        raise ConfigError(f"{where}: at least {_NUMBERS[least]} needed")
    if not np.isfinite(points).all():
        raise ConfigError(f"{where}: a coordinate is not a finite number")
    if np.abs(points[:, 1]).max() > 90.0:
        raise ConfigError(f"{where}: latitude {_worst(points[:, 1]):g}: longitude comes first (RFC 7946, 3.1.1)")
    # What lies over the antimeridian runs on past 180 (or is cut there), so that its inside is where it seems.
    if np.abs(points[:, 0]).max() > 360.0:
        raise ConfigError(f"{where}: longitude {_worst(points[:, 0]):g} is off the globe")
    return points


_NUMBERS = {1: "one position is", 2: "two positions are", 4: "four positions are"}


def _check_steps(points: Floats, where: str) -> None:
    steps = np.abs(np.diff(points[:, 0]))
    if (steps > 180.0).any():
        raise ConfigError(f"{where}: an edge of {steps.max():g} degrees: cut it at the antimeridian (RFC 7946, 3.1.9)")


def _worst(values: Sequence[float] | npt.NDArray[np.float64]) -> float:
    return float(max(values, key=math.fabs))
