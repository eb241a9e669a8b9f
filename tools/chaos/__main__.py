"""Runs a night: `PYTHONPATH=src:tools python -m chaos [--cuts 1000] [--kills 1000] … [--page docs/reliability.md]`."""

# ruff: noqa: T201, TID251

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from chaos import syscalls
from chaos.disk import flip_bits, full_disk
from chaos.night import Night, Tally, seconds
from chaos.report import Findings

KBIT_256 = 256_000 / 8
SITTING = 50  # after so many of a kind the page is written: a night that is ended by hand leaves what it found


def asked(arguments: list[str]) -> argparse.Namespace:
    """Return the options; the defaults are the nightly set."""
    parser = argparse.ArgumentParser(prog="chaos", description="Hurts two real nodes and says what came of it.")
    for name, default in (
        ("cuts", 1_000),
        ("kills", 1_000),
        ("stops", 20),
        ("slow", 20),
        ("flips", 500),
        ("syscall-every", 1),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--no-disk", action="store_true", help="leave the full disk out")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--page", type=Path, help="write the table into this page")
    return parser.parse_args(arguments)


async def night(options: argparse.Namespace, folder: Path, findings: Findings) -> None:
    """Do everything asked for, one after the other, and fill *findings*; what was done stands in the page at once."""
    begun = time.monotonic()

    def keep() -> None:
        findings.took_s = time.monotonic() - begun
        if options.page is not None:
            findings.write(options.page)

    async with Night.opened(folder / "nodes", options.seed) as run:
        run.talk()
        parts = (
            ("line cut, every tenth a black hole", run.cuts, (options.cuts,)),
            ("kill −9", run.kills, (options.kills,)),
            ("SIGSTOP for 0.5 to 8 s", run.stops, (options.stops,)),
            ("256 kbit/s and 50 ms", run.slow, (options.slow, KBIT_256, 0.05)),
        )
        for name, hurt, (times, *how) in parts:
            for done in range(0, times, SITTING):
                sitting = await hurt(min(SITTING, times - done), *how)
                findings.tallies.setdefault(name, Tally()).add(sitting)
                minutes = (time.monotonic() - begun) / 60
                told = f"FLASH {seconds(sitting.flash_heard_s)} s, start {seconds(sitting.start_s)} s"
                print(f"{name}: {findings.tallies[name].done} of {times}, {minutes:.0f} min; {told}", flush=True)
                keep()
        findings.verdict, findings.acknowledged = await run.settled(), run.acknowledged
        print(f"acknowledged {run.acknowledged}, said {run.answered}, refused {run.refused}", flush=True)
        print(f"records: {'whole' if findings.verdict.holds else findings.verdict}", flush=True)
        alfa = run.nodes["alfa"]
        keep()
    if options.flips:
        findings.rot = flip_bits(alfa.record, folder, options.flips, options.seed)
    why = await syscalls.why_not() if options.syscall_every else "not asked for"
    if why:
        findings.skipped["syscalls made to fail"] = why
    else:
        for what in ("append", "mirror"):
            place = folder / what
            place.mkdir()
            findings.injected[what] = await syscalls.record_faults(place, what, options.syscall_every)
            print(f"{what}: {findings.injected[what]}", flush=True)
        place = folder / "export"
        place.mkdir()
        findings.injected["export"] = await syscalls.export_faults(alfa, place, options.syscall_every)
        print(f"export: {findings.injected['export']}", flush=True)
        keep()
    if not options.no_disk:
        try:
            findings.full = await full_disk(folder / "small")
            print(f"full disk: {findings.full}", flush=True)
        except PermissionError as wrong:
            findings.skipped["full disk"] = str(wrong)
    keep()


def main() -> int:
    """Run a night; exit 1 if something did not hold."""
    options = asked(sys.argv[1:])
    command = " ".join(
        ["python -m chaos", *(word for word in sys.argv[1:] if word not in {"--page", str(options.page)})]
    )
    findings = Findings(command, f"{datetime.now(UTC):%Y-%m-%d}")
    with tempfile.TemporaryDirectory(prefix="detente-chaos-") as folder:
        asyncio.run(night(options, Path(folder), findings))
    print(findings.table())
    return 1 if findings.broken else 0


if __name__ == "__main__":
    sys.exit(main())
