"""`detente detect` and `detente encounters` as they are called from outside."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from detente.cli.detect import detect, encounters
from detente.errors import DetenteError

HEADER = "id,lat_deg,lon_deg,alt_ft,trk_deg,gs_kt,vs_fpm\n"
HEAD_ON = "B,50,8.5,35000,270,450,0\nA,50,8,35000,90,450,0\n"


def lines(command: Any, *arguments: str) -> list[dict[str, Any]]:
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def states(tmp_path: Path, text: str) -> str:
    file = tmp_path / "states.csv"
    file.write_text(text)
    return str(file)


def test_a_pair_in_conflict_is_one_line_with_the_lower_id_first(tmp_path: Path) -> None:
    [pair] = lines(detect, states(tmp_path, HEADER + HEAD_ON))
    assert (pair["a"], pair["b"]) == ("A", "B")
    assert list(pair) == ["a", "b", "time_in_s", "time_out_s", "time_to_cpa_s", "distance_at_cpa_nm"]
    assert pair["time_in_s"] < pair["time_to_cpa_s"] < pair["time_out_s"] <= 300.0
    assert pair["distance_at_cpa_nm"] == pytest.approx(0.0, abs=0.1)


def test_the_order_of_the_file_changes_no_digit(tmp_path: Path) -> None:
    one = lines(detect, states(tmp_path, HEADER + HEAD_ON))
    rows = HEAD_ON.splitlines(keepends=True)
    assert lines(detect, states(tmp_path, HEADER + rows[1] + rows[0])) == one


def test_the_minima_are_options(tmp_path: Path) -> None:
    file = states(tmp_path, HEADER + "A,50,8,35000,90,450,0\nB,50,8.5,36000,270,450,0\n")
    assert lines(detect, file) == []
    assert len(lines(detect, file, "--vertical-ft", "1001")) == 1
    assert lines(detect, file, "--vertical-ft", "1001", "--lookahead-s", "30", "--horizontal-nm", "3") == []


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("C,nan,8,35000,90,450,0", "no_position"),
        ("C,,8,35000,90,450,0", "no_position"),
        ("C,95,8,35000,90,450,0", "out_of_range"),
        ("C,50,8,,90,450,0", "no_altitude"),
        ("C,50,8,inf,90,450,0", "no_altitude"),
        ("C,50,8,35000,north,450,0", "no_velocity"),
        ("C,50,8,35000,90,-3,0", "impossible_speed"),
        ("C,50,8", "no_altitude"),
        ("C,50,8,1e300,90,450,0", "out_of_range"),
        ("C,50,8,35000,1e18,450,0", "out_of_range"),
        ("C,50,8,35000,9,9,45,0", "malformed"),
    ],
)
def test_what_cannot_be_judged_is_said_and_the_others_are_judged(tmp_path: Path, row: str, reason: str) -> None:
    found = lines(detect, states(tmp_path, HEADER + HEAD_ON + row + "\n"))
    assert [(r.get("b"), r.get("verdict"), r.get("reason")) for r in found] == [
        ("B", None, None),
        (None, "not_assessed", reason),
    ]
    assert found[1]["id"] == "C"


def test_a_quote_that_is_never_closed_is_refused_with_its_line_and_swallows_no_aircraft(tmp_path: Path) -> None:
    with pytest.raises(DetenteError, match="line 2: not CSV"):
        lines(detect, states(tmp_path, HEADER + '"C,50,8,35000,90,450,0\n' + HEAD_ON))


def test_cells_left_empty_beyond_the_table_are_nothing(tmp_path: Path) -> None:
    assert [r["b"] for r in lines(detect, states(tmp_path, HEADER + HEAD_ON.replace("\n", ",,\n")))] == ["B"]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("{}", "line 2: no 'own'; a row has `id`"),
        ('{"id": 1', "line 2: not JSON: .* \\(column 9\\)"),
        ("[]", "line 2: no encounter: "),
        ("[" * 100_000, "line 2: not JSON: nested too deep"),
        ("\udcff", "line 2: no text in UTF-8"),
    ],
)
def test_a_row_that_is_no_encounter_is_told_with_its_line_and_what_it_lacks(
    tmp_path: Path, row: str, told: str
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(f"\n{row}\n".encode("utf-8", "surrogateescape"))
    with pytest.raises(DetenteError, match=told):
        lines(encounters, str(file))


def test_one_id_twice_is_nobody(tmp_path: Path) -> None:
    found = lines(detect, states(tmp_path, HEADER + HEAD_ON + "A,51,8,35000,90,450,0\n"))
    assert [(r["a"], r["reason"]) for r in found] == [("A", "duplicate_address")] * 2


@pytest.mark.parametrize("text", ["", HEADER, "id,lat_deg\nA,5\n", "\x00\xff", "{}"])
def test_what_holds_no_states_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(DetenteError) as wrong:
        CliRunner().invoke(detect, [states(tmp_path, text)], catch_exceptions=False)
    assert "\n" not in str(wrong.value)


@pytest.mark.parametrize("arguments", [["--horizontal-nm", "-5"], ["--lookahead-s", "nan"], ["--vertical-ft", "0"]])
def test_minima_that_make_no_sense_are_refused(tmp_path: Path, arguments: list[str]) -> None:
    with pytest.raises(DetenteError, match="must be a positive number"):
        CliRunner().invoke(detect, [states(tmp_path, HEADER + HEAD_ON), *arguments], catch_exceptions=False)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    for command in (detect, encounters):
        with pytest.raises(DetenteError, match="No such file"):
            CliRunner().invoke(command, [str(tmp_path / "none")], catch_exceptions=False)


def test_the_scenes_of_reference_have_no_wrong_verdict_and_no_late_one(shared: Path) -> None:
    """20 scenes from the equator to the Arctic and over the antimeridian; the arbiter is WGS 84, brute force."""
    errors_s: list[float] = []
    scenes = sorted((shared / "data/bluesky-scenes").glob("*.tracks.csv"))
    assert scenes
    for scene in scenes:
        meta = json.loads(scene.with_name(scene.name.replace("tracks.csv", "meta.json")).read_text())
        options = [
            "--horizontal-nm",
            meta["rpz_nm"],
            "--vertical-ft",
            int(meta["hpz_ft"]),
            "--lookahead-s",
            meta["tlook_s"],
        ]
        found = {(r["a"], r["b"]): r["time_in_s"] for r in lines(detect, str(scene), *map(str, options))}
        with scene.with_name(scene.name.replace("tracks", "pairs")).open() as file:
            known = {tuple(sorted((row["id1"], row["id2"]))): row for row in csv.DictReader(file)}
        assert found.keys() == {pair for pair, row in known.items() if row["wgs_conflict"] == "1"}
        errors_s += [abs(t - float(known[pair]["wgs_tin_s"])) for pair, t in found.items()]
    errors_s.sort()
    assert errors_s[int(0.99 * len(errors_s))] < 0.05
    assert errors_s[-1] < 0.5


def test_every_encounter_of_reference_is_judged_as_the_reference_does(shared: Path) -> None:
    file = shared / "data/conflict-vectors/encounters.jsonl"
    known = [json.loads(line) for line in file.read_text().splitlines()]
    for got, row in zip(lines(encounters, str(file)), known, strict=True):
        assert got["id"] == row["id"]
        for name, interval in row["wcv"].items():
            if row["wcv_robust"][name]:
                assert got["wcv"][name] == (interval and pytest.approx(interval, abs=0.001)), (row["id"], name)
        for name, level in row["alert"].items():
            if row["alert_robust"][name]:
                assert got["alert"][name] == level, (row["id"], name)
        for name, interval in got["cylinder"].items():
            reference = row[f"cyl_{name}"]
            if reference["robust"]:
                expected = reference["interval_300"]
                assert interval == (expected and pytest.approx(expected, abs=0.001)), (row["id"], name)


def test_every_sequence_of_reference_is_filtered_as_the_reference_does(shared: Path) -> None:
    file = shared / "data/conflict-vectors/sequences.jsonl"
    known = [json.loads(line) for line in file.read_text().splitlines()]
    for got, row in zip(lines(encounters, str(file)), known, strict=True):
        assert got == {"id": row["id"], "filtered": [step[4] for step in row["steps"]]}


@pytest.mark.parametrize(
    "text", ["", "not json\n", "[]\n", '{"id": 1}\n', '{"id": 1, "own": {}, "intr": {}}\n', '{"id":1,"steps":[[0]]}\n']
)
def test_what_is_no_encounter_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(text)
    with pytest.raises(DetenteError, match=r"line 1|no encounter"):
        CliRunner().invoke(encounters, [str(file)], catch_exceptions=False)


def test_a_state_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    state = {"lat_deg": 1, "lon_deg": 1, "alt_ft": 1, "trk_deg": 1, "gs_kt": float("nan"), "vs_fpm": 0}
    file.write_text(json.dumps({"id": "x", "own": state, "intr": state}))
    with pytest.raises(DetenteError, match="six finite numbers"):
        CliRunner().invoke(encounters, [str(file)], catch_exceptions=False)


ODD = {
    "a byte order mark and CRLF": "\ufeff" + (HEADER + HEAD_ON).replace("\n", "\r\n"),
    "CR alone": (HEADER + HEAD_ON).replace("\n", "\r"),
    "other order and more columns": "vs_fpm,note,id,gs_kt,lat_deg,trk_deg,lon_deg,alt_ft\n"
    '0,"x, y",B,450,50,270,8.5,35000\n0,,A,450,50,90,8,35000\n',
    "names with blanks and capitals": HEADER.upper().replace(",", " , ") + HEAD_ON,
    "blank lines and what a spreadsheet leaves": HEADER + "\n" + HEAD_ON.replace("\n", "\n\n") + ",,,,,,\n",
    "scientific notation and minus zero": HEADER + "B,5e1,8.5,3.5E4,2.7e2,4.5e+2,-0\nA,50.0,+8,35000.0,90,450,-0.0\n",
    "a whole turn more": HEADER + "B,50,-351.5,35000,-90,450,0\nA,50,8,35000,450,450,0\n",
}


@pytest.mark.parametrize("name", ODD)
def test_odd_but_valid_states_are_judged_as_the_plain_ones(tmp_path: Path, name: str) -> None:
    plain = lines(detect, states(tmp_path, HEADER + HEAD_ON))
    file = tmp_path / "odd.csv"
    file.write_bytes(ODD[name].encode())
    [pair] = lines(detect, str(file))
    assert {k: v for k, v in pair.items() if k != "distance_at_cpa_nm"} == {
        k: pytest.approx(v, abs=0.001) if isinstance(v, float) else v
        for k, v in plain[0].items()
        if k != "distance_at_cpa_nm"
    }


@pytest.mark.parametrize("row", ["C,50,8,35_000,90,450,0", "C,50,8,0x88B8,90,450,0", "C,50,8,--,90,450,0"])
def test_what_only_python_takes_for_a_number_is_none(tmp_path: Path, row: str) -> None:
    found = lines(detect, states(tmp_path, HEADER + row + "\n"))
    assert [(r["id"], r["reason"]) for r in found] == [("C", "no_altitude")]


def test_a_column_that_stands_twice_is_refused(tmp_path: Path) -> None:
    file = states(tmp_path, "id," + HEADER + "A," + HEAD_ON)
    with pytest.raises(DetenteError, match="twice"):
        CliRunner().invoke(detect, [file], catch_exceptions=False)


def test_at_the_antimeridian_and_a_pole_there_is_nothing_special(tmp_path: Path) -> None:
    rows = "A,0,180,35000,90,450,0\nB,0,-179.9,35000,270,450,0\nC,90,0,35000,180,450,0\nD,89.9,0,35000,0,450,0\n"
    assert [(r["a"], r["b"]) for r in lines(detect, states(tmp_path, HEADER + rows))] == [("A", "B"), ("C", "D")]


def encounter(**own: float) -> str:
    state = {"lat_deg": 50.0, "lon_deg": 8.0, "alt_ft": 35_000, "trk_deg": 90.0, "gs_kt": 450.0, "vs_fpm": 0.0}
    return json.dumps({"id": "a\u2028b", "own": state | own, "intr": state | {"lon_deg": 8.2}}, ensure_ascii=False)


def test_encounters_with_a_byte_order_mark_blank_lines_and_odd_letters_are_judged(tmp_path: Path) -> None:
    file = tmp_path / "encounters.jsonl"
    file.write_bytes(("\ufeff" + encounter() + "\r\n\r\n" + encounter()).encode())
    found = lines(encounters, str(file))
    assert [row["id"] for row in found] == ["a\u2028b"] * 2
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "line",
    [
        encounter(lat_deg=1e300),
        encounter(lat_deg=-90.1),
        encounter(gs_kt=1e200),
        encounter(gs_kt=-1.0),
        encounter(gs_kt=10**400),
        "[" * 100_000,
    ],
    ids=["no latitude", "beyond a pole", "too fast", "backwards", "too long a number", "too deep"],
)
def test_a_state_that_no_aircraft_has_is_refused_and_never_clear(tmp_path: Path, line: str) -> None:
    file = tmp_path / "encounters.jsonl"
    file.write_text(encounter() + "\n" + line, encoding="utf-8")
    with pytest.raises(DetenteError, match="line 2"):
        CliRunner().invoke(encounters, [str(file)], catch_exceptions=False)
