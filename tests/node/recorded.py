"""A small record on a disk, alfa's with bravo, signed and receipted: warnings, messages, track frames."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from detente.evidence.checkpoint import cosignature, sign_checkpoint, with_lines
from detente.evidence.keys import origin
from detente.evidence.leaf import Kind
from detente.evidence.log import Log, Receipt
from detente.evidence.note import Ed25519Signer
from detente.evidence.store import Entry
from detente.node import keyring as kr
from detente.node.records import KeysHeld, Records
from detente.node.sqlite import SqliteStore
from detente.release.alerts import AlertTold, Named
from detente.types import PartyId, instant_of_ms
from detente.wire.messages import HotlineBody, encode_body
from evidence.records import START_MS, leaf_of

ALFA, BRAVO = PartyId("alfa"), PartyId("bravo")
FLASH = "alfa.example/detente/to/bravo.example/flash/1"
OPS = "alfa.example/detente/to/bravo.example/ops/1"


class Recorded(NamedTuple):
    """A record's file, the keys of both, and what reads it."""

    path: Path
    own: kr.Keyring
    peer: kr.Keyring
    store: SqliteStore
    records: Records

    def sign(self, log: Log, receipted: int | None = None) -> None:
        """Sign all of *log*, and let its reader receipt so many of its leaves."""
        writer, reader = (self.own, self.peer) if log.origin.startswith("alfa") else (self.peer, self.own)
        note = sign_checkpoint(log.head(), writer.log)
        self.store.replace_checkpoint(log.origin, self.store.checkpoint(log.origin), note)
        size = log.size if receipted is None else receipted
        held = sign_checkpoint(log.head(size), writer.log)
        held = with_lines(held, cosignature(held, reader.mirror, START_MS // 1000 + 9))
        self.store.put_receipt(log.origin, Receipt(size, held, START_MS // 1000 + 9))


def alert(name: str, at_ms: int) -> bytes:
    named = Named(is_yours=False, ref=77, identity="4b1801")
    return encode_body(AlertTold(alert=name, happening="raised", kind="incursion", level="alarm", at_ms=at_ms, a=named))


def recorded(folder: Path, messages: int = 5, frames: int = 0) -> Recorded:
    """Make the record in the new *folder*: a warning each way, *messages* of ours, so many track frames of ours."""
    own = kr.make_keyring(folder / "alfa" / "keys", "alfa.example/detente", instant_of_ms(START_MS))
    peer = kr.make_keyring(folder / "bravo", "bravo.example/detente", instant_of_ms(START_MS))
    kr.keep_peer(folder / "alfa" / "keys", peer.pairing)
    path = folder / "alfa" / "record.sqlite"
    store = SqliteStore(path, create=True)
    keys = KeysHeld(own, {BRAVO: next(iter(kr.load_peers(folder / "alfa" / "keys").values())).keys})
    made = Recorded(
        path, own, peer, store, Records(ALFA, lambda: keys, store, lambda: SqliteStore(path, read_only=True))
    )
    logs: dict[str, Log] = {}

    def say(writer, reader, lane, kind, at_s, **fields):
        name = origin(writer.node, reader.node, lane)
        log = logs.setdefault(name, Log(name))
        leaf, body, salt = leaf_of(writer, log, reader, kind, START_MS + round(at_s * 1000), **fields)
        log.extend(store.append([(name, log.size, [Entry(leaf=leaf, body=body, salt=salt)])])[name])

    say(own, peer, "flash", Kind.ALERT, 1, said=alert("alfa-3", START_MS))
    say(peer, own, "flash", Kind.ALERT, 2, said=alert("bravo-9", START_MS))
    for n in range(messages):
        text = f"Message {n} about the crossing." if n % 2 else f"Line check {n}."
        body = encode_body(HotlineBody(line="watch", text=text))
        say(own, peer, "ops", Kind.HOTLINE, 3 + n, said=body, by="supervisor" if n % 3 == 0 else "operator")
    for n in range(frames):
        say(own, peer, "track", Kind.TRACK, n)
    for log in logs.values():
        made.sign(log)
    return made


def forged_root(made: Recorded, log: str) -> None:
    """Put a checkpoint over another root in the place of *log*'s, signed by a stranger under the log's name."""
    head = Log.restore(log, made.store.leaf_hashes(log), made.store.checkpoint(log), made.store.receipt(log)).head()
    note = sign_checkpoint(head, Ed25519Signer(log, b"s" * 32))
    made.store.replace_checkpoint(log, made.store.checkpoint(log), note)
