"""Cursor on Target events about aircraft become plots; nobody's view of affiliation is taken over."""

import base64
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.feeds.cot import LONGEST_EVENT, CotReader, plot_of_event
from detente.feeds.heard import plots_of_rows
from detente.feeds.plot import Reject


def event(
    *,
    type_="a-u-A-C-F",
    uid="ICAO-4BAAC6",
    lat="41.5",
    lon="29.0",
    time="2024-01-01T00:00:00Z",
    detail="",
    hae="1200.5",
):
    return (
        f'<?xml version="1.0"?>\n<event version="2.0" uid="{uid}" type="{type_}" time="{time}" start="{time}" stale="{time}" '
        f'how="m-g"><point lat="{lat}" lon="{lon}" hae="{hae}" ce="9999999.0" le="9999999"/><detail>{detail}</detail></event>'
    ).encode()


def test_an_aircraft_is_a_plot_with_its_icao_address():
    detail = '<contact callsign="THY9BP"/><track course="90" speed="200"/><__adsb squawk="7700"/>'
    (plot,) = plots_of_rows([plot_of_event(event(detail=detail))])
    assert plot["identity"] == b"4baac6"
    assert plot["callsign"] == b"THY9BP"
    assert plot["applicable_at_ns"] == 1_704_067_200_000_000_000
    assert plot["v_east_mps"] == pytest.approx(200.0)
    assert plot["altitude_ellipsoid_m"] == 1200.5
    assert np.isnan(plot["altitude_pressure_m"])
    assert np.isnan(plot["position_sigma_m"])
    assert plot["squawk"] == 0o7700


@pytest.mark.parametrize("affiliation", "pufnshjkao.")
def test_affiliation_changes_nothing(affiliation):
    theirs, ours = (plots_of_rows([plot_of_event(event(type_=f"a-{a}-A-C-F"))]) for a in (affiliation, "u"))
    assert theirs.tobytes() == ours.tobytes()


@pytest.mark.parametrize("type_", ["a-f-G-U-C", "b-t-f", "t-k-d", "u-d-f", "", "a", "a-f"])
def test_what_is_about_no_aircraft_is_passed_over(type_):
    assert plot_of_event(event(type_=type_)) is None


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (event(time="2024-01-01T00:00:00"), Reject.MALFORMED),
        (event(lat="north"), Reject.MALFORMED),
        (event(lat="0", lon="0.0"), Reject.NO_POSITION),
        (event(lat="9999999"), Reject.NO_POSITION),
        (event(uid=""), Reject.NO_IDENTITY),
        (b"<event", Reject.MALFORMED),
        (b'<!DOCTYPE e [<!ENTITY a "b">]>' + event()[21:], Reject.MALFORMED),
        (b"<event>" + b" " * LONGEST_EVENT + b"</event>", Reject.MALFORMED),
        (b"\xbf\x05\x01\x02", Reject.MALFORMED),
    ],
)
def test_a_bad_event_is_refused_with_its_reason(bad, reason):
    assert plot_of_event(bad) == reason


def test_a_long_uid_that_is_no_address_gives_a_mark_of_its_own():
    marks = {plot_of_event(event(uid=f"ANDROID-35996d0e3bd0ec2{i}"))[1] for i in range(3)}
    assert len(marks) == 3
    assert all(mark.startswith(b"~") and len(mark) <= 16 for mark in marks)


@given(st.integers(1, 400))
def test_it_does_not_matter_how_the_stream_is_cut(size):
    stream = event() + event(uid="x") + b"\n" + event(type_="b-t-f")
    reader = CotReader()
    plots = np.concatenate([reader.feed(stream[i : i + size])[0] for i in range(0, len(stream), size)])
    assert plots["identity"].tolist() == [b"4baac6", b"~x"]
    assert reader.events == 3


def test_an_event_that_never_ends_is_counted_once_and_does_not_fill_memory():
    reader = CotReader()
    total = sum((reader.feed(b"<event " + b"x" * 30_000)[1] for _ in range(9)), start=reader.feed(b"")[1])
    plots, rejected = reader.feed(b"</event>" + event())
    assert total + rejected == {Reject.MALFORMED: 1}
    assert len(plots) == 1


@given(st.binary(max_size=200))
def test_no_bytes_make_it_raise(chunk):
    CotReader().feed(chunk)
    CotReader().feed(b"\xbf" + chunk)
    plot_of_event(chunk)


def test_xml_and_protobuf_of_one_event_give_one_plot(shared):
    folder = shared / "data/cot"
    by_xml = {}
    for line in (folder / "cot_events.jsonl").read_text().splitlines():
        said = json.loads(line)
        by_xml[said["uid"], said["type"]] = plot_of_event(said["xml"].encode())
    assert len([row for row in by_xml.values() if isinstance(row, tuple)]) == 2  # an unmanned one, and one by ADS-B
    for line in (folder / "cot_takproto_v1.jsonl").read_text().splitlines():
        said = json.loads(line)
        row = plot_of_event(base64.b64decode(said["b64"]))
        expected = by_xml[said["uid"], said["type"]]
        if isinstance(expected, tuple):
            (ours,), (theirs,) = plots_of_rows([expected]), plots_of_rows([row])
            for name in ("identity", "callsign", "latitude_rad", "altitude_ellipsoid_m"):
                assert ours[name] == theirs[name]
            assert abs(int(ours["applicable_at_ns"]) - int(theirs["applicable_at_ns"])) < 1_000_000
        else:
            assert row == expected


def test_a_stream_of_protobuf_frames_is_read(shared):
    frames = [
        base64.b64decode(json.loads(line)["b64"])
        for line in (shared / "data/cot/cot_takproto_v1.jsonl").read_text().splitlines()
        if json.loads(line)["framing"] == "STREAM"
    ]
    reader = CotReader()
    stream = b"".join(frames)
    plots = np.concatenate([reader.feed(stream[i : i + 100])[0] for i in range(0, len(stream), 100)])
    assert reader.events == len(frames) == 28
    assert len(plots) == 2
