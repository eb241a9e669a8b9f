"""Two nodes over real sockets on loopback: sessions, SQLite and mutual TLS, with the cable pulled and put back."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from detente.evidence.leaf import Kind, Lane
from detente.evidence.note import b64
from detente.link.effects import Append, Close, Heard, Held, KeepBody, SaveCheckpoint, SaveReceipt, Transmit
from detente.link.frames import Channel, Code
from detente.link.identity import LinkLimits, OwnIdentity, PeerIdentity
from detente.link.quota import Allowance
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

    def __init__(self, keyring, peer, path, url="", port=0):
        known = peer_from_statement(peer.pairing)
        self.peer = known.node
        self.store = SqliteStore(path, create=True)
        own = OwnIdentity(keyring.node, keyring.env, keyring.log, keyring.mirror, keyring.salt_key, keyring.chain)
        limits = LinkLimits(quotas=dict.fromkeys(Lane, Allowance(10_000, 10_000)))
        self.session = restored_session(self.store, own, PeerIdentity(known.chain, confirmed=True), limits)
        address = PeerAddress(known.node, known.certificate_pem, url)
        self.links = PeerLinks(
            keyring.node,
            keyring.tls_key,
            keyring.tls_certificate,
            [address],
            port=port,
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


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def now():
    return Instant(time.time_ns())


@contextlib.asynccontextmanager
async def joined(keyrings, tmp_path, *, both_dial=True):
    """Alfa and Bravo, whose sessions run until the block ends."""
    alfa_keys, bravo_keys = keyrings[:2]
    async with contextlib.AsyncExitStack() as stack:
        alfa_port = free_port()
        url = f"wss://127.0.0.1:{alfa_port}/" if both_dial else ""
        bravo = Party(bravo_keys, alfa_keys, tmp_path / "bravo.db", url)
        await stack.enter_async_context(bravo.links)
        url = f"wss://127.0.0.1:{bravo.links.port}/"
        alfa = Party(alfa_keys, bravo_keys, tmp_path / "alfa.db", url, alfa_port)
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


async def until(condition, seconds=30.0):
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


def test_a_thousand_leaves_over_a_cut_are_neither_lost_nor_doubled_and_roots_are_equal(keyrings, tmp_path):
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


@pytest.mark.parametrize("both_dial", [True, False], ids=["both dial", "one dials"])
def test_one_connection_a_channel_is_in_use_however_many_are_dialled(keyrings, tmp_path, both_dial):
    async def scenario():
        async with joined(keyrings, tmp_path, both_dial=both_dial) as (alfa, bravo):
            for n in range(8):
                await until(both_up(alfa, bravo))
                alfa.write(Lane.FLASH, f"{n}")
                bravo.write(Lane.TRACK, f"{n}")
                await until(lambda: roots_equal(alfa, bravo))
                (alfa if n % 2 else bravo).links.cut((alfa if n % 2 else bravo).peer)
                await asyncio.sleep(0.05)
                (alfa if n % 2 else bravo).links.heal((alfa if n % 2 else bravo).peer)
            await until(both_up(alfa, bravo))
            await until(lambda: len(alfa.heard) == len(bravo.heard) == 8)
            await asyncio.sleep(0.3)
            for party in (alfa, bravo):
                side = party.links._sides[party.peer]
                assert set(side.in_use) == set(Channel)
                assert len(side.all_wires) == 2

    asyncio.run(scenario())


async def refused(address, tls, **options):
    """Whether dialling *address* comes to nothing: no connection on which a frame can be had."""
    options = {"subprotocols": ["detente.link.v1"], "compression": None, "open_timeout": 3, "proxy": None, **options}
    try:
        async with connect(address, ssl=tls, **options) as connection:
            await asyncio.wait_for(connection.recv(), 3)
    except (OSError, WebSocketException, EOFError):
        return True
    return False


def tls_of(keyring, trusted, highest=ssl.TLSVersion.TLSv1_3):
    """A dialler's TLS with the certificate of *keyring*, or none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.maximum_version = highest
    context.load_verify_locations(trusted.tls_certificate)
    if keyring is not None:
        context.load_cert_chain(keyring.tls_certificate, keyring.tls_key)
    return context


def test_t21_only_a_pinned_certificate_over_tls_1_3_gets_in(keyrings, tmp_path):
    alfa, bravo, mallory = keyrings

    async def scenario():
        party = Party(alfa, bravo, tmp_path / "alfa.db")
        async with party.links:
            prio = f"wss://127.0.0.1:{party.links.port}/prio"
            assert await refused(prio, tls_of(mallory, alfa))
            assert await refused(prio, tls_of(None, alfa))
            assert await refused(prio, tls_of(bravo, alfa, ssl.TLSVersion.TLSv1_2))
            assert await refused(prio, tls_of(bravo, alfa), subprotocols=["chat"])
            assert await refused(prio.replace("prio", "other"), tls_of(bravo, alfa))
            assert await refused(prio.replace("wss", "ws"), None)
            assert not party.links._sides[party.peer].in_use
            tls = tls_of(bravo, alfa)
            async with connect(prio, ssl=tls, subprotocols=["detente.link.v1"], compression=None, proxy=None) as good:
                event = await anext(party.links.events())
                assert event == Opened(party.peer, Channel.PRIO)
                session = good.transport.get_extra_info("ssl_object")
                assert session.version() == "TLSv1.3"
                party.links.send(party.peer, Channel.PRIO, "{}")
                assert await good.recv() == "{}"
                assert not session.session.has_ticket
        party.store.close()

    asyncio.run(scenario())


