"""Everything that happens to a node: what was said before what was sensed, with a bound for each kind of thing."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final

from detente.engine.values import FeedSaid, Input, OrderGiven, PeersAdded, PlotsReceived, Tick
from detente.errors import OrderRefused

BATCH: Final = 64
"""Of what was said, taken in one turn: their leaves share one transaction."""

SENSED_A_TURN: Final = 4
"""Batches of plots taken in one turn: behind more of them an order or a peer's FLASH would wait."""

ORDERS_WAITING: Final = 32
"""Operator orders waiting; beyond it an order is refused with a reason, never dropped."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An order, and where its answer goes."""

    given: OrderGiven | PeersAdded
    answer: asyncio.Future[dict[str, object]]


class Inbox:
    """Everything that happens to one node, with a bound for each kind of thing.

    Two queues, each in order: what was said (orders, a peer's frames, ticks, what became of a write) and what was
    sensed (plots, what became of a sensor). A turn takes from both, and from the second a few: neither waits for ever.
    Plots: the oldest batch goes and is counted. Orders: refused with a reason. A peer's frames: the reader waits.
    """

    def __init__(self, plots_limit: int) -> None:
        self._said: deque[Input | Asked] = deque()
        self._sensed: deque[Input] = deque()
        self._plots_limit = plots_limit
        self._plots = 0
        self._orders = 0
        self._has_tick = False
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self.plots_dropped = 0

    def put(self, event: Input) -> None:
        """Take a tick, a batch of plots or what became of a connection."""
        # What became of a sensor stays behind its last plots.
        (self._sensed if isinstance(event, PlotsReceived | FeedSaid) else self._said).append(event)
        self._filled.set()

    def put_tick(self, tick: Tick) -> None:
        """Take a tick unless one is waiting: time that has passed twice has passed once."""
        if not self._has_tick:
            self._has_tick = True
            self.put(tick)

    def put_plots(self, event: Input) -> None:
        """Take plots; beyond the limit the oldest waiting batch goes, counted: a newer plot makes it worthless."""
        if self._plots >= self._plots_limit:
            oldest = next((e for e in self._sensed if _is_plots(e)), None)
            if oldest is not None:
                self._sensed.remove(oldest)
                self._plots -= 1
                self.plots_dropped += 1
        self._plots += 1
        self.put(event)

    async def put_frame(self, event: Input) -> None:
        """Take a peer's frame; when too many wait, so does its reader, and the network pushes back on the peer."""
        await self._room.wait()
        self.put(event)
        if len(self._said) > 4 * BATCH:
            self._room.clear()

    async def ask(self, given: OrderGiven | PeersAdded) -> dict[str, object]:
        """Take an order, or peers to be added, and return the answer; raises OrderRefused."""
        if self._orders >= ORDERS_WAITING:
            raise OrderRefused("busy", "too many orders are waiting; nothing was done, try again")
        answer: asyncio.Future[dict[str, object]] = asyncio.get_running_loop().create_future()
        self._orders += 1
        self._said.append(Asked(given, answer))
        self._filled.set()
        try:
            return await answer
        finally:
            self._orders -= 1

    async def take(self) -> list[Input | Asked]:
        """Return what waits, at least one: of what was said at most BATCH, of what was sensed SENSED_A_TURN."""
        while not self._said and not self._sensed:
            self._filled.clear()
            await self._filled.wait()
        taken = [self._said.popleft() for _ in range(min(BATCH, len(self._said)))]
        taken += [self._sensed.popleft() for _ in range(min(SENSED_A_TURN, len(self._sensed)))]
        self._plots -= sum(_is_plots(event) for event in taken)
        self._has_tick = self._has_tick and not any(isinstance(event, Tick) for event in taken)
        if len(self._said) <= 2 * BATCH:
            self._room.set()
        return taken


def _is_plots(event: Input | Asked) -> bool:
    return isinstance(event, PlotsReceived)
