"""The node's log of acts on the disk, in ``audit.sqlite`` beside the record; and its part as witness of the peers'.

Whoever notes an act does not wait for the disk; a thread of its own writes them, in order. What the disk does not take
is kept, up to a limit, said at the desk, and written once it can be.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Final

import structlog

from detente.errors import DetenteError, PeerFault
from detente.evidence.audit import (
    PADDING,
    AboutKey,
    Act,
    Offer,
    WitnessRefused,
    next_leaf,
    offer,
    padding,
    witness,
    witnessed,
)
from detente.evidence.checkpoint import Checkpoint, sign_checkpoint
from detente.evidence.keys import KeyChain, audit_origin
from detente.evidence.log import Log
from detente.evidence.merkle import leaf_hash
from detente.evidence.note import split_note
from detente.evidence.store import Entry
from detente.node.clock import Clock
from detente.node.keyring import Keyring
from detente.node.sqlite import SqliteStore
from detente.types import NS_PER_S, Instant, NodeName, instant_ms

AUDIT_FILE: Final = "audit.sqlite"
WAITING_LIMIT: Final = 10_000
"""Acts the disk has not taken; beyond it the oldest goes, counted."""

_HOUR_NS: Final = 3_600 * NS_PER_S

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Noted:
    at_ms: int
    act: Act
    by: str
    about: Mapping[AboutKey, str | int]


@dataclass(frozen=True)
class Judged:
    """What a witness answers: its line, or none and the *size* it has cosigned, and an *alarm* for its own desk."""

    size: int
    lines: str = ""
    alarm: str = ""


class Acts:
    """Notes acts, closes the hours, answers the peers. Everything but `note` is called from one thread at a time."""

    def __init__(self, directory: Path, keyring: Keyring, clock: Clock, store: SqliteStore | None = None) -> None:
        path = directory / AUDIT_FILE
        self._store = store or SqliteStore(path, create=not path.exists())
        self.keyring = keyring
        self._clock = clock
        self.origin = audit_origin(keyring.node)
        self.log = Log(self.origin, self._store.tree(self.origin), self._store.checkpoint(self.origin))
        self._waiting: deque[_Noted] = deque()
        self._filled = asyncio.Event()
        self._closed_hour = clock.now() // _HOUR_NS
        self._writer = ThreadPoolExecutor(1, "acts")
        self._lock = RLock()  # the writer's thread and the engine's both come here
        self.lost = 0
        self.fault = ""  # why the disk took nothing, for the desk

    def note(self, act: Act, by: str = "node", about: Mapping[str, str | int] | None = None, **more: str | int) -> None:
        """Note *act* by the seat *by*; *about* and *more* take the names of `AboutKey`. Returns at once."""
        what = {**(about or {}), **more}
        self._waiting.append(_Noted(instant_ms(self._clock.now()), act, by, what))  # type: ignore[arg-type]
        if len(self._waiting) > WAITING_LIMIT:
            self._waiting.popleft()
            self.lost += 1
        self._filled.set()

    async def run(self) -> None:
        """Write what is noted until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self._filled.wait()
            self._filled.clear()
            await loop.run_in_executor(self._writer, self.write)
            if self.fault:
                await asyncio.sleep(1.0)
                self._filled.set()

    def write(self) -> bool:
        """Put what is noted on the disk; returns whether it took it. What it refused waits."""
        with self._lock:
            while self._waiting:
                noted = self._waiting[0]
                try:
                    leaf = next_leaf(self.log, self.keyring.env, noted.at_ms, noted.act, noted.by, noted.about)
                    self._append([leaf])
                except DetenteError as wrong:
                    self._say(f"acts are not recorded: {wrong}")
                    return False
                self._waiting.popleft()
            self.fault = ""
            return True

    def _append(self, leaves: list[bytes]) -> None:
        entries = [Entry(leaf=leaf, body=b"", salt=b"") for leaf in leaves]
        hashes = self._store.append([(self.origin, self.log.size, entries)])[self.origin]
        if hashes != [leaf_hash(leaf) for leaf in leaves]:
            raise PeerFault(f"{self.origin}: read back altered")
        self.log.extend(hashes)

    def _say(self, fault: str) -> None:
        if fault != self.fault:
            log.warning("acts", fault=fault)
        self.fault = fault

    async def close_hour(self, now: Instant) -> bool:
        """At the first call of an hour: pad the log and sign it; returns whether there is something new to witness."""
        if now // _HOUR_NS == self._closed_hour:
            return False
        self._closed_hour = now // _HOUR_NS
        self.note(Act.HOUR)
        return await asyncio.get_running_loop().run_in_executor(self._writer, self.sign)

    def sign(self) -> bool:
        """Pad the log to a multiple of 256 leaves and sign it; returns whether the disk took it."""
        with self._lock:
            try:
                if not self.write():
                    return False
                self._append([PADDING] * padding(self.log.size))
                note = sign_checkpoint(self.log.head(), self.keyring.log)
                self._store.replace_checkpoint(self.origin, self.log.checkpoint, note)
            except DetenteError as wrong:
                self._say(f"the log of acts is not signed: {wrong}")
                return False
            self.log.checkpoint = note
            return True

    # --- our log before its witnesses

    def offer_to(self, peer: NodeName, old: int | None = None) -> Offer | None:
        """Return what *peer* is to witness, from *old* leaves on (what it cosigned last); None when nothing is new."""
        with self._lock:
            if self.log.checkpoint is None:
                return None
            held = self._store.state(f"witnessed/{peer}")
            old = old if old is not None else 0 if held is None else _head(held).size
            size = _head(self.log.checkpoint).size
            return offer(self.log.tree, self.log.checkpoint, size, old) if old < size else None

    def heard_witness(self, peer: KeyChain, size: int, lines: str) -> Offer | None:
        """Take in *peer*'s answer: its cosignature is kept; without one, return what to offer it from *size* on.

        Raises PeerFault for a cosignature that does not verify, or for a size we never had.
        """
        with self._lock:
            note = self.log.checkpoint
            if not lines:
                if size > self.log.size:
                    raise PeerFault(f"{peer.node} has witnessed {size} of our acts, and there are {self.log.size}")
                return self.offer_to(peer.node, size)
            if note is not None and _head(note).size == size:
                kept = witnessed(note, lines.encode(), peer.cosigners("witness", _head(note)))
                self._store.put_state(f"witnessed/{peer.node}", kept)
            return None

    # --- as witness

    def judge(self, peer: KeyChain, offered: Offer, now: Instant) -> Judged:
        """Return what to answer to *offered*: the line is on the disk before it is returned."""
        with self._lock:
            held = self._store.state(f"held/{peer.node}")
            size = 0 if held is None else _head(held).size
            try:
                line, note = witness(offered, held, peer, self.keyring.witness, now // NS_PER_S)
            except WitnessRefused as wrong:
                self._store.put_state(f"proof/{peer.node}", b"".join(wrong.proof))
                return Judged(size, alarm=wrong.reason)
            except PeerFault:
                return Judged(size)
            self._store.put_state(f"held/{peer.node}", note)
            return Judged(_head(note).size, line.decode())

    def held_of(self, peer: NodeName) -> int:
        """Return up to which size we have witnessed *peer*'s log."""
        held = self._store.state(f"held/{peer}")
        return 0 if held is None else _head(held).size

    def witnesses(self) -> dict[str, bytes]:
        """Return the newest cosigned checkpoint of our log by each peer that gave one."""
        keys = self._store.states("witnessed/")
        return {key.removeprefix("witnessed/"): note for key, note in keys.items()}

    def close(self) -> None:
        """Write what waits and close the file."""
        self._writer.shutdown()
        self.write()
        self._store.close()


def _head(note: bytes) -> Checkpoint:
    return Checkpoint.parse(split_note(note)[0].decode())
