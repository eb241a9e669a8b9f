"""What is odd about a policy: rules that never decide, that cannot match, that contradict; each in one sentence.

A policy with such a rule says what it does not do. Nothing is called odd that could decide about some track.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import numpy as np

from detente.detect.zone import Zone
from detente.release.match import is_part
from detente.release.place import Shape
from detente.release.policy import Area, Policy, Rule, When, categories_of, time_window
from detente.types import Instant, PartyId
from detente.units import EARTH_MEAN_RADIUS_M, M_PER_NM, RAD_PER_DEG

_WEAK: Final = 0.1
"""Distances from a line are within a hundredth; this is ten times as much, so that nothing is called out of reach."""


ASKED_FOR: Final = (
    'releases what takes part in an activity that others declare, and they choose whom they name: declared_by = "own"'
)


def lint(
    policy: Policy,
    peers: Collection[PartyId] = (),
    zone_ids: Collection[str] | None = None,
    zones: Sequence[Zone] = (),
    now: Instant | None = None,
) -> list[str]:
    """Return one line for each rule of *policy* that can never decide anything, with the reason.

    peers: whom the node knows; none given: not checked. zone_ids: the notified lines and zones; None: not checked.
    zones: the same with their shapes, to see which areas are out of a line's reach. now: to see which rules are over.
    """
    found = []
    areas = {area.name: area for area in policy.area}
    for i, rule in enumerate(policy.rule):
        named = f"rule {i + 1} '{rule.name}'"
        strangers = [party for party in rule.to if peers and party not in peers]
        found += [f"{named}: no peer is called {party!r}" for party in strangers]
        line = rule.when.line
        if line is not None and zone_ids is not None and not any(is_part(zone, line.zone) for zone in zone_ids):
            found.append(f"{named}: no zone {line.zone!r} is notified; the policy will not start")
        found += [f"{named}: never matches: {why}" for why in _impossible(rule.when, areas, zones, now)]
        activity = rule.when.activity
        if rule.effect == "release" and activity is not None and activity.declared_by != "own":
            found.append(f"{named}: {ASKED_FOR}")
        earlier = _shadowing(rule, policy.rule[:i])
        if earlier is not None:
            found.append(f"{named}: never decides: {_shadowed(rule, policy.rule, earlier)}")
    found += [
        f"safety_override '{o.name}': nobody here is called {party!r}"
        for o in policy.safety_override
        for party in o.between
        if peers and party not in peers
    ]
    used = {name for rule in policy.rule for name in rule.when.areas or []}
    found += [f"area '{area.name}': no rule asks about it" for area in policy.area if area.name not in used]
    return found


def _impossible(when: When, areas: dict[str, Area], zones: Sequence[Zone], now: Instant | None) -> list[str]:
    """Return why no track can fit *when*, in words; empty: one could."""
    lists = ("areas", "identities", "callsigns", "categories", "link", "arrangement")
    why = [f"when.{key} is an empty list" for key in lists if getattr(when, key) == []]
    if when.daily is not None and when.daily.start == when.daily.end:
        why.append(f"when.daily starts and ends at {when.daily.start}")
    if when.daily is not None and when.daily.days == []:
        why.append("when.daily.days is an empty list")
    if when.activity is not None and (when.activity.ids == [] or when.activity.kinds == []):
        why.append("when.activity names nothing")
    end = time_window(when)[1]
    if now is not None and end is not None and end <= now:
        why.append(f"it was over at {when.until_utc}")
    if when.line is not None and when.areas and zones:
        line = when.line
        rings = [ring for zone in zones if is_part(zone.zone_id, line.zone) for ring in zone.rings]
        if rings and not any(_reaches(areas[name], rings, line.within_nm * M_PER_NM) for name in when.areas):
            why.append(f"none of its areas comes within {line.within_nm:g} NM of {line.zone!r}")
    return why


def _reaches(area: Area, rings: list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]], within_m: float) -> bool:
    """Whether *area* may come within *within_m* of the boundary; when in doubt it does."""
    if area.circle is not None:
        points = np.array([area.circle.centre]) * RAD_PER_DEG
        reach_m = area.circle.radius_nm * M_PER_NM
    else:
        points = np.array(area.polygon) * RAD_PER_DEG
        # No point of the area is farther from a corner than its longest side or diagonal is.
        spread = np.ptp(points, axis=0)
        reach_m = float(np.hypot(*spread)) * EARTH_MEAN_RADIUS_M
    limit_m = (within_m + reach_m) * (1.0 + _WEAK)
    return bool(np.isfinite(Shape(rings).measure(points[:, 0].copy(), points[:, 1].copy(), limit_m)[1]).any())


def _shadowed(rule: Rule, rules: Sequence[Rule], earlier: Sequence[int]) -> str:
    """Return which rules stand before *rule*, in words, and whether they say the opposite."""
    names = [f"rule {i + 1} '{rules[i].name}'" for i in earlier]
    fits = f"{names[0]} fits" if len(names) == 1 else f"{' and '.join(names)} together fit"
    first = rules[earlier[0]]
    if len(earlier) == 1 and first.when == rule.when and first.effect != rule.effect:
        return f"it contradicts {names[0]}, which has the same conditions, comes first and says {first.effect}"
    return f"{fits} all it fits"


def takes_all(earlier: Rule, rule: Rule) -> bool:
    """Whether *earlier* takes every track that *rule* would take, whoever reads."""
    # A release does not take what cannot be known; a rule that withholds does. So a release never stands for one,
    # unless it asks for nothing that could be unknown.
    takes = earlier.effect == "withhold" or rule.effect == "release" or earlier.when == When()
    return takes and is_wider(earlier.when, rule.when)


def _shadowing(rule: Rule, before: Sequence[Rule]) -> tuple[int, ...] | None:
    """Return which of the rules *before* take all that *rule* would: one, or several that share it out."""
    reaching = [i for i, e in enumerate(before) if not e.to or (bool(rule.to) and set(rule.to) <= set(e.to))]
    for i in reaching:
        if takes_all(before[i], rule):
            return (i,)
    for parts in (("declared_by",), ("altitude_from_ft", "altitude_below_ft")):
        if any(getattr(rule.when, part) is not None for part in parts):
            continue
        without = [i for i in reaching if takes_all(_without(before[i], parts), rule)]
        # Of an unknown altitude only a rule that withholds takes a track, and one that withholds may look for one.
        if parts != ("declared_by",) and rule.effect == "withhold":
            without = [i for i in without if before[i].effect == "withhold"]
        sharing = _sharing([before[i] for i in without], parts)
        if sharing:
            return tuple(without[i] for i in sharing)
    return None


def _without(rule: Rule, parts: Sequence[str]) -> Rule:
    kept = {name: getattr(rule.when, name) for name in rule.when.__struct_fields__ if name not in parts}
    return Rule(name=rule.name, effect=rule.effect, to=rule.to, when=When(**kept), give=rule.give)


def _sharing(rules: Sequence[Rule], parts: Sequence[str]) -> list[int]:
    """Return which of *rules* together leave no value of *parts* out; empty when some value is left."""
    if parts == ("declared_by",):
        by = {rule.when.declared_by: i for i, rule in enumerate(rules)}
        return sorted(by[word] for word in ("own", "other", "nobody")) if {"own", "other", "nobody"} <= set(by) else []
    bands = _bands(rules)
    reached, chosen = -np.inf, []
    for low, high, i in bands:
        if low > reached:
            return []
        if high is None or high > reached:
            chosen.append(i)
            reached = np.inf if high is None else high
        if reached == np.inf:
            return chosen
    return []


def _bands(rules: Sequence[Rule]) -> list[tuple[float, float | None, int]]:
    bands = [
        (-np.inf if w.altitude_from_ft is None else float(w.altitude_from_ft), w.altitude_below_ft, i)
        for i, w in enumerate(rule.when for rule in rules)
    ]
    return sorted(bands, key=lambda band: (band[0], np.inf if band[1] is None else band[1]))


def is_wider(wide: When, narrow: When) -> bool:
    """Whether each track that fits *narrow* is sure to fit *wide*; when in doubt it is not."""
    for name in ("areas", "identities", "callsigns"):
        if not _covers(getattr(wide, name), getattr(narrow, name)):
            return False
    categories = [None if w.categories is None else categories_of(w.categories) for w in (wide, narrow)]
    if not _covers(categories[0], categories[1]):
        return False
    for name in ("link", "arrangement"):
        if not _covers(getattr(wide, name), getattr(narrow, name)):
            return False
    low, high = narrow.altitude_from_ft, narrow.altitude_below_ft
    if wide.altitude_from_ft is not None and (low is None or low < wide.altitude_from_ft):
        return False
    if wide.altitude_below_ft is not None and (high is None or high > wide.altitude_below_ft):
        return False
    for name in ("declared_by", "emergency", "from_utc", "until_utc", "daily", "activity"):
        if getattr(wide, name) is not None and getattr(wide, name) != getattr(narrow, name):
            return False
    if wide.line is None:
        return True
    near = narrow.line
    return (
        near is not None
        and near.zone == wide.line.zone
        and near.within_nm <= wide.line.within_nm
        and wide.line.side in {"either", near.side}
    )


def _covers(wide: Sequence[str] | None, narrow: Sequence[str] | None) -> bool:
    if wide is None:
        return True
    return narrow is not None and all(
        any(text == w or (w.endswith("*") and text.startswith(w[:-1])) for w in wide) for text in narrow
    )
