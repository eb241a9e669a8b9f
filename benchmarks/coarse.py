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
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from detente.alerts.alert import Level
from detente.alerts.life import AlertBook
from detente.cli.replay import Replayed, run
from detente.detect import detector
from detente.detect.accuracy import Accuracy, accuracy_of
from detente.detect.detector import Detector
from detente.detect.profile import PROFILES, Profile
from detente.feeds.plot import Plots
from detente.node.recordings import open_recording
from detente.picture.picture import Tracks
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


def main() -> None:
    import nuisance

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for recording, name in nuisance.COARSENED.items():
        plots, profile = open_recording(folder / nuisance.RECORDINGS[recording][0]).plots, PROFILES[name]
        for row in rows(recording, plots, profile, nuisance.came_below(plots, profile)):
            print(row, flush=True)


if __name__ == "__main__":
    sys.exit(main())
