"""What rules may ask about that is not in the picture: the link, the arrangement, and what was declared ahead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from detente.detect.volume import Activity
from detente.types import PartyId


class DeclaredActivity(NamedTuple):
    """An activity as parties declared it: its volumes and who takes part, and what sort of activity it is."""

    activity: Activity
    kind: str = ""
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class Circumstances:
    """How things stand with each reader. What is not said of a reader cannot be known, and never helps a track out."""

    link: Mapping[PartyId, str] = field(default_factory=dict)  # state of the link to it
    arrangement: Mapping[PartyId, str] = field(default_factory=dict)  # the narrowest with it, "none" without a table
    activities: Sequence[DeclaredActivity] = ()


UNKNOWN_CIRCUMSTANCES = Circumstances()
