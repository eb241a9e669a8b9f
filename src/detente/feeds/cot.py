"""Cursor on Target becomes plots: XML by expat, and the TAK protocol's protobuf by takproto.

Only events about things in the air (`a-.-A…`) are plots. The sender's view of affiliation, second atom of the type, is
not read at all: what no party declares is unknown. Tasking, chat, drawings and all else are passed over.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final
from xml.parsers import expat

import takproto
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from detente.feeds.heard import NAN, Row, plots_of_rows
from detente.feeds.plot import UNKNOWN_GROUND, UNKNOWN_SQUAWK, Plots, Reject
from detente.feeds.table import callsign_of, identity_of, squawk_of
from detente.types import Instant, instant_of_iso, instant_of_ms
from detente.units import RAD_PER_DEG

LONGEST_EVENT: Final = 65_536
"""Bytes of one event; a longer one is refused."""

PROTO: Final = 0xBF
_UNKNOWN: Final = 999_999.0
"""Senders write 9999999 (the XML schema) or 999999 (the protobuf) for what they do not know."""
_END: Final = b"</event>"
_LAST_NS: Final = 2**63


@dataclass(slots=True)
class _Event:
    """What we read of one event; text as it came."""

    uid: str = ""
    type: str = ""
    at: Instant | None = None
    latitude_deg: float = NAN
    longitude_deg: float = NAN
    hae_m: float = NAN
    ce_m: float = NAN
    speed_mps: float = NAN
    course_deg: float = NAN
    callsign: str = ""
    hex: str = ""
    squawk: str = ""


class CotReader:
    """A stream of events becomes plots, piece by piece: XML documents or TAK protobuf frames, one after another."""

    def __init__(self) -> None:
        self.events = 0
        self._rest = b""
        self._skips = False

    def feed(self, chunk: bytes) -> tuple[Plots, Counter[Reject]]:
        """Return the plots of the events that *chunk* completes, and how many events were refused."""
        rejected: Counter[Reject] = Counter()
        rows: list[Row] = []
        self._rest += chunk
        while (one := self._next(rejected)) is not None:
            if not one:
                continue
            row = plot_of_event(one)
            self.events += 1
            if isinstance(row, Reject):
                rejected[row] += 1
            elif row is not None:
                rows.append(row)
        return plots_of_rows(rows), +rejected

    def _next(self, rejected: Counter[Reject]) -> bytes | None:
        """Cut the next event off the stream; None when none is whole, empty when one was refused for its size."""
        self._rest = self._rest.lstrip()
        if not self._rest:
            return None
        if self._rest[0] == PROTO:
            length, start = _varint(self._rest, 1)
            if start < 0:
                return None
            if length > LONGEST_EVENT:
                rejected[Reject.MALFORMED] += 1
                self._rest = self._rest[1:]
                return b""
            if len(self._rest) < start + length:
                return None
            one, self._rest = self._rest[: start + length], self._rest[start + length :]
            return one
        end = self._rest.find(_END)
        if end < 0:
            if len(self._rest) > LONGEST_EVENT:
                rejected[Reject.MALFORMED] += not self._skips
                self._skips = True
                self._rest = self._rest[-len(_END) :]
            return None
        one, self._rest = self._rest[: end + len(_END)], self._rest[end + len(_END) :]
        if self._skips or len(one) > LONGEST_EVENT:
            rejected[Reject.MALFORMED] += not self._skips
            self._skips = False
            return b""
        return one


def plot_of_event(raw: bytes) -> Row | Reject | None:
    """Return the plot of one event, XML or TAK protobuf in either framing; None when it is about no aircraft."""
    if len(raw) > LONGEST_EVENT:
        return Reject.MALFORMED
    try:
        event = _of_proto(raw) if raw[:1] == bytes([PROTO]) else _of_xml(raw)
    except (ValueError, expat.ExpatError, DecodeError, OverflowError, IndexError):
        return Reject.MALFORMED
    if not _is_airborne(event.type):
        return None
    return _row(event)


def _is_airborne(type_: str) -> bool:
    atoms = type_.split("-")
    return len(atoms) >= 3 and atoms[0] == "a" and atoms[2] == "A"


def _row(event: _Event) -> Row | Reject:
    if event.at is None or not 0 <= event.at < _LAST_NS:
        return Reject.MALFORMED
    if not event.uid:
        return Reject.NO_IDENTITY
    nowhere = event.latitude_deg == 0.0 and event.longitude_deg == 0.0
    if nowhere or not (math.isfinite(event.latitude_deg) and math.isfinite(event.longitude_deg)):
        return Reject.NO_POSITION
    course_rad = event.course_deg * RAD_PER_DEG
    return (
        event.at,
        _identity(event),
        callsign_of(event.callsign),
        event.latitude_deg * RAD_PER_DEG,
        event.longitude_deg * RAD_PER_DEG,
        NAN,
        event.hae_m,
        event.speed_mps * math.sin(course_rad),
        event.speed_mps * math.cos(course_rad),
        NAN,
        event.ce_m if event.ce_m > 0.0 else NAN,
        NAN,
        NAN,
        squawk_of(event.squawk) if event.squawk else UNKNOWN_SQUAWK,
        b"",
        UNKNOWN_GROUND,
    )


def _identity(event: _Event) -> bytes:
    """Return the ICAO address where the event gives one, else a mark of its uid that fits."""
    address = event.hex or event.uid.removeprefix("ICAO-").removeprefix("ICAO.")
    identity = identity_of(address)
    if len(identity) == 6 and not identity.startswith(b"~"):
        return identity
    name = event.uid.lower().encode()
    return b"~" + (name if len(name) <= 15 and name.isascii() else hashlib.sha256(name).hexdigest()[:15].encode())


def _of_xml(raw: bytes) -> _Event:
    event = _Event()

    def refuse(*_: object) -> None:
        raise ValueError("a document type or entity has no place in an event")

    def start(tag: str, at: dict[str, str]) -> None:
        if tag == "event":
            event.uid = at.get("uid", "")
            event.type = at.get("type", "")
            event.at = instant_of_iso(at["time"]) if "time" in at else None
        elif tag == "point":
            event.latitude_deg = _known(at.get("lat"))
            event.longitude_deg = _known(at.get("lon"))
            event.hae_m = _known(at.get("hae"))
            event.ce_m = _known(at.get("ce"))
        elif tag == "track":
            event.speed_mps = _known(at.get("speed"))
            event.course_deg = _known(at.get("course"))
        elif tag == "contact":
            event.callsign = at.get("callsign", "")
        elif tag == "__adsb":
            event.hex = at.get("hex", at.get("icao", ""))
            event.squawk = at.get("squawk", "")

    parser: Any = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.Parse(raw, True)
    return event


def _of_proto(raw: bytes) -> _Event:
    message = takproto.parse_proto(bytearray(raw))
    if message is None:
        raise ValueError("no TAK message")
    cot = message.cotEvent
    event = _Event(
        uid=cot.uid,
        type=cot.type,
        at=instant_of_ms(cot.sendTime) if cot.sendTime else None,
        latitude_deg=_known(cot.lat),
        longitude_deg=_known(cot.lon),
        hae_m=_known(cot.hae),
        ce_m=_known(cot.ce),
        callsign=cot.detail.contact.callsign,
    )
    if cot.detail.HasField("track"):
        event.speed_mps = _known(cot.detail.track.speed)
        event.course_deg = _known(cot.detail.track.course)
    if "__adsb" in cot.detail.xmlDetail:
        inner = _of_xml(b"<detail>" + cot.detail.xmlDetail.encode() + b"</detail>")
        event.hex, event.squawk = inner.hex, inner.squawk
    return event


def _known(value: str | float | None) -> float:
    """Return a number, NaN when it is missing or one of the ways to say unknown; raises ValueError for other text."""
    number = float(value) if value is not None and value != "" else NAN
    return number if abs(number) < _UNKNOWN else NAN


def _varint(raw: bytes, start: int) -> tuple[int, int]:
    """Return the varint at *start* and where it ends; the end is -1 while it is not whole."""
    value = 0
    for i, byte in enumerate(raw[start : start + 5]):
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            return value, start + i + 1
    return (LONGEST_EVENT + 1, start) if len(raw) >= start + 5 else (0, -1)
