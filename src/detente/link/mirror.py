"""A peer's log of one lane as we hold it: verified, recorded, receipted, then told to the engine once and in order.

Nothing is receipted that was not read back from the disk, and the root in a receipt is our own over what was read back.
A body may come before its leaf, with it or long after; a leaf without its body is mirrored and receipted all the same.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from detente.errors import OwnFault, PeerFault
from detente.evidence.checkpoint import SignedCheckpoint, cosignature, with_lines
from detente.evidence.leaf import Envelope, Lane, check_place
from detente.evidence.log import Log, Receipt
from detente.evidence.merkle import leaf_hash
from detente.evidence.note import split_note
from detente.evidence.store import Entry
from detente.link import frames
from detente.link.bodies import Arrivals, Body, body_for, given_chunks
from detente.link.effects import (
    Append,
    Effect,
    Forked,
    Heard,
    Keep,
    KeepBody,
    Previewed,
    Refused,
    SaveCheckpoint,
    SaveReceipt,
    Transmit,
    strong_key,
)
from detente.link.frames import (
    CHANNEL_OF,
    Bodies,
    Chunk,
    Code,
    Cp,
    Encoding,
    Fork,
    Given,
    Leaves,
    LinkFault,
    Nack,
    Preview,
    Rcpt,
)
from detente.link.identity import LinkLimits, OwnIdentity, PeerIdentity, Read
from detente.types import NS_PER_S, Instant

_CHECKPOINTS_KEPT = 16
_READY_KEPT = 256
_HOUR_NS = 3_600 * NS_PER_S


class ForkSeen(LinkFault):
    """Two histories under one log's name; *proof* are the signed notes that cannot both be true."""

    def __init__(self, origin: str, reason: str, *proof: bytes) -> None:
        super().__init__(Code.FORK, reason, proof[-1] if proof else b"")
        self.origin = origin
        self.proof = proof


@dataclass(frozen=True, slots=True)
class _Verified:
    """A leaf whose signature and place were checked. *body* is None while it has not come."""

    envelope: Envelope
    leaf: bytes
    leaf_hash: bytes
    body: bytes | None


