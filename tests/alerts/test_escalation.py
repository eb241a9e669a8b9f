"""The ladder: when each rung is due, whose half closes what, and that both sides climb together."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.alerts import escalation
from detente.alerts.escalation import (
    DEFAULT_LADDER,
    SUBJECTS_LIMIT,
    TRANSITIONS,
    Act,
    Cause,
    Escalations,
    Stand,
    State,
    agreed_ladder,
)
from detente.errors import ConfigError, OwnFault
from detente.types import DELEGATION, Instant, PartyId, Role, duration_ns

ALFA, BRAVO = PartyId("alfa"), PartyId("bravo")
BOTH = (ALFA, BRAVO)
START = Instant(1_000 * 10**9)


def at(seconds):
    return Instant(START + duration_ns(seconds))


def climbing(cause=Cause.CONFLICT, event_s=None, ladder=DEFAULT_LADDER, **more):
    ladder_of_one = Escalations(ladder)
    event = None if event_s is None else at(event_s)
    ladder_of_one.raised("alfa-1", cause, BOTH, START, event_at=event, **more)
    return ladder_of_one


def rungs(escalations, until_s):
    """Seconds after the start at which each rung was reached."""
    return {c.rung: (c.at - START) / 1e9 for c in escalations.tick(at(until_s))}


def test_an_unacknowledged_conflict_climbs_to_the_supervisors_and_the_duty_officers():
    escalations = climbing(event_s=900)
    assert escalations.acknowledge_by("alfa-1") == at(60)
    assert escalations.next_at("alfa-1") == at(60)
    assert escalations.tick(at(59)) == []
    (first,) = escalations.tick(at(60))
    assert (first.rung, first.roles, first.parties) == (1, (Role.SUPERVISOR,), BOTH)
    (second,) = escalations.tick(at(500))
    assert (second.rung, second.roles, second.at) == (2, (Role.DUTY_OFFICER,), at(120))
    assert escalations.tick(at(500)) == []


def test_half_the_time_is_given_when_the_event_is_less_than_two_minutes_away():
    assert rungs(climbing(event_s=100), 99) == {1: 30, 2: 30}
    # At 40 s the event is two minutes away; the duty officers are due sooner, and nobody below is passed over.
    assert rungs(climbing(event_s=160), 155) == {1: 30, 2: 30}


def test_three_minutes_before_an_unresolved_event_the_duty_officers_are_told():
    assert rungs(climbing(event_s=270), 200) == {1: 60, 2: 90}


def test_when_the_event_has_happened_the_delegations_are_told_and_no_minister():
    escalations = climbing(event_s=300)
    told = escalations.tick(at(10_000))
    assert [c.rung for c in told] == [1, 2, 3]
    assert told[-1].roles == DELEGATION
    assert told[-1].at == at(300)
    assert escalations.next_at("alfa-1") is None
    assert [c.rung for c in climbing(event_s=300, severity=1).tick(at(10_000))] == [1, 2]


def test_by_agreement_a_predicted_conflict_reaches_the_leaders():
    ladder = agreed_ladder((0, 10, 20), (0, 20, 40), conflict_reaches_leader=True)
    escalations = climbing(event_s=3_600, ladder=ladder)
    assert rungs(escalations, 60) == {1: 10, 2: 20, 3: 30, 4: 40, 5: 50}
    assert escalations.roles("alfa-1") == (Role.LEADER,)
    short = agreed_ladder((0, 10, 20), (0, 20), conflict_reaches_leader=False)
    assert rungs(climbing(event_s=3_600, ladder=short), 3_000) == {1: 10, 2: 20}


@pytest.mark.parametrize(
    "times", [((0, 10, 10), (0, 1)), ((), (0, 1)), ((0, 1, 2, 3), (0, 1)), ((0, 1), (0, 1, 2, 3, 4, 5, 6))]
)
def test_times_that_make_no_ladder_are_refused(times):
    with pytest.raises(ConfigError, match="escalation"):
        agreed_ladder(*times, conflict_reaches_leader=False)


def test_one_sides_acknowledgement_is_not_the_others():
    escalations = climbing(event_s=900)
    escalations.acknowledged("alfa-1", ALFA, Role.OPERATOR, at(10))
    assert escalations.half("alfa-1", BRAVO) is State.OPEN
    assert [c.parties for c in escalations.tick(at(60))] == [BOTH]
    escalations.acknowledged("alfa-1", BRAVO, Role.SUPERVISOR, at(70))
    assert escalations.tick(at(10_000)) == []
    assert escalations.acknowledge_by("alfa-1") is None


def test_who_stands_down_is_told_no_more_and_cannot_silence_the_other_side():
    escalations = climbing(event_s=900)
    escalations.stood_down("alfa-1", BRAVO, Stand.FALSE_ALERT, at(5))
    assert [c.parties for c in escalations.tick(at(60))] == [(ALFA,)]
    escalations.stood_down("alfa-1", ALFA, Stand.ACTING, at(70))
    assert not escalations.is_climbing("alfa-1")
    assert escalations.tick(at(10_000)) == []


def test_a_cleared_subject_climbs_no_more():
    escalations = climbing(event_s=900)
    escalations.cleared("alfa-1", at(30))
    assert escalations.tick(at(10_000)) == []
    assert escalations.peer_climbed("alfa-1", 2, at(40)) == []


def test_both_sides_climb_together_and_the_higher_rung_counts():
    escalations = climbing(event_s=900)
    told = escalations.peer_climbed("alfa-1", 2, at(20), BRAVO)
    assert [c.rung for c in told] == [1, 2]
    assert escalations.rungs("alfa-1") == {ALFA: 0, BRAVO: 2}
    assert escalations.peer_climbed("alfa-1", 1, at(21), BRAVO) == []
    assert escalations.rung("alfa-1") == 2
    assert escalations.tick(at(300)) == []


def test_a_peer_cannot_climb_higher_than_was_agreed():
    escalations = climbing(event_s=900)
    assert [c.rung for c in escalations.peer_climbed("alfa-1", 5, at(20))] == [1, 2, 3]


def test_exercise_traffic_never_climbs_beyond_the_duty_officers():
    ladder = agreed_ladder((0, 10, 20), (0, 20), conflict_reaches_leader=True)
    escalations = climbing(event_s=100, ladder=ladder, is_exercise=True)
    assert max(c.rung for c in escalations.tick(at(100_000))) == 2
    assert escalations.peer_climbed("alfa-1", 5, at(20)) == []


def test_an_incident_climbs_by_time_severity_and_request():
    assert rungs(climbing(Cause.INCIDENT), 20_000) == {1: 300, 2: 900, 3: 3_600, 4: 10_800}
    assert set(rungs(climbing(Cause.INCIDENT, severity=4), 0)) == {1, 2, 3, 4, 5}
    escalations = climbing(Cause.INCIDENT)
    assert [c.rung for c in escalations.requested("alfa-1", 5, at(10))] == [1, 2, 3, 4, 5]
    with pytest.raises(OwnFault, match="cannot be asked"):
        escalations.requested("alfa-1", 4, at(10))
    with pytest.raises(OwnFault, match="not open"):
        escalations.requested("bravo-9", 5, at(10))


def test_an_unanswered_request_for_explanation_reaches_the_leaders_after_four_days():
    assert rungs(climbing(Cause.EXPLANATION), 100 * 3_600) == {
        r: h * 3_600 for r, h in enumerate((12, 24, 48, 72, 96), 1)
    }


def test_a_nearer_event_hastens_the_ladder():
    escalations = climbing(event_s=900)
    escalations.raised("alfa-1", Cause.CONFLICT, BOTH, at(20), event_at=at(100))
    assert rungs(escalations, 40) == {1: 30, 2: 30}


def test_what_is_not_known_is_quiet():
    escalations = Escalations()
    escalations.acknowledged("alfa-9", ALFA, Role.OPERATOR, START)
    assert escalations.peer_climbed("alfa-9", 2, START) == []
    assert escalations.next_at("alfa-9") is None
    assert escalations.acknowledge_by("alfa-9") is None
    assert (escalations.rung("alfa-9"), escalations.rungs("alfa-9")) == (0, {})
    assert not escalations.is_climbing("alfa-9")
    assert escalations.half("alfa-9", ALFA) is State.OPEN


def test_until_a_rung_is_due_or_something_changes_nothing_is_looked_through(monkeypatch):
    looked = []
    is_climbing = escalation._Subject.is_climbing
    counted = property(lambda subject: looked.append(1) or is_climbing.fget(subject))
    escalations = climbing(Cause.HOTLINE)
    escalations.tick(at(0))
    due = escalations.next_at("alfa-1")
    monkeypatch.setattr(escalation._Subject, "is_climbing", counted)
    for n in range(100):
        assert escalations.tick(Instant(due - 100 + n)) == []
    assert not looked
    assert [(climbed.rung, climbed.at) for climbed in escalations.tick(due)] == [(1, due)]
    escalations.raised("alfa-2", Cause.HOTLINE, BOTH, START)  # its first rung was due before this tick
    assert [climbed.subject for climbed in escalations.tick(due)] == ["alfa-2"]


def test_of_ten_thousand_that_climb_a_tick_looks_only_at_those_whose_rung_is_due(monkeypatch):
    looked = []
    due_of = escalation.Escalations._next
    monkeypatch.setattr(
        escalation.Escalations, "_next", lambda self, subject: looked.append(1) or due_of(self, subject)
    )
    escalations = Escalations()
    for i in range(SUBJECTS_LIMIT):
        escalations.raised(f"alfa-{i}", Cause.HOTLINE, BOTH, at(i))
    looked.clear()
    assert [climbed.subject for climbed in escalations.tick(escalations.next_at("alfa-2"))] == [
        f"alfa-{i}" for i in range(3)
    ]
    assert len(looked) < 20


def test_an_event_expected_at_another_instant_each_second_leaves_no_trail():
    escalations = climbing(event_s=900)
    for second in range(20_000):
        escalations.raised("alfa-1", Cause.CONFLICT, BOTH, START, event_at=at(100_000 + second))
    assert len(escalations._queue) < 2_000
    assert [climbed.rung for climbed in escalations.tick(at(0.5))] == []
    assert escalations.next_at("alfa-1") == escalations._due_at["alfa-1"]


def test_too_many_subjects_are_refused_and_said():
    escalations = Escalations()
    for i in range(SUBJECTS_LIMIT):
        escalations.raised(f"alfa-{i}", Cause.HOTLINE, BOTH, START)
    with pytest.raises(OwnFault, match="does not climb"):
        escalations.raised("alfa-x", Cause.HOTLINE, BOTH, START)
    escalations.forget("alfa-0")
    escalations.raised("alfa-x", Cause.HOTLINE, BOTH, START)
    escalations.cleared("alfa-1", at(1))
    escalations.raised("alfa-y", Cause.HOTLINE, BOTH, START)
    assert not escalations.is_climbing("alfa-1")
    assert escalations.is_climbing("alfa-y")


def test_when_all_that_stand_climb_each_new_one_is_refused_without_looking_through_them_again(monkeypatch):
    looked = []
    is_climbing = escalation._Subject.is_climbing
    counted = property(lambda subject: looked.append(1) or is_climbing.fget(subject))
    monkeypatch.setattr(escalation._Subject, "is_climbing", counted)
    escalations = Escalations()
    for i in range(SUBJECTS_LIMIT):
        escalations.raised(f"alfa-{i}", Cause.HOTLINE, BOTH, START)
    looked.clear()
    for i in range(50):
        with pytest.raises(OwnFault, match="does not climb"):
            escalations.raised(f"bravo-{i}", Cause.HOTLINE, BOTH, START)
    assert len(looked) == SUBJECTS_LIMIT
    for party in BOTH:
        escalations.acknowledged("alfa-7", party, Role.OPERATOR, at(1))
    escalations.raised("bravo-1", Cause.HOTLINE, BOTH, START)
    assert escalations.is_climbing("bravo-1")


def test_the_table_answers_every_act_in_every_state():
    assert all(set(row) == set(Act) for row in TRANSITIONS.values())
    assert set(TRANSITIONS) == set(State)


def test_acts_in_any_order_leave_the_same_ladder():
    acts = [
        lambda e: e.acknowledged("alfa-1", ALFA, Role.OPERATOR, at(10)),
        lambda e: e.acknowledged("alfa-1", BRAVO, Role.OPERATOR, at(20)),
        lambda e: e.stood_down("alfa-1", BRAVO, Stand.ACTING, at(15)),
        lambda e: e.peer_climbed("alfa-1", 1, at(12), BRAVO),
    ]
    seen = set()
    for order in permutations(acts):
        escalations = climbing(event_s=900)
        for act in order:
            act(escalations)
        halves = tuple(escalations.half("alfa-1", party) for party in BOTH)
        seen.add((halves, escalations.rung("alfa-1"), tuple(escalations.rungs("alfa-1").items())))
    assert len(seen) == 1


@given(st.integers(1, 2_000), st.lists(st.integers(0, 4_000), min_size=1, max_size=8))
def test_two_nodes_that_tick_at_different_times_climb_at_the_same_instants(event_s, ticks):
    often, once = climbing(event_s=event_s), climbing(event_s=event_s)
    climbed = [c for second in sorted(ticks) for c in often.tick(at(second))]
    assert climbed == once.tick(at(max(ticks)))
    assert [c.rung for c in climbed] == sorted({c.rung for c in climbed})
