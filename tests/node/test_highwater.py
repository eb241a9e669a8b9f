"""The mark that a restored backup lags behind."""

from __future__ import annotations

import pytest

from contracts.leaf_store import FLASH, OPS, entries
from detente.errors import ConfigError
from detente.evidence.merkle import leaf_hash
from detente.node.highwater import HighWater
from detente.testing.clock import DAY_ZERO
from detente.testing.store import MemoryStore
from detente.types import NS_PER_S, Instant


def later(seconds):
    return Instant(DAY_ZERO + round(seconds * NS_PER_S))


def grow(store, mark, origin, count, now):
    start = store.sizes().get(origin, 0)
    hashes = store.append([(origin, start, entries(count, start))])
    mark.raised({origin: (start, hashes[origin])}, now)


def test_t27_a_backup_put_back_lags_behind_the_mark_and_the_record_itself_does_not(tmp_path):
    store, mark = MemoryStore(), HighWater(tmp_path / "record.hwm")
    grow(store, mark, FLASH, 3, DAY_ZERO)
    backup = store.backup()
    grow(store, mark, FLASH, 2, later(2))
    grow(store, mark, OPS, 4, later(4))
    again = HighWater(tmp_path / "record.hwm")
    assert again.behind(store) == {}
    grow(store, MarkOfNobody(), FLASH, 9, later(5))  # the mark may lag: what is newer is no fault
    assert again.behind(store) == {}
    assert set(again.behind(backup)) == {FLASH, OPS}
    assert "holds 3 leaves and has held 5" in again.behind(backup)[FLASH]


def test_t27_another_history_of_the_same_length_is_found_too(tmp_path):
    store, mark = MemoryStore(), HighWater(tmp_path / "record.hwm")
    grow(store, mark, FLASH, 3, DAY_ZERO)
    other = MemoryStore()
    other.append([(FLASH, 0, [*entries(2), *entries(1, 7)])])
    assert "not the one" in mark.behind(other)[FLASH]
    assert leaf_hash(b"leaf 2") == store.tree(FLASH).leaf(2)


def test_the_file_is_written_once_a_second_and_at_the_end(tmp_path):
    path = tmp_path / "record.hwm"
    store, mark = MemoryStore(), HighWater(path)
    grow(store, mark, FLASH, 1, DAY_ZERO)
    first = path.read_bytes()
    grow(store, mark, FLASH, 1, later(0.5))
    assert path.read_bytes() == first
    mark.write(later(0.6))
    assert path.read_bytes() != first
    second = path.stat().st_mtime_ns
    mark.write(later(0.7))  # nothing newer: nothing is written
    assert path.stat().st_mtime_ns == second


def test_a_mark_that_cannot_be_read_stops_the_start(tmp_path):
    path = tmp_path / "record.hwm"
    path.write_text("[]")
    with pytest.raises(ConfigError, match="not a high-water mark"):
        HighWater(path)


class MarkOfNobody:
    def raised(self, stored, now):
        pass
