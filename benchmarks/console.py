"""What the console costs the browser, against its budget: headless Chromium, no GPU.

`PYTHONPATH=src:tests python benchmarks/console.py [--seconds 20] [--tracks 10000 20000] [--json]` prints the budget as
a table: first picture; a drawing at 10,000 and 20,000 tracks and 1 Hz; a key; pan; a queue of 200 alerts redrawn each
second; heap; size of what is served; requests off the origin. `--soak 600`: so long at 20,000
tracks, the heap every half minute, and the longest task: by the wall, and by the processor time of the page's main
thread (`tdur` of a trace). Exit code 1 when a figure is above twice its budget.

Each time stands twice: by the wall clock, which on a machine with other work measures that work too, and as time of the
page's main thread on the processor, the mean of many (CDP `Performance`, thread ticks). The budget is held against the
second; the first is what the desk felt. The queue's is what one redraw a second adds, with style, layout and paint,
to a frame of a desk that has no queue: `Page.queue`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import platform
import sys
import time
from dataclasses import dataclass
from statistics import median
from typing import Any

from playwright.sync_api import Browser, sync_playwright
from rich.console import Console
from rich.progress import track
from rich.table import Table

from browser.conftest import FLAGS, find_browser
from browser.serving import Desk, served
from detente.node.web.assets import assets

DRAW_MS = {3_000: 51.0, 10_000: 15.0, 20_000: 25.0}
FIRST_PICTURE_MS, INPUT_MS, QUEUE_MS, HEAP_MB, ASSETS_KB = 1_000.0, 50.0, 10.0, 40.0, 500.0
PAN_FPS = 30.0
LONG_TASK_MS = 100.0
HEAP_GROWTH_MB_PER_MIN = 0.5
WARM_UPDATES = 3

# What each drawing of the map cost: display list and painting. A new frame, a new board and a flash each draw.
DRAWS = """
async (seconds) => {
  const { state } = await import("/static/store.js");
  const p = (list, q) => list.sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(q * list.length))];
  const draws = [], tasks = [];
  const watch = (list) => list.getEntries().forEach((entry) => tasks.push(entry.duration));
  const observer = new PerformanceObserver(watch);
  observer.observe({ entryTypes: ["longtask"] });
  let last = state.drawMs;
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until) {
    await new Promise((r) => requestAnimationFrame(r));
    if (state.drawMs !== last) draws.push((last = state.drawMs));
  }
  observer.disconnect();
  return { updates: draws.length, draw_p50: p(draws, 0.5), draw_p95: p(draws, 0.95), draw_worst: Math.max(...draws),
    long_tasks: tasks.map(Math.round), shown: state.shown.tracks };
}
"""

# The time from a key press to its handler: the browser's own measure.
DELAYS = """
() => {
  window.delays = [];
  const told = (list) => list.getEntries().forEach((e) => window.delays.push(e.processingStart - e.startTime));
  new PerformanceObserver(told).observe({ type: "event", durationThreshold: 16, buffered: false });
}
"""

LONG_TASKS = """
() => {
  if (window.tasks) return void (window.tasks = []);
  window.tasks = [];
  const told = (list) => list.getEntries().forEach((e) => window.tasks.push(Math.round(e.duration)));
  new PerformanceObserver(told).observe({ entryTypes: ["longtask"] });
}
"""

# A desk that somebody has used before: the walk through it stands over no measurement.
SEEN_BEFORE = 'localStorage.setItem("detente.first-run", "seen")'
TASK = "ThreadControllerImpl::RunTask"
LONG_US = 20_000

# Two hundred alerts as a node tells them: each second every prediction is a little another, and of five the rung.
QUEUE = """
async (n) => {
  const { alerts, tickAlerts } = await import("/static/panels/alerts.js");
  const { html, render } = await import("/static/html.js");
  const { acts } = await import("/static/main.js");
  const { state } = await import("/static/store.js");
  const now = state.live.board, one = now.alerts.find((row) => row.state === "active");
  const place = document.querySelector("#left");
  const named = (i, k) => ({
    ...structuredClone(one), alert: "alfa-" + (1000 + i), updated_at_ms: now.at_ms + k,
    event_at_ms: now.at_ms + 600_000 + 1000 * i + 137 * k,
    distance_m: 4000 + 37 * ((i * 7 + k * 3) % 50), latitude_e7: one.latitude_e7 + k, rung: (i + k) % 40 === 0 ? 1 : 0,
  });
  const rows = (k) => (k < 0 ? [] : Array.from({ length: 200 }, (_, i) => named(i, k)));
  const of = (k) => JSON.parse(JSON.stringify({ ...now, alerts: rows(k), alerts_total: k < 0 ? 0 : 3114 }));
  const boards = Array.from({ length: n + 2 }, (_, k) => of(k - 1));
  let board = boards[0];
  Object.defineProperty(state, "board", { get: () => board, set: () => undefined, configurable: true });
  const painted = () => new Promise((r) => requestAnimationFrame(() => setTimeout(r, 0)));
  const clock = document.querySelector(".clock");
  window.queue = async (k) => {
    board = boards[k + 1];
    clock.firstChild.data = `12:00:${String(k + 10).slice(-2)}Z`;
    render(html`<div class="column">${alerts(acts)}</div>`, place);
    tickAlerts(place);
    await painted();
  };
  window.clockOnly = async (k) => {
    clock.firstChild.data = `11:00:${String(k + 10).slice(-2)}Z`;
    await painted();
  };
  await window.queue(-1);
}
"""

# Many of one thing, one after the other, each from a task of its own; returns the wall time of each.
MANY = {
    "draw": """
