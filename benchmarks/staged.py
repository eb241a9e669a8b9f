"""Staged and accidental encounters: how long before the closest point each is told, at what level, by each profile.

`python benchmarks/staged.py SHARED_FOLDER` prints the rows of the table in docs/nuisance.md. The encounters are those
of the tests: flights staged to come near each other (OCAP), the collision over Washington in January 2025, and the
scenarios that NASA ships with DAIDALUS.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from detente.alerts.alert import AlertEvent, Level
from detente.detect.profile import PROFILES
from detente.feeds.plot import Plots
from detente.types import NS_PER_S
from incidents import DAIDALUS, closest_s, daidalus, dca, ocap, watched

WASHINGTON_S: Final = 1_738_201_679.0
STAGED: Final = {
    "20250110_birrfeld": ("rdn1+yla1", "rdn2+yla2"),
    "20250222_birrfeld": ("cxq+yla",),
    "20250408_grenchen": ("19F+1CB+68D",),
}
ONE_AIRCRAFT: Final = {"68d": "1cb"}
"""Two devices in one aircraft: it is told under the name of the first."""


def told(plots: Plots, profile: str) -> tuple[list[AlertEvent], dict[int, str]]:
    """Return the alert events of *plots* under a profile, and the names of its tracks."""
    events, replayed = watched([plots], PROFILES[profile])
    return events, replayed.names


def row(name: str, profile: str, events: list[AlertEvent], closest: float) -> str:
    """Return the table's row of an encounter that was closest at an instant, s: of the alert that stood then."""
    lives: dict[int, list[AlertEvent]] = {}
    for event in events:
        lives.setdefault(event.alert.alert_id, []).append(event)
    leads, levels = [], []
    for life in lives.values():
        at = [event.alert.updated_at / NS_PER_S for event in life]
        warned = [t for t, event in zip(at, life, strict=True) if event.alert.level is not Level.CAUTION]
        if warned and at[0] <= closest <= at[-1] + 1.0:
            leads.append(closest - warned[0])
            levels.append(max((event.alert.level for event in life), key=list(Level).index))
    highest = max(levels, key=list(Level).index) if levels else "none"
    return f"| {name} | {profile} | {highest} | {f'{max(leads):.0f}' if leads else ''} |"


def rows(shared: Path) -> Iterator[str]:
    """Yield the rows of the table."""
    for profile in PROFILES:
        yield row("Washington, 29 January 2025", profile, told(dca(shared), profile)[0], WASHINGTON_S)
    for name in DAIDALUS:
        plots = daidalus(shared, name)
        for profile in PROFILES:
            yield row(f"DAIDALUS {name}", profile, told(plots, profile)[0], closest_s(plots))
    with (shared / "data/incidents/ocap_staged_encounters/closest_approach.csv").open() as file:
        windows = list(csv.DictReader(file))
    for day, flown in STAGED.items():
        for objects in flown:
            plots = ocap(shared, day, objects.split("+"))
            origin = plots["applicable_at_ns"][0] / NS_PER_S
            events, names = told(plots, "light-aircraft")
            for window in (w for w in windows if w["day"] == day and w["objects"].lower() == objects.lower()):
                pair = {f"~{ONE_AIRCRAFT.get(name, name)}" for name in window["pair"].lower().split("/")}
                own = [e for e in events if {names[e.alert.a], names[e.alert.b]} == pair]
                apart = f"{window['horizontal_m']} m and {abs(int(window['vertical_m']))} m"
                test = window["test_file"].removeprefix("test_").removesuffix(".tst")
                name = f"OCAP {test}, {window['pair']}: {apart}"
                yield row(name, "light-aircraft", own, origin + float(window["t_closest_s"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path)
    for line in rows(parser.parse_args().shared):
        print(line)


if __name__ == "__main__":
    main()
