"""The client for programs that wait: the line, and nothing that is said over it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from detente.client import asking
from detente.client.asking import ANSWER_MAX, TIMEOUT_S, Ask, Refused, Rows, Tracks, Unreachable, Zones
from detente.client.calls import Calls, Talk
from detente.desk.board import Board

T = TypeVar("T")


class Desk(Calls["Desk"]):
    """One node's desk at *address* (`http://alfa.localhost:8440`), as the account that *token* is of."""

    def __init__(self, address: str, token: str) -> None:
        super().__init__(self)
        self._address, self._bearer = asking.address_of(address), asking.bearer(token)
        dialled, self._host, named = asking.way_of(self._address)
        # No proxy from the environment: a node's desk is on our own network.
        self._http = httpx.Client(
            base_url=dialled, headers=self._bearer | named, timeout=TIMEOUT_S, trust_env=False, follow_redirects=False
        )
        self.is_demo = False

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

    def hold(self, talk: Talk[T]) -> T:
        """Return what *talk* comes to; raises Refused, unless the talk knows what to do about it, and Unreachable."""
        try:
            ask = next(talk)
            while True:
                try:
                    answer = self.ask(ask)
                except Refused as refused:
                    ask = talk.throw(refused)
                else:
                    ask = talk.send(answer)
        except StopIteration as end:
            found: T = end.value
            return found

    def pages(self, first: Ask[Rows[T]]) -> Iterator[T]:
        """Yield every row of the list that *first* begins."""
        ask: Ask[Rows[T]] | None = first
        while ask is not None:
            page = self.ask(ask)
            yield from page.rows
            ask = asking.page_after(ask, page)

    def each(self, page: Callable[..., Ask[Rows[Any]]], *about: str, **by: str | int) -> Iterator[Any]:
        """Yield every row of a list of `detente.client.asking`."""
        return self.pages(page(*about, **by))

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
