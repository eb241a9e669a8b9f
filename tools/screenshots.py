"""Makes the pictures of the documents.

`PYTHONPATH=src:tests python tools/screenshots.py [--to docs/images] [--only pages|demo]`
console.png, from the demo itself: Alfa's desk when Bravo's aircraft is predicted to cross Alfa's line and both desks
have been warned. Takes two to three minutes.
PAGE-LANG.png, each page in each language, from the development desk of the tests: parties, flights and words are
invented, and the screen says so; the record behind it is a real one of two made-up nodes.
"""

# A script of the maintainers, outside the package: it prints, runs the demo and looks at the clock.
# ruff: noqa: INP001, S603, T201, TID251

from __future__ import annotations

import argparse
import io
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Error, Page, sync_playwright

from browser.conftest import FLAGS, find_browser
from browser.serving import Desk, served
from browser.test_replay import replaying
from browser.test_sign_in import enrolled
from detente.node.web.assets import assets
from detente.types import Role
from node.recorded import recorded
from web.test_accounts import House

SIZE = {"width": 1920, "height": 1080}
PAGE_SIZE = {"width": 1600, "height": 900}
TELEPHONE = {"width": 390, "height": 844}
COLOURS = 160
SEEN_BEFORE = 'localStorage.setItem("detente.first-run", "seen");'
TOKENS = re.findall(r": #([0-9a-f]{6});", assets()["tokens.css"].body.decode())
LANGUAGES = ("en", "tr", "ru")
PATIENCE_S = 240.0

WARNED = """() => [...document.querySelectorAll("#alerts li.open")].some((row) => {
  const halves = [...row.querySelectorAll(".times tbody tr")];
  const shown = halves.filter((half) => /\\d\\d:\\d\\d/.test(half.querySelectorAll("td")[2].textContent));
  return row.textContent.includes("RECONSTRUCTION") && shown.length > 1;
})"""


@contextmanager
def demo(speed: float) -> Iterator[dict[str, str]]:
    """Run the demo while the block runs; yields each party's console address."""
    words = [sys.executable, "-m", "detente", "demo", "--speed", str(speed)]
    running = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert running.stdout is not None
    try:
        lines = (re.fullmatch(r"(\w+)\s+(http\S+)\s*", running.stdout.readline()) for _ in range(3))
        yield {line[1].lower(): line[2] for line in lines if line}
    finally:
        running.terminate()
        running.wait(PATIENCE_S)


