"""The grid: what it leaves out must be clear, wherever on the globe and however fast some fly."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.detect import screen
from detente.detect.cpa import CLEAR, CONFLICT, NOT_ASSESSED, judge_pair
from detente.detect.grid import LANES, by_longitude, grid_of
from detente.detect.motion import motions
from detente.detect.screen import pairs_in_conflict, part, parts_of
from detente.detect.shares import LEAST, shares_of
from fresh import in_a_fresh_process


def scene(seed: int, n: int, where: str, lookahead_s: float = 120.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    lat, lon = {
        "pole": (rng.uniform(88.0, 90.0, n), rng.uniform(-180, 180, n)),
        "south pole": (rng.uniform(-90.0, -88.5, n), rng.uniform(-180, 180, n)),
        "antimeridian": (rng.uniform(50, 52, n), (rng.uniform(178.5, 181.5, n) + 180) % 360 - 180),
        "equator": (rng.uniform(-1, 1, n), rng.uniform(-1, 1, n)),
        "world": (np.degrees(np.arcsin(rng.uniform(-1, 1, n))), rng.uniform(-180, 180, n)),
    }[where]
    # Drones, airliners and a few that are far faster than all others.
    speed = rng.choice([10.0, 60.0, 250.0, 900.0], n, p=[0.3, 0.3, 0.35, 0.05])
    track = rng.uniform(0, 2 * np.pi, n)
    level = rng.integers(20, 60, n) * 500.0
    climb = rng.choice([0.0, 30.0, -30.0], n)
    still = np.zeros(n)
    return motions(
        np.radians(lat), np.radians(lon), level, np.full(n, np.nan), speed * np.sin(track), speed * np.cos(track), climb, still
    )  # fmt: skip


def every_pair(m: np.ndarray, d_m: float, h_ft: float, lookahead_s: float) -> dict[tuple[int, int], int]:
    verdicts = {
        (a, b): judge_pair(m[a], m[b], d_m, h_ft, lookahead_s)[0] for a in range(len(m)) for b in range(a + 1, len(m))
    }
    return {pair: verdict for pair, verdict in verdicts.items() if verdict != CLEAR}


@pytest.mark.parametrize("where", ["pole", "south pole", "antimeridian", "equator", "world"])
@settings(max_examples=15)
@given(
    st.integers(0, 10_000),
    st.sampled_from([(9_260.0, 1_000.0, 120.0), (600.0, 400.0, 45.0), (9_260.0, 1_000.0, 900.0)]),
)
def test_the_grid_finds_what_looking_at_all_pairs_finds(
    where: str, seed: int, minima: tuple[float, float, float]
) -> None:
    m = scene(seed, 80, where)
    pairs, _, verdicts = pairs_in_conflict(m, *minima)
    assert {tuple(p): v for p, v in zip(pairs.tolist(), verdicts.tolist(), strict=True)} == every_pair(m, *minima)


def test_pairs_come_in_order_with_the_lower_row_first() -> None:
    pairs, _, _ = pairs_in_conflict(scene(1, 300, "equator"), 9_260.0, 1_000.0, 120.0)
    assert len(pairs) > 50
    assert (pairs[:, 0] < pairs[:, 1]).all()
    assert pairs.tolist() == sorted(pairs.tolist())


def test_threads_give_the_same_answer() -> None:
    m = scene(2, 4 * LEAST, "world")
    m[:3_000] = scene(3, 3_000, "equator")
    m = np.random.default_rng(1).permutation(m)
    alone = pairs_in_conflict(m, 9_260.0, 1_000.0, 120.0)
    with ThreadPoolExecutor(2) as threads:
        shared = pairs_in_conflict(m, 9_260.0, 1_000.0, 120.0, threads)
    for one, other in zip(alone, shared, strict=True):
        assert np.array_equal(one, other)
    assert len(alone[0]) > 1_000


ANSWERS = """
import numpy as np
from flights import Flight, motions_of
from detente.detect.screen import pairs_in_conflict
rng = np.random.default_rng(7)
flights = [
    Flight("", *row[:2], *row[2:]) for row in zip(
        rng.uniform(51, 52, 60), (rng.uniform(179, 181, 60) + 180) % 360 - 180, rng.integers(20, 40, 60) * 500.0,
        rng.uniform(0, 360, 60), rng.choice([40.0, 250.0, 450.0, 1_400.0], 60), rng.choice([0.0, 1_920.0, -640.0], 60)
    )
]
m = motions_of(*flights, age_s=3.0)
m[::13, 11] = np.nan
for part in pairs_in_conflict(m, 9_260.0, 1_000.0, 120.0):
    print(part.tobytes().hex())
print(m.tobytes().hex())
"""


def test_compiled_and_interpreted_the_answers_are_the_same_to_the_last_bit() -> None:
    compiled = in_a_fresh_process(ANSWERS, NUMBA_DISABLE_JIT="0")
    assert compiled.count("\n") == 4
    assert len(compiled) > 5_000
    assert compiled == in_a_fresh_process(ANSWERS, NUMBA_DISABLE_JIT="1")


COMPILED = """
import sys
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from detente.detect import detector, profile
def kernels():
    return {
        f"{module.__name__}.{name}": len(kernel.signatures)
        for module in list(sys.modules.values()) if module.__name__.startswith("detente.detect")
        for name, kernel in vars(module).items() if hasattr(kernel, "signatures")
    }
