"""Subjects: what people on either side do about an alert or a message, and the ladder both climb.

A subject is a row of the desk's warnings or a hotline message. On the link it is named by the hashes of the leaves
it stands in (`re`), so nobody acknowledges what they have not been sent. The same fold serves our own leaves after a
restart and a peer's: it does not know whose side it is on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from msgspec.structs import replace

from detente.alerts.escalation import Cause, Climbed, Escalations, Stand
from detente.desk.board import AlertRow, MessageRow
from detente.desk.hotline import Hotline
from detente.desk.orders import Acknowledge, AcknowledgeMessage, StandDown
from detente.desk.seats import permit
from detente.desk.warnings import Row, Warnings, held_ms
from detente.engine.doings import Act, Doings
from detente.engine.speech import Speak
from detente.engine.values import Effect, Setup, Show
from detente.errors import OrderRefused, OwnFault
from detente.evidence.leaf import Envelope, Kind, Lane
from detente.evidence.note import b64, unb64
from detente.types import NS_PER_S, Instant, PartyId, Precedence, Role, instant_ms, instant_of_ms
from detente.wire.messages import AckBody, DisplayedBody, EscalationBody, StandDownBody

_LEAVES_NAMED = 8
_AGAIN_NS: Final = 5 * NS_PER_S
"""How long what could not be said about an alert waits before it is tried again."""

UNLOGGED_KEPT: Final = 256
"""Notes outside the record that are remembered, so that one that comes twice is shown once."""

DATES_KEPT: Final = 32_768
"""Rather more than there can be messages and warnings at one desk."""


@dataclass(frozen=True, slots=True)
class Dates:
    """What is known of a peer's words besides the time they claim: bounds by our own clock."""

    not_before_ms: int | None  # what they say they had seen of ours was written then
    not_after_ms: int  # they were on our disk
    arrived_at_ms: int
    expires_at_ms: int | None

    @property
    def is_expired(self) -> bool:
        """Whether their time was up when they came: judged here, where they are to be acted on."""
        return self.expires_at_ms is not None and self.arrived_at_ms > self.expires_at_ms


_R = TypeVar("_R", AlertRow, MessageRow)


def _name_of(row: AlertRow | MessageRow) -> str:
    return row.alert if isinstance(row, AlertRow) else row.message


