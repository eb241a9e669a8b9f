"""Conditions about what was declared, the link, the arrangement and the days; and positions that come only so often."""

import numpy as np
import pytest

from detente.detect.volume import Activity, ActivityState, Datum, Volume
from detente.errors import ConfigError
from detente.release.circumstances import Circumstances, DeclaredActivity
from detente.release.policy import parse_policy
from detente.types import Instant, PartyId
from release.sky import BRAVO, CHARLIE, EVERYTHING, NOON, SECOND, releaser, tracks
from release.test_release import rule

DAY = Instant(20_775 * 86_400 * SECOND)  # a Wednesday
RING = np.radians(np.array([[35.5, 35.5], [35.5, 36.5], [36.5, 36.5], [36.5, 35.5], [35.5, 35.5]]))


def activity(name="aid-7", kind="aid flight", ours=True, floor_m=None, ceiling_m=None, start=NOON, end=None, **who):
    volume = Volume(
        (RING,), floor_m, ceiling_m, Datum.PRESSURE, start, Instant(NOON + 3_600 * SECOND) if end is None else end
    )
    who = who or {"callsigns": frozenset({"UNO1"})}
    return DeclaredActivity(Activity(name, PartyId("alfa"), ActivityState.ACTIVATED, (volume,), **who), kind, ours)


def told(text, sky, *activities, peer=BRAVO, now=NOON, **states):
    states = {name: {peer: word} for name, word in states.items()}
    return sorted(releaser(text).frame(sky, peer, now, Circumstances(activities=activities, **states)).numbers.tolist())


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("{ }", [1]),
        ('{ ids = ["aid-*"] }', [1]),
        ('{ ids = ["aid-8"] }', []),
        ('{ kinds = ["aid flight", "survey"] }', [1]),
        ('{ kinds = ["survey"] }', []),
        ('{ declared_by = "own" }', [1]),
        ('{ declared_by = "other" }', []),
        ("{ inside = true }", [1]),
    ],
)
def test_a_rule_may_ask_for_a_declared_activity(when, expected):
    sky = tracks({"callsign": b"UNO1"}, {"callsign": b"THY1"})
    assert told(rule(f"activity = {when}"), sky, activity()) == expected


def test_an_activity_counts_while_one_of_its_volumes_is_on():
    sky = tracks({"callsign": b"UNO1"})
    text = rule("activity = { }")
    assert told(text, sky, activity(), now=Instant(NOON - SECOND)) == []
    assert told(text, sky, activity(), now=Instant(NOON + 3_600 * SECOND)) == []
    assert told(text, sky) == []


def test_within_the_volume_means_place_and_level():
    text = rule("activity = { inside = true }")
    low = activity(ceiling_m=2_000.0)
    assert told(text, tracks({"callsign": b"UNO1", "altitude_ft": 5_000}), low) == [1]
    assert told(text, tracks({"callsign": b"UNO1", "altitude_ft": 9_000}), low) == []
    assert told(text, tracks({"callsign": b"UNO1", "altitude_ft": 5_000, "lat": 37.0}), low) == []


def test_who_cannot_be_known_to_take_part_is_withheld_and_not_released():
    nameless = tracks({"callsign": b""})
    assert told(rule("activity = { }"), nameless, activity()) == []
    policy = releaser(rule("activity = { }", "withhold", name="hide them") + EVERYTHING)
    around = Circumstances(activities=(activity(),))
    assert policy.frame(nameless, BRAVO, NOON, around).withheld == {"hide them": 1}
    assert "its part in an activity is unknown" in policy.explain(nameless, BRAVO, NOON, around)
    assert told(rule("activity = { }", "withhold") + EVERYTHING, nameless) == [1]  # nobody declared anything
    no_level = tracks({"callsign": b"UNO1", "altitude_ft": np.nan})
    assert told(rule("activity = { inside = true }"), no_level, activity(floor_m=100.0)) == []
    assert told(rule("activity = { inside = true }"), no_level, activity()) == [1]


