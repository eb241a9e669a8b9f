"""Which profile holds for a pair: by its classes, else by the area, else the node's own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detente.alerts.alert import Happening, Level
from detente.alerts.life import AlertBook
from detente.detect.airspace import CLASSES, AircraftClass, Airspace
from detente.detect.detector import Detector, motions_at
from detente.detect.profile import EN_ROUTE, LIGHT_AIRCRAFT, LOW_LEVEL, TERMINAL, Minima, promoting, widest
from detente.detect.zone import Zone, ZoneKind
from detente.types import NS_PER_S, Instant, PartyId
from flights import Flight, head_on, tracks_of

NOW = Instant(1_000 * NS_PER_S)


def square(name: str, half_deg: float, floor_ft: int | None = None, ceiling_ft: int | None = None) -> Zone:
    south, north, west, east = 47.0 - half_deg, 47.0 + half_deg, 8.0 - half_deg, 8.0 + half_deg
    ring = np.radians([[south, west], [south, east], [north, east], [north, west], [south, west]])
    return Zone(name, name, ZoneKind.ZONE, PartyId("alfa"), (ring,), floor_ft, ceiling_ft, 0.0, 10.0, ())


TMA = square("tma", 0.5, ceiling_ft=12_000)
FIELD = square("field", 0.05, ceiling_ft=3_000)
SIDE_BY_SIDE = Flight("a", 47.0, 8.0, 5_000, 0, 140), Flight("b", 47.0, 8.1, 5_000, 0, 140)  # 4.1 NM


def found(airspace: Airspace, *flights: Flight, category: tuple[bytes, ...] = (b"", b"")):
    tracks = tracks_of(*flights, at=NOW)
    tracks["category"] = category
    return Detector(airspace.profiles[0], airspace=airspace).assess(tracks, NOW).conflicts


def test_the_profile_of_an_area_holds_in_it_and_not_above_or_beside_it() -> None:
    airspace = Airspace(EN_ROUTE, [(TMA, TERMINAL)])
    assert found(airspace, *SIDE_BY_SIDE) == ()
    [above] = found(airspace, *(replace(f, alt_ft=14_000.0) for f in SIDE_BY_SIDE))
    [beside] = found(airspace, *(replace(f, lat_deg=48.0) for f in SIDE_BY_SIDE))
    assert above.profile == beside.profile == ""


def test_of_two_areas_the_one_named_first_counts() -> None:
    low = [replace(f, alt_ft=2_000.0, lon_deg=8.0 + n * 0.02) for n, f in enumerate(SIDE_BY_SIDE)]
    for areas, count in (((FIELD, LOW_LEVEL), (TMA, EN_ROUTE)), 0), (((TMA, EN_ROUTE), (FIELD, LOW_LEVEL)), 1):
        assert len(found(Airspace(TERMINAL, areas), *low)) == count


def test_a_pair_of_classes_has_its_profile_wherever_it_is() -> None:
    airspace = Airspace(EN_ROUTE, [(TMA, TERMINAL)], [(AircraftClass.LIGHT, AircraftClass.DRONE, LIGHT_AIRCRAFT)])
    near = SIDE_BY_SIDE[0], replace(SIDE_BY_SIDE[1], lon_deg=8.02)  # 0.8 NM
    assert found(airspace, *near, category=(b"A1", b"B6")) == found(airspace, *near, category=(b"B6", b"A1")) == ()
    [terminal] = found(airspace, *near, category=(b"A1", b"A1"))
    assert terminal.profile == "terminal"
    nearer = SIDE_BY_SIDE[0], replace(SIDE_BY_SIDE[1], lon_deg=8.005)
    [light] = found(airspace, *nearer, category=(b"A1", b"B6"))
    assert light.profile == "light-aircraft"


@pytest.mark.parametrize(
    ("category", "alt_ft", "gs_kt", "expected"),
    [
        (b"A3", 2_000, 120, AircraftClass.LARGE),
        (b"B1", 25_000, 300, AircraftClass.LIGHT),
        (b"B6", 400, 20, AircraftClass.DRONE),
        (b"", 35_000, 200, AircraftClass.LARGE),
        (b"", 9_000, 300, AircraftClass.LARGE),
        (b"", 9_000, 140, AircraftClass.UNKNOWN),
        (b"C1", 9_000, 140, AircraftClass.UNKNOWN),
    ],
)
def test_a_class_comes_from_the_category_else_from_speed_and_height(category, alt_ft, gs_kt, expected) -> None:
    tracks = tracks_of(Flight("a", 47.0, 8.0, alt_ft, 0, gs_kt), at=NOW)
    tracks["category"] = category
    airspace = Airspace(EN_ROUTE, (), [(AircraftClass.LIGHT, AircraftClass.LIGHT, LIGHT_AIRCRAFT)])
    assert CLASSES[airspace.classes(tracks, motions_at(tracks, NOW))[0]] is expected


def test_an_alert_lives_by_the_profile_it_was_judged_by() -> None:
    airspace = Airspace(EN_ROUTE, [(TMA, TERMINAL)])
    a, b = head_on(13.0)
    tracks = tracks_of(*(replace(f, alt_ft=8_000.0) for f in (a, b)), at=NOW)
    [conflict] = Detector(EN_ROUTE, airspace=airspace).assess(tracks, NOW).conflicts
    assert conflict.profile == "terminal"
    book = AlertBook(EN_ROUTE, airspace.profiles)
    detector = Detector(EN_ROUTE, airspace=airspace)
    events = []
    for seconds in (0, 1, 2):
        now = Instant(NOW + seconds * NS_PER_S)
        tracks["applicable_at_ns"] = now
        events += book.update(detector.assess(tracks, now), tracks, now)
    [raised] = [e for e in events if e.happening is Happening.RAISED]
    # 41 s ahead: an alarm en route, where it begins at 60 s, and a warning here, where it begins at 30 s.
    assert 30.0 < raised.alert.time_to_event_s < 60.0
    assert raised.alert.level is Level.WARNING


def test_the_widest_minima_hold_all_others() -> None:
    assert widest([EN_ROUTE.hold]) is EN_ROUTE.hold
    assert widest([Minima(1.0, 500, 60.0), Minima(2.0, 100, 90.0)]) == Minima(2.0, 500, 90.0)


def test_a_level_off_is_promoted_as_the_node_says() -> None:
    assert promoting(LOW_LEVEL, 0.0) is LOW_LEVEL
    a, b = head_on(15.0)
    pair = replace(a, alt_ft=33_500.0, vs_fpm=2_000.0), b
    assert [c.is_promoted for c in found(Airspace(promoting(EN_ROUTE, 50.0)), *pair)] == [True]
    assert [c.is_promoted for c in found(Airspace(promoting(EN_ROUTE, 0.0)), *pair)] == [False]
