"""Conflict detection and incursion at scale, beside the compiled detector of bluesky-simulator 1.1.1.

`detente bench detection` or `python benchmarks/detection.py [--json]`. The scenes are synthetic and seeded: airliners
on cruising levels, a fifth of them climbing or descending, some light aircraft and drones, two jets in a hundred at
600 m/s. *European* has the density of Europe's airspace on a summer afternoon (3,748 airborne between 35 N, 62 N, 11 W
and 30 E); *world* is a hundred thousand or a million tracks over the globe, half of them within 60 NM of some hub.

Times are of a whole pass: latitude and longitude in, findings out. The comparison alternates the two detectors in one
run, by CPU time of the process, one thread. It is left out, with the reason, where bluesky is not importable.
"""

from __future__ import annotations

import argparse
import importlib.machinery
import importlib.util
import json
import math
import platform
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from detente.detect import boundary, detector, grid, incursion
from detente.detect.detector import conflicts
from detente.detect.motion import MOTION, motions
from detente.detect.profile import Minima
from detente.units import M_PER_FT, M_PER_NM

EUROPE_PER_KM2 = 3_748 / 9.54e6
STCA = Minima(5.0 * M_PER_NM, 1_000, 120.0)
BLUESKY = Minima(5.0 * M_PER_NM, 1_000, 300.0)


def flown(rng: np.random.Generator, latitude_deg: np.ndarray, longitude_deg: np.ndarray) -> dict[str, np.ndarray]:
    """Give each position an aircraft."""
    n = len(latitude_deg)
    kind = rng.choice(4, n, p=[0.78, 0.15, 0.05, 0.02])
    slow, fast = np.choose(kind, [180, 40, 0, 600]), np.choose(kind, [260, 70, 20, 600])
    speed = rng.uniform(0, 1, n) * (fast - slow) + slow
    top = np.choose(kind, [41, 10, 1, 50])
    low = np.choose(kind, [10, 1, 0, 20])
    altitude = np.rint(low + rng.uniform(0, 1, n) * (top - low + 1)) * 1_000.0 + rng.integers(-1, 2, n) * 25.0
    climbs = rng.uniform(0, 1, n) < 0.2
    climb = np.where(climbs & (kind != 2), rng.integers(-35, 36, n) * 64.0, 0.0)
    track = rng.uniform(0, 2 * np.pi, n)
    return {
        "lat": np.radians(latitude_deg),
        "lon": np.radians(longitude_deg),
        "alt_ft": altitude,
        "ve": speed * np.sin(track),
        "vn": speed * np.cos(track),
        "vu_fps": climb / 60.0,
        "speed": speed,
        "track": track,
    }


def european(n: int, seed: int = 1) -> dict[str, np.ndarray]:
    """Spread *n* aircraft as densely as over Europe, on a patch as large as that needs, centred on 48 N."""
    rng = np.random.default_rng(seed)
    side_km = math.sqrt(n / EUROPE_PER_KM2)
    half = min(side_km / 111.2 / 2, 40.0)
    south, north = math.sin(math.radians(48 - half)), math.sin(math.radians(min(48 + half, 89)))
    width = n / EUROPE_PER_KM2 / (6_371.0**2 * (north - south))
    latitude = np.degrees(np.arcsin(rng.uniform(south, north, n)))
    return flown(rng, latitude, np.degrees(rng.uniform(-width / 2, width / 2, n)))


