"""What one picture costs the browser: 3,000 full symbols, 10,000 and 20,000 tracks at 1 Hz, headless, no GPU.

`PYTHONPATH=src:tests python benchmarks/console.py [--seconds 20] [--json]`. Columns: display
list and painting of each drawing (p50, p95, worst), pan in frames a second, heap at start and end, long tasks.
Budget (reference/console.md, 10): 15 ms p95 at 10,000, 25 ms at 20,000, pan 30 frames a second, heap 40 MB and flat.
Exit code 1 when a figure is above twice its budget.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import sys
from typing import Any

from playwright.sync_api import Page, sync_playwright
from rich.console import Console
from rich.progress import track
from rich.table import Table

from browser.conftest import FLAGS, find_browser
from browser.serving import served

BUDGET_MS = {3_000: 51.0, 10_000: 15.0, 20_000: 25.0}
WARM_UPDATES = 3

# Take what each drawing of the map cost: display list and painting. A new frame, a new board and a flash each draw.
MEASURE = """
async (seconds) => {
  const { state } = await import("/static/store.js");
  const p = (list, q) => list.sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(q * list.length))];
  const draws = [], tasks = [];
  const watch = (list) => list.getEntries().forEach((entry) => tasks.push(entry.duration));
  new PerformanceObserver(watch).observe({ entryTypes: ["longtask"] });
  let last = state.drawMs;
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until) {
    await new Promise((r) => requestAnimationFrame(r));
    if (state.drawMs !== last) draws.push((last = state.drawMs));
  }
  return { updates: draws.length, draw_p50: p(draws, 0.5), draw_p95: p(draws, 0.95), draw_worst: Math.max(...draws),
    long_tasks: tasks.length, longest: Math.max(0, ...tasks), shown: state.shown, n: state.tracks.n };
}
"""

PAN = """
async () => {
  const sky = document.querySelector("#sky"), box = sky.getBoundingClientRect();
  const at = (type, clientX, buttons) =>
    sky.dispatchEvent(new PointerEvent(type, { clientX, clientY: box.top + 300, pointerId: 1, buttons }));
  sky.setPointerCapture = () => undefined;
  let frames = 0;
  const began = performance.now();
  at("pointerdown", box.left + 400, 1);
  while (performance.now() - began < 2000) {
    at("pointermove", box.left + 400 + 120 * Math.sin((performance.now() - began) / 300), 1);
    await new Promise((r) => requestAnimationFrame(r));
    frames += 1;
  }
  at("pointerup", box.left + 400, 0);
  return frames / 2;
}
"""


def heap_mb(page: Page) -> float:
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")["usedSize"] / 1e6
    session.detach()
    return used


def measure(page: Page, seconds: float) -> dict[str, Any]:
    page.wait_for_timeout(WARM_UPDATES * 1000)
    before = heap_mb(page)
    figures = page.evaluate(MEASURE, seconds)
    return figures | {"pan_fps": page.evaluate(PAN), "heap_mb": [round(before, 1), round(heap_mb(page), 1)]}


def run(seconds: float, sizes: list[int]) -> list[dict[str, Any]]:
    rows = []
    path = find_browser()
    if path is None:
        sys.exit("benchmarks/console.py: no Chromium is installed")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        for size in track(sizes, "console", disable=not sys.stderr.isatty()):
            with served(tracks=size) as desk:
                page = browser.new_page(viewport={"width": 1920, "height": 1080})
                page.goto(desk.address)
                page.wait_for_selector("html[data-ready]")
                first_ms = page.evaluate("performance.getEntriesByType('paint').at(-1).startTime")
                page.keyboard.press("h")
                for _ in range(4):  # everything in view
                    page.keyboard.press("-")
                rows.append({"tracks": size, "first_paint_ms": first_ms, **measure(page, seconds)})
                page.close()
        browser.close()
    return rows


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--seconds", type=float, default=20)
    words.add_argument("--tracks", type=int, nargs="*", default=list(BUDGET_MS))
    words.add_argument("--json", action="store_true")
    given = words.parse_args()
    rows = run(given.seconds, given.tracks)
    if given.json:
        print(
            json.dumps(
                {"machine": platform.platform(), "browser": shutil.which("chromium-headless-shell"), "rows": rows}
            )
        )
    else:
        table = Table(
            "tracks", "shown", "draw p50 ms", "p95", "worst", "budget p95", "pan frames/s", "heap MB", "long tasks"
        )
        for row in rows:
            table.add_row(
                *map(str, (row["tracks"], row["shown"]["tracks"])),
                *(f"{row[k]:.1f}" for k in ("draw_p50", "draw_p95", "draw_worst")),
                f"{BUDGET_MS.get(row['tracks'], float('nan'))}",
                f"{row['pan_fps']:.0f}",
                f"{row['heap_mb'][0]} → {row['heap_mb'][1]}",
                f"{row['long_tasks']}, longest {row['longest']:.0f} ms",
            )
        Console().print(table)
    over = [row["tracks"] for row in rows if row["draw_p95"] > 2 * BUDGET_MS.get(row["tracks"], float("inf"))]
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
