"""A report says whose item it is and through which hands it came: chosen from what stands at the table, with its originator's consent."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import Watched
from browser.fake_desk import FakeDesk
from browser.serving import served
from browser.test_console import axe
from browser.test_tables import at_table, but_for_the_sign_in, said
from coordination.meeting import BRAVO
from detente.coordination.reports import Ask, Consent, Link, Share
from detente.types import Role

pytestmark = pytest.mark.browser

Opened = Callable[..., Watched]


def say_of_bravo(act: Ask | Consent) -> Callable[[FakeDesk], str]:
    return lambda fake: fake.table_scene.meeting.say(BRAVO, Role.INTELLIGENCE, act)


def filled(page: Page) -> None:
    page.locator('[data-act="report.share"]').click()
    page.fill("#act-title", "Launch rails at the bay")
    page.fill("#act-words", "Two, empty, seen at dawn.")
    page.fill("#act-sort", "launch")


def test_anothers_item_is_chosen_among_those_that_its_originator_lets_be_shared_here(opened: Opened) -> None:
    with served(tracks=10) as desk:
        watched = opened(desk.address)
        page = at_table(watched.page, "intelligence")
        filled(page)
        expect(page.locator("#act-material option")).to_have_count(1)
        expect(page.locator("#act-form")).to_contain_text("ask its originator for consent first")
        page.keyboard.press("Escape")

        page.locator('[data-act="report.ask_consent"]').click()
        page.select_option("#act-originator", "bravo")
        page.fill("#act-material", "b-17")
        page.fill("#act-words", "It would help the watch.")
        page.locator("#act-form button.main").click()
        expect(page.locator("#table-reports")).to_contain_text("asked")
        desk.do(say_of_bravo(Consent(material="b-17", consents=True)))
        expect(page.locator("#table-reports")).to_contain_text("given", timeout=10_000)

        filled(page)
        page.select_option("#act-material", label="Bravo · b-17")
        page.locator("#act-may_pass_to").get_by_label("Charlie").check()
        assert axe(page) == []
        page.locator("#act-form button.main").click()
        expect(page.locator("#table-reports")).to_contain_text("ORIGINATOR BRAVO // MAY PASS TO CHARLIE")
        asked, shared = said(desk)
        assert asked == Ask(originator="bravo", material="b-17", words="It would help the watch.")
        assert isinstance(shared, Share)
        assert (shared.originator, shared.material, shared.marking.may_pass_to) == ("bravo", "b-17", ("charlie",))
        assert but_for_the_sign_in(watched) == []


def test_each_hand_of_a_report_is_said_and_one_whose_name_is_not_known_is_shown_as_missing(opened: Opened) -> None:
    with served(tracks=10) as desk:
        page = at_table(opened(desk.address).page, "military")
        filled(page)
        for _ in range(3):
            page.locator("#act-hand").click()
        expect(page.locator("[data-hand]")).to_have_count(3)
        outlet, sensor, last = page.locator("[data-hand]").all()
        outlet.locator("input").first.fill("Coast radio")
        outlet.locator("input").last.fill("yesterday")
        sensor.locator("select").select_option("sensor")
        last.get_by_role("button").click()
        expect(page.locator("[data-hand]")).to_have_count(2)
        expect(page.locator("#act-form button.main")).to_be_disabled()
        outlet.locator("input").last.fill("2026-11-22 04:10")
        assert axe(page) == []
        page.locator("#act-form button.main").click()
        report = page.locator("[data-report]", has_text="Launch rails")
        expect(report).to_contain_text("outlet: Coast radio")
        expect(report).to_contain_text("Provenance missing: sensor")
        (act,) = said(desk)
        assert isinstance(act, Share)
        assert act.provenance == (Link(part="outlet", name="Coast radio", at_ms=1_795_320_600_000), Link(part="sensor"))


def test_a_report_of_ours_is_replaced_by_the_one_that_names_it(opened: Opened) -> None:
    with served(tracks=10) as desk:
        page = at_table(opened(desk.address).page, "military")
        for n in range(2):
            filled(page)
            if n:
                page.locator("#act-replaces option").nth(1).wait_for(state="attached")
                page.select_option("#act-replaces", index=1)
            page.locator("#act-form button.main").click()
            expect(page.locator("[data-report]", has_text="Launch rails")).to_have_count(n + 1)
        first, second = said(desk)
        assert isinstance(first, Share)
        assert isinstance(second, Share)
        assert first.replaces is None
        older = page.locator(f'[data-report="{second.replaces}"]')
        expect(older).to_contain_text("Replaced by")


def test_what_another_asks_of_us_is_answered_and_taken_back_at_the_table(opened: Opened) -> None:
    with served(tracks=10) as desk:
        page = at_table(opened(desk.address).page, "intelligence")
        desk.do(say_of_bravo(Ask(originator="alfa", material="a-3", words="For our coast post.")))
        for answer, state in (("yes", "given"), ("no", "taken back")):
            page.locator('[data-act="report.consent"]').click()
            page.select_option("#act-consents", answer)
            page.locator("#act-form button.main").click()
            page.locator("#step-prove").click()  # consent binds: one more sign-in
            expect(page.locator("dialog")).to_have_count(0)
            expect(page.locator("#table-reports .note", has_text="a-3")).to_contain_text(state)
        assert [act.consents for act in said(desk) if isinstance(act, Consent)] == [True, False]
