"""The table of the whole API, and the routes made from it. A new endpoint is one more entry in its module's table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from detente.node.web import (
    at_table,
    ordering,
    reading,
    record_pages,
    recorded,
    releasing,
    replaying,
    sitting,
    stepping_up,
)
from detente.node.web.door import SAFE, Door
from detente.node.web.endpoint import BodyReader, Call, Endpoint, Who, answered, body_of, params_of
from detente.node.web.openapi import description_of
from detente.node.web.port import DeskPort
from detente.node.web.problem import Refused
from detente.node.web.sessions import TOKEN_HEADER, Session

TABLE: Final[tuple[Endpoint[Any, Any], ...]] = (
    *sitting.ENDPOINTS,
    *stepping_up.ENDPOINTS,
    *reading.ENDPOINTS,
    *at_table.ENDPOINTS,
    *recorded.ENDPOINTS,
    *record_pages.ENDPOINTS,
    *replaying.ENDPOINTS,
    *releasing.ENDPOINTS,
    *ordering.ENDPOINTS,
)


def api_routes(desk: DeskPort, door: Door, table: Sequence[Endpoint[Any, Any]] = TABLE) -> list[Route]:
    """Return a route for each path of *table*, and one for its description."""
    paths: dict[str, dict[str, Endpoint[Any, Any]]] = {}
    for endpoint in table:
        assert endpoint.method not in paths.get(endpoint.path, {}), f"{endpoint.method} {endpoint.path} stands twice"
        paths.setdefault(endpoint.path, {})[endpoint.method] = endpoint
    description = answered(description_of(table, door.cookie)).body

    async def describe(request: Request) -> Response:
        del request
        return Response(bytes(description), media_type="application/json")

    # What has no parameter in its path comes first: "/api/record/entries" is no entry of "/api/record/{log}".
    ordered = sorted(paths.items(), key=lambda one: ("{" in one[0], one[0]))
    routes = [Route(path, _answer(desk, door, methods), methods=list(methods)) for path, methods in ordered]
    return [Route("/api/openapi.json", describe), *routes]


def _answer(
    desk: DeskPort, door: Door, methods: dict[str, Endpoint[Any, Any]]
) -> Callable[[Request], Awaitable[Response]]:
    readers = {
        name: BodyReader(endpoint.body) for name, endpoint in methods.items() if endpoint.body not in {None, bytes}
    }

    async def answer(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        endpoint = methods[method]
        session = door.session_of(request)
        if endpoint.who is Who.SEATED:
            _check(request, session, endpoint)
        params = params_of(endpoint, request)
        raw = await body_of(request, endpoint.body_max)
        body = readers[method].read(raw) if method in readers else raw if endpoint.body is bytes else None
        return answered(await endpoint.does(Call(desk, door, request, session, params, body, raw)))

    return answer


def _check(request: Request, session: Session | None, endpoint: Endpoint[Any, Any]) -> None:
    if session is None:
        raise Refused("not_signed_in", "sign in first")
    if request.method in SAFE:
        return
    if session.how != "token" and not session.owns(request.headers.get(TOKEN_HEADER, "")):
        raise Refused("wrong_token", "the session's token is missing or wrong")
    if session.is_locked and not endpoint.while_locked:
        raise Refused("locked", "nobody has acted here for a while: sign in once more to open the lock")
