"""What the endpoints share beside the desk: who sits where, the session's cookie, answers to orders given before."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from starlette.requests import HTTPConnection

from detente.node.web.repeats import Repeats
from detente.node.web.sessions import Session, Sessions

SAFE: Final = frozenset({"GET", "HEAD"})


class Door:
    """One console's. `signed_in` is told of every role that is taken (True) or left."""

    def __init__(self, signed_in: Callable[[str, bool], None], *, tls: bool) -> None:
        self.sessions = Sessions()
        self.repeats = Repeats()
        self.signed_in = signed_in
        self.secure = tls
        # `__Host-` needs Secure, and Secure needs TLS. Cookies ignore ports, so each node has a host name of its own.
        self.cookie = "__Host-detente" if tls else "detente"

    def session_of(self, browser: HTTPConnection) -> Session | None:
        """Return the session that *browser* carries the cookie of."""
        return self.sessions.find(browser.cookies.get(self.cookie), time.monotonic())
