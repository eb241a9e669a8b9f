"""The line test: at each full interval either side says one on the flash lane, and its receipt comes back.

A line that nobody has used for an hour is not known to work. Either desk sees when its own test was held by the other
side and when the other side's came, and an alarm when one did not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from detente.engine.speech import Speak
from detente.engine.values import Effect
from detente.evidence.leaf import Kind, Lane
from detente.types import NS_PER_MS, NS_PER_S, Instant, PartyId, Precedence, instant_ms
from detente.wire.messages import LineTestBody

GRACE_NS: Final = 60 * NS_PER_S
"""A test that comes, or is held, later than this after its time has failed."""


@dataclass(slots=True)
class LineTest:
    """One line, both ways. Instants of this node's clock, milliseconds UTC."""

    own_seq: int | None = None
    own_at_ms: int | None = None
    own_held_at_ms: int | None = None  # by the peer's receipt
    is_failed: bool = False  # an earlier one was not held, and none has been since
    their_at_ms: int | None = None  # when it came here


class LineTests:
    """All lines of one node. The interval is counted from 1970 UTC, the same at both sides, without jitter."""

    def __init__(self, parties: Sequence[PartyId], every_ns: int, speak: Speak) -> None:
        self.with_peer = {party: LineTest() for party in parties}
        self._every_ns = every_ns
        self._speak = speak
        self._slot: int | None = None
        self._since = Instant(0)

    def added(self, party: PartyId) -> None:
        """There is one more line."""
        self.with_peer[party] = LineTest()

    def tick(self, now: Instant) -> list[Effect]:
        """Say a test to every peer when a new interval has begun."""
        slot = now // self._every_ns
        if self._slot is None:
            self._slot, self._since = slot, now
        if slot == self._slot:
            return []
        self._slot = slot
        out: list[Effect] = []
        body = LineTestBody(at_ms=instant_ms(now), every_s=self._every_ns // NS_PER_S)
        for party, line in self.with_peer.items():
            said = self._speak(
                party, Lane.FLASH, Kind.LINE_TEST, precedence=Precedence.ROUTINE, by="node", now=now, body=body
            )
            line.is_failed = line.is_failed or (line.own_at_ms is not None and line.own_held_at_ms is None)
            line.own_seq, line.own_at_ms, line.own_held_at_ms = None, instant_ms(now), None
            out += said[1] if said else []
        return out

    def wrote(self, party: PartyId, seq: int) -> None:
        """Note at which index our newest test stands."""
        self.with_peer[party].own_seq = seq

    def held(self, party: PartyId, size: int, now: Instant) -> None:
        """Note the peer's receipt for all our FLASH leaves below *size*."""
        line = self.with_peer[party]
        if line.own_seq is not None and line.own_seq < size and line.own_held_at_ms is None:
            line.own_held_at_ms, line.is_failed = instant_ms(now), False

    def heard(self, party: PartyId, now: Instant) -> None:
        """Note that the peer's test came."""
        self.with_peer[party].their_at_ms = instant_ms(now)

    def alarms(self, party: PartyId, now: Instant) -> list[str]:
        """Return what failed on the line to *party*: ``line_test_not_held``, ``line_test_missed``."""
        line = self.with_peer[party]
        out = []
        own_at = line.own_at_ms
        is_owed = own_at is not None and line.own_held_at_ms is None and now - own_at * NS_PER_MS > GRACE_NS
        if is_owed or line.is_failed:
            out.append("line_test_not_held")
        heard_at = self._since if line.their_at_ms is None else max(self._since, line.their_at_ms * NS_PER_MS)
        if self._slot is not None and now - heard_at > self._every_ns + GRACE_NS:
            out.append("line_test_missed")
        return out
