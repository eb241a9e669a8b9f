"""`detente export` and `detente verify`, from a store on disk to an auditor's exit code."""

from __future__ import annotations

import os
import shutil

import pytest

from detente.cli import main
from detente.evidence import verify as verify_module
from detente.evidence.checkpoint import cosignature, sign_checkpoint, with_lines
from detente.evidence.keys import origin
from detente.evidence.leaf import Kind
from detente.evidence.log import Log, Receipt
from detente.evidence.store import Entry
from detente.node import keyring as kr
from detente.node.sqlite import SqliteStore
from detente.types import instant_of_ms
from evidence.records import START_MS, leaf_of

NOW = instant_of_ms(START_MS)


@pytest.fixture(scope="module")
def alfa(tmp_path_factory):
    """Alfa's folder: a record of two logs with Bravo, its keys, and Bravo's pairing file."""
    folder = tmp_path_factory.mktemp("alfa")
    own = kr.make_keyring(folder / "keys", "alfa.example/detente", NOW)
    peer = kr.make_keyring(tmp_path_factory.mktemp("bravo"), "bravo.example/detente", NOW)
    kr.keep_peer(folder / "keys", peer.pairing)
    store = SqliteStore(folder / "record.sqlite", create=True)
    for writer, reader, lane, count in ((own, peer, "flash", 6), (peer, own, "ops", 3)):
        log = Log(origin(writer.node, reader.node, lane))
        for _ in range(count):
            leaf, body, salt = leaf_of(writer, log, reader, Kind.HOTLINE, START_MS + log.size * 10_000)
            log.extend(store.append([(log.origin, log.size, [Entry(leaf=leaf, body=body, salt=salt)])])[log.origin])
        note = sign_checkpoint(log.head(), writer.log)
        store.replace_checkpoint(log.origin, None, note)
        note = with_lines(note, cosignature(note, reader.mirror, START_MS // 1000))
        store.put_receipt(log.origin, Receipt(log.size, note, START_MS // 1000))
    store.close()
    (folder / "alfa.toml").write_text('[node]\nparty = "alfa"\nname = "Alfa"\nnode = "alfa.example/detente"\n')
    return folder, {"alfa": own.own_digits, "bravo": peer.own_digits}


@pytest.fixture
def run(monkeypatch, capsys):
    known: dict[str, str] = {}
    slow = verify_module.fingerprint
    monkeypatch.setattr(verify_module, "fingerprint", lambda key: known.get(key) or known.setdefault(key, slow(key)))

    def call(*words):
        monkeypatch.setattr("sys.argv", ["detente", *map(str, words)])
        code = main()
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return code, said.out, said.err

    return call


def roots(digits):
    return [word for party, read in digits.items() for word in ("--root", f"{party}={read}")]


@pytest.mark.parametrize("name", ["dossier", "dossier.zip"])
def test_a_whole_record_is_exported_and_verified(alfa, run, tmp_path, name):
    folder, digits = alfa
    out = tmp_path / name
    code, said, _ = run("export", "--config", folder / "alfa.toml", "--out", out)
    assert code == 0
    assert "leaves [0, 6) as tiles" in said
    code, said, err = run("verify", out, *roots(digits))
    assert (code, err) == (0, "")
    assert "HOLDS" in said
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("leaves", [(), ("--leaves", "bravo.example/detente/to/alfa.example/ops/1:0:2")])
def test_the_receipts_that_the_exporter_gave_are_cosigned_with_ml_dsa_too(alfa, run, tmp_path, leaves):
    folder, digits = alfa
    before = (folder / "record.sqlite").read_bytes()
    off = "[record]\npost_quantum = false\n"
    (folder / "off.toml").write_text((folder / "alfa.toml").read_text() + off)
    for config, is_on in (("alfa.toml", True), ("off.toml", False)):
        out = tmp_path / config
        assert run("export", "--config", folder / config, "--out", out, *leaves)[0] == 0
        code, said, err = run("verify", out, *roots(digits))
        assert (code, err) == (0, "")
        assert ("alfa.example/detente cosigned the first 3 with ML-DSA-44 too" in said) is is_on
        assert "bravo.example/detente cosigned" not in said  # its own line is its own to add
        assert "says it held the first 3 not later than 2026-11-22T16:00:00" in said
    assert (folder / "record.sqlite").read_bytes() == before


def test_a_flipped_byte_is_exit_1_with_the_exhibit_named(alfa, run, tmp_path):
    folder, digits = alfa
    run("export", "--config", folder / "alfa.toml", "--out", tmp_path / "d", "--log", "flash")
    bundle = tmp_path / "d/logs/000/tile/entries/000.p/6"
    raw = bytearray(bundle.read_bytes())
    raw[700] ^= 1
    bundle.write_bytes(raw)
    code, said, err = run("verify", tmp_path / "d", *roots(digits))
    assert code == 1
    assert "alfa.example/detente/to/bravo.example/flash/1 leaf 1" in said
    assert len(err.splitlines()) == 1


def test_unknown_roots_are_exit_2(alfa, run, tmp_path):
    folder, digits = alfa
    run("export", "--config", folder / "alfa.toml", "--out", tmp_path / "d")
    for typed in ([], roots({"alfa": digits["alfa"]}), roots({"alfa": digits["bravo"], "bravo": digits["alfa"]})):
        code, said, err = run("verify", tmp_path / "d", *typed)
        assert code == 2
        assert "UNKNOWN ROOT" in said
        assert len(err.splitlines()) == 1


def test_a_window_is_exported_as_exhibits(alfa, run, tmp_path):
    folder, digits = alfa
    code, said, _ = run(
        *("export", "--store", folder / "record.sqlite", "--keys", folder / "keys", "--peer", "bravo"),
        *("--out", tmp_path / "w", "--from", "2026-11-22T16:00:15Z", "--to", "2026-11-22T16:00:45Z"),
    )
    assert code == 0
    assert "leaves [2, 5) as exhibits" in said
    assert b'"text": "leaf 2"' in (tmp_path / "w/exhibits/0001.body").read_bytes()
    code, said, _ = run("verify", tmp_path / "w", *roots(digits))
    assert code == 0
    assert "not shown: [0, 2) and [5, 6)" in said


def test_what_cannot_be_exported_is_said_in_one_line(alfa, run, tmp_path):
    folder, _ = alfa
    store = ("--store", folder / "record.sqlite", "--keys", folder / "keys")
    (tmp_path / "there").mkdir()
    for words in (
        ("--out", tmp_path / "x"),
        (*store, "--out", tmp_path / "there"),
        (*store, "--out", tmp_path / "no/folder/x.zip"),
        (*store, "--out", tmp_path / "x", "--log", "track"),
        (*store, "--out", tmp_path / "x", "--peer", "charlie"),
        (*store, "--out", tmp_path / "x", "--from", "yesterday"),
        (*store, "--out", tmp_path / "x", "--from", "2026-11-22T16:00:15"),
        (*store, "--out", tmp_path / "x", "--from", "2030-01-01T00:00:00Z"),
        (*store, "--out", tmp_path / "x", "--from", "2026-11-22T16:00:15Z", "--to", "2026-11-22T16:00:15Z"),
        ("--store", tmp_path / "none", "--keys", folder / "keys", "--out", tmp_path / "x"),
        ("--config", tmp_path / "none", "--out", tmp_path / "x"),
    ):
        code, _, err = run("export", *words)
        assert code == 2, words
        assert len(err.splitlines()) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["there"]


def test_the_keys_of_both_parties_are_wanted(alfa, run, tmp_path):
    folder, _ = alfa
    shutil.copytree(folder, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy/keys/peers")
    code, _, err = run("export", "--config", tmp_path / "copy/alfa.toml", "--out", tmp_path / "x")
    assert code == 2
    assert "never imported" in err


def test_t34_a_dossier_with_links_devices_or_odd_names_is_refused(alfa, run, tmp_path):
    folder, digits = alfa
    run("export", "--config", folder / "alfa.toml", "--out", tmp_path / "d")

    def links(d):
        (d / "policy.txt").unlink()
        (d / "policy.txt").symlink_to("/etc/passwd")

    for i, spoil in enumerate(
        (
            links,
            lambda d: (d / "more").symlink_to("/etc", target_is_directory=True),
            lambda d: os.mkfifo(d / "pipe"),
            lambda d: (d / ".hidden").write_text("x"),
            lambda d: (d / "extra.txt").write_text("x"),
            lambda d: (d / "policy.txt").unlink(),
            lambda d: (d / "manifest.note").write_bytes(b"\xff"),
        )
    ):
        spoilt = tmp_path / f"d{i}"
        shutil.copytree(tmp_path / "d", spoilt)
        spoil(spoilt)
        code, _, err = run("verify", spoilt, *roots(digits))
        assert code == 1, i
        assert len(err.splitlines()) == 1


def test_what_is_no_dossier_is_refused(run, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("hello")
    assert run("verify", tmp_path / "empty")[0] == 1
    assert run("verify", tmp_path / "text")[0] == 1
    assert run("verify", tmp_path / "none")[0] == 2
    assert run("verify", tmp_path / "text", "--root", "alfa")[0] == 2
    assert run("verify", tmp_path / "empty", "--root", "alfa=12")[0] == 2


def test_roots_only_says_so_and_still_finds_a_changed_leaf(alfa, run, tmp_path):
    folder, digits = alfa
    run("export", "--config", folder / "alfa.toml", "--out", tmp_path / "d")
    code, said, _ = run("verify", tmp_path / "d", *roots(digits), "--signatures", "roots-only")
    assert code == 0
    assert "ROOTS ONLY" in said
    bundle = tmp_path / "d/logs/000/tile/entries/000.p/6"
    bundle.write_bytes(bundle.read_bytes().replace(b'"hotline"', b'"hotlinf"', 1))
    code, said, _ = run("verify", tmp_path / "d", *roots(digits), "--signatures", "roots-only")
    assert code == 1
    assert "FAILS" in said


def test_a_party_whose_digits_are_given_twice_is_refused(run, tmp_path):
    (tmp_path / "d").mkdir()
    code, _, err = run("verify", tmp_path / "d", "--root", "alfa=" + "1" * 30, "--root", "alfa=" + "2" * 30)
    assert (code, "alfa: given twice" in err) == (2, True)


def test_digits_of_a_party_that_the_dossier_is_not_of_are_said_to_be_of_no_use(alfa, run, tmp_path):
    folder, digits = alfa
    run("export", "--config", folder / "alfa.toml", "--out", tmp_path / "d.zip")
    code, _, err = run("verify", tmp_path / "d.zip", *roots(digits), "--root", "charlie=" + "1" * 30)
    assert code == 0
    assert "--root charlie: not used; this dossier is of alfa, bravo" in err


def test_a_pipe_is_not_waited_for_and_not_a_dossier(run, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert run("verify", tmp_path / "pipe") == (2, "", f"detente: {tmp_path / 'pipe'}: neither a folder nor a file\n")
