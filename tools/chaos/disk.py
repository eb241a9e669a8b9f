"""Disks that fill up, and bits that turn over while a node is down."""

# ruff: noqa: S603, S607, TID251

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from chaos.judge import Verdict
from chaos.night import Night
from chaos.node import NodeDied, Refused
from detente.errors import DetenteError
from detente.evidence.leaf import is_body_of
from detente.evidence.leaf import read as read_leaf
from detente.evidence.merkle import leaf_hash
from detente.evidence.store import Entry
from detente.node.sqlite import SqliteStore


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """Mount a filesystem of *megabytes* at *folder* for the block. Raises PermissionError where that is not allowed."""
    if os.geteuid() != 0:
        raise PermissionError("a small filesystem needs root")
    folder.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        raise PermissionError(mounted.stderr.decode().strip())
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def grow(folder: Path, megabytes: int) -> None:
    """Give the small filesystem at *folder* more room."""
    subprocess.run(["mount", "-o", f"remount,size={megabytes}m", str(folder)], check=True)


@dataclass
class Full:
    """What a full disk came to."""

    refused: int = 0  # orders that were answered with a reason while it was full
    unrecorded: int = 0  # said at the desk, shown as not yet recorded
    flash_crossed: int = 0  # FLASHes said on a full disk that the other desk showed, marked
    flash_said: int = 0
    is_alive: bool = False  # the process never ended
    verdict: Verdict | None = None
    broken: list[str] = field(default_factory=list)


async def full_disk(folder: Path) -> Full:
    """Let Alfa's disk fill up while both talk, say FLASHes on it, give it room and compare the records."""
    found = Full()
    with small_disk(folder / "alfa", 2):
        async with Night.opened(folder) as night:
            night.talk(0.05)
            filler = folder / "alfa" / "filler"
            await asyncio.sleep(2)
            with contextlib.suppress(OSError), filler.open("wb") as file:
                while True:
                    file.write(bytes(4_096))
                    file.flush()
            await asyncio.sleep(2)
            await night.hush()
            alfa, bravo = night.nodes.values()
            for n in range(5):
                words = f"on a full disk {n}"
                found.flash_said += 1
                with contextlib.suppress(NodeDied):
                    try:
                        await alfa.say("bravo", words, "Z")
                    except Refused as refused:
                        found.refused += 1
                        found.broken += [] if str(refused) else ["a refusal without a reason"]
                        continue
                    await asyncio.sleep(0.7)
                    rows = {row["text"]: row for row in (await alfa.board())["messages"]}
                    found.unrecorded += words in rows and not rows[words]["recorded"]
                    found.flash_crossed += words in {row["text"] for row in (await bravo.board())["messages"]}
            found.is_alive = alfa.is_running
            filler.unlink()
            grow(folder / "alfa", 64)
            night.talk(0.2)
            await asyncio.sleep(3)
            found.verdict = await night.settled()
    if not found.is_alive:
        found.broken.append(f"the node ended: {alfa.last_words()}")
    if found.verdict is not None and not found.verdict.holds:
        found.broken.append(repr(found.verdict))
    return found


@dataclass
class Rot:
    """What single turned bits in a stopped node's file came to."""

    flips: int = 0
    refused_to_start: int = 0  # the file does not open, or the node says why it will not run
    served_altered: int = 0  # an altered leaf or body was read without a word: must be 0
    body_gone: int = 0  # a body is not found any more: shown and declared as no longer held, as one that went by age
    found_by_hash: int = 0  # the leaf read is not what its stored hash says
    found_by_peer: int = 0  # leaves are gone: the peer's hello says how many there were
    harmless: int = 0  # free space, a page that nothing reads
    broken: list[str] = field(default_factory=list)


def flip_bits(record: Path, scratch: Path, times: int, seed: int = 0) -> Rot:
    """Turn one random bit of a copy of *record*, *times* over, and read all that is in it."""
    draw = random.Random(seed)  # noqa: S311 reproducible is the point
    found = Rot()
    whole = SqliteStore(record, read_only=True)
    truth = {origin: whole.read(origin, 0, 1 << 40) for origin in whole.sizes()}
    whole.close()
    size = record.stat().st_size
    for _ in range(times):
        copy = scratch / "rot.sqlite"
        for old in scratch.glob("rot.sqlite*"):
            old.unlink()
        shutil.copy(record, copy)
        at, bit = draw.randrange(size), draw.randrange(8)
        with copy.open("r+b") as file:
            file.seek(at)
            octet = file.read(1)[0]
            file.seek(at)
            file.write(bytes([octet ^ 1 << bit]))
        found.flips += 1
        _judge_rot(found, copy, truth)
    return found


def _has_its_body(one: Entry) -> bool:
    return one.body is None or is_body_of(read_leaf(one.leaf), one.salt, one.body)


def _judge_rot(found: Rot, copy: Path, truth: dict[str, list[Entry]]) -> None:
    try:
        store = SqliteStore(copy)
    except DetenteError:
        found.refused_to_start += 1
        return
    try:
        is_changed = is_altered = is_found = is_shorter = False
        for origin, entries in truth.items():
            hashes, read = store.leaf_hashes(origin), store.read(origin, 0, 1 << 40)
            is_changed |= read != entries
            is_altered |= any(
                one != was and (one.leaf != was.leaf or one.body is not None)
                for one, was in zip(read, entries, strict=False)
            )
            is_shorter |= len(read) < len(entries)
            is_found |= len(read) * 32 != len(hashes) or any(
                leaf_hash(one.leaf) != hashes[32 * i : 32 * i + 32] or not _has_its_body(one)
                for i, one in enumerate(read)
            )
        found.found_by_hash += is_found
        found.found_by_peer += is_shorter and not is_found
        found.served_altered += is_altered and not is_found and not is_shorter
        found.body_gone += is_changed and not is_altered and not is_found and not is_shorter
        found.harmless += not is_changed and not is_found
    except DetenteError:
        found.refused_to_start += 1
    finally:
        store.close()
