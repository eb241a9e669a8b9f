"""The tables of the record page fit: whole on a desk of 1,280 pixels, each leaf a block on a telephone; nothing scrolls sideways."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace
from playwright.sync_api import Page, expect

from browser.conftest import Watched
from browser.fake_desk import FakeDesk
from browser.serving import Desk, served
from browser.test_console import axe
from detente.desk.board import PeerRow
from detente.desk.record_view import LeafPage, LeavesAsked
from node.recorded import OPS, recorded

pytestmark = pytest.mark.browser

Opened = Callable[..., Watched]
LEAVES = 1_234_567

SIDEWAYS = """() => [...document.querySelectorAll("html, body, #record, #record *")]
  .filter((e) => e.scrollWidth > e.clientWidth + 1 && ["auto", "scroll", "hidden"].includes(getComputedStyle(e).overflowX) && !e.matches(".unseen, .leaves thead *"))
  .map((e) => `${e.tagName}#${e.id}.${e.className} ${e.scrollWidth}>${e.clientWidth}`)"""

# What of these is not whole within the part of the page that holds it.
CUT = """() => [...document.querySelectorAll("#record .grid tbody :is(th, td)")].filter((cell) => {
  const [box, held] = [cell.getBoundingClientRect(), cell.closest(".part").getBoundingClientRect()];
  return box.left < held.left - 1 || box.right > held.right + 1;
}).map((cell) => cell.textContent)"""


class WideDesk(FakeDesk):
    """The invented desk after months: lanes of seven figures."""

    def _peers(self, now_ms: int) -> list[PeerRow]:
        def long(peer: PeerRow) -> PeerRow:
            lanes = [
                replace(lane, own_size=LEAVES, own_held=LEAVES, their_size=LEAVES, backlog=9_999) for lane in peer.lanes
            ]
            return replace(peer, lanes=lanes)

        return [long(peer) for peer in super()._peers(now_ms)]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = recorded(tmp_path_factory.mktemp("wide"), 40)
    leaves, logs = made.records.leaves, made.records.logs
    kinds = ("stand_down", "line_test", "ceasefire", "escalation", "proposal", "displayed")
    seats = ("foreign_service", "intelligence", "supervisor", "duty_officer", "military", "node")

    def long_leaves(asked: LeavesAsked) -> LeafPage:
        page = leaves(asked)
        rows = [
            replace(row, seq=LEAVES - k, kind=kinds[k % 6], by=seats[k // 6 % 6], precedence="ZOPR"[k % 4])
            for k, row in enumerate(page.rows)
        ]
        rows[0] = replace(rows[0], words="W" * 60)  # no space to break at
        return replace(page, rows=rows, size=LEAVES)

    made.records.leaves = long_leaves  # type: ignore[method-assign]
    made.records.logs = lambda: [  # type: ignore[method-assign]
        replace(row, size=LEAVES, signed=LEAVES, receipted=LEAVES, epoch=12) for row in logs()
    ]
    with served(record=made.records, make=WideDesk, tracks=12) as running:
        yield running
    made.store.close()


def at_record(page: Page) -> Page:
    page.keyboard.press("9")
    page.locator(f'[data-log="{OPS}"]').click()
    expect(page.locator("[data-leaf]").first).to_be_visible()
    expect(page.locator("#record figure.plots")).to_have_count(2)
    return page


@pytest.mark.parametrize("lang", ["en", "tr", "ru"])
@pytest.mark.parametrize("size", [(1280, 720), (480, 900), (390, 844)])
def test_the_tables_of_the_record_are_whole_and_nothing_scrolls_sideways(
    desk: Desk, opened: Opened, size: tuple[int, int], lang: str
) -> None:
    page = at_record(opened(desk.address, lang, size).page)
    assert page.evaluate(SIDEWAYS) == []
    assert page.evaluate(CUT) == []
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")


def test_a_leaf_on_a_telephone_is_still_a_row_of_a_table_and_its_whole_digest_is_at_hand(
    desk: Desk, opened: Opened
) -> None:
    watched = opened(desk.address, size=(480, 900))
    page = at_record(watched.page)
    table = page.get_by_role("table").filter(has=page.locator("[data-leaf]"))
    expect(table.get_by_role("columnheader")).to_have_count(6)
    first = table.get_by_role("row").nth(1)
    expect(first.get_by_role("cell")).to_have_count(5)
    short, whole = (first.get_by_role("cell").last.inner_text(), first.get_by_role("cell").last.get_attribute("title"))
    assert whole is not None
    assert whole.startswith(short)
    assert len(whole.replace(" ", "")) == 64
    assert axe(page) == []
    assert watched.complaints == []
