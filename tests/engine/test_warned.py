"""A warning raised by one party reaches the other, and both see the same four times of it, each for itself."""

from __future__ import annotations

import pytest

from detente.alerts.escalation import agreed_ladder
from detente.desk.orders import Acknowledge, Displayed, StandDown
from detente.engine.values import Declared
from detente.errors import OrderRefused
from detente.release.policy import parse_policy
from detente.testing.clock import VirtualClock
from detente.testing.parties import Character, Parties
from detente.types import NS_PER_MS, Role, instant_ms
from engine.meeting import fly, meet, open_handed, two
from flights import Flight, head_on, plots_of
from release.sky import line

PARTIES = ("alfa", "bravo")


def warned(**more):
    """Both have raised the conflict four seconds ago; nobody has touched anything."""
    parties = two(**more)
    meet(parties, 45.0, seconds=200.0)
    parties.run(45.5)
    return parties


@pytest.fixture(scope="module")
def met():
    return warned()


def row_of(parties, party):
    (row,) = parties.board(party).alerts
    return row


def halves(parties, party):
    return {half.party: half for half in row_of(parties, party).halves}


def test_one_event_is_one_row_on_each_desk_with_the_peers_verdict_beside_ours(met):
    for party, peer in (PARTIES, PARTIES[::-1]):
        row = row_of(met, party)
        assert row.raised_by == party
        (verdict,) = row.verdicts
        assert (verdict.party, verdict.says) == (peer, "same")


def test_both_aircraft_are_named_with_whose_they_are(met):
    for party in PARTIES:
        row = row_of(met, party)
        assert {(row.a.label, row.a.party), (row.b.label, row.b.party)} == {("aaaaaa", "alfa"), ("bbbbbb", "bravo")}


def test_the_peers_name_for_the_event_finds_our_row(met):
    warnings = met["alfa"].engine.subjects.warnings
    assert warnings.named("bravo-1") is warnings.named("alfa-1") is not None


def test_the_warning_is_on_both_disks(met):
    for party in PARTIES:
        row = row_of(met, party)
        assert row.recorded
        assert row.leaf is not None
        assert all(half.sent_at_ms is not None and half.held_at_ms is not None for half in row.halves)
    assert met.roots_equal()


def test_the_four_times_of_each_side_are_the_same_on_both_desks():
    parties = warned()
    parties.order("bravo", Displayed(alerts=["bravo-1"]))
    parties.run(2.0)
    parties.order("bravo", Acknowledge("bravo-1"), Role.OPERATOR)
    parties.run(2.0)
    parties.order("alfa", Displayed(alerts=["alfa-1"]))
    parties.run(1.0)
    for party in PARTIES:
        known = halves(parties, party)
        assert known["bravo"].displayed_at_ms + 2_000 == known["bravo"].acknowledged_at_ms
        assert known["bravo"].acknowledged_by == "operator"
        assert known["alfa"].displayed_at_ms == known["bravo"].acknowledged_at_ms + 2_000
        assert known["alfa"].acknowledged_at_ms is None
    own, theirs = halves(parties, "alfa"), halves(parties, "bravo")
    for party in PARTIES:
        for time in ("displayed_at_ms", "acknowledged_at_ms", "acknowledged_by", "rung"):
            assert getattr(own[party], time) == getattr(theirs[party], time), (party, time)
        for time in ("sent_at_ms", "held_at_ms"):
            assert abs(getattr(own[party], time) - getattr(theirs[party], time)) <= 10, (party, time)
    assert parties.roots_equal()


def test_an_acknowledgement_on_one_side_is_not_one_on_the_other():
    parties = warned()
    parties.order("alfa", Acknowledge("alfa-1"))
    parties.run(1.5)
    for party in PARTIES:
        assert halves(parties, party)["alfa"].acknowledged_at_ms is not None
        assert halves(parties, party)["bravo"].acknowledged_at_ms is None
        assert row_of(parties, party).acknowledge_by_ms is not None


def test_what_was_displayed_or_acknowledged_twice_keeps_the_first_time():
    parties = warned()
    parties.order("alfa", Acknowledge("alfa-1"))
    parties.order("alfa", Displayed(alerts=["alfa-1", "no such alert"]))
    before = halves(parties, "alfa")["alfa"]
    parties.run(3.0)
    parties.order("alfa", Acknowledge("alfa-1"), Role.SUPERVISOR)
    parties.order("alfa", Displayed(alerts=["alfa-1"]))
    assert halves(parties, "alfa")["alfa"] == before


def test_the_times_are_of_each_sides_own_clock():
    parties = two()
    parties["bravo"].character.clock.jump(-300 * NS_PER_MS)
    meet(parties, 45.0, seconds=60.0)
    parties.run(45.0)
    parties.order("alfa", Displayed(alerts=["alfa-1"]))
    at_ms = instant_ms(parties.now)
    parties.run(1.5)
    for party in PARTIES:
        assert halves(parties, party)["alfa"].displayed_at_ms == at_ms


