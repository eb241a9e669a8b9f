"""Which rules of a policy match which tracks, for all tracks at once. *Cannot be known* is a third answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt
from numba import njit

from detente.detect.zone import Zone
from detente.errors import ConfigError
from detente.feeds.plot import UNKNOWN_SQUAWK
from detente.picture.picture import NOBODY, Tracks
from detente.release.place import Shape, great_circle_m
from detente.release.policy import Area, Daily, NearLine, Policy, Rule, When, categories_of, time_window
from detente.types import NS_PER_S, Instant
from detente.units import M_PER_FT, M_PER_NM, RAD_PER_DEG

Rows = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
T = TypeVar("T", bound=np.generic)
Words = npt.NDArray[np.uint64]
Answer = tuple[Bools, Bools]
"""For each row asked about: the condition holds; it cannot be known. Never both."""

EMERGENCY_SQUAWKS: Final = (0o7500, 0o7600, 0o7700)


class Seen:
    """The columns of one picture that conditions ask about, each computed once for all rules."""

    def __init__(self, tracks: Tracks, shapes: Shapes) -> None:
        self._shapes = shapes
        self.rows = np.arange(len(tracks))
        self.latitude = np.ascontiguousarray(tracks["latitude_rad"])
        self.longitude = np.ascontiguousarray(tracks["longitude_rad"])
        self.no_position = np.isnan(self.latitude) | np.isnan(self.longitude)
        self.altitude_ft = np.rint(tracks["altitude_pressure_m"] / M_PER_FT)
        self.no_altitude = np.isnan(self.altitude_ft)
        self.declared_by = np.ascontiguousarray(tracks["declared_by"])
        squawk = np.ascontiguousarray(tracks["squawk"])
        self.is_emergency = np.isin(squawk, EMERGENCY_SQUAWKS)
        self.no_squawk = squawk == UNKNOWN_SQUAWK
        self.category = np.ascontiguousarray(tracks["category"])
        self.texts = {name: _words(tracks[name]) for name in ("identity", "callsign")}
        self._areas: dict[str, Bools] = {}
        self._lines: dict[str, tuple[Bools, npt.NDArray[np.float64]]] = {}

    @staticmethod
    def of(column: npt.NDArray[T], rows: Rows) -> npt.NDArray[T]:
        """Return *column* at *rows*, which grow: as many as the column has are all of it, and nothing is copied."""
        return column if len(rows) == len(column) else column[rows]

    def inside(self, area: str) -> Bools:
        """Return which tracks are in *area*."""
        if area not in self._areas:
            self._areas[area] = self._shapes.inside(area, self.latitude, self.longitude)
        return self._areas[area]

    def line(self, zone: str) -> tuple[Bools, npt.NDArray[np.float64]]:
        """Return which tracks are inside *zone* and how far from its boundary, in metres."""
        if zone not in self._lines:
            self._lines[zone] = self._shapes.line(zone, self.latitude, self.longitude)
        return self._lines[zone]


Test = Callable[[Seen, Rows], Answer]


class Shapes:
    """The areas of a policy and the lines it names, as boundaries. Raises ConfigError on a line nobody notified."""

    def __init__(self, policy: Policy, zones: Sequence[Zone]) -> None:
        self._areas = {area.name: area for area in policy.area}
        self._polygons = {area.name: _polygon(area) for area in policy.area if area.polygon is not None}
        self._lines: dict[str, Shape] = {}
        self._reach_m: dict[str, float] = {}
        for rule in policy.rule:
            if rule.when.line is not None:
                name = rule.when.line.zone
                rings = [ring for zone in zones if is_part(zone.zone_id, name) for ring in zone.rings]
                if not rings:
                    raise ConfigError(
                        f"release policy {policy.name!r}: rule {rule.name!r}: no zone {name!r} is notified"
                    )
                self._lines[name] = Shape(rings)
                self._reach_m[name] = max(self._reach_m.get(name, 0.0), rule.when.line.within_nm * M_PER_NM)

    def inside(self, name: str, latitude: npt.NDArray[np.float64], longitude: npt.NDArray[np.float64]) -> Bools:
        circle = self._areas[name].circle
        if circle is None:
            return self._polygons[name].measure(latitude, longitude, 0.0)[0]
        centre = (circle.centre[0] * RAD_PER_DEG, circle.centre[1] * RAD_PER_DEG)
        return great_circle_m(latitude, longitude, centre) <= circle.radius_nm * M_PER_NM

    def line(
        self, name: str, latitude: npt.NDArray[np.float64], longitude: npt.NDArray[np.float64]
    ) -> tuple[Bools, npt.NDArray[np.float64]]:
        return self._lines[name].measure(latitude, longitude, self._reach_m[name])


def is_part(zone_id: str, name: str) -> bool:
    """Whether *zone_id* is the zone *name* or one of its parts (``name/2``, ``name-2``, ``name#2``)."""
    return zone_id == name or (zone_id.startswith(name) and zone_id[len(name)] in "/-#")


@dataclass(frozen=True, slots=True)
class _Compiled:
    is_release: bool
    start: Instant | None
    end: Instant | None
    daily: Daily | None
    tests: tuple[tuple[str, Test], ...]


class Matcher:
    """A policy ready to be asked."""

    def __init__(self, policy: Policy, zones: Sequence[Zone]) -> None:
        self._shapes = Shapes(policy, zones)
        self._rules = [_compiled(rule) for rule in policy.rule]
        _warm()

    def matches(self, tracks: Tracks, now: Instant) -> list[Rows]:
        """Return for each rule the rows of *tracks* that it matches at *now*."""
        seen = Seen(tracks, self._shapes)
        return [self._rows(rule, seen, now) for rule in self._rules]

    def unknown(self, rule: int, track: Tracks) -> list[str]:
        """Return which conditions of *rule* cannot be known of the one track in *track*."""
        seen = Seen(track, self._shapes)
        return [name for name, test in self._rules[rule].tests if test(seen, seen.rows)[1][0]]

    def _rows(self, rule: _Compiled, seen: Seen, now: Instant) -> Rows:
        rows = seen.rows
        if not _is_time(rule, now):
            return rows[:0]
        for _, test in rule.tests:
            yes, unknown = test(seen, rows)
            rows = rows[yes] if rule.is_release else rows[yes | unknown]
            if not rows.size:
                break
        return rows


def _compiled(rule: Rule) -> _Compiled:
    start, end = time_window(rule.when)
    return _Compiled(rule.effect == "release", start, end, rule.when.daily, tuple(_tests(rule.when)))


def _tests(when: When) -> list[tuple[str, Test]]:
    """Return the conditions of *when*, the cheap ones first."""
    tests: list[tuple[str, Test]] = []
    if when.declared_by is not None:
        tests.append(("who declared it", _declared(when.declared_by)))
    if when.altitude_from_ft is not None or when.altitude_below_ft is not None:
        tests.append(("altitude", _band(when.altitude_from_ft, when.altitude_below_ft)))
    if when.emergency is not None:
        tests.append(("squawk", _emergency(when.emergency)))
    if when.categories is not None:
        tests.append(("category", _category(categories_of(when.categories))))
    if when.identities is not None:
        tests.append(("identity", _text("identity", when.identities)))
    if when.callsigns is not None:
        tests.append(("callsign", _text("callsign", when.callsigns)))
    if when.areas is not None:
        tests.append(("position", _areas(when.areas)))
    if when.line is not None:
        tests.append(("position", _near(when.line)))
    return tests


def _declared(by: str) -> Test:
    def test(seen: Seen, rows: Rows) -> Answer:
        declared = seen.of(seen.declared_by, rows)
        is_own, is_nobody = declared == 0, declared == NOBODY
        yes = is_own if by == "own" else is_nobody if by == "nobody" else ~is_own & ~is_nobody
        return yes, np.zeros(len(rows), np.bool_)

    return test


def _band(low: int | None, high: int | None) -> Test:
    def test(seen: Seen, rows: Rows) -> Answer:
        altitude = seen.of(seen.altitude_ft, rows)
        # A comparison with NaN is false: unknown is never yes.
        yes = altitude >= (-np.inf if low is None else low)
        return yes & (altitude < (np.inf if high is None else high)), seen.of(seen.no_altitude, rows)

    return test


def _emergency(wanted: bool) -> Test:
    def test(seen: Seen, rows: Rows) -> Answer:
        unknown = seen.of(seen.no_squawk, rows)
        return (seen.of(seen.is_emergency, rows) == wanted) & ~unknown, unknown

    return test


def _category(wanted: list[str]) -> Test:
    codes = [code.encode() for code in wanted]

    def test(seen: Seen, rows: Rows) -> Answer:
        category = seen.of(seen.category, rows)
        return np.isin(category, codes), category == b""

    return test


def _text(column: str, wanted: list[str]) -> Test:
    parts = [(text.removesuffix("*").encode(), text.endswith("*")) for text in wanted]
    values = _words(np.array([text for text, _ in parts], "S16"))
    masks = _words(np.array([b"\xff" * (len(text) if is_prefix else 16) for text, is_prefix in parts], "S16"))

    def test(seen: Seen, rows: Rows) -> Answer:
        words = seen.texts[column] if len(rows) == len(seen.rows) else seen.texts[column][rows]
        yes = np.zeros(len(rows), np.bool_)
        _any_match(words, values, masks, yes)
        unknown = words[:, 0] == 0
        return yes & ~unknown, unknown

    return test


def _areas(names: list[str]) -> Test:
    def test(seen: Seen, rows: Rows) -> Answer:
        yes = np.zeros(len(rows), np.bool_)
        for name in names:
            yes |= seen.of(seen.inside(name), rows)
        unknown = seen.of(seen.no_position, rows)
        return yes & ~unknown, unknown

    return test


def _near(line: NearLine) -> Test:
    def test(seen: Seen, rows: Rows) -> Answer:
        inside, distance = seen.line(line.zone)
        yes = seen.of(distance, rows) <= line.within_nm * M_PER_NM  # NaN is not near
        if line.side != "either":
            yes &= seen.of(inside, rows) == (line.side == "inside")
        return yes, seen.of(seen.no_position, rows)

    return test


def _is_time(rule: _Compiled, now: Instant) -> bool:
    if (rule.start is not None and now < rule.start) or (rule.end is not None and now >= rule.end):
        return False
    if rule.daily is None:
        return True
    minute = now // (60 * NS_PER_S) % 1440
    start, end = _minute(rule.daily.start), _minute(rule.daily.end)
    return start <= minute < end if start <= end else (minute >= start or minute < end)


def _minute(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def _polygon(area: Area) -> Shape:
    return Shape([np.array(area.polygon, np.float64) * RAD_PER_DEG])


@cache
def _warm() -> None:
    """Call each kernel once: none may compile when the first frame is due."""
    square = Shape([np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]])])
    square.measure(np.array([0.5]), np.array([0.5]), 1.0)
    words = _words(np.array([b"A"], "S16"))
    _any_match(words, words, words, np.zeros(1, np.bool_))


def _words(texts: npt.NDArray[np.bytes_]) -> Words:
    """Return each text as two big-endian words, so that a prefix is a mask and a comparison costs nothing."""
    return np.ascontiguousarray(texts.astype("S16")).view(">u8").reshape(-1, 2).astype(np.uint64)


@njit(cache=True, nogil=True)
def _any_match(words: Words, values: Words, masks: Words, out: Bools) -> None:
    for i in range(len(words)):
        for j in range(len(values)):
            if (words[i, 0] & masks[j, 0]) == values[j, 0] and (words[i, 1] & masks[j, 1]) == values[j, 1]:
                out[i] = True
                break
