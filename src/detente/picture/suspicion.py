"""Twelve ways in which a track can be false, the rule that sees each, and what that rule cannot see.

A rule looks at what one track has said of itself, over a window short enough to speak within ten seconds. Copies of
other tracks are `echo`'s, claims of one address `correlate`'s, single plots that leap `follow`'s. No rule proves that a
track is true, and none deletes one: a track under suspicion is shown, and not assessed, with its reason.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from detente.picture.motion import bend_m, offset_m
from detente.picture.picture import Reason

Record = Any
Records = npt.NDArray[np.void]


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of false track. For the documents; the thresholds themselves are the constants below."""

    reason: Reason
    sees: str
    because: str
    blind_to: str


RULES: Final = (
    Rule(
        Reason.FROZEN,
        "an aircraft that says it moves stands still for 8 s: one position repeated, or a twentieth of the told way",
        "a receiver that misses an aircraft for less is ordinary; what is 8 s old is 2 km off at cruise",
        "an aircraft that tells no velocity, or one below 20 m/s",
    ),
    Rule(
        Reason.TELEPORT,
        "a plot farther from its track than 0.6 NM and 20 m/s² reach, or a way of 5 NM between two plots",
        "0.6 NM is a second's error of a time stamp and a radar's noise together",
        "smaller jumps; a false place reached in small steps",
    ),
    Rule(
        Reason.MIRRORED,
        "it moves as the reflection of what it tells (east-west, north-south, both), leaps to such a reflection, or "
        "flies another track's reflection with each irregular change of its speed or places at the same second",
        "two aircraft head-on are reflections of each other: only changes that no plan shares tell a copy",
        "the reflection of a perfectly steady flight without noise under another address; an axis at a slant to the "
        "meridian",
    ),
    Rule(
        Reason.DELAYED_COPY,
        "it was twice where another track was, to the metre, as fast and as high, the same 2 to 180 s later",
        "an aircraft in trail on one approach comes as near once in hours, and not twice with one delay",
        "a copy with noise of its own, or taken at other instants than the original's plots",
    ),
    Rule(
        Reason.DUPLICATE_ADDRESS,
        "one address heard at two places: the one that was heard before stays assessed, and our own before a peer's",
        "plots 5 NM apart, or five in a row beside a track still heard, are not one aircraft's noise",
        "which of two that began together is the true one: then neither is assessed",
    ),
    Rule(
        Reason.CLOCK_SKEW,
        "stamps ahead of our clock by 5 s, three in a row older than the track or 8 s old on arrival, or a step of "
        "more than 1.5 s that the way flown contradicts",
        "networks delay by seconds now and then, and then the stamp is right and the way agrees with it",
        "a steady skew below 5 s ahead, or 8 s behind, that was there from the first plot",
    ),
    Rule(
        Reason.ALTITUDE_JUMP,
        "an altitude off its prediction by more than 500 ft and what 30 m/s and 5 m/s² more explain",
        "altitudes come in steps of 25 and 100 ft and seconds late; the figure is above both together",
        "a slow false climb or descent at an aircraft's rate",
    ),
    Rule(
        Reason.SPOOFED_CIRCLE,
        "a turn that pulls more than 20 m/s², that the told course does not follow, or that began with a break in "
        "place, way or velocity no aircraft makes",
        "20 m/s² is a bank of 64 degrees; holds, gliders and surveys begin smoothly and bank less",
        "a circle flown at an aircraft's speed and bank from its first plot",
    ),
    Rule(
        Reason.SWAPPED_COORDINATES,
        "latitude and longitude exchanged put it where its track, or its address elsewhere, is; or it moves so",
        "the way flown is then stretched by the cosine of the other coordinate, which no wind does",
        "a new track without velocity and without another track of its address",
    ),
    Rule(
        Reason.UNIT_MIXUP,
        "speed off what it flies, or altitude off its other or its last one, by a factor between two units; a climb of "
        "more than 120 m/s",
        "a factor of 1.85 or more is far outside wind, lag and rounding",
        "a wrong altitude that was there from the first plot, without a second height; a climb in feet a second",
    ),
    Rule(
        Reason.COASTED_TOO_LONG,
        "not heard for 10 s and 2.5 intervals; or a noisy track that goes on without any noise, at one velocity",
        "a sensor's noise does not stop; what is computed has none",
        "a copy of coasting with noise added; a source that was always without noise",
    ),
    Rule(
        Reason.IDENTITY_SWAP,
        "a plot far from its own track is where another track is; or a callsign in the air becomes another track's",
        "two aircraft never exchange place, height and speed between two plots",
        "a swap within 0.6 NM and one height",
    ),
)
"""The twelve kinds; docs/data-quality.md is written from them."""

