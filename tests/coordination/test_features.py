"""GeoJSON: what is written comes back the same; what is no plan is refused, with the feature and the reason."""

from __future__ import annotations

import json

import pytest

from detente.coordination.features import Usual, read_plans, write_plans
from detente.coordination.plan import (
    Cells,
    Circle,
    Corridor,
    EllipsoidLevels,
    Kind,
    Plan,
    Polygon,
    PressureLevels,
    Volume,
    check_plan,
)
from detente.detect.volume import read_activities
from detente.errors import OrderRefused

START, END = "2026-12-01T06:00:00Z", "2026-12-01T18:00:00Z"
RING = [[36.0, 35.0], [37.0, 35.0], [37.0, 36.0], [36.0, 36.0], [36.0, 35.0]]
SAID = {"title": "EX-12", "kind": "exercise", "start": START, "end": END, "datum": "pressure", "ceiling_ft": 10_000}


def collection(geometry, crs=None, **said) -> bytes:
    document = {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "geometry": geometry, "properties": said}],
    }
    return json.dumps(document | ({} if crs is None else {"crs": crs})).encode()


def test_what_is_written_comes_back_the_same_and_the_detector_reads_it_too():
    outlines = (
        Polygon(((350_000_000, 360_000_000), (350_000_000, 370_000_001), (360_000_000, 370_000_000))),
        Circle((350_000_000, -360_000_000), 926_000),
        Corridor(((350_000_000, 360_000_000), (360_000_000, 370_000_000)), 500_000),
    )
    volumes = tuple(
        Volume(outline=outline, levels=levels, start_ms=1_795_000_000_000, end_ms=1_795_000_060_123)
        for outline in outlines
        for levels in (PressureLevels(100, 10_000), EllipsoidLevels(-5_000, None), PressureLevels())
    )
    plan = Plan(
        kind=Kind.FLIGHT, title="Uçuş", volumes=volumes, identities=("4b1234",), callsigns=("THY1",), contact="Ops"
    )
    raw = json.dumps(write_plans([("alfa-1", "alfa", "Activated", plan)])).encode()
    [(name, back)] = read_plans(raw)
    assert (name, back) == ("alfa-1", plan)
    [activity] = read_activities(raw)
    assert (activity.activity_id, activity.party, len(activity.volumes)) == ("alfa-1", "alfa", len(volumes))


def test_coarse_cells_are_written_as_squares():
    volume = Volume(outline=Cells(((350, 360), (-1, -1))), levels=PressureLevels(), start_ms=1, end_ms=2)
    features = write_plans([("a-1", "a", "Accepted", Plan(kind=Kind.PROTECTED_SITE, title="x", volumes=(volume,)))])[
        "features"
    ]
    assert [f["geometry"]["coordinates"][0][0] for f in features] == [[36.0, 35.0], [-0.1, -0.1]]
    assert all(f["properties"]["coarse"] for f in features)


@pytest.mark.parametrize(
    ("geometry", "change", "code", "why"),
    [
        ({"type": "Polygon", "coordinates": [[[35.0, 136.0], *RING[1:]]]}, {}, "swapped", "longitude comes first"),
        ({"type": "Polygon", "coordinates": [RING[:-1]]}, {}, "geojson", "not closed"),
        ({"type": "Polygon", "coordinates": [RING, RING]}, {}, "geojson", "holes"),
        ({"type": "Polygon", "coordinates": [[[200.0, 35.0], *RING[1:]]]}, {}, "geojson", "off the globe"),
        ({"type": "Polygon", "coordinates": [["x"]]}, {}, "geojson", "pairs of numbers"),
        ({"type": "Polygon", "coordinates": []}, {}, "geojson", "no coordinates"),
        ({"type": "Point", "coordinates": [36.0, 35.0]}, {}, "geojson", "radius_m is needed"),
        ({"type": "LineString", "coordinates": [[36.0, 35.0]]}, {"half_width_m": 5}, "geojson", "2 to 64"),
        ({"type": "MultiPoint", "coordinates": [[36.0, 35.0]]}, {}, "geojson", "not MultiPoint"),
        ({"type": "Polygon", "coordinates": [RING]}, {"datum": "AGL"}, "datum", "not 'AGL'"),
        ({"type": "Polygon", "coordinates": [RING]}, {"datum": None}, "datum", "needs its datum"),
        ({"type": "Polygon", "coordinates": [RING]}, {"floor_m": 1}, "datum", "one is enough"),
        ({"type": "Polygon", "coordinates": [RING]}, {"start": None}, "geojson", "start is missing"),
        ({"type": "Polygon", "coordinates": [RING]}, {"start": "2026-12-01"}, "geojson", "ISO 8601"),
        ({"type": "Polygon", "coordinates": [RING]}, {"kind": None}, "geojson", "kind is missing"),
        ({"type": "Polygon", "coordinates": [RING]}, {"kind": "strike"}, "geojson", "strike"),
        ({"type": "Polygon", "coordinates": [RING]}, {"identities": ["not hex"]}, "geojson", "identities"),
        ({"type": "Polygon", "coordinates": [RING]}, {"ceiling_ft": 1e9}, "geojson", "ceiling_ft"),
    ],
)
def test_what_is_no_plan_is_refused_with_the_reason(geometry, change, code, why):
    with pytest.raises(OrderRefused, match=why) as refused:
        read_plans(collection(geometry, **(SAID | change)))
    assert refused.value.code == code


@pytest.mark.parametrize("crs", ["EPSG:23036", "ED50"])
def test_coordinates_of_another_datum_are_refused(crs):
    raw = collection({"type": "Polygon", "coordinates": [RING]}, {"type": "name", "properties": {"name": crs}}, **SAID)
    with pytest.raises(OrderRefused, match=f"WGS 84, not '{crs}'"):
        read_plans(raw)


def test_published_orbit_areas_are_read_with_what_the_files_do_not_say_given(shared):
    path = shared / "data/planned_activities/tar1090_UK_Mil_AWACS_Orbits.geojson"
    usual = Usual(kind=Kind.EXERCISE, start=START, end=END, datum="pressure", floor_ft=25_000, ceiling_ft=35_000)
    plans = read_plans(path.read_bytes(), usual)
    assert len(plans) == 48
    for _, plan in plans:
        check_plan(plan, 1_000 * 1_795_000_000)
