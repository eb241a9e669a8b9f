"""Whether the aircraft of a declared activity keep to its volumes: conforming, predicted to leave, outside.

A track conforms where it is within any of the activity's volumes, in place, level and time at once, or beyond by no
more than a buffer for the accuracy of what it reports. How soon it can be out is bounded by how deep inside it is and
how fast it goes, so a prediction advances in such bounds along the course, and most tracks are done after one.

A track once outside is outside until it is back within half the buffer: noise on an edge does not flap. An activity
that is accepted and not yet activated is not watched.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from detente.detect.assessment import Conformance, ConformanceVerdict, NotAssessed
from detente.detect.boundary import areas_of, boundary
from detente.detect.course import walk_room
from detente.detect.detector import motions_at
from detente.detect.incursion import beyond
from detente.detect.motion import MOTION, Floats, geodetic
from detente.detect.volume import Activity, ActivityState, Datum, Volume
from detente.picture.picture import Mark, Reason, Tracks
from detente.types import NS_PER_S, Instant, duration_ns
from detente.units import M_PER_FT

_SHORTEST_STEP_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What is taken for inaccuracy, and how far ahead is looked."""

    horizontal_m: float = 50.0
    vertical_m: float = 60.0  # two steps of 100 ft
    sigmas: float = 3.0  # of the track's own accuracy, where that is more
    lookahead_s: float = 60.0


class _Beyond(NamedTuple):
    """How one volume sees a track at one time: negative inside, NaN unknown."""

    horizontal_m: float
    vertical_m: float
    is_above: bool
    lasts_s: float  # until the volume ends; negative when it is not active


class _Left(NamedTuple):
    """When and where a track is beyond all volumes, and how far from the nearest."""

    at_s: float
    latitude_rad: float
    longitude_rad: float
    nearest: _Beyond


class Declared:
    """Activities made ready to be watched. Holds no state between passes."""

    def __init__(self, activities: Sequence[Activity], tolerance: Tolerance | None = None) -> None:
        self.tolerance = tolerance or Tolerance()
        self._activities = [a for a in activities if a.state is not ActivityState.ACCEPTED]
        self._volumes = [volume for activity in self._activities for volume in activity.volumes]
        self._areas = areas_of([boundary(volume.rings) for volume in self._volumes])
        self._first = np.cumsum([0, *(len(activity.volumes) for activity in self._activities)]).tolist()
        self._bound: dict[bytes, set[int]] = {}
        for n, activity in enumerate(self._activities):
            for name in activity.identities | activity.callsigns:
                self._bound.setdefault(name.encode(), set()).add(n)
        self._scratch = np.empty(MOTION), walk_room()

    def judge(
        self, tracks: Tracks, now: Instant, before: Iterable[ConformanceVerdict] = ()
    ) -> tuple[list[ConformanceVerdict], list[NotAssessed]]:
        """Return how each bound track of *tracks* (`TRACK`) stands to its activity at *now*, and what cannot be judged.

        before: the verdicts of the pass before; who was outside then is held to half the buffer, and its instant kept.
        """
        known = {(verdict.track, verdict.activity): verdict for verdict in before}
        verdicts: list[ConformanceVerdict] = []
        unjudged: list[NotAssessed] = []
        flying = tracks[(tracks["flags"] & np.uint32(Mark.SECONDARY | Mark.ON_GROUND)) == 0]
        bound = flying[self._is_bound(flying)]
        for track, m in zip(bound, motions_at(bound, now), strict=True):
            number = int(track["number"])
            names = (track["identity"], track["callsign"].strip().upper())
            for n in sorted({n for name in names for n in self._bound.get(name, ())}):
                activity = self._activities[n]
                verdict = self._judge(track, m, n, now, known.get((number, activity.activity_id)))
                if isinstance(verdict, Reason):
                    unjudged.append(NotAssessed(number, verdict))
                else:
                    verdicts.append(verdict)
        return verdicts, unjudged

    def _is_bound(self, tracks: Tracks) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        names = np.array(list(self._bound), "S16")
        callsigns = np.char.upper(np.char.strip(tracks["callsign"]))
        return np.isin(tracks["identity"], names) | np.isin(callsigns, names)

    def _judge(
        self, track: np.void, m: Floats, n: int, now: Instant, before: ConformanceVerdict | None
    ) -> ConformanceVerdict | Reason:
        if track["not_assessed"] != Reason.NONE:
            return Reason(track["not_assessed"])
        if math.isnan(m[0] + m[10]):
            return Reason.NO_VELOCITY
        was_outside = before is not None and before.phase is Conformance.OUTSIDE
        left = self._left(track, m, n, now, 0.5 if was_outside else 1.0)
        if isinstance(left, Reason):
            return left
        phase, at = Conformance.CONFORMING, None
        if left.at_s == 0.0:
            phase, at = Conformance.OUTSIDE, now
            if before is not None and before.leaves_at is not None:
                at = min(before.leaves_at, now)
        elif math.isfinite(left.at_s):
            phase, at = Conformance.LEAVING, Instant(now + duration_ns(left.at_s))
        beyond_ft = _up_m(left.nearest) / M_PER_FT
        return ConformanceVerdict(
            track=int(track["number"]),
            activity=self._activities[n].activity_id,
            phase=phase,
            time_to_leave_s=left.at_s,
            leaves_at=at,
            latitude_rad=left.latitude_rad,
            longitude_rad=left.longitude_rad,
            horizontal_m=max(left.nearest.horizontal_m, 0.0),
            vertical_ft=round(beyond_ft if left.nearest.is_above else -beyond_ft),
            is_out_of_time=left.nearest.lasts_s < 0.0,
        )

    def _left(self, track: np.void, m: Floats, n: int, now: Instant, share: float) -> _Left | Reason:
        """Return when a track is beyond *share* of the buffer of every volume: 0 now, inf not within the look-ahead."""
        tolerance = self.tolerance
        sigma = float(track["position_sigma_m"])
        buffer_m = share * max(tolerance.horizontal_m, 0.0 if math.isnan(sigma) else tolerance.sigmas * sigma)
        buffer_up_m = share * tolerance.vertical_m
        at_s = 0.0
        while True:
            seen = [self._seen(m, at_s, area, now) for area in range(self._first[n], self._first[n + 1])]
            latitude, longitude = seen[0][1:]
            active = [view for view, _, _ in seen if view.lasts_s >= 0.0]
            stays_s = [_stays_s(view, m, buffer_m, buffer_up_m) for view in active]
            longest = max((s for s in stays_s if not math.isnan(s)), default=-1.0)
            if longest < 0.0:
                if any(math.isnan(s) for s in stays_s):
                    return Reason.NO_VELOCITY if math.isnan(m[13]) else Reason.NO_ALTITUDE
                nearest = min(active or (view for view, _, _ in seen), key=_distance_m)
                return _Left(at_s, latitude, longitude, nearest)
            if at_s >= tolerance.lookahead_s:
                return _Left(math.inf, *geodetic(m[0], m[1], m[2]), _WITHIN)
            at_s = min(at_s + max(longest, _SHORTEST_STEP_S), tolerance.lookahead_s)

    def _seen(self, m: Floats, at_s: float, area: int, now: Instant) -> tuple[_Beyond, float, float]:
        volume = self._volumes[area]
        latitude, longitude, horizontal_m = beyond(m, at_s, self._areas, area, *self._scratch)
        vertical_m, is_above = _beyond_levels(volume, m, at_s)
        start_s, end_s = (volume.start - now) / NS_PER_S - at_s, (volume.end - now) / NS_PER_S - at_s
        return _Beyond(horizontal_m, vertical_m, is_above, end_s if start_s <= 0.0 else -start_s), latitude, longitude


