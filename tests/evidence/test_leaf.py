"""Leaves and bodies."""

from __future__ import annotations

from contextlib import suppress

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from detente.errors import OwnFault, PeerFault
from detente.evidence import leaf
from detente.evidence.leaf import Disclosure, Envelope, Kind, Lane, check_place, decode, encode
from detente.evidence.note import b64, sign_note
from detente.types import Precedence
from evidence.vectors import ENV, LOG, ORIGIN, vectors

hashes = st.binary(min_size=32, max_size=32).map(b64)
millis = st.integers(0, 2**53 - 1)
names = st.from_regex(r"[a-z0-9][a-z0-9./_-]{0,60}", fullmatch=True)
envelopes = st.builds(
    Envelope,
    log=names,
    seq=millis,
    prev=hashes,
    to=names,
    ts=millis,
    hlc=st.tuples(millis, millis),
    kind=st.sampled_from(Kind),
    prec=st.sampled_from(Precedence),
    by=st.from_regex(r"[a-z][a-z0-9_-]{0,31}", fullmatch=True),
    body=hashes,
    size=st.integers(0, leaf.BODY_LIMIT),
    media=st.sampled_from(["application/json", "application/json+tree"]),
    pol=hashes,
    exp=st.none() | millis,
    re=st.lists(hashes, max_size=4).map(tuple),
    seen=st.dictionaries(st.sampled_from(Lane), st.tuples(millis, hashes)),
)


def envelope(**fields) -> Envelope:
    return msgspec.structs.replace(decode(vectors()["envelopes"][1].encode(), ENV.vkey), **fields)


@given(envelopes)
def test_what_was_encoded_is_decoded_and_its_line_is_rfc_8785(made):
    raw = encode(made, ENV)
    assert decode(raw, ENV.vkey) == made
    assert leaf.read(raw) == made
    line = raw.split(b"\n")[1]
    assert rfc8785.dumps(msgspec.json.decode(line)) == line


@given(
    st.dictionaries(st.text(st.characters(codec="ascii"), max_size=6), st.text() | st.integers(-(2**53) + 1, 2**53 - 1))
)
def test_the_profile_is_rfc_8785_for_ascii_keys_any_text_and_integers(value):
    try:
        wanted = rfc8785.dumps(value)
    except rfc8785.CanonicalizationError:
        return
    assert msgspec.json.encode(value, order="sorted") == wanted


@pytest.mark.parametrize(
    "fields",
    [
        {"seq": -1},
        {"seq": 2**53},
        {"ts": 1.5},
        {"by": "Ivan Ivanov"},
        {"by": ""},
        {"prev": "short"},
        {"body": "A" * 44},
        {"media": "text/html; charset=x"},
        {"kind": "strike"},
        {"prec": "X"},
        {"size": leaf.BODY_LIMIT + 1},
        {"re": tuple(b64(bytes(32)) for _ in range(65))},
        {"seen": {"secret": (1, b64(bytes(32)))}},
        {"log": "Ünlü"},
        {"to": "x\ud800"},
        {"hlc": (1, 2, 3)},
    ],
)
def test_an_envelope_no_peer_would_decode_is_not_signed(fields):
    with pytest.raises(OwnFault, match="envelope:"):
        encode(envelope(**fields), ENV)


def test_a_leaf_over_the_limit_is_neither_made_nor_read():
    long = envelope(log="a" * 255, re=tuple(b64(bytes(32)) for _ in range(64)))
    big = Envelope(**{f: getattr(long, f) for f in Envelope.__struct_fields__})
    assert len(encode(big, ENV)) < leaf.LEAF_LIMIT
    with pytest.raises(PeerFault, match="more than 8192"):
        decode(encode(big, ENV) + b"x" * 8192, ENV.vkey)
    with pytest.raises(OwnFault, match="more than 8192"):
        encode(big, type("Long", (), {"vkey": ENV.vkey, "line": lambda self, text: b"x" * 8000})())


def test_a_leaf_of_another_key_or_of_two_is_refused():
    raw = encode(envelope(), ENV)
    with pytest.raises(PeerFault, match="not signed by"):
        decode(raw, LOG.vkey)
    line = raw.rpartition(b"\n\n")[2]
    with pytest.raises(PeerFault, match="2 signatures"):
        decode(raw + line, ENV.vkey)
    text = raw.rpartition(b"\n\n")[0].decode() + "\n"
    with pytest.raises(PeerFault, match="of one line"):
        decode(sign_note(text.replace("detente-envelope/v1", "detente-keys/v1"), ENV), ENV.vkey)
    with pytest.raises(PeerFault, match="of one line"):
        decode(sign_note(text + "more\n", ENV), ENV.vkey)


@pytest.mark.parametrize("field", ["to", "log", "seq", "prev"])
def test_t10_a_leaf_signed_for_another_place_is_refused_there(field):
    """Other peer, other lane, other index, other history: each is under the signature, so each is looked at."""
    made = envelope()
    place = {"log": ORIGIN, "seq": 1, "prev": leaf.unb64(made.prev), "to": "bravo.example/detente"}
    check_place(made, b"", **place)
    other = {"to": "charlie.example/detente", "log": ORIGIN.replace("flash", "ops"), "seq": 2, "prev": bytes(32)}
    with pytest.raises(PeerFault, match=f"leaf: {field} is"):
        check_place(made, b"raw", **place | {field: other[field]})


