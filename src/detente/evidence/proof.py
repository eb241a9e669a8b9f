"""An exhibit's proof (C2SP tlog-proof): an index, its audit path, and the checkpoint it leads to, in one text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from detente.errors import PeerFault
from detente.evidence.checkpoint import SignedCheckpoint, open_checkpoint
from detente.evidence.merkle import HASH_LENGTH, leaf_hash, verify_inclusion
from detente.evidence.note import Vkey, b64, unb64

_HEAD: Final = b"c2sp.org/tlog-proof@v1"
_PATH_LIMIT: Final = 63


@dataclass(frozen=True)
class Proof:
    """Leaf *index* is under the checkpoint in the note *checkpoint*, by the audit path *path*."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes

    def __bytes__(self) -> bytes:
        lines = [_HEAD, b"index %d" % self.index, *(b64(h).encode() for h in self.path), b""]
        return b"\n".join(lines) + b"\n" + self.checkpoint

    @classmethod
    def parse(cls, raw: bytes) -> Proof:
        """Return the proof in *raw*; raises PeerFault for any spelling but the one (``extra`` lines are not used)."""
        head, _, checkpoint = raw.partition(b"\n\n")
        lines = head.split(b"\n")
        if lines[0] != _HEAD or len(lines) < 2 or len(lines) > 2 + _PATH_LIMIT:
            raise PeerFault("proof: not a tlog-proof@v1", raw[:256])
        try:
            index = int(lines[1].removeprefix(b"index "))
            proof = cls(index, tuple(unb64(line) for line in lines[2:]), checkpoint)
        except ValueError:
            raise PeerFault("proof: malformed index or hash", raw[:256]) from None
        if bytes(proof) != raw or index < 0 or any(len(h) != HASH_LENGTH for h in proof.path):
            raise PeerFault("proof: not the canonical spelling", raw[:256])
        return proof

    def verify(self, leaf: bytes, log: Vkey, *cosigners: Vkey) -> SignedCheckpoint:
        """Return the checkpoint that proves *leaf*, or raise PeerFault with what does not hold."""
        signed = open_checkpoint(self.checkpoint, log, *cosigners)
        head = signed.checkpoint
        if not verify_inclusion(leaf_hash(leaf), self.index, head.size, self.path, head.root):
            raise PeerFault(f"proof: leaf {self.index} is not under the root of {head.origin} at {head.size}", leaf)
        return signed
