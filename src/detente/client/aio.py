"""The client for programs with an event loop: the line, and nothing that is said over it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from detente.client import asking
from detente.client.asking import ANSWER_MAX, TIMEOUT_S, Ask, Refused, Rows, Tracks, Unreachable, Zones
from detente.client.calls import Calls, Talk
from detente.desk.board import Board

T = TypeVar("T")


class AsyncDesk(Calls["AsyncDesk"]):
    """One node's desk at *address* (`http://alfa.localhost:8440`), as the account that *token* is of."""

    def __init__(self, address: str, token: str) -> None:
        super().__init__(self)
        self._address, self._bearer = asking.address_of(address), asking.bearer(token)
        dialled, self._host, named = asking.way_of(self._address)
        # No proxy from the environment: a node's desk is on our own network.
        self._http = httpx.AsyncClient(
            base_url=dialled, headers=self._bearer | named, timeout=TIMEOUT_S, trust_env=False, follow_redirects=False
        )
        self.is_demo = False

    @classmethod
    async def at_demo_seat(cls, address: str, role: str) -> Self:
        """Return a desk at which a demo account sits, as a browser does; raises Refused by a node that has none."""
        desk = cls(address, "none")
        desk.is_demo = True
        del desk._http.headers["authorization"]
        desk._http.headers["origin"] = desk._address
        try:
            desk._http.headers["x-detente-token"] = (await desk.ask(asking.demo_seat(role))).token or ""
        except BaseException:
            await desk.close()
            raise
        return desk

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connection."""
        await self._http.aclose()

    async def ask(self, ask: Ask[T]) -> T:
        """Return the answer to *ask*, any of `detente.client.asking`; raises Refused, Unreachable."""
        try:
            async with self._http.stream(
                ask.method, ask.path, params=dict(ask.query), content=ask.body, headers=dict(ask.headers)
            ) as answer:
                body = bytearray()
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > ANSWER_MAX:
                        raise Unreachable(f"{ask.path}: more than {ANSWER_MAX} bytes")
        except httpx.HTTPError as wrong:
            raise Unreachable(f"{self._address}: {type(wrong).__name__}: {wrong}") from None
        return asking.answered(ask, answer.status_code, bytes(body))

    async def hold(self, talk: Talk[T]) -> T:
        """Return what *talk* comes to; raises Refused, unless the talk knows what to do about it, and Unreachable."""
        try:
            ask = next(talk)
            while True:
                try:
                    answer = await self.ask(ask)
                except Refused as refused:
                    ask = talk.throw(refused)
                else:
                    ask = talk.send(answer)
        except StopIteration as end:
            found: T = end.value
            return found

    async def pages(self, first: Ask[Rows[T]]) -> AsyncIterator[T]:
        """Yield every row of the list that *first* begins."""
        ask: Ask[Rows[T]] | None = first
        while ask is not None:
            page = await self.ask(ask)
            for row in page.rows:
                yield row
            ask = asking.page_after(ask, page)

    def each(self, page: Callable[..., Ask[Rows[Any]]], *about: str, **by: str | int) -> AsyncIterator[Any]:
        """Yield every row of a list of `detente.client.asking`."""
        return self.pages(page(*about, **by))

    async def events(self) -> AsyncIterator[Board | Zones | Tracks]:
        """Yield what changes, as it changes, until the caller stops; raises Unreachable when the line ends."""
        try:
            async with connect(
                asking.live_of(self._address),
                additional_headers=self._bearer,
                compression=None,
                proxy=None,
                host=self._host,
                max_size=ANSWER_MAX,
                open_timeout=TIMEOUT_S,
            ) as line:
                async for message in line:
                    yield asking.event_of(message)
        except (WebSocketException, OSError) as wrong:
            raise Unreachable(f"{self._address}/live: {type(wrong).__name__}: {wrong}") from None
        raise Unreachable(f"{self._address}/live: the line has ended")
