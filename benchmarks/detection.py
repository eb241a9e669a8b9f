"""Conflict detection and incursion at scale, beside the compiled detector of bluesky-simulator 1.1.1.

`detente bench detection` or `python benchmarks/detection.py [--json]`. The scenes are synthetic and seeded.

*European*: airliners on cruising levels, a fifth of them climbing or descending, some light aircraft and drones, two
jets in a hundred at 600 m/s, as dense as over Europe on a summer afternoon: 3,748 airborne between 35 N, 62 N, 11 W and
30 E, 9.54 million km2, as the load figures of this project say.

*World*: half of the tracks so, over as much of the globe as that density needs (for a million, 2.5 times as dense all
over it); the other half at hubs, 1,000 within 60 NM of each, four times what is round New York (239). There they fly as
in a terminal area: lower and slower towards the middle, three in five climbing or descending, levels otherwise of whole
thousands. Nobody keeps them apart, so there are far more conflicts than in any sky: a harder case than a real one.

Times are of a whole pass: latitude and longitude in, findings out. The comparison alternates the two detectors in one
run, by CPU time of the process, one thread. It is left out, with the reason, where bluesky is not importable. The floor
is the time that memory needs for the bytes one pass reads and writes, at the speed of a copy measured beside it.
"""

from __future__ import annotations

import argparse
import importlib.machinery
import importlib.util
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from detente.detect import boundary, detector, grid, incursion
from detente.detect.cpa import FOUND
from detente.detect.detector import conflicts
from detente.detect.motion import MOTION, motions
from detente.detect.profile import Minima
from detente.detect.room import Room
from detente.units import M_PER_FT, M_PER_NM

EUROPE_PER_KM2 = 3_748 / 9.54e6
ROUND_A_HUB = 1_000
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
    return _scene(latitude_deg, longitude_deg, altitude, rng.uniform(0, 2 * np.pi, n), speed, climb)


