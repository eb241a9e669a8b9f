"""Orders: given by the session's seat, taken once for each key."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import msgspec

from detente.desk.answers import Done
from detente.desk.orders import AnyOrder
from detente.node.web.endpoint import Call, Endpoint, Nothing
from detente.node.web.problem import ORDERS, Refused

ORDER_MAX: Final = 256 * 1024
"""Bytes of one order: a proposal carries its whole text."""
KEY_HEADER: Final = "idempotency-key"
KEY_MAX: Final = 128


async def _order(call: Call[Nothing, AnyOrder]) -> Done:
    async def do() -> Done:
        return msgspec.convert(await call.desk.order(call.body, call.seat.role), Done)

    key = call.request.headers.get(KEY_HEADER, "")
    if len(key) > KEY_MAX:
        raise Refused("unreadable", f"an {KEY_HEADER} has at most {KEY_MAX} characters")
    if not key:
        return await do()
    done: Done = await call.door.repeats.once(call.seat.role, key, hashlib.sha256(call.raw).digest(), do)
    return done


ENDPOINTS: Final[tuple[Endpoint[Any, Any], ...]] = (
    Endpoint(
        method="POST",
        path="/api/orders",
        summary="Give an order as the seat of this session",
        does=_order,
        gives=Done,
        body=AnyOrder,
        problems=("key_reused", *ORDERS),
        headers={KEY_HEADER: "A key of your own for this order: repeated with the same body, it is done once."},
        body_max=ORDER_MAX,
    ),
)
