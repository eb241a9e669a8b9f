"""Declared activities: flights, exercises, hazards, protected sites and movements, joint operations.

A party declares what it plans; the others answer. An answer is a word on record, never a veto: who objects is shown
beside the activity, which goes on. What nobody may do is to plan, accept or activate blind: such an act carries the
*key*, the digests of every declared plan that its volumes meet, and is refused with the list where one is missing. Only
what the writer had seen is asked of it; what two parties declared without knowing of each other stands, shown as
unseen, until one of them acts on it again.

The states are those of ASTM F3548: accepted, activated, nonconforming, contingent, ended. A change takes every answer
away. A joint operation is a proposal: while it is in force its plans are activities, and a change by one side, which is
a counter-proposal, un-signs it.

The place of what its owner protects is declared coarse. The place itself is given at a table of two, to one addressee.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta

from detente.coordination.act import Act, Digest, Ms, Said, Title, Words
from detente.coordination.arrangement import Arrangement, Flow
from detente.coordination.charter import Charter
from detente.coordination.extent import Extent, meet
from detente.coordination.plan import (
    CONFIRM_MS,
    PROTECTED,
    VOLUMES_LIMIT,
    EllipsoidLevels,
    Key,
    Kind,
    Plan,
    PressureLevels,
    Volume,
    check_outline,
    check_plan,
    check_verified,
    extents_of,
    lead_class,
    levels_meet,
    lies_in,
)
from detente.coordination.proposals import Proposals
from detente.coordination.proposals import State as ProposalState
from detente.errors import OrderRefused
from detente.types import PartyId

OPEN_LIMIT: Final = 512
"""Activities of one party that are not over; beyond it a further one is refused."""

VERSIONS_LIMIT: Final = 200

EARLY_MS: Final = 15 * 60_000
"""How long before its start an activity may be activated."""

ActivityName = Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9-]{0,31}-[1-9][0-9]{0,8}(\.[1-9][0-9]?)?\Z")]
"""The name of the statement that declared it; of a joint one the proposal's, with its number there: ``alfa-12.1``."""


class Declare(Act, frozen=True, kw_only=True, tag="activity.declare"):
    """Declare an activity; it is called by the name of this statement."""

    plan: Plan
    key: Key = ()


class Change(Act, frozen=True, kw_only=True, tag="activity.change"):
    """Put another plan in the place of one's own newest. It takes every answer away."""

    activity: ActivityName
    after: Digest  # of the plan that it replaces
    plan: Plan
    key: Key = ()


class Accept(Act, frozen=True, kw_only=True, tag="activity.accept"):
    """Say for one's party that there is no objection to the newest plan."""

    activity: ActivityName
    digest: Digest
    key: Key = ()
    words: Words | None = None


class Object(Act, frozen=True, kw_only=True, tag="activity.object"):
    """Put an objection on record. It hinders nothing and stays."""

    activity: ActivityName
    digest: Digest
    words: Words


class PassOn(Act, frozen=True, kw_only=True, tag="activity.pass_on"):
    """Say that the units concerned have been told of the newest plan."""

    activity: ActivityName
    digest: Digest
    to: Title  # a unit or a role, never a person


class Question(Act, frozen=True, kw_only=True, tag="activity.ask"):
    """Ask about the newest plan."""

    activity: ActivityName
    digest: Digest
    words: Words


class Activate(Act, frozen=True, kw_only=True, tag="activity.activate"):
    """Begin; or say that it keeps to its volumes again."""

    activity: ActivityName
    digest: Digest
    key: Key = ()


class Deviate(Act, frozen=True, kw_only=True, tag="activity.deviate"):
    """Say that an own activity is out of its volumes, or in an emergency. No key is asked: it is where it is."""

    activity: ActivityName
    to: Literal["nonconforming", "contingent"]
    words: Words


class End(Act, frozen=True, kw_only=True, tag="activity.end"):
    """Say that it is over."""

    activity: ActivityName
    words: Words | None = None


class Cancel(Act, frozen=True, kw_only=True, tag="activity.cancel"):
    """Take it back before it has begun."""

    activity: ActivityName
    reason: Words


