"""The ladder: who is told when nobody answers. A rung informs and asks; it never performs anything.

Each concerned side has its own half of a subject. A half closes when a person of that side acknowledges, or stands it
down with a coded reason; the ladder climbs, on both sides together, until every half is closed or the subject is over.
So one side can neither answer for the other nor silence the other's ladder.

When a rung is due is a pure function of what is known, so two nodes that know the same climb at the same instant.
Source: docs/operate/escalation.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from heapq import heappop, heappush
from itertools import pairwise
from typing import Final

import msgspec

from detente.errors import ConfigError, OwnFault
from detente.types import DELEGATION, Instant, PartyId, Role, duration_ns

RUNGS: Final[tuple[tuple[Role, ...], ...]] = (
    (Role.OPERATOR,),
    (Role.SUPERVISOR,),
    (Role.DUTY_OFFICER,),
    DELEGATION,
    (Role.MINISTER,),
    (Role.LEADER,),
)
"""Who is told on each rung; the same on both sides."""

TOP: Final = len(RUNGS) - 1
EXERCISE_TOP: Final = 2
"""Exercise traffic is marked and climbs no further than the duty officers."""

_STALE: Final = 1_000  # so many times that no longer hold may wait to come up, and some for each subject

SUBJECTS_LIMIT: Final = 10_000
"""Subjects at once. Beyond it those that climb no more are forgotten; if all climb, a new one is refused."""


class Cause(StrEnum):
    """What kind of subject climbs: a column of the ladder."""

    CONFLICT = "conflict"  # predicted loss of separation, or crossing of a line
    INCIDENT = "incident"
    EXPLANATION = "explanation"  # one side asked the other to explain
    HOTLINE = "hotline"  # a message nobody acknowledged or answered


class Stand(StrEnum):
    """Why a half was stood down: the closed list."""

    ACTING = "acting"
    FALSE_ALERT = "false_alert"
    RESOLVED = "resolved"
    EXERCISE = "exercise"
    OTHER_LINE = "other_line"  # the sides speak on another line


class State(StrEnum):
    """How one side's half of a subject stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    STOOD_DOWN = "stood_down"


class Act(StrEnum):
    ACKNOWLEDGE = "acknowledge"
    STAND_DOWN = "stand_down"


# One table for every half, blind to whose it is. What closes a half first or last makes no difference to the ladder,
# and the stronger word stays, so that leaves may arrive in any order.
TRANSITIONS: Final[dict[State, dict[Act, State]]] = {
    State.OPEN: {Act.ACKNOWLEDGE: State.ACKNOWLEDGED, Act.STAND_DOWN: State.STOOD_DOWN},
    State.ACKNOWLEDGED: {Act.ACKNOWLEDGE: State.ACKNOWLEDGED, Act.STAND_DOWN: State.STOOD_DOWN},
    State.STOOD_DOWN: {Act.ACKNOWLEDGE: State.STOOD_DOWN, Act.STAND_DOWN: State.STOOD_DOWN},
}


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When one rung is due, counted from the raising of the subject."""

    after_s: float | None = None  # not closed after so long
    sooner_s: float | None = None  # already after so long, when the event is nearer than within_s
    within_s: float = 0.0
    once_happened: bool = False  # when the predicted event has happened
    from_severity: int | None = None  # at once from this severity on (S0 … S4); with once_happened: only from it on
    on_request: bool = False  # when either side asks for it


class Ladder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For each cause the step that leads to each rung from 1 up; None: that cause never climbs there by itself."""

    steps: dict[Cause, tuple[Step | None, ...]]

    def step(self, cause: Cause, rung: int) -> Step | None:
        """Return how *cause* reaches *rung*."""
        steps = self.steps.get(cause, ())
        return steps[rung - 1] if 1 <= rung <= len(steps) else None

    def top(self, cause: Cause) -> int:
        """Return the highest rung that *cause* may reach at all."""
        steps = self.steps.get(cause, ())
        return max((rung for rung, step in enumerate(steps, 1) if step is not None), default=0)


_H: Final = 3_600.0

DEFAULT_LADDER: Final = Ladder(
    {
        Cause.CONFLICT: (
            Step(after_s=60, sooner_s=30, within_s=120),
            # Nearer than three minutes and still open: not before the operators' own time is up.
            Step(after_s=120, sooner_s=30, within_s=180),
            Step(once_happened=True, from_severity=2),
            None,
            None,
        ),
        Cause.INCIDENT: (
            Step(after_s=5 * 60),
            Step(after_s=15 * 60),
            Step(after_s=60 * 60, from_severity=3),
            Step(after_s=3 * _H, from_severity=4),
            Step(from_severity=4, on_request=True),
        ),
        Cause.EXPLANATION: tuple(Step(after_s=hours * _H) for hours in (12, 24, 48, 72, 96)),
        Cause.HOTLINE: (*(Step(after_s=s) for s in (120, 300, 900, 3_600)), Step(on_request=True)),
    }
)
"""The defaults of the ladder table; the parties agree their own, the same for both."""


