"""An alert and what can happen to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from detente.types import Instant


class Level(StrEnum):
    """How near the event is; the times are the profile's. An alarm is minutes away for a line, one for a conflict."""

    CAUTION = "caution"
    WARNING = "warning"
    ALARM = "alarm"


class Kind(StrEnum):
    CONFLICT = "conflict"
    INCURSION = "incursion"  # predicted or actual entry of a line's far side or a zone
    APPROACH = "approach"  # comes near a line, is not predicted to cross
    CONFORMANCE = "conformance"  # outside, or predicted to leave, the volumes of its declared activity


class Happening(StrEnum):
    RAISED = "raised"
    UPDATED = "updated"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert as it stands. `a` and `b` are track numbers; `b` is 0 and `zone` is set unless it is a conflict.

    Of a conformance `zone` is the activity, and the distances are how far beyond its volumes.
    """

    alert_id: int  # this node's number; its name on the desk and wire is "<party>-<alert_id>"
    kind: Kind
    level: Level
    a: int
    b: int
    zone: str
    raised_at: Instant
    updated_at: Instant
    event_at: Instant | None  # of the loss of separation, crossing or leaving, predicted or since; None: approach
    time_to_event_s: float  # from updated_at; 0 once it has happened; NaN for an approach
    distance_m: float  # at CPA, or least distance to the line
    vertical_ft: int  # at CPA; above (below: negative) an activity's volumes; 0 for zones
    latitude_rad: float
    longitude_rad: float
    cleared_at: Instant | None = None
    cleared_because: str = ""  # from a closed list: `life.Cleared`
    levels: tuple[tuple[int, int], ...] = ()  # a caution on condition: "if <track> does not level at <ft>"
    margin_m: float = 0.0  # the minima were widened by so much, for the accuracy of the two: 0 they were not
    margin_ft: float = 0.0
    held_because: str = ""  # not empty while the verdict cannot be renewed: the name of the `Reason`, "track_dropped"


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """What changed, with the alert as it stands after the change."""

    happening: Happening
    alert: Alert
