"""What a desk reads: the board and its parts, the codebook, what a peer would see."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from detente.coordination.act import Party
from detente.coordination.view import PowerRow, powers
from detente.desk.answers import After, Most, Page, Preview, ReleaseRow
from detente.desk.board import AlertRow, Board, FeedRow, MessageRow, PeerRow
from detente.desk.explanation import Explanation
from detente.desk.hotline import FLASH_REASONS
from detente.desk.release_view import ReleaseView
from detente.node.web.endpoint import Call, Endpoint, Nothing


class Cursor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where in a list to begin, and how much of it to give."""

    after: After = 0
    most: Most = 200


class _OfAlert(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    alert: Annotated[str, Meta(min_length=1, max_length=64)]


class _OfPeer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    peer: Party


async def _board(call: Call[Nothing, None]) -> Board:
    return call.desk.board(call.seat.role)


async def _alerts(call: Call[Cursor, None]) -> Page[AlertRow]:
    return call.desk.alerts(call.params.after, call.params.most)


async def _messages(call: Call[Cursor, None]) -> Page[MessageRow]:
    return call.desk.messages(call.params.after, call.params.most)


async def _links(call: Call[Nothing, None]) -> list[PeerRow]:
    return call.desk.board(call.seat.role).peers


async def _feeds(call: Call[Nothing, None]) -> list[FeedRow]:
    return call.desk.board(call.seat.role).feeds


async def _release(call: Call[Nothing, None]) -> list[ReleaseRow]:
    peers = call.desk.board(call.seat.role).peers
    return [ReleaseRow(p.party, p.policy, p.policy_name, p.released, p.withheld) for p in peers]


async def _codebook(call: Call[Nothing, None]) -> dict[str, Any]:
    return {**call.desk.codebook(), "flash_reasons": list(FLASH_REASONS)}


async def _preview(call: Call[_OfPeer, None]) -> Preview:
    return call.desk.preview(call.params.peer)


async def _why(call: Call[_OfAlert, None]) -> Explanation:
    return call.desk.explain(call.params.alert)


async def _policy(call: Call[_OfPeer, None]) -> ReleaseView:
    return call.desk.release(call.params.peer)


async def _powers(call: Call[Nothing, None]) -> list[PowerRow]:
    del call
    return powers()


ENDPOINTS: Final[tuple[Endpoint[Any, Any], ...]] = (
    Endpoint(
        method="GET", path="/api/board", summary="Everything the desk shows but the tracks", does=_board, gives=Board
    ),
    Endpoint(
        method="GET",
        path="/api/alerts",
        summary="Alerts, active ones first; with the last page, where older ones stand in the record",
        does=_alerts,
        gives=Page[AlertRow],
        params=Cursor,
    ),
    Endpoint(
        method="GET",
        path="/api/messages",
        summary="The hotline's messages, newest first; with the last page, where older ones stand in the record",
        does=_messages,
        gives=Page[MessageRow],
        params=Cursor,
    ),
    Endpoint(method="GET", path="/api/links", summary="Each peer's link", does=_links, gives=list[PeerRow]),
    Endpoint(
        method="GET", path="/api/feeds", summary="Our own sensors and recordings", does=_feeds, gives=list[FeedRow]
    ),
    Endpoint(
        method="GET",
        path="/api/release",
        summary="What each peer is told of our picture, by count and rule",
        does=_release,
        gives=list[ReleaseRow],
    ),
    Endpoint(
        method="GET",
        path="/api/release/{peer}",
        summary="What leaves for one peer: the policy rule by rule, how fine, and what is kept back",
        does=_policy,
        gives=ReleaseView,
        params=_OfPeer,
        problems=("unknown_party",),
    ),
    Endpoint(
        method="GET",
        path="/api/alerts/{alert}/why",
        summary="Why an alert was raised: inputs, minima, prediction, and what the peers said",
        does=_why,
        gives=Explanation,
        params=_OfAlert,
        problems=("unknown_alert",),
    ),
    Endpoint(
        method="GET",
        path="/api/codebook",
        summary="Phrases, reasons and codes as agreed",
        does=_codebook,
        gives=dict[str, Any],
    ),
    Endpoint(
        method="GET",
        path="/api/preview",
        summary="What one peer would see of us now, and what release keeps back",
        does=_preview,
        gives=Preview,
        params=_OfPeer,
        problems=("unknown_party",),
    ),
    Endpoint(
        method="GET",
        path="/api/powers",
        summary="The matrix of acts and seats at a table",
        does=_powers,
        gives=list[PowerRow],
    ),
)
