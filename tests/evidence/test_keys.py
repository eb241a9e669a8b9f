"""Key statements, origins and digits."""

from __future__ import annotations

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.errors import OwnFault, PeerFault
from detente.evidence import keys
from detente.evidence import note as note_module
from detente.evidence.checkpoint import Checkpoint, sign_checkpoint
from detente.evidence.keys import Key, KeyStatement, Revocation, sign_statement, verify_chain, verify_statement
from detente.evidence.leaf import Envelope, Kind, Lane, encode
from detente.evidence.note import Cosigner, Ed25519Signer, MlDsaCosigner, Vkey, b64, key_id, sign_note
from detente.types import NodeName, Precedence
from evidence.vectors import ENV, LOG, MIRROR, ORIGIN, ROOT, seed, vectors

ALPHA, BRAVO = NodeName("alpha.example/detente"), NodeName("bravo.example/detente")


def signer(use: str, label: str | None = None) -> Ed25519Signer:
    return Ed25519Signer(f"{ALPHA}/{use}", seed(label or f"alpha {use}"))


def mirror(label: str = "alpha mirror") -> Cosigner:
    return Cosigner(f"{ALPHA}/mirror", seed(label))


def statement(**fields) -> KeyStatement:
    made = {
        "epoch": 1,
        "keys": (Key("env", str(ENV.vkey)), Key("log", str(signer("log").vkey)), Key("mirror", str(mirror().vkey))),
        "node": ALPHA,
        "prev": "",
        "tls": (),
        "url": "",
        "valid": (1, 2),
    }
    return KeyStatement(**made | fields)


def next_of(raw: bytes, **fields) -> KeyStatement:
    before = verify_statement(raw, ROOT.vkey)
    return msgspec.structs.replace(before, epoch=before.epoch + 1, prev=keys.statement_digest(raw), **fields)


@given(st.sampled_from(Lane), st.integers(1, 10**9 - 1))
def test_an_origin_is_read_as_it_was_written(lane, epoch):
    assert keys.parse_origin(keys.origin(ALPHA, BRAVO, lane, epoch)) == (ALPHA, BRAVO, lane, epoch)


def test_the_published_origin_is_alphas_flash_log_to_bravo():
    assert keys.origin(ALPHA, BRAVO, "flash") == ORIGIN
    assert keys.parse_origin(ORIGIN) == (ALPHA, BRAVO, Lane.FLASH, 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        f"{ORIGIN}/",
        f"{ORIGIN}\n",
        ORIGIN.replace("flash", "gossip"),
        ORIGIN[:-1] + "0",
        ORIGIN[:-1] + "01",
        ORIGIN.upper(),
        ORIGIN.replace("/to/", "/"),
    ],
)
def test_what_is_no_origin_is_refused(text):
    with pytest.raises(PeerFault):
        keys.parse_origin(text)


def test_names_and_epochs_of_another_shape_make_no_origin():
    for bad in (
        lambda: keys.origin(NodeName("alpha"), BRAVO, "ops"),
        lambda: keys.origin(ALPHA, NodeName("B/detente"), "ops"),
        lambda: keys.origin(ALPHA, BRAVO, "ops", 0),
    ):
        with pytest.raises(OwnFault):
            bad()


@given(st.text(max_size=60))
def test_no_text_makes_an_origin_raise_anything_but_a_peer_fault(text):
    with suppress(PeerFault):
        keys.parse_origin(text)


def test_a_statement_names_the_newest_key_of_each_use():
    newer = signer("env", "alpha env 2")
    made = statement(keys=(*statement().keys, Key("env", str(newer.vkey))))
    admitted = verify_statement(sign_statement(made, ROOT), ROOT.vkey)
    assert admitted.vkey("env") == newer.vkey
    assert admitted.vkeys("env") == [ENV.vkey, newer.vkey]
    with pytest.raises(PeerFault, match="no witness key"):
        admitted.vkey("witness")


