"""Rules that never decide are found, and no rule that decides is called so."""

import pytest
from hypothesis import given, settings

from detente.release.lint import lint
from detente.release.policy import parse_policy
from release.sky import BRAVO, NOON, line, releaser, tracks
from release.test_release import CHOSEN, ROWS


def release(name, when="", to='["bravo"]'):
    return f'[[rule]]\nname = "{name}"\neffect = "release"\nto = {to}\nwhen = {{ {when} }}\ngive = {{ fields = ["position"] }}\n'


def withhold(name, when="", to="[]"):
    return f'[[rule]]\nname = "{name}"\neffect = "withhold"\nto = {to}\nwhen = {{ {when} }}\n'


def complaints(text, **more):
    return lint(parse_policy('name = "test"\n' + text), **more)


LINE_20 = 'line = { zone = "the line", within_nm = 20 }'
LINE_10 = 'line = { zone = "the line", within_nm = 10, side = "inside" }'


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (release("a"), withhold("b", 'callsigns = ["MIL*"]', '["bravo"]')),
        (withhold("a", 'callsigns = ["M*"]'), release("b", 'callsigns = ["MIL*", "MX1"]')),
        (withhold("a", "altitude_below_ft = 5000"), release("b", "altitude_below_ft = 3000")),
        (withhold("a", "altitude_from_ft = 0"), release("b", "altitude_from_ft = 0, altitude_below_ft = 9")),
        (release("a", LINE_20), release("b", LINE_10)),
        (withhold("a", 'categories = ["rotorcraft", "A1"]'), release("b", 'categories = ["A7"]')),
        (withhold("a", "emergency = true"), release("b", 'emergency = true, declared_by = "own"')),
    ],
)
def test_a_rule_behind_a_wider_one_never_decides(first, second):
    (found,) = complaints(first + second)
    assert found == "rule 2 'b': never decides: rule 1 'a' fits all it fits"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (withhold("a", to='["bravo"]'), release("b", to='["charlie"]')),
        (release("a", 'callsigns = ["M*"]'), withhold("b", 'callsigns = ["MIL*"]')),
        (withhold("a", 'callsigns = ["MIL1"]'), release("b", 'callsigns = ["MIL*"]')),
        (withhold("a", "altitude_from_ft = 100"), release("b")),
        (withhold("a", "altitude_below_ft = 100"), release("b", "altitude_from_ft = 0")),
        (release("a", LINE_10), release("b", LINE_20)),
        (release("a", LINE_10), release("b", 'declared_by = "own"')),
        (withhold("a", 'categories = ["A1"]'), release("b")),
        (withhold("a", 'declared_by = "own"'), release("b", 'declared_by = "nobody"')),
    ],
)
def test_a_rule_that_may_decide_is_left_alone(first, second):
    assert complaints(first + second) == []


def test_rules_that_never_match_are_named():
    assert "empty list" in complaints(withhold("a", "callsigns = []"))[0]
    assert "starts and ends" in complaints(withhold("a", 'daily = { start = "06:00", end = "06:00" }'))[0]
    assert "no peer is called 'delta'" in complaints(release("a", to='["delta"]'), peers=[BRAVO])[0]
    assert "no zone 'the line'" in complaints(release("a", LINE_10), zone_ids=["the lineage"])[0]
    assert complaints(release("a", LINE_10), zone_ids=["the line/1"], peers=[BRAVO]) == []


def test_rules_with_the_same_conditions_and_opposite_effects_are_said_to_contradict():
    (found,) = complaints(withhold("a", "emergency = true") + release("b", "emergency = true"))
    assert found.startswith("rule 2 'b': never decides: it contradicts rule 1 'a'")
    assert found.endswith("says withhold")


def test_rules_that_share_out_what_a_later_one_fits_are_named_together():
    by = "".join(withhold(f"by {who}", f'declared_by = "{who}"') for who in ("own", "other", "nobody"))
    assert complaints(by + release("d")) == [
        "rule 4 'd': never decides: rule 1 'by own' and rule 2 'by other' and rule 3 'by nobody' together fit all it fits"
    ]
    assert complaints(by.replace('"other"', '"own"') + release("d"))[-1].startswith("rule 2")
    low, high = release("low", "altitude_below_ft = 5000"), release("high", "altitude_from_ft = 5000")
    assert "together fit" in complaints(low + high + release("rest", 'callsigns = ["X"]'))[0]
    assert complaints(low + high + withhold("rest", 'callsigns = ["X"]')) == []  # an unknown altitude is left to it
    gap = release("high", "altitude_from_ft = 6000")
    assert complaints(low + gap + release("rest", 'callsigns = ["X"]')) == []


def test_an_area_out_of_a_lines_reach_never_matches():
    def areas(text):
        return f'[[area]]\nname = "there"\n{text}\n' + release("a", f'areas = ["there"], {LINE_10}')

    near, far = "circle = { centre = [36.0, 36.0], radius_nm = 5 }", "circle = { centre = [45.0, 36.0], radius_nm = 5 }"
    box = "polygon = [[34.0, 34.0], [34.0, 38.0], [38.0, 38.0], [38.0, 34.0]]"  # holds the line, corners far from it
    assert complaints(areas(near), zones=[line()]) == complaints(areas(box), zones=[line()]) == []
    assert complaints(areas(far), zones=[line()]) == [
        "rule 1 'a': never matches: none of its areas comes within 10 NM of 'the line'"
    ]


def test_what_is_over_or_unused_is_named():
    over = release("a", 'until_utc = "2020-01-01T00:00Z"')
    assert complaints(over) == []
    assert "it was over at 2020" in complaints(over, now=NOON)[0]
    unused = '[[area]]\nname = "there"\ncircle = { centre = [36.0, 36.0], radius_nm = 5 }\n'
    assert complaints(unused) == ["area 'there': no rule asks about it"]
    override = '[[safety_override]]\nname = "x"\nbetween = ["alfa", "delta"]\nkinds = ["conflict"]\n'
    assert complaints(override, peers=["alfa", "bravo"]) == ["safety_override 'x': nobody here is called 'delta'"]


@settings(max_examples=60)
@given(ROWS, CHOSEN)
def test_a_rule_said_never_to_decide_never_does(rows, rules):
    policy = releaser("".join(rules), [line()])
    decisions = set(policy.frame(tracks(*rows), BRAVO, NOON).decisions.tolist())
    for found in lint(policy.policy):
        assert int(found.split()[1]) - 1 not in decisions


@pytest.mark.parametrize(("declared_by", "is_odd"), [("any", True), ("other", True), ("own", False)])
def test_t46_a_release_that_others_can_ask_for_by_naming_an_aircraft_is_odd(declared_by, is_odd):
    when = f'activity = {{ declared_by = "{declared_by}" }}'
    assert any("they choose whom they name" in line for line in complaints(release("a", when))) is is_odd
    assert complaints(withhold("a", when)) == []
