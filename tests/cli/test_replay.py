"""`detente replay` as it is called from outside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from click.testing import CliRunner

from detente.cli.replay import flight_hours, replay
from detente.errors import DetenteError
from detente.feeds.plot import Plots
from detente.types import Instant
from detente.units import M_PER_FT, MPS_PER_FPM, MPS_PER_KT
from flights import Flight, head_on, plots_of

NOON = Instant(1_700_000_000_000_000_000)


def written(path: Path, plots: Plots) -> str:
    """Write plots with the columns of a recording; Parquet or CSV by name."""
    speed = np.hypot(plots["v_east_mps"], plots["v_north_mps"]) / MPS_PER_KT
    columns = {
        "timestamp": plots["applicable_at_ns"] / 1e9,
        "icao24": plots["identity"].astype(str),
        "latitude": np.degrees(plots["latitude_rad"]),
        "longitude": np.degrees(plots["longitude_rad"]),
        "altitude": plots["altitude_pressure_m"] / M_PER_FT,
        "groundspeed": speed,
        "track": np.degrees(np.arctan2(plots["v_east_mps"], plots["v_north_mps"])) % 360,
        "vertical_rate": plots["v_up_mps"] / MPS_PER_FPM,
    }
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    text = path.with_suffix(".csv")
    text.write_text("\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]))
    if path.suffix == ".parquet":
        with duckdb.connect() as db:
            db.execute(f"COPY (SELECT * FROM '{text}') TO '{path}' (FORMAT parquet)")
    return str(path)


def output(*arguments: str) -> list[dict[str, Any]]:
    result = CliRunner().invoke(replay, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture(scope="module")
def encounter(tmp_path_factory: pytest.TempPathFactory) -> str:
    plots = plots_of(*head_on(40.0), seconds=300.0, every_s=4.0, start=NOON)
    return written(tmp_path_factory.mktemp("recording") / "encounter.parquet", plots)


def test_events_are_lines_and_the_summary_is_the_last(encounter: str) -> None:
    *events, summary = output(encounter)
    first = events[0]
    assert first["type"] == "alert"
    assert (first["event"], first["kind"], first["a"], first["b"]) == ("raised", "conflict", "aaaaaa", "bbbbbb")
    assert first["at"].endswith("Z")
    assert first["level"] in {"warning", "alarm"}
    assert 0.0 < first["time_to_event_s"] <= 120.0
    assert events[-1]["event"] == "cleared"
    assert summary["type"] == "summary"
    assert summary["tracks"] == 2
    assert summary["plots_read"] == 150
    assert summary["alerts"] == {"conflict": {"alarm": 1}}
    assert summary["flight_hours"] == pytest.approx(2 * 296 / 3600, abs=0.01)
    assert summary["speed_up"] > 1.0
    assert {"rejected", "not_assessed", "alerts_per_flight_hour", "wall_s"} <= summary.keys()


def test_several_recordings_are_merged_by_time(tmp_path: Path) -> None:
    a, b = head_on(40.0)
    files = [
        written(tmp_path / f"{n}.csv", plots_of(flight, seconds=300.0, every_s=4.0, start=NOON))
        for n, flight in enumerate((a, b))
    ]
    assert output(*files)[-1]["alerts"] == {"conflict": {"alarm": 1}}
    assert output(files[0])[-1]["alerts"] == {}


def test_zones_are_judged_and_their_alert_names_the_zone(tmp_path: Path, encounter: str) -> None:
    zones = tmp_path / "zones.geojson"
    ring = [[7.9, 46.9], [8.1, 46.9], [8.1, 47.1], [7.9, 47.1], [7.9, 46.9]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    said = {"zone_id": "TSA1", "resolution_m": 10, "asserted_by": "alfa"}
    zones.write_text(json.dumps({"type": "Feature", "properties": said, "geometry": geometry}))
    entries = [e for e in output(encounter, "--zones", str(zones)) if e.get("kind") == "incursion"]
    assert {e["zone"] for e in entries} == {"TSA1"}
    assert {e["a"] for e in entries} == {"aaaaaa", "bbbbbb"}
    assert "b" not in entries[0]


def test_two_parties_lines_of_one_name_are_told_apart_and_say_whose(tmp_path: Path, encounter: str) -> None:
    def line(party: str, west: float) -> dict[str, Any]:
        ring = [[west, 46], [9, 46], [9, 48], [west, 48], [west, 46]]
        said = {"name": "river", "kind": "border", "asserted_by": party, "resolution_m": 10}
        return {"type": "Feature", "properties": said, "geometry": {"type": "Polygon", "coordinates": [ring]}}

    zones = tmp_path / "lines.geojson"
    zones.write_text(json.dumps({"type": "FeatureCollection", "features": [line("alfa", 8.0), line("bravo", 7.9)]}))
    events = [e for e in output(encounter, "--zones", str(zones))[:-1] if e["kind"] == "incursion"]
    assert {(e["zone"], e["asserted_by"]) for e in events} == {("river@alfa", "alfa"), ("river@bravo", "bravo")}
    shown = CliRunner().invoke(replay, [encounter, "--zones", str(zones)], catch_exceptions=False).output
    assert "river@alfa (alfa)" in shown


def test_an_aircraft_that_leaves_its_declared_activity_is_told(tmp_path: Path, encounter: str) -> None:
    said = {
        "activity_id": "survey-7", "party": "alfa", "identities": ["aaaaaa"], "radius_m": 30_000, "datum": "pressure",
        "ceiling_ft": 36_000, "start": "2023-11-14T00:00:00Z", "end": "2023-11-15T00:00:00Z",
    }  # fmt: skip
    centre = {"type": "Point", "coordinates": [8.0, 47.0]}
    activities = tmp_path / "activities.geojson"
    activities.write_text(json.dumps({"type": "Feature", "properties": said, "geometry": centre}))
    events = [e for e in output(encounter, "--activities", str(activities))[:-1] if e["kind"] == "conformance"]
    assert {(e["a"], e["zone"]) for e in events} == {("aaaaaa", "survey-7")}
    assert "warning" in {e["level"] for e in events}
    assert "survey-7" in CliRunner().invoke(replay, [encounter, "--activities", str(activities)]).output
    activities.write_text("{}")
    with pytest.raises(DetenteError, match=r"activities.geojson: activities: a GeoJSON"):
        output(encounter, "--activities", str(activities))


def test_a_part_of_a_recording_can_be_asked_for(encounter: str) -> None:
    summary = output(encounter, "--to", "2023-11-14T22:14:00Z")[-1]
    assert summary["flight_hours"] < 0.03
    with pytest.raises(DetenteError, match="no plot lies between"):
        output(encounter, "--from", "2024-01-01T00:00:00Z")
    with pytest.raises(DetenteError, match="ISO 8601"):
        output(encounter, "--from", "yesterday")


@pytest.mark.parametrize("receiver", ["here", "47", "95,8", "47,8,1,2", "nan,nan"])
def test_a_receiver_that_is_nowhere_is_refused(encounter: str, receiver: str) -> None:
    with pytest.raises(DetenteError, match="--receiver"):
        output(encounter, "--receiver", receiver)


def test_without_json_a_person_can_read_it(encounter: str) -> None:
    result = CliRunner().invoke(replay, [encounter], catch_exceptions=False)
    assert "raised" in result.stdout
    assert "flight hours" in result.stdout
    assert "not a clearance" in result.stdout


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.parquet", b""),
        ("noise.bin", bytes(range(256)) * 9),
        ("text.csv", b"a,b\n1,2\n"),
        ("cut.parquet", b"PAR1\x00"),
    ],
)
def test_what_is_no_recording_is_refused_in_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DetenteError) as wrong:
        output(str(tmp_path / name))
    assert "\n" not in str(wrong.value)


def test_a_profile_or_zones_that_do_not_exist_are_refused(tmp_path: Path, encounter: str) -> None:
    with pytest.raises(DetenteError, match="no profile 'oceanic'; there are en-route"):
        output(encounter, "--profile", "oceanic")
    with pytest.raises(DetenteError, match="No such file"):
        output(encounter, "--zones", str(tmp_path / "none"))
    bad = tmp_path / "bad.geojson.gz"
    bad.write_bytes(b"\x1f\x8b broken")
    with pytest.raises(DetenteError, match=r"bad\.geojson"):
        output(encounter, "--zones", str(bad))


def test_hours_in_which_nobody_flies_are_skipped_and_not_counted(tmp_path: Path) -> None:
    one = Flight("aaaaaa", 47, 8)
    plots = np.concatenate(
        [plots_of(one, seconds=60.0, start=Instant(NOON + day * 86_400 * 10**9)) for day in range(3)]
    )
    assert flight_hours(plots) == pytest.approx(3 * 59 / 3600)
    summary = output(written(tmp_path / "days.csv", plots))[-1]
    assert summary["tracks"] == 1
    assert summary["wall_s"] < 30.0


def test_a_day_of_swiss_upper_airspace_tells_of_nothing_but_level_offs_beside_other_traffic(shared: Path) -> None:
    """720 aircraft, 311 flight hours; no pair comes below 900 ft, so every alert is one too many.

    The warnings are those that level busts 40 s ahead cost: of 19 pairs 15 hide one (docs/nuisance.md).
    """
    *events, summary = output(str(shared / "data/traffic/switzerland_20180801_0500-1800Z.parquet"))
    assert summary["tracks"] == 720
    assert summary["flight_hours"] == pytest.approx(311, abs=5)
    told = summary["alerts"]["conflict"]
    assert sum(told.values()) <= 21
    assert told.get("warning", 0) <= 19
    assert told.get("alarm", 0) == 0
    assert all("condition" in e for e in events if e["event"] == "raised")


def test_a_recording_of_which_not_one_plot_could_be_used_is_counted_and_refused(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    row = "{},4b1801,147.0,8.0,30000\n"
    file.write_text("timestamp,icao24,latitude,longitude,altitude\n" + "".join(row.format(n) for n in range(1, 9)))
    runner = CliRunner()
    result = runner.invoke(replay, [str(file), "--json"])
    assert isinstance(result.exception, DetenteError)
    assert str(result.exception).endswith("not one plot could be used (8 out_of_range): nothing was judged")
    assert json.loads(result.stdout)["rejected"] == {"out_of_range": 8}
