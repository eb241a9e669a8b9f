"""How a node's desk begins: from the start index kept in the record, or from everything.

The index only says which leaves are folded (`engine/restore.py`, ADR 21). It lies in the database, which is not
trusted: it is sealed under a key of this node's, and bound to the program, to what the desk is made of, and to a size
and a root of each log. An old one serves as well as a new one, it only leaves more to read. Any other is not used: then
the whole record is read, and an index made of it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec
import structlog

from detente import __version__
from detente.engine.engine import Engine
from detente.engine.restore import StartIndex, index_of, restore, restore_by
from detente.engine.values import Setup
from detente.errors import OwnFault
from detente.evidence.keys import parse_origin
from detente.evidence.leaf import Lane
from detente.evidence.note import b64
from detente.evidence.store import LeafStore, StoreFault

INDEX_KEY: Final = "start/index"
"""Where the index is kept among the node's own state in the record."""

FOLDED_WHOLE: Final = 2_048
"""A record of no more spoken leaves is folded whole at each start, and so much may be newer than its index."""

_SHOWN_EVERY: Final = 50_000
_MAC_LENGTH: Final = 32

log = structlog.get_logger()


class _NotUsed(Exception):
    """Why an index is not begun by."""


class _Kept(msgspec.Struct, frozen=True):
    made_of: str  # digest of the program and of what the desk is made of
    roots: dict[str, str]  # base64, of each log at the size that the index names
    index: StartIndex


_encoder: Final = msgspec.json.Encoder(order="sorted")
_decoder: Final = msgspec.json.Decoder(_Kept)


@dataclass(frozen=True)
class Starting:
    """Makes engines. *setup* makes all of one anew at each call; *scratch* too, for one that only reads.

    *secret* is known to this node alone.
    """

    setup: Callable[[], Setup]
    scratch: Callable[[], Setup]
    secret: Callable[[], bytes]
    folded_whole: int = FOLDED_WHOLE

    def engine(self, store: LeafStore) -> Engine:
        """Return the engine as the record in *store* has it, and see that the next start is a short one."""
        engine = Engine(self.setup())
        leaves = sum(engine.spoken_logs().values())
        if leaves <= self.folded_whole:
            restore(engine, store.read)
            return engine
        try:
            if restore_by(engine, self._index(engine, store), store.read) is not None:
                return engine
            why = "a newer leaf is about one that the start index leaves out"
        except _NotUsed as not_used:
            why = str(not_used)
        log.warning("the whole record is read", why=why, count=leaves)
        index = self._made(store)
        try:
            store.put_state(INDEX_KEY, self._sealed(engine, store, index))
        except StoreFault as fault:
            log.warning("start index", fault=str(fault))  # the next start takes as long again
        engine = Engine(self.setup())
        restore_by(engine, index, store.read)
        return engine

    def renewed(self, store: LeafStore) -> bytes | None:
        """Return a newer index to be kept under INDEX_KEY; None while the one there will do. May take seconds."""
        try:
            covered = sum(part.size for part in self._kept(store).index.logs.values())
        except _NotUsed:
            covered = 0
        if _leaves(store) - covered <= self.folded_whole:
            return None
        engine = Engine(self.scratch())
        try:
            before = self._index(engine, store)
            folded = restore_by(engine, before, store.read)
        except _NotUsed:
            folded = None
        if folded is None:
            return self._sealed(engine, store, self._made(store))
        return self._sealed(engine, store, index_of(engine, folded, store.read, store.bodies_wanted, before))

    def _made(self, store: LeafStore) -> StartIndex:
        """Return the index of everything."""
        engine = Engine(self.scratch())
        folded = restore(engine, store.read, told=_show)
        return index_of(engine, folded, store.read, store.bodies_wanted)

    def _index(self, engine: Engine, store: LeafStore) -> StartIndex:
        """Return the index that is kept, if *engine* can begin by it; raises _NotUsed."""
        kept = self._kept(store)
        if kept.made_of != _made_of(engine.setup):
            raise _NotUsed("the start index is of another version of this program or of another configuration")
        logs = engine.logs()
        for origin, part in kept.index.logs.items():
            if origin in logs and self._root(store, origin, part.size) != kept.roots.get(origin):
                raise _NotUsed(f"{origin} is not the log that the start index was made of")
        return kept.index

    def _kept(self, store: LeafStore) -> _Kept:
        """Return what is kept as this node left it; raises _NotUsed."""
        sealed = store.state(INDEX_KEY)
        if not sealed:
            raise _NotUsed("there is no start index")
        if not hmac.compare_digest(sealed[:_MAC_LENGTH], self._mac(sealed[_MAC_LENGTH:])):
            raise _NotUsed("the start index is not as this node left it")
        try:
            return _decoder.decode(sealed[_MAC_LENGTH:])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise _NotUsed("the start index is of another version of this program") from None

    def _sealed(self, engine: Engine, store: LeafStore, index: StartIndex) -> bytes:
        roots = {origin: self._root(store, origin, part.size) or "" for origin, part in index.logs.items()}
        raw = _encoder.encode(_Kept(_made_of(engine.setup), roots, index))
        return self._mac(raw) + raw

    @staticmethod
    def _root(store: LeafStore, origin: str, size: int) -> str | None:
        try:
            return b64(store.tree(origin).root(size))
        except (OwnFault, StoreFault):
            return None  # it is shorter now, or its tiles are gone

    def _mac(self, raw: bytes) -> bytes:
        return hmac.digest(self.secret(), b"detente-start-index/v1\n" + raw, "sha256")


def _leaves(store: LeafStore) -> int:
    """Return how many leaves of spoken lanes are there."""
    spoken = (size for origin, size in store.sizes().items() if "/to/" in origin and not _is_track(origin))
    return sum(spoken)


def _is_track(origin: str) -> bool:
    return parse_origin(origin).lane is Lane.TRACK


def _made_of(setup: Setup) -> str:
    """Return a digest of what decides which leaves count, besides the leaves."""
    parts = (__version__, setup.parties, setup.ladder, setup.is_exercise, setup.codebook.digest)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _show(leaves: int) -> None:
    if leaves % _SHOWN_EVERY < 256 and leaves >= _SHOWN_EVERY:
        log.info("the record is being read", count=leaves)
