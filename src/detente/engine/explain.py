"""Why a peer is told of a track, an alert or a report, or not: for the desk, in one line and in parts."""

from __future__ import annotations

import numpy as np

from detente.alerts.alert import Alert, AlertEvent, Happening, Kind
from detente.desk.answers import WhyTold
from detente.engine.alerting import Alerting
from detente.engine.sharing import Sharing
from detente.engine.subjects import Subjects
from detente.engine.tables import Tables
from detente.errors import OrderRefused
from detente.picture.picture import Tracks
from detente.types import Instant, PartyId


def explain(
    party: PartyId,
    subject: str,
    tracks: Tracks,
    sharing: Sharing,
    alerting: Alerting,
    subjects: Subjects,
    tables: Tables,
    now: Instant,
) -> WhyTold:
    """Return why *party* is told of *subject*: a track's number, an own aircraft's name, an alert, or ``table/report``.

    Raises OrderRefused for what is not here.
    """
    if party not in sharing.with_peer:
        raise OrderRefused("unknown_party", f"there is no party {party!r}")
    if "/" in subject:
        return _report(party, subject, tables)
    row = subjects.warnings.named(subject)
    if row is not None:
        if row.ours is None:
            raise OrderRefused("unknown_alert", f"{subject} is another party's word; what it tells is for it to say")
        return _alert(party, subject, row.ours, sharing, alerting, now)
    number = _number(subject, tracks)
    if number is None:
        raise OrderRefused("unknown_track", f"no track of ours is called {subject!r}, and no alert")
    return _track(party, subject, number, sharing, now)


def _number(subject: str, tracks: Tracks) -> int | None:
    """Return the number of our track *subject*. By call sign or identity only aircraft declared ours are found."""
    own = tracks[tracks["party"] == 0]
    mine = own[own["declared_by"] == 0]
    names = {subject.upper().encode(), subject.lower().encode()}
    for column in ("callsign", "identity"):
        found = mine["number"][np.isin(mine[column], list(names))]
        if found.size:
            return int(found[0])
    is_number = subject.isascii() and subject.isdigit() and len(subject) < 10
    return int(subject) if is_number and (own["number"] == int(subject)).any() else None


def _track(party: PartyId, subject: str, number: int, sharing: Sharing, now: Instant) -> WhyTold:
    why = sharing.reason(party, number, now)
    assert why is not None
    is_coarse = why.give is not None and bool(
        why.give.position_grid_m or why.give.altitude_step_ft or why.give.delay_s or why.give.every_s
    )
    text, told = why.text, "coarsely" if is_coarse else "exactly"
    if why.is_released and sharing.released_to(party, now).item(number) is None:
        text, told = f"{text}; not yet, the delay has not passed", "nothing"
    return WhyTold(
        peer=party,
        subject=subject,
        kind="track",
        told=told if why.is_released else "nothing",  # type: ignore[arg-type]  # one of its words
        text=text,
        rule=None if why.rule is None else why.rule + 1,
        by=why.by,
        why=why.why,
        unknown=list(why.unknown),
    )


def _alert(party: PartyId, subject: str, alert: Alert, sharing: Sharing, alerting: Alerting, now: Instant) -> WhyTold:
    body = alerting.told_of(AlertEvent(Happening.UPDATED, alert), party, now)
    if body is None:
        text = f"withheld: it concerns no aircraft that {party} declares its own and no line that {party} notified"
        if alert.kind is Kind.CONFORMANCE:
            text = (
                f"withheld: {party} does not hold this activity, or asks by its own about what does not leave exactly"
            )
        return WhyTold(party, subject, "alert", "nothing", text)
    hidden = []
    for number in (alert.a, alert.b):
        told = sharing.released_to(party, now).item(number) if number else (None, True)
        if (told is None or not told[1]) and number and not alerting.is_of(number, party):
            why = sharing.reason(party, number, now)
            hidden.append(f"{alerting.label(number)}: {'no longer held' if why is None else why.text}")
    if body.override:
        text = f"told exactly under the safety override {alerting.override_named(body.override)!r}"
        return WhyTold(party, subject, "alert", "override", text, hidden=hidden)
    if body.is_banded:
        text = "told in bands, with the place of its own aircraft: not every aircraft in it left exactly"
        return WhyTold(party, subject, "alert", "banded", text, hidden=hidden)
    text = f"told exactly: every aircraft in it is {party}'s own or left exactly"
    return WhyTold(party, subject, "alert", "exactly", text)


def _report(party: PartyId, subject: str, tables: Tables) -> WhyTold:
    name, _, report = subject.partition("/")
    table = tables.tables.get(name)
    if table is None:
        raise OrderRefused("unknown_table", f"this party sits at no table {name!r}")
    if not any(row.report == report for row in table.standing.reports.rows(0)):
        raise OrderRefused("unknown_report", f"there is no report {report!r} at table {name}")
    if party not in table.charter.members:
        text = f"withheld: {party} does not sit at table {name}, and what is said there goes to its members alone"
        return WhyTold(party, subject, "report", "nothing", text)
    text = f"told: what is shared at table {name} goes to every member, the same bytes to each"
    return WhyTold(party, subject, "report", "exactly", text)
