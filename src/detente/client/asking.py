"""What can be asked of a node, as values: one line each, with the type of the answer. Nothing here talks to anybody."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final, Generic, NamedTuple, TypeVar
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec

from detente.coordination.activities import ActivityRow
from detente.coordination.ceasefire import TermsRow
from detente.coordination.decisions import SummitRow
from detente.coordination.incidents import IncidentRow
from detente.coordination.ledger import DifferenceRow, EntryRow
from detente.coordination.plan import Volume
from detente.coordination.proposals import ProposalRow
from detente.coordination.reports import ReportRow
from detente.coordination.view import PowerRow, TableBrief, TableView
from detente.coordination.watch import WatchRow
from detente.desk.answers import (
    Done,
    Grant,
    LogHead,
    Page,
    PolicyCheck,
    PolicyView,
    Preview,
    Problem,
    RecordEntry,
    ReleaseRow,
    RulePrecision,
    Seat,
    StepUp,
    WhyTold,
)
from detente.desk.board import AlertRow, Board, FeedRow, MessageRow, PeerRow, ZoneRow
from detente.desk.explanation import Explanation
from detente.desk.orders import AnyOrder
from detente.desk.release_view import ReleaseView
from detente.errors import ConfigError, DetenteError

T = TypeVar("T")

TIMEOUT_S: Final = 20.0
ANSWER_MAX: Final = 64 << 20
"""Bytes of one answer that are read."""


_JSON: Final = {"content-type": "application/json"}


class Refused(DetenteError):
    """The node refused: *problem* has the code, the detail, and what to do."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.detail or problem.title} ({problem.code})")
        self.problem = problem


class Unreachable(DetenteError):
    """The node cannot be reached, or what answered is none."""


class Zones(msgspec.Struct, frozen=True):
    """The zones as they are now."""

    zones: list[ZoneRow]


class Tracks(msgspec.Struct, frozen=True):
    """One frame of tracks, in MessagePack: columns, as `detente.desk.frame` has them."""

    frame: bytes


class Ask(NamedTuple, Generic[T]):
    """One request. *kind* is the type of its answer; bytes: as it comes."""

    method: str
    path: str
    kind: Any
    query: Mapping[str, str | int] = {}
    body: bytes | None = None
    headers: Mapping[str, str] = {}


def _at(table: str, part: str = "") -> str:
    return f"/api/tables/{quote(table, safe='')}" + (f"/{part}" if part else "")


def _page(path: str, kind: Any, after: int, most: int, **more: str | int) -> Ask[Any]:
    return Ask("GET", path, Page[kind], {"after": after, "most": most, **more})


def seat() -> Ask[Seat]:
    return Ask("GET", "/api/session", Seat)


def board() -> Ask[Board]:
    return Ask("GET", "/api/board", Board)


def alerts(after: int = 0, most: int = 200) -> Ask[Page[AlertRow]]:
    return _page("/api/alerts", AlertRow, after, most)


def messages(after: int = 0, most: int = 200) -> Ask[Page[MessageRow]]:
    return _page("/api/messages", MessageRow, after, most)


def links() -> Ask[list[PeerRow]]:
    return Ask("GET", "/api/links", list[PeerRow])


def feeds() -> Ask[list[FeedRow]]:
    return Ask("GET", "/api/feeds", list[FeedRow])


def release() -> Ask[list[ReleaseRow]]:
    return Ask("GET", "/api/release", list[ReleaseRow])


def release_to(peer: str) -> Ask[ReleaseView]:
    return Ask("GET", f"/api/release/{quote(peer, safe='')}", ReleaseView)


def policy() -> Ask[PolicyView]:
    return Ask("GET", "/api/policy", PolicyView)


def policy_precision() -> Ask[list[RulePrecision]]:
    return Ask("GET", "/api/policy/precision", list[RulePrecision])


def check_policy(text: str) -> Ask[PolicyCheck]:
    """What *text* would change as the release policy; nothing is changed."""
    return Ask("POST", "/api/policy/check", PolicyCheck, body=msgspec.json.encode({"text": text}), headers=_JSON)


def precision_of(text: str) -> Ask[list[RulePrecision]]:
    """What a patient peer could know under *text*."""
    body = msgspec.json.encode({"text": text})
    return Ask("POST", "/api/policy/precision", list[RulePrecision], body=body, headers=_JSON)


def why_told(peer: str, subject: str) -> Ask[WhyTold]:
    return Ask("GET", "/api/explain", WhyTold, {"peer": peer, "subject": subject})


def why_raised(alert: str) -> Ask[Explanation]:
    return Ask("GET", f"/api/alerts/{quote(alert, safe='')}/why", Explanation)


def preview(peer: str) -> Ask[Preview]:
    return Ask("GET", "/api/preview", Preview, {"peer": peer})


def powers() -> Ask[list[PowerRow]]:
    return Ask("GET", "/api/powers", list[PowerRow])


def codebook() -> Ask[dict[str, Any]]:
    return Ask("GET", "/api/codebook", dict[str, Any])


def tables() -> Ask[list[TableBrief]]:
    return Ask("GET", "/api/tables", list[TableBrief])


def table(name: str) -> Ask[TableView]:
    return Ask("GET", _at(name), TableView)


def proposals(name: str, after: int = 0, most: int = 200) -> Ask[Page[ProposalRow]]:
    return _page(_at(name, "proposals"), ProposalRow, after, most)


def decisions(name: str, after: int = 0, most: int = 200) -> Ask[Page[SummitRow]]:
    return _page(_at(name, "decisions"), SummitRow, after, most)


