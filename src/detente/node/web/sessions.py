"""Who sits at which browser. A session is made by signing in, carried by a cookie, and gives the `by` of every order.

A write also carries the session's token in a header, which a page of another origin can neither read nor send. A
session that nobody has acted in for a while is locked: its desk still shows, and takes no order until the person has
signed in once more. Any session can be ended from another.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from detente.desk.answers import AccountsKind

SESSIONS_MAX: Final = 256
SESSION_S: Final = 12 * 3600
IDLE_S: Final = 600.0
TOKEN_HEADER: Final = "x-detente-token"  # noqa: S105 - the header's name


@dataclass
class Session:
    """One signed-in browser, or one request of a program with an account's token."""

    account: str
    name: str
    role: str
    how: AccountsKind | str  # of the accounts, or "token"
    until_s: float = 0.0  # monotonic
    acted_s: float = 0.0
    opened_ms: int = 0
    agent: str = ""
    is_locked: bool = False
    session: str = field(default_factory=lambda: secrets.token_hex(6))  # its name in lists, worth nothing to a thief
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))  # that its writes must carry

    def owns(self, token: str) -> bool:
        """Whether a write that carries *token* comes from this session's own page."""
        return hmac.compare_digest(self.token.encode(), token.encode())

    def acted(self, now_s: float) -> None:
        """Note that a person did something here; a lock is opened by a passkey and not by this."""
        if not self.is_locked:
            self.acted_s = now_s

    def unlock(self, now_s: float) -> None:
        """Open the lock: the person has signed in once more."""
        self.is_locked, self.acted_s = False, now_s


class Sessions:
    """The signed-in browsers of one node. At the limit the one that signed in first is signed out."""

    def __init__(self, idle_s: float = IDLE_S) -> None:
        self._by_cookie: dict[str, Session] = {}
        self._idle_s = idle_s

    def open(self, session: Session, now_s: float) -> str:
        """Return a new cookie value for *session*, which begins now."""
        cookie = secrets.token_urlsafe(32)
        session.until_s, session.acted_s = now_s + SESSION_S, now_s
        self._by_cookie[cookie] = session
        if len(self._by_cookie) > SESSIONS_MAX:
            del self._by_cookie[next(iter(self._by_cookie))]
        return cookie

    def find(self, cookie: str | None, now_s: float) -> Session | None:
        """Return the session of *cookie* while it lasts, locked when nobody has acted in it for too long."""
        session = self._by_cookie.get(cookie or "")
        if session is None:
            return None
        if now_s >= session.until_s:
            self.close(cookie)
            return None
        session.is_locked = session.is_locked or now_s - session.acted_s >= self._idle_s
        return session

    def close(self, cookie: str | None) -> None:
        """Sign the browser with *cookie* out."""
        self._by_cookie.pop(cookie or "", None)

    def all(self, now_s: float) -> list[Session]:
        """Return the sessions there are, the newest first."""
        found = [session for cookie in list(self._by_cookie) if (session := self.find(cookie, now_s))]
        return found[::-1]

    def end(self, which: Callable[[Session], bool]) -> list[Session]:
        """End the sessions that *which* is true of; returns them."""
        ended = {cookie: session for cookie, session in self._by_cookie.items() if which(session)}
        for cookie in ended:
            del self._by_cookie[cookie]
        return list(ended.values())

    def holds(self, session: Session) -> bool:
        """Whether *session* has not been ended."""
        return any(one is session for one in self._by_cookie.values())


def agents(words: str) -> str:
    """Return what a browser calls itself, cut and without what does not show."""
    return "".join(c for c in words if c.isascii() and c.isprintable())[:120]
