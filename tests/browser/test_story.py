"""Two real nodes, two desks, one crossing: warned on both, acknowledged on one and seen on the other; a message, a FLASH
that nobody answers, a proposal that both countersign, and a dossier of it all that a stranger can check."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from browser.awaiting import seated, until
from browser.conftest import Watched
from browser.staging import staged
from detente.evidence.dossier import ZipFiles
from detente.evidence.verify import verify

pytestmark = pytest.mark.browser

Opened = Callable[..., Watched]
PATIENCE_MS = 30_000
SEEN_ACROSS_WITHIN_S = 1.0
DISPLAYED, ACKNOWLEDGED = 3, 4  # columns of an alert's times
CLOCK = re.compile(r"\d\d:\d\d:\d\d")

WHERE = """async () => {
  const { state } = await import("/static/store.js");
  return [...state.tracks.number].map((n, i) => [n, [state.tracks.lat[i], state.tracks.lon[i]]]);
}"""

# Both pages run on this machine, so their clocks are one; no round trip of the test is in the figure.
NOTE_THE_KEY = """() => addEventListener("click", (e) => {
  if (e.target.dataset.acknowledge) window.acknowledgedAt = Date.now() / 1000;
}, true)"""

# What a party says its own root is, at its own desk.
OWN_DIGITS = """async (party) => {
  const { state } = await import("/static/store.js");
  const ask = async (path) => (await fetch(path, { headers: { "x-detente-token": state.session.token } })).json();
  const log = (await ask("/api/record/logs")).find((row) => row.writer === party && row.signed > 0).log;
  return (await ask(`/api/record/proof?log=${encodeURIComponent(log)}`)).roots.find((root) => root.party === party).digits;
}"""

NOTE_WHEN_SEEN = """(party) => {
  const looking = setInterval(() => {
    const rows = [...document.querySelectorAll("#alerts .times tbody tr")].filter((row) => row.textContent.includes(party));
    if (!rows.some((row) => /\\d\\d:\\d\\d:\\d\\d/.test(row.lastElementChild.textContent))) return;
    window.seenAt = Date.now() / 1000;
    clearInterval(looking);
  }, 10);
}"""


@pytest.fixture(scope="module")
def desks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    folder: Path = tmp_path_factory.mktemp("stage")
    with staged(folder) as addresses:
        yield addresses


def time_of(page: Page, party: str, column: int) -> Locator:
    """The first time that stands in *column* of *party*'s half of any alert on this desk."""
    halves = page.locator("#alerts .times tbody tr", has_text=party)
    return halves.locator(f"td:nth-of-type({column})").filter(has_text=CLOCK).first


def until_it_moves(page: Page) -> None:
    first = dict(page.evaluate(WHERE))

    def moves(now: list[Any]) -> bool:
        return any(first[number] != place for number, place in now if number in first)

    until(page, lambda: page.evaluate(WHERE), moves, PATIENCE_MS / 1000)


def at_tables(page: Page, seat: str) -> None:
    seated(page, seat)
    page.locator("#to-tables").click()
    expect(page.locator("#table-proposals")).to_be_visible(timeout=PATIENCE_MS)


def acted(where: Locator, act: str, fields: dict[str, str]) -> None:
    """Do *act* through its dialog."""
    page = where.page
    where.locator(f'[data-act="{act}"]').first.click()
    for name, text in fields.items():
        page.fill(f"#act-{name}", text)
    page.locator("#act-form button.main").click()
    expect(page.locator("dialog")).to_have_count(0, timeout=PATIENCE_MS)


