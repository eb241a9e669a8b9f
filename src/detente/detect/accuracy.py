"""How well the place of each track is known, and how much wider that makes the minima of its pairs.

Minima presuppose a surveillance. Ours take one whose positions have a standard deviation of 5.4 % of the minimum, 500 m
for 5 NM and 300 m for 3 NM, and altitudes in steps of 25 ft. These figures are chosen here. That for 5 NM is near what
ADS-B without radar must tell for it: 926 m, 95 % (EASA ED Decision 2008/004/R, table 2), that is 535 m RMS when both
axes scatter alike. What is worse than that widens the minima of its pairs by as much as it is worse, and the alert says
so. What is so coarse that the margin is wider than the minimum itself is not assessed. A source that tells no accuracy
is taken at what the minima presuppose.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from detente.detect.motion import Floats
from detente.detect.profile import Minima
from detente.picture.picture import Tracks
from detente.types import NS_PER_S, Instant
from detente.units import M_PER_FT

PRESUPPOSED: Final = 500.0 / 9_260.0
"""Standard deviation of a position that the horizontal minimum is taken to presuppose, as a share of it."""

SIGMAS: Final = 2.0
"""How many standard deviations the margin is: one aircraft in twenty is farther off."""

MANOEUVRE_MPS2: Final = 1.0
"""What a course held on from an old plot misses by is half of this times the age squared, in two of three plots 20 to
40 s old (0.6 in the Paris recording, 1.1 in Monterey's light aircraft)."""

FINE_FT: Final = 25.0
"""The step of altitude that vertical minima are taken to presuppose: that of Mode S with 25 ft coding."""


class Accuracy(NamedTuple):
    """Of n tracks: one standard deviation of the place, m, and how far off the altitude's steps can leave it, ft."""

    sigma_m: Floats
    coarse_ft: Floats


def accuracy_of(tracks: Tracks, now: Instant) -> Accuracy:
    """Return how well *tracks* (`TRACK`) are known at *now*: what they tell of it, the age of the plot, the steps."""
    age_s = (np.int64(now) - tracks["applicable_at_ns"]) / NS_PER_S
    sigma_m = np.hypot(np.nan_to_num(tracks["position_sigma_m"]), 0.5 * MANOEUVRE_MPS2 * age_s * age_s)
    steps_ft = np.nan_to_num(tracks["altitude_step_m"]) / M_PER_FT
    return Accuracy(sigma_m, np.maximum(steps_ft - FINE_FT, 0.0) * 0.5)


def worse_m(sigma_m: Floats, horizontal_m: float) -> Floats:
    """Return the margin that places (n,) need of a horizontal minimum: 0 for those as good as it presupposes."""
    margin: Floats = SIGMAS * np.sqrt(np.maximum(sigma_m * sigma_m - (PRESUPPOSED * horizontal_m) ** 2, 0.0))
    return margin


def margins(known: Accuracy, pair: tuple[int, int], minima: Minima) -> tuple[float, float]:
    """Return the margins, m and ft, that *pair*, two rows of *known*, needs of *minima*."""
    a, b = pair
    presupposed2 = (PRESUPPOSED * minima.horizontal_m) ** 2
    excess2 = sum(max(float(known.sigma_m[row]) ** 2 - presupposed2, 0.0) for row in pair)
    return SIGMAS * math.sqrt(excess2), float(known.coarse_ft[a] + known.coarse_ft[b])
