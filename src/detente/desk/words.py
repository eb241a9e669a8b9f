"""The parameters of coded phrases: each kind with what it may be, and how each language shows it.

Digits, decimal points, call signs and codes look the same in every language; units, reasons and roles are worded in the
reader's. A parameter is kept in one written form, so that both sides sign and compare the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Literal

from detente.coordination.plain import plain_text
from detente.errors import OrderRefused
from detente.types import instant_of_iso

Lang = Literal["en", "tr", "ru"]
LANGS: Final[tuple[Lang, ...]] = ("en", "tr", "ru")

_UNITS: Final[dict[str, dict[Lang, str]]] = {
    "NM": {"en": "NM", "tr": "NM", "ru": "NM"},
    "km": {"en": "km", "tr": "km", "ru": "км"},
    "m": {"en": "m", "tr": "m", "ru": "м"},
    "ft": {"en": "ft", "tr": "ft", "ru": "фт"},
    "kt": {"en": "kt", "tr": "kt", "ru": "уз"},
    "km/h": {"en": "km/h", "tr": "km/sa", "ru": "км/ч"},
    "m/s": {"en": "m/s", "tr": "m/sn", "ru": "м/с"},
}


def kind_of(name: str) -> str:
    """Return the kind of the parameter *name*: ``track2`` is a track."""
    return name.rstrip("0123456789")


def written(name: str, text: str) -> str:
    """Return the parameter in its one written form; raises OrderRefused with what would be right."""
    text = plain_text(text.strip(), 100)
    parse, form = KINDS[kind_of(name)]
    found = parse(text)
    if found is None:
        raise OrderRefused("parameter", f"{name}: {text!r} is not {form}")
    return found


def shown(name: str, text: str, lang: Lang) -> str:
    """Return the written form *text* as *lang* shows it. Reasons and roles are worded by the codebook."""
    match kind_of(name):
        case "pos":
            return f"{text} (WGS 84)"
        case "level" if not text.startswith("FL"):
            number, unit, datum = text.split(" ")
            return f"{number} {_UNITS[unit][lang]} {datum}"
        case "distance" | "speed":
            number, unit = text.split(" ")
            return f"{number} {_UNITS[unit][lang]}"
        case "course":
            return f"{text}°"
        case "time":
            return text.removesuffix("Z").replace("T", " ")
        case _:
            return text


def _like(pattern: str) -> Callable[[str], str | None]:
    rule = re.compile(pattern)
    return lambda text: text if rule.fullmatch(text) else None


def _whole(most: int) -> Callable[[str], str | None]:
    def parse(text: str) -> str | None:
        # isdecimal would take other scripts' digits, which the other side may not read.
        return str(int(text)) if re.fullmatch(r"[0-9]{1,6}", text) and int(text) <= most else None

    return parse


def _position(text: str) -> str | None:
    """Decimal degrees with hemispheres, four decimals (11 m): ``35.8510N 036.0120E``."""
    hemispheres = re.fullmatch(r"([0-9]{1,2}(?:\.[0-9]+)?)\s*([NS])[ ,]*([0-9]{1,3}(?:\.[0-9]+)?)\s*([EW])", text)
    signed = re.fullmatch(r"(-?[0-9]{1,2}(?:\.[0-9]+)?)[ ,]+(-?[0-9]{1,3}(?:\.[0-9]+)?)", text)
    if hemispheres:
        lat = float(hemispheres[1]) * (1 if hemispheres[2] == "N" else -1)
        lon = float(hemispheres[3]) * (1 if hemispheres[4] == "E" else -1)
    elif signed:
        lat, lon = float(signed[1]), float(signed[2])
    else:
        return None
    return position_text(lat, lon) if abs(lat) <= 90 and abs(lon) <= 180 else None


def position_text(latitude_deg: float, longitude_deg: float) -> str:
    """Return a position in the written form of the parameter ``pos``."""
    north, east = ("N" if latitude_deg >= 0 else "S"), ("E" if longitude_deg >= 0 else "W")
    return f"{abs(latitude_deg):07.4f}{north} {abs(longitude_deg):08.4f}{east}"


def _level(text: str) -> str | None:
    if re.fullmatch(r"FL[0-9]{3}", text):
        return text
    found = re.fullmatch(r"([0-9]{1,5})\s*(ft|m)\s+(AMSL|AGL|STD)", text)
    return f"{int(found[1])} {found[2]} {found[3]}" if found else None


def _time(text: str) -> str | None:
    if re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text):
        return text
    found = re.fullmatch(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2})(:[0-9]{2}(\.[0-9]+)?)?Z", text)
    if found is None:
        return None
    try:
        instant_of_iso(text)
    except ValueError:
        return None
    return f"{found[1]}Z"


def _course(text: str) -> str | None:
    return f"{int(text) % 360:03d}" if re.fullmatch(r"[0-9]{1,3}", text) and int(text) <= 360 else None


def _measure(units: str) -> Callable[[str], str | None]:
    rule = re.compile(rf"([0-9]{{1,6}}(?:\.[0-9]{{1,2}})?)\s*({units})")

    def parse(text: str) -> str | None:
        found = rule.fullmatch(text)
        return f"{found[1]} {found[2]}" if found else None

    return parse


KINDS: Final[dict[str, tuple[Callable[[str], str | None], str]]] = {
    "track": (_like(r"[A-Za-z0-9~?-]{1,16}"), "a call sign or a track's name, letters and digits"),
    "callsign": (_like(r"[A-Z0-9]{1,8}"), "a call sign: up to 8 capital letters and digits"),
    "pos": (_position, "a position in WGS 84 degrees such as 35.8510N 036.0120E"),
    "level": (_level, "FL240, or 5000 ft AMSL (AGL, STD; ft or m)"),
    "time": (_time, "a time in UTC: 14:05 or 2026-11-22T14:05Z"),
    "area": (_like(r"[\w .()/-]{1,40}"), "the name of an area, up to 40 letters and digits"),
    "ref": (_like(r"[A-Za-z0-9._:/#-]{1,64}"), "the reference of a message, notice or event"),
    "min": (_whole(999), "whole minutes"),
    "n": (_whole(99_999), "a whole number"),
    "course": (_course, "a true course of 0 to 360 degrees"),
    "speed": (_measure("kt|km/h|m/s"), "a speed with its unit: 420 kt, 780 km/h or 216 m/s"),
    "distance": (_measure("NM|km|m|ft"), "a distance with its unit: 2.5 NM, 4 km, 800 m or 900 ft"),
    "reason": (_like(r"R[0-9]{2}"), "a reason code such as R01"),
    "role": (_like(r"[a-z_]{1,20}"), "a role such as duty_officer"),
    "channel": (_like(r"[\w .:+/-]{1,40}"), "the name of a channel, up to 40 letters and digits"),
    "route": (_like(r"[\w .,:>/-]{1,100}"), "a route, up to 100 letters and digits"),
}
"""Each kind of parameter: what turns it into its written form (None: it is not one), and in words what it should be."""
