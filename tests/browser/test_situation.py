"""What stands beside the map's symbols: encounters, levels, the track list, measuring, volumes. Pure, asked in the page."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from pyproj import Geod, Proj

from browser.serving import Desk, served
from browser.test_map import TRACKS

pytestmark = pytest.mark.browser

STATIC = Path(__file__).resolve().parents[2] / "src/detente/node/web/static"


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with served(tracks=20) as running:
        yield running


@pytest.fixture(scope="module")
def page(desk: Desk, browser: Browser) -> Iterator[Page]:
    one = browser.new_page(viewport={"width": 1280, "height": 720})
    one.goto(desk.address)
    one.wait_for_selector("html[data-ready]")
    yield one
    one.close()


def called(page: Page, module: str, call: str, *words: Any) -> Any:
    """Call a function of a module of the map with *words*, which go in and out as JSON."""
    return page.evaluate(
        "async ([module, call, words]) => (await import('/static/' + module))[call](...words)",
        [f"map/{module}.js", call, list(words)],
    )


def course(east: float, north: float, v_east: float, v_north: float, feet: float | None = 30_000, climb: float = 0):
    return {"east": east, "north": north, "vEast": v_east, "vNorth": v_north, "feet": feet, "climbFps": climb}


def test_what_draws_the_map_stays_under_a_thousand_lines() -> None:
    drawing = ("display-list", "geometry", "ground", "history", "labels", "overlay", "painter", "shapes", "stamps")
    lines = {name: len((STATIC / f"map/{name}.js").read_text("utf-8").splitlines()) for name in drawing}
    assert sum(lines.values()) < 1000, lines


def test_two_that_fly_apart_were_nearest_now(page: Page) -> None:
    found = called(page, "encounter", "nearest", course(0, 0, -0.1, 0), course(5, 0, 0.1, 0))
    assert found == {"inS": 0, "miles": 5}


def test_two_side_by_side_at_one_speed_stay_within_a_minimum_for_as_long_as_anybody_looks(page: Page) -> None:
    assert called(page, "encounter", "within", course(0, 0, 0.1, 0), course(0, 3, 0.1, 0), 5) == [0, 1800]
    assert called(page, "encounter", "within", course(0, 0, 0.1, 0), course(0, 6, 0.1, 0), 5) is None


def test_they_are_within_a_minimum_about_the_moment_at_which_they_are_nearest(page: Page) -> None:
    a, b = course(0, 0, 0.1, 0), course(20, 3, -0.1, 0)
    near = called(page, "encounter", "nearest", a, b)
    start, stop = called(page, "encounter", "within", a, b, 5)
    assert (near["inS"], near["miles"]) == pytest.approx((100, 3))
    assert (start, stop) == pytest.approx((80, 120))


def test_a_course_is_turned_by_the_convergence_of_the_meridians(page: Page) -> None:
    plane = Proj("+proj=stere +lat_0=41 +lon_0=36 +R=6371008.8")
    for lat, lon in [(41.0, 36.0), (43.5, 41.0), (38.0, 30.0), (-20.0, 70.0)]:
        lean = page.evaluate(
            "async ([lat, lon]) => (await import('/static/map/project.js')).stereographic(41, 36).forward(lat, lon).lean",
            [lat, lon],
        )
        assert math.degrees(lean) == pytest.approx(plane.get_factors(lon, lat).meridian_convergence, abs=1e-4)


def test_the_levels_of_a_pair_are_a_line_each_with_the_band_of_the_minimum(page: Page) -> None:
    a, b = course(0, 0, 0.1, 0, 27_000, 10), course(20, 0, -0.1, 0, 28_000)
    strip = called(page, "vertical", "levels", a, b, 1000, 5 * 1852)
    assert strip["cpaS"] == pytest.approx(100)
    assert strip["spanS"] == 180
    assert strip["a"] == [[0, 27_000], [180, 28_800]]
    assert strip["near"] == pytest.approx([75, 125])
    assert strip["bandFt"] == 1000


def test_the_levels_of_a_pair_are_not_guessed_where_one_is_unknown(page: Page) -> None:
    assert called(page, "vertical", "levels", course(0, 0, 0.1, 0, None), course(5, 0, 0, 0), 1000, None) is None


def test_labels_go_first_to_who_is_near_the_line_then_to_who_is_inside_an_activity(page: Page) -> None:
    found = page.evaluate("""async () => {
      const { nearness } = await import("/static/map/nearness.js");
      const line = { kind: "border", rings: [[[0, -200], [0, 200]]] };
      const square = { kind: "activity", rings: [[[50, 0], [90, 0], [90, 40], [50, 40], [50, 0]]] };
      const at = nearness([square, line], 240);
      return [[3, 100], [70, 20], [30, 20], [9999, 0]].map(([east, north]) => at(east, north));
    }""")
    assert found == [2, 1, 0, 0]


LISTED = (
    """
