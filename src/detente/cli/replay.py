"""`detente replay`: a recording through the same surveillance that a node runs, as fast as it goes."""

from __future__ import annotations

import gzip
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

import click
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import Progress, TextColumn
from rich.table import Table

from detente.alerts.alert import Alert, AlertEvent, Happening, Kind, Level
from detente.alerts.life import AlertBook
from detente.detect import detector as detection
from detente.detect.detector import Detector
from detente.detect.profile import PROFILES, profile_named
from detente.detect.volume import read_activities
from detente.detect.zone import Zone, read_zones
from detente.errors import ConfigError, FeedFault
from detente.feeds.plot import Plots, Reject
from detente.feeds.site import Site
from detente.node.recordings import open_recording
from detente.picture import tracker as tracking
from detente.picture.picture import Reason
from detente.picture.tracker import Tracker
from detente.surveillance import Surveillance
from detente.types import NS_PER_S, Instant, PartyId, instant_of_iso, iso_utc
from detente.units import DEG_PER_RAD, M_PER_NM

_Read = TypeVar("_Read")

_TICK_NS: Final = NS_PER_S
_GAP_NS: Final = 60 * NS_PER_S
"""Time between two plots of an aircraft that is not counted as flight."""


@dataclass(slots=True)
class Replayed:
    """What a replay has come to so far."""

    rejected: Counter[str] = field(default_factory=Counter)
    names: dict[int, str] = field(default_factory=dict)  # track number → identity
    not_assessed: dict[Reason, set[int]] = field(default_factory=dict)
    levels: dict[int, tuple[Kind, Level]] = field(default_factory=dict)  # alert → the highest level it reached

    def note(self, surveillance: Surveillance) -> None:
        """Take the names and the not-assessed of the last pass."""
        for number, identity in zip(
            surveillance.tracks["number"].tolist(), surveillance.tracks["identity"].tolist(), strict=True
        ):
            if number not in self.names:
                self.names[number] = identity.decode("ascii", "replace")
        for lost in surveillance.assessment.not_assessed:
            self.not_assessed.setdefault(lost.reason, set()).add(lost.track)


