"""Where a sensor stands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Site:
    """A receiver's or radar's antenna: WGS 84 degrees, and metres above sea level."""

    latitude_deg: float
    longitude_deg: float
    height_m: float = 0.0
