"""Which rule of a policy decides about which track for which reader, for all tracks at once.

*Cannot be known* is a third answer: a rule that withholds takes it as yes, a rule that releases as no. The conditions
stand as numbers in one table, and one pass over the tracks asks the rules in order until every reader's is decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from numba import njit

from detente.detect.volume import Datum, Volume
from detente.detect.zone import Zone
from detente.errors import ConfigError
from detente.feeds.plot import UNKNOWN_SQUAWK
from detente.picture.picture import NOBODY, Tracks
from detente.release.circumstances import Circumstances, DeclaredActivity
from detente.release.place import Shape, within_circle
from detente.release.policy import Area, Daily, During, Policy, Rule, When, categories_of, time_window
from detente.types import NS_PER_S, Instant, PartyId
from detente.units import M_PER_FT, M_PER_NM, RAD_PER_DEG

T = TypeVar("T")
Rows = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Words = npt.NDArray[np.uint64]
Answers = npt.NDArray[np.int8]
"""NO, YES or UNKNOWN."""
Room = npt.NDArray[np.int32]
Table = npt.NDArray[np.void]
"""An array of `_RULE`."""

NO: Final = 0
YES: Final = 1
UNKNOWN: Final = 2

READERS_AT_ONCE: Final = 7
"""Bits of the mask that says for whom a rule is in force; more readers are asked in several passes."""

EMERGENCY_SQUAWKS: Final = (0o7500, 0o7600, 0o7700)

_EITHER, _INSIDE, _OUTSIDE = 0, 1, 2
_SIDES: Final = {"either": _EITHER, "inside": _INSIDE, "outside": _OUTSIDE}
_OWN, _OTHER, _NOBODY = 1, 2, 3
_DECLARED: Final = {"own": _OWN, "other": _OTHER, "nobody": _NOBODY}
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MINUTE_NS: Final = 60 * NS_PER_S
_DAY_MIN: Final = 1_440

_RULE: Final = np.dtype(
    [
        ("is_release", "i1"),
        ("has_band", "i1"),
        ("low_ft", "f8"),
        ("high_ft", "f8"),
        ("declared", "i1"),  # 0: not asked, else a value of _DECLARED
        ("emergency", "i1"),  # -1: not asked
        ("categories", "i8"),  # a bit for each code, A0 lowest; -1: not asked
        ("identities_start", "i4"),
        ("identities_end", "i4"),
        (
            "identities_first",
            "i4",
        ),  # row of the table of first letters  # from where to where in the list of patterns; -1: not asked
        ("callsigns_start", "i4"),
        ("callsigns_end", "i4"),
        ("callsigns_first", "i4"),
        ("areas_start", "i4"),
        ("areas_end", "i4"),  # in the list of areas asked about
        ("line", "i4"),  # -1: not asked
        ("within_m", "f8"),
        ("side", "i1"),
        ("activity", "i4"),  # -1: not asked
    ],
    align=True,
)
"""The conditions of one rule that are about a track. Those about time and the reader are taken before."""


class _Lists(NamedTuple):
    """What the table of conditions points into."""

    values: Words  # (patterns, 2): texts asked for
    masks: Words  # and which of their bits count
    firsts: Bools  # (lists, 256): with which letter a text can begin that fits any of one list
    areas: Rows  # numbers of areas asked for


class _Seen(NamedTuple):
    """What conditions ask of the tracks (n), each column computed once for all rules."""

    no_position: Bools
    altitude_ft: Floats  # NaN unknown
    declared: Answers
    emergency: Answers
    category: Rows  # one bit; 0 unknown
    identity: Words  # (n, 2)
    callsign: Words
    inside: Bools  # (areas, n)
    in_area: Room  # (areas, n + 1): the rows inside, as many as `counts` says
    counts: Rows
    beyond_line: Bools  # (lines, n): on the side of the party that notified it
    line_m: Floats  # (lines, n): distance, inf out of reach, NaN unknown
    part: Answers  # (activities, n)


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

    @property
    def names(self) -> list[str]:
        """The lines that rules name."""
        return list(self._lines)

    def inside(self, name: str, latitude: Floats, longitude: Floats) -> Bools:
        circle = self._areas[name].circle
        if circle is None:
            return self._polygons[name].measure(latitude, longitude, 0.0)[0]
        centre = (circle.centre[0] * RAD_PER_DEG, circle.centre[1] * RAD_PER_DEG)
        return within_circle(latitude, longitude, centre, circle.radius_nm * M_PER_NM)

    def line(self, name: str, latitude: Floats, longitude: Floats) -> tuple[Bools, Floats]:
        return self._lines[name].measure(latitude, longitude, self._reach_m[name])


def is_part(zone_id: str, name: str) -> bool:
    """Whether *zone_id* is the zone *name* or one of its parts (``name/2``, ``name-2``, ``name#2``)."""
    return zone_id == name or (zone_id.startswith(name) and zone_id[len(name)] in "/-#")


class Matcher:
    """A policy ready to be asked. Raises ConfigError on a line nobody notified."""

    def __init__(self, policy: Policy, zones: Sequence[Zone]) -> None:
        self._policy = policy
        self._shapes = Shapes(policy, zones)
        self._lines = self._shapes.names
        self._areas = [area.name for area in policy.area]
        self._during: list[During] = []
        for rule in policy.rule:
            if rule.when.activity is not None and rule.when.activity not in self._during:
                self._during.append(rule.when.activity)
        self._volumes: dict[int, tuple[Volume, Shape]] = {}
        self._asked = _Asked(policy.rule, self._areas, self._lines, self._during)
        self._concerned: tuple[tuple[PartyId, ...], Rows] = (), np.zeros(len(policy.rule), np.int64)
        # The rules whose being asked depends on more than who reads.
        self._passing = [
            i for i, rule in enumerate(policy.rule) if any(getattr(rule.when, key) is not None for key in _PASSING)
        ]
        self._windows = [(*time_window(rule.when), rule.when.daily) for rule in policy.rule]
        warm()

    def decided(
        self, tracks: Tracks, readers: Sequence[PartyId], now: Instant, circumstances: Circumstances, by_default: int
    ) -> npt.NDArray[np.int16]:
        """Return (readers, tracks): the number of the rule that decides, *by_default* where none fits."""
        decisions = np.full((len(readers), len(tracks)), by_default, np.int16)
        if not len(tracks) or not self._policy.rule:
            return decisions
        seen = self._seen(tracks, now, circumstances)
        for start in range(0, len(readers), READERS_AT_ONCE):
            some = readers[start : start + READERS_AT_ONCE]
            in_force = self._in_force(tuple(some), now, circumstances)
            _decide(self._asked.rules, in_force, self._asked.lists, seen, decisions[start : start + len(some)])
        return decisions

    def unknown(
        self, rule: int, track: Tracks, reader: PartyId, now: Instant, circumstances: Circumstances
    ) -> list[str]:
        """Return which conditions of *rule* cannot be known of the one track in *track*."""
        when = self._policy.rule[rule].when
        found, seen = [], self._seen(track, now, circumstances)
        for word, keys in _CONDITIONS.items():
            part = When(**{key: getattr(when, key) for key in keys})
            if part == When():
                continue
            one = Rule(name=word, effect="withhold", when=part)
            asked = _Asked([one], self._areas, self._lines, self._during)
            taken = [
                _ask(asked.rules[0], asked.lists, seen, np.ones(1, np.int8), 1, takes, np.empty(2, np.int32))
                for takes in (False, True)
            ]
            if taken == [0, 1]:  # by a rule that takes the unknown, and not by one that does not
                found.append(word)
        found += [word for word, answer in _about_reader(when, reader, circumstances) if answer == UNKNOWN]
        return found

    def _in_force(self, readers: tuple[PartyId, ...], now: Instant, circumstances: Circumstances) -> Rows:
        """Return for each rule a bit for each of *readers* for whom it is asked now."""
        if self._concerned[0] != readers:
            concerned = [
                sum(1 << n for n, reader in enumerate(readers) if rule.concerns(reader)) for rule in self._policy.rule
            ]
            self._concerned = readers, np.array(concerned, np.int64)
        in_force = self._concerned[1].copy()
        for i in self._passing:
            rule = self._policy.rule[i]
            if not _is_time(*self._windows[i], now):
                in_force[i] = 0
            for n, reader in enumerate(readers):
                answers = {answer for _, answer in _about_reader(rule.when, reader, circumstances)}
                if NO in answers or (UNKNOWN in answers and rule.effect == "release"):
                    in_force[i] &= ~(1 << n)
        return in_force

    def _seen(self, tracks: Tracks, now: Instant, circumstances: Circumstances) -> _Seen:
        """Return the columns of *tracks* that conditions ask about, each computed once for all rules."""
        n = len(tracks)
        latitude, longitude = (np.ascontiguousarray(tracks[name]) for name in ("latitude_rad", "longitude_rad"))
        declared_by = tracks["declared_by"]
        declared = np.where(declared_by == 0, _OWN, np.where(declared_by == NOBODY, _NOBODY, _OTHER)).astype(np.int8)
        squawk = np.ascontiguousarray(tracks["squawk"])
        emergency = np.zeros(n, np.int8)
        for code in EMERGENCY_SQUAWKS:
            emergency[squawk == code] = YES
        emergency[squawk == UNKNOWN_SQUAWK] = UNKNOWN
        inside = np.zeros((max(1, len(self._areas)), n), np.bool_)
        for at, name in enumerate(self._areas):
            inside[at] = self._shapes.inside(name, latitude, longitude)
        is_inside = np.zeros((max(1, len(self._lines)), n), np.bool_)
        distance = np.full(is_inside.shape, np.inf)
        for at, name in enumerate(self._lines):
            is_inside[at], distance[at] = self._shapes.line(name, latitude, longitude)
        part = np.zeros((max(1, len(self._during)), n), np.int8)
        for at, during in enumerate(self._during):
            part[at] = self._taking_part(during, tracks, now, circumstances.activities)
        return _Seen(
            np.isnan(latitude) | np.isnan(longitude),
            np.rint(tracks["altitude_pressure_m"] / M_PER_FT),
            declared,
            emergency,
            _category_bits(tracks["category"]),
            _words(tracks["identity"]),
            _words(tracks["callsign"]),
            inside,
            *_in_areas(inside),
            is_inside,
            distance,
            part,
        )

    def _taking_part(
        self, during: During, tracks: Tracks, now: Instant, activities: Sequence[DeclaredActivity]
    ) -> Answers:
        answers = np.zeros(len(tracks), np.int8)
        identities = tracks["identity"]
        callsigns = np.char.upper(np.char.strip(tracks["callsign"]))
        for activity, kind, is_ours in activities:
            on = [volume for volume in activity.volumes if volume.start <= now < volume.end]
            wanted = during.declared_by == "any" or (during.declared_by == "own") == is_ours
            if not on or not wanted or not _is_named(activity.activity_id, during.ids):
                continue
            if during.kinds is not None and kind not in during.kinds:
                continue
            by_identity = np.isin(identities, [name.encode() for name in activity.identities])
            by_callsign = np.isin(callsigns, [name.encode() for name in activity.callsigns])
            unknown = np.zeros(len(tracks), np.bool_)
            if activity.identities:
                unknown |= identities == b""
            if activity.callsigns:
                unknown |= callsigns == b""
            fits = np.where(by_identity | by_callsign, YES, np.where(unknown, UNKNOWN, NO)).astype(np.int8)
            if during.inside:
                rows = np.flatnonzero(fits)
                fits[rows] = np.minimum(fits[rows] * self._within(on, tracks[rows]), UNKNOWN)
            # Known of one activity is known; else unknown of any is unknown.
            answers = np.where((answers == YES) | (fits == YES), YES, np.maximum(answers, fits)).astype(np.int8)
        return answers

    def _within(self, volumes: Sequence[Volume], tracks: Tracks) -> Answers:
        answers = np.zeros(len(tracks), np.int8)
        latitude, longitude = (np.ascontiguousarray(tracks[name]) for name in ("latitude_rad", "longitude_rad"))
        for volume in volumes:
            # The volume is kept beside its shape, so that its id stays its own.
            known = self._volumes.setdefault(id(volume), (volume, Shape(list(volume.rings))))
            is_in, _ = known[1].measure(latitude, longitude, 0.0)
            column = "altitude_pressure_m" if volume.datum is Datum.PRESSURE else "altitude_ellipsoid_m"
            floor = -np.inf if volume.floor_m is None else volume.floor_m
            ceiling = np.inf if volume.ceiling_m is None else volume.ceiling_m
            height = tracks[column]
            level = np.where((height >= floor) & (height <= ceiling), YES, NO)
            if np.isfinite(floor) or np.isfinite(ceiling):
                level = np.where(np.isnan(height), UNKNOWN, level)
            else:
                level = np.full(len(tracks), YES)
            fits = np.where(np.isnan(latitude) | np.isnan(longitude), UNKNOWN, np.where(is_in, level, NO))
            answers = np.where((answers == YES) | (fits == YES), YES, np.maximum(answers, fits)).astype(np.int8)
        if len(self._volumes) > VOLUMES_KEPT:
            self._volumes.clear()
        return answers


_PASSING: Final = ("from_utc", "until_utc", "daily", "link", "arrangement")

VOLUMES_KEPT: Final = 16_384

_CONDITIONS: Final = {
    "altitude": ("altitude_from_ft", "altitude_below_ft"),
    "squawk": ("emergency",),
    "category": ("categories",),
    "identity": ("identities",),
    "callsign": ("callsigns",),
    "position": ("areas",),
    "distance from the line": ("line",),
    "part in an activity": ("activity",),
}
"""What can be unknown of a track, in words, and the conditions that ask for it."""


class _Asked:
    """The conditions of *rules* as a table, and the lists it points into."""

    def __init__(
        self, rules: Sequence[Rule], areas: Sequence[str], lines: Sequence[str], during: Sequence[During]
    ) -> None:
        self.rules = np.zeros(len(rules), _RULE)
        patterns: list[str] = []
        firsts = [np.zeros(256, np.bool_)]
        asked_areas: list[int] = []
        for row, rule in zip(self.rules, rules, strict=True):
            when = rule.when
            row["is_release"] = rule.effect == "release"
            row["has_band"] = when.altitude_from_ft is not None or when.altitude_below_ft is not None
            row["low_ft"] = -np.inf if when.altitude_from_ft is None else when.altitude_from_ft
            row["high_ft"] = np.inf if when.altitude_below_ft is None else when.altitude_below_ft
            row["declared"] = 0 if when.declared_by is None else _DECLARED[when.declared_by]
            row["emergency"] = -1 if when.emergency is None else when.emergency
            row["categories"] = -1
            if when.categories is not None:
                row["categories"] = sum(1 << _code_bit(code) for code in set(categories_of(when.categories)))
            for key, wanted in (("identities", when.identities), ("callsigns", when.callsigns)):
                row[f"{key}_start"], row[f"{key}_end"] = _listed(wanted, patterns)
                row[f"{key}_first"] = len(firsts)
                firsts.append(_firsts(wanted or [], takes_unknown=rule.effect == "withhold"))
            row["areas_start"], row["areas_end"] = _listed(
                None if when.areas is None else [areas.index(a) for a in when.areas], asked_areas
            )
            row["line"] = -1
            if when.line is not None:
                row["line"] = lines.index(when.line.zone)
                row["within_m"], row["side"] = when.line.within_nm * M_PER_NM, _SIDES[when.line.side]
            row["activity"] = -1 if when.activity is None else during.index(when.activity)
        texts = [(text.removesuffix("*").encode(), text.endswith("*")) for text in patterns] or [(b"", False)]
        values = _words(np.array([text for text, _ in texts], "S16"))
        masks = _words(np.array([b"\xff" * (len(text) if is_prefix else 16) for text, is_prefix in texts], "S16"))
        self.lists = _Lists(values, masks, np.array(firsts), np.array(asked_areas or [0], np.int64))


def _listed(wanted: Sequence[T] | None, all_of_them: list[T]) -> tuple[int, int]:
    if wanted is None:
        return -1, -1
    start = len(all_of_them)
    all_of_them.extend(wanted)
    return start, len(all_of_them)


def _firsts(wanted: Sequence[str], *, takes_unknown: bool) -> Bools:
    """Return with which first letter a text may fit any of *wanted*: almost every text is done with after that."""
    first = np.zeros(256, np.bool_)
    for text in wanted:
        first[ord(text[0]) if text != "*" else slice(1, None)] = True
    first[0] = takes_unknown
    return first


def _about_reader(when: When, reader: PartyId, circumstances: Circumstances) -> list[tuple[str, int]]:
    """Return the conditions that are about the reader, in words, with NO, YES or UNKNOWN."""
    found = []
    for word, wanted, known in (
        ("state of the link", when.link, circumstances.link.get(reader)),
        ("state of the arrangement", when.arrangement, circumstances.arrangement.get(reader)),
    ):
        if wanted is not None:
            found.append((word, UNKNOWN if known is None else YES if known in wanted else NO))
    return found


def _is_named(name: str, wanted: Sequence[str] | None) -> bool:
    return wanted is None or any(name == w or (w.endswith("*") and name.startswith(w[:-1])) for w in wanted)


def _is_time(start: Instant | None, end: Instant | None, daily: Daily | None, now: Instant) -> bool:
    if (start is not None and now < start) or (end is not None and now >= end):
        return False
    if daily is None:
        return True
    day, minute = divmod(now // _MINUTE_NS, _DAY_MIN)
    first, last = _minute(daily.start), _minute(daily.end)
    is_on = first <= minute < last if first <= last else (minute >= first or minute < last)
    # After midnight the window is still that of the day before. The epoch was a Thursday.
    began = day - 1 if first > last and minute < last else day
    return is_on and (daily.days is None or _DAYS[(began + 3) % 7] in daily.days)


def _minute(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def _polygon(area: Area) -> Shape:
    return Shape([np.array(area.polygon, np.float64) * RAD_PER_DEG])


@cache
def warm() -> None:
    """Call each kernel once: none may compile when the first frame is due."""
    square = Shape([np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]])])
    square.measure(np.array([0.5]), np.array([0.5]), 1.0)
    asked = _Asked([Rule(name="warm", effect="withhold")], [], [], [])
    no, answer, word = np.zeros((1, 1), np.bool_), np.zeros((1, 1), np.int8), _words(np.array([b"A"], "S16"))
    track = no[0], np.zeros(1), answer[0], answer[0], np.zeros(1, np.int64), word, word
    seen = _Seen(*track, no, *_in_areas(no), no, np.zeros((1, 1)), answer)
    _decide(asked.rules, np.array([1]), asked.lists, seen, np.zeros((1, 1), np.int16))
    _ask(asked.rules[0], asked.lists, seen, np.ones(1, np.int8), 1, True, np.empty(2, np.int32))


