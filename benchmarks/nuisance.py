"""How often ordinary traffic is told of, and why: writes docs/nuisance.md from the recordings.

`python benchmarks/nuisance.py RECORDINGS_FOLDER [--write docs/nuisance.md]`. A cause is read off the recording, not
guessed: what each of the two did with its height, how close they came, and how they were told. Each rule of prediction
and of filtering is then taken away in turn, to show what it spares and what it costs: warnings, those of pairs that
stayed outside the minima, pairs that came below them and were told, and level busts told in time.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import coarse
import level_busts
import numpy as np
import numpy.typing as npt
import staged
from pyproj import Geod

from detente.alerts.alert import AlertEvent, Happening, Level
from detente.alerts.life import AlertBook
from detente.cli.replay import Replayed, condition, flight_hours, run
from detente.detect.detector import Detector
from detente.detect.profile import PROFILES, Profile, promoting
from detente.feeds.plot import Plots
from detente.node.recordings import open_recording
from detente.picture.tracker import Tracker
from detente.surveillance import Surveillance
from detente.types import NS_PER_S, iso_utc
from detente.units import M_PER_FT, M_PER_NM

Floats = npt.NDArray[np.float64]

RECORDINGS = {
    "Swiss upper airspace, 13 h": ("switzerland_20180801_0500-1800Z.parquet", ("en-route",)),
    "Paris TMA, 2 h": ("paris_tma_20211007_1200-1400Z.parquet", ("terminal", "light-aircraft")),
    "Monterey, 28 h": ("readsb/monterey_36N122W_20250601.jsonl.gz", ("terminal", "light-aircraft", "low-level")),
    "Watsonville, 1 day": ("readsb/kwvi_watsonville_20251213.jsonl.gz", ("light-aircraft", "low-level")),
    "Black Rock, 1 h": ("readsb/brc_20230829_1000-1100Z.jsonl.gz", ("light-aircraft", "low-level")),
    "Black Rock, 20 min": ("readsb/brc_20230830_0810-0830Z.jsonl.gz", ("light-aircraft", "low-level")),
}
DEFAULT = "the default"
NEVER = "level-off a warning only once its level is passed (promote_level_off_s = 0)"
PROMOTED_S = (45.0, 55.0)
"""Beside the default's, as `promote_level_off_s`."""
PROMOTION = "Swiss upper airspace, 13 h"
RULED = {PROMOTION: "Swiss", "Paris TMA, 2 h": "Paris"}
"""Recordings of controlled traffic, and their set of level busts."""
TERMINAL = ("Paris TMA, 2 h", "terminal")
"""The recording and profile that the aim for terminal airspace is held to."""
UNCONTROLLED = "Black Rock, 20 min"
"""The recording of other traffic on which its rules are taken away in turn."""

COARSENED = {
    "Paris TMA, 2 h": "terminal",
    "Black Rock, 20 min": "light-aircraft",
}
"""Recordings that are told again as a worse surveillance would, and by which profile."""

TRUE = ("came below the minima in fact", "side by side: formation, tow or two devices in one aircraft")
"""Causes of a warning that is none of nuisance: the two were as near as it said."""

WGS84 = Geod(ellps="WGS84")
TEXT = (Path(__file__).parent / "nuisance.md.in").read_text(encoding="utf-8")


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
    told_at_ns: int  # first at warning or above; 0 never


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
        flown = _flown(plots, *names, start, stop, profile)
        yield Told(
            recording=recording,
            profile=profile.name,
            at=iso_utc(raised.raised_at, 0),
            a=names[0],
            b=names[1],
            level=replayed.levels[raised.alert_id][1],
            condition=condition(raised, replayed.names) if raised.levels else "",
            nearest_nm=flown.nearest_nm,
            nearest_ft=flown.nearest_ft,
            cause=_cause(flown, profile, last.cleared_because),
            told_at_ns=next((e.alert.updated_at for e in events if e.alert.level is not Level.CAUTION), 0),
        )


@dataclass(frozen=True)
class Flown:
    """What two in fact did about an alert: where they were nearest, by the minima they are judged by."""

    nearest_nm: float  # NaN: heard too little of
    nearest_ft: float
    is_below: bool = False  # at some second both below the horizontal and below the vertical minimum
    is_levelled: bool = False  # one of them levelled off


