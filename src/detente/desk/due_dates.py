"""Due dates of what summits decided, as iCalendar (RFC 5545), for people's own calendars."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from detente.coordination.decisions import DecisionRow, PartRow, SummitRow
from detente.coordination.view import TableView

if TYPE_CHECKING:
    from icalendar import Event

_TITLE = 80


def calendar_of(view: TableView, now_ms: int) -> bytes:
    """Return every part of every decision at a table that has a due date, done or not, as one calendar."""
    from icalendar import Calendar  # noqa: PLC0415 a twelfth of a second that a start need not spend

    calendar = Calendar()
    calendar.add("prodid", "-//Detente//decisions//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", f"{view.brief.title}: decisions")
    for summit in view.summits:
        for decision in summit.decisions:
            for part in decision.parts:
                if part.due_ms is not None and (due := _instant(part.due_ms)) is not None:
                    calendar.add_component(_due(view.brief.table, summit, decision, part, due, now_ms))
    return bytes(calendar.to_ical())


def _due(table: str, summit: SummitRow, decision: DecisionRow, part: PartRow, due: datetime, now_ms: int) -> Event:
    from icalendar import Event  # noqa: PLC0415

    is_done = part.state == "confirmed"
    event = Event()
    # The same name for the same part each time: a calendar that takes it again moves it and makes no second one.
    event.add("uid", f"{table}.{summit.summit}.{decision.decision}.{part.party}@detente")
    event.add("dtstamp", _instant(now_ms) or datetime(1970, 1, 1, tzinfo=UTC))
    event.add("dtstart", due)
    event.add("duration", timedelta(0))
    event.add("summary", f"{part.party}: {_cut(decision.text)} ({part.state.replace('_', ' ')})")
    event.add("description", f"{decision.text}\n\n{summit.title}, {summit.place}\nseat: {part.seat}\n{_standing(part)}")
    event.add("categories", [table])
    event.add("transp", "TRANSPARENT")
    event.add("status", "CONFIRMED" if is_done else "TENTATIVE")
    return event


def _standing(part: PartRow) -> str:
    said = [f"confirmed by: {', '.join(part.confirmed_by)}"] if part.confirmed_by else []
    said += [f"disputed by {who}: {why}" for who, why in part.disputed_by.items()]
    return "\n".join([*(["overdue"] if part.overdue else []), *said])


def _instant(at_ms: int) -> datetime | None:
    """Return the instant, to the second; None for one that no calendar holds."""
    try:
        return datetime.fromtimestamp(at_ms // 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _TITLE else f"{line[: _TITLE - 1]}…"
