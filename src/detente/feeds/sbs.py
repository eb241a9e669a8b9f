"""BaseStation ("SBS-1", port 30003) text becomes plots. A stream is read piece by piece; lines merge per address.

A line: `MSG,type,session,aircraft,hex,flight,date,time,date logged,time logged,callsign,altitude ft,ground speed kt,
track deg,latitude,longitude,vertical rate ft/min,squawk,alert,emergency,spi,on ground`. The time is the sender's, read
as UTC. A line without one happened when it was received. The log of stratux puts nanoseconds since its START line in
front of each.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from datetime import UTC, datetime
from typing import Final

from detente.feeds.heard import NAN, Hearing, Row, plots_of_rows
from detente.feeds.plot import UNKNOWN_SQUAWK, Plots, Reject
from detente.feeds.table import callsign_of, identity_of, squawk_of
from detente.types import NS_PER_S, Instant
from detente.units import M_PER_FT, MPS_PER_FPM, MPS_PER_KT, RAD_PER_DEG

LONGEST_LINE: Final = 512
"""Bytes of a line; a longer one is no SBS, and is skipped to its end."""

_OTHER_KINDS: Final = frozenset({"SEL", "ID", "AIR", "STA", "CLK"})
_START: Final = re.compile(r"START,\w{3} (\w{3} +\d+ \d\d:\d\d:\d\d) \+0000 UTC (\d{4})")
_ON_GROUND: Final = {"1": 1, "-1": 1, "0": 0}


class SbsReader:
    """One connection's or file's lines. Keeps what each address has told, and the unfinished line."""

    def __init__(self, started_at: Instant | None = None) -> None:
        """*started_at*: the instant that a log's nanoseconds count from, until it names one itself."""
        self.messages = 0
        self._started_at: int = started_at or 0
        self._rest = b""
        self._skips = False
        self._hearing = Hearing()

    def feed(self, chunk: bytes, received_at: Instant | None = None) -> tuple[Plots, Counter[Reject]]:
        """Return the plots that *chunk* completes, in the order of the stream, and how many lines were damaged.

        received_at: the time of a line that has none; without it such a line is malformed.
        """
        rejected: Counter[Reject] = Counter()
        rows: list[Row] = []
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            if self._skips or len(line) > LONGEST_LINE:
                rejected[Reject.MALFORMED] += not self._skips
                self._skips = False
                continue
            self._read(line, received_at, rows, rejected)
        if len(self._rest) > LONGEST_LINE:
            rejected[Reject.MALFORMED] += not self._skips
            self._skips = True
            self._rest = b""
        return plots_of_rows(rows), +rejected

    def finish(self, received_at: Instant | None = None) -> tuple[Plots, Counter[Reject]]:
        """Return what the last line gives, when the stream ended without a line feed."""
        return self.feed(b"\n", received_at) if self._rest else self.feed(b"", received_at)

    def _read(self, raw: bytes, received_at: Instant | None, rows: list[Row], rejected: Counter[Reject]) -> None:
        try:
            line = raw.decode("ascii").strip()
        except UnicodeDecodeError:
            rejected[Reject.MALFORMED] += 1
            return
        if not line:
            return
        fields = line.split(",")
        logged_ns: int | None = None
        if fields[0].isdecimal() and len(fields[0]) < 19:
            logged_ns = int(fields[0])
            fields = fields[1:] or [""]
        if fields[0] in _OTHER_KINDS:
            return
        if fields[0] == "START":
            self._start(line)
            return
        try:
            row = self._message(fields, logged_ns, received_at)
        except ValueError:
            rejected[Reject.MALFORMED] += 1
            return
        self.messages += 1
        if row is not None:
            rows.append(row)

    def _start(self, line: str) -> None:
        match = _START.match(line)
        if match:
            when = datetime.strptime(" ".join(match.groups()), "%b %d %H:%M:%S %Y").replace(tzinfo=UTC)
            self._started_at = int(when.timestamp()) * NS_PER_S

    def _message(self, fields: list[str], logged_ns: int | None, received_at: Instant | None) -> Row | None:
        """Merge one message; return the plot it completes, if any. Raises ValueError when it is none."""
        if fields[0] != "MSG" or not 18 <= len(fields) <= 22:
            raise ValueError
        identity = identity_of(fields[4])
        if not identity or identity.startswith(b"~"):
            raise ValueError
        at_ns = _instant_ns(fields[6], fields[7])
        if at_ns is None:
            at_ns = self._started_at + logged_ns if logged_ns is not None else received_at
        if at_ns is None:
            raise ValueError
        altitude_m = _number(fields[11]) * M_PER_FT
        speed_mps = _number(fields[12]) * MPS_PER_KT
        track_rad = _number(fields[13]) * RAD_PER_DEG
        latitude_rad = _number(fields[14]) * RAD_PER_DEG
        longitude_rad = _number(fields[15]) * RAD_PER_DEG
        v_up_mps = _number(fields[16]) * MPS_PER_FPM

        heard = self._hearing.of(identity, at_ns)
        heard.callsign = callsign_of(fields[10]) or heard.callsign
        squawk = squawk_of(fields[17])
        heard.squawk = squawk if squawk != UNKNOWN_SQUAWK else heard.squawk
        if len(fields) == 22:
            heard.on_ground = _ON_GROUND.get(fields[21].strip(), heard.on_ground)
        if math.isfinite(altitude_m):
            heard.altitude_pressure_m = altitude_m
            heard.altitude_at_ns = at_ns
        if math.isfinite(speed_mps) and math.isfinite(track_rad):
            heard.moves(at_ns, speed_mps, track_rad, v_up_mps)
        if math.isfinite(latitude_rad) and math.isfinite(longitude_rad):
            return heard.row(at_ns, latitude_rad, longitude_rad)
        return None


def _number(text: str) -> float:
    """Return the number in *text*, NaN when it is empty; raises ValueError for anything else."""
    return float(text) if text.strip() else NAN


def _instant_ns(date: str, time: str) -> int | None:
    if not date.strip() and not time.strip():
        return None
    when = datetime.strptime(f"{date} {time}", "%Y/%m/%d %H:%M:%S.%f").replace(tzinfo=UTC)
    since = when - datetime(1970, 1, 1, tzinfo=UTC)
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000
