"""Replacing keys under the root: what ends where, and what a crash leaves behind."""

from __future__ import annotations

import pytest

from detente.errors import ConfigError, OwnFault, PeerFault
from detente.evidence.keys import audit_origin, origin
from detente.evidence.note import Ed25519Signer
from detente.node import keyring as kr
from detente.node import rotation
from detente.types import NodeName, instant_of_iso

NOW = instant_of_iso("2026-11-22T12:00:00Z")
LATER = instant_of_iso("2027-01-01T12:00:00Z")
ALFA, BRAVO = NodeName("alfa.example/detente"), NodeName("bravo.example/detente")
OURS, THEIRS = origin(ALFA, BRAVO, "ops"), origin(BRAVO, ALFA, "ops")
AUDIT = audit_origin(BRAVO)
ENDS = {OURS: 7, THEIRS: 9, AUDIT: 256, audit_origin(ALFA): 512}


@pytest.fixture
def directory(tmp_path):
    kr.make_keyring(tmp_path / "keys", ALFA, NOW, root_in=tmp_path / "stick")
    return tmp_path / "keys"


def root_of(directory) -> Ed25519Signer:
    return rotation.load_root(directory.parent / "stick" / "root.key", kr.load_keyring(directory))


def test_t28_an_old_key_ends_at_a_named_index_of_each_log_it_signs_in_and_counts_nowhere_else(directory):
    before = kr.load_keyring(directory)
    after = rotation.replace_keys(directory, root_of(directory), ["env", "log", "mirror", "witness"], ENDS, LATER)
    statement = after.statement
    assert (statement.epoch, statement.prev) == (2, before.statement_digest)
    for use, log, end in (("env", OURS, 7), ("log", OURS, 7), ("mirror", THEIRS, 9), ("witness", AUDIT, 256)):
        for old in before.statement.vkeys(use):
            assert statement.is_valid_for(old, log, end - 1)
            assert not statement.is_valid_for(old, log, end)
            assert not statement.is_valid_for(old, origin(ALFA, BRAVO, "flash"), 0)
        assert getattr(after, use).vkey in statement.vkeys(use)
        assert getattr(after, use).vkey not in before.statement.vkeys(use)
    assert statement.is_valid_for(before.statement.vkey("log"), audit_origin(ALFA), 511)
    assert after.mirror_pq.vkey != before.mirror_pq.vkey
    assert (after.root, after.salt_key) == (before.root, before.salt_key)
    assert [vkey for vkey, _ in rotation.ended_keys(after)] == [
        vkey for use in ("env", "log", "mirror", "witness") for vkey in before.statement.vkeys(use)
    ]


def test_only_the_keys_asked_for_are_replaced_and_old_seeds_do_not_stay(directory):
    before, old = kr.load_keyring(directory), (directory / "env.key").read_bytes()
    after = rotation.replace_keys(directory, root_of(directory), ["env"], ENDS, LATER)
    assert after.env.vkey != before.env.vkey
    assert (after.log.vkey, after.mirror.vkey) == (before.log.vkey, before.mirror.vkey)
    assert all(path.read_bytes() != old for path in directory.iterdir() if path.is_file())
    assert list(directory.glob("*.next")) == []


def test_a_new_certificate_is_named_beside_the_one_before(directory):
    before = kr.load_keyring(directory)
    after = rotation.replace_keys(directory, root_of(directory), ["tls"], ENDS, LATER)
    assert len(after.statement.tls) == 2
    assert after.statement.tls[1] == before.statement.tls[0]
    assert kr.peer_from_statement(after.pairing).certificate_pem == after.tls_certificate.read_text()


@pytest.mark.parametrize("name", ["env.key", "log.key", "tls.key", "tls.crt"])
def test_what_a_crash_left_between_statement_and_keys_is_finished_at_the_next_start(directory, monkeypatch, name):
    finish = kr._finish_replacing
    monkeypatch.setattr(kr, "_finish_replacing", lambda *_: None)
    with pytest.raises(ConfigError):  # cut short: the statement is in force, the keys still lie beside
        rotation.replace_keys(directory, root_of(directory), ["env", "log", "tls"], ENDS, LATER)
    assert (directory / f"{name}.next").exists()
    monkeypatch.setattr(kr, "_finish_replacing", finish)
    assert kr.load_keyring(directory).statement.epoch == 2
    assert list(directory.glob("*.next")) == []


def test_what_a_crash_left_before_the_statement_was_signed_is_dropped(directory):
    before = kr.load_keyring(directory)
    kr.make_key(directory / "env.key.next", ALFA, "env")
    assert kr.load_keyring(directory).env.vkey == before.env.vkey
    assert list(directory.glob("*.next")) == []


def test_only_the_own_root_replaces_keys_and_only_keys_there_are(directory, tmp_path):
    kr.make_keyring(tmp_path / "other", ALFA, NOW)
    with pytest.raises(OwnFault, match="not the root"):
        rotation.load_root(tmp_path / "other" / "root.key", kr.load_keyring(directory))
    for uses in (["root"], [], ["env", "salt"]):
        with pytest.raises(OwnFault, match="no key for"):
            rotation.replace_keys(directory, root_of(directory), uses, ENDS, LATER)
    assert kr.load_keyring(directory).statement.epoch == 1


def test_t29_a_lost_root_is_answered_by_pairing_anew_and_the_old_record_stays_valid(directory, tmp_path):
    """A new root, new digits, a forgotten peer; leaves under the old chain are judged by the old chain as before."""
    old = kr.load_keyring(directory)
    peer = tmp_path / "bravo"
    peer.mkdir()
    kr.keep_peer(peer, old.pairing)
    kr.confirm_peer(peer, ALFA, old.own_digits, NOW)
    new = kr.make_keyring(tmp_path / "anew", ALFA, LATER)
    with pytest.raises(OwnFault, match="another root"):
        kr.keep_peer(peer, new.pairing)
    kr.forget_peer(peer, ALFA)
    assert kr.keep_peer(peer, new.pairing).confirmed_at is None
    with pytest.raises(OwnFault, match="not the digits"):
        kr.confirm_peer(peer, ALFA, old.own_digits, LATER)
    assert kr.confirm_peer(peer, ALFA, new.own_digits, LATER).confirmed_at == LATER
    assert old.chain.node == new.chain.node
    with pytest.raises(PeerFault):  # the thief of the old root signs nothing that the new chain takes
        new.chain.followed_by(old.statement_note)
