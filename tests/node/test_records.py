"""The record as a desk reads it: pages with filters, what a browser needs to check a root, dossiers with what is missing."""

from __future__ import annotations

import base64
import io
import zipfile
from dataclasses import replace

import pytest

from detente.desk.record_view import DossierAsked, LeavesAsked
from detente.errors import OrderRefused
from detente.evidence.checkpoint import Checkpoint
from detente.evidence.dossier import ZipFiles
from detente.evidence.merkle import leaf_hash, node_hash
from detente.evidence.note import split_note
from detente.evidence.tiles import unpack_entries
from detente.evidence.verify import verify
from detente.node.records import RAW_MAX, ROWS_MAX, SCANNED_MAX
from node.recorded import FLASH, OPS, recorded

MESSAGES, FRAMES = 450, 600
TRACKS = "alfa.example/detente/to/bravo.example/track/1"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    found = recorded(tmp_path_factory.mktemp("records"), MESSAGES, FRAMES)
    yield found
    found.store.close()


def test_every_log_is_listed_with_whose_it_is_and_how_far_it_is_signed_and_receipted(made):
    rows = {row.log: row for row in made.records.logs()}
    assert set(rows) == {FLASH, OPS, TRACKS, "bravo.example/detente/to/alfa.example/flash/1"}
    row = rows[OPS]
    assert (row.writer, row.reader, row.lane, row.size) == ("alfa", "bravo", "ops", MESSAGES)
    assert (row.signed, row.receipted) == (MESSAGES, MESSAGES)


def test_leaves_come_newest_first_a_page_at_a_time_and_none_twice(made):
    seen, at = [], None
    while True:
        page = made.records.leaves(LeavesAsked(log=OPS, before=at))
        assert len(page.rows) <= ROWS_MAX
        seen += [row.seq for row in page.rows]
        at = page.next
        if at is None:
            break
    assert seen == list(range(MESSAGES - 1, -1, -1))


def test_a_filter_lets_through_what_fits_and_says_how_far_it_looked(made):
    page = made.records.leaves(LeavesAsked(log=OPS, text="CROSSING", by="supervisor"))
    assert page.rows
    assert all("crossing" in row.words and row.by == "supervisor" for row in page.rows)
    none = made.records.leaves(LeavesAsked(log=TRACKS, kind="hotline"))
    assert (none.rows, none.next, none.scanned) == ([], None, FRAMES)
    assert SCANNED_MAX > FRAMES
    precise = made.records.leaves(LeavesAsked(log=FLASH, kind="alert", precedence="Z"))
    assert all(row.precedence == "Z" for row in precise.rows)
    assert made.records.leaves(LeavesAsked(log=FLASH, kind="alert")).rows[0].words.startswith("alfa-3 incursion alarm")


def test_only_our_own_words_are_searched(made):
    with pytest.raises(OrderRefused) as refused:
        made.records.leaves(LeavesAsked(log="bravo.example/detente/to/alfa.example/flash/1", text="bravo"))
    assert refused.value.code == "words_of_others"


def test_what_a_browser_is_given_leads_to_the_signed_root(made):
    for log in (OPS, TRACKS):
        parts = made.records.proof(log)
        leaves = []
        for at in range(parts.start, parts.size, RAW_MAX):
            leaves += unpack_entries(made.records.raw(log, at, min(at + RAW_MAX, parts.size)))
        nodes = [(8, base64.b64decode(tile)) for tile in parts.tiles] + [(0, leaf_hash(leaf)) for leaf in leaves]
        stack: list[tuple[int, bytes]] = []
        for node in nodes:
            stack.append(node)
            while len(stack) > 1 and stack[-1][0] == stack[-2][0]:
                (level, right), (_, left) = stack.pop(), stack.pop()
                stack.append((level + 1, node_hash(left, right)))
        root = stack.pop()[1]
        while stack:
            root = node_hash(stack.pop()[1], root)
        assert Checkpoint.parse(split_note(parts.checkpoint.encode())[0].decode()).root == root
        assert {key.use for key in parts.keys} == {"log", "mirror"}
        assert [row.digits for row in parts.roots] == [made.own.own_digits, made.peer.own_digits]


