"""One plot after another against its track: gates, reacquisition, and the motion that is not told.

The rule: a plot that contradicts its track is refused and remembered as a *candidate*. Candidates that agree with
each other, while the track itself is heard no more, become the track's new position (the aircraft is where it is;
it was we, or its receiver, who were wrong), and it is not assessed until it has been consistent for a while. While
both are heard, they are two aircraft under one address: the newcomer gets a track of its own that is not assessed,
and the one that was there before stays.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from detente.feeds.plot import Reject
from detente.picture.motion import newest_slope, offset_m, robust_slope, slope
from detente.picture.picture import Mark, Reason
from detente.picture.suspicion import is_unit_ratio
from detente.units import M_PER_FT

DEPTH: Final = 16
"""Plots remembered a track."""

MEMORY: Final = np.dtype(
    [
        ("interval_s", "f8"),  # mean time between plots
        ("mistrust", "u1"),  # Reason of the last contradiction; 0 none
        ("mistrust_until_ns", "i8"),
        ("altitude_at_ns", "i8"),  # of the last altitude taken
        ("velocity_at_ns", "i8"),  # of the last velocity told or derived
        ("selected_at_ns", "i8"),  # of the last selected altitude told
        ("heard_at_ns", "i8"),  # of the newest plot with this identity, taken or not
        ("repeated_since_ns", "i8"),  # since when the position has been repeated; 0 it is not
        ("candidate_plots", "u4"),  # plots in a row that agree with each other and not with the track
        ("candidate_since_ns", "i8"),
        ("candidate_at_ns", "i8"),
        ("candidate_latitude_rad", "f8"),
        ("candidate_longitude_rad", "f8"),
        ("candidate_v_east_mps", "f8"),
        ("candidate_v_north_mps", "f8"),
        ("candidate_reason", "u1"),  # what the candidate is taken for
        ("taken_since_candidate", "u4"),  # plots the track took meanwhile
        ("coarse_steps", "u4"),  # changes of altitude in a row from one whole hundred of feet to another
        ("rising_plots", "u4"),  # the same for an altitude
        ("rising_since_ns", "i8"),
        ("rising_at_ns", "i8"),
        ("rising_m", "f8"),
        ("twin", "i4"),  # row of the other aircraft under this address; -1 none
        ("twin_reason", "u1"),  # why it is not assessed while the other is heard; 0: it was here first and stays
        ("splits", "u1"),  # the candidate is another aircraft: the tracker owes it a row
        ("age_s", "f8"),  # how old its plots are on arrival, mean
        ("skewed_since_ns", "i8"),  # since when its stamps are off what they were; 0 they are not
        ("behind_plots", "u4"),  # plots in a row that are older than the track, and since when they arrive
        ("behind_since_ns", "i8"),
        ("late_plots", "u4"),  # plots in a row that were old on arrival, and since when
        ("late_since_ns", "i8"),
        ("suspected", "u1"),  # what the last plot contradicted, and the first of those in a row
        ("suspected_ns", "i8"),
        ("examined_ns", "i8"),  # newest plot that `suspicion` has looked at
        ("broken_at_ns", "i8"),  # when place or velocity last changed as no aircraft's does
        ("bend_east_m", "f8"),  # how far the newest plot that scattered was off a straight line
        ("bend_north_m", "f8"),
        ("jitter_m2", "f8"),  # how successive bends oppose each other, mean: the square of the scatter
        ("jitter_samples", "u4"),
        ("still_since_ns", "i8"),  # since when it does not scatter; 0 it does
        ("copy_of", "u4"),  # number of the track it was found on the path of
        ("copy_delay_s", "f8"),
        ("copy_at_ns", "i8"),
        ("mirror_of", "u4"),  # number of the track it was found to reflect
        ("mirror_hits", "u4"),
        ("mirror_at_ns", "i8"),
        ("said_by_party", "u1"),  # its party says that it could not be judged there
        ("kept", "u1"),  # how much of the history below is filled
        ("at_ns", "i8", (DEPTH,)),  # newest last
        ("latitude_rad", "f8", (DEPTH,)),
        ("longitude_rad", "f8", (DEPTH,)),
        ("height_m", "f8", (DEPTH,)),  # pressure where told, else above the ellipsoid; never both in one history
        ("course_rad", "f8", (DEPTH,)),  # nan unknown
        ("v_east_mps", "f8", (DEPTH,)),  # as told; nan when it was not
        ("v_north_mps", "f8", (DEPTH,)),
        ("v_up_mps", "f8", (DEPTH,)),
    ]
)

GATES: Final = (
    "future_s",
    "old_s",
    "lowest_altitude_m",
    "highest_altitude_m",
    "altitude_step_m",
    "climb_limit_mps",
    "climb_change_mps2",
    "altitude_memory_s",
    "speed_limit_mps",
    "position_step_m",
    "acceleration_limit_mps2",
    "reach_acceleration_mps2",
    "reach_speed_mps",
    "leap_m",
    "reacquire_s",
    "mistrust_s",
    "frozen_s",
    "moving_mps",
    "first_interval_s",
    "longest_interval_s",
    "selected_lasting_s",
    "reacquire_plots",
    "established_plots",
    "established_s",
    "clock_step_s",
    "clock_late_s",
    "clock_lasting_s",
    "clock_memory_s",
    "too_long_s",
    "too_long_intervals",
    "coast_after_s",
    "coast_after_intervals",
    "stale_after_s",
    "stale_after_intervals",
    "drop_after_s",
    "drop_after_intervals",
)
"""The fields of `Limits` the kernels read, as one record."""

GATE_RECORD: Final = np.dtype([(name, "f8") for name in GATES])

_NO: Final = 0
_TELEPORT: Final = int(Reject.TELEPORT)
_ALTITUDE_OUTLIER: Final = int(Reject.ALTITUDE_OUTLIER)
_STALE: Final = int(Reject.STALE)
_DUPLICATE: Final = int(Reject.DUPLICATE_ADDRESS)
_IMPOSSIBLE_SPEED: Final = int(Reject.IMPOSSIBLE_SPEED)
_NO_POSITION: Final = int(Reject.NO_POSITION)
_OUT_OF_RANGE: Final = int(Reject.OUT_OF_RANGE)
_FUTURE: Final = int(Reject.FUTURE)

_BY_TELEPORT: Final = int(Reason.TELEPORT)
_BY_DUPLICATE: Final = int(Reason.DUPLICATE_ADDRESS)
_BY_ALTITUDE: Final = int(Reason.ALTITUDE_JUMP)
_BY_SPEED: Final = int(Reason.IMPOSSIBLE_SPEED)
_BY_CLOCK: Final = int(Reason.CLOCK_SKEW)
_BY_FROZEN: Final = int(Reason.FROZEN)
_BY_SWAP: Final = int(Reason.SWAPPED_COORDINATES)
_BY_MIRROR: Final = int(Reason.MIRRORED)
_BY_IDENTITY: Final = int(Reason.IDENTITY_SWAP)
_BY_RANGE: Final = int(Reason.OUT_OF_RANGE)
_BY_UNITS: Final = int(Reason.UNIT_MIXUP)

NEVER_NS: Final = -(1 << 62)
_HUNDRED_FT_M: Final = 100.0 * M_PER_FT
_COARSE_STEPS: Final = 5

Record = Any
Records = npt.NDArray[np.void]


def _screened(plots: Records, now_ns: int, gates: Records, verdicts: npt.NDArray[np.int64]) -> None:
    """Write to *verdicts* what is wrong with each plot by itself: a `Reject`, 0 nothing."""
    gate = gates[0]
    for i in range(len(plots)):
        plot = plots[i]
        latitude = plot["latitude_rad"]
        longitude = plot["longitude_rad"]
        v_east = plot["v_east_mps"]
        v_north = plot["v_north_mps"]
        age_s = (now_ns - plot["applicable_at_ns"]) * 1e-9
        if not (math.isfinite(latitude) and math.isfinite(longitude)):
            verdicts[i] = _NO_POSITION
        elif abs(latitude) > math.pi / 2 or abs(longitude) > math.pi:
            verdicts[i] = _OUT_OF_RANGE
        elif age_s < -gate["future_s"]:
            verdicts[i] = _FUTURE
        elif age_s > gate["old_s"]:
            verdicts[i] = _STALE
        elif math.hypot(v_east, v_north) > gate["speed_limit_mps"]:
            verdicts[i] = _IMPOSSIBLE_SPEED
        else:
            verdicts[i] = _NO


screened = njit(cache=True, nogil=True)(_screened)


def _is_near(
    from_latitude_rad: float,
    from_longitude_rad: float,
    v_east_mps: float,
    v_north_mps: float,
    elapsed_s: float,
    plot: Record,
    gate: Record,
) -> bool:
    """Whether *plot* is where an aircraft last seen there, so fast, can be after *elapsed_s*."""
    east_m, north_m = offset_m(from_latitude_rad, from_longitude_rad, plot["latitude_rad"], plot["longitude_rad"])
    sigma_m = plot["position_sigma_m"]
    slack_m = gate["position_step_m"] + (3.0 * sigma_m if sigma_m > 0.0 else 0.0)
    speed_mps = math.hypot(v_east_mps, v_north_mps)
    if math.isnan(speed_mps):
        return bool(math.hypot(east_m, north_m) <= slack_m + gate["reach_speed_mps"] * elapsed_s)
    fastest_mps = max(gate["reach_speed_mps"], 1.2 * speed_mps)
    reach_m = min(speed_mps + gate["reach_acceleration_mps2"] * elapsed_s, fastest_mps) * elapsed_s
    turned_m = 0.5 * gate["acceleration_limit_mps2"] * elapsed_s**2
    missed_m = math.hypot(east_m - v_east_mps * elapsed_s, north_m - v_north_mps * elapsed_s)
    return bool(math.hypot(east_m, north_m) <= slack_m + reach_m and missed_m <= slack_m + turned_m)


is_near = njit(cache=True, nogil=True)(_is_near)


def _mistrust(memory: Record, reason: int, at_ns: int, gate: Record) -> None:
    memory["mistrust"] = reason
    memory["mistrust_until_ns"] = at_ns + np.int64(gate["mistrust_s"] * 1e9)


mistrust = njit(cache=True, nogil=True)(_mistrust)


def _begin(track: Record, memory: Record, plot: Record, gate: Record) -> None:
    """Set a new track's place and memory; `enter` fills the rest as for any plot."""
    track["first_at_ns"] = plot["applicable_at_ns"]
    track["applicable_at_ns"] = plot["applicable_at_ns"]
    track["plots"] = 0
    memory["interval_s"] = gate["first_interval_s"]
    memory["mistrust"] = 0
    memory["mistrust_until_ns"] = 0
    memory["heard_at_ns"] = plot["applicable_at_ns"]
    memory["twin"] = -1
    memory["twin_reason"] = 0
    memory["splits"] = 0
    memory["age_s"] = math.nan
    memory["skewed_since_ns"] = 0
    memory["behind_plots"] = 0
    memory["late_plots"] = 0
    memory["examined_ns"] = 0
    memory["suspected"] = 0
    memory["copy_of"] = 0
    memory["mirror_of"] = 0
    memory["said_by_party"] = 0
    forget(track, memory)
    memory["broken_at_ns"] = NEVER_NS


