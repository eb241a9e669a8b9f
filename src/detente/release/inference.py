"""What a patient peer works out from what it is told: the attacks on averages, grids and offsets, run against a policy.

Flights are made up, straight and turning, and go through the very function that makes the frames. What comes out is
attacked as a peer would who knows the policy: by fitting a line (noise averages out), by keeping only the courses that
explain every cell told (each crossing betrays the place), and by one point known for sure (which gives a constant
offset away). The figure is the best that any of these does, as the root mean square of the error in the plane, at the
moment of the window where the peer knows most. Source: threat-model.md, rows 42 to 44.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from detente.picture.picture import NOBODY, TRACK
from detente.release.place import cell_half_rad
from detente.release.policy import Give, Policy, Rule
from detente.release.release import Releaser, given
from detente.types import NS_PER_MS, NS_PER_S, Instant, PartyId
from detente.units import EARTH_MEAN_RADIUS_M

Floats = npt.NDArray[np.float64]
Ring = list[tuple[float, float]]
"""Corners (place, speed) of what is possible on one axis."""

AFTER_S: Final = (60, 300)
HOLDS_SHARE: Final = 0.8
"""An effective precision below this share of the promised one is a promise not kept."""

FLIGHTS: Final = 48
_WINDOWS_S: Final = (1, 5, 10, 30, 60, 120, 300)
_FASTEST_MPS: Final = 300.0
_READER: Final = PartyId("reader")
_START: Final = Instant(3_600 * 24 * 20_000 * NS_PER_S)  # a slot of every `every_s` begins here
_SIGMA_M: Final = 10.0


@dataclass(frozen=True, slots=True)
class Flights:
    """Where (flights, seconds) aircraft are, in metres east and north of points of their own."""

    east_m: Floats
    north_m: Floats


@dataclass(frozen=True, slots=True)
class Told:
    """What the peer was told of each flight: (flights, samples), metres in the same planes."""

    at_s: Floats  # (samples,), the time of each position, from the first on
    east_m: Floats
    north_m: Floats
    half_east_m: Floats | None = None  # half the cell, where positions snap to a grid
    half_north_m: Floats | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What a peer knows after so long: RMS error in metres."""

    after_s: int
    straight_m: float
    turning_m: float
    anchored_m: float  # straight, when one true point at the beginning is known from elsewhere


@dataclass(frozen=True, slots=True)
class Precision:
    """One rule's promise, and what is left of it."""

    rule: int  # from 0
    name: str
    to: tuple[str, ...]
    gives: str  # in words
    promised_m: float | None  # RMS error of one frame; None: no coarser than the sensor
    known: tuple[Known, ...]
    late_straight_m: float | None  # of where the aircraft is now, foretold from positions told late
    late_turning_m: float | None

    @property
    def effective_m(self) -> float:
        """The least that is left."""
        return min(min(known.straight_m, known.turning_m) for known in self.known)

    @property
    def holds(self) -> bool | None:
        """Whether the promise is kept; None when nothing was promised."""
        return None if self.promised_m is None else self.effective_m >= HOLDS_SHARE * self.promised_m

    @property
    def advice(self) -> str:
        """What to do instead, in a sentence; empty when the rule does what it says."""
        if self.holds is False:
            return (
                f"weak: promised {self.promised_m:,.0f} m, and a patient peer knows {self.effective_m:,.0f} m; "
                "withhold instead, or let a new position come only once in more minutes (every_s)"
            )
        if self.late_straight_m is not None and self.late_straight_m < 1_000.0:
            return (
                f"a delay hides no straight flight: its place now is foretold to {self.late_straight_m:,.0f} m; "
                "withhold where the place now matters"
            )
        return ""


def precision(
    policy: Policy, rng: np.random.Generator, after_s: Sequence[int] = AFTER_S, flights: int = FLIGHTS
) -> list[Precision]:
    """Return for each rule of *policy* that releases what a peer can know; rules that give the same are tried once."""
    tried: dict[Give, tuple[tuple[Known, ...], float | None, float | None]] = {}
    found = []
    for i, rule in enumerate(policy.rule):
        if rule.give is None:
            continue
        give = rule.give
        if give not in tried:
            tried[give] = _tried(give, rng, after_s, flights)
        promised = give.position_grid_m / math.sqrt(6.0) if give.position_grid_m else None
        found.append(Precision(i, rule.name, tuple(rule.to), given(give), promised, *tried[give]))
    return found


