"""How often ordinary traffic is told of, and why: writes docs/nuisance.md from the recordings.

`python benchmarks/nuisance.py RECORDINGS_FOLDER [--write docs/nuisance.md]`. In each recording nothing went wrong, so
every alert of a controlled profile is one too many. A cause is read off the recording, not guessed: what each of the
two did with its height, how close they came, and how they were told.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pyproj import Geod

from detente.alerts.alert import AlertEvent, Happening, Level
from detente.alerts.life import AlertBook
from detente.cli.replay import Replayed, condition, flight_hours, run
from detente.detect.detector import Detector
from detente.detect.profile import PROFILES, Profile
from detente.feeds.plot import Plots
from detente.node.recordings import open_recording
from detente.picture.tracker import Tracker
from detente.surveillance import Surveillance
from detente.types import NS_PER_S, iso_utc
from detente.units import M_PER_FT, M_PER_NM

RECORDINGS = {
    "Swiss upper airspace, 13 h": ("switzerland_20180801_0500-1800Z.parquet", ("en-route",)),
    "Paris TMA, 2 h": ("paris_tma_20211007_1200-1400Z.parquet", ("terminal", "light-aircraft")),
    "Monterey, 28 h": ("readsb/monterey_36N122W_20250601.jsonl.gz", ("terminal", "light-aircraft", "low-level")),
    "Watsonville, 1 day": ("readsb/kwvi_watsonville_20251213.jsonl.gz", ("light-aircraft", "low-level")),
    "Black Rock, 1 h": ("readsb/brc_20230829_1000-1100Z.jsonl.gz", ("light-aircraft", "low-level")),
    "Black Rock, 20 min": ("readsb/brc_20230830_0810-0830Z.jsonl.gz", ("light-aircraft", "low-level")),
}
WGS84 = Geod(ellps="WGS84")


@dataclass(frozen=True)
class Told:
    """One alert from its raising to its end, and what the two in fact did."""

    recording: str
    profile: str
    at: str
    a: str
    b: str
    level: Level
    condition: str
    nearest_nm: float
    nearest_ft: float
    cause: str


def told(recording: str, plots: Plots, profile: Profile) -> Iterator[Told]:
    """Replay *plots* under *profile* and yield its conflict alerts with their causes."""
    replayed = Replayed()
    surveillance = Surveillance(Tracker(), Detector(profile), AlertBook(profile))
    lives: dict[int, list[AlertEvent]] = {}
    for event in run([plots], surveillance, replayed):
        lives.setdefault(event.alert.alert_id, []).append(event)
    for events in lives.values():
        raised, last = events[0].alert, events[-1].alert
        assert events[0].happening is Happening.RAISED
        names = replayed.names[raised.a], replayed.names[raised.b]
        start, stop = raised.raised_at - 30 * NS_PER_S, last.updated_at + 90 * NS_PER_S
        distance_nm, height_ft, levelled = _nearest(plots, *names, start, stop)
        yield Told(
            recording=recording,
            profile=profile.name,
            at=iso_utc(raised.raised_at, 0),
            a=names[0],
            b=names[1],
            level=replayed.levels[raised.alert_id][1],
            condition=condition(raised, replayed.names) if raised.levels else "",
            nearest_nm=distance_nm,
            nearest_ft=height_ft,
            cause=_cause(distance_nm, height_ft, levelled, profile, last.cleared_because),
        )


def _nearest(plots: Plots, a: str, b: str, start: int, stop: int) -> tuple[float, float, bool]:
    """Return distance, NM, and height apart, ft, where the two were nearest, and whether one levelled off."""
    series = []
    for name in (a, b):
        own = plots[(plots["identity"] == name.encode()) & np.isfinite(plots["altitude_pressure_m"])]
        own = own[(own["applicable_at_ns"] >= start) & (own["applicable_at_ns"] <= stop)]
        series.append(own)
    if any(len(own) < 2 for own in series):
        return math.nan, math.nan, False
    seconds = np.arange(start, stop, NS_PER_S)
    low = max(own["applicable_at_ns"][0] for own in series)
    high = min(own["applicable_at_ns"][-1] for own in series)
    seconds = seconds[(seconds >= low) & (seconds <= high)]
    if not len(seconds):
        return math.nan, math.nan, False
    columns = ("latitude_rad", "longitude_rad", "altitude_pressure_m")
    at = [[np.interp(seconds, own["applicable_at_ns"], own[name]) for name in columns] for own in series]
    apart_m = WGS84.inv(*(np.degrees(at[n][q]) for n in (0, 1) for q in (1, 0)))[2]
    height_ft = np.abs(at[0][2] - at[1][2]) / M_PER_FT
    nearest = int(np.argmin(np.maximum(apart_m / (5 * M_PER_NM), height_ft / 1000.0)))
    levelled = any(
        np.abs(np.diff(path[2])).max(initial=0.0) > 3.0 * M_PER_FT and np.ptp(path[2][-20:]) < 100.0 * M_PER_FT
        for path in at
    )
    return float(apart_m[nearest]) / M_PER_NM, float(height_ft[nearest]), levelled


def _cause(distance_nm: float, height_ft: float, levelled: bool, profile: Profile, cleared_because: str) -> str:
    if math.isnan(distance_nm):
        return "heard too little of"
    if distance_nm < 0.05 and height_ft < 150.0:
        return "side by side: formation, tow or two devices in one aircraft"
    if distance_nm * M_PER_NM < profile.minima.horizontal_m and height_ft < profile.minima.vertical_ft:
        return "came below the minima in fact"
    if levelled and profile.level:
        return "levelled off as expected"
    return "passed outside the minima" if cleared_because == "diverged" else f"ended otherwise: {cleared_because}"


def table(folder: Path) -> str:
    """Return docs/nuisance.md."""
    rows, causes, listed = [], [], []
    for recording, (file, profiles) in RECORDINGS.items():
        plots = open_recording(folder / file).plots
        hours = flight_hours(plots)
        for name in profiles:
            found = list(told(recording, plots, PROFILES[name]))
            warned = [t for t in found if t.level is not Level.CAUTION]
            rate = len(warned) / hours * 100
            rows.append(f"| {recording} | {name} | {hours:.1f} | {len(found)} | {len(warned)} | {rate:.1f} |")
            counted = Counter((t.cause, "caution" if t.level is Level.CAUTION else "warning or alarm") for t in found)
            causes += [
                f"| {recording} | {name} | {level} | {cause} | {n} |" for (cause, level), n in counted.most_common()
            ]
            if name in {"en-route", "terminal"}:
                listed += [
                    f"| {t.at} | {name} | {t.a} {t.b} | {t.level} | {t.condition} "
                    f"| {t.nearest_nm:.1f} NM {t.nearest_ft:.0f} ft | {t.cause} |"
                    for t in found
                ]
            print(rows[-1], file=sys.stderr)
    return "\n".join([
        "# Nuisance alerts on ordinary traffic",
        "",
        "Written by `python benchmarks/nuisance.py FOLDER --write docs/nuisance.md`; not edited by hand. Nothing went",
        "wrong in these recordings; light aircraft do fly close to each other in the pattern, and are then told so.",
        '*Warned* is at warning or alarm; the others are cautions on condition ("if it does not level at FL350").',
        "",
        "| recording | profile | flight hours | alerts | warned | warned per 100 flight hours |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
        *rows,
        "",
        "## Causes",
        "",
        "| recording | profile | highest level | what they did | alerts |",
        "| --- | --- | --- | --- | ---: |",
        *causes,
        "",
        "## Each alert of the controlled profiles",
        "",
        "| raised | profile | pair | level | condition | nearest in fact | cause |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *listed,
        "",
    ])  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", type=Path)
    asked = parser.parse_args()
    text = table(asked.folder)
    if asked.write:
        asked.write.parent.mkdir(parents=True, exist_ok=True)
        asked.write.write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
