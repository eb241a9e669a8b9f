"""The picture as this node's desk showed it, kept on disk by the hour and read back by the window.

A row is a track at one second in which it had news: a newer plot, another mark, another owner; and every ten seconds
while it has none. So a window can be shown again as it was seen, and what nobody heard for longer than that is gone.
Files are Parquet with the columns of `traffic` and some of our own: any tool reads them, `detente replay` too. They are
this party's own memory and no evidence: nothing signs them. The oldest go first when there are too many.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec
import numpy as np
import numpy.typing as npt
import structlog

from detente.desk.frame import ALTITUDE_UNKNOWN, COLUMNS, FRAME
from detente.desk.record_view import Kept, Span
from detente.units import DEG_PER_RAD, RAD_PER_DEG

if TYPE_CHECKING:
    import duckdb

BEAT_MS: Final = 10_000
"""A track without news is written again after this; unwritten for longer, and a second, it was not in the picture."""

FLUSH_S: Final = 30.0
"""A sudden end loses at most this much of the picture."""

WAITING_MAX: Final = 4_000_000
"""Rows in memory while the disk takes none; beyond it the oldest minutes are let go, counted, and said at the desk."""

FRAMES_MAX: Final = 120
FRAMES_BYTES_MAX: Final = 16 << 20
"""Of one answer; a window with more is asked for piece by piece."""

_HOUR_MS: Final = 3_600_000
_MILES_RAD: Final = 1.852 / 6371.0088
_GONE: Final = 255
_PART: Final = re.compile(r"(\d{8}T\d{2})-(\d{6})\.parquet")
_HOUR: Final = re.compile(r"(\d{8}T\d{2})\.parquet")

ROW: Final = np.dtype([("at_ms", "<i8"), *((name, code) for name, code in COLUMNS.items())])
Rows = npt.NDArray[np.void]

log = structlog.get_logger()


class Limits(Protocol):
    """What the configuration says of keeping the picture."""

    @property
    def hours(self) -> int: ...
    @property
    def mb(self) -> int: ...


@dataclass(slots=True)
class _Part:
    path: Path
    span: Span
    size: int


class PictureLog:
    """One node's. `take` is called on the event loop with each frame; all reading is for a thread of its own."""

    def __init__(self, folder: Path, parties: Sequence[str], limits: Limits) -> None:
        """*parties*: ids by index, as frames count them. The folder is made when there is something to keep."""
        self._folder = folder
        self._parties = [*parties]
        self._limits = limits
        self._waiting: list[Rows] = []
        self._last: Rows = np.empty(0, ROW)  # of each track in the picture, by number
        self._lock = threading.Lock()  # over the rows in memory; never held over the disk, for the loop takes it too
        self._disk = threading.Lock()  # over the files
        self._parts: dict[str, _Part] = {}
        self._lost = 0
        self._fault = ""

    def added(self, party: str) -> None:
        """There is one more party, and frames count it after the others."""
        self._parties.append(party)

    def take(self, frame: bytes) -> None:
        """Keep what is news in *frame*; one of the same second as the last is left."""
        if self._limits.hours == 0:
            return
        rows = rows_of(frame)
        with self._lock:
            news = rows[_is_news(rows, self._last)]
            written = self._last[~np.isin(self._last["number"], news["number"])]
            still = written[np.isin(written["number"], rows["number"])]
            self._last = np.sort(np.concatenate([still, news]), order="number")
            if len(news):
                self._waiting.append(news)
            while sum(map(len, self._waiting)) > WAITING_MAX:
                self._lost += len(self._waiting.pop(0))

    async def run(self) -> None:
        """Write and let go until cancelled; what waits then is written by `flush`."""
        if self._limits.hours == 0:
            return
        while True:
            await asyncio.to_thread(self.flush)
            await asyncio.sleep(FLUSH_S)

    def flush(self) -> None:
        """Write what waits, join the parts of past hours, and let the oldest hours go."""
        import duckdb  # noqa: PLC0415 an eighth of a second, that a start has not to spare

        with self._disk:
            with self._lock:
                rows = [*self._waiting]
            try:
                if rows:
                    # Written once more after a fault, the rows get the same name.
                    self._write(np.concatenate(rows))
                    with self._lock:
                        written = set(map(id, rows))
                        self._waiting = [waiting for waiting in self._waiting if id(waiting) not in written]
                self._join()
                self._let_go()
            except (OSError, duckdb.Error) as fault:
                # The picture itself goes on; only the memory of it stands still, and the desk says so.
                if str(fault) != self._fault:
                    log.warning("picture", fault=str(fault))
                self._fault = str(fault).splitlines()[0]
            else:
                self._fault = ""

    def kept(self) -> Kept:
        """Return what can be shown again."""
        with self._disk:
            parts = sorted(self._listed().values(), key=lambda part: part.span.from_ms)
            with self._lock:
                waiting = [Span(int(rows["at_ms"][0]), int(rows["at_ms"][-1])) for rows in self._waiting]
            return Kept(
                _joined([*(part.span for part in parts), *waiting]),
                self._limits.hours,
                self._limits.mb,
                round(sum(part.size for part in parts) / (1 << 20), 1),
                self._lost,
                self._fault,
            )

    def frames(self, from_ms: int, step_ms: int, count: int) -> list[bytes]:
        """Return *count* frames from *from_ms* on, *step_ms* apart, as the desk would have shown them.

        Fewer when they would be more than FRAMES_BYTES_MAX; at least one.
        """
        count = min(max(1, count), FRAMES_MAX)
        instants = [from_ms + k * step_ms for k in range(count)]
        rows = self._rows(from_ms - BEAT_MS - 1000, instants[-1])
        frames: list[bytes] = []
        size = 0
        for at_ms in instants:
            frame = frame_of(rows, at_ms)
            size += len(frame)
            if frames and size > FRAMES_BYTES_MAX:
                break
            frames.append(frame)
        return frames

    # --- the disk, under the lock

    def _write(self, rows: Rows) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for hour in np.unique(rows["at_ms"] // _HOUR_MS).tolist():
            some = rows[rows["at_ms"] // _HOUR_MS == hour]
            first_ms = int(some["at_ms"][0])
            path = self._folder / f"{_name(hour * _HOUR_MS)}-{first_ms % _HOUR_MS // 10:06d}.parquet"
            with _database() as db:
                db.register("picture", _columns(some, self._parties))
                _copy(db, _SELECTED, path)

    def _join(self) -> None:
        """Make one file of the parts of each hour that is over; where that stands its parts are done with."""
        parts: dict[str, list[Path]] = {}
        for path in sorted(self._folder.glob("*-*.parquet")):
            if match := _PART.fullmatch(path.name):
                parts.setdefault(match[1], []).append(path)
        for hour in sorted(parts)[:-1]:
            whole = self._folder / f"{hour}.parquet"
            if not whole.exists():
                with _database() as db:
                    listed = ", ".join(f"'{_quoted(path)}'" for path in parts[hour])
                    _copy(db, f"SELECT * FROM read_parquet([{listed}])", whole)  # noqa: S608
            for path in parts[hour]:
                path.unlink()

    def _let_go(self) -> None:
        found = sorted(self._listed().values(), key=lambda part: part.span.from_ms)
        if not found:
            return
        oldest_ms = found[-1].span.to_ms - self._limits.hours * _HOUR_MS
        size = sum(part.size for part in found)
        for part in found[:-1]:
            if part.span.to_ms >= oldest_ms and size <= self._limits.mb << 20:
                break
            part.path.unlink()
            size -= part.size

    def _listed(self) -> dict[str, _Part]:
        """Return the files that hold rows, each looked into once."""
        there = {path.name: path for path in self._folder.glob("*.parquet") if _is_ours(path.name)}
        joined = {match[1] for name in there if (match := _HOUR.fullmatch(name))}
        there = {name: path for name, path in there.items() if not ((m := _PART.fullmatch(name)) and m[1] in joined)}
        self._parts = {name: part for name, part in self._parts.items() if name in there}
        for name in sorted(there.keys() - self._parts.keys()):
            with _database() as db:
                found = db.execute(
                    "SELECT epoch_ms(min(timestamp)), epoch_ms(max(timestamp)) FROM read_parquet(?)", [str(there[name])]
                ).fetchone()
            if found and found[0] is not None:
                self._parts[name] = _Part(there[name], Span(found[0], found[1]), there[name].stat().st_size)
        return self._parts

    def _rows(self, from_ms: int, to_ms: int) -> Rows:
        with self._disk:
            with self._lock:
                waiting = [rows for rows in self._waiting if rows["at_ms"][-1] >= from_ms and rows["at_ms"][0] <= to_ms]
            parts = [p for p in self._listed().values() if p.span.to_ms >= from_ms and p.span.from_ms <= to_ms]
            read = [
                _read(part.path, from_ms, to_ms, self._parties) for part in sorted(parts, key=lambda p: p.span.from_ms)
            ]
        rows = np.concatenate([np.empty(0, ROW), *read, *waiting])
        return rows[np.argsort(rows["at_ms"], kind="stable")]


def rows_of(frame: bytes) -> Rows:
    """Return the tracks of one of the console's frames as rows of `ROW`."""
    message = msgspec.msgpack.decode(frame)
    assert message["frame"] == FRAME
    rows = np.zeros(message["n"], ROW)
    rows["at_ms"] = message["at_ms"]
    for name, code in COLUMNS.items():
        rows[name] = np.frombuffer(message[name], code)
    return rows


def frame_of(rows: Rows, at_ms: int) -> bytes:
    """Return the frame at *at_ms*, each track carried on from its newest row of *rows*, which are in order of time."""
    start, stop = np.searchsorted(rows["at_ms"], [at_ms - BEAT_MS - 1000, at_ms + 1])
    some = rows[start:stop][::-1]
    _, newest = np.unique(some["number"], return_index=True)
    shown = some[newest].copy()
    ahead_s = (at_ms - shown["at_ms"]) / 1000.0
    shown["age_s"] += ahead_s
    heading = shown["trk_deg"].astype(np.float64) * RAD_PER_DEG
    run = shown["gs_kt"].astype(np.float64) * ahead_s / 3600.0 * _MILES_RAD
    run = np.where(np.isfinite(run), run, 0.0)
    turn = np.where(np.isfinite(heading), heading, 0.0)
    shown["lat"] += run * np.cos(turn) * DEG_PER_RAD
    shown["lon"] += run * np.sin(turn) / np.maximum(np.cos(shown["lat"] * RAD_PER_DEG), 1e-6) * DEG_PER_RAD
    message: dict[str, object] = {"frame": FRAME, "at_ms": at_ms, "n": len(shown)}
    message |= {name: np.ascontiguousarray(shown[name]).tobytes() for name in COLUMNS}
    return msgspec.msgpack.encode(message)


def _is_news(rows: Rows, last: Rows) -> npt.NDArray[np.bool_]:
    """Which of *rows* have something that *last*, in order of number, has not."""
    if not len(last):
        return np.ones(len(rows), bool)
    place = np.minimum(np.searchsorted(last["number"], rows["number"]), len(last) - 1)
    before = last[place]
    passed_ms = rows["at_ms"] - before["at_ms"]
    plotted_s = (passed_ms / 1000.0) - rows["age_s"] + before["age_s"]
    is_news: npt.NDArray[np.bool_] = (before["number"] != rows["number"]) | (plotted_s > 0.05) | (passed_ms >= BEAT_MS)
    for name in ("flags", "not_assessed", "declared_by", "same_as"):
        is_news |= before[name] != rows[name]
    return is_news


_PLAIN: Final = {
    "lat": "latitude",
    "lon": "longitude",
    "gs_kt": "groundspeed",
    "trk_deg": "track",
    "vs_fpm": "vertical_rate",
}
_SELECTED: Final = """
SELECT CAST(make_timestamp_ms(at_ms) AS TIMESTAMPTZ) AS timestamp, icao24, nullif(callsign, '') AS callsign,
    latitude, longitude, CASE WHEN isnan(altitude) THEN NULL ELSE altitude END AS altitude,
    CASE WHEN isnan(groundspeed) THEN NULL ELSE groundspeed END AS groundspeed,
    CASE WHEN isnan(track) THEN NULL ELSE track END AS track,
    CASE WHEN isnan(vertical_rate) THEN NULL ELSE vertical_rate END AS vertical_rate,
    party, nullif(declared_by, '') AS declared_by, nullif(also, '') AS also, number, age_s, flags, not_assessed, same_as
FROM picture
"""
_READ: Final = """
SELECT epoch_ms(timestamp) AS at_ms, icao24, coalesce(callsign, '') AS callsign, latitude, longitude,
    coalesce(altitude, 'NaN'::DOUBLE) AS altitude, coalesce(groundspeed, 'NaN'::DOUBLE) AS groundspeed,
    coalesce(track, 'NaN'::DOUBLE) AS track, coalesce(vertical_rate, 'NaN'::DOUBLE) AS vertical_rate,
    party, coalesce(declared_by, '') AS declared_by, coalesce(also, '') AS also,
    number, age_s, flags, not_assessed, same_as
FROM read_parquet(?)
WHERE timestamp BETWEEN make_timestamp_ms(?) AT TIME ZONE 'UTC' AND make_timestamp_ms(?) AT TIME ZONE 'UTC'
"""


def _columns(rows: Rows, parties: Sequence[str]) -> dict[str, Any]:
    """Return *rows* as what is written: parties by their ids, for their numbers may change with the configuration."""
    named = np.array([*parties, *[""] * (256 - len(parties))], object)
    bits = np.unpackbits(rows["other"][:, None], axis=1, bitorder="little").astype(bool)
    also = ["+".join(p for p, has in zip(parties, row, strict=False) if has) for row in bits.tolist()]
    altitude = np.where(rows["alt_ft"] == ALTITUDE_UNKNOWN, np.nan, rows["alt_ft"])
    return {
        "at_ms": rows["at_ms"],
        "icao24": _texts(rows["identity"]),
        "callsign": _texts(rows["callsign"]),
        "latitude": rows["lat"],
        "longitude": rows["lon"],
        "altitude": altitude,
        "groundspeed": rows["gs_kt"].astype(np.float64),
        "track": rows["trk_deg"].astype(np.float64),
        "vertical_rate": rows["vs_fpm"].astype(np.float64),
        "party": named[rows["party"]],
        "declared_by": named[rows["declared_by"]],
        "also": np.array(also, object),
        **{name: np.ascontiguousarray(rows[name]) for name in ("number", "age_s", "flags", "not_assessed", "same_as")},
    }


def _read(path: Path, from_ms: int, to_ms: int, parties: Sequence[str]) -> Rows:
    with _database() as db:
        found = db.execute(_READ, [str(path), from_ms, to_ms]).fetchnumpy()
    index = {party: k for k, party in enumerate(parties)}
    rows = np.zeros(len(found["at_ms"]), ROW)
    for name in ("at_ms", "number", "age_s", "flags", "not_assessed", "same_as"):
        rows[name] = found[name]
    for ours, theirs in _PLAIN.items():
        rows[ours] = found[theirs]
    rows["identity"] = np.asarray(found["icao24"], dtype="S16")
    rows["callsign"] = np.asarray(found["callsign"], dtype="S8")
    altitude = np.asarray(found["altitude"], float)
    rows["alt_ft"] = np.where(np.isnan(altitude), ALTITUDE_UNKNOWN, np.nan_to_num(altitude))
    rows["party"] = [index.get(party, _GONE) for party in found["party"]]
    rows["declared_by"] = [index.get(party, _GONE) for party in found["declared_by"]]
    rows["other"] = [
        sum(1 << index[p] for p in also.split("+") if p in index and index[p] < 8) for also in found["also"]
    ]
    return rows


def _joined(spans: list[Span]) -> list[Span]:
    """Return *spans* with those joined between which nothing is missing."""
    found: list[Span] = []
    for span in spans:
        if found and span.from_ms - found[-1].to_ms <= BEAT_MS + 1000:
            found[-1] = Span(found[-1].from_ms, max(found[-1].to_ms, span.to_ms))
        else:
            found.append(span)
    return found


def _copy(db: duckdb.DuckDBPyConnection, select: str, path: Path) -> None:
    """Write what *select* gives; the file has its name only once it is whole."""
    half = path.with_suffix(".half")
    db.execute(f"COPY ({select}) TO '{_quoted(half)}' (FORMAT parquet, COMPRESSION zstd)")
    half.replace(path)


def _database() -> duckdb.DuckDBPyConnection:
    import duckdb  # noqa: PLC0415

    db = duckdb.connect(config={"autoinstall_known_extensions": False, "threads": 1, "memory_limit": "512MB"})
    db.execute("SET timezone = 'UTC'")
    return db


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _texts(column: npt.NDArray[np.bytes_]) -> Any:
    return np.array([text.decode("ascii", "replace") for text in column.tolist()], object)


def _name(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y%m%dT%H")


def _is_ours(name: str) -> bool:
    return bool(_PART.fullmatch(name) or _HOUR.fullmatch(name))
