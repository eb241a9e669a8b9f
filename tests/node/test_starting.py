"""The start index in a database that is not trusted: only one that this node sealed, of this record, is begun by."""

from __future__ import annotations

import random

import pytest

from detente.desk import hotline, warnings
from detente.node import starting
from detente.node.starting import INDEX_KEY, Starting
from detente.testing.parties import Character, Side
from detente.types import NS_PER_MS, Instant
from engine.test_restore import ALFA, BRAVO, TABLE, History, standing

SECRET = b"s" * 32


@pytest.fixture(autouse=True)
def _little_is_remembered(monkeypatch):
    monkeypatch.setattr(hotline, "SETTLED_RECALLED", 5)
    monkeypatch.setattr(warnings, "CLEARED_KEPT", 3)


class Disk:
    """Alfa's record, and how a start from it goes."""

    def __init__(self, seed=1, leaves=120):
        self.history = History(random.Random(seed))
        self.more(leaves)

    def more(self, leaves):
        states = self.store.states if hasattr(self, "store") else {}
        while sum(map(len, self.history.logs.values())) < leaves:
            self.history.step()
        self.store = self.history.store({name: len(log) for name, log in self.history.logs.items()})
        self.store.states |= states

    def start(self, secret=SECRET, **character):
        """Return what stands after a start, and how many leaves were read for it."""
        side = Side(ALFA, [BRAVO], Character(tables=(TABLE,), **character), self.store)
        read, leaves = self.store.read, set()

        def reading(origin, start, stop):
            leaves.update((origin, seq) for seq in range(start, stop))
            return read(origin, start, stop)

        self.store.read = reading
        engine = Starting(side._setup, side._setup, lambda: secret, folded_whole=20).engine(self.store)
        del self.store.read
        return standing(engine, Instant(self.history.ms * NS_PER_MS)), len(leaves)

    def renewed(self):
        """Return the index that a running node would put in the place of the one kept."""
        side = Side(ALFA, [BRAVO], Character(tables=(TABLE,)), self.store)
        return Starting(side._setup, side._setup, lambda: SECRET, folded_whole=20).renewed(self.store)

    def size(self):
        return sum(self.store.sizes().values())


def standing_from_everything(disk):
    disk.store.put_state(INDEX_KEY, b"")
    return disk.start()[0]


@pytest.fixture
def disk():
    return Disk()


def test_the_second_start_reads_less_and_comes_to_the_same(disk):
    first, all_read = disk.start()
    again, fewer = disk.start()
    assert again == first
    assert all_read == disk.size()
    assert fewer < disk.size() * 2 // 3


def test_a_short_record_needs_no_index():
    disk = Disk(leaves=18)
    disk.start()
    assert INDEX_KEY not in disk.store.states


@pytest.mark.parametrize("at", [0, 31, 32, 40, -1])
def test_t25_an_index_in_which_a_bit_was_turned_is_not_begun_by(disk, at):
    first, _ = disk.start()
    sealed = bytearray(disk.store.state(INDEX_KEY))
    sealed[at] ^= 1
    disk.store.put_state(INDEX_KEY, bytes(sealed))
    again, read = disk.start()
    assert again == first
    assert read == disk.size()


def test_t25_the_index_of_another_node_is_not_begun_by(disk):
    disk.start(secret=b"t" * 32)
    foreign = disk.store.state(INDEX_KEY)
    _, read = disk.start()
    assert read == disk.size()
    assert disk.store.state(INDEX_KEY) != foreign


def test_t25_the_index_of_another_record_is_not_begun_by(disk):
    other = Disk(seed=2, leaves=100)
    other.start()
    disk.store.put_state(INDEX_KEY, other.store.state(INDEX_KEY))
    expected, _ = Disk().start()
    assert disk.start() == (expected, disk.size())


def test_an_index_that_knows_more_leaves_than_the_record_holds_is_not_begun_by(disk):
    longer = Disk(leaves=180)
    longer.start()
    disk.store.put_state(INDEX_KEY, longer.store.state(INDEX_KEY))
    _, read = disk.start()
    assert read == disk.size()


def test_an_index_of_another_version_or_configuration_is_not_begun_by(disk, monkeypatch):
    disk.start()
    _, read = disk.start(badges=("EXERCISE",))
    assert read == disk.size()
    disk.start()
    monkeypatch.setattr(starting, "__version__", "0.0.0")
    _, read = disk.start()
    assert read == disk.size()


def test_an_old_index_serves_and_what_is_newer_is_read_beside_it(disk):
    disk.start()
    old = disk.store.state(INDEX_KEY)
    disk.more(150)
    by_old, _ = disk.start()
    assert by_old == standing_from_everything(disk)
    assert old != disk.store.state(INDEX_KEY)


def test_a_running_node_renews_its_index_once_enough_is_new(disk):
    first = disk.renewed()
    disk.store.put_state(INDEX_KEY, first)
    assert disk.renewed() is None
    disk.more(150)
    second = disk.renewed()
    disk.store.put_state(INDEX_KEY, second)
    assert disk.renewed() is None
    assert disk.start()[0] == standing_from_everything(disk)


def test_a_start_that_cannot_keep_its_index_begins_all_the_same(disk, monkeypatch):
    def full(*_):
        raise starting.StoreFault("no room")

    monkeypatch.setattr(disk.store, "put_state", full)
    standing_, read = disk.start()
    assert standing_["messages"][0]
    assert read == disk.size()
