"""Paths into what stands at a table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.coordination.view import TableView
from detente.demo.path import check_path, found_at, steps_of
from detente.errors import ConfigError

VIEW = {
    "proposals": [{"proposal": "alfa-3", "state": "tabled", "versions": [{"digest": "aa"}, {"digest": "bb"}]}],
    "reports": [{"title": "Fog, east", "stale": True, "grades": {"alfa": ["F6", ""]}, "area": [1, 2]}],
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("proposals[0].proposal", "alfa-3"),
        ("proposals[0].versions[-1].digest", "bb"),
        ("reports[title=Fog, east].grades.alfa[0]", "F6"),
        ("reports[stale=True].area", [1, 2]),
        ("reports[title=Fog, east&stale=True].area[1]", 2),
        ("reports[title=Fog, east&stale=False].area", None),
        ("proposals[1].state", None),
        ("proposals[-2].state", None),
        ("reports[title=Rain].area", None),
        ("reports[0].grades.bravo[0]", None),
        ("nothing.here", None),
    ],
)
def test_a_path_leads_to_what_stands_there_and_to_nothing_where_nothing_does(path, found):
    assert found_at(VIEW, path) == found


@pytest.mark.parametrize("field", TableView.__struct_fields__)
def test_every_field_of_a_tables_view_begins_a_path(field):
    check_path(field)
    assert steps_of(field) == [field]


@pytest.mark.parametrize(
    "path",
    [
        "brief.digest",
        "arrangement.since_ms",
        "summits[0].decisions[decision=x].parts[party=bravo].disputed_by.alfa",
        "reports[0].area[1]",
        "heads.alfa[1]",
        "timeline[who=x].missing[0]",
        "contradictions[0][4]",
    ],
)
def test_a_path_to_what_a_table_can_have_is_taken(path):
    check_path(path)
    assert len(steps_of(path)) >= 2


@pytest.mark.parametrize(
    "path", ["", "prices", "proposals.state", "proposals[0].price", "brief[0]", "brief.digest.x", "heads.alfa[2]", "proposals[x=1]", "proposals[state=tabled&x=1]"]
)  # fmt: skip
def test_a_path_to_what_no_table_can_have_is_refused(path):
    with pytest.raises(ConfigError):
        check_path(path)


@pytest.mark.parametrize("path", [".brief", "[0]", "brief..title", "brief[", "brief[0", "brief title", "brief[=x]"])
def test_a_path_that_cannot_be_read_is_refused(path):
    with pytest.raises(ConfigError):
        steps_of(path)


def refusal_of(path):
    """Why *path* is refused; nothing when it is taken."""
    try:
        check_path(path)
    except ConfigError as refused:
        return str(refused)
    return ""


@given(st.text(max_size=40) | st.from_regex(r"[a-z]{1,9}(\[-?[0-9]{1,3}\])?(\.[a-z]{1,9})?", fullmatch=True))
def test_any_text_is_a_path_or_is_refused_in_one_line(text):
    refused = refusal_of(text)
    assert "\n" not in refused
    assert refused or steps_of(text)
