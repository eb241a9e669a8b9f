"""Three languages say the same things: no key missing, extra or unused, and the same parameters in each."""

from __future__ import annotations

import inspect
import json
import re
from enum import EnumType
from typing import get_args, get_type_hints

import pytest

from detente.coordination import arrangement, ceasefire, decisions, ledger, proposals, reports
from detente.coordination.powers import COMMITMENTS, POWERS
from detente.desk import board, orders
from detente.feeds.plot import Reject
from detente.node.web.assets import assets
from detente.picture.picture import Reason
from detente.types import Role

LANGUAGES = ("en", "tr", "ru")
FILES = assets()
SOURCES = {path: asset.body.decode() for path, asset in FILES.items() if path.endswith(".js")}
CODE = "\n".join(SOURCES.values())
CATALOGUES = {lang: json.loads(FILES[f"i18n/{lang}.json"].body) for lang in LANGUAGES}


def parameters(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_each_language_has_every_key_with_the_same_parameters(lang: str) -> None:
    english = CATALOGUES["en"]
    assert CATALOGUES[lang].keys() == english.keys()
    assert {k: parameters(v) for k, v in CATALOGUES[lang].items()} == {k: parameters(v) for k, v in english.items()}
    assert all(text.strip() for text in CATALOGUES[lang].values())


def test_each_key_the_console_asks_for_exists() -> None:
    asked = set(re.findall(r'\bt\("([^"]+)"', CODE))
    assert asked - CATALOGUES["en"].keys() == set()
    assert len(asked) > 100


def test_no_key_is_unused() -> None:
    literal = set(re.findall(r'"([a-z_]+\.[\w ]+)"', CODE))
    built = tuple(
        set(re.findall(r"\bt\(`([\w.]+[._])\$\{", CODE)) | {f"{w}." for w in re.findall(r'\bword\("(\w+)"', CODE)}
    )
    unused = {key for key in CATALOGUES["en"] if key not in literal and not key.startswith(built)}
    assert unused == set()


def choices(struct: type, field: str) -> set[str]:
    kind = get_type_hints(struct)[field]
    return {str(value) for value in (kind if isinstance(kind, EnumType) else get_args(kind))}


@pytest.mark.parametrize(
    ("prefix", "words"),
    [
        ("level", choices(board.AlertRow, "level")),
        ("verdict", choices(board.PeerVerdict, "says")),
        ("state", choices(board.PeerRow, "state")),
        ("feed", choices(board.FeedRow, "state")),
        ("line", choices(board.MessageRow, "line")),
        ("precedence", choices(board.MessageRow, "precedence")),
        ("outcome", choices(board.MessageRow, "outcome") - {""}),
        ("badge", choices(board.AlertRow, "mark") - {""}),
        ("role", {str(role) for role in Role}),
        ("why", {reason.name.lower() for reason in Reason} - {"none"}),
        ("why", {reject.name.lower() for reject in Reject}),
        ("arrangement", set(arrangement.State)),
        ("flow", set(arrangement.Flow)),
        ("proposal", set(proposals.State)),
        ("stance", choices(proposals.SettleDetail, "stance")),
        ("part", set(decisions.State)),
        ("claim", set(ceasefire.State)),
        ("category", choices(ceasefire.Claim, "category")),
        ("sense", choices(ceasefire.Claim, "sense")),
        ("confidence", choices(ceasefire.Claim, "confidence")),
        ("reply", choices(ceasefire.Reply, "stance")),
        ("finding", set(ceasefire.Finding)),
        ("incident", {*ceasefire.Finding, "open", "disputed"}),
        ("grade", set(get_args(ceasefire.Grade))),
        ("about", choices(reports.Share, "about")),
        ("tlp", choices(reports.Marking, "tlp")),
        ("chain", choices(reports.Link, "part")),
        ("hedge", choices(ledger.NoteStatement, "hedge")),
        ("reason", {"acting", "false_alert", "resolved", "exercise", "other_line"}),
    ],
)
def test_every_word_of_the_nodes_closed_lists_is_known(prefix: str, words: set[str]) -> None:
    assert words
    assert {f"{prefix}.{w}" for w in words} - CATALOGUES["en"].keys() == set()


FORMS = dict(re.findall(r'^  "([a-z_]+\.[a-z_]+)": \[(.*)\],$', SOURCES["tables/act-forms.js"], re.MULTILINE))
MADE = {"text", "details", "hours", "source", "item", "sources", "sort", "observed", "place", "tlp"}
"""Fields of a form from which the node's own are made: a wording, a time, a grade, a cell, a marking."""


def test_each_form_is_an_act_of_the_matrix_and_asks_for_what_that_act_has() -> None:
    acts = {str(act.__struct_config__.tag): act for act in POWERS}
    assert len(FORMS) > 25
    for tag, form in FORMS.items():
        asked = set(re.findall(r'\b(?:words|perhaps|line|document|lines|choice|key|instant|place)\("(\w+)"', form))
        assert asked - MADE <= set(acts[tag].__struct_fields__), tag
        assert f"does.{tag}" in CATALOGUES["en"]
        assert {f"field.{name}" for name in asked} <= CATALOGUES["en"].keys()


def test_each_act_that_a_button_offers_has_a_form() -> None:
    offered = set(re.findall(r'act: "([a-z_]+\.[a-z_]+)"', CODE))
    assert len(offered) > 20
    assert offered <= FORMS.keys()
    assert {"proposal.sign", "arrangement.narrow"} <= {str(act.__struct_config__.tag) for act in COMMITMENTS}


def test_the_stand_down_reasons_are_the_orders_own() -> None:
    listed = re.search(r"reason: str  # (.+)", inspect.getsource(orders.StandDown))
    assert listed is not None
    assert set(re.findall(r'"(\w+)"', listed[1])) == {"acting", "false_alert", "resolved", "exercise", "other_line"}


def test_no_text_is_changed_in_case_or_put_in_as_markup() -> None:
    styles = "\n".join(asset.body.decode() for path, asset in FILES.items() if path.endswith(".css"))
    assert "text-transform" not in styles
    for banned in (
        "toUpperCase",
        "toLocaleUpperCase",
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "eval(",
        "new Function",
    ):
        assert banned not in CODE.replace(SOURCES.get("vendor/preact.mjs", ""), ""), banned


def test_the_page_names_no_address_outside() -> None:
    for path, asset in FILES.items():
        if path.startswith("vendor/") or path.endswith((".woff2", ".bin", ".txt")):
            continue
        found = set(re.findall(rb"https?://[^\s\"'`)<]+", asset.body)) - {b"http://www.w3.org/2000/svg"}
        assert found == set(), path
