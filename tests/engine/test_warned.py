"""A warning raised by one party reaches the other, and both see the same four times of it, each for itself."""

from __future__ import annotations

import pytest

from engine.meeting import meet, two


@pytest.fixture(scope="module")
def met():
    """Both have raised the conflict a few seconds ago; nobody has touched anything."""
    parties = two()
    meet(parties, 45.0, seconds=70.0)
    parties.run(45.5)
    return parties


def halves(board):
    return {half.party: half for half in board.alerts[0].halves}


def test_one_event_is_one_row_on_each_desk_with_the_peers_verdict_beside_ours(met):
    for party, peer in (("alfa", "bravo"), ("bravo", "alfa")):
        board = met.board(party)
        assert [row.raised_by for row in board.alerts] == [party]
        (verdict,) = board.alerts[0].verdicts
        assert (verdict.party, verdict.says) == (peer, "same")


def test_both_aircraft_are_named_with_whose_they_are(met):
    for party in ("alfa", "bravo"):
        row = met.board(party).alerts[0]
        assert {(row.a.label, row.a.party), (row.b.label, row.b.party)} == {("aaaaaa", "alfa"), ("bbbbbb", "bravo")}


def test_the_peers_name_for_the_event_finds_our_row(met):
    assert met["alfa"].engine.subjects.warnings.named("bravo-1") is met["alfa"].engine.subjects.warnings.named("alfa-1")
