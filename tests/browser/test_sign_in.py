"""Signing in at a real browser with a passkey: the first one, one more for an order, the lock, the list of sessions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.awaiting import ordered
from browser.conftest import WATCH_POLICY
from browser.serving import Desk, served
from detente.desk.orders import Rebase, SendText
from detente.types import Role
from web.test_accounts import NOW, House

pytestmark = pytest.mark.browser

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    house = House(tmp_path_factory.mktemp("house"))
    with house.open() as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1600, "height": 900})
    yield context.new_page()
    context.close()


def with_key(page: Page) -> tuple[Any, str]:
    """Plug a virtual security key in; returns the line to it and its name."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    made = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    return cdp, made["authenticatorId"]


def enrolled(
    page: Page, desk: Desk, role: Role = Role.MILITARY, *, skips: bool = True, lang: str = "en"
) -> tuple[Any, str]:
    """Come by a one-time address, make a passkey and sit down."""
    key = with_key(page)
    _, code = desk.house.book.add("Ada Yılmaz", role, NOW)  # type: ignore[attr-defined]
    seen = 'localStorage.setItem("detente.first-run", "seen");' if skips else ""
    page.add_init_script(WATCH_POLICY + f'localStorage.setItem("detente.lang", "{lang}");' + seen)
    page.goto(f"{desk.address}#enrol={code}")
    page.click("#make-passkey")
    page.wait_for_selector("html[data-ready]", timeout=15_000)
    return key


def test_t32_a_passkey_is_made_opens_the_seat_and_the_address_line_keeps_no_code(desk: Desk, page: Page) -> None:
    enrolled(page, desk)
    assert "enrol" not in page.url
    expect(page.locator("#top")).to_contain_text("Ada Yılmaz")
    expect(page.locator("#top")).to_contain_text("military")
    expect(page.locator("#seat")).to_have_count(0)
    assert not any(page.context.cookies()[0][key] is False for key in ("httpOnly",))
    assert page.context.cookies()[0]["sameSite"] == "Strict"
    page.click("#to-sessions")
    page.click("#sign-out")
    expect(page.locator("#use-passkey")).to_be_visible()
    page.click("#use-passkey")
    expect(page.locator("#sign-in")).to_have_count(0)
    expect(page.locator("#top")).to_contain_text("Ada Yılmaz")
    assert page.evaluate("() => window.violations") == []


def test_escape_does_not_take_the_way_in_away(desk: Desk, page: Page) -> None:
    enrolled(page, desk)
    page.click("#to-sessions")
    page.click("#sign-out")
    for _ in range(4):
        page.keyboard.press("Escape")
        page.wait_for_timeout(100)
    page.click("#use-passkey")
    expect(page.locator("#sign-in")).to_have_count(0)


def test_t31_flash_shows_the_whole_order_with_its_digest_and_goes_after_the_passkey_alone(
    desk: Desk, page: Page
) -> None:
    cdp, key = enrolled(page, desk)
    page.select_option("#compose-line", "military")
    page.fill("#composer textarea", "Cease descent\nat once")
    page.select_option("#compose-precedence", "Z")
    page.select_option("#compose-reason", "R06")
    cdp.send("WebAuthn.setUserVerified", {"authenticatorId": key, "isUserVerified": False})
    page.locator("#composer button.main").click()
    step = page.locator("dialog.step")
    expect(step).to_contain_text("Cease descent")
    expect(step).to_contain_text("at once")
    digest = page.inner_text("#step-digest")
    assert len(digest) == 64
    page.click("#step-prove")
    expect(step.locator("[role=alert]")).to_be_visible(timeout=20_000)  # a thief has the key and not the finger
    assert not any(isinstance(order, SendText) for _, order in desk.fake.orders)
    cdp.send("WebAuthn.setUserVerified", {"authenticatorId": key, "isUserVerified": True})
    page.click("#step-prove")
    expect(step).to_have_count(0)
    expect(page.locator("#composer textarea")).to_have_value("")
    [(role, sent)] = [one for one in desk.fake.orders if isinstance(one[1], SendText)]
    assert (role, sent.text) == ("military", "Cease descent\nat once")
    noted = desk.house.noted  # type: ignore[attr-defined]
    assert ("step_up", "military", {"use": "passkey", "digest": digest}) in noted


