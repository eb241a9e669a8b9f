"""One log as this node holds it: ours, or the mirror of a peer's. Pure state; a store keeps it, the link moves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from detente.errors import OwnFault
from detente.evidence.checkpoint import Checkpoint
from detente.evidence.leaf import FIRST_PREV
from detente.evidence.merkle import HASH_LENGTH, Tree


@dataclass(frozen=True)
class Receipt:
    """The newest checkpoint of this log that the other side cosigned: up to which size, and at what time it says so."""

    size: int
    note: bytes
    at_s: int


@dataclass
class Log:
    """The tree of one log, its newest checkpoint signed by the writer, and the newest receipt of the mirror."""

    origin: str
    tree: Tree = field(default_factory=Tree)
    checkpoint: bytes | None = None
    receipt: Receipt | None = None

    @classmethod
    def restore(
        cls, origin: str, leaf_hashes: bytes, checkpoint: bytes | None = None, receipt: Receipt | None = None
    ) -> Log:
        """Return the log whose leaf hashes, 32 bytes each, stand one after another in *leaf_hashes*."""
        if len(leaf_hashes) % HASH_LENGTH:
            raise OwnFault(f"{origin}: {len(leaf_hashes)} bytes are no whole number of leaf hashes")
        tree = Tree(leaf_hashes[i : i + HASH_LENGTH] for i in range(0, len(leaf_hashes), HASH_LENGTH))
        return cls(origin, tree, checkpoint, receipt)

    @property
    def size(self) -> int:
        """How many leaves it holds; the next leaf's ``seq``."""
        return self.tree.size

    @property
    def last_leaf_hash(self) -> bytes:
        """What the next leaf's ``prev`` must hold."""
        return self.tree.leaf(self.size - 1) if self.size else FIRST_PREV

    @property
    def receipt_size(self) -> int:
        """How many leaves the other side has said it holds."""
        return self.receipt.size if self.receipt else 0

    def extend(self, leaf_hashes: Sequence[bytes]) -> None:
        """Add leaves that are now on disk, by their hashes."""
        self.tree.extend(leaf_hashes)

    def head(self, size: int | None = None) -> Checkpoint:
        """Return the checkpoint at *size* (now, by default) that is still to be signed."""
        size = self.size if size is None else size
        return Checkpoint(self.origin, size, self.tree.root(size))
