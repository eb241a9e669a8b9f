"""How anything is said to a peer: one way, so that everything said is a signed leaf and nothing else leaves.

What the disk does not take is not lost: it was sent to nobody, so it is signed again, in its order and under the
numbers it had, once the disk works.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from detente.engine.values import Effect
from detente.errors import OwnFault
from detente.evidence.leaf import Kind, Lane
from detente.evidence.note import b64
from detente.link import effects as link
from detente.link.session import Draft, Session
from detente.types import Instant, PartyId, Precedence
from detente.wire.messages import Body, encode_body

LOST_LIMIT: Final = 4_096
"""Leaves the disk did not take that wait to be said again, for each peer; the oldest beyond it goes, counted."""

Linked = Callable[[PartyId, Sequence[link.Effect], Instant], list[Effect]]


class Speak(Protocol):
    """Says one thing to one peer.

    Returns the hash of its leaf and the effects that record and send it; None when it cannot be said now, which is
    counted and shown as a fault of that link, never dropped in silence.
    """

    def __call__(
        self,
        party: PartyId,
        lane: Lane,
        kind: Kind,
        *,
        precedence: Precedence,
        by: str,
        now: Instant,
        body: Body | None = None,
        items: tuple[bytes, ...] | None = None,
        re: tuple[str, ...] = (),
    ) -> tuple[bytes, list[Effect]] | None: ...


@dataclass(frozen=True, slots=True)
class _Unstored:
    """A leaf of ours that the disk has not confirmed yet."""

    lane: Lane
    seq: int
    draft: Draft
    leaf_hash: bytes


@dataclass(slots=True)
class _ToOne:
    unstored: dict[bytes, _Unstored] = field(default_factory=dict)  # on their way to the disk, by leaf hash
    lost: list[_Unstored] = field(default_factory=list)  # of which the disk did not take
    faults: Counter[str] = field(default_factory=Counter)


class Voice:
    """All that this party says. `policy`: digest of the policy in force. `renamed`: is told of new hashes."""

    def __init__(
        self,
        sessions: dict[PartyId, Session],
        linked: Linked,
        policy: Callable[[], str],
        renamed: Callable[[bytes, bytes], None],
    ) -> None:
        self._sessions = sessions
        self._linked = linked
        self._policy = policy
        self._renamed = renamed
        self._to = {party: _ToOne() for party in sessions}

    def speak(
        self,
        party: PartyId,
        lane: Lane,
        kind: Kind,
        *,
        precedence: Precedence,
        by: str,
        now: Instant,
        body: Body | None = None,
        items: tuple[bytes, ...] | None = None,
        re: tuple[str, ...] = (),
    ) -> tuple[bytes, list[Effect]] | None:
        """Say one thing to one peer; see `Speak`."""
        draft = Draft(
            kind=kind,
            body=b"" if body is None else encode_body(body),
            items=items,
            media="application/json" if items is None else "application/json+tree",
            precedence=precedence,
            by=by,
            pol=self._policy(),
            re=re,
        )
        # What the disk did not take comes first, under the numbers it had: the desk's names of messages hold them.
        again = self.say_again(party, now)
        said = self._signed(party, lane, draft, now)
        return None if said is None else (said[0], [*again, *said[1]])

    def wrote(self, party: PartyId, leaf_hash: bytes) -> None:
        """Note that the disk has a leaf."""
        self._to[party].unstored.pop(leaf_hash, None)

    def restored(self, party: PartyId, session: Session) -> list[tuple[Lane, int, bytes]]:
        """Go on with *session*, as the disk has it; returns what it took of what was on its way (lane, seq, hash)."""
        self._sessions[party] = session
        to, taken = self._to[party], []
        for unstored in to.unstored.values():
            log = session.writers[unstored.lane].log
            if unstored.seq < log.size and log.tree.leaf(unstored.seq) == unstored.leaf_hash:
                taken.append((unstored.lane, unstored.seq, unstored.leaf_hash))
            else:
                to.lost.append(unstored)
        to.unstored.clear()
        for forgotten in to.lost[:-LOST_LIMIT]:
            to.faults[f"not said: {forgotten.draft.kind}, the record does not take it"] += 1
        del to.lost[:-LOST_LIMIT]
        return taken

    def say_again(self, party: PartyId, now: Instant) -> list[Effect]:
        """Sign again what the disk did not take, in its order; `re` follows the new leaves."""
        to = self._to[party]
        lost, to.lost = to.lost, []
        new_of: dict[str, str] = {}
        out: list[Effect] = []
        for old in lost:
            draft = replace(old.draft, re=tuple(new_of.get(leaf, leaf) for leaf in old.draft.re))
            said = self._signed(party, old.lane, draft, now)
            if said is not None:
                new_of[b64(old.leaf_hash)] = b64(said[0])
                self._renamed(old.leaf_hash, said[0])
                out += said[1]
        return out

    def faults(self) -> list[str]:
        """Return what could not be said, for the desk."""
        return [f"{party}: {what} ({n})" for party, to in self._to.items() for what, n in to.faults.items()]

    def _signed(self, party: PartyId, lane: Lane, draft: Draft, now: Instant) -> tuple[bytes, list[Effect]] | None:
        session, to = self._sessions[party], self._to[party]
        seq = session.writers[lane].next_seq
        try:
            leaf_hash, effects = session.write(lane, draft, now)
        except OwnFault as fault:
            to.faults[f"not said: {fault}"] += 1
            return None
        if lane is not Lane.TRACK:  # a picture that was not told is no loss: the next one is newer
            to.unstored[leaf_hash] = _Unstored(lane, seq, draft, leaf_hash)
        return leaf_hash, self._linked(party, effects, now)
