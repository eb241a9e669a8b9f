"""Signing in once more for one order: challenges that bind to it, and grants that let it through once.

A challenge needs no memory: it carries its time and is authenticated, so that strangers who ask for many push nobody's
out. What was answered is remembered until it would have run out, so that no answer counts twice.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Final

CHALLENGE_S: Final = 120
GRANT_S: Final = 120
GRANTS_MAX: Final = 256
STEP_UP_HEADER: Final = "x-detente-step-up"

_RANDOM: Final = 16
_TIME: Final = 8


class Challenges:
    """Gives and takes back challenges. Times are of a monotonic clock, in seconds."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._answered: dict[bytes, float] = {}

    def give(self, use: str, now_s: float) -> bytes:
        """Return a new challenge for *use* (who and what), good for two minutes."""
        head = secrets.token_bytes(_RANDOM) + round(now_s * 1000).to_bytes(_TIME, "big")
        return head + self._mac(head, use)

    def take(self, challenge: bytes, use: str, now_s: float) -> bool:
        """Whether *challenge* was given for *use*, is still good, and comes for the first time."""
        head, mac = challenge[: _RANDOM + _TIME], challenge[_RANDOM + _TIME :]
        if not hmac.compare_digest(mac, self._mac(head, use)):
            return False
        age_s = now_s - int.from_bytes(head[_RANDOM:], "big") / 1000
        self._answered = {one: at for one, at in self._answered.items() if now_s - at <= CHALLENGE_S}
        if not 0 <= age_s <= CHALLENGE_S or challenge in self._answered:
            return False
        self._answered[challenge] = now_s
        return True

    def _mac(self, head: bytes, use: str) -> bytes:
        return hmac.digest(self._key, head + use.encode(), "sha256")


class Grants:
    """What was granted: one order each, to one session. Beyond the limit the oldest goes."""

    def __init__(self) -> None:
        self._grants: dict[str, tuple[str, str, float]] = {}

    def give(self, session: str, order_digest: str, now_s: float) -> str:
        """Return a grant for the order with *order_digest* in *session*, good once and for two minutes."""
        grant = secrets.token_urlsafe(24)
        self._grants[grant] = (session, order_digest, now_s + GRANT_S)
        if len(self._grants) > GRANTS_MAX:
            del self._grants[next(iter(self._grants))]
        return grant

    def take(self, grant: str, session: str, order_digest: str, now_s: float) -> bool:
        """Whether *grant* lets this order through in this session. Whatever it was for, it is spent."""
        granted = self._grants.pop(grant, None)
        return granted is not None and granted[:2] == (session, order_digest) and now_s < granted[2]
