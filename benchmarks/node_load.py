"""One node under load, in a process of its own: CPU, memory, and how long a plot takes to be an alert at the peer's.

`detente bench node_load` or `python benchmarks/node_load.py [--rate 1000] [--seconds 60] [--release line]
[--flood 200] [--json]`.

Alfa and Bravo run as `detente run` would, each in a process, linked over mutual TLS on loopback. Alfa hears 4,000
airliners through one live SBS connection, two lines (velocity, position) a plot, *rate* plots a second. They fly in
lanes 8 NM and 1,000 ft apart (some fifty times as dense as Europe) and never meet, so that the picture is measured and
not the alerts. Every 2 s one more aircraft appears and flies at a line that Bravo notified; every second Bravo says a
FLASH to Alfa. *CPU* is user and system time of Alfa's process in percent of one core, *RSS* its resident memory.
*Plot to alert* is from the aircraft's newest plot before the alert, written to the socket, to Bravo's board with the
alert on it (one monotonic clock for all processes). *FLASH to held* is from the order at Bravo's desk to Alfa's receipt
on Bravo's board: signed, on Bravo's disk, over the link, on the loaded node's disk, and back.

`--flood 200` has Bravo say 200 things a second as well, ten times what Alfa takes of a peer (threat-model row 2). *Plot
to own alert* is the same as *plot to alert*, on Alfa's own board. `--seconds 1800` makes it half an hour.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import math
import os
import platform
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from detente.config import (
    Config,
    DetectionConfig,
    ListenConfig,
    NodeConfig,
    PeerConfig,
    ReleaseConfig,
    SbsFeed,
)
from detente.desk.orders import SendText
from detente.engine.values import OrderGiven
from detente.errors import OrderRefused
from detente.node import garbage
from detente.node.clock import SystemClock
from detente.node.keyring import confirm_peer, keep_peer, make_keyring
from detente.node.party import Node, warm
from detente.node.sqlite import SqliteStore
from detente.types import Role

AIRCRAFT = 4_000
SIDE, LEVELS, APART_NM = 32, 4, 8.0
LINE_SOUTH_DEG = 48.5
FLY_AT_S, FLIGHT_S, MEETERS = 100.0, 60.0, 36
SPEED_KT = 450.0
WARM_S = 15.0

ZONE = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "properties": {
                "zone_id": "bravo-line",
                "name": "Bravo's line",
                "kind": "border",
                "asserted_by": "bravo",
                "floor_ft": None,
                "ceiling_ft": None,
                "margin_m": 5000.0,
                "resolution_m": 10.0,
                "exempt": ["bravo"],
            },
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[1, LINE_SOUTH_DEG], [10, LINE_SOUTH_DEG], [10, 50], [1, 50], [1, LINE_SOUTH_DEG]]],
            },
        }
    ],
}
POLICIES = {
    "all": "",
    "line": 'when = { line = { zone = "bravo-line", within_nm = 60 } }\n',
}
POLICY = """name = "for the load"
[[rule]]
name = "{name}"
effect = "release"
to = ["bravo"]
{when}give = {{ fields = ["position", "altitude", "velocity", "callsign", "identity", "declaration"] }}
"""


# --- one node in its process ---------------------------------------------------------------------------------------


def configured(folder: Path, party: str, ports: dict[str, int]) -> Config:
    other = "bravo" if party == "alfa" else "alfa"
    sbs = [SbsFeed(name="sbs", address=f"127.0.0.1:{ports['sbs']}")] if party == "alfa" else []
    return Config(
        node=NodeConfig(party=party, name=party.title(), node=f"{party}.example/detente"),
        listen=ListenConfig(console=f"127.0.0.1:{ports[party + '-desk']}", link=f"127.0.0.1:{ports[party]}"),
        peer=[
            PeerConfig(
                party=other, name=other.title(), node=f"{other}.example/detente", link=f"127.0.0.1:{ports[other]}"
            )
        ],
        feed=sbs,
        detection=DetectionConfig(profile="en-route", zones=[str(folder / "line.geojson")]),
        release=ReleaseConfig(policy=str(folder / "policy.toml") if party == "alfa" else ""),
    )


async def run_node(folder: Path, party: str, ports: dict[str, int], flood_per_s: float) -> None:
    """Run one node until it is terminated; it says each alert on stdout as soon as it is on its board."""
    with garbage.unlooked():
        node = Node.open(configured(folder, party, ports), folder / party)
        await asyncio.to_thread(warm)
    running = asyncio.create_task(_ran(node))
    watching = [asyncio.create_task(watch(node))]
    if party == "bravo":
        watching.append(asyncio.create_task(call(node)))
        if flood_per_s:
            watching.append(asyncio.create_task(flood(node, flood_per_s)))
    try:
        await running
    finally:
        for task in watching:
            task.cancel()


async def _ran(node: Node) -> None:
    async with garbage.short_looks():
        await node.run()


async def watch(node: Node) -> None:
    seen: set[str] = set()
    version = 0
    while True:
        version = await node.desk.wait(version)
        for row in node.desk.board("operator").alerts:
            if row.alert not in seen and row.zone:
                seen.add(row.alert)
                print(json.dumps(["alert", time.monotonic_ns(), row.a.label]), flush=True)
        await asyncio.sleep(0.01)


async def call(node: Node) -> None:
    """Say a FLASH to Alfa every second and tell how long each took to be held there."""
    while True:
        await asyncio.sleep(1.0)
        order = SendText("alfa", "watch", "Z", "line test under load", reason="R05")
        begun = time.monotonic_ns()
        try:
            said = await node.inbox.ask(OrderGiven(order, Role.DUTY_OFFICER))
        except OrderRefused:
            continue  # no link yet
        version = 0
        while not is_held(node, said["message"]):
            version = await node.desk.wait(version)
        print(json.dumps(["flash", time.monotonic_ns() - begun, ""]), flush=True)


async def flood(node: Node, per_s: float) -> None:
    """Say *per_s* things a second to Alfa, whether it takes them or not; tell how many stand in the record."""
    order = SendText("alfa", "watch", "R", "one of very many")
    said, began = 0, time.monotonic()
    while True:
        due = int((time.monotonic() - began) * per_s)
        while said < due:
            said += 1
            with contextlib.suppress(OrderRefused):
                await node.inbox.ask(OrderGiven(order, Role.DUTY_OFFICER))
                print(json.dumps(["said", time.monotonic_ns(), ""]), flush=True)
        await asyncio.sleep(0.02)


def is_held(node: Node, message: object) -> bool:
    rows = [row for row in node.desk.board("operator").messages if row.message == message]
    return any(half.party == "alfa" and half.held_at_ms is not None for row in rows for half in row.halves)


# --- the sky --------------------------------------------------------------------------------------------------------


def line_of(icao: int, flown_s: float) -> bytes:
    """Return the two SBS lines of aircraft *icao* after *flown_s*: in a lane, or northward at the line."""
    if icao < AIRCRAFT:
        level, cell = divmod(icao, SIDE * SIDE)
        row, column = divmod(cell, SIDE)
        east = level % 2 == 0
        latitude = 43.2 + row * APART_NM / 60.0
        nm = column * APART_NM + (flown_s if east else -flown_s) * SPEED_KT / 3600.0
        longitude, track, feet = (
            5.0 + nm / 60.0 / math.cos(math.radians(45.0)),
            90 if east else 270,
            31_000 + level * 1_000,
        )
    else:
        k = (icao - AIRCRAFT) % MEETERS
        latitude = LINE_SOUTH_DEG - (FLY_AT_S - flown_s) * SPEED_KT / 3600.0 / 60.0
        longitude, track, feet = 1.5 + k * 0.2, 0, 37_000
    name = f"{0x400000 + icao:06X}"
    head = f",1,1,{name},1,,,,,"
    return (
        f"MSG,4{head},,{SPEED_KT},{track},,,0,,,,,0\r\n"
        f"MSG,3{head},{feet},,,{latitude:.6f},{longitude:.6f},,,0,0,0,0\r\n"
    ).encode()


class Sky:
    """Writes the stream and remembers when each plot of a staged aircraft was written."""

    def __init__(self, rate: float, every_s: float) -> None:
        self.rate, self.every_s = rate, every_s
        self.written: dict[str, list[int]] = {}
        self.plots = 0
        self._ends = False

    def end(self) -> None:
        self._ends = True

    async def serve(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        began = time.monotonic()
        staged: list[tuple[int, float, float]] = []  # icao, since, next plot
        background, meeter = 0, 0
        with contextlib.suppress(ConnectionError):
            while not self._ends:
                now = time.monotonic() - began
                due = int(now * self.rate) - background
                chunk = b"".join(line_of((background + i) % AIRCRAFT, now) for i in range(due))
                background += due
                self.plots += due
                if now > WARM_S and now > WARM_S + meeter * self.every_s:
                    staged.append((AIRCRAFT + meeter, now, now))
                    meeter += 1
                still = []
                for icao, since, at in staged:
                    if now >= at:
                        chunk += line_of(icao, now - since)
                        self.plots += 1
                        self.written.setdefault(f"{0x400000 + icao:06x}", []).append(time.monotonic_ns())
                    if now - since < FLIGHT_S:
                        still.append((icao, since, at + 4.0 if now >= at else at))
                staged = still
                writer.write(chunk)
                await writer.drain()
                await asyncio.sleep(0.02)
        writer.close()


# --- the measuring --------------------------------------------------------------------------------------------------


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mb(pid: int) -> float:
    words = Path(f"/proc/{pid}/status").read_text().split()
    return int(words[words.index("VmRSS:") + 1]) / 1024.0


@contextlib.asynccontextmanager
async def nodes(
    folder: Path, ports: dict[str, int], profile: Path | None, flood_per_s: float
) -> AsyncIterator[dict[str, Any]]:
    running = {}
    try:
        for party in ("bravo", "alfa"):
            words = [__file__, "--node", party, str(folder), json.dumps(ports), str(flood_per_s)]
            if profile is not None and party == "alfa":
                words = ["-m", "cProfile", "-o", str(profile), *words]
            errors = (folder / f"{party}.log").open("wb")
            running[party] = await asyncio.create_subprocess_exec(
                sys.executable, *words, stdout=asyncio.subprocess.PIPE, stderr=errors
            )
        yield running
    finally:
        for process in running.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(2)
        for process in running.values():
            try:
                await asyncio.wait_for(process.wait(), 10)
            except TimeoutError:
                process.kill()


def prepared(folder: Path, release: str) -> dict[str, int]:
    """Make keys, pair the two, write line and policy; return the ports."""
    clock = SystemClock()
    rings = {p: make_keyring(folder / p / "keys", f"{p}.example/detente", clock.now()) for p in ("alfa", "bravo")}
    for party, other in (("alfa", "bravo"), ("bravo", "alfa")):
        keep_peer(folder / party / "keys", rings[other].pairing)
        confirm_peer(folder / party / "keys", rings[other].node, rings[other].own_digits, clock.now())
        SqliteStore(folder / party / "record.sqlite", create=True).close()
    (folder / "line.geojson").write_text(json.dumps(ZONE))
    (folder / "policy.toml").write_text(POLICY.format(name=release, when=POLICIES[release]))
    held = [socket.socket() for _ in range(5)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = dict(
        zip(("alfa", "bravo", "alfa-desk", "bravo-desk", "sbs"), (s.getsockname()[1] for s in held), strict=True)
    )
    for one in held:
        one.close()
    return ports


class Told:
    """What one node said on its stdout."""

    def __init__(self) -> None:
        self.alerts: dict[str, int] = {}
        self.flashes: list[float] = []
        self.said = 0

    async def read(self, process: asyncio.subprocess.Process) -> None:
        while line := await process.stdout.readline():
            what, ns, label = json.loads(line)
            if what == "alert":
                self.alerts.setdefault(label.lower(), ns)
            elif what == "flash":
                self.flashes.append(ns / 1e6)
            else:
                self.said += 1


async def load(
    rate: float, seconds: float, release: str, profile: Path | None = None, flood_per_s: float = 0.0
) -> dict[str, Any]:
    """Run the load and return the figures."""
    with tempfile.TemporaryDirectory(prefix="detente-load-") as name:
        folder = Path(name)
        ports = prepared(folder, release)
        sky, told = Sky(rate, every_s=2.0), {"alfa": Told(), "bravo": Told()}
        server = await asyncio.start_server(sky.serve, "127.0.0.1", ports["sbs"])
        async with server, nodes(folder, ports, profile, flood_per_s) as running:
            reading = [asyncio.create_task(told[party].read(process)) for party, process in running.items()]
            started = time.monotonic()
            while not sky.plots:
                if time.monotonic() - started > 120 or running["alfa"].returncode is not None:
                    raise RuntimeError((folder / "alfa.log").read_text()[-2000:] or "no connection in two minutes")
                await asyncio.sleep(0.1)
            await asyncio.sleep(WARM_S + 2.0)
            pids = {party: process.pid for party, process in running.items()}
            told["bravo"].flashes.clear()
            before, plots, at = {party: cpu_s(pid) for party, pid in pids.items()}, sky.plots, time.monotonic()
            memory = {party: [] for party in pids}
            while time.monotonic() - at < seconds:
                await asyncio.sleep(1.0)
                for party, pid in pids.items():
                    memory[party].append(rss_mb(pid))
            took = time.monotonic() - at
            used = {party: 100.0 * (cpu_s(pid) - before[party]) / took for party, pid in pids.items()}
            taken = (sky.plots - plots) / took
            sky.end()
            for task in reading:
                task.cancel()
    waits, own = (latencies(sky, told[party].alerts) for party in ("bravo", "alfa"))
    flashes, tenth = told["bravo"].flashes, max(1, len(memory["alfa"]) // 10)
    return {
        "aircraft": AIRCRAFT,
        "plots_per_s": round(taken),
        "released": release,
        "seconds": round(took),
        "cpu_percent_of_one_core": round(used["alfa"], 1),
        "cpu_percent_of_the_peer": round(used["bravo"], 1),
        "flood_per_s": round(told["bravo"].said / took, 1),
        "rss_mb": round(max(memory["alfa"])),
        "rss_mb_first_and_last_tenth": [
            round(statistics.median(part)) for part in (memory["alfa"][:tenth], memory["alfa"][-tenth:])
        ],
        "rss_mb_of_the_peer": round(max(memory["bravo"])),
        "staged": len(sky.written),
        "alerts_at_the_peer": len(waits),
        "plot_to_own_alert_ms": quantiles(own),
        "plot_to_alert_at_the_peer_ms": quantiles(waits),
        "flashes": len(flashes),
        "flash_to_held_ms": quantiles(flashes),
    }


def latencies(sky: Sky, seen: dict[str, int]) -> list[float]:
    """Return in milliseconds, for each staged aircraft, the time from its newest plot before the alert to the alert."""
    return [
        (seen[name] - max(at for at in written if at <= seen[name])) / 1e6
        for name, written in sky.written.items()
        if name in seen and written[0] <= seen[name]
    ]


def quantiles(values: list[float]) -> dict[str, float] | None:
    if len(values) < 2:
        return None
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {"p50": round(cuts[49], 1), "p99": round(cuts[98], 1), "most": round(max(values), 1)}


def measured(quick: bool = False) -> dict[str, Any]:
    """Return the figures at 1,000 and 2,000 plots a second, with the machine they are of."""
    seconds = 15.0 if quick else 60.0
    return {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "1000_plots_per_s": asyncio.run(load(1_000.0, seconds, "line")),
        "2000_plots_per_s": asyncio.run(load(2_000.0, seconds, "line")),
    }


def main() -> None:
    if sys.argv[1:2] == ["--node"]:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(run_node(Path(sys.argv[3]), sys.argv[2], json.loads(sys.argv[4]), float(sys.argv[5])))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=1_000.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--release", choices=sorted(POLICIES), default="line")
    parser.add_argument("--flood", type=float, default=0.0, help="Things the peer says a second besides.")
    parser.add_argument(
        "--profile", type=Path, help="Write a cProfile of the node here; its CPU figure then means nothing."
    )
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = asyncio.run(load(asked.rate, asked.seconds, asked.release, asked.profile, asked.flood))
    print(json.dumps(found) if asked.json else "\n".join(f"{key:<30} {value}" for key, value in found.items()))


if __name__ == "__main__":
    main()
