"""What two records hold of one another, read from their files: nothing lost or doubled, order kept, roots equal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from detente.evidence.keys import parse_origin
from detente.evidence.merkle import Tree, leaf_hash
from detente.node.sqlite import SqliteStore

TOKEN = re.compile(rb"~(\w+) (\d{7})~")
_BATCH = 1_000


@dataclass
class Verdict:
    """Counts over all logs of both records; all but *leaves* and *said* should be 0."""

    leaves: int = 0
    said: int = 0
    lost: list[str] = field(default_factory=list)  # shown as recorded at the speaker's desk, and not in both records
    doubled: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    roots_differ: list[str] = field(default_factory=list)
    unreceipted: list[str] = field(default_factory=list)  # said before the end, and no receipt came in a minute
    ahead: int = 0  # leaves of the last moments, written while the other node was ending
    misfiled: list[str] = field(default_factory=list)  # a stored leaf hash is not of its leaf

    @property
    def holds(self) -> bool:
        wrong = (self.lost, self.doubled, self.out_of_order, self.roots_differ, self.misfiled, self.unreceipted)
        return not any(wrong)


def token(party: str, n: int) -> str:
    """Return the words by which one saying is found again."""
    return f"~{party} {n:07d}~"


def judge(a: Path, b: Path, recorded: set[str]) -> Verdict:
    """Compare the records *a* and *b*; *recorded* are the tokens that a desk showed as recorded."""
    verdict = Verdict()
    stores = [SqliteStore(path, read_only=True) for path in (a, b)]
    try:
        in_all: list[set[str]] = []
        for store in stores:
            seen: list[str] = []
            for origin, size in sorted(store.sizes().items()):
                seen += _walk(store, origin, size, verdict)
            twice = {one for one in seen if seen.count(one) > 1} if len(set(seen)) != len(seen) else set()
            verdict.doubled += sorted(twice)
            in_all.append(set(seen))
        verdict.lost = sorted(recorded - (in_all[0] & in_all[1]))
        verdict.said = len(in_all[0] | in_all[1])
        _compare(stores[0], stores[1], verdict)
    finally:
        for store in stores:
            store.close()
    return verdict


def _walk(store: SqliteStore, origin: str, size: int, verdict: Verdict) -> Iterator[str]:
    """Yield the tokens of one log in order; count what is out of order or not what its hash says."""
    hashes = store.leaf_hashes(origin)
    last = -1
    for start in range(0, size, _BATCH):
        for seq, entry in enumerate(store.read(origin, start, min(size, start + _BATCH)), start):
            if leaf_hash(entry.leaf) != hashes[32 * seq : 32 * seq + 32]:
                verdict.misfiled.append(f"{origin} {seq}")
            found = TOKEN.search(entry.body or b"")
            if found is None:
                continue
            n = int(found[2])
            if n < last:
                verdict.out_of_order.append(f"{origin} {seq}")
            last = n
            yield found[0].decode()


def _compare(a: SqliteStore, b: SqliteStore, verdict: Verdict) -> None:
    sizes = a.sizes()
    own = next((parse_origin(log).writer for log in sizes if log.startswith("alfa")), "")
    for origin in sorted(sizes | b.sizes()):
        ours, theirs = a.leaf_hashes(origin), b.leaf_hashes(origin)
        verdict.leaves += len(ours) // 32
        writer, mirror = (ours, theirs) if parse_origin(origin).writer == own else (theirs, ours)
        verdict.ahead += (len(writer) - len(mirror)) // 32
        # A node says things of its own until it ends: what it said last the other had no time to take.
        if len(mirror) > len(writer) or _root(writer[: len(mirror)]) != _root(mirror):
            verdict.roots_differ.append(f"{origin}: {len(ours) // 32} and {len(theirs) // 32} leaves")


def _root(hashes: bytes) -> bytes:
    return Tree(hashes[i : i + 32] for i in range(0, len(hashes), 32)).root()
