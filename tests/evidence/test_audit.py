"""The log of acts: what an entry may hold, and that nothing can be taken back once a peer has witnessed it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.errors import OwnFault, PeerFault
from detente.evidence import audit
from detente.evidence.audit import PADDING, Act, WitnessRefused
from detente.evidence.checkpoint import open_checkpoint, sign_checkpoint
from detente.evidence.keys import Key, KeyChain, KeyStatement, audit_origin, sign_statement
from detente.evidence.leaf import FIRST_PREV
from detente.evidence.log import Log
from detente.evidence.merkle import leaf_hash
from detente.evidence.note import Cosigner, Ed25519Signer, sign_note
from detente.types import NodeName
from evidence.vectors import seed

ALFA, BRAVO = NodeName("alfa.example/detente"), NodeName("bravo.example/detente")
ENV, LOG, ROOT = (Ed25519Signer(f"{ALFA}/{use}", seed(f"audit {use}")) for use in ("env", "log", "root"))
WITNESS = Cosigner(f"{BRAVO}/witness", seed("audit witness"))
ORIGIN = audit_origin(ALFA)
CHAIN = KeyChain.verify(
    [
        sign_statement(
            KeyStatement(
                epoch=1,
                keys=(Key("env", str(ENV.vkey)), Key("log", str(LOG.vkey))),
                node=ALFA,
                prev="",
                tls=(),
                url="",
                valid=(0, 1),
            ),
            ROOT,
        )
    ],
    ROOT.vkey,
)


def acts(count, word="SW3"):
    """A padded log of *count* acts and its leaves."""
    log, leaves = Log(ORIGIN), []
    for i in range(count):
        leaves.append(audit.next_leaf(log, ENV, 1_000 + i, Act.ORDER, "duty_officer", {"order": word, "seq": i}))
        log.extend([leaf_hash(leaves[-1])])
    leaves += [PADDING] * audit.padding(log.size)
    log.extend([leaf_hash(leaf) for leaf in leaves[log.size :]])
    return log, leaves


def signed(log):
    return sign_checkpoint(log.head(), LOG)


def offered(log, old):
    return audit.offer(log.tree, signed(log), log.size, old)


def test_entries_are_read_as_written_and_padding_is_passed_over():
    log, leaves = acts(3)
    assert (log.size, len(leaves)) == (256, 256)
    entries = audit.check_chain(leaves, 0, FIRST_PREV, ORIGIN, [ENV.vkey])
    assert [(e.seq, e.act, e.by, e.about["order"]) for e in entries] == [
        (i, Act.ORDER, "duty_officer", "SW3") for i in range(3)
    ]
    assert audit.check_chain(leaves[2:], 2, leaf_hash(leaves[1]), ORIGIN, [ENV.vkey])[0].seq == 2


@given(st.integers(0, 2_000))
def test_padding_takes_any_size_to_the_next_multiple(size):
    assert (size + audit.padding(size)) % audit.PADDED_TO == 0
    assert audit.padding(size) < audit.PADDED_TO


@pytest.mark.parametrize(
    "about",
    [{"text": "hold north of 35"}, {"order": "hold north of 35, please!"}, {"order": "x" * 300}, {"latitude": 35.9}],
)
def test_t37_an_entry_takes_named_fields_and_no_text_of_anybodys(about):
    with pytest.raises(OwnFault, match="audit entry"):
        audit.next_leaf(Log(ORIGIN), ENV, 1, Act.ORDER, "duty_officer", about)


def test_t37_an_entry_names_a_seat_and_no_person():
    for by in ("J. Smith", "Ayşe", "", "a" * 40):
        with pytest.raises(OwnFault, match="by"):
            audit.next_leaf(Log(ORIGIN), ENV, 1, Act.SIGN_IN, by, {})


def test_an_entry_out_of_place_altered_or_by_another_is_refused():
    _, leaves = acts(3)
    check = lambda some, start=0: audit.check_chain(some, start, FIRST_PREV, ORIGIN, [ENV.vkey])  # noqa: E731
    for wrong in ([leaves[1]], [leaves[0], leaves[2]], [leaves[0], PADDING, leaves[1]]):
        with pytest.raises(PeerFault, match="stands at"):
            check(wrong)
    with pytest.raises(PeerFault, match="does not verify"):
        check([leaves[0].replace(b"SW3", b"SW4")])
    with pytest.raises(PeerFault):
        audit.read_entry(leaves[0], [LOG.vkey])
    with pytest.raises(PeerFault, match="audit entry"):
        audit.read_entry(sign_note("detente-audit/v1\n{}\n", ENV), [ENV.vkey])
    text = leaves[0].rpartition(b"\n\n")[0].decode() + "\n"
    with pytest.raises(PeerFault, match="not canonical"):
        audit.read_entry(sign_note(text.replace('"act"', ' "act"'), ENV), [ENV.vkey])


def test_a_witness_cosigns_what_goes_on_and_the_line_verifies():
    log, _ = acts(3)
    line, held = audit.witness(offered(log, 0), None, CHAIN, WITNESS, 100)
    more, _ = acts(300)
    again, kept = audit.witness(offered(more, 256), signed_of(more, 256), CHAIN, WITNESS, 200)
    assert open_checkpoint(kept, CHAIN.log_vkeys(ORIGIN)[0], WITNESS.vkey).held_at_s(WITNESS.vkey) == 200
    assert audit.witnessed(signed(log), line, [WITNESS.vkey]) == held
    assert again in kept
    with pytest.raises(PeerFault):
        audit.witnessed(signed(more), line, [WITNESS.vkey])


def signed_of(log, size):
    return sign_checkpoint(log.head(size), LOG)


def test_t26_a_log_of_acts_from_which_an_entry_was_taken_or_changed_is_refused_with_the_proof():
    log, leaves = acts(300)
    held = signed(log)
    kept, _ = acts(600)
    assert audit.witness(offered(kept, log.size), signed_of(kept, log.size), CHAIN, WITNESS, 1)
    for forged in (without(leaves, 7), acts(600, "SW4")[0], without(leaves, 299)):
        with pytest.raises(WitnessRefused) as refused:
            audit.witness(offered(forged, min(log.size, forged.size)), held, CHAIN, WITNESS, 1)
        assert refused.value.proof[0] == held
    shorter, _ = acts(3)
    with pytest.raises(WitnessRefused, match="256 leaves, and 512 were witnessed"):
        audit.witness(offered(shorter, 256), held, CHAIN, WITNESS, 1)
    with pytest.raises(WitnessRefused, match="never was"):
        audit.witness(offered(log, 256), None, CHAIN, WITNESS, 1)
    with pytest.raises(PeerFault, match="offered from 256"):
        audit.witness(offered(kept, 256), held, CHAIN, WITNESS, 1)


def without(leaves, gone):
    """The log built anew without one act, and longer by an hour."""
    log = Log(ORIGIN)
    rest = [leaf for i, leaf in enumerate(leaves) if i != gone]
    log.extend([leaf_hash(leaf) for leaf in rest])
    log.extend([leaf_hash(PADDING)] * (audit.padding(log.size) + 256))
    return log
