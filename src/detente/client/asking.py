"""What can be asked of a node, as values, each with the type of its answer. Nothing here talks to anybody.

`calls` has the same as methods of a desk; `Desk.ask` takes any of these.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec

from detente.coordination.activity_acts import AnyActivityAct
from detente.coordination.activity_rows import ActivityRow, Draft
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
    PlansRead,
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
from detente.desk.record_view import (
    DossierAsked,
    DossierChecked,
    Kept,
    LeafPage,
    LeavesAsked,
    LinkSamples,
    LogRow,
    Portion,
    ProofParts,
    SaidPage,
)
from detente.desk.release_view import ReleaseView
from detente.errors import ConfigError, DetenteError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

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


class Ask(NamedTuple, Generic[T_co]):
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


def _post(path: str, kind: Any, body: object) -> Ask[Any]:
    return Ask("POST", path, kind, body=msgspec.json.encode(body), headers=_JSON)


# --- the desk


def seat() -> Ask[Seat]:
    """Which seat this is, and how the node signs people in."""
    return Ask("GET", "/api/session", Seat)


def board() -> Ask[Board]:
    """Everything the desk shows but the tracks."""
    return Ask("GET", "/api/board", Board)


def alerts(after: int = 0, most: int = 200) -> Ask[Page[AlertRow]]:
    """Alerts, active ones first; with the last page, where older ones stand in the record."""
    return _page("/api/alerts", AlertRow, after, most)


def why_raised(alert: str) -> Ask[Explanation]:
    """Why *alert* was raised, in its own numbers."""
    return Ask("GET", f"/api/alerts/{quote(alert, safe='')}/why", Explanation)


def messages(after: int = 0, most: int = 200) -> Ask[Page[MessageRow]]:
    """Messages of the hotline, newest first; with the last page, where older ones stand in the record."""
    return _page("/api/messages", MessageRow, after, most)


def codebook() -> Ask[dict[str, Any]]:
    """The coded phrases, with their parameters and wordings."""
    return Ask("GET", "/api/codebook", dict[str, Any])


def powers() -> Ask[list[PowerRow]]:
    """Which seat may do what at a table."""
    return Ask("GET", "/api/powers", list[PowerRow])


def links() -> Ask[list[PeerRow]]:
    """How each link stands."""
    return Ask("GET", "/api/links", list[PeerRow])


def link_history(peer: str) -> Ask[LinkSamples]:
    """How the link to *peer* was in the last hour."""
    return Ask("GET", f"/api/links/{quote(peer, safe='')}/history", LinkSamples)


def feeds() -> Ask[list[FeedRow]]:
    """How each sensor's feed stands."""
    return Ask("GET", "/api/feeds", list[FeedRow])


def order(given: AnyOrder, key: str, grant: str = "") -> Ask[Done]:
    """*key*: of this order, so that it is done once however often it is sent. *grant*: what `sure` gave for it."""
    headers = {"idempotency-key": key, **_JSON} | ({"x-detente-step-up": grant} if grant else {})
    return Ask("POST", "/api/orders", Done, body=msgspec.json.encode(given), headers=headers)


def demo_seat(role: str) -> Ask[Seat]:
    """Take a seat with a demo account."""
    return _post("/api/session", Seat, {"role": role})


def sure(given: bytes) -> Ask[Grant]:
    """Say that one is sure of an order, *given* as it will be sent: with a demo account that is enough."""
    return _post("/api/step-up", Grant, StepUp(order_digest=hashlib.sha256(given).hexdigest(), sure=True))


# --- what leaves


def release() -> Ask[list[ReleaseRow]]:
    """What each peer is told of our picture now, in counts."""
    return Ask("GET", "/api/release", list[ReleaseRow])


def release_to(peer: str) -> Ask[ReleaseView]:
    """What leaves for *peer*: the policy rule by rule, and what is kept back."""
    return Ask("GET", f"/api/release/{quote(peer, safe='')}", ReleaseView)


def preview(peer: str) -> Ask[Preview]:
    """The picture as *peer* would be told it now."""
    return Ask("GET", "/api/preview", Preview, {"peer": peer})


