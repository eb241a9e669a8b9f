"""The states of an activity, those of ASTM F3548, and the one table of what leads from which to which."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from detente.errors import OrderRefused


class State(StrEnum):
    ACCEPTED = "accepted"
    ACTIVATED = "activated"
    NONCONFORMING = "nonconforming"
    CONTINGENT = "contingent"
    UNSIGNED = "unsigned"  # a joint operation whose proposal is not in force
    ENDED = "ended"
    CANCELLED = "cancelled"
    EXPIRED = "expired"  # by its own time; no act says so


class Event(StrEnum):
    CHANGE = "change"
    ACTIVATE = "activate"
    DEVIATE = "deviate"
    EMERGENCY = "emergency"
    END = "end"
    CANCEL = "cancel"
    SIGN = "sign"  # of a joint operation: the last signature under its proposal
    UNSIGN = "unsign"  # a new version of its proposal
    LAPSE = "lapse"  # its proposal is over


_JOINT: Final = {Event.UNSIGN: State.UNSIGNED, Event.LAPSE: State.ENDED}


# It does not know whose it is, nor the time. What is missing is refused.
TRANSITIONS: Final[Mapping[State, Mapping[Event, State]]] = {
    State.ACCEPTED: {
        Event.CHANGE: State.ACCEPTED,
        Event.ACTIVATE: State.ACTIVATED,
        Event.DEVIATE: State.NONCONFORMING,
        Event.EMERGENCY: State.CONTINGENT,
        Event.CANCEL: State.CANCELLED,
        **_JOINT,
    },
    State.ACTIVATED: {
        Event.CHANGE: State.ACTIVATED,
        Event.DEVIATE: State.NONCONFORMING,
        Event.EMERGENCY: State.CONTINGENT,
        Event.END: State.ENDED,
        **_JOINT,
    },
    State.NONCONFORMING: {
        Event.CHANGE: State.NONCONFORMING,
        Event.ACTIVATE: State.ACTIVATED,
        Event.EMERGENCY: State.CONTINGENT,
        Event.END: State.ENDED,
        **_JOINT,
    },
    State.CONTINGENT: {Event.CHANGE: State.CONTINGENT, Event.END: State.ENDED, **_JOINT},
    State.UNSIGNED: {Event.SIGN: State.ACCEPTED, Event.LAPSE: State.ENDED},
    State.ENDED: {},
    State.CANCELLED: {},
    State.EXPIRED: {},
}

FLYING: Final = frozenset({State.ACTIVATED, State.NONCONFORMING, State.CONTINGENT})
"""In which it is watched that those who take part keep to the volumes."""

OVER: Final = frozenset({State.ENDED, State.CANCELLED, State.EXPIRED})


def state_after(state: State, event: Event) -> State:
    """Return the state after *event*; raises OrderRefused where the table has none."""
    after = TRANSITIONS[state].get(event)
    if after is None:
        raise OrderRefused("state", f"an activity that is {state} takes no {event}")
    return after
