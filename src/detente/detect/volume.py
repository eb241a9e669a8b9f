"""A declared activity: the 4-D volumes in which it will take place, whose it is, and which aircraft take part.

An activity is read from GeoJSON, a feature for each of its volumes (shapes as in `outline`), or made of what two
parties agreed. The words are those of ASTM F3548; a level always names its datum.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import msgspec

from detente.detect.motion import Floats
from detente.detect.outline import read_features, read_outline
from detente.errors import ConfigError
from detente.types import Instant, PartyId, instant_of_iso
from detente.units import M_PER_FT

MOST_ACTIVITIES: Final = 4_096
MOST_VOLUMES: Final = 16_384


class Datum(StrEnum):
    """What a level is above."""

    PRESSURE = "pressure"  # 1013.25 hPa
    ELLIPSOID = "ellipsoid"  # WGS 84: the W84 of F3548


class ActivityState(StrEnum):
    """The states of an operational intent (ASTM F3548)."""

    ACCEPTED = "Accepted"
    ACTIVATED = "Activated"
    NONCONFORMING = "Nonconforming"
    CONTINGENT = "Contingent"


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """One volume, from an instant until another."""

    rings: tuple[Floats, ...]  # as `Zone.rings`: (m, 2) latitude_rad, longitude_rad, closed
    floor_m: float | None  # None open
    ceiling_m: float | None
    datum: Datum  # of both
    start: Instant
    end: Instant


@dataclass(frozen=True, slots=True, eq=False)
class Activity:
    """What was declared. A track takes part by its identity or by its callsign."""

    activity_id: str
    party: PartyId  # whose it is
    state: ActivityState
    volumes: tuple[Volume, ...]
    identities: frozenset[str] = frozenset()  # six lower-case hex digits, or `~` and a source's own name
    callsigns: frozenset[str] = frozenset()


class _Properties(msgspec.Struct, frozen=True):
    """What a feature says of its volume and of its activity. Other members are left alone."""

    activity_id: str
    party: str
    start: str
    end: str
    state: ActivityState = ActivityState.ACTIVATED
    datum: Datum | None = None
    floor_ft: float | None = None
    ceiling_ft: float | None = None
    floor_m: float | None = None
    ceiling_m: float | None = None
    identities: tuple[str, ...] = ()
    callsigns: tuple[str, ...] = ()
    radius_m: float | None = None
    half_width_m: float | None = None


def read_activities(raw: bytes) -> tuple[Activity, ...]:
    """Return the activities of a GeoJSON text: features with one `activity_id` are volumes of one activity.

    What they say of the activity (party, state, who takes part) must be the same. Raises ConfigError, naming the
    feature and the reason, for anything that is no volume of an activity.
    """
    features = read_features(raw, "activities")
    if len(features) > MOST_VOLUMES:
        raise ConfigError(f"activities: {len(features)} volumes; at most {MOST_VOLUMES} are taken")
    said: dict[str, tuple[_Properties, list[Volume]]] = {}
    for where, feature in features:
        properties = _read_properties(feature, where)
        first, volumes = said.setdefault(properties.activity_id, (properties, []))
        named = f"{where} ({properties.activity_id})"
        if _about(first) != _about(properties):
            raise ConfigError(f"{named}: party, state, identities and callsigns differ from its first volume's")
        volumes.append(_read_volume(feature["geometry"], properties, named))
    if len(said) > MOST_ACTIVITIES:
        raise ConfigError(f"activities: there are {len(said)}; at most {MOST_ACTIVITIES} are taken")
    return tuple(
        Activity(name, PartyId(first.party), first.state, tuple(volumes), *_about(first)[2:])
        for name, (first, volumes) in said.items()
    )


def _read_properties(feature: dict[str, Any], where: str) -> _Properties:
    try:
        properties = msgspec.convert(feature.get("properties") or {}, _Properties)
    except msgspec.ValidationError as wrong:
        raise ConfigError(f"{where}: properties: {wrong}") from None
    if not properties.activity_id or not properties.party:
        raise ConfigError(f"{where}: activity_id and party must not be empty")
    if not properties.identities and not properties.callsigns:
        raise ConfigError(f"{where} ({properties.activity_id}): nobody takes part: identities or callsigns are needed")
    return properties


def _about(said: _Properties) -> tuple[str, ActivityState, frozenset[str], frozenset[str]]:
    identities = frozenset(identity.strip().lower() for identity in said.identities)
    return said.party, said.state, identities, frozenset(callsign.strip().upper() for callsign in said.callsigns)


def _read_volume(geometry: dict[str, Any], said: _Properties, where: str) -> Volume:
    floor_m, ceiling_m = (
        _level(feet, metres, name, where)
        for name, feet, metres in (
            ("floor", said.floor_ft, said.floor_m),
            ("ceiling", said.ceiling_ft, said.ceiling_m),
        )
    )
    if said.datum is None and (floor_m is not None or ceiling_m is not None):
        raise ConfigError(f"{where}: a level needs its datum: {' or '.join(Datum)}")
    if floor_m is not None and ceiling_m is not None and floor_m >= ceiling_m:
        raise ConfigError(f"{where}: the floor is not below the ceiling")
    try:
        start, end = instant_of_iso(said.start), instant_of_iso(said.end)
    except ValueError as wrong:
        raise ConfigError(f"{where}: an instant is ISO 8601 in UTC, like 2026-11-22T05:00:00Z: {wrong}") from None
    if start >= end:
        raise ConfigError(f"{where}: start {said.start} is not before end {said.end}")
    rings = read_outline(geometry, said.radius_m, said.half_width_m, where)
    return Volume(rings, floor_m, ceiling_m, said.datum or Datum.PRESSURE, start, end)


def _level(feet: float | None, metres: float | None, name: str, where: str) -> float | None:
    if feet is not None and metres is not None:
        raise ConfigError(f"{where}: {name}_ft and {name}_m are both said; one is enough")
    return metres if feet is None else feet * M_PER_FT
