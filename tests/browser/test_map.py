"""The map without pixels: projection, display list and label placement are pure, and are asked inside the page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from pyproj import Geod, Transformer

from browser.serving import Desk, served

pytestmark = pytest.mark.browser

# `tracks` in the map's plane, of rows that say what is not usual about them.
TRACKS = """
  const columns = { number: Uint32Array, altFt: Int32Array, gsKt: Float32Array, trkDeg: Float32Array, vsFpm: Float32Array,
    ageS: Float32Array, party: Uint8Array, declaredBy: Uint8Array, flags: Uint16Array, notAssessed: Uint8Array,
    other: Uint8Array, sameAs: Uint32Array, east: Float32Array, north: Float32Array, lean: Float32Array };
  const usual = { altFt: 30000, gsKt: 360, trkDeg: 90, vsFpm: 0, ageS: 0.5, party: 0, declaredBy: 0, flags: 0, notAssessed: 0,
    other: 0, sameAs: 0, east: 0, north: 0, lean: 0 };
  const rows = given.tracks.map((row, k) => ({ ...usual, number: k + 1, ...row }));
  const n = rows.length, tracks = { n, atMs: 0, rowOf: new Map(rows.map((r, k) => [r.number, k])) };
  for (const [name, Column] of Object.entries(columns)) tracks[name] = Column.from(rows.map((r) => r[name]));
  tracks.callsign = new Uint8Array(8 * n); tracks.identity = new Uint8Array(16 * n);
  rows.forEach((r, k) => [...(r.callsign ?? "T" + r.number)].forEach((c, i) => { tracks.callsign[8 * k + i] = c.charCodeAt(0); }));
"""

# A display list of such tracks: `scene([{…}], {camera…})`.
SCENE = (
    """
