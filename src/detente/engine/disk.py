"""Whether the record takes leaves. While it does not, it is tried again, ever less often, by a write of no meaning.

Whatever else would be written waits: a full disk is not to be asked ten times a second by every link.
"""

from __future__ import annotations

from typing import Final

from detente.engine.values import Effect, ProbeDisk
from detente.types import NS_PER_S, Instant

FIRST_NS: Final = NS_PER_S // 10
LAST_NS: Final = 30 * NS_PER_S


class Disk:
    """`fault` says why nothing is recorded; empty: the disk works."""

    def __init__(self) -> None:
        self.fault = ""
        self._tried_at = Instant(0)
        self._wait_ns = 0

    def failed(self, reason: str, now: Instant) -> None:
        """Note that a write was refused."""
        self._wait_ns = min(LAST_NS, 2 * self._wait_ns) if self.fault else FIRST_NS
        self.fault, self._tried_at = reason, now

    def works(self) -> None:
        """Note that a write was done."""
        self.fault, self._wait_ns = "", 0

    def tick(self, now: Instant) -> list[Effect]:
        """Try again when it is due."""
        if not self.fault or 0 <= now - self._tried_at < self._wait_ns:
            return []
        self._tried_at = now
        return [ProbeDisk()]
