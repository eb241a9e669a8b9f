"""Profiles: which minima, how far ahead, and how sure before a desk is told. One documented set of thresholds each.

A profile says what is worth telling a person, not what is allowed: it is not a separation standard, and an aircraft
outside every minimum here is not thereby separated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from detente.detect.level import LevelRules
from detente.errors import ConfigError
from detente.units import M_PER_NM


@dataclass(frozen=True, slots=True)
class Minima:
    """A cylinder and how far ahead to look. Below both minima at one instant, strictly, is a conflict."""

    horizontal_m: float
    vertical_ft: int
    lookahead_s: float

    def __post_init__(self) -> None:
        for name in ("horizontal_m", "vertical_ft", "lookahead_s"):
            value = float(getattr(self, name))
            if not 0.0 < value < float("inf"):
                raise ConfigError(f"{name} must be a positive number, not {value}")
        if self.lookahead_s > MAX_LOOKAHEAD_S:
            raise ConfigError(f"lookahead_s must be at most {MAX_LOOKAHEAD_S:.0f}, not {self.lookahead_s}")


def widest(minima: Sequence[Minima]) -> Minima:
    """Return the minima within which all of *minima* lie; the first itself when it is the only one."""
    if len(minima) == 1:
        return minima[0]
    return Minima(
        max(each.horizontal_m for each in minima),
        max(each.vertical_ft for each in minima),
        max(each.lookahead_s for each in minima),
    )


MAX_LOOKAHEAD_S: Final = 1800.0
"""Beyond half an hour a constant course says nothing."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Thresholds of one kind of traffic. Each field's reason stands in docs/nuisance.md with the figures behind it."""

    name: str
    minima: Minima  # raise
    hold: Minima  # an alert once raised is kept while below these: hysteresis, never narrower than `minima`
    floor_ft: int | None  # where either aircraft is below this, `below_floor` counts instead; None nowhere
    below_floor: Minima | None  # raises and holds
    slowest_mps: float  # a pair of two slower than this is taken to be on the ground, and told as not assessed
    confirm: tuple[int, int]  # raise after M of the last N passes, each with a new plot of either track
    confirm_within_s: float  # nearer than this an alert is raised at once
    clear_after_s: float  # the verdict must be gone this long before an alert is cleared
    hold_not_assessed_s: float  # an alert whose track cannot be judged is kept this long, marked
    alarm_s: float  # conflict at most this far off, or separation lost: alarm
    warning_s: float  # conflict at most this far off: warning; else caution
    zone_lookahead_s: float
    zone_alarm_s: float  # entry at most this far off, or inside: alarm
    zone_warning_s: float  # entry at most this far off, and every approach: warning; else caution
    level: LevelRules | None = None  # controlled traffic: flies level at whole thousands, and levels off there

    def __post_init__(self) -> None:
        if self.hold.horizontal_m < self.minima.horizontal_m or self.hold.vertical_ft < self.minima.vertical_ft:
            raise ConfigError(
                f"profile {self.name}: the minima that hold an alert are narrower than those that raise it"
            )
        if (self.floor_ft is None) != (self.below_floor is None):
            raise ConfigError(f"profile {self.name}: a floor and the minima below it go together")
        m, n = self.confirm
        if not 1 <= m <= n <= 8:
            raise ConfigError(f"profile {self.name}: confirm {m} of {n}; 1 ≤ M ≤ N ≤ 8 is needed")


# 800 ft, not 1,000: two aircraft properly 1,000 ft apart show 900 to 975 ft through 25 ft steps and altimeter error.
EN_ROUTE: Final = Profile(
    name="en-route",
    minima=Minima(5.0 * M_PER_NM, 800, 120.0),
    hold=Minima(5.25 * M_PER_NM, 850, 120.0),
    floor_ft=None,
    below_floor=None,
    slowest_mps=10.0,
    confirm=(2, 3),
    confirm_within_s=0.0,
    clear_after_s=8.0,
    hold_not_assessed_s=60.0,
    alarm_s=60.0,
    warning_s=120.0,
    zone_lookahead_s=600.0,
    zone_alarm_s=300.0,
    zone_warning_s=1200.0,
    level=LevelRules(),
)

TERMINAL: Final = Profile(
    name="terminal",
    minima=Minima(3.0 * M_PER_NM, 800, 60.0),
    hold=Minima(3.15 * M_PER_NM, 850, 60.0),
    floor_ft=3000,
    below_floor=Minima(900.0, 300, 60.0),  # parallel approaches pass side by side
    slowest_mps=10.0,
    confirm=(2, 3),
    confirm_within_s=0.0,
    clear_after_s=8.0,
    hold_not_assessed_s=30.0,
    alarm_s=30.0,
    warning_s=60.0,
    zone_lookahead_s=300.0,
    zone_alarm_s=300.0,
    zone_warning_s=1200.0,
    level=LevelRules(),
)

# A helicopter or a drone among other low traffic: minutes of straight flight do not exist there.
LOW_LEVEL: Final = Profile(
    name="low-level",
    minima=Minima(900.0, 300, 60.0),
    hold=Minima(1000.0, 350, 60.0),
    floor_ft=None,
    below_floor=None,
    slowest_mps=0.0,
    confirm=(2, 3),
    confirm_within_s=20.0,
    clear_after_s=5.0,
    hold_not_assessed_s=20.0,
    alarm_s=30.0,
    warning_s=60.0,
    zone_lookahead_s=180.0,
    zone_alarm_s=120.0,
    zone_warning_s=1200.0,
)

LIGHT_AIRCRAFT: Final = Profile(
    name="light-aircraft",
    minima=Minima(926.0, 600, 45.0),
    hold=Minima(1000.0, 650, 45.0),
    floor_ft=None,
    below_floor=None,
    slowest_mps=10.0,
    confirm=(2, 3),
    confirm_within_s=15.0,
    clear_after_s=5.0,
    hold_not_assessed_s=20.0,
    alarm_s=20.0,
    warning_s=45.0,
    zone_lookahead_s=300.0,
    zone_alarm_s=120.0,
    zone_warning_s=1200.0,
)

PROFILES: Final = {profile.name: profile for profile in (EN_ROUTE, TERMINAL, LOW_LEVEL, LIGHT_AIRCRAFT)}


def profile_named(name: str) -> Profile:
    """Return the profile called *name*; raises ConfigError with the names that exist."""
    try:
        return PROFILES[name]
    except KeyError:
        raise ConfigError(f"no profile {name!r}; there are {', '.join(PROFILES)}") from None


TOLD_BEFORE_S: Final = 10.0
"""A level-off is a caution for so long before it is a warning …"""
TOLD_S: Final = 45.0
"""… and from so long before the loss on where it never is one."""


def promoting(profile: Profile, promoted_s: float) -> Profile:
    """Return *profile* with level-offs promoted to warnings *promoted_s* ahead (0: only once the level is passed).

    What it gains and costs stands in docs/nuisance.md.
    """
    level = profile.level
    if level is None or level.promoted_s == promoted_s:
        return profile
    told_s = max(TOLD_S, promoted_s + TOLD_BEFORE_S)
    return replace(profile, level=replace(level, promoted_s=promoted_s, conditional_s=told_s))
