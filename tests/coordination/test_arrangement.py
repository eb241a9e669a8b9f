"""The arrangement: anybody narrows it alone, nobody widens it alone."""

from __future__ import annotations

import pytest

from coordination.meeting import ALFA, BRAVO, Meeting
from detente.coordination.arrangement import Narrow, Resume
from detente.errors import OrderRefused
from detente.types import Role

FS = Role.FOREIGN_SERVICE


def state(meeting: Meeting, party=ALFA) -> str:
    return meeting.tables[party].standing.arrangement.row().state


def test_one_party_narrows_it_at_once_and_its_note_is_kept():
    meeting = Meeting()
    meeting.say(BRAVO, FS, Narrow(to="safety_of_life", note="Until the matter of Tuesday is cleared."))
    row = meeting.tables[ALFA].standing.arrangement.row()
    assert (row.state, row.by, row.notes[0].note) == (
        "safety_of_life", "bravo", "Until the matter of Tuesday is cleared.",
    )  # fmt: skip
    assert "reports" in row.stopped
    assert "warnings" in row.flows


def test_the_narrowest_note_counts_and_only_every_party_together_ends_it():
    meeting = Meeting()
    meeting.say(BRAVO, FS, Narrow(to="safety_of_life", note="a"))
    meeting.say(ALFA, FS, Narrow(to="suspended", note="b"))
    assert state(meeting) == "suspended"
    meeting.say(ALFA, FS, Resume(note="c"))
    assert state(meeting) == "suspended"
    meeting.say(BRAVO, FS, Resume(note="d"))
    assert state(meeting) == state(meeting, BRAVO) == "in_force"


def test_a_new_note_takes_back_what_was_agreed_about_resuming():
    meeting = Meeting()
    meeting.say(BRAVO, FS, Narrow(to="safety_of_life", note="a"))
    meeting.say(ALFA, FS, Resume(note="b"))
    meeting.say(BRAVO, FS, Narrow(to="suspended", note="c"))
    meeting.say(BRAVO, FS, Resume(note="d"))
    assert state(meeting) == "suspended"


def test_nothing_is_narrowed_to_what_it_already_is_nor_resumed_while_in_force():
    meeting = Meeting()
    with pytest.raises(OrderRefused, match="is in force"):
        meeting.say(ALFA, FS, Resume(note="a"))
    meeting.say(ALFA, FS, Narrow(to="suspended", note="a"))
    with pytest.raises(OrderRefused, match="already declared suspended"):
        meeting.say(ALFA, FS, Narrow(to="safety_of_life", note="a"))
    assert state(meeting) == "suspended"


def test_what_is_terminated_stays_so():
    meeting = Meeting()
    meeting.say(ALFA, FS, Narrow(to="terminated", note="a"))
    with pytest.raises(OrderRefused, match="a new table needs a new charter"):
        meeting.say(BRAVO, FS, Resume(note="b"))
    assert state(meeting, BRAVO) == "terminated"
