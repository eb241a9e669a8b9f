"""The tree over stored tiles is the same tree, whatever of it is in memory."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.errors import OwnFault
from detente.evidence.merkle import Tree
from detente.evidence.tiled import TiledTree, tile_root
from detente.evidence.tiles import TILE_WIDTH, tile, widths

LEAVES = [hashlib.sha256(i.to_bytes(4, "big")).digest() for i in range(70_000)]
WHOLE = Tree(LEAVES)


def reopened(size, reads=None):
    """The tree of the first *size* leaves, as a store opens it."""
    tree = Tree(LEAVES[:size]) if size < 5_000 else WHOLE
    edge, level = [], 0
    while size >> 8 * level:
        rest = [(n, width) for n, width in widths(size, level) if width < TILE_WIDTH]
        edge.append(b"".join(tile(tree, level, n, width) for n, width in rest))
        level += 1

    def read(level, n):
        if reads is not None:
            reads.append((level, n))
        return tile(tree, level, n)

    return TiledTree(size, edge, read)


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 513, 1_000, 65_535, 65_536, 65_537, 65_800])
def test_a_reopened_tree_has_the_same_root_without_reading_a_tile_and_goes_on_alike(size):
    reads = []
    tree = reopened(size, reads)
    assert (tree.size, tree.root()) == (size, WHOLE.root(size))
    for more in range(size, size + 600):
        tree.append(LEAVES[more])
    assert tree.root() == WHOLE.root(size + 600)
    assert tree.leaf(size + 599) == LEAVES[size + 599]
    assert reads == []


@given(st.integers(1, 4_000), st.integers(0, 700), st.data())
def test_older_roots_leaves_and_proofs_are_those_of_the_whole_tree(size, more, data):
    tree = reopened(size)
    tree.extend(LEAVES[size : size + more])
    old = data.draw(st.integers(1, size + more))
    index = data.draw(st.integers(0, old - 1))
    assert tree.root(old) == WHOLE.root(old)
    assert tree.leaf(index) == LEAVES[index]
    assert tree.inclusion(index, old) == WHOLE.inclusion(index, old)
    assert tree.consistency(old, size + more) == WHOLE.consistency(old, size + more)


def test_a_node_high_up_costs_one_tile():
    reads = []
    tree = reopened(65_800, reads)
    assert tree.node(16, 0) == WHOLE.node(16, 0)
    assert reads == []
    assert tree.node(12, 3) == WHOLE.node(12, 3)
    assert tree.node(7, 0) == WHOLE.node(7, 0)
    assert reads == [(1, 0), (0, 0)]


def test_what_is_beyond_the_tree_or_not_its_edge_is_refused():
    tree = reopened(300)
    for level, n in ((0, 300), (0, -1), (9, 0), (20, 0), (8, 1)):
        with pytest.raises(OwnFault, match="no complete node"):
            tree.node(level, n)
    with pytest.raises(OwnFault, match="the edge"):
        TiledTree(300, [b"x" * 32], lambda *_: b"")
    short = TiledTree(256, [b"", WHOLE.node(8, 0)], lambda *_: b"short")
    with pytest.raises(OwnFault, match="tile 0/0"):
        short.leaf(0)


def test_the_hash_that_stands_for_a_tile_is_the_node_over_it():
    assert tile_root(tile(WHOLE, 0, 3)) == WHOLE.node(8, 3)
