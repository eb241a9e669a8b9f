"""One whole party without I/O: ``handle(input, now) → effects``.

The engine never touches a clock, a socket, a disk or randomness. What it wants done it returns, and its one rule is the
order in which the node does it:

1. **Show** at once: an alert never waits for the disk; until it is recorded it is marked so.
2. **Record** in one transaction. The node then says `Stored`, with the hashes of what it read back.
3. **Send**: a promise never leaves before it is on the disk. Only `Stored` makes the link send leaves and receipts.

Alerts fail open, commitments fail closed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, assert_never

import msgspec
import numpy as np

from detente.alerts.alert import AlertEvent, Happening, Kind, Level
from detente.alerts.escalation import Cause, Climbed, Escalations, Stand
from detente.desk.board import Board, PeerRow, TrackRef
from detente.desk.frame import track_frame
from detente.desk.hotline import Hotline, Said
from detente.desk.orders import Acknowledge, AcknowledgeMessage, AnyOrder, Displayed, SendCode, SendText, StandDown
from detente.desk.seats import permit
from detente.desk.warnings import Row, Subject, Told, Warnings, subject_of
from detente.engine.board import counts_of, feed_row, peer_row, rungs_of, zone_row
from detente.engine.values import (
    CloseChannel,
    Declares,
    Effect,
    FeedSaid,
    Input,
    OrderGiven,
    Party,
    PeerClosed,
    PeerOpened,
    PeerSent,
    PlotsReceived,
    PolicySet,
    Record,
    RecordBody,
    RecordCheckpoint,
    RecordReceipt,
    Send,
    SessionsRestored,
    Setup,
    Show,
    Stored,
    StoreFailed,
    Tick,
    ViewSet,
)
from detente.errors import OrderRefused, OwnFault, PeerFault
from detente.evidence.keys import parse_origin
from detente.evidence.leaf import Envelope, Lane
from detente.evidence.leaf import Kind as LeafKind
from detente.evidence.log import Log
from detente.evidence.note import b64, unb64
from detente.link import effects as link
from detente.link.session import Draft, Session
from detente.link.transitions import State
from detente.picture.motion import advanced
from detente.picture.picture import NOBODY, Mark, Tracks
from detente.release.alerts import AlertTold, Named, alert_for
from detente.release.release import FIXED, Released
from detente.types import (
    NS_PER_S,
    Instant,
    PartyId,
    Precedence,
    Role,
    instant_ms,
    instant_of_ms,
)
from detente.wire.messages import (
    AckBody,
    Body,
    DisplayedBody,
    EscalationBody,
    HotlineBody,
    StandDownBody,
    decode_body,
    encode_body,
    hotline_body,
    said_of,
)
from detente.wire.tracks import decode_frame, encode_items, identity_of, plots_of

FRAME_NS: Final = NS_PER_S
"""Frames leave on a fixed grid of one second, whatever there is to say (threat-model.md, row 49)."""

LOST_LIMIT: Final = 4_096
"""Leaves the disk did not take that wait to be said again, for each peer; the oldest beyond it goes, counted."""

DOWN_FRAME_NS: Final = 10 * NS_PER_S
"""While a link is down its frames are thinned to this before they become leaves."""

LATE_TRACKS_NS: Final = 30 * NS_PER_S
"""A peer's frame older than this is part of the record and no longer of the picture."""

_ALERT_LANE: Final = {Level.ALARM: Lane.FLASH, Level.WARNING: Lane.OPS, Level.CAUTION: Lane.OPS}
_ALERT_PRECEDENCE: Final = {
    Level.ALARM: Precedence.FLASH,
    Level.WARNING: Precedence.IMMEDIATE,
    Level.CAUTION: Precedence.PRIORITY,
}
BEFORE: Final = Instant(0)


@dataclass(frozen=True, slots=True)
class _Unstored:
    """A leaf of ours that the disk has not confirmed yet."""

    lane: Lane
    seq: int
    draft: Draft
    leaf_hash: bytes


@dataclass(slots=True)
class _Peer:
    """What the engine keeps of one other party besides its link."""

    index: int  # in the table of parties; also the source index of its track frames
    session: Session
    theirs: dict[int, bytes] = field(default_factory=dict)  # ref it gave us → identity in our picture
    newest: Released | None = None
    shared: int = 0  # tracks in its newest frame
    frame_at: Instant = BEFORE  # of our newest frame to it
    faults: Counter[str] = field(default_factory=Counter)  # bodies of the peer that could not be read, by kind
    told: dict[str, AlertTold] = field(default_factory=dict)  # what we last told it of each alert
    sent: dict[tuple[Lane, int], str] = field(default_factory=dict)  # our hotline leaves without receipt → message
    unstored: dict[bytes, _Unstored] = field(default_factory=dict)  # statements on their way to the disk, by leaf hash
    lost: list[_Unstored] = field(default_factory=list)  # of which the disk did not take: said again, in their order