detector.warm()
warm = kernels()
rng = np.random.default_rng(1)
minima = profile.Minima(9_260, 1_000, 120)
def columns(n):
    spread = (1.4, 3.1, 40_000, 250, 250, 30)
    return [rng.uniform(-width, width, n) for width in spread]
with ThreadPoolExecutor(2) as threads:
    for n in (0, 1, 2, 500, 30_000):
        for pool in (None, threads):
            detector.conflicts(*columns(n), minima, pool)
    strided = np.stack(columns(300), axis=1)
    fixed = np.broadcast_to(np.array([0.7]), 300)
    detector.conflicts(*strided.T, minima)
    detector.conflicts(*strided.T.astype(np.float32), minima, threads)
    detector.conflicts(fixed, *strided.T[1:], profile.Minima(600.0, 250, 45.0))
    detector.conflicts(*np.where(strided > 0.5, np.nan, strided).T, minima)
print(len(warm), kernels() == warm)
"""


def test_nothing_is_compiled_once_the_detector_is_warm() -> None:
    kernels, are_the_same = in_a_fresh_process(COMPILED, NUMBA_DISABLE_JIT="0").split()
    assert int(kernels) > 15
    assert are_the_same == "True"


def test_a_motion_with_a_number_missing_is_in_no_pair() -> None:
    m = scene(4, 100, "equator")
    m[::2, 0] = np.nan
    pairs, _, _ = pairs_in_conflict(m, 9_260.0, 1_000.0, 120.0)
    assert (pairs % 2 == 1).all()


def test_an_aircraft_of_unknown_altitude_is_not_assessed_against_its_neighbours_and_nobody_else() -> None:
    m = scene(5, 2, "equator")
    m[1] = m[0]
    m[1, 11] = np.nan
    pairs, _, verdicts = pairs_in_conflict(m, 9_260.0, 1_000.0, 120.0)
    assert pairs.tolist() == [[0, 1]]
    assert verdicts.tolist() == [NOT_ASSESSED]
    m[1, 0] = -m[1, 0]
    assert len(pairs_in_conflict(m, 9_260.0, 1_000.0, 120.0)[0]) == 0


def test_more_conflicts_than_were_made_room_for_are_all_returned() -> None:
    m = np.repeat(scene(6, 1, "equator"), 60, axis=0)
    pairs, _, verdicts = pairs_in_conflict(m, 9_260.0, 1_000.0, 120.0)
    assert len(pairs) == 60 * 59 // 2
    assert (verdicts == CONFLICT).all()


def test_nobody_flies_and_nothing_is_found() -> None:
    pairs, found, verdicts = pairs_in_conflict(np.empty((0, 14)), 9_260.0, 1_000.0, 120.0)
    assert pairs.shape == (0, 2)
    assert len(found) == len(verdicts) == 0


@given(st.lists(st.integers(0, 65_535), min_size=1, max_size=300))
def test_pieces_are_sorted_by_longitude_wherever_they_crowd(longitudes: list[int]) -> None:
    pieces = np.arange(len(longitudes))
    dealt = (np.array(longitudes, np.int64) << 32) | pieces
    by_longitude(dealt, np.empty_like(dealt))
    assert sorted((dealt & 0xFFFFFFFF).tolist()) == pieces.tolist()
    assert (dealt >> 32).tolist() == sorted(longitudes)


@given(st.lists(st.integers(0, 2**40 - 1), max_size=300), st.integers(0, 8))
def test_each_part_of_the_motions_gets_the_pairs_of_its_own(found: list[int], shift: int) -> None:
    keys = np.array(found, np.int64)
    own = keys >> (32 + shift)
    parts = np.arange(2**8 >> shift)
    begins, parted = np.searchsorted(np.sort(own), parts), np.empty_like(keys)
    part(keys, shift, begins.astype(np.int64), parted)
    assert sorted(parted.tolist()) == sorted(found)
    assert (parted >> (32 + shift)).tolist() == sorted(own.tolist())


@given(st.integers(0, 2**31 - 1))
def test_motions_are_taken_in_few_parts_of_which_each_motion_has_one(n: int) -> None:
    with ThreadPoolExecutor(1) as threads:
        for shared in (None, threads):
            (parts, shift), shares = parts_of(shared, n), len(shares_of(shared, n))
            assert max(n - 1, 0) >> shift == parts - 1
            assert shares / 2 <= parts <= shares


def test_each_piece_lies_in_one_tile_and_in_its_ball() -> None:
    m = scene(8, 500, "world")
    _, grid = grid_of(m, 9_260.0, 120.0)
    assert sorted(grid.order[grid.order >= 0].tolist()) == list(range(500))
    for tile, ball, order in zip(grid.tiles, grid.balls, grid.order, strict=True):
        used = order >= 0
        assert used.sum() <= LANES
        away_m = np.linalg.norm(tile[:3, used].astype(float) - ball[:3, None].astype(float), axis=0)
        assert (away_m + tile[9, used] <= ball[3] + 1.0).all()
        assert np.isnan(tile[:, ~used]).all()


def test_when_nobody_can_be_placed_nothing_beyond_the_last_row_is_read() -> None:
    rows, grid = grid_of(np.full((3, 14), np.nan), 9_260.0, 120.0)
    assert grid.tiles.shape[0] == 0
    # Interpreted, an index out of bounds is an error; compiled it would be a read of what lies there.
    nothing = np.empty(1, np.int32)
    assert screen._scan(rows, grid, 1_000.0, 120.0, 0, 0, 0, nothing, np.empty(4, np.int64)) == 0
