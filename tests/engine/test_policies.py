"""Who may change what leaves: narrowing alone, widening by two, undone by one key, and on record from which leaf on."""

import contextlib
import itertools

import pytest

from detente.desk.orders import ConfirmPolicy, ProposePolicy, RevertPolicy
from detente.engine.values import OrderGiven
from detente.errors import OrderRefused
from detente.evidence.keys import origin
from detente.evidence.leaf import Kind, Lane, read
from detente.release.policy import parse_policy
from detente.testing.parties import Parties, node_name
from detente.types import Role
from detente.wire.messages import decode_body, encode_body
from engine.meeting import differently, meet, open_handed

NOTHING = 'name = "nothing"\n'
CALLSIGNS = """name = "no names"
[[rule]]
name = "all, without names"
effect = "release"
to = ["bravo"]
give = { fields = ["position", "altitude", "velocity"] }
"""
NAMED = CALLSIGNS.replace('"no names"', '"with names"').replace('"velocity"', '"velocity", "callsign", "identity"')
OVERRIDE = """
[[safety_override]]
name = "the last minute"
between = ["alfa", "bravo"]
kinds = ["conflict"]
within_s = 120
level = "warning"
"""


def propose(parties, text, role=Role.SUPERVISOR, party="alfa", account=""):
    parties.give(party, OrderGiven(ProposePolicy(text, parse_policy(text).digest), role, account))
    return parties[party].engine.answer["policy"]


def confirm(parties, text, role=Role.DUTY_OFFICER, account=""):
    parties.give("alfa", OrderGiven(ConfirmPolicy(parse_policy(text).digest), role, account))


def state(parties, party="alfa"):
    return parties.board(party).policy


@contextlib.contextmanager
def refused(code):
    with pytest.raises(OrderRefused) as fault:
        yield
    assert fault.value.code == code


def pair(text=CALLSIGNS):
    """Alfa under *text*, Bravo open-handed; both are up."""
    parties = Parties(
        {
            "alfa": differently(open_handed(b"aaaaaa", "bravo"), policy=parse_policy(text)),
            "bravo": open_handed(b"bbbbbb", "alfa"),
        }
    )
    parties.run(1.5)
    return parties


def pols(parties, party="alfa"):
    """The policy in each track leaf that *party* wrote, in order."""
    leaves = [
        read(entry.leaf)
        for record in parties[party].recorded
        for entry in record.entries
        if record.origin == origin(node_name(party), node_name("bravo"), Lane.TRACK)
    ]
    return [leaf.pol for leaf in leaves]


def test_t30_a_single_person_cannot_release_more():
    parties = pair()
    assert propose(parties, NAMED) == "waits"
    assert state(parties).name == "no names"
    with refused("second_seat"):
        confirm(parties, NAMED, Role.SUPERVISOR)
    assert state(parties).name == "no names"
    confirm(parties, NAMED)
    now = state(parties)
    assert (now.name, now.by, now.is_wider) == ("with names", ["supervisor", "duty_officer"], True)
    assert "bravo: rule 1" in now.wider_because[0]


def test_t30_two_seats_of_one_account_are_one_person():
    parties = pair()
    propose(parties, NAMED, account="anna")
    with refused("second_seat"):
        confirm(parties, NAMED, account="anna")
    confirm(parties, NAMED, account="bert")
    assert state(parties).name == "with names"


def test_t30_an_hour_of_a_wider_policy_stays_in_the_leaves_and_on_the_screen():
    parties = pair()
    propose(parties, NAMED)
    confirm(parties, NAMED)
    parties.run(3.0)
    assert state(parties).is_wider
    parties.order("alfa", RevertPolicy(), Role.SUPERVISOR)
    parties.run(3.0)
    assert not state(parties).is_wider
    before, wide = parse_policy(CALLSIGNS).digest, parse_policy(NAMED).digest
    assert [pol for pol, _ in itertools.groupby(pols(parties))] == [before, wide, before]


def test_what_releases_less_is_in_force_at_once_by_one_seat():
    parties = pair()
    assert propose(parties, NOTHING) == "in_force"
    now = state(parties)
    assert (now.name, now.by, now.is_wider, now.proposed) == ("nothing", ["supervisor"], False, None)


def test_a_change_is_in_the_next_frame_and_the_record_shows_from_which_leaf_on():
    parties = pair()
    meet(parties, 60.0, seconds=8.0)
    parties.run(4.0)
    before = len(pols(parties))
    propose(parties, NOTHING)
    parties.run(1.0)
    after = pols(parties)[before:]
    assert len(after) == 1
    assert after == [parse_policy(NOTHING).digest]
    assert pols(parties)[before - 1] == parse_policy(CALLSIGNS).digest


