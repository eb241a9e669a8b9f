"""A peer that searches by what it may declare and report: the answers of a whole party, in two worlds."""

from __future__ import annotations

import pytest

from detente.coordination.activity_acts import Activate, Declare
from detente.coordination.charter import Charter
from detente.coordination.plan import Circle, Kind, Plan, PressureLevels, Volume
from detente.desk.orders import AtTable
from detente.engine.values import Declared
from detente.errors import OrderRefused
from detente.release.policy import parse_policy
from detente.testing.clock import DAY_ZERO
from detente.testing.parties import Parties
from detente.types import PartyId, Role, instant_ms
from engine.meeting import ALL, differently, everything_to, fly, open_handed
from flights import Flight, plots_of

DUTY = Role.DUTY_OFFICER
LINE = Charter(table="line", title="The line", members=("alfa", "bravo"), agreement="We share.", governs_picture=True)
ASIDE = Charter(table="aside", title="Aside", members=("alfa", "charlie"), agreement="Between us.")
HIDING = (
    'name = "hiding"\n[[rule]]\nname = "ours"\neffect = "withhold"\nto = ["bravo"]\nwhen = { identities = ["dd*"] }\n'
    f'[[rule]]\nname = "rest"\neffect = "release"\nto = ["bravo", "charlie"]\ngive = {{ fields = {ALL} }}\n'
)


def three(tables=(LINE, ASIDE), policy=HIDING):
    """Alfa between Bravo and Charlie; what it flies as ``dd…`` is withheld from Bravo."""
    alfa = open_handed(b"dd0001", "bravo", policy=parse_policy(policy), tables=tables)
    bravo = open_handed(b"bbbbbb", "alfa", "charlie", tables=tuple(t for t in tables if "bravo" in t.members))
    charlie = open_handed(b"cccccc", "alfa", "bravo", tables=tuple(t for t in tables if "charlie" in t.members))
    return Parties({"alfa": alfa, "bravo": bravo, "charlie": charlie})


def volume(now_ms, latitude_e7, longitude_e7, radius_cm=300_000):
    return Volume(
        outline=Circle((latitude_e7, longitude_e7), radius_cm),
        levels=PressureLevels(30_000, 40_000),
        start_ms=now_ms,
        end_ms=now_ms + 3_600_000,
    )


def begin(parties, party, table, plan):
    """Declare and activate *plan*, with the key of all that it meets; returns its name."""
    engine, act = parties[party].engine, Declare(plan=plan)
    draft = engine.tables.draft(table, act, DUTY, parties.clock(party))
    key = tuple(draft.key)
    name = parties.order(party, AtTable(table, Declare(plan=plan, key=key)), DUTY)["statement"]
    parties.order(party, AtTable(table, Activate(activity=name, digest=plan.digest, key=key)), DUTY)
    return name, len(key)


def sent_to(parties, party, peer):
    return [(channel, frame) for to, channel, frame in parties[party].sent if to == peer]


def searched(hidden: bool):
    """Bravo halves the box for an activity of Alfa and Charlie, and for Alfa's aircraft, with all it may declare.

    *hidden*: whether there is such an activity, and such an aircraft. Returns the parties and Bravo's answers.
    """
    parties = three()
    if hidden:
        flights = [Flight("dd0001", 47.0, 8.0, trk_deg=90.0), Flight("dd0002", 47.3, 8.6, trk_deg=200.0)]
        for flight in flights:
            parties.plots("alfa", plots_of(flight, seconds=240.0, start=DAY_ZERO))
    parties.run(4.0)
    now_ms = instant_ms(parties.clock("alfa"))
    if hidden:
        box = (volume(now_ms, 470_000_000, 80_000_000),)
        plan = Plan(kind=Kind.FLIGHT, title="Secret", volumes=box, identities=("dd0002",), callsigns=("SECRET1",))
        begin(parties, "alfa", "aside", plan)
    parties.run(2.0)
    answers, low, high = [], 79_000_000, 83_000_000
    for n in range(12):
        middle = (low + high) // 2
        box = (volume(now_ms, 470_000_000, middle, 200_000 + 100 * n),)
        plan = Plan(kind=Kind.FLIGHT, title=f"Probe {n}", volumes=box, identities=("dd0001", "dd0002"))
        name, overlaps = begin(parties, "bravo", "line", plan)
        parties.run(4.0)
        told = [row.kind for row in parties.board("bravo").alerts if row.zone == f"line/{name}"]
        answers.append((overlaps, told))
        low, high = (low, middle) if told else (middle, high)
    return parties, answers


def test_t46_an_automated_prober_learns_nothing_of_a_hidden_volume_or_aircraft_however_long_it_asks():
    (empty, one), (full, other) = searched(hidden=False), searched(hidden=True)
    assert one == other
    assert all(told == [] for _, told in one)
    assert one[-1][0] > 0  # it does meet volumes: its own, which it holds anyway
    ours, theirs = sent_to(empty, "alfa", "bravo"), sent_to(full, "alfa", "bravo")
    assert len(ours) > 100
    assert ours == theirs


def test_t46_the_desk_is_told_who_names_aircraft_that_are_withheld_from_it():
    parties, _ = searched(hidden=True)
    [line] = [line for line in parties.board("alfa").faults if "names aircraft" in line]
    assert line.startswith("bravo names aircraft that are withheld from it in 12 of its own activities")
    assert any(row.kind == "conformance" for row in parties.board("alfa").alerts)


