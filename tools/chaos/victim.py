"""What a node does to a disk, as a program of its own, so that every syscall of it can be made to fail.

`python -m chaos.victim append|mirror RECORD TIMES`: prints the size it was told is durable after each step; a refusal
is one line that begins with ``refused``, and ends it.
"""

# ruff: noqa: T201

from __future__ import annotations

import sys
from pathlib import Path

from detente.errors import DetenteError
from detente.evidence.checkpoint import Checkpoint, cosignature, sign_checkpoint, with_lines
from detente.evidence.keys import origin
from detente.evidence.leaf import FIRST_PREV, Envelope, Kind, Lane, body_commitment, encode, salt_for
from detente.evidence.log import Receipt
from detente.evidence.merkle import Tree
from detente.evidence.note import b64
from detente.evidence.store import Entry
from detente.node.sqlite import SqliteStore
from detente.testing.identities import own_identity
from detente.types import Precedence

ALFA, BRAVO = own_identity("alfa.example/detente"), own_identity("bravo.example/detente")
LOG = origin(ALFA.node, BRAVO.node, Lane.FLASH)
BODY = b"We go on watching the line. " * 60


def entry(seq: int, prev: bytes) -> Entry:
    """Return Alfa's leaf *seq* to Bravo after *prev*."""
    salt = salt_for(ALFA.salt_key, LOG, seq)
    envelope = Envelope(
        log=LOG,
        seq=seq,
        prev=b64(prev),
        to=BRAVO.node,
        ts=1_795_363_200_000 + seq,
        hlc=(1_795_363_200_000 + seq, 0),
        kind=Kind.HOTLINE,
        prec=Precedence.FLASH,
        by="duty_officer",
        body=body_commitment(salt, BODY),
        size=len(BODY),
        media="application/json",
        pol=b64(bytes(32)),
    )
    return Entry(leaf=encode(envelope, ALFA.env), body=BODY, salt=salt)


def work(store: SqliteStore, is_mirror: bool, times: int) -> None:
    """Append leaves one by one; as a mirror, cosign each and keep the receipt before it is told."""
    held = store.leaf_hashes(LOG)
    tree = Tree(held[i : i + 32] for i in range(0, len(held), 32))
    for _ in range(times):
        prev = tree.leaf(tree.size - 1) if tree.size else FIRST_PREV
        tree.extend(store.append([(LOG, tree.size, [entry(tree.size, prev)])])[LOG])
        if is_mirror:
            note = sign_checkpoint(Checkpoint(LOG, tree.size, tree.root()), ALFA.log)
            store.replace_checkpoint(LOG, store.checkpoint(LOG), note)
            receipt = Receipt(
                tree.size, with_lines(note, cosignature(note, BRAVO.mirror, 1_795_363_200)), 1_795_363_200
            )
            store.put_receipt(LOG, receipt)
        print(tree.size, flush=True)


def main() -> None:
    what, path, times = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    try:
        store = SqliteStore(path)
        work(store, what == "mirror", times)
        store.close()
    except DetenteError as fault:
        print(f"refused: {fault}", flush=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
