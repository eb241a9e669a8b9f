"""What every act at a table has in common, and what its fold is told of who did it, when, and what they had seen."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Final, Literal, Protocol

import msgspec
from msgspec import Meta

from detente.coordination.plain import is_plain
from detente.errors import OrderRefused
from detente.types import PartyId, Role

HASH_PATTERN: Final = r"[0-9a-f]{64}"

Party = Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9-]{0,31}\Z")]
Name = Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9-]{0,31}-[1-9][0-9]{0,8}\Z")]
"""A statement's name at its table, ``bravo-12``; what a statement opens (a proposal, a claim) is called by it."""
Digest = Annotated[str, Meta(pattern=rf"\A{HASH_PATTERN}\Z")]
"""SHA-256 of a text's or statement's bytes, lower-case hex: what people compare at two desks."""
Key = Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9_-]{0,31}\Z")]
Title = Annotated[str, Meta(min_length=1, max_length=120)]
Words = Annotated[str, Meta(min_length=1, max_length=2_000)]
Document = Annotated[str, Meta(min_length=1, max_length=100_000)]
Seat = Literal["military", "intelligence", "foreign_service"]
Cell = tuple[Annotated[int, Meta(ge=-900, le=899)], Annotated[int, Meta(ge=-1800, le=1799)]]
"""A coarse place: the south-west corner of a tenth of a degree of latitude and longitude, in tenths. Never a point."""
Ms = Annotated[int, Meta(ge=0, lt=2**53)]
"""Milliseconds since 1970 UTC."""


class Act(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, tag_field="act"):
    """One thing a party does at a table. A field that is not named is refused."""


class Said(msgspec.Struct, frozen=True):
    """Who did an act and what they had seen: all that a fold may know besides the act."""

    name: str
    party: PartyId
    n: int  # of that party's statements at this table
    by: Role
    at_ms: int  # the writer's word for when
    clock: Mapping[PartyId, int]  # of each party, how many of its statements lie behind this one

    def saw(self, other: Said) -> bool:
        """Whether the writer had *other* before it when it wrote this."""
        return self.clock.get(other.party, 0) >= other.n


class Part(Protocol):
    """One kind of thing at a table: proposals, decisions, … A fold of the acts it names."""

    def apply(self, act: Act, said: Said) -> None:
        """Take one act; raises OrderRefused, and then nothing has changed."""
        ...


def digest_of(text: str) -> str:
    """Return the digest that people compare: SHA-256 of *text* in UTF-8, lower-case hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def check_plain(act: msgspec.Struct) -> None:
    """Raise OrderRefused if any text of *act*, however deep, is not in its one plain form."""
    for where, text in _texts(msgspec.to_builtins(act), ""):
        if text and not is_plain(text, limit=len(text)):
            raise OrderRefused(
                "text_hidden_character", f"{where}: the text holds what does not show, or is not in form C"
            )


def _texts(value: object, where: str) -> list[tuple[str, str]]:
    match value:
        case str():
            return [(where, value)]
        case dict():
            return [
                found
                for key, one in value.items()
                for found in [(f"{where}: a key", str(key)), *_texts(one, f"{where}.{key}".lstrip("."))]
            ]
        case list() | tuple():
            return [found for i, one in enumerate(value) for found in _texts(one, f"{where}[{i}]")]
        case _:
            return []
