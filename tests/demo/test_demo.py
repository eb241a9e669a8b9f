"""The demo from the command line, headless: three nodes, the script, both records, a dossier; about a minute."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SECONDS = 300


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    summary = folder / "summary.json"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "detente",
            "demo",
            "--headless",
            "--summary",
            str(summary),
            "--directory",
            str(folder / "kept"),
        ],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return done, json.loads(summary.read_text()) if summary.exists() else {}


def test_it_ends_well_and_prints_one_address_a_party(played):
    done, _ = played
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r"http://\w+\.localhost:\d+/", done.stdout)) == 3
    assert "Traceback" not in done.stderr


def test_its_summary_has_every_key_of_the_contract(played):
    _, summary = played
    assert {
        "parties",
        "traffic",
        "steps",
        "reconstruction",
        "alerts",
        "escalation",
        "records",
        "dossier",
        "wall_s",
    } <= set(summary)
    assert {"source", "tracks", "plots"} <= set(summary["traffic"])
    assert all(n > 1_000 for n in summary["traffic"]["plots"].values())
    assert {"raised", "displayed", "acknowledged"} <= set(summary["alerts"])
    for version in ("tr", "ru"):
        assert {"lead_time_s", "warned_at", "crossing_at"} <= set(summary["reconstruction"][version])


def test_all_twelve_steps_held(played):
    _, summary = played
    assert {step["n"]: step["held"] for step in summary["steps"]} == dict.fromkeys(range(1, 13), True)
    assert summary["problems"] == []


def test_what_was_refused_at_the_table_was_refused_for_the_reason_that_the_script_names(played):
    _, summary = played
    details = {step["n"]: step["detail"] for step in summary["steps"]}
    for n, code in ((6, "details_open"), (7, "unreadable"), (7, "consent"), (10, "arrangement")):
        assert re.search(rf"refused at \d+ s: \w+ \w+ [a-z_.]+ at \w+ \({code}: ", details[n]), (n, code)


def test_the_incursion_was_warned_a_minute_ahead_in_one_version_and_did_not_happen_in_the_other(played):
    _, summary = played
    assert summary["reconstruction"]["tr"]["lead_time_s"] >= 60.0
    assert summary["reconstruction"]["ru"]["crossing_at"] is None


def test_nobody_acknowledged_so_both_sides_climbed_to_the_leaders_line(played):
    _, summary = played
    rungs = {}
    for climbed in summary["escalation"]:
        rungs.setdefault(climbed["party"], set()).add(climbed["rung"])
    assert sum(5 in reached for reached in rungs.values()) >= 2


def test_both_sides_hold_the_same_records(played):
    _, summary = played
    assert summary["records"]["roots_equal"] is True
    assert sum(summary["records"]["leaves"].values()) > 100


def test_the_dossier_holds_and_is_refused_after_one_flipped_byte(played):
    _, summary = played
    dossier = summary["dossier"]
    assert dossier["verified"] is True
    assert dossier["tampered_refused"] is True
    assert all(re.fullmatch(r"(\d{5} ?){6}", digits) for digits in dossier["roots"].values())
    roots = [argument for party, digits in dossier["roots"].items() for argument in ("--root", f"{party}={digits}")]
    verified = subprocess.run(
        [sys.executable, "-m", "detente", "verify", dossier["path"], *roots],
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_a_verifier_in_another_language_agrees_on_the_dossier(played):
    node = shutil.which("node")
    if node is None:
        assert os.environ.get("CI") != "true", "CI has node, and it was not found"
        pytest.skip("node is not installed: the verifier in JavaScript cannot run here")
    dossier = played[1]["dossier"]
    roots = [word for party, digits in dossier["roots"].items() for word in ("--root", f"{party}={digits}")]
    script = Path(__file__).resolve().parents[2] / "examples/verify-js/verify.mjs"
    verified = subprocess.run([node, script, dossier["path"], *roots], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    assert verified.stdout.endswith("HOLDS\n")
