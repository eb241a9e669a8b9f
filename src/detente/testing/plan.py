"""What one seed of the simulation does: which faults it has, how often, and to whom. Most seeds have few of them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from detente.evidence.leaf import Lane
from detente.link.identity import LinkLimits
from detente.testing.network import Faults
from detente.types import NS_PER_MS, NS_PER_S

PARTIES: Final = (
    "alfa.example/detente",
    "bravo.example/detente",
    "charlie.example/detente",
    "delta.example/detente",
)
_CADENCE: Final = {
    Lane.FLASH: 0,
    Lane.OPS: NS_PER_S,
    Lane.TRACK: 2 * NS_PER_S,
}  # of checkpoints: or all wait for tracks
WIDE: Final = LinkLimits(checkpoint_ns=_CADENCE)
NARROW: Final = LinkLimits(
    checkpoint_ns=_CADENCE, early_bodies=2, early_bytes=200_000, previews=2, answers_queued=2, unstored=2
)
"""Limits so low that a seed reaches them: what happens at a limit is part of the link."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One seed's faults. A number is how often; `drawn` switches each off for a whole seed by a toss."""

    parties: tuple[str, ...]
    network: Faults
    limits: LinkLimits
    leaves: int
    cuts: int
    crashes: int
    clock_jumps: int
    disk_ns: int
    full_disks: int  # for a while every write is refused, or done and looks refused
    misreads: int  # a leaf is read back altered
    restores: int  # a node goes on from yesterday's backup
    clones: int  # a node goes on from a backup, with a history of its own
    liar: str | None

    @classmethod
    def drawn(cls, source: random.Random) -> Plan:
        """Return what *source* draws."""

        def sometimes(value: float, chance: float = 0.5) -> float:
            return value if source.random() < chance else 0.0

        goes_back = source.random()  # a backup, a clone, a liar: one of them a seed, so that each can be judged
        return cls(
            parties=PARTIES[: source.choices((2, 3, 4), (84, 13, 3))[0]],
            network=Faults(
                drop=sometimes(0.1),
                duplicate=sometimes(0.1),
                reorder=sometimes(0.1),
                delay_ns=source.choice((1, 20, 200)) * NS_PER_MS,
                jitter_ns=int(sometimes(300 * NS_PER_MS)),
            ),
            limits=NARROW if source.random() < 0.1 else WIDE,
            leaves=source.randrange(4, 16),
            cuts=int(sometimes(source.randrange(1, 4))),
            crashes=int(sometimes(source.randrange(1, 3))),
            clock_jumps=int(sometimes(2)),
            disk_ns=source.choice((0, 0, 1, 1, 100, 100, 1_000)) * NS_PER_MS,
            full_disks=int(sometimes(1, 0.15)),
            misreads=int(sometimes(1, 0.05)),
            restores=int(goes_back < 0.10),
            clones=int(0.10 <= goes_back < 0.20),
            liar=PARTIES[source.randrange(2)] if 0.20 <= goes_back < 0.35 else None,
        )


TROUBLE_NS: Final = 4 * NS_PER_S
"""How long the faults go on; then everything heals."""
