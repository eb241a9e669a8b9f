"""What the console asks of the node, and no more. The node fills it; the development desk of the tests fills it too."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from detente.coordination.view import TableView
from detente.desk.answers import LogHead, Page, Preview, RecordEntry
from detente.desk.board import Board
from detente.desk.orders import AnyOrder


class DeskPort(Protocol):
    """One node's desk. Every method is called on the node's own event loop; only three may wait."""

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

    def log_heads(self) -> Sequence[LogHead]:
        """Return every log of the record, as it is on the disk."""
        ...

    async def entries(self, log: str, after: int, most: int) -> Page[RecordEntry]:
        """Return at most *most* leaves of *log* from the index *after* on; raises OrderRefused ``unknown_log``."""
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
