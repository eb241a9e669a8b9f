"""The record as a desk reads it: which logs there are, their leaves a page at a time, what a browser needs to check a
root for itself, a dossier to take away, and whether one that somebody brought holds.

Nothing here is believed by whoever checks: leaves go out as they were signed, and the browser hashes them again.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from threading import Lock
from typing import Final

from detente.desk.record_view import (
    DossierAsked,
    DossierChecked,
    KeyRow,
    LeafPage,
    LeafRow,
    LeavesAsked,
    LogRow,
    Portion,
    ProofParts,
    RootRow,
)
from detente.errors import ConfigError, OrderRefused, OwnFault, PeerFault
from detente.evidence.checkpoint import Checkpoint
from detente.evidence.dossier import MANIFEST, Extract, Party, ZipFiles, read_manifest, write_zip
from detente.evidence.keys import KeyChain, fingerprint, parse_origin
from detente.evidence.leaf import Envelope, Kind, Lane, read
from detente.evidence.merkle import leaf_hash
from detente.evidence.note import b64, split_note
from detente.evidence.store import Entry, LeafStore, StoreFault
from detente.evidence.tiles import TILE_WIDTH, pack_entries
from detente.evidence.verify import verify
from detente.node.dossiers import chosen, files_of, parties_of, portion, with_incident
from detente.node.extracts import Wanted
from detente.node.keyring import Keyring, PeerKeys
from detente.release.alerts import AlertTold
from detente.types import PartyId
from detente.wire.messages import HotlineBody, decode_body

ROWS_MAX: Final = 200
SCANNED_MAX: Final = 2_000
"""Leaves looked at for one page: when nothing fits among them the desk is told how far it came."""

CHECKED_MAX: Final = 8_192
"""Leaves that a browser is given to hash itself; those before stand as the roots of their tiles."""

RAW_MAX: Final = 512
_TILE_HEIGHT: Final = 8
_WORTH_A_PROCESS: Final = 500
"""Leaves beyond which a dossier is checked in a process of its own: this one must not wait for it."""

EXPORT_MAX: Final = 50_000
"""Leaves of one dossier made from the desk; more is for `detente export`."""


@dataclass(frozen=True)
class KeysHeld:
    """The keys in force, ours and the peers', as `Records` needs them."""

    own: Keyring
    peers: Mapping[PartyId, PeerKeys]
    unconfirmed: frozenset[PartyId] = frozenset()  # peers whose digits nobody has typed here yet

    def chain(self, node: str) -> KeyChain | None:
        """Return the key statements of *node*; None when it is neither we nor a peer."""
        chains = (self.own.chain, *(peer.chain for peer in self.peers.values()))
        return next((chain for chain in chains if chain.node == node), None)