# --- the ladder


LADDER = agreed_ladder((0.0, 10.0, 20.0, 30.0, 40.0, 50.0), (0.0, 120.0), conflict_reaches_leader=True)


def test_a_warning_nobody_acknowledges_climbs_on_both_sides_together_to_the_leaders():
    parties = warned(ladder=LADDER)
    rungs = []
    for _ in range(12):
        parties.run(5.0)
        own, theirs = row_of(parties, "alfa"), row_of(parties, "bravo")
        assert own.rung == theirs.rung
        assert [half.rung for half in own.halves] == [half.rung for half in theirs.halves] == [own.rung] * 2
        rungs.append(own.rung)
    # Nearer than two minutes to the event the first two rungs come at once.
    assert sorted(set(rungs)) == [2, 3, 4, 5]
    assert row_of(parties, "alfa").rung_roles == ["leader"]
    parties.order("alfa", Acknowledge("alfa-1"), Role.LEADER)
    parties.run(1.0)
    for party in PARTIES:
        half = halves(parties, party)["alfa"]
        assert half.acknowledged_by == "leader"
    assert parties.roots_equal()


def test_the_ladder_stops_when_both_sides_have_acknowledged():
    parties = warned(ladder=LADDER)
    for party in PARTIES:
        parties.order(party, Acknowledge(f"{party}-1"))
    parties.run(60.0)
    for party in PARTIES:
        assert row_of(parties, party).rung == 0
        assert row_of(parties, party).next_rung_at_ms is None


def test_without_the_agreement_no_leader_hears_of_a_predicted_conflict():
    parties = warned(ladder=agreed_ladder((0.0, 10.0, 20.0), (0.0, 120.0), conflict_reaches_leader=False))
    parties.run(60.0)
    assert [row_of(parties, party).rung for party in PARTIES] == [2, 2]


def test_a_seat_the_ladder_has_not_told_may_not_acknowledge():
    parties = warned(ladder=LADDER)
    for role in (Role.MILITARY, Role.MINISTER, Role.LEADER):
        with pytest.raises(OrderRefused, match="has not been told yet") as refused:
            parties.order("alfa", Acknowledge("alfa-1"), role)
        assert refused.value.code == "wrong_seat"
    assert halves(parties, "alfa")["alfa"].acknowledged_at_ms is None


def test_a_side_that_stands_down_is_told_no_more_and_the_other_side_goes_on():
    parties = warned(ladder=LADDER)
    parties.order("alfa", StandDown("alfa-1", "acting"))
    parties.run(25.0)
    escalations = [parties[party].engine.subjects.escalations for party in PARTIES]
    assert [e.half("alfa-1", "alfa") for e in escalations[:1]] == ["stood_down"]
    assert escalations[1].half("bravo-1", "alfa") == "stood_down"
    assert escalations[1].half("bravo-1", "bravo") == "open"
    assert row_of(parties, "bravo").rung == 2


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (Acknowledge("alfa-77"), "unknown_alert"),
        (StandDown("alfa-77", "acting"), "unknown_subject"),
        (StandDown("alfa-1", "because"), "reason_unknown"),
    ],
)
def test_an_order_about_nothing_known_is_refused_with_its_code(met, order, code):
    with pytest.raises(OrderRefused) as refused:
        met.order("alfa", order)
    assert refused.value.code == code


def test_a_warning_that_is_over_is_cleared_on_both_desks():
    parties = two()
    a, b = Flight("aaaaaa", 47.0, 8.0, trk_deg=90.0), Flight("bbbbbb", 47.0, 8.2, trk_deg=270.0)
    fly(parties, 120.0, {"alfa": a, "bravo": b})
    parties.run(10.5)
    assert [row_of(parties, party).state for party in PARTIES] == ["active", "active"]
    parties.run(109.0)
    for party in PARTIES:
        row = row_of(parties, party)
        assert row.state == "cleared"
        assert row.cleared_at_ms is not None
        assert not parties.board(party).audible
    parties.run(1.0)
    assert parties.roots_equal()


# --- a line


def test_an_aircraft_that_will_cross_a_peers_line_is_told_to_the_peer_even_unreleased():
    border = line("border", south=35.0, north=36.0)
    parties = Parties({"alfa": Character(zones=(border,)), "bravo": Character(zones=(border,))})
    fly(parties, 30.0, {"alfa": Flight("aaaaaa", 36.3, 36.0, trk_deg=180.0)})
    parties.run(20.5)
    own, told = row_of(parties, "alfa"), row_of(parties, "bravo")
    assert (own.kind, own.zone, own.a.label) == ("incursion", "border", "aaaaaa")
    assert (told.kind, told.zone, told.raised_by) == ("incursion", "border", "alfa")
    assert told.a.label == "not released to us"
    assert parties.board("bravo").counts.shared == 0
    assert parties.roots_equal()


