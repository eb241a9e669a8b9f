"""Every write, sync, rename and removal of append, mirror and export made to fail in its turn, through strace.

After each: the record opens and is whole up to what was told durable, or it refuses with a reason; an export is there
whole or not at all. strace is needed; without it this says why it was left out.
"""

# ruff: noqa: TID251

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from chaos.node import RealNode, ran
from chaos.victim import LOG
from detente.errors import DetenteError
from detente.evidence.leaf import FIRST_PREV, read
from detente.evidence.merkle import leaf_hash
from detente.evidence.note import b64
from detente.node.sqlite import SqliteStore

CALLS = "pwrite64,write,fsync,fdatasync,rename,ftruncate,unlink"
EXPORT_CALLS = "write,pwrite64,fsync,fdatasync,rename,renameat,link,linkat"
FAULTS = ("error=EIO", "error=ENOSPC", "signal=SIGKILL")
TIMES = 3


@dataclass
class Injected:
    """What came of one program: how many faults, how many ended refused with a reason, and what did not hold."""

    calls: int = 0
    faults: int = 0
    refused: int = 0
    went_on: int = 0  # the fault was survived: what it hit was tried again, or was not needed
    killed: int = 0
    broken: list[str] = field(default_factory=list)


async def why_not() -> str:
    """Return why faults cannot be injected here, installing strace where that is allowed; empty if they can."""
    if shutil.which("strace") is None and os.geteuid() == 0 and shutil.which("apt-get"):
        install = await asyncio.create_subprocess_exec(
            "apt-get", "install", "-y", "-qq", "strace", stdout=asyncio.subprocess.DEVNULL
        )
        await install.wait()
    if shutil.which("strace") is None:
        return "there is no strace, and no right to install it"
    code, told = await _traced([], "true")
    return "" if code == 0 else f"strace does not work here: {told[-200:]}"


async def _traced(options: list[str], *command: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *("strace", "-f", "-qq", *options, *command),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    told, _ = await process.communicate()
    return process.returncode or 0, told.decode(errors="replace")


def _paths(record: Path) -> list[str]:
    return [word for suffix in ("", "-wal", "-shm") for word in ("-P", f"{record}{suffix}")]


async def record_faults(folder: Path, what: str, every: int = 1) -> Injected:
    """Let each call (each *every*-th) of *what*, append or mirror, fail in its turn, in each way."""
    record, template = folder / "record.sqlite", folder / "template.sqlite"
    SqliteStore(template, create=True).close()
    command = (sys.executable, "-m", "chaos.victim", what, str(record), str(TIMES))
    found = Injected()

    def fresh() -> None:
        for old in folder.glob("record.sqlite*"):
            old.unlink()
        shutil.copy(template, record)

    fresh()
    log = folder / "strace.txt"
    await _traced([*_paths(record), "-e", f"trace={CALLS}", "-o", str(log)], *command)
    names = re.findall(r"^\d+ +(\w+)\(", log.read_text(), re.MULTILINE)
    found.calls = len(names)
    for name in sorted(set(names)):
        for n in range(1, names.count(name) + 1, every):
            for fault in FAULTS:
                fresh()
                options = [
                    *_paths(record),
                    "-e",
                    f"trace={name}",
                    "-e",
                    f"inject={name}:{fault}:when={n}",
                    "-o",
                    str(log),
                ]
                code, told = await _traced(options, *command)
                _judge_record(found, record, f"{what}: {name} {n} {fault}", code, told)
    return found


def _judge_record(found: Injected, record: Path, which: str, code: int, told: str) -> None:
    found.faults += 1
    lines = told.strip().splitlines()
    durable = max([int(line) for line in lines if line.isdigit()], default=0)
    refusal = next((line for line in lines if line.startswith("refused")), None)
    if "Traceback" in told or (code not in {0, 2} and "SIGKILL" not in which):
        found.broken.append(f"{which}: ended with {code}: {lines[-1] if lines else ''}")
        return
    found.refused += refusal is not None
    found.killed += code not in {0, 2}
    found.went_on += code == 0
    try:
        store = SqliteStore(record)
    except DetenteError as fault:
        if durable:
            found.broken.append(f"{which}: {durable} leaves were durable, and then: {fault}")
        return
    prev = FIRST_PREV
    entries = store.read(LOG, 0, 1 << 40)
    for seq, one in enumerate(entries):
        envelope = read(one.leaf)
        if (envelope.seq, envelope.prev) != (seq, b64(prev)) or one.body is None:
            found.broken.append(f"{which}: leaf {seq} is out of its chain")
        prev = leaf_hash(one.leaf)
    receipt = store.receipt(LOG)
    if len(entries) < durable or (receipt is not None and receipt.size > len(entries)):
        found.broken.append(f"{which}: {durable} were told durable, {len(entries)} are there")
    store.append([(LOG, len(entries), [])])  # it can be written again
    store.close()


async def export_faults(node: RealNode, folder: Path, every: int = 1) -> Injected:
    """Let each call by which an export of *node*'s record reaches the disk fail in its turn, in each way."""
    out, log = folder / "dossier.zip", folder / "strace.txt"
    command = (
        sys.executable,
        "-m",
        "detente",
        "export",
        "--config",
        str(node.folder / "detente.toml"),
        "--out",
        str(out),
    )
    found = Injected()

    def fresh() -> None:
        for old in folder.glob("*dossier*"):
            shutil.rmtree(old) if old.is_dir() else old.unlink()

    fresh()
    # The temporary name is another each time, so a call is told by its turn among all of its name, not by its path.
    await _traced(["-y", "-e", f"trace={EXPORT_CALLS}", "-o", str(log)], *command)
    turns = _turns(log.read_text(), str(folder))
    found.calls = len(turns)
    for name, n in turns[::every]:
        for fault in FAULTS:
            fresh()
            options = ["-e", f"trace={name}", "-e", f"inject={name}:{fault}:when={n}", "-o", str(log)]
            code, told = await _traced(options, *command)
            found.faults += 1
            await _judge_export(found, out, out.exists(), f"export: {name} {n} {fault}", code, told)
    return found


def _turns(trace: str, folder: str) -> list[tuple[str, int]]:
    """Return the calls in *trace* that touch *folder*: name, and which of that name it is in its process."""
    counted: Counter[tuple[str, str]] = Counter()
    turns = []
    for line in trace.splitlines():
        if match := re.match(r"(\d+) +(\w+)\(", line):
            counted[match[1], match[2]] += 1
            if folder in line:
                turns.append((match[2], counted[match[1], match[2]]))
    return turns


async def _judge_export(found: Injected, out: Path, is_there: bool, which: str, code: int, told: str) -> None:
    if "Traceback" in told or (code not in {0, 2} and "SIGKILL" not in which):
        found.broken.append(f"{which}: ended with {code}: {told.strip().splitlines()[-1][:200]}")
    found.refused += code == 2
    found.went_on += code == 0
    found.killed += code not in {0, 2}
    if is_there:
        verdict, said = await ran("verify", str(out))
        if verdict not in {0, 2}:  # 2: whose root it is, nobody was asked
            found.broken.append(f"{which}: left a dossier that does not verify: {said.strip().splitlines()[-1][:200]}")
    elif code == 0:
        found.broken.append(f"{which}: says it is done, and there is nothing")