def opened(page: Page, address: str) -> Page:
    """Return *page* at *address*, once the node listens there and shows its picture."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            page.goto(address)
            page.wait_for_selector("html[data-ready]", timeout=30_000)
        except Error:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
        else:
            return page


def until(page: Page, condition: str) -> None:
    """Wait until *condition* holds in the page: asked anew each time, for its policy forbids to evaluate text."""
    end = time.monotonic() + PATIENCE_S
    while not page.evaluate(condition):
        if time.monotonic() > end:
            sys.exit("tools/screenshots.py: what the picture is to show did not come about")
        page.wait_for_timeout(250)


def kept(page: Page, path: Path) -> None:
    """Keep what *page* shows, in few colours: a desk has some dozen, and the pictures travel with every clone."""
    page.mouse.move(960, 980)
    page.wait_for_timeout(600)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    # By count alone the rarest colours would go first, and those are the ones that mean something.
    common = picture.quantize(COLOURS - len(TOKENS), method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    palette = Image.new("P", (1, 1))
    palette.putpalette([*(common.getpalette() or []), *(part for token in TOKENS for part in bytes.fromhex(token))])
    picture.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}  {path.stat().st_size / 1000:.0f} kB")


def pages(browser: Browser, folder: Path) -> None:
    """Keep each page in each language."""
    with tempfile.TemporaryDirectory() as made_in:
        made = recorded(Path(made_in), messages=180, frames=120)
        with served(record=made.records, tracks=300) as desk:
            for lang in LANGUAGES:
                one_language(browser, desk.address, lang, folder)
                looking_back(browser, desk.address, lang, folder)
                elsewhere(browser, desk.address, lang, folder)
        made.store.close()
    with tempfile.TemporaryDirectory() as house_in, House(Path(house_in)).open() as desk:
        for lang in LANGUAGES:
            signing_in(browser, desk, lang, folder)


@contextmanager
def desk_in(browser: Browser, address: str, lang: str, size: dict[str, int] = PAGE_SIZE) -> Iterator[Page]:
    """A desk in *lang* that somebody has used before, a moment after it came to life."""
    context = browser.new_context(viewport=size)
    page = context.new_page()
    page.add_init_script(SEEN_BEFORE + f'localStorage.setItem("detente.lang", "{lang}")')
    opened(page, address)
    page.wait_for_timeout(1500)
    yield page
    context.close()


def one_language(browser: Browser, address: str, lang: str, folder: Path) -> None:
    with desk_in(browser, address, lang) as page:
        at_the_desk(page, lang, folder)


def looking_back(browser: Browser, address: str, lang: str, folder: Path) -> None:
    with desk_in(browser, address, lang) as page:
        replaying(page)
        kept(page, folder / f"replay-{lang}.png")


def elsewhere(browser: Browser, address: str, lang: str, folder: Path) -> None:
    """Keep the wall of the room, and the telephone of who is away from the desk."""
    with desk_in(browser, f"{address}wall", lang) as page:
        kept(page, folder / f"wall-{lang}.png")
    with desk_in(browser, address, lang, TELEPHONE) as page:
        page.locator("#narrow button").first.click()
        kept(page, folder / f"telephone-{lang}.png")


def signing_in(browser: Browser, desk: Desk, lang: str, folder: Path) -> None:
    """Keep what is shown beside the passkey when a word binds, and the first minute of a newcomer."""
    context = browser.new_context(viewport=PAGE_SIZE)
    page = context.new_page()
    enrolled(page, desk, Role.MILITARY, skips=False, lang=lang)
    page.wait_for_timeout(1500)
    kept(page, folder / f"first-run-{lang}.png")
    page.evaluate("() => document.querySelector('#tour-skip').click()")
    page.select_option("#compose-line", "military")
    page.fill("#composer textarea", "Cease descent at once")
    page.select_option("#compose-precedence", "Z")
    page.select_option("#compose-reason", "R06")
    page.locator("#composer button.main").click()
    page.wait_for_selector("#step-digest")
    kept(page, folder / f"step-up-{lang}.png")
    context.close()


def at_the_desk(page: Page, lang: str, folder: Path) -> None:
    kept(page, folder / f"map-{lang}.png")
    page.locator('[data-why="alfa-1"]').click()
    page.wait_for_selector("dialog.why")
    kept(page, folder / f"why-{lang}.png")
    page.keyboard.press("Escape")
    page.select_option("#seat", "foreign_service")
    page.wait_for_timeout(900)
    page.locator("#to-tables").click()
    page.wait_for_selector("#tables article")
    kept(page, folder / f"tables-{lang}.png")
    page.locator("#tables").focus()
    page.keyboard.press("9")
    page.locator('[data-log$="/ops/1"]').click()
    page.locator("#verify").click()
    page.wait_for_selector("#proved", timeout=60_000)
    page.fill("#dossier-name", "alfa-3")
    page.locator("#dossier-plan").click()
    page.wait_for_selector(".portions li")
    kept(page, folder / f"record-{lang}.png")
    page.locator("#record").focus()
    page.keyboard.press("0")
    page.wait_for_selector("[data-rule]")
    kept(page, folder / f"release-{lang}.png")


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--to", type=Path, default=Path("docs/images"))
    words.add_argument("--speed", type=float, default=1.0)
    words.add_argument("--only", choices=("pages", "demo"))
    given = words.parse_args()
    given.to.mkdir(parents=True, exist_ok=True)
    path = find_browser()
    if path is None:
        sys.exit("tools/screenshots.py: no Chromium is installed")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        if given.only != "demo":
            pages(browser, given.to)
        if given.only != "pages":
            from_the_demo(browser, given.speed, given.to)
        browser.close()
    return 0


def from_the_demo(browser: Browser, speed: float, folder: Path) -> None:
    """Keep Alfa's desk when both desks have been warned."""
    with demo(speed) as addresses:
        context = browser.new_context(viewport=SIZE)
        context.add_init_script(SEEN_BEFORE)
        alfa, bravo = (opened(context.new_page(), addresses[party]) for party in ("alfa", "bravo"))
        until(alfa, "async () => (await import('/static/store.js')).state.board.peers[0].released > 5")
        until(alfa, WARNED)
        bravo.bring_to_front()
        bravo.wait_for_timeout(3000)
        alfa.bring_to_front()
        alfa.keyboard.press("n")
        kept(alfa, folder / "console.png")


if __name__ == "__main__":
    sys.exit(main())
