"""What a peer is told of one of our alerts: its own aircraft by name, another only when it was released, in bands else.

An alert concerns a peer when it is about an aircraft the peer declared its own, or a line the peer notified. Exact
distances to a hidden aircraft would give its place away (threat-model.md, row 45), and a live alert about an aircraft
that is released late or coarsely would undo the release (row 51). So unless every aircraft in it left exactly, or is
the peer's own, distance and time are told as bands, and the place is that of the peer's own aircraft. A safety override
that both sides have in force tells an alert exactly all the same, and is named in it.

That an aircraft leaves a declared activity is an answer too, and the volume is a question that its declarer is free to
choose (row 46). It is answered only where the peer holds the activity, and about an aircraft that did not leave exactly
only where we declared the activity ourselves, or signed it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal

import msgspec
import numpy as np

from detente.alerts.alert import Alert, AlertEvent, Kind, Level
from detente.detect.zone import Zone
from detente.picture.correlate import claim_on
from detente.picture.picture import Mark, Tracks
from detente.release.place import snapped
from detente.release.policy import SafetyOverride
from detente.release.release import Released
from detente.types import NS_PER_MS, PartyId, instant_ms
from detente.units import DEG_PER_RAD, M_PER_NM

DISTANCE_BANDS_M: Final = (500, 1_000, 2_000, 5_000)
CLAIM_M: Final = 0.5 * M_PER_NM
"""A party that says that an aircraft is its own is told exactly of it only while it knows it to be there itself."""

TIME_BANDS_S: Final = (60, 120, 300, 600, 1_200)
PLACE_GRID_M: Final = 10_000
"""Where a hidden aircraft is expected at the peer's line is told to so much: a warning without a place is no use."""

NOT_RELEASED: Final = "traffic not released to you"

_E7 = Annotated[int, msgspec.Meta(ge=-1_800_000_000, le=1_800_000_000)]
_Ms = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
_Ascii = Annotated[str, msgspec.Meta(pattern=r"\A[ -~]{0,16}\Z")]


class Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How an alert names an aircraft that its reader may know."""

    is_yours: bool  # the reader declared it its own
    ref: Annotated[int, msgspec.Meta(ge=0, lt=2**52)] | None = None  # as in the track frames; None in the reader's own
    identity: _Ascii = ""  # of the reader's own, or where the release gives it
    callsign: Annotated[str, msgspec.Meta(pattern=r"\A[ -~]{0,8}\Z")] = ""


class AlertTold(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """The body of an alert's leaf. Integers and short texts only; what is not told is null."""

    alert: Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9-]{1,48}\Z")]  # "<party>-<n>", the writer's name for it
    happening: Literal["raised", "updated", "cleared"]
    kind: Literal["conflict", "incursion", "approach", "conformance"]
    level: Literal["caution", "warning", "alarm"]
    at_ms: _Ms  # when it was so; UTC
    a: Named | None  # null: traffic not released to you
    b: Named | None = None  # null too unless it is a conflict
    zone: Annotated[str, msgspec.Meta(max_length=96)] | None = None
    is_banded: bool = False  # distance and time are "at most so much", the place is coarse or your own aircraft's
    event_at_ms: _Ms | None = None  # exact only
    within_s: int | None = None  # banded: to the event at most so long; null with an event: longer than any band
    distance_m: int | None = None  # at the closest point, or least distance to the line; banded: at most so much
    vertical_ft: int | None = None  # exact only
    latitude_e7: _E7 | None = None  # 1e-7 degree, WGS 84
    longitude_e7: _E7 | None = None
    is_synthetic: bool = False  # reconstruction or exercise: say so on screen
    because: Literal[
        "", "diverged", "left", "entered", "returned", "track_dropped", "not_assessed", "same_aircraft", "ended"
    ] = ""  # cleared; exact or "ended"
    override: Annotated[str, msgspec.Meta(max_length=44)] | None = None  # digest of that under which more is told


def alert_for(
    event: AlertEvent,
    name: str,
    tracks: Tracks,
    released: Released,
    parties: Sequence[PartyId],
    zones: Mapping[str, Zone],
    overrides: Sequence[SafetyOverride] = (),
    *,
    declared_to_peer: bool = False,
    declared_by_us: bool = False,
) -> AlertTold | None:
    """Return what `released.peer` is told of *event*, or None when the alert is not its concern.

    name: of the alert on the wire. tracks: our picture. released: the newest frame to that peer. parties: as
    `declared_by` and `party` count them, ourselves first. zones: by id. declared_to_peer: whether the activity
    that a conformance is about was declared at a table at which the peer sits: otherwise it is not its concern,
    whosever the aircraft. declared_by_us: whether we declared or signed it. overrides: that hold towards the peer.
    """
    alert, peer = event.alert, released.peer
    zone = None if alert.kind is Kind.CONFORMANCE else zones.get(alert.zone)
    peer_index = parties.index(peer)
    mine = [_named(number, tracks, released, peer_index) for number in (alert.a, alert.b) if number]
    owns_line = (zone is not None and zone.asserted_by == peer) or declared_to_peer
    if not owns_line and not any(named is not None and named[0].is_yours for named in mine):
        return None
    is_exact = all(named is not None and named[1] for named in mine)
    if alert.kind is Kind.CONFORMANCE and not (declared_to_peer and (declared_by_us or is_exact)):
        return None
    override = None if is_exact else next((o for o in overrides if _applies(o, alert)), None)
    if override is not None and override.names:
        others = [_by_name(number, tracks) for number in (alert.a, alert.b) if number]
        mine = [named or other for named, other in zip(mine, others, strict=True)]
    # A named aircraft stands first, so that the order tells nothing of the hidden one.
    names = sorted((n[0] if n else None for n in mine), key=lambda n: (n is None, n is None or not n.is_yours))
    at_ms = instant_ms(alert.updated_at if alert.cleared_at is None else alert.cleared_at)
    told = AlertTold(
        alert=name,
        happening=event.happening.value,
        kind=alert.kind.value,
        level=alert.level.value,
        at_ms=at_ms if is_exact else at_ms // 1_000 * 1_000,
        a=names[0],
        b=names[1] if len(names) > 1 else None,
        zone=alert.zone or None,
        is_synthetic=_is_synthetic(alert, tracks),
        override=None if override is None else override.digest,
    )
    rest = _exact(alert) if is_exact or override else _banded(alert, tracks, peer_index, owns_line)
    return msgspec.structs.replace(told, **rest)


