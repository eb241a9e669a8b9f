"""What a desk shows of the policy towards one peer."""

from __future__ import annotations

import msgspec

from detente.desk.release_view import AreaRow, PrecisionRow, ReleaseView, RuleRow
from detente.engine.sharing import Exchange
from detente.release.policy import Area, Give, Policy, Rule
from detente.release.release import Releaser
from detente.types import PartyId


def release_view(peer: PartyId, releaser: Releaser, exchange: Exchange) -> ReleaseView:
    """Return the policy in force towards *peer*, rule by rule, and what it kept back of the newest frame."""
    policy, newest = releaser.policy, exchange.newest
    rules = [rule for rule in policy.rule if rule.concerns(peer)]
    return ReleaseView(
        peer=peer,
        name=policy.name,
        note=policy.note,
        digest=releaser.digest,
        rules=[_rule(rule) for rule in rules],
        areas=[_area(area) for area in _named_in(policy, rules)],
        released=0 if newest is None else newest.released,
        withheld={} if newest is None else dict(newest.withheld),
    )


def _rule(rule: Rule) -> RuleRow:
    return RuleRow(
        name=rule.name,
        effect=rule.effect,
        why=rule.why,
        to=list(rule.to),
        when=msgspec.to_builtins(rule.when),
        fields=[] if rule.give is None else list(rule.give.fields),
        precision=None if rule.give is None else _precision(rule.give),
    )


def _precision(give: Give) -> PrecisionRow:
    return PrecisionRow(give.position_grid_m, give.altitude_step_ft, give.delay_s, give.every_s)


def _named_in(policy: Policy, rules: list[Rule]) -> list[Area]:
    names = {name for rule in rules for name in rule.when.areas or []}
    return [area for area in policy.area if area.name in names]


def _area(area: Area) -> AreaRow:
    if area.circle is not None:
        return AreaRow(area.name, [], [_e7(angle) for angle in area.circle.centre], area.circle.radius_nm)
    return AreaRow(area.name, [[_e7(lat), _e7(lon)] for lat, lon in area.polygon or []], [], 0.0)


def _e7(degrees: float) -> int:
    return round(degrees * 1e7)
