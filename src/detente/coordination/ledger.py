"""Words and conduct side by side, and differences that stand. The software gives no verdict on either.

A statement is what somebody said, with where it was published and how it was hedged; conduct is what somebody says
was done, with who says so. Both stand on one timeline, whose reader draws the conclusions. A difference is registered
in each side's own words, so that the rest can go on: it closes nothing and is closed only by every party.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from detente.coordination.act import Act, Ms, Name, Said, Title, Words
from detente.coordination.charter import Charter
from detente.errors import OrderRefused
from detente.types import PartyId

Hedge = Literal["stated", "believed", "alleged", "recalled", "reported"]


class NoteStatement(Act, frozen=True, kw_only=True, tag="ledger.statement"):
    """Put on record what somebody said."""

    speaker: Title  # an office, or a public figure by name; whoever wrote it is not meant
    said_ms: Ms
    words: Words  # in one's own words, or a short quotation
    quoted: bool = False
    hedge: Hedge = "stated"
    outlet: Title | None = None  # None: nobody said where; shown as missing
    republisher: Title | None = None
    about: Annotated[tuple[Name, ...], Meta(max_length=16)] = ()


class NoteConduct(Act, frozen=True, kw_only=True, tag="ledger.conduct"):
    """Put on record what somebody is said to have done, or not done."""

    when_ms: Ms
    words: Words
    hedge: Hedge = "reported"
    said_by: Title | None = None  # None: missing
    about: Annotated[tuple[Name, ...], Meta(max_length=16)] = ()


class Comment(Act, frozen=True, tag="ledger.comment"):
    """Put one's own reading beside an entry. Several stand side by side."""

    entry: Name
    words: Words


class OpenDifference(Act, frozen=True, tag="difference.open"):
    """Register a difference that stands, in one's own words."""

    title: Title
    words: Words


class Word(Act, frozen=True, tag="difference.words"):
    """Give one's own side of a difference, in place of one's earlier words."""

    difference: Name
    words: Words


class CloseDifference(Act, frozen=True, tag="difference.close"):
    """Say that it is no difference any more; it is closed when every party says so."""

    difference: Name


AnyLedgerAct = NoteStatement | NoteConduct | Comment | OpenDifference | Word | CloseDifference


class EntryRow(msgspec.Struct, frozen=True):
    entry: str
    kind: str  # statement, conduct
    by: str
    at_ms: int
    words: str
    quoted: bool
    hedge: str
    who: str | None
    outlet: str | None
    republisher: str | None
    missing: list[str]
    about: list[str]
    comments: list[tuple[str, str]]


class DifferenceRow(msgspec.Struct, frozen=True):
    difference: str
    title: str
    opened_by: str
    opened_at_ms: int
    words: dict[str, str]
    closed_by: list[str]
    stands: bool


@dataclass(slots=True)
class _Entry:
    act: NoteStatement | NoteConduct
    said: Said
    comments: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class _Difference:
    act: OpenDifference
    said: Said
    words: dict[PartyId, str]
    closed_by: set[PartyId] = field(default_factory=set)


class Ledger:
    """The statements, conduct and standing differences of one table."""

    def __init__(self, charter: Charter) -> None:
        self._charter = charter
        self._entries: dict[str, _Entry] = {}
        self._differences: dict[str, _Difference] = {}

    def apply(self, act: Act, said: Said) -> None:
        assert isinstance(act, AnyLedgerAct)
        match act:
            case NoteStatement() | NoteConduct():
                if (act.said_ms if isinstance(act, NoteStatement) else act.when_ms) > said.at_ms:
                    raise OrderRefused("time_ahead", "what is put on record has happened")
                self._entries[said.name] = _Entry(act, said)
            case Comment(entry=name, words=words):
                if name not in self._entries:
                    raise OrderRefused("unknown_entry", f"there is no entry {name!r} in this ledger")
                self._entries[name].comments.append((said.party, words))
            case OpenDifference(words=words):
                self._differences[said.name] = _Difference(act, said, {said.party: words})
            case Word(difference=name, words=words):
                difference = self._difference(name)
                difference.words[said.party] = words
                difference.closed_by.clear()
            case CloseDifference(difference=name):
                self._difference(name).closed_by.add(said.party)

    def timeline(self) -> list[EntryRow]:
        """Return words and conduct in order of when they are said to have been."""
        rows = [_entry_row(name, entry) for name, entry in self._entries.items()]
        return sorted(rows, key=lambda row: (row.at_ms, row.entry))

    def differences(self) -> list[DifferenceRow]:
        """Return the register, the newest first."""
        parties = set(self._charter.parties)
        return [
            DifferenceRow(
                difference=name,
                title=one.act.title,
                opened_by=one.said.party,
                opened_at_ms=one.said.at_ms,
                words={str(party): words for party, words in one.words.items()},
                closed_by=sorted(one.closed_by),
                stands=one.closed_by != parties,
            )
            for name, one in reversed(self._differences.items())
        ]

    def _difference(self, name: str) -> _Difference:
        if name not in self._differences:
            raise OrderRefused("unknown_difference", f"there is no difference {name!r} on the register")
        if self._differences[name].closed_by == set(self._charter.parties):
            raise OrderRefused("state", f"{name} is closed by every party")
        return self._differences[name]


def _entry_row(name: str, entry: _Entry) -> EntryRow:
    act = entry.act
    if isinstance(act, NoteConduct):
        who, outlet, republisher, quoted, at_ms, kind = act.said_by, None, None, False, act.when_ms, "conduct"
        missing = [] if who else ["who says so"]
    else:
        who, outlet, republisher, quoted, at_ms = act.speaker, act.outlet, act.republisher, act.quoted, act.said_ms
        kind, missing = "statement", [] if outlet else ["where it was published"]
    return EntryRow(
        entry=name,
        kind=kind,
        by=entry.said.party,
        at_ms=at_ms,
        words=act.words,
        quoted=quoted,
        hedge=act.hedge,
        who=who,
        outlet=outlet,
        republisher=republisher,
        missing=missing,
        about=list(act.about),
        comments=entry.comments,
    )
