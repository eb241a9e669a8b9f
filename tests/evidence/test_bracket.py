"""When a leaf can have been written, by the other side's clock, whatever its writer's clock says."""

from __future__ import annotations

from functools import cache

import pytest

from detente.evidence import verify as verify_module
from detente.evidence.bracket import Brackets
from detente.evidence.keys import fingerprint
from detente.evidence.note import b64
from detente.evidence.verify import verify
from evidence.records import START_MS, Node, Record, dossier, roots

ALFA, BRAVO = Node("alfa"), Node("bravo")
HOUR_MS = 3_600_000


@pytest.fixture(autouse=True)
def quick_digits(monkeypatch):
    monkeypatch.setattr(verify_module, "fingerprint", cache(fingerprint))


def judged(form: str):
    """Bravo speaks; alfa, having seen it, warns and dates the warning an hour back; bravo names it, and receipts it."""
    record = Record(ALFA, BRAVO)
    ops = record.say(BRAVO, ALFA, "ops", 3)
    flash = record.say(ALFA, BRAVO, "flash", 1, seen={"ops": (3, b64(ops.tree.root(3)))}, ts=START_MS - HOUR_MS)
    record.say(ALFA, BRAVO, "flash", 1)
    record.say(BRAVO, ALFA, "ops", 1, seen={"flash": (1, b64(flash.tree.root(1)))})
    record.sign(flash, receipt_at=2)
    record.sign(ops, receipt_at=4)
    extracts = [record.extract(log, form) for log in (flash, ops)]
    verdict = verify(dossier(record, ALFA, extracts), roots(record.nodes))
    assert verdict.exit_code == 0, verdict.report
    return verdict, {(said.log.split("/")[4], said.index): said for said in verdict.said}, Brackets(verdict.times)


@pytest.mark.parametrize("form", ["tiles", "exhibits"])
def test_t39_a_warning_dated_back_is_shown_between_its_bounds(form):
    verdict, said, brackets = judged(form)
    warning = said["flash", 0]
    assert warning.ts == START_MS - HOUR_MS
    before, after = brackets.not_before(warning), brackets.not_after(warning)
    assert (before.at_ms, after.at_ms) == (START_MS + 20_000, START_MS + 30_000)  # bravo's third leaf, and its fourth
    assert "bravo.example's ops leaf 2" in before.shown_by
    assert "bravo.example's ops leaf 3 names it" in after.shown_by
    assert "not before 2026-11-22T16:00:20.000Z" in verdict.report
    assert "not after 2026-11-22T16:00:30.000Z" in verdict.report
    assert "clocks contradict each other" in verdict.report
    order = [(each.log.split("/")[4], each.index) for each in verdict.said]
    assert order.index(("ops", 2)) < order.index(("flash", 0)) < order.index(("ops", 3))


def test_t39_a_later_leaf_of_the_log_is_no_earlier_and_without_a_naming_its_receipt_bounds_it():
    _, said, brackets = judged("tiles")
    later = said["flash", 1]
    assert brackets.not_before(later).at_ms == START_MS + 20_000
    assert brackets.not_after(later).at_ms == START_MS + 600_999  # the whole second that the receipt names
    assert "receipt of bravo" in brackets.not_after(later).shown_by


def test_what_nothing_bounds_is_not_bounded():
    _, said, brackets = judged("tiles")
    first = said["ops", 0]
    assert brackets.not_before(first) is None
    assert brackets.not_after(first).shown_by.startswith("alfa.example's flash leaf 0")
