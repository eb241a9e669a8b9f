"""Who is on watch, by role and shift, never by name; and that nobody is, which both sides see.

A person on watch says until when. A shift that is not handed over runs out; from then on nobody is on watch for that
party, and every desk shows it. A deputy stands in while the duty officer is away.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from detente.coordination.act import Act, Ms, Said, Words
from detente.coordination.charter import Charter
from detente.errors import OrderRefused
from detente.types import PartyId

SHIFT_LIMIT_MS: Final = 24 * 3_600_000


class TakeWatch(Act, frozen=True, kw_only=True, tag="watch.take"):
    """Begin a shift, in place of whoever had it."""

    post: Literal["operator", "supervisor", "duty_officer"]
    until_ms: Ms
    deputy: bool = False
    languages: Annotated[tuple[Literal["en", "tr", "ru"], ...], Meta(max_length=3)] = ("en",)
    handed_over: Words | None = None  # what the one before leaves to the next


class LeaveWatch(Act, frozen=True, kw_only=True, tag="watch.leave"):
    """Leave a post. Without somebody who takes it, nobody is on watch."""

    post: Literal["operator", "supervisor", "duty_officer"]
    reason: Words | None = None


AnyWatchAct = TakeWatch | LeaveWatch


class PostRow(msgspec.Struct, frozen=True):
    party: str
    post: str
    since_ms: int
    until_ms: int
    deputy: bool
    languages: list[str]
    handed_over: str


class WatchRow(msgspec.Struct, frozen=True):
    """One party's watch now."""

    party: str
    posts: list[PostRow]
    nobody: bool  # nobody on watch: both sides see it
    since_ms: int | None  # since when it is so; None: never yet anybody


@dataclass(slots=True)
class _Posts:
    held: dict[str, tuple[TakeWatch, int]] = field(default_factory=dict)
    left_ms: int | None = None


class Watches:
    """Who is on watch at each party of one table."""

    def __init__(self, charter: Charter) -> None:
        self._posts: dict[PartyId, _Posts] = {party: _Posts() for party in charter.parties}

    def apply(self, act: Act, said: Said) -> None:
        assert isinstance(act, AnyWatchAct)
        posts = self._posts[said.party]
        match act:
            case TakeWatch(post=post, until_ms=until_ms):
                if not said.at_ms < until_ms <= said.at_ms + SHIFT_LIMIT_MS:
                    raise OrderRefused("shift", "a shift ends within a day")
                posts.held[post] = (act, said.at_ms)
            case LeaveWatch(post=post):
                if post not in posts.held:
                    raise OrderRefused("state", f"nobody of {said.party} is on watch as {post.replace('_', ' ')}")
                del posts.held[post]
                posts.left_ms = said.at_ms

    def rows(self, now_ms: int) -> list[WatchRow]:
        """Return each party's watch at *now_ms*."""
        return [self._row(party, posts, now_ms) for party, posts in self._posts.items()]

    def _row(self, party: PartyId, posts: _Posts, now_ms: int) -> WatchRow:
        rows = [
            PostRow(party, post, since, act.until_ms, act.deputy, list(act.languages), act.handed_over or "")
            for post, (act, since) in posts.held.items()
            if act.until_ms > now_ms
        ]
        ran_out = max((act.until_ms for act, _ in posts.held.values() if act.until_ms <= now_ms), default=None)
        gone = [at for at in (posts.left_ms, ran_out) if at is not None]
        since = min(row.since_ms for row in rows) if rows else max(gone, default=None)
        return WatchRow(party, rows, nobody=not rows, since_ms=since)