def why_told(peer: str, subject: str) -> Ask[WhyTold]:
    """Why *peer* is told, or not told, of *subject*: a track, an alert, a report."""
    return Ask("GET", "/api/explain", WhyTold, {"peer": peer, "subject": subject})


def policy() -> Ask[PolicyView]:
    """The release policy in force."""
    return Ask("GET", "/api/policy", PolicyView)


def policy_precision() -> Ask[list[RulePrecision]]:
    """What a patient peer can know under the policy in force."""
    return Ask("GET", "/api/policy/precision", list[RulePrecision])


def check_policy(text: str) -> Ask[PolicyCheck]:
    """What *text* would change as the release policy; nothing is changed."""
    return _post("/api/policy/check", PolicyCheck, {"text": text})


def precision_of(text: str) -> Ask[list[RulePrecision]]:
    """What a patient peer could know under *text*."""
    return _post("/api/policy/precision", list[RulePrecision], {"text": text})


# --- the tables


def tables() -> Ask[list[TableBrief]]:
    """The tables this party sits at, in a few words each."""
    return Ask("GET", "/api/tables", list[TableBrief])


def table(table: str) -> Ask[TableView]:
    """Everything that stands at *table*."""
    return Ask("GET", _at(table), TableView)


def proposals(table: str, after: int = 0, most: int = 200) -> Ask[Page[ProposalRow]]:
    """Proposals with their versions and signatures."""
    return _page(_at(table, "proposals"), ProposalRow, after, most)


def decisions(table: str, after: int = 0, most: int = 200) -> Ask[Page[SummitRow]]:
    """What summits decided, and how each party's part stands."""
    return _page(_at(table, "decisions"), SummitRow, after, most)


def incidents(table: str, after: int = 0, most: int = 200) -> Ask[Page[IncidentRow]]:
    """Incidents with each side's account."""
    return _page(_at(table, "incidents"), IncidentRow, after, most)


def ceasefire(table: str, after: int = 0, most: int = 200) -> Ask[Page[TermsRow]]:
    """Terms of a ceasefire with the claims under them."""
    return _page(_at(table, "ceasefire"), TermsRow, after, most)


def ledger(table: str, after: int = 0, most: int = 200) -> Ask[Page[EntryRow]]:
    """Words and conduct on one line of time."""
    return _page(_at(table, "ledger"), EntryRow, after, most)


def differences(table: str, after: int = 0, most: int = 200) -> Ask[Page[DifferenceRow]]:
    """Standing differences in each side's words."""
    return _page(_at(table, "differences"), DifferenceRow, after, most)


def reports(table: str, after: int = 0, most: int = 200, **by: str | int) -> Ask[Page[ReportRow]]:
    """Reports *by* kind, from_ms, to_ms, and cells: south, west, north, east in tenths of a degree."""
    return _page(_at(table, "reports"), ReportRow, after, most, **by)


def activities(table: str, after: int = 0, most: int = 200) -> Ask[Page[ActivityRow]]:
    """What is declared: flights, exercises, hazards, protected sites; who answered, and what they meet."""
    return _page(_at(table, "activities"), ActivityRow, after, most)


def place_of(table: str, activity: str) -> Ask[list[Volume]]:
    """The place of what is protected. That it was read is put on record."""
    return Ask("GET", _at(table, f"activities/{quote(activity, safe='')}/place"), list[Volume])


def overlaps(table: str, act: AnyActivityAct) -> Ask[Draft]:
    """What *act* would meet, and whether it would be taken; nothing is said."""
    return _post(_at(table, "overlaps"), Draft, act)


def read_plans(text: str) -> Ask[PlansRead]:
    """The plans in a NOTAM or GeoJSON; nothing is said to anybody."""
    return _post("/api/activities/read", PlansRead, {"text": text})


def watch(table: str) -> Ask[list[WatchRow]]:
    """Who is on watch, and where nobody is."""
    return Ask("GET", _at(table, "watch"), list[WatchRow])


def calendar(table: str) -> Ask[bytes]:
    """The due dates of decisions as iCalendar."""
    return Ask("GET", _at(table, "decisions.ics"), bytes)


