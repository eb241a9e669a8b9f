"""Signing in and out: which seat this browser has, by what right, and which other sessions there are."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any, Final

import msgspec
import structlog
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from detente.desk.answers import Asked, Credential, Seat, SessionRow
from detente.errors import ConfigError
from detente.evidence.audit import Act
from detente.node.accounts import Account
from detente.node.web.door import Demo, Door
from detente.node.web.endpoint import Call, Endpoint, Nothing, Who, answered
from detente.node.web.passkeys import Passkeys, challenge_in
from detente.node.web.problem import Refused
from detente.node.web.provider import JOURNEY_S, Provider
from detente.node.web.sessions import SESSION_S, Session, agents
from detente.types import Role

log = structlog.get_logger()

KEEPERS: Final = (Role.SUPERVISOR.value, Role.DUTY_OFFICER.value)
"""Who sees every session of the node and may end any: for the laptop of somebody who is not there to do it."""


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Take a seat with a demo account."""

    role: str


class Code(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The one-time code of an account, from its enrolment address."""

    code: Annotated[str, Meta(max_length=100)]


class NewPasskey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A passkey as the browser made it, for the account of the code."""

    code: Annotated[str, Meta(max_length=100)]
    credential: Credential


class Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the browser's passkey signed."""

    credential: Credential


class OneSession(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which session, by its name in the list."""

    session: Annotated[str, Meta(pattern=r"^[0-9a-f]{12}$")]


class Ending(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose sessions to end."""

    everybody: bool = False


class CameBack(msgspec.Struct, frozen=True):
    """What the provider sends a browser back with; it may add more of its own."""

    state: Annotated[str, Meta(max_length=200)] = ""
    code: Annotated[str, Meta(max_length=4_000)] = ""
    error: Annotated[str, Meta(max_length=200)] = ""


class SteppingUp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For which order the person is to sign in anew with the provider; none: to open the lock."""

    order_digest: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")] | None = None


def seat_of(call: Call[Any, Any], session: Session | None) -> Seat:
    """Return what the console is told of *session*."""
    door = call.door
    roles = list(call.desk.roles()) if isinstance(door.accounts, Demo) else []
    if session is None:
        return Seat(role=None, token=None, roles=roles, demo=door.kind == "demo", kind=door.kind)
    return Seat(
        role=session.role,
        token=session.token,
        roles=roles,
        demo=door.kind == "demo",
        kind=door.kind,
        account=session.account,
        name=session.name,
        session=session.session,
        locked=session.is_locked,
    )


def sit(call: Call[Any, Any], session: Session) -> Response:
    """Let *session* begin in this browser; the one before it there ends."""
    door = call.door
    session.agent, session.opened_ms = agents(call.request.headers.get("user-agent", "")), time.time_ns() // 1_000_000
    response = answered(seat_of(call, session))
    _sit(door, call.request, session, response)
    return response


def _sit(door: Door, request: Request, session: Session, response: Response) -> None:
    door.sessions.close(request.cookies.get(door.cookie))
    cookie = door.sessions.open(session, time.monotonic())
    door.note(Act.SIGN_IN, session.role, {"use": session.how})
    response.set_cookie(
        door.cookie, cookie, max_age=SESSION_S, path="/", secure=door.secure, httponly=True, samesite="strict"
    )


async def _session(call: Call[Nothing, None]) -> Seat:
    return seat_of(call, call.session)


async def _sign_in(call: Call[Nothing, SignIn]) -> Response:
    role = call.body.role
    if not isinstance(call.door.accounts, Demo):
        raise Refused("wrong_accounts", "this node has no demo accounts")
    if role not in call.desk.roles():
        raise Refused("not_allowed", f"there is no demo account for the role {role[:40]!r}")
    return sit(call, Session(f"demo-{role}", role, role, "demo"))


async def _sign_out(call: Call[Nothing, None]) -> Response:
    door = call.door
    door.note(Act.SIGN_OUT, call.seat.role, {"use": call.seat.how})
    door.sessions.close(call.request.cookies.get(door.cookie))
    response = answered(seat_of(call, None))
    response.delete_cookie(door.cookie, path="/", secure=door.secure, httponly=True, samesite="strict")
    return response


async def _active(call: Call[Nothing, None]) -> Seat:
    call.seat.acted(time.monotonic())
    return seat_of(call, call.session)


# --- passkeys


def passkeys_of(door: Door) -> Passkeys:
    """Return the passkeys of this console; raises Refused ``wrong_accounts`` when it has none."""
    if isinstance(door.accounts, Passkeys):
        return door.accounts
    raise Refused("wrong_accounts", f"this node's accounts are of the kind {door.kind!r}")


def _of_code(call: Call[Any, Any], code: str) -> Account:
    account = passkeys_of(call.door).book.with_code(code, time.time_ns() // 1_000_000)
    if account is None:
        raise Refused("enrolment", "this one-time address was used, has run out, or never was")
    return account


async def _asked_to_register(call: Call[Nothing, Code]) -> Asked:
    account = _of_code(call, call.body.code)
    challenge = call.door.challenges.give(f"register/{account.account}", time.monotonic())
    return Asked("passkey", passkeys_of(call.door).to_register(account, challenge))


async def _register(call: Call[Nothing, NewPasskey]) -> Response:
    door, passkeys = call.door, passkeys_of(call.door)
    account = _of_code(call, call.body.code)
    challenge = challenge_in(call.body.credential)
    if not door.challenges.take(challenge, f"register/{account.account}", time.monotonic()):
        raise Refused("passkey", "this was not asked for, or too long ago")
    made = passkeys.registered(call.body.credential, challenge, time.time_ns() // 1_000_000)
    try:
        account = await asyncio.to_thread(passkeys.book.keep_passkey, account.account, made)
    except (ConfigError, OSError) as wrong:
        log.warning("passkey not kept", fault=str(wrong))
        raise Refused("passkey", "the node cannot keep it; its log says why") from None
    door.note(Act.ENROLLED, account.role.value, {"use": "passkey", "count": len(account.passkeys)})
    return sit(call, Session(account.account, account.name, account.role.value, "passkey"))


async def _asked_to_sign_in(call: Call[Nothing, None]) -> Asked:
    challenge = call.door.challenges.give("sign-in", time.monotonic())
    return Asked("passkey", passkeys_of(call.door).to_sign(None, challenge))


async def _sign_in_with_passkey(call: Call[Nothing, Signed]) -> Response:
    account = await signed_by(call.door, call.body.credential, "sign-in")
    return sit(call, Session(account.account, account.name, account.role.value, "passkey"))


async def signed_by(door: Door, credential: Credential, use: str) -> Account:
    """Return whose passkey answered a challenge given for *use*; raises Refused ``passkey``."""
    passkeys = passkeys_of(door)
    challenge = challenge_in(credential)
    if not door.challenges.take(challenge, use, time.monotonic()):
        raise Refused("passkey", "this was not asked for, or too long ago")
    account, passkey, count = passkeys.signed(credential, challenge)
    if count != passkey.count:
        try:
            await asyncio.to_thread(passkeys.book.used, account.account, passkey.id, count)
        except (ConfigError, OSError) as wrong:  # a full disk keeps nobody from the desk
            log.warning("count of a passkey not kept", fault=str(wrong))
    return account


# --- a provider


def provider_of(door: Door) -> Provider:
    """Return the provider of this console; raises Refused ``wrong_accounts`` when it has none."""
    if isinstance(door.accounts, Provider):
        return door.accounts
    raise Refused("wrong_accounts", f"this node's accounts are of the kind {door.kind!r}")


def _journey_cookie(door: Door) -> str:
    return f"{door.cookie}-oidc"


async def _journey(call: Call[Any, Any], use: str, *, again: bool) -> Response:
    provider = provider_of(call.door)
    seed = provider.seed(use)
    response = RedirectResponse(await provider.way_there(seed, again=again), 303)
    # Lax: the browser comes back from another site. It opens nothing by itself.
    response.set_cookie(
        _journey_cookie(call.door), seed, JOURNEY_S, path="/", secure=call.door.secure, httponly=True, samesite="lax"
    )
    return response


async def _to_provider(call: Call[Nothing, None]) -> Response:
    return await _journey(call, "sign-in", again=False)


async def _to_provider_again(call: Call[SteppingUp, None]) -> Response:
    return await _journey(call, f"{call.seat.session}/{call.params.order_digest or 'unlock'}", again=True)


async def _from_provider(call: Call[CameBack, None]) -> Response:
    door, provider = call.door, provider_of(call.door)
    seed = call.request.cookies.get(_journey_cookie(door), "")
    began, _, use = (*seed.split(".", 2), "", "")[:3]
    if not began.isdecimal() or not use:
        raise Refused("provider", "this browser began no such journey; sign in anew")
    if call.params.error:
        raise Refused("provider", f"the provider says {agents(call.params.error)[:80]}")
    person = await provider.came_back(seed, call.params.state, call.params.code, again=use != "sign-in")
    if use == "sign-in":
        session = Session(person.subject, person.name, person.role, "oidc")
        session.agent = agents(call.request.headers.get("user-agent", ""))
        session.opened_ms = time.time_ns() // 1_000_000
        response: Response = RedirectResponse("/", 303)
        _sit(door, call.request, session, response)
    else:
        _came_back_anew(door, use, person.subject)
        response = Response("Done. Close this window and go back to the desk.", media_type="text/plain; charset=utf-8")
    response.delete_cookie(_journey_cookie(door), path="/", secure=door.secure, httponly=True, samesite="lax")
    return response


def _came_back_anew(door: Door, use: str, subject: str) -> None:
    name, _, what = use.partition("/")
    now_s = time.monotonic()
    if not any(one.session == name and one.account == subject for one in door.sessions.all(now_s)):
        raise Refused("provider", "this is not the person who sits at the desk")
    door.signed_in_anew = {key: until for key, until in door.signed_in_anew.items() if now_s < until}
    door.signed_in_anew[name, what] = now_s + 120


# --- the list of sessions


def _may_end(seat: Session, other: Session) -> bool:
    return seat.account == other.account or seat.role in KEEPERS


async def _sessions(call: Call[Nothing, None]) -> list[SessionRow]:
    now_s, now_ms = time.monotonic(), time.time_ns() // 1_000_000
    return [
        SessionRow(
            one.session,
            one.account,
            one.name,
            one.role,
            one.how,
            one.opened_ms,
            now_ms - round((now_s - one.acted_s) * 1000),
            one.is_locked,
            one is call.seat,
            one.agent,
        )
        for one in call.door.sessions.all(now_s)
        if _may_end(call.seat, one)
    ]


async def _end_one(call: Call[OneSession, None]) -> list[SessionRow]:
    ended = call.door.sessions.end(lambda one: one.session == call.params.session and _may_end(call.seat, one))
    if not ended:
        raise Refused("no_such_session", "it has ended already, or is not yours to end")
    call.door.note(Act.SESSION_ENDED, call.seat.role, {"count": 1, "code": ended[0].role})
    return await _sessions(Call(call.desk, call.door, call.request, call.session, Nothing(), None, b""))


async def _end_all(call: Call[Ending, None]) -> list[SessionRow]:
    if call.params.everybody and call.seat.role not in KEEPERS:
        raise Refused("not_allowed", "only a supervisor or a duty officer ends everybody's sessions")
    everybody = call.params.everybody
    ended = call.door.sessions.end(lambda one: one is not call.seat and (everybody or one.account == call.seat.account))
    call.door.note(Act.SESSION_ENDED, call.seat.role, {"count": len(ended)})
    return await _sessions(Call(call.desk, call.door, call.request, call.session, Nothing(), None, b""))


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
        problems=("not_allowed", "wrong_accounts"),
    ),
    Endpoint(
        method="DELETE",
        path="/api/session",
        summary="Leave the seat",
        does=_sign_out,
        gives=Seat,
        while_locked=True,
    ),
    Endpoint(
        method="POST",
        path="/api/session/active",
        summary="Say that a person is at the desk: it is locked after a while without",
        does=_active,
        gives=Seat,
        while_locked=True,
    ),
    Endpoint(
        method="GET",
        path="/api/sessions",
        summary="One's own sessions; a supervisor and a duty officer see everybody's",
        does=_sessions,
        gives=list[SessionRow],
    ),
    Endpoint(
        method="DELETE",
        path="/api/sessions",
        summary="End all of one's other sessions, or everybody's others",
        does=_end_all,
        gives=list[SessionRow],
        params=Ending,
        problems=("not_allowed",),
        while_locked=True,
    ),
    Endpoint(
        method="DELETE",
        path="/api/sessions/{session}",
        summary="End one session",
        does=_end_one,
        gives=list[SessionRow],
        params=OneSession,
        problems=("no_such_session",),
        while_locked=True,
    ),
    Endpoint(
        method="POST",
        path="/api/passkeys/options",
        summary="What a browser needs to make a passkey for the account of a one-time code",
        does=_asked_to_register,
        gives=Asked,
        body=Code,
        who=Who.ANYONE,
        problems=("wrong_accounts", "enrolment"),
    ),
    Endpoint(
        method="POST",
        path="/api/passkeys",
        summary="Keep the passkey and take the account's seat",
        does=_register,
        gives=Seat,
        body=NewPasskey,
        who=Who.ANYONE,
        problems=("wrong_accounts", "enrolment", "passkey"),
    ),
    Endpoint(
        method="POST",
        path="/api/sign-in/options",
        summary="What a browser needs to sign in with a passkey",
        does=_asked_to_sign_in,
        gives=Asked,
        who=Who.ANYONE,
        problems=("wrong_accounts",),
    ),
    Endpoint(
        method="POST",
        path="/api/sign-in",
        summary="Take the seat of the passkey's account",
        does=_sign_in_with_passkey,
        gives=Seat,
        body=Signed,
        who=Who.ANYONE,
        problems=("wrong_accounts", "passkey"),
    ),
    Endpoint(
        method="GET",
        path="/api/oidc/start",
        summary="Go to the provider to sign in",
        does=_to_provider,
        gives=bytes,
        status=303,
        who=Who.ANYONE,
        problems=("wrong_accounts", "provider"),
    ),
    Endpoint(
        method="GET",
        path="/api/oidc/step-up",
        summary="Go to the provider to sign in once more, for one order or to open the lock",
        does=_to_provider_again,
        gives=bytes,
        status=303,
        params=SteppingUp,
        problems=("wrong_accounts", "provider"),
    ),
    Endpoint(
        method="GET",
        path="/api/oidc/callback",
        summary="Where the provider sends the browser back to",
        does=_from_provider,
        gives=bytes,
        status=303,
        media_type="text/plain",
        params=CameBack,
        who=Who.ANYONE,
        problems=("wrong_accounts", "provider"),
    ),
)
