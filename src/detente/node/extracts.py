"""Which leaves of a node's record go into a dossier: whole logs, a window of time, a range, or one incident."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from detente.errors import ConfigError, OwnFault
from detente.evidence.checkpoint import Checkpoint
from detente.evidence.dossier import Extract, Party
from detente.evidence.keys import parse_origin
from detente.evidence.leaf import Lane, read
from detente.evidence.log import Log
from detente.evidence.note import split_note
from detente.evidence.store import Entry, LeafStore
from detente.node.incident import Incident

_CHUNK: Final = 1024


@dataclass(frozen=True)
class Wanted:
    """What was asked for. Nothing of *window*, *ranges* and *incident*: whole logs."""

    peers: Sequence[str] = ()
    lanes: Sequence[str] = ()
    window: tuple[int, int] | None = None
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    incident: Incident | None = None

    @property
    def is_whole(self) -> bool:
        """Whether logs go in whole, in tiles."""
        return self.window is None and not self.ranges


@dataclass
class Reading:
    """Reads a log's entries for a dossier, and counts them as they go by."""

    record: LeafStore
    origin: str
    told: Callable[[int], object]
    without_body: int = 0

    def __call__(self, start: int, stop: int) -> list[Entry]:
        entries: list[Entry] = []
        for at in range(start, stop, _CHUNK):
            more = self.record.read(self.origin, at, min(at + _CHUNK, stop))
            self.without_body += sum(entry.body is None for entry in more)
            self.told(len(more))
            entries += more
        return entries


def extracts(
    record: LeafStore, parties: Mapping[str, Party], wanted: Wanted, told: Callable[[int], object] = int
) -> Iterator[Extract]:
    """Yield what goes in of each log; *told* hears how many leaves were read.

    Raises ConfigError when the keys of a party were never imported, OwnFault for a range that is not signed.
    """
    for name in sorted(record.sizes()):
        if "/to/" not in name or not _is_wanted(name, parties, wanted):
            continue  # a node's log of its own acts has no reader, and is no part of what two parties said
        if not {parse_origin(name).writer, parse_origin(name).reader} <= parties.keys():
            raise ConfigError(f"{name}: the keys of both parties are wanted, and one was never imported")
        log = Log.restore(name, record.leaf_hashes(name), record.checkpoint(name), record.receipt(name))
        signed = _signed_size(log)
        run = _run(record, log, signed, wanted)
        if run is not None:
            incident = wanted.incident
            show = incident.shows(name) if incident and parse_origin(name).lane is Lane.TRACK else None
            reading = Reading(record, name, told)
            yield Extract(log, "tiles" if wanted.is_whole else "exhibits", *run, reading, show)


def _is_wanted(name: str, parties: Mapping[str, Party], wanted: Wanted) -> bool:
    parts = parse_origin(name)
    ends = {parts.writer, parts.reader}
    called = ends | {parties[node].party for node in ends if node in parties}
    return (
        (not wanted.lanes or parts.lane in wanted.lanes)
        and (not wanted.peers or bool(called & set(wanted.peers)))
        and (not wanted.ranges or name in wanted.ranges)
        and (wanted.incident is None or ends <= wanted.incident.nodes)
    )


def _signed_size(log: Log) -> int:
    """Size of the newest signed checkpoint, which may be the receipt's; the log then carries that one."""
    notes = [note for note in (log.checkpoint, log.receipt.note if log.receipt else None) if note is not None]
    # Of two of one size the receipt's stands last, and says more.
    sizes = {Checkpoint.parse(split_note(note)[0].decode()).size: note for note in notes}
    if not sizes:
        return 0
    log.checkpoint = sizes[max(sizes)]
    return max(sizes)


def _run(record: LeafStore, log: Log, signed: int, wanted: Wanted) -> tuple[int, int] | None:
    """First and last leaf asked for with all between them: nobody picks leaves out of a run."""
    if log.origin in wanted.ranges:
        start, stop = wanted.ranges[log.origin]
        if not 0 <= start < stop <= signed:
            raise OwnFault(f"{log.origin}: [{start}, {stop}) is not within the {signed} leaves under a signed root")
        return start, stop
    if wanted.window is None:
        return (0, signed) if signed else None
    first, last = wanted.window
    inside = [
        start + i
        for start in range(0, signed, _CHUNK)
        for i, entry in enumerate(record.read(log.origin, start, min(start + _CHUNK, signed)))
        if first <= read(entry.leaf).ts < last
    ]
    return (inside[0], inside[-1] + 1) if inside else None
