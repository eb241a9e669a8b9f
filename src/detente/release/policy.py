"""The release policy: one TOML text that a minister can read, as one value that is hashed.

Rules stand in order and the first that matches a track decides for the peers it names; when none matches, the track
is withheld. There is no other default. A rule says *when* it applies, *to* whom, and what it *gives*.

Conditions of one rule must all hold. What cannot be known of a track (no altitude, no callsign yet) is a third answer:
a rule that withholds takes it as yes, a rule that releases takes it as no. So missing knowledge never lets a track out.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from typing import Annotated, Final, Literal

import msgspec

from detente.errors import ConfigError
from detente.meant import read_toml
from detente.types import Instant, PartyId, instant_of_iso

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
Party = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
Feet = Annotated[int, msgspec.Meta(ge=-2_000, le=200_000)]
Latitude = Annotated[float, msgspec.Meta(ge=-90.0, le=90.0)]
Longitude = Annotated[float, msgspec.Meta(ge=-180.0, le=180.0)]
Point = tuple[Latitude, Longitude]
Ascii8 = Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9]{1,8}$")]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
LinkWord = Literal["UP", "DEGRADED", "DOWN", "SUSPENDED", "FORK", "ROLLBACK", "UNVERIFIED"]
ArrangementWord = Literal["none", "in_force", "safety_of_life", "suspended", "terminated"]
AlertWord = Literal["conflict", "incursion", "approach", "conformance"]
Ascii16 = Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]{1,16}$")]

Field = Literal["position", "altitude", "velocity", "callsign", "identity", "squawk", "category", "declaration"]
"""What a rule may give. `declaration` says that the aircraft is ours, and never whose it is otherwise."""

CLASSES: Final = {
    "light": "A1",
    "small": "A2",
    "large": "A3",
    "heavy": "A5",
    "high_performance": "A6",
    "rotorcraft": "A7",
    "glider": "B1",
    "balloon": "B2",
    "parachutist": "B3",
    "ultralight": "B4",
    "unmanned": "B6",
    "space": "B7",
    "surface_emergency": "C1",
    "surface_service": "C2",
}
"""Words for ADS-B emitter categories. Source: DO-260B, 2.2.3.2.5.2."""

RULES_LIMIT: Final = 1_000
POINTS_LIMIT: Final = 10_000
"""Of one area. Beyond either limit the policy is refused."""

OVERRIDES_LIMIT: Final = 16


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Every part of the policy refuses keys it does not know."""


class Circle(_Part, frozen=True):
    centre: Point  # latitude, longitude, degrees WGS 84
    radius_nm: Annotated[float, msgspec.Meta(gt=0.0, le=1_000.0)]


class Area(_Part, frozen=True):
    """A place that rules refer to by name: either a circle or a polygon."""

    name: Name
    circle: Circle | None = None
    polygon: Annotated[list[Point], msgspec.Meta(min_length=3, max_length=POINTS_LIMIT)] | None = None


class NearLine(_Part, frozen=True):
    """Nearness to a notified line or zone, which the node knows by this name."""

    zone: Name
    within_nm: Annotated[float, msgspec.Meta(ge=0.0, le=200.0)]
    side: Literal["either", "inside", "outside"] = "either"  # inside: the side of the party that notified it


class Daily(_Part, frozen=True):
    """A time of day, UTC, from the first minute up to the last; it may pass midnight."""

    start: Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
    end: Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
    days: list[Day] | None = None  # of these days only; a window that passes midnight belongs to the day it began


class During(_Part, frozen=True):
    """Taking part in a declared activity that is on now, by identity or call sign. All that is given must hold."""

    ids: list[Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]{1,64}$")]] | None = None  # a final "*": a prefix
    kinds: list[Name] | None = None  # as the activity was declared
    declared_by: Literal["own", "other", "any"] = "any"
    inside: bool = False  # and within one of its volumes, in place, level and time


class When(_Part, frozen=True):
    """Conditions; all that are given must hold. None given: the whole airspace, always."""

    areas: list[Name] | None = None  # in any of these
    altitude_from_ft: Feet | None = None  # pressure altitude, this or above
    altitude_below_ft: Feet | None = None  # pressure altitude, below this
    identities: list[Ascii16] | None = None  # any of these; a final "*" makes it a prefix
    callsigns: list[Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9]{1,8}\*?$")]] | None = None  # the same
    categories: list[str] | None = None  # ADS-B emitter categories ("A7") or the words of CLASSES ("rotorcraft")
    declared_by: Literal["own", "other", "nobody"] | None = None
    activity: During | None = None
    line: NearLine | None = None
    emergency: bool | None = None  # squawks 7500, 7600 or 7700
    from_utc: str | None = None  # ISO 8601
    until_utc: str | None = None
    daily: Daily | None = None
    link: list[LinkWord] | None = None  # the link to the reader is in one of these states
    arrangement: list[ArrangementWord] | None = None  # with the reader; "none": no table of both governs the picture


class Give(_Part, frozen=True):
    """What leaves, and how coarse. Exact and at once unless said otherwise."""

    fields: Annotated[tuple[Field, ...], msgspec.Meta(min_length=1)]
    position_grid_m: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 0  # positions snap to the middle of such cells
    altitude_step_ft: Annotated[int, msgspec.Meta(ge=0, le=20_000)] = 0  # altitudes round to this
    delay_s: Annotated[int, msgspec.Meta(ge=0, le=3_600)] = 0  # only positions at least this old
    every_s: Annotated[int, msgspec.Meta(ge=0, le=3_600)] = 0  # a newer position only so often; 0: in each frame


