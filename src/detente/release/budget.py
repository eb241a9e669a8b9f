"""How much a peer may learn by asking: a budget for each peer and area, and an alarm when it looks like a search.

Whoever may declare volumes and read *conflict* or *no conflict* can search for what it is not told of: each answer is a
bit, and halving a box finds an activity in about ten answers a dimension. So an answer about what was not released is
given on a coarse world, the same answer for the same coarse question is no second one, and there is a limit to how many
different ones a peer gets about one area in a while. Beyond it the answer is *not assessed*, never *no conflict*.

Pure: who asks, where and when are arguments. Source: threat-model.md, row 46.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from detente.types import NS_PER_S, Instant, PartyId

AREA_DEG: Final = 1.0
"""One budget for each square of so many degrees a side."""

CELL_DEG: Final = 0.25
LEVEL_M: Final = 1_500.0
SLOT_NS: Final = 900 * NS_PER_S
"""To so much a question is widened before it is answered: the outer bounds of what it touches."""

WINDOW_NS: Final = 600 * NS_PER_S
ANSWERS: Final = 1
"""New answers about one area in one window: at most one bit in ten minutes."""

ALARM_ASKED: Final = 5
"""Different questions about one area in one window from which on they look like a search."""

KEPT: Final = 4_096
"""Questions remembered for each peer; the oldest goes, and would be a new one."""


class Answer(StrEnum):
    """What may be said."""

    GIVEN = "given"  # as it is, on the coarse world
    NOT_ASSESSED = "not_assessed"  # the budget is spent: neither yes nor no


class Box(NamedTuple):
    """A question: from south-west to north-east in degrees, from one level to another in metres, from until."""

    south_deg: float
    west_deg: float
    north_deg: float
    east_deg: float
    floor_m: float
    ceiling_m: float
    start: Instant
    end: Instant


class Coarse(NamedTuple):
    """A question as it is answered: whole cells, levels and slots."""

    south: int
    west: int
    north: int
    east: int
    floor: int
    ceiling: int
    start: int
    end: int

    def box(self) -> Box:
        """Return the bounds that are judged instead of the ones asked about."""
        return Box(
            self.south * CELL_DEG,
            self.west * CELL_DEG,
            self.north * CELL_DEG,
            self.east * CELL_DEG,
            self.floor * LEVEL_M,
            self.ceiling * LEVEL_M,
            Instant(self.start * SLOT_NS),
            Instant(self.end * SLOT_NS),
        )


def coarsened(box: Box) -> Coarse:
    """Return *box* widened to whole cells, levels and slots: two questions within the same ones are one question."""
    return Coarse(
        math.floor(box.south_deg / CELL_DEG),
        math.floor(box.west_deg / CELL_DEG),
        math.ceil(box.north_deg / CELL_DEG),
        math.ceil(box.east_deg / CELL_DEG),
        math.floor(box.floor_m / LEVEL_M),
        math.ceil(box.ceiling_m / LEVEL_M),
        box.start // SLOT_NS,
        -(-box.end // SLOT_NS),
    )


@dataclass(slots=True)
class _Peer:
    answered: dict[Coarse, bool] = field(default_factory=dict)  # answers already given, in order
    spent: dict[tuple[int, int], deque[Instant]] = field(default_factory=dict)  # new answers, by area
    asked: dict[tuple[int, int], deque[tuple[Instant, Coarse]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    """What to answer, and whether it looks like a search: for our own desk and the log of acts."""

    answer: Answer
    conflict: bool | None  # None: not assessed
    is_search: bool


class ProbingBudget:
    """The budgets of all peers. `asked` is to be called for every question about what was not released to the asker."""

    def __init__(self) -> None:
        self._peers: dict[PartyId, _Peer] = {}

    def asked(self, peer: PartyId, box: Box, conflict: bool, now: Instant) -> Judged:
        """Return what *peer* may be told, when *conflict* is the answer for ``coarsened(box).box()``.

        A question that was answered is answered the same as long as it is remembered, whatever became of the world:
        to ask again is no way to see a change sooner than a budget would show it.
        """
        known = self._peers.setdefault(peer, _Peer())
        question, areas = coarsened(box), _areas(box)
        is_search = self._is_search(known, areas, question, now)
        if question in known.answered:
            return Judged(Answer.GIVEN, known.answered[question], is_search)
        spent = [known.spent.setdefault(area, deque()) for area in areas]
        for times in spent:
            while times and now - times[0] >= WINDOW_NS:
                times.popleft()
        if len(areas) > AREAS_MOST or any(len(times) >= ANSWERS for times in spent):
            return Judged(Answer.NOT_ASSESSED, None, is_search)
        for times in spent:
            times.append(now)
        known.answered[question] = conflict
        while len(known.answered) > KEPT:
            del known.answered[next(iter(known.answered))]
        return Judged(Answer.GIVEN, conflict, is_search)

    @staticmethod
    def _is_search(known: _Peer, areas: list[tuple[int, int]], question: Coarse, now: Instant) -> bool:
        is_search = False
        for area in areas[:AREAS_MOST]:
            asked = known.asked.setdefault(area, deque(maxlen=4 * ALARM_ASKED))
            while asked and now - asked[0][0] >= WINDOW_NS:
                asked.popleft()
            asked.append((now, question))
            is_search |= len({one for _, one in asked}) >= ALARM_ASKED
        return is_search


AREAS_MOST: Final = 64
"""Areas that one question may touch; a larger one is not assessed."""


def _areas(box: Box) -> list[tuple[int, int]]:
    """Return the areas that *box* touches, and one more than the most when they are too many."""
    lats = range(math.floor(box.south_deg / AREA_DEG), math.floor(box.north_deg / AREA_DEG) + 1)
    lons = range(math.floor(box.west_deg / AREA_DEG), math.floor(box.east_deg / AREA_DEG) + 1)
    return [(lat, lon) for lat in lats[: AREAS_MOST + 1] for lon in lons[: AREAS_MOST + 1]][: AREAS_MOST + 1]