def test_leaving_the_dialog_sends_nothing_and_says_so(desk: Desk, page: Page) -> None:
    enrolled(page, desk)
    before = len(desk.fake.orders)
    page.evaluate(
        """() => import('/static/orders.js').then((m) => { m.give({ order: 'rebase', party: 'bravo', log: 'x' }); })"""
    )
    page.wait_for_selector("dialog.step")
    page.keyboard.press("Escape")
    expect(page.locator(".notice")).to_contain_text("nothing was sent")
    assert [order for _, order in desk.fake.orders[before:] if type(order).__name__ == "Rebase"] == []


def test_t32_a_desk_that_nobody_touches_is_locked_shows_on_and_opens_by_its_persons_passkey(
    tmp_path: Path, page: Page
) -> None:
    house = House(tmp_path)
    house.idle_s = 3.0
    with house.open() as desk:
        enrolled(page, desk)
        page.wait_for_timeout(3_300)
        page.locator('[data-acknowledge="alfa-2"]').click()  # a hand at last: the node asks who it is
        step = page.locator("dialog.step")
        expect(step).to_contain_text("Nobody has acted here")
        expect(page.locator("#lock")).to_be_visible()
        assert not [order for _, order in desk.fake.orders if type(order).__name__ == "Acknowledge"]
        first = page.locator(".clock").inner_text()
        expect(page.locator(".clock")).not_to_have_text(first)  # the picture goes on
        page.click("#step-prove")
        expect(page.locator('li[data-alert="alfa-2"] .done')).to_contain_text("military")
        expect(page.locator("#lock")).to_have_count(0)


def test_t32_a_lost_laptop_is_put_out_from_another_desk(desk: Desk, page: Page, browser: Browser) -> None:
    enrolled(page, desk, Role.DUTY_OFFICER)
    context = browser.new_context()
    laptop = context.new_page()
    enrolled(laptop, desk, Role.LEADER)
    page.click("#to-sessions")
    sessions = page.locator(".session", has_text="leader")
    expect(sessions.first).to_be_visible()
    for left in range(sessions.count() - 1, -1, -1):
        sessions.first.locator("button").click()
        expect(sessions).to_have_count(left)
    laptop.evaluate("() => import('/static/ask.js').then((m) => m.ask('/api/board')).catch(() => null)")
    expect(laptop.locator("#sign-in")).to_be_visible()
    context.close()


def test_a_newcomer_is_walked_through_once_and_never_again(desk: Desk, page: Page) -> None:
    enrolled(page, desk, skips=False)
    tour = page.locator("#first-run")
    expect(tour).to_contain_text("No alert is not a clearance")
    for step in range(1, 9):
        expect(tour).to_contain_text(f"{step} / 8")
        page.keyboard.press("Enter")  # the button to go on has the focus
    expect(tour).to_have_count(0)
    page.reload()
    page.wait_for_selector("html[data-ready]")
    page.wait_for_timeout(300)
    expect(tour).to_have_count(0)
    assert json.loads(page.evaluate("() => JSON.stringify(Object.keys(localStorage))")).count("detente.first-run") == 1


def test_the_demo_says_that_a_click_stands_for_the_passkey(page: Page) -> None:
    with served(tracks=10) as desk:
        page.add_init_script(
            'localStorage.setItem("detente.first-run", "seen"); localStorage.setItem("detente.lang", "en");'
        )
        page.goto(desk.address)
        page.wait_for_selector("html[data-ready]")
        expect(page.locator("#top")).to_contain_text("DEMO ACCOUNT")
        page.evaluate(
            """() => import('/static/orders.js').then((m) => { m.give({ order: 'rebase', party: 'bravo', log: 'x' }); })"""
        )
        expect(page.locator("dialog.step")).to_contain_text("DEMO: a click stands for the passkey here.")
        page.click("#step-prove")
        expect(page.locator("dialog.step")).to_have_count(0)
        ordered(page, desk, Rebase)
