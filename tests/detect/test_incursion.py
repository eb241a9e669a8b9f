"""Boundaries: agreement with shapely and pyproj, levels, dwell, and both published versions of 24 November 2015."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from detente.detect import incursion
from detente.detect.assessment import Phase, ZoneVerdict
from detente.detect.boundary import Boundary, boundary
from detente.detect.detector import Detector, motions_at
from detente.detect.incursion import APPROACH, ENTRY, FAR, INSIDE, LEAVING, standing
from detente.detect.profile import EN_ROUTE
from detente.detect.zone import Zone, read_zones
from detente.types import Instant, PartyId
from detente.units import MPS_PER_KT
from flights import WGS84, Flight, tracks_of

NOW = Instant(0)


def square(south: float, north: float, west: float, east: float) -> np.ndarray:
    """A closed ring, rad."""
    return np.radians(np.array([[south, west], [south, east], [north, east], [north, west], [south, west]], float))


def stands(flight: Flight, area: Boundary, lookahead_s: float = 600.0) -> tuple[int, np.ndarray]:
    how, out = standing(motions_at(tracks_of(flight), NOW), area, lookahead_s)
    return int(how[0]), out[0]


def border(shared: Path, country: str = "TUR", margin_m: float = 10_000.0) -> tuple[Zone, ...]:
    """One country's side of the 10 m line."""
    with gzip.open(shared / "data/geo/hatay_latakia_land_10m.geojson.gz") as file:
        document = json.load(file)
    document["features"] = [f for f in document["features"] if f["properties"]["a3"] == country]
    document["features"][0]["properties"] |= {
        "zone_id": country,
        "kind": "border",
        "asserted_by": "alfa",
        "resolution_m": 10,
    }
    document["features"][0]["properties"] |= {"margin_m": margin_m, "exempt": ["alfa"]}
    return read_zones(json.dumps(document).encode())


def test_the_time_and_place_of_entry_are_those_of_the_geodesic() -> None:
    area = boundary((square(50, 51, 10, 11),))
    flight = Flight("a", 50.5, 9.0, trk_deg=90, gs_kt=480)
    how, out = stands(flight, area)
    assert how == ENTRY
    at = flight.after(out[0])
    assert at.lon_deg == pytest.approx(10.0, abs=1e-5)
    assert math.degrees(out[1]) == pytest.approx(at.lat_deg, abs=1e-5)
    assert math.degrees(out[2]) == pytest.approx(10.0, abs=1e-5)
    assert out[3] == 0.0


def test_a_course_past_the_corner_is_an_approach_with_its_least_distance() -> None:
    area = boundary((square(50, 51, 10, 11),), margin_m=10_000.0)
    how, out = stands(Flight("a", 49.95, 9.5, trk_deg=90, gs_kt=480), area)
    assert how == APPROACH
    assert math.isinf(out[0])
    # The course bends a little; 0.05 degrees of latitude are 5,561 m.
    assert out[3] == pytest.approx(5_561.0, abs=160.0)
    assert stands(Flight("a", 49.8, 9.5, trk_deg=90, gs_kt=480), area)[0] == FAR


def test_dwell_is_counted_through_both_ends_of_a_chord() -> None:
    area = boundary((square(50, 51, 10, 10.1),))
    how, out = stands(Flight("a", 50.5, 9.9, trk_deg=90, gs_kt=480), area)
    width_m = WGS84.inv(10.0, 50.5, 10.1, 50.5)[2]
    assert how == ENTRY
    assert out[5] == pytest.approx(width_m / (480 * MPS_PER_KT), abs=0.05)


def test_a_track_inside_is_inside_until_it_is_predicted_to_leave() -> None:
    area = boundary((square(50, 51, 10, 11),))
    assert stands(Flight("a", 50.5, 10.5, trk_deg=90, gs_kt=100), area, 60.0)[0] == INSIDE
    how, out = stands(Flight("a", 50.5, 10.9, trk_deg=90, gs_kt=480), area)
    assert how == LEAVING
    assert out[0] == 0.0
    assert out[5] == pytest.approx(WGS84.inv(10.9, 50.5, 11.0, 50.5)[2] / (480 * MPS_PER_KT), abs=0.05)


def test_a_hole_is_outside() -> None:
    area = boundary((square(50, 51, 10, 11), square(50.4, 50.6, 10.4, 10.6)))
    how, out = stands(Flight("a", 50.5, 10.45, trk_deg=90, gs_kt=480), area)
    assert how == ENTRY
    assert math.degrees(out[2]) == pytest.approx(10.6, abs=1e-5)


