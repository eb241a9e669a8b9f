"""`detente detect` judges one instant; `detente encounters` judges reference encounters."""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from pathlib import Path
from typing import Any, Final

import click
import numpy as np

from detente.detect.detector import conflicts
from detente.detect.encounter import AircraftState, AlertFilter, cylinders, levels, relative, well_clear
from detente.detect.profile import Minima
from detente.errors import ConfigError, FeedFault
from detente.units import M_PER_NM, MPS_PER_KT

_NUMBERS: Final = ("lat_deg", "lon_deg", "alt_ft", "trk_deg", "gs_kt", "vs_fpm")


@click.command(epilog="\b\nExample: detente detect states.csv")
@click.argument("states", type=click.Path(path_type=Path))
@click.option("--horizontal-nm", default=5.0, show_default=True, help="Horizontal minimum, nautical miles.")
@click.option("--vertical-ft", default=1000, show_default=True, help="Vertical minimum, whole feet.")
@click.option("--lookahead-s", default=300.0, show_default=True, help="How far ahead, seconds; 1,800 at most.")
def detect(states: Path, horizontal_nm: float, vertical_ft: int, lookahead_s: float) -> None:
    """List the pairs of STATES.csv that come below both minima if all hold their course.

    STATES.csv: id,lat_deg,lon_deg,alt_ft,trk_deg,gs_kt,vs_fpm. What could not be judged is listed too: a pair that is
    not listed is not thereby clear of anything else.
    """
    for option, value in (("horizontal-nm", horizontal_nm), ("vertical-ft", vertical_ft), ("lookahead-s", lookahead_s)):
        if not 0.0 < value < math.inf:
            raise ConfigError(f"--{option} must be a positive number, not {value}")
    minima = Minima(horizontal_nm * M_PER_NM, vertical_ft, lookahead_s)
    ids, columns, overlong = read_states(states)
    reasons = {row: why for row in range(len(ids)) if (why := _why_not(columns[row]))}
    reasons |= dict.fromkeys(overlong, "malformed")
    for name, times in Counter(ids).items():
        if times > 1:
            reasons |= {row: "duplicate_address" for row, other in enumerate(ids) if other == name}
    # In order of id, so that each pair is computed the same way whatever the file's order.
    judged = sorted((row for row in range(len(ids)) if row not in reasons), key=lambda row: ids[row])
    state = np.array([columns[row] for row in judged]).reshape(-1, len(_NUMBERS))
    track, speed = np.radians(state[:, 3]), state[:, 4] * MPS_PER_KT
    pairs, found, _ = conflicts(
        np.radians(state[:, 0]),
        np.radians(state[:, 1]),
        state[:, 2],
        speed * np.sin(track),
        speed * np.cos(track),
        state[:, 5] / 60.0,
        minima,
    )
    for (a, b), finding in zip(pairs.tolist(), found, strict=True):
        record = {
            "a": ids[judged[a]],
            "b": ids[judged[b]],
            "time_in_s": round(float(finding[0]), 3),
            "time_out_s": round(float(finding[1]), 3),
            "time_to_cpa_s": round(float(finding[2]), 3),
            "distance_at_cpa_nm": round(float(finding[3]) / M_PER_NM, 5),
        }
        print(json.dumps(record))
    for row, why in sorted(reasons.items()):
        print(json.dumps({"id": ids[row], "a": ids[row], "verdict": "not_assessed", "reason": why}))


