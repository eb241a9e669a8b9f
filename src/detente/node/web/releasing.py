"""The release policy at the desk: as it stands, as it would be, what is left of its promises, and why."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from detente.coordination.act import Party
from detente.desk.answers import PolicyCheck, PolicyView, RulePrecision, WhyTold
from detente.desk.orders import POLICY_LIMIT
from detente.node.web.endpoint import Call, Endpoint, Nothing

_BODY_MAX: Final = 256 * 1024


class Subject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked about: a track by its number on our map (an own aircraft also by its name), an alert by name, a
    report as ``table/name``. Nobody else's aircraft are found by who they are, and no place is answered.
    """

    peer: Party
    subject: Annotated[str, Meta(min_length=1, max_length=100)]


class PolicyText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A release policy as it is written, TOML."""

    text: Annotated[str, Meta(max_length=POLICY_LIMIT)]


async def _policy(call: Call[Nothing, None]) -> PolicyView:
    return call.desk.policy()


async def _check(call: Call[Nothing, PolicyText]) -> PolicyCheck:
    return call.desk.check_policy(call.body.text)


async def _precision(call: Call[Nothing, None]) -> list[RulePrecision]:
    return await call.desk.precision("")


async def _precision_of(call: Call[Nothing, PolicyText]) -> list[RulePrecision]:
    return await call.desk.precision(call.body.text)


async def _explain(call: Call[Subject, None]) -> WhyTold:
    return call.desk.why_told(call.params.peer, call.params.subject)


ENDPOINTS: Final[tuple[Endpoint[Any, Any], ...]] = (
    Endpoint(
        method="GET",
        path="/api/explain",
        summary="Why one peer is told of a track, an alert or a report, or not",
        does=_explain,
        gives=WhyTold,
        params=Subject,
        problems=("unknown_party", "unknown_track", "unknown_alert", "unknown_report", "unknown_table"),
    ),
    Endpoint(
        method="GET",
        path="/api/policy",
        summary="The release policy in force, in words and beside the baseline",
        does=_policy,
        gives=PolicyView,
    ),
    Endpoint(
        method="POST",
        path="/api/policy/check",
        summary="What a text would change as the release policy; nothing is changed",
        does=_check,
        gives=PolicyCheck,
        body=PolicyText,
        problems=("not_a_policy",),
        body_max=_BODY_MAX,
    ),
    Endpoint(
        method="GET",
        path="/api/policy/precision",
        summary="What a patient peer can know under the policy in force, rule by rule",
        does=_precision,
        gives=list[RulePrecision],
    ),
    Endpoint(
        method="POST",
        path="/api/policy/precision",
        summary="What a patient peer could know under a text, rule by rule",
        does=_precision_of,
        gives=list[RulePrecision],
        body=PolicyText,
        problems=("not_a_policy",),
        body_max=_BODY_MAX,
    ),
)
