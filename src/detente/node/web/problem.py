"""Refusals as RFC 9457 problem details: one JSON shape, one closed list of codes, each with a page on what to do."""

from __future__ import annotations

from html import escape
from typing import Final, NamedTuple

import msgspec
from starlette.responses import Response

from detente.desk.answers import Problem

PROBLEM_JSON: Final = "application/problem+json"


class Said(NamedTuple):
    """What stands behind a code: the HTTP status, a title, and what to do."""

    status: int
    title: str
    do: str


_READ_ANEW: Final = "Read the table anew; somebody was faster, or it is in another state than you saw."
_NAME: Final = "Look the name up again: it is not one that this node knows."

RECORD: Final = {
    "not_a_window": Said(409, "That is no window of time", "Let it end after it begins, and within a day."),
    "record_unreadable": Said(
        409, "The record cannot be read just now", "See the desk's faults; the record is mended."
    ),
}
"""Codes of what is read from the record."""

DOOR: Final = {
    "not_signed_in": Said(401, "Nobody has signed in", "Sign in, or send the token of an account."),
    "not_allowed": Said(403, "Not for this session", "Sign in to the seat this is for."),
    "wrong_token": Said(403, "The session's token is missing or wrong", "Send what /api/session gave as token."),
    "wrong_origin": Said(403, "Not from this host or page", "Use an address that [listen] hosts names."),
    "not_found": Said(404, "There is no such address", "See /api/openapi.json for those there are."),
    "wrong_method": Said(405, "Not with this method", "See /api/openapi.json, or the header Allow."),
    "wrong_accounts": Said(409, "This node signs people in otherwise", "See kind of /api/session."),
    "accounts_unreadable": Said(
        503, "The accounts of this node cannot be read", "The node's log says why; nobody can sign in until then."
    ),
    "enrolment": Said(403, "The one-time address is not good", "Ask for a new one: detente account enrol."),
    "passkey": Said(403, "The passkey's answer is not good", "Ask for options anew and use a passkey of this account."),
    "provider": Said(403, "The provider's answer is not good", "Begin signing in anew; see docs/operate/accounts.md."),
    "locked": Said(403, "The session is locked", "Sign in once more: /api/step-up without an order."),
    "step_up_needed": Said(403, "Sign in once more for this", "Ask /api/step-up for a grant for this very body."),
    "step_up_pending": Said(
        409, "Not signed in anew yet", "Go to the address that /api/step-up/options gave, then ask."
    ),
    "no_such_session": Said(404, "There is no such session", "See /api/sessions for those there are."),
    "too_large": Said(413, "The body is too large", "Send less; what is long goes in several orders."),
    "unreadable": Said(400, "Not what is described", "Compare with /api/openapi.json; the detail names the place."),
    "key_reused": Said(409, "This key was used for another order", "Give each order an Idempotency-Key of its own."),
    "refused": Said(400, "Refused", "The detail says why."),
}
"""Codes of the door and of the server itself."""

