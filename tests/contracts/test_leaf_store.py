"""One contract, every store: SQLite, the one in memory, and the faulty one when it has no fault."""

from __future__ import annotations

import pytest

from contracts.leaf_store import FLASH, OPS, LeafStoreContract, entries
from detente.evidence.log import Receipt
from detente.evidence.store import StoreFault
from detente.node.sqlite import SqliteStore
from detente.testing.store import Fault, FaultyStore, MemoryStore


class TestMemoryStore(LeafStoreContract):
    @pytest.fixture
    def store(self):
        return MemoryStore()


class TestFaultyStore(LeafStoreContract):
    @pytest.fixture
    def store(self):
        return FaultyStore(MemoryStore(), iter(()))


class TestSqliteStore(LeafStoreContract):
    @pytest.fixture
    def store(self, tmp_path):
        store = SqliteStore(tmp_path / "record.sqlite", create=True)
        yield store
        store.close()


@pytest.mark.parametrize(("fault", "size"), [(Fault.REFUSED, 0), (Fault.DONE, 1)])
def test_a_fault_leaves_the_batch_whole_or_absent_and_looks_the_same(fault, size):
    store = FaultyStore(MemoryStore(), iter([fault]))
    with pytest.raises(StoreFault):
        store.append([(FLASH, 0, entries(1)), (OPS, 0, entries(1))])
    assert set(store.sizes().values()) <= {size}
    store.append([(FLASH, size, entries(1, size))])
    assert store.sizes()[FLASH] == size + 1


def test_every_write_can_fail():
    store = FaultyStore(MemoryStore(), iter([None, *[Fault.REFUSED] * 6]))
    store.append([(FLASH, 0, entries(1))])
    for write in (
        lambda: store.put_body(FLASH, 0, b"s", b"b"),
        lambda: store.replace_checkpoint(FLASH, None, b"c"),
        lambda: store.put_receipt(FLASH, Receipt(1, b"r", 0)),
        lambda: store.put_state("k", b"v"),
        lambda: store.forget_bodies(FLASH, [0]),
        lambda: store.mend(FLASH, 0, b"leaf 0"),
    ):
        with pytest.raises(StoreFault):
            write()
    assert (store.checkpoint(FLASH), store.receipt(FLASH), store.state("k")) == (None, None, None)


def test_a_backup_stays_as_it_was():
    store = MemoryStore()
    store.append([(FLASH, 0, entries(1))])
    backup = store.backup()
    store.append([(FLASH, 1, entries(1, 1))])
    assert (store.sizes(), backup.sizes()) == ({FLASH: 2}, {FLASH: 1})
