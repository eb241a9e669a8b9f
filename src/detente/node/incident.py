"""What of a record is about one incident: an alert's leaves, both sides', and whatever was said in answer to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from detente.errors import OwnFault, PeerFault
from detente.evidence.keys import parse_origin
from detente.evidence.leaf import Envelope, Kind, Lane, read
from detente.evidence.merkle import leaf_hash
from detente.evidence.note import b64
from detente.evidence.store import LeafStore
from detente.wire.messages import AlertTold, decode_body
from detente.wire.tracks import TrackItem

_CHUNK: Final = 1024
_item: Final = msgspec.json.Decoder(TrackItem)


@dataclass(frozen=True)
class _Told:
    """A leaf of the record besides track frames; *alert* is its body if it is an alert whose body is still held."""

    log: str
    said: Envelope
    alert: AlertTold | None


@dataclass
class Incident:
    """One event as both sides told of it."""

    alerts: set[str] = field(default_factory=set)
    """The names the two nodes gave it."""
    window: tuple[int, int] = (2**53, 0)
    """From its first leaf to its last, milliseconds since 1970 UTC by the writers' clocks."""
    nodes: set[str] = field(default_factory=set)
    refs: dict[str, set[int]] = field(default_factory=dict)
    """By track log, how its writer names the aircraft to its reader."""
    identities: set[str] = field(default_factory=set)

    def shows(self, log: str) -> Callable[[Sequence[bytes]], Sequence[int]]:
        """Return what picks this incident's aircraft out of a frame of the track log *log*, and no other."""
        refs = self.refs.get(log, set())

        def show(items: Sequence[bytes]) -> Sequence[int]:
            return [n for n, raw in enumerate(items) if self._is_of(raw, refs)]

        return show

    def _is_of(self, raw: bytes, refs: set[int]) -> bool:
        try:
            item = _item.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False  # an item that is no track is of no aircraft
        return item.ref in refs or (item.identity or "") in self.identities


def find_incident(record: LeafStore, name: str) -> Incident:
    """Return the incident that an alert's *name* (``alfa-12``) or one of its leaves (base64 of its hash) stands for.

    All that answers one of its leaves, and all that those answer, belongs to it. Raises OwnFault when there is none.
    """
    told = dict(_told(record))
    # First those named; then whatever is bound to one of them by an answer or by the alert's name, until none is left.
    inside: set[str] = set()
    found = {digest for digest, leaf in told.items() if digest == name or (leaf.alert and leaf.alert.alert == name)}
    if not found:
        raise OwnFault(
            f"no alert {name!r} in the record: say its name as the desk does, or the hash of one of its leaves"
        )
    while found - inside:
        inside |= found
        names = {leaf.alert.alert for digest in inside if (leaf := told[digest]).alert}
        answered = {digest for one in inside for digest in told[one].said.re}
        found = {
            digest
            for digest, leaf in told.items()
            if digest in answered or inside & set(leaf.said.re) or (leaf.alert and leaf.alert.alert in names)
        }
    incident = Incident()
    for digest in inside:
        _take_in(incident, told[digest])
    return incident


def _told(record: LeafStore) -> Iterator[tuple[str, _Told]]:
    for log, size in record.sizes().items():
        if "/to/" not in log or parse_origin(log).lane is Lane.TRACK:
            continue
        for start in range(0, size, _CHUNK):
            for entry in record.read(log, start, min(start + _CHUNK, size)):
                said = read(entry.leaf)
                yield b64(leaf_hash(entry.leaf)), _Told(log, said, _alert(said, entry.body))


def _alert(said: Envelope, body: bytes | None) -> AlertTold | None:
    if said.kind is not Kind.ALERT or body is None:
        return None
    try:
        alert = decode_body(Kind.ALERT, body)
    except PeerFault:
        return None  # a body of another make: its leaf goes in by its time and by what answers it
    return alert if isinstance(alert, AlertTold) else None


def _take_in(incident: Incident, told: _Told) -> None:
    first, last = incident.window
    incident.window = min(first, told.said.ts), max(last, told.said.ts)
    parts = parse_origin(told.log)
    incident.nodes |= {parts.writer, parts.reader}
    if told.alert is None:
        return
    incident.alerts.add(told.alert.alert)
    track_log = told.log.replace(f"/{parts.lane}/", f"/{Lane.TRACK}/")
    for named in (told.alert.a, told.alert.b):
        if named is None:
            continue
        if named.ref is not None:
            incident.refs.setdefault(track_log, set()).add(named.ref)
        if named.identity:
            incident.identities.add(named.identity)
