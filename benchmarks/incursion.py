"""Incursion at scale: one border of 5,000 vertices before 100,000 tracks, and up to 4,096 zones before 12,000.

CPU time and wall time of whole passes over snapshots, 600 s ahead, on one and on two threads. "Whole" is what a node
does: kernels and the making of verdicts, of which only those of remarkable tracks cost anything.

    python benchmarks/incursion.py [--quick] [--json]
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from detente.detect import detector
from detente.detect.boundary import Boundary, areas_of, boundary
from detente.detect.incursion import standings
from detente.detect.motion import motions

LOOKAHEAD_S = 600.0


def border(vertices: int, seed: int = 3) -> Boundary:
    """Draw a ragged line round 40 N 35 E, two degrees across, with a margin of 10 km."""
    rng = np.random.default_rng(seed)
    turn = np.linspace(0.0, 2 * np.pi, vertices, endpoint=False)
    wobble = 2.0 + sum(rng.normal(0, 0.4 / k) * np.sin(k * turn + rng.uniform(0, 6)) for k in range(2, 60))
    ring = np.radians(np.column_stack((40.0 + wobble * np.sin(turn) * 0.7, 35.0 + wobble * np.cos(turn))))
    return boundary((np.vstack((ring, ring[:1])),), margin_m=10_000.0)


def scattered(zones: int, seed: int = 4) -> list[Boundary]:
    """Spread *zones* areas of 60 vertices, 4 to 40 km across, some with levels, over Europe."""
    rng = np.random.default_rng(seed)
    turn = np.linspace(0.0, 2 * np.pi, 60, endpoint=False)
    drawn = []
    for _ in range(zones):
        lat, lon, reach = rng.uniform(36, 60), rng.uniform(-10, 30), rng.uniform(0.02, 0.2)
        wobble = reach * (1.0 + 0.3 * np.sin(rng.integers(2, 6) * turn + rng.uniform(0, 6)))
        ring = np.column_stack((lat + wobble * np.sin(turn), lon + wobble * np.cos(turn) / math.cos(math.radians(lat))))
        ceiling_ft = None if rng.uniform() < 0.5 else 10_000
        drawn.append(boundary((np.radians(np.vstack((ring, ring[:1]))),), 0, ceiling_ft, 5_000.0))
    return drawn


def traffic(n: int, south: float, north: float, west: float, east: float, seed: int = 5) -> np.ndarray:
    """Return motions of *n* aircraft of mixed speeds anywhere in a box of degrees, on any course."""
    rng = np.random.default_rng(seed)
    speed, track = (
        rng.choice([10.0, 60.0, 220.0, 240.0, 600.0], n, p=[0.05, 0.15, 0.4, 0.38, 0.02]),
        rng.uniform(0, 6.28, n),
    )
    nothing, still = np.full(n, np.nan), np.zeros(n)
    altitude_ft, climb_fps = (
        np.rint(rng.uniform(1_000, 41_000, n)),
        rng.choice([0.0, 25.0, -25.0], n, p=[0.8, 0.1, 0.1]),
    )
    lat, lon = np.radians(rng.uniform(south, north, n)), np.radians(rng.uniform(west, east, n))
    return motions(lat, lon, altitude_ft, nothing, speed * np.sin(track), speed * np.cos(track), climb_fps, still)


def passes(m: np.ndarray, drawn: list[Boundary], repeats: int) -> dict[str, Any]:
    """Time passes of all of *m* against *drawn* on one and on two threads, by turns."""
    areas = areas_of(drawn)
    row: dict[str, Any] = {"tracks": len(m), "zones": len(drawn), "vertices": len(areas.plane)}
    row["remarkable"] = len(standings(m, areas, LOOKAHEAD_S).rows)
    one: list[float] = []
    two: list[float] = []
    cpu: list[float] = []
    with ThreadPoolExecutor(2) as threads:
        for _ in range(repeats):
            one.append(_ms(lambda: standings(m, areas, LOOKAHEAD_S), time.thread_time))
            cpu_begun = time.process_time()
            two.append(_ms(lambda: standings(m, areas, LOOKAHEAD_S, threads=threads), time.perf_counter))
            cpu.append((time.process_time() - cpu_begun) * 1e3)
    return row | {
        "one_thread_cpu_ms": _stats(one),
        "two_threads_wall_ms": _stats(two),
        "two_threads_cpu_ms": _stats(cpu),
    }


def _ms(call: Callable[[], Any], clock: Callable[[], float]) -> float:
    begun = clock()
    call()
    return (clock() - begun) * 1e3


def _stats(taken_ms: list[float]) -> dict[str, float]:
    return {name: round(of(taken_ms), 2) for name, of in (("median", statistics.median), ("least", min), ("most", max))}


def measured(quick: bool = False) -> dict[str, Any]:
    """Run all of it; *quick* keeps to sizes that take a second."""
    detector.warm()
    near = traffic(10_000 if quick else 100_000, 36, 44, 30, 40)
    flown = traffic(2_000 if quick else 12_000, 35, 61, -12, 32)
    repeats = 3 if quick else 15
    counts = (1, 100, 256) if quick else (1, 100, 4_096)
    return {
        "one_border": [passes(near, [border(5_000)], repeats)],
        "many_zones": [passes(flown, scattered(n), repeats) for n in counts],
    }


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
        for row in rows:
            print(f"{name}: {row}")


if __name__ == "__main__":
    sys.exit(main())
