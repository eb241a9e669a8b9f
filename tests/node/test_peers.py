"""Two nodes over real sockets on loopback: sessions, SQLite and mutual TLS, with the cable pulled and put back."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest

from detente.evidence.leaf import Kind, Lane
from detente.evidence.note import b64
from detente.link.effects import Append, Close, Heard, Held, KeepBody, SaveCheckpoint, SaveReceipt, Transmit
from detente.link.identity import OwnIdentity, PeerIdentity
from detente.link.restore import restored_session
from detente.link.session import Draft
from detente.node.keyring import make_keyring, peer_from_statement
from detente.node.peers import Closed, Opened, PeerAddress, PeerLinks, Received, TransportLimits
from detente.node.sqlite import SqliteStore
from detente.testing.clock import DAY_ZERO
from detente.types import Instant, Precedence

POL = b64(bytes(32))
NAMES = ("alfa.example/detente", "bravo.example/detente")


def draft(text):
    return Draft(kind=Kind.HOTLINE, body=text.encode(), precedence=Precedence.FLASH, by="operator", pol=POL)


@pytest.fixture(scope="module")
def keyrings(tmp_path_factory):
    return [
        make_keyring(tmp_path_factory.mktemp("keys"), name, DAY_ZERO) for name in (*NAMES, "mallory.example/detente")
    ]


class Party:
    """One node, as small as can be: sockets, a store, a session."""

    def __init__(self, keyring, peer, path, url=""):
        known = peer_from_statement(peer.pairing)
        self.peer = known.node
        self.store = SqliteStore(path, create=True)
        own = OwnIdentity(
            keyring.node, keyring.env, keyring.log, keyring.mirror, keyring.salt_key, keyring.statement_digest
        )
        self.session = restored_session(
            self.store, own, PeerIdentity(known.statement, known.statement_digest, confirmed=True)
        )
        address = PeerAddress(known.node, known.certificate_pem, url)
        self.links = PeerLinks(
            keyring.node,
            keyring.tls_key,
            keyring.tls_certificate,
            [address],
            limits=TransportLimits(backoff_last_s=0.5),
        )
        self.heard, self.held, self.happened = [], {}, []

    def perform(self, effects):
        for effect in effects:
            match effect:
                case Append(origin, start, entries):
                    hashes = self.store.append([(origin, start, entries)])[origin]
                    self.perform(self.session.stored(origin, start, hashes, now()))
                case KeepBody(origin, seq, salt, body):
                    self.store.put_body(origin, seq, salt, body)
                case SaveCheckpoint(origin, old, new):
                    self.store.replace_checkpoint(origin, old, new)
                case SaveReceipt(origin, receipt):
                    self.store.put_receipt(origin, receipt)
                case Transmit(channel, frame):
                    self.links.send(self.peer, channel, frame)
                case Close(channel, _):
                    self.links.close(self.peer, channel)
                case Heard():
                    self.heard.append(effect)
                case Held(origin, size, _):
                    self.held[origin] = size

    async def listen(self):
        async for event in self.links.events():
            self.happened.append(event)
            match event:
                case Opened(_, channel):
                    self.perform(self.session.opened(channel, now()))
                case Closed(_, channel):
                    self.perform(self.session.closed(channel, now()))
                case Received(_, channel, frame):
                    self.perform(self.session.received(channel, frame, now()))

    async def tick(self):
        while True:
            self.perform(self.session.tick(now()))
            await asyncio.sleep(0.1)

    def write(self, lane, text):
        self.perform(self.session.write(lane, draft(text), now())[1])


def now():
    return Instant(time.time_ns())


@contextlib.asynccontextmanager
async def joined(keyrings, tmp_path):
    """Alfa and Bravo; only Alfa knows where to dial at first, then Bravo learns Alfa's port too."""
    alfa_keys, bravo_keys = keyrings[:2]
    async with contextlib.AsyncExitStack() as stack:
        bravo = Party(bravo_keys, alfa_keys, tmp_path / "bravo.db")
        await stack.enter_async_context(bravo.links)
        alfa = Party(alfa_keys, bravo_keys, tmp_path / "alfa.db", f"wss://127.0.0.1:{bravo.links.port}/")
        await stack.enter_async_context(alfa.links)
        tasks = [asyncio.create_task(run()) for party in (alfa, bravo) for run in (party.listen, party.tick)]
        try:
            yield alfa, bravo
        finally:
            for task in tasks:
                task.cancel()
            for done in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(done, Exception):
                    raise done
            for party in (alfa, bravo):
                party.store.close()


async def until(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)


def both_up(alfa, bravo):
    return lambda: all(len(party.session.status(now()).channels) == 2 for party in (alfa, bravo))


def roots_equal(alfa, bravo):
    return all(
        one.session.writers[lane].log.head() == other.session.mirrors[lane].log.head()
        for one, other in ((alfa, bravo), (bravo, alfa))
        for lane in Lane
    )


def test_a_thousand_leaves_over_a_cut_are_neither_lost_nor_doubled_and_roots_are_equal_within_five_seconds(
    keyrings, tmp_path
):
    async def scenario():
        async with joined(keyrings, tmp_path) as (alfa, bravo):
            await until(both_up(alfa, bravo))
            for n in range(250):
                alfa.write(Lane.OPS, f"before {n}")
                bravo.write(Lane.FLASH, f"before {n}")
            alfa.links.cut(alfa.peer)
            for n in range(250):
                alfa.write(Lane.OPS, f"in the cut {n}")
                bravo.write(Lane.FLASH, f"in the cut {n}")
            await asyncio.sleep(1.0)
            assert not roots_equal(alfa, bravo)
            alfa.links.heal(alfa.peer)
            began = time.monotonic()
            await until(lambda: roots_equal(alfa, bravo))
            await until(lambda: set(alfa.held.values()) == {500} == set(bravo.held.values()))
            print(f"roots equal and receipted {time.monotonic() - began:.2f} s after healing")
            for party, lane in ((alfa, "flash"), (bravo, "ops")):
                assert [h.envelope.seq for h in party.heard] == list(range(500)), lane
                assert [h.body for h in party.heard] == [
                    f"{when} {n}".encode() for when in ("before", "in the cut") for n in range(250)
                ]

    asyncio.run(scenario())
