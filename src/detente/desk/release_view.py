"""What leaves for one peer, as a desk shows it: the policy rule by rule, how coarse, and what is kept back.

A rule's conditions travel as the policy has them, so that each desk says them in its own language.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class PrecisionRow(msgspec.Struct, frozen=True):
    """How coarse a rule gives what it gives. What is left of that against a patient peer is reckoned apart."""

    position_grid_m: int = 0
    altitude_step_ft: int = 0
    delay_s: int = 0
    every_s: int = 0


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


class ReleaseView(msgspec.Struct, frozen=True):
    """What leaves for one peer. Whether that is more than usual, and who asks for more, stands on the board."""

    peer: str
    name: str
    note: str
    digest: str
    rules: list[RuleRow]
    areas: list[AreaRow]
    released: int  # tracks in the newest frame
    withheld: dict[str, int]  # reason or rule → tracks in the newest frame
