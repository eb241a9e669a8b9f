"""The page on the links and the record: plots, leaves with filters, a root found by the browser, a dossier to keep."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, expect

from browser.awaiting import ordered, seated, unanswered, until
from browser.conftest import Watched
from browser.fake_desk import FakeDesk
from browser.serving import Desk, served
from browser.test_console import axe
from browser.test_refused import WHY, refuses
from detente.desk.board import ForkRow
from detente.desk.orders import Rebase
from detente.evidence.dossier import ZipFiles
from detente.evidence.verify import verify
from node.recorded import FLASH, OPS, Recorded, forged_root, recorded

pytestmark = pytest.mark.browser

Opened = Callable[..., Watched]
MESSAGES, FRAMES = 260, 300


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    found = recorded(tmp_path_factory.mktemp("record"), MESSAGES, FRAMES)
    yield found
    found.store.close()


@pytest.fixture(scope="module")
def desk(made: Recorded) -> Iterator[Desk]:
    with served(record=made.records, tracks=12) as running:
        yield running


def at_record(page: Page, log: str = OPS) -> Page:
    page.keyboard.press("9")
    expect(page.locator("#record")).to_be_focused()
    page.locator(f'[data-log="{log}"]').click()
    expect(page.locator("#record-leaves tbody tr").first).to_be_visible()
    return page


def test_each_link_is_plotted_over_its_last_hour_and_an_outage_leaves_a_gap(desk: Desk, opened: Opened) -> None:
    page = at_record(opened(desk.address).page)
    plots = page.locator("#record figure.plots")
    expect(plots).to_have_count(2)
    round_trip = plots.first.locator(".plot", has_text="Round trip")
    expect(round_trip.locator("polyline")).to_have_count(2)
    expect(plots.first.locator("rect.was-DOWN")).to_have_count(1)
    said = round_trip.locator("svg").get_attribute("aria-label")
    assert re.fullmatch(r"now [\d.]+ ms, most [\d.]+ ms, least [\d.]+ ms in the last hour", said or "")


def test_leaves_are_filtered_and_paged_and_a_page_says_of_how_many(desk: Desk, opened: Opened) -> None:
    page = at_record(opened(desk.address).page)
    leaves = page.locator("#record-leaves")
    expect(leaves).to_contain_text(f"200 of {MESSAGES}")
    expect(leaves.locator("tbody tr").first).to_have_attribute("data-leaf", str(MESSAGES - 1))
    page.locator("#older").click()
    expect(leaves.locator("tbody tr")).to_have_count(MESSAGES - 200)
    expect(page.locator("#older")).to_have_count(0)
    page.fill("#leaf-text", "CROSSING")
    page.select_option("#leaf-by", "supervisor")
    rows = leaves.locator("tbody tr")
    expect(rows.first).to_contain_text("about the crossing.")
    expect(rows.filter(has_not_text="shift supervisor")).to_have_count(0)
    page.select_option("#leaf-kind", "alert")
    expect(leaves).to_contain_text(f"Nothing fits among the {MESSAGES} leaves looked at.")


def test_the_browser_finds_the_signed_root_and_verifies_both_signatures(desk: Desk, opened: Opened) -> None:
    watched = opened(desk.address)
    page = at_record(watched.page)
    page.locator("#verify").click()
    proved = page.locator("#proved")
    expect(proved).to_contain_text("holds", timeout=10_000)
    expect(proved).to_contain_text(f"{MESSAGES} of {MESSAGES} leaves hashed in this browser.")
    expect(proved).to_contain_text("verified here, by a key that its root names.")
    expect(proved).to_contain_text(f"the reader says that it held {MESSAGES} leaves")
    expect(proved).to_contain_text("compare the digits with the party itself")
    assert watched.complaints == []
    assert watched.violations() == []


def test_a_root_that_a_stranger_signed_or_a_leaf_that_was_changed_does_not_hold(opened: Opened, tmp_path: Path) -> None:
    made = recorded(tmp_path, 9)
    forged_root(made, FLASH)
    shown = made.records.raw
    made.records.raw = lambda *span: shown(*span).replace(b'"by":"operator"', b'"by":"observer"')  # type: ignore[method-assign]
    with served(record=made.records, tracks=8) as running:
        page = at_record(opened(running.address).page)
        page.locator("#verify").click()
        expect(page.locator("#proved")).to_contain_text("DOES NOT HOLD", timeout=10_000)
        expect(page.locator("#proved")).to_contain_text("found here is NOT the signed one")
        at_record(page, FLASH)
        page.locator("#verify").click()
        expect(page.locator("#proved")).to_contain_text("by none of the keys that its root names", timeout=10_000)
    made.store.close()


def test_without_cryptography_the_page_says_what_it_cannot_do_and_reading_on_leaves_it_said(
    desk: Desk, opened: Opened
) -> None:
    watched = opened(desk.address)
    watched.page.evaluate("() => Object.defineProperty(crypto, 'subtle', { value: undefined })")
    page = at_record(watched.page)
    page.locator("#verify").click()
    expect(page.locator("#record [role=alert]")).to_be_visible()
    page.evaluate("async () => (await import('/static/record/load.js')).readLeaves()")
    expect(page.locator("#record [role=alert]")).to_contain_text("without TLS from another machine")
    expect(page.locator("#proved")).to_have_count(0)
    page.locator(f'[data-log="{FLASH}"]').click()
    expect(page.locator("#record [role=alert]")).to_have_count(0)


def test_a_dossier_is_planned_made_and_kept_and_it_verifies(desk: Desk, made: Recorded, opened: Opened) -> None:
    page = at_record(opened(desk.address).page)
    expect(page.locator("#dossier-plan")).to_be_disabled()
    expect(page.locator("#record-dossier")).to_contain_text("handed out by the shift supervisor")
    seated(page, "supervisor")
    page.fill("#dossier-name", "alfa-3")
    page.fill("#dossier-around", "1")
    page.locator("#dossier-plan").click()
    plan = page.locator("#record-dossier .portions")
    expect(plan).to_contain_text("of each frame only the incident's aircraft")
    expect(plan).to_contain_text(re.compile(r"not shown: 0 before, \d+ after"))
    with page.expect_download() as kept:
        page.locator("#dossier-take").click()
    assert kept.value.suggested_filename == "dossier-alfa-3.zip"
    verdict = verify(
        ZipFiles(io.BytesIO(Path(kept.value.path()).read_bytes())),
        {"alfa": made.own.own_digits, "bravo": made.peer.own_digits},
    )
    assert verdict.exit_code == 0
    page.fill("#dossier-name", "alfa-99")
    expect(page.locator("#dossier-take")).to_be_disabled()
    page.locator("#dossier-plan").click()
    expect(page.locator("#record-dossier [role=alert]")).to_contain_text("no alert 'alfa-99' in the record")


def test_a_dossier_asked_for_before_its_page_is_here_is_about_that_alert(browser: Browser) -> None:
    with served(tracks=12) as desk:
        desk.do(lambda fake: fake.acknowledged.update({"alfa-1": (fake.now_ms(), "operator")}))
        page = browser.new_page()
        page.add_init_script('localStorage.setItem("detente.first-run", "seen")')
        held = unanswered(page, "**/static/record/dossier.js")
        page.goto(desk.address)
        page.locator('[data-export="alfa-1"]').click()
        expect(page.locator("#record")).to_be_visible()
        until(page, lambda: held)[0].continue_()
        expect(page.locator("#dossier-name")).to_have_value("alfa-1")
        page.close()


def test_a_plan_that_comes_late_is_not_shown_for_another_dossier_than_it_is_of(desk: Desk, opened: Opened) -> None:
    page = at_record(opened(desk.address).page)
    seated(page, "supervisor")
    page.locator("[data-way=whole]").click()
    late = unanswered(page, "**/api/record/plan")
    page.locator("#dossier-plan").click()
    page.select_option("#dossier-peer", "bravo")
    with page.expect_response("**/api/record/plan"):
        until(page, lambda: late)[0].continue_()
    page.wait_for_timeout(300)
    expect(page.locator("#dossier-take")).to_be_disabled()
    page.locator("#dossier-plan").click()
    until(page, lambda: late, lambda waiting: len(waiting) == 2)[1].continue_()
    expect(page.locator("#dossier-take")).to_be_enabled()


def test_leaves_that_cannot_be_read_are_not_replaced_by_others_and_why_stays_until_they_can(
    desk: Desk, opened: Opened
) -> None:
    page = at_record(opened(desk.address).page)
    refuses(page, "**/api/record/leaves*")
    page.select_option("#leaf-kind", "alert")
    why = page.locator("#record-leaves [role=alert]")
    expect(why).to_contain_text(WHY)
    expect(page.locator("[data-leaf]")).to_have_count(0)
    with page.expect_response("**/api/record/logs"):
        pass
    page.wait_for_timeout(300)
    expect(why).to_contain_text(WHY)
    page.unroute("**/api/record/leaves*")
    expect(why).to_have_count(0, timeout=10_000)


def test_one_links_history_that_cannot_be_read_hides_no_log_and_is_said_beside_that_link(
    desk: Desk, opened: Opened
) -> None:
    page = opened(desk.address).page
    refuses(page, "**/api/links/bravo/history")
    at_record(page)
    links = page.locator("#record .table-column").first.locator("section.part")
    why = page.locator("#record [role=alert]")
    expect(why).to_have_count(1)
    expect(links.filter(has_text="Bravo").get_by_role("alert")).to_contain_text(WHY)
    expect(links.filter(has_text="Charlie").locator("figure.plots")).to_be_visible()
    expect(page.locator("#record-leaves")).to_contain_text(f"200 of {MESSAGES}")
    page.unroute("**/api/links/bravo/history")
    expect(why).to_have_count(0, timeout=10_000)
    expect(page.locator("#record figure.plots")).to_have_count(2)


def test_one_links_history_that_hangs_holds_up_nothing_else_and_is_asked_for_once(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    late = unanswered(page, "**/api/links/bravo/history")
    at_record(page)
    expect(page.locator("#record figure.plots")).to_have_count(1)
    for _ in range(2):
        with page.expect_response("**/api/record/logs"):
            pass
    assert len(late) == 1
    late[0].continue_()
    expect(page.locator("#record figure.plots")).to_have_count(2)


def test_older_leaves_that_come_late_do_not_replace_the_newest(desk: Desk, opened: Opened) -> None:
    page = at_record(opened(desk.address).page)
    newest = page.locator("[data-leaf]").first.get_attribute("data-leaf")
    late = unanswered(page, "**/api/record/leaves*before*")
    page.locator("#older").click()
    until(page, lambda: late)
    with page.expect_response("**/api/record/leaves*"):
        page.locator("#newest").click()
    with page.expect_response("**/api/record/leaves*before*"):
        late[0].continue_()
    page.wait_for_timeout(300)
    expect(page.locator("[data-leaf]").first).to_have_attribute("data-leaf", str(newest))


def test_a_fork_takes_the_head_of_the_page_with_what_to_do_and_who_may(opened: Opened) -> None:
    with served(tracks=8) as running:

        def forked(fake: FakeDesk) -> None:
            own = fake._peers
            fork = ForkRow(OPS, "f" * 64, ["bravo"])
            fake._peers = lambda now: [  # type: ignore[method-assign]
                replace(own(now)[0], state="FORK", why="two checkpoints of one size", forks=[fork]),
                replace(own(now)[1], state="ROLLBACK"),
            ]

        running.do(forked)
        page = opened(running.address).page
        page.keyboard.press("9")
        graves = page.locator("#record .grave")
        expect(graves).to_have_count(2)
        fork, rollback = graves.nth(0), graves.nth(1)
        expect(fork).to_contain_text("two histories under one name")
        expect(fork.locator("li")).to_have_count(5)
        expect(fork).to_contain_text("f" * 64)
        expect(fork).to_contain_text("A new epoch is for: military")
        expect(rollback).to_contain_text("was a backup restored?")
        seated(page, "foreign_service")
        fork.locator("summary").click()
        page.locator(f'[data-rebase="{OPS}"]').click()
        page.locator("#step-prove").click()  # a new epoch binds: one more sign-in
        assert ordered(page, running, Rebase) == [Rebase("bravo", OPS)]
        assert axe(page) == []


@pytest.mark.parametrize("lang", ["en", "tr", "ru"])
def test_axe_finds_nothing_on_the_record_page_and_no_column_overflows(desk: Desk, opened: Opened, lang: str) -> None:
    watched = opened(desk.address, lang, (1280, 720))
    page = at_record(watched.page)
    page.locator("#verify").click()
    expect(page.locator("#proved")).to_be_visible(timeout=10_000)
    assert axe(page) == []
    wide = page.evaluate("""() => [...document.querySelectorAll("#record .table-column, #record .part, body, .bar")]
      .filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.className + " " + e.scrollWidth + ">" + e.clientWidth)""")
    assert wide == []
    assert watched.complaints == []
