"""Leaf stores for tests: one in memory, one whose faults come in two: refused, and done though it looked refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import TypeVar

from detente.errors import OwnFault
from detente.evidence.log import Receipt
from detente.evidence.merkle import Tree, leaf_hash
from detente.evidence.store import Entry, LeafStore, StoreFault, Write

_T = TypeVar("_T")


@dataclass
class MemoryStore:
    """A `LeafStore` in memory. It forgets nothing until it is dropped: what outlives a crash in a simulation."""

    logs: dict[str, list[Entry]] = field(default_factory=dict)
    checkpoints: dict[str, bytes] = field(default_factory=dict)
    receipts: dict[str, Receipt] = field(default_factory=dict)
    states: dict[str, bytes] = field(default_factory=dict)
    wanted: dict[str, set[int]] = field(default_factory=dict)

    def append(self, writes: Sequence[Write]) -> dict[str, list[bytes]]:
        sizes = self.sizes()
        for origin, start, entries in writes:
            if start != sizes.get(origin, 0):
                raise OwnFault(f"{origin}: an entry for {start} while the log holds {sizes.get(origin, 0)}")
            sizes[origin] = start + len(entries)
        hashes: dict[str, list[bytes]] = {}
        for origin, _, entries in writes:
            kept = [e if e.body is not None else replace(e, salt=b"") for e in entries]
            log = self.logs.setdefault(origin, [])
            self.wanted.setdefault(origin, set()).update(i for i, e in enumerate(kept, len(log)) if e.body is None)
            log.extend(kept)
            hashes.setdefault(origin, []).extend(leaf_hash(entry.leaf) for entry in entries)
        return hashes

    def put_body(self, origin: str, seq: int, salt: bytes, body: bytes) -> None:
        log = self.logs.get(origin, [])
        if not 0 <= seq < len(log):
            raise OwnFault(f"{origin}: a body for leaf {seq}, which is not there")
        log[seq] = Entry(leaf=log[seq].leaf, body=body, salt=salt)
        self.wanted[origin].discard(seq)

    def bodies_wanted(self, origin: str, start: int = 0) -> list[int]:
        return sorted(seq for seq in self.wanted.get(origin, ()) if seq >= start)

    def bodies_held(self, origin: str, start: int, limit: int) -> list[int]:
        log = self.logs.get(origin, [])
        return [seq for seq in range(start, len(log)) if log[seq].body is not None][:limit]

    def forget_bodies(self, origin: str, seqs: Sequence[int]) -> None:
        for seq in seqs:
            self.logs[origin][seq] = Entry(leaf=self.logs[origin][seq].leaf, body=None, salt=b"")
            self.wanted[origin].discard(seq)

    def mend(self, origin: str, seq: int, leaf: bytes) -> None:
        if leaf_hash(leaf) != self.tree(origin).leaf(seq):
            raise OwnFault(f"{origin}: not the leaf {seq} that the log's tree holds")
        self.logs[origin][seq] = replace(self.logs[origin][seq], leaf=leaf)

    def read(self, origin: str, start: int, stop: int) -> list[Entry]:
        return self.logs.get(origin, [])[max(start, 0) : max(stop, 0)]

    def sizes(self) -> dict[str, int]:
        known = self.logs.keys() | self.checkpoints.keys() | self.receipts.keys()
        return {origin: len(self.logs.get(origin, [])) for origin in sorted(known)}

    def tree(self, origin: str) -> Tree:
        return Tree(leaf_hash(entry.leaf) for entry in self.logs.get(origin, []))

    def leaf_hashes(self, origin: str) -> bytes:
        return b"".join(leaf_hash(entry.leaf) for entry in self.logs.get(origin, []))

    def checkpoint(self, origin: str) -> bytes | None:
        return self.checkpoints.get(origin)

    def replace_checkpoint(self, origin: str, old: bytes | None, new: bytes) -> None:
        if self.checkpoints.get(origin) != old:
            raise OwnFault(f"{origin}: the checkpoint to replace is not the one held")
        self.checkpoints[origin] = new

    def receipt(self, origin: str) -> Receipt | None:
        return self.receipts.get(origin)

    def put_receipt(self, origin: str, receipt: Receipt) -> None:
        held = self.receipts.get(origin)
        if held and receipt.size < held.size:
            raise OwnFault(f"{origin}: a receipt for {receipt.size} leaves, fewer than the one held")
        self.receipts[origin] = receipt

    def state(self, key: str) -> bytes | None:
        return self.states.get(key)

    def put_state(self, key: str, value: bytes) -> None:
        self.states[key] = value

    def close(self) -> None:
        """Nothing to let go of."""

    def backup(self) -> MemoryStore:
        """Return a copy as of now, to be restored later."""
        return MemoryStore(
            logs={origin: list(entries) for origin, entries in self.logs.items()},
            checkpoints=dict(self.checkpoints),
            receipts=dict(self.receipts),
            states=dict(self.states),
            wanted={origin: set(seqs) for origin, seqs in self.wanted.items()},
        )


class Fault(Enum):
    """What becomes of one write: it is not done, or it is done and looks refused."""

    REFUSED = auto()
    DONE = auto()


class FaultyStore:
    """A `LeafStore` around *inner*: each write takes the next of *faults*; None, or their end, lets it pass."""

    def __init__(self, inner: LeafStore, faults: Iterator[Fault | None]) -> None:
        self.inner = inner
        self._faults = faults

    def append(self, writes: Sequence[Write]) -> dict[str, list[bytes]]:
        return self._write(lambda: self.inner.append(writes))

    def put_body(self, origin: str, seq: int, salt: bytes, body: bytes) -> None:
        self._write(lambda: self.inner.put_body(origin, seq, salt, body))

    def read(self, origin: str, start: int, stop: int) -> list[Entry]:
        return self.inner.read(origin, start, stop)

    def sizes(self) -> dict[str, int]:
        return self.inner.sizes()

    def tree(self, origin: str) -> Tree:
        return self.inner.tree(origin)

    def bodies_wanted(self, origin: str, start: int = 0) -> list[int]:
        return self.inner.bodies_wanted(origin, start)

    def bodies_held(self, origin: str, start: int, limit: int) -> list[int]:
        return self.inner.bodies_held(origin, start, limit)

    def forget_bodies(self, origin: str, seqs: Sequence[int]) -> None:
        self._write(lambda: self.inner.forget_bodies(origin, seqs))

    def mend(self, origin: str, seq: int, leaf: bytes) -> None:
        self._write(lambda: self.inner.mend(origin, seq, leaf))

    def leaf_hashes(self, origin: str) -> bytes:
        return self.inner.leaf_hashes(origin)

    def checkpoint(self, origin: str) -> bytes | None:
        return self.inner.checkpoint(origin)

    def replace_checkpoint(self, origin: str, old: bytes | None, new: bytes) -> None:
        self._write(lambda: self.inner.replace_checkpoint(origin, old, new))

    def receipt(self, origin: str) -> Receipt | None:
        return self.inner.receipt(origin)

    def put_receipt(self, origin: str, receipt: Receipt) -> None:
        self._write(lambda: self.inner.put_receipt(origin, receipt))

    def state(self, key: str) -> bytes | None:
        return self.inner.state(key)

    def put_state(self, key: str, value: bytes) -> None:
        self._write(lambda: self.inner.put_state(key, value))

    def close(self) -> None:
        self.inner.close()

    def _write(self, write: Callable[[], _T]) -> _T:
        fault = next(self._faults, None)
        if fault is Fault.REFUSED:
            raise StoreFault("the disk refused, as planned")
        done = write()
        if fault is Fault.DONE:
            raise StoreFault("the disk did it and looked as if it refused, as planned")
        return done
