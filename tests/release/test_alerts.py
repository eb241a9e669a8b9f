"""What a peer is told of an alert: its own by name, others only when released, in bands else."""

import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.alerts.alert import Alert, AlertEvent, Happening, Kind, Level
from detente.picture.picture import Mark
from detente.release.alerts import alert_for
from detente.types import Instant, PartyId
from release.sky import BRAVO, EVERYTHING, NOON, SECOND, line, releaser, tracks

PARTIES = [PartyId("alfa"), BRAVO, PartyId("charlie")]
WITHHOLD = '[[rule]]\nname = "military"\neffect = "withhold"\nwhen = { callsigns = ["MIL*"] }\n'
THEIRS = {"declared_by": 1, "callsign": b"BRV1", "lat": 36.2}
HIDDEN = {"declared_by": 0, "callsign": b"MIL1", "identity": b"secret"}


def conflict(
    distance_m=800.0, time_s=100.0, happening=Happening.RAISED, cleared=False, kind=Kind.CONFLICT, zone="", b=2
):
    event = None if math.isnan(time_s) else Instant(NOON + int(time_s * SECOND))
    alert = Alert(
        7, kind, Level.ALARM, 1, b, zone, NOON, NOON, event, time_s, distance_m, 300,
        math.radians(36.1), math.radians(36.05), NOON if cleared else None, "diverged" if cleared else "",
    )  # fmt: skip
    return AlertEvent(happening, alert)


def told(event, sky, rules=EVERYTHING, zones=()):
    released = releaser(rules, zones).frame(sky, BRAVO, NOON)
    return alert_for(event, "alfa-7", sky, released, PARTIES, {z.zone_id: z for z in zones})


def test_an_alert_about_others_is_not_told():
    assert told(conflict(), tracks({}, {})) is None
    assert told(conflict(kind=Kind.INCURSION, zone="the line", b=0), tracks({}), zones=[line(owner="charlie")]) is None


def test_between_the_peers_aircraft_and_a_released_one_all_is_told():
    body = told(conflict(), tracks({}, THEIRS))
    assert body.a.is_yours
    assert body.a.callsign == "BRV1"
    assert not body.b.is_yours
    assert body.b.ref is not None
    assert (body.is_banded, body.distance_m, body.vertical_ft) == (False, 800, 300)
    assert (body.latitude_e7, body.longitude_e7) == (361_000_000, 360_500_000)
    assert body.event_at_ms == NOON // 1_000_000 + 100_000


def test_the_other_aircraft_is_named_only_when_it_was_released():
    body = told(conflict(), tracks(HIDDEN, THEIRS), WITHHOLD + EVERYTHING)
    assert body.a.callsign == "BRV1"
    assert body.b is None
    assert (body.is_banded, body.distance_m, body.within_s, body.event_at_ms, body.vertical_ft) == (
        True,
        1_000,
        120,
        None,
        None,
    )
    assert body.latitude_e7 == 362_000_000
    raw = msgspec.json.encode(body)
    assert b"MIL" not in raw
    assert b"secret" not in raw


@pytest.mark.parametrize(
    "give",
    [
        'fields = ["position", "altitude"], position_grid_m = 1000',
        'fields = ["position", "altitude"], altitude_step_ft = 500',
        'fields = ["position"]',
    ],
)
def test_an_aircraft_released_coarsely_is_named_and_banded(give):
    rules = f'[[rule]]\nname = "coarse"\neffect = "release"\nto = ["bravo"]\ngive = {{ {give} }}\n'
    body = told(conflict(), tracks({}, THEIRS), rules)
    assert body.b is not None
    assert body.is_banded


def test_an_aircraft_released_late_is_not_named():
    rules = (
        '[[rule]]\nname = "late"\neffect = "release"\nto = ["bravo"]\ngive = { fields = ["position"], delay_s = 30 }\n'
    )
    policy = releaser(rules)
    for second in range(60):
        now = Instant(NOON + second * SECOND)
        sky = tracks({"at": now}, THEIRS | {"at": now})
        released = policy.frame(sky, BRAVO, now)
    assert released.released == 2
    body = alert_for(conflict(), "alfa-7", sky, released, PARTIES, {})
    assert body.b is None
    assert body.is_banded