def _forget(track: Record, memory: Record) -> None:
    """Drop what was known of the motion: the track begins again where it now is."""
    track["altitude_pressure_m"] = math.nan
    track["altitude_ellipsoid_m"] = math.nan
    track["altitude_step_m"] = math.nan
    track["v_east_mps"] = math.nan
    track["v_north_mps"] = math.nan
    track["v_up_mps"] = math.nan
    track["turn_rate_radps"] = math.nan
    track["selected_altitude_m"] = math.nan
    memory["altitude_at_ns"] = 0
    memory["velocity_at_ns"] = 0
    memory["selected_at_ns"] = 0
    memory["repeated_since_ns"] = 0
    memory["candidate_plots"] = 0
    memory["coarse_steps"] = 0
    memory["rising_plots"] = 0
    memory["taken_since_candidate"] = 0
    memory["jitter_m2"] = 0.0
    memory["jitter_samples"] = 0
    memory["still_since_ns"] = 0
    memory["kept"] = 0


forget = njit(cache=True, nogil=True)(_forget)
begin = njit(cache=True, nogil=True)(_begin)


def _swapped_place(track: Record, plot: Record, elapsed_s: float, gate: Record) -> int:
    """Return the `Reason` when exchanged or negated coordinates put *plot* on its track; 0 when none does."""
    latitude = plot["latitude_rad"]
    longitude = plot["longitude_rad"]
    if within(track, longitude, latitude, elapsed_s, gate):
        return _BY_SWAP
    for north, east in ((-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)):
        if within(track, north * latitude, east * longitude, elapsed_s, gate):
            return _BY_MIRROR
    return 0


