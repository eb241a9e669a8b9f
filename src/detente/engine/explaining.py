"""Why an alert was raised: the judgement of the pass that raised it is kept, and the newest is made when asked for.

It hands over what the detector read and found and recomputes nothing, so that a person sees the very numbers that the
alert came from. How often the node cries, and what its people thought of it, is counted here too.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any, Final

import numpy as np

from detente.alerts.alert import Alert, AlertEvent, Happening, Kind
from detente.desk.explanation import Explanation, Judged, MinimaRow, NuisanceRow, PeerTold, StateRow
from detente.desk.warnings import Row
from detente.detect.assessment import Conflict, ConformanceVerdict, ZoneVerdict
from detente.detect.profile import Minima, Profile
from detente.detect.zone import Zone
from detente.engine.names import Names
from detente.picture.picture import Mark, Reason, Tracks
from detente.surveillance import Surveillance
from detente.types import NS_PER_S, Instant, instant_ms
from detente.units import DEG_PER_RAD, M_PER_FT, MPS_PER_FPM

KEPT: Final = 1_000
"""Judgements that raised an alert; beyond it the oldest goes, and the desk says that it is no longer held."""

MARKS_KEPT: Final = 10_000

_LONGEST_PASS_NS: Final = 10 * NS_PER_S
"""A longer gap between two passes counts as this much: nobody watched meanwhile."""


class Explaining:
    """The reasons for our alerts, by their number; and the tally of alerts and flight hours."""

    def __init__(self, watch: Surveillance, names: Names, zones: dict[str, Zone]) -> None:
        self._watch = watch
        self._names = names
        self._zones = zones
        self._raised: dict[int, Judged] = {}
        self._passed_at: Instant | None = None
        self._since: Instant | None = None
        self._flown_ns = 0
        self._counted: Counter[str] = Counter()
        self._useful: dict[str, bool] = {}

    def passed(self, events: list[AlertEvent], now: Instant) -> None:
        """Take note of one pass: who flew meanwhile, and why each new alert was raised."""
        self._since = self._since or now
        if self._passed_at is not None:
            self._flown_ns += min(now - self._passed_at, _LONGEST_PASS_NS) * _airborne(self._watch.tracks)
        self._passed_at = now
        for event in events:
            if event.happening is Happening.RAISED:
                self._counted[event.alert.kind.value] += 1
                self._raised[event.alert.alert_id] = self._judged(event.alert)
        for number in list(self._raised)[: max(0, len(self._raised) - KEPT)]:
            del self._raised[number]

    def why(self, row: Row) -> Explanation:
        """Return why *row* stands on the desk."""
        ours = row.ours
        is_held = ours is not None and ours.cleared_at is None and self._tracks(ours).size
        return Explanation(
            alert=row.name,
            kind=ours.kind if ours is not None else next(iter(row.theirs.values())).kind,
            zone=(ours.zone if ours is not None else next(iter(row.theirs.values())).zone) or None,
            raised=None if ours is None else self._raised.get(ours.alert_id),
            now=self._judged(ours) if ours is not None and is_held else None,
            because="" if ours is None else ours.cleared_because,
            told=[
                PeerTold(
                    party=party,
                    alert=told.name,
                    level=told.level,
                    sent_at_ms=told.sent_at_ms,
                    event_at_ms=told.event_at_ms,
                    distance_m=told.distance_m,
                    vertical_ft=told.vertical_ft,
                    is_cleared=told.is_cleared,
                )
                for party, told in row.theirs.items()
            ],
        )

    def mark(self, alert: str, *, useful: bool) -> None:
        """Keep what a person thought of *alert*: the last word counts."""
        self._useful.pop(alert, None)
        self._useful[alert] = useful
        if len(self._useful) > MARKS_KEPT:
            del self._useful[next(iter(self._useful))]

    def marked(self, alert: str) -> bool | None:
        """Return what was thought of *alert* here; None while nobody said."""
        return self._useful.get(alert)

    def nuisance(self, now: Instant) -> NuisanceRow:
        """Return how often this node has cried since it started."""
        return NuisanceRow(
            since_ms=instant_ms(self._since or now),
            flight_hours=round(self._flown_ns / NS_PER_S / 3_600.0, 4),
            raised=dict(self._counted),
            useful=sum(self._useful.values()),
            not_useful=sum(not useful for useful in self._useful.values()),
        )

    def _tracks(self, alert: Alert) -> Tracks:
        tracks = self._watch.tracks
        return tracks[np.isin(tracks["number"], [n for n in (alert.a, alert.b) if n])]

    def _judged(self, alert: Alert) -> Judged:
        found = self._tracks(alert)
        states = [self._state(found[k]) for n in (alert.a, alert.b) for k in np.flatnonzero(found["number"] == n)]
        own = self._watch.detector.profile
        shared: dict[str, Any] = {
            "at_ms": instant_ms(self._watch.assessment.at),
            "level": alert.level,
            "tracks": states,
            "confirm": list(own.confirm),
            "latitude_e7": _e7(alert.latitude_rad),
            "longitude_e7": _e7(alert.longitude_rad),
            "distance_m": alert.distance_m,
            "vertical_ft": alert.vertical_ft if alert.kind is not Kind.INCURSION else None,
            "levels": [list(level) for level in alert.levels],
        }
        verdict = self._verdict(alert)
        rule = "not_assessed" if alert.held_because else "gone"
        if alert.kind is Kind.CONFLICT:
            return _of_pair(verdict, self._profile(verdict), states, rule, shared)
        zone = self._zones.get(alert.zone)
        return _of_line(verdict, own, zone, rule, shared)

    def _verdict(self, alert: Alert) -> Conflict | ZoneVerdict | ConformanceVerdict | None:
        newest = self._watch.assessment
        if alert.kind is Kind.CONFLICT:
            return next((c for c in newest.conflicts if (c.a, c.b) == (alert.a, alert.b)), None)
        if alert.kind is Kind.CONFORMANCE:
            return next((c for c in newest.conformance if (c.track, c.activity) == (alert.a, alert.zone)), None)
        return next((z for z in newest.zones if (z.track, z.zone) == (alert.a, alert.zone)), None)

    def _profile(self, verdict: Conflict | ZoneVerdict | ConformanceVerdict | None) -> Profile:
        detector = self._watch.detector
        named = verdict.profile if isinstance(verdict, Conflict) else ""
        return next((p for p in detector.airspace.profiles if p.name == named), detector.profile)

    def _state(self, track: np.void) -> StateRow:
        label = self._names.label(int(track["number"]))
        pressure, ellipsoid = float(track["altitude_pressure_m"]), float(track["altitude_ellipsoid_m"])
        altitude_m = pressure if math.isfinite(pressure) else ellipsoid
        up_mps = _known(track["v_up_mps"])
        return StateRow(
            label=label.label,
            party=label.party,
            number=int(track["number"]),
            applicable_at_ms=instant_ms(Instant(int(track["applicable_at_ns"]))),
            latitude_e7=_e7(float(track["latitude_rad"])),
            longitude_e7=_e7(float(track["longitude_rad"])),
            altitude_ft=round(altitude_m / M_PER_FT) if math.isfinite(altitude_m) else None,
            datum="pressure" if math.isfinite(pressure) else "ellipsoid" if math.isfinite(ellipsoid) else "",
            v_east_mps=_known(track["v_east_mps"]),
            v_north_mps=_known(track["v_north_mps"]),
            v_up_fpm=None if up_mps is None else round(up_mps / MPS_PER_FPM),
            position_sigma_m=_known(track["position_sigma_m"]),
            plots=int(track["plots"]),
            not_assessed="" if not track["not_assessed"] else Reason(int(track["not_assessed"])).name.lower(),
        )


def _of_pair(
    verdict: Conflict | ZoneVerdict | ConformanceVerdict | None,
    profile: Profile,
    states: list[StateRow],
    otherwise: str,
    shared: dict[str, Any],
) -> Judged:
    conflict = verdict if isinstance(verdict, Conflict) else None
    if conflict is not None:
        shared |= {
            "distance_m": conflict.distance_at_cpa_m,
            "vertical_ft": conflict.vertical_at_cpa_ft,
            "latitude_e7": _e7(conflict.latitude_rad),
            "longitude_e7": _e7(conflict.longitude_rad),
        }
    minima, hold = profile.minima, profile.hold
    lowest_ft = min((state.altitude_ft for state in states if state.altitude_ft is not None), default=math.inf)
    if profile.below_floor is not None and profile.floor_ft is not None and lowest_ft < profile.floor_ft:
        minima = hold = profile.below_floor
    return Judged(
        profile=profile.name,
        rule="conflict" if conflict is not None else otherwise,  # type: ignore[arg-type]
        minima=_minima(minima),
        hold=_minima(hold),
        lookahead_s=minima.lookahead_s,
        alarm_s=profile.alarm_s,
        warning_s=profile.warning_s,
        time_in_s=None if conflict is None else conflict.time_in_s,
        time_out_s=None if conflict is None else conflict.time_out_s,
        time_to_nearest_s=None if conflict is None else conflict.time_to_cpa_s,
        **shared,
    )


def _of_line(
    verdict: Conflict | ZoneVerdict | ConformanceVerdict | None,
    profile: Profile,
    zone: Zone | None,
    otherwise: str,
    shared: dict[str, Any],
) -> Judged:
    rule, time_in, nearest = otherwise, None, None
    if isinstance(verdict, ZoneVerdict):
        place = {"latitude_e7": _e7(verdict.latitude_rad), "longitude_e7": _e7(verdict.longitude_rad)}
        shared |= place | {"distance_m": verdict.least_distance_m}
        rule, time_in, nearest = verdict.phase.value, _finite(verdict.time_to_entry_s), _finite(verdict.time_to_least_s)
    elif isinstance(verdict, ConformanceVerdict):
        rule, time_in = verdict.phase.value, _finite(verdict.time_to_leave_s)
        rule = otherwise if rule == "conforming" else rule
    return Judged(
        profile=profile.name,
        rule=rule,  # type: ignore[arg-type]
        minima=None,
        hold=None,
        lookahead_s=profile.zone_lookahead_s,
        alarm_s=profile.zone_alarm_s,
        warning_s=profile.zone_warning_s,
        time_in_s=time_in,
        time_out_s=None,
        time_to_nearest_s=nearest,
        margin_m=None if zone is None else zone.margin_m,
        **shared,
    )


def _airborne(tracks: Tracks) -> int:
    """Return how many aircraft fly in this picture: each once, none on the ground, none long unheard."""
    idle = np.uint32(Mark.SECONDARY | Mark.ON_GROUND | Mark.STALE)
    return int(((tracks["flags"] & idle) == 0).sum())


def _minima(minima: Minima) -> MinimaRow:
    return MinimaRow(minima.horizontal_m, minima.vertical_ft, minima.lookahead_s)


def _known(value: Any) -> float | None:
    return _finite(float(value))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _e7(angle_rad: float) -> int:
    return round(angle_rad * DEG_PER_RAD * 1e7)
