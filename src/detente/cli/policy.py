"""`detente policy`: what a release policy lets out, seen before it is switched on.

The recording goes through the tracker of a node and the very function that makes the frames for a peer.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click
import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from detente.cli.replay import read_zone_file
from detente.detect.zone import Zone
from detente.engine.values import Declared
from detente.errors import ConfigError, FeedFault
from detente.feeds.plot import Plots
from detente.node.recordings import open_recording
from detente.picture.picture import NOBODY, Tracks
from detente.picture.tracker import Tracker
from detente.release.lint import lint
from detente.release.policy import Policy, parse_policy
from detente.release.release import COLUMNS, FIXED, UNTOLD, Released, Releaser
from detente.types import NS_PER_S, Instant, PartyId, instant_of_iso, instant_of_ms, iso_utc
from detente.units import DEG_PER_RAD, M_PER_FT

STEP_S: Final = 5
"""Time between two frames of a preview. A node makes one a second; what they hold is the same."""

_REF_KEY: Final = b"the refs of a preview leave nobody's desk"
_err = Console(stderr=True, highlight=False)


@click.group()
def policy() -> None:
    """Look at a release policy before it is switched on. What no rule releases is withheld."""


_file = click.Path(path_type=Path)
_policy_file = click.argument("policy_file", metavar="POLICY.toml", type=_file)
_recording = click.argument("recording", type=_file)
_zones = click.option("--zones", "zone_files", multiple=True, type=_file, help="Notified lines and zones, GeoJSON.")
_peer = click.option("--peer", required=True, help="Whose view.")
_at = click.option("--at", "at_utc", help="One instant (ISO 8601, UTC).")
_declares = click.option(
    "--declares", multiple=True, metavar="PREFIX", help="Call signs or identities that begin so are declared ours."
)
_json = click.option("--json", "as_json", is_flag=True, help="JSON lines on stdout, a summary last.")


@policy.command()
@_policy_file
@_zones
@click.option("--peer", "peers", multiple=True, help="A peer the node knows; rules for others are named.")
def check(policy_file: Path, zone_files: tuple[Path, ...], peers: tuple[str, ...]) -> int:
    """Read a policy, print its digest and every rule that can never decide. Exit 1 if there is one."""
    read = read_policy(policy_file)
    zones = _all_zones(zone_files)
    odd = lint(read, [PartyId(peer) for peer in peers], {zone.zone_id for zone in zones} if zone_files else None)
    if zone_files and not odd:
        Releaser(read, zones, {})
    print(f"{policy_file}: {read.name}, {len(read.rule)} rules, default withhold")
    print(f"digest {read.digest}")
    for line in odd:
        print(line)
    return 1 if odd else 0


@policy.command("try")
@_policy_file
@_recording
@_peer
@_zones
@_at
@_declares
@_json
def try_(
    policy_file: Path,
    recording: Path,
    peer: str,
    zone_files: tuple[Path, ...],
    at_utc: str | None,
    declares: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show what PEER would have seen of a RECORDING: by rule over all of it, and track by track at one instant.

    Without --at the instant is that of the fullest sky.
    """
    trial = Trial.of(policy_file, recording, peer, zone_files, declares)
    at = _instant(at_utc, trial)
    counted = Counted()
    shown: tuple[Tracks, Released] | None = None
    for tracks, frame in trial.frames():
        counted.take(trial.policy, tracks, frame)
        if frame.at <= at if at is not None else shown is None or len(tracks) > len(shown[0]):
            shown = tracks.copy(), frame
    assert shown is not None
    tracks, frame = shown
    rows = [_row(trial.policy, tracks, frame, i) for i in _by_name(tracks)]
    summary = counted.summary(trial, frame)
    if as_json:
        for row in rows:
            print(json.dumps({"type": "track", "at": iso_utc(frame.at)} | row))
        print(json.dumps(summary))
    else:
        _print_trial(trial, frame, rows, summary)


@policy.command()
@_policy_file
@_recording
@_peer
@click.option("--track", "name", required=True, metavar="CALLSIGN|ICAO", help="Which aircraft.")
@_zones
@_at
@_declares
def explain(
    policy_file: Path,
    recording: Path,
    peer: str,
    name: str,
    zone_files: tuple[Path, ...],
    at_utc: str | None,
    declares: tuple[str, ...],
) -> None:
    """Say why one aircraft of a RECORDING is told to PEER or not: at one instant, or each time the answer changes."""
    trial = Trial.of(policy_file, recording, peer, zone_files, declares)
    at = _instant(at_utc, trial)
    wanted = {name.upper().encode(), name.lower().encode()}
    last, found = "", False
    for tracks, frame in trial.frames(until=at):
        rows = [i for i in range(len(tracks)) if {tracks["callsign"][i], tracks["identity"][i]} & wanted]
        for i in rows if at is None or frame.at + STEP_S * NS_PER_S > at else []:
            found = True
            why = trial.releaser.explain(tracks[i : i + 1], trial.peer, frame.at)
            if why != last:
                print(f"{iso_utc(frame.at, 0)}  {why}")
            last = why
    if not found:
        when = f" at {iso_utc(at, 0)}" if at is not None else ""
        raise FeedFault(f"{recording}: no track {name!r}{when}")


