"""Every command, given every kind of bad input: exit 1 or 2, one clear line on stderr, nothing on stdout to be taken for a result."""

from __future__ import annotations

import json
import sys

import duckdb
import numpy as np
import pytest

from detente.cli import main

STATES = "id,lat_deg,lon_deg,alt_ft,trk_deg,gs_kt,vs_fpm\n"


def said(capsys, monkeypatch, *arguments):
    """Run one command in this process; returns exit code, stdout, stderr."""
    monkeypatch.setattr(sys, "argv", ["detente", *map(str, arguments)])
    code = main()
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def expect_refused(capsys, monkeypatch):
    """A command that must be refused; returns the one line it says."""

    def run(*arguments):
        code, out, err = said(capsys, monkeypatch, *arguments)
        assert code in {1, 2}, (arguments, out, err)
        lines = err.strip().splitlines()
        assert len(lines) == 1, err
        assert lines[0].startswith("detente: "), err
        assert "Traceback" not in out + err
        assert out == "", out
        return lines[0]

    return run


def square(side_deg=1.0, **properties):
    ring = [
        [30.0, 35.0],
        [30.0 + side_deg, 35.0],
        [30.0 + side_deg, 35.0 + side_deg],
        [30.0, 35.0 + side_deg],
        [30.0, 35.0],
    ]
    return feature(ring, **properties)


def feature(ring, **properties):
    told = {"zone_id": "z", "asserted_by": "alfa", "kind": "border", "resolution_m": 10.0} | properties
    return {"type": "Feature", "properties": told, "geometry": {"type": "Polygon", "coordinates": [ring]}}


BAD_ZONES = {
    "map border": json.dumps(square(resolution_m=110.0)),
    "crosses itself": json.dumps(feature([[30, 35], [31, 36], [31, 35], [30, 36], [30, 35]])),
    "not closed": json.dumps(feature([[30, 35], [31, 35], [31, 36], [30, 36]])),
    "nobody's": json.dumps(square(asserted_by=None)),
    "no resolution": json.dumps(square(resolution_m=None)),
    "not JSON": "{",
    "no feature": json.dumps({"type": "FeatureCollection", "features": []}),
    "a line": json.dumps(
        {"type": "Feature", "properties": {}, "geometry": {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}}
    ),
    "beyond the globe": json.dumps(feature([[30, 95], [31, 95], [31, 96], [30, 96], [30, 95]])),
}


@pytest.fixture
def bad_files(tmp_path):
    """Files that are no recording, no list of states, no anything."""
    files = {
        "missing": tmp_path / "missing.csv",
        "directory": tmp_path / "folder",
        "empty": tmp_path / "empty.csv",
        "binary garbage": tmp_path / "garbage.bin",
        "truncated parquet": tmp_path / "cut.parquet",
        "wrong columns": tmp_path / "wrong.csv",
        "header alone": tmp_path / "header.csv",
        "an IQ file": tmp_path / "capture.iq",
        "rows of NaN": tmp_path / "nan.csv",
        "zeros": tmp_path / "zeros.bin",
    }
    files["directory"].mkdir()
    files["empty"].write_bytes(b"")
    files["binary garbage"].write_bytes(np.random.default_rng(1).bytes(5_000))
    whole = tmp_path / "whole.parquet"
    with duckdb.connect() as db:
        db.execute(
            f"COPY (SELECT 1.0 AS timestamp, 'a' AS icao24, 1.0 AS latitude, 1.0 AS longitude FROM range(5000)) TO '{whole}'"
        )
    files["truncated parquet"].write_bytes(whole.read_bytes()[:-40])
    files["wrong columns"].write_text("name,score\nada,1\n")
    files["header alone"].write_text("timestamp,icao24,latitude,longitude,altitude\n")
    files["an IQ file"].write_bytes(np.random.default_rng(2).integers(100, 155, 20_000).astype(np.uint8).tobytes())
    files["rows of NaN"].write_text("timestamp,icao24,latitude,longitude,altitude\n" + "nan,nan,nan,nan,nan\n" * 5)
    files["zeros"].write_bytes(bytes(4_096))
    return files


