"""The door of the console: which hosts and origins are let in, and the headers of every answer (threat model 18, 33).

A browser that was led to our address under another name (DNS rebinding) sends that name as Host; a page of another
origin that writes to us or opens our WebSocket sends its own Origin. Both are refused before any route sees them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from detente.node.web.problem import problem

CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)

HEADERS: Final = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), usb=()",
}

SAFE_METHODS: Final = frozenset({"GET", "HEAD"})


class Guard:
    """Lets in only *hosts* (as browsers write them, `alfa.localhost:8001`) and pages that came from them."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str], *, tls: bool) -> None:
        scheme = "https" if tls else "http"
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)
        self._origins = frozenset(f"{scheme}://{host}" for host in self._hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal and scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": refusal})  # before accept: HTTP 403
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        app = problem("wrong_origin", refusal) if refusal else self._app
        await app(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> str:
        headers = Headers(scope=scope)
        host, origin = headers.get("host", "").lower(), headers.get("origin")
        if host not in self._hosts:
            return "this host name is not one of the console's"
        if origin is None:
            needed = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
            if "authorization" in headers:
                needed = (
                    False  # a program with a token: a browser always says its origin, and its cookie counts for nothing
                )
            return "an Origin is required here" if needed else ""
        return "" if origin.lower() in self._origins else "this origin is not one of the console's"
