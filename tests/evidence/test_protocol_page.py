"""The normative page names every field, kind and limit that the code knows; it names no programming language."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

import pytest

from conftest import ROOT
from detente.evidence import dossier, keys, leaf, note
from detente.evidence.dossier import ItemShown, ItemsShown, LogListed, Manifest, PartyListed
from detente.evidence.keys import Key, KeyStatement, Revocation
from detente.evidence.leaf import Envelope, Kind, Lane
from evidence.judge import cases, is_accepted

PAGE = (ROOT / "docs/protocol/evidence.md").read_text()


@pytest.mark.parametrize(
    "struct", [Envelope, KeyStatement, Key, Revocation, Manifest, LogListed, PartyListed, ItemShown, ItemsShown]
)
def test_every_field_is_on_the_page(struct):
    words = set(re.findall(r"[a-z]+", " ".join(re.findall(r"`([^`]*)`", PAGE))))
    assert set(struct.__struct_fields__) <= words


def test_the_closed_lists_are_the_pages():
    assert " ".join(Kind) in PAGE
    assert all(f"`{lane}`" in PAGE for lane in Lane)


def test_the_limits_are_the_pages():
    for limit in (
        leaf.LEAF_LIMIT,
        leaf.BODY_LIMIT,
        note.NOTE_LIMIT,
        note.SIGNATURES_LIMIT,
        keys.STATEMENT_LIMIT,
        dossier.FILES_LIMIT,
        dossier.EXHIBITS_LIMIT,
    ):
        assert f"{limit:,}" in PAGE


def test_the_page_names_no_programming_language():
    assert not re.search(r"python|msgspec|javascript|golang", PAGE, re.IGNORECASE)


SHOWN = re.findall(r"^```text ([a-z]+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def texts_in(value: object) -> Iterator[str]:
    """Every text of a case, and what each encodes."""
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from texts_in(part)
    elif isinstance(value, str):
        yield value
        try:
            yield base64.b64decode(value, validate=True).decode()
        except ValueError:
            return  # not base64, or of bytes that are no text


@pytest.mark.parametrize(("kind", "text"), SHOWN, ids=[kind for kind, _ in SHOWN])
def test_each_vector_on_the_page_is_one_that_ships_and_is_accepted(kind, text):
    """A whole text, or one a line, of one case."""
    for case in cases():
        known = {each for field in case.values() for each in texts_in(field)}
        if case["kind"] == kind and case["accept"] and (text in known or set(text.splitlines()) <= known):
            assert is_accepted(case)
            return
    pytest.fail(f"the {kind} on the page is in no case that is accepted")


def test_each_structure_has_a_vector_on_the_page_or_in_the_file():
    assert {kind for kind, _ in SHOWN} >= {"digits", "statements", "leaf", "body", "checkpoint", "proof", "items"}
    assert {case["kind"] for case in cases()} >= {kind for kind, _ in SHOWN}
    for kind in {case["kind"] for case in cases()}:
        assert f"`{kind}`" in PAGE.partition("## 12.")[2]


def test_each_limit_of_the_manifest_is_on_the_page():
    for said in ("1 to 64 parties", "1 to 256", "1 to 99 statements", "at most 1,000"):
        assert said in PAGE
