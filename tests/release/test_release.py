"""What leaves and what does not: deny by default, originator control, delay, and nothing hidden in any byte."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.errors import ConfigError, OwnFault
from detente.picture.picture import Mark
from detente.release import match, place
from detente.release.release import UNTOLD, Releaser
from detente.types import Instant
from release.sky import BRAVO, CHARLIE, EVERYTHING, NOON, SECOND, line, releaser, tracks


def rule(when="", effect="release", to='["bravo"]', give='fields = ["position", "altitude"]', name="a rule"):
    text = f'[[rule]]\nname = "{name}"\neffect = "{effect}"\nto = {to}\n'
    return text + (f"when = {{ {when} }}\n" if when else "") + (f"give = {{ {give} }}\n" if effect == "release" else "")


def told(text, sky, zones=(), peer=BRAVO, now=NOON):
    """Track numbers that *peer* is told of."""
    return sorted(releaser(text, zones).frame(sky, peer, now).numbers.tolist())


def test_without_a_rule_nothing_leaves():
    frame = releaser("").frame(tracks({}, {}), BRAVO, NOON)
    assert frame.released == 0
    assert frame.withheld == {"no rule releases it": 2}


def test_a_release_reaches_only_the_peers_it_names():
    sky = tracks({}, {})
    assert told(EVERYTHING, sky) == [1, 2]
    assert told(EVERYTHING, sky, peer=CHARLIE) == []


def test_a_peer_without_a_key_is_told_nothing():
    frame = releaser(EVERYTHING, peers=(CHARLIE,)).frame(tracks({}), BRAVO, NOON)
    assert frame.released == 0


def test_the_first_matching_rule_decides():
    sky = tracks({"callsign": b"MIL01"}, {})
    withhold = rule('callsigns = ["MIL*"]', "withhold", to="[]", name="military")
    assert told(withhold + EVERYTHING, sky) == [2]
    assert told(EVERYTHING + withhold, sky) == [1, 2]
    frame = releaser(withhold + EVERYTHING).frame(sky, BRAVO, NOON)
    assert frame.withheld == {"military": 1}
    assert frame.decisions.tolist() == [0, 1]


def test_a_coasted_track_is_never_released():
    sky = tracks(
        {"flags": Mark.COASTED}, {"flags": Mark.STALE}, {"flags": Mark.SECONDARY}, {"party": 1}, {"lat": np.nan}
    )
    frame = releaser(EVERYTHING).frame(sky, BRAVO, NOON)
    assert frame.released == 0
    assert sorted(frame.withheld) == [
        "another party's, its to give",
        "another track stands for it",
        "coasted",
        "no position",
        "stale",
    ]


def test_a_track_that_could_not_be_judged_leaves_with_that_mark():
    frame = releaser(EVERYTHING).frame(tracks({"not_assessed": 8}, {}), BRAVO, NOON)
    assert sorted(frame.items["is_assessed"].tolist()) == [0, 1]


def test_only_the_fields_of_the_rule_are_told():
    item = releaser(rule(give='fields = ["position"]')).frame(tracks({}), BRAVO, NOON).items[0]
    assert item["latitude_e7"] == 360_000_000
    assert item["precision_m"] == 30
    assert {int(item[n]) for n in ("altitude_ft", "v_east_cmps", "v_north_cmps", "v_up_cmps", "squawk")} == {UNTOLD}
    assert (item["callsign"], item["identity"], item["category"], item["is_ours"]) == (b"", b"", b"", 0)


def test_everything_told_is_in_the_integers_of_the_wire():
    item = releaser(EVERYTHING).frame(tracks({"declared_by": 0}), BRAVO, NOON).items[0]
    assert int(item["altitude_ft"]) == 10_000
    assert [int(item[n]) for n in ("v_east_cmps", "v_north_cmps", "v_up_cmps")] == [12_000, -3_000, 500]
    assert (item["callsign"], item["identity"], int(item["squawk"])) == (b"THY000", b"4b0000", 0o1234)
    assert int(item["is_ours"]) == 1
    assert int(item["at_ms"]) == NOON // 1_000_000


def test_an_unknown_number_is_not_told_rather_than_zero():
    sky = tracks({"altitude_pressure_m": np.nan, "v_up_mps": np.nan, "squawk": 0xFFFF})
    item = releaser(EVERYTHING).frame(sky, BRAVO, NOON).items[0]
    assert {int(item[n]) for n in ("altitude_ft", "v_up_cmps", "squawk")} == {UNTOLD}


CONDITIONS = [
    ("altitude_from_ft = 9000", {"altitude_ft": 9_000}, {"altitude_ft": 8_999}),
    ("altitude_below_ft = 9000", {"altitude_ft": 8_999}, {"altitude_ft": 9_000}),
    ('identities = ["4b1*"]', {"identity": b"4b1abc"}, {"identity": b"4b2abc"}),
    ('identities = ["4b1abc"]', {"identity": b"4b1abc"}, {"identity": b"4b1abcd"}),
    ('callsigns = ["UN*"]', {"callsign": b"UNO12"}, {"callsign": b"THY1"}),
    ('categories = ["rotorcraft"]', {"category": b"A7"}, {"category": b"A3"}),
    ('declared_by = "own"', {"declared_by": 0}, {"declared_by": 1}),
    ('declared_by = "other"', {"declared_by": 1}, {"declared_by": 0xFFFF}),
    ('declared_by = "nobody"', {"declared_by": 0xFFFF}, {"declared_by": 0}),
    ("emergency = true", {"squawk": 0o7700}, {"squawk": 0o7000}),
    ("emergency = false", {"squawk": 0o7000}, {"squawk": 0o7600}),
    ('line = { zone = "the line", within_nm = 10 }', {"lat": 36.1}, {"lat": 36.3}),
    ('line = { zone = "the line", within_nm = 10, side = "inside" }', {"lat": 35.9}, {"lat": 36.1}),
    ('line = { zone = "the line", within_nm = 10, side = "outside" }', {"lat": 36.1}, {"lat": 35.9}),
    ('areas = ["round"]', {"lat": 36.1}, {"lat": 37.0}),
    ('areas = ["square", "round"]', {"lat": 40.5, "lon": 40.5}, {"lat": 42.0}),
]
AREAS = """
[[area]]
name = "round"
circle = { centre = [36.0, 36.0], radius_nm = 20 }
[[area]]
name = "square"
polygon = [[40, 40], [40, 41], [41, 41], [41, 40]]
"""


@pytest.mark.parametrize(("when", "matching", "other"), CONDITIONS)
def test_each_condition_matches_what_it_says(when, matching, other):
    sky = tracks(matching, other)
    assert told(AREAS + rule(when), sky, [line()]) == [1]
    assert told(AREAS + rule(when, "withhold", name="not this") + EVERYTHING, sky, [line()]) == [2]


UNKNOWN = [
    ("altitude_from_ft = 9000", {"altitude_ft": np.nan}),
    ('identities = ["4b1*"]', {"identity": b""}),
    ('callsigns = ["UN*"]', {"callsign": b""}),
    ('categories = ["A7"]', {"category": b""}),
    ("emergency = true", {"squawk": 0xFFFF}),
]


@pytest.mark.parametrize(("when", "track"), UNKNOWN)
def test_what_cannot_be_known_is_not_released_and_is_withheld(when, track):
    sky = tracks(track)
    assert told(rule(when), sky) == []
    policy = releaser(rule(when, "withhold", name="not this") + EVERYTHING)
    assert policy.frame(sky, BRAVO, NOON).withheld == {"not this": 1}
    assert "is unknown" in policy.explain(sky, BRAVO, NOON)


def test_a_rule_has_its_hours():
    day = Instant(20_775 * 86_400 * SECOND)
    for when, at, expected in [
        ('daily = { start = "06:00", end = "18:00" }', 12, [1]),
        ('daily = { start = "06:00", end = "18:00" }', 18, []),
        ('daily = { start = "22:00", end = "04:00" }', 23, [1]),
        ('daily = { start = "22:00", end = "04:00" }', 12, []),
        ('from_utc = "2026-11-18T11:00Z", until_utc = "2026-11-18T13:00Z"', 12, [1]),
        ('from_utc = "2026-11-18T11:00Z", until_utc = "2026-11-18T13:00Z"', 13, []),
        ('from_utc = "2026-11-18T11:00Z"', 10, []),
    ]:
        assert told(rule(when), tracks({}), now=Instant(day + at * 3600 * SECOND)) == expected, (when, at)


def test_coarse_positions_hide_the_place_in_the_cell_and_the_accuracy():
    coarse = rule(give='fields = ["position", "altitude"], position_grid_m = 5000, altitude_step_ft = 1000')
    here = releaser(coarse).frame(tracks({"position_sigma_m": 3.0, "altitude_ft": 10_200}), BRAVO, NOON).items[0]
    near = releaser(coarse).frame(tracks({"lat": 36.0001, "lon": 36.0001}), BRAVO, NOON).items[0]
    assert here == near
    assert int(here["precision_m"]) == 5_000
    assert int(here["altitude_ft"]) == 10_000


def test_a_delayed_position_is_at_least_so_old_and_none_comes_before():
    policy = releaser(rule(give='fields = ["position"], delay_s = 60'))
    for second in range(0, 180, 1):
        now = Instant(NOON + second * SECOND)
        frame = policy.frame(tracks({"at": now, "lat": 36.0 + second * 1e-3}), BRAVO, now)
        if second < 60:
            assert frame.withheld == {"the delay has not passed": 1}
        else:
            age_s = (now // 1_000_000 - int(frame.items["at_ms"][0])) / 1000
            assert 60 <= age_s <= 63
            assert int(frame.items["latitude_e7"][0]) == pytest.approx((36.0 + (second - age_s) * 1e-3) * 1e7, abs=2)
            assert not frame.is_exact.any()


def test_a_delayed_position_under_another_rule_then_is_not_told():
    text = (
        AREAS + rule('areas = ["round"]', "withhold", name="round") + rule(give='fields = ["position"], delay_s = 10')
    )
    policy = releaser(text)
    for second in range(30):
        now = Instant(NOON + second * SECOND)
        inside = second < 15
        frame = policy.frame(tracks({"at": now, "lat": 36.0 if inside else 38.0}), BRAVO, now)
        for item in frame.items:
            assert int(item["latitude_e7"]) > 370_000_000
    assert frame.released == 1


def test_refs_differ_for_each_peer_and_each_flight_and_stay_within_one():
    both = EVERYTHING.replace('["bravo"]', '["bravo", "charlie"]')
    policy, sky = releaser(both), tracks({}, {}, {})
    frames = policy.frames(sky, (BRAVO, CHARLIE), NOON)
    bravo, charlie = (set(frames[p].items["ref"].tolist()) for p in (BRAVO, CHARLIE))
    assert len(bravo | charlie) == 6
    assert set(policy.frame(sky[1:], BRAVO, NOON).items["ref"].tolist()) < bravo
    assert set(releaser(both).frame(sky, BRAVO, NOON).items["ref"].tolist()) == bravo
    again = sky.copy()
    again["first_at_ns"] += 1
    assert not set(policy.frame(again, BRAVO, NOON).items["ref"].tolist()) & bravo


def test_the_preview_is_the_frame_and_leaves_no_trace():
    policy = releaser(rule(give='fields = ["position"], delay_s = 5') + EVERYTHING)
    sky = tracks({}, {"callsign": b"MIL1"})
    assert policy.preview(sky, BRAVO, NOON).released == 0
    later = Instant(NOON + 10 * SECOND)
    assert policy.preview(sky, BRAVO, later).released == 0
    policy = releaser(EVERYTHING)
    assert (policy.preview(sky, BRAVO, NOON).items == policy.frame(sky, BRAVO, NOON).items).all()


def test_each_decision_is_explained_in_one_line():
    text = rule('callsigns = ["MIL*"]', "withhold", to="[]", name="military").replace(
        'name = "military"', 'name = "military"\nwhy = "movements of the forces"'
    )
    text += rule(give='fields = ["position", "altitude"], position_grid_m = 500, altitude_step_ft = 100, delay_s = 0')
    policy = releaser(text)
    assert (
        policy.explain(tracks({"callsign": b"MIL1"}), BRAVO, NOON)
        == "withheld: rule 1 'military' (movements of the forces)"
    )
    assert policy.explain(tracks({}), BRAVO, NOON) == "released: rule 2 'a rule': position to 500 m, altitude to 100 ft"
    assert policy.explain(tracks({}), CHARLIE, NOON) == "withheld: no rule releases it"
    assert policy.explain(tracks({"party": 2}), BRAVO, NOON) == "withheld: another party's, its to give"


def test_a_policy_that_names_an_unknown_line_does_not_start():
    with pytest.raises(ConfigError, match="no zone 'the line'"):
        releaser(rule('line = { zone = "the line", within_nm = 10 }'))
    assert told(rule('line = { zone = "the line", within_nm = 10 }'), tracks({}), [line("the line/2")]) == [1]


@pytest.mark.parametrize("key", [b"short", b"x" * 65])
def test_a_key_too_short_or_too_long_is_refused(key):
    with pytest.raises(OwnFault, match="16 to 64"):
        Releaser(releaser("").policy, (), {BRAVO: key})


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "lat": st.floats(34, 38),
            "lon": st.floats(34, 38),
            "altitude_ft": st.one_of(st.integers(0, 40_000), st.just(float("nan"))),
            "callsign": st.sampled_from([b"MIL01", b"THY12", b""]),
            "declared_by": st.sampled_from([0, 1, 0xFFFF]),
            "flags": st.sampled_from([0, 0, Mark.COASTED]),
            "party": st.sampled_from([0, 0, 1]),
        }
    ),
    min_size=1,
    max_size=12,
)
RULES = [
    rule('callsigns = ["MIL*"]', "withhold", to="[]", name="r0"),
    rule("altitude_below_ft = 5000", "withhold", name="r1"),
    rule('declared_by = "own"', give='fields = ["position", "callsign", "identity"]', name="r2"),
    rule('line = { zone = "the line", within_nm = 20 }', give='fields = ["position", "altitude"]', name="r3"),
    rule(give='fields = ["position"], position_grid_m = 2000', name="r4"),
]
CHOSEN = st.lists(st.sampled_from(RULES), unique=True, max_size=5)


@settings(max_examples=40)
@given(ROWS, CHOSEN)
def test_withholding_more_never_reveals_more(rows, rules):
    sky = tracks(*rows)
    whole = releaser("".join(rules), [line()]).frame(sky, BRAVO, NOON)
    for extra in (RULES[0], RULES[1]):
        less = releaser(extra + "".join(r for r in rules if r != extra), [line()]).frame(sky, BRAVO, NOON)
        assert {bytes(i) for i in less.items} <= {bytes(i) for i in whole.items}
    for gone in [r for r in rules if 'effect = "release"' in r]:
        less = releaser("".join(r for r in rules if r != gone and 'effect = "release"' not in r), [line()])
        assert less.frame(sky, BRAVO, NOON).released == 0


@settings(max_examples=40)
@given(ROWS, CHOSEN)
def test_a_world_without_the_withheld_tracks_gives_the_same_bytes(rows, rules):
    sky = tracks(*rows)
    text = "".join(rules)
    frame = releaser(text, [line()]).frame(sky, BRAVO, NOON)
    only = sky[np.sort(frame.rows)]
    assert releaser(text, [line()]).frame(only, BRAVO, NOON).items.tobytes() == frame.items.tobytes()


@settings(max_examples=40)
@given(ROWS, CHOSEN)
def test_nothing_of_a_withheld_track_is_in_the_bytes(rows, rules):
    sky = tracks(*rows)
    # Names and places that no other track has.
    for i, track in enumerate(sky):
        mil = b"MIL" if bytes(track["callsign"]).startswith(b"MIL") else b"CIV"
        sky["identity"][i], sky["callsign"][i] = f"ID{i:03d}secret".encode(), mil + f"Q{i:02d}".encode()
        sky["latitude_rad"][i] = np.radians(np.round(np.degrees(track["latitude_rad"]), 3) + i * 1e-5)
    frame = releaser("".join(rules), [line()]).frame(sky, BRAVO, NOON)
    out = frame.items.tobytes()
    for i in set(range(len(sky))) - set(frame.rows.tolist()):
        assert bytes(sky["identity"][i]) not in out
        assert bytes(sky["callsign"][i]) not in out
        place = np.rint(np.degrees(sky["latitude_rad"][i]) * 1e7).astype("<i4").tobytes()
        assert place not in {np.int32(v).tobytes() for v in frame.items["latitude_e7"].tolist()}
    assert frame.released + sum(frame.withheld.values()) == len(sky)


def test_nothing_compiles_once_the_policy_is_loaded():
    text = AREAS + rule('areas = ["square"], callsigns = ["UN*"]', name="r0")
    text += rule('line = { zone = "the line", within_nm = 10 }', name="r1")
    policy = releaser(text, [line()])
    before = [
        len(getattr(kernel, "signatures", ()))
        for kernel in (match._decide, match._ask, place._measure, place._within_circle)
    ]
    policy.frame(tracks({"lat": 40.5, "lon": 40.5}, {"callsign": b"UN1", "lat": 40.5, "lon": 40.5}), BRAVO, NOON)
    assert [
        len(getattr(kernel, "signatures", ()))
        for kernel in (match._decide, match._ask, place._measure, place._within_circle)
    ] == before
