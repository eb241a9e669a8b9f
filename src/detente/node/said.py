"""What was said between two instants, read from the record: alerts, messages, and what became of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from detente.desk.record_view import SaidPage, SaidRow
from detente.errors import PeerFault
from detente.evidence.keys import parse_origin
from detente.evidence.leaf import Kind, Lane, read
from detente.evidence.merkle import leaf_hash
from detente.evidence.note import b64
from detente.evidence.store import Entry, LeafStore
from detente.wire.messages import decode_body

LEAVES_MAX: Final = 5_000
"""Of one answer, the oldest first; whether there are more is said."""

_KINDS: Final = frozenset({Kind.ALERT, Kind.HOTLINE, Kind.ACK, Kind.DISPLAYED, Kind.ESCALATION, Kind.STAND_DOWN})
_RUN: Final = 256


def said_between(
    opened: Callable[[], LeafStore], parties: Mapping[str, str], from_ms: int, to_ms: int, most: int = LEAVES_MAX
) -> SaidPage:
    """Return what was said from *from_ms* until *to_ms*. *parties*: by node. Reads the disk: for a thread."""
    store = opened()
    try:
        rows: list[SaidRow] = []
        is_more = False
        for origin, size in sorted(store.sizes().items()):
            if "/to/" not in origin or parse_origin(origin).lane is Lane.TRACK:
                continue
            start = _first_since(store, origin, size, from_ms)
            found = 0
            while start < size and found <= most:
                entries = store.read(origin, start, min(size, start + _RUN))
                stamps = [row for seq, entry in enumerate(entries, start) if (row := _row(origin, seq, entry, parties))]
                rows += [row for row in stamps if from_ms <= row.at_ms <= to_ms]
                found += len(stamps)
                start += len(entries)
                if not entries or read(entries[-1].leaf).ts > to_ms:
                    break
            is_more |= found > most
        rows.sort(key=lambda row: (row.at_ms, row.log, row.seq))
        return SaidPage(rows[:most], is_more or len(rows) > most)
    finally:
        store.close()


def _first_since(store: LeafStore, origin: str, size: int, from_ms: int) -> int:
    """Return the first leaf written at *from_ms* or later, by halving: a log's times rise."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        if read(store.read(origin, middle, middle + 1)[0].leaf).ts < from_ms:
            low = middle + 1
        else:
            high = middle
    return low


def _row(origin: str, seq: int, entry: Entry, parties: Mapping[str, str]) -> SaidRow | None:
    said = read(entry.leaf)
    if said.kind not in _KINDS:
        return None
    parts = parse_origin(origin)
    return SaidRow(
        at_ms=said.ts,
        log=origin,
        lane=parts.lane.value,
        seq=seq,
        writer=parties.get(parts.writer, parts.writer),
        reader=parties.get(parts.reader, parts.reader),
        kind=said.kind.value,
        precedence=said.prec.value,
        by=said.by,
        hash=b64(leaf_hash(entry.leaf)),
        re=list(said.re),
        body=None if entry.body is None else _body(said.kind, entry.body),
    )


def _body(kind: Kind, raw: bytes) -> dict[str, Any] | None:
    try:
        decode_body(kind, raw)
    except PeerFault:
        return None  # the reading again of the record says so, and mends it
    body: dict[str, Any] = msgspec.json.decode(raw)
    return body
