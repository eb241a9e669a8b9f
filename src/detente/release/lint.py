"""What is odd about a policy: rules that never decide, and why. A policy with such a rule says what it does not do."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from detente.release.match import is_part
from detente.release.policy import Policy, Rule, When, categories_of
from detente.types import PartyId


def lint(policy: Policy, peers: Collection[PartyId] = (), zone_ids: Collection[str] | None = None) -> list[str]:
    """Return one line for each rule of *policy* that can never decide anything, with the reason.

    peers: whom the node knows; none given: not checked. zone_ids: the notified lines and zones; None: not checked.
    """
    found = []
    for i, rule in enumerate(policy.rule):
        named = f"rule {i + 1} '{rule.name}'"
        strangers = [party for party in rule.to if peers and party not in peers]
        found += [f"{named}: no peer is called {party!r}" for party in strangers]
        line = rule.when.line
        if line is not None and zone_ids is not None and not any(is_part(zone, line.zone) for zone in zone_ids):
            found.append(f"{named}: no zone {line.zone!r} is notified; the policy will not start")
        empty = [key for key in ("areas", "identities", "callsigns", "categories") if getattr(rule.when, key) == []]
        found += [f"{named}: never matches: when.{key} is an empty list" for key in empty]
        if rule.when.daily is not None and rule.when.daily.start == rule.when.daily.end:
            found.append(f"{named}: never matches: when.daily starts and ends at {rule.when.daily.start}")
        earlier = _shadowing(rule, policy.rule[:i])
        if earlier is not None:
            found.append(f"{named}: never decides: rule {earlier + 1} '{policy.rule[earlier].name}' fits all it fits")
    return found


def _shadowing(rule: Rule, before: Sequence[Rule]) -> int | None:
    for i, earlier in enumerate(before):
        reaches = not earlier.to or (bool(rule.to) and set(rule.to) <= set(earlier.to))
        # A release does not take what cannot be known; a rule that withholds does. So a release never shadows one,
        # unless it asks for nothing that could be unknown.
        takes = earlier.effect == "withhold" or rule.effect == "release" or earlier.when == When()
        if reaches and takes and _is_wider(earlier.when, rule.when):
            return i
    return None


def _is_wider(wide: When, narrow: When) -> bool:
    """Whether each track that fits *narrow* is sure to fit *wide*; when in doubt it is not."""
    for name in ("areas", "identities", "callsigns"):
        if not _covers(getattr(wide, name), getattr(narrow, name)):
            return False
    categories = [None if w.categories is None else categories_of(w.categories) for w in (wide, narrow)]
    if not _covers(categories[0], categories[1]):
        return False
    low, high = narrow.altitude_from_ft, narrow.altitude_below_ft
    if wide.altitude_from_ft is not None and (low is None or low < wide.altitude_from_ft):
        return False
    if wide.altitude_below_ft is not None and (high is None or high > wide.altitude_below_ft):
        return False
    for name in ("declared_by", "emergency", "from_utc", "until_utc", "daily"):
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


def _covers(wide: list[str] | None, narrow: list[str] | None) -> bool:
    if wide is None:
        return True
    return narrow is not None and all(
        any(text == w or (w.endswith("*") and text.startswith(w[:-1])) for w in wide) for text in narrow
    )
