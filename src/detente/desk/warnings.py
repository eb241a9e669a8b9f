"""Warnings as the desk sees them: one row an event, both sides' halves, the peer's verdict beside ours.

Our own alert and a peer's alert about the same event are one row and stay two statements: ours is shown, the peer's
verdict stands beside it, and neither is merged into the other. *Held*, *displayed* and *acknowledged* are kept for
each party apart, because every quarrel after an incident is about these times.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from detente.alerts.alert import Alert, AlertEvent, Happening, Kind, Level
from detente.desk.board import AlertRow, Half, PeerVerdict, TrackRef
from detente.types import Instant, PartyId, Role, instant_ms
from detente.units import DEG_PER_RAD

Subject = tuple[str, int, int, str]
"""What an event is about, in this node's track numbers: kind, lower and higher number (or 0), zone."""

SAME_EVENT_WITHIN_S: Final = 10.0
"""Two nodes' times to the same event that differ by less are shown as the same."""

CLEARED_KEPT: Final = 100
"""Cleared rows kept on the desk; the record keeps all."""

_LEVEL_ORDER: Final = {Level.ALARM: 0, Level.WARNING: 1, Level.CAUTION: 2}


def subject_of(kind: Kind, a: int, b: int, zone: str) -> Subject:
    """Return what an alert is about: the same whichever of the two is named first."""
    return (kind, min(a, b), max(a, b), "") if kind is Kind.CONFLICT else (kind, a, 0, zone)


def held_ms(receipt_at_ms: int, sent_at_ms: int | None) -> int:
    """Return when a leaf was held by its receipt. A receipt counts whole seconds: held is not shown before sent."""
    if sent_at_ms is not None and receipt_at_ms <= sent_at_ms < receipt_at_ms + 1_000:
        return sent_at_ms
    return receipt_at_ms


@dataclass(frozen=True, slots=True)
class Told:
    """What a peer's node told us of an event, as received."""

    name: str  # "<party>-<n>"
    kind: Kind
    level: Level
    is_cleared: bool
    a: TrackRef
    b: TrackRef | None
    zone: str | None
    event_at_ms: int | None
    distance_m: float | None  # banded when a track is not released to us
    vertical_ft: int | None
    latitude_e7: int
    longitude_e7: int
    sent_at_ms: int


@dataclass(slots=True)
class _HalfState:
    sent_at_ms: int | None = None
    held_at_ms: int | None = None
    displayed_at_ms: int | None = None
    acknowledged_at_ms: int | None = None
    acknowledged_by: str | None = None


@dataclass(slots=True)
class Row:
    """One row. `ours` or at least one of `theirs` is set."""

    name: str
    subject: Subject
    raised_by: PartyId
    ours: Alert | None = None
    labels: tuple[TrackRef, TrackRef | None] | None = None
    theirs: dict[PartyId, Told] = field(default_factory=dict)
    concerned: set[PartyId] = field(default_factory=set)
    halves: dict[PartyId, _HalfState] = field(default_factory=dict)
    leaves: dict[PartyId, list[bytes]] = field(default_factory=dict)  # leaf hashes, ours to them and theirs to us
    unrecorded: int = 0
    first_leaf: bytes | None = None
    mark: Literal["", "RECONSTRUCTION", "EXERCISE", "SYNTHETIC"] = ""
    override: str = ""  # name of the safety override under which one side told more

    def half(self, party: PartyId) -> _HalfState:
        return self.halves.setdefault(party, _HalfState())

    @property
    def is_active(self) -> bool:
        """Whether we, or without a verdict of ours any peer, still hold the event open."""
        if self.ours is not None and self.ours.cleared_at is None:
            return True
        return any(not told.is_cleared for told in self.theirs.values())

    @property
    def level(self) -> Level:
        levels = [told.level for told in self.theirs.values() if not told.is_cleared]
        if self.ours is not None and (self.ours.cleared_at is None or not levels):
            levels.append(self.ours.level)
        return min(levels or [told.level for told in self.theirs.values()], key=_LEVEL_ORDER.__getitem__)

    @property
    def event_at_ms(self) -> int | None:
        if self.ours is not None:
            return None if self.ours.event_at is None else instant_ms(self.ours.event_at)
        return min((t.event_at_ms for t in self.theirs.values() if t.event_at_ms is not None), default=None)


@dataclass(frozen=True, slots=True)
class Rung:
    """How far a row has climbed, for its display."""

    rung: int
    roles: tuple[Role, ...]
    next_at: Instant | None
    acknowledge_by: Instant | None


