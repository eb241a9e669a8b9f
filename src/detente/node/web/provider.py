"""OpenID Connect: authorisation code with PKCE, and what is checked before anybody is believed to be signed in.

What must be remembered between leaving and coming back stands in a cookie of that browser: a random seed and what the
journey was for. State, nonce and verifier are derived from it with the node's own key, so a stranger's many beginnings
push nobody's out, and an answer that another browser began is refused.

The libraries are loaded at the first journey: they take a quarter of a second, and most nodes have no provider.
"""

from __future__ import annotations

import hmac
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from detente.config import OidcAccounts
from detente.node.web.problem import Refused

if TYPE_CHECKING:
    from joserfc import jwt
    from joserfc.jwk import KeySet

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")
"""Signatures of ID tokens that are taken. Never `none`, never one with the client's secret as its key."""
JOURNEY_S: Final = 600
LEEWAY_S: Final = 5
_ANSWER_MAX: Final = 256 * 1024
_METADATA_S: Final = 3_600


@dataclass(frozen=True)
class Person:
    """Who the provider says it is, with the seat that the configuration maps."""

    subject: str
    name: str
    role: str


class _Metadata(msgspec.Struct, frozen=True):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str
    access_token: str = ""


class Provider:
    """One provider, as this client sees it. *back* is the address of our own that it sends people back to."""

    def __init__(self, config: OidcAccounts, secret: str, back: str) -> None:
        self._config, self._secret, self._back = config, secret, back
        self._key = secrets.token_bytes(32)
        self._metadata: _Metadata | None = None
        self._keys: KeySet | None = None
        self._read_s = 0.0

    def seed(self, use: str) -> str:
        """Return what to put into the browser's cookie for a journey to *use*."""
        return f"{int(time.time())}.{secrets.token_urlsafe(24)}.{use}"

    async def way_there(self, seed: str, *, again: bool) -> str:
        """Return the provider's address to send the browser to. *again*: whoever is signed in there proves it anew."""
        from authlib.common.urls import add_params_to_uri  # noqa: PLC0415
        from authlib.oauth2.rfc7636 import create_s256_code_challenge  # noqa: PLC0415

        metadata, _ = await self._read()
        more = {"prompt": "login", "max_age": "0"} if again else {}
        params = {
            "response_type": "code",
            "client_id": self._config.client,
            "redirect_uri": self._back,
            "scope": "openid profile",
            "state": self._derived("state", seed),
            "nonce": self._derived("nonce", seed),
            "code_challenge": create_s256_code_challenge(self._derived("verifier", seed)),
            "code_challenge_method": "S256",
            **more,
        }
        return str(add_params_to_uri(metadata.authorization_endpoint, list(params.items())))

    async def came_back(self, seed: str, state: str, code: str, *, again: bool) -> Person:
        """Return who came back with *code*; raises Refused ``provider`` for whatever is not as it must be."""
        if not hmac.compare_digest(state.encode(), self._derived("state", seed).encode()):
            raise Refused("provider", "this answer was not asked for by this browser")
        began_s = float(seed.partition(".")[0])
        if not 0 <= time.time() - began_s <= JOURNEY_S:
            raise Refused("provider", "signing in took too long; begin anew")
        tokens = await self._tokens(code, self._derived("verifier", seed))
        claims = await self._claims(tokens, self._derived("nonce", seed))
        if again and not began_s - LEEWAY_S <= float(claims.get("auth_time") or 0):
            raise Refused("provider", "the provider did not ask for the person anew: no fresh auth_time")
        return self._person(claims)

    def _derived(self, what: str, seed: str) -> str:
        return hmac.digest(self._key, f"{what}\n{seed}".encode(), "sha256").hex()

    async def _tokens(self, code: str, verifier: str) -> _Tokens:
        import httpx  # noqa: PLC0415

        metadata, _ = await self._read()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "client_id": self._config.client,
            "code_verifier": verifier,
        }
        auth = httpx.BasicAuth(self._config.client, self._secret) if self._secret else None
        tokens: _Tokens = await self._asked("POST", metadata.token_endpoint, _Tokens, data=form, auth=auth)
        return tokens

    async def _claims(self, tokens: _Tokens, nonce: str) -> dict[str, Any]:
        from authlib.oidc.core import CodeIDToken  # noqa: PLC0415
        from joserfc.errors import JoseError  # noqa: PLC0415

        try:
            token = await self._decoded(tokens.id_token)
            claims = CodeIDToken(
                token.claims,
                token.header,
                options={
                    "iss": {"essential": True, "value": self._config.issuer},
                    "aud": {"essential": True, "value": self._config.client},
                },
                params={"nonce": nonce, "client_id": self._config.client, "access_token": tokens.access_token},
            )
            claims.validate(leeway=LEEWAY_S)
        except (JoseError, ValueError, KeyError, TypeError) as wrong:
            raise Refused("provider", f"the ID token is not good: {type(wrong).__name__}") from None
        return dict(token.claims)

    async def _decoded(self, id_token: str) -> jwt.Token:
        """Return the token, its signature checked; once with the provider's keys read anew, for it may have rotated."""
        from joserfc import jwt  # noqa: PLC0415
        from joserfc.errors import JoseError  # noqa: PLC0415

        _, keys = await self._read()
        try:
            return jwt.decode(id_token, keys, algorithms=list(ALGORITHMS))
        except (JoseError, ValueError):
            _, keys = await self._read(anew=True)
            return jwt.decode(id_token, keys, algorithms=list(ALGORITHMS))

    def _person(self, claims: dict[str, Any]) -> Person:
        said = claims.get(self._config.claim)
        values = [said] if isinstance(said, str) else said if isinstance(said, list) else []
        roles = {self._config.roles[one] for one in values if isinstance(one, str) and one in self._config.roles}
        if len(roles) != 1:
            how = "no seat" if not roles else "more than one seat"
            raise Refused("provider", f"the claim {self._config.claim!r} gives {how} here; see [accounts] roles")
        name = claims.get(self._config.name_claim)
        subject = str(claims["sub"])
        return Person(subject, str(name)[:60] if isinstance(name, str) else subject[:60], roles.pop())

    async def _read(self, *, anew: bool = False) -> tuple[_Metadata, KeySet]:
        from joserfc.errors import JoseError  # noqa: PLC0415
        from joserfc.jwk import KeySet  # noqa: PLC0415

        if self._metadata and self._keys and not anew and time.monotonic() - self._read_s < _METADATA_S:
            return self._metadata, self._keys
        issuer = self._config.issuer
        metadata = await self._asked("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration", _Metadata)
        if metadata.issuer != issuer:
            raise Refused("provider", "the provider calls itself otherwise than [accounts] issuer does")
        secure = issuer.startswith("https:")
        for url in (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri):
            if secure and not url.startswith("https:"):
                raise Refused("provider", "the provider names an address that is not https")
        keys = await self._asked("GET", metadata.jwks_uri, dict[str, Any])
        try:
            self._keys = KeySet.import_key_set(keys)
        except (JoseError, ValueError, KeyError, TypeError):
            raise Refused("provider", "the provider's keys cannot be read") from None
        self._metadata, self._read_s = metadata, time.monotonic()
        return metadata, self._keys

    async def _asked(self, method: str, url: str, kind: type[Any], **more: Any) -> Any:
        """Ask the provider: no proxy from the environment, no redirect, a limit of time and size."""
        import httpx  # noqa: PLC0415

        try:
            async with (
                httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=5.0) as client,
                client.stream(method, url, headers={"accept": "application/json"}, **more) as answer,
            ):
                body = bytearray()
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > _ANSWER_MAX:
                        raise Refused("provider", "the provider's answer is too large")
                if answer.status_code != 200:
                    raise Refused("provider", f"the provider answered {answer.status_code}")
                return msgspec.json.decode(bytes(body), type=kind)
        except (httpx.HTTPError, httpx.InvalidURL, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
            raise Refused("provider", f"the provider cannot be asked: {type(wrong).__name__}") from None
