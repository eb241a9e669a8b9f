"""What the API answers besides the board, its rows and what stands at a table: one definition for node and client.

Instants are integer milliseconds UTC, null when they have not happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta

from detente.coordination.plan import Plan
from detente.desk.board import PolicyState
from detente.release.words import RuleWords

PAGE_MOST = 200
"""Rows that one answer holds at most."""

Row = TypeVar("Row")

After = Annotated[int, Meta(ge=0, lt=2**53, description="How many rows were had already: the cursor of a page.")]
Most = Annotated[int, Meta(ge=1, le=PAGE_MOST, description="How many rows to give at most.")]


class InRecord(msgspec.Struct, frozen=True):
    """Where older rows of a list stand: leaves of one kind in these logs.

    `/api/record/leaves` gives them the newest first, on from `next` as `before`; `/api/record/entries` gives bodies.
    """

    kind: str
    logs: list[str]


class Page(msgspec.Struct, Generic[Row], frozen=True):
    """A part of a list by index. What follows it is asked for with `after`; null: nothing follows now."""

    rows: Sequence[Row]
    after: int | None
    total: int  # that can be had by index here
    record: InRecord | None = None  # with the last page of what a desk forgets in time: how to go on; else null


def page_of(rows: Sequence[Row], after: int, most: int) -> Page[Row]:
    """Return at most *most* of *rows* from the index *after* on."""
    return page_in(rows[after : after + most], after, len(rows))


def page_in(part: Sequence[Row], after: int, total: int, record: InRecord | None = None) -> Page[Row]:
    """Return *part*, the rows from the index *after* on of *total*; *record*: where the list goes on after its end."""
    end = after + len(part)
    follows = bool(part) and end < total
    return Page(part, end if follows else None, total, None if follows else record)


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
    policy: str = ""  # of a release policy: in_force, waits (for a second seat), withdrawn


class PlanRead(msgspec.Struct, frozen=True):
    """A plan as a text gives it, after its name there. Nothing is checked yet against the table."""

    name: str
    plan: Plan


class PlansRead(msgspec.Struct, frozen=True):
    """What a text holds."""

    plans: list[PlanRead]
    from_q_line: bool = False  # of a NOTAM whose text names no outline: it is the circle of its Q line


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


class KnownRow(msgspec.Struct, frozen=True):
    """What a patient peer knows after so long, as the root mean square of its error, in metres."""

    after_s: int
    straight_m: float
    turning_m: float
    anchored_m: float  # straight, with one true point known from elsewhere


class RulePrecision(msgspec.Struct, frozen=True):
    """What one rule promises, and what is left of it under the attacks of docs/operate/release.md."""

    rule: int  # from 1
    name: str
    gives: str
    promised_m: float | None  # null: no coarser than the sensor
    effective_m: float
    known: list[KnownRow]
    late_straight_m: float | None  # where a straight flight is now, foretold from positions told late
    late_turning_m: float | None
    holds: bool | None  # null: nothing was promised
    advice: str  # a sentence; empty: none


class PolicyView(msgspec.Struct, frozen=True):
    """The release policy in force, to be read and to be changed."""

    state: PolicyState
    text: str  # TOML as it was written; empty: not known
    rules: list[RuleWords]
    odd: list[str]  # rules that never decide, one sentence each


class PolicyChange(msgspec.Struct, frozen=True):
    """What one peer would be told more and less of the picture of now."""

    gained: dict[str, list[str]]  # label of a track → what of it
    lost: dict[str, list[str]]


class PolicyCheck(msgspec.Struct, frozen=True):
    """What a text would be as the release policy. Nothing is changed."""

    digest: str
    name: str
    rules: list[RuleWords]
    odd: list[str]
    wider_because: list[str]  # than what is in force; empty: proved to release no more, one seat is enough
    changes: dict[str, PolicyChange]  # by peer, of the picture of now


class WhyTold(msgspec.Struct, frozen=True):
    """Why a peer is told of something or not."""

    peer: str
    subject: str
    kind: Literal["track", "alert", "report"]
    told: Literal["exactly", "coarsely", "banded", "override", "nothing"]
    text: str  # in one line
    rule: int | None = None  # from 1; null: none of the policy's rules
    by: str = ""  # the rule's name, or the reason
    why: str = ""  # as the rule says for its reader
    unknown: list[str] = []  # conditions that cannot be known, and so do not help it out
    hidden: list[str] = []  # of an alert: its aircraft that the peer is not told of exactly, each with its reason


class Withheld(msgspec.Struct, frozen=True):
    """One of our own tracks that a peer does not get, and the rule that keeps it."""

    label: str
    rule: str


class Preview(msgspec.Struct, frozen=True):
    """What a peer would see of us now: a track frame made after release, and what release kept back."""

    peer: str
    at_ms: int
    frame: bytes
    withheld: Sequence[Withheld]


class Health(msgspec.Struct, frozen=True):
    alive: bool


AccountsKind = Literal["demo", "passkey", "oidc"]


class Seat(msgspec.Struct, frozen=True, kw_only=True):
    """Who sits at this browser, and which seats a demo account may take."""

    role: str | None
    token: str | None  # that each write of this session carries in the header x-detente-token
    roles: list[str]
    demo: bool
    kind: AccountsKind
    account: str = ""
    name: str = ""
    session: str = ""
    locked: bool = False  # shows, and takes no order until the person has signed in once more


class SessionRow(msgspec.Struct, frozen=True):
    """One signed-in browser."""

    session: str
    account: str
    name: str
    role: str
    how: str
    opened_ms: int
    acted_ms: int  # when a person last did something there
    locked: bool
    this: bool  # the one that asks
    agent: str  # what the browser calls itself


Credential = dict[str, Any]
"""What a browser's passkey answered, as WebAuthn has it in JSON."""

OrderDigest = Annotated[
    str, Meta(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the order's body, as sent, in hex.")
]


class Asked(msgspec.Struct, frozen=True):
    """How a person is to sign in: the options for a passkey, or an address of this node that leads to the provider."""

    kind: AccountsKind
    options: dict[str, Any] = {}
    address: str = ""


class StepUpAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For which order; null: to open the lock of this session."""

    order_digest: OrderDigest | None


class StepUp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The person signed in once more: with the passkey's answer, by the provider, or in the demo by being sure."""

    order_digest: OrderDigest | None
    credential: Credential | None = None
    sure: bool = False


class Grant(msgspec.Struct, frozen=True):
    """Lets one order through once; sent with it in the header x-detente-step-up. Empty: the lock is open."""

    grant: str
    until_ms: int
