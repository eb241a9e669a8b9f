"""What the node refuses, answers late or does not answer at all: the reason is where the person looks, and is true."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from browser.awaiting import seated, unanswered, until
from browser.conftest import Watched
from browser.serving import Desk, served
from browser.test_console import alarmed
from detente.desk.orders import SendText

pytestmark = pytest.mark.browser

Opened = Callable[..., Watched]
TELEPHONE = (390, 844)
WHY = "the disk is full"

AT_ITS_TOP = """(element) => {
  const { x, y, width, height } = element.getBoundingClientRect();
  return element.contains(document.elementFromPoint(x + width / 2, y + height / 2));
}"""

LOSE_AN_ANSWER = """
const ask = window.fetch;
let isLost = false;
window.fetch = async (path, how) => {
  const answer = await ask(path, how);
  if (isLost || !how?.body?.includes("send_text")) return answer;
  isLost = true;
  throw new TypeError("Failed to fetch");
};
"""


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


def texts(desk: Desk) -> list[str]:
    return [order.text for _, order in desk.fake.orders if isinstance(order, SendText)]


def test_a_message_that_is_sent_twice_before_the_node_has_answered_is_sent_once(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    late = unanswered(page, "**/api/orders", "once only")
    words = page.locator("#composer textarea")
    words.fill("once only")
    page.locator("#composer button.main").dblclick()
    until(page, lambda: late)
    words.fill("and the next, written meanwhile")
    page.wait_for_timeout(200)
    assert len(late) == 1
    late[0].continue_()
    assert until(page, lambda: texts(desk).count("once only")) == 1
    page.wait_for_timeout(200)
    expect(words).to_have_value("and the next, written meanwhile")


def test_an_order_whose_answer_was_lost_is_not_called_refused_and_not_done_twice(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address, script=LOSE_AN_ANSWER).page
    page.fill("#composer textarea", "heard at least once")
    page.locator("#composer button.main").click()
    assert is_told(page, "No answer from the node: whether it was done is not known")
    expect(page.locator("#composer textarea")).to_have_value("heard at least once")
    page.locator("#composer button.main").click()
    expect(page.locator("#composer textarea")).to_have_value("")
    expect(page.get_by_text("No answer from the node")).to_have_count(0)
    assert texts(desk).count("heard at least once") == 1


def test_what_an_error_page_says_is_not_shown_as_the_reason(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    page.route("**/api/orders", lambda route: route.fulfill(status=502, body="<html>Bad Gateway</html>"))
    page.locator("[data-acknowledge]").first.click()
    assert is_told(page, "No answer from the node")


def test_an_act_is_said_once_and_its_refusal_is_told_though_its_form_was_closed(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    page.keyboard.press("8")
    seated(page, "duty_officer")
    late = unanswered(page, "**/api/orders", "incident.account")
    page.locator("[data-act='incident.account']").first.click()
    page.fill("#act-words", "Our account.")
    page.locator("#act-form button.main").dblclick()
    until(page, lambda: late)
    page.keyboard.press("Escape")
    page.locator("[data-act='incident.account']").first.click()
    page.fill("#act-words", "A better account.")
    assert len(late) == 1
    problem = {"code": "refused", "title": "Refused", "detail": WHY}
    late[0].fulfill(status=409, json=problem)
    page.wait_for_timeout(300)
    expect(page.locator("#act-words")).to_have_value("A better account.")
    expect(page.locator("#act-form [role=alert]")).to_have_count(0)
    page.keyboard.press("Escape")
    assert is_told(page, WHY)
