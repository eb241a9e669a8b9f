"""A table: what its members have said, folded in one order that every node finds by itself.

A statement is folded when everything it builds on is here; until then it waits. The order is that of the facts: what a
writer had seen stands before what they wrote. Statements that did not know of each other are put in an order by rule
(how much each had seen, then time, then party), the same everywhere. One that arrives late is folded where it belongs,
which means anew from the start, once, when next asked.

An act that the rules refuse stays in the record and is shown as refused, with the reason: nothing said is lost.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, get_args

import msgspec
from msgspec.structs import replace

from detente.coordination.act import Act, Part, Said, check_plain, digest_of
from detente.coordination.activities import Activities
from detente.coordination.activity_acts import AnyActivityAct
from detente.coordination.activity_rows import Draft
from detente.coordination.arrangement import AnyArrangementAct, Arrangement
from detente.coordination.ceasefire import AnyCeasefireAct, Ceasefires
from detente.coordination.charter import Charter
from detente.coordination.decisions import AnyDecisionAct, Decisions
from detente.coordination.incidents import AnyIncidentAct, Incidents
from detente.coordination.ledger import AnyLedgerAct, Ledger
from detente.coordination.powers import NEEDS, permit
from detente.coordination.proposals import AnyProposalAct, Proposals, TableProposal
from detente.coordination.reports import AnyReportAct, Reports
from detente.coordination.statement import (
    FIRST_PREV,
    AnyAct,
    Statement,
    encode_statement,
    statement_digest,
)
from detente.coordination.watch import AnyWatchAct, Watches
from detente.errors import OrderRefused, PeerFault
from detente.types import PartyId, Role

WAITING_LIMIT: Final = 10_000
"""Statements that wait for what they build on; beyond it a further one is refused. The record keeps it."""


class Refusal(NamedTuple):
    """A statement in the record that changed nothing."""

    statement: str
    at_ms: int
    by: str
    act: str
    code: str
    reason: str


class Contradiction(NamedTuple):
    """Two statements of one party with one number: it told different members different things."""

    party: PartyId
    n: int
    ours: str
    other: str
    told_by: PartyId  # who holds, or names, the other one


class Standing:
    """What stands at a table after a run of statements."""

    def __init__(self, charter: Charter) -> None:
        self.arrangement = Arrangement(charter)
        self.proposals = Proposals(charter)
        self.activities = Activities(charter, self.proposals, self.arrangement)
        self.ceasefires = Ceasefires(charter)
        self.decisions = Decisions(charter)
        self.incidents = Incidents(charter)
        self.ledger = Ledger(charter)
        self.reports = Reports(charter)
        self.watches = Watches(charter)
        folds: tuple[tuple[object, Part], ...] = (
            (AnyActivityAct, self.activities),
            (AnyArrangementAct, self.arrangement),
            (AnyCeasefireAct, self.ceasefires),
            (AnyDecisionAct, self.decisions),
            (AnyIncidentAct, self.incidents),
            (AnyLedgerAct, self.ledger),
            (AnyProposalAct, self.proposals),
            (AnyReportAct, self.reports),
            (AnyWatchAct, self.watches),
        )
        self._part_of: dict[type, Part] = {act: part for acts, part in folds for act in get_args(acts)}

    def apply(self, act: Act, said: Said) -> None:
        """Take one act; raises OrderRefused, and then nothing has changed."""
        self.permit(act, said.by)
        part = self._part_of[type(act)]
        part.apply(act, said)
        if part is self.proposals:
            proposal = said.name if isinstance(act, TableProposal) else act.proposal  # type: ignore[attr-defined]
            self.activities.follow(proposal, said)
        self.activities.heard(said)

    def permit(self, act: Act, by: Role) -> None:
        """Raise OrderRefused unless such an act is for the seat *by*, and the arrangement lets it through now."""
        permit(by, type(act))
        needs = NEEDS.get(type(act))
        if needs is not None and not self.arrangement.flows(needs):
            state = self.arrangement.state.replace("_", " ")
            raise OrderRefused("arrangement", f"the arrangement is {state}: {needs} do not flow")

    def due(self, own: PartyId, now_ms: int) -> list[Act]:
        """Return what *own*'s node has to put on record by itself."""
        return [*self.proposals.due(own, now_ms), *self.activities.due(own, now_ms)]


