"""The columns of the picture, in one table, and the marks a track can carry.

A snapshot is a read-only structured array of `TRACK` with its instant. Positions stand at each track's own time of
applicability; `detente.picture.tracker.advanced` brings them to one instant.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

TRACK: Final = np.dtype(
    [
        ("number", "u4"),  # this node's track number; never reused while the node runs
        ("party", "u2"),  # whose sensor holds it: 0 we ourselves, else the index in the node's table of parties
        ("source", "u2"),  # which of that party's sensors; index in the node's table of sources
        ("declared_by", "u2"),  # which party says "this one is mine"; NOBODY when none does
        ("identity", "S16"),
        ("callsign", "S8"),
        ("first_at_ns", "i8"),
        ("applicable_at_ns", "i8"),  # of the newest plot taken
        ("latitude_rad", "f8"),  # WGS 84
        ("longitude_rad", "f8"),
        ("altitude_pressure_m", "f8"),  # two datums, two columns; NaN unknown
        ("altitude_ellipsoid_m", "f8"),
        ("altitude_step_m", "f8"),  # of the pressure altitudes told, as far as they show it; NaN not yet
        ("v_east_mps", "f8"),
        ("v_north_mps", "f8"),
        ("v_up_mps", "f8"),
        ("turn_rate_radps", "f8"),  # clockwise; NaN unknown
        ("position_sigma_m", "f8"),
        ("velocity_sigma_mps", "f8"),
        ("selected_altitude_m", "f8"),
        ("squawk", "u2"),
        ("category", "S2"),
        ("on_ground", "u1"),
        ("flags", "u4"),  # Mark
        ("not_assessed", "u1"),  # Reason; 0 when the track can be judged
        ("same_as", "u4"),  # number of the track that is the same aircraft and is shown instead; 0 when none
        ("plots", "u4"),  # plots taken so far
    ]
)

Tracks: TypeAlias = npt.NDArray[np.void]
"""An array of `TRACK`."""

NOBODY: Final = 0xFFFF
"""`declared_by` of a track that no party claims: unknown, never friendly or hostile."""


class Mark(IntFlag):
    """What a desk must be able to see of a track at a glance."""

    COASTED = 1  # carried forward without a new plot
    STALE = 2  # not heard for longer than the source promises
    ON_GROUND = 4
    SECONDARY = 8  # another track (`same_as`) stands for this aircraft
    EMERGENCY = 16  # 7500, 7600, 7700
    SYNTHETIC = 32  # reconstruction, exercise or made for a test; says so on screen


class Reason(IntEnum):
    """Why a track could not be judged: shown as *not assessed*, never as clear."""

    NONE = 0
    NO_ALTITUDE = 1
    NO_VELOCITY = 2
    STALE = 3
    COASTED_TOO_LONG = 4
    TELEPORT = 5
    DUPLICATE_ADDRESS = 6
    ALTITUDE_JUMP = 7
    FROZEN = 8
    CLOCK_SKEW = 9
    IMPOSSIBLE_SPEED = 10
    TOO_NEW = 11  # one plot only, and no velocity with it
    ON_GROUND = 12
    OUT_OF_RANGE = 13
    MIRRORED = 14
    DELAYED_COPY = 15
    SPOOFED_CIRCLE = 16
    SWAPPED_COORDINATES = 17
    UNIT_MIXUP = 18
    IDENTITY_SWAP = 19
    NOT_ASSESSED_BY_PARTY = 20  # the party whose sensors hold it says that it could not be judged there
    TOO_COARSE = 21  # its place or height is known less well than the minima are wide
