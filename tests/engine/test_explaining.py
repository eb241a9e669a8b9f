"""Why an alert was raised is told in the detector's own numbers; and how often this node cries is counted."""

from __future__ import annotations

import math

import pytest

from detente.desk.orders import MarkAlert
from detente.detect.profile import EN_ROUTE
from detente.errors import OrderRefused
from detente.types import Role
from engine.meeting import meet, two


@pytest.fixture(scope="module")
def met():
    """Both have raised the conflict four seconds ago."""
    parties = two()
    meet(parties, 45.0, seconds=200.0)
    parties.run(45.5)
    return parties


def test_what_raised_an_alert_is_kept_with_its_inputs_and_minima(met):
    why = met["alfa"].engine.explain("alfa-1")
    raised = why.raised
    assert raised is not None
    assert (raised.rule, raised.profile) == ("conflict", EN_ROUTE.name)
    assert raised.minima.horizontal_m == EN_ROUTE.minima.horizontal_m
    assert raised.hold.vertical_ft == EN_ROUTE.hold.vertical_ft
    assert raised.confirm == list(EN_ROUTE.confirm)
    assert {state.label for state in raised.tracks} == {"aaaaaa", "bbbbbb"}
    assert all(state.altitude_ft is not None and state.datum == "pressure" for state in raised.tracks)


def test_the_numbers_handed_over_lead_to_the_prediction(met):
    """Carried along by their own velocities, the two aircraft are where the alert says, when it says."""
    raised = met["alfa"].engine.explain("alfa-1").raised
    a, b = raised.tracks
    dt = [raised.time_to_nearest_s + (raised.at_ms - s.applicable_at_ms) / 1000 for s in (a, b)]
    latitude = math.radians((a.latitude_e7 + b.latitude_e7) / 2e7)
    flat = 1 - 0.00669438 * math.sin(latitude) ** 2  # WGS 84
    north = math.radians(1e-7) * 6_335_439 / flat**1.5
    east = math.radians(1e-7) * 6_378_137 / flat**0.5 * math.cos(latitude)
    places = [
        (s.latitude_e7 * north + s.v_north_mps * t, s.longitude_e7 * east + s.v_east_mps * t)
        for s, t in zip((a, b), dt, strict=True)
    ]
    apart = math.dist(*places)
    # Great circles drawn on a flat map: three hundredths of the minimum apart at most.
    assert abs(apart - raised.distance_m) < 0.03 * EN_ROUTE.minima.horizontal_m
    assert 0 < raised.time_in_s < raised.time_out_s <= raised.lookahead_s < raised.time_to_nearest_s


def test_the_newest_judgement_stands_beside_the_first_and_the_peers_word_beside_both(met):
    why = met["alfa"].engine.explain("bravo-1")
    assert why.alert == "alfa-1"
    assert why.now.at_ms > why.raised.at_ms
    assert why.now.time_in_s < why.raised.time_in_s
    (told,) = why.told
    assert (told.party, told.alert, told.is_cleared) == ("bravo", "bravo-1", False)


def test_an_alert_that_is_not_there_is_refused(met):
    with pytest.raises(OrderRefused) as refused:
        met["alfa"].engine.explain("alfa-77")
    assert refused.value.code == "unknown_alert"


def test_alerts_are_counted_for_each_hour_flown():
    parties = two()
    meet(parties, 45.0, seconds=200.0)
    parties.run(45.5)
    row = parties.board("alfa").nuisance
    assert row.raised == {"conflict": 1}
    assert 60 / 3600 < row.flight_hours < 2 * 46 / 3600
    numbers = parties["alfa"].engine.numbers()
    assert numbers["detente_flight_hours"] == row.flight_hours
    assert numbers["detente_alerts_raised"] == 1.0


def test_a_mark_stays_at_home_and_the_last_word_counts():
    parties = two()
    meet(parties, 45.0, seconds=200.0)
    parties.run(45.5)
    before = {p: parties[p].engine.logs() for p in ("alfa", "bravo")}
    parties.order("alfa", MarkAlert("alfa-1", useful=False), Role.OPERATOR)
    parties.order("alfa", MarkAlert("alfa-1", useful=True), Role.OPERATOR)
    (row,) = parties.board("alfa").alerts
    assert row.useful is True
    assert (parties.board("alfa").nuisance.useful, parties.board("alfa").nuisance.not_useful) == (1, 0)
    (theirs,) = parties.board("bravo").alerts
    assert theirs.useful is None
    assert {p: parties[p].engine.logs() for p in ("alfa", "bravo")} == before


def test_a_seat_that_was_not_told_has_no_opinion(met):
    with pytest.raises(OrderRefused) as refused:
        met.order("alfa", MarkAlert("alfa-1", useful=True), Role.LEADER)
    assert refused.value.code == "wrong_seat"
