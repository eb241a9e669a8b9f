"""Makes the pictures of the README from the demo itself.

`PYTHONPATH=src:tests python tools/screenshots.py [--to docs/images]`
console.png: Alfa's desk when Bravo's aircraft is predicted to cross Alfa's line and both desks have been warned.
policy-view.png: what leaves for Bravo under Alfa's policy, over the ordinary traffic. Takes two to three minutes.
"""

# A script of the maintainers, outside the package: it prints, runs the demo and looks at the clock.
# ruff: noqa: INP001, S603, T201, TID251

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Error, Page, sync_playwright

from browser.conftest import FLAGS, find_browser

SIZE = {"width": 1920, "height": 1080}
PATIENCE_S = 240.0

WARNED = """() => [...document.querySelectorAll("#alerts li.open")].some((row) => {
  const halves = [...row.querySelectorAll(".times tbody tr")];
  const shown = halves.filter((half) => /\\d\\d:\\d\\d/.test(half.querySelectorAll("td")[2].textContent));
  return row.textContent.includes("RECONSTRUCTION") && shown.length > 1;
})"""

BUSIEST = """async () => {
  const { state } = await import("/static/store.js");
  const near = [...state.tracks.number.keys()].filter((i) => state.tracks.lat[i] > 47 && state.tracks.lat[i] < 51);
  const middle = near.sort((p, q) => state.tracks.lat[p] - state.tracks.lat[q])[near.length >> 1];
  return state.tracks.number[middle];
}"""


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
        running.wait(30)


def opened(page: Page, address: str) -> Page:
    """Return *page* at *address*, once the node listens there and shows its picture."""
    until = time.monotonic() + 90
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
    page.mouse.move(960, 980)
    page.wait_for_timeout(600)
    page.screenshot(path=path)
    print(f"{path}  {path.stat().st_size / 1000:.0f} kB")


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--to", type=Path, default=Path("docs/images"))
    words.add_argument("--speed", type=float, default=1.0)
    given = words.parse_args()
    given.to.mkdir(parents=True, exist_ok=True)
    path = find_browser()
    if path is None:
        sys.exit("tools/screenshots.py: no Chromium is installed")
    with demo(given.speed) as addresses, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        alfa, bravo = (opened(browser.new_page(viewport=SIZE), addresses[party]) for party in ("alfa", "bravo"))
        until(alfa, "async () => (await import('/static/store.js')).state.board.peers[0].released > 5")
        until(alfa, WARNED)
        bravo.bring_to_front()
        bravo.wait_for_timeout(3000)
        alfa.bring_to_front()
        alfa.keyboard.press("n")
        kept(alfa, given.to / "console.png")
        alfa.keyboard.press("7")
        alfa.evaluate("(number) => import('/static/main.js').then((m) => m.acts.see(number))", alfa.evaluate(BUSIEST))
        alfa.keyboard.press("-")
        alfa.get_by_role("button", name="As Bravo sees it").click()
        kept(alfa, given.to / "policy-view.png")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
