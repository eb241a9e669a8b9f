from __future__ import annotations

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from conftest import ROOT
from detente.cli.simulate import simulate as command
from detente.link.transitions import State
from detente.testing import simulation
from detente.testing.simulation import Simulation, Violation, histories_digest, simulate, traced
from detente.types import NS_PER_S

SEEDS = 150


def test_every_seed_holds_and_between_them_they_cut_crash_and_lie():
    histories = [simulate(seed) for seed in range(SEEDS)]
    assert sum(history.leaves for history in histories) > 10 * SEEDS
    for what in ("cuts", "crashes", "lies"):
        assert sum(getattr(history, what) for history in histories) > SEEDS // 4, what
    for what in ("full_disks", "restores", "clones"):
        assert sum(getattr(history, what) for history in histories) > SEEDS // 20, what


def test_a_seed_gives_one_history_whatever_the_process():
    here = histories_digest([simulate(seed) for seed in range(10)])
    program = (
        "from detente.testing.simulation import *; print(histories_digest([simulate(s) for s in reversed(range(10))]))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONHASHSEED": "4711"}
    there = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert there.stdout.strip() == here
    assert histories_digest([simulate(11)]) != histories_digest([simulate(12)])


def test_a_clock_that_jumps_ten_years_loses_nothing():
    """Draw seeds until one jumps far, and look that its history is whole; the checks are the simulation's own."""
    jumped = 0
    for seed in range(1_000, 1_100):
        run = Simulation(seed)
        if run.plan.clock_jumps and run.plan.liar is None:
            run.run()
            jumped += any(abs(node.clock.offset_ns) > 3_000 * NS_PER_S for node in run._nodes.values())
    assert jumped > 5


def test_the_command_prints_the_number_of_seeds_and_one_digest():
    runs = [
        CliRunner().invoke(command, ["--seed", "5", "--seeds", "41", "--jobs", jobs], standalone_mode=False)
        for jobs in ("1", "2")
    ]
    assert [run.return_value for run in runs] == [0, 0]
    assert runs[0].stdout == runs[1].stdout
    assert runs[0].stdout.startswith("41 seeds held: ")
    assert runs[0].stdout.splitlines()[1] == "digest " + histories_digest([simulate(seed) for seed in range(5, 46)])


def test_the_command_names_the_first_seed_that_fails(monkeypatch):
    def broken(seed):
        if seed == 7:
            raise Violation(seed, "roots differ")
        return simulate(seed)

    monkeypatch.setattr("detente.cli.simulate.simulate_one", broken)
    run = CliRunner().invoke(command, ["--seeds", "9", "--jobs", "1"], standalone_mode=False)
    assert run.return_value == 1
    assert run.stdout.startswith("seed 7 failed: roots differ\n")
    assert "see it again with: detente simulate --seed 7 --seeds 1 --trace" in run.stdout


def test_a_trace_tells_what_happened_last_and_changes_nothing():
    lines = traced(3)
    assert any(" to " in line and '{"t":' in line for line in lines)
    assert simulate(3).digest == Simulation(3, is_traced=True).run().digest
    shown = CliRunner().invoke(command, ["--seed", "3", "--seeds", "1", "--trace"], standalone_mode=False)
    assert lines[-1] in shown.stdout
    assert shown.stdout.splitlines()[-2].startswith("1 seeds held: ")


def test_a_node_that_went_back_to_a_backup_has_its_leaves_back_and_a_clone_is_shown_as_a_fork():
    """Run the seeds in which somebody goes back; the laws judge them. Some end whole, some with a fork on the desk."""
    shown = set()
    for seed in range(150):
        run = Simulation(seed)
        if run.plan.clones or run.plan.restores:
            run.run()
            shown |= {session.state for node in run._nodes.values() for session in node.sessions.values()}
    assert {State.UP, State.FORK} <= shown
    assert State.ROLLBACK not in shown


def test_a_fault_of_the_core_itself_is_a_violation_with_its_seed(monkeypatch):
    monkeypatch.setattr(simulation.Simulation, "run", lambda self: 1 / 0)
    with pytest.raises(Violation, match="seed 3: ZeroDivisionError"):
        simulate(3)
