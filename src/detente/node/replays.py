"""What a desk may have shown again: the picture that this node kept, and what was said meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from detente.desk.record_view import Kept, SaidPage
from detente.errors import ConfigError, OrderRefused, OwnFault, PeerFault
from detente.evidence.store import LeafStore, StoreFault
from detente.node.pictures import PictureLog
from detente.node.said import said_between

WINDOW_MAX_MS: Final = 24 * 3_600_000
"""The longest window of which everything that was said is given at once."""


class Replays:
    """Reads in threads, one window at a time: a replay never holds up the picture that is now."""

    def __init__(self, pictures: PictureLog, opened: Callable[[], LeafStore], parties: Mapping[str, str]) -> None:
        """*opened*: a second look at the record. *parties*: by node."""
        self._pictures = pictures
        self._opened = opened
        self._parties = parties
        self._reading = asyncio.Lock()

    def take(self, frame: bytes) -> None:
        """Keep what is news in a frame that is shown."""
        self._pictures.take(frame)

    async def kept(self) -> Kept:
        """Return of what times the picture is kept."""
        return await asyncio.to_thread(self._pictures.kept)

    async def frames(self, from_ms: int, step_ms: int, count: int) -> bytes:
        """Return frames, each after its length as uint32 little-endian."""
        async with self._reading:
            frames = await asyncio.to_thread(self._pictures.frames, from_ms, step_ms, count)
        return b"".join(len(frame).to_bytes(4, "little") + frame for frame in frames)

    async def said(self, from_ms: int, to_ms: int) -> SaidPage:
        """Return what was said in a window; raises OrderRefused for one that is none, or is too long."""
        if not from_ms < to_ms <= from_ms + WINDOW_MAX_MS:
            raise OrderRefused("not_a_window", "a window ends after it begins, and within a day")
        async with self._reading:
            try:
                return await asyncio.to_thread(said_between, self._opened, self._parties, from_ms, to_ms)
            except (ConfigError, OwnFault, PeerFault, StoreFault) as wrong:
                raise OrderRefused("record_unreadable", str(wrong)) from None
