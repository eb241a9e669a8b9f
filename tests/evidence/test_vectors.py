"""Every vector of the published file, both ways: ours makes them byte for byte, and ours reads them."""

from __future__ import annotations

import base64
import hashlib
from functools import cache

import msgspec
import pytest

from detente.errors import PeerFault
from detente.evidence import keys, leaf, note, tiles
from detente.evidence import verify as verify_module
from detente.evidence.checkpoint import Checkpoint, cosignature, open_checkpoint, sign_checkpoint, with_lines
from detente.evidence.leaf import Envelope, body_commitment, check_place, decode, encode, is_body_of
from detente.evidence.log import Log
from detente.evidence.merkle import Tree, leaf_hash, verify_consistency
from detente.evidence.note import MlDsaCosigner, Vkey
from detente.evidence.proof import Proof
from evidence import judge, make_vectors
from evidence.vectors import ENV, LOG, MIRROR, ORIGIN, ROOT, WITNESS, seed, vectors

RECEIVED_AT_S = 0x6B031189
WITNESSED_AT_S = 0x6B03118F


def leaves() -> list[bytes]:
    return [text.encode() for text in vectors()["envelopes"]]


def vkey(name: str) -> Vkey:
    return Vkey.parse(vectors()["vkeys"][name])


def test_every_key_line_is_read_and_written_again():
    for text in vectors()["vkeys"].values():
        assert str(Vkey.parse(text)) == text


def test_the_seeds_give_the_published_keys():
    made = {"root": ROOT, "env": ENV, "log": LOG, "cos": MIRROR, "wit": WITNESS}
    assert {name: str(s.vkey) for name, s in made.items()} == {
        name: text for name, text in vectors()["vkeys"].items() if name != "pq"
    }
    assert str(MlDsaCosigner("bravo.example/detente/mirror", seed("bravo mirror pq")).vkey) == vectors()["vkeys"]["pq"]


def test_each_envelope_opens_in_its_place_and_is_signed_again_byte_for_byte():
    prev = leaf.FIRST_PREV
    for seq, (raw, beside) in enumerate(zip(leaves(), vectors()["bodies"], strict=True)):
        envelope = decode(raw, vkey("env"))
        check_place(envelope, raw, log=ORIGIN, seq=seq, prev=prev, to="bravo.example/detente")
        assert encode(envelope, ENV) == raw
        salt, body = bytes.fromhex(beside["salt"]), beside["body"].encode()
        assert envelope.body == body_commitment(salt, body)
        assert is_body_of(envelope, salt, body)
        assert not is_body_of(envelope, salt, body + b" ")
        prev = leaf_hash(raw)
    assert [note.b64(leaf_hash(raw)) for raw in leaves()] == vectors()["leaf_hashes_b64"]


def test_the_roots_and_the_consistency_proof_are_the_published_ones():
    tree = Tree(leaf_hash(raw) for raw in leaves())
    assert tree.root().hex() == vectors()["root_size3_hex"]
    assert tree.root(2).hex() == vectors()["root_size2_hex"]
    path = tree.consistency(2, 3)
    assert [note.b64(h) for h in path] == vectors()["consistency_2_to_3_b64"]
    assert verify_consistency(2, 3, path, tree.root(2), tree.root(3))


def test_the_checkpoint_receipt_and_witness_lines_are_made_byte_for_byte():
    log = Log(ORIGIN)
    log.extend([leaf_hash(raw) for raw in leaves()])
    signed = sign_checkpoint(log.head(), LOG)
    received = with_lines(signed, cosignature(signed, MIRROR, RECEIVED_AT_S))
    assert received.decode() == vectors()["checkpoint_log_and_mirror"]
    witnessed = with_lines(received, cosignature(signed, WITNESS, WITNESSED_AT_S))
    assert witnessed.decode() == vectors()["checkpoint_with_witness"]


