"""Which tracks are the same aircraft: said beside the tracks, never by merging them.

Two rules. Tracks under one name and near each other are one aircraft at once; far from each other, if the name is an
ICAO address, they are two aircraft under one address, and the one that came second is not assessed (both, when they
came together). Tracks without a common name are one aircraft only after they have stayed together, as near and as equal
in speed as one airframe, for a while; and never when both carry an ICAO address, for two transponders are two aircraft.

Own tracks stand for peers', then the older for the younger. Nothing a peer says hides an own track, takes it out of
judgement or declares it, when the two disagree: while our own is held, however old, the peer's is shown beside it.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from detente.picture.limits import Limits
from detente.picture.motion import offset_m
from detente.picture.picture import NOBODY, Mark, Reason, Tracks
from detente.picture.suspicion import RULES, is_unit_ratio
from detente.types import Instant, duration_ns

_NEAR: Final = 1
_FAR: Final = 2
_FALSE: Final = np.array([rule.reason for rule in RULES if rule.reason is not Reason.COASTED_TOO_LONG])

Rows = npt.NDArray[np.int64]


def _apart(tracks: Tracks, a: int, b: int) -> tuple[float, float, float]:
    """Return how far rows *a* and *b* are apart: m, m of height (nan unknown), m/s of velocity (nan unknown)."""
    one = tracks[a]
    other = tracks[b]
    east_m, north_m = offset_m(one["latitude_rad"], one["longitude_rad"], other["latitude_rad"], other["longitude_rad"])
    v_east = other["v_east_mps"] - one["v_east_mps"]
    v_north = other["v_north_mps"] - one["v_north_mps"]
    # The older position is brought to the newer one's time; both on to now would only stretch their errors.
    newer_ns = max(one["applicable_at_ns"], other["applicable_at_ns"])
    late_a = (newer_ns - one["applicable_at_ns"]) * 1e-9
    late_b = (newer_ns - other["applicable_at_ns"]) * 1e-9
    if math.isfinite(v_east) and math.isfinite(v_north):
        east_m += other["v_east_mps"] * late_b - one["v_east_mps"] * late_a
        north_m += other["v_north_mps"] * late_b - one["v_north_mps"] * late_a
    height_m = abs(other["altitude_pressure_m"] - one["altitude_pressure_m"])
    if math.isnan(height_m):
        height_m = abs(other["altitude_ellipsoid_m"] - one["altitude_ellipsoid_m"])
    return math.hypot(east_m, north_m), height_m, math.hypot(v_east, v_north)


apart = njit(cache=True, nogil=True)(_apart)


def _compared(tracks: Tracks, pairs: Rows, near_m: float, near_height_m: float, far_m: float, codes: Rows) -> None:
    """Write 1 to *codes* for each of *pairs* that is near, 2 for far, and leave the others as they were."""
    for i in range(len(pairs)):
        a = pairs[i, 0]
        b = pairs[i, 1]
        distance_m, height_m, _ = apart(tracks, a, b)
        sigmas_m = 0.0
        for sigma_m in (tracks[a]["position_sigma_m"], tracks[b]["position_sigma_m"]):
            if sigma_m > 0.0:
                sigmas_m += 3.0 * sigma_m
        too_high = height_m > near_height_m  # false when a height is unknown
        # How ill it knows its place is the peer's own word: it may widen the gate to twice, and no more.
        if distance_m <= near_m + min(sigmas_m, near_m) and not too_high:
            codes[i] = _NEAR
        elif distance_m > far_m + sigmas_m or height_m > 2.0 * near_height_m:
            codes[i] = _FAR


compared = njit(cache=True, nogil=True)(_compared)


def _together(
    tracks: Tracks,
    order: Rows,
    icao: npt.NDArray[np.bool_],
    within_m: float,
    sigmas: float,
    height_limit_m: float,
    speed_limit_mps: float,
    moving_mps: float,
    found: Rows,
) -> int:
    """List pairs of rows that fly as one airframe: a, b, and 1 within the gate or 2 within twice the gate.

    order: rows by latitude. Returns how many were found; *found* bounds them.
    """
    widest_m = 500.0
    band_rad = 2.0 * widest_m / 6_335_000.0
    n = 0
    for i in range(len(order)):
        a = order[i]
        one = tracks[a]
        for j in range(i + 1, len(order)):
            b = order[j]
            other = tracks[b]
            if other["latitude_rad"] - one["latitude_rad"] > band_rad:
                break
            if icao[a] and icao[b]:
                continue
            distance_m, height_m, speed_mps = apart(tracks, a, b)
            sigma_m = 0.0
            for s in (one["position_sigma_m"], other["position_sigma_m"]):
                if s > 0.0:
                    sigma_m += s * s
            gate_m = min(within_m + sigmas * math.sqrt(sigma_m), widest_m)
            if not (distance_m <= 2.0 * gate_m and height_m <= 2.0 * height_limit_m):
                continue
            moves = math.hypot(one["v_east_mps"], one["v_north_mps"]) >= moving_mps
            tight = distance_m <= gate_m and height_m <= height_limit_m and speed_mps <= speed_limit_mps
            if n < len(found):
                found[n, 0] = a
                found[n, 1] = b
                found[n, 2] = 1 if tight and moves else 2
                n += 1
    return n


together = njit(cache=True, nogil=True)(_together)


class Correlator:
    """Keeps, from tick to tick, which rows share an address and which have stayed together."""

    def __init__(self, capacity: int, limits: Limits) -> None:
        self._limits = limits
        self._holders: dict[bytes, list[int]] = {}
        self._icao = np.zeros(capacity, np.bool_)
        self._pairs = np.empty((0, 2), np.int64)
        self._codes = np.empty(0, np.int64)
        self._held: list[tuple[int, int]] = []  # the numbers of those rows: a row may get another track
        self._changed = False
        self._since: dict[tuple[int, int], int] = {}
        self._found = np.empty((4 * capacity, 3), np.int64)

    def joined(self, identity: bytes, row: int) -> None:
        """Note that *row* now holds a track called *identity*."""
        self._icao[row] = not identity.startswith(b"~")
        holders = self._holders.setdefault(identity, [])
        holders.append(row)
        self._changed |= len(holders) > 1

    def left(self, identity: bytes, row: int) -> None:
        """Note that *row* no longer holds one."""
        holders = self._holders[identity]
        self._changed |= len(holders) > 1
        holders.remove(row)
        if not holders:
            del self._holders[identity]

    def mark(self, tracks: Tracks, declared: npt.NDArray[np.uint16], now: Instant) -> None:
        """Set SECONDARY, `same_as`, `declared_by` and DUPLICATE_ADDRESS on *tracks*, from nothing, at *now*."""
        tracks["flags"] &= np.uint32(~Mark.SECONDARY & 0xFFFF_FFFF)
        tracks["same_as"] = 0
        tracks["declared_by"] = declared
        self._mark_addresses(tracks)
        self._mark_companions(tracks, now)

    def _mark_addresses(self, tracks: Tracks) -> None:
        if self._changed:
            self._rebuild(tracks)
        if not len(self._pairs):
            return
        limits = self._limits
        compared(
            tracks,
            self._pairs,
            limits.same_identity_m,
            limits.same_identity_vertical_m,
            limits.duplicate_m,
            self._codes,
        )
        a, b = self._pairs.T
        stale = tracks["flags"] & np.uint32(Mark.STALE) != 0
        ours, theirs = tracks["party"][a] == 0, tracks["party"][b] != 0
        near = self._codes == _NEAR
        lapsed = near & stale[a] & ~stale[b]
        swapped = lapsed & ~(ours & theirs)
        near &= ~lapsed | swapped
        shown, other = np.where(swapped, b, a)[near], np.where(swapped, a, b)[near]
        _stand_for(tracks, shown, other)
        # Two sources may number their nameless tracks alike: far apart that is no fault, near it is one aircraft.
        far = (self._codes == _FAR) & ~stale[a] & ~stale[b] & self._icao[a] & self._icao[b]
        began = tracks["first_at_ns"]
        first_stays = (ours & theirs) | (began[b] - began[a] >= duration_ns(self._limits.established_s))
        first_goes = ~(ours & theirs) & (began[a] - began[b] >= duration_ns(self._limits.established_s))
        for falls, rows, others in ((far & ~first_stays, a, b), (far & ~first_goes, b, a)):
            for i in np.flatnonzero(falls).tolist():
                tracks["not_assessed"][rows[i]] = _why_far(tracks[rows[i]], tracks[others[i]], limits)

    def _rebuild(self, tracks: Tracks) -> None:
        """List the pairs anew: the first of each address with each other; twins of one source are known to be two."""
        numbers, parties, sources = (tracks[name].tolist() for name in ("number", "party", "source"))
        pairs: list[tuple[int, int]] = []
        for rows in self._holders.values():
            if len(rows) < 2:
                continue
            first, *others = sorted(rows, key=lambda row: (parties[row] != 0, numbers[row]))
            whose = parties[first], sources[first]
            pairs += [(first, row) for row in others if (parties[row], sources[row]) != whose]
        self._pairs = np.array(pairs, np.int64).reshape(-1, 2)
        held = [(numbers[a], numbers[b]) for a, b in pairs]
        known = dict(zip(self._held, self._codes.tolist(), strict=True))
        self._codes = np.array([known.get(pair, 0) for pair in held], np.int64)
        self._held = held
        self._changed = False

    def _mark_companions(self, tracks: Tracks, now: Instant) -> None:
        limits = self._limits
        flags = tracks["flags"]
        unfit = np.uint32(Mark.STALE | Mark.SECONDARY | Mark.ON_GROUND)
        rows = np.flatnonzero((tracks["number"] != 0) & (flags & unfit == 0) & (tracks["plots"] > 1))
        if not np.any(~self._icao[rows]):
            self._since.clear()
            return
        order = rows[np.argsort(tracks["latitude_rad"][rows], kind="stable")]
        n = together(
            tracks,
            order,
            self._icao,
            limits.together_m,
            limits.together_sigmas,
            limits.together_vertical_m,
            limits.together_speed_mps,
            limits.together_moving_mps,
            self._found,
        )
        since: dict[tuple[int, int], int] = {}
        one: list[tuple[int, int]] = []
        for a, b, code in self._found[:n].tolist():
            pair = _in_order(tracks, a, b)
            key = int(tracks["number"][pair[0]]), int(tracks["number"][pair[1]])
            began = self._since.get(key, int(now) if code == 1 else None)
            if began is None:
                continue
            lasted = now - began >= duration_ns(limits.together_s)
            if code == 1 or lasted:
                since[key] = began
            if lasted:
                one.append(pair)
        self._since = since
        for shown, other in one:
            if not tracks["same_as"][shown] and not tracks["same_as"][other]:
                _stand_for(tracks, np.array([shown]), np.array([other]))


def claim_on(tracks: Tracks, number: int, party: int) -> tuple[int, float] | None:
    """Return the row by which *party* says that the aircraft we show as *number* is its own; None when it does not.

    With it, how far that row lies from where we have the aircraft, m; 0 when it is *number* itself. What we declare
    ours nobody else claims. Two parties may claim one aircraft: `declared_by` names the first, and both are found here.
    """
    shown = np.flatnonzero(tracks["number"] == number)
    if not shown.size or tracks["declared_by"][shown[0]] == 0:
        return None
    first = int(shown[0])
    said = (tracks["same_as"] == number) & (tracks["party"] == party) & (tracks["declared_by"] == party)
    rows = np.flatnonzero(said & ~np.isin(tracks["not_assessed"], _FALSE))
    if rows.size:
        return int(rows[0]), float(apart(tracks, first, int(rows[0]))[0])
    return (first, 0.0) if tracks["declared_by"][first] == party else None


def _why_far(false: np.void, true: np.void, limits: Limits) -> Reason:
    """Return what makes *false*, of the same address, lie far from *true*: a known confusion, or another aircraft."""
    if is_unit_ratio(false["altitude_pressure_m"], true["altitude_pressure_m"], 0.04):
        return Reason.UNIT_MIXUP
    latitude, longitude = float(false["latitude_rad"]), float(false["longitude_rad"])
    flips = ((longitude, latitude), (-latitude, longitude), (latitude, -longitude), (-latitude, -longitude))
    for n, (flipped_latitude, flipped_longitude) in enumerate(flips):
        apart_m = math.hypot(
            *offset_m(true["latitude_rad"], true["longitude_rad"], flipped_latitude, flipped_longitude)
        )
        if abs(flipped_latitude) <= math.pi / 2 and apart_m <= limits.same_identity_m:
            return Reason.MIRRORED if n else Reason.SWAPPED_COORDINATES
    east = abs(abs(false["v_east_mps"]) - abs(true["v_east_mps"]))
    north = abs(abs(false["v_north_mps"]) - abs(true["v_north_mps"]))
    turned = math.hypot(false["v_east_mps"] - true["v_east_mps"], false["v_north_mps"] - true["v_north_mps"])
    height_m = abs(false["altitude_pressure_m"] - true["altitude_pressure_m"])
    if max(east, north) <= limits.together_speed_mps < turned and height_m <= limits.together_vertical_m:
        return Reason.MIRRORED
    return Reason.DUPLICATE_ADDRESS


def _in_order(tracks: Tracks, a: int, b: int) -> tuple[int, int]:
    """Return the row that is shown, then the other: own before peers', then the older."""
    first, second = sorted((a, b), key=lambda row: (int(tracks["party"][row]) != 0, int(tracks["number"][row])))
    return first, second


def _stand_for(tracks: Tracks, shown: Rows, other: Rows) -> None:
    """Let *shown* stand for *other*; who declares the one declares the aircraft."""
    tracks["flags"][other] |= np.uint32(Mark.SECONDARY)
    tracks["same_as"][other] = tracks["number"][shown]
    claimed = (tracks["declared_by"][shown] == NOBODY) & (tracks["declared_by"][other] != NOBODY)
    claimed &= ~np.isin(tracks["not_assessed"][other], _FALSE)  # a claim on a false track is no claim on the true one
    # Of several claims on one aircraft the first is written last: it stays, whoever claims it after.
    tracks["declared_by"][shown[claimed][::-1]] = tracks["declared_by"][other[claimed][::-1]]