async (n) => {
  const { readFrame } = await import("/static/map/tracks.js");
  const { state } = await import("/static/store.js");
  const { situation } = await import("/static/main.js");
  const bytes = await new Promise((done) => {
    const line = new WebSocket(`ws://${location.host}/live`);
    line.binaryType = "arraybuffer";
    line.onmessage = ({ data }) => typeof data !== "string" && (line.close(), done(data));
  });
  const took = [];
  for (let k = 0; k < n; k++) {
    await new Promise((r) => setTimeout(r, 0));
    const began = performance.now();
    const tracks = readFrame(bytes);
    situation.frame(tracks);
    state.tracks = tracks;
    situation.draw();
    took.push(performance.now() - began);
  }
  return took;
}
""",
    "key": """
async (n) => {
  const took = [];
  for (let k = 0; k < n; k++) {
    await new Promise((r) => setTimeout(r, 0));
    const began = performance.now();
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key: k % 2 ? "[" : "]", bubbles: true }));
    took.push(performance.now() - began);
    await new Promise((r) => requestAnimationFrame(() => setTimeout(r, 0)));
  }
  return took;
}
""",
    "pan": """
async (n) => {
  const sky = document.querySelector("#sky"), box = sky.getBoundingClientRect(), took = [];
  const at = (type, clientX, buttons) =>
    sky.dispatchEvent(new PointerEvent(type, { clientX, clientY: box.top + 300, pointerId: 1, buttons }));
  sky.setPointerCapture = () => undefined;
  at("pointerdown", box.left + 400, 1);
  for (let k = 0; k < n; k++) {
    const began = performance.now();
    at("pointermove", box.left + 400 + 120 * Math.sin(k / 18), 1);
    await new Promise((r) => requestAnimationFrame(r));
    took.push(performance.now() - began);
  }
  at("pointerup", box.left + 400, 0);
  return took;
}
""",
}


@dataclass
class Figure:
    """One line of the budget."""

    what: str
    value: float
    budget: float
    unit: str
    wall: float | None = None  # as the desk felt it, the 95th percentile; None: not a time

    @property
    def held(self) -> bool:
        return self.value <= self.budget


class Page:
    """A page on a desk, with a look at its main thread's time on the processor."""

    def __init__(self, browser: Browser, desk: Desk) -> None:
        self.page = browser.new_page(viewport={"width": 1920, "height": 1080})
        self.page.add_init_script(SEEN_BEFORE)
        self.strays: list[str] = []
        mine = (desk.address, "data:", "blob:")
        self.page.on("request", lambda r: None if r.url.startswith(mine) else self.strays.append(r.url))
        self.cdp = self.page.context.new_cdp_session(self.page)
        self.cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
        self.page.goto(desk.address)
        self.page.wait_for_selector("html[data-ready]")

    def cpu_ms(self) -> float:
        """Return what the main thread has spent in tasks so far, ms of processor time."""
        metrics = {m["name"]: m["value"] for m in self.cdp.send("Performance.getMetrics")["metrics"]}
        return metrics["TaskDuration"] * 1000

    def heap_mb(self) -> float:
        self.cdp.send("HeapProfiler.collectGarbage")
        return self.cdp.send("Runtime.getHeapUsage")["usedSize"] / 1e6

    def many(self, what: str, n: int) -> tuple[float, float]:
        """Do *what* n times; return the mean of processor time, and the 95th percentile of wall time, ms each."""
        before = self.cpu_ms()
        took = sorted(self.page.evaluate(MANY[what], n))
        return (self.cpu_ms() - before) / n, took[int(0.95 * len(took))]

    def queue(self, n: int) -> tuple[float, float]:
        """Redraw a queue of 200 *n* times, a second apart; return what one adds to a frame and takes by the wall, ms.

        Less a frame of the same desk without a queue in which only the clock goes on: the desk paints that one anyway.
        Medians, because now and then the desk's own drawing falls into a frame.
        """
        self.page.evaluate(QUEUE, n)
        without, _ = self._seconds("clockOnly", n)
        self.page.evaluate("window.queue(0)")
        adds, walls = self._seconds("queue", n)
        return median(adds) - median(without), sorted(walls)[int(0.95 * n)]

    def _seconds(self, does: str, n: int) -> tuple[list[float], list[float]]:
        """Have the page do one thing a second; return each one's time until it is painted: processor's, wall's."""
        cpu, wall = [], []
        for k in range(1, n + 1):
            self.page.wait_for_timeout(1000)
            before, began = self.cpu_ms(), time.monotonic()
            self.page.evaluate(f"window.{does}({k})")
            wall.append((time.monotonic() - began) * 1000)
            cpu.append(self.cpu_ms() - before)
        return cpu, wall


