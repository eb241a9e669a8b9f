"""What the mission asks, R1 to R16, as its users see it: through the API of two, then three, running nodes.

Each test is one row of docs/requirements.md and stands alone; they share the nodes. Every test flies its own aircraft at
a place of its own and names what it puts on a table after itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import msgspec
import pytest

from acceptance.nodes import Node, both_see, half, heard, in_line, names_of, now_ms, until
from acceptance.staging import CHARTER, charters, configure, quoted, reconstruction, start, two_airliners
from detente.client import Refused, asking
from detente.client.asking import Ask
from detente.coordination import activity_acts, arrangement, ceasefire, decisions, incidents, ledger, proposals, reports
from detente.coordination.plan import Circle, Kind, Plan, PressureLevels, Volume
from detente.desk.orders import Acknowledge, AcknowledgeMessage, SendCode, SendText
from detente.errors import ConfigError
from detente.picture.picture import Mark, Reason
from flights import Flight

NOBODY = 255


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, Node]]:
    """Alfa and Bravo: paired, linked, each with a sensor and a console that somebody looks at."""
    folder = tmp_path_factory.mktemp("parties")
    with ExitStack() as stack:
        alfa, bravo = (Node(folder, party) for party in ("alfa", "bravo"))
        for node in (alfa, bravo):
            stack.callback(node.close)
        alfa.pair(bravo)
        bravo.pair(alfa)
        made = charters(folder)
        for node, peer in ((alfa, bravo), (bravo, alfa)):
            configure(node, [peer], [made["line"], made["politics"]])
        start(alfa)  # alone: on a first run it compiles the kernels for both
        start(bravo)
        until_linked(alfa, bravo)
        yield alfa, bravo


@pytest.fixture(scope="module")
def three(two: tuple[Node, Node], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, Node, Node]]:
    """The same two, and Charlie, who joins by pairing, a `[[peer]]` block and a charter: files, and no code."""
    alfa, bravo = two
    folder = alfa.folder.parent
    made = charters(folder)
    charlie = Node(folder, "charlie")
    try:
        for node in (alfa, bravo):
            node.pair(charlie)
            charlie.pair(node)
        reconstruction(charlie.folder / "reconstruction.csv", before_s=110.0, after_s=16.0)
        two_airliners(charlie.folder / "paris.csv")
        both = [made["line"], made["politics"], made["three"]]
        alfa.stop()
        bravo.stop()
        configure(alfa, [bravo, charlie], both)
        configure(bravo, [alfa, charlie], both)
        configure(charlie, [alfa, bravo], [made["three"]], ("reconstruction", "paris"))
        start(alfa, bravo, charlie)
        for node, peer in ((alfa, bravo), (alfa, charlie), (bravo, charlie)):
            until_linked(node, peer)
        yield alfa, bravo, charlie
    finally:
        charlie.close()


def until_linked(node: Node, peer: Node) -> None:
    until(f"{node.party} and {peer.party} are linked", lambda: node.peer(peer.party).state == "UP")
    until(f"{peer.party} and {node.party} are linked", lambda: peer.peer(node.party).state == "UP")


def refusal_of(sitting, order) -> str:
    with pytest.raises(Refused) as refused:
        sitting.give(order)
    return refused.value.problem.code


# --- R1: one node a party, no shared owner of the record, no third party needed


def test_r01_one_node_stops_the_other_works_on_and_both_records_are_equal_when_it_returns(two):
    alfa, bravo = two
    before = bravo.hotline("alfa", "Said before the stop.")
    until("alfa holds it", lambda: alfa.message(before))
    bravo.stop()
    until("alfa shows that the line is down", lambda: alfa.peer("bravo").state == "DOWN")

    one = Flight("4b0101", 41.0, 30.0, alt_ft=20_000.0, trk_deg=90.0, gs_kt=300.0)
    alfa.sensor.fly("ALF011", one)
    alfa.sensor.fly("ALF012", replace(in_line(one, 12.0), identity="4b0102"))
    until("alfa is warned all the same", lambda: alfa.alert("conflict", "ALF011", "ALF012"))
    alone = alfa.hotline("bravo", "Said while you were away.")
    until("it is on record", lambda: (row := alfa.message(alone)) and row.recorded)
    assert half(alfa.message(alone), "bravo").held_at_ms is None
    entry = alfa.foreign_service.say(
        "line", ledger.NoteConduct(when_ms=now_ms(-60), words="Bravo's node was away.", said_by="Alfa's watch")
    )
    alfa.sensor.land("ALF011", "ALF012")

    bravo.start()
    bravo.until_up()
    until_linked(alfa, bravo)
    until("bravo has what was said meanwhile", lambda: bravo.message(alone))
    until("alfa knows that", lambda: half(alfa.message(alone), "bravo").held_at_ms)
    until("and what was done at the table", lambda: entry in {row.entry for row in bravo.view("line").timeline})
    assert bravo.message(before)
    until("both records are equal", lambda: records_equal(alfa, bravo))
    for log in alfa.logs(bravo):
        if "/track/" not in log:  # which goes on once a second
            assert alfa.leaves(log) == bravo.leaves(log)


def records_equal(alfa: Node, bravo: Node) -> bool:
    ours = alfa.logs(bravo)
    return bool(ours) and ours == bravo.logs(alfa)


# --- R2: sharing of real-time intelligence


def test_r02_tracks_and_reports_cross_within_a_measured_latency_a_stale_one_is_marked_and_a_withheld_one_cannot(
    two, record_property
):
    alfa, bravo = two
    began = time.time()
    bravo.sensor.fly("BRV021", Flight("4b0201", 41.0, 31.0, gs_kt=240.0))
    bravo.sensor.fly("NTB022", Flight("4b0202", 41.5, 31.0, gs_kt=240.0))  # of which nobody says that it is theirs
    until("bravo's flight is on alfa's map", lambda: alfa.track("BRV021"))
    until("bravo's own sensor has the other", lambda: bravo.track("NTB022"))
    latency_s = alfa.console.ever["BRV021"] - bravo.console.ever["BRV021"]
    print(f"from one map to the other: {latency_s:.2f} s")
    assert latency_s < 15.0  # a frame a second; a machine with other work is given more
    assert alfa.console.ever["BRV021"] - began < 30.0
    seen = alfa.track("BRV021")
    assert alfa.board.parties[seen.declared_by]["id"] == alfa.board.parties[seen.party]["id"] == "bravo"

    until("bravo's desk counts what it withholds", lambda: bravo.peer("alfa").withheld)
    [told] = [row for row in bravo.duty_officer.ask(asking.release()) if row.party == "alfa"]
    assert told.withheld.keys() == bravo.peer("alfa").withheld.keys()
    bravo.sensor.land("BRV021")
    until("what is not heard any more is marked", lambda: (row := alfa.track("BRV021")) and row.marks & Mark.STALE)
    bravo.sensor.land("NTB022")
    assert "NTB022" not in alfa.console.ever

    report = bravo.intelligence.say("line", item("Balloons adrift", valid_until_ms=now_ms(6)))
    rows = both_see("the report", two, lambda node: report_at(node, "line", report))
    for row in rows:
        assert (row.originator, row.grades["bravo"][0], row.tlp) == ("bravo", "B3", "amber_strict")
        assert row.observed_ms < row.shared_at_ms < row.valid_until_ms
    assert not rows[1].stale
    both_see("past its time it is stale", two, lambda node: report_at(node, "line", report).stale)
    point = msgspec.to_builtins(item("A point")) | {"point": {"latitude_e4": 410_000, "longitude_e4": 310_000}}
    assert bravo.intelligence.refusal("line", point) == "unreadable"  # the schema has no place for it


def item(title: str, originator: str = "bravo", valid_until_ms: int = 0, **more) -> reports.Share:
    return reports.Share(
        title=title,
        words="Made up for this test.",
        kind="balloon",
        about="others",
        observed_ms=now_ms(-60),
        valid_until_ms=valid_until_ms or now_ms(3600),
        originator=originator,
        grade=reports.Grade(source="B", item="3"),
        area=(410, 310),
        **more,
    )


def report_at(node: Node, table: str, name: str):
    return next((row for row in node.view(table).reports if row.report == name), None)


# --- R3: real-time communication between the leaders and the military officials


def test_r03_an_unanswered_flash_climbs_to_the_leader_and_both_logs_agree_on_who_read_it_when(two):
    alfa, bravo = two
    warning = SendCode(
        to="alfa",
        line="watch",
        code="W02",
        params={"track": "ALF031", "pos": "41N 032E", "min": "1"},
        reason="incursion",
    )
    name = bravo.duty_officer.give(warning).message
    both_see("the FLASH", two, lambda node: node.message(name))
    assert alfa.message(name).rendered.keys() == {"en", "tr", "ru"}
    for node in two:
        until("each line is tested", lambda node=node: all(line_tests(node)))
    # Nobody acknowledges: on both sides it climbs, and stands as not answered in both records.
    climbed = both_see("the leaders are told", two, lambda node: (row := node.message(name)).rung == 5 and row)
    for row in climbed:
        told = half(row, "alfa")
        assert told.held_at_ms
        assert told.acknowledged_at_ms is None
    both_see("not answered", two, lambda node: node.message(name).outcome == "not_answered")
    until("displayed is not read", lambda: half(bravo.message(name), "alfa").displayed_at_ms)

    alfa.leader.give(AcknowledgeMessage(name))
    read = both_see(
        "who read it", two, lambda node: half(node.message(name), "alfa").acknowledged_at_ms and node.message(name)
    )
    ours, theirs = (half(row, "alfa") for row in read)
    assert ours.acknowledged_by == theirs.acknowledged_by == "leader"
    assert (ours.acknowledged_at_ms, ours.displayed_at_ms) == (theirs.acknowledged_at_ms, theirs.displayed_at_ms)
    # A line for each pair of counterparts; nobody speaks on another's.
    for role in ("military", "intelligence", "foreign_service", "leader"):
        said = getattr(alfa, role).give(SendText("bravo", role, "R", f"From one {role} to the other.")).message
        until(f"the line of the {role}", lambda said=said: bravo.message(said))
    assert refusal_of(alfa.military, SendText("bravo", "leader", "R", "Not my line.")) == "wrong_seat"


def line_tests(node: Node) -> list[int | None]:
    [row] = [row for row in node.board.peers if row.party in {"alfa", "bravo"}]
    return [row.line_test_own_at_ms, row.line_test_held_at_ms, row.line_test_their_at_ms]


# --- R4: three seats a party


def test_r04_a_fourth_seat_and_an_act_by_the_wrong_seat_are_refused(two, tmp_path):
    alfa, bravo = two
    with pytest.raises(Refused) as refused:
        alfa.sit("adviser")
    assert refused.value.problem.code == "not_allowed"
    signers = tmp_path / "four.toml"
    signers.write_text(
        CHARTER.format(table="four", title="Four", members=quoted(["alfa", "bravo"]), topic="x", governs="false")
        + 'signers = ["military", "foreign_service", "leader"]\n'
    )
    with pytest.raises(ConfigError, match="there is no fourth"):
        alfa.check_table(signers)

    before = bravo.view("line").brief.statements
    answer_to_all = decisions.Assign(summit="alfa-1", decision="x", seat="military", due_ms=now_ms(3600))
    assert alfa.military.refusal("line", answer_to_all) == "wrong_seat"
    assert alfa.foreign_service.refusal("line", item("Not theirs", "alfa")) == "wrong_seat"
    assert alfa.operator.refusal("line", arrangement.Narrow(to="suspended", note="Not theirs.")) == "wrong_seat"
    matrix = alfa.duty_officer.ask(asking.powers())
    binding = {seat for row in matrix if row.commitment for seat in row.seats}
    assert binding <= {"military", "intelligence", "foreign_service", "leader"}
    assert bravo.view("line").brief.statements == before


# --- R5: responsible for implementing the decisions of the summit


def test_r05_implemented_is_impossible_on_one_sides_word_and_a_dispute_stays_visible(two):
    alfa, bravo = two
    summit = alfa.foreign_service.say(
        "line",
        decisions.RecordSummit(
            title="The leaders' meeting",
            held_ms=now_ms(-86_400),
            place="A town on the line",
            decisions=(decisions.Decided(key="corridor", text="Each side marks its part of a corridor."),),
        ),
    )
    until("bravo has it", lambda: decision_at(bravo, summit))
    bravo.leader.say("line", decisions.Adopt(summit=summit))
    both_see("it is adopted", two, lambda node: "bravo" in summit_at(node, summit).adopted_by)
    for node in two:
        node.foreign_service.say(
            "line", decisions.Assign(summit=summit, decision="corridor", seat="military", due_ms=now_ms(86_400))
        )
    done = decisions.ClaimDone(summit=summit, decision="corridor", words="All of ours is marked.", evidence=("A map.",))
    bravo.military.say("line", done)
    both_see("claimed is not done", two, lambda node: part_at(node, summit, "bravo").state == "claimed_done")
    own = decisions.Confirm(summit=summit, decision="corridor", party="bravo")
    assert bravo.foreign_service.refusal("line", own) == "own_part"

    alfa.foreign_service.say(
        "line", decisions.Dispute(summit=summit, decision="corridor", party="bravo", reason="The last mile is not.")
    )
    both_see("disputed", two, lambda node: part_at(node, summit, "bravo").state == "disputed")
    again = msgspec.structs.replace(done, words="All of ours is marked, I say.")
    bravo.military.say("line", again)
    for part in both_see(
        "said again",
        two,
        lambda node: (found := part_at(node, summit, "bravo")).claim == again.words and found,
    ):
        assert (part.state, part.disputed_by) == ("disputed", {"alfa": "The last mile is not."})
    alfa.foreign_service.say("line", own)
    both_see("confirmed by the other", two, lambda node: part_at(node, summit, "bravo").state == "confirmed")
    assert [decision_at(node, summit).closed for node in two] == [False, False]  # alfa's own part is open
    alfa.military.say("line", done)
    until("bravo has it", lambda: part_at(bravo, summit, "alfa").state == "claimed_done")
    bravo.foreign_service.say("line", decisions.Confirm(summit=summit, decision="corridor", party="alfa"))
    both_see("closed by every party's word", two, lambda node: decision_at(node, summit).closed)


def summit_at(node: Node, name: str):
    return next((row for row in node.view("line").summits if row.summit == name), None)


def decision_at(node: Node, summit: str):
    found = summit_at(node, summit)
    return found and found.decisions[0]


def part_at(node: Node, summit: str, party: str):
    return next(part for part in decision_at(node, summit).parts if part.party == party)


# --- R6: on the table


def test_r06_silence_never_becomes_acceptance_and_nothing_activates_while_a_required_detail_is_open(two):
    alfa, bravo = two
    version = proposals.Version(
        text="Search flights on Tuesdays.",
        details=(
            proposals.Detail(key="levels", title="Levels"),
            proposals.Detail(key="press", title="A word to the press", required=False),
        ),
    )
    name = alfa.foreign_service.say(
        "line", proposals.TableProposal(title="R6: search flights", version=version, answer_by_ms=now_ms(4))
    )
    short = alfa.foreign_service.say(
        "line", proposals.TableProposal(title="R6: soon over", version=version, expires_at_ms=now_ms(4))
    )
    both_see("it is on the table", two, lambda node: proposal_at(node, name))
    sign = proposals.Sign(proposal=name, number=1, digest=version.digest)
    assert [node.military.refusal("line", sign) for node in two] == ["details_open", "details_open"]
    for row in both_see(
        "silence is on record", two, lambda node: (found := proposal_at(node, name)).not_answered and found
    ):
        assert (row.state, row.not_answered, row.signatures, row.bound_at_ms) == ("tabled", ["bravo"], [], None)
    both_see("it has expired", two, lambda node: proposal_at(node, short).state == "expired")

    for node in two:
        assert node.military.refusal("line", sign) == "details_open"  # one side's word settles no detail
        node.military.say("line", proposals.SettleDetail(proposal=name, number=1, detail="levels", stance="agreed"))
    both_see("the detail is agreed", two, lambda node: proposal_at(node, name).details[0].stance == "agreed")
    sign_by_all(two, name, version, last=bravo.foreign_service)


def sign_by_all(two, name: str, version: proposals.Version, last, number: int = 1) -> None:
    sign = proposals.Sign(proposal=name, number=number, digest=version.digest)
    sittings = [getattr(node, role) for node in two for role in ("military", "foreign_service")]
    for sitting in sittings:
        if sitting is not last:
            sitting.say("line", sign)
    both_see(
        "three of four have signed",
        two,
        lambda node: sum(one.holds for one in proposal_at(node, name).signatures) == len(sittings) - 1,
    )
    assert {proposal_at(node, name).state for node in two} == {"under_discussion"}
    last.say("line", sign)
    both_see("in force", two, lambda node: proposal_at(node, name).state == "in_force")


def proposal_at(node: Node, name: str):
    return next((row for row in node.view("line").proposals if row.proposal == name), None)


# --- R7: joint operations


def test_r07_a_change_by_one_side_unsigns_the_other_and_leaving_the_volume_raises_an_alert(two):
    alfa, bravo = two
    volume = Volume(
        outline=Circle((410_000_000, 330_000_000), 1_000_000),
        levels=PressureLevels(5_000, 15_000),
        start_ms=now_ms(-60),
        end_ms=now_ms(3600),
    )
    first = Plan(kind=Kind.JOINT_OPERATION, title="Search", volumes=(volume,), callsigns=("ALF071",))
    version = proposals.Version(text="We search together.", activities=(first,))
    name = alfa.military.say("line", proposals.TableProposal(title="R7: a search", version=version))
    both_see("it is on the table", two, lambda node: proposal_at(node, name))
    sign_by_all(two, name, version, last=bravo.foreign_service)
    joint = f"{name}.1"
    both_see("agreed, it is an activity", two, lambda node: activity_at(node, joint).state == "accepted")

    plan = msgspec.structs.replace(first, title="Search, by day")
    changed = proposals.Version(text="We search together, by day.", activities=(plan,))
    bravo.foreign_service.say("line", proposals.Counter(proposal=name, after=1, version=changed))
    for row in both_see("un-signed", two, lambda node: len((found := proposal_at(node, name)).versions) == 2 and found):
        assert row.state == "under_discussion"
        assert not any(one.holds for one in row.signatures)
    begin = activity_acts.Activate(activity=joint, digest=plan.digest)
    assert alfa.duty_officer.refusal("line", msgspec.structs.replace(begin, digest=first.digest)) == "not_in_force"
    assert {activity_at(node, joint).state for node in two} == {"unsigned"}

    sign_by_all(two, name, changed, last=alfa.military, number=2)
    # Three kilometres from the edge, eastwards.
    start_at = Flight("4b0701", 41.0, 33.0833, alt_ft=10_000.0, trk_deg=90.0, gs_kt=400.0)
    alfa.sensor.fly("ALF071", start_at)
    both_see("the aircraft", two, lambda node: node.track("ALF071"))
    alfa.duty_officer.say("line", begin)
    for row in both_see("both are alerted", two, lambda node: node.alert("conformance", "ALF071")):
        assert row.zone == f"line/{joint}"
    both_see("it has left its volume", two, lambda node: activity_at(node, joint).state == "nonconforming")
    alfa.sensor.land("ALF071")


def activity_at(node: Node, name: str):
    return next(row for row in node.view("line").activities if row.activity == name)


# --- R8: prevent incidents such as the plane crisis


def test_r08_the_reconstruction_and_real_traffic_warn_both_sides_before_it_happens_with_the_lead_shown(
    three, record_property
):
    alfa, _, charlie = three
    both = (alfa, charlie)
    for kind, labels, least_s in (("incursion", ("RECON2",), 45.0), ("conflict", ("AFR9455", "AFR16NN"), 5.0)):
        rows = both_see(
            f"{kind} of {labels}",
            both,
            lambda node, kind=kind, labels=labels: first_seen(node, kind, labels),
            within_s=150.0,
        )
        for node, row in zip(both, rows, strict=True):
            lead_s = (row.event_at_ms - half(row, node.party).displayed_at_ms) / 1000
            print(f"{node.party}: {kind} shown {lead_s:.1f} s before")
            assert lead_s >= least_s
    [zone] = {row.zone for node in both if (row := node.alert("incursion", "RECON2"))}
    assert "alfa-line" in zone


def first_seen(node: Node, kind: str, labels: tuple[str, ...]):
    """Return the alert once it is painted at that party's own console."""
    row = node.alert(kind, *labels)
    return row if row and half(row, node.party).displayed_at_ms and row.event_at_ms else None


