"""The reconstruction against shapely and pyproj: where and when it crosses, how far off it stays."""

from __future__ import annotations

import json
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod
from shapely.geometry import LineString, Point, shape

from detente.demo.reconstruction import FASTEST_MPS, SLOWEST_MPS, account, northern_area, reconstruction
from detente.errors import OwnFault
from detente.types import NS_PER_S, instant_of_iso
from detente.units import M_PER_FT, M_PER_NM

WGS84 = Geod(ellps="WGS84")
BEGINS = instant_of_iso("2015-11-24T07:24:05Z")
SPEEDS = [SLOWEST_MPS, 150.0, 200.0, 240.0, FASTEST_MPS]
in_range = st.floats(SLOWEST_MPS, FASTEST_MPS)


def aircraft(plots, number):
    chosen = plots[np.char.endswith(plots["identity"], f"-{number}".encode())]
    return chosen, np.degrees(chosen["longitude_rad"]), np.degrees(chosen["latitude_rad"])


def notified_line():
    document = json.loads(files("detente.demo").joinpath("data/odbl/alfa_line.geojson").read_bytes())
    return shape(document["features"][0]["geometry"])


def distances_m(longitude, latitude):
    """Geodesic distance of each point from the line, to a fraction of a metre: its 10 m edges cut into 1 m steps."""
    ring = northern_area().exterior
    near = Point(36.154, 35.808).buffer(0.12)
    edge = ring.intersection(near).segmentize(1e-5)
    points = np.concatenate([np.array(part.coords) for part in getattr(edge, "geoms", [edge])])
    least = []
    for x, y in zip(longitude, latitude, strict=True):
        rough = np.hypot((points[:, 0] - x) * np.cos(np.radians(y)), points[:, 1] - y)
        candidates = points[np.argsort(rough)[:200]]
        n = len(candidates)
        least.append(WGS84.inv(np.full(n, x), np.full(n, y), candidates[:, 0], candidates[:, 1])[2].min())
    return np.array(least)


@pytest.mark.parametrize("speed_mps", SPEEDS)
@pytest.mark.parametrize("number", [1, 2])
def test_the_turkish_version_first_crosses_at_07_24_05(speed_mps, number):
    plots, longitude, latitude = aircraft(reconstruction("TR", speed_mps), number)
    inside = LineString(np.column_stack([longitude, latitude])).intersection(notified_line())
    assert inside.geom_type == "LineString"  # one way in and one way out
    entry = max(inside.coords)
    last_outside = np.flatnonzero(longitude > entry[0])[-1]
    _, _, rest_m = WGS84.inv(longitude[last_outside], latitude[last_outside], *entry)
    crossing_ns = plots["applicable_at_ns"][last_outside] + rest_m / speed_mps * NS_PER_S
    assert abs(crossing_ns - BEGINS) < 0.5 * NS_PER_S
    assert account("TR", speed_mps).crossings_at[number] == BEGINS


@pytest.mark.parametrize(("number", "miles"), [(1, 1.36), (2, 1.15)])
def test_the_turkish_version_is_inside_for_the_published_miles(number, miles):
    _, longitude, latitude = aircraft(reconstruction("TR", SLOWEST_MPS), number)
    inside = LineString(np.column_stack([longitude, latitude])).intersection(notified_line())
    assert WGS84.geometry_length(inside) == pytest.approx(miles * M_PER_NM, abs=1.0)


def test_the_shorter_way_takes_the_published_17_s_at_the_lowest_speed():
    dwell_s = account("TR", SLOWEST_MPS).dwell_s
    assert dwell_s[2] == pytest.approx(17.0, abs=0.1)
    assert account("TR", FASTEST_MPS).dwell_s[2] == pytest.approx(7.8, abs=0.1)  # KU Leuven: about 7 s for 2 km


@pytest.mark.parametrize("speed_mps", SPEEDS)
def test_the_turkish_version_ends_on_the_far_side_just_after_leaving(speed_mps):
    plots, longitude, latitude = aircraft(reconstruction("TR", speed_mps), 2)
    assert not notified_line().contains(Point(longitude[-1], latitude[-1]))
    left_ns = BEGINS + account("TR", speed_mps).dwell_s[2] * NS_PER_S
    assert 3.0 <= (plots["applicable_at_ns"][-1] - left_ns) / NS_PER_S <= 4.0


