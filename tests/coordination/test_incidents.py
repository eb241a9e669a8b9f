"""Incidents: two accounts on one page, one opening for one alert, a finding only if it is everybody's."""

from __future__ import annotations

import pytest

from coordination.meeting import ALFA, BRAVO, Meeting
from detente.coordination.incidents import Account, Attach, Classify, FindIncident, OpenIncident
from detente.errors import OrderRefused
from detente.types import Role

MIL, FS, DUTY = Role.MILITARY, Role.FOREIGN_SERVICE, Role.DUTY_OFFICER


def row(meeting: Meeting, at=ALFA):
    return meeting.tables[at].standing.incidents.rows()[0]


def opened(meeting: Meeting) -> str:
    return meeting.say(ALFA, Role.OPERATOR, OpenIncident(title="Crossing", happened_ms=1, alert="alfa-3"))


def test_r11_each_side_s_account_stands_beside_the_other_s_and_neither_can_touch_the_other_s():
    meeting = Meeting()
    name = opened(meeting)
    meeting.say(ALFA, DUTY, Account(incident=name, words="It crossed for 17 seconds."))
    meeting.say(BRAVO, DUTY, Account(incident=name, words="It did not cross."))
    meeting.say(BRAVO, MIL, Account(incident=name, words="It did not cross; here is its track."))
    halves = {half.party: [words for _, _, words in half.accounts] for half in row(meeting).halves}
    assert halves == {
        "alfa": ["It crossed for 17 seconds."],
        "bravo": ["It did not cross.", "It did not cross; here is its track."],
    }
    assert row(meeting) == row(meeting, BRAVO)


def test_one_alert_opens_one_incident_though_both_nodes_open_it_at_once():
    meeting = Meeting()
    meeting.is_apart = True
    for party in (ALFA, BRAVO):
        meeting.say(party, Role.OPERATOR, OpenIncident(title="Crossing", happened_ms=1, alert="alfa-3"))
    meeting.meet()
    for party in (ALFA, BRAVO):
        table = meeting.tables[party]
        assert len(table.standing.incidents.rows()) == 1
        assert [refused.code for refused in table.refusals] == ["open_already"]
    assert row(meeting) == row(meeting, BRAVO)


def test_category_severity_and_attribution_are_each_party_s_own():
    meeting = Meeting()
    name = opened(meeting)
    meeting.say(ALFA, MIL, Classify(incident=name, categories=("INCUR",), severity="S2", attribution="An error."))
    meeting.say(BRAVO, MIL, Classify(incident=name, categories=("DATA",), severity="S0"))
    assert [(half.severity, half.attribution) for half in row(meeting).halves] == [("S2", "An error."), ("S0", None)]


@pytest.mark.parametrize(
    ("findings", "status"),
    [
        ((), "open"), (("agreed",), "open"), (("agreed", "agreed"), "agreed"), (("partly", "partly"), "partly"),
        (("agreed", "not_agreed"), "disputed"), (("not_established", "not_established"), "not_established"),
    ],
)  # fmt: skip
def test_a_finding_is_joint_only_if_every_party_gives_the_same(findings, status):
    meeting = Meeting()
    name = opened(meeting)
    for party, finding in zip((ALFA, BRAVO), findings, strict=False):
        meeting.say(party, FS, FindIncident(incident=name, finding=finding, words="So we find."))
    assert row(meeting).status == status


def test_evidence_is_named_by_what_the_record_holds_and_keeps_who_attached_it():
    meeting = Meeting()
    name = opened(meeting)
    meeting.say(BRAVO, Role.INTELLIGENCE, Attach(incident=name, evidence=("bravo-ops-12", "alfa-3")))
    assert row(meeting).evidence == [("alfa-3", "alfa"), ("bravo-ops-12", "bravo")]
    with pytest.raises(OrderRefused, match="at most 128"):
        meeting.say(BRAVO, Role.INTELLIGENCE, Attach(incident=name, evidence=tuple(f"x-{n}" for n in range(127))))
    with pytest.raises(OrderRefused, match="no incident"):
        meeting.say(BRAVO, DUTY, Account(incident="bravo-9", words="x"))
    with pytest.raises(OrderRefused, match="before it is opened"):
        meeting.say(BRAVO, DUTY, OpenIncident(title="x", happened_ms=10**12))
