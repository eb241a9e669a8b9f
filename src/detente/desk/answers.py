"""What the API answers besides the board, its rows and what stands at a table: one definition for node and client.

Instants are integer milliseconds UTC, null when they have not happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta

PAGE_MOST = 200
"""Rows that one answer holds at most."""

Row = TypeVar("Row")

After = Annotated[int, Meta(ge=0, lt=2**53, description="How many rows were had already: the cursor of a page.")]
Most = Annotated[int, Meta(ge=1, le=PAGE_MOST, description="How many rows to give at most.")]


class Page(msgspec.Struct, Generic[Row], frozen=True):
    """A part of a list by index. What follows it is asked for with `after`; null: nothing follows now."""

    rows: Sequence[Row]
    after: int | None
    total: int


def page_of(rows: Sequence[Row], after: int, most: int, total: int | None = None) -> Page[Row]:
    """Return at most *most* of *rows* from the index *after* on."""
    part = rows[after : after + most]
    end = after + len(part)
    return Page(part, end if part and end < len(rows) else None, len(rows) if total is None else total)


class Problem(msgspec.Struct, frozen=True):
    """A refusal, as RFC 9457 has it; `code` is from a closed list, `do` says what to do about it."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    do: str


class Done(msgspec.Struct, frozen=True, omit_defaults=True):
    """An order was taken. What it made has a name: a message or a statement at a table."""

    message: str = ""
    statement: str = ""


class LogHead(msgspec.Struct, frozen=True):
    """One log of the record as this node holds it."""

    log: str  # origin
    party: str  # whom it is about
    own: bool  # we write it; else it is our copy of what the peer writes
    size: int
    root: str  # base64, of all `size` leaves
    receipt_size: int  # of which the other side has said that it holds them; 0 for a copy


class RecordEntry(msgspec.Struct, frozen=True):
    """One leaf of a log, and its body while it is kept."""

    seq: int
    hash: str  # base64
    leaf: str  # the signed note, as it stands in the log
    body: str | None  # base64; null: not here, or forgotten by age
    salt: str  # base64


class ReleaseRow(msgspec.Struct, frozen=True):
    """What one peer is told of our picture now."""

    party: str
    policy: str  # digest, base64
    policy_name: str
    released: int  # tracks in the newest frame
    withheld: dict[str, int]  # reason or rule → count in the newest frame


class Health(msgspec.Struct, frozen=True):
    alive: bool


AccountsKind = Literal["demo", "passkey", "oidc"]


class Seat(msgspec.Struct, frozen=True):
    """Who sits at this browser, and which seats a demo account may take."""

    role: str | None
    token: str | None  # that each write of this session carries in the header x-detente-token
    roles: list[str]
    demo: bool
