"""The console's routes on what can be shown again: of what times, the frames of a window, what was said in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from detente.errors import OrderRefused
from detente.node.pictures import Kept
from detente.node.said import SaidPage


class ReplayPort(Protocol):
    """What the console asks: `detente.node.replays.Replays`, or a fake."""

    async def kept(self) -> Kept: ...
    async def frames(self, from_ms: int, step_ms: int, count: int) -> bytes: ...
    async def said(self, from_ms: int, to_ms: int) -> SaidPage: ...


class ReplayPages:
    """The routes. *reader* gives the seat of a request, or refuses it."""

    def __init__(self, replays: ReplayPort, reader: Callable[[Request], object]) -> None:
        self._replays = replays
        self._reader = reader

    def routes(self) -> list[Route]:
        """Return the routes, all below `/api/replay`. They read and change nothing."""
        return [
            Route("/api/replay", self.kept),
            Route("/api/replay/frames", self.frames),
            Route("/api/replay/said", self.said),
        ]

    async def kept(self, request: Request) -> Response:
        """Of what times the picture is kept."""
        self._reader(request)
        return _json(await self._replays.kept())

    async def frames(self, request: Request) -> Response:
        """Frames of the picture: `from`, `step` in ms and how many."""
        self._reader(request)
        body = await self._replays.frames(*(_whole(request, name) for name in ("from", "step", "count")))
        return Response(body, media_type="application/octet-stream")

    async def said(self, request: Request) -> Response:
        """What was said from an instant until another, ms UTC."""
        self._reader(request)
        return _json(await self._replays.said(_whole(request, "from"), _whole(request, "to")))


def _whole(request: Request, name: str) -> int:
    text = request.query_params.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 17):
        raise OrderRefused("not_a_number", f"{name}: {text[:40]!r} is no whole number")
    return int(text)


def _json(value: object) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")
