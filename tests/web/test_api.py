"""The API as a table: what it describes, what it refuses, and that the documents know all of it."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import detente
from browser.fake_desk import LOG
from browser.serving import Desk, served
from detente.node.web.endpoint import Who
from detente.node.web.problem import DOOR, PROBLEMS
from detente.node.web.routes import TABLE
from web.test_server import Visitor

SOURCE = Path(detente.__file__).parent
PAGE = SOURCE.parent.parent / "docs/protocol/api.md"


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with served(tracks=10) as running:
        yield running


@pytest.fixture
def visitor(desk: Desk) -> Visitor:
    return Visitor(desk).sign_in()


def refusals_in_the_source() -> dict[str, str]:
    """Code → where `OrderRefused` is raised with it."""
    found = {}
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"OrderRefused", "Refused"}:
                code = node.args[0]
                if isinstance(code, ast.Constant):
                    found[code.value] = f"{path.name}:{node.lineno}"
    return found


def test_every_refusal_in_the_source_is_a_problem_on_the_list() -> None:
    unlisted = {code: where for code, where in refusals_in_the_source().items() if code not in PROBLEMS}
    assert unlisted == {}, "add these to PROBLEMS in node/web/problem.py and to docs/protocol/api.md"


def test_no_problem_is_on_the_list_that_nothing_raises() -> None:
    raised = refusals_in_the_source()
    assert [code for code in PROBLEMS if code not in raised and code not in DOOR] == []


def test_the_page_lists_every_problem_as_it_is() -> None:
    listed = dict(re.findall(r"^\| `(\w+)` \| (\d{3} \| [^|]+ \| [^|]+) \|$", PAGE.read_text("utf-8"), re.MULTILINE))
    assert listed == {code: f"{said.status} | {said.title} | {said.do}" for code, said in PROBLEMS.items()}


def test_the_page_lists_every_endpoint() -> None:
    listed = set(re.findall(r"^\| `(\w+ /[^`]+)` \|", PAGE.read_text("utf-8"), re.MULTILINE))
    assert listed == {f"{endpoint.method} {endpoint.path}" for endpoint in TABLE}


def test_every_endpoint_refuses_with_codes_of_the_list() -> None:
    for endpoint in TABLE:
        assert set(endpoint.all_problems()) <= set(PROBLEMS), endpoint.path
        assert set(endpoint.path_names()) <= set(endpoint.params.__struct_fields__), endpoint.path


def test_the_description_is_of_every_endpoint_and_says_who_may(visitor: Visitor) -> None:
    described = visitor.ask("GET", "/api/openapi.json")[2]
    assert described["openapi"].startswith("3.1")
    assert len({endpoint.path for endpoint in TABLE}) == len(described["paths"])
    for endpoint in TABLE:
        operation = described["paths"][endpoint.path][endpoint.method.lower()]
        assert bool(operation["security"]) == (endpoint.who is Who.SEATED)
        assert {p["name"] for p in operation["parameters"] if p["in"] == "path"} == set(endpoint.path_names())
    for ref in re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(described)):
        assert ref in described["components"]["schemas"]


def test_a_problem_has_a_page_that_says_what_to_do(visitor: Visitor) -> None:
    refused = visitor.ask("GET", "/api/tables/nowhere")
    assert (refused[0], refused[2]["code"]) == (404, "unknown_table")
    status, headers, page = visitor.ask("GET", refused[2]["type"])
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert refused[2]["do"].encode() in page
    assert visitor.ask("GET", "/problems/none")[0] == 404


def test_a_list_is_given_in_pages_to_its_end_and_never_more_than_two_hundred(visitor: Visitor) -> None:
    log = visitor.ask("GET", "/api/record")[2][0]
    rows, after = [], 0
    while after is not None:
        page = visitor.ask("GET", f"/api/record/entries?log={log['log']}&after={after}")[2]
        assert len(page["rows"]) <= 200
        rows += page["rows"]
        after = page["after"]
    assert [row["seq"] for row in rows] == list(range(log["size"]))
    for most in ("201", "0", "-1", "many", ""):
        status, _, problem = visitor.ask("GET", f"/api/record/entries?log={log['log']}&most={most}")
        assert (status, problem["code"]) == (400, "unreadable")


@pytest.mark.parametrize(("path", "kind"), [("/api/alerts", "alert"), ("/api/messages", "hotline")])
def test_the_last_page_of_what_a_desk_forgets_says_where_older_ones_stand(visitor: Visitor, path, kind) -> None:
    after, rows, pages = 0, [], []
    while after is not None:
        page = visitor.ask("GET", f"{path}?after={after}&most=2")[2]
        pages.append(page)
        rows += page["rows"]
        after = page["after"]
    assert len(pages) > 1
    assert len(rows) == pages[0]["total"]
    assert [page["record"] for page in pages] == [None] * (len(pages) - 1) + [{"kind": kind, "logs": [LOG]}]
    beyond = visitor.ask("GET", f"{path}?after={len(rows) + 5}")[2]
    assert (beyond["rows"], beyond["after"], beyond["record"]["logs"]) == ([], None, [LOG])


def test_a_parameter_that_is_not_described_is_refused(visitor: Visitor) -> None:
    assert visitor.ask("GET", "/api/alerts?most=5&party=bravo")[0] == 400
    assert visitor.ask("GET", "/api/alerts?most=5&most=6")[0] == 400
    assert visitor.ask("GET", "/api/board?by=leader")[0] == 400


def test_an_order_repeated_under_its_key_is_done_once_and_answered_the_same(desk: Desk, visitor: Visitor) -> None:
    order = {"order": "acknowledge", "alert": "alfa-3"}
    before = len(desk.fake.orders)
    first = visitor.order(order, idempotency_key="k1")
    assert first[0] == 200
    assert visitor.order(order, idempotency_key="k1")[::2] == first[::2]
    assert len(desk.fake.orders) == before + 1
    status, _, problem = visitor.order({"order": "acknowledge", "alert": "alfa-2"}, idempotency_key="k1")
    assert (status, problem["code"]) == (409, "key_reused")
    assert visitor.order(order)[0] == 200
    assert len(desk.fake.orders) == before + 2


def test_a_refused_order_did_nothing_and_is_tried_anew_under_its_key(desk: Desk, visitor: Visitor) -> None:
    order = {"order": "acknowledge", "alert": "alfa-77"}
    before = len(desk.fake.orders)
    assert visitor.order(order, idempotency_key="k2")[2]["code"] == "unknown_alert"
    assert visitor.order(order, idempotency_key="k2")[2]["code"] == "unknown_alert"
    assert len(desk.fake.orders) == before + 2


def test_a_whole_number_is_an_integer_however_it_is_written(visitor: Visitor) -> None:
    order = b'{"order": "place_hold", "hold": "incident-1", "from_ms": 387.0, "to_ms": 4e2}'
    assert visitor.order(order)[0] == 200
    assert visitor.order(order.replace(b"387.0", b"387.5"))[2]["code"] == "unreadable"


def test_t55_no_parameter_list_or_order_selects_others_by_who_they_are(visitor: Visitor) -> None:
    described = visitor.ask("GET", "/api/openapi.json")[2]
    names = {p["name"] for path in described["paths"].values() for o in path.values() for p in o["parameters"]}
    # What may be asked by: a table, an activity, an alert or an own row of our desk by its name, a log, a place in it, a seat, our own words,
    # a peer's own view of us, times, coarse cells, kinds, steps, pages.
    assert names <= {
        "table", "activity", "alert", "subject", "log", "start", "stop", "before", "by", "precedence", "text", "peer", "after",
        "most", "kind", "step_ms", "count", "from_ms", "to_ms", "south", "west", "north", "east", "idempotency-key",
        "lang", "x-detente-step-up",
        "session", "everybody", "order_digest", "state", "code", "error",  # of the door
    }  # fmt: skip
    words = re.compile(r"target|engage|hostile|enemy|strike|weapon|intercept|adversar|hunt", re.IGNORECASE)
    for path, methods in described["paths"].items():
        assert not words.search(path)
        assert all(not words.search(name) for o in methods.values() for name in [p["name"] for p in o["parameters"]])
    fields = {name for schema in described["components"]["schemas"].values() for name in schema.get("properties", ())}
    assert [name for name in fields if words.search(name)] == []


def test_t55_the_api_has_no_place_for_a_point_about_others_and_a_search_is_by_coarse_cells(visitor: Visitor) -> None:
    described = visitor.ask("GET", "/api/openapi.json")[2]
    pointed = {
        n: c["properties"] for n, c in described["components"]["schemas"].items() if "point" in c.get("properties", {})
    }
    assert pointed.keys() == {"SharePoint", "PointReportRow"}
    assert all(properties["about"] == {"enum": ["own", "safety_of_life"]} for properties in pointed.values())
    act = {
        "act": "report.share", "title": "x", "words": "x", "kind": "movement", "about": "others", "observed_ms": 1,
        "valid_until_ms": 2, "originator": "alfa", "point": {"latitude_e4": 361_234, "longitude_e4": 371_234},
    }  # fmt: skip
    for one in (act, act | {"act": "report.share_point"}):
        status, _, problem = visitor.order({"order": "at_table", "table": "line", "act": one})
        assert (status, problem["code"]) == (400, "unreadable")
    asked = described["paths"]["/api/tables/{table}/reports"]["get"]["parameters"]
    bounds = {p["name"]: p["schema"] for p in asked if p["name"] in {"south", "west", "north", "east"}}
    assert all(schema["type"] == "integer" and schema["maximum"] <= 1799 for schema in bounds.values())
    assert visitor.ask("GET", "/api/tables/line/reports?south=47.123456")[0] == 400
    everything = visitor.ask("GET", "/api/tables/line/reports")[2]
    nothing = visitor.ask("GET", "/api/tables/line/reports?south=-900&north=-900&west=0&east=0")[2]
    assert everything["total"] > 0
    assert nothing["total"] == 0
