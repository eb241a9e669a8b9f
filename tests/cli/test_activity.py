"""`detente activity`: files become acts, with every check a table would make; acts become files."""

from __future__ import annotations

import json

import pytest

from coordination.test_notam import AREA
from detente.cli import main

AT = ("--at", "2026-11-30T00:00:00Z")


@pytest.fixture
def ask(monkeypatch, capsys):
    def run(*words):
        monkeypatch.setattr("sys.argv", ["detente", "activity", *map(str, words)])
        code = main()
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_a_notam_becomes_an_act_the_act_becomes_geojson_and_a_notam_again(ask, tmp_path):
    (tmp_path / "a.txt").write_text(AREA)
    code, out, _ = ask("read", tmp_path / "a.txt", *AT)
    assert code == 0
    assert json.loads(out)["act"] == "activity.declare"
    (tmp_path / "acts.jsonl").write_text(out)
    code, written, _ = ask("write", tmp_path / "acts.jsonl", "--as", "geojson", "--party", "alfa")
    assert code == 0
    (tmp_path / "a.geojson").write_text(written)
    code, again, _ = ask("read", tmp_path / "a.geojson", *AT)
    assert (code, json.loads(again)["plan"]["volumes"]) == (0, json.loads(out)["plan"]["volumes"])
    code, text, _ = ask("write", tmp_path / "acts.jsonl", "--as", "notam", "--fir", "LTAA", "--number", "B0007/26")
    assert code == 0
    (tmp_path / "b.txt").write_text(text)
    code, again, _ = ask("read", tmp_path / "b.txt", *AT)
    assert (code, json.loads(again)["plan"]["volumes"]) == (0, json.loads(out)["plan"]["volumes"])


def test_what_would_be_refused_at_the_table_says_why_and_leaves_with_1(ask, tmp_path):
    (tmp_path / "a.txt").write_text(AREA)
    code, out, err = ask("read", tmp_path / "a.txt", "--at", "2027-01-01T00:00:00Z")
    assert (code, out) == (1, "")
    assert "time_past" in err
    charter = 'table = "line"\ntitle = "x"\nmembers = ["alfa", "bravo"]\nagreement = "y"\n'
    charter += f"district = {[[500_000_000, 0], [500_000_000, 10_000_000], [510_000_000, 0]]}\n"
    (tmp_path / "line.toml").write_text(charter)
    code, _, err = ask("read", tmp_path / "a.txt", *AT, "--charter", tmp_path / "line.toml")
    assert code == 1
    assert "outside_district" in err


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b'{"type": "Feature"}', b"(A1/26 NOTAMN", b"[1]"])
def test_a_file_that_is_neither_is_refused_and_never_a_traceback(ask, tmp_path, raw):
    (tmp_path / "x").write_bytes(raw)
    code, out, err = ask("read", tmp_path / "x")
    assert (code, out) == (1, "")
    assert "refused" in err
    assert ask("write", tmp_path / "x", "--as", "notam")[0] in {0, 2}
    assert ask("read", tmp_path / "none")[0] == 2


@pytest.mark.parametrize("form", ["geojson", "notam"])
def test_a_file_without_a_plan_is_refused_and_not_written_as_nothing(ask, tmp_path, form):
    (tmp_path / "acts.jsonl").write_text("\n\n")
    code, out, err = ask("write", tmp_path / "acts.jsonl", "--as", form)
    assert (code, out, "no plan in it" in err) == (2, "", True)