def _tried(
    give: Give, rng: np.random.Generator, after_s: Sequence[int], flights: int
) -> tuple[tuple[Known, ...], float | None, float | None]:
    longest = max(after_s)
    # A delay moves what is told in time and changes nothing else of it.
    at_once = Give(fields=("position",), position_grid_m=give.position_grid_m, every_s=give.every_s)
    straight, turning = straight_flights(rng, flights, longest + 1), turning_flights(rng, flights, longest + 1)
    told = {name: tell(at_once, flown) for name, flown in (("straight", straight), ("turning", turning))}
    known = tuple(
        Known(
            after_s=after,
            straight_m=best_error_m(straight, until(told["straight"], after)),
            turning_m=best_error_m(turning, until(told["turning"], after)),
            anchored_m=anchored_error_m(straight, until(told["straight"], after)),
        )
        for after in after_s
    )
    if not give.delay_s:
        return known, None, None
    late = give.delay_s
    far = {"straight": straight_flights(rng, flights, longest + late + 1)}
    far["turning"] = turning_flights(rng, flights, longest + late + 1)
    errors = [
        foretold_error_m(flown, until(tell(at_once, flown, longest + 1), longest), late) for flown in far.values()
    ]
    return known, errors[0], errors[1]


def straight_flights(rng: np.random.Generator, n: int, seconds: int) -> Flights:
    """Return *n* straight flights of 60 to 250 m/s, one position a second."""
    speed, course = rng.uniform(60.0, 250.0, (n, 1)), rng.uniform(0.0, 2.0 * math.pi, (n, 1))
    start = rng.uniform(0.0, 50_000.0, (2, n, 1))
    t = np.arange(seconds, dtype=np.float64)
    return Flights(start[0] + speed * np.sin(course) * t, start[1] + speed * np.cos(course) * t)


def turning_flights(rng: np.random.Generator, n: int, seconds: int) -> Flights:
    """Return *n* flights that turn now left, now right, at up to three degrees a second, and fly straight between."""
    speed = rng.uniform(60.0, 250.0, (n, 1))
    rate = np.zeros((n, seconds))
    for flight in rate:
        at = 0
        while at < seconds:
            lasts = int(rng.integers(20, 90))
            flight[at : at + lasts] = math.radians(rng.uniform(0.5, 3.0)) * rng.choice([-1.0, 0.0, 1.0])
            at += lasts
    course = rng.uniform(0.0, 2.0 * math.pi, (n, 1)) + np.cumsum(rate, axis=1)
    start = rng.uniform(0.0, 50_000.0, (2, n, 1))
    return Flights(
        start[0] + np.cumsum(speed * np.sin(course), axis=1), start[1] + np.cumsum(speed * np.cos(course), 1)
    )


_PLACE_RAD: Final = (math.radians(47.0), math.radians(8.0))


def tell(give: Give, flights: Flights, seconds: int | None = None) -> Told:
    """Return what a reader is told of *flights* by a rule that gives *give*, one frame a second, through `Releaser`."""
    n, length = flights.east_m.shape
    policy = Policy(name="tried", rule=[Rule(name="tried", effect="release", to=[_READER], give=give)])
    releaser = Releaser(policy, (), {_READER: bytes(32)})
    sky = np.zeros(n, TRACK)
    sky["number"], sky["declared_by"], sky["position_sigma_m"] = np.arange(1, n + 1), NOBODY, _SIGMA_M
    per_m = 1.0 / EARTH_MEAN_RADIUS_M
    shrink = math.cos(_PLACE_RAD[0])
    samples: dict[int, tuple[Floats, Floats]] = {}
    for second in range(length if seconds is None else min(seconds, length)):
        now = Instant(_START + second * NS_PER_S)
        sky["applicable_at_ns"] = now
        sky["latitude_rad"] = _PLACE_RAD[0] + flights.north_m[:, second] * per_m
        sky["longitude_rad"] = _PLACE_RAD[1] + flights.east_m[:, second] * per_m / shrink
        frame = releaser.frame(sky, _READER, now)
        if frame.released == n:
            order = np.argsort(frame.rows)
            items = frame.items[order]
            at = int(items["at_ms"][0])
            samples.setdefault(at, (np.radians(items["latitude_e7"] * 1e-7), np.radians(items["longitude_e7"] * 1e-7)))
    latitude, longitude = (np.array([sample[k] for sample in samples.values()]).T for k in (0, 1))
    halves = None
    if give.position_grid_m:
        half = cell_half_rad(latitude, give.position_grid_m)
        halves = half[1] * shrink / per_m, np.full(latitude.shape, half[0] / per_m)
    return Told(
        (np.array(list(samples)) * NS_PER_MS - _START) / NS_PER_S,
        (longitude - _PLACE_RAD[1]) * shrink / per_m,
        (latitude - _PLACE_RAD[0]) / per_m,
        *(halves or (None, None)),
    )


