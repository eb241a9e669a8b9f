"""`detente policy`: what a peer would see of a recording, on the shipped samples and the demo's own policies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from detente.cli import main
from detente.node.recordings import open_recording, write_recording
from detente.types import instant_of_iso

DEMO = Path(__file__).resolve().parents[2] / "src/detente/demo"
ALFA = DEMO / "scenarios/policies/alfa.toml"
LINE = DEMO / "data/odbl/alfa_line.geojson"
PARIS = DEMO / "data/traffic/paris_tma_20211007_1200-1400Z.parquet"


COARSE = {"ref", "at", "latitude_deg", "longitude_deg", "precision_m", "altitude_ft", "is_ours"}


def detente(monkeypatch, capsys, *words):
    monkeypatch.setattr("sys.argv", ["detente", "policy", *map(str, words)])
    code = main()
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture(scope="module")
def half_hour(tmp_path_factory):
    """Half an hour of the shipped recording of Paris."""
    plots = open_recording(PARIS).plots
    begins, ends = (instant_of_iso(text) for text in ("2021-10-07T13:10:00Z", "2021-10-07T13:40:00Z"))
    at_ns = plots["applicable_at_ns"]
    path = tmp_path_factory.mktemp("recording") / "paris.parquet"
    write_recording(path, plots[(at_ns >= begins) & (at_ns <= ends)])
    return path


@pytest.fixture
def ask(monkeypatch, capsys):
    return lambda *words: detente(monkeypatch, capsys, *words)


def lines(text):
    *tracks, summary = (json.loads(line) for line in text.splitlines())
    return tracks, summary


@pytest.fixture
def alfa_to_bravo(half_hour):
    return ("try", ALFA, half_hour, "--peer", "bravo", "--zones", LINE, "--declares", "AFR")


def test_a_good_policy_is_read_and_its_digest_printed(ask):
    code, out, _ = ask("check", ALFA, "--zones", LINE, "--peer", "bravo", "--peer", "charlie")
    assert code == 0
    assert "4 rules, default withhold" in out
    assert "digest " in out


def test_a_rule_for_a_party_nobody_knows_is_named_and_fails_the_check(ask):
    code, out, _ = ask("check", ALFA, "--zones", LINE, "--peer", "bravo")
    assert code == 1
    assert "rule 1 'emergencies': no peer is called 'charlie'" in out


def test_a_rule_about_a_line_that_is_not_notified_fails_the_check(ask, tmp_path):
    other = tmp_path / "other.toml"
    other.write_text(ALFA.read_text().replace('"alfa-line"', '"no-line"'))
    code, out, _ = ask("check", other, "--zones", LINE)
    assert code == 1
    assert "no zone 'no-line' is notified" in out


def test_every_track_has_one_decision_and_only_a_release_tells_anything(ask, alfa_to_bravo):
    code, out, _ = ask(*alfa_to_bravo, "--json", "--at", "2021-10-07T13:20:00Z")
    tracks, summary = lines(out)
    assert code == 0
    assert summary["at"] == "2021-10-07T13:20:00.000Z"
    told = [track for track in tracks if track["told"] is not None]
    assert len(told) == summary["released_now"] > 5
    assert len(tracks) - len(told) == summary["withheld_now"] > 5
    for track in told:
        assert track["decided_by"] in {"rule 1 'emergencies'", "rule 3 'our declared flights'"}
        assert track["told"]["callsign"] == track["callsign"]
        assert track["told"]["latitude_deg"] == pytest.approx(track["latitude_deg"], abs=1e-5)


def test_the_shares_of_all_rules_are_the_whole_recording(ask, alfa_to_bravo):
    _, summary = lines(ask(*alfa_to_bravo, "--json")[1])
    assert sum(one["share"] for one in summary["decided_by"]) == pytest.approx(1.0, abs=0.001)
    assert {one["effect"] for one in summary["decided_by"] if one["by"] == "rule 2 'low near the terminal'"} == {
        "withhold"
    }
    assert 0 < summary["tracks_ever_released"] < summary["tracks"]


def test_a_coarse_late_and_nameless_release_tells_no_more_than_that(ask, tmp_path, half_hour):
    coarse = tmp_path / "coarse.toml"
    coarse.write_text(
        'name = "coarse"\n[[rule]]\nname = "all"\neffect = "release"\nto = ["bravo"]\n'
        'give = { fields = ["position", "altitude"], position_grid_m = 5000, altitude_step_ft = 1000, delay_s = 60 }\n'
    )
    tracks, summary = lines(
        ask("try", coarse, half_hour, "--peer", "bravo", "--at", "2021-10-07T13:30:00Z", "--json")[1]
    )
    told = [track for track in tracks if track["told"] is not None]
    assert len(told) > 5
    for track in told:
        assert set(track["told"]) <= COARSE
        assert track["told"].get("altitude_ft", 0) % 1000 == 0
        assert track["told"]["precision_m"] == 5000
        assert track["told"]["at"] <= "2021-10-07T13:29:00.000Z"
    assert "the delay has not passed" in {one["by"] for one in summary["decided_by"]}


def test_a_peer_that_no_rule_names_is_told_nothing_and_the_reader_hears_why(ask, alfa_to_bravo):
    words = [word if word != "bravo" else "delta" for word in (*alfa_to_bravo, "--json")]
    code, out, err = ask(*words, "--at", "2021-10-07T13:15:00Z")
    tracks, summary = lines(out)
    assert code == 0
    assert summary["released_now"] == summary["tracks_ever_released"] == 0
    assert all(track["told"] is None for track in tracks)
    assert "releases nothing to 'delta'" in err


def test_the_table_names_each_aircraft_and_what_decided(ask, alfa_to_bravo):
    code, out, _ = ask(*alfa_to_bravo, "--at", "2021-10-07T13:20:00Z")
    assert code == 0
    assert "what bravo sees at 2021-10-07T13:20:00Z" in out
    assert "rule 2 'low near the terminal'" in out
    assert "no rule releases it" in out


def test_one_aircraft_is_explained_each_time_the_answer_changes(ask, half_hour):
    words = ("explain", ALFA, half_hour, "--peer", "bravo", "--zones", LINE, "--declares", "AFR", "--track", "AFR73VJ")
    code, out, _ = ask(*words)
    assert code == 0
    released, withheld, *_ = out.splitlines()
    assert "released: rule 3 'our declared flights'" in released
    assert "withheld: rule 2 'low near the terminal' (approaches to the terminal" in withheld
    _, at_once, _ = ask(*words, "--at", "2021-10-07T13:32:10Z")
    assert at_once.splitlines() == [withheld]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"bravo": "bravo", "--zones": None}, "no zone 'alfa-line' is notified; give its file with --zones"),
        ({"--at": "yesterday"}, "--at is ISO 8601"),
        ({"--at": "2021-10-08T12:00:00Z"}, "the recording is from 2021-10-07T13:10:0"),
        ({"policy": "/nowhere.toml"}, "/nowhere.toml: No such file"),
        ({"recording": str(ALFA)}, "is of no kind known here"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_one_line(ask, half_hour, change, said):
    words = ["try", change.get("policy", ALFA), change.get("recording", half_hour), "--peer", "bravo"]
    words += [] if "--zones" in change else ["--zones", LINE]
    words += ["--at", change["--at"]] if "--at" in change else []
    code, out, err = ask(*words)
    assert code == 2
    assert out == ""
    assert said in err
    assert len(err.strip().splitlines()) == 1


def test_an_aircraft_that_is_not_in_the_recording_is_refused(ask, half_hour):
    code, _, err = ask("explain", ALFA, half_hour, "--peer", "bravo", "--zones", LINE, "--track", "NOBODY1")
    assert code == 2
    assert "no track 'NOBODY1'" in err


PNG = b"\x89PNG\r\n\x1a\n"


def test_a_trial_and_a_difference_are_drawn(ask, half_hour, tmp_path):
    picture = tmp_path / "seen.png"
    code, _, _ = ask(
        "try", ALFA, half_hour, "--peer", "bravo", "--zones", LINE, "--declares", "AFR", "--picture", picture
    )
    assert code == 0
    assert picture.read_bytes().startswith(PNG)
    assert len(picture.read_bytes()) < 200_000
    less = tmp_path / "less.toml"
    less.write_text('name = "nothing"\n')
    words = ("--peer", "bravo", "--zones", LINE, "--declares", "AFR", "--picture", tmp_path / "difference.png")
    code, out, _ = ask("diff", ALFA, less, half_hour, *words)
    assert code == 0
    assert "proved to release no more" in out
    assert "bravo loses the track itself" in out
    assert (tmp_path / "difference.png").read_bytes().startswith(PNG)


def test_a_difference_that_may_release_more_says_why_and_who_gains_what(ask, half_hour, tmp_path):
    less = tmp_path / "less.toml"
    less.write_text('name = "nothing"\n')
    code, out, _ = ask("diff", less, ALFA, half_hour, "--peer", "bravo", "--zones", LINE, "--declares", "AFR", "--json")
    said = json.loads(out)
    assert code == 1
    assert "releases what no rule released before" in said["wider_because"][0]
    gained = {row["what"]: row["tracks"] for row in said["differences"] if row["effect"] == "gains"}
    assert gained["the track itself"] > 10


def test_a_weak_promise_is_said_and_a_policy_is_read_aloud(ask, tmp_path):
    weak = tmp_path / "weak.toml"
    weak.write_text(
        'name = "weak"\n[[rule]]\nname = "blur"\neffect = "release"\nto = ["bravo"]\n'
        'give = { fields = ["position"], position_grid_m = 5000 }\n'
    )
    code, out, _ = ask("precision", weak)
    assert code == 1
    assert "withhold instead" in out
    code, out, _ = ask("precision", weak, "--json")
    row = json.loads(out)
    assert (code, row["holds"]) == (1, False)
    assert row["effective_m"] < 0.8 * row["promised_m"]
    code, out, _ = ask("words", weak)
    assert code == 0
    assert out.splitlines() == [
        "1. Tell bravo of every aircraft: position to 5000 m.",
        "Whoever fits none of these is withheld.",
    ]


@pytest.mark.parametrize("option", ["--link", "--arrangement"])
def test_a_state_that_there_is_not_is_refused_and_decides_no_rule(ask, option):
    code, out, err = ask("try", ALFA, PARIS, "--peer", "bravo", "--zones", LINE, option, "NOPE")
    assert (code, out, option in err) == (2, "", True)


def test_the_picture_of_a_peer_that_sees_nothing_is_drawn_without_a_word_on_stderr(ask, half_hour, tmp_path, recwarn):
    told = ("--peer", "nobody", "--zones", LINE, "--picture", tmp_path / "p.png", "--at", "2021-10-07T13:32:10Z")
    assert ask("try", ALFA, half_hour, *told)[0] == 0
    assert [str(one.message) for one in recwarn if "legend" in str(one.message)] == []
