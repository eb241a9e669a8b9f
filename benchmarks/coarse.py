"""What the margins for coarse and slow tracks gain: recordings made worse, judged with the margins and without.

`python benchmarks/coarse.py RECORDINGS_FOLDER` prints the rows of the table in docs/nuisance.md. What is true is taken
from the recording as it was: which pairs came below the minima in fact. The same plots are then told as a worse
surveillance would: with noise on each place, its accuracy told; one plot in so many seconds; altitudes in steps of
100 ft without a rate of climb.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from detente.alerts.alert import Level
from detente.alerts.life import AlertBook
from detente.cli.replay import Replayed, run
from detente.detect import detector
from detente.detect.accuracy import Accuracy, accuracy_of
from detente.detect.detector import Detector
from detente.detect.motion import Floats
from detente.detect.profile import EN_ROUTE, PROFILES, Profile
from detente.feeds.plot import Plots
from detente.node.recordings import open_recording
from detente.picture.picture import TRACK, Tracks
from detente.picture.tracker import Tracker
from detente.surveillance import Surveillance
from detente.types import NS_PER_S, Instant
from detente.units import EARTH_MEAN_RADIUS_M, M_PER_FT

SEED: Final = 20_260_101
AROUND_NS: Final = 60 * NS_PER_S

Pair = tuple[str, str]


def noisy(sigma_m: float) -> Callable[[Plots], Plots]:
    """Return what adds noise of *sigma_m* to each place and tells it."""

    def worse(plots: Plots) -> Plots:
        rng = np.random.default_rng(SEED)
        own = plots.copy()
        north, east = rng.normal(0.0, sigma_m / EARTH_MEAN_RADIUS_M, (2, len(own)))
        own["latitude_rad"] += north
        own["longitude_rad"] += east / np.cos(own["latitude_rad"])
        own["position_sigma_m"] = sigma_m
        return own

    return worse


def off(sigma_m: float) -> Callable[[Plots], Plots]:
    """Return what moves each aircraft by *sigma_m* its own way for good, and tells it."""

    def worse(plots: Plots) -> Plots:
        rng = np.random.default_rng(SEED)
        own = plots.copy()
        _, aircraft = np.unique(own["identity"], return_inverse=True)
        way = rng.uniform(0.0, 2.0 * np.pi, int(aircraft.max()) + 1)[aircraft]
        own["latitude_rad"] += sigma_m / EARTH_MEAN_RADIUS_M * np.cos(way)
        own["longitude_rad"] += sigma_m / EARTH_MEAN_RADIUS_M * np.sin(way) / np.cos(own["latitude_rad"])
        own["position_sigma_m"] = sigma_m
        return own

    return worse


def thinned(interval_s: float) -> Callable[[Plots], Plots]:
    """Return what keeps one plot of each aircraft in *interval_s*, as a radar's turn would."""

    def worse(plots: Plots) -> Plots:
        turn = plots["applicable_at_ns"] // round(interval_s * NS_PER_S)
        _, aircraft = np.unique(plots["identity"], return_inverse=True)
        _, first = np.unique(np.stack([aircraft, turn]), axis=1, return_index=True)
        return plots[np.sort(first)]

    return worse


def stepped(plots: Plots) -> Plots:
    """Tell altitudes in steps of 100 ft and no rate of climb, as replies in mode C do."""
    own = plots.copy()
    step_m = 100.0 * M_PER_FT
    own["altitude_pressure_m"] = np.rint(own["altitude_pressure_m"] / step_m) * step_m
    own["v_up_mps"] = np.nan
    return own


WORSE: Final[dict[str, Callable[[Plots], Plots]]] = {
    "as recorded": lambda plots: plots,
    "places ± 300 m": noisy(300.0),
    "places ± 1,000 m": noisy(1_000.0),
    "each off by 1,000 m": off(1_000.0),
    "a plot in 12 s": thinned(12.0),
    "a plot in 25 s": thinned(25.0),
    "altitudes in 100 ft, no rate": stepped,
}


class Seen(NamedTuple):
    """When each pair was first told of, and first warned, and when each aircraft was not assessed."""

    told: dict[Pair, int]
    warned: dict[Pair, int]
    lost: dict[str, list[int]]


