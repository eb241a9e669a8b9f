"""Show, then record, then send: what an engine asks for, in which order, and what it does when the disk refuses."""

from __future__ import annotations

from itertools import chain, repeat

import numpy as np
import pytest

from detente.desk.orders import Acknowledge, SendText
from detente.engine.values import (
    OrderGiven,
    PlotsReceived,
    Record,
    RecordCheckpoint,
    RecordReceipt,
    Send,
    Show,
    Stored,
    Tick,
)
from detente.errors import OrderRefused
from detente.evidence.leaf import Lane
from detente.link import frames
from detente.link.frames import Leaves, Preview, Rcpt
from detente.testing.parties import Parties
from detente.testing.store import Fault, FaultyStore, MemoryStore
from detente.types import Role
from engine.meeting import meet, open_handed, two
from flights import Flight, plots_of

HELLO = SendText("bravo", "watch", "P", "hello")


def leaves_in(effects):
    """The leaves, by lane, that a batch sends."""
    found = []
    for effect in effects:
        if isinstance(effect, Send):
            frame = decoded(effect.frame)
            if isinstance(frame, Leaves | Preview):
                found.append(frame)
    return found


def decoded(raw):
    return frames.decode(raw)


def test_an_order_asks_for_the_disk_first_and_for_the_wire_once_it_is_stored():
    parties = two()
    parties.run(1.5)
    alfa = parties["alfa"]
    given = alfa.engine.handle(OrderGiven(HELLO, Role.OPERATOR), parties.now)
    assert isinstance(given[0], Show)
    (record,) = [effect for effect in given if isinstance(effect, Record)]
    assert leaves_in(given) == []
    assert not alfa.engine.board(Role.OPERATOR, parties.now).messages[0].recorded
    (stored,) = alfa.write([record])
    after = alfa.engine.handle(stored, parties.now)
    assert alfa.engine.board(Role.OPERATOR, parties.now).messages[0].recorded
    (sent,) = leaves_in(after)
    assert sent.leaves == [entry.leaf for entry in record.entries]


def test_every_leaf_and_every_receipt_of_a_busy_run_leaves_after_the_disk_has_it():
    parties = two()
    meet(parties, 45.0, seconds=60.0)
    on_disk = {party: {} for party in parties.sides}
    parties.run(60.0)
    for party, side in parties.sides.items():
        sizes = on_disk[party]
        for told, effects in side.batches:
            if isinstance(told, Stored):
                sizes[told.origin] = told.start + len(told.leaf_hashes)
            for effect in effects:
                if not isinstance(effect, Send):
                    continue
                frame = decoded(effect.frame)
                session = side.engine._sessions[effect.peer]
                if isinstance(frame, Leaves):
                    log = session.writers[frame.lane].log.origin
                    assert frame.start + len(frame.leaves) <= sizes[log]
                elif isinstance(frame, Rcpt):
                    assert frame.size <= sizes[session.mirrors[frame.lane].log.origin]


def test_a_batch_shows_before_it_records_and_records_an_append_before_the_checkpoint_over_it():
    parties = two()
    meet(parties, 45.0, seconds=60.0)
    parties.run(60.0)
    shown_with_leaves = 0
    for side in parties.sides.values():
        sizes = {}
        for told, effects in side.batches:
            kinds = [type(effect) for effect in effects]
            is_statement = any(isinstance(e, Record) and "track" not in e.origin for e in effects)
            if isinstance(told, Tick | OrderGiven | PlotsReceived) and is_statement:
                assert kinds.index(Show) < kinds.index(Record)
                shown_with_leaves += 1
            for effect in effects:
                if isinstance(effect, Record):
                    assert effect.start == sizes.get(effect.origin, 0)
                    sizes[effect.origin] = effect.start + len(effect.entries)
                elif isinstance(effect, RecordReceipt):
                    assert effect.receipt.size <= sizes[effect.origin]
                elif isinstance(effect, RecordCheckpoint):
                    assert effect.origin in sizes
    assert shown_with_leaves >= 2


def test_the_same_inputs_make_the_same_leaves_byte_for_byte():
    def story():
        parties = two(seed=7)
        meet(parties, 45.0, seconds=80.0)
        parties.run(45.0)
        parties.order("alfa", Acknowledge("alfa-1"))
        parties.order("bravo", SendText("alfa", "watch", "O", "turning right"))
        parties.run(20.0)
        parties.cut()
        parties.run(10.0)
        parties.heal()
        parties.run(10.0)
        return parties

    one, other = story(), story()
    for party in one.sides:
        assert one[party].recorded == other[party].recorded
        assert len(one[party].recorded) > 100
        assert one[party].sent == other[party].sent


def test_an_engine_given_again_what_another_was_given_records_the_same_leaves():
    parties = two()
    meet(parties, 45.0, seconds=60.0)
    inputs = []
    handle = parties["alfa"].engine.handle

    def noting(event, now):
        inputs.append((event, now))
        return handle(event, now)

    # From its first tick on, an engine knows nothing but its inputs.
    fresh = Parties({"alfa": parties["alfa"].character, "bravo": parties["bravo"].character})
    parties["alfa"].engine.handle = noting
    parties.run(50.0)
    parties.order("alfa", Acknowledge("alfa-1"))
    parties.run(5.0)
    again = fresh["alfa"]
    made = []
    for event, now in inputs:
        records = [effect for effect in again.engine.handle(event, now) if isinstance(effect, Record)]
        again.write(records)
        made += records
    assert made == [e for _, batch in parties["alfa"].batches[-len(inputs) :] for e in batch if isinstance(e, Record)]


