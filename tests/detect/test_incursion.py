"""Boundaries: agreement with shapely and pyproj, levels, dwell, and both published versions of 24 November 2015."""

from __future__ import annotations

import gzip
import hashlib
import json
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from detente.detect import incursion
from detente.detect.assessment import Phase, ZoneVerdict
from detente.detect.boundary import Boundary, areas_of, boundary
from detente.detect.detector import Detector, motions_at
from detente.detect.incursion import APPROACH, ENTRY, FAR, INSIDE, LEAVING, standing
from detente.detect.profile import EN_ROUTE
from detente.detect.zone import Zone, read_zones
from detente.types import Instant, PartyId, instant_of_iso
from detente.units import MPS_PER_KT
from flights import WGS84, Flight, tracks_of
from fresh import in_a_fresh_process

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


def shaped(**geometry_and_properties) -> Zone:
    """A zone of one feature, as a party would write it."""
    properties = {"resolution_m": 10, "asserted_by": "alfa", "zone_id": "Z"} | geometry_and_properties
    geometry = {"type": properties.pop("type"), "coordinates": properties.pop("coordinates")}
    feature = {"type": "Feature", "properties": properties, "geometry": geometry}
    return read_zones(json.dumps(feature).encode())[0]


@given(
    st.sampled_from([(10.0, 50.0), (179.95, -20.0), (-60.0, 88.5)]),
    st.floats(1_000, 50_000),
    st.floats(0, 360),
    st.floats(0, 360),
    st.floats(0.2, 2.5),
)
def test_the_entry_of_a_circle_is_where_the_geodesic_comes_within_its_radius(
    centre: tuple[float, float], radius_m: float, bearing: float, trk_deg: float, away: float
) -> None:
    area = boundary(shaped(type="Point", coordinates=centre, radius_m=radius_m).rings, margin_m=20_000.0)
    lon, lat, _ = WGS84.fwd(*centre, bearing, radius_m * away)
    how, out = stands(Flight("a", lat, lon, trk_deg=trk_deg, gs_kt=400.0), area, 300.0)
    seconds = np.linspace(0.0, 300.0, 3_001)
    lons, lats, _ = WGS84.fwd(*(np.full(3_001, v) for v in (lon, lat, trk_deg)), 400.0 * MPS_PER_KT * seconds)
    apart = WGS84.inv(np.full(3_001, centre[0]), np.full(3_001, centre[1]), lons, lats)[2] - radius_m
    if np.abs(apart).min() < 2.0 and not (apart.min() < -2.0 and apart[0] > 2.0):
        return  # grazes
    assert (how in {INSIDE, LEAVING}) == (apart[0] < 0)
    if apart[0] > 0 and apart.min() < 0:
        assert how == ENTRY
        first = int(np.argmax(apart < 0))
        closing_mps = (apart[first - 1] - apart[first]) / 0.1
        assert out[0] == pytest.approx(seconds[first], abs=0.11 + 1.0 / closing_mps)
    elif apart[0] > 0:
        assert how == (APPROACH if apart.min() < 20_000.0 else FAR)
        if how == APPROACH:
            assert out[3] == pytest.approx(apart.min(), abs=2.0 + 1e-4 * radius_m)


def test_a_corridor_is_entered_at_its_half_width() -> None:
    area = boundary(shaped(type="LineString", coordinates=[[179.0, 0], [181.0, 0]], half_width_m=5_000).rings)
    flight = Flight("a", -0.5, 179.99, trk_deg=0.0, gs_kt=300.0)
    how, out = stands(flight, area)
    assert how == ENTRY
    assert out[0] == pytest.approx((WGS84.inv(180, -0.5, 180, 0)[2] - 5_000.0) / (300.0 * MPS_PER_KT), abs=0.01)
    assert out[5] == pytest.approx(10_000.0 / (300.0 * MPS_PER_KT), abs=0.02)


@given(st.floats(49.5, 51.5), st.floats(9.0, 12.0), st.floats(0, 360), st.integers(0, 40_000), st.floats(-3_000, 3_000))
def test_a_ring_run_the_other_way_and_a_zone_cut_in_two_are_entered_at_the_same_instant(
    lat: float, lon: float, trk_deg: float, alt_ft: int, vs_fpm: float
) -> None:
    flight = Flight("a", lat, lon, alt_ft, trk_deg, 400.0, vs_fpm)
    whole = boundary((square(50, 51, 10, 11),), 5_000, 30_000, 20_000.0)
    turned = boundary((square(50, 51, 10, 11)[::-1],), 5_000, 30_000, 20_000.0)
    halves = [square(50, 51, 10, 10.6), square(50, 51, 10.6, 11)]
    how, out = stands(flight, whole)
    assert stands(flight, turned)[0] == how
    assert np.array_equal(stands(flight, turned)[1], out, equal_nan=True)
    parts = [stands(flight, boundary((half,), 5_000, 30_000, 20_000.0))[1][0] for half in halves]
    joined, at = stands(flight, boundary(halves, 5_000, 30_000, 20_000.0))
    assert joined == how
    if how in {ENTRY, INSIDE, LEAVING}:
        # A side is cut into chords within 0.5 m of the line, other ones where it is cut in two: 2.5 ms at 400 kt.
        assert np.nanmin(parts) == pytest.approx(out[0], abs=2.5e-3)
        assert (at[0], at[5]) == pytest.approx((out[0], out[5]), abs=5e-3)  # the stay has two ends


