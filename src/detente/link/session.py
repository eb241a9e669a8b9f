"""One peer, without I/O: frames and times in, effects out.

Both directions of all three lanes. The session never waits, never reads a clock and never touches a socket or a disk;
its node performs the effects in order and tells it what came of them. Two rules hold it together:

* nothing about a leaf leaves, and no receipt is given, before `stored` says what was read back of it;
* whatever is in doubt after a cut is settled by the next ``hello``: each side says what it wrote and what it holds, the
  writer goes on from there and offers its newest checkpoint again.

Timers run on elapsed time, which never goes back and takes at most five seconds of any step: a clock that is set an
hour forward or back ends no link. Wall clock is only what is signed and shown.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from detente.errors import OwnFault, PeerFault
from detente.evidence.keys import parse_origin
from detente.evidence.leaf import Envelope, Kind, Lane
from detente.evidence.leaf import read as read_leaf
from detente.evidence.log import Log
from detente.evidence.merkle import leaf_hash
from detente.evidence.note import b64
from detente.evidence.store import Entry
from detente.link import fork, frames
from detente.link.effects import Close, Effect, Forked, HeardUnlogged, Keep, Refused, Transmit
from detente.link.frames import (
    CHANNEL_OF,
    LANES,
    VERSION,
    Ask,
    Bodies,
    Bye,
    Channel,
    Chunk,
    Code,
    Cp,
    Credit,
    Fork,
    Frame,
    Given,
    GivenChunk,
    Hb,
    Hello,
    Keys,
    KeysWanted,
    LaneHello,
    Leaves,
    LinkFault,
    Nack,
    Preview,
    Quota,
    Rcpt,
    Unlogged,
    Vouch,
)
from detente.link.hybrid import HybridClock
from detente.link.identity import LinkLimits, OwnIdentity, PeerIdentity, Read
from detente.link.mirror import ForkSeen, Mirror
from detente.link.pulse import Pulse, micros
from detente.link.quota import Counted, Intake
from detente.link.settlement import Settlement, epoch_key, next_epoch
from detente.link.standing import Standing
from detente.link.status import LaneStatus, LinkStatus
from detente.link.transitions import Event, State
from detente.link.unlogged import UnloggedFlash, sign, verified
from detente.link.vouch import Vouching
from detente.link.window import Window
from detente.link.writer import Draft, Writer
from detente.types import NS_PER_MS, Instant, NodeName

__all__ = ["Draft", "Session"]

BEFORE_PAIRING: Final = frozenset({Kind.KEYS, Kind.LINE_TEST})
"""What may be said to a peer whose digits are not confirmed."""

_CREDIT_BYTES: Final = 4 * 1024


@dataclass(slots=True)
class _Connection:
    """Bytes are of binary frames, since this connection opened."""

    opened_at: int
    is_greeted: bool = False
    awaits_keys: bool = False  # the peer goes by a statement not yet admitted: nothing else is read
    sent: int = 0
    peer_took: int = 0  # by its newest credit
    moved_at: int = 0  # elapsed at which that last grew
    taken: int = 0  # received here
    credited: int = 0  # of which the peer was told


class Session:
    """One link. Pass *clock* to share one hybrid clock among a node's links, *missing* to name leaves without body."""

    def __init__(
        self,
        own: OwnIdentity,
        peer: PeerIdentity,
        own_logs: Mapping[Lane, Log],
        mirror_logs: Mapping[Lane, Log],
        read: Read,
        limits: LinkLimits | None = None,
        codebook: str = "",
        *,
        clock: HybridClock | None = None,
        missing: Mapping[Lane, Collection[int]] | None = None,
        forks: Mapping[str, fork.Proof] | None = None,
        past: Mapping[str, int] | None = None,
    ) -> None:
        self.past = dict(past or {})  # logs of earlier epochs, and how many leaves each has
        self._own = own
        self._peer = peer
        self._read = read
        self._limits = limits or LinkLimits()
        self._codebook = codebook
        self._clock = clock or HybridClock()
        absent = missing or {}
        self.writers = {lane: Writer(own, peer, lane, own_logs[lane], read, self._limits) for lane in CHANNEL_OF}
        self.mirrors = {lane: self._mirror(mirror_logs[lane], absent.get(lane, ())) for lane in CHANNEL_OF}
        for writer in self.writers.values():
            self._clock.resume(writer.newest_reading())
        self._by_origin = {w.log.origin: w for w in self.writers.values()}
        self._mirror_by_origin = {m.log.origin: m for m in self.mirrors.values()}
        self._open: dict[Channel, _Connection] = {}
        self._window = Window()
        self._intake = Intake(self._limits.quotas, self._limits.mirror_bytes_a_day)
        self._closed_at: dict[Channel, int] = {}  # elapsed at which a connection last ended
        self._giving: dict[Lane, deque[bytes]] = {lane: deque() for lane in CHANNEL_OF}
        self._pulses = {channel: Pulse(self._limits.heartbeat_ns) for channel in Channel}
        self._now = Instant(0)
        self._elapsed = 0
        self._heard_at: Instant | None = None
        self.said_until_ms = 0  # the newest instant that a leaf of the peer bears, since the start
        self._peer_codebook: str | None = None
        self._seen: dict[Lane, dict[Lane, tuple[int, str]]] = {lane: {} for lane in CHANNEL_OF}
        self._written_after: dict[str, int] = {}  # log of the peer → ms UTC, by our clock
        self._is_suspect = False
        self._refused: Counter[Code] = Counter()
        self._refused_by_peer: Counter[Code] = Counter()
        self._vouching = Vouching(own, peer)
        self._standing = Standing(is_confirmed=peer.confirmed)
        self._settlement = Settlement(
            own, peer, self.writers, self.mirrors, read, self._limits, self._change, forks or {}
        )
        for origin in self.forks:
            self._change(Event.FORKED, f"two histories of {origin}")

    def _mirror(self, log: Log, missing: Collection[int]) -> Mirror:
        lane = parse_origin(log.origin).lane
        return Mirror(self._own, self._peer, lane, log, self._read, self._limits, self._admit, missing)

    def _logs(self) -> list[Writer | Mirror]:
        return [*self.writers.values(), *self.mirrors.values()]

    @property
    def state(self) -> State:
        """What both desks show of this link."""
        return self._standing.state

    def entry(self, log: str, seq: int) -> Entry:
        """Return leaf *seq* of *log* as it stands on our disk."""
        return self._read(log, seq, seq + 1)[0]

    def decode(self, leaf: bytes) -> Envelope:
        """Return the envelope in *leaf*, signed by the peer for whomever; raises PeerFault."""
        return self._peer.chain.decode(leaf)

    def written_after_ms(self, envelope: Envelope) -> int | None:
        """Return the time, by our clock, after which the peer wrote *envelope*: when we wrote what it says it has seen.

        What it had seen in an earlier leaf of the log it had seen in this one. None: it has named nothing of ours yet.
        """
        for lane, (size, _) in envelope.seen.items():
            log = self.writers[lane].log
            if 0 < size <= log.size:
                at_ms = read_leaf(self._read(log.origin, size - 1, size)[0].leaf).ts
                self._written_after[envelope.log] = max(at_ms, self._written_after.get(envelope.log, at_ms))
        return self._written_after.get(envelope.log)

    def is_current(self, log: str) -> bool:
        """Whether *log* is the newest epoch of its lane here."""
        return any(one.log.origin == log for one in self._logs())

    @property
    def is_recorded(self) -> bool:
        """Whether nothing of ours is on its way to the disk."""
        return all(writer.next_seq == writer.log.size for writer in self.writers.values())

    @property
    def is_confirmed(self) -> bool:
        """Whether the peer's digits are confirmed: until then nothing is released to it."""
        return self._standing.is_confirmed

    @property
    def peer_node(self) -> NodeName:
        """The peer's name."""
        return self._peer.node

    @property
    def forks(self) -> Mapping[str, fork.Proof]:
        """Every log of this link with two histories, and the proof."""
        return self._settlement.forks

    # --- inputs

    def opened(self, channel: Channel, now: Instant) -> list[Effect]:
        """A connection to the peer is there, authenticated: say hello on it."""
        self._advance(now)
        self._shut(channel)
        self._open[channel] = _Connection(self._elapsed)
        self._pulses[channel].opened()
        return [Transmit(channel, frames.encode(self._hello(channel)))]

    def closed(self, channel: Channel, now: Instant) -> list[Effect]:
        """A connection is gone. The link's state follows the heartbeats that stay out."""
        self._advance(now)
        self._shut(channel)
        return []

    def received(self, channel: Channel, frame: str | bytes, now: Instant) -> list[Effect]:
        """Take in one frame. Nothing a peer sends raises: what is refused comes back as `Refused`, counted."""
        self._advance(now)
        connection = self._open.get(channel)
        if connection is None:
            return []
        self._intake.refill(self._elapsed)
        try:
            effects = self._dispatch(channel, connection, frames.decode(frame), len(frame), now)
        except LinkFault as fault:
            effects = self._give_up(channel, fault.code, fault.reason)
        return self._finish([*effects, *self._credit(channel, connection, _CREDIT_BYTES), *self._pump()])

    def write(self, lane: Lane, draft: Draft, now: Instant) -> tuple[bytes, list[Effect]]:
        """Return the hash of a new leaf of ours, and its effects; raises OwnFault where nothing may be said."""
        self._advance(now)
        if not self._standing.is_confirmed and draft.kind not in BEFORE_PAIRING:
            raise OwnFault(f"{self._peer.node} is unverified: nothing is released before its digits are confirmed")
        seen = self._newly_seen(lane)
        hashed, effects = self.writers[lane].write(draft, seen, self._clock.read(now), now)
        self._seen[lane].update(seen)
        return hashed, effects

    def stored(self, origin: str, start: int, leaf_hashes: Sequence[bytes], now: Instant) -> list[Effect]:
        """The transaction of an `Append` is durable: *leaf_hashes* are of what was read back from the disk."""
        self._advance(now)
        writer = self._by_origin.get(origin)
        if writer is not None:
            effects = writer.stored(start, leaf_hashes, self._elapsed)
            effects += self._settlement.stored(writer, self._elapsed)
            return self._finish([*effects, *self._pump()])
        mirror = self._mirror_by_origin.get(origin)
        if mirror is None:
            raise OwnFault(f"{origin} is no log of this link")
        effects = mirror.stored(start, leaf_hashes)
        try:
            effects += mirror.cosign(now)
        except ForkSeen as seen:
            effects += mirror.forked(seen)
        return self._finish(effects)

    def unlogged(self, flash: UnloggedFlash, now: Instant) -> tuple[bytes, list[Effect]]:
        """Say a FLASH outside the log; returns its note's hash. No effects: the line is not open, try again."""
        self._advance(now)
        if not self._standing.is_confirmed:
            raise OwnFault(f"{self._peer.node} is unverified: nothing is released before its digits are confirmed")
        note = sign(flash, self._own.env)
        connection = self._open.get(Channel.PRIO)
        if connection is None or not connection.is_greeted:
            return leaf_hash(note), []
        frame = frames.binary(Unlogged(Lane.FLASH, note))
        self._window.sent(len(frame), self._elapsed)
        connection.sent += len(frame)
        return leaf_hash(note), [Transmit(Channel.PRIO, frame)]

    def vouch(self, frame: Vouch, now: Instant) -> list[Effect]:
        """Say *frame* beside the logs. No effects: the line is not open, try again."""
        self._advance(now)
        connection = self._open.get(Channel.PRIO)
        is_open = connection is not None and connection.is_greeted
        return [Transmit(Channel.PRIO, frames.encode(frame))] if is_open else []

    def disk_failed(self) -> None:
        """Take nothing into the record and say nothing from it: the disk takes no leaf. A new session ends it."""
        for log in self._logs():
            if log.frozen is None:
                log.frozen = Code.DISK

    def rebased(self, log: str, now: Instant) -> list[Effect]:
        """Go on in a new epoch of *log*, as both agreed; the old log stays in the record. Connections open anew."""
        self._advance(now)
        self._settlement.proof_against(log)
        fresh = Log(next_epoch(log))
        self.past[log] = next(one.log.size for one in self._logs() if one.log.origin == log)
        lane = parse_origin(log).lane
        if log in self._by_origin:
            self.writers[lane] = Writer(self._own, self._peer, lane, fresh, self._read, self._limits)
            self._by_origin[fresh.origin] = self.writers[lane]
        else:
            self.mirrors[lane] = self._mirror(fresh, ())
            self._mirror_by_origin[fresh.origin] = self.mirrors[lane]
        effects: list[Effect] = [Keep(epoch_key(log), str(parse_origin(fresh.origin).epoch).encode())]
        if not any(one.frozen is Code.FORK for one in self._logs()):
            effects += self._change(Event.REBASED, "both agreed to a new epoch")
        for channel in list(self._open):
            self._shut(channel)
            effects += [Transmit(channel, frames.encode(Bye(Code.EPOCH))), Close(channel, Code.EPOCH)]
        return self._finish([*effects, *self._judged()])

    def confirmed(self, now: Instant) -> list[Effect]:
        """The peer's digits were typed and matched: from now on things may be said to it."""
        self._advance(now)
        return [*self._standing.confirmed(now), *self._judged()]

    def suspended(self, is_suspended: bool, why: str, now: Instant) -> list[Effect]:
        """The cooperation was suspended, or resumed, by note. What still flows is the engine's to decide."""
        self._advance(now)
        return [*self._standing.suspended(is_suspended, why, now), *self._judged()]

    def tick(self, now: Instant) -> list[Effect]:
        """Do what is due; call it four times a second or so."""
        self._advance(now)
        self._intake.refill(self._elapsed)
        effects: list[Effect] = []
        for writer in self.writers.values():
            effects += writer.sign_if_due(self._elapsed)
        for channel in list(self._open):
            effects += self._tick_channel(channel, self._open[channel])
        return self._finish([*effects, *self._pump(), *self._judged()])

    # --- time

    def _advance(self, now: Instant) -> None:
        if self._standing.since is None:
            self._standing.since = now
        else:
            self._elapsed += min(max(now - self._now, 0), self._limits.step_ns)
        self._now = now

    # --- channels

    def _hello(self, channel: Channel) -> Hello:
        return Hello(
            versions=(VERSION,),
            node=self._own.node,
            keys=self._own.statement_digest,
            channel=channel,
            lanes={lane: self._lane_hello(lane) for lane in LANES[channel]},
            codebook=self._codebook,
        )

    def _lane_hello(self, lane: Lane) -> LaneHello:
        own, mirror = self.writers[lane].log, self.mirrors[lane]
        receipt = mirror.log.receipt
        return LaneHello(
            own=(own.size, b64(own.tree.root())),
            have=(mirror.log.size, b64(mirror.log.tree.root())),
            receipt=None if receipt is None else (receipt.size, mirror.receipt_lines(receipt)),
            epochs=self._settlement.epochs(lane),
            quota=self._quota(lane),
        )

    def _shut(self, channel: Channel) -> None:
        connection = self._open.pop(channel, None)
        if connection is not None:
            self._window.lost(connection.sent - connection.peer_took)
            self._closed_at[channel] = self._elapsed
        for lane in LANES[channel]:
            self._giving[lane].clear()
            self.writers[lane].closed()
            self._settlement.closed(lane)
            self._intake.forget(lane)

    def _give_up(self, channel: Channel, code: Code, why: str) -> list[Effect]:
        """Close a channel on which the peer broke the protocol; nothing else changes."""
        self._shut(channel)
        return [Refused(code, why), Transmit(channel, frames.encode(Bye(code))), Close(channel, code)]

    def _tick_channel(self, channel: Channel, connection: _Connection) -> list[Effect]:
        if not connection.is_greeted:
            if self._elapsed - connection.opened_at < self._limits.hello_ns:
                return []
            return self._give_up(channel, Code.HELLO, "no hello in time")
        effects: list[Effect] = []
        for lane in LANES[channel]:
            effects += self._take_what_waited(lane, connection)
            self.writers[lane].offer_again_if_late(self._elapsed)
            self._send_again_if_stalled(self.writers[lane], connection)
            effects += self.mirrors[lane].ask_for_bodies(self._elapsed)
            effects += self._settlement.ask(lane, self._elapsed)
        effects += self._credit(channel, connection, 1)
        if self._pulses[channel].is_due(self._elapsed):
            effects.append(self._heartbeat(channel))
        return effects

    def _send_again_if_stalled(self, writer: Writer, connection: _Connection) -> None:
        if writer.sent <= writer.peer_has or writer.is_held_back:
            writer.moved_at = self._elapsed
        moved = max(writer.moved_at, connection.moved_at, connection.opened_at)
        if self._elapsed - moved >= self._limits.stall_ns:
            self._window.lost(connection.sent - connection.peer_took)
            connection.sent = connection.peer_took
            writer.send_again_from(writer.peer_has)
            writer.moved_at = self._elapsed

    def _credit(self, channel: Channel, connection: _Connection, at_least: int) -> list[Effect]:
        if connection.taken - connection.credited < at_least or not connection.is_greeted:
            return []
        connection.credited = connection.taken
        return [Transmit(channel, frames.encode(Credit(connection.taken)))]

    def _heartbeat(self, channel: Channel) -> Transmit:
        pulse = self._pulses[channel]
        beat = Hb(
            n=pulse.sent(self._elapsed),
            sent_us=micros(self._now),
            lanes={lane: (self.writers[lane].log.size, self.mirrors[lane].log.size) for lane in LANES[channel]},
            echo=pulse.echo,
            quota={lane: self._quota(lane) for lane in LANES[channel]},
        )
        return Transmit(channel, frames.encode(beat))

    def _quota(self, lane: Lane) -> Quota:
        per_minute = round(self._intake.lanes[lane].allowance.per_s * 60)
        return per_minute, self._intake.taken[lane], self._intake.left(lane)

    def _pump(self) -> list[Effect]:
        """Send what the window allows: lanes in strict order over both channels; nothing goes before a FLASH."""
        effects: list[Effect] = []
        for lane, channel in CHANNEL_OF.items():
            if not (self.writers[lane].may_have_more or self._giving[lane]):
                continue
            connection = self._open.get(channel)
            if connection is None or not connection.is_greeted:
                continue
            rtt_ns, limits = self._pulses[Channel.PRIO].quickest_ns, self._limits
            frame_bytes = self._window.frame_bytes(limits.frame_bytes, limits.frame_bytes_most, limits.frame_ns)
            reserve = limits.flash_reserve_bytes if lane is Lane.FLASH else 0
            while self._window.is_open(rtt_ns, reserve):
                is_again = self._settlement.is_resending(lane)
                if is_again and not self._window.is_open_again(self._elapsed, limits.resend_share):
                    self.writers[lane].hold()
                frame = self.writers[lane].next_frame(self._elapsed, frame_bytes)
                if frame is None:
                    break
                effects.append(self._transmit(channel, connection, frame, is_again=is_again))
            while self._giving[lane] and self._window.is_open(rtt_ns):
                effects.append(self._transmit(channel, connection, self._giving[lane].popleft()))
        return effects

    def _transmit(
        self, channel: Channel, connection: _Connection, frame: str | bytes, *, is_again: bool = False
    ) -> Transmit:
        if isinstance(frame, bytes):
            self._window.sent(len(frame), self._elapsed, is_again=is_again)
            connection.sent += len(frame)
        return Transmit(channel, frame)

    def _credited(self, connection: _Connection, total: int) -> None:
        if total > connection.peer_took:  # an older credit says nothing new
            self._window.taken(total - connection.peer_took, self._elapsed)
            connection.peer_took = total
            connection.sent = max(connection.sent, total)  # what was counted as lost came through after all
            connection.moved_at = self._elapsed

    # --- frames

    def _dispatch(
        self, channel: Channel, connection: _Connection, frame: Frame, size: int, now: Instant
    ) -> list[Effect]:
        if isinstance(frame, Bye):
            self._shut(channel)
            closed = Close(channel, frame.code)
            is_agreed = frame.code is Code.EPOCH
            return [closed] if is_agreed else [Refused(frame.code, self._said_bye(channel), by_peer=True), closed]
        if isinstance(frame, Hello):
            return self._greeted(channel, connection, frame)
        if connection.awaits_keys:
            return self._vouching.keys(frame) if isinstance(frame, Keys | KeysWanted) else []
        if not connection.is_greeted:
            raise LinkFault(Code.HELLO, "a frame before hello")
        self._pulses[channel].alive(self._elapsed)
        self._heard_at = now
        if isinstance(frame, Credit):
            self._credited(connection, frame.taken)
            return []
        if isinstance(frame, Hb):
            return self._heartbeat_heard(channel, frame, now)
        if isinstance(frame, Vouch):
            return self._vouching.heard(frame, self._entry, self._elapsed)
        if frame.lane not in LANES[channel]:
            raise LinkFault(Code.FRAME, f"lane {frame.lane} does not travel on {channel}")
        if isinstance(frame, Leaves | Bodies | Chunk | Preview | Unlogged):
            return self._counted(channel, connection, frame, size)
        if isinstance(frame, Given | GivenChunk):
            connection.taken += size
            return self._settlement.given(frame)
        return self._said(frame, now)

    def _entry(self, log: str, seq: int) -> Entry | None:
        """Leaf *seq* of a log of this link, ours or the peer's, as it stands here."""
        known = self._by_origin.get(log) or self._mirror_by_origin.get(log)
        return self._read(log, seq, seq + 1)[0] if known is not None and seq < known.log.size else None

    def _said_bye(self, channel: Channel) -> str:
        return f"{self._peer.node} closed {channel}"

    def _said(self, frame: Nack | Ask | Fork | Rcpt | Cp, now: Instant) -> list[Effect]:
        writer, mirror = self.writers[frame.lane], self.mirrors[frame.lane]
        if isinstance(frame, Nack):
            return self._nacked(writer, frame)
        if isinstance(frame, Ask):
            if not self._giving[frame.lane]:
                self._giving[frame.lane].extend(mirror.give(frame.seq))
            return []
        if isinstance(frame, Fork):
            return self._settlement.fork_shown(frame)
        if isinstance(frame, Rcpt):
            effects = self._settlement.receipt(writer, frame.size, frame.lines, self._elapsed)
            return [*effects, *self._settlement.caught_up()]
        try:
            return mirror.checkpoint(frame, now)
        except ForkSeen as seen:
            return mirror.forked(seen)
        except LinkFault as fault:
            return mirror.stop(mirror.next_seq, fault)

    # --- quotas

    def _counted(self, channel: Channel, connection: _Connection, frame: Counted, size: int) -> list[Effect]:
        """Take in what counts against a quota, or let it wait without credit, so that the peer's window closes."""
        if self._intake.takes(frame):
            return self._take(connection, frame, size)
        waiting = self._intake.wait(frame, size)
        if waiting > self._limits.held_bytes:
            return self._give_up(channel, Code.QUOTA, f"{waiting} bytes beyond the quota and the credit")
        return []

    def _take_what_waited(self, lane: Lane, connection: _Connection) -> list[Effect]:
        effects: list[Effect] = []
        while (due := self._intake.due(lane)) is not None:
            effects += self._take(connection, due[1], due[0])
        return effects

    def _take(self, connection: _Connection, frame: Counted, size: int) -> list[Effect]:
        mirror = self.mirrors[frame.lane]
        self._intake.spend(frame, size, mirror.count_new)
        connection.taken += size
        try:
            if isinstance(frame, Leaves):
                return mirror.leaves(frame, self._elapsed)
            if isinstance(frame, Bodies):
                return mirror.bodies(frame)
            if isinstance(frame, Chunk):
                return mirror.chunk(frame)
            return mirror.preview(frame) if isinstance(frame, Preview) else self._unlogged_heard(frame)
        except ForkSeen as seen:
            return mirror.forked(seen)
        except LinkFault as fault:
            return mirror.stop(mirror.next_seq, fault)

    def _unlogged_heard(self, frame: Unlogged) -> list[Effect]:
        try:
            flash = verified(frame.note, self._peer.statement.vkey("env"))
        except PeerFault as wrong:
            return [Refused(Code.UNLOGGED, wrong.reason)]
        if flash.to != self._own.node:
            return [Refused(Code.UNLOGGED, f"unlogged: signed for {flash.to}")]
        return [HeardUnlogged(flash, leaf_hash(frame.note))]

    def _greeted(self, channel: Channel, connection: _Connection, hello: Hello) -> list[Effect]:
        if connection.is_greeted or hello.channel is not channel or set(hello.lanes) != set(LANES[channel]):
            raise LinkFault(Code.HELLO, "a second hello, or of other lanes")
        if VERSION not in hello.versions:
            raise LinkFault(Code.VERSION, f"{self._peer.node} speaks versions {hello.versions}, we speak {VERSION}")
        if hello.node != self._peer.node:
            raise LinkFault(Code.NODE, f"hello of {hello.node}, not of {self._peer.node}")
        if hello.keys != self._peer.statement_digest:
            connection.awaits_keys = True
            asked = self._vouching.unknown(hello.keys)
            return asked if channel is Channel.PRIO else []
        connection.is_greeted = True
        self._pulses[channel].alive(self._elapsed)
        self._heard_at = self._now
        self._peer_codebook = hello.codebook
        effects: list[Effect] = []
        for lane in LANES[channel]:
            self._grant(channel, lane, hello.lanes[lane].own[0])
            effects += self._settlement.resume(lane, hello.lanes[lane], self._elapsed)
            self._heed(lane, hello.lanes[lane].quota)
        return [*effects, self._heartbeat(channel), *self._judged()]

    def _heed(self, lane: Lane, quota: Quota | None) -> None:
        """Send no more than the peer says it takes."""
        if quota is not None:
            self.writers[lane].quota = quota

    def _grant(self, channel: Channel, lane: Lane, wrote: int) -> None:
        """Allow what the peer wrote while there was no connection: its quota went on meanwhile, and no cap with it."""
        bucket, missing = self._intake.lanes[lane], wrote - self.mirrors[lane].next_seq
        since = self._closed_at.get(channel)
        bucket.grant(missing if since is None else min(missing, bucket.accrued(self._elapsed - since)))

    def _heartbeat_heard(self, channel: Channel, beat: Hb, now: Instant) -> list[Effect]:
        if set(beat.lanes) != set(LANES[channel]):
            raise LinkFault(Code.FRAME, "a heartbeat of other lanes")
        self._pulses[channel].heard(beat, now, self._elapsed)
        for lane, (wrote, has) in beat.lanes.items():
            self._settlement.peer_wrote[lane] = wrote
            writer = self.writers[lane]
            if has > writer.log.size and writer.frozen is None:
                # It took leaves of a life before ours after its hello: the next hello settles that.
                return self._give_up(
                    channel, Code.ROLLBACK, f"{self._peer.node} holds {has} leaves, we {writer.log.size}"
                )
            if has > writer.peer_has:
                writer.peer_has, writer.moved_at = min(has, writer.log.size), self._elapsed
        for lane in beat.lanes:
            self._heed(lane, beat.quota.get(lane))
        return [*self._settlement.caught_up(), *self._judged()]

    def _nacked(self, writer: Writer, nack: Nack) -> list[Effect]:
        if nack.code is Code.GAP:
            writer.send_again_from(nack.seq)
            return []
        if nack.code is Code.NO_BODY:
            writer.body_asked(nack.seq)
            return []
        writer.stop(nack.code)
        why = f"{writer.log.origin}: leaf {nack.seq} refused by {self._peer.node}"
        if nack.code is Code.FORK and writer.frozen is not Code.FORK:
            writer.freeze(Code.FORK)
            own = (writer.log.checkpoint,) if writer.log.checkpoint else ()
            effects = [*self._settlement.forked(writer.log.origin, own), Refused(Code.FORK, why, by_peer=True)]
            return [*effects, *self._settlement.show_ours(writer, nack.seq)]
        return [Refused(nack.code, why, by_peer=True)]

    def _admit(self, envelope: Envelope, leaf: bytes) -> list[Effect]:
        """Learn from a verified leaf: the peer's clock, and what it says it has seen of our logs."""
        self._is_suspect = not self._clock.observe(envelope.hlc, self._now)
        self.said_until_ms = max(self.said_until_ms, envelope.ts)
        effects: list[Effect] = []
        for lane, seen in envelope.seen.items():
            effects += self._settlement.check_ours(self.writers[lane], seen, "leaf", (leaf,))
        return effects

    def _newly_seen(self, lane: Lane) -> dict[Lane, tuple[int, str]]:
        before = self._seen[lane]
        return {
            other: (mirror.log.size, b64(mirror.log.tree.root()))
            for other, mirror in self.mirrors.items()
            if mirror.log.size and before.get(other, (0, ""))[0] != mirror.log.size
        }

    # --- state

    def _finish(self, effects: list[Effect]) -> list[Effect]:
        """Count refusals, and let forks move the state."""
        for effect in list(effects):
            if isinstance(effect, Refused):
                (self._refused_by_peer if effect.by_peer else self._refused)[effect.code] += 1
            elif isinstance(effect, Forked):
                self._settlement.forks[effect.origin] = effect.proof
                effects.append(Keep(fork.state_key(effect.origin), fork.packed(effect.proof)))
                effects += self._change(Event.FORKED, f"two histories of {effect.origin}")
        return effects

    def _judged(self) -> list[Effect]:
        """Let what the heartbeats say move the state."""
        return self._standing.judged(*self._judge(), self._now)

    def _change(self, event: Event, why: str) -> list[Effect]:
        return self._standing.change(event, why, self._now)

    def _judge(self) -> tuple[Event, str]:
        """What the heartbeats say of the line."""
        missed = self._pulses[Channel.PRIO].missed(self._elapsed)
        if missed is None or missed >= self._limits.down_missed:
            return Event.SILENT, "not heard" if missed is None else f"{missed} heartbeats missed"
        if missed >= self._limits.degraded_missed:
            return Event.POOR, f"{missed} heartbeats missed"
        bulk = self._pulses[Channel.BULK].missed(self._elapsed)
        if bulk is None or bulk >= self._limits.down_missed:
            return Event.POOR, "the second connection is down"
        rtt_ms = self._pulses[Channel.PRIO].rtt_p95_ms or 0.0
        if rtt_ms > self._limits.degraded_rtt_ms:
            return Event.POOR, f"round trip {rtt_ms:.0f} ms"
        lag = self._receipt_lag()
        if lag >= self._limits.withheld_lag_ns:
            return Event.POOR, "receipts withheld"
        if lag > self._limits.degraded_lag_ns:
            return Event.POOR, f"receipts {lag // NS_PER_MS} ms late"
        return Event.WELL, "heard"

    def _receipt_lag(self) -> int:
        elapsed = self._elapsed
        return max([writer.receipt_lag(elapsed) for writer in self.writers.values()])

    def status(self, now: Instant) -> LinkStatus:
        """What a desk shows of this link at *now*; changes nothing."""
        elapsed = self._elapsed + min(max(now - self._now, 0), self._limits.step_ns)
        pulse = self._pulses[Channel.PRIO]
        lag = self._receipt_lag()
        return LinkStatus(
            state=self.state,
            why=self._standing.why,
            since=now if self._standing.since is None else self._standing.since,
            line=self._standing.line,
            heard_at=self._heard_at,
            missed=pulse.missed(elapsed),
            rtt_ms=pulse.rtt_ms,
            rtt_p95_ms=pulse.rtt_p95_ms,
            offset_ms=pulse.offset_ms,
            loss=pulse.loss,
            receipt_lag_ms=_ms(max((w.shown_lag(self._elapsed) for w in self.writers.values()), key=_known)),
            receipts_withheld=lag >= self._limits.withheld_lag_ns,
            flash_receipts_late=self.writers[Lane.FLASH].receipt_lag(self._elapsed) > self._limits.degraded_lag_ns,
            clock_suspect=self._is_suspect,
            codebook_same=None if self._peer_codebook is None else self._peer_codebook == self._codebook,
            channels=tuple(channel for channel, connection in self._open.items() if connection.is_greeted),
            lanes=tuple(self._lane_status(lane, elapsed) for lane in CHANNEL_OF),
            refused=dict(self._refused),
            refused_by_peer=dict(self._refused_by_peer),
        )

    def _lane_status(self, lane: Lane, elapsed: int) -> LaneStatus:
        writer, mirror = self.writers[lane], self.mirrors[lane]
        per_minute, _, left = self._quota(lane)
        wrote = self._settlement.peer_wrote.get(lane)
        return LaneStatus(
            lane=lane,
            own_size=writer.log.size,
            own_root=b64(writer.log.tree.root()),
            own_held=writer.log.receipt_size,
            their_size=mirror.log.size,
            their_root=b64(mirror.log.tree.root()),
            backlog=writer.log.size - writer.sent,
            their_backlog=None if wrote is None else max(0, wrote - mirror.log.size),
            receipt_lag_ms=_ms(writer.shown_lag(elapsed)),
            quota_per_min=per_minute,
            quota_left=left,
            their_quota_per_min=None if writer.quota is None else writer.quota[0],
            their_quota_left=None if writer.quota is None else writer.quota[2],
            bodies_missing=len(mirror.missing),
            own_stopped=writer.frozen or writer.stopped,
            their_stopped=mirror.frozen or mirror.stopped,
        )


def _known(lag: int | None) -> int:
    return -1 if lag is None else lag


def _ms(lag: int | None) -> float | None:
    return None if lag is None else lag / NS_PER_MS
