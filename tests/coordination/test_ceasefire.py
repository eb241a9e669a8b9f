"""A ceasefire: a claim stays alleged until every party finds the same."""

from __future__ import annotations

import pytest

from coordination.meeting import ALFA, BRAVO, Meeting
from detente.coordination.ceasefire import DAYS_SHOWN, TRANSITIONS, AgreeTerms, Claim, Find, Remedy, Reply, State, Terms
from detente.errors import OrderRefused
from detente.types import Role

MIL, FS = Role.MILITARY, Role.FOREIGN_SERVICE
DAY_MS = 86_400_000


def begun() -> tuple[Meeting, str]:
    meeting = Meeting()
    meeting.now_ms = 10 * DAY_MS
    terms = Terms(title="Quiet", area=((362, 371),), from_ms=0, until_ms=30 * DAY_MS, prohibited=("air strikes",))
    name = meeting.say(ALFA, FS, terms)
    meeting.say(BRAVO, FS, AgreeTerms(terms=name))
    return meeting, name


def claimed(meeting: Meeting, terms: str, *, by=ALFA, ago_ms: int = 60_000, category="burst", count: int = 1) -> str:
    return meeting.say(by, MIL, Claim(
        terms=terms, category=category, observed_ms=meeting.now_ms - ago_ms, observer="monitor post", sense="heard",
        confidence="moderate", area=(362, 371), words="Bursts, about two kilometres off.", count=count,
    ))  # fmt: skip


def row(meeting: Meeting, at=BRAVO):
    return meeting.tables[at].standing.ceasefires.rows(meeting.now_ms)[0]


def test_the_terms_are_in_force_once_every_party_has_agreed_and_only_for_their_time():
    meeting, name = begun()
    assert row(meeting).in_force
    assert not meeting.tables[ALFA].standing.ceasefires.rows(31 * DAY_MS)[0].in_force
    with pytest.raises(OrderRefused, match="no terms"):
        meeting.say(BRAVO, FS, AgreeTerms(terms="alfa-77"))
    assert row(meeting).terms == name


def test_r12_a_claim_is_made_and_answered_and_stays_alleged():
    meeting, terms = begun()
    claim = claimed(meeting, terms)
    assert row(meeting).claims[0].state == "alleged"
    meeting.say(BRAVO, MIL, Reply(claim=claim, stance="denies", words="Nobody of ours fired."))
    meeting.say(ALFA, FS, Find(claim=claim, finding="agreed", grade="minor", words="It was so."))
    for at in (ALFA, BRAVO):
        assert row(meeting, at).claims[0].state == "alleged_and_answered"
        assert row(meeting, at).claims[0].joint is None


def test_only_the_same_finding_of_every_party_is_a_joint_one():
    meeting, terms = begun()
    claim = claimed(meeting, terms)
    meeting.say(ALFA, FS, Find(claim=claim, finding="agreed", grade="minor", words="a"))
    meeting.say(BRAVO, FS, Find(claim=claim, finding="agreed", grade="serious", words="b"))
    assert row(meeting).claims[0].state == "disputed"
    meeting.say(BRAVO, FS, Find(claim=claim, finding="agreed", grade="minor", words="c"))
    assert (row(meeting).claims[0].state, row(meeting).claims[0].joint) == ("found", "agreed")
    meeting.say(BRAVO, MIL, Remedy(claim=claim, words="The post was moved."))
    assert row(meeting, ALFA).claims[0].remedies == [("bravo", "The post was moved.")]


def test_who_claims_does_not_answer_and_a_remedy_needs_a_finding():
    meeting, terms = begun()
    claim = claimed(meeting, terms)
    with pytest.raises(OrderRefused, match="does not reply"):
        meeting.say(ALFA, MIL, Reply(claim=claim, stance="confirms", words="x"))
    with pytest.raises(OrderRefused, match="takes no remedy"):
        meeting.say(BRAVO, MIL, Remedy(claim=claim, words="x"))
    with pytest.raises(OrderRefused, match="is graded"):
        meeting.say(BRAVO, FS, Find(claim=claim, finding="agreed", words="x"))
    assert row(meeting).claims[0].state == "alleged"


def test_a_day_is_counted_to_its_hour_beside_the_day_before():
    meeting, terms = begun()
    claimed(meeting, terms, category="burst")
    claimed(meeting, terms, by=BRAVO, category="explosion_incoming")
    claimed(meeting, terms, ago_ms=DAY_MS, category="burst")
    day = meeting.tables[BRAVO].standing.ceasefires.day(terms, meeting.now_ms, meeting.now_ms)
    assert (day.claims, day.before, day.found) == (2, 1, 0)
    assert day.by_category == {"burst": (1, 1), "explosion_incoming": (1, 0)}
    assert day.by_party == {"alfa": 1, "bravo": 1}


def test_days_end_at_the_hour_that_the_terms_name_and_each_stands_beside_the_one_before():
    meeting = Meeting()
    meeting.now_ms = 10 * DAY_MS
    terms = meeting.say(
        ALFA,
        FS,
        Terms(title="Local", area=((365, 371),), from_ms=8 * DAY_MS, prohibited=("Fire.",), cut_off_min=19 * 60 + 30),
    )
    cut_off_ms = 9 * DAY_MS + (19 * 60 + 30) * 60_000
    for observed_ms in (cut_off_ms - 1, cut_off_ms, cut_off_ms + 1):
        claimed(meeting, terms, ago_ms=meeting.now_ms - observed_ms)
    first, second, *_ = row(meeting).days
    assert (first.ends_ms, first.is_over, first.claims, first.before) == (cut_off_ms + DAY_MS, False, 2, 1)
    assert (second.ends_ms, second.is_over, second.claims, second.before) == (cut_off_ms, True, 1, 0)
    assert row(meeting).days[-1].ends_ms > 8 * DAY_MS
    meeting.now_ms = 100 * DAY_MS
    assert len(row(meeting).days) == DAYS_SHOWN


def test_a_claim_says_a_coarse_place_and_nothing_of_the_future_or_of_strangers():
    meeting, terms = begun()
    with pytest.raises(OrderRefused, match="before it is claimed"):
        claimed(meeting, terms, ago_ms=-100_000)
    with pytest.raises(OrderRefused, match="does not sit"):
        meeting.say(ALFA, MIL, Claim(
            terms=terms, category="shot", observed_ms=1, observer="post", sense="seen", confidence="low",
            area=(1, 1), words="x", about="zulu",
        ))  # fmt: skip
    assert row(meeting).claims == []


def test_every_state_of_a_claim_has_its_row():
    assert set(TRANSITIONS) == set(State)
