"""Who sits at which browser. A session is made by signing in, carried by a cookie, and gives the `by` of every order.

Demo accounts choose a role without proof and are marked so on screen. A write also carries the session's token in a
header, which a page of another origin can neither read nor send.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Final

import msgspec

SESSIONS_MAX: Final = 256
SESSION_S: Final = 12 * 3600
TOKEN_HEADER: Final = "x-detente-token"  # noqa: S105 - the header's name


class Session(msgspec.Struct, frozen=True):
    """One signed-in browser: its seat, and the token its writes must carry."""

    role: str
    token: str
    until_s: float  # monotonic

    def owns(self, token: str) -> bool:
        """Whether a write that carries *token* comes from this session's own page."""
        return hmac.compare_digest(self.token.encode(), token.encode())


class Sessions:
    """The signed-in browsers of one node. At the limit the one that signed in first is signed out."""

    def __init__(self) -> None:
        self._by_cookie: dict[str, Session] = {}

    def open(self, role: str, now_s: float) -> tuple[str, Session]:
        """Return a new cookie value and its session."""
        cookie, session = secrets.token_urlsafe(32), Session(role, secrets.token_urlsafe(24), now_s + SESSION_S)
        self._by_cookie[cookie] = session
        if len(self._by_cookie) > SESSIONS_MAX:
            del self._by_cookie[next(iter(self._by_cookie))]
        return cookie, session

    def find(self, cookie: str | None, now_s: float) -> Session | None:
        """Return the session of *cookie* while it lasts."""
        session = self._by_cookie.get(cookie or "")
        if session is not None and now_s >= session.until_s:
            self.close(cookie)
            return None
        return session

    def close(self, cookie: str | None) -> None:
        """Sign the browser with *cookie* out."""
        self._by_cookie.pop(cookie or "", None)
