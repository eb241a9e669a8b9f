"""A checkpoint (C2SP tlog-checkpoint): a log's size and root, signed by the log and cosigned by who holds it.

A mirror signs only after it has verified the leaves, recomputed the root from what it stored, and has it on disk. So
its cosignature says: all entries [0, size) are durably held here and readable by the duty staff. It is the receipt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from detente.errors import PeerFault
from detente.evidence.note import (
    COSIGNATURE,
    MLDSA44,
    Ed25519Signer,
    Vkey,
    b64,
    open_note,
    sign_note,
    split_note,
    unb64,
)


@dataclass(frozen=True)
class Checkpoint:
    """The first *size* leaves of the log *origin* have the RFC 6962 root *root*."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The three lines that are signed; no extension lines."""
        return f"{self.origin}\n{self.size}\n{b64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Return the checkpoint in *text*; raises PeerFault for any spelling but the one."""
        lines = text.split("\n")
        try:
            origin, size, root, end = lines
            checkpoint = cls(origin, int(size), unb64(root))
        except ValueError:
            raise PeerFault("checkpoint: not origin, size and root on three lines", text.encode()) from None
        if (
            end
            or not origin
            or checkpoint.text != text
            or len(checkpoint.root) != 32
            or not 0 <= checkpoint.size < 1 << 63
        ):
            raise PeerFault("checkpoint: not origin, size and root on three lines", text.encode())
        return checkpoint


@dataclass(frozen=True)
class SignedCheckpoint:
    """A checkpoint whose log signature verified, with the verified cosignatures and the times they state."""

    checkpoint: Checkpoint
    raw: bytes
    cosigned_at_s: dict[Vkey, int]

    def held_at_s(self, cosigner: Vkey) -> int | None:
        """When *cosigner* says it held all of it, seconds since 1970 UTC; None without its receipt."""
        return self.cosigned_at_s.get(cosigner)


class TimedSigner(Protocol):
    """A `Cosigner` or an `MlDsaCosigner`."""

    @property
    def vkey(self) -> Vkey: ...

    def line_at(self, text: bytes, at_s: int) -> bytes: ...


def sign_checkpoint(checkpoint: Checkpoint, log: Ed25519Signer) -> bytes:
    """Return the note of *checkpoint*, signed by the log's key under the log's origin as its name."""
    signer = log if log.vkey.name == checkpoint.origin else log.named(checkpoint.origin)
    return sign_note(checkpoint.text, signer)


def cosignature(raw: bytes, cosigner: TimedSigner, at_s: int) -> bytes:
    """Return the line by which *cosigner* says it holds the checkpoint in the note *raw* at *at_s*: the receipt."""
    text, _ = split_note(raw)
    Checkpoint.parse(text.decode())
    return cosigner.line_at(text, at_s)


def with_lines(raw: bytes, *lines: bytes) -> bytes:
    """Return the note *raw* with further signature lines under it, each once."""
    return raw + b"".join(line for line in dict.fromkeys(lines) if line not in raw)


def open_checkpoint(raw: bytes, log: Vkey, *cosigners: Vkey) -> SignedCheckpoint:
    """Return the checkpoint in the note *raw*, signed by *log*; cosignatures by *cosigners* are verified where present.

    Raises PeerFault without a valid signature by *log*, for another origin than the key's name, and for a cosignature
    by one of *cosigners* that does not verify.
    """
    note = open_note(raw, log, *cosigners)
    checkpoint = Checkpoint.parse(note.text)
    if note.by(log) is None or checkpoint.origin != log.name:
        raise PeerFault(f"checkpoint: not signed by the log {log.name}", raw)
    times = {
        s.vkey: s.at_s for s in note.signatures if s.vkey.algorithm in {COSIGNATURE, MLDSA44} and s.at_s is not None
    }
    return SignedCheckpoint(checkpoint, raw, times)