def test_levels_decide_too() -> None:
    area = boundary((square(50, 51, 10, 11),), 10_000, 20_000)
    above = Flight("a", 50.5, 9.0, 20_001, 90, 480)
    assert stands(above, area)[0] == FAR
    assert stands(Flight("a", 50.5, 9.0, 20_000, 90, 480), area)[0] == ENTRY
    how, out = stands(Flight("a", 50.5, 10.5, 26_000, 90, 100, -2_000), area)
    assert how == ENTRY
    assert out[0] == pytest.approx(180.0)
    tracks = tracks_of(above)
    tracks["altitude_pressure_m"] = np.nan
    assert standing(motions_at(tracks, NOW), area, 600.0)[0][0] == incursion.NOT_ASSESSED


def test_a_still_track_outside_is_as_near_as_it_is() -> None:
    area = boundary((square(50, 51, 10, 11),), margin_m=10_000.0)
    how, out = stands(Flight("a", 50.5, 9.95, gs_kt=0), area)
    assert how == APPROACH
    assert out[3] == pytest.approx(WGS84.inv(9.95, 50.5, 10.0, 50.5)[2], abs=2.0)


def test_an_unknown_velocity_is_not_assessed() -> None:
    area = boundary((square(50, 51, 10, 11),))
    tracks = tracks_of(Flight("a", 50.5, 9.0))
    tracks["v_east_mps"] = np.nan
    assert standing(motions_at(tracks, NOW), area, 600.0)[0][0] == incursion.NOT_ASSESSED


@pytest.mark.parametrize("west", [179.5, -180.5])
def test_a_ring_over_the_antimeridian_is_entered_from_both_sides(west: float) -> None:
    area = boundary((square(50, 51, west, west + 1),))
    for lon, trk in ((179.0, 90.0), (-179.0, 270.0)):
        how, out = stands(Flight("a", 50.5, lon, trk_deg=trk, gs_kt=480), area)
        assert how == ENTRY
        assert abs(math.degrees(out[2])) == pytest.approx(179.5, abs=1e-5)
    assert stands(Flight("a", 50.5, 180.0, gs_kt=60), area, 60.0)[0] == INSIDE


@given(st.lists(st.tuples(st.floats(0.2, 1.0), st.floats(0.05, 1.0)), min_size=4, max_size=40), st.data())
def test_inside_and_crossing_agree_with_shapely(spokes: list[tuple[float, float]], data: st.DataObject) -> None:
    """A star round 40 N 30 E, against courses of which every 200 m is looked at."""
    turn = np.cumsum([step for _, step in spokes])
    turn *= 2 * np.pi / (turn[-1] + 0.05)
    reach = np.array([r for r, _ in spokes])
    ring = np.column_stack((40.0 + reach * np.sin(turn), 30.0 + reach * np.cos(turn)))
    ring = np.vstack((ring, ring[:1]))
    polygon = shapely.Polygon(ring[:, ::-1])
    if not polygon.is_valid or polygon.area < 1e-3:
        return
    flight = Flight(
        "a",
        data.draw(st.floats(38.5, 41.5)),
        data.draw(st.floats(28.5, 31.5)),
        trk_deg=data.draw(st.floats(0, 360)),
        gs_kt=data.draw(st.floats(60, 600)),
    )
    how, out = stands(flight, boundary((np.radians(ring),), margin_m=20_000.0), 300.0)
    seconds = np.linspace(0.0, 300.0, 601)
    lon, lat, _ = WGS84.fwd(
        *(np.full(601, v) for v in (flight.lon_deg, flight.lat_deg, flight.trk_deg)),
        flight.gs_kt * MPS_PER_KT * seconds,
    )
    within = shapely.contains_xy(polygon, lon, lat)
    line = shapely.LineString(np.column_stack((lon, lat)))
    if (
        polygon.exterior.distance(shapely.Point(lon[0], lat[0])) < 1e-4
        or shapely.Point(lon[-1], lat[-1]).distance(polygon.exterior) < 1e-4
    ):
        return
    assert (how in {INSIDE, LEAVING}) == within[0]
    if not within[0] and how == ENTRY and within.any():
        first = seconds[int(np.argmax(within))]
        assert out[0] <= first + 0.02
        assert (how == LEAVING) == (within[0] and line.crosses(polygon.exterior))
    if within.any():
        assert how in {ENTRY, INSIDE, LEAVING}
        assert out[5] == pytest.approx(within.mean() * 300.0, abs=1.1 * (1 + len(spokes)))
    elif not line.intersects(polygon):
        assert how in {FAR, APPROACH}


