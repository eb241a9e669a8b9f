"""The policy file: what it may say, and that what it may not say is refused with the key's path."""

import pytest

from detente.errors import ConfigError
from detente.release.policy import NOTHING, categories_of, parse_policy

GOOD = """
name = "border pair"
[[area]]
name = "north"
circle = { centre = [36.5, 36.0], radius_nm = 20 }
[[rule]]
name = "military"
effect = "withhold"
when = { callsigns = ["MIL*"] }
[[rule]]
name = "rest"
effect = "release"
to = ["bravo"]
when = { areas = ["north"], altitude_from_ft = 1000 }
give = { fields = ["position"], position_grid_m = 500 }
"""


def test_a_policy_is_read_and_its_digest_ignores_comments_and_spaces():
    policy = parse_policy(GOOD)
    assert [rule.name for rule in policy.rule] == ["military", "rest"]
    assert parse_policy("# for the minister\n" + GOOD.replace(" = ", "=")).digest == policy.digest
    assert parse_policy(GOOD.replace("500", "501")).digest != policy.digest


def test_no_policy_is_a_policy_under_which_nothing_leaves():
    assert NOTHING.rule == []
    assert NOTHING.default == "withhold"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("when = { callsigns", "when = { colour = 1, callsigns"), r"unknown field `colour`.*rule\[0\]\.when"),
        (('name = "border pair"', 'name = "border pair"\ndefault = "release"'), "default"),
        (('to = ["bravo"]', ""), "names each peer"),
        (('give = { fields = ["position"], position_grid_m = 500 }', ""), "says what it gives"),
        (('fields = ["position"]', 'fields = ["altitude"]'), "without a position"),
        (('fields = ["position"]', 'fields = ["position", "velocity"]'), "undo the grid"),
        (('areas = ["north"]', 'areas = ["south"]'), "no area 'south'"),
        (("altitude_from_ft = 1000", "altitude_from_ft = 1000, altitude_below_ft = 1000"), "not above"),
        (("altitude_from_ft = 1000", 'from_utc = "2026-01-01T00:00"'), "no time zone"),
        (
            ("altitude_from_ft = 1000", 'from_utc = "2026-01-02T00:00Z", until_utc = "2026-01-01T00:00Z"'),
            "not after",
        ),
        (("altitude_from_ft = 1000", 'categories = ["tank"]'), "neither an emitter category"),
        (("circle = { centre = [36.5, 36.0], radius_nm = 20 }", ""), "either a circle or a polygon"),
        (('name = "rest"', 'name = "military"'), "used twice"),
        (('effect = "withhold"', 'effect = "withhold"\ngive = { fields = ["position"] }'), "gives nothing"),
        (("[[area]]", "[[area"), "not TOML"),
        (("radius_nm = 20", "radius_nm = -1"), r"area\[0\]\.circle\.radius_nm"),
    ],
)
def test_a_policy_that_could_be_misread_is_refused_in_one_line(change, complaint):
    with pytest.raises(ConfigError, match=complaint) as refused:
        parse_policy(GOOD.replace(*change), "border.toml")
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith("border.toml")


def test_classes_have_words():
    assert categories_of(["rotorcraft", "A1"]) == ["A7", "A1"]
