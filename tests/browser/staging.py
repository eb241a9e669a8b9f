"""A small scenario on two real nodes, in a thread of its own: real sockets, TLS, disks, desks and consoles."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from browser.serving import wait_for_port
from detente.demo.runner import Runner
from detente.demo.scenario import read_scenario
from detente.demo.stage import set_stage
from detente.node.clock import ScaledClock, SystemClock

STORY = Path(__file__).with_name("story.toml")


@contextmanager
def staged(folder: Path, scenario: Path = STORY) -> Iterator[dict[str, str]]:
    """Play *scenario* live in *folder* while the block runs; yields each party's console address."""
    told = read_scenario(scenario)
    clock = ScaledClock(SystemClock().now(), 1.0)
    stage = set_stage(told, folder, clock)
    runner = Runner(told, stage, clock, headless=False, say=lambda line: None)
    loop = asyncio.new_event_loop()
    task = loop.create_task(runner.run())

    def perform() -> None:
        asyncio.set_event_loop(loop)
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.close()

    thread = threading.Thread(target=perform, name="stage")
    thread.start()
    try:
        for node in stage.nodes.values():
            # A node compiles its kernels before it listens: a minute on a slow machine that never ran them.
            wait_for_port(int(node.config.listen.console.rpartition(":")[2]), within_s=90.0)
        yield {party: node.console_url for party, node in stage.nodes.items()}
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(30)
