"""After a fork: a new epoch of the log, once both delegations have said so in leaves that name the proof's digest.

Neither side can end a fork alone, and nothing of the old log goes away. What was agreed is a fold of leaves, so a node
that stops between the second word and the change makes the change when it starts again.
"""

from __future__ import annotations

from collections.abc import Mapping

from detente.desk.orders import Rebase
from detente.engine.speech import Linked, Speak
from detente.engine.values import Effect, Show
from detente.errors import OrderRefused
from detente.evidence.leaf import Kind, Lane
from detente.link import fork
from detente.link.session import Session
from detente.types import Instant, PartyId, Precedence, Role
from detente.wire.messages import RebaseBody


class Epochs:
    """Who has agreed to which new epoch."""

    def __init__(self, own: PartyId, sessions: Mapping[PartyId, Session], speak: Speak, linked: Linked) -> None:
        self._own = own
        self._sessions = sessions
        self._speak = speak
        self._linked = linked
        self._agreed: dict[tuple[PartyId, str, str], set[PartyId]] = {}  # (peer, log, proof's digest) → who

    def order(self, order: Rebase, role: Role, now: Instant) -> list[Effect]:
        """Say that we agree to go on in a new epoch of a log with two histories; raises OrderRefused."""
        party = PartyId(order.party)
        session = self._sessions.get(party)
        if session is None or order.log not in session.forks:
            raise OrderRefused("no_fork", f"no log {order.log} with {order.party} has two histories")
        proof = session.forks[order.log]
        lane = Lane.OPS if session.writers[Lane.OPS].frozen is None else Lane.FLASH
        if session.writers[lane].frozen is not None:
            raise OrderRefused("frozen", f"no log to {order.party} takes leaves: nothing can be agreed")
        body = RebaseBody(log=order.log, proof=fork.digest(proof), notes=tuple(note.decode() for note in proof))
        said = self._speak(party, lane, Kind.REBASE, precedence=Precedence.IMMEDIATE, by=role.value, now=now, body=body)
        if said is None:
            raise OrderRefused("not_said", f"nothing may be said to {order.party} now")
        self._agreed.setdefault((party, body.log, body.proof), set()).add(self._own)
        return [Show(), *said[1]]

    def heard(self, party: PartyId, who: PartyId, body: RebaseBody) -> None:
        """Fold that *who* agreed, on the link with *party*."""
        self._agreed.setdefault((party, body.log, body.proof), set()).add(who)

    def agreed_by(self, party: PartyId, log: str) -> list[PartyId]:
        """Return who has agreed to a new epoch of *log* with the proof that we hold."""
        proof = self._sessions[party].forks.get(log)
        return [] if proof is None else sorted(self._agreed.get((party, log, fork.digest(proof)), ()))

    def tick(self, now: Instant) -> list[Effect]:
        """Make every change that both have agreed to, as soon as our own word is on the disk."""
        out: list[Effect] = []
        for party, session in self._sessions.items():
            for log in list(session.forks):
                if session.is_current(log) and len(self.agreed_by(party, log)) == 2 and session.is_recorded:
                    out += self._linked(party, session.rebased(log, now), now)
        return out
