"""The Merkle tree of RFC 6962: one root over all leaves, and short proofs that a leaf or an older root is in it.

`Tree` keeps every complete node, 64 bytes a leaf, so the root at any earlier size and any proof cost a few hashes.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence
from typing import Final

from detente.errors import OwnFault

HASH_LENGTH: Final = 32
EMPTY_ROOT: Final = hashlib.sha256().digest()

_sha256 = hashlib.sha256
_pairs: Final = struct.Struct(f"{2 * HASH_LENGTH}s").iter_unpack


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of one entry. Source: RFC 6962, 2.1."""
    return _sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node. Source: RFC 6962, 2.1."""
    return _sha256(b"\x01" + left + right).digest()


class Tree:
    """An append-only tree over leaf hashes of 32 bytes each."""

    def __init__(self, leaf_hashes: Iterable[bytes] = ()) -> None:
        # _levels[k] holds the roots of all complete subtrees of 2**k leaves, one after another.
        self._levels: list[bytearray] = [bytearray()]
        self.size = 0
        """How many leaves it holds."""
        self.extend(leaf_hashes)

    def append(self, hashed: bytes) -> None:
        """Add one leaf hash."""
        assert len(hashed) == HASH_LENGTH
        level = self._levels[0]
        level += hashed
        self.size += 1
        k = 0
        while not len(level) & HASH_LENGTH:  # an even number of nodes: the last two have a parent
            k += 1
            if k == len(self._levels):
                self._levels.append(bytearray())
            parent = self._levels[k]
            parent += _sha256(b"\x01" + level[-2 * HASH_LENGTH :]).digest()
            level = parent

    def extend(self, hashes: Iterable[bytes]) -> None:
        """Add leaf hashes in order."""
        self.extend_packed(b"".join(hashes))

    def extend_packed(self, hashes: bytes) -> None:
        """Add leaf hashes that stand one after another, 32 bytes each. Level by level, so a million take a second."""
        assert len(hashes) % HASH_LENGTH == 0
        self._levels[0] += hashes
        self.size += len(hashes) // HASH_LENGTH
        for level, parents in zip(self._levels, self._levels[1:], strict=False):
            if not _add_parents(level, parents):
                return
        while len(self._levels[-1]) > HASH_LENGTH:
            self._levels.append(bytearray())
            _add_parents(*self._levels[-2:])

    def leaf(self, index: int) -> bytes:
        """Return the leaf hash at *index*."""
        return self.node(0, index)

    def node(self, level: int, n: int) -> bytes:
        """Return the root of the complete subtree over leaves [n·2^level, (n+1)·2^level); raises OwnFault outside."""
        start = n * HASH_LENGTH
        if not (0 <= level < len(self._levels) and n >= 0 and start < len(self._levels[level])):
            raise OwnFault(f"no complete node {level}/{n} in a tree of {self.size}")
        return bytes(self._levels[level][start : start + HASH_LENGTH])

    def nodes(self, level: int, start: int, count: int) -> bytes:
        """Return *count* nodes of *level* from *start* on, one after another; raises OwnFault outside."""
        self.node(level, start + count - 1)
        return bytes(self._levels[level][start * HASH_LENGTH : (start + count) * HASH_LENGTH])

    def root(self, size: int | None = None) -> bytes:
        """Return the root over the first *size* leaves (all by default); raises OwnFault beyond the tree."""
        size = self.size if size is None else size
        self._check_size(size)
        return self._range_root(0, size)

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Return the audit path of leaf *index* in the tree of *size*. Source: RFC 6962, 2.1.1."""
        self._check_size(size)
        if not 0 <= index < size:
            raise OwnFault(f"leaf {index} is not in a tree of {size}")
        start, stop, path = 0, size, []
        while stop - start > 1:
            split = start + _split(stop - start)
            if index < split:
                path.append(self._range_root(split, stop))
                stop = split
            else:
                path.append(self._range_root(start, split))
                start = split
        return path[::-1]

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Return the proof that the tree of *old* leaves begins the tree of *new*. Source: RFC 6962, 2.1.2."""
        self._check_size(new)
        if not 0 <= old <= new:
            raise OwnFault(f"no consistency from {old} to {new}")
        if old in {0, new}:
            return []
        start, stop, path, is_whole = 0, new, [], True
        while stop != old:
            split = start + _split(stop - start)
            if old <= split:
                path.append(self._range_root(split, stop))
                stop = split
            else:
                path.append(self._range_root(start, split))
                start, is_whole = split, False
        if not is_whole:
            path.append(self._range_root(start, stop))
        return path[::-1]

    def _check_size(self, size: int) -> None:
        if not 0 <= size <= self.size:
            raise OwnFault(f"size {size} is beyond a tree of {self.size}")

    def _range_root(self, start: int, stop: int) -> bytes:
        """Root over [start, stop), where start is a multiple of the largest power of two within."""
        if start == stop:
            return EMPTY_ROOT
        peaks = []
        while start < stop:
            k = (stop - start).bit_length() - 1
            peaks.append(self.node(k, start >> k))
            start += 1 << k
        root = peaks.pop()
        while peaks:
            root = node_hash(peaks.pop(), root)
        return root


def _add_parents(level: bytearray, parents: bytearray) -> bool:
    """Hash those pairs of *level* that have no parent yet; whether there were any."""
    start, stop = 2 * len(parents), len(level) // (2 * HASH_LENGTH) * (2 * HASH_LENGTH)
    parents += hashed_pairs(level[start:stop])
    return start < stop


def hashed_pairs(nodes: bytes | bytearray) -> bytes:
    """Return the parents, one after another, of *nodes*, 32 bytes each, an even number of them."""
    sha256 = _sha256
    return b"".join([sha256(b"\x01" + pair).digest() for (pair,) in _pairs(nodes)])


def _split(size: int) -> int:
    """Largest power of two below *size*."""
    return 1 << (size - 1).bit_length() - 1


def verify_inclusion(hashed: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether *path* proves the leaf hash *hashed* at *index* under *root* of *size*. Source: RFC 9162, 2.1.3.2."""
    if not 0 <= index < size or any(len(h) != HASH_LENGTH for h in path):
        return False
    node, last, result = index, size - 1, hashed
    for sibling in path:
        if last == 0:
            return False
        if node & 1 or node == last:
            result = node_hash(sibling, result)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            result = node_hash(result, sibling)
        node >>= 1
        last >>= 1
    return last == 0 and result == root


def verify_consistency(old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether *path* proves that *old_root* of *old* leaves begins *new_root* of *new*. Source: RFC 9162, 2.1.4.2."""
    if not 0 <= old <= new or any(len(h) != HASH_LENGTH for h in path):
        return False
    if old == new:
        return not path and old_root == new_root
    if old == 0:
        return not path and old_root == EMPTY_ROOT
    hashes = list(path)
    if old & (old - 1) == 0:  # a power of two: its root is itself the first node of the proof
        hashes.insert(0, old_root)
    if not hashes:
        return False
    node, last = old - 1, new - 1
    while node & 1:
        node >>= 1
        last >>= 1
    first = second = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            second = node_hash(second, sibling)
        node >>= 1
        last >>= 1
    return last == 0 and first == old_root and second == new_root
