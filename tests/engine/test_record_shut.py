"""A record that takes no leaf: the disk is full, or a log has two histories. Alerts fail open, commitments closed."""

from __future__ import annotations

import pytest

from detente.desk.orders import Rebase, SendText
from detente.errors import OrderRefused
from detente.evidence.leaf import Lane
from detente.link.frames import Unlogged, decode
from detente.testing.store import Fault, FaultyStore, MemoryStore
from detente.types import Role
from engine.meeting import meet, two

FLASH = SendText("bravo", "watch", "Z", "turn north now", reason="loss_of_separation")
HELLO = SendText("bravo", "watch", "P", "hello")


class Gate:
    """What becomes of each write from now on."""

    def __init__(self):
        self.fault = None
        self.writes = 0

    def __iter__(self):
        return self

    def __next__(self):
        self.writes += 1
        return self.fault


def gated(**more):
    gate = Gate()
    return two(stores={"alfa": FaultyStore(MemoryStore(), gate)}, **more), gate


def unlogged_sent(parties, side="alfa"):
    sent = [frame for _, _, frame in parties[side].sent if isinstance(frame, bytes)]
    return [frame for frame in map(decode, sent) if isinstance(frame, Unlogged)]


def test_a_full_disk_is_not_asked_again_and_again():
    parties, gate = gated()
    meet(parties, 45.0, seconds=200.0)
    parties.run(40.2)
    gate.fault, gate.writes = Fault.REFUSED, 0
    parties.run(120.0)
    assert 5 <= gate.writes <= 15
    gate.fault = None
    parties.run(45.0)
    assert parties.board("alfa").faults == []
    assert parties.roots_equal()


def test_a_warning_crosses_while_the_disk_is_full_and_is_recorded_late():
    """The FLASH of an alarm does not wait for a disk, on either side."""
    parties, gate = gated()
    parties.run(5.0)
    gate.fault = Fault.REFUSED
    meet(parties, 20.0, seconds=90.0)
    parties.run(60.0)
    (row,) = [r for r in parties.board("alfa").alerts if r.raised_by == "alfa" and r.level == "alarm"]
    assert row.unlogged
    assert unlogged_sent(parties)
    theirs = [r for r in parties.board("bravo").alerts if any(v.party == "alfa" for v in r.verdicts) or r.unlogged]
    assert any(r.unlogged for r in theirs)
    gate.fault = None
    parties.run(45.6)
    assert not any(r.unlogged for party in ("alfa", "bravo") for r in parties.board(party).alerts)
    assert parties.roots_equal()


def test_a_flash_message_crosses_unlogged_a_promise_does_not():
    parties, gate = gated()
    parties.run(5.0)
    gate.fault = Fault.REFUSED
    parties.run(3.0)
    with pytest.raises(OrderRefused) as refused:
        parties.order("alfa", HELLO)
    assert refused.value.code == "not_recorded"
    name = parties.order("alfa", FLASH)["message"]
    parties.run(3.0)
    (mine,) = parties.board("alfa").messages
    (theirs,) = parties.board("bravo").messages
    assert mine.unlogged
    assert theirs.unlogged
    assert not mine.recorded
    assert not theirs.recorded
    assert theirs.text == "turn north now"
    assert parties["bravo"].engine.mirrored("alfa")[0].size == 0
    gate.fault = None
    parties.run(35.6)
    (mine,) = parties.board("alfa").messages
    (theirs,) = parties.board("bravo").messages
    assert mine.recorded
    assert theirs.recorded
    assert not mine.unlogged
    assert not theirs.unlogged
    assert mine.message == name
    assert mine.halves[1].held_at_ms is not None
    assert parties.roots_equal()


def test_a_flash_said_while_the_line_is_cut_too_goes_out_as_soon_as_it_is_there():
    parties, gate = gated()
    parties.run(5.0)
    gate.fault = Fault.REFUSED
    parties.run(4.0)
    parties.cut()
    parties.order("alfa", FLASH)
    parties.run(2.0)
    assert not unlogged_sent(parties)
    parties.heal()
    parties.run(2.0)
    assert [row.unlogged for row in parties.board("bravo").messages] == [True]
    assert len(unlogged_sent(parties)) == 1


def forked():
    """Alfa is put back to a backup, and says something else before it hears from Bravo."""
    parties = two()
    parties.run(5.0)
    backup = parties["alfa"].store.backup()
    parties.order("alfa", HELLO)
    parties.run(3.0)
    parties["alfa"].store = backup
    parties.cut()
    parties["alfa"].start()
    parties.order("alfa", SendText("bravo", "watch", "P", "something else"))
    parties.run(1.0)
    parties.heal()
    parties.run(5.0)
    return parties


def test_t06_a_fork_is_shown_on_both_desks_warnings_go_on_and_promises_stop():
    parties = forked()
    rows = {party: parties.board(party).peers[0] for party in ("alfa", "bravo")}
    assert {row.state for row in rows.values()} == {"FORK"}
    assert rows["alfa"].forks == rows["bravo"].forks != []
    with pytest.raises(OrderRefused) as refused:
        parties.order("alfa", HELLO)
    assert refused.value.code == "frozen"
    parties.order("alfa", FLASH)
    parties.run(1.0)
    assert parties.board("bravo").messages[0].text == "turn north now"


def agree(parties, party, peer, role):
    for fork in parties.board(party).peers[0].forks:
        parties.order(party, Rebase(peer, fork.log), role)
    parties.run(5.0)


def test_t06_a_new_epoch_needs_both_and_then_promises_are_made_again():
    parties = forked()
    log = next(fork.log for fork in parties.board("alfa").peers[0].forks if "/ops/" in fork.log)
    with pytest.raises(OrderRefused) as refused:
        parties.order("alfa", Rebase("bravo", log))
    assert refused.value.code == "wrong_seat"
    agree(parties, "alfa", "bravo", Role.FOREIGN_SERVICE)
    assert parties.board("bravo").peers[0].forks[0].agreed == ["alfa"]
    assert parties.board("alfa").peers[0].state == "FORK"
    agree(parties, "bravo", "alfa", Role.FOREIGN_SERVICE)
    for party in ("alfa", "bravo"):
        row = parties.board(party).peers[0]
        assert (row.state, row.forks) == ("UP", [])
    parties.order("alfa", HELLO)
    parties.run(3.0)
    assert parties.board("bravo").messages[0].text == "hello"
    assert log in parties["alfa"].engine.logs()
    for party in ("alfa", "bravo"):
        parties.restart(party)
    parties.run(5.0)
    assert parties.board("alfa").peers[0].state == "UP"
    assert parties["alfa"].engine.written("bravo")[list(Lane).index(Lane.OPS)].origin.endswith("/ops/2")


def test_t06_what_a_party_agreed_to_before_a_restart_is_not_forgotten():
    parties = forked()
    agree(parties, "alfa", "bravo", Role.LEADER)
    parties.restart("bravo")
    parties.run(5.0)
    assert parties.board("bravo").peers[0].forks[0].agreed == ["alfa"]
    agree(parties, "bravo", "alfa", Role.MILITARY)
    assert parties.board("alfa").peers[0].state == "UP"


def test_no_epoch_is_begun_where_there_is_no_fork():
    parties = two()
    parties.run(2.0)
    with pytest.raises(OrderRefused) as refused:
        parties.order("alfa", Rebase("bravo", "nothing"), Role.LEADER)
    assert refused.value.code == "no_fork"
