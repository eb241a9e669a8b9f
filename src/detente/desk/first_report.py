"""The first report of an incident, drawn up from what this desk knows of its alert.

It is made at the desk that reads it and stays there until a person gives it as their party's account, so that nothing
of an aircraft that was not released leaves with it; the officer confirms or replaces it. Its items: what, where,
when, who, damage, help wanted, own measures, whom to call.
"""

from __future__ import annotations

from typing import Final

from detente.desk.warnings import Row
from detente.desk.words import position_text
from detente.types import PartyId, instant_of_ms, iso_utc
from detente.units import DEG_PER_RAD

_WHAT: Final = {
    "conflict": "Loss of separation",
    "incursion": "Entry into a notified area",
    "approach": "Approach to a notified area",
    "conformance": "Flight outside the declared volumes",
}


def first_report(row: Row, zone_name: str, own: PartyId) -> str:
    """Return the draft for the event of *row*, its items one a line; what is not known is said to be so."""
    alert = row.ours
    if alert is None:
        return ""
    half = row.halves.get(own)
    displayed, acknowledged = (None, None) if half is None else (half.displayed_at_ms, half.acknowledged_at_ms)
    place = "not known"
    if alert.latitude_rad == alert.latitude_rad and alert.longitude_rad == alert.longitude_rad:
        place = position_text(alert.latitude_rad * DEG_PER_RAD, alert.longitude_rad * DEG_PER_RAD)
    when = "not known" if alert.event_at is None else iso_utc(alert.event_at, 0)
    least = "not known" if alert.distance_m != alert.distance_m else f"{alert.distance_m:.0f} m"
    who = " and ".join(ref.label for ref in row.labels or () if ref is not None)
    lines = [
        f"What: {_WHAT.get(alert.kind.value, alert.kind.value)}{f', {zone_name}' if zone_name else ''}.",
        f"When: {when}; warned at {iso_utc(alert.raised_at, 0)}.",
        f"Where: {place} (WGS 84); least distance {least}.",
        f"Who: {who or 'not known'}.",
        f"Warning displayed here: {_at(displayed)}; acknowledged: {_at(acknowledged)}.",
        "Damage: not known. Help wanted: none said. Own measures: none said.",
    ]
    return "\n".join(lines)


def _at(ms: int | None) -> str:
    return "no" if ms is None else iso_utc(instant_of_ms(ms), 0)
