"""The tables at a desk: what stands is shown whole, a seat does its own acts, and nothing binds without a second yes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from browser.awaiting import seated, until
from browser.conftest import Watched
from browser.fake_desk import FakeDesk
from browser.serving import Desk, served
from browser.table_scene import TableScene
from browser.test_console import axe
from browser.test_hostile_text import PAYLOADS
from coordination.meeting import ALFA, BRAVO
from detente.coordination.incidents import Account
from detente.coordination.plain import is_plain
from detente.coordination.proposals import SettleDetail, Sign, TableProposal, Version
from detente.coordination.reports import Grade, Share
from detente.desk.orders import AtTable
from detente.types import Role

pytestmark = pytest.mark.browser

Opened = Callable[..., Watched]


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with served(tracks=20) as running:
        yield running


def at_table(page: Page, seat: str = "operator") -> Page:
    seated(page, seat)
    page.keyboard.press("Escape")
    page.locator("#to-tables").click()
    expect(page.locator("#tables article").first).to_be_visible()
    expect(page.locator("#seat")).to_have_value(seat)
    return page


def said(desk: Desk) -> list:
    return [order.act for _, order in desk.fake.orders if isinstance(order, AtTable)]


def test_the_page_is_reached_by_its_key_and_its_button_and_left_by_the_maps(desk: Desk, opened: Opened) -> None:
    page = opened(desk.address).page
    page.keyboard.press("8")
    expect(page.locator("#tables")).to_be_focused()
    expect(page.locator("#alerts")).to_be_hidden()
    expect(page.locator("#strip")).to_contain_text("ALARM")
    page.keyboard.press("3")
    expect(page.locator("#sky")).to_be_focused()
    expect(page.locator("#tables")).to_be_hidden()
    page.locator("#to-tables").click()
    expect(page.locator("#tables")).to_be_visible()
    page.keyboard.press("?")
    expect(page.locator("dialog")).to_contain_text("tables")


def test_everything_that_stands_is_shown(desk: Desk, opened: Opened) -> None:
    watched = opened(desk.address)
    page = at_table(watched.page)
    view = desk.do(lambda fake: fake.table("line"))
    shift = page.locator('[data-proposal="bravo-1"]')
    for words in (
        "under discussion",
        "ceiling FL250, until 1400Z.",
        "Declare a day ahead.",
        "Earlier versions: 2",
        "No tanker within 20 NM.",
        "not agreed: Hours of the shift",
        "not signed: Alfa military",
        view.proposals[-1].versions[-1].digest[:16],
    ):
        expect(shift).to_contain_text(words)
    for part, words in {
        "arrangement": ["in force", "Until the crossing is explained.", "talks"],
        "watches": ["Nobody on watch", "duty officer"],
        "decisions": ["Test the hotline each day.", "overdue", "Our watch heard nothing."],
        "incidents": ["turned back in 90 s", "crossed by 2 NM", "INCUR"],
        "ceasefires": ["alleged", "unmanned aircraft", "looks into it", "40°12.0S 173°12.0E"],
        "reports": ["B2", "C3", "stale", "Provenance missing", "40°12.0S 173°12.0E"],
        "timeline": ["No drone flew.", "Said before the post reported.", "who says so"],
        "differences": ["At the cape.", "Two miles north of the cape."],
    }.items():
        for word in words:
            expect(page.locator(f"#table-{part}")).to_contain_text(word)
    assert watched.complaints == []
    assert watched.violations() == []


def test_a_signature_carries_the_digest_that_was_shown_beside_the_passkey(opened: Opened) -> None:
    with served(tracks=10) as desk:
        page = at_table(opened(desk.address).page, "foreign_service")
        simple = page.locator("article", has_text="Call before an intercept")
        simple.locator('[data-act="proposal.sign"]').click()
        expect(page.locator("dialog")).to_have_count(1)
        expect(page.locator("dialog.step #act-text")).to_have_text("Both sides call on 121.5 before an intercept.")
        shown = page.locator("dialog.step #act-digest").inner_text()
        assert len(page.locator("#step-digest").inner_text()) == 64
        assert said(desk) == []
        page.locator("#step-prove").focus()
        page.keyboard.press("Enter")
        expect(page.locator("dialog")).to_have_count(0)
        expect(simple).to_contain_text("Alfa foreign service")
        [act] = until(page, lambda: said(desk))
        assert isinstance(act, Sign)
        assert act.digest == shown
        assert len(shown) == 64


def test_a_signature_that_is_left_is_not_given(desk: Desk, opened: Opened) -> None:
    page = at_table(opened(desk.address).page, "foreign_service")
    before = len(said(desk))
    page.locator('[data-proposal="bravo-1"] [data-act="proposal.sign"]').click()
    expect(page.locator("dialog.step")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    assert len(said(desk)) == before


def test_what_the_node_refuses_is_said_in_its_words_and_the_form_stays(desk: Desk, opened: Opened) -> None:
    page = at_table(opened(desk.address).page, "military")
    page.locator('[data-proposal="bravo-1"] [data-act="proposal.sign"]').click()
    page.locator("#step-prove").click()
    expect(page.locator("#act-form [role=alert]")).to_contain_text("details are not agreed: Hours of the shift")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)


def test_a_wrong_seat_sees_whose_act_it_is(desk: Desk, opened: Opened) -> None:
    page = at_table(opened(desk.address).page, "operator")
    shift = page.locator('[data-proposal="bravo-1"]')
    expect(shift.locator("button[data-act]")).to_have_count(0)
    expect(shift).to_contain_text("Not for this seat: Sign: military, foreign service.")
    expect(page.locator("#table-watches [data-act='watch.take']")).to_be_visible()


def test_a_detail_is_settled_and_an_account_given(desk: Desk, opened: Opened) -> None:
    page = at_table(opened(desk.address).page, "military")
    page.locator('[data-detail="window"] [data-act="proposal.detail"]').click()
    page.select_option("#act-stance", "disputed")
    page.fill("#act-words", "Not before 1315Z.")
    page.locator("#act-form button.main").click()
    expect(page.locator('[data-detail="window"]')).to_contain_text("Not before 1315Z.")
    page.locator('#table-incidents [data-act="incident.account"]').click()
    expect(page.locator("#act-form button.main")).to_be_disabled()
    page.fill("#act-words", "The track shows 1.4 NM.")
    page.locator("#act-form button.main").click()
    expect(page.locator("#table-incidents")).to_contain_text("The track shows 1.4 NM.")
    settled, account = said(desk)[-2:]
    assert isinstance(settled, SettleDetail)
    assert settled.stance == "disputed"
    assert isinstance(account, Account)


def test_a_counter_keeps_the_details_and_a_ceasefire_claim_is_answered(desk: Desk, opened: Opened) -> None:
    page = at_table(opened(desk.address).page, "foreign_service")
    page.locator('#table-ceasefires [data-act="ceasefire.reply"]').click()
    page.select_option("#act-stance", "denies")
    page.fill("#act-words", "None of ours flew.")
    page.locator("#act-form button.main").click()
    expect(page.locator("#table-ceasefires")).to_contain_text("None of ours flew.")
    page.locator('[data-proposal="bravo-1"] [data-act="proposal.counter"]').click()
    expect(page.locator("#act-form")).to_contain_text("Keep clear west of L-1.")
    page.fill("#act-text", "A-07 stays.")
    page.locator("#act-form button.main").click()
    expect(page.locator('[data-proposal="bravo-1"]')).to_contain_text("Earlier versions: 3")
    counter = said(desk)[-1]
    assert [detail.key for detail in counter.version.details] == ["level", "window", "tanker"]
    assert counter.version.promises["alfa"] == "Keep clear west of L-1."


def test_the_arrangement_is_narrowed_and_what_has_stopped_is_seen(opened: Opened) -> None:
    with served(tracks=10) as desk:
        page = at_table(opened(desk.address).page, "leader")
        page.locator('[data-act="arrangement.narrow"]').click()
        page.select_option("#act-to", "suspended")
        page.fill("#act-note", "Until the post answers.")
        page.locator("#act-form button.main").click()
        page.locator("#step-prove").click()
        expect(page.locator(".table-head")).to_contain_text("suspended")
        stopped = page.locator("#table-arrangement .badge.warn")
        expect(stopped).to_contain_text(["picture", "activities", "reports", "talks"])
        expect(page.locator('[data-act="arrangement.resume"]')).to_be_visible()


def test_what_is_given_is_what_stood_beside_the_passkey(opened: Opened) -> None:
    with served(tracks=10) as desk:
        page = at_table(opened(desk.address).page, "leader")
        page.locator('[data-act="arrangement.narrow"]').click()
        page.select_option("#act-to", "suspended")
        page.fill("#act-note", "Until the post answers.")
        page.locator("#act-form button.main").click()
        whole = page.locator("dialog.step .order-whole")
        expect(whole).to_contain_text("Until the post answers.")
        expect(page.locator(".order-whole")).to_have_count(1)
        page.evaluate("""() => {
          const note = document.querySelector("#act-note");
          note.value = "Changed."; note.dispatchEvent(new Event("input", { bubbles: true }));
        }""")
        expect(whole).to_contain_text("Until the post answers.")
        assert said(desk) == []
        page.locator("#step-prove").click()
        expect(page.locator("dialog")).to_have_count(0)
        [act] = until(page, lambda: said(desk))
        assert (act.to, act.note) == ("suspended", "Until the post answers.")


def test_a_contradiction_is_shown_with_both_digests(opened: Opened) -> None:
    with served(tracks=10) as desk:
        ours = desk.do(lambda fake: fake.table_scene.meeting.tables[ALFA].heads()["bravo"])
        desk.do(lambda fake: fake.table_scene.meeting.tables[ALFA].told("bravo", ours[0], "f" * 64, "bravo"))
        page = at_table(opened(desk.address).page)
        expect(page.locator("#table-contradictions")).to_contain_text("f" * 64)
        expect(page.locator("#table-contradictions")).to_contain_text(ours[1])


def test_a_time_that_no_calendar_has_stops_nothing(opened: Opened) -> None:
    with served(tracks=10) as desk:
        far = TableProposal("Without an end", Version(text="For ever."), expires_at_ms=2**53 - 1)
        desk.do(lambda fake: fake.table_scene.meeting.say(BRAVO, Role.MILITARY, far))
        watched = opened(desk.address)
        page = at_table(watched.page)
        expect(page.locator("#table-proposals")).to_contain_text("9007199254740991")
        assert watched.complaints == []


def test_another_partys_report_is_graded_and_a_key_in_a_dialog_turns_no_page(desk: Desk, opened: Opened) -> None:
    page = at_table(opened(desk.address).page, "intelligence")
    page.locator('[data-act="report.grade"]').click()
    page.locator("#act-form button", has_text="Close").focus()
    page.keyboard.press("3")
    expect(page.locator("#act-form")).to_be_visible()
    page.select_option("#act-source", "D")
    page.fill("#act-words", "Seen before, once wrong.")
    page.locator("#act-form button.main").click()
    expect(page.locator("#table-reports")).to_contain_text("D6")
    expect(page.locator("#table-reports")).to_contain_text("B2")


def test_a_report_is_shared_with_the_cell_of_its_place_and_nothing_finer(opened: Opened) -> None:
    with served(tracks=10) as desk:
        page = at_table(opened(desk.address).page, "military")
        page.locator('[data-act="report.share"]').click()
        share = page.locator("#act-form button.main")
        page.fill("#act-title", "Launch rails at the bay")
        page.fill("#act-words", "Two, empty, seen at dawn.")
        page.select_option("#act-about", "others")
        page.fill("#act-sort", "Launch rails")
        page.fill("#act-observed", "2026-11-22 04:10")
        page.fill("#act-place", "near the bay")
        expect(page.locator("#act-sort, #act-place").and_(page.locator("[aria-invalid=true]"))).to_have_count(2)
        expect(share).to_be_disabled()
        assert axe(page) == []
        page.fill("#act-sort", "launch")
        page.fill("#act-place", "40°13.7S 173°08.2E")
        page.select_option("#act-hours", "12")
        page.select_option("#act-source", "B")
        page.select_option("#act-item", "3")
        page.select_option("#act-tlp", "red")
        share.click()
        expect(page.locator("#table-reports")).to_contain_text("Launch rails at the bay")
        expect(page.locator("#table-reports")).to_contain_text("TLP:RED")
        (act,) = said(desk)
        assert isinstance(act, Share)
        assert (act.originator, act.kind, act.about, act.area) == ("alfa", "launch", "others", (-403, 1731))
        assert act.grade == Grade(source="B", item="3")
        assert act.observed_ms == 1_795_320_600_000
        assert act.valid_until_ms > act.observed_ms


def but_for_the_sign_in(watched: Watched) -> list[str]:
    """Complaints, but that the node says 403 where it wants one more sign-in, which the browser notes."""
    return [line for line in watched.complaints if "403" not in line]


@pytest.mark.parametrize("lang", ["en", "tr", "ru"])
def test_axe_finds_nothing_at_a_table_and_no_column_overflows(desk: Desk, opened: Opened, lang: str) -> None:
    watched = opened(desk.address, lang, (1280, 720))
    page = at_table(watched.page, "foreign_service")
    found = axe(page)
    page.locator('[data-act="proposal.sign"]').first.click()
    page.wait_for_selector("dialog[open]")
    assert found + axe(page) == []
    wide = page.evaluate("""() => [...document.querySelectorAll(".table-column, .thing, .table-head, .bar, .act-dialog, .step, body")]
      .filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.className + " " + e.scrollWidth + ">" + e.clientWidth)""")
    assert wide == []
    assert page.locator("#tables").inner_text().count("table.") == 0
    assert but_for_the_sign_in(watched) == []


def test_t17_hostile_text_in_every_field_of_a_table_is_shown_and_nothing_runs(opened: Opened) -> None:
    with served(tracks=10) as desk:

        def hostile(payload: str) -> Callable[[FakeDesk], None]:
            return lambda fake: setattr(fake, "table_scene", TableScene(payload))

        sent = [text for text in PAYLOADS if is_plain(text)]
        assert len(sent) > 25
        watched = opened(desk.address)
        for payload in sent[::3]:
            desk.do(hostile(payload))
            page = watched.page
            if page.locator("#tables").is_hidden():
                at_table(page, "foreign_service")
            for part in ("arrangement", "proposals", "decisions", "incidents", "ceasefires", "reports", "timeline"):
                expect(page.locator(f"#table-{part}")).to_contain_text(payload[:100])
            page.locator('[data-proposal="bravo-1"] [data-act="proposal.sign"]').click()
            expect(page.locator("#act-text")).to_contain_text(payload[:100])
            page.locator("dialog.step button", has_text="Close").click()
        strangers = "script:not([src^='/static/']), iframe, object, embed, base, img, [onerror], [onload], style, link:not([href^='/static/']), [style]"
        assert page.locator(f"#tables :is({strangers})").count() == 0
        assert watched.violations() == []
        assert but_for_the_sign_in(watched) == []