class Subjects:
    """All alerts and messages of one desk, and their ladder."""

    def __init__(self, setup: Setup, speak: Speak) -> None:
        self._own = setup.parties[0].party
        self._speak = speak
        self._is_exercise = setup.is_exercise
        self.warnings = Warnings(self._own, setup.alerts_shown)
        self.escalations = Escalations(setup.ladder)
        self.hotline = Hotline(self._own, setup.codebook, self.escalations)
        self._doings = Doings()
        self._late_at = Instant(0)  # before it nothing is tried again that could not be said
        self.leaf_of: dict[str, str] = {}  # message → base64 leaf hash
        self._message_of: dict[bytes, str] = {}  # leaf hash → message
        self._sent: dict[tuple[PartyId, Lane], dict[int, str]] = {}  # our messages without receipt, by seq
        self._unlogged: dict[bytes, bool] = {}  # peers' notes outside the record → whether it has them still not
        self._dates: dict[str, Dates] = {}
        self.fault = ""  # a limit reached, for the desk

    # --- outside the record, and late

    def is_news(self, note_hash: bytes) -> bool:
        """Whether the unlogged note with this hash has not been heard before."""
        return note_hash not in self._unlogged

    def heard_unlogged(self, note_hash: bytes) -> None:
        """Note that something stands at the desk that is in no record."""
        self._unlogged[note_hash] = True
        if len(self._unlogged) > UNLOGGED_KEPT:
            self._unlogged.pop(next(iter(self._unlogged)))

    def recorded(self, re: Sequence[str]) -> str | None:
        """Note that a leaf names *re*: what was said outside the record is in it now; returns which message that is."""
        found = None
        for note_hash in map(unb64, re):
            if note_hash in self._unlogged:
                self._unlogged[note_hash] = False
                found = found or self._message_of.get(note_hash)
        return found

    def dated(self, name: str, dates: Dates) -> None:
        """Note when what *name* stands for can have been written, and until when it was to hold. The first stands."""
        self._dates.setdefault(name, dates)
        if len(self._dates) > DATES_KEPT:
            self._dates.pop(next(iter(self._dates)))

    def named_in(self, leaf_hash: bytes) -> str | None:
        """Return the row or message that a leaf stands for."""
        row = self.warnings.of_leaf(leaf_hash)
        return self._message_of.get(leaf_hash) if row is None else row.name

    def marked(self, rows: list[_R], own: set[bytes]) -> list[_R]:
        """Return *rows* with what is in no record marked; *own* are the notes that we said outside it."""
        notes = own | {note_hash for note_hash, is_open in self._unlogged.items() if is_open}
        names = {self._message_of[note] for note in notes if note in self._message_of}
        names |= {row.name for note in notes if (row := self.warnings.of_leaf(note)) is not None}
        return [self._marked(row, is_unlogged=_name_of(row) in names) for row in rows]

    def _marked(self, row: _R, *, is_unlogged: bool) -> _R:
        dates = self._dates.get(_name_of(row))
        if dates is not None:
            row = replace(
                row,
                not_before_ms=dates.not_before_ms,
                not_after_ms=dates.not_after_ms,
                expires_at_ms=dates.expires_at_ms,
                expired_on_arrival=dates.is_expired,
            )
        return replace(row, unlogged=True) if is_unlogged else row

    # --- what a start remembers

    def forget_settled(self) -> None:
        """Forget what is over and old, so that what stands here does not depend on how much was read for it."""
        self.warnings.forget_old()
        answered = self.hotline.forget_settled()
        named = {name for name in self.leaf_of if name in answered or self._is_said(name)}
        self._message_of = {leaf: name for leaf, name in self._message_of.items() if name in named}
        self.leaf_of = {name: leaf for name, leaf in self.leaf_of.items() if name in named}
        for to_one in self._sent.values():
            for seq in [seq for seq, name in to_one.items() if not self._is_said(name)]:
                del to_one[seq]
        self._dates = {
            name: dates
            for name, dates in self._dates.items()
            if self.warnings.named(name) is not None or self._is_said(name)
        }

    def stands(self, leaf_hash: bytes) -> bool:
        """Whether a leaf stands for a warning or a message at this desk."""
        return self._is_said(self._message_of.get(leaf_hash, "")) or self.warnings.of_leaf(leaf_hash) is not None

    def forgotten(self) -> dict[str, str]:
        """Return the messages that are known by name only, for one that stands here answers them, and their leaves."""
        return {name: leaf for name, leaf in self.leaf_of.items() if not self._is_said(name)}

    def _is_said(self, message: str) -> bool:
        return self.hotline.said_as(message) is not None

    # --- which subject

    def know(self, message: str, leaf_hash: bytes) -> None:
        """Note which leaf *message* stands in."""
        self._message_of[leaf_hash] = message
        self.leaf_of[message] = b64(leaf_hash)

    def renamed(self, old: bytes, new: bytes) -> None:
        """Note that our leaf *old*, which the disk did not take, was signed again as *new*."""
        self.warnings.renamed(old, new)
        if old in self._message_of:
            self.know(self._message_of.pop(old), new)

    def message_in(self, leaves: Sequence[str]) -> str | None:
        """Return the message that one of *leaves* (base64 hashes) is."""
        return next((self._message_of[h] for h in map(unb64, leaves) if h in self._message_of), None)

    def named_by(self, envelope: Envelope) -> list[Row | str]:
        """Return the rows and messages that a leaf's `re` names, each once."""
        found: dict[int | str, Row | str] = {}
        for leaf_hash in map(unb64, envelope.re):
            row = self.warnings.of_leaf(leaf_hash)
            if row is not None:
                found[id(row)] = row
            elif leaf_hash in self._message_of:
                found[self._message_of[leaf_hash]] = self._message_of[leaf_hash]
        return list(found.values())

    def about(self, subject: str) -> dict[PartyId, tuple[str, ...]]:
        """Return, for each peer concerned, the leaves between it and us that *subject* stands in."""
        row = self.warnings.named(subject)
        if row is not None:
            newest = {party: leaves[-_LEAVES_NAMED:] for party, leaves in row.leaves.items() if leaves}
            return {party: tuple(b64(leaf) for leaf in leaves) for party, leaves in newest.items()}
        leaf, said = self.leaf_of.get(subject), self.hotline.said_as(subject)
        if leaf is None or said is None:
            return {}
        return {said.to if said.sender == self._own else said.sender: (leaf,)}

    # --- what our people do

    def displayed(self, alerts: Sequence[str], messages: Sequence[str], now: Instant) -> list[Effect]:
        """Note that our console has painted these, and tell the peers concerned."""
        at_ms, news = instant_ms(now), []
        for name in alerts:
            row = self.warnings.named(name)
            if row is not None and self.warnings.displayed(row, self._own, at_ms):
                news.append(row.name)
        news += [name for name in messages if self._is_to(name, self._own) and self.hotline.displayed(name, at_ms)]
        out: list[Effect] = []
        for name in news:
            out += self._tell(name, Kind.DISPLAYED, DisplayedBody(at_ms=at_ms), "console", now)
        return out

    def acknowledge(self, order: Acknowledge, role: Role, now: Instant) -> list[Effect]:
        """Acknowledge an alert; raises OrderRefused for an unknown one or by the wrong seat."""
        row = self.warnings.named(order.alert)
        if row is None:
            raise OrderRefused("unknown_alert", f"there is no alert {order.alert} at this desk")
        permit(role, order, rung=self.escalations.rung(row.name))
        if not self.warnings.acknowledged(row, self._own, role.value, instant_ms(now)):
            return []
        self.escalations.acknowledged(row.name, self._own, role, now)
        return self._tell(row.name, Kind.ACK, AckBody(at_ms=instant_ms(now)), role.value, now)

    def acknowledge_message(self, order: AcknowledgeMessage, role: Role, now: Instant) -> list[Effect]:
        """Acknowledge a message to us; raises OrderRefused."""
        said = self.hotline.said_as(order.message)
        if said is None or said.to != self._own:
            raise OrderRefused("unknown_message", f"there is no message {order.message} to this desk")
        permit(role, order, rung=self.hotline.rung(order.message), line=said.line)
        self.hotline.acknowledged(order.message, role, instant_ms(now))
        return self._tell(order.message, Kind.ACK, AckBody(at_ms=instant_ms(now)), role.value, now)

    def stand_down(self, order: StandDown, role: Role, now: Instant) -> list[Effect]:
        """Stop the ladder of an alert or message, with a coded reason; raises OrderRefused."""
        if order.reason not in Stand.__members__.values():
            raise OrderRefused("reason_unknown", f"{order.reason!r} is no reason to stand down: {', '.join(Stand)}")
        row = self.warnings.named(order.subject)
        name = order.subject if row is None else row.name
        if row is None and self.hotline.said_as(name) is None:
            raise OrderRefused("unknown_subject", f"there is no alert or message {name} at this desk")
        permit(role, order, rung=self.escalations.rung(name), line=self.hotline.line_of(name))
        self._stood_down(self._own, name if row is None else row, Stand(order.reason), instant_ms(now))
        body = StandDownBody(reason=Stand(order.reason).value, at_ms=instant_ms(now))
        return self._tell(name, Kind.STAND_DOWN, body, role.value, now)

    # --- the ladder

    def climb_from(self, row: Row, now: Instant) -> None:
        """Start an alert's ladder, or correct when its event is expected."""
        event_at = None if row.event_at_ms is None else instant_of_ms(row.event_at_ms)
        try:
            self.escalations.raised(
                row.name,
                Cause.CONFLICT,
                sorted(row.concerned),
                now,
                event_at=event_at,
                is_exercise=self._is_exercise,
            )
        except OwnFault as fault:
            self.fault = str(fault)

    def tick(self, now: Instant) -> list[Effect]:
        """Climb what is due, and record what nobody answered."""
        out: list[Effect] = []
        for climbed in self.escalations.tick(now):
            out += self._climbed(climbed, now)
        for item in self.hotline.tick(now):
            body = EscalationBody(
                rung=self.escalations.rung(item.message), at_ms=instant_ms(item.at), not_answered=True
            )
            out += self._tell(item.message, Kind.ESCALATION, body, "node", now)
        return out + self._tell_late(now)

    def _tell_late(self, now: Instant) -> list[Effect]:
        """Say what was done about an alert to peers that have been told of the alert since, and what could not be said.

        What was done before a peer knew of the alert is dated now: how long we knew before is not theirs to learn.
        """
        if now < self._late_at:
            return []
        out: list[Effect] = []
        for name in self._doings.names():
            row = self.warnings.named(name)
            if row is None:
                self._doings.forget(name)
                continue
            for party, done in self._doings.owed(name, row.leaves):
                is_known = self._doings.was_known(name, party, done)
                body = done.body if is_known else replace(done.body, at_ms=instant_ms(now))
                effects = self._say(party, done.kind, body, done.by, now, self.about(name)[party])
                if effects is None:
                    self._late_at = Instant(now + _AGAIN_NS)
                else:
                    self._doings.told(name, party, done)
                    out += effects
        return out

    def joined(self, row: Row, other: str, now: Instant) -> None:
        """Note that the row named *other* has gone into *row*: what was done about either was done about both."""
        self._doings.joined(row.name, other)
        self.escalations.cleared(other, now)
        self.climb_from(row, now)
        for side, half in row.halves.items():
            if half.acknowledged_at_ms is not None and half.acknowledged_by is not None:
                at = instant_of_ms(half.acknowledged_at_ms)
                self.escalations.acknowledged(row.name, side, Role(half.acknowledged_by), at)

    def _climbed(self, climbed: Climbed, now: Instant) -> list[Effect]:
        """Our side has told a rung: say so to everyone concerned."""
        self.escalations.peer_climbed(climbed.subject, climbed.rung, now, self._own)
        body = EscalationBody(rung=climbed.rung, at_ms=instant_ms(climbed.at))
        return self._tell(climbed.subject, Kind.ESCALATION, body, "node", now)

    # --- what the record says

    def fold(self, party: PartyId, envelope: Envelope, body: Act, now: Instant) -> list[Effect]:
        """Take in what *party* says of the subjects that its leaf names."""
        out: list[Effect] = [Show()]
        for subject in self.named_by(envelope):
            match body:
                case AckBody(at_ms=at_ms):
                    self._acknowledged(party, subject, Role(envelope.by), at_ms)
                case DisplayedBody(at_ms=at_ms):
                    self._displayed(party, subject, at_ms)
                case EscalationBody():
                    out += self._they_climbed(party, subject, body, now)
                case StandDownBody(reason=reason, at_ms=at_ms):
                    self._stood_down(party, subject, Stand(reason), at_ms)
        return out

    def remember(self, party: PartyId, envelope: Envelope, body: Act, then: Instant, *, peer: PartyId) -> None:
        """Fold one leaf of the record between us and *peer* at a node's start, without saying anything."""
        speak, self._speak = self._speak, _nobody
        try:
            self.fold(party, envelope, body, then)
        finally:
            self._speak = speak
        if party == self._own:
            for subject in self.named_by(envelope):
                if isinstance(subject, Row):
                    self._doings.did(subject.name, envelope.kind, body, envelope.by, known_to=[peer], told=[peer])

    def sent(self, party: PartyId, lane: Lane, seq: int, message: str) -> None:
        """Note that *message* is the leaf *seq* of our log and waits for its receipt."""
        self._sent.setdefault((party, lane), {})[seq] = message

    def wrote(self, party: PartyId, lane: Lane, seq: int, leaf_hash: bytes, now: Instant) -> list[Effect]:
        """Note that our leaf is on our disk."""
        message = self._message_of.get(leaf_hash)
        said = None if message is None else self.hotline.said_as(message)
        if said is not None:
            self.hotline.said(said)
            return [Show()]
        return [Show()] if self.warnings.wrote(party, lane, seq, leaf_hash, now) else []

    def held(self, party: PartyId, lane: Lane, size: int, at_ms: int) -> list[Effect]:
        """Note a peer's receipt for all our leaves of *lane* below *size*."""
        waiting = self._sent.get((party, lane), {})
        done = [seq for seq in waiting if seq < size]
        for seq in done:
            message = waiting.pop(seq)
            said = self.hotline.said_as(message)
            self.hotline.held(message, held_ms(at_ms, None if said is None else said.sent_at_ms))
        changed = self.warnings.held(party, lane, size, at_ms)
        return [Show()] if changed or done else []

    def _acknowledged(self, party: PartyId, subject: Row | str, role: Role, at_ms: int) -> None:
        if isinstance(subject, Row):
            if self.warnings.acknowledged(subject, party, role.value, at_ms):
                self.escalations.acknowledged(subject.name, party, role, instant_of_ms(at_ms))
        elif self._is_to(subject, party):
            self.hotline.acknowledged(subject, role, at_ms)

    def _displayed(self, party: PartyId, subject: Row | str, at_ms: int) -> None:
        if isinstance(subject, Row):
            self.warnings.displayed(subject, party, at_ms)
        elif self._is_to(subject, party):
            self.hotline.displayed(subject, at_ms)

    def _they_climbed(self, party: PartyId, subject: Row | str, body: EscalationBody, now: Instant) -> list[Effect]:
        name = subject.name if isinstance(subject, Row) else subject
        if body.not_answered and isinstance(subject, str):
            self.hotline.not_answered(subject, body.at_ms)
        out: list[Effect] = []
        for climbed in self.escalations.peer_climbed(name, body.rung, now, party):
            if party != self._own:
                out += self._climbed(climbed, now)
        return out

    def _stood_down(self, party: PartyId, subject: Row | str, reason: Stand, at_ms: int) -> None:
        if isinstance(subject, Row):
            self.escalations.stood_down(subject.name, party, reason, instant_of_ms(at_ms))
        else:
            self.hotline.stood_down(subject, party, reason, at_ms)

    def _is_to(self, message: str, party: PartyId) -> bool:
        said = self.hotline.said_as(message)
        return said is not None and said.to == party

    def _tell(self, subject: str, kind: Kind, body: Act, by: str, now: Instant) -> list[Effect]:
        """Say to every peer concerned what was done here about *subject*."""
        out: list[Effect] = [Show()]
        concerned, row, told = self.about(subject), self.warnings.named(subject), []
        for party, re in concerned.items():
            effects = self._say(party, kind, body, by, now, re)
            if effects is not None:
                told.append(party)
                out += effects
        if row is not None:
            self._doings.did(row.name, kind, body, by, known_to=concerned, told=told)
        return out

    def _say(
        self, party: PartyId, kind: Kind, body: Act, by: str, now: Instant, re: tuple[str, ...]
    ) -> list[Effect] | None:
        """Return the effects that say it; None where it cannot be said now, which the desk shows as a fault."""
        said = self._speak(party, Lane.OPS, kind, precedence=Precedence.IMMEDIATE, by=by, now=now, body=body, re=re)
        return None if said is None else said[1]


def _nobody(*_: object, **__: object) -> None:
    """A start says nothing: what was to be said then is in the record already."""