def test_t46_an_own_aircraft_in_an_activity_that_its_party_does_not_hold_tells_it_nothing():
    """Alfa and Charlie name Bravo's aircraft: that there is such an activity would be the leak."""
    parties = three()
    fly(parties, 60.0, {"alfa": Flight("bbbbbb", 47.0, 8.0, trk_deg=90.0)})
    fly(parties, 60.0, {"bravo": Flight("bbbbbb", 47.0, 8.0, trk_deg=90.0)})
    parties.run(4.0)
    now_ms = instant_ms(parties.clock("alfa"))
    box = (volume(now_ms, 480_000_000, 80_000_000),)
    begin(parties, "alfa", "aside", Plan(kind=Kind.FLIGHT, title="Secret", volumes=box, identities=("bbbbbb",)))
    parties.run(20.0)
    assert any(row.kind == "conformance" for row in parties.board("alfa").alerts)
    assert [row for row in parties.board("bravo").alerts if row.kind == "conformance"] == []
    assert not any(
        b"aside" in (f if isinstance(f, bytes) else f.encode()) for _, f in sent_to(parties, "alfa", "bravo")
    )


def test_t46_what_alfa_itself_declared_is_still_told_when_it_is_left():
    """The volume was not the asker's to choose: leaving what one declared is owed to whoever it was declared to."""
    parties = three()
    parties.plots("alfa", plots_of(Flight("dd0001", 47.0, 8.0, trk_deg=90.0), seconds=60.0, start=DAY_ZERO))
    parties.run(4.0)
    now_ms = instant_ms(parties.clock("alfa"))
    box = (volume(now_ms, 480_000_000, 80_000_000),)
    name, _ = begin(parties, "alfa", "line", Plan(kind=Kind.FLIGHT, title="Ours", volumes=box, identities=("dd0001",)))
    parties.run(20.0)
    [row] = [row for row in parties.board("bravo").alerts if row.zone == f"line/{name}"]
    assert row.kind == "conformance"


def test_t46_an_activity_of_the_readers_own_releases_nothing_by_a_rule_for_ours():
    rule = (
        'name = "by activity"\n[[rule]]\nname = "declared"\neffect = "release"\nto = ["bravo"]\n'
        f'when = {{ activity = {{ declared_by = "own" }} }}\ngive = {{ fields = {ALL} }}\n'
    )
    parties = three(policy=rule)
    parties.plots("alfa", plots_of(Flight("dd0001", 47.0, 8.0, trk_deg=90.0), seconds=60.0, start=DAY_ZERO))
    parties.run(4.0)
    now_ms = instant_ms(parties.clock("alfa"))
    plan = Plan(
        kind=Kind.FLIGHT, title="Probe", volumes=(volume(now_ms, 470_000_000, 80_000_000),), identities=("dd0001",)
    )
    begin(parties, "bravo", "line", plan)
    parties.run(4.0)
    assert parties["alfa"].engine.release_view(PartyId("bravo")).released == 0
    begin(parties, "alfa", "line", plan)
    parties.run(4.0)
    assert parties["alfa"].engine.release_view(PartyId("bravo")).released == 1


def test_t46_a_peer_that_reports_aircraft_of_its_own_all_around_a_hidden_one_is_seen_searching():
    parties = Parties(
        {
            "alfa": differently(
                open_handed(b"dd0001", "bravo", policy=parse_policy(HIDING)), declared=Declared((b"dd0001",))
            ),
            "bravo": differently(
                open_handed(b"bb0000", "alfa"),
                policy=everything_to("alfa"),
                declared=Declared(tuple(f"bb000{n}".encode() for n in range(8))),
            ),
        }
    )
    parties.plots("alfa", plots_of(Flight("dd0001", 47.0, 8.0, trk_deg=90.0), seconds=60.0, start=DAY_ZERO))
    for n in range(8):
        made_up = Flight(f"bb000{n}", 47.0, 8.35 + 0.02 * n, trk_deg=270.0)
        parties.plots("bravo", plots_of(made_up, seconds=60.0, start=DAY_ZERO))
    parties.run(50.0)
    rows = [row for row in parties.board("bravo").alerts if row.kind == "conflict" and row.raised_by == "alfa"]
    assert rows  # such an aircraft may be real: its party is warned all the same, in bands
    assert any("this looks like a search" in line for line in parties.board("alfa").faults)


def test_t46_the_answer_to_a_plan_is_made_of_what_the_asker_holds():
    """What a desk is answered about a plan, overlaps and refusals, comes from the table's own statements alone."""
    parties, _ = searched(hidden=True)
    now_ms = instant_ms(parties.clock("bravo"))
    plan = Plan(
        kind=Kind.FLIGHT, title="Probe", volumes=(volume(now_ms, 470_000_000, 80_000_000),), identities=("dd0001",)
    )
    drafts = [
        parties[party].engine.tables.draft("line", Declare(plan=plan), DUTY, parties.clock(party))
        for party in ("alfa", "bravo")
    ]
    held = {row.activity for row in parties["bravo"].engine.tables.view("line", parties.clock("bravo")).activities}
    assert {row.activity for draft in drafts for row in draft.overlaps} <= held
    with pytest.raises(OrderRefused) as refused:
        parties.order("bravo", AtTable("aside", Declare(plan=plan)), DUTY)
    assert refused.value.code == "unknown_table"
