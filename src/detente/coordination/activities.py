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
from typing import Final, NamedTuple

from detente.coordination.act import Act, Said
from detente.coordination.activity_acts import (
    Accept,
    Activate,
    AnyActivityAct,
    Cancel,
    Change,
    ConfirmSite,
    Declare,
    Deviate,
    End,
    GivePlace,
    Object,
    PassOn,
    Question,
    ShortLead,
)
from detente.coordination.activity_held import Activity, Answer, Met, Version, meeting_of, version_of
from detente.coordination.activity_rows import ActivityRow, Draft, activity_row, overlap_row
from detente.coordination.activity_states import FLYING, OVER, Event, State, state_after
from detente.coordination.arrangement import Arrangement, Flow
from detente.coordination.charter import Charter
from detente.coordination.lead_time import agreed_ms, is_short, lead_class
from detente.coordination.plan import (
    PROTECTED,
    Key,
    Kind,
    Plan,
    Volume,
    check_outline,
    check_plan,
    check_verified,
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
        self._activities: dict[str, Activity] = {}
        self._open: dict[PartyId, dict[str, Activity]] = {party: {} for party in charter.parties}
        self._joint: dict[str, list[Activity]] = {}  # by proposal
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
                it.state = state_after(it.state, Event.DEVIATE if to == "nonconforming" else Event.EMERGENCY)
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
            if it.state in OVER:
                continue
            if state in (ProposalState.TABLED, ProposalState.UNDER_DISCUSSION):
                if it.state is not State.UNSIGNED:
                    it.state = state_after(it.state, Event.UNSIGN)
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
            and is_short(self._charter, it.newest.plan, it.newest.said.at_ms)
            and it.state_at(now_ms) not in OVER
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
            version = version_of(plan, said)
            rows = [overlap_row(m, said, said.at_ms) for m in self._met(version, it) if m.until_ms > said.at_ms]
        except (OrderRefused, ValueError, OverflowError):
            rows = []
        lead_ms = plan.start_ms - at_ms
        return Draft(
            overlaps=rows,
            key=sorted({row.digest for row in rows}),
            digest=plan.digest,
            lead_ms=lead_ms,
            lead_class=lead_class(lead_ms),
            agreed_lead_ms=agreed_ms(self._charter, plan.kind),
            is_short=is_short(self._charter, plan, at_ms),
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
        return [activity_row(it, self._charter, self._heard, now_ms) for it in reversed(self._activities.values())]

    def count(self, now_ms: int) -> int:
        """Return how many are declared and not over."""
        return sum(it.state_at(now_ms) not in OVER for it in self._all_open())

    # --- the acts

    def _check(self, it: Activity | None, act: Act, said: Said) -> None:
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
                state_after(it.state, Event.CHANGE)
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
                state_after(it.state, Event.ACTIVATE)

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
        version = version_of(act.plan, said)
        self._check_key(version, None, act.key, said)
        it = Activity(said.name, [version], verified_ms=act.plan.verified_ms)
        it.history.append((_tag(act), f"{said.party} {said.by}", said.at_ms))
        self._enter(it)

    def _change(self, it: Activity, act: Change, said: Said) -> None:
        self._check(it, act, said)
        version = version_of(act.plan, said)
        if it.state not in (State.NONCONFORMING, State.CONTINGENT):  # it is where it is; its new volumes are news
            self._check_key(version, it, act.key, said)
        it.state = state_after(it.state, Event.CHANGE)
        it.place, it.verified_ms = (), act.plan.verified_ms
        self._renew(it, version)

    def _answer(self, it: Activity, act: Accept | Object | Question, said: Said) -> None:
        self._check_others(it, act.digest, said)
        if isinstance(act, Accept):
            self._check_key(it.newest, it, act.key, said)
        answer = {Accept: "accepts", Object: "objects", Question: "asks"}[type(act)]
        it.answers[said.party] = Answer(len(it.versions), answer, act.words or "", said)

    def _activate(self, it: Activity, act: Activate, said: Said) -> None:
        self._check(it, act, said)
        self._check_key(it.newest, it, act.key, said)
        it.state = state_after(it.state, Event.ACTIVATE)

    def _give_place(self, it: Activity, act: GivePlace, said: Said) -> None:
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

    def _note_short(self, it: Activity, digest: str, said: Said) -> None:
        number = next((n for n, version in enumerate(it.versions, 1) if version.digest == digest), None)
        if number is None or it.party == said.party or it.proposal is not None:
            raise OrderRefused("not_yours", "it is for the party that was told late to put that on record")
        late = it.versions[number - 1]
        if not is_short(self._charter, late.plan, late.said.at_ms) or it.short.get(said.party) == number:
            raise OrderRefused("not_due", "the agreed lead time was kept, or its breach is on record")
        it.short[said.party] = number

    def _sign(self, proposal: str, held: list[Activity], said: Said) -> None:
        plans = self._proposals.in_force(proposal).activities
        for n, plan in enumerate(plans):
            version = version_of(plan, said)
            if n >= len(held):
                held.append(Activity(f"{proposal}.{n + 1}", [version], proposal=proposal))
                self._enter(held[n])
            elif held[n].state is State.UNSIGNED:
                held[n].state = state_after(held[n].state, Event.SIGN)
                self._renew(held[n], version)
        for it in held[len(plans) :]:
            if it.state not in OVER:
                self._finish(it, Event.LAPSE, f"no longer part of {proposal}")

    # --- what is asked of a writer

    def _check_own(self, it: Activity, said: Said) -> None:
        if it.proposal is None and it.party != said.party:
            raise OrderRefused("not_yours", f"only {it.party}, whose it is, can do that")

    def _check_others(self, it: Activity, digest: str, said: Said) -> None:
        if it.proposal is not None:
            raise OrderRefused("joint", f"{it.name} was agreed by signature: {it.proposal}")
        if it.party == said.party:
            raise OrderRefused("own_activity", "an own activity is answered by the others")
        if it.state in OVER:
            raise OrderRefused("state", f"{it.name} is {it.state}")
        _check_digest(it, digest)

    def _check_joint(self, it: Activity) -> None:
        if it.proposal is None:
            return
        if not self._proposals.is_in_force(it.proposal):
            raise OrderRefused("not_in_force", f"{it.proposal} is not in force: a change takes every signature away")
        if not self._arrangement.flows(Flow.TALKS):
            state = self._arrangement.state.replace("_", " ")
            raise OrderRefused("arrangement", f"the arrangement is {state}: nothing is done jointly")

    def _check_key(self, version: Version, it: Activity | None, key: Key, said: Said) -> None:
        """Raise OrderRefused ``key_missing`` unless *key* holds every plan that *version* meets and the writer saw."""
        missing = [
            f"{found.other.name} ({found.version.digest[:16]}, {found.other.party}: {found.version.plan.title})"
            for found in self._met(version, it, said)
            if found.until_ms > said.at_ms and found.version.digest not in key
        ]
        if missing:
            raise OrderRefused("key_missing", f"look first at what it meets: {'; '.join(missing)}")

    def _met(self, version: Version, it: Activity | None, said: Said | None = None) -> Iterable[Met]:
        """Return what *version* meets of others' plans: the newest that *said* had seen, or the newest of all."""
        for other in self._all_open():
            if other is it:
                continue
            theirs = other.newest if said is None else other.seen_by(said)
            found = None if theirs is None else meeting_of(version, other, theirs)
            if found is not None:
                yield found

    # --- keeping

    def _all_open(self) -> Iterable[Activity]:
        return (it for held in self._open.values() for it in held.values())

    def _enter(self, it: Activity) -> None:
        self._activities[it.name] = self._open[it.party][it.name] = it
        self._pair(it)

    def _renew(self, it: Activity, version: Version) -> None:
        self._unpair(it)
        it.versions.append(version)
        self._pair(it)

    def _pair(self, it: Activity) -> None:
        for found in self._met(it.newest, it):
            it.met[found.other.name] = found
            found.other.met[it.name] = Met(it, it.newest, found.from_ms, found.until_ms, found.levels_known)

    def _unpair(self, it: Activity) -> None:
        for found in it.met.values():
            found.other.met.pop(it.name, None)
        it.met.clear()

    def _part(self, it: Activity) -> None:
        self._unpair(it)
        self._open[it.party].pop(it.name, None)

    def _finish(self, it: Activity, event: Event, reason: str) -> None:
        it.state, it.reason = state_after(it.state, event), reason
        self._part(it)

    # --- what stands


def _check_digest(it: Activity, digest: str) -> None:
    if digest != it.newest.digest:
        raise OrderRefused("digest", f"{it.name} has been changed: that is not its newest plan")


def _tag(act: Act) -> str:
    return str(act.__struct_config__.tag)
