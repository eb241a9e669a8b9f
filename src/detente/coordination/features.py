"""Plans read from and written as GeoJSON (RFC 7946): a feature for each volume, its properties as in a recording's.

The members are those that `detente replay --activities` reads, with `kind` and `title`. Coordinates are WGS 84; a file
that names another reference system is refused. A circle is a Point with `radius_m`, a corridor a LineString with
`half_width_m`. Nothing is repaired, and holes are not taken: an activity has none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from detente.coordination.extent import E7
from detente.coordination.plan import (
    VERTICES_LIMIT,
    VOLUMES_LIMIT,
    Cells,
    Circle,
    Corridor,
    EllipsoidLevels,
    Kind,
    Levels,
    Plan,
    Polygon,
    PressureLevels,
    Shape,
    Vertex,
    Volume,
)
from detente.detect.outline import read_features
from detente.errors import ConfigError, OrderRefused
from detente.types import instant_ms, instant_of_iso, instant_of_ms, iso_utc

FILE_LIMIT: Final = 4 * 1024 * 1024
_WGS84: Final = frozenset({"urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:EPSG::4326", "EPSG:4326"})


class Usual(msgspec.Struct, frozen=True):
    """What stands where a feature does not say it."""

    kind: Kind | None = None
    start: str | None = None
    end: str | None = None
    datum: Literal["pressure", "ellipsoid"] | None = None
    floor_ft: float | None = None
    ceiling_ft: float | None = None


class _Properties(msgspec.Struct, frozen=True):
    """What a feature says. Other members are left alone."""

    activity_id: str | None = None
    title: str | None = None
    name: str | None = None
    words: str | None = None
    kind: Kind | None = None
    start: str | None = None
    end: str | None = None
    datum: str | None = None
    floor_ft: float | None = None
    ceiling_ft: float | None = None
    floor_m: float | None = None
    ceiling_m: float | None = None
    identities: tuple[str, ...] = ()
    callsigns: tuple[str, ...] = ()
    contact: str | None = None
    urgent: str | None = None
    radius_m: float | None = None
    half_width_m: float | None = None


def read_plans(raw: bytes, usual: Usual | None = None) -> tuple[tuple[str, Plan], ...]:
    """Return the plans of a GeoJSON text, each after its name there: features with one `activity_id` are one plan.

    Raises OrderRefused ``geojson``, naming the feature and the reason, for what is no volume of a plan.
    """
    if len(raw) > FILE_LIMIT:
        raise OrderRefused("geojson", f"{len(raw)} bytes; at most {FILE_LIMIT} are read")
    try:
        features = read_features(raw, "activities")
    except ConfigError as wrong:
        raise OrderRefused("geojson", str(wrong)) from None
    _check_datum(msgspec.json.decode(raw))
    said: dict[str, tuple[_Properties, list[Volume]]] = {}
    for n, (where, feature) in enumerate(features):
        properties = _properties(feature, usual or Usual(), where)
        title = properties.title or properties.name
        name = properties.activity_id or (f"feature {n}: {title}" if title else f"feature {n}")
        first, volumes = said.setdefault(name, (properties, []))
        if _about(first) != _about(properties):
            raise OrderRefused(
                "geojson", f"{where} ({name}): it says other things of the activity than its first volume"
            )
        volumes += _volumes(feature["geometry"], properties, f"{where} ({name})")
        if len(volumes) > VOLUMES_LIMIT:
            raise OrderRefused("geojson", f"{where} ({name}): an activity has at most {VOLUMES_LIMIT} volumes")
    return tuple((name, _plan(name, first, volumes)) for name, (first, volumes) in said.items())


def write_plans(plans: Sequence[tuple[str, str, str, Plan]]) -> dict[str, Any]:
    """Return a FeatureCollection of (name, party, state, plan); coarse cells are squares marked `coarse`."""
    return {
        "type": "FeatureCollection",
        "features": [
            feature
            for name, party, state, plan in plans
            for volume in plan.volumes
            for feature in _features(volume, _said(name, party, state, plan, volume))
        ],
    }


# --- reading


def _check_datum(document: dict[str, Any]) -> None:
    crs = document.get("crs")
    if crs is None:
        return
    said = crs.get("properties") if isinstance(crs, dict) else None
    name = said.get("name") if isinstance(said, dict) else None
    if not isinstance(name, str) or name not in _WGS84:
        raise OrderRefused("geojson", f"coordinates are WGS 84, not {name or crs!r}")


def _properties(feature: Mapping[str, Any], usual: Usual, where: str) -> _Properties:
    said = feature.get("properties") or {}
    if not isinstance(said, dict):
        raise OrderRefused("geojson", f"{where}: properties: an object is needed")
    given = {k: v for k, v in said.items() if v is not None}
    common = {k: v for k, v in msgspec.to_builtins(usual).items() if v is not None}
    try:
        return msgspec.convert(common | given, _Properties)
    except msgspec.ValidationError as wrong:
        raise OrderRefused("geojson", f"{where}: properties: {wrong}") from None


def _about(said: _Properties) -> tuple[object, ...]:
    return said.kind, said.title, said.words, said.identities, said.callsigns, said.contact, said.urgent


def _plan(name: str, said: _Properties, volumes: Sequence[Volume]) -> Plan:
    if said.kind is None:
        raise OrderRefused("geojson", f"{name}: its kind is missing: {', '.join(Kind)}")
    plan = {
        "kind": said.kind,
        "title": said.title or said.name or name,
        "words": said.words,
        "volumes": msgspec.to_builtins(tuple(volumes)),
        "identities": [identity.strip().lower() for identity in said.identities],
        "callsigns": [callsign.strip().upper() for callsign in said.callsigns],
        "contact": said.contact,
        "urgent": said.urgent,
    }
    try:
        return msgspec.convert(plan, Plan)
    except msgspec.ValidationError as wrong:
        raise OrderRefused("geojson", f"{name}: {wrong}") from None


def _volumes(geometry: dict[str, Any], said: _Properties, where: str) -> list[Volume]:
    levels = _levels(said, where)
    start_ms, end_ms = _time(said.start, "start", where), _time(said.end, "end", where)
    return [
        Volume(outline=outline, levels=levels, start_ms=start_ms, end_ms=end_ms)
        for outline in _outlines(geometry, said, where)
    ]


def _outlines(geometry: dict[str, Any], said: _Properties, where: str) -> list[Shape]:
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if not isinstance(coordinates, list) or not coordinates:
        raise OrderRefused("geojson", f"{where}: no coordinates")
    match kind:
        case "Polygon":
            return [_polygon(coordinates, where)]
        case "MultiPolygon":
            return [_polygon(part, where) for part in coordinates]
        case "Point":
            return [Circle(_vertex(coordinates, where), _length(said.radius_m, "radius_m", where))]
        case "LineString":
            line = _vertices(coordinates, where)
            if not 2 <= len(line) <= 64:
                raise OrderRefused("geojson", f"{where}: a corridor has 2 to 64 points, not {len(line)}")
            return [Corridor(line, _length(said.half_width_m, "half_width_m", where))]
        case _:
            raise OrderRefused("geojson", f"{where}: a Polygon, MultiPolygon, Point or LineString, not {kind}")


def _polygon(rings: Any, where: str) -> Polygon:
    if not isinstance(rings, list) or len(rings) != 1 or not isinstance(rings[0], list):
        raise OrderRefused("geojson", f"{where}: one ring is needed; holes are not taken")
    vertices = _vertices(rings[0], where)
    if len(vertices) < 4 or vertices[0] != vertices[-1]:
        raise OrderRefused("geojson", f"{where}: the ring is not closed")
    if len(vertices) - 1 > VERTICES_LIMIT:
        raise OrderRefused("geojson", f"{where}: {len(vertices) - 1} vertices; at most {VERTICES_LIMIT} are taken")
    return Polygon(vertices[:-1])


def _vertices(points: Any, where: str) -> tuple[Vertex, ...]:
    return tuple(_vertex(point, where) for point in points)


def _vertex(point: Any, where: str) -> Vertex:
    if not isinstance(point, list) or len(point) < 2 or not all(isinstance(v, int | float) for v in point[:2]):
        raise OrderRefused("geojson", f"{where}: coordinates are not pairs of numbers")
    longitude, latitude = point[:2]
    if not -90.0 <= latitude <= 90.0:
        raise OrderRefused("swapped", f"{where}: latitude {latitude:g}: longitude comes first (RFC 7946, 3.1.1)")
    if not -180.0 <= longitude <= 180.0:
        raise OrderRefused("geojson", f"{where}: longitude {longitude:g} is off the globe")
    return round(latitude * E7), round(longitude * E7)


def _length(size_m: float | None, name: str, where: str) -> int:
    if size_m is None or not 0.01 <= size_m <= 1_000_000.0:
        raise OrderRefused("geojson", f"{where}: {name} is needed, more than 0, at most 1,000,000")
    return round(size_m * 100)


def _levels(said: _Properties, where: str) -> Levels:
    is_metric = said.floor_m is not None or said.ceiling_m is not None
    is_feet = said.floor_ft is not None or said.ceiling_ft is not None
    if said.datum is None and (is_metric or is_feet):
        raise OrderRefused("datum", f"{where}: a level needs its datum: pressure or ellipsoid")
    if said.datum not in (None, "pressure", "ellipsoid"):
        raise OrderRefused("datum", f"{where}: levels are above pressure or ellipsoid, not {said.datum!r}")
    if is_metric and is_feet:
        raise OrderRefused("datum", f"{where}: levels stand in feet and in metres; one is enough")
    if said.datum == "ellipsoid":
        if is_feet:
            return EllipsoidLevels(_scaled(said.floor_ft, 30.48), _scaled(said.ceiling_ft, 30.48))
        return EllipsoidLevels(_scaled(said.floor_m, 100.0), _scaled(said.ceiling_m, 100.0))
    if is_metric:
        return PressureLevels(_scaled(said.floor_m, 1 / 0.3048), _scaled(said.ceiling_m, 1 / 0.3048))
    return PressureLevels(_scaled(said.floor_ft, 1.0), _scaled(said.ceiling_ft, 1.0))


def _scaled(value: float | None, by: float) -> int | None:
    if value is None:
        return None
    if not math.isfinite(value):
        raise OrderRefused("geojson", "a level is not a finite number")
    return round(value * by)


def _time(text: str | None, name: str, where: str) -> int:
    if text is None:
        raise OrderRefused("geojson", f"{where}: its {name} is missing")
    try:
        return instant_ms(instant_of_iso(text))
    except ValueError as wrong:
        raise OrderRefused("geojson", f"{where}: {name}: ISO 8601 in UTC is needed: {wrong}") from None


# --- writing


def _said(name: str, party: str, state: str, plan: Plan, volume: Volume) -> dict[str, Any]:
    said: dict[str, Any] = {
        "activity_id": name,
        "party": party,
        "state": state,
        "kind": plan.kind.value,
        "title": plan.title,
        "start": iso_utc(instant_of_ms(volume.start_ms)),
        "end": iso_utc(instant_of_ms(volume.end_ms)),
        "datum": str(volume.levels.__struct_config__.tag),
    }
    if isinstance(volume.levels, PressureLevels):
        levels: dict[str, float | None] = {"floor_ft": volume.levels.floor_ft, "ceiling_ft": volume.levels.ceiling_ft}
    else:
        levels = {
            name: None if cm is None else cm / 100.0
            for name, cm in (("floor_m", volume.levels.floor_cm), ("ceiling_m", volume.levels.ceiling_cm))
        }
    said |= {name: level for name, level in levels.items() if level is not None}
    texts = {"words": plan.words, "contact": plan.contact, "urgent": plan.urgent}
    said |= {name: text for name, text in texts.items() if text}
    lists = {"identities": list(plan.identities), "callsigns": list(plan.callsigns)}
    return said | {name: items for name, items in lists.items() if items}


def _features(volume: Volume, said: dict[str, Any]) -> list[dict[str, Any]]:
    match volume.outline:
        case Polygon(vertices):
            return [_feature("Polygon", [[_point(v) for v in (*vertices, vertices[0])]], said)]
        case Circle(centre, radius_cm):
            return [_feature("Point", _point(centre), said | {"radius_m": radius_cm / 100.0})]
        case Corridor(line, half_width_cm):
            return [_feature("LineString", [_point(v) for v in line], said | {"half_width_m": half_width_cm / 100.0})]
        case Cells(cells):
            return [_feature("Polygon", [_square(*cell)], said | {"coarse": True}) for cell in cells]


def _feature(kind: str, coordinates: Any, said: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates}, "properties": said}


def _point(vertex: Vertex) -> list[float]:
    return [vertex[1] / E7, vertex[0] / E7]


def _square(south: int, west: int) -> list[list[float]]:
    corners = ((0, 0), (0, 1), (1, 1), (1, 0), (0, 0))
    return [[(west + east) / 10, (south + north) / 10] for north, east in corners]
