"""Tracks that are another track once more: later on the same path, or in a mirror.

Every plot taken leaves its mark in a table of places, a metre wide each, the newest last. A track that twice comes to
where another was, as fast and as high, with one and the same delay, is its copy (DELAYED_COPY). A track that flies
another's reflection, and changes its speed at the same second or scatters with its places as the other does, is its
mirror image (MIRRORED). Our own tracks are compared with our own only: nothing a peer says puts them under suspicion.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from detente.picture.motion import bend_m, offset_m
from detente.picture.picture import Reason

Record = Any
Records = npt.NDArray[np.void]
Floats = npt.NDArray[np.float64]

PLACES: Final = 1 << 17
"""Slots of the table, one a place; a later passer takes the slot. At 1,000 plots a second it reaches back minutes."""
PLACE: Final = np.dtype(
    [
        ("number", "u4"),
        ("party", "u2"),
        ("at_ns", "i8"),
        ("latitude_rad", "f8"),
        ("longitude_rad", "f8"),
        ("v_east_mps", "f8"),
        ("v_north_mps", "f8"),
        ("height_m", "f8"),
    ]
)
CELL_RAD: Final = math.radians(1e-5)
SAME_PLACE_M: Final = 1.5
SAME_MPS: Final = 0.3
SAME_HEIGHT_M: Final = 2.0
"""The link rounds to 1e-7 degree, 1 cm/s and 1 ft; a copy is no farther off, another aircraft hardly ever so near."""
SHORTEST_DELAY_S: Final = 1.5
LONGEST_DELAY_S: Final = 180.0
SAME_DELAY_S: Final = 0.1
MOVING_MPS: Final = 20.0
"""Below this speed aircraft are where others were because that is where one stands, hovers or circles."""

MIRROR_MPS: Final = 0.1
MIRROR_HEIGHT_M: Final = 1.0
MIRROR_AT_NS: Final = 60_000_000
CHANGED_MPS: Final = 0.02
"""How equal two reflections are, and how much a velocity must have changed beyond its last change to tell a copy."""

SCATTER_M: Final = 1.5
SAME_SCATTER_M: Final = 0.4
SAME_SCATTER: Final = 0.02
"""Two paths bend alike when both leave the straight line by more than SCATTER_M between two plots, and on each axis as
far as the other, but for this and this share: a reflection in a parallel is stretched by the cosine of its latitude.
Two aircraft that happen to fly so are a hundred times less likely to, and it must be found twice."""

_COPY: Final = int(Reason.DELAYED_COPY)
_MIRROR: Final = int(Reason.MIRRORED)
_TELEPORT: Final = int(Reason.TELEPORT)
_DUPLICATE: Final = int(Reason.DUPLICATE_ADDRESS)


def new_places() -> Records:
    """Return an empty table of places."""
    return np.zeros(PLACES, PLACE)


def _slot(latitude_rad: float, longitude_rad: float) -> int:
    """Return the slot of a place."""
    north = math.floor(latitude_rad / CELL_RAD + 0.5)
    east = math.floor(longitude_rad / CELL_RAD + 0.5)
    mixed = int(north) * 73_856_093 ^ int(east) * 19_349_663
    return int((mixed ^ (mixed >> 17)) & (PLACES - 1))


slot = njit(cache=True, nogil=True)(_slot)


def _is_same(was: Record, plot: Record) -> bool:
    """Whether *plot* is where *was* was, as fast and as high."""
    v_east = plot["v_east_mps"]
    v_north = plot["v_north_mps"]
    if not math.hypot(v_east, v_north) >= MOVING_MPS:  # nan: it tells no velocity
        return False
    if not math.hypot(v_east - was["v_east_mps"], v_north - was["v_north_mps"]) <= SAME_MPS:
        return False
    height_m = plot["altitude_pressure_m"]
    if math.isnan(height_m):
        height_m = plot["altitude_ellipsoid_m"]
    if abs(height_m - was["height_m"]) > SAME_HEIGHT_M:
        return False
    east_m, north_m = offset_m(was["latitude_rad"], was["longitude_rad"], plot["latitude_rad"], plot["longitude_rad"])
    return bool(math.hypot(east_m, north_m) <= SAME_PLACE_M)


is_same = njit(cache=True, nogil=True)(_is_same)


def _is_again(memory: Record, number: int, delay_s: float, at_ns: int) -> bool:
    """Note that a track was met on the path of *number*; whether it was before, as late."""
    again = (
        memory["copy_of"] == number
        and abs(memory["copy_delay_s"] - delay_s) <= SAME_DELAY_S
        and 0.5 <= (at_ns - memory["copy_at_ns"]) * 1e-9 <= 60.0
    )
    if not again:
        memory["copy_of"] = number
        memory["copy_delay_s"] = delay_s
    memory["copy_at_ns"] = at_ns
    return bool(again)


is_again = njit(cache=True, nogil=True)(_is_again)


def _copied(
    plots: Records,
    rows: npt.NDArray[np.int64],
    verdicts: npt.NDArray[np.int64],
    tracks: Records,
    memories: Records,
    places: Records,
    mistrust_s: float,
) -> None:
    """Compare *plots*, followed already, with who was at their places before, and put those taken into *places*.

    A refused plot that lies on its own track's path marks the candidate; a taken one on another's, its track.
    """
    for i in range(len(plots)):
        row = rows[i]
        if row < 0:
            continue
        plot = plots[i]
        track = tracks[row]
        memory = memories[row]
        latitude = plot["latitude_rad"]
        longitude = plot["longitude_rad"]
        if not (abs(latitude) <= 2.0 and abs(longitude) <= 4.0):
            continue
        at_ns = plot["applicable_at_ns"]
        number = track["number"]
        was = places[slot(latitude, longitude)]
        delay_s = (at_ns - was["at_ns"]) * 1e-9
        taken = verdicts[i] == 0
        if (
            was["number"] != 0
            and SHORTEST_DELAY_S <= delay_s <= LONGEST_DELAY_S
            and (was["number"] != number) == taken
            and (was["party"] == track["party"] or track["party"] != 0)
            and is_same(was, plot)
            and is_again(memory, was["number"], delay_s, at_ns)
        ):
            if taken:
                memory["mistrust"] = _COPY
                memory["mistrust_until_ns"] = at_ns + np.int64(mistrust_s * 1e9)
            else:
                memory["candidate_reason"] = _COPY
                known = memory["mistrust"]
                if known in (_TELEPORT, _DUPLICATE):
                    memory["mistrust"] = _COPY
        if taken:
            was["number"] = number
            was["party"] = track["party"]
            was["at_ns"] = at_ns
            was["latitude_rad"] = latitude
            was["longitude_rad"] = longitude
            was["v_east_mps"] = plot["v_east_mps"]
            was["v_north_mps"] = plot["v_north_mps"]
            pressure_m = plot["altitude_pressure_m"]
            was["height_m"] = plot["altitude_ellipsoid_m"] if math.isnan(pressure_m) else pressure_m


copied = njit(cache=True, nogil=True)(_copied)


class Flown(NamedTuple):
    """What of the tracks tells a reflection, each column for itself: the search goes through them many times."""

    altitude_m: Floats  # in ascending order
    v_east_mps: Floats
    v_north_mps: Floats
    at_ns: npt.NDArray[np.int64]


def _reflects(flown: Flown, i: int, j: int) -> bool:
    """Whether *j* flies as *i* in a mirror: in a meridian, a parallel, or both.

    Most pairs of one level fly alike or across each other: the tests that tell come first.
    """
    east_a, north_a = flown.v_east_mps[i], flown.v_north_mps[i]
    east_b, north_b = flown.v_east_mps[j], flown.v_north_mps[j]
    if not (abs(east_a - east_b) > 10.0 * MIRROR_MPS or abs(north_a - north_b) > 10.0 * MIRROR_MPS):
        return False
    if not (abs(abs(east_a) - abs(east_b)) <= MIRROR_MPS and abs(abs(north_a) - abs(north_b)) <= MIRROR_MPS):
        return False
    return bool(abs(flown.at_ns[i] - flown.at_ns[j]) <= MIRROR_AT_NS)


reflects = njit(cache=True, nogil=True, forceinline=True)(_reflects)


def _surprise(memory: Record) -> bool:
    """Whether the newest plot changed its told velocity, and otherwise than the one before it did."""
    n = memory["kept"] - 1
    if n < 2:
        return False
    speed = np.empty(3)
    for k in range(3):
        speed[k] = math.hypot(memory["v_east_mps"][n - k], memory["v_north_mps"][n - k])
    changed = abs(speed[0] - speed[1]) > CHANGED_MPS
    return bool(changed and abs(speed[0] - 2.0 * speed[1] + speed[2]) > CHANGED_MPS)


surprise = njit(cache=True, nogil=True)(_surprise)


def _scatters_alike(a: Record, b: Record) -> bool:
    """Whether the newest three plots of both, at the same instants, bend their paths as far on each axis."""
    if a["kept"] < 3 or b["kept"] < 3:
        return False
    for k in range(1, 4):
        if abs(a["at_ns"][a["kept"] - k] - b["at_ns"][b["kept"] - k]) > MIRROR_AT_NS:
            return False
    east_a, north_a, _ = bend_m(a)
    east_b, north_b, _ = bend_m(b)
    bent_m = math.hypot(east_a, north_a)
    if not min(bent_m, math.hypot(east_b, north_b)) >= SCATTER_M:
        return False
    slack_m = SAME_SCATTER_M + SAME_SCATTER * bent_m
    return bool(abs(abs(east_a) - abs(east_b)) <= slack_m and abs(abs(north_a) - abs(north_b)) <= slack_m)


scatters_alike = njit(cache=True, nogil=True)(_scatters_alike)


def _mirrored(
    tracks: Records, memories: Records, order: npt.NDArray[np.int64], flown: Flown, mistrust_s: float
) -> None:
    """Find mirror images among the tracks at *order*, of which *flown* tells; mistrust the younger, or the peer's."""
    for i in range(len(order)):
        for j in range(i + 1, len(order)):
            if flown.altitude_m[j] - flown.altitude_m[i] > MIRROR_HEIGHT_M:
                break
            if not reflects(flown, i, j):
                continue
            a, b = order[i], order[j]
            one, other = tracks[a], tracks[b]
            newer = a
            older = b
            if (one["party"] == 0) == (other["party"] == 0):
                if other["number"] > one["number"]:
                    newer, older = b, a
            elif one["party"] == 0:
                newer, older = b, a
            if memories[newer]["kept"] < 1 or memories[older]["kept"] < 1:
                continue
            memory = memories[newer]
            at_ns = tracks[newer]["applicable_at_ns"]
            if memory["mirror_of"] != tracks[older]["number"] or (at_ns - memory["mirror_at_ns"]) * 1e-9 > 30.0:
                memory["mirror_of"] = tracks[older]["number"]
                memory["mirror_hits"] = 0
                memory["mirror_at_ns"] = at_ns
                continue
            waited_s = (at_ns - memory["mirror_at_ns"]) * 1e-9
            if waited_s <= 0.0:
                continue
            memory["mirror_at_ns"] = at_ns
            if surprise(memory) or surprise(memories[older]) or scatters_alike(memory, memories[older]):
                memory["mirror_hits"] += 2 if waited_s >= 4.0 else 1
            if memory["mirror_hits"] >= 2:
                memory["mistrust"] = _MIRROR
                memory["mistrust_until_ns"] = at_ns + np.int64(mistrust_s * 1e9)


mirrored = njit(cache=True, nogil=True)(_mirrored)


def find_mirrored(tracks: Records, memories: Records, mistrust_s: float) -> None:
    """Mistrust each of *tracks* that flies another's mirror image, by its row in *memories*."""
    v2 = tracks["v_east_mps"] ** 2 + tracks["v_north_mps"] ** 2
    rows = np.flatnonzero((tracks["number"] != 0) & (v2 > MOVING_MPS**2) & np.isfinite(tracks["altitude_pressure_m"]))
    order = rows[np.argsort(tracks["altitude_pressure_m"][rows], kind="stable")]
    names = ("altitude_pressure_m", "v_east_mps", "v_north_mps", "applicable_at_ns")
    mirrored(tracks, memories, order, Flown(*(tracks[name][order] for name in names)), mistrust_s)
