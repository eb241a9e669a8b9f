"""Who may order what: the whole matrix of roles and orders."""

from typing import get_args

import pytest

from detente.desk.orders import Acknowledge, AcknowledgeMessage, AnyOrder, Displayed, SendCode, SendText, StandDown
from detente.desk.seats import LINES, MATRIX, RUNG_OF, permit
from detente.errors import OrderRefused
from detente.types import DELEGATION, WATCH, Role

ACK, STAND = Acknowledge("alfa-1"), StandDown("alfa-1", "acting")


def may(role, order, **more):
    refused = None
    try:
        permit(role, order, **more)
    except OrderRefused as fault:
        refused = fault
    assert refused is None or (refused.code == "wrong_seat" and str(refused))
    return refused is None


def test_the_matrix_is_whole():
    assert all(set(row) == set(Role) for row in MATRIX.values())
    assert set(MATRIX) == set(get_args(AnyOrder))
    assert len(DELEGATION) == 3


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("rung", range(6))
def test_an_alert_is_acknowledged_by_the_watch_at_once_and_above_when_told(role, rung):
    assert may(role, ACK, rung=rung) == (role in WATCH or RUNG_OF[role] <= rung)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("rung", range(6))
def test_a_ladder_is_stood_down_on_its_own_rung_or_above(role, rung):
    told = role in WATCH or RUNG_OF[role] <= rung
    assert may(role, STAND, rung=rung) == (told and RUNG_OF[role] >= rung)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("line", LINES)
def test_each_seat_speaks_on_its_own_line_only(role, line):
    own = {
        "watch": role in WATCH,
        "military": role is Role.MILITARY,
        "intelligence": role is Role.INTELLIGENCE,
        "foreign_service": role is Role.FOREIGN_SERVICE,
        "leader": role is Role.LEADER,
    }[line]
    assert may(role, SendText("bravo", line, "R", "hello")) == own
    assert may(role, SendCode("bravo", line, "P01", {"ref": "x"})) == own


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("rung", range(6))
def test_a_message_is_acknowledged_on_its_line_or_where_it_has_climbed_to(role, line, rung):
    expected = role in LINES[line] or 0 < RUNG_OF[role] <= rung
    assert may(role, AcknowledgeMessage("bravo-flash-1"), line=line, rung=rung) == expected


def test_painting_needs_no_seat():
    assert all(may(role, Displayed(["alfa-1"], [])) for role in Role)


def test_a_phrase_has_a_lowest_role():
    order = SendCode("bravo", "watch", "D06", {})
    assert may(Role.DUTY_OFFICER, order, min_role=Role.DUTY_OFFICER)
    assert not may(Role.OPERATOR, order, min_role=Role.DUTY_OFFICER)


def test_an_unknown_message_is_nobodys():
    assert not may(Role.OPERATOR, AcknowledgeMessage("bravo-flash-9"))
