"""Tables: the same statement goes to every member, and a party that told two members different things is found out.

Each statement stands, byte for byte the same, in the log to every member. Whoever takes in another's statement tells
the rest what they hold (`TableBody.heads`); where two digests of one number differ, each side shows the statement as
its author signed it to them. The two signed leaves together are the proof, for a third party too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from detente.coordination.charter import Charter
from detente.coordination.statement import decode_statement, statement_digest
from detente.coordination.table import Contradiction, Table
from detente.desk.board import ContradictionRow
from detente.desk.orders import AtTable
from detente.engine.speech import Speak
from detente.engine.values import Effect, RecordState, Show
from detente.errors import OrderRefused, PeerFault
from detente.evidence.leaf import Envelope, Kind, Lane, is_body_of
from detente.evidence.note import b64, unb64
from detente.link.session import Session
from detente.types import Instant, PartyId, Precedence, Role, instant_ms
from detente.wire.messages import TableBody

HEADS_LIMIT: Final = 1_000
"""Digests of statements that have not reached us yet, kept to be compared; beyond it the oldest goes."""

_Place = tuple[str, PartyId, int]
"""Table, author, number."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """A statement as its author signed it to somebody: leaf, salt, body."""

    leaf: bytes
    salt: bytes
    body: bytes

    @property
    def digest(self) -> str:
        return statement_digest(self.body)


class Tables:
    """All tables of one node."""

    def __init__(
        self, own: PartyId, charters: tuple[Charter, ...], sessions: Mapping[PartyId, Session], speak: Speak
    ) -> None:
        self._own = own
        self._sessions = sessions
        self._speak = speak
        self.tables = {charter.table: Table(charter, own) for charter in charters}
        self._leaf_of: dict[_Place, tuple[str, int]] = {}  # (log, seq)
        self._said_to_hold: dict[_Place, tuple[str, PartyId]] = {}  # digest, by whose word, of what we do not have yet
        self._shown: set[_Place] = set()
        self._proofs: dict[_Place, tuple[_Shown, _Shown]] = {}

    # --- saying

    def order(self, order: AtTable, role: Role, now: Instant) -> list[Effect]:
        """Do an act at a table for *role*; raises OrderRefused, and then nothing was said to anybody."""
        table = self.tables.get(order.table)
        if table is None:
            raise OrderRefused("unknown_table", f"there is no table {order.table!r} here")
        members = self._others(table)
        for party in members:
            session = self._sessions.get(party)
            if session is None or not session.is_confirmed:
                raise OrderRefused(
                    "unverified", f"{party} sits at table {order.table} and its digits are not confirmed"
                )
            if session.writers[Lane.OPS].frozen is not None:
                raise OrderRefused("frozen", f"the log to {party} takes no leaf now: nothing can be promised")
        _, raw = table.order(order.act, role, instant_ms(now))
        out: list[Effect] = [Show()]
        for party in members:
            said = self._speak(
                party, Lane.OPS, Kind.STATEMENT, precedence=Precedence.PRIORITY, by=role.value, now=now, body=raw
            )
            out += said[1] if said else []
        return out

    def _others(self, table: Table) -> list[PartyId]:
        return [party for party in table.charter.parties if party != self._own]

    # --- hearing

    def heard(self, party: PartyId, envelope: Envelope, raw: bytes, now: Instant) -> list[Effect]:
        """Take in a statement from its author; raises PeerFault for one that is no statement of theirs."""
        table, author, n = self._fold(party, envelope, raw)
        out: list[Effect] = [Show()]
        body = TableBody(table=table.charter.table, heads={str(p): head for p, head in table.heads().items()})
        for member in self._others(table):
            if member != author:
                out += self._tell(member, body, now)
        held = self._said_to_hold.pop((table.charter.table, author, n), None)
        if held is not None:
            table.told(author, n, held[0], held[1])
        return [*out, *self._show(now)]

    def remember(self, party: PartyId, envelope: Envelope, raw: bytes) -> None:
        """Fold a statement of the record at a node's start."""
        self._fold(party, envelope, raw)

    def _fold(self, party: PartyId, envelope: Envelope, raw: bytes) -> tuple[Table, PartyId, int]:
        statement = decode_statement(raw)
        table = self.tables.get(statement.table)
        if table is None or statement.party != party:
            raise PeerFault(f"a statement of {statement.party} for table {statement.table}", raw)
        place = (statement.table, party, statement.n)
        self._leaf_of.setdefault(place, (envelope.log, envelope.seq))
        table.hear(statement, raw, party)
        return table, party, statement.n

    def told(self, party: PartyId, body: TableBody, now: Instant) -> list[Effect]:
        """Take in what *party* holds of a table, or shows of it; raises PeerFault for what is not of that table."""
        table = self.tables.get(body.table)
        if table is None or party not in table.charter.parties:
            raise PeerFault(f"word of table {body.table}, at which {party} does not sit")
        if body.shown is not None:
            return self._judge(party, table, body.shown, now)
        for name, (n, digest) in body.heads.items():
            author = PartyId(name)
            if author not in table.charter.parties:
                raise PeerFault(f"{author} does not sit at table {body.table}")
            if not table.told(author, n, digest, party):
                self._said_to_hold[body.table, author, n] = (digest, party)
                if len(self._said_to_hold) > HEADS_LIMIT:
                    self._said_to_hold.pop(next(iter(self._said_to_hold)))
        return [Show(), *self._show(now)]

    # --- what contradicts

    def _show(self, now: Instant) -> list[Effect]:
        """Show every other member the statement that we hold and somebody holds otherwise, once each."""
        out: list[Effect] = []
        for table in self.tables.values():
            for found in table.contradictions.values():
                place = (table.charter.table, found.party, found.n)
                ours = self._ours(place)
                if place in self._shown or ours is None:
                    continue
                self._shown.add(place)
                shown = (b64(ours.leaf), b64(ours.salt), b64(ours.body))
                for member in self._others(table):
                    if member != found.party:
                        out += self._tell(member, TableBody(table=table.charter.table, shown=shown), now)
        return out

    def _ours(self, place: _Place) -> _Shown | None:
        where = self._leaf_of.get(place)
        session = self._sessions.get(place[1])
        if where is None or session is None:
            return None
        entry = session.entry(*where)
        return None if entry.body is None else _Shown(entry.leaf, entry.salt, entry.body)

    def _judge(self, party: PartyId, table: Table, shown: tuple[str, str, str], now: Instant) -> list[Effect]:
        """Hold what *party* shows against what we hold: two statements of one number, signed by one author."""
        try:
            other = _Shown(*map(unb64, shown))
        except ValueError as wrong:
            raise PeerFault(f"{party} shows what is not base64: {wrong}") from None
        statement = decode_statement(other.body)
        author = PartyId(statement.party)
        session = self._sessions.get(author)
        if session is None:
            raise PeerFault(f"{party} shows a statement of {author}, whom we have no link with")
        envelope = session.decode(other.leaf)
        if statement.table != table.charter.table or not is_body_of(envelope, other.salt, other.body):
            raise PeerFault(f"{party} shows a body that its leaf does not commit to")
        place = (statement.table, author, statement.n)
        ours = self._ours(place)
        if ours is None or ours.digest == other.digest:
            return []
        table.told(author, statement.n, other.digest, party)
        self._proofs[place] = (ours, other)
        proof = [[b64(part) for part in (one.leaf, one.salt, one.body)] for one in (ours, other)]
        key = f"contradiction {statement.table} {author} {statement.n}"
        return [Show(), RecordState(key, msgspec.json.encode(proof)), *self._show(now)]

    def _tell(self, party: PartyId, body: TableBody, now: Instant) -> list[Effect]:
        said = self._speak(party, Lane.OPS, Kind.TABLE, precedence=Precedence.PRIORITY, by="node", now=now, body=body)
        return said[1] if said else []

    def contradictions(self) -> list[tuple[str, Contradiction]]:
        """Return what contradicts at each table."""
        return [(name, found) for name, table in self.tables.items() for found in table.contradictions.values()]

    def rows(self) -> list[ContradictionRow]:
        """Return the same for the desk, with the signed leaves where both have been shown."""
        out = []
        for name, found in self.contradictions():
            proof = self._proofs.get((name, found.party, found.n), ())
            out.append(
                ContradictionRow(
                    table=name,
                    party=found.party,
                    n=found.n,
                    ours=found.ours,
                    other=found.other,
                    told_by=found.told_by,
                    leaves=[one.leaf.decode() for one in proof],
                )
            )
        return out