WINDOW_S: Final = 6.5
"""The way flown is compared with the way told over so long …"""
SHORTEST_S: Final = 4.0
LONGEST_S: Final = 22.0
"""… at least this, and with a slow source over its last two steps when they are no longer than this: one plot of a
recording on a grid of 10 s may be stamped 5 s wrong, and is then no witness."""

SLOWEST_MPS: Final = 25.0
"""Below this the noise of a position is as large as the way flown in the window."""
CONTRADICTED: Final = 0.33
CONTRADICTED_M: Final = 40.0
"""The way flown contradicts the way told when they differ by so much of the longer one, and so much more: a position
stamped a second wrong is a sixth of the window. The least factor between two units is off by 0.41."""
EXPLAINED: Final = 0.1
EXPLAINED_M: Final = 40.0
EXPLAINED_SHARE: Final = 0.4
"""What a hypothesis may leave unexplained: of the way, and of the contradiction."""
SWAPPED: Final = 0.07
SWAPPED_M: Final = 40.0
SWAPPED_LEFT: Final = 0.25
"""Exchanged coordinates may lead nearly the told way, on a diagonal course: a smaller contradiction is enough for them
when exchanging them back leaves no more than this of it. A wrong stamp's lies along the course, and is left whole."""
TWICE_S: Final = 0.9
"""A contradiction must be found by two plots so far apart: receivers stamp a plot wrong now and then."""

TURN_MPS2: Final = 20.0
TURN_RATE_RADPS: Final = math.radians(1.5)
TURN_RAD: Final = math.radians(9.0)
BREAK_MPS: Final = 25.0
BREAK_MPS2: Final = 15.0
"""A velocity that changes between two plots by both together is no manoeuvre: 1.5 g, and a rounding each."""
BROKEN_WAY_S: Final = 2.5
"""The way flown after a break is measured over so long, and to two plots: one may be stamped wrong."""
AFTER_BREAK_S: Final = 20.0
CURVE_S: Final = 8.5

STILL_M: Final = 0.6
STILL_S: Final = 6.0
JITTER_M2: Final = 4.0
"""A track that used to scatter by more than 2 m and now not by 0.6 m for 6 s, and three plots in a row at least, is
computed, not measured: two in a row happen by chance where the scatter is all in one direction."""
JITTER_SAMPLES: Final = 6

VERTICAL_MPS: Final = 120.0
"""A climb told above it is feet a minute read as metres a second."""
HIGH_M: Final = 900.0
"""Above this pressure altitude and height above the ellipsoid never differ by a factor of three."""

_FT: Final = 0.3048
_KT: Final = 1852.0 / 3600.0
_UNITS: Final = (_KT, 1.0 / _KT, 1.0 / 3.6, 3.6, 1.0 / 1.852, 1.852, _FT, 1.0 / _FT, _FT / _KT, _KT / _FT)
"""kt, km/h, ft/s for m/s; km/h for kt; ft/s for kt; each way."""

_NONE: Final = 0
_FROZEN: Final = int(Reason.FROZEN)
_MIRRORED: Final = int(Reason.MIRRORED)
_SWAPPED: Final = int(Reason.SWAPPED_COORDINATES)
_UNIT: Final = int(Reason.UNIT_MIXUP)
_CIRCLE: Final = int(Reason.SPOOFED_CIRCLE)
_COASTED: Final = int(Reason.COASTED_TOO_LONG)


def _window(memory: Record) -> int:
    """Return the oldest row of the history that is compared with the newest; -1 when there is none."""
    newest = memory["kept"] - 1
    oldest = newest
    for k in range(newest - 1, -1, -1):
        age_s = (memory["at_ns"][newest] - memory["at_ns"][k]) * 1e-9
        if age_s > WINDOW_S and (
            oldest < newest - 1 and (memory["at_ns"][newest] - memory["at_ns"][oldest]) * 1e-9 >= SHORTEST_S
        ):
            break
        if age_s > LONGEST_S:
            break
        oldest = k
    span_s = (memory["at_ns"][newest] - memory["at_ns"][oldest]) * 1e-9
    return oldest if span_s >= SHORTEST_S and newest - oldest >= 2 else -1


