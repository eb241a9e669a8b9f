"""The description of the API in OpenAPI 3.1, made from the table of endpoints and from nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from detente import __version__
from detente.desk.answers import Problem
from detente.node.web.endpoint import Endpoint, Nothing, Who
from detente.node.web.problem import PROBLEM_JSON, PROBLEMS
from detente.node.web.sessions import TOKEN_HEADER

_REF: Final = "#/components/schemas/{name}"

_ABOUT: Final = (
    "One party's desk over HTTP. Every order is an input like any plot; who gave it comes from the session "
    "or the token, never from the form. Lists are given in pages by index. Refusals are problems (RFC 9457) of a "
    "closed list. "
    "No alert is not a clearance. What changes is told over the WebSocket `/live`: see docs/protocol/api.md."
)

_BYTES: Final = {"type": "string", "format": "binary"}


def description_of(endpoints: Sequence[Endpoint[Any, Any]], cookie: str) -> dict[str, Any]:
    """Return the whole description of *endpoints* as JSON values; *cookie* is the name of the session's."""
    kinds: list[Any] = [Problem]
    for endpoint in endpoints:
        kinds += [kind for kind in (endpoint.gives, endpoint.body) if kind not in {None, bytes}]
    outs, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    schemas = iter(outs[1:])
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        gives = {} if endpoint.gives is bytes else next(schemas)
        takes = None if endpoint.body is None else dict(_BYTES) if endpoint.body is bytes else next(schemas)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, gives, takes, outs[0])
    return {
        "openapi": "3.1.0",
        "info": {"title": "Détente", "version": __version__, "description": _ABOUT},
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": cookie},
                "write": {"type": "apiKey", "in": "header", "name": TOKEN_HEADER},
                "token": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _operation(
    endpoint: Endpoint[Any, Any], gives: dict[str, Any], takes: dict[str, Any] | None, problem: dict[str, Any]
) -> dict[str, Any]:
    seated = endpoint.who is Who.SEATED
    cookie: dict[str, list[str]] = {"session": []}
    if endpoint.method != "GET":
        cookie["write"] = []
    found: dict[str, Any] = {
        "operationId": f"{endpoint.method.lower()}{''.join(c if c.isalnum() else '_' for c in endpoint.path)}",
        "summary": endpoint.summary,
        "security": [cookie, {"token": []}] if seated else [],
        "parameters": [*_parameters(endpoint), *_headers(endpoint)],
        "responses": {
            str(endpoint.status): {
                "description": endpoint.summary,
                **({} if endpoint.status >= 300 else {"content": {endpoint.media_type: {"schema": gives}}}),
            },
            **_refusals(endpoint, problem),
        },
    }
    if takes is not None:
        media_type = "application/octet-stream" if endpoint.body is bytes else "application/json"
        found["requestBody"] = {"required": True, "content": {media_type: {"schema": takes}}}
    return found


def _parameters(endpoint: Endpoint[Any, Any]) -> list[dict[str, Any]]:
    if endpoint.params is Nothing:
        return []
    in_path = set(endpoint.path_names())
    (_,), components = msgspec.json.schema_components([endpoint.params], ref_template=_REF)
    schema = components[endpoint.params.__name__]
    return [
        {
            "name": name,
            "in": "path" if name in in_path else "query",
            "required": name in in_path or name in schema.get("required", ()),
            "schema": {key: value for key, value in one.items() if key != "description"},
            **({"description": one["description"]} if "description" in one else {}),
        }
        for name, one in schema["properties"].items()
    ]


def _headers(endpoint: Endpoint[Any, Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "header", "required": False, "description": what, "schema": {"type": "string"}}
        for name, what in endpoint.headers.items()
    ]


def _refusals(endpoint: Endpoint[Any, Any], problem: dict[str, Any]) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for code in endpoint.all_problems():
        by_status.setdefault(_status(endpoint, code), []).append(code)
    return {
        str(status): {"description": ", ".join(codes), "content": {PROBLEM_JSON: {"schema": problem}}}
        for status, codes in sorted(by_status.items())
    }


def _status(endpoint: Endpoint[Any, Any], code: str) -> int:
    """Return with which status *endpoint* answers *code*: what a read names and is not there was not found."""
    return 404 if endpoint.method == "GET" and code.startswith("unknown_") else PROBLEMS[code].status
