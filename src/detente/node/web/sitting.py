"""Signing in and out: which seat this browser has."""

from __future__ import annotations

import time
from typing import Any, Final

import msgspec
from starlette.responses import Response

from detente.desk.answers import Seat
from detente.node.web.endpoint import Call, Endpoint, Nothing, Who, answered
from detente.node.web.problem import Refused
from detente.node.web.sessions import SESSION_S, Session


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Take a seat with a demo account."""

    role: str


def _seat(call: Call[Any, Any], session: Session | None) -> Seat:
    roles = list(call.desk.roles())
    return Seat(session.role if session else None, session.token if session else None, roles, bool(roles))


async def _session(call: Call[Nothing, None]) -> Seat:
    return _seat(call, call.session)


async def _sign_in(call: Call[Nothing, SignIn]) -> Response:
    role, door = call.body.role, call.door
    if role not in call.desk.roles():
        raise Refused("not_allowed", f"there is no demo account for the role {role[:40]!r}")
    door.sessions.close(call.request.cookies.get(door.cookie))
    cookie, session = door.sessions.open(role, time.monotonic())
    door.signed_in(role, True)
    response = answered(_seat(call, session))
    response.set_cookie(
        door.cookie, cookie, max_age=SESSION_S, path="/", secure=door.secure, httponly=True, samesite="strict"
    )
    return response


async def _sign_out(call: Call[Nothing, None]) -> Response:
    door = call.door
    door.signed_in(call.seat.role, False)
    door.sessions.close(call.request.cookies.get(door.cookie))
    response = answered(_seat(call, None))
    response.delete_cookie(door.cookie, path="/", secure=door.secure, httponly=True, samesite="strict")
    return response


ENDPOINTS: Final[tuple[Endpoint[Any, Any], ...]] = (
    Endpoint(
        method="GET",
        path="/api/session",
        summary="Which seat this browser has, and how to take one",
        does=_session,
        gives=Seat,
        who=Who.ANYONE,
    ),
    Endpoint(
        method="POST",
        path="/api/session",
        summary="Take a seat with a demo account",
        does=_sign_in,
        gives=Seat,
        body=SignIn,
        who=Who.ANYONE,
        problems=("not_allowed",),
    ),
    Endpoint(method="DELETE", path="/api/session", summary="Leave the seat", does=_sign_out, gives=Seat),
)
