"""The state of one link: the one table of transitions, fed by heartbeats, notes and findings."""

from __future__ import annotations

from detente.link.effects import Effect, StateChanged
from detente.link.transitions import LINE, Event, State, after
from detente.types import Instant


class Standing:
    """Where a link stands, why and since when. `line` is what the heartbeats say, whatever stands above it."""

    def __init__(self, *, is_confirmed: bool) -> None:
        self.state = State.DOWN if is_confirmed else State.UNVERIFIED
        self.why = "not heard yet" if is_confirmed else "the digits are not confirmed"
        self.since: Instant | None = None
        self.line = State.DOWN
        self.is_confirmed = is_confirmed  # apart from the state, which a fork can hide
        self._is_suspended = False

    def confirmed(self, now: Instant) -> list[Effect]:
        """The digits were typed and matched."""
        self.is_confirmed = True
        return self.change(Event.CONFIRMED, "the digits were confirmed", now)

    def suspended(self, is_suspended: bool, why: str, now: Instant) -> list[Effect]:
        """The cooperation was suspended, or resumed, by note."""
        self._is_suspended = is_suspended
        return self.change(Event.SUSPENDED if is_suspended else Event.RESUMED, why, now)

    def judged(self, event: Event, why: str, now: Instant) -> list[Effect]:
        """Let what the heartbeats say move the line, and the state where nothing stands above it."""
        self.line = after(self.line, event)
        return self.change(event, why, now)

    def change(self, event: Event, why: str, now: Instant) -> list[Effect]:
        """Take in *event*; returns the change of state, if it makes one."""
        state = after(self.state, event)
        if state in LINE and self._is_suspended:  # what hid the suspension is over
            state = State.SUSPENDED
        if state is self.state:
            return []
        self.state, self.why, self.since = state, why, now
        return [StateChanged(state, why)]
