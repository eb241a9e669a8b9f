"""The record on disk: what only a file can get wrong. The contract itself is in tests/contracts."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import apsw
import pytest

from contracts.leaf_store import FLASH, OPS, entries
from detente.errors import ConfigError, OwnFault
from detente.evidence.merkle import leaf_hash
from detente.evidence.store import Entry, StoreFault
from detente.node.sqlite import OLDEST_SQLITE, SqliteStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "record.sqlite"


def test_the_sqlite_in_use_is_past_the_wal_reset_fault():
    assert tuple(map(int, apsw.sqlite_lib_version().split("."))) >= OLDEST_SQLITE


def test_a_wrong_path_does_not_begin_a_second_history(path):
    with pytest.raises(ConfigError, match="no record there"):
        SqliteStore(path)
    assert not path.exists()
    SqliteStore(path, create=True).close()
    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(ConfigError, match="there is a record already"):
        SqliteStore(path, create=True)


def test_a_file_that_is_no_record_of_ours_is_refused(path):
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(ConfigError, match="not a record"):
        SqliteStore(path)
    path.unlink()
    apsw.Connection(str(path)).execute("CREATE TABLE x (y)")
    with pytest.raises(ConfigError, match="not a record"):
        SqliteStore(path)
    with pytest.raises(ConfigError, match="No such file"):
        SqliteStore(path.parent / "no" / "folder", create=True)


def test_everything_is_there_after_reopening(path):
    store = SqliteStore(path, create=True)
    store.append([(FLASH, 0, entries(3)), (OPS, 0, entries(2))])
    store.replace_checkpoint(FLASH, None, b"signed")
    store.close()
    again = SqliteStore(path)
    assert again.sizes() == {FLASH: 3, OPS: 2}
    assert again.read(FLASH, 0, 3) == entries(3)
    assert again.checkpoint(FLASH) == b"signed"
    again.append([(FLASH, 3, entries(1, 3))])
    again.close()


def test_t27_two_processes_never_write_one_record_but_another_may_read_it(path):
    store = SqliteStore(path, create=True)
    store.append([(FLASH, 0, entries(1))])
    with pytest.raises(ConfigError, match="another process writes"):
        SqliteStore(path)
    reader = SqliteStore(path, read_only=True)
    store.append([(OPS, 0, entries(2))])
    assert reader.sizes() == {FLASH: 1, OPS: 2}
    assert len(reader.read(OPS, 0, 9)) == 2
    with pytest.raises(StoreFault):
        reader.append([(FLASH, 1, entries(1, 1))])
    reader.close()
    store.close()


def test_a_disk_that_refuses_loses_nothing_and_says_so(path):
    store = SqliteStore(path, create=True)
    store.append([(FLASH, 0, entries(2))])
    pages = store._writer.pragma("page_count")
    store._writer.pragma("max_page_count", pages + 2)
    big = entries(1, 2)[0]
    with pytest.raises(StoreFault, match="full"):
        store.append([(OPS, 0, entries(1)), (FLASH, 2, [type(big)(leaf=b"x" * 100_000, body=None, salt=b"")])])
    assert store.sizes() == {FLASH: 2}
    store._writer.pragma("max_page_count", pages + 10_000)
    store.append([(OPS, 0, entries(1)), (FLASH, 2, [big])])
    assert store.sizes() == {FLASH: 3, OPS: 1}
    store.close()


def test_a_refused_batch_leaves_no_log_behind(path):
    store = SqliteStore(path, create=True)
    with pytest.raises(OwnFault):
        store.append([(FLASH, 1, entries(1, 1))])
    assert store.sizes() == {}
    store.append([(FLASH, 0, entries(1))])
    assert store.sizes() == {FLASH: 1}
    store.close()


WRITER = """
    import sys
    from pathlib import Path
    from detente.evidence.store import Entry
    from detente.node.sqlite import SqliteStore
    store = SqliteStore(Path(sys.argv[1]))
    at = store.sizes().get("a/detente/to/b/flash/1", 0)
    while True:
        batch = [Entry(leaf=b"leaf %d" % (at + i), body=b"b" * 2000, salt=bytes(16)) for i in range(7)]
        store.append([("a/detente/to/b/flash/1", at, batch), ("a/detente/to/b/ops/1", at, batch)])
        at += 7
        print(at, flush=True)
