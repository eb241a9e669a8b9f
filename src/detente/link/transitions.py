"""The states of a link, and the one table of what changes them.

The table does not know whose side it is on: both nodes use it, and a fork is a fork whoever made it. Three states are
of the line (UP, DEGRADED, DOWN) and follow the heartbeats. Four stand above the line, hide it, and end only by the
event named for them; what the line does meanwhile is shown beside.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """What both desks show of one link."""

    UNVERIFIED = "UNVERIFIED"  # the peer's digits are not confirmed: nothing is released
    UP = "UP"
    DEGRADED = "DEGRADED"  # two heartbeats missed, slow, or receipts late
    DOWN = "DOWN"  # five heartbeats missed, or never heard
    SUSPENDED = "SUSPENDED"  # by note: safety of life only
    ROLLBACK = "ROLLBACK"  # one side holds less of a log than it has said before
    FORK = "FORK"  # two histories under one log's name


class Event(StrEnum):
    """What can happen to a link."""

    CONFIRMED = "confirmed"  # the digits read by phone were typed and matched
    WELL = "well"
    POOR = "poor"
    SILENT = "silent"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    ROLLED_BACK = "rolled_back"
    RECOVERED = "recovered"  # what was missing is held again
    FORKED = "forked"
    REBASED = "rebased"  # both delegations agreed to a new epoch


LINE: Final = frozenset({State.UP, State.DEGRADED, State.DOWN})

_ALWAYS: Final = {Event.ROLLED_BACK: State.ROLLBACK, Event.FORKED: State.FORK}
_LINE: Final = {
    Event.WELL: State.UP,
    Event.POOR: State.DEGRADED,
    Event.SILENT: State.DOWN,
    Event.SUSPENDED: State.SUSPENDED,
    **_ALWAYS,
}

# Whoever leaves a state above the line arrives at DOWN; the next heartbeat lifts it.
TRANSITIONS: Final[dict[State, dict[Event, State]]] = {
    State.UNVERIFIED: {Event.CONFIRMED: State.DOWN, Event.FORKED: State.FORK},
    State.UP: _LINE,
    State.DEGRADED: _LINE,
    State.DOWN: _LINE,
    State.SUSPENDED: {Event.RESUMED: State.DOWN, **_ALWAYS},
    State.ROLLBACK: {Event.RECOVERED: State.DOWN, Event.FORKED: State.FORK},
    State.FORK: {Event.REBASED: State.DOWN},
}


def after(state: State, event: Event) -> State:
    """Return the state after *event*: an event that a state does not name leaves it as it is."""
    return TRANSITIONS[state].get(event, state)
