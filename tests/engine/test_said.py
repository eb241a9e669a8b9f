"""What is said on a hotline reaches the other desk, and what became of it is the same on both."""

from __future__ import annotations

import msgspec
import pytest

from detente.alerts.escalation import agreed_ladder
from detente.desk.codebook import Codebook, draft_codebook
from detente.desk.orders import Acknowledge, AcknowledgeMessage, Displayed, SendCode, SendText, StandDown
from detente.errors import OrderRefused
from detente.evidence.keys import parse_origin
from detente.evidence.leaf import Envelope, Lane
from detente.evidence.note import split_note
from detente.testing.parties import Character, Parties
from detente.types import Role
from engine.meeting import two

PARTIES = ("alfa", "bravo")
PATIENT = agreed_ladder((0.0, 60.0), (0.0, 120.0, 300.0), conflict_reaches_leader=False)


def text(words="Your 4X-ABC is north of the line", precedence="O", **more):
    return SendText(**{"to": "bravo", "line": "watch", "precedence": precedence, "text": words} | more)


def connected():
    parties = two(ladder=PATIENT)
    parties.run(1.5)
    return parties


def message(parties, party, name):
    (row,) = [row for row in parties.board(party).messages if row.message == name]
    return row


def addressee(parties, party, name):
    return message(parties, party, name).halves[1]


def test_a_text_is_held_displayed_acknowledged_and_answered_on_both_desks():
    parties = connected()
    name = parties.order("alfa", text())["message"]
    parties.run(1.0)
    for party in PARTIES:
        assert message(parties, party, name).text == "Your 4X-ABC is north of the line"
        assert message(parties, party, name).recorded
        assert 0 <= addressee(parties, party, name).held_at_ms - addressee(parties, party, name).sent_at_ms < 1_000
        assert addressee(parties, party, name).displayed_at_ms is None
    parties.order("bravo", Displayed(messages=[name]))
    parties.run(1.0)
    parties.order("bravo", AcknowledgeMessage(name))
    parties.run(1.0)
    answer = parties.order("bravo", SendText("alfa", "watch", "P", "We see it, turning it back", answers=name))
    parties.run(1.0)
    for party in PARTIES:
        row, half = message(parties, party, name), addressee(parties, party, name)
        assert half.displayed_at_ms + 1_000 == half.acknowledged_at_ms
        assert half.acknowledged_by == "operator"
        assert (row.outcome, row.answered_by) == ("answered", answer["message"])
        assert message(parties, party, answer["message"]).answers == name
    assert parties.roots_equal()


def test_a_phrase_is_read_in_three_languages_on_both_desks():
    parties = connected()
    name = parties.order("alfa", SendCode("bravo", "watch", "P08", {"n": "7"}))["message"]
    parties.run(1.0)
    own, theirs = message(parties, "alfa", name), message(parties, "bravo", name)
    assert own.code == theirs.code == "P08"
    assert theirs.rendered["tr"] == "Hat kontrolü 7. İşlem gerekmez."
    assert own.known_code
    assert theirs.known_code
    assert set(theirs.rendered) == {"en", "tr", "ru"}
    assert own.rendered == theirs.rendered


def test_the_text_of_a_flash_arrives_on_the_flash_lane():
    parties = connected()
    name = parties.order("alfa", text(precedence="Z", reason="incursion"))["message"]
    assert name.startswith("alfa-flash-")
    parties.run(0.2)
    assert message(parties, "bravo", name).precedence == "Z"


def test_a_message_nobody_answers_is_recorded_so_on_both_sides_and_climbs():
    parties = connected()
    name = parties.order("alfa", text())["message"]
    parties.run(301.0)
    rows = [message(parties, party, name) for party in PARTIES]
    assert [row.outcome for row in rows] == ["not_answered", "not_answered"]
    assert rows[0].rung == rows[1].rung >= 1
    assert "escalation" in recorded_kinds(parties, "alfa")
    parties.order("bravo", SendText("alfa", "watch", "P", "Sorry, late", answers=name))
    parties.run(1.0)
    assert [message(parties, party, name).outcome for party in PARTIES] == ["answered", "answered"]
    assert parties.roots_equal()


