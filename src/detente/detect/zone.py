"""A line or zone as its party notified it: who asserts it, its rings, its levels, its margin.

A border is the area behind the line (its owner's side). Each party's line is judged on its own: where two disagree,
both are shown with who asserts which.

Zones are read from GeoJSON (RFC 7946). Nothing is repaired: an area that is not what its owner meant is worse than
none, so a file with one bad area is refused whole, with the area and the reason. A ring may run either way round (3.1.6
says that readers should not refuse one for it): its inside is what it encloses in the plane of longitude and latitude.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import shapely

from detente.errors import ConfigError
from detente.types import PartyId


class ZoneKind(StrEnum):
    BORDER = "border"
    ZONE = "zone"
    FIR = "fir"


@dataclass(frozen=True, eq=False)
class Zone:
    """One notified area.

    rings: each (m, 2) float64 [latitude_rad, longitude_rad], closed (first = last); the first is the outer ring, the
    others are holes. A multi-part area is several zones with one `zone_id` prefix. Levels are pressure feet; None open.
    """

    zone_id: str
    name: str
    kind: ZoneKind
    asserted_by: PartyId
    rings: tuple[npt.NDArray[np.float64], ...]
    floor_ft: int | None
    ceiling_ft: int | None
    margin_m: float  # an approach nearer than this is told
    resolution_m: float  # of the source; coarser than the limit is refused for alerts
    exempt: tuple[PartyId, ...]  # whose declared tracks may be inside: usually the asserting party


COARSEST_M: Final = 100.0
"""A line known no better than this cannot decide a crossing: the salient of November 2015 is 2,300 m wide."""

MOST_ZONES: Final = 4_096
MOST_VERTICES: Final = 2_000_000
_FARTHEST_MARGIN_M: Final = 200_000.0


class _Properties(msgspec.Struct, frozen=True):
    """What a feature says of itself. Other members are somebody else's and are left alone."""

    resolution_m: float
    zone_id: str = ""
    id: str | int = ""
    name: str = ""
    kind: ZoneKind = ZoneKind.ZONE
    asserted_by: str = ""
    floor_ft: int | None = None
    ceiling_ft: int | None = None
    margin_m: float = 0.0
    exempt: tuple[str, ...] = ()


def read_zones(raw: bytes, asserted_by: PartyId | None = None) -> tuple[Zone, ...]:
    """Return the zones of a GeoJSON text: Polygon and MultiPolygon features, with the properties of `Zone`.

    A feature's `resolution_m` is required. *asserted_by* stands where a feature does not say who asserts it. Raises
    ConfigError, naming the feature and the reason, for anything that is not a valid area fine enough for alerts.
    """
    try:
        document = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise ConfigError(f"zones: not JSON: {wrong}") from None
    if not isinstance(document, dict) or document.get("type") not in ("FeatureCollection", "Feature"):
        raise ConfigError("zones: a GeoJSON FeatureCollection is needed")
    features = document.get("features", []) if document["type"] == "FeatureCollection" else [document]
    if not isinstance(features, list) or not features:
        raise ConfigError("zones: the file holds no feature")
    zones = [zone for n, feature in enumerate(features) for zone in _read_feature(feature, n, asserted_by)]
    if len(zones) > MOST_ZONES:
        raise ConfigError(f"zones: {len(zones)} areas; at most {MOST_ZONES} are taken")
    vertices = sum(len(ring) for zone in zones for ring in zone.rings)
    if vertices > MOST_VERTICES:
        raise ConfigError(f"zones: {vertices} vertices; at most {MOST_VERTICES} are taken")
    seen: set[str] = set()
    for zone in zones:
        if zone.zone_id in seen:
            raise ConfigError(f"zones: the id {zone.zone_id!r} stands twice")
        seen.add(zone.zone_id)
    return tuple(zones)