def _within(track: Record, latitude_rad: float, longitude_rad: float, elapsed_s: float, gate: Record) -> bool:
    """Whether a place is where *track* is expected, as near as a position may be off its prediction."""
    east_m, north_m = offset_m(track["latitude_rad"], track["longitude_rad"], latitude_rad, longitude_rad)
    v_east = track["v_east_mps"]
    v_north = track["v_north_mps"]
    if math.isfinite(v_east) and math.isfinite(v_north):
        east_m -= v_east * elapsed_s
        north_m -= v_north * elapsed_s
    return bool(math.hypot(east_m, north_m) <= gate["position_step_m"] + 3.0 * elapsed_s**2)


within = njit(cache=True, nogil=True)(_within)
swapped_place = njit(cache=True, nogil=True)(_swapped_place)

REFLECTED_MPS: Final = 4.0
REFLECTED_M: Final = 400.0
ALIKE_M: Final = 300.0
ALIKE_HEIGHT_M: Final = 60.0
ALIKE_MPS: Final = 15.0
"""How near a plot must be to a reflection of its track, and to another track, to be taken for it."""


def _reflected(track: Record, plot: Record, elapsed_s: float) -> bool:
    """Whether a far plot flies as its track reflected in a meridian, a parallel or a point would."""
    ve, vn = track["v_east_mps"], track["v_north_mps"]
    slack_mps = REFLECTED_MPS + 2.0 * elapsed_s
    if not math.hypot(ve, vn) > 5.0 * REFLECTED_MPS + 2.0 * slack_mps:
        return False
    if math.hypot(plot["v_east_mps"] + ve, plot["v_north_mps"] + vn) <= slack_mps:
        return True
    east_m, north_m = offset_m(
        track["latitude_rad"], track["longitude_rad"], plot["latitude_rad"], plot["longitude_rad"]
    )
    slack_m = REFLECTED_M + 2.0 * elapsed_s**2
    in_meridian = abs(ve) > slack_mps and math.hypot(plot["v_east_mps"] + ve, plot["v_north_mps"] - vn) <= slack_mps
    in_parallel = abs(vn) > slack_mps and math.hypot(plot["v_east_mps"] - ve, plot["v_north_mps"] + vn) <= slack_mps
    return bool(
        (in_meridian and abs(north_m - vn * elapsed_s) <= slack_m)
        or (in_parallel and abs(east_m - ve * elapsed_s) <= slack_m)
    )


reflected = njit(cache=True, nogil=True)(_reflected)


def _whose(tracks: Records, row: int, plot: Record) -> int:
    """Return the row of the other track of the same party that *plot* continues; -1 when there is none."""
    mine = tracks[row]
    for other in range(len(tracks)):
        track = tracks[other]
        if (
            track["number"] == 0
            or other == row
            or track["party"] != mine["party"]
            or abs(track["latitude_rad"] - plot["latitude_rad"]) > 0.0015
            or track["identity"] == mine["identity"]
        ):
            continue
        elapsed_s = (plot["applicable_at_ns"] - track["applicable_at_ns"]) * 1e-9
        if abs(elapsed_s) > 15.0 or miss_m(track, plot) > ALIKE_M + 2.0 * elapsed_s**2:
            continue
        height_m = abs(track["altitude_pressure_m"] - plot["altitude_pressure_m"])
        if math.isnan(height_m):
            height_m = abs(track["altitude_ellipsoid_m"] - plot["altitude_ellipsoid_m"])
        if not height_m <= ALIKE_HEIGHT_M + 15.0 * abs(elapsed_s):
            continue
        speed_mps = math.hypot(track["v_east_mps"] - plot["v_east_mps"], track["v_north_mps"] - plot["v_north_mps"])
        if not speed_mps <= ALIKE_MPS + 3.0 * abs(elapsed_s):
            continue
        return other
    return -1


