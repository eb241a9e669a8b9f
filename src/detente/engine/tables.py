"""Tables across the link: an order becomes one statement, and the same statement goes to every member.

It stands, byte for byte the same, in the log to each. Whoever takes in another's statement tells the rest what they
hold (`TableBody.heads`); where two digests of one number differ, each side shows the statement as its author signed it
to them. The two signed leaves together are the proof, for a third party too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from detente.alerts.alert import Alert
from detente.alerts.alert import Kind as AlertKind
from detente.coordination.act import Act
from detente.coordination.activities import Flying
from detente.coordination.activity_acts import AnyActivityAct, Deviate
from detente.coordination.activity_rows import Draft
from detente.coordination.activity_states import State as ActivityStanding
from detente.coordination.arrangement import Flow, State
from detente.coordination.charter import Charter
from detente.coordination.incidents import IncidentRow, OpenIncident
from detente.coordination.plan import Volume
from detente.coordination.statement import AnyAct, decode_statement, statement_digest
from detente.coordination.table import Contradiction, Table
from detente.coordination.view import (
    TableBrief,
    TableView,
    brief_of,
    overlaps_with,
    view_of,
)
from detente.desk.board import ContradictionRow
from detente.desk.first_report import first_report
from detente.desk.warnings import Row
from detente.engine.declared import activity_of
from detente.engine.speech import Speak
from detente.engine.values import Effect, RecordState, Show
from detente.errors import OrderRefused, PeerFault
from detente.evidence.leaf import Envelope, Kind, Lane, is_body_of
from detente.evidence.note import b64, unb64
from detente.link.session import Session
from detente.release.circumstances import DeclaredActivity
from detente.types import NS_PER_S, Instant, PartyId, Precedence, Role, instant_ms
from detente.wire.messages import TableBody

HEADS_LIMIT: Final = 1_000
"""Digests of statements that have not reached us yet, kept to be compared; beyond it the oldest goes."""

KINDS: Final[Mapping[str, Kind]] = {
    "activity": Kind.ACTIVITY,
    "arrangement": Kind.STATEMENT,
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

STATEMENT_KINDS: Final = frozenset(KINDS.values())

LOOK_NS: Final = NS_PER_S
"""How often it is looked whether something has to be put on record by this node itself."""

SECOND_HAND_MS: Final = 10_000
"""How long after an event the party whose name comes first may open its incident, by what it has signed since: when it
has signed something later and no incident, the other opens it. So it does when the line has been silent for so long."""

NOT_OPENED_MS: Final = 30_000
"""… and when the line is not silent, and yet nothing came, for so long."""

_Place = tuple[str, PartyId, int]
"""Table, author, number."""


_INCIDENTS: Final[Mapping[AlertKind, tuple[Literal["INCUR", "PROX", "AREA"], str]]] = {
    AlertKind.INCURSION: ("INCUR", "Entry"),
    AlertKind.CONFLICT: ("PROX", "Separation lost"),
    AlertKind.CONFORMANCE: ("AREA", "Outside its declared volume"),
}


def kind_of(act: Act) -> Kind:
    """Return the kind of leaf that *act* stands under."""
    return KINDS[str(act.__struct_config__.tag).split(".", 1)[0]]


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
        self,
        own: PartyId,
        charters: tuple[Charter, ...],
        sessions: Mapping[PartyId, Session],
        speak: Speak,
        row_of: Callable[[str], Row | None],
    ) -> None:
        self._row_of = row_of  # the desk's row of an alert, by any party's name for it
        self._zone_names: Mapping[str, str] = {}
        self._own = own
        self._sessions = sessions
        self._speak = speak
        self.tables = {charter.table: Table(charter, own) for charter in charters}
        self._looked_at = Instant(0)
        self._not_said: dict[str, str] = {}  # by table
        self._flying: dict[str, Flying] = {}  # by table and activity
        self._leaf_of: dict[_Place, tuple[str, int]] = {}  # (log, seq)
        self._said_to_hold: dict[_Place, tuple[str, PartyId]] = {}  # digest, by whose word, of what we do not have yet
        self._shown: set[_Place] = set()
        self._proofs: dict[_Place, tuple[_Shown, _Shown]] = {}

    def added(self, charter: Charter) -> None:
        """There is one more table."""
        self.tables[charter.table] = Table(charter, self._own)

    # --- saying

    def order(self, name: str, act: AnyAct, role: Role, now: Instant) -> tuple[str, list[Effect]]:
        """Do *act* at a table for *role*; returns the statement's name. Raises OrderRefused, and nothing was said."""
        table = self._at(name)
        members = self._others(table)
        for party in members:
            session = self._sessions.get(party)
            if session is None or not session.is_confirmed:
                raise OrderRefused("unverified", f"{party} sits at table {name} and its digits are not confirmed")
            if session.writers[Lane.OPS].frozen is not None:
                raise OrderRefused("frozen", f"the log to {party} takes no leaf now: nothing can be promised")
        statement, raw = table.order(act, role, instant_ms(now))
        out: list[Effect] = [Show()]
        for party in members:
            said = self._speak(
                party, Lane.OPS, kind_of(act), precedence=Precedence.PRIORITY, by=role.value, now=now, body=raw
            )
            out += said[1] if said else []
        return statement.name, out

    def tick(self, rows: Iterable[Row], zone_names: Mapping[str, str], now: Instant) -> list[Effect]:
        """Put on record what this node has to say by itself: silence, and what came about of the desk's *rows*."""
        if now - self._looked_at < LOOK_NS:
            return []
        self._looked_at, self._zone_names = now, zone_names
        out: list[Effect] = []
        for name, table in self.tables.items():
            for act in table.due(instant_ms(now)):
                out += self._by_itself(name, act, now)  # type: ignore[arg-type] # every act that is due is one of a table
        for row in rows:
            if row.ours is not None and row.ours.time_to_event_s == 0.0 and row.ours.cleared_at is None:
                out += self._happened(row, row.ours, zone_names, now)
                out += self._left(row.ours, now) if row.ours.kind is AlertKind.CONFORMANCE else []
        return out

    def _happened(self, row: Row, alert: Alert, zone_names: Mapping[str, str], now: Instant) -> list[Effect]:
        """Open an incident for an event that has come about, at the tables that govern the picture."""
        kind = alert.kind
        if kind not in _INCIDENTS:
            return []
        category, what = _INCIDENTS[kind]
        act = OpenIncident(
            title=f"{what}: {zone_names.get(alert.zone, alert.zone)}"[:120] if alert.zone else what,
            happened_ms=min(instant_ms(alert.event_at or now), instant_ms(now)),
            alert=row.name,
            categories=(category,),
        )
        to_open = [name for name, table in self.tables.items() if self._is_to_open(table, row, alert, now)]
        return [effect for name in to_open for effect in self._by_itself(name, act, now)]

    def _by_itself(self, name: str, act: AnyAct, now: Instant) -> list[Effect]:
        """Say what no person orders; what cannot be said now is shown at the desk and due again at the next look."""
        try:
            effects = self.order(name, act, Role.OPERATOR, now)[1]
        except OrderRefused as refused:
            self._not_said[name] = f"table {name}: {act.__struct_config__.tag} is not on record: {refused.reason}"
            return [Show()]
        self._not_said.pop(name, None)
        return effects

    def faults(self) -> list[str]:
        """Return what this node should have put on record by itself and could not, for the desk."""
        return list(self._not_said.values())

    def _is_to_open(self, table: Table, row: Row, alert: Alert, now: Instant) -> bool:
        others = [party for party in self._others(table) if party in row.concerned]
        if not table.charter.governs_picture or not others:
            return False
        names = {row.name, f"{self._own}-{alert.alert_id}", *(told.name for told in row.theirs.values())}
        if any(table.standing.incidents.of_alert(name) for name in names):
            return False
        # Both nodes see it come about; the one whose name comes first opens it, the other only if that one does not.
        first = min([self._own, *(party for party in others if party in row.theirs)])
        if first == self._own:
            return True
        session, happened_ms, now_ms = self._sessions.get(first), instant_ms(alert.event_at or now), instant_ms(now)
        if session is None or now_ms - happened_ms > NOT_OPENED_MS:
            return True
        # Not by our clock alone: what they wrote may be on its way, and for the longer the faster our hours run.
        heard_at = session.status(now).heard_at
        is_silent = heard_at is None or now_ms - instant_ms(heard_at) > SECOND_HAND_MS
        until_ms = now_ms if is_silent else session.said_until_ms
        return until_ms - happened_ms > SECOND_HAND_MS

    # --- what is watched

    def watched(self, now: Instant) -> tuple[dict[str, str], tuple[DeclaredActivity, ...]] | None:
        """Return what is declared and active now, with titles by name; None while it is what it was."""
        flying = {
            f"{table}/{one.name}": one
            for table, at in self.tables.items()
            for one in at.standing.activities.flying(instant_ms(now))
            if one.plan.identities or one.plan.callsigns
        }
        if flying == self._flying:
            return None
        self._flying = flying
        titles = {name: one.plan.title for name, one in flying.items()}
        found = (
            DeclaredActivity(activity_of(name, one.party, one.state, one.plan), one.plan.kind, self._is_ours(one))
            for name, one in flying.items()
        )
        return titles, tuple(declared for declared in found if declared.activity.volumes)

    def knows(self, party: PartyId, activity: str) -> bool:
        """Whether *activity*, by table and name, was declared at a table at which *party* sits."""
        table = self.tables.get(activity.split("/", maxsplit=1)[0])
        return table is not None and party in table.charter.parties

    def declarer(self, activity: str) -> PartyId | None:
        """Return who declared *activity*, by table and name; ourselves where we signed it, None when it is not on."""
        one = self._flying.get(activity)
        return None if one is None else self._own if self._is_ours(one) else one.party

    def _is_ours(self, one: Flying) -> bool:
        # What is joint is under our signature too: who takes part was agreed.
        return one.is_joint or one.party == self._own

    def _left(self, alert: Alert, now: Instant) -> list[Effect]:
        """Put on record that an own activity is out of its volumes, as its owner is bound to say."""
        held = self._flying.get(alert.zone)
        if held is None or held.party != self._own or held.state is not ActivityStanding.ACTIVATED:
            return []
        table, name = alert.zone.split("/")
        words = "Seen outside its volumes by our own surveillance."
        return self._by_itself(table, Deviate(activity=name, to="nonconforming", words=words), now)

    # --- what stands

    def flows(self, party: PartyId, flow: Flow) -> bool:
        """Whether the arrangements with *party* let *flow* cross. Without a table that governs it, it does."""
        governing = [t for t in self.tables.values() if t.charter.governs_picture and party in t.charter.members]
        return all(table.standing.arrangement.flows(flow) for table in governing)

    def is_watched(self, party: PartyId, now: Instant) -> bool | None:
        """Whether *party* has anybody on watch, by any table with it; None where it has never said who is."""
        rows = [
            row
            for table in self.tables.values()
            for row in table.standing.watches.rows(instant_ms(now))
            if row.party == party and (row.posts or row.since_ms is not None)
        ]
        return any(not row.nobody for row in rows) if rows else None

    def arrangement(self, party: PartyId) -> str:
        """Return the narrowest arrangement with *party*; ``none`` where no table of both governs the picture."""
        states = [
            table.standing.arrangement.state
            for table in self.tables.values()
            if table.charter.governs_picture and party in table.charter.members
        ]
        return str(max(states, key=list(State).index)) if states else "none"

    def briefs(self, now: Instant) -> list[TableBrief]:
        """Return each table in a few words, for the board."""
        return [brief_of(table, instant_ms(now)) for table in self.tables.values()]

    def view(self, table: str, now: Instant) -> TableView:
        """Return everything that stands at *table*; raises OrderRefused when we do not sit there."""
        view = view_of(self._at(table), instant_ms(now))
        return replace(view, incidents=[self._with_draft(row) for row in view.incidents])

    def _with_draft(self, incident: IncidentRow) -> IncidentRow:
        """Draw up the first report for our own officer, until our account is given."""
        mine = next(half for half in incident.halves if half.party == self._own)
        row = None if incident.alert is None else self._row_of(incident.alert)
        if incident.draft or mine.accounts or row is None:
            return incident
        zone = "" if row.ours is None else row.ours.zone
        return replace(incident, draft=first_report(row, self._zone_names.get(zone, zone), self._own))

    def draft(self, table: str, act: AnyActivityAct, role: Role, now: Instant) -> Draft:
        """Return what *act* would meet at *table*, and whether it would be taken; raises OrderRefused."""
        return overlaps_with(self._at(table), act, role, instant_ms(now))

    def place(self, table: str, activity: str) -> tuple[Volume, ...]:
        """Return the place of what is protected; raises OrderRefused. Who asks for a reader notes the reading."""
        return self._at(table).standing.activities.place(activity)

    def _at(self, name: str) -> Table:
        table = self.tables.get(name)
        if table is None:
            raise OrderRefused("unknown_table", f"this party sits at no table {name!r}")
        return table

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
        if table is None or statement.party != party or statement.by != envelope.by:
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