# --- R9: many countries are engaged


def test_r09_a_third_party_is_added_by_files_alone_and_a_track_nobody_declares_is_unknown(three):
    alfa, bravo, charlie = three
    assert {row.party for row in alfa.board.peers} == {"bravo", "charlie"}
    entry = charlie.foreign_service.say(
        "three", ledger.NoteConduct(when_ms=now_ms(-60), words="Charlie has joined.", said_by="Charlie")
    )
    both_see("it stands at all three", three, lambda node: entry in {row.entry for row in node.view("three").timeline})
    assert len({node.view("three").charter for node in three}) == 1
    assert {brief.table for brief in charlie.duty_officer.ask(asking.tables())} == {"three"}  # and no table of the two
    said = charlie.hotline("alfa", "Good morning.")
    until("the hotline of the new pair", lambda: alfa.message(said))
    assert bravo.message(said) is None  # two parties' words are theirs

    for node in (alfa, charlie):
        node.sensor.fly("XYZ091", Flight("4b0901", 41.0, 35.0, gs_kt=240.0))
    for track in both_see("the stranger", (alfa, charlie), lambda node: node.track("XYZ091")):
        assert track.declared_by == NOBODY
    for node in (alfa, charlie):
        node.sensor.land("XYZ091")
    schema = str(alfa.duty_officer.ask(Ask("GET", "/api/openapi.json", dict))).lower()
    assert not [word for word in ("friendly", "hostile", "enemy", "friend or foe") if word in schema]