def _code_bit(code: str) -> int:
    return (ord(code[0]) - ord("A")) * 8 + int(code[1])


def _category_bits(category: npt.NDArray[np.bytes_]) -> npt.NDArray[np.int64]:
    """Return the bit of each emitter category (A0 lowest), 0 for an unknown one, one beyond all for another word."""
    two = np.ascontiguousarray(category).view(np.uint8).reshape(-1, 2).astype(np.int64)
    bit = (two[:, 0] - ord("A")) * 8 + two[:, 1] - ord("0")
    is_code = (two[:, 0] >= ord("A")) & (two[:, 0] <= ord("D")) & (two[:, 1] >= ord("0")) & (two[:, 1] <= ord("7"))
    return np.where(two[:, 0] == 0, 0, 1 << np.where(is_code, bit, 40))


def _words(texts: npt.NDArray[np.bytes_]) -> Words:
    """Return each text as two big-endian words, so that a prefix is a mask and a comparison costs nothing."""
    return np.ascontiguousarray(texts.astype("S16")).view(">u8").reshape(-1, 2).astype(np.uint64)


@njit(cache=True, nogil=True)
def _ask(
    rule: Any,  # one of `Table`; numba reads its fields by name
    lists: _Lists,
    seen: _Seen,
    left: Answers,
    whom: int,
    takes_unknown: bool,
    rows: Room,
) -> int:
    """Put into *rows* the tracks that *rule* takes of those *left* for any of *whom*, and return how many.

    The conditions are asked one after the other, the cheap ones first, of those that the one before has left over; each
    row is written whether it stays or not and the next overwrites it, so that no branch depends on the data.
    """
    n, declared_by = 0, rule.declared
    if rule.areas_end - rule.areas_start == 1 and not takes_unknown:
        # Few are in a place, and they are known.
        area = lists.areas[rule.areas_start]
        for at in range(seen.counts[area]):
            i = seen.in_area[area, at]
            rows[n] = i
            n += (left[i] & whom != 0) & ((declared_by == 0) | (seen.declared[i] == declared_by))
    else:
        for i in range(len(seen.no_position)):
            rows[n] = i
            n += (left[i] & whom != 0) & ((declared_by == 0) | (seen.declared[i] == declared_by))
    if rule.has_band:
        low_ft, high_ft, kept = rule.low_ft, rule.high_ft, 0
        for at in range(n):
            i = rows[at]
            rows[kept] = i
            feet = seen.altitude_ft[i]
            kept += ((feet >= low_ft) & (feet < high_ft)) | (takes_unknown & np.isnan(feet))
        n = kept
    if rule.emergency >= 0:
        wanted, kept = rule.emergency, 0
        for at in range(n):
            i = rows[at]
            rows[kept] = i
            kept += (seen.emergency[i] == wanted) | (takes_unknown & (seen.emergency[i] == UNKNOWN))
        n = kept
    if rule.categories >= 0:
        categories, kept = rule.categories, 0
        for at in range(n):
            i = rows[at]
            rows[kept] = i
            kept += (categories & seen.category[i] != 0) | (takes_unknown & (seen.category[i] == 0))
        n = kept
    if rule.identities_start >= 0:
        first, start, end = rule.identities_first, rule.identities_start, rule.identities_end
        n = _texts(seen.identity, lists, first, start, end, takes_unknown, rows, n)
    if rule.callsigns_start >= 0:
        first, start, end = rule.callsigns_first, rule.callsigns_start, rule.callsigns_end
        n = _texts(seen.callsign, lists, first, start, end, takes_unknown, rows, n)
    if rule.areas_start >= 0:
        start, end, kept = rule.areas_start, rule.areas_end, 0
        for at in range(n):
            i = rows[at]
            rows[kept] = i
            is_in = takes_unknown & seen.no_position[i]
            for j in range(start, end):
                is_in |= seen.inside[lists.areas[j], i]
            kept += is_in
        n = kept
    if rule.line >= 0:
        line, within_m, side, kept = rule.line, rule.within_m, rule.side, 0
        for at in range(n):
            i = rows[at]
            rows[kept] = i
            # NaN is not near.
            is_near = (seen.line_m[line, i] <= within_m) & (
                (side == _EITHER) | (seen.beyond_line[line, i] == (side == _INSIDE))
            )
            kept += is_near | (takes_unknown & seen.no_position[i])
        n = kept
    if rule.activity >= 0:
        activity, kept = rule.activity, 0
        for at in range(n):
            i = rows[at]
            rows[kept] = i
            kept += (seen.part[activity, i] == YES) | (takes_unknown & (seen.part[activity, i] == UNKNOWN))
        n = kept
    return n


