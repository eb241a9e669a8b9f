"""What we did about an alert is owed to each peer that learns of the alert later, and told once."""

from __future__ import annotations

from detente.engine.doings import Doings
from detente.evidence.leaf import Kind
from detente.types import PartyId
from detente.wire.messages import AckBody, DisplayedBody, EscalationBody, StandDownBody

BRAVO, CHARLIE = PartyId("bravo"), PartyId("charlie")


def did(doings, row, kind, body, by, known_to):
    doings.did(row, kind, body, by, known_to=known_to, told=known_to)


def told(doings, row, *parties):
    """Tell what is owed; returns it."""
    owed = doings.owed(row, parties)
    for party, done in owed:
        doings.told(row, party, done)
    return [(party, done.kind, done.body) for party, done in owed]


def test_a_peer_is_owed_what_it_was_not_told_in_the_order_it_was_done():
    doings, shown, seen = Doings(), DisplayedBody(at_ms=1), AckBody(at_ms=2)
    did(doings, "alfa-1", Kind.DISPLAYED, shown, "console", [BRAVO])
    did(doings, "alfa-1", Kind.ACK, seen, "operator", [BRAVO])
    assert told(doings, "alfa-1", BRAVO, CHARLIE) == [(CHARLIE, Kind.DISPLAYED, shown), (CHARLIE, Kind.ACK, seen)]
    assert told(doings, "alfa-1", BRAVO, CHARLIE) == []


def test_of_a_ladder_the_highest_rung_is_owed_and_what_was_seen_once_is_told_once():
    doings = Doings()
    for rung in (1, 2, 1):
        did(doings, "alfa-1", Kind.ESCALATION, EscalationBody(rung=rung, at_ms=rung), "node", [])
    did(doings, "alfa-1", Kind.ACK, AckBody(at_ms=5), "operator", [BRAVO])
    did(doings, "alfa-1", Kind.ACK, AckBody(at_ms=6), "supervisor", [])
    assert told(doings, "alfa-1", BRAVO) == [(BRAVO, Kind.ESCALATION, EscalationBody(rung=2, at_ms=2))]


def test_another_reason_to_stand_down_is_news():
    doings, first, then = Doings(), StandDownBody(reason="acting", at_ms=1), StandDownBody(reason="resolved", at_ms=2)
    did(doings, "alfa-1", Kind.STAND_DOWN, first, "operator", [BRAVO])
    assert told(doings, "alfa-1", BRAVO) == []
    did(doings, "alfa-1", Kind.STAND_DOWN, then, "operator", [])
    assert told(doings, "alfa-1", BRAVO) == [(BRAVO, Kind.STAND_DOWN, then)]


def test_when_two_rows_turn_out_to_be_one_event_each_peer_that_was_told_of_either_has_been_told():
    doings, first, second = Doings(), DisplayedBody(at_ms=1), DisplayedBody(at_ms=2)
    did(doings, "alfa-1", Kind.DISPLAYED, first, "console", [BRAVO])
    did(doings, "charlie-4", Kind.DISPLAYED, second, "console", [CHARLIE])
    did(doings, "charlie-4", Kind.ACK, AckBody(at_ms=3), "operator", [CHARLIE])
    doings.joined("alfa-1", "charlie-4")
    assert doings.names() == ["alfa-1"]
    assert told(doings, "alfa-1", BRAVO, CHARLIE) == [(BRAVO, Kind.ACK, AckBody(at_ms=3))]
    doings.forget("alfa-1")
    assert doings.names() == []


def test_what_could_not_be_said_stays_owed_and_is_known_to_be_of_a_time_when_the_peer_knew():
    doings, shown, seen = Doings(), DisplayedBody(at_ms=1), AckBody(at_ms=2)
    doings.did("alfa-1", Kind.DISPLAYED, shown, "console", known_to=[], told=[])
    doings.did("alfa-1", Kind.ACK, seen, "operator", known_to=[BRAVO], told=[])
    owed = doings.owed("alfa-1", [BRAVO])
    assert owed == doings.owed("alfa-1", [BRAVO])
    assert [(done.kind, doings.was_known("alfa-1", BRAVO, done)) for _, done in owed] == [
        (Kind.DISPLAYED, False),
        (Kind.ACK, True),
    ]
    assert not doings.was_known("alfa-1", CHARLIE, owed[1][1])
