"""What the console asks of the node, and no more. The node fills it; the development desk of the tests fills it too."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from detente.coordination.activities import AnyActivityAct, Draft
from detente.coordination.plan import Volume
from detente.coordination.reports import ReportRow
from detente.coordination.view import ReportQuery, TableView
from detente.desk.board import Board
from detente.desk.orders import AnyOrder


class Withheld(msgspec.Struct, frozen=True):
    """One of our own tracks that a peer does not get, and the rule that keeps it."""

    label: str
    rule: str


class Preview(msgspec.Struct, frozen=True):
    """What a peer would see of us now: a track frame made after release, and what release kept back."""

    peer: str
    at_ms: int
    frame: bytes
    withheld: Sequence[Withheld]


class DeskPort(Protocol):
    """One node's desk. Every method is called on the node's own event loop; only two may wait."""

    def roles(self) -> Sequence[str]:
        """Return the seats a demo account may take, the usual one first. Empty: no demo accounts, nobody signs in."""
        ...

    def board(self, role: str) -> Board:
        """Return the newest board as *role* may see it."""
        ...

    def frame(self) -> bytes | None:
        """Return the newest track frame, the same object until there is a newer one; None before the first."""
        ...

    def codebook(self) -> Mapping[str, Any]:
        """Return the codebook (`version`, `reasons`, `phrases` …) as agreed; without phrases coding is switched off."""
        ...

    def preview(self, peer: str) -> Preview:
        """Return what *peer* would see; raises OrderRefused when there is no such peer."""
        ...

    def table(self, table: str) -> TableView:
        """Return everything that stands at *table*; raises OrderRefused when this party does not sit at it."""
        ...

    def reports(self, table: str, query: ReportQuery) -> Sequence[ReportRow]:
        """Return the reports at *table* that *query* finds; raises OrderRefused."""
        ...

    def draft(self, table: str, act: AnyActivityAct, role: str) -> Draft:
        """Return what *act* would meet at *table* before it is sent; raises OrderRefused when it is about nothing."""
        ...

    def place(self, table: str, activity: str, role: str) -> Sequence[Volume]:
        """Return the place of what is protected, and put on record that *role* read it; raises OrderRefused."""
        ...

    def numbers(self) -> Mapping[str, float]:
        """Return counters and gauges by metric name, for `/metrics`; empty: no such page."""
        ...

    async def order(self, order: AnyOrder, role: str) -> Mapping[str, Any]:
        """Carry out *order* as given by *role*; raises OrderRefused with its code."""
        ...

    async def wait(self, version: int) -> int:
        """Return the desk's version once it is beyond *version*; each new board or frame raises it. Start at 0."""
        ...


class Changes:
    """Tells many waiting browsers that something is new. A `DeskPort.wait` is one of these."""

    def __init__(self) -> None:
        self._version = 0
        self._next = asyncio.Event()

    def bump(self) -> None:
        """Say that there is a newer board or frame."""
        self._version += 1
        self._next.set()
        self._next = asyncio.Event()

    async def wait(self, version: int) -> int:
        """Return the version once it is beyond *version*."""
        while self._version <= version:
            await self._next.wait()
        return self._version
