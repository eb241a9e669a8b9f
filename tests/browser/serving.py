"""A development desk served in a thread of its own, for tests that come over a real socket."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from browser.fake_desk import FakeDesk
from detente.node.web.port import RecordPort
from detente.node.web.server import build_app, serve


@dataclass
class Desk:
    """A served development desk: its address, and the fake behind it, to be touched only through `do`."""

    address: str
    fake: FakeDesk
    loop: asyncio.AbstractEventLoop

    def do(self, act: Callable[[FakeDesk], Any]) -> Any:
        """Run *act* on the desk's own event loop, publish, and return its answer."""

        async def on_loop() -> Any:
            answer = act(self.fake)
            self.fake.publish()
            return answer

        return asyncio.run_coroutine_threadsafe(on_loop(), self.loop).result(5)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def no_door(port: int) -> dict[str, Any]:
    """What `build_app` is told beside the desk: nothing, so that it has demo accounts."""
    del port
    return {}


@contextmanager
def served(
    door: Callable[[int], dict[str, Any]] = no_door,
    record: RecordPort | None = None,
    make: Callable[..., FakeDesk] = FakeDesk,
    **scene: Any,
) -> Iterator[Desk]:
    """Serve a development desk in a thread of its own while the block runs.

    *door*: how people sign in, by the port. *record*: what its record page shows. *make*: the desk, of the *scene*.
    """
    port = free_port()
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    made: list[FakeDesk] = []

    async def run() -> None:
        fake = make(**scene)
        fake.record = record
        made.append(fake)
        app = build_app(fake, hosts=[f"alfa.localhost:{port}", f"127.0.0.1:{port}"], **door(port))
        serving = asyncio.create_task(serve(app, "127.0.0.1", port))
        playing = asyncio.create_task(fake.play())
        ready.set()
        try:
            await asyncio.wait({serving, playing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            serving.cancel()
            playing.cancel()
            await asyncio.gather(serving, playing, return_exceptions=True)
            await asyncio.sleep(0.05)  # closed transports are let go by the loop's next turns

    task: asyncio.Task[None] | None = None

    def thread() -> None:
        nonlocal task
        asyncio.set_event_loop(loop)
        task = loop.create_task(run())
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.close()

    runner = threading.Thread(target=thread)
    runner.start()
    assert ready.wait(60)
    wait_for_port(port)
    try:
        yield Desk(f"http://alfa.localhost:{port}/", made[0], loop)
    finally:
        assert task is not None
        loop.call_soon_threadsafe(task.cancel)
        runner.join(10)


def wait_for_port(port: int, within_s: float = 5.0) -> None:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        threading.Event().wait(0.02)
    raise AssertionError(f"nothing listens on {port}")