def _flown(plots: Plots, a: str, b: str, start: int, stop: int, profile: Profile) -> Flown:
    """Return what *a* and *b* did from *start* to *stop*, second by second."""
    series = []
    for name in (a, b):
        own = plots[(plots["identity"] == name.encode()) & np.isfinite(plots["altitude_pressure_m"])]
        own = own[(own["applicable_at_ns"] >= start) & (own["applicable_at_ns"] <= stop)]
        series.append(own)
    if any(len(own) < 2 for own in series):
        return Flown(math.nan, math.nan)
    seconds = np.arange(start, stop, NS_PER_S)
    low = max(own["applicable_at_ns"][0] for own in series)
    high = min(own["applicable_at_ns"][-1] for own in series)
    seconds = seconds[(seconds >= low) & (seconds <= high)]
    if not len(seconds):
        return Flown(math.nan, math.nan)
    columns = ("latitude_rad", "longitude_rad", "altitude_pressure_m")
    at = [[np.interp(seconds, own["applicable_at_ns"], own[name]) for name in columns] for own in series]
    apart_m = WGS84.inv(*(np.degrees(at[n][q]) for n in (0, 1) for q in (1, 0)))[2]
    height_ft = np.abs(at[0][2] - at[1][2]) / M_PER_FT
    minima = profile.minima
    nearest = int(np.argmin(np.maximum(apart_m / minima.horizontal_m, height_ft / minima.vertical_ft)))
    low_ft = np.minimum(at[0][2], at[1][2]) / M_PER_FT
    levelled = any(
        np.abs(np.diff(path[2])).max(initial=0.0) > 3.0 * M_PER_FT and np.ptp(path[2][-20:]) < 100.0 * M_PER_FT
        for path in at
    )
    return Flown(
        nearest_nm=float(apart_m[nearest]) / M_PER_NM,
        nearest_ft=float(height_ft[nearest]),
        is_below=bool(_are_below(apart_m, height_ft, low_ft, profile).any()),
        is_levelled=levelled,
    )


def _are_below(apart_m: Floats, height_ft: Floats, low_ft: Floats, profile: Profile) -> npt.NDArray[np.bool_]:
    """Return where two are below the minima that hold for the lower of them, *low_ft* high."""
    below = (apart_m < profile.minima.horizontal_m) & (height_ft < profile.minima.vertical_ft)
    if profile.below_floor and profile.floor_ft is not None:
        small = profile.below_floor
        below &= (low_ft >= profile.floor_ft) | ((apart_m < small.horizontal_m) & (height_ft < small.vertical_ft))
    return below


def _cause(flown: Flown, profile: Profile, cleared_because: str) -> str:
    if math.isnan(flown.nearest_nm):
        return "heard too little of"
    if flown.nearest_nm < 0.05 and flown.nearest_ft < 150.0:
        return "side by side: formation, tow or two devices in one aircraft"
    if flown.is_below:
        return "came below the minima in fact"
    if flown.is_levelled and profile.level:
        return "levelled off as expected"
    return "passed outside the minima" if cleared_because == "diverged" else f"ended otherwise: {cleared_because}"


def came_below(plots: Plots, profile: Profile) -> dict[tuple[str, str], int]:
    """Return the pairs that came below the profile's minima in fact, and when first; not those flying as one."""
    flown = level_busts.flights(plots)
    spans = np.array([(f["applicable_at_ns"][0], f["applicable_at_ns"][-1]) for f in flown])
    found: dict[tuple[str, str], int] = {}
    for i, a in enumerate(flown):
        for j in np.flatnonzero((spans[:, 0] < spans[i, 1]) & (spans[:, 1] > spans[i, 0])):
            b = flown[j]
            start, stop = max(spans[i, 0], spans[j, 0]), min(spans[i, 1], spans[j, 1])
            if j <= i or a["identity"][0] == b["identity"][0] or stop - start < 2 * NS_PER_S:
                continue
            seconds = np.arange(start, stop, NS_PER_S)
            pa, pb = (level_busts.placed(f, seconds) for f in (a, b))
            apart_m = WGS84.inv(*(np.degrees(p[q]) for p in (pa, pb) for q in (1, 0)))[2]
            height_ft = np.abs(pa[2] - pb[2]) / M_PER_FT
            below = _are_below(apart_m, height_ft, np.minimum(pa[2], pb[2]) / M_PER_FT, profile)
            if below.any() and np.median(apart_m[below]) > 100.0:
                pair = min(_names(a, b)), max(_names(a, b))
                found.setdefault(pair, int(seconds[int(np.argmax(below))]))
    return found


