"""Proposals: details before signatures, a change un-signs, silence accepts nothing."""

from __future__ import annotations

import pytest

from coordination.meeting import ALFA, BRAVO, Meeting
from detente.coordination.changes import changes
from detente.coordination.proposals import (
    TRANSITIONS,
    Complete,
    Counter,
    Decline,
    Detail,
    Event,
    Lapse,
    SettleDetail,
    Sign,
    State,
    TableProposal,
    Version,
    Withdraw,
)
from detente.errors import OrderRefused
from detente.types import Role

MIL, FS = Role.MILITARY, Role.FOREIGN_SERVICE
DETAILS = (Detail(key="levels", title="Levels"), Detail(key="press", title="Press line", required=False))
FIRST = Version(text="Joint search flights, Tuesdays.", details=DETAILS)
SECOND = Version(text="Joint search flights, Tuesdays and Fridays.", details=DETAILS)


def tabled(meeting: Meeting, **given) -> str:
    return meeting.say(ALFA, FS, TableProposal(title="Joint search", version=FIRST, **given))


def settle(meeting: Meeting, name: str, number: int = 1) -> None:
    for party in (ALFA, BRAVO):
        meeting.say(party, MIL, SettleDetail(proposal=name, number=number, detail="levels", stance="agreed"))


def sign_all(meeting: Meeting, name: str, number: int = 1, version: Version = FIRST) -> None:
    for party in (ALFA, BRAVO):
        for seat in (MIL, FS):
            meeting.say(party, seat, Sign(proposal=name, number=number, digest=version.digest))


def test_it_is_in_force_when_every_named_seat_of_every_party_has_signed_and_not_before():
    meeting = Meeting()
    name = tabled(meeting)
    settle(meeting, name)
    for party, seat in ((ALFA, MIL), (ALFA, FS), (BRAVO, MIL)):
        meeting.say(party, seat, Sign(proposal=name, number=1, digest=FIRST.digest))
        assert meeting.rows()[0].state == State.UNDER_DISCUSSION
    meeting.say(BRAVO, FS, Sign(proposal=name, number=1, digest=FIRST.digest))
    assert meeting.rows(ALFA) == meeting.rows(BRAVO)
    assert meeting.rows()[0].state == State.IN_FORCE
    assert meeting.tables[BRAVO].standing.proposals.in_force(name) == FIRST


def test_nothing_is_signed_while_a_required_detail_is_open_or_disputed():
    meeting = Meeting()
    name = tabled(meeting)
    with pytest.raises(OrderRefused, match="details are not agreed: Levels"):
        meeting.say(ALFA, FS, Sign(proposal=name, number=1, digest=FIRST.digest))
    settle(meeting, name)
    meeting.say(BRAVO, MIL, SettleDetail(proposal=name, number=1, detail="levels", stance="disputed", words="Too low"))
    with pytest.raises(OrderRefused, match="details are not agreed"):
        meeting.say(ALFA, FS, Sign(proposal=name, number=1, digest=FIRST.digest))
    with pytest.raises(OrderRefused, match="not in force: not agreed: Levels"):
        meeting.tables[ALFA].standing.proposals.in_force(name)


def test_a_change_by_one_side_takes_every_signature_away():
    meeting = Meeting()
    name = tabled(meeting)
    settle(meeting, name)
    meeting.say(ALFA, FS, Sign(proposal=name, number=1, digest=FIRST.digest))
    meeting.say(BRAVO, FS, Counter(proposal=name, after=1, version=SECOND))
    row = meeting.rows()[0]
    assert row.signatures == []
    assert [v.by for v in row.versions] == ["alfa", "bravo"]
    with pytest.raises(OrderRefused, match="not the newest"):
        meeting.say(ALFA, FS, Sign(proposal=name, number=1, digest=FIRST.digest))


def test_each_version_shows_what_it_changes_of_the_one_before():
    meeting = Meeting()
    name = tabled(meeting)
    meeting.say(BRAVO, FS, Counter(proposal=name, after=1, version=SECOND))
    third = Version(text=SECOND.text, details=DETAILS[:1], promises={"alfa": "We call.", "bravo": "We answer."})
    meeting.say(ALFA, FS, Counter(proposal=name, after=2, version=third))
    first, second, newest = meeting.rows(BRAVO)[0].versions
    assert first.changes == []
    assert second.changes[:2] == [("-", FIRST.text), ("+", SECOND.text)]
    assert ("-", "[optional] press: Press line") in newest.changes
    assert ("+", "alfa: We call.") in newest.changes
    assert ("-", SECOND.text) not in newest.changes


def test_texts_too_long_to_be_compared_say_so():
    assert changes("a\n" * 1_001, "b") == (("?", ""),)
    assert changes("same", "same") == ()


def test_the_text_signed_is_the_text_that_was_shown():
    meeting = Meeting()
    name = tabled(meeting)
    settle(meeting, name)
    with pytest.raises(OrderRefused, match="not the text on the table"):
        meeting.say(BRAVO, FS, Sign(proposal=name, number=1, digest=SECOND.digest))


def test_silence_changes_nothing_and_stands_in_both_records():
    meeting = Meeting()
    name = tabled(meeting, answer_by_ms=5_000)
    meeting.now_ms = 6_000
    due = meeting.tables[ALFA].due(meeting.now_ms)
    assert [act.party for act in due] == ["bravo"]
    assert meeting.tables[BRAVO].due(meeting.now_ms) == []
    meeting.say(ALFA, Role.OPERATOR, due[0])
    for party in (ALFA, BRAVO):
        row = meeting.rows(party)[0]
        assert (row.state, row.not_answered) == (State.TABLED, ["bravo"])
    assert meeting.tables[ALFA].due(meeting.now_ms) == []
    settle(meeting, name)
    assert meeting.rows()[0].answered_by == ["alfa", "bravo"]


