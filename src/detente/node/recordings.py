"""A recording on disk becomes plots, whatever its format; the format is told by content, not by name.

What a format does not say is asked of the caller, else guessed where a guess is harmless to a replay: the day from
eight digits in the name, the receiver from the middle of what it heard.
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

import msgspec
import numpy as np
from pyasteryx.exceptions import AsteryxError
from pyasteryx.io.pcap import iter_pcap_payloads

from detente.errors import FeedFault
from detente.feeds import asterix, beast, cot, readsb, sbs
from detente.feeds.flight_path import plots_of_flight_path
from detente.feeds.plot import PLOT, Plots, Reject
from detente.feeds.site import Site
from detente.feeds.table import sorted_and_complete
from detente.node.tables import read_table, write_table
from detente.types import NS_PER_S, Instant

Progress = Callable[[float], None]
Read = tuple[Plots, Counter[Reject]]

EXPECTED: Final = (
    "a recording is Parquet or CSV with the columns of traffic, readsb JSON (lines, aircraft.json, trace), SBS, Beast, "
    "jet1090 JSON lines, ASTERIX (.ast, .pcap), Cursor on Target, or a flight path (.flp)"
)

LARGEST_FILE: Final = 4 * 1024**3
"""Bytes, after unpacking; Parquet is read in place and has no such limit."""

_HEAD: Final = 65_536
_PIECE: Final = 1 << 18
_PCAP: Final = (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d")
_SBS_LINE: Final = re.compile(rb"(\d{1,19},)?(MSG|SEL|ID|AIR|STA|CLK),|START,")
_DAY_NS: Final = 86_400 * NS_PER_S
_LAST_S: Final = 2**33
"""Seconds since the epoch, in the year 2242: a later time does not fit a plot."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What one file held."""

    plots: Plots  # in order of time
    rejected: Counter[Reject]  # rows or messages that did not become plots
    kind: str
    source: str  # the file's name


def open_recording(
    path: Path,
    *,
    receiver: Site | None = None,
    started_at: Instant | None = None,
    on_progress: Progress | None = None,
) -> Recording:
    """Return the plots of the recording at *path*.

    receiver: where the antenna stood: needed for radar plots, better than a guess for raw Mode S.
    started_at: the instant (Beast) or any instant of the day (ASTERIX, .flp) of the first message, for formats that do
    not tell; else read from the name, else 1970.
    Raises FeedFault, with one line that names the file and what was expected, for anything that gives no plot.
    """
    progress = on_progress or _ignored
    try:
        kind, read = _told_by_content(path, receiver, started_at or _named_instant(path), progress)
        plots, rejected = read()
    except FeedFault as e:
        raise FeedFault(f"{path}: {e}") from None
    except (OSError, EOFError, zlib.error) as e:
        raise FeedFault(f"{path}: cannot be read: {e}") from None
    progress(1.0)
    if not len(plots):
        counted = ", ".join(f"{n} {reason.name.lower()}" for reason, n in rejected.items()) or "nothing at all"
        hint = (
            "; give the radar's site"
            if Reject.NO_POSITION in rejected and kind.startswith("asterix") and receiver is None
            else ""
        )
        raise FeedFault(f"{path}: no plot in this {kind} recording ({counted}){hint}")
    return Recording(plots, rejected, kind, path.name)


def write_recording(path: Path, plots: Plots) -> None:
    """Write *plots* as a Parquet recording."""
    write_table(path, plots)


