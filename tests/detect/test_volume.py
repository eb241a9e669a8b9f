"""Declared activities as files: what is read, and what is refused and why."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.detect.volume import MOST_ACTIVITIES, ActivityState, Datum, read_activities
from detente.errors import ConfigError
from detente.types import instant_of_iso

RING = [[10, 50], [11, 50], [11, 51], [10, 51], [10, 50]]
SAID = {
    "activity_id": "survey-7",
    "party": "alfa",
    "start": "2026-11-22T10:00:00Z",
    "end": "2026-11-22T11:00:00Z",
    "identities": ["4CA225"],
}


def feature(shape: str = "Polygon", coordinates: Any = None, **said: Any) -> dict[str, Any]:
    properties = {k: v for k, v in (SAID | said).items() if v is not None}
    geometry = {"type": shape, "coordinates": [RING] if coordinates is None else coordinates}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def text(*features: dict[str, Any]) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def test_features_of_one_id_are_the_volumes_of_one_activity() -> None:
    said = {"callsigns": ["survey1 "], "state": "Contingent"}
    [activity] = read_activities(
        text(
            feature(**said, floor_ft=0, ceiling_ft=1_000, datum="pressure", colour="red"),
            feature("Point", [10, 50], radius_m=500, floor_m=-20.5, ceiling_m=120, datum="ellipsoid", **said),
        )
    )
    assert (activity.activity_id, activity.party, activity.state) == ("survey-7", "alfa", ActivityState.CONTINGENT)
    assert (activity.identities, activity.callsigns) == ({"4ca225"}, {"SURVEY1"})
    polygon, circle = activity.volumes
    assert (polygon.floor_m, polygon.ceiling_m, polygon.datum) == (0.0, pytest.approx(304.8), Datum.PRESSURE)
    assert (circle.floor_m, circle.ceiling_m, circle.datum) == (-20.5, 120.0, Datum.ELLIPSOID)
    assert (polygon.start, polygon.end) == (instant_of_iso(SAID["start"]), instant_of_iso(SAID["end"]))
    assert polygon.rings[0][1].tolist() == [math.radians(50), math.radians(11)]


def test_activities_stay_in_the_order_of_the_file() -> None:
    names = ["b", "a", "c", "a"]
    activities = read_activities(text(*(feature(activity_id=name) for name in names)))
    assert [(a.activity_id, len(a.volumes)) for a in activities] == [("b", 1), ("a", 2), ("c", 1)]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"{", "not JSON"),
        (text(), "no feature"),
        (text({"type": "Feature"}), "no geometry"),
        (text(feature(activity_id=None)), "activity_id"),
        (text(feature(activity_id="")), "must not be empty"),
        (text(feature(identities=None)), "nobody takes part"),
        (text(feature(start="noon")), "ISO 8601"),
        (text(feature(end="2026-11-22T10:00:00")), "no time zone"),
        (text(feature(end=SAID["start"])), "not before end"),
        (text(feature(state="Ended")), "Ended"),
        (text(feature(floor_ft=0)), "needs its datum: pressure or ellipsoid"),
        (text(feature(floor_ft=0, datum="agl")), "agl"),
        (text(feature(floor_ft=0, floor_m=0, datum="pressure")), "floor_ft and floor_m are both said"),
        (text(feature(floor_ft=900, ceiling_m=200, datum="pressure")), "floor is not below the ceiling"),
        (text(feature("Point", [10, 50])), "radius_m is needed"),
        (text(feature("LineString", [[10, 50], [11, 50]])), "half_width_m is needed"),
        (text(feature(), feature(party="bravo")), "differ from its first volume's"),
        (text(feature(), feature(state="Accepted")), "differ from its first volume's"),
        (text(*(feature(activity_id=str(n)) for n in range(MOST_ACTIVITIES + 1))), "at most 4096"),
        (text(*[feature()] * 16_385), "at most 16384"),
    ],
)
def test_what_is_no_volume_of_an_activity_is_refused_with_the_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        read_activities(raw)


@given(st.recursive(st.none() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.sampled_from([*SAID, "type", "features", "geometry", "coordinates", "properties"]), x)))  # fmt: skip
def test_no_file_makes_the_reader_raise_anything_but_its_own_error(document: Any) -> None:
    with pytest.raises(ConfigError):
        read_activities(json.dumps({"type": "FeatureCollection", "features": [document]}).encode())
