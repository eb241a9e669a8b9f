"""What must hold of simulated links at every step and in the end, judged from the disks, not by the sessions' word.

Nothing leaves, is receipted or is told to an engine before it is on a disk; every log is one chain; a mirror holds what
its writer's disk has had; no size of a log is signed twice with two roots; FLASH goes first; what is on the way is
bounded; what was receipted is on both disks in the end, once and in order. Signatures are checked here a second time.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from detente.errors import DetenteError, PeerFault
from detente.evidence.checkpoint import Checkpoint, open_checkpoint
from detente.evidence.keys import parse_origin
from detente.evidence.leaf import Envelope, Lane, decode, is_body_of
from detente.evidence.log import Receipt
from detente.evidence.merkle import Tree, leaf_hash
from detente.evidence.note import b64, open_note, split_note
from detente.evidence.store import Entry
from detente.link import frames
from detente.link.effects import Append, Heard
from detente.link.fork import proof_in
from detente.link.frames import Code, Leaves, Preview, Rcpt
from detente.link.identity import LinkLimits
from detente.link.session import Session
from detente.link.transitions import State
from detente.link.window import FLOOR_BYTES
from detente.testing.clock import VirtualClock
from detente.testing.identities import own_identity, peer_identity
from detente.testing.store import MemoryStore
from detente.types import Instant

_FIRST_PREV = hashlib.sha256().digest()
_RANK = {lane: rank for rank, lane in enumerate(Lane)}
_LANES = tuple(Lane)


class _Place(msgspec.Struct):
    """The one field of a leaf that says whose key to look for."""

    log: str


_place = msgspec.json.Decoder(_Place)


def lane_of(frame: bytes) -> Lane:
    """Return the lane of a binary frame."""
    return _LANES[frame[1]]


class Violation(DetenteError):
    """Something that must hold did not, under *seed*."""

    def __init__(self, seed: int, what: str) -> None:
        super().__init__(seed, what)  # both, so that it can travel between processes
        self.seed = seed
        self.what = what

    def __str__(self) -> str:
        return f"seed {self.seed}: {self.what}"


@dataclass(eq=False)
class SimulatedNode:
    """One party: its disk outlives a crash, nothing else does."""

    name: str
    clock: VirtualClock
    store: MemoryStore = field(default_factory=MemoryStore)
    sessions: dict[str, Session] = field(default_factory=dict)
    appending: deque[tuple[str, Append]] = field(default_factory=deque)  # the first is on its way to the disk
    life: int = 0
    backup: MemoryStore | None = None
    is_disk_full: bool = False
    misreads: int = 0  # leaves still to be read back altered
    went_back: bool = False  # to a backup; a clone has gone on from there before anybody could tell it
    trees: dict[str, Tree] = field(default_factory=dict)  # over what is on the disk, kept by the simulation
    heard: dict[str, int] = field(default_factory=dict)  # by log: the next leaf the engine is to be told
    # By peer: bytes sent since a connection opened, and when it did, while nothing was credited.
    on_the_way: dict[str, tuple[int, Instant]] = field(default_factory=dict)

    def size(self, origin: str) -> int:
        """How many leaves of the log are on the disk."""
        return len(self.store.logs.get(origin, ()))


class Laws:
    """Judges each effect as it is performed."""

    def __init__(self, seed: int, nodes: Mapping[str, SimulatedNode], limits: LinkLimits, liar: str | None) -> None:
        self._seed = seed
        self._nodes = nodes
        self._limits = limits
        self._liar = liar
        self._opened: dict[bytes, Envelope] = {}
        self._proofs: dict[tuple[str, str], bool] = {}
        self._heads: dict[bytes, Checkpoint] = {}
        self._verified: set[bytes] = set()
        self._cosigned: set[bytes] = set()
        self._ever: defaultdict[tuple[str, int], set[bytes]] = defaultdict(set)
        self._signed: dict[tuple[str, int], bytes] = {}
        self._receipted: dict[str, tuple[int, bytes]] = {}  # by log: the largest receipt its writer ever had

    def require(self, holds: bool, what: str) -> None:
        """Raise Violation with *what* unless it holds."""
        if not holds:
            raise Violation(self._seed, what)

    def _is_true(self, writer: str) -> bool:
        return writer != self._liar and not self._nodes[writer].went_back

    def _open(self, leaf: bytes) -> Envelope:
        """Return the envelope in *leaf*, its signature checked once for each content."""
        envelope = self._opened.get(leaf)
        if envelope is None:
            line = split_note(leaf)[0].split(b"\n")[1]
            writer = parse_origin(_place.decode(line).log).writer
            envelope = self._opened[leaf] = decode(leaf, own_identity(writer).env.vkey)
        return envelope

    def _head(self, note: bytes) -> Checkpoint:
        """Return the checkpoint that *note* is of, read once; its signatures are not looked at."""
        head = self._heads.get(note)
        if head is None:
            head = self._heads[note] = Checkpoint.parse(split_note(note)[0].decode())
        return head

    # --- what goes to a disk

    def appends(self, node: SimulatedNode, origin: str, start: int, entries: Sequence[Entry]) -> None:
        """Whatever goes to a disk follows from what is there; and a mirror holds what its writer has held."""
        writer = parse_origin(origin).writer
        before = node.store.logs.get(origin, [])
        last = before[-1].leaf if before else None
        for seq, entry in enumerate(entries, start):
            try:
                envelope = self._open(entry.leaf)
            except PeerFault as wrong:
                raise Violation(self._seed, f"{node.name} records leaf {seq} of {origin}: {wrong.reason}") from None
            prev = _FIRST_PREV if last is None else leaf_hash(last)
            self.require(
                (envelope.log, envelope.seq, envelope.prev) == (origin, seq, b64(prev)),
                f"{node.name} records leaf {envelope.seq} of {envelope.log} at {seq} of {origin}, out of its chain",
            )
            if last is not None and self._is_true(writer):
                self.require(
                    self._open(last).hlc < envelope.hlc, f"{origin}: leaf {seq} is no later than the one before it"
                )
            last = entry.leaf
            if entry.body is not None:
                self.keeps_body(node, origin, seq, entry.leaf, entry.salt, entry.body)
            if node.name == writer:
                self._ever[origin, seq].add(entry.leaf)
            elif writer != self._liar:
                self.require(
                    entry.leaf in self._ever[origin, seq],
                    f"{node.name} records leaf {seq} of {origin}, which was never on its writer's disk",
                )

    def keeps_body(self, node: SimulatedNode, origin: str, seq: int, leaf: bytes, salt: bytes, body: bytes) -> None:
        """A body is the one that its leaf commits to."""
        self.require(
            is_body_of(self._open(leaf), salt, body),
            f"{node.name} records a body that leaf {seq} of {origin} is not over",
        )

    def signs(self, node: SimulatedNode, note: bytes) -> None:
        """A checkpoint is over leaves on its writer's disk, by the log's key, and no size is signed with two roots."""
        head = self._head(note)
        writer = parse_origin(head.origin).writer
        if note not in self._verified:
            try:
                open_checkpoint(note, peer_identity(writer).chain.log_vkeys(head.origin)[-1])
            except PeerFault as wrong:
                raise Violation(self._seed, f"{node.name} keeps {wrong.reason}") from None
            self._verified.add(note)
        if writer == node.name:
            self.require(
                head.size <= node.size(head.origin), f"{head.origin}: signs {head.size}, which are not on its disk"
            )
            if self._is_true(writer):
                before = self._signed.setdefault((head.origin, head.size), head.root)
                self.require(before == head.root, f"{head.origin}: two roots signed for {head.size} leaves")

    def keeps_receipt(self, node: SimulatedNode, peer: str, origin: str, receipt: Receipt) -> None:
        """A receipt is by the mirror's key, over a root of leaves that are on the mirror's disk."""
        head = self._head(receipt.note)
        is_ours = parse_origin(origin).writer == node.name
        mirror = self._nodes[peer] if is_ours else node
        self.require(
            self._is_cosigned(receipt.note, mirror.name),
            f"{origin}: {node.name} keeps a receipt that is not by {mirror.name}'s mirror key",
        )
        self.require(
            head.size == receipt.size <= mirror.size(origin),
            f"{origin}: a receipt for {receipt.size} leaves, {mirror.size(origin)} are on {mirror.name}'s disk",
        )
        self.require(
            mirror.trees[origin].root(head.size) == head.root,
            f"{origin}: a receipt over a root that is not of the leaves on {mirror.name}'s disk",
        )
        if is_ours and head.size >= self._receipted.get(origin, (0, b""))[0]:
            self._receipted[origin] = (head.size, head.root)

    def _is_cosigned(self, note: bytes, mirror: str) -> bool:
        cosigner = peer_identity(mirror).statement.vkey("mirror")
        if note not in self._cosigned:
            try:
                if open_note(note, cosigner).by(cosigner) is not None:
                    self._cosigned.add(note)
            except PeerFault:
                return False
        return note in self._cosigned

    # --- what leaves a node

    def in_order(self, node: SimulatedNode, lane: Lane, before: Lane) -> None:
        """Of what goes at one time, FLASH goes first, then the lane of operations, then tracks."""
        self.require(_RANK[lane] >= _RANK[before], f"{node.name} sends {lane} after {before}")

    def sends(self, node: SimulatedNode, peer: str, raw: str | bytes, now: Instant) -> None:
        """Nothing leaves before it is on the disk, and what is on the way is bounded."""
        if isinstance(raw, str):
            if raw.startswith('{"t":"rcpt"'):
                self._sends_receipt(node, peer, raw)
            return
        session = node.sessions[peer]
        lane = lane_of(raw)
        self._bound_on_the_way(node, peer, len(raw), now)
        if raw[0] in {2, 7}:
            return
        frame = frames.decode(raw)
        if isinstance(frame, Leaves):
            size = node.size(session.writers[lane].log.origin)
            self.require(frame.start + len(frame.leaves) <= size, f"{node.name} sends a leaf that is not on its disk")
        elif isinstance(frame, Preview):
            leaf = self._open(frame.leaf)
            self.require(leaf.seq < node.size(leaf.log), f"{node.name} shows a leaf that is not on its disk")

    def _bound_on_the_way(self, node: SimulatedNode, peer: str, octets: int, now: Instant) -> None:
        """Before anything was taken there is the smallest window, and what FLASH may have beyond it."""
        if peer not in node.on_the_way:
            return
        before, opened_at = node.on_the_way[peer]
        if now - opened_at >= self._limits.stall_ns // 2:
            del node.on_the_way[peer]  # about to be taken for lost, and sent again
            return
        node.on_the_way[peer] = (before + octets, opened_at)
        bound = FLOOR_BYTES + self._limits.flash_reserve_bytes + 2 * self._limits.frame_bytes
        self.require(
            before + octets <= bound,
            f"{node.name} has {before + octets} bytes on the way to {peer}, which has taken none yet",
        )

    def _sends_receipt(self, node: SimulatedNode, peer: str, raw: str) -> None:
        frame = frames.decode(raw)
        assert isinstance(frame, Rcpt)
        origin = node.sessions[peer].mirrors[frame.lane].log.origin
        self.require(frame.size <= node.size(origin), f"{node.name} gives a receipt before the disk has it")

    # --- what an engine is told

    def hears(self, node: SimulatedNode, heard: Heard) -> None:
        """Each leaf once, in order, after it is on the disk, with its body."""
        origin, seq = heard.envelope.log, heard.envelope.seq
        self.require(seq == node.heard[origin], f"{node.name} is told leaf {seq} of {origin}, not {node.heard[origin]}")
        node.heard[origin] = seq + 1
        self.require(seq < node.size(origin), f"{node.name} is told leaf {seq} of {origin} before it is on its disk")
        place = parse_origin(origin)
        if not self._is_true(place.writer):
            return
        sent = self._nodes[place.writer].store.logs.get(origin, [])
        if seq < len(sent):
            self.require(
                heard.body == sent[seq].body or (heard.body is None and place.lane is Lane.TRACK),
                f"{origin}: leaf {seq} came without its body",
            )

    def is_bounded(self, node: SimulatedNode) -> None:
        """What a session holds in memory beside its logs has a limit, however long the other side is away."""
        for session in node.sessions.values():
            for writer in session.writers.values():
                self.require(writer.next_seq - writer.log.size <= self._limits.unstored, "leaves wait for the disk")
            for mirror in session.mirrors.values():
                self.require(mirror.next_seq - mirror.log.size <= self._limits.unstored, "leaves wait for the disk")

    # --- in the end

    def settled(self, one: Session, other: Session, lane: Lane) -> None:
        """Both sides of one log are the same, receipted and told, and no desk says that anybody went back."""
        self._whole(one, other, lane)
        self.require(one.state not in {State.FORK, State.ROLLBACK}, f"{one.state} though nobody lied or went back")

    def _whole(self, one: Session, other: Session, lane: Lane) -> None:
        written, mirrored = one.writers[lane].log, other.mirrors[lane].log
        self.require(written.head() == mirrored.head(), f"{written.origin}: roots differ when all is quiet")
        self.require(
            written.receipt_size == written.size,
            f"{written.origin}: {written.receipt_size} of {written.size} leaves receipted when all is quiet",
        )
        self.require(other.mirrors[lane].delivered == written.size, f"{written.origin}: not all was told")
        self.require(not other.mirrors[lane].missing, f"{written.origin}: bodies are missing when all is quiet")
        size, root = self._receipted.get(written.origin, (0, _FIRST_PREV))
        self.require(
            size <= written.size and written.tree.root(size) == root, f"{written.origin}: receipted leaves are gone"
        )

    def proves(self, node: SimulatedNode, origin: str, proof: Sequence[bytes]) -> None:
        """Note whether *proof* shows two histories: by itself, or as a signed root beside the leaves we hold."""
        writer = own_identity(parse_origin(origin).writer)
        logs = [writer.log.named(origin).vkey]
        tree = node.trees.get(origin, Tree())
        is_proof = proof_in(origin, proof, logs, [writer.env.vkey]) is not None
        for note in proof:
            with suppress(PeerFault):
                head = open_checkpoint(note, *logs).checkpoint
                is_proof |= head.size <= tree.size and tree.root(head.size) != head.root
        self._proofs[node.name, origin] = is_proof

    def recovered_or_forked(self, one: Session, other: Session, lane: Lane) -> None:
        """After somebody went back a log is whole on both sides again, or both show a fork and one holds the proof."""
        log = one.writers[lane].log.origin
        sides = (one.writers[lane].frozen, other.mirrors[lane].frozen)
        if Code.FORK not in sides:
            self._whole(one, other, lane)
            self.require(State.ROLLBACK not in {one.state, other.state}, f"{log}: whole, and the desks say ROLLBACK")
            return
        self.require(self._nodes[parse_origin(log).writer].went_back, f"{log}: a fork of a writer that never went back")
        self.require(sides == (Code.FORK, Code.FORK), f"{log}: a fork that one side does not show: {sides}")
        self.require(one.state is other.state is State.FORK, f"{log}: forked, and a desk says else")
        has_proof = [self._proofs.get((name, log), False) for name in self._pair(log)]
        self.require(any(has_proof), f"{log}: a fork of which nobody holds a proof")

    @staticmethod
    def _pair(log: str) -> tuple[str, str]:
        place = parse_origin(log)
        return place.writer, place.reader
