"""A tree whose whole tiles stay where they are stored: a log of a million leaves opens in a few milliseconds.

In memory are the right edge, which every root of the present needs, and what is added from now on. Older nodes are read
tile by tile when a proof or an older root asks for them. What is read is no more trusted than the disk: the roots it
leads to are compared with signed ones.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from detente.errors import OwnFault
from detente.evidence.merkle import HASH_LENGTH, Tree, hashed_pairs, node_hash
from detente.evidence.tiles import TILE_WIDTH

_HEIGHT: Final = 8
_TILES_CACHED: Final = 64

ReadTile = Callable[[int, int], bytes]
"""The whole tile *n* of a level, 256 hashes of 32 bytes."""


def fold(hashes: Sequence[bytes]) -> list[list[bytes]]:
    """Return *hashes* and, level by level, the nodes over each complete pair of them."""
    levels = [list(hashes)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)])
    return levels


def tile_root(tile: bytes) -> bytes:
    """Return the root over a whole tile: the hash that stands for it one level up."""
    return fold([tile[i : i + HASH_LENGTH] for i in range(0, len(tile), HASH_LENGTH)])[-1][0]


class TiledTree(Tree):
    """The tree of *size* stored leaves, going on in memory.

    *edge*: for each level of tiles, lowest first, the hashes of its last tile that is not whole (none if all are), as
    many levels as the size needs.
    """

    def __init__(self, size: int, edge: Sequence[bytes], read_tile: ReadTile) -> None:
        self._first = [0]  # index of the first node in memory, level by level
        super().__init__()
        self._read_tile = read_tile
        self._tiles: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        level, nodes = 0, size
        while nodes:
            packed = edge[level] if level < len(edge) else b""
            whole = nodes // TILE_WIDTH
            if len(packed) != (nodes - whole * TILE_WIDTH) * HASH_LENGTH:
                raise OwnFault(f"the edge of a tree of {size} has {len(packed)} bytes in tiles of level {level}")
            self._fill(level, whole, packed)
            level, nodes = level + 1, whole
        self.size = size

    def _fill(self, tile_level: int, whole: int, packed: bytes) -> None:
        hashes = [packed[i : i + HASH_LENGTH] for i in range(0, len(packed), HASH_LENGTH)]
        inner = fold(hashes)
        for k in range(_HEIGHT):
            level = tile_level * _HEIGHT + k
            while len(self._levels) <= level:
                self._levels.append(bytearray())
            while len(self._first) <= level:
                self._first.append(0)
            self._first[level] = whole * TILE_WIDTH >> k
            self._levels[level] += b"".join(inner[k]) if k < len(inner) else b""

    def append(self, hashed: bytes) -> None:
        """Add one leaf hash."""
        assert len(hashed) == HASH_LENGTH
        level = self._levels[0]
        level += hashed
        self.size += 1
        k = 0
        while not len(level) & HASH_LENGTH:  # an even number, and the first is even: the last two have a parent
            parent_hash = node_hash(bytes(level[-2 * HASH_LENGTH : -HASH_LENGTH]), bytes(level[-HASH_LENGTH:]))
            k += 1
            if k == len(self._levels):
                self._levels.append(bytearray())
                self._first.append(0)
            level = self._levels[k]
            level += parent_hash

    def extend(self, hashes: Iterable[bytes]) -> None:
        """Add leaf hashes in order."""
        self.extend_packed(b"".join(hashes))

    def extend_packed(self, hashes: bytes) -> None:
        """Add leaf hashes that stand one after another, 32 bytes each, level by level."""
        assert len(hashes) % HASH_LENGTH == 0
        self._levels[0] += hashes
        self.size += len(hashes) // HASH_LENGTH
        k = 0
        while True:
            level, first = self._levels[k], self._first[k]
            pairs = (first + len(level) // HASH_LENGTH) // 2
            if k + 1 == len(self._levels):
                if not pairs:
                    return
                self._levels.append(bytearray())
                self._first.append(0)
            parents = self._levels[k + 1]
            has = self._first[k + 1] + len(parents) // HASH_LENGTH
            if has >= pairs:
                return
            parents += hashed_pairs(level[(2 * has - first) * HASH_LENGTH : (2 * pairs - first) * HASH_LENGTH])
            k += 1

    def node(self, level: int, n: int) -> bytes:
        """Return the root of a complete subtree; see `Tree.node`. May read a tile."""
        if 0 <= level < len(self._levels) and 0 <= n < self._first[level]:
            return self._stored_node(level, n)
        first = self._first[level] if 0 <= level < len(self._levels) else 0
        try:
            return super().node(level, n - first)
        except OwnFault:
            raise OwnFault(f"no complete node {level}/{n} in a tree of {self.size}") from None

    def _stored_node(self, level: int, n: int) -> bytes:
        tile_level, k = divmod(level, _HEIGHT)
        at, start = divmod(n << k, TILE_WIDTH)
        tile = self._tile(tile_level, at)
        hashes = [tile[i * HASH_LENGTH : (i + 1) * HASH_LENGTH] for i in range(start, start + (1 << k))]
        return fold(hashes)[-1][0]

    def _tile(self, level: int, n: int) -> bytes:
        tile = self._tiles.get((level, n))
        if tile is None:
            tile = self._read_tile(level, n)
            if len(tile) != TILE_WIDTH * HASH_LENGTH:
                raise OwnFault(f"tile {level}/{n} has {len(tile)} bytes")
            self._tiles[level, n] = tile
            if len(self._tiles) > _TILES_CACHED:
                self._tiles.popitem(last=False)
        self._tiles.move_to_end((level, n))
        return tile