# --- R10: there could be mistakes


def test_r10_bad_data_are_counted_with_the_reason_and_shown_as_not_assessed(two):
    alfa, _ = two
    good = Flight("4b1001", 41.0, 36.0, alt_ft=12_000.0, gs_kt=240.0)
    alfa.sensor.fly("ALF101", good)
    blind = heard("ALF102", Flight("4b1002", 42.0, 36.0, gs_kt=240.0)).split(",")
    blind[11] = ""  # no altitude
    until("a good one is assessed", lambda: (row := alfa.track("ALF101")) and row.not_assessed is Reason.NONE)
    before = dict(alfa.feed("radar").rejected)
    for line in (
        "MSG,3,no line of a receiver",
        heard("ALF103", replace(good, identity="4b1003"), late_s=-60.0),  # a clock that is ahead
        heard("ALF104", replace(good, identity="4b1004"), late_s=300.0),  # one that is behind
        heard("ALF105", replace(good, identity="4b1005", alt_ft=99_000.0)),
        heard("ALF106", replace(good, identity="4b1006", gs_kt=3_000.0)),
        heard("ALF107", replace(good, identity="4b1007", lat_deg=95.0)),
    ):
        alfa.sensor.send(line)
    sent_s = [0.0]

    def all_counted() -> bool:
        # The same aircraft, 180 NM away a second later; said again, for its own next plot may overtake it.
        if time.monotonic() - sent_s[0] > 3.0:
            sent_s[0] = time.monotonic()
            alfa.sensor.send(heard("ALF101", replace(good, lat_deg=44.0)))
        return wanted <= counted(alfa, before).keys()

    wanted = {"malformed", "future", "stale", "altitude_outlier", "impossible_speed", "out_of_range", "teleport"}
    until(f"each is counted: {wanted}", all_counted)
    for _ in range(3):
        alfa.sensor.send(",".join(blind))
        time.sleep(1.0)
    until("not assessed, and why", lambda: (row := alfa.track("ALF101")) and row.not_assessed is Reason.TELEPORT)
    until(
        "so is what has no altitude", lambda: (row := alfa.track("ALF102")) and row.not_assessed is Reason.NO_ALTITUDE
    )
    until("the desk counts them", lambda: {"teleport", "no_altitude"} <= alfa.board.counts.not_assessed_why.keys())
    assert alfa.board.counts.not_assessed >= 2
    assert alfa.feed("radar").state == "up"
    until("the log says why", lambda: wanted <= {line["why"] for line in alfa.logged("plots refused")})
    alfa.sensor.land("ALF101")