class GivePlace(Act, frozen=True, kw_only=True, tag="activity.give_place"):
    """Give the place itself of what one protects to the one other party of this table."""

    activity: ActivityName
    volumes: Annotated[tuple[Volume, ...], Meta(min_length=1, max_length=VOLUMES_LIMIT)]


class ConfirmSite(Act, frozen=True, kw_only=True, tag="activity.confirm"):
    """Say that a protected site has been made sure of anew."""

    activity: ActivityName
    verified_ms: Ms


class ShortLead(Act, frozen=True, kw_only=True, tag="activity.short_lead"):
    """Put on record that the agreed least lead time was broken. Said by the node of a party that was told late."""

    activity: ActivityName
    digest: Digest


AnyActivityAct = (
    Declare
    | Change
    | Accept
    | Object
    | PassOn
    | Question
    | Activate
    | Deviate
    | End
    | Cancel
    | GivePlace
    | ConfirmSite
    | ShortLead
)


class State(StrEnum):
    ACCEPTED = "accepted"
    ACTIVATED = "activated"
    NONCONFORMING = "nonconforming"
    CONTINGENT = "contingent"
    UNSIGNED = "unsigned"  # a joint operation whose proposal is not in force
    ENDED = "ended"
    CANCELLED = "cancelled"
    EXPIRED = "expired"  # by its own time; no act says so


class Event(StrEnum):
    CHANGE = "change"
    ACTIVATE = "activate"
    DEVIATE = "deviate"
    EMERGENCY = "emergency"
    END = "end"
    CANCEL = "cancel"
    SIGN = "sign"  # of a joint operation: the last signature under its proposal
    UNSIGN = "unsign"  # a new version of its proposal
    LAPSE = "lapse"  # its proposal is over


_JOINT: Final = {Event.UNSIGN: State.UNSIGNED, Event.LAPSE: State.ENDED}
# It does not know whose it is, nor the time. What is missing is refused.
TRANSITIONS: Final[Mapping[State, Mapping[Event, State]]] = {
    State.ACCEPTED: {
        Event.CHANGE: State.ACCEPTED,
        Event.ACTIVATE: State.ACTIVATED,
        Event.DEVIATE: State.NONCONFORMING,
        Event.EMERGENCY: State.CONTINGENT,
        Event.CANCEL: State.CANCELLED,
        **_JOINT,
    },
    State.ACTIVATED: {
        Event.CHANGE: State.ACTIVATED,
        Event.DEVIATE: State.NONCONFORMING,
        Event.EMERGENCY: State.CONTINGENT,
        Event.END: State.ENDED,
        **_JOINT,
    },
    State.NONCONFORMING: {
        Event.CHANGE: State.NONCONFORMING,
        Event.ACTIVATE: State.ACTIVATED,
        Event.EMERGENCY: State.CONTINGENT,
        Event.END: State.ENDED,
        **_JOINT,
    },
    State.CONTINGENT: {Event.CHANGE: State.CONTINGENT, Event.END: State.ENDED, **_JOINT},
    State.UNSIGNED: {Event.SIGN: State.ACCEPTED, Event.LAPSE: State.ENDED},
    State.ENDED: {},
    State.CANCELLED: {},
    State.EXPIRED: {},
}

FLYING: Final = frozenset({State.ACTIVATED, State.NONCONFORMING, State.CONTINGENT})
"""In which it is watched that those who take part keep to the volumes."""

_OVER: Final = frozenset({State.ENDED, State.CANCELLED, State.EXPIRED})


class OverlapRow(msgspec.Struct, frozen=True):
    """A declared plan that the one at hand meets."""

    activity: str
    by: str
    kind: str
    title: str
    state: str
    digest: str  # what belongs into the key
    from_ms: int  # the time in which both are planned
    until_ms: int
    levels_known: bool  # False: their levels have different data and cannot be compared; taken to meet
    seen: bool  # whether who wrote the newest plan of the one at hand had this one before it


