"""Alerts across the link: ours told to every peer concerned, theirs beside ours on one row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec.structs import replace

from detente.alerts.alert import Alert, AlertEvent, Happening, Kind, Level
from detente.desk.warnings import Row, Subject, Told, subject_of
from detente.engine.names import Names
from detente.engine.policies import Policies
from detente.engine.sharing import Sharing
from detente.engine.speech import Speak
from detente.engine.subjects import Subjects
from detente.engine.tables import Tables
from detente.engine.values import Effect, Setup, Show
from detente.errors import PeerFault
from detente.evidence.leaf import Envelope, Lane
from detente.evidence.leaf import Kind as LeafKind
from detente.link.unlogged import UnloggedFlash
from detente.picture.correlate import claim_on
from detente.release.alerts import AlertTold, alert_for
from detente.release.probing import Probing
from detente.types import NS_PER_S, Instant, PartyId, Precedence, instant_ms, instant_of_ms

MOVED_S: Final = 5.0
"""A peer is told again when the event has moved by more than this."""

VALID_NS: Final = 300 * NS_PER_S
"""How long what we tell of an event holds without being told again: judged where it is read."""

PLACED_WITHIN_MS: Final = 60_000
"""How long after a peer's alert is over its aircraft may still turn out to be ones that we know."""

_LANE: Final = {Level.ALARM: Lane.FLASH, Level.WARNING: Lane.OPS, Level.CAUTION: Lane.OPS}
_PRECEDENCE: Final = {
    Level.ALARM: Precedence.FLASH,
    Level.WARNING: Precedence.IMMEDIATE,
    Level.CAUTION: Precedence.PRIORITY,
}


