"""Mode S and ADS-B raw, as a Beast or a jet1090 gives it, becomes plots. Decoded by rs1090, framed and checked here.

rs1090 keeps no state between calls: within one batch it resolves pairs of an even and an odd frame, which need no
reference. Decoding what is left against the receiver's own position would place an aircraft at 400 NM at 40. So it is
decoded against the last place of its own aircraft, which a pair must have given, and must give again every minute;
until then a position counts as none. Surface positions are decoded against the receiver. What lies beyond 180 NM is
refused.

The Beast format: 0x1a, a type ("1" Mode A/C, "2" short, "3" long, "4" status), six bytes of a 12 MHz clock, one of
signal level, the message; a 0x1a inside is doubled.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from statistics import median
from typing import Any, Final, NamedTuple, cast

import rs1090

from detente.feeds.heard import NAN, Heard, Hearing, Row, plots_of_rows
from detente.feeds.plot import Plots, Reject
from detente.feeds.readsb import position_sigma_m, velocity_sigma_mps
from detente.feeds.site import Site
from detente.feeds.table import callsign_of, squawk_of
from detente.types import NS_PER_S, Instant
from detente.units import EARTH_MEAN_RADIUS_M, M_PER_FT, M_PER_NM, MPS_PER_FPM, MPS_PER_KT, RAD_PER_DEG

ESCAPE: Final = 0x1A
_LENGTHS: Final = {0x31: 2, 0x32: 7, 0x33: 14, 0x34: 14}
_MODE_S: Final = frozenset({0x32, 0x33})
_TICKS_PER_S: Final = 12_000_000
_HEX: Final = frozenset(b"0123456789abcdefABCDEF")
_OTHER_REGISTERS: Final = frozenset({"bds10", "bds20", "bds30", "bds44", "bds45", "bds50", "bds60"})
_PANEL: Final = "MCP/FCU"

RANGE_M: Final = 180.0 * M_PER_NM
"""Half of a CPR cell, and about the horizon of an aircraft at 40,000 ft: nothing beyond it is heard."""

PAIR_S: Final = 10.0
"""An even and an odd frame make a pair when they are no farther apart."""

RECHECK_S: Final = 60.0
"""How old the last pair may be when a single frame is decoded near the last place."""


class Frame(NamedTuple):
    """One Mode S message and when the receiver's clock says it came."""

    at_ns: int
    hex: str


