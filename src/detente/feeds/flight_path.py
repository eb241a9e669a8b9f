"""Flight path files of project OCAP (`.flp`) become plots: `lon;lat;alt_m`, one line every `ResSec` from `OriginSec`.

The height is of a satellite receiver, its datum not stated: it goes to the ellipsoid's column. Seen on the ground it is
the field's elevation above the sea, so it is off by the geoid; differences of two such heights are not.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from detente.errors import FeedFault
from detente.feeds.plot import Plots, Reject, empty_plots
from detente.feeds.table import identity_of
from detente.types import NS_PER_S, Instant
from detente.units import RAD_PER_DEG


def plots_of_flight_path(text: str, midnight: Instant) -> tuple[Plots, Counter[Reject]]:
    """Return the plots of one file, which tells the second of the day only; raises FeedFault when not even that."""
    head: dict[str, str] = {}
    points: list[tuple[float, float, float]] = []
    rejected: Counter[Reject] = Counter()
    steps: list[int] = []
    step = 0
    for line in text.splitlines():
        if line.startswith("#"):
            name, _, value = line[1:].partition(":")
            head[name.strip()] = value.strip()
        elif line.strip():
            try:
                longitude, latitude, altitude = (float(field) for field in line.split(";"))
            except ValueError:
                rejected[Reject.MALFORMED] += 1
            else:
                points.append((longitude, latitude, altitude))
                steps.append(step)
            step += 1
    try:
        origin_s, interval_s = float(head["OriginSec"]), float(head.get("ResSec", "1"))
    except (KeyError, ValueError):
        raise FeedFault("is no flight path: it has no OriginSec") from None
    plots = empty_plots(len(points))
    if points:
        longitude_deg, latitude_deg, altitude_m = np.array(points).T
        seconds = origin_s + interval_s * np.array(steps)
        plots["applicable_at_ns"] = midnight + np.round(seconds * 1e6).astype(np.int64) * (NS_PER_S // 1_000_000)
        plots["identity"] = identity_of("~" + (head.get("Title") or "flp"))
        plots["callsign"] = plots["identity"].astype("S9").astype("U9")[0][1:].upper().encode()[:8]
        plots["latitude_rad"] = latitude_deg * RAD_PER_DEG
        plots["longitude_rad"] = longitude_deg * RAD_PER_DEG
        plots["altitude_ellipsoid_m"] = altitude_m
    return plots, rejected
