"""Keys on disk, and pairing by digits."""

from __future__ import annotations

import contextlib
import ssl
from dataclasses import replace

import pytest

from detente.errors import ConfigError, OwnFault, PeerFault
from detente.evidence import keys
from detente.evidence.note import Ed25519Signer, Vkey, unb64
from detente.node import keyring as kr
from detente.node.rotation import replace_keys
from detente.types import NodeName, instant_of_iso

NOW = instant_of_iso("2026-11-22T12:00:00Z")
ALFA, BRAVO = NodeName("alfa.example/detente"), NodeName("bravo.example/detente")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return folder, {
        name: kr.make_keyring(folder / name, f"{name}.example/detente", NOW) for name in ("alfa", "bravo", "charlie")
    }


@pytest.fixture
def alfa_directory(tmp_path):
    kr.make_keyring(tmp_path / "keys", ALFA, NOW, "wss://link.alfa.example:7443/")
    return tmp_path / "keys"


def root_signer(directory) -> Ed25519Signer:
    name, seed = [line for line in (directory / "root.key").read_text().splitlines() if not line.startswith("#")]
    return Ed25519Signer(name, unb64(seed))


def test_each_private_key_is_a_file_only_its_owner_reads(alfa_directory):
    for use in ("root", "env", "log", "mirror", "mirror_pq", "witness", "salt", "tls"):
        assert (alfa_directory / f"{use}.key").stat().st_mode & 0o077 == 0
    assert "BELONGS OFFLINE" in (alfa_directory / "root.key").read_text()


def test_a_node_runs_without_its_root(alfa_directory):
    before = kr.load_keyring(alfa_directory)
    (alfa_directory / "root.key").unlink()
    after = kr.load_keyring(alfa_directory)
    assert (after.node, after.env.vkey, after.salt_key) == (before.node, before.env.vkey, before.salt_key)
    assert after.statement.url == "wss://link.alfa.example:7443/"
    assert after.own_digits == keys.fingerprint(str(after.root))
    assert after.statement_digest == keys.statement_digest(after.statement_note)
    assert after.statement.vkey("witness") == after.witness.vkey
    assert "salt_key" not in repr(after)


def test_the_root_can_be_made_in_a_folder_that_is_taken_away(tmp_path):
    kr.make_keyring(tmp_path / "keys", ALFA, NOW, root_in=tmp_path / "stick")
    assert (tmp_path / "stick" / "root.key").stat().st_mode & 0o077 == 0
    assert not (tmp_path / "keys" / "root.key").exists()


def test_keys_are_never_made_over_others(alfa_directory):
    with pytest.raises(ConfigError, match="keys already"):
        kr.make_keyring(alfa_directory, ALFA, NOW)
    with pytest.raises(OwnFault, match="no node name"):
        kr.make_keyring(alfa_directory / "other", "Alfa", NOW)


@pytest.mark.parametrize(
    ("name", "change", "complaint"),
    [
        ("env.key", lambda p: p.unlink(), "No such file"),
        ("env.key", lambda p: p.chmod(0o644), "others may read"),
        ("env.key", lambda p: p.write_text("x\n"), "not a name and a key"),
        ("env.key", lambda p: p.write_text(p.read_text().replace("/env", "/log")), "not the env key"),
        (
            "log.key",
            lambda p: p.write_bytes(p.with_name("env.key").read_bytes().replace(b"/env", b"/log")),
            "not the key",
        ),
        ("tls.crt", lambda p: p.write_text("x"), "tls.crt"),
        ("pairing.txt", lambda p: p.write_text("x"), "pairing"),
        ("pairing.txt", lambda p: p.unlink(), "No such file"),
    ],
)
def test_a_key_that_is_missing_open_or_another_is_refused_with_its_file(alfa_directory, name, change, complaint):
    change(alfa_directory / name)
    with pytest.raises(ConfigError, match=complaint):
        kr.load_keyring(alfa_directory)


