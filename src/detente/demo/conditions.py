"""What can be seen at a desk, or in both records: whether a scenario's conditions hold. Read from boards alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import msgspec

from detente.demo.path import found_at
from detente.demo.scenario import (
    AlertIs,
    Condition,
    DossierHolds,
    LinkIs,
    MessageIs,
    RecordsEqual,
    RungIs,
    TableIs,
    TracksShared,
)
from detente.desk.board import AlertRow, Board, Half, LaneRow
from detente.engine.tables import Tables
from detente.evidence.log import Log
from detente.types import Instant, PartyId

BEFORE: Final = Instant(0)
ON_THE_WAY: Final = 3
"""Leaves of one lane that may just be on their way while both nodes go on writing: three seconds of frames."""


@dataclass(slots=True)
class Seen:
    """What has been seen of one alert at one desk: the first of each, for it stays true."""

    row: AlertRow
    lead_s: float | None = None  # event ahead when that desk first showed it


class Records(Protocol):
    """One node's tables, and its logs with one peer, in order of lane."""

    tables: Tables

    def written(self, peer: PartyId) -> Sequence[Log]: ...

    def mirrored(self, peer: PartyId) -> Sequence[Log]: ...


@dataclass(slots=True)
class Witness:
    """Follows all desks. `look` before asking `holds`."""

    records: Mapping[str, Records]

    boards: dict[str, Board] = field(default_factory=dict)
    _views: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)  # since the last look
    alerts: dict[tuple[str, str], Seen] = field(default_factory=dict)  # by party and alert
    dossier_holds: bool | None = None  # known after the end
    now: Instant = BEFORE

    def look(self, boards: dict[str, Board], now: Instant) -> None:
        """Take the newest board of each party."""
        self.boards, self.now = boards, now
        self._views.clear()
        for party, board in boards.items():
            for row in board.alerts:
                seen = self.alerts.setdefault((party, row.alert), Seen(row))
                if not (row.state == "cleared" and row.event_at_ms is None):
                    seen.row = row
                shown_at = half_of(row, party).displayed_at_ms
                if seen.lead_s is None and shown_at is not None and row.event_at_ms is not None:
                    seen.lead_s = (row.event_at_ms - shown_at) / 1000.0

    def at(self, party: str) -> Iterable[Seen]:
        """Yield what was seen of every alert at *party*'s desk."""
        return [seen for (where, _), seen in self.alerts.items() if where == party]

    def holds(self, condition: Condition, since_ms: int = 0) -> bool:
        """Whether *condition* can be seen now, or, of an alert, has been seen.

        An alert counts if it was raised since *since_ms*, or names the playing of the reconstruction that it is about.
        """
        match condition:
            case AlertIs(run=run):
                recent = (s for s in self.at(condition.party) if run is not None or s.row.raised_at_ms >= since_ms)
                return any(self.is_so(condition, seen) for seen in recent)
            case RungIs(party=party, at_least=at_least, run=run):
                about = "any" if run is None else "reconstruction"
                return any(
                    is_about(row, about, run)
                    and row.rung >= at_least
                    and row.state == "active"
                    and half_of(row, party).acknowledged_at_ms is None
                    for row in self.boards[party].alerts
                )
            case MessageIs():
                return self._message_is(condition)
            case LinkIs(a=a, b=b, state=state):
                return self._state(a, b) in state and self._state(b, a) in state
            case RecordsEqual(a=a, b=b):
                return self.records_meet(a, b)
            case TracksShared(party=party, by=by, at_least=at_least):
                return any(p.party == by and p.shared_with_us >= at_least for p in self.boards[party].peers)
            case TableIs():
                return _is_asked(condition, found_at(self.view(condition.party, condition.table), condition.at))
            case DossierHolds():
                return self.dossier_holds is True

    def view(self, party: str, table: str) -> dict[str, Any]:
        """Return what *party* sees of *table*, as plain values."""
        if (party, table) not in self._views:
            seen = self.records[party].tables.view(table, self.now)
            self._views[party, table] = msgspec.json.decode(msgspec.json.encode(seen))
        return self._views[party, table]

    def is_so(self, wanted: AlertIs, seen: Seen) -> bool:
        """Whether what was seen is what *wanted* describes."""
        row = seen.row
        if row.kind not in wanted.kind or (wanted.raised_by is not None and row.raised_by != wanted.raised_by):
            return False
        if not is_about(row, wanted.about, wanted.run):
            return False
        half = half_of(row, wanted.half or wanted.party)
        reached = {
            "raised": True,
            "held": half.held_at_ms is not None,
            "displayed": half.displayed_at_ms is not None,
            "acknowledged": half.acknowledged_at_ms is not None and wanted.by in {None, half.acknowledged_by},
            "cleared": row.state == "cleared",
        }[wanted.reached]
        least = wanted.lead_s_at_least
        return reached and (least is None or (seen.lead_s is not None and seen.lead_s >= least))

    def records_meet(self, a: str, b: str) -> bool:
        """Whether each mirror has the writer's root at its size, with at most ON_THE_WAY leaves to come."""
        return all(
            theirs.size <= ours.size <= theirs.size + ON_THE_WAY and ours.tree.root(theirs.size) == theirs.tree.root()
            for writer, reader in ((a, b), (b, a))
            for ours, theirs in zip(
                self.records[writer].written(PartyId(reader)),
                self.records[reader].mirrored(PartyId(writer)),
                strict=True,
            )
        )

    def records_equal(self, a: str, b: str) -> bool:
        """Whether every lane between *a* and *b* has one size and one root on both nodes."""
        return all(
            ours.own_size == theirs.their_size
            and ours.own_root == theirs.their_root
            and ours.their_size == theirs.own_size
            and ours.their_root == theirs.own_root
            for ours, theirs in zip(self._lanes(a, b), self._lanes(b, a), strict=True)
        )

    def _lanes(self, party: str, other: str) -> list[LaneRow]:
        return next(peer.lanes for peer in self.boards[party].peers if peer.party == other)

    def _state(self, party: str, other: str) -> str:
        return next(peer.state for peer in self.boards[party].peers if peer.party == other)

    def _message_is(self, wanted: MessageIs) -> bool:
        rows = [m for m in self.boards[wanted.to].messages if m.sender == wanted.sender and m.to == wanted.to]
        if not rows:
            return False
        half = next((h for h in rows[0].halves if h.party == wanted.to), Half(wanted.to))
        at = {
            "held": half.held_at_ms,
            "displayed": half.displayed_at_ms,
            "acknowledged": half.acknowledged_at_ms,
        }
        return at[wanted.reached] is not None


def _is_asked(asked: TableIs, found: Any) -> bool:
    """Whether what was *found* at a table is what *asked* says of it."""
    if found is None:
        return False
    if asked.equals is not None and found != asked.equals:
        return False
    if asked.contains is not None and not (isinstance(found, str | list | dict) and asked.contains in found):
        return False
    amount = len(found) if isinstance(found, list | dict | str) else found
    return asked.at_least is None or amount >= asked.at_least


def half_of(row: AlertRow, party: str) -> Half:
    """Return *party*'s half of an alert, an empty one before anything is known of it."""
    return next((half for half in row.halves if half.party == party), Half(party))


def is_about(row: AlertRow, about: str, run: int | None) -> bool:
    """Whether an alert is about the reconstruction (of that run), or about other traffic."""
    identities = [ref.identity for ref in (row.a, row.b) if ref is not None]
    staged = [identity for identity in identities if "-recon-" in identity]
    if about == "traffic":
        return not staged
    if about == "any":
        return True
    return any(run is None or identity.split("-")[0].endswith(str(run)) for identity in staged)
