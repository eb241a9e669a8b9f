"""The normative page names every field, kind and limit that the code knows; it names no programming language."""

from __future__ import annotations

import re

import pytest

from conftest import ROOT
from detente.evidence import dossier, keys, leaf, note
from detente.evidence.dossier import LogListed, Manifest, PartyListed
from detente.evidence.keys import Key, KeyStatement, Revocation
from detente.evidence.leaf import Envelope, Kind, Lane

PAGE = (ROOT / "docs/protocol/evidence.md").read_text()


@pytest.mark.parametrize("struct", [Envelope, KeyStatement, Key, Revocation, Manifest, LogListed, PartyListed])
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