def agreed_ladder(
    conflict_after_s: Sequence[float], hotline_after_s: Sequence[float], conflict_reaches_leader: bool
) -> Ladder:
    """Return the default ladder with the times the parties agreed, each a list from rung 0 up.

    Without *conflict_reaches_leader* a predicted conflict climbs to the duty officers by time alone, and to the
    delegations once it has happened. With it, every rung has a time; where fewer are given, the last interval goes on.
    Raises ConfigError on times that do not grow.
    """
    _check_times("conflict_after_s", conflict_after_s)
    _check_times("hotline_after_s", hotline_after_s)
    conflict = list(DEFAULT_LADDER.steps[Cause.CONFLICT])
    times = list(conflict_after_s)
    if conflict_reaches_leader:
        while len(times) <= TOP:
            times.append(times[-1] + (times[-1] - times[-2] if len(times) > 1 else 60.0))
    elif len(times) > EXERCISE_TOP + 1:
        raise ConfigError("escalation.conflict_after_s: rungs above 2 need conflict_reaches_leader = true")
    first = times[1] if len(times) > 1 else 60.0
    for rung, after in enumerate(times[1:], 1):
        within = {1: 120.0, 2: 180.0}.get(rung)
        sooner = None if within is None else min(30.0, first / 2.0)
        conflict[rung - 1] = Step(after_s=after, sooner_s=sooner, within_s=within or 0.0)
    hotline = [Step(after_s=after) for after in hotline_after_s[1:]]
    hotline += [Step(on_request=True)] * (TOP - len(hotline))
    steps = DEFAULT_LADDER.steps | {Cause.CONFLICT: tuple(conflict), Cause.HOTLINE: tuple(hotline)}
    return Ladder(steps)


@dataclass(frozen=True, slots=True)
class Climbed:
    """A rung was reached: tell *roles* of *parties*."""

    subject: str
    rung: int
    roles: tuple[Role, ...]
    at: Instant  # when it was due, the same on both nodes
    parties: tuple[PartyId, ...]  # the sides whose people are told: those that have not stood down


@dataclass(slots=True)
class _Half:
    state: State = State.OPEN
    at: Instant | None = None
    role: Role | None = None
    reason: Stand | None = None
    rung: int = 0  # how far this side says it has climbed


@dataclass(slots=True)
class _Subject:
    cause: Cause
    raised_at: Instant
    halves: dict[PartyId, _Half]
    informed: tuple[PartyId, ...]
    event_at: Instant | None
    severity: int
    top: int
    first_after_s: float | None  # a deadline of its own for rung 1; later rungs move with it
    rung: int
    cleared_at: Instant | None = None

    @property
    def is_climbing(self) -> bool:
        return self.cleared_at is None and any(half.state is State.OPEN for half in self.halves.values())


