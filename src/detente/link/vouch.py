"""What two nodes vouch for beside their logs: their key statements, the log of acts, that a receipted leaf is held.

A peer that goes by a statement not yet admitted here is asked for it before anything else is believed of it. The other
frames go through to the node, which has the disk and the keys; only a challenge is answered here, from what was mirrored.
"""

from __future__ import annotations

import hashlib

from detente.errors import PeerFault
from detente.evidence.keys import KeyChain
from detente.evidence.note import b64, unb64
from detente.evidence.store import Entry
from detente.link import frames
from detente.link.effects import Aside, Effect, StatementsCame, Transmit
from detente.link.frames import Audit, Challenge, Channel, Code, Keys, KeysWanted, LinkFault, Proof, Vouch, Witnessed
from detente.link.identity import OwnIdentity, PeerIdentity
from detente.link.mirror import Mirror
from detente.types import NS_PER_S

_PACE_NS = NS_PER_S // 4
"""Challenges and offers that come faster are passed over: answering costs a read of the disk."""


def held_digest(nonce: bytes, held: bytes) -> str:
    """Return what proves to whoever chose *nonce* that *held* was at hand."""
    return b64(hashlib.sha256(b"detente-held/v1\n" + nonce + held).digest())


def proof_of(entry: Entry, nonce: bytes) -> tuple[str, str]:
    """Return the digests over the leaf and over salt and body of *entry*; the second is empty without a body."""
    body = "" if entry.body is None else held_digest(nonce, entry.salt + entry.body)
    return held_digest(nonce, entry.leaf), body


class Vouching:
    """One link's part of it. *elapsed* is in nanoseconds since the session began."""

    def __init__(self, own: OwnIdentity, peer: PeerIdentity) -> None:
        self._own = own
        self._peer = peer
        self._coming: KeyChain = peer.chain
        self._wanted = ""
        self._paced_at = -_PACE_NS

    def unknown(self, digest: str) -> list[Effect]:
        """The peer goes by the statement with *digest*: ask for what follows ours. Raises LinkFault for an older one."""
        if self._peer.chain.since(digest) is not None:
            raise LinkFault(Code.STATEMENT, f"{self._peer.node} goes by a key statement that it has replaced")
        self._coming, self._wanted = self._peer.chain, digest
        return [Transmit(Channel.PRIO, frames.encode(KeysWanted(self._peer.statement_digest)))]

    def keys(self, frame: Keys | KeysWanted) -> list[Effect]:
        """Give our statements, or take in the peer's; raises LinkFault (``statement``) for one that does not follow."""
        if isinstance(frame, KeysWanted):
            newer = self._own.chain.since(frame.after)
            if newer is None:
                raise LinkFault(Code.STATEMENT, f"{self._peer.node} holds a statement that is none of ours")
            return [Transmit(Channel.PRIO, frames.encode(Keys(note.decode()))) for note in newer]
        if not self._wanted:
            return []
        try:
            self._coming = self._coming.followed_by(frame.note.encode())
        except PeerFault as wrong:
            raise LinkFault(Code.STATEMENT, wrong.reason, wrong.raw) from None
        if self._coming.digest != self._wanted:
            return []
        self._wanted = ""
        return [StatementsCame(self._coming.since(self._peer.statement_digest) or ())]

    def heard(self, frame: Vouch, mirrors: dict[str, Mirror], elapsed: int) -> list[Effect]:
        """Take in what a greeted peer sends."""
        if isinstance(frame, Audit | Challenge):
            if elapsed - self._paced_at < _PACE_NS:
                return []
            self._paced_at = elapsed
        if isinstance(frame, Challenge):
            return self._answer(frame, mirrors)
        return [Aside(frame)] if isinstance(frame, Audit | Witnessed | Proof) else self.keys(frame)

    def _answer(self, asked: Challenge, mirrors: dict[str, Mirror]) -> list[Effect]:
        mirror = mirrors.get(asked.log)
        entry = None if mirror is None else mirror.entry(asked.seq)
        leaf, body = ("", "") if entry is None else proof_of(entry, unb64(asked.nonce))
        return [Transmit(Channel.PRIO, frames.encode(Proof(asked.log, asked.seq, leaf, body)))]
