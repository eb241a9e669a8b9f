"""Two nodes on one desk: sessions over memory stores, a network that a test can cut, and one true time."""

from __future__ import annotations

from collections import deque

from detente.evidence.leaf import Kind, Lane
from detente.evidence.note import b64
from detente.link.effects import (
    Append,
    Close,
    Keep,
    KeepBody,
    SaveCheckpoint,
    SaveReceipt,
    Transmit,
)
from detente.link.frames import Channel
from detente.link.identity import LinkLimits
from detente.link.quota import Allowance
from detente.link.restore import restored_session
from detente.link.session import Draft
from detente.testing.clock import DAY_ZERO
from detente.testing.identities import own_identity, peer_identity
from detente.testing.store import MemoryStore
from detente.types import NS_PER_S, Instant, Precedence

ALFA = "alfa.example/detente"
BRAVO = "bravo.example/detente"
POL = b64(bytes(32))
AMPLE = LinkLimits(quotas=dict.fromkeys(Lane, Allowance(1_000, 10_000)))
"""For tests of what a quota would only slow down."""


def draft(text="hold north of 35", kind=Kind.HOTLINE, precedence=Precedence.FLASH, **more):
    return Draft(kind=kind, body=text.encode(), precedence=precedence, by="operator", pol=POL, **more)


class Node:
    """One side: performs effects at once and remembers what the engine would be told."""

    def __init__(self, name, peer, *, confirmed=True, store=None, **options):
        self.name, self.peer_name, self.confirmed, self.options = name, peer, confirmed, options
        self.store = store or MemoryStore()
        self.outbox = deque()
        self.told = []
        self.disk_works = True
        self.altered_on_disk = None
        self.start()

    def start(self):
        self.session = restored_session(
            self.store, own_identity(self.name), peer_identity(self.peer_name, confirmed=self.confirmed), **self.options
        )

    def perform(self, effects, now):
        for effect in effects:
            match effect:
                case Append(origin, start, entries):
                    if self.disk_works:
                        hashes = self.store.append([(origin, start, entries)])[origin]
                        if self.altered_on_disk == origin:
                            hashes = [bytes(32) for _ in hashes]
                        self.perform(self.session.stored(origin, start, hashes, now), now)
                case KeepBody(origin, seq, salt, body):
                    self.store.put_body(origin, seq, salt, body)
                case SaveCheckpoint(origin, old, new):
                    self.store.replace_checkpoint(origin, old, new)
                case SaveReceipt(origin, receipt):
                    self.store.put_receipt(origin, receipt)
                case Keep(key, value):
                    self.store.put_state(key, value)
                case Transmit(channel, frame):
                    self.outbox.append((channel, frame))
                case Close(channel, _):
                    self.told.append(effect)
                    self.perform(self.session.closed(channel, now), now)
                case _:
                    self.told.append(effect)

    def told_of(self, kind):
        return [effect for effect in self.told if isinstance(effect, kind)]

    def write(self, lane, what, now):
        hashed, effects = self.session.write(lane, what, now)
        self.perform(effects, now)
        return hashed


class Pair:
    """`step` moves time and carries what is on the way; `cut` loses it."""

    def __init__(self, **options):
        self.now = Instant(DAY_ZERO)
        self.alfa = Node(ALFA, BRAVO, **options)
        self.bravo = Node(BRAVO, ALFA, **options)
        self.is_cut = True
        self.frames = []

    @property
    def nodes(self):
        return (self.alfa, self.bravo)

    def other(self, node):
        return self.bravo if node is self.alfa else self.alfa

    def replace(self, node, store):
        """Start *node* again from *store*, as from a backup or a clone; the line is cut meanwhile."""
        self.cut()
        node.store = store
        node.told = []
        node.start()

    def heal(self):
        self.is_cut = False
        for node in self.nodes:
            for channel in Channel:
                node.perform(node.session.opened(channel, self.now), self.now)
        self.carry()

    def cut(self):
        self.is_cut = True
        for node in self.nodes:
            node.outbox.clear()
            for channel in Channel:
                node.perform(node.session.closed(channel, self.now), self.now)

    def carry(self):
        while not self.is_cut and any(node.outbox for node in self.nodes):
            for node in self.nodes:
                while node.outbox:
                    channel, frame = node.outbox.popleft()
                    self.frames.append((node.name, channel, frame))
                    self.deliver(self.other(node), channel, frame)
        if self.is_cut:
            for node in self.nodes:
                node.outbox.clear()

    def deliver(self, node, channel, frame):
        node.perform(node.session.received(channel, frame, self.now), self.now)

    def step(self, seconds=0.25, times=1):
        for _ in range(times):
            self.now = Instant(self.now + round(seconds * NS_PER_S))
            for node in self.nodes:
                node.perform(node.session.tick(self.now), self.now)
            self.carry()

    def run(self, seconds):
        self.step(0.25, round(seconds * 4))

    def write(self, node, lane=Lane.FLASH, what=None):
        hashed = node.write(lane, what or draft(), self.now)
        self.carry()
        return hashed

    def roots_equal(self):
        return all(
            self.alfa.session.writers[lane].log.head() == self.bravo.session.mirrors[lane].log.head()
            and self.bravo.session.writers[lane].log.head() == self.alfa.session.mirrors[lane].log.head()
            for lane in Lane
        )


def joined(**options):
    pair = Pair(**options)
    pair.heal()
    return pair
