"""Every simulated meeting ends with everybody showing the same, whatever was cut, late or out of order."""

from __future__ import annotations

from collections import Counter

import pytest

from detente.coordination.table import Table
from detente.testing.meetings import Disagreement, meet
from detente.testing.table_acts import KINDS

SEEDS = 60


@pytest.fixture(scope="module")
def meetings():
    return [meet(seed) for seed in range(SEEDS)]


def test_all_members_show_the_same_after_every_meeting_and_so_does_who_is_told_anew(meetings):
    assert len(meetings) == SEEDS
    assert sum(one.statements for one in meetings) > 20 * SEEDS
    assert sum(one.cuts for one in meetings) > SEEDS


def test_the_meetings_go_through_every_subject(meetings):
    taken = sum((one.taken for one in meetings), Counter())
    assert sorted({kind.__struct_config__.tag for kind in KINDS} - set(taken)) == []


def test_some_acts_are_refused_only_when_they_reach_the_others(meetings):
    assert sum((one.refused for one in meetings), Counter()).total() > 0


def test_a_seed_is_a_meeting():
    assert meet(7) == meet(7)
    assert meet(7).digest != meet(8).digest


def test_a_fold_that_hangs_on_the_order_of_arrival_is_found(monkeypatch):
    """The simulator itself is tried: a table that appends what comes late instead of placing it must be caught."""

    def appended(self, placed):
        self._order.append(placed)
        self._fold(placed)

    monkeypatch.setattr(Table, "_insert", appended)
    with pytest.raises(Disagreement):
        all(meet(seed) for seed in range(SEEDS))