def test_three_parties_each_hear_only_what_concerns_them():
    parties = Parties(
        {
            "alfa": open_handed(b"aaaaaa", "bravo", "charlie"),
            "bravo": open_handed(b"bbbbbb", "alfa"),
            "charlie": open_handed(b"cccccc", "alfa", "bravo", clock=VirtualClock(drift_ppm=50)),
        }
    )
    meet(parties, 45.0, seconds=60.0)
    parties.run(50.5)
    assert row_of(parties, "alfa").raised_by == "alfa"
    assert row_of(parties, "bravo").raised_by == "bravo"
    # Charlie sees Alfa's aircraft and not Bravo's: there is nothing to tell it of.
    assert parties.board("charlie").alerts == []
    assert parties.board("charlie").counts.shared == 1
    assert parties.roots_equal()


# --- a peer's tracks without a name

UNNAMED = """
name = "unnamed"
[[rule]]
name = "unnamed"
effect = "release"
to = ["{peer}"]
give = {{ fields = ["position", "altitude", "velocity", "declaration"] }}
"""


def without_names(seconds):
    """Each party's sensor sees both aircraft, and each tells the other all but the names of what it sees."""
    parties = Parties(
        {
            own: Character(policy=parse_policy(UNNAMED.format(peer=peer)), declared=Declared((identity,)))
            for own, peer, identity in (("alfa", "bravo", b"aaaaaa"), ("bravo", "alfa", b"bbbbbb"))
        }
    )
    for party in PARTIES:
        parties.plots(party, plots_of(*head_on(36.0), seconds=90.0, start=parties.now))
    parties.run(seconds)
    return parties


@pytest.fixture(scope="module")
def unnamed():
    return without_names(40.5)


def test_who_turns_out_to_be_concerned_is_told_at_once_and_not_when_the_alert_next_changes(unnamed):
    for party, peer in (PARTIES, PARTIES[::-1]):
        (row,) = [row for row in unnamed.board(party).alerts if row.state == "active"]
        assert row.level == "warning"
        assert {half.party for half in row.halves} == set(PARTIES)
        assert [(verdict.party, verdict.says) for verdict in row.verdicts] == [(peer, "same")]


def test_a_peers_alert_about_tracks_that_turn_out_to_be_ours_stands_on_no_row_of_its_own(unnamed):
    for party, peer in (PARTIES, PARTIES[::-1]):
        warnings = unnamed[party].engine.subjects.warnings
        (ours,) = [row for row in warnings.all() if row.is_active]
        assert ours.name == f"{party}-1"
        assert warnings.named(f"{peer}-1") is ours


def test_what_was_done_before_the_peer_was_told_reaches_it_with_the_alert_and_once():
    parties = without_names(5.0)
    row = parties["alfa"].engine.subjects.warnings.named("alfa-1")
    assert row.is_active
    assert not row.leaves  # nobody has been told
    parties.order("alfa", Displayed(alerts=["alfa-1"]))
    parties.order("alfa", Acknowledge("alfa-1"))
    done_at_ms = row.half("alfa").acknowledged_at_ms
    while not row.leaves:
        parties.run(0.1)
    told_at_ms = instant_ms(parties.now)
    assert told_at_ms - done_at_ms > 10_000
    parties.run(1.0)
    theirs = parties["bravo"].engine.subjects.warnings.named("alfa-1").half("alfa")
    assert theirs.acknowledged_by == "operator"
    assert row.half("alfa").acknowledged_at_ms == done_at_ms
    for at_ms in (theirs.displayed_at_ms, theirs.acknowledged_at_ms):
        assert abs(at_ms - told_at_ms) <= 200  # how long Alfa knew before is not Bravo's to learn
    lanes = parties.board("bravo").peers[0].lanes
    said = [lane.their_size for lane in lanes if lane.lane == "ops"]
    parties.run(3.0)
    lanes = parties.board("bravo").peers[0].lanes
    assert [lane.their_size for lane in lanes if lane.lane == "ops"] == said
    assert parties.roots_equal()


def test_an_acknowledgement_that_could_not_be_said_is_said_later_with_its_own_time(monkeypatch):
    parties = warned()
    alfa = parties["alfa"].engine.subjects
    with monkeypatch.context() as frozen:
        frozen.setattr(alfa, "_speak", lambda *_, **__: None)
        parties.order("alfa", Acknowledge("alfa-1"))
        parties.run(1.0)
    done_at_ms = halves(parties, "alfa")["alfa"].acknowledged_at_ms
    assert halves(parties, "bravo")["alfa"].acknowledged_at_ms is None
    parties.run(6.0)
    assert halves(parties, "bravo")["alfa"].acknowledged_at_ms == done_at_ms
    assert parties.roots_equal()
