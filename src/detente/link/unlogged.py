"""A FLASH outside any log: what a node says while its record takes nothing, so that no warning waits for a disk.

It is a signed note and nothing more: it stands at no place, has no receipt, and both desks mark it so. Once the record
takes leaves again its writer says the same in the log, and that leaf names this note in its ``re``.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from detente.errors import OwnFault, PeerFault
from detente.evidence.leaf import LEAF_LIMIT, Hash, Kind, Millis
from detente.evidence.note import Signer, Vkey, b64, open_note, sign_note, unb64
from detente.types import Precedence

_HEAD: Final = "detente-unlogged/v1\n"


class UnloggedFlash(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What the note says. Its fields are those of a leaf, less the place; ``body`` is the body itself, base64."""

    to: Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9./_-]{0,254}\Z")]
    ts: Millis
    kind: Kind
    prec: Precedence
    by: Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9_-]{0,31}\Z")]
    media: Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9./+-]{0,63}\Z")]
    pol: Hash
    body: Annotated[str, Meta(max_length=LEAF_LIMIT)]
    exp: Millis | None = None
    re: Annotated[tuple[Hash, ...], Meta(max_length=64)] = ()

    @property
    def octets(self) -> bytes:
        """The body."""
        return unb64(self.body)


_encoder: Final = msgspec.json.Encoder(order="sorted")
_decoder: Final = msgspec.json.Decoder(UnloggedFlash)


def sign(flash: UnloggedFlash, env: Signer) -> bytes:
    """Return *flash* as a note signed by *env*; raises OwnFault for one that no peer would take."""
    try:
        note = sign_note(f"{_HEAD}{_encoder.encode(flash).decode()}\n", env)
        verified(note, env.vkey)
    except PeerFault as wrong:
        raise OwnFault(wrong.reason) from None
    return note


def verified(note: bytes, env: Vkey) -> UnloggedFlash:
    """Return what *note*, signed by *env*, says; raises PeerFault for anything else."""
    if len(note) > LEAF_LIMIT:
        raise PeerFault(f"unlogged: {len(note)} bytes, more than {LEAF_LIMIT}", note[:256])
    text = open_note(note, env).text
    line = text.removeprefix(_HEAD).removesuffix("\n").encode()
    if not text.startswith(_HEAD) or b"\n" in line:
        raise PeerFault("unlogged: not a detente-unlogged/v1 of one line", note)
    try:
        flash = _decoder.decode(line)
        octets = flash.octets
    except (msgspec.DecodeError, ValueError, RecursionError) as wrong:
        raise PeerFault(f"unlogged: {wrong}", note) from None
    if _encoder.encode(flash) != line or b64(octets) != flash.body:
        raise PeerFault("unlogged: not canonical", note)
    if flash.prec is not Precedence.FLASH:
        raise PeerFault("unlogged: only a FLASH goes outside the log", note)
    return flash
