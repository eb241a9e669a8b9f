"""How long before its start an activity was declared, against what the charter's members agreed."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from detente.coordination.charter import Charter
from detente.coordination.plan import Kind, Plan


class LeadClass(StrEnum):
    """How long before its start an activity was declared."""

    CALENDAR = "calendar"  # 42 days or more
    PLANNED = "planned"  # 7 days or more
    NOTIFIED = "notified"  # 48 hours or more
    SHORT = "short"  # an hour or more
    IMMEDIATE = "immediate"


_CLASSES: Final = (
    (42 * 86_400_000, LeadClass.CALENDAR),
    (7 * 86_400_000, LeadClass.PLANNED),
    (48 * 3_600_000, LeadClass.NOTIFIED),
    (3_600_000, LeadClass.SHORT),
)


def lead_class(lead_ms: int) -> LeadClass:
    """Return the class of a lead time, milliseconds; negative: it had begun already.

    Source of the longest step: Vienna Document 2011, notice of large activities. The others are ours.
    """
    return next((name for least_ms, name in _CLASSES if lead_ms >= least_ms), LeadClass.IMMEDIATE)


def agreed_ms(charter: Charter, kind: Kind) -> int | None:
    """Return the least lead time agreed for *kind*, milliseconds; None where nothing was agreed."""
    minutes = charter.lead_minutes.get(kind.value)
    return None if minutes is None else minutes * 60_000


def is_short(charter: Charter, plan: Plan, said_at_ms: int) -> bool:
    """Whether *plan*, declared at *said_at_ms*, came later than was agreed."""
    agreed = agreed_ms(charter, plan.kind)
    return agreed is not None and plan.start_ms - said_at_ms < agreed
