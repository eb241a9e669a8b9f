"""One night: two real nodes that talk all the time, a line that is hurt, and what came of it."""

# ruff: noqa: S311, TID251

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos.judge import Verdict, judge, token
from chaos.line import Line
from chaos.node import NodeDied, RealNode, Refused, free_ports, messages, unacknowledged

LOOK_S = 0.02
PATIENCE_S = 60.0
ANSWER_S = 0.5
UNANSWERED = 20  # of so many messages a desk leaves one: its ladder climbs to the leaders, and stays to the end


@dataclass
class Tally:
    """What was measured of one kind of fault."""

    done: int = 0
    flash_heard_s: list[float] = field(default_factory=list)  # from the end of the fault to the other desk
    flash_held_s: list[float] = field(default_factory=list)  # from there to the receipt at the speaker's desk
    start_s: list[float] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def add(self, more: Tally) -> None:
        """Count *more* of the same fault with what was measured before."""
        self.done += more.done
        self.flash_heard_s += more.flash_heard_s
        self.flash_held_s += more.flash_held_s
        self.start_s += more.start_s
        self.broken += more.broken


def quantile(values: list[float], share: float) -> float | None:
    """Return the value below which *share* of *values* lie; None without any."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


class Night:
    """Two nodes on one line. Use `opened`, call the faults, then `settled` for the verdict."""

    def __init__(self, folder: Path, seed: int = 0) -> None:
        self.draw = random.Random(seed)
        self.line = Line()
        self.nodes = {party: RealNode(folder / party, party) for party in ("alfa", "bravo")}
        self.recorded: set[str] = set()
        self.answered = 0
        self.acknowledged = 0
        self.refused = 0
        self._n = dict.fromkeys(self.nodes, 0)
        self._speaking: list[asyncio.Task[None]] = []
        self._is_quiet = asyncio.Event()

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, folder: Path, seed: int = 0) -> AsyncIterator[Night]:
        """Make two nodes in *folder*, pair them, start them and let them talk; end them with the block."""
        night = cls(folder, seed)
        alfa, bravo = night.nodes.values()
        to_bravo, to_alfa = free_ports(2)
        await asyncio.gather(alfa.make(), bravo.make())
        await alfa.pair(bravo, to_bravo)
        await bravo.pair(alfa, to_alfa)
        async with (
            night.line.relay(to_bravo, bravo.link, forward=True),
            night.line.relay(to_alfa, alfa.link, forward=False),
        ):
            try:
                for node in night.nodes.values():
                    await node.start()
                await night.until_up()
                yield night
            finally:
                await night.hush()
                for node in night.nodes.values():
                    await node.signal(signal.SIGCONT)
                    await node.end()

    # --- talk

    def talk(self, every_s: float = 0.25) -> None:
        """Let both sides say something every *every_s* seconds or so, and acknowledge what they hear, until `hush`."""
        self._is_quiet.clear()
        self._speaking = [asyncio.create_task(self._talk(party, every_s)) for party in self.nodes]
        self._speaking += [asyncio.create_task(self._acknowledge(party)) for party in self.nodes]

    async def hush(self) -> None:
        """Let nobody begin to say anything more."""
        self._is_quiet.set()
        for task in self._speaking:
            task.cancel()
        ended = await asyncio.gather(*self._speaking, return_exceptions=True)
        self._speaking = []
        for fault in ended:
            if isinstance(fault, Exception):
                raise fault  # nobody has spoken, or acknowledged, since: the night was another than the one asked for

    async def _talk(self, party: str, every_s: float) -> None:
        while not self._is_quiet.is_set():
            with contextlib.suppress(NodeDied, Refused):  # a node that has just begun knows no session yet
                await self.say(party, "ZR"[self.draw.random() < 0.5])
            await asyncio.sleep(every_s * self.draw.uniform(0.5, 1.5))

    async def _acknowledge(self, party: str) -> None:
        """Acknowledge what *party* is told, as a duty officer does, but for one message in UNANSWERED."""
        node = self.nodes[party]
        while not self._is_quiet.is_set():
            with contextlib.suppress(NodeDied, Refused):
                for message in unacknowledged(await node.board(), party):
                    number = message.rpartition("-")[2]  # what a full disk did not take has a name of its own
                    if number.isdecimal() and int(number) % UNANSWERED == 0:
                        continue
                    try:
                        await node.acknowledge(message)
                        self.acknowledged += 1
                    except Refused:
                        self.refused += 1
            await asyncio.sleep(ANSWER_S)

    def other(self, party: str) -> str:
        return "bravo" if party == "alfa" else "alfa"

    async def say(self, party: str, precedence: str = "Z") -> str | None:
        """Say something at *party*'s desk; returns its words once they are shown as recorded, None if refused."""
        self._n[party] += 1
        words = token(party, self._n[party])
        node = self.nodes[party]
        try:
            await node.say(self.other(party), words, precedence)
        except Refused:
            self.refused += 1
            return None
        self.answered += 1
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            row = messages(await node.board(), [words]).get(words)
            if row is not None and row["recorded"]:
                self.recorded.add(words)
                return words
            await asyncio.sleep(LOOK_S)
        raise NodeDied(f"{party}: {words} is not recorded after {PATIENCE_S:.0f} s")

    async def until_up(self) -> None:
        """Wait until both desks show the link UP."""

        async def are_up() -> bool:
            boards = [await node.board() for node in self.nodes.values()]
            return all(peer["state"] == "UP" for board in boards for peer in board["peers"])

        await self.until(are_up, "the link is not UP")

    async def until(self, holds: Callable[[], Awaitable[bool]], what: str, within_s: float = PATIENCE_S) -> None:
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            with contextlib.suppress(NodeDied, Refused):
                if await holds():
                    return
            await asyncio.sleep(LOOK_S)
        raise TimeoutError(f"{what} after {within_s:.0f} s")

    # --- faults

    async def cuts(self, times: int) -> Tally:
        """Cut the line, or let it swallow everything, and say a FLASH meanwhile; measure from the healing on."""
        tally = Tally()
        for n in range(times):
            if n % 10 == 9:
                self.line.is_black_hole = True
            else:
                self.line.cut()
            await asyncio.sleep(self.draw.uniform(0.05, 0.6))
            await self._flash_after(tally, self.draw.choice(list(self.nodes)), self.line.cut, self.line.heal)
        return tally

    async def _flash_after(self, tally: Tally, party: str, hurt: Callable[[], None], heal: Callable[[], None]) -> None:
        """Say a FLASH at *party* while nothing comes through, heal, and note how long it took to be heard and held."""
        try:
            words = await self.say(party)
            hurt()
            heal()
            if words is None:
                return
            begun = time.monotonic()
            other = self.nodes[self.other(party)]

            async def is_heard() -> bool:
                row = messages(await other.board(), [words]).get(words)
                return row is not None and bool(row["recorded"])

            async def is_held() -> bool:
                row = messages(await self.nodes[party].board(), [words]).get(words)
                return row is not None and row["halves"][1]["held_at_ms"] is not None

            await self.until(is_heard, f"{words} is not heard")
            heard = time.monotonic()
            tally.flash_heard_s.append(heard - begun)
            await self.until(is_held, f"{words} is not held")
            tally.flash_held_s.append(time.monotonic() - heard)
            tally.done += 1
        except (TimeoutError, NodeDied, Refused) as wrong:
            tally.broken.append(str(wrong))
            heal()

    async def kills(self, times: int) -> Tally:
        """Kill a node at a random moment with signal 9 and start it again; measure its start and the next FLASH."""
        tally = Tally()
        for _ in range(times):
            node = self.nodes[self.draw.choice(list(self.nodes))]
            await asyncio.sleep(self.draw.uniform(0.0, 0.8))
            await node.kill()
            try:
                tally.start_s.append(await node.start())
                begun = time.monotonic()
                await self._flash_after(tally, self.other(node.party), lambda: None, lambda: None)
                if time.monotonic() - begun > PATIENCE_S:
                    tally.broken.append("slow")
            except NodeDied as wrong:
                tally.broken.append(str(wrong))
        return tally

    async def stops(self, times: int) -> Tally:
        """Stop a node with SIGSTOP for up to eight seconds, let it go on, and measure the next FLASH."""
        tally = Tally()
        for _ in range(times):
            node = self.nodes[self.draw.choice(list(self.nodes))]
            await node.signal(signal.SIGSTOP)
            await asyncio.sleep(self.draw.uniform(0.5, 8.0))
            await node.signal(signal.SIGCONT)
            await self._flash_after(tally, self.other(node.party), lambda: None, lambda: None)
        return tally

    async def slow(self, times: int, bytes_per_s: float, delay_s: float) -> Tally:
        """Let the line be narrow and long, and measure FLASHes on it."""
        tally = Tally()
        self.line.bytes_per_s, self.line.delay_s = bytes_per_s, delay_s
        for _ in range(times):
            await self._flash_after(tally, self.draw.choice(list(self.nodes)), lambda: None, lambda: None)
        self.line.heal()
        return tally

    # --- the end

    async def settled(self) -> Verdict:
        """Heal, wait until all is receipted, and judge both records."""
        await self.hush()
        self.line.heal()
        alfa, bravo = self.nodes.values()
        for node in self.nodes.values():
            await node.signal(signal.SIGCONT)
            if not node.is_running:
                await node.start()

        said = {name: _lanes(await node.board(), "own_size") for name, node in self.nodes.items()}

        async def are_held() -> bool:
            held = {name: _lanes(await node.board(), "own_held") for name, node in self.nodes.items()}
            return all(held[name][lane] >= size for name, sizes in said.items() for lane, size in sizes.items())

        late = []
        try:
            await self.until(are_held, "receipts are outstanding")
        except TimeoutError as wrong:
            late.append(str(wrong))
        await asyncio.gather(alfa.end(), bravo.end())
        verdict = judge(alfa.record, bravo.record, self.recorded)
        verdict.unreceipted += late
        return verdict


def _lanes(board: dict[str, Any], field_name: str) -> dict[str, int]:
    """Return one number of each lane but the tracks', of which there is always a newer one."""
    lanes = [lane for peer in board["peers"] for lane in peer["lanes"] if lane["lane"] != "track"]
    return {lane["lane"]: lane[field_name] for lane in lanes}


def seconds(values: list[float]) -> str:
    """Return median and 99th percentile for a table."""
    if not values:
        return "–"
    return f"{statistics.median(values):.2f} / {quantile(values, 0.99):.2f}"
