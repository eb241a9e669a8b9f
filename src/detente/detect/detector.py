"""One pass over one snapshot: kernels to verdicts. Conflict, entry, approach, not assessed; never "safe".

Pairs are taken in order of identity, and altitudes in whole feet at their time of applicability, so that two nodes that
hold the same tracks compute the same verdicts to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from detente.detect import cpa, standing
from detente.detect.accuracy import SIGMAS, Accuracy, accuracy_of, margins, worse_m
from detente.detect.airspace import Airspace
from detente.detect.assessment import Assessment, Conflict, NotAssessed
from detente.detect.level import levels_that_avoid, settle
from detente.detect.motion import Floats, along, geodetic, motions
from detente.detect.profile import Minima, Profile, widest
from detente.detect.room import Room, borrowed
from detente.detect.screen import pairs_in_conflict, part, placed_pairs_in_conflict
from detente.detect.zone import Zone
from detente.picture.picture import Mark, Reason, Tracks
from detente.types import NS_PER_S, Instant, PartyId
from detente.units import M_PER_FT

ONE_AIRCRAFT_M: Final = 25.0
ONE_AIRCRAFT_FT: Final = 150.0
ONE_AIRCRAFT_MPS: Final = 5.0


class _Judgement(NamedTuple):
    """What the minima of its profile make of a pair that they do not clear."""

    finding: Floats
    is_held: bool = False  # only holds an alert once raised
    margin_m: float = 0.0  # by which the minima were widened to find it; 0 they were not
    margin_ft: float = 0.0
    is_lost: bool = False  # the margins are wider than the minima: it can be anything


def conflicts(
    latitude_rad: Floats,
    longitude_rad: Floats,
    altitude_ft: Floats,
    v_east_mps: Floats,
    v_north_mps: Floats,
    v_up_fps: Floats,
    minima: Minima,
    threads: Executor | None = None,
    room: Room | None = None,
) -> tuple[npt.NDArray[np.int64], Floats, npt.NDArray[np.bool_]]:
    """Judge all pairs of n aircraft at one instant, each holding its course and climb.

    All inputs (n,) float64, NaN unknown; altitudes of one datum, taken to whole feet. Returns the pairs in conflict
    (k, 2) in order, lower row first; their findings (k, `cpa.FOUND`); and which rows could not be judged at all (n,),
    of which no pair says anything. *room*: to work in, kept for the next pass.
    """
    columns = (latitude_rad, longitude_rad, altitude_ft, v_east_mps, v_north_mps, v_up_fps)
    unknown = np.empty(len(latitude_rad), np.bool_)
    with borrowed(room) as work:
        pairs, found, _ = placed_pairs_in_conflict(
            columns, unknown, minima.horizontal_m, minima.vertical_ft, minima.lookahead_s, threads, work
        )
    return pairs, found, unknown


class Detector:
    """Judges a snapshot by its profiles and a set of zones. Holds nothing between passes but room to work in."""

    def __init__(
        self,
        profile: Profile,
        zones: Sequence[Zone] = (),
        parties: Sequence[PartyId] = (),
        threads: Executor | None = None,
        airspace: Airspace | None = None,
    ) -> None:
        """*parties*: the node's table of parties, to know whom a zone exempts. *airspace*: where other profiles hold
        than *profile*, and for which aircraft; none by default."""
        self.profile = profile
        self.airspace = airspace or Airspace(profile)
        self._widest = widest([each.hold for each in self.airspace.profiles])
        self._narrowest_m = min(
            minima.horizontal_m
            for each in self.airspace.profiles
            for minima in (each.minima, each.below_floor)
            if minima
        )
        self.zones = tuple(zones)
        self._threads = threads
        self._room: Final = Room()
        self._standing = standing.Standing(self.zones, parties, threads)

    def know(self, parties: Sequence[PartyId]) -> None:
        """Take *parties* for the node's table of parties, which has grown: zones may exempt the new ones."""
        self._standing.know(parties)

    def assess(self, tracks: Tracks, now: Instant) -> Assessment:
        """Return the verdicts on *tracks* (`TRACK`, each at its own time of applicability) at *now*."""
        shown = tracks[(tracks["flags"] & np.uint32(Mark.SECONDARY)) == 0]
        shown = shown[np.lexsort((shown["number"], shown["identity"]))]
        judged = shown[shown["not_assessed"] == Reason.NONE]
        m = motions_at(judged, now)
        not_assessed = _lost(shown["number"], shown["not_assessed"]) + _lost(judged["number"], _why_unknown(m))
        selected_ft = np.rint(judged["selected_altitude_m"] / M_PER_FT)
        nameless = judged["identity"].astype("S1") == b"~"
        found_conflicts, undecided = self._conflicts(m, judged, selected_ft, nameless, now)
        found_zones, unjudged = self._standing.judge(
            m, judged, now, self.profile.zone_lookahead_s, {lost.track for lost in not_assessed}
        )
        return Assessment(
            at=now,
            tracks=len(shown),
            conflicts=tuple(found_conflicts),
            zones=tuple(found_zones),
            not_assessed=tuple(not_assessed + undecided + unjudged),
        )

    def _conflicts(
        self, m: Floats, judged: Tracks, selected_ft: Floats, nameless: npt.NDArray[np.bool_], now: Instant
    ) -> tuple[list[Conflict], list[NotAssessed]]:
        numbers = judged["number"].tolist()
        areas, classes = self.airspace.areas(m), self.airspace.classes(judged, m)
        if any(profile.level for profile in self.airspace.profiles):
            m = m.copy()
            for k, profile in enumerate(self.airspace.profiles):
                if profile.level:
                    settle(m, profile.level, areas == k)
        known = accuracy_of(judged, now)
        pairs, found, verdicts, is_coarse = self._near(m, known)
        conflicts_found: list[Conflict] = []
        undecided = [NotAssessed(numbers[row], Reason.TOO_COARSE) for row in np.flatnonzero(self._is_lost(known))]
        for (a, b), wide, verdict in zip(pairs.tolist(), found, verdicts.tolist(), strict=True):
            profile = self.airspace.of_pair((int(classes[a]), int(classes[b])), (int(areas[a]), int(areas[b])))
            why = Reason.NO_ALTITUDE if verdict == cpa.NOT_ASSESSED else Reason.NONE
            if max(m[a, 10], m[b, 10]) < profile.slowest_mps:
                why = Reason.ON_GROUND
            judgement = None
            if why is Reason.NONE:
                coarse = known if is_coarse[a] or is_coarse[b] else None
                judgement = self._judged(m, (a, b), wide, profile, coarse)
                if judgement is None:
                    continue
                if judgement.is_lost:
                    why = Reason.TOO_COARSE
            if judgement is None or judgement.is_lost:
                undecided.append(NotAssessed(numbers[a], why, numbers[b]))
                continue
            finding = judgement.finding
            stated = _conflict(m[a], m[b], (numbers[a], numbers[b]), finding)
            conditions = _conditions(m, (a, b), numbers, selected_ft, finding, profile)
            conflicts_found.append(
                replace(
                    stated,
                    **conditions,
                    may_be_one=bool(nameless[a] or nameless[b]) and _side_by_side(m[a], m[b], finding),
                    profile=profile.name if profile is not self.profile else "",
                    is_held=judgement.is_held,
                    margin_m=judgement.margin_m,
                    margin_ft=judgement.margin_ft,
                )
            )
        return conflicts_found, undecided

    def _is_lost(self, known: Accuracy) -> npt.NDArray[np.bool_]:
        """Which tracks are known less well than the widest minimum is wide: no pair of theirs can be judged."""
        return worse_m(known.sigma_m, self._widest.horizontal_m) > self._widest.horizontal_m

    def _near(
        self, m: Floats, known: Accuracy
    ) -> tuple[npt.NDArray[np.int64], Floats, npt.NDArray[np.int8], npt.NDArray[np.bool_]]:
        """Return the pairs that the widest minima do not clear, as `pairs_in_conflict`, and which tracks are coarse.

        The minima of a pair with a coarse track are wider by all that two of them can need; only its pairs are looked
        for so far.
        """
        screen = self._widest
        is_coarse = (worse_m(known.sigma_m, self._narrowest_m) > 0.0) | (known.coarse_ft > 0.0)
        is_lost = self._is_lost(known)
        if is_lost.any():
            m = m.copy()
            m[is_lost, 0] = np.nan
        with borrowed(self._room) as room:
            fine = pairs_in_conflict(
                m, screen.horizontal_m, screen.vertical_ft, screen.lookahead_s, self._threads, room
            )
        if not is_coarse.any():
            return *fine, is_coarse
        sigma_m = known.sigma_m[~is_lost]
        reach_m = math.sqrt(2.0) * SIGMAS * float(sigma_m.max(initial=0.0))
        more_ft = 2.0 * float(known.coarse_ft.max())
        coarse = pairs_in_conflict(
            m, screen.horizontal_m + reach_m, screen.vertical_ft + more_ft, screen.lookahead_s, self._threads
        )
        with_coarse = [is_coarse[pairs].any(axis=1) for pairs in (fine[0], coarse[0])]
        pairs, found, verdicts = (
            np.concatenate([fine[q][~with_coarse[0]], coarse[q][with_coarse[1]]]) for q in range(3)
        )
        order = np.lexsort((pairs[:, 1], pairs[:, 0]))
        return pairs[order], found[order], verdicts[order], is_coarse

    def _judged(
        self, m: Floats, pair: tuple[int, int], wide: Floats, profile: Profile, coarse: Accuracy | None
    ) -> _Judgement | None:
        """Return what the minima of *profile* make of a pair; None no conflict.

        *wide*: what the widest minima found. *coarse*: how well the two are known, where that is worse than usual.
        """
        a, b = m[pair[0]], m[pair[1]]
        minima, hold = profile.minima, profile.hold
        if profile.below_floor and profile.floor_ft is not None and min(a[11], b[11]) < profile.floor_ft:
            minima = hold = profile.below_floor
        strict, narrow = cpa.judge_pair(a, b, minima.horizontal_m, float(minima.vertical_ft), minima.lookahead_s)
        if strict == cpa.CONFLICT:
            return _Judgement(narrow)
        margin_m, margin_ft = margins(coarse, pair, minima) if coarse else (0.0, 0.0)
        if margin_m or margin_ft:
            widened, found = cpa.judge_pair(
                a, b, minima.horizontal_m + margin_m, minima.vertical_ft + margin_ft, minima.lookahead_s
            )
            if widened == cpa.CONFLICT:
                is_lost = margin_m > minima.horizontal_m or margin_ft > minima.vertical_ft
                return _Judgement(found, margin_m=margin_m, margin_ft=margin_ft, is_lost=is_lost)
        if hold is minima:
            return None
        if coarse or hold is not self._widest:
            held, wide = cpa.judge_pair(
                a, b, hold.horizontal_m + margin_m, hold.vertical_ft + margin_ft, hold.lookahead_s
            )
            if held != cpa.CONFLICT:
                return None
        return _Judgement(wide, is_held=True, margin_m=margin_m, margin_ft=margin_ft)


