"""An alert's life: raised when confirmed, held while the verdict stands or cannot be renewed, cleared with its reason.

- *Raised* after M of the last N passes, each counted only when either track has a new plot: one plot looked at twice
  confirms nothing. What is nearer than the profile's `confirm_within_s` is raised at once.
- *Held* below wider minima than those that raised it, for some seconds after the verdict has gone, and longer, marked,
  while a track cannot be assessed or is no longer heard. Silence is not a reason to believe that all is well.
- Its level never falls. It is cleared, with a reason, and a new one is raised if it comes back.

Everything goes in order of track number and zone, so alert numbers depend on the input alone. With a key they tell
nothing: counted numbers would show by their gaps how many alerts a peer was not told of.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np

from detente.alerts.alert import Alert, AlertEvent, Happening, Kind, Level
from detente.detect.assessment import Assessment, Conflict, Conformance, ConformanceVerdict, Phase, ZoneVerdict
from detente.detect.profile import Profile
from detente.picture.picture import Mark, Reason, Tracks
from detente.types import Instant, duration_ns

_MOVED_S: Final = 5.0
"""A desk is told again when the event has moved by more than this."""

_ONE_AIRCRAFT_NS: Final = duration_ns(30.0)
"""How long the tracker may take to know that two tracks side by side are one aircraft."""

NUMBER_BYTES: Final = 6
"""Of an alert's number under a key: an integer in any JSON reader, and hardly ever the same twice."""

_RANK: Final = {Level.CAUTION: 0, Level.WARNING: 1, Level.ALARM: 2}


class Cleared(StrEnum):
    """Why an alert ended."""

    DIVERGED = "diverged"  # the pair is no longer predicted to come below the minima
    LEFT = "left"  # the track is outside the zone, or no longer predicted to come near
    ENTERED = "entered"  # an approach that became an incursion, which has an alert of its own
    TRACK_DROPPED = "track_dropped"
    NOT_ASSESSED = "not_assessed"  # could not be judged for longer than it may be held
    RETURNED = "returned"  # within the volumes of its activity again, or no longer predicted to leave them
    SAME_AIRCRAFT = "same_aircraft"  # two tracks proved to be one aircraft


_GONE: Final = {
    Kind.CONFLICT: Cleared.DIVERGED,
    Kind.INCURSION: Cleared.LEFT,
    Kind.APPROACH: Cleared.LEFT,
    Kind.CONFORMANCE: Cleared.RETURNED,
}


class Key(NamedTuple):
    """What an alert is about."""

    kind: Kind
    a: int
    b: int
    zone: str


class _Seen(NamedTuple):
    """One pass's verdict, as the alert it would be."""

    alert: Alert
    counts: bool = True  # towards M of N
    tells: bool = True  # enough to raise one
    profile: str = ""  # by which it was judged
    may_be_one: bool = False  # one aircraft with two devices, perhaps: the tracker will know soon


@dataclass(slots=True)
class _State:
    profile: Profile  # by which it was judged last
    votes: int = 0  # one bit a pass with a new plot, newest lowest
    stamp: tuple[int, int] = (0, 0)  # newest plots counted
    alert: Alert | None = None
    gone_since: Instant | None = None
    held_since: Instant | None = None
    one_since: Instant | None = None
    event_at: Instant | None = None  # as last predicted; once it has happened it stands


