"""The record, the links and the kept picture, as a desk shows them: what may be asked, and the rows of the answers."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

AROUND_MIN: Final = 5.0
"""Minutes before and after an incident that go into its dossier, unless somebody says otherwise."""


class LogRow(msgspec.Struct, frozen=True):
    """One log of the record."""

    log: str
    writer: str  # party, or node where it has no name here
    reader: str
    lane: str
    epoch: int
    size: int
    signed: int  # leaves under the newest signed checkpoint
    receipted: int  # leaves the reader says it holds
    receipt_at_s: int | None
    root: str  # base64, over all leaves


class LeafRow(msgspec.Struct, frozen=True):
    """One leaf: what it says of itself, and of its body what a person can read in a line."""

    seq: int
    hash: str
    ts_ms: int  # by the writer's clock
    kind: str
    precedence: str
    by: str
    size: int
    words: str  # of a hotline message or an alert; empty: nothing in words
    is_held: bool  # whether the body is still kept
    answers: list[str]  # hashes of the leaves it names


class LeafPage(msgspec.Struct, frozen=True):
    """Leaves, newest first. `next` is where to go on; null at the log's beginning."""

    log: str
    size: int
    rows: list[LeafRow]
    next: int | None
    scanned: int


class LeavesAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which leaves of a log a desk asks for; empty filters let everything through."""

    log: Annotated[str, Meta(min_length=1, max_length=200)]
    before: Annotated[int, Meta(ge=0)] | None = None
    kind: Annotated[str, Meta(max_length=32)] = ""
    by: Annotated[str, Meta(max_length=32)] = ""
    precedence: Annotated[str, Meta(max_length=1)] = ""
    text: Annotated[str, Meta(max_length=200)] = ""


class KeyRow(msgspec.Struct, frozen=True):
    """A key that may have signed a note, as its node's root states it."""

    node: str
    use: str
    vkey: str


class RootRow(msgspec.Struct, frozen=True):
    """Whose root all keys of a node hang on: the digits to compare by telephone."""

    party: str
    node: str
    digits: str


class DossierChecked(msgspec.Struct, frozen=True):
    """What was found of a dossier under the roots that this node has confirmed."""

    outcome: str  # holds, fails, unknown_root
    failures: list[tuple[str, str]]  # (exhibit, why it fails); of an unknown root the party and why
    parties: list[str]  # whose roots it was checked under


class ProofParts(msgspec.Struct, frozen=True):
    """What a browser needs to find a log's root by itself. Leaves [start, size) it fetches and hashes."""

    log: str
    size: int  # of the newest signed checkpoint
    start: int
    tiles: list[str]  # base64 roots of the whole tiles before `start`, 256 leaves each
    checkpoint: str  # the note
    receipt: str | None
    keys: list[KeyRow]
    roots: list[RootRow]


class DossierAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a dossier from the desk is to hold: one incident, a window of time, ranges of leaves, or whole logs."""

    incident: Annotated[str, Meta(max_length=200)] = ""
    around_min: Annotated[float, Meta(ge=0, le=1440)] = AROUND_MIN
    from_ms: Annotated[int, Meta(ge=0, le=2**53 - 1)] | None = None
    to_ms: Annotated[int, Meta(ge=0, le=2**53 - 1)] | None = None
    peers: Annotated[list[str], Meta(max_length=16)] = []
    lanes: Annotated[list[str], Meta(max_length=8)] = []
    ranges: Annotated[dict[str, tuple[int, int]], Meta(max_length=32)] = {}


class Portion(msgspec.Struct, frozen=True):
    """What goes into a dossier of one log, and what its reader will find missing."""

    log: str
    form: str  # "tiles": whole; "exhibits": leaf by leaf
    start: int
    stop: int
    size: int  # of the whole log
    receipt_outstanding: int  # leaves that the reader has not receipted
    without_body: int  # bodies no longer held, as far as they were read
    only_incident: bool  # of each frame only the incident's aircraft


class LinkSamples(msgspec.Struct, frozen=True):
    """The samples of one link, oldest first; all columns have one length, and what was not known is null."""

    peer: str
    every_ms: int
    at_ms: list[int]
    state: list[str]
    rtt_ms: list[float | None]
    offset_ms: list[float | None]
    backlog: list[int]  # own leaves not yet sent, all lanes
    receipt_lag_ms: list[float | None]


class Span(msgspec.Struct, frozen=True):
    """A time without a gap of which the picture is kept."""

    from_ms: int
    to_ms: int


class Kept(msgspec.Struct, frozen=True):
    """What can be shown again."""

    spans: list[Span]
    hours: int  # kept at most; 0: this node keeps no picture
    mb: int
    used_mb: float
    rows_lost: int  # because the disk took none
    fault: str  # why nothing is written now; empty: it is


class SaidRow(msgspec.Struct, frozen=True):
    """One leaf: what it says of itself, and its body as it was read."""

    at_ms: int  # by the writer's clock
    log: str
    lane: str
    seq: int
    writer: str  # party
    reader: str
    kind: str
    precedence: str
    by: str
    hash: str
    re: list[str]  # hashes of the leaves that it is about
    body: dict[str, Any] | None  # as docs/protocol/link.md has it for this kind; null: no longer kept, or damaged


class SaidPage(msgspec.Struct, frozen=True):
    """Leaves by the time they were written."""

    rows: list[SaidRow]
    more: bool  # there were more than LEAVES_MAX; the newest are missing