_WITHIN: Final = _Beyond(0.0, 0.0, False, 0.0)


def _beyond_levels(volume: Volume, m: Floats, at_s: float) -> tuple[float, bool]:
    """Return how far a motion at *at_s* is above the ceiling or below the floor, m, negative within, NaN unknown."""
    if volume.floor_m is None and volume.ceiling_m is None:
        return -math.inf, False
    altitude_m = float(m[11 if volume.datum is Datum.PRESSURE else 12]) * M_PER_FT
    if at_s > 0.0:
        altitude_m += float(m[13]) * M_PER_FT * at_s
    if math.isnan(altitude_m):
        return math.nan, False
    below_m = -math.inf if volume.floor_m is None else volume.floor_m - altitude_m
    above_m = -math.inf if volume.ceiling_m is None else altitude_m - volume.ceiling_m
    return max(below_m, above_m), above_m >= below_m


def _stays_s(view: _Beyond, m: Floats, buffer_m: float, buffer_up_m: float) -> float:
    """Return how long a track surely stays within a volume and its buffer; negative when it is not, NaN unknown."""
    if view.horizontal_m > buffer_m:
        return -1.0
    if math.isnan(view.vertical_m):
        return math.nan
    if view.vertical_m > buffer_up_m:
        return -1.0
    climb_mps = abs(float(m[13])) * M_PER_FT
    deep_s = (buffer_m - view.horizontal_m) / m[10] if m[10] > 0.0 else math.inf
    level_s = (buffer_up_m - view.vertical_m) / climb_mps if climb_mps > 0.0 else math.inf
    return float(min(deep_s, level_s, view.lasts_s))


def _distance_m(view: _Beyond) -> float:
    return math.hypot(max(view.horizontal_m, 0.0), _up_m(view))


def _up_m(view: _Beyond) -> float:
    """Return how far beyond the levels it is; what is unknown is not said."""
    return 0.0 if math.isnan(view.vertical_m) else max(view.vertical_m, 0.0)
