"""Level busts cut from real recordings: each is at warning 40 s before separation is lost."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from detente.detect.profile import PROFILES, promoting

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import level_busts


@pytest.fixture(scope="module")
def swiss(shared: Path) -> list[level_busts.Bust]:
    return level_busts.drawn(level_busts.all_cases(shared / "data/traffic", ("Swiss",))["Swiss"])


def test_the_set_is_cut_from_the_recording_and_the_same_each_time(swiss: list[level_busts.Bust]) -> None:
    assert len(swiss) >= 20
    assert sum(bust.is_horizontal_last for bust in swiss) >= 8
    assert len({(bust.a, bust.b, bust.lost_at_ns) for bust in swiss}) == len(swiss)
    assert [bust.lost_at_ns for bust in level_busts.drawn(swiss)] == [
        bust.lost_at_ns for bust in level_busts.drawn(list(swiss))
    ]


def test_a_bust_changes_the_height_of_one_aircraft_and_nothing_else(swiss: list[level_busts.Bust]) -> None:
    for bust in swiss:
        own = bust.plots[bust.plots["identity"] == bust.a.encode()]
        after = own[own["applicable_at_ns"] > bust.passed_at_ns]
        past_ft = (after["altitude_pressure_m"] / 0.3048 - bust.level_ft) * np.sign(bust.rate_fpm)
        assert (past_ft > -25.0).all()
        steps = after["altitude_pressure_m"] / 0.3048 / 25.0
        assert np.allclose(steps, np.rint(steps), atol=1e-6)


def test_a_node_told_to_promote_warns_every_level_bust_forty_seconds_before_separation_is_lost(
    swiss: list[level_busts.Bust],
) -> None:
    leads = {(bust.a, bust.b): level_busts.lead_s(bust, promoting(PROFILES[bust.profile], 50.0)) for bust in swiss}
    assert {pair: lead for pair, lead in leads.items() if not lead >= level_busts.NEEDED_S} == {}