class Warnings:
    """All rows of one desk."""

    def __init__(self, party: PartyId, shown: int = 200) -> None:
        self._party = party
        self.shown = shown
        self._by_name: dict[str, Row] = {}
        self._by_subject: dict[Subject, Row] = {}
        self._by_leaf: dict[bytes, Row] = {}
        self._waiting: dict[tuple[PartyId, str], dict[int, Row]] = {}  # (peer, lane) → seq → row, not yet held

    def named(self, name: str) -> Row | None:
        """Return the row *name*; a peer's name for the same event finds the row too."""
        return self._by_name.get(name)

    def of_leaf(self, leaf_hash: bytes) -> Row | None:
        return self._by_leaf.get(leaf_hash)

    def all(self) -> Iterable[Row]:
        seen: dict[int, Row] = {id(row): row for row in self._by_name.values()}
        return seen.values()

    def changed(
        self, event: AlertEvent, labels: tuple[TrackRef, TrackRef | None], concerned: set[PartyId]
    ) -> tuple[Row, bool]:
        """Take a change of our own alert; returns its row and whether the row is new."""
        alert = event.alert
        subject = subject_of(alert.kind, alert.a, alert.b, alert.zone)
        name = f"{self._party}-{alert.alert_id}"
        row = self._by_name.get(name) or self._open_row(subject)
        is_new = row is None
        if row is None:
            row = self._new_row(name, subject, self._party)
        self._by_name[name] = row
        if row.ours is None or event.happening is Happening.RAISED:
            row.half(self._party).sent_at_ms = instant_ms(alert.raised_at)
        row.ours, row.labels = alert, labels
        row.concerned |= concerned | {self._party}
        return row, is_new

    def told(self, party: PartyId, told: Told, subject: Subject, leaf_hash: bytes, now: Instant) -> tuple[Row, bool]:
        """Take what a peer's node told us; returns its row and whether the row is new."""
        row = self._by_name.get(told.name) or self._open_row(subject)
        is_new = row is None
        if row is None:
            row = self._new_row(told.name, subject, party)
        self._by_name[told.name] = row
        if party not in row.theirs:
            row.half(party).sent_at_ms = told.sent_at_ms
            own = row.half(self._party)
            own.held_at_ms = own.held_at_ms or instant_ms(now)
        row.theirs[party] = told
        row.concerned |= {party, self._party}
        self._link(row, party, leaf_hash)
        return row, is_new

    def placed(
        self, party: PartyId, name: str, subject: Subject, a: TrackRef, b: TrackRef | None
    ) -> tuple[Row | None, str | None]:
        """Take that *party*'s alert *name* is about *subject*: its row, and the name of one that went into it."""
        row = self._by_name.get(name)
        if row is None or party not in row.theirs:
            return None, None
        row.theirs[party] = replace(row.theirs[party], a=a, b=b)
        if self._by_subject.get(row.subject) is row:
            del self._by_subject[row.subject]
        row.subject = subject
        same = self._by_subject.get(subject)
        if same is None or same is row or not _overlap(same, row):
            self._by_subject[subject] = row
            return row, None
        self._join(same, row)
        return same, row.name

    def _join(self, row: Row, other: Row) -> None:
        """Let *row* be *other* too: two rows were one event. What either knows of a half stays, ours first."""
        row.theirs = other.theirs | row.theirs
        row.concerned |= other.concerned
        row.unrecorded += other.unrecorded
        row.first_leaf = row.first_leaf or other.first_leaf
        for party, half in other.halves.items():
            known = row.half(party)
            if known.acknowledged_at_ms is None:
                known.acknowledged_at_ms, known.acknowledged_by = half.acknowledged_at_ms, half.acknowledged_by
            known.sent_at_ms = known.sent_at_ms or half.sent_at_ms
            known.held_at_ms = known.held_at_ms or half.held_at_ms
            known.displayed_at_ms = known.displayed_at_ms or half.displayed_at_ms
        for party, leaves in other.leaves.items():
            row.leaves.setdefault(party, []).extend(leaves)
        for index in (self._by_name, self._by_leaf, *self._waiting.values()):
            index.update({key: row for key, known in index.items() if known is other})  # type: ignore[attr-defined]

    def sending(self, row: Row, peer: PartyId, leaf_hash: bytes, at_ms: int) -> None:
        """Note that our leaf about *row* to *peer* has been signed and waits for the disk."""
        row.unrecorded += 1
        half = row.half(peer)
        half.sent_at_ms = half.sent_at_ms or at_ms
        row.first_leaf = row.first_leaf or leaf_hash
        self._link(row, peer, leaf_hash)

    def wrote(self, peer: PartyId, lane: str, seq: int, leaf_hash: bytes, now: Instant) -> Row | None:
        """Note that our leaf is on our disk."""
        row = self._by_leaf.get(leaf_hash)
        if row is None or row.unrecorded == 0:
            return None
        row.unrecorded -= 1
        own = row.half(self._party)
        own.held_at_ms = own.held_at_ms or instant_ms(now)
        self._waiting.setdefault((peer, lane), {})[seq] = row
        return row

    def renamed(self, old: bytes, new: bytes) -> None:
        """Note that our leaf *old*, which the disk did not take, was signed again as *new*."""
        row = self._by_leaf.pop(old, None)
        if row is None:
            return
        self._by_leaf[new] = row
        row.leaves = {peer: [new if leaf == old else leaf for leaf in known] for peer, known in row.leaves.items()}
        row.first_leaf = new if row.first_leaf == old else row.first_leaf

    def held(self, peer: PartyId, lane: str, size: int, at_ms: int) -> bool:
        """Note *peer*'s receipt for all our leaves of *lane* below *size*; returns whether any row changed."""
        waiting = self._waiting.get((peer, lane), {})
        done = [seq for seq in waiting if seq < size]
        for seq in done:
            half = waiting.pop(seq).half(peer)
            half.held_at_ms = half.held_at_ms or held_ms(at_ms, half.sent_at_ms)
        return bool(done)

    def displayed(self, row: Row, party: PartyId, at_ms: int) -> bool:
        """Note that *party*'s console has painted the row; returns whether that was new."""
        half = row.half(party)
        if half.displayed_at_ms is not None:
            return False
        half.displayed_at_ms = at_ms
        return True

    def acknowledged(self, row: Row, party: PartyId, role: str, at_ms: int) -> bool:
        """Note that a person of *party* has seen the row; returns whether that was new."""
        half = row.half(party)
        if half.acknowledged_at_ms is not None:
            return False
        half.acknowledged_at_ms, half.acknowledged_by = at_ms, role
        return True

    def rows(
        self, rungs: dict[str, Rung], rungs_of: dict[str, dict[PartyId, int]], zone_names: dict[str, str]
    ) -> list[AlertRow]:
        """Return all there are: active first, by level and time to event, then the newest cleared.

        A desk shows the first `shown` of them.
        """
        rows = [self._row(row, rungs.get(row.name), rungs_of.get(row.name, {}), zone_names) for row in self.all()]
        far = 1 << 62
        rows.sort(
            key=lambda r: (
                r.state == "cleared",
                0 if r.state == "cleared" else _LEVEL_ORDER[r.level],
                -(r.cleared_at_ms or 0) if r.state == "cleared" else (r.event_at_ms or far),
                r.alert,
            )
        )
        return rows

    def forget_old(self) -> None:
        """Drop the oldest cleared rows beyond CLEARED_KEPT; the record keeps them."""
        cleared = sorted((r for r in self.all() if not r.is_active), key=lambda row: (_cleared_at_ms(row), row.name))
        old = {id(row) for row in cleared[: max(0, len(cleared) - CLEARED_KEPT)]}
        if not old:
            return
        self._by_name = {name: row for name, row in self._by_name.items() if id(row) not in old}
        self._by_leaf = {leaf: row for leaf, row in self._by_leaf.items() if id(row) not in old}
        self._by_subject = {subject: row for subject, row in self._by_subject.items() if id(row) not in old}

    def _open_row(self, subject: Subject) -> Row | None:
        row = self._by_subject.get(subject)
        return row if row is not None and row.is_active else None

    def _new_row(self, name: str, subject: Subject, raised_by: PartyId) -> Row:
        row = Row(name, subject, raised_by)
        self._by_subject[subject] = row
        return row

    def _link(self, row: Row, peer: PartyId, leaf_hash: bytes) -> None:
        self._by_leaf[leaf_hash] = row
        row.leaves.setdefault(peer, []).append(leaf_hash)

    def _row(self, row: Row, rung: Rung | None, rungs_of: dict[PartyId, int], zone_names: dict[str, str]) -> AlertRow:
        ours = row.ours
        told = next(iter(row.theirs.values()), None)
        if ours is not None:
            assert row.labels is not None
            a, b = row.labels
            kind, zone = ours.kind, ours.zone or None
            raised_at, updated_at = instant_ms(ours.raised_at), instant_ms(ours.updated_at)
            distance: float | None = ours.distance_m
            vertical: int | None = ours.vertical_ft
            place = (_e7(ours.latitude_rad), _e7(ours.longitude_rad))
        else:
            assert told is not None
            a, b, kind, zone = told.a, told.b, told.kind, told.zone
            raised_at = row.half(row.raised_by).sent_at_ms or told.sent_at_ms
            updated_at, distance, vertical = told.sent_at_ms, told.distance_m, told.vertical_ft
            place = (told.latitude_e7, told.longitude_e7)
        order = sorted(row.halves, key=lambda p: (p != self._party, p))
        return AlertRow(
            alert=row.name,
            kind=kind,
            level=row.level,
            state="active" if row.is_active else "cleared",
            raised_by=row.raised_by,
            a=a,
            b=b,
            zone=zone,
            zone_name=zone_names.get(zone, zone) if zone else None,
            raised_at_ms=raised_at,
            updated_at_ms=updated_at,
            cleared_at_ms=None if row.is_active else _cleared_at_ms(row),
            event_at_ms=row.event_at_ms,
            distance_m=distance,
            vertical_ft=vertical,
            latitude_e7=place[0],
            longitude_e7=place[1],
            halves=[_half(p, row.halves[p], rungs_of.get(p, 0)) for p in order],
            verdicts=[self._verdict(row, party) for party in sorted(row.concerned - {self._party})],
            recorded=row.unrecorded == 0,
            leaf=None if row.first_leaf is None else b64encode(row.first_leaf).decode(),
            rung=rung.rung if rung else 0,
            rung_roles=[r.value for r in rung.roles] if rung else [],
            next_rung_at_ms=instant_ms(rung.next_at) if rung and rung.next_at is not None else None,
            acknowledge_by_ms=instant_ms(rung.acknowledge_by) if rung and rung.acknowledge_by is not None else None,
            mark=row.mark,
            override=row.override,
            levels=() if ours is None else _levels(ours, a, b),
            margin_m=0.0 if ours is None else ours.margin_m,
            margin_ft=0.0 if ours is None else ours.margin_ft,
        )

    def _verdict(self, row: Row, party: PartyId) -> PeerVerdict:
        told = row.theirs.get(party)
        if told is None or told.is_cleared:
            return PeerVerdict(party, "none")
        if told.event_at_ms is None:
            return PeerVerdict(party, "same" if row.ours is None or row.ours.event_at is None else "differs")
        time_to = (told.event_at_ms - told.sent_at_ms) / 1000.0
        if row.ours is None or row.ours.cleared_at is not None or row.ours.event_at is None:
            return PeerVerdict(party, "differs", time_to)
        apart = abs(told.event_at_ms - instant_ms(row.ours.event_at)) / 1000.0
        return PeerVerdict(party, "same" if apart <= SAME_EVENT_WITHIN_S else "differs", time_to)


