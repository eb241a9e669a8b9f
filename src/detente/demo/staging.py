"""What each sensor of a scenario sees, moved in time to the demo's clock and nowhere in space."""

from __future__ import annotations

import zlib
from typing import Final

import numpy as np
import numpy.typing as npt

from detente.demo.reconstruction import account, reconstruction
from detente.demo.scenario import Play, Sensor, Share, Traffic
from detente.feeds.plot import Plots
from detente.types import NS_PER_S, Instant, duration_ns
from detente.units import RAD_PER_DEG

_NOTHING: Final = Share(of=1, parts=[])


def shifted(plots: Plots, by_ns: int) -> Plots:
    """Return *plots* as if each had been applicable *by_ns* nanoseconds later."""
    moved = plots.copy()
    moved["applicable_at_ns"] += by_ns
    return moved


def turn_of(traffic: Traffic, plots: Plots, start: Instant, turn: int = 0) -> Plots:
    """Return one turn of a recording on the demo's clock.

    *plots*: the whole recording, in its own time. What applied at `traffic.from` applies at *start* in turn 0, and each
    further turn begins `pause_s` after the end of the one before.
    """
    inside = (plots["applicable_at_ns"] >= traffic.begins) & (plots["applicable_at_ns"] <= traffic.ends)
    length_ns = traffic.ends - traffic.begins + duration_ns(traffic.pause_s)
    return shifted(plots[inside], start - traffic.begins + turn * length_ns)


def seen_by(sensor: Sensor, plots: Plots) -> Plots:
    """Return those of *plots* that are in the sensor's area."""
    if sensor.area is None:
        return plots
    latitude_deg, longitude_deg = plots["latitude_rad"] / RAD_PER_DEG, plots["longitude_rad"] / RAD_PER_DEG
    inside = (latitude_deg >= sensor.area.south_deg) & (latitude_deg <= sensor.area.north_deg)
    inside &= (longitude_deg >= sensor.area.west_deg) & (longitude_deg <= sensor.area.east_deg)
    return plots[inside]


def declared_by(sensor: Sensor, plots: Plots) -> list[str]:
    """Return the identities of *plots* that the sensor's party declares, in order: for `declared.identities`."""
    identities = np.unique(plots["identity"])
    return [bytes(one).decode() for one in identities[_in_share(sensor.declares or _NOTHING, identities)]]


def staged(play: Play, at: Instant) -> tuple[Plots, Instant]:
    """Return the plots of one playing that begins at *at*, and the instant of its crossing or closest point then."""
    said = account(play.version, play.speed_mps)
    plots = reconstruction(play.version, play.speed_mps, play.run)
    event_then = min(said.crossings_at.values()) if said.crossings_at else said.closest_at
    assert event_then is not None
    event_at = Instant(at - duration_ns(play.from_s))
    chosen = np.isin(plots["callsign"], [f"RECON{number}".encode() for number in play.aircraft])
    chosen &= plots["applicable_at_ns"] >= event_then + round(play.from_s * NS_PER_S)
    return shifted(plots[chosen], event_at - event_then), event_at


def _in_share(share: Share, identities: npt.NDArray[np.bytes_]) -> npt.NDArray[np.bool_]:
    return np.array([zlib.crc32(bytes(one)) % share.of in share.parts for one in identities], dtype=bool)
