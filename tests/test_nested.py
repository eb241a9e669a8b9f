"""No bytes make a reader raise anything but its own error: what is nested a thousandfold ends no program and no node.

Goal: a peer, a program with a token, or a file must not be able to end a node with a few hundred brackets. Method: each
reader of what others wrote is given them where its schema still has to read on: in a field it does not know before it
knows of which kind the object is.
"""

from __future__ import annotations

import json

import pytest

from detente.config import parse_config
from detente.coordination.features import Usual, read_plans
from detente.coordination.statement import decode_statement
from detente.detect.volume import read_activities
from detente.detect.zone import read_zones
from detente.errors import ConfigError, FeedFault, OrderRefused, PeerFault
from detente.feeds import readsb
from detente.feeds.plot import Reject
from detente.feeds.site import Site
from detente.node.recordings import open_recording
from detente.release.policy import parse_policy
from detente.types import PartyId

LISTS = b"[" * 3_000
OBJECT = b'{"a":' * 3_000
TOML = "a = " + "[" * 3_000


@pytest.mark.parametrize(
    ("read", "raw", "fault"),
    [
        (decode_statement, b'{"act":{"x":' + LISTS, PeerFault),
        (parse_policy, TOML, ConfigError),
        (lambda raw: parse_config(raw, "detente.toml"), TOML.encode(), ConfigError),
        (lambda raw: read_zones(raw, asserted_by=PartyId("alfa")), OBJECT, ConfigError),
        (read_activities, LISTS, ConfigError),
        (lambda raw: read_plans(raw, Usual()), OBJECT, OrderRefused),
        (readsb.plots_of_aircraft_json, b'{"aircraft":' + LISTS, FeedFault),
    ],
    ids=["statement", "policy", "configuration", "zones", "activities", "plans", "aircraft.json"],
)
def test_what_is_nested_too_deep_is_refused_as_anything_else_is(read, raw, fault):
    with pytest.raises(fault):
        read(raw)


def test_a_line_nested_too_deep_is_counted_and_the_others_are_read():
    good = json.dumps({"hex": "4b1801", "now": 1633608000.0, "lat": 47.0, "lon": 8.0, "alt_baro": 30000}).encode()
    plots, rejected = readsb.plots_of_lines([good, b'{"hex":' + LISTS, good.replace(b"8000.0", b"8001.0")])
    assert (len(plots), rejected) == (2, {Reject.MALFORMED: 1})


@pytest.mark.parametrize("raw", [OBJECT, b'{"hex":' + LISTS], ids=["objects", "lists"])
def test_a_recording_that_is_nested_too_deep_is_refused_with_its_name(tmp_path, raw):
    (tmp_path / "deep.json").write_bytes(raw)
    with pytest.raises(FeedFault, match=r"deep\.json"):
        open_recording(tmp_path / "deep.json")


def test_a_frame_at_a_time_that_no_clock_shows_is_counted(tmp_path):
    (tmp_path / "frames.jsonl").write_bytes(b'{"timestamp": 1e308, "frame": "8d4b1801ea447864013c08b1b1b1"}\n')
    with pytest.raises(FeedFault, match="1 malformed"):
        open_recording(tmp_path / "frames.jsonl", receiver=Site(47.0, 8.0))


@pytest.mark.parametrize(
    "wrong", [{"crs": {"properties": []}}, {"crs": {"properties": {"name": []}}}, {"properties": [[]]}], ids=str
)
def test_a_plan_whose_parts_are_of_another_kind_is_refused(wrong):
    feature = {"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [36.1, 36.0]}}
    with pytest.raises(OrderRefused) as refused:
        read_plans(json.dumps(feature | wrong).encode(), Usual())
    assert refused.value.code == "geojson"
