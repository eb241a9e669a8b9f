"""An answer that comes late: never shown under a later question, and what was left or closed does not come back."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from browser.awaiting import seated, unanswered, until
from browser.conftest import Watched
from browser.serving import Desk, served
from browser.test_refused import WHY, is_told, refuses

pytestmark = pytest.mark.browser

Opened = Callable[..., Watched]
A_MOMENT_MS = 400
PROBLEM = {"code": "refused", "title": "Refused", "detail": WHY}

# The node is told at once that a person is there; what it answers is held back until the test lets it go, and is the last.
HELD_BACK = """
const every = window.setInterval;
window.setInterval = (act, ms, ...more) => every(act, ms === 20000 ? 100 : ms, ...more);
const ask = window.fetch;
const isHeard = new Promise((heard) => (window.hearNow = heard));
window.heldBack = 0;
window.fetch = async (path, how) => {
  const isAboutTheSeat = path.startsWith("/api/session") && !how.body && document.documentElement.dataset.ready === "";
  if (!isAboutTheSeat) return ask(path, how);
  if (window.heldBack++) return new Promise(() => undefined);
  const answer = await ask(path, how);
  await isHeard;
  return answer;
};
"""
SEAT = "async () => (await import('/static/store.js')).state.session.role"


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with served(tracks=12) as running:
        yield running


def let_go(page: Page, late: list[Route], n: int = 0) -> None:
    """Have the node answer the *n*-th of the requests that wait, and the page take the answer."""
    with page.expect_response(until(page, lambda: late, lambda found: len(found) > n)[n].request.url):
        late[n].continue_()
    page.wait_for_timeout(A_MOMENT_MS)


def test_the_map_is_that_of_the_peer_chosen_last_and_our_own_once_one_is_back(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    page.keyboard.press("7")
    late = unanswered(page, "**/api/preview*")
    bravo, charlie = page.locator("#page .acts button[aria-pressed]").all()
    bravo.click()
    charlie.click()
    let_go(page, late, 1)
    expect(page.locator(".banner")).to_contain_text("Charlie")
    let_go(page, late, 0)
    expect(page.locator(".banner")).to_contain_text("Charlie")
    bravo.click()
    until(page, lambda: late, lambda found: len(found) > 2)
    page.locator(".banner button").click()
    let_go(page, late, 2)
    expect(page.locator(".banner")).to_have_count(0)


def test_an_explanation_that_was_closed_stays_closed(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    page.keyboard.press("y")
    expect(page.locator("dialog.why")).to_be_visible()
    late = unanswered(page, "**/why")
    until(page, lambda: late)
    page.keyboard.press("Escape")
    expect(page.locator("dialog.why")).to_have_count(0)
    for n in range(len(late)):
        let_go(page, late, n)
    expect(page.locator("dialog.why")).to_have_count(0)


def test_a_volume_that_was_closed_while_a_text_was_read_stays_closed_and_the_desk_goes_on(
    desk: Desk, opened: Opened
) -> None:
    watched = opened(desk.address)
    page = watched.page
    late = unanswered(page, "**/api/activities/read")
    page.get_by_role("button", name="New volume").click()
    page.locator(".volume summary").click()
    page.fill("#volume-pasted", '{"type": "Point", "coordinates": [173.2, -40.6]}')
    page.locator(".volume details button").click()
    until(page, lambda: late)
    page.locator(".volume").get_by_role("button", name="Close").click()
    late[0].fulfill(status=409, json=PROBLEM)
    page.wait_for_timeout(A_MOMENT_MS)
    expect(page.locator(".volume")).to_have_count(0)
    assert not [one for one in watched.complaints if "Cannot read" in one]


def test_a_sign_in_that_was_left_does_not_come_back_with_its_refusal(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    seated(page, "foreign_service")
    page.keyboard.press("8")
    page.locator("[data-act='proposal.sign']").first.click()
    expect(page.locator("#step-prove")).to_be_visible()  # what is asked before it is answered as ever
    refuses(page, "**/api/step-up")
    late = unanswered(page, "**/api/step-up/options")
    page.locator("#step-prove").click()
    until(page, lambda: late)
    page.keyboard.press("Escape")
    expect(page.locator("dialog.step")).to_have_count(0)
    let_go(page, late)
    expect(page.locator("dialog.step")).to_have_count(0)


def test_what_the_node_said_of_a_seat_that_was_left_meanwhile_takes_nobody_back_into_it(
    desk: Desk, opened: Opened
) -> None:
    """Orders then went under the token of the seat before, and were refused for up to twenty seconds."""
    page = opened(desk.address, script=HELD_BACK).page
    page.mouse.move(20, 20)
    until(page, lambda: page.evaluate("window.heldBack"))
    seated(page, "foreign_service")
    page.evaluate("window.hearNow()")
    page.wait_for_timeout(A_MOMENT_MS)
    assert page.evaluate(SEAT) == "foreign_service"
    page.keyboard.press("8")
    page.locator("[data-act='proposal.sign']").first.click()
    expect(page.locator("#act-text")).to_be_visible()


def test_an_order_of_one_seat_that_is_not_answered_yet_is_not_taken_for_the_same_words_of_another(
    desk: Desk, opened: Opened
) -> None:
    page = opened(desk.address).page
    late = unanswered(page, "**/api/orders")
    page.fill("#composer textarea", "said by two seats")

    def keys() -> set[str]:
        said = [route.request for route in late if "two seats" in (route.request.post_data or "")]
        return {request.headers["idempotency-key"] for request in said}

    for seat in ("supervisor", "duty_officer"):
        seated(page, seat)
        before = len(keys())
        page.locator("#composer button.main").click()
        assert len(until(page, keys, lambda found, n=before: len(found) > n)) == before + 1


def test_the_desk_speaks_the_language_chosen_last_and_says_when_it_cannot(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    late = unanswered(page, "**/i18n/tr.json")
    page.select_option("#lang", "tr")
    page.select_option("#lang", "ru")
    expect(page.locator("#alerts h2")).to_contain_text("Очередь предупреждений")
    let_go(page, late)
    expect(page.locator("#alerts h2")).to_contain_text("Очередь предупреждений")
    page.route("**/i18n/en.json", lambda route: route.abort())
    page.select_option("#lang", "en")
    assert is_told(page, "узел не отвечает")
    expect(page.locator("#lang")).to_have_value("ru")


def test_a_console_whose_words_do_not_come_at_first_begins_when_they_do(desk: Desk, browser: Browser) -> None:
    page = browser.new_page()
    page.route("**/i18n/en.json", lambda route: route.abort(), times=1)
    page.goto(desk.address)
    page.wait_for_selector("html[data-ready]", timeout=15_000)
    expect(page.locator("#alerts h2")).to_contain_text("Alert queue")
    page.close()


def test_land_that_does_not_come_at_first_is_on_the_map_once_it_does(desk: Desk, browser: Browser) -> None:
    page = browser.new_page()
    page.route("**/land-50m.bin", lambda route: route.abort(), times=1)
    page.goto(desk.address)
    page.wait_for_selector("html[data-ready]", timeout=15_000)
    shores = "async () => (await import('/static/main.js')).situation.shores.length"
    assert until(page, lambda: page.evaluate(shores)) > 0
    page.close()


def test_why_one_peers_page_cannot_be_shown_is_not_said_of_another(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    refuses(page, "**/api/release/bravo")
    late = unanswered(page, "**/api/release/charlie")
    page.keyboard.press("0")
    why = page.locator("#release [role=alert]")
    expect(why).to_contain_text(WHY)
    page.locator("[data-peer=charlie]").click()
    until(page, lambda: late)
    expect(why).to_have_count(0)
    let_go(page, late)
    expect(page.locator("#release")).to_contain_text("civil only")


def test_why_promises_could_not_be_tried_stays_and_the_node_is_not_asked_again_at_once(
    desk: Desk, opened: Opened
) -> None:
    page = opened(desk.address).page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/precision" in request.url else None)
    refuses(page, "**/api/policy/precision")
    page.keyboard.press("0")
    why = page.locator("#release [role=alert]")
    expect(why).to_contain_text(WHY)
    for _ in range(2):
        with page.expect_response("**/api/preview*"):
            pass
    page.wait_for_timeout(A_MOMENT_MS)
    expect(why).to_contain_text(WHY)
    assert len(asked) == 1
