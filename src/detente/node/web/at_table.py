"""What stands at a table, whole and by its parts, each part in pages."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta
from starlette.responses import Response

from detente.coordination.act import Key, Ms
from detente.coordination.activity_acts import ActivityName, AnyActivityAct
from detente.coordination.activity_rows import ActivityRow, Draft
from detente.coordination.ceasefire import TermsRow
from detente.coordination.decisions import SummitRow
from detente.coordination.features import read_plans
from detente.coordination.incidents import IncidentRow
from detente.coordination.ledger import DifferenceRow, EntryRow
from detente.coordination.notam import read_notam
from detente.coordination.plan import Volume
from detente.coordination.proposals import ProposalRow
from detente.coordination.reports import ReportRow, cell_of, is_within
from detente.coordination.view import TableBrief, TableView
from detente.coordination.watch import WatchRow
from detente.desk.answers import After, Most, Page, PlanRead, PlansRead, page_of
from detente.desk.due_dates import calendar_of
from detente.desk.status_page import CSP, status_page
from detente.desk.words import Lang
from detente.errors import OrderRefused
from detente.node.web.assets import assets
from detente.node.web.endpoint import Call, Endpoint, Nothing
from detente.node.web.ordering import ORDER_MAX

Row = TypeVar("Row")

CALENDAR: Final = "text/calendar"
HTML: Final = "text/html"


class OfTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which table."""

    table: Key


class PageOfTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which table, and which part of the list."""

    table: Key
    after: After = 0
    most: Most = 200


class StatusAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which table, and in which language the page's own words are."""

    table: Key
    lang: Lang = "en"


class ReportsAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which reports. An area is one of coarse cells, in tenths of a degree: there is no search by a point."""

    table: Key
    after: After = 0
    most: Most = 200
    kind: Annotated[str, Meta(max_length=32)] = ""
    from_ms: Ms = 0  # observed at or after
    to_ms: Ms = 2**53 - 1  # observed before
    south: Annotated[int, Meta(ge=-900, le=899)] = -900  # cells, in tenths of a degree; both corners are in
    west: Annotated[int, Meta(ge=-1800, le=1799)] = -1800
    north: Annotated[int, Meta(ge=-900, le=899)] = 899
    east: Annotated[int, Meta(ge=-1800, le=1799)] = 1799  # west of `west`: across the antimeridian


class TextRead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A NOTAM, or GeoJSON, as somebody pasted it."""

    text: Annotated[str, Meta(min_length=1, max_length=100_000)]


