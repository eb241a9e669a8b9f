"""Parquet and CSV tables of traffic, read and written through DuckDB. Columns are those of `detente.feeds.table`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np

from detente.errors import FeedFault
from detente.feeds.plot import UNKNOWN_GROUND, UNKNOWN_SQUAWK, Plots, Reject
from detente.feeds.table import NO_TIME, NUMBERS, REQUIRED, TEXTS, plots_of_columns
from detente.units import DEG_PER_RAD, M_PER_FT, MPS_PER_FPM, MPS_PER_KT

INCIDENT: Final = ("callsign", "source_id", "t_unix", "lat", "lon", "alt_m", "flag")
"""Columns of an incident's tracks: position, pressure altitude in metres, no velocity, and what not to believe."""

_LAST_S: Final = 2**33
"""Seconds since the epoch, in the year 2242: a later time does not fit a plot and is no time of a recording."""

# Not received but set by its publisher, or of an aircraft that was no longer one.
_FLAGGED: Final = "(flag LIKE 'suspect:%' OR flag = 'after_collision')"


def read_table(path: Path, kind: str) -> tuple[Plots, Counter[Reject]]:
    """Return the plots of a table of kind "parquet", "csv" or "csv.gz"; raises FeedFault when it is none of traffic."""
    scan = "read_parquet(?)"
    if kind != "parquet":
        packed = "gzip" if kind == "csv.gz" else "none"
        scan = f"read_csv(?, header=true, all_varchar=true, delim=',', compression='{packed}', store_rejects=true)"
    with _database() as db:
        try:
            described = db.execute(f"DESCRIBE SELECT * FROM {scan}", [str(path)]).fetchall()  # noqa: S608
            types = {str(row[0]).lower(): str(row[1]) for row in described}  # SQL does not tell cases apart either
            rejected: Counter[Reject] = Counter()
            if kind != "parquet" and set(INCIDENT) <= set(types):
                selected, where = _incident_sql(), f"flag IS NULL OR NOT {_FLAGGED}"
                flagged = db.execute(f"SELECT count(*) FROM {scan} WHERE {_FLAGGED}", [str(path)]).fetchone()  # noqa: S608
                rejected[Reject.MALFORMED] += flagged[0] if flagged else 0
            else:
                selected, where = _traffic_sql(types), "true"
            columns = db.execute(f"SELECT {', '.join(selected)} FROM {scan} WHERE {where}", [str(path)]).fetchnumpy()  # noqa: S608
            if kind != "parquet":
                damaged = db.execute("SELECT count(DISTINCT line) FROM reject_errors").fetchone()
                rejected[Reject.MALFORMED] += damaged[0] if damaged else 0
        except duckdb.Error as e:
            raise FeedFault(f"is not readable as {kind}: {str(e).splitlines()[0]}") from None
    plots, incomplete = plots_of_columns(columns)
    return plots, +(rejected + incomplete)


