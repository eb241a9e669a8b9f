"""What was said in a window, read from a record on disk."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from detente.errors import OrderRefused
from detente.evidence.leaf import Kind
from detente.node.pictures import PictureLog
from detente.node.replays import WINDOW_MAX_MS, Replays
from detente.node.said import said_between
from detente.node.sqlite import SqliteStore
from detente.wire.messages import HotlineBody, encode_body
from evidence.records import START_MS, Node, Record
from node.test_pictures import Limits

ALFA, BRAVO = Node("alfa"), Node("bravo")
PARTIES = {ALFA.node: "alfa", BRAVO.node: "bravo"}


class Kept:
    """A record in memory behind the two calls that a reader of a window makes, and `close`."""

    def __init__(self) -> None:
        self.record = Record(ALFA, BRAVO)
        self.record.say(ALFA, BRAVO, "ops", 29, said=encode_body(HotlineBody(line="watch", text="leaf")))
        self.record.say(ALFA, BRAVO, "ops", 1, said=b"{}")
        self.record.say(BRAVO, ALFA, "track", 5, Kind.TRACK)
        self.closed = 0

    def sizes(self) -> dict[str, int]:
        return {name: log.size for name, log in self.record.logs.items()}

    def read(self, origin: str, start: int, stop: int):
        return self.record.store.read(origin, start, stop)

    def close(self) -> None:
        self.closed += 1


def test_a_window_has_what_was_said_in_it_and_no_track_frames() -> None:
    kept = Kept()
    page = said_between(lambda: kept, PARTIES, START_MS, START_MS + 10**9)
    assert len(page.rows) == 30
    assert {(row.writer, row.reader, row.kind) for row in page.rows} == {("alfa", "bravo", "hotline")}
    assert [row.at_ms for row in page.rows] == sorted(row.at_ms for row in page.rows)
    assert kept.closed == 1
    inside = page.rows[4:9]
    again = said_between(lambda: kept, PARTIES, inside[0].at_ms, inside[-1].at_ms)
    assert [row.hash for row in again.rows] == [row.hash for row in inside]


def test_a_body_that_is_damaged_is_missing_and_its_leaf_stands() -> None:
    bodies = [row.body for row in said_between(Kept, PARTIES, START_MS, START_MS + 10**9).rows]
    assert bodies == [{"line": "watch", "text": "leaf"}] * 29 + [None]


def test_what_does_not_fit_is_said_to_be_missing() -> None:
    page = said_between(Kept, PARTIES, START_MS, START_MS + 10**9, most=7)
    assert (len(page.rows), page.more) == (7, True)


@pytest.mark.parametrize(("from_ms", "to_ms"), [(5, 5), (9, 5), (0, WINDOW_MAX_MS + 1)])
def test_what_is_no_window_is_refused(tmp_path: Path, from_ms: int, to_ms: int) -> None:
    replays = Replays(PictureLog(tmp_path, [], Limits()), Kept, PARTIES)
    with pytest.raises(OrderRefused, match="a window ends after it begins"):
        asyncio.run(replays.said(from_ms, to_ms))


def test_a_record_that_cannot_be_opened_is_refused_in_words(tmp_path: Path) -> None:
    gone = Replays(PictureLog(tmp_path, [], Limits()), lambda: SqliteStore(tmp_path / "none", read_only=True), PARTIES)
    with pytest.raises(OrderRefused, match="no record there"):
        asyncio.run(gone.said(0, 5))
