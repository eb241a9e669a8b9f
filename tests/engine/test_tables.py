"""Tables across the link: what one party does at a table stands at every other member's desk, through cuts and restarts."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest

from detente.coordination.arrangement import Narrow
from detente.coordination.charter import Charter
from detente.coordination.incidents import Account
from detente.coordination.ledger import OpenDifference
from detente.coordination.proposals import Detail, SettleDetail, Sign, TableProposal, Version
from detente.coordination.reports import Share
from detente.coordination.watch import TakeWatch
from detente.desk.orders import AtTable, SendText
from detente.errors import OrderRefused
from detente.evidence.leaf import Lane
from detente.link.frames import Code
from detente.testing.parties import Parties
from detente.types import Role
from engine.meeting import meet, open_handed, two
from flights import head_on, plots_of

MIL, FS, INT = Role.MILITARY, Role.FOREIGN_SERVICE, Role.INTELLIGENCE
LINE = Charter(table="line", title="The line", members=("alfa", "bravo"), agreement="We share.", governs_picture=True)
TALKS = Charter(table="talks", title="Talks", members=("alfa", "bravo"), agreement="We talk.", topic="the district")
ALL = Charter(table="all", title="All three", members=("alfa", "bravo", "charlie"), agreement="We three.")
TEXT = Version(text="Joint search flights.", details=(Detail(key="levels", title="Levels"),))


def at_the_line(**more) -> Parties:
    parties = two(tables=(LINE, TALKS), **more)
    parties.run(1.5)
    return parties


def three() -> Parties:
    names = ("alfa", "bravo", "charlie")
    parties = Parties({name: open_handed(b"aaaaaa", *(n for n in names if n != name), tables=(ALL,)) for name in names})
    parties.run(1.5)
    return parties


def do(parties, party, act, role=FS, table="line"):
    return parties.order(party, AtTable(table, act), role)["statement"]


def view(parties, party, table="line"):
    return parties[party].engine.tables.view(table, parties.clock(party))


def test_a_proposal_is_tabled_settled_and_signed_across_the_link():
    parties = at_the_line()
    name = do(parties, "alfa", TableProposal(title="Joint search", version=TEXT))
    parties.run(1.0)
    for party in ("alfa", "bravo"):
        do(parties, party, SettleDetail(proposal=name, number=1, detail="levels", stance="agreed"), MIL)
        parties.run(1.0)
    for party in ("alfa", "bravo"):
        for seat in (MIL, FS):
            do(parties, party, Sign(proposal=name, number=1, digest=TEXT.digest), seat)
        parties.run(1.0)
    assert view(parties, "alfa").proposals == view(parties, "bravo").proposals
    assert view(parties, "bravo").proposals[0].state == "in_force"
    assert parties.roots_equal()


def test_both_act_while_the_line_is_cut_and_find_the_same_when_it_heals():
    parties = at_the_line()
    parties.cut()
    for party in ("alfa", "bravo"):
        do(parties, party, OpenDifference(title="The district", words=f"As {party} sees it."))
    parties.run(30.0)
    assert view(parties, "alfa").brief.digest != view(parties, "bravo").brief.digest
    parties.heal()
    parties.run(10.0)
    assert view(parties, "alfa").brief.digest == view(parties, "bravo").brief.digest
    assert view(parties, "alfa").differences == view(parties, "bravo").differences
    assert len(view(parties, "alfa").differences) == 2


def test_a_restart_rebuilds_every_table_from_the_record():
    parties = at_the_line()
    name = do(parties, "alfa", TableProposal(title="Joint search", version=TEXT))
    parties.run(1.0)
    do(parties, "bravo", SettleDetail(proposal=name, number=1, detail="levels", stance="agreed"), MIL)
    parties.run(1.0)
    before = view(parties, "alfa")
    parties.restart("alfa")
    assert view(parties, "alfa").proposals == before.proposals
    parties.run(5.0)
    do(parties, "alfa", SettleDetail(proposal=name, number=1, detail="levels", stance="agreed"), MIL)
    parties.run(2.0)
    assert view(parties, "bravo").proposals[0].details[0].stance == "agreed"


def test_silence_is_put_on_record_by_the_node_itself_on_both_sides():
    parties = at_the_line()
    until = parties.clock("alfa") // 1_000_000 + 20_000
    do(parties, "alfa", TableProposal(title="Joint search", version=TEXT, answer_by_ms=until))
    parties.run(25.0)
    for party in ("alfa", "bravo"):
        row = view(parties, party).proposals[0]
        assert (row.state, row.not_answered) == ("tabled", ["bravo"])


def test_r13_a_suspended_table_stops_its_own_talks_and_closes_no_other_and_no_warning():
    parties = at_the_line()
    do(parties, "bravo", Narrow(to="suspended", note="Until Tuesday."), table="talks")
    parties.run(1.0)
    with pytest.raises(OrderRefused, match="the arrangement is suspended"):
        do(parties, "alfa", TableProposal(title="x", version=TEXT), table="talks")
    do(parties, "alfa", TableProposal(title="x", version=TEXT))
    meet(parties)
    parties.run(60.0)
    assert parties.board("bravo").peers[0].shared_with_us == 1
    assert parties.board("bravo").alerts


def test_that_nobody_is_on_watch_is_an_alarm_at_both_desks_and_unknown_before_anybody_said():
    parties = at_the_line()
    assert parties.board("alfa").peers[0].watch_present is None
    until = parties.clock("bravo") // 1_000_000 + 30_000
    do(parties, "bravo", TakeWatch(post="operator", until_ms=until), Role.OPERATOR)
    parties.run(1.0)
    assert parties.board("alfa").peers[0].watch_present is True
    parties.run(31.0)
    peer = parties.board("alfa").peers[0]
    assert (peer.watch_present, "nobody_on_watch" in peer.alarms) == (False, True)
    assert "bravo" in parties.board("bravo").tables[0].nobody_on_watch


def test_the_first_report_is_drawn_up_from_the_data_at_each_desk_until_its_account_is_given():
    parties = at_the_line()
    meet(parties, 8.0, seconds=90.0)
    parties.run(60.0)
    for party in ("alfa", "bravo"):
        [incident] = view(parties, party).incidents
        assert incident.categories == ["PROX"]
        what, when, where, who, *_ = incident.draft.splitlines()
        assert what == "What: Loss of separation."
        assert when.startswith("When: 20")
        assert where.startswith("Where: 4")
        assert {"aaaaaa", "bbbbbb"} <= set(who.removesuffix(".").split())
    do(parties, "alfa", Account(incident=incident.incident, words="As we saw it."), MIL)
    parties.run(1.0)
    assert view(parties, "alfa").incidents[0].draft == ""
    assert view(parties, "bravo").incidents[0].draft != ""


def test_silence_that_cannot_be_put_on_record_now_is_a_fault_at_the_desk_until_it_can():
    parties = at_the_line()
    until = parties.clock("alfa") // 1_000_000 + 20_000
    do(parties, "alfa", TableProposal(title="Joint search", version=TEXT, answer_by_ms=until))
    parties.run(1.0)
    log = parties["alfa"].engine._sessions["bravo"].writers[Lane.OPS]
    log.frozen = Code.FORK
    parties.run(25.0)
    assert view(parties, "alfa").proposals[0].not_answered == []
    fault = "table line: proposal.not_answered is not on record: the log to bravo takes no leaf now"
    assert any(line.startswith(fault) for line in parties.board("alfa").faults)
    log.frozen = None
    parties.run(3.0)
    assert view(parties, "bravo").proposals[0].not_answered == ["bravo"]
    assert not any("is not on record" in line for line in parties.board("alfa").faults)


def track_leaves(parties, party):
    return next(lane.own_size for lane in parties.board(party).peers[0].lanes if lane.lane == "track")


def test_when_only_safety_of_life_is_left_reports_stop_and_warnings_go_on():
    parties = at_the_line()
    do(parties, "bravo", Narrow(to="safety_of_life", note="Until Tuesday."))
    meet(parties)
    parties.run(60.0)
    assert parties.board("alfa").alerts
    assert parties.board("bravo").alerts
    with pytest.raises(OrderRefused, match="reports do not flow"):
        do(parties, "alfa", Share(
            title="x", words="x", kind="x", about="general", observed_ms=1, valid_until_ms=10**13, originator="alfa",
        ), INT)  # fmt: skip


def test_when_it_is_suspended_no_track_crosses_and_the_hotline_stays_open():
    parties = at_the_line()
    do(parties, "bravo", Narrow(to="suspended", note="Until Tuesday."))
    parties.run(2.0)
    before = [track_leaves(parties, party) for party in ("alfa", "bravo")]
    meet(parties)
    parties.run(30.0)
    assert [track_leaves(parties, party) for party in ("alfa", "bravo")] == before
    parties.order("alfa", SendText("bravo", "watch", "O", "Your aircraft, our line"))
    parties.run(1.0)
    assert parties.board("bravo").messages[0].text == "Your aircraft, our line"


def test_r11_an_incident_opens_by_itself_when_separation_is_lost_once_for_both_nodes_and_takes_both_accounts():
    parties = at_the_line()
    meet(parties, 10.0, 60.0)
    parties.run(40.0)
    for party in ("alfa", "bravo"):
        (incident,) = view(parties, party).incidents
        assert incident.title == "Separation lost"
    for party in ("alfa", "bravo"):
        do(parties, party, Account(incident=incident.incident, words=f"As {party} saw it."), Role.DUTY_OFFICER)
        parties.run(1.0)
    halves = {
        half.party: [words for _, _, words in half.accounts] for half in view(parties, "alfa").incidents[0].halves
    }
    assert halves == {"alfa": ["As alfa saw it."], "bravo": ["As bravo saw it."]}


@pytest.mark.parametrize("delay_s", [0.01, 12.0])
def test_one_event_opens_one_incident_however_long_a_word_is_on_its_way(delay_s):
    # Twelve seconds of the nodes' time are what 0.6 s on the line is when they run twenty times as fast.
    parties = at_the_line()
    for party in ("alfa", "bravo"):
        parties.plots(party, plots_of(*head_on(24.0), seconds=150.0, start=parties.now))
    parties.run(20.0)
    parties.slow_down(delay_s)
    parties.run(130.0)
    for party in ("alfa", "bravo"):
        assert [row.title for row in view(parties, party).incidents] == ["Separation lost"]


def test_the_other_opens_it_when_the_first_does_not():
    parties = at_the_line()
    for party in ("alfa", "bravo"):
        parties.plots(party, plots_of(*head_on(24.0), seconds=200.0, start=parties.now))
    parties.run(60.0)
    parties.cut("alfa", "bravo")
    parties.run(24.0)
    assert view(parties, "bravo").incidents == []
    assert view(parties, "alfa").incidents != []
    parties.run(30.0)
    assert [row.title for row in view(parties, "bravo").incidents] == ["Separation lost"]


def test_r09_three_at_a_table_hear_the_same_and_a_pair_s_cut_holds_nobody_else_up():
    parties = three()
    parties.cut("alfa", "charlie")
    name = do(parties, "alfa", OpenDifference(title="A", words="Ours."), table="all")
    parties.run(2.0)
    assert [row.difference for row in view(parties, "bravo", "all").differences] == [name]
    assert view(parties, "charlie", "all").differences == []
    do(parties, "bravo", OpenDifference(title="B", words="Theirs."), table="all")
    parties.run(2.0)
    assert view(parties, "charlie", "all").brief.waiting == 1  # Bravo's builds on Alfa's, which has not come yet
    parties.heal()
    parties.run(10.0)
    digests = {view(parties, party, "all").brief.digest for party in ("alfa", "bravo", "charlie")}
    assert len(digests) == 1
    assert view(parties, "charlie", "all").brief.waiting == 0


@pytest.mark.parametrize("seed", range(6))
def test_random_orders_over_cuts_and_restarts_leave_the_same_table_everywhere(seed):
    chance = random.Random(seed)
    parties = three()
    names = ("alfa", "bravo", "charlie")
    for step in range(40):
        party = chance.choice(names)
        kind = chance.random()
        if kind < 0.1:
            parties.cut(*chance.sample(names, 2))
        elif kind < 0.15:
            parties.restart(party)
        elif kind < 0.2:
            parties.heal()
        else:
            act = chance.choice(
                [
                    TableProposal(title=f"Of step {step}", version=TEXT),
                    SettleDetail(proposal="alfa-1", number=1, detail="levels", stance="agreed"),
                    OpenDifference(title="x", words="y"),
                ]
            )
            with suppress(OrderRefused):  # a wrong seat, or a proposal that has not come yet
                do(parties, party, act, chance.choice([MIL, FS, INT]), table="all")
        parties.run(chance.random() * 3.0)
    parties.heal()
    parties.run(20.0)
    views = [view(parties, party, "all") for party in names]
    assert len({v.brief.digest for v in views}) == 1
    assert views[0].proposals == views[1].proposals == views[2].proposals
    assert views[0].differences == views[1].differences == views[2].differences
    assert [v.refusals for v in views].count(views[0].refusals) == 3


def test_an_order_at_a_table_where_we_do_not_sit_is_refused():
    parties = at_the_line()
    with pytest.raises(OrderRefused, match="sits at no table 'tea'"):
        do(parties, "alfa", OpenDifference(title="x", words="y"), table="tea")
    assert view(parties, "alfa").differences == []
