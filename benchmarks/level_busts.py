"""Level busts cut from recordings: an aircraft that levelled off beside other traffic flies on through its level.

Everything but the height of that one aircraft is as recorded: times, places, the other aircraft, gaps and rounding. Up
to `CAPTURE_FT` before its level its height is as recorded too; from there it holds the rate it had, and reports it. A
case counts when the two were outside the minima in fact, and come below them because of the bust.

The rules were chosen on these. Kept back from that choice are those cut nearer to the level and farther from it
(`CUTS_FT`), and `staged_cases`: every level-off of a recording, its place and height as recorded, beside an aircraft
drawn from a seed that flies straight at the next level.

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
from detente.feeds.plot import Plots, empty_plots
from detente.node.recordings import open_recording
from detente.picture.tracker import Tracker
from detente.surveillance import Surveillance
from detente.types import NS_PER_S, iso_utc
from detente.units import M_PER_FT, MPS_PER_FPM, MPS_PER_KT

SETS = {
    "Swiss": ("switzerland_20180801_0500-1800Z.parquet", "en-route", 0.0),
    "Paris": ("paris_tma_20211007_1200-1400Z.parquet", "terminal", 3_000.0),
}
"""Recording, profile, and the height below which nobody levels off between levels."""

SEEDS = range(20_260_101, 20_260_101 + 40)
"""One case a seed and recording is drawn, without putting back; fewer when the recording holds fewer."""

NEEDED_S = 40.0
CAPTURE_FT = 300.0
CUTS_FT = (100.0, 200.0, 500.0)
STAGED_SEED = 20_261_201
STAGED_CUTS_FT = (0.0, 100.0, 200.0, 300.0, 500.0, 800.0)
STAGED_TRIES = 6
"""Aircraft drawn for a level-off until one comes below the minima only if it busts."""
STAGED_KT = {"en-route": (400.0, 480.0), "terminal": (180.0, 300.0)}
CLIMB_FPM = 500.0
LEAST_FPM = 300.0
"""Whoever climbs at less may as well be level."""
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
    level_off: Plots  # the same, with the height as it was recorded


def flights(plots: Plots) -> list[Plots]:
    """Return the plots of each aircraft with a pressure altitude, cut where it was not heard for `GAP_S`."""
    plots = plots[np.isfinite(plots["altitude_pressure_m"]) & (plots["on_ground"] != 1)]
    order = np.lexsort((plots["applicable_at_ns"], plots["identity"]))
    plots = plots[order]
    ends = (plots["identity"][1:] != plots["identity"][:-1]) | (np.diff(plots["applicable_at_ns"]) > GAP_S * NS_PER_S)
    return [flight for flight in np.split(plots, np.flatnonzero(ends) + 1) if len(flight) > 10]


def level_offs(flight: Plots, lowest_ft: float, capture_ft: float = CAPTURE_FT) -> Iterator[tuple[float, float, int]]:
    """Yield level, ft, rate before it, ft/min, and the plot (index) from which the aircraft is to fly on.

    That is the last one *capture_ft* before its level. The rate is that of the 1,500 ft before `CAPTURE_FT`.
    """
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
        before_it = np.flatnonzero(before & (off >= capture_ft) & (off <= CAPTURE_FT + 1_500.0))
        if not len(before_it):
            continue
        onward = int(before_it[-1])
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


def cases(
    recording: str, plots: Plots, profile: Profile, lowest_ft: float, capture_ft: float = CAPTURE_FT
) -> list[Bust]:
    """Return every level bust the recording holds, in order of aircraft and time."""
    found: list[Bust] = []
    flown = flights(plots)
    spans = np.array([(f["applicable_at_ns"][0], f["applicable_at_ns"][-1]) for f in flown])
    for own in flown:
        for level_ft, rate_fpm, onward in level_offs(own, lowest_ft, capture_ft):
            flies_on = busted(own, rate_fpm, onward)
            passed_ns = _passed_ns(own, level_ft, rate_fpm, onward)
            last_ns = min(passed_ns + int(FARTHEST_S * NS_PER_S), int(own["applicable_at_ns"][-1]))
            beside = np.flatnonzero((spans[:, 0] < last_ns) & (spans[:, 1] > passed_ns))
            for other in (flown[k] for k in beside):
                if other["identity"][0] == own["identity"][0]:
                    continue
                if bust := _bust(recording, profile, own, flies_on, other, (level_ft, rate_fpm, onward)):
                    found.append(bust)
    return found


def _passed_ns(own: Plots, level_ft: float, rate_fpm: float, onward: int) -> int:
    left_ft = level_ft - own["altitude_pressure_m"][onward] / M_PER_FT
    return int(own["applicable_at_ns"][onward]) + int(left_ft / rate_fpm * 60.0 * NS_PER_S)


def _bust(
    recording: str, profile: Profile, own: Plots, flies_on: Plots, other: Plots, level_off: tuple[float, float, int]
) -> Bust | None:
    """Return the level bust of *own*, which then is *flies_on*, beside *other*; None where nothing is lost by it."""
    level_ft, rate_fpm, onward = level_off
    at_ns, passed_ns = int(own["applicable_at_ns"][onward]), _passed_ns(own, level_ft, rate_fpm, onward)
    start = max(at_ns - int(HEARD_S * NS_PER_S), *(int(f["applicable_at_ns"][0]) for f in (own, other)))
    stop = min(passed_ns + int(FARTHEST_S * NS_PER_S), *(int(f["applicable_at_ns"][-1]) for f in (own, other)))
    lost = lost_at(flies_on, other, profile.minima, start, stop)
    if lost is None or lost[0] - start < HEARD_S * NS_PER_S or lost[0] < at_ns:
        return None
    if lost_at(own, other, profile.minima, start, stop):
        return None
    differs = _differs(own, flies_on)
    return Bust(
        recording=recording,
        profile=profile.name,
        a=own["identity"][0].decode(),
        b=other["identity"][0].decode(),
        level_ft=level_ft,
        rate_fpm=rate_fpm,
        passed_at_ns=passed_ns,
        lost_at_ns=lost[0],
        differs_at_ns=int(own["applicable_at_ns"][int(np.argmax(differs))]),
        is_horizontal_last=lost[1],
        plots=_together(flies_on, other, start, stop),
        level_off=_together(own, other, start, stop),
    )


def _together(a: Plots, b: Plots, start_ns: int, stop_ns: int) -> Plots:
    plots = np.concatenate([a, b])
    at_ns = plots["applicable_at_ns"]
    plots = plots[(at_ns >= start_ns - 120 * NS_PER_S) & (at_ns <= stop_ns)]
    return plots[np.argsort(plots["applicable_at_ns"], kind="stable")]


def staged_cases(recording: str, plots: Plots, profile: Profile, lowest_ft: float) -> list[Bust]:
    """Return a bust of each level-off of the recording beside an aircraft that is drawn: where it flies straight
    through, up to 60 s after its level would be passed, the other is as near as it ever comes, at the next level."""
    rng = np.random.default_rng(STAGED_SEED)
    found: list[Bust] = []
    for own in flights(plots):
        capture_ft = float(rng.choice(STAGED_CUTS_FT))
        for level_off in level_offs(own, lowest_ft, capture_ft):
            flies_on = busted(own, *level_off[1:])
            for _ in range(STAGED_TRIES):
                other = _beside(own, level_off, profile, rng)
                if bust := _bust(recording, profile, own, flies_on, other, level_off):
                    found.append(bust)
                    break
    return found


def _beside(own: Plots, level_off: tuple[float, float, int], profile: Profile, rng: np.random.Generator) -> Plots:
    """Return an aircraft that flies straight and level 1,000 ft beyond the level, passing *own* within the minimum."""
    level_ft, rate_fpm, onward = level_off
    met_ns = _passed_ns(own, level_ft, rate_fpm, onward) + int(rng.uniform(0.0, 60.0) * NS_PER_S)
    latitude, longitude, _ = (math.degrees(float(x[0])) for x in placed(own, np.array([met_ns])))
    course, apart_m = rng.uniform(0.0, 360.0), rng.uniform(0.0, 0.9) * profile.minima.horizontal_m
    speed_mps = rng.uniform(*STAGED_KT[profile.name]) * MPS_PER_KT
    longitude, latitude, _ = _WGS84.fwd(longitude, latitude, course + 90.0, apart_m)
    step_ns = int(np.median(np.diff(own["applicable_at_ns"])))
    at_ns = np.arange(met_ns - 300 * NS_PER_S, met_ns + 180 * NS_PER_S, step_ns)
    flown_m = (at_ns - met_ns) / NS_PER_S * speed_mps
    ahead = np.where(flown_m >= 0.0, course, course + 180.0)
    n = len(at_ns)
    lon, lat, back = _WGS84.fwd(np.full(n, longitude), np.full(n, latitude), ahead, np.abs(flown_m))
    there = np.radians(np.where(flown_m >= 0.0, np.asarray(back) + 180.0, back))
    plots = empty_plots(n)
    plots["applicable_at_ns"], plots["identity"] = at_ns, b"fffff0"
    plots["latitude_rad"], plots["longitude_rad"] = np.radians(lat), np.radians(lon)
    plots["v_east_mps"], plots["v_north_mps"] = speed_mps * np.sin(there), speed_mps * np.cos(there)
    plots["v_up_mps"] = 0.0
    plots["altitude_pressure_m"] = (level_ft + math.copysign(1_000.0, rate_fpm)) * M_PER_FT
    return plots


def hides_a_bust(plots: Plots, names: tuple[str, str], warned_ns: int, profile: Profile) -> bool:
    """Whether a pair of the recording of which a warning was given at *warned_ns* could have been a level bust.

    One that holds, from some plot of about then on, the rate that it tells there, and is until 40 s before the loss the
    recording itself: a rule that warns of all such in time warns of this pair too.
    """
    whole = [plots[(plots["identity"] == n.encode()) & np.isfinite(plots["altitude_pressure_m"])] for n in names]
    pair = [own[np.abs(own["applicable_at_ns"] - warned_ns) <= 300 * NS_PER_S] for own in whole]
    stop = min(warned_ns + 120 * NS_PER_S, *(int(own["applicable_at_ns"][-1]) for own in pair))
    for own, other in (pair, pair[::-1]):
        at_ns = own["applicable_at_ns"]
        about_then = (at_ns >= warned_ns - 15 * NS_PER_S) & (at_ns <= warned_ns + 30 * NS_PER_S)
        for onward in np.flatnonzero(about_then).tolist():
            rate_fpm = float(own["v_up_mps"][onward]) / MPS_PER_FPM
            if not abs(rate_fpm) >= LEAST_FPM or onward + 1 == len(own):
                continue
            flies_on = busted(own, rate_fpm, onward)
            lost = lost_at(flies_on, other, profile.minima, warned_ns, stop)
            differs = _differs(own, flies_on)
            if lost and differs.any() and at_ns[int(np.argmax(differs))] > lost[0] - NEEDED_S * NS_PER_S:
                return True
    return False


def drawn(busts: list[Bust]) -> list[Bust]:
    """Return the seeded set: one case a seed."""
    left = list(busts)
    return [left.pop(int(np.random.default_rng(seed).integers(len(left)))) for seed in SEEDS if left]


def warned_at_ns(plots: Plots, profile: Profile) -> float:
    """Return when an alert of *plots* first is at warning or above; NaN when none ever is."""
    surveillance = Surveillance(Tracker(), Detector(profile), AlertBook(profile))
    for event in run([plots], surveillance, Replayed()):
        alert = event.alert
        if alert.level is not Level.CAUTION and alert.cleared_at is None:
            return float(alert.updated_at)
    return math.nan


def lead_s(bust: Bust, profile: Profile) -> float:
    """Return how long before the loss the pair is at warning or above; NaN when it never is."""
    return (bust.lost_at_ns - warned_at_ns(bust.plots, profile)) / NS_PER_S


def all_cases(
    folder: Path, names: Iterable[str] = tuple(SETS), capture_ft: float = CAPTURE_FT
) -> dict[str, list[Bust]]:
    """Return each recording's cases."""
    found = {}
    for name in names:
        file, profile, lowest_ft = SETS[name]
        found[name] = cases(name, open_recording(folder / file).plots, PROFILES[profile], lowest_ft, capture_ft)
    return found


def held_back(folder: Path) -> Iterator[tuple[str, list[Bust]]]:
    """Yield each set on which no rule was chosen, with its name."""
    for cut_ft in CUTS_FT:
        for name, busts in all_cases(folder, capture_ft=cut_ft).items():
            yield f"{name}, cut {cut_ft:.0f} ft before the level", busts
    yield f"Paris, cut {CAPTURE_FT:.0f} ft before the level", all_cases(folder, ("Paris",))["Paris"]
    for name, (file, profile, lowest_ft) in SETS.items():
        plots = open_recording(folder / file).plots
        yield (
            f"{name}, every level-off, beside a drawn aircraft",
            staged_cases(name, plots, PROFILES[profile], lowest_ft),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--promoted-s", type=float, default=50.0, help="what promote_level_off_s is")
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
