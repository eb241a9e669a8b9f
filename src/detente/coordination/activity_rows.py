"""Activities as a desk shows them: what was declared, who answered, what it meets; and a draft not yet said."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from detente.coordination.act import Said
from detente.coordination.activity_held import Activity, Met
from detente.coordination.activity_states import OVER
from detente.coordination.charter import Charter
from detente.coordination.extent import Extent
from detente.coordination.lead_time import agreed_ms, is_short, lead_class
from detente.coordination.plan import CONFIRM_MS, EllipsoidLevels, Plan, PressureLevels, Volume
from detente.types import PartyId

Heard = Mapping[PartyId, Mapping[PartyId, int]]
"""Of each party, what its newest act had seen: that is how a party is known to have received a plan."""


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


def activity_row(it: Activity, charter: Charter, heard: Heard, now_ms: int) -> ActivityRow:
    """Return *it* as every desk of the table shows it at *now_ms*."""
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
        volumes=[volume_row(v, e) for v, e in zip(plan.volumes, newest.extents, strict=True)],
        identities=list(plan.identities),
        callsigns=list(plan.callsigns),
        contact=plan.contact or "",
        urgent=plan.urgent or "",
        answers=[_answer_row(it, party, heard) for party in charter.parties if party != it.party],
        overlaps=[overlap_row(found, newest.said, now_ms) for found in it.met.values() if found.until_ms > now_ms],
        lead_ms=lead_ms,
        lead_class=lead_class(lead_ms),
        agreed_lead_ms=agreed_ms(charter, plan.kind),
        is_short=it.proposal is None and is_short(charter, plan, newest.said.at_ms),
        short_noted_by=sorted(party for party, number in it.short.items() if number == len(it.versions)),
        place_given=bool(it.place),
        verified_ms=it.verified_ms,
        stale=it.verified_ms is not None and now_ms - it.verified_ms > CONFIRM_MS,
        reason=it.reason,
        history=it.history,
        plan=None if it.state_at(now_ms) in OVER else plan,
    )


def _answer_row(it: Activity, party: PartyId, heard: Heard) -> AnswerRow:
    number, newest = len(it.versions), it.newest.said
    answer = it.answers.get(party)
    if answer is not None and answer.number != number:
        answer = None
    passed = it.passed.get(party, (0, ""))
    has_received = heard.get(party, {}).get(newest.party, 0) >= newest.n
    return AnswerRow(
        party=party,
        stage="passed_on" if passed[0] == number else "received" if has_received else "told",
        passed_to=passed[1] if passed[0] == number else "",
        answer=None if answer is None else answer.answer,
        words="" if answer is None else answer.words,
        seat="" if answer is None else answer.said.by,
        at_ms=None if answer is None else answer.said.at_ms,
    )


def overlap_row(found: Met, said: Said, now_ms: int) -> OverlapRow:
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


def volume_row(volume: Volume, covered: Extent) -> VolumeRow:
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
