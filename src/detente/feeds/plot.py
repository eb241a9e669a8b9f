"""A plot: one sensor's single report, before association.

Plots travel as NumPy structured arrays of `PLOT`, so that a recording of ten million is one array and a live
batch of three costs no more than three. Missing is NaN (or the sentinel the table names), never 0.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

PLOT: Final = np.dtype(
    [
        ("applicable_at_ns", "i8"),  # time of applicability, not of receipt; ns since the epoch, UTC
        ("identity", "S16"),  # ICAO 24-bit address as six lower-case hex digits, else the source's own id ("~" first)
        ("callsign", "S8"),  # as received, trimmed, ASCII; empty when unknown
        ("latitude_rad", "f8"),  # WGS 84
        ("longitude_rad", "f8"),
        ("altitude_pressure_m", "f8"),  # 1013.25 hPa; NaN unknown
        ("altitude_ellipsoid_m", "f8"),  # above the WGS 84 ellipsoid; NaN unknown
        ("v_east_mps", "f8"),  # over ground
        ("v_north_mps", "f8"),
        ("v_up_mps", "f8"),
        ("position_sigma_m", "f8"),  # one standard deviation, horizontal; NaN unknown
        ("velocity_sigma_mps", "f8"),
        ("selected_altitude_m", "f8"),  # pressure; what the crew has set, where the aircraft tells; NaN unknown
        ("squawk", "u2"),  # Mode A code read as octal digits (0o7700); 0xFFFF unknown
        ("category", "S2"),  # ADS-B emitter category ("A3"); empty unknown
        ("on_ground", "u1"),  # 1 yes, 0 no, 255 unknown
    ]
)

Plots: TypeAlias = npt.NDArray[np.void]
"""An array of `PLOT`, in order of `applicable_at_ns` unless said otherwise."""

UNKNOWN_SQUAWK: Final = 0xFFFF
UNKNOWN_GROUND: Final = 255


class Reject(IntEnum):
    """Why a plot was not taken into the picture. Counted by reason, shown, never silently dropped."""

    TELEPORT = 1  # farther from the track than any aircraft flies in the time
    ALTITUDE_OUTLIER = 2  # outside -1,500 … 60,000 ft, or a jump no aircraft makes
    STALE = 3  # older than the newest plot of its track, or than the feed's limit
    DUPLICATE_ADDRESS = 4  # two aircraft under one address
    IMPOSSIBLE_SPEED = 5  # reported ground speed beyond the limit
    NO_POSITION = 6
    OUT_OF_RANGE = 7  # latitude or longitude outside the globe, or beyond the receiver's range
    MALFORMED = 8  # could not be decoded
    NO_IDENTITY = 9
    FUTURE = 10  # time of applicability ahead of the clock beyond the limit
    PICTURE_FULL = 11


def empty_plots(n: int) -> Plots:
    """Return *n* plots in which everything is unknown."""
    plots = np.zeros(n, PLOT)
    for name in PLOT.names or ():
        if PLOT[name].kind == "f":
            plots[name] = np.nan
    plots["squawk"] = UNKNOWN_SQUAWK
    plots["on_ground"] = UNKNOWN_GROUND
    return plots