def _propose(tracks: Records, row: int, memory: Record, plot: Record, gate: Record) -> int:
    """Remember a plot that contradicts its track. Returns its `Reject`, or 0 when the track is to begin again there."""
    track = tracks[row]
    at_ns = plot["applicable_at_ns"]
    elapsed_s = (at_ns - memory["candidate_at_ns"]) * 1e-9
    agrees = (
        memory["candidate_plots"] > 0
        and 0.0 < elapsed_s <= 2.0 * gate["longest_interval_s"]
        and is_near(
            memory["candidate_latitude_rad"],
            memory["candidate_longitude_rad"],
            memory["candidate_v_east_mps"],
            memory["candidate_v_north_mps"],
            elapsed_s,
            plot,
            gate,
        )
    )
    if not agrees:
        memory["candidate_plots"] = 0
        memory["candidate_since_ns"] = at_ns
        memory["taken_since_candidate"] = 0
        memory["candidate_reason"] = 0
    memory["candidate_plots"] += 1
    memory["candidate_at_ns"] = at_ns
    memory["candidate_latitude_rad"] = plot["latitude_rad"]
    memory["candidate_longitude_rad"] = plot["longitude_rad"]
    memory["candidate_v_east_mps"] = plot["v_east_mps"]
    memory["candidate_v_north_mps"] = plot["v_north_mps"]
    if memory["candidate_reason"] == 0:
        silent_s = (at_ns - track["applicable_at_ns"]) * 1e-9
        reason = swapped_place(track, plot, silent_s, gate)
        if reason == 0 and reflected(track, plot, silent_s):
            reason = _BY_MIRROR
        if reason == 0 and whose(tracks, row, plot) >= 0:
            reason = _BY_IDENTITY
        memory["candidate_reason"] = reason
    is_lasting = (
        memory["candidate_plots"] >= gate["reacquire_plots"]
        and (at_ns - memory["candidate_since_ns"]) * 1e-9 >= gate["reacquire_s"]
    )
    if memory["taken_since_candidate"] >= 2:
        if is_established(track, memory, gate):
            known = memory["mistrust"]
            if known == _BY_TELEPORT or known == memory["candidate_reason"]:
                memory["mistrust"] = 0
        else:
            mistrust(memory, _BY_DUPLICATE, at_ns, gate)
        if is_lasting and memory["twin"] < 0:
            memory["splits"] = 1
        return _DUPLICATE
    mistrust(memory, memory["candidate_reason"] if memory["candidate_reason"] != 0 else _BY_TELEPORT, at_ns, gate)
    return _NO if is_lasting else _TELEPORT


def _is_established(track: Record, memory: Record, gate: Record) -> bool:
    """Whether the track had been heard for a while before the candidate came."""
    before_s = (memory["candidate_since_ns"] - track["first_at_ns"]) * 1e-9
    return bool(track["plots"] >= gate["established_plots"] and before_s >= gate["established_s"])


is_established = njit(cache=True, nogil=True)(_is_established)


def _believed_height(height_m: float, before_m: float, climb_mps: float, elapsed_s: float, gate: Record) -> bool:
    if not gate["lowest_altitude_m"] <= height_m <= gate["highest_altitude_m"]:
        return False
    if math.isnan(before_m):
        return True
    expected_m = before_m + (climb_mps * elapsed_s if math.isfinite(climb_mps) else 0.0)
    slack_m = (
        gate["altitude_step_m"] + gate["climb_limit_mps"] * elapsed_s + 0.5 * gate["climb_change_mps2"] * elapsed_s**2
    )
    return bool(abs(height_m - expected_m) <= slack_m)


believed_height = njit(cache=True, nogil=True)(_believed_height)


def _note_step(track: Record, memory: Record, altitude_m: float) -> None:
    """Learn from a new *altitude_m* whether they come in steps of 25 or 100 ft.

    One off a whole hundred shows steps of 25. Five in a row on one show steps of 100: of 25 ft steps one in a thousand.
    """
    hundreds = altitude_m / _HUNDRED_FT_M
    if abs(hundreds - math.floor(hundreds + 0.5)) > 0.05:
        memory["coarse_steps"] = 0
        track["altitude_step_m"] = 0.25 * _HUNDRED_FT_M
        return
    memory["coarse_steps"] += 1
    if memory["coarse_steps"] >= _COARSE_STEPS:
        track["altitude_step_m"] = _HUNDRED_FT_M


note_step = njit(cache=True, nogil=True)(_note_step)