def _named(number: int, tracks: Tracks, released: Released, peer: int) -> tuple[Named, bool] | None:
    """Return how the track *number* is named to the peer, and whether it left exactly; None when it did not leave."""
    rows = np.flatnonzero(tracks["number"] == number)
    claim = claim_on(tracks, number, peer)
    if claim is not None:
        # By an address it is told in the peer's own words: a false claim is told back nothing that only we know.
        # A nameless track of the peer's became this one by staying within metres of it; it is told by the name we know.
        row, apart_m = claim
        track = tracks[row] if tracks["identity"][row] == tracks["identity"][rows[0]] else tracks[rows[0]]
        return Named(True, identity=_text(track["identity"]), callsign=_text(track["callsign"])), apart_m <= CLAIM_M
    told = released.item(number)
    if told is None:
        return None
    item, is_exact = told
    named = Named(False, int(item["ref"]), _text(item["identity"]), _text(item["callsign"]))
    # A late position would become a live one by the alert.
    is_late = bool(rows.size) and int(item["at_ms"]) < int(tracks["applicable_at_ns"][rows[0]]) // NS_PER_MS
    return None if is_late else (named, is_exact)


def _applies(override: SafetyOverride, alert: Alert) -> bool:
    """Whether *alert* is one that *override* is about. What has happened, or is over, is no more: it saves nobody."""
    if alert.kind.value not in override.kinds or alert.cleared_at is not None:
        return False
    is_level = alert.level is Level.ALARM or (alert.level is Level.WARNING and override.level == "warning")
    return is_level and alert.event_at is not None and alert.time_to_event_s <= override.within_s


def _by_name(number: int, tracks: Tracks) -> tuple[Named, bool] | None:
    """Return the track *number* by its name alone; None when we do not hold it."""
    rows = np.flatnonzero((tracks["number"] == number) & (tracks["party"] == 0))
    if not rows.size:
        return None
    track = tracks[rows[0]]
    return Named(False, identity=_text(track["identity"]), callsign=_text(track["callsign"])), False


def _exact(alert: Alert) -> dict[str, object]:
    return {
        "event_at_ms": None if alert.event_at is None else instant_ms(alert.event_at),
        "distance_m": _rounded(alert.distance_m),
        "vertical_ft": alert.vertical_ft if alert.kind is Kind.CONFLICT else None,
        "latitude_e7": _rounded(alert.latitude_rad * DEG_PER_RAD * 1e7),
        "longitude_e7": _rounded(alert.longitude_rad * DEG_PER_RAD * 1e7),
        "because": alert.cleared_because,
    }


def _banded(alert: Alert, tracks: Tracks, peer: int, owns_line: bool) -> dict[str, object]:
    place: tuple[float, float] | None = None
    claims = [claim for number in (alert.a, alert.b) if number and (claim := claim_on(tracks, number, peer))]
    if claims:
        own = tracks[min(row for row, _ in claims)]
        place = float(own["latitude_rad"]), float(own["longitude_rad"])
    elif owns_line and math.isfinite(alert.latitude_rad):
        lat, lon = snapped(np.array([alert.latitude_rad]), np.array([alert.longitude_rad]), PLACE_GRID_M)
        place = float(lat[0]), float(lon[0])
    return {
        "is_banded": True,
        "within_s": None if alert.event_at is None else _band(alert.time_to_event_s, TIME_BANDS_S),
        "distance_m": _band(alert.distance_m, DISTANCE_BANDS_M),
        "latitude_e7": None if place is None else _rounded(place[0] * DEG_PER_RAD * 1e7),
        "longitude_e7": None if place is None else _rounded(place[1] * DEG_PER_RAD * 1e7),
        "because": "ended" if alert.cleared_at is not None else "",
    }


def _band(value: float, bands: Sequence[int]) -> int | None:
    """Return the least of *bands* that *value* is below; None above them all, or when it is unknown."""
    return next((band for band in bands if value < band), None)


def _rounded(value: float) -> int | None:
    return round(value) if math.isfinite(value) else None


def _is_synthetic(alert: Alert, tracks: Tracks) -> bool:
    flags = tracks["flags"][np.isin(tracks["number"], [alert.a, alert.b])]
    return bool((flags & np.uint32(Mark.SYNTHETIC)).any())


def _text(value: bytes) -> str:
    return "".join(char for char in bytes(value).decode("ascii", "ignore") if char.isprintable())
