"""`detente policy`: what a release policy lets out, seen before it is switched on.

The recording goes through the tracker of a node and the very function that makes the frames for a peer.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, get_args

import click
import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from detente.cli.pictures import difference, side_by_side
from detente.cli.policy_at_node import confirm, revert, set_, show
from detente.cli.replay import read_zone_file
from detente.detect.zone import Zone
from detente.engine.values import Declared
from detente.errors import ConfigError, FeedFault
from detente.feeds.plot import Plots
from detente.node.recordings import open_recording
from detente.picture.picture import NOBODY, Tracks
from detente.picture.tracker import Tracker
from detente.release.circumstances import Circumstances
from detente.release.compare import Gain, gains_of, wider
from detente.release.inference import Precision, precision
from detente.release.lint import lint
from detente.release.policy import ArrangementWord, LinkWord, Policy, parse_policy
from detente.release.release import COLUMNS, FIXED, UNTOLD, Released, Releaser
from detente.release.words import sentence
from detente.types import NS_PER_S, Instant, PartyId, instant_of_iso, instant_of_ms, iso_utc
from detente.units import DEG_PER_RAD, M_PER_FT

STEP_S: Final = 5
"""Time between two frames of a preview. A node makes one a second; what they hold is the same."""

_SEED: Final = 1
"""Of the flights that a policy is attacked with: the same policy has the same figures."""

_REF_KEY: Final = b"the refs of a preview leave nobody's desk"
_err = Console(stderr=True, highlight=False)


@click.group()
def policy() -> None:
    """Look at a release policy before it is switched on. What no rule releases is withheld."""


for _command in (set_, confirm, revert, show):
    policy.add_command(_command)

_file = click.Path(path_type=Path)
_policy_file = click.argument("policy_file", metavar="POLICY.toml", type=_file)
_recording = click.argument("recording", type=_file)
_zones = click.option("--zones", "zone_files", multiple=True, type=_file, help="Notified lines and zones, GeoJSON.")
_peer = click.option("--peer", required=True, help="Whose view.")
_at = click.option("--at", "at_utc", help="One instant (ISO 8601, UTC).")
_declares = click.option(
    "--declares", multiple=True, metavar="PREFIX", help="Call signs or identities that begin so are declared ours."
)
_link = click.option(
    "--link",
    type=click.Choice(get_args(LinkWord)),
    default="UP",
    show_default=True,
    help="State of the link to PEER, for rules that ask for it.",
)
_arrangement = click.option(
    "--arrangement",
    type=click.Choice(get_args(ArrangementWord)),
    default="in_force",
    show_default=True,
    help="State of the arrangement with PEER.",
)
_picture = click.option("--picture", type=_file, metavar="FILE.png", help="Draw it, as a PNG.")
_json = click.option("--json", "as_json", is_flag=True, help="JSON lines on stdout, a summary last.")


@policy.command(epilog="\b\nExample: detente policy check alfa.toml --zones line.geojson --peer bravo")
@_policy_file
@_zones
@click.option("--peer", "peers", multiple=True, help="A peer the node knows; rules for others are named.")
def check(policy_file: Path, zone_files: tuple[Path, ...], peers: tuple[str, ...]) -> int:
    """Read a policy, print its digest and every rule that can never decide. Exit 1 if there is one."""
    read = read_policy(policy_file)
    zones = _all_zones(zone_files)
    known = [PartyId(peer) for peer in peers]
    odd = lint(read, known, {zone.zone_id for zone in zones} if zone_files else None, zones)
    if zone_files and not odd:
        Releaser(read, zones, {})
    print(f"{policy_file}: {read.name}, {len(read.rule)} rules, default withhold")
    print(f"digest {read.digest}")
    for line in odd:
        print(line)
    return 1 if odd else 0


@policy.command(
    "try", epilog="\b\nExample: detente policy try alfa.toml traffic.parquet --peer bravo --picture bravo.png"
)
@_policy_file
@_recording
@_peer
@_zones
@_at
@_declares
@_link
@_arrangement
@_picture
@_json
def try_(
    policy_file: Path,
    recording: Path,
    peer: str,
    zone_files: tuple[Path, ...],
    at_utc: str | None,
    declares: tuple[str, ...],
    link: str,
    arrangement: str,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Show what PEER would have seen of a RECORDING: by rule over all of it, and track by track at one instant.

    Without --at the instant is that of the fullest sky.
    """
    trial = Trial.of(policy_file, recording, peer, zone_files, declares, link, arrangement)
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
    if picture is not None:
        side_by_side(picture, trial.policy, trial.zones, tracks, frame)
    if as_json:
        for row in rows:
            print(json.dumps({"type": "track", "at": iso_utc(frame.at)} | row))
        print(json.dumps(summary))
    else:
        _print_trial(trial, frame, rows, summary)


