"""The node's side of the console: what the web server asks for, answered from the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from detente.coordination.view import TableView
from detente.desk.board import Board
from detente.desk.orders import AnyOrder
from detente.engine.engine import Engine
from detente.engine.values import OrderGiven
from detente.node.clock import Clock
from detente.node.inbox import Inbox
from detente.node.web.port import Changes, Preview, Withheld
from detente.types import PartyId, Role


class Desk:
    """A `DeskPort`. Boards are made when a browser asks, once for each version and role, never for nobody."""

    def __init__(
        self,
        engine: Engine,
        inbox: Inbox,
        clock: Clock,
        roles: Sequence[Role],
        keep: Callable[[bytes], None] = lambda _frame: None,
    ) -> None:
        """*keep*: takes each frame that is shown, for a replay."""
        self._engine = engine
        self._inbox = inbox
        self._clock = clock
        self._roles = [role.value for role in roles]
        self._changes = Changes()
        self._frame: bytes | None = None
        self._boards: dict[str, Board] = {}
        self._keep = keep

    def roles(self) -> Sequence[str]:
        return self._roles

    def board(self, role: str) -> Board:
        if role not in self._boards:
            self._boards[role] = self._engine.board(Role(role), self._clock.now())
        return self._boards[role]

    def frame(self) -> bytes | None:
        return self._frame

    def codebook(self) -> Mapping[str, Any]:
        return self._engine.codebook.content

    def preview(self, peer: str) -> Preview:
        now = self._clock.now()
        frame, withheld = self._engine.preview(PartyId(peer), now)
        return Preview(peer, now // 1_000_000, frame, [Withheld(label, rule) for label, rule in withheld])

    def table(self, table: str) -> TableView:
        return self._engine.tables.view(table, self._clock.now())

    def numbers(self) -> Mapping[str, float]:
        return self._engine.numbers()

    async def order(self, order: AnyOrder, role: str) -> Mapping[str, Any]:
        return await self._inbox.ask(OrderGiven(order, Role(role)))

    async def wait(self, version: int) -> int:
        return await self._changes.wait(version)

    def show(self, frame: bytes | None) -> None:
        """Tell the browsers that the board, or the picture with it, is newer."""
        if frame is not None:
            self._frame = frame
            self._keep(frame)
        self._boards.clear()
        self._changes.bump()