def test_the_ten_metre_border_agrees_with_shapely_at_every_point(shared: Path) -> None:
    zone = border(shared)[0]
    polygon = shapely.Polygon(np.degrees(zone.rings[0][:, ::-1]), [np.degrees(r[:, ::-1]) for r in zone.rings[1:]])
    rng = np.random.default_rng(7)
    lat, lon = rng.uniform(35.6, 36.6, 5_000), rng.uniform(35.7, 36.8, 5_000)
    how, _ = standing(
        motions_at(tracks_of(*(Flight("a", y, x, gs_kt=0) for y, x in zip(lat, lon, strict=True))), NOW),
        boundary(zone.rings),
        60.0,
    )
    assert np.array_equal(how == INSIDE, shapely.contains_xy(polygon, lon, lat))


def judge(flight: Flight, zones: tuple[Zone, ...]) -> list[ZoneVerdict]:
    return list(Detector(EN_ROUTE, zones, (PartyId("alfa"),)).assess(tracks_of(flight), NOW).zones)


@pytest.mark.parametrize("speed_mps", [125.0, 135.0, 200.0, 272.0])
@pytest.mark.parametrize("lat_deg", [35.815, 35.82, 35.83])
def test_the_turkish_version_is_warned_of_a_minute_before_the_crossing(
    shared: Path, speed_mps: float, lat_deg: float
) -> None:
    """RECONSTRUCTION, Türkiye's version: westbound over the southern tip of Hatay at 19,000 ft."""
    zones = border(shared)
    over_the_tip = Flight("su24", lat_deg, 36.155, 19_000, 270.0, speed_mps / MPS_PER_KT)
    assert judge(over_the_tip, zones)[0].phase in {Phase.INSIDE, Phase.LEAVING}
    start = over_the_tip.after(-150.0)
    westbound = Flight("su24", start.lat_deg, start.lon_deg, 19_000, start.trk_deg, over_the_tip.gs_kt)
    [verdict] = judge(westbound, zones)
    assert verdict.phase is Phase.ENTRY
    assert 60.0 < verdict.time_to_entry_s < 150.0
    assert 2.0 < verdict.dwell_s < 40.0
    at = westbound.after(verdict.time_to_entry_s)
    polygon = shapely.Polygon(np.degrees(zones[0].rings[0][:, ::-1]))
    metre = shapely.Point(at.lon_deg, at.lat_deg).distance(polygon.exterior) * 111_000
    assert metre < 5.0


@pytest.mark.parametrize("speed_mps", [125.0, 272.0])
@pytest.mark.parametrize("south_m", [1_000.0, 5_500.0])
def test_the_russian_version_is_an_approach_and_never_an_incursion(
    shared: Path, speed_mps: float, south_m: float
) -> None:
    """RECONSTRUCTION, Russia's version: 6,000 m, south of the southernmost point by 1 km or by 5.5 km."""
    zones = border(shared)
    tip = Flight("tip", 35.80768, 36.15394)
    lat, lon = tip.moved(180.0, south_m)
    abeam = Flight("su24", lat, lon, 19_685, 270.0, speed_mps / MPS_PER_KT)
    nearest = []
    for before_s in range(180, -60, -20):
        at = abeam.after(-before_s)
        found = judge(at, zones)
        assert all(verdict.phase is Phase.APPROACH for verdict in found)
        nearest += [verdict.least_distance_m for verdict in found]
    assert min(nearest) == pytest.approx(south_m, rel=0.03)


def test_a_declared_track_of_an_exempt_party_is_not_judged_against_its_own_border(shared: Path) -> None:
    flight = Flight("f16", 35.83, 36.155, 8_000)
    detector = Detector(EN_ROUTE, border(shared), (PartyId("alfa"), PartyId("bravo")))
    tracks = tracks_of(flight)
    assert len(detector.assess(tracks, NOW).zones) == 1
    tracks["declared_by"] = 1
    assert len(detector.assess(tracks, NOW).zones) == 1
    tracks["declared_by"] = 0
    assert detector.assess(tracks, NOW).zones == ()