@pytest.mark.parametrize("speed_mps", [SLOWEST_MPS, FASTEST_MPS])
@pytest.mark.parametrize(("version", "least_m"), [("RU", 5500.0), ("RU_1KM", 1000.0)])
def test_the_russian_version_never_crosses_and_is_never_nearer_than_claimed(version, least_m, speed_mps):
    plots = reconstruction(version, speed_mps)
    for number in (1, 2):
        _, longitude, latitude = aircraft(plots, number)
        assert not LineString(np.column_stack([longitude, latitude])).intersects(notified_line())
    chosen, longitude, latitude = aircraft(plots, 2)
    late = slice(-120, None)
    off_m = distances_m(longitude[late], latitude[late])
    assert off_m.min() == pytest.approx(least_m, abs=0.5)
    closest = chosen["applicable_at_ns"][late][off_m.argmin()]
    assert abs(closest - instant_of_iso("2015-11-24T07:24:00Z")) <= NS_PER_S
    said = account(version, speed_mps)
    assert said.crossings_at == {}
    assert said.least_distance_m == least_m
    assert said.closest_at == instant_of_iso("2015-11-24T07:24:00Z")


@given(in_range, st.sampled_from(["TR", "RU", "RU_1KM"]))
def test_each_aircraft_flies_at_the_given_speed_once_a_second_for_seven_minutes_and_more(speed_mps, version):
    for number in (1, 2):
        plots, longitude, latitude = aircraft(reconstruction(version, speed_mps), number)
        assert (np.diff(plots["applicable_at_ns"]) == NS_PER_S).all()
        assert len(plots) > 420
        _, _, stepped_m = WGS84.inv(longitude[:-1], latitude[:-1], longitude[1:], latitude[1:])
        assert np.allclose(stepped_m, speed_mps, atol=1e-3)
        assert np.allclose(np.hypot(plots["v_east_mps"], plots["v_north_mps"]), speed_mps)


@given(in_range, st.sampled_from(["TR", "RU", "RU_1KM"]))
def test_the_reported_velocity_leads_to_the_next_position(speed_mps, version):
    plots, longitude, latitude = aircraft(reconstruction(version, speed_mps), 2)
    course_deg = np.degrees(np.arctan2(plots["v_east_mps"], plots["v_north_mps"]))
    n = len(plots)
    ahead = WGS84.fwd(longitude, latitude, course_deg, np.full(n, speed_mps))
    assert np.abs(ahead[0][:-1] - longitude[1:]).max() < 1e-7
    assert np.abs(ahead[1][:-1] - latitude[1:]).max() < 1e-7


def test_altitudes_are_those_claimed_and_the_ellipsoid_is_left_unknown():
    turkish, russian = reconstruction("TR", 200.0), reconstruction("RU", 200.0)
    assert np.allclose(turkish["altitude_pressure_m"], 19_000 * M_PER_FT)
    assert np.allclose(russian["altitude_pressure_m"], 6000.0)
    assert np.isnan(turkish["altitude_ellipsoid_m"]).all()


def test_no_identity_could_be_taken_for_a_real_address_and_a_second_run_has_others():
    first, second = reconstruction("TR", 200.0), reconstruction("TR", 200.0, run=2)
    assert {bytes(i) for i in np.unique(first["identity"])} == {b"~tr1-recon-1", b"~tr1-recon-2"}
    assert not set(first["identity"]) & set(second["identity"])
    assert {bytes(c) for c in np.unique(first["callsign"])} == {b"RECON1", b"RECON2"}


@pytest.mark.parametrize("version", ["TR", "RU", "RU_1KM"])
def test_every_value_says_which_fact_it_rests_on_and_who_claims_it(version):
    facts = json.loads(files("detente.demo").joinpath("data/su24/facts.json").read_bytes())["facts"]
    claimed_by = {fact["id"]: fact["claimed_by"] for fact in facts}
    said = account(version, FASTEST_MPS)
    assert said.label.startswith("RECONSTRUCTION of 24 November 2015, version of ")
    for value in said.values:
        assert value.fact == "assumed" or value.fact in claimed_by
        if value.fact in claimed_by and value.fact != "kuleuven_speed":
            assert value.claimed_by == claimed_by[value.fact]


def test_the_shipped_facts_are_the_collected_ones(shared):
    ours = files("detente.demo").joinpath("data/su24/facts.json").read_bytes()
    assert ours == (shared / "data/incidents/su24_20151124/facts.json").read_bytes()


@pytest.mark.parametrize("version", ["", "tr", "FR"])
def test_an_unknown_version_is_refused(version):
    with pytest.raises(OwnFault, match="no version"):
        reconstruction(version, 200.0)


@pytest.mark.parametrize("speed_mps", [0.0, 124.9, 272.1, float("nan")])
def test_a_speed_outside_the_published_range_is_refused(speed_mps):
    with pytest.raises(OwnFault, match="published range"):
        account("TR", speed_mps)
