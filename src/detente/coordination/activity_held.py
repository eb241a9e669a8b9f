"""An activity as a table holds it: its plans one after the other, who answered, and what it meets of others' plans."""

from __future__ import annotations

from dataclasses import dataclass, field

from detente.coordination.act import Said
from detente.coordination.activity_states import OVER, State
from detente.coordination.extent import Extent, meet
from detente.coordination.plan import Plan, Volume, extents_of, levels_meet
from detente.types import PartyId


@dataclass(slots=True)
class Version:
    """One plan of an activity, and who said it."""

    plan: Plan
    said: Said
    digest: str
    start_ms: int
    end_ms: int
    covers: tuple[Extent, ...] | None = None

    @property
    def extents(self) -> tuple[Extent, ...]:
        """What each volume covers; found when it is first asked for, since most plans meet no other in time."""
        if self.covers is None:
            self.covers = extents_of(self.plan)
        return self.covers


@dataclass(slots=True)
class Answer:
    """What one other party said last of a plan."""

    number: int  # of the plan answered
    answer: str
    words: str
    said: Said


@dataclass(slots=True)
class Activity:
    """All that was said of one activity. *met* and the rest are kept by the fold; nothing here changes by itself."""

    name: str
    versions: list[Version]
    state: State = State.ACCEPTED
    proposal: str | None = None
    answers: dict[PartyId, Answer] = field(default_factory=dict)
    passed: dict[PartyId, tuple[int, str]] = field(default_factory=dict)
    short: dict[PartyId, int] = field(default_factory=dict)  # by whose node, of which plan
    place: tuple[Volume, ...] = ()
    verified_ms: int | None = None
    reason: str = ""
    history: list[tuple[str, str, int]] = field(default_factory=list)
    met: dict[str, Met] = field(default_factory=dict)  # what its newest plan meets of others' newest

    @property
    def newest(self) -> Version:
        return self.versions[-1]

    @property
    def first(self) -> Said:
        return self.versions[0].said

    @property
    def party(self) -> PartyId:
        return self.versions[0].said.party

    def state_at(self, at_ms: int) -> State:
        return State.EXPIRED if self.state not in OVER and at_ms > self.newest.end_ms else self.state

    def seen_by(self, said: Said) -> Version | None:
        """Return the newest plan that the writer of *said* had before it."""
        return next((version for version in reversed(self.versions) if said.saw(version.said)), None)


@dataclass(slots=True)
class Met:
    """A plan that another meets, and when."""

    other: Activity
    version: Version
    from_ms: int
    until_ms: int
    levels_known: bool


def version_of(plan: Plan, said: Said) -> Version:
    return Version(plan, said, plan.digest, plan.start_ms, plan.end_ms)


def meeting_of(version: Version, other: Activity, theirs: Version) -> Met | None:
    """Return where *version* meets *theirs* in place, level and time at once."""
    if version.start_ms >= theirs.end_ms or theirs.start_ms >= version.end_ms:
        return None
    from_ms = until_ms = None
    known = False
    for n, mine in enumerate(version.plan.volumes):
        for m, volume in enumerate(theirs.plan.volumes):
            start, end = max(mine.start_ms, volume.start_ms), min(mine.end_ms, volume.end_ms)
            if start >= end:
                continue
            levels = levels_meet(mine.levels, volume.levels)
            if levels is False or not meet(version.extents[n], theirs.extents[m]):
                continue
            from_ms = start if from_ms is None else min(from_ms, start)
            until_ms = end if until_ms is None else max(until_ms, end)
            known = known or levels is True
    return None if from_ms is None or until_ms is None else Met(other, theirs, from_ms, until_ms, known)
