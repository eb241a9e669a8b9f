from __future__ import annotations

from detente.evidence.leaf import Lane
from detente.link.effects import Heard, Held, StateChanged, Wrote
from detente.link.transitions import State
from link.pair import draft, joined


def test_a_flash_is_recorded_heard_and_receipted_in_one_round():
    pair = joined()
    hashed = pair.write(pair.alfa, Lane.FLASH, draft("turn left"))
    assert [w.leaf_hash for w in pair.alfa.told_of(Wrote)] == [hashed]
    heard = pair.bravo.told_of(Heard)
    assert [(h.leaf_hash, h.body, h.envelope.seq) for h in heard] == [(hashed, b"turn left", 0)]
    held = pair.alfa.told_of(Held)
    assert [h.size for h in held] == [1]
    assert pair.roots_equal()


def test_the_line_is_up_after_hello_and_down_five_seconds_after_the_cut():
    pair = joined()
    pair.run(2)
    assert {node.session.state for node in pair.nodes} == {State.UP}
    pair.cut()
    pair.run(2.5)
    assert {node.session.state for node in pair.nodes} == {State.DEGRADED}
    pair.run(2.5)
    assert {node.session.state for node in pair.nodes} == {State.DOWN}
    assert [c.state for c in pair.alfa.told_of(StateChanged)][-2:] == [State.DEGRADED, State.DOWN]


def test_what_was_said_in_a_cut_arrives_once_and_in_order_after_it():
    pair = joined()
    pair.run(1)
    pair.cut()
    for n in range(100):
        for node in pair.nodes:
            for lane in Lane:
                pair.write(node, lane, draft(f"{lane} {n}"))
    pair.heal()
    pair.run(12)
    assert pair.roots_equal()
    for node in pair.nodes:
        for lane in Lane:
            heard = [h.envelope.seq for h in node.told_of(Heard) if f"/{lane}/" in h.envelope.log]
            assert heard == list(range(100))
        assert max(h.size for h in node.told_of(Held)) == 100
        status = node.session.status(pair.now)
        assert [lane.own_held for lane in status.lanes] == [100, 100, 100]
        assert [lane.bodies_missing for lane in status.lanes] == [0, 0, 0]
