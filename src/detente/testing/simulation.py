"""Whole links in one thread, from one seed: parties on a bad network with wrong clocks, bad disks, backups and a liar.

Every seed draws which faults it has, so that rare mixes occur. While it runs, each effect is judged as it is performed
(`Laws`); at the end everything heals, and what must then be equal is compared. A violation names its seed and nothing
else is needed to see it again. What is simulated is the product's own `Session`; only disk, network and clock are ours.
"""

from __future__ import annotations

import hashlib
import heapq
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from detente.errors import OwnFault
from detente.evidence.leaf import Kind, Lane
from detente.evidence.merkle import Tree, leaf_hash
from detente.evidence.note import b64
from detente.evidence.store import Entry
from detente.link.effects import (
    Append,
    Close,
    Effect,
    Forked,
    Heard,
    Held,
    Keep,
    KeepBody,
    SaveCheckpoint,
    SaveReceipt,
    Transmit,
)
from detente.link.frames import Channel, Code
from detente.link.restore import restored_session
from detente.link.session import Draft, Session
from detente.link.transitions import State
from detente.testing.clock import DAY_ZERO, VirtualClock
from detente.testing.identities import own_identity, peer_identity
from detente.testing.laws import Laws, SimulatedNode, Violation, lane_of
from detente.testing.liar import lie
from detente.testing.network import Faults, Line, LossyNetwork, line
from detente.testing.plan import TROUBLE_NS, Plan
from detente.testing.signatures import shared
from detente.types import NS_PER_MS, NS_PER_S, Instant, Precedence

_POL: Final = b64(bytes(32))
_TICK_NS: Final = 500 * NS_PER_MS
_LOOK_NS: Final = 100 * NS_PER_MS
_CALM_NS: Final = 40 * NS_PER_S
_LONG_NS: Final = 200 * NS_PER_S  # what was held before is sent again at a quarter of the line
_TRACE_LINES: Final = 60
_BODY_BYTES: Final = (0, 1_000, 18_000, 120_000), (60, 29, 9, 2)
"""Lengths and how often: short ones, some beyond the smallest window, few beyond what may wait."""
_LANES: Final = (Lane.FLASH, Lane.FLASH, Lane.OPS, Lane.TRACK)
_PRECEDENCE: Final = {
    Lane.FLASH: Precedence.FLASH,
    Lane.OPS: Precedence.ROUTINE,
    Lane.TRACK: Precedence.ROUTINE,
}


@dataclass(frozen=True)
class History:
    """What one seed came to. *digest* is over all logs, checkpoints, receipts and deliveries."""

    seed: int
    digest: bytes
    leaves: int
    cuts: int
    crashes: int
    full_disks: int
    restores: int
    clones: int
    lies: int


__all__ = ["History", "Simulation", "Violation", "histories_digest", "simulate", "traced"]


