"""What leaves for one peer, as a desk shows it: the policy rule by rule, how fine each position is, what is kept back.

A rule's conditions travel as the policy has them, so that each desk says them in its own language.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class PrecisionRow(msgspec.Struct, frozen=True):
    """What a rule gives, and how fine that is for who gathers it: metres, null where nobody has reckoned it."""

    position_grid_m: int = 0
    altitude_step_ft: int = 0
    delay_s: int = 0
    every_s: int = 0
    promised_m: float | None = None  # the largest error of one position
    after_1_min_m: float | None = None  # of a reader who puts a minute of them together
    after_5_min_m: float | None = None


class RuleRow(msgspec.Struct, frozen=True):
    """One rule that speaks about this peer. The first that fits an aircraft decides."""

    name: str
    effect: Literal["release", "withhold"]
    why: str
    to: list[str]  # empty: everybody
    when: dict[str, Any]  # as in the policy; empty: always and everywhere
    fields: list[str]  # what is given; empty for a rule that withholds
    precision: PrecisionRow | None


class AreaRow(msgspec.Struct, frozen=True):
    """A place that rules refer to by name, as a ring of [lat_e7, lon_e7] or a circle."""

    name: str
    ring: list[list[int]]  # empty: a circle
    centre_e7: list[int]
    radius_nm: float


class PendingRow(msgspec.Struct, frozen=True):
    """Another policy that one person has proposed, and that a second must confirm when it tells more."""

    digest: str
    name: str
    by: str  # seat
    at_ms: int
    tells_more: list[str]  # what would leave that does not leave now, in words
    needs: str = ""  # what is still wanted, in words


class ReleaseView(msgspec.Struct, frozen=True):
    """Everything a desk shows about what leaves for one peer."""

    peer: str
    name: str
    note: str
    digest: str
    baseline: str  # digest of the policy that both persons last agreed on as the usual one; empty: none is set
    is_wider: bool  # than the baseline
    wider_by: list[str]  # in words
    rules: list[RuleRow]
    areas: list[AreaRow]
    released: int  # tracks in the newest frame
    withheld: dict[str, int]  # reason or rule → tracks in the newest frame
    pending: PendingRow | None = None
    undo: str = ""  # name of the policy that undoing would bring back; empty: there is none
