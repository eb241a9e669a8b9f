"""Ed25519 at its edges, after the groups of Wycheproof's tests: no package ships those, so ours stand in the vectors.

Each has our decision. Strict, and without the cofactor: one signature for one message, and no key under which a signature
fits two.
"""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from evidence.judge import cases, is_accepted

EDGES = [case for case in cases() if case["kind"] == "ed25519"]


@pytest.mark.parametrize("case", EDGES, ids=lambda case: case["what"].replace(" ", "_"))
def test_t08_each_edge_is_decided_as_the_page_says(case):
    assert is_accepted(case) is case["accept"]


def test_t08_one_signature_has_one_spelling():
    refused = {case["what"] for case in EDGES if not case["accept"]}
    assert len([what for what in refused if what.startswith("S ")]) >= 6
    assert any("cofactored" in what for what in refused)


def test_t07_a_library_alone_would_take_what_the_point_check_refuses():
    """Why every key is checked at admission: under a key of small order one signature fits any message."""
    case = next(case for case in EDGES if case["public_key"] == "01" + "00" * 31)
    key, signature = (
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(case["public_key"])),
        bytes.fromhex(case["signature"]),
    )
    for message in (b"we agree", b"we do not agree"):
        key.verify(signature, message)
    assert not is_accepted(case)
