"""Orders: given by the session's seat, taken once for each key."""

from __future__ import annotations

import hashlib
import time
from typing import Any, Final

import msgspec

from detente.desk.answers import Done
from detente.desk.orders import AnyOrder, Displayed, SendCode
from detente.desk.seats import needs_step_up
from detente.node.web.endpoint import Call, Endpoint, Nothing
from detente.node.web.problem import ORDERS, Refused
from detente.node.web.stepping import STEP_UP_HEADER

ORDER_MAX: Final = 256 * 1024
"""Bytes of one order: a proposal carries its whole text."""
KEY_HEADER: Final = "idempotency-key"
KEY_MAX: Final = 128


async def _order(call: Call[Nothing, AnyOrder]) -> Done:
    async def do() -> Done:
        _check_step_up(call)
        return msgspec.convert(await call.desk.order(call.body, call.seat.role, call.seat.account), Done)

    if not isinstance(call.body, Displayed):  # that a row was painted is no person's act: no lock stops it
        if call.seat.is_locked:
            raise Refused("locked", "nobody has acted here for a while: sign in once more to open the lock")
        call.seat.acted(time.monotonic())
    key = call.request.headers.get(KEY_HEADER, "")
    if len(key) > KEY_MAX:
        raise Refused("unreadable", f"an {KEY_HEADER} has at most {KEY_MAX} characters")
    if not key:
        return await do()
    done: Done = await call.door.repeats.once(call.seat.account, key, hashlib.sha256(call.raw).digest(), do)
    return done


def _check_step_up(call: Call[Nothing, AnyOrder]) -> None:
    """Raise Refused ``step_up_needed`` when the order asks for one more sign-in and brings no grant for it."""
    order, seat = call.body, call.seat
    phrase = order.code if isinstance(order, SendCode) else None
    phrases = call.desk.codebook().get("phrases", ())
    precedence = next((one["precedence"] for one in phrases if one["code"] == phrase), None)
    if not needs_step_up(order, precedence):
        return
    digest = hashlib.sha256(call.raw).hexdigest()
    grant = call.request.headers.get(STEP_UP_HEADER, "")
    if seat.how == "token" or not call.door.grants.take(grant, seat.session, digest, time.monotonic()):
        how = "a token cannot: do it at the desk" if seat.how == "token" else f"for the order {digest}"
        raise Refused("step_up_needed", f"this binds the party or is FLASH; sign in once more: {how}")


ENDPOINTS: Final[tuple[Endpoint[Any, Any], ...]] = (
    Endpoint(
        method="POST",
        path="/api/orders",
        summary="Give an order as the seat of this session",
        does=_order,
        gives=Done,
        body=AnyOrder,
        problems=("key_reused", "locked", "step_up_needed", *ORDERS),
        headers={
            KEY_HEADER: "A key of your own for this order: repeated with the same body, it is done once.",
            STEP_UP_HEADER: "The grant of /api/step-up, for an order that binds the party or is FLASH.",
        },
        body_max=ORDER_MAX,
        while_locked=True,
    ),
)