# --- the disk refuses


def broken_after(writes, fault=Fault.REFUSED, for_writes=1):
    """A disk that takes so many writes, then fails, then takes all again."""
    return FaultyStore(MemoryStore(), chain(repeat(None, writes), repeat(fault, for_writes)))


class Gate:
    """Faults for as long as a test says so."""

    def __init__(self):
        self.fault = None

    def __iter__(self):
        return self

    def __next__(self):
        return self.fault


def gated():
    gate = Gate()
    parties = Parties(
        {"alfa": open_handed(b"aaaaaa", "bravo"), "bravo": open_handed(b"bbbbbb", "alfa")},
        stores={"alfa": FaultyStore(MemoryStore(), gate)},
    )
    return parties, gate


def test_without_a_disk_an_alert_is_shown_and_marked_and_nothing_leaves():
    parties, gate = gated()
    meet(parties, 45.0, seconds=90.0)
    parties.run(40.2)
    gate.fault = Fault.REFUSED
    alfa = parties["alfa"]
    before = [f for _, _, f in alfa.sent if isinstance(decoded(f), Leaves | Rcpt)]
    parties.run(3.0)
    board = parties.board("alfa")
    (row,) = [row for row in board.alerts if row.raised_by == "alfa"]
    assert row.state == "active"
    assert not row.recorded
    assert board.faults
    assert board.faults[0].startswith("NOT RECORDED")
    assert [f for _, _, f in alfa.sent if isinstance(decoded(f), Leaves | Rcpt)] == before
    with pytest.raises(OrderRefused) as refused:
        parties.order("alfa", HELLO)
    assert refused.value.code == "not_recorded"


def test_when_the_disk_works_again_everything_is_said_and_both_records_are_equal():
    parties, gate = gated()
    meet(parties, 45.0, seconds=90.0)
    parties.run(40.2)
    gate.fault = Fault.REFUSED
    parties.run(5.0)
    gate.fault = None
    parties.run(12.3)
    assert parties["alfa"].store_faults >= 1
    assert parties.board("alfa").faults == []
    assert parties.roots_equal()
    assert parties.board("alfa").peers[0].state == "UP"
    name = parties.order("alfa", HELLO)["message"]
    parties.run(1.0)
    assert name in {row.message for row in parties.board("bravo").messages}


def test_an_alert_raised_while_the_disk_refused_reaches_the_peer_afterwards():
    parties, gate = gated()
    meet(parties, 45.0, seconds=110.0)
    parties.run(40.2)
    gate.fault = Fault.REFUSED
    parties.run(3.0)
    gate.fault = None
    parties.run(20.3)
    (row,) = parties.board("alfa").alerts
    assert row.recorded
    (told,) = parties.board("bravo").alerts
    assert [v.party for v in told.verdicts if v.says == "same"] == ["alfa"]


def test_a_write_that_was_done_and_looked_refused_is_neither_lost_nor_doubled():
    parties, gate = gated()
    parties.run(2.5)
    gate.fault = Fault.DONE
    parties.run(0.9)
    gate.fault = None
    parties.run(12.1)
    assert parties["alfa"].store_faults
    assert parties.roots_equal()
    assert parties["alfa"].engine.written("bravo")[list(Lane).index(Lane.TRACK)].size > 10


def test_plots_the_decoder_refused_are_counted_at_the_desk():
    from detente.feeds.plot import Reject

    parties = two()
    plots = plots_of(Flight("aaaaaa", 47.0, 8.0), seconds=1.0, start=parties.now)
    parties.give("alfa", PlotsReceived(0, plots, {Reject.MALFORMED: 3}))
    bad = plots.copy()
    bad["latitude_rad"] = np.nan
    parties.give("alfa", PlotsReceived(0, bad))
    (feed,) = parties.board("alfa").feeds
    assert feed.rejected["malformed"] == 3
    assert feed.rejected["no_position"] == 1


def test_what_the_disk_did_not_take_is_said_again_under_its_own_name():
    parties, gate = gated()
    parties.run(2.5)
    gate.fault = Fault.REFUSED
    name = parties.order("alfa", SendText("bravo", "watch", "O", "the first"))["message"]
    gate.fault = None
    parties.run(5.0)
    other = parties.order("alfa", SendText("bravo", "watch", "O", "the second"))["message"]
    parties.run(10.0)
    assert name != other
    for party in ("alfa", "bravo"):
        rows = {row.message: row for row in parties.board(party).messages}
        assert (rows[name].text, rows[other].text) == ("the first", "the second")
        assert rows[name].recorded
        assert rows[name].halves[1].held_at_ms is not None
    assert parties.roots_equal()


def test_what_the_disk_took_and_seemed_to_refuse_is_not_said_twice():
    parties, gate = gated()
    parties.run(2.5)
    gate.fault = Fault.DONE
    name = parties.order("alfa", SendText("bravo", "watch", "O", "once"))["message"]
    gate.fault = None
    parties.run(15.0)
    for party in ("alfa", "bravo"):
        (row,) = parties.board(party).messages
        assert row.message == name
        assert row.recorded
    assert parties.roots_equal()