class BeastFramer:
    """Bytes of a Beast stream become frames, piece by piece."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> tuple[list[tuple[int, str]], int]:
        """Return (clock ticks, hex) of each Mode S message completed, and how many pieces were no frame."""
        stream = self._rest + chunk
        found: list[tuple[int, str]] = []
        damaged = 0
        at = 0
        while True:
            start = stream.find(ESCAPE, at)
            if start < 0:
                damaged += at < len(stream)
                at = len(stream)
                break
            damaged += start > at
            at = start
            if at + 1 >= len(stream):
                break
            length = _LENGTHS.get(stream[at + 1])
            if length is None:
                damaged += 1
                at += 2 if stream[at + 1] == ESCAPE else 1
                continue
            body, end = _unescaped(stream, at + 2, 7 + length)
            if end < 0:
                break
            if body is None:  # a new frame began inside this one
                damaged += 1
                at = end
                continue
            if stream[at + 1] in _MODE_S:
                found.append((int.from_bytes(body[:6], "big"), body[7:].hex()))
            at = end
        self._rest = stream[at:]
        return found, damaged


def _unescaped(stream: bytes, start: int, length: int) -> tuple[bytes | None, int]:
    """Return *length* bytes from *start* with doubled escapes made single, and where they end.

    The end is -1 while the stream is too short; the bytes are None when a single escape cuts them off.
    """
    piece = stream[start : start + length]
    if len(piece) == length and ESCAPE not in piece:
        return piece, start + length
    body = bytearray()
    at = start
    while len(body) < length:
        if at >= len(stream):
            return None, -1
        byte = stream[at]
        if byte == ESCAPE:
            if at + 1 >= len(stream):
                return None, -1
            if stream[at + 1] != ESCAPE:
                return None, at
            at += 1
        body.append(byte)
        at += 1
    return bytes(body), at


class _Anchor:
    """The last even and odd frame of one address, its last place, and when a pair last said where it is."""

    __slots__ = ("even", "odd", "paired_s", "place")

    def __init__(self) -> None:
        self.even: tuple[float, str] | None = None
        self.odd: tuple[float, str] | None = None
        self.place: tuple[float, float] | None = None
        self.paired_s = -math.inf


class ModeSReader:
    """Frames of one receiver become plots. Keeps what each address has told."""

    def __init__(self, receiver: Site) -> None:
        self.receiver_deg = (receiver.latitude_deg, receiver.longitude_deg)
        self.messages = 0
        self._hearing = Hearing()
        self._anchors: dict[bytes, _Anchor] = {}

    def feed(self, frames: Iterable[Frame]) -> tuple[Plots, Counter[Reject]]:
        """Return the plots that *frames* complete, in their order, and how many frames or positions were refused."""
        rejected: Counter[Reject] = Counter()
        offered = list(frames)
        sound = _sound(offered)
        self.messages += len(sound)
        rows: list[Row] = []
        if sound:
            told = _decoded([f.hex for f in sound], [f.at_ns / NS_PER_S for f in sound], self.receiver_deg)
            rejected[Reject.MALFORMED] += len(offered) - len(told)
            for message in told:
                row = self._message(message, rejected)
                if row is not None:
                    rows.append(row)
        else:
            rejected[Reject.MALFORMED] += len(offered)
        return plots_of_rows(rows), +rejected

    def _message(self, message: dict[str, Any], rejected: Counter[Reject]) -> Row | None:
        identity = message.get("icao24", "").encode("ascii", "replace")
        at_ns = round(message["timestamp"] * 1e6) * 1_000
        if message["df"] not in {"17", "18"}:
            # Their address is what is left of the parity, so only one already known by its own squitter counts.
            heard = self._hearing.get(identity)
            if heard is not None:
                _note(heard, message, at_ns)
            return None
        heard = self._hearing.of(identity, at_ns)
        _note(heard, message, at_ns)
        if "lat_cpr" not in message:
            return None
        place = self._place(identity, message)
        if isinstance(place, Reject):
            rejected[place] += 1
            return None
        return heard.row(at_ns, place[0] * RAD_PER_DEG, place[1] * RAD_PER_DEG)

    def _place(self, identity: bytes, message: dict[str, Any]) -> tuple[float, float] | Reject:
        """Return where a position message places its aircraft, degrees, or why it is not believed."""
        place = _place_of(message)
        if message.get("bds") == "05":
            place = self._anchored(self._anchor(identity, message), place, message)
        if place is None:
            return Reject.NO_POSITION
        return place if distance_m(self.receiver_deg, place) <= RANGE_M else Reject.OUT_OF_RANGE

    def _anchored(
        self, anchor: _Anchor, place: tuple[float, float] | None, message: dict[str, Any]
    ) -> tuple[float, float] | None:
        """Return an airborne position: from a pair of the batch (*place*), a pair of ours, or near the last one."""
        now_s = message["timestamp"]
        if place is None and anchor.place and 0.0 <= now_s - anchor.paired_s < RECHECK_S:
            anchor.place = _place_of(cast("dict[str, Any]", rs1090.decode(message["frame"], reference=anchor.place)))
            return anchor.place
        if place is None and anchor.even and anchor.odd and abs(anchor.even[0] - anchor.odd[0]) <= PAIR_S:
            first, second = sorted((anchor.even, anchor.odd))
            place = _place_of(_decoded([first[1], second[1]], [first[0], second[0]], None)[-1])
        if place is not None:
            anchor.place, anchor.paired_s = place, now_s
        return place

    def _anchor(self, identity: bytes, message: dict[str, Any]) -> _Anchor:
        """Return the anchor of *identity*, with *message* as the newer half of its pair."""
        anchor = self._anchors.get(identity)
        if anchor is None:
            if len(self._anchors) > 2 * len(self._hearing) + 1_000:
                self._anchors = {k: v for k, v in self._anchors.items() if self._hearing.get(k) is not None}
            anchor = self._anchors[identity] = _Anchor()
        if message.get("parity") == "odd":
            anchor.odd = (message["timestamp"], message["frame"])
        else:
            anchor.even = (message["timestamp"], message["frame"])
        return anchor


def receiver_of(frames: Iterable[Frame]) -> Site | None:
    """Return about where the receiver of a whole recording stood: the median of the positions its pairs give.

    For a recording that does not say; None when no pair gives a position.
    """
    whole = _sound(frames)
    told = _decoded([f.hex for f in whole], [f.at_ns / NS_PER_S for f in whole], None) if whole else []
    places = [place for message in told if (place := _place_of(message)) is not None]
    if not places:
        return None
    latitudes, longitudes = zip(*places, strict=True)
    return Site(median(latitudes), median(longitudes))


def _sound(frames: Iterable[Frame]) -> list[Frame]:
    """Return the frames that are whole: rs1090 panics, past `except Exception`, on other lengths and letters."""
    return [
        Frame(frame.at_ns, frame.hex.lower())
        for frame in frames
        if len(frame.hex) in {14, 28} and _HEX.issuperset(frame.hex.encode("ascii", "replace"))
    ]


def _decoded(frames: list[str], times_s: list[float], receiver_deg: tuple[float, float] | None) -> list[dict[str, Any]]:
    """Return what rs1090 makes of *frames*; those whose parity is wrong are left out."""
    return cast("list[dict[str, Any]]", rs1090.decode(frames, times_s, reference=receiver_deg))


def _place_of(message: dict[str, Any]) -> tuple[float, float] | None:
    latitude, longitude = message.get("latitude"), message.get("longitude")
    return None if latitude is None or longitude is None else (latitude, longitude)


def _note(heard: Heard, message: dict[str, Any], at_ns: int) -> None:
    """Write down everything but a position that *message* tells of its aircraft."""
    name = message.get("callsign")
    if isinstance(name, str):
        heard.callsign = callsign_of(name.strip("_#")) or heard.callsign
    squawk = message.get("squawk")
    if isinstance(squawk, str):
        heard.squawk = squawk_of(squawk)
    altitude = message.get("altitude")
    if isinstance(altitude, int | float):
        heard.altitude_at_ns = at_ns
        if message.get("source") == "GNSS":
            heard.altitude_ellipsoid_m = altitude * M_PER_FT
        else:
            heard.altitude_pressure_m = altitude * M_PER_FT
    if message.get("bds") == "06":
        heard.on_ground = 1
    elif message.get("bds") == "05":
        heard.on_ground = 0
    speed, track = message.get("groundspeed"), message.get("track")
    if isinstance(speed, int | float) and isinstance(track, int | float) and message["df"] in {"17", "18"}:
        climb = message.get("vertical_rate")
        v_up_mps = climb * MPS_PER_FPM if isinstance(climb, int | float) else NAN
        heard.moves(at_ns, speed * MPS_PER_KT, track * RAD_PER_DEG, v_up_mps)
    if "NACv" in message:
        heard.velocity_sigma_mps = velocity_sigma_mps(message["NACv"])
    if "NACp" in message:
        heard.position_sigma_m = position_sigma_m(message["NACp"])
    selected = _selected_ft(message)
    if selected:
        heard.selected_altitude_m = selected * M_PER_FT
        heard.selected_at_ns = at_ns


def _selected_ft(message: dict[str, Any]) -> float:
    """Return the altitude set on the crew's panel, from a target state or from register 4,0; 0 when none is told.

    A reply does not say which register it holds. rs1090 names every register whose form it has: where the bits could
    also be a track, a heading or a name, nothing is read from them. What the FMS holds is no altitude to stop at.
    """
    register = message.get("bds40")
    if register and _OTHER_REGISTERS.isdisjoint(message):
        return float(register.get("selected_mcp") or 0.0)
    if message.get("source") == _PANEL:
        return float(message.get("selected_altitude") or 0.0)
    return 0.0


class BeastReader:
    """A Beast stream of one receiver becomes plots: framer, clock and decoder in one."""

    def __init__(self, receiver: Site, started_at: Instant | None = None) -> None:
        """*started_at*: the instant of the first frame of a recording; None: frames happen when they are received."""
        self.modes = ModeSReader(receiver)
        self._framer = BeastFramer()
        self._started_at = started_at
        self._first_ticks: int | None = None

    def feed(self, chunk: bytes, received_at: Instant | None = None) -> tuple[Plots, Counter[Reject]]:
        """Return the plots that *chunk* completes, and how many pieces, frames or positions were refused."""
        found, damaged = self._framer.feed(chunk)
        plots, rejected = self.modes.feed(Frame(self._instant_ns(ticks, received_at), text) for ticks, text in found)
        rejected[Reject.MALFORMED] += damaged
        return plots, +rejected

    def _instant_ns(self, ticks: int, received_at: Instant | None) -> int:
        if self._started_at is None:
            return received_at or 0
        if self._first_ticks is None:
            self._first_ticks = ticks
        return self._started_at + (ticks - self._first_ticks) * NS_PER_S // _TICKS_PER_S


def distance_m(a_deg: tuple[float, float], b_deg: tuple[float, float]) -> float:
    """Return the great-circle distance on the mean sphere; a sieve, not a verdict."""
    (lat_a, lon_a), (lat_b, lon_b) = a_deg, b_deg
    s = math.sin(0.5 * (lat_b - lat_a) * RAD_PER_DEG) ** 2
    t = math.sin(0.5 * (lon_b - lon_a) * RAD_PER_DEG) ** 2
    h = s + math.cos(lat_a * RAD_PER_DEG) * math.cos(lat_b * RAD_PER_DEG) * t
    return 2.0 * EARTH_MEAN_RADIUS_M * math.asin(math.sqrt(min(1.0, h)))