def _enter_height(track: Record, memory: Record, plot: Record, elapsed_s: float, gate: Record) -> bool:
    """Take the altitudes of *plot*, or carry the old ones on. False when the plot's altitude is refused."""
    at_ns = plot["applicable_at_ns"]
    pressure_m = plot["altitude_pressure_m"]
    ellipsoid_m = plot["altitude_ellipsoid_m"]
    has_pressure = math.isfinite(pressure_m)
    height_m = pressure_m if has_pressure else ellipsoid_m
    climb_mps = track["v_up_mps"]
    before_m = track["altitude_pressure_m"] if has_pressure else track["altitude_ellipsoid_m"]
    silent_s = (at_ns - memory["altitude_at_ns"]) * 1e-9
    believed = math.isfinite(height_m) and believed_height(height_m, before_m, climb_mps, elapsed_s, gate)
    refused = math.isfinite(height_m) and not believed
    if refused and gate["lowest_altitude_m"] <= height_m <= gate["highest_altitude_m"]:
        again_s = (at_ns - memory["rising_at_ns"]) * 1e-9
        if memory["rising_plots"] == 0 or not believed_height(height_m, memory["rising_m"], math.nan, again_s, gate):
            memory["rising_plots"] = 0
            memory["rising_since_ns"] = at_ns
        memory["rising_plots"] += 1
        memory["rising_at_ns"] = at_ns
        memory["rising_m"] = height_m
        lasting_s = (at_ns - memory["rising_since_ns"]) * 1e-9
        if memory["rising_plots"] >= gate["reacquire_plots"] and lasting_s >= gate["reacquire_s"]:
            believed = True
            for k in range(memory["kept"]):
                memory["height_m"][k] = math.nan
            track["v_up_mps"] = math.nan
    if refused:
        mistrust(memory, _BY_UNITS if is_unit_ratio(height_m, before_m, 0.04) else _BY_ALTITUDE, at_ns, gate)
    if believed:
        memory["altitude_at_ns"] = at_ns
        if has_pressure and pressure_m != before_m:
            note_step(track, memory, pressure_m)
        memory["rising_plots"] = 0
        track["altitude_pressure_m"] = pressure_m if has_pressure else math.nan
        sane = gate["lowest_altitude_m"] <= ellipsoid_m <= gate["highest_altitude_m"]
        track["altitude_ellipsoid_m"] = ellipsoid_m if sane else math.nan
    elif silent_s > gate["altitude_memory_s"]:
        track["altitude_pressure_m"] = math.nan
        track["altitude_ellipsoid_m"] = math.nan
        track["v_up_mps"] = math.nan
    elif math.isfinite(climb_mps):
        track["altitude_pressure_m"] += climb_mps * elapsed_s
        track["altitude_ellipsoid_m"] += climb_mps * elapsed_s
    push_height = height_m if believed else math.nan
    memory["height_m"][memory["kept"] - 1] = push_height
    return not refused


enter_height = njit(cache=True, nogil=True)(_enter_height)


def _remember(memory: Record, plot: Record) -> None:
    """Put the place of *plot* last in the history; the oldest falls out when it is full."""
    kept = memory["kept"]
    if kept == DEPTH:
        for k in range(DEPTH - 1):
            memory["at_ns"][k] = memory["at_ns"][k + 1]
            memory["latitude_rad"][k] = memory["latitude_rad"][k + 1]
            memory["longitude_rad"][k] = memory["longitude_rad"][k + 1]
            memory["height_m"][k] = memory["height_m"][k + 1]
            memory["course_rad"][k] = memory["course_rad"][k + 1]
            memory["v_east_mps"][k] = memory["v_east_mps"][k + 1]
            memory["v_north_mps"][k] = memory["v_north_mps"][k + 1]
            memory["v_up_mps"][k] = memory["v_up_mps"][k + 1]
        kept -= 1
    memory["at_ns"][kept] = plot["applicable_at_ns"]
    memory["latitude_rad"][kept] = plot["latitude_rad"]
    memory["longitude_rad"][kept] = plot["longitude_rad"]
    memory["height_m"][kept] = math.nan
    memory["course_rad"][kept] = math.nan
    memory["v_east_mps"][kept] = plot["v_east_mps"]
    memory["v_north_mps"][kept] = plot["v_north_mps"]
    memory["v_up_mps"][kept] = plot["v_up_mps"]
    memory["kept"] = kept + 1


remember = njit(cache=True, nogil=True)(_remember)


def _derived_velocity(memory: Record) -> tuple[float, float]:
    """Return v_east and v_north from the newest positions: those of 6 s, but at least 3 within 30 s; nan when fewer."""
    kept = memory["kept"]
    newest_ns = memory["at_ns"][kept - 1]
    latitude = memory["latitude_rad"][kept - 1]
    longitude = memory["longitude_rad"][kept - 1]
    t_s = np.empty(DEPTH)
    east_m = np.empty(DEPTH)
    north_m = np.empty(DEPTH)
    n = 0
    for k in range(kept - 1, -1, -1):
        age_s = (newest_ns - memory["at_ns"][k]) * 1e-9
        if age_s > 30.0 or (age_s > 6.0 and n >= 3):
            break
        t_s[n] = -age_s
        east_m[n], north_m[n] = offset_m(latitude, longitude, memory["latitude_rad"][k], memory["longitude_rad"][k])
        n += 1
    if n < 2 or t_s[0] - t_s[n - 1] < 2.0:
        return math.nan, math.nan
    if n >= 6:
        return newest_slope(t_s, east_m, n), newest_slope(t_s, north_m, n)
    return slope(t_s, east_m, n), slope(t_s, north_m, n)


derived_velocity = njit(cache=True, nogil=True)(_derived_velocity)


