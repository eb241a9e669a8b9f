"""A small OpenID Connect provider on loopback, as honest or as false as a test wants it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlencode

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from browser.serving import free_port, wait_for_port
from detente.node.web.server import serve

CLIENT, SECRET = "detente-alfa", "a secret of the client's"


class FalseProvider:
    """Signs in whoever comes, as *person*; *bend* changes the claims, *header* the token's header."""

    def __init__(self) -> None:
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.asked: list[dict[str, str]] = []
        self._codes: dict[str, dict[str, str]] = {}
        self._own = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self.be_honest()

    def be_honest(self) -> None:
        """Say the truth again."""
        self.key = self._own
        self.signs_with: Any = self.key
        self.person: dict[str, Any] = {"sub": "ada", "name": "Ada Yılmaz", "roles": ["staff", "alfa-mod"]}
        self.bend: dict[str, Any] = {}
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "one"}
        self.says_issuer = self.issuer
        self.authenticated_s = 0.0  # when the person last typed anything here; 0: now, whenever asked
        self.is_unsigned = False

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.metadata),
                Route("/authorize", self.authorize),
                Route("/token", self.token, methods=["POST"]),
                Route("/keys", self.keys),
            ]
        )

    async def metadata(self, request: Request) -> Response:
        del request
        ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        return JSONResponse({"issuer": self.says_issuer} | {k: f"{self.issuer}/{v}" for k, v in ends.items()})

    async def keys(self, request: Request) -> Response:
        del request
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        self.asked.append(asked)
        code = f"code-{len(self.asked)}"
        self._codes[code] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}", 303)

    async def token(self, request: Request) -> Response:
        form = dict(item.split("=", 1) for item in (await request.body()).decode().split("&"))
        asked = self._codes.pop(form["code"], None)
        basic = b64decode(request.headers.get("authorization", "").removeprefix("Basic ")).decode()
        if asked is None or basic != f"{CLIENT}:{SECRET}":
            return JSONResponse({"error": "invalid_grant"}, 400)
        if create_s256_code_challenge(form["code_verifier"]) != asked["code_challenge"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 60,
            "nonce": asked["nonce"],
            "auth_time": int(self.authenticated_s) or now,
            **self.person,
            **self.bend,
        }
        claims = {key: value for key, value in claims.items() if value is not None}
        return JSONResponse({"id_token": self._written(claims), "token_type": "Bearer"})

    def _written(self, claims: dict[str, Any]) -> str:
        if not self.is_unsigned:
            return jwt.encode(self.header, claims, self.signs_with)
        parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
        return ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."

    @contextmanager
    def open(self) -> Iterator[FalseProvider]:
        loop = asyncio.new_event_loop()
        task = loop.create_task(serve(self.app(), "127.0.0.1", self.port))

        def run() -> None:
            with suppress(asyncio.CancelledError):
                loop.run_until_complete(task)
            loop.run_until_complete(asyncio.sleep(0.05))
            loop.close()

        thread = threading.Thread(target=run)
        thread.start()
        wait_for_port(self.port)
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(task.cancel)
            thread.join(10)