def incidents(name: str, after: int = 0, most: int = 200) -> Ask[Page[IncidentRow]]:
    return _page(_at(name, "incidents"), IncidentRow, after, most)


def ceasefire(name: str, after: int = 0, most: int = 200) -> Ask[Page[TermsRow]]:
    return _page(_at(name, "ceasefire"), TermsRow, after, most)


def ledger(name: str, after: int = 0, most: int = 200) -> Ask[Page[EntryRow]]:
    return _page(_at(name, "ledger"), EntryRow, after, most)


def differences(name: str, after: int = 0, most: int = 200) -> Ask[Page[DifferenceRow]]:
    return _page(_at(name, "differences"), DifferenceRow, after, most)


def reports(name: str, after: int = 0, most: int = 200, **by: str | int) -> Ask[Page[ReportRow]]:
    """*by*: kind, from_ms, to_ms, and south, west, north, east in tenths of a degree."""
    return _page(_at(name, "reports"), ReportRow, after, most, **by)


def activities(name: str, after: int = 0, most: int = 200) -> Ask[Page[ActivityRow]]:
    return _page(_at(name, "activities"), ActivityRow, after, most)


def place_of(name: str, activity: str) -> Ask[list[Volume]]:
    return Ask("GET", _at(name, f"activities/{quote(activity, safe='')}/place"), list[Volume])


def watch(name: str) -> Ask[list[WatchRow]]:
    return Ask("GET", _at(name, "watch"), list[WatchRow])


def calendar(name: str) -> Ask[bytes]:
    return Ask("GET", _at(name, "decisions.ics"), bytes)


def status(name: str, lang: str = "en") -> Ask[bytes]:
    return Ask("GET", _at(name, "status"), bytes, {"lang": lang})


def logs() -> Ask[list[LogHead]]:
    return Ask("GET", "/api/record", list[LogHead])


def entries(log: str, after: int = 0, most: int = 200) -> Ask[Page[RecordEntry]]:
    return _page("/api/record/entries", RecordEntry, after, most, log=log)


def order(given: AnyOrder, key: str, grant: str = "") -> Ask[Done]:
    """*key*: of this order, so that it is done once however often it is sent. *grant*: what `sure` gave for it."""
    headers = {"idempotency-key": key, **_JSON} | ({"x-detente-step-up": grant} if grant else {})
    return Ask("POST", "/api/orders", Done, body=msgspec.json.encode(given), headers=headers)


def demo_seat(role: str) -> Ask[Seat]:
    """Take a seat with a demo account."""
    return Ask("POST", "/api/session", Seat, body=msgspec.json.encode({"role": role}), headers=_JSON)


def sure(given: bytes) -> Ask[Grant]:
    """Say that one is sure of an order, *given* as it will be sent: with a demo account that is enough."""
    said = StepUp(order_digest=hashlib.sha256(given).hexdigest(), sure=True)
    return Ask("POST", "/api/step-up", Grant, body=msgspec.json.encode(said), headers=_JSON)


# --- reading what comes back


def answered(ask: Ask[T], status: int, body: bytes) -> T:
    """Return the answer to *ask*; raises Refused with the node's problem, Unreachable for what is no answer."""
    if 200 <= status < 300:
        if ask.kind is bytes:
            return body  # type: ignore[return-value]
        try:
            found: T = msgspec.json.decode(body, type=ask.kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
            raise Unreachable(f"{ask.path}: not the answer of this version: {wrong}") from None
        return found
    try:
        problem = msgspec.json.decode(body, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Unreachable(f"{ask.path}: answered {status}, not by a node") from None
    raise Refused(problem)


class _BoardText(msgspec.Struct, frozen=True, tag="board", tag_field="kind"):
    board: Board


class _ZonesText(msgspec.Struct, frozen=True, tag="zones", tag_field="kind"):
    zones: list[ZoneRow]


_text = msgspec.json.Decoder(_BoardText | _ZonesText)


def event_of(message: str | bytes) -> Board | Zones | Tracks:
    """Return what one message of the live line says; raises Unreachable for what is none."""
    if isinstance(message, bytes):
        return Tracks(message)
    try:
        said = _text.decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise Unreachable(f"/live: not what this version says: {wrong}") from None
    return said.board if isinstance(said, _BoardText) else Zones(said.zones)


def address_of(text: str) -> str:
    """Return a console's address without a slash at its end; raises ConfigError for anything but http(s)://host."""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ConfigError(f"{text!r} is no console's address: http://alfa.localhost:8440")
    return urlunsplit((parts.scheme, parts.netloc, "", "", ""))


def live_of(address: str) -> str:
    """Return the address of the live line of the console at *address*."""
    return f"ws{address.removeprefix('http')}/live"


def way_of(address: str) -> tuple[str, str, dict[str, str]]:
    """Return the base address to dial, its host, and the headers that name the console all the same.

    Every name under ``localhost`` is this machine (RFC 6761), whether or not its resolver knows that.
    """
    parts = urlsplit(address)
    host = parts.hostname or ""
    if not host.endswith(".localhost") or parts.scheme != "http":
        return address, host, {}
    netloc = "127.0.0.1" + (f":{parts.port}" if parts.port else "")
    return urlunsplit((parts.scheme, netloc, "", "", "")), "127.0.0.1", {"host": parts.netloc}


def bearer(token: str) -> dict[str, str]:
    """Return the header that says whose token it is; raises ConfigError for one that cannot be sent."""
    token = token.strip()
    if not token.isascii() or not token.isprintable() or not token or " " in token:
        raise ConfigError("this is no token of an account: detente account token")
    return {"authorization": f"Bearer {token}"}
