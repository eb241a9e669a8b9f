"""What evidence asks of a disk, and no more. Every backend and every fake passes one contract suite.

Calls are synchronous and come from one thread. The store is not trusted with the truth: who can write it can stop the
node, not change what a peer has cosigned, because roots are signed and leaves are hashed from what was read back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from detente.errors import DetenteError
from detente.evidence.log import Receipt
from detente.evidence.merkle import Tree


class StoreFault(DetenteError):
    """The disk did not take a write, or seemed not to.

    The write may have been done all the same. So nobody goes on from memory after it: what is true is read again.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One leaf with the body beside it: *salt* is the body's salt, or the seed of a tree body; both gone if None."""

    leaf: bytes
    body: bytes | None
    salt: bytes


Write = tuple[str, int, Sequence[Entry]]
"""A log's origin, the index of the first entry, and entries to add from there on."""


class LeafStore(Protocol):
    """Logs, ours and mirrored, with their newest checkpoint and receipt."""

    def append(self, writes: Sequence[Write]) -> dict[str, list[bytes]]:
        """Record all of *writes* or none, durable on return; return leaf hashes of what was read back, by origin.

        Raises OwnFault when a start is not the size of its log, StoreFault when the disk refuses.
        """
        ...

    def put_body(self, origin: str, seq: int, salt: bytes, body: bytes) -> None:
        """Record the body of a leaf that is there; raises OwnFault when the leaf is not."""
        ...

    def read(self, origin: str, start: int, stop: int) -> list[Entry]:
        """Return entries [start, stop), fewer where the log ends sooner."""
        ...

    def sizes(self) -> dict[str, int]:
        """Return how many leaves each log holds."""
        ...

    def tree(self, origin: str) -> Tree:
        """Return the tree of a log as it stands, ready to go on; opening it costs no more for a long log."""
        ...

    def leaf_hashes(self, origin: str) -> bytes:
        """Return all leaf hashes of a log, 32 bytes each, as computed when they were appended."""
        ...

    def bodies_wanted(self, origin: str, start: int = 0) -> list[int]:
        """Return the leaves from *start* on that came without their body and whose body never came."""
        ...

    def bodies_held(self, origin: str, start: int, limit: int) -> list[int]:
        """Return the first *limit* leaves from *start* on whose body is here."""
        ...

    def forget_bodies(self, origin: str, seqs: Sequence[int]) -> None:
        """Delete bodies for good; their leaves and commitments stay. They are not wanted again."""
        ...

    def mend(self, origin: str, seq: int, leaf: bytes) -> None:
        """Put a leaf back in the place of a damaged one; raises OwnFault when its hash is not the tree's there."""
        ...

    def checkpoint(self, origin: str) -> bytes | None:
        """Return the newest checkpoint note of a log, signed by its writer."""
        ...

    def replace_checkpoint(self, origin: str, old: bytes | None, new: bytes) -> None:
        """Replace the checkpoint if it still is *old*, else raise OwnFault: so no size is ever signed twice."""
        ...

    def receipt(self, origin: str) -> Receipt | None:
        """Return the newest receipt of a log."""
        ...

    def put_receipt(self, origin: str, receipt: Receipt) -> None:
        """Replace the receipt; raises OwnFault for one of fewer leaves than the one held."""
        ...

    def state(self, key: str) -> bytes | None:
        """Return what the node put under *key*."""
        ...

    def put_state(self, key: str, value: bytes) -> None:
        """Keep *value* under *key*."""
        ...

    def close(self) -> None:
        """Let go of the disk; nothing is lost by leaving this out."""
        ...