def measured(browser: Browser, size: int, seconds: float) -> tuple[list[Figure], dict[str, Any]]:
    with served(tracks=size) as desk:
        on = Page(browser, desk)
        first_ms = on.page.evaluate("performance.getEntriesByType('paint').at(-1).startTime")
        first_cpu_ms = on.cpu_ms()
        on.page.keyboard.press("h")
        for _ in range(4):
            on.page.keyboard.press("-")
        on.page.wait_for_timeout(WARM_UPDATES * 1000)
        before = on.heap_mb()
        draws = on.page.evaluate(DRAWS, seconds)
        on.page.evaluate(DELAYS)
        for k in range(20):
            on.page.keyboard.press("[" if k % 2 else "]")
            on.page.wait_for_timeout(170)
        delays = sorted(on.page.evaluate("window.delays"))
        did = {what: on.many(what, n) for what, n in {"draw": 60, "key": 40, "pan": 60}.items()}
        after = on.heap_mb()
        on.page.close()
    delay = delays[int(0.95 * len(delays))] if delays else 0.0
    figures = [
        Figure(f"first picture, {size:,} tracks", first_cpu_ms, FIRST_PICTURE_MS, "ms", first_ms),
        Figure(f"drawing, {size:,}", did["draw"][0], DRAW_MS.get(size, 25.0), "ms", draws["draw_p95"]),
        Figure(f"key, {size:,}", did["key"][0], INPUT_MS, "ms", delay + did["key"][1]),
        Figure(f"pan, a frame, {size:,}", did["pan"][0], 1000 / PAN_FPS, "ms", did["pan"][1]),
        Figure(f"heap, {size:,}", after, HEAP_MB, "MB"),
        Figure("requests off the origin", len(on.strays), 0, ""),
    ]
    return figures, {"tracks": size, "first_ms": first_ms, "heap_mb": [before, after], "many": did} | draws


