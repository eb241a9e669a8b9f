"""What a patient peer knows: the attacks work on what is known to be weak, and no shipped example is weaker than it says."""

import math
from pathlib import Path

import numpy as np
import pytest

from detente.errors import ConfigError
from detente.release import inference
from detente.release.inference import Told, anchored_error_m, best_error_m, precision, tell, until
from detente.release.policy import Give, Policy, Rule, parse_policy

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples" / "policies").glob("*.toml"))
SIGMA_M = 500.0


def flights(kind="straight", n=48, seconds=301, seed=7):
    return getattr(inference, f"{kind}_flights")(np.random.default_rng(seed), n, seconds)


def of(seed=7, flown=48, **give):
    rule = Rule(name="coarse", effect="release", to=["bravo"], give=Give(fields=("position",), **give))
    return precision(Policy(name="x", rule=[rule]), np.random.default_rng(seed), flights=flown)[0]


def noisy(flown, seed=11):
    noise = np.random.default_rng(seed).normal(0.0, SIGMA_M, (2, *flown.east_m.shape))
    at = np.arange(flown.east_m.shape[1], dtype=float)
    return Told(at, flown.east_m + noise[0], flown.north_m + noise[1])


def test_t42_noise_averages_out_so_it_is_not_offered():
    flown = flights()
    told = noisy(flown)
    once, minute, five = (best_error_m(flown, until(told, after)) for after in (0, 60, 300))
    assert once == pytest.approx(SIGMA_M * math.sqrt(2), rel=0.15)
    assert minute == pytest.approx(90.0, rel=0.25)
    assert five == pytest.approx(41.0, rel=0.25)
    with pytest.raises(ConfigError, match="position_noise_m"):
        parse_policy(
            'name = "x"\n[[rule]]\nname = "a"\neffect = "release"\nto = ["b"]\n'
            'give = { fields = ["position"], position_noise_m = 500 }\n'
        )


def test_t43_a_grid_walked_each_second_is_given_away_and_said_to_be_weak():
    found = of(position_grid_m=1_000)
    assert found.promised_m == pytest.approx(408.2, abs=0.1)
    minute, five = found.known
    assert minute.straight_m < 80.0
    assert five.straight_m < 30.0
    assert found.holds is False
    assert "withhold instead" in found.advice


def test_t43_a_grid_told_once_in_ten_minutes_keeps_its_promise():
    found = of(position_grid_m=5_000, every_s=600)
    assert found.holds
    assert found.advice == ""
    assert found.effective_m >= 0.8 * found.promised_m


def test_t43_no_velocity_heading_or_vertical_rate_goes_with_a_grid():
    with pytest.raises(ConfigError, match="velocity would undo the grid"):
        parse_policy(
            'name = "x"\n[[rule]]\nname = "a"\neffect = "release"\nto = ["b"]\n'
            'give = { fields = ["position", "velocity"], position_grid_m = 1000 }\n'
        )


def test_t44_one_known_point_gives_a_constant_offset_away_so_it_is_not_offered():
    flown = flights()
    offset = np.random.default_rng(3).normal(0.0, SIGMA_M, (2, len(flown.east_m), 1))
    told = Told(np.arange(301.0), flown.east_m + offset[0], flown.north_m + offset[1])
    assert best_error_m(flown, told) == pytest.approx(SIGMA_M * math.sqrt(2), rel=0.2)
    assert anchored_error_m(flown, told) < 1.0
    with pytest.raises(ConfigError, match="position_offset_m"):
        parse_policy(
            'name = "x"\n[[rule]]\nname = "a"\neffect = "release"\nto = ["b"]\n'
            'give = { fields = ["position"], position_offset_m = 500 }\n'
        )


def test_t44_a_point_known_from_elsewhere_is_shown_beside_the_rest():
    every = of(position_grid_m=1_000, every_s=30)
    assert every.known[1].anchored_m < every.promised_m * 0.6


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_no_shipped_example_policy_is_below_four_fifths_of_its_promise(path):
    found = precision(parse_policy(path.read_bytes(), path.name), np.random.default_rng(1), flights=32)
    assert found
    assert [one.name for one in found if one.holds is False] == []


def test_an_exact_rule_promises_nothing_and_a_late_one_is_said_to_hide_no_straight_flight():
    exact = of()
    assert (exact.promised_m, exact.holds, exact.advice) == (None, None, "")
    late = of(delay_s=60)
    assert late.late_straight_m < 100.0
    assert late.late_turning_m > 1_000.0
    assert "hides no straight flight" in late.advice


def test_a_turning_flight_is_known_less_well_than_a_straight_one_on_a_grid():
    five = of(position_grid_m=5_000).known[1]
    assert five.straight_m < five.turning_m < 2_041.0


def test_the_same_seed_gives_the_same_figures():
    assert of(position_grid_m=2_000, flown=8) == of(position_grid_m=2_000, flown=8)


def test_what_is_attacked_comes_out_of_the_function_that_makes_the_frames():
    flown = flights(n=3, seconds=3)
    told = tell(Give(fields=("position",), position_grid_m=1_000), flown)
    assert told.east_m.shape == (3, 3)
    assert (np.abs(told.east_m - flown.east_m) <= told.half_east_m + 1.0).all()
    assert (np.abs(told.north_m - flown.north_m) <= told.half_north_m + 1.0).all()