def _told_by_content(
    path: Path, receiver: Site | None, started_at: Instant, progress: Progress
) -> tuple[str, Callable[[], Read]]:
    """Return the kind of the file and what reads it."""
    if path.is_dir():
        raise FeedFault("is a folder; " + EXPECTED)
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        raise FeedFault("is empty; " + EXPECTED)
    if head.startswith(b"PAR1"):
        return "parquet", lambda: read_table(path, "parquet")
    if head.startswith(_PCAP):
        return "asterix pcap", lambda: _pcap(path, head, receiver)
    packed = head.startswith(b"\x1f\x8b")
    if packed:
        with gzip.open(path) as file:
            head = file.read(_HEAD)
        if not head:
            raise FeedFault("is empty; " + EXPECTED)
    text = head.lstrip(b"\xef\xbb\xbf \r\n\t")
    if _is_table(text):
        kind = "csv.gz" if packed else "csv"
        return kind, lambda: read_table(path, kind)
    kind, read = _told_by_head(head, text, path, packed, receiver, started_at, progress)
    return kind, read


def _told_by_head(
    head: bytes,
    text: bytes,
    path: Path,
    packed: bool,
    receiver: Site | None,
    started_at: Instant,
    progress: Progress,
) -> tuple[str, Callable[[], Read]]:
    def pieces() -> Iterator[bytes]:
        return _pieces(path, packed, progress)

    def whole() -> bytes:
        return b"".join(pieces())

    midnight = Instant(started_at - started_at % _DAY_NS)
    if text.startswith((b"<?xml", b"<event")) or head[0] == cot.PROTO:
        return "cot", lambda: _fed(cot.CotReader(), pieces())
    if text.startswith(b"{"):
        return _told_by_json(text, pieces, whole, receiver)
    if _SBS_LINE.match(text):
        return "sbs", lambda: _sbs(sbs.SbsReader(), pieces())
    if text.startswith(b"#") and b"OriginSec" in text:
        return "flp", lambda: plots_of_flight_path(whole().decode("utf-8", "replace"), midnight)
    if _is_beast(head):
        return "beast", lambda: _beast(whole(), receiver, started_at)
    if _is_asterix(head):
        return "asterix", lambda: asterix.AsterixReader(midnight, receiver).feed(whole())
    raise FeedFault("is of no kind known here; " + EXPECTED)


def _told_by_json(
    text: bytes, pieces: Callable[[], Iterator[bytes]], whole: Callable[[], bytes], receiver: Site | None
) -> tuple[str, Callable[[], Read]]:
    try:
        first = msgspec.json.decode(text.partition(b"\n")[0])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        first = None  # an object over several lines, or a very long one
    if isinstance(first, dict) and "frame" in first:
        return "jet1090", lambda: _jet1090(_lines(pieces()), receiver)
    if isinstance(first, dict) and ("hex" in first or ("now" in first and "aircraft" not in first)):
        return "readsb lines", lambda: readsb.plots_of_lines(_lines(pieces()))
    if b'"trace"' in text and b'"icao"' in text:
        return "readsb trace", lambda: readsb.plots_of_trace(whole())
    if b'"aircraft"' in text:
        return "aircraft.json", lambda: readsb.plots_of_aircraft_json(whole())
    raise FeedFault("is JSON of no kind known here; " + EXPECTED)


def _is_table(text: bytes) -> bool:
    """Whether the first line is a row of names, one of them of a time."""
    line = text.partition(b"\n")[0].strip()
    names = line.replace(b'"', b"").split(b",")
    if len(names) < 3 or _SBS_LINE.match(line):
        return False
    return all(re.fullmatch(rb"[A-Za-z_][\w ]*", name.strip()) for name in names)


def _is_beast(head: bytes) -> bool:
    frames, damaged = beast.BeastFramer().feed(head)
    return len(frames) >= 2 and damaged <= 1 + len(frames) // 10


def _is_asterix(head: bytes) -> bool:
    """Whether the lengths of the first blocks lead from one known category to the next."""
    at = blocks = 0
    while at + 3 <= len(head):
        category, length = struct.unpack_from(">BH", head, at)
        if category not in asterix.CATEGORIES | asterix.SERVICE_CATEGORIES or length < 4:
            return False
        at += length
        blocks += 1
    return blocks > 0 and (at == len(head) or len(head) == _HEAD)