class _Placed(msgspec.Struct, frozen=True):
    """One statement in its place: by how much its writer had seen, then time, then party."""

    seen: int
    at_ms: int
    party: PartyId
    said: Said
    act: AnyAct


class Table:
    """One table as one member holds it."""

    def __init__(self, charter: Charter, own: PartyId) -> None:
        charter.check()
        self.charter = charter
        self.refusals: list[Refusal] = []
        self.contradictions: dict[PartyId, Contradiction] = {}
        self._own = own
        self._digest = charter.digest
        self._chains: dict[PartyId, list[str]] = {party: [] for party in charter.parties}  # digests
        self._clocks: dict[PartyId, list[Mapping[PartyId, int]]] = {party: [] for party in charter.parties}
        self._waiting: dict[tuple[PartyId, int], tuple[Statement, str]] = {}
        self._order: list[_Placed] = []
        self._standing = Standing(charter)
        self._is_late = False

    # --- saying

    def order(self, act: AnyAct, by: Role, now_ms: int) -> tuple[Statement, bytes]:
        """Do *act* for the seat *by*; returns the statement to be signed and sent to every other member, and its bytes.

        Raises OrderRefused, and then nothing was said. It is folded here at once.
        """
        if self.contradictions:
            who = ", ".join(sorted(self.contradictions))
            raise OrderRefused(
                "contradiction", f"{who} told members different things; nothing is agreed until that is cleared"
            )
        check_plain(act)
        statement = self._next(act, by, now_ms)
        placed = self._place(statement)
        self.standing.apply(act, placed.said)
        raw = encode_statement(statement)
        self._chain(placed, statement_digest(raw))
        self._order.append(placed)
        return statement, raw

    def draft(self, act: AnyActivityAct, by: Role, now_ms: int) -> Draft:
        """Return what the plan of *act* would meet, and whether *act* would be taken: shown before it is sent.

        Nothing is said or changed. Raises OrderRefused for an act about an activity that is not known here.
        """
        check_plain(act)
        drawn = self.standing.activities.draft(act, self._place(self._next(act, by, now_ms)).said)
        try:
            self.standing.permit(act, by)
        except OrderRefused as refused:
            return replace(drawn, code=refused.code, reason=refused.reason)
        return drawn

    def _next(self, act: AnyAct, by: Role, now_ms: int) -> Statement:
        mine = self._chains[self._own]
        heads: dict[str, tuple[int, str]] = {
            p: (len(c), c[-1]) for p, c in self._chains.items() if c and p != self._own
        }
        return Statement(
            table=self.charter.table,
            charter=self._digest,
            party=self._own,
            n=len(mine) + 1,
            prev=mine[-1] if mine else FIRST_PREV,
            heads=heads,
            by=by,
            at_ms=now_ms,
            act=act,
        )

    # --- hearing

    def hear(self, statement: Statement, raw: bytes, told_by: PartyId) -> list[str]:
        """Take in a statement, from its own log or passed on; returns the names of all that are folded now.

        Raises PeerFault for one that belongs to another table or text, or that cannot be kept.
        """
        party = PartyId(statement.party)
        if statement.table != self.charter.table or party not in self._chains:
            raise PeerFault(f"a statement of {party} for table {statement.table}", raw)
        if statement.charter != self._digest:
            raise PeerFault(f"{party} has another text of the arrangement of table {statement.table}", raw)
        if party in statement.heads or not set(statement.heads) <= set(self._chains):
            raise PeerFault(f"{statement.name} names what no member of table {statement.table} said", raw)
        digest = statement_digest(raw)
        chain = self._chains[party]
        if statement.n <= len(chain):
            self._compare(party, statement.n, digest, told_by)
            return []
        if len(self._waiting) >= WAITING_LIMIT and statement.n != len(chain) + 1:
            raise PeerFault(f"{WAITING_LIMIT} statements wait already for what they build on", raw)
        other = self._waiting.setdefault((party, statement.n), (statement, digest))[1]
        if other != digest:
            self._contradict(Contradiction(party, statement.n, other, digest, told_by))
        return self._settle(party, told_by)

    def _settle(self, party: PartyId, told_by: PartyId) -> list[str]:
        """Fold what no longer waits, beginning with *party*'s next."""
        folded: list[str] = []
        again = deque([party])
        while again:
            who = again.popleft()
            n = len(self._chains[who]) + 1
            found = self._waiting.get((who, n))
            if found is None or not self._is_ready(found[0]):
                continue
            statement, digest = self._waiting.pop((who, n))
            if self._is_whole(statement, told_by):
                placed = self._place(statement)
                self._chain(placed, digest)
                self._insert(placed)
                folded.append(statement.name)
                again.extend(self._chains if self._waiting else ())
        return folded

    def _is_ready(self, statement: Statement) -> bool:
        return all(len(self._chains.get(PartyId(p), ())) >= n for p, (n, _) in statement.heads.items())

    def _is_whole(self, statement: Statement, told_by: PartyId) -> bool:
        """Whether *statement* builds on what we hold; what it names otherwise is a contradiction, shown."""
        chain = self._chains[PartyId(statement.party)]
        if statement.prev != (chain[-1] if chain else FIRST_PREV):
            party = PartyId(statement.party)
            self._contradict(
                Contradiction(party, statement.n - 1, chain[-1] if chain else FIRST_PREV, statement.prev, told_by)
            )
            return False
        for other, (n, digest) in statement.heads.items():
            self._compare(PartyId(other), n, digest, PartyId(statement.party))
        return True

    def _compare(self, party: PartyId, n: int, digest: str, told_by: PartyId) -> None:
        ours = self._chains[party][n - 1]
        if ours != digest:
            self._contradict(Contradiction(party, n, ours, digest, told_by))

    def told(self, party: PartyId, n: int, digest: str, told_by: PartyId) -> bool:
        """Compare *party*'s statement *n* with the digest that *told_by* names; returns whether we hold it."""
        if not 1 <= n <= len(self._chains[party]):
            return False
        self._compare(party, n, digest, told_by)
        return True

    def _contradict(self, found: Contradiction) -> None:
        self.contradictions.setdefault(found.party, found)

    def _place(self, statement: Statement) -> _Placed:
        party = PartyId(statement.party)
        own = self._clocks[party]
        clock: dict[PartyId, int] = dict(own[-1]) if own else {}
        for p, (n, _) in statement.heads.items():
            other = PartyId(p)
            if clock.get(other, 0) < n:  # else it lies behind the writer's statement before, and so does all behind it
                for who, seen in self._clocks[other][n - 1].items():
                    if seen > clock.get(who, 0):
                        clock[who] = seen
        clock[party] = statement.n
        said = Said(statement.name, party, statement.n, statement.by, statement.at_ms, clock)
        return _Placed(sum(clock.values()), statement.at_ms, party, said, statement.act)

    def _chain(self, placed: _Placed, digest: str) -> None:
        self._chains[placed.party].append(digest)
        self._clocks[placed.party].append(placed.said.clock)

    def _insert(self, placed: _Placed) -> None:
        if self._is_late or (self._order and _key(placed) < _key(self._order[-1])):
            insort(self._order, placed, key=_key)
            self._is_late = True
        else:
            self._order.append(placed)
            self._fold(placed)

    def _fold(self, placed: _Placed) -> None:
        try:
            self._standing.apply(placed.act, placed.said)
        except OrderRefused as refused:
            said = placed.said
            self._standing.activities.heard(said)
            tag = str(placed.act.__struct_config__.tag)
            self.refusals.append(
                Refusal(said.name, said.at_ms, f"{said.party} {said.by}", tag, refused.code, refused.reason)
            )

    # --- what stands

    @property
    def standing(self) -> Standing:
        """What stands now."""
        if self._is_late:
            self._standing, self.refusals, self._is_late = Standing(self.charter), [], False
            for placed in self._order:
                self._fold(placed)
        return self._standing

    def due(self, now_ms: int) -> Sequence[Act]:
        """Return what this node has to put on record by itself."""
        return self.standing.due(self._own, now_ms)

    @property
    def waiting(self) -> int:
        """How many statements wait for what they build on."""
        return len(self._waiting)

    def digest(self) -> str:
        """Return one digest over everybody's newest statement: equal where the same has been heard."""
        heads = sorted((party, *head) for party, head in self.heads().items())
        return digest_of(f"{self._digest} {heads}")

    def heads(self) -> dict[PartyId, tuple[int, str]]:
        """Return the newest statement of each party: its number and digest."""
        return {party: (len(chain), chain[-1]) for party, chain in self._chains.items() if chain}


def _key(placed: _Placed) -> tuple[int, int, PartyId]:
    return placed.seen, placed.at_ms, placed.party
