"""Names of 60 characters, counts of five figures, times of hours: what an officer needs of a desk stays whole and in sight."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace
from playwright.sync_api import expect

from browser.conftest import Watched
from browser.fake_desk import FakeDesk
from browser.serving import Desk, served
from detente.desk.board import Board

pytestmark = pytest.mark.browser

Opened = Callable[..., Watched]
LONG = "Joint Maritime Reconnaissance and Rescue Coordination Area N"
HOUR_MS = 3_600_000

NEEDED = """
#composer :is(button, textarea, #compose-precedence), #top .peers b, #alerts .acts button, #alerts .time, .strip button, .strip .due, .strip .did,
#page dd, .side .badge, #tables .acts button, .help dd
"""

# What of these is cut off by the window or by whatever holds it.
CUT = """(needed) => [...document.querySelectorAll(needed)].filter((element) => {
  const box = element.getBoundingClientRect();
  if (!box.width || getComputedStyle(element).visibility === "hidden" || element.closest(".scroll-x")) return false;
  if (box.left < -1 || box.right > innerWidth + 1 || element.scrollWidth > element.clientWidth + 1 && element.clientWidth) return true;
  for (let held = element.parentElement; held; held = held.parentElement) {
    const { left, right } = held.getBoundingClientRect();
    if (getComputedStyle(held).overflowX !== "visible" && (box.left < left - 1 || box.right > right + 1)) return true;
  }
  return false;
}).map((element) => `${element.tagName}#${element.id}.${element.className} ${element.textContent}`)"""


class LongDesk(FakeDesk):
    """The invented desk with long names, large counts and times of hours."""

    def board(self, role: str) -> Board:
        board = super().board(role)
        first, *rest = board.alerts
        now = board.at_ms
        first = replace(first, acknowledge_by_ms=now - 5 * HOUR_MS, event_at_ms=now + HOUR_MS, rung=3)
        counts = replace(
            board.counts, own=12_345, shared=12_345, unattributed=12_345, stale=12_345, not_assessed=12_345
        )
        parties = [{**one, "name": f"{one['name']} {LONG}"[:60]} for one in board.parties]
        return replace(board, alerts=[first, *rest], alerts_total=12_345, counts=counts, parties=parties)


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with served(make=LongDesk, tracks=40, alert_after_s=-60.0) as running:
        yield running


@pytest.mark.parametrize("lang", ["en", "tr", "ru"])
@pytest.mark.parametrize("size", [(1280, 720), (1440, 900), (1920, 1080)])
def test_nothing_that_is_needed_is_cut_off_by_long_names(
    desk: Desk, opened: Opened, size: tuple[int, int], lang: str
) -> None:
    page = opened(desk.address, lang, size).page
    expect(page.locator("#top .peers li")).to_have_count(2)
    assert page.evaluate(CUT, NEEDED) == []
    page.fill("#composer textarea", "Turn back.")
    page.locator("#composer button.main").click(trial=True)  # nothing lies over it
    page.locator("#sky").focus()
    page.keyboard.press("8")
    expect(page.locator("#tables .side").first).to_be_visible()
    assert page.evaluate(CUT, NEEDED) == []


@pytest.mark.parametrize("lang", ["en", "tr", "ru"])
def test_nothing_that_is_needed_is_cut_off_on_a_telephone(desk: Desk, opened: Opened, lang: str) -> None:
    page = opened(desk.address, lang, (480, 900)).page
    for part in page.locator("#narrow button").all():
        part.click()
        assert page.evaluate(CUT, NEEDED) == []
    page.locator(".bar .square").last.click()
    expect(page.locator("dialog.help")).to_be_visible()
    assert page.evaluate(CUT, NEEDED) == []
