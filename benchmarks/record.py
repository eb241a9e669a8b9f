"""What the record costs: a leaf signed, read and checked; the tree; proofs; leaves made durable by SQLite.

`detente bench record` or `python benchmarks/record.py [--quick] [--json]`. One thread, medians. The store is the
node's, in a temporary folder: a transaction is durable (synchronous FULL) when it returns, so most of its time is the
disk's.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from detente.evidence.keys import origin
from detente.evidence.leaf import Envelope, Kind, Lane, body_commitment, decode, encode, salt_for
from detente.evidence.merkle import Tree, leaf_hash, verify_inclusion
from detente.evidence.note import b64
from detente.evidence.store import Entry
from detente.node.sqlite import SqliteStore
from detente.testing.identities import own_identity
from detente.types import Precedence

ALFA, BRAVO = own_identity("alfa.example/detente"), own_identity("bravo.example/detente")
LOG = origin(ALFA.node, BRAVO.node, Lane.OPS)
BODY = json.dumps({"text": "We go on watching the line. " * 8}).encode()


def envelope(seq: int, prev: bytes) -> Envelope:
    salt = salt_for(ALFA.salt_key, LOG, seq)
    return Envelope(
        log=LOG,
        seq=seq,
        prev=b64(prev),
        to=BRAVO.node,
        ts=1_795_363_200_000 + seq,
        hlc=(1_795_363_200_000 + seq, 0),
        kind=Kind.HOTLINE,
        prec=Precedence.ROUTINE,
        by="duty_officer",
        body=body_commitment(salt, BODY),
        size=len(BODY),
        media="application/json",
        pol=b64(bytes(32)),
    )


def chain(n: int) -> list[Entry]:
    entries, prev = [], bytes(32)
    for seq in range(n):
        leaf = encode(envelope(seq, prev), ALFA.env)
        entries.append(Entry(leaf=leaf, body=BODY, salt=salt_for(ALFA.salt_key, LOG, seq)))
        prev = leaf_hash(leaf)
    return entries


def timed_us(call: Callable[[], Any], repeats: int) -> dict[str, float]:
    """Return the median and the slowest of *repeats* calls, in microseconds, after one that is not counted."""
    call()
    taken = []
    for _ in range(repeats):
        begun = time.perf_counter()
        call()
        taken.append((time.perf_counter() - begun) * 1e6)
    return {"median_us": round(statistics.median(taken), 1), "most_us": round(max(taken), 1)}


def leaves(repeats: int) -> dict[str, Any]:
    made = encode(envelope(0, bytes(32)), ALFA.env)
    said = envelope(0, bytes(32))
    return {
        "bytes": len(made),
        "sign": timed_us(lambda: encode(said, ALFA.env), repeats),
        "check": timed_us(lambda: decode(made, ALFA.env.vkey), repeats),
    }


def tree(n: int, repeats: int) -> dict[str, Any]:
    hashes = [leaf_hash(seq.to_bytes(8, "big")) for seq in range(n)]
    begun = time.perf_counter()
    grown = Tree(hashes)
    built_s = time.perf_counter() - begun
    path = grown.inclusion(n // 3, n)
    return {
        "leaves": n,
        "append_us": round(built_s / n * 1e6, 2),
        "root": timed_us(grown.root, repeats),
        "prove": timed_us(lambda: grown.inclusion(n // 3, n), repeats),
        "verify": timed_us(lambda: verify_inclusion(hashes[n // 3], n // 3, n, path, grown.root()), repeats),
    }


def commits(entries: list[Entry], batch: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="detente-record-") as name:
        store = SqliteStore(Path(name) / "record.sqlite", create=True)
        taken = []
        for start in range(0, len(entries) - batch + 1, batch):
            begun = time.perf_counter()
            store.append([(LOG, start, entries[start : start + batch])])
            taken.append(time.perf_counter() - begun)
        store.close()
    return {
        "leaves_a_transaction": batch,
        "median_ms": round(statistics.median(taken) * 1e3, 2),
        "most_ms": round(max(taken) * 1e3, 2),
        "leaves_per_s": round(batch * len(taken) / sum(taken)),
    }


def measured(quick: bool = False) -> dict[str, Any]:
    """Return the figures of leaf, tree and store, with the machine they are of."""
    entries = chain(640 if quick else 6_400)
    return {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "leaf": leaves(200 if quick else 2_000),
        "tree": tree(10_000 if quick else 1_000_000, 200),
        "store": [commits(entries[: 64 * batch], batch) for batch in (1, 10)] + [commits(entries, 64)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = measured(asked.quick)
    print(json.dumps(found, indent=None if asked.json else 2))


if __name__ == "__main__":
    main()
