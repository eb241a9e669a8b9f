"""One whole party without I/O: ``handle(input, now) → effects``.

The engine never touches a clock, a socket, a disk or randomness. What it wants done it returns, and its one rule is the
order in which the node does it:

1. **Show** at once: an alert never waits for the disk; until it is recorded it is marked so.
2. **Record** in one transaction. The node then says `Stored`, with the hashes of what it read back.
3. **Send**: a promise never leaves before it is on the disk. Only `Stored` makes the link send leaves and receipts.

Alerts fail open, commitments fail closed.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final, assert_never

import msgspec
import numpy as np

from detente.alerts.alert import Level
from detente.coordination.arrangement import Flow
from detente.desk.answers import InRecord, Page, PolicyCheck, PolicyView, WhyTold, page_in
from detente.desk.board import AlertRow, Board, FeedRow, MessageRow, PeerRow
from detente.desk.explanation import Explanation
from detente.desk.orders import (
    Acknowledge,
    AcknowledgeMessage,
    AnyOrder,
    AtTable,
    ConfirmPolicy,
    Displayed,
    LiftHold,
    MarkAlert,
    PlaceHold,
    ProposePolicy,
    Rebase,
    RevertPolicy,
    SendCode,
    SendText,
    StandDown,
)
from detente.desk.release_view import ReleaseView
from detente.desk.seats import permit
from detente.desk.warnings import Row
from detente.engine.alerting import Alerting
from detente.engine.board import counts_of, feed_row, peer_row, rungs_of, zone_row
from detente.engine.disk import Disk
from detente.engine.epochs import Epochs
from detente.engine.explain import explain
from detente.engine.explaining import Explaining
from detente.engine.holds import Holds
from detente.engine.line_tests import LineTests
from detente.engine.names import Names
from detente.engine.policies import Policies
from detente.engine.releasing import release_view
from detente.engine.sharing import Sharing
from detente.engine.speaking import Speaking
from detente.engine.speech import Voice
from detente.engine.subjects import Dates, Subjects
from detente.engine.tables import STATEMENT_KINDS, Tables
from detente.engine.values import (
    AdmitKeys,
    ClockStepped,
    CloseChannel,
    Declares,
    DiskWorks,
    Effect,
    FeedSaid,
    FramesDue,
    Input,
    KeysReplaced,
    Noticed,
    OrderGiven,
    PeerClosed,
    PeerOpened,
    PeersAdded,
    PeerSent,
    PlotsReceived,
    PolicySet,
    Record,
    RecordBody,
    RecordCheckpoint,
    RecordReceipt,
    RecordState,
    Send,
    SessionsRestored,
    Setup,
    Show,
    Stored,
    StoreFailed,
    Tick,
    ViewSet,
    Vouched,
    VouchSaid,
)
from detente.errors import OrderRefused, PeerFault
from detente.evidence.keys import parse_origin
from detente.evidence.leaf import Envelope, Kind, Lane
from detente.evidence.log import Log
from detente.evidence.note import unb64
from detente.link import effects as link
from detente.link.session import Session
from detente.link.transitions import State
from detente.link.unlogged import UnloggedFlash
from detente.picture.picture import NOBODY
from detente.release.alerts import AlertTold
from detente.types import Instant, PartyId, Precedence, Role, instant_ms, instant_of_ms
from detente.wire.messages import (
    Body,
    HoldBody,
    HotlineBody,
    KeysBody,
    LineTestBody,
    PolicyBody,
    RebaseBody,
    TableBody,
    decode_body,
    encode_body,
)

DATED: Final = frozenset({Kind.ALERT, Kind.HOTLINE})
"""What is shown with the bounds of when it can have been written."""

ABOUT: Final = frozenset({Kind.ACK, Kind.DISPLAYED, Kind.ESCALATION, Kind.STAND_DOWN})
"""What is said of a warning or a message that its leaf names."""

_ALWAYS_COUNT = STATEMENT_KINDS | {Kind.HOLD, Kind.POLICY, Kind.REBASE}
_NEVER_COUNT = frozenset({Kind.KEYS, Kind.LINE_TEST, Kind.TABLE, Kind.TRACK})
_EARLY_KEPT = 1_024
_SHOWN_BEFORE_THEIR_TURN = frozenset({Kind.ALERT, Kind.HOTLINE, Kind.TRACK})


class Engine:
    """The party. One thread owns it; `answer` is what the order just handled made."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.codebook = setup.codebook
        self.answer: dict[str, object] = {}
        self.centre_deg, self.range_nm = setup.centre_deg, setup.range_nm
        self._own = setup.parties[0].party
        self._sessions = dict(setup.sessions)
        self._party_at = {party.node: party.party for party in setup.parties}
        self._watch = setup.surveillance
        self._declared = setup.declared
        self._feeds = {feed.source: feed for feed in setup.feeds}
        self._ids = ids = [party.party for party in setup.parties]  # shared by all that index parties; grows at its end
        self._names = Names(ids, setup.surveillance, setup.badges, is_exercise=setup.is_exercise)
        self._voice = Voice(self._sessions, self._linked, lambda: self._sharing.releaser.digest, self._renamed)
        self.subjects = Subjects(setup, self._voice.speak)
        self.tables = Tables(self._own, setup.tables, self._sessions, self._voice.speak, self.subjects.warnings.named)
        self._sharing = Sharing(
            setup,
            self._sessions,
            self._names,
            self._voice.speak,
            lambda party: self.tables.flows(party, Flow.PICTURE),
            self.tables.arrangement,
        )
        self.policies = Policies(setup, self._sharing, self._voice.speak)
        self._alerting = Alerting(
            setup,
            ids,
            self.subjects,
            self._sharing,
            self.policies,
            self._names,
            self._voice.speak,
            self.tables,
        )
        self._explaining = Explaining(setup.surveillance, self._names, {zone.zone_id: zone for zone in setup.zones})
        self._speaking = Speaking(setup, self._sessions, self.subjects, self._voice)
        self._faults: dict[PartyId, Counter[str]] = {party: Counter() for party in self._sessions}
        self._bugs: Counter[str] = Counter()
        self.holds = Holds()
        self._notices: dict[str, str] = {}  # by what they are about
        self._disk = Disk()
        self._arrived_ms: dict[bytes, int] = {}  # when a leaf came that was shown before its turn
        self._clock_steps: deque[str] = deque(maxlen=4)
        self._line_tests = LineTests(ids[1:], setup.line_test_ns, self._voice.speak)
        self._epochs = Epochs(self._own, self._sessions, self._voice.speak, self._linked)
        self._judged_at = Instant(0)
        self._boards = 0
        self._zone_rows = [zone_row(zone) for zone in setup.zones]
        self._notified = {zone.zone_id: zone.name for zone in setup.zones}
        self._zone_names = self._notified  # with the titles of activities that are watched

    # --- inputs

    def handle(self, event: Input, now: Instant) -> list[Effect]:
        """Return what is to be done about *event*, in order. Raises OrderRefused for an order that is refused."""
        match event:
            case PlotsReceived():
                return self._plots(event, now)
            case PeerOpened(peer, channel):
                return self._linked(peer, self._sessions[peer].opened(channel, now), now)
            case PeerClosed(peer, channel):
                return self._linked(peer, self._sessions[peer].closed(channel, now), now)
            case PeerSent(peer, channel, frame):
                return self._linked(peer, self._sessions[peer].received(channel, frame, now), now)
            case Stored(origin, start, leaf_hashes):
                parts = parse_origin(origin)
                peer = self._party_at[parts.reader if self._party_at[parts.writer] == self._own else parts.writer]
                return self._linked(peer, self._sessions[peer].stored(origin, start, leaf_hashes, now), now)
            case StoreFailed(reason):
                self._disk.failed(reason, now)
                return [Show()]
            case DiskWorks():
                self._disk.works()
                return [Show()]
            case ClockStepped(by_ns):
                self._clock_steps.append(f"CLOCK SET {by_ns / 1e9:+.1f} s")
                return [Show()]
            case SessionsRestored(sessions):
                return [effect for peer, session in sessions.items() for effect in self._restored(peer, session, now)]
            case PeersAdded():
                return self._peers_added(event)
            case OrderGiven(order, role, account):
                return self._ordered(order, role, account, now)
            case FeedSaid(source, state, note):
                self._feeds[source].state, self._feeds[source].note = state, note
                return [Show()]
            case PolicySet(releaser, text):
                return self.policies.set(releaser, text, now)
            case ViewSet(centre_deg, range_nm):
                self.centre_deg, self.range_nm = centre_deg, range_nm
                return [Show()]
            case Declares(identities):
                self._declared = replace(self._declared, identities=self._declared.identities + identities)
                return []
            case VouchSaid(peer, frame):
                return self._linked(peer, self._sessions[peer].vouch(frame, now), now)
            case KeysReplaced(note):
                return self._tell_all(Kind.KEYS, KeysBody(note=note), "node", now)
            case Noticed(what, text):
                self._notices[what] = text
                return [Show()]
            case FramesDue():
                return self._sharing.send(now)
            case Tick():
                return self._tick(now)
            case _:
                assert_never(event)

    def _peers_added(self, event: PeersAdded) -> list[Effect]:
        for party, session in event.peers:
            self._sessions[party.party] = session
            self._party_at[party.node] = party.party
            self._faults[party.party] = Counter()
            self._voice.added(party.party)
            self._names.theirs[party.party] = {}
            self._sharing.added(party.party, len(self._ids))
            self._line_tests.added(party.party)
            self._ids.append(party.party)
        self.setup = replace(self.setup, parties=(*self.setup.parties, *(party for party, _ in event.peers)))
        self._watch.detector.know(self._ids)
        self.policies.added([party.party for party, _ in event.peers], event.releaser)
        for charter in event.tables:
            self.tables.added(charter)
        return [Show()]

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
        out = [
            *self._sharing.send(now),
            *self._disk.tick(now),
            *self._alerting.end_before(now),
            *self._epochs.tick(now),
        ]
        for party, session in self._sessions.items():
            out += self._linked(party, session.tick(now), now)
            out += self._voice.say_again(party, now)
        out += self._judge(now)
        out += self.subjects.tick(now)
        out += self.tables.tick(self.subjects.warnings.all(), self._zone_names, now)
        watched = self.tables.watched(now)
        if watched is not None:
            self._zone_names = {**self._notified, **watched[0]}
            self._watch.set_activities([declared.activity for declared in watched[1]])
            self._sharing.activities = watched[1]
        out += self._line_tests.tick(now)
        out += self.policies.tell(now)
        out += self._sharing.make(now)
        return out

    def _judge(self, now: Instant) -> list[Effect]:
        """Assess the picture, at most once in `tick_ns`, and tell what changed."""
        if now - self._judged_at < self.setup.tick_ns:
            return []
        self._judged_at = now
        events = self._watch.tick(now)
        self._explaining.passed(events, now)
        out = self._alerting.place(now)
        for event in events:
            out += self._alerting.changed(event, now)
        out += self._alerting.claimed(now)
        return out

    def _ordered(self, order: AnyOrder, role: Role, account: str, now: Instant) -> list[Effect]:
        self.answer = {}
        match order:
            case Displayed(alerts, messages):
                return self.subjects.displayed(alerts, messages, now)
            case Acknowledge():
                return self.subjects.acknowledge(order, role, now)
            case AcknowledgeMessage():
                return self.subjects.acknowledge_message(order, role, now)
            case StandDown():
                return self.subjects.stand_down(order, role, now)
            case MarkAlert(alert, useful):
                row = self._alert_row(alert)
                permit(role, order, rung=self.subjects.escalations.rung(row.name))
                self._explaining.mark(row.name, useful=useful)
                return [Show()]
            case PlaceHold(hold, from_ms, to_ms):
                permit(role, order)
                return self._hold(HoldBody(hold=hold, from_ms=from_ms, to_ms=to_ms), role, now)
            case LiftHold(hold):
                permit(role, order)
                held = self.holds.find(self._own, hold)
                if held is None:
                    raise OrderRefused("no_such_hold", f"this party holds nothing under the name {hold!r}")
                body = HoldBody(hold=hold, from_ms=held.from_ms, to_ms=held.to_ms, lifted=True)
                return self._hold(body, role, now)
            case SendText() | SendCode():
                if self._disk.fault and order.precedence != Precedence.FLASH.value:
                    raise OrderRefused("not_recorded", f"nothing can be promised, the disk fails: {self._disk.fault}")
                message, effects = self._speaking.send(order, role, now)
                self.answer = {"message": message}
                return effects
            case Rebase():
                permit(role, order)
                return self._epochs.order(order, role, now)
            case ProposePolicy():
                permit(role, order)
                came, effects = self.policies.propose(order, role, account, now)
                self.answer = {"policy": came}
                return effects
            case ConfirmPolicy():
                permit(role, order)
                self.answer = {"policy": "in_force"}
                return self.policies.confirm(order, role, account, now)
            case RevertPolicy():
                permit(role, order)
                came, effects = self.policies.revert(role, account, now)
                self.answer = {"policy": came}
                return effects
            case AtTable(table, act):
                if self._disk.fault:
                    raise OrderRefused("not_recorded", f"nothing can be promised, the disk fails: {self._disk.fault}")
                name, effects = self.tables.order(table, act, role, now)
                self.answer = {"statement": name}
                return effects
            case _:
                assert_never(order)

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
                    after_ms = self._sessions[party].written_after_ms(envelope)
                    self._date(envelope, leaf_hash, after_ms, instant_ms(now), now)
                case link.Previewed(envelope, leaf_hash, raw):
                    out += self._heard(party, envelope, leaf_hash, raw, now, is_preview=True)
                case link.Keep(key, value):
                    out.append(RecordState(key, value))
                case link.Recovered(_, _, leaf_hash, envelope, raw):
                    if raw is not None and envelope.kind is not Kind.TRACK:
                        self.remember(party, envelope, leaf_hash, raw, is_own=True)
                    out.append(Show())
                case link.Wrote(origin, seq, leaf_hash, envelope):
                    self._voice.wrote(party, leaf_hash)
                    if envelope.kind is Kind.LINE_TEST:
                        self._line_tests.wrote(party, seq)
                    out += self.subjects.wrote(party, parse_origin(origin).lane, seq, leaf_hash, now)
                case link.Held(origin, size, at):
                    if parse_origin(origin).lane is Lane.FLASH:
                        self._line_tests.held(party, size, now)
                    out += self.subjects.held(party, parse_origin(origin).lane, size, instant_ms(at))
                case link.StatementsCame(notes):
                    out.append(AdmitKeys(party, notes))
                case link.Aside(frame):
                    out.append(Vouched(party, frame))
                case link.HeardUnlogged(flash, note_hash):
                    out += self._heard_unlogged(party, flash, note_hash, now)
                case link.StateChanged() | link.Refused() | link.Forked():
                    out.append(Show())
                case _:
                    assert_never(effect)
        return out

    def _hold(self, body: HoldBody, role: Role, now: Instant) -> list[Effect]:
        """Say a hold, or that it is lifted, to every peer; both sides keep what it names."""
        try:
            decode_body(Kind.HOLD, encode_body(body))
        except PeerFault as wrong:
            raise OrderRefused("not_a_hold", wrong.reason) from None
        if self._disk.fault:
            raise OrderRefused("not_recorded", f"nothing can be promised, the disk fails: {self._disk.fault}")
        self.holds.said(self._own, body)
        return self._tell_all(Kind.HOLD, body, role.value, now)

    def _tell_all(self, kind: Kind, body: Body, by: str, now: Instant) -> list[Effect]:
        out: list[Effect] = [Show()]
        for party in self._sessions:
            said = self._voice.speak(party, Lane.OPS, kind, precedence=Precedence.PRIORITY, by=by, now=now, body=body)
            out += [] if said is None else said[1]
        return out

    def _date(
        self, envelope: Envelope, leaf_hash: bytes, after_ms: int | None, held_at_ms: int, arrived_at: Instant
    ) -> None:
        """Note beside the time that a peer's leaf claims when it can have been written, by our own clock."""
        name = self.subjects.named_in(leaf_hash) if envelope.kind in DATED else None
        if name is not None:
            arrived_ms = self._arrived_ms.pop(leaf_hash, instant_ms(arrived_at))
            self.subjects.dated(name, Dates(after_ms, held_at_ms, arrived_ms, envelope.exp))

    def _heard_unlogged(self, party: PartyId, flash: UnloggedFlash, note_hash: bytes, now: Instant) -> list[Effect]:
        """Show a FLASH that its writer's record did not take; the leaf that follows will name it."""
        if not self.subjects.is_news(note_hash):
            return []
        try:
            body = decode_body(flash.kind, flash.octets)
            if isinstance(body, AlertTold):
                self._alerting.told(party, flash, note_hash, body, now)
            elif isinstance(body, HotlineBody):
                self._speaking.heard_unlogged(party, flash, note_hash, body)
            else:
                self._faults[party][f"unlogged {flash.kind}: neither warning nor message"] += 1
            self.subjects.heard_unlogged(note_hash)
        except (PeerFault, ValueError) as fault:
            self._faults[party][f"unlogged {flash.kind}: {fault}"[:120]] += 1
        return [Show()]

    def _restored(self, party: PartyId, session: Session, now: Instant) -> list[Effect]:
        """After a failed write: what the disk did take counts as written, the rest is to be said again."""
        out: list[Effect] = [Show()]
        if self._disk.fault:
            session.disk_failed()
        for lane, seq, leaf_hash in self._voice.restored(party, session):
            out += self.subjects.wrote(party, lane, seq, leaf_hash, now)
        return out

    def _renamed(self, old: bytes, new: bytes) -> None:
        self.subjects.renamed(old, new)

    def _heard(
        self, party: PartyId, envelope: Envelope, leaf_hash: bytes, raw: bytes | None, now: Instant, *, is_preview: bool
    ) -> list[Effect]:
        """Take in one leaf of a peer. What cannot be read is counted and shown; its leaf stays in the record."""
        if raw is None or (is_preview and envelope.kind not in _SHOWN_BEFORE_THEIR_TURN):
            return []
        if is_preview and envelope.kind in DATED and len(self._arrived_ms) < _EARLY_KEPT:
            self._arrived_ms.setdefault(leaf_hash, instant_ms(now))
        try:
            if envelope.kind is Kind.TRACK:
                return self._judge(now) if self._sharing.heard(party, envelope, raw, now) else []
            if envelope.kind in STATEMENT_KINDS:
                return self.tables.heard(party, envelope, raw, now)
            body = decode_body(envelope.kind, raw)
            match body:
                case AlertTold():
                    self._alerting.told(party, envelope, leaf_hash, body, now)
                case HotlineBody():
                    self._speaking.heard(party, envelope, leaf_hash, body, now, is_preview=is_preview)
                case KeysBody():
                    pass  # `hello` brought it, and only what follows under the peer's root was admitted
                case HoldBody():
                    self.holds.said(party, body)
                case LineTestBody():
                    self._line_tests.heard(party, now)
                case RebaseBody():
                    self._epochs.heard(party, party, body)
                case PolicyBody():
                    self.policies.heard(party, body)
                case TableBody():
                    return self.tables.told(party, body, now)
                case _:
                    return self.subjects.fold(party, envelope, body, now)
        except (PeerFault, ValueError) as fault:
            self._faults[party][f"{envelope.kind}: {fault}"[:120]] += 1
        return [Show()]

    # --- the start

    def logs(self) -> dict[str, tuple[PartyId, bool, int]]:
        """Return every log held here: whose peer it is about, whether we write it, and its size."""
        found: dict[str, tuple[PartyId, bool, int]] = {}
        for party, session in self._sessions.items():
            found |= {w.log.origin: (party, True, w.log.size) for w in session.writers.values()}
            found |= {m.log.origin: (party, False, m.log.size) for m in session.mirrors.values()}
            own_node = self.setup.parties[0].node
            found |= {log: (party, parse_origin(log).writer == own_node, size) for log, size in session.past.items()}
        return found

    def spoken_logs(self, parties: Collection[PartyId] | None = None) -> dict[str, int]:
        """Return the size of each log of a spoken lane; of the links to *parties* alone, where they are named."""
        return {
            origin: size
            for origin, (party, _, size) in self.logs().items()
            if parse_origin(origin).lane is not Lane.TRACK and (parties is None or party in parties)
        }

    def peers(self) -> list[PartyId]:
        """Return the parties there is a link to."""
        return list(self._sessions)

    def link_state(self, party: PartyId) -> State:
        """Return what both desks show of the link to *party*."""
        return self._sessions[party].state

    def written(self, party: PartyId) -> list[Log]:
        """Return our logs to *party*, in order of lane."""
        return [self._sessions[party].writers[lane].log for lane in Lane]

    def mirrored(self, party: PartyId) -> list[Log]:
        """Return our copies of *party*'s logs to us, in order of lane."""
        return [self._sessions[party].mirrors[lane].log for lane in Lane]

    def remember(self, party: PartyId, envelope: Envelope, leaf_hash: bytes, raw: bytes, *, is_own: bool) -> bool:
        """Fold one leaf of the record, ours or the peer's, as it was folded when it was written. Nothing leaves.

        Of our own alerts only the names are remembered: the picture is rebuilt from feeds, and what it shows is judged
        anew. A peer's alerts stand until the peer says otherwise. Returns whether it could be read; else it is counted.
        """
        then = instant_of_ms(envelope.ts) if is_own else self._held_by(party, envelope)
        after_ms = None if is_own else self._sessions[party].written_after_ms(envelope)
        try:
            if envelope.kind in STATEMENT_KINDS:
                self.tables.remember(self._own if is_own else party, envelope, raw)
                return True
            body = decode_body(envelope.kind, raw)
            match body:
                case LineTestBody():
                    pass  # of the hours before this start nothing is known but the record
                case RebaseBody():
                    self._epochs.heard(party, self._own if is_own else party, body)
                case PolicyBody():
                    self.policies.heard(party, body, is_own=is_own)
                case TableBody():
                    pass  # a digest that contradicted is told again with the next statement
                case AlertTold() if is_own:
                    self._alerting.remember_own(party, body)
                case AlertTold():
                    self._alerting.told(party, envelope, leaf_hash, body, then)
                case HotlineBody() if is_own:
                    self._speaking.remember(party, envelope, leaf_hash, body)
                case HotlineBody():
                    self._speaking.heard(party, envelope, leaf_hash, body, then, is_preview=False)
                case KeysBody():
                    pass
                case HoldBody():
                    self.holds.said(self._own if is_own else party, body)
                case _:
                    self.subjects.remember(self._own if is_own else party, envelope, body, then, peer=party)
            if not is_own:
                self._date(envelope, leaf_hash, after_ms, instant_ms(then), then)
        except (PeerFault, ValueError) as fault:
            self._faults[party][f"{envelope.kind}: {fault}"[:120]] += 1
            return False
        return True

    def forget_settled(self) -> None:
        """Forget what is over and old, as a start ends; see `restore`."""
        self.subjects.forget_settled()

    def rests_on(self, party: PartyId, envelope: Envelope, leaf_hash: bytes, raw: bytes, *, is_own: bool) -> bool:
        """Whether what stands here after `forget_settled` rests on a leaf that was remembered."""
        kind = envelope.kind
        if kind in _ALWAYS_COUNT or kind in _NEVER_COUNT:
            return kind in _ALWAYS_COUNT
        if kind is Kind.ALERT and is_own:
            body = decode_body(kind, raw)
            return isinstance(body, AlertTold) and self._alerting.rests_on(party, body)
        if kind in DATED:
            return self.subjects.stands(leaf_hash)
        return any(self.subjects.stands(unb64(named)) for named in envelope.re)

    def pass_by(self, party: PartyId, envelope: Envelope) -> None:
        """Take from a leaf of a peer what it says of time, and nothing else."""
        self._sessions[party].written_after_ms(envelope)

    @property
    def flash_said(self) -> tuple[Counter[PartyId], Counter[PartyId]]:
        """FLASH messages said by each party, and those of them that were misused; what is put in here goes on."""
        return self.subjects.hotline.flash, self.subjects.hotline.flash_misused

    def flash_of(self, envelope: Envelope, raw: bytes) -> tuple[int, int]:
        """Return by how much a leaf that was remembered has raised those two counts of its writer."""
        if envelope.kind is not Kind.HOTLINE or envelope.prec is not Precedence.FLASH:
            return 0, 0
        body = decode_body(Kind.HOTLINE, raw)
        assert isinstance(body, HotlineBody)
        return 1, int(self.subjects.hotline.is_misuse(body.code, body.reason))

    def _held_by(self, party: PartyId, envelope: Envelope) -> Instant:
        """Return when we held a peer's leaf at the latest: the record keeps our newest receipt and no time of each."""
        receipt = self._sessions[party].mirrors[parse_origin(envelope.log).lane].log.receipt
        is_receipted = receipt is not None and envelope.seq < receipt.size
        return instant_of_ms(max(envelope.ts, receipt.at_s * 1000 if receipt is not None and is_receipted else 0))

    # --- what the desk asks

    def board(self, role: Role, now: Instant) -> Board:
        """Return the board of one desk as *role* may see it."""
        self._boards += 1
        setup, subjects = self.setup, self.subjects
        alerts = self._alerts()
        return Board(
            at_ms=instant_ms(now),
            number=self._boards,
            party=self._own,
            party_name=setup.parties[0].name,
            node=setup.parties[0].node,
            parties=[{"id": party.party, "name": party.name} for party in setup.parties],
            badges=[*setup.badges, *self._clock_steps],
            role=role.value,
            alerts=self._marked(alerts[: subjects.warnings.shown]),
            alerts_total=len(alerts),
            messages=self.subjects.marked(subjects.hotline.on_board(), self._voice.unlogged()),
            messages_total=subjects.hotline.total,
            peers=self.peer_rows(now),
            feeds=self.feed_rows(),
            zones=self._zone_rows,
            counts=counts_of(self._watch.tracks, len(self._watch.assessment.conflicts)),
            not_built_yet=list(setup.not_built_yet),
            faults=self._fault_lines(now),
            centre_e7=[round(angle * 1e7) for angle in self.centre_deg],
            range_nm=self.range_nm,
            tables=self.tables.briefs(now),
            audible=any(row.level is Level.ALARM and row.state == "active" for row in alerts),
            contradictions=self.tables.rows(),
            nuisance=self._explaining.nuisance(now),
            policy=self.policies.state(now),
            flash_said={str(party): n for party, n in subjects.hotline.flash.items()},
            flash_misused={str(party): n for party, n in subjects.hotline.flash_misused.items() if n},
        )

    def _alerts(self) -> list[AlertRow]:
        warnings = self.subjects.warnings
        warnings.forget_old()
        return warnings.rows(*rungs_of(warnings, self.subjects.escalations), self._zone_names)

    def _marked(self, alerts: list[AlertRow]) -> list[AlertRow]:
        return [self._with_mark(row) for row in self.subjects.marked(alerts, self._voice.unlogged())]

    def alert_page(self, after: int, most: int) -> Page[AlertRow]:
        """Return alerts of the board's order by index; those that the desk has forgotten are leaves of the record."""
        rows = self._alerts()
        return page_in(self._marked(rows[after : after + most]), after, len(rows), self._in_record(Kind.ALERT))

    def message_page(self, after: int, most: int) -> Page[MessageRow]:
        """Return messages by index, newest first; those that the desk has forgotten are leaves of the record."""
        hotline = self.subjects.hotline
        rows = self.subjects.marked(hotline.rows(after, most), self._voice.unlogged())
        return page_in(rows, after, hotline.total, self._in_record(Kind.HOTLINE))

    def _in_record(self, kind: Kind) -> InRecord:
        return InRecord(kind.value, [log for log in self.logs() if parse_origin(log).lane is not Lane.TRACK])

    def peer_rows(self, now: Instant) -> list[PeerRow]:
        """Return what the desk shows of each link."""
        return [
            peer_row(
                party,
                self._sessions[party.party],
                self._sharing.with_peer[party.party],
                self._sharing.releaser,
                self._line_tests,
                self._epochs,
                now,
                self.tables.is_watched(party.party, now),
            )
            for party in self.setup.parties[1:]
        ]

    def release_view(self, party: PartyId) -> ReleaseView:
        """Return what leaves for *party*, and under which rules; raises OrderRefused when it is no peer."""
        if party not in self._sharing.with_peer:
            raise OrderRefused("unknown_party", f"there is no peer {party!r}")
        return release_view(party, self._sharing.releaser, self._sharing.with_peer[party])

    def explain(self, alert: str) -> Explanation:
        """Return why *alert* stands on the desk; raises OrderRefused when there is no such alert."""
        return self._explaining.why(self._alert_row(alert))

    def _alert_row(self, alert: str) -> Row:
        row = self.subjects.warnings.named(alert)
        if row is None:
            raise OrderRefused("unknown_alert", f"there is no alert {alert} at this desk")
        return row

    def _with_mark(self, row: AlertRow) -> AlertRow:
        useful = self._explaining.marked(row.alert)
        return row if useful is None else msgspec.structs.replace(row, useful=useful)

    def broke(self, what: str) -> None:
        """Note a bug of ours that the node caught: the desk shows it until the node starts again."""
        self._bugs[what] += 1

    @property
    def policy_digest(self) -> str:
        """Digest of the release policy in force."""
        return self._sharing.releaser.digest

    def notice(self, what: str) -> str:
        """Return what the desk shows about *what* by the node's own notice; empty for nothing."""
        return self._notices.get(what, "")

    def _fault_lines(self, now: Instant) -> list[str]:
        lines = [f"NOT RECORDED: {self._disk.fault}"] if self._disk.fault else []
        lines += [text for text in self._notices.values() if text]
        lines += [fault for fault in (self.subjects.fault, self.subjects.hotline.fault) if fault]
        lines += [f"INTERNAL FAULT, tell the engineer: {what} ({n})" for what, n in self._bugs.items()]
        lines += [*self._voice.faults(), *self.tables.faults(), *self._alerting.searches(now)]
        return lines + [f"{party}: {what} ({n})" for party, seen in self._faults.items() for what, n in seen.items()]

    def preview(self, party: PartyId, now: Instant) -> tuple[bytes, list[tuple[str, str]]]:
        """Return what *party* would see now, as a console frame, and each withheld track's label and rule."""
        return self._sharing.preview(party, now)

    def why_told(self, party: PartyId, subject: str, now: Instant) -> WhyTold:
        """Return why *party* is told of a track, an alert or a report, or not; raises OrderRefused."""
        return explain(
            party,
            subject,
            self._watch.tracks,
            self._sharing,
            self._alerting,
            self.subjects,
            self.tables,
            now,
        )

    def policy_view(self, now: Instant) -> PolicyView:
        """Return the release policy in force, to be read and to be changed."""
        return self.policies.view(now)

    def check_policy(self, text: str, now: Instant) -> PolicyCheck:
        """Return what *text* would change as the release policy; raises OrderRefused."""
        return self.policies.check(text, now)

    def feed_rows(self) -> list[FeedRow]:
        """Return what the desk shows of each of our sensors."""
        return [feed_row(feed, self._watch.tracker) for feed in self.setup.feeds]

    @property
    def tracks_made(self) -> int:
        """How many tracks this node has begun since it started."""
        return self._watch.tracker.last_number

    def numbers(self) -> dict[str, float]:
        """Return the node's counters and gauges by metric name."""
        tallies = self._watch.tracker.tallies.values()
        nuisance = self._explaining.nuisance(self._judged_at)
        return {
            "detente_tracks": float(len(self._watch.tracker)),
            "detente_plots_read": float(sum(t.plots for t in tallies)),
            "detente_plots_rejected": float(sum(sum(t.rejected.values()) for t in tallies)),
            "detente_alerts_active": float(sum(row.is_active for row in self.subjects.warnings.all())),
            "detente_alerts_raised": float(sum(nuisance.raised.values())),
            "detente_flight_hours": nuisance.flight_hours,
            "detente_alerts_useful": float(nuisance.useful),
            "detente_alerts_not_useful": float(nuisance.not_useful),
            "detente_not_assessed": float(len(self._watch.assessment.not_assessed)),
        }
