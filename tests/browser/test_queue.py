"""Two hundred alerts at one desk: what is out of sight costs little, and is there, true and in reach all the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace
from playwright.sync_api import Page, expect

from browser.awaiting import ordered
from browser.conftest import Watched
from browser.fake_desk import FakeDesk
from browser.serving import Desk, served
from browser.test_press import FRAMES
from detente.desk.board import AlertRow, TrackRef
from detente.desk.orders import Acknowledge

pytestmark = pytest.mark.browser

Opened = Callable[..., Watched]
MANY = 190
DEEP = "alfa-1150"


def alert(fake: FakeDesk, n: int) -> AlertRow:
    """One more predicted conflict, the later the higher *n*."""
    one = fake.board("operator").alerts[0]
    assert one.event_at_ms is not None
    pair = {"a": TrackRef(f"ALF{n}", "alfa", None), "event_at_ms": one.event_at_ms + 600_000 + 1_000 * n}
    return replace(one, alert=f"alfa-{1_000 + n}", **pair)


@pytest.fixture
def desk() -> Iterator[Desk]:
    with served(tracks=12, alert_after_s=0.0) as running:
        running.do(lambda fake: setattr(fake, "extra_alerts", [alert(fake, n) for n in range(MANY)]))
        yield running


def changed(desk: Desk, name: str, how: Callable[[AlertRow], AlertRow]) -> None:
    """From the next board on *name* is another."""

    def on_desk(fake: FakeDesk) -> None:
        fake.extra_alerts = [how(row) if row.alert == name else row for row in fake.extra_alerts]

    desk.do(on_desk)


def deep(page: Page) -> str:
    row = f'#alerts li[data-alert="{DEEP}"]'
    expect(page.locator(row)).to_have_count(1)
    expect(page.locator(row)).not_to_be_in_viewport()
    return row


def acknowledged(row: AlertRow) -> AlertRow:
    own, *others = row.halves
    return replace(row, halves=(replace(own, acknowledged_at_ms=row.raised_at_ms, acknowledged_by="operator"), *others))


def test_all_rows_stand_in_the_page_and_tell_their_time(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    expect(page.locator("#alerts li[data-alert^='alfa-1']:not([data-alert='alfa-1'])")).to_have_count(MANY)
    left = page.locator(f"{deep(page)} .time")
    expect(left).to_have_text(re.compile(r"^\d\d:\d\d$"))
    before = left.text_content()
    assert before is not None
    expect(left).not_to_have_text(before, timeout=15_000)


def test_an_acknowledgement_of_a_row_out_of_sight_is_there_with_the_next_board(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    row = deep(page)
    changed(desk, DEEP, acknowledged)
    expect(page.locator(f"{row} .done")).to_have_count(1)
    expect(page.locator(f"{row} [data-acknowledge]")).to_have_count(0)


def test_what_is_scrolled_into_sight_is_as_it_is_now(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    row = page.locator(deep(page))
    changed(desk, DEEP, lambda one: replace(one, verdicts=(), rung=3))
    for _ in range(3):  # rows that come into sight on the way are taller than was thought
        row.scroll_into_view_if_needed()
        page.evaluate(FRAMES, 3)
    expect(row).to_be_in_viewport()
    expect(row.locator(".verdicts")).to_have_count(0, timeout=2_000)
    expect(row).to_contain_text("Rung 3", timeout=2_000)


def test_the_most_urgent_is_acknowledged_by_n_and_enter_though_it_stands_out_of_sight(
    desk: Desk, opened: Opened
) -> None:
    """While a row has the focus none moves, so that what is new and most urgent comes in below all the others."""
    page = opened(desk.address).page
    page.locator("#alerts li[data-alert] button", has_text="Show").first.focus()
    newest = "alfa-2000"

    def more(fake: FakeDesk) -> None:
        first = fake.board("operator").alerts[0]
        fake.extra_alerts = [*fake.extra_alerts, replace(first, alert=newest, event_at_ms=first.event_at_ms - 30_000)]

    desk.do(more)
    button = page.locator(f'#alerts [data-acknowledge="{newest}"]')
    expect(page.locator("#alerts li[data-alert]").last).to_have_attribute("data-alert", newest)
    expect(button).not_to_be_in_viewport()
    page.keyboard.press("n")
    expect(button).to_be_focused()
    expect(button).to_be_in_viewport()
    page.keyboard.press("Enter")
    assert newest in [order.alert for order in ordered(page, desk, Acknowledge)]