def test_t21_a_listener_with_another_key_than_the_pinned_one_is_not_spoken_to(keyrings, tmp_path):
    alfa, bravo, mallory = keyrings

    async def scenario():
        impostor = PeerLinks(
            mallory.node,
            mallory.tls_key,
            mallory.tls_certificate,
            [PeerAddress(alfa.node, peer_from_statement(alfa.pairing).certificate_pem)],
        )
        async with impostor:
            party = Party(alfa, bravo, tmp_path / "alfa.db", f"wss://127.0.0.1:{impostor.port}/")
            async with party.links:
                await asyncio.sleep(0.5)
                assert not party.links._sides[party.peer].in_use
                assert not impostor._sides[alfa.node].in_use
            party.store.close()

    asyncio.run(scenario())


def test_t13_half_open_connections_do_not_keep_a_healthy_peer_out(keyrings, tmp_path):
    async def scenario():
        async with joined(keyrings, tmp_path) as (alfa, bravo):
            await until(both_up(alfa, bravo))
            idle = [await asyncio.open_connection("127.0.0.1", alfa.links.port) for _ in range(200)]
            began = time.monotonic()
            alfa.write(Lane.FLASH, "still here")
            await until(lambda: len(bravo.heard) == 1)
            assert time.monotonic() - began < 1
            alfa.links.cut(alfa.peer)
            alfa.links.heal(alfa.peer)
            await until(both_up(alfa, bravo))
            for _, writer in idle:
                writer.close()

    asyncio.run(scenario())


def test_garbage_from_the_pinned_peer_costs_it_the_connection_and_no_more(keyrings, tmp_path):
    async def scenario():
        async with joined(keyrings, tmp_path) as (alfa, bravo):
            await until(both_up(alfa, bravo))
            alfa.write(Lane.OPS, "before")
            await until(lambda: roots_equal(alfa, bravo))
            for garbage in ("not json", b"\xff" * 100, "[" * 50_000):
                alfa.links.send(alfa.peer, Channel.PRIO, garbage)
                await until(lambda: bravo.happened.count(Closed(bravo.peer, Channel.PRIO)) > 0)
                bravo.happened.clear()
                await until(both_up(alfa, bravo))
            alfa.write(Lane.OPS, "after")
            await until(lambda: [h.body for h in bravo.heard] == [b"before", b"after"])
            assert bravo.session.status(now()).refused == {Code.FRAME: 3}

    asyncio.run(scenario())


def test_a_peer_that_takes_nothing_loses_its_connection_and_not_our_memory(keyrings, tmp_path):
    alfa, bravo, _ = keyrings

    async def scenario():
        party = Party(alfa, bravo, tmp_path / "alfa.db")
        async with party.links:
            address = f"wss://127.0.0.1:{party.links.port}/bulk"
            options = {
                "subprotocols": ["detente.link.v1"],
                "compression": None,
                "proxy": None,
                "max_queue": 1,
                "close_timeout": 0.2,
            }
            async with connect(address, ssl=tls_of(bravo, alfa), **options):
                await anext(party.links.events())
                sent = 0
                while party.links.send(party.peer, Channel.BULK, bytes(100_000)):
                    sent += 1
                assert sent == 41  # 4 MiB
                assert await anext(party.links.events()) == Closed(party.peer, Channel.BULK)
        party.store.close()

    asyncio.run(scenario())


def test_while_nobody_takes_the_events_no_more_is_read(keyrings, tmp_path):
    alfa, bravo, _ = keyrings

    async def scenario():
        party = Party(alfa, bravo, tmp_path / "alfa.db")
        async with party.links:
            address = f"wss://127.0.0.1:{party.links.port}/bulk"
            options = {"subprotocols": ["detente.link.v1"], "compression": None, "proxy": None, "close_timeout": 0.2}
            async with connect(address, ssl=tls_of(bravo, alfa), **options) as flood:
                sent = 0

                async def send_all():
                    nonlocal sent
                    for _ in range(2_000):
                        await flood.send(bytes(100_000))
                        sent += 1

                sending = asyncio.create_task(send_all())
                await asyncio.sleep(1.0)
                assert sent < 500
                taken = 0
                async for event in party.links.events():
                    taken += isinstance(event, Received)
                    if taken == 1_000:
                        break
                sending.cancel()
        party.store.close()

    asyncio.run(scenario())


def test_a_node_that_stops_hangs_up_on_whoever_is_still_in_the_tls_handshake(keyrings, tmp_path):
    """Some have said nothing yet, one has begun and goes on no further: the server knows neither."""

    async def scenario():
        alfa_keys, bravo_keys = keyrings[:2]
        party = Party(alfa_keys, bravo_keys, tmp_path / "alfa.db")
        async with party.links:
            knocked = [await asyncio.open_connection("127.0.0.1", party.links.port) for _ in range(3)]
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            hello = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(incoming, outgoing, server_hostname="alfa.example")
            with contextlib.suppress(ssl.SSLWantReadError):
                hello.do_handshake()
            knocked[0][1].write(outgoing.read())
            await knocked[0][0].read(1)  # the server has answered it
        for reader, writer in knocked:
            async with asyncio.timeout(1.0):
                await reader.read()  # without the hanging up its end would not come before five seconds
            assert reader.at_eof()
            writer.close()
        party.store.close()

    asyncio.run(scenario())
