"""What readsb and its relatives write as JSON becomes plots: `aircraft.json`, a line a position, and trace files.

Field names are readsb's: `hex` ("~" first: not an ICAO address), `seen_pos` (age of the position, s), `alt_baro` ft or
"ground", `alt_geom` ft, `gs` kt, `track` deg, `baro_rate` ft/min, `nac_p`, `nac_v`, `nav_altitude_mcp` ft.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from detente.errors import FeedFault
from detente.feeds.heard import NAN, Row, plots_of_rows
from detente.feeds.plot import UNKNOWN_GROUND, Plots, Reject
from detente.feeds.table import callsign_of, identity_of, sorted_and_complete, squawk_of
from detente.units import M_PER_FT, MPS_PER_FPM, MPS_PER_KT, RAD_PER_DEG

_TO_SIGMA: Final = 1.0 / 2.4477
"""A 95 % radius in the plane in standard deviations of one axis."""

# Source: DO-260B, table 2-71 (EPU) and 2-22 (HFOMR): 95 % bounds, m and m/s.
_EPU_M: Final = {1: 18_520, 2: 7_408, 3: 3_704, 4: 1_852, 5: 926, 6: 555.6, 7: 185.2, 8: 92.6, 9: 30, 10: 10, 11: 3}
_HFOM_MPS: Final = {1: 10.0, 2: 3.0, 3: 1.0, 4: 0.3}

_DETAILS: Final = ("flight", "squawk", "category", "nac_p", "nac_v", "nav_altitude_mcp")
"""What a trace tells only now and then, and what holds until it is told again."""

_LAST_S: Final = 2.0**33
"""Seconds since the epoch, in the year 2242: a later time does not fit a plot and is no time of a recording."""

_decoder: Final = msgspec.json.Decoder()


def position_sigma_m(nac_p: object) -> float:
    """Return one standard deviation of a position from its accuracy category, NaN when it tells none."""
    return _EPU_M[nac_p] * _TO_SIGMA if isinstance(nac_p, int) and nac_p in _EPU_M else NAN


def velocity_sigma_mps(nac_v: object) -> float:
    """Return one standard deviation of a velocity from its accuracy category, NaN when it tells none."""
    return _HFOM_MPS[nac_v] * _TO_SIGMA if isinstance(nac_v, int) and nac_v in _HFOM_MPS else NAN


def plots_of_lines(lines: Iterable[bytes]) -> tuple[Plots, Counter[Reject]]:
    """Return the plots of JSON lines, a position each, in order of time; heartbeat lines (no `hex`) are passed over."""
    rows: list[Row] = []
    rejected: Counter[Reject] = Counter()
    for line in lines:
        if not line.strip():
            continue
        try:
            said = _decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            rejected[Reject.MALFORMED] += 1
            continue
        if isinstance(said, dict) and "hex" not in said and "now" in said:
            continue
        _add(said, said.get("now") if isinstance(said, dict) else None, rows, rejected)
    return _completed(rows, rejected)


def plots_of_aircraft_json(text: bytes) -> tuple[Plots, Counter[Reject]]:
    """Return the plots of one `aircraft.json`; raises FeedFault when *text* is none."""
    said = _object(text)
    aircraft = said.get("aircraft")
    if not isinstance(aircraft, list) or not _is_number(said.get("now")):
        raise FeedFault("is no aircraft.json: it has no list of aircraft with its time (now)")
    rows: list[Row] = []
    rejected: Counter[Reject] = Counter()
    for one in aircraft:
        _add(one, said["now"], rows, rejected)
    return _completed(rows, rejected)


def plots_of_trace(text: bytes) -> tuple[Plots, Counter[Reject]]:
    """Return the plots of one trace file (`trace_full_….json`); raises FeedFault when *text* is none."""
    said = _object(text)
    trace = said.get("trace")
    if not isinstance(trace, list) or not _is_number(said.get("timestamp")) or not isinstance(said.get("icao"), str):
        raise FeedFault("is no trace: it has no icao, timestamp and trace")
    rows: list[Row] = []
    rejected: Counter[Reject] = Counter()
    known: dict[str, Any] = {}
    for point in trace:
        if not isinstance(point, list) or len(point) < 8 or not _is_number(point[0]):
            rejected[Reject.MALFORMED] += 1
            continue
        details = point[8] if len(point) > 8 and isinstance(point[8], dict) else {}
        known |= details
        names = ("lat", "lon", "alt_baro", "gs", "track", None, "baro_rate")
        values = dict(zip(names, point[1:8], strict=True))
        extra = {"alt_geom": point[10] if len(point) > 10 else None}
        named = {name: known[name] for name in _DETAILS if name in known}
        one = named | values | extra | {"hex": said["icao"]}
        _add(one, said["timestamp"] + point[0], rows, rejected)
    return _completed(rows, rejected)


def _object(text: bytes) -> dict[str, Any]:
    try:
        said = _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        raise FeedFault(f"is not JSON: {e}") from None
    if not isinstance(said, dict):
        raise FeedFault("is no JSON object")
    return said


def _completed(rows: list[Row], rejected: Counter[Reject]) -> tuple[Plots, Counter[Reject]]:
    plots, incomplete = sorted_and_complete(plots_of_rows(rows))
    return plots, rejected + incomplete


def _add(said: Any, now_s: object, rows: list[Row], rejected: Counter[Reject]) -> None:
    try:
        rows.append(_row(said, now_s))
    except (TypeError, ValueError, AttributeError, OverflowError):
        rejected[Reject.MALFORMED] += 1


def _row(said: dict[str, Any], now_s: Any) -> Row:
    """Return the plot one object tells; raises TypeError or ValueError when a field is of another kind."""
    details = said.get("flightdict")
    if isinstance(details, dict):
        said = details | {name: value for name, value in said.items() if value is not None}
    at_s = float(now_s) - float(said.get("seen_pos") or 0.0)
    if not 0.0 <= at_s < _LAST_S:
        raise ValueError("no time of this age")
    altitude = said.get("alt_baro")
    grounded = altitude == "ground"
    speed_mps = _number(said.get("gs", said.get("gscp"))) * MPS_PER_KT
    track_rad = _number(said.get("track")) * RAD_PER_DEG
    climb = said.get("baro_rate")
    return (
        round(at_s * 1e6) * 1_000,
        identity_of(said.get("hex", "")),
        callsign_of(said.get("flight") or ""),
        _number(said.get("lat")) * RAD_PER_DEG,
        _number(said.get("lon")) * RAD_PER_DEG,
        _number(altitude) * M_PER_FT if _is_number(altitude) else NAN,
        _number(said.get("alt_geom")) * M_PER_FT,
        speed_mps * math.sin(track_rad),
        speed_mps * math.cos(track_rad),
        _number(climb if climb is not None else said.get("geom_rate")) * MPS_PER_FPM,
        position_sigma_m(said.get("nac_p")),
        velocity_sigma_mps(said.get("nac_v")),
        _panel_m(said.get("nav_altitude_mcp")),
        squawk_of(said.get("squawk") or ""),
        (said.get("category") or "").encode("ascii", "replace")[:2],
        1 if grounded else 0 if _is_number(altitude) else UNKNOWN_GROUND,
    )


def _panel_m(altitude_ft: Any) -> float:
    """Return a selected altitude in whole hundreds of feet, as a panel has it, not in the 16 or 32 of its message."""
    return round(_number(altitude_ft) / 100.0) * 100.0 * M_PER_FT if altitude_ft else NAN


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: Any) -> float:
    if value is None:
        return NAN
    if not _is_number(value):
        raise TypeError
    return float(value)
