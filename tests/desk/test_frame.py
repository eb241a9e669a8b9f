"""The track frame tells how old each track is, also when it has been brought to the present."""

from __future__ import annotations

import msgspec
import numpy as np

from detente.desk.frame import track_frame
from detente.picture.motion import advanced
from detente.picture.picture import TRACK
from detente.types import NS_PER_S, Instant


def test_a_track_brought_to_now_keeps_the_age_of_its_newest_plot():
    seen = np.zeros(2, TRACK)
    seen["applicable_at_ns"] = np.array([86, 99]) * NS_PER_S
    now = Instant(100 * NS_PER_S)
    frame = track_frame(advanced(seen, now), np.zeros(2, np.uint8), now, seen["applicable_at_ns"])
    ages_s = np.frombuffer(msgspec.msgpack.decode(frame)["age_s"], "<f4")
    assert ages_s.tolist() == [14.0, 1.0]