@click.command(epilog="\b\nExample: detente replay traffic.parquet --zones line.geojson --profile terminal")
@click.argument("recordings", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--zones", "zones_file", type=click.Path(path_type=Path), help="Zones to judge against, GeoJSON.")
@click.option("--activities", "activities_file", type=click.Path(path_type=Path), help="Declared activities, GeoJSON.")
@click.option("--profile", "profile_name", default="en-route", show_default=True, help=", ".join(PROFILES))
@click.option("--receiver", help="LAT,LON[,HEIGHT_M] of the antenna: needed for radar plots, better for raw Mode S.")
@click.option("--started-at", help="Instant (ISO 8601, UTC) of the first message, for formats that do not tell.")
@click.option("--from", "from_utc", help="Leave out what is before this instant (ISO 8601, UTC).")
@click.option("--to", "to_utc", help="Leave out what is after this instant (ISO 8601, UTC).")
@click.option("--json", "as_json", is_flag=True, help="One event a line on stdout, a summary last.")
def replay(
    recordings: tuple[Path, ...],
    zones_file: Path | None,
    activities_file: Path | None,
    profile_name: str,
    receiver: str | None,
    started_at: str | None,
    from_utc: str | None,
    to_utc: str | None,
    as_json: bool,
) -> None:
    """Run RECORDINGS, merged by time, through tracker, detector and alerts.

    The absence of an alert is not a clearance.
    """
    profile = profile_named(profile_name)
    zones = read_zone_file(zones_file) if zones_file else ()
    activities = _read(activities_file, read_activities) if activities_file else ()
    site = _site(receiver) if receiver else None
    given = {"--started-at": started_at, "--from": from_utc, "--to": to_utc}
    first_at, low, high = (_instant(option, text) for option, text in given.items())
    began = time.perf_counter()
    replayed = Replayed()
    with _bar() as bar:
        reading = bar.add_task("reading", total=len(recordings))
        plots_read = 0
        sources: list[Plots] = []
        for path in recordings:
            recording = open_recording(path, receiver=site, started_at=first_at)
            replayed.rejected.update({reason.name.lower(): n for reason, n in recording.rejected.items()})
            plots_read += len(recording.plots) + recording.rejected.total()
            sources.append(_between(recording.plots, low, high))
            bar.advance(reading)
        if not any(len(plots) for plots in sources):
            raise FeedFault("no plot lies between --from and --to")
        loading = bar.add_task("loading the kernels", total=1)  # half a minute where they were never compiled
        tracking.warm()
        detection.warm()
        bar.advance(loading)
        surveillance = Surveillance(Tracker(), Detector(profile, zones), AlertBook(profile))
        surveillance.set_activities(activities)
        first, last = _span(sources)
        replaying = bar.add_task("replaying", total=(last - first) / NS_PER_S)
        events = run(
            sources, surveillance, replayed, lambda now: bar.update(replaying, completed=(now - first) / NS_PER_S)
        )
        owners = {zone.zone_id: zone.asserted_by for zone in zones}
        show = _print_json if as_json else _print_row
        for event in events:
            show(event, replayed.names, owners)
    wall_s = time.perf_counter() - began
    summary = summarised(replayed, sources, plots_read, wall_s)
    if as_json:
        print(json.dumps(summary))
    else:
        _print_summary(summary)
    if not summary["tracks"]:
        counts = ", ".join(f"{n} {reason}" for reason, n in summary["rejected"].items())
        raise FeedFault(f"{', '.join(map(str, recordings))}: not one plot could be used ({counts}): nothing was judged")


def read_zone_file(path: Path) -> tuple[Zone, ...]:
    """Return the zones of a GeoJSON file, plain or gzipped; raises ConfigError with the file's name."""
    return _read(path, lambda raw: read_zones(raw, asserted_by=PartyId("not-stated")))


def _read(path: Path, reader: Callable[[bytes], _Read]) -> _Read:
    """Return what *reader* makes of a file, plain or gzipped; raises ConfigError with the file's name."""
    try:
        raw = path.read_bytes()
        if raw[:2] == b"\x1f\x8b":
            raw = gzip.decompress(raw)
    except (OSError, EOFError, gzip.BadGzipFile) as wrong:
        raise ConfigError(
            f"{path}: {wrong.strerror if isinstance(wrong, OSError) and wrong.strerror else wrong}"
        ) from None
    try:
        return reader(raw)
    except ConfigError as wrong:
        raise ConfigError(f"{path}: {wrong}") from None


def run(
    sources: list[Plots],
    surveillance: Surveillance,
    replayed: Replayed,
    on_tick: Callable[[Instant], None] = lambda _: None,
) -> Iterator[AlertEvent]:
    """Play *sources*, each in order of time, second by second, and yield the alert events.

    Counts and names gather in *replayed*. Hours in which nobody flies are skipped.
    """
    nexts = [0] * len(sources)
    # Side by side: of a column within rows, numpy would copy all that is left each time it is searched.
    at_ns = [np.ascontiguousarray(plots["applicable_at_ns"]) for plots in sources]
    first, last = _span(sources)
    now = -(-first // _TICK_NS) * _TICK_NS
    # A minute more, so that what is still open when the recording ends is dropped and cleared in its time.
    end = last + 2 * _GAP_NS
    while now <= end:
        heard = False
        for source, plots in enumerate(sources):
            start = nexts[source]
            stop = start + int(np.searchsorted(at_ns[source][start:], now, side="right"))
            if stop > start:
                heard = True
                counts = surveillance.take(0, source, plots[start:stop], Instant(now))
                nexts[source] = stop
                replayed.rejected.update(
                    {reason.name.lower(): int(counts[reason]) for reason in Reject if counts[reason]}
                )
        before = surveillance.assessment.at
        events = surveillance.tick(Instant(now))
        if surveillance.assessment.at != before:
            replayed.note(surveillance)
            on_tick(Instant(now))
        for event in events:
            replayed.levels[event.alert.alert_id] = (event.alert.kind, event.alert.level)
            yield event
        now += _TICK_NS
        if not heard and not len(surveillance.tracker) and not surveillance.book.active:
            ahead = [
                int(plots["applicable_at_ns"][n]) for plots, n in zip(sources, nexts, strict=True) if n < len(plots)
            ]
            if not ahead:
                return
            now = max(now, -(-min(ahead) // _TICK_NS) * _TICK_NS)


def summarised(replayed: Replayed, sources: list[Plots], plots_read: int, wall_s: float) -> dict[str, Any]:
    """Return the summary line of a replay."""
    first, last = _span(sources)
    hours = sum(flight_hours(plots) for plots in sources)
    alerts: dict[str, dict[str, int]] = {}
    for kind, level in replayed.levels.values():
        by_level = alerts.setdefault(kind.value, {})
        by_level[level.value] = by_level.get(level.value, 0) + 1
    lost = set().union(*replayed.not_assessed.values()) if replayed.not_assessed else set()
    return {
        "type": "summary",
        "tracks": len(set(replayed.names.values())),
        "plots_read": plots_read,
        "rejected": dict(sorted(replayed.rejected.items())),
        "not_assessed": len({replayed.names.get(number, "") for number in lost}),
        "not_assessed_reasons": {
            reason.name.lower(): len(numbers) for reason, numbers in sorted(replayed.not_assessed.items())
        },
        "alerts": alerts,
        "flight_hours": round(hours, 2),
        "alerts_per_flight_hour": round(len(replayed.levels) / hours, 4) if hours else None,
        "wall_s": round(wall_s, 3),
        "speed_up": round((last - first) / NS_PER_S / wall_s, 1),
    }


def flight_hours(plots: Plots) -> float:
    """Return how long all aircraft of *plots* were heard, in hours: gaps of more than a minute are not counted."""
    _, aircraft = np.unique(plots["identity"], return_inverse=True)
    order = np.lexsort((plots["applicable_at_ns"], aircraft))
    apart = np.diff(plots["applicable_at_ns"][order])
    flown = (np.diff(aircraft[order]) == 0) & (apart <= _GAP_NS)
    return float(apart[flown].sum()) / NS_PER_S / 3600.0


def _instant(option: str, text: str | None) -> Instant | None:
    try:
        return instant_of_iso(text) if text else None
    except ValueError as wrong:
        raise ConfigError(f"{option}: an instant is ISO 8601 in UTC, like 2018-08-01T05:00:00Z: {wrong}") from None


def _site(text: str) -> Site:
    try:
        site = Site(*(float(part) for part in text.split(",")))
    except (ValueError, TypeError):
        raise ConfigError(f"--receiver is LAT,LON or LAT,LON,HEIGHT_M in degrees and metres, not {text!r}") from None
    if not (abs(site.latitude_deg) <= 90.0 and abs(site.longitude_deg) <= 180.0 and abs(site.height_m) < 1e5):
        raise ConfigError(f"--receiver {text} is off the globe")
    return site


def _between(plots: Plots, low: Instant | None, high: Instant | None) -> Plots:
    at_ns: npt.NDArray[np.int64] = plots["applicable_at_ns"]
    start = int(np.searchsorted(at_ns, low)) if low is not None else 0
    stop = int(np.searchsorted(at_ns, high, side="right")) if high is not None else len(plots)
    return plots[start:stop]


def _span(sources: list[Plots]) -> tuple[int, int]:
    held = [plots["applicable_at_ns"] for plots in sources if len(plots)]
    return min(int(at_ns[0]) for at_ns in held), max(int(at_ns[-1]) for at_ns in held)


def _bar() -> Progress:
    console = Console(stderr=True)
    return Progress(
        *Progress.get_default_columns(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def event_record(
    event: AlertEvent, names: dict[int, str], owners: Mapping[str, PartyId] = MappingProxyType({})
) -> dict[str, Any]:
    """Return one alert event as the contract's JSON object; *owners*: who asserts each zone."""
    alert = event.alert
    record: dict[str, Any] = {
        "type": "alert",
        "alert_id": alert.alert_id,
        "event": event.happening.value,
        "kind": alert.kind.value,
        "a": names.get(alert.a, str(alert.a)),
    }
    if alert.zone:
        record["zone"] = alert.zone
        if alert.zone in owners:
            record["asserted_by"] = owners[alert.zone]
    else:
        record["b"] = names.get(alert.b, str(alert.b))
    record |= {
        "at": iso_utc(alert.updated_at),
        "time_to_event_s": _finite(alert.time_to_event_s),
        "level": alert.level.value,
        "event_at": iso_utc(alert.event_at) if alert.event_at is not None else None,
        "distance_m": _finite(alert.distance_m),
        "vertical_ft": alert.vertical_ft,
        "latitude_deg": round(alert.latitude_rad * DEG_PER_RAD, 6),
        "longitude_deg": round(alert.longitude_rad * DEG_PER_RAD, 6),
    }
    if alert.levels:
        record["condition"] = condition(alert, names)
    if alert.margin_m or alert.margin_ft:
        record |= {"margin_m": round(alert.margin_m, 1), "margin_ft": round(alert.margin_ft, 1)}
    if alert.held_because:
        record["held_because"] = alert.held_because
    if event.happening is Happening.CLEARED:
        record["cleared_because"] = alert.cleared_because
    return record


def condition(alert: Alert, names: dict[int, str]) -> str:
    """Return in words what a conditional alert depends on: ``if 4ca225 does not level at FL360``."""
    return "if " + " or ".join(
        f"{names.get(track, str(track))} does not level at FL{round(level_ft / 100):03d}"
        for track, level_ft in alert.levels
    )


def _finite(value: float) -> float | None:
    return round(value, 1) if np.isfinite(value) else None


def _print_json(event: AlertEvent, names: dict[int, str], owners: Mapping[str, PartyId]) -> None:
    print(json.dumps(event_record(event, names, owners)))


def _print_row(event: AlertEvent, names: dict[int, str], owners: Mapping[str, PartyId]) -> None:
    alert = event.alert
    about = alert.zone or names.get(alert.b, "?")
    about += f" ({owners[alert.zone]})" if alert.zone in owners else ""
    print(
        f"{iso_utc(alert.updated_at, 0)}  {alert.alert_id:>4} {event.happening:<8} {alert.kind:<11} {alert.level:<8}"
        f"{names.get(alert.a, '?'):<10} {about:<16} {_when(alert, names)}"
    )


def _when(alert: Alert, names: dict[int, str]) -> str:
    if alert.cleared_because:
        return alert.cleared_because
    what = f"{alert.distance_m / M_PER_NM:.1f} NM"
    what += f" {alert.vertical_ft} ft" if alert.kind in {Kind.CONFLICT, Kind.CONFORMANCE} else ""
    what += f"  {condition(alert, names)}" if alert.levels else ""
    return what if alert.event_at is None else f"in {alert.time_to_event_s:.0f} s  {what}"


def _listed(counts: Mapping[str, Any]) -> str:
    return ", ".join(f"{k} {_listed(v) if isinstance(v, dict) else v}" for k, v in counts.items()) or "none"


def _print_summary(summary: dict[str, Any]) -> None:
    table = Table(show_header=False, box=None)
    for key, value in summary.items():
        if key != "type":
            shown = _listed(value) if isinstance(value, dict) else value
            table.add_row(key.replace("_", " "), str(shown))
    Console(file=sys.stdout).print(table)
    print("The absence of an alert is not a clearance.")
