"""Builders: recorded and staged encounters of the reference data as plots, and surveillance run over them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from detente.alerts.alert import AlertEvent
from detente.alerts.life import AlertBook
from detente.cli.replay import Replayed, run
from detente.detect.detector import Detector
from detente.detect.profile import Profile
from detente.detect.zone import Zone
from detente.feeds.plot import Plots
from detente.feeds.table import plots_of_columns
from detente.picture.tracker import Tracker
from detente.surveillance import Surveillance
from detente.types import NS_PER_S
from detente.units import M_PER_FT

DAY_S = 1_744_070_400  # 2025-04-08, any midnight will do


def plots_of_rows(rows: Sequence[tuple[float, str, float, float, float]], *, altitude: str = "altitude") -> Plots:
    """Return plots of (unix s, identity, latitude deg, longitude deg, altitude m); velocities are left to the tracker."""
    times, names, latitudes, longitudes, altitudes = zip(*rows, strict=True)
    columns = {
        "timestamp": (np.array(times) * 1e9).astype(np.int64),
        "icao24": np.array(names),
        "latitude": np.array(latitudes),
        "longitude": np.array(longitudes),
        altitude: np.array(altitudes) / M_PER_FT,
    }
    return plots_of_columns(columns)[0]


def dca(shared: Path) -> Plots:
    """Washington, 29 January 2025, the two aircraft, from 01:39Z; points that were set and not received left out."""
    with (shared / "data/incidents/dca_20250129_pat25_jia5342/tracks.csv").open() as file:
        rows = [
            (float(row["t_unix"]), row["callsign"], float(row["lat"]), float(row["lon"]), float(row["alt_m"]))
            for row in csv.DictReader(file)
            if row["callsign"] in {"PAT25", "JIA5342"} and not row["flag"] and float(row["t_unix"]) > 1_738_201_190
        ]
    return plots_of_rows(rows)


def ocap(shared: Path, day: str, names: Sequence[str]) -> Plots:
    """One day of staged encounters, 1 Hz, GNSS altitude; time is the second of the day."""
    rows: list[tuple[float, str, float, float, float]] = []
    for name in names:
        lines = (shared / f"data/incidents/ocap_staged_encounters/{day}/{name.lower()}.flp").resolve()
        if not lines.exists():
            lines = lines.with_name(f"{name}.flp")
        text = lines.read_text().splitlines()
        origin = next(float(line.split(":")[1]) for line in text if line.startswith("#OriginSec"))
        points = [line.split(";") for line in text if line and not line.startswith("#")]
        rows += [(DAY_S + origin + n, name, float(p[1]), float(p[0]), float(p[2])) for n, p in enumerate(points)]
    return plots_of_rows(rows, altitude="geoaltitude")


DAIDALUS = ("H0_0_120", "H1", "C0_0_120", "C1_0_120", "C1_0_120_W")
"""Scenarios that NASA ships with DAIDALUS; the last is C1 in wind."""


def daidalus(shared: Path, name: str) -> Plots:
    """Return one scenario as plots of two aircraft, once a second."""
    text = (shared / f"data/incidents/nasa_daidalus_reference_scenarios/{name}.daa").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    header = lines[0].replace(",", " ").lower().split()
    rows = [dict(zip(header, line.replace(",", " ").split(), strict=False)) for line in lines[2:]]
    number = {key: np.array([float(row[key]) for row in rows]) for key in header if key not in {"name", "alerter"}}
    if "vx" in number:
        speed, track = np.hypot(number["vx"], number["vy"]), np.degrees(np.arctan2(number["vx"], number["vy"]))
        climb = number["vz"]
    else:
        speed, track, climb = number["gs"], number["trk"], number["vs"]
    columns = {
        "timestamp": ((DAY_S + number["time"]) * 1e9).astype(np.int64),
        "icao24": np.array([{"ownship": "aaaaaa", "intruder": "bbbbbb"}[row["name"].lower()] for row in rows]),
        "latitude": number["lat"],
        "longitude": number["lon"],
        "altitude": number["alt"],
        "groundspeed": speed,
        "track": track,
        "vertical_rate": climb,
    }
    return plots_of_columns(columns)[0]


def closest_s(plots: Plots) -> float:
    """Return when two aircraft of *plots*, heard at the same seconds, were closest in the horizontal, s."""
    a, b = (plots[plots["identity"] == name] for name in np.unique(plots["identity"]))
    at, one, other = np.intersect1d(a["applicable_at_ns"], b["applicable_at_ns"], return_indices=True)
    north = a["latitude_rad"][one] - b["latitude_rad"][other]
    east = (a["longitude_rad"][one] - b["longitude_rad"][other]) * np.cos(a["latitude_rad"][one])
    return float(at[int(np.argmin(np.hypot(north, east)))]) / NS_PER_S


def watched(plots: Sequence[Plots], profile: Profile, zones: Sequence[Zone] = ()) -> tuple[list[AlertEvent], Replayed]:
    """Run surveillance over *plots* as a replay does; returns the alert events and what was counted."""
    replayed = Replayed()
    surveillance = Surveillance(Tracker(), Detector(profile, zones), AlertBook(profile))
    return list(run(list(plots), surveillance, replayed)), replayed
