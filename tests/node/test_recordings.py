"""Recordings are told by content; what holds no plot is refused with one clear line."""

import gzip
import json

import duckdb
import numpy as np
import pytest

from detente.errors import FeedFault
from detente.feeds.plot import Reject, empty_plots
from detente.feeds.site import Site
from detente.node.recordings import open_recording, write_recording
from detente.types import Instant

SBS = b"MSG,3,1,1,4249B5,1,2018/04/03,19:02:29.000,2018/04/03,19:02:29.000,,7000,,,59.7,30.1,,,0,0,0,0\r\n"
CSV = b"timestamp,icao24,latitude,longitude,altitude\n2018-08-01 05:00:00Z,4baac6,47.0,8.0,35000\n1533099601.5,4baac6,47.1,8.1,\n"


def written(tmp_path, content, name="recording"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def test_a_csv_may_give_its_time_as_text_or_as_seconds_and_be_packed(tmp_path):
    for name, content in (("a.csv", CSV), ("a.csv.gz", gzip.compress(CSV, mtime=0)), ("noname", gzip.compress(CSV))):
        recording = open_recording(written(tmp_path, content, name))
        assert recording.plots["applicable_at_ns"].tolist() == [1_533_099_600_000_000_000, 1_533_099_601_500_000_000]
        assert np.isnan(recording.plots["altitude_pressure_m"]).tolist() == [False, True]
        assert recording.source == name
        assert not recording.rejected


def test_damaged_rows_of_a_csv_are_counted(tmp_path):
    damaged = CSV + b"never,4baac6,47.0,8.0,1\n1533099602,,47.0,8.0,1\n1533099603,4baac6,north,8.0,1\n"
    recording = open_recording(written(tmp_path, damaged))
    assert len(recording.plots) == 2
    assert recording.rejected == {Reject.MALFORMED: 1, Reject.NO_IDENTITY: 1, Reject.NO_POSITION: 1}


@pytest.mark.parametrize(
    "odd",
    [
        b"\xef\xbb\xbf" + CSV.replace(b"\n", b"\r\n"),
        b"\n\n" + CSV.replace(b"\n", b"\n\n"),
        CSV.replace(CSV.splitlines()[0], CSV.splitlines()[0].upper()),
        b"\n".join(b",".join([b"x", *reversed(line.split(b","))]) for line in CSV.splitlines()),
        CSV.replace(b"47.0", b'"4.70e1"').replace(b"47.1", b'"4.71E+1"'),
    ],
    ids=["byte order mark, CRLF", "blank lines", "capitals", "other order, more", "quoted, scientific"],
)  # fmt: skip
def test_an_odd_but_valid_csv_is_read_as_the_plain_one(tmp_path, odd):
    plain = open_recording(written(tmp_path, CSV))
    recording = open_recording(written(tmp_path, odd, "odd"))
    assert not recording.rejected
    for name in ("applicable_at_ns", "identity", "latitude_rad", "longitude_rad", "altitude_pressure_m"):
        if plain.plots[name].dtype.kind == "f":
            assert np.allclose(recording.plots[name], plain.plots[name], equal_nan=True), name
        else:
            assert recording.plots[name].tolist() == plain.plots[name].tolist()


def test_longitudes_may_count_to_360(tmp_path):
    east = open_recording(written(tmp_path, CSV.replace(b",8.", b",352.")))
    assert np.allclose(np.degrees(east.plots["longitude_rad"]), [-8.0, -7.9])
    assert not east.rejected


@pytest.mark.parametrize(
    "time", [b"1533099602000", b"-1e300", b"inf", b"9" * 400, b"9999-10-07 12:00:00Z", b"1021-10-07 12:00:00Z"]
)
def test_a_row_whose_time_is_none_of_this_age_costs_that_row_only(tmp_path, time):
    recording = open_recording(written(tmp_path, CSV + time + b",4baac6,47.0,8.0,1\n"))
    assert len(recording.plots) == 2
    assert recording.rejected == {Reject.MALFORMED: 1}


@pytest.mark.parametrize("kind", ["TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP_S", "TIMESTAMP_MS"])
def test_a_time_stamp_that_does_not_fit_a_plot_costs_its_row_only(tmp_path, kind):
    path = tmp_path / "r.parquet"
    rest = "'4baac6' AS icao24, 47.0 AS latitude, 8.0 AS longitude, 30000.0 AS altitude"
    with duckdb.connect() as db:
        rows = " UNION ALL ".join(
            f"SELECT '{time}'::{kind} AS timestamp, {rest}" for time in ("2021-10-07 12:00:00", "9999-10-07 12:00:00")
        )
        db.execute(f"COPY ({rows}) TO '{path}' (FORMAT parquet)")
    recording = open_recording(path)
    assert len(recording.plots) == 1
    assert recording.rejected == {Reject.MALFORMED: 1}


def test_what_is_written_is_read_again(tmp_path):
    plots = empty_plots(3)
    plots["applicable_at_ns"] = [1_000_000_000, 2_000_000_000, 3_000_000_000]
    plots["identity"] = [b"4baac6", b"~1cb", b"ae0455"]
    plots["callsign"][0] = b"THY9BP"
    plots["latitude_rad"] = 0.5
    plots["longitude_rad"] = [-1.0, 0.0, 1.0]
    plots["v_east_mps"][1], plots["v_north_mps"][1], plots["v_up_mps"][1] = -30.0, 40.0, 5.0
    plots["altitude_pressure_m"][2], plots["altitude_ellipsoid_m"][0] = 3_000.0, 100.0
    plots["selected_altitude_m"][1] = 10_668.0
    plots["squawk"][0], plots["on_ground"][1], plots["category"][2] = 0o7700, 1, b"A3"
    path = tmp_path / "written.parquet"
    write_recording(path, plots)
    again = open_recording(path)
    assert again.kind == "parquet"
    for name in plots.dtype.names:
        if plots[name].dtype.kind == "f":
            assert np.allclose(again.plots[name], plots[name], equal_nan=True), name
        else:
            assert again.plots[name].tolist() == plots[name].tolist(), name


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (SBS, "sbs"),
        (b"2936535519," + SBS, "sbs"),
        (b"START,Wed Sep 2 04:23:37 +0000 UTC 2015\n1,MSG,3,,,ABDF3F,,,,,,,8525,,,1.0,2.0,,,0,0,0,0\n", "sbs"),
        (b'{"now": 5, "hex": "a7f426", "lat": 1.0, "lon": 2.0}\n', "readsb lines"),
        (b'{"now": 5, "flight": "N/A"}\n{"now": 5, "hex": "a7f426", "lat": 1.0, "lon": 2.0}\n', "readsb lines"),
        (b'{"now": 5,\n "aircraft": [{"hex": "a7f426", "lat": 1.0, "lon": 2.0}]}', "aircraft.json"),
        (b'{"icao":"ac671b","timestamp":1,"trace":[[0,1.0,2.0,300,4,5,0,6]]}', "readsb trace"),
        (
            b'<event uid="x" type="a-u-A" time="2024-01-01T00:00:00Z"><point lat="1" lon="2" hae="3" ce="4" le="5"/></event>',
            "cot",
        ),
        (b"#Title : X\n#OriginSec : 5\n7.0;47.0;400\n", "flp"),
    ],
)
def test_a_format_is_told_by_content_not_by_name(tmp_path, content, kind):
    for name, packed in (("misleading.parquet", False), ("x.bin", True)):
        recording = open_recording(written(tmp_path, gzip.compress(content, mtime=0) if packed else content, name))
        assert recording.kind == kind
        assert len(recording.plots) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 500,
        bytes(range(256)) * 20,
        b"PAR1 and then nothing",
        b"a,b,c\n1,2,3\n",
        b"timestamp,icao24,latitude,longitude\n",
        b'{"type": "FeatureCollection"}',
        b"{ broken",
        b'{"aircraft": 5, "now": 1}',
        b"#Title : X\n#OriginSec : 5\n",
        b"<event",
        b"once upon a time there was no aircraft\n",
        b"\xd4\xc3\xb2\xa1" + b"\x02" * 40,
        b"\x1f\x8b\x08\x00garbage",
        gzip.compress(SBS * 100, mtime=0)[:-60],
        gzip.compress(b"", mtime=0),
        b'{"frame": "zz", "timestamp": 1.0}\n{"frame": 1}\n',
    ],
)
def test_what_holds_no_plot_is_refused_with_one_line_that_names_it(tmp_path, content):
    with pytest.raises(FeedFault) as fault:
        open_recording(written(tmp_path, content, "bad.parquet"))
    assert "bad.parquet" in str(fault.value)
    assert "\n" not in str(fault.value)


