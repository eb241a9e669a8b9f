"""A headless browser for the tests, and pages that remember what they complained of.

Without a browser the tests say so and are skipped; a root user with apt gets Debian's small one installed; under
`CI=true` a missing browser is a failure, not a skip.
"""

from __future__ import annotations

import ctypes.util
import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
DRIVER = "libatomic1"
"""What playwright's own program needs; a bare Debian has not got it."""

FLAGS = [
    "--no-sandbox",
    "--font-render-hinting=none",
    "--force-color-profile=srgb",
    "--disable-background-networking",
]


def find_browser() -> str | None:
    """Return a browser that can be driven, installed if need be; None if there is none. Workers install one by one."""
    with (Path(tempfile.gettempdir()) / f"detente-browser-{os.geteuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_drivable() and os.geteuid() == 0 and shutil.which("apt-get"):
            print("browser tests: installing chromium-headless-shell (about 64 MB, once)", flush=True)
            for words in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", BROWSERS[0], DRIVER]):
                subprocess.run(["apt-get", *words], check=False, capture_output=True, timeout=300)
        return installed() if is_drivable() else None


def installed() -> str | None:
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def is_drivable() -> bool:
    return installed() is not None and ctypes.util.find_library("atomic") is not None


# Not a session: while the driver lives its event loop runs in this thread, and no other test of the worker could run one.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = find_browser()
    if path is None:
        why = f"no browser: none of {', '.join(BROWSERS)} is installed with {DRIVER}, and this user cannot install one"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()


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


def said_of(message: ConsoleMessage) -> str:
    """Return what the browser complained of, and of which path: "the server responded with 401" alone helps nobody."""
    return f"{message.text} {urlsplit(message.location['url']).path}"


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[..., Watched]]:
    """Open a console at an address: `opened(address, lang="tr", size=(1280, 720))`; closed after the test."""
    contexts = []

    def open_console(
        address: str, lang: str = "en", size: tuple[int, int] = (1920, 1080), script: str = "", **more: Any
    ) -> Watched:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **more)
        contexts.append(context)
        page = context.new_page()
        watched = Watched(page)
        seen = f'localStorage.setItem("detente.lang", "{lang}"); localStorage.setItem("detente.first-run", "seen");'
        page.add_init_script(WATCH_POLICY + seen + script)
        page.on("console", lambda m: watched.complaints.append(said_of(m)) if m.type in {"error", "warning"} else None)
        page.on("pageerror", lambda e: watched.complaints.append(str(e)))
        page.on("dialog", lambda d: (watched.complaints.append(f"dialog {d.message}"), d.dismiss()))
        page.on("request", lambda r: None if r.url.startswith((address, "data:")) else watched.complaints.append(r.url))
        page.goto(address)
        page.wait_for_selector("html[data-ready]", timeout=15_000)
        return watched

    yield open_console
    for context in contexts:
        context.close()
