"""Why an alert was raised, as a picture made of the alert's own numbers; and whether it was of use."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import Watched
from browser.serving import Desk, served
from browser.test_console import axe
from detente.desk.orders import MarkAlert

pytestmark = pytest.mark.browser

Opened = Callable[..., Watched]


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with served(tracks=40) as running:
        yield running


def asked(page: Page, alert: str) -> Page:
    page.locator(f'[data-why="{alert}"]').click()
    expect(page.locator("dialog.why")).to_be_visible()
    return page


def test_the_most_urgent_alert_is_explained_by_key_with_inputs_minima_and_prediction(
    desk: Desk, opened: Opened
) -> None:
    watched = opened(desk.address)
    page = watched.page
    page.keyboard.press("n")
    page.keyboard.press("y")
    why = page.locator("dialog.why")
    for words in (
        "Why: ALF214 × BRV61",
        "Below 5.0 NM and 800 ft at one instant, up to 2:00 ahead.",
        "after 2 of the last 3 looks",
        "Nearest 2.1 NM / 300 ft",
        "en-route",
        "27100",
        "bravo-31",
    ):
        expect(why).to_contain_text(words)
    expect(why.locator("svg.plan")).to_have_count(2)
    expect(why.locator("svg .minimum")).to_have_count(2)
    expect(why.locator("svg .below")).to_have_count(1)
    page.get_by_role("button", name="As judged now").click()
    expect(page.get_by_role("button", name="As judged now")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(why).to_have_count(0)
    assert watched.complaints == []
    assert watched.violations() == []


def test_the_picture_is_drawn_from_the_numbers_that_were_handed_over(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    found = page.evaluate("""async () => {
      const { placeOf, levelOf } = await import("/static/explain/plan.js");
      const track = { latitude_e7: 0, longitude_e7: 0, applicable_at_ms: 0, v_east_mps: 185.2, v_north_mps: 0, altitude_ft: 9000, v_up_fpm: -600 };
      const judged = { at_ms: 2000 };
      const forward = () => ({ east: 5, north: -1 });
      return [placeOf(track, judged, forward, 8), levelOf(track, judged, 58), levelOf({ ...track, altitude_ft: null }, judged, 1)];
    }""")
    assert found == [{"east": 6, "north": -1}, 8400, None]


def test_an_entry_is_drawn_with_its_line_and_an_alert_of_a_peer_alone_in_its_words(desk: Desk, opened: Opened) -> None:
    page = asked(opened(desk.address).page, "alfa-3")
    expect(page.locator("dialog.why polygon.line")).to_have_count(1)
    expect(page.locator("dialog.why")).to_contain_text("Predicted to enter")
    page.keyboard.press("Escape")
    page.locator("#alerts li.cleared [data-why]").click()
    expect(page.locator("dialog.why")).to_contain_text("only the other side says so")


def test_whether_it_was_useful_is_an_order_of_its_own_and_counted_by_flight_hour(desk: Desk, opened: Opened) -> None:
    page = asked(opened(desk.address).page, "alfa-2")
    page.get_by_role("button", name="Not useful").click()
    expect(page.get_by_role("button", name="Not useful")).to_have_attribute("aria-pressed", "true", timeout=5000)
    assert [order for _, order in desk.fake.orders if isinstance(order, MarkAlert)] == [MarkAlert("alfa-2", False)]
    expect(page.locator("dialog .rate")).to_contain_text("15 alerts in 412.6 flight hours: 0.04 an hour.")
    expect(page.locator("#conflicts .rate")).to_contain_text("Found useful: 6, not useful: 4")


@pytest.mark.parametrize("lang", ["en", "tr", "ru"])
def test_axe_finds_nothing_in_an_explanation(desk: Desk, opened: Opened, lang: str) -> None:
    watched = opened(desk.address, lang, (1280, 720))
    page = asked(watched.page, "alfa-1")
    assert axe(page) == []
    assert page.locator("dialog.why").evaluate("(e) => e.scrollWidth - e.clientWidth") <= 1
    assert "explain." not in page.locator("dialog.why").inner_text()
    assert watched.complaints == []
