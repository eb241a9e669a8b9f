"""The console's routes on the record and the link: history, logs, leaves, what a browser needs to check, dossiers.

Reading the record takes a while and holds nobody up: it is done in a thread, one dossier at a time.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from detente.errors import OrderRefused
from detente.node.dossiers import Portion
from detente.node.link_history import LinkSamples
from detente.node.records import DossierAsked, LeafPage, LeavesAsked, LogRow, ProofParts
from detente.types import Role

MAY_EXPORT: Final = tuple(role.value for role in Role if role is not Role.OPERATOR)
"""Who may take the record away. The operator's seat shows it, and asks the supervisor for a copy."""

_encode = msgspec.json.Encoder().encode
_asked = msgspec.json.Decoder(DossierAsked)
_T = TypeVar("_T")


class RecordPort(Protocol):
    """What the console asks of the record: `detente.node.records.Records`, or a fake."""

    def logs(self) -> list[LogRow]: ...
    def leaves(self, asked: LeavesAsked) -> LeafPage: ...
    def raw(self, log: str, start: int, stop: int) -> bytes: ...
    def proof(self, log: str) -> ProofParts: ...
    def plan(self, asked: DossierAsked) -> list[Portion]: ...
    def dossier(self, asked: DossierAsked, at_ms: int) -> bytes: ...


class RecordPages:
    """The routes. *reader* and *writer* give the seat of a request, or refuse it; *body* reads it within bounds.

    *history*: how a peer's link was of late. *exported*: is told of each dossier that was handed out, and to whom.
    """

    def __init__(
        self,
        record: RecordPort,
        history: Callable[[str], LinkSamples],
        reader: Callable[[Request], str],
        writer: Callable[[Request], str],
        body: Callable[[Request], Awaitable[bytes]],
        exported: Callable[[str, list[Portion]], None] = lambda _role, _portions: None,
    ) -> None:
        self._record = record
        self._history = history
        self._reader = reader
        self._writer = writer
        self._body = body
        self._exported = exported
        self._exporting = asyncio.Lock()

    def routes(self) -> list[Route]:
        """Return the routes, all below `/api/record/`."""
        return [
            Route("/api/record/history", self.history),
            Route("/api/record/logs", self.logs),
            Route("/api/record/leaves", self.leaves),
            Route("/api/record/raw", self.raw),
            Route("/api/record/proof", self.proof),
            Route("/api/record/plan", self.plan, methods=["POST"]),
            Route("/api/record/dossier", self.dossier, methods=["POST"]),
        ]

    async def history(self, request: Request) -> Response:
        """Samples of one link, for the plot."""
        self._reader(request)
        return _json(self._history(request.query_params.get("peer", "")))

    async def logs(self, request: Request) -> Response:
        """Every log of the record."""
        self._reader(request)
        return _json(await asyncio.to_thread(self._record.logs))

    async def leaves(self, request: Request) -> Response:
        """A page of leaves, by filters and cursor."""
        self._reader(request)
        given: dict[str, Any] = dict(request.query_params)
        if "before" in given:
            given["before"] = _whole(given["before"])
        try:
            asked = msgspec.convert(given, LeavesAsked)
        except msgspec.ValidationError as wrong:
            raise OrderRefused("not_a_query", str(wrong)) from None
        return _json(await asyncio.to_thread(self._record.leaves, asked))

    async def raw(self, request: Request) -> Response:
        """Leaves as they were signed, for the browser to hash."""
        self._reader(request)
        given = request.query_params
        span = _whole(given.get("from", "")), _whole(given.get("to", ""))
        leaves = await asyncio.to_thread(self._record.raw, given.get("log", ""), *span)
        return Response(leaves, media_type="application/octet-stream")

    async def proof(self, request: Request) -> Response:
        """Signed notes and keys over a log."""
        self._reader(request)
        return _json(await asyncio.to_thread(self._record.proof, request.query_params.get("log", "")))

    async def plan(self, request: Request) -> Response:
        """What a dossier would hold and what would be missing. Nothing leaves."""
        role = self._writer(request)
        asked = _asked.decode(await self._body(request))
        _may_export(role)
        return _json(await self._one_at_a_time(lambda: self._record.plan(asked)))

    async def dossier(self, request: Request) -> Response:
        """A dossier, as a file to keep."""
        role = self._writer(request)
        asked = _asked.decode(await self._body(request))
        _may_export(role)
        portions = await self._one_at_a_time(lambda: self._record.plan(asked))
        at_ms = time.time_ns() // 1_000_000
        packed = await self._one_at_a_time(lambda: self._record.dossier(asked, at_ms))
        self._exported(role, portions)
        name = re.sub(r"[^A-Za-z0-9-]", "-", asked.incident)[:40] or time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        headers = {"content-disposition": f'attachment; filename="dossier-{name}.zip"'}
        return Response(packed, media_type="application/zip", headers=headers)

    async def _one_at_a_time(self, work: Callable[[], _T]) -> _T:
        async with self._exporting:
            return await asyncio.to_thread(work)


def _may_export(role: str) -> None:
    if role not in MAY_EXPORT:
        raise OrderRefused("wrong_seat", "a dossier is for the supervisor or a seat above to take away")


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 17):
        raise OrderRefused("not_a_number", f"{text[:40]!r} is no place in a log")
    return int(text)


def _json(value: Any) -> Response:
    return Response(_encode(value), media_type="application/json")
