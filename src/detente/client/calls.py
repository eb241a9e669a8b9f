"""Every call of the client, once, for programs that wait and for those with an event loop.

A desk can do three things: ask one thing, read a list page by page, and hold a talk, which is a generator that yields
each `Ask` and is given its answer. Everything else is a line here, and neither kind of desk repeats it. What a call
gives hangs on the desk: a value from one that waits, an awaitable of it from one that does not.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, Self, TypeVar, overload

from detente.client import asking
from detente.client.asking import Ask, Refused, Rows
from detente.coordination.statement import AnyAct
from detente.desk.answers import Done
from detente.desk.orders import (
    Acknowledge,
    AcknowledgeMessage,
    AnyOrder,
    AtTable,
    Line,
    Prec,
    SendCode,
    SendText,
)
from detente.desk.words import Lang

P = ParamSpec("P")
T = TypeVar("T")

Talk = Generator[Ask[Any], Any, T]
"""Yields what is asked, is given each answer or has its `Refused` thrown in, and returns what the caller gets."""


class _Desk(Protocol):
    is_demo: bool


class Waits(_Desk, Protocol):
    """A desk that has the answer when it returns."""

    def hold(self, talk: Talk[T]) -> T: ...
    def pages(self, first: Ask[Rows[T]]) -> Iterator[T]: ...


class Awaits(_Desk, Protocol):
    """A desk whose answers are awaited."""

    async def hold(self, talk: Talk[T]) -> T: ...
    def pages(self, first: Ask[Rows[T]]) -> AsyncIterator[T]: ...


D_co = TypeVar("D_co", bound=Waits | Awaits, covariant=True)


class Group(Generic[D_co]):
    """Calls of one subject at one desk."""

    def __init__(self, desk: D_co) -> None:
        self._desk = desk


class talks(Generic[P, T]):  # noqa: N801 it is used as a decorator
    """A call that is a talk. The method it decorates says it, as if there were no line between."""

    def __init__(self, talk: Callable[Concatenate[Any, P], Talk[T]]) -> None:
        self._talk = talk
        self.__doc__ = talk.__doc__

    @overload
    def __get__(self, at: None, owner: type) -> Self: ...
    @overload
    def __get__(self, at: Group[Waits], owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, at: Group[Awaits], owner: type) -> Callable[P, Awaitable[T]]: ...
    def __get__(self, at: Group[Any] | None, owner: type) -> Any:
        if at is None:
            return self

        @wraps(self._talk)
        def call(*args: P.args, **kwargs: P.kwargs) -> Any:
            return at._desk.hold(self._talk(at, *args, **kwargs))  # noqa: SLF001 the group is ours

        return call


def asks(ask: Callable[P, Ask[T]]) -> talks[P, T]:
    """Return the call that asks this one thing and gives its answer."""

    @wraps(ask)
    def talk(_: Any, /, *args: P.args, **kwargs: P.kwargs) -> Talk[T]:
        answer: T = yield ask(*args, **kwargs)
        return answer

    return talks(talk)


class lists(Generic[P, T]):  # noqa: N801 as above
    """A call that yields every row of a list, from `after` on, `most` at a time."""

    def __init__(self, page: Callable[P, Ask[Rows[T]]]) -> None:
        self._page = page
        self.__doc__ = page.__doc__

    @overload
    def __get__(self, at: None, owner: type) -> Self: ...
    @overload
    def __get__(self, at: Group[Waits], owner: type) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, at: Group[Awaits], owner: type) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, at: Group[Any] | None, owner: type) -> Any:
        if at is None:
            return self

        @wraps(self._page)
        def call(*args: P.args, **kwargs: P.kwargs) -> Any:
            return at._desk.pages(self._page(*args, **kwargs))  # noqa: SLF001 the group is ours

        return call


# --- the table of calls


def _give(order: AnyOrder, key: str = "") -> Talk[Done]:
    done: Done = yield asking.order(order, key or secrets.token_hex(12))
    return done


class Orders(Group[D_co]):
    """Orders of the account's seat. Each is done once, however often it is sent again under its key."""

    @talks
    def give(self, order: AnyOrder, key: str = "") -> Talk[Done]:
        """Give *order*; raises Refused, with ``step_up_needed`` for what takes a person at the desk."""
        return (yield from _give(order, key))

    @talks
    def give_for_sure(self, order: AnyOrder) -> Talk[Done]:
        """Give *order*; at a demo seat say once more that one is sure, where the node asks. Raises Refused."""
        key = secrets.token_hex(12)
        try:
            return (yield from _give(order, key))
        except Refused as refused:
            if refused.problem.code != "step_up_needed" or not self._desk.is_demo:
                raise
        sure = yield asking.sure(asking.order(order, key).body or b"")
        done: Done = yield asking.order(order, key, sure.grant)
        return done

    @talks
    def acknowledge(self, alert: str) -> Talk[Done]:
        """Say that a person has seen *alert*: seen, never agreed."""
        return (yield from _give(Acknowledge(alert)))


