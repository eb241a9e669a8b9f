"""What aircraft do with their height that a straight line does not know: they fly level, and they level off.

Controlled traffic flies at whole thousands of feet. Two rules follow, each only for profiles of controlled traffic:

- An aircraft near a whole thousand that hardly climbs is *level*: its reported rate is noise of a step or two of the
  altimeter (64 ft/min for 25 ft), which a straight line would carry through the next level within minutes.
- A conflict that would not come if the climbing (or descending) aircraft levelled off at the next whole thousand, or at
  the altitude its crew has selected, is *conditional*: it is told as such, with the level, until that level is passed.
  It is a caution until `promoted_s` before the loss, and then a warning, still with its condition. An aircraft that
  will not level looks like one that will until 100 ft before its level, which at 1,000 ft/min and 1,000 ft apart is
  18 s before separation is lost: who is to be warned 40 s ahead of a level bust is warned of the level-off that comes
  right as well. docs/nuisance.md shows what that costs, and that a rate which falls does not tell the two apart in
  time. Only a crew that tells its selected altitude does: at that level the conflict stays a caution, and beyond it
  there is none to wait for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from detente.detect.motion import Floats

_THOUSAND_FT: Final = 1_000.0


@dataclass(frozen=True, slots=True)
class LevelRules:
    """Thresholds of the two rules."""

    level_within_ft: float = 100.0  # of a whole thousand
    level_rate_fps: float = 5.0  # 300 ft/min
    overshoot_ft: float = 100.0  # past its level by more than this, an aircraft has not levelled off there
    separated_ft: float = 900.0  # two levels this far apart are properly apart, seen through 25 ft steps
    conditional_s: float = 60.0  # a conditional conflict farther off than this is not told yet
    promoted_s: float = 50.0  # … and nearer than this it is a warning; 0 never, until the level has been passed


def settle(m: Floats, rules: LevelRules, rows: npt.NDArray[np.bool_]) -> None:
    """Set to zero the vertical speed of those motions *m* that are level, among *rows* (n,)."""
    altitude, rate = m[:, 11], m[:, 13]
    off_ft = np.abs(altitude - np.rint(altitude / _THOUSAND_FT) * _THOUSAND_FT)
    rate[rows & (off_ft <= rules.level_within_ft) & (np.abs(rate) <= rules.level_rate_fps)] = 0.0


def next_level_ft(altitude_ft: float, rate_fps: float, selected_ft: float, rules: LevelRules) -> float:
    """Return where an aircraft may level off next: the selected altitude if that lies ahead, else the next thousand.

    A level aircraft's is its own altitude. *selected_ft* NaN: not told.
    """
    if rate_fps == 0.0:
        return altitude_ft
    up = math.copysign(1.0, rate_fps)
    behind_ft = altitude_ft - up * rules.overshoot_ft
    if (selected_ft - behind_ft) * up > 0.0:
        return selected_ft
    steps = behind_ft / _THOUSAND_FT
    return (math.ceil(steps) if up > 0.0 else math.floor(steps)) * _THOUSAND_FT


def levels_that_avoid(
    a: Floats, b: Floats, selected_a_ft: float, selected_b_ft: float, rules: LevelRules
) -> tuple[float | None, float | None] | None:
    """Return the level at which each of a pair must stop for their conflict not to come; None if that would not help.

    The level of an aircraft that need not change anything is None.
    """
    apart_ft = a[11] - b[11]
    if math.isnan(apart_ft) or abs(apart_ft) < rules.separated_ft - rules.overshoot_ft:
        return None
    above = math.copysign(1.0, apart_ft)
    level_a = next_level_ft(a[11], a[13], selected_a_ft, rules)
    level_b = next_level_ft(b[11], b[13], selected_b_ft, rules)
    if (level_a - level_b) * above < rules.separated_ft:
        return None
    approaches_a, approaches_b = a[13] * above < 0.0, b[13] * above > 0.0
    return (level_a if approaches_a else None), (level_b if approaches_b else None)
