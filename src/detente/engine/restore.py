"""The desk rebuilt from the record at a node's start: the hotline and the peers' warnings are folds of leaves.

The picture is not stored: a minute of feeds rebuilds it, and with it our own alerts.

Most leaves of a long record are about what is over. A `StartIndex` names those on which the desk after a start rests;
a start folds them and what is newer (ADR 21). It is made by folding everything, and only ever leaves out what makes
no difference: `restore` and `restore_by` come to the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import merge
from typing import Final, NamedTuple

import msgspec

from detente.engine.engine import ABOUT, DATED, Engine
from detente.evidence.leaf import Envelope, Kind, Lane, recalled
from detente.evidence.merkle import leaf_hash
from detente.evidence.note import unb64
from detente.evidence.store import Entry
from detente.types import PartyId

_BATCH: Final = 256

Read = Callable[[str, int, int], Sequence[Entry]]
Runs = Mapping[str, Sequence[tuple[int, int]]]
"""By log, the leaves [start, stop) to be read, in order."""


class Part(msgspec.Struct, frozen=True):
    """What an index says of one log: which leaves are read among the first *size*, and of them not folded."""

    size: int
    runs: list[tuple[int, int]]
    passed: list[int]  # what they say counts no more, but when they were said does


class StartIndex(msgspec.Struct, frozen=True):
    """On which leaves the desk after a start rests, among those that were there when it was made."""

    logs: dict[str, Part]
    messages: dict[str, str]  # left out and answered by one that is not: name and base64 leaf hash
    flash: dict[PartyId, tuple[int, int]]  # FLASH messages left out, and how many of them were misused, by writer
    alerts_until: dict[PartyId, tuple[int, int]]  # the newest reading of the clock in an alert of a peer left out


class Spoken(NamedTuple):
    """One leaf of a spoken lane whose body is here, in its place."""

    order: tuple[int, int, str, int]  # in which both sides would merge their logs
    party: PartyId
    is_own: bool
    envelope: Envelope
    leaf_hash: bytes
    body: bytes


@dataclass(frozen=True)
class Folded:
    """What a fold has gone through."""

    runs: Runs
    dated: set[bytes] = field(default_factory=set)  # hashes of the leaves of warnings and messages
    odd: set[tuple[str, int]] = field(default_factory=set)  # places of what could not be read

    def remember(self, engine: Engine, one: Spoken) -> None:
        """Fold one leaf into *engine*."""
        if one.envelope.kind in DATED:
            self.dated.add(one.leaf_hash)
        if not engine.remember(one.party, one.envelope, one.leaf_hash, one.body, is_own=one.is_own):
            self.odd.add((one.envelope.log, one.envelope.seq))


def restore(
    engine: Engine,
    read: Read,
    parties: Collection[PartyId] | None = None,
    told: Callable[[int], None] = lambda _: None,
) -> Folded:
    """Fold every leaf of the spoken lanes into *engine*, in the order both sides would merge them.

    Of the links to *parties* alone, where they are named. *told* hears now and then how many it has come to.

    The leaves were verified when they were stored, and their hashes are under signed roots.
    """
    runs = {origin: [(0, size)] for origin, size in engine.spoken_logs(parties).items()}
    folded = Folded(runs)
    for count, one in enumerate(_spoken(engine, read, runs), 1):
        folded.remember(engine, one)
        if count % _BATCH == 0:
            told(count)
    if parties is None:
        engine.forget_settled()
    return folded


def restore_by(engine: Engine, index: StartIndex, read: Read) -> Folded | None:
    """Fold what *index* names and all that is newer into *engine*; None when the index does not serve.

    It does not when a newer leaf is about one that was left out: *engine* is then of no use any more. What is done
    about a message or an alert that was left out is no such case, for it is over and stays so.
    """
    logs = engine.spoken_logs()
    runs = {origin: _runs_of(index.logs.get(origin), size) for origin, size in logs.items()}
    passed = {origin: frozenset(part.passed) for origin, part in index.logs.items()}
    sizes = {origin: part.size for origin, part in index.logs.items()}
    for name, leaf in index.messages.items():
        engine.subjects.know(name, unb64(leaf))
    flash, misused = engine.flash_said
    for party, (said, of_them) in index.flash.items():
        flash[party] += said
        misused[party] += of_them
    folded = Folded(runs)
    for one in _spoken(engine, read, runs):
        envelope = one.envelope
        if envelope.seq in passed.get(envelope.log, ()):
            if not one.is_own:
                engine.pass_by(one.party, envelope)
            continue
        if envelope.seq >= sizes.get(envelope.log, 0) and _is_about_left_out(engine, one, index):
            return None
        folded.remember(engine, one)
    engine.forget_settled()
    return folded


def _is_about_left_out(engine: Engine, one: Spoken, index: StartIndex) -> bool:
    envelope = one.envelope
    if envelope.kind is Kind.HOTLINE:
        return bool(envelope.re) and engine.subjects.message_in(envelope.re) is None
    is_late = envelope.hlc <= index.alerts_until.get(one.party, (-1, 0))
    return is_late and envelope.kind is Kind.ALERT and not one.is_own


def index_of(
    engine: Engine,
    folded: Folded,
    read: Read,
    wanted: Callable[[str], Iterable[int]],
    before: StartIndex | None = None,
) -> StartIndex:
    """Return the index of what *engine* has *folded*; *before* is the one that it was folded by.

    *wanted*: the leaves of a log whose body is still to come.
    """
    sizes = engine.spoken_logs()
    counting = {origin: _Counting(set(wanted(origin))) for origin in sizes}
    flash, misused = Counter[PartyId](), Counter[PartyId]()
    for party, (said, of_them) in before.flash.items() if before else ():
        flash[party], misused[party] = said, of_them
    passed = {origin: frozenset(part.passed) for origin, part in before.logs.items()} if before else {}
    alerts_until = dict(before.alerts_until) if before else {}
    for one in _spoken(engine, read, folded.runs):
        envelope = one.envelope
        is_passed = envelope.seq in passed.get(envelope.log, ())
        # What was shown before its turn may have been answered before its leaf is here.
        is_early = envelope.kind in ABOUT and folded.dated.isdisjoint(map(unb64, envelope.re))
        is_odd = (envelope.log, envelope.seq) in folded.odd
        counts = not is_passed and (is_odd or is_early or _rests_on(engine, one))
        counting[envelope.log].went_by(envelope, counts=counts, is_dated=not one.is_own and envelope.kind in DATED)
        if counts or is_passed:
            continue
        said, of_them = engine.flash_of(envelope, one.body)
        if said:
            writer = engine.setup.parties[0].party if one.is_own else one.party
            flash[writer] += said
            misused[writer] += of_them
        if envelope.kind is Kind.ALERT and not one.is_own:
            alerts_until[one.party] = max(envelope.hlc, alerts_until.get(one.party, (0, 0)))
    return StartIndex(
        {origin: counting[origin].part(size) for origin, size in sizes.items()},
        engine.subjects.forgotten(),
        {party: (said, misused[party]) for party, said in flash.items()},
        alerts_until,
    )


class _Counting:
    """The leaves of one log that count, as they go by.

    When a peer's words can have been written follows from what its leaves until then say it had seen, lane by lane
    (`Session.written_after_ms`): so those are read that said it last before one that is dated, and before the end.
    Logs are merged by what their writers' clocks said. Where one went back, the leaf it went back behind is read too:
    without it the later one would be merged sooner.
    """

    def __init__(self, wanted: set[int]) -> None:
        self._folded = wanted
        self._passed: set[int] = set()
        self._said_seen: dict[Lane, int] = {}
        self._latest = ((-1, 0), 0)  # reading of the clock, index

    def went_by(self, envelope: Envelope, *, counts: bool, is_dated: bool) -> None:
        self._said_seen |= dict.fromkeys(envelope.seen, envelope.seq)
        if counts:
            self._folded.add(envelope.seq)
            self._passed.update(self._said_seen.values() if is_dated else ())
        if envelope.hlc >= self._latest[0]:
            self._latest = envelope.hlc, envelope.seq
        elif counts:
            self._passed.add(self._latest[1])

    def part(self, size: int) -> Part:
        last = {self._latest[1]} if self._latest[0] >= (0, 0) else set()
        passed = (self._passed | last | set(self._said_seen.values())) - self._folded
        return Part(size, _runs(sorted(self._folded | passed)), sorted(passed))


def _rests_on(engine: Engine, one: Spoken) -> bool:
    return engine.rests_on(one.party, one.envelope, one.leaf_hash, one.body, is_own=one.is_own)


def _spoken(engine: Engine, read: Read, runs: Runs) -> Iterator[Spoken]:
    """Yield the leaves in *runs* that have a body, a few at a time from the disk, in the order of all logs together."""
    logs = engine.logs()
    streams = [_of_one(origin, *logs[origin][:2], read, of_log) for origin, of_log in runs.items()]
    return merge(*streams, key=lambda one: one.order)


def _of_one(origin: str, party: PartyId, is_own: bool, read: Read, runs: Sequence[tuple[int, int]]) -> Iterator[Spoken]:
    for first, end in runs:
        for start in range(first, end, _BATCH):
            for entry in read(origin, start, min(end, start + _BATCH)):
                if entry.body is not None:
                    envelope = recalled(entry.leaf)
                    order = (*envelope.hlc, origin, envelope.seq)
                    yield Spoken(order, party, is_own, envelope, leaf_hash(entry.leaf), entry.body)


def _runs_of(part: Part | None, size: int) -> list[tuple[int, int]]:
    return [(0, size)] if part is None else [*part.runs, (part.size, size)]


def _runs(places: Sequence[int]) -> list[tuple[int, int]]:
    """Return rising *places* as runs [start, stop)."""
    runs: list[tuple[int, int]] = []
    for place in places:
        if runs and runs[-1][1] == place:
            runs[-1] = (runs[-1][0], place + 1)
        else:
            runs.append((place, place + 1))
    return runs
