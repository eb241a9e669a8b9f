"""Who may do what at a table: one matrix of acts and seats. An act by the wrong seat is refused, with the reason.

A party has three seats at a table, a leader and a watch; there is no fourth seat. The leader may do what any seat may.
What binds a party is a *commitment*: the person signs in once more for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from detente.coordination import arrangement, proposals
from detente.coordination.act import Act
from detente.coordination.arrangement import Flow
from detente.errors import OrderRefused
from detente.types import DELEGATION, WATCH, Role

_MIL, _INT, _FS = DELEGATION
_DUTY: Final = (Role.DUTY_OFFICER,)
_NODE: Final = (Role.OPERATOR,)  # what a node puts on record by itself, it does for the watch

POWERS: Final[Mapping[type[Act], tuple[Role, ...]]] = {
    arrangement.Narrow: (_FS,),
    arrangement.Resume: (_FS,),
    proposals.TableProposal: (_MIL, _FS),
    proposals.Counter: (_MIL, _FS),
    proposals.SettleDetail: DELEGATION,
    proposals.Sign: DELEGATION,  # of which the charter names who binds a party
    proposals.Decline: (_FS,),
    proposals.Withdraw: (_MIL, _FS),
    proposals.Lapse: (_FS,),
    proposals.Complete: (_MIL, _FS),
    proposals.NotAnswered: _NODE,
}

COMMITMENTS: Final = frozenset(
    {arrangement.Narrow, arrangement.Resume, proposals.Sign, proposals.Lapse, proposals.Decline, proposals.Withdraw}
)
"""Acts that bind: the person behind the seat is asked to sign in once more."""

NEEDS: Final[Mapping[type[Act], Flow]] = dict.fromkeys(
    (
        proposals.TableProposal, proposals.Counter, proposals.SettleDetail, proposals.Sign, proposals.Decline,
        proposals.Withdraw, proposals.Complete,
    ),
    Flow.TALKS,
)  # fmt: skip
"""What must still flow for an act. The others are always possible: to end, to put on record, to resume."""


def permit(role: Role, act: Act) -> None:
    """Return when *role* may do *act*; raises OrderRefused ``wrong_seat`` when it may not."""
    seats = POWERS[type(act)]
    if role in seats or (role is Role.LEADER and seats is not _NODE):
        return
    who = "the node itself" if seats is _NODE else ", ".join(seat.replace("_", " ") for seat in seats)
    said = str(act.__struct_config__.tag).replace(".", ": ").replace("_", " ")
    raise OrderRefused("wrong_seat", f"{said} is for {who}, not for {_words(role)}")


def _words(role: Role) -> str:
    if role in WATCH:
        return f"the watch ({role.replace('_', ' ')})"
    return "the leader" if role is Role.LEADER else f"the {role.replace('_', ' ')} seat"