@pytest.mark.parametrize("name", ["checkpoint_log_and_mirror", "checkpoint_with_witness", "checkpoint_with_mldsa"])
def test_each_published_checkpoint_opens(name):
    opened = open_checkpoint(vectors()[name].encode(), vkey("log"), vkey("cos"), vkey("wit"), vkey("pq"))
    assert opened.checkpoint == Checkpoint(ORIGIN, 3, bytes.fromhex(vectors()["root_size3_hex"]))
    assert opened.held_at_s(vkey("cos")) == RECEIVED_AT_S
    assert opened.held_at_s(vkey("wit")) == (WITNESSED_AT_S if name.endswith("witness") else None)
    assert (opened.held_at_s(vkey("pq")) is not None) == name.endswith("mldsa")


def test_the_published_proof_is_made_and_verified():
    published = vectors()["tlog_proof_leaf1"].encode()
    tree = Tree(leaf_hash(raw) for raw in leaves())
    made = Proof(1, tuple(tree.inclusion(1, 3)), vectors()["checkpoint_with_witness"].encode())
    assert bytes(made) == published
    proof = Proof.parse(published)
    proof.verify(leaves()[1], vkey("log"), vkey("cos"), vkey("wit"))
    with pytest.raises(PeerFault, match="not under the root"):
        proof.verify(leaves()[0], vkey("log"))


def test_the_entry_bundle_and_the_tile_are_the_published_bytes():
    bundle = bytes.fromhex(vectors()["entry_bundle_hex"])
    assert tiles.pack_entries(leaves()) == bundle
    assert tiles.unpack_entries(bundle) == leaves()
    tree = Tree(leaf_hash(raw) for raw in leaves())
    assert tiles.tile(tree, 0, 0, 3).hex() == vectors()["tile_0_000_p3_hex"]
    assert tiles.tile_path(0, 0, 3) == "tile/0/000.p/3"
    assert tiles.entries_path(1234067) == "tile/entries/x001/x234/067"


def test_one_item_of_a_tree_body_is_disclosed_and_no_other():
    body = vectors()["tree_body"]
    items = [item.encode() for item in body["items"]]
    tree_seed = bytes.fromhex(body["seed"])
    assert leaf.tree_commitment(tree_seed, items) == body["commit"]
    shown = leaf.disclose(tree_seed, items, body["disclose"]["index"])
    assert shown.salt.hex() == body["disclose"]["salt"]
    assert shown.item.decode() == body["disclose"]["item"]
    assert [note.b64(h) for h in shown.proof] == body["disclose"]["proof"]
    assert leaf.is_disclosed(body["commit"], shown)
    assert not leaf.is_disclosed(body["commit"], leaf.Disclosure(1, 3, shown.salt, items[0], shown.proof))


def test_the_fingerprints_are_the_published_digits():
    for root, digits in vectors()["fingerprints"].items():
        assert keys.fingerprint(root) == digits


def test_the_key_statement_is_verified_and_signed_again_byte_for_byte():
    raw = vectors()["key_statement"].encode()
    statement = keys.verify_statement(raw, vkey("root"))
    assert statement.vkey("env") == vkey("env")
    assert keys.log_vkey(statement, ORIGIN) == vkey("log")
    assert keys.sign_statement(statement, ROOT) == raw


def test_t07_small_order_keys_are_refused_wherever_a_key_is_admitted():
    for hexed in vectors()["small_order_ed25519_keys_to_refuse_hex"]:
        public_key = bytes.fromhex(hexed)
        for algorithm in (note.ED25519, note.COSIGNATURE):
            with pytest.raises(PeerFault, match="small-order"):
                Vkey("mallory.example/detente/env", algorithm, public_key)
            key_id = note.key_id("mallory.example/detente/env", algorithm, public_key)
            text = f"mallory.example/detente/env+{key_id.hex()}+{note.b64(bytes([algorithm]) + public_key)}"
            with pytest.raises(PeerFault, match="small-order"):
                Vkey.parse(text)
            statement = vectors()["key_statement"].split("\n")[1].replace(vectors()["vkeys"]["env"], text)
            with pytest.raises(PeerFault, match=r"small-order|does not serve"):
                keys.verify_statement(note.sign_note(f"detente-keys/v1\n{statement}\n", ROOT), ROOT.vkey)


