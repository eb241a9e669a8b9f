"""Whole parties in one thread: engines over memory stores, a network that can be cut, and one true time.

Each side performs its engine's effects in the order in which a node does: show, record in one transaction, send; then
the engine is told what was read back. Nothing waits and nothing is left to chance but what *seed* draws, so the same
calls give the same bytes. Use it to try a policy, a ladder or another implementation of any seam against two desks.
"""

from __future__ import annotations

import hashlib
import heapq
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from detente.alerts.escalation import DEFAULT_LADDER, Ladder
from detente.alerts.life import AlertBook
from detente.coordination.charter import Charter
from detente.desk.board import Board
from detente.desk.codebook import Codebook, draft_codebook
from detente.desk.orders import AnyOrder
from detente.detect.detector import Detector
from detente.detect.profile import EN_ROUTE, Profile
from detente.detect.zone import Zone
from detente.engine.engine import Engine
from detente.engine.policies import STATE_KEY, kept_policy
from detente.engine.restore import restore
from detente.engine.values import (
    CloseChannel,
    Declared,
    DiskWorks,
    Effect,
    Feed,
    Input,
    OrderGiven,
    Party,
    PeerClosed,
    PeerOpened,
    PeerSent,
    PlotsReceived,
    ProbeDisk,
    Record,
    RecordBody,
    RecordCheckpoint,
    RecordReceipt,
    RecordState,
    Send,
    SessionsRestored,
    Setup,
    Stored,
    StoreFailed,
    Tick,
    Write,
)
from detente.errors import DetenteError
from detente.evidence.keys import origin
from detente.evidence.leaf import Lane
from detente.evidence.store import LeafStore
from detente.feeds.plot import Plots
from detente.link.frames import Channel
from detente.link.hybrid import HybridClock
from detente.link.restore import restored_session
from detente.link.session import Session
from detente.picture.tracker import Tracker
from detente.release.policy import NOTHING, Policy
from detente.release.release import Releaser
from detente.surveillance import Surveillance
from detente.testing.clock import DAY_ZERO, VirtualClock
from detente.testing.identities import own_identity, peer_identity
from detente.testing.network import Faults, LossyNetwork, line
from detente.testing.store import MemoryStore
from detente.types import NS_PER_MS, NS_PER_S, Instant, NodeName, PartyId, Role

TICK_NS: Final = 100 * NS_PER_MS
TRACKS: Final = 2_000
"""Room in each side's picture."""


@dataclass(frozen=True, kw_only=True)
class Character:
    """What one party is made of. The default releases nothing and declares nothing its own."""

    policy: Policy = NOTHING
    zones: tuple[Zone, ...] = ()
    declared: Declared = field(default_factory=Declared)
    profile: Profile = EN_ROUTE
    ladder: Ladder = DEFAULT_LADDER
    feeds: tuple[str, ...] = ("radar",)
    badges: tuple[str, ...] = ()
    codebook: Codebook = field(default_factory=draft_codebook)
    line_test_ns: int = 3_600 * NS_PER_S
    tables: tuple[Charter, ...] = ()
    is_confirmed: bool = True  # whether the peers' digits are
    clock: VirtualClock = field(default_factory=VirtualClock)


def node_name(party: str) -> NodeName:
    """Return the name of *party*'s test node."""
    return NodeName(f"{party}.example/detente")