@pytest.mark.parametrize("span", [(5, 4), (0, MESSAGES + 1), (0, RAW_MAX + 1)])
def test_leaves_that_are_not_there_or_too_many_are_refused(made, span):
    with pytest.raises(OrderRefused) as refused:
        made.records.raw(OPS, *span)
    assert refused.value.code == "out_of_range"


@pytest.mark.parametrize("log", ["", "nobody", "alfa.example/detente/audit/1"])
def test_a_log_that_is_none_of_the_record_is_refused(made, log):
    for ask in (made.records.proof, lambda name: made.records.leaves(LeavesAsked(log=name))):
        with pytest.raises(OrderRefused) as refused:
            ask(log)
        assert refused.value.code == "unknown_log"


def test_a_dossier_from_the_desk_holds_and_what_is_missing_was_said_before(made):
    asked = DossierAsked(incident="alfa-3", around_min=0.1)
    planned = {part.log: part for part in made.records.plan(asked)}
    assert (planned[OPS].start, planned[OPS].stop, planned[OPS].size) == (0, 5, MESSAGES)
    assert planned[TRACKS].only_incident
    portions, packed = made.records.dossier(asked, 1_795_363_300_000)
    assert {part.log: part for part in portions} == planned
    verdict = verify(ZipFiles(io.BytesIO(packed)), {"alfa": made.own.own_digits, "bravo": made.peer.own_digits})
    assert verdict.exit_code == 0
    assert zipfile.ZipFile(io.BytesIO(packed)).testzip() is None


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (DossierAsked(incident="alfa-99"), "not_exported"),
        (DossierAsked(incident="alfa-3", from_ms=0), "one_choice"),
        (DossierAsked(from_ms=5, to_ms=5), "empty_window"),
        (DossierAsked(lanes=["side"]), "unknown_lane"),
        (DossierAsked(ranges={OPS: (0, MESSAGES + 9)}), "not_exported"),
        (DossierAsked(from_ms=1, to_ms=2), "not_exported"),
    ],
)
def test_a_dossier_of_what_is_not_there_is_refused_with_a_reason(made, asked, code):
    with pytest.raises(OrderRefused) as refused:
        made.records.plan(asked)
    assert refused.value.code == code
    assert refused.value.reason


def test_a_dossier_that_is_brought_is_checked_under_the_confirmed_roots(made, monkeypatch):
    """As it was made it holds; a flipped byte fails with its exhibit; of a party not confirmed the root is unknown."""
    _, packed = made.records.dossier(DossierAsked(ranges={OPS: (0, 3)}), 1_700_000_000_000)
    checked = made.records.check(packed)
    assert (checked.outcome, checked.failures, checked.parties) == ("holds", [], ["alfa", "bravo"])
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as whole, zipfile.ZipFile(out, "w") as forged:
        for name in whole.namelist():
            raw = whole.read(name)
            forged.writestr(whole.getinfo(name), raw.replace(b"crossing", b"Crossing"))
    checked = made.records.check(out.getvalue())
    assert checked.outcome == "fails"
    assert checked.failures[0][0].startswith("exhibits/")
    assert made.records.check(b"no zip").outcome == "fails"
    keys = made.records._keys()
    monkeypatch.setattr(made.records, "_keys", lambda: replace(keys, unconfirmed=frozenset({"bravo"})))
    checked = made.records.check(packed)
    assert (checked.outcome, checked.failures[0][0]) == ("unknown_root", "bravo")


def test_a_long_dossier_is_checked_in_a_process_of_its_own_with_the_same_word(made):
    _, packed = made.records.dossier(DossierAsked(ranges={TRACKS: (0, FRAMES)}), 1_700_000_000_000)
    assert made.records.check(packed).outcome == "holds"