def _derived_climb(memory: Record) -> float:
    """Return v_up from the newest altitudes: those of 20 s, but at least 4 within 60 s; nan when fewer than 3."""
    kept = memory["kept"]
    newest_ns = memory["at_ns"][kept - 1]
    t_s = np.empty(DEPTH)
    height_m = np.empty(DEPTH)
    n = 0
    for k in range(kept - 1, -1, -1):
        age_s = (newest_ns - memory["at_ns"][k]) * 1e-9
        if age_s > 60.0 or (age_s > 20.0 and n >= 4):
            break
        if math.isfinite(memory["height_m"][k]):
            t_s[n] = -age_s
            height_m[n] = memory["height_m"][k]
            n += 1
    if n < 3 or t_s[0] - t_s[n - 1] < 4.0:
        return math.nan
    return robust_slope(t_s, height_m, n)


derived_climb = njit(cache=True, nogil=True)(_derived_climb)


def _turn_rate(memory: Record) -> float:
    """Return the clockwise turn rate over the newest 12 s of courses, rad/s; nan when fewer than 3 plots tell it."""
    kept = memory["kept"]
    newest_ns = memory["at_ns"][kept - 1]
    newest = memory["course_rad"][kept - 1]
    t_s = np.empty(DEPTH)
    turned = np.empty(DEPTH)
    n = 0
    last = newest
    unwound = 0.0
    for k in range(kept - 1, -1, -1):
        age_s = (newest_ns - memory["at_ns"][k]) * 1e-9
        if age_s > 30.0 or (age_s > 12.0 and n >= 3):
            break
        course = memory["course_rad"][k]
        if math.isfinite(course):
            step = course - last
            unwound += step - 2.0 * math.pi * math.floor(step / (2.0 * math.pi) + 0.5)
            last = course
            t_s[n] = -age_s
            turned[n] = unwound
            n += 1
    if n < 3 or not math.isfinite(newest):
        return math.nan
    return slope(t_s, turned, n)


turn_rate = njit(cache=True, nogil=True)(_turn_rate)


def _enter(track: Record, memory: Record, plot: Record, gate: Record) -> int:
    """Take *plot* into its track. Returns 0, or ALTITUDE_OUTLIER when all but its altitude was taken."""
    at_ns = plot["applicable_at_ns"]
    elapsed_s = (at_ns - track["applicable_at_ns"]) * 1e-9
    if elapsed_s > 0.0:
        step_s = min(elapsed_s, gate["longest_interval_s"])
        weight = 0.5 if track["plots"] < 4 else 0.1
        memory["interval_s"] += weight * (step_s - memory["interval_s"])
    track["applicable_at_ns"] = at_ns
    track["latitude_rad"] = plot["latitude_rad"]
    track["longitude_rad"] = plot["longitude_rad"]
    track["position_sigma_m"] = plot["position_sigma_m"]
    track["velocity_sigma_mps"] = plot["velocity_sigma_mps"]
    remember(memory, plot)
    altitude_taken = enter_height(track, memory, plot, elapsed_s, gate)

    v_east = plot["v_east_mps"]
    v_north = plot["v_north_mps"]
    if not (math.isfinite(v_east) and math.isfinite(v_north)):
        v_east, v_north = derived_velocity(memory)
    if math.isfinite(v_east) and math.isfinite(v_north):
        track["v_east_mps"] = v_east
        track["v_north_mps"] = v_north
        memory["velocity_at_ns"] = at_ns
        if math.hypot(v_east, v_north) > 5.0:
            memory["course_rad"][memory["kept"] - 1] = math.atan2(v_east, v_north)
    elif (at_ns - memory["velocity_at_ns"]) * 1e-9 > gate["longest_interval_s"]:
        track["v_east_mps"] = math.nan
        track["v_north_mps"] = math.nan
    track["turn_rate_radps"] = turn_rate(memory)
    v_up = plot["v_up_mps"]
    track["v_up_mps"] = v_up if math.isfinite(v_up) else derived_climb(memory)

    if math.isfinite(plot["selected_altitude_m"]):
        track["selected_altitude_m"] = plot["selected_altitude_m"]
        memory["selected_at_ns"] = at_ns
    elif (at_ns - memory["selected_at_ns"]) * 1e-9 > gate["selected_lasting_s"]:
        track["selected_altitude_m"] = math.nan  # a crew turns the knob, and that is told within seconds
    if plot["squawk"] != 0xFFFF:
        track["squawk"] = plot["squawk"]
    if plot["on_ground"] != 255:
        track["on_ground"] = plot["on_ground"]
    track["plots"] += 1
    memory["taken_since_candidate"] += 1
    memory["repeated_since_ns"] = 0
    return _NO if altitude_taken else _ALTITUDE_OUTLIER


enter = njit(cache=True, nogil=True)(_enter)


def _is_behind(memory: Record, now_ns: int, gate: Record) -> bool:
    """Count a plot that is older than its track. True when they keep coming: its clock went back."""
    if memory["behind_plots"] == 0:
        memory["behind_since_ns"] = now_ns
    memory["behind_plots"] += 1
    return bool((now_ns - memory["behind_since_ns"]) * 1e-9 >= gate["clock_lasting_s"])


is_behind = njit(cache=True, nogil=True)(_is_behind)