class Rule(_Part, frozen=True):
    name: Name
    effect: Literal["release", "withhold"]
    to: list[Party] = []  # withhold: none named is everybody. A release names each peer it means.
    why: str = ""  # for the reader
    when: When = When()
    give: Give | None = None

    def concerns(self, peer: PartyId) -> bool:
        """Whether this rule speaks about *peer*."""
        return peer in self.to or (not self.to and self.effect == "withhold")


class SafetyOverride(_Part, frozen=True):
    """An alert between these parties that tells more than the rules release, because lives depend on it.

    It holds only while every party named has the same entry in force and has said so in the record, and each use of it
    is shown at both desks.
    """

    name: Name
    between: Annotated[list[Party], msgspec.Meta(min_length=2, max_length=16)]
    kinds: Annotated[list[AlertWord], msgspec.Meta(min_length=1)]
    level: Literal["warning", "alarm"] = "alarm"  # from this level on
    within_s: Annotated[int, msgspec.Meta(ge=1, le=1_200)] = 60  # of the event, at most so long before it
    names: bool = False  # the call sign and identity of the other aircraft too, not only where, when and how near
    note: str = ""  # the text agreed

    @property
    def digest(self) -> str:
        """By which each side knows that the other has the same entry: SHA-256 of its content, base64."""
        return _digest(self)


class Policy(_Part, frozen=True):
    """One policy, checked. `digest` names exactly this one in every leaf it let out."""

    name: Name
    note: str = ""
    default: Literal["withhold"] = "withhold"  # written out for the reader; nothing else is possible
    area: list[Area] = []
    rule: Annotated[list[Rule], msgspec.Meta(max_length=RULES_LIMIT)] = []
    safety_override: Annotated[list[SafetyOverride], msgspec.Meta(max_length=OVERRIDES_LIMIT)] = []

    @property
    def digest(self) -> str:
        """SHA-256 of the policy's content in canonical form, base64: spaces and comments do not change it."""
        return _digest(self)


def _digest(part: _Part) -> str:
    return b64encode(hashlib.sha256(msgspec.json.encode(part, order="sorted")).digest()).decode()


NOTHING: Final = Policy(name="nothing leaves")
"""The policy of a peer for whom none is written."""


def parse_policy(text: str | bytes, source: str = "policy") -> Policy:
    """Return the policy that TOML *text* holds; raises ConfigError with the key's path. *source* names it in errors."""
    policy = read_toml(text, Policy, source)
    _check_names(policy, source)
    for i, area in enumerate(policy.area):
        if (area.circle is None) == (area.polygon is None):
            raise ConfigError(f"{source}: area[{i}] {area.name!r}: give either a circle or a polygon")
    for i, rule in enumerate(policy.rule):
        _check_rule(policy, rule, f"{source}: rule[{i}] {rule.name!r}")
    for i, override in enumerate(policy.safety_override):
        if len(set(override.between)) != len(override.between):
            raise ConfigError(f"{source}: safety_override[{i}].between: a party is named twice")
    return policy


def categories_of(words: list[str]) -> list[str]:
    """Return the ADS-B emitter categories that *words* mean; raises ConfigError on a word that means none."""
    found = []
    for word in words:
        code = CLASSES.get(word, word)
        if not re.fullmatch(r"[A-D][0-7]", code):
            raise ConfigError(f"{word!r} is neither an emitter category nor one of {', '.join(CLASSES)}")
        found.append(code)
    return found


def time_window(when: When) -> tuple[Instant | None, Instant | None]:
    """Return the first and the last instant of *when*; raises ConfigError when either is no ISO 8601 UTC."""
    try:
        return (
            None if when.from_utc is None else instant_of_iso(when.from_utc),
            None if when.until_utc is None else instant_of_iso(when.until_utc),
        )
    except ValueError as wrong:
        raise ConfigError(f"when: {wrong}") from None


def _check_names(policy: Policy, source: str) -> None:
    for kind, names in (
        ("area", [a.name for a in policy.area]),
        ("rule", [r.name for r in policy.rule]),
        ("safety_override", [o.name for o in policy.safety_override]),
    ):
        for i, name in enumerate(names):
            if name in names[:i]:
                raise ConfigError(f"{source}: {kind}[{i}].name: {name!r} is used twice")


def _check_rule(policy: Policy, rule: Rule, where: str) -> None:
    try:
        start, end = time_window(rule.when)
        categories_of(rule.when.categories or [])
    except ConfigError as wrong:
        raise ConfigError(f"{where}: {wrong}") from None
    known = {area.name for area in policy.area}
    for name in rule.when.areas or []:
        if name not in known:
            raise ConfigError(f"{where}: when.areas: there is no area {name!r} in this policy")
    if start is not None and end is not None and start >= end:
        raise ConfigError(f"{where}: when.until_utc is not after when.from_utc")
    low, high = rule.when.altitude_from_ft, rule.when.altitude_below_ft
    if low is not None and high is not None and low >= high:
        raise ConfigError(f"{where}: when.altitude_below_ft is not above when.altitude_from_ft")
    if rule.effect == "withhold":
        if rule.give is not None:
            raise ConfigError(f"{where}: a rule that withholds gives nothing: remove give")
        return
    if not rule.to:
        raise ConfigError(f"{where}: a release names each peer it is meant for: add to = [...]")
    if rule.give is None:
        raise ConfigError(f"{where}: a release says what it gives: add give")
    if "position" not in rule.give.fields:
        raise ConfigError(f"{where}: give.fields: a track without a position cannot be told; add position or withhold")
    if "velocity" in rule.give.fields and rule.give.position_grid_m:
        # A velocity would walk the reader through the cell. Source: threat-model.md, row 43.
        raise ConfigError(f"{where}: give.fields: velocity would undo the grid of the position; leave one of them out")