def queued(browser: Browser) -> Figure:
    """Measure the queue on a desk of few tracks, so that the map's own drawings are not counted as the queue's."""
    with served(tracks=40) as desk:
        on = Page(browser, desk)
        on.page.wait_for_timeout(WARM_UPDATES * 1000)
        cpu, wall = on.queue(20)
        on.page.close()
    return Figure("queue of 200 at 1 Hz, a redraw", cpu, QUEUE_MS, "ms", wall)


def loaded_kb(browser: Browser) -> float:
    """Return the size of what a Russian desk asks for, the most of the three, packed as a server in front would."""
    bodies = {f"/static/{path}": asset.body for path, asset in assets().items()}
    asked: set[str] = set()
    with served(tracks=40) as desk:
        page = browser.new_page(viewport={"width": 1920, "height": 1080})
        page.add_init_script('localStorage.setItem("detente.lang", "ru")')
        page.on("request", lambda request: asked.add(request.url.removeprefix(desk.address.rstrip("/"))))
        page.goto(desk.address)
        page.wait_for_selector("html[data-ready]")
        page.wait_for_timeout(2000)
        page.close()
    return sum(len(gzip.compress(bodies[path])) for path in asked & set(bodies)) / 1000


class Trace:
    """What the browser's threads do meanwhile: of the page's main thread, its long tasks by wall and processor time."""

    def __init__(self, browser: Browser) -> None:
        self._cdp = browser.new_browser_cdp_session()
        self._main: set[tuple[int, int]] = set()  # (process, thread)
        self._long: list[tuple[int, int, dict[str, Any]]] = []
        self._done = False
        self._cdp.on("Tracing.dataCollected", self._take)
        self._cdp.on("Tracing.tracingComplete", lambda _: setattr(self, "_done", True))
        wanted = {"includedCategories": ["toplevel", "devtools.timeline"], "excludedCategories": ["*"]}
        self._cdp.send("Tracing.start", {"traceConfig": wanted, "transferMode": "ReportEvents"})

    def _take(self, told: dict[str, Any]) -> None:
        for event in told["value"]:
            place = (event["pid"], event["tid"])
            if event["name"] == "FunctionCall":
                self._main.add(place)
            if event.get("ph") == "X" and event.get("dur", 0) > LONG_US:
                self._long.append((*place, event))

    def ended(self, page: Any) -> tuple[list[tuple[float, float]], list[tuple[str, float, float]]]:
        """Return the main thread's long tasks, and the steps inside the longest ones: (name, wall, processor) ms."""
        self._cdp.send("Tracing.end")
        while not self._done:
            page.wait_for_timeout(50)
        mine = [event for pid, tid, event in self._long if (pid, tid) in self._main]
        tasks = [(event["dur"] / 1000, event.get("tdur", 0) / 1000) for event in mine if event["name"] == TASK]
        steps = [(e["name"], e["dur"] / 1000, e.get("tdur", 0) / 1000) for e in mine if e["name"] != TASK]
        return tasks, sorted(steps, key=lambda step: -step[2])[:20]


