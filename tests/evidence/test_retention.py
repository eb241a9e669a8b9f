"""Which bodies may go: the old ones, and none that either side holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from detente.evidence.keys import origin
from detente.evidence.leaf import Envelope, Kind, Lane, body_commitment, encode
from detente.evidence.note import b64
from detente.evidence.retention import DAY_MS, Hold, old_bodies
from detente.evidence.store import Entry
from detente.testing.identities import own_identity
from detente.testing.store import MemoryStore
from detente.types import Precedence

ALFA = own_identity("alfa.example/detente")
TRACK = origin(ALFA.node, own_identity("bravo.example/detente").node, Lane.TRACK)


def leaf(seq, at_ms):
    said = Envelope(
        log=TRACK, seq=seq, prev=b64(bytes(32)), to="bravo.example/detente", ts=at_ms, hlc=(at_ms, 0), kind=Kind.TRACK,
        prec=Precedence.ROUTINE, by="node", body=body_commitment(bytes(16), b"x"), size=1, media="application/json",
        pol=b64(bytes(32)),
    )  # fmt: skip
    return Entry(leaf=encode(said, ALFA.env), body=b"x", salt=bytes(16))


def log_of(times):
    store = MemoryStore()
    store.append([(TRACK, 0, [leaf(seq, at) for seq, at in enumerate(times)])])
    return store


HOURLY = log_of([i * DAY_MS // 24 for i in range(600)])


def forgotten(store, before_ms, holds=()):
    return [seq for batch in old_bodies(store, TRACK, before_ms, holds) for seq in batch]


def test_what_is_older_goes_and_what_is_younger_stays():
    assert forgotten(HOURLY, 24 * DAY_MS) == list(range(24 * 24))
    assert forgotten(HOURLY, 0) == []
    assert forgotten(HOURLY, 99 * DAY_MS) == list(range(600))


def test_a_hold_of_either_side_keeps_what_was_written_in_its_window():
    ours, theirs = Hold("i-1", "alfa", DAY_MS, 2 * DAY_MS), Hold("i-2", "bravo", 3 * DAY_MS, 4 * DAY_MS)
    gone = forgotten(HOURLY, 24 * DAY_MS, (ours, theirs))
    assert sorted(set(range(24 * 24)) - set(gone)) == [*range(24, 48), *range(72, 96)]


@given(st.integers(0, 30 * DAY_MS), st.integers(0, 30 * DAY_MS), st.integers(0, 30 * DAY_MS))
def test_no_body_within_a_hold_or_young_enough_ever_goes(before, start, stop):
    hold = Hold("i", "alfa", min(start, stop), max(start, stop))
    for seq in forgotten(HOURLY, before, (hold,)):
        at = seq * DAY_MS // 24
        assert at < before
        assert not hold.covers(at)


def test_what_was_forgotten_before_is_passed_over():
    store = log_of(range(5))
    store.forget_bodies(TRACK, [0, 1])
    assert forgotten(store, 4) == [2, 3]
