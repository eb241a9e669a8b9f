"""The hotline: receipt is not acknowledgement is not answer, silence has a consequence, both nodes fold the same."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.alerts import escalation as escalation_module
from detente.alerts.escalation import Escalations, Stand, agreed_ladder
from detente.desk import hotline as hotline_module
from detente.desk.codebook import draft_codebook
from detente.desk.hotline import TRANSITIONS, Event, Hotline, Said, State
from detente.desk.orders import SendCode, SendText
from detente.errors import OrderRefused
from detente.types import PartyId, Role, instant_of_ms

ALFA, BRAVO = PartyId("alfa"), PartyId("bravo")
START_MS = 1_795_000_000_000


def node(own=ALFA, ladder=None):
    escalations = Escalations(ladder) if ladder else Escalations()
    return Hotline(own, draft_codebook(), escalations), escalations


def text(message="alfa-flash-1", sender=ALFA, precedence="Z", at_s=0, line="watch", by=Role.OPERATOR, **more):
    more = {"text": "one aircraft off course", "reason": "incursion"} | more
    to = BRAVO if sender == ALFA else ALFA
    return Said(
        message=message, sender=sender, to=to, line=line, by=by, precedence=precedence,
        sent_at_ms=START_MS + round(at_s * 1000), **more,
    )  # fmt: skip


def asked(code="W06", params=None, **more):
    return text(code=code, params=params or {"track": "THY1"}, **({"text": "", "precedence": "O"} | more))


def after(seconds):
    return instant_of_ms(START_MS + round(seconds * 1000))


def ms(seconds):
    return START_MS + round(seconds * 1000)


def row(line, message="alfa-flash-1"):
    return next(r for r in line.rows() if r.message == message)


def test_the_four_times_and_the_answer_are_kept_apart():
    line, _ = node()
    line.said(asked())
    line.held("alfa-flash-1", ms(1))
    line.displayed("alfa-flash-1", ms(2))
    assert line.state("alfa-flash-1") is State.DISPLAYED
    line.acknowledged("alfa-flash-1", Role.OPERATOR, ms(9))
    half = row(line).halves[1]
    assert (half.sent_at_ms, half.held_at_ms, half.displayed_at_ms) == (ms(0), ms(1), ms(2))
    assert (half.acknowledged_at_ms, half.acknowledged_by) == (ms(9), "operator")
    assert row(line).outcome == ""
    line.said(
        asked(
            "M07",
            {"track": "THY1", "area": "North", "time": "14:05"},
            message="bravo-flash-1",
            sender=BRAVO,
            at_s=20,
            answers="alfa-flash-1",
        )
    )
    assert (row(line).outcome, row(line).answered_by) == ("answered", "bravo-flash-1")
    assert row(line, "bravo-flash-1").answers == "alfa-flash-1"


def test_a_coded_message_is_shown_in_each_language_and_an_unknown_code_as_it_came():
    line, _ = node()
    line.said(asked(lang="tr"))
    assert row(line).known_code
    assert row(line).text == row(line).rendered["tr"]
    assert "M01" in row(line).expects
    line.said(asked("Z99", {"colour": "red"}, message="bravo-ops-4", sender=BRAVO))
    unknown = row(line, "bravo-ops-4")
    assert (unknown.known_code, unknown.text, unknown.rendered) == (False, "Z99 colour=red", {})
    assert unknown.expects == ["P05"]


def test_an_unanswered_flash_is_recorded_and_climbs_to_the_leader():
    ladder = agreed_ladder((0, 10), (0, 120, 300, 900, 3_600, 7_200), conflict_reaches_leader=False)
    line, escalations = node(ladder=ladder)
    line.said(text())
    assert row(line).acknowledge_by_ms == ms(60)
    assert row(line).next_rung_at_ms == ms(120)
    assert line.tick(after(119)) == []
    (up,) = line.tick(after(121))
    assert (up.message, up.at) == ("alfa-flash-1", after(120))
    assert row(line).outcome == "not_answered"
    assert line.tick(after(5_000)) == []
    climbed = escalations.tick(after(10_000))
    assert [c.rung for c in climbed] == [1, 2, 3, 4, 5]
    assert climbed[-1].roles == (Role.LEADER,)
    assert climbed[0].parties == (ALFA, BRAVO)
    assert row(line).rung == 5


def test_a_late_answer_still_answers():
    line, escalations = node()
    line.said(asked())
    line.tick(after(400))
    assert row(line).outcome == "not_answered"
    line.said(text("bravo-ops-1", BRAVO, "O", 500, answers="alfa-flash-1", reason=None))
    assert row(line).outcome == "answered"
    assert not escalations.is_climbing("alfa-flash-1")
    line.acknowledged("bravo-ops-1", Role.OPERATOR, ms(510))
    assert escalations.tick(after(100_000)) == []


def test_an_acknowledgement_ends_the_climb_of_what_asks_for_no_reply_only():
    line, escalations = node()
    line.said(text())
    line.said(asked(message="alfa-flash-2"))
    for message in ("alfa-flash-1", "alfa-flash-2"):
        line.acknowledged(message, Role.OPERATOR, ms(10))
    assert {c.subject for c in escalations.tick(after(1_000))} == {"alfa-flash-2"}
    assert [up.message for up in line.tick(after(1_000))] == ["alfa-flash-2"]
    assert row(line).acknowledge_by_ms is None


@pytest.mark.parametrize(
    ("precedence", "first_s", "by_s"), [("Z", 120, 60), ("O", 300, 300), ("P", 3_600, 3_600), ("R", None, None)]
)
def test_each_precedence_has_its_deadline(precedence, first_s, by_s):
    line, escalations = node()
    line.said(text(precedence=precedence))
    due = escalations.next_at("alfa-flash-1")
    assert due == (None if first_s is None else after(first_s))
    assert row(line).acknowledge_by_ms == (None if by_s is None else ms(by_s))


def test_a_flash_about_an_event_less_than_two_minutes_away_is_acknowledged_in_half_the_time():
    line, _ = node()
    line.said(asked("W02", {"track": "THY1", "pos": "35.8510N 036.0120E", "min": "1"}, precedence="Z"))
    assert row(line).acknowledge_by_ms == ms(30)


def test_a_refusal_is_recorded_as_such_and_a_wait_is_no_answer():
    line, escalations = node()
    line.said(asked())
    line.said(asked("P04", {"time": "14:05"}, message="bravo-ops-1", sender=BRAVO, at_s=5, answers="alfa-flash-1"))
    assert (row(line).outcome, row(line).answered_by) == ("", None)
    assert row(line).halves[1].acknowledged_at_ms == ms(5)
    line.said(
        asked(
            "M08",
            {"ref": "alfa-flash-1", "reason": "R06"},
            message="bravo-ops-2",
            sender=BRAVO,
            at_s=9,
            answers="alfa-flash-1",
        )
    )
    assert row(line).outcome == "refused"
    assert "alfa-flash-1" not in {c.subject for c in escalations.tick(after(100_000))}


def test_only_the_addressee_can_answer():
    line, _ = node()
    line.said(asked())
    line.said(text("alfa-ops-2", answers="alfa-flash-1"))
    assert row(line).outcome == ""


def test_the_sender_stands_down_for_both_and_the_addressee_for_itself():
    line, escalations = node()
    line.said(text())
    line.stood_down("alfa-flash-1", BRAVO, Stand.OTHER_LINE, ms(5))
    assert not escalations.is_climbing("alfa-flash-1")
    line, escalations = node()
    line.said(text())
    line.stood_down("alfa-flash-1", ALFA, Stand.RESOLVED, ms(5))
    assert escalations.tick(after(10_000)) == []


def test_what_a_seat_says_climbs_from_that_seat_up():
    line, escalations = node()
    line.said(text(line="military", by=Role.MILITARY))
    assert [c.rung for c in escalations.tick(after(100_000))] == [4]
    line.said(text("alfa-flash-2", line="leader", by=Role.LEADER))
    assert escalations.tick(after(100_000)) == []


def test_a_preview_is_marked_until_the_record_reaches_it():
    line, _ = node(BRAVO)
    line.said(text(), is_recorded=False, is_preview=True)
    assert (row(line).preview, row(line).recorded) == (True, False)
    line.said(text())
    assert (row(line).preview, row(line).recorded) == (False, True)
    line.said(text(), is_recorded=False, is_preview=True)
    assert (row(line).preview, row(line).recorded) == (False, True)
    assert line.total == 1


def test_flash_needs_a_coded_reason_and_misuse_is_counted():
    line, _ = node()
    with pytest.raises(OrderRefused, match="FLASH needs a coded reason"):
        line.compose(SendText("bravo", "watch", "Z", "hurry"))
    with pytest.raises(OrderRefused, match="FLASH needs a coded reason"):
        line.compose(SendCode("bravo", "watch", "W02", {"track": "A", "pos": "1N 1E", "min": "4"}))
    with pytest.raises(OrderRefused, match="is not a coded reason"):
        line.compose(SendText("bravo", "watch", "O", "hurry", reason="bored"))
    words = line.compose(SendText("bravo", "watch", "Z", "hurry", reason="distress"))
    assert (words.precedence, words.reason) == ("Z", "distress")
    line.said(text("bravo-flash-1", BRAVO, reason=None))
    line.said(asked("P08", {"n": "1"}, message="bravo-flash-2", sender=BRAVO, precedence="Z"))
    line.said(text("bravo-flash-3", BRAVO))
    assert (line.flash[BRAVO], line.flash_misused[BRAVO], line.flash_misused[ALFA]) == (3, 2, 0)


def test_an_order_becomes_the_words_of_its_leaf():
    line, _ = node()
    words = line.compose(SendCode("bravo", "watch", "W06", {"track": "THY1"}))
    assert (words.code, words.params, words.precedence, words.text) == ("W06", {"track": "THY1"}, "O", "")
    free = line.compose(SendText("bravo", "leader", "P", "Sayın", lang="tr"))
    assert (free.code, free.text, free.lang) == (None, "Sayın", "tr")


def test_an_answer_must_answer_what_was_said_to_us_on_that_line():
    line, _ = node(BRAVO)
    line.said(asked())
    ok = SendCode("alfa", "watch", "P01", {"ref": "alfa-flash-1"}, answers="alfa-flash-1")
    assert line.compose(ok).answers == "alfa-flash-1"
    with pytest.raises(OrderRefused, match="no message"):
        line.compose(SendText("alfa", "watch", "R", "yes", answers="alfa-flash-9"))
    with pytest.raises(OrderRefused, match="on line watch"):
        line.compose(SendText("alfa", "military", "R", "yes", answers="alfa-flash-1"))


def test_what_we_do_not_have_has_no_line():
    line, _ = node()
    line.acknowledged("bravo-ops-9", Role.OPERATOR, ms(1))
    assert (line.line_of("bravo-ops-9"), line.state("bravo-ops-9"), line.rung("bravo-ops-9")) == (None, None, 0)
    assert line.rows() == []
    line.said(text())
    assert line.line_of("alfa-flash-1") == "watch"


def test_at_the_limit_the_oldest_closed_message_is_forgotten_and_counted(monkeypatch):
    monkeypatch.setattr(hotline_module, "MESSAGES_LIMIT", 3)
    monkeypatch.setattr(hotline_module, "FORGOTTEN_AT_ONCE", 1)
    line, _ = node()
    line.said(text("alfa-flash-0"))
    for i in range(1, 5):
        line.said(text(f"alfa-ops-{i}", precedence="R", at_s=i))
    assert line.forgotten == 2
    assert {r.message for r in line.rows()} == {"alfa-flash-0", "alfa-ops-3", "alfa-ops-4"}


def test_the_table_is_whole_never_goes_back_and_minds_no_order():
    assert set(TRANSITIONS) == set(State)
    order = list(State)
    for state, events in TRANSITIONS.items():
        assert set(events) == set(Event)
        for first, second in permutations(Event, 2):
            assert TRANSITIONS[events[first]][second] is TRANSITIONS[events[second]][first]
        assert all(order.index(to) >= order.index(state) for to in events.values())


FACTS = [
    lambda h: h.said(asked()),
    lambda h: h.held("alfa-flash-1", ms(1)),
    lambda h: h.displayed("alfa-flash-1", ms(2)),
    lambda h: h.acknowledged("alfa-flash-1", Role.SUPERVISOR, ms(9)),
    lambda h: h.acknowledged("alfa-flash-1", Role.OPERATOR, ms(8)),
    lambda h: h.not_answered("alfa-flash-1", ms(300)),
    lambda h: h.said(asked("M09", {"ref": "alfa-flash-1"}, message="bravo-ops-1", sender=BRAVO, at_s=310, answers="alfa-flash-1")),
    lambda h: h.said(asked("M08", {"ref": "alfa-flash-1", "reason": "R01"}, message="bravo-ops-2", sender=BRAVO, at_s=320, answers="alfa-flash-1")),
    lambda h: h.displayed("bravo-ops-1", ms(311)),
    lambda h: h.acknowledged("bravo-ops-1", Role.OPERATOR, ms(312)),
]  # fmt: skip


@given(st.permutations(FACTS), st.permutations(FACTS))
def test_both_nodes_fold_the_same_facts_in_any_order_to_the_same_rows(ours, theirs):
    alfa, bravo = node(ALFA)[0], node(BRAVO)[0]
    for fact in ours:
        fact(alfa)
    for fact in theirs:
        fact(bravo)
    assert alfa.rows() == bravo.rows()
    assert (row(alfa).outcome, row(alfa).answered_by) == ("answered", "bravo-ops-1")
    assert row(alfa).halves[1].acknowledged_by == "operator"
    assert alfa.flash == bravo.flash


def test_both_sides_rungs_stand_in_the_row():
    line, _ = node()
    line.said(text())
    assert [c.rung for c in line.climbed("alfa-flash-1", BRAVO, 2, ms(30))] == [1, 2]
    assert (row(line).rung, [h.rung for h in row(line).halves]) == (2, [0, 2])


def test_at_the_limit_many_closed_messages_go_at_once_and_of_open_ones_no_more_than_must(monkeypatch):
    monkeypatch.setattr(hotline_module, "MESSAGES_LIMIT", 6)
    monkeypatch.setattr(hotline_module, "FORGOTTEN_AT_ONCE", 4)
    for precedence, forgotten in (("R", 4), ("Z", 1)):  # nobody waits for a word about a routine message
        line, _ = node()
        for n in range(7):
            line.said(text(f"alfa-ops-{n}", precedence=precedence, at_s=n))
        assert line.forgotten == forgotten
        assert line.total == 7 - forgotten


def test_messages_are_had_by_index_newest_first_beyond_what_a_board_shows():
    line, _ = node()
    for n in range(450):
        line.said(text(message=f"alfa-ops-{n + 1}", precedence="R", at_s=n, reason=None))
    pages = [line.rows(after=n, most=200) for n in (0, 200, 400, 600)]
    assert [len(page) for page in pages] == [200, 200, 50, 0]
    names = [row.message for page in pages for row in page]
    assert names == [f"alfa-ops-{n}" for n in range(450, 0, -1)]


@given(st.permutations(range(40)), st.integers(1, 40))
def test_in_whatever_order_messages_come_they_are_had_newest_first_and_what_is_forgotten_is_gone(order, kept):
    line, _ = node()
    for n in order:
        line.said(text(f"alfa-ops-{n}", precedence="R", at_s=n))
        line.said(text(f"alfa-ops-{n}", precedence="R", at_s=n))  # again, from the disk
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hotline_module, "SETTLED_RECALLED", kept)
        line.forget_settled()
    assert [row.message for row in line.rows()] == [f"alfa-ops-{n}" for n in range(39, 39 - kept, -1)]
    assert line.total == kept


def names(rows):
    return [row.message for row in rows]


def test_what_nobody_has_acknowledged_stays_on_the_board_however_much_is_said_after_it():
    line, _ = node(BRAVO)
    line.said(text("alfa-flash-1"))
    line.said(text("alfa-ops-1", precedence="P", at_s=1))
    for n in range(2, 600):
        line.said(text(f"alfa-ops-{n}", precedence="R", at_s=n))
    newest = [f"alfa-ops-{n}" for n in range(599, 399, -1)]
    assert names(line.on_board()) == [*newest, "alfa-ops-1", "alfa-flash-1"]
    line.not_answered("alfa-flash-1", ms(900))
    assert names(line.on_board()) == [*newest, "alfa-ops-1", "alfa-flash-1"]
    line.acknowledged("alfa-flash-1", Role.OPERATOR, ms(901))
    assert names(line.on_board()) == [*newest, "alfa-ops-1"]
    line.stood_down("alfa-ops-1", ALFA, Stand.RESOLVED, ms(902))
    assert names(line.on_board()) == newest


def test_of_more_that_wait_than_a_board_holds_the_flashes_and_the_newest_are_on_it():
    line, _ = node(BRAVO)
    for n in range(300):
        line.said(text(f"alfa-flash-{n}", at_s=n))
    for n in range(300, 900):
        line.said(text(f"alfa-ops-{n}", precedence="P", at_s=n))
    on_it = names(line.on_board())
    assert on_it[:200] == [f"alfa-ops-{n}" for n in range(899, 699, -1)]
    assert on_it[200:] == [f"alfa-flash-{n}" for n in range(299, 99, -1)]


def test_at_the_limit_what_climbs_is_not_among_those_that_go_first(monkeypatch):
    monkeypatch.setattr(hotline_module, "MESSAGES_LIMIT", 6)
    monkeypatch.setattr(hotline_module, "FORGOTTEN_AT_ONCE", 4)
    line, _ = node(BRAVO)
    line.said(text("alfa-flash-0"))
    line.not_answered("alfa-flash-0", ms(60))
    for n in range(1, 8):
        line.said(text(f"alfa-ops-{n}", precedence="R", at_s=n))
    assert names(line.rows()) == ["alfa-ops-7", "alfa-ops-6", "alfa-ops-5", "alfa-flash-0"]


def test_a_flash_for_which_the_ladder_had_no_place_stays_on_the_board_too(monkeypatch):
    monkeypatch.setattr(escalation_module, "SUBJECTS_LIMIT", 1)
    line, _ = node(BRAVO)
    line.said(text("alfa-flash-1"))
    line.said(text("alfa-flash-2", at_s=1))
    assert "does not climb" in line.fault
    for n in range(2, 300):
        line.said(text(f"alfa-ops-{n}", precedence="R", at_s=n))
    assert names(line.on_board())[200:] == ["alfa-flash-2", "alfa-flash-1"]
