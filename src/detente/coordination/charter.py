"""A table's charter: who sits at it, what they agreed to do here, and which seats must sign for a party.

A charter is configuration, the same at every member; its digest stands in every statement, so that two parties with
different texts notice at the first word. A table never changes: a further party is a further table.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from detente.coordination.act import Digest, Document, Key, Party, Title, digest_of
from detente.coordination.extent import SPAN_LIMIT_E7, crosses_itself, extent, is_flat, ring_of
from detente.coordination.plan import VERTICES_LIMIT, LeadMinutes, Vertex
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
    district: Annotated[
        tuple[Vertex, ...], Meta(max_length=VERTICES_LIMIT)
    ] = ()  # where activities may lie; empty: anywhere
    lead_minutes: LeadMinutes = {}  # the least time before its start that an activity is declared, by kind

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
        self._check_district()

    def _check_district(self) -> None:
        if not self.district:
            return
        if len(self.district) < 3:
            raise ConfigError(f"table {self.table}: a district has three vertices or more")
        ring = ring_of(self.district)
        if extent((ring,)).span_e7 > SPAN_LIMIT_E7:
            raise ConfigError(f"table {self.table}: the district is wider than {SPAN_LIMIT_E7 // 10_000_000} degrees")
        if is_flat(ring) or crosses_itself(ring):
            raise ConfigError(f"table {self.table}: the district's outline crosses itself or encloses nothing")
