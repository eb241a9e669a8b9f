"""What the endpoints share beside the desk: the accounts, who sits where, what was granted and what was done before."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, assert_never

from starlette.requests import HTTPConnection

from detente.desk.answers import AccountsKind
from detente.evidence.audit import Act
from detente.node.accounts import AccountBook
from detente.node.web.passkeys import Passkeys
from detente.node.web.provider import Provider
from detente.node.web.repeats import Repeats
from detente.node.web.sessions import IDLE_S, Session, Sessions
from detente.node.web.stepping import Challenges, Grants

SAFE: Final = frozenset({"GET", "HEAD"})
_BEARER: Final = "bearer "


@dataclass(frozen=True)
class Demo:
    """Whoever opens the desk takes any seat, and confirms by a click: for the demo only, and marked so on screen."""


Accounts = Demo | Passkeys | Provider

Note = Callable[[Act, str, dict[str, str | int]], None]
"""Takes an act of a person for the log of acts: what, by which seat, and more about it."""


class Door:
    """One console's."""

    def __init__(
        self, accounts: Accounts, book: AccountBook | None, note: Note, *, tls: bool, idle_s: float = IDLE_S
    ) -> None:
        self.accounts = accounts
        self.book = book
        self.note = note
        self.secure = tls
        # `__Host-` needs Secure, and Secure needs TLS. Cookies ignore ports, so each node has a host name of its own.
        self.cookie = "__Host-detente" if tls else "detente"
        self.sessions = Sessions(idle_s)
        self.challenges = Challenges()
        self.grants = Grants()
        self.repeats = Repeats()
        self.signed_in_anew: dict[tuple[str, str], float] = {}  # session and what for → until when; by a provider

    @property
    def kind(self) -> AccountsKind:
        """Return what kind of accounts this console has."""
        match self.accounts:
            case Demo():
                return "demo"
            case Passkeys():
                return "passkey"
            case Provider():
                return "oidc"
            case _:
                assert_never(self.accounts)

    def session_of(self, browser: HTTPConnection) -> Session | None:
        """Return the session that *browser* carries the cookie of, or that of the account whose token it sends.

        With a token the cookie counts for nothing: no page can add that header to another origin's request.
        """
        said = browser.headers.get("authorization", "")
        if said:
            return self._of_token(said)
        session = self.sessions.find(browser.cookies.get(self.cookie), time.monotonic())
        if session is not None and session.how == "passkey" and self._is_ended(session):
            self.sessions.end(lambda one: one is session)
            return None
        return session

    def ended(self, session: Session) -> bool:
        """Whether *session*, found before, is no more: signed out, ended from another desk, or its account ended."""
        if session.how == "token":
            return self._is_ended(session)
        return not self.sessions.holds(session) or (session.how == "passkey" and self._is_ended(session))

    def _is_ended(self, session: Session) -> bool:
        account = self.book.named(session.account) if self.book is not None else None
        return account is None or account.role.value != session.role

    def _of_token(self, said: str) -> Session | None:
        if self.book is None or not said.lower().startswith(_BEARER):
            return None
        found = self.book.with_token(said[len(_BEARER) :].strip(), time.time_ns() // 1_000_000)
        if found is None:
            return None
        account, token = found
        return Session(account.account, account.name, account.role.value, "token", session=f"token {token.name}")
