"""A simulation works each signature out once; it must judge as the product does, and the product must not change."""

from __future__ import annotations

import pytest

from detente.evidence.note import Vkey, unb64
from detente.testing.identities import own_identity
from detente.testing.signatures import shared

OWN = own_identity("alfa.example/detente")
OTHER = own_identity("bravo.example/detente")
TEXT = b"said\n"


def signature_in(line):
    return unb64(line.rstrip(b"\n").rpartition(b" ")[2])[4:]


@pytest.fixture
def sharing():
    with shared():
        yield


def test_a_line_is_the_same_inside_and_outside():
    outside = OWN.env.line(TEXT), OWN.mirror.line_at(TEXT, 7)
    with shared():
        assert (OWN.env.line(TEXT), OWN.mirror.line_at(TEXT, 7)) == outside
        assert (OWN.env.line(TEXT), OWN.mirror.line_at(TEXT, 7)) == outside


@pytest.mark.usefixtures("sharing")
def test_a_forged_signature_is_refused_though_a_true_one_is_remembered():
    signature = signature_in(OWN.env.line(TEXT))
    assert OWN.env.vkey.verifies(TEXT, signature)
    assert not OWN.env.vkey.verifies(b"never said\n", signature)
    assert not OTHER.env.vkey.verifies(TEXT, signature)
    assert not OWN.log.vkey.verifies(TEXT, signature)
    for bit in range(0, 512, 7):
        turned = (int.from_bytes(signature, "big") ^ 1 << bit).to_bytes(64, "big")
        assert not OWN.env.vkey.verifies(TEXT, turned)


@pytest.mark.usefixtures("sharing")
def test_a_cosignature_holds_for_its_own_time_alone():
    signature = signature_in(OWN.mirror.line_at(TEXT, 7))
    assert OWN.mirror.vkey.verifies(TEXT, signature)
    assert not OWN.mirror.vkey.verifies(TEXT, (8).to_bytes(8, "big") + signature[8:])


def test_the_product_verifies_as_before_when_a_seed_is_over_even_if_it_broke():
    before = Vkey.verifies
    with shared():
        assert Vkey.verifies is not before
    assert Vkey.verifies is before
    with pytest.raises(ZeroDivisionError), shared():
        1 / 0  # noqa: B018
    assert Vkey.verifies is before