@given(st.binary(max_size=300), st.integers(0, 600))
def test_t01_no_bytes_make_a_leaf_raise_anything_but_a_peer_fault(junk, at):
    good = encode(FIXED, ENV)
    for raw in (junk, good[:at] + junk + good[at:], good[:at] + junk + good[at + len(junk) :], good[:at]):
        if raw == good:
            continue
        with suppress(PeerFault):
            pytest.fail(f"decoded {decode(raw, ENV.vkey)}")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda j: st.lists(j) | st.dictionaries(st.text(), j),
    )
)
def test_t01_no_signed_json_makes_a_leaf_raise_anything_but_a_peer_fault(value):
    line = msgspec.json.encode(value).decode(errors="replace")
    with pytest.raises(PeerFault):
        decode(sign_note(f"detente-envelope/v1\n{line}\n", ENV), ENV.vkey)


def test_t01_a_deep_leaf_is_refused():
    deep = '{"re":' + "[" * 4000 + "]" * 4000 + "}"
    with pytest.raises(PeerFault):
        decode(sign_note(f"detente-envelope/v1\n{deep}\n", ENV), ENV.vkey)


FIXED = Envelope(
    log=ORIGIN,
    seq=0,
    prev=b64(leaf.FIRST_PREV),
    to="bravo.example/detente",
    ts=1,
    hlc=(1, 0),
    kind=Kind.ACK,
    prec=Precedence.ROUTINE,
    by="duty",
    body=leaf.body_commitment(bytes(16), b""),
    size=0,
    media="application/json",
    pol=b64(bytes(32)),
)


def test_t52_a_short_text_cannot_be_guessed_from_its_leaf_without_the_salt():
    salt = leaf.salt_for(b"secret key of thirty-two bytes..", ORIGIN, 0)
    commitment = leaf.body_commitment(salt, b"yes")
    guesses = [
        leaf.body_commitment(guessed, text)
        for text in (b"yes", b"no")
        for guessed in (b"", bytes(16), salt[:15] + b"x")
    ]
    assert commitment not in guesses
    assert len({leaf.salt_for(b"k" * 32, name, seq) for name in ("a", "b", "a\n") for seq in (0, 1, 256)}) == 9
    assert (
        leaf.salt_for(b"k" * 32, ORIGIN, 7)
        == leaf.salt_for(b"k" * 32, ORIGIN, 7)
        == leaf.seed_for(b"k" * 32, ORIGIN, 7)[:16]
    )


def test_a_body_is_the_one_committed_to_in_bytes_salt_length_and_kind():
    salt, body = bytes(range(16)), b"text"
    plain = msgspec.structs.replace(FIXED, body=leaf.body_commitment(salt, body), size=4)
    assert leaf.is_body_of(plain, salt, body)
    assert not leaf.is_body_of(plain, salt, b"texx")
    assert not leaf.is_body_of(plain, bytes(16), body)
    # The salt's length is fixed: a byte cannot move from the salt to the body.
    assert not leaf.is_body_of(msgspec.structs.replace(plain, size=5), salt[:15], salt[15:] + body)
    assert not leaf.is_body_of(msgspec.structs.replace(plain, size=3), salt, body)


@given(st.lists(st.binary(max_size=20).map(lambda b: b.replace(b"\n", b"")), max_size=30), st.data())
def test_each_item_of_a_tree_body_is_disclosed_alone(items, data):
    tree_seed = bytes(range(32))
    commitment = leaf.tree_commitment(tree_seed, items)
    body = leaf.pack_items(items)
    made = msgspec.structs.replace(FIXED, body=commitment, size=len(body), media="application/json+tree")
    assert leaf.unpack_items(body) == items
    assert leaf.is_body_of(made, tree_seed, body)
    assert not leaf.is_body_of(made, bytes(32), body) or not items
    assert not leaf.is_body_of(made, tree_seed[:16], body)
    if not items:
        return
    shown = leaf.disclose(tree_seed, items, data.draw(st.integers(0, len(items) - 1)))
    assert leaf.is_disclosed(commitment, shown)
    assert not leaf.is_disclosed(b64(bytes(32)), shown)
    assert not leaf.is_disclosed(
        commitment, Disclosure(shown.index, shown.count, shown.salt[:-1], shown.salt[-1:] + shown.item, shown.proof)
    )
    assert not leaf.is_disclosed(
        commitment, Disclosure(shown.index, shown.count, shown.salt, shown.item + b"x", shown.proof)
    )


def test_a_tree_body_whose_last_item_is_not_ended_is_refused():
    made = msgspec.structs.replace(FIXED, size=1, media="application/json+tree")
    assert not leaf.is_body_of(made, bytes(32), b"x")
    with pytest.raises(PeerFault):
        leaf.unpack_items(b"x")
    with pytest.raises(OwnFault):
        leaf.pack_items([b"a\nb"])


def test_one_track_of_three_hundred_is_disclosed_in_under_400_bytes():
    items = [b'["A-%04d",351000000,333000000,12190]' % i for i in range(300)]
    shown = leaf.disclose(bytes(32), items, 150)
    assert len(shown.salt) + len(shown.item) + sum(map(len, shown.proof)) < 400


@given(st.data())
def test_a_leaf_that_is_read_quickly_is_one_that_every_rule_admits(data):
    """The quick way takes a whole leaf or none; what it takes, the rules taken one by one take as well."""
    whole = vectors()["envelopes"][1].encode()
    at = data.draw(st.integers(0, len(whole)))
    altered = data.draw(
        st.sampled_from(
            (
                whole,
                whole[:at] + bytes([data.draw(st.integers(0, 255))]) + whole[at + 1 :],
                whole[:at] + whole[at + 1 :],
                whole[:at] + data.draw(st.sampled_from((b"\n", b" ", b"\x00", b"=", b"\xff"))) + whole[at:],
            )
        )
    )
    quick = leaf._decoded(altered, ENV.vkey)
    assert (quick is not None) == (altered == whole)
    if quick is not None:
        assert quick == leaf._read(altered)[0]
