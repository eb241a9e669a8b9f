"""Why an alert was raised, as values a desk can draw: what the detector read, the minima, and what it predicted.

Instants are milliseconds UTC, positions 1e-7 degree (WGS 84), as on the board. What is not known is null.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from detente.alerts.alert import Kind, Level


class StateRow(msgspec.Struct, frozen=True):
    """One aircraft as the detector read it, at its own time of applicability."""

    label: str
    party: str | None  # who declared it; null: nobody did
    number: int
    applicable_at_ms: int
    latitude_e7: int
    longitude_e7: int
    altitude_ft: int | None
    datum: Literal["pressure", "ellipsoid", ""]  # of `altitude_ft`
    v_east_mps: float | None
    v_north_mps: float | None
    v_up_fpm: int | None
    position_sigma_m: float | None
    plots: int  # taken so far
    not_assessed: str  # a reason's name; empty: it could be judged


class MinimaRow(msgspec.Struct, frozen=True):
    """Below both distances at one instant within the look-ahead is a conflict."""

    horizontal_m: float
    vertical_ft: int
    lookahead_s: float


class Judged(msgspec.Struct, frozen=True):
    """One pass's judgement of what an alert is about."""

    at_ms: int
    level: Level
    tracks: list[StateRow]  # those the picture holds at that pass, the alert's `a` first
    profile: str
    rule: Literal["conflict", "entry", "inside", "approach", "leaving", "outside", "gone", "not_assessed"]
    minima: MinimaRow | None  # that raise; null for what is judged against a line
    hold: MinimaRow | None  # that keep an alert once raised
    lookahead_s: float
    alarm_s: float  # nearer than this it is an alarm
    warning_s: float
    confirm: list[int]  # [m, n]: told after m of the last n passes
    time_in_s: float | None  # until both minima, or the line, are crossed
    time_out_s: float | None
    time_to_nearest_s: float | None
    distance_m: float | None
    vertical_ft: int | None
    latitude_e7: int  # of the predicted event
    longitude_e7: int
    levels: list[list[int]] = []  # [track, ft]: if these do not level off there
    margin_m: float | None = None  # of the line or zone


class PeerTold(msgspec.Struct, frozen=True):
    """What a peer's node said of the same event: shown as it said it, never recomputed."""

    party: str
    alert: str  # its own name for it
    level: Level
    sent_at_ms: int
    event_at_ms: int | None
    distance_m: float | None
    vertical_ft: int | None
    is_cleared: bool


class Explanation(msgspec.Struct, frozen=True):
    """Why an alert stands on the desk. `raised` is null when only a peer raised it, or it was before this start."""

    alert: str
    kind: Kind
    zone: str | None
    raised: Judged | None
    now: Judged | None  # null: cleared, or none of its tracks is in the picture
    because: str  # why it was cleared: a word of `detente.alerts.life.Cleared`
    told: list[PeerTold]


class NuisanceRow(msgspec.Struct, frozen=True):
    """How often this node has cried since it started: its alerts, the hours flown, and what people thought of them."""

    since_ms: int
    flight_hours: float
    raised: dict[str, int]  # kind → count, of our own alerts
    useful: int  # alerts so marked at this party's desks
    not_useful: int
