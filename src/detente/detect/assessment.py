"""What one pass of the detector says. Only what is remarkable is listed, with what could not be judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from detente.picture.picture import Reason
from detente.types import Instant


@dataclass(frozen=True, slots=True)
class Conflict:
    """A pair predicted to be, or now, below both minima; `a`, `b` are track numbers, in order of identity."""

    a: int
    b: int
    time_in_s: float  # first instant below both minima; 0 when separation is lost now
    time_out_s: float  # last such instant within the look-ahead
    time_to_cpa_s: float  # of the closest point of approach in the horizontal, not below 0
    distance_at_cpa_m: float
    vertical_at_cpa_ft: int  # absolute, integer feet
    latitude_rad: float  # midway between the two at time_to_cpa_s
    longitude_rad: float
    levels: tuple[tuple[int, int], ...] = ()  # conditional: (track, level in ft) that must level off for it not to come
    is_promoted: bool = False  # conditional, but so near that nobody can wait and see: a warning
    is_told: bool = True  # False: conditional and so far off that nobody needs to know yet
    may_be_one: bool = False  # side by side, and at most one with an ICAO address: two devices in one aircraft?
    profile: str = ""  # by which it was judged, where not by the node's own
    margin_m: float = 0.0  # below the minima only with these margins, for the accuracy of the two; 0 without
    margin_ft: float = 0.0
    is_held: bool = False  # only below the wider minima that keep an alert once raised; raises none


class Phase(StrEnum):
    """How a track stands to a line or zone."""

    APPROACH = "approach"  # comes within the zone's margin, does not enter within the look-ahead
    ENTRY = "entry"  # predicted to enter
    INSIDE = "inside"
    LEAVING = "leaving"


@dataclass(frozen=True, slots=True)
class ZoneVerdict:
    """A track predicted to enter or come near a zone, or inside it."""

    track: int  # track number
    zone: str  # zone id
    phase: Phase
    time_to_entry_s: float  # ENTRY: of the first crossing; INSIDE: 0; APPROACH: inf
    latitude_rad: float  # of the crossing, or of the least distance
    longitude_rad: float
    least_distance_m: float  # to the boundary within the look-ahead; 0 once it crosses
    time_to_least_s: float
    dwell_s: float  # predicted time inside within the look-ahead; NaN when unknown


class Conformance(StrEnum):
    """How a track stands to the volumes of its declared activity."""

    CONFORMING = "conforming"
    LEAVING = "leaving"  # predicted to leave
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class ConformanceVerdict:
    """How a track that takes part in a declared activity keeps to it, conforming or not."""

    track: int  # track number
    activity: str
    phase: Conformance
    time_to_leave_s: float  # LEAVING: until it is beyond every volume; OUTSIDE: 0; CONFORMING: inf
    leaves_at: Instant | None  # LEAVING: predicted; OUTSIDE: since when; CONFORMING: None
    latitude_rad: float  # of the leaving, else of the track
    longitude_rad: float
    horizontal_m: float  # beyond the nearest volume at that instant; 0 within it
    vertical_ft: int  # above its ceiling; negative below its floor; 0 between
    is_out_of_time: bool = False  # no volume is active then; the distances are to the nearest of all


@dataclass(frozen=True, slots=True)
class NotAssessed:
    """A track, or a pair when *other* is set, that could not be judged."""

    track: int
    reason: Reason
    other: int | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    """One pass over one snapshot."""

    at: Instant
    tracks: int  # how many were looked at
    conflicts: tuple[Conflict, ...] = ()
    zones: tuple[ZoneVerdict, ...] = ()
    not_assessed: tuple[NotAssessed, ...] = field(default=())
    conformance: tuple[ConformanceVerdict, ...] = ()  # of every track that takes part in an activity
