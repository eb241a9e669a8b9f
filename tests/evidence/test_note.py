"""Signed notes: what opens, what is refused, and by whom it was signed."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.errors import OwnFault, PeerFault
from detente.evidence.note import (
    ED25519,
    MLDSA44,
    Ed25519Signer,
    MlDsaCosigner,
    Vkey,
    b64,
    key_id,
    open_note,
    sign_note,
    split_note,
    unb64,
)
from evidence.vectors import ENV, LOG, MIRROR, ROOT, WITNESS, seed

# The group order of Ed25519: adding it to S gives a second signature over the same text.
L = 2**252 + 27742317777372353535851937790883648493


def test_a_note_opens_under_each_key_that_signed_it_and_no_other():
    raw = sign_note("one\ntwo\n", ROOT, ENV)
    note = open_note(raw, ENV.vkey, LOG.vkey)
    assert note.text == "one\ntwo\n"
    assert [s.vkey for s in note.signatures] == [ENV.vkey]
    assert note.by(LOG.vkey) is None
    assert note.by(ENV.vkey).at_s is None
    with pytest.raises(PeerFault, match="none of the keys"):
        open_note(raw, LOG.vkey)


def test_a_text_with_a_blank_line_keeps_it():
    raw = sign_note("one\n\ntwo\n", ENV)
    assert open_note(raw, ENV.vkey).text == "one\n\ntwo\n"


def test_a_bad_line_by_a_known_key_refuses_the_note_even_beside_a_good_one():
    raw = sign_note("text\n", ROOT)
    forged = sign_note("other\n", ENV).rpartition(b"\n\n")[2]
    with pytest.raises(PeerFault, match="does not verify"):
        open_note(raw + forged, ROOT.vkey, ENV.vkey)
    assert open_note(raw + forged, ROOT.vkey).text == "text\n"  # a line by a key not asked for is passed over


def test_the_second_line_of_one_key_is_passed_over():
    raw = sign_note("text\n", ENV)
    line = raw.rpartition(b"\n\n")[2]
    assert len(open_note(raw + line, ENV.vkey).signatures) == 1


@pytest.mark.parametrize("text", ["", "no newline", "a\rb\n", "nul\0\n", "tab\t\n"])
def test_a_text_no_note_can_hold_is_our_own_fault(text):
    with pytest.raises(OwnFault):
        sign_note(text, ENV)


def test_a_note_without_a_signature_is_not_made():
    with pytest.raises(OwnFault):
        sign_note("text\n")


def signed() -> bytes:
    return sign_note("text\n", ENV)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"text\n",
        b"text\n\n",
        signed()[:-1],
        signed().replace(b"text", b"te\rt"),
        signed().replace(b"text", b"te\xfft"),
        signed().replace("—".encode(), b"-"),
        signed() + b"\n",
        signed() + "— \n".encode(),
        signed() + "— name \n".encode(),
        signed() + "— na+me AAAAAAAA\n".encode(),
        signed() + "— name AAA=AAAA\n".encode(),
        signed() + "— name AAAA\n".encode(),
        signed() + "— name AAAAAAB=\n".encode(),
        signed() + b"\xe2\x80\x94 \xc2\xa0 AAAAAAAA\n",
        b"x" * 70_000,
        b"text\n\n" + "— name AAAAAAAA\n".encode() * 33,
    ],
)
def test_what_is_no_note_is_refused(raw):
    with pytest.raises(PeerFault, match="note:"):
        split_note(raw)


def test_t08_a_second_signature_made_from_the_first_is_refused():
    raw = sign_note("text\n", ENV)
    text, ((_, keyed, line),) = split_note(raw)
    r, s = keyed[4:36], int.from_bytes(keyed[36:], "little")
    malleated = r + (s + L).to_bytes(32, "little")
    assert ENV.vkey.verifies(text, keyed[4:])
    assert not ENV.vkey.verifies(text, malleated)
    assert not ENV.vkey.verifies(text, keyed[4:-1])
    with pytest.raises(PeerFault, match="does not verify"):
        open_note(raw.replace(line, line.replace(b64(keyed).encode(), b64(keyed[:4] + malleated).encode())), ENV.vkey)


def test_a_cosignature_holds_for_its_own_time_only():
    text = b"origin\n3\n" + b64(bytes(32)).encode() + b"\n"
    for cosigner in (MIRROR, MlDsaCosigner("m", seed("pq"))):
        (_, keyed, _) = split_note(text + b"\n" + cosigner.line_at(text, 1000))[1][0]
        assert cosigner.vkey.verifies(text, keyed[4:])
        assert not cosigner.vkey.verifies(text, (1001).to_bytes(8, "big") + keyed[12:])
        assert not cosigner.vkey.verifies(text.replace(b"3", b"4"), keyed[4:])
        assert not cosigner.vkey.verifies(b"no checkpoint\n", keyed[4:])
        note = open_note(text + b"\n" + cosigner.line_at(text, 1000), cosigner.vkey)
        assert note.by(cosigner.vkey).at_s == 1000


@pytest.mark.parametrize(
    "text",
    [
        b"text\n",
        b"o\n3\nAAAA\n",
        b"o\n-1\n%b\n" % b64(bytes(32)).encode(),
        b"o" * 256 + b"\n3\n%b\n" % b64(bytes(32)).encode(),
    ],
)
def test_ml_dsa_cosigns_nothing_but_checkpoints(text):
    with pytest.raises(OwnFault, match="checkpoints only"):
        MlDsaCosigner("m", seed("pq")).line_at(text, 1)


def test_a_log_key_signs_each_log_under_its_own_name():
    other = LOG.named("alpha.example/detente/to/charlie.example/ops/1")
    assert other.vkey.public_key == LOG.vkey.public_key
    assert other.vkey.key_id != LOG.vkey.key_id


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000",
        "name+00000000+",
        "name+00000000+AAAA",
        "+00000000+AAAA",
        "na me+00000000+AAAA",
        str(ENV.vkey) + "+",
        str(ENV.vkey).replace("926e", "926f"),
        str(ENV.vkey).upper(),
        str(ENV.vkey)[:-1] + "F",
        f"name+{key_id('name', 9, bytes(32)).hex()}+{b64(bytes([9]) + bytes(32))}",
        f"name+{key_id('name', MLDSA44, bytes(32)).hex()}+{b64(bytes([MLDSA44]) + bytes(32))}",
    ],
)
def test_what_is_no_key_is_refused(text):
    with pytest.raises(PeerFault):
        Vkey.parse(text)


def test_t07_a_key_outside_the_prime_order_group_is_refused():
    """A point with a torsion part: a small-order point added to a good key verifies for some messages only."""
    refused = 0
    for i in range(64):
        try:
            Vkey("k", ED25519, bytes([i]) + ENV.vkey.public_key[1:])
        except PeerFault:
            refused += 1
    assert refused > 32


@given(st.binary(max_size=400))
def test_no_bytes_make_a_note_raise_anything_but_a_peer_fault(raw):
    for attempt in (raw, signed()[: len(raw) % 90] + raw, b"text\n\n" + "— ".encode() + raw + b"\n"):
        with suppress(PeerFault):
            open_note(attempt, ENV.vkey)


@given(st.text(max_size=80))
def test_no_text_makes_a_key_raise_anything_but_a_peer_fault(text):
    for attempt in (text, f"{text}+00000000+AAAA", f"n+00000000+{text}"):
        with suppress(PeerFault):
            assert str(Vkey.parse(attempt)) == attempt


@given(st.binary(max_size=60), st.binary(min_size=1, max_size=4))
def test_base64_has_one_spelling(raw, junk):
    assert unb64(b64(raw)) == raw
    with suppress(ValueError):
        assert b64(unb64(b64(raw).encode() + junk)).encode() == b64(raw).encode() + junk


def test_signers_keep_their_kind_of_key():
    assert isinstance(ROOT, Ed25519Signer)
    assert MIRROR.vkey != WITNESS.vkey
