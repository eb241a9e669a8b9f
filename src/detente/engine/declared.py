"""What is declared at the tables and active now, as the detector takes it: so both desks watch the same volumes."""

from __future__ import annotations

from typing import Final

import numpy as np

from detente.coordination.activity_states import State
from detente.coordination.extent import E7, ring_of
from detente.coordination.plan import Cells, Circle, Corridor, Plan, Polygon, PressureLevels, Shape, span
from detente.detect.motion import Floats
from detente.detect.shape import circle, corridor
from detente.detect.volume import Activity, ActivityState, Datum, Volume
from detente.types import PartyId, instant_of_ms
from detente.units import M_PER_FT

_STATES: Final = {
    State.ACTIVATED: ActivityState.ACTIVATED,
    State.NONCONFORMING: ActivityState.NONCONFORMING,
    State.CONTINGENT: ActivityState.CONTINGENT,
}


def activity_of(name: str, party: PartyId, state: State, plan: Plan) -> Activity:
    """Return what is watched of *plan*, which is active under *name*."""
    return Activity(
        activity_id=name,
        party=party,
        state=_STATES[state],
        volumes=tuple(
            Volume(
                rings=_rings(volume.outline),
                floor_m=_metres(span(volume.levels)[0], is_pressure=isinstance(volume.levels, PressureLevels)),
                ceiling_m=_metres(span(volume.levels)[1], is_pressure=isinstance(volume.levels, PressureLevels)),
                datum=Datum.PRESSURE if isinstance(volume.levels, PressureLevels) else Datum.ELLIPSOID,
                start=instant_of_ms(volume.start_ms),
                end=instant_of_ms(volume.end_ms),
            )
            for volume in plan.volumes
            if not isinstance(volume.outline, Cells)
        ),
        identities=frozenset(plan.identities),
        callsigns=frozenset(plan.callsigns),
    )


def _metres(level: int | None, *, is_pressure: bool) -> float | None:
    return None if level is None else level * M_PER_FT if is_pressure else level / 100.0


def _rings(outline: Shape) -> tuple[Floats, ...]:
    """Return rings, (m, 2) latitude and longitude, rad, closed; exact where what must be seen may be generous."""
    match outline:
        case Polygon(vertices):
            ring = ring_of(vertices)
            rings: tuple[Floats, ...] = (np.vstack((ring, ring[:1]))[:, ::-1] / E7,)
        case Circle((latitude, longitude), radius_cm):
            rings = circle((longitude / E7, latitude / E7), radius_cm / 100.0)
        case Corridor(line, half_width_cm):
            rings = corridor(ring_of(line)[:, ::-1] / E7, half_width_cm / 100.0)
        case Cells():
            rings = ()
    return tuple(np.ascontiguousarray(np.radians(ring[:, ::-1])) for ring in rings)
