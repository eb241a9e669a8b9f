"""Decisions of a summit: done only when every other party confirms, disputed as long as one does not."""

from __future__ import annotations

import pytest

from coordination.meeting import ALFA, BRAVO, CHARLIE, Meeting
from detente.coordination.decisions import (
    Adopt,
    Assign,
    ClaimDone,
    Confirm,
    Decided,
    Dispute,
    RecordSummit,
    Report,
    open_parts,
)
from detente.errors import OrderRefused
from detente.types import Role

FS = Role.FOREIGN_SERVICE


def summit(meeting: Meeting) -> str:
    decided = (Decided(key="line", text="Open the line."), Decided(key="map", text="Exchange the map."))
    name = meeting.say(ALFA, FS, RecordSummit(title="Summit", held_ms=1_000, place="St Petersburg", decisions=decided))
    for party in meeting.tables:
        if party != ALFA:
            meeting.say(party, FS, Adopt(summit=name))
    for party in meeting.tables:
        meeting.say(party, FS, Assign(summit=name, decision="line", seat="military", due_ms=50_000))
    return name


def part(meeting: Meeting, of, at=ALFA, now_ms=20_000):
    row = meeting.tables[at].standing.decisions.rows(now_ms)[0].decisions[0]
    return next(p for p in row.parts if p.party == of)


def test_r05_done_on_one_side_s_word_is_not_done():
    meeting = Meeting("alfa", "bravo", "charlie")
    name = summit(meeting)
    for party in meeting.tables:
        meeting.say(party, Role.MILITARY, ClaimDone(summit=name, decision="line", words="Open since noon."))
        for other in set(meeting.tables) - {party, CHARLIE}:
            meeting.say(other, FS, Confirm(summit=name, decision="line", party=party))
    assert not meeting.tables[ALFA].standing.decisions.rows(0)[0].decisions[0].closed
    for party in (ALFA, BRAVO):
        meeting.say(CHARLIE, FS, Confirm(summit=name, decision="line", party=party))
    assert meeting.tables[BRAVO].standing.decisions.rows(0)[0].decisions[0].closed


def test_nobody_judges_their_own_part_nor_what_is_not_claimed():
    meeting = Meeting()
    name = summit(meeting)
    with pytest.raises(OrderRefused, match="has not claimed"):
        meeting.say(ALFA, FS, Confirm(summit=name, decision="line", party="bravo"))
    meeting.say(BRAVO, Role.MILITARY, ClaimDone(summit=name, decision="line", words="Done.", evidence=("alfa-3",)))
    with pytest.raises(OrderRefused, match="cannot judge its own part"):
        meeting.say(BRAVO, FS, Confirm(summit=name, decision="line", party="bravo"))
    assert part(meeting, "bravo").evidence == ["alfa-3"]


def test_a_dispute_stays_visible_until_who_raised_it_confirms():
    meeting = Meeting()
    name = summit(meeting)
    meeting.say(BRAVO, Role.MILITARY, ClaimDone(summit=name, decision="line", words="Done."))
    meeting.say(ALFA, FS, Dispute(summit=name, decision="line", party="bravo", reason="No answer on Friday."))
    meeting.say(BRAVO, Role.MILITARY, ClaimDone(summit=name, decision="line", words="Done again."))
    assert part(meeting, "bravo", at=BRAVO).state == "disputed"
    assert part(meeting, "bravo").disputed_by == {"alfa": "No answer on Friday."}
    meeting.say(ALFA, FS, Confirm(summit=name, decision="line", party="bravo"))
    assert part(meeting, "bravo").state == "confirmed"


def test_overdue_is_computed_from_the_time_and_ends_with_the_claim():
    meeting = Meeting()
    name = summit(meeting)
    assert not part(meeting, "bravo", now_ms=50_000).overdue
    assert part(meeting, "bravo", now_ms=50_001).overdue
    meeting.say(BRAVO, Role.MILITARY, Report(summit=name, decision="line", words="Half way."))
    assert part(meeting, "bravo").state == "in_progress"
    meeting.say(BRAVO, Role.MILITARY, ClaimDone(summit=name, decision="line", words="Done."))
    assert not part(meeting, "bravo", now_ms=60_000).overdue


def test_who_remembers_the_summit_otherwise_says_so_and_acts_on_nothing():
    meeting = Meeting()
    decided = (Decided(key="line", text="Open the line."),)
    name = meeting.say(ALFA, FS, RecordSummit(title="Summit", held_ms=1_000, place="A", decisions=decided))
    meeting.say(BRAVO, FS, Adopt(summit=name, objection="A line was discussed, not decided."))
    row = meeting.tables[ALFA].standing.decisions.rows(0)[0]
    assert (row.adopted_by, row.objections) == (["alfa"], {"bravo": "A line was discussed, not decided."})
    with pytest.raises(OrderRefused, match="bravo has not adopted"):
        meeting.say(BRAVO, FS, Assign(summit=name, decision="line", seat="military", due_ms=9_999_999))


def test_what_is_to_be_done_is_listed_by_its_due_date():
    meeting = Meeting()
    name = summit(meeting)
    meeting.say(ALFA, FS, Assign(summit=name, decision="map", seat="military", due_ms=40_000))
    found = open_parts(meeting.tables[ALFA].standing.decisions.rows(0))
    assert [(d.decision, p.party) for _, d, p in found] == [
        ("map", "alfa"), ("line", "alfa"), ("line", "bravo"), ("map", "bravo"),
    ]  # fmt: skip


def test_an_unknown_summit_or_decision_and_a_summit_to_come_are_refused():
    meeting = Meeting()
    name = summit(meeting)
    for act, why in (
        (Adopt(summit="alfa-99"), "no summit"),
        (Assign(summit=name, decision="tea", seat="military", due_ms=99_999), "no decision 'tea'"),
        (
            RecordSummit(title="x", held_ms=10**12, place="x", decisions=(Decided(key="a", text="x"),)),
            "after it was held",
        ),
    ):
        with pytest.raises(OrderRefused, match=why):
            meeting.say(ALFA, FS, act)