def test_a_folder_and_a_missing_file_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(FeedFault, match=path.name):
            open_recording(path)


def test_progress_ends_at_one(tmp_path):
    seen = []
    open_recording(written(tmp_path, SBS * 9_000), on_progress=seen.append)
    assert seen == sorted(seen)
    assert len(seen) > 3
    assert seen[-1] == 1.0


def test_flagged_points_of_an_incident_are_refused_and_counted(shared):
    recording = open_recording(shared / "data/incidents/dca_20250129_pat25_jia5342/tracks.csv")
    assert len(recording.plots) == 2_297
    assert recording.rejected == {Reject.MALFORMED: 6}
    helicopter = recording.plots[recording.plots["identity"] == b"ae313d"]
    assert len(helicopter) == 64
    assert helicopter["applicable_at_ns"][-1] < 1_738_201_678 * 1_000_000_000
    assert np.isnan(helicopter["v_east_mps"]).all()


def test_the_shared_recordings_are_known_for_what_they_are(shared):
    data = shared / "data"
    barcelona = Site(41.300702, 2.102058, 27.257)
    for name, kind, plots in (
        ("traffic/switzerland_20180801_0500-1800Z.parquet", "parquet", 112_083),
        ("raw_modes/ulss7_beast_20180403T190228Z.bin", "beast", 1_350),
        ("raw_modes/sample_dump1090.bin", "beast", 1),
        ("raw_modes/stratux_sbs_20150902.log.gz", "sbs", 2_104),
        ("raw_modes/jet1090_full_flight_20240706.jsonl.gz", "jet1090", 6_000),
        ("asterix/croatiacontrol/cat_062_065.pcap", "asterix pcap", 2),
        ("asterix/croatiacontrol/cat_034_048.pcap", "asterix pcap", 100),
        ("asterix/croatiacontrol/cat21_re.ast", "asterix", 2),
        ("incidents/ocap_staged_encounters/20250408_grenchen/1CB.flp", "flp", 5_046),
    ):
        recording = open_recording(data / name, receiver=barcelona if "048" in name else None)
        assert recording.kind == kind
        assert len(recording.plots) >= plots
        assert np.all(np.diff(recording.plots["applicable_at_ns"]) >= 0)
    path = data / "incidents/ocap_staged_encounters/20250408_grenchen/1CB.flp"
    assert open_recording(path).plots["applicable_at_ns"][0] == 1_744_070_400_000_000_000 + 29_971_000_000_000
    moved = open_recording(path, started_at=Instant(0))
    assert len(moved.plots) == 5_046


def test_what_is_no_recording_in_the_shared_data_is_refused(shared):
    data = shared / "data"
    for name in (
        "raw_modes/dump1090_modes1_iq.bin.gz",
        "raw_modes/dump978_uat_sample.txt.gz",
        "traffic/world_opensky_snapshot_counts.csv",
        "asterix/jasterix_records/cat021ed0.26.bin",
        "asterix/croatiacontrol/cat_001_002.pcap",
        "cot/CoTtypes.xml",
        "incidents/su24_20151124/facts.json",
    ):
        with pytest.raises(FeedFault):
            open_recording(data / name)
    with pytest.raises(FeedFault, match="site"):
        open_recording(data / "asterix/croatiacontrol/cat048.raw")


def test_a_jet1090_line_that_is_damaged_is_counted(tmp_path, shared):
    with gzip.open(shared / "data/raw_modes/jet1090_full_flight_20240706.jsonl.gz") as lines:
        frames = [line for line in lines if json.loads(line).get("bds") == "05"][:200]
    recording = open_recording(written(tmp_path, b"".join(frames) + b"{broken\n"))
    assert recording.kind == "jet1090"
    assert recording.rejected[Reject.MALFORMED] == 1
