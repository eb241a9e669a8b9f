"""A request that the node never answers: it has a limit, after which the person is told, and nothing stays busy or empty."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from msgspec.structs import replace
from playwright.sync_api import Error, Route, expect

from browser.awaiting import LIMITS, seated, time_is_up, unanswered, until
from browser.conftest import Watched
from browser.fake_desk import FakeDesk
from browser.serving import Desk, served
from browser.test_refused import is_told, texts
from node.recorded import FLASH, Recorded, recorded

pytestmark = pytest.mark.browser

Opened = Callable[..., Watched]
A_MOMENT_MS = 400
NOT_KNOWN = {
    "en": "No answer from the node: whether it was done is not known",
    "tr": "Düğümden yanıt yok: yapılıp yapılmadığı bilinmiyor",
    "ru": "Узел не отвечает: выполнено ли это, неизвестно",
}

KEEP_AN_ANSWER = """
const limited = window.fetch;
let isKept = false;
window.fetch = (path, how) => {
  if (isKept || !how?.body?.includes("send_text")) return limited(path, how);
  isKept = true;
  limited(path, { ...how, signal: new AbortController().signal });
  return new Promise((_, fails) => how.signal?.addEventListener("abort", () => fails(how.signal.reason)));
};
"""
"""The node does the first message, and the page never hears of it."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    found = recorded(tmp_path_factory.mktemp("unanswered"), 20)
    yield found
    found.store.close()


@pytest.fixture(scope="module")
def desk(made: Recorded) -> Iterator[Desk]:
    with served(record=made.records, tracks=12) as running:
        yield running


def answered_late(route: Route) -> None:
    """Have the node answer what nobody waits for any more."""
    with suppress(Error):
        route.continue_()


def test_every_request_has_a_limit_and_a_dossier_a_longer_one(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address, script=LIMITS).page
    seated(page, "supervisor")
    page.keyboard.press("y")
    expect(page.locator("dialog.why")).to_be_visible()
    page.keyboard.press("Escape")
    for key in "890":
        page.keyboard.press(key)
    page.keyboard.press("9")
    page.locator('[data-way="whole"]').click()
    page.locator("#dossier-plan").click()
    with page.expect_download():
        page.locator("#dossier-take").click()
    assert page.evaluate("window.unlimited") == []
    limits_s = {ms / 1000 for ms in page.evaluate("window.limits.map((limit) => limit.ms)")}
    assert min(limits_s) == 15
    assert max(limits_s) == 600


@pytest.mark.parametrize("lang", ["en", "tr", "ru"])
def test_an_order_that_is_not_answered_in_time_is_not_known_to_be_done_and_given_again_is_done_once(
    desk: Desk, opened: Opened, lang: str
) -> None:
    page = opened(desk.address, lang, script=LIMITS + KEEP_AN_ANSWER).page
    words = f"held for ever {lang}"
    page.fill("#composer textarea", words)
    page.locator("#composer button.main").click()
    until(page, lambda: words in texts(desk))
    time_is_up(page)
    assert is_told(page, NOT_KNOWN[lang])
    expect(page.locator("#composer textarea")).to_have_value(words)
    page.locator("#composer button.main").click()
    expect(page.locator("#composer textarea")).to_have_value("")
    expect(page.get_by_text(NOT_KNOWN[lang])).to_have_count(0)
    assert texts(desk).count(words) == 1


def test_a_seat_that_is_not_given_in_time_is_no_longer_waited_for_and_its_late_answer_seats_nobody(
    desk: Desk, opened: Opened
) -> None:
    page = opened(desk.address, script=LIMITS).page
    late = unanswered(page, "**/api/session")
    page.select_option("#seat", "leader")
    until(page, lambda: late)
    expect(page.locator("#seat")).to_have_attribute("aria-busy", "true")
    time_is_up(page)
    assert is_told(page, "no answer from the node")
    expect(page.locator("#seat")).to_have_attribute("aria-busy", "false")
    page.unroute("**/api/session")
    seated(page, "supervisor")
    answered_late(late[0])
    page.wait_for_timeout(A_MOMENT_MS)
    expect(page.locator("#seat")).to_have_value("supervisor")


def test_a_page_whose_answer_does_not_come_says_so_and_asks_again(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address, script=LIMITS).page
    late = unanswered(page, "**/api/record/logs")
    page.keyboard.press("9")
    until(page, lambda: late)
    time_is_up(page)
    why = page.locator("#record .table-head [role=alert]")
    expect(why).to_contain_text("no answer from the node")
    until(page, lambda: late, lambda found: len(found) > 1)[1].continue_()
    expect(page.locator(f'[data-log="{FLASH}"]')).to_be_visible()
    expect(why).to_have_count(0)


def test_a_dossier_that_does_not_come_is_said_to_be_made_until_its_time_is_up(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address, script=LIMITS).page
    seated(page, "supervisor")
    page.keyboard.press("9")
    page.locator('[data-way="whole"]').click()
    page.locator("#dossier-plan").click()
    late = unanswered(page, "**/api/record/dossier")
    page.locator("#dossier-take").dblclick()
    until(page, lambda: late)
    expect(page.locator("#record-dossier [role=status]")).to_have_text("Being made …")
    time_is_up(page)
    why = page.locator("#record-dossier [role=alert]")
    expect(why).to_have_text(NOT_KNOWN["en"])
    expect(page.locator("#record-dossier [role=status]")).to_have_count(0)
    assert len(late) == 1
    page.unroute("**/api/record/dossier")
    with page.expect_download():
        page.locator("#dossier-take").click()
    expect(why).to_have_count(0)


def test_an_explanation_that_hangs_is_not_asked_for_again_and_again(desk: Desk, opened: Opened) -> None:
    """A browser has six lines to the node: questions that hang would leave none for an order."""
    page = opened(desk.address, script=LIMITS).page
    page.keyboard.press("y")
    expect(page.locator("dialog.why")).to_be_visible()
    late = unanswered(page, "**/why")
    until(page, lambda: late)
    page.wait_for_timeout(5000)
    assert len(late) == 1
    time_is_up(page)
    until(page, lambda: late, lambda found: len(found) > 1)


def test_the_circles_of_many_conflicts_are_asked_for_two_at_a_time(opened: Opened) -> None:
    with served(tracks=12, alert_after_s=None) as desk:

        def many(fake: FakeDesk) -> None:
            fake.alert_after_s = 0.0
            first = fake.board("operator").alerts[0]
            fake.extra_alerts = [replace(first, alert=f"alfa-{n}") for n in range(100, 120)]

        page = opened(desk.address).page
        late = unanswered(page, "**/why")
        desk.do(many)
        expect(page.locator("#alerts li[data-alert]")).to_have_count(len(desk.fake.board("operator").alerts))
        page.wait_for_timeout(A_MOMENT_MS)
        assert len(late) == 2
        late[0].continue_()
        until(page, lambda: late, lambda found: len(found) == 3)
        page.wait_for_timeout(A_MOMENT_MS)
        assert len(late) == 3