def counted(node: Node, before: dict[str, int]) -> dict[str, int]:
    return {why: n for why, n in node.feed("radar").rejected.items() if n > before.get(why, 0)}


# --- R11: incident records with each side's account


def test_r11_two_accounts_stand_side_by_side_and_neither_side_can_delete_the_others(two):
    alfa, bravo = two
    name = alfa.duty_officer.say(
        "line", incidents.OpenIncident(title="A helicopter is missing", happened_ms=now_ms(-60))
    )
    both_see("the incident", two, lambda node: incident_at(node, name))
    told = {"alfa": "It was on our side.", "bravo": "It was on ours."}
    for node in two:
        node.military.say("line", incidents.Account(incident=name, words=told[node.party]))
    message = alfa.hotline("bravo", "We look for it.")
    alfa.military.say("line", incidents.Attach(incident=name, evidence=(message,)))
    both_see("both accounts", two, lambda node: len(accounts_at(node, name)) == 2 and incident_at(node, name).evidence)
    bravo.military.say("line", incidents.Account(incident=name, words="It was on ours; the map is attached."))
    both_see("a further word of bravo's", two, lambda node: len(accounts_at(node, name)["bravo"]) == 2)
    for node in two:
        assert accounts_at(node, name)["alfa"] == [told["alfa"]]
        assert accounts_at(node, name)["bravo"][0] == told["bravo"]
        node.foreign_service.say(
            "line",
            incidents.FindIncident(
                incident=name, finding="agreed" if node is alfa else "not_agreed", words="As we have said."
            ),
        )
    both_see("one side's finding is none of both", two, lambda node: incident_at(node, name).status == "disputed")
    # No order takes anything back from the record, one's own or another's.
    for act in ("incident.delete", "incident.withdraw", "incident.close"):
        body = msgspec.json.encode({"order": "at_table", "table": "line", "act": {"act": act, "incident": name}})
        ask = Ask("POST", "/api/orders", dict, body=body, headers={"content-type": "application/json"})
        with pytest.raises(Refused) as refused:
            bravo.military.ask(ask)
        assert refused.value.problem.code == "unreadable"


