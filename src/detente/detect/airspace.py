"""Which profile a pair is judged by: that of its two classes, else of the area it flies in, else the node's own.

A node watches more than one kind of traffic: airliners above, an approach, gliders and drones low down. One set of
minima for all would be deaf to the one or never still about the other. Rules are taken in their order, so both nodes of
a table that agree on them judge a pair alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from detente.detect import incursion
from detente.detect.boundary import areas_of, boundary
from detente.detect.motion import Floats
from detente.detect.profile import Profile
from detente.detect.zone import Zone
from detente.picture.picture import Tracks


class AircraftClass(StrEnum):
    """What kind of aircraft, as far as it decides how near another may come."""

    UNKNOWN = "unknown"  # tells no category, and is neither fast nor high: no rule of classes applies
    LARGE = "large"
    LIGHT = "light"  # aeroplanes below 15,500 lb, gliders, balloons, microlights, helicopters
    DRONE = "drone"


CLASSES: Final = tuple(AircraftClass)
_BY_CATEGORY: Final = {
    **dict.fromkeys((b"A2", b"A3", b"A4", b"A5", b"A6"), AircraftClass.LARGE),
    **dict.fromkeys((b"A1", b"A7", b"B1", b"B2", b"B3", b"B4"), AircraftClass.LIGHT),
    b"B6": AircraftClass.DRONE,
}
"""ADS-B emitter category (DO-260B, 2.2.3.2.5.2)."""

FAST_MPS: Final = 130.0
HIGH_FT: Final = 19_500.0
"""Of an aircraft without a category: faster than 250 kt or higher than this it is taken for large."""

_HERE_S: Final = 1.0


class Airspace:
    """The profiles of a node, by area and by pair of classes. `profiles[0]` is its own."""

    def __init__(
        self,
        profile: Profile,
        areas: Sequence[tuple[Zone, Profile]] = (),
        pairs: Sequence[tuple[AircraftClass, AircraftClass, Profile]] = (),
    ) -> None:
        every = (profile, *(p for _, p in areas), *(p for _, _, p in pairs))
        self.profiles = tuple({p.name: p for p in every}.values())
        index = {p.name: k for k, p in enumerate(self.profiles)}
        self._of_area = np.array([index[p.name] for _, p in areas], np.intp)
        self._areas = areas_of([boundary(z.rings, z.floor_ft, z.ceiling_ft, 0.0) for z, _ in areas])
        self._of_pair: dict[tuple[int, int], int] = {}
        for one, other, p in pairs:
            a, b = CLASSES.index(one), CLASSES.index(other)
            for pair in ((a, b), (b, a)):
                self._of_pair.setdefault(pair, index[p.name])

    def areas(self, m: Floats) -> npt.NDArray[np.intp]:
        """Return for each motion the place in `profiles` of the first area it is in, 0 where it is in none."""
        first = np.full(len(m), len(self._of_area), np.intp)
        if not len(self._of_area):
            return np.zeros(len(m), np.intp)
        stood = incursion.standings(m, self._areas, _HERE_S)
        inside = (stood.how == incursion.INSIDE) | (stood.how == incursion.LEAVING)
        np.minimum.at(first, stood.rows[inside], stood.areas[inside])
        return np.append(self._of_area, 0)[first]

    def classes(self, tracks: Tracks, m: Floats) -> npt.NDArray[np.intp]:
        """Return for each track its place in `CLASSES`; *m* are its motions."""
        if not self._of_pair:
            return np.zeros(len(tracks), np.intp)
        big = (m[:, 10] > FAST_MPS) | (m[:, 11] > HIGH_FT)
        found = np.where(big, CLASSES.index(AircraftClass.LARGE), CLASSES.index(AircraftClass.UNKNOWN))
        for category, aircraft in _BY_CATEGORY.items():
            found[tracks["category"] == category] = CLASSES.index(aircraft)
        return found.astype(np.intp)

    def of_pair(self, classes: tuple[int, int], areas: tuple[int, int]) -> Profile:
        """Return the profile of a pair, by its classes and by the profiles of the areas its aircraft are in."""
        by_class = self._of_pair.get(classes)
        if by_class is not None:
            return self.profiles[by_class]
        return self.profiles[areas[0] or areas[1]]
