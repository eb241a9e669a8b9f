"""A run of leaves: by itself or in other processes, with signatures or under roots alone, found the same."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache
from multiprocessing import get_context

import msgspec
import pytest

from detente.cli.dossier import spread_over
from detente.evidence import note as note_module
from detente.evidence import verify as verify_module
from detente.evidence.dossier import make_dossier
from detente.evidence.keys import Key, fingerprint, sign_statement, statement_digest
from detente.evidence.leaf import Kind
from detente.evidence.note import Ed25519Signer, b64
from detente.evidence.verify import verify
from evidence.records import START_MS, Node, Record, dossier, roots
from evidence.vectors import seed

ALFA, BRAVO = Node("alfa"), Node("bravo")


@pytest.fixture(autouse=True)
def quick_digits(monkeypatch):
    monkeypatch.setattr(verify_module, "fingerprint", once_a_key)


@cache
def once_a_key(key: str) -> str:
    return fingerprint(key)


@pytest.fixture(scope="module")
def whole():
    record = Record(ALFA, BRAVO)
    flash = record.say(ALFA, BRAVO, "flash", 600)
    record.sign(flash, receipt_at=600)
    ops = record.say(BRAVO, ALFA, "ops", 40, seen={"flash": (300, b64(flash.tree.root(300)))})
    record.sign(ops, receipt_at=30)
    record.sign(record.say(ALFA, BRAVO, "track", 5, Kind.TRACK))
    return dossier(record, ALFA, [record.extract(log) for log in record.logs.values()]), roots(record.nodes)


def findings(verdict):
    return [
        (f.leaves, f.kinds, f.written_ms, f.bodies_missing, f.receipt_size, f.signed_size) for f in verdict.logs
    ], verdict.said


def test_roots_only_finds_of_a_good_dossier_what_the_whole_check_finds(whole):
    files, typed = whole
    full, quick = verify(files, typed), verify(files, typed, signatures=False)
    assert (full.exit_code, quick.exit_code) == (0, 0)
    assert findings(full) == findings(quick)
    assert (full.signatures, quick.signatures) == (True, False)


def test_several_processes_find_what_one_does(whole):
    files, typed = whole
    told = []
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        spread = verify(files, typed, spread=spread_over(pool), told=told.append)
    assert findings(spread) == findings(verify(files, typed))
    assert sum(told) == 645


@pytest.mark.parametrize("signatures", [True, False])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"seq":7,', b'"seq":8,'),
        (b'"to":"bravo', b'"to":"brave'),
        (b'"kind":"hotline"', b'"kind":"hotlinf"'),
        (b"detente-envelope/v1", b"detente-envelope/v2"),
        (b'"body":"', b'"body":"A'),
        (b'"v":1}', b'"v":1]'),
    ],
)
def test_a_changed_leaf_is_found_either_way_and_named(whole, signatures, old, new):
    files, typed = whole
    name = "logs/000/tile/entries/000"
    start = files[name].index(b'"seq":7,') - 400
    changed = files[name][:start] + files[name][start:].replace(old, new, 1)
    verdict = verify(files | {name: changed}, typed, signatures=signatures)
    assert verdict.exit_code == 1
    assert any(name in failure.exhibit for failure in verdict.failures)


def test_t28_a_later_key_of_the_same_id_does_not_disown_what_an_earlier_one_signed(monkeypatch):
    """Four bytes can be had by trying: here the id is one constant, so every key of a name collides."""
    monkeypatch.setattr(note_module, "key_id", lambda name, algorithm, public_key: b"\1\2\3\4")
    alfa, bravo = Node("alfa"), Node("bravo")
    record = Record(alfa, bravo)
    flash = record.say(alfa, bravo, "flash", 3)
    record.sign(flash, receipt_at=3)
    env = Ed25519Signer(alfa.env.vkey.name, seed("alfa env 2"))
    log = Ed25519Signer(alfa.log.vkey.name, seed("alfa log 2"))
    first = alfa.listed.statements[0]
    later = msgspec.structs.replace(
        alfa.statement,
        epoch=2,
        prev=statement_digest(first),
        keys=(*alfa.statement.keys, Key("env", str(env.vkey)), Key("log", str(log.vkey))),
    )
    listed = [replace(alfa.listed, statements=(first, sign_statement(later, alfa.root))), bravo.listed]
    files = dict(make_dossier(alfa.env, alfa.node, START_MS, listed, [record.extract(flash)]))
    assert verify(files, roots(record.nodes)).failures == ()


def test_t07_a_dossier_whose_statement_names_a_key_of_small_order_fails(whole):
    files, typed = whole
    small = note_module.b64(bytes([1]) + bytes([1]) + bytes(31))
    spelled = f"{ALFA.node}/env+{note_module.key_id(f'{ALFA.node}/env', 1, bytes([1]) + bytes(31)).hex()}+{small}"
    line = files["keys/000/000.note"].decode().split("\n")[1].replace(str(ALFA.env.vkey), spelled)
    bad = note_module.sign_note(f"detente-keys/v1\n{line}\n", ALFA.root)
    verdict = verify(files | {"keys/000/000.note": bad}, typed)
    assert verdict.exit_code == 1
    assert verdict.failures[0].exhibit == "keys/000/000.note"
    assert "small-order" in verdict.failures[0].reason
