"""How long ahead an activity was declared, against what was agreed."""

from __future__ import annotations

from coordination.test_activities import START_MS, plan
from detente.coordination.charter import Charter
from detente.coordination.lead_time import LeadClass, agreed_ms, is_short, lead_class
from detente.coordination.plan import Kind


def test_lead_times_have_classes():
    hour = 3_600_000
    leads = (43 * 24 * hour, 8 * 24 * hour, 49 * hour, 2 * hour, hour - 1, -hour)
    assert [lead_class(ms) for ms in leads] == [
        LeadClass.CALENDAR,
        LeadClass.PLANNED,
        LeadClass.NOTIFIED,
        LeadClass.SHORT,
        LeadClass.IMMEDIATE,
        LeadClass.IMMEDIATE,
    ]


def test_what_was_agreed_is_by_kind_and_where_nothing_was_agreed_nothing_is_short():
    charter = Charter(table="line", title="x", members=("alfa", "bravo"), agreement="x", lead_minutes={"exercise": 60})
    assert (agreed_ms(charter, Kind.EXERCISE), agreed_ms(charter, Kind.FLIGHT)) == (3_600_000, None)
    exercise, flight = plan(kind=Kind.EXERCISE), plan(kind=Kind.FLIGHT)
    assert not is_short(charter, exercise, START_MS - 3_600_000)
    assert is_short(charter, exercise, START_MS - 3_599_999)
    assert not is_short(charter, flight, START_MS)
