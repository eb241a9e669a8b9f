"""Room to work in: what is kept between passes, and that no answer depends on it."""

from __future__ import annotations

import numpy as np

from detente.detect.detector import conflicts
from detente.detect.profile import Minima
from detente.detect.room import Room, borrowed


def test_the_same_memory_serves_again_and_is_given_back_when_the_crowd_has_gone() -> None:
    room = Room()
    crowd = room.array("m", (100_000, 14), np.float64)
    assert np.shares_memory(crowd, room.array("m", (99_000, 14), np.float64))
    few = room.array("m", (100, 14), np.float64)
    assert few.shape == (100, 14)
    assert not np.shares_memory(crowd, few)
    assert room.array("m", (0, 14), np.float64).shape == (0, 14)


def test_what_is_lent_serves_again_only_when_nobody_holds_any_of_it() -> None:
    room = Room()
    first = room.lent("found", (100, 7), np.float64)
    first[:], where = 1.0, first.ctypes.data
    part = first[3:5, 2]
    del first
    second = room.lent("found", (100, 7), np.float64)
    second[:] = 2.0
    assert part.tolist() == [1.0, 1.0]
    assert second.ctypes.data != where
    where = second.ctypes.data
    del second
    assert room.lent("found", (90, 7), np.float64).ctypes.data == where


def test_a_pass_that_comes_meanwhile_gets_room_of_its_own() -> None:
    room = Room()
    with borrowed(room) as first, borrowed(room) as second:
        assert first is room
        assert second is not room
    with borrowed(room) as third:
        assert third is room


def test_what_was_left_in_the_room_changes_no_answer() -> None:
    rng, room, minima = np.random.default_rng(3), Room(), Minima(9_260.0, 1_000, 120.0)
    for n in (400, 0, 30, 400):
        columns = [rng.uniform(-width, width, n) for width in (0.02, 0.02, 4_000, 250, 250, 30)]
        columns[2][::7] = np.nan
        pairs, found, unknown = conflicts(*columns, minima, None, room)
        kept = [part.copy() for part in (pairs, found, unknown)]
        for part, fresh in zip((pairs, found, unknown), conflicts(*columns, minima), strict=True):
            assert part.tobytes() == fresh.tobytes()
        conflicts(*(column[::-1].copy() for column in columns), minima, None, room)
        for part, same in zip((pairs, found, unknown), kept, strict=True):
            assert part.tobytes() == same.tobytes(), "an answer lies in the room"