window = njit(cache=True, nogil=True)(_window)


def _told_way_m(memory: Record, oldest: int) -> tuple[float, float]:
    """Return how far east and north the told velocities lead from row *oldest* on; nan when one is missing."""
    east_m = 0.0
    north_m = 0.0
    for k in range(oldest, memory["kept"] - 1):
        step_s = (memory["at_ns"][k + 1] - memory["at_ns"][k]) * 1e-9
        east_m += 0.5 * step_s * (memory["v_east_mps"][k] + memory["v_east_mps"][k + 1])
        north_m += 0.5 * step_s * (memory["v_north_mps"][k] + memory["v_north_mps"][k + 1])
    return east_m, north_m


told_way_m = njit(cache=True, nogil=True)(_told_way_m)


def _unswapped_m(memory: Record, oldest: int) -> tuple[float, float]:
    """Return how far east and north it flew if each latitude was a longitude and each longitude a latitude."""
    newest = memory["kept"] - 1
    return offset_m(
        memory["longitude_rad"][oldest],
        memory["latitude_rad"][oldest],
        memory["longitude_rad"][newest],
        memory["latitude_rad"][newest],
    )


unswapped_m = njit(cache=True, nogil=True)(_unswapped_m)


def _wrapped(angle_rad: float) -> float:
    return angle_rad - 2.0 * math.pi * math.floor(angle_rad / (2.0 * math.pi) + 0.5)


wrapped = njit(cache=True, nogil=True)(_wrapped)


def _curve(memory: Record, from_ns: int) -> tuple[float, float, float, int]:
    """Return turned rad, told turned rad (nan unknown), mean speed m/s and steps of the steady turn that ends now.

    Only plots of the last seconds that are not older than *from_ns* count; 0 steps when the turn is not all one way.
    """
    newest = memory["kept"] - 1
    turned = 0.0
    way_m = 0.0
    steps = 0
    after = math.nan
    first = newest
    last = newest
    for k in range(newest - 1, -1, -1):
        if (memory["at_ns"][newest] - memory["at_ns"][k]) * 1e-9 > CURVE_S or memory["at_ns"][k] < from_ns:
            break
        if (memory["at_ns"][last] - memory["at_ns"][k]) * 1e-9 < 0.45:
            continue
        east, north = offset_m(
            memory["latitude_rad"][k],
            memory["longitude_rad"][k],
            memory["latitude_rad"][last],
            memory["longitude_rad"][last],
        )
        step_m = math.hypot(east, north)
        course = math.atan2(east, north)
        if step_m < 8.0:
            return 0.0, math.nan, 0.0, 0
        if math.isfinite(after):
            step = wrapped(after - course)
            if turned * step < 0.0:
                return 0.0, math.nan, 0.0, 0
            turned += step
        way_m += step_m
        after = course
        steps += 1
        first = k
        last = k
    span_s = (memory["at_ns"][newest] - memory["at_ns"][first]) * 1e-9
    if steps < 3 or span_s <= 0.0:
        return 0.0, math.nan, 0.0, 0
    told = wrapped(
        math.atan2(memory["v_east_mps"][newest], memory["v_north_mps"][newest])
        - math.atan2(memory["v_east_mps"][first], memory["v_north_mps"][first])
    )
    return turned * steps / (steps - 1), told, way_m / span_s, steps


curve = njit(cache=True, nogil=True)(_curve)


def _is_fresh(memory: Record) -> bool:
    """Whether the told velocity changed in each of the last plots: else it may be an old one told again."""
    newest = memory["kept"] - 1
    changes = 0
    for k in range(newest - 1, max(newest - 7, -1), -1):
        changed = memory["v_east_mps"][k] != memory["v_east_mps"][k + 1]
        changes += changed or memory["v_north_mps"][k] != memory["v_north_mps"][k + 1]
    return changes >= 3


is_fresh = njit(cache=True, nogil=True)(_is_fresh)


