"""Words, conduct and differences: side by side, with who said so, and no verdict."""

from __future__ import annotations

import pytest

from coordination.meeting import ALFA, BRAVO, Meeting
from detente.coordination.ledger import (
    CloseDifference,
    Comment,
    EntryRow,
    NoteConduct,
    NoteStatement,
    OpenDifference,
    Word,
)
from detente.errors import OrderRefused
from detente.types import Role

FS = Role.FOREIGN_SERVICE


def test_r14_changed_words_and_unchanged_conduct_stand_on_one_timeline_without_a_verdict():
    meeting = Meeting()
    meeting.now_ms = 100_000
    meeting.say(
        ALFA, FS, NoteStatement(speaker="Foreign minister", said_ms=50_000, words="Co-operation.", outlet="NTV")
    )
    meeting.say(
        ALFA, FS, NoteStatement(speaker="Foreign minister", said_ms=10_000, words="Accusation.", hedge="recalled")
    )
    meeting.say(BRAVO, Role.MILITARY, NoteConduct(when_ms=30_000, words="Strikes halted.", hedge="believed"))
    rows = meeting.tables[BRAVO].standing.ledger.timeline()
    assert [(row.at_ms, row.kind, row.hedge, row.missing) for row in rows] == [
        (10_000, "statement", "recalled", ["where it was published"]),
        (30_000, "conduct", "believed", ["who says so"]),
        (50_000, "statement", "stated", []),
    ]
    assert not {"verdict", "truth", "score", "true"} & set(EntryRow.__struct_fields__)


def test_both_readings_of_an_entry_stand_side_by_side():
    meeting = Meeting()
    name = meeting.say(ALFA, FS, NoteConduct(when_ms=1, words="A drill."))
    meeting.say(BRAVO, FS, Comment(entry=name, words="More than a drill."))
    meeting.say(ALFA, FS, Comment(entry=name, words="A drill, announced."))
    assert meeting.tables[BRAVO].standing.ledger.timeline()[0].comments == [
        ("bravo", "More than a drill."), ("alfa", "A drill, announced."),
    ]  # fmt: skip
    with pytest.raises(OrderRefused, match="no entry"):
        meeting.say(ALFA, FS, Comment(entry="bravo-40", words="x"))


def test_r13_a_difference_stands_in_each_side_s_words_until_every_party_closes_it():
    meeting = Meeting()
    name = meeting.say(ALFA, FS, OpenDifference(title="The future of the district", words="Ours."))
    meeting.say(BRAVO, FS, Word(difference=name, words="Theirs."))
    meeting.say(ALFA, FS, CloseDifference(difference=name))
    row = meeting.tables[ALFA].standing.ledger.differences()[0]
    assert (row.words, row.stands, row.closed_by) == ({"alfa": "Ours.", "bravo": "Theirs."}, True, ["alfa"])
    meeting.say(BRAVO, FS, CloseDifference(difference=name))
    assert not meeting.tables[BRAVO].standing.ledger.differences()[0].stands
    with pytest.raises(OrderRefused, match="closed by every party"):
        meeting.say(BRAVO, FS, Word(difference=name, words="Again."))


def test_what_is_put_on_record_has_happened():
    meeting = Meeting()
    with pytest.raises(OrderRefused, match="has happened"):
        meeting.say(ALFA, FS, NoteConduct(when_ms=10**12, words="x"))
    with pytest.raises(OrderRefused, match="no difference"):
        meeting.say(ALFA, FS, CloseDifference(difference="alfa-9"))
    assert meeting.tables[ALFA].standing.ledger.timeline() == []
