"""The client for programs that wait."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from detente.client import asking
from detente.client.asking import ANSWER_MAX, TIMEOUT_S, Ask, Refused, Tracks, Unreachable, Zones
from detente.coordination.activities import ActivityRow
from detente.coordination.ceasefire import TermsRow
from detente.coordination.decisions import SummitRow
from detente.coordination.incidents import IncidentRow
from detente.coordination.ledger import DifferenceRow, EntryRow
from detente.coordination.proposals import ProposalRow
from detente.coordination.reports import ReportRow
from detente.coordination.statement import AnyAct
from detente.coordination.view import TableBrief, TableView
from detente.coordination.watch import WatchRow
from detente.desk.answers import Done, LogHead, Page, RecordEntry
from detente.desk.board import AlertRow, Board, MessageRow
from detente.desk.orders import Acknowledge, AcknowledgeMessage, AnyOrder, AtTable, Line, SendCode, SendText

T = TypeVar("T")


class Desk:
    """One node's desk at *address* (`http://alfa.localhost:8440`), as the account that *token* is of."""

    def __init__(self, address: str, token: str) -> None:
        self._address, self._bearer = asking.address_of(address), asking.bearer(token)
        dialled, self._host, named = asking.way_of(self._address)
        # No proxy from the environment: a node's desk is on our own network.
        self._http = httpx.Client(
            base_url=dialled, headers=self._bearer | named, timeout=TIMEOUT_S, trust_env=False, follow_redirects=False
        )
        self.is_demo = False
        self.orders, self.hotline, self.tables, self.record = Orders(self), Hotline(self), Tables(self), Record(self)

    @classmethod
    def at_demo_seat(cls, address: str, role: str) -> Self:
        """Return a desk at which a demo account sits, as a browser does; raises Refused by a node that has none."""
        desk = cls(address, "none")
        desk.is_demo = True
        del desk._http.headers["authorization"]
        desk._http.headers["origin"] = desk._address
        try:
            desk._http.headers["x-detente-token"] = desk.ask(asking.demo_seat(role)).token or ""
        except BaseException:
            desk.close()
            raise
        return desk

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def ask(self, ask: Ask[T]) -> T:
        """Return the answer to *ask*, any of `detente.client.asking`; raises Refused, Unreachable."""
        try:
            with self._http.stream(
                ask.method, ask.path, params=dict(ask.query), content=ask.body, headers=dict(ask.headers)
            ) as answer:
                body = bytearray()
                for part in answer.iter_bytes():
                    body += part
                    if len(body) > ANSWER_MAX:
                        raise Unreachable(f"{ask.path}: more than {ANSWER_MAX} bytes")
        except httpx.HTTPError as wrong:
            raise Unreachable(f"{self._address}: {type(wrong).__name__}: {wrong}") from None
        return asking.answered(ask, answer.status_code, bytes(body))

    def each(self, page: Callable[..., Ask[Page[Any]]], *about: str, **by: str | int) -> Iterator[Any]:
        """Yield every row of a list, page by page."""
        after: int | None = 0
        while after is not None:
            found = self.ask(page(*about, after=after, **by))
            yield from found.rows
            after = found.after

    def board(self) -> Board:
        """Return everything the desk shows but the tracks."""
        return self.ask(asking.board())

    def alerts(self) -> Iterator[AlertRow]:
        """Yield the alerts of the board."""
        return self.each(asking.alerts)

    def events(self) -> Iterator[Board | Zones | Tracks]:
        """Yield what changes, as it changes, until the caller stops; raises Unreachable when the line ends."""
        try:
            with connect(
                asking.live_of(self._address),
                additional_headers=self._bearer,
                compression=None,
                proxy=None,
                sock=self._socket(),
                max_size=ANSWER_MAX,
                open_timeout=TIMEOUT_S,
            ) as line:
                for message in line:
                    yield asking.event_of(message)
        except (WebSocketException, OSError) as wrong:
            raise Unreachable(f"{self._address}/live: {type(wrong).__name__}: {wrong}") from None
        raise Unreachable(f"{self._address}/live: the line has ended")

    def _socket(self) -> socket.socket:
        parts = urlsplit(self._address)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return socket.create_connection((self._host, port), timeout=TIMEOUT_S)


