"""Plots become tracks: associated, coasted, marked, dropped. A struct of arrays of fixed capacity.

A track belongs to one party and one *group* of its sources: plots of other parties, or of sensors with another
bias, never move it. Which tracks are the same aircraft is said beside them (`same_as`), see `correlate`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, field, fields
from typing import Final

import numpy as np
import numpy.typing as npt

from detente.feeds.plot import PLOT, Plots, Reject, empty_plots
from detente.picture.correlate import Correlator
from detente.picture.echo import copied, find_mirrored, new_places
from detente.picture.follow import GATE_RECORD, GATES, MEMORY, follow, judge, screened
from detente.picture.limits import Limits
from detente.picture.picture import NOBODY, TRACK, Mark, Reason, Tracks
from detente.picture.suspicion import suspect
from detente.types import NS_PER_S, Instant, duration_ns

REASONS: Final = max(Reject) + 1
"""Length of a count of plots by reason: index 0 counts those taken, the others are `Reject`."""

Counts = npt.NDArray[np.int64]
Key = tuple[int, int, bytes]


@dataclass(frozen=True, slots=True)
class Tally:
    """Plots of one source since the start: read, and refused by reason."""

    counts: Counts = field(default_factory=lambda: np.zeros(REASONS, np.int64))

    @property
    def plots(self) -> int:
        """How many plots were offered."""
        return int(self.counts.sum())

    @property
    def rejected(self) -> dict[Reject, int]:
        """How many of them were refused, or lost their altitude, by reason; only reasons that occurred."""
        return {reason: int(self.counts[reason]) for reason in Reject if self.counts[reason]}


class Tracker:
    """The tracks of one node, own and peers'. Not thread-safe; the engine's one thread owns it."""

    def __init__(
        self, capacity: int = 20_000, limits: Limits | None = None, groups: Mapping[int, int] | None = None
    ) -> None:
        """Make room for *capacity* tracks.

        groups: source index to group, for sources whose positions agree; a source not named is alone.
        """
        self.capacity = capacity
        self.limits = limits or Limits()
        self.tallies: dict[tuple[int, int], Tally] = {}
        self._groups = dict(groups or {})
        self._gates = _gates(self.limits)
        self._tracks = np.zeros(capacity, TRACK)
        self._memories = np.zeros(capacity, MEMORY)
        self._declared = np.full(capacity, NOBODY, np.uint16)
        self._dropped = np.zeros(capacity, np.uint8)
        self._places = new_places()
        self._of_peers = 0  # rows that hold peers' tracks
        self._keys: list[Key | None] = [None] * capacity
        self._rows: dict[Key, int] = {}
        self._by_number: dict[int, int] = {}
        self._free: list[int] = []
        self._used = 0  # rows ever used: the others need no look
        self.last_number = 0
        self._correlator = Correlator(capacity, self.limits)

    def __len__(self) -> int:
        return len(self._by_number)

    def take(
        self,
        party: int,
        source: int,
        plots: Plots,
        now: Instant,
        declared_by: int | npt.NDArray[np.uint16] = NOBODY,
        *,
        synthetic: bool = False,
        is_assessed: npt.NDArray[np.bool_] | None = None,
    ) -> Counts:
        """Take *plots* of one source, in order of time. Returns how many by `Reject`; index 0 counts those taken.

        A plot counted as ALTITUDE_OUTLIER was taken without its altitude; all others counted by a reason were not.
        declared_by: the party that says "this one is mine", one for all or one a plot; NOBODY takes nothing back.
        is_assessed: for each plot, whether the party that tells it could judge it; None: it says nothing about it.
        """
        n = len(plots)
        verdicts = np.zeros(n, np.int64)
        screened(plots, now, self._gates, verdicts)
        rows = self._associated(party, source, plots, verdicts)
        tracks = self._tracks[: self._used]
        follow(plots, rows, tracks, self._memories, self._gates, now, verdicts)
        copied(plots, rows, verdicts, tracks, self._memories, self._places, self.limits.mistrust_s)
        self._note(plots, rows, verdicts, declared_by, synthetic=synthetic)
        if is_assessed is not None:
            self._memories["said_by_party"][rows[verdicts == 0]] = ~is_assessed[verdicts == 0]
        self._split(source, plots, rows, now)
        counts = np.bincount(verdicts, minlength=REASONS)
        self.tallies.setdefault((party, source), Tally()).counts[:] += counts
        return counts

    def tick(self, now: Instant) -> npt.NDArray[np.uint32]:
        """Mark coasted and stale tracks, drop the old, say which are one aircraft. Returns the numbers dropped."""
        suspect(self._tracks, self._memories, self._used, self.limits.mistrust_s)
        find_mirrored(self._tracks[: self._used], self._memories, self.limits.mistrust_s)
        judge(self._tracks, self._memories, self._used, now, self._gates, self._dropped)
        gone = np.flatnonzero(self._dropped[: self._used])
        numbers = self._tracks["number"][gone].copy()
        for row in gone.tolist():
            self._drop(row)
        self._correlator.mark(self._tracks[: self._used], self._declared[: self._used], now)
        return numbers

    def snapshot(self) -> Tracks:
        """Return a read-only copy of all tracks, each at its own time of applicability, in order of row."""
        tracks = self._tracks[: self._used]
        held: Tracks = tracks[tracks["number"] != 0] if self._free else tracks.copy()
        held.flags.writeable = False
        return held

    def tracks_by_number(self, numbers: Iterable[int]) -> Tracks:
        """Return a copy of the tracks that carry *numbers*, in their order; those no longer held are left out."""
        rows = [row for number in numbers if (row := self._by_number.get(number)) is not None]
        return self._tracks[rows]

    def _associated(self, party: int, source: int, plots: Plots, verdicts: Counts) -> Counts:
        """Return each plot's row, making rows for aircraft not heard before; -1 where there is none."""
        group = self._groups.get(source, source)
        rows = np.full(len(plots), -1, np.int64)
        identities = plots["identity"].tolist()
        for i, identity in enumerate(identities):
            if not identity:
                verdicts[i] = verdicts[i] or Reject.NO_IDENTITY
                continue
            key = (party, group, identity)
            row = self._rows.get(key, -1)
            if row < 0 and verdicts[i] == 0:
                row = self._new(key, source)
                if row < 0:
                    verdicts[i] = Reject.PICTURE_FULL
            rows[i] = row
        return rows

    def _new(self, key: Key, source: int, *, twin: bool = False) -> int:
        if key[0] and self._of_peers >= self.limits.peers_share * self.capacity:
            return -1
        if self._free:
            row = self._free.pop()
        elif self._used < self.capacity:
            row = self._used
            self._used += 1
        else:
            return -1
        self.last_number += 1
        track = np.zeros(1, TRACK)
        track["number"] = self.last_number
        track["party"], _, track["identity"] = key
        track["source"] = source
        track["declared_by"] = NOBODY
        track["squawk"] = 0xFFFF
        track["on_ground"] = 255
        track["not_assessed"] = Reason.TOO_NEW
        self._tracks[row] = track[0]
        self._declared[row] = NOBODY
        self._keys[row] = key
        self._of_peers += key[0] != 0
        self._by_number[self.last_number] = row
        if not twin:
            self._rows[key] = row
        self._correlator.joined(key[2], row)
        return row

    def _note(
        self,
        plots: Plots,
        rows: Counts,
        verdicts: Counts,
        declared_by: int | npt.NDArray[np.uint16],
        *,
        synthetic: bool,
    ) -> None:
        """Write what needs no kernel: names and who declares."""
        taken = (verdicts == 0) | (verdicts == Reject.ALTITUDE_OUTLIER)
        self._watch_callsigns(plots, rows, taken)
        for name in ("callsign", "category"):
            told = taken & (plots[name] != b"")
            self._tracks[name][rows[told]] = plots[name][told]
        declared = np.broadcast_to(np.asarray(declared_by, np.uint16), rows.shape)
        told = taken & (declared != NOBODY)
        self._declared[rows[told]] = declared[told]
        self._tracks["declared_by"][rows[told]] = declared[told]
        if synthetic:
            self._tracks["flags"][rows[taken]] |= np.uint32(Mark.SYNTHETIC)

    def _watch_callsigns(self, plots: Plots, rows: Counts, taken: npt.NDArray[np.bool_]) -> None:
        """Mistrust a track that takes, in the air, the callsign that another track of its party has or had."""
        before = self._tracks["callsign"][rows]
        changed = taken & (plots["callsign"] != b"") & (before != b"") & (plots["callsign"] != before)
        for i in np.flatnonzero(changed).tolist():
            row = int(rows[i])
            tracks = self._tracks[: self._used]
            others = (tracks["callsign"] == plots["callsign"][i]) & (tracks["party"] == tracks["party"][row])
            others[row] = False
            if np.any(others & (tracks["identity"] != tracks["identity"][row])) and tracks["on_ground"][row] != 1:
                for swapped in (row, *np.flatnonzero(others).tolist()):
                    memory = self._memories[swapped]
                    memory["mistrust"] = Reason.IDENTITY_SWAP
                    memory["mistrust_until_ns"] = plots["applicable_at_ns"][i] + duration_ns(self.limits.mistrust_s)

    def _split(self, source: int, plots: Plots, rows: Counts, now: Instant) -> None:
        """Give the second aircraft under one address a row of its own, where the kernel has asked for one."""
        heard = rows[rows >= 0]
        for row in np.unique(heard[self._memories["splits"][heard] == 1]).tolist():
            memory = self._memories[row]
            memory["splits"] = 0
            key = self._keys[row]
            other = self._new(key, source, twin=True) if key else -1
            if other < 0:
                continue
            last = plots[np.flatnonzero(rows == row)[-1:]].copy()
            last["latitude_rad"] = memory["candidate_latitude_rad"]
            last["longitude_rad"] = memory["candidate_longitude_rad"]
            last["v_east_mps"] = memory["candidate_v_east_mps"]
            last["v_north_mps"] = memory["candidate_v_north_mps"]
            last["applicable_at_ns"] = memory["candidate_at_ns"]
            first_stays = self._tracks["plots"][row] >= self.limits.established_plots and memory[
                "candidate_since_ns"
            ] - self._tracks["first_at_ns"][row] >= duration_ns(self.limits.established_s)
            reason = memory["candidate_reason"] or Reason.DUPLICATE_ADDRESS
            memory["candidate_plots"] = 0
            tracks = self._tracks[: self._used]
            follow(last, np.array([other]), tracks, self._memories, self._gates, now, np.zeros(1, np.int64))
            memory["twin"] = other
            memory["twin_reason"] = Reason.NONE if first_stays else Reason.DUPLICATE_ADDRESS
            newcomer = self._memories[other]
            newcomer["twin"] = row
            newcomer["twin_reason"] = newcomer["mistrust"] = reason
            newcomer["mistrust_until_ns"] = last["applicable_at_ns"][0] + duration_ns(self.limits.mistrust_s)

    def _drop(self, row: int) -> None:
        key = self._keys[row]
        if key is None:
            return
        twin = int(self._memories["twin"][row])
        if twin >= 0:
            self._memories["twin"][twin] = -1
        if self._rows.get(key) == row:
            del self._rows[key]
            if twin >= 0:
                self._rows[key] = twin
        number = int(self._tracks["number"][row])
        del self._by_number[number]
        self._of_peers -= key[0] != 0
        self._correlator.left(key[2], row)
        self._keys[row] = None
        self._tracks[row] = np.zeros(1, TRACK)[0]
        self._free.append(row)


def _gates(limits: Limits) -> npt.NDArray[np.void]:
    values = dict(zip((f.name for f in fields(limits)), astuple(limits), strict=True))
    return np.array([tuple(float(values[name]) for name in GATES)], GATE_RECORD)


def warm() -> None:
    """Compile, or load from the cache, every kernel of this package: none is compiled once a node runs."""
    tracker = Tracker(4)
    plots = empty_plots(2)
    assert plots.dtype == PLOT
    plots["identity"] = (b"~warm", b"~warmer")
    plots["latitude_rad"] = 0.5
    plots["longitude_rad"] = 0.5
    for second in range(6):
        now = Instant(second * NS_PER_S + 1)
        plots["applicable_at_ns"] = now
        for party in (0, 1):  # a peer's track of one of our aircraft is compared with ours
            tracker.take(party, party, plots, now)
        tracker.tick(now)
