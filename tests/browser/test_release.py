"""The page on what leaves: the policy in words, both pictures side by side, and whether more is told than usual."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from msgspec.structs import replace
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as TooLate

from browser.awaiting import seated, until
from browser.conftest import Watched
from browser.serving import Desk, served
from browser.test_console import axe
from detente.desk.release_view import RuleRow

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
    rules = [*desk.fake.released.rules, RuleRow("new", "withhold", "", [], {"phase_of_moon": ["full"]}, [], None)]
    desk.do(lambda fake: setattr(fake, "released", replace(fake.released, rules=rules)))
    watched = opened(desk.address)
    page = at_release(watched.page)
    near = page.locator('[data-rule="near the line"]')
    for words in (
        "within 40 NM of NOTIFIED LINE L-1, on the inner side",
        "below 41000 ft",
        "Exact and at once",
    ):
        expect(near).to_contain_text(words)
    coarse = page.locator('[data-rule="the rest, coarse"]')
    expect(coarse).to_contain_text("in cells of 5000 m · altitude in steps of 2000 ft · 60 s late · every 30 s")
    expect(page.locator('[data-rule="new"]')).to_contain_text('phase_of_moon: ["full"]')
    expect(page.locator('[data-rule="exercise area"]')).to_contain_text("31")
    expect(page.locator(".rules .last")).to_contain_text("is withheld")
    assert watched.complaints == []
    assert watched.violations() == []


def test_both_pictures_are_drawn_and_what_is_withheld_is_on_one_alone(desk: Desk, opened: Opened) -> None:
    page = at_release(opened(desk.address).page)
    expect(page.locator("#release canvas")).to_have_count(2)
    pixels = """() => [...document.querySelectorAll("#release canvas")].map((canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let [own, grey] = [0, 0];
      for (let i = 0; i < data.length; i += 4) {
        if (data[i] === 0x8c && data[i + 1] === 0xcb && data[i + 2] === 0xf1) own++;
        if (data[i] === 0xa7 && data[i + 1] === 0xb4 && data[i + 2] === 0xc0) grey++;
      }
      return [own, grey];
    })"""
    (_, kept), (_, none) = until(page, lambda: page.evaluate(pixels), lambda blue: min(own for own, _ in blue) > 50)
    assert kept > 20
    assert none == 0
    expect(page.locator("#release")).to_contain_text("Kept back")


def test_another_peers_view_is_its_own(desk: Desk, opened: Opened) -> None:
    page = at_release(opened(desk.address).page)
    page.locator('[data-peer="charlie"]').click()
    expect(page.locator("#release")).to_contain_text("civil only")
    expect(page.locator("#release")).to_contain_text("third party")


def test_a_policy_that_tells_more_takes_two_persons_and_is_undone_by_one_key(opened: Opened) -> None:
    with served(tracks=12) as running:
        page = at_release(opened(running.address).page)
        expect(page.locator(".wider")).to_have_count(0)
        seated(page, "duty_officer")
        page.locator("#policy-prepare").click()
        text = page.locator("#policy-text")
        expect(text).to_have_value(running.fake.policy_scene.text)
        expect(page.locator("#policy-propose")).to_be_disabled()
        text.fill(
            'name = "all"\n[[rule]]\nname = "all"\neffect = "release"\nto = ["bravo"]\ngive = { fields = ["position"] }\n'
        )
        page.locator("#policy-check").click()
        expect(page.locator("#policy-changes")).to_contain_text("a second person confirms")
        expect(page.locator("#policy-changes")).to_contain_text("1 tracks told more, 0 told less")
        page.locator("#policy-changes summary").click()
        expect(page.locator("#policy-changes details")).to_contain_text("THY1")
        page.locator("#policy-propose").click()
        passed(page)
        pending = page.locator(".pending")
        expect(pending).to_contain_text("duty officer", timeout=5000)
        expect(pending).to_contain_text("another person confirms")
        expect(page.locator("#release-confirm")).to_have_count(0)
        seated(page, "supervisor")
        page.locator("#release-confirm").click()
        passed(page)
        expect(page.locator(".wider")).to_contain_text("More is told than usual", timeout=5000)
        expect(pending).to_have_count(0)
        page.locator("#release-undo").click()
        passed(page)
        expect(page.locator(".wider")).to_have_count(0, timeout=5000)
        assert running.fake.policy_scene.policy is running.fake.policy_scene.baseline


def passed(page: Page) -> None:
    """Sign in once more where the node asks for it."""
    with suppress(TooLate):
        page.locator("#step-prove").click(timeout=4000)


ODD = """name = "odd"
[[rule]]
name = "a grid each second"
effect = "release"
to = ["bravo"]
give = { fields = ["position"], position_grid_m = 1000 }
[[rule]]
name = "never"
effect = "withhold"
"""


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_a_text_is_shown_in_words_with_what_is_odd_and_what_is_left_of_its_promises(
    desk: Desk, opened: Opened, lang: str
) -> None:
    watched = opened(desk.address, lang, (1280, 720))
    page = at_release(watched.page)
    page.locator("#policy-prepare").click()
    page.locator("#policy-text").fill(ODD)
    page.locator("#policy-check").click()
    words = page.locator("#policy-words")
    expect(words.locator("li").first).to_contain_text("Tell bravo of every aircraft: position to 1000 m")
    expect(words.locator(".fineness")).to_contain_text("408 m", timeout=20000)
    if lang == "en":
        expect(words.locator("li").first).to_contain_text("The promise does not hold")
    assert axe(page) == []
    wide = page.evaluate("""() => [...document.querySelectorAll("#release .table-column, #release .part, #release .thing, body")]
      .filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.className + " " + e.scrollWidth + ">" + e.clientWidth)""")
    assert wide == []
    page.locator("#policy-text").fill(ODD + "\n")
    expect(page.locator("#policy-changes")).to_have_count(0)
    expect(page.locator("#policy-propose")).to_be_disabled()
    assert watched.complaints == []


def test_a_text_that_is_no_policy_is_refused_with_the_place_for_as_long_as_it_is_not_mended(
    desk: Desk, opened: Opened
) -> None:
    page = at_release(opened(desk.address).page)
    page.locator("#policy-prepare").click()
    page.locator("#policy-text").fill('name = "x"\nmood = "good"\n')
    page.locator("#policy-check").click()
    expect(page.locator("#release [role=alert]")).to_be_visible()
    for _ in range(2):  # the page is read anew every two seconds: the second question follows the first one's answer
        with page.expect_response("**/api/preview**"):
            pass
    expect(page.locator("#release [role=alert]")).to_contain_text("mood")
    expect(page.locator("#policy-propose")).to_be_disabled()


@pytest.mark.parametrize("lang", ["en", "tr", "ru"])
def test_axe_finds_nothing_on_the_page_of_what_leaves(desk: Desk, opened: Opened, lang: str) -> None:
    watched = opened(desk.address, lang, (1280, 720))
    page = at_release(watched.page)
    assert axe(page) == []
    wide = page.evaluate("""() => [...document.querySelectorAll("#release .table-column, #release .part, #release .thing, body")]
      .filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.className + " " + e.scrollWidth + ">" + e.clientWidth)""")
    assert wide == []
    assert watched.complaints == []