def test_silence_is_not_put_on_record_before_its_time_nor_by_the_silent_party():
    meeting = Meeting()
    name = tabled(meeting, answer_by_ms=500_000)
    meeting.now_ms = 600_000
    due = meeting.tables[ALFA].due(meeting.now_ms)[0]
    meeting.now_ms = 300_000
    with pytest.raises(OrderRefused, match="time is not up"):
        meeting.say(ALFA, Role.OPERATOR, due)
    with pytest.raises(OrderRefused, match="only alfa, who asked"):
        meeting.say(BRAVO, Role.OPERATOR, due)
    assert meeting.rows()[0].proposal == name


def test_an_expired_proposal_is_signed_by_nobody():
    meeting = Meeting()
    name = tabled(meeting, expires_at_ms=5_000)
    settle(meeting, name)
    meeting.now_ms = 6_000
    assert meeting.rows()[0].state == State.EXPIRED
    with pytest.raises(OrderRefused, match="has expired"):
        meeting.say(BRAVO, FS, Sign(proposal=name, number=1, digest=FIRST.digest))


def test_only_who_tabled_it_withdraws_it_and_only_the_others_decline_it():
    meeting = Meeting()
    name = tabled(meeting)
    with pytest.raises(OrderRefused, match="only alfa"):
        meeting.say(BRAVO, FS, Withdraw(proposal=name, reason="No."))
    with pytest.raises(OrderRefused, match="withdrawn, not declined"):
        meeting.say(ALFA, FS, Decline(proposal=name, reason="No."))
    meeting.say(BRAVO, FS, Decline(proposal=name, reason="Not now."))
    assert (meeting.rows()[0].state, meeting.rows()[0].reason) == (State.DECLINED, "Not now.")


def test_a_reciprocal_offer_binds_both_by_the_last_signature_and_lapses_for_both():
    meeting = Meeting()
    offer = Version(text="Two cancellations.", promises={"alfa": "We cancel ours.", "bravo": "We cancel ours."})
    name = meeting.say(ALFA, FS, TableProposal(title="Exercises", version=offer))
    sign_all(meeting, name, 1, offer)
    assert meeting.rows()[0].state == State.IN_FORCE
    meeting.say(BRAVO, FS, Lapse(proposal=name, reason="The other exercise began."))
    assert meeting.rows(ALFA)[0].state == meeting.rows(BRAVO)[0].state == State.LAPSED


def test_an_offer_promises_for_every_party_or_for_none():
    meeting = Meeting()
    with pytest.raises(OrderRefused, match="what each party will do"):
        meeting.say(ALFA, FS, TableProposal(title="x", version=Version(text="x", promises={"bravo": "Cancel."})))


def test_it_is_completed_when_every_party_says_so():
    meeting = Meeting()
    name = tabled(meeting)
    settle(meeting, name)
    sign_all(meeting, name)
    meeting.say(BRAVO, MIL, Complete(proposal=name))
    assert meeting.rows()[0].state == State.IN_FORCE
    meeting.say(ALFA, MIL, Complete(proposal=name))
    assert meeting.rows()[0].state == State.COMPLETED


def sign_last(meeting: Meeting, name: str) -> None:
    meeting.say(BRAVO, FS, Sign(proposal=name, number=1, digest=FIRST.digest))


def withdraw(meeting: Meeting, name: str) -> None:
    meeting.say(ALFA, FS, Withdraw(proposal=name, reason="We think again."))


def counter(meeting: Meeting, name: str) -> None:
    meeting.say(ALFA, FS, Counter(proposal=name, after=1, version=SECOND))


@pytest.mark.parametrize("order", ["signed first", "taken back first"])
@pytest.mark.parametrize("take_back", [withdraw, counter])
def test_who_had_not_seen_the_last_signature_is_not_bound_by_it(take_back, order):
    meeting = Meeting()
    name = tabled(meeting)
    settle(meeting, name)
    for party, seat in ((ALFA, MIL), (ALFA, FS), (BRAVO, MIL)):
        meeting.say(party, seat, Sign(proposal=name, number=1, digest=FIRST.digest))
    meeting.is_apart = True
    first, second = (sign_last, take_back) if order == "signed first" else (take_back, sign_last)
    first(meeting, name)
    second(meeting, name)
    meeting.meet()
    assert meeting.rows(ALFA) == meeting.rows(BRAVO)
    assert meeting.rows()[0].state == (State.WITHDRAWN if take_back is withdraw else State.UNDER_DISCUSSION)
    assert meeting.rows()[0].bound_at_ms is None


def test_who_had_seen_the_last_signature_is_bound():
    meeting = Meeting()
    name = tabled(meeting)
    settle(meeting, name)
    sign_all(meeting, name)
    for take_back in (withdraw, counter):
        with pytest.raises(OrderRefused, match="that is in force takes no"):
            take_back(meeting, name)
    assert meeting.rows()[0].state == State.IN_FORCE


def test_what_is_ended_takes_no_further_event():
    for state in (State.DECLINED, State.WITHDRAWN, State.COMPLETED, State.LAPSED, State.EXPIRED):
        assert dict(TRANSITIONS[state]) == {}
    assert set(TRANSITIONS) == set(State)
    assert all(event in Event for events in TRANSITIONS.values() for event in events)