class Engine:
    """The party. One thread owns it; `answer` is what the order just handled made."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.codebook = setup.codebook
        self.answer: dict[str, object] = {}
        self._own = setup.parties[0].party
        self._ids = [p.party for p in setup.parties]
        self._watch = setup.surveillance
        self._releaser = setup.releaser
        self._peers = {p.party: _Peer(i, setup.sessions[p.party]) for i, p in enumerate(setup.parties) if i}
        self._party_of: dict[str, PartyId] = {}
        self._map_origins()
        self._zones = {zone.zone_id: zone for zone in setup.zones}
        self._zone_names = {zone.zone_id: zone.name for zone in setup.zones}
        self._zone_rows = [zone_row(zone) for zone in setup.zones]
        self._feeds = {feed.source: feed for feed in setup.feeds}
        self.warnings = Warnings(self._own, setup.alerts_shown)
        self.escalations = Escalations(setup.ladder)
        self.hotline = Hotline(self._own, self.codebook, self.escalations)
        self._declared = setup.declared
        self._boards = 0
        self._frame_at = Instant(0)
        self._judged_at = Instant(0)
        self._store_fault = ""
        self._unplaced: dict[str, tuple[PartyId, AlertTold]] = {}  # peers' alerts about aircraft we do not hold yet
        self._before: list[tuple[PartyId, AlertTold]] = []  # what we told before this start, and not that it is over
        self._names: dict[int, TrackRef] = {}  # of tracks in alerts: kept while the alert's row is
        self._message_of: dict[bytes, str] = {}  # leaf hash → hotline message
        self._leaf_of: dict[str, str] = {}  # hotline message → base64 leaf hash
        self.centre_deg, self.range_nm = setup.centre_deg, setup.range_nm

    # --- inputs

    def handle(self, event: Input, now: Instant) -> list[Effect]:
        """Return what is to be done about *event*, in order. Raises OrderRefused for an order that is refused."""
        match event:
            case PlotsReceived():
                return self._plots(event, now)
            case PeerOpened(peer, channel):
                return self._linked(peer, self._peers[peer].session.opened(channel, now), now)
            case PeerClosed(peer, channel):
                return self._linked(peer, self._peers[peer].session.closed(channel, now), now)
            case PeerSent(peer, channel, frame):
                return self._linked(peer, self._peers[peer].session.received(channel, frame, now), now)
            case Stored(origin, start, leaf_hashes):
                peer = self._party_of[origin]
                self._store_fault = ""
                return self._linked(peer, self._peers[peer].session.stored(origin, start, leaf_hashes, now), now)
            case StoreFailed(reason):
                self._store_fault = reason
                return [Show()]
            case SessionsRestored(sessions):
                return [effect for peer, session in sessions.items() for effect in self._restored(peer, session, now)]
            case OrderGiven(order, role):
                return self._ordered(order, role, now)
            case FeedSaid(source, state, note):
                self._feeds[source].state, self._feeds[source].note = state, note
                return [Show()]
            case PolicySet(releaser):
                self._releaser = releaser
                return [Show()]
            case ViewSet(centre_deg, range_nm):
                self.centre_deg, self.range_nm = centre_deg, range_nm
                return [Show()]
            case Declares(identities):
                self._declared = replace(self._declared, identities=self._declared.identities + identities)
                return []
            case Tick():
                return self._tick(now)
            case _:
                assert_never(event)

    def _plots(self, event: PlotsReceived, now: Instant) -> list[Effect]:
        feed = self._feeds[event.source]
        feed.state = "up"
        feed.malformed.update(event.rejected)
        if len(event.plots):
            feed.last_plot_at = Instant(int(event.plots["applicable_at_ns"][-1]))
            declared = np.where(self._declared.of(event.plots), 0, NOBODY).astype(np.uint16)
            self._watch.take(0, event.source, event.plots, now, declared, synthetic=feed.is_synthetic)
        return self._judge(now)

    def _tick(self, now: Instant) -> list[Effect]:
        out = self._end_before(now)
        for party, peer in self._peers.items():
            out += self._linked(party, peer.session.tick(now), now)
        out += self._judge(now)
        for climbed in self.escalations.tick(now):
            out += self._climbed(climbed, now)
        for item in self.hotline.tick(now):
            out += self._not_answered(item.message, item.at, now)
        if now // FRAME_NS != self._frame_at // FRAME_NS:
            self._frame_at = Instant(now // FRAME_NS * FRAME_NS)
            for party in self._peers:
                out += self._linked(party, self._said_again(party, now), now)
            out += self._frames(now)
            self.warnings.forget_old()
        return out

    def _judge(self, now: Instant) -> list[Effect]:
        """Assess the picture, at most once in `tick_ns`, and tell what changed."""
        if now - self._judged_at < self.setup.tick_ns:
            return []
        self._judged_at = now
        events = self._watch.tick(now)
        out: list[Effect] = []
        for party, body in list(self._unplaced.values()):
            if self._place(party, body, now):
                out.append(Show())
        for event in events:
            out += self._alerted(event, now)
        return out

    # --- what leaves: tracks

    def _frames(self, now: Instant) -> list[Effect]:
        tracks = self._watch.tracks
        out: list[Effect] = [Show(self._console_frame(tracks, now))]
        due = [party for party, peer in self._peers.items() if self._is_frame_due(peer, now)]
        for party, released in self._releaser.frames(tracks, due, now).items():
            peer = self._peers[party]
            peer.newest, peer.frame_at = released, now
            out += self._write(
                party,
                Lane.TRACK,
                LeafKind.TRACK,
                items=encode_items(released.items),
                precedence=Precedence.ROUTINE,
                by="node",
                now=now,
            )
        return out

    def _is_frame_due(self, peer: _Peer, now: Instant) -> bool:
        if peer.session.state is State.UNVERIFIED:
            return False
        is_down = peer.session.state in {State.DOWN, State.FORK, State.ROLLBACK}
        return not is_down or now - peer.frame_at >= DOWN_FRAME_NS

    def _console_frame(self, tracks: Tracks, now: Instant) -> bytes:
        shown = tracks[(tracks["flags"] & np.uint32(Mark.SECONDARY)) == 0]
        others = tracks[(tracks["flags"] & np.uint32(Mark.SECONDARY)) != 0]
        bits = np.zeros(len(shown), np.uint8)
        if len(others):
            order = np.argsort(shown["number"])
            at = np.searchsorted(shown["number"][order], others["same_as"])
            found = at < len(shown)
            at = order[at[found]]
            same = shown["number"][at] == others["same_as"][found]
            np.bitwise_or.at(bits, at[same], (1 << others["party"][found][same]).astype(np.uint8))
        return track_frame(advanced(shown, now), bits, now)

    # --- what leaves: statements

    def _write(
        self,
        party: PartyId,
        lane: Lane,
        kind: LeafKind,
        *,
        precedence: Precedence,
        by: str,
        now: Instant,
        body: Body | None = None,
        items: tuple[bytes, ...] | None = None,
        re: tuple[str, ...] = (),
    ) -> list[Effect]:
        """Say one thing to one peer; what cannot be said now is at the desk as a fault, never dropped in silence."""
        draft = Draft(
            kind=kind,
            body=b"" if body is None else encode_body(body),
            items=items,
            media="application/json" if items is None else "application/json+tree",
            precedence=precedence,
            by=by,
            pol=self._releaser.digest,
            re=re,
        )
        said = self._signed(party, lane, draft, now)
        return [Show()] if said is None else self._linked(party, said[1], now)

    def _say(
        self,
        party: PartyId,
        lane: Lane,
        kind: LeafKind,
        body: Body,
        precedence: Precedence,
        by: str,
        now: Instant,
        re: tuple[str, ...] = (),
    ) -> tuple[bytes, list[link.Effect]] | None:
        draft = Draft(kind=kind, body=encode_body(body), precedence=precedence, by=by, pol=self._releaser.digest, re=re)
        return self._signed(party, lane, draft, now)

    def _signed(self, party: PartyId, lane: Lane, draft: Draft, now: Instant) -> tuple[bytes, list[link.Effect]] | None:
        """Return the new leaf's hash and what the link asks for; None, and a fault at the desk, if it may not be."""
        peer = self._peers[party]
        # What the disk did not take comes first, under the numbers it had: the desk's names of messages hold them.
        effects = self._said_again(party, now)
        seq = peer.session.writers[lane].next_seq
        try:
            leaf_hash, more = peer.session.write(lane, draft, now)
        except OwnFault as fault:
            peer.faults[f"not said: {fault}"] += 1
            return None
        if lane is not Lane.TRACK:  # a picture that was not told is no loss: the next one is newer
            peer.unstored[leaf_hash] = _Unstored(lane, seq, draft, leaf_hash)
        return leaf_hash, [*effects, *more]

    # --- what the disk did not take

    def _restored(self, party: PartyId, session: Session, now: Instant) -> list[Effect]:
        """Go on from what the disk has: what it did take counts as written, the rest is to be said again."""
        peer = self._peers[party]
        peer.session = session
        out: list[Effect] = [Show()]
        for unstored in peer.unstored.values():
            log = session.writers[unstored.lane].log
            if unstored.seq < log.size and log.tree.leaf(unstored.seq) == unstored.leaf_hash:
                out += self._wrote(party, unstored.lane, unstored.seq, unstored.leaf_hash, now)
            else:
                peer.lost.append(unstored)
        peer.unstored.clear()
        for forgotten in peer.lost[:-LOST_LIMIT]:
            peer.faults[f"not said: {forgotten.draft.kind}, the record does not take it"] += 1
        del peer.lost[:-LOST_LIMIT]
        return out

    def _said_again(self, party: PartyId, now: Instant) -> list[link.Effect]:
        """Sign again what the disk did not take, in its order; `re` follows the new leaves."""
        peer = self._peers[party]
        lost, peer.lost = peer.lost, []
        renamed: dict[str, str] = {}
        effects: list[link.Effect] = []
        for old in lost:
            draft = replace(old.draft, re=tuple(renamed.get(leaf, leaf) for leaf in old.draft.re))
            said = self._signed(party, old.lane, draft, now)
            if said is None:
                continue
            leaf_hash, more = said
            effects += more
            renamed[b64(old.leaf_hash)] = b64(leaf_hash)
            self.warnings.renamed(old.leaf_hash, leaf_hash)
            if old.leaf_hash in self._message_of:
                self._know(self._message_of.pop(old.leaf_hash), leaf_hash)
        return effects

    # --- alerts

    def _alerted(self, event: AlertEvent, now: Instant) -> list[Effect]:
        alert = event.alert
        labels = (self._label(alert.a), self._label(alert.b) if alert.b else None)
        told = {party: self._told_of(event, party, now) for party in self._peers}
        concerned = {party for party, body in told.items() if body is not None}
        row, _ = self.warnings.changed(event, labels, concerned)
        row.mark = self._mark(alert.a, alert.b)
        if event.happening is Happening.CLEARED:
            if not row.is_active:
                self.escalations.cleared(row.name, now)
        else:
            self._climb_from(row, now)
        out: list[Effect] = [Show()]
        for party, body in told.items():
            if body is not None and self._is_news(party, body):
                out += self._tell(party, row, body, now)
        return out

    def _told_of(self, event: AlertEvent, party: PartyId, now: Instant) -> AlertTold | None:
        peer = self._peers[party]
        if peer.session.state is State.UNVERIFIED:
            return None
        # What the next frame tells: by the last one, an aircraft with a newer plot would be told as released late.
        if peer.newest is None or peer.newest.policy != self._releaser.digest or peer.newest.at < self._judged_at:
            peer.newest = self._releaser.preview(self._watch.tracks, party, now)
        name = f"{self._own}-{event.alert.alert_id}"
        return alert_for(event, name, self._watch.tracks, peer.newest, self._ids, self._zones)

    def _is_news(self, party: PartyId, body: AlertTold) -> bool:
        last = self._peers[party].told.get(body.alert)
        if last is None:
            return body.happening != "cleared"
        moved_s = abs((body.event_at_ms or 0) - (last.event_at_ms or 0)) / 1000.0
        return (
            body.happening == "cleared"
            or (body.level, body.within_s, body.a, body.b) != (last.level, last.within_s, last.a, last.b)
            or moved_s > 5.0
        )

    def _tell(self, party: PartyId, row: Row, body: AlertTold, now: Instant) -> list[Effect]:
        self._peers[party].told[body.alert] = body
        level = Level(body.level)
        is_over = body.happening == "cleared"
        said = self._say(
            party,
            Lane.OPS if is_over else _ALERT_LANE[level],
            LeafKind.ALERT,
            body,
            Precedence.PRIORITY if is_over else _ALERT_PRECEDENCE[level],
            "node",
            now,
        )
        if said is None:
            return [Show()]
        leaf_hash, effects = said
        self.warnings.sending(row, party, leaf_hash, instant_ms(now))
        return self._linked(party, effects, now)

    def _climb_from(self, row: Row, now: Instant) -> None:
        event_at = None if row.event_at_ms is None else instant_of_ms(row.event_at_ms)
        try:
            self.escalations.raised(
                row.name,
                Cause.CONFLICT,
                sorted(row.concerned),
                now,
                event_at=event_at,
                is_exercise=self.setup.is_exercise,
            )
        except OwnFault as fault:
            self._store_fault = str(fault)

    def _climbed(self, climbed: Climbed, now: Instant) -> list[Effect]:
        """Our side has told a rung: say so to everyone concerned."""
        self.escalations.peer_climbed(climbed.subject, climbed.rung, now, self._own)
        out: list[Effect] = [Show()]
        body = EscalationBody(rung=climbed.rung, at_ms=instant_ms(climbed.at))
        for party, re in self._about(climbed.subject).items():
            out += self._write(
                party,
                Lane.OPS,
                LeafKind.ESCALATION,
                precedence=Precedence.IMMEDIATE,
                by="node",
                now=now,
                body=body,
                re=re,
            )
        return out

    def _not_answered(self, message: str, at: Instant, now: Instant) -> list[Effect]:
        out: list[Effect] = [Show()]
        body = EscalationBody(rung=self.escalations.rung(message), at_ms=instant_ms(at), not_answered=True)
        for party, re in self._about(message).items():
            out += self._write(
                party,
                Lane.OPS,
                LeafKind.ESCALATION,
                precedence=Precedence.PRIORITY,
                by="node",
                now=now,
                body=body,
                re=re,
            )
        return out

    def _about(self, subject: str) -> dict[PartyId, tuple[str, ...]]:
        """Return, for each peer concerned, the leaves between it and us that *subject* stands in."""
        row = self.warnings.named(subject)
        if row is not None:
            return {party: tuple(b64(leaf) for leaf in leaves[-8:]) for party, leaves in row.leaves.items() if leaves}
        leaf = self._leaf_of.get(subject)
        said = self.hotline.said_as(subject)
        if leaf is None or said is None:
            return {}
        return {said.to if said.sender == self._own else said.sender: (leaf,)}

    # --- orders

    def _ordered(self, order: AnyOrder, role: Role, now: Instant) -> list[Effect]:
        self.answer = {}
        match order:
            case Displayed(alerts, messages):
                return self._displayed(alerts, messages, now)
            case Acknowledge(name):
                return self._acknowledge(name, role, order, now)
            case StandDown(subject, reason):
                return self._stand_down(subject, reason, role, order, now)
            case SendText() | SendCode():
                return self._send(order, role, now)
            case AcknowledgeMessage(message):
                return self._acknowledge_message(message, role, order, now)
            case _:
                assert_never(order)

    def _displayed(self, alerts: Sequence[str], messages: Sequence[str], now: Instant) -> list[Effect]:
        out: list[Effect] = []
        at_ms = instant_ms(now)
        for name in alerts:
            row = self.warnings.named(name)
            if row is not None and self.warnings.displayed(row, self._own, at_ms):
                out += self._echo(row.name, LeafKind.DISPLAYED, DisplayedBody(at_ms=at_ms), "console", now)
        for name in messages:
            said = self.hotline.said_as(name)
            if said is not None and said.to == self._own and self.hotline.displayed(name, at_ms):
                out += self._echo(name, LeafKind.DISPLAYED, DisplayedBody(at_ms=at_ms), "console", now)
        return [Show(), *out] if out else []

    def _echo(self, subject: str, kind: LeafKind, body: Body, by: str, now: Instant) -> list[Effect]:
        """Say to every peer concerned what was done here about *subject*."""
        out: list[Effect] = [Show()]
        for party, re in self._about(subject).items():
            out += self._write(party, Lane.OPS, kind, precedence=Precedence.IMMEDIATE, by=by, now=now, body=body, re=re)
        return out

    def _acknowledge(self, name: str, role: Role, order: AnyOrder, now: Instant) -> list[Effect]:
        row = self.warnings.named(name)
        if row is None:
            raise OrderRefused("unknown_alert", f"there is no alert {name} at this desk")
        permit(role, order, rung=self.escalations.rung(row.name))
        if not self.warnings.acknowledged(row, self._own, role.value, instant_ms(now)):
            return []
        self.escalations.acknowledged(row.name, self._own, role, now)
        return self._echo(row.name, LeafKind.ACK, AckBody(at_ms=instant_ms(now)), role.value, now)

    def _stand_down(self, subject: str, reason: str, role: Role, order: AnyOrder, now: Instant) -> list[Effect]:
        if reason not in Stand.__members__.values():
            raise OrderRefused("reason_unknown", f"{reason!r} is no reason to stand down: {', '.join(Stand)}")
        row = self.warnings.named(subject)
        name = subject if row is None else row.name
        if row is None and self.hotline.said_as(subject) is None:
            raise OrderRefused("unknown_subject", f"there is no alert or message {subject} at this desk")
        permit(role, order, rung=self.escalations.rung(name), line=self.hotline.line_of(subject))
        if row is None:
            self.hotline.stood_down(subject, self._own, Stand(reason), instant_ms(now))
        else:
            self.escalations.stood_down(name, self._own, Stand(reason), now)
        body = StandDownBody(reason=Stand(reason).value, at_ms=instant_ms(now))
        return self._echo(name, LeafKind.STAND_DOWN, body, role.value, now)

    def _send(self, order: SendText | SendCode, role: Role, now: Instant) -> list[Effect]:
        peer = self._peers.get(PartyId(order.to))
        if peer is None:
            raise OrderRefused("unknown_party", f"there is no line to {order.to!r}")
        if isinstance(order, SendCode) and peer.session.status(now).codebook_same is False:
            raise OrderRefused("codebook", f"{order.to} has another codebook; send plain text until both have the same")
        min_role = self.codebook.min_role(order.code) if isinstance(order, SendCode) else None
        permit(role, order, min_role=min_role)
        words = self.hotline.compose(order)
        lane = Lane.FLASH if words.precedence == "Z" else Lane.OPS
        re = (self._leaf_of[words.answers],) if words.answers in self._leaf_of else ()
        body = hotline_body(words)
        if self._store_fault:
            raise OrderRefused(
                "not_recorded", f"nothing can be promised: the record does not take it ({self._store_fault})"
            )
        said = self._say(words.to, lane, LeafKind.HOTLINE, body, Precedence(words.precedence), role.value, now, re)
        if said is None:
            raise OrderRefused(
                "not_said", f"nothing may be said to {order.to} now: the link is not verified or is frozen"
            )
        leaf_hash, effects = said
        seq = peer.unstored[leaf_hash].seq
        message = f"{self._own}-{lane}-{seq}"
        self._know(message, leaf_hash)
        peer.sent[(lane, seq)] = message
        self.hotline.said(
            said_of(
                body,
                message=message,
                sender=self._own,
                to=words.to,
                by=role,
                precedence=words.precedence,
                sent_at_ms=instant_ms(now),
                answers=words.answers,
            ),
            is_recorded=False,
        )
        self.answer = {"message": message}
        return [Show(), *self._linked(words.to, effects, now)]

    def _acknowledge_message(self, message: str, role: Role, order: AnyOrder, now: Instant) -> list[Effect]:
        said = self.hotline.said_as(message)
        if said is None or said.to != self._own:
            raise OrderRefused("unknown_message", f"there is no message {message} to this desk")
        permit(role, order, rung=self.hotline.rung(message), line=said.line)
        self.hotline.acknowledged(message, role, instant_ms(now))
        return self._echo(message, LeafKind.ACK, AckBody(at_ms=instant_ms(now)), role.value, now)

    # --- the link

    def _linked(self, party: PartyId, effects: Sequence[link.Effect], now: Instant) -> list[Effect]:
        """Return what a session asks for as effects of the node, and take in what it has heard."""
        out: list[Effect] = []
        for effect in effects:
            match effect:
                case link.Append(origin, start, entries):
                    out.append(Record(origin, start, entries))
                case link.KeepBody(origin, seq, salt, body):
                    out.append(RecordBody(origin, seq, salt, body))
                case link.SaveCheckpoint(origin, old, new):
                    out.append(RecordCheckpoint(origin, old, new))
                case link.SaveReceipt(origin, receipt):
                    out.append(RecordReceipt(origin, receipt))
                case link.Transmit(channel, frame):
                    out.append(Send(party, channel, frame))
                case link.Close(channel, _):
                    out.append(CloseChannel(party, channel))
                case link.Heard(envelope, _, leaf_hash, raw):
                    out += self._heard(party, envelope, leaf_hash, raw, now, is_preview=False)
                case link.Previewed(envelope, leaf_hash, raw):
                    out += self._heard(party, envelope, leaf_hash, raw, now, is_preview=True)
                case link.Wrote(_, seq, leaf_hash, envelope):
                    self._peers[party].unstored.pop(leaf_hash, None)
                    out += self._wrote(party, parse_origin(envelope.log).lane, seq, leaf_hash, now)
                case link.Held(origin, size, at):
                    out += self._held(party, origin, size, at)
                case link.StateChanged() | link.Refused() | link.Forked():
                    out.append(Show())
                case _:
                    assert_never(effect)
        return out

    def _wrote(self, party: PartyId, lane: Lane, seq: int, leaf_hash: bytes, now: Instant) -> list[Effect]:
        message = self._message_of.get(leaf_hash)
        if message is not None:
            said = self.hotline.said_as(message)
            if said is not None:
                self.hotline.said(said)
            return [Show()]
        return [Show()] if self.warnings.wrote(party, lane, seq, leaf_hash, now) else []

    def _held(self, party: PartyId, origin: str, size: int, at: Instant) -> list[Effect]:
        lane = parse_origin(origin).lane
        sent = self._peers[party].sent
        held = [(key, message) for key, message in sent.items() if key[0] == lane and key[1] < size]
        for key, message in held:
            del sent[key]
            self.hotline.held(message, instant_ms(at))
        changed = self.warnings.held(party, lane, size, instant_ms(at))
        return [Show()] if changed or held else []

    def _heard(
        self, party: PartyId, envelope: Envelope, leaf_hash: bytes, raw: bytes | None, now: Instant, *, is_preview: bool
    ) -> list[Effect]:
        """Take in one leaf of a peer. What cannot be read is counted and shown; its leaf stays in the record."""
        if raw is None:
            return []
        try:
            if envelope.kind is LeafKind.TRACK:
                return self._their_tracks(party, envelope, raw, now)
            if is_preview and envelope.kind is not LeafKind.HOTLINE and envelope.kind is not LeafKind.ALERT:
                return []
            return self._fold(party, envelope, leaf_hash, decode_body(envelope.kind, raw), now, is_preview=is_preview)
        except (PeerFault, ValueError) as fault:
            self._peers[party].faults[f"{envelope.kind}: {fault}"[:120]] += 1
            return [Show()]

    def _fold(
        self, party: PartyId, envelope: Envelope, leaf_hash: bytes, body: Body, now: Instant, *, is_preview: bool
    ) -> list[Effect]:
        match body:
            case AlertTold():
                self._told(party, envelope, leaf_hash, body, now)
            case HotlineBody():
                self._said(party, envelope, leaf_hash, body, now, is_preview=is_preview)
            case AckBody(at_ms=at_ms):
                for subject in self._subjects(envelope):
                    self._they_acknowledged(party, subject, Role(envelope.by), at_ms)
            case DisplayedBody(at_ms=at_ms):
                for subject in self._subjects(envelope):
                    self._they_displayed(party, subject, at_ms)
            case EscalationBody():
                return [Show(), *self._they_climbed(party, envelope, body, now)]
            case StandDownBody(reason=reason, at_ms=at_ms):
                for subject in self._subjects(envelope):
                    self._they_stood_down(party, subject, Stand(reason), at_ms)
            case _:
                assert_never(body)
        return [Show()]

    def _their_tracks(self, party: PartyId, envelope: Envelope, raw: bytes, now: Instant) -> list[Effect]:
        items = decode_frame(raw)
        if now - instant_of_ms(envelope.ts) > LATE_TRACKS_NS:
            return []
        peer = self._peers[party]
        peer.shared = len(items)
        peer.theirs = {item.ref: identity_of(item) for item in items}
        plots, is_theirs = plots_of(items)
        declared = np.where(is_theirs, peer.index, NOBODY).astype(np.uint16)
        self._watch.take(peer.index, 1_000 + peer.index, plots, now, declared)
        return self._judge(now)

    def _told(self, party: PartyId, envelope: Envelope, leaf_hash: bytes, body: AlertTold, now: Instant) -> None:
        if body.alert.rsplit("-", 1)[0] != party:
            raise PeerFault(f"an alert named {body.alert} in the words of {party}")
        a, b, subject = self._subject_of(party, body)
        told = Told(
            name=body.alert,
            kind=Kind(body.kind),
            level=Level(body.level),
            is_cleared=body.happening == "cleared",
            a=a,
            b=b,
            zone=body.zone,
            event_at_ms=body.event_at_ms
            if body.event_at_ms is not None
            else (None if body.within_s is None else body.at_ms + body.within_s * 1000),
            distance_m=body.distance_m,
            vertical_ft=body.vertical_ft,
            latitude_e7=body.latitude_e7 or 0,
            longitude_e7=body.longitude_e7 or 0,
            sent_at_ms=envelope.ts,
        )
        row, _ = self.warnings.told(party, told, subject or (f"told {body.alert}", 0, 0, ""), leaf_hash, now)
        self._unplaced.pop(body.alert, None)
        if subject is None and not told.is_cleared:
            self._unplaced[body.alert] = (party, body)
        elif subject is not None and row.subject != subject:
            self._place(party, body, now)
            row = self.warnings.named(body.alert) or row
        if body.is_synthetic:
            row.mark = "RECONSTRUCTION" if "RECONSTRUCTION" in self.setup.badges else "SYNTHETIC"
        if row.is_active:
            self._climb_from(row, instant_of_ms(min(row.half(party).sent_at_ms or told.sent_at_ms, instant_ms(now))))
        else:
            self.escalations.cleared(row.name, now)

    def _subject_of(self, party: PartyId, body: AlertTold) -> tuple[TrackRef, TrackRef | None, Subject | None]:
        """Return the aircraft a peer's alert names and what it is about; None while our picture does not hold them."""
        a, b = self._named(party, body.a), self._named(party, body.b) if body.kind == "conflict" else None
        if a.number is None or (b is not None and b.number is None):
            return a, b, None
        return a, b, subject_of(Kind(body.kind), a.number, 0 if b is None else b.number or 0, body.zone or "")

    def _place(self, party: PartyId, body: AlertTold, now: Instant) -> bool:
        """Put a peer's alert beside ours about the same event, once our picture holds its aircraft."""
        a, b, subject = self._subject_of(party, body)
        if subject is None:
            return False
        self._unplaced.pop(body.alert, None)
        row, joined = self.warnings.placed(party, body.alert, subject, a, b)
        if row is not None and joined is not None:
            self.escalations.cleared(joined, now)
            self._climb_from(row, now)
            for side, half in row.halves.items():
                if half.acknowledged_at_ms is not None and half.acknowledged_by is not None:
                    at = instant_of_ms(half.acknowledged_at_ms)
                    self.escalations.acknowledged(row.name, side, Role(half.acknowledged_by), at)
        return row is not None

    def _said(
        self, party: PartyId, envelope: Envelope, leaf_hash: bytes, body: HotlineBody, now: Instant, *, is_preview: bool
    ) -> None:
        message = f"{party}-{parse_origin(envelope.log).lane}-{envelope.seq}"
        self._know(message, leaf_hash)
        said = self._said_of(envelope, body, message, sender=party, to=self._own)
        self.hotline.said(said, is_recorded=not is_preview, is_preview=is_preview)
        if not is_preview:
            self.hotline.held(message, instant_ms(now))

    def _they_acknowledged(self, party: PartyId, subject: Row | str, role: Role, at_ms: int) -> None:
        if isinstance(subject, Row):
            if self.warnings.acknowledged(subject, party, role.value, at_ms):
                self.escalations.acknowledged(subject.name, party, role, instant_of_ms(at_ms))
        elif self._is_to(subject, party):
            self.hotline.acknowledged(subject, role, at_ms)

    def _they_displayed(self, party: PartyId, subject: Row | str, at_ms: int) -> None:
        if isinstance(subject, Row):
            self.warnings.displayed(subject, party, at_ms)
        elif self._is_to(subject, party):
            self.hotline.displayed(subject, at_ms)

    def _they_climbed(self, party: PartyId, envelope: Envelope, body: EscalationBody, now: Instant) -> list[Effect]:
        out: list[Effect] = []
        for subject in self._subjects(envelope):
            name = subject.name if isinstance(subject, Row) else subject
            if body.not_answered and isinstance(subject, str):
                self.hotline.not_answered(subject, body.at_ms)
            for climbed in self.escalations.peer_climbed(name, body.rung, now, party):
                out += self._climbed(climbed, now)
        return out

    def _they_stood_down(self, party: PartyId, subject: Row | str, reason: Stand, at_ms: int) -> None:
        if isinstance(subject, Row):
            self.escalations.stood_down(subject.name, party, reason, instant_of_ms(at_ms))
        else:
            self.hotline.stood_down(subject, party, reason, at_ms)

    def _subjects(self, envelope: Envelope) -> list[Row | str]:
        """Return the rows and messages that a leaf's `re` names, each once."""
        found: dict[int | str, Row | str] = {}
        for leaf_hash in map(unb64, envelope.re):
            row = self.warnings.of_leaf(leaf_hash)
            if row is not None:
                found[id(row)] = row
            elif leaf_hash in self._message_of:
                found[self._message_of[leaf_hash]] = self._message_of[leaf_hash]
        return list(found.values())

    def _is_to(self, message: str, party: PartyId) -> bool:
        said = self.hotline.said_as(message)
        return said is not None and said.to == party

    def _know(self, message: str, leaf_hash: bytes) -> None:
        self._message_of[leaf_hash] = message
        self._leaf_of[message] = b64(leaf_hash)

    # --- names

    def _label(self, number: int) -> TrackRef:
        """Return how the desk names our track *number*; the last name of one that is gone."""
        rows = np.flatnonzero(self._watch.tracks["number"] == number)
        if not rows.size:
            return self._names.get(number, TrackRef("?", None, number))
        track = self._watch.tracks[rows[0]]
        text = bytes(track["callsign"] or track["identity"]).decode("ascii", "replace") or "?"
        declared = int(track["declared_by"])
        party = self._ids[declared] if declared < len(self._ids) else None
        identity = bytes(track["identity"]).decode("ascii", "replace")
        self._names[number] = TrackRef(text, party, number, identity)
        return self._names[number]

    def _named(self, party: PartyId, named: Named | None) -> TrackRef:
        """Return the track a peer's alert names, by our own number where we hold it."""
        if named is None:
            return TrackRef("not released to us", None)
        tracks = self._watch.tracks
        label = named.callsign or named.identity or "?"
        if named.is_yours:
            mine = (tracks["declared_by"] == 0) & (tracks["party"] == 0)
            mine &= (
                tracks["identity"] == named.identity.encode()
                if named.identity
                else tracks["callsign"] == named.callsign.encode()
            )
        else:
            identity = self._peers[party].theirs.get(named.ref or 0, named.identity.encode() or b"?")
            mine = tracks["identity"] == identity
        primary = np.flatnonzero(mine & ((tracks["flags"] & np.uint32(Mark.SECONDARY)) == 0))
        if not primary.size:
            return TrackRef(label, self._own if named.is_yours else None)
        return self._label(int(tracks["number"][primary[0]]))

    def _mark(self, *numbers: int) -> Literal["", "RECONSTRUCTION", "EXERCISE", "SYNTHETIC"]:
        rows = np.isin(self._watch.tracks["number"], [n for n in numbers if n])
        if not (self._watch.tracks["flags"][rows] & np.uint32(Mark.SYNTHETIC)).any():
            return "EXERCISE" if self.setup.is_exercise else ""
        return "RECONSTRUCTION" if "RECONSTRUCTION" in self.setup.badges else "SYNTHETIC"

    def _map_origins(self) -> None:
        for party, peer in self._peers.items():
            logs = [writer.log for writer in peer.session.writers.values()]
            logs += [mirror.log for mirror in peer.session.mirrors.values()]
            self._party_of.update((log.origin, party) for log in logs)

    # --- the start

    def logs(self) -> dict[str, tuple[PartyId, bool, int]]:
        """Return every log held here: whose peer it is about, whether we write it, and its size."""
        found: dict[str, tuple[PartyId, bool, int]] = {}
        for party, peer in self._peers.items():
            found |= {w.log.origin: (party, True, w.log.size) for w in peer.session.writers.values()}
            found |= {m.log.origin: (party, False, m.log.size) for m in peer.session.mirrors.values()}
        return found

    def written(self, party: PartyId) -> list[Log]:
        """Return our logs to *party*, in order of lane."""
        return [self._peers[party].session.writers[lane].log for lane in Lane]

    def mirrored(self, party: PartyId) -> list[Log]:
        """Return our copies of *party*'s logs to us, in order of lane."""
        return [self._peers[party].session.mirrors[lane].log for lane in Lane]

    def remember(self, party: PartyId, envelope: Envelope, leaf_hash: bytes, raw: bytes, *, is_own: bool) -> None:
        """Fold one leaf of the record, ours or the peer's, as it was folded when it was written. Nothing leaves."""
        try:
            body = decode_body(envelope.kind, raw)
            if is_own:
                self._fold_own(party, envelope, leaf_hash, body)
            else:
                self._fold(party, envelope, leaf_hash, body, self._held_by(party, envelope), is_preview=False)
        except (PeerFault, ValueError) as fault:
            self._peers[party].faults[f"{envelope.kind}: {fault}"[:120]] += 1

    def _held_by(self, party: PartyId, envelope: Envelope) -> Instant:
        """Return when we held a peer's leaf at the latest: the record keeps our newest receipt and no time of each."""
        receipt = self._peers[party].session.mirrors[parse_origin(envelope.log).lane].log.receipt
        is_receipted = receipt is not None and envelope.seq < receipt.size
        return instant_of_ms(max(envelope.ts, receipt.at_s * 1000 if receipt is not None and is_receipted else 0))

    def _end_before(self, now: Instant) -> list[Effect]:
        """Say that what we told before this start is over: our picture began anew, and what still holds is raised."""
        before, self._before = self._before, []
        out: list[Effect] = []
        for party, told in before:
            body = msgspec.structs.replace(told, happening="cleared", at_ms=instant_ms(now), because="ended")
            out += self._write(
                party, Lane.OPS, LeafKind.ALERT, precedence=Precedence.PRIORITY, by="node", now=now, body=body
            )
        return out

    def _fold_own(self, party: PartyId, envelope: Envelope, leaf_hash: bytes, body: Body) -> None:
        match body:
            case HotlineBody():
                lane = parse_origin(envelope.log).lane
                message = f"{self._own}-{lane}-{envelope.seq}"
                self._know(message, leaf_hash)
                self.hotline.said(self._said_of(envelope, body, message, sender=self._own, to=party))
                writer = self._peers[party].session.writers[lane]
                receipt = writer.log.receipt
                if receipt is not None and envelope.seq < receipt.size:
                    self.hotline.held(message, receipt.at_s * 1000)
                else:
                    self._peers[party].sent[(lane, envelope.seq)] = message
            case AckBody(at_ms=at_ms):
                for subject in self._subjects(envelope):
                    self._they_acknowledged(self._own, subject, Role(envelope.by), at_ms)
            case DisplayedBody(at_ms=at_ms):
                for subject in self._subjects(envelope):
                    self._they_displayed(self._own, subject, at_ms)
            case EscalationBody(rung=rung, at_ms=at_ms):
                for subject in self._subjects(envelope):
                    name = subject.name if isinstance(subject, Row) else subject
                    self.escalations.peer_climbed(name, rung, instant_of_ms(at_ms), self._own)
            case StandDownBody(reason=reason, at_ms=at_ms):
                for subject in self._subjects(envelope):
                    self._they_stood_down(self._own, subject, Stand(reason), at_ms)
            case AlertTold(alert=name):
                self._watch.book.resume(int(name.rsplit("-", 1)[1]))
                self._before = [(p, told) for p, told in self._before if (p, told.alert) != (party, name)]
                if body.happening != "cleared":
                    self._before.append((party, body))
            case _:
                assert_never(body)

    def _said_of(self, envelope: Envelope, body: HotlineBody, message: str, *, sender: PartyId, to: PartyId) -> Said:
        answers = next((self._message_of[h] for h in map(unb64, envelope.re) if h in self._message_of), None)
        return said_of(
            body,
            message=message,
            sender=sender,
            to=to,
            by=Role(envelope.by),
            precedence=envelope.prec.value,
            sent_at_ms=envelope.ts,
            answers=answers,
        )

    # --- what the desk asks

    def board(self, role: Role, now: Instant) -> Board:
        """Return the board of one desk as *role* may see it."""
        self._boards += 1
        rungs, each = rungs_of(self.warnings, self.escalations)
        alerts = self.warnings.rows(rungs, each, self._zone_names)
        faults = [f"{peer}: {what} ({n})" for peer, state in self._peers.items() for what, n in state.faults.items()]
        if self._store_fault:
            faults.insert(0, f"NOT RECORDED: {self._store_fault}")
        setup = self.setup
        return Board(
            at_ms=instant_ms(now),
            number=self._boards,
            party=self._own,
            party_name=setup.parties[0].name,
            node=setup.parties[0].node,
            parties=[{"id": party.party, "name": party.name} for party in setup.parties],
            badges=list(setup.badges),
            role=role.value,
            alerts=alerts,
            alerts_total=self.warnings.total,
            messages=self.hotline.rows(),
            messages_total=self.hotline.total,
            peers=[self._peer_row(party, now) for party in setup.parties[1:]],
            feeds=[feed_row(feed, self._watch.tracker) for feed in setup.feeds],
            zones=self._zone_rows,
            counts=counts_of(self._watch.tracks, len(self._watch.assessment.conflicts)),
            not_built_yet=list(setup.not_built_yet),
            faults=faults,
            centre_e7=[round(angle * 1e7) for angle in self.centre_deg],
            range_nm=self.range_nm,
            audible=any(row.level is Level.ALARM and row.state == "active" for row in alerts),
        )

    def _peer_row(self, party: Party, now: Instant) -> PeerRow:
        peer = self._peers[party.party]
        return peer_row(party, peer.session, peer.newest, self._releaser, peer.shared, now)

    def preview(self, party: PartyId, now: Instant) -> tuple[bytes, list[tuple[str, str]]]:
        """Return what *party* would see now, as a track frame, and each withheld track's rule."""
        if party not in self._peers:
            raise OrderRefused("unknown_party", f"there is no party {party!r}")
        tracks = self._watch.tracks
        released = self._releaser.preview(tracks, party, now)
        plots, is_ours = plots_of(decode_frame(b"".join(item + b"\n" for item in encode_items(released.items))))
        shown = np.zeros(len(plots), tracks.dtype)
        for name in set(plots.dtype.names or ()) & set(tracks.dtype.names or ()):
            shown[name] = plots[name]
        shown["number"] = np.arange(1, len(plots) + 1)
        shown["declared_by"] = np.where(is_ours, 0, NOBODY)
        frame = track_frame(shown, np.zeros(len(shown), np.uint8), now)
        rules = self._releaser.policy.rule
        hidden = [i for i, d in enumerate(released.decisions.tolist()) if d < 0 or rules[d].give is None]
        mine = [i for i in hidden if tracks["party"][i] == 0]
        return frame, [
            (self._label(int(tracks["number"][i])).label, self._why(int(released.decisions[i]))) for i in mine
        ]

    def _why(self, decision: int) -> str:
        return FIXED[decision] if decision < 0 else self._releaser.policy.rule[decision].name

    @property
    def tracks_made(self) -> int:
        """How many tracks this node has begun since it started."""
        return self._watch.tracker.last_number

    def numbers(self) -> dict[str, float]:
        """Return the node's counters and gauges by metric name."""
        tallies = self._watch.tracker.tallies.values()
        return {
            "detente_tracks": float(len(self._watch.tracker)),
            "detente_plots_read": float(sum(t.plots for t in tallies)),
            "detente_plots_rejected": float(sum(sum(t.rejected.values()) for t in tallies)),
            "detente_alerts_active": float(sum(row.is_active for row in self.warnings.all())),
            "detente_not_assessed": float(len(self._watch.assessment.not_assessed)),
        }
