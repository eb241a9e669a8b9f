"""Builders: tracks and plots of aircraft that do what a test says."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from pyproj import Geod

from detente.detect.motion import Floats, motions
from detente.feeds.plot import Plots, empty_plots
from detente.picture.picture import NOBODY, TRACK, Reason, Tracks
from detente.types import NS_PER_S
from detente.units import M_PER_FT, MPS_PER_FPM, MPS_PER_KT

WGS84 = Geod(ellps="WGS84")


@dataclass(frozen=True)
class Flight:
    """One aircraft at one instant, in the field's units."""

    identity: str
    lat_deg: float
    lon_deg: float
    alt_ft: float = 35_000.0
    trk_deg: float = 0.0
    gs_kt: float = 450.0
    vs_fpm: float = 0.0

    def after(self, seconds: float) -> Flight:
        """The same aircraft later, on its geodesic."""
        lon, lat, back = WGS84.fwd(self.lon_deg, self.lat_deg, self.trk_deg, self.gs_kt * MPS_PER_KT * seconds)
        return Flight(
            self.identity, lat, lon, self.alt_ft + self.vs_fpm * seconds / 60.0, back + 180.0, self.gs_kt, self.vs_fpm
        )

    def moved(self, bearing_deg: float, distance_m: float) -> tuple[float, float]:
        """Latitude and longitude of a point so far away."""
        lon, lat, _ = WGS84.fwd(self.lon_deg, self.lat_deg, bearing_deg, distance_m)
        return lat, lon


def motions_of(*flights: Flight, age_s: float = 0.0) -> Floats:
    """The flights' motions, the states *age_s* old."""
    track = np.radians([f.trk_deg for f in flights])
    speed = np.array([f.gs_kt for f in flights]) * MPS_PER_KT
    n = len(flights)
    return motions(
        np.radians([f.lat_deg for f in flights]),
        np.radians([f.lon_deg for f in flights]),
        np.array([float(f.alt_ft) for f in flights]),
        np.full(n, np.nan),
        speed * np.sin(track),
        speed * np.cos(track),
        np.array([f.vs_fpm / 60.0 for f in flights]),
        np.full(n, age_s),
    )


def tracks_of(*flights: Flight, at: int = 0) -> Tracks:
    """Tracks, numbered from 1, each applicable at *at*."""
    tracks = np.zeros(len(flights), TRACK)
    for name in TRACK.names or ():
        if TRACK[name].kind == "f":
            tracks[name] = np.nan
    tracks["declared_by"] = NOBODY
    tracks["not_assessed"] = Reason.NONE
    tracks["applicable_at_ns"] = at
    for row, (track, flight) in enumerate(zip(tracks, flights, strict=True)):
        speed = flight.gs_kt * MPS_PER_KT
        track["number"] = row + 1
        track["identity"] = flight.identity.encode()
        track["latitude_rad"] = math.radians(flight.lat_deg)
        track["longitude_rad"] = math.radians(flight.lon_deg)
        track["altitude_pressure_m"] = flight.alt_ft * M_PER_FT
        track["v_east_mps"] = speed * math.sin(math.radians(flight.trk_deg))
        track["v_north_mps"] = speed * math.cos(math.radians(flight.trk_deg))
        track["v_up_mps"] = flight.vs_fpm * MPS_PER_FPM
    return tracks


def plots_of(*flights: Flight, seconds: float, every_s: float = 1.0, start: int = 0) -> Plots:
    """Plots of straight flights, in order of time."""
    steps = np.arange(0.0, seconds, every_s)
    parts = []
    for flight in flights:
        at = [flight.after(float(step)) for step in steps]
        plots = empty_plots(len(steps))
        plots["applicable_at_ns"] = start + (steps * NS_PER_S).astype(np.int64)
        plots["identity"] = flight.identity.encode()
        plots["latitude_rad"] = np.radians([f.lat_deg for f in at])
        plots["longitude_rad"] = np.radians([f.lon_deg for f in at])
        plots["altitude_pressure_m"] = np.array([f.alt_ft for f in at]) * M_PER_FT
        track = np.radians([f.trk_deg for f in at])
        plots["v_east_mps"] = flight.gs_kt * MPS_PER_KT * np.sin(track)
        plots["v_north_mps"] = flight.gs_kt * MPS_PER_KT * np.cos(track)
        plots["v_up_mps"] = flight.vs_fpm * MPS_PER_FPM
        parts.append(plots)
    merged = np.concatenate(parts)
    return merged[np.argsort(merged["applicable_at_ns"], kind="stable")]


def head_on(distance_nm: float, *, offset_nm: float = 0.0, apart_ft: float = 0.0) -> tuple[Flight, Flight]:
    """Two airliners that meet at 47 N 8 E, so far apart now."""
    centre = Flight("centre", 47.0, 8.0)
    half_m = distance_nm * 1852.0 / 2.0
    a = Flight("aaaaaa", *centre.moved(270.0, half_m), trk_deg=90.0)
    lat, lon = centre.moved(90.0, half_m)
    b = Flight("bbbbbb", lat + offset_nm / 60.0, lon, 35_000.0 + apart_ft, 270.0)
    return a, b
