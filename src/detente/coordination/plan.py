"""What a party plans: a kind, volumes in place, level and time, and who takes part; checked before it enters.

The words are those of ASTM F3548, widened: levels name their datum, a corridor is a shape of its own, and a place that
its owner does not give away is a set of coarse cells. Coordinates are WGS 84 in 1e-7 degree, latitude first; levels are
pressure feet or centimetres above the ellipsoid. Nothing is repaired: what is wrong is refused, with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from detente.coordination.act import Cell, Digest, Ms, Title, Words, digest_of
from detente.coordination.extent import (
    E7,
    POLAR_E7,
    SPAN_LIMIT_E7,
    Extent,
    Ring,
    along,
    area_km2,
    crosses_itself,
    extent,
    holds,
    is_flat,
    ring_of,
    round_about,
)
from detente.errors import OrderRefused

VERTICES_LIMIT: Final = 500
VOLUMES_LIMIT: Final = 16
AREA_LIMIT_KM2: Final = 500_000.0
WIDEST_CM: Final = 39_000_000  # a circle of this radius has the largest area
LONGEST_MS: Final = 400 * 86_400_000
FARTHEST_MS: Final = 2 * 366 * 86_400_000
CONFIRM_MS: Final = 90 * 86_400_000
"""How long a protected site stands without its owner confirming it anew. The figure is ours."""

Vertex = tuple[
    Annotated[int, Meta(ge=-90 * E7, le=90 * E7)],
    Annotated[int, Meta(ge=-180 * E7, le=180 * E7)],
]
"""Latitude and longitude, 1e-7 degree, WGS 84."""

Length = Annotated[int, Meta(ge=1, le=100_000_000)]
"""Centimetres."""


class Kind(StrEnum):
    FLIGHT = "flight"
    EXERCISE = "exercise"
    HAZARD = "hazard"
    PROTECTED_SITE = "protected_site"
    PROTECTED_MOVEMENT = "protected_movement"
    JOINT_OPERATION = "joint_operation"


PROTECTED: Final = frozenset({Kind.PROTECTED_SITE, Kind.PROTECTED_MOVEMENT})


class Polygon(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="shape", tag="polygon"):
    """Edges straight in latitude and longitude; the first vertex is not repeated."""

    vertices: Annotated[tuple[Vertex, ...], Meta(min_length=3, max_length=VERTICES_LIMIT)]


class Circle(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="shape", tag="circle"):
    centre: Vertex
    radius_cm: Length


class Corridor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="shape", tag="corridor"):
    """All that is within half the width of a line."""

    line: Annotated[tuple[Vertex, ...], Meta(min_length=2, max_length=64)]
    half_width_cm: Length


class Cells(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="shape", tag="cells"):
    """A coarse place: somewhere in these tenths of a degree. For what its owner protects, until the place is given."""

    cells: Annotated[tuple[Cell, ...], Meta(min_length=1, max_length=64)]


Shape = Polygon | Circle | Corridor | Cells


class PressureLevels(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="datum", tag="pressure"):
    """Feet above 1013.25 hPa; None is open."""

    floor_ft: Annotated[int, Meta(ge=-2_000, le=200_000)] | None = None
    ceiling_ft: Annotated[int, Meta(ge=-2_000, le=200_000)] | None = None


class EllipsoidLevels(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="datum", tag="ellipsoid"):
    """Centimetres above the WGS 84 ellipsoid (W84 of F3548); None is open."""

    floor_cm: Annotated[int, Meta(ge=-800_000, le=10_000_000)] | None = None
    ceiling_cm: Annotated[int, Meta(ge=-800_000, le=10_000_000)] | None = None


Levels = PressureLevels | EllipsoidLevels


class Volume(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One volume, from an instant until another."""

    outline: Shape
    levels: Levels
    start_ms: Ms
    end_ms: Ms


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One activity, whole: its digest is what others say that they have seen."""

    kind: Kind
    title: Title
    volumes: Annotated[tuple[Volume, ...], Meta(min_length=1, max_length=VOLUMES_LIMIT)]
    words: Words | None = None
    identities: Annotated[
        tuple[Annotated[str, Meta(pattern=r"\A([0-9a-f]{6}|~[0-9A-Za-z_.-]{1,14})\Z")], ...], Meta(max_length=64)
    ] = ()  # of who takes part: what is watched while it is active
    callsigns: Annotated[tuple[Annotated[str, Meta(pattern=r"\A[A-Z0-9]{2,8}\Z")], ...], Meta(max_length=64)] = ()
    contact: Title | None = None  # a role on watch and its frequency or line; never a person
    urgent: Words | None = None  # why it could not be declared earlier
    verified_ms: Ms | None = None  # of a protected site: when its owner last made sure of it

    @property
    def digest(self) -> str:
        return digest_of(msgspec.json.encode(self, order="sorted").decode())

    @property
    def start_ms(self) -> int:
        return min(volume.start_ms for volume in self.volumes)

    @property
    def end_ms(self) -> int:
        return max(volume.end_ms for volume in self.volumes)


Key = Annotated[tuple[Digest, ...], Meta(max_length=2_048)]
"""Digests of the plans that a writer has seen: the *key* of F3548."""

DistrictRing = tuple[Vertex, ...]


def extents_of(plan: Plan) -> tuple[Extent, ...]:
    """Return what each volume of *plan* covers on the ground."""
    return tuple(extent(_rings(volume.outline)) for volume in plan.volumes)


def _rings(outline: Shape) -> tuple[Ring, ...]:
    match outline:
        case Polygon(vertices):
            return (ring_of(vertices),)
        case Circle(centre, radius_cm):
            return (round_about(centre, radius_cm),)
        case Corridor(line, half_width_cm):
            return along(line, half_width_cm)
        case Cells(cells):
            return tuple(_square(cell) for cell in cells)


def _square(cell: Cell) -> Ring:
    south, west = cell[0] * E7 // 10, cell[1] * E7 // 10
    side = E7 // 10
    return ring_of(((south, west), (south, west + side), (south + side, west + side), (south + side, west)))


def levels_meet(a: Levels, b: Levels) -> bool | None:
    """Whether the levels of two volumes overlap; None where they have different data: that is not known."""
    if (None, None) in (span(a), span(b)):
        return True
    if type(a) is not type(b):
        return None
    (a_low, a_high), (b_low, b_high) = span(a), span(b)
    return (a_high is None or b_low is None or a_high >= b_low) and (b_high is None or a_low is None or b_high >= a_low)


def span(levels: Levels) -> tuple[int | None, int | None]:
    """Return floor and ceiling in the unit of their datum."""
    if isinstance(levels, PressureLevels):
        return levels.floor_ft, levels.ceiling_ft
    return levels.floor_cm, levels.ceiling_cm


# --- input


def check_plan(plan: Plan, at_ms: int, district: DistrictRing = ()) -> None:
    """Raise OrderRefused for a plan that cannot be meant as it stands."""
    for n, volume in enumerate(plan.volumes, 1):
        where = f"volume {n}"
        if volume.start_ms >= volume.end_ms:
            raise OrderRefused("times", f"{where}: its end is not after its start")
        if volume.end_ms - volume.start_ms > LONGEST_MS:
            raise OrderRefused("too_long", f"{where}: it lasts more than {LONGEST_MS // 86_400_000} days")
        floor, ceiling = span(volume.levels)
        if floor is not None and ceiling is not None and floor >= ceiling:
            raise OrderRefused("levels", f"{where}: its floor is not below its ceiling")
        is_coarse = isinstance(volume.outline, Cells)
        if is_coarse and plan.kind not in PROTECTED:
            raise OrderRefused("coarse", f"{where}: coarse cells are for protected sites and movements")
        if not is_coarse and plan.kind in PROTECTED:
            raise OrderRefused(
                "precise", f"{where}: a protected place is declared coarse; the place itself is given to one addressee"
            )
        check_outline(volume.outline, where)
        _check_district(volume.outline, district, where)
    if plan.end_ms > at_ms + FARTHEST_MS:
        raise OrderRefused("too_far", "it lies more than two years ahead")
    if plan.end_ms <= at_ms:
        raise OrderRefused("time_past", "it would be over already")
    if len({(v.outline, v.levels, v.start_ms, v.end_ms) for v in plan.volumes}) < len(plan.volumes):
        raise OrderRefused("duplicate", "a volume stands twice")
    if plan.kind is Kind.PROTECTED_SITE:
        if plan.verified_ms is None:
            raise OrderRefused("not_verified", "say when the site was last made sure of")
        check_verified(plan.verified_ms, at_ms)


def check_verified(verified_ms: int, at_ms: int) -> None:
    """Raise OrderRefused unless a site was made sure of in the past and lately."""
    if verified_ms > at_ms:
        raise OrderRefused("time_ahead", "a site has been made sure of in the past")
    if at_ms - verified_ms > CONFIRM_MS:
        raise OrderRefused("stale", f"it was last made sure of more than {CONFIRM_MS // 86_400_000} days ago")


def check_outline(outline: Shape, where: str) -> None:
    """Raise OrderRefused for an outline that encloses nothing clear, lies at a pole or is too large."""
    points = points_of(outline)
    if any(abs(latitude) > POLAR_E7 for latitude, _ in points):
        raise OrderRefused("polar", f"{where}: nearer to a pole than {90 - POLAR_E7 // E7} degrees nothing is planned")
    if isinstance(outline, Polygon | Corridor):
        # A span too wide for whole numbers of 64 bits is refused before it is looked at more closely.
        rough = extent((ring_of(points),))
        if rough.span_e7 > SPAN_LIMIT_E7:
            raise OrderRefused("too_wide", f"{where}: it is wider than {SPAN_LIMIT_E7 // E7} degrees")
        following = [*points[1:], points[0]] if isinstance(outline, Polygon) else points[1:]
        if any(one == other for one, other in zip(points, following, strict=False)):
            raise OrderRefused("degenerate", f"{where}: a vertex stands twice in a row; the first is not repeated")
    if isinstance(outline, Polygon):
        ring = ring_of(outline.vertices)
        if is_flat(ring):
            raise OrderRefused("degenerate", f"{where}: the outline encloses nothing")
        if crosses_itself(ring):
            raise OrderRefused("self_crossing", f"{where}: the outline crosses or touches itself")
    half_cm = outline.radius_cm if isinstance(outline, Circle) else 0
    half_cm = outline.half_width_cm if isinstance(outline, Corridor) else half_cm
    if half_cm > WIDEST_CM:
        raise OrderRefused("too_wide", f"{where}: it reaches farther than {WIDEST_CM // 100_000} km to each side")
    if isinstance(outline, Circle) and abs(outline.centre[0]) <= 70 * E7:
        return  # so far from a pole no circle of that radius is too wide
    rings = _rings(outline)
    if extent(rings).span_e7 > SPAN_LIMIT_E7 or sum(area_km2(ring) for ring in rings) > AREA_LIMIT_KM2:
        raise OrderRefused("too_wide", f"{where}: it covers more than {AREA_LIMIT_KM2:,.0f} km² or 30 degrees")


def points_of(outline: Shape) -> tuple[Vertex, ...]:
    """Return the points that an outline is made of; of a cell its middle."""
    match outline:
        case Polygon(vertices):
            return vertices
        case Circle(centre, _):
            return (centre,)
        case Corridor(line, _):
            return line
        case Cells(cells):
            half = E7 // 20
            return tuple((lat * E7 // 10 + half, lon * E7 // 10 + half) for lat, lon in cells)


def _check_district(outline: Shape, district: DistrictRing, where: str) -> None:
    if not district:
        return
    ring = ring_of(district)
    points = points_of(outline)
    if all(holds(ring, point) for point in points):
        return
    swapped = [(longitude, latitude) for latitude, longitude in points]
    if all(abs(latitude) <= 90 * E7 and holds(ring, (latitude, longitude)) for latitude, longitude in swapped):
        raise OrderRefused(
            "swapped", f"{where}: it lies in the district only with latitude and longitude exchanged; latitude is first"
        )
    raise OrderRefused("outside_district", f"{where}: it reaches out of the district that this table is for")


def lies_in(plan: Plan, volumes: Sequence[Volume]) -> bool:
    """Whether the points of *volumes* lie in the cells that *plan* declares."""
    rings = [ring for volume in plan.volumes for ring in _rings(volume.outline)]
    return all(any(holds(ring, point) for ring in rings) for v in volumes for point in points_of(v.outline))


KindName = Literal["flight", "exercise", "hazard", "protected_site", "protected_movement", "joint_operation"]
LeadMinutes = dict[KindName, Annotated[int, Meta(ge=1, le=525_600)]]
"""The least lead time, by kind, that a charter's members agreed, minutes."""
