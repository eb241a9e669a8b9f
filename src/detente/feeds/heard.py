"""What has been heard of each address: position, velocity and name come in different messages and make one plot.

SBS and Mode S tell one thing a message. A plot is made when a position comes; the newest velocity, altitude and name go
with it while they are fresh.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from detente.feeds.plot import PLOT, UNKNOWN_GROUND, UNKNOWN_SQUAWK, Plots
from detente.types import NS_PER_S

FRESH_NS: Final = 15 * NS_PER_S
"""A velocity, an altitude or a selected altitude older than this does not go with a position."""

FORGET_NS: Final = 300 * NS_PER_S
MOST_ADDRESSES: Final = 20_000
"""Past this number the address unheard for longest is forgotten."""

NAN: Final = math.nan

Row = tuple[Any, ...]
"""The fields of one `PLOT`, in its order."""


@dataclass(slots=True)
class Heard:
    """The newest of everything one address has told, with the instant of what ages."""

    identity: bytes
    heard_at_ns: int = 0
    callsign: bytes = b""
    altitude_pressure_m: float = NAN
    altitude_ellipsoid_m: float = NAN
    altitude_at_ns: int = 0
    v_east_mps: float = NAN
    v_north_mps: float = NAN
    v_up_mps: float = NAN
    velocity_at_ns: int = 0
    position_sigma_m: float = NAN
    velocity_sigma_mps: float = NAN
    selected_altitude_m: float = NAN
    selected_at_ns: int = 0
    squawk: int = UNKNOWN_SQUAWK
    category: bytes = b""
    on_ground: int = UNKNOWN_GROUND

    def moves(self, at_ns: int, speed_mps: float, track_rad: float, v_up_mps: float) -> None:
        """Note a velocity over ground."""
        self.v_east_mps = speed_mps * math.sin(track_rad)
        self.v_north_mps = speed_mps * math.cos(track_rad)
        self.v_up_mps = v_up_mps
        self.velocity_at_ns = at_ns

    def row(self, at_ns: int, latitude_rad: float, longitude_rad: float) -> Row:
        """Return the plot of a position at *at_ns*, with what is fresh then."""
        high = at_ns - self.altitude_at_ns <= FRESH_NS
        fast = at_ns - self.velocity_at_ns <= FRESH_NS
        return (
            at_ns,
            self.identity,
            self.callsign,
            latitude_rad,
            longitude_rad,
            self.altitude_pressure_m if high else NAN,
            self.altitude_ellipsoid_m if high else NAN,
            self.v_east_mps if fast else NAN,
            self.v_north_mps if fast else NAN,
            self.v_up_mps if fast else NAN,
            self.position_sigma_m,
            self.velocity_sigma_mps if fast else NAN,
            self.selected_altitude_m if at_ns - self.selected_at_ns <= FRESH_NS else NAN,
            self.squawk,
            self.category,
            self.on_ground,
        )


class Hearing:
    """All addresses one receiver hears, the newest last; bounded."""

    def __init__(self) -> None:
        self._heard: dict[bytes, Heard] = {}

    def __len__(self) -> int:
        return len(self._heard)

    def get(self, identity: bytes) -> Heard | None:
        """Return what is known of *identity*, if anything."""
        return self._heard.get(identity)

    def of(self, identity: bytes, at_ns: int) -> Heard:
        """Return what is known of *identity*, a blank when it was silent for `FORGET_NS`."""
        heard = self._heard.pop(identity, None)
        if heard is None or at_ns - heard.heard_at_ns > FORGET_NS:
            heard = Heard(identity)
            if len(self._heard) >= MOST_ADDRESSES:
                del self._heard[next(iter(self._heard))]
        heard.heard_at_ns = at_ns
        self._heard[identity] = heard
        return heard


def plots_of_rows(rows: Iterable[Row]) -> Plots:
    """Return *rows* as plots, in their order."""
    return np.array(list(rows), PLOT)
