"""The console's server: one Starlette application over a `DeskPort`, inside the node's own event loop.

An order is an input like any plot; who gave it comes from the session, never from the form. Everything but the page,
its files and `/healthz` wants a session.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import uvicorn
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from detente.desk.answers import Health
from detente.errors import OrderRefused, OwnFault
from detente.node.accounts import AccountBook, AccountsUnreadable
from detente.node.web import live
from detente.node.web.assets import Asset, assets
from detente.node.web.door import SAFE, Accounts, Demo, Door, Note
from detente.node.web.endpoint import BODY_MAX, answered
from detente.node.web.guard import Guard
from detente.node.web.port import DeskPort
from detente.node.web.problem import PROBLEMS, Refused, problem, problem_page
from detente.node.web.routes import api_routes
from detente.node.web.sessions import IDLE_S


def build_app(
    desk: DeskPort,
    *,
    hosts: Sequence[str],
    accounts: Accounts | None = None,
    book: AccountBook | None = None,
    note: Note = lambda _act, _by, _about: None,
    tls: bool = False,
    idle_s: float = IDLE_S,
) -> Starlette:
    """Return the console's application.

    hosts: what browsers may write in their address line, port included (`alfa.localhost:8001`); anything else is
    refused. accounts: how people sign in; demo accounts if not said. book: whose tokens are good. note: takes what
    people do at the door, for the log of acts.
    """
    door = Door(accounts or Demo(), book, note, tls=tls, idle_s=idle_s)
    pages = _Pages(desk, door)
    return Starlette(
        routes=[
            Route("/", pages.page),
            Route("/wall", pages.page),
            Route("/static/{path:path}", pages.asset),
            Route("/problems/{code}", pages.problem),
            Route("/healthz", pages.health),
            Route("/metrics", pages.metrics),
            *api_routes(desk, door),
            WebSocketRoute("/live", pages.live),
        ],
        middleware=[Middleware(Guard, hosts=hosts, tls=tls)],
        exception_handlers={
            HTTPException: _no_route,
            OrderRefused: _order_refused,
            Refused: _refused,
            AccountsUnreadable: _accounts_unreadable,
        },
    )


class _Pages:
    """What is no part of the API: the page with its files, and the live line."""

    def __init__(self, desk: DeskPort, door: Door) -> None:
        self._desk = desk
        self._door = door
        self._assets = assets()

    async def page(self, request: Request) -> Response:
        return _file(request, self._assets["index.html"])

    async def asset(self, request: Request) -> Response:
        found = self._assets.get(request.path_params["path"])
        if found is None:
            raise Refused("not_found", "no such file")
        return _file(request, found)

    async def problem(self, request: Request) -> Response:
        code = request.path_params["code"]
        if code not in PROBLEMS:
            raise Refused("not_found", "no such problem")
        return Response(problem_page(code), media_type="text/html; charset=utf-8")

    async def health(self, request: Request) -> Response:
        del request
        return answered(Health(alive=True))

    async def metrics(self, request: Request) -> Response:
        del request
        numbers = self._desk.numbers()
        if not numbers:
            raise Refused("not_found", "this node gives no numbers")
        registry = CollectorRegistry()
        for name, value in numbers.items():
            Gauge(name, name.replace("_", " "), registry=registry).set(value)
        return Response(generate_latest(registry), media_type="text/plain; version=0.0.4")

    async def live(self, browser: WebSocket) -> None:
        try:
            session = self._door.session_of(browser)
        except AccountsUnreadable:
            session = None
        if session is None:
            await browser.close(1008, "sign in first")
            return
        await live.run(browser, self._desk, session.role, lambda: self._door.ended(session))


def _file(request: Request, asset: Asset) -> Response:
    headers = {"etag": f'"{asset.sha256}"', "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return Response(asset.body, headers=headers, media_type=asset.media_type)


_CODES: Final = {404: "not_found", 405: "wrong_method"}


async def _no_route(request: Request, fault: Exception) -> Response:
    del request
    assert isinstance(fault, HTTPException)
    code = _CODES.get(fault.status_code, "refused")
    return problem(code, fault.detail, status=fault.status_code, headers=dict(fault.headers or {}))


async def _order_refused(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, OrderRefused)
    # What a read names and is not there was not found; an order for it meets a state that does not have it.
    is_missing = request.method in SAFE and fault.code.startswith("unknown_")
    return problem(fault.code, fault.reason, status=404 if is_missing else None)


async def _refused(request: Request, fault: Exception) -> Response:
    del request
    assert isinstance(fault, Refused)
    return problem(fault.code, fault.detail)


async def _accounts_unreadable(request: Request, fault: Exception) -> Response:
    del request, fault  # the path of a file is nothing for who has not signed in
    return problem("accounts_unreadable", "the file of this node's accounts cannot be read")


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
        listener.listen()
    except OSError as fault:
        listener.close()
        raise OwnFault(f"the console cannot listen on {host}:{port}: {fault.strerror}") from None
    listener.setblocking(False)
    return listener


async def serve(
    app: Starlette,
    host: str,
    port: int,
    *,
    certificate: str | None = None,
    key: str | None = None,
    bound: Callable[[], None] = lambda: None,
) -> None:
    """Serve *app* until this task is cancelled, then let the browsers go and return.

    Raises OwnFault when the address is taken. certificate, key: PEM files, for TLS. bound: called once the address is
    ours and browsers can come.
    """
    listener = bind(host, port)
    bound()
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
