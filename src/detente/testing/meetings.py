"""Tables of several parties in one thread, from one seed: random acts and seats, cut lines, late and reordered words.

What is simulated is the product's own `Table`, one at each party; only the way between them is ours. Each party's clock
is wrong by its own minutes. At the end every word reaches everybody, and all must then show the same; and each member's
table, told everything anew in any order, must show that too.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Final

import msgspec

from detente.coordination.charter import Charter
from detente.coordination.powers import POWERS
from detente.coordination.statement import AnyAct, decode_statement
from detente.coordination.table import Table
from detente.coordination.view import view_of
from detente.errors import OrderRefused
from detente.testing.table_acts import KINDS, Drawing
from detente.types import PartyId, Role

_START_MS: Final = 1_795_000_000_000
_STEP_MS: Final = 5 * 60_000
_SKEW_MS: Final = 5 * 60_000
_NAMES: Final = ("alfa", "bravo", "charlie")

# What closes a table's talks for good, or for a while, is drawn seldom: everything else would be refused after it.
_WEIGHT: Final = {
    "activity.activate": 3.0,
    "activity.short_lead": 3.0,
    "arrangement.narrow": 0.1,
    "arrangement.resume": 3.0,
    "ceasefire.claim": 2.0,
    "ceasefire.find": 4.0,
    "ceasefire.remedy": 3.0,
    "decision.assign": 3.0,
    "decision.claim_done": 3.0,
    "decision.confirm": 2.0,
    "decision.dispute": 4.0,
    "proposal.complete": 3.0,
    "proposal.counter": 0.5,
    "proposal.decline": 0.4,
    "proposal.lapse": 2.0,
    "proposal.sign": 9.0,
    "proposal.withdraw": 0.4,
}


class Disagreement(Exception):
    """Two members show different things, or a wrong seat was let through; the seed is all that is needed to see it."""


@dataclass(frozen=True)
class Meeting:
    """What one seed came to. *taken* and *refused*: acts by name as they stand at the end, the same at everybody."""

    seed: int
    digest: str  # of what everybody shows
    statements: int
    taken: Counter[str]
    refused: Counter[str]  # by code
    cuts: int


@dataclass
class _Member:
    table: Table
    skew_ms: int
    inbox: list[tuple[PartyId, bytes]] = field(default_factory=list)


def meet(seed: int, steps: int = 200, parties: int | None = None) -> Meeting:
    """Play *steps* acts from *seed* among two or three *parties*; raises Disagreement."""
    rng = Random(seed)  # noqa: S311 reproducible is the point
    count = parties or rng.choice((2, 2, 3))
    charter = Charter(
        table="line",
        title="The line",
        members=_NAMES[:count],
        agreement="We share.",
        lead_minutes={"exercise": 60, "flight": 30},
    )
    members = {party: _Member(Table(charter, party), rng.randrange(-_SKEW_MS, _SKEW_MS)) for party in charter.parties}
    said: list[tuple[PartyId, bytes]] = []
    now_ms, is_cut, cuts = _START_MS, False, 0
    for _ in range(steps):
        now_ms += rng.randrange(_STEP_MS)
        if rng.random() < 0.06:
            is_cut, cuts = not is_cut, cuts + (not is_cut)
        party = rng.choice(list(members))
        _say(seed, rng, party, members, now_ms, said)
        if not is_cut:
            _carry(rng, members, share=rng.choice((0.2, 0.9, 1.0)))
    _carry(rng, members, share=1.0)
    shown = {party: _shown(member.table, now_ms) for party, member in members.items()}
    for party, member in members.items():
        again = Table(charter, party)
        for author, raw in rng.sample(said, len(said)):
            again.hear(decode_statement(raw), raw, author)
        shown[PartyId(f"{party} told anew")] = _shown(again, now_ms)
        if member.table.contradictions or again.contradictions:
            raise Disagreement(f"seed {seed}: honest members contradict each other")
    if len(set(shown.values())) > 1:
        raise Disagreement(f"seed {seed}: {', '.join(shown)} do not show the same")
    table = next(iter(members.values())).table
    wrong_seats = [decode_statement(raw) for _, raw in said]
    if any(statement.by not in POWERS[type(statement.act)] for statement in wrong_seats):
        raise Disagreement(f"seed {seed}: an act by a wrong seat was let through")
    refused_names = {refusal.statement for refusal in table.refusals}
    taken = Counter(_tag(s.act) for s in wrong_seats if s.name not in refused_names)
    return Meeting(
        seed=seed,
        digest=hashlib.sha256(next(iter(shown.values()))).hexdigest(),
        statements=len(said),
        taken=taken,
        refused=Counter(refusal.code for refusal in table.refusals),
        cuts=cuts,
    )


def _say(
    seed: int,
    rng: Random,
    party: PartyId,
    members: dict[PartyId, _Member],
    now_ms: int,
    said: list[tuple[PartyId, bytes]],
) -> None:
    """Let *party* do one act that it can think of, at times by a seat that has no power for it."""
    member = members[party]
    at_ms = now_ms + member.skew_ms
    drawing = Drawing(rng, member.table, party, at_ms)
    weights = [_WEIGHT.get(str(kind.__struct_config__.tag), 1.0) for kind in KINDS]
    act = drawing.act(rng.choices(KINDS, weights)[0])
    if act is None:
        return
    seats = POWERS[type(act)]
    role = rng.choice(list(Role)) if rng.random() < 0.1 else rng.choice(seats)
    try:
        _, raw = member.table.order(act, role, at_ms)
    except OrderRefused as refused:
        if role not in seats and refused.code != "wrong_seat":
            raise Disagreement(f"seed {seed}: {_tag(act)} by {role} is refused as {refused.code}") from None
        return
    said.append((party, raw))
    for other, to in members.items():
        if other != party:
            to.inbox.append((party, raw))


def _carry(rng: Random, members: dict[PartyId, _Member], share: float) -> None:
    """Bring a *share* of what waits to everybody, in any order."""
    for member in members.values():
        rng.shuffle(member.inbox)
        n = round(len(member.inbox) * share)
        arriving, member.inbox = member.inbox[:n], member.inbox[n:]
        for author, raw in arriving:
            member.table.hear(decode_statement(raw), raw, author)


def _shown(table: Table, now_ms: int) -> bytes:
    return msgspec.json.encode(view_of(table, now_ms))


def _tag(act: AnyAct) -> str:
    return str(act.__struct_config__.tag)