class AnswerRow(msgspec.Struct, frozen=True):
    """How far the newest plan has come with one other party. What it said of an earlier plan no longer counts."""

    party: str
    stage: str  # told, received, passed_on
    passed_to: str
    answer: str | None  # accepts, objects, asks
    words: str
    seat: str
    at_ms: int | None


class VolumeRow(msgspec.Struct, frozen=True):
    shape: str
    rings: list[list[list[int]]]  # closed; latitude and longitude, 1e-7 degree; each ring counts
    datum: str
    floor_ft: int | None
    ceiling_ft: int | None
    floor_cm: int | None
    ceiling_cm: int | None
    start_ms: int
    end_ms: int


class ActivityRow(msgspec.Struct, frozen=True):
    activity: str
    kind: str
    title: str
    words: str
    by: str
    seat: str
    state: str
    proposal: str | None  # of a joint operation
    number: int  # of the newest plan
    digest: str
    declared_at_ms: int
    changed_at_ms: int
    start_ms: int
    end_ms: int
    volumes: list[VolumeRow]
    identities: list[str]
    callsigns: list[str]
    contact: str
    urgent: str
    answers: list[AnswerRow]
    overlaps: list[OverlapRow]
    lead_ms: int
    lead_class: str
    agreed_lead_ms: int | None
    is_short: bool  # declared later than the agreed minimum
    short_noted_by: list[str]  # parties whose nodes put that on record
    place_given: bool  # of what is protected: its place has been given at this table
    verified_ms: int | None
    stale: bool  # a site whose owner has not confirmed it in time
    reason: str
    history: list[tuple[str, str, int]]  # (act, by whom, when)
    plan: Plan | None  # the newest as it was declared, for its owner to change; None once it is over


class Draft(msgspec.Struct, frozen=True):
    """What a desk is shown before it sends: what the plan meets, and what is wrong with it."""

    overlaps: list[OverlapRow]
    key: list[str]  # of all of them: what the act has to carry
    digest: str
    lead_ms: int
    lead_class: str
    agreed_lead_ms: int | None
    is_short: bool
    code: str | None  # why it would be refused as it stands
    reason: str


@dataclass(slots=True)
class _Version:
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
class _Answer:
    number: int  # of the plan answered
    answer: str
    words: str
    said: Said


@dataclass(slots=True)
class _Activity:
    name: str
    versions: list[_Version]
    state: State = State.ACCEPTED
    proposal: str | None = None
    answers: dict[PartyId, _Answer] = field(default_factory=dict)
    passed: dict[PartyId, tuple[int, str]] = field(default_factory=dict)
    short: dict[PartyId, int] = field(default_factory=dict)  # by whose node, of which plan
    place: tuple[Volume, ...] = ()
    verified_ms: int | None = None
    reason: str = ""
    history: list[tuple[str, str, int]] = field(default_factory=list)
    met: dict[str, _Met] = field(default_factory=dict)  # what its newest plan meets of others' newest

    @property
    def newest(self) -> _Version:
        return self.versions[-1]

    @property
    def first(self) -> Said:
        return self.versions[0].said

    @property
    def party(self) -> PartyId:
        return self.versions[0].said.party

    def state_at(self, at_ms: int) -> State:
        return State.EXPIRED if self.state not in _OVER and at_ms > self.newest.end_ms else self.state

    def seen_by(self, said: Said) -> _Version | None:
        """Return the newest plan that the writer of *said* had before it."""
        return next((version for version in reversed(self.versions) if said.saw(version.said)), None)


@dataclass(slots=True)
class _Met:
    """A plan that another meets, and when."""

    other: _Activity
    version: _Version
    from_ms: int
    until_ms: int
    levels_known: bool


class Flying(NamedTuple):
    """An activity that is on now."""

    name: str
    party: PartyId  # who wrote its newest plan
    is_joint: bool  # under everybody's signature
    state: State
    plan: Plan