@settings(max_examples=50)
@given(st.floats(501, 999), st.floats(61, 119), st.floats(30, 40), st.floats(30, 40))
def test_inside_a_band_a_hidden_place_changes_no_byte(distance_m, time_s, lat, lon):
    rules = WITHHOLD + EVERYTHING
    one = told(conflict(), tracks(HIDDEN, THEIRS), rules)
    other = told(conflict(distance_m, time_s), tracks(HIDDEN | {"lat": lat, "lon": lon}, THEIRS), rules)
    assert msgspec.json.encode(one) == msgspec.json.encode(other)


def test_a_hidden_aircraft_at_the_peers_own_line_is_told_with_a_coarse_place():
    zone = line()
    event = conflict(2_500.0, kind=Kind.INCURSION, zone="the line", b=0)
    body = told(event, tracks(HIDDEN), WITHHOLD + EVERYTHING, [zone])
    assert (body.a, body.b, body.zone) == (None, None, "the line")
    assert (body.distance_m, body.within_s) == (5_000, 120)
    assert body.latitude_e7 != 361_000_000
    assert abs(body.latitude_e7 - 361_000_000) < 500_000


def test_an_approach_has_no_time_and_a_far_event_no_band():
    body = told(conflict(math.nan, math.nan, kind=Kind.APPROACH, zone="the line", b=0), tracks({}), zones=[line()])
    assert (body.event_at_ms, body.distance_m) == (None, None)
    far = told(conflict(50_000.0, 5_000.0), tracks(HIDDEN, THEIRS), WITHHOLD + EVERYTHING)
    assert (far.distance_m, far.within_s) == (None, None)


def test_why_a_hidden_conflict_ended_is_not_told():
    ended = conflict(happening=Happening.CLEARED, cleared=True)
    assert told(ended, tracks({}, THEIRS)).because == "diverged"
    assert told(ended, tracks(HIDDEN, THEIRS), WITHHOLD + EVERYTHING).because == "ended"


def test_another_partys_track_is_never_named_onward():
    sky = tracks({"party": 2, "declared_by": 2, "callsign": b"CHR1"}, THEIRS)
    body = told(conflict(), sky)
    assert body.b is None
    assert b"CHR1" not in msgspec.json.encode(body)


def test_a_reconstruction_says_so():
    sky = tracks({"flags": Mark.SYNTHETIC}, THEIRS)
    assert told(conflict(), sky).is_synthetic
    assert not told(conflict(), tracks({}, THEIRS)).is_synthetic


SPOTTED = {"declared_by": 1, "identity": b"4b0201", "callsign": b"MIL1", "lat": 36.2}
"""What our sensor alone would know of an aircraft that a peer says is its own."""


def claim(north_m):
    deg = north_m / 111_195.0
    return {"party": 1, "declared_by": 1, "identity": b"4b0201", "callsign": b"BRV1", "same_as": 1, "lat": 36.2 + deg}


def test_t46_a_claim_is_told_back_in_the_peers_own_words_and_exactly_only_where_it_knows_the_aircraft_to_be():
    near = told(conflict(b=0, kind=Kind.INCURSION, zone="the line"), tracks(SPOTTED, claim(500.0)), WITHHOLD)
    far = told(conflict(b=0, kind=Kind.INCURSION, zone="the line"), tracks(SPOTTED, claim(2_000.0)), WITHHOLD)
    for body in (near, far):
        assert body.a.is_yours
        assert body.a.callsign == "BRV1"
        assert b"MIL" not in msgspec.json.encode(body)
    assert (near.is_banded, far.is_banded) == (False, True)
    assert far.latitude_e7 == round((36.2 + 2_000.0 / 111_195.0) * 1e7)  # what it said itself


def test_an_aircraft_that_two_parties_claim_is_the_concern_of_both():
    sky = tracks(SPOTTED | {"declared_by": 2}, claim(100.0), {"party": 2, "declared_by": 2, "same_as": 1, "lat": 36.2})
    assert told(conflict(b=0, kind=Kind.INCURSION, zone="the line"), sky).a.is_yours


def test_t46_what_we_declare_ours_is_no_concern_of_a_peer_that_claims_it():
    sky = tracks(SPOTTED | {"declared_by": 0}, claim(100.0))
    assert told(conflict(b=0, kind=Kind.INCURSION, zone="the line"), sky, WITHHOLD) is None