def _scene(
    latitude_deg: np.ndarray,
    longitude_deg: np.ndarray,
    altitude_ft: np.ndarray,
    track: np.ndarray,
    speed: np.ndarray,
    climb_fpm: np.ndarray,
) -> dict[str, np.ndarray]:
    return {
        "lat": np.radians(latitude_deg),
        "lon": np.radians(longitude_deg),
        "alt_ft": altitude_ft,
        "ve": speed * np.sin(track),
        "vn": speed * np.cos(track),
        "vu_fps": climb_fpm / 60.0,
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


def terminal(
    rng: np.random.Generator, latitude_deg: np.ndarray, longitude_deg: np.ndarray, away_nm: np.ndarray
) -> dict[str, np.ndarray]:
    """Give each position an aircraft of a terminal area, *away_nm* from its hub: about 300 ft a mile, 140 to 320 kt."""
    n = len(latitude_deg)
    height_ft = np.clip(away_nm * 300.0 * rng.uniform(0.5, 1.4, n), 500.0, None)
    speed = np.interp(height_ft, [0.0, 3_000.0, 10_000.0, 11_000.0, 25_000.0], [70.0, 95.0, 129.0, 150.0, 200.0])
    climbs = rng.uniform(0, 1, n) < 0.6
    climb = np.where(climbs, rng.choice([-1.0, 1.0], n) * rng.integers(8, 40, n) * 64.0, 0.0)
    altitude = np.where(climbs, np.rint(height_ft / 25.0) * 25.0, np.rint(height_ft / 1_000.0) * 1_000.0)
    return _scene(
        latitude_deg, longitude_deg, altitude, rng.uniform(0, 2 * np.pi, n), speed * rng.uniform(0.9, 1.1, n), climb
    )


def world(n: int, seed: int = 2) -> dict[str, np.ndarray]:
    """Spread half of *n* at European density, as far as the globe is large enough, and half round hubs."""
    rng = np.random.default_rng(seed)
    near = rng.permutation(n) < n // 2
    share = min(n / 2 / EUROPE_PER_KM2 / (4 * np.pi * 6_371.0**2), 1.0)
    latitude, longitude = np.degrees(np.arcsin(rng.uniform(-share, share, n))), rng.uniform(-180, 180, n)
    hubs = max(n // 2 // ROUND_A_HUB, 1)
    hub = rng.integers(0, hubs, n)
    hub_lat, hub_lon = np.degrees(np.arcsin(rng.uniform(-0.5, 0.85, hubs)))[hub], rng.uniform(-180, 180, hubs)[hub]
    away_nm, bearing = 60.0 * rng.uniform(0, 1, n) ** 0.5, rng.uniform(0, 2 * np.pi, n)
    latitude[near] = (hub_lat + away_nm / 60.0 * np.cos(bearing))[near]
    longitude[near] = (hub_lon + away_nm / 60.0 * np.sin(bearing) / np.cos(np.radians(hub_lat)))[near]
    longitude = (longitude + 180) % 360 - 180
    en_route, round_hubs = flown(rng, latitude, longitude), terminal(rng, latitude, longitude, away_nm)
    return {name: np.where(near, round_hubs[name], en_route[name]) for name in en_route}


def ours(
    scene: dict[str, np.ndarray],
    minima: Minima,
    threads: ThreadPoolExecutor | None = None,
    room: Room | None = None,
) -> int:
    columns = (scene[name] for name in ("lat", "lon", "alt_ft", "ve", "vn", "vu_fps"))
    pairs, _, _ = conflicts(*columns, minima, threads, room)
    return len(pairs)


def timed(call: Callable[[], Any], repeats: int, uncounted: int = 1) -> list[float]:
    """Return the milliseconds of each of *repeats* calls, after some that are not counted."""
    taken = []
    for _ in range(uncounted + repeats):
        begun = time.perf_counter()
        call()
        taken.append((time.perf_counter() - begun) * 1e3)
    return taken[uncounted:]


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
    module, room = bluesky(), Room()
    rows = []
    for n in sizes:
        scene = european(n)
        row: dict[str, Any] = {"aircraft": n, "lookahead_s": BLUESKY.lookahead_s, "pairs": ours(scene, BLUESKY)}
        if isinstance(module, str):
            row["ms"] = _stats(timed(lambda s=scene: ours(s, BLUESKY, None, room), 20))
            rows.append(row | {"bluesky": f"left out: {module}"})
            continue
        mine, other = [], []
        for _ in range(repeats):
            other += [_cpu_ms(lambda s=scene: theirs(module, s, BLUESKY))]
            mine += [_cpu_ms(lambda s=scene: ours(s, BLUESKY, None, room)) for _ in range(9)]
        row |= {"bluesky_pairs": theirs(module, scene, BLUESKY), "ms": _stats(mine), "bluesky_ms": _stats(other)}
        rows.append(row | {"times_faster": round(statistics.median(other) / statistics.median(mine))})
    return rows


def _cpu_ms(call: Callable[[], Any]) -> float:
    begun = time.process_time()
    call()
    return (time.process_time() - begun) * 1e3


def scale(sizes: tuple[int, ...], repeats: int) -> list[dict[str, Any]]:
    """Time whole passes over the world on two threads, beside the floor that memory sets; and weigh one pass."""
    rows = []
    with ThreadPoolExecutor(2) as threads:
        for n in sizes:
            scene = world(n)
            row: dict[str, Any] = {"tracks": n, "threads": 2, "lookahead_s": STCA.lookahead_s}
            room = Room()
            row["pairs"] = ours(scene, STCA, threads, room)
            floor_ms, taken_ms, cpu_ms = [], [], []
            for _ in range(repeats):
                moved = n * MOVED_PER_TRACK + row["pairs"] * MOVED_PER_PAIR
                floor_ms.append(moved / copied_bytes_per_ms(threads))
                begun = time.process_time()
                taken_ms += timed(lambda s=scene, r=room: ours(s, STCA, threads, r), 1, uncounted=0)
                cpu_ms.append((time.process_time() - begun) * 1e3)
            row |= {"ms": _stats(taken_ms), "cpu_ms": _stats(cpu_ms), "memory_floor_ms": _stats(floor_ms)}
            row["times_the_floor"] = round(statistics.median(taken_ms) / statistics.median(floor_ms), 1)
            tracemalloc.start()
            ours(scene, STCA, threads)  # in new room: all that it takes is counted
            row["bytes_per_track"] = round(tracemalloc.get_traced_memory()[1] / n)
            tracemalloc.stop()
            rows.append(row)
    return rows


# Read and written by one pass for each track: inputs; motions, once, as they are swept where they are made; swept
# pieces before they are sorted, twice, and in their tiles, twice; rows, longitudes and order after, twice each; order
# before, twice in each of three steps. And for each pair: its key, written, parted, sorted, read; two motions; its
# finding.
MOVED_PER_TRACK = 8 * 6 + 8 * MOTION + 2 * 4 * 2 * grid.SWEPT + 2 * 4 * 3 + 3 * 2 * 8
MOVED_PER_PAIR = 6 * 8 + 2 * 8 * MOTION + 8 * (FOUND + 2) + 1


def copied_bytes_per_ms(threads: ThreadPoolExecutor) -> float:
    """Return how many bytes two threads read and write a millisecond, copying more than any cache holds."""
    block, copy = np.ones(16_000_000), np.zeros(16_000_000)
    halves = [(copy[half], block[half]) for half in (slice(0, 8_000_000), slice(8_000_000, None))]
    begun = time.perf_counter()
    list(threads.map(lambda half: np.copyto(*half), halves))
    return 2 * block.nbytes / ((time.perf_counter() - begun) * 1e3)


def first_verdict(repeats: int) -> dict[str, Any]:
    """Time `detente detect` on two aircraft from the start of its process to its verdict, the kernels being cached."""
    states = "id,lat_deg,lon_deg,alt_ft,trk_deg,gs_kt,vs_fpm\na,47,8,35000,90,450,0\nb,47,8.5,35000,270,450,0\n"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "states.csv"
        file.write_text(states, encoding="utf-8")
        call = [sys.executable, "-c", "import sys; from detente.cli import main; sys.exit(main())", "detect", str(file)]
        path = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        taken = timed(lambda: subprocess.run(call, check=True, capture_output=True, env=path), repeats)
    return {"s": {name: round(ms / 1e3, 3) for name, ms in _stats(taken).items()}}


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
        "first_verdict": first_verdict(3 if quick else 7),
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
