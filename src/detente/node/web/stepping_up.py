"""Signing in once more for one order, or to open the lock of a session that nobody has acted in for a while.

The grant is for the very bytes of the order: the person was shown the text and its digest before the passkey was
asked for, and another order under the same grant is refused.
"""

from __future__ import annotations

import time
from typing import Any, Final, assert_never

from detente.desk.answers import Asked, Grant, StepUp, StepUpAsked
from detente.evidence.audit import Act
from detente.node.web.door import Demo
from detente.node.web.endpoint import Call, Endpoint, Nothing
from detente.node.web.passkeys import Passkeys
from detente.node.web.problem import Refused
from detente.node.web.provider import Provider
from detente.node.web.sessions import Session
from detente.node.web.sitting import signed_by
from detente.node.web.stepping import GRANT_S

UNLOCK: Final = "unlock"


def _use(session: Session, order_digest: str | None) -> str:
    return f"step-up/{session.session}/{order_digest or UNLOCK}"


async def _asked(call: Call[Nothing, StepUpAsked]) -> Asked:
    door, digest = call.door, call.body.order_digest
    if call.seat.how == "token":
        raise Refused("not_allowed", "a token cannot sign in once more: do this at the desk")
    match door.accounts:
        case Demo():
            return Asked("demo")
        case Passkeys() as passkeys:
            account = passkeys.book.named(call.seat.account)
            challenge = door.challenges.give(_use(call.seat, digest), time.monotonic())
            return Asked("passkey", passkeys.to_sign(account, challenge))
        case Provider():
            return Asked("oidc", address="/api/oidc/step-up" + (f"?order_digest={digest}" if digest else ""))
        case _:
            assert_never(door.accounts)


async def _step_up(call: Call[Nothing, StepUp]) -> Grant:
    door, seat, digest = call.door, call.seat, call.body.order_digest
    if seat.how == "token":
        raise Refused("not_allowed", "a token cannot sign in once more: do this at the desk")
    now_s = time.monotonic()
    match door.accounts:
        case Demo():
            if not call.body.sure:
                raise Refused("passkey", "a demo account says that it is sure")
        case Passkeys():
            if call.body.credential is None:
                raise Refused("passkey", "the passkey's answer is missing")
            account = await signed_by(door, call.body.credential, _use(seat, digest))
            if account.account != seat.account:
                raise Refused("passkey", "this is not the passkey of who sits here")
        case Provider():
            until_s = door.signed_in_anew.pop((seat.session, digest or UNLOCK), 0.0)
            if now_s >= until_s:
                raise Refused("step_up_pending", "the provider has not sent this person back yet")
        case _:
            assert_never(door.accounts)
    if digest is None:
        seat.unlock(now_s)
        door.note(Act.STEP_UP, seat.role, {"use": "unlock"})
        return Grant("", 0)
    if seat.is_locked:
        raise Refused("locked", "open the lock first")
    seat.acted(now_s)
    door.note(Act.STEP_UP, seat.role, {"use": door.kind, "digest": digest})
    return Grant(door.grants.give(seat.session, digest, now_s), time.time_ns() // 1_000_000 + GRANT_S * 1000)


ENDPOINTS: Final[tuple[Endpoint[Any, Any], ...]] = (
    Endpoint(
        method="POST",
        path="/api/step-up/options",
        summary="What is needed to sign in once more for one order, or to open the lock",
        does=_asked,
        gives=Asked,
        body=StepUpAsked,
        problems=("not_allowed",),
        while_locked=True,
    ),
    Endpoint(
        method="POST",
        path="/api/step-up",
        summary="Sign in once more: gives a grant for one order, or opens the lock",
        does=_step_up,
        gives=Grant,
        body=StepUp,
        problems=("not_allowed", "wrong_accounts", "passkey", "step_up_pending", "locked"),
        while_locked=True,
    ),
)
