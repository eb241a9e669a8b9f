"""A desk officer's first minutes: the page loads clean, tracks move, an alert comes, it is acknowledged by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib.resources import files

import pytest
from playwright.sync_api import Browser, Route, expect

from browser.awaiting import seated, until
from browser.conftest import Watched
from browser.fake_desk import FakeDesk
from browser.serving import Desk, served
from detente.desk.orders import Acknowledge, Displayed, SendCode, SendText

pytestmark = pytest.mark.browser

Opened = Callable[..., Watched]


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with served(tracks=420) as running:
        yield running


def test_the_page_loads_without_a_complaint_and_asks_nobody_else(desk: Desk, opened: Opened) -> None:
    watched = opened(desk.address)
    page = watched.page
    expect(page.locator("#top")).to_contain_text("No alert is not a clearance")
    expect(page.locator("#top")).to_contain_text("LIVE")
    expect(page.locator("#top")).to_contain_text("DEMO ACCOUNT")
    until(page, lambda: page.evaluate("document.fonts.check('600 13px \"Plex Sans\"')"))
    assert watched.complaints == []
    assert watched.violations() == []


def test_tracks_move(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    where = """async () => {
      const { state } = await import("/static/store.js");
      return [state.tracks.atMs, state.tracks.east[0], state.tracks.n, state.shown.tracks];
    }"""
    first = page.evaluate(where)
    later = until(page, lambda: page.evaluate(where), lambda now: now[0] > first[0] and now[1] != first[1])
    assert later[2] == 420
    assert 0 < later[3] <= 420


def test_the_first_picture_does_not_wait_for_pages_that_nobody_has_opened(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    painted_ms, asked_ms = page.evaluate("""() => {
      const file = new URL("/static/tables/page.js", location).href;
      return [performance.getEntriesByType("paint").at(-1).startTime, performance.getEntriesByName(file)[0].startTime];
    }""")
    assert painted_ms < asked_ms


def test_a_node_that_does_not_answer_for_a_moment_is_asked_again_for_the_rest_of_the_console(
    desk: Desk, browser: Browser
) -> None:
    page = browser.new_page()
    page.add_init_script('localStorage.setItem("detente.first-run", "seen")')
    lost: list[str] = []

    def lose_the_first(route: Route) -> None:
        if lost:
            route.continue_()
        else:
            lost.append(route.request.url)
            route.abort()

    page.route("**/static/tables/page.js", lose_the_first)
    page.goto(desk.address)
    page.wait_for_selector("html[data-ready]", timeout=15_000)
    assert len(lost) == 1
    page.keyboard.press("8")
    expect(page.locator("#tables")).to_be_visible()
    page.close()


def test_the_alarm_ring_is_on_the_map_where_the_aircraft_is(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    red = """() => {
      const sky = document.querySelector("#sky"), c = sky.getContext("2d");
      const { data } = c.getImageData(0, 0, sky.width, sky.height);
      let n = 0;
      for (let i = 0; i < data.length; i += 4) if (data[i] === 0xf5 && data[i + 1] === 0x66 && data[i + 2] === 0x7a) n++;
      return n;
    }"""
    assert until(page, lambda: page.evaluate(red), lambda pixels: pixels > 40) > 40


NOTE_CHANGES = """(row) => {
  const whatOf = (target) => target.parentElement?.dataset.ticks ?? target.parentElement?.outerHTML;
  const noted = (list) => list.forEach((one) => window.changed.push([one.type, whatOf(one.target)]));
  window.changed = [];
  const all = { subtree: true, childList: true, attributes: true, characterData: true };
  new MutationObserver(noted).observe(document.querySelector(row), all);
}"""


def alarmed(fake: FakeDesk) -> None:
    """The first alarm comes with the next board."""
    fake.alert_after_s = 0.0


def test_an_alert_appears_and_is_acknowledged_by_keyboard(opened: Opened) -> None:
    with served(tracks=40, alert_after_s=None) as quiet:
        page = opened(quiet.address).page
        expect(page.locator("#strip")).to_contain_text("No active alert")
        quiet.do(alarmed)
        expect(page.locator("#strip")).to_contain_text("ALARM")
        expect(page.locator("#say-now")).to_contain_text("ALARM: ALF214 × BRV61")
        expect(page.locator('li[data-alert="alfa-2"]')).to_contain_text("if BRV77 does not level at FL350")
        expect(page.locator('li[data-alert="alfa-2"]')).to_contain_text("with a margin of 0.6 NM for accuracy")
        page.keyboard.press("n")
        expect(page.locator('[data-acknowledge="alfa-1"]')).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator('li[data-alert="alfa-1"] .done')).to_contain_text("operator on watch")
        given = [(role, order.alert) for role, order in quiet.fake.orders if isinstance(order, Acknowledge)]
        assert given == [("operator", "alfa-1")]


def test_a_row_stands_while_its_countdown_goes_on(opened: Opened) -> None:
    """Two hundred rows would cost the desk a tenth of each second, were each drawn anew for its countdown."""
    with served(tracks=12, alert_after_s=-70.0) as late:  # all that the other side does has been done
        page = opened(late.address).page
        row = 'li[data-alert="alfa-1"]'
        left = page.locator(f"{row} .time")
        expect(left).to_have_text(re.compile(r"^-?\d+:\d\d$"))
        expect(page.locator('#conflicts tr[data-alert="alfa-1"] td').first).to_have_text(re.compile(r"^-?\d+:\d\d$"))
        expect(page.locator(row)).not_to_have_attribute("data-undisplayed", "")
        board = "import('/static/store.js').then(({state}) => state.board.at_ms)"
        first = page.evaluate(board)
        until(page, lambda: page.evaluate(board), lambda at_ms: at_ms > first)
        page.evaluate(NOTE_CHANGES, row)
        before = left.inner_text()
        expect(left).not_to_have_text(before)
        changed = {tuple(one) for one in page.evaluate("window.changed")}
        assert changed <= {("characterData", ticks) for ticks in ("left", "rung", "measures")}


def test_a_painted_row_is_told_displayed_once_and_an_unseen_one_is_not(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address, size=(1280, 720)).page
    expect(page.locator('li[data-alert="alfa-1"]')).not_to_have_attribute("data-undisplayed", "", timeout=5000)
    told = [name for _, order in desk.fake.orders if isinstance(order, Displayed) for name in order.alerts]
    assert "alfa-1" in told
    assert page.evaluate("document.visibilityState") == "visible"


def test_what_the_node_could_not_take_as_displayed_is_told_again(opened: Opened) -> None:
    with served(tracks=40, alert_after_s=None) as desk:
        page = opened(desk.address).page
        lost: list[str] = []

        def lose_the_first(route: Route) -> None:
            if '"displayed"' in (route.request.post_data or "") and not lost:
                lost.append(route.request.url)
                route.abort()
            else:
                route.continue_()

        page.route("**/api/orders", lose_the_first)
        desk.do(alarmed)
        row = page.locator('li[data-alert="alfa-1"]')
        expect(row).to_be_visible(timeout=10_000)
        expect(row).not_to_have_attribute("data-undisplayed", "", timeout=10_000)
        assert len(lost) == 1


def test_a_key_held_with_a_modifier_or_in_a_field_does_nothing(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    page.focus("#composer textarea")
    page.keyboard.type("north? zone")
    assert page.locator("#composer textarea").input_value() == "north? zone"
    assert page.locator("dialog").count() == 0
    page.locator("#sky").focus()
    page.keyboard.press("Alt+z")  # with Control the browser takes back what was typed, and goes where that was
    expect(page.get_by_role("button", name="Zones")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("z")
    expect(page.get_by_role("button", name="Zones")).to_have_attribute("aria-pressed", "false")


def test_each_panel_is_reached_by_its_key(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    for key, target in {"1": "#alerts", "2": "#conflicts", "3": "#sky", "4": "#hotline"}.items():
        page.keyboard.press(key)
        expect(page.locator(target)).to_be_focused()
    for key, name in {"5": "link", "6": "feeds", "7": "release"}.items():
        page.keyboard.press(key)
        expect(page.locator(f"#tab-{name}")).to_have_attribute("aria-selected", "true")
        expect(page.locator("#page")).to_be_focused()
    page.keyboard.press("?")
    expect(page.locator("dialog")).to_contain_text("To acknowledge means seen, never agreed")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)


def test_a_coded_phrase_is_sent_with_its_parameter(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    page.select_option("#compose-code", "W06")
    expect(page.locator(".rendering")).to_contain_text("Request your intentions for track {track}.")
    send = page.locator("#composer button.main")
    expect(send).to_be_disabled()
    page.fill(".param input", "BRV61")
    expect(page.locator(".rendering")).to_contain_text("for track BRV61.")
    send.click()
    expect(page.locator("#hotline .rows")).to_contain_text("not yet recorded")
    sent = [order for _, order in desk.fake.orders if isinstance(order, SendCode)]
    assert sent[-1] == SendCode(to="bravo", line="watch", code="W06", params={"track": "BRV61"})


def test_a_parameter_that_is_a_reason_is_chosen_and_the_selected_track_is_ready(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    page.evaluate("import('/static/store.js').then((s) => s.update({ selected: 1 }))")
    page.select_option("#compose-code", "D05")
    expect(page.locator(".param input")).to_have_value("ALF214")
    page.select_option("#param-reason", "R01")
    expect(page.locator(".rendering")).to_contain_text("Track ALF214 turned back. Reason: technical failure.")
    page.locator("#composer button.main").click()
    expect(page.locator("#compose-code")).to_have_value("")
    sent = [order for _, order in desk.fake.orders if isinstance(order, SendCode)]
    assert sent[-1].params == {"track": "ALF214", "reason": "R01"}


def test_flash_asks_for_a_coded_reason(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    page.fill("#composer textarea", "Cease descent")
    page.select_option("#compose-precedence", "Z")
    send = page.locator("#composer button.main")
    expect(send).to_be_disabled()
    page.select_option("#compose-reason", "R06")
    send.click()
    expect(page.locator("dialog.step")).to_contain_text("Cease descent")
    page.click("#step-prove")
    expect(page.locator("#composer textarea")).to_have_value("")
    sent = [order for _, order in desk.fake.orders if isinstance(order, SendText)]
    assert sent[-1] == SendText(to="bravo", line="watch", precedence="Z", text="Cease descent", lang="en", reason="R06")


def test_the_map_as_bravo_sees_it_says_so_and_hides_what_bravo_has_not(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    page.keyboard.press("7")
    page.get_by_role("button", name="As Bravo sees it").click()
    expect(page.locator(".banner")).to_contain_text("You see what Bravo sees of us")
    shown = page.evaluate("""async () => {
      const { state } = await import("/static/store.js");
      return { peer: state.preview.tracks.n, all: state.tracks.n, withheld: state.preview.withheld.length };
    }""")
    assert shown["peer"] < shown["all"]
    assert shown["withheld"] > 0
    page.get_by_role("button", name="Back to our own picture").click()
    expect(page.locator(".banner")).to_have_count(0)


def test_a_silent_node_stops_the_picture_and_says_since_when(opened: Opened) -> None:
    with served(tracks=20) as failing:
        page = opened(failing.address).page
        failing.do(lambda fake: setattr(fake, "silent", True))
        expect(page.locator("#strip")).to_contain_text("PICTURE STOPPED", timeout=6000)
        expect(page.locator("body")).to_have_class("stopped-picture")
        failing.do(lambda fake: setattr(fake, "silent", False))
        expect(page.locator("#top")).to_contain_text("LIVE", timeout=6000)


def test_another_seat_is_the_one_that_acts(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    seated(page, "duty_officer")
    expect(page.locator("#seat")).to_have_value("duty_officer")
    page.locator('[data-acknowledge="alfa-2"]').click()
    expect(page.locator('li[data-alert="alfa-2"] .done')).to_contain_text("duty officer")


def test_flash_may_be_for_one_of_its_own_reasons(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    page.fill("#composer textarea", "Two minutes to the crossing")
    page.select_option("#compose-precedence", "Z")
    expect(page.locator("#compose-reason option")).to_contain_text(["incursion predicted within 5 minutes"])
    page.select_option("#compose-reason", "incursion")
    page.locator("#composer button.main").click()
    page.click("#step-prove")
    expect(page.locator("#composer textarea")).to_have_value("")
    sent = [order for _, order in desk.fake.orders if isinstance(order, SendText)]
    assert sent[-1].reason == "incursion"


def test_a_narrow_window_shows_one_part_at_a_time_and_keys_lead_to_it(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address, size=(1000, 700)).page
    expect(page.locator("#map")).to_be_visible()
    expect(page.locator("#alerts")).to_be_hidden()
    page.keyboard.press("n")
    expect(page.locator("#alerts [data-acknowledge]:focus")).to_have_count(1)
    expect(page.locator("#map")).to_be_hidden()
    page.get_by_role("button", name="Hotline, link").click()
    expect(page.locator("#hotline")).to_be_visible()


def test_the_timeline_has_every_alert_of_the_last_minutes_and_the_line_of_now(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    bars = page.locator("#time rect")
    rows = page.locator("#alerts li[data-alert]")
    until(page, lambda: (bars.count(), rows.count()), lambda found: 0 < found[0] == found[1])
    expect(page.locator("#time text.now")).to_have_text("now")


@pytest.mark.parametrize("lang", ["en", "tr", "ru"])
@pytest.mark.parametrize("size", [(1920, 1080), (1280, 720)])
def test_axe_finds_nothing_and_no_panel_overflows(desk: Desk, opened: Opened, lang: str, size: tuple[int, int]) -> None:
    watched = opened(desk.address, lang, size)
    page = watched.page
    found = []
    for key in ("5", "6", "7") if lang == "en" else "6":
        page.keyboard.press(key)
        found += axe(page) if size[0] == 1920 else []
    if size[0] == 1920 and lang == "ru":
        page.keyboard.press("?")
        page.wait_for_selector("dialog[open]")
        found += axe(page)
        page.keyboard.press("Escape")
    assert found == []
    wide = page.evaluate("""() => ["#left .panel", "#right .panel", "#left li", "#right li", "#top .bar", "#strip .strip", "body"]
      .flatMap((s) => [...document.querySelectorAll(s)])
      .filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.className + "#" + e.id + " " + e.scrollWidth + ">" + e.clientWidth)""")
    assert wide == []
    assert page.evaluate("document.documentElement.lang") == lang
    assert watched.complaints == []


def axe(page: object) -> list[str]:
    """Run axe through the debugger: the page's own policy refuses script tags, as it should."""
    source = (files("axe_playwright_python") / "axe.min.js").read_text()
    session = page.context.new_cdp_session(page)
    session.send("Runtime.evaluate", {"expression": source})
    answer = session.send(
        "Runtime.evaluate",
        {
            "expression": "axe.run(document, {resultTypes: ['violations']}).then((r) => JSON.stringify(r.violations.map("
            "(v) => v.id + ': ' + v.nodes.map((n) => n.target.join(' ')).slice(0, 3).join(' | '))))",
            "awaitPromise": True,
            "returnByValue": True,
        },
    )
    session.detach()
    import json

    return json.loads(answer["result"]["value"])


