"""What can be done about an activity: declared by one party, answered by the others, watched while it is on."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from detente.coordination.act import Act, Digest, Ms, Title, Words
from detente.coordination.plan import VOLUMES_LIMIT, Key, Plan, Volume

ActivityName = Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9-]{0,31}-[1-9][0-9]{0,8}(\.[1-9][0-9]?)?\Z")]
"""The name of the statement that declared it; of a joint one the proposal's, with its number there: ``alfa-12.1``."""


class Declare(Act, frozen=True, kw_only=True, tag="activity.declare"):
    """Declare an activity; it is called by the name of this statement."""

    plan: Plan
    key: Key = ()


class Change(Act, frozen=True, kw_only=True, tag="activity.change"):
    """Put another plan in the place of one's own newest. It takes every answer away."""

    activity: ActivityName
    after: Digest  # of the plan that it replaces
    plan: Plan
    key: Key = ()


class Accept(Act, frozen=True, kw_only=True, tag="activity.accept"):
    """Say for one's party that there is no objection to the newest plan."""

    activity: ActivityName
    digest: Digest
    key: Key = ()
    words: Words | None = None


class Object(Act, frozen=True, kw_only=True, tag="activity.object"):
    """Put an objection on record. It hinders nothing and stays."""

    activity: ActivityName
    digest: Digest
    words: Words


class PassOn(Act, frozen=True, kw_only=True, tag="activity.pass_on"):
    """Say that the units concerned have been told of the newest plan."""

    activity: ActivityName
    digest: Digest
    to: Title  # a unit or a role, never a person


class Question(Act, frozen=True, kw_only=True, tag="activity.ask"):
    """Ask about the newest plan."""

    activity: ActivityName
    digest: Digest
    words: Words


class Activate(Act, frozen=True, kw_only=True, tag="activity.activate"):
    """Begin; or say that it keeps to its volumes again."""

    activity: ActivityName
    digest: Digest
    key: Key = ()


class Deviate(Act, frozen=True, kw_only=True, tag="activity.deviate"):
    """Say that an own activity is out of its volumes, or in an emergency. No key is asked: it is where it is."""

    activity: ActivityName
    to: Literal["nonconforming", "contingent"]
    words: Words


class End(Act, frozen=True, kw_only=True, tag="activity.end"):
    """Say that it is over."""

    activity: ActivityName
    words: Words | None = None


class Cancel(Act, frozen=True, kw_only=True, tag="activity.cancel"):
    """Take it back before it has begun."""

    activity: ActivityName
    reason: Words


class GivePlace(Act, frozen=True, kw_only=True, tag="activity.give_place"):
    """Give the place itself of what one protects to the one other party of this table."""

    activity: ActivityName
    volumes: Annotated[tuple[Volume, ...], Meta(min_length=1, max_length=VOLUMES_LIMIT)]


class ConfirmSite(Act, frozen=True, kw_only=True, tag="activity.confirm"):
    """Say that a protected site has been made sure of anew."""

    activity: ActivityName
    verified_ms: Ms


class ShortLead(Act, frozen=True, kw_only=True, tag="activity.short_lead"):
    """Put on record that the agreed least lead time was broken. Said by the node of a party that was told late."""

    activity: ActivityName
    digest: Digest


AnyActivityAct = (
    Declare
    | Change
    | Accept
    | Object
    | PassOn
    | Question
    | Activate
    | Deviate
    | End
    | Cancel
    | GivePlace
    | ConfirmSite
    | ShortLead
)
