"""Pictures of a policy at work, as PNG files: our picture beside what a peer sees of it; what two policies differ in.

matplotlib is imported when a picture is drawn and not before: no other command waits for it. It draws into a file and
never opens a window.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from detente.detect.zone import Zone
from detente.errors import ConfigError
from detente.picture.picture import Tracks
from detente.release.compare import Gain
from detente.release.policy import Policy
from detente.release.release import Released
from detente.types import iso_utc
from detente.units import DEG_PER_RAD, EARTH_MEAN_RADIUS_M, M_PER_NM

_OWN: Final = "#1b4f8a"
_OTHER: Final = "#555555"
_AREA: Final = "#b0762a"
_LINE: Final = "#7a1f3d"
_GAIN: Final = "#b3261e"
_LOSS: Final = "#2e6b34"


def side_by_side(
    path: Path, policy: Policy, zones: Sequence[Zone], tracks: Tracks, frame: Released, own: str = "our picture"
) -> None:
    """Draw to *path* our picture and, at the same scale beside it, what the peer sees of it."""
    plt, figure, (left, right) = _figure(2)
    shown = np.isfinite(tracks["latitude_rad"])
    for axes in (left, right):
        _map(axes, policy, zones, tracks)
    mine = shown & (tracks["declared_by"] == 0)
    for some, colour, word in (
        (shown & ~mine, _OTHER, "seen by our sensors"),
        (mine, _OWN, "declared ours"),
    ):
        at = tracks[some]
        left.scatter(
            at["longitude_rad"] * DEG_PER_RAD,
            at["latitude_rad"] * DEG_PER_RAD,
            s=14,
            c=colour,
            label=f"{word}: {len(at)}",
            zorder=3,
        )
    left.set_title(f"{own}: {int(shown.sum())} tracks", fontsize=10)
    items = frame.items
    latitude, longitude = items["latitude_e7"] * 1e-7, items["longitude_e7"] * 1e-7
    exact, is_named = frame.is_exact, items["callsign"] != b""
    is_coarse = _is_coarse(policy, frame)
    for some, marker, word in (
        (exact & is_named, "o", "exact, with its name"),
        (exact & ~is_named, "^", "exact, without a name"),
        (~exact & ~is_coarse, "v", "in place and not in all, or late"),
    ):
        if some.any():
            right.scatter(
                longitude[some],
                latitude[some],
                s=14,
                marker=marker,
                c=_OWN,
                label=f"{word}: {int(some.sum())}",
                zorder=3,
            )
    for i in np.flatnonzero(is_coarse).tolist():
        _cell(right, float(latitude[i]), float(longitude[i]), float(items["precision_m"][i]), plt)
    if is_coarse.any():
        right.plot([], [], "s", c=_OTHER, alpha=0.4, label=f"somewhere in this square: {int(is_coarse.sum())}")
    right.set_title(f"{frame.peer} sees {frame.released}; withheld {len(tracks) - frame.released}", fontsize=10)
    for axes in (left, right):
        if axes.get_legend_handles_labels()[0]:  # a peer that sees nothing has nothing to explain
            axes.legend(loc="lower left", fontsize=7, framealpha=0.9)
    figure.suptitle(f"{policy.name}, {iso_utc(frame.at, 0)}", fontsize=11)
    _save(figure, path)


def difference(
    path: Path,
    policies: tuple[Policy, Policy],
    zones: Sequence[Zone],
    tracks: Tracks,
    frame: Released,
    gains: Sequence[Gain],
) -> None:
    """Draw to *path* which tracks *frame*'s peer is told more and less of by the second policy than by the first."""
    _, figure, (axes,) = _figure(1)
    _map(axes, policies[1], zones, tracks)
    rest = np.isfinite(tracks["latitude_rad"])
    for gain in gains:
        rest[gain.row] = False
    places = tracks["longitude_rad"] * DEG_PER_RAD, tracks["latitude_rad"] * DEG_PER_RAD
    axes.scatter(places[0][rest], places[1][rest], s=8, c=_OTHER, alpha=0.5, label=f"the same: {int(rest.sum())}")
    for word, marker, colour, rows in (
        ("more is told", "^", _GAIN, [g.row for g in gains if g.gained]),
        ("less is told", "v", _LOSS, [g.row for g in gains if g.lost and not g.gained]),
    ):
        if rows:
            axes.scatter(places[0][rows], places[1][rows], s=26, marker=marker, c=colour, label=f"{word}: {len(rows)}")
    axes.legend(loc="lower left", fontsize=8)
    names = " to ".join(repr(policy.name) for policy in policies)
    axes.set_title(f"{frame.peer}, {iso_utc(frame.at, 0)}: from {names}", fontsize=9)
    _save(figure, path)


def _figure(panels: int) -> tuple[Any, Any, Any]:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, panels, figsize=(5.6 * panels, 5.2), dpi=90, layout="constrained", squeeze=False)
    return plt, figure, axes[0]


def _map(axes: Any, policy: Policy, zones: Sequence[Zone], tracks: Tracks) -> None:
    latitude, longitude = tracks["latitude_rad"] * DEG_PER_RAD, tracks["longitude_rad"] * DEG_PER_RAD
    known = np.isfinite(latitude)
    south, north = float(latitude[known].min()) - 0.1, float(latitude[known].max()) + 0.1
    west, east = float(longitude[known].min()) - 0.1, float(longitude[known].max()) + 0.1
    for zone in zones:
        for ring in zone.rings:
            axes.plot(ring[:, 1] * DEG_PER_RAD, ring[:, 0] * DEG_PER_RAD, c=_LINE, lw=1.4, zorder=2)
    for area in policy.area:
        if area.circle is not None:
            turn = np.linspace(0.0, 2.0 * math.pi, 90)
            radius = area.circle.radius_nm * M_PER_NM / EARTH_MEAN_RADIUS_M * DEG_PER_RAD
            lat, lon = area.circle.centre
            ring_lat, ring_lon = lat + radius * np.cos(turn), lon + radius * np.sin(turn) / math.cos(math.radians(lat))
        else:
            ring_lat, ring_lon = np.array([*(area.polygon or []), (area.polygon or [])[0]]).T
        axes.plot(ring_lon, ring_lat, c=_AREA, lw=1.2, ls="--", zorder=2)
        axes.annotate(area.name, (float(ring_lon.mean()), float(ring_lat.max())), fontsize=7, color=_AREA, ha="center")
    axes.set_xlim(west, east)
    axes.set_ylim(south, north)
    axes.set_aspect(1.0 / math.cos(math.radians((south + north) / 2.0)))
    axes.tick_params(labelsize=7)
    axes.grid(color="#dddddd", lw=0.5)


def _cell(axes: Any, latitude: float, longitude: float, size_m: float, plt: Any) -> None:
    height = size_m / EARTH_MEAN_RADIUS_M * DEG_PER_RAD
    width = height / math.cos(math.radians(latitude))
    corner = longitude - width / 2.0, latitude - height / 2.0
    axes.add_patch(plt.Rectangle(corner, width, height, fc=_OTHER, ec=_OTHER, alpha=0.35, lw=0.5, zorder=1))


def _is_coarse(policy: Policy, frame: Released) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    gives = [policy.rule[int(frame.decisions[row])].give for row in frame.rows]
    return np.array([give is not None and give.position_grid_m > 0 for give in gives], np.bool_)


def _save(figure: Any, path: Path) -> None:
    try:
        figure.savefig(path, format="png", metadata={"Software": None})
    except OSError as wrong:
        raise ConfigError(f"{path}: {wrong.strerror or wrong}") from None