def _pieces(path: Path, packed: bool, progress: Progress) -> Iterator[bytes]:
    """Yield the file's bytes, unpacked, and tell how far the reading is."""
    size = path.stat().st_size
    unpacked = 0
    with path.open("rb") as raw, gzip.open(raw) if packed else raw as file:
        while piece := file.read(_PIECE):
            unpacked += len(piece)
            if unpacked > LARGEST_FILE:
                raise FeedFault(f"is larger than {LARGEST_FILE // 1024**3} GiB: write it as Parquet")
            progress(min(raw.tell() / size, 1.0))
            yield piece


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
    yield rest


class _Reader(Protocol):
    def feed(self, chunk: bytes, /) -> Read: ...


def _joined(parts: list[Read]) -> Read:
    plots = np.concatenate([part[0] for part in parts]) if parts else np.empty(0, PLOT)
    kept, incomplete = sorted_and_complete(plots)
    return kept, sum((part[1] for part in parts), incomplete)


def _fed(reader: _Reader, pieces: Iterator[bytes]) -> Read:
    return _joined([reader.feed(piece) for piece in pieces])


def _sbs(reader: sbs.SbsReader, pieces: Iterator[bytes]) -> Read:
    return _joined([*(reader.feed(piece) for piece in pieces), reader.finish()])


def _beast(stream: bytes, receiver: Site | None, started_at: Instant) -> Read:
    found, _ = beast.BeastFramer().feed(stream)
    frames = (beast.Frame(ticks * NS_PER_S // 12_000_000, text) for ticks, text in found)
    reader = beast.BeastReader(receiver or _heard_from(list(frames)), started_at)
    return _joined([reader.feed(stream)])


def _jet1090(lines: Iterator[bytes], receiver: Site | None) -> Read:
    frames: list[beast.Frame] = []
    damaged: Counter[Reject] = Counter()
    for line in lines:
        if not line.strip():
            continue
        try:
            said = msgspec.json.decode(line, type=_Jet1090)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            damaged[Reject.MALFORMED] += 1
            continue
        if not abs(said.timestamp) < _LAST_S:
            damaged[Reject.MALFORMED] += 1
        else:
            frames.append(beast.Frame(round(said.timestamp * 1e6) * 1_000, said.frame))
    plots, rejected = beast.ModeSReader(receiver or _heard_from(frames)).feed(frames)
    kept, incomplete = sorted_and_complete(plots)
    return kept, damaged + rejected + incomplete


class _Jet1090(msgspec.Struct):
    timestamp: float
    frame: str


def _heard_from(frames: list[beast.Frame]) -> Site:
    site = beast.receiver_of(frames)
    if site is None:
        raise FeedFault("has no position that can be decoded without the receiver's; give the receiver's position")
    return site


def _pcap(path: Path, head: bytes, receiver: Site | None) -> Read:
    order = "<" if head[:1] in b"\xd4\x4d" else ">"
    first_s = struct.unpack_from(order + "I", head, 24)[0] if len(head) >= 28 else 0
    reader = asterix.AsterixReader(Instant(first_s * NS_PER_S // _DAY_NS * _DAY_NS), receiver)
    try:
        return _joined([reader.feed(payload) for payload in iter_pcap_payloads(path)])
    except AsteryxError as e:
        raise FeedFault(f"is a damaged capture: {e}") from None


def _named_instant(path: Path) -> Instant:
    """Return the instant (20180403T190228Z) or day (20180403) in a file's or its folder's name, else that of 1970."""
    for name in (path.name, path.parent.name):
        match = re.search(r"(?<!\d)((?:19|20)\d{6})(?:[T_-]?(\d{6})Z?)?(?!\d)", name)
        if match:
            try:
                when = datetime.strptime(match[1] + (match[2] or "000000"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
            except ValueError:
                continue
            return Instant(int(when.timestamp()) * NS_PER_S)
    return Instant(0)


def _ignored(_fraction: float) -> None:
    return
