"""Builders: twelve kinds of false track, each made out of an honest one.

`KINDS` names for each kind its `Reason` and its maker: ``maker(flight, start, rng) → (own, false)``, where *flight* is
one aircraft's plots, *start* the row from which it lies, *own* what is heard of honest aircraft besides, and *false* the
plots of the false track, among them the honest ones before *start* where the lie goes on under the same address.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from detente.feeds.plot import Plots, empty_plots
from detente.picture.picture import Reason
from detente.picture.tracker import Tracker
from detente.types import NS_PER_S, Instant
from detente.units import M_PER_FT, M_PER_NM, MPS_PER_KT

Made = tuple[Plots, Plots]
Maker = Callable[[Plots, int, np.random.Generator], Made]

NOTHING = empty_plots(0)
OTHER = b"a0b1c2"
EARTH_M = 6.371e6


def synthetic(rng: np.random.Generator, seconds: int = 90, every_s: float = 1.0) -> Plots:
    """One aircraft that flies, climbs and turns a little as aircraft do, seen with the noise of ADS-B."""
    n = int(seconds / every_s)
    t = np.arange(n) * every_s
    speed = rng.uniform(70.0, 240.0) + np.cumsum(rng.normal(0.0, 0.15, n)) * every_s
    rate = np.radians(rng.uniform(0.3, 2.0)) * np.sin(t / rng.uniform(20.0, 60.0) + rng.uniform(0.0, 6.0))
    course = rng.uniform(0.0, 2.0 * np.pi) + np.cumsum(rate) * every_s
    climb = rng.choice([0.0, rng.uniform(-12.0, 12.0)]) + rng.normal(0.0, 0.2, n)
    plots = empty_plots(n)
    latitude = np.radians(rng.uniform(35.0, 60.0))
    east, north = speed * np.sin(course), speed * np.cos(course)
    noise = rng.normal(0.0, 4.0, (2, n))
    plots["applicable_at_ns"] = (1_700_000_000 + t) * NS_PER_S
    plots["identity"] = b"4baac6"
    plots["latitude_rad"] = latitude + (np.cumsum(north) * every_s + noise[0]) / EARTH_M
    plots["longitude_rad"] = np.radians(rng.uniform(-9.0, 30.0)) + (np.cumsum(east) * every_s + noise[1]) / (
        EARTH_M * np.cos(plots["latitude_rad"])
    )
    steps = 25.0 * M_PER_FT
    height = rng.uniform(2_500.0, 10_500.0) + np.cumsum(climb) * every_s
    plots["altitude_pressure_m"] = np.round(height / steps) * steps
    plots["altitude_ellipsoid_m"] = plots["altitude_pressure_m"] + 60.0
    plots["v_east_mps"] = np.round(east / MPS_PER_KT) * MPS_PER_KT
    plots["v_north_mps"] = np.round(north / MPS_PER_KT) * MPS_PER_KT
    plots["v_up_mps"] = np.round(climb / 0.32512) * 0.32512
    return plots


def moved(plots: Plots, east_m: float | np.ndarray, north_m: float | np.ndarray) -> Plots:
    out = plots.copy()
    out["latitude_rad"] += north_m / EARTH_M
    out["longitude_rad"] += east_m / (EARTH_M * np.cos(plots["latitude_rad"]))
    return out


def frozen(flight: Plots, start: int, rng: np.random.Generator) -> Made:
    """It stays where it was; every second time with a few metres of noise, the velocity told goes on."""
    false = flight.copy()
    still = false[start:]
    for name in ("latitude_rad", "longitude_rad"):
        still[name] = flight[name][start]
    if rng.random() < 0.5:
        still["latitude_rad"] += rng.normal(0.0, 3.0, len(still)) / EARTH_M
    return NOTHING, false


def teleporting(flight: Plots, start: int, rng: np.random.Generator) -> Made:
    """It jumps by 2 to 50 NM, once or to and fro."""
    angle, distance = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(2.0, 50.0) * M_PER_NM
    away = moved(flight, distance * np.sin(angle), distance * np.cos(angle))
    false = flight.copy()
    rows = np.arange(start, len(flight))
    rows = rows[((rows - start) // rng.integers(2, 9)) % 2 == 0] if rng.random() < 0.5 else rows
    false[rows] = away[rows]
    return NOTHING, false


def mirrored(flight: Plots, start: int, rng: np.random.Generator) -> Made:
    """Its image in a meridian or parallel: under its own address instead of it, or under another beside it."""
    beside, turned = rng.random() < 0.5, rng.random() < 0.5
    # Across the axis it flies along, its image would hardly differ from itself.
    eastward = abs(flight["v_east_mps"][start]) > abs(flight["v_north_mps"][start])
    name, speed = ("longitude_rad", "v_east_mps") if eastward else ("latitude_rad", "v_north_mps")
    axis = flight[name][start] + rng.uniform(-0.004, 0.004)
    image = flight.copy()
    image[name] = 2.0 * axis - image[name]
    if turned or beside:
        image[speed] *= -1.0
    if beside:
        image["identity"] = OTHER
        return flight.copy(), image[start:]
    return NOTHING, np.concatenate([flight[:start], image[start:]])


def delayed_copy(flight: Plots, start: int, rng: np.random.Generator) -> Made:
    """It flies again what another flew 5 to 60 s ago, under another address or the same."""
    step_ns = int(np.median(np.diff(flight["applicable_at_ns"])))
    late = max(int(rng.uniform(5.0, 60.0) * NS_PER_S / step_ns), 1)
    late = min(late, start)
    copy = flight[start - late : len(flight) - late].copy()
    copy["applicable_at_ns"] += late * step_ns + step_ns // 3
    copy["identity"] = OTHER
    return flight.copy(), copy


def duplicate_address(flight: Plots, start: int, rng: np.random.Generator) -> Made:
    """Another aircraft under one address, 6 to 200 NM away."""
    angle, distance = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(6.0, 200.0) * M_PER_NM
    false = moved(flight[start:], distance * np.sin(angle), distance * np.cos(angle))
    false["applicable_at_ns"] += NS_PER_S // 3
    return flight.copy(), false


def clock_skew(flight: Plots, start: int, rng: np.random.Generator) -> Made:
    """Its stamps are off by 2 s to an hour, either way, from one plot to the next."""
    off_s = rng.choice([-1.0, 1.0]) * np.exp(rng.uniform(np.log(2.5), np.log(3600.0)))
    false = flight.copy()
    false["applicable_at_ns"][start:] += int(off_s * NS_PER_S)
    return NOTHING, false


def altitude_jump(flight: Plots, start: int, rng: np.random.Generator) -> Made:
    """It is 3,000 to 15,000 ft higher or lower from one plot to the next."""
    jump_m = rng.choice([-1.0, 1.0]) * rng.uniform(3_000.0, 15_000.0) * M_PER_FT
    height = flight["altitude_pressure_m"][start]
    jump_m = -jump_m if not -300.0 < height + jump_m < 17_000.0 else jump_m
    false = flight.copy()
    for name in ("altitude_pressure_m", "altitude_ellipsoid_m"):
        false[name][start:] += jump_m
    return NOTHING, false


def spoofed_circle(flight: Plots, start: int, rng: np.random.Generator) -> Made:
    """It goes round in a circle, here or somewhere else, and says so or says what it said before."""
    false = flight.copy()
    lie = false[start:]
    t = (lie["applicable_at_ns"] - lie["applicable_at_ns"][0]) / NS_PER_S
    radius, speed = rng.uniform(300.0, 2_500.0), rng.uniform(60.0, 150.0)
    angle = rng.uniform(0.0, 2.0 * np.pi) + rng.choice([-1.0, 1.0]) * speed / radius * t
    far_m = rng.uniform(2.0, 200.0) * M_PER_NM if rng.random() < 0.5 else 0.0
    lie[:] = moved(lie, 0.0, 0.0)
    lie["latitude_rad"] = flight["latitude_rad"][start] + (radius * np.sin(angle) + far_m) / EARTH_M
    lie["longitude_rad"] = flight["longitude_rad"][start] + radius * (np.cos(angle) - np.cos(angle[0])) / (
        EARTH_M * np.cos(lie["latitude_rad"])
    )
    if far_m or rng.random() < 0.5:
        turning = np.gradient(angle, t) if len(t) > 1 else np.zeros(1)
        lie["v_east_mps"] = -radius * np.sin(angle) * turning
        lie["v_north_mps"] = radius * np.cos(angle) * turning
    return NOTHING, false


def swapped_coordinates(flight: Plots, start: int, rng: np.random.Generator) -> Made:
    """Latitude and longitude are exchanged: of a track already known, or of one heard for the first time."""
    false = flight.copy()
    false["latitude_rad"][start:], false["longitude_rad"][start:] = (
        flight["longitude_rad"][start:],
        flight["latitude_rad"][start:],
    )
    return NOTHING, false if rng.random() < 0.5 else false[start:]


def unit_mixup(flight: Plots, start: int, rng: np.random.Generator) -> Made:
    """Speed in knots or km/h read as m/s, or the other way; altitude in metres read as feet."""
    false = flight.copy()
    what = rng.integers(0, 3)
    if what < 2:
        factor = rng.choice([MPS_PER_KT, 1.0 / MPS_PER_KT, 1.0 / 3.6, 3.6 if what else 1.0 / 1.852])
        if np.hypot(flight["v_east_mps"], flight["v_north_mps"])[start:].max() * factor > 850.0:
            factor = 1.0 / factor
        for name in ("v_east_mps", "v_north_mps"):
            false[name][start:] *= factor
    else:
        false["altitude_pressure_m"][start:] *= M_PER_FT
    return NOTHING, false


def coasting_too_long(flight: Plots, start: int, rng: np.random.Generator) -> Made:
    """Nothing is measured any more: it is carried on in a straight line, by its source or by us."""
    if rng.random() < 0.3:
        return NOTHING, flight[:start]
    false = flight.copy()
    t = (flight["applicable_at_ns"][start:] - flight["applicable_at_ns"][start - 1]) / NS_PER_S
    from_here = flight[start - 1 : start]
    false[start:] = moved(np.repeat(from_here, len(t)), from_here["v_east_mps"] * t, from_here["v_north_mps"] * t)
    false["applicable_at_ns"] = flight["applicable_at_ns"]
    return NOTHING, false


def identity_swap(flight: Plots, start: int, rng: np.random.Generator) -> Made:
    """Two aircraft exchange their addresses; each is then false."""
    angle, distance = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(2.0, 40.0) * M_PER_NM
    one, other = flight.copy(), moved(flight, distance * np.sin(angle), distance * np.cos(angle))
    other["applicable_at_ns"] += NS_PER_S // 3
    other["altitude_pressure_m"] += 300.0
    other["identity"] = OTHER
    one["identity"][start:], other["identity"][start:] = OTHER, flight["identity"][0]
    return NOTHING, in_time(one, other)


def in_time(*parts: Plots) -> Plots:
    plots = np.concatenate(parts)
    return plots[np.argsort(plots["applicable_at_ns"], kind="stable")]


@dataclass(frozen=True)
class Kind:
    reason: Reason
    make: Maker


KINDS = {
    maker.__name__: Kind(reason, maker)
    for reason, maker in (
        (Reason.FROZEN, frozen),
        (Reason.TELEPORT, teleporting),
        (Reason.MIRRORED, mirrored),
        (Reason.DELAYED_COPY, delayed_copy),
        (Reason.DUPLICATE_ADDRESS, duplicate_address),
        (Reason.CLOCK_SKEW, clock_skew),
        (Reason.ALTITUDE_JUMP, altitude_jump),
        (Reason.SPOOFED_CIRCLE, spoofed_circle),
        (Reason.SWAPPED_COORDINATES, swapped_coordinates),
        (Reason.UNIT_MIXUP, unit_mixup),
        (Reason.COASTED_TOO_LONG, coasting_too_long),
        (Reason.IDENTITY_SWAP, identity_swap),
    )
}


@dataclass(frozen=True)
class Flagged:
    """What became of one false track."""

    after_s: float  # from the first false plot until it was not assessed for its reason; inf never
    any_after_s: float  # until it was not assessed for any reason
    real_judged: float  # share of the passes from then on in which the honest track was assessed; 1 when there is none
    quiet_before: bool  # nothing was suspected before the lie


def watched(made: Made, from_ns: int, kind: Kind, party: int = 0, seconds: int = 40) -> Flagged:
    """Give both to a tracker as they arrive, the honest ones as ours and the false ones as *party*'s.

    A plot arrives at its own time; one whose stamp is false arrives when it would have with the right one.
    """
    own, false = made
    if party == 0 and len(own):
        false = in_time(own, false)
    tracker = Tracker(16)
    due = false["applicable_at_ns"] if len(own) else _arrivals(false, from_ns)
    own_due = own["applicable_at_ns"] if party else np.empty(0, np.int64)
    first = min(int(d[0]) for d in (due, own_due) if len(d))
    after = any_after = np.inf
    judged = passes = 0
    quiet = True
    now = first - first % NS_PER_S
    while now < from_ns + seconds * NS_PER_S:
        for whose, plots, at in ((0, own, own_due), (party, false, due)):
            some = plots[(at > now - NS_PER_S) & (at <= now)]
            if len(some):
                tracker.take(whose, 1 + 1000 * whose, some, Instant(now))
        tracker.tick(Instant(now))
        tracks = tracker.snapshot()
        real = _honest(tracks, own, now, party)
        lying = tracks[~real]
        since_s = max(0.0, (now - from_ns) / NS_PER_S)
        if now >= from_ns:
            reasons = lying["not_assessed"].tolist()
            if kind.reason in reasons:
                after = min(after, since_s)
            if not len(reasons) or any(reasons):
                any_after = min(any_after, since_s)
            if real.any() and since_s > 3.0:
                passes += 1
                judged += bool((tracks["not_assessed"][real] == Reason.NONE).any())
        elif now > first + 3 * NS_PER_S and now <= from_ns - NS_PER_S:
            quiet &= not np.any(~np.isin(tracks["not_assessed"], (Reason.NONE, Reason.TOO_NEW, Reason.NO_VELOCITY)))
        now += NS_PER_S
    return Flagged(after, any_after, judged / passes if passes else 1.0, quiet)


def _arrivals(false: Plots, from_ns: int) -> np.ndarray:
    """When the false plots arrive: at their stamps, which a skewed clock shifts by what it was shifted."""
    at = false["applicable_at_ns"].copy()
    if len(at) > 2 and np.any((steps := np.diff(at)) <= 0):
        jump = int(np.argmin(steps)) + 1
        at[jump:] += from_ns - at[jump]
    elif len(at) > 2 and from_ns not in at and at[0] < from_ns < at[-1] and steps.max() > 2.4 * np.median(steps):
        jump = int(np.argmax(steps)) + 1
        at[jump:] += from_ns - at[jump]
    return at


def _honest(tracks, own: Plots, now: int, party: int) -> np.ndarray:
    """Which of *tracks* are where an honest aircraft is heard."""
    real = np.zeros(len(tracks), bool)
    heard = own[own["applicable_at_ns"] <= now] if len(own) else own
    for identity in np.unique(heard["identity"]) if len(heard) else ():
        newest = heard[heard["identity"] == identity][-1]
        near = (
            np.hypot(
                tracks["latitude_rad"] - newest["latitude_rad"],
                (tracks["longitude_rad"] - newest["longitude_rad"]) * np.cos(newest["latitude_rad"]),
            )
            < 1_000.0 / EARTH_M
        )
        real |= near & (tracks["identity"] == identity) & (tracks["party"] == 0)
    return real


LATE = ("delayed_copy", "duplicate_address", "identity_swap")
"""Kinds whose false plots come a third of a second after the honest ones."""
