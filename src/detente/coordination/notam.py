"""Plans read from and written as a NOTAM: a subset of the ICAO format. What is not read is refused by the item's name.

Read: NEW and REPLACE; Q-codes of restricted, danger and prohibited areas, exercises, firing, parachuting and unmanned
aircraft; items A, B, C, D (one window a day), E, F, G. The outline comes from E where it holds coordinates to the
second (three or more are a polygon; one with ``RADIUS n NM`` is a circle), else it is the circle of the Q-line. Levels
are flight levels, SFC, GND or UNL: a height above the sea or the ground has another datum and is refused.

Written: polygons and circles with pressure levels in whole flight levels, coordinates to the second. What a NOTAM
cannot say exactly so is refused.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from detente.coordination.extent import E7
from detente.coordination.plan import (
    VOLUMES_LIMIT,
    Circle,
    Kind,
    Plan,
    Polygon,
    PressureLevels,
    Shape,
    Vertex,
    Volume,
    points_of,
)
from detente.errors import OrderRefused

TEXT_LIMIT: Final = 20_000
_CM_PER_NM: Final = 185_200

_KINDS: Final = {
    "RT": Kind.HAZARD,  # temporary restricted area
    "RR": Kind.HAZARD,  # restricted area
    "RD": Kind.HAZARD,  # danger area
    "RP": Kind.HAZARD,  # prohibited area
    "WM": Kind.HAZARD,  # missile, gun or rocket firing
    "WP": Kind.HAZARD,  # parachuting
    "WE": Kind.EXERCISE,
    "WU": Kind.FLIGHT,  # unmanned aircraft
}
_CODES: Final = {Kind.HAZARD: "QRTCA", Kind.EXERCISE: "QWELW", Kind.FLIGHT: "QWULW"}

_HEAD: Final = re.compile(r"\(?\s*([A-Z]\d{4}/\d{2})\s+NOTAM([NRC])(?:\s+([A-Z]\d{4}/\d{2}))?\b")
_Q: Final = re.compile(
    r"([A-Z]{4})/Q([A-Z]{2})([A-Z]{2})/([IVK]{1,3})/([A-Z]{1,3})/([AEWK]{1,3})/(\d{3})/(\d{3})"
    r"/(\d{4}[NS]\d{5}[EW])(\d{3})"
)
_ITEM: Final = re.compile(r"(?:(?<=\s)|^)([A-GQ])\)\s")
_TIME: Final = re.compile(r"\d{10}")
_POINT: Final = re.compile(r"\b(\d{6})([NS])\s*(\d{7})([EW])\b")
_SIZE: Final = r"(\d{1,4}(?:\.\d{1,4})?)\s*(NM|KM|M)"
_RADIUS: Final = re.compile(rf"\bRADIUS\s+(?:OF\s+)?{_SIZE}\b|\b{_SIZE}\s+RADIUS\b")
_WINDOW: Final = re.compile(r"(?:DAILY\s+)?(\d{4})-(\d{4})")


@dataclass(frozen=True, slots=True)
class Notam:
    """One NOTAM as far as it was read. *replaces*: the one that it takes the place of."""

    name: str
    replaces: str | None
    fir: str
    plan: Plan
    from_q_line: bool  # whether the outline is the circle of the Q-line, since E names none


def read_notam(text: str) -> Notam:
    """Return the NOTAM that *text* is. Raises OrderRefused ``notam``, with the item, for what is not read."""
    if len(text) > TEXT_LIMIT:
        raise _refused("text", f"{len(text)} characters; at most {TEXT_LIMIT} are read")
    head = _HEAD.match(text.strip())
    if head is None:
        raise _refused("number", "no number and type like A1234/26 NOTAMN")
    name, sort, other = head.groups()
    if sort == "C":
        raise _refused("type", f"{name} cancels {other or 'another'}: cancel the activity that was declared from it")
    if sort == "R" and other is None:
        raise _refused("type", "NOTAMR without the number that it replaces")
    items = _items(text.strip()[head.end() :])
    fir, kind, q_levels, q_circle = _q_line(items)
    start, end = _time(items, "B"), _time(items, "C")
    if end <= start:
        raise _refused("C", "the end is not after the start")
    outline = _outline(items["E"])
    levels = _levels(items, q_levels)
    windows = _windows(items.get("D", ""), start, end)
    volumes = tuple(
        Volume(outline=outline or q_circle, levels=levels, start_ms=begin, end_ms=until) for begin, until in windows
    )
    words = " ".join(items["E"].split())[:2_000]
    places = (found.start() for said in (_POINT, _RADIUS) if (found := said.search(words.upper())))
    title = f"{name} {words[: min(places, default=len(words))]}"[:120].strip()
    plan = Plan(kind=kind, title=title, volumes=volumes, words=words)
    try:
        plan = msgspec.convert(msgspec.to_builtins(plan), Plan)
    except msgspec.ValidationError as wrong:
        raise _refused("E", str(wrong)) from None
    return Notam(name, other, fir, plan, outline is None)


def write_notam(plan: Plan, name: str, fir: str) -> str:
    """Return *plan* as a NOTAM under the number *name*; raises OrderRefused for what a NOTAM would not say exactly."""
    if not re.fullmatch(r"[A-Z]\d{4}/\d{2}", name):
        raise _refused("number", f"{name!r} is no number like A1234/26")
    if not re.fullmatch(r"[A-Z]{4}", fir):
        raise _refused("Q", f"{fir!r} is no location indicator of four letters")
    if plan.kind not in _CODES:
        raise _refused("Q", f"{plan.kind.replace('_', ' ')} has no Q-code here")
    if len(plan.volumes) != 1:
        raise _refused("E", "one NOTAM says one volume; this plan has more")
    [volume] = plan.volumes
    if not isinstance(volume.levels, PressureLevels):
        raise _refused("F", "levels above the ellipsoid are not written")
    title = plan.title.upper()
    if not re.fullmatch(r"[A-Z0-9 .,:'/+=?-]*", title):
        raise _refused("E", "the title holds signs that a NOTAM does not have")
    if _POINT.search(title) or _RADIUS.search(title):
        raise _refused("E", "the title names a place: it would be read as part of the outline")
    floor, ceiling = _flight_level(volume.levels.floor_ft, "F"), _flight_level(volume.levels.ceiling_ft, "G")
    centre, radius_nm = _round_about(volume.outline)
    q = (
        f"{fir}/{_CODES[plan.kind]}/IV/BO/W/{floor or 0:03d}/{999 if ceiling is None else ceiling:03d}"
        f"/{_minutes(centre)}{radius_nm:03d}"
    )
    place = _place(volume.outline)
    lines = (
        f"({name} NOTAMN",
        f"Q) {q}",
        f"A) {fir} B) {_stamp(volume.start_ms, 'B')} C) {_stamp(volume.end_ms, 'C')}",
        f"E) {title}. {place}",
        f"F) {'SFC' if floor is None else f'FL{floor:03d}'} G) {'UNL' if ceiling is None else f'FL{ceiling:03d}'})",
    )
    return "\n".join(lines) + "\n"


def _refused(item: str, why: str) -> OrderRefused:
    return OrderRefused("notam", f"NOTAM item {item}: {why}")


# --- reading


def _items(text: str) -> dict[str, str]:
    marks = list(_ITEM.finditer(text))
    if not marks or text[: marks[0].start()].strip():
        raise _refused("Q", "the items do not follow the number")
    found: dict[str, str] = {}
    for mark, after in zip(marks, [*marks[1:], None], strict=True):
        item, value = mark.group(1), text[mark.end() : None if after is None else after.start()].strip()
        if item in found:
            raise _refused(item, "it stands twice")
        found[item] = value
    last = marks[-1].group(1)
    found[last] = found[last].removesuffix(")").strip()
    for item in "QABCE":
        if not found.get(item):
            raise _refused(item, "it is missing")
    return found


def _q_line(items: dict[str, str]) -> tuple[str, Kind, PressureLevels, Circle]:
    q = _Q.fullmatch("".join(items["Q"].split()))
    if q is None:
        raise _refused("Q", "it is not FIR/code/traffic/purpose/scope/lower/upper/centre and radius")
    fir, subject, _, _, _, _, lower, upper, centre, radius = q.groups()
    kind = _KINDS.get(subject)
    if kind is None:
        raise _refused("Q", f"code Q{subject}: no kind of activity here; read are {', '.join(sorted(_KINDS))}")
    latitude = _degrees(centre[0:2], centre[2:4], "00", centre[4], "Q")
    longitude = _degrees(centre[5:8], centre[8:10], "00", centre[10], "Q")
    levels = PressureLevels(None if lower == "000" else int(lower) * 100, None if upper == "999" else int(upper) * 100)
    if radius == "000":
        raise _refused("Q", "a radius of nothing")
    return fir, kind, levels, Circle((latitude, longitude), int(radius) * _CM_PER_NM)


def _degrees(degrees: str, minutes: str, seconds: str, side: str, item: str) -> int:
    """Return 1e-7 degree; raises OrderRefused for what is off the globe."""
    if int(minutes) > 59 or int(seconds) > 59:
        raise _refused(item, f"{degrees}{minutes}{seconds}{side}: minutes and seconds end at 59")
    whole_s = int(degrees) * 3_600 + int(minutes) * 60 + int(seconds)
    if whole_s > (90 if side in "NS" else 180) * 3_600:
        raise _refused(item, f"{degrees}{minutes}{seconds}{side} is off the globe")
    return (-1 if side in "SW" else 1) * ((whole_s * E7 + 1_800) // 3_600)


def _outline(text: str) -> Shape | None:
    points: list[Vertex] = [
        (
            _degrees(north[:2], north[2:4], north[4:], side, "E"),
            _degrees(east[:3], east[3:5], east[5:], other, "E"),
        )
        for north, side, east, other in _POINT.findall(text.upper())
    ]
    radius = _RADIUS.search(text.upper())
    if not points:
        return None
    if radius is not None:
        if len(points) != 1:
            raise _refused("E", f"a radius and {len(points)} coordinates: more than one circle is not read")
        size, unit = (g for g in radius.groups() if g is not None)
        return Circle(points[0], round(float(size) * {"NM": _CM_PER_NM, "KM": 100_000, "M": 100}[unit]))
    if len(points) > 1 and points[0] == points[-1]:
        points.pop()
    if len(points) < 3:
        raise _refused("E", f"{len(points)} coordinates and no radius: no outline")
    return Polygon(tuple(points))


def _levels(items: dict[str, str], q_levels: PressureLevels) -> PressureLevels:
    if "F" not in items and "G" not in items:
        return q_levels
    if "F" not in items or "G" not in items:
        raise _refused("F", "F and G go together")
    return PressureLevels(_level(items["F"], "F"), _level(items["G"], "G"))


def _level(text: str, item: str) -> int | None:
    said = "".join(text.upper().split())
    if said in {"SFC", "GND"} and item == "F":
        return None
    if said == "UNL" and item == "G":
        return None
    level = re.fullmatch(r"FL(\d{3})", said)
    if level is None:
        raise _refused(item, f"{text!r}: read are FL and three digits, SFC, GND and UNL; another datum is not taken")
    return int(level.group(1)) * 100


def _time(items: dict[str, str], item: str) -> int:
    text = items[item]
    if not _TIME.fullmatch(text):
        raise _refused(item, f"{text!r} is no time of ten digits; PERM and EST are not read: an activity has an end")
    try:
        at = datetime.strptime(text, "%y%m%d%H%M").replace(tzinfo=UTC)
    except ValueError:
        raise _refused(item, f"{text!r} is no time") from None
    return int(at.timestamp()) * 1_000


def _windows(schedule: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return what of each day lies between *start* and *end*, ms."""
    if not schedule:
        return [(start, end)]
    window = _WINDOW.fullmatch(" ".join(schedule.upper().split()))
    if window is None:
        raise _refused("D", f"{schedule!r}: one window a day is read, DAILY 0600-1800")
    try:
        begins, until = (
            timedelta(hours=(at := datetime.strptime(text, "%H%M").replace(tzinfo=UTC)).hour, minutes=at.minute)
            for text in window.groups()
        )
    except ValueError:
        raise _refused("D", f"{schedule!r} is no time of day") from None
    if until <= begins:
        until += timedelta(days=1)
    midnight = datetime.fromtimestamp(start / 1_000, UTC).replace(hour=0, minute=0, second=0) - timedelta(days=1)
    found: list[tuple[int, int]] = []
    while (opens := int((midnight + begins).timestamp()) * 1_000) < end:
        closes = int((midnight + until).timestamp()) * 1_000
        if max(opens, start) < min(closes, end):
            found.append((max(opens, start), min(closes, end)))
        if len(found) > VOLUMES_LIMIT:
            raise _refused("D", f"more than {VOLUMES_LIMIT} days; declare them in parts")
        midnight += timedelta(days=1)
    if not found:
        raise _refused("D", "no window lies between B and C")
    return found


