"""One encounter of two aircraft as the standards look at it: from the first aircraft, on a flat local frame.

The frame is the plane that touches a sphere of one minute of arc a nautical mile at the first aircraft, altitude
upright on it; a velocity is how far an aircraft gets in that frame in ten seconds of great circle. This is the frame
in which reference answers are published. Verdicts on live tracks use `detente.detect.cpa` instead.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from detente.detect.wellclear import (
    RULES,
    VOLUMES,
    AlertRule,
    Interval,
    Vector,
    alert_level,
    cylinder_lost,
    well_clear_lost,
)
from detente.units import M_PER_FT, M_PER_NM, MPS_PER_FPM, MPS_PER_KT

_RADIUS_M: Final = M_PER_NM * 60.0 * 180.0 / math.pi
_STEP_S: Final = 10.0

CYLINDERS: Final = {
    "5nm_1000ft": (5.0 * M_PER_NM, 1_000.0),
    "3nm_1000ft": (3.0 * M_PER_NM, 1_000.0),
    "nmac_500ft_100ft": (500.0 * M_PER_FT, 100.0),
}
CYLINDER_LOOKAHEAD_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class AircraftState:
    """One aircraft at one instant, in the units of the reference encounters."""

    lat_deg: float
    lon_deg: float
    alt_ft: float
    trk_deg: float
    gs_kt: float
    vs_fpm: float


def relative(own: AircraftState, intr: AircraftState) -> tuple[Vector, Vector]:
    """Return position, m, and velocity, m/s, of *own* minus those of *intr*, in the frame of *own*."""
    own_at, own_v = _placed(own, own)
    intr_at, intr_v = _placed(own, intr)
    return (
        (own_at[0] - intr_at[0], own_at[1] - intr_at[1], (own.alt_ft - intr.alt_ft) * M_PER_FT),
        (own_v[0] - intr_v[0], own_v[1] - intr_v[1], (own.vs_fpm - intr.vs_fpm) * MPS_PER_FPM),
    )


def _placed(origin: AircraftState, aircraft: AircraftState) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return horizontal position and velocity of *aircraft* in the frame of *origin*."""
    latitude, longitude = math.radians(aircraft.lat_deg), math.radians(aircraft.lon_deg)
    track = math.radians(aircraft.trk_deg)
    turn = aircraft.gs_kt * MPS_PER_KT * _STEP_S / _RADIUS_M
    here = _up(latitude, longitude)
    east = (-math.sin(longitude), math.cos(longitude), 0.0)
    north = _north(latitude, longitude)
    ahead = [math.sin(track) * e + math.cos(track) * n for e, n in zip(east, north, strict=True)]
    # Over so short an arc the difference of two positions loses nine digits; the chord written out loses none.
    step = [math.sin(turn) * a - 2.0 * math.sin(0.5 * turn) ** 2 * h for a, h in zip(ahead, here, strict=True)]
    at, moved = _seen(origin, here), _seen(origin, step)
    return at, (moved[0] / _STEP_S, moved[1] / _STEP_S)


def _seen(origin: AircraftState, vector: tuple[float, ...] | list[float]) -> tuple[float, float]:
    latitude, longitude = math.radians(origin.lat_deg), math.radians(origin.lon_deg)
    east = (-math.sin(longitude), math.cos(longitude), 0.0)
    north = _north(latitude, longitude)
    return (
        _RADIUS_M * sum(p * q for p, q in zip(east, vector, strict=True)),
        _RADIUS_M * sum(p * q for p, q in zip(north, vector, strict=True)),
    )


def _up(latitude: float, longitude: float) -> tuple[float, float, float]:
    return (
        math.cos(latitude) * math.cos(longitude),
        math.cos(latitude) * math.sin(longitude),
        math.sin(latitude),
    )


def _north(latitude: float, longitude: float) -> tuple[float, float, float]:
    return (
        -math.sin(latitude) * math.cos(longitude),
        -math.sin(latitude) * math.sin(longitude),
        math.cos(latitude),
    )


def well_clear(s: Vector, v: Vector) -> dict[str, Interval | None]:
    """Return when each volume of the standard is violated."""
    return {name: well_clear_lost(s, v, volume) for name, volume in VOLUMES.items()}


def levels(lost: dict[str, Interval | None]) -> dict[str, int]:
    """Return the alert level by each set of rules: 0 none, 1 preventive, 2 corrective, 3 warning."""
    return {name: alert_level(lost, rules) for name, rules in RULES.items()}


def cylinders(s: Vector, v: Vector) -> dict[str, Interval | None]:
    """Return when each cylinder is violated within 300 s."""
    return {
        name: cylinder_lost(s, v, horizontal_m, vertical_ft, CYLINDER_LOOKAHEAD_S)
        for name, (horizontal_m, vertical_ft) in CYLINDERS.items()
    }


@dataclass(slots=True)
class AlertFilter:
    """The level told to a pilot, step by step: M of N, persistence, and early times for the level that stands.

    A step later than *forget_s* after the last, or before it, begins anew. Source: DO-365B, alerting without sensor
    uncertainty mitigation.
    """

    rules: tuple[AlertRule, ...] = RULES["phase1"]
    m: int = 2
    n: int = 4
    persist_s: float = 4.0
    forget_s: float = 5.0
    _recent: deque[int] = field(default_factory=deque)
    _told: int = 0
    _since_s: float = math.nan
    _last_s: float = math.nan

    def step(self, at_s: float, lost: dict[str, Interval | None]) -> int:
        """Return the level told at *at_s*, when the volumes are violated as *lost* says."""
        # The level told since an earlier step holds on by its early time.
        held = self._told if self._since_s < at_s else 0
        level = alert_level(lost, self.rules, held)
        if not 0.0 < at_s - self._last_s <= self.forget_s:
            # The first step counts as seen M times: what begins with an alert does not wait for a second look.
            self._recent = deque([level] * self.m + [-1] * (self.n - self.m), maxlen=self.n)
            self._told, self._since_s = -1, math.nan
        self._recent.append(level)
        self._last_s = at_s
        agreed = sorted(self._recent, reverse=True)[self.m - 1]
        if self._told > 0 and agreed < self._told and at_s - self._since_s < self.persist_s:
            return self._told
        if agreed > max(self._told, 0):
            self._since_s = at_s
        self._told = max(agreed, 0)
        return self._told
