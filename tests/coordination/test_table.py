"""A table: whatever the order things arrive in, every member finds the same; whoever tells two stories is found out."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordination.meeting import ALFA, BRAVO, CHARLIE, Meeting, charter
from detente.coordination.arrangement import Narrow, Resume, State
from detente.coordination.charter import Charter
from detente.coordination.proposals import Detail, SettleDetail, Sign, TableProposal, Version
from detente.coordination.statement import Statement, decode_statement, encode_statement, statement_digest
from detente.coordination.table import Table
from detente.errors import ConfigError, OrderRefused, PeerFault
from detente.types import Role

MIL, FS = Role.MILITARY, Role.FOREIGN_SERVICE
TEXT = Version(text="Joint search flights.", details=(Detail(key="levels", title="Levels"),))


def history(seed: int, members: tuple[str, ...] = ("alfa", "bravo", "charlie")) -> Meeting:
    """A talk with cuts: who is apart goes on acting on what they know, and is sometimes refused."""
    chance = random.Random(seed)
    meeting = Meeting(*members)
    names = [meeting.say(ALFA, FS, TableProposal(title="Joint search", version=TEXT))]
    for _ in range(40):
        meeting.is_apart = chance.random() < 0.7
        party = chance.choice(list(meeting.tables))
        name = chance.choice(names)
        act = chance.choice(
            [
                TableProposal(title="Another", version=TEXT),
                SettleDetail(proposal=name, number=1, detail="levels", stance="agreed"),
                Sign(proposal=name, number=1, digest=TEXT.digest),
                Narrow(to=chance.choice(["safety_of_life", "suspended"]), note="For the time being."),
                Resume(note="As before."),
            ]
        )
        try:
            said = meeting.say(party, chance.choice([MIL, FS]), act)
        except OrderRefused:
            continue
        if isinstance(act, TableProposal) and not meeting.is_apart:
            names.append(said)
    return meeting


def everything(table: Table) -> object:
    return table.standing.proposals.rows(10**9), table.standing.arrangement.row(), table.refusals, table.heads()


@settings(max_examples=60)
@given(st.integers(0, 2**32))
def test_every_member_finds_the_same_whatever_was_cut_and_in_whatever_order_it_arrives(seed):
    meeting = history(seed)
    meeting.meet()
    found = [everything(table) for table in meeting.tables.values()]
    assert found[0] == found[1] == found[2]
    assert all(table.waiting == 0 and not table.contradictions for table in meeting.tables.values())


@settings(max_examples=30)
@given(st.integers(0, 2**32))
def test_statements_in_any_order_at_all_are_folded_to_the_same(seed):
    meeting = Meeting("alfa", "bravo")
    said: list[bytes] = []
    for party in (ALFA, BRAVO, ALFA, BRAVO, ALFA):
        meeting.say(party, FS, TableProposal(title=f"By {party}", version=TEXT))
    for party in (ALFA, BRAVO):
        meeting.say(party, MIL, SettleDetail(proposal="alfa-1", number=1, detail="levels", stance="agreed"))
    said = meeting.said
    random.Random(seed).shuffle(said)
    stranger = Table(meeting.charter, BRAVO)
    for raw in said:
        stranger.hear(decode_statement(raw), raw, ALFA)
    assert everything(stranger) == everything(meeting.tables[ALFA])


def test_what_is_refused_stays_in_the_record_with_its_reason():
    meeting = Meeting()
    meeting.is_apart = True
    meeting.say(ALFA, FS, Narrow(to="suspended", note="Until it is explained."))
    meeting.say(BRAVO, FS, TableProposal(title="Joint search", version=TEXT))
    meeting.say(ALFA, FS, Narrow(to="terminated", note="It was not."))
    meeting.say(BRAVO, FS, TableProposal(title="Joint rescue", version=TEXT))
    meeting.meet()
    for table in meeting.tables.values():
        assert table.standing.arrangement.state is State.TERMINATED
        assert {refused.code for refused in table.refusals} <= {"arrangement"}
    assert everything(meeting.tables[ALFA]) == everything(meeting.tables[BRAVO])


def test_a_wrong_seat_is_refused_before_anything_is_said_and_when_a_peer_says_it():
    meeting = Meeting()
    with pytest.raises(OrderRefused, match="is for military, foreign service, not for the intelligence seat"):
        meeting.say(ALFA, Role.INTELLIGENCE, TableProposal(title="x", version=TEXT))
    assert meeting.tables[ALFA].heads() == {}
    forged = Statement(
        table="line", charter=meeting.charter.digest, party="bravo", n=1, prev=statement_digest(b""),
        by=Role.INTELLIGENCE, at_ms=5, act=TableProposal(title="x", version=TEXT),
    )  # fmt: skip
    raw = encode_statement(forged)
    assert meeting.tables[ALFA].hear(forged, raw, BRAVO) == ["bravo-1"]
    assert meeting.tables[ALFA].standing.proposals.rows(0) == []
    assert [refused.code for refused in meeting.tables[ALFA].refusals] == ["wrong_seat"]


def test_t05_a_party_that_tells_two_others_different_things_is_found_out_by_the_next_word_and_nothing_more_is_agreed():
    meeting = Meeting("alfa", "bravo", "charlie")
    meeting.is_apart = True
    meeting.say(ALFA, FS, TableProposal(title="For Bravo", version=TEXT))
    _, _, _, to_bravo = meeting.outbox[0]
    other = Table(meeting.charter, ALFA)
    _, to_charlie = other.order(TableProposal(title="For Charlie", version=TEXT), FS, 2_000)
    bravo, charlie = meeting.tables[BRAVO], meeting.tables[CHARLIE]
    bravo.hear(decode_statement(to_bravo), to_bravo, ALFA)
    charlie.hear(decode_statement(to_charlie), to_charlie, ALFA)
    _, said = charlie.order(SettleDetail(proposal="alfa-1", number=1, detail="levels", stance="agreed"), MIL, 3_000)
    bravo.hear(decode_statement(said), said, CHARLIE)
    found = bravo.contradictions[ALFA]
    assert (found.n, found.ours, found.other) == (1, statement_digest(to_bravo), statement_digest(to_charlie))
    with pytest.raises(OrderRefused, match="alfa told members different things"):
        bravo.order(SettleDetail(proposal="alfa-1", number=1, detail="levels", stance="agreed"), MIL, 4_000)


def test_a_statement_of_another_text_another_table_or_about_strangers_is_refused():
    meeting = Meeting()
    other = Charter(table="line", title="The line", members=("alfa", "bravo"), agreement="Another text.")
    statement, raw = Table(other, BRAVO).order(TableProposal(title="x", version=TEXT), FS, 1)
    with pytest.raises(PeerFault, match="another text of the arrangement"):
        meeting.tables[ALFA].hear(statement, raw, BRAVO)
    stranger = Statement(
        table="line", charter=meeting.charter.digest, party="bravo", n=1, prev=statement_digest(b""),
        heads={"zulu": (1, statement_digest(b""))}, by=FS, at_ms=5, act=TableProposal(title="x", version=TEXT),
    )  # fmt: skip
    with pytest.raises(PeerFault, match="no member of table line said"):
        meeting.tables[ALFA].hear(stranger, encode_statement(stranger), BRAVO)


@pytest.mark.parametrize("members", [("alfa",), ("alfa", "alfa"), ("bravo", "alfa")])
def test_a_charter_that_no_table_could_have_is_refused(members):
    with pytest.raises(ConfigError, match="table line: "):
        Table(charter(*members), ALFA)


def test_there_is_no_fourth_seat_to_sign():
    with pytest.raises(ConfigError, match="there is no fourth"):
        Charter(
            table="x", title="x", members=("alfa", "bravo"), agreement="x", signers=(Role.MILITARY, Role.MINISTER)
        ).check()


@given(st.binary(max_size=400))
def test_no_bytes_make_the_decoder_raise_anything_but_a_fault_of_the_peer(raw):
    with pytest.raises(PeerFault, match="statement: "):
        decode_statement(raw)


def test_a_statement_has_one_form_and_no_field_that_is_not_named():
    statement, raw = Table(charter(), ALFA).order(TableProposal(title="x", version=TEXT), FS, 1)
    assert decode_statement(raw) == statement
    for other in (raw + b" ", raw.replace(b'"n":1', b'"n":1,"point":[1,2]'), raw.replace(b'"x"', '"x\u202e"'.encode())):
        with pytest.raises(PeerFault, match="statement: "):
            decode_statement(other)
