"""The tree against the definition in RFC 6962, written out in full."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.errors import OwnFault
from detente.evidence.merkle import (
    EMPTY_ROOT,
    Tree,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(i.to_bytes(4, "big")) for i in range(count)]


def defined_root(hashes: list[bytes]) -> bytes:
    if not hashes:
        return hashlib.sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return node_hash(defined_root(hashes[:split]), defined_root(hashes[split:]))


def test_the_root_at_every_size_is_the_one_rfc_6962_defines():
    hashes = leaves(70)
    tree = Tree(hashes)
    for size in range(71):
        assert tree.root(size) == defined_root(hashes[:size])
    assert tree.root() == tree.root(70)
    assert Tree().root() == EMPTY_ROOT


def test_a_proof_holds_for_one_leaf_only_at_every_size():
    hashes = leaves(40)
    tree = Tree(hashes)
    for size in range(1, 41):
        root = tree.root(size)
        for index in range(size):
            path = tree.inclusion(index, size)
            assert verify_inclusion(hashes[index], index, size, path, root)
            assert [i for i in range(size) if verify_inclusion(hashes[index], i, size, path, root)] == [index]
            assert not verify_inclusion(leaf_hash(b"other"), index, size, path, root)
            assert not verify_inclusion(hashes[index], index, size, [*path, root], root)


def test_consistency_holds_between_every_two_sizes_and_for_no_other_root():
    tree = Tree(leaves(40))
    for new in range(41):
        for old in range(new + 1):
            path = tree.consistency(old, new)
            assert verify_consistency(old, new, path, tree.root(old), tree.root(new))
            if old:
                assert not verify_consistency(old, new, path, leaf_hash(b"x"), tree.root(new))
                assert not verify_consistency(old, new, path, tree.root(old), leaf_hash(b"x"))
            assert not verify_consistency(old, new, [*path, EMPTY_ROOT], tree.root(old), tree.root(new))


@given(st.integers(1, 600), st.data())
def test_a_proof_with_one_bit_changed_proves_nothing(size, data):
    tree = Tree(leaves(size))
    index = data.draw(st.integers(0, size - 1))
    path = tree.inclusion(index, size)
    if not path:
        return
    at = data.draw(st.integers(0, len(path) - 1))
    bit = data.draw(st.integers(0, 255))
    path[at] = (int.from_bytes(path[at], "big") ^ (1 << bit)).to_bytes(32, "big")
    assert not verify_inclusion(tree.leaf(index), index, size, path, tree.root())


@given(st.integers(0, 300), st.integers(0, 300))
def test_a_tree_grown_in_two_parts_is_the_tree_grown_in_one(first, second):
    hashes = leaves(first + second)
    tree = Tree(hashes[:first])
    tree.extend(hashes[first:])
    assert tree.root() == Tree(hashes).root()
    assert tree.size == first + second


def test_a_hash_of_another_length_is_never_part_of_a_proof():
    tree = Tree(leaves(4))
    assert not verify_inclusion(tree.leaf(0), 0, 4, [b"short", tree.node(1, 1)], tree.root())
    assert not verify_inclusion(tree.leaf(0), 4, 4, tree.inclusion(0, 4), tree.root())
    assert not verify_consistency(3, 4, [b"short"], tree.root(3), tree.root())
    assert not verify_consistency(3, 4, [], tree.root(3), tree.root())
    assert not verify_consistency(4, 3, [], tree.root(4), tree.root(3))
    # Two hashes more than the tree is deep.
    assert not verify_consistency(1, 2, [tree.leaf(1), tree.leaf(1)], tree.root(1), tree.root(2))


def test_what_lies_beyond_the_tree_is_refused():
    tree = Tree(leaves(5))
    for ask in (
        lambda: tree.root(6),
        lambda: tree.inclusion(5, 5),
        lambda: tree.inclusion(0, 6),
        lambda: tree.consistency(3, 6),
        lambda: tree.consistency(-1, 3),
        lambda: tree.node(2, 1),
        lambda: tree.node(9, 0),
        lambda: tree.leaf(-1),
    ):
        with pytest.raises(OwnFault):
            ask()