def motions_at(tracks: Tracks, now: Instant) -> Floats:
    """Return the motions of *tracks* at *now*, each carried forward from its own time of applicability."""
    age_s = (np.int64(now) - tracks["applicable_at_ns"]) / NS_PER_S
    return motions(
        np.ascontiguousarray(tracks["latitude_rad"]),
        np.ascontiguousarray(tracks["longitude_rad"]),
        np.rint(tracks["altitude_pressure_m"] / M_PER_FT),
        np.rint(tracks["altitude_ellipsoid_m"] / M_PER_FT),
        np.ascontiguousarray(tracks["v_east_mps"]),
        np.ascontiguousarray(tracks["v_north_mps"]),
        tracks["v_up_mps"] / M_PER_FT,
        age_s,
    )


def _lost(numbers: npt.NDArray[np.uint32], reasons: npt.NDArray[np.uint8]) -> list[NotAssessed]:
    rows = np.flatnonzero(reasons)
    return [NotAssessed(n, Reason(r)) for n, r in zip(numbers[rows].tolist(), reasons[rows].tolist(), strict=True)]


def _why_unknown(m: Floats) -> npt.NDArray[np.uint8]:
    """Return for each motion the `Reason` why it cannot be judged, NONE where it can."""
    unknown = np.isnan(m)
    reasons = np.where(unknown[:, 11] & unknown[:, 12], Reason.NO_ALTITUDE.value, Reason.NONE.value)
    reasons[unknown[:, 0] | unknown[:, 10] | unknown[:, 13]] = Reason.NO_VELOCITY.value
    return reasons.astype(np.uint8)