class Mirror:
    """One log of the peer. Times named *elapsed* are nanoseconds since the session began."""

    def __init__(
        self,
        own: OwnIdentity,
        peer: PeerIdentity,
        lane: Lane,
        log: Log,
        read: Read,
        limits: LinkLimits,
        admit: Callable[[Envelope, bytes], list[Effect]],
        bodies_missing: Collection[int] = (),
    ) -> None:
        self.lane = lane
        self.log = log
        self.frozen: Code | None = None  # FORK or DISK: nothing is mirrored or receipted any more
        self.stopped: Code | None = None  # a leaf was refused: nothing is taken until the channel opens again
        self.missing: set[int] = set(bodies_missing)  # leaves on disk whose body has not come
        is_ordered = lane is not Lane.TRACK
        self.delivered = min([log.size, *self.missing]) if is_ordered else log.size
        self._is_ordered = is_ordered
        self._own = own
        self._peer = peer
        self._read = read
        self._limits = limits
        self._admit = admit
        self._channel = CHANNEL_OF[lane]
        self._unstored: deque[_Verified] = deque()
        self._last_hash = log.last_leaf_hash
        self._bodies = Arrivals(limits.early_bodies, limits.early_bytes, limits.body_bytes)
        self._gone: set[int] = set()  # bodies that their writer no longer has
        self._ready: OrderedDict[int, _Verified] = (
            OrderedDict()
        )  # on disk, not delivered: a cache, the disk has them all
        self._previewed: OrderedDict[int, tuple[Envelope, bytes, bytes, bool]] = OrderedDict()
        self._checkpoints: deque[SignedCheckpoint] = deque(maxlen=_CHECKPOINTS_KEPT)
        self._asked_at: dict[int, int] = {}
        self._pq_hour = 0

    @property
    def next_seq(self) -> int:
        """The index of the next leaf to take."""
        return self.log.size + len(self._unstored)

    def count_new(self, start: int, count: int) -> int:
        """How many of *count* leaves from *start* on we neither hold nor were shown before their turn."""
        first, stop = max(start, self.next_seq), start + count
        return max(0, stop - first) - sum(first <= seq < stop for seq in self._previewed)

    def opened(self) -> None:
        """A channel is new: what was asked for is asked again, and a stopped lane gets another chance.

        Bodies that came without their leaves are forgotten: the writer sends them again before the leaves, and where it
        went back to a backup in between they are of leaves that never were.
        """
        self.stopped = None
        self._bodies.clear()
        self._asked_at.clear()

    def _nack(self, seq: int, code: Code) -> Transmit:
        return Transmit(self._channel, frames.encode(Nack(self.lane, seq, code)))

    # --- leaves

    def leaves(self, bundle: Leaves, elapsed: int) -> list[Effect]:
        """Take in leaves: known ones are dropped, a gap is asked for, a bad one stops this lane and no other."""
        if self.frozen is Code.DISK and self.stopped is None:
            # Our disk takes nothing, and the warning in it is for our people all the same.
            shown = (self.preview(Preview(self.lane, leaf)) for leaf in bundle.leaves)
            return [effect for effects in shown for effect in effects]
        if self.frozen is not None or self.stopped is not None:
            return []
        first = following = self.next_seq
        entries: list[Entry] = []
        effects: list[Effect] = []
        for seq, leaf in enumerate(bundle.leaves, bundle.start):
            if seq > following:
                effects += self._ask_again(following, elapsed)
                break
            try:
                if seq < following:
                    self._check_known(seq, leaf)
                elif len(self._unstored) >= self._limits.unstored:
                    break  # the writer sends again what was not taken
                else:
                    entries.append(self._take(seq, leaf))
                    following += 1
                    effects += self._admit(self._unstored[-1].envelope, leaf)
            except ForkSeen as fork:
                effects += self.forked(fork)
                break
            except LinkFault as fault:
                effects += self.stop(seq, fault)
                break
        return [Append(self.log.origin, first, tuple(entries)), *effects] if entries else effects

    def _ask_again(self, seq: int, elapsed: int) -> list[Effect]:
        last = self._asked_at.get(-1)
        if last is not None and elapsed - last < self._limits.ask_again_ns:
            return []
        self._asked_at[-1] = elapsed
        return [self._nack(seq, Code.GAP)]

    def stop(self, seq: int, fault: LinkFault) -> list[Effect]:
        """Take nothing more until the channel opens again."""
        self.stopped = fault.code
        return [self._nack(seq, fault.code), Refused(fault.code, f"{self.log.origin}: at {seq}: {fault.reason}")]

    def forked(self, fork: ForkSeen) -> list[Effect]:
        """Mirror and receipt nothing more of this log, keep the proof, and tell its writer."""
        self.frozen = Code.FORK
        return [
            Forked(self.log.origin, fork.proof),
            Refused(Code.FORK, f"{self.log.origin}: {fork.reason}"),
            self.show_fork(fork.proof),
            self._nack(self.log.size, Code.FORK),
        ]

    def show_fork(self, proof: tuple[bytes, ...]) -> Transmit:
        """Show the log's writer the proof that it has two histories."""
        notes = tuple(note.decode() for note in proof)
        return Transmit(self._channel, frames.encode(Fork(self.lane, own=False, notes=notes)))

    def leaf(self, seq: int) -> bytes | None:
        """Return leaf *seq* as we hold it."""
        return self._entry(seq).leaf if seq < self.log.size else None

    def give(self, seq: int) -> list[bytes]:
        """Return the frames that give the writer its own leaves back from *seq* on, bodies first; none at our end."""
        stop = min(self.log.size, seq + self._limits.given_leaves)
        leaves: list[bytes] = []
        out: list[bytes] = []
        octets = 0
        for at, entry in enumerate(self._read(self.log.origin, seq, stop) if seq < stop else [], seq):
            body = None if entry.body is None else Body(entry.salt, entry.body)
            pieces = given_chunks(self.lane, at, body, self._limits.frame_bytes)
            octets += len(entry.leaf) + sum(map(len, pieces))
            if leaves and octets > self._limits.given_bytes:
                break
            leaves.append(entry.leaf)
            out += pieces
        return [*out, frames.binary(Given(self.lane, seq, leaves))] if leaves else []

    def _opened_leaf(self, leaf: bytes) -> Envelope:
        try:
            return self._peer.chain.decode(leaf)
        except PeerFault as wrong:
            raise LinkFault(Code.LEAF, wrong.reason, leaf) from None

    def _take(self, seq: int, leaf: bytes) -> Entry:
        envelope = self._opened_leaf(leaf)
        try:
            check_place(envelope, leaf, log=self.log.origin, seq=seq, prev=self._last_hash, to=self._own.node)
        except PeerFault as wrong:
            raise LinkFault(Code.PLACE, wrong.reason, leaf) from None
        hashed = leaf_hash(leaf)
        shown = self._previewed.pop(seq, None)
        if shown is not None and shown[1] != hashed:
            raise ForkSeen(self.log.origin, f"leaf {seq} is not the one shown before its turn", shown[2], leaf)
        body = self._body_that_came(envelope)
        self._last_hash = hashed
        self._asked_at.pop(-1, None)
        self._unstored.append(_Verified(envelope, leaf, hashed, None if body is None else body.octets))
        if body is None:
            return Entry(leaf=leaf, body=None, salt=b"")
        return Entry(leaf=leaf, body=body.octets, salt=body.salt)

    def _body_that_came(self, envelope: Envelope) -> Body | None:
        travelled = self._bodies.whole(envelope.seq)
        if travelled is None:
            return None
        self._bodies.drop(envelope.seq)
        return body_for(envelope, travelled)

    def _check_known(self, seq: int, leaf: bytes) -> None:
        """Drop a leaf that we have; one that differs and is signed for the same place is proof of two histories."""
        hashed = leaf_hash(leaf)
        if seq >= self.log.size or self.log.tree.leaf(seq) == hashed:
            return
        envelope = self._opened_leaf(leaf)
        if (envelope.log, envelope.seq, envelope.to) != (self.log.origin, seq, self._own.node):
            raise LinkFault(Code.PLACE, f"leaf: signed for {envelope.log} {envelope.seq}", leaf)
        raise ForkSeen(self.log.origin, f"two leaves {seq}", self._entry(seq).leaf, leaf)

    def stored(self, start: int, leaf_hashes: Sequence[bytes]) -> list[Effect]:
        """Take in what was read back of the leaves from *start* on, and tell the engine; `cosign` comes next."""
        if self.frozen is Code.DISK:
            return []
        if start != self.log.size or len(leaf_hashes) > len(self._unstored):
            raise OwnFault(f"{self.log.origin}: {start} + {len(leaf_hashes)} stored, but {self.log.size} was next")
        effects: list[Effect] = []
        altered = None
        for seq, hashed in enumerate(leaf_hashes, start):
            verified = self._unstored.popleft()
            if hashed != verified.leaf_hash:
                altered = seq
                break
            self._remember(seq, verified)
            if verified.body is None:
                effects += self._body_in_hand(seq)
        self.log.extend(leaf_hashes[: len(leaf_hashes) if altered is None else altered - start])
        if altered is not None:
            self.frozen = Code.DISK
            self._unstored.clear()
            return [*effects, Refused(Code.DISK, f"{self.log.origin}: leaf {altered} was read back altered")]
        effects += self._deliver()
        while len(self._ready) > _READY_KEPT:
            self._ready.popitem(last=False)
        return effects

    def _remember(self, seq: int, verified: _Verified) -> None:
        if verified.body is None and seq not in self._gone:
            self.missing.add(seq)
        self._ready[seq] = verified

    def _body_in_hand(self, seq: int) -> list[Effect]:
        """Keep the body that came while its leaf was on the way to the disk."""
        try:
            return self._keep_body(seq) if self._bodies.whole(seq) is not None else []
        except LinkFault as fault:
            self._bodies.drop(seq)
            return self.stop(seq, fault)

    # --- bodies

    def bodies(self, bundle: Bodies) -> list[Effect]:
        """Take in whole bodies of leaves that follow each other."""
        effects: list[Effect] = []
        for seq, octets in enumerate(bundle.bodies, bundle.start):
            effects += self.chunk(Chunk(self.lane, seq, 0, len(octets), Encoding.PLAIN, octets))
        return effects

    def chunk(self, chunk: Chunk) -> list[Effect]:
        """Take in a piece of a body: of a leaf that is to come, of one that lacks it, or of a preview."""
        seq = chunk.seq
        if seq < self.log.size and (seq not in self.missing or self.frozen is Code.DISK):
            return []
        if chunk.total == 0:
            return self._body_gone(seq)
        try:
            if not self._bodies.add(chunk):
                return []
            return self._keep_body(seq) + self._deliver() if seq in self.missing else self._show_early(seq)
        except LinkFault as fault:
            self._bodies.drop(seq)
            return self.stop(seq, fault)

    def _keep_body(self, seq: int) -> list[Effect]:
        verified = self._verified(seq)
        body = self._body_that_came(verified.envelope)
        assert body is not None
        self.missing.discard(seq)
        self._asked_at.pop(seq, None)
        self._ready[seq] = _Verified(verified.envelope, verified.leaf, verified.leaf_hash, body.octets)
        return [KeepBody(self.log.origin, seq, body.salt, body.octets)]

    def _body_gone(self, seq: int) -> list[Effect]:
        if seq >= self.next_seq:
            return []  # said of a leaf that we cannot have asked for
        self._gone.add(seq)
        self.missing.discard(seq)
        return self._deliver()

    def ask_for_bodies(self, elapsed: int) -> list[Effect]:
        """Ask for bodies that are missing: of tracks the newest first, elsewhere the oldest."""
        if not self.missing or self.frozen is not None or self.stopped is not None:
            return []
        effects: list[Effect] = []
        for seq in sorted(self.missing, reverse=not self._is_ordered)[: self._limits.bodies_asked]:
            last = self._asked_at.get(seq)
            if last is None or elapsed - last >= self._limits.ask_again_ns:
                self._asked_at[seq] = elapsed
                effects.append(self._nack(seq, Code.NO_BODY))
        return effects

    # --- to the engine

    def _deliver(self) -> list[Effect]:
        effects: list[Effect] = []
        size = self.log.size
        while self.delivered < size:
            seq = self.delivered
            if self._is_ordered and seq in self.missing:
                break
            verified = self._verified(seq)
            self._ready.pop(seq, None)
            effects.append(Heard(verified.envelope, verified.leaf, verified.leaf_hash, verified.body))
            self.delivered += 1
        return effects

    def _verified(self, seq: int) -> _Verified:
        verified = self._ready.get(seq)
        if verified is None:
            entry = self._entry(seq)
            verified = _Verified(self._peer.chain.decode(entry.leaf), entry.leaf, leaf_hash(entry.leaf), entry.body)
        return verified

    def _entry(self, seq: int) -> Entry:
        return self._read(self.log.origin, seq, seq + 1)[0]

    # --- previews

    def preview(self, preview: Preview) -> list[Effect]:
        """Take in a leaf before its turn. Its signature stands alone; the chain must reach it with the same hash."""
        envelope = self._opened_leaf(preview.leaf)
        if (envelope.log, envelope.to) != (self.log.origin, self._own.node):
            raise LinkFault(Code.PLACE, f"preview: signed for {envelope.log} to {envelope.to}", preview.leaf)
        hashed = leaf_hash(preview.leaf)
        seq = envelope.seq
        if seq < self.log.size:
            self._check_known(seq, preview.leaf)
            return []
        if seq in self._previewed or seq < self.next_seq:
            return []
        self._previewed[seq] = (envelope, hashed, preview.leaf, False)
        if len(self._previewed) > self._limits.previews:
            self._previewed.popitem(last=False)
        return self._show_early(seq)

    def _show_early(self, seq: int) -> list[Effect]:
        shown = self._previewed.get(seq)
        travelled = self._bodies.whole(seq)
        if shown is None or travelled is None or shown[3]:
            return []
        envelope, hashed, leaf, _ = shown
        try:
            body = body_for(envelope, travelled)
        except LinkFault:
            return []  # perhaps the body of the leaf that the log will come to: judged there
        self._previewed[seq] = (envelope, hashed, leaf, True)
        return [Previewed(envelope, hashed, body.octets)]

    # --- checkpoints and receipts

    def checkpoint(self, offered: Cp, now: Instant) -> list[Effect]:
        """Take in a checkpoint; cosign it once we hold all of it. One that we have cosigned gets its receipt again."""
        if self.frozen is not None:
            return []
        raw = offered.note.encode()
        try:
            signed = self._peer.chain.checkpoint(raw, self.log.origin)
        except PeerFault as wrong:
            raise LinkFault(Code.CHECKPOINT, wrong.reason, raw) from None
        receipt = self.log.receipt
        if receipt is not None and signed.checkpoint.size <= receipt.size:
            self._check_root(signed)
            return [self._send_receipt(receipt)]
        self._checkpoints.append(signed)
        return self.cosign(now)

    def _check_root(self, signed: SignedCheckpoint) -> None:
        """Refuse a signed root that is not the root of the leaves we hold: one of the two is another history."""
        head = signed.checkpoint
        if self.log.tree.root(head.size) != head.root:
            ours = [note for note in (self.log.checkpoint,) if note is not None]
            raise ForkSeen(self.log.origin, f"the root signed for {head.size} leaves is not theirs", *ours, signed.raw)

    def cosign(self, now: Instant) -> list[Effect]:
        """Give the receipt for the newest checkpoint of which we hold all; raises ForkSeen for a root not ours."""
        if self.frozen is not None:
            return []
        held = [signed for signed in self._checkpoints if signed.checkpoint.size <= self.log.size]
        for signed in held:
            self._checkpoints.remove(signed)
            self._check_root(signed)
        newest = max(held, key=lambda signed: signed.checkpoint.size, default=None)
        if newest is None or (self.log.receipt and newest.checkpoint.size <= self.log.receipt.size):
            return []
        at_s = now // NS_PER_S
        strong = self._pq_line(newest, now)
        note = with_lines(newest.raw, cosignature(newest.raw, self._own.mirror, at_s), *strong)
        receipt = Receipt(newest.checkpoint.size, note, at_s)
        effects: list[Effect] = [SaveCheckpoint(self.log.origin, self.log.checkpoint, newest.raw)]
        self.log.checkpoint, self.log.receipt = newest.raw, receipt
        if strong:
            effects.append(Keep(strong_key(self.log.origin), note))
        return [*effects, SaveReceipt(self.log.origin, receipt), self._send_receipt(receipt)]

    def _pq_line(self, newest: SignedCheckpoint, now: Instant) -> list[bytes]:
        """Our second line, against a quantum computer: at the first receipt of an hour, for it has 2,420 bytes."""
        if self._own.mirror_pq is None or now // _HOUR_NS == self._pq_hour:
            return []
        self._pq_hour = now // _HOUR_NS
        return [cosignature(newest.raw, self._own.mirror_pq, now // NS_PER_S)]

    def _send_receipt(self, receipt: Receipt) -> Transmit:
        return Transmit(self._channel, frames.encode(Rcpt(self.lane, receipt.size, self.receipt_lines(receipt))))

    def receipt_lines(self, receipt: Receipt) -> str:
        """Return our own cosignature lines in *receipt*, by whichever of our mirror keys gave them."""
        lines = split_note(receipt.note)[1]
        return b"".join(line for name, _, line in lines if name == self._own.mirror.vkey.name).decode()