class Hotline(Group[D_co]):
    """Words between counterparts."""

    messages = lists(asking.messages)
    codebook = asks(asking.codebook)

    @talks
    def send(
        self,
        to: str,
        line: Line,
        text: str,
        *,
        precedence: Prec = "R",
        lang: Lang = "en",
        reason: str | None = None,
        answers: str | None = None,
    ) -> Talk[str]:
        """Send free text, as an answer to the message *answers*; returns the message's name. FLASH has a *reason*."""
        done = yield from _give(SendText(to, line, precedence, text, lang, reason, answers))
        return done.message

    @talks
    def send_code(
        self,
        to: str,
        line: Line,
        code: str,
        params: dict[str, str],
        *,
        precedence: Prec | None = None,
        reason: str | None = None,
        answers: str | None = None,
    ) -> Talk[str]:
        """Send a phrase of the codebook; returns the message's name. Its own precedence, unless one is given."""
        done = yield from _give(SendCode(to, line, code, params, precedence, reason, answers))
        return done.message

    @talks
    def acknowledge(self, message: str) -> Talk[Done]:
        """Say that a person has seen *message*."""
        return (yield from _give(AcknowledgeMessage(message)))


class Tables(Group[D_co]):
    """What stands at the tables this party sits at."""

    all = asks(asking.tables)
    view = asks(asking.table)
    powers = asks(asking.powers)
    proposals = lists(asking.proposals)
    decisions = lists(asking.decisions)
    activities = lists(asking.activities)
    place_of = asks(asking.place_of)
    overlaps = asks(asking.overlaps)
    read_plans = asks(asking.read_plans)
    incidents = lists(asking.incidents)
    ceasefire = lists(asking.ceasefire)
    ledger = lists(asking.ledger)
    differences = lists(asking.differences)
    reports = lists(asking.reports)
    watch = asks(asking.watch)
    calendar = asks(asking.calendar)
    status = asks(asking.status)

    @talks
    def say(self, table: str, act: AnyAct) -> Talk[str]:
        """Do *act* at *table*; returns the statement's name."""
        return (yield from _give(AtTable(table, act))).statement


class Release(Group[D_co]):
    """What leaves, and why."""

    all = asks(asking.release)
    to = asks(asking.release_to)
    preview = asks(asking.preview)
    why_told = asks(asking.why_told)
    policy = asks(asking.policy)
    precision = asks(asking.policy_precision)
    check = asks(asking.check_policy)
    precision_of = asks(asking.precision_of)


class Record(Group[D_co]):
    """The record as the node holds it."""

    logs = asks(asking.logs)
    entries = lists(asking.entries)
    log_rows = asks(asking.log_rows)
    leaves = lists(asking.leaves)
    raw_leaves = asks(asking.raw_leaves)
    proof = asks(asking.proof)
    dossier_plan = asks(asking.dossier_plan)
    dossier = asks(asking.dossier)
    dossier_check = asks(asking.dossier_check)


class Replay(Group[D_co]):
    """What can be shown again."""

    kept = asks(asking.replay)
    frames = asks(asking.replay_frames)
    said = asks(asking.replay_said)


class Calls(Group[D_co]):
    """All calls of a desk."""

    def __init__(self, desk: D_co) -> None:
        super().__init__(desk)
        self.orders, self.hotline, self.tables = Orders(desk), Hotline(desk), Tables(desk)
        self.release, self.record, self.replay = Release(desk), Record(desk), Replay(desk)

    seat = asks(asking.seat)
    board = asks(asking.board)
    alerts = lists(asking.alerts)
    why_raised = asks(asking.why_raised)
    links = asks(asking.links)
    link_history = asks(asking.link_history)
    feeds = asks(asking.feeds)
