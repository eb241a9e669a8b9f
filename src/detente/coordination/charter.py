"""A table's charter: who sits at it, what they agreed to do here, and which seats must sign for a party.

A charter is configuration, the same at every member; its digest stands in every statement, so that two parties with
different texts notice at the first word. A table never changes: a further party is a further table.
"""

from __future__ import annotations

from typing import Final

import msgspec

from detente.coordination.act import Digest, Document, Key, Party, Title, digest_of
from detente.errors import ConfigError
from detente.types import DELEGATION, PartyId, Role

MEMBERS_LIMIT: Final = 16

_encoder: Final = msgspec.json.Encoder(order="sorted")


class Charter(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One table."""

    table: Key
    title: Title
    members: tuple[Party, ...]
    agreement: Document  # the text that the members signed when they set this up
    signers: tuple[Role, ...] = (Role.MILITARY, Role.FOREIGN_SERVICE)  # seats whose signatures bind a party
    topic: Title = "safety of flight"  # tracks of talks are tables apart: a stalled one closes no other
    governs_picture: bool = False  # whether this table's arrangement says what of the picture crosses

    @property
    def digest(self) -> Digest:
        return digest_of(_encoder.encode(self).decode())

    @property
    def parties(self) -> tuple[PartyId, ...]:
        return tuple(PartyId(member) for member in self.members)

    def check(self) -> None:
        """Raise ConfigError for a charter that no table could have."""
        if not 2 <= len(self.members) <= MEMBERS_LIMIT or len(set(self.members)) != len(self.members):
            raise ConfigError(f"table {self.table}: 2 to {MEMBERS_LIMIT} different members are needed")
        if list(self.members) != sorted(self.members):
            raise ConfigError(f"table {self.table}: members stand in order of name, so that every side has one text")
        if not self.signers or not set(self.signers) <= set(DELEGATION):
            seats = ", ".join(DELEGATION)
            raise ConfigError(f"table {self.table}: signers are seats of the delegation: {seats}; there is no fourth")
