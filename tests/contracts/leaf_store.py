"""What every leaf store must do, whatever it is made of. A backend's test module calls `leaf_store_contract`."""

from __future__ import annotations

import pytest

from detente.errors import OwnFault
from detente.evidence.log import Log, Receipt
from detente.evidence.merkle import Tree, leaf_hash
from detente.evidence.store import Entry, LeafStore

FLASH = "alfa.example/detente/to/bravo.example/flash/1"
OPS = "alfa.example/detente/to/bravo.example/ops/1"


def entries(count: int, start: int = 0, *, with_body: bool = True) -> list[Entry]:
    return [
        Entry(leaf=b"leaf %d" % i, body=b"body %d" % i if with_body else None, salt=bytes(16) if with_body else b"")
        for i in range(start, start + count)
    ]


class LeafStoreContract:
    """Subclass it and give a `store` fixture."""

    def test_a_new_store_holds_nothing(self, store: LeafStore):
        assert store.sizes() == {}
        assert store.read(FLASH, 0, 10) == []
        assert store.leaf_hashes(FLASH) == b""
        assert store.checkpoint(FLASH) is None
        assert store.receipt(FLASH) is None
        assert store.state("hwm") is None

    def test_what_was_appended_is_read_back_in_order_with_its_hashes(self, store: LeafStore):
        first, second = entries(3), entries(2, 3)
        assert store.append([(FLASH, 0, first)]) == {FLASH: [leaf_hash(e.leaf) for e in first]}
        assert store.append([(FLASH, 3, second)]) == {FLASH: [leaf_hash(e.leaf) for e in second]}
        assert store.read(FLASH, 0, 5) == first + second
        assert store.read(FLASH, 2, 4) == [first[2], second[0]]
        assert store.read(FLASH, 4, 99) == [second[1]]
        assert store.sizes() == {FLASH: 5}
        assert Log.restore(FLASH, store.leaf_hashes(FLASH)).size == 5

    def test_a_batch_over_several_logs_is_one(self, store: LeafStore):
        hashes = store.append([(FLASH, 0, entries(1)), (OPS, 0, entries(2)), (FLASH, 1, entries(1, 1))])
        assert [len(hashes[FLASH]), len(hashes[OPS])] == [2, 2]
        assert store.sizes() == {FLASH: 2, OPS: 2}

    @pytest.mark.parametrize("start", [0, 1, 3, -1])
    def test_a_start_that_is_not_the_size_refuses_the_whole_batch(self, store: LeafStore, start: int):
        store.append([(FLASH, 0, entries(2))])
        with pytest.raises(OwnFault):
            store.append([(OPS, 0, entries(1)), (FLASH, start, entries(1, start))])
        assert store.sizes() == {FLASH: 2}
        assert store.read(OPS, 0, 9) == []
        store.append([(OPS, 0, entries(1)), (FLASH, 2, entries(1, 2))])
        assert store.sizes() == {FLASH: 3, OPS: 1}

    def test_a_leaf_may_come_before_its_body(self, store: LeafStore):
        (bare,) = entries(1, with_body=False)
        store.append([(FLASH, 0, [bare])])
        assert store.read(FLASH, 0, 1) == [bare]
        store.put_body(FLASH, 0, b"s" * 32, b"the body")
        assert store.read(FLASH, 0, 1) == [Entry(leaf=bare.leaf, body=b"the body", salt=b"s" * 32)]
        for origin, seq in ((FLASH, 1), (FLASH, -1), (OPS, 0)):
            with pytest.raises(OwnFault):
                store.put_body(origin, seq, b"s", b"no leaf")
        assert store.sizes() == {FLASH: 1}

    def test_the_tree_of_a_log_is_over_its_leaves_and_goes_on(self, store: LeafStore):
        assert store.tree(FLASH).size == 0
        store.append([(FLASH, 0, entries(255))])
        store.append([(FLASH, 255, entries(300, 255)), (OPS, 0, entries(2))])
        store.append([(FLASH, 555, entries(1, 555))])
        whole = Tree(leaf_hash(e.leaf) for e in entries(557))
        tree = store.tree(FLASH)
        assert (tree.size, tree.root()) == (556, whole.root(556))
        assert [tree.root(size) for size in (1, 255, 256, 511, 555)] == [
            whole.root(size) for size in (1, 255, 256, 511, 555)
        ]
        tree.append(whole.leaf(556))
        assert tree.root() == whole.root()
        assert tree.inclusion(3, 557) == whole.inclusion(3, 557)
        assert store.tree(OPS).size == 2

    def test_a_body_that_did_not_come_is_wanted_until_it_comes_or_is_forgotten(self, store: LeafStore):
        store.append([(FLASH, 0, [*entries(2), *entries(3, 2, with_body=False)])])
        assert store.bodies_wanted(FLASH) == [2, 3, 4]
        assert store.bodies_wanted(FLASH, 3) == [3, 4]
        store.put_body(FLASH, 3, bytes(16), b"came")
        assert store.bodies_wanted(FLASH) == [2, 4]
        assert store.bodies_held(FLASH, 0, 9) == [0, 1, 3]
        assert store.bodies_held(FLASH, 1, 1) == [1]
        store.forget_bodies(FLASH, [1, 3, 4])
        assert store.bodies_wanted(FLASH) == [2]
        assert [entry.body for entry in store.read(FLASH, 0, 5)] == [b"body 0", None, None, None, None]
        assert store.read(FLASH, 1, 2)[0].leaf == b"leaf 1"
        assert store.bodies_wanted(OPS) == store.bodies_held(OPS, 0, 9) == []

    def test_only_the_leaf_that_stood_there_is_put_back(self, store: LeafStore):
        store.append([(FLASH, 0, entries(3))])
        with pytest.raises(OwnFault, match="not the leaf 1"):
            store.mend(FLASH, 1, b"leaf 2")
        store.mend(FLASH, 1, b"leaf 1")
        assert store.read(FLASH, 0, 3) == entries(3)

    def test_an_empty_body_is_not_a_missing_body(self, store: LeafStore):
        store.append([(FLASH, 0, [Entry(leaf=b"l", body=b"", salt=bytes(16))])])
        assert store.read(FLASH, 0, 1)[0].body == b""

    def test_a_checkpoint_is_replaced_only_by_who_has_seen_it(self, store: LeafStore):
        with pytest.raises(OwnFault):
            store.replace_checkpoint(FLASH, b"another", b"first")
        store.replace_checkpoint(FLASH, None, b"first")
        with pytest.raises(OwnFault):
            store.replace_checkpoint(FLASH, None, b"second")
        store.replace_checkpoint(FLASH, b"first", b"second")
        assert store.checkpoint(FLASH) == b"second"
        assert store.checkpoint(OPS) is None

    def test_a_receipt_never_goes_back(self, store: LeafStore):
        store.put_receipt(FLASH, Receipt(2, b"two", 100))
        store.put_receipt(FLASH, Receipt(2, b"two, later", 101))
        with pytest.raises(OwnFault):
            store.put_receipt(FLASH, Receipt(1, b"one", 102))
        assert store.receipt(FLASH) == Receipt(2, b"two, later", 101)

    def test_the_node_keeps_its_state(self, store: LeafStore):
        store.put_state("hwm", b"1")
        store.put_state("hwm", b"2")
        assert store.state("hwm") == b"2"
        store.close()