def incident_at(node: Node, name: str):
    return next((row for row in node.view("line").incidents if row.incident == name), None)


def accounts_at(node: Node, name: str) -> dict[str, list[str]]:
    rows = incident_at(node, name).halves
    return {row.party: [words for _, _, words in row.accounts] for row in rows if row.accounts}


# --- R12: so-called temporary ceasefire


def test_r12_a_claim_stays_alleged_until_both_sides_find_it_so(two):
    alfa, bravo = two
    terms = alfa.foreign_service.say(
        "line",
        ceasefire.Terms(
            title="Quiet along the line", area=((410, 380),), from_ms=now_ms(-3600), prohibited=("Any firing.",)
        ),
    )
    until("bravo has them", lambda: [row for row in bravo.view("line").ceasefires if row.terms == terms])
    bravo.foreign_service.say("line", ceasefire.AgreeTerms(terms=terms))
    claim = alfa.military.say(
        "line",
        ceasefire.Claim(
            terms=terms,
            category="explosion_undetermined",
            observed_ms=now_ms(-600),
            observer="A post",
            sense="heard",
            confidence="low",
            area=(410, 380),
            words="Two explosions were heard.",
        ),
    )
    for row in both_see("the claim", two, lambda node: claim_at(node, claim)):
        assert row.state == "alleged"
    bravo.military.say("line", ceasefire.Reply(claim=claim, stance="denies", words="Not from our side."))
    both_see("answered", two, lambda node: claim_at(node, claim).state == "alleged_and_answered")
    found = ceasefire.Find(claim=claim, finding="agreed", grade="minor", words="It was so.")
    alfa.foreign_service.say("line", found)
    for row in both_see(
        "one side finds it so", two, lambda node: "alfa" in claim_at(node, claim).findings and claim_at(node, claim)
    ):
        assert (row.state, row.joint) == ("alleged_and_answered", None)
    bravo.foreign_service.say("line", found)
    for row in both_see(
        "both find it so", two, lambda node: claim_at(node, claim).state == "found" and claim_at(node, claim)
    ):
        assert row.joint == "agreed"