def _contradiction(memory: Record, sigma_m: float) -> int:
    """Return the `Reason` that explains why the way flown is not the way told; 0 when it is, or none explains it."""
    oldest = window(memory)
    if oldest < 0:
        return _NONE
    newest = memory["kept"] - 1
    span_s = (memory["at_ns"][newest] - memory["at_ns"][oldest]) * 1e-9
    told_east, told_north = told_way_m(memory, oldest)
    east, north = offset_m(
        memory["latitude_rad"][oldest],
        memory["longitude_rad"][oldest],
        memory["latitude_rad"][newest],
        memory["longitude_rad"][newest],
    )
    told = math.hypot(told_east, told_north)
    flown = math.hypot(east, north)
    longer = max(told, flown)
    if not longer >= SLOWEST_MPS * span_s:  # nan: no velocity is told
        return _NONE
    slack_m = 3.0 * sigma_m if sigma_m > 0.0 else 0.0
    off_m = math.hypot(east - told_east, north - told_north)
    swapped_m = math.inf
    if abs(memory["longitude_rad"][newest]) <= 0.5 * math.pi:
        swapped_east, swapped_north = unswapped_m(memory, oldest)
        swapped_m = math.hypot(swapped_east - told_east, swapped_north - told_north)
    if swapped_m <= SWAPPED_LEFT * off_m and off_m > SWAPPED * longer + SWAPPED_M + slack_m:
        return _SWAPPED
    if off_m <= CONTRADICTED * longer + CONTRADICTED_M + slack_m:
        return _NONE
    if flown <= 0.05 * told and told >= SLOWEST_MPS * span_s:
        return _FROZEN
    best_m = min(EXPLAINED * longer + EXPLAINED_M, EXPLAINED_SHARE * off_m)
    reason = _NONE
    for mirror_east, mirror_north in ((-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)):
        left_m = math.hypot(east - mirror_east * told_east, north - mirror_north * told_north)
        if left_m < best_m:
            best_m = left_m
            reason = _MIRRORED
    for factor in _UNITS:
        left_m = math.hypot(east - told_east * factor, north - told_north * factor)
        if left_m < best_m:
            best_m = left_m
            reason = _UNIT
    if swapped_m < best_m:
        reason = _SWAPPED
    if reason != _NONE or off_m <= 2.0 * CONTRADICTED * longer or not is_fresh(memory):
        return reason
    turned, _, _, steps = curve(memory, 0)
    return _CIRCLE if steps >= 3 and abs(turned) >= 2.0 * TURN_RAD else _NONE


contradiction = njit(cache=True, nogil=True)(_contradiction)


def _flew_as_told(memory: Record, row: int) -> bool:
    """Whether the way flown up to *row*, over 3 s at least, is the one that its velocity told there leads."""
    for k in range(row - 1, -1, -1):
        span_s = (memory["at_ns"][row] - memory["at_ns"][k]) * 1e-9
        if span_s > LONGEST_S:
            break
        if span_s >= 3.0:
            east, north = offset_m(
                memory["latitude_rad"][k],
                memory["longitude_rad"][k],
                memory["latitude_rad"][row],
                memory["longitude_rad"][row],
            )
            told_east = memory["v_east_mps"][row] * span_s
            told_north = memory["v_north_mps"][row] * span_s
            off_m = math.hypot(east - told_east, north - told_north)
            return bool(off_m <= 0.2 * math.hypot(told_east, told_north) + 20.0)
    return False


flew_as_told = njit(cache=True, nogil=True)(_flew_as_told)


def _way_broke_ns(memory: Record) -> int:
    """Return the instant of the first plot after a break in the way flown that no aircraft makes; 0 without one.

    Up to the plot before it, it flew as it told.
    """
    newest = memory["kept"] - 1
    for k in range(newest - 3, -1, -1):
        if (memory["at_ns"][newest] - memory["at_ns"][k]) * 1e-9 > CURVE_S + 2.0:
            break
        off = 0
        for j in range(k + 1, newest + 1):
            span_s = (memory["at_ns"][j] - memory["at_ns"][k]) * 1e-9
            if span_s < BROKEN_WAY_S:
                continue
            east, north = offset_m(
                memory["latitude_rad"][k],
                memory["longitude_rad"][k],
                memory["latitude_rad"][j],
                memory["longitude_rad"][j],
            )
            off_mps = math.hypot(
                east / span_s - memory["v_east_mps"][k],
                north / span_s - memory["v_north_mps"][k],
            )
            if not off_mps > BREAK_MPS + 0.5 * BREAK_MPS2 * span_s:
                break
            off += 1
            if off == 2:
                break
        if off == 2 and flew_as_told(memory, k):
            return int(memory["at_ns"][k + 1])
    return 0


