"""What the node refuses, answers late or does not answer at all: the reason is where the person looks, and is true."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from browser.conftest import Watched
from browser.serving import Desk, served
from browser.test_console import alarmed

pytestmark = pytest.mark.browser

Opened = Callable[..., Watched]
TELEPHONE = (390, 844)
WHY = "the disk is full"

AT_ITS_TOP = """(element) => {
  const { x, y, width, height } = element.getBoundingClientRect();
  return element.contains(document.elementFromPoint(x + width / 2, y + height / 2));
}"""


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with served(tracks=12) as running:
        yield running


def refuses(page: Page, path: str, why: str = WHY, method: str = "") -> None:
    """Have the node refuse every request of *method* to *path* from now on."""

    def refuse(route: Route) -> None:
        if method and route.request.method != method:
            return route.fallback()
        problem = {"code": "refused", "title": "Refused", "status": 409, "detail": why}
        return route.fulfill(status=409, content_type="application/problem+json", body=json.dumps(problem))

    page.route(path, refuse)


def is_told(page: Page, text: str) -> bool:
    """Whether *text* is told once it is there, and nothing covers it."""
    told = page.get_by_role("alert").filter(has_text=text)
    expect(told).to_be_visible()
    return bool(told.evaluate(AT_ITS_TOP))


def test_why_an_order_was_refused_is_seen_on_the_page_where_it_was_given(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    refuses(page, "**/api/orders")
    page.locator("[data-acknowledge]").first.click()
    assert is_told(page, WHY)
    for key in "890":
        page.keyboard.press(key)
        assert is_told(page, WHY)
    page.get_by_role("alert").get_by_role("button").click()
    expect(page.get_by_text(WHY)).to_have_count(0)


def test_why_an_acknowledgement_was_refused_is_seen_on_a_telephone_too(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address, size=TELEPHONE).page
    refuses(page, "**/api/orders")
    page.locator("#narrow button").first.click()
    page.locator("[data-acknowledge]").first.click()
    assert is_told(page, WHY)
    page.locator("#narrow button").last.click()
    assert is_told(page, WHY)


def test_what_is_refused_in_a_dialog_is_said_in_it(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    refuses(page, "**/api/orders")
    refuses(page, "**/api/sessions", method="DELETE")
    page.keyboard.press("y")
    page.locator("dialog.why .useful button").first.click()
    assert is_told(page, WHY)
    page.keyboard.press("Escape")
    page.locator("#to-sessions").click()
    page.locator("#end-mine").click()
    assert is_told(page, WHY)


def test_what_the_desk_tells_by_itself_does_not_take_the_place_of_a_refusal(opened: Opened) -> None:
    """That a row was painted is told again every two seconds while the node refuses it."""
    with served(tracks=12, alert_after_s=None) as desk:
        page = opened(desk.address).page

        def refuse(route: Route) -> None:
            order = route.request.post_data_json["order"]
            route.fulfill(status=409, json={"code": "refused", "title": "Refused", "detail": f"no {order} now"})

        page.route("**/api/orders", refuse)
        desk.do(alarmed)
        page.locator("[data-acknowledge]").first.click()
        assert is_told(page, "no acknowledge now")
        for _ in range(2):
            with page.expect_request(lambda request: "displayed" in (request.post_data or ""), timeout=10_000):
                pass
        page.wait_for_timeout(200)
        assert is_told(page, "no acknowledge now")
        page.unroute("**/api/orders")
        page.locator("[data-acknowledge]").first.click()
        expect(page.get_by_text("no acknowledge now")).to_have_count(0)
