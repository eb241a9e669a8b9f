"""What must never be: no act, row or query of a table can choose, list or locate somebody else's forces."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from coordination.meeting import ALFA, BRAVO, Meeting
from coordination.test_activities import PLACE, SITE
from detente.coordination.activity_acts import Declare, GivePlace
from detente.coordination.plan import Kind
from detente.coordination.reports import Point, Share, SharePoint
from detente.coordination.statement import AnyAct, Statement, decode_statement, encode_statement
from detente.coordination.view import TableView
from detente.errors import PeerFault
from detente.evidence.leaf import padded
from detente.node.web.at_table import ReportsAsked
from detente.types import Role

WORDS = re.compile(
    r"target|engag|strike|weapon|(?:^|_)fires?$|enemy|hostile|friendly|adversar|oppos|shoot|kill|(?:^|_)aim|order_of_battle|unit_of"
)
ALLOWED = {"prohibited_weapon", "air_strike"}  # what a claim of a broken ceasefire may be about


def schemas(*types: type) -> dict[str, dict[str, Any]]:
    return msgspec.json.schema_components(types)[1]


def names(schema: Any) -> set[str]:
    """Every property and every closed word in a schema."""
    found: set[str] = set()
    if isinstance(schema, dict):
        found |= set(schema.get("properties", {})) | {w for w in schema.get("enum", []) if isinstance(w, str)}
        if isinstance(schema.get("const"), str):
            found.add(schema["const"])
        for value in schema.values():
            found |= names(value)
    elif isinstance(schema, list):
        for value in schema:
            found |= names(value)
    return found


def refers_to(component: Any, name: str) -> bool:
    return f"/{name}'" in repr(component) or f'/{name}"' in repr(component)


def test_t55_no_act_row_or_query_of_a_table_has_a_word_for_choosing_or_hitting_anybody():
    said = names(schemas(Statement, TableView, ReportsAsked))
    assert {"activity.declare", "report.share", "outline", "south"} <= said
    assert sorted(word for word in said - ALLOWED if WORDS.search(word)) == []


def test_t55_the_search_has_no_word_for_whom_a_report_is_about():
    sides, pages = {"south", "west", "north", "east"}, {"table", "after", "most"}
    assert set(ReportsAsked.__struct_fields__) == {"kind", "from_ms", "to_ms", *sides, *pages}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"table": "line", "about": "others"}, ReportsAsked)


def test_t55_a_precise_place_stands_only_in_what_a_party_plans_itself_and_in_a_report_of_its_own():
    components = schemas(Statement)
    precise = {"Point", "Polygon", "Circle", "Corridor"}
    holders = {
        name
        for name, component in components.items()
        if any(refers_to(component, one) for one in precise) and name not in precise
    }
    assert holders == {"SharePoint", "Volume"}
    assert {name for name, component in components.items() if refers_to(component, "Volume")} == {"Plan", "GivePlace"}
    places = {
        name
        for name, c in components.items()
        if any("latitude" in p or "longitude" in p for p in c.get("properties", {}))
    }
    assert places == {"Point"}


def test_t55_the_schema_has_no_place_for_a_point_about_others():
    """Every component with a place finer than a cell says itself what it can be about, and others are not in the list."""
    components = schemas(Statement, TableView)
    pointed = {name: c for name, c in components.items() if "point" in c.get("properties", {})}
    assert pointed.keys() == {"SharePoint", "PointReportRow"}
    for component in pointed.values():
        assert component["properties"]["about"]["enum"] == ["own", "safety_of_life"]
        assert {"about", "point"} <= set(component["required"])
    for name in ("Share", "AreaReportRow"):
        assert "others" in components[name]["properties"]["about"]["enum"]
        assert components[name]["properties"]["area"]["anyOf"][0]["prefixItems"][0] == {
            "type": "integer", "minimum": -900, "maximum": 899,
        }  # fmt: skip


SAID = {
    "title": "x", "words": "x", "kind": "movement", "observed_ms": 1, "valid_until_ms": 9_999, "originator": "alfa",
}  # fmt: skip
POINT = {"latitude_e4": 361_234, "longitude_e4": 371_234}


@pytest.mark.parametrize(
    "act",
    [
        *({"act": "report.share", "about": about, "point": POINT} for about in ("others", "general", "own")),
        *({"act": "report.share_point", "about": about, "point": POINT} for about in ("others", "general")),
        {"act": "report.share", "about": "others", "area": [36.1234, 37.1234]},
        {"act": "report.share", "about": "others", "area": [361_234, 371_234]},
    ],
)
def test_t55_a_point_about_others_can_neither_be_said_nor_be_heard(act):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(SAID | act, AnyAct)
    coarse = Share(**SAID, about="others", area=(361, 371))
    assert msgspec.convert(SAID | {"act": "report.share", "about": "others", "area": [361, 371]}, AnyAct) == coarse
    statement = Statement(
        table="line", charter="0" * 64, party="alfa", n=1, prev="0" * 64, by=Role.INTELLIGENCE, at_ms=1,
        act=coarse,
    )  # fmt: skip
    assert decode_statement(encode_statement(statement)) == statement
    forged = msgspec.to_builtins(statement) | {"act": SAID | act}
    with pytest.raises(PeerFault, match="statement: "):
        decode_statement(padded(msgspec.json.encode(forged, order="sorted")))


def test_t55_a_point_of_ones_own_is_shown_as_such():
    meeting = Meeting()
    meeting.say(ALFA, Role.INTELLIGENCE, SharePoint(**SAID, about="own", point=Point(**POINT)))
    [row] = msgspec.to_builtins(meeting.tables[BRAVO].standing.reports.rows(meeting.now_ms))
    assert (row["place"], row["about"], row["point"]) == ("point", "own", (361_234, 371_234))
    assert "area" not in row


def test_t55_an_activity_is_its_own_partys_and_no_kind_of_it_is_about_anybody_else():
    assert set(Kind) == {"flight", "exercise", "hazard", "protected_site", "protected_movement", "joint_operation"}
    assert "party" not in Declare.__struct_fields__
    assert "about" not in names(schemas(Declare))


def test_t56_the_place_of_a_protected_site_stands_in_no_view_and_is_read_by_itself():
    meeting = Meeting()
    name = meeting.say(ALFA, Role.FOREIGN_SERVICE, Declare(plan=SITE))
    meeting.say(ALFA, Role.FOREIGN_SERVICE, GivePlace(activity=name, volumes=(PLACE,)))
    rows = meeting.tables[BRAVO].standing.activities.rows(meeting.now_ms)
    assert str(PLACE.outline.centre[0]).encode() not in msgspec.json.encode(rows)
    assert meeting.tables[BRAVO].standing.activities.place(name) == (PLACE,)