def test_a_peer_is_unverified_until_its_own_digits_are_typed(made, tmp_path):
    _, rings = made
    bravo = rings["bravo"]
    kept = kr.keep_peer(tmp_path, bravo.pairing)
    assert kept.confirmed_at is None
    assert kept.keys.statement_digest == bravo.statement_digest
    with pytest.raises(OwnFault, match="not the digits"):
        kr.confirm_peer(tmp_path, BRAVO, rings["alfa"].own_digits, NOW)
    with pytest.raises(OwnFault, match="30 digits"):
        kr.confirm_peer(tmp_path, BRAVO, "12345", NOW)
    assert kr.load_peers(tmp_path)[BRAVO].confirmed_at is None
    assert kr.confirm_peer(tmp_path, BRAVO, bravo.own_digits.replace(" ", "-"), NOW).confirmed_at == NOW
    assert kr.load_peers(tmp_path)[BRAVO].confirmed_at == NOW
    with pytest.raises(OwnFault, match="not imported"):
        kr.confirm_peer(tmp_path, ALFA, bravo.own_digits, NOW)


def test_t20_a_pairing_file_changed_on_its_way_is_found_by_the_digits(made, tmp_path):
    _, rings = made
    bravo = rings["bravo"]
    mallory = kr.make_keyring(tmp_path / "mallory", BRAVO, NOW)
    kr.keep_peer(tmp_path, mallory.pairing)
    with pytest.raises(OwnFault, match="changed on its way"):
        kr.confirm_peer(tmp_path, BRAVO, bravo.own_digits, NOW)
    kr.keep_peer(tmp_path, bravo.pairing)
    kr.confirm_peer(tmp_path, BRAVO, bravo.own_digits, NOW)
    with pytest.raises(OwnFault, match="another root"):
        kr.keep_peer(tmp_path, mallory.pairing)
    # Someone who can write the folder puts another file in place: it is not the one that was confirmed.
    (tmp_path / "peers" / "bravo.example.txt").write_bytes(mallory.pairing)
    assert kr.load_peers(tmp_path)[BRAVO].confirmed_at is None
    kr.forget_peer(tmp_path, BRAVO)
    assert kr.load_peers(tmp_path) == {}


def test_a_newer_statement_of_a_confirmed_root_is_taken_over_only_if_it_follows(alfa_directory, tmp_path):
    alfa = kr.load_keyring(alfa_directory)
    peers = tmp_path / "bravo"
    peers.mkdir()
    kr.keep_peer(peers, alfa.pairing)
    kr.confirm_peer(peers, ALFA, alfa.own_digits, NOW)
    root = root_signer(alfa_directory)

    def pairing(statement) -> bytes:
        return alfa.pairing.replace(alfa.statement_note, keys.sign_statement(statement, root))

    second = {**{f: getattr(alfa.statement, f) for f in keys.KeyStatement.__struct_fields__}, "epoch": 2}
    with pytest.raises(PeerFault, match="do not follow"):
        kr.keep_peer(peers, pairing(keys.KeyStatement(**second)))
    second["prev"] = alfa.statement_digest
    follows = keys.sign_statement(keys.KeyStatement(**second), root)
    longer = alfa.pairing.replace(alfa.statement_note, alfa.statement_note + follows)
    kept = kr.keep_peer(peers, longer)
    assert (kept.confirmed_at, kept.keys.statement.epoch) == (NOW, 2)
    with pytest.raises(PeerFault, match="do not follow"):  # and the first does not come back
        kr.keep_peer(peers, alfa.pairing)


def test_a_statement_that_comes_by_the_link_is_kept_beside_those_before_and_the_peer_stays_confirmed(
    alfa_directory, tmp_path
):
    alfa = kr.load_keyring(alfa_directory)
    peers = tmp_path / "bravo"
    peers.mkdir()
    with pytest.raises(OwnFault, match="not imported"):
        kr.keep_statements(peers, ALFA, [alfa.statement_note])
    kr.keep_peer(peers, alfa.pairing)
    kr.confirm_peer(peers, ALFA, alfa.own_digits, NOW)
    newer = replace_keys(alfa_directory, root_signer(alfa_directory), ["env"], {}, NOW)
    kept = kr.keep_statements(peers, ALFA, newer.chain.since(alfa.statement_digest))
    assert kept.confirmed_at == NOW
    assert kept.keys.chain == kr.load_peers(peers)[ALFA].keys.chain == newer.chain
    with pytest.raises(PeerFault, match="prev"):
        kr.keep_statements(peers, ALFA, [newer.statement_note])


