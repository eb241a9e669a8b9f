"""Sensors into the inbox: receivers, and recordings played as if they were one; what is refused stands in the log."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import structlog

from detente.config import BeastFeed, Config, RecordingFeed, SbsFeed, split_address
from detente.desk.board import FeedRow
from detente.engine.values import FeedSaid, PlotsReceived
from detente.errors import FeedFault
from detente.feeds.site import Site
from detente.node.clock import Clock
from detente.node.inbox import Inbox
from detente.node.receivers import Player, TcpReceiver, beast_receiver, sbs_receiver

HEALTH_S = 1.0
REFUSED_S = 5.0
"""How long refused plots are added up before the log says so, for each sensor and reason."""

log = structlog.get_logger()


def receiver_of(feed: SbsFeed | BeastFeed, clock: Clock) -> TcpReceiver:
    """Return the receiver that *feed* describes."""
    host, port = split_address(feed.address, f"feed {feed.name}")
    if isinstance(feed, SbsFeed):
        return sbs_receiver(host, port, clock=clock.now)
    return beast_receiver(host, Site(*feed.receiver), port, clock=clock.now)


async def live(source: int, receiver: TcpReceiver, inbox: Inbox) -> None:
    """Pass on what a live sensor sends, and what becomes of its connection, until cancelled."""

    async def health() -> None:
        said = None
        while True:
            now = (receiver.health.state.value, receiver.health.fault)
            if now != said:
                said = now
                inbox.put(FeedSaid(source, *now))
            await asyncio.sleep(HEALTH_S)

    watching = asyncio.create_task(health())
    try:
        async for batch in receiver.batches():
            inbox.put_plots(PlotsReceived(source, batch.plots, batch.rejected))
    finally:
        watching.cancel()


async def recorded(source: int, feed: RecordingFeed, folder: Path, inbox: Inbox, clock: Clock) -> None:
    """Play a recording on the node's own time, again and again if it loops; a recording that cannot be read is said."""
    # A tenth of a start's imports, DuckDB and every format, for who plays one.
    from detente.node.recordings import open_recording  # noqa: PLC0415

    receiver = None if feed.receiver is None else Site(*feed.receiver)
    try:
        recording = await asyncio.to_thread(open_recording, folder / feed.path, receiver=receiver)
    except FeedFault as fault:
        inbox.put(FeedSaid(source, "failed", str(fault)))
        return
    inbox.put(FeedSaid(source, "up", f"recording {recording.source}, moved to now"))
    inbox.put(PlotsReceived(source, recording.plots[:0], recording.rejected))
    while True:
        player = Player(recording.plots, rebased=True, clock=clock.now, sleep=lambda s: asyncio.sleep(clock.real_s(s)))
        async for _, plots in player.slices():
            if len(plots):
                inbox.put_plots(PlotsReceived(source, np.ascontiguousarray(plots)))
        if not feed.loop:
            break
    inbox.put(FeedSaid(source, "ended", "the recording is over"))


def feed_tasks(config: Config, folder: Path, inbox: Inbox, clock: Clock) -> list[asyncio.Task[None]]:
    """Start a task for each configured feed; its source is its place in the configuration."""
    tasks = []
    for source, feed in enumerate(config.feed):
        if isinstance(feed, RecordingFeed):
            tasks.append(asyncio.create_task(recorded(source, feed, folder, inbox, clock)))
        else:
            tasks.append(asyncio.create_task(live(source, receiver_of(feed, clock), inbox)))
    return tasks


class Refused:
    """What the log has said of refused plots: each sensor and reason on its own, and a sum, not a line a plot."""

    def __init__(self) -> None:
        self._said: Counter[tuple[str, str]] = Counter()

    def note(self, rows: Sequence[FeedRow]) -> None:
        """Log how many plots of which sensor were refused since the last call, and why."""
        for row in rows:
            for why, n in row.rejected.items():
                count = n - self._said[row.feed, why]
                if count > 0:
                    self._said[row.feed, why] = n
                    log.warning("plots refused", feed=row.feed, why=why, count=count)


async def log_refused(rows: Callable[[], Sequence[FeedRow]], clock: Clock) -> None:
    """Say in the log what *rows* count as refused, as it grows, until cancelled."""
    refused = Refused()
    while True:
        refused.note(rows())
        await asyncio.sleep(clock.real_s(REFUSED_S))
