"""Our own log of one lane toward one peer: written, recorded, then sent.

A leaf exists from `write` on, may leave from `stored` on, and can be denied by the peer no more once its receipt is in.
The log is the outbox: nothing is queued that is not in it, so nothing can be dropped on the way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from detente.errors import OwnFault, PeerFault
from detente.evidence.checkpoint import sign_checkpoint, with_lines
from detente.evidence.leaf import (
    Envelope,
    Kind,
    Lane,
    body_commitment,
    encode,
    is_tree,
    pack_items,
    read,
    salt_for,
    seed_for,
    tree_commitment,
)
from detente.evidence.log import Log, Receipt
from detente.evidence.merkle import leaf_hash
from detente.evidence.note import COSIGNATURE, MLDSA44, b64, open_note
from detente.evidence.store import Entry
from detente.link import frames
from detente.link.bodies import Body, bundled, chunks
from detente.link.effects import (
    Append,
    Effect,
    Held,
    Keep,
    Recovered,
    Refused,
    SaveCheckpoint,
    SaveReceipt,
    Wrote,
    strong_key,
)
from detente.link.frames import Code, Cp, Leaves, LinkFault, Preview, Quota
from detente.link.hybrid import Reading
from detente.link.identity import LinkLimits, OwnIdentity, PeerIdentity, Read
from detente.types import NS_PER_S, Instant, Precedence, instant_ms

# A backlog longer than this is drained without bodies or in its own time, and what is newest is shown before its turn.
_BACKLOG = {Lane.FLASH: 8, Lane.OPS: 1 << 62, Lane.TRACK: 2}
_READ_AHEAD = 64
_OFFER_EVERY = 256
_RECORDED_KEPT = 1_024
_RECENT_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is to be said. *items* makes it a tree body, of which one item can be disclosed without the others."""

    kind: Kind
    body: bytes = b""
    items: tuple[bytes, ...] | None = None
    media: str = "application/json"
    precedence: Precedence
    by: str
    pol: str
    exp: Instant | None = None
    re: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Unstored:
    leaf_hash: bytes
    envelope: Envelope
    entry: Entry | None = None  # None of a leaf that the peer's mirror has given back
    body: bytes | None = None


