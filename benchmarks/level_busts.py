"""Level busts cut from recordings: an aircraft that levelled off beside other traffic flies on through its level.

Everything but the height of that one aircraft is as recorded: times, places, the other aircraft, gaps and rounding. Up
to `CAPTURE_FT` before its level its height is as recorded too; from there it holds the rate it had, and reports it. A
case counts when the two were outside the minima in fact, and come below them because of the bust.

`python benchmarks/level_busts.py RECORDINGS_FOLDER` prints when each is told, and at what level.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pyproj import Geod

from detente.alerts.alert import Level
from detente.alerts.life import AlertBook
from detente.cli.replay import Replayed, run
from detente.detect.detector import Detector
from detente.detect.profile import PROFILES, Minima, Profile, promoting
from detente.feeds.plot import Plots
from detente.node.recordings import open_recording
from detente.picture.tracker import Tracker
from detente.surveillance import Surveillance
from detente.types import NS_PER_S, iso_utc
from detente.units import M_PER_FT, MPS_PER_FPM

SETS = {
    "Swiss": ("switzerland_20180801_0500-1800Z.parquet", "en-route", 0.0),
    "Paris": ("paris_tma_20211007_1200-1400Z.parquet", "terminal", 3_000.0),
}
"""Recording, profile, and the height below which nobody levels off between levels."""

SEEDS = range(20_260_101, 20_260_101 + 40)
"""One case a seed and recording is drawn, without putting back; fewer when the recording holds fewer."""

NEEDED_S = 40.0
CAPTURE_FT = 300.0
CLIMB_FPM = 500.0
STEADY_S = 60.0
"""An aircraft has levelled off when it came at CLIMB_FPM or more and stayed within 100 ft for so long."""
FARTHEST_S = 120.0
"""A loss later than this after the level would have been passed is another story."""
HEARD_S = 90.0
"""Both have been heard for so long before the loss, so that a warning could come."""
GAP_S = 30.0
_FT = 25.0
_FPM = 64.0
_WGS84 = Geod(ellps="WGS84")
_PLACE = ("latitude_rad", "longitude_rad", "altitude_pressure_m")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Bust:
    """One level bust: its plots, and when the two come below the minima."""

    recording: str
    profile: str
    a: str  # busts
    b: str
    level_ft: float
    rate_fpm: float
    passed_at_ns: int  # its level
    lost_at_ns: int
    differs_at_ns: int  # of the first plot that is not as recorded: until then it is the level-off that it was cut from
    is_horizontal_last: bool  # already within the vertical minimum when the horizontal one goes
    plots: Plots


def flights(plots: Plots) -> list[Plots]:
    """Return the plots of each aircraft with a pressure altitude, cut where it was not heard for `GAP_S`."""
    plots = plots[np.isfinite(plots["altitude_pressure_m"]) & (plots["on_ground"] != 1)]
    order = np.lexsort((plots["applicable_at_ns"], plots["identity"]))
    plots = plots[order]
    ends = (plots["identity"][1:] != plots["identity"][:-1]) | (np.diff(plots["applicable_at_ns"]) > GAP_S * NS_PER_S)
    return [flight for flight in np.split(plots, np.flatnonzero(ends) + 1) if len(flight) > 10]


def level_offs(flight: Plots, lowest_ft: float) -> Iterator[tuple[float, float, int]]:
    """Yield level, ft, rate before it, ft/min, and the plot (index) from which the aircraft is to fly on."""
    at_s = (flight["applicable_at_ns"] - flight["applicable_at_ns"][0]) / NS_PER_S
    height_ft = flight["altitude_pressure_m"] / M_PER_FT
    level_ft = np.rint(height_ft / 1_000.0) * 1_000.0
    is_on = np.abs(height_ft - level_ft) <= 100.0
    last_level = math.nan
    for start in range(1, len(flight)):
        if not is_on[start] or (is_on[start - 1] and level_ft[start - 1] == level_ft[start]):
            continue
        level = level_ft[start]
        stays = (at_s >= at_s[start]) & (at_s <= at_s[start] + STEADY_S)
        if at_s[-1] < at_s[start] + STEADY_S or np.abs(height_ft[stays] - level).max() > 100.0:
            continue
        before = (at_s < at_s[start]) & (at_s >= at_s[start] - 90.0)
        off = np.abs(height_ft - level)
        steady = before & (off >= CAPTURE_FT) & (off <= CAPTURE_FT + 1_500.0)
        if level < lowest_ft or level == last_level or steady.sum() < 3 or np.ptp(at_s[steady]) < 15.0:
            continue
        rate_fpm = 60.0 * float(np.polyfit(at_s[steady], height_ft[steady], 1)[0])
        onward = int(np.flatnonzero(steady)[-1])
        if abs(rate_fpm) >= CLIMB_FPM and (level - height_ft[onward]) * rate_fpm > 0.0:
            last_level = level
            yield float(level), rate_fpm, onward


def busted(flight: Plots, rate_fpm: float, onward: int) -> Plots:
    """Return *flight* with the height of each plot after *onward* as that rate makes it, in the steps of a reply."""
    own = flight.copy()
    after_s = (own["applicable_at_ns"][onward + 1 :] - own["applicable_at_ns"][onward]) / NS_PER_S
    height_ft = own["altitude_pressure_m"][onward] / M_PER_FT + rate_fpm / 60.0 * after_s
    own["altitude_pressure_m"][onward + 1 :] = np.rint(height_ft / _FT) * _FT * M_PER_FT
    told = np.isfinite(own["v_up_mps"][onward + 1 :])
    rounded = round(rate_fpm / _FPM) * _FPM * MPS_PER_FPM
    own["v_up_mps"][onward + 1 :] = np.where(told, rounded, np.nan)
    return own


def _differs(recorded: Plots, bust: Plots) -> npt.NDArray[np.bool_]:
    names = ("altitude_pressure_m", "v_up_mps")
    differs: npt.NDArray[np.bool_] = np.any(
        [(recorded[n] != bust[n]) & ~(np.isnan(recorded[n]) & np.isnan(bust[n])) for n in names], axis=0
    )
    return differs


def undecided(busts: Iterable[Bust]) -> list[Bust]:
    """Return those that are still the recording, plot for plot, when a warning of them would have to be given.

    Whatever rule warns of them in time warns of the same level-offs in the recording, where they came out right.
    """
    return [bust for bust in busts if bust.differs_at_ns > bust.lost_at_ns - NEEDED_S * NS_PER_S]


def placed(flight: Plots, seconds: npt.NDArray[np.int64]) -> list[Floats]:
    """Return latitude, longitude, rad, and pressure altitude, m, of a flight at instants, ns."""
    return [np.interp(seconds, flight["applicable_at_ns"], flight[name]) for name in _PLACE]


def lost_at(a: Plots, b: Plots, minima: Minima, start_ns: int, stop_ns: int) -> tuple[int, bool] | None:
    """Return when two aircraft first are below the minima, and whether the horizontal one came last."""
    seconds = np.arange(start_ns, stop_ns, NS_PER_S)
    pa, pb = placed(a, seconds), placed(b, seconds)
    height_ft = np.abs(pa[2] - pb[2]) / M_PER_FT
    low = height_ft < minima.vertical_ft
    if not low.any():
        return None
    apart_m = _WGS84.inv(*(np.degrees(p[q]) for p in (pa, pb) for q in (1, 0)))[2]
    near = apart_m < minima.horizontal_m
    both = np.flatnonzero(low & near)
    if not len(both):
        return None
    first = int(both[0])
    return int(seconds[first]), bool(first > 0 and low[first - 1])


def cases(recording: str, plots: Plots, profile: Profile, lowest_ft: float) -> list[Bust]:
    """Return every level bust the recording holds, in order of aircraft and time."""
    found: list[Bust] = []
    flown = flights(plots)
    spans = np.array([(f["applicable_at_ns"][0], f["applicable_at_ns"][-1]) for f in flown])
    for own in flown:
        for level_ft, rate_fpm, onward in level_offs(own, lowest_ft):
            bust = busted(own, rate_fpm, onward)
            at_ns = int(own["applicable_at_ns"][onward])
            differs_ns = int(own["applicable_at_ns"][int(np.argmax(_differs(own, bust)))])
            left_ft = level_ft - own["altitude_pressure_m"][onward] / M_PER_FT
            passed_ns = at_ns + int(left_ft / rate_fpm * 60.0 * NS_PER_S)
            last_ns = min(passed_ns + int(FARTHEST_S * NS_PER_S), int(own["applicable_at_ns"][-1]))
            beside = np.flatnonzero((spans[:, 0] < last_ns) & (spans[:, 1] > passed_ns))
            for other in (flown[k] for k in beside):
                if other["identity"][0] == own["identity"][0]:
                    continue
                start = max(at_ns - int(HEARD_S * NS_PER_S), *(int(f["applicable_at_ns"][0]) for f in (own, other)))
                stop = min(last_ns, int(other["applicable_at_ns"][-1]))
                lost = lost_at(bust, other, profile.minima, start, stop)
                if lost is None or lost[0] - start < HEARD_S * NS_PER_S or lost[0] < at_ns:
                    continue
                if lost_at(own, other, profile.minima, start, stop):
                    continue
                two = [f[(f["applicable_at_ns"] <= stop)] for f in (bust, other)]
                together = np.concatenate([f[f["applicable_at_ns"] >= start - 120 * NS_PER_S] for f in two])
                together = together[np.argsort(together["applicable_at_ns"], kind="stable")]
                found.append(
                    Bust(
                        recording=recording,
                        profile=profile.name,
                        a=own["identity"][0].decode(),
                        b=other["identity"][0].decode(),
                        level_ft=level_ft,
                        rate_fpm=rate_fpm,
                        passed_at_ns=passed_ns,
                        lost_at_ns=lost[0],
                        differs_at_ns=differs_ns,
                        is_horizontal_last=lost[1],
                        plots=together,
                    )
                )
    return found


def drawn(busts: list[Bust]) -> list[Bust]:
    """Return the seeded set: one case a seed."""
    left = list(busts)
    return [left.pop(int(np.random.default_rng(seed).integers(len(left)))) for seed in SEEDS if left]


def lead_s(bust: Bust, profile: Profile) -> float:
    """Return how long before the loss the pair is at warning or above; NaN when it never is."""
    surveillance = Surveillance(Tracker(), Detector(profile), AlertBook(profile))
    for event in run([bust.plots], surveillance, Replayed()):
        alert = event.alert
        if alert.level is not Level.CAUTION and alert.cleared_at is None:
            return (bust.lost_at_ns - alert.updated_at) / NS_PER_S
    return math.nan


def all_cases(folder: Path, names: Iterable[str] = tuple(SETS)) -> dict[str, list[Bust]]:
    """Return each recording's cases."""
    found = {}
    for name in names:
        file, profile, lowest_ft = SETS[name]
        found[name] = cases(name, open_recording(folder / file).plots, PROFILES[profile], lowest_ft)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--promoted-s", type=float, default=50.0, help="what promote_level_off_s is; 0: the default")
    asked: Any = parser.parse_args()
    for name, busts in all_cases(asked.folder).items():
        chosen = drawn(busts)
        leads = [lead_s(bust, promoting(PROFILES[bust.profile], asked.promoted_s)) for bust in chosen]
        for bust, lead in zip(chosen, leads, strict=True):
            last = "horizontal" if bust.is_horizontal_last else "vertical"
            after_s = (bust.lost_at_ns - bust.passed_at_ns) / NS_PER_S
            print(
                f"{name} {iso_utc(bust.lost_at_ns, 0)} {bust.a} {bust.b} FL{bust.level_ft / 100:03.0f} "
                f"{bust.rate_fpm:+6.0f} ft/min, {last} last, {after_s:.0f} s after its level: told {lead:.0f} s before"
            )
        held = sum(lead >= NEEDED_S for lead in leads)
        print(
            f"{name}: {len(busts)} cases, {len(chosen)} drawn, {held} warned {NEEDED_S:.0f} s or more before the loss"
        )


if __name__ == "__main__":
    main()
