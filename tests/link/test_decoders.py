"""Threat row 1: whatever a peer sends, each thing that reads it answers with the peer's fault and with nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.coordination.statement import decode_statement
from detente.errors import PeerFault
from detente.evidence import audit, checkpoint, dossier, leaf, note, tiles
from detente.evidence.keys import KeyChain, parse_origin, spki_pin, verify_statement, writer_of
from detente.evidence.proof import Proof
from detente.link import bodies, frames, unlogged
from detente.testing.identities import own_identity
from detente.wire.messages import _FORMS, decode_body
from detente.wire.tracks import decode_frame, plots_of

ALFA = own_identity("alfa.example/detente")
ENV, ROOT = ALFA.env.vkey, ALFA.chain.root
OPS = "alfa.example/detente/to/bravo.example/ops/1"
ENVELOPE = leaf.Envelope(
    log=OPS,
    seq=0,
    prev=note.b64(leaf.FIRST_PREV),
    to="bravo.example/detente",
    ts=0,
    hlc=(0, 0),
    kind=leaf.Kind.HOTLINE,
    prec=leaf.Precedence.ROUTINE,
    by="operator",
    body=leaf.body_commitment(bytes(16), b"{}"),
    size=2,
    media="application/json",
    pol=note.b64(bytes(32)),
)
WHOLE = [
    leaf.encode(ENVELOPE, ALFA.env),
    ALFA.chain.notes[0],
    checkpoint.sign_checkpoint(checkpoint.Checkpoint(OPS, 1, bytes(32)), ALFA.log),
    str(ENV).encode(),
    b'{"line":"watch","text":"hold"}',
    b'[1,2,3,4,null,null,null,null,null,"AFA1",null,null,null,1,0,0,1]\n',
    b"\x00\x02ab",
]
READERS = {
    "leaf": lambda raw: leaf.decode(raw, ENV),
    "leaf, whoever signed it": leaf.read,
    "leaf, by any key": ALFA.chain.decode,
    "note": lambda raw: note.open_note(raw, ENV, ROOT),
    "key": lambda raw: note.Vkey.parse(raw.decode("latin-1")),
    "statement": lambda raw: verify_statement(raw, ROOT),
    "chain": lambda raw: KeyChain.verify([raw], ROOT),
    "certificate": spki_pin,
    "origin": lambda raw: parse_origin(raw.decode("latin-1")),
    "writer": lambda raw: writer_of(raw.decode("latin-1")),
    "checkpoint": lambda raw: ALFA.chain.checkpoint(raw, OPS),
    "head": lambda raw: checkpoint.Checkpoint.parse(raw.decode("latin-1")),
    "proof": Proof.parse,
    "bundle": tiles.unpack_entries,
    "items": leaf.unpack_items,
    "act": lambda raw: audit.read_entry(raw, [ENV]),
    "manifest": dossier.read_manifest,
    "sums": dossier.read_sums,
    "bodies of a dossier": dossier.unpack_bodies,
    "items of a dossier": dossier.unpack_items_shown,
    "text": lambda raw: frames.decode(raw.decode("latin-1")),
    "frame": frames.decode,
    **{f"frame of kind {k}": lambda raw, k=k: frames.decode(bytes([k, 1]) + raw) for k in range(1, 8)},
    "flash outside the log": lambda raw: unlogged.verified(raw, ENV),
    "packed body": lambda raw: bodies.unpacked(raw, frames.Encoding.ZSTD, 1_000),
    "body of a leaf": lambda raw: bodies.body_for(ENVELOPE, raw),
    "tracks": lambda raw: plots_of(decode_frame(raw)),
    "statement at a table": decode_statement,
    **{f"body of kind {kind}": lambda raw, kind=kind: decode_body(kind, raw) for kind in _FORMS},
}
JUNK = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=200).map(str.encode),
    st.sampled_from(WHOLE),
    st.tuples(st.sampled_from(WHOLE), st.integers(0, 600), st.binary(max_size=4)).map(
        lambda cut: cut[0][: cut[1]] + cut[2] + cut[0][cut[1] + 1 :]
    ),
    st.tuples(st.sampled_from((b"[", b'{"a":', b"\n", b"\xff")), st.integers(1, 20_000)).map(
        lambda deep: deep[0] * deep[1]
    ),
)


@pytest.mark.parametrize("name", READERS)
def test_t01_whatever_comes_is_read_or_refused_as_the_peers_fault(name):
    read, outcomes = READERS[name], set()

    @given(JUNK)
    def comes(raw):
        try:
            read(raw)
        except PeerFault:
            outcomes.add("refused")
        else:
            outcomes.add("read")

    comes()
    assert "refused" in outcomes
