"""Zones as their parties notify them: what is read, and what is refused and why."""

from __future__ import annotations

import gzip
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.detect.zone import MOST_ZONES, ZoneKind, read_zones
from detente.errors import ConfigError
from detente.types import PartyId

RING = [[10, 50], [11, 50], [11, 51], [10, 51], [10, 50]]


def feature(ring: Any = RING, shape: str = "Polygon", coordinates: Any = None, **properties: Any) -> dict[str, Any]:
    said = {"resolution_m": 10, "asserted_by": "alfa"} | properties
    return {
        "type": "Feature",
        "properties": {k: v for k, v in said.items() if v is not None},
        "geometry": {"type": shape, "coordinates": [ring] if coordinates is None else coordinates},
    }


def text(*features: dict[str, Any]) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def test_a_polygon_is_read_with_all_its_party_says() -> None:
    said = {"zone_id": "Z1", "name": "Zone one", "kind": "fir", "floor_ft": 0, "ceiling_ft": 24500, "margin_m": 5000}
    [zone] = read_zones(text(feature(**said, exempt=["alfa", "bravo"], colour="red")))
    assert (zone.zone_id, zone.name, zone.kind, zone.asserted_by) == ("Z1", "Zone one", ZoneKind.FIR, "alfa")
    assert (zone.floor_ft, zone.ceiling_ft, zone.margin_m, zone.resolution_m) == (0, 24500, 5000.0, 10.0)
    assert zone.exempt == ("alfa", "bravo")
    assert zone.rings[0][1].tolist() == [math.radians(50), math.radians(11)]


def test_a_ring_may_run_either_way_round() -> None:
    [one], [other] = read_zones(text(feature())), read_zones(text(feature(RING[::-1])))
    assert sorted(one.rings[0].tolist()) == sorted(other.rings[0].tolist())


def test_an_area_of_several_parts_is_one_zone() -> None:
    other = [[x + 5, y] for x, y in RING]
    [zone] = read_zones(text(feature(shape="MultiPolygon", coordinates=[[RING], [other]], zone_id="islands")))
    assert (zone.zone_id, len(zone.rings)) == ("islands", 2)


def test_who_asserts_it_can_be_said_for_the_whole_file() -> None:
    [zone] = read_zones(text(feature(asserted_by=None)), PartyId("bravo"))
    assert zone.asserted_by == "bravo"


BOW_TIE = [[10, 50], [11, 51], [11, 50], [10, 51], [10, 50]]
OUTSIDE_HOLE = [[20, 50], [21, 50], [21, 51], [20, 51], [20, 50]]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[1, 2]", "FeatureCollection is needed"),
        (text(), "no feature"),
        (text({"type": "Feature"}), "no geometry"),
        (text(feature(resolution_m=None)), "resolution_m"),
        (text(feature(resolution_m=5000)), "cannot decide a crossing"),
        (text(feature(resolution_m=0)), "cannot decide a crossing"),
        (text(feature(asserted_by=None)), "nobody asserts it"),
        (text(feature(shape="LineString", coordinates=RING)), "a line has no inside"),
        (text(feature(shape="LineString", coordinates=RING, half_width_m=0)), "half_width_m is 0"),
        (text(feature(shape="LineString", coordinates=RING[:1], half_width_m=10)), "two positions"),
        (text(feature(shape="LineString", coordinates=[[170, 5], [-170, 5]], half_width_m=9)), "cut it at the anti"),
        (text(feature(shape="Point", coordinates=[10, 50])), "radius_m is needed"),
        (text(feature(shape="Point", coordinates=[10, 50], radius_m=-5)), "radius_m is -5"),
        (text(feature(shape="Point", coordinates=[50, 100], radius_m=5)), "longitude comes first"),
        (text(feature(shape="Point", coordinates=["x"], radius_m=5)), "pairs of numbers"),
        (text(feature(radius_m=5)), "radius_m belongs to a Point"),
        (text(feature(half_width_m=5)), "half_width_m belongs to a LineString"),
        (text(feature(shape="GeometryCollection", coordinates=RING)), "is needed, not GeometryCollection"),
        (text(feature(shape="MultiPolygon", coordinates=[[RING], [RING]])), "parts 1 and 2 overlap"),
        (text(feature(active_from="yesterday")), "ISO 8601"),
        (text(feature(active_from="2026-11-22T05:00:00Z", active_until="2026-11-22T05:00:00Z")), "not before"),
        (text(feature(windows=[{"from": "8", "until": "16:00"}])), "HH:MM"),
        (text(feature(windows=[{"from": "08:00", "until": "24:01"}])), "HH:MM"),
        (text(feature(windows=[{"from": "08:00", "until": "16:00", "days": ["day"]}])), "not day"),
        (text(feature(windows=[{"from": "08:00", "until": "16:00", "days": []}])), "not none"),
        (text(feature(windows=[{"from": "08:00"}])), "until"),
        (text(feature(margin_m=-1)), "margin_m"),
        (text(feature(margin_m=1e9)), "margin_m"),
        (text(feature(floor_ft=100, ceiling_ft=100)), "not below ceiling_ft"),
        (text(feature(BOW_TIE)), "Self-intersection"),
        (text(feature(coordinates=[RING, OUTSIDE_HOLE])), "Hole lies outside"),
        (text(feature([[y + 60, x + 90] for x, y in RING])), "longitude comes first"),
        (text(feature([[x, y] for x, y in RING[:-1]])), "not closed"),
        (text(feature(RING[:2])), "four positions"),
        (text(feature([["ten", 50], *RING[1:]])), "pairs of numbers"),
        (text(feature([[None, 50], *RING[1:-1], [None, 50]])), "number"),
        (text(feature([[x + 900, y] for x, y in RING])), "off the globe"),
        (text(feature([[170, 50], [-170, 50], [-170, 51], [170, 51], [170, 50]])), "cut it at the antimeridian"),
        (text(feature(coordinates=[])), "no coordinates"),
        (text(feature(shape="MultiPolygon", coordinates=[])), "no coordinates"),
        (text(feature(zone_id="A"), feature(zone_id="A")), "stands twice"),
        (text(*(feature(zone_id=str(n)) for n in range(MOST_ZONES + 1))), "at most"),
    ],
)  # fmt: skip
def test_what_is_no_area_fine_enough_for_alerts_is_refused_with_the_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        read_zones(raw)


@given(st.binary(max_size=200) | st.recursive(st.none() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.sampled_from(["type", "features", "geometry", "coordinates", "properties"]), x)).map(lambda v: json.dumps(v).encode()))  # fmt: skip
def test_no_bytes_make_the_reader_raise_anything_but_its_own_error(raw: bytes) -> None:
    with pytest.raises(ConfigError):
        read_zones(raw)


def test_the_map_border_of_110_m_is_refused_for_alerts(shared: Any) -> None:
    with gzip.open(shared / "data/geo/countries_region_100m.geojson.gz") as file:
        document = json.load(file)
    for n, part in enumerate(document["features"]):
        part["properties"] = {"resolution_m": 110_000, "asserted_by": "map", "zone_id": str(n)}
    with pytest.raises(ConfigError, match="cannot decide a crossing"):
        read_zones(json.dumps(document).encode())