def _read_feature(feature: Any, n: int, asserted_by: PartyId | None) -> list[Zone]:
    where = f"zones: feature {n}"
    if not isinstance(feature, dict) or not isinstance(feature.get("geometry"), dict):
        raise ConfigError(f"{where}: no geometry")
    try:
        said = msgspec.convert(feature.get("properties") or {}, _Properties)
    except msgspec.ValidationError as wrong:
        raise ConfigError(f"{where}: properties: {wrong}") from None
    zone_id = said.zone_id or str(said.id or feature.get("id") or said.name or f"zone-{n}")
    where = f"{where} ({zone_id})"
    party = said.asserted_by or asserted_by
    if not party:
        raise ConfigError(f"{where}: nobody asserts it: `asserted_by` is needed")
    _check_limits(said, where)
    kind, parts = feature["geometry"].get("type"), feature["geometry"].get("coordinates")
    if kind == "Polygon":
        parts = [parts]
    elif kind != "MultiPolygon":
        raise ConfigError(f"{where}: a Polygon or MultiPolygon is needed, not {kind}: a line has no inside")
    if not isinstance(parts, list) or not parts:
        raise ConfigError(f"{where}: no coordinates")
    return [
        Zone(
            zone_id=zone_id if len(parts) == 1 else f"{zone_id}/{part + 1}",
            name=said.name or zone_id,
            kind=said.kind,
            asserted_by=PartyId(party),
            rings=_read_rings(rings, where),
            floor_ft=said.floor_ft,
            ceiling_ft=said.ceiling_ft,
            margin_m=said.margin_m,
            resolution_m=said.resolution_m,
            exempt=tuple(PartyId(p) for p in said.exempt),
        )
        for part, rings in enumerate(parts)
    ]


def _check_limits(said: _Properties, where: str) -> None:
    if not 0.0 < said.resolution_m <= COARSEST_M:
        raise ConfigError(
            f"{where}: resolution_m is {said.resolution_m:g}; "
            f"a line coarser than {COARSEST_M:g} m cannot decide a crossing"
        )
    if not 0.0 <= said.margin_m <= _FARTHEST_MARGIN_M:
        raise ConfigError(f"{where}: margin_m is {said.margin_m:g}; 0 to {_FARTHEST_MARGIN_M:g} is possible")
    if said.floor_ft is not None and said.ceiling_ft is not None and said.floor_ft >= said.ceiling_ft:
        raise ConfigError(f"{where}: floor_ft {said.floor_ft} is not below ceiling_ft {said.ceiling_ft}")


def _read_rings(rings: Any, where: str) -> tuple[npt.NDArray[np.float64], ...]:
    """Return the rings of one polygon as latitude and longitude, rad, after every check that can be made."""
    if not isinstance(rings, list) or not rings:
        raise ConfigError(f"{where}: no coordinates")
    degrees = [_read_ring(ring, f"{where}: {'hole' if n else 'outer ring'}") for n, ring in enumerate(rings)]
    area = shapely.Polygon(degrees[0], degrees[1:])
    if not area.is_valid:
        raise ConfigError(f"{where}: {shapely.is_valid_reason(area)}")
    return tuple(np.ascontiguousarray(np.radians(ring[:, ::-1])) for ring in degrees)


def _read_ring(ring: Any, where: str) -> npt.NDArray[np.float64]:
    try:
        points = np.array([point[:2] for point in ring], np.float64)
    except (TypeError, ValueError, IndexError):
        raise ConfigError(f"{where}: coordinates are not pairs of numbers") from None
    if points.ndim != 2 or points.shape[1:] != (2,) or len(points) < 4:
        raise ConfigError(f"{where}: at least four positions are needed")
    if not np.isfinite(points).all():
        raise ConfigError(f"{where}: a coordinate is not a finite number")
    if (points[0] != points[-1]).any():
        raise ConfigError(f"{where}: it is not closed")
    if np.abs(points[:, 1]).max() > 90.0:
        raise ConfigError(f"{where}: latitude {_worst(points[:, 1]):g}: longitude comes first (RFC 7946, 3.1.1)")
    # A ring over the antimeridian runs on past 180 (or is cut there), so that its inside is where it seems.
    if np.abs(points[:, 0]).max() > 360.0 or np.ptp(points[:, 0]) > 360.0:
        raise ConfigError(f"{where}: longitude {_worst(points[:, 0]):g} is off the globe")
    steps = np.abs(np.diff(points[:, 0]))
    if (steps > 180.0).any() and np.abs(points[:, 1]).max() < 89.0:
        raise ConfigError(f"{where}: an edge of {steps.max():g} degrees: cut it at the antimeridian (RFC 7946, 3.1.9)")
    return points


def _worst(values: Sequence[float] | npt.NDArray[np.float64]) -> float:
    return float(max(values, key=math.fabs))
