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
        (withhold("a"), release("b")),
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


@settings(max_examples=60)
@given(ROWS, CHOSEN)
def test_a_rule_said_never_to_decide_never_does(rows, rules):
    policy = releaser("".join(rules), [line()])
    decisions = set(policy.frame(tracks(*rows), BRAVO, NOON).decisions.tolist())
    for found in lint(policy.policy):
        assert int(found.split()[1]) - 1 not in decisions