def world(n: int, seed: int = 2) -> dict[str, np.ndarray]:
    """Spread half of *n* over the globe and half round hubs, 250 to each, as near New York (239 within 60 NM)."""
    rng = np.random.default_rng(seed)
    hubs = max(n // 500, 1)
    latitude = np.degrees(np.arcsin(rng.uniform(-0.9, 0.9, n)))
    longitude = rng.uniform(-180, 180, n)
    near = rng.uniform(0, 1, n) < 0.5
    hub = rng.integers(0, hubs, n)
    hub_lat, hub_lon = np.degrees(np.arcsin(rng.uniform(-0.5, 0.85, hubs))), rng.uniform(-180, 180, hubs)
    away, bearing = rng.uniform(0, 1, n) ** 0.5, rng.uniform(0, 2 * np.pi, n)
    latitude = np.where(near, hub_lat[hub] + away * np.cos(bearing), latitude)
    longitude = np.where(near, hub_lon[hub] + away * np.sin(bearing) / np.cos(np.radians(hub_lat[hub])), longitude)
    return flown(rng, latitude, (longitude + 180) % 360 - 180)


def ours(scene: dict[str, np.ndarray], minima: Minima, threads: ThreadPoolExecutor | None = None) -> int:
    pairs, _, _ = conflicts(
        scene["lat"], scene["lon"], scene["alt_ft"], scene["ve"], scene["vn"], scene["vu_fps"], minima, threads
    )
    return len(pairs)


def timed(call: Callable[[], Any], repeats: int, clock: Callable[[], float] = time.perf_counter) -> list[float]:
    """Return the milliseconds of each of *repeats* calls, after one that is not counted."""
    call()
    taken = []
    for _ in range(repeats):
        begun = clock()
        call()
        taken.append((clock() - begun) * 1e3)
    return taken


def bluesky() -> ModuleType | str:
    """Return BlueSky's compiled detector, or why there is none. The package is not imported: it starts a simulator."""
    found = importlib.util.find_spec("bluesky")
    if found is None or not found.submodule_search_locations:
        return "bluesky-simulator is not installed here"
    folder = Path(next(iter(found.submodule_search_locations))) / "traffic" / "asas"
    for suffix in importlib.machinery.EXTENSION_SUFFIXES:
        file = folder / f"cstatebased{suffix}"
        if file.exists():
            spec = importlib.util.spec_from_file_location("cstatebased", file)
            assert spec
            assert spec.loader
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
    return "its compiled detector is not built for this Python"


def theirs(module: ModuleType, scene: dict[str, np.ndarray], minima: Minima) -> int:
    n = len(scene["lat"])
    traffic = SimpleNamespace(
        lat=np.degrees(scene["lat"]),
        lon=np.degrees(scene["lon"]),
        trk=np.degrees(scene["track"]),
        gs=scene["speed"],
        alt=scene["alt_ft"] * M_PER_FT,
        vs=scene["vu_fps"] * M_PER_FT,
        id=[str(i) for i in range(n)],
        ntraf=n,
    )
    limits = (minima.horizontal_m, minima.vertical_ft * M_PER_FT, minima.lookahead_s)
    return len(module.detect(traffic, traffic, *(np.full(n, limit) for limit in limits))[0]) // 2


def comparison(sizes: tuple[int, ...], repeats: int) -> list[dict[str, Any]]:
    """Time both detectors by turns on the same scenes, by CPU time of one thread."""
    module = bluesky()
    rows = []
    for n in sizes:
        scene = european(n)
        row: dict[str, Any] = {"aircraft": n, "lookahead_s": BLUESKY.lookahead_s, "pairs": ours(scene, BLUESKY)}
        if isinstance(module, str):
            row["ms"] = _stats(timed(lambda s=scene: ours(s, BLUESKY), 20))
            rows.append(row | {"bluesky": f"left out: {module}"})
            continue
        mine, other = [], []
        for _ in range(repeats):
            other += [_cpu_ms(lambda s=scene: theirs(module, s, BLUESKY))]
            mine += [_cpu_ms(lambda s=scene: ours(s, BLUESKY)) for _ in range(9)]
        row |= {"bluesky_pairs": theirs(module, scene, BLUESKY), "ms": _stats(mine), "bluesky_ms": _stats(other)}
        rows.append(row | {"times_faster": round(statistics.median(other) / statistics.median(mine))})
    return rows


def _cpu_ms(call: Callable[[], Any]) -> float:
    begun = time.process_time()
    call()
    return (time.process_time() - begun) * 1e3


def scale(sizes: tuple[int, ...], repeats: int) -> list[dict[str, Any]]:
    """Time whole passes over the world on two threads, and the floor that memory sets."""
    rows = []
    with ThreadPoolExecutor(2) as threads:
        for n in sizes:
            scene = world(n)
            row = {"tracks": n, "threads": 2, "lookahead_s": STCA.lookahead_s, "pairs": ours(scene, STCA, threads)}
            row["ms"] = _stats(timed(lambda s=scene: ours(s, STCA, threads), repeats))
            # The least a pass can do: read each track once and write and read what the grid keeps of it.
            block = np.ones(n * BYTES_PER_TRACK // 8)
            row["bytes_per_track"] = BYTES_PER_TRACK
            row["memory_floor_ms"] = _stats(timed(block.copy, repeats))
            rows.append(row)
    return rows


BYTES_PER_TRACK = 8 * (9 + MOTION) + 4 * (2 * grid.SWEPT + 1 + 3 + 2)
"""Inputs and motions; swept and levels, twice; row, order and about three cells; class."""


def zones(tracks: int, vertices: int, repeats: int) -> list[dict[str, Any]]:
    """Time incursion of *tracks* against a border of *vertices* from near it, 600 s ahead."""
    rng = np.random.default_rng(3)
    turn = np.linspace(0.0, 2 * np.pi, vertices, endpoint=False)
    wobble = 2.0 + sum(rng.normal(0, 0.4 / k) * np.sin(k * turn + rng.uniform(0, 6)) for k in range(2, 60))
    ring = np.radians(np.column_stack((40.0 + wobble * np.sin(turn) * 0.7, 35.0 + wobble * np.cos(turn))))
    area = boundary.boundary((np.vstack((ring, ring[:1])),), margin_m=10_000.0)
    scene = flown(rng, rng.uniform(36, 44, tracks), rng.uniform(30, 40, tracks))
    nothing = np.full(tracks, np.nan)
    velocity = (scene["ve"], scene["vn"], scene["vu_fps"])
    m = motions(scene["lat"], scene["lon"], scene["alt_ft"], nothing, *velocity, np.zeros(tracks))
    how, _ = incursion.standing(m, area, 600.0)
    taken = _stats(timed(lambda: incursion.standing(m, area, 600.0), repeats))
    return [{"tracks": tracks, "vertices": vertices, "remarkable": int((how != 0).sum()), "ms": taken}]


def _stats(taken_ms: list[float]) -> dict[str, float]:
    median = statistics.median(taken_ms)
    return {"median": round(median, 2), "least": round(min(taken_ms), 2), "most": round(max(taken_ms), 2)}


def measured(quick: bool = False) -> dict[str, Any]:
    """Run all of it; *quick* keeps to sizes that take seconds."""
    begun = time.perf_counter()
    detector.warm()
    warm_s = time.perf_counter() - begun
    return {
        "machine": {"processor": _processor(), "python": platform.python_version()},
        "warm_s": round(warm_s, 2),
        "against_bluesky": comparison((2_000,) if quick else (10_000, 20_000), 1 if quick else 3),
        "world": scale((10_000,) if quick else (100_000, 1_000_000), 3 if quick else 9),
        "incursion": zones(10_000 if quick else 100_000, 5_000, 5),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = measured(asked.quick)
    if asked.json:
        print(json.dumps(found))
        return
    for name, rows in found.items():
        for row in rows if isinstance(rows, list) else [rows]:
            print(f"{name}: {row}")


if __name__ == "__main__":
    sys.exit(main())
