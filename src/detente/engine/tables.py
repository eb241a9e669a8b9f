"""The tables this party sits at, across the link: an order becomes one statement, said alike to every other member."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from detente.alerts.alert import Alert
from detente.alerts.alert import Kind as AlertKind
from detente.coordination.act import Act
from detente.coordination.arrangement import Flow
from detente.coordination.incidents import OpenIncident
from detente.coordination.statement import AnyAct, Statement, encode_statement
from detente.coordination.table import Table
from detente.coordination.view import TableBrief, TableView, brief_of, view_of
from detente.desk.warnings import Row
from detente.engine.speech import Speak
from detente.engine.values import Effect, Setup, Show
from detente.errors import OrderRefused, PeerFault
from detente.evidence.leaf import Envelope, Kind, Lane
from detente.link.session import Session
from detente.types import NS_PER_S, Instant, PartyId, Precedence, Role, instant_ms

KINDS: Final[Mapping[str, Kind]] = {
    "arrangement": Kind.TABLE,
    "activity": Kind.ACTIVITY,
    "ceasefire": Kind.CEASEFIRE,
    "decision": Kind.DECISION,
    "difference": Kind.STATEMENT,
    "incident": Kind.INCIDENT,
    "ledger": Kind.STATEMENT,
    "proposal": Kind.PROPOSAL,
    "report": Kind.REPORT,
    "watch": Kind.WATCH,
}
"""Under which kind of leaf an act stands, by the first word of its name."""

LOOK_NS: Final = NS_PER_S
"""How often it is looked whether something has to be put on record by this node itself."""

SECOND_HAND_MS: Final = 10_000
"""How long the node of the party whose name comes first may take to open an incident before the other does."""


def kind_of(act: Act) -> Kind:
    """Return the kind of leaf that *act* stands under."""
    return KINDS[str(act.__struct_config__.tag).split(".", 1)[0]]


class Tables:
    """All tables of one party."""

    def __init__(self, setup: Setup, sessions: Mapping[PartyId, Session], speak: Speak) -> None:
        self._own = setup.parties[0].party
        self._sessions = sessions
        self._speak = speak
        self._tables = {charter.table: Table(charter, self._own) for charter in setup.charters}
        self._looked_at = Instant(0)

    def order(self, table: str, act: AnyAct, role: Role, now: Instant) -> tuple[str, list[Effect]]:
        """Do *act* at *table* for *role*; returns the statement's name. Raises OrderRefused, and nothing was said."""
        it = self._at(table)
        others = [party for party in it.charter.parties if party != self._own]
        for party in others:
            if party not in self._sessions:
                raise OrderRefused("unknown_party", f"there is no link to {party}, who sits at this table")
        statement, _ = it.order(act, role, instant_ms(now))
        out: list[Effect] = [Show()]
        for party in others:
            said = self._speak(
                party, Lane.OPS, kind_of(act), precedence=Precedence.PRIORITY, by=role.value, now=now, body=statement
            )
            out += said[1] if said is not None else []
        return statement.name, out

    def heard(self, party: PartyId, envelope: Envelope, statement: Statement) -> None:
        """Take in a statement; raises PeerFault for one in another's name or under another seat than its leaf."""
        if statement.party != party or statement.by != envelope.by or kind_of(statement.act) != envelope.kind:
            raise PeerFault(f"{statement.name}: its leaf is by {party} {envelope.by}, as {envelope.kind}")
        self._take(statement, party)

    def remember(self, statement: Statement) -> None:
        """Take in a statement of our own from the record; said to several, it stands in several logs."""
        self._take(statement, self._own)

    def tick(self, rows: Iterable[Row], zone_names: Mapping[str, str], now: Instant) -> list[Effect]:
        """Put on record what this node has to say by itself: silence, and what came about of the desk's *rows*."""
        if now - self._looked_at < LOOK_NS:
            return []
        self._looked_at = now
        out: list[Effect] = []
        for name, table in self._tables.items():
            if table.contradictions:
                continue
            for act in table.due(instant_ms(now)):
                out += self.order(name, act, Role.OPERATOR, now)[1]  # type: ignore[arg-type] # due acts are acts of the table
        for row in rows:
            if row.ours is not None and row.ours.time_to_event_s == 0.0 and row.ours.cleared_at is None:
                out += self._happened(row, row.ours, zone_names, now)
        return out

    def _happened(self, row: Row, alert: Alert, zone_names: Mapping[str, str], now: Instant) -> list[Effect]:
        """Open an incident for an event that has come about, at the tables that govern the picture."""
        out: list[Effect] = []
        for name, table in self._tables.items():
            if self._is_to_open(table, row, alert, now):
                what = (
                    f"Entry: {zone_names.get(alert.zone, alert.zone)}"
                    if alert.kind is AlertKind.INCURSION
                    else "Separation lost"
                )
                at_ms = instant_ms(alert.event_at or now)
                act = OpenIncident(
                    title=what,
                    happened_ms=min(at_ms, instant_ms(now)),
                    alert=row.name,
                    categories=("INCUR",) if alert.kind is AlertKind.INCURSION else ("PROX",),
                )
                out += self.order(name, act, Role.OPERATOR, now)[1]
        return out

    def flows(self, party: PartyId, flow: Flow) -> bool:
        """Whether the arrangements with *party* let *flow* cross. Without a table that governs it, it does."""
        governing = [t for t in self._tables.values() if t.charter.governs_picture and party in t.charter.members]
        return all(table.standing.arrangement.flows(flow) for table in governing)

    def briefs(self, now: Instant) -> list[TableBrief]:
        """Return each table in a few words, for the board."""
        return [brief_of(table, instant_ms(now)) for table in self._tables.values()]

    def view(self, table: str, now: Instant) -> TableView:
        """Return everything that stands at *table*; raises OrderRefused when we do not sit there."""
        return view_of(self._at(table), instant_ms(now))

    def _is_to_open(self, table: Table, row: Row, alert: Alert, now: Instant) -> bool:
        others = [party for party in table.charter.parties if party != self._own and party in row.concerned]
        if not table.charter.governs_picture or not others or table.contradictions:
            return False
        names = {row.name, f"{self._own}-{alert.alert_id}", *(told.name for told in row.theirs.values())}
        if any(table.standing.incidents.of_alert(name) for name in names):
            return False
        # Both nodes see it come about; the one whose name comes first opens it, the other only if that one does not.
        is_first = self._own == min([self._own, *(party for party in others if party in row.theirs)])
        return is_first or instant_ms(now) - instant_ms(alert.event_at or now) > SECOND_HAND_MS

    def _at(self, table: str) -> Table:
        if table not in self._tables:
            raise OrderRefused("unknown_table", f"this party sits at no table {table!r}")
        return self._tables[table]

    def _take(self, statement: Statement, told_by: PartyId) -> None:
        table = self._tables.get(statement.table)
        raw = encode_statement(statement)
        if table is None:
            raise PeerFault(f"a statement for table {statement.table}, where we do not sit", raw)
        table.hear(statement, raw, told_by)