KINDS = (
    "missing",
    "directory",
    "empty",
    "binary garbage",
    "truncated parquet",
    "wrong columns",
    "header alone",
    "an IQ file",
    "rows of NaN",
    "zeros",
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "command",
    [
        ("replay",),
        ("replay", "--json"),
        ("detect",),
        ("encounters",),
        ("check-config",),
        ("verify",),
        ("policy", "check"),
    ],
    ids=" ".join,
)
def test_a_file_that_is_not_what_the_command_reads_is_refused(expect_refused, bad_files, command, kind):
    if (command, kind) == (("verify",), "directory"):
        return  # a folder may be a dossier: it is judged, see below
    line = expect_refused(*command, bad_files[kind])
    assert str(bad_files[kind].name) in line


TO_BRAVO = """
name = "all"
[[rule]]
name = "everything"
effect = "release"
to = ["bravo"]
give = { fields = ["position"] }
"""


@pytest.mark.parametrize("kind", KINDS)
def test_a_policy_is_not_tried_on_what_is_no_recording(expect_refused, bad_files, tmp_path, kind):
    policy = tmp_path / "policy.toml"
    policy.write_text(TO_BRAVO)
    line = expect_refused("policy", "try", policy, bad_files[kind], "--peer", "bravo")
    assert str(bad_files[kind].name) in line


@pytest.mark.parametrize("zones", BAD_ZONES.values(), ids=BAD_ZONES)
def test_zones_that_are_not_fit_for_alerts_are_refused(expect_refused, tmp_path, zones):
    recording, file = tmp_path / "r.csv", tmp_path / "zones.geojson"
    recording.write_text("timestamp,icao24,latitude,longitude,altitude\n1,aaaaaa,35.5,30.5,10000\n")
    file.write_text(zones)
    expect_refused("replay", recording, "--zones", file)


STATE_FILES = {
    "header alone": STATES,
    "a column missing": "id,lat_deg\na,1\n",
    "not text": "\udcff",
}


@pytest.mark.parametrize("text", STATE_FILES.values(), ids=STATE_FILES)
def test_states_without_a_state_are_refused(expect_refused, tmp_path, text):
    file = tmp_path / "states.csv"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    expect_refused("detect", file)


def test_states_of_nothing_but_nan_are_told_as_not_assessed(capsys, monkeypatch, tmp_path):
    file = tmp_path / "states.csv"
    file.write_text(STATES + "a,nan,nan,nan,nan,nan,nan\nb,,,,,,\n")
    code, out, err = said(capsys, monkeypatch, "detect", file)
    assert (code, err) == (0, "")
    assert [json.loads(line)["verdict"] for line in out.splitlines()] == ["not_assessed", "not_assessed"]


USAGE = {
    "no such command": ("fly",),
    "no such option": ("replay", "--fast", "x"),
    "no argument": ("replay",),
    "no profile": ("replay", "--profile", "sideways", "r.csv"),
    "no scenario": ("demo", "--headless", "--scenario", "no-such"),
    "negative minima": ("detect", "--horizontal-nm", "-5", "r.csv"),
    "minima of NaN": ("detect", "--horizontal-nm", "nan", "r.csv"),
    "look-ahead without end": ("detect", "--lookahead-s", "1e9", "r.csv"),
    "no number": ("simulate", "--seed", "seven"),
    "no seeds": ("simulate", "--seeds", "0"),
    "speed that is no number": ("demo", "--headless", "--speed", "nan"),
    "end that never comes": ("demo", "--headless", "--seconds", "nan"),
    "minutes that are no number": ("export", "--out", "x.zip", "--around", "nan"),
    "level that is no number": ("activity", "read", "r.csv", "--floor-ft", "nan"),
    "speed that stands": ("demo", "--speed", "0"),
    "no party": ("init", "d"),
    "party with capitals": ("init", "d", "--party", "ALFA"),
    "no configuration": ("run", "--config", "missing.toml"),
    "no such folder": ("pair", "nowhere"),
    "no such benchmark": ("bench", "flying"),
    "export of nothing": ("export", "--out", "x.zip"),
    "instant that is none": ("replay", "r.csv", "--from", "yesterday"),
    "summary where none can be written": ("demo", "--headless", "--summary", "r.csv/summary.json"),
    "receiver that is none": ("replay", "r.csv", "--receiver", "here"),
    "verify without file": ("verify",),
}


