"""How long bodies are kept. Leaves never expire; a body may, unless a hold of either side names its time.

A hold is said to the other side as a leaf, so both keep what falls into its window, whoever placed it; only who placed
it can lift it. What a body said is gone with it, for good; that it was said, when and how long it was, is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from detente.evidence.leaf import read
from detente.evidence.store import LeafStore

_BATCH: Final = 256
DAY_MS: Final = 86_400_000


@dataclass(frozen=True)
class Hold:
    """What was written from *from_ms* until *to_ms* (by its writer's clock) is kept. *by* says who placed it."""

    hold: str
    by: str
    from_ms: int
    to_ms: int

    def covers(self, at_ms: int) -> bool:
        """Whether it keeps what was written at *at_ms*."""
        return self.from_ms <= at_ms < self.to_ms


def old_bodies(store: LeafStore, origin: str, before_ms: int, holds: Sequence[Hold]) -> Iterable[list[int]]:
    """Yield, batch by batch, the leaves of *origin* written before *before_ms* whose body no hold keeps.

    A log is in the order of its writing, so the first batch with a leaf that is young enough is the last one read.
    """
    start = 0
    while seqs := store.bodies_held(origin, start, _BATCH):
        written = [read(store.read(origin, seq, seq + 1)[0].leaf).ts for seq in seqs]
        old = [(seq, at) for seq, at in zip(seqs, written, strict=True) if at < before_ms]
        going = [seq for seq, at in old if not any(hold.covers(at) for hold in holds)]
        if going:
            yield going
        if len(old) < len(seqs):
            return
        start = seqs[-1] + 1
