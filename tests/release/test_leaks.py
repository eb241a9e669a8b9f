"""What could leak beside the tracks: bands, questions, silence, delays, words about who is on watch, error texts."""

import dataclasses
import math
import typing

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.alerts.life import AlertBook
from detente.detect.profile import EN_ROUTE
from detente.evidence.leaf import BODY_LIMIT, Envelope, Lane, pack_items, padded, padded_items, unpack_items
from detente.link import frames
from detente.release.alerts import DISTANCE_BANDS_M, AlertTold, alert_for
from detente.types import Instant
from detente.wire import messages
from detente.wire.tracks import TrackItem
from release.sky import BRAVO, EVERYTHING, NOON, SECOND, releaser, tracks
from release.test_alerts import HIDDEN, PARTIES, THEIRS, WITHHOLD, conflict, told

# --- 45


def test_t45_the_bands_are_four():
    assert DISTANCE_BANDS_M == (500, 1_000, 2_000, 5_000)


@settings(max_examples=200)
@given(
    st.sampled_from([0, *DISTANCE_BANDS_M]),
    st.floats(0.001, 0.999),
    st.floats(61, 119),
    st.floats(30, 40),
    st.floats(30, 40),
    st.integers(-3_000, 3_000),
    st.integers(0, 999),
)
def test_t45_a_hidden_place_within_a_band_changes_no_byte(low_m, share, time_s, lat, lon, feet, ms):
    edges = [*DISTANCE_BANDS_M, 40_000]
    high_m = edges[[0, *DISTANCE_BANDS_M].index(low_m)]
    rules = WITHHOLD + EVERYTHING
    middle = conflict((low_m + high_m) / 2.0)
    moved = conflict(low_m + share * (high_m - low_m), time_s)
    later = dataclasses.replace(moved.alert, vertical_ft=feet, updated_at=Instant(NOON + ms * 1_000_000))
    moved = dataclasses.replace(moved, alert=later)
    one = told(middle, tracks(HIDDEN, THEIRS), rules)
    other = told(moved, tracks(HIDDEN | {"lat": lat, "lon": lon, "altitude_ft": 1_000 + feet}, THEIRS), rules)
    assert msgspec.json.encode(one) == msgspec.json.encode(other)


def test_t45_another_band_is_another_word():
    rules = WITHHOLD + EVERYTHING
    said = [told(conflict(m), tracks(HIDDEN, THEIRS), rules).distance_m for m in (400, 600, 1_500, 3_000, 7_000)]
    assert said == [500, 1_000, 2_000, 5_000, None]


# --- 47, 53, 54


def bodies():
    return [*typing.get_args(messages.Body), TrackItem]


def test_t47_nothing_that_is_sent_can_say_that_nothing_is_there():
    flags = {
        f"{body.__name__}.{name}"
        for body in bodies()
        for name, kind in typing.get_type_hints(body).items()
        if kind is bool
    }
    assert flags == {
        "AlertTold.is_banded",
        "AlertTold.is_synthetic",
        "EscalationBody.not_answered",
        "HoldBody.lifted",
    }
    levels = typing.get_args(typing.get_type_hints(AlertTold)["level"])
    assert levels == ("caution", "warning", "alarm")
    # And an alert that does not concern the reader is no message at all.
    assert told(conflict(), tracks({}, {})) is None


def test_t53_a_leaf_names_a_seat_and_no_body_names_a_person():
    pattern = next(m.pattern for m in typing.get_type_hints(Envelope, include_extras=True)["by"].__metadata__)
    assert pattern == r"\A[a-z][a-z0-9_-]{0,31}\Z"
    names = {name for body in bodies() for name in body.__struct_fields__}
    assert not names & {"operator", "person", "name", "user", "account", "on_watch", "presence", "present", "read_by"}


def test_t54_what_is_refused_on_the_link_is_a_code_of_a_closed_list():
    assert typing.get_type_hints(frames.Nack) == {"lane": Lane, "seq": int, "code": frames.Code}
    # Of all frames only one other says why something is refused, and it says it with the same list.
    coded = [
        frame
        for frame in vars(frames).values()
        if isinstance(frame, type) and issubclass(frame, msgspec.Struct) and "code" in frame.__struct_fields__
    ]
    assert all(typing.get_type_hints(frame)["code"] is frames.Code for frame in coded)
    assert len(coded) >= 1


# --- 48, 50, 51


def test_t48_alert_numbers_have_no_gaps_to_count():
    counted, keyed = AlertBook(EN_ROUTE), AlertBook(EN_ROUTE, number_key=bytes(range(16)))
    assert [counted._next_id(NOON) for _ in range(3)] == [1, 2, 3]
    numbers = [keyed._next_id(Instant(NOON + n)) for n in range(2_000)]
    assert len(set(numbers)) == 2_000
    assert max(numbers) <= 2**48
    gaps = np.sign(np.diff(numbers))
    assert 800 < (gaps > 0).sum() < 1_200
    again = AlertBook(EN_ROUTE, number_key=bytes(range(16)))
    again.resume(max(numbers))
    assert again._next_id(Instant(NOON + 10**12)) not in numbers


@given(st.binary(max_size=5_000))
def test_t48_a_message_is_a_whole_number_of_kilobytes(body):
    filled = padded(body)
    assert len(filled) % 1024 == 0
    assert len(filled) - len(body) < 1024
    assert filled.startswith(body)


@given(st.lists(st.binary(max_size=300).filter(lambda b: b"\n" not in b), max_size=60))
def test_t48_a_frame_is_a_whole_number_of_four_kilobytes(items):
    packed = pack_items(padded_items(items))
    assert len(packed) % 4096 == 0
    assert packed
    assert unpack_items(packed)[: len(items)] == items
    assert len(packed) <= BODY_LIMIT


def test_t50_an_alert_about_a_hidden_aircraft_carries_no_reference_to_it():
    sky = tracks(HIDDEN, THEIRS)
    body = told(conflict(), sky, WITHHOLD + EVERYTHING)
    frame = releaser(WITHHOLD + EVERYTHING).frame(sky, BRAVO, NOON)
    raw = msgspec.json.encode(body)
    assert {named.ref for named in (body.a, body.b) if named and named.ref} <= set(frame.items["ref"].tolist())
    for secret in (b"MIL1", b"secret"):
        assert secret not in raw
    assert body.b is None


def test_t51_a_live_alert_about_an_aircraft_that_leaves_late_is_as_if_it_were_withheld():
    late = '[[rule]]\nname = "late"\neffect = "release"\nto = ["bravo"]\nwhen = { callsigns = ["MIL*"] }\n'
    late += 'give = { fields = ["position", "altitude", "callsign", "identity"], delay_s = 30 }\n'
    policies = [releaser(first + EVERYTHING) for first in (late, WITHHOLD)]
    for second in range(90):
        now = Instant(NOON + second * SECOND)
        sky = tracks(HIDDEN | {"at": now, "lat": 36.0 + second * 1e-3}, THEIRS | {"at": now})
        frames_of = [policy.frame(sky, BRAVO, now) for policy in policies]
    assert [frame.released for frame in frames_of] == [2, 1]
    said = [alert_for(conflict(), "alfa-7", sky, frame, PARTIES, {}) for frame in frames_of]
    assert messages.encode_body(said[0]) == messages.encode_body(said[1])
    assert said[0].is_banded
    assert math.isclose(said[0].latitude_e7 / 1e7, 36.2, abs_tol=1e-6)  # the reader's own aircraft's