def _timed(track: Record, memory: Record, plot: Record, elapsed_s: float, now_ns: int, gate: Record) -> None:
    """Compare the stamp of a plot that fits its track with the clock and with the way flown."""
    at_ns = plot["applicable_at_ns"]
    age_s = (now_ns - at_ns) * 1e-9
    memory["behind_plots"] = 0
    if age_s <= gate["clock_late_s"]:
        memory["late_plots"] = 0
    else:
        if memory["late_plots"] == 0:
            memory["late_since_ns"] = now_ns
        memory["late_plots"] += 1
        if memory["late_plots"] >= 2 and (now_ns - memory["late_since_ns"]) * 1e-9 >= gate["clock_lasting_s"]:
            mistrust(memory, _BY_CLOCK, at_ns, gate)
    step_s = age_s - memory["age_s"]
    off = abs(step_s) > gate["clock_step_s"]
    if memory["skewed_since_ns"] == 0 and off:
        v_east = track["v_east_mps"]
        v_north = track["v_north_mps"]
        speed_mps = math.hypot(v_east, v_north)
        if speed_mps > gate["moving_mps"]:
            east_m, north_m = offset_m(
                track["latitude_rad"], track["longitude_rad"], plot["latitude_rad"], plot["longitude_rad"]
            )
            ahead_m = (east_m * v_east + north_m * v_north) / speed_mps - speed_mps * elapsed_s
            # A late message has the right stamp, and flew as far as its stamp says; a wrong stamp did not.
            if abs(ahead_m - speed_mps * step_s) < 0.4 * abs(speed_mps * step_s):
                memory["skewed_since_ns"] = now_ns
    if memory["skewed_since_ns"] != 0:
        if off and (now_ns - memory["skewed_since_ns"]) * 1e-9 <= gate["clock_memory_s"]:
            mistrust(memory, _BY_CLOCK, at_ns, gate)
            return
        memory["skewed_since_ns"] = 0
        memory["age_s"] = age_s
    memory["age_s"] = age_s if math.isnan(memory["age_s"]) else memory["age_s"] + 0.3 * (age_s - memory["age_s"])


timed = njit(cache=True, nogil=True)(_timed)


def _follow_one(tracks: Records, row: int, memory: Record, plot: Record, now_ns: int, gate: Record) -> int:
    """Judge *plot* against its track and take it or not. Returns its `Reject`, 0 when taken."""
    track = tracks[row]
    at_ns = plot["applicable_at_ns"]
    elapsed_s = (at_ns - track["applicable_at_ns"]) * 1e-9
    if elapsed_s <= 0.0:
        if elapsed_s < -gate["clock_step_s"] and is_behind(memory, now_ns, gate):
            mistrust(memory, _BY_CLOCK, track["applicable_at_ns"], gate)
        return _STALE
    same = plot["latitude_rad"] == track["latitude_rad"] and plot["longitude_rad"] == track["longitude_rad"]
    if same and math.hypot(track["v_east_mps"], track["v_north_mps"]) > gate["moving_mps"]:
        # It moves, so a position equal to the last digit is the old one sent again.
        if memory["repeated_since_ns"] == 0:
            memory["repeated_since_ns"] = track["applicable_at_ns"]
        if (at_ns - memory["repeated_since_ns"]) * 1e-9 >= max(gate["frozen_s"], 1.5 * memory["interval_s"]):
            # Until the next new position: that one is believed again, if it can be reached.
            memory["mistrust"] = _BY_FROZEN
            memory["mistrust_until_ns"] = track["applicable_at_ns"]
        return _STALE
    if not is_near(
        track["latitude_rad"],
        track["longitude_rad"],
        track["v_east_mps"],
        track["v_north_mps"],
        elapsed_s,
        plot,
        gate,
    ):
        refused = propose(tracks, row, memory, plot, gate)
        if refused != _NO:
            return refused
        forget(track, memory)
        memory["broken_at_ns"] = at_ns
        memory["age_s"] = (now_ns - at_ns) * 1e-9
    else:
        east_m, north_m = offset_m(
            track["latitude_rad"], track["longitude_rad"], plot["latitude_rad"], plot["longitude_rad"]
        )
        if math.hypot(east_m, north_m) > gate["leap_m"]:
            mistrust(memory, _BY_TELEPORT, at_ns, gate)
        timed(track, memory, plot, elapsed_s, now_ns, gate)
    return enter(track, memory, plot, gate)


def _follow(
    plots: Records,
    rows: npt.NDArray[np.int64],
    tracks: Records,
    memories: Records,
    gates: Records,
    now_ns: int,
    verdicts: npt.NDArray[np.int64],
) -> None:
    """Take *plots* (in order of time) into the tracks at *rows* (-1: none); write each one's `Reject` to *verdicts*.

    A plot already refused by itself is not looked at, but its track, if it has one, is told why.
    Where two aircraft share an address the nearer row takes the plot, and *rows* says which it was.
    """
    gate = gates[0]
    for i in range(len(plots)):
        row = rows[i]
        if row < 0:
            continue
        plot = plots[i]
        track = tracks[row]
        memory = memories[row]
        memory["heard_at_ns"] = max(memory["heard_at_ns"], min(plot["applicable_at_ns"], now_ns))
        if verdicts[i] != _NO:
            if verdicts[i] == _IMPOSSIBLE_SPEED:
                mistrust(memory, _BY_SPEED, plot["applicable_at_ns"], gate)
            elif verdicts[i] == _FUTURE or (verdicts[i] == _STALE and is_behind(memory, now_ns, gate)):
                mistrust(memory, _BY_CLOCK, track["applicable_at_ns"], gate)
            elif verdicts[i] == _OUT_OF_RANGE:
                swapped = within(track, plot["longitude_rad"], plot["latitude_rad"], 0.0, gate)
                mistrust(memory, _BY_SWAP if swapped else _BY_RANGE, plot["applicable_at_ns"], gate)
            continue
        if track["plots"] == 0:
            begin(track, memory, plot, gate)
            memory["age_s"] = (now_ns - plot["applicable_at_ns"]) * 1e-9
            verdicts[i] = enter(track, memory, plot, gate)
            continue
        twin = memory["twin"]
        if twin >= 0 and is_nearer(tracks[twin], track, plot):
            row = twin
            rows[i] = row
        if twin >= 0 and memories[row]["twin_reason"] != 0:
            mistrust(memories[row], memories[row]["twin_reason"], plot["applicable_at_ns"], gate)
        verdicts[i] = follow_one(tracks, row, memories[row], plot, now_ns, gate)