def test_a_mirror_may_have_a_second_key_against_a_quantum_computer():
    pq = MlDsaCosigner(f"{ALPHA}/mirror", seed("pq"))
    made = statement(keys=(*statement().keys, Key("mirror", str(pq.vkey))))
    admitted = verify_statement(sign_statement(made, ROOT), ROOT.vkey)
    assert admitted.vkey("mirror") == mirror().vkey
    assert admitted.vkeys("mirror")[1] == pq.vkey


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"node": "alpha"}, "no node name"),
        ({"valid": (2, 2)}, "valid"),
        ({"epoch": 0}, "epoch"),
        ({"prev": "x"}, "prev"),
        ({"url": "https://link.example/"}, "url"),
        ({"url": "wss://link.example/?x=1"}, "url"),
        ({"tls": ("x",)}, "tls"),
        ({"keys": ()}, "keys"),
        ({"keys": (Key("env", "x"),)}, "public key"),
        ({"keys": (Key("root", str(ENV.vkey)),)}, "use"),
        ({"keys": (Key("mirror", str(ENV.vkey)),)}, "does not serve"),
        ({"keys": (Key("env", str(mirror().vkey)),)}, "does not serve"),
        ({"keys": (Key("env", str(MIRROR.vkey).replace("mirror", "mirror")),)}, "does not serve"),
        (
            {
                "keys": (
                    Key("log", str(LOG.vkey)),
                    Key("env", str(Ed25519Signer(f"{ALPHA}/env", seed("alpha log")).vkey)),
                )
            },
            "serves twice",
        ),
        ({"keys": (Key("env", str(Ed25519Signer("bravo.example/detente/env", seed("x")).vkey)),)}, "no.* a name of"),
        ({"keys": (Key("env", str(Ed25519Signer(f"{ALPHA}/env", seed("alpha root")).vkey)),)}, "serves twice"),
        ({"revoked": (Revocation("x", {}),)}, "public key"),
    ],
)
def test_a_statement_no_peer_would_admit_is_not_signed(fields, complaint):
    with pytest.raises(OwnFault, match=complaint):
        sign_statement(statement(**fields), ROOT)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("detente-keys/v1", "detente-keys/v2"),
        lambda text: text.replace('"epoch":1', '"epoch": 1'),
        lambda text: text.replace('"epoch":1', '"epoch":1,"extra":1'),
        lambda text: text.replace('"prev":"",', ""),
        lambda text: text.replace('"epoch":1', '"epoch":1.0'),
        lambda text: text + "more\n",
        lambda text: text.replace('"tls":[', '"revoked":[],"tls":['),
    ],
)
def test_a_statement_in_another_spelling_is_refused_although_its_root_signed(change):
    text = vectors()["key_statement"].rpartition("\n\n")[0] + "\n"
    assert verify_statement(sign_note(text, ROOT), ROOT.vkey)
    with pytest.raises(PeerFault):
        verify_statement(sign_note(change(text), ROOT), ROOT.vkey)


def test_a_statement_of_another_root_or_of_no_ed25519_root_is_refused():
    raw = sign_statement(statement(), ROOT)
    with pytest.raises(PeerFault, match="none of the keys"):
        verify_statement(raw, ENV.vkey)
    with pytest.raises(PeerFault, match="Ed25519"):
        verify_statement(raw, MIRROR.vkey)
    with pytest.raises(PeerFault, match="more than"):
        verify_statement(raw + b"x" * 40_000, ROOT.vkey)


def test_a_chain_of_statements_can_be_neither_cut_nor_reordered_nor_forgotten():
    gone = Revocation(str(signer("env", "lost").vkey), {ORIGIN: 7})
    first = sign_statement(statement(revoked=(gone,)), ROOT)
    second = sign_statement(next_of(first), ROOT)
    third = sign_statement(next_of(second, url="wss://new.example:1/"), ROOT)
    assert verify_chain([first, second, third], ROOT.vkey).url == "wss://new.example:1/"
    for broken in (
        [],
        [second, third],
        [first, third],
        [first, second, second],
        [third, second, first],
        [first, first],
    ):
        with pytest.raises(PeerFault):
            verify_chain(broken, ROOT.vkey)
    for after, complaint in (
        (next_of(first, revoked=()), "is gone"),
        (msgspec.structs.replace(next_of(first), epoch=3), "epoch 3 after 1"),
        (msgspec.structs.replace(next_of(first), prev=b64(bytes(32))), "prev"),
    ):
        with pytest.raises(PeerFault, match=complaint):
            verify_statement(sign_statement(after, ROOT), ROOT.vkey, first)


def test_another_nodes_statement_does_not_follow():
    first = sign_statement(statement(), ROOT)
    other = next_of(
        first,
        node="alpha.example.net/detente",
        keys=(Key("env", str(Ed25519Signer("alpha.example.net/detente/env", seed("n")).vkey)),),
    )
    with pytest.raises(PeerFault, match="not of alpha"):
        verify_statement(sign_statement(other, ROOT), ROOT.vkey, first)


def test_t28_a_revoked_key_is_cut_off_by_index_in_each_log():
    revoked = statement(revoked=(Revocation(str(ENV.vkey), {ORIGIN: 7}),))
    assert revoked.is_valid_for(ENV.vkey, ORIGIN, 6)
    assert not revoked.is_valid_for(ENV.vkey, ORIGIN, 7)
    assert not revoked.is_valid_for(ENV.vkey, "another log", 0)
    assert revoked.is_valid_for(signer("env", "new").vkey, ORIGIN, 7)