way_broke_ns = njit(cache=True, nogil=True)(_way_broke_ns)


def _broken_circle(memory: Record) -> int:
    """Return SPOOFED_CIRCLE for a turn that began with a break in the way flown and that the told course does not
    follow; else 0. A velocity told on from before a turn is no witness against it, but no turn begins with a leap."""
    newest = memory["kept"] - 1
    if newest < 4:
        return _NONE
    # Cheap, and true of nearly every track: its way is the way that its velocity told some seconds ago leads.
    oldest = window(memory)
    if oldest < 0:
        return _NONE
    told_east, told_north = told_way_m(memory, oldest)
    east, north = offset_m(
        memory["latitude_rad"][oldest],
        memory["longitude_rad"][oldest],
        memory["latitude_rad"][newest],
        memory["longitude_rad"][newest],
    )
    longer = max(math.hypot(told_east, told_north), math.hypot(east, north))
    if not math.hypot(east - told_east, north - told_north) > EXPLAINED * longer + CONTRADICTED_M:
        return _NONE
    broken_ns = way_broke_ns(memory)
    if broken_ns == 0:
        return _NONE
    turned, told, speed_mps, steps = curve(memory, broken_ns)
    if steps < 3 or speed_mps < SLOWEST_MPS or abs(turned) < TURN_RAD:
        return _NONE
    return _CIRCLE if abs(told) < 0.2 * abs(turned) else _NONE  # nan: it tells no course


broken_circle = njit(cache=True, nogil=True)(_broken_circle)


def _circle(memory: Record) -> int:
    """Return SPOOFED_CIRCLE for a turn that no aircraft flies, or that began with a break; else 0."""
    newest = memory["kept"] - 1
    now_ns = memory["at_ns"][newest]
    recent = now_ns - memory["broken_at_ns"] <= AFTER_BREAK_S * 1e9
    turned, told, speed_mps, steps = curve(memory, memory["broken_at_ns"] if recent else 0)
    if steps == 0 or speed_mps < SLOWEST_MPS:
        return _NONE
    span_s = 0.0
    for k in range(newest - 1, -1, -1):
        if (now_ns - memory["at_ns"][k]) * 1e-9 > CURVE_S or (recent and memory["at_ns"][k] < memory["broken_at_ns"]):
            break
        span_s = (now_ns - memory["at_ns"][k]) * 1e-9
    rate = abs(turned) / span_s
    if rate * speed_mps > TURN_MPS2 and steps >= 5:
        return _CIRCLE
    if rate < TURN_RATE_RADPS or abs(turned) < TURN_RAD:
        return _NONE
    if recent:
        return _CIRCLE
    follows = math.isnan(told) or steps < 5 or abs(turned) < 3.0 * TURN_RAD or abs(told) >= 0.2 * abs(turned)
    return _NONE if follows or not is_fresh(memory) else _CIRCLE


circle = njit(cache=True, nogil=True)(_circle)


def _broke(memory: Record) -> int:
    """Note a break of the told velocity at the newest plot; return MIRRORED or UNIT_MIXUP when it is one, else 0."""
    newest = memory["kept"] - 1
    if newest < 1:
        return _NONE
    e0, n0 = memory["v_east_mps"][newest - 1], memory["v_north_mps"][newest - 1]
    e1, n1 = memory["v_east_mps"][newest], memory["v_north_mps"][newest]
    elapsed_s = (memory["at_ns"][newest] - memory["at_ns"][newest - 1]) * 1e-9
    if not math.hypot(e1 - e0, n1 - n0) > BREAK_MPS + BREAK_MPS2 * elapsed_s:
        return _NONE
    if not flew_as_told(memory, newest - 1):  # the velocity told last was an old one
        return _NONE
    memory["broken_at_ns"] = memory["at_ns"][newest]
    if elapsed_s <= 4.0:
        for mirror_east, mirror_north in ((-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)):
            if math.hypot(e1 - mirror_east * e0, n1 - mirror_north * n0) <= 3.0 + 1.5 * elapsed_s:
                return _MIRRORED
    return _NONE


broke = njit(cache=True, nogil=True)(_broke)


