"""Errors as RFC 9457 problem details: one JSON shape for every refusal."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from starlette.responses import Response


def problem(status: int, code: str, detail: str) -> Response:
    """Return an `application/problem+json` answer; *code* is from a closed list, *detail* is for the desk."""
    body = {
        "type": f"urn:detente:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    return Response(msgspec.json.encode(body), status, media_type="application/problem+json")