class Activities:
    """All activities of one table."""

    def __init__(self, charter: Charter, proposals: Proposals, arrangement: Arrangement) -> None:
        self._charter = charter
        self._proposals = proposals
        self._arrangement = arrangement
        self._activities: dict[str, _Activity] = {}
        self._open: dict[PartyId, dict[str, _Activity]] = {party: {} for party in charter.parties}
        self._joint: dict[str, list[_Activity]] = {}  # by proposal
        self._heard: dict[PartyId, Mapping[PartyId, int]] = {}  # of each party, what its newest act had seen

    def heard(self, said: Said) -> None:
        """Note what the writer of any statement had seen: that is how a party is known to have received a plan."""
        self._heard[said.party] = said.clock

    def apply(self, act: Act, said: Said) -> None:
        assert isinstance(act, AnyActivityAct)
        if isinstance(act, Declare):
            self._declare(act, said)
            return
        it = self._activities.get(act.activity)
        if it is None:
            raise OrderRefused("unknown_activity", f"there is no activity {act.activity!r} at this table")
        if it.state_at(said.at_ms) is State.EXPIRED and not isinstance(act, ShortLead):
            raise OrderRefused("expired", f"{it.name} is over by its own time")
        match act:
            case Change():
                self._change(it, act, said)
            case Accept() | Object() | Question():
                self._answer(it, act, said)
            case PassOn(digest=digest, to=to):
                self._check_others(it, digest, said)
                it.passed[said.party] = (len(it.versions), to)
            case Activate():
                self._activate(it, act, said)
            case Deviate(to=to, words=words):
                self._check_own(it, said)
                it.state = _after(it, Event.DEVIATE if to == "nonconforming" else Event.EMERGENCY)
                it.reason = words
            case End(words=words):
                self._check_own(it, said)
                self._finish(it, Event.END, words or "")
            case Cancel(reason=reason):
                self._check_own(it, said)
                if it.proposal is not None:
                    raise OrderRefused(
                        "joint", f"{it.name} was agreed together: let {it.proposal} lapse, with a reason"
                    )
                self._finish(it, Event.CANCEL, reason)
            case GivePlace():
                self._give_place(it, act, said)
            case ConfirmSite(verified_ms=verified_ms):
                self._check_own(it, said)
                if it.newest.plan.kind is not Kind.PROTECTED_SITE:
                    raise OrderRefused("kind", "only a protected site is confirmed")
                check_verified(verified_ms, said.at_ms)
                it.verified_ms = verified_ms
            case ShortLead(digest=digest):
                self._note_short(it, digest, said)
        it.history.append((_tag(act), f"{said.party} {said.by}", said.at_ms))

    def follow(self, proposal: str, said: Said) -> None:
        """Bring the activities of a joint operation to what its proposal now says."""
        held = self._joint.setdefault(proposal, [])
        state = self._proposals.state(proposal)
        if state is ProposalState.IN_FORCE:
            self._sign(proposal, held, said)
            return
        for it in held:
            if it.state in _OVER:
                continue
            if state in (ProposalState.TABLED, ProposalState.UNDER_DISCUSSION):
                if it.state is not State.UNSIGNED:
                    it.state = _after(it, Event.UNSIGN)
                    it.history.append(("activity.unsigned", f"{said.party} {said.by}", said.at_ms))
            else:
                self._finish(it, Event.LAPSE, f"{proposal} is {state}")

    def due(self, own: PartyId, now_ms: int) -> Sequence[Act]:
        """Return what *own*'s node has to put on record by itself: that it was told later than agreed."""
        return [
            ShortLead(activity=it.name, digest=it.newest.digest)
            for it in self._all_open()
            if it.party != own
            and it.proposal is None
            and it.short.get(own) != len(it.versions)
            and self._is_short(it.newest)
            and it.state_at(now_ms) not in _OVER
        ]

    # --- what is seen

    def draft(self, act: Act, said: Said) -> Draft:
        """Return what *act* would meet and whether it would be taken, before it is sent; its own key is not looked at.

        Raises OrderRefused for an act that has no plan, or one that is not known.
        """
        assert isinstance(act, AnyActivityAct)
        it = None if isinstance(act, Declare) else self._activities.get(act.activity)
        if it is None and not isinstance(act, Declare):
            raise OrderRefused("unknown_activity", f"there is no activity {act.activity!r} at this table")
        code, reason, rows = None, "", []
        plan, at_ms = (it.newest.plan, it.newest.said.at_ms) if it is not None else (None, said.at_ms)
        if isinstance(act, Declare | Change):
            plan, at_ms = act.plan, said.at_ms
        assert plan is not None
        try:
            self._check(it, act, said)
        except OrderRefused as refused:
            code, reason = refused.code, refused.reason
        try:
            version = _version(plan, said)
            rows = [_overlap_row(m, said, said.at_ms) for m in self._met(version, it) if m.until_ms > said.at_ms]
        except (OrderRefused, ValueError, OverflowError):
            rows = []
        lead_ms = plan.start_ms - at_ms
        agreed = self._agreed_ms(plan.kind)
        return Draft(
            overlaps=rows,
            key=sorted({row.digest for row in rows}),
            digest=plan.digest,
            lead_ms=lead_ms,
            lead_class=lead_class(lead_ms),
            agreed_lead_ms=agreed,
            is_short=agreed is not None and lead_ms < agreed,
            code=code,
            reason=reason,
        )

    def flying(self, at_ms: int) -> Sequence[Flying]:
        """Return what is to be watched now."""
        return [
            Flying(it.name, it.party, it.proposal is not None, it.state, it.newest.plan)
            for it in self._all_open()
            if it.state in FLYING and it.state_at(at_ms) is it.state
        ]

    def place(self, activity: str) -> tuple[Volume, ...]:
        """Return the place itself of what is protected; raises OrderRefused unless it was given at this table.

        Who calls this for a reader puts the reading on record.
        """
        it = self._activities.get(activity)
        if it is None:
            raise OrderRefused("unknown_activity", f"there is no activity {activity!r} at this table")
        if not it.place:
            raise OrderRefused("not_given", f"the place of {activity} has not been given at this table")
        return it.place

    def rows(self, now_ms: int) -> list[ActivityRow]:
        """Return every activity, the newest first."""
        return [self._row(it, now_ms) for it in reversed(self._activities.values())]

    def count(self, now_ms: int) -> int:
        """Return how many are declared and not over."""
        return sum(it.state_at(now_ms) not in _OVER for it in self._all_open())

    # --- the acts

    def _check(self, it: _Activity | None, act: Act, said: Said) -> None:
        """Raise OrderRefused for what makes *act* impossible, its key apart."""
        if isinstance(act, Declare):
            self._check_new(act.plan, said)
            return
        assert it is not None
        if it.state_at(said.at_ms) is State.EXPIRED:
            raise OrderRefused("expired", f"{it.name} is over by its own time")
        match act:
            case Change(after=after, plan=plan):
                self._check_own(it, said)
                if it.proposal is not None:
                    raise OrderRefused("joint", f"{it.name} was agreed together: put a new version to {it.proposal}")
                _check_digest(it, after)
                if plan.kind is not it.newest.plan.kind:
                    raise OrderRefused("kind", f"{it.name} is declared as {it.newest.plan.kind.replace('_', ' ')}")
                if len(it.versions) >= VERSIONS_LIMIT:
                    raise OrderRefused("versions", f"an activity is changed at most {VERSIONS_LIMIT} times")
                check_plan(plan, said.at_ms, self._charter.district)
                _after(it, Event.CHANGE)
            case Accept(digest=digest):
                self._check_others(it, digest, said)
            case Activate(digest=digest):
                self._check_own(it, said)
                _check_digest(it, digest)
                self._check_joint(it)
                if said.at_ms < it.newest.plan.start_ms - EARLY_MS:
                    raise OrderRefused(
                        "not_yet", f"{it.name} begins later: it is activated {EARLY_MS // 60_000} min ahead"
                    )
                _after(it, Event.ACTIVATE)

    def _check_new(self, plan: Plan, said: Said) -> None:
        if plan.kind is Kind.JOINT_OPERATION:
            raise OrderRefused(
                "joint", "a joint operation is a proposal: its plans become activities when it is signed"
            )
        if len(self._open[said.party]) >= OPEN_LIMIT:
            self._let_go(said)
        if len(self._open[said.party]) >= OPEN_LIMIT:
            raise OrderRefused("too_many", f"{said.party} has {OPEN_LIMIT} activities that are not over")
        check_plan(plan, said.at_ms, self._charter.district)
        for other in self._open[said.party].values():
            if other.newest.plan.volumes == plan.volumes and other.newest.plan.kind is plan.kind:
                raise OrderRefused("duplicate", f"{other.name} has the same volumes and times")

    def _let_go(self, said: Said) -> None:
        """Take what has expired by its party's own word out of what is compared."""
        for it in [it for it in self._open[said.party].values() if it.state_at(said.at_ms) is State.EXPIRED]:
            self._part(it)

    def _declare(self, act: Declare, said: Said) -> None:
        self._check(None, act, said)
        version = _version(act.plan, said)
        self._check_key(version, None, act.key, said)
        it = _Activity(said.name, [version], verified_ms=act.plan.verified_ms)
        it.history.append((_tag(act), f"{said.party} {said.by}", said.at_ms))
        self._enter(it)

    def _change(self, it: _Activity, act: Change, said: Said) -> None:
        self._check(it, act, said)
        version = _version(act.plan, said)
        if it.state not in (State.NONCONFORMING, State.CONTINGENT):  # it is where it is; its new volumes are news
            self._check_key(version, it, act.key, said)
        it.state = _after(it, Event.CHANGE)
        it.place, it.verified_ms = (), act.plan.verified_ms
        self._renew(it, version)

    def _answer(self, it: _Activity, act: Accept | Object | Question, said: Said) -> None:
        self._check_others(it, act.digest, said)
        if isinstance(act, Accept):
            self._check_key(it.newest, it, act.key, said)
        answer = {Accept: "accepts", Object: "objects", Question: "asks"}[type(act)]
        it.answers[said.party] = _Answer(len(it.versions), answer, act.words or "", said)

    def _activate(self, it: _Activity, act: Activate, said: Said) -> None:
        self._check(it, act, said)
        self._check_key(it.newest, it, act.key, said)
        it.state = _after(it, Event.ACTIVATE)

    def _give_place(self, it: _Activity, act: GivePlace, said: Said) -> None:
        self._check_own(it, said)
        if it.newest.plan.kind not in PROTECTED:
            raise OrderRefused("kind", "only what is protected is declared without its place")
        if len(self._charter.members) > 2:
            raise OrderRefused("many_addressees", "the place itself is given to one party, at a table of two")
        for n, volume in enumerate(act.volumes, 1):
            check_outline(volume.outline, f"volume {n}")
        if not lies_in(it.newest.plan, act.volumes):
            raise OrderRefused("outside_area", "the place lies outside the cells that were declared")
        it.place = act.volumes

    def _note_short(self, it: _Activity, digest: str, said: Said) -> None:
        number = next((n for n, version in enumerate(it.versions, 1) if version.digest == digest), None)
        if number is None or it.party == said.party or it.proposal is not None:
            raise OrderRefused("not_yours", "it is for the party that was told late to put that on record")
        if not self._is_short(it.versions[number - 1]) or it.short.get(said.party) == number:
            raise OrderRefused("not_due", "the agreed lead time was kept, or its breach is on record")
        it.short[said.party] = number

    def _sign(self, proposal: str, held: list[_Activity], said: Said) -> None:
        plans = self._proposals.in_force(proposal).activities
        for n, plan in enumerate(plans):
            version = _version(plan, said)
            if n >= len(held):
                held.append(_Activity(f"{proposal}.{n + 1}", [version], proposal=proposal))
                self._enter(held[n])
            elif held[n].state is State.UNSIGNED:
                held[n].state = _after(held[n], Event.SIGN)
                self._renew(held[n], version)
        for it in held[len(plans) :]:
            if it.state not in _OVER:
                self._finish(it, Event.LAPSE, f"no longer part of {proposal}")

    # --- what is asked of a writer

    def _check_own(self, it: _Activity, said: Said) -> None:
        if it.proposal is None and it.party != said.party:
            raise OrderRefused("not_yours", f"only {it.party}, whose it is, can do that")

    def _check_others(self, it: _Activity, digest: str, said: Said) -> None:
        if it.proposal is not None:
            raise OrderRefused("joint", f"{it.name} was agreed by signature: {it.proposal}")
        if it.party == said.party:
            raise OrderRefused("own_activity", "an own activity is answered by the others")
        if it.state in _OVER:
            raise OrderRefused("state", f"{it.name} is {it.state}")
        _check_digest(it, digest)

    def _check_joint(self, it: _Activity) -> None:
        if it.proposal is None:
            return
        if not self._proposals.is_in_force(it.proposal):
            raise OrderRefused("not_in_force", f"{it.proposal} is not in force: a change takes every signature away")
        if not self._arrangement.flows(Flow.TALKS):
            state = self._arrangement.state.replace("_", " ")
            raise OrderRefused("arrangement", f"the arrangement is {state}: nothing is done jointly")

    def _check_key(self, version: _Version, it: _Activity | None, key: Key, said: Said) -> None:
        """Raise OrderRefused ``key_missing`` unless *key* holds every plan that *version* meets and the writer saw."""
        missing = [
            f"{found.other.name} ({found.version.digest[:16]}, {found.other.party}: {found.version.plan.title})"
            for found in self._met(version, it, said)
            if found.until_ms > said.at_ms and found.version.digest not in key
        ]
        if missing:
            raise OrderRefused("key_missing", f"look first at what it meets: {'; '.join(missing)}")

    def _met(self, version: _Version, it: _Activity | None, said: Said | None = None) -> Iterable[_Met]:
        """Return what *version* meets of others' plans: the newest that *said* had seen, or the newest of all."""
        for other in self._all_open():
            if other is it:
                continue
            theirs = other.newest if said is None else other.seen_by(said)
            found = None if theirs is None else _meeting(version, other, theirs)
            if found is not None:
                yield found

    # --- keeping

    def _all_open(self) -> Iterable[_Activity]:
        return (it for held in self._open.values() for it in held.values())

    def _enter(self, it: _Activity) -> None:
        self._activities[it.name] = self._open[it.party][it.name] = it
        self._pair(it)

    def _renew(self, it: _Activity, version: _Version) -> None:
        self._unpair(it)
        it.versions.append(version)
        self._pair(it)

    def _pair(self, it: _Activity) -> None:
        for found in self._met(it.newest, it):
            it.met[found.other.name] = found
            found.other.met[it.name] = _Met(it, it.newest, found.from_ms, found.until_ms, found.levels_known)

    def _unpair(self, it: _Activity) -> None:
        for found in it.met.values():
            found.other.met.pop(it.name, None)
        it.met.clear()

    def _part(self, it: _Activity) -> None:
        self._unpair(it)
        self._open[it.party].pop(it.name, None)

    def _finish(self, it: _Activity, event: Event, reason: str) -> None:
        it.state, it.reason = _after(it, event), reason
        self._part(it)

    # --- what stands

    def _agreed_ms(self, kind: Kind) -> int | None:
        minutes = self._charter.lead_minutes.get(kind.value)
        return None if minutes is None else minutes * 60_000

    def _is_short(self, version: _Version) -> bool:
        agreed = self._agreed_ms(version.plan.kind)
        return agreed is not None and version.plan.start_ms - version.said.at_ms < agreed

    def _row(self, it: _Activity, now_ms: int) -> ActivityRow:
        newest, plan = it.newest, it.newest.plan
        lead_ms = plan.start_ms - newest.said.at_ms
        return ActivityRow(
            activity=it.name,
            kind=plan.kind,
            title=plan.title,
            words=plan.words or "",
            by=it.party,
            seat=it.first.by,
            state=it.state_at(now_ms),
            proposal=it.proposal,
            number=len(it.versions),
            digest=newest.digest,
            declared_at_ms=it.first.at_ms,
            changed_at_ms=newest.said.at_ms,
            start_ms=plan.start_ms,
            end_ms=plan.end_ms,
            volumes=[_volume_row(v, e) for v, e in zip(plan.volumes, newest.extents, strict=True)],
            identities=list(plan.identities),
            callsigns=list(plan.callsigns),
            contact=plan.contact or "",
            urgent=plan.urgent or "",
            answers=[self._answer_row(it, party) for party in self._charter.parties if party != it.party],
            overlaps=[_overlap_row(found, newest.said, now_ms) for found in it.met.values() if found.until_ms > now_ms],
            lead_ms=lead_ms,
            lead_class=lead_class(lead_ms),
            agreed_lead_ms=self._agreed_ms(plan.kind),
            is_short=it.proposal is None and self._is_short(newest),
            short_noted_by=sorted(party for party, number in it.short.items() if number == len(it.versions)),
            place_given=bool(it.place),
            verified_ms=it.verified_ms,
            stale=it.verified_ms is not None and now_ms - it.verified_ms > CONFIRM_MS,
            reason=it.reason,
            history=it.history,
            plan=None if it.state_at(now_ms) in _OVER else plan,
        )

    def _answer_row(self, it: _Activity, party: PartyId) -> AnswerRow:
        number, newest = len(it.versions), it.newest.said
        answer = it.answers.get(party)
        if answer is not None and answer.number != number:
            answer = None
        passed = it.passed.get(party, (0, ""))
        has_received = self._heard.get(party, {}).get(newest.party, 0) >= newest.n
        return AnswerRow(
            party=party,
            stage="passed_on" if passed[0] == number else "received" if has_received else "told",
            passed_to=passed[1] if passed[0] == number else "",
            answer=None if answer is None else answer.answer,
            words="" if answer is None else answer.words,
            seat="" if answer is None else answer.said.by,
            at_ms=None if answer is None else answer.said.at_ms,
        )