def _coasts(memory: Record) -> int:
    """Follow how much the positions scatter; return COASTED_TOO_LONG when a track that did no longer does."""
    newest = memory["kept"] - 1
    if newest < 2:
        memory["still_since_ns"] = 0
        return _NONE
    east, north, moved_m = bend_m(memory)
    if math.isnan(moved_m):
        return _NONE
    second_s = (memory["at_ns"][newest] - memory["at_ns"][newest - 1]) * 1e-9
    steady = (
        memory["v_east_mps"][newest] == memory["v_east_mps"][newest - 1]
        and memory["v_north_mps"][newest] == memory["v_north_mps"][newest - 1]
    ) or not math.isfinite(memory["v_east_mps"][newest])
    moves = moved_m >= SLOWEST_MPS * second_s
    if steady and moves and math.hypot(east, north) <= STILL_M:
        if memory["still_since_ns"] == 0:
            memory["still_since_ns"] = memory["at_ns"][newest - 1]
        lasts_s = (memory["at_ns"][newest] - memory["still_since_ns"]) * 1e-9
        scattered = memory["jitter_samples"] >= JITTER_SAMPLES and memory["jitter_m2"] > JITTER_M2
        return _COASTED if scattered and lasts_s >= max(STILL_S, 2.5 * memory["interval_s"]) else _NONE
    memory["still_since_ns"] = 0
    # A turn bends the path the same way at each plot, noise does not: its successive bends oppose each other.
    opposed = -(east * memory["bend_east_m"] + north * memory["bend_north_m"])
    memory["bend_east_m"] = east
    memory["bend_north_m"] = north
    memory["jitter_samples"] = min(memory["jitter_samples"] + 1, 1000)
    memory["jitter_m2"] += 0.15 * (opposed - memory["jitter_m2"])
    return _NONE


coasts = njit(cache=True, nogil=True)(_coasts)


def _is_unit_ratio(a: float, b: float, tolerance: float) -> bool:
    """Whether *a* and *b* are one height in feet and in metres."""
    if not (math.isfinite(a) and math.isfinite(b)) or max(abs(a), abs(b)) < HIGH_M:
        return False
    return bool(min(abs(a - b * _FT), abs(a - b / _FT)) <= tolerance * abs(a))


is_unit_ratio = njit(cache=True, nogil=True)(_is_unit_ratio)


def _units(track: Record, memory: Record) -> int:
    """Return UNIT_MIXUP when its two heights are one in feet and in metres, or its climb is no aircraft's; else 0."""
    newest = memory["kept"] - 1
    if is_unit_ratio(track["altitude_pressure_m"], track["altitude_ellipsoid_m"], 0.08):
        return _UNIT
    if abs(memory["v_up_mps"][newest]) > VERTICAL_MPS:
        return _UNIT
    return _NONE


units = njit(cache=True, nogil=True)(_units)


def _twice(memory: Record, reason: int) -> int:
    """Return *reason* when the plot before told the same; else 0."""
    at_ns = memory["at_ns"][memory["kept"] - 1]
    again = memory["suspected"] == reason and (at_ns - memory["suspected_ns"]) * 1e-9 >= TWICE_S
    if memory["suspected"] != reason:
        memory["suspected"] = reason
        memory["suspected_ns"] = at_ns
    return reason if again else _NONE


twice = njit(cache=True, nogil=True)(_twice)


def _suspect(tracks: Records, memories: Records, rows: int, mistrust_s: float) -> None:
    """Look at each of the first *rows* tracks that has a new plot, and mistrust those that contradict themselves."""
    for row in range(rows):
        memory = memories[row]
        kept = memory["kept"]
        if tracks[row]["number"] == 0 or kept < 1:
            continue
        at_ns = memory["at_ns"][kept - 1]
        if at_ns == memory["examined_ns"]:
            continue
        memory["examined_ns"] = at_ns
        if tracks[row]["on_ground"] == 1:
            continue
        coasted = coasts(memory)
        reason = broke(memory)
        if reason == _NONE:
            reason = units(tracks[row], memory)
        if reason == _NONE:
            reason = broken_circle(memory)
        if reason == _NONE:
            reason = twice(memory, contradiction(memory, tracks[row]["position_sigma_m"]))
        if reason == _NONE:
            reason = circle(memory)
        if reason == _NONE:
            reason = coasted
        if reason != _NONE:
            memory["mistrust"] = reason
            memory["mistrust_until_ns"] = at_ns + np.int64(mistrust_s * 1e9)


suspect = njit(cache=True, nogil=True)(_suspect)
