"""What the development desk can show again: its own invented flights in the twenty minutes before it began."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from detente.desk.frame import track_frame
from detente.desk.record_view import Kept, SaidPage, SaidRow
from detente.node.pictures import PictureLog
from detente.node.replays import Replays
from detente.types import Instant

BEFORE_S = 20 * 60
EVERY_S = 5
OPS = "alfa-a1.example/detente/to/bravo-b1.example/ops/1"


class Limits:
    hours = 72
    mb = 4096


class ReplayScene:
    """A `ReplayPort`: a picture log filled from the scene when it is first asked, and a story of a warning."""

    def __init__(self, tracks: Callable[[Instant, float], Any], parties: list[str], started_ms: int) -> None:
        self._tracks = tracks
        self._started_ms = started_ms
        folder = Path(tempfile.gettempdir()) / "detente-no-such-folder"  # nothing is ever flushed
        self._pictures = PictureLog(folder, parties, Limits())
        self._replays = Replays(self._pictures, _no_record, {})
        self._filled = False
        self.asked: list[tuple[int, ...]] = []

    async def kept(self) -> Kept:
        self._fill()
        return await self._replays.kept()

    async def frames(self, from_ms: int, step_ms: int, count: int) -> bytes:
        self._fill()
        self.asked.append((from_ms, step_ms, count))
        return await self._replays.frames(from_ms, step_ms, count)

    async def said(self, from_ms: int, to_ms: int) -> SaidPage:
        return SaidPage([row for row in self.story() if from_ms <= row.at_ms <= to_ms], more=False)

    def story(self) -> list[SaidRow]:
        """A warning told ten minutes before the start, displayed and acknowledged; a message, answered."""
        t0 = self._started_ms - 600_000
        told = {"alert": "alfa-90", "kind": "conflict", "level": "alarm", "at_ms": t0, "event_at_ms": t0 + 240_000}
        names = {"a": {"is_yours": False, "callsign": "ALF214"}, "b": {"is_yours": True, "callsign": "BRV61"}}
        place = {"latitude_e7": -406_000_000, "longitude_e7": 1_732_000_000, "distance_m": 3900, "vertical_ft": 300}

        def leaf(
            seq: int, after_s: int, kind: str, body: dict[str, Any], re: str = "", writer: str = "alfa"
        ) -> SaidRow:
            reader = "bravo" if writer == "alfa" else "alfa"
            hashed = f"{writer}{seq}"
            by = "operator" if kind in {"ack", "hotline"} else "node"
            about = [re] if re else []
            return SaidRow(t0 + after_s * 1000, OPS, "ops", seq, writer, reader, kind, "Z", by, hashed, about, body)

        return [
            leaf(1, 0, "alert", {**told, **names, **place, "happening": "raised"}),
            leaf(1, 2, "displayed", {"at_ms": t0 + 2000}, "alfa1", "bravo"),
            leaf(2, 40, "ack", {"at_ms": t0 + 40_000}, "alfa1", "bravo"),
            leaf(2, 60, "hotline", {"line": "watch", "code": "W06", "params": {"track": "BRV61"}, "lang": "en"}),
            leaf(3, 90, "hotline", {"line": "watch", "text": "Принято", "lang": "ru"}, "alfa2", "bravo"),
            leaf(3, 300, "alert", {**told, **names, **place, "happening": "cleared", "because": "diverged"}),
        ]

    def _fill(self) -> None:
        if self._filled:
            return
        self._filled = True
        for s in range(-BEFORE_S, 1, EVERY_S):
            now = Instant((self._started_ms + s * 1000) * 1_000_000)
            self._pictures.take(track_frame(*self._tracks(now, s), now))


def _no_record() -> Any:
    raise AssertionError("the story is told from memory")
