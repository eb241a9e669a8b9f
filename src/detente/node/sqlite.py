"""The record in one SQLite file, through apsw: WAL, every commit on the disk before it is acknowledged.

Only one process writes; another may read meanwhile (an export of a running node). An attacker who can write this file
can stop the node, not change its history: roots are signed and the peer holds a copy.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import apsw

from detente.errors import ConfigError, OwnFault
from detente.evidence.log import Receipt
from detente.evidence.merkle import leaf_hash
from detente.evidence.store import Entry, StoreFault, Write

OLDEST_SQLITE: Final = (3, 51, 3)
"""Earlier versions can corrupt a WAL database when two connections write and checkpoint at once."""

_APPLICATION: Final = 0x44E70001

# The index carries the hashes apart from the leaves, so that a start reads 40 bytes a leaf and not the leaf.
_SCHEMA: Final = f"""
CREATE TABLE log (
  id INTEGER PRIMARY KEY, origin TEXT NOT NULL UNIQUE, checkpoint BLOB,
  receipt_size INTEGER, receipt BLOB, receipt_at_s INTEGER
) STRICT;
CREATE TABLE leaf (
  log INTEGER NOT NULL, seq INTEGER NOT NULL, leaf BLOB NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (log, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX leaf_hash ON leaf (log, seq, hash);
CREATE TABLE body (
  log INTEGER NOT NULL, seq INTEGER NOT NULL, salt BLOB NOT NULL, body BLOB NOT NULL, PRIMARY KEY (log, seq)
) STRICT;
CREATE TABLE state (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
PRAGMA application_id = {_APPLICATION};
"""
_READ: Final = """
SELECT leaf.leaf, body.body, body.salt FROM leaf
LEFT JOIN body ON body.log = leaf.log AND body.seq = leaf.seq
WHERE leaf.log = (SELECT id FROM log WHERE origin = ?) AND leaf.seq >= ? AND leaf.seq < ? ORDER BY leaf.seq
"""
_READ_LEAVES: Final = """
SELECT leaf FROM leaf WHERE log = (SELECT id FROM log WHERE origin = ?) AND seq >= ? AND seq < ? ORDER BY seq
"""
_READ_HASHES: Final = """
SELECT hash FROM leaf INDEXED BY leaf_hash WHERE log = (SELECT id FROM log WHERE origin = ?) ORDER BY seq
"""


class SqliteStore:
    """A `LeafStore` in the file *path*. A wrong path must not begin a second history, so it creates one only if asked.

    Raises ConfigError when the file is not there, is there though it should be made, is not ours, or is in use.
    """

    def __init__(self, path: Path, *, create: bool = False, read_only: bool = False) -> None:
        assert tuple(int(part) for part in apsw.sqlite_lib_version().split(".")) >= OLDEST_SQLITE
        if create == path.exists():
            raise ConfigError(f"{path}: there is a record already" if create else f"{path}: no record there")
        self._lock = None if read_only else _locked(path)
        try:
            self._writer = _open(path, create=create, read_only=read_only)
            # What is read back must have gone through the file, not through the writer's own pages.
            self._reader = _open(path, create=False, read_only=read_only)
        except apsw.Error as wrong:
            self._unlock()
            raise ConfigError(f"{path}: not a record: {wrong}") from None
        except ConfigError:
            self._unlock()
            raise
        self._ids: dict[str, int] = {}

    def append(self, writes: Sequence[Write]) -> dict[str, list[bytes]]:
        """Record all of *writes* or none; see `LeafStore`."""
        with self._transaction() as db:
            for origin, start, entries in writes:
                log = self._log(origin)
                size = self._size(db, log)
                if start != size:
                    raise OwnFault(f"{origin}: an entry for {start} while the log holds {size}")
                rows = list(enumerate(entries, start))
                db.executemany(
                    "INSERT INTO leaf VALUES (?, ?, ?, ?)", ((log, i, e.leaf, leaf_hash(e.leaf)) for i, e in rows)
                )
                bodies = ((log, i, e.salt, e.body) for i, e in rows if e.body is not None)
                db.executemany("INSERT INTO body VALUES (?, ?, ?, ?)", bodies)
        hashes: dict[str, list[bytes]] = {}
        for origin, start, entries in writes:
            read_back = self._rows(_READ_LEAVES, (origin, start, start + len(entries)))
            hashes.setdefault(origin, []).extend(leaf_hash(leaf) for (leaf,) in read_back)
        return hashes

    def put_body(self, origin: str, seq: int, salt: bytes, body: bytes) -> None:
        """Record the body of a leaf that is there; see `LeafStore`."""
        with self._transaction() as db:
            log = self._log(origin)
            if not 0 <= seq < self._size(db, log):
                raise OwnFault(f"{origin}: a body for leaf {seq}, which is not there")
            db.execute("INSERT OR REPLACE INTO body VALUES (?, ?, ?, ?)", (log, seq, salt, body))

    def read(self, origin: str, start: int, stop: int) -> list[Entry]:
        """Return entries [start, stop); see `LeafStore`."""
        rows = self._rows(_READ, (origin, start, stop))
        return [Entry(leaf=leaf, body=body, salt=salt or b"") for leaf, body, salt in rows]

    def sizes(self) -> dict[str, int]:
        """Return how many leaves each log holds."""
        query = "SELECT origin, (SELECT max(seq) + 1 FROM leaf WHERE leaf.log = log.id) FROM log"
        return {origin: size or 0 for origin, size in self._rows(query)}

    def leaf_hashes(self, origin: str) -> bytes:
        """Return all leaf hashes of a log, 32 bytes each."""
        return b"".join(hashed for (hashed,) in self._rows(_READ_HASHES, (origin,)))

    def checkpoint(self, origin: str) -> bytes | None:
        """Return the newest checkpoint note of a log."""
        row = self._row("SELECT checkpoint FROM log WHERE origin = ?", (origin,))
        return row[0] if row else None

    def replace_checkpoint(self, origin: str, old: bytes | None, new: bytes) -> None:
        """Compare and swap; see `LeafStore`."""
        with self._transaction() as db:
            log = self._log(origin)
            # IS, not =: nothing equals NULL, and the first checkpoint replaces none.
            db.execute("UPDATE log SET checkpoint = ? WHERE id = ? AND checkpoint IS ?", (new, log, old))
            if db.changes() != 1:
                raise OwnFault(f"{origin}: the checkpoint to replace is not the one held")

    def receipt(self, origin: str) -> Receipt | None:
        """Return the newest receipt of a log."""
        row = self._row("SELECT receipt_size, receipt, receipt_at_s FROM log WHERE origin = ?", (origin,))
        return Receipt(*row) if row and row[1] is not None else None

    def put_receipt(self, origin: str, receipt: Receipt) -> None:
        """Replace the receipt; see `LeafStore`."""
        with self._transaction() as db:
            db.execute(
                "UPDATE log SET receipt_size = ?1, receipt = ?2, receipt_at_s = ?3 "
                "WHERE id = ?4 AND coalesce(receipt_size, 0) <= ?1",
                (receipt.size, receipt.note, receipt.at_s, self._log(origin)),
            )
            if db.changes() != 1:
                raise OwnFault(f"{origin}: a receipt for {receipt.size} leaves, fewer than the one held")

    def state(self, key: str) -> bytes | None:
        """Return what the node put under *key*."""
        row = self._row("SELECT value FROM state WHERE key = ?", (key,))
        return row[0] if row else None

    def put_state(self, key: str, value: bytes) -> None:
        """Keep *value* under *key*."""
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (key, value))

    def close(self) -> None:
        """Close the file and let another process have it."""
        self._reader.close()
        self._writer.close()
        self._unlock()

    @contextmanager
    def _transaction(self) -> Iterator[apsw.Connection]:
        known = dict(self._ids)
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            yield self._writer
            self._writer.execute("COMMIT")
        except BaseException as wrong:
            self._ids = known
            if self._writer.in_transaction:
                with suppress(apsw.Error):
                    self._writer.execute("ROLLBACK")
            if isinstance(wrong, apsw.Error):
                raise StoreFault(f"the record: {wrong}") from wrong
            raise

    def _log(self, origin: str) -> int:
        """Number of the log *origin*, made within the open transaction if it is new."""
        if origin not in self._ids:
            # It may be there: a write that looked refused was perhaps done.
            self._writer.execute("INSERT OR IGNORE INTO log (origin) VALUES (?)", (origin,))
            self._ids[origin] = self._writer.execute("SELECT id FROM log WHERE origin = ?", (origin,)).get
        return self._ids[origin]

    @staticmethod
    def _size(db: apsw.Connection, log: int) -> int:
        size: int | None = db.execute("SELECT max(seq) + 1 FROM leaf WHERE log = ?", (log,)).get
        return size or 0

    def _rows(self, query: str, bindings: tuple[Any, ...] = ()) -> list[Any]:
        try:
            return self._reader.execute(query, bindings).fetchall()
        except apsw.Error as wrong:
            raise StoreFault(f"the record: {wrong}") from wrong

    def _row(self, query: str, bindings: tuple[Any, ...]) -> Any:
        rows = self._rows(query, bindings)
        return rows[0] if rows else None

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def is_written(path: Path) -> bool:
    """Whether a process holds the right to write the record at *path* now."""
    try:
        os.close(_locked(path))
    except ConfigError:
        return path.exists()
    return False


def _locked(path: Path) -> int:
    """Take the right to write *path*, held until the process ends or lets go."""
    try:
        lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as wrong:
        raise ConfigError(f"{path}: {wrong.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise ConfigError(f"{path}: another process writes this record") from None
    return lock


def _open(path: Path, *, create: bool, read_only: bool) -> apsw.Connection:
    if read_only:
        flags = apsw.SQLITE_OPEN_READONLY
    else:
        flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
    db = apsw.Connection(str(path), flags=flags)
    db.set_busy_timeout(5_000)
    if create:
        path.chmod(0o600)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"BEGIN; {_SCHEMA} COMMIT")
    if db.pragma("application_id") != _APPLICATION:
        db.close()
        raise ConfigError(f"{path}: not a record of this program")
    if not read_only:
        db.execute("PRAGMA synchronous = FULL")
    return db
