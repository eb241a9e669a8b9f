"""When an area is active: from and until an instant, and in windows that repeat each day or on days of the week."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from detente.types import NS_PER_S, Instant

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_DAY_S: Final = 86_400
_EPOCH_DAY: Final = 3  # 1970-01-01 was a Thursday


@dataclass(frozen=True, slots=True)
class Window:
    """A time of day, UTC, on days named by the one it begins on; past midnight where it ends before it begins."""

    from_s: int  # of the day
    until_s: int
    days: frozenset[int] = frozenset(range(7))  # 0 Monday

    @property
    def length_s(self) -> int:
        """How long it is; a window that ends when it begins lasts a day."""
        return (self.until_s - self.from_s - 1) % _DAY_S + 1


@dataclass(frozen=True, slots=True)
class Schedule:
    """All the time unless it says otherwise."""

    active_from: Instant | None = None
    active_until: Instant | None = None
    windows: tuple[Window, ...] = ()  # none: all day, every day

    def spans(self, now: Instant, lookahead_s: float) -> list[tuple[float, float]]:
        """Return when it is active within *lookahead_s* of *now*: spans apart, in order, s from *now*."""
        low, high = 0.0, lookahead_s
        if self.active_from is not None:
            low = max(low, (self.active_from - now) / NS_PER_S)
        if self.active_until is not None:
            high = min(high, (self.active_until - now) / NS_PER_S)
        if not self.windows:
            return [(low, high)] if low < high else []
        today = now // NS_PER_S // _DAY_S
        days = range(today - 1, today + int(lookahead_s) // _DAY_S + 2)
        found: list[tuple[float, float]] = []
        for begin, end in sorted(
            (begins, begins + window.length_s)
            for window in self.windows
            for day in days
            if (day + _EPOCH_DAY) % 7 in window.days
            for begins in [day * _DAY_S + window.from_s - now / NS_PER_S]
        ):
            first, last = max(low, begin), min(high, end)
            if first >= last:
                continue
            if found and first <= found[-1][1]:
                first, last = found[-1][0], max(found.pop()[1], last)
            found.append((first, last))
        return found


ALWAYS: Final = Schedule()


def time_of_day_s(text: str) -> int:
    """Return the second of the day that *text*, ``HH:MM`` or ``HH:MM:SS``, names, up to ``24:00``; else ValueError."""
    said = re.fullmatch(r"(\d\d):(\d\d)(?::(\d\d))?", text)
    hours, minutes, seconds = (int(part or 0) for part in said.groups()) if said else (99, 0, 0)
    second = hours * 3_600 + minutes * 60 + seconds
    if minutes > 59 or seconds > 59 or second > _DAY_S:
        raise ValueError(f"a time of day is HH:MM, UTC, not {text!r}")
    return second
