"""How soon each kind of false track is found, and how often an honest one is suspected: writes docs/data-quality.md.

`python benchmarks/data_quality.py RECORDINGS_FOLDER [--seeds 50] [--write docs/data-quality.md]`. The false tracks are
those of tests/picture/false_tracks.py, made out of synthetic flights and of flights of the Paris recording.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from detente.cli.replay import flight_hours
from detente.feeds.plot import Plots
from detente.node.recordings import open_recording
from detente.picture.picture import Reason
from detente.picture.suspicion import RULES
from detente.picture.tracker import Tracker
from detente.types import NS_PER_S, Instant

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from picture.false_tracks import KINDS, LATE, Flagged, synthetic, watched

RECORDINGS = {
    "Paris TMA, 2 h": "paris_tma_20211007_1200-1400Z.parquet",
    "Swiss upper airspace, 13 h": "switzerland_20180801_0500-1800Z.parquet",
    "Monterey, 28 h": "readsb/monterey_36N122W_20250601.jsonl.gz",
    "Watsonville, 1 day": "readsb/kwvi_watsonville_20251213.jsonl.gz",
    "Black Rock, 1 h": "readsb/brc_20230829_1000-1100Z.jsonl.gz",
    "Black Rock, 20 min": "readsb/brc_20230830_0810-0830Z.jsonl.gz",
    "a trace of readsb": "readsb/trace_full_ac671b.json",
    "special missions": "special_missions.parquet",
}
WHY = {
    Reason.FROZEN: "OpenSky repeats the last position it had of an aircraft that is no longer heard",
    Reason.TELEPORT: "5 NM on at its next plot after a gap or under a wrong stamp; the spoofed flight 4baac6",
    Reason.MIRRORED: "an old velocity told on while the aircraft turned round",
    Reason.DELAYED_COPY: "a refused place where the same aircraft was before: 4baac6 while spoofed, 4b1815",
    Reason.ALTITUDE_JUMP: "altitudes up to 123,100 ft over Paris; Black Rock tells altitude 0 now and then",
    Reason.SPOOFED_CIRCLE: "steep turns of light aircraft, the velocities told in steps",
    Reason.UNIT_MIXUP: "stamps seconds wrong: two plots in a row seem to fly half, or twice, as fast as told",
    Reason.COASTED_TOO_LONG: "not heard for 10 s and more: a gap of reception, and its place is then old indeed",
    Reason.IDENTITY_SWAP: "one callsign after the other aircraft's; not looked into further",
    Reason.CLOCK_SKEW: "stamps that go back",
}


def suspected(plots: Plots) -> Counter[Reason]:
    """Return how often a track of *plots*, played second by second, became suspect, by reason."""
    tracker, found, was = Tracker(4_000), Counter(), {}
    known = {rule.reason for rule in RULES}
    at, n = plots["applicable_at_ns"], 0
    now = int(at[0]) // NS_PER_S * NS_PER_S
    while n < len(plots):
        now += NS_PER_S
        stop = int(np.searchsorted(at, now, side="right"))
        tracker.take(0, 0, plots[n:stop], Instant(now))
        n = stop
        tracker.tick(Instant(now))
        tracks = tracker.snapshot()
        if not len(tracks) and n < len(plots):
            now = max(now, int(at[n]) // NS_PER_S * NS_PER_S)
        reasons = dict(zip(tracks["number"].tolist(), tracks["not_assessed"].tolist(), strict=True))
        found.update(Reason(r) for k, r in reasons.items() if r in known and was.get(k) != r)
        was = reasons
    return found


def flights_of(plots: Plots, rng: np.random.Generator) -> Iterator[Plots]:
    """Yield pieces of 90 s of single flights that are heard at least every 5 s and move."""
    names = np.unique(plots["identity"])
    while True:
        flight = plots[plots["identity"] == rng.choice(names)]
        fresh = np.r_[True, (np.diff(flight["latitude_rad"]) != 0) | (np.diff(flight["longitude_rad"]) != 0)]
        flight = flight[fresh & np.isfinite(flight["v_east_mps"]) & np.isfinite(flight["altitude_pressure_m"])]
        if len(flight) < 60:
            continue
        start = int(rng.integers(0, len(flight) - 50))
        t = flight["applicable_at_ns"]
        piece = flight[start : start + int(np.searchsorted(t[start:], t[start] + 90 * NS_PER_S))]
        steps = np.diff(piece["applicable_at_ns"])
        fast = np.hypot(piece["v_east_mps"], piece["v_north_mps"]).min(initial=np.inf) > 60.0
        high = len(piece) and piece["altitude_pressure_m"].min() > 1_500.0
        if len(piece) >= 40 and fast and high and steps.max() <= 5 * NS_PER_S and steps.min() > 0:
            yield piece


def found_in(kind_name: str, flight: Plots, rng: np.random.Generator, party: int) -> Flagged:
    kind = KINDS[kind_name]
    start = len(flight) // 2
    made = kind.make(flight, start, rng)
    step_ns = int(np.median(np.diff(flight["applicable_at_ns"])))
    begins = int(flight["applicable_at_ns"][start]) + (step_ns // 3 if kind_name in LATE else 0)
    return watched(made, begins, kind, party)


def table(folder: Path, seeds: int) -> str:
    """Return docs/data-quality.md."""
    recordings = {name: open_recording(folder / file).plots for name, file in RECORDINGS.items()}
    rows = []
    for name, kind in KINDS.items():
        cells = []
        for where in ("synthetic", "Paris TMA, 2 h"):
            found = []
            for seed in range(seeds):
                rng = np.random.default_rng(seed)
                flight = synthetic(rng) if where == "synthetic" else next(flights_of(recordings[where], rng))
                found.append(found_in(name, flight, rng, seed % 2))
            after = np.array([f.after_s for f in found])
            whatever = np.array([f.any_after_s for f in found])
            median = np.median(after)
            cells += [
                f"{median:.1f}",
                f"{100 * np.mean(after <= 10):.0f} %",
                f"{100 * np.mean(whatever <= 10):.0f} %",
                f"{100 * np.mean([f.real_judged >= 0.95 for f in found]):.0f} %",
            ]
        rows.append(f"| {kind.reason.name.lower().replace('_', ' ')} | " + " | ".join(cells) + " |")
        print(rows[-1], file=sys.stderr)
    honest, total, hours_all = [], Counter(), 0.0
    for name, plots in recordings.items():
        hours = flight_hours(plots)
        counted = suspected(plots)
        total += counted
        hours_all += hours
        shown = ", ".join(f"{r.name.lower()} {n}" for r, n in counted.most_common())
        honest.append(f"| {name} | {hours:.1f} | {shown} |")
        print(honest[-1], file=sys.stderr)
    reasons = [f"| {r.name.lower()} | {n} | {n / hours_all:.3f} | {WHY.get(r, '')} |" for r, n in total.most_common()]
    rules = [f"| {r.reason.name.lower()} | {r.sees} | {r.because} | {r.blind_to} |" for r in RULES]
    return "\n".join([
        "# False tracks",
        "",
        "Written by `python benchmarks/data_quality.py FOLDER --write docs/data-quality.md`; not edited by hand.",
        "A track under suspicion is shown and *not assessed*, with its reason; it is never deleted, and a peer's",
        "never takes one of ours out of judgement. The rules are in `suspicion.py`, `echo.py`, `follow.py` and",
        "`correlate.py` of `src/detente/picture`. The rules that compare the way flown with the way told need three",
        "or four plots: of a source with a plot in 10 s that is 20 to 30 s.",
        "",
        "## What each rule sees",
        "",
        "| kind | sees | because | cannot see |",
        "| --- | --- | --- | --- |",
        *rules,
        "",
        f"## How soon: {seeds} false tracks of each kind, half of them a peer's",
        "",
        "Seconds from the first false plot until it is not assessed for its own reason (median), the share within",
        "10 s, the share within 10 s for any reason, and in how many the honest track beside it stayed assessed.",
        "",
        "| kind | synthetic: s | own reason | any | honest stays | Paris: s | own reason | any | honest stays |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *rows,
        "",
        "## How often an honest track is suspected",
        "",
        "| recording | flight hours | times a track became suspect |",
        "| --- | ---: | --- |",
        *honest,
        "",
        "| reason | times | per flight hour | why |",
        "| --- | ---: | ---: | --- |",
        *reasons,
        "",
    ])  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--write", type=Path)
    asked = parser.parse_args()
    text = table(asked.folder, asked.seeds)
    if asked.write:
        asked.write.write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