# --- writing


def _flight_level(feet: int | None, item: str) -> int | None:
    if feet is None:
        return None
    if feet % 100 or not 0 <= feet <= 99_800:
        raise _refused(item, f"{feet} ft is no whole flight level")
    return feet // 100


def _place(outline: Shape) -> str:
    match outline:
        case Circle(centre, radius_cm):
            return f"CIRCLE {_seconds(centre)} RADIUS {radius_cm / _CM_PER_NM:.2f} NM"
        case Polygon(vertices):
            return f"AREA BOUNDED BY {' - '.join(_seconds(v) for v in (*vertices, vertices[0]))}"
        case _:
            raise _refused("E", "a corridor and coarse cells are not written as a NOTAM")


def _seconds(at: Vertex) -> str:
    """Return the coordinate to the nearest second, which is up to 15 m off."""
    return f"{_sexagesimal(at[0], 2, 'NS')} {_sexagesimal(at[1], 3, 'EW')}"


def _sexagesimal(value_e7: int, width: int, sides: str) -> str:
    whole_s = (abs(value_e7) * 3_600 + E7 // 2) // E7
    degrees, rest = divmod(whole_s, 3_600)
    return f"{degrees:0{width}d}{rest // 60:02d}{rest % 60:02d}{sides[value_e7 < 0]}"


def _minutes(at: Vertex) -> str:
    parts = []
    for value_e7, width, sides in ((at[0], 2, "NS"), (at[1], 3, "EW")):
        degrees, minutes = divmod((abs(value_e7) * 60 + E7 // 2) // E7, 60)
        parts.append(f"{degrees:0{width}d}{minutes:02d}{sides[value_e7 < 0]}")
    return "".join(parts)


def _round_about(outline: Shape) -> tuple[Vertex, int]:
    """Return the centre and radius, NM, of the Q-line's circle: it holds the whole outline."""
    points = points_of(outline)
    latitudes, longitudes = [p[0] for p in points], [p[1] for p in points]
    centre = ((min(latitudes) + max(latitudes)) // 2, (min(longitudes) + max(longitudes)) // 2)
    squeeze = math.cos(math.radians(centre[0] / E7))
    reach_nm = max(math.hypot(p[0] - centre[0], (p[1] - centre[1]) * squeeze) / E7 * 60.0 for p in points)
    radius_nm = outline.radius_cm / _CM_PER_NM if isinstance(outline, Circle) else 0.0
    radius = math.ceil(reach_nm + radius_nm + 1.5)  # the centre stands to the minute
    if radius > 999:
        raise _refused("Q", f"a radius of {radius} NM has no room")
    return centre, radius


def _stamp(ms: int, item: str) -> str:
    if ms % 60_000:
        raise _refused(item, "a NOTAM's times are whole minutes")
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=min(ms // 60_000, 10**9))
    if not 2000 <= at.year < 2100:
        raise _refused(item, f"the year {at.year} does not stand in two digits")
    return at.strftime("%y%m%d%H%M")
