"""Activities across the link: what was declared is watched by both, and leaving it is told to both."""

from __future__ import annotations

import pytest

from detente.coordination.activity_acts import Activate, Declare, ShortLead
from detente.coordination.charter import Charter
from detente.coordination.plan import Circle, Corridor, EllipsoidLevels, Kind, Plan, Polygon, PressureLevels, Volume
from detente.coordination.proposals import Sign, TableProposal, Version
from detente.desk.orders import AtTable
from detente.detect.volume import Datum
from detente.engine.declared import activity_of
from detente.testing.parties import Parties
from detente.types import PartyId, Role, instant_ms
from engine.meeting import fly, two
from flights import Flight

DUTY, MIL, FS = Role.DUTY_OFFICER, Role.MILITARY, Role.FOREIGN_SERVICE
LINE = Charter(
    table="line",
    title="The line",
    members=("alfa", "bravo"),
    agreement="We share.",
    governs_picture=True,
    lead_minutes={"flight": 60},
)


def plan_at(now_ms: int, kind=Kind.FLIGHT, radius_cm: int = 1_000_000) -> Plan:
    volume = Volume(
        outline=Circle((470_000_000, 80_000_000), radius_cm),
        levels=PressureLevels(30_000, 40_000),
        start_ms=now_ms,
        end_ms=now_ms + 3_600_000,
    )
    return Plan(kind=kind, title="Calibration", volumes=(volume,), identities=("aaaaaa",))


def at_the_line() -> Parties:
    parties = two(tables=(LINE,))
    parties.run(1.5)
    return parties


def do(parties, party, act, role):
    name = parties.order(party, AtTable("line", act), role)["statement"]
    parties.run(0.5)
    return name


def rows(parties, party):
    return parties[party].engine.tables.view("line", parties.clock(party)).activities


def leave(parties) -> None:
    fly(parties, 60.0, {"alfa": Flight("aaaaaa", 47.0, 8.0, trk_deg=90.0)}, start=parties.now)


def test_r07_leaving_the_volume_of_what_was_declared_raises_an_alert_on_both_desks():
    parties = at_the_line()
    plan = plan_at(instant_ms(parties.clock("alfa")))
    name = do(parties, "alfa", Declare(plan=plan), DUTY)
    leave(parties)
    parties.run(3.0)
    assert parties.board("alfa").alerts == []
    do(parties, "alfa", Activate(activity=name, digest=plan.digest), DUTY)
    parties.run(60.0)
    for party in ("alfa", "bravo"):
        [alert] = [row for row in parties.board(party).alerts if row.kind == "conformance"]
        assert (alert.zone, alert.zone_name, alert.a.label) == (f"line/{name}", "Calibration", "aaaaaa")
        assert rows(parties, party)[0].state == "nonconforming"
        [incident] = parties[party].engine.tables.view("line", parties.clock(party)).incidents
        assert incident.title == "Outside its declared volume: Calibration"
    assert parties.roots_equal()


def test_r07_a_joint_operation_is_watched_by_both_while_it_is_active():
    parties = at_the_line()
    plan = plan_at(instant_ms(parties.clock("alfa")), Kind.JOINT_OPERATION)
    version = Version(text="Joint search.", activities=(plan,))
    name = do(parties, "alfa", TableProposal(title="Search", version=version), FS)
    for party in ("alfa", "bravo"):
        for seat in (MIL, FS):
            do(parties, party, Sign(proposal=name, number=1, digest=version.digest), seat)
    do(parties, "bravo", Activate(activity=f"{name}.1", digest=plan.digest), DUTY)
    leave(parties)
    parties.run(60.0)
    for party in ("alfa", "bravo"):
        assert any(row.kind == "conformance" for row in parties.board(party).alerts)


def test_a_short_lead_is_put_on_record_by_the_other_node_and_shown_to_both():
    parties = at_the_line()
    do(parties, "alfa", Declare(plan=plan_at(instant_ms(parties.clock("alfa")))), DUTY)
    parties.run(3.0)
    for party in ("alfa", "bravo"):
        [row] = rows(parties, party)
        assert (row.is_short, row.short_noted_by) == (True, ["bravo"])
    assert ShortLead.__struct_config__.tag in [act for act, _, _ in rows(parties, "alfa")[0].history]


def test_what_is_declared_is_watched_after_a_restart_too():
    parties = at_the_line()
    plan = plan_at(instant_ms(parties.clock("alfa")))
    name = do(parties, "alfa", Declare(plan=plan), DUTY)
    do(parties, "alfa", Activate(activity=name, digest=plan.digest), DUTY)
    parties.restart("bravo")
    leave(parties)
    parties.run(60.0)
    assert any(row.zone == f"line/{name}" for row in parties.board("bravo").alerts)


@pytest.mark.parametrize(
    ("outline", "inside"),
    [
        (Polygon(((470_000_000, 80_000_000), (470_000_000, 90_000_000), (480_000_000, 90_000_000))), (47.2, 8.9)),
        (Circle((470_000_000, 80_000_000), 1_000_000), (47.05, 8.0)),
        (Corridor(((470_000_000, 80_000_000), (470_000_000, 90_000_000)), 500_000), (47.02, 8.5)),
    ],
)
def test_each_shape_is_watched_where_it_was_declared(outline, inside):
    import numpy as np
    import shapely

    volume = Volume(outline=outline, levels=EllipsoidLevels(10_000, None), start_ms=1_000, end_ms=2_000)
    plan = Plan(kind=Kind.FLIGHT, title="x", volumes=(volume,), callsigns=("ALF1",))
    [watched] = activity_of("line/alfa-1", PartyId("alfa"), "activated", plan).volumes
    assert (watched.floor_m, watched.ceiling_m, watched.datum) == (100.0, None, Datum.ELLIPSOID)
    area = shapely.Polygon(np.degrees(watched.rings[0]))
    assert area.contains(shapely.Point(inside))
    assert not area.contains(shapely.Point(46.0, 8.5))
