"""The record and the links as pages of a desk: history, leaves with filters, what a browser checks itself, dossiers.

Reading the record takes a while and holds nobody up: it is done in a thread.
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta
from starlette.responses import Response

from detente.coordination.act import Party
from detente.desk.record_view import (
    DossierAsked,
    DossierChecked,
    LeafPage,
    LeavesAsked,
    LinkSamples,
    LogRow,
    Portion,
    ProofParts,
)
from detente.errors import OrderRefused
from detente.node.web.endpoint import Call, Endpoint, Nothing
from detente.types import Role

MAY_EXPORT: Final = tuple(role.value for role in Role if role is not Role.OPERATOR)
"""Who may take the record away. The operator's seat shows it, and asks the supervisor for a copy."""

CHECK_MAX: Final = 64 * 1024 * 1024
"""Bytes of a dossier that is checked for a desk; what is larger is for `detente verify`."""

_Log = Annotated[str, Meta(min_length=1, max_length=200)]
_Place = Annotated[int, Meta(ge=0, lt=2**53)]


class _OfPeer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    peer: Party


class _OfLog(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    log: _Log


class _Span(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Leaves [start, stop) of a log, at most 512."""

    log: _Log
    start: _Place
    stop: _Place


async def _history(call: Call[_OfPeer, None]) -> LinkSamples:
    return call.desk.history(call.params.peer)


async def _logs(call: Call[Nothing, None]) -> list[LogRow]:
    return await asyncio.to_thread(call.desk.records().logs)


async def _leaves(call: Call[LeavesAsked, None]) -> LeafPage:
    return await asyncio.to_thread(call.desk.records().leaves, call.params)


async def _raw(call: Call[_Span, None]) -> Response:
    asked = call.params
    leaves = await asyncio.to_thread(call.desk.records().raw, asked.log, asked.start, asked.stop)
    return Response(leaves, media_type="application/octet-stream")


async def _proof(call: Call[_OfLog, None]) -> ProofParts:
    return await asyncio.to_thread(call.desk.records().proof, call.params.log)


async def _plan(call: Call[Nothing, DossierAsked]) -> list[Portion]:
    _may_export(call.seat.role)
    return await asyncio.to_thread(call.desk.records().plan, call.body)


async def _dossier(call: Call[Nothing, DossierAsked]) -> Response:
    _may_export(call.seat.role)
    at_ms = time.time_ns() // 1_000_000
    portions, packed = await asyncio.to_thread(call.desk.records().dossier, call.body, at_ms)
    call.desk.exported(call.seat.role, portions)
    name = re.sub(r"[^A-Za-z0-9-]", "-", call.body.incident)[:40] or time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    headers = {"content-disposition": f'attachment; filename="dossier-{name}.zip"'}
    return Response(packed, media_type="application/zip", headers=headers)


async def _check(call: Call[Nothing, bytes]) -> DossierChecked:
    return await asyncio.to_thread(call.desk.records().check, call.body)


def _may_export(role: str) -> None:
    if role not in MAY_EXPORT:
        raise OrderRefused("wrong_seat", "a dossier is for the supervisor or a seat above to take away")


_CHOICES: Final = ("no_record", "not_exported", "one_choice", "empty_window", "unknown_lane", "too_much", "wrong_seat")

ENDPOINTS: Final[tuple[Endpoint[Any, Any], ...]] = (
    Endpoint(
        method="GET",
        path="/api/links/{peer}/history",
        summary="How the link to a peer was in the last hour",
        does=_history,
        gives=LinkSamples,
        params=_OfPeer,
    ),
    Endpoint(
        method="GET",
        path="/api/record/logs",
        summary="Every log with how far it is signed and receipted",
        does=_logs,
        gives=list[LogRow],
        problems=("no_record",),
    ),
    Endpoint(
        method="GET",
        path="/api/record/leaves",
        summary="Leaves of one log, the newest first, by kind, seat, precedence and words",
        does=_leaves,
        gives=LeafPage,
        params=LeavesAsked,
        problems=("no_record", "unknown_log", "words_of_others"),
    ),
    Endpoint(
        method="GET",
        path="/api/record/raw",
        summary="Leaves as they were signed, each after its length as uint16be",
        does=_raw,
        gives=bytes,
        params=_Span,
        problems=("no_record", "unknown_log", "out_of_range"),
        media_type="application/octet-stream",
    ),
    Endpoint(
        method="GET",
        path="/api/record/proof",
        summary="Signed notes, keys and tile roots over one log, to find its root anew",
        does=_proof,
        gives=ProofParts,
        params=_OfLog,
        problems=("no_record", "unknown_log", "not_signed"),
    ),
    Endpoint(
        method="POST",
        path="/api/record/plan",
        summary="What a dossier would hold and what would be missing: nothing leaves",
        does=_plan,
        gives=list[Portion],
        body=DossierAsked,
        problems=_CHOICES,
    ),
    Endpoint(
        method="POST",
        path="/api/record/dossier",
        summary="A dossier as a file",
        does=_dossier,
        gives=bytes,
        body=DossierAsked,
        problems=_CHOICES,
        media_type="application/zip",
    ),
    Endpoint(
        method="POST",
        path="/api/record/check",
        summary="Whether a dossier, sent as its zip, holds under the roots confirmed here: nothing is kept of it",
        does=_check,
        gives=DossierChecked,
        body=bytes,
        problems=("no_record",),
        body_max=CHECK_MAX,
    ),
)