class AlertBook:
    """The alerts of one node. `active` holds those raised and not cleared, by number."""

    def __init__(self, profile: Profile, others: Sequence[Profile] = (), number_key: bytes = b"") -> None:
        """*others*: the profiles that hold elsewhere or for some aircraft, which verdicts name.

        number_key: a secret of 16 to 64 bytes from which alerts are numbered; empty: they are counted.
        """
        self._number_key = number_key
        self.profile = profile
        self._profiles = {"": profile} | {other.name: other for other in others}
        self.active: dict[int, Alert] = {}
        self._states: dict[Key, _State] = {}
        self._last_id = 0

    def resume(self, last_id: int) -> None:
        """Number on after *last_id*, an alert of before this start: no name is used twice in a record."""
        if not self._number_key:
            self._last_id = max(self._last_id, last_id)

    @property
    def last_id(self) -> int:
        """The number after which the next alert is numbered; 0 where numbers are not counted."""
        return self._last_id

    def update(self, assessment: Assessment, tracks: Tracks, now: Instant) -> list[AlertEvent]:
        """Take one pass of the detector over *tracks* and return what changed, in order."""
        verdicts = dict(self._verdicts(assessment, now))
        stamps = dict(zip(tracks["number"].tolist(), tracks["applicable_at_ns"].tolist(), strict=True))
        secondary = set(tracks["number"][(tracks["flags"] & np.uint32(Mark.SECONDARY)) != 0].tolist())
        lost = {n.track: n.reason for n in assessment.not_assessed if n.other is None}
        lost_pairs = {(n.track, n.other): n.reason for n in assessment.not_assessed if n.other is not None}
        events: list[AlertEvent] = []
        for key in sorted(verdicts.keys() | self._states.keys()):
            state = self._states.setdefault(key, _State(self.profile))
            verdict = _standing_event(state, verdicts.get(key))
            if verdict is not None:
                state.profile = self._profiles[verdict.profile]
            self._vote(state, verdict, (stamps.get(key.a, 0), stamps.get(key.b, 0)))
            if state.alert is None:
                event = self._raised(key, state, verdict, now)
            elif verdict is not None:
                event = self._renewed(state, state.alert, verdict.alert)
            elif key.a in secondary or key.b in secondary:
                event = self._cleared(state.alert, Cleared.SAME_AIRCRAFT, now)
            elif key.a not in stamps or (key.b and key.b not in stamps):
                event = self._cleared(state.alert, Cleared.TRACK_DROPPED, now)
            elif reason := lost.get(key.a) or lost.get(key.b) or lost_pairs.get((key.a, key.b)):
                event = self._held(state, state.alert, reason, now)
            else:
                event = self._gone(key, state, state.alert, verdicts, now)
            if event is not None:
                events.append(event)
                self._keep(key, state, event)
            elif state.alert is None and state.votes == 0:
                del self._states[key]
        return events

    def _verdicts(self, assessment: Assessment, now: Instant) -> Iterator[tuple[Key, _Seen]]:
        for conflict in assessment.conflicts:
            seen = _Seen(
                self._of_conflict(conflict, now),
                counts=not conflict.is_held,
                tells=conflict.is_told and not conflict.is_held,
                profile=conflict.profile,
                may_be_one=conflict.may_be_one,
            )
            yield Key(Kind.CONFLICT, conflict.a, conflict.b, ""), seen
        for zone in assessment.zones:
            kind = Kind.APPROACH if zone.phase is Phase.APPROACH else Kind.INCURSION
            yield Key(kind, zone.track, 0, zone.zone), _Seen(self._of_zone(zone, kind, now))
        for kept in assessment.conformance:
            if kept.phase is not Conformance.CONFORMING:
                yield Key(Kind.CONFORMANCE, kept.track, 0, kept.activity), _Seen(_of_conformance(kept, now))

    def _of_conflict(self, conflict: Conflict, now: Instant) -> Alert:
        return Alert(
            alert_id=0,
            kind=Kind.CONFLICT,
            level=self._level_of(conflict),
            a=conflict.a,
            b=conflict.b,
            zone="",
            raised_at=now,
            updated_at=now,
            event_at=Instant(now + duration_ns(conflict.time_in_s)),
            time_to_event_s=conflict.time_in_s,
            distance_m=conflict.distance_at_cpa_m,
            vertical_ft=conflict.vertical_at_cpa_ft,
            latitude_rad=conflict.latitude_rad,
            longitude_rad=conflict.longitude_rad,
            levels=conflict.levels,
            margin_m=conflict.margin_m,
            margin_ft=conflict.margin_ft,
        )

    def _level_of(self, conflict: Conflict) -> Level:
        if conflict.margin_m or conflict.margin_ft:
            return Level.CAUTION  # it may be; a warning of all that may be would be noise
        if conflict.levels:
            return Level.WARNING if conflict.is_promoted else Level.CAUTION
        profile = self._profiles[conflict.profile]
        return _level(conflict.time_in_s, profile.alarm_s, profile.warning_s)

    def _of_zone(self, verdict: ZoneVerdict, kind: Kind, now: Instant) -> Alert:
        is_approach = kind is Kind.APPROACH
        entry_s = verdict.time_to_entry_s
        return Alert(
            alert_id=0,
            kind=kind,
            level=Level.WARNING
            if is_approach
            else _level(entry_s, self.profile.zone_alarm_s, self.profile.zone_warning_s),
            a=verdict.track,
            b=0,
            zone=verdict.zone,
            raised_at=now,
            updated_at=now,
            event_at=None if is_approach else Instant(now + duration_ns(entry_s)),
            time_to_event_s=math.nan if is_approach else entry_s,
            distance_m=verdict.least_distance_m,
            vertical_ft=0,
            latitude_rad=verdict.latitude_rad,
            longitude_rad=verdict.longitude_rad,
        )

    def _vote(self, state: _State, verdict: _Seen | None, stamp: tuple[int, int]) -> None:
        if stamp != state.stamp:
            state.stamp = stamp
            votes = (state.votes << 1) | (verdict is not None and verdict.counts)
            state.votes = votes & ((1 << state.profile.confirm[1]) - 1)

    def _raised(self, key: Key, state: _State, verdict: _Seen | None, now: Instant) -> AlertEvent | None:
        if verdict is None or not verdict.may_be_one:
            state.one_since = None
        elif state.one_since is None:
            state.one_since = now
        if verdict is None or not verdict.tells:
            return None
        if state.one_since is not None and now - state.one_since < _ONE_AIRCRAFT_NS:
            return None
        is_near = verdict.alert.time_to_event_s <= state.profile.confirm_within_s
        if state.votes.bit_count() < state.profile.confirm[0] and not (is_near and key.kind is Kind.CONFLICT):
            return None
        return AlertEvent(Happening.RAISED, replace(verdict.alert, alert_id=self._next_id(now)))

    def _next_id(self, now: Instant) -> int:
        self._last_id += 1
        if not self._number_key:
            return self._last_id
        # The instant keeps numbers apart that count from the same on after a restart.
        raw = self._last_id.to_bytes(8, "big") + now.to_bytes(8, "big", signed=True)
        return int.from_bytes(hashlib.blake2b(raw, key=self._number_key, digest_size=NUMBER_BYTES).digest(), "big") + 1

    def _renewed(self, state: _State, alert: Alert, verdict: Alert) -> AlertEvent | None:
        state.gone_since = state.held_since = None
        level = max(alert.level, verdict.level, key=_RANK.__getitem__)
        renewed = replace(verdict, alert_id=alert.alert_id, raised_at=alert.raised_at, level=level)
        told = (
            level is not alert.level
            or bool(alert.held_because)
            or alert.levels != renewed.levels
            or _has_moved(alert, renewed)
        )
        if not told:
            return None
        return AlertEvent(Happening.UPDATED, renewed)

    def _held(self, state: _State, alert: Alert, reason: Reason, now: Instant) -> AlertEvent | None:
        if state.held_since is None:
            state.held_since = now
        if now - state.held_since >= duration_ns(state.profile.hold_not_assessed_s):
            return self._cleared(alert, Cleared.NOT_ASSESSED, now)
        name = reason.name.lower()
        if alert.held_because == name:
            return None
        return AlertEvent(Happening.UPDATED, replace(alert, held_because=name, updated_at=now))

    def _gone(
        self, key: Key, state: _State, alert: Alert, verdicts: dict[Key, _Seen], now: Instant
    ) -> AlertEvent | None:
        if key.kind is Kind.APPROACH and (entered := self._states.get(key._replace(kind=Kind.INCURSION))):
            if entered.alert is not None:
                return self._cleared(alert, Cleared.ENTERED, now)
            if key._replace(kind=Kind.INCURSION) in verdicts:
                return None  # kept until the incursion is confirmed: never a gap between the two
        if state.gone_since is None:
            state.gone_since = now
        if now - state.gone_since < duration_ns(state.profile.clear_after_s):
            return None
        return self._cleared(alert, _GONE[key.kind], now)

    def _cleared(self, alert: Alert, why: Cleared, now: Instant) -> AlertEvent:
        return AlertEvent(
            Happening.CLEARED, replace(alert, updated_at=now, cleared_at=now, cleared_because=str(why), held_because="")
        )

    def _keep(self, key: Key, state: _State, event: AlertEvent) -> None:
        alert = event.alert
        if event.happening is Happening.CLEARED:
            del self.active[alert.alert_id]
            del self._states[key]
        else:
            state.alert = self.active[alert.alert_id] = alert


