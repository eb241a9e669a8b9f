"""Checkpoints, receipts and proofs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.errors import OwnFault, PeerFault
from detente.evidence.checkpoint import Checkpoint, cosignature, open_checkpoint, sign_checkpoint, with_lines
from detente.evidence.log import Log, Receipt
from detente.evidence.merkle import EMPTY_ROOT, leaf_hash
from detente.evidence.note import Cosigner, Ed25519Signer, MlDsaCosigner, b64, sign_note
from detente.evidence.proof import Proof
from evidence.vectors import ENV, LOG, MIRROR, ORIGIN, WITNESS, seed

HEAD = Checkpoint(ORIGIN, 5, bytes(range(32)))


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_is_read_as_it_was_written(size, root):
    checkpoint = Checkpoint(ORIGIN, size, root)
    assert Checkpoint.parse(checkpoint.text) == checkpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        HEAD.text[:-1],
        HEAD.text + "extension\n",
        HEAD.text.replace("\n5\n", "\n05\n"),
        HEAD.text.replace("\n5\n", "\n+5\n"),
        HEAD.text.replace("\n5\n", "\n5 \n"),
        HEAD.text.replace("\n5\n", "\n-5\n"),
        HEAD.text.replace("\n5\n", "\n٥\n"),
        HEAD.text.replace("\n5\n", f"\n{2**64}\n"),
        HEAD.text.replace(ORIGIN, ""),
        f"{ORIGIN}\n5\n{b64(bytes(31))}\n",
        f"{ORIGIN}\n5\n{b64(bytes(32))[:-2]}B=\n",
    ],
)
def test_a_checkpoint_in_another_spelling_is_refused(text):
    with pytest.raises(PeerFault, match="checkpoint:"):
        Checkpoint.parse(text)


def test_a_receipt_is_believed_only_from_the_key_asked_for():
    signed = sign_checkpoint(HEAD, LOG)
    note = with_lines(signed, cosignature(signed, MIRROR, 1000))
    assert open_checkpoint(note, LOG.vkey, MIRROR.vkey).held_at_s(MIRROR.vkey) == 1000
    assert open_checkpoint(note, LOG.vkey, WITNESS.vkey).held_at_s(WITNESS.vkey) is None
    assert open_checkpoint(signed, LOG.vkey, MIRROR.vkey).cosigned_at_s == {}


def test_a_receipt_copied_under_another_checkpoint_refuses_it():
    line = cosignature(sign_checkpoint(HEAD, LOG), MIRROR, 1000)
    other = sign_checkpoint(Checkpoint(ORIGIN, 6, HEAD.root), LOG)
    with pytest.raises(PeerFault, match="does not verify"):
        open_checkpoint(with_lines(other, line), LOG.vkey, MIRROR.vkey)


def test_a_checkpoint_needs_the_log_itself_under_its_own_name():
    signed = sign_checkpoint(HEAD, LOG)
    only_mirror = HEAD.text.encode() + b"\n" + cosignature(signed, MIRROR, 1)
    with pytest.raises(PeerFault, match="not signed by the log"):
        open_checkpoint(only_mirror, LOG.vkey, MIRROR.vkey)
    with pytest.raises(PeerFault, match="not signed by the log"):
        open_checkpoint(sign_note(HEAD.text, ENV), ENV.vkey)
    with pytest.raises(PeerFault, match="checkpoint:"):
        open_checkpoint(sign_note("not one\n", LOG), LOG.vkey)
    with pytest.raises(PeerFault, match="checkpoint:"):
        cosignature(sign_note("not one\n", LOG), MIRROR, 1)


def test_any_ed25519_log_key_signs_under_the_origin():
    base = Ed25519Signer("alpha.example/detente/log", seed("alpha log"))
    assert sign_checkpoint(HEAD, base) == sign_checkpoint(HEAD, LOG)


def test_a_line_is_added_once():
    signed = sign_checkpoint(HEAD, LOG)
    line = cosignature(signed, MIRROR, 1000)
    assert with_lines(with_lines(signed, line), line, line) == signed + line


def test_both_kinds_of_cosignature_stand_under_one_checkpoint():
    pq = MlDsaCosigner("bravo.example/detente/mirror", seed("bravo mirror pq"))
    signed = sign_checkpoint(HEAD, LOG)
    note = with_lines(signed, cosignature(signed, MIRROR, 7), cosignature(signed, pq, 8))
    opened = open_checkpoint(note, LOG.vkey, MIRROR.vkey, pq.vkey)
    assert (opened.held_at_s(MIRROR.vkey), opened.held_at_s(pq.vkey)) == (7, 8)


def test_an_empty_log_has_a_head_and_a_first_prev():
    log = Log(ORIGIN)
    assert log.head() == Checkpoint(ORIGIN, 0, EMPTY_ROOT)
    assert (log.size, log.receipt_size) == (0, 0)
    assert b64(log.last_leaf_hash) == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


def test_a_log_is_restored_with_its_tree_its_checkpoint_and_its_receipt():
    hashes = [leaf_hash(b"%d" % i) for i in range(5)]
    log = Log(ORIGIN)
    log.extend(hashes)
    again = Log.restore(ORIGIN, b"".join(hashes), b"note", Receipt(3, b"receipt", 9))
    assert again.head() == log.head()
    assert again.head(3) == log.head(3) != log.head()
    assert (again.last_leaf_hash, again.receipt_size, again.checkpoint) == (hashes[4], 3, b"note")
    with pytest.raises(OwnFault):
        Log.restore(ORIGIN, b"x" * 33)


def proof_of(index: int, size: int = 5) -> tuple[bytes, Proof]:
    log = Log(ORIGIN)
    log.extend([leaf_hash(b"%d" % i) for i in range(size)])
    return b"%d" % index, Proof(index, tuple(log.tree.inclusion(index, size)), sign_checkpoint(log.head(), LOG))


@given(st.integers(1, 70), st.data())
def test_a_proof_is_read_as_it_was_written_and_holds(size, data):
    leaf, proof = proof_of(data.draw(st.integers(0, size - 1)), size)
    assert Proof.parse(bytes(proof)) == proof
    assert proof.verify(leaf, LOG.vkey).checkpoint.size == size
    with pytest.raises(PeerFault):
        proof.verify(leaf + b"x", LOG.vkey)
    with pytest.raises(PeerFault):
        proof.verify(leaf, Cosigner(ORIGIN, seed("other")).vkey)


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: b"",
        lambda raw: raw[1:],
        lambda raw: raw.replace(b"index 3", b"index 03"),
        lambda raw: raw.replace(b"index 3", b"index -3"),
        lambda raw: raw.replace(b"index 3", b"3"),
        lambda raw: raw.replace(b"index 3\n", b"extra AAAA\nindex 3\n"),
        lambda raw: raw.replace(b"index 3\n", b"index 3\nAAAA\n"),
        lambda raw: raw.replace(b"index 3\n", b"index 3\n!!!!\n"),
        lambda raw: raw.replace(
            b"index 3\n",
            b"index 3\n" + b64(bytes(32)).encode() * 1 + b"\n" * 1 + (b64(bytes(32)).encode() + b"\n") * 64,
        ),
    ],
)
def test_a_proof_in_another_spelling_is_refused(change):
    with pytest.raises(PeerFault, match="proof:"):
        Proof.parse(change(bytes(proof_of(3)[1])))
