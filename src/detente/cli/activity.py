"""`detente activity`: plans from GeoJSON and NOTAM and back, with every check that a table would make of them."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import click
import msgspec

from detente.cli.finite import Finite
from detente.coordination.act import check_plain
from detente.coordination.activity_acts import Declare
from detente.coordination.charter import Charter
from detente.coordination.features import Usual, read_plans, write_plans
from detente.coordination.notam import read_notam, write_notam
from detente.coordination.plan import Kind, Plan, check_plan
from detente.errors import ConfigError, OrderRefused
from detente.types import instant_ms, instant_of_iso

_file = click.Path(path_type=Path)
_FORMATS = click.Choice(["geojson", "notam"])


@click.group()
def activity() -> None:
    """Read what is planned from GeoJSON or a NOTAM, check it, and write it as either."""


@activity.command(epilog="\b\nExample: detente activity read exercise.geojson > plans.jsonl")
@click.argument("file", type=_file)
@click.option("--as", "form", type=_FORMATS, help="The file's format; else by what it begins with.")
@click.option("--charter", "charter_file", type=_file, help="A table's charter: its district is checked too.")
@click.option("--kind", type=click.Choice([str(kind) for kind in Kind]), help="Where a feature does not say it.")
@click.option("--start", help="Where a feature does not say it (ISO 8601, UTC).")
@click.option("--end", help="Likewise (ISO 8601, UTC).")
@click.option("--floor-ft", type=Finite(), help="Feet above 1013.25 hPa, where a feature has no level.")
@click.option("--ceiling-ft", type=Finite(), help="Feet above 1013.25 hPa, likewise.")
@click.option("--at", "at_utc", help="Check as at this instant (ISO 8601, UTC); else now.")
def read(
    file: Path,
    form: str | None,
    charter_file: Path | None,
    kind: str | None,
    start: str | None,
    end: str | None,
    floor_ft: float | None,
    ceiling_ft: float | None,
    at_utc: str | None,
) -> int:
    """Print the act that would declare each plan of FILE, JSON lines; one that would be refused: its reason, exit 1."""
    raw = _bytes(file)
    has_levels = floor_ft is not None or ceiling_ft is not None
    usual = Usual(
        kind=None if kind is None else Kind(kind),
        start=start,
        end=end,
        datum="pressure" if has_levels else None,
        floor_ft=floor_ft,
        ceiling_ft=ceiling_ft,
    )
    charter = None if charter_file is None else _charter(charter_file)
    at_ms = time.time_ns() // 1_000_000 if at_utc is None else _instant(at_utc)
    refused = 0
    try:
        named = _plans(raw, form, usual)
    except OrderRefused as wrong:
        print(f"{file}: refused ({wrong.code}): {wrong.reason}", file=sys.stderr)
        return 1
    for name, plan in named:
        try:
            check_plain(plan)
            check_plan(plan, at_ms, () if charter is None else charter.district)
        except OrderRefused as wrong:
            refused += 1
            print(f"{file}: {name}: refused ({wrong.code}): {wrong.reason}", file=sys.stderr)
        else:
            print(msgspec.json.encode(Declare(plan=plan)).decode())
    return 1 if refused else 0


@activity.command(epilog="\b\nExample: detente activity write plans.jsonl --as geojson")
@click.argument("file", type=_file)
@click.option("--as", "form", type=_FORMATS, required=True, help="What to write.")
@click.option("--number", default="A0001/26", show_default=True, help="Of the first NOTAM; the others count on.")
@click.option("--fir", default="ZZZZ", show_default=True, help="Location indicator for the NOTAM.")
@click.option("--party", default="", help="Whose they are, for GeoJSON.")
def write(file: Path, form: str, number: str, fir: str, party: str) -> int:
    """Write the plans of FILE, lines as `read` prints them, as GeoJSON or NOTAM."""
    lines = enumerate(_bytes(file).splitlines(), 1)
    plans = [_act(line, f"{file}: line {n}").plan for n, line in lines if line.strip()]
    if not plans:
        raise ConfigError(f"{file}: no plan in it; needed: JSON lines as detente activity read prints them")
    try:
        if form == "geojson":
            named = [(f"{party or 'plan'}-{n}", party, "Accepted", plan) for n, plan in enumerate(plans, 1)]
            print(json.dumps(write_plans(named), indent=1, ensure_ascii=False))
        else:
            for n, plan in enumerate(plans):
                print(write_notam(plan, _number(number, n), fir), end="")
    except OrderRefused as wrong:
        print(f"{file}: refused ({wrong.code}): {wrong.reason}", file=sys.stderr)
        return 1
    return 0


def _plans(raw: bytes, form: str | None, usual: Usual) -> list[tuple[str, Plan]]:
    if form == "geojson" or (form is None and raw.lstrip()[:1] == b"{"):
        return list(read_plans(raw, usual))
    try:
        text = raw.decode("ascii")
    except UnicodeDecodeError:
        raise OrderRefused("notam", "NOTAM item text: it holds signs that are not ASCII") from None
    notam = read_notam(text)
    if notam.from_q_line:
        print(f"{notam.name}: E names no outline; the circle of the Q-line stands for it", file=sys.stderr)
    if notam.replaces:
        print(f"{notam.name} replaces {notam.replaces}: change that activity with this plan", file=sys.stderr)
    return [(notam.name, notam.plan)]


def _act(line: bytes, where: str) -> Declare:
    try:
        return msgspec.json.decode(line, type=Declare)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise ConfigError(f"{where}: {wrong}") from None


def _number(first: str, n: int) -> str:
    series, number, year = first[:1], first[1:5], first[5:]
    return f"{series}{int(number) + n:04d}{year}" if number.isdigit() else first


def _charter(path: Path) -> Charter:
    try:
        charter = msgspec.toml.decode(_bytes(path), type=Charter)
        charter.check()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise ConfigError(f"{path}: {wrong}") from None
    return charter


def _instant(text: str) -> int:
    try:
        return instant_ms(instant_of_iso(text))
    except ValueError as wrong:
        raise ConfigError(f"--at: {wrong}") from None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as wrong:
        raise ConfigError(f"{path}: {wrong.strerror or wrong}") from None
