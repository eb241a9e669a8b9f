"""How long a FLASH takes while a backlog drains through a narrow line that both connections share.

Method: two sessions over memory stores, and one queue each way that carries so many bytes a second, first come first
served, as a router does. Time is virtual, so the figures are of the protocol and not of this machine.
"""

from __future__ import annotations

import heapq
from itertools import count

import pytest

from detente.evidence.leaf import Lane
from detente.link.effects import Heard, Previewed
from detente.link.frames import Channel
from detente.types import NS_PER_MS, NS_PER_S, Instant
from link.pair import Pair, draft

OVERHEAD_BYTES = 60  # TCP, IP, TLS and WebSocket around each frame


class NarrowLine(Pair):
    """A pair whose frames wait for each other at one bottleneck each way."""

    def __init__(self, bits_per_s, one_way_ms=20):
        super().__init__()
        self.bytes_per_s, self.one_way_ns = bits_per_s // 8, one_way_ms * NS_PER_MS
        self.free_at = {node.name: 0 for node in self.nodes}
        self.on_the_way, self.order, self.frames = [], count(), []

    def carry(self):
        for node in self.nodes:
            while node.outbox:
                channel, frame = node.outbox.popleft()
                octets = len(frame) + OVERHEAD_BYTES
                begin = max(self.now, self.free_at[node.name])
                self.free_at[node.name] = begin + octets * NS_PER_S // self.bytes_per_s
                at = self.free_at[node.name] + self.one_way_ns
                heapq.heappush(self.on_the_way, (at, next(self.order), self.other(node), channel, frame))

    def run(self, seconds):
        end = self.now + round(seconds * NS_PER_S)
        tick = self.now
        while self.now < end:
            tick += 100 * NS_PER_MS
            while self.on_the_way and self.on_the_way[0][0] <= tick:
                at, _, node, channel, frame = heapq.heappop(self.on_the_way)
                self.now = Instant(at)
                self.deliver(node, channel, frame)
                self.carry()
            self.now = Instant(tick)
            for node in self.nodes:
                node.perform(node.session.tick(self.now), self.now)
            self.carry()

    def open(self):
        self.is_cut = False
        for node in self.nodes:
            for channel in Channel:
                node.perform(node.session.opened(channel, self.now), self.now)
        self.carry()


@pytest.mark.parametrize("bits_per_s", [256_000, 1_000_000])
def test_a_flash_is_heard_within_a_second_whatever_stands_behind_it(bits_per_s, capsys):
    pair = NarrowLine(bits_per_s)
    for n in range(4_000):
        _, effects = pair.alfa.session.write(Lane.TRACK, draft(f"frame {n} " + "x" * 300), pair.now)
        pair.alfa.perform(effects, pair.now)
    for n in range(300):
        _, effects = pair.alfa.session.write(Lane.OPS, draft(f"order {n}"), pair.now)
        pair.alfa.perform(effects, pair.now)
    pair.open()
    pair.run(5)
    waits = []
    for n in range(8):
        began, before = pair.now, len(pair.bravo.told_of(Heard))
        hashed = pair.write(pair.alfa, Lane.FLASH, draft(f"flash {n}"))
        while not any(heard.leaf_hash == hashed for heard in pair.bravo.told_of(Heard)[before:]):
            pair.run(0.1)
            assert pair.now - began < 5 * NS_PER_S
        waits.append((pair.now - began) / NS_PER_S)
        pair.run(0.5)
    with capsys.disabled():
        print(f"\n{bits_per_s // 1000} kbit/s: FLASH heard after {sorted(waits)[4]:.1f} s, at most {max(waits):.1f} s")
    assert pair.alfa.session.writers[Lane.TRACK].log.size > pair.bravo.session.mirrors[Lane.TRACK].log.size
    assert max(waits) <= 1.0
    shown = pair.bravo.told_of(Previewed)
    assert shown[0].body.startswith(b"frame 3999 ")


def test_a_backlog_fills_the_line():
    pair = NarrowLine(1_000_000)
    for n in range(2_000):
        _, effects = pair.alfa.session.write(Lane.TRACK, draft(f"frame {n}"), pair.now)
        pair.alfa.perform(effects, pair.now)
    pair.open()
    pair.run(15)
    octets = sum(len(entry.leaf) for entry in pair.bravo.store.logs[pair.bravo.session.mirrors[Lane.TRACK].log.origin])
    assert pair.bravo.session.mirrors[Lane.TRACK].log.size == 2_000
    assert octets / pair.bytes_per_s > 0.5 * 15  # leaves alone are half of what the line carries in that time
