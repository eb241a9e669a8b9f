"""Plot one encounter: map with both tracks, closest point and minima, vertical profile, and the alerts on a time axis.

    python examples/plot_encounter.py RECORDING --a 4ca225 --b 3c6444 [--alerts alerts.jsonl] [--zones zone.geojson]
        [--profile en-route] [--out encounter.png]

RECORDING is anything `detente replay` reads; `--alerts` what `detente replay --json` wrote of it; of a live case the
same lines with `party`, and `displayed`, `held`, `acknowledged` as events.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Circle

from detente.detect.profile import Profile, profile_named
from detente.detect.zone import Zone, read_zones
from detente.feeds.plot import Plots
from detente.node.recordings import open_recording
from detente.types import NS_PER_S, PartyId, instant_of_iso, iso_utc
from detente.units import M_PER_FT, M_PER_NM

# Okabe and Ito's colours: told apart by every kind of colour vision, and in grey.
A, B, CLOSE, ZONE, INK, FAINT = "#0072B2", "#D55E00", "#000000", "#CC79A7", "#222222", "#9A9A9A"
LEVEL = {"caution": "#F0E442", "warning": "#E69F00", "alarm": "#D55E00"}
MARKS = {"raised": "o", "updated": ".", "held": "s", "displayed": "^", "acknowledged": "D", "cleared": "x"}
EARTH_M = 6_371_008.8


@dataclass(frozen=True)
class Path4D:
    """One aircraft on the seconds both are heard: metres on a plane round the middle, feet."""

    name: str
    east_m: np.ndarray
    north_m: np.ndarray
    altitude_ft: np.ndarray


@dataclass(frozen=True)
class Encounter:
    """Two paths on common seconds, and where they are closest."""

    start_ns: int
    seconds: np.ndarray
    a: Path4D
    b: Path4D
    origin_rad: tuple[float, float]
    closest: int

    @property
    def apart_m(self) -> np.ndarray:
        return np.hypot(self.a.east_m - self.b.east_m, self.a.north_m - self.b.north_m)

    @property
    def apart_ft(self) -> np.ndarray:
        return np.abs(self.a.altitude_ft - self.b.altitude_ft)


def encounter_of(plots: Plots, a: str, b: str, profile: Profile, before_s: int = 180, after_s: int = 60) -> Encounter:
    """Return the nearest meeting of *a* and *b* in *plots*; raises SystemExit when they are never heard together."""
    chosen = [plots[plots["identity"] == name.encode()] for name in (a, b)]
    for name, own in zip((a, b), chosen, strict=True):
        if len(own) < 2:
            raise SystemExit(f"{name} is not in the recording, or has one plot only")
    low = max(int(own["applicable_at_ns"][0]) for own in chosen)
    high = min(int(own["applicable_at_ns"][-1]) for own in chosen)
    if high - low < 2 * NS_PER_S:
        raise SystemExit(f"{a} and {b} are never heard at one time")
    at_ns = np.arange(low, high, NS_PER_S)
    origin = (float(np.mean(chosen[0]["latitude_rad"])), float(np.mean(chosen[0]["longitude_rad"])))
    paths = [_path(name, own, at_ns, origin) for name, own in zip((a, b), chosen, strict=True)]
    apart_m = np.hypot(paths[0].east_m - paths[1].east_m, paths[0].north_m - paths[1].north_m)
    apart_ft = np.nan_to_num(np.abs(paths[0].altitude_ft - paths[1].altitude_ft))
    score = np.hypot(apart_m / profile.minima.horizontal_m, apart_ft / profile.minima.vertical_ft)
    closest = int(np.argmin(score))
    first, last = max(0, closest - before_s), min(len(at_ns), closest + after_s + 1)
    cut = [Path4D(p.name, p.east_m[first:last], p.north_m[first:last], p.altitude_ft[first:last]) for p in paths]
    return Encounter(int(at_ns[first]), np.arange(last - first), cut[0], cut[1], origin, closest - first)


def _path(name: str, own: Plots, at_ns: np.ndarray, origin: tuple[float, float]) -> Path4D:
    height = "altitude_pressure_m" if np.isfinite(own["altitude_pressure_m"]).any() else "altitude_ellipsoid_m"
    known = np.isfinite(own[height])
    at = {c: np.interp(at_ns, own["applicable_at_ns"], own[c]) for c in ("latitude_rad", "longitude_rad")}
    altitude = (
        np.interp(at_ns, own["applicable_at_ns"][known], own[height][known]) / M_PER_FT
        if known.any()
        else np.full(len(at_ns), np.nan)
    )
    east, north = on_plane(at["latitude_rad"], at["longitude_rad"], origin)
    return Path4D(name, east, north, altitude)


def on_plane(latitude_rad: Any, longitude_rad: Any, origin: tuple[float, float]) -> tuple[Any, Any]:
    """Return metres east and north of *origin*: for a picture, not for a verdict."""
    turned = (longitude_rad - origin[1] + np.pi) % (2.0 * np.pi) - np.pi
    return turned * EARTH_M * np.cos(origin[0]), (latitude_rad - origin[0]) * EARTH_M


def alerts_of(path: Path, a: str, b: str, zones: tuple[Zone, ...] = ()) -> list[dict[str, Any]]:
    """Return the lines of an alert list that are about *a* and *b*, or one of them and a zone."""
    about = {a, b} | {zone.zone_id for zone in zones}
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [x for x in lines if x.get("type") == "alert" and {x.get("a"), x.get("b", x.get("zone"))} <= about]


def drawn(encounter: Encounter, profile: Profile, alerts: list[dict[str, Any]], zones: tuple[Zone, ...]) -> plt.Figure:
    """Return the figure of *encounter*."""
    with plt.rc_context(
        {"font.size": 9, "axes.edgecolor": FAINT, "axes.labelcolor": INK, "font.family": "DejaVu Sans"}
    ):
        figure = plt.figure(figsize=(11, 7.2), layout="constrained")
        grid = figure.add_gridspec(2, 2, width_ratios=(1.05, 1), height_ratios=(1.25, 1))
        _map(figure.add_subplot(grid[:, 0]), encounter, profile, zones)
        profile_axes = figure.add_subplot(grid[0, 1])
        _vertical(profile_axes, encounter, profile)
        _times(figure.add_subplot(grid[1, 1], sharex=profile_axes), encounter, alerts)
        k = encounter.closest
        figure.suptitle(
            f"{encounter.a.name} and {encounter.b.name}: closest {encounter.apart_m[k] / M_PER_NM:.2f} NM, "
            f"{encounter.apart_ft[k]:.0f} ft at {iso_utc(encounter.start_ns + k * NS_PER_S, 0)}",
            fontsize=12,
            color=INK,
        )
    return figure


def _map(axes: Axes, encounter: Encounter, profile: Profile, zones: tuple[Zone, ...]) -> None:
    k = encounter.closest
    for path, colour, style in ((encounter.a, A, "-"), (encounter.b, B, "--")):
        east, north = path.east_m / M_PER_NM, path.north_m / M_PER_NM
        axes.plot(east, north, style, color=colour, lw=2, label=path.name)
        axes.plot(east[::30], north[::30], ".", color=colour, ms=5)
        axes.annotate(
            "", (east[-1], north[-1]), (east[-2], north[-2]), arrowprops={"arrowstyle": "-|>", "color": colour}
        )
        axes.plot(east[k], north[k], "o", ms=7, mfc="white", mec=colour, mew=2)
    ends = [(p.east_m[k] / M_PER_NM, p.north_m[k] / M_PER_NM) for p in (encounter.a, encounter.b)]
    axes.plot(*zip(*ends, strict=True), color=CLOSE, lw=1.2, label="closest point")
    radius = profile.minima.horizontal_m / M_PER_NM
    axes.add_patch(Circle(ends[0], radius, fill=False, ls=":", ec=INK, lw=1.2, label=f"minimum {radius:.2g} NM"))
    limits = axes.axis()
    for zone in zones:
        for ring in zone.rings:
            east, north = on_plane(ring[:, 0], ring[:, 1], encounter.origin_rad)
            axes.fill(east / M_PER_NM, north / M_PER_NM, fc=ZONE, alpha=0.12)
            axes.plot(east / M_PER_NM, north / M_PER_NM, color=ZONE, lw=1.5, label=zone.name or zone.zone_id)
    wide = max(limits[1] - limits[0], limits[3] - limits[2], 2.4 * radius) * 0.56
    middle = (0.5 * (limits[0] + limits[1]), 0.5 * (limits[2] + limits[3]))
    axes.set(xlim=(middle[0] - wide, middle[0] + wide), ylim=(middle[1] - wide, middle[1] + wide), aspect="equal")
    axes.set(xlabel="east, NM", ylabel="north, NM", title="Map (a dot every 30 s)")
    axes.grid(color=FAINT, alpha=0.3, lw=0.5)
    axes.legend(loc="best", frameon=True, framealpha=0.9, edgecolor="none")


def _vertical(axes: Axes, encounter: Encounter, profile: Profile) -> None:
    t = encounter.seconds - encounter.closest
    half = profile.minima.vertical_ft
    axes.fill_between(
        t, encounter.a.altitude_ft - half, encounter.a.altitude_ft + half, color=A, alpha=0.1, lw=0,
        label=f"within {half} ft of {encounter.a.name}",
    )  # fmt: skip
    for path, colour, style in ((encounter.a, A, "-"), (encounter.b, B, "--")):
        axes.plot(t, path.altitude_ft, style, color=colour, lw=2, label=path.name)
    lost = (encounter.apart_m < profile.minima.horizontal_m) & (encounter.apart_ft < half)
    for first, last in _runs(lost):
        axes.axvspan(t[first], t[last], color=LEVEL["alarm"], alpha=0.15, lw=0)
    axes.axvline(0.0, color=CLOSE, lw=1)
    axes.set(ylabel="altitude, ft", title="Vertical profile (shaded: below both minima)")
    axes.grid(color=FAINT, alpha=0.3, lw=0.5)
    axes.legend(loc="best", frameon=True, framealpha=0.9, edgecolor="none")


def _times(axes: Axes, encounter: Encounter, alerts: list[dict[str, Any]]) -> None:
    zero_ns = encounter.start_ns + encounter.closest * NS_PER_S
    rows = list(dict.fromkeys(_row_of(alert) for alert in alerts))
    told: set[str] = set()
    for y, row in enumerate(rows):
        own = [(_seconds(x, zero_ns), x) for x in alerts if _row_of(x) == row]
        spans = zip(own, [*own[1:], own[-1]], strict=True)
        for (start, alert), (stop, _) in spans:
            axes.plot(
                (start, stop),
                (y, y),
                color=LEVEL.get(alert.get("level", ""), FAINT),
                lw=7,
                alpha=0.8,
                solid_capstyle="butt",
            )
        for at, alert in own:
            event = "held" if alert.get("held_because") else alert["event"]
            label = event if event not in told else None
            axes.plot(at, y, MARKS.get(event, "."), color=INK, ms=6, label=label, zorder=3)
            told.add(event)
    axes.axvline(0.0, color=CLOSE, lw=1)
    if not rows:
        axes.text(0.5, 0.5, "no alert in the list", transform=axes.transAxes, ha="center", color=FAINT)
    for level, colour in LEVEL.items():
        axes.plot([], [], color=colour, lw=7, alpha=0.8, label=level)
    axes.set_yticks(range(len(rows)), rows)
    axes.set(ylim=(len(rows) - 0.4, -0.6), xlabel="seconds from the closest point", title="Alerts")
    axes.set_xlim(-encounter.closest, encounter.seconds[-1] - encounter.closest)
    axes.grid(axis="x", color=FAINT, alpha=0.3, lw=0.5)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=5, frameon=False, fontsize=8)


def _row_of(alert: dict[str, Any]) -> str:
    party = f"{alert['party']}: " if alert.get("party") else ""
    return f"{party}{alert['kind']} {alert['alert_id']}"


def _seconds(alert: dict[str, Any], zero_ns: int) -> float:
    return (instant_of_iso(alert["at"]) - zero_ns) / NS_PER_S


def _runs(where: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.r_[False, where, False]))
    return [(int(first), int(last) - 1) for first, last in edges.reshape(-1, 2)]


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording", type=Path)
    parser.add_argument("--a", required=True)
    parser.add_argument("--b", required=True)
    parser.add_argument("--alerts", type=Path)
    parser.add_argument("--zones", type=Path)
    parser.add_argument("--profile", default="en-route")
    parser.add_argument("--out", type=Path, default=Path("encounter.png"))
    asked = parser.parse_args(words)
    profile = profile_named(asked.profile)
    zones = read_zones(asked.zones.read_bytes(), asserted_by=PartyId("not-stated")) if asked.zones else ()
    encounter = encounter_of(open_recording(asked.recording).plots, asked.a, asked.b, profile)
    alerts = alerts_of(asked.alerts, asked.a, asked.b, zones) if asked.alerts else []
    drawn(encounter, profile, alerts, zones).savefig(asked.out, dpi=150)
    print(asked.out)


if __name__ == "__main__":
    main()