def test_two_desks_from_the_first_track_to_the_dossier(desks: dict[str, str], opened: Opened) -> None:
    here, there = opened(desks["alfa"]), opened(desks["bravo"])
    alfa, bravo = here.page, there.page
    for page, name in ((alfa, "Alfa"), (bravo, "Bravo")):
        expect(page.locator("#top")).to_contain_text(name)
        expect(page.locator("#top")).to_contain_text("LIVE", timeout=PATIENCE_MS)
        expect(page.locator("#top")).to_contain_text("RECONSTRUCTION")

    # Bravo's aircraft is on both maps, and moves.
    for page in (alfa, bravo):
        expect(page.locator(".status")).to_contain_text(re.compile(r"Tracks [1-9]"), timeout=PATIENCE_MS)
        until_it_moves(page)

    # The crossing is predicted, both desks are warned, and each sees that the other was shown the warning.
    for page, other in ((alfa, "Bravo"), (bravo, "Alfa")):
        expect(page.locator("#strip")).to_contain_text("RECON2", timeout=PATIENCE_MS)
        expect(page.locator("#alerts li[data-alert]", has_text="RECONSTRUCTION").first).to_be_visible()
        expect(time_of(page, other, DISPLAYED)).to_be_visible(timeout=PATIENCE_MS)

    # Acknowledged by keyboard at Alfa, seen at Bravo within a second.
    bravo.evaluate(NOTE_WHEN_SEEN, "Alfa")
    alfa.evaluate(NOTE_THE_KEY)
    alfa.keyboard.press("n")
    expect(alfa.locator("#alerts [data-acknowledge]:focus")).to_have_count(1)
    alfa.keyboard.press("Enter")
    expect(time_of(alfa, "Alfa", ACKNOWLEDGED)).to_be_visible(timeout=PATIENCE_MS)
    expect(time_of(bravo, "Alfa", ACKNOWLEDGED)).to_be_visible(timeout=PATIENCE_MS)
    expect(time_of(bravo, "Bravo", ACKNOWLEDGED)).to_have_count(0)
    took_s = bravo.evaluate("window.seenAt") - alfa.evaluate("window.acknowledgedAt")
    assert 0 < took_s < SEEN_ACROSS_WITHIN_S

    # Bravo says a coded phrase; Alfa reads it in its own time; Bravo sees when it was shown and when it was acknowledged.
    bravo.select_option("#compose-code", "W06")
    bravo.fill(".param input", "RECON2")
    bravo.locator("#composer button.main").click()
    said = alfa.locator("#hotline li.message").first
    expect(said).to_contain_text("Request your intentions for track RECON2.", timeout=PATIENCE_MS)
    sent = bravo.locator("#hotline li.message").first
    expect(sent).to_contain_text(re.compile(r"displayed \d\d:\d\d:\d\dZ"), timeout=PATIENCE_MS)
    assert "acknowledged" not in sent.inner_text()
    said.get_by_role("button", name="Acknowledge").click()
    expect(sent).to_contain_text(re.compile(r"acknowledged \d\d:\d\d:\d\dZ"), timeout=PATIENCE_MS)

    # The FLASH warning that nobody at Bravo acknowledges climbs, and both desks see how far.
    for page in (bravo, alfa):
        climbed = page.locator(
            "#alerts .ladder", has_text=re.compile("Rung [12] of 5: (shift supervisor|duty officer)")
        )
        expect(climbed.first).to_be_visible(timeout=PATIENCE_MS)

    # A proposal is put on the table, answered with another wording, read side by side and signed by both seats of both.
    at_tables(alfa, "military")
    acted(alfa.locator("#table-proposals"), "proposal.table", {"title": "Call first", "text": "Call on 121.5 first."})
    at_tables(bravo, "military")
    offered = bravo.locator("#table-proposals article", has_text="Call first")
    expect(offered).to_be_visible(timeout=PATIENCE_MS)
    acted(offered, "proposal.counter", {"text": "Call on 121.5 first, and on the hotline."})
    agreed = [page.locator("#table-proposals article", has_text="Call first") for page in (alfa, bravo)]
    for proposal in agreed:
        expect(proposal.locator(".compared ins")).to_have_text(re.compile("and on the hotline"), timeout=PATIENCE_MS)
    shown = set()
    for seat in ("military", "foreign_service"):
        for page, proposal in zip((alfa, bravo), agreed, strict=True):
            seated(page, seat)
            sign = proposal.locator('[data-act="proposal.sign"]')
            expect(sign).to_be_visible(timeout=PATIENCE_MS)
            sign.click()
            expect(page.locator("#act-text")).to_have_text("Call on 121.5 first, and on the hotline.")
            shown.add(page.locator("#act-digest").inner_text())
            page.locator("#step-prove").click()
            expect(page.locator("dialog")).to_have_count(0, timeout=PATIENCE_MS)
    assert len(shown) == 1
    for proposal in agreed:
        expect(proposal.locator("h3")).to_contain_text("in force", timeout=PATIENCE_MS)

    # The alert's dossier leaves Alfa's desk, and holds against what each party says its own root is.
    seated(alfa, "supervisor")
    alfa.keyboard.press("Escape")
    alfa.locator("#tables").focus()
    alfa.keyboard.press("1")
    alfa.locator("#alerts [data-export]").first.click()
    alfa.locator("#dossier-plan").click()
    expect(alfa.locator("#record-dossier .portions li").first).to_be_visible(timeout=PATIENCE_MS)
    with alfa.expect_download() as kept:
        alfa.locator("#dossier-take").click()
    digits = {"alfa": alfa.evaluate(OWN_DIGITS, "alfa"), "bravo": bravo.evaluate(OWN_DIGITS, "bravo")}
    verdict = verify(ZipFiles(io.BytesIO(Path(kept.value.path()).read_bytes())), digits)
    assert verdict.exit_code == 0, verdict.report

    # The browser notes what a node refuses by design: 403 where the person is to sign in once more, and 401 to a
    # reading that was under way from a seat when its person took another.
    by_design = re.compile(r"status of (403 .* /api/orders|401 .* /api/\S+)$")
    assert [line for line in (*here.complaints, *there.complaints) if not by_design.search(line)] == []
    assert here.violations() == there.violations() == []