class Side:
    """One party: its engine, its disk, and all that it did. `batches` are effects as returned, `sent` what left."""

    def __init__(self, party: PartyId, others: Sequence[PartyId], character: Character, store: LeafStore) -> None:
        self.party = party
        self.others = others
        self.character = character
        self.store = store
        self.batches: list[tuple[Input, list[Effect]]] = []
        self.sent: list[tuple[PartyId, Channel, str | bytes]] = []
        self.recorded: list[Record] = []
        self.store_faults = 0
        self.start()

    def start(self) -> None:
        """Begin, or begin again, from what the disk has."""
        self._hybrid = HybridClock()
        self.engine = Engine(self._setup())
        restore(self.engine, self.store.read)

    def sessions(self) -> dict[PartyId, Session]:
        """Return every link as the disk has it."""
        return {
            other: restored_session(
                self.store,
                own_identity(node_name(self.party)),
                peer_identity(node_name(other), confirmed=self.character.is_confirmed),
                codebook=self.character.codebook.digest,
                clock=self._hybrid,
            )
            for other in self.others
        }

    def releaser(self, policy: Policy) -> Releaser:
        """Return *policy* at work, with this side's keys for the refs it gives."""
        keys = {o: hashlib.sha256(f"refs {self.party} {o}".encode()).digest() for o in self.others}
        return Releaser(policy, self.character.zones, keys)

    def _setup(self) -> Setup:
        its = self.character
        ids = [self.party, *self.others]
        kept = kept_policy(self.store.state(STATE_KEY), its.policy)
        return Setup(
            parties=tuple(Party(party, party.title(), node_name(party)) for party in ids),
            sessions=self.sessions(),
            surveillance=Surveillance(Tracker(TRACKS), Detector(its.profile, its.zones, ids), AlertBook(its.profile)),
            releaser=self.releaser(its.policy if kept is None else kept[0]),
            baseline=None if kept is None else its.policy,
            policy_text="" if kept is None else kept[1],
            zones=its.zones,
            codebook=its.codebook,
            ladder=its.ladder,
            feeds=tuple(Feed(source, name) for source, name in enumerate(its.feeds)),
            declared=its.declared,
            badges=its.badges,
            is_exercise="EXERCISE" in its.badges,
            line_test_ns=its.line_test_ns,
            tables=its.tables,
        )

    def write(self, effects: Sequence[Effect]) -> list[Input]:
        """Do the writes of one batch in one go; returns what the engine is then told."""
        appends = [e for e in effects if isinstance(e, Record)]
        try:
            hashes = self.store.append([(w.origin, w.start, w.entries) for w in appends]) if appends else {}
            for effect in effects:
                match effect:
                    case RecordBody(log, seq, salt, body):
                        self.store.put_body(log, seq, salt, body)
                    case RecordCheckpoint(log, old, new):
                        self.store.replace_checkpoint(log, old, new)
                    case RecordReceipt(log, receipt):
                        self.store.put_receipt(log, receipt)
                    case RecordState(key, value):
                        self.store.put_state(key, value)
                    case ProbeDisk():
                        self.store.put_state("probe", b"")
        except DetenteError as fault:
            self.store_faults += 1
            return [StoreFailed(str(fault))]
        self.recorded += appends
        starts: dict[str, int] = {}
        for record in appends:
            starts.setdefault(record.origin, record.start)
        stored: list[Input] = [Stored(log, starts[log], leaf_hashes) for log, leaf_hashes in hashes.items()]
        return [*stored, *(DiskWorks() for write in effects if isinstance(write, ProbeDisk))]


