"""The record as this node holds it: the heads of its logs, and their entries by index."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from detente.desk.answers import After, LogHead, Most, Page, RecordEntry
from detente.node.web.endpoint import Call, Endpoint, Nothing


class EntriesAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which log, and which part of it."""

    log: Annotated[str, Meta(min_length=1, max_length=200)]
    after: After = 0
    most: Most = 200


async def _heads(call: Call[Nothing, None]) -> list[LogHead]:
    return list(call.desk.log_heads())


async def _entries(call: Call[EntriesAsked, None]) -> Page[RecordEntry]:
    return await call.desk.entries(call.params.log, call.params.after, call.params.most)


ENDPOINTS: Final[tuple[Endpoint[Any, Any], ...]] = (
    Endpoint(
        method="GET",
        path="/api/record",
        summary="The logs of the record: sizes, roots, receipts",
        does=_heads,
        gives=list[LogHead],
    ),
    Endpoint(
        method="GET",
        path="/api/record/entries",
        summary="Leaves of one log with their bodies, by index",
        does=_entries,
        gives=Page[RecordEntry],
        params=EntriesAsked,
        problems=("unknown_log",),
    ),
)