@policy.command(epilog="\b\nExample: detente policy diff now.toml next.toml traffic.parquet --peer bravo")
@click.argument("before_file", metavar="A.toml", type=_file)
@click.argument("after_file", metavar="B.toml", type=_file)
@_recording
@_peer
@_zones
@_at
@_declares
@_link
@_arrangement
@_picture
@_json
def diff(
    before_file: Path,
    after_file: Path,
    recording: Path,
    peer: str,
    zone_files: tuple[Path, ...],
    at_utc: str | None,
    declares: tuple[str, ...],
    link: str,
    arrangement: str,
    picture: Path | None,
    as_json: bool,
) -> int:
    """Show who would gain what if B took the place of A: by their rules, and on a RECORDING. Exit 1 if PEER may gain.

    By the rules B releases no more only when that can be proved; what cannot be proved counts as more.
    """
    old = Trial.of(before_file, recording, peer, zone_files, declares, link, arrangement)
    new = replace(old, policy=read_policy(after_file), releaser=_at_work(after_file, peer, zone_files))
    because = wider(new.policy, old.policy, [new.peer])
    at = _instant(at_utc, old)
    told: dict[tuple[str, ...], set[str]] = {}
    shown: tuple[Tracks, Released, list[Gain]] | None = None
    for tracks, before in old.frames():
        frame = new.releaser.frame(tracks, new.peer, before.at, new.circumstances)
        gains = gains_of(new.releaser, old.releaser, frame, before)
        for gain in gains:
            for effect, fields in (("gains", gain.gained), ("loses", gain.lost)):
                for what in fields:
                    told.setdefault((effect, what), set()).add(_name(tracks, gain.row))
        if frame.at <= at if at is not None else shown is None or len(gains) > len(shown[2]):
            shown = tracks.copy(), frame, gains
    assert shown is not None
    if picture is not None:
        difference(picture, (old.policy, new.policy), new.zones, *shown)
    rows = [
        {"effect": effect, "what": what, "tracks": len(names), "some": sorted(names)[:5]}
        for (effect, what), names in sorted(told.items())
    ]
    if as_json:
        print(json.dumps({"peer": peer, "wider_because": because, "differences": rows, "at": iso_utc(shown[1].at)}))
    else:
        _print_difference(old, new, because, rows)
    return 1 if because else 0


@policy.command("precision", epilog="\b\nExample: detente policy precision alfa.toml")
@_policy_file
@_json
def precision_(policy_file: Path, as_json: bool) -> int:
    """Say what a patient peer can know under each rule after one and five minutes. Exit 1 if a promise is not kept."""
    with _err.status("attacking the policy"):
        found = precision(read_policy(policy_file), np.random.default_rng(_SEED))
    if as_json:
        for one in found:
            row = asdict(one) | {"rule": one.rule + 1, "effective_m": one.effective_m, "holds": one.holds}
            print(json.dumps(row | {"advice": one.advice}))
    else:
        _print_precision(found)
    return 1 if any(one.holds is False for one in found) else 0


@policy.command(epilog="\b\nExample: detente policy words alfa.toml")
@_policy_file
def words(policy_file: Path) -> None:
    """Print a policy as sentences, to be read aloud."""
    for i, rule in enumerate(read_policy(policy_file).rule, 1):
        print(f"{i}. {sentence(rule)}")
    print("Whoever fits none of these is withheld.")


@policy.command(epilog="\b\nExample: detente policy explain alfa.toml traffic.parquet --peer bravo --track AFR73VJ")
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
            why = trial.releaser.explain(tracks[i : i + 1], trial.peer, frame.at, trial.circumstances)
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
    zones: tuple[Zone, ...]
    circumstances: Circumstances

    @classmethod
    def of(
        cls,
        policy_file: Path,
        recording: Path,
        peer: str,
        zone_files: Sequence[Path],
        declares: Sequence[str],
        link: str = "UP",
        arrangement: str = "in_force",
    ) -> Trial:
        """Return what the command's arguments mean; raises ConfigError, FeedFault."""
        read, zones = read_policy(policy_file), _all_zones(zone_files)
        releaser = _at_work(policy_file, peer, zone_files)
        around = Circumstances(link={PartyId(peer): link}, arrangement={PartyId(peer): arrangement})
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
        return cls(read, releaser, PartyId(peer), plots, ours, recording.name, zones, around)

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
                    yield tracks, self.releaser.frame(tracks, self.peer, Instant(now), self.circumstances)
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


def _at_work(path: Path, peer: str, zone_files: Sequence[Path]) -> Releaser:
    try:
        return Releaser(read_policy(path), _all_zones(zone_files), {PartyId(peer): _REF_KEY})
    except ConfigError as wrong:
        raise ConfigError(f"{path}: {wrong}; give its file with --zones") from None


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


def _print_difference(old: Trial, new: Trial, because: list[str], rows: list[dict[str, Any]]) -> None:
    print(f"{old.policy.name} -> {new.policy.name}, as told to {new.peer}")
    if because:
        print("It may release more:")
        for line in because:
            print(f"  {line}")
    else:
        print("By their rules it is proved to release no more.")
    for row in rows:
        some = ", ".join(row["some"]) + (" …" if row["tracks"] > len(row["some"]) else "")
        print(f"{new.peer} {row['effect']} {row['what']} of {row['tracks']} tracks: {some}")
    if not rows:
        print("On this recording there is no difference.")


def _print_precision(found: list[Precision]) -> None:
    out = Console(highlight=False)
    if not out.is_terminal:
        out.width = max(out.width, 120)
    table = Table(title="What a patient peer knows: RMS error in metres", title_justify="left")
    for heading in ("rule", "gives", "promised", "1 min", "5 min", "turning", "one point known", "holds"):
        table.add_column(heading, justify="left" if heading in {"rule", "gives"} else "right")
    for one in found:
        first, last = one.known[0], one.known[-1]
        promised = "exact" if one.promised_m is None else f"{one.promised_m:,.0f}"
        figures = (f"{m:,.0f}" for m in (first.straight_m, last.straight_m, last.turning_m, last.anchored_m))
        holds = "" if one.holds is None else "yes" if one.holds else "NO"
        table.add_row(*(Text(c) for c in (f"{one.rule + 1} {one.name}", one.gives, promised, *figures, holds)))
    out.print(table)
    for one in found:
        if one.advice:
            print(f"rule {one.rule + 1} '{one.name}': {one.advice}")


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
