"""Identities and time: what three packages or more share, and nothing else.

An instant is an integer number of nanoseconds since 1970-01-01T00:00:00 UTC. It is always an argument: no
package outside ``node/`` and ``testing/`` knows what time it is.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, NewType

PartyId = NewType("PartyId", str)
"""One party's short name in configuration and on the desk: ``alfa``. Lower case, ``[a-z][a-z0-9-]{0,31}``."""

NodeName = NewType("NodeName", str)
"""A node's name on the link and in the record: ``alfa.example/detente``."""

Instant = NewType("Instant", int)
"""Nanoseconds since 1970-01-01T00:00:00 UTC."""

NS_PER_S: Final = 1_000_000_000
NS_PER_MS: Final = 1_000_000

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Precedence(StrEnum):
    """How fast, as in ACP 121; never how bad, and never who may see. Source: docs/glossary.md."""

    FLASH = "Z"
    IMMEDIATE = "O"
    PRIORITY = "P"
    ROUTINE = "R"


class Role(StrEnum):
    """Who acts or is told: a role, never a person. The order is the order of the escalation ladder's rungs."""

    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    DUTY_OFFICER = "duty_officer"
    MILITARY = "military"
    INTELLIGENCE = "intelligence"
    FOREIGN_SERVICE = "foreign_service"
    MINISTER = "minister"
    LEADER = "leader"


DELEGATION: Final = (Role.MILITARY, Role.INTELLIGENCE, Role.FOREIGN_SERVICE)
"""The three seats of a party at a table."""

WATCH: Final = (Role.OPERATOR, Role.SUPERVISOR, Role.DUTY_OFFICER)


def duration_ns(seconds: float) -> int:
    """Return *seconds* as whole nanoseconds."""
    return round(seconds * NS_PER_S)


def instant_ms(now: Instant) -> int:
    """Return *now* in whole milliseconds, rounded down: the unit of the wire."""
    return now // NS_PER_MS


def instant_of_ms(ms: int) -> Instant:
    """Return the instant *ms* milliseconds after the epoch."""
    return Instant(ms * NS_PER_MS)


def iso_utc(now: Instant, decimals: int = 3) -> str:
    """Return *now* as ISO 8601 UTC (``2026-11-22T11:57:04.250Z``), *decimals* digits of a second, cut, not rounded."""
    whole, rest = divmod(now, NS_PER_S)
    text = (_EPOCH + timedelta(seconds=whole)).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{rest:09d}"[: 20 + decimals] + "Z" if decimals else f"{text}Z"


def instant_of_iso(text: str) -> Instant:
    """Return the instant that ISO 8601 *text* names; raises ValueError unless it carries a zone."""
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise ValueError(f"no time zone in {text!r}: write UTC as a final Z")
    since = when.astimezone(UTC) - _EPOCH
    return Instant(((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000)
