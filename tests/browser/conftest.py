"""A headless browser and a development desk for each test module.

Without a browser the tests say so and are skipped; a root user with apt gets Debian's small one installed; under
`CI=true` a missing browser is a failure, not a skip.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from browser.fake_desk import FakeDesk
from playwright.sync_api import Browser, Page, sync_playwright

from detente.node.web.server import build_app, serve

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--font-render-hinting=none",
    "--force-color-profile=srgb",
    "--disable-background-networking",
]


def find_browser() -> str | None:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found or os.geteuid() != 0 or not shutil.which("apt-get"):
        return found
    print("browser tests: installing chromium-headless-shell (about 64 MB, once)", flush=True)
    for words in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", BROWSERS[0]]):
        subprocess.run(["apt-get", *words], check=False, capture_output=True, timeout=300)
    return shutil.which(BROWSERS[0])


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = find_browser()
    if path is None:
        why = f"no browser: none of {', '.join(BROWSERS)} is installed, and this user cannot install one"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()


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


@contextmanager
def served(**scene: Any) -> Iterator[Desk]:
    """Serve a development desk in a thread of its own while the block runs."""
    port = free_port()
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    made: list[FakeDesk] = []

    async def run() -> None:
        fake = FakeDesk(**scene)
        made.append(fake)
        app = build_app(fake, hosts=[f"alfa.localhost:{port}", f"127.0.0.1:{port}"])
        serving = asyncio.create_task(serve(app, "127.0.0.1", port))
        playing = asyncio.create_task(fake.play())
        ready.set()
        try:
            await asyncio.gather(serving, playing)
        finally:
            playing.cancel()

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
    assert ready.wait(10)
    wait_for_port(port)
    try:
        yield Desk(f"http://alfa.localhost:{port}/", made[0], loop)
    finally:
        assert task is not None
        loop.call_soon_threadsafe(task.cancel)
        runner.join(10)


def wait_for_port(port: int) -> None:
    for _ in range(200):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        threading.Event().wait(0.02)
    raise AssertionError(f"nothing listens on {port}")


@dataclass
class Watched:
    """A page with all it complained of: console errors, policy violations, dialogs, requests off the origin."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def violations(self) -> list[str]:
        return self.page.evaluate("() => window.violations ?? []")


WATCH_POLICY = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (e) => window.violations.push(e.violatedDirective + " " + e.blockedURI));
"""


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[..., Watched]]:
    """Open a console at an address: `opened(address, lang="tr", size=(1280, 720))`; closed after the test."""
    contexts = []

    def open_console(address: str, lang: str = "en", size: tuple[int, int] = (1920, 1080), **more: Any) -> Watched:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **more)
        contexts.append(context)
        page = context.new_page()
        watched = Watched(page)
        page.add_init_script(WATCH_POLICY + f'localStorage.setItem("detente.lang", "{lang}");')
        page.on("console", lambda m: watched.complaints.append(m.text) if m.type in {"error", "warning"} else None)
        page.on("pageerror", lambda e: watched.complaints.append(str(e)))
        page.on("dialog", lambda d: (watched.complaints.append(f"dialog {d.message}"), d.dismiss()))
        page.on("request", lambda r: None if r.url.startswith((address, "data:")) else watched.complaints.append(r.url))
        page.goto(address)
        page.wait_for_selector("html[data-ready]", timeout=15_000)
        return watched

    yield open_console
    for context in contexts:
        context.close()
