"""`detente demo`: a scenario on three nodes of this machine, to look at in a browser or to check in a file."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from rich.console import Console

from detente.cli.finite import Finite
from detente.demo.scenario import DEFAULT

LOG_FILE: Final = "nodes.log"
"""In the demo's folder: lines of all its nodes. On the screen they would stand between the steps of the script."""

_err = Console(stderr=True, highlight=False, soft_wrap=True)


@click.command("demo", epilog="\b\nExample: detente demo --headless --summary out.json")
@click.option(
    "--scenario",
    "name",
    default=DEFAULT,
    show_default=True,
    help="A shipped scenario (border, august-2016) or a .toml file.",
)
@click.option("--headless", is_flag=True, help="Play the script without a browser, then end.")
@click.option("--seconds", type=Finite(min=1.0), help="End after so many seconds of the demo's clock.")
@click.option("--speed", type=Finite(min=0.1, max=1000.0), help="Times real time; 1 live, 10 headless.")
@click.option("--summary", type=click.Path(dir_okay=False, path_type=Path), help="Write what happened to this file.")
@click.option("--directory", type=click.Path(file_okay=False, path_type=Path), help="Keep keys and records here.")
def demo(
    name: str, headless: bool, seconds: float | None, speed: float | None, summary: Path | None, directory: Path | None
) -> int:
    """Start a node for each party on this machine, with recorded traffic and a staged incident, and play the script.

    Prints one console address a party; Ctrl-C ends it. With --headless exit 1 if a step did not hold.
    """
    from detente.demo.runner import Runner
    from detente.demo.scenario import scenario_named
    from detente.demo.stage import set_stage
    from detente.demo.summary import summary_of
    from detente.errors import ConfigError
    from detente.node import garbage
    from detente.node.clock import ScaledClock, SystemClock
    from detente.node.logs import set_up
    from detente.node.party import warm

    scenario = scenario_named(name)
    if summary is not None:
        # Before the play, which takes minutes, and not after it.
        summary.resolve().parent.mkdir(parents=True, exist_ok=True)
        if not os.access(summary.resolve().parent, os.W_OK):
            raise ConfigError(f"{summary}: the folder cannot be written")
    if directory is not None and directory.exists() and any(directory.iterdir()):
        raise ConfigError(f"{directory}: is not empty; give a new folder")
    rate = speed or (scenario.clock.headless_speed if headless else 1.0)
    clock = ScaledClock(SystemClock().now(), rate)

    async def play(folder: Path) -> tuple[Runner, bool]:
        running = asyncio.current_task()
        assert running is not None
        # First of all: a shell lets what it starts in the background ignore SIGINT until it is asked for.
        for sign in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(sign, running.cancel)
        with _err.status("loading the kernels; the first time they are compiled, half a minute"):
            await asyncio.to_thread(warm)
        with _err.status(f"setting the stage: {scenario.title}"):
            stage = await asyncio.to_thread(set_stage, scenario, folder, clock)
        for line in scenario.summary.strip().splitlines():
            _err.print(line)
        _err.print()
        for node in stage.nodes.values():
            print(f"{node.config.node.name:<10} {node.console_url}", flush=True)
        _err.print("It warns and records; the absence of a warning is not a clearance. Ctrl-C ends it.")
        _err.print(f"What the nodes log: {folder / LOG_FILE}\n")
        runner = Runner(scenario, stage, clock, headless, _err.print, seconds)
        try:
            async with garbage.short_looks():
                await runner.run()
        except asyncio.CancelledError:
            _err.print("ending")
            return runner, True
        return runner, False

    kept = directory or Path(tempfile.mkdtemp(prefix="detente-demo-"))
    kept.mkdir(parents=True, exist_ok=True)
    with (kept / LOG_FILE).open("a", encoding="utf-8", buffering=1) as log:
        set_up(log)
        try:
            runner, was_ended = asyncio.run(play(kept))
        except asyncio.CancelledError:  # before there was anything to end
            raise KeyboardInterrupt from None
        set_up()
    found = summary_of(runner, (summary.resolve().parent if summary else kept) / f"{scenario.name}-dossier.zip")
    if summary is not None:
        summary.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    if headless:
        _print_steps(found, {step.n for step in scenario.step if step.built})
    if headless and any(step["held"] is False for step in found["steps"]):
        return 1
    return 130 if headless and was_ended else 0


def _print_steps(found: Mapping[str, Any], built: Collection[int]) -> None:
    for step in found["steps"]:
        open_word = "not reached" if step["n"] in built else "not built yet"
        word = {True: "held", False: "FAILED", None: open_word}[step["held"]]
        print(f"{step['n']:>2}  {word:<14} {step['name']}")
    print(f"records equal: {found['records']['roots_equal']}; dossier verified: {found['dossier']['verified']}")
    print(f"dossier: {found['dossier']['path']}")