@pytest.mark.parametrize("after_s", [0.0, 0.1, 0.2, 0.3, 0.4, 0.9])
def test_no_frame_is_left_out_when_the_policy_changes_and_none_leaves_under_the_old_one(after_s):
    parties = pair()
    meet(parties, 60.0, seconds=8.0)
    parties.until(parties.now // 10**9 * 10**9 + 3 * 10**9)
    parties.run(after_s)
    before = len(pols(parties))
    propose(parties, NOTHING)
    changed_at = parties.now
    parties.run(3.0)
    log = origin(node_name("alfa"), node_name("bravo"), Lane.TRACK)
    leaves = [read(e.leaf) for r in parties["alfa"].recorded for e in r.entries if r.origin == log]
    assert {leaf.pol for leaf in leaves[before:]} == {parse_policy(NOTHING).digest}
    stamps = [leaf.ts for leaf in leaves]
    assert {b - a for a, b in itertools.pairwise(stamps)} == {1_000}
    assert stamps[before] - changed_at // 10**6 <= 1_000


def test_one_key_undoes_a_widening_and_a_proposal():
    parties = pair()
    propose(parties, NAMED)
    assert parties.order("alfa", RevertPolicy(), Role.SUPERVISOR) == {"policy": "withdrawn"}
    with refused("no_such_policy"):
        confirm(parties, NAMED)
    propose(parties, NAMED)
    confirm(parties, NAMED)
    assert state(parties).undo_to == "no names"
    assert parties.order("alfa", RevertPolicy(), Role.SUPERVISOR) == {"policy": "in_force"}
    assert (state(parties).name, state(parties).is_wider) == ("no names", False)
    with refused("nothing_to_undo"):
        parties.order("alfa", RevertPolicy(), Role.SUPERVISOR)


def test_undoing_a_narrowing_releases_more_and_takes_a_second_seat():
    parties = pair()
    propose(parties, NOTHING)
    assert state(parties).undo_to is None
    assert parties.order("alfa", RevertPolicy(), Role.SUPERVISOR) == {"policy": "waits"}
    assert state(parties).name == "nothing"
    confirm(parties, CALLSIGNS)
    assert state(parties).name == "no names"


def test_a_proposal_waits_an_hour_and_no_longer():
    parties = pair()
    propose(parties, NAMED)
    parties.now = type(parties.now)(parties.now + 3_601 * 10**9)
    assert state(parties).proposed is None
    with refused("no_such_policy"):
        confirm(parties, NAMED)


def test_a_text_that_is_none_or_another_than_was_read_is_refused():
    parties = pair()
    with refused("not_a_policy"):
        parties.order("alfa", ProposePolicy("rule = 1", parse_policy(NOTHING).digest), Role.SUPERVISOR)
    with refused("policy_digest"):
        parties.order("alfa", ProposePolicy(NAMED, parse_policy(NOTHING).digest), Role.SUPERVISOR)
    with refused("policy_stands"):
        propose(parties, CALLSIGNS)
    with refused("wrong_seat"):
        propose(parties, NOTHING, Role.OPERATOR)
    assert state(parties).name == "no names"


def test_a_restart_goes_on_under_the_narrower_policy():
    parties = pair()
    propose(parties, NOTHING)
    parties.restart("alfa")
    now = state(parties)
    assert (now.name, now.baseline_name) == ("nothing", "no names")
    assert parties["alfa"].engine.policies.text == NOTHING
    assert parties.order("alfa", RevertPolicy(), Role.SUPERVISOR) == {"policy": "waits"}


def test_the_desk_can_read_check_and_explain_its_policy():
    parties = pair()
    meet(parties, 60.0, seconds=8.0)
    parties.run(6.0)
    engine, now = parties["alfa"].engine, parties.clock("alfa")
    view = engine.policy_view(now)
    assert view.rules[0].sentence == "Tell bravo of every aircraft: position, altitude, velocity."
    check = engine.check_policy(NAMED, now)
    assert check.wider_because
    assert check.changes["bravo"].gained
    assert engine.check_policy(NOTHING, now).wider_because == []
    told = engine.why_told("bravo", "aaaaaa", now)
    assert (told.told, told.rule, told.by) == ("exactly", 1, "all, without names")
    for subject, code in (("zzzzzz", "unknown_track"), ("nowhere/x", "unknown_table")):
        with refused(code):
            engine.why_told("bravo", subject, now)
    with refused("unknown_party"):
        engine.why_told("delta", "aaaaaa", now)


def close(policy_alfa, policy_bravo):
    """Bravo's aircraft meets one that Alfa hides; returns the parties once Alfa has warned."""
    parties = Parties(
        {
            "alfa": differently(open_handed(b"aaaaaa", "bravo"), policy=parse_policy(policy_alfa)),
            "bravo": differently(open_handed(b"bbbbbb", "alfa"), policy=parse_policy(policy_bravo)),
        }
    )
    parties.run(1.5)
    meet(parties, 20.0, seconds=60.0)
    parties.run(40.0)
    return parties


EVERYTHING = CALLSIGNS.replace('to = ["bravo"]', 'to = ["alfa"]').replace(
    '"velocity"', '"velocity", "declaration", "identity"'
)


def told_alerts(parties, party="bravo"):
    return parties.board(party).alerts


def test_a_safety_override_of_both_sides_tells_a_hidden_conflict_exactly_and_both_desks_say_so():
    parties = close(NOTHING + OVERRIDE, EVERYTHING + OVERRIDE)
    overrides = state(parties).overrides
    assert [(o.in_force, sorted(o.said_by)) for o in overrides] == [(True, ["alfa", "bravo"])]
    own, theirs = told_alerts(parties, "alfa"), told_alerts(parties, "bravo")
    assert [row.override for row in own] == ["the last minute"]
    assert [row.override for row in theirs if row.raised_by == "alfa"] == ["the last minute"]
    why = parties["alfa"].engine.why_told("bravo", own[0].alert, parties.clock("alfa"))
    assert why.told == "override"
    assert "the last minute" in why.text


@pytest.mark.parametrize("names", [True, False])
def test_an_override_names_the_hidden_aircraft_only_where_both_agreed_to_names(names):
    override = OVERRIDE + f"names = {str(names).lower()}\n"
    parties = close(NOTHING + override, EVERYTHING + override)
    [row] = [row for row in told_alerts(parties) if row.raised_by == "alfa"]
    alerts = [body for body in alerts_sent(parties) if body.override]
    assert row.override == "the last minute"
    assert alerts
    for body in alerts:
        assert not body.is_banded
        assert [named and named.identity for named in (body.a, body.b)] == ["bbbbbb", "aaaaaa" if names else None]


def alerts_sent(parties):
    """Every alert that Alfa wrote to Bravo, as its leaf has it."""
    logs = {origin(node_name("alfa"), node_name("bravo"), lane) for lane in (Lane.FLASH, Lane.OPS)}
    entries = [entry for record in parties["alfa"].recorded for entry in record.entries if record.origin in logs]
    return [
        decode_body(Kind.ALERT, entry.body)
        for entry in entries
        if read(entry.leaf).kind is Kind.ALERT and entry.body is not None
    ]


LATE = (
    NOTHING
    + """
[[rule]]
name = "late"
effect = "release"
to = ["bravo"]
give = { fields = ["position", "altitude", "velocity", "callsign", "identity"], delay_s = 30 }
"""
)


def test_t51_a_live_alert_about_a_late_aircraft_tells_what_one_about_a_hidden_one_does_and_as_soon():
    late, hidden = close(LATE, EVERYTHING), close(NOTHING, EVERYTHING)
    assert late["alfa"].engine.release_view("bravo").released > 0
    said = [alerts_sent(parties) for parties in (late, hidden)]
    assert said[0]
    assert [encode_body(body) for body in said[0]] == [encode_body(body) for body in said[1]]
    assert all(body.is_banded and body.b is None for body in said[0])


def test_t51_a_safety_override_of_both_sides_tells_it_exactly_and_at_once():
    parties = close(LATE + OVERRIDE, EVERYTHING + OVERRIDE)
    first = next(body for body in alerts_sent(parties) if body.override)
    assert first.event_at_ms is not None
    assert not first.is_banded


def test_an_override_of_one_side_alone_changes_nothing():
    parties = close(NOTHING + OVERRIDE, EVERYTHING)
    assert [o.in_force for o in state(parties).overrides] == [False]
    own = told_alerts(parties, "alfa")
    assert own
    assert [row.override for row in own] == [""]
    why = parties["alfa"].engine.why_told("bravo", own[0].alert, parties.clock("alfa"))
    assert why.told == "banded"
    assert why.hidden
    assert "no rule releases it" in why.hidden[0]


def test_an_override_is_wider_and_its_end_is_told():
    parties = close(NOTHING + OVERRIDE, EVERYTHING + OVERRIDE)
    assert propose(parties, NOTHING) == "in_force"
    parties.run(1.0)
    assert parties["bravo"].engine.policies.overrides_with("alfa") == []
    assert propose(parties, NOTHING + OVERRIDE) == "waits"
    assert "safety_override 'the last minute' is new" in state(parties).proposed.wider_because
