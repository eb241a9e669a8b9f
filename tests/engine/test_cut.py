"""A link that was cut, and a node that was stopped: nothing is lost or doubled, and both records meet again."""

from __future__ import annotations

import pytest
from msgspec import structs

from detente.desk.orders import Acknowledge, AcknowledgeMessage, Displayed, SendText
from detente.testing.network import Faults
from detente.types import NS_PER_MS
from engine.meeting import meet, two
from flights import Flight, plots_of
from release.sky import line

PARTIES = ("alfa", "bravo")


def text(to, words, precedence="O"):
    return SendText(to, "watch", precedence, words)


def sky(n, south):
    """Aircraft that fly apart from each other, for load."""
    return [Flight(f"c{south:02d}{i:03d}", south + i * 0.12, 20.0, 10_000.0 + 1_000 * (i % 20)) for i in range(n)]


@pytest.mark.parametrize("faults", [Faults(), Faults(delay_ns=40 * NS_PER_MS, jitter_ns=30 * NS_PER_MS)])
def test_a_cut_of_a_minute_under_load_loses_nothing_and_doubles_nothing(faults):
    parties = two(faults=faults)
    for party, south in (("alfa", 10), ("bravo", 40)):
        parties.plots(party, plots_of(*sky(60, south), seconds=80.0, every_s=2.0, start=parties.now))
    parties.run(5.0)
    parties.cut()
    for n in range(12):
        parties.run(5.0)
        for party, peer in (PARTIES, PARTIES[::-1]):
            parties.order(party, text(peer, f"{party} {n}"))
    assert not parties.roots_equal()
    assert parties.board("alfa").peers[0].state == "DOWN"
    parties.heal()
    parties.run(5.0 - 0.1)
    assert parties.roots_equal()
    parties.run(0.2)
    said = sorted(f"{party} {n}" for party in PARTIES for n in range(12))
    for party in PARTIES:
        assert sorted(row.text for row in parties.board(party).messages) == said
        assert parties.board(party).faults == []
        assert parties.board(party).peers[0].state == "UP"


def test_what_both_did_during_the_cut_stands_on_both_desks_afterwards():
    parties = two()
    meet(parties, 45.0, seconds=110.0)
    parties.run(45.5)
    first = parties.order("alfa", text("bravo", "before the cut"))["message"]
    parties.run(1.0)
    parties.cut()
    parties.run(1.0)
    for party in PARTIES:
        parties.order(party, Displayed(alerts=[f"{party}-1"]))
        parties.order(party, Acknowledge(f"{party}-1"))
    parties.order("bravo", AcknowledgeMessage(first))
    parties.run(60.0)
    parties.heal()
    parties.run(5.0)
    # Without the peer's tracks the event was over for each side, and after the cut it was raised anew: another row.
    rows = {party: next(r for r in parties.board(party).alerts if r.alert == f"{party}-1") for party in PARTIES}
    halves = {party: {h.party: h for h in row.halves} for party, row in rows.items()}
    for party in PARTIES:
        for time in ("displayed_at_ms", "acknowledged_at_ms", "acknowledged_by"):
            assert getattr(halves["alfa"][party], time) == getattr(halves["bravo"][party], time) is not None
        (message,) = parties.board(party).messages
        assert message.halves[1].acknowledged_by == "operator"
    assert parties.roots_equal()


def test_frames_are_thinned_while_the_link_is_down():
    parties = two()
    parties.plots("alfa", plots_of(Flight("aaaaaa", 47.0, 8.0), seconds=100.0, start=parties.now))
    parties.run(5.0)
    parties.cut()
    parties.run(10.0)
    before = tracks_written(parties)
    parties.run(60.0)
    assert 5 <= tracks_written(parties) - before <= 7


def tracks_written(parties):
    return parties["alfa"].engine.written("bravo")[2].size


def test_a_frame_that_comes_late_is_of_the_record_and_no_longer_of_the_picture():
    parties = two()
    parties.plots("alfa", plots_of(Flight("aaaaaa", 47.0, 8.0), seconds=10.0, start=parties.now))
    parties.run(0.5)
    parties.cut()
    parties.run(120.0)
    assert tracks_written(parties) > 3
    parties.heal()
    parties.run(4.0)
    assert parties.board("bravo").counts.shared == 0
    assert parties.roots_equal()


