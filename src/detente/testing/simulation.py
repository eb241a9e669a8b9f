"""Whole links in one thread, from one seed: N parties, a bad network, drifting clocks, crashes, torn tails, a liar.

Every seed draws which faults it has, so that rare mixes occur. While it runs, each effect is checked as it is
performed; at the end everything heals, and what must then be equal is compared. A violation names its seed and nothing
else is needed to see it again. What is simulated is the product's own `Session`; only disk, network and clock are ours.
"""

from __future__ import annotations

import hashlib
import heapq
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

import msgspec

from detente.errors import DetenteError
from detente.evidence.checkpoint import Checkpoint, sign_checkpoint
from detente.evidence.keys import parse_origin
from detente.evidence.leaf import Kind, Lane, decode, is_body_of
from detente.evidence.leaf import encode as encode_leaf
from detente.evidence.log import Receipt
from detente.evidence.merkle import Tree, leaf_hash
from detente.evidence.note import b64, split_note
from detente.evidence.store import Entry
from detente.link import frames
from detente.link.effects import (
    Append,
    Close,
    Effect,
    Heard,
    Held,
    KeepBody,
    SaveCheckpoint,
    SaveReceipt,
    Transmit,
)
from detente.link.frames import Channel, Cp, Leaves, LinkFault, Preview, Rcpt
from detente.link.restore import restored_session
from detente.link.session import Draft, Session
from detente.link.transitions import State
from detente.testing.clock import DAY_ZERO, VirtualClock
from detente.testing.identities import own_identity, peer_identity
from detente.testing.network import Faults, Line, LossyNetwork, line
from detente.testing.store import MemoryStore
from detente.types import NS_PER_MS, NS_PER_S, Instant, Precedence

PARTIES: Final = ("alfa.example/detente", "bravo.example/detente", "charlie.example/detente")
_POL: Final = b64(bytes(32))
_TICK_NS: Final = 500 * NS_PER_MS
_TROUBLE_NS: Final = 5 * NS_PER_S
_CALM_NS: Final = 40 * NS_PER_S
_PRECEDENCE: Final = {
    Lane.FLASH: Precedence.FLASH,
    Lane.OPS: Precedence.ROUTINE,
    Lane.TRACK: Precedence.ROUTINE,
}


class Violation(DetenteError):
    """Something that must hold did not, under *seed*."""

    def __init__(self, seed: int, what: str) -> None:
        super().__init__(seed, what)  # both, so that it can travel between processes
        self.seed = seed
        self.what = what

    def __str__(self) -> str:
        return f"seed {self.seed}: {self.what}"


@dataclass(frozen=True)
class History:
    """What one seed came to. *digest* is over all logs, checkpoints, receipts and deliveries."""

    seed: int
    digest: bytes
    leaves: int
    cuts: int
    crashes: int
    lies: int


@dataclass(frozen=True)
class _Plan:
    """What one seed does."""

    parties: tuple[str, ...]
    network: Faults
    leaves: int
    cuts: int
    crashes: int
    clock_jumps: int
    disk_ns: int
    liar: str | None

    @classmethod
    def drawn(cls, source: random.Random) -> _Plan:
        def sometimes(value: float) -> float:
            return value if source.random() < 0.5 else 0.0

        return cls(
            parties=PARTIES[: 3 if source.random() < 0.15 else 2],
            network=Faults(
                drop=sometimes(0.1),
                duplicate=sometimes(0.1),
                reorder=sometimes(0.1),
                delay_ns=source.choice((1, 20, 200)) * NS_PER_MS,
                jitter_ns=int(sometimes(300 * NS_PER_MS)),
            ),
            leaves=source.randrange(4, 16),
            cuts=int(sometimes(source.randrange(1, 4))),
            crashes=int(sometimes(source.randrange(1, 3))),
            clock_jumps=int(sometimes(2)),
            disk_ns=source.choice((0, 1, 100)) * NS_PER_MS,
            liar=PARTIES[source.randrange(2)] if source.random() < 0.15 else None,
        )


@dataclass(eq=False)
class _Node:
    """One party: its disk outlives a crash, nothing else does."""

    name: str
    clock: VirtualClock
    store: MemoryStore = field(default_factory=MemoryStore)
    sessions: dict[str, Session] = field(default_factory=dict)
    appending: deque[tuple[str, Append]] = field(default_factory=deque)  # the first is on its way to the disk
    life: int = 0
    trees: dict[str, Tree] = field(default_factory=dict)  # over what is on the disk, kept by the simulation
    heard: dict[str, int] = field(default_factory=dict)  # by log: the next leaf the engine is to be told