def _names(a: Plots, b: Plots) -> tuple[str, str]:
    return a["identity"][0].decode(), b["identity"][0].decode()


def without(profile: Profile) -> dict[str, Profile]:
    """Return the profile, and what it would be with each of its rules taken away."""
    changed = {DEFAULT: profile}
    if level := profile.level:
        changed["without waiting for a level-off (straight lines)"] = replace(profile, level=None)
        changed["without taking a small rate near a level for noise"] = replace(
            profile, level=replace(level, level_rate_fps=0.0)
        )
        changed["level-off told at once, not from 60 s on"] = replace(
            profile, level=replace(level, conditional_s=profile.minima.lookahead_s)
        )
        changed[NEVER] = promoting(profile, 0.0)
    changed["without a second look (1 of 1)"] = replace(profile, confirm=(1, 1))
    changed["without wider minima and time to hold"] = replace(profile, hold=profile.minima, clear_after_s=0.0)
    if profile.below_floor:
        changed["without smaller minima below the floor"] = replace(profile, floor_ft=None, below_floor=None)
    return changed


@dataclass(frozen=True)
class Judged:
    """What one recording came to under one set of rules."""

    warned: int
    outside: int  # of pairs that stayed outside the minima
    leads_s: list[float]  # of pairs that came below them
    busts_s: list[float]  # of level busts


def judged(
    all_told: list[Told], profile: Profile, true: dict[tuple[str, str], int], busts: list[level_busts.Bust]
) -> Judged:
    """Return what *all_told*, the alerts of a recording under *profile*, come to; replays *busts* under it."""
    found = [t for t in all_told if t.told_at_ns]
    pairs = [(min(t.a, t.b), max(t.a, t.b)) for t in found]
    first = {pair: t.told_at_ns for pair, t in zip(reversed(pairs), reversed(found), strict=True)}
    return Judged(
        warned=len(found),
        outside=sum(pair not in true for pair in pairs),
        leads_s=sorted((true[pair] - first[pair]) / NS_PER_S for pair in true.keys() & first.keys()),
        busts_s=[level_busts.lead_s(bust, profile) for bust in busts],
    )


def in_time(leads_s: list[float]) -> str:
    return f"{sum(lead >= level_busts.NEEDED_S for lead in leads_s)} of {len(leads_s)}" if leads_s else ""


def rule_rows(
    recording: str, plots: Plots, name: str, by_default: list[Told], busts: list[level_busts.Bust]
) -> Iterator[tuple[str, str]]:
    """Yield the rows of the table of rules for one recording and profile, and those of the table of promotion.

    *by_default*: its alerts under the profile as it is.
    """
    profile, hours = PROFILES[name], flight_hours(plots)
    true = came_below(plots, profile)
    rules = without(profile)
    if recording == PROMOTION:
        rules |= {f"level-off a warning from {s:.0f} s on": promoting(profile, s) for s in PROMOTED_S}
    for rule, changed in rules.items():
        found = by_default if rule == DEFAULT else list(told(recording, plots, changed))
        one = judged(found, changed, true, busts)
        lead = f"{one.leads_s[len(one.leads_s) // 2]:.0f}" if one.leads_s else ""
        row = (
            f"| {recording} | {name} | {rule} | {one.warned} | {one.outside} | {len(one.leads_s)} of {len(true)} "
            f"| {lead} | {in_time(one.busts_s)} |"
        )
        promoted = ""
        if recording == PROMOTION and (rule == DEFAULT or rule.startswith("level-off a warning")):
            when = "from 50 s on (the default)" if rule == DEFAULT else rule.removeprefix("level-off a warning ")
            least = min(one.busts_s)
            promoted = (
                f"| {when} | {one.warned} | {one.warned / hours * 100:.1f} | {in_time(one.busts_s)} | {least:.0f} s |"
            )
        yield row, promoted


