"""What two nodes vouch for beside their logs: their key statements, the log of acts, that a receipted leaf is held.

A peer that goes by a statement not yet admitted here is asked for it before anything else is believed of it. The other
frames go through to the node, which has the disk and the keys; a challenge is answered here, from what was mirrored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from detente.errors import PeerFault
from detente.evidence.keys import KeyChain
from detente.evidence.note import b64, unb64
from detente.evidence.store import Entry
from detente.link import frames
from detente.link.effects import Aside, Effect, StatementsCame, Transmit
from detente.link.frames import (
    TEXT_LIMIT,
    Audit,
    Challenge,
    Channel,
    Code,
    Copy,
    Keys,
    KeysWanted,
    LinkFault,
    Proof,
    Vouch,
    Want,
)
from detente.link.identity import OwnIdentity, PeerIdentity
from detente.types import NS_PER_S

ReadEntry = Callable[[str, int], Entry | None]

_PACE_NS = NS_PER_S // 4
_AT_ONCE = 8
"""What comes faster than one in a quarter of a second, beyond so many, is passed over: an answer costs a read."""


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
        self._left = float(_AT_ONCE)
        self._paced_at = 0

    def unknown(self, digest: str) -> list[Effect]:
        """The peer goes by the statement *digest*: ask for what follows ours. Raises LinkFault for an older one."""
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

    def heard(self, frame: Vouch, entry: ReadEntry, elapsed: int) -> list[Effect]:
        """Take in what a greeted peer sends; *entry* reads a leaf of this link's logs as it stands here."""
        if isinstance(frame, Audit | Challenge | Want):
            self._left = min(float(_AT_ONCE), self._left + (elapsed - self._paced_at) / _PACE_NS)
            self._paced_at = elapsed
            if self._left < 1.0:
                return []
            self._left -= 1.0
        if isinstance(frame, Challenge):
            held = entry(frame.log, frame.seq)
            leaf, body = ("", "") if held is None else proof_of(held, unb64(frame.nonce))
            return [Transmit(Channel.PRIO, frames.encode(Proof(frame.log, frame.seq, leaf, body)))]
        if isinstance(frame, Want):
            held = entry(frame.log, frame.seq)
            return [] if held is None else [Transmit(Channel.PRIO, frames.encode(_copy_of(frame, held)))]
        return self.keys(frame) if isinstance(frame, Keys | KeysWanted) else [Aside(frame)]


def _copy_of(asked: Want, held: Entry) -> Copy:
    salt, body = ("", "") if held.body is None else (b64(held.salt), b64(held.body))
    if len(body) > TEXT_LIMIT // 2:
        salt, body = "", ""
    return Copy(asked.log, asked.seq, held.leaf.decode(errors="replace"), salt, body)