def _of_conformance(verdict: ConformanceVerdict, now: Instant) -> Alert:
    return Alert(
        alert_id=0,
        kind=Kind.CONFORMANCE,
        level=Level.WARNING if verdict.phase is Conformance.OUTSIDE else Level.CAUTION,
        a=verdict.track,
        b=0,
        zone=verdict.activity,
        raised_at=now,
        updated_at=now,
        event_at=verdict.leaves_at,
        time_to_event_s=verdict.time_to_leave_s,
        distance_m=verdict.horizontal_m,
        vertical_ft=verdict.vertical_ft,
        latitude_rad=verdict.latitude_rad,
        longitude_rad=verdict.longitude_rad,
    )


def _level(time_s: float, alarm_s: float, warning_s: float) -> Level:
    if time_s <= alarm_s:
        return Level.ALARM
    return Level.WARNING if time_s <= warning_s else Level.CAUTION


def _standing_event(state: _State, verdict: _Seen | None) -> _Seen | None:
    """Return *verdict* with the instant of an event that has happened: it no longer moves with the clock."""
    if verdict is None or verdict.alert.event_at is None:
        return verdict
    if verdict.alert.time_to_event_s > 0.0 or state.event_at is None:
        state.event_at = verdict.alert.event_at
        return verdict
    state.event_at = min(state.event_at, verdict.alert.event_at)
    return verdict._replace(alert=replace(verdict.alert, event_at=state.event_at))


def _has_moved(alert: Alert, renewed: Alert) -> bool:
    if renewed.time_to_event_s == 0.0 < alert.time_to_event_s:
        return True  # it has come about, and that is news even where it was foretold to the second
    if alert.event_at is None or renewed.event_at is None:
        return abs(renewed.distance_m - alert.distance_m) > 0.2 * alert.distance_m + 100.0
    return abs(renewed.event_at - alert.event_at) > duration_ns(_MOVED_S)