class Alerting:
    """What we and the peers say of the same events."""

    def __init__(
        self,
        setup: Setup,
        ids: Sequence[PartyId],
        subjects: Subjects,
        sharing: Sharing,
        policies: Policies,
        names: Names,
        speak: Speak,
        tables: Tables,
    ) -> None:
        self._tables = tables
        self._probing = Probing()
        self._ids = ids
        self._watch = setup.surveillance
        self._zones = {zone.zone_id: zone for zone in setup.zones}
        self._subjects = subjects
        self._sharing = sharing
        self._policies = policies
        self._names = names
        self._speak = speak
        self._claims: dict[int, int] = {}  # who says that it is its own, of each track in an alert of ours
        self._told: dict[tuple[PartyId, str], AlertTold] = {}  # what we last told each peer of each alert
        self._before: dict[tuple[PartyId, str], AlertTold] = {}  # of which before this start
        self._placeable: dict[tuple[PartyId, str], AlertTold] = {}  # peers' alerts whose aircraft we may hold

    def changed(self, event: AlertEvent, now: Instant) -> list[Effect]:
        """Take a change of our own alert: show it, and tell every peer that it concerns."""
        alert = event.alert
        told = {party: self._body(event, party, now) for party in self._ids[1:]}
        concerned = {party for party, body in told.items() if body is not None}
        labels = (self._names.label(alert.a), self._names.label(alert.b) if alert.b else None)
        row, _ = self._subjects.warnings.changed(event, labels, concerned)
        row.mark = self._names.mark(alert.a, alert.b)
        if event.happening is not Happening.CLEARED:
            self._subjects.climb_from(row, now)
        elif not row.is_active:
            self._subjects.escalations.cleared(row.name, now)
        out: list[Effect] = [Show()]
        for party, body in told.items():
            if body is not None and self._is_news(party, body):
                out += self._tell(party, row, body, now)
        return out

    def _body(self, event: AlertEvent, party: PartyId, now: Instant) -> AlertTold | None:
        """Return what *party* is told of a change. What is its concern no longer is told to it as over."""
        body, name = self.told_of(event, party, now), f"{self._ids[0]}-{event.alert.alert_id}"
        self._note_question(event.alert, party, name, body, now)
        last = self._told.get((party, name))
        if body is None and last is not None and self._sharing.is_told(party):
            return replace(last, happening="cleared", at_ms=instant_ms(now) // 1_000 * 1_000, because="ended")
        return body

    def _note_question(self, alert: Alert, party: PartyId, name: str, body: AlertTold | None, now: Instant) -> None:
        """Note what *party* may have made up to read our answer: its activity, or an aircraft that it alone reports."""
        if alert.kind is Kind.CONFORMANCE:
            if body is None and self._tables.declarer(alert.zone) == party:
                self._probing.named(party, alert.zone, now)
        elif body is not None and body.is_banded and body.happening != "cleared":
            tracks, index = self._watch.tracks, self._ids.index(party)
            of_alert = np.isin(tracks["number"], [alert.a, alert.b])
            if (of_alert & (tracks["declared_by"] == index) & (tracks["party"] == index)).any():
                self._probing.warned(party, name, now)

    def searches(self, now: Instant) -> list[str]:
        """Return what looks as if a peer were searching for what it is not told, for our own desk."""
        return self._probing.lines(now)

    def claimed(self, now: Instant) -> list[Effect]:
        """Tell of those of our alerts whose aircraft a party has said to be its own since: they concern it now."""
        active, tracks = self._watch.book.active, self._watch.tracks
        pairs = {(alert.a, alert.b) for alert in active.values()}
        held = np.isin(tracks["number"], [number for pair in pairs for number in pair if number])
        claims = dict(zip(tracks["number"][held].tolist(), tracks["declared_by"][held].tolist(), strict=True))
        before, self._claims = self._claims, claims
        return [
            effect
            for alert in list(active.values())
            if any(claims.get(number) != before.get(number, claims.get(number)) for number in (alert.a, alert.b))
            for effect in self.changed(AlertEvent(Happening.UPDATED, alert), now)
        ]

    def told(
        self, party: PartyId, envelope: Envelope | UnloggedFlash, leaf_hash: bytes, body: AlertTold, now: Instant
    ) -> None:
        """Take what a peer's node says of an event; raises PeerFault for an alert in another party's name."""
        if body.alert.rsplit("-", 1)[0] != party:
            raise PeerFault(f"an alert named {body.alert} in the words of {party}")
        self._subjects.recorded(envelope.re if isinstance(envelope, Envelope) else ())
        told = self._as_told(party, envelope.ts, body)
        warnings = self._subjects.warnings
        subject = self._subject(told)
        row, _ = warnings.told(party, told, subject or (f"told {told.name}", 0, 0, ""), leaf_hash, now)
        if subject is not None and row.subject != subject:
            row = self._placed(party, told, subject, now) or row
        if body.a is not None and (body.kind != "conflict" or body.b is not None):
            self._placeable[party, told.name] = body
        if body.override:
            row.override = self._policies.override_named(body.override)
        if body.is_synthetic:
            row.mark = self._names.synthetic
        if row.is_active:
            sent_at_ms = min(row.half(party).sent_at_ms or told.sent_at_ms, instant_ms(now))
            self._subjects.climb_from(row, instant_of_ms(sent_at_ms))
        else:
            self._subjects.escalations.cleared(row.name, now)

    def place(self, now: Instant) -> list[Effect]:
        """Put peers' alerts beside ours about the same events, as soon as the picture holds their aircraft.

        It may hold one of them under two numbers at first, and find out later that they are one aircraft.
        """
        out: list[Effect] = []
        tracks, warnings = self._watch.tracks, self._subjects.warnings
        second = set(tracks["number"][tracks["same_as"] != 0].tolist()) if self._placeable else set()
        for (party, name), body in list(self._placeable.items()):
            row = warnings.named(name)
            is_past = body.happening == "cleared" and instant_ms(now) - body.at_ms > PLACED_WITHIN_MS
            if row is None or is_past:
                del self._placeable[party, name]
                continue
            is_ours = row.ours is not None and row.ours.cleared_at is None
            if is_ours or (row.subject[1] and second.isdisjoint(row.subject[1:3])):
                continue
            told = self._as_told(party, 0, body)
            subject = self._subject(told)
            if subject is not None and subject != row.subject:
                self._placed(party, told, subject, now)
                out = [Show()]
        return out

    def remember_own(self, party: PartyId, body: AlertTold) -> None:
        """Note what we told *party* before this start: its number is taken, and that it is over is to be said."""
        self._watch.book.resume(int(body.alert.rsplit("-", 1)[1]))
        self._before.pop((party, body.alert), None)
        if body.happening != "cleared":
            self._before[party, body.alert] = body

    def rests_on(self, party: PartyId, body: AlertTold) -> bool:
        """Whether what we told *party* before this start counts: it is not over, or is the last that was numbered."""
        is_last = int(body.alert.rsplit("-", 1)[1]) == self._watch.book.last_id
        return is_last or (party, body.alert) in self._before

    def end_before(self, now: Instant) -> list[Effect]:
        """Say that what we told before this start is over: our picture began anew, and what still holds is raised."""
        before, self._before = self._before, {}
        out: list[Effect] = []
        for (party, _), told in before.items():
            if self._sharing.is_told(party):
                body = replace(told, happening="cleared", at_ms=instant_ms(now), because="ended")
                said = self._speak(
                    party, Lane.OPS, LeafKind.ALERT, precedence=Precedence.PRIORITY, by="node", now=now, body=body
                )
                out += said[1] if said else []
        return out

    def told_of(self, event: AlertEvent, party: PartyId, now: Instant) -> AlertTold | None:
        """Return what *party* is told of *event* now; None when it is not its concern, or nothing may be told it."""
        if not self._sharing.is_told(party):
            return None
        name = f"{self._ids[0]}-{event.alert.alert_id}"
        released = self._sharing.released_to(party, now)
        is_conformance = event.alert.kind is Kind.CONFORMANCE
        is_known = is_conformance and self._tables.knows(party, event.alert.zone)
        is_ours = is_conformance and self._tables.declarer(event.alert.zone) == self._ids[0]
        overrides = self._policies.overrides_with(party)
        return alert_for(
            event,
            name,
            self._watch.tracks,
            released,
            self._ids,
            self._zones,
            overrides,
            declared_to_peer=is_known,
            declared_by_us=is_ours,
        )

    def is_of(self, number: int, party: PartyId) -> bool:
        """Whether *party* declares our track *number* its own."""
        return claim_on(self._watch.tracks, number, self._ids.index(party)) is not None

    def label(self, number: int) -> str:
        """Return how the desk names our track *number*."""
        return self._names.label(number).label

    def override_named(self, digest: str) -> str:
        """Return the name of a safety override."""
        return self._policies.override_named(digest)

    def _is_news(self, party: PartyId, body: AlertTold) -> bool:
        last = self._told.get((party, body.alert))
        if last is None:
            return body.happening != "cleared"
        moved_s = abs((body.event_at_ms or 0) - (last.event_at_ms or 0)) / 1000.0
        is_same = (body.level, body.within_s, body.a, body.b) == (last.level, last.within_s, last.a, last.b)
        return body.happening == "cleared" or not is_same or moved_s > MOVED_S

    def _tell(self, party: PartyId, row: Row, body: AlertTold, now: Instant) -> list[Effect]:
        level, is_over = Level(body.level), body.happening == "cleared"
        said = self._speak(
            party,
            Lane.OPS if is_over else _LANE[level],
            LeafKind.ALERT,
            precedence=Precedence.PRIORITY if is_over else _PRECEDENCE[level],
            by="node",
            now=now,
            body=body,
            exp=None if is_over else Instant(now + VALID_NS),
        )
        if said is None:
            return [Show()]
        if is_over:
            self._told.pop((party, body.alert), None)
        else:
            self._told[party, body.alert] = body
        leaf_hash, effects = said
        row.override = self._policies.override_named(body.override) if body.override else row.override
        self._subjects.warnings.sending(row, party, leaf_hash, instant_ms(now))
        return effects

    def _as_told(self, party: PartyId, sent_at_ms: int, body: AlertTold) -> Told:
        within_ms = None if body.within_s is None else body.at_ms + body.within_s * 1000
        return Told(
            name=body.alert,
            kind=Kind(body.kind),
            level=Level(body.level),
            is_cleared=body.happening == "cleared",
            a=self._names.named(party, body.a),
            b=self._names.named(party, body.b) if body.kind == "conflict" else None,
            zone=body.zone,
            event_at_ms=within_ms if body.event_at_ms is None else body.event_at_ms,
            distance_m=body.distance_m,
            vertical_ft=body.vertical_ft,
            latitude_e7=body.latitude_e7 or 0,
            longitude_e7=body.longitude_e7 or 0,
            sent_at_ms=sent_at_ms,
        )

    @staticmethod
    def _subject(told: Told) -> Subject | None:
        """Return what a peer's alert is about in our own numbers; None while we do not hold its aircraft."""
        if told.a.number is None or (told.b is not None and told.b.number is None):
            return None
        b = 0 if told.b is None else told.b.number or 0
        return subject_of(told.kind, told.a.number, b, told.zone or "")

    def _placed(self, party: PartyId, told: Told, subject: Subject, now: Instant) -> Row | None:
        """Move a peer's alert to the row of *subject*; when that stands already, two rows become one."""
        subjects = self._subjects
        row, joined = subjects.warnings.placed(party, told.name, subject, told.a, told.b)
        if row is not None and joined is not None:
            subjects.joined(row, joined, now)
        return row
