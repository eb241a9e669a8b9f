"""Bodies of leaves: what is encoded is decoded, what is not exactly a body is the peer's fault."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.desk.codebook import draft_codebook
from detente.desk.hotline import Words
from detente.errors import PeerFault
from detente.evidence.leaf import padded
from detente.release.alerts import AlertTold, Named
from detente.types import PartyId, Role
from detente.wire.messages import (
    AckBody,
    DisplayedBody,
    EscalationBody,
    HotlineBody,
    StandDownBody,
    decode_body,
    encode_body,
    hotline_body,
    said_of,
)

BODIES = [
    ("hotline", HotlineBody(line="watch", code="W06", params={"track": "THY1"})),
    ("hotline", HotlineBody(line="leader", text="İyi akşamlar", lang="tr", reason="distress")),
    ("ack", AckBody(at_ms=1)),
    ("displayed", DisplayedBody(at_ms=2)),
    ("escalation", EscalationBody(rung=3, at_ms=3)),
    ("escalation", EscalationBody(rung=0, at_ms=3, not_answered=True)),
    ("stand_down", StandDownBody(reason="resolved", at_ms=4)),
    (
        "alert",
        AlertTold(alert="alfa-1", happening="raised", kind="conflict", level="alarm", at_ms=5, a=Named(True), b=None),
    ),
]


@pytest.mark.parametrize(("kind", "body"), BODIES)
def test_what_is_encoded_is_decoded(kind, body):
    assert decode_body(kind, encode_body(body)) == body


@pytest.mark.parametrize(("kind", "body"), BODIES)
def test_a_field_that_is_not_named_is_refused_with_the_bytes(kind, body):
    raw = msgspec.json.encode(msgspec.to_builtins(body) | {"zzz": 1}, order="sorted")
    with pytest.raises(PeerFault, match="unknown field") as fault:
        decode_body(kind, raw)
    assert fault.value.raw == raw


@pytest.mark.parametrize(
    ("kind", "raw", "complaint"),
    [
        ("order", b"{}", "no body here"),
        ("ack", b'{"at_ms": 1}', "canonical"),
        ("ack", b'{"at_ms":1.5}', "ack"),
        ("ack", b'{"at_ms":-1}', "ack"),
        ("ack", b"\xff", "ack"),
        ("escalation", b'{"at_ms":1,"rung":6}', "escalation"),
        ("stand_down", b'{"at_ms":1,"reason":"bored"}', "stand_down"),
        ("hotline", b'{"line":"watch"}', "either a code or a text"),
        ("hotline", b'{"code":"P01","line":"watch","text":"x"}', "either a code or a text"),
        ("hotline", b'{"line":"watch","params":{"ref":"x"},"text":"x"}', "without a code"),
        ("hotline", '{"line":"watch","text":"a\u202eb"}'.encode(), "do not show"),
        ("hotline", '{"code":"P01","line":"watch","params":{"ref":"a\u200b"}}'.encode(), "do not show"),
        ("hotline", b'{"line":"kitchen","text":"x"}', "hotline"),
        (
            "alert",
            b'{"a":null,"alert":"alfa-1","at_ms":1,"happening":"raised","kind":"strike","level":"alarm"}',
            "alert",
        ),
    ],
)
def test_what_is_not_exactly_a_body_is_the_peers_fault(kind, raw, complaint):
    with pytest.raises(PeerFault, match=complaint):
        decode_body(kind, padded(raw))


def test_a_body_is_filled_up_and_no_other_filling_is_taken():
    raw = encode_body(AckBody(at_ms=1))
    assert (len(raw), raw.rstrip(b" ")) == (1024, b'{"at_ms":1}')
    for other in (raw[:-1], raw + b" ", raw.rstrip(b" "), raw[:-1] + b"\n"):
        with pytest.raises(PeerFault, match="canonical"):
            decode_body("ack", other)


@given(st.sampled_from(sorted({kind for kind, _ in BODIES})), st.binary(max_size=200))
def test_no_bytes_make_the_decoder_raise_anything_else(kind, raw):
    with pytest.raises(PeerFault):
        decode_body(kind, raw)


def test_words_become_a_body_and_a_body_what_was_said():
    words = Words(
        to=PartyId("bravo"), line="watch", precedence="Z", reason="incursion", code="W06", params={"track": "A"},
        text="", lang="en", answers=None,
    )  # fmt: skip
    body = decode_body("hotline", encode_body(hotline_body(words)))
    said = said_of(
        body, message="alfa-flash-1", sender=PartyId("alfa"), to=PartyId("bravo"), by=Role.OPERATOR, precedence="Z",
        sent_at_ms=9, answers="bravo-ops-2",
    )  # fmt: skip
    assert (said.code, said.params, said.reason, said.answers) == ("W06", {"track": "A"}, "incursion", "bravo-ops-2")
    assert draft_codebook().rendered(said.code, said.params)