class Records:
    """Reads one node's record. Every method may take a while and none touches the engine: call them in a thread."""

    def __init__(
        self,
        party: PartyId,
        keys: Callable[[], KeysHeld],
        store: LeafStore,
        opened: Callable[[], LeafStore],
        *,
        post_quantum: bool = False,
    ) -> None:
        """*opened*: a second look at the same record, closed after a dossier; a long read then holds nobody up."""
        self._party = party
        self._keys = keys
        self._store = store
        self._opened = opened
        self._post_quantum = post_quantum
        self._one_at_a_time = Lock()
        self._digits: dict[str, str] = {}  # by root: each takes a quarter of a second

    def logs(self) -> list[LogRow]:
        """Return every log that two parties share, by name."""
        names = self._names()
        rows = []
        for origin, size in sorted(self._store.sizes().items()):
            if "/to/" not in origin:
                continue  # the node's own acts are shown by `detente record`, never beside what was said to a peer
            parts, receipt = parse_origin(origin), self._store.receipt(origin)
            rows.append(
                LogRow(
                    log=origin,
                    writer=names.get(parts.writer, parts.writer),
                    reader=names.get(parts.reader, parts.reader),
                    lane=parts.lane.value,
                    epoch=parts.epoch,
                    size=size,
                    signed=_signed_size(self._store.checkpoint(origin)),
                    receipted=0 if receipt is None else receipt.size,
                    receipt_at_s=None if receipt is None else receipt.at_s,
                    root=b64(self._store.tree(origin).root()),
                )
            )
        return rows

    def leaves(self, asked: LeavesAsked) -> LeafPage:
        """Return a page of leaves that fit; raises OrderRefused for a log that is not here."""
        size = self._size(asked.log)
        if asked.text and parse_origin(asked.log).writer != self._keys().own.node:
            # Nobody is looked for by what the other side said: its words are read page by page, as they were sent.
            raise OrderRefused("words_of_others", "only our own words are searched")
        at = size if asked.before is None else min(asked.before, size)
        first, rows = at, list[LeafRow]()
        lowest = max(0, at - SCANNED_MAX)
        while first > lowest and len(rows) < ROWS_MAX:
            start = max(lowest, first - ROWS_MAX)
            for seq, entry in reversed(list(enumerate(self._store.read(asked.log, start, first), start))):
                first = seq
                row = _leaf_row(seq, entry, asked)
                if row is not None:
                    rows.append(row)
                if len(rows) == ROWS_MAX:
                    break
        return LeafPage(log=asked.log, size=size, rows=rows, next=first or None, scanned=at - first)

    def raw(self, log: str, start: int, stop: int) -> bytes:
        """Return leaves [start, stop) as they were signed, each after its length as uint16be; at most RAW_MAX."""
        size = self._size(log)
        if not 0 <= start <= stop <= size or stop - start > RAW_MAX:
            raise OrderRefused("out_of_range", f"leaves [{start}, {stop}) of {size}, at most {RAW_MAX} at once")
        return pack_entries(entry.leaf for entry in self._store.read(log, start, stop))

    def proof(self, log: str) -> ProofParts:
        """Return what a browser needs to check *log* for itself; raises OrderRefused when nothing of it is signed."""
        self._size(log)
        note, receipt = self._store.checkpoint(log), self._store.receipt(log)
        if note is None and receipt is not None:
            note = receipt.note
        if note is None:
            raise OrderRefused("not_signed", f"{log}: no checkpoint yet, there is nothing to check")
        head = Checkpoint.parse(split_note(note)[0].decode())
        start = max(0, head.size - CHECKED_MAX) // TILE_WIDTH * TILE_WIDTH
        tree, parts = self._store.tree(log), parse_origin(log)
        return ProofParts(
            log=log,
            size=head.size,
            start=start,
            tiles=[b64(tree.node(_TILE_HEIGHT, n)) for n in range(start // TILE_WIDTH)],
            checkpoint=note.decode(),
            receipt=None if receipt is None else receipt.note.decode(),
            keys=[
                *self._key_rows(parts.writer, "log", log),
                *self._key_rows(parts.reader, "mirror", log),
            ],
            roots=[self._root_row(node) for node in (parts.writer, parts.reader) if self._keys().chain(node)],
        )

    def plan(self, asked: DossierAsked) -> list[Portion]:
        """Return what a dossier would hold and what its reader would find missing; raises OrderRefused."""
        with self._one_at_a_time, _refusing(self._opened()) as record:
            found = self._chosen(record, asked)[1]
            for extract in found:
                extract.read(extract.start, extract.stop)  # counts the bodies that are no longer held
            return [portion(extract) for extract in found]

    def dossier(self, asked: DossierAsked, at_ms: int) -> tuple[list[Portion], bytes]:
        """Return what a dossier holds, and it as a zip; raises OrderRefused for what is not there, or too much."""
        with self._one_at_a_time, _refusing(self._opened()) as record:
            wanted, found = self._chosen(record, asked)
            own = self._keys().own
            _, files = files_of(own, self._parties(), found, wanted.window, at_ms, post_quantum=self._post_quantum)
            out = io.BytesIO()
            write_zip(out, files)
            return [portion(extract) for extract in found], out.getvalue()

    def check(self, raw: bytes) -> DossierChecked:
        """Return whether the dossier in *raw*, a zip, holds under the confirmed roots of this node and its peers."""
        keys = self._keys()
        known = {self._party: str(keys.own.chain.root)} | {
            party: str(peer.chain.root) for party, peer in keys.peers.items() if party not in keys.unconfirmed
        }
        with self._one_at_a_time:
            digits = {str(party): self._digits_of(root) for party, root in known.items()}
            if _announced(raw) <= _WORTH_A_PROCESS:
                return _checked(raw, digits)
            with ProcessPoolExecutor(1, get_context("spawn")) as apart:
                return apart.submit(_checked, raw, digits).result()

    def _chosen(self, record: LeafStore, asked: DossierAsked) -> tuple[Wanted, list[Extract]]:
        ways = sum((bool(asked.incident), asked.from_ms is not None or asked.to_ms is not None, bool(asked.ranges)))
        if ways > 1:
            raise OrderRefused("one_choice", "an incident, a window of time or ranges of leaves: one of them")
        unknown = sorted(set(asked.lanes) - {lane.value for lane in Lane})
        if unknown:
            raise OrderRefused("unknown_lane", f"there is no lane {unknown[0]!r}")
        window = None
        if asked.from_ms is not None or asked.to_ms is not None:
            window = asked.from_ms or 0, asked.to_ms if asked.to_ms is not None else 2**53 - 1
            if window[0] >= window[1]:
                raise OrderRefused("empty_window", "the window ends before it begins")
        wanted = Wanted(asked.peers, asked.lanes, window, asked.ranges)
        if asked.incident:
            wanted = with_incident(record, wanted, asked.incident, asked.around_min)
        found = chosen(record, self._parties(), wanted)
        leaves = sum(extract.stop - extract.start for extract in found)
        if leaves > EXPORT_MAX:
            raise OrderRefused(
                "too_much", f"{leaves} leaves, more than {EXPORT_MAX}: choose fewer, or use detente export"
            )
        return wanted, found

    def _size(self, log: str) -> int:
        size = self._store.sizes().get(log)
        if size is None or "/to/" not in log:
            raise OrderRefused("unknown_log", f"the record holds no log {log[:160]!r}")
        return size

    def _names(self) -> dict[str, str]:
        keys = self._keys()
        names: dict[str, str] = {keys.own.node: self._party}
        return names | {peer.chain.node: party for party, peer in keys.peers.items()}

    def _parties(self) -> dict[str, Party]:
        keys = self._keys()
        return parties_of(keys.own, list(keys.peers.values()), self._names())

    def _key_rows(self, node: str, use: str, log: str) -> Iterator[KeyRow]:
        chain = self._keys().chain(node)
        if chain is not None:
            vkeys = chain.log_vkeys(log) if use == "log" else chain.vkeys("mirror")
            yield from (KeyRow(node, use, str(vkey)) for vkey in vkeys)

    def _root_row(self, node: str) -> RootRow:
        chain = self._keys().chain(node)
        assert chain is not None
        return RootRow(self._names().get(node, node), node, self._digits_of(str(chain.root)))

    def _digits_of(self, root: str) -> str:
        if root not in self._digits:
            self._digits[root] = fingerprint(root)
        return self._digits[root]


def _announced(raw: bytes) -> int:
    """Return how many leaves the dossier in *raw* says it holds; 0 for what is none: its check ends at once."""
    try:
        return sum(log.stop - log.start for log in read_manifest(ZipFiles(io.BytesIO(raw))[MANIFEST]).logs)
    except (KeyError, PeerFault):
        return 0


def _checked(raw: bytes, digits: Mapping[str, str]) -> DossierChecked:
    try:
        verdict = verify(ZipFiles(io.BytesIO(raw)), digits)
    except PeerFault as wrong:
        return DossierChecked("fails", [("zip", wrong.reason)], [])
    failures = [(failure.exhibit, failure.reason) for failure in verdict.failures]
    return DossierChecked(verdict.outcome.name.lower(), failures, sorted(verdict.digits))


@contextlib.contextmanager
def _refusing(record: LeafStore) -> Iterator[LeafStore]:
    """Close *record* at the end; what the record or its reader refuses is refused to the desk in the same words."""
    try:
        yield record
    except OrderRefused:
        raise
    except (OwnFault, ConfigError, PeerFault, StoreFault) as wrong:
        raise OrderRefused("not_exported", str(wrong)) from None
    finally:
        record.close()


def _signed_size(note: bytes | None) -> int:
    return 0 if note is None else Checkpoint.parse(split_note(note)[0].decode()).size


def _leaf_row(seq: int, entry: Entry, asked: LeavesAsked) -> LeafRow | None:
    """Return the row of a leaf; None when a filter keeps it out."""
    said = read(entry.leaf)
    if asked.kind not in {"", said.kind.value} or asked.by not in {"", said.by}:
        return None
    if asked.precedence not in {"", said.prec.value}:
        return None
    words = _words(said, entry.body)
    if asked.text and asked.text.casefold() not in words.casefold():
        return None
    return LeafRow(
        seq=seq,
        hash=b64(leaf_hash(entry.leaf)),
        ts_ms=said.ts,
        kind=said.kind.value,
        precedence=said.prec.value,
        by=said.by,
        size=said.size,
        words=words,
        is_held=entry.body is not None,
        answers=list(said.re),
    )


def _words(said: Envelope, raw: bytes | None) -> str:
    """Return what of a body a person can read in a line; empty for what is not words, or cannot be read."""
    if raw is None or said.kind not in {Kind.HOTLINE, Kind.ALERT}:
        return ""
    try:
        body = decode_body(said.kind, raw)
    except PeerFault:
        return ""
    match body:
        case HotlineBody(text=text, code=None):
            return text
        case HotlineBody(code=code, params=params):
            return " ".join([str(code), *(f"{name}={value}" for name, value in params.items())])
        case AlertTold():
            return " ".join(filter(None, (body.alert, body.kind, body.level, body.happening, body.zone)))
        case _:
            return ""