async (given) => {
  const { displayList } = await import("/static/map/display-list.js");
"""
    + TRACKS
    + """  return displayList({ tracks, camera: { east: 0, north: 0, pxPerNm: 4, width: 1000, height: 800 }, alerts: [], party: "alfa",
    show: { vectorMin: 2, trails: false, rings: true, zones: true, labels: "auto", lines: false },
    selected: null, hovered: null, now: 0, history: null, forward: (lat, lon) => ({ east: lon, north: lat }),
    partyNames: ["Alfa", "Bravo", "Charlie", "Delta"], ...given.more });
}
"""
)


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


def scene(page: Page, tracks: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return page.evaluate(SCENE, {"tracks": tracks, "more": more})


def alert(level: str, a: int, b: int | None, **more: Any) -> dict[str, Any]:
    ref = lambda n: None if n is None else {"label": "?", "party": None, "number": n}  # noqa: E731
    return {
        "state": "active",
        "level": level,
        "kind": "conflict",
        "a": ref(a),
        "b": ref(b),
        "halves": [],
        "event_at_ms": 102_000,
        "distance_m": 3889.2,
        "latitude_e7": 0,
        "longitude_e7": 10 * 10**7,
    } | more


def test_shape_and_colour_say_who_declared_a_track_not_who_saw_it(page: Page) -> None:
    found = scene(page, [{"declaredBy": 0, "party": 1}, {"declaredBy": 1, "east": 20}, {"declaredBy": 255, "east": 40}])
    assert found["symbols"][0] == [500, 400]
    assert found["symbols"][1] == [580, 400]
    assert found["symbols"][8] == [660, 400]


def test_a_fourth_party_has_its_letter_inside(page: Page) -> None:
    found = scene(page, [{"declaredBy": 3}])
    assert [letter["text"] for letter in found["letters"]] == ["D"]


def test_a_vector_reaches_where_the_track_will_be(page: Page) -> None:
    x1, y1, x2, y2 = scene(page, [{"gsKt": 300, "trkDeg": 0}])["vectors"][0]
    assert (x1, y1) == pytest.approx((500, 394))
    assert (x2, y2) == pytest.approx((500, 400 - 300 / 60 * 2 * 4))


def test_a_stale_track_is_dashed_has_no_vector_and_tells_its_age(page: Page) -> None:
    found = scene(page, [{"flags": 2, "ageS": 14.2, "notAssessed": 3}])
    assert found["symbols"][0] == []
    assert found["stale"][0] == [500, 400]
    assert found["vectors"][0] == []
    assert found["labels"][0]["lines"] == ["T1 ?", "300 36 ~14s"]


def test_an_unknown_altitude_and_speed_are_dashes_never_zero(page: Page) -> None:
    found = scene(page, [{"altFt": -(2**31), "gsKt": float("nan"), "trkDeg": float("nan"), "notAssessed": 1}])
    assert found["labels"][0]["lines"] == ["T1 ?", "--- --"]
    assert found["vectors"][0] == []


def test_conflict_geometry_runs_from_both_aircraft_to_the_closest_point(page: Page) -> None:
    found = scene(page, [{"east": 0}, {"east": 20, "declaredBy": 1}], alerts=[alert("alarm", 1, 2)])
    (drawn,) = found["geometry"]
    assert (drawn["a"], drawn["at"], drawn["b"]) == ([500, 400], [540, 400], [580, 400])
    assert drawn["label"] == "1:42 2.1 NM"
    assert drawn["circlePx"] == 0
    assert sorted(ring["x"] for ring in found["ringed"]) == [500, 580]


def test_each_path_leads_to_where_its_aircraft_is_when_they_are_nearest(page: Page) -> None:
    head_on = [{"east": 0, "gsKt": 360, "trkDeg": 90}, {"east": 20, "north": 2, "gsKt": 360, "trkDeg": 270}]
    (drawn,) = scene(page, head_on, alerts=[alert("alarm", 1, 2)])["geometry"]
    assert drawn["ends"][0] == pytest.approx([540, 400], abs=0.1)
    assert drawn["ends"][1] == pytest.approx([540, 392], abs=0.1)


def test_without_a_velocity_the_path_leads_to_the_place_that_the_node_names(page: Page) -> None:
    found = scene(page, [{"gsKt": float("nan")}, {"east": 20}], alerts=[alert("alarm", 1, 2)])
    assert found["geometry"][0]["ends"] == []


def test_what_a_peer_holds_of_an_aircraft_is_drawn_smaller_and_tied_to_its_track(page: Page) -> None:
    found = scene(page, [{}, {"east": 1, "declaredBy": 1, "flags": 8, "sameAs": 1}])
    assert found["symbols"] == [[500, 400], [], [], [], [], [], [], [], []]
    assert found["secondary"][1] == [504, 400]
    assert found["ties"] == [504, 400, 500, 400]
    assert (found["shown"], found["total"], len(found["labels"])) == (1, 1, 1)


def test_a_filter_hides_counts_and_never_takes_what_an_alert_names_or_an_emergency(page: Page) -> None:
    low = {"lowFt": 35000, "highFt": None, "slowKt": None, "fastKt": None, "declaredBy": None}
    tracks = [{}, {"east": 5}, {"east": 10, "flags": 16}, {"east": 15, "altFt": -(2**31)}, {"east": 20, "altFt": 36000}]
    found = scene(
        page, tracks, filter=low | {"unjudged": False, "emergency": False}, alerts=[alert("caution", 1, None)]
    )
    assert found["symbols"][0][::2] == [500, 540, 560, 580]
    assert (found["shown"], found["hidden"], found["total"]) == (4, 1, 5)


def test_an_alert_whose_track_is_not_released_to_us_still_shows_its_place(page: Page) -> None:
    hidden = {"label": "?", "party": None, "number": None}
    found = scene(page, [{}], alerts=[alert("warning", 1, None) | {"b": hidden}])
    assert found["geometry"][0]["b"] is None
    assert found["geometry"][0]["at"] == [540, 400]


def test_above_four_thousand_tracks_are_dots_but_never_the_alerted_selected_or_unknown(page: Page) -> None:
    crowd = [{"east": (k % 100) - 50, "north": (k // 100) - 25} for k in range(5000)]
    crowd[7]["declaredBy"] = 255
    found = scene(page, crowd, alerts=[alert("alarm", 1, 2)], selected=20)
    assert found["dotsOnly"]
    assert found["shown"] == found["total"] == 5000
    assert len(found["symbols"][0]) == 2 * 3
    assert len(found["symbols"][8]) == 2
    assert len(found["dots"][0]) == 2 * 4996


def test_labels_never_overlap_and_the_rest_are_counted(page: Page) -> None:
    crowd = [{"east": (k % 30) * 3 - 45, "north": (k // 30) * 3 - 30} for k in range(600)]
    found = scene(page, crowd)
    boxes = [(b["left"], b["top"], b["left"] + b["width"], b["top"] + b["height"]) for b in found["labels"]]
    touching = [
        (a, b)
        for i, a in enumerate(boxes)
        for b in boxes[i + 1 :]
        if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
    ]
    assert touching == []
    assert 0 < len(boxes) <= 400
    assert found["labelsLeftOut"] == 600 - len(boxes)


def test_the_alerted_and_the_selected_are_labelled_before_the_rest(page: Page) -> None:
    pile = [{"callsign": f"P{k}"} for k in range(30)]
    found = scene(page, pile, alerts=[alert("alarm", 30, 29)], selected=12)
    names = [label["lines"][0] for label in found["labels"]]
    assert set(names[:3]) == {"P29", "P28", "P11"}


def test_the_plane_agrees_with_proj(page: Page) -> None:
    plane = Transformer.from_crs(
        "EPSG:4326", "+proj=stere +lat_0=-40.6 +lon_0=173.2 +R=6371008.8 +units=m", always_xy=True
    )
    places = [(-40.6, 173.2), (-38.0, 176.5), (-44.2, -179.9), (-36.1, 174.0), (-40.0, 180.0)]
    got = page.evaluate(
        """async (places) => {
          const { stereographic } = await import("/static/map/project.js");
          const plane = stereographic(-40.6, 173.2);
          return places.map(([lat, lon]) => {
            const { east, north } = { ...plane.forward(lat, lon) };
            const back = plane.inverse(east, north);
            return [east, north, back.latitude, back.longitude];
          });
        }""",
        places,
    )
    for (lat, lon), (east, north, back_lat, back_lon) in zip(places, got, strict=True):
        x, y = plane.transform(lon, lat)
        assert (east * 1852, north * 1852) == pytest.approx((x, y), abs=1)
        assert back_lat == pytest.approx(lat, abs=1e-6)
        assert (back_lon - lon + 180) % 360 - 180 == pytest.approx(0, abs=1e-6)


def test_range_and_bearing_agree_with_geodesy(page: Page) -> None:
    got = page.evaluate("""async () => {
      const { bearing } = await import("/static/map/project.js");
      return bearing({ lat: -40.6, lon: 173.2 }, { lat: -38.9, lon: 176.1 });
    }""")
    azimuth, _, metres = Geod(a=6371008.8, b=6371008.8).inv(173.2, -40.6, 176.1, -38.9)
    assert got["degrees"] == pytest.approx(azimuth % 360, abs=1e-6)
    assert got["miles"] == pytest.approx(metres / 1852, rel=1e-9)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("position(43.6866667, 36.1416667)", "43°41.2N 036°08.5E"),
        ("position(-0.9999999, -179.99999)", "01°00.0S 180°00.0W"),
        ("countdown(102000, 0)", "1:42"),
        ("countdown(3900000, 0)", "1:05:00"),
        ("countdown(0, 12000)", "-0:12"),
        ("level(24000)", "240"),
        ("level(null)", "---"),
        ("count(18442)", "18\N{NO-BREAK SPACE}442"),
    ],
)
def test_figures_are_written_as_operators_write_them(page: Page, call: str, text: str) -> None:
    got = page.evaluate(
        "async (call) => { const f = await import('/static/format.js');"
        " const [, name, words] = /(\\w+)\\((.*)\\)/.exec(call); return f[name](...JSON.parse(`[${words}]`)); }",
        call,
    )
    assert got == text


def test_bytes_that_are_no_frame_are_refused(page: Page) -> None:
    refused = page.evaluate("""async () => {
      const { readFrame } = await import("/static/map/tracks.js");
      const { state } = await import("/static/store.js");
      const bad = [[], [0x80], [0x81, 0xa1, 0x61, 0xc1], [0xff, 1, 2], [0x81, 0xa5, 0x66, 0x72, 0x61, 0x6d, 0x65, 0xa1, 0x78]];
      let n = 0;
      for (const bytes of bad) try { readFrame(new Uint8Array(bytes).buffer); } catch (e) { n += e instanceof RangeError || e instanceof TypeError; }
      return [n, bad.length, state.link];
    }""")
    assert refused[0] == refused[1]
    assert refused[2] == "live"


@pytest.mark.parametrize(
    "centre", [(-40.6, 173.2), (40.0, 36.0), (40.0, -4.0), (0.0, -150.0), (78.0, 15.0), (36.0, 36.2)]
)
def test_land_is_land_and_sea_is_sea_wherever_the_centre_is(page: Page, centre: tuple[float, float]) -> None:
    land = [(-43.5, 171.0), (39.0, 33.0), (40.0, -4.0), (47.0, 20.0), (35.0, 37.5), (78.8, 16.5), (19.6, -155.5)]
    sea = [(-40.0, 171.5), (43.0, 34.0), (42.0, 50.5), (35.0, 34.9), (0.0, -145.0), (75.0, 5.0), (40.0, 5.8)]
    got = page.evaluate(
        """async ([centre, places]) => {
          const { stereographic } = await import("/static/map/project.js");
          const { loadLand, shores } = await import("/static/map/basemap.js");
          const plane = stereographic(...centre), all = new Path2D(), c = document.createElement("canvas").getContext("2d");
          for (const shore of shores(await loadLand(), plane)) all.addPath(shore.path);
          const reach = (lat, lon) => Math.hypot(plane.forward(lat, lon).east, plane.forward(lat, lon).north);
          return places.map(([lat, lon]) => {
            const { east, north } = plane.forward(lat, lon);
            return reach(lat, lon) > 8000 ? null : c.isPointInPath(all, east, -north, "evenodd");
          });
        }""",
        [centre, land + sea],
    )
    assert {place for place, is_land in zip(land, got[: len(land)], strict=True) if is_land is False} == set()
    assert {place for place, is_land in zip(sea, got[len(land) :], strict=True) if is_land} == set()
    assert any(is_land for is_land in got)
