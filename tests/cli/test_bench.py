"""`detente bench` runs what stands in `benchmarks/`."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from detente.cli.bench import bench
from detente.errors import DetenteError


def test_the_detection_benchmark_runs_and_says_what_it_left_out() -> None:
    result = CliRunner().invoke(bench, ["detection", "--quick", "--json"], catch_exceptions=False)
    found = json.loads(result.stdout)["detection"]
    row = found["against_bluesky"][0]
    assert row["pairs"] > 0
    assert "left out" in row.get("bluesky", "left out") or row["times_faster"] > 1
    assert found["world"][0]["bytes_per_track"] <= 400
    assert found["incursion"][0]["remarkable"] > 0


def test_the_incursion_benchmark_measures_one_and_many_zones() -> None:
    result = CliRunner().invoke(bench, ["incursion", "--quick", "--json"], catch_exceptions=False)
    found = json.loads(result.stdout)["incursion"]
    assert [row["zones"] for row in found["one_border"] + found["many_zones"]] == [1, 1, 100, 256]
    assert all(row["remarkable"] > 0 and row["one_thread_cpu_ms"]["median"] > 0 for row in found["one_border"])


def test_a_benchmark_that_does_not_exist_is_refused() -> None:
    with pytest.raises(DetenteError, match=r"there are .*detection"):
        CliRunner().invoke(bench, ["luck"], catch_exceptions=False)