@dataclass(frozen=True)
class Trial:
    """One policy, one recording, one reader."""

    policy: Policy
    releaser: Releaser
    peer: PartyId
    plots: Plots
    declared: Declared
    source: str

    @classmethod
    def of(
        cls, policy_file: Path, recording: Path, peer: str, zone_files: Sequence[Path], declares: Sequence[str]
    ) -> Trial:
        """Return what the command's arguments mean; raises ConfigError, FeedFault."""
        read, zones = read_policy(policy_file), _all_zones(zone_files)
        try:
            releaser = Releaser(read, zones, {PartyId(peer): _REF_KEY})
        except ConfigError as wrong:
            raise ConfigError(f"{policy_file}: {wrong}; give its file with --zones") from None
        named = sorted({party for rule in read.rule for party in rule.to})
        if peer not in named:
            print(
                f"{policy_file}: releases nothing to {peer!r}; it names {', '.join(named) or 'nobody'}", file=sys.stderr
            )
        with _err.status(f"reading {recording.name}"):
            plots = open_recording(recording).plots
        ours = Declared(
            tuple(f"{prefix.lower()}*".encode() for prefix in declares), tuple(p.upper().encode() for p in declares)
        )
        return cls(read, releaser, PartyId(peer), plots, ours, recording.name)

    @property
    def first(self) -> Instant:
        return Instant(int(self.plots["applicable_at_ns"][0]))

    @property
    def last(self) -> Instant:
        return Instant(int(self.plots["applicable_at_ns"][-1]))

    def frames(self, until: Instant | None = None) -> Iterator[tuple[Tracks, Released]]:
        """Yield the picture and the peer's frame every STEP_S of the recording in which somebody flies."""
        step = STEP_S * NS_PER_S
        at_ns, tracker = self.plots["applicable_at_ns"], Tracker()
        ours = np.where(self.declared.of(self.plots), 0, NOBODY).astype(np.uint16)
        end = self.last if until is None else min(until, self.last)
        now, start = -(-self.first // step) * step, 0
        with _bar("playing the recording", (end - now) / NS_PER_S) as advance:
            while now < end + step:
                stop = int(np.searchsorted(at_ns, now, side="right"))
                if stop > start:
                    tracker.take(0, 0, self.plots[start:stop], Instant(now), ours[start:stop])
                tracker.tick(Instant(now))
                start, tracks = stop, tracker.snapshot()
                if len(tracks):
                    yield tracks, self.releaser.frame(tracks, self.peer, Instant(now))
                advance(STEP_S)
                now += step


@dataclass
class Counted:
    """Tracks and the time they flew, by what decided about them."""

    steps: dict[int, int] = field(default_factory=dict)
    numbers: dict[int, set[int]] = field(default_factory=dict)
    released: set[int] = field(default_factory=set)
    seen: set[int] = field(default_factory=set)

    def take(self, policy: Policy, tracks: Tracks, frame: Released) -> None:
        self.seen.update(tracks["number"].tolist())
        for decision in np.unique(frame.decisions).tolist():
            decided = tracks["number"][frame.decisions == decision].tolist()
            self.steps[decision] = self.steps.get(decision, 0) + len(decided)
            self.numbers.setdefault(decision, set()).update(decided)
            if _is_release(policy, decision):
                self.released.update(decided)

    def summary(self, trial: Trial, frame: Released) -> dict[str, Any]:
        """Return the last line of `detente policy try --json`."""
        total = sum(self.steps.values())
        order = sorted(self.steps, key=lambda decision: (decision < 0, abs(decision)))
        return {
            "type": "summary",
            "policy": trial.policy.name,
            "digest": trial.policy.digest,
            "peer": trial.peer,
            "recording": trial.source,
            "from": iso_utc(trial.first),
            "to": iso_utc(trial.last),
            "tracks": len(self.seen),
            "tracks_ever_released": len(self.released),
            "at": iso_utc(frame.at),
            "released_now": frame.released,
            "withheld_now": sum(frame.withheld.values()),
            "decided_by": [
                {
                    "by": _decided_by(trial.policy, decision),
                    "effect": "release" if _is_release(trial.policy, decision) else "withhold",
                    "tracks": len(self.numbers[decision]),
                    "track_hours": round(self.steps[decision] * STEP_S / 3600.0, 2),
                    "share": round(self.steps[decision] / total, 4),
                }
                for decision in order
            ],
        }


def read_policy(path: Path) -> Policy:
    """Return the policy in the file *path*; raises ConfigError."""
    try:
        return parse_policy(path.read_bytes(), str(path))
    except OSError as wrong:
        raise ConfigError(f"{path}: {wrong.strerror or wrong}") from None


def _all_zones(files: Sequence[Path]) -> tuple[Zone, ...]:
    return tuple(zone for file in files for zone in read_zone_file(file))


def _instant(text: str | None, trial: Trial) -> Instant | None:
    if text is None:
        return None
    try:
        at = instant_of_iso(text)
    except ValueError as wrong:
        raise ConfigError(f"--at is ISO 8601 in UTC: {wrong}") from None
    if not trial.first <= at <= trial.last:
        raise ConfigError(f"--at: the recording is from {iso_utc(trial.first, 0)} to {iso_utc(trial.last, 0)}")
    return at


def _is_release(policy: Policy, decision: int) -> bool:
    return decision >= 0 and policy.rule[decision].give is not None


def _decided_by(policy: Policy, decision: int) -> str:
    return FIXED[decision] if decision < 0 else f"rule {decision + 1} '{policy.rule[decision].name}'"


def _text(value: Any) -> str:
    return bytes(value).decode("ascii", "replace")


def _number(value: float, digits: int) -> float | None:
    return round(float(value), digits) if np.isfinite(value) else None


def _by_name(tracks: Tracks) -> list[int]:
    return sorted(range(len(tracks)), key=lambda i: (not tracks["callsign"][i], _name(tracks, i)))


def _name(tracks: Tracks, i: int) -> str:
    return _text(tracks["callsign"][i]) or _text(tracks["identity"][i])


def _row(policy: Policy, tracks: Tracks, frame: Released, i: int) -> dict[str, Any]:
    """Return one track as we see it, as the peer sees it (None: not at all), and what decided."""
    track = tracks[i]
    said = frame.item(int(track["number"]))
    return {
        "identity": _text(track["identity"]),
        "callsign": _text(track["callsign"]),
        "latitude_deg": _number(track["latitude_rad"] * DEG_PER_RAD, 5),
        "longitude_deg": _number(track["longitude_rad"] * DEG_PER_RAD, 5),
        "altitude_ft": _number(track["altitude_pressure_m"] / M_PER_FT, 0),
        "is_ours": bool(track["declared_by"] == 0),
        "decided_by": _decided_by(policy, int(frame.decisions[i])),
        "told": None if said is None else _told(said[0]),
    }


def _told(item: np.void) -> dict[str, Any]:
    """Return what stands in *item* and nothing that does not: an untold field is left out."""
    told: dict[str, Any] = {
        "ref": int(item["ref"]),
        "at": iso_utc(instant_of_ms(int(item["at_ms"]))),
        "latitude_deg": round(int(item["latitude_e7"]) / 1e7, 5),
        "longitude_deg": round(int(item["longitude_e7"]) / 1e7, 5),
    }
    for column in (column for name in COLUMNS for column in COLUMNS[name] if column not in _IN_PLACE):
        value = item[column]
        if isinstance(value, bytes):
            told |= {column: _text(value)} if value else {}
        elif int(value) != (-1 if column == "on_ground" else UNTOLD):
            told[column] = int(value)
    return told


_IN_PLACE: Final = ("latitude_e7", "longitude_e7")


def _print_trial(trial: Trial, frame: Released, rows: list[dict[str, Any]], summary: dict[str, Any]) -> None:
    out = Console(highlight=False)
    if not out.is_terminal:
        out.width = max(out.width, 120)
    title = f"{trial.policy.name}: what {trial.peer} sees at {iso_utc(frame.at, 0)}"
    table = Table(title=title, title_justify="left")
    for heading in ("we see", f"{trial.peer} sees", "decided by"):
        table.add_column(heading)
    for row in rows:
        told = "nothing" if row["told"] is None else _sight(row["told"])
        table.add_row(*(Text(cell) for cell in (_sight(row), told, row["decided_by"])))
    out.print(table)
    counts = Table(title=f"Over the whole recording: {summary['tracks']} tracks", title_justify="left")
    for heading in ("decided by", "effect", "tracks", "track hours", "share"):
        counts.add_column(heading, justify="left" if heading in {"decided by", "effect"} else "right")
    for one in summary["decided_by"]:
        cells = (one["by"], one["effect"], str(one["tracks"]), f"{one['track_hours']:.1f}", f"{one['share']:.1%}")
        counts.add_row(*(Text(cell) for cell in cells))
    out.print(counts)
    print(f"{summary['tracks_ever_released']} of {summary['tracks']} tracks were ever told to {trial.peer}.")


def _sight(row: dict[str, Any]) -> str:
    """Return a track in a few words, ours or as told: what is not known is not in it."""
    name = row.get("callsign") or row.get("identity") or "unnamed"
    feet = row.get("altitude_ft")
    where = "" if row["latitude_deg"] is None else f" {row['latitude_deg']:.3f} {row['longitude_deg']:.3f}"
    return f"{name:<8}{where}" + ("" if feet is None else f" {feet:,.0f} ft")


@contextmanager
def _bar(what: str, total: float) -> Iterator[Callable[[float], None]]:
    """A progress bar on a terminal, nothing elsewhere; gives the function that advances it."""
    with Progress(console=_err, transient=True, disable=not _err.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda by: progress.advance(task, by)
