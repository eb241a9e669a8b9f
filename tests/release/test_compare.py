"""Whether a policy is wider: what is proved narrower gains nobody anything, and what cannot be proved counts as wider."""

import pytest
from hypothesis import given, settings

from detente.release.compare import gains, wider
from detente.release.policy import parse_policy
from release.sky import BRAVO, CHARLIE, NOON, line, releaser, tracks
from release.test_release import CHOSEN, ROWS, rule


def why(new, old, readers=(BRAVO,)):
    return wider(parse_policy(f'name = "new"\n{new}'), parse_policy(f'name = "old"\n{old}'), readers)


ALL = rule(give='fields = ["position", "altitude", "callsign"]', name="all")
MIL = rule('callsigns = ["MIL*"]', "withhold", to="[]", name="mil")


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ("", ALL),
        (ALL, ALL),
        (MIL + ALL, ALL),
        (MIL + ALL, MIL + ALL),
        (rule("altitude_from_ft = 5000", name="high"), ALL),
        (rule(give='fields = ["position"], position_grid_m = 2000', name="coarse"), ALL),
        (rule(give='fields = ["position"], delay_s = 60', name="late"), ALL),
        (rule(give='fields = ["position"], every_s = 600', name="a"), rule(give='fields = ["position"], every_s = 300', name="b")),
        (rule('callsigns = ["THY*"]', name="thy"), MIL + ALL),  # apart from what was withheld
        (rule("altitude_below_ft = 3000", name="low"), rule("altitude_from_ft = 3000", "withhold", name="h") + ALL),
        (rule(to='["charlie"]', name="to another"), ""),  # of whom nobody asks here
    ],
)  # fmt: skip
def test_what_releases_no_more_is_proved_narrower(new, old):
    assert why(new, old) == []


@pytest.mark.parametrize(
    ("new", "old", "reason"),
    [
        (ALL, "", "releases what no rule released before"),
        (ALL, MIL + ALL, "releases what was withheld by 'mil'"),
        (ALL + MIL, MIL + ALL, "releases what was withheld by 'mil'"),
        (ALL, rule(give='fields = ["position"]', name="less"), "releases what left with less by 'less'"),
        (rule(give='fields = ["position"], position_grid_m = 3000', name="a"),
         rule(give='fields = ["position"], position_grid_m = 2000', name="b"), "left with less"),
        (rule(give='fields = ["position"], every_s = 450', name="a"),
         rule(give='fields = ["position"], every_s = 300', name="b"), "left with less"),
        (rule("altitude_below_ft = 9000", name="a"), rule("altitude_below_ft = 8000", name="b"), "no rule released"),
        (MIL + ALL, rule('callsigns = ["M*"]', "withhold", to="[]", name="m") + ALL, "withheld by 'm'"),
    ],
)  # fmt: skip
def test_what_cannot_be_proved_counts_as_wider_with_the_reason(new, old, reason):
    (found,) = why(new, old)
    assert found.startswith("to bravo: rule ")
    assert reason in found


def test_a_release_that_goes_can_let_a_wider_one_behind_it_decide():
    coarse = rule("altitude_below_ft = 9000", give='fields = ["position"], position_grid_m = 5000', name="coarse")
    assert why(ALL, coarse + ALL) == ["to bravo: rule 1 'all' releases what left with less by 'coarse'"]


def test_two_areas_of_one_name_are_two_places():
    def area(lat):
        return f'[[area]]\nname = "here"\ncircle = {{ centre = [{lat}, 36.0], radius_nm = 9 }}\n'

    here = rule('areas = ["here"]')
    assert why(area(36.0) + here, area(36.0) + here) == []
    assert why(area(37.0) + here, area(36.0) + here) != []


def test_a_new_override_is_wider_and_one_that_goes_is_not():
    override = '[[safety_override]]\nname = "o"\nbetween = ["alfa", "bravo"]\nkinds = ["conflict"]\n'
    assert why(override, "") == ["safety_override 'o' is new"]
    assert why("", override) == []
    assert why(override, "", (CHARLIE,)) == []


@settings(max_examples=150)
@given(ROWS, CHOSEN, CHOSEN)
def test_what_is_proved_narrower_gains_nobody_anything(rows, new, old):
    if why("".join(new), "".join(old)):
        return
    sky = tracks(*rows)
    found = gains(releaser("".join(new), [line()]), releaser("".join(old), [line()]), sky, BRAVO, NOON)
    assert [gain for gain in found if gain.gained] == []


def test_who_gains_what_is_said_field_by_field():
    old = releaser(MIL + rule(give='fields = ["position"], position_grid_m = 2000', name="coarse"))
    new = releaser(rule(give='fields = ["position", "callsign"]', name="exact"))
    found = gains(new, old, tracks({"callsign": b"MIL1"}, {}), BRAVO, NOON)
    assert [(gain.row, gain.gained, gain.lost) for gain in found] == [
        (0, ("the track itself", "callsign"), ()),
        (1, ("callsign", "a finer position"), ()),
    ]