class OfActivity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which activity of which table."""

    table: Key
    activity: ActivityName


async def _tables(call: Call[Nothing, None]) -> list[TableBrief]:
    return call.desk.board(call.seat.role).tables


async def _table(call: Call[OfTable, None]) -> TableView:
    return call.desk.table(call.params.table)


def _part(call: Call[PageOfTable, None], rows: Sequence[Row]) -> Page[Row]:
    return page_of(rows, call.params.after, call.params.most)


async def _proposals(call: Call[PageOfTable, None]) -> Page[ProposalRow]:
    return _part(call, call.desk.table(call.params.table).proposals)


async def _activities(call: Call[PageOfTable, None]) -> Page[ActivityRow]:
    return _part(call, call.desk.table(call.params.table).activities)


async def _overlaps(call: Call[OfTable, AnyActivityAct]) -> Draft:
    return call.desk.draft(call.params.table, call.body, call.seat.role)


async def _read(call: Call[Nothing, TextRead]) -> PlansRead:
    text = call.body.text
    if text.lstrip().startswith("{"):
        return PlansRead([PlanRead(name, plan) for name, plan in read_plans(text.encode())])
    if not text.isascii():
        raise OrderRefused("notam", "NOTAM item text: it holds signs that are not ASCII")
    notam = read_notam(text)
    return PlansRead([PlanRead(notam.name, notam.plan)], notam.from_q_line)


async def _place(call: Call[OfActivity, None]) -> Sequence[Volume]:
    return call.desk.place(call.params.table, call.params.activity, call.seat.role)


async def _decisions(call: Call[PageOfTable, None]) -> Page[SummitRow]:
    return _part(call, call.desk.table(call.params.table).summits)


async def _incidents(call: Call[PageOfTable, None]) -> Page[IncidentRow]:
    return _part(call, call.desk.table(call.params.table).incidents)


async def _ceasefire(call: Call[PageOfTable, None]) -> Page[TermsRow]:
    return _part(call, call.desk.table(call.params.table).ceasefires)


async def _ledger(call: Call[PageOfTable, None]) -> Page[EntryRow]:
    return _part(call, call.desk.table(call.params.table).timeline)


async def _differences(call: Call[PageOfTable, None]) -> Page[DifferenceRow]:
    return _part(call, call.desk.table(call.params.table).differences)


async def _watch(call: Call[OfTable, None]) -> list[WatchRow]:
    return call.desk.table(call.params.table).watches


async def _calendar(call: Call[OfTable, None]) -> Response:
    view, now_ms = call.desk.table(call.params.table), call.desk.board(call.seat.role).at_ms
    headers = {"content-disposition": f'attachment; filename="{call.params.table}-decisions.ics"'}
    return Response(calendar_of(view, now_ms), headers=headers, media_type=CALENDAR)


async def _status(call: Call[StatusAsked, None]) -> Response:
    board, view = call.desk.board(call.seat.role), call.desk.table(call.params.table)
    page = status_page(view, board.party_name, board.at_ms, _words(call.params.lang), call.params.lang)
    return Response(page, headers={"content-security-policy": CSP}, media_type=HTML)


@cache
def _words(lang: str) -> dict[str, str]:
    found: dict[str, str] = msgspec.json.decode(assets()[f"i18n/{lang}.json"].body)
    return found


async def _reports(call: Call[ReportsAsked, None]) -> Page[ReportRow]:
    asked = call.params
    rows = [row for row in call.desk.table(asked.table).reports if is_asked(row, asked)]
    return page_of(rows, asked.after, asked.most)


def is_asked(row: ReportRow, asked: ReportsAsked) -> bool:
    """Whether *row* is of the kind, time and cells *asked* for. One without a place: only if none is asked."""
    if asked.kind and row.kind != asked.kind:
        return False
    if not asked.from_ms <= row.observed_ms < asked.to_ms:
        return False
    corners = (asked.south, asked.west), (asked.north, asked.east)
    if corners == ((-900, -1800), (899, 1799)):
        return True
    cell = cell_of(row)
    return cell is not None and is_within(cell, *corners)


def _list_of(path: str, summary: str, does: Any, row: Any) -> Endpoint[Any, Any]:
    return Endpoint(
        method="GET",
        path=f"/api/tables/{{table}}/{path}",
        summary=summary,
        does=does,
        gives=Page[row],
        params=PageOfTable,
        problems=("unknown_table",),
    )


ENDPOINTS: Final[tuple[Endpoint[Any, Any], ...]] = (
    Endpoint(
        method="GET",
        path="/api/tables",
        summary="The tables this party sits at, in a few words each",
        does=_tables,
        gives=list[TableBrief],
    ),
    Endpoint(
        method="GET",
        path="/api/tables/{table}",
        summary="Everything that stands at a table",
        does=_table,
        gives=TableView,
        params=OfTable,
        problems=("unknown_table",),
    ),
    _list_of("proposals", "Proposals with their versions and signatures", _proposals, ProposalRow),
    _list_of("activities", "Declared activities, who answered them and what they meet", _activities, ActivityRow),
    Endpoint(
        method="POST",
        path="/api/tables/{table}/overlaps",
        summary="What an act about an activity would meet, before it is sent: nothing is said",
        does=_overlaps,
        gives=Draft,
        params=OfTable,
        body=AnyActivityAct,
        problems=("unknown_table", "unknown_activity"),
        body_max=ORDER_MAX,
    ),
    Endpoint(
        method="POST",
        path="/api/activities/read",
        summary="The plans in a NOTAM or GeoJSON; nothing is said to anybody",
        does=_read,
        gives=PlansRead,
        body=TextRead,
        problems=("notam", "geojson"),
        body_max=ORDER_MAX,
    ),
    Endpoint(
        method="GET",
        path="/api/tables/{table}/activities/{activity}/place",
        summary="The place of what is protected; that it was read is put on record",
        does=_place,
        gives=list[Volume],
        params=OfActivity,
        problems=("unknown_table", "unknown_activity"),
    ),
    _list_of("decisions", "What summits decided, and how each party's part stands", _decisions, SummitRow),
    _list_of("incidents", "Incidents with each side's account", _incidents, IncidentRow),
    _list_of(
        "ceasefire",
        "Terms of a ceasefire with the claims under them: alleged until all find the same",
        _ceasefire,
        TermsRow,
    ),
    _list_of("ledger", "Words and conduct on one line of time", _ledger, EntryRow),
    _list_of("differences", "Standing differences in each side's words", _differences, DifferenceRow),
    Endpoint(
        method="GET",
        path="/api/tables/{table}/watch",
        summary="Who is on watch, and where nobody is",
        does=_watch,
        gives=list[WatchRow],
        params=OfTable,
        problems=("unknown_table",),
    ),
    Endpoint(
        method="GET",
        path="/api/tables/{table}/decisions.ics",
        summary="Due dates of decisions, for people's own calendars",
        does=_calendar,
        gives=bytes,
        media_type=CALENDAR,
        params=OfTable,
        problems=("unknown_table",),
    ),
    Endpoint(
        method="GET",
        path="/api/tables/{table}/status",
        summary="How the table stands, as one page to print",
        does=_status,
        gives=bytes,
        media_type=HTML,
        params=StatusAsked,
        problems=("unknown_table",),
    ),
    Endpoint(
        method="GET",
        path="/api/tables/{table}/reports",
        summary="Reports by kind, by when they were observed, and by coarse area",
        does=_reports,
        gives=Page[ReportRow],
        params=ReportsAsked,
        problems=("unknown_table",),
    ),
)