def claim_at(node: Node, name: str):
    return next((row for terms in node.view("line").ceasefires for row in terms.claims if row.claim == name), None)


# --- R13: views are still very different


def test_r13_a_stalled_political_track_does_not_close_the_safety_channel(two):
    alfa, bravo = two
    name = bravo.foreign_service.say(
        "politics", ledger.OpenDifference(title="The future of the valley", words="It is ours.")
    )
    until("alfa has it", lambda: alfa.view("politics").differences)
    alfa.foreign_service.say("politics", ledger.Word(difference=name, words="It is not."))
    bravo.leader.say("politics", arrangement.Narrow(to="suspended", note="There is nothing to talk about."))
    for view in both_see(
        "the talks stand still",
        two,
        lambda node: (found := node.view("politics")).arrangement.state == "suspended" and found,
    ):
        assert view.differences[0].stands
    more = ledger.Word(difference=name, words="And yet.")
    assert alfa.foreign_service.refusal("politics", more) == "arrangement"
    both_see("each side's words", two, lambda node: len(node.view("politics").differences[0].words) == 2)

    # Safety of flight is another table, and goes on: tracks, warnings, the hotline, reports, talks about it.
    assert {node.view("line").arrangement.state for node in two} == {"in_force"}
    one = Flight("4b1301", 41.0, 39.0, alt_ft=20_000.0, trk_deg=90.0, gs_kt=300.0)
    alfa.sensor.fly("ALF131", one)
    bravo.sensor.fly("BRV132", replace(in_line(one, 12.0), identity="4b1302"))
    for row in both_see("both are warned", two, lambda node: node.alert("conflict", "ALF131", "BRV132")):
        assert names_of(row) == {"ALF131", "BRV132"}
    alfa.sensor.land("ALF131")
    bravo.sensor.land("BRV132")
    for node in two:
        node.operator.give(Acknowledge(node.alert("conflict", "ALF131", "BRV132").alert))
    said = bravo.hotline("alfa", "This line stays open.")
    until("the hotline", lambda: alfa.message(said))
    shared = bravo.intelligence.say("line", item("Fog"))
    until("a report", lambda: report_at(alfa, "line", shared))


