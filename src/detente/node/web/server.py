"""The console's server: one Starlette application over a `DeskPort`, inside the node's own event loop.

An order is an input like any plot; who gave it comes from the session, never from the form. Everything but the page,
its files and `/healthz` wants a session.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import socket
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, Final, TypeAlias

import msgspec
import uvicorn
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from detente.coordination.activities import AnyActivityAct
from detente.coordination.view import ReportQuery, powers
from detente.desk.hotline import FLASH_REASONS
from detente.desk.orders import AnyOrder
from detente.errors import OrderRefused, OwnFault
from detente.node.web import live
from detente.node.web.assets import Asset, assets
from detente.node.web.guard import Guard
from detente.node.web.port import DeskPort
from detente.node.web.problem import problem
from detente.node.web.sessions import SESSION_S, TOKEN_HEADER, Session, Sessions

BODY_MAX: Final = 16 * 1024
ORDER_MAX: Final = 256 * 1024
"""Bytes of one order: a proposal carries its whole text."""

Answer: TypeAlias = Callable[[Request], Awaitable[Response]]

_order = msgspec.json.Decoder(AnyOrder)
_activity_act = msgspec.json.Decoder(AnyActivityAct)
_encode = msgspec.json.Encoder().encode


class _SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    role: str
    token: str = ""


_sign_in = msgspec.json.Decoder(_SignIn)


def build_app(
    desk: DeskPort,
    *,
    hosts: Sequence[str],
    token: str = "",
    tls: bool = False,
    signed_in: Callable[[str, bool], None] = lambda _role, _is_in: None,
) -> Starlette:
    """Return the console's application.

    hosts: what browsers may write in their address line, port included (`alfa.localhost:8001`); anything else is
    refused. token: when not empty, signing in asks for it (the address printed at start carries it after `#`).
    signed_in: is told of every role that is taken (True) or left.
    """
    console = _Console(desk, token, signed_in, tls=tls)
    return Starlette(
        routes=[
            Route("/", console.page),
            Route("/static/{path:path}", console.asset),
            Route("/healthz", console.health),
            Route("/metrics", console.metrics),
            Route("/api/session", console.session),
            Route("/api/session", console.sign_in, methods=["POST"]),
            Route("/api/session", console.sign_out, methods=["DELETE"]),
            Route("/api/board", console.board),
            Route("/api/codebook", console.codebook),
            Route("/api/preview", console.preview),
            Route("/api/powers", console.powers),
            Route("/api/tables/{table}", console.table),
            Route("/api/tables/{table}/reports", console.reports),
            Route("/api/tables/{table}/overlaps", console.overlaps, methods=["POST"]),
            Route("/api/tables/{table}/activities/{activity}/place", console.place),
            Route("/api/orders", console.order, methods=["POST"]),
            WebSocketRoute("/live", console.live),
        ],
        middleware=[Middleware(Guard, hosts=hosts, tls=tls)],
        exception_handlers={
            HTTPException: _refused,
            OrderRefused: _order_refused,
            msgspec.DecodeError: _unreadable,
            UnicodeDecodeError: _unreadable,
        },
    )


class _Console:
    """The routes, with what they share: the desk, the sessions and the files."""

    def __init__(self, desk: DeskPort, token: str, signed_in: Callable[[str, bool], None], *, tls: bool) -> None:
        self._desk = desk
        self._signed_in = signed_in
        self._token = token
        self._sessions = Sessions()
        self._assets = assets()
        self._secure = tls
        # `__Host-` needs Secure, and Secure needs TLS. Cookies ignore ports, so each node has a host name of its own.
        self._cookie = "__Host-detente" if tls else "detente"

    async def page(self, request: Request) -> Response:
        return _file(request, self._assets["index.html"])

    async def asset(self, request: Request) -> Response:
        found = self._assets.get(request.path_params["path"])
        if found is None:
            raise HTTPException(404, "no such file")
        return _file(request, found)

    async def health(self, request: Request) -> Response:
        del request
        return _json({"alive": True})

    async def metrics(self, request: Request) -> Response:
        del request
        numbers = self._desk.numbers()
        if not numbers:
            raise HTTPException(404, "this node gives no numbers")
        registry = CollectorRegistry()
        for name, value in numbers.items():
            Gauge(name, name.replace("_", " "), registry=registry).set(value)
        return Response(generate_latest(registry), media_type="text/plain; version=0.0.4")

    async def session(self, request: Request) -> Response:
        session = self._find(request)
        return self._seat(session)

    async def sign_in(self, request: Request) -> Response:
        asked = _sign_in.decode(await _body(request))
        if self._token and not hmac.compare_digest(self._token.encode(), asked.token.encode()):
            raise HTTPException(401, "open the console by the address that the node printed when it started")
        if asked.role not in self._desk.roles():
            raise HTTPException(403, f"no demo account for the role {asked.role!r}")
        self._sessions.close(request.cookies.get(self._cookie))
        cookie, session = self._sessions.open(asked.role, time.monotonic())
        self._signed_in(asked.role, True)
        response = self._seat(session)
        response.set_cookie(
            self._cookie, cookie, max_age=SESSION_S, path="/", secure=self._secure, httponly=True, samesite="strict"
        )
        return response

    async def sign_out(self, request: Request) -> Response:
        self._signed_in(self._writer(request).role, False)
        self._sessions.close(request.cookies.get(self._cookie))
        response = self._seat(None)
        response.delete_cookie(self._cookie, path="/", secure=self._secure, httponly=True, samesite="strict")
        return response

    async def board(self, request: Request) -> Response:
        return _json(self._desk.board(self._reader(request).role))

    async def codebook(self, request: Request) -> Response:
        self._reader(request)
        return _json({**self._desk.codebook(), "flash_reasons": list(FLASH_REASONS)})

    async def preview(self, request: Request) -> Response:
        self._reader(request)
        return _json(self._desk.preview(request.query_params.get("peer", "")))

    async def powers(self, request: Request) -> Response:
        self._reader(request)
        return _json(powers())

    async def table(self, request: Request) -> Response:
        self._reader(request)
        return _json(self._desk.table(request.path_params["table"]))

    async def reports(self, request: Request) -> Response:
        self._reader(request)
        query = msgspec.convert(dict(request.query_params), ReportQuery, strict=False)
        return _json(self._desk.reports(request.path_params["table"], query))

    async def overlaps(self, request: Request) -> Response:
        session = self._writer(request)
        act = _activity_act.decode(await _body(request, ORDER_MAX))
        return _json(self._desk.draft(request.path_params["table"], act, session.role))

    async def place(self, request: Request) -> Response:
        session = self._reader(request)
        path = request.path_params
        return _json(self._desk.place(path["table"], path["activity"], session.role))

    async def order(self, request: Request) -> Response:
        session = self._writer(request)
        return _json(await self._desk.order(_order.decode(await _body(request, ORDER_MAX)), session.role))

    async def live(self, browser: WebSocket) -> None:
        session = self._find(browser)
        if session is None:
            await browser.close(1008, "sign in first")
            return
        await live.run(browser, self._desk, session.role)

    def _find(self, browser: Request | WebSocket) -> Session | None:
        return self._sessions.find(browser.cookies.get(self._cookie), time.monotonic())

    def _reader(self, request: Request) -> Session:
        if session := self._find(request):
            return session
        raise HTTPException(401, "sign in first")

    def _writer(self, request: Request) -> Session:
        session = self._reader(request)
        if not session.owns(request.headers.get(TOKEN_HEADER, "")):
            raise HTTPException(403, "the session's token is missing or wrong")
        return session

    def _seat(self, session: Session | None) -> Response:
        mine = {"role": session.role, "token": session.token} if session else {"role": None, "token": None}
        return _json(mine | {"roles": list(self._desk.roles()), "demo": bool(self._desk.roles())})


async def _body(request: Request, most: int = BODY_MAX) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise HTTPException(413, f"more than {most} bytes")
    return bytes(body)


def _json(value: Any) -> Response:
    return Response(_encode(value), media_type="application/json")


def _file(request: Request, asset: Asset) -> Response:
    headers = {"etag": f'"{asset.sha256}"', "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return Response(asset.body, headers=headers, media_type=asset.media_type)


_CODES: Final = {401: "not_signed_in", 403: "not_allowed", 404: "not_found", 405: "wrong_method", 413: "too_large"}


async def _refused(request: Request, fault: Exception) -> Response:
    del request
    assert isinstance(fault, HTTPException)
    return problem(fault.status_code, _CODES.get(fault.status_code, "refused"), fault.detail)


async def _order_refused(request: Request, fault: Exception) -> Response:
    del request
    assert isinstance(fault, OrderRefused)
    return problem(409, fault.code, fault.reason)


async def _unreadable(request: Request, fault: Exception) -> Response:
    del request
    return problem(400, "unreadable", str(fault))


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # The node owns Ctrl-C: uvicorn would raise the signal again after its own shutdown and cut ours short.
        yield


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; raises OwnFault with the address when it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as fault:
        listener.close()
        raise OwnFault(f"the console cannot listen on {host}:{port}: {fault.strerror}") from None
    listener.setblocking(False)
    return listener


async def serve(
    app: Starlette, host: str, port: int, *, certificate: str | None = None, key: str | None = None
) -> None:
    """Serve *app* until this task is cancelled, then let the browsers go and return.

    Raises OwnFault when the address is taken. certificate, key: PEM files, for TLS.
    """
    listener = bind(host, port)
    server = _Server(
        uvicorn.Config(
            app,
            ws="websockets-sansio",
            ws_per_message_deflate=False,  # fifteen milliseconds of zlib a frame and browser, for nothing on a LAN
            ws_max_size=BODY_MAX,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=2,
            ssl_certfile=certificate,
            ssl_keyfile=key,
        )
    )
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        server.should_exit = True
        await running
        raise
    finally:
        listener.close()
