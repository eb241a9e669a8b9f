"""A recording on disk becomes plots, whatever its format; the format is told by content, not by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from detente.errors import FeedFault
from detente.feeds.plot import Plots, Reject
from detente.feeds.table import NO_TIME, NUMBERS, REQUIRED, TEXTS, plots_of_columns

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Recording:
    """What one file held."""

    plots: Plots  # in order of time
    rejected: Counter[Reject]  # rows or messages that did not become plots
    kind: str  # "parquet", "csv", …
    source: str  # the file's name


def open_recording(path: Path, *, on_progress: Progress | None = None) -> Recording:
    """Return the plots of the recording at *path*.

    Raises FeedFault, with one line that says what was expected, for anything that holds no plots.
    """
    if path.is_dir():
        raise FeedFault(f"{path}: is a folder, a recording is one file")
    if not path.is_file():
        raise FeedFault(f"{path}: no such file")
    with path.open("rb") as file:
        head = file.read(65_536)
    if not head:
        raise FeedFault(f"{path}: is empty")
    kind = "parquet" if head[:4] == b"PAR1" else "csv"
    columns = _read_table(path, kind)
    plots, rejected = plots_of_columns(columns)
    if on_progress:
        on_progress(1.0)
    if not len(plots):
        raise FeedFault(f"{path}: holds no plot ({sum(rejected.values())} rows refused)")
    return Recording(plots, rejected, kind, path.name)


_EPOCH_OF: Final = {"TIMESTAMP": "epoch_ns({0})", "DATE": "NULL"}


def _read_table(path: Path, kind: str) -> dict[str, Any]:
    relation = "read_parquet(?)" if kind == "parquet" else "read_csv(?, header=true, all_varchar=true)"
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as db:
        db.execute("SET timezone = 'UTC'")
        try:
            types = dict(row[:2] for row in db.execute(f"DESCRIBE SELECT * FROM {relation}", [str(path)]).fetchall())  # noqa: S608
        except duckdb.Error as e:
            raise FeedFault(f"{path}: is not readable as {kind}: {str(e).splitlines()[0]}") from None
        missing = [name for name in REQUIRED if name not in types]
        if missing:
            raise FeedFault(f"{path}: has no column {', '.join(missing)}; a recording has {', '.join(REQUIRED)}, …")
        selected = [f"coalesce({_instant_sql(types['timestamp'])}, {NO_TIME + 1} - 1) AS timestamp"]
        selected += [f"coalesce(TRY_CAST({n} AS DOUBLE), 'NaN'::DOUBLE) AS {n}" for n in NUMBERS if n in types]
        selected += [f"coalesce(CAST({n} AS VARCHAR), '') AS {n}" for n in TEXTS if n in types]
        try:
            return db.execute(f"SELECT {', '.join(selected)} FROM {relation}", [str(path)]).fetchnumpy()  # noqa: S608
        except duckdb.Error as e:
            raise FeedFault(f"{path}: {str(e).splitlines()[0]}") from None


def _instant_sql(type_: str) -> str:
    if type_.startswith("TIMESTAMP"):
        return "epoch_ns(timestamp)"
    number = "TRY_CAST(timestamp AS DOUBLE)"
    if type_ == "VARCHAR":
        return f"coalesce(CAST(round({number} * 1e6) AS BIGINT) * 1000, epoch_ns(TRY_CAST(timestamp AS TIMESTAMPTZ)))"
    return f"CAST(round({number} * 1e6) AS BIGINT) * 1000"
