"""A peer that says too much: reading stops, nothing is dropped, and the other lanes go on."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.evidence.leaf import Lane
from detente.link.effects import Close, Heard
from detente.link.frames import Channel, Code, Leaves, decode, encode
from detente.link.identity import LinkLimits
from detente.link.quota import Allowance, Bucket
from detente.link.transitions import State
from detente.types import NS_PER_S
from link.pair import ALFA, BRAVO, Node, draft, joined

TIGHT = LinkLimits(
    quotas={Lane.FLASH: Allowance(5, 10), Lane.OPS: Allowance(4, 8), Lane.TRACK: Allowance(2, 4)}, held_bytes=64 * 1024
)


def size(pair, lane):
    return pair.bravo.session.mirrors[lane].log.size


def test_t02_a_lane_over_its_quota_is_read_at_its_rate_and_nothing_is_dropped():
    pair = joined(limits=TIGHT)
    pair.run(2)
    for n in range(60):
        pair.write(pair.alfa, Lane.OPS, draft(f"{n}"))
    pair.run(1)
    assert 8 <= size(pair, Lane.OPS) <= 16
    pair.run(5)
    assert size(pair, Lane.OPS) <= 8 + 4 * 8
    pair.run(14)
    assert size(pair, Lane.OPS) == 60
    assert [h.body for h in pair.bravo.told_of(Heard)] == [f"{n}".encode() for n in range(60)]
    assert pair.roots_equal()


def test_t02_the_other_lanes_go_on_and_both_desks_see_the_quota():
    pair = joined(limits=TIGHT)
    pair.run(2)
    for n in range(60):
        pair.write(pair.alfa, Lane.OPS, draft(f"{n}"))
    pair.run(1)
    pair.write(pair.alfa, Lane.FLASH, draft("a warning"))
    assert pair.bravo.told_of(Heard)[-1].body == b"a warning"
    assert {node.session.state for node in pair.nodes} == {State.UP}
    there = {lane.lane: lane for lane in pair.bravo.session.status(pair.now).lanes}
    here = {lane.lane: lane for lane in pair.alfa.session.status(pair.now).lanes}
    assert there[Lane.OPS].quota_per_min == here[Lane.OPS].their_quota_per_min == 240
    assert there[Lane.OPS].quota_left <= 4
    assert here[Lane.OPS].backlog > 30


def test_t02_ten_times_too_much_for_long_leaves_memory_flat_and_flash_quick():
    pair = joined(limits=TIGHT)
    pair.run(2)
    waiting = []
    for n in range(240):
        for _ in range(10):
            pair.write(pair.alfa, Lane.OPS, draft("flood" * 40))
        pair.step(0.25)
        if n % 20 == 0:
            before = len(pair.bravo.told_of(Heard))
            pair.write(pair.alfa, Lane.FLASH, draft("now"))
            assert len(pair.bravo.told_of(Heard)) > before
        intake = pair.bravo.session._intake
        waiting.append(sum(intake._waiting_bytes.values()) + len(pair.bravo.session.mirrors[Lane.OPS]._unstored))
    assert max(waiting) < 8 * 1024
    assert size(pair, Lane.OPS) == pytest.approx(8 + 4 * 62, abs=12)
    assert not pair.bravo.told_of(Close)


def flood(count):
    """Leaves of a writer that heeds neither quota nor credit, one a frame."""
    clone = Node(ALFA, BRAVO)
    for n in range(count):
        clone.write(Lane.OPS, draft(f"{n}" * 200), 1_795_363_200_000_000_000)
    log = clone.session.writers[Lane.OPS].log
    return [entry.leaf for entry in clone.store.read(log.origin, 0, count)]


def test_t02_a_writer_that_heeds_no_credit_loses_its_connection_and_no_verification_is_spent_on_it():
    pair = joined(limits=TIGHT)
    pair.run(2)
    leaves = flood(300)
    for seq, leaf in enumerate(leaves):
        pair.deliver(pair.bravo, Channel.PRIO, encode(Leaves(Lane.OPS, seq, [leaf])))
    assert [c.code for c in pair.bravo.told_of(Close)] == [Code.QUOTA]
    assert size(pair, Lane.OPS) <= 8
    given = [decode(raw).taken for _, raw in pair.bravo.outbox if isinstance(raw, str) and '"credit"' in raw]
    assert max(given, default=0) < 9 * 1_000


def test_a_day_away_is_caught_up_with_at_once_on_the_first_connection():
    pair = joined(limits=TIGHT)
    pair.cut()
    for n in range(200):
        pair.write(pair.alfa, Lane.OPS, draft(f"{n}"))
    for node in pair.nodes:
        pair.replace(node, node.store)
    pair.heal()
    pair.run(2)
    assert size(pair, Lane.OPS) == 200


def test_what_was_written_in_a_cut_at_the_agreed_rate_comes_at_once_after_it():
    pair = joined(limits=TIGHT)
    pair.run(2)
    pair.cut()
    for n in range(120):
        pair.write(pair.alfa, Lane.OPS, draft(f"{n}"))
        pair.step(0.25)
    pair.heal()
    pair.run(2)
    assert size(pair, Lane.OPS) >= 120


def test_frames_that_wait_are_forgotten_with_their_connection_and_come_again():
    pair = joined(limits=TIGHT)
    pair.run(2)
    for seq, leaf in enumerate(flood(20)):
        pair.deliver(pair.bravo, Channel.PRIO, encode(Leaves(Lane.OPS, seq, [leaf])))
    assert sum(pair.bravo.session._intake._waiting_bytes.values()) > 0
    pair.cut()
    assert sum(pair.bravo.session._intake._waiting_bytes.values()) == 0


def test_a_day_of_bytes_stops_tracks_and_not_flash():
    pair = joined(limits=LinkLimits(mirror_bytes_a_day=20_000))
    pair.run(2)
    for n in range(10):
        pair.write(pair.alfa, Lane.TRACK, draft("y" * 40))
        pair.write(pair.alfa, Lane.OPS, draft(f"{n}" + bytes(random.Random(n).randbytes(2_000)).hex()))
    pair.run(3)
    assert size(pair, Lane.OPS) < 10
    pair.write(pair.alfa, Lane.FLASH, draft("a warning"))
    pair.run(1)
    assert pair.bravo.told_of(Heard)[-1].body == b"a warning"


def test_t24_a_store_that_alters_what_it_gives_is_found_by_the_reader_and_nothing_altered_is_receipted():
    """Whoever owns the database may alter one leaf in a hundred: the link stops there, and goes on when it is mended."""
    pair = joined()
    pair.cut()
    for n in range(100):
        pair.write(pair.alfa, Lane.OPS, draft(f"{n}"))
    pair.alfa.start()  # what it has just written it would send from memory
    log = pair.alfa.store.logs[pair.alfa.session.writers[Lane.OPS].log.origin]
    true = log[57]
    log[57] = type(true)(leaf=true.leaf.replace(b'"by":"operator"', b'"by":"minister"'), body=true.body, salt=true.salt)
    pair.heal()
    pair.run(5)
    assert size(pair, Lane.OPS) <= 57
    assert pair.bravo.session.status(pair.now).refused[Code.LEAF] == 1
    assert pair.alfa.session.writers[Lane.OPS].stopped is Code.LEAF
    log[57] = true
    pair.cut()
    pair.heal()
    pair.run(5)
    assert size(pair, Lane.OPS) == 100
    assert pair.roots_equal()


@given(st.lists(st.tuples(st.integers(0, 3 * NS_PER_S), st.integers(0, 5)), max_size=60))
def test_a_bucket_gives_no_more_than_burst_and_rate(steps):
    bucket, elapsed, taken = Bucket(Allowance(2, 6)), 0, 0
    for after, wanted in steps:
        elapsed += after
        bucket.refill(elapsed)
        for _ in range(wanted):
            if bucket.is_open:
                bucket.spend(1)
                taken += 1
        assert 0 <= bucket.left <= 6
        assert 0.0 <= bucket.used <= 1.0
    assert taken <= 6 + 2 * elapsed / NS_PER_S + 1e-6
