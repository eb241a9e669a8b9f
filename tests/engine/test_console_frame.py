"""The console's frame of a picture in which two parties hold one aircraft."""

from __future__ import annotations

import msgspec
import numpy as np

from detente.desk.frame import COLUMNS
from detente.engine.sharing import console_frame
from detente.picture.picture import Mark
from detente.types import Instant
from flights import Flight, tracks_of


def test_a_peers_track_of_our_aircraft_is_tied_to_ours_and_an_echo_of_our_own_is_left_out():
    tracks = tracks_of(*(Flight(name, 47.0, 8.0) for name in ("aaaaaa", "bbbbbb", "cccccc", "dddddd")))
    tracks["number"] = [1, 2, 3, 4]
    tracks["party"] = [0, 1, 0, 0]
    tracks["same_as"][1:3] = 1  # Bravo's of it, and an echo of our own radar
    tracks["flags"][1:3] = Mark.SECONDARY
    message = msgspec.msgpack.decode(console_frame(tracks, Instant(0)))
    told = {name: np.frombuffer(message[name], COLUMNS[name]).tolist() for name in ("number", "same_as", "other")}
    assert told["number"] == [1, 4, 2]
    assert told["same_as"] == [0, 0, 1]
    assert told["other"][0] & 0b10
