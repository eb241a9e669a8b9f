"""What flows to one browser: boards as text when they changed, track frames as binary, zones when they changed.

One slot a browser: while it is slow nothing queues, and what it gets next is the newest. A board is whole and numbered,
so a browser that comes back misses no event.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from detente.desk.board import Board, ZoneRow
from detente.node.web.port import DeskPort

PACE_S: Final = 0.25  # at most four boards a second

_encode = msgspec.json.Encoder().encode


def board_text(board: Board) -> str:
    """Return *board* as one text message, without its zones: they are large and rarely change."""
    return _encode({"kind": "board", "board": msgspec.structs.replace(board, zones=[])}).decode()


def zones_text(zones: list[ZoneRow]) -> str:
    """Return the zones as a text message of their own."""
    return _encode({"kind": "zones", "zones": zones}).decode()


async def run(socket: WebSocket, desk: DeskPort, role: str, ended: Callable[[], bool] = lambda: False) -> None:
    """Serve one browser until it leaves, or its session is *ended*."""
    await socket.accept()
    feeding = asyncio.create_task(_feed(socket, desk, role, ended))
    leaving = asyncio.create_task(_left(socket))
    done, pending = await asyncio.wait({feeding, leaving}, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    for task in done:
        if (fault := task.exception()) and not isinstance(fault, WebSocketDisconnect):
            raise fault


async def _feed(socket: WebSocket, desk: DeskPort, role: str, ended: Callable[[], bool]) -> None:
    version, number = 0, -1
    zones: list[ZoneRow] | None = None
    frame: bytes | None = None
    while True:
        version = await desk.wait(version)
        if ended():
            await socket.close(4401, "the session has ended")
            return
        board = desk.board(role)
        if board.zones != zones:
            zones = board.zones
            await socket.send_text(zones_text(zones))
        if board.number != number:
            number = board.number
            await socket.send_text(board_text(board))
        newest = desk.frame()
        if newest is not None and newest is not frame:
            frame = newest
            await socket.send_bytes(newest)
        await asyncio.sleep(PACE_S)


async def _left(socket: WebSocket) -> None:
    # The browser has nothing to say here: its orders are requests of their own. Anything it sends is dropped unread.
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