class Escalations:
    """All subjects that climb, under one ladder."""

    def __init__(self, ladder: Ladder = DEFAULT_LADDER) -> None:
        self.ladder = ladder
        self._subjects: dict[str, _Subject] = {}
        self._due_at: dict[str, Instant] = {}  # of those that climb: when next
        self._queue: list[tuple[Instant, str]] = []  # the same, soonest first; and times that no longer hold
        self._none_over = False  # all that stand were looked through and climb: there is nothing to make room of

    def raised(
        self,
        subject: str,
        cause: Cause,
        concerned: Sequence[PartyId],
        now: Instant,
        *,
        event_at: Instant | None = None,
        severity: int = 2,
        is_exercise: bool = False,
        first_after_s: float | None = None,
        from_rung: int = 0,
        informed: Sequence[PartyId] = (),
    ) -> None:
        """Start *subject*, or correct its event and severity when it stands already.

        concerned: the sides whose answer is waited for. severity: S0 … S4; a loss of separation or a crossing that has
        happened is S2. first_after_s: when later than the ladder's time to rung 1, it stands instead, and the rungs
        above move with it. from_rung: where it starts, for what a seat above the watch said. informed: sides that climb
        along though no answer of theirs is waited for. Raises OwnFault beyond SUBJECTS_LIMIT.
        """
        known = self._subjects.get(subject)
        if known is not None:
            known.event_at, known.severity = event_at, max(known.severity, severity)
            for party in concerned:
                known.halves.setdefault(party, _Half())
            self._expect(subject, known)
            return
        if len(self._subjects) >= SUBJECTS_LIMIT and not self._none_over:
            self._subjects = {name: known for name, known in self._subjects.items() if known.is_climbing}
            self._due_at = {name: at for name, at in self._due_at.items() if name in self._subjects}
            self._none_over = True
        if len(self._subjects) >= SUBJECTS_LIMIT:
            raise OwnFault(f"{SUBJECTS_LIMIT} subjects are open; {subject} does not climb")
        top = min(self.ladder.top(cause), EXERCISE_TOP if is_exercise else TOP)
        halves = {party: _Half() for party in concerned}
        self._subjects[subject] = started = _Subject(
            cause, now, halves, tuple(informed), event_at, severity, max(top, from_rung), first_after_s, from_rung
        )
        self._expect(subject, started)

    def acknowledged(self, subject: str, party: PartyId, role: Role, now: Instant) -> None:
        """Note that a person of *party* has seen *subject*. It closes that side's half and no other."""
        self._close(subject, party, Act.ACKNOWLEDGE, now, role, None)

    def stood_down(self, subject: str, party: PartyId, reason: Stand, now: Instant) -> None:
        """Note that *party* stood its half down: its people are told no more. The other side's ladder goes on."""
        self._close(subject, party, Act.STAND_DOWN, now, None, reason)

    def peer_climbed(self, subject: str, rung: int, now: Instant, party: PartyId | None = None) -> list[Climbed]:
        """Climb with the other side; returns the rungs that this is the first we hear of.

        A rung above what the ladder allows this subject is taken as the highest allowed: a peer cannot reach our
        leaders with what the parties did not agree to bring before them.
        """
        found = self._subjects.get(subject)
        if found is None or found.cleared_at is not None:
            return []
        rung = min(rung, found.top)
        if party is not None and party in found.halves:
            found.halves[party].rung = max(found.halves[party].rung, rung)
        return self._climb(subject, found, rung, now)

    def requested(self, subject: str, rung: int, now: Instant) -> list[Climbed]:
        """Climb because either side asks for *rung*; raises OwnFault where the ladder does not offer that."""
        found = self._subjects.get(subject)
        if found is None:
            raise OwnFault(f"{subject} is not open")
        step = self.ladder.step(found.cause, rung)
        if step is None or not step.on_request or rung > found.top:
            raise OwnFault(f"rung {rung} cannot be asked for on a subject of kind {found.cause}")
        return self._climb(subject, found, rung, now)

    def cleared(self, subject: str, now: Instant) -> None:
        """Note that *subject* is over. It climbs no more."""
        found = self._subjects.get(subject)
        if found is not None and (found.cleared_at is None or now < found.cleared_at):
            found.cleared_at, self._none_over = now, False
            self._expect(subject, found)

    def forget(self, subject: str) -> None:
        """Drop a subject that no row shows any more."""
        self._subjects.pop(subject, None)
        self._due_at.pop(subject, None)

    def tick(self, now: Instant) -> list[Climbed]:
        """Return every rung that has become due, each once, in order of the instant it was due."""
        climbed: list[Climbed] = []
        while self._queue and self._queue[0][0] <= now:
            at, name = heappop(self._queue)
            if self._due_at.get(name) != at:
                continue
            del self._due_at[name]
            subject = self._subjects[name]
            due = self._next(subject)
            if due is not None:
                climbed += self._climb(name, subject, *due)
        return sorted(climbed, key=lambda c: (c.at, c.subject, c.rung))

    def next_at(self, subject: str) -> Instant | None:
        """Return when *subject* climbs next if nobody acts; None when it does not."""
        found = self._subjects.get(subject)
        if found is None or not found.is_climbing:
            return None
        due = self._next(found)
        return None if due is None else due[1]

    def acknowledge_by(self, subject: str) -> Instant | None:
        """Return by when *subject* is to be acknowledged; None when every side has, or it is over."""
        found = self._subjects.get(subject)
        if found is None or not found.is_climbing:
            return None
        dues = [self._due(found, rung) for rung in range(1, found.top + 1)]
        return min((due for due in dues if due is not None), default=None)

    def rung(self, subject: str) -> int:
        """Return how far *subject* has climbed, both sides together."""
        found = self._subjects.get(subject)
        return 0 if found is None else found.rung

    def rungs(self, subject: str) -> Mapping[PartyId, int]:
        """Return how far each side has climbed, as far as we know."""
        found = self._subjects.get(subject)
        return {} if found is None else {party: half.rung for party, half in found.halves.items()}

    def roles(self, subject: str) -> tuple[Role, ...]:
        """Return who is told on the rung that *subject* stands on."""
        return RUNGS[self.rung(subject)]

    def is_climbing(self, subject: str) -> bool:
        found = self._subjects.get(subject)
        return found is not None and found.is_climbing

    def is_over(self, subject: str) -> bool:
        """Whether *subject* climbs no more: it was closed on every side, or cleared. One that never climbed is not."""
        found = self._subjects.get(subject)
        return found is not None and not found.is_climbing

    def half(self, subject: str, party: PartyId) -> State:
        """Return how *party*'s half of *subject* stands."""
        found = self._subjects.get(subject)
        half = None if found is None else found.halves.get(party)
        return State.OPEN if half is None else half.state

    def _close(
        self, subject: str, party: PartyId, act: Act, now: Instant, role: Role | None, reason: Stand | None
    ) -> None:
        found = self._subjects.get(subject)
        half = None if found is None else found.halves.get(party)
        if found is None or half is None:
            return
        before, half.state = half.state, TRANSITIONS[half.state][act]
        self._none_over = False
        self._expect(subject, found)
        if half.state is not before or half.at is None or (now < half.at and _state_of(act) is half.state):
            half.at, half.role, half.reason = now, role, reason

    def _next(self, subject: _Subject) -> tuple[int, Instant] | None:
        """Return the next rung with a known time, and that time: rungs the cause skips are skipped."""
        dues = [(rung, self._due(subject, rung)) for rung in range(subject.rung + 1, subject.top + 1)]
        known = [(at, rung) for rung, at in dues if at is not None]
        if not known:
            return None
        at, rung = min(known)
        return rung, at

    def _due(self, subject: _Subject, rung: int) -> Instant | None:
        step = self.ladder.step(subject.cause, rung)
        if step is None:
            return None
        start, event, dues = subject.raised_at, subject.event_at, []
        after = self._after_s(subject, rung, step)
        if after is not None:
            dues.append(start + duration_ns(after))
        if step.sooner_s is not None and event is not None:
            dues.append(max(start + duration_ns(step.sooner_s), event - duration_ns(step.within_s)))
        is_severe = step.from_severity is not None and subject.severity >= step.from_severity
        if step.once_happened:
            if event is not None and is_severe:
                dues.append(max(start, event))
        elif is_severe:
            dues.append(start)
        return Instant(min(dues)) if dues else None

    def _after_s(self, subject: _Subject, rung: int, step: Step) -> float | None:
        if step.after_s is None or subject.first_after_s is None:
            return step.after_s
        first = self.ladder.step(subject.cause, 1)
        usual = first.after_s if first is not None and first.after_s is not None else 0.0
        if rung == 1:
            return max(step.after_s, subject.first_after_s)
        return step.after_s + max(0.0, subject.first_after_s - usual)

    def _climb(self, name: str, subject: _Subject, rung: int, at: Instant) -> list[Climbed]:
        """Reach *rung*; the rungs between are told too, so that nobody hears from above what he was not told."""
        still = [p for p, half in subject.halves.items() if half.state is not State.STOOD_DOWN]
        told = tuple(sorted({*still, *subject.informed}))
        steps = [
            Climbed(name, between, RUNGS[between], at, told)
            for between in range(subject.rung + 1, rung + 1)
            if between == rung or self.ladder.step(subject.cause, between) is not None
        ]
        subject.rung = max(subject.rung, rung)
        self._expect(name, subject)
        return steps

    def _expect(self, name: str, subject: _Subject) -> None:
        """Put *subject*, of which something has changed, where it belongs in the queue of those that climb."""
        due = self._next(subject) if subject.is_climbing else None
        if due is None:
            self._due_at.pop(name, None)
        elif self._due_at.get(name) != due[1]:
            self._due_at[name] = due[1]
            heappush(self._queue, (due[1], name))
            if len(self._queue) > _STALE + 4 * len(self._due_at):
                self._queue = sorted((at, each) for each, at in self._due_at.items())  # sorted, it is a heap


def _state_of(act: Act) -> State:
    return State.ACKNOWLEDGED if act is Act.ACKNOWLEDGE else State.STOOD_DOWN


def _check_times(name: str, times: Sequence[float]) -> None:
    if not times or len(times) > TOP + 1:
        raise ConfigError(f"escalation.{name}: give between 1 and {TOP + 1} times, from rung 0 up")
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise ConfigError(f"escalation.{name}: each rung must come after the one below it")
