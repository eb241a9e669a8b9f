"""Reading the whole record again: one flipped bit anywhere is found, named, and put right from the other side's copy."""

from __future__ import annotations

import json

import apsw
import pytest

from detente.errors import OwnFault
from detente.evidence.checkpoint import cosignature, sign_checkpoint, with_lines
from detente.evidence.keys import origin
from detente.evidence.leaf import Envelope, Kind, Lane, body_commitment, encode, salt_for
from detente.evidence.log import Log, Receipt
from detente.evidence.merkle import leaf_hash
from detente.evidence.note import b64
from detente.evidence.store import Entry
from detente.node.scrub import scrub
from detente.node.sqlite import SqliteStore
from detente.testing.identities import own_identity
from detente.types import Precedence

ALFA, BRAVO = own_identity("alfa.example/detente"), own_identity("bravo.example/detente")
OPS = origin(ALFA.node, BRAVO.node, Lane.OPS)
CHAINS = {ALFA.node: ALFA.chain, BRAVO.node: BRAVO.chain}
COUNT = 300


def chain_of(count):
    entries, log = [], Log(OPS)
    for seq in range(count):
        salt, body = salt_for(ALFA.salt_key, OPS, seq), json.dumps({"n": seq}).encode()
        envelope = Envelope(
            log=OPS, seq=seq, prev=b64(log.last_leaf_hash), to=BRAVO.node, ts=1_000 + seq, hlc=(1_000 + seq, 0),
            kind=Kind.HOTLINE, prec=Precedence.ROUTINE, by="operator", body=body_commitment(salt, body),
            size=len(body), media="application/json", pol=b64(bytes(32)),
        )  # fmt: skip
        entries.append(Entry(leaf=encode(envelope, ALFA.env), body=body, salt=salt))
        log.extend([leaf_hash(entries[-1].leaf)])
    return entries, log


ENTRIES, LOG = chain_of(COUNT)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "record.sqlite"
    store = SqliteStore(path, create=True)
    store.append([(OPS, 0, ENTRIES)])
    note = sign_checkpoint(LOG.head(), ALFA.log)
    store.replace_checkpoint(OPS, None, note)
    receipted = with_lines(note, cosignature(note, BRAVO.mirror, 7))
    store.put_receipt(OPS, Receipt(COUNT, receipted, 7))
    store.close()
    return path


def found(path):
    store = SqliteStore(path, read_only=True)
    try:
        return [damage for step in scrub(store, CHAINS) for damage in step.found]
    finally:
        store.close()


def flip(path, table, column, where, at=40):
    """Turn one bit as a disk or an administrator would, past all that watches over it."""
    db = apsw.Connection(str(path))
    value = db.execute(f"SELECT {column} FROM {table} WHERE {where}").get
    at = min(at, len(value) - 1)
    db.execute(
        f"UPDATE {table} SET {column} = ? WHERE {where}", (value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :],)
    )
    assert db.execute("PRAGMA integrity_check").get == "ok"
    db.close()


def test_a_record_as_it_was_written_holds(path):
    store = SqliteStore(path, read_only=True)
    steps = list(scrub(store, CHAINS))
    store.close()
    assert [(step.leaves, step.found) for step in steps] == [(256, ()), (300, ()), (300, ())]


@pytest.mark.parametrize(
    ("table", "column", "where", "what", "seq"),
    [
        ("leaf", "leaf", "(place & 0xFFFFFFFFFF) = 7", "leaf", 7),
        ("leaf", "leaf", "(place & 0xFFFFFFFFFF) = 290", "leaf", 290),
        ("hash", "hash", "(place & 0xFFFFFFFFFF) = 290", "hashes", 290),
        ("body", "body", "(place & 0xFFFFFFFFFF) = 12", "body", 12),
        ("body", "salt", "(place & 0xFFFFFFFFFF) = 12", "body", 12),
        ("tile", "hashes", "n = 0", "hashes", 1),
        ("log", "checkpoint", "id = 1", "signature", 0),
        ("log", "receipt", "id = 1", "signature", 0),
    ],
)
def test_t25_a_bit_turned_in_any_column_is_found_and_named(path, table, column, where, what, seq):
    flip(path, table, column, where)
    damages = found(path)
    assert (damages[0].origin, damages[0].what, damages[0].seq) == (OPS, what, seq)


def test_t25_leaves_taken_away_from_the_end_or_the_middle_are_missed(path):
    for where in ("(place & 0xFFFFFFFFFF) >= 290", "(place & 0xFFFFFFFFFF) = 150"):
        db = apsw.Connection(str(path))
        db.execute(f"DELETE FROM leaf WHERE {where}")
        db.close()
        assert found(path)


def test_t25_a_rewritten_leaf_with_its_hash_made_right_is_found_by_the_signed_root(path):
    db = apsw.Connection(str(path))
    forged = ENTRIES[290].leaf.replace(b'"P"', b'"P"').replace(b"operator", b"observer")
    db.execute("UPDATE leaf SET leaf = ? WHERE (place & 0xFFFFFFFFFF) = 290", (forged,))
    db.execute("UPDATE hash SET hash = ? WHERE (place & 0xFFFFFFFFFF) = 290", (leaf_hash(forged),))
    db.close()
    assert [(d.what, d.seq) for d in found(path)] == [("root", 300), ("root", 300)]


def test_t25_a_damaged_leaf_is_put_right_from_the_other_sides_copy_and_from_nothing_else(path):
    flip(path, "leaf", "leaf", "(place & 0xFFFFFFFFFF) = 7")
    flip(path, "leaf", "leaf", "(place & 0xFFFFFFFFFF) = 290")
    store = SqliteStore(path)
    for seq in (7, 290):
        with pytest.raises(OwnFault, match="not the leaf"):
            store.mend(OPS, seq, ENTRIES[8].leaf)
        store.mend(OPS, seq, ENTRIES[seq].leaf)
    store.close()
    assert found(path) == []
