"""The example that plots an encounter: from a recording and its alerts to a picture."""

from __future__ import annotations

import importlib.util
import json

import numpy as np
import pytest

from conftest import ROOT
from detente.detect.profile import EN_ROUTE
from detente.node.tables import write_table
from detente.types import iso_utc
from flights import head_on, plots_of

START = 1_700_000_000_000_000_000


@pytest.fixture(scope="module")
def example():
    if importlib.util.find_spec("matplotlib") is None:
        pytest.skip("matplotlib is not installed: the example needs it, Détente does not")
    spec = importlib.util.spec_from_file_location("plot_encounter", ROOT / "examples/plot_encounter.py")
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["plot_encounter"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "meeting.parquet"
    write_table(path, plots_of(*head_on(40.0, offset_nm=1.0, apart_ft=300.0), seconds=260.0, start=START))
    return path


def alert(event, second, **more):
    return {"type": "alert", "alert_id": 1, "event": event, "kind": "conflict", "a": "aaaaaa", "b": "bbbbbb",
            "level": "warning", "at": iso_utc(START + second * 10**9)} | more  # fmt: skip


def test_a_meeting_becomes_a_picture_with_both_parties_alert_times(example, recording, tmp_path):
    told = [
        alert(event, second, party=party)
        for party, late in (("alfa", 0), ("bravo", 1))
        for event, second in (("raised", 60 + late), ("held", 61 + late), ("displayed", 62), ("acknowledged", 80), ("cleared", 200))
    ]  # fmt: skip
    alerts = tmp_path / "alerts.jsonl"
    alerts.write_text("\n".join(json.dumps(line) for line in [*told, alert("raised", 9, b="cccccc")]))
    out = tmp_path / "encounter.png"
    example.main([str(recording), "--a", "aaaaaa", "--b", "bbbbbb", "--alerts", str(alerts), "--out", str(out)])
    assert out.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert len(example.alerts_of(alerts, "aaaaaa", "bbbbbb")) == len(told)


def test_the_closest_point_is_where_the_two_are_closest(example, recording):
    plots = example.open_recording(recording).plots
    found = example.encounter_of(plots, "aaaaaa", "bbbbbb", EN_ROUTE)
    assert np.isclose(found.apart_m[found.closest] / 1852.0, 1.0, atol=0.05)
    assert found.apart_m[found.closest] == found.apart_m.min()
    assert np.isclose(found.apart_ft[found.closest], 300.0, atol=1.0)


def test_who_is_not_in_the_recording_is_told_by_name(example, recording):
    plots = example.open_recording(recording).plots
    with pytest.raises(SystemExit, match="cccccc is not in the recording"):
        example.encounter_of(plots, "aaaaaa", "cccccc", EN_ROUTE)