"""


def test_kill_9_at_any_moment_loses_nothing_that_was_acknowledged(path):
    SqliteStore(path, create=True).close()
    for wanted in (1, 40, 160):
        writer = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(WRITER), str(path)],
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        acknowledged = 0
        for _ in range(wanted):
            acknowledged = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        acknowledged = max([acknowledged, *map(int, writer.stdout.read().split())])
        writer.wait()
        writer.stdout.close()
        store = SqliteStore(path)
        flash, ops = (store.sizes()[f"a/detente/to/b/{lane}/1"] for lane in ("flash", "ops"))
        leaves = [entry.leaf for entry in store.read("a/detente/to/b/flash/1", 0, flash)]
        store.close()
        assert flash == ops >= acknowledged
        assert leaves == [b"leaf %d" % i for i in range(flash)]


def test_a_torn_tail_takes_whole_batches_from_the_end_and_nothing_else(path, tmp_path):
    """Cut the write-ahead log at many lengths, as a lost power supply might, and open what is left."""
    store = SqliteStore(path, create=True)
    for i in range(12):
        store.append([(FLASH, 3 * i, entries(3, 3 * i)), (OPS, 3 * i, entries(3, 3 * i))])
    wal = path.with_name("record.sqlite-wal").read_bytes()
    database = path.read_bytes()
    store.close()
    sizes = []
    for i, length in enumerate(range(0, len(wal), len(wal) // 23)):
        torn = tmp_path / f"torn{i}"
        torn.mkdir()
        (torn / "record.sqlite").write_bytes(database)
        (torn / "record.sqlite-wal").write_bytes(wal[:length])
        try:
            left = SqliteStore(torn / "record.sqlite")
        except ConfigError:  # nothing but the empty file had reached the disk
            assert not sizes
            continue
        flash, ops = left.sizes().get(FLASH, 0), left.sizes().get(OPS, 0)
        assert left.read(FLASH, 0, 99) == entries(flash)
        assert left.read(OPS, 0, 99) == entries(ops)
        left.close()
        assert flash == ops
        assert flash % 3 == 0
        sizes.append(flash)
        shutil.rmtree(torn)
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1] <= 36


SALT = b"salt of 16 bytes"
NOTE = b"a checkpoint note of this log"
VALUE = b"\xff\xfe a value that is no text"


def turned(path, held):
    """Turn the lowest bit of the byte before *held* in the file: what SQLite takes it for, text instead of bytes."""
    raw = bytearray(path.read_bytes())
    assert raw.count(held) == 1
    raw[raw.index(held) - 1] ^= 1
    path.write_bytes(raw)


@pytest.mark.parametrize(
    "held",
    [b"leaf 1", leaf_hash(b"leaf 1"), SALT, b"some/key" + VALUE],
    ids=["leaf", "hash", "salt and body", "state"],
)
def test_bytes_that_a_turned_bit_calls_text_are_read_as_bytes(path, held):
    """A text there was a TypeError or a UnicodeDecodeError far from the record, at a start or in a scrub."""
    given = [Entry(leaf=b"leaf %d" % i, body=b"\xff body %d" % i, salt=SALT[: 15 + (i == 1)]) for i in range(3)]
    store = SqliteStore(path, create=True)
    store.append([(FLASH, 0, given)])
    store.replace_checkpoint(FLASH, None, NOTE)
    store.put_state("some/key", VALUE)
    hashes = store.leaf_hashes(FLASH)
    store.close()
    turned(path, held)
    again = SqliteStore(path, read_only=True)
    assert again.read(FLASH, 0, 3) == given
    assert again.leaf_hashes(FLASH) == hashes
    assert again.checkpoint(FLASH) == NOTE
    assert again.state("some/key") == VALUE
    assert again.sizes() == {FLASH: 3}
    again.close()