class Simulation:
    """One seed from start to end: `run` returns its history or raises `Violation`; `trace` is what happened last."""

    def __init__(self, seed: int, *, is_traced: bool = False) -> None:
        self.seed = seed
        self._random = random.Random(seed)  # noqa: S311 reproducible is the point
        self.plan = Plan.drawn(self._random)
        self.now = Instant(DAY_ZERO)
        self.trace: deque[str] = deque(maxlen=_TRACE_LINES if is_traced else 0)
        self._network = LossyNetwork(self._random, self.plan.network)
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._order = 0
        self._hash = hashlib.sha256(b"detente-simulation/v2 %d\n" % seed)
        self._lies = 0
        self._is_calm = False
        self._nodes = {
            name: SimulatedNode(
                name, VirtualClock(self._random.randrange(-NS_PER_S, NS_PER_S), self._random.randrange(-200, 200))
            )
            for name in self.plan.parties
        }
        self._laws = Laws(seed, self._nodes, self.plan.limits, self.plan.liar)
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
        self._run_until(Instant(DAY_ZERO + TROUBLE_NS))
        self._calm()
        return self._history()

    def _draw_trouble(self) -> None:
        plan, draw = self.plan, self._random
        for n in range(plan.leaves):
            name = draw.choice(plan.parties)
            self._at_some_time(partial(self._write, name, self._other(name), draw.choice(_LANES), n))
        for _ in range(plan.cuts):
            way, is_silent = draw.choice(self._lines), draw.random() < 0.3
            self._at_some_time(partial(self._cut, way, is_silent=is_silent))
        for _ in range(plan.crashes):
            self._at_some_time(partial(self._crash, draw.choice(plan.parties)))
        for _ in range(plan.clock_jumps):
            by_ns = draw.choice((-1, 1)) * draw.choice((NS_PER_S, 3_600 * NS_PER_S, 10**9 * NS_PER_S))
            by_ns = max(by_ns, -3_600 * NS_PER_S)  # before 1970 no wire has a number
            self._at_some_time(partial(self._jump, draw.choice(plan.parties), by_ns))
        for _ in range(plan.full_disks):
            self._at_some_time(partial(self._fill_disk, draw.choice(plan.parties)))
        for _ in range(plan.misreads):
            self._at_some_time(partial(self._misread, draw.choice(plan.parties)))
        for _ in range(plan.restores):
            self._go_back_at_some_time(self._restore)
        for _ in range(plan.clones):
            self._go_back_at_some_time(self._clone)

    def _go_back_at_some_time(self, how: Callable[[str], None]) -> None:
        name = self._random.choice(self.plan.parties)
        first, then = sorted(self._random.randrange(TROUBLE_NS) for _ in range(2))
        self._at(self.now + first, partial(self._back_up, name))
        self._at(self.now + then, partial(how, name))

    def _other(self, name: str) -> str:
        return self._random.choice([other for other in self.plan.parties if other != name])

    def _at_some_time(self, action: Callable[[], None]) -> None:
        self._at(self.now + self._random.randrange(TROUBLE_NS), action)

    def _at(self, when: int, action: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._events, (when, self._order, action))

    def _run_until(self, end: Instant, is_done: Callable[[], bool] = lambda: False) -> None:
        looked = self.now
        while self._events and self._events[0][0] <= end:
            when, _, action = heapq.heappop(self._events)
            self.now = Instant(when)
            action()
            if when - looked >= _LOOK_NS:
                looked = self.now
                if is_done():
                    return
        self.now = end

    def _calm(self) -> None:
        """Heal everything, wait until nothing is owed, and compare."""
        self._is_calm = True
        self._say("everything heals")
        self._network.faults = Faults(delay_ns=NS_PER_MS)
        for node in self._nodes.values():
            node.is_disk_full = False
            node.misreads = 0
        self._connect_all()
        if self.plan.liar is not None:
            self._run_until(Instant(self.now + 3 * NS_PER_S))
            return
        if any(node.went_back for node in self._nodes.values()):
            self._run_until(Instant(self.now + NS_PER_S + 4 * self.plan.disk_ns))
            self._connect_all()  # what was on its way to a slow disk is there now, and is told
            self._run_until(Instant(self.now + _LONG_NS), self._is_settled)
            # The next heartbeats end a ROLLBACK, and show a fork to the other side.
            self._run_until(Instant(self.now + 2 * NS_PER_S), self._is_shown)
            for one, other in self._links():
                for lane in Lane:
                    self._laws.recovered_or_forked(one, other, lane)
            return
        self._run_until(Instant(self.now + _CALM_NS), self._is_settled)
        for one, other in self._links():
            for lane in Lane:
                self._laws.settled(one, other, lane)

    def _connect_all(self) -> None:
        for way in self._lines:
            self._heal(way)

    def _say(self, what: str, *more: object) -> None:
        if self.trace.maxlen:
            self.trace.append(" ".join((f"{(self.now - DAY_ZERO) / NS_PER_S:9.4f} s  {what}", *map(str, more))))

    # --- nodes

    def _start(self, node: SimulatedNode) -> None:
        node.life += 1
        node.appending.clear()
        node.sessions = {
            peer: restored_session(node.store, own_identity(node.name), peer_identity(peer), self.plan.limits)
            for peer in self.plan.parties
            if peer != node.name
        }
        node.heard = {
            mirror.log.origin: mirror.delivered
            for session in node.sessions.values()
            for mirror in session.mirrors.values()
        }
        node.on_the_way = dict.fromkeys(node.sessions, (0, self.now))
        self._at(self.now + self._random.randrange(_TICK_NS), partial(self._tick, node, node.life))

    def _tick(self, node: SimulatedNode, life: int) -> None:
        if node.life == life:
            for peer in list(node.sessions):
                self._perform(node, peer, node.sessions[peer].tick(self._clock(node)))
            self._laws.is_bounded(node)
            self._at(self.now + _TICK_NS, partial(self._tick, node, life))

    def _clock(self, node: SimulatedNode) -> Instant:
        return node.clock.at(self.now)

    def _jump(self, name: str, by_ns: int) -> None:
        self._say(name, "its clock is set by", by_ns / NS_PER_S, "s")
        self._nodes[name].clock.jump(by_ns)
        self._nodes[name].on_the_way.clear()  # its timers moved: it may take for lost what is not

    def _write(self, name: str, peer: str, lane: Lane, n: int) -> None:
        node = self._nodes[name]
        length = self._random.choices(*_BODY_BYTES)[0]
        body = b"%d of seed %d " % (n, self.seed) + self._random.randbytes(length)
        draft = Draft(
            kind=Kind.TRACK if lane is Lane.TRACK else Kind.HOTLINE,
            body=body,
            precedence=_PRECEDENCE[lane],
            by="operator",
            pol=_POL,
        )
        try:
            _, effects = node.sessions[peer].write(lane, draft, self._clock(node))
        except OwnFault as refused:
            self._say(name, "may not say", n, "to", peer, str(refused))
            return
        self._say(name, "says", n, "to", peer, lane, len(body), "bytes")
        self._perform(node, peer, effects)

    def _crash(self, name: str) -> None:
        """Stop a node in the middle of what it does: of a write under way any part may be on the disk."""
        node = self._nodes[name]
        self._say(name, "crashes with", len(node.appending), "writes under way")
        for _, append in list(node.appending):
            torn = append.entries[: self._random.randrange(len(append.entries) + 1)]
            if torn:
                self._on_disk(node, append.origin, append.start, torn)
            if len(torn) < len(append.entries):
                break
        self._begin_again(node)

    def _begin_again(self, node: SimulatedNode) -> None:
        """Go on from what the disk has, and nothing else: after a crash, and after a write that was refused."""
        for way in self._lines:
            if node.name in way:
                self._cut(way, is_silent=False, without=node.name)
        self._start(node)

    def _fill_disk(self, name: str) -> None:
        self._say(name, "its disk is full")
        self._nodes[name].is_disk_full = True
        self._at(self.now + self._random.randrange(100, 2_000) * NS_PER_MS, partial(self._empty_disk, name))

    def _empty_disk(self, name: str) -> None:
        self._nodes[name].is_disk_full = False

    def _misread(self, name: str) -> None:
        self._nodes[name].misreads = 1

    def _back_up(self, name: str) -> None:
        self._say(name, "is backed up")
        self._nodes[name].backup = self._nodes[name].store.backup()

    def _restore(self, name: str) -> None:
        """Go on from the backup, as after a lost disk."""
        node = self._nodes[name]
        assert node.backup is not None
        self._say(name, "goes on from its backup", node.backup.sizes(), "instead of", node.store.sizes())
        node.went_back = True
        node.store = node.backup
        node.trees = {
            origin: Tree(leaf_hash(entry.leaf) for entry in entries) for origin, entries in node.store.logs.items()
        }
        self._begin_again(node)

    def _clone(self, name: str) -> None:
        """Go on from the backup and write at once, before anybody can tell: two histories under one name."""
        self._restore(name)
        for n in range(self._random.randrange(1, 4)):
            self._write(name, self._other(name), self._random.choice(_LANES), 1_000 + n)

    # --- the network

    def _connect(self, way: Line) -> None:
        self._say("a line between", *way)
        self._network.open(way)
        for one, other in (way, way[::-1]):
            node = self._nodes[one]
            self._lose_what_is_on_the_way(node, other)
            for channel in Channel:
                self._perform(node, other, node.sessions[other].opened(channel, self._clock(node)))

    def _cut(self, way: Line, *, is_silent: bool, without: str = "") -> None:
        self._say("nothing comes through between" if is_silent else "a cut between", *way)
        if is_silent:
            self._network.swallow(way)
        else:
            self._network.cut(way)
            for one, other in (way, way[::-1]):
                if one != without:
                    node = self._nodes[one]
                    self._lose_what_is_on_the_way(node, other)  # the second connection is told after the first
                    for channel in Channel:
                        self._perform(node, other, node.sessions[other].closed(channel, self._clock(node)))
        self._at(self.now + self._random.randrange(100, 3_000) * NS_PER_MS, partial(self._heal, way))

    def _lose_what_is_on_the_way(self, node: SimulatedNode, other: str) -> None:
        if other in node.on_the_way:
            node.on_the_way[other] = (0, self.now)

    def _heal(self, way: Line) -> None:
        self._network.cut(way)
        self._connect(way)

    def _carry(self, sender: SimulatedNode, receiver: str, channel: Channel, frame: str | bytes) -> None:
        way = line(sender.name, receiver)
        if sender.name == self.plan.liar and self._random.random() < 0.3:
            frame = lie(own_identity(sender.name), frame, self._random)
            self._lies += 1
        generation = self._network.generation(way)
        for at in self._network.arrivals(sender.name, receiver, channel, self.now):
            self._at(at, partial(self._deliver, way, generation, sender.name, receiver, channel, frame))

    def _deliver(
        self, way: Line, generation: int, sender: str, receiver: str, channel: Channel, frame: str | bytes
    ) -> None:
        if self._network.generation(way) == generation:
            node = self._nodes[receiver]
            if isinstance(frame, str) and frame.startswith('{"t":"credit"'):
                node.on_the_way.pop(sender, None)  # from here on the window is what was measured
            self._perform(node, sender, node.sessions[sender].received(channel, frame, self._clock(node)))

    # --- effects

    def _perform(self, node: SimulatedNode, peer: str, effects: Sequence[Effect]) -> None:
        life, lane = node.life, Lane.FLASH
        for effect in effects:
            if node.life != life:
                return  # it began again from its disk: what the life before asked for is not done
            if isinstance(effect, Append):
                node.appending.append((peer, effect))
                if len(node.appending) == 1:
                    self._write_next(node)
                continue
            if isinstance(effect, Transmit) and isinstance(effect.frame, bytes):
                before, lane = lane, lane_of(effect.frame)
                self._laws.in_order(node, lane, before)
            self._do(node, peer, effect)

    def _write_next(self, node: SimulatedNode) -> None:
        """The disk takes its time and everything but the next append goes on meanwhile, as far as a node may go."""
        while node.appending:
            if self.plan.disk_ns:
                self._at(self.now + self.plan.disk_ns, partial(self._written_to_disk, node, node.life))
                return
            self._append(node)

    def _written_to_disk(self, node: SimulatedNode, life: int) -> None:
        if node.life == life:
            self._append(node)
            self._write_next(node)

    def _append(self, node: SimulatedNode) -> None:
        peer, append = node.appending[0]
        if self._is_refused(node, partial(self._on_disk, node, append.origin, append.start, append.entries)):
            return
        life = node.life
        hashes = self._on_disk(node, append.origin, append.start, append.entries)
        is_misread = node.misreads > 0
        if is_misread:
            node.misreads -= 1
            hashes[-1] = bytes(32)
            self._say(node.name, "reads back an altered leaf of", append.origin)
        stored = node.sessions[peer].stored(append.origin, append.start, hashes, self._clock(node))
        if is_misread:
            self._check_misread(node, peer, append)
            return
        self._perform(node, peer, stored)
        if node.life == life:
            node.appending.popleft()

    def _is_refused(self, node: SimulatedNode, write: Callable[[], object]) -> bool:
        """Refuse a write where the disk is full, perhaps after doing it; the node then begins again from its disk."""
        if not node.is_disk_full:
            return False
        if self._random.random() < 0.3:
            write()
        self._say(node.name, "is refused a write")
        self._begin_again(node)
        return True

    def _check_misread(self, node: SimulatedNode, peer: str, append: Append) -> None:
        """What was read back altered is taken for nothing; whoever looks at the disk then begins again from it."""
        session = node.sessions[peer]
        frozen = {writer.log.origin: writer.frozen for writer in session.writers.values()}
        frozen |= {mirror.log.origin: mirror.frozen for mirror in session.mirrors.values()}
        self._laws.require(frozen[append.origin] is Code.DISK, f"{append.origin}: an altered leaf was taken for true")
        self._begin_again(node)

    def _do(self, node: SimulatedNode, peer: str, effect: Effect) -> None:
        match effect:
            case Transmit(channel, frame):  # the most by far
                self._hash.update(frame.encode() if isinstance(frame, str) else frame)
                self._laws.sends(node, peer, frame, self.now)
                if self.trace.maxlen:
                    self._say(node.name, "to", peer, _told(frame))
                self._carry(node, peer, channel, frame)
            case KeepBody() | SaveCheckpoint() | SaveReceipt() | Keep():
                write = partial(self._keep, node, peer, effect)
                if not self._is_refused(node, write):
                    write()
            case Forked(origin, proof):
                self._say(node.name, "has proof that", origin, "has two histories")
                self._laws.proves(node, origin, proof)
                self._hash.update(repr(effect).encode())
            case Heard():
                self._say(node.name, "is told", effect.envelope.log, effect.envelope.seq)
                self._laws.hears(node, effect)
                self._hash.update(effect.leaf_hash)
            case Held(origin, size, _):
                self._laws.require(
                    self._nodes[peer].size(origin) >= size, f"{origin}: held {size}, not on {peer}'s disk"
                )
            case Close():
                self._cut(line(node.name, peer), is_silent=False)
            case _:
                self._say(node.name, repr(effect)[:160])
                self._hash.update(repr(effect).encode())

    def _keep(self, node: SimulatedNode, peer: str, effect: KeepBody | SaveCheckpoint | SaveReceipt | Keep) -> None:
        match effect:
            case KeepBody(origin, seq, salt, body):
                self._laws.keeps_body(node, origin, seq, node.store.logs[origin][seq].leaf, salt, body)
                node.store.put_body(origin, seq, salt, body)
            case SaveCheckpoint(origin, old, new):
                self._laws.signs(node, new)
                node.store.replace_checkpoint(origin, old, new)
            case SaveReceipt(origin, receipt):
                self._laws.keeps_receipt(node, peer, origin, receipt)
                node.store.put_receipt(origin, receipt)
            case Keep(key, value):
                node.store.put_state(key, value)

    def _on_disk(self, node: SimulatedNode, origin: str, start: int, entries: Sequence[Entry]) -> list[bytes]:
        self._laws.appends(node, origin, start, entries)
        hashes = node.store.append([(origin, start, entries)])[origin]
        node.trees.setdefault(origin, Tree()).extend(hashes)
        return hashes

    # --- the end

    def _links(self) -> list[tuple[Session, Session]]:
        return [
            (self._nodes[a].sessions[b], self._nodes[b].sessions[a]) for way in self._lines for a, b in (way, way[::-1])
        ]

    def _is_settled(self) -> bool:
        return all(
            one.writers[lane].frozen is other.mirrors[lane].frozen is Code.FORK
            or (
                one.writers[lane].log.receipt_size == one.writers[lane].next_seq == other.mirrors[lane].delivered
                and not other.mirrors[lane].missing
            )
            for one, other in self._links()
            for lane in Lane
        )

    def _is_shown(self) -> bool:
        """Whether no desk waits to see that what was missing is there again, or that the other side sees a fork."""
        return all(
            one.state is not State.ROLLBACK and (one.state is State.FORK) is (other.state is State.FORK)
            for one, other in self._links()
        )

    def _history(self) -> History:
        leaves = 0
        for name, node in self._nodes.items():
            for origin in sorted(node.store.logs):
                leaves += len(node.store.logs[origin])
                receipt = node.store.receipt(origin)
                self._hash.update(f"{name} {origin} ".encode() + node.store.leaf_hashes(origin))
                self._hash.update((node.store.checkpoint(origin) or b"") + (receipt.note if receipt else b""))
        plan = self.plan
        return History(
            self.seed,
            self._hash.digest(),
            leaves,
            plan.cuts,
            plan.crashes,
            plan.full_disks,
            plan.restores,
            plan.clones,
            self._lies,
        )


def _told(frame: str | bytes) -> str:
    return frame[:120] if isinstance(frame, str) else f"{lane_of(frame)} kind {frame[0]} {len(frame)} bytes"


def _ran(run: Simulation) -> History:
    try:
        with shared():
            return run.run()
    except Violation:
        raise
    except Exception as wrong:
        raise Violation(run.seed, f"{type(wrong).__name__}: {wrong}") from wrong


def simulate(seed: int) -> History:
    """Return the history of *seed*; raises `Violation`, for an exception of the core too."""
    return _ran(Simulation(seed))


def traced(seed: int) -> list[str]:
    """Return the last lines of what happened under *seed*, up to its end or its violation."""
    run = Simulation(seed, is_traced=True)
    try:
        _ran(run)
    except Violation as violation:
        return [*run.trace, str(violation)]
    return list(run.trace)


def histories_digest(histories: Sequence[History]) -> str:
    """Return one hex digest over *histories*, in the order of their seeds."""
    ordered = sorted(histories, key=lambda history: history.seed)
    return hashlib.sha256(b"".join(history.digest for history in ordered)).hexdigest()