def read_states(path: Path) -> tuple[list[str], list[list[float]], list[int]]:
    """Return the ids, the numbers (NaN where unreadable) and the rows with more cells than the table has columns.

    Such a row may hold its numbers in the wrong columns, as one with decimal commas does. Raises FeedFault if the file
    is none of states.
    """
    rows = None
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            # A quote that is never closed would else swallow every row after it into one cell.
            rows = csv.DictReader(file, strict=True)
            rows.fieldnames = header = [name.strip().lower() for name in rows.fieldnames or ()]
            missing = [name for name in ("id", *_NUMBERS) if name not in header]
            if missing:
                raise FeedFault(f"{path}: no column {', '.join(missing)}; needed: id,{','.join(_NUMBERS)}")
            if twice := [name for name in ("id", *_NUMBERS) if header.count(name) > 1]:
                raise FeedFault(f"{path}: column {', '.join(twice)} twice: which one counts?")
            ids: list[str] = []
            columns: list[list[float]] = []
            overlong: list[int] = []
            for row in rows:
                if not any((row[name] or "").strip() for name in ("id", *_NUMBERS)):
                    continue  # what a spreadsheet leaves below its table
                if any(cell.strip() for cell in row.get(None) or ()):
                    overlong.append(len(ids))
                ids.append((row["id"] or "").strip() or f"line {rows.line_num}")
                columns.append([_number(row[name]) for name in _NUMBERS])
    except OSError as wrong:
        raise FeedFault(f"{path}: {wrong.strerror}") from None
    except UnicodeDecodeError:
        raise FeedFault(f"{path}: line {_line_that_is_no_text(path)}: not CSV: no text in UTF-8") from None
    except csv.Error as wrong:
        raise FeedFault(f"{path}: line {rows.line_num + 1 if rows else 1}: not CSV: {wrong}") from None
    if not ids:
        raise FeedFault(f"{path}: no state in it")
    return ids, columns, overlong


def _line_that_is_no_text(path: Path) -> int:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 1


def _number(text: str | None) -> float:
    try:
        value = float(text or "nan")
    except ValueError:
        return math.nan
    return value if math.isfinite(value) and "_" not in str(text) else math.nan


def _why_not(state: list[float]) -> str:
    latitude, longitude, altitude, track, speed, climb = state
    if math.isnan(latitude) or math.isnan(longitude):
        return "no_position"
    if abs(latitude) > 90.0 or abs(longitude) > 360.0 or abs(altitude) > 200_000.0 or abs(track) > 720.0:
        return "out_of_range"
    if math.isnan(altitude):
        return "no_altitude"
    if math.isnan(track) or math.isnan(speed) or math.isnan(climb):
        return "no_velocity"
    if not 0.0 <= speed <= 2_500.0 or abs(climb) > 60_000.0:
        return "impossible_speed"
    return ""


@click.command(epilog="\b\nExample: detente encounters rows.jsonl")
@click.argument("rows", type=click.Path(path_type=Path))
def encounters(rows: Path) -> None:
    """Judge reference encounters: JSON lines with `id`, `own`, `intr`, or `id` and `steps`; one line out for each."""
    try:
        lines = rows.read_text(encoding="utf-8-sig").split("\n")
    except OSError as wrong:
        raise FeedFault(f"{rows}: {wrong.strerror}") from None
    except UnicodeDecodeError:
        raise FeedFault(f"{rows}: line {_line_that_is_no_text(rows)}: no text in UTF-8") from None
    judged = []
    for number, line in enumerate(lines, 1):
        try:
            if line.strip():
                judged.append(judge_row(json.loads(line)))
        except (ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError) as wrong:
            raise FeedFault(f"{rows}: line {number}: {_told(wrong)}") from None
    if not judged:
        raise FeedFault(f"{rows}: no encounter in it")
    for record in judged:
        print(json.dumps(record))


def _told(wrong: Exception) -> str:
    match wrong:
        case json.JSONDecodeError():
            return f"not JSON: {wrong.msg} (column {wrong.colno})"
        case RecursionError():
            return "not JSON: nested too deep"
        case KeyError():
            return f"no {wrong}; a row has `id`, `own` and `intr`, each with {', '.join(_NUMBERS)}, or `id` and `steps`"
        case ValueError() | OverflowError():
            return str(wrong)
        case _:
            return f"no encounter: {wrong}"


def judge_row(row: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to one row of encounters or of sequences."""
    if "steps" in row:
        told = AlertFilter()
        filtered = [
            told.step(float(step[0]), well_clear(*relative(_state(step[1]), _state(step[2])))) for step in row["steps"]
        ]
        return {"id": row["id"], "filtered": filtered}
    own, intr = ([row[who][name] for name in _NUMBERS] for who in ("own", "intr"))
    s, v = relative(_state(own), _state(intr))
    lost = well_clear(s, v)
    return {"id": row["id"], "wcv": lost, "alert": levels(lost), "cylinder": cylinders(s, v)}


def _state(numbers: list[float]) -> AircraftState:
    state = [float(number) for number in numbers]
    if len(state) != len(_NUMBERS) or not all(math.isfinite(number) for number in state):
        raise ValueError(f"a state is six finite numbers, not {numbers}")
    if why := _why_not(state):
        raise ValueError(f"{why}: {numbers}")
    return AircraftState(*state)
