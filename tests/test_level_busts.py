"""Level busts cut from real recordings: each is at warning 40 s before separation is lost."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from detente.detect.profile import EN_ROUTE, Profile, promoting

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


def late(busts: list[level_busts.Bust], profile: Profile) -> dict[tuple[str, str], float]:
    leads = {(bust.a, bust.b): level_busts.lead_s(bust, profile) for bust in busts}
    return {pair: lead for pair, lead in leads.items() if not lead >= level_busts.NEEDED_S}


def test_every_level_bust_is_warned_of_forty_seconds_before_separation_is_lost(swiss: list[level_busts.Bust]) -> None:
    assert late(swiss, EN_ROUTE) == {}


def test_so_is_every_one_cut_nearer_to_its_level(shared: Path) -> None:
    busts = level_busts.all_cases(shared / "data/traffic", ("Swiss",), 100.0)["Swiss"]
    assert len(busts) >= 20
    assert late(busts, EN_ROUTE) == {}


def test_without_promotion_a_level_bust_is_warned_of_when_its_level_is_passed(swiss: list[level_busts.Bust]) -> None:
    waiting = promoting(EN_ROUTE, 0.0)
    undecided = level_busts.undecided(swiss)
    assert len(undecided) >= 5
    assert len(late(undecided, waiting)) == len(undecided)
    assert all(np.isnan(level_busts.warned_at_ns(bust.level_off, waiting)) for bust in undecided)


def test_what_is_warned_of_in_time_is_warned_of_where_it_came_right(swiss: list[level_busts.Bust]) -> None:
    for bust in level_busts.undecided(swiss)[:3]:
        warned = level_busts.warned_at_ns(bust.plots, EN_ROUTE)
        assert bust.differs_at_ns > warned
        assert level_busts.warned_at_ns(bust.level_off, EN_ROUTE) == warned
