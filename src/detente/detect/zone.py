"""A line or zone as its party notified it: who asserts it, its rings, its levels, its margin.

A border is the area behind the line (its owner's side). Each party's line is judged on its own: where two disagree,
both are shown with who asserts which.

Zones are read from GeoJSON (RFC 7946), their shapes as `outline` says. Nothing is repaired: a file with one bad area is
refused whole, with the area and the reason.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from detente.detect.outline import read_features, read_outline
from detente.detect.schedule import ALWAYS, DAYS, Schedule, Window, time_of_day_s
from detente.errors import ConfigError
from detente.types import Instant, PartyId, instant_of_iso


class ZoneKind(StrEnum):
    BORDER = "border"
    ZONE = "zone"
    FIR = "fir"


@dataclass(frozen=True, eq=False)
class Zone:
    """One notified area.

    rings: each (m, 2) float64 [latitude_rad, longitude_rad], closed (first = last); inside is what an odd number of
    them enclose: an outer ring with its holes, or the rings of several parts. Levels are pressure feet; None open.
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
    schedule: Schedule = ALWAYS


COARSEST_M: Final = 100.0
"""A line known no better than this cannot decide a crossing: the salient of November 2015 is 2,300 m wide."""

MOST_ZONES: Final = 4_096
MOST_VERTICES: Final = 2_000_000
_FARTHEST_MARGIN_M: Final = 200_000.0


class _Window(msgspec.Struct, frozen=True, rename={"start": "from"}, forbid_unknown_fields=True):
    """A window as it is written: `{"days": ["mon", "tue"], "from": "22:00", "until": "06:00"}`, UTC."""

    start: str
    until: str
    days: tuple[str, ...] = DAYS


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
    radius_m: float | None = None
    half_width_m: float | None = None
    active_from: str | None = None
    active_until: str | None = None
    windows: tuple[_Window, ...] = ()


def read_zones(raw: bytes, asserted_by: PartyId | None = None) -> tuple[Zone, ...]:
    """Return the zones of a GeoJSON text, a feature each, with the properties of `Zone`.

    A feature's `resolution_m` is required. *asserted_by* stands where a feature does not say who asserts it. Raises
    ConfigError, naming the feature and the reason, for anything that is not a valid area fine enough for alerts.
    """
    features = read_features(raw, "zones")
    if len(features) > MOST_ZONES:
        raise ConfigError(f"zones: {len(features)} areas; at most {MOST_ZONES} are taken")
    zones = [_read_feature(where, feature, n, asserted_by) for n, (where, feature) in enumerate(features)]
    vertices = sum(len(ring) for zone in zones for ring in zone.rings)
    if vertices > MOST_VERTICES:
        raise ConfigError(f"zones: {vertices} vertices; at most {MOST_VERTICES} are taken")
    return told_apart(zones)


def told_apart(zones: Iterable[Zone]) -> tuple[Zone, ...]:
    """Return *zones* with ids of their own: where two parties use one for their lines, `@party` is added to each.

    Raises ConfigError if one party uses an id twice.
    """
    owners: dict[str, list[PartyId]] = defaultdict(list)
    zones = tuple(zones)
    for zone in zones:
        if zone.asserted_by in owners[zone.zone_id]:
            raise ConfigError(f"zones: the id {zone.zone_id!r} stands twice")
        owners[zone.zone_id].append(zone.asserted_by)
    return tuple(
        replace(zone, zone_id=f"{zone.zone_id}@{zone.asserted_by}") if len(owners[zone.zone_id]) > 1 else zone
        for zone in zones
    )


def _read_feature(where: str, feature: dict[str, Any], n: int, asserted_by: PartyId | None) -> Zone:
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
    return Zone(
        zone_id=zone_id,
        name=said.name or zone_id,
        kind=said.kind,
        asserted_by=PartyId(party),
        rings=read_outline(feature["geometry"], said.radius_m, said.half_width_m, where),
        floor_ft=said.floor_ft,
        ceiling_ft=said.ceiling_ft,
        margin_m=said.margin_m,
        resolution_m=said.resolution_m,
        exempt=tuple(PartyId(p) for p in said.exempt),
        schedule=_schedule(said, where),
    )


def _schedule(said: _Properties, where: str) -> Schedule:
    active_from, active_until = (_instant(text, where) for text in (said.active_from, said.active_until))
    if active_from is not None and active_until is not None and active_from >= active_until:
        raise ConfigError(f"{where}: active_from {said.active_from} is not before active_until {said.active_until}")
    return Schedule(active_from, active_until, tuple(_window(window, where) for window in said.windows))


def _instant(text: str | None, where: str) -> Instant | None:
    try:
        return None if text is None else instant_of_iso(text)
    except ValueError as wrong:
        raise ConfigError(f"{where}: an instant is ISO 8601 in UTC, like 2026-11-22T05:00:00Z: {wrong}") from None


def _window(window: _Window, where: str) -> Window:
    odd = [day for day in window.days if day not in DAYS]
    if odd or not window.days:
        raise ConfigError(f"{where}: days are {', '.join(DAYS)}, not {', '.join(odd) or 'none'}")
    try:
        start, until = time_of_day_s(window.start), time_of_day_s(window.until)
    except ValueError as wrong:
        raise ConfigError(f"{where}: {wrong}") from None
    return Window(start, until, frozenset(DAYS.index(day) for day in window.days))


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