def test_one_pass_over_many_zones_says_what_each_alone_says() -> None:
    rng = np.random.default_rng(5)
    corners = rng.uniform((40, -5), (60, 25), (300, 2))
    alone = [
        boundary((square(s, s + 0.4, w, w + 0.6),), *((0, 10_000) if n % 3 else (None, None)), 10_000.0)
        for n, (s, w) in enumerate(corners)
    ]
    m = motions_at(tracks_of(*(Flight(str(n), rng.uniform(40, 60), rng.uniform(-5, 25), rng.uniform(0, 15_000), rng.uniform(0, 360)) for n in range(200))), NOW)  # fmt: skip
    m[7, 10] = np.nan
    m[8, 11] = np.nan
    with ThreadPoolExecutor(2) as threads:
        many = incursion.standings(np.tile(m, (30, 1)), areas_of(alone), 300.0, threads=threads)
    rows = many.rows < 200
    for area, one in enumerate(alone):
        how, out = standing(m, one, 300.0)
        mine = rows & ((many.areas == area) | (many.areas == incursion.ANY_AREA))
        assert many.rows[mine].tolist() == np.flatnonzero(how).tolist()
        assert many.how[mine].tolist() == how[how != FAR].tolist()
        assert np.array_equal(many.found[mine], out[how != FAR], equal_nan=True)
    assert len(many.rows) == 30 * rows.sum()


def test_no_zone_at_all_says_nothing_of_anybody() -> None:
    assert len(incursion.standings(motions_at(tracks_of(Flight("a", 50, 10)), NOW), areas_of([]), 600.0).rows) == 0


def phase_at(zone: Zone, flight: Flight, now: str) -> tuple[Phase, float] | None:
    at = instant_of_iso(now)
    verdicts = Detector(EN_ROUTE, [zone], (PartyId("alfa"),)).assess(tracks_of(flight, at=at), at).zones
    return (verdicts[0].phase, verdicts[0].time_to_entry_s) if verdicts else None


EAST = Flight("a", 50.5, 9.9, trk_deg=90, gs_kt=480)
"""Enters the square from 10 E after 28.7 s and leaves it after 315 s."""


def test_only_who_would_be_inside_while_a_zone_is_active_is_told() -> None:
    hours = {"active_from": "2026-11-22T10:00:00Z", "active_until": "2026-11-22T12:00:00Z"}
    zone = shaped(
        type="Polygon", coordinates=[[[10, 50], [11, 50], [11, 51], [10, 51], [10, 50]]], margin_m=9_000, **hours
    )
    assert phase_at(zone, EAST, "2026-11-22T09:45:00Z") is None  # gone again before it is active
    phase, entry_s = phase_at(zone, EAST, "2026-11-22T09:58:00Z")
    assert (phase, entry_s) == (Phase.ENTRY, 120.0)  # inside when it becomes active
    phase, entry_s = phase_at(zone, EAST, "2026-11-22T10:30:00Z")
    assert phase is Phase.ENTRY
    assert entry_s == pytest.approx(28.7, abs=0.2)
    phase, _ = phase_at(zone, EAST, "2026-11-22T11:59:40Z")
    assert phase is Phase.APPROACH  # near it until it ends, and not in it
    assert phase_at(zone, EAST, "2026-11-22T12:00:00Z") is None
    inside = EAST.after(60)
    assert phase_at(zone, inside, "2026-11-22T11:59:40Z") == (Phase.LEAVING, 0.0)


def test_a_weekly_window_shifts_with_the_week() -> None:
    window = {"days": ["sun"], "from": "10:00", "until": "10:10"}
    zone = shaped(type="Polygon", coordinates=[[[10, 50], [11, 50], [11, 51], [10, 51], [10, 50]]], windows=[window])
    for day in (15, 22, 29):
        assert phase_at(zone, EAST, f"2026-11-{day}T09:59:00Z") == (Phase.ENTRY, 60.0)
        assert phase_at(zone, EAST, f"2026-11-{day - 1}T09:59:00Z") is None