# --- R14: rhetoric and what is done


def test_r14_changed_words_stand_beside_unchanged_conduct_and_the_software_gives_no_verdict(two):
    alfa, bravo = two
    first, second = (
        alfa.foreign_service.say(
            "line",
            ledger.NoteStatement(
                speaker="Bravo's minister",
                said_ms=now_ms(-days * 86_400),
                words=words,
                hedge=hedge,
                outlet="A newspaper",
            ),
        )
        for days, words, hedge in ((9, "We shall never withdraw.", "stated"), (2, "We mean to withdraw.", "recalled"))
    )
    between, after = (
        bravo.military.say(
            "line",
            ledger.NoteConduct(when_ms=now_ms(-days * 86_400), words="The posts are manned.", said_by="A mission"),
        )
        for days in (8, 1)
    )
    wanted = [first, between, second, after]
    for node in two:
        until("all four", lambda node=node: set(wanted) <= {row.entry for row in node.view("line").timeline})
        rows = [row for row in node.view("line").timeline if row.entry in wanted]
        assert [row.entry for row in rows] == wanted  # in the order in which it was, whoever wrote it down
        assert [row.kind for row in rows] == ["statement", "conduct", "statement", "conduct"]
        assert [row.hedge for row in rows] == ["stated", "reported", "recalled", "reported"]
        assert (rows[0].who, rows[0].outlet, rows[0].quoted) == ("Bravo's minister", "A newspaper", False)
        judging = {"verdict", "true", "false", "lie", "score", "truth", "credible", "kept", "broken"}
        assert not judging & set(rows[0].__struct_fields__)
    bravo.foreign_service.say("line", ledger.Comment(entry=second, words="We said: in time."))
    alfa.foreign_service.say("line", ledger.Comment(entry=second, words="Nothing has moved."))
    both_see(
        "two readings", two, lambda node: {party for party, _ in entry_at(node, second).comments} == {"alfa", "bravo"}
    )