class Orders:
    """Orders of the account's seat. Each is done once, however often it is sent again under its key."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def give(self, order: AnyOrder, key: str = "") -> Done:
        """Give *order*; raises Refused, with ``step_up_needed`` for what takes a person at the desk."""
        return self._desk.ask(asking.order(order, key or secrets.token_hex(12)))

    def give_for_sure(self, order: AnyOrder) -> Done:
        """Give *order*; at a demo seat say once more that one is sure, where the node asks. Raises Refused."""
        key = secrets.token_hex(12)
        try:
            return self.give(order, key)
        except Refused as refused:
            if refused.problem.code != "step_up_needed" or not self._desk.is_demo:
                raise
        grant = self._desk.ask(asking.sure(asking.order(order, key).body or b"")).grant
        return self._desk.ask(asking.order(order, key, grant))

    def acknowledge(self, alert: str) -> Done:
        """Say that a person has seen *alert*: seen, never agreed."""
        return self.give(Acknowledge(alert))


class Hotline:
    """Words between counterparts."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def messages(self) -> Iterator[MessageRow]:
        """Yield the messages of the board, newest first."""
        return self._desk.each(asking.messages)

    def send(self, to: str, line: Line, text: str, *, precedence: str = "R", lang: str = "en", **more: Any) -> str:
        """Send free text; returns the message's name. *more*: reason, answers."""
        order = SendText(to=to, line=line, precedence=precedence, text=text, lang=lang, **more)  # type: ignore[arg-type]
        return self._desk.orders.give(order).message

    def send_code(self, to: str, line: Line, code: str, params: dict[str, str], **more: Any) -> str:
        """Send a phrase of the codebook; returns the message's name. *more*: precedence, reason, answers."""
        return self._desk.orders.give(SendCode(to=to, line=line, code=code, params=params, **more)).message

    def acknowledge(self, message: str) -> Done:
        """Say that a person has seen *message*."""
        return self._desk.orders.give(AcknowledgeMessage(message))


class Tables:
    """What stands at the tables this party sits at."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def all(self) -> list[TableBrief]:
        """Return the tables in a few words each."""
        return self._desk.ask(asking.tables())

    def view(self, table: str) -> TableView:
        """Return everything that stands at *table*."""
        return self._desk.ask(asking.table(table))

    def say(self, table: str, act: AnyAct) -> str:
        """Do *act* at *table*; returns the statement's name."""
        return self._desk.orders.give(AtTable(table, act)).statement

    def proposals(self, table: str) -> Iterator[ProposalRow]:
        """Yield proposals."""
        return self._desk.each(asking.proposals, table)

    def decisions(self, table: str) -> Iterator[SummitRow]:
        """Yield what summits decided."""
        return self._desk.each(asking.decisions, table)

    def activities(self, table: str) -> Iterator[ActivityRow]:
        """Yield what is declared: flights, exercises, hazards, protected sites."""
        return self._desk.each(asking.activities, table)

    def incidents(self, table: str) -> Iterator[IncidentRow]:
        """Yield incidents."""
        return self._desk.each(asking.incidents, table)

    def ceasefire(self, table: str) -> Iterator[TermsRow]:
        """Yield terms with the claims under them."""
        return self._desk.each(asking.ceasefire, table)

    def ledger(self, table: str) -> Iterator[EntryRow]:
        """Yield words and conduct."""
        return self._desk.each(asking.ledger, table)

    def differences(self, table: str) -> Iterator[DifferenceRow]:
        """Yield standing differences."""
        return self._desk.each(asking.differences, table)

    def reports(self, table: str, **by: str | int) -> Iterator[ReportRow]:
        """Yield reports *by* kind, from_ms, to_ms, and cells: south, west, north, east in tenths of a degree."""
        return self._desk.each(asking.reports, table, **by)

    def watch(self, table: str) -> list[WatchRow]:
        """Return who is on watch."""
        return self._desk.ask(asking.watch(table))

    def calendar(self, table: str) -> bytes:
        """Return the due dates of decisions as iCalendar."""
        return self._desk.ask(asking.calendar(table))

    def status(self, table: str, lang: str = "en") -> bytes:
        """Return one page to print, HTML, of what stands at *table*."""
        return self._desk.ask(asking.status(table, lang))


class Record:
    """The record as the node holds it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def logs(self) -> list[LogHead]:
        """Return the heads of its logs."""
        return self._desk.ask(asking.logs())

    def entries(self, log: str) -> Iterator[RecordEntry]:
        """Yield the leaves of *log* with their bodies, as long as there are."""
        return self._desk.each(asking.entries, log=log)