def status(table: str, lang: str = "en") -> Ask[bytes]:
    """One page to print, HTML, of what stands at *table*."""
    return Ask("GET", _at(table, "status"), bytes, {"lang": lang})


# --- the record, and what can be shown again


def logs() -> Ask[list[LogHead]]:
    """The heads of the record's logs."""
    return Ask("GET", "/api/record", list[LogHead])


def entries(log: str, after: int = 0, most: int = 200) -> Ask[Page[RecordEntry]]:
    """The leaves of *log* with their bodies, as long as there are."""
    return _page("/api/record/entries", RecordEntry, after, most, log=log)


def log_rows() -> Ask[list[LogRow]]:
    """Every log with how far it is signed and receipted."""
    return Ask("GET", "/api/record/logs", list[LogRow])


def leaves(asked: LeavesAsked) -> Ask[LeafPage]:
    """Leaves of one log, the newest first, with what a person can read of each."""
    query = {name: value for name, value in msgspec.to_builtins(asked).items() if value not in (None, "")}
    return Ask("GET", "/api/record/leaves", LeafPage, query)


def raw_leaves(log: str, start: int, stop: int) -> Ask[bytes]:
    """Leaves [start, stop) of *log* as they were signed, each after its length as uint16be."""
    return Ask("GET", "/api/record/raw", bytes, {"log": log, "start": start, "stop": stop})


def proof(log: str) -> Ask[ProofParts]:
    """Signed notes, keys and tile roots over *log*, to find its root anew."""
    return Ask("GET", "/api/record/proof", ProofParts, {"log": log})


def dossier_plan(asked: DossierAsked) -> Ask[list[Portion]]:
    """What a dossier would hold, and what would be missing; nothing leaves."""
    return _post("/api/record/plan", list[Portion], asked)


def dossier(asked: DossierAsked) -> Ask[bytes]:
    """A dossier as a file: see `detente verify`."""
    return _post("/api/record/dossier", bytes, asked)


def dossier_check(raw: bytes) -> Ask[DossierChecked]:
    """Whether a dossier, its zip in *raw*, holds under the roots confirmed at the node (`detente verify` asks none)."""
    headers = {"content-type": "application/octet-stream"}
    return Ask("POST", "/api/record/check", DossierChecked, body=raw, headers=headers)


def replay() -> Ask[Kept]:
    """Of what times the node keeps its picture."""
    return Ask("GET", "/api/replay", Kept)


def replay_frames(from_ms: int, step_ms: int = 1_000, count: int = 20) -> Ask[bytes]:
    """Frames of the kept picture, each after its length as uint32 little-endian."""
    return Ask("GET", "/api/replay/frames", bytes, {"from_ms": from_ms, "step_ms": step_ms, "count": count})


def replay_said(from_ms: int, to_ms: int) -> Ask[SaidPage]:
    """Alerts and messages of a window, and what became of them, from the record."""
    return Ask("GET", "/api/replay/said", SaidPage, {"from_ms": from_ms, "to_ms": to_ms})


# --- reading what comes back


def answered(ask: Ask[T], status: int, body: bytes) -> T:
    """Return the answer to *ask*; raises Refused with the node's problem, Unreachable for what is no answer."""
    if 200 <= status < 300:
        if ask.kind is bytes:
            return body  # type: ignore[return-value]
        try:
            found: T = msgspec.json.decode(body, type=ask.kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
            raise Unreachable(f"{ask.path}: not the answer of this version: {wrong}") from None
        return found
    try:
        problem = msgspec.json.decode(body, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unreachable(f"{ask.path}: answered {status}, not by a node") from None
    raise Refused(problem)


class Rows(Protocol[T_co]):
    """A part of a list: `Page`, or `LeafPage`."""

    @property
    def rows(self) -> Sequence[T_co]: ...


def page_after(ask: Ask[Rows[T]], page: object) -> Ask[Rows[T]] | None:
    """Return what asks for the rows after *page*, which answered *ask*; None when nothing follows."""
    match page:
        case Page(after=int() as after):
            return ask._replace(query={**ask.query, "after": after})
        case LeafPage(next=int() as before):
            return ask._replace(query={**ask.query, "before": before})
        case _:
            return None


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
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
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