def _version(plan: Plan, said: Said) -> _Version:
    return _Version(plan, said, plan.digest, plan.start_ms, plan.end_ms)


def _meeting(version: _Version, other: _Activity, theirs: _Version) -> _Met | None:
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
    return None if from_ms is None or until_ms is None else _Met(other, theirs, from_ms, until_ms, known)


def _overlap_row(found: _Met, said: Said, now_ms: int) -> OverlapRow:
    return OverlapRow(
        activity=found.other.name,
        by=found.other.party,
        kind=found.version.plan.kind,
        title=found.version.plan.title,
        state=found.other.state_at(now_ms),
        digest=found.version.digest,
        from_ms=found.from_ms,
        until_ms=found.until_ms,
        levels_known=found.levels_known,
        seen=said.saw(found.version.said),
    )


def _volume_row(volume: Volume, covered: Extent) -> VolumeRow:
    pressure = volume.levels if isinstance(volume.levels, PressureLevels) else PressureLevels()
    ellipsoid = EllipsoidLevels() if isinstance(volume.levels, PressureLevels) else volume.levels
    return VolumeRow(
        shape=str(volume.outline.__struct_config__.tag),
        rings=[[*ring.tolist(), ring[0].tolist()] for ring in covered.rings],
        datum=str(volume.levels.__struct_config__.tag),
        floor_ft=pressure.floor_ft,
        ceiling_ft=pressure.ceiling_ft,
        floor_cm=ellipsoid.floor_cm,
        ceiling_cm=ellipsoid.ceiling_cm,
        start_ms=volume.start_ms,
        end_ms=volume.end_ms,
    )


def _check_digest(it: _Activity, digest: str) -> None:
    if digest != it.newest.digest:
        raise OrderRefused("digest", f"{it.name} has been changed: that is not its newest plan")


def _after(it: _Activity, event: Event) -> State:
    """Return the state after *event*; raises OrderRefused where the table has none."""
    after = TRANSITIONS[it.state].get(event)
    if after is None:
        raise OrderRefused("state", f"an activity that is {it.state} takes no {event}")
    return after


def _tag(act: Act) -> str:
    return str(act.__struct_config__.tag)
