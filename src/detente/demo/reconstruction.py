"""The event of 24 November 2015 as tracks, in each published version. Every track made here is a RECONSTRUCTION.

No machine-readable track of the event exists; both governments published pictures only. What is built here follows
the facts in `data/su24/facts.json`, one version at a time, and `Account.values` names each figure with who claims it
and who contests it. What no source gives is marked *assumed*. No version is preferred.

The tracks are straight, at one speed, because the sources give no more. They end 3 s after the far side of the salient
(TR) or 10 s after the closest point (RU). No engagement is modelled in any way: no weapon, no hit, no fall. The F-16s
are left out: the facts give a patrol altitude and a timeline but neither a position nor a course, so any track of
theirs would be invented.
"""

from __future__ import annotations

import gzip
import sys
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec
import numpy as np
from pyproj import Geod
from shapely.geometry import LineString, Polygon, shape

from detente.errors import OwnFault
from detente.feeds.plot import Plots, empty_plots
from detente.types import NS_PER_S, Instant, instant_of_iso, iso_utc
from detente.units import M_PER_FT, M_PER_NM, MPS_PER_KT, RAD_PER_DEG


class Version(StrEnum):
    """Which published version the tracks follow."""

    TR = "TR"  # Türkiye's letter to the UN Security Council
    RU = "RU"  # Russia, Col. Gen. Bondarev, 27 November 2015: never nearer than 5.5 km
    RU_1KM = "RU_1KM"  # Russia, the President and the Ministry of Defence, 24 November 2015: about 1 km


SLOWEST_MPS: Final = 125.0
"""1.15 NM in 17 s, the letter's own figures read in nautical miles."""
FASTEST_MPS: Final = 272.0
"""980 km/h, KU Leuven's reading of the videos."""
BEFORE_S: Final = 420
"""How long each track is before the crossing or the closest point."""

_WGS84: Final = Geod(ellps="WGS84")
_WEST_DEG: Final = 270.0
_SALIENT_DEG: Final = (36.10, 36.25)  # longitudes that hold the salient's tip and nothing else of the line
# Between each pair of latitudes the salient widens steadily through the published length: 1.36 and 1.15 miles.
_WHERE_DEG: Final = {1: (35.8248, 35.8252), 2: (35.8130, 35.8150)}
_LENGTH_MI: Final = {1: "depth_mi", 2: "length_mi"}
_RU_SPACING_M: Final = 1000.0
_TR_AFTER_EXIT_S: Final = 3
_RU_AFTER_CLOSEST_S: Final = 10
_SIDE: Final = {Version.TR: "Türkiye", Version.RU: "Russia (Bondarev)", Version.RU_1KM: "Russia (Putin, MoD)"}


@dataclass(frozen=True, slots=True)
class Value:
    """One figure the tracks rest on. `fact` is its id in facts.json, or "assumed" where no source gives it."""

    name: str
    value: float | str
    unit: str
    fact: str
    claimed_by: str
    contested_by: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """What a version says, as built. Instants are those of 2015; `crossings_at` is empty where nothing crosses."""

    version: Version
    label: str  # to be shown wherever the tracks are shown
    speed_mps: float
    crossings_at: dict[int, Instant]  # aircraft → its first crossing of the line
    dwell_s: dict[int, float]  # aircraft → time on the far side of the line
    closest_at: Instant | None  # where nothing crosses
    least_distance_m: float  # of aircraft 2 from the line; 0 where it crosses
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class _Path:
    """A geodesic that is at `latitude_deg`, `longitude_deg` on course `course_deg` at `at`."""

    at: Instant
    latitude_deg: float
    longitude_deg: float
    course_deg: float
    inside_m: float  # length on the far side of the line from that point on; 0 when it does not cross
    altitude_m: float


def reconstruction(version: str, speed_mps: float, run: int = 1) -> Plots:
    """Return both aircraft's plots, 1 Hz, in order of time, at the instants of 2015.

    version: "TR", "RU" (5.5 km) or "RU_1KM". speed_mps: over ground, 125 to 272, the published range.
    run: one digit that makes the identities of a second playing differ ("~tr2-recon-1"), so that a track that ended at
    the line is not taken to jump back to its start. Altitudes are given as pressure altitude: no source says which.
    Raises OwnFault for another version or a speed outside the range.
    """
    chosen = _checked(version, speed_mps)
    parts = []
    for number, path in _paths(chosen).items():
        after_s = _TR_AFTER_EXIT_S + path.inside_m / speed_mps if path.inside_m else _RU_AFTER_CLOSEST_S
        plots = _along(path, speed_mps, after_s)
        plots["identity"] = f"~{chosen.lower().replace('_', '')}{run}-recon-{number}".encode()
        plots["callsign"] = f"RECON{number}".encode()
        parts.append(plots)
    together = np.concatenate(parts)
    return together[np.argsort(together["applicable_at_ns"], kind="stable")]