CUT = """() => {
  const seat = document.querySelector("#seat"), whole = seat.cloneNode(true);
  whole.style.cssText = "flex: none; max-width: none; position: absolute";
  seat.after(whole);
  const cut = whole.getBoundingClientRect().width - seat.getBoundingClientRect().width;
  whole.remove();
  return cut;
}"""


@pytest.mark.parametrize("lang", ["en", "tr", "ru"])
@pytest.mark.parametrize("wide", [1440, 1600, 1920])
def test_each_seat_can_be_read_whole_in_the_bar_beside_sound_off(
    desk: Desk, opened: Opened, lang: str, wide: int
) -> None:
    page = opened(desk.address, lang, (wide, 900)).page
    expect(page.locator(".badge.sound")).to_be_visible()
    assert page.evaluate(CUT) <= 0.5
    assert page.evaluate("document.querySelector('.bar').scrollWidth") <= wide


CUT_WORDS = """() => [...document.querySelectorAll(".bar .marked:not(.demo), .bar .peers, .strip .what")]
  .filter((e) => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1).map((e) => e.textContent)"""


@pytest.mark.parametrize("lang", ["en", "tr", "ru"])
def test_on_a_desk_of_1280_exercise_how_each_peer_is_and_what_the_alert_says_stay_whole(
    desk: Desk, opened: Opened, lang: str
) -> None:
    page = opened(desk.address, lang, (1280, 800)).page
    expect(page.locator(".strip .what")).to_be_visible(timeout=10_000)
    assert page.locator(".bar .marked:not(.demo)").count() == 1
    assert page.evaluate(CUT_WORDS) == []


@pytest.mark.parametrize("lang", ["en", "tr", "ru"])
@pytest.mark.parametrize("alert", ["alfa-1", "alfa-2"])
def test_on_a_desk_of_1280_an_alert_long_overdue_and_its_condition_stay_whole(
    opened: Opened, alert: str, lang: str
) -> None:
    with served(tracks=40, alert_after_s=-4000.0) as late:
        page = opened(late.address, lang, (1280, 800)).page
        if alert != "alfa-1":
            page.locator('[data-acknowledge="alfa-1"]').click()
        expect(page.locator(f'.strip[data-alert="{alert}"] .due')).to_be_visible()
        assert page.evaluate(CUT_WORDS) == []
