"""The page on what leaves: the policy in words, both pictures side by side, and whether more is told than usual."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace
from playwright.sync_api import Page, expect

from browser.conftest import Watched
from browser.serving import Desk, served
from browser.test_console import axe
from detente.desk.release_view import PendingRow, RuleRow

pytestmark = pytest.mark.browser

Opened = Callable[..., Watched]


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with served(tracks=120) as running:
        yield running


def at_release(page: Page) -> Page:
    page.keyboard.press("0")
    expect(page.locator("#release")).to_be_focused()
    expect(page.locator("[data-rule]").first).to_be_visible()
    return page


def test_the_policy_is_read_as_sentences_and_nothing_of_a_rule_is_left_out(desk: Desk, opened: Opened) -> None:
    rules = [*desk.fake.policy_shown.rules, RuleRow("new", "withhold", "", [], {"phase_of_moon": ["full"]}, [], None)]
    desk.do(lambda fake: setattr(fake, "policy_shown", replace(fake.policy_shown, rules=rules)))
    watched = opened(desk.address)
    page = at_release(watched.page)
    near = page.locator('[data-rule="near the line"]')
    for words in (
        "within 40 NM of NOTIFIED LINE L-1, on the inner side",
        "below 41000 ft",
        "Exact and at once",
        "20 m",
    ):
        expect(near).to_contain_text(words)
    coarse = page.locator('[data-rule="the rest, coarse"]')
    expect(coarse).to_contain_text("in cells of 5000 m · altitude in steps of 2000 ft · 60 s late · every 30 s")
    expect(coarse).to_contain_text("640 m")
    expect(page.locator('[data-rule="new"]')).to_contain_text('phase_of_moon: ["full"]')
    expect(page.locator('[data-rule="exercise area"]')).to_contain_text("31")
    expect(page.locator(".rules .last")).to_contain_text("is withheld")
    assert watched.complaints == []
    assert watched.violations() == []


def test_both_pictures_are_drawn_and_what_is_withheld_is_on_one_alone(desk: Desk, opened: Opened) -> None:
    page = at_release(opened(desk.address).page)
    expect(page.locator("#release canvas")).to_have_count(2)
    page.wait_for_timeout(800)
    blue = page.evaluate("""() => [...document.querySelectorAll("#release canvas")].map((canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let [own, grey] = [0, 0];
      for (let i = 0; i < data.length; i += 4) {
        if (data[i] === 0x8c && data[i + 1] === 0xcb && data[i + 2] === 0xf1) own++;
        if (data[i] === 0xa7 && data[i + 1] === 0xb4 && data[i + 2] === 0xc0) grey++;
      }
      return [own, grey];
    })""")
    (own, kept), (seen, none) = blue
    assert own > 50
    assert seen > 50
    assert kept > 20
    assert none == 0
    expect(page.locator("#release")).to_contain_text("Kept back")


def test_another_peers_view_is_its_own(desk: Desk, opened: Opened) -> None:
    page = at_release(opened(desk.address).page)
    page.locator('[data-peer="charlie"]').click()
    expect(page.locator("#release")).to_contain_text("civil only")
    expect(page.locator("#release")).to_contain_text("third party")


def test_a_policy_that_tells_more_than_usual_is_under_a_banner_and_a_second_person_confirms(opened: Opened) -> None:
    with served(tracks=12) as running:
        page = at_release(opened(running.address).page)
        expect(page.locator(".wider")).to_contain_text("More is told than usual")
        expect(page.locator(".wider")).to_contain_text("before within 20 NM")
        expect(page.locator("#release-undo")).to_contain_text("baseline-1")
        pending = PendingRow("d" * 44, "wider-3", "operator", running.fake.started_ms, ["call signs to charlie"])
        running.do(
            lambda fake: setattr(fake, "policy_shown", replace(fake.policy_shown, pending=pending, is_wider=False))
        )
        expect(page.locator(".pending")).to_contain_text("call signs to charlie", timeout=5000)
        expect(page.locator(".pending")).to_contain_text("another person confirms")
        expect(page.locator("#release-confirm")).to_have_count(0)
        page.select_option("#seat", "supervisor")
        expect(page.locator("#release-confirm")).to_be_visible()
        expect(page.locator(".wider")).to_have_count(0)


@pytest.mark.parametrize("lang", ["en", "tr", "ru"])
def test_axe_finds_nothing_on_the_page_of_what_leaves(desk: Desk, opened: Opened, lang: str) -> None:
    watched = opened(desk.address, lang, (1280, 720))
    page = at_release(watched.page)
    assert axe(page) == []
    wide = page.evaluate("""() => [...document.querySelectorAll("#release .table-column, #release .part, #release .thing, body")]
      .filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.className + " " + e.scrollWidth + ">" + e.clientWidth)""")
    assert wide == []
    assert watched.complaints == []