def account(version: str, speed_mps: float) -> Account:
    """Return what *version* says at *speed_mps*, each value with who claims it. Raises as `reconstruction`."""
    chosen = _checked(version, speed_mps)
    paths = _paths(chosen)
    crosses = {number: path for number, path in paths.items() if path.inside_m}
    claims = {Version.TR: "violation of 17 s", Version.RU: "no violation, 5.5 km", Version.RU_1KM: "no violation, 1 km"}
    return Account(
        version=chosen,
        label=f"RECONSTRUCTION of 24 November 2015, version of {_SIDE[chosen]}: {claims[chosen]}; no such track exists",
        speed_mps=speed_mps,
        crossings_at={number: path.at for number, path in crosses.items()},
        dwell_s={number: path.inside_m / speed_mps for number, path in crosses.items()},
        closest_at=None if crosses else paths[2].at,
        least_distance_m=0.0 if crosses else _distance_m(chosen),
        values=_values(chosen, speed_mps),
    )


def recording_csv(version: str, speed_mps: float) -> str:
    """Return both aircraft as a CSV recording with the columns of `detente replay`, and one that says what it is.

    Raises as `reconstruction`. ``python -m detente.demo.reconstruction TR 125 > tr.csv`` writes it.
    """
    label = account(version, speed_mps).label
    rows = ["timestamp,icao24,callsign,latitude,longitude,altitude,groundspeed,track,vertical_rate,label"]
    for plot in reconstruction(version, speed_mps):
        course_deg = np.degrees(np.arctan2(plot["v_east_mps"], plot["v_north_mps"])) % 360.0
        where = f"{plot['latitude_rad'] / RAD_PER_DEG:.8f},{plot['longitude_rad'] / RAD_PER_DEG:.8f}"
        how = f"{plot['altitude_pressure_m'] / M_PER_FT:.1f},{speed_mps / MPS_PER_KT:.4f},{course_deg:.5f},0"
        name = f"{plot['identity'].decode()},{plot['callsign'].decode()}"
        rows.append(f'{iso_utc(plot["applicable_at_ns"].item())},{name},{where},{how},"{label}"')
    return "\n".join(rows) + "\n"


def _checked(version: str, speed_mps: float) -> Version:
    try:
        chosen = Version(version)
    except ValueError:
        raise OwnFault(f"no version {version!r} of the reconstruction; there are {', '.join(Version)}") from None
    if not SLOWEST_MPS <= speed_mps <= FASTEST_MPS:
        raise OwnFault(
            f"speed_mps must be {SLOWEST_MPS:.0f} to {FASTEST_MPS:.0f}, the published range, not {speed_mps}"
        )
    return chosen


def _paths(version: Version) -> dict[int, _Path]:
    if version is Version.TR:
        begins = instant_of_iso(_fact("t_violation")["value"]["start_utc"])
        altitude_m = _fact("altitude_tr")["value"] * M_PER_FT
        return {number: _crossing(number, begins, altitude_m) for number in (1, 2)}
    closest = instant_of_iso(_fact("t_hit_ru")["value"])
    nearest_m = _distance_m(version)
    return {number: _passing(nearest_m + (2 - number) * _RU_SPACING_M, closest) for number in (1, 2)}


def _distance_m(version: Version) -> float:
    if version is Version.RU:
        return float(_fact("where_hit_ru_bondarev")["value"] * 1000.0)
    return float(_fact("where_hit_ru_putin")["value"]["hit_km_inside_SYR"] * 1000.0)


@cache
def _crossing(number: int, begins: Instant, altitude_m: float) -> _Path:
    """Return the westward chord of the salient that is as long as the letter says, entered at *begins*."""
    wanted_m = _fact("depth_tr")["value"][_LENGTH_MI[number]] * M_PER_NM
    south, north = _WHERE_DEG[number]
    for _ in range(50):
        middle = (south + north) / 2
        if _chord(middle)[2] < wanted_m:
            south = middle
        else:
            north = middle
    entry, leave, length_m = _chord(north)
    course_deg = _WGS84.inv(*entry, *leave)[0] % 360.0
    return _Path(begins, entry[1], entry[0], course_deg, length_m, altitude_m)


def _chord(latitude_deg: float) -> tuple[tuple[float, float], tuple[float, float], float]:
    """Return where the parallel at *latitude_deg* enters and leaves the salient, east first, and the metres between."""
    west, east = _SALIENT_DEG
    inside = LineString([(east, latitude_deg), (west, latitude_deg)]).intersection(northern_area())
    entry, leave = max(inside.coords), min(inside.coords)
    return entry, leave, _WGS84.inv(*entry, *leave)[2]