def until(told: Told, after_s: int) -> Told:
    """Return what was told up to *after_s* after the first position."""
    some = told.at_s <= told.at_s[0] + after_s
    return Told(
        told.at_s[some],
        told.east_m[:, some],
        told.north_m[:, some],
        None if told.half_east_m is None else told.half_east_m[:, some],
        None if told.half_north_m is None else told.half_north_m[:, some],
    )


def best_error_m(flights: Flights, told: Told) -> float:
    """Return the RMS error of the best attack on *told*, at the moment at which it knows most."""
    errors = [_rms(flights, told.at_s[-1], told.east_m[:, -1], told.north_m[:, -1])]
    for window_s in _WINDOWS_S:
        some = told.at_s >= told.at_s[-1] - window_s
        if some.sum() < 3:
            continue
        for at in (told.at_s[-1], float(told.at_s[some].mean())):
            fitted = [_fitted(told.at_s[some], axis[:, some], at) for axis in (told.east_m, told.north_m)]
            errors.append(_rms(flights, at, *fitted))
    if told.half_east_m is not None and told.half_north_m is not None:
        errors += _by_cells(flights, told)
    return min(errors)


def anchored_error_m(flights: Flights, told: Told) -> float:
    """Return the RMS error at the newest moment when the first true point is known: a constant offset then is too."""
    first, last = round(float(told.at_s[0])), told.at_s[-1]
    if len(told.at_s) == 1:  # nothing newer than the known point was told
        return _rms(flights, last, told.east_m[:, -1], told.north_m[:, -1])
    shift = flights.east_m[:, first] - told.east_m[:, 0], flights.north_m[:, first] - told.north_m[:, 0]
    errors = [
        _rms(flights, last, told.east_m[:, -1] + shift[0], told.north_m[:, -1] + shift[1]),
        _rms(flights, last, told.east_m[:, -1], told.north_m[:, -1]),
    ]
    if len(told.at_s) >= 3:
        axes = zip((told.east_m, told.north_m), shift, strict=True)
        fitted = [_fitted(told.at_s, axis + by[:, None], last) for axis, by in axes]
        errors.append(_rms(flights, last, *fitted))
    if told.half_east_m is not None and told.half_north_m is not None:
        errors.append(_by_cells(flights, told, anchored=True)[0])
    return min(errors)


def foretold_error_m(flights: Flights, told: Told, late_s: int) -> float:
    """Return the RMS error of where the aircraft are *late_s* after the newest position told, the best window taken."""
    now = float(told.at_s[-1]) + late_s
    errors = []
    for window_s in _WINDOWS_S:
        some = told.at_s >= told.at_s[-1] - window_s
        if some.sum() >= 2:
            fitted = [_fitted(told.at_s[some], axis[:, some], now) for axis in (told.east_m, told.north_m)]
            errors.append(_rms(flights, now, *fitted))
    return min(errors, default=_rms(flights, now, told.east_m[:, -1], told.north_m[:, -1]))


def _rms(flights: Flights, at_s: float, east_m: Floats, north_m: Floats) -> float:
    low = min(math.floor(at_s), flights.east_m.shape[1] - 1)
    high, share = min(low + 1, flights.east_m.shape[1] - 1), at_s - low
    east = flights.east_m[:, low] * (1.0 - share) + flights.east_m[:, high] * share
    north = flights.north_m[:, low] * (1.0 - share) + flights.north_m[:, high] * share
    return float(np.sqrt(np.mean((east_m - east) ** 2 + (north_m - north) ** 2)))


