"""Who may order what: one matrix of roles and orders. An act by the wrong seat is refused, with the reason.

The role comes from the session, never from the form. A party's people at a table are its watch (operator, supervisor,
duty officer), the three seats of its delegation, a minister and the leader; there is no fourth seat.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from detente.alerts.escalation import RUNGS
from detente.coordination.powers import COMMITMENTS
from detente.desk.orders import (
    Acknowledge,
    AcknowledgeMessage,
    AnyOrder,
    AtTable,
    ConfirmPolicy,
    Displayed,
    LiftHold,
    Line,
    MarkAlert,
    PlaceHold,
    ProposePolicy,
    Rebase,
    RevertPolicy,
    SendCode,
    SendText,
    StandDown,
)
from detente.errors import OrderRefused
from detente.types import DELEGATION, WATCH, Precedence, Role


class Power(StrEnum):
    """What a role may do with one kind of order."""

    ALWAYS = "always"
    TOLD = "told"  # once the ladder has told this role
    HOLDS = "holds"  # told, and no rung above this role's has been reached
    LINE = "line"  # on a line that is this role's
    LINE_OR_TOLD = "line_or_told"
    NEVER = "never"


LINES: Final[dict[Line, tuple[Role, ...]]] = {
    "watch": WATCH,
    "military": (Role.MILITARY,),
    "intelligence": (Role.INTELLIGENCE,),
    "foreign_service": (Role.FOREIGN_SERVICE,),
    "leader": (Role.LEADER,),
}
"""Whose each line is. A minister is told and answers by acknowledging; no line is a minister's own."""

RUNG_OF: Final = {role: rung for rung, roles in enumerate(RUNGS) for role in roles}

_KEEPS: Final = (Role.SUPERVISOR, Role.DUTY_OFFICER, *DELEGATION, Role.LEADER)
"""Who may have what was written kept beyond its time."""

MATRIX: Final[dict[type[AnyOrder], dict[Role, Power]]] = {
    # Painting a row is no act of a person.
    Displayed: dict.fromkeys(Role, Power.ALWAYS),
    Acknowledge: {role: Power.ALWAYS if role in WATCH else Power.TOLD for role in Role},
    # An operator cannot stop what has already climbed to the supervisor.
    StandDown: dict.fromkeys(Role, Power.HOLDS),
    # Whether an alert was of use is for anybody who was told of it.
    MarkAlert: {role: Power.ALWAYS if role in WATCH else Power.TOLD for role in Role},
    SendText: dict.fromkeys(Role, Power.LINE),
    SendCode: dict.fromkeys(Role, Power.LINE),
    AcknowledgeMessage: dict.fromkeys(Role, Power.LINE_OR_TOLD),
    # Who may do what at a table stands in a matrix of its own: detente.coordination.powers.
    AtTable: dict.fromkeys(Role, Power.ALWAYS),
    PlaceHold: dict.fromkeys(Role, Power.NEVER) | dict.fromkeys(_KEEPS, Power.ALWAYS),
    LiftHold: dict.fromkeys(Role, Power.NEVER) | dict.fromkeys(_KEEPS, Power.ALWAYS),
    # Whoever keeps the watch may propose and undo; what releases more binds the party with a second seat.
    ProposePolicy: dict.fromkeys(Role, Power.NEVER) | dict.fromkeys(_KEEPS, Power.ALWAYS),
    ConfirmPolicy: dict.fromkeys(Role, Power.NEVER) | dict.fromkeys(_KEEPS, Power.ALWAYS),
    RevertPolicy: dict.fromkeys(Role, Power.NEVER) | dict.fromkeys(_KEEPS, Power.ALWAYS),
    # What a log is worth is not for the watch to say: only the seats that bind their party, and the leader.
    Rebase: {role: Power.ALWAYS if role in {*DELEGATION, Role.LEADER} else Power.NEVER for role in Role},
}


STEP_UP: Final[frozenset[type[AnyOrder]]] = frozenset({Rebase, ProposePolicy, ConfirmPolicy})
"""Orders that always ask the person behind the seat to sign in once more."""


def needs_step_up(order: AnyOrder, precedence: str | None) -> bool:
    """Whether the person is to sign in once more for *order*: it binds the party, or it is FLASH.

    precedence: of the phrase that the order sends, when it does not name one.
    """
    if isinstance(order, AtTable):
        return type(order.act) in COMMITMENTS
    if isinstance(order, SendText | SendCode):
        return (order.precedence or precedence) == Precedence.FLASH.value
    return type(order) in STEP_UP


def permit(
    role: Role, order: AnyOrder, *, rung: int = 0, line: Line | None = None, min_role: Role | None = None
) -> None:
    """Return when *role* may give *order*; raises OrderRefused ``wrong_seat`` with the reason when it may not.

    rung: how far the subject of the order has climbed. line: of the message that the order acknowledges; an order that
    sends carries its own. min_role: the lowest role that may send the phrase, from the codebook.
    """
    power = MATRIX[type(order)][role]
    own = RUNG_OF[role]
    on = order.line if isinstance(order, SendText | SendCode) else line
    # The watch sees everything from the start, whatever the ladder says.
    is_told = own <= rung or role in WATCH
    if power is Power.NEVER:
        raise OrderRefused("wrong_seat", f"this is for a seat of the delegation or the leader, not for {_name(role)}")
    if power in {Power.TOLD, Power.HOLDS} and not is_told:
        raise OrderRefused("wrong_seat", f"{_name(role)} has not been told yet: the ladder is at rung {rung} of {own}")
    if power is Power.HOLDS and own < rung:
        above = " or ".join(_name(r) for r in RUNGS[rung])
        raise OrderRefused("wrong_seat", f"this has climbed to {above}; {_name(role)} can no longer stand it down")
    if power in {Power.LINE, Power.LINE_OR_TOLD} and not (
        is_on(role, on) or (power is Power.LINE_OR_TOLD and 0 < own <= rung)
    ):
        whose = ", ".join(_name(r) for r in LINES[on]) if on is not None else "nobody"
        raise OrderRefused("wrong_seat", f"line {on} is for {whose}, not for {_name(role)}")
    if min_role is not None and own < RUNG_OF[min_role]:
        raise OrderRefused("wrong_seat", f"this phrase is for {_name(min_role)} or above, not for {_name(role)}")


def is_on(role: Role, line: Line | None) -> bool:
    """Whether *line* is one of *role*'s own."""
    return line is not None and role in LINES[line]


def _name(role: Role) -> str:
    return f"the {role.value.replace('_', ' ')}"