ORDERS: Final = {
    "answers_other": Said(
        409, "It answers a message of another line", "Answer on the line it came on, to who said it."
    ),
    "answers_unknown": Said(409, "It answers a message that is not here", _NAME),
    "area": Said(409, "The area is not one", "Give whole tenths of a degree, south-west before north-east."),
    "arrangement": Said(409, "The arrangement does not let this flow now", "Resume it first, or wait until it is."),
    "busy": Said(409, "Too many orders wait", "Try again: nothing was done."),
    "coarse": Said(
        409,
        "It is coarser than its kind allows",
        "Coarse cells are for protected sites and movements; draw the volume itself.",
    ),
    "code_unknown": Said(409, "The codebook has no such phrase", "Choose from /api/codebook."),
    "codebook": Said(409, "The codebooks differ", "Send free text, and compare the codebooks by phone."),
    "consent": Said(409, "The originator has not consented", "Ask the originator first."),
    "contradiction": Said(409, "A party told members different things", "Compare both by phone; see docs of tables."),
    "datum": Said(
        409,
        "Not in this datum",
        "Give levels above 1013.25 hPa or above the WGS 84 ellipsoid, and positions in WGS 84.",
    ),
    "decisions": Said(409, "Two decisions have one key", "Give each decision its own key."),
    "degenerate": Said(
        409, "The outline is none", "Give three vertices or more that enclose something, none twice in a row."
    ),
    "details": Said(409, "The details do not fit", "Each detail once, and none left out."),
    "details_open": Said(409, "A required detail is still open", "Settle it first; nothing is signed before."),
    "digest": Said(409, "The digest is not that of the text", "Read the text again and compare digests by voice."),
    "duplicate": Said(409, "The same is there already", "Change the one that stands, or leave out what is said twice."),
    "evidence": Said(409, "The evidence is not in the record", "Name leaves that this table's parties hold."),
    "expired": Said(409, "The time for it has passed", "Put it on the table again."),
    "flash_reason": Said(409, "FLASH needs a coded reason", "Choose one from flash_reasons of /api/codebook."),
    "frozen": Said(409, "The log is frozen", "See the link's state; settle the fork or the rollback first."),
    "geojson": Said(409, "Not the GeoJSON that is read", "The detail names the feature and what is wrong with it."),
    "grade": Said(409, "The grade does not fit", "1 needs sources independent of each other; see the report."),
    "internal": Said(500, "A fault of ours", "Tell the engineer; nothing was promised. The desk shows it too."),
    "joint": Said(409, "It is agreed together", "Put it as a proposal, or as a new version of the one it came from."),
    "key_missing": Said(
        409,
        "It meets what you have not shown to have seen",
        "Look at what the detail names; give the digest of each in the key.",
    ),
    "kind": Said(409, "Not for an activity of this kind", "Declare another activity of the right kind."),
    "levels": Said(409, "The levels do not fit", "The floor is below the ceiling, both above one datum."),
    "many_addressees": Said(409, "Too many would read it", "Give the place itself at a table of two."),
    "material": Said(409, "The material is not said rightly", "A third party's material needs its name."),
    "no_fork": Said(409, "The log has no fork", "There is nothing to agree on; look at the link again."),
    "no_seat": Said(409, "There is no such seat", "A table has three seats a party, a leader and a watch."),
    "empty_window": Said(409, "The window ends before it begins", "Give an end that is later than the beginning."),
    "no_record": Said(409, "There is no record to read here", "Ask the node that keeps it."),
    "not_exported": Said(409, "No dossier can be made of this", "The detail says what is not there."),
    "not_signed": Said(409, "Nothing of this log is signed yet", "Wait for its first checkpoint."),
    "one_choice": Said(409, "More than one choice", "Name an incident, a window of time, or ranges of leaves."),
    "out_of_range": Said(409, "Not within the log", "Ask for at most 512 leaves below the log's size."),
    "too_much": Said(409, "More than a desk makes at once", "Choose fewer leaves, or use detente export."),
    "words_of_others": Said(409, "Words of others are not searched", "Leave the words out and read the pages."),
    "unknown_lane": Said(409, "There is no such lane", "There are flash, ops and track."),
    "no_such_hold": Said(409, "There is no such hold", _NAME),
    "no_such_policy": Said(409, "No such policy waits", "Read it anew: it was withdrawn, confirmed or expired."),
    "not_a_hold": Said(409, "This is no window of time", "The end comes after the beginning."),
    "not_a_policy": Said(409, "This is no release policy", "The detail names the place; see docs/operate/release.md."),
    "not_adopted": Said(409, "Not adopted by all yet", "Wait until every party has adopted the same words."),
    "not_due": Said(409, "It is not due yet", "Wait until its time has come."),
    "not_given": Said(409, "The place itself has not been given", "Ask its owner for it at a table of two."),
    "not_in_force": Said(409, "The proposal is not in force", "See what is missing; silence is no signature."),
    "not_recorded": Said(409, "It cannot be recorded now", "See the fault at the desk; use the telephone meanwhile."),
    "not_said": Said(409, "A statement before it is missing", "Wait until the other side's statements have come."),
    "not_verified": Said(409, "When it was made sure of is missing", "Say when the owner last made sure of the site."),
    "not_yet": Said(409, "It is too early", "Wait until a quarter of an hour before it begins."),
    "not_yours": Said(409, "It is another party's", "Only who made it can do this."),
    "notam": Said(
        409, "Not a NOTAM that is read", "The detail names the item; write it as docs/protocol/coordination.md says."
    ),
    "nothing_to_undo": Said(409, "There is nothing to undo", "The policy is the one that the node started with."),
    "open_already": Said(409, "It is open already", "Add to the one that is open."),
    "outside_area": Said(
        409, "Outside what was declared", "Give a place within the cells declared, or declare it anew."
    ),
    "outside_district": Said(
        409, "Outside the table's district", "Check the datum and the order of the coordinates; else use another table."
    ),
    "own_activity": Said(409, "Your own activity", "The other parties answer it."),
    "own_claim": Said(409, "Your own claim", "The other parties answer it."),
    "own_material": Said(409, "Your own material", "It needs nobody's consent but yours."),
    "own_part": Said(409, "Your own part", "The other parties judge it."),
    "own_proposal": Said(409, "Your own proposal", "Withdraw it, or counter it with a new version."),
    "parameter": Said(409, "A parameter does not fit the phrase", "See the phrase's parameters in /api/codebook."),
    "parameters": Said(409, "Not the phrase's parameters", "See the phrase's parameters in /api/codebook."),
    "polar": Said(409, "Too near to a pole", "Volumes are not planned there."),
    "policy_digest": Said(409, "The digest is not that of the text", "Read the text again: it is not the one you saw."),
    "policy_stands": Said(409, "This policy is in force already", "Nothing is to be done."),
    "precise": Said(
        409, "Too precise a place", "Declare a protected place as coarse cells; give the place itself to one addressee."
    ),
    "promises": Said(409, "The promises do not fit", "Each party that is bound promises something."),
    "reason_missing": Said(409, "A reason is missing", "Say why, in words."),
    "reason_unknown": Said(409, "The reason is not on the list", "Choose from /api/codebook."),
    "self_crossing": Said(409, "The outline crosses itself", "Give the vertices in order round the volume."),
    "second_seat": Said(409, "A second seat is needed", "Let another person, in another seat, confirm it."),
    "shift": Said(409, "The shift does not fit", "Its end comes after its beginning, within a day."),
    "stale": Said(409, "It is too old", "Make sure of it anew, and say when."),
    "state": Said(409, "Not in this state", _READ_ANEW),
    "swapped": Said(409, "Latitude and longitude are exchanged", "Give latitude first."),
    "terminated": Said(409, "The arrangement was terminated", "A new one needs a new charter."),
    "text_empty": Said(409, "The text is empty", "Write something."),
    "text_hidden_character": Said(409, "The text holds what does not show", "Type it anew, or send it in form C."),
    "text_too_long": Said(409, "The text is too long", "Make it shorter, or send it in parts."),
    "time_ahead": Said(409, "The time is ahead of the clock", "Give a time that has been."),
    "time_past": Said(409, "The time has passed", "Give a time to come."),
    "times": Said(409, "The times do not fit", "The end comes after the beginning."),
    "too_far": Said(409, "It lies too far ahead", "Declare it nearer to its time."),
    "too_long": Said(409, "It lasts too long", "Declare it in parts."),
    "too_many": Said(409, "Too many are open", "End or cancel some first."),
    "too_wide": Said(409, "The volume is too large", "Declare it in smaller parts."),
    "unknown_activity": Said(409, "There is no such activity", _NAME),
    "unknown_alert": Said(409, "There is no such alert", _NAME),
    "unknown_claim": Said(409, "There is no such claim", _NAME),
    "unknown_decision": Said(409, "There is no such decision", _NAME),
    "unknown_detail": Said(409, "There is no such detail", _NAME),
    "unknown_difference": Said(409, "There is no such difference", _NAME),
    "unknown_entry": Said(409, "There is no such entry", _NAME),
    "unknown_incident": Said(409, "There is no such incident", _NAME),
    "unknown_log": Said(409, "There is no such log", "See /api/record for those there are."),
    "unknown_message": Said(409, "There is no such message", _NAME),
    "unknown_party": Said(409, "There is no such party", _NAME),
    "unknown_proposal": Said(409, "There is no such proposal", _NAME),
    "unknown_report": Said(409, "There is no such report", _NAME),
    "unknown_subject": Said(409, "There is nothing of this name to stand down", _NAME),
    "unknown_summit": Said(409, "There is no such summit", _NAME),
    "unknown_table": Said(409, "This party sits at no such table", _NAME),
    "unknown_terms": Said(409, "There are no such terms", _NAME),
    "unknown_track": Said(409, "There is no such track", _NAME),
    "unverified": Said(409, "The link is not verified", "Read the digits to each other first: detente pair."),
    "version": Said(409, "Another version stands", _READ_ANEW),
    "versions": Said(409, "Too many versions", "Begin a proposal anew."),
    "wrong_seat": Said(403, "Another seat's", "Let the seat do it that the detail names."),
}
"""Codes of refused orders (`OrderRefused`)."""

PROBLEMS: Final[dict[str, Said]] = {**DOOR, **RECORD, **ORDERS}
"""Every code that the API can answer. docs/protocol/api.md lists them; a test keeps both complete."""


class Refused(Exception):
    """A request is refused with the problem *code*; *detail* is for whoever asked."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


def problem(code: str, detail: str, *, status: int | None = None, headers: dict[str, str] | None = None) -> Response:
    """Return the answer for *code*; *detail* is one line for whoever asked."""
    said = PROBLEMS.get(code, PROBLEMS["refused"])
    status = status or said.status
    body = Problem(f"/problems/{code}", said.title, status, code, detail, said.do)
    return Response(msgspec.json.encode(body), status, headers, media_type=PROBLEM_JSON)


def problem_page(code: str) -> str:
    """Return the page that a problem's `type` leads to; raises KeyError for a code that is not on the list."""
    said = PROBLEMS[code]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f'<title>{escape(said.title)}</title><link rel="stylesheet" href="/static/tokens.css">'
        f"<h1>{escape(said.title)}</h1><p><code>{escape(code)}</code>, HTTP {said.status}</p>"
        f"<p>{escape(said.do)}</p></html>"
    )
