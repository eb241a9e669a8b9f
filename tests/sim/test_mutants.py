"""Each planted fault of the core is seen within 300 seeds: else the simulation proves nothing about that rule."""

from __future__ import annotations

import pytest

from detente.testing.simulation import Violation, simulate
from sim.mutants import MUTANTS

SEEDS = 300


@pytest.fixture(scope="module")
def killed():
    """Which seed killed which mutant; printed at the end of the file (`pytest -s`)."""
    found = []
    yield found
    for name, violation in found:
        print(f"\n{name}: {violation}", end="")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_the_simulation_kills(mutant, monkeypatch, killed):
    mutant(monkeypatch)
    for seed in range(SEEDS):
        try:
            simulate(seed)
        except Violation as violation:
            killed.append((mutant.__name__, violation))
            return
    pytest.fail(f"{mutant.__name__} survived {SEEDS} seeds")
