"""A line or zone as its party notified it: who asserts it, its rings, its levels, its margin.

A border is the area behind the line (its owner's side). Each party's line is judged on its own: where two disagree,
both are shown with who asserts which.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from detente.types import PartyId


class ZoneKind(StrEnum):
    BORDER = "border"
    ZONE = "zone"
    FIR = "fir"


@dataclass(frozen=True, eq=False)
class Zone:
    """One notified area.

    rings: each (m, 2) float64 [latitude_rad, longitude_rad], closed (first = last); the first is the outer ring, the
    others are holes. A multi-part area is several zones with one `zone_id` prefix. Levels are pressure feet; None open.
    """

    zone_id: str
    name: str
    kind: ZoneKind
    asserted_by: PartyId
    rings: tuple[npt.NDArray[np.float64], ...]
    floor_ft: int | None
    ceiling_ft: int | None
    margin_m: float  # an approach nearer than this is told
    resolution_m: float  # of the source; coarser than the limit is refused for alerts
    exempt: tuple[PartyId, ...]  # whose declared tracks may be inside: usually the asserting party
