"""The bodies of leaves, besides track frames: small, closed, integers and short texts only.

A field that is not named here is refused: versions are agreed at hello. What a body is about stands in its leaf's `re`
(the hash of the leaf it answers), who says it in `by`, how fast in `prec`; none of these is repeated here. Instants
are milliseconds UTC.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from detente.coordination.plain import TEXT_LIMIT, is_plain
from detente.desk.hotline import Said, Words
from detente.desk.orders import Prec
from detente.desk.words import Lang
from detente.errors import PeerFault
from detente.evidence.leaf import Hash, padded
from detente.release.alerts import AlertTold, Named
from detente.types import PartyId, Role

__all__ = [
    "AckBody",
    "AlertTold",
    "Body",
    "DisplayedBody",
    "EscalationBody",
    "HoldBody",
    "HotlineBody",
    "KeysBody",
    "LineTestBody",
    "Named",
    "PolicyBody",
    "RebaseBody",
    "StandDownBody",
    "TableBody",
    "decode_body",
    "encode_body",
    "hotline_body",
    "said_of",
]

_Ms = Annotated[int, Meta(ge=0, lt=2**53)]
_Code = Annotated[str, Meta(pattern=r"\A[A-Z][0-9]{2}\Z")]
_Name = Annotated[str, Meta(pattern=r"\A[a-z0-9]{1,16}\Z")]


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A body is one JSON object in canonical form."""


class HotlineBody(_Body, frozen=True):
    """One message on a line (leaf kind `hotline`): free text, or a code with its parameters."""

    line: Literal["watch", "military", "intelligence", "foreign_service", "leader"]
    lang: Lang = "en"  # of the text; of a coded message the writer's own
    code: _Code | None = None
    params: Annotated[dict[_Name, Annotated[str, Meta(max_length=100)]], Meta(max_length=7)] = {}
    text: Annotated[str, Meta(max_length=TEXT_LIMIT)] = ""
    reason: Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_]{1,32}\Z")] | None = None  # why FLASH; a closed list


class AckBody(_Body, frozen=True):
    """A person has seen what `re` names (kind `ack`): seen, never agreed."""

    at_ms: _Ms


class DisplayedBody(_Body, frozen=True):
    """A visible console has painted what `re` names (kind `displayed`)."""

    at_ms: _Ms


class EscalationBody(_Body, frozen=True):
    """The writer's people of this rung have been told of what `re` names (kind `escalation`)."""

    rung: Annotated[int, Meta(ge=0, le=5)]
    at_ms: _Ms  # when it was due
    not_answered: bool = False  # the time for the message was up, without an answer


class StandDownBody(_Body, frozen=True):
    """The writer stops its ladder for what `re` names (kind `stand_down`)."""

    reason: Literal["acting", "false_alert", "resolved", "exercise", "other_line"]
    at_ms: _Ms


class KeysBody(_Body, frozen=True):
    """The writer goes by this key statement from now on (kind `keys`): for the record, since `hello` has told it."""

    note: Annotated[str, Meta(max_length=32_768)]


class HoldBody(_Body, frozen=True):
    """The writer keeps, and asks the reader to keep, the bodies of what was written in this window (kind `hold`)."""

    hold: Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9-]{0,63}\Z")]  # its name, the writer's own
    from_ms: _Ms
    to_ms: _Ms
    lifted: bool = False  # only who placed it lifts it


class LineTestBody(_Body, frozen=True):
    """The line works (kind `line_test`): said at each full interval, so that an unused line is known to."""

    at_ms: _Ms
    every_s: Annotated[int, Meta(ge=1, le=86_400)]


class PolicyBody(_Body, frozen=True):
    """Which safety overrides with the reader are in force at the writer (kind `policy`), by digest, all of them.

    An override holds while every party that it names has said it.
    """

    overrides: Annotated[tuple[Hash, ...], Meta(max_length=16)]


class RebaseBody(_Body, frozen=True):
    """The writer agrees that `log`, which has two histories, goes on in its next epoch (kind `rebase`)."""

    log: Annotated[str, Meta(max_length=300)]
    proof: Hash  # digest of the notes below
    notes: Annotated[tuple[Annotated[str, Meta(max_length=16_384)], ...], Meta(min_length=1, max_length=4)]


class TableBody(_Body, frozen=True):
    """What the writer holds of a table (kind `table`): of each party the number and digest of its newest statement.

    Said after every statement of another party, so that whoever told two members different things is found out. With
    `shown` it carries a statement as its author signed it to us: leaf, salt and body, base64.
    """

    table: Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9_-]{0,31}\Z")]
    heads: Annotated[dict[str, tuple[int, str]], Meta(max_length=16)] = {}
    shown: tuple[str, str, str] | None = None


Body = (
    HotlineBody
    | AckBody
    | DisplayedBody
    | EscalationBody
    | StandDownBody
    | AlertTold
    | LineTestBody
    | RebaseBody
    | TableBody
    | KeysBody
    | HoldBody
    | PolicyBody
)

_FORMS: Final[dict[str, type[Body]]] = {
    "hotline": HotlineBody,
    "ack": AckBody,
    "displayed": DisplayedBody,
    "escalation": EscalationBody,
    "stand_down": StandDownBody,
    "alert": AlertTold,
    "keys": KeysBody,
    "hold": HoldBody,
    "line_test": LineTestBody,
    "rebase": RebaseBody,
    "policy": PolicyBody,
    "table": TableBody,
}
"""Which body stands under which kind of leaf."""

_encoder: Final = msgspec.json.Encoder(order="sorted")


def encode_body(body: Body) -> bytes:
    """Return *body* in canonical form, which is filled up: see `evidence.leaf.padded`."""
    return padded(_encoder.encode(body))


def decode_body(kind: str, raw: bytes) -> Body:
    """Return the body of a leaf of *kind*; raises PeerFault with the bytes for whatever is not exactly such a body."""
    form = _FORMS.get(kind)
    if form is None:
        raise PeerFault(f"a leaf of kind {kind!r} has no body here", raw)
    try:
        body = msgspec.json.decode(raw, type=form)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise PeerFault(f"{kind}: {wrong}", raw) from None
    if encode_body(body) != raw:
        raise PeerFault(f"{kind}: the body is not in canonical form", raw)
    if isinstance(body, HotlineBody):
        _check_words(body, raw)
    return body


def hotline_body(words: Words) -> HotlineBody:
    """Return the body that says *words*; precedence, addressee and what it answers go into the leaf."""
    return HotlineBody(
        line=words.line, lang=words.lang, code=words.code, params=words.params, text=words.text, reason=words.reason
    )


def said_of(
    body: HotlineBody,
    *,
    message: str,
    sender: PartyId,
    to: PartyId,
    by: Role,
    precedence: Prec,
    sent_at_ms: int,
    answers: str | None,
) -> Said:
    """Return *body* with what its leaf says of it, ready for the hotline's fold."""
    return Said(
        message=message,
        sender=sender,
        to=to,
        line=body.line,
        by=by,
        precedence=precedence,
        sent_at_ms=sent_at_ms,
        reason=body.reason,
        code=body.code,
        params=body.params,
        text=body.text,
        lang=body.lang,
        answers=answers,
    )


def _check_words(body: HotlineBody, raw: bytes) -> None:
    if (body.code is None) == (body.text == ""):
        raise PeerFault("hotline: say either a code or a text", raw)
    if body.code is None and body.params:
        raise PeerFault("hotline: parameters without a code", raw)
    for text in filter(None, (body.text, *body.params.values())):
        if not is_plain(text):
            raise PeerFault("hotline: the text holds characters that do not show", raw)