@njit(cache=True, nogil=True)
def _texts(
    words: Words, lists: _Lists, listed: int, start: int, end: int, takes_unknown: bool, rows: Room, n: int
) -> int:
    """Keep of the first *n* of *rows* those whose text fits a pattern from *start* to *end*; returns how many."""
    values, masks, firsts = lists.values, lists.masks, lists.firsts[listed]
    kept = 0
    for at in range(n):
        i = rows[at]
        rows[kept] = i
        kept += firsts[words[i, 0] >> np.uint64(56)]
    n, kept = kept, 0
    for at in range(n):
        i = rows[at]
        rows[kept] = i
        first, second = words[i, 0], words[i, 1]
        fits = takes_unknown & (first == 0)
        for j in range(start, end):
            fits |= (first != 0) & ((first & masks[j, 0]) == values[j, 0]) & ((second & masks[j, 1]) == values[j, 1])
        kept += fits
    return kept


@njit(cache=True, nogil=True)
def _in_areas(inside: Bools) -> tuple[npt.NDArray[np.int32], Rows]:
    """Return the rows of the tracks in each area, and how many they are."""
    areas, n = inside.shape
    in_area, counts = np.empty((areas, n + 1), np.int32), np.zeros(areas, np.int64)
    for area in range(areas):
        found = 0
        for i in range(n):
            in_area[area, found] = i
            found += inside[area, i]
        counts[area] = found
    return in_area, counts


@njit(cache=True, nogil=True)
def _decide(rules: Table, in_force: Rows, lists: _Lists, seen: _Seen, decisions: npt.NDArray[np.int16]) -> None:
    """Fill (readers, tracks) *decisions* with the first rule that takes each track, in order of the rules."""
    readers, n = decisions.shape
    left = np.full(n, np.int8((1 << readers) - 1))
    rows = np.empty(n + 1, np.int32)
    for r in range(len(rules)):
        whom = in_force[r]
        if whom == 0:
            continue
        found = _ask(rules[r], lists, seen, left, whom, not rules[r].is_release, rows)
        for at in range(found):
            i = rows[at]
            for reader in range(readers):
                if left[i] & whom & (1 << reader):
                    decisions[reader, i] = r
            left[i] &= np.int8(~whom)