def test_two_parties_lines_of_one_name_are_judged_each_on_its_own() -> None:
    ring = [[10, 50], [11, 50], [11, 51], [10, 51], [10, 50]]
    shifted = [[x - 0.05, y] for x, y in ring]
    features = [
        {"type": "Feature", "properties": {"name": "the river", "kind": "border", "asserted_by": party, "resolution_m": 10, "exempt": [party]}, "geometry": {"type": "Polygon", "coordinates": [line]}}
        for party, line in (("alfa", ring), ("bravo", shifted))
    ]  # fmt: skip
    zones = read_zones(json.dumps({"type": "FeatureCollection", "features": features}).encode())
    assert [(zone.zone_id, zone.name, zone.asserted_by) for zone in zones] == [
        ("the river@alfa", "the river", "alfa"),
        ("the river@bravo", "the river", "bravo"),
    ]
    parties = (PartyId("alfa"), PartyId("bravo"))
    tracks = tracks_of(EAST)
    told = {v.zone: v.time_to_entry_s for v in Detector(EN_ROUTE, zones, parties).assess(tracks, NOW).zones}
    apart_s = WGS84.inv(9.95, 50.5, 10.0, 50.5)[2] / (480 * MPS_PER_KT)
    assert told["the river@alfa"] - told["the river@bravo"] == pytest.approx(apart_s, abs=0.05)
    tracks["declared_by"] = 1  # bravo's own may be behind bravo's line, and not behind alfa's
    assert [v.zone for v in Detector(EN_ROUTE, zones, parties).assess(tracks, NOW).zones] == ["the river@alfa"]


def test_an_unknown_level_is_not_assessed_where_levels_matter_and_only_there() -> None:
    levels = shaped(type="Point", coordinates=[10, 50.5], radius_m=9_000, floor_ft=0, ceiling_ft=10_000)
    open_zone = shaped(type="Point", coordinates=[10, 50.5], radius_m=9_000)
    tracks = tracks_of(Flight("a", 50.5, 9.5, trk_deg=90), Flight("b", 20.0, 9.5, trk_deg=90))
    tracks["altitude_pressure_m"] = np.nan
    m = motions_at(tracks, NOW)
    sets = [[incursion.NOT_ASSESSED, FAR], [ENTRY, FAR]]
    for zone, expected in zip((levels, open_zone), sets, strict=True):
        how, _ = standing(m, boundary(zone.rings, zone.floor_ft, zone.ceiling_ft), 300.0)
        assert how.tolist() == expected


def test_a_course_over_a_zone_that_descends_behind_it_approaches_from_where_it_is_in_its_levels() -> None:
    area = boundary((square(50, 51, 10, 10.1),), 0, 10_000, 30_000.0)
    how, out = stands(Flight("a", 50.5, 9.9, 20_000, 90, 480, -6_000), area, 150.0)
    at = Flight("a", 50.5, 9.9, 20_000, 90, 480).after(100.0)
    assert how == APPROACH
    assert out[4] == pytest.approx(100.0)
    assert out[3] == pytest.approx(WGS84.inv(at.lon_deg, at.lat_deg, 10.1, at.lat_deg)[2], abs=30.0)


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


def digest_of_many_zones() -> str:
    """What one pass says of 300 tracks and 40 zones, to the last bit; run as a program too."""
    rng = np.random.default_rng(11)
    shapes = [
        ({"type": "Point", "coordinates": [lon, lat], "radius_m": 30_000} if n % 2 else
         {"type": "LineString", "coordinates": [[lon, lat], [lon + 1, lat + 0.3]], "half_width_m": 4_000})
        for n, (lon, lat) in enumerate(rng.uniform((-5, 40), (25, 60), (40, 2)).tolist())
    ]  # fmt: skip
    zones = [shaped(**shape, floor_ft=0, ceiling_ft=20_000, margin_m=10_000) for shape in shapes]
    areas = areas_of([boundary(z.rings, z.floor_ft, z.ceiling_ft, z.margin_m) for z in zones])
    rows = rng.uniform((40, -5, 0, 0, 60, -2_000), (60, 25, 40_000, 360, 600, 2_000), (300, 6)).tolist()
    stood = incursion.standings(motions_at(tracks_of(*(Flight(str(n), *row) for n, row in enumerate(rows))), NOW), areas, 600.0)  # fmt: skip
    return hashlib.sha256(b"".join(np.ascontiguousarray(column).tobytes() for column in stood)).hexdigest()


def test_the_verdicts_are_the_same_to_the_last_bit_without_the_compiler() -> None:
    program = "from detect import test_incursion; print(test_incursion.digest_of_many_zones())"
    assert in_a_fresh_process(program, NUMBA_DISABLE_JIT="1").strip() == digest_of_many_zones()
