"""A statement: one act of one party at a table, with what the writer had seen. The same bytes go to every member.

A table is one chain of statements a party. Each names the one before it (`prev`) and the newest of every other party
that its writer had taken in (`heads`). So what came before what is a fact that both sides hold, whatever the clocks
say; and since everybody's newest digest stands in everybody's statements, a party that tells two others different
things is found out by the next word that is said.
"""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from detente.coordination.act import Digest, Key, Ms, Party, check_plain
from detente.coordination.activity_acts import AnyActivityAct
from detente.coordination.arrangement import AnyArrangementAct
from detente.coordination.ceasefire import AnyCeasefireAct
from detente.coordination.decisions import AnyDecisionAct
from detente.coordination.incidents import AnyIncidentAct
from detente.coordination.ledger import AnyLedgerAct
from detente.coordination.proposals import AnyProposalAct
from detente.coordination.reports import AnyReportAct
from detente.coordination.watch import AnyWatchAct
from detente.errors import OrderRefused, PeerFault
from detente.evidence.leaf import padded
from detente.types import Role

AnyAct = (
    AnyActivityAct
    | AnyArrangementAct
    | AnyCeasefireAct
    | AnyDecisionAct
    | AnyIncidentAct
    | AnyLedgerAct
    | AnyProposalAct
    | AnyReportAct
    | AnyWatchAct
)
"""Everything that can be done at a table."""

STATEMENT_LIMIT: Final = 512 * 1024
_BLANK: Final = re.compile(rb'" +"')
FIRST_PREV: Final = hashlib.sha256().hexdigest()
"""What `prev` of a party's first statement holds: SHA-256 of nothing."""

_Number = Annotated[int, Meta(ge=1, lt=10**9)]


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One act, as it is signed."""

    table: Key
    charter: Digest
    party: Party
    n: _Number
    prev: Digest
    heads: dict[Party, tuple[_Number, Digest]] = {}
    by: Role
    at_ms: Ms
    act: AnyAct

    @property
    def name(self) -> str:
        return f"{self.party}-{self.n}"


_encoder: Final = msgspec.json.Encoder(order="sorted")
_decoder: Final = msgspec.json.Decoder(Statement)


def encode_statement(statement: Statement) -> bytes:
    """Return *statement* in its one form, which is filled up: see `evidence.leaf.padded`."""
    return padded(_encoder.encode(statement))


def decode_statement(raw: bytes) -> Statement:
    """Return the statement that *raw* is; raises PeerFault with the bytes for whatever is not exactly one."""
    if len(raw) > STATEMENT_LIMIT:
        raise PeerFault(f"statement: {len(raw)} bytes; at most {STATEMENT_LIMIT} are taken", raw)
    try:
        statement = _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise PeerFault(f"statement: {wrong}", raw) from None
    if encode_statement(statement) != raw:
        raise PeerFault("statement: it is not in canonical form", raw)
    try:
        if not _is_plainly_ascii(raw):
            check_plain(statement.act)
    except OrderRefused as refused:
        raise PeerFault(f"statement: {refused.reason}", raw) from None
    return statement


def _is_plainly_ascii(raw: bytes) -> bool:
    """Whether every text in *raw*, which is canonical, shows: ASCII without escapes, nothing but blanks nowhere."""
    return raw.isascii() and b"\\" not in raw and b"\x7f" not in raw and _BLANK.search(raw) is None


def statement_digest(raw: bytes) -> Digest:
    """Return the digest by which others name a statement."""
    return hashlib.sha256(raw).hexdigest()