def _levels(alert: Alert, a: TrackRef, b: TrackRef | None) -> tuple[tuple[str, int], ...]:
    """Return which of the two must level off for the alert not to come about, by name, and where."""
    labels = {alert.a: a.label, alert.b: "?" if b is None else b.label}
    return tuple((labels.get(track, "?"), level_ft) for track, level_ft in alert.levels)


def _overlap(a: Row, b: Row) -> bool:
    """Whether two rows about one subject stood at one time: then they are one event, also when it is over."""
    (a_from, a_to), (b_from, b_to) = _span_ms(a), _span_ms(b)
    return a_from <= b_to and b_from <= a_to


def _span_ms(row: Row) -> tuple[int, int]:
    began = min((half.sent_at_ms for half in row.halves.values() if half.sent_at_ms is not None), default=0)
    return began, 1 << 62 if row.is_active else _cleared_at_ms(row)


def _cleared_at_ms(row: Row) -> int:
    own = row.ours.cleared_at if row.ours is not None else None
    theirs = [told.sent_at_ms for told in row.theirs.values() if told.is_cleared]
    return max([*theirs, *([] if own is None else [instant_ms(own)])], default=0)


def _half(party: PartyId, half: _HalfState, rung: int) -> Half:
    return Half(
        party=party,
        sent_at_ms=half.sent_at_ms,
        held_at_ms=half.held_at_ms,
        displayed_at_ms=half.displayed_at_ms,
        acknowledged_at_ms=half.acknowledged_at_ms,
        acknowledged_by=half.acknowledged_by,
        rung=rung,
    )


def _e7(angle_rad: float) -> int:
    return round(angle_rad * DEG_PER_RAD * 1e7)
