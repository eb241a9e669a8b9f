"""Acts drawn at random that somebody at a table could do now: of every kind, about what stands there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Final, TypeVar, get_args

from detente.coordination import (
    activity_acts,
    activity_rows,
    arrangement,
    ceasefire,
    decisions,
    incidents,
    ledger,
    proposals,
    reports,
    watch,
)
from detente.coordination.extent import E7
from detente.coordination.plan import (
    PROTECTED,
    Cells,
    Circle,
    Corridor,
    EllipsoidLevels,
    Kind,
    Plan,
    Polygon,
    PressureLevels,
    Shape,
    Volume,
)
from detente.coordination.statement import AnyAct
from detente.coordination.table import Table
from detente.types import Role

_HOUR_MS: Final = 3_600_000
_ORIGIN: Final = (36 * E7, 36 * E7)

KINDS: Final[tuple[type[AnyAct], ...]] = get_args(AnyAct)
T = TypeVar("T")
Draw = Callable[["Drawing"], AnyAct | None]


class Drawing:
    """What one party's next act is drawn from: its table as it stands, chance, and its clock."""

    def __init__(self, rng: Random, table: Table, party: str, now_ms: int) -> None:
        self.rng, self.table, self.party, self.now_ms = rng, table, party, now_ms
        self.standing = table.standing
        self.parties = [str(p) for p in table.charter.parties]

    def act(self, kind: type[AnyAct]) -> AnyAct | None:
        """Return an act of *kind*; None when there is nothing that one could be about."""
        return _DRAWS[kind](self)

    def words(self) -> str:
        return self.rng.choice(("As agreed.", "Hayır.", "Потом.", "Seen at the line."))

    def other(self) -> str:
        return self.rng.choice([party for party in self.parties if party != self.party])

    def one_of(self, rows: list[T]) -> T | None:
        return self.rng.choice(rows) if rows else None

    # --- plans

    def place(self) -> tuple[int, int]:
        return _ORIGIN[0] + self.rng.randrange(-E7, E7), _ORIGIN[1] + self.rng.randrange(-E7, E7)

    def outline(self, kind: Kind) -> Shape:
        at, size = self.place(), self.rng.randrange(E7 // 20, E7)
        if kind in PROTECTED:
            return Cells(((at[0] * 10 // E7, at[1] * 10 // E7),))
        corner = (at[0] + size, at[1] + size // 2)
        return self.rng.choice(
            (
                Circle(at, self.rng.randrange(100_000, 3_000_000)),
                Corridor((at, corner), self.rng.randrange(100_000, 1_000_000)),
                Polygon((at, (at[0], at[1] + size), corner)),
            )
        )

    def plan(self, kind: Kind | None = None) -> Plan:
        kind = kind or self.rng.choice([one for one in Kind if one is not Kind.JOINT_OPERATION])
        start_ms = self.now_ms + self.rng.randrange(-_HOUR_MS, 3 * _HOUR_MS)
        floor = self.rng.randrange(0, 20_000)
        levels = self.rng.choice(
            (PressureLevels(floor, floor + 10_000), PressureLevels(), EllipsoidLevels(floor * 30, None))
        )
        volume = Volume(
            outline=self.outline(kind),
            levels=levels,
            start_ms=start_ms,
            end_ms=start_ms + self.rng.randrange(_HOUR_MS // 2, 4 * _HOUR_MS),
        )
        verified_ms = self.now_ms - self.rng.randrange(100 * 86_400_000) if kind is Kind.PROTECTED_SITE else None
        return Plan(kind=kind, title=f"A-{self.rng.randrange(100)}", volumes=(volume,), verified_ms=verified_ms)

    def activity(self, *, own: bool | None = None) -> activity_rows.ActivityRow | None:
        rows = self.standing.activities.rows(self.now_ms)
        open_ones = [row for row in rows if row.state not in ("ended", "cancelled", "expired")]
        mine = [row for row in open_ones if own is None or (row.by == self.party) == own or row.proposal is not None]
        return self.one_of(mine or rows)

    def key(self, row: activity_rows.ActivityRow) -> tuple[str, ...]:
        """Return what has to be shown of what *row* meets; one time in six something is left out."""
        key = tuple(overlap.digest for overlap in row.overlaps)
        return key[1:] if self.rng.random() < 0.15 else key

    def keyed(self, plan: Plan) -> tuple[str, ...]:
        drawn = self.table.draft(activity_acts.Declare(plan=plan), Role.DUTY_OFFICER, self.now_ms)
        return tuple(drawn.key[1:] if self.rng.random() < 0.15 else drawn.key)

    # --- proposals

    def version(self) -> proposals.Version:
        details = tuple(
            proposals.Detail(key=key, title=key.title(), required=self.rng.random() < 0.5)
            for key in ("levels", "times")
            if self.rng.random() < 0.4
        )
        promises = {party: self.words() for party in self.parties} if self.rng.random() < 0.3 else {}
        joint = (self.plan(Kind.JOINT_OPERATION),) if self.rng.random() < 0.5 else ()
        return proposals.Version(text=self.words(), details=details, promises=promises, activities=joint)

    def proposal(self, *, is_open: bool = True) -> proposals.ProposalRow | None:
        rows = self.standing.proposals.rows(self.now_ms)
        wanted = ("tabled", "under_discussion") if is_open else ("in_force",)
        return self.one_of([row for row in rows if row.state in wanted][:2] or rows)

    def part(self, *, own: bool) -> tuple[str, str, str] | None:
        rows = [
            (summit.summit, decision.decision, part.party)
            for summit in self.standing.decisions.rows(self.now_ms)[:2]
            for decision in summit.decisions
            for part in decision.parts
            if (part.party == self.party) == own
        ]
        return self.rng.choice(rows) if rows else None


def _declare(d: Drawing) -> AnyAct:
    plan = d.plan()
    return activity_acts.Declare(plan=plan, key=d.keyed(plan))


def _change(d: Drawing) -> AnyAct | None:
    row = d.activity(own=True)
    if row is None:
        return None
    plan = d.plan(Kind(row.kind))
    return activity_acts.Change(activity=row.activity, after=row.digest, plan=plan, key=d.keyed(plan))


def _with_key(kind: type[activity_acts.Accept | activity_acts.Activate], *, own: bool) -> Draw:
    def draw(d: Drawing) -> AnyAct | None:
        row = d.activity(own=own)
        return None if row is None else kind(activity=row.activity, digest=row.digest, key=d.key(row))

    return draw


def _on_activity(make: Callable[[Drawing, activity_rows.ActivityRow], AnyAct | None], *, own: bool) -> Draw:
    def draw(d: Drawing) -> AnyAct | None:
        row = d.activity(own=own)
        return None if row is None else make(d, row)

    return draw


def _give_place(_: Drawing, row: activity_rows.ActivityRow) -> AnyAct | None:
    latitude, longitude = row.volumes[0].rings[0][0]
    centre = (latitude + E7 // 20, longitude + E7 // 20)
    volume = Volume(
        outline=Circle(centre, 10_000),
        levels=PressureLevels(),
        start_ms=row.start_ms,
        end_ms=row.end_ms,
    )
    return activity_acts.GivePlace(activity=row.activity, volumes=(volume,))


def _due(kind: type[AnyAct]) -> Draw:
    def draw(d: Drawing) -> AnyAct | None:
        found = [act for act in d.table.due(d.now_ms) if isinstance(act, kind)]
        return found[0] if found else None

    return draw


def _on_proposal(make: Callable[[Drawing, proposals.ProposalRow], AnyAct], *, is_open: bool = True) -> Draw:
    def draw(d: Drawing) -> AnyAct | None:
        row = d.proposal(is_open=is_open)
        return None if row is None else make(d, row)

    return draw


def _settle(d: Drawing, row: proposals.ProposalRow) -> AnyAct:
    key = d.rng.choice([detail.key for detail in row.details] or ["levels"])
    stances: tuple[proposals.Stance, ...] = ("agreed", "agreed", "agreed", "open", "disputed")
    stance = d.rng.choice(stances)
    return proposals.SettleDetail(
        proposal=row.proposal, number=len(row.versions), detail=key, stance=stance, words=d.words()
    )


def _named(rows: list[str], make: Callable[[str], AnyAct], rng: Random) -> AnyAct | None:
    return make(rng.choice(rows)) if rows else None


def _claim(d: Drawing) -> AnyAct | None:
    row = d.one_of(d.standing.ceasefires.rows(d.now_ms))
    if row is None:
        return None
    return ceasefire.Claim(
        terms=row.terms,
        category="burst",
        observed_ms=d.now_ms - d.rng.randrange(_HOUR_MS),
        observer="a post",
        sense="heard",
        confidence="low",
        area=(360, 360),
        words=d.words(),
    )


def _claims(d: Drawing) -> list[ceasefire.ClaimRow]:
    return [claim for terms in d.standing.ceasefires.rows(d.now_ms) for claim in terms.claims]


def _on_claim(make: Callable[[Drawing, ceasefire.ClaimRow], AnyAct]) -> Draw:
    def draw(d: Drawing) -> AnyAct | None:
        row = d.one_of(_claims(d))
        return None if row is None else make(d, row)

    return draw


def _on_incident(make: Callable[[Drawing, str], AnyAct]) -> Draw:
    def draw(d: Drawing) -> AnyAct | None:
        row = d.one_of(d.standing.incidents.rows())
        return None if row is None else make(d, row.incident)

    return draw


def _on_report(make: Callable[[Drawing, str], AnyAct]) -> Draw:
    def draw(d: Drawing) -> AnyAct | None:
        row = d.one_of(d.standing.reports.rows(d.now_ms))
        return None if row is None else make(d, row.report)

    return draw


def _on_difference(make: Callable[[Drawing, str], AnyAct]) -> Draw:
    def draw(d: Drawing) -> AnyAct | None:
        row = d.one_of(d.standing.ledger.differences())
        return None if row is None else make(d, row.difference)

    return draw


def _on_part(make: Callable[[Drawing, tuple[str, str, str]], AnyAct], *, own: bool) -> Draw:
    def draw(d: Drawing) -> AnyAct | None:
        part = d.part(own=own)
        return None if part is None else make(d, part)

    return draw


def _item(d: Drawing) -> dict[str, Any]:
    originator = d.party if d.rng.random() < 0.7 else d.other()
    return {
        "title": "Seen",
        "words": d.words(),
        "kind": "movement",
        "observed_ms": d.now_ms - d.rng.randrange(_HOUR_MS),
        "valid_until_ms": d.now_ms + _HOUR_MS,
        "originator": originator,
        "material": None if originator == d.party else "m-1",
    }


def _share(d: Drawing) -> AnyAct:
    abouts: tuple[reports.About, ...] = ("own", "others", "general")
    return reports.Share(about=d.rng.choice(abouts), area=(360, 360) if d.rng.random() < 0.8 else None, **_item(d))


def _share_point(d: Drawing) -> AnyAct:
    abouts: tuple[reports.PointAbout, ...] = ("own", "safety_of_life")
    point = reports.Point(latitude_e4=360_500, longitude_e4=360_500)
    return reports.SharePoint(about=d.rng.choice(abouts), point=point, **_item(d))


def _find(d: Drawing, row: ceasefire.ClaimRow) -> AnyAct:
    return ceasefire.Find(
        claim=row.claim, finding=d.rng.choice(list(ceasefire.Finding)), grade="minor", words=d.words()
    )


_POSTS: Final = ("operator", "supervisor", "duty_officer")

_DRAWS: Final[Mapping[type, Draw]] = {
    activity_acts.Declare: _declare,
    activity_acts.Change: _change,
    activity_acts.Accept: _with_key(activity_acts.Accept, own=False),
    activity_acts.Activate: _with_key(activity_acts.Activate, own=True),
    activity_acts.Object: _on_activity(
        lambda d, row: activity_acts.Object(activity=row.activity, digest=row.digest, words=d.words()), own=False
    ),
    activity_acts.PassOn: _on_activity(
        lambda _, row: activity_acts.PassOn(activity=row.activity, digest=row.digest, to="Sector north"), own=False
    ),
    activity_acts.Question: _on_activity(
        lambda d, row: activity_acts.Question(activity=row.activity, digest=row.digest, words=d.words()), own=False
    ),
    activity_acts.Deviate: _on_activity(
        lambda d, row: activity_acts.Deviate(
            activity=row.activity, to=d.rng.choice(("nonconforming", "contingent")), words=d.words()
        ),
        own=True,
    ),
    activity_acts.End: _on_activity(lambda _, row: activity_acts.End(activity=row.activity), own=True),
    activity_acts.Cancel: _on_activity(
        lambda d, row: activity_acts.Cancel(activity=row.activity, reason=d.words()), own=True
    ),
    activity_acts.GivePlace: _on_activity(_give_place, own=True),
    activity_acts.ConfirmSite: _on_activity(
        lambda d, row: activity_acts.ConfirmSite(activity=row.activity, verified_ms=d.now_ms), own=True
    ),
    activity_acts.ShortLead: _due(activity_acts.ShortLead),
    arrangement.Narrow: lambda d: arrangement.Narrow(to="safety_of_life", note=d.words()),
    arrangement.Resume: lambda d: arrangement.Resume(note=d.words()),
    ceasefire.Terms: lambda d: ceasefire.Terms(
        title="Quiet", area=((360, 360),), from_ms=d.now_ms, prohibited=("Fire.",)
    ),
    ceasefire.AgreeTerms: lambda d: _named(
        [row.terms for row in d.standing.ceasefires.rows(d.now_ms)], lambda n: ceasefire.AgreeTerms(terms=n), d.rng
    ),
    ceasefire.Claim: _claim,
    ceasefire.Reply: _on_claim(lambda d, row: ceasefire.Reply(claim=row.claim, stance="denies", words=d.words())),
    ceasefire.Find: _on_claim(_find),
    ceasefire.Remedy: _on_claim(lambda d, row: ceasefire.Remedy(claim=row.claim, words=d.words())),
    decisions.RecordSummit: lambda d: decisions.RecordSummit(
        title="Summit",
        held_ms=d.now_ms - _HOUR_MS,
        place="Here",
        decisions=(decisions.Decided(key="line", text="A line.", due_ms=d.now_ms + _HOUR_MS),),
    ),
    decisions.Adopt: lambda d: _named(
        [row.summit for row in d.standing.decisions.rows(d.now_ms)],
        lambda n: decisions.Adopt(summit=n, objection=d.words() if d.rng.random() < 0.1 else None),
        d.rng,
    ),
    decisions.Assign: _on_part(
        lambda d, p: decisions.Assign(summit=p[0], decision=p[1], seat="military", due_ms=d.now_ms + _HOUR_MS), own=True
    ),
    decisions.Report: _on_part(lambda d, p: decisions.Report(summit=p[0], decision=p[1], words=d.words()), own=True),
    decisions.ClaimDone: _on_part(
        lambda d, p: decisions.ClaimDone(summit=p[0], decision=p[1], words=d.words()), own=True
    ),
    decisions.Confirm: _on_part(lambda _, p: decisions.Confirm(summit=p[0], decision=p[1], party=p[2]), own=False),
    decisions.Dispute: _on_part(
        lambda d, p: decisions.Dispute(summit=p[0], decision=p[1], party=p[2], reason=d.words()), own=False
    ),
    incidents.OpenIncident: lambda d: incidents.OpenIncident(
        title="Crossing",
        happened_ms=d.now_ms - d.rng.randrange(_HOUR_MS),
        alert=f"alfa-{d.rng.randrange(1, 6)}" if d.rng.random() < 0.5 else None,
    ),
    incidents.Account: _on_incident(lambda d, n: incidents.Account(incident=n, words=d.words())),
    incidents.Attach: _on_incident(
        lambda d, n: incidents.Attach(incident=n, evidence=(f"alfa-{d.rng.randrange(1, 9)}",))
    ),
    incidents.Classify: _on_incident(lambda _, n: incidents.Classify(incident=n, categories=("INCUR",), severity="S1")),
    incidents.FindIncident: _on_incident(
        lambda d, n: incidents.FindIncident(incident=n, finding=d.rng.choice(("agreed", "not_agreed")), words=d.words())
    ),
    ledger.NoteStatement: lambda d: ledger.NoteStatement(
        speaker="A minister", said_ms=d.now_ms - d.rng.randrange(_HOUR_MS), words=d.words()
    ),
    ledger.NoteConduct: lambda d: ledger.NoteConduct(when_ms=d.now_ms - d.rng.randrange(_HOUR_MS), words=d.words()),
    ledger.Comment: lambda d: _named(
        [row.entry for row in d.standing.ledger.timeline()],
        lambda n: ledger.Comment(entry=n, words=d.words()),
        d.rng,
    ),
    ledger.OpenDifference: lambda d: ledger.OpenDifference(title="The district", words=d.words()),
    ledger.Word: _on_difference(lambda d, n: ledger.Word(difference=n, words=d.words())),
    ledger.CloseDifference: _on_difference(lambda _, n: ledger.CloseDifference(difference=n)),
    proposals.TableProposal: lambda d: proposals.TableProposal(
        title="Joint",
        version=d.version(),
        answer_by_ms=d.now_ms + d.rng.randrange(1, _HOUR_MS) if d.rng.random() < 0.5 else None,
        expires_at_ms=d.now_ms + d.rng.randrange(1, 6 * _HOUR_MS) if d.rng.random() < 0.3 else None,
    ),
    proposals.Counter: _on_proposal(
        lambda d, row: proposals.Counter(proposal=row.proposal, after=len(row.versions), version=d.version())
    ),
    proposals.SettleDetail: _on_proposal(_settle),
    proposals.Sign: _on_proposal(
        lambda _, row: proposals.Sign(proposal=row.proposal, number=len(row.versions), digest=row.versions[-1].digest)
    ),
    proposals.Decline: _on_proposal(lambda d, row: proposals.Decline(proposal=row.proposal, reason=d.words())),
    proposals.Withdraw: _on_proposal(lambda d, row: proposals.Withdraw(proposal=row.proposal, reason=d.words())),
    proposals.Lapse: _on_proposal(
        lambda d, row: proposals.Lapse(proposal=row.proposal, reason=d.words()), is_open=False
    ),
    proposals.Complete: _on_proposal(lambda _, row: proposals.Complete(proposal=row.proposal), is_open=False),
    proposals.NotAnswered: _due(proposals.NotAnswered),
    reports.Share: _share,
    reports.SharePoint: _share_point,
    reports.GradeIt: _on_report(
        lambda d, n: reports.GradeIt(report=n, grade=reports.Grade(source="B", item="2"), words=d.words())
    ),
    reports.Ask: lambda d: reports.Ask(originator=d.other(), material="m-1", words=d.words()),
    reports.Consent: lambda d: reports.Consent(material="m-1", consents=d.rng.random() < 0.7),
    reports.WithdrawReport: _on_report(lambda d, n: reports.WithdrawReport(report=n, reason=d.words())),
    watch.TakeWatch: lambda d: watch.TakeWatch(
        post=d.rng.choice(_POSTS), until_ms=d.now_ms + d.rng.randrange(1, 8 * _HOUR_MS)
    ),
    watch.LeaveWatch: lambda d: watch.LeaveWatch(post=d.rng.choice(_POSTS)),
}
