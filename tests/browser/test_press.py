"""What is pressed is what was under the finger: nothing moves away between press and release."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from browser.conftest import Watched
from browser.serving import served
from browser.test_loud import EAR

pytestmark = pytest.mark.browser

Opened = Callable[..., Watched]
TELEPHONE = (390, 844)

FRAMES = "async (n) => { while (n--) await new Promise(requestAnimationFrame); }"

HELD = """
async () => {
  const { update } = await import("/static/store.js");
  const began = performance.now();
  document.querySelector("#narrow button").dispatchEvent(new PointerEvent("pointerdown", { bubbles: true }));
  update({ sound: "on" });
  while (document.querySelector(".badge.sound")) await new Promise(requestAnimationFrame);
  return performance.now() - began;
}
"""


@pytest.mark.parametrize("lang", ["en", "tr", "ru"])
def test_the_first_press_on_a_telephone_is_not_lost_when_the_bar_then_has_a_line_less(
    opened: Opened, lang: str
) -> None:
    """With the first press the desk gets its sound: a badge goes, and all that is below moves up. Not before the release."""
    with served(tracks=12) as desk:
        page = opened(desk.address, lang, TELEPHONE, EAR).page
        expect(page.locator(".badge.sound")).to_be_visible()
        page.locator("#narrow button").first.hover()
        page.mouse.down()
        page.evaluate(FRAMES, 3)
        page.mouse.up()
        expect(page.locator("body")).to_have_attribute("data-part", "left")
        expect(page.locator(".badge.sound")).to_have_count(0)


def test_what_is_held_down_holds_the_drawing_for_half_a_second_and_no_longer(opened: Opened) -> None:
    with served(tracks=12) as desk:
        page = opened(desk.address, size=TELEPHONE).page
        expect(page.locator(".badge.sound")).to_be_visible()
        assert page.evaluate(HELD) >= 500


def test_what_is_pressed_twice_or_held_down_acknowledges_what_was_seen_and_not_what_comes_in_its_place(
    opened: Opened,
) -> None:
    with served(tracks=12) as desk:
        page = opened(desk.address).page
        first = page.locator("#strip").locator("[data-alert]").get_attribute("data-alert")
        button = page.locator("#strip-acknowledge")
        button.click()
        expect(page.locator("#strip [data-alert]")).not_to_have_attribute("data-alert", str(first))
        button.hover()
        page.mouse.down(click_count=2)
        page.mouse.up(click_count=2)
        page.wait_for_timeout(300)
        assert set(desk.fake.acknowledged) == {first}
        button.focus()
        for _ in range(12):
            page.keyboard.down("Enter")
            page.wait_for_timeout(100)
        page.keyboard.up("Enter")
        assert len(desk.fake.acknowledged) == 2
