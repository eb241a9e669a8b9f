"""Live sensors over TCP, and a recording played as if it were one.

A receiver gives batches of plots with what was refused. It never ends by itself: a lost connection is made again, after
a wait that doubles and is jittered, so that a hundred nodes do not knock at once. Its state is for the desk.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

import numpy as np

from detente.errors import OwnFault
from detente.feeds.beast import BeastReader
from detente.feeds.plot import Plots, Reject
from detente.feeds.sbs import SbsReader
from detente.feeds.site import Site
from detente.types import NS_PER_S, Instant

PIECE: Final = 65_536
"""Bytes taken from a socket at once; what a sensor sends faster waits in the kernel's buffer, then in the sensor's."""

FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 30.0
SILENCE_S: Final = 60.0
"""A connection without a byte for so long is taken for dead."""

Clock = Callable[[], Instant]


class ReceiverState(StrEnum):
    """What the desk shows of a sensor."""

    WAITING = "waiting"  # not connected yet, or between two attempts
    UP = "up"
    FAILED = "failed"  # the last attempt failed; tried again


class StreamReader(Protocol):
    """What turns a sensor's bytes into plots: `SbsReader`, `BeastReader`."""

    def feed(self, chunk: bytes, received_at: Instant | None = None, /) -> tuple[Plots, Counter[Reject]]:
        """Return the plots that *chunk* completes, and how many pieces were refused."""
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """Plots that arrived together."""

    plots: Plots
    rejected: Counter[Reject]


@dataclass(slots=True)
class Health:
    """What a receiver has seen so far."""

    state: ReceiverState = ReceiverState.WAITING
    fault: str = ""  # why the last connection ended, one line
    connections: int = 0
    received_bytes: int = 0
    plots: int = 0
    rejected: Counter[Reject] = field(default_factory=Counter)


class TcpReceiver:
    """One sensor at a TCP address. *reader* makes what decodes a connection: a new one each, for streams break off."""

    def __init__(
        self, host: str, port: int, reader: Callable[[], StreamReader], *, clock: Clock | None = None, seed: int = 0
    ) -> None:
        self.health = Health()
        self._host = host
        self._port = port
        self._reader = reader
        self._clock = clock or wall_clock
        self._jitter = random.Random(seed or None)  # noqa: S311 - spreads attempts in time, guards nothing

    async def batches(self) -> AsyncIterator[Batch]:
        """Yield what arrives, for ever; cancel to stop."""
        wait_s = FIRST_WAIT_S
        while True:
            try:
                async for batch in self._connected():
                    wait_s = FIRST_WAIT_S
                    yield batch
            except (OSError, TimeoutError) as e:
                self.health.state = ReceiverState.FAILED
                self.health.fault = f"{self._host}:{self._port}: {e or type(e).__name__}"
            else:
                self.health.state = ReceiverState.WAITING
                self.health.fault = f"{self._host}:{self._port}: closed by the sensor"
            await asyncio.sleep(wait_s * self._jitter.uniform(0.5, 1.0))
            wait_s = min(2.0 * wait_s, LONGEST_WAIT_S)

    async def _connected(self) -> AsyncIterator[Batch]:
        async with asyncio.timeout(10.0):
            stream, writer = await asyncio.open_connection(self._host, self._port)
        health = self.health
        health.state = ReceiverState.UP
        health.connections += 1
        reader = self._reader()
        try:
            while True:
                async with asyncio.timeout(SILENCE_S):
                    chunk = await stream.read(PIECE)
                if not chunk:
                    return
                health.received_bytes += len(chunk)
                plots, rejected = reader.feed(chunk, self._clock())
                health.plots += len(plots)
                health.rejected += rejected
                if len(plots) or rejected:
                    yield Batch(plots, rejected)
        finally:
            writer.close()


def sbs_receiver(host: str, port: int = 30003, *, clock: Clock | None = None) -> TcpReceiver:
    """Return a receiver of a BaseStation stream."""
    return TcpReceiver(host, port, SbsReader, clock=clock)


def beast_receiver(host: str, site: Site, port: int = 30005, *, clock: Clock | None = None) -> TcpReceiver:
    """Return a receiver of a Beast stream whose antenna stands at *site*."""
    return TcpReceiver(host, port, lambda: BeastReader(site), clock=clock)


class Player:
    """A recording paced as it was received, or *speed* times faster, in slices of what is due.

    With *rebased* the plots are moved to the node's time, the first to the start, and *speed* is 1: shorter intervals
    would make faster aircraft. Without, they keep the recording's time, and a clock that runs with them is given.
    """

    def __init__(
        self,
        plots: Plots,
        *,
        speed: float = 1.0,
        rebased: bool = False,
        slice_s: float = 1.0,
        clock: Clock | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """*slice_s*: how much recorded time one slice holds; *clock* and *sleep*: the node's, or a test's."""
        if not (speed > 0.0 and slice_s > 0.0):
            raise OwnFault("a recording is played at a speed above 0 and in slices longer than 0 s")
        if rebased and speed != 1.0:
            raise OwnFault("a recording on the node's time is played at speed 1: shorter intervals, faster aircraft")
        self._plots = plots
        self._speed = speed
        self._rebased = rebased
        self._slice_ns = round(slice_s * NS_PER_S)
        self._clock = clock or wall_clock
        self._sleep = sleep

    async def slices(self) -> AsyncIterator[tuple[Instant, Plots]]:
        """Yield (now, plots) each slice until the end, empty ones too: time passes also where nothing was heard.

        now: on the time scale of the plots, so that a tracker can be given both as they are.
        """
        if not len(self._plots):
            return
        began = self._clock()
        at_ns = self._plots["applicable_at_ns"]
        first_ns = int(at_ns[0])
        shift_ns = began - first_ns if self._rebased else 0
        taken = 0
        due_ns = first_ns
        while taken < len(self._plots):
            wait_s = (due_ns - first_ns) / self._speed / NS_PER_S - (self._clock() - began) / NS_PER_S
            if wait_s > 0.0:
                await self._sleep(wait_s)
            else:
                await asyncio.sleep(0)  # late: let others run all the same
            end = int(np.searchsorted(at_ns, due_ns, side="right"))
            plots = self._plots[taken:end]
            if shift_ns:
                plots = plots.copy()
                plots["applicable_at_ns"] += shift_ns
            yield Instant(due_ns + shift_ns), plots
            taken = end
            due_ns += self._slice_ns


def together(recordings: Sequence[Plots]) -> Plots:
    """Return several recordings as one, in order of time."""
    plots = np.concatenate(list(recordings))
    return plots[np.argsort(plots["applicable_at_ns"], kind="stable")]


def wall_clock() -> Instant:
    """Return the wall clock's time, UTC."""
    return Instant(time.time_ns())
