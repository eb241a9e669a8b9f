"""One endpoint of the API as a value: from the same table come the routes and their description in OpenAPI (ADR 8)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from detente.node.web.problem import Refused

if TYPE_CHECKING:
    from detente.node.web.door import Door
    from detente.node.web.port import DeskPort
    from detente.node.web.sessions import Session

BODY_MAX: Final = 16 * 1024

P = TypeVar("P", bound=msgspec.Struct)
B = TypeVar("B")


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No parameters: what is given all the same is refused."""


class Who(Enum):
    """Who may ask. A write by a session also carries the session's token; a lock stops orders, never the view."""

    ANYONE = "anyone"
    SEATED = "whoever has signed in"


@dataclass(frozen=True, slots=True)
class Call(Generic[P, B]):
    """One request, read and checked. `body` is what `raw` holds."""

    desk: DeskPort
    door: Door
    request: Request
    session: Session | None
    params: P
    body: B
    raw: bytes

    @property
    def seat(self) -> Session:
        """The session, where the endpoint wants one."""
        assert self.session is not None
        return self.session


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint(Generic[P, B]):
    """One entry of the table. *params* holds the path's parameters, by the names in *path*, and the query's."""

    method: Literal["GET", "POST", "DELETE"]
    path: str
    summary: str
    does: Callable[[Call[P, B]], Awaitable[object]]
    gives: Any  # the type of the answer; bytes for anything that is no JSON
    params: type[P] = Nothing  # type: ignore[assignment]
    body: Any = None  # the type of a JSON body; bytes: a file, as it comes
    who: Who = Who.SEATED
    problems: tuple[str, ...] = ()
    media_type: str = "application/json"
    status: int = 200
    while_locked: bool = False  # whether a write is taken from a session that is locked
    headers: Mapping[str, str] = field(default_factory=dict)  # further request headers, name → what for
    body_max: int = BODY_MAX

    def all_problems(self) -> tuple[str, ...]:
        """Return every code this endpoint can answer, those of the door among them."""
        found = ["wrong_origin"]
        if self.who is Who.SEATED:
            found.append("not_signed_in")
            if self.method != "GET":
                found += ["wrong_token"] if self.while_locked else ["wrong_token", "locked"]
        if self.body is not None:
            found += ["unreadable", "too_large"]
        if self.params is not Nothing or self.body is not None:
            found.append("unreadable")
        return tuple(dict.fromkeys((*found, *self.problems)))

    def path_names(self) -> list[str]:
        """Return the names of the path's parameters."""
        return re.findall(r"{(\w+)(?::path)?}", self.path)


def params_of(endpoint: Endpoint[Any, Any], request: Request) -> msgspec.Struct:
    """Return the parameters of *request*; raises Refused ``unreadable`` for what the endpoint does not take."""
    given: dict[str, str] = {name: str(value) for name, value in request.path_params.items()}
    for name, value in request.query_params.multi_items():
        if name in given:
            raise Refused("unreadable", f"the parameter {name[:40]!r} is given twice")
        given[name] = value
    try:
        params: msgspec.Struct = msgspec.convert(given, endpoint.params, strict=False)
    except msgspec.ValidationError as wrong:
        raise Refused("unreadable", str(wrong)) from None
    return params


class BodyReader:
    """Reads bodies of one type. JSON has one kind of number, so that 387.0 is the integer it says."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind
        self._decode = msgspec.json.Decoder(kind).decode

    def read(self, raw: bytes) -> Any:
        """Return the value in *raw*; raises Refused ``unreadable`` with the place of what does not fit."""
        try:
            return self._decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
            fault = str(wrong)
        try:
            return msgspec.convert(_whole(msgspec.json.decode(raw)), self._kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError):
            raise Refused("unreadable", fault) from None


def _whole(value: Any) -> Any:
    """Return *value* with each float that is a whole number as the integer of the same value."""
    match value:
        case dict():
            return {key: _whole(one) for key, one in value.items()}
        case list():
            return [_whole(one) for one in value]
        case float() if value.is_integer() and abs(value) < 2**63:
            return int(value)
    return value


async def body_of(request: Request, most: int) -> bytes:
    """Return the body of *request*; raises Refused ``too_large`` beyond *most* bytes."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise Refused("too_large", f"more than {most} bytes")
    return bytes(body)


_encode = msgspec.json.Encoder().encode


def answered(value: object) -> Response:
    """Return *value* as JSON, or as it is when it is an answer already."""
    return value if isinstance(value, Response) else Response(_encode(value), media_type="application/json")
