"""Reading the whole record again: every leaf, body and tile against the roots that were signed and receipted.

A disk can turn a bit and a person can turn one on purpose; SQLite's own check sees neither. What is damaged is named by
log and place, and whether the leaves or only the hashes beside them are wrong is settled by the signed roots. A leaf
comes back from the other side's copy and is taken only if it hashes to what stood there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from detente.errors import OwnFault, PeerFault
from detente.evidence.checkpoint import Checkpoint
from detente.evidence.keys import KeyChain, writer_of
from detente.evidence.leaf import is_body_of, read
from detente.evidence.merkle import Tree, leaf_hash
from detente.evidence.note import split_note
from detente.evidence.store import LeafStore, StoreFault
from detente.evidence.tiles import TILE_WIDTH

BATCH: Final = TILE_WIDTH

What = Literal["leaf", "hashes", "body", "root", "signature"]


@dataclass(frozen=True)
class Damage:
    """One thing in the record that is not as it was signed: *seq* is the leaf's, or the size of the signed root."""

    origin: str
    what: What
    seq: int
    why: str


@dataclass(frozen=True)
class Scrubbed:
    """How far a log was read, and what was found on the way."""

    origin: str
    leaves: int
    found: tuple[Damage, ...] = ()


def scrub(store: LeafStore, chains: Mapping[str, KeyChain], *, has_bodies: bool = True) -> Iterator[Scrubbed]:
    """Read every log of *store*, 256 leaves a step, and yield what each step found.

    *chains*: the keys of each node, to check what it signed; a node not named is checked by hashes only. Without
    *has_bodies* the log is one whose leaves bear none (the log of acts).
    """
    for origin, size in sorted(store.sizes().items()):
        yield from _scrub_log(store, origin, size, chains, has_bodies=has_bodies)


def _scrub_log(
    store: LeafStore, origin: str, size: int, chains: Mapping[str, KeyChain], *, has_bodies: bool
) -> Iterator[Scrubbed]:
    by_leaves, by_hashes = Tree(), Tree()
    differ: list[int] = []
    kept = store.tree(origin)
    for start in range(0, size, BATCH):
        stop = min(size, start + BATCH)
        found: list[Damage] = []
        entries = store.read(origin, start, stop)
        if len(entries) != stop - start:
            gone = f"{stop - start - len(entries)} leaves from {start} on are gone"
            yield Scrubbed(origin, start, (Damage(origin, "leaf", start, gone),))
            return
        try:
            hashes = [kept.leaf(seq) for seq in range(start, stop)]
        except (OwnFault, StoreFault) as wrong:
            found.append(Damage(origin, "hashes", start, str(wrong)))
            hashes = [leaf_hash(entry.leaf) for entry in entries]
        for seq, (entry, hashed) in enumerate(zip(entries, hashes, strict=True), start):
            computed = leaf_hash(entry.leaf)
            by_leaves.append(computed)
            by_hashes.append(hashed)
            if computed != hashed:
                differ.append(seq)
            elif has_bodies and entry.body is not None and not _is_body(entry.leaf, entry.salt, entry.body):
                found.append(Damage(origin, "body", seq, "not the body that its leaf commits to"))
        yield Scrubbed(origin, stop, tuple(found))
    yield Scrubbed(origin, size, tuple(_judged(store, origin, by_leaves, by_hashes, differ, chains)))


def _is_body(leaf: bytes, salt: bytes, body: bytes) -> bool:
    try:
        return is_body_of(read(leaf), salt, body)
    except PeerFault:
        return False


def _judged(
    store: LeafStore,
    origin: str,
    by_leaves: Tree,
    by_hashes: Tree,
    differ: list[int],
    chains: Mapping[str, KeyChain],
) -> Iterator[Damage]:
    """Compare both trees with what was signed: it says which of the two is right."""
    heads: list[Checkpoint] = []
    receipt = store.receipt(origin)
    for note in (store.checkpoint(origin), None if receipt is None else receipt.note):
        if note is None:
            continue
        try:
            heads.append(Checkpoint.parse(split_note(note)[0].decode()))
            chain = chains.get(writer_of(origin))
            if chain is not None:
                chain.checkpoint(note, origin)
        except PeerFault as wrong:
            yield Damage(origin, "signature", 0, wrong.reason)
    signed = max(heads, key=lambda head: head.size, default=None)
    hashes_hold = signed is not None and _holds(by_hashes, signed)
    for seq in differ:
        if hashes_hold or signed is None or seq >= signed.size:
            yield Damage(origin, "leaf", seq, "not the leaf that was stored")
        else:
            yield Damage(origin, "hashes", seq, "the hash beside it is not the leaf's")
    right = by_hashes if hashes_hold else by_leaves
    for head in heads:
        if not _holds(right, head):
            yield Damage(origin, "root", head.size, "the signed root is not the root of what is here")


def _holds(tree: Tree, head: Checkpoint) -> bool:
    return head.size <= tree.size and tree.root(head.size) == head.root
