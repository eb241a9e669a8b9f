"""Activities: nobody plans blind, an objection is a word and no veto, a change takes every answer away."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from coordination.meeting import ALFA, BRAVO, CHARLIE, Meeting
from detente.coordination.act import digest_of
from detente.coordination.activities import EARLY_MS
from detente.coordination.activity_acts import (
    Accept,
    Activate,
    Cancel,
    Change,
    ConfirmSite,
    Declare,
    Deviate,
    End,
    GivePlace,
    Object,
    PassOn,
    Question,
    ShortLead,
)
from detente.coordination.activity_states import TRANSITIONS, Event, State
from detente.coordination.arrangement import Narrow
from detente.coordination.plan import (
    CONFIRM_MS,
    Cells,
    Circle,
    EllipsoidLevels,
    Kind,
    Plan,
    Polygon,
    PressureLevels,
    Volume,
)
from detente.coordination.proposals import Complete, Counter, Lapse, Sign, TableProposal, Version
from detente.errors import OrderRefused
from detente.types import Role

MIL, FS, DUTY, OPERATOR = Role.MILITARY, Role.FOREIGN_SERVICE, Role.DUTY_OFFICER, Role.OPERATOR
HOUR_MS = 3_600_000
START_MS, END_MS = 10 * HOUR_MS, 12 * HOUR_MS
E7 = 10_000_000


def square(south: float = 35.0, west: float = 36.0, side: float = 0.5) -> Polygon:
    corners = ((south, west), (south, west + side), (south + side, west + side), (south + side, west))
    return Polygon(tuple((round(lat * E7), round(lon * E7)) for lat, lon in corners))


def plan(outline=None, kind=Kind.EXERCISE, floor=0, ceiling=10_000, start=START_MS, end=END_MS, **more) -> Plan:
    volume = Volume(outline=outline or square(), levels=PressureLevels(floor, ceiling), start_ms=start, end_ms=end)
    return Plan(kind=kind, title=more.pop("title", "EX-12"), volumes=(volume,), **more)


def row(meeting: Meeting, name: str, party=ALFA):
    assert meeting.tables[ALFA].standing.activities.rows(meeting.now_ms) == meeting.tables[
        BRAVO
    ].standing.activities.rows(meeting.now_ms)
    rows = meeting.tables[party].standing.activities.rows(meeting.now_ms)
    return next(r for r in rows if r.activity == name)


def declare(meeting: Meeting, party=ALFA, by=DUTY, key=(), **given) -> str:
    return meeting.say(party, by, Declare(plan=plan(**given), key=key))


def refused(meeting: Meeting, party, by, act) -> OrderRefused:
    with pytest.raises(OrderRefused) as wrong:
        meeting.say(party, by, act)
    return wrong.value


def test_who_plans_into_a_declared_volume_is_refused_until_it_shows_that_it_has_seen_it():
    meeting = Meeting()
    first = declare(meeting)
    mine = plan(outline=square(35.2, 36.2))
    wrong = refused(meeting, BRAVO, DUTY, Declare(plan=mine))
    assert wrong.code == "key_missing"
    assert first in wrong.reason
    second = meeting.say(BRAVO, DUTY, Declare(plan=mine, key=(plan().digest,)))
    assert [o.activity for o in row(meeting, second).overlaps] == [first]
    assert [o.activity for o in row(meeting, first).overlaps] == [second]
    assert row(meeting, second).overlaps[0].seen
    assert not row(meeting, first).overlaps[0].seen


def test_r07_the_key_of_a_plan_that_was_changed_no_longer_opens():
    meeting = Meeting()
    first = declare(meeting)
    meeting.say(ALFA, DUTY, Change(activity=first, after=plan().digest, plan=plan(ceiling=12_000)))
    mine = plan(outline=square(35.2, 36.2))
    assert refused(meeting, BRAVO, DUTY, Declare(plan=mine, key=(plan().digest,))).code == "key_missing"
    assert meeting.say(BRAVO, DUTY, Declare(plan=mine, key=(plan(ceiling=12_000).digest,)))


@pytest.mark.parametrize(
    "apart",
    [
        {"outline": square(36.0)},
        {"floor": 10_001, "ceiling": 20_000},
        {"start": END_MS, "end": END_MS + HOUR_MS},
        {"outline": Circle((355_000_000, 372_000_000), 5_000_000)},
    ],
)
def test_what_is_apart_in_place_level_or_time_asks_for_no_key(apart):
    meeting = Meeting()
    declare(meeting)
    name = declare(meeting, BRAVO, **apart)
    assert row(meeting, name).overlaps == []


def test_levels_of_another_datum_are_not_compared_but_taken_to_meet_and_shown_so():
    meeting = Meeting()
    declare(meeting)
    volume = Volume(outline=square(), levels=EllipsoidLevels(900_000, 950_000), start_ms=START_MS, end_ms=END_MS)
    mine = Plan(kind=Kind.FLIGHT, title="W84", volumes=(volume,))
    assert refused(meeting, BRAVO, DUTY, Declare(plan=mine)).code == "key_missing"
    name = meeting.say(BRAVO, DUTY, Declare(plan=mine, key=(plan().digest,)))
    assert not row(meeting, name).overlaps[0].levels_known


def test_what_two_declared_without_knowing_of_each_other_stands_and_is_shown_as_unseen_until_one_acts():
    meeting = Meeting()
    meeting.is_apart = True
    first, second = declare(meeting), declare(meeting, BRAVO, outline=square(35.2, 36.2))
    meeting.meet()
    assert not row(meeting, first).overlaps[0].seen
    assert not row(meeting, second).overlaps[0].seen
    assert meeting.tables[ALFA].refusals == meeting.tables[BRAVO].refusals == []
    meeting.now_ms = START_MS - EARLY_MS
    act = Activate(activity=first, digest=plan().digest)
    assert refused(meeting, ALFA, DUTY, act).code == "key_missing"
    meeting.say(ALFA, DUTY, replace(act, key=(plan(outline=square(35.2, 36.2)).digest,)))
    assert row(meeting, first).state == State.ACTIVATED


def test_accepting_needs_the_same_proof_and_an_objection_hinders_nothing():
    meeting = Meeting()
    name = declare(meeting)
    declare(meeting, BRAVO, outline=square(35.2, 36.2), key=(plan().digest,))
    other = plan(outline=square(35.2, 36.2)).digest
    assert refused(meeting, BRAVO, MIL, Accept(activity=name, digest=plan().digest)).code == "key_missing"
    meeting.say(BRAVO, MIL, Object(activity=name, digest=plan().digest, words="Over our village."))
    meeting.now_ms = START_MS
    meeting.say(ALFA, DUTY, Activate(activity=name, digest=plan().digest, key=(other,)))
    answer = row(meeting, name).answers[0]
    assert (answer.party, answer.answer, answer.words, answer.stage) == (
        "bravo",
        "objects",
        "Over our village.",
        "received",
    )
    assert row(meeting, name).state == State.ACTIVATED
    meeting.say(BRAVO, MIL, Accept(activity=name, digest=plan().digest, key=(other,)))
    assert row(meeting, name).answers[0].answer == "accepts"


def test_a_change_takes_every_answer_away_and_says_how_far_the_new_plan_has_come():
    meeting = Meeting()
    name = declare(meeting)
    assert row(meeting, name).answers[0].stage == "told"
    meeting.say(BRAVO, OPERATOR, PassOn(activity=name, digest=plan().digest, to="Sector north"))
    meeting.say(BRAVO, MIL, Accept(activity=name, digest=plan().digest))
    answer = row(meeting, name).answers[0]
    assert (answer.stage, answer.passed_to, answer.answer) == ("passed_on", "Sector north", "accepts")
    newer = plan(ceiling=12_000)
    meeting.say(ALFA, DUTY, Change(activity=name, after=plan().digest, plan=newer))
    answer = row(meeting, name).answers[0]
    assert (answer.stage, answer.passed_to, answer.answer) == ("told", "", None)
    assert refused(meeting, BRAVO, MIL, Accept(activity=name, digest=plan().digest)).code == "digest"
    meeting.say(BRAVO, OPERATOR, Question(activity=name, digest=newer.digest, words="Why higher?"))
    assert row(meeting, name).answers[0].answer == "asks"


def test_only_its_owner_changes_activates_or_ends_it_and_only_the_others_answer():
    meeting = Meeting()
    name = declare(meeting)
    meeting.now_ms = START_MS
    for act in (
        Change(activity=name, after=plan().digest, plan=plan(ceiling=12_000)),
        Activate(activity=name, digest=plan().digest),
        Deviate(activity=name, to="contingent", words="Engine."),
        End(activity=name),
        Cancel(activity=name, reason="Off."),
    ):
        assert refused(meeting, BRAVO, MIL, act).code == "not_yours"
    assert refused(meeting, ALFA, MIL, Accept(activity=name, digest=plan().digest)).code == "own_activity"


def test_the_states_are_those_of_f3548_and_what_the_table_lacks_is_refused():
    meeting = Meeting()
    name = declare(meeting)
    assert refused(meeting, ALFA, MIL, End(activity=name)).code == "state"
    assert refused(meeting, ALFA, DUTY, Activate(activity=name, digest=plan().digest)).code == "not_yet"
    meeting.now_ms = START_MS
    meeting.say(ALFA, DUTY, Activate(activity=name, digest=plan().digest))
    meeting.say(ALFA, OPERATOR, Deviate(activity=name, to="nonconforming", words="Wind."))
    meeting.say(ALFA, DUTY, Activate(activity=name, digest=plan().digest))
    meeting.say(ALFA, OPERATOR, Deviate(activity=name, to="contingent", words="Engine out."))
    assert refused(meeting, ALFA, DUTY, Activate(activity=name, digest=plan().digest)).code == "state"
    assert refused(meeting, ALFA, DUTY, Cancel(activity=name, reason="No.")).code == "state"
    meeting.say(ALFA, OPERATOR, End(activity=name, words="Landed."))
    assert row(meeting, name).state == State.ENDED
    assert set(TRANSITIONS) == set(State)
    assert {event for events in TRANSITIONS.values() for event in events} == set(Event)


def test_it_is_over_by_its_own_time_and_takes_nothing_any_more():
    meeting = Meeting()
    name = declare(meeting)
    meeting.now_ms = END_MS + 1
    assert row(meeting, name).state == State.EXPIRED
    assert refused(meeting, ALFA, DUTY, Activate(activity=name, digest=plan().digest)).code == "expired"
    assert declare(meeting, BRAVO, start=END_MS + HOUR_MS, end=END_MS + 2 * HOUR_MS)


def test_what_was_told_later_than_agreed_is_put_on_record_by_the_node_that_was_told():
    meeting = Meeting()
    meeting.change_charter(lead_minutes={"exercise": 24 * 60})
    name = declare(meeting)
    assert row(meeting, name).is_short
    assert row(meeting, name).lead_class == "short"
    assert meeting.tables[ALFA].due(meeting.now_ms) == []
    [act] = meeting.tables[BRAVO].due(meeting.now_ms)
    assert act == ShortLead(activity=name, digest=plan().digest)
    meeting.say(BRAVO, OPERATOR, act)
    assert meeting.tables[BRAVO].due(meeting.now_ms) == []
    assert row(meeting, name).short_noted_by == ["bravo"]
    assert refused(meeting, BRAVO, OPERATOR, act).code == "not_due"
    other = declare(meeting, kind=Kind.FLIGHT, outline=square(40.0))
    assert not row(meeting, other).is_short
    wrong = ShortLead(activity=other, digest=plan(kind=Kind.FLIGHT, outline=square(40.0)).digest)
    assert refused(meeting, BRAVO, OPERATOR, wrong).code == "not_due"


def test_the_desk_is_shown_what_a_plan_meets_before_it_is_sent_and_why_it_would_be_refused():
    meeting = Meeting()
    first = declare(meeting)
    mine = plan(outline=square(35.2, 36.2))
    table = meeting.tables[BRAVO]
    drawn = table.draft(Declare(plan=mine), DUTY, meeting.now_ms)
    assert [o.activity for o in drawn.overlaps] == [first]
    assert drawn.key == [plan().digest]
    assert (drawn.code, drawn.lead_class, drawn.digest) == (None, "short", mine.digest)
    assert table.draft(Declare(plan=mine), Role.INTELLIGENCE, meeting.now_ms).code == "wrong_seat"
    late = plan(start=1, end=2)
    assert table.draft(Declare(plan=late), DUTY, meeting.now_ms).code == "time_past"
    assert meeting.say(BRAVO, DUTY, Declare(plan=mine, key=tuple(drawn.key)))


# --- joint operations

JOINT = plan(kind=Kind.JOINT_OPERATION, title="Search A")
FIRST = Version(text="Joint search.", activities=(JOINT,))
SECOND = Version(text="Joint search, wider.", activities=(replace(JOINT, title="Search B"),))


def sign_all(meeting: Meeting, name: str, number: int, version: Version) -> None:
    for party in (ALFA, BRAVO):
        for seat in (MIL, FS):
            meeting.say(party, seat, Sign(proposal=name, number=number, digest=version.digest))


def test_r07_a_joint_operation_is_a_proposal_whose_agreed_text_becomes_activities():
    meeting = Meeting()
    assert refused(meeting, ALFA, MIL, Declare(plan=JOINT)).code == "joint"
    name = meeting.say(ALFA, FS, TableProposal(title="Search", version=FIRST))
    assert meeting.tables[ALFA].standing.activities.rows(meeting.now_ms) == []
    sign_all(meeting, name, 1, FIRST)
    joint = row(meeting, f"{name}.1")
    assert (joint.state, joint.proposal, joint.title) == (State.ACCEPTED, name, "Search A")
    meeting.now_ms = START_MS
    meeting.say(BRAVO, DUTY, Activate(activity=f"{name}.1", digest=JOINT.digest))
    assert row(meeting, f"{name}.1").state == State.ACTIVATED


def test_r07_a_change_by_one_side_unsigns_the_other_and_nothing_joint_is_activated_until_all_have_signed_anew():
    meeting = Meeting()
    name = meeting.say(ALFA, FS, TableProposal(title="Search", version=FIRST))
    sign_all(meeting, name, 1, FIRST)
    one = f"{name}.1"
    assert refused(meeting, ALFA, MIL, Change(activity=one, after=JOINT.digest, plan=JOINT)).code == "joint"
    meeting.say(BRAVO, MIL, Counter(proposal=name, after=1, version=SECOND))
    assert row(meeting, one).state == State.UNSIGNED
    meeting.now_ms = START_MS
    assert refused(meeting, ALFA, DUTY, Activate(activity=one, digest=JOINT.digest)).code == "not_in_force"
    sign_all(meeting, name, 2, SECOND)
    assert (row(meeting, one).state, row(meeting, one).title, row(meeting, one).number) == ("accepted", "Search B", 2)
    meeting.say(ALFA, DUTY, Activate(activity=one, digest=SECOND.activities[0].digest))
    meeting.say(BRAVO, FS, Lapse(proposal=name, reason="No longer."))
    assert row(meeting, one).state == State.ENDED


def test_a_joint_operation_that_is_done_or_whose_arrangement_is_narrowed_does_not_go_on():
    meeting = Meeting()
    name = meeting.say(ALFA, FS, TableProposal(title="Search", version=FIRST))
    sign_all(meeting, name, 1, FIRST)
    meeting.now_ms = START_MS
    meeting.say(BRAVO, FS, Narrow(to="safety_of_life", note="For now."))
    act = Activate(activity=f"{name}.1", digest=JOINT.digest)
    assert refused(meeting, ALFA, DUTY, act).code == "arrangement"
    assert declare(meeting, kind=Kind.HAZARD, outline=square(40.0))
    other = Meeting()
    name = other.say(ALFA, FS, TableProposal(title="Search", version=FIRST))
    sign_all(other, name, 1, FIRST)
    for party in (ALFA, BRAVO):
        other.say(party, MIL, Complete(proposal=name))
    assert row(other, f"{name}.1").state == State.ENDED


# --- what is protected

SITE = Plan(
    kind=Kind.PROTECTED_SITE,
    title="Hospital",
    volumes=(Volume(outline=Cells(((350, 360),)), levels=PressureLevels(), start_ms=START_MS, end_ms=END_MS),),
    verified_ms=500,
)
PLACE = Volume(
    outline=Circle((350_500_000, 360_500_000), 20_000), levels=PressureLevels(), start_ms=START_MS, end_ms=END_MS
)


def test_t56_a_protected_place_is_declared_coarse_and_given_to_one_addressee_only():
    meeting = Meeting()
    precise = replace(SITE, volumes=(PLACE,))
    assert refused(meeting, ALFA, FS, Declare(plan=precise)).code == "precise"
    name = meeting.say(ALFA, FS, Declare(plan=SITE))
    assert row(meeting, name).volumes[0].shape == "cells"
    with pytest.raises(OrderRefused, match="not been given"):
        meeting.tables[BRAVO].standing.activities.place(name)
    assert refused(meeting, BRAVO, FS, GivePlace(activity=name, volumes=(PLACE,))).code == "not_yours"
    outside = replace(PLACE, outline=Circle((300_500_000, 360_500_000), 20_000))
    assert refused(meeting, ALFA, FS, GivePlace(activity=name, volumes=(outside,))).code == "outside_area"
    meeting.say(ALFA, FS, GivePlace(activity=name, volumes=(PLACE,)))
    assert meeting.tables[BRAVO].standing.activities.place(name) == (PLACE,)
    shown = row(meeting, name)
    assert shown.place_given
    assert shown.volumes[0].shape == "cells"
    three = Meeting("alfa", "bravo", "charlie")
    name = three.say(ALFA, FS, Declare(plan=SITE))
    assert refused(three, ALFA, FS, GivePlace(activity=name, volumes=(PLACE,))).code == "many_addressees"
    assert CHARLIE in three.tables


def test_a_site_that_its_owner_does_not_confirm_goes_stale_and_a_stale_one_is_not_taken():
    long = replace(SITE, volumes=(replace(SITE.volumes[0], end_ms=300 * 24 * HOUR_MS),))
    meeting = Meeting()
    name = meeting.say(ALFA, FS, Declare(plan=long))
    meeting.now_ms = 500 + CONFIRM_MS + 1
    assert row(meeting, name).stale
    again = meeting.now_ms
    assert refused(meeting, ALFA, FS, Declare(plan=replace(long, title="Other"))).code == "stale"
    meeting.say(ALFA, DUTY, ConfirmSite(activity=name, verified_ms=again))
    assert not row(meeting, name).stale


def test_what_is_declared_twice_is_refused():
    meeting = Meeting()
    declare(meeting)
    assert refused(meeting, ALFA, DUTY, Declare(plan=plan(title="Again"))).code == "duplicate"
    assert digest_of("x") != plan().digest
