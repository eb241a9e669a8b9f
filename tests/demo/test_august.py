"""The case of August 2016 from the command line, headless: three nodes, fifteen steps; under a minute."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

SECONDS = 300


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    folder = tmp_path_factory.mktemp("august")
    command = [sys.executable, "-m", "detente", "demo", "--scenario", "august-2016", "--headless"]
    paths = ["--summary", str(folder / "summary.json"), "--directory", str(folder / "kept")]
    done = subprocess.run([*command, *paths], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert "Traceback" not in done.stderr
    return json.loads((folder / "summary.json").read_text())


def test_all_fifteen_steps_held(played):
    assert {step["n"]: step["held"] for step in played["steps"]} == dict.fromkeys(range(1, 16), True)
    assert played["problems"] == []


def test_a_fourth_seat_a_precise_point_and_material_without_consent_were_refused(played):
    details = " ".join(step["detail"] for step in played["steps"])
    for code in ("wrong_seat", "details_open", "unreadable", "consent", "arrangement"):
        assert f"({code}: " in details


def test_three_parties_hold_the_same_records_and_the_dossier_of_them_holds(played):
    assert played["parties"] == ["turkiye", "russia", "united-states"]
    assert played["records"]["roots_equal"] is True
    assert played["dossier"]["verified"] is True
    assert played["dossier"]["tampered_refused"] is True
