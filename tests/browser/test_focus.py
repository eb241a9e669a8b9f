"""Who works by keys keeps their place: what goes when it was used leaves the focus to its row, never to the top of the page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from browser.awaiting import ordered, seated, until
from browser.conftest import Watched
from browser.serving import served
from browser.test_console import axe
from browser.test_release import passed
from detente.desk.orders import Acknowledge, AcknowledgeMessage, RevertPolicy

pytestmark = pytest.mark.browser

Opened = Callable[..., Watched]
SOME_BOARDS_MS = 1500
WIDER = 'name = "all"\n[[rule]]\nname = "all"\neffect = "release"\nto = ["bravo"]\ngive = { fields = ["position"] }\n'

FOCUSED = """() => {
  const at = document.activeElement;
  return at.dataset.alert ?? at.dataset.message ?? at.dataset.act ?? (at.id || at.className || at.tagName);
}"""


def focused(page: Page) -> str:
    return str(page.evaluate(FOCUSED))


def test_an_alert_acknowledged_by_keys_keeps_the_focus_on_its_row_and_a_second_enter_acknowledges_nothing(
    opened: Opened,
) -> None:
    with served(tracks=12) as desk:
        watched = opened(desk.address)
        page = watched.page
        page.keyboard.press("n")
        first = page.evaluate("document.activeElement.dataset.acknowledge")
        page.keyboard.press("Enter")
        expect(page.locator(f'li[data-alert="{first}"]')).to_be_focused()
        for _ in range(3):
            page.keyboard.press("Enter")
        page.wait_for_timeout(SOME_BOARDS_MS)
        assert [order.alert for order in ordered(page, desk, Acknowledge)] == [first]
        expect(page.locator(f'li[data-alert="{first}"]')).to_be_focused()
        assert axe(page) == []
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('li[data-alert]').dataset.alert") == first
        assert watched.complaints == []


def test_the_queue_goes_on_by_urgency_while_an_acknowledged_row_has_the_focus(opened: Opened) -> None:
    """It was read by who holds the focus there; what can be pressed stands still, and this cannot."""
    with served(tracks=12) as desk:
        page = opened(desk.address).page
        rows = page.locator("#alerts li[data-alert]")
        first, second = (rows.nth(n).get_attribute("data-alert") for n in range(2))
        page.keyboard.press("n")
        page.keyboard.press("Enter")
        expect(rows.first).to_have_attribute("data-alert", str(second))
        expect(page.locator(f'li[data-alert="{first}"]')).to_be_focused()


def test_the_strip_keeps_the_focus_and_the_next_alert_in_it_is_not_acknowledged_by_a_second_enter(
    opened: Opened,
) -> None:
    with served(tracks=12) as desk:
        page = opened(desk.address).page
        first = page.locator("#strip [data-alert]").get_attribute("data-alert")
        page.locator("#strip-acknowledge").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#strip")).to_be_focused()
        expect(page.locator("#strip [data-alert]")).not_to_have_attribute("data-alert", str(first))
        page.keyboard.press("Enter")
        page.wait_for_timeout(SOME_BOARDS_MS)
        assert [order.alert for order in ordered(page, desk, Acknowledge)] == [first]
        page.keyboard.press("Tab")
        expect(page.locator("#strip-acknowledge")).to_be_focused()


def test_a_message_acknowledged_by_keys_keeps_the_focus_on_its_row(opened: Opened) -> None:
    with served(tracks=12) as desk:
        page = opened(desk.address).page
        button = page.locator("#hotline li[data-message] .acts button").first
        message = button.evaluate("e => e.closest('[data-message]').dataset.message")
        button.focus()
        page.keyboard.press("Enter")
        ordered(page, desk, AcknowledgeMessage)
        expect(page.locator(f'li[data-message="{message}"]')).to_be_focused()


def test_a_policy_withdrawn_by_keys_leaves_the_focus_on_its_page(opened: Opened) -> None:
    with served(tracks=12) as desk:
        page = opened(desk.address).page
        seated(page, "duty_officer")
        page.keyboard.press("0")
        page.locator("#policy-prepare").click()
        page.fill("#policy-text", WIDER)
        page.locator("#policy-check").click()
        page.locator("#policy-propose").click()
        passed(page)
        page.locator("#release-withdraw").focus()
        page.keyboard.press("Enter")
        ordered(page, desk, RevertPolicy)
        expect(page.locator("#release-withdraw")).to_have_count(0)
        expect(page.locator("#release")).to_be_focused()


def test_a_sign_in_that_is_done_gives_the_focus_back_to_what_it_was_asked_for_by(opened: Opened) -> None:
    with served(tracks=12) as desk:
        page = opened(desk.address).page
        seated(page, "foreign_service")
        page.keyboard.press("8")
        expect(page.locator("#tables")).to_be_focused()
        sign = page.locator("[data-act='proposal.sign']").first
        sign.focus()
        page.keyboard.press("Enter")
        expect(page.locator("#step-prove")).to_be_visible()
        page.locator("#step-prove").focus()
        page.keyboard.press("Enter")
        expect(page.locator("dialog")).to_have_count(0)
        assert until(page, lambda: focused(page), lambda at: at != "BODY") in {"proposal.sign", "thing"}