def recorded_kinds(parties, party):
    side = parties[party]
    entries = [entry for record in side.recorded if "/track" not in record.origin for entry in record.entries]
    return [msgspec.json.decode(split_note(e.leaf)[0].split(b"\n")[1], type=Envelope).kind.value for e in entries]


def test_the_sender_may_stand_its_own_message_down():
    parties = connected()
    name = parties.order("alfa", text())["message"]
    parties.run(1.0)
    parties.order("alfa", StandDown(name, "resolved"))
    parties.run(400.5)
    for party in PARTIES:
        assert message(parties, party, name).rung == 0
        assert message(parties, party, name).next_rung_at_ms is None


REFUSED = {
    "no such party": (text(to="delta"), Role.OPERATOR, "unknown_party"),
    "leader's line": (text(line="leader"), Role.OPERATOR, "wrong_seat"),
    "flash without reason": (text(precedence="Z"), Role.OPERATOR, "flash_reason"),
    "reason of nobody's": (text(reason="because"), Role.OPERATOR, "reason_unknown"),
    "unknown message": (AcknowledgeMessage("bravo-ops-9"), Role.OPERATOR, "unknown_message"),
    "an alert that is none": (Acknowledge("bravo-9"), Role.OPERATOR, "unknown_alert"),
}


@pytest.mark.parametrize(("order", "role", "code"), REFUSED.values(), ids=REFUSED)
def test_an_order_that_may_not_be_given_is_refused_and_nothing_is_recorded(order, role, code):
    parties = connected()
    before = len(parties["alfa"].recorded)
    with pytest.raises(OrderRefused) as refused:
        parties.order("alfa", order, role)
    assert refused.value.code == code
    assert str(refused.value)
    assert len(parties["alfa"].recorded) == before
    assert parties.board("alfa").messages == []


def test_only_the_addressee_may_acknowledge_a_message():
    parties = connected()
    name = parties.order("alfa", text())["message"]
    parties.run(1.0)
    with pytest.raises(OrderRefused) as refused:
        parties.order("alfa", AcknowledgeMessage(name))
    assert refused.value.code == "unknown_message"


def test_t16_a_phrase_needs_the_same_codebook_on_both_sides():
    book = draft_codebook()
    another = Codebook(msgspec.json.encode(book.content | {"version": "another"}))
    parties = Parties({"alfa": Character(), "bravo": Character(codebook=another)})
    parties.run(1.5)
    assert parties.board("alfa").peers[0].codebook_same is False
    with pytest.raises(OrderRefused) as refused:
        parties.order("alfa", SendCode("bravo", "watch", "P08", {"n": "7"}))
    assert refused.value.code == "codebook"
    parties.order("alfa", text())
    parties.run(1.0)
    assert len(parties.board("bravo").messages) == 1


def test_nothing_is_said_to_a_peer_whose_digits_are_not_confirmed():
    parties = Parties({"alfa": Character(is_confirmed=False), "bravo": Character()})
    parties.run(1.5)
    with pytest.raises(OrderRefused) as refused:
        parties.order("alfa", text())
    assert refused.value.code == "not_said"
    assert parties.board("alfa").peers[0].state == "UNVERIFIED"


def test_a_list_goes_on_in_the_spoken_logs_of_the_record_and_says_so_with_its_last_page():
    parties = connected()
    names = [parties.order("alfa", text(f"Word {n}", "R"))["message"] for n in range(3)]
    parties.run(1.0)
    desk = parties["bravo"].engine
    first, last = desk.message_page(0, 2), desk.message_page(2, 200)
    assert [row.message for row in (*first.rows, *last.rows)][: len(names)] == names[::-1]
    assert (first.after, first.record) == (2, None)
    assert (last.after, last.record.kind) == (None, "hotline")
    lanes = sorted((parse_origin(log).writer, parse_origin(log).lane) for log in last.record.logs)
    assert [lane for _, lane in lanes] == [Lane.FLASH, Lane.OPS] * 2
    assert desk.alert_page(0, 200).record.logs == last.record.logs