def held_back_rows(folder: Path) -> Iterator[str]:
    """Yield the rows of the table of level busts on which no rule was chosen, by the default and without promotion."""
    for name, busts in level_busts.held_back(folder):
        cells = []
        for promotes in (True, False):
            by = {n: profile if promotes else promoting(profile, 0.0) for n, profile in PROFILES.items()}
            warned = [level_busts.warned_at_ns(bust.level_off, by[bust.profile]) for bust in busts]
            leads = [level_busts.lead_s(bust, by[bust.profile]) for bust in busts]
            cells += [f"{sum(lead >= level_busts.NEEDED_S for lead in leads)}", f"{np.isfinite(warned).sum()}"]
        yield f"| {name} | {len(busts)} | {len(level_busts.undecided(busts))} | {' | '.join(cells)} |"


def table(folder: Path) -> str:
    """Return docs/nuisance.md."""
    rows, causes, listed, rules, promoted = [], [], [], [], []
    alike, terminal = 0, ""
    bound: list[level_busts.Bust] = []
    drawn: list[level_busts.Bust] = []
    for recording, (file, profiles) in RECORDINGS.items():
        plots = open_recording(folder / file).plots
        hours = flight_hours(plots)
        by_default: dict[str, list[Told]] = {}
        for name in profiles:
            found = by_default[name] = list(told(recording, plots, PROFILES[name]))
            warned = [t for t in found if t.level is not Level.CAUTION]
            true = sum(t.cause in TRUE for t in warned)
            rate = (len(warned) - true) / hours * 100
            rows.append(
                f"| {recording} | {name} | {hours:.1f} | {len(found)} | {len(warned)} | {true} "
                f"| {len(warned) - true} | {rate:.1f} |"
            )
            counted = Counter((t.cause, "caution" if t.level is Level.CAUTION else "warning or alarm") for t in found)
            causes += [
                f"| {recording} | {name} | {level} | {cause} | {n} |" for (cause, level), n in counted.most_common()
            ]
            if (recording, name) == TERMINAL:
                terminal = f"{len(warned) - true} for nothing in {hours:.1f} flight hours, {rate / 10:.2f} in ten"
            if recording == PROMOTION:
                alike = sum(level_busts.hides_a_bust(plots, (t.a, t.b), t.told_at_ns, PROFILES[name]) for t in warned)
            if recording in RULED and name != "light-aircraft":
                listed += [
                    f"| {t.at} | {name} | {t.a} {t.b} | {t.level} | {t.condition} "
                    f"| {t.nearest_nm:.1f} NM {t.nearest_ft:.0f} ft | {t.cause} |"
                    for t in found
                ]
            print(rows[-1], file=sys.stderr)
        if recording not in RULED and recording != UNCONTROLLED:
            continue
        busts = level_busts.all_cases(folder, (RULED[recording],))[RULED[recording]] if recording in RULED else []
        busts = level_busts.drawn(busts)
        if recording == PROMOTION:
            drawn, bound = busts, level_busts.undecided(busts)
            least = len({(bust.a, bust.b) for bust in bound}) / hours * 100
        for row, promotion in rule_rows(recording, plots, profiles[0], by_default[profiles[0]], busts):
            rules.append(row)
            promoted += [promotion] if promotion else []
            print(row, file=sys.stderr)
    worse = []
    for recording, name in COARSENED.items():
        plots, profile = open_recording(folder / RECORDINGS[recording][0]).plots, PROFILES[name]
        for row in coarse.rows(recording, plots, profile, came_below(plots, profile)):
            worse.append(row)
            print(row, file=sys.stderr)
    held = []
    for row in held_back_rows(folder):
        held.append(row)
        print(row, file=sys.stderr)
    filled = TEXT
    for mark, lines in (
        ("ROWS", rows),
        ("CAUSES", causes),
        ("RULES", rules),
        ("PROMOTED", promoted),
        ("HELD", held),
        ("ALIKE", [str(alike)]),
        ("SEEDED", list(coarse.seeded_rows())),
        ("COARSE", worse),
        ("STAGED", list(staged.rows(folder.parents[1]))),
        ("LISTED", listed),
        ("BUSTS", [str(len(drawn))]),
        ("BOUND", [str(len(bound))]),
        ("MOST", [str(len(drawn) - len(bound))]),
        ("LEAST", [f"{least:.1f}"]),
        ("TERMINAL", [terminal]),
    ):
        filled = filled.replace(f"{{{mark}}}", "\n".join(lines))
    return filled


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
