"""Who may do what at a table: one matrix of acts and seats. An act by the wrong seat is refused, with the reason.

A party has three seats at a table, a leader and a watch; there is no fourth seat. The leader decides on the arrangement
and on what a summit decided; the work of the seats is theirs. What binds a party is a *commitment*: the person signs
in once more for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from detente.coordination import (
    activity_acts,
    arrangement,
    ceasefire,
    decisions,
    incidents,
    ledger,
    proposals,
    reports,
    watch,
)
from detente.coordination.act import Act
from detente.coordination.arrangement import Flow
from detente.errors import OrderRefused
from detente.types import DELEGATION, WATCH, Role

_MIL, _INT, _FS = DELEGATION
_NODE: Final = (Role.OPERATOR,)  # what a node puts on record by itself, it does for the watch

_DUTY: Final = Role.DUTY_OFFICER

POWERS: Final[Mapping[type[Act], tuple[Role, ...]]] = {
    activity_acts.Declare: (_DUTY, _MIL, _FS),
    activity_acts.Change: (_DUTY, _MIL, _FS),
    activity_acts.Accept: (_MIL, _FS),
    activity_acts.Object: (_DUTY, _MIL, _FS),
    activity_acts.PassOn: (*WATCH, _MIL),
    activity_acts.Question: (*WATCH, *DELEGATION),
    activity_acts.Activate: (Role.SUPERVISOR, _DUTY, _MIL),
    activity_acts.Deviate: (*WATCH, _MIL),
    activity_acts.End: (*WATCH, _MIL),
    activity_acts.Cancel: (_DUTY, _MIL, _FS),
    activity_acts.GivePlace: (_MIL, _FS),
    activity_acts.ConfirmSite: (_DUTY, _MIL, _FS),
    activity_acts.ShortLead: _NODE,
    arrangement.Narrow: (_FS, Role.LEADER),
    arrangement.Resume: (_FS, Role.LEADER),
    proposals.TableProposal: (_MIL, _FS),
    proposals.Counter: (_MIL, _FS),
    proposals.SettleDetail: DELEGATION,
    proposals.Sign: DELEGATION,  # of which the charter names who binds a party
    proposals.Decline: (_FS,),
    proposals.Withdraw: (_MIL, _FS),
    proposals.Lapse: (_FS,),
    proposals.Complete: (_MIL, _FS),
    proposals.NotAnswered: _NODE,
    decisions.RecordSummit: (_FS, Role.LEADER),
    decisions.Adopt: (_FS, Role.LEADER),
    decisions.Assign: (_FS,),
    decisions.Report: DELEGATION,
    decisions.ClaimDone: DELEGATION,
    decisions.Confirm: (_FS,),
    decisions.Dispute: (_FS,),
    reports.Share: (_INT, _MIL),
    reports.SharePoint: (_INT, _MIL),
    reports.GradeIt: (_INT,),
    reports.Ask: (_INT, _FS),
    reports.Consent: (_INT,),
    reports.WithdrawReport: (_INT, _MIL),
    incidents.OpenIncident: (*WATCH, _MIL),  # a node opens one by itself, for its watch
    incidents.Account: (Role.DUTY_OFFICER, _MIL, _FS),
    incidents.Attach: (Role.SUPERVISOR, Role.DUTY_OFFICER, _MIL, _INT),
    incidents.Classify: (_MIL,),
    incidents.FindIncident: (_FS,),
    ceasefire.Terms: (_FS,),
    ceasefire.AgreeTerms: (_FS,),
    ceasefire.Claim: (_MIL, _FS),
    ceasefire.Reply: (_MIL, _FS),
    ceasefire.Find: (_FS,),
    ceasefire.Remedy: (_MIL, _FS),
    ledger.NoteStatement: (_FS, _INT),
    ledger.NoteConduct: DELEGATION,
    ledger.Comment: DELEGATION,
    ledger.OpenDifference: (_FS,),
    ledger.Word: (_FS,),
    ledger.CloseDifference: (_FS,),
    watch.TakeWatch: WATCH,
    watch.LeaveWatch: WATCH,
}

COMMITMENTS: Final = frozenset(
    {
        activity_acts.Accept,
        activity_acts.GivePlace,
        arrangement.Narrow,
        arrangement.Resume,
        proposals.Sign,
        proposals.Lapse,
        proposals.Decline,
        proposals.Withdraw,
        decisions.Adopt,
        decisions.ClaimDone,
        decisions.Confirm,
        decisions.Dispute,
        reports.Consent,
        incidents.FindIncident,
        ceasefire.AgreeTerms,
        ceasefire.Find,
        ledger.CloseDifference,
    }
)
"""Acts that bind: the person behind the seat is asked to sign in once more."""

_TALKS: Final = (
    proposals.TableProposal, proposals.Counter, proposals.SettleDetail, proposals.Sign, proposals.Decline,
    proposals.Withdraw, proposals.Complete, decisions.RecordSummit, decisions.Adopt, decisions.Assign,
    decisions.Report, decisions.ClaimDone, decisions.Confirm, decisions.Dispute, ceasefire.Terms, ceasefire.AgreeTerms,
    ceasefire.Find, ceasefire.Remedy, ledger.NoteStatement, ledger.NoteConduct, ledger.Comment, ledger.OpenDifference,
    ledger.Word, ledger.CloseDifference,
)  # fmt: skip
_REPORTS: Final = (reports.Share, reports.SharePoint, reports.GradeIt, reports.Ask)

_ACTIVITIES: Final = (
    activity_acts.Declare, activity_acts.Change, activity_acts.Accept, activity_acts.Object, activity_acts.PassOn,
    activity_acts.Question, activity_acts.Activate, activity_acts.GivePlace, activity_acts.ConfirmSite,
)  # fmt: skip

NEEDS: Final[Mapping[type[Act], Flow]] = {
    **dict.fromkeys(_TALKS, Flow.TALKS),
    **dict.fromkeys(_REPORTS, Flow.REPORTS),
    **dict.fromkeys(_ACTIVITIES, Flow.ACTIVITIES),
}
"""What must still flow for an act. The others are always possible: to end, to put on record, to resume."""


def permit(role: Role, act: type[Act]) -> None:
    """Return when *role* may do such an *act*; raises OrderRefused ``wrong_seat`` when it may not."""
    seats = POWERS[act]
    if role in seats:
        return
    who = "the node itself" if seats is _NODE else ", ".join(seat.replace("_", " ") for seat in seats)
    said = str(act.__struct_config__.tag).replace(".", ": ").replace("_", " ")
    raise OrderRefused("wrong_seat", f"{said} is for {who}, not for {_words(role)}")


def _words(role: Role) -> str:
    if role in WATCH:
        return f"the watch ({role.replace('_', ' ')})"
    return "the leader" if role is Role.LEADER else f"the {role.replace('_', ' ')} seat"
