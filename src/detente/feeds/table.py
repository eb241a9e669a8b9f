"""Columns of a table become plots: the `traffic` kind (timestamp, icao24, latitude, …), in its usual units.

The reader of a file gives whole columns, so a day of a country is one call: numbers as float64 with NaN where
unknown, text as `bytes` or `str` with "" where unknown, time as int64 nanoseconds.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from detente.feeds.plot import UNKNOWN_GROUND, UNKNOWN_SQUAWK, Plots, Reject, empty_plots
from detente.units import M_PER_FT, MPS_PER_FPM, MPS_PER_KT, RAD_PER_DEG

Column = npt.NDArray[Any]

REQUIRED: Final = ("timestamp", "icao24", "latitude", "longitude")
"""Without these a table is no recording of traffic."""

NUMBERS: Final = (
    "latitude", "longitude", "altitude", "geoaltitude", "groundspeed", "track", "vertical_rate", "selected_mcp",
)  # fmt: skip
"""deg, deg, ft (1013.25 hPa), ft (above the ellipsoid), kt, deg true, ft/min, ft (set on the crew's panel)."""

TEXTS: Final = ("icao24", "callsign", "squawk", "onground", "category")

NO_TIME: Final = np.iinfo(np.int64).min
"""`timestamp` of a row that has none."""

_ICAO: Final = re.compile(rb"[0-9a-f]{6}")
_TRUE: Final = frozenset({b"true", b"t", b"1", b"1.0"})
_FALSE: Final = frozenset({b"false", b"f", b"0", b"0.0"})


def identity_of(name: str) -> bytes:
    """Return the identity of what a source calls *name*: an ICAO address in lower case, else ``~`` and the name.

    A name that begins with ``~`` (readsb's mark of a non-ICAO address) keeps its one mark. Empty stays empty.
    """
    text = name.strip().lower().encode("ascii", "replace")
    if not text or _ICAO.fullmatch(text):
        return text
    return b"~" + text.lstrip(b"~")[:15]


def squawk_of(text: str) -> int:
    """Return a Mode A code from its four octal digits, `UNKNOWN_SQUAWK` when it is none."""
    digits = text.strip()
    if not digits.isascii() or not digits.isdigit() or len(digits) > 4 or "8" in digits or "9" in digits:
        return UNKNOWN_SQUAWK
    return int(digits, 8)


def plots_of_columns(columns: Mapping[str, Column]) -> tuple[Plots, Counter[Reject]]:
    """Return the plots of a table in order of time, and how many of its rows are none, by reason.

    *columns* holds `REQUIRED` and any of `NUMBERS` and `TEXTS`, all of one length. A row without time is
    malformed; one without identity or position is counted as such. What a row does not tell is unknown.
    """
    n = len(columns["timestamp"])
    plots = empty_plots(n)
    plots["applicable_at_ns"] = columns["timestamp"]
    plots["latitude_rad"] = _number(columns, "latitude", n) * RAD_PER_DEG
    longitude = _number(columns, "longitude", n)
    counts_to_360 = (longitude > 180.0) & (longitude <= 360.0)
    plots["longitude_rad"] = np.where(counts_to_360, longitude - 360.0, longitude) * RAD_PER_DEG
    plots["altitude_pressure_m"] = _number(columns, "altitude", n) * M_PER_FT
    plots["altitude_ellipsoid_m"] = _number(columns, "geoaltitude", n) * M_PER_FT
    speed = _number(columns, "groundspeed", n) * MPS_PER_KT
    track = _number(columns, "track", n) * RAD_PER_DEG
    plots["v_east_mps"] = speed * np.sin(track)
    plots["v_north_mps"] = speed * np.cos(track)
    plots["v_up_mps"] = _number(columns, "vertical_rate", n) * MPS_PER_FPM
    plots["selected_altitude_m"] = _number(columns, "selected_mcp", n) * M_PER_FT
    plots["identity"] = _text(columns, "icao24", n, identity_of, "S16")
    plots["callsign"] = _text(columns, "callsign", n, callsign_of, "S8")
    plots["category"] = _text(columns, "category", n, lambda text: text.strip().encode("ascii", "replace"), "S2")
    plots["squawk"] = _text(columns, "squawk", n, squawk_of, "u2", UNKNOWN_SQUAWK)
    plots["on_ground"] = _text(columns, "onground", n, ground_of, "u1", UNKNOWN_GROUND)
    return sorted_and_complete(plots)


def callsign_of(text: str) -> bytes:
    """Return a callsign as plots carry it: trimmed ASCII, at most eight characters."""
    return text.strip().encode("ascii", "replace")[:8]


def ground_of(text: str) -> int:
    """Return 1 for a true word, 0 for a false one, `UNKNOWN_GROUND` for any other."""
    word = text.strip().lower().encode("ascii", "replace")
    return 1 if word in _TRUE else 0 if word in _FALSE else UNKNOWN_GROUND


def sorted_and_complete(plots: Plots) -> tuple[Plots, Counter[Reject]]:
    """Return those of *plots* that have time, identity and position, in order of time, and the count of the others."""
    timeless = plots["applicable_at_ns"] == NO_TIME
    nameless = ~timeless & (plots["identity"] == b"")
    placeless = ~timeless & ~nameless & ~(np.isfinite(plots["latitude_rad"]) & np.isfinite(plots["longitude_rad"]))
    rejected = Counter(
        {
            reason: int(count)
            for reason, count in (
                (Reject.MALFORMED, timeless.sum()),
                (Reject.NO_IDENTITY, nameless.sum()),
                (Reject.NO_POSITION, placeless.sum()),
            )
            if count
        }
    )
    kept = plots[~(timeless | nameless | placeless)] if rejected else plots
    at_ns = kept["applicable_at_ns"]
    if np.any(at_ns[1:] < at_ns[:-1]):
        kept = kept[np.argsort(at_ns, kind="stable")]
    return kept, rejected


def _number(columns: Mapping[str, Column], name: str, n: int) -> npt.NDArray[np.float64]:
    column = columns.get(name)
    return np.full(n, np.nan) if column is None else np.asarray(column, np.float64)


def _text(columns: Mapping[str, Column], name: str, n: int, read: Any, dtype: str, unknown: object = b"") -> Column:
    """Read each different text once: a day of a country has a hundred thousand rows and a thousand callsigns."""
    column = columns.get(name)
    if column is None:
        return np.full(n, unknown, dtype)
    distinct: dict[str, Any] = {text: read(text) for text in set(column.tolist())}
    return np.array([distinct[text] for text in column.tolist()], dtype)
