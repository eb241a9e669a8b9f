"""The page of the tables says what the code does: its generated parts are those that the tool writes now."""

from __future__ import annotations

import importlib.util
import re

import pytest

from conftest import ROOT
from detente.coordination import activity_states, proposals

PAGE = (ROOT / "docs/protocol/coordination.md").read_text("utf-8")


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("coordination_page", ROOT / "tools/coordination_page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(tool):
    assert tool.filled(PAGE) == PAGE, "run: python tools/coordination_page.py"


def test_a_changed_table_is_noticed(tool, monkeypatch):
    fewer = {
        state: events
        for state, events in activity_states.TRANSITIONS.items()
        if state is not activity_states.State.UNSIGNED
    }
    monkeypatch.setattr(tool, "DIAGRAMS", tool.DIAGRAMS | {"An activity": fewer})
    assert tool.filled(PAGE) != PAGE


def test_every_refusal_of_the_fold_is_on_the_page():
    said = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert {"key_missing", "wrong_seat", "not_yours", "swapped", "precise", "state"} <= said


def test_every_transition_is_an_edge_of_its_diagram():
    for table in (activity_states.TRANSITIONS, proposals.TRANSITIONS):
        for state, events in table.items():
            for event, after in events.items():
                assert re.search(rf"^    {state.value} --> {after.value}: .*\b{event.value}\b", PAGE, re.MULTILINE)


def test_the_page_names_no_programming_language():
    by_hand = re.sub(r"<!-- (\w+) -->.*?<!-- /\1 -->", "", PAGE, flags=re.DOTALL).replace(
        "tools/coordination_page.py", ""
    )
    assert not re.search(r"python|msgspec|javascript|golang", by_hand, re.IGNORECASE)