def _is_nearer(a: Record, b: Record, plot: Record) -> bool:
    """Whether *plot* is nearer to the predicted place of track *a* than of *b*."""
    return miss_m(a, plot) < miss_m(b, plot)


def _miss_m(track: Record, plot: Record) -> float:
    east_m, north_m = offset_m(
        track["latitude_rad"], track["longitude_rad"], plot["latitude_rad"], plot["longitude_rad"]
    )
    elapsed_s = (plot["applicable_at_ns"] - track["applicable_at_ns"]) * 1e-9
    if math.isfinite(track["v_east_mps"]) and math.isfinite(track["v_north_mps"]):
        east_m -= track["v_east_mps"] * elapsed_s
        north_m -= track["v_north_mps"] * elapsed_s
    return math.hypot(east_m, north_m)


miss_m = njit(cache=True, nogil=True)(_miss_m)
is_nearer = njit(cache=True, nogil=True)(_is_nearer)
whose = njit(cache=True, nogil=True)(_whose)
propose = njit(cache=True, nogil=True)(_propose)
follow_one = njit(cache=True, nogil=True)(_follow_one)
follow = njit(cache=True, nogil=True)(_follow)

_COASTED: Final = int(Mark.COASTED)
_STALE_MARK: Final = int(Mark.STALE)
_GROUND_MARK: Final = int(Mark.ON_GROUND)
_EMERGENCY: Final = int(Mark.EMERGENCY)
_KEPT_MARKS: Final = int(Mark.SECONDARY | Mark.SYNTHETIC)

_R_NO_ALTITUDE: Final = int(Reason.NO_ALTITUDE)
_R_NO_VELOCITY: Final = int(Reason.NO_VELOCITY)
_R_STALE: Final = int(Reason.STALE)
_R_COASTED: Final = int(Reason.COASTED_TOO_LONG)
_R_PARTY: Final = int(Reason.NOT_ASSESSED_BY_PARTY)
_R_TOO_NEW: Final = int(Reason.TOO_NEW)
_R_GROUND: Final = int(Reason.ON_GROUND)


def _judge(
    tracks: Records, memories: Records, rows: int, now_ns: int, gates: Records, dropped: npt.NDArray[np.uint8]
) -> None:
    """Set marks and reasons of the first *rows* rows at *now_ns*; write 1 to *dropped* where a track is too old."""
    gate = gates[0]
    for row in range(rows):
        track = tracks[row]
        dropped[row] = 0
        if track["number"] == 0:
            continue
        memory = memories[row]
        silent_s = (now_ns - track["applicable_at_ns"]) * 1e-9
        interval_s = memory["interval_s"]
        unheard_s = (now_ns - memory["heard_at_ns"]) * 1e-9
        if unheard_s > max(gate["drop_after_s"], gate["drop_after_intervals"] * interval_s):
            dropped[row] = 1
            continue
        stale = silent_s > max(gate["stale_after_s"], gate["stale_after_intervals"] * interval_s)
        marks = track["flags"] & _KEPT_MARKS
        if silent_s > max(gate["coast_after_s"], gate["coast_after_intervals"] * interval_s):
            marks |= _COASTED
        if stale:
            marks |= _STALE_MARK
        if track["on_ground"] == 1:
            marks |= _GROUND_MARK
        squawk = track["squawk"]
        if squawk == 0o7500 or squawk == 0o7600 or squawk == 0o7700:  # noqa: PLR1714 - a tuple would not compile as fast
            marks |= _EMERGENCY
        track["flags"] = marks
        if memory["mistrust"] != 0 and track["applicable_at_ns"] > memory["mistrust_until_ns"]:
            memory["mistrust"] = 0
        has_velocity = math.isfinite(track["v_east_mps"]) and math.isfinite(track["v_north_mps"])
        reason = memory["mistrust"]
        if reason == 0:
            if stale:
                reason = _R_STALE
            elif track["on_ground"] == 1:
                reason = _R_GROUND
            elif not has_velocity:
                reason = _R_TOO_NEW if track["plots"] < 2 else _R_NO_VELOCITY
            elif not (math.isfinite(track["altitude_pressure_m"]) or math.isfinite(track["altitude_ellipsoid_m"])):
                reason = _R_NO_ALTITUDE
            elif silent_s > max(gate["too_long_s"], gate["too_long_intervals"] * interval_s):
                reason = _R_COASTED
            elif memory["said_by_party"] == 1:
                reason = _R_PARTY
        track["not_assessed"] = reason


judge = njit(cache=True, nogil=True)(_judge)
