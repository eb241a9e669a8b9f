"""How the tracks of a snapshot stand to notified lines and zones: approach, entry, inside, leaving, not assessed."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Final

import numpy as np

from detente.detect import incursion
from detente.detect.assessment import NotAssessed, Phase, ZoneVerdict
from detente.detect.boundary import areas_of, boundary
from detente.detect.course import walk_room
from detente.detect.motion import MOTION, Floats
from detente.detect.schedule import ALWAYS
from detente.detect.zone import Zone
from detente.picture.picture import Reason, Tracks
from detente.types import Instant, PartyId

_PHASES: Final = {
    incursion.APPROACH: Phase.APPROACH,
    incursion.ENTRY: Phase.ENTRY,
    incursion.INSIDE: Phase.INSIDE,
    incursion.LEAVING: Phase.LEAVING,
}


class Standing:
    """Judges tracks against a set of zones, each on its own. Holds no state between passes."""

    def __init__(self, zones: Sequence[Zone], parties: Sequence[PartyId] = (), threads: Executor | None = None) -> None:
        """*parties*: the node's table of parties, to know whom a zone exempts."""
        self.zones = tuple(zones)
        self._threads = threads
        self.know(parties)
        self._has_schedules = any(zone.schedule != ALWAYS for zone in self.zones)
        self._areas = areas_of(
            [boundary(zone.rings, zone.floor_ft, zone.ceiling_ft, zone.margin_m) for zone in self.zones]
        )

    def know(self, parties: Sequence[PartyId]) -> None:
        """Take *parties* for the node's table of parties, which has grown."""
        self._exempt = [{parties.index(party) for party in zone.exempt if party in parties} for zone in self.zones]

    def judge(
        self, m: Floats, tracks: Tracks, now: Instant, lookahead_s: float, told: set[int]
    ) -> tuple[list[ZoneVerdict], list[NotAssessed]]:
        """Return what is remarkable of *tracks* (`TRACK`), whose motions at *now* are *m*, and what is not judged.

        told: tracks already known as not assessed; they are not named again.
        """
        verdicts: list[ZoneVerdict] = []
        unjudged: dict[int, NotAssessed] = {}
        stood = incursion.standings(m, self._areas, lookahead_s, self._activity(now, lookahead_s), self._threads)
        numbers, declared = tracks["number"][stood.rows].tolist(), tracks["declared_by"][stood.rows].tolist()
        which, hows = stood.areas.tolist(), stood.how.tolist()
        for number, party, area, how, found in zip(numbers, declared, which, hows, stood.found, strict=True):
            if party in self._exempt[area]:
                continue
            if how != incursion.NOT_ASSESSED:
                verdicts.append(_verdict(number, self.zones[area].zone_id, _PHASES[how], found))
            elif number not in told:
                unjudged[number] = NotAssessed(number, Reason.NO_ALTITUDE)
        return verdicts, list(unjudged.values())

    def _activity(self, now: Instant, lookahead_s: float) -> incursion.Activity | None:
        """Return when each zone is active, None where all are all the time."""
        if not self._has_schedules:
            return None
        spans = [zone.schedule.spans(now, lookahead_s) for zone in self.zones]
        starts = np.cumsum([0, *(len(of_zone) for of_zone in spans)])
        return incursion.Activity(np.array([span for of in spans for span in of], np.float64).reshape(-1, 2), starts)


def _verdict(number: int, zone_id: str, phase: Phase, found: Floats) -> ZoneVerdict:
    entry, latitude, longitude, least, least_at, dwell = found.tolist()
    return ZoneVerdict(
        track=number,
        zone=zone_id,
        phase=phase,
        time_to_entry_s=entry,
        latitude_rad=latitude,
        longitude_rad=longitude,
        least_distance_m=least if phase is Phase.APPROACH else 0.0,
        time_to_least_s=least_at if phase is Phase.APPROACH else entry,
        dwell_s=dwell,
    )


def warm(m: Floats) -> None:
    """Compile, or load from the cache, every kernel of incursion; *m*: any motions."""
    ring = np.radians(np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0]]))
    area = boundary((ring,), 0, 1_000, 1_000.0)
    incursion.standing(m, area, 60.0)
    incursion.beyond(m[0], 1.0, areas_of((area,)), 0, np.empty(MOTION), walk_room())
