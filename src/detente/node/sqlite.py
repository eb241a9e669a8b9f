"""The record in one SQLite file, through apsw: WAL, every commit on the disk before it is acknowledged.

Only one process writes; another may read meanwhile (an export of a running node). An attacker who can write this file
can stop the node, not change its history: roots are signed and the peer holds a copy.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, Final

import apsw

from detente.errors import ConfigError, OwnFault
from detente.evidence.log import Receipt
from detente.evidence.merkle import leaf_hash
from detente.evidence.store import Entry, StoreFault, Write
from detente.evidence.tiled import TiledTree, tile_root
from detente.evidence.tiles import TILE_WIDTH

OLDEST_SQLITE: Final = (3, 51, 3)
"""Earlier versions can corrupt a WAL database when two connections write and checkpoint at once."""

_APPLICATION: Final = 0x44E70001
_VERSION: Final = 3
_SEQ_BITS: Final = 40
_SEQ_MASK: Final = (1 << _SEQ_BITS) - 1

# A leaf's place is its log's number and its index in one integer: rows are added at the right edge of a table's tree,
# which is the cheapest that SQLite does, and a leaf of 1 KB needs no page of its own. The hashes stand apart from the
# leaves, and whole tiles of 256 of them with their root apart again: so a start reads a few rows, however long the log.
# What is wanted is a body that did not come with its leaf.
_SCHEMA: Final = f"""
CREATE TABLE log (
  id INTEGER PRIMARY KEY, origin TEXT NOT NULL UNIQUE, checkpoint BLOB,
  receipt_size INTEGER, receipt BLOB, receipt_at_s INTEGER
) STRICT;
CREATE TABLE leaf (place INTEGER PRIMARY KEY, leaf BLOB NOT NULL) STRICT;
CREATE TABLE hash (place INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT;
CREATE TABLE body (place INTEGER PRIMARY KEY, salt BLOB NOT NULL, body BLOB NOT NULL) STRICT;
CREATE TABLE wanted (place INTEGER PRIMARY KEY) STRICT;
CREATE TABLE tile (
  log INTEGER NOT NULL, level INTEGER NOT NULL, n INTEGER NOT NULL, root BLOB NOT NULL, hashes BLOB NOT NULL,
  PRIMARY KEY (log, level, n)
) STRICT;
CREATE TABLE state (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
"""

# Whatever one bit turned on the disk says that a column holds, it is read as what it ought to be: bytes that are
# others, or none, are found by their hashes, and a text in place of bytes would be a fault of the program.
_READ: Final = """
SELECT ifnull(CAST(leaf.leaf AS BLOB), x''), CAST(body.body AS BLOB), ifnull(CAST(body.salt AS BLOB), x'')
FROM leaf LEFT JOIN body ON body.place = leaf.place
WHERE leaf.place >= ? AND leaf.place < ? ORDER BY leaf.place
"""
_READ_LEAVES: Final = "SELECT ifnull(CAST(leaf AS BLOB), x'') FROM leaf WHERE place >= ? AND place < ? ORDER BY place"
_READ_HASHES: Final = "SELECT ifnull(CAST(hash AS BLOB), x'') FROM hash WHERE place >= ? AND place < ? ORDER BY place"
_READ_ROOTS: Final = """
SELECT ifnull(CAST(root AS BLOB), x'') FROM tile
WHERE log = (SELECT id FROM log WHERE origin = ?) AND level = ? AND n >= ? ORDER BY n
"""
_READ_TILE: Final = """
SELECT ifnull(CAST(hashes AS BLOB), x'') FROM tile
WHERE log = (SELECT id FROM log WHERE origin = ?) AND level = ? AND n = ?
"""
_RECEIPT: Final = """
SELECT CAST(receipt_size AS INTEGER), CAST(receipt AS BLOB), CAST(receipt_at_s AS INTEGER) FROM log WHERE origin = ?
"""
_READ_ROOTS_OF: Final = """
SELECT ifnull(CAST(root AS BLOB), x'') FROM tile WHERE log = ?1 AND level = ?4 AND n >= ?2 AND n < ?2 + ?3 ORDER BY n
"""
_WANTED: Final = "SELECT place FROM wanted WHERE place >= ? AND place < ? ORDER BY place"
_HELD: Final = "SELECT place FROM body WHERE place >= ? AND place < ? ORDER BY place LIMIT ?"
_NEWEST: Final = "SELECT max(place) FROM leaf WHERE place >= ? AND place < ?"


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
        self._firsts: dict[str, int] = {}  # by log, as read: the place of its first leaf
        self._reading = Lock()

    def append(self, writes: Sequence[Write]) -> dict[str, list[bytes]]:
        """Record all of *writes* or none; see `LeafStore`."""
        with self._transaction() as db:
            for origin, start, entries in writes:
                log = self._log(origin)
                size = self._size(db, log)
                if start != size:
                    raise OwnFault(f"{origin}: an entry for {start} while the log holds {size}")
                rows = list(enumerate(entries, _place(log, start)))
                db.executemany("INSERT INTO leaf VALUES (?, ?)", [(at, e.leaf) for at, e in rows])
                # One may stand there still, of a leaf that somebody took away.
                db.executemany("INSERT OR REPLACE INTO hash VALUES (?, ?)", [(at, leaf_hash(e.leaf)) for at, e in rows])
                if bodies := [(at, e.salt, e.body) for at, e in rows if e.body is not None]:
                    db.executemany("INSERT INTO body VALUES (?, ?, ?)", bodies)
                if len(bodies) < len(rows):
                    db.executemany("INSERT INTO wanted VALUES (?)", [(at,) for at, e in rows if e.body is None])
                _add_tiles(db, log, size, size + len(entries))
        hashes: dict[str, list[bytes]] = {}
        for origin, start, entries in writes:
            read_back = self._rows(_READ_LEAVES, self._range(origin, start, start + len(entries)))
            hashes.setdefault(origin, []).extend(leaf_hash(leaf) for (leaf,) in read_back)
        return hashes

    def put_body(self, origin: str, seq: int, salt: bytes, body: bytes) -> None:
        """Record the body of a leaf that is there; see `LeafStore`."""
        with self._transaction() as db:
            log = self._log(origin)
            if not 0 <= seq < self._size(db, log):
                raise OwnFault(f"{origin}: a body for leaf {seq}, which is not there")
            db.execute("INSERT OR REPLACE INTO body VALUES (?, ?, ?)", (_place(log, seq), salt, body))
            db.execute("DELETE FROM wanted WHERE place = ?", (_place(log, seq),))

    def bodies_wanted(self, origin: str, start: int = 0) -> list[int]:
        """Return the leaves whose body never came; see `LeafStore`."""
        return [place & _SEQ_MASK for (place,) in self._rows(_WANTED, self._range(origin, start))]

    def bodies_held(self, origin: str, start: int, limit: int) -> list[int]:
        """Return the leaves whose body is here; see `LeafStore`."""
        return [place & _SEQ_MASK for (place,) in self._rows(_HELD, (*self._range(origin, start), limit))]

    def forget_bodies(self, origin: str, seqs: Sequence[int]) -> None:
        """Delete bodies for good; see `LeafStore`."""
        with self._transaction() as db:
            places = [(_place(self._log(origin), seq),) for seq in seqs]
            db.executemany("DELETE FROM body WHERE place = ?", places)
            db.executemany("DELETE FROM wanted WHERE place = ?", places)

    def mend(self, origin: str, seq: int, leaf: bytes) -> None:
        """Put a damaged leaf right; see `LeafStore`."""
        hashed = leaf_hash(leaf)
        if self.tree(origin).leaf(seq) != hashed:
            raise OwnFault(f"{origin}: not the leaf {seq} that the log's tree holds")
        with self._transaction() as db:
            place = _place(self._log(origin), seq)
            db.execute("UPDATE leaf SET leaf = ? WHERE place = ?", (leaf, place))
            db.execute("UPDATE hash SET hash = ? WHERE place = ?", (hashed, place))

    def read(self, origin: str, start: int, stop: int) -> list[Entry]:
        """Return entries [start, stop); see `LeafStore`."""
        rows = self._rows(_READ, self._range(origin, start, stop))
        return [Entry(leaf=leaf, body=body, salt=salt) for leaf, body, salt in rows]

    def sizes(self) -> dict[str, int]:
        """Return how many leaves each log holds."""
        origins = [origin for (origin,) in self._rows("SELECT CAST(origin AS TEXT) FROM log")]
        return {origin: _size_of(self._row(_NEWEST, self._range(origin))[0]) for origin in origins}

    def mend_hashes(self, origin: str) -> None:
        """Make the hashes beside the leaves of a log, and its tiles, anew from the leaves: a scrub blamed them."""
        size = self.sizes().get(origin, 0)
        with self._transaction() as db:
            log = self._log(origin)
            for start in range(0, size, TILE_WIDTH):
                rows = self._rows(_READ_LEAVES, self._range(origin, start, start + TILE_WIDTH))
                values = [(at, leaf_hash(leaf)) for at, (leaf,) in enumerate(rows, _place(log, start))]
                db.executemany("INSERT OR REPLACE INTO hash VALUES (?, ?)", values)
            db.execute("DELETE FROM tile WHERE log = ?", (log,))
            _add_tiles(db, log, 0, size)

    def leaf_hashes(self, origin: str) -> bytes:
        """Return all leaf hashes of a log, 32 bytes each."""
        return b"".join(hashed for (hashed,) in self._rows(_READ_HASHES, self._range(origin)))

    def tree(self, origin: str) -> TiledTree:
        """Return the tree of a log from its tiles' roots and its last leaves; older tiles are read when asked for."""
        size = _size_of(self._row(_NEWEST, self._range(origin))[0])
        edge, level, nodes = [], 0, size
        while nodes:
            whole = nodes // TILE_WIDTH
            query = _READ_HASHES if level == 0 else _READ_ROOTS
            first = whole * TILE_WIDTH
            where: tuple[Any, ...] = self._range(origin, first, size) if level == 0 else (origin, level - 1, first)
            edge.append(b"".join(hashed for (hashed,) in self._rows(query, where)))
            level, nodes = level + 1, whole
        return TiledTree(size, edge, partial(self.tile, origin))

    def tile(self, origin: str, level: int, n: int) -> bytes:
        """Return the whole tile *n* of a level; raises StoreFault when it is not there."""
        row = self._row(_READ_TILE, (origin, level, n))
        if row is None:
            raise StoreFault(f"the record: {origin}: tile {level}/{n} is not there")
        hashes: bytes = row[0]
        return hashes

    def checkpoint(self, origin: str) -> bytes | None:
        """Return the newest checkpoint note of a log."""
        row = self._row("SELECT CAST(checkpoint AS BLOB) FROM log WHERE origin = ?", (origin,))
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
        row = self._row(_RECEIPT, (origin,))
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
        row = self._row("SELECT ifnull(CAST(value AS BLOB), x'') FROM state WHERE key = ?", (key,))
        return row[0] if row else None

    def states(self, prefix: str) -> dict[str, bytes]:
        """Return what was put under keys that begin with *prefix*."""
        rows = self._rows(
            "SELECT CAST(key AS TEXT), ifnull(CAST(value AS BLOB), x'') FROM state WHERE substr(key, 1, ?) = ?",
            (len(prefix), prefix),
        )
        return dict(rows)

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
        return _size_of(db.execute(_NEWEST, (_place(log, 0), _place(log + 1, 0))).get)

    def _range(self, origin: str, start: int = 0, stop: int = _SEQ_MASK) -> tuple[int, int]:
        """Places of leaves [start, stop) of a log; none of one that is not there."""
        first = self._firsts.get(origin)
        if first is None:
            row = self._row("SELECT id FROM log WHERE origin = ?", (origin,))
            if row is None:
                return 0, 0
            first = self._firsts[origin] = _place(row[0], 0)
        return first + max(start, 0), first + min(max(stop, 0), _SEQ_MASK)

    def _rows(self, query: str, bindings: tuple[Any, ...] = ()) -> list[Any]:
        try:
            with self._reading:  # the engine reads while the writer's thread reads back
                return self._reader.execute(query, bindings).fetchall()
        except (apsw.Error, UnicodeDecodeError) as wrong:
            raise StoreFault(f"the record: {wrong}") from wrong

    def _row(self, query: str, bindings: tuple[Any, ...]) -> Any:
        rows = self._rows(query, bindings)
        return rows[0] if rows else None

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _place(log: int, seq: int) -> int:
    return log << _SEQ_BITS | seq


def _size_of(newest: int | None) -> int:
    return 0 if newest is None else (newest & _SEQ_MASK) + 1


def _add_tiles(db: apsw.Connection, log: int, before: int, after: int) -> None:
    """Keep the tiles that became whole as a log grew from *before* to *after* leaves, and those over them."""
    query, level = _READ_HASHES, 0
    while (before := before // TILE_WIDTH) < (after := after // TILE_WIDTH):
        for n in range(before, after):
            first = n * TILE_WIDTH
            places = (_place(log, first), _place(log, first + TILE_WIDTH))
            below = places if level == 0 else (log, first, TILE_WIDTH, level - 1)
            hashes = b"".join(hashed for (hashed,) in db.execute(query, below))
            db.execute("INSERT INTO tile VALUES (?, ?, ?, ?, ?)", (log, level, n, tile_root(hashes), hashes))
        query = _READ_ROOTS_OF
        level += 1


def is_written(path: Path) -> bool:
    """Whether a process holds the right to write the record at *path* now."""
    try:
        os.close(_locked(path))
    except ConfigError:
        return path.exists()
    return False


def writer_pid(path: Path) -> int:
    """Return the process that writes the record at *path* now; raises ConfigError when none does."""
    if is_written(path):
        told = path.with_name(f"{path.name}.lock").read_text("ascii").strip()
        if told.isdecimal():
            return int(told)
    raise ConfigError(f"{path}: no node writes this record now")


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
    os.ftruncate(lock, 0)
    os.write(lock, b"%d\n" % os.getpid())
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
    if db.pragma("user_version") != _VERSION:
        db.close()
        raise ConfigError(f"{path}: a record of another version of this program")
    if not read_only:
        db.execute("PRAGMA synchronous = FULL")
    return db
