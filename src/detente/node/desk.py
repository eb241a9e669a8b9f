"""The node's side of the console: what the web server asks for, answered from the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from detente.coordination.activities import AnyActivityAct, Draft
from detente.coordination.plan import Volume
from detente.coordination.reports import ReportRow
from detente.coordination.view import ReportQuery, TableView
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
        note_read: Callable[[str, str, str], None],
    ) -> None:
        self._note_read = note_read  # of whom, at which table, of which activity the place was read
        self._engine = engine
        self._inbox = inbox
        self._clock = clock
        self._roles = [role.value for role in roles]
        self._changes = Changes()
        self._frame: bytes | None = None
        self._boards: dict[str, Board] = {}

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

    def reports(self, table: str, query: ReportQuery) -> Sequence[ReportRow]:
        return self._engine.tables.reports(table, query, self._clock.now())

    def draft(self, table: str, act: AnyActivityAct, role: str) -> Draft:
        return self._engine.tables.draft(table, act, Role(role), self._clock.now())

    def place(self, table: str, activity: str, role: str) -> Sequence[Volume]:
        place = self._engine.tables.place(table, activity)
        self._note_read(role, table, activity)
        return place

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
        self._boards.clear()
        self._changes.bump()
