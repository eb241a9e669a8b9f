"""What a desk sees of a table: a few words for the board, and everything that stands for who opens it."""

from __future__ import annotations

import msgspec

from detente.coordination.activity_acts import AnyActivityAct
from detente.coordination.activity_rows import ActivityRow, Draft
from detente.coordination.arrangement import ArrangementRow
from detente.coordination.ceasefire import TermsRow
from detente.coordination.decisions import SummitRow
from detente.coordination.incidents import IncidentRow
from detente.coordination.ledger import DifferenceRow, EntryRow
from detente.coordination.powers import COMMITMENTS, POWERS
from detente.coordination.proposals import ProposalRow
from detente.coordination.reports import ConsentRow, ReportRow
from detente.coordination.table import Contradiction, Refusal, Table
from detente.coordination.watch import WatchRow
from detente.types import Role


class TableBrief(msgspec.Struct, frozen=True):
    table: str
    title: str
    topic: str
    members: list[str]
    state: str  # of the arrangement
    statements: int
    waiting: int  # statements that wait for what they build on
    refused: int
    contradictions: int
    open_proposals: int
    open_incidents: int
    open_activities: int  # declared and not over
    overdue: int
    nobody_on_watch: list[str]
    digest: str  # of everybody's newest statement: two desks that show the same one show the same table


class TableView(msgspec.Struct, frozen=True):
    brief: TableBrief
    agreement: str
    charter: str  # digest
    signers: list[str]
    arrangement: ArrangementRow
    activities: list[ActivityRow]
    proposals: list[ProposalRow]
    summits: list[SummitRow]
    reports: list[ReportRow]
    consents: list[ConsentRow]
    incidents: list[IncidentRow]
    ceasefires: list[TermsRow]
    timeline: list[EntryRow]
    differences: list[DifferenceRow]
    watches: list[WatchRow]
    refusals: list[Refusal]
    contradictions: list[Contradiction]
    heads: dict[str, tuple[int, str]]


class PowerRow(msgspec.Struct, frozen=True):
    """One line of the matrix, for a desk that shows who may do what."""

    act: str
    seats: list[str]
    commitment: bool


def brief_of(table: Table, now_ms: int) -> TableBrief:
    """Return *table* in a few words."""
    standing, heads = table.standing, table.heads()
    summits = standing.decisions.rows(now_ms)
    return TableBrief(
        table=table.charter.table,
        title=table.charter.title,
        topic=table.charter.topic,
        members=list(table.charter.members),
        state=standing.arrangement.state,
        statements=sum(n for n, _ in heads.values()),
        waiting=table.waiting,
        refused=len(table.refusals),
        contradictions=len(table.contradictions),
        open_proposals=sum(row.state in ("tabled", "under_discussion") for row in standing.proposals.rows(now_ms)),
        open_incidents=sum(row.status == "open" for row in standing.incidents.rows()),
        open_activities=standing.activities.count(now_ms),
        overdue=sum(part.overdue for summit in summits for decision in summit.decisions for part in decision.parts),
        nobody_on_watch=[row.party for row in standing.watches.rows(now_ms) if row.nobody],
        digest=table.digest(),
    )


def overlaps_with(table: Table, act: AnyActivityAct, by: Role, now_ms: int) -> Draft:
    """Return what *act* of the seat *by* would meet of what is declared at *table*, before it is sent.

    Raises OrderRefused for an act about an activity that is not known there.
    """
    return table.draft(act, by, now_ms)


def view_of(table: Table, now_ms: int) -> TableView:
    """Return everything that stands at *table* at *now_ms*."""
    standing, charter = table.standing, table.charter
    return TableView(
        brief=brief_of(table, now_ms),
        agreement=charter.agreement,
        charter=charter.digest,
        signers=[str(seat) for seat in charter.signers],
        arrangement=standing.arrangement.row(),
        activities=standing.activities.rows(now_ms),
        proposals=standing.proposals.rows(now_ms),
        summits=standing.decisions.rows(now_ms),
        reports=standing.reports.rows(now_ms),
        consents=standing.reports.consents(),
        incidents=standing.incidents.rows(),
        ceasefires=standing.ceasefires.rows(now_ms),
        timeline=standing.ledger.timeline(),
        differences=standing.ledger.differences(),
        watches=standing.watches.rows(now_ms),
        refusals=table.refusals,
        contradictions=list(table.contradictions.values()),
        heads={str(party): head for party, head in table.heads().items()},
    )


def powers() -> list[PowerRow]:
    """Return the matrix of acts and seats."""
    return [
        PowerRow(str(act.__struct_config__.tag), [str(seat) for seat in seats], act in COMMITMENTS)
        for act, seats in POWERS.items()
    ]
