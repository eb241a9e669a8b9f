"""What can be shown again: of what times the picture is kept, its frames in a window, and what was said meanwhile."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta
from starlette.responses import Response

from detente.desk.record_view import Kept, SaidPage
from detente.node.web.endpoint import Call, Endpoint, Nothing

Ms = Annotated[int, Meta(ge=0, lt=2**53)]


class FramesAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Frames from an instant on, so far apart, so many at most."""

    from_ms: Ms
    step_ms: Annotated[int, Meta(ge=100, le=3_600_000)] = 1_000
    count: Annotated[int, Meta(ge=1, le=120)] = 20


class SaidAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which window."""

    from_ms: Ms
    to_ms: Ms


async def _kept(call: Call[Nothing, None]) -> Kept:
    return await call.desk.replays.kept()


async def _frames(call: Call[FramesAsked, None]) -> Response:
    asked = call.params
    frames = await call.desk.replays.frames(asked.from_ms, asked.step_ms, asked.count)
    return Response(frames, media_type="application/octet-stream")


async def _said(call: Call[SaidAsked, None]) -> SaidPage:
    return await call.desk.replays.said(call.params.from_ms, call.params.to_ms)


ENDPOINTS: Final[tuple[Endpoint[Any, Any], ...]] = (
    Endpoint(
        method="GET",
        path="/api/replay",
        summary="Of what times this node keeps its picture",
        does=_kept,
        gives=Kept,
    ),
    Endpoint(
        method="GET",
        path="/api/replay/frames",
        summary="Frames of the kept picture, each after its length as uint32 little-endian",
        does=_frames,
        gives=bytes,
        params=FramesAsked,
        media_type="application/octet-stream",
    ),
    Endpoint(
        method="GET",
        path="/api/replay/said",
        summary="Alerts and messages of a window, and what became of them, from the record",
        does=_said,
        gives=SaidPage,
        params=SaidAsked,
        problems=("not_a_window", "record_unreadable"),
    ),
)