def test_a_rule_may_ask_for_the_state_of_the_link_to_its_reader():
    text = rule('link = ["UP", "DEGRADED"]', to='["bravo", "charlie"]')
    around = Circumstances(link={BRAVO: "UP", CHARLIE: "DOWN"})
    frames = releaser(text).frames(tracks({}), (BRAVO, CHARLIE), NOON, around)
    assert [frames[peer].released for peer in (BRAVO, CHARLIE)] == [1, 0]


def test_a_rule_may_ask_for_the_state_of_the_arrangement():
    text = rule('arrangement = ["safety_of_life"]', "withhold", name="narrowed") + EVERYTHING
    assert told(text, tracks({}), arrangement="safety_of_life") == []
    assert told(text, tracks({}), arrangement="in_force") == [1]


def test_an_unknown_link_or_arrangement_never_helps_a_track_out():
    assert told(rule('link = ["UP"]'), tracks({})) == []
    policy = releaser(rule('arrangement = ["suspended"]', "withhold", name="quiet") + EVERYTHING)
    assert policy.frame(tracks({}), BRAVO, NOON).withheld == {"quiet": 1}
    assert "its state of the arrangement is unknown" in policy.explain(tracks({}), BRAVO, NOON)


def test_a_window_has_its_days_and_past_midnight_belongs_to_the_day_it_began():
    for when, day, hour, expected in [
        ('start = "06:00", end = "18:00", days = ["wed"]', 0, 12, [1]),
        ('start = "06:00", end = "18:00", days = ["tue", "thu"]', 0, 12, []),
        ('start = "22:00", end = "04:00", days = ["wed"]', 1, 3, [1]),
        ('start = "22:00", end = "04:00", days = ["wed"]', 0, 3, []),
    ]:
        now = Instant(DAY + (day * 24 + hour) * 3_600 * SECOND)
        assert told(rule(f"daily = {{ {when} }}"), tracks({}), now=now) == expected, (when, day, hour)


def test_many_readers_are_each_decided_for_themselves():
    peers = tuple(PartyId(f"p{n}") for n in range(20))
    text = rule(to='["p3", "p19"]', name="some")
    frames = releaser(text, peers=peers).frames(tracks({}), peers, NOON)
    assert [peer for peer in peers if frames[peer].released] == ["p3", "p19"]


def test_a_position_comes_only_so_often_and_on_a_fixed_grid_of_time():
    policy = releaser(rule(give='fields = ["position"], every_s = 60'))
    start, seen = NOON // (60 * SECOND) * 60 * SECOND + 7 * SECOND, []
    for second in range(200):
        now = Instant(start + second * SECOND)
        frame = policy.frame(tracks({"at": now, "lat": 36.0 + second * 1e-3}), BRAVO, now)
        seen += [(second, int(item["at_ms"])) for item in frame.items]
        assert not frame.is_exact.any()
    assert seen[0][0] == 53  # the first full minute
    assert len({at for _, at in seen}) == 3
    assert all(at % 60_000 == 0 for _, at in seen)


def test_when_a_coarse_position_comes_does_not_tell_when_its_rule_began_to_fit():
    text = rule("altitude_below_ft = 5000", give='fields = ["position"], position_grid_m = 5000, every_s = 60')

    def first_told(falls_at):
        policy, start = releaser(text), NOON // (60 * SECOND) * 60 * SECOND
        for second in range(180):
            now = Instant(start + second * SECOND)
            sky = tracks({"at": now, "altitude_ft": 4_000 if second >= falls_at else 9_000})
            if policy.frame(sky, BRAVO, now).released:
                return second
        return None

    assert {first_told(second) for second in (61, 75, 90, 119)} == {120}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (rule(give='fields = ["position"], position_noise_m = 500'), "position_noise_m"),
        (rule(give='fields = ["position"], position_offset_m = 500'), "position_offset_m"),
        ('[[safety_override]]\nname = "x"\nbetween = ["alfa", "alfa"]\nkinds = ["conflict"]\n', "named twice"),
        ('[[safety_override]]\nname = "x"\nbetween = ["alfa"]\nkinds = ["conflict"]\n', "between"),
        (rule('link = ["UP", "MAYBE"]'), "MAYBE"),
    ],
)
def test_what_is_not_offered_is_refused_with_its_place(text, place):
    with pytest.raises(ConfigError, match=place):
        parse_policy('name = "x"\n' + text)