def soaked(browser: Browser, seconds: float, size: int) -> tuple[list[Figure], dict[str, Any]]:
    """Let a page stand for *seconds* at *size* tracks; heap every half minute, every long task.

    Two readings of the heap differ by the frames that are under way, some megabytes: growth is told by ten minutes.
    """
    with served(tracks=size) as desk:
        on = Page(browser, desk)
        for _ in range(4):
            on.page.keyboard.press("-")
        on.page.wait_for_timeout(10_000)  # trails, labels and the compiler settle
        heaps, busy_s, stood_s, tasks, steps, walls = [on.heap_mb()], 0.0, 0.0, [], [], []
        for _ in track(range(max(1, round(seconds / 30))), "soak", disable=not sys.stderr.isatty()):
            # A trace a half minute, and none while we ourselves have the garbage collected.
            on.page.evaluate(LONG_TASKS)
            trace, cpu_ms, began = Trace(browser), on.cpu_ms(), time.monotonic()
            on.page.wait_for_timeout(30_000)
            busy_s += (on.cpu_ms() - cpu_ms) / 1000
            stood_s += time.monotonic() - began
            walls += on.page.evaluate("window.tasks")
            found, inside = trace.ended(on.page)
            tasks += found
            steps += inside
            heaps.append(on.heap_mb())
            on.page.wait_for_timeout(100)
        on.page.close()
    minutes = max(1, len(heaps) - 1) / 2
    third = max(1, len(heaps) // 3)
    growth = (sum(heaps[-third:]) / third - sum(heaps[:third]) / third) / (minutes * 2 / 3)
    longest = max((cpu for _, cpu in tasks), default=0.0)
    figures = [
        Figure(f"soak {seconds:.0f} s, {size:,}: longest task", longest, LONG_TASK_MS, "ms", max(walls, default=0)),
        Figure("soak: heap at the end", heaps[-1], HEAP_MB, "MB"),
        Figure("soak: heap grows a minute", growth, HEAP_GROWTH_MB_PER_MIN, "MB"),
        Figure("soak: requests off the origin", len(on.strays), 0, ""),
        Figure("soak: main thread, of one core", 100 * busy_s / stood_s, 100, "%"),
    ]
    row = {"seconds": seconds, "tracks": size, "heaps_mb": heaps, "long_tasks_wall": walls, "long_tasks": tasks}
    return figures, row | {"steps": sorted(steps, key=lambda step: -step[2])[:20]}


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--seconds", type=float, default=20)
    words.add_argument("--tracks", type=int, nargs="*", default=[10_000, 20_000])
    words.add_argument("--soak", type=float, default=0, help="seconds; instead of the table")
    words.add_argument("--json", action="store_true")
    given = words.parse_args()
    path = find_browser()
    if path is None:
        sys.exit("benchmarks/console.py: no Chromium is installed")
    figures: list[Figure] = []
    rows: list[dict[str, Any]] = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        if given.soak:
            figures, row = soaked(browser, given.soak, max(given.tracks))
            rows.append(row)
        else:
            for size in track(given.tracks, "console", disable=not sys.stderr.isatty()):
                found, row = measured(browser, size, given.seconds)
                figures += [figure for figure in found if figure.what not in {f.what for f in figures}]
                rows.append(row)
            figures.append(queued(browser))
            figures.append(Figure("loaded by a desk, gzip", loaded_kb(browser), ASSETS_KB, "kB"))
        browser.close()
    if given.json:
        told = [{"what": f.what, "value": f.value, "budget": f.budget, "held": f.held, "wall": f.wall} for f in figures]
        print(json.dumps({"machine": platform.platform(), "browser": path, "figures": told, "rows": rows}))
    else:
        table = Table("what", "measured", "budget", "", "by the wall, p95")
        for f in figures:
            wall = "" if f.wall is None else f"{f.wall:,.0f} {f.unit}"
            verdict = "" if f.held else "missed"
            table.add_row(f.what, f"{f.value:,.1f} {f.unit}", f"≤ {f.budget:,.1f} {f.unit}", verdict, wall)
        Console().print(table)
    return 1 if any(f.value > 2 * f.budget for f in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