def write_table(path: Path, plots: Plots) -> None:
    """Write *plots* as Parquet with the columns of `traffic`, to be read again by `read_table` or any other tool."""
    speed_mps = np.hypot(plots["v_east_mps"], plots["v_north_mps"])
    track_deg = np.arctan2(plots["v_east_mps"], plots["v_north_mps"]) * DEG_PER_RAD % 360.0
    columns: dict[str, Any] = {
        "at_ns": plots["applicable_at_ns"],
        "icao24": _texts(plots["identity"].astype("U")),
        "callsign": _texts(plots["callsign"].astype("U")),
        "latitude": plots["latitude_rad"] * DEG_PER_RAD,
        "longitude": plots["longitude_rad"] * DEG_PER_RAD,
        "altitude": plots["altitude_pressure_m"] / M_PER_FT,
        "geoaltitude": plots["altitude_ellipsoid_m"] / M_PER_FT,
        "groundspeed": speed_mps / MPS_PER_KT,
        "track": track_deg,
        "vertical_rate": plots["v_up_mps"] / MPS_PER_FPM,
        "selected_mcp": plots["selected_altitude_m"] / M_PER_FT,
        "squawk": _texts("" if code == UNKNOWN_SQUAWK else f"{code:04o}" for code in plots["squawk"].tolist()),
        "onground": _texts("" if on == UNKNOWN_GROUND else str(bool(on)) for on in plots["on_ground"].tolist()),
        "category": _texts(plots["category"].astype("U")),
    }
    numbers = ", ".join(f"CASE WHEN isnan({n}) THEN NULL ELSE {n} END AS {n}" for n in NUMBERS)
    texts = ", ".join(f"nullif({n}, '') AS {n}" for n in TEXTS)
    with _database() as db:
        db.register("columns", columns)
        db.execute(
            f"COPY (SELECT CAST(make_timestamp_ns(at_ns) AS TIMESTAMPTZ) AS timestamp, {texts}, {numbers} FROM columns)"  # noqa: S608
            " TO ? (FORMAT parquet)",
            [str(path)],
        )


def _database() -> duckdb.DuckDBPyConnection:
    db = duckdb.connect(config={"autoinstall_known_extensions": False, "threads": 1})
    db.execute("SET timezone = 'UTC'")
    return db


def _texts(values: Iterable[Any]) -> Any:
    return np.array(list(values), object)


def _traffic_sql(types: dict[str, str]) -> list[str]:
    missing = [name for name in REQUIRED if name not in types]
    if missing:
        raise FeedFault(f"has no column {', '.join(missing)}; a recording has {', '.join(REQUIRED)}, altitude, …")
    return [
        f"coalesce({_instant_sql('timestamp', types['timestamp'])}, {NO_TIME + 1} - 1) AS timestamp",
        *(f"coalesce(TRY_CAST({n} AS DOUBLE), 'NaN'::DOUBLE) AS {n}" for n in NUMBERS if n in types),
        *(f"coalesce(CAST({n} AS VARCHAR), '') AS {n}" for n in TEXTS if n in types),
    ]


def _incident_sql() -> list[str]:
    return [
        f"coalesce({_instant_sql('t_unix', 'VARCHAR')}, {NO_TIME + 1} - 1) AS timestamp",
        "coalesce(source_id, '') AS icao24",
        "coalesce(callsign, '') AS callsign",
        "coalesce(TRY_CAST(lat AS DOUBLE), 'NaN'::DOUBLE) AS latitude",
        "coalesce(TRY_CAST(lon AS DOUBLE), 'NaN'::DOUBLE) AS longitude",
        f"coalesce(TRY_CAST(alt_m AS DOUBLE) / {M_PER_FT}, 'NaN'::DOUBLE) AS altitude",
    ]


def _instant_sql(name: str, type_: str) -> str:
    """Return SQL for nanoseconds since the epoch from a time stamp, seconds since the epoch, or ISO text (else UTC)."""
    if type_ == "TIMESTAMP_NS":
        return f"epoch_ns({name})"  # no other time stamp goes so far that it does not fit
    if type_.startswith("TIMESTAMP"):
        return _fitting_sql(name)
    seconds = f"TRY_CAST({name} AS DOUBLE)"
    number = f"CASE WHEN abs({seconds}) < {_LAST_S} THEN CAST(round({seconds} * 1e6) AS BIGINT) * 1000 END"
    return number if type_ != "VARCHAR" else f"coalesce({number}, {_fitting_sql(f'TRY_CAST({name} AS TIMESTAMPTZ)')})"


def _fitting_sql(stamp: str) -> str:
    """Return SQL for nanoseconds since the epoch; NULL for a time that does not fit: it costs its row and no file."""
    return f"CASE WHEN abs(epoch_us({stamp})::DOUBLE) < {_LAST_S} * 1e6 THEN epoch_us({stamp}) * 1000 END"