def seen(plots: Plots, profile: Profile) -> Seen:
    """Replay *plots* under *profile*."""
    surveillance, replayed = Surveillance(Tracker(), Detector(profile), AlertBook(profile)), Replayed()
    found = Seen({}, {}, {})

    def note(now: Instant) -> None:
        for unjudged in surveillance.assessment.not_assessed:
            for number in (unjudged.track, unjudged.other):
                if number:
                    found.lost.setdefault(replayed.names[number], []).append(now)

    for event in run([plots], surveillance, replayed, note):
        alert = event.alert
        if alert.cleared_at is None:
            a, b = replayed.names[alert.a], replayed.names[alert.b]
            pair = min(a, b), max(a, b)
            found.told.setdefault(pair, alert.updated_at)
            if alert.level is not Level.CAUTION:
                found.warned.setdefault(pair, alert.updated_at)
    return found


def outcome(pair: Pair, lost_at_ns: int, of: Seen) -> str:
    """Return what a desk saw of a pair that came below the minima, from a minute before to a minute after."""
    if of.warned.get(pair, lost_at_ns + AROUND_NS) < lost_at_ns + AROUND_NS:
        return "warned"
    if of.told.get(pair, lost_at_ns + AROUND_NS) < lost_at_ns + AROUND_NS:
        return "caution"
    if any(abs(at - lost_at_ns) < AROUND_NS for name in pair for at in of.lost.get(name, ())):
        return "not assessed"
    return "silent"


def without_margins(tracks: Tracks, _: Instant) -> Accuracy:
    """Take every track for as good as the minima presuppose."""
    return Accuracy(np.zeros(len(tracks)), np.zeros(len(tracks)))


def rows(
    recording: str,
    plots: Plots,
    profile: Profile,
    true: dict[Pair, int],
) -> Iterator[str]:
    """Yield the rows of the table for one recording; *true*: its pairs that came below the minima, and when."""
    for worse, change in WORSE.items():
        for rule, known in (("without", without_margins), ("with", accuracy_of)):
            detector.accuracy_of = known
            found = seen(change(plots), profile)
            detector.accuracy_of = accuracy_of
            came = Counter(outcome(pair, at_ns, found) for pair, at_ns in true.items())
            yield (
                f"| {recording} | {worse} | {rule} | {len(found.warned.keys() - true.keys())} "
                f"| {len(found.told.keys() - found.warned.keys() - true.keys())} | "
                + " | ".join(str(came[what]) for what in ("warned", "caution", "not assessed", "silent"))
                + " |"
            )


PAIRS: Final = 4_000
AHEAD_S: Final = 90.0
SPEED_MPS: Final = 230.0
_STEP_FT: Final = 100.0


