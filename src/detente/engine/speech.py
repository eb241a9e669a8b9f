"""How anything is said to a peer: one way, so that everything said is a signed leaf and nothing else leaves.

What the record does not take is not lost: it was sent to nobody, so it is signed again, in its order and under the
numbers it had, once the record takes leaves. A FLASH does not wait for that: it goes out at once as a note outside any
log, and the leaf that follows names it. Alerts fail open, commitments fail closed.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from detente.engine.values import Effect
from detente.errors import OwnFault
from detente.evidence.leaf import Kind, Lane
from detente.evidence.note import b64
from detente.link import effects as link
from detente.link.frames import Code
from detente.link.session import Draft, Session
from detente.link.unlogged import UnloggedFlash
from detente.types import NS_PER_S, Instant, PartyId, Precedence, instant_ms
from detente.wire.messages import Body, encode_body

LOST_LIMIT: Final = 4_096
"""Leaves the disk did not take that wait to be said again, for each peer; the oldest beyond it goes, counted."""

AGAIN_FIRST_NS: Final = NS_PER_S // 10
AGAIN_LAST_NS: Final = 30 * NS_PER_S
"""How long what the record refused waits before it is tried again: doubled each time it is refused again."""

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
        body: Body | bytes | None = None,
        items: tuple[bytes, ...] | None = None,
        re: tuple[str, ...] = (),
        exp: Instant | None = None,
    ) -> tuple[bytes, list[Effect]] | None: ...


@dataclass(frozen=True, slots=True)
class _Unstored:
    """A leaf of ours that the disk has not confirmed yet."""

    lane: Lane
    seq: int
    draft: Draft
    leaf_hash: bytes
    flash: UnloggedFlash | None = None  # as it goes out, or went, outside the log
    is_told: bool = False

    @property
    def named(self) -> tuple[str, ...]:
        """What its leaf answers, and the note that it was told in."""
        return (*self.draft.re, b64(self.leaf_hash)) if self.is_told else self.draft.re


@dataclass(slots=True)
class _ToOne:
    unstored: dict[bytes, _Unstored] = field(default_factory=dict)  # on their way to the disk, by leaf hash
    lost: list[_Unstored] = field(default_factory=list)  # of which the disk did not take
    faults: Counter[str] = field(default_factory=Counter)
    put_off: int = 0  # how often something was
    tried_at: int = 0
    wait_ns: int = 0


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

    def added(self, party: PartyId) -> None:
        """There is one more to speak to."""
        self._to[party] = _ToOne()

    def speak(
        self,
        party: PartyId,
        lane: Lane,
        kind: Kind,
        *,
        precedence: Precedence,
        by: str,
        now: Instant,
        body: Body | bytes | None = None,
        items: tuple[bytes, ...] | None = None,
        re: tuple[str, ...] = (),
        exp: Instant | None = None,
    ) -> tuple[bytes, list[Effect]] | None:
        """Say one thing to one peer; see `Speak`."""
        draft = Draft(
            kind=kind,
            body=b"" if body is None else body if isinstance(body, bytes) else encode_body(body),
            items=items,
            media="application/json" if items is None else "application/json+tree",
            precedence=precedence,
            by=by,
            pol=self._policy(),
            re=re,
            exp=exp,
        )
        # What the disk did not take comes first, under the numbers it had: the desk's names of messages hold them.
        again = self._again(party, now)
        said = self._put_off(party, lane, draft, now) if self._is_shut(party, lane) else None
        said = said or self._signed(party, lane, draft, now)
        return None if said is None else (said[0], [*again, *said[1]])

    def next_seq(self, party: PartyId, lane: Lane) -> int:
        """Return the index that the next thing said will have, after all that waits for the record."""
        waiting = sum(1 for lost in self._to[party].lost if lost.lane is lane)
        return self._sessions[party].writers[lane].next_seq + waiting

    def _is_shut(self, party: PartyId, lane: Lane) -> bool:
        """Whether the log of *lane* takes no leaf now. Tracks are not put off: the next frame is newer."""
        session = self._sessions[party]
        return lane is not Lane.TRACK and session.writers[lane].frozen is not None and session.is_confirmed

    def is_shut(self, party: PartyId, lane: Lane) -> bool:
        """Whether nothing can be promised to *party* on *lane* now: its log takes no leaf."""
        return self._sessions[party].writers[lane].frozen is not None

    def _put_off(self, party: PartyId, lane: Lane, draft: Draft, now: Instant) -> tuple[bytes, list[Effect]]:
        """Let *draft* wait for the record; a FLASH is told meanwhile."""
        session, to = self._sessions[party], self._to[party]
        to.put_off += 1
        if draft.precedence is Precedence.FLASH:
            flash = self._flash(party, draft, now)
            leaf_hash, effects = session.unlogged(flash, now)
            to.lost.append(_Unstored(lane, 0, draft, leaf_hash, flash, bool(effects)))
            return leaf_hash, self._linked(party, effects, now)
        leaf_hash = hashlib.sha256(f"put off {party} {to.put_off}".encode()).digest()
        to.lost.append(_Unstored(lane, 0, draft, leaf_hash))
        self._forget_oldest(to)
        return leaf_hash, []

    def _flash(self, party: PartyId, draft: Draft, now: Instant) -> UnloggedFlash:
        return UnloggedFlash(
            to=self._sessions[party].peer_node,
            ts=instant_ms(now),
            kind=draft.kind,
            prec=draft.precedence,
            by=draft.by,
            media=draft.media,
            pol=draft.pol,
            body=b64(draft.body),
            exp=None if draft.exp is None else instant_ms(draft.exp),
            re=draft.re,
        )

    def tell_unlogged(self, party: PartyId, now: Instant) -> list[Effect]:
        """Tell every FLASH that waits for the record and has not been told, as soon as the line is open."""
        to, session = self._to[party], self._sessions[party]
        out: list[Effect] = []
        for n, lost in enumerate(to.lost):
            if lost.draft.precedence is not Precedence.FLASH or lost.is_told or not session.is_confirmed:
                continue
            flash = lost.flash or self._flash(party, lost.draft, now)
            leaf_hash, effects = session.unlogged(flash, now)
            if lost.flash is None:
                self._renamed(lost.leaf_hash, leaf_hash)
            to.lost[n] = replace(lost, leaf_hash=leaf_hash, flash=flash, is_told=bool(effects))
            out += self._linked(party, effects, now)
        return out

    def unlogged(self) -> set[bytes]:
        """Return the notes of every FLASH that was said outside the log and is in no record yet."""
        return {lost.leaf_hash for to in self._to.values() for lost in to.lost if lost.flash is not None}

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
        self._forget_oldest(to)
        return taken

    @staticmethod
    def _forget_oldest(to: _ToOne) -> None:
        for forgotten in to.lost[:-LOST_LIMIT]:
            to.faults[f"not said: {forgotten.draft.kind}, the record does not take it"] += 1
        del to.lost[:-LOST_LIMIT]

    def say_again(self, party: PartyId, now: Instant) -> list[Effect]:
        """Say again what the record did not take, once it is due; each refusal doubles the wait."""
        to = self._to[party]
        if not to.lost:
            to.wait_ns = 0
            return []
        if 0 <= now - to.tried_at < to.wait_ns:
            return self.tell_unlogged(party, now)
        to.tried_at = now
        to.wait_ns = min(AGAIN_LAST_NS, max(AGAIN_FIRST_NS, 2 * to.wait_ns))
        return self._again(party, now) or self.tell_unlogged(party, now)

    def _again(self, party: PartyId, now: Instant) -> list[Effect]:
        """Sign again what the record did not take, in its order; `re` follows the new leaves."""
        to = self._to[party]
        lost = [one for one in to.lost if not self._is_shut(party, one.lane)]
        to.lost = [one for one in to.lost if self._is_shut(party, one.lane)]
        new_of: dict[str, str] = {}
        out: list[Effect] = []
        for old in lost:
            draft = replace(old.draft, re=tuple(new_of.get(leaf, leaf) for leaf in old.named))
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
            if lane is Lane.TRACK and session.writers[lane].frozen in {Code.DISK, Code.ROLLBACK, Code.FORK}:
                return None  # the state of the link says so, and the next frame is newer
            to.faults[f"not said: {fault}"] += 1
            return None
        if lane is not Lane.TRACK:  # a picture that was not told is no loss: the next one is newer
            to.unstored[leaf_hash] = _Unstored(lane, seq, draft, leaf_hash)
        return leaf_hash, self._linked(party, effects, now)
