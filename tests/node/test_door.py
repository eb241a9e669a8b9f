"""Who may knock: storms of connections from strangers, and a peer that is let in all the same."""

from __future__ import annotations

import asyncio
import contextlib
import socket

from hypothesis import given
from hypothesis import strategies as st

from detente.node.keyring import make_keyring, peer_from_statement
from detente.node.peers import Doorkeeper, Opened, PeerAddress, PeerLinks, TransportLimits
from detente.testing.clock import DAY_ZERO

LIMITS = TransportLimits()


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.floats(0, 0.2)), max_size=300))
def test_t13_no_address_and_not_all_together_get_more_than_their_rate(knocks):
    door = Doorkeeper(LIMITS)
    now, admitted = 0.0, []
    for address, after in knocks:
        now += after
        if door.admits(address, now):
            admitted.append(address)
    assert len(admitted) <= LIMITS.accepts_burst + LIMITS.accepts_per_s * now + 1
    for address in "abc":
        most = LIMITS.accepts_per_address_burst + LIMITS.accepts_per_address_per_s * now + 1
        assert admitted.count(address) <= most
    assert sum(door.refused.values()) == len(knocks) - len(admitted)


def test_t13_a_storm_from_everywhere_does_not_keep_a_known_peer_out():
    door = Doorkeeper(LIMITS, {"192.0.2.7"})
    storm = [door.admits(f"198.51.100.{n % 250}", n / 10_000) for n in range(5_000)]
    assert sum(storm) <= LIMITS.accepts_burst + 12
    assert door.admits("192.0.2.7", 0.5)


def test_addresses_are_not_remembered_without_end():
    door = Doorkeeper(TransportLimits(addresses=10))
    for n in range(1_000):
        door.admits(str(n), 0.0)
    assert len(door._each) == 10
    assert len(door.refused) <= 10


def test_t13_three_hundred_half_open_connections_leave_a_healthy_peer_alone(tmp_path):
    names = ("alfa.example/detente", "bravo.example/detente")
    rings = [make_keyring(tmp_path / name[:4], name, DAY_ZERO) for name in names]

    def links(own, peer, url):
        known = peer_from_statement(peer.pairing)
        address = PeerAddress(known.node, known.certificate_pem, url)
        return PeerLinks(own.node, own.tls_key, own.tls_certificate, [address])

    async def storm():
        loop = asyncio.get_running_loop()
        async with links(rings[0], rings[1], "wss://127.0.0.1:1/") as alfa:
            strangers = []
            for _ in range(300):
                stranger = socket.socket()
                stranger.setblocking(False)
                stranger.bind(("127.0.0.2", 0))
                with contextlib.suppress(OSError):
                    await loop.sock_connect(stranger, ("127.0.0.1", alfa.port))
                strangers.append(stranger)
            async with links(rings[1], rings[0], f"wss://127.0.0.1:{alfa.port}/") as bravo:
                async with asyncio.timeout(10):
                    async for event in alfa.events():
                        if isinstance(event, Opened):
                            break
                assert bravo.port
            refused = alfa.door.refused["127.0.0.2"]
            for stranger in strangers:
                stranger.close()
            return refused

    assert asyncio.run(storm()) > 200