def crossing() -> tuple[Tracks, Floats, Floats]:
    """Return PAIRS pairs that cross AHEAD_S from now, far from each other: two rows a pair, and its two distances.

    How near they come, m, and how far apart in height they are, ft, is drawn evenly to twice the en-route minima.
    """
    rng = np.random.default_rng(SEED)
    near_m, apart_ft = rng.uniform(0.0, 2.0 * EN_ROUTE.minima.horizontal_m, PAIRS), rng.uniform(0.0, 1_600.0, PAIRS)
    course = rng.uniform(0.0, 2.0 * np.pi, PAIRS)
    other = course + rng.choice((-1.0, 1.0), PAIRS) * rng.uniform(np.radians(30.0), np.pi, PAIRS)
    v = SPEED_MPS * np.stack([np.sin(course), np.cos(course)])
    w = SPEED_MPS * np.stack([np.sin(other), np.cos(other)])
    closing = v - w
    aside = np.stack([-closing[1], closing[0]]) / np.hypot(*closing)
    away = closing * AHEAD_S + aside * near_m  # of the second from the first, now
    latitude = np.radians(np.repeat(np.linspace(-58.0, 58.0, 40), PAIRS // 40))
    longitude = np.radians(np.tile(np.linspace(-178.0, 178.0, PAIRS // 40), 40))
    tracks = np.zeros(2 * PAIRS, TRACK)
    for name in TRACK.names or ():
        if TRACK[name].kind == "f":
            tracks[name] = np.nan
    tracks["number"] = np.arange(2 * PAIRS) + 1
    tracks["identity"] = [f"{n:06x}".encode() for n in range(2 * PAIRS)]
    tracks["latitude_rad"][0::2], tracks["longitude_rad"][0::2] = latitude, longitude
    tracks["latitude_rad"][1::2] = latitude + away[1] / EARTH_MEAN_RADIUS_M
    tracks["longitude_rad"][1::2] = longitude + away[0] / (EARTH_MEAN_RADIUS_M * np.cos(latitude))
    for rows, (east, north) in ((slice(0, None, 2), v), (slice(1, None, 2), w)):
        tracks["v_east_mps"][rows], tracks["v_north_mps"][rows] = east, north
    tracks["v_up_mps"] = 0.0
    tracks["altitude_pressure_m"][0::2] = rng.uniform(30_000.0, 39_000.0, PAIRS) * M_PER_FT
    tracks["altitude_pressure_m"][1::2] = tracks["altitude_pressure_m"][0::2] + apart_ft * M_PER_FT
    return tracks, near_m, apart_ft


def seeded_rows() -> Iterator[str]:
    """Yield the rows of the table of crossing pairs: what the margins find of those that would be missed."""
    tracks, _, _ = crossing()
    level = tracks.copy()
    level["altitude_pressure_m"][1::2] = level["altitude_pressure_m"][0::2]
    rng = np.random.default_rng(SEED)
    for sigma_m in (150.0, 300.0, 600.0, 1_000.0, 2_000.0, 4_000.0):
        told = level.copy()
        north, east = rng.normal(0.0, sigma_m / EARTH_MEAN_RADIUS_M, (2, len(told)))
        told["latitude_rad"] += north
        told["longitude_rad"] += east / np.cos(told["latitude_rad"])
        told["position_sigma_m"] = sigma_m
        yield from _found(f"one height, places off by {sigma_m:.0f} m (1 σ)", level, told)
    told = tracks.copy()
    told["altitude_pressure_m"] = np.rint(told["altitude_pressure_m"] / M_PER_FT / _STEP_FT) * _STEP_FT * M_PER_FT
    told["altitude_step_m"] = _STEP_FT * M_PER_FT
    yield from _found("any height, altitudes in steps of 100 ft", tracks, told)


def _found(worse: str, true: Tracks, told: Tracks) -> Iterator[str]:
    profile = replace(EN_ROUTE, level=None)
    conflicts = {(c.a, c.b) for c in Detector(profile).assess(true, Instant(0)).conflicts if not c.is_held}
    for rule, known in (("without", without_margins), ("with", accuracy_of)):
        detector.accuracy_of = known
        said = Detector(profile).assess(told, Instant(0))
        detector.accuracy_of = accuracy_of
        lost = {n.track for n in said.not_assessed if n.other is None}
        unsure = {(n.track, n.other) for n in said.not_assessed} | {c for c in conflicts if lost & set(c)}
        warned = {(c.a, c.b) for c in said.conflicts if not c.is_held and not (c.margin_m or c.margin_ft)}
        caution = {(c.a, c.b) for c in said.conflicts if not c.is_held} - warned
        missed = len(conflicts - warned - caution - unsure)
        yield (
            f"| {worse} | {rule} | {len(conflicts & warned)} | {len(conflicts & caution)} "
            f"| {len(conflicts & unsure - warned - caution)} | {missed} ({missed / len(conflicts):.1%}) "
            f"| {len(warned - conflicts)} | {len(caution - conflicts)} |"
        )


def main() -> None:
    import nuisance

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for row in seeded_rows():
        print(row, flush=True)
    for recording, name in nuisance.COARSENED.items():
        plots, profile = open_recording(folder / nuisance.RECORDINGS[recording][0]).plots, PROFILES[name]
        for row in rows(recording, plots, profile, nuisance.came_below(plots, profile)):
            print(row, flush=True)


if __name__ == "__main__":
    sys.exit(main())
