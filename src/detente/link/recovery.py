"""Our own leaves given back from the peer's mirror: how a node goes on that was restored from a backup.

Nothing is believed because the peer says it: each leaf bears our own signature and follows from the one before. A leaf
of ours that does not follow from what we hold is proof that this node has two histories.
"""

from __future__ import annotations

from detente.evidence.leaf import Envelope
from detente.evidence.merkle import leaf_hash
from detente.evidence.note import b64
from detente.evidence.store import Entry
from detente.link import frames
from detente.link.bodies import Arrivals, Body, body_for
from detente.link.effects import Append, Effect, Refused, Transmit
from detente.link.fork import signed_by
from detente.link.frames import CHANNEL_OF, Ask, Chunk, Code, Given, LaneHello, LinkFault
from detente.link.identity import LinkLimits, OwnIdentity, Read
from detente.link.mirror import ForkSeen
from detente.link.writer import Writer


class Recovery:
    """One own log on its way back. `said` is what the peer's hello said of the lane. *elapsed* is in nanoseconds."""

    def __init__(self, own: OwnIdentity, writer: Writer, said: LaneHello, read: Read, limits: LinkLimits) -> None:
        self.writer = writer
        self.said = said
        self._own = own
        self._read = read
        self._limits = limits
        self._bodies = Arrivals(limits.given_leaves, limits.early_bytes, limits.body_bytes)
        self._asked_at: int | None = None

    @property
    def is_done(self) -> bool:
        """Whether all that the peer held at its hello is on our disk again."""
        return self.writer.log.size >= self.said.have[0]

    def ask(self, elapsed: int) -> list[Effect]:
        """Ask for what is next, once what came is on the disk; again when nothing comes."""
        writer = self.writer
        is_waiting = self._asked_at is not None and elapsed - self._asked_at < self._limits.ask_again_ns
        if writer.next_seq != writer.log.size or self.is_done or is_waiting:
            return []
        self._asked_at = elapsed
        return [Transmit(CHANNEL_OF[writer.lane], frames.encode(Ask(writer.lane, writer.log.size)))]

    def stored(self, elapsed: int) -> list[Effect]:
        """Go on asking after what came was recorded."""
        self._asked_at = None
        return self.ask(elapsed)

    def chunk(self, chunk: Chunk) -> list[Effect]:
        """Take in a piece of a body of ours."""
        try:
            if chunk.total:
                self._bodies.add(chunk)
        except LinkFault as fault:
            return [Refused(fault.code, fault.reason)]
        return []

    def given(self, bundle: Given) -> list[Effect]:
        """Take in leaves of ours; raises ForkSeen for one of another history, LinkFault for a bad one."""
        writer = self.writer
        first = writer.next_seq
        entries: list[Entry] = []
        for seq, leaf in enumerate(bundle.leaves, bundle.start):
            if seq < writer.next_seq and leaf_hash(leaf) == writer.hash_at(seq):
                continue  # given twice: on the disk, or on its way there
            if seq > writer.next_seq or len(entries) >= self._limits.given_leaves or writer.is_full:
                break  # the rest is asked for once this is on the disk
            entries.append(self._taken(seq, leaf))
        return [Append(writer.log.origin, first, tuple(entries))] if entries else []

    def _taken(self, seq: int, leaf: bytes) -> Entry:
        writer, origin = self.writer, self.writer.log.origin
        envelope = signed_by(leaf, self._own.env_vkeys)
        if envelope is None:
            raise LinkFault(Code.LEAF, "given back: not a leaf that we signed", leaf)
        if (envelope.log, envelope.seq, envelope.to) != (origin, seq, writer.reader):
            raise LinkFault(Code.PLACE, f"given back: signed for {envelope.log} {envelope.seq}", leaf)
        if seq < writer.next_seq:
            raise ForkSeen(origin, f"two leaves {seq} of our own", *self._held(seq), leaf)
        if envelope.prev != b64(writer.last_hash):
            raise ForkSeen(origin, f"our own leaf {seq} does not follow from what is here", *self._held(seq - 1), leaf)
        body = self._body(envelope)
        writer.take_back(envelope, leaf, None if body is None else body.octets)
        return Entry(leaf=leaf, body=None if body is None else body.octets, salt=b"" if body is None else body.salt)

    def _held(self, seq: int) -> list[bytes]:
        """Our own leaf *seq*, if it is on the disk."""
        return [entry.leaf for entry in self._read(self.writer.log.origin, seq, seq + 1)] if seq >= 0 else []

    def _body(self, envelope: Envelope) -> Body | None:
        travelled = self._bodies.whole(envelope.seq)
        self._bodies.drop(envelope.seq)
        if travelled is None:
            return None
        try:
            return body_for(envelope, travelled)
        except LinkFault:
            return None  # the leaf proves itself; a body that is not its own is left out, and stays missing