class Simulation:
    """One seed from start to end: `run` returns its history or raises `Violation`."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._random = random.Random(seed)  # noqa: S311 reproducible is the point
        self.plan = _Plan.drawn(self._random)
        self.now = Instant(DAY_ZERO)
        self._network = LossyNetwork(self._random, self.plan.network)
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._order = 0
        self._hash = hashlib.sha256(b"detente-simulation/v1 %d\n" % seed)
        self._signed: dict[tuple[str, int], bytes] = {}
        self._written = 0
        self._lies = 0
        self._nodes = {
            name: _Node(
                name, VirtualClock(self._random.randrange(-NS_PER_S, NS_PER_S), self._random.randrange(-200, 200))
            )
            for name in self.plan.parties
        }
        self._lines: list[Line] = [
            line(a, b) for i, a in enumerate(self.plan.parties) for b in self.plan.parties[i + 1 :]
        ]

    # --- the schedule

    def run(self) -> History:
        """Return what this seed came to; raises `Violation`."""
        for node in self._nodes.values():
            self._start(node)
        for way in self._lines:
            self._connect(way)
        self._draw_trouble()
        self._run_until(Instant(DAY_ZERO + _TROUBLE_NS))
        self._calm()
        return self._history()

    def _draw_trouble(self) -> None:
        plan = self.plan
        lanes = (Lane.FLASH, Lane.FLASH, Lane.OPS, Lane.TRACK)
        for n in range(plan.leaves):
            name, lane = self._random.choice(plan.parties), self._random.choice(lanes)
            peer = self._random.choice([other for other in plan.parties if other != name])
            self._at_some_time(partial(self._write, name, peer, lane, n))
        for _ in range(plan.cuts):
            way, is_silent = self._random.choice(self._lines), self._random.random() < 0.3
            self._at_some_time(partial(self._cut, way, is_silent=is_silent))
        for _ in range(plan.crashes):
            self._at_some_time(partial(self._crash, self._random.choice(plan.parties)))
        for _ in range(plan.clock_jumps):
            by_ns = self._random.choice((-1, 1)) * self._random.choice((NS_PER_S, 3_600 * NS_PER_S, 10**9 * NS_PER_S))
            by_ns = max(by_ns, -3_600 * NS_PER_S)  # before 1970 no wire has a number
            self._at_some_time(partial(self._jump, self._random.choice(plan.parties), by_ns))

    def _at_some_time(self, action: Callable[[], None]) -> None:
        self._at(self.now + self._random.randrange(_TROUBLE_NS), action)

    def _at(self, when: int, action: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._events, (when, self._order, action))

    def _run_until(self, end: Instant, is_done: Callable[[], bool] = lambda: False) -> None:
        while self._events and self._events[0][0] <= end:
            when, _, action = heapq.heappop(self._events)
            self.now = Instant(max(self.now, when))
            action()
            if is_done():
                return
        self.now = end

    def _calm(self) -> None:
        """Heal everything, wait until nothing is owed, and compare."""
        self._network.faults = Faults(delay_ns=NS_PER_MS)
        for way in self._lines:
            self._cut(way, is_silent=False)
            self._connect(way)
        if self.plan.liar is None:
            self._run_until(Instant(self.now + _CALM_NS), self._is_settled)
            self._check_settled()
        else:
            self._run_until(Instant(self.now + 3 * NS_PER_S))

    # --- nodes

    def _start(self, node: _Node) -> None:
        node.life += 1
        node.appending.clear()
        node.sessions = {
            peer: restored_session(node.store, own_identity(node.name), peer_identity(peer))
            for peer in self.plan.parties
            if peer != node.name
        }
        node.heard = {
            mirror.log.origin: mirror.delivered
            for session in node.sessions.values()
            for mirror in session.mirrors.values()
        }
        self._at(self.now + self._random.randrange(_TICK_NS), partial(self._tick, node, node.life))

    def _tick(self, node: _Node, life: int) -> None:
        if node.life == life:
            for peer, session in node.sessions.items():
                self._perform(node, peer, session.tick(self._clock(node)))
            self._at(self.now + _TICK_NS, partial(self._tick, node, life))

    def _clock(self, node: _Node) -> Instant:
        return node.clock.at(self.now)

    def _jump(self, name: str, by_ns: int) -> None:
        self._nodes[name].clock.jump(by_ns)

    def _write(self, name: str, peer: str, lane: Lane, n: int) -> None:
        node = self._nodes[name]
        draft = Draft(
            kind=Kind.TRACK if lane is Lane.TRACK else Kind.HOTLINE,
            body=b"%d of seed %d %s" % (n, self.seed, b"." * self._random.choice((0, 0, 1_000, 40_000))),
            precedence=_PRECEDENCE[lane],
            by="operator",
            pol=_POL,
        )
        session = node.sessions[peer]
        if session.writers[lane].frozen is None:
            _, effects = session.write(lane, draft, self._clock(node))
            self._perform(node, peer, effects)

    def _crash(self, name: str) -> None:
        """Stop a node in the middle of what it does: of a write under way any part may be on the disk."""
        node = self._nodes[name]
        for _, append in list(node.appending):
            torn = append.entries[: self._random.randrange(len(append.entries) + 1)]
            if torn:
                self._on_disk(node, append.origin, append.start, torn)
            if len(torn) < len(append.entries):
                break
        for way in self._lines:
            if name in way:
                self._cut(way, is_silent=False, without=name)
        self._start(node)

    # --- the network

    def _connect(self, way: Line) -> None:
        self._network.open(way)
        for one, other in (way, way[::-1]):
            node = self._nodes[one]
            for channel in Channel:
                self._perform(node, other, node.sessions[other].opened(channel, self._clock(node)))

    def _cut(self, way: Line, *, is_silent: bool, without: str = "") -> None:
        if is_silent:
            self._network.swallow(way)
        else:
            self._network.cut(way)
            for one, other in (way, way[::-1]):
                if one != without:
                    node = self._nodes[one]
                    for channel in Channel:
                        self._perform(node, other, node.sessions[other].closed(channel, self._clock(node)))
        self._at(self.now + self._random.randrange(100, 3_000) * NS_PER_MS, partial(self._heal, way))

    def _heal(self, way: Line) -> None:
        self._network.cut(way)
        self._connect(way)

    def _carry(self, sender: _Node, receiver: str, channel: Channel, frame: str | bytes) -> None:
        way = line(sender.name, receiver)
        if sender.name == self.plan.liar:
            frame = self._lie(sender, frame)
        generation = self._network.generation(way)
        for at in self._network.arrivals(sender.name, receiver, channel, self.now):
            self._at(at, partial(self._deliver, way, generation, sender.name, receiver, channel, frame))

    def _deliver(
        self, way: Line, generation: int, sender: str, receiver: str, channel: Channel, frame: str | bytes
    ) -> None:
        if self._network.generation(way) == generation:
            node = self._nodes[receiver]
            self._perform(node, sender, node.sessions[sender].received(channel, frame, self._clock(node)))

    # --- effects

    def _perform(self, node: _Node, peer: str, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Append):
                node.appending.append((peer, effect))
                if len(node.appending) == 1:
                    self._write_next(node)
            else:
                self._do(node, peer, effect)

    def _write_next(self, node: _Node) -> None:
        """The disk takes its time and everything but the next append goes on meanwhile, as far as a node may go."""
        while node.appending:
            if self.plan.disk_ns:
                self._at(self.now + self.plan.disk_ns, partial(self._written_to_disk, node, node.life))
                return
            self._append(node)

    def _written_to_disk(self, node: _Node, life: int) -> None:
        if node.life == life:
            self._append(node)
            self._write_next(node)

    def _append(self, node: _Node) -> None:
        peer, append = node.appending[0]
        hashes = self._on_disk(node, append.origin, append.start, append.entries)
        stored = node.sessions[peer].stored(append.origin, append.start, hashes, self._clock(node))
        self._perform(node, peer, stored)
        node.appending.popleft()

    def _do(self, node: _Node, peer: str, effect: Effect) -> None:
        match effect:
            case KeepBody(origin, seq, salt, body):
                self._check_body(node, origin, node.store.logs[origin][seq].leaf, salt, body)
                node.store.put_body(origin, seq, salt, body)
            case SaveCheckpoint(origin, old, new):
                self._check_signed_once(node, new)
                node.store.replace_checkpoint(origin, old, new)
            case SaveReceipt(origin, receipt):
                self._check_receipt(node, peer, origin, receipt)
                node.store.put_receipt(origin, receipt)
            case Transmit(channel, frame):
                self._check_sent(node, peer, frame)
                self._carry(node, peer, channel, frame)
            case Heard():
                self._check_heard(node, effect)
            case Held(origin, size, _):
                self._require(
                    self._size(self._nodes[peer], origin) >= size, f"{origin}: held {size}, not on {peer}'s disk"
                )
            case Close():
                self._cut(line(node.name, peer), is_silent=False)
            case _:
                self._hash.update(repr(effect).encode())

    def _on_disk(self, node: _Node, origin: str, start: int, entries: Sequence[Entry]) -> list[bytes]:
        self._check_chain(node, origin, start, entries)
        hashes = node.store.append([(origin, start, entries)])[origin]
        node.trees.setdefault(origin, Tree()).extend(hashes)
        return hashes

    # --- what must hold at every step

    def _require(self, holds: bool, what: str) -> None:
        if not holds:
            raise Violation(self.seed, what)

    @staticmethod
    def _size(node: _Node, origin: str) -> int:
        return len(node.store.logs.get(origin, ()))

    def _check_chain(self, node: _Node, origin: str, start: int, entries: Sequence[Entry]) -> None:
        """Whatever goes to a disk follows from what is there; and a mirror holds what its writer holds."""
        writer = parse_origin(origin).writer
        vkey = own_identity(writer).env.vkey
        before = node.store.logs.get(origin, [])
        last = before[-1].leaf if before else None
        for seq, entry in enumerate(entries, start):
            envelope = decode(entry.leaf, vkey)
            prev = hashlib.sha256().digest() if last is None else leaf_hash(last)
            self._require(
                (envelope.log, envelope.seq, envelope.prev) == (origin, seq, b64(prev)),
                f"{node.name} records leaf {envelope.seq} of {envelope.log} at {seq} of {origin}, out of its chain",
            )
            last = entry.leaf
            if entry.body is not None:
                self._check_body(node, origin, entry.leaf, entry.salt, entry.body)
            if node.name != writer != self.plan.liar:
                theirs = self._nodes[writer].store.logs.get(origin, [])
                self._require(
                    seq < len(theirs) and theirs[seq].leaf == entry.leaf,
                    f"{node.name} records leaf {seq} of {origin}, which is not on its writer's disk",
                )

    def _check_body(self, node: _Node, origin: str, leaf: bytes, salt: bytes, body: bytes) -> None:
        envelope = decode(leaf, own_identity(parse_origin(origin).writer).env.vkey)
        self._require(
            is_body_of(envelope, salt, body),
            f"{node.name} records a body that leaf {envelope.seq} of {origin} is not over",
        )

    def _check_signed_once(self, node: _Node, note: bytes) -> None:
        text = split_note(note)[0]
        head = Checkpoint.parse(text.decode())
        if parse_origin(head.origin).writer == node.name:
            self._require(
                head.size <= self._size(node, head.origin), f"{head.origin}: signs {head.size}, not on its disk"
            )
            before = self._signed.setdefault((head.origin, head.size), text)
            self._require(before == text, f"{head.origin}: two roots signed for {head.size} leaves")

    def _check_receipt(self, node: _Node, peer: str, origin: str, receipt: Receipt) -> None:
        head = Checkpoint.parse(split_note(receipt.note)[0].decode())
        mirror = self._nodes[peer] if parse_origin(origin).writer == node.name else node
        self._require(
            head.size == receipt.size <= self._size(mirror, origin),
            f"{origin}: a receipt for {receipt.size} leaves, {self._size(mirror, origin)} are on {mirror.name}'s disk",
        )
        self._require(
            mirror.trees[origin].root(head.size) == head.root,
            f"{origin}: a receipt over a root that is not of the leaves on {mirror.name}'s disk",
        )

    def _check_sent(self, node: _Node, peer: str, raw: str | bytes) -> None:
        self._hash.update(raw.encode() if isinstance(raw, str) else raw)
        if isinstance(raw, bytes) and raw[0] == 2:
            return
        if isinstance(raw, str) and not raw.startswith('{"t":"rcpt"'):
            return
        frame = frames.decode(raw)
        if isinstance(frame, Leaves):
            size = self._size(node, node.sessions[peer].writers[frame.lane].log.origin)
            self._require(frame.start + len(frame.leaves) <= size, f"{node.name} sends a leaf that is not on its disk")
        elif isinstance(frame, Preview):
            leaf = decode(frame.leaf, own_identity(node.name).env.vkey)
            self._require(leaf.seq < self._size(node, leaf.log), f"{node.name} shows a leaf that is not on its disk")
        elif isinstance(frame, Rcpt):
            origin = node.sessions[peer].mirrors[frame.lane].log.origin
            self._require(frame.size <= self._size(node, origin), f"{node.name} gives a receipt before the disk has it")

    def _check_heard(self, node: _Node, heard: Heard) -> None:
        origin, seq = heard.envelope.log, heard.envelope.seq
        self._require(
            seq == node.heard[origin], f"{node.name} is told leaf {seq} of {origin}, not {node.heard[origin]}"
        )
        node.heard[origin] = seq + 1
        self._require(
            seq < self._size(node, origin), f"{node.name} is told leaf {seq} of {origin} before it is on its disk"
        )
        lane = parse_origin(origin).lane
        if parse_origin(origin).writer == self.plan.liar:
            return
        sent = self._nodes[parse_origin(origin).writer].store.logs[origin][seq].body
        self._require(
            heard.body == sent or (heard.body is None and lane is Lane.TRACK),
            f"{origin}: leaf {seq} came without its body",
        )
        self._hash.update(heard.leaf_hash)

    # --- what must hold in the end

    def _links(self) -> list[tuple[Session, Session]]:
        return [
            (self._nodes[a].sessions[b], self._nodes[b].sessions[a]) for way in self._lines for a, b in (way, way[::-1])
        ]

    def _is_settled(self) -> bool:
        return all(
            one.writers[lane].log.receipt_size == one.writers[lane].next_seq == other.mirrors[lane].delivered
            and not other.mirrors[lane].missing
            for one, other in self._links()
            for lane in Lane
        )

    def _check_settled(self) -> None:
        for one, other in self._links():
            for lane in Lane:
                written, mirrored = one.writers[lane].log, other.mirrors[lane].log
                self._require(written.head() == mirrored.head(), f"{written.origin}: roots differ when all is quiet")
                self._require(
                    written.receipt_size == written.size,
                    f"{written.origin}: {written.receipt_size} of {written.size} leaves receipted when all is quiet",
                )
                self._require(other.mirrors[lane].delivered == written.size, f"{written.origin}: not all was told")
                self._require(
                    not other.mirrors[lane].missing, f"{written.origin}: bodies are missing when all is quiet"
                )
            self._require(one.state not in {State.FORK, State.ROLLBACK}, f"{one.state} without a liar")

    def _history(self) -> History:
        leaves = 0
        for name, node in self._nodes.items():
            for origin in sorted(node.store.logs):
                leaves += len(node.store.logs[origin])
                receipt = node.store.receipt(origin)
                self._hash.update(f"{name} {origin} ".encode() + node.store.leaf_hashes(origin))
                self._hash.update((node.store.checkpoint(origin) or b"") + (receipt.note if receipt else b""))
        return History(self.seed, self._hash.digest(), leaves, self.plan.cuts, self.plan.crashes, self._lies)

    # --- the liar

    def _lie(self, liar: _Node, raw: str | bytes) -> str | bytes:
        """Alter what a dishonest node sends, signed with its own good keys."""
        if self._random.random() >= 0.3:
            return raw
        try:
            frame = frames.decode(raw)
        except LinkFault:
            return raw
        own = own_identity(liar.name)
        self._lies += 1
        if isinstance(frame, Leaves):
            envelope = decode(frame.leaves[0], own.env.vkey)
            lies: tuple[dict[str, object], ...] = (
                {"prev": _POL},
                {"seq": envelope.seq + 1},
                {"to": "nobody.example/detente"},
                {},
            )
            false = self._random.choice(lies)
            forger = own.env if false else own.log  # or true in every word, under a key that is not for leaves
            forged = encode_leaf(msgspec.structs.replace(envelope, **false), forger)
            return frames.encode(replace(frame, leaves=[forged, *frame.leaves[1:]]))
        if isinstance(frame, Cp):
            head = Checkpoint.parse(split_note(frame.note.encode())[0].decode())
            forged = sign_checkpoint(replace(head, root=bytes(32)), own.log)
            return frames.encode(Cp(frame.lane, forged.decode()))
        if isinstance(raw, bytes):
            at = self._random.randrange(len(raw))
            return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        return raw


def simulate(seed: int) -> History:
    """Return the history of *seed*; raises `Violation`, for an exception of the core too."""
    try:
        return Simulation(seed).run()
    except Violation:
        raise
    except Exception as wrong:
        raise Violation(seed, f"{type(wrong).__name__}: {wrong}") from wrong


def histories_digest(histories: Sequence[History]) -> str:
    """Return one hex digest over *histories*, in the order of their seeds."""
    ordered = sorted(histories, key=lambda history: history.seed)
    return hashlib.sha256(b"".join(history.digest for history in ordered)).hexdigest()
