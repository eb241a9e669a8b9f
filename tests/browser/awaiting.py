"""What a page or a desk comes to, read again until it holds: under load nothing is there at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from playwright.sync_api import Page, Route

from browser.serving import Desk

Read = TypeVar("Read")
Order = TypeVar("Order")

AGAIN_MS = 50
SEATED = "async () => (await import('/static/store.js')).state.session.role"


def until(page: Page, read: Callable[[], Read], holds: Callable[[Read], object] = bool, within_s: float = 10.0) -> Read:
    """Return what *read* gives, once it *holds*; the page goes on meanwhile. Fails with the last reading."""
    end = time.monotonic() + within_s
    while not holds(found := read()):
        assert time.monotonic() < end, f"not within {within_s:g} s: {found!r}"
        page.wait_for_timeout(AGAIN_MS)
    return found


def ordered(page: Page, desk: Desk, kind: type[Order], n: int = 1) -> list[Order]:
    """Return the orders of *kind* that the desk was given, once they are *n* or more."""
    return until(page, lambda: [o for _, o in desk.fake.orders if isinstance(o, kind)], lambda found: len(found) >= n)


def seated(page: Page, seat: str, within_s: float = 10.0) -> None:
    """Take *seat* if it is another, and wait until the node has given it: what the selector says is only asked for."""
    if page.evaluate(SEATED) == seat:
        return  # taken anew it would end the session that readings are under way for
    page.select_option("#seat", seat)
    until(page, lambda: page.evaluate(SEATED), lambda role: role == seat, within_s)


def unanswered(page: Page, path: str, about: str = "") -> list[Route]:
    """Let requests to *path* that say *about* wait: they are in the list in their order, each to be let go by hand."""
    waiting: list[Route] = []

    def keep(route: Route) -> None:
        if about in (route.request.post_data or ""):
            waiting.append(route)
        else:
            route.fallback()

    page.route(path, keep)
    return waiting


LIMITS = """
window.limits = [];
AbortSignal.timeout = (ms) => {
  const limit = new AbortController();
  window.limits.push({ ms, reached: () => limit.abort(new DOMException("the time is up", "TimeoutError")) });
  return limit.signal;
};
const ask = window.fetch;
window.unlimited = [];
window.fetch = (path, how) => {
  if (!how?.signal) window.unlimited.push(path);
  return ask(path, how);
};
"""
"""A page's script under which no request's time is up before the test says so: nobody waits a quarter of a minute."""


def time_is_up(page: Page) -> None:
    """Let every request that is still under way come to its limit."""
    page.evaluate("() => window.limits.splice(0).forEach((limit) => limit.reached())")