class Writer:
    """One own log. Times named *elapsed* are nanoseconds since the session began."""

    def __init__(
        self, own: OwnIdentity, peer: PeerIdentity, lane: Lane, log: Log, read: Read, limits: LinkLimits
    ) -> None:
        self.lane = lane
        self.log = log
        self.frozen: Code | None = None  # FORK, ROLLBACK or DISK: nothing new is appended, nothing in the log is sent
        self.stopped: Code | None = None  # the peer refused a leaf: nothing more is sent until the channel opens again
        self.sent = log.size  # leaves below this are on their way or there
        self.peer_has = 0  # by the peer's word in hello, heartbeats and receipts
        self.moved_at = 0  # elapsed at which that last grew
        self._own = own
        self._peer = peer
        self._signer = own.log.named(log.origin)
        self._read = read
        self._limits = limits
        self.quota: Quota | None = None  # the peer's, as it last said
        self._counted = 0  # leaves and previews sent since the connection opened
        self._is_held = False  # no leaf at the next turn
        self._is_open = False
        self._unstored: deque[_Unstored] = deque()
        # The newest leaves on the disk, what was read back being what was written: mostly they need not be read again.
        self._recent: deque[Entry] = deque()
        self._recent_bytes = 0
        self._last_hash = log.last_leaf_hash
        self._queue: deque[bytes] = deque()
        self._to_preview: deque[int] = deque(maxlen=1 if lane is Lane.TRACK else limits.previews)
        self._bodies_asked: deque[int] = deque()
        self._signed_at = -(1 << 62)
        self._signed_size = _signed_size(log)
        self._offered_size = -1
        self._offered_at = -(1 << 62)
        self._unreceipted: deque[tuple[int, int]] = deque()  # (size, elapsed) of offers without receipt
        self._recorded: deque[tuple[int, int]] = deque()  # (size, elapsed) of leaves without receipt, the oldest few
        self._opened_at = 0
        self.newest_lag: int | None = None  # how long the newest receipt took

    # --- writing

    @property
    def reader(self) -> str:
        """To whom this log speaks."""
        return self._peer.node

    @property
    def last_hash(self) -> bytes:
        """The hash of the newest leaf, on the disk or on its way there."""
        return self._last_hash

    @property
    def next_seq(self) -> int:
        """The index of the next leaf."""
        return self.log.size + len(self._unstored)

    @property
    def is_full(self) -> bool:
        """Whether as many leaves wait for the disk as may."""
        return len(self._unstored) >= self._limits.unstored

    def hash_at(self, seq: int) -> bytes:
        """Return the hash of our leaf *seq*, on the disk or on its way there."""
        on_disk = self.log.size
        return self.log.tree.leaf(seq) if seq < on_disk else self._unstored[seq - on_disk].leaf_hash

    def newest_reading(self) -> Reading:
        """Return the hybrid clock's reading in the newest leaf on disk; (0, 0) for an empty log."""
        if not self.log.size:
            return (0, 0)
        newest = self._entries(self.log.size - 1, self.log.size)[0]
        return read(newest.leaf).hlc  # ours, perhaps under a key that was replaced since

    def write(
        self, draft: Draft, seen: dict[Lane, tuple[int, str]], hlc: Reading, now: Instant
    ) -> tuple[bytes, list[Effect]]:
        """Return the new leaf's hash and its `Append`; raises OwnFault where nothing may be written."""
        if self.frozen is not None:
            raise OwnFault(f"{self.log.origin}: frozen ({self.frozen}), nothing is written")
        if self.is_full:
            raise OwnFault(f"{self.log.origin}: {len(self._unstored)} leaves wait for the disk, no more are taken")
        body, commitment = self._committed(draft)
        envelope = Envelope(
            log=self.log.origin,
            seq=self.next_seq,
            prev=b64(self._last_hash),
            to=self._peer.node,
            ts=instant_ms(now),
            hlc=hlc,
            kind=draft.kind,
            prec=draft.precedence,
            by=draft.by,
            body=commitment,
            size=len(body.octets),
            media=draft.media,
            pol=draft.pol,
            exp=None if draft.exp is None else instant_ms(draft.exp),
            re=draft.re,
            seen=seen,
        )
        leaf = encode(envelope, self._own.env)
        self._last_hash = leaf_hash(leaf)
        entry = Entry(leaf=leaf, body=body.octets, salt=body.salt)
        self._unstored.append(_Unstored(self._last_hash, envelope, entry))
        return self._last_hash, [Append(self.log.origin, envelope.seq, (entry,))]

    def take_back(self, envelope: Envelope, leaf: bytes, body: bytes | None) -> None:
        """Put a leaf of ours, checked, after the newest; `stored` says when the disk has it."""
        self._last_hash = leaf_hash(leaf)
        self._unstored.append(_Unstored(self._last_hash, envelope, None, body))

    def _committed(self, draft: Draft) -> tuple[Body, str]:
        key, origin, seq = self._own.salt_key, self.log.origin, self.next_seq
        if is_tree(draft.media) != (draft.items is not None):
            raise OwnFault(f"a body of items is of media …+tree, and no other: {draft.media}")
        if draft.items is not None:
            body = Body(seed_for(key, origin, seq), pack_items(draft.items))
            commitment = tree_commitment(body.salt, draft.items)
        else:
            body = Body(salt_for(key, origin, seq), draft.body)
            commitment = body_commitment(body.salt, body.octets)
        if len(body.octets) > self._limits.body_bytes:
            raise OwnFault(f"a body of {len(body.octets)} bytes, more than {self._limits.body_bytes}")
        return body, commitment

    def stored(self, start: int, leaf_hashes: Sequence[bytes], elapsed: int) -> list[Effect]:
        """Take in what was read back of our leaves from *start* on; they may leave now."""
        if self.frozen is Code.DISK:
            return []
        if start != self.log.size or len(leaf_hashes) > len(self._unstored):
            raise OwnFault(f"{self.log.origin}: {start} + {len(leaf_hashes)} stored, but {self.log.size} was next")
        effects: list[Effect] = []
        origin, altered = self.log.origin, None
        for seq, hashed in enumerate(leaf_hashes, start):
            written = self._unstored.popleft()
            if hashed != written.leaf_hash:
                altered = seq
                break
            if written.entry is None:
                effects.append(Recovered(origin, seq, hashed, written.envelope, written.body))
                self._recent.clear()
                self._recent_bytes = 0
                continue
            effects.append(Wrote(origin, seq, hashed, written.envelope))
            self._keep(written.entry)
            if not self._goes_at_once(seq + 1):
                self._to_preview.append(seq)
        self.log.extend(leaf_hashes[: len(leaf_hashes) if altered is None else altered - start])
        if altered is not None:
            self.freeze(Code.DISK)
            return [*effects, Refused(Code.DISK, f"{origin}: leaf {altered} was read back altered")]
        if len(self._recorded) < _RECORDED_KEPT:
            self._recorded.append((self.log.size, elapsed))
        return [*effects, *self.sign_if_due(elapsed)]

    def _keep(self, entry: Entry) -> None:
        self._recent.append(entry)
        self._recent_bytes += _octets(entry)
        while self._recent_bytes > _RECENT_BYTES:
            self._recent_bytes -= _octets(self._recent.popleft())

    def _goes_at_once(self, size: int) -> bool:
        can_send = self._may_go() and self.sent >= self.log.receipt_size
        return can_send and size - self.sent <= _BACKLOG[self.lane]

    def sign_if_due(self, elapsed: int, *, is_opening: bool = False) -> list[Effect]:
        """Sign a checkpoint over new leaves, at this lane's cadence."""
        is_due = is_opening or elapsed - self._signed_at >= self._limits.checkpoint_ns[self.lane]
        if self.frozen is not None or self.log.size == self._signed_size or not is_due:
            return []
        note = sign_checkpoint(self.log.head(), self._signer)
        saved = SaveCheckpoint(self.log.origin, self.log.checkpoint, note)
        self.log.checkpoint, self._signed_size, self._signed_at = note, self.log.size, elapsed
        return [saved]

    # --- the channel

    def opened(self, peer_has: int, elapsed: int) -> list[Effect]:
        """Begin sending from what the peer says it holds, and offer the newest checkpoint again whatever is new.

        Without the second offer a receipt that was lost in a cut is never given again.
        """
        self.closed()
        self._is_open = True
        self._opened_at = elapsed
        self.stopped = None
        self.peer_has = self.sent = peer_has
        self._offered_size = -1
        if self.lane is Lane.TRACK and self.log.size and not self._goes_at_once(self.log.size):
            self._to_preview.append(self.log.size - 1)
        return self.sign_if_due(elapsed, is_opening=True)

    def closed(self) -> None:
        """Forget what was on the way."""
        self._is_open = False
        self.quota = None
        self._counted = 0
        self._queue.clear()
        self._bodies_asked.clear()
        self._unreceipted.clear()

    def freeze(self, code: Code) -> None:
        """Append and send nothing more in this log: its way out is a decision of people. FLASH goes on as previews."""
        self.frozen = code
        self._queue.clear()

    def stop(self, code: Code) -> None:
        """Send no more leaves until the channel opens again: the peer refused one. FLASH goes on as previews."""
        self.stopped = code
        self._queue.clear()

    def send_again_from(self, seq: int) -> None:
        """Go back: the peer lacks leaf *seq*."""
        if seq <= self.sent:
            self._queue.clear()
            self.sent = seq
            self._offered_size = -1
            self._counted = 0 if self.quota is None else self.quota[1]  # what was lost on the way counts for nothing

    def body_asked(self, seq: int) -> None:
        """Queue the body of leaf *seq* behind all leaves; beyond the limit the peer has to ask again."""
        if (
            seq < self.log.size
            and seq not in self._bodies_asked
            and len(self._bodies_asked) < self._limits.answers_queued
        ):
            self._bodies_asked.append(seq)

    def next_frame(self, elapsed: int, frame_bytes: int) -> str | bytes | None:
        """Return what leaves next on this lane, or None: previews, leaves with bodies, checkpoint, bodies asked for.

        No frame of several leaves or bodies is longer than *frame_bytes*.
        """
        if not self._is_open:
            return None
        if not self._queue:
            self._fill(frame_bytes)
        if self._queue:
            return self._queue.popleft()
        if (offer := self._offer(elapsed)) is not None:
            return offer
        if self._bodies_asked and self.frozen is None:
            seq = self._bodies_asked.popleft()
            self._queue += self._body_frames(seq, self._entries(seq, seq + 1)[0])
            return self._queue.popleft()
        return None

    @property
    def may_have_more(self) -> bool:
        """Whether `next_frame` is worth asking; where it is not, nothing leaves."""
        if not self._is_open:
            return False
        sent = self.sent
        if sent != self.log.size or self._queue or self._to_preview or self._bodies_asked:
            return True
        return sent > 0 and 0 < self._signed_size > self._offered_size < sent

    @property
    def is_held_back(self) -> bool:
        """Whether the peer says that its quota for this lane is used up."""
        return self.quota is not None and self.quota[2] == 0

    @property
    def may_send(self) -> int | None:
        """How many leaves or previews the peer's quota leaves room for; None while it has not said."""
        return None if self.quota is None else max(0, self.quota[1] + self.quota[2] - self._counted)

    def hold(self) -> None:
        """Let no leaf go at the next turn; what stands before leaves goes."""
        self._is_held = True

    def _fill(self, frame_bytes: int) -> None:
        is_held, self._is_held = self._is_held or self.may_send == 0, False
        can_go = self._may_go() and not is_held and self.sent < self.log.size and not self._is_offer_due()
        # Where the quota has no room for both, a preview would only stand in the way of its leaf.
        is_scarce = can_go and self.may_send is not None and self.may_send < self.log.size - self.sent
        if self._to_preview and self.may_send != 0 and not is_scarce:
            self._fill_preview(self._to_preview.popleft())
        elif can_go:
            self._fill_leaves(frame_bytes)

    def _may_go(self) -> bool:
        return self.frozen is None and self.stopped is None

    def _is_offer_due(self) -> bool:
        # In a long backlog a receipt for what has come so far: else there would be none until its end.
        return min(self.sent, self._signed_size) - max(self._offered_size, self.peer_has) >= _OFFER_EVERY

    def _fill_preview(self, seq: int) -> None:
        if seq < self.sent and self.stopped is None and self.frozen is None:
            return
        entry = self._entries(seq, seq + 1)[0]
        if entry.body is not None:
            preview = frames.encode(Preview(self.lane, entry.leaf))
            assert isinstance(preview, bytes)
            self._queue += [*self._body_frames(seq, entry), preview]
            self._counted += 1

    def _fill_leaves(self, frame_bytes: int) -> None:
        backlog = self.log.size - self.sent
        ahead = _READ_AHEAD if self.may_send is None else min(_READ_AHEAD, self.may_send)
        entries = self._entries(self.sent, min(self.log.size, self.sent + ahead))
        leaves: list[bytes] = []
        room = frame_bytes - frames.LEAVES_HEAD
        for entry in entries:
            room -= len(entry.leaf) + 2
            if leaves and room < 0:
                break
            leaves.append(entry.leaf)
        # Bodies go first: each leaf then finds its own there, and both are on the peer's disk in one transaction.
        if self.lane is not Lane.TRACK or backlog <= _BACKLOG[Lane.TRACK]:
            bodies = [_body(entry) for entry in entries[: len(leaves)]]
            self._queue += bundled(self.lane, self.sent, bodies, frame_bytes)
        bundle = frames.encode(Leaves(self.lane, self.sent, leaves))
        assert isinstance(bundle, bytes)
        self._queue.append(bundle)
        self.sent += len(leaves)
        self._counted += len(leaves)

    def _body_frames(self, seq: int, entry: Entry) -> list[bytes]:
        return chunks(self.lane, seq, _body(entry), self._limits.frame_bytes)

    def _entries(self, start: int, stop: int) -> list[Entry]:
        first = self.log.size - len(self._recent)
        if start >= first:
            return list(islice(self._recent, start - first, stop - first))
        entries = self._read(self.log.origin, start, stop)
        if len(entries) != stop - start:
            raise OwnFault(f"{self.log.origin}: the store gave {len(entries)} of leaves {start} to {stop}")
        return entries

    # --- checkpoints and receipts

    def _offer(self, elapsed: int) -> str | None:
        """Return the newest signed checkpoint that what was sent can satisfy, unless it was offered already."""
        size = min(self.sent, self._signed_size)
        if self.frozen is not None or size <= max(self._offered_size, 0):
            return None
        note = self.log.checkpoint if size == self._signed_size else None
        if note is None:
            note = sign_checkpoint(self.log.head(size), self._signer)
        self._offered_size, self._offered_at = size, elapsed
        if size > self.log.receipt_size:
            self._unreceipted.append((size, elapsed))
        text = frames.encode(Cp(self.lane, note.decode()))
        assert isinstance(text, str)
        return text

    def receipt_lag(self, elapsed: int) -> int:
        """How long a receipt has been owed on this channel, in nanoseconds; 0: none is.

        It is owed from the offer of a checkpoint on. For FLASH, which never waits, from the leaf on: a peer that gives
        no credit gives no receipt either.
        """
        owed = self._unreceipted[0][1] if self._unreceipted else None
        if self.lane is Lane.FLASH and self._is_open and self._recorded and self.frozen is None:
            since = max(self._recorded[0][1], self._opened_at)
            owed = since if owed is None else min(owed, since)
        return 0 if owed is None else elapsed - owed

    def shown_lag(self, elapsed: int) -> int | None:
        """Return the lag for the desk: of the receipt that is owed, else of the newest one; None before any."""
        return self.receipt_lag(elapsed) or self.newest_lag

    def offer_again_if_late(self, elapsed: int) -> None:
        """Offer a checkpoint again whose receipt is late."""
        if self._unreceipted and elapsed - self._offered_at >= self._limits.reoffer_ns:
            self._offered_size = -1

    def receipt(self, size: int, lines: str, elapsed: int) -> list[Effect]:
        """Take in the peer's cosignature over the first *size* leaves; raises LinkFault (``receipt``)."""
        if size > self.log.size:
            raise LinkFault(Code.RECEIPT, f"receipt: for {size} leaves of {self.log.size}", lines.encode())
        if size <= self.log.receipt_size or self.frozen is Code.DISK:
            return []
        head = self.log.head(size)
        try:
            mirrors = self._peer.chain.cosigners("mirror", head)
            signatures = open_note(f"{head.text}\n{lines}".encode(), *mirrors).signatures
        except PeerFault as wrong:
            raise LinkFault(Code.RECEIPT, f"receipt: {wrong.reason}", lines.encode()) from None
        # The first is the receipt proper: the ML-DSA-44 line comes on top of it, and never alone.
        at_s = next((s.at_s for s in signatures if s.vkey.algorithm == COSIGNATURE), None)
        if at_s is None:
            raise LinkFault(Code.RECEIPT, "receipt: not by the peer's mirror key", lines.encode())
        note = with_lines(sign_checkpoint(head, self._signer), *(signature.line for signature in signatures))
        receipt = Receipt(size, note, at_s)
        self.log.receipt = receipt
        for owed in (self._recorded, self._unreceipted):
            while owed and owed[0][0] <= size:
                self.newest_lag = elapsed - owed.popleft()[1]
        is_strong = any(s.vkey.algorithm == MLDSA44 for s in signatures)
        return [
            SaveReceipt(self.log.origin, receipt),
            *([Keep(strong_key(self.log.origin), note)] if is_strong else []),
            Held(self.log.origin, size, Instant(at_s * NS_PER_S)),
        ]


def _octets(entry: Entry) -> int:
    return len(entry.leaf) + len(entry.body or b"")


def _body(entry: Entry) -> Body | None:
    return None if entry.body is None else Body(entry.salt, entry.body)


def _signed_size(log: Log) -> int:
    """How many leaves the newest checkpoint of *log* covers; it is our own note, so it is not verified again."""
    return int(log.checkpoint.split(b"\n", 2)[1]) if log.checkpoint else 0