def rotated(index=7):
    """Alpha's chain: the env and log keys end at *index* of its flash log to Bravo, and new ones follow."""
    new_env, new_log = signer("env", "alpha env 2"), signer("log", "alpha log 2")
    first = sign_statement(statement(keys=(Key("env", str(ENV.vkey)), Key("log", str(signer("log").vkey)))), ROOT)
    second = sign_statement(
        next_of(
            first,
            keys=(Key("env", str(new_env.vkey)), Key("log", str(new_log.vkey))),
            revoked=tuple(Revocation(str(old.vkey), {ORIGIN: index}) for old in (ENV, signer("log"))),
        ),
        ROOT,
    )
    return keys.KeyChain.verify([first, second], ROOT.vkey), new_env, new_log


def leaf_at(seq, by, log=ORIGIN):
    envelope = Envelope(
        log=log, seq=seq, prev=b64(bytes(32)), to=BRAVO, ts=1, hlc=(1, 0), kind=Kind.HOTLINE, prec=Precedence.FLASH,
        by="operator", body=b64(bytes(32)), size=0, media="text/plain", pol=b64(bytes(32)),
    )  # fmt: skip
    return encode(envelope, by)


def test_t28_a_leaf_by_a_replaced_key_counts_below_its_index_and_is_refused_from_there_on():
    chain, new_env, _ = rotated()
    for seq, by in ((0, ENV), (6, ENV), (7, new_env), (8, new_env), (3, new_env)):
        assert chain.decode(leaf_at(seq, by)).seq == seq
    for seq, log in ((7, ORIGIN), (99, ORIGIN), (0, ORIGIN.replace("flash", "ops"))):
        with pytest.raises(PeerFault, match="ends at"):
            chain.decode(leaf_at(seq, ENV, log))
    for stranger in (signer("env", "mallory"), signer("log")):
        with pytest.raises(PeerFault, match="not signed"):
            chain.decode(leaf_at(7, stranger))


def test_t28_a_checkpoint_by_a_replaced_key_counts_up_to_its_index_and_is_refused_beyond():
    chain, _, new_log = rotated()
    for size, by in ((0, signer("log")), (7, signer("log")), (7, new_log), (8, new_log)):
        note = sign_checkpoint(Checkpoint(ORIGIN, size, bytes(32)), by)
        assert chain.checkpoint(note, ORIGIN).checkpoint.size == size
    with pytest.raises(PeerFault, match="ends at 7"):
        chain.checkpoint(sign_checkpoint(Checkpoint(ORIGIN, 8, bytes(32)), signer("log")), ORIGIN)
    with pytest.raises(PeerFault, match="not signed by the log"):
        chain.checkpoint(sign_checkpoint(Checkpoint(ORIGIN, 8, bytes(32)), signer("env", "mallory")), ORIGIN)
    with pytest.raises(PeerFault, match="does not write"):
        chain.checkpoint(note, ORIGIN.replace("alpha", "mallory"))


def test_t08_a_later_key_of_the_same_id_does_not_disown_leaves_and_checkpoints_on_the_link(monkeypatch):
    """Four bytes can be had by trying: here the id is one constant, so every key of a name collides."""
    monkeypatch.setattr(note_module, "key_id", lambda name, algorithm, public_key: b"\1\2\3\4")
    env, log = signer("env", "alpha env 1"), signer("log")
    first = sign_statement(statement(keys=(Key("env", str(env.vkey)), Key("log", str(log.vkey)))), ROOT)
    new_env, new_log = signer("env", "alpha env 2"), signer("log", "alpha log 2")
    ended = tuple(Revocation(str(old.vkey), {ORIGIN: 7}) for old in (env, log))
    later = (Key("env", str(new_env.vkey)), Key("log", str(new_log.vkey)))
    chain = keys.KeyChain.verify([first, sign_statement(next_of(first, keys=later, revoked=ended), ROOT)], ROOT.vkey)
    for seq, by in ((6, env), (6, new_env), (7, new_env)):
        assert chain.decode(leaf_at(seq, by)).seq == seq
    for size, by in ((7, log), (7, new_log), (8, new_log)):
        note = sign_checkpoint(Checkpoint(ORIGIN, size, bytes(32)), by)
        assert chain.checkpoint(note, ORIGIN).checkpoint.size == size
    with pytest.raises(PeerFault, match="leaf: "):
        chain.decode(leaf_at(7, env))
    with pytest.raises(PeerFault, match="checkpoint: "):
        chain.checkpoint(sign_checkpoint(Checkpoint(ORIGIN, 8, bytes(32)), log), ORIGIN)
    with pytest.raises(PeerFault, match="not signed"):
        chain.decode(leaf_at(0, signer("env", "mallory")))