class Parties:
    """Sides by name, and the way between them: `run` moves time, `cut` and `heal` are a line's, or all lines'."""

    def __init__(
        self,
        characters: Mapping[str, Character],
        *,
        faults: Faults | None = None,
        seed: int = 0,
        stores: Mapping[str, LeafStore] | None = None,
    ) -> None:
        self.now = Instant(DAY_ZERO)
        self._network = LossyNetwork(random.Random(seed), faults or Faults())  # noqa: S311 reproducible is the point
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._order = 0
        names = [PartyId(name) for name in characters]
        self.sides = {
            name: Side(name, [n for n in names if n != name], characters[name], (stores or {}).get(name, MemoryStore()))
            for name in names
        }
        self._ways = [line(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
        for name in names:
            self._tick(name)
        self.heal()

    def __getitem__(self, party: str) -> Side:
        return self.sides[PartyId(party)]

    # --- time

    def run(self, seconds: float) -> None:
        """Let *seconds* pass."""
        self.until(Instant(self.now + round(seconds * NS_PER_S)))

    def until(self, end: Instant) -> None:
        """Let time pass up to the true instant *end*."""
        while self._events and self._events[0][0] <= end:
            when, _, action = heapq.heappop(self._events)
            self.now = Instant(max(self.now, when))
            action()
        self.now = Instant(max(self.now, end))

    def at(self, when: int, action: Callable[[], None]) -> None:
        """Have *action* happen at the true instant *when*."""
        self._order += 1
        heapq.heappush(self._events, (when, self._order, action))

    def _tick(self, party: PartyId) -> None:
        self.give(party, Tick())
        self.at(self.now + TICK_NS, partial(self._tick, party))

    # --- what happens to a side

    def clock(self, party: str) -> Instant:
        """Return what *party*'s clock shows."""
        return self[party].character.clock.at(self.now)

    def give(self, party: str, event: Input) -> None:
        """Let *event* happen to *party* and do what its engine asks for. Raises OrderRefused."""
        side = self[party]
        waiting: list[Input] = [event]
        while waiting:
            effects: list[Effect] = []
            for told in waiting:
                batch = side.engine.handle(told, self.clock(party))
                side.batches.append((told, batch))
                effects += batch
            writes = [e for e in effects if isinstance(e, Write)]
            waiting = side.write(writes) if writes else []
            is_probe = all(isinstance(write, ProbeDisk) for write in writes)
            if any(isinstance(told, StoreFailed) for told in waiting) and is_probe:
                effects = [e for e in effects if not isinstance(e, ProbeDisk)]
            elif any(isinstance(told, StoreFailed | DiskWorks) for told in waiting):
                # Nothing of this batch leaves; the links begin again from what the disk has.
                self._begin_again(side, waiting)
                return
            self._send(side, effects)

    def order(self, party: str, order: AnyOrder, role: Role = Role.OPERATOR) -> dict[str, object]:
        """Return the answer to an order given at *party*'s desk. Raises OrderRefused."""
        self.give(party, OrderGiven(order, role))
        return self[party].engine.answer

    def plots(self, party: str, plots: Plots, source: int = 0) -> None:
        """Let each of *plots* reach *party* at its time of applicability, in batches of one instant."""
        times = plots["applicable_at_ns"]
        for at in sorted(set(times.tolist())):
            self.at(at, partial(self.give, party, PlotsReceived(source, plots[times == at])))

    def board(self, party: str, role: Role = Role.OPERATOR) -> Board:
        """Return *party*'s desk as *role* sees it now."""
        return self[party].engine.board(role, self.clock(party))

    def restart(self, party: str) -> None:
        """Stop *party* and start it from its disk; its lines are cut and connected again."""
        side = self[party]
        self._lines(self._cut, party)
        side.start()
        self._lines(self._connect, party)

    # --- lines

    def cut(self, a: str | None = None, b: str | None = None) -> None:
        """End the connection between *a* and *b*, or every connection."""
        for way in self._ways if a is None or b is None else [line(a, b)]:
            self._cut(way)

    def heal(self) -> None:
        """Connect everyone with everyone again."""
        for way in self._ways:
            self._cut(way)
            self._connect(way)

    def roots_equal(self) -> bool:
        """Whether every log stands at its writer and at its reader with the same size and root."""
        return all(
            side.store.leaf_hashes(log) == self[other].store.leaf_hashes(log)
            for party, side in self.sides.items()
            for other in side.others
            for lane in Lane
            for log in (
                origin(node_name(party), node_name(other), lane),
                origin(node_name(other), node_name(party), lane),
            )
        )

    def _lines(self, what: Callable[[tuple[str, str]], None], party: str) -> None:
        for way in self._ways:
            if party in way:
                what(way)

    def _cut(self, way: tuple[str, str]) -> None:
        if not self._network.is_open(way):
            return
        self._network.cut(way)
        for party, other in (way, way[::-1]):
            for channel in Channel:
                self.give(party, PeerClosed(PartyId(other), channel))

    def _connect(self, way: tuple[str, str]) -> None:
        self._network.open(way)
        for party, other in (way, way[::-1]):
            for channel in Channel:
                self.give(party, PeerOpened(PartyId(other), channel))

    def slow_down(self, delay_s: float) -> None:
        """Let every frame be on its way for so long from now on."""
        self._network.faults = replace(self._network.faults, delay_ns=round(delay_s * NS_PER_S))

    def _begin_again(self, side: Side, told: Sequence[Input]) -> None:
        for event in told:
            self.give(side.party, event)
        self.give(side.party, SessionsRestored(side.sessions()))
        for other in side.others:
            self.at(self.now, partial(self._reconnect, line(side.party, other)))

    def _reconnect(self, way: tuple[str, str]) -> None:
        was_open = self._network.is_open(way)
        self._cut(way)
        if was_open:
            self.at(self.now + NS_PER_S, partial(self._connect, way))

    def _send(self, side: Side, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                side.sent.append((effect.peer, effect.channel, effect.frame))
                self._carry(side.party, effect)
            elif isinstance(effect, CloseChannel):
                self.at(self.now, partial(self._reconnect, line(side.party, effect.peer)))

    def _carry(self, sender: PartyId, sent: Send) -> None:
        way = line(sender, sent.peer)
        generation = self._network.generation(way)

        def arrive() -> None:
            if self._network.generation(way) == generation:
                self.give(sent.peer, PeerSent(sender, sent.channel, sent.frame))

        for when in self._network.arrivals(sender, sent.peer, sent.channel, self.now):
            self.at(when, arrive)
