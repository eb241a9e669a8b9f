"""The report as a page: what was said, by whom, between which times, what is missing, and how it was checked."""

from __future__ import annotations

import re
from functools import cache
from html.parser import HTMLParser

import pytest

from detente.evidence import verify as verify_module
from detente.evidence.keys import fingerprint
from detente.evidence.leaf import Kind
from detente.evidence.note import b64
from detente.evidence.page import page
from detente.evidence.store import Entry
from detente.evidence.verdict import plain, time_of
from detente.evidence.verify import verify
from evidence.records import START_MS, Node, Record, dossier, roots

ALFA, BRAVO = Node("alfa"), Node("bravo")
NASTY = '{"text":"<script>alert(1)</script> \u202egnp.exe \\u001b[31m"}'.encode()


@pytest.fixture(autouse=True)
def quick_digits(monkeypatch):
    monkeypatch.setattr(verify_module, "fingerprint", once_a_key)


@cache
def once_a_key(key: str) -> str:
    return fingerprint(key)


def made(typed=None, change=None, **how):
    record = Record(ALFA, BRAVO)
    ops = record.say(BRAVO, ALFA, "ops", 2)
    flash = record.say(ALFA, BRAVO, "flash", 1, Kind.ALERT, seen={"ops": (2, b64(ops.tree.root(2)))}, ts=START_MS)
    record.say(ALFA, BRAVO, "flash", 2, said=NASTY, re=(b64(flash.tree.leaf(0)),), exp=START_MS + 60_000)
    track = record.say(ALFA, BRAVO, "track", 2, Kind.TRACK)
    for log, receipt in ((flash, 2), (ops, 2), (track, None)):
        record.sign(log, receipt_at=receipt)
    gone = record.store.logs[ops.origin]
    gone[1] = Entry(leaf=gone[1].leaf, body=None, salt=b"")
    files = dossier(record, ALFA, [record.extract(log) for log in (flash, ops, track)], (START_MS, START_MS + 10**6))
    return verify(change(files) if change else files, roots(record.nodes) if typed is None else typed, **how)


class Balanced(HTMLParser):
    """Fails where a tag is closed that is not the one open."""

    VOID = ("meta",)

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], set()

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_says_who_said_what_to_whom_and_when_and_what_is_missing():
    shown = page(made())
    for said in (
        "The dossier holds",
        "alfa to bravo: alert",
        "FLASH",
        "alfa.example&#x27;s flash leaf 0 names bravo.example&#x27;s ops leaf 1",
        "receipt of bravo.example/detente for 2",
        "no receipt and no answer in this dossier bounds it",
        "sent, receipt outstanding: 1 leaves",
        "bodies missing: 1 (leaves 1)",
        "answers",
        "flash leaf 0",
        "expires",
        "clocks contradict each other",
        "Statements were chosen between",
        "How this was checked",
        "What this does not prove",
        "2 leaves were checked and are not listed one by one",
        once_a_key(str(ALFA.root.vkey)),
    ):
        assert said in shown, said


def test_the_page_is_whole_and_loads_and_runs_nothing():
    shown = page(made())
    parser = Balanced()
    parser.feed(shown)
    assert parser.open == []
    assert not parser.seen & {"script", "img", "link", "iframe", "object", "form", "a"}
    assert "default-src 'none'" in shown
    assert not re.search(r"url\(|https?://|@import", shown)


def test_t18_what_was_said_cannot_become_markup_nor_turn_the_line_about():
    verdict = made()
    assert "<script>" not in page(verdict)
    assert "&lt;script&gt;" in page(verdict)
    for shown in (page(verdict), verdict.report):
        assert "\u202e" not in shown
        assert "\x1b" not in shown
        assert "\\u202e" in shown
    assert plain("a\nb\u2066c\x00") == "a\\u000ab\\u2066c\\u0000"


def test_a_dossier_that_fails_names_its_exhibits_on_the_page():
    def change(files):
        return files | {
            "logs/000/tile/entries/000.p/3": files["logs/000/tile/entries/000.p/3"].replace(b'"Z"', b'"R"', 1)
        }

    shown = page(made(change=change))
    assert "The dossier fails" in shown
    assert "What is wrong" in shown
    assert "logs/000/tile/entries/000.p/3" in shown
    assert "The dossier holds" not in shown


def test_t35_unknown_roots_prove_nothing_on_the_page_either():
    shown = page(made(typed={}))
    assert "Unknown root: nothing is proved" in shown
    assert '<span class="warn">unknown</span>' in shown
    assert once_a_key(str(ALFA.root.vkey)) not in shown
    assert "What was said" not in shown


def test_roots_only_is_said_on_the_page():
    shown = page(made(signatures=False))
    assert "Roots only" in shown
    assert "their own signatures were not checked" in shown
    assert "The signature of each of" not in shown


def test_a_page_of_no_dossier_at_all_is_a_page():
    shown = page(verify({}, {}))
    assert "The dossier fails" in shown
    assert "manifest.note" in shown


def test_a_time_that_no_calendar_holds_is_shown_as_its_number():
    assert time_of(2**53 - 1) == f"{2**53 - 1} ms after 1970"
    assert time_of(START_MS) == "2026-11-22T16:00:00.000Z"


def test_instants_and_places_of_a_body_are_spelled_out():
    record = Record(ALFA, BRAVO)
    said = b'{"at_ms":1795363200000,"latitude_e7":-351000000,"rung":4,"is_over":true}'
    record.sign(record.say(ALFA, BRAVO, "flash", 1, said=said))
    [log] = record.logs.values()
    report = verify(dossier(record, ALFA, [record.extract(log)]), roots(record.nodes)).report
    for line in ("at_ms: 2026-11-22T16:00:00.000Z", "latitude_e7: -35.1000000°", "rung: 4", "is_over: true"):
        assert line in report


@pytest.mark.parametrize("said", [b"plain words", b"[1,2]", b"\xff\xfe", b"x" * 70_000])
def test_a_body_of_any_bytes_is_shown_or_named(said):
    record = Record(ALFA, BRAVO)
    record.sign(record.say(ALFA, BRAVO, "flash", 1, said=said))
    [log] = record.logs.values()
    verdict = verify(dossier(record, ALFA, [record.extract(log)]), roots(record.nodes))
    assert verdict.exit_code == 0
    assert ("70000 bytes of application/json, not shown here" in verdict.report) == (len(said) == 70_000)
