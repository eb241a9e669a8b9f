"""DO-365 well clear: volumes in time and distance, and the alert levels that come of them.

A pair is not well clear while it is too near in the horizontal, or closing so that it soon would be (modified tau), and
at the same time too near in the vertical, or closing so that it soon would be at one level (time to co-altitude). For
straight flight both are intervals of time, and so is what they have in common.

Everything here is in one local frame: metres and metres a second, x east, y north, z up, the first aircraft minus the
second. Source: RTCA DO-365B, appendix; the published definition of WCV_TAUMOD.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from numba import njit

from detente.units import M_PER_FT, M_PER_NM

PREVENTIVE: Final = 1
CORRECTIVE: Final = 2
WARNING: Final = 3

Interval = tuple[float, float]
Vector = tuple[float, float, float]

LOOKAHEAD_S: Final = 180.0


@dataclass(frozen=True, slots=True)
class Volume:
    """Thresholds of one well-clear volume, by the names of the standard."""

    dthr_m: float
    zthr_ft: float
    tthr_s: float
    tcoa_s: float


VOLUMES: Final = {
    "phase1_preventive": Volume(0.66 * M_PER_NM, 700.0, 35.0, 0.0),
    "phase1": Volume(0.66 * M_PER_NM, 450.0, 35.0, 0.0),
    "phase2": Volume(1_500.0 * M_PER_FT, 450.0, 0.0, 0.0),
    "noncoop": Volume(2_200.0 * M_PER_FT, 450.0, 0.0, 0.0),
    "buffered_preventive": Volume(1.0 * M_PER_NM, 750.0, 35.0, 20.0),
    "buffered": Volume(1.0 * M_PER_NM, 450.0, 35.0, 20.0),
}


@dataclass(frozen=True, slots=True)
class AlertRule:
    """When a level is reached: its volume is entered sooner than *alerting_s*, or, once reached, than *early_s*."""

    level: int
    volume: str
    alerting_s: float
    early_s: float


RULES: Final = {
    "phase1": (
        AlertRule(PREVENTIVE, "phase1_preventive", 55.0, 75.0),
        AlertRule(CORRECTIVE, "phase1", 55.0, 75.0),
        AlertRule(WARNING, "phase1", 25.0, 55.0),
    ),
    "phase2": (AlertRule(WARNING, "phase2", 45.0, 75.0),),
    "noncoop": (AlertRule(CORRECTIVE, "noncoop", 55.0, 75.0), AlertRule(WARNING, "noncoop", 25.0, 55.0)),
    "buffered": (
        AlertRule(PREVENTIVE, "buffered_preventive", 60.0, 75.0),
        AlertRule(CORRECTIVE, "buffered", 60.0, 75.0),
        AlertRule(WARNING, "buffered", 30.0, 55.0),
    ),
}


def _near_or_closing(x: float, y: float, u: float, v: float, dthr_m: float, tthr_s: float) -> tuple[float, float]:
    """Return when the horizontal part is violated; not cut to the future, empty as (inf, -inf)."""
    square, closing, speed2 = x * x + y * y, x * u + y * v, u * u + v * v
    inside = square - dthr_m * dthr_m
    if speed2 == 0.0:
        return (-math.inf, math.inf) if inside <= 0.0 else (math.inf, -math.inf)
    # The miss distance must not exceed DTHR: else neither the circle nor the modified tau is ever reached.
    miss = closing * closing - speed2 * inside
    if miss < 0.0:
        return math.inf, -math.inf
    root = math.sqrt(miss)
    leaves, enters = (-closing + root) / speed2, (-closing - root) / speed2
    # Modified tau (DTHR² - r²) / (r · v) falls to TTHR where r² + TTHR r · v = DTHR², once, before the circle.
    half = 0.5 * (2.0 * closing + tthr_s * speed2)
    tau = half * half - speed2 * (inside + tthr_s * closing)
    if tau >= 0.0:
        enters = min(enters, (-half - math.sqrt(tau)) / speed2)
    return enters, leaves


near_or_closing = njit(cache=True, nogil=True)(_near_or_closing)


def _low_or_closing(z: float, w: float, zthr: float, tcoa_s: float) -> tuple[float, float]:
    """Return when the vertical part is violated; not cut to the future, empty as (inf, -inf)."""
    if w == 0.0:
        return (-math.inf, math.inf) if abs(z) <= zthr else (math.inf, -math.inf)
    reach = max(zthr, abs(w) * tcoa_s)
    up = math.copysign(1.0, w)
    return (-up * reach - z) / w, (up * zthr - z) / w


low_or_closing = njit(cache=True, nogil=True)(_low_or_closing)


def _feet(height_m: float) -> float:
    """Return feet; a height that came from whole feet is that many again, without the last bit of the conversion."""
    return round(height_m / M_PER_FT, 6)


def well_clear_lost(s: Vector, v: Vector, volume: Volume, lookahead_s: float = LOOKAHEAD_S) -> Interval | None:
    """Return when *volume* is violated within [0, lookahead_s], or None.

    The vertical is compared in feet: two altitudes 450 ft apart are 450 ft apart, whatever that is in metres.
    """
    enters, leaves = near_or_closing(s[0], s[1], v[0], v[1], volume.dthr_m, volume.tthr_s)
    sinks, rises = low_or_closing(_feet(s[2]), v[2] / M_PER_FT, volume.zthr_ft, volume.tcoa_s)
    first, last = max(enters, sinks, 0.0), min(leaves, rises, lookahead_s)
    return (first, last) if first <= last else None


def cylinder_lost(s: Vector, v: Vector, horizontal_m: float, vertical_ft: float, lookahead_s: float) -> Interval | None:
    """Return when a pair is strictly inside a cylinder within [0, lookahead_s], or None."""
    enters, leaves = near_or_closing(s[0], s[1], v[0], v[1], horizontal_m, 0.0)
    z, w = _feet(s[2]), v[2] / M_PER_FT
    sinks, rises = low_or_closing(z, w, vertical_ft, 0.0)
    if w == 0.0 and abs(z) >= vertical_ft:
        return None
    first, last = max(enters, sinks, 0.0), min(leaves, rises, lookahead_s)
    return (first, last) if first < last else None


def alert_level(lost: dict[str, Interval | None], rules: tuple[AlertRule, ...], held: int = 0) -> int:
    """Return the highest level that *rules* give for the intervals *lost* by volume; 0 none.

    held: the level that stands, for which the early alerting time holds.
    """
    reached = 0
    for rule in rules:
        interval = lost[rule.volume]
        limit_s = rule.early_s if rule.level == held else rule.alerting_s
        if interval is not None and (interval[0] == 0.0 or interval[0] < limit_s):
            reached = max(reached, rule.level)
    return reached