def entry_at(node: Node, name: str):
    return next((row for row in node.view("line").timeline if row.entry == name), None)


# --- R15: an item without its source filled in


def test_r15_a_missing_source_is_shown_as_missing(two):
    alfa, _ = two
    news = alfa.intelligence.say(
        "line",
        item(
            "A news item",
            "alfa",
            provenance=(
                reports.Link(part="speaker", name="A spokesman", at_ms=now_ms(-86_400)),
                reports.Link(part="outlet"),
                reports.Link(part="republisher", name="A research centre"),
            ),
        ),
    )
    for row in both_see("the report", two, lambda node: report_at(node, "line", news)):
        assert row.missing == ["outlet"]
        assert [name for _, name, _ in row.provenance] == ["A spokesman", None, "A research centre"]
    said = alfa.foreign_service.say(
        "line", ledger.NoteConduct(when_ms=now_ms(-86_400), words="Flights are believed halted.", hedge="believed")
    )
    for row in both_see("the entry", two, lambda node: entry_at(node, said)):
        assert (row.who, row.missing) == (None, ["who says so"])


# --- R16: third parties' material


def test_r16_an_item_of_another_originator_is_blocked_until_that_originator_consents(three):
    alfa, bravo, charlie = three
    theirs = item("Of Charlie's origin", "charlie", material="c-7")
    assert alfa.intelligence.refusal("three", theirs) == "consent"
    ask = reports.Ask(originator="charlie", material="c-7", words="May Bravo have this?")
    alfa.intelligence.say("three", ask)
    both_see("it is asked", three, lambda node: consent_at(node, "c-7") == "asked")
    assert alfa.intelligence.refusal("three", theirs) == "consent"
    answer = reports.Consent(material="c-7", consents=False, words="Not yet.")
    charlie.intelligence.say("three", answer)
    both_see("no is an answer", three, lambda node: consent_at(node, "c-7") == "refused")
    assert alfa.intelligence.refusal("three", theirs) == "consent"
    assert bravo.view("three").reports == []

    alfa.intelligence.say("three", ask)
    charlie.intelligence.say("three", msgspec.structs.replace(answer, consents=True, words="Once."))
    both_see("it consents", three, lambda node: consent_at(node, "c-7") == "given")
    name = alfa.intelligence.say("three", theirs)
    for row in both_see("it is shared", three, lambda node: report_at(node, "three", name)):
        assert (row.originator, row.by, row.material) == ("charlie", "alfa", "c-7")
    # A consent is for one table.
    assert alfa.intelligence.refusal("line", item("Elsewhere", "charlie", material="c-7")) == "consent"


def consent_at(node: Node, material: str) -> str | None:
    return next((row.state for row in node.view("three").consents if row.material == material), None)