@pytest.mark.parametrize("arguments", USAGE.values(), ids=USAGE)
def test_a_wrong_use_is_refused(expect_refused, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.csv").write_text("timestamp,icao24,latitude,longitude,altitude\n1,aaaaaa,35.5,30.5,10000\n")
    expect_refused(*arguments)


CONFIGS = {
    "unknown key": ("[node]\nparty = 'alfa'\nname = 'Alfa'\nnode = 'alfa.example/detente'\nspeed = 3\n", "speed"),
    "unknown table": ("[node]\nparty = 'alfa'\nname = 'Alfa'\nnode = 'alfa.example/detente'\n[weapons]\n", "weapons"),
    "no node": ("", "node"),
    "no address": (
        "[node]\nparty = 'alfa'\nname = 'Alfa'\nnode = 'alfa.example/detente'\n[listen]\nlink = 'here'\n",
        "listen.link",
    ),
    "missing zones": (
        "[node]\nparty = 'alfa'\nname = 'Alfa'\nnode = 'alfa.example/detente'\n[detection]\nzones = ['no.geojson']\n",
        "no.geojson",
    ),
    "missing policy": (
        "[node]\nparty = 'alfa'\nname = 'Alfa'\nnode = 'alfa.example/detente'\n[release]\npolicy = 'no.toml'\n",
        "no.toml",
    ),
    "missing recording": (
        "[node]\nparty = 'alfa'\nname = 'Alfa'\nnode = 'alfa.example/detente'\n[[feed]]\nkind = 'recording'\nname = 'r'\npath = 'no.parquet'\n",
        "no.parquet",
    ),
    "unknown profile": (
        "[node]\nparty = 'alfa'\nname = 'Alfa'\nnode = 'alfa.example/detente'\n[detection]\nprofile = 'odd'\n",
        "detection.profile",
    ),
    "centre off the globe": (
        "[node]\nparty = 'alfa'\nname = 'Alfa'\nnode = 'alfa.example/detente'\n[console]\ncentre = [147.0, 8.0]\n",
        "console.centre",
    ),
    "one address for two": (
        "[node]\nparty = 'alfa'\nname = 'Alfa'\nnode = 'alfa.example/detente'\n[listen]\nlink = '127.0.0.1:8440'\n",
        "listen.link",
    ),
    "ladder that falls": (
        "[node]\nparty = 'alfa'\nname = 'Alfa'\nnode = 'alfa.example/detente'\n[escalation]\nconflict_after_s = [0, 9, 3]\n",
        "conflict_after_s",
    ),
}


@pytest.mark.parametrize("command", ["check-config", "run"])
@pytest.mark.parametrize(("text", "named"), CONFIGS.values(), ids=CONFIGS)
def test_a_configuration_is_refused_with_what_is_wrong_in_it(expect_refused, tmp_path, text, named, command):
    file = tmp_path / "detente.toml"
    file.write_text(text)
    arguments = ("check-config", file) if command == "check-config" else ("run", "--config", file)
    line = expect_refused(*arguments)
    if command == "check-config":
        assert named in line


POLICIES = {
    "unknown key": 'name = "x"\nallow = true\n',
    "not TOML": "name = ",
    "release to nobody": 'name = "x"\n[[rule]]\nname = "r"\neffect = "release"\ngive = { fields = ["position"] }\n',
    "no such area": 'name = "x"\n[[rule]]\nname = "r"\neffect = "withhold"\nwhen = { areas = ["a"] }\n',
    "default release": 'name = "x"\ndefault = "release"\n',
}


@pytest.mark.parametrize("text", POLICIES.values(), ids=POLICIES)
def test_a_policy_with_a_fault_is_refused(expect_refused, tmp_path, text):
    file = tmp_path / "policy.toml"
    file.write_text(text)
    expect_refused("policy", "check", file)


def test_a_dossier_without_a_word_in_it_fails_and_says_why(capsys, monkeypatch, tmp_path):
    file, folder = tmp_path / "d.zip", tmp_path / "d"
    file.write_bytes(b"PK\x05\x06" + bytes(18))
    folder.mkdir()
    for dossier in (file, folder):
        code, out, err = said(capsys, monkeypatch, "verify", dossier)
        assert code == 1
        assert "FAILS" in out
        assert "Traceback" not in out + err


def test_a_root_that_is_no_root_is_refused(expect_refused, tmp_path):
    (tmp_path / "d").mkdir()
    expect_refused("verify", tmp_path / "d", "--root", "alfa=12345")
    expect_refused("verify", tmp_path / "d", "--root", "alfa")


def test_a_wrong_use_says_where_help_is_and_no_command_at_all_is_answered_with_it(capsys, monkeypatch):
    assert said(capsys, monkeypatch, "replay", "--fast")[2].endswith("replay --help\n")
    code, out, err = said(capsys, monkeypatch)
    assert (code, out) == (2, "")
    assert err.startswith("Usage: ")
