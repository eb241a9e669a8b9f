"""Members of one table in one room: what one says reaches the others when the test says so."""

from __future__ import annotations

from msgspec.structs import replace

from detente.coordination.charter import Charter
from detente.coordination.statement import AnyAct, Statement, decode_statement
from detente.coordination.table import Table
from detente.types import PartyId, Role

ALFA, BRAVO, CHARLIE = PartyId("alfa"), PartyId("bravo"), PartyId("charlie")


def charter(*members: str) -> Charter:
    return Charter(
        table="line", title="The line", members=members or ("alfa", "bravo"), agreement="We share our picture."
    )


class Meeting:
    """One table at each member; `say` reaches every other at once unless they are apart."""

    def __init__(self, *members: str) -> None:
        self.charter = charter(*members)
        self.tables = {party: Table(self.charter, party) for party in self.charter.parties}
        self.outbox: list[tuple[PartyId, PartyId, Statement, bytes]] = []
        self.said: list[bytes] = []
        self.now_ms = 1_000
        self.is_apart = False

    def change_charter(self, **fields) -> None:
        """Begin anew under a charter with other *fields*."""
        self.charter = replace(self.charter, **fields)
        self.tables = {party: Table(self.charter, party) for party in self.charter.parties}

    def say(self, party: PartyId, by: Role, act: AnyAct) -> str:
        """Do *act*; returns the statement's name."""
        self.now_ms += 1_000
        statement, raw = self.tables[party].order(act, by, self.now_ms)
        self.said.append(raw)
        self.outbox += [(party, other, statement, raw) for other in self.tables if other != party]
        if not self.is_apart:
            self.meet()
        return statement.name

    def meet(self) -> None:
        """Bring everything said to everybody."""
        self.is_apart = False
        for sender, to, _, raw in self.outbox:
            self.tables[to].hear(decode_statement(raw), raw, sender)
        self.outbox.clear()

    def rows(self, party: PartyId = ALFA) -> list:
        return self.tables[party].standing.proposals.rows(self.now_ms)
