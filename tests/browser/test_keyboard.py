"""Every function by keyboard alone: nothing that can be pressed is out of Tab's reach, and a whole watch needs no pointer."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from browser.awaiting import ordered
from browser.conftest import Watched
from browser.serving import Desk, served
from browser.test_console import axe
from detente.desk.orders import Acknowledge, AtTable, MarkAlert, SendCode, StandDown
from node.recorded import Recorded, recorded

pytestmark = pytest.mark.browser

Opened = Callable[..., Watched]
MOST = 400


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    found = recorded(tmp_path_factory.mktemp("keys"), 20)
    yield found
    found.store.close()


@pytest.fixture(scope="module")
def desk(made: Recorded) -> Iterator[Desk]:
    with served(record=made.records, tracks=30) as running:
        yield running


# What may be pressed or filled, is seen, and is no member of a group that arrow keys walk through.
REACHABLE = """() => {
  const may = "button, select, input, textarea, summary, [tabindex='0']";
  return [...document.querySelectorAll(may)].filter((e) =>
    !e.disabled && e.tabIndex >= 0 && e.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true }) && e.getClientRects().length > 0);
}"""

WALK = f"""() => {{
  window.reached = new Set();
  document.addEventListener("focusin", (e) => window.reached.add(e.target));
  window.missed = () => ({REACHABLE})().filter((e) => !window.reached.has(e) && !window.reached.has(e.closest("[data-alert], li") && e))
    .map((e) => e.outerHTML.slice(0, 90));
  return ({REACHABLE})().length;
}}"""


def until_focused(page: Page, selector: str) -> None:
    """Press Tab until what *selector* names has the focus."""
    for _ in range(MOST):
        if page.evaluate("(s) => document.activeElement?.matches(s) ?? false", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not come to {selector}")


@pytest.mark.parametrize("key", ["3", "8", "9", "0"])
def test_tab_comes_to_everything_that_can_be_pressed_and_is_never_trapped(desk: Desk, opened: Opened, key: str) -> None:
    page = opened(desk.address).page
    page.keyboard.press(key)
    shown = {"3": "#alerts li[data-alert]", "8": "#tables article", "9": "#record figure.plots", "0": "[data-rule]"}
    expect(page.locator(shown[key]).first).to_be_visible()
    count = page.evaluate(WALK)
    assert count > 8
    for _ in range(count + 40):
        page.keyboard.press("Tab")
    missed = page.evaluate("() => window.missed()")
    assert missed == []


def test_a_watch_from_the_alert_to_the_signature_without_a_pointer(desk: Desk, opened: Opened) -> None:
    watched = opened(desk.address)
    page = watched.page

    # Acknowledge the most urgent alert, ask why it was raised, say that it was useful, and stand its ladder down.
    page.keyboard.press("n")
    page.keyboard.press("Enter")
    expect(page.locator('li[data-alert="alfa-1"] .done')).to_be_visible()
    until_focused(page, '[data-why="alfa-1"]')
    page.keyboard.press("Enter")
    until_focused(page, ".useful button")
    page.keyboard.press("Enter")
    expect(page.locator(".useful button").first).to_have_attribute("aria-pressed", "true", timeout=5000)
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    until_focused(page, 'li[data-alert="alfa-1"] select')
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    until_focused(page, '[data-stand-down="alfa-1"]')
    page.keyboard.press("Enter")
    # The reasons that the arrow keys passed over were not given.
    assert [order.reason for order in ordered(page, desk, StandDown)] == ["resolved"]

    # A coded phrase with its parameter.
    page.keyboard.press("4")
    until_focused(page, "#compose-code")
    page.keyboard.press("ArrowDown")
    until_focused(page, ".param input")
    page.keyboard.type("BRV61")
    until_focused(page, "#composer button.main")
    page.keyboard.press("Enter")
    expect(page.locator("#compose-code")).to_have_value("")

    # The seat of the foreign service signs a proposal: whole text, digest, passkey.
    page.locator("#seat").focus()
    for seat in ("supervisor", "duty_officer", "military", "intelligence", "foreign_service"):
        page.keyboard.press("ArrowDown")
        expect(page.locator("#seat")).to_have_value(seat)
    expect(page.locator("#seat")).to_have_attribute("aria-busy", "false")
    page.keyboard.press("Tab")
    page.keyboard.press("8")
    expect(page.locator("#tables")).to_be_focused()
    until_focused(page, '[data-act="proposal.sign"]')
    page.keyboard.press("Enter")
    expect(page.locator("#step-prove")).to_be_visible()
    until_focused(page, "#step-prove")
    page.keyboard.press("Enter")
    expect(page.locator("dialog")).to_have_count(0)

    # The record is checked, and a dossier is planned.
    page.keyboard.press("9")
    until_focused(page, "#verify")
    page.keyboard.press("Enter")
    expect(page.locator("#proved")).to_contain_text("holds", timeout=10_000)
    until_focused(page, "#dossier-name")
    page.keyboard.type("alfa-3")
    until_focused(page, "#dossier-plan")
    page.keyboard.press("Enter")
    expect(page.locator("#record-dossier .portions li").first).to_be_visible()

    # What leaves for another peer.
    page.keyboard.press("0")
    until_focused(page, '[data-peer="charlie"]')
    page.keyboard.press("Enter")
    expect(page.locator("#release")).to_contain_text("civil only")

    given = {type(order) for _, order in desk.fake.orders}
    assert {Acknowledge, MarkAlert, StandDown, SendCode, AtTable} <= given
    # The node says 403 where it wants the person to sign in once more, and the browser notes that.
    assert [line for line in watched.complaints if "403" not in line] == []


LOOKS = """async () => {
  const { update, watch } = await import("/static/store.js");
  const sign = () => document.querySelector(".strip .sign");
  const looks = new Set();
  watch(() => looks.add(getComputedStyle(sign()).backgroundColor));
  for (const until = performance.now() + 1600; performance.now() < until; update({})) await new Promise(requestAnimationFrame);
  return [[...looks].includes("rgb(255, 255, 255)"), looks.size, document.getAnimations().length];
}"""


def test_the_alarms_sign_flashes_and_without_motion_it_stands_still_in_inverse(opened: Opened) -> None:
    """By the desk's own drawings: an animation of it would have the browser paint the whole desk sixty times a second."""
    with served(tracks=10) as running:
        assert opened(running.address).page.evaluate(LOOKS) == [True, 2, 0]
        assert opened(running.address, reduced_motion="reduce").page.evaluate(LOOKS) == [True, 1, 0]


def test_with_forced_colours_panels_take_the_systems_and_the_map_keeps_its_own(desk: Desk, opened: Opened) -> None:
    watched = opened(desk.address, forced_colors="active")
    page = watched.page
    assert page.evaluate("matchMedia('(forced-colors: active)').matches")
    assert page.evaluate("getComputedStyle(document.querySelector('#sky')).forcedColorAdjust") == "none"
    for key, shown in {"3": "#sky", "9": "#record", "0": "#release"}.items():
        page.keyboard.press(key)
        expect(page.locator(shown)).to_be_focused()
        # The colours are the system's there, and axe reckons with ours.
        assert [found for found in axe(page) if not found.startswith("color-contrast")] == []
    edges = page.evaluate("() => getComputedStyle(document.querySelector('.badge')).borderTopStyle")
    assert edges == "solid"
    assert watched.complaints == []