def test_a_spoilt_mark_or_file_is_refused_not_guessed(made, tmp_path):
    _, rings = made
    kr.keep_peer(tmp_path, rings["bravo"].pairing)
    mark = tmp_path / "peers" / "bravo.example.confirmed"
    mark.write_text("yes")
    with pytest.raises(ConfigError, match="pair again"):
        kr.load_peers(tmp_path)
    mark.unlink()
    (tmp_path / "peers" / "bravo.example.txt").write_text("hello")
    with pytest.raises(ConfigError, match="pairing file"):
        kr.load_peers(tmp_path)


def test_a_pairing_file_of_another_shape_is_refused(made):
    _, rings = made
    raw = rings["bravo"].pairing
    other = rings["charlie"].pairing
    certificate = other[other.index(b"-----BEGIN") :]
    statement_line = raw.split(b"\n")[1]
    for bad in (
        b"",
        b"\xff",
        raw[:-2],
        raw + b"\n",
        raw + certificate,
        raw[: raw.index(b"-----BEGIN")] + certificate,
        raw[: raw.index(b"-----BEGIN")] + b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        raw.replace(statement_line, str(rings["charlie"].root).encode()),
        raw + b"x" * 65_536,
    ):
        with pytest.raises(PeerFault):
            kr.peer_from_statement(bad)


def test_a_root_that_signs_for_another_node_is_refused(made, tmp_path):
    folder, rings = made
    charlie, root = rings["charlie"], root_signer(folder / "charlie")
    statement = charlie.statement
    fields = {f: getattr(statement, f) for f in keys.KeyStatement.__struct_fields__}
    renamed = tuple(
        keys.Key(use=k.use, vkey=str(replace(Vkey.parse(k.vkey), name=f"bravo.example/detente/{k.use}")))
        for k in statement.keys
    )
    note = keys.sign_statement(keys.KeyStatement(**{**fields, "node": BRAVO, "keys": renamed}), root)
    with pytest.raises(PeerFault, match="is no root of"):
        kr.peer_from_statement(charlie.pairing.replace(charlie.statement_note, note))


def test_the_certificates_shake_hands_when_each_trusts_only_the_other(made):
    """Mutual TLS 1.3 in memory, strict X.509, the trust store being the pinned certificate and nothing else."""
    _, rings = made
    alfa, bravo = rings["alfa"], rings["bravo"]

    def context(side, own, peer):
        made = ssl.SSLContext(side)
        made.minimum_version = ssl.TLSVersion.TLSv1_3
        made.check_hostname = False
        made.verify_mode = ssl.CERT_REQUIRED
        made.verify_flags |= ssl.VERIFY_X509_STRICT
        made.load_cert_chain(own.tls_certificate, own.tls_key)
        made.load_verify_locations(cadata=kr.peer_from_statement(peer.pairing).certificate_pem)
        return made

    def shake(trusted):
        one, two = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = context(ssl.PROTOCOL_TLS_SERVER, alfa, trusted).wrap_bio(one, two, server_side=True)
        client = context(ssl.PROTOCOL_TLS_CLIENT, bravo, alfa).wrap_bio(two, one)
        for _ in range(4):
            for end in (client, server):
                with contextlib.suppress(ssl.SSLWantReadError):
                    end.do_handshake()
        return server.getpeercert(binary_form=True)

    assert keys.spki_pin(shake(bravo)) in bravo.statement.tls
    with pytest.raises(ssl.SSLError):
        shake(rings["charlie"])