async (given) => {
  const { listed } = await import("/static/map/track-list.js");
  const { EVERYTHING } = await import("/static/map/filter.js");
"""
    + TRACKS
    + """  const how = { find: "", filter: EVERYTHING, sort: { by: "callsign", down: false }, inView: (i) => tracks.east[i] < 100,
    camera: { east: 0, north: 0 }, ...given.how };
  return listed(tracks, how).map((i) => tracks.number[i]);
}
"""
)


def listed(page: Page, tracks: list[dict[str, Any]], **how: Any) -> list[int]:
    return page.evaluate(LISTED, {"tracks": tracks, "how": how})


def test_the_list_is_sorted_by_each_column_with_the_unknown_last_either_way(page: Page) -> None:
    tracks = [{"altFt": 30_000, "callsign": "B"}, {"altFt": -(2**31), "callsign": "C"}, {"altFt": 9_000}]
    assert listed(page, tracks, sort={"by": "level", "down": False}) == [3, 1, 2]
    assert listed(page, tracks, sort={"by": "level", "down": True}) == [1, 3, 2]
    assert listed(page, tracks) == [1, 2, 3]


def test_the_list_holds_what_is_in_view_and_a_search_finds_the_rest_too(page: Page) -> None:
    tracks = [{"callsign": "THY1"}, {"callsign": "THY2", "east": 500}, {"callsign": "AFL3"}]
    assert listed(page, tracks) == [3, 1]
    assert listed(page, tracks, find="thy") == [1, 2]


def test_a_measure_tells_bearing_distance_and_the_time_at_the_tracks_speed(page: Page) -> None:
    said = called(page, "overlay", "measured", {"lat": 40, "lon": 36, "kt": 480}, {"lat": 41, "lon": 36})
    assert said == "000° 60.0 NM 7:30"
    assert called(page, "overlay", "measured", {"lat": 40, "lon": 36}, {"lat": 40, "lon": 35}).startswith("270° 46.")


def test_a_handle_is_taken_within_its_reach(page: Page) -> None:
    assert called(page, "overlay", "handleAt", [[10, 10], [50, 50]], 53, 54) == 1
    assert called(page, "overlay", "handleAt", [[10, 10], [50, 50]], 30, 30) == -1


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("43°41.2N 036°08.5E", (43.686667, 36.141667)),
        ("43 41.2 N, 36 08.5 E", (43.686667, 36.141667)),
        ("434112N0360830E", (43.686667, 36.141667)),
        ("4341S03608W", (-43.683333, -36.133333)),
        ("43.687, -36.142", (43.687, -36.142)),
        ("436112N0360830E", None),
        ("91.0 10.0", None),
        ("436.1 36.1", None),
        ("north of the line", None),
    ],
)
def test_a_position_is_read_as_operators_write_it(page: Page, text: str, point: tuple[float, float] | None) -> None:
    found = called(page, "volume", "readPoint", text)
    assert found == (None if point is None else pytest.approx(point, abs=1e-6))


def test_corners_that_were_written_are_read_back_to_a_few_metres(page: Page) -> None:
    corners = [[43.123456, 36.654321], [-0.00001, -179.99999], [12.0, 5.999999]]
    read = called(page, "volume", "readPoints", called(page, "volume", "writePoints", corners))
    assert read["wrong"] == 0
    for one, other in zip(corners, read["points"], strict=True):
        assert other == pytest.approx(one, abs=2e-5)
    assert called(page, "volume", "readPoints", "43.0 36.0\nhere\n")["wrong"] == 2


def volume(**what: Any) -> dict[str, Any]:
    usual = {"shape": "polygon", "points": [[43, 36], [43, 37], [44, 37]], "radiusNm": 10, "widthNm": 5, "chosen": -1}
    rest = {"floor": None, "ceiling": 24_000, "datum": "pressure", "startMs": 1000, "endMs": 2000, "kind": "exercise"}
    return usual | rest | {"title": "EX"} | what


def test_a_circle_is_drawn_at_its_radius_and_a_corridor_at_half_its_width(page: Page) -> None:
    geod = Geod(a=6371008.8, b=6371008.8)
    (ring,) = called(page, "volume", "outlines", volume(shape="circle", points=[[43, 36]]))
    assert {round(geod.inv(36, 43, lon, lat)[2] / 1852, 3) for lat, lon in ring} == {10.0}
    rings = called(page, "volume", "outlines", volume(shape="corridor", points=[[43, 36], [43, 37], [44, 37]]))
    assert len(rings) == 2
    assert min(geod.inv(36, 43, lon, lat)[2] for lat, lon in rings[0]) / 1852 == pytest.approx(2.5, abs=1e-3)


@pytest.mark.parametrize(
    ("what", "wrong"),
    [
        ({}, ""),
        ({"points": [[43, 36], [44, 37]]}, "too_few_points"),
        ({"points": [[43, 36], [44, 37], [44, 36], [43, 37]]}, "crosses_itself"),
        ({"points": [[43 + k / 1000, 36] for k in range(101)]}, "too_many_points"),
        ({"shape": "circle", "points": [[43, 36]], "radiusNm": 0}, "radius"),
        ({"shape": "corridor", "widthNm": 0}, "width"),
        ({"floor": 24_000}, "levels"),
        ({"floor": float("nan")}, "levels"),
        ({"ceiling": None}, ""),
        ({"endMs": 1000}, "times"),
        ({"startMs": float("nan")}, "times"),
    ],
)
def test_what_is_wrong_with_a_volume_is_said_before_it_leaves_the_desk(
    page: Page, what: dict[str, Any], wrong: str
) -> None:
    assert called(page, "volume", "wrongWith", volume(**what)) == wrong


def test_a_geojson_shape_becomes_a_volume_with_its_levels(page: Page) -> None:
    ring = [[36, 43], [37, 43], [37, 44], [36, 43]]
    feature = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"name": "A", "ceiling_ft": 9000},
    }
    found = called(page, "volume", "readGeoJson", json.dumps({"type": "FeatureCollection", "features": [feature]}))
    assert found == {"shape": "polygon", "points": [[43, 36], [43, 37], [44, 37]], "ceiling": 9000, "title": "A"}
    point = {"type": "Point", "coordinates": [36, 43]}
    circle = {"type": "Feature", "geometry": point, "properties": {"radius_m": 18_520}}
    assert called(page, "volume", "readGeoJson", json.dumps(circle))["radiusNm"] == 10


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        '{"type":"Polygon","coordinates":[[[36,430],[1,2]]]}',
        '{"type":"MultiPolygon"}',
        "A1/26 NOTAMN",
    ],
)
def test_what_is_no_shape_is_no_volume(page: Page, text: str) -> None:
    assert called(page, "volume", "readGeoJson", text) is None
