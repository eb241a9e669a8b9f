"""Who may do what at a table: the whole matrix, and that there is no fourth seat."""

from __future__ import annotations

from typing import get_args

import pytest

from coordination.meeting import ALFA, Meeting
from detente.coordination.arrangement import FLOWS, Flow, Narrow, State
from detente.coordination.powers import COMMITMENTS, NEEDS, POWERS, permit
from detente.coordination.reports import Ask
from detente.coordination.statement import AnyAct
from detente.errors import OrderRefused
from detente.types import DELEGATION, Role

ACTS = get_args(AnyAct)


def test_every_act_stands_in_the_matrix_and_nothing_else_does():
    assert set(POWERS) == set(ACTS)
    assert set(ACTS) >= COMMITMENTS
    assert set(NEEDS) <= set(ACTS)


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__struct_config__.tag)
@pytest.mark.parametrize("role", Role)
def test_r04_an_act_by_a_seat_that_has_no_power_for_it_is_refused_with_the_seats_that_have(act, role):
    if role in POWERS[act]:
        assert permit(role, act) is None
    else:
        with pytest.raises(OrderRefused, match=", not for the ") as refused:
            permit(role, act)
        assert refused.value.code == "wrong_seat"


def test_what_binds_a_party_is_done_by_a_seat_of_the_delegation_or_the_leader_and_never_by_the_watch():
    for act in COMMITMENTS:
        assert set(POWERS[act]) <= {*DELEGATION, Role.LEADER}


def test_the_three_seats_have_powers_of_their_own():
    only = {seat: {act for act in ACTS if POWERS[act] == (seat,)} for seat in DELEGATION}
    assert all(only.values())


@pytest.mark.parametrize("state", State)
def test_warnings_are_told_and_the_hotline_is_open_whatever_the_arrangement_says(state):
    assert Flow.WARNINGS in FLOWS[state]
    assert Flow.HOTLINE in FLOWS[state]


def test_when_only_safety_of_life_is_left_reports_and_talks_are_refused():
    meeting = Meeting()
    meeting.say(ALFA, Role.FOREIGN_SERVICE, Narrow(to="safety_of_life", note="For the time being."))
    with pytest.raises(OrderRefused, match="the arrangement is safety of life: reports do not flow"):
        meeting.say(ALFA, Role.INTELLIGENCE, Ask(originator="bravo", material="x-1", words="Please."))
