"""A policy in words: each rule one sentence, and the same in parts that a desk can say in another language."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from detente.release.policy import Policy, Rule, When
from detente.release.release import given


class Part(msgspec.Struct, frozen=True):
    """One condition: the word of its kind, and what it names, as the policy writes it."""

    kind: str  # a key of `When`
    values: list[str]


class RuleWords(msgspec.Struct, frozen=True):
    """One rule, in parts and in an English sentence."""

    number: int  # from 1
    name: str
    effect: str  # release, withhold
    to: list[str]  # empty: everybody
    when: list[Part]  # empty: every aircraft, always
    fields: list[str]
    position_grid_m: int
    altitude_step_ft: int
    delay_s: int
    every_s: int
    why: str
    sentence: str


def policy_words(policy: Policy) -> list[RuleWords]:
    """Return each rule of *policy* in words, in order."""
    return [_rule_words(i, rule) for i, rule in enumerate(policy.rule, 1)]


def sentence(rule: Rule) -> str:
    """Return *rule* as one English sentence, as it would be read aloud."""
    to = ", ".join(rule.to) or "everybody"
    conditions = [_condition(part) for part in _parts(rule.when)]
    whom = f"every aircraft {' and '.join(conditions)}" if conditions else "every aircraft"
    why = f", because: {rule.why}" if rule.why else ""
    if rule.give is None:
        return f"Withhold from {to} {whom}{why}."
    return f"Tell {to} of {whom}: {given(rule.give)}{why}."


def _rule_words(number: int, rule: Rule) -> RuleWords:
    give = rule.give
    return RuleWords(
        number=number,
        name=rule.name,
        effect=rule.effect,
        to=list(rule.to),
        when=_parts(rule.when),
        fields=[] if give is None else list(give.fields),
        position_grid_m=0 if give is None else give.position_grid_m,
        altitude_step_ft=0 if give is None else give.altitude_step_ft,
        delay_s=0 if give is None else give.delay_s,
        every_s=0 if give is None else give.every_s,
        why=rule.why,
        sentence=sentence(rule),
    )


def _parts(when: When) -> list[Part]:
    parts = []
    for kind in when.__struct_fields__:
        value = getattr(when, kind)
        if value is None:
            continue
        match kind:
            case "line":
                parts.append(Part(kind, [value.zone, f"{value.within_nm:g}", value.side]))
            case "daily":
                parts.append(Part(kind, [value.start, value.end, *(value.days or [])]))
            case "activity":
                named = [*(value.ids or []), *(value.kinds or [])]
                parts.append(Part(kind, [value.declared_by, "inside" if value.inside else "", *named]))
            case _:
                parts.append(Part(kind, [str(v) for v in (value if isinstance(value, list) else [value])]))
    return parts


def _condition(part: Part) -> str:
    values = part.values
    match part.kind:
        case "areas":
            return f"in {_any(values)}"
        case "altitude_from_ft":
            return f"at or above {int(values[0]):,} ft"
        case "altitude_below_ft":
            return f"below {int(values[0]):,} ft"
        case "identities":
            return f"with the identity {_any(values)}"
        case "callsigns":
            return f"with the call sign {_any(values)}"
        case "categories":
            return f"of the class {_any(values)}"
        case "declared_by":
            return {"own": "that we declare ours", "other": "that another party declares its own"}.get(
                values[0], "that nobody declares"
            )
        case "activity":
            whose = {"own": "of ours", "other": "of another party"}.get(values[0], "")
            named = f" ({_any(values[2:])})" if values[2:] else ""
            inside = " and is within it" if values[1] else ""
            return " ".join(f"that takes part in a declared activity {whose}{named}{inside}".split())
        case "line":
            side = {"inside": " inside it", "outside": " outside it"}.get(values[2], "")
            return f"within {values[1]} NM of {values[0]!r}{side}"
        case "emergency":
            return "in distress" if values[0] == "True" else "not in distress"
        case "from_utc":
            return f"from {values[0]} on"
        case "until_utc":
            return f"until {values[0]}"
        case "daily":
            days = f" on {_any(values[2:])}" if values[2:] else ""
            return f"between {values[0]} and {values[1]} UTC{days}"
        case "link":
            return f"while the link is {_any(values)}"
        case _:
            return f"while the arrangement is {_any([v.replace('_', ' ') for v in values])}"


def _any(values: Sequence[str]) -> str:
    return " or ".join(values)
