"""What an operator may order, as values. An order is an input like any plot; who gave it comes from the session.

On the console's wire: ``{"order": "acknowledge", "alert": "alfa-3"}``.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from detente.coordination.statement import AnyAct
from detente.desk.words import Lang

PolicyDigest = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9+/]{43}=\Z")]

POLICY_LIMIT: Final = 128 * 1024
"""Characters of a release policy that comes by an order."""

Line = Literal["watch", "military", "intelligence", "foreign_service", "leader"]
Prec = Literal["Z", "O", "P", "R"]
"""A `Precedence` as orders and rows have it: FLASH, IMMEDIATE, PRIORITY, ROUTINE."""


class Displayed(msgspec.Struct, frozen=True, tag_field="order", tag="displayed", forbid_unknown_fields=True):
    """The console painted these rows in a visible document. Not a person's act: no seat needed."""

    alerts: list[str] = []
    messages: list[str] = []


class Acknowledge(msgspec.Struct, frozen=True, tag_field="order", tag="acknowledge", forbid_unknown_fields=True):
    """A person has seen the alert; seen, never agreed."""

    alert: str


class StandDown(msgspec.Struct, frozen=True, tag_field="order", tag="stand_down", forbid_unknown_fields=True):
    """Stop the ladder of one alert or message, with a coded reason."""

    subject: str  # alert or message
    reason: str  # "acting", "false_alert", "resolved", "exercise", "other_line"


class MarkAlert(msgspec.Struct, frozen=True, tag_field="order", tag="mark_alert", forbid_unknown_fields=True):
    """Say whether an alert was of use. It stays with this party: no peer is told, and nothing of the alert changes."""

    alert: str
    useful: bool


class SendText(msgspec.Struct, frozen=True, tag_field="order", tag="send_text", forbid_unknown_fields=True):
    """Free text on a line, in the writer's language. FLASH needs a coded reason."""

    to: str
    line: Line
    precedence: Prec
    text: str
    lang: Lang = "en"
    reason: str | None = None
    answers: str | None = None


class SendCode(msgspec.Struct, frozen=True, tag_field="order", tag="send_code", forbid_unknown_fields=True):
    """A phrase of the codebook with its parameters."""

    to: str
    line: Line
    code: str
    params: dict[str, str]
    precedence: Prec | None = None  # None: the phrase's own
    reason: str | None = None
    answers: str | None = None


class AcknowledgeMessage(
    msgspec.Struct, frozen=True, tag_field="order", tag="acknowledge_message", forbid_unknown_fields=True
):
    message: str


class PlaceHold(msgspec.Struct, frozen=True, tag_field="order", tag="place_hold", forbid_unknown_fields=True):
    """Keep the bodies of all that was written in this window, here and at every peer, until it is lifted."""

    hold: str  # its name, "incident-7"
    from_ms: int
    to_ms: int


class LiftHold(msgspec.Struct, frozen=True, tag_field="order", tag="lift_hold", forbid_unknown_fields=True):
    """Lift a hold that this party placed."""

    hold: str


class Rebase(msgspec.Struct, frozen=True, tag_field="order", tag="rebase", forbid_unknown_fields=True):
    """Agree that a log with two histories goes on in a new epoch; it does once the other side says the same."""

    party: str
    log: str


class AtTable(msgspec.Struct, frozen=True, tag_field="order", tag="at_table", forbid_unknown_fields=True):
    """Do one act at a table: ``{"order": "at_table", "table": "line", "act": {"act": "proposal.sign", …}}``.

    The same statement goes to every member.
    """

    table: str
    act: AnyAct


class ProposePolicy(msgspec.Struct, frozen=True, tag_field="order", tag="propose_policy", forbid_unknown_fields=True):
    """Put another release policy in force: at once when it is proved to release no more, else with a second seat.

    digest: of what the person has read; another text is refused.
    """

    text: Annotated[str, msgspec.Meta(max_length=POLICY_LIMIT)]  # TOML
    digest: PolicyDigest


class ConfirmPolicy(msgspec.Struct, frozen=True, tag_field="order", tag="confirm_policy", forbid_unknown_fields=True):
    """Agree, from another seat and account, to the policy that was proposed."""

    digest: PolicyDigest


class RevertPolicy(msgspec.Struct, frozen=True, tag_field="order", tag="revert_policy", forbid_unknown_fields=True):
    """Take back what was proposed; with nothing proposed, undo the last change of policy."""


AnyOrder = (
    Displayed
    | Acknowledge
    | StandDown
    | MarkAlert
    | SendText
    | SendCode
    | AcknowledgeMessage
    | Rebase
    | AtTable
    | PlaceHold
    | LiftHold
    | ProposePolicy
    | ConfirmPolicy
    | RevertPolicy
)