def test_a_stolen_mirror_keys_receipts_count_up_to_its_index():
    new = mirror("alpha mirror 2")
    first = sign_statement(statement(), ROOT)
    theirs = keys.origin(BRAVO, ALPHA, "ops")
    gone = Revocation(str(mirror().vkey), {theirs: 5})
    second = sign_statement(next_of(first, keys=(Key("mirror", str(new.vkey)),), revoked=(gone,)), ROOT)
    chain = keys.KeyChain.verify([first, second], ROOT.vkey)
    assert chain.cosigners("mirror", Checkpoint(theirs, 5, bytes(32))) == [mirror().vkey, new.vkey]
    assert chain.cosigners("mirror", Checkpoint(theirs, 6, bytes(32))) == [new.vkey]


def test_a_chain_knows_what_came_after_a_statement_that_a_peer_names():
    chain, *_ = rotated()
    first, second = chain.notes
    assert chain.since(keys.statement_digest(first)) == (second,)
    assert chain.since(chain.digest) == ()
    assert chain.since(b64(bytes(32))) is None
    assert (chain.node, chain.newest.epoch) == (ALPHA, 2)
    with pytest.raises(PeerFault, match="none"):
        keys.KeyChain.verify([], ROOT.vkey)


def test_the_log_of_a_nodes_own_acts_has_a_writer_and_no_reader():
    assert keys.audit_origin(ALPHA) == "alpha.example/detente/audit/1"
    assert keys.writer_of(keys.audit_origin(ALPHA, 3)) == keys.writer_of(ORIGIN) == ALPHA
    for wrong in ("alpha.example/detente/audit/0", "alpha.example/audit/1", "audit/1"):
        with pytest.raises(PeerFault):
            keys.writer_of(wrong)


def test_t07_a_point_that_disowns_all_is_refused_in_every_statement_of_a_chain():
    """Ten encodings, each as a key that a later statement would bring in, for every use that is Ed25519."""
    first = sign_statement(statement(), ROOT)
    encodings = [bytes.fromhex(text) for text in vectors()["small_order_ed25519_keys_to_refuse_hex"]]
    assert len(encodings) == 10
    for raw in encodings:
        for use, algorithm in (("env", 1), ("log", 1), ("mirror", 4), ("witness", 4)):
            name = f"{ALPHA}/{use}"
            bad = f"{name}+{key_id(name, algorithm, raw).hex()}+{b64(bytes([algorithm]) + raw)}"
            line = msgspec.json.encode(next_of(first, keys=(*statement().keys, Key(use, bad))), order="sorted").decode()
            with pytest.raises(PeerFault, match="torsion point"):
                keys.KeyChain.verify([first, sign_note(f"detente-keys/v1\n{line}\n", ROOT)], ROOT.vkey)


def test_a_logs_key_is_its_writers_log_key_under_the_origin():
    admitted = verify_statement(sign_statement(statement(), ROOT), ROOT.vkey)
    assert keys.log_vkey(admitted, ORIGIN) == LOG.vkey
    for wrong in (ORIGIN.replace("alpha", "mallory"), "nonsense"):
        with pytest.raises(PeerFault):
            keys.log_vkey(admitted, wrong)


@pytest.mark.parametrize("typed", ["", "1" * 29, "1" * 31, "a" * 30, "١" * 30])
def test_what_is_not_thirty_digits_is_refused(typed):
    with pytest.raises(OwnFault):
        keys.only_digits(typed)


def test_digits_may_be_typed_with_spaces_hyphens_or_neither():
    for typed in ("12345 " * 6, "12345-" * 5 + "12345", "12345" * 6, "12345\n" * 6):
        assert keys.only_digits(typed) == "12345" * 6


def test_no_certificate_has_no_pin():
    with pytest.raises(PeerFault, match="certificate"):
        keys.spki_pin(b"not DER")


@given(st.binary(max_size=200))
def test_no_signed_bytes_make_a_statement_raise_anything_but_a_peer_fault(raw):
    text = raw.decode(errors="replace")
    with suppress(PeerFault, OwnFault):
        verify_statement(sign_note(f"detente-keys/v1\n{text}\n", ROOT), ROOT.vkey)
    with suppress(PeerFault):
        verify_statement(raw, Vkey.parse(str(ROOT.vkey)))