def _passing(distance_m: float, at: Instant) -> _Path:
    """Return the westward geodesic whose least distance from the line's southernmost point is *distance_m*.

    It is due south of that point, and square to the meridian there, so no other point of the line is nearer.
    """
    longitude, latitude = min(northern_area().exterior.coords, key=lambda point: point[1])
    longitude, latitude, _ = _WGS84.fwd(longitude, latitude, 180.0, distance_m)
    return _Path(at, latitude, longitude, _WEST_DEG, 0.0, float(_fact("altitude_ru")["value"]))


def _along(path: _Path, speed_mps: float, after_s: float) -> Plots:
    """Return one aircraft's plots, one a second, from `BEFORE_S` before to at least *after_s* after `path.at`."""
    seconds = np.arange(-BEFORE_S, np.ceil(after_s) + 1, dtype=np.float64)
    n = len(seconds)
    longitude, latitude, back = _WGS84.fwd(
        np.full(n, path.longitude_deg), np.full(n, path.latitude_deg), np.full(n, path.course_deg), seconds * speed_mps
    )
    flown = (back + 180.0) * RAD_PER_DEG
    plots = empty_plots(n)
    plots["applicable_at_ns"] = path.at + seconds.astype(np.int64) * NS_PER_S
    plots["latitude_rad"] = latitude * RAD_PER_DEG
    plots["longitude_rad"] = longitude * RAD_PER_DEG
    plots["altitude_pressure_m"] = path.altitude_m
    plots["v_east_mps"] = speed_mps * np.sin(flown)
    plots["v_north_mps"] = speed_mps * np.cos(flown)
    plots["v_up_mps"] = 0.0
    plots["on_ground"] = 0
    return plots


@cache
def northern_area() -> Polygon:
    """Return the area north of the line, longitude and latitude in degrees: the outer ring of the 10 m source.

    The source is land only, so its holes are lakes; the airspace over them is not outside.
    """
    packed = files("detente.demo").joinpath("data/odbl/hatay_latakia_land_10m.geojson.gz").read_bytes()
    features = msgspec.json.decode(gzip.decompress(packed))["features"]
    land = next(shape(feature["geometry"]) for feature in features if feature["properties"]["a3"] == "TUR")
    return Polygon(max(land.geoms, key=lambda part: part.area).exterior)


@cache
def _facts() -> dict[str, dict[str, Any]]:
    document = msgspec.json.decode(files("detente.demo").joinpath("data/su24/facts.json").read_bytes())
    return {fact["id"]: fact for fact in document["facts"]}


def _fact(name: str) -> dict[str, Any]:
    return _facts()[name]


def _values(version: Version, speed_mps: float) -> tuple[Value, ...]:
    speed = Value(
        "ground speed",
        speed_mps,
        "m/s",
        "kuleuven_speed" if speed_mps == FASTEST_MPS else "assumed",
        "KU Leuven" if speed_mps == FASTEST_MPS else "-",
        ("both governments",) if speed_mps == FASTEST_MPS else (),
        f"published figures give {SLOWEST_MPS:.0f} to {FASTEST_MPS:.0f} m/s: the least certain of all",
    )
    shape_of_it = Value("course", "straight, east to west", "", "assumed", "-", (), "no source gives a course")
    if version is Version.TR:
        depth = _fact("depth_tr")["value"]
        nautical = (
            "read as the way of aircraft {} across the salient, in nautical miles; the text allows other readings"
        )
        return (
            _claimed("first crossing", "t_violation", _fact("t_violation")["value"]["start_utc"], "UTC"),
            _claimed("way inside, aircraft 1", "depth_tr", depth["depth_mi"], "NM", nautical.format(1)),
            _claimed("way inside, aircraft 2", "depth_tr", depth["length_mi"], "NM", nautical.format(2)),
            _claimed(
                "altitude", "altitude_tr", float(_fact("altitude_tr")["value"]), "ft", "taken as pressure altitude"
            ),
            shape_of_it,
            speed,
        )
    where = "where_hit_ru_bondarev" if version is Version.RU else "where_hit_ru_putin"
    return (
        _claimed("closest point", "t_hit_ru", _fact("t_hit_ru")["value"], "UTC", "the sources give the minute"),
        _claimed("least distance, aircraft 2", where, _distance_m(version), "m"),
        Value("least distance, aircraft 1", _distance_m(version) + _RU_SPACING_M, "m", "assumed", "-", ()),
        _claimed("altitude", "altitude_ru", float(_fact("altitude_ru")["value"]), "m", "taken as pressure altitude"),
        shape_of_it,
        speed,
    )


def _claimed(name: str, fact: str, value: float | str, unit: str, note: str = "") -> Value:
    source = _fact(fact)
    return Value(name, value, unit, fact, source["claimed_by"], tuple(source["contested_by"]), note)


if __name__ == "__main__":
    try:
        sys.stdout.write(recording_csv(sys.argv[1], float(sys.argv[2])))
    except (OwnFault, IndexError, ValueError) as wrong:
        sys.exit(f"usage: python -m detente.demo.reconstruction TR|RU|RU_1KM SPEED_MPS: {wrong}")