def _fitted(at_s: Floats, places: Floats, at: float) -> Floats:
    """Return at *at* the straight line through (flights, samples) *places* by least squares."""
    middle: Floats = np.polyfit(at_s - at, places.T, 1)[1]
    return middle


def _by_cells(flights: Flights, told: Told, *, anchored: bool = False) -> list[float]:
    """Return the RMS errors, at the newest moment and in the middle, of the courses that explain every cell told.

    On each axis a straight course is a place and a speed; a cell told bounds both by two lines. What all cells leave is
    a polygon, and its centre of gravity is the best guess. Where nothing explains them all, the flight has turned, and
    only the newest cells that some course explains are used.
    """
    assert told.half_east_m is not None
    assert told.half_north_m is not None
    last, middle = float(told.at_s[-1]), float(told.at_s[-1] + told.at_s[0]) / 2.0
    guesses = np.empty((2, 2, len(told.east_m)))  # moment, axis, flight
    first = round(float(told.at_s[0]))
    axes = ((told.east_m, told.half_east_m, flights.east_m), (told.north_m, told.half_north_m, flights.north_m))
    for axis, (places, halves, true) in enumerate(axes):
        for flight in range(len(places)):
            anchor = float(true[flight, first]) if anchored else None
            place, speed = _explaining(told.at_s - last, places[flight], halves[flight], anchor)
            guesses[:, axis, flight] = place, place + speed * (middle - last)
    return [_rms(flights, at, *guesses[k]) for k, at in enumerate((last, middle))]


def _explaining(at_s: Floats, places: Floats, halves: Floats, anchor: float | None) -> tuple[float, float]:
    """Return place and speed at time 0, the newest, of the middle of all courses that explain the cells."""
    low, high = float(places[-1] - halves[-1]), float(places[-1] + halves[-1])
    ring: Ring = [(low, -_FASTEST_MPS), (high, -_FASTEST_MPS), (high, _FASTEST_MPS), (low, _FASTEST_MPS)]
    if anchor is not None:
        # So near the known point as to be at it.
        cut = _clipped(_clipped(ring, float(at_s[0]), anchor - 1.0, 1.0), float(at_s[0]), anchor + 1.0, -1.0)
        ring = cut or ring
    # Of a stay in one cell only its two ends bound a straight course.
    is_end = np.ones(len(places), np.bool_)
    is_end[1:-1] = (places[1:-1] != places[:-2]) | (places[1:-1] != places[2:])
    for at, place, half in zip(at_s[is_end][::-1], places[is_end][::-1], halves[is_end][::-1], strict=True):
        cut = _clipped(_clipped(ring, float(at), float(place - half), 1.0), float(at), float(place + half), -1.0)
        if not cut:
            break
        ring = cut
    return _centre(ring)


def _clipped(ring: Ring, at_s: float, bound: float, sign: float) -> Ring:
    """Return the part of *ring* where ``sign * (place + speed * at_s - bound) >= 0``."""
    kept: Ring = []
    values = [sign * (place + speed * at_s - bound) for place, speed in ring]
    for i, (point, value) in enumerate(zip(ring, values, strict=True)):
        before, value_before = ring[i - 1], values[i - 1]
        if (value >= 0.0) != (value_before >= 0.0):
            share = value_before / (value_before - value)
            kept.append((before[0] + share * (point[0] - before[0]), before[1] + share * (point[1] - before[1])))
        if value >= 0.0:
            kept.append(point)
    return kept


def _centre(ring: Ring) -> tuple[float, float]:
    """Return the centre of gravity of a polygon, or of its corners where it has no area."""
    x0, y0 = ring[0]
    area = place = speed = 0.0
    for (x1, y1), (x2, y2) in zip(ring, ring[1:] + ring[:1], strict=True):
        cross = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        area += cross
        place += cross * (x1 + x2 - 2.0 * x0)
        speed += cross * (y1 + y2 - 2.0 * y0)
    if abs(area) < 1e-9:
        return sum(p for p, _ in ring) / len(ring), sum(s for _, s in ring) / len(ring)
    return x0 + place / (3.0 * area), y0 + speed / (3.0 * area)
