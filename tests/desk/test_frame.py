"""The console's track frame: columns of bytes, with unknown told as unknown."""

from __future__ import annotations

import msgspec
import numpy as np

from detente.desk.frame import ALTITUDE_UNKNOWN, COLUMNS, FRAME, track_frame
from detente.picture.motion import advanced
from detente.picture.picture import TRACK
from detente.types import NS_PER_S, Instant
from flights import Flight, tracks_of


def columns(tracks, other=None, now=0):
    other = np.zeros(len(tracks), np.uint8) if other is None else other
    message = msgspec.msgpack.decode(track_frame(tracks, other, Instant(now)))
    return message, {name: np.frombuffer(message[name], code) for name, code in COLUMNS.items()}


def test_a_frame_tells_each_track_in_the_units_of_the_desk():
    tracks = tracks_of(Flight("aaaaaa", 47.5, -8.25, 35_000.0, 90.0, 450.0, 600.0))
    message, told = columns(tracks, np.array([2], np.uint8), now=2_500_000_000)
    assert (message["frame"], message["n"], message["at_ms"]) == (FRAME, 1, 2_500)
    assert told["lat"][0] == np.degrees(np.radians(47.5))
    assert told["alt_ft"][0] == 35_000
    np.testing.assert_allclose(
        [told["lon"][0], told["gs_kt"][0], told["trk_deg"][0], told["vs_fpm"][0], told["age_s"][0]],
        [-8.25, 450.0, 90.0, 600.0, 2.5],
        rtol=1e-6,
    )
    assert told["other"][0] == 2
    assert told["identity"][0] == b"aaaaaa"
    assert told["declared_by"][0] == 255


def test_what_is_unknown_is_told_as_unknown_and_never_as_zero():
    tracks = tracks_of(Flight("aaaaaa", 47.0, 8.0))
    for name in ("altitude_pressure_m", "v_east_mps", "v_up_mps"):
        tracks[name] = np.nan
    _, told = columns(tracks)
    assert told["alt_ft"][0] == ALTITUDE_UNKNOWN
    assert np.isnan(told["gs_kt"][0])
    assert np.isnan(told["trk_deg"][0])
    assert np.isnan(told["vs_fpm"][0])


def test_an_empty_sky_is_a_frame_too():
    message, told = columns(tracks_of())
    assert message["n"] == 0
    assert all(len(column) == 0 for column in told.values())


def test_a_track_brought_to_now_keeps_the_age_of_its_newest_plot():
    seen = np.zeros(2, TRACK)
    seen["applicable_at_ns"] = np.array([86, 99]) * NS_PER_S
    now = Instant(100 * NS_PER_S)
    frame = track_frame(advanced(seen, now), np.zeros(2, np.uint8), now, seen["applicable_at_ns"])
    ages_s = np.frombuffer(msgspec.msgpack.decode(frame)["age_s"], "<f4")
    assert ages_s.tolist() == [14.0, 1.0]
