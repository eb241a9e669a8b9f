"""The map at the desk: each of its tools by pointer and by keyboard, the wall, a telephone, forced colours, no motion."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from browser.awaiting import seated, until
from browser.conftest import Watched
from browser.serving import Desk, served
from browser.test_console import axe
from coordination.test_notam import AREA
from detente.desk.orders import Acknowledge, AtTable

pytestmark = pytest.mark.browser

Opened = Callable[..., Watched]


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with served(tracks=300) as running:
        yield running


def state_of(page: Page, what: str) -> Any:
    return page.evaluate(f"import('/static/store.js').then(({{state}}) => {what})")


# --- by keyboard alone


def test_every_function_of_the_map_by_keyboard_alone(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    page.keyboard.press("3")
    expect(page.locator("#sky")).to_be_focused()
    for key, shown in {
        "v": "vectorMin",
        "t": "trails",
        "r": "rings",
        "z": "zones",
        "l": "labels",
        "o": "lines",
    }.items():
        before = state_of(page, f"state.show.{shown}")
        page.keyboard.press(key)
        assert state_of(page, f"state.show.{shown}") != before, key
        for _ in range(3):
            if state_of(page, f"state.show.{shown}") != before:
                page.keyboard.press(key)
    page.keyboard.press("]")
    first = state_of(page, "state.selected")
    page.keyboard.press("]")
    assert state_of(page, "state.selected") not in {None, first}
    page.keyboard.press("[")
    assert state_of(page, "state.selected") == first
    page.keyboard.press("f")
    assert state_of(page, "state.follow")
    camera = "(await import('/static/main.js')).acts.camera"
    place = f"(async () => {{ const c = {camera}; return [c.east, c.north, c.pxPerNm]; }})()"
    for keys in (["ArrowLeft", "ArrowUp"], ["d", "s"], ["+"], ["q"], ["-"], ["e"]):
        before = page.evaluate(place)
        for key in keys:
            page.keyboard.press(key)
        assert page.evaluate(place) != before, keys
    page.keyboard.press("h")
    assert page.evaluate(place)[:2] == [0, 0]
    page.keyboard.press("m")
    expect(page.get_by_role("button", name="Measure")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    assert state_of(page, "state.measure") is None
    page.keyboard.press("Escape")
    assert state_of(page, "state.selected") is None


def test_the_list_is_walked_by_arrows_and_enter_selects(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    page.keyboard.press("/")
    expect(page.locator("#find")).to_be_focused()
    rows = page.locator("#track-list tbody tr")
    expect(rows.nth(100)).to_be_attached()
    assert rows.count() <= 200
    page.keyboard.press("ArrowDown")
    expect(rows.nth(0).locator("button")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    name = rows.locator("button:focus").inner_text()
    assert state_of(page, "state.selected") is not None
    page.locator("#track-list th button", has_text="Callsign").click()
    expect(page.locator("#track-list th").first).to_have_attribute("aria-sort", "ascending")
    expect(rows.nth(100)).to_be_attached()
    names = rows.locator("button").all_inner_texts()
    assert names == sorted(names)
    page.fill("#find", name)
    expect(rows).to_have_count(1)
    page.fill("#find", "R-3")
    expect(page.locator(".found button")).to_have_text(["R-3 RESTRICTED"])
    page.keyboard.press("Escape")
    expect(page.locator(".listed")).to_have_count(0)


def test_a_filter_is_seen_counted_and_taken_off(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    page.get_by_role("button", name="Filter", exact=True).click()
    page.fill("#filter-low", "300")
    expect(page.locator(".status")).to_contain_text("Hidden by filter")
    page.select_option("#filter-party", "1")
    assert state_of(page, "state.filter.lowFt") == 30_000
    page.get_by_role("button", name="Show all").click()
    expect(page.locator(".status")).not_to_contain_text("Hidden by filter")


def test_the_levels_of_a_pair_stand_beside_the_map_when_it_is_shown(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    page.locator('li[data-alert="alfa-1"]').get_by_role("button", name="Show").click()
    expect(page.locator(".vertical")).to_contain_text("ALF214 × BRV61")
    expect(page.locator(".vertical svg")).to_have_attribute("aria-label", re.compile(r"^FL\d+ and FL\d+; \d+ ft"))


# --- volumes


def clicked(page: Page, *places: tuple[float, float]) -> None:
    box = page.locator("#sky").bounding_box()
    assert box is not None
    for x, y in places:
        page.mouse.click(box["x"] + x, box["y"] + y)


def test_a_polygon_is_drawn_moved_and_declared_with_what_it_overlaps_in_its_key(opened: Opened) -> None:
    with served(tracks=20) as desk:
        page = opened(desk.address).page
        seated(page, "military")
        page.get_by_role("button", name="New volume").click()
        clicked(page, (300, 300), (420, 320), (380, 420))
        expect(page.locator("#volume-corners")).to_have_value(re.compile(r"^\d\d°.*\n.*\n.*$"))
        before = state_of(page, "state.volume.points[2]")
        box = page.locator("#sky").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 380, box["y"] + 420)
        page.mouse.down()
        page.mouse.move(box["x"] + 360, box["y"] + 470, steps=3)
        page.mouse.up()
        assert state_of(page, "state.volume.points[2]") != before
        page.fill("#volume-title", "EX 14")
        expect(page.locator(".volume [role=status]")).to_contain_text("Overlaps nothing")
        page.locator("#volume-on").click()
        expect(page.locator("dialog")).to_contain_text("EX 14")
        page.locator("#act-form button.main").click()
        expect(page.locator("dialog")).to_have_count(0)
        (order,) = [order for _, order in desk.fake.orders if isinstance(order, AtTable)]
        (volume,) = order.act.plan.volumes
        assert len(volume.outline.vertices) == 3
        assert volume.levels.ceiling_ft == 10_000
        page.keyboard.press("3")
        expect(page.locator(".volume")).to_have_count(0)  # what is said once is not ready to be said again


def test_a_corridor_is_made_by_keyboard_alone_and_what_is_wrong_is_said(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    page.get_by_role("button", name="New volume").click()
    page.get_by_role("button", name="Corridor").press("Enter")
    page.fill("#volume-corners", "40°12.0S 172°00.0E\nsomewhere")
    page.keyboard.press("Tab")
    expect(page.locator(".volume [role=status]")).to_have_text("Line 2 is no position.")
    page.fill("#volume-corners", "40°12.0S 172°00.0E\n40°36.0S 172°36.0E")
    page.fill("#volume-floor", "200")
    page.keyboard.press("Tab")
    expect(page.locator(".volume [role=status]")).to_have_text("The floor must be below the ceiling.")
    page.fill("#volume-floor", "50")
    page.fill("#volume-widthNm", "8")
    page.keyboard.press("Tab")
    expect(page.locator(".volume [role=status]")).to_contain_text("Overlaps")
    assert state_of(page, "[state.volume.floor, state.volume.widthNm, state.volume.points.length]") == [5000, 8, 2]


def test_a_notam_becomes_a_volume_and_what_is_none_is_refused_by_its_item(desk: Desk, opened: Opened) -> None:
    watched = opened(desk.address)
    page = watched.page
    page.get_by_role("button", name="New volume").click()
    page.locator(".volume summary").click()
    page.fill("#volume-pasted", AREA)
    page.get_by_role("button", name="Take over").click()
    expect(page.locator("#volume-ceiling")).to_have_value("100")
    until(page, lambda: state_of(page, "state.volume.points.length"), lambda found: found == 4)
    assert state_of(page, "state.volume.kind") == "hazard"
    page.fill("#volume-pasted", AREA.replace("G) FL100", "G) HIGH"))
    page.get_by_role("button", name="Take over").click()
    expect(page.locator(".volume [role=alert]")).to_contain_text("NOTAM item G")


def to_the_table(page: Page) -> None:
    """What stands in the form, to the table and said there."""
    expect(page.locator(".volume [role=status]")).to_contain_text("verlaps")
    page.locator("#volume-on").click()
    page.locator("#act-form button.main").click()
    expect(page.locator("dialog")).to_have_count(0)


def acts_said(desk: Desk) -> list[Any]:
    return [order.act for _, order in desk.fake.orders if isinstance(order, AtTable)]


def test_one_activity_has_several_volumes_and_all_of_them_are_asked_about(opened: Opened) -> None:
    with served(tracks=20) as desk:
        page = opened(desk.address).page
        seated(page, "military")
        page.get_by_role("button", name="New volume").click()
        page.fill("#volume-title", "EX 15")
        page.fill("#volume-corners", "40°12.0S 172°00.0E\n40°12.0S 172°30.0E\n40°30.0S 172°30.0E")
        page.fill("#volume-floor", "50")
        page.locator("#volume-more").click()
        expect(page.locator("#volume-corners")).to_have_value("")
        expect(page.locator("#volume-floor")).to_have_value("50")
        expect(page.locator(".volume [role=status]")).to_contain_text("Volume 2: More corners are needed.")
        page.get_by_role("button", name="Circle").click()
        page.fill("#volume-corners", "41°00.0S 173°00.0E")
        page.fill("#volume-floor", "")
        page.fill("#volume-ceiling", "40")
        page.get_by_role("button", name="Volume 1").click()
        expect(page.locator("#volume-corners")).to_have_value(re.compile("40°30.000S 172°30.000E$"))
        with page.expect_request(lambda r: r.url.endswith("/overlaps") and '"circle"' in (r.post_data or "")):
            page.fill("#volume-ceiling", "180")
        to_the_table(page)
        ((first, second),) = [act.plan.volumes for act in acts_said(desk)]
        assert (first.levels.floor_ft, first.levels.ceiling_ft) == (5_000, 18_000)
        assert (second.levels.floor_ft, second.levels.ceiling_ft) == (None, 4_000)
        assert (first.start_ms, first.end_ms) == (second.start_ms, second.end_ms)


def test_a_protected_place_is_drawn_in_coarse_cells_and_nothing_finer_is_kept(opened: Opened) -> None:
    with served(tracks=20) as desk:
        page = opened(desk.address).page
        seated(page, "military")
        page.get_by_role("button", name="New volume").click()
        clicked(page, (300, 300))
        page.select_option("#volume-kind", "protected_site")
        expect(page.get_by_role("group", name="Shape").get_by_role("button")).to_have_text(["Coarse cells"])
        fine = state_of(page, "state.volume.points.flat().filter((v) => Math.abs(v * 20 - Math.round(v * 20)) > 1e-6)")
        assert fine == []
        clicked(page, (560, 300), (560, 460), (560, 460))
        expect(page.locator("#volume-corners")).to_have_value(re.compile(r"^[^\n]+\n[^\n]+$"))
        page.fill("#volume-title", "Hospital")
        page.fill("#volume-corners", "40°21.7S 172°08.3E\n40°22.0S 172°09.0E")
        to_the_table(page)
        (act,) = acts_said(desk)
        assert [volume.outline.cells for volume in act.plan.volumes] == [((-404, 1721),)]
        assert act.plan.verified_ms is not None


def test_the_place_of_what_is_protected_is_given_as_it_is_within_the_cells_that_were_declared(opened: Opened) -> None:
    with served(tracks=20) as desk:
        page = opened(desk.address).page
        seated(page, "foreign_service")
        page.get_by_role("button", name="New volume").click()
        page.select_option("#volume-kind", "protected_site")
        page.fill("#volume-title", "Hospital")
        page.fill("#volume-corners", "40°21.7S 172°08.3E")
        expect(page.get_by_role("button", name="Take out the last cell")).to_be_enabled()
        to_the_table(page)
        page.locator("#tables [data-act='activity.give_place']").click()
        expect(page.locator("#volume-head")).to_contain_text("Give the place itself")
        expect(page.get_by_role("button", name="Remove corner")).to_be_disabled()
        page.get_by_role("button", name="Circle").click()
        page.fill("#volume-corners", "40°21.7S 172°08.3E")
        page.fill("#volume-radiusNm", "0.2")
        assert axe(page) == []
        page.locator("#volume-on").click()
        expect(page.locator("dialog")).to_contain_text("Give the place itself")
        page.locator("#act-form button.main").click()
        page.locator("#step-prove").click()
        expect(page.locator("dialog")).to_have_count(0)
        expect(page.locator("#tables [data-activity]")).to_contain_text("place given")
        *_, given = acts_said(desk)
        (volume,) = given.volumes
        assert volume.outline.centre == (-403_616_667, 1_721_383_333)
        (row,) = desk.do(lambda fake: fake.table_scene.view().activities)
        assert [shown.shape for shown in row.volumes] == ["cells"]


def test_an_activity_that_stands_is_changed_on_the_map_into_a_new_version(opened: Opened) -> None:
    with served(tracks=20) as desk:
        page = opened(desk.address).page
        seated(page, "military")
        page.get_by_role("button", name="New volume").click()
        page.get_by_role("button", name="Circle").click()
        page.fill("#volume-title", "EX 16")
        page.fill("#volume-corners", "41°00.0S 173°00.0E")
        to_the_table(page)
        page.locator("#tables [data-activity] [data-act='activity.change']").click()
        expect(page.locator("#volume-head")).to_contain_text("Change on the map")
        expect(page.locator("#volume-corners")).to_have_value("41°00.000S 173°00.000E")
        expect(page.locator("#volume-kind")).to_be_disabled()
        page.fill("#volume-radiusNm", "6")
        to_the_table(page)
        declared, changed = acts_said(desk)
        assert changed.after == declared.plan.digest
        assert changed.plan.volumes[0].outline.radius_cm == 6 * 185_200
        assert changed.plan.title == "EX 16"
        expect(page.locator("#tables [data-activity]")).to_have_count(1)
        (row,) = desk.do(lambda fake: fake.table_scene.view().activities)
        assert (row.number, row.digest) == (2, changed.plan.digest)


# --- other screens


def test_a_wall_shows_what_is_urgent_and_can_order_nothing(opened: Opened) -> None:
    with served(tracks=60) as desk:
        watched = opened(f"{desk.address}?view=wall", script="localStorage.removeItem('detente.first-run');")
        page = watched.page
        expect(page.locator(".wall-queue li")).to_have_count(4)
        expect(page.locator("#top")).to_contain_text("No alert is not a clearance")
        expect(page.locator("#first-run")).to_have_count(0)
        expect(page.locator("button:visible, select:visible, input:visible, textarea:visible")).to_have_count(0)
        size = page.evaluate("parseFloat(getComputedStyle(document.querySelector('.wall-queue .time')).fontSize)")
        assert size >= 30
        page.keyboard.press("n")
        page.keyboard.press("Enter")
        page.wait_for_timeout(1200)
        assert desk.fake.orders == []
        assert axe(page) == []
        assert watched.violations() == []
        page.goto(f"{desk.address}wall")
        page.wait_for_selector("html[data-ready]")
        expect(page.locator("body")).to_have_class("wall")


CUT = """() => [...document.querySelectorAll("#strip *")].filter((e) => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1
  && getComputedStyle(e).display !== "inline").map((e) => e.textContent)"""


@pytest.mark.parametrize("lang", ["en", "tr", "ru"])
def test_a_wall_cuts_no_word_of_its_strip(opened: Opened, lang: str) -> None:
    with served(tracks=12) as desk:
        page = opened(f"{desk.address}wall", lang, size=(1600, 900)).page
        expect(page.locator("#strip .due")).to_be_visible()
        expect(page.locator(".wall-queue li").first).to_contain_text("Bravo")
        assert page.evaluate(CUT) == []


@pytest.mark.parametrize("lang", ["en", "tr", "ru"])
def test_a_telephone_has_the_queue_the_hotline_and_acknowledge(opened: Opened, lang: str) -> None:
    with served(tracks=40) as desk:
        watched = opened(desk.address, lang, (390, 844))
        page = watched.page
        page.locator("#narrow button").first.click()
        button = page.locator('[data-acknowledge="alfa-1"]')
        expect(button).to_be_visible()
        expect(button).to_be_in_viewport()
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 40
        expect(page.locator("#top .never")).to_be_visible()
        expect(page.locator("#top .badge.marked").first).to_be_in_viewport()
        button.click()
        expect(page.locator('li[data-alert="alfa-1"] .done')).to_be_visible()
        assert [order.alert for _, order in desk.fake.orders if isinstance(order, Acknowledge)] == ["alfa-1"]
        page.locator("#narrow button").nth(2).click()
        expect(page.locator("#hotline")).to_be_visible()
        expect(page.locator("#composer textarea")).to_be_in_viewport()
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390
        assert axe(page) == []


def test_with_forced_colours_all_is_there_and_the_map_keeps_its_own(desk: Desk, opened: Opened) -> None:
    watched = opened(desk.address, forced_colors="active")
    page = watched.page
    assert page.evaluate("matchMedia('(forced-colors: active)').matches")
    assert page.evaluate("getComputedStyle(document.querySelector('#sky')).forcedColorAdjust") == "none"
    for selector in (".strip", "#alerts li.alert", ".badge"):
        expect(page.locator(selector).first).to_be_visible()
        assert page.evaluate(f"getComputedStyle(document.querySelector('{selector}')).borderTopStyle") == "solid"
    expect(page.locator("#strip")).to_contain_text("ALARM")
    assert watched.complaints == []


@pytest.mark.parametrize("lang", ["en", "tr", "ru"])
def test_the_maps_panels_fit_and_axe_finds_nothing(desk: Desk, opened: Opened, lang: str) -> None:
    watched = opened(desk.address, lang, (1280, 720))
    page = watched.page
    open_all = "s.update({ filtering: true, tracksListed: true, selected: 1, picker: { from: '', to: '' } })"
    page.evaluate(f"import('/static/store.js').then((s) => {open_all})")
    expect(page.locator(".listed")).to_be_visible()
    found = axe(page)
    page.evaluate("import('/static/main.js').then((m) => m.acts.volume())")
    expect(page.locator(".volume")).to_be_visible()
    found += axe(page)
    assert found == []
    wide = page.evaluate("""() => [".listed", ".filtering", ".replay-bar", ".volume .scrolls", ".vertical"]
      .flatMap((s) => [...document.querySelectorAll(s)]).filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.className)""")
    assert wide == []
    assert watched.complaints == []