def test_a_lossy_network_delays_and_does_not_change_what_is_said():
    parties = two(faults=Faults(drop=0.1, duplicate=0.1, reorder=0.1, delay_ns=20 * NS_PER_MS), seed=3)
    for n in range(10):
        parties.run(2.0)
        for party, peer in (PARTIES, PARTIES[::-1]):
            parties.order(party, text(peer, f"{party} {n}"))
    parties._network.faults = Faults()
    parties.run(30.5)
    for party in PARTIES:
        assert len(parties.board(party).messages) == 20
    assert parties.roots_equal()


# --- a node that starts again


def test_a_node_that_starts_again_shows_the_same_hotline():
    parties = two()
    parties.run(1.5)
    asked = parties.order("alfa", text("bravo", "what do you do"))["message"]
    other = parties.order("bravo", text("alfa", "and you?", "P"))["message"]
    parties.run(1.0)
    parties.order("bravo", Displayed(messages=[asked]))
    parties.order("bravo", AcknowledgeMessage(asked))
    parties.order("alfa", SendText("bravo", "watch", "P", "turning", answers=other))
    parties.run(2.0)
    before = {party: parties.board(party).messages for party in PARTIES}
    for party in PARTIES:
        parties.restart(party)
        check_same(parties.board(party).messages, before[party])
    parties.run(3.0)
    for party in PARTIES:
        check_same(parties.board(party).messages, before[party])
        assert parties.board(party).peers[0].state == "UP"
    assert parties.roots_equal()


def check_same(rows, before):
    """The record keeps the newest receipt alone: when each message was held is known as "by then", never earlier."""
    for row, old in zip(rows, before, strict=True):
        for half, was in zip(row.halves, old.halves, strict=True):
            assert structs.replace(half, held_at_ms=was.held_at_ms) == was
            assert (half.held_at_ms or 0) > (was.held_at_ms or 0) - 1_000  # a receipt counts whole seconds
        assert structs.replace(row, halves=old.halves, not_after_ms=old.not_after_ms) == old
        # The bound is the receipt's time, in whole seconds, and no longer the arrival's.
        assert (row.not_after_ms or 0) > (old.not_after_ms or 0) - 1_000


def test_a_node_that_starts_again_goes_on_with_its_record_where_it_stopped():
    parties = two()
    meet(parties, 45.0, seconds=110.0)
    parties.run(45.5)
    before = parties["alfa"].store.sizes()
    parties.restart("alfa")
    parties.run(15.5)
    assert all(size >= before[origin] for origin, size in parties["alfa"].store.sizes().items())
    parties.run(0.5)
    assert parties.roots_equal()
    assert parties.board("alfa").faults == []


def test_a_new_alert_after_a_start_is_not_taken_for_an_old_one():
    border = line("border", south=35.0, north=36.0)
    parties = two(zones=(border,))
    parties.plots("alfa", plots_of(Flight("aaaaaa", 36.3, 36.0, trk_deg=180.0), seconds=20.0, start=parties.now))
    parties.run(20.5)
    (first,) = parties.board("bravo").alerts
    parties.restart("alfa")
    parties.plots("alfa", plots_of(Flight("dddddd", 36.3, 36.5, trk_deg=180.0), seconds=20.0, start=parties.now))
    parties.run(20.0)
    rows = {row.alert: row for row in parties.board("bravo").alerts}
    assert len(rows) == 2
    assert {row.a.label for row in rows.values()} == {"aaaaaa", "dddddd"}
    assert first.alert in rows


def test_an_alert_of_before_the_start_is_told_as_over_when_it_is_not_raised_again():
    border = line("border", south=35.0, north=36.0)
    parties = two(zones=(border,))
    parties.plots("alfa", plots_of(Flight("aaaaaa", 36.3, 36.0, trk_deg=180.0), seconds=20.0, start=parties.now))
    parties.run(20.5)
    parties.restart("alfa")
    parties.run(90.0)
    (row,) = parties.board("bravo").alerts
    assert row.state == "cleared"


def test_a_peers_warning_still_stands_after_our_start():
    border = line("border", south=35.0, north=36.0)
    parties = two(zones=(border,))
    parties.plots("alfa", plots_of(Flight("aaaaaa", 36.3, 36.0, trk_deg=180.0), seconds=60.0, start=parties.now))
    parties.run(20.5)
    parties.order("bravo", Acknowledge(parties.board("bravo").alerts[0].alert))
    parties.run(1.0)
    parties.restart("bravo")
    (row,) = parties.board("bravo").alerts
    assert row.raised_by == "alfa"
    assert row.state == "active"
    own = next(half for half in row.halves if half.party == "bravo")
    assert own.acknowledged_by == "operator"
