"""`detente simulate`: links under faults, from seeds, for whoever changes the core or doubts it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import click
from rich.console import Console
from rich.progress import track

from detente import __version__
from detente.testing.simulation import History, Violation, histories_digest, traced
from detente.testing.simulation import simulate as simulate_one

_BATCH = 20
_TRACED = 12
"""How many lines of a failed seed's trace are printed unasked."""


def _batch(seeds: range) -> list[History] | Violation:
    """Return the histories of *seeds*, or the first violation: an exception would lose its seed between processes."""
    try:
        return [simulate_one(seed) for seed in seeds]
    except Violation as violation:
        return violation


def _outcomes(batches: list[range], jobs: int) -> Iterator[list[History] | Violation]:
    if jobs == 1:
        yield from map(_batch, batches)
        return
    pool = ProcessPoolExecutor(jobs)
    try:
        yield from pool.map(_batch, batches)
    finally:
        pool.shutdown(cancel_futures=True)


@click.command(epilog="\b\nExample: detente simulate --seed 7 --seeds 1 --trace")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0, 2**62), help="The first seed.")
@click.option("--seeds", default=2_000, show_default=True, type=click.IntRange(1, 10_000_000), help="How many.")
@click.option("--jobs", default=0, type=click.IntRange(0, 256), help="Processes; 0 takes one a core.")
@click.option("--trace", is_flag=True, help="Print what happened last under the first seed.")
def simulate(seed: int, seeds: int, jobs: int, trace: bool) -> int:
    """Run links of two to four parties through a bad network, crashes, bad disks, backups, wrong clocks and a liar.

    Prints how many seeds held and a digest of their histories, which depends on the seeds alone; or the first seed
    that did not hold, with what it broke and what happened last, and exits with 1.
    """
    if trace:
        print("\n".join(traced(seed)))
    end = seed + seeds
    batches = [range(first, min(first + _BATCH, end)) for first in range(seed, end, _BATCH)]
    jobs = min(jobs or os.cpu_count() or 1, len(batches))
    histories: list[History] = []
    shown = Console(stderr=True)
    outcomes = _outcomes(batches, jobs)
    for outcome in track(
        outcomes, "simulating", len(batches), console=shown, transient=True, disable=not sys.stderr.isatty()
    ):
        if isinstance(outcome, Violation):
            print(f"seed {outcome.seed} failed: {outcome.what}")
            print(
                f"see it again with: detente simulate --seed {outcome.seed} --seeds 1 --trace (detente {__version__})"
            )
            if not trace:
                print("\n".join(traced(outcome.seed)[-_TRACED:]))
            return 1
        histories += outcome
    print(f"{len(histories)} seeds held: {_counted(histories)}")
    print(f"digest {histories_digest(histories)}")
    return 0


def _counted(histories: list[History]) -> str:
    return ", ".join(
        f"{sum(getattr(history, what) for history in histories)} {what.replace('_', ' ')}"
        for what in ("leaves", "cuts", "crashes", "full_disks", "restores", "clones", "lies")
    )