def _conflict(a: Floats, b: Floats, numbers: tuple[int, int], found: Floats) -> Conflict:
    time_in, time_out, t_cpa, distance, vertical, _, _ = found.tolist()
    pa, pb = along(a, t_cpa), along(b, t_cpa)
    latitude, longitude = geodetic(*(0.5 * (pa[q] + pb[q]) for q in range(3)))
    return Conflict(
        a=numbers[0],
        b=numbers[1],
        time_in_s=time_in,
        time_out_s=time_out,
        time_to_cpa_s=t_cpa,
        distance_at_cpa_m=distance,
        vertical_at_cpa_ft=round(vertical),
        latitude_rad=latitude,
        longitude_rad=longitude,
    )


def _side_by_side(a: Floats, b: Floats, finding: Floats) -> bool:
    """Whether two motions are as near and as equal as two devices in one aircraft."""
    _, _, speed2 = cpa.gap(a, b, 0.0)
    return bool(finding[5] <= ONE_AIRCRAFT_M and finding[6] <= ONE_AIRCRAFT_FT and speed2 <= ONE_AIRCRAFT_MPS**2)


def _conditions(
    m: Floats, rows: tuple[int, int], numbers: list[int], selected_ft: Floats, finding: Floats, profile: Profile
) -> dict[str, Any]:
    """Return the fields of `Conflict` that say whether it waits for a level-off: none when it does not."""
    rules = profile.level
    if rules is None or finding[0] <= 0.0:
        return {}
    a, b = rows
    avoided = levels_that_avoid(m[a], m[b], selected_ft[a], selected_ft[b], rules)
    if avoided is None:
        return {}
    is_told_to_level = _is_selected(avoided, (selected_ft[a], selected_ft[b]))
    return {
        "levels": tuple((numbers[q], round(ft)) for q, ft in zip(rows, avoided, strict=True) if ft is not None),
        "is_promoted": bool(finding[0] <= rules.promoted_s) and not is_told_to_level,
        "is_told": bool(finding[0] <= rules.conditional_s),
    }


def _is_selected(levels: tuple[float | None, ...], selected_ft: tuple[float, float]) -> bool:
    """Whether each aircraft that must level off tells that its crew has selected just that level."""
    return all(ft is None or ft == set_ft for ft, set_ft in zip(levels, selected_ft, strict=True))


def warm() -> None:
    """Compile, or load from the cache, every kernel of this package: none is compiled once a node runs."""
    here, there = np.zeros(2), np.array([0.0, 0.0003])
    east, still = np.array([100.0, -100.0]), np.zeros(2)
    conflicts(here, there, still, east, still, still, Minima(9_260.0, 1_000, 60.0))
    key, begins, parted = (np.zeros(1, np.int64) for _ in range(3))
    part(key, 0, begins, parted)  # else only with threads, and more tracks than these
    m = motions(here, there, still, still, east, still, still, still)
    cpa.judge_pair(m[0], m[1], 9_260.0, 800.0, 60.0)
    along(m[0], 1.0)
    geodetic(m[0, 0], m[0, 1], m[0, 2])
    standing.warm(m)