def test_t01_each_text_that_reads_two_ways_is_refused_under_the_profile():
    """The file's cases are of a two-field struct; the profile, typed decode and equal when written again, is the same."""

    class Pair(msgspec.Struct, forbid_unknown_fields=True):
        a: leaf.Count
        b: str

    def is_admitted(text: str) -> bool:
        try:
            return msgspec.json.encode(msgspec.json.decode(text, type=Pair), order="sorted") == text.encode()
        except msgspec.DecodeError:
            return False

    assert is_admitted('{"a":1,"b":"x"}')
    assert [text for text in vectors()["reject_at_decode"] if is_admitted(text)] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"by":"duty"', '"by":"duty","by":"duty"'),
        ('"body"', ' "body"'),
        ('"by":"duty","hlc":[1795363200123,0]', '"hlc":[1795363200123,0],"by":"duty"'),
        ('"by":"duty"', '"by":"\\u0064uty"'),
        ('"seq":0', '"seq":0.0'),
        ('"seq":0', '"seq":-0'),
        ('"seq":0', '"seq":9007199254740993'),
        ('"v":1', '"v":1,"w":1'),
        ('"v":1', '"v":2'),
        (',"v":1', ""),
        ('"size":94', '"re":[],"size":94'),
        ('"by":"duty"', '"by":"duty","exp":null'),
        ('"kind":"hotline"', '"kind":"strike"'),
        (
            '"prev":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="',
            '"prev":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV="',
        ),
    ],
)
def test_t01_a_leaf_in_another_spelling_is_refused_although_it_is_signed(old, new):
    text = vectors()["envelopes"][0].rpartition("\n\n")[0] + "\n"
    assert old in text
    with pytest.raises(PeerFault, match="leaf:"):
        decode(note.sign_note(text.replace(old, new), ENV), ENV.vkey)


def test_the_body_of_the_published_leaf_has_the_published_length():
    first = Envelope.__struct_fields__
    assert "size" in first
    for raw, beside in zip(leaves(), vectors()["bodies"], strict=True):
        assert decode(raw, ENV.vkey).size == len(beside["body"].encode())
    assert [len(raw) for raw in leaves()] == [525, 611, 525]
    assert hashlib.sha256().digest() == leaf.FIRST_PREV
    assert base64.b64encode(leaf.FIRST_PREV).decode() in vectors()["envelopes"][0]


# --- the vectors that ship with the page ----------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def quick_digits(monkeypatch):
    """A quarter of a second a root by design; here once a key."""
    monkeypatch.setattr(verify_module, "fingerprint", cache(keys.fingerprint))


@pytest.mark.parametrize("kind", sorted({case["kind"] for case in judge.cases()}))
def test_each_case_that_ships_is_judged_as_it_says(kind):
    differing = [
        f"{case['what']}: {'refused' if case['accept'] else 'accepted'}"
        for case in judge.cases()
        if case["kind"] == kind and judge.is_accepted(case) is not case["accept"]
    ]
    assert differing == []


def test_the_vectors_are_what_their_generator_makes():
    """All but the ML-DSA-44 line, which is random: the generator keeps the one that is there."""
    kept = "\n".join(case["note"] for case in judge.cases() if case["kind"] == "checkpoint")
    assert make_vectors.written(kept) == (judge.VECTORS / "evidence.json").read_text()
    for name in ("tiles", "exhibits"):
        assert make_vectors.zipped(name) == (judge.VECTORS / f"dossier-{name}.zip").read_bytes()


def test_the_cases_refuse_more_than_they_accept():
    refused = [case for case in judge.cases() if not case["accept"]]
    assert len(refused) > 300
    assert {case["kind"] for case in judge.cases()} - {case["kind"] for case in refused} == {"digits", "path"}
