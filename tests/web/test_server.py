"""The console's server over a real socket: who is let in, what a session may do, what flows to a browser."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from browser.serving import Desk, free_port, served
from detente.desk.frame import FRAME
from detente.desk.orders import Acknowledge
from detente.errors import OwnFault
from detente.node.web.assets import assets
from detente.node.web.guard import CSP
from detente.node.web.server import bind, build_app
from detente.node.web.sessions import SESSION_S, SESSIONS_MAX, Session, Sessions


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with served(tracks=30) as running:
        yield running


class Visitor:
    """A browser of few words: one host name, its cookie, its session's token."""

    def __init__(self, desk: Desk, host: str = "") -> None:
        self.authority = desk.address.removeprefix("http://").rstrip("/")
        self.port = int(self.authority.rpartition(":")[2])
        self.host = host or self.authority
        self.cookie = ""
        self.token = ""

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        sent = {"host": self.host, "cookie": self.cookie, "x-detente-token": self.token}
        if method != "GET":
            sent["origin"] = f"http://{self.host}"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        raw = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        connection.request(method, path, raw, {name: value for name, value in sent.items() if value})
        answer = connection.getresponse()
        content, found = answer.read(), {}
        for name, value in answer.getheaders():
            before = found.get(name.lower())
            found[name.lower()] = value if before is None else f"{before}\n{value}"
        connection.close()
        text = "json" in found.get("content-type", "")
        return answer.status, found, json.loads(content) if text else content

    def sign_in(self, role: str = "operator") -> Visitor:
        status, headers, session = self.ask("POST", "/api/session", {"role": role})
        assert status == 200
        self.cookie, self.token = headers["set-cookie"].partition(";")[0], session["token"]
        return self

    def order(self, order: Any, **headers: str) -> tuple[int, dict[str, str], Any]:
        return self.ask("POST", "/api/orders", order, **headers)

    def live(self, **headers: str) -> ClientConnection:
        sent = {"Origin": f"http://{self.host}", "Cookie": self.cookie} | headers
        origin = sent.pop("Origin")
        return connect(
            f"ws://{self.host}/live",
            origin=origin or None,
            additional_headers=sent,
            compression=None,
            proxy=None,
            sock=socket.create_connection(("127.0.0.1", self.port), timeout=5),
        )


@pytest.fixture
def visitor(desk: Desk) -> Visitor:
    return Visitor(desk)


def test_the_page_carries_the_policy_of_the_threat_model(visitor: Visitor) -> None:
    status, headers, page = visitor.ask("GET", "/")
    assert status == 200
    assert headers["content-security-policy"] == CSP
    for part in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"):
        assert part in CSP
    for part in ("img-src 'self' data:", "frame-ancestors 'none'", "font-src 'self'"):
        assert part in CSP
    assert "require-trusted-types-for 'script'" in CSP
    assert "unsafe" not in CSP
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    assert b"<script>" not in page
    assert b" style=" not in page


def test_an_answer_of_the_api_is_never_stored(visitor: Visitor) -> None:
    assert visitor.sign_in().ask("GET", "/api/board")[1]["cache-control"] == "no-store"


def test_a_file_is_served_with_its_digest_and_not_twice(visitor: Visitor) -> None:
    status, headers, body = visitor.ask("GET", "/static/main.js")
    assert (status, headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert headers["etag"] == f'"{assets()["main.js"].sha256}"'
    assert body == assets()["main.js"].body
    assert visitor.ask("GET", "/static/main.js", if_none_match=headers["etag"])[0] == 304


@pytest.mark.parametrize("path", ["../server.py", "..%2fserver.py", "%2e%2e/guard.py", "/etc/passwd", "nothing.js", ""])
def test_nothing_outside_the_files_is_served(visitor: Visitor, path: str) -> None:
    status, headers, problem = visitor.ask("GET", f"/static/{path}")
    assert status == 404
    assert headers["content-type"] == "application/problem+json"
    assert problem["code"] == "not_found"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "alfa.localhost",
        "alfa.localhost:1",
        "localhost:{port}",
        "bravo.localhost:{port}",
        "alfa.localhost:{port}.",
    ],
)
@pytest.mark.parametrize("path", ["/", "/static/main.js", "/api/session", "/healthz"])
def test_t33_a_foreign_host_name_is_refused_everywhere(desk: Desk, host: str, path: str) -> None:
    stranger = Visitor(desk, host.format(port=Visitor(desk).port))
    stranger.host = host.format(port=stranger.port)
    status, _, problem = stranger.ask("GET", path)
    assert status in {400, 403}
    assert status == 400 or problem["code"] == "wrong_origin"


FOREIGN = [
    "http://evil.example",
    "null",
    "https://alfa.localhost:{port}",
    "http://bravo.localhost:{port}",
    "http://alfa.localhost",
    "",
]


@pytest.mark.parametrize("origin", FOREIGN)
def test_t33_a_write_from_another_origin_is_refused(desk: Desk, origin: str) -> None:
    visitor = Visitor(desk).sign_in()
    headers = {"origin": origin.format(port=visitor.port)}
    assert visitor.order({"order": "acknowledge", "alert": "alfa-1"}, **headers)[0] == 403
    assert visitor.ask("POST", "/api/session", {"role": "leader"}, **headers)[0] == 403
    assert visitor.ask("GET", "/api/session")[2]["role"] == "operator"


@pytest.mark.parametrize("origin", FOREIGN)
def test_t33_a_websocket_from_another_origin_is_refused(desk: Desk, origin: str) -> None:
    visitor = Visitor(desk).sign_in()
    with pytest.raises(InvalidStatus) as refused:
        visitor.live(Origin=origin.format(port=visitor.port))
    assert refused.value.response.status_code == 403


def test_t33_a_read_from_another_origin_is_refused_too(visitor: Visitor) -> None:
    assert visitor.sign_in().ask("GET", "/api/board", origin="http://evil.example")[0] == 403


def test_t33_a_write_needs_the_token_of_its_own_session(desk: Desk) -> None:
    visitor, other = Visitor(desk).sign_in(), Visitor(desk).sign_in()
    order = {"order": "acknowledge", "alert": "alfa-1"}
    assert visitor.order(order, x_detente_token="")[0] == 403
    assert visitor.order(order, x_detente_token=other.token)[0] == 403
    assert visitor.order(order)[0] == 200


def test_t32_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(visitor: Visitor) -> None:
    _, headers, _ = visitor.ask("POST", "/api/session", {"role": "operator"})
    cookie = headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/" in cookie
    assert "domain" not in cookie


def test_t31_who_acts_comes_from_the_session_never_from_the_form(desk: Desk) -> None:
    visitor = Visitor(desk).sign_in("duty_officer")
    status, _, problem = visitor.order({"order": "acknowledge", "alert": "alfa-2", "by": "leader"})
    assert (status, problem["code"]) == (400, "unreadable")
    assert visitor.order({"order": "acknowledge", "alert": "alfa-2"})[0] == 200
    assert ("duty_officer", Acknowledge("alfa-2")) in desk.fake.orders


def test_a_role_without_a_demo_account_cannot_sit_down(visitor: Visitor) -> None:
    assert visitor.ask("POST", "/api/session", {"role": "minister"})[0] == 403


def test_nothing_but_the_page_is_for_those_who_have_not_signed_in(visitor: Visitor) -> None:
    for path in ("/api/board", "/api/codebook", "/api/preview?peer=bravo"):
        assert visitor.ask("GET", path)[0] == 401
    assert visitor.order({"order": "acknowledge", "alert": "alfa-1"})[0] == 401
    with pytest.raises(InvalidStatus):
        visitor.live()
    assert visitor.ask("GET", "/healthz")[2] == {"alive": True}


def test_signing_out_ends_the_session(visitor: Visitor) -> None:
    visitor.sign_in()
    assert visitor.ask("DELETE", "/api/session")[2]["role"] is None
    assert visitor.ask("GET", "/api/board")[0] == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"order": "engage"}',
        b'{"order": "acknowledge"}',
        b'{"order": "acknowledge", "alert": 3}',
    ],
)
def test_an_unreadable_order_is_a_problem_in_one_line(visitor: Visitor, body: bytes) -> None:
    status, headers, problem = visitor.sign_in().order(body)
    assert (status, headers["content-type"]) == (400, "application/problem+json")
    assert problem["type"] == "/problems/unreadable"
    assert "\n" not in problem["detail"]


def test_a_refused_order_says_why(visitor: Visitor) -> None:
    status, _, problem = visitor.sign_in().order({"order": "acknowledge", "alert": "alfa-999"})
    assert (status, problem["code"]) == (409, "unknown_alert")
    assert "alfa-999" in problem["detail"]


def test_a_body_has_a_limit(visitor: Visitor) -> None:
    status, _, problem = visitor.sign_in().order(b'{"order": "' + b"x" * 300_000)
    assert (status, problem["code"]) == (413, "too_large")


def test_the_preview_gives_a_frame_and_names_each_withheld_track_with_its_rule(visitor: Visitor) -> None:
    preview = visitor.sign_in().ask("GET", "/api/preview?peer=bravo")[2]
    assert preview["peer"] == "bravo"
    assert preview["frame"]
    assert all(row["label"] and row["rule"] for row in preview["withheld"])
    assert visitor.ask("GET", "/api/preview?peer=nobody")[2]["code"] == "unknown_party"


def test_numbers_are_given_in_the_text_form_of_prometheus(visitor: Visitor) -> None:
    status, headers, text = visitor.ask("GET", "/metrics")
    assert status == 200
    assert headers["content-type"].startswith("text/plain; version=0.0.4")
    assert b"detente_tracks 30.0" in text


def test_the_live_line_gives_zones_then_the_board_then_frames(visitor: Visitor) -> None:
    with visitor.sign_in().live() as line:
        zones, board, frame = line.recv(5), line.recv(5), line.recv(5)
        assert json.loads(zones)["kind"] == "zones"
        first = json.loads(board)
        assert (first["kind"], first["board"]["role"], first["board"]["zones"]) == ("board", "operator", [])
        assert msgspec.msgpack.decode(frame)["frame"] == FRAME
        later = next(json.loads(text) for text in iter(lambda: line.recv(5), None) if isinstance(text, str))
        assert later["board"]["number"] > first["board"]["number"]


def test_boards_come_at_most_four_times_a_second_and_the_newest_wins(desk: Desk) -> None:
    with Visitor(desk).sign_in().live() as line:
        for _ in range(3):
            line.recv(5)
        for _ in range(40):
            desk.do(lambda fake: fake.publish())
        numbers = []
        try:
            while True:
                text = line.recv(0.6)
                if isinstance(text, str):
                    numbers.append(json.loads(text)["board"]["number"])
        except TimeoutError:
            pass
        assert len(numbers) <= 4
        assert numbers == sorted(set(numbers))


def test_what_a_browser_says_on_the_live_line_is_dropped_and_too_much_of_it_ends_the_line(visitor: Visitor) -> None:
    with visitor.sign_in().live() as line:
        line.send("acknowledge everything")
        assert line.recv(5)
        line.send("x" * 100_000)
        with pytest.raises(ConnectionClosed):  # noqa: PT012 - some frames may still be on their way
            for _ in range(20):
                line.recv(2)


def test_a_taken_address_is_told_in_one_line() -> None:
    port = free_port()
    held = bind("127.0.0.1", port)
    held.listen()
    try:
        with pytest.raises(OwnFault, match=f"cannot listen on 127.0.0.1:{port}"):
            bind("127.0.0.1", port)
    finally:
        held.close()


def test_with_tls_the_cookie_is_bound_to_the_host() -> None:
    from browser.fake_desk import FakeDesk

    app = build_app(FakeDesk(tracks=10), hosts=["alfa.example"], tls=True)
    described = next(route for route in app.routes if getattr(route, "path", "") == "/live").endpoint.__self__._door
    assert (described.cookie, described.secure) == ("__Host-detente", True)


def test_sessions_end_by_themselves_and_their_number_has_a_limit() -> None:
    sessions = Sessions()
    session = an_operator()
    first = sessions.open(session, 0.0)
    assert sessions.find(first, SESSION_S - 1.0) is session
    assert sessions.find(first, SESSION_S) is None
    first = sessions.open(an_operator(), 0.0)
    for _ in range(SESSIONS_MAX):
        sessions.open(an_operator(), 0.0)
    assert sessions.find(first, 1.0) is None


def an_operator() -> Session:
    return Session("demo-operator", "operator", "operator", "demo")


PLAN = {
    "kind": "flight",
    "title": "Calibration",
    "volumes": [
        {
            "outline": {"shape": "circle", "centre": [470_000_000, 80_000_000], "radius_cm": 1_000_000},
            "levels": {"datum": "pressure", "floor_ft": 0, "ceiling_ft": 10_000},
            "start_ms": 2_000_000_000_000,
            "end_ms": 2_000_003_600_000,
        }
    ],
}


def test_a_desk_is_told_what_a_plan_meets_before_it_sends_it(desk):
    officer = Visitor(desk).sign_in("duty_officer")
    act = {"act": "activity.declare", "plan": PLAN}
    status, _, drawn = officer.ask("POST", "/api/tables/line/overlaps", act)
    assert (status, drawn["overlaps"], drawn["key"]) == (200, [], [])
    assert drawn["code"] == "too_far"
    status, _, drawn = Visitor(desk).sign_in("leader").ask("POST", "/api/tables/line/overlaps", act)
    assert (status, drawn["code"]) == (200, "wrong_seat")
    assert officer.ask("POST", "/api/tables/other/overlaps", act)[0] == 409
    assert officer.ask("POST", "/api/tables/line/overlaps", {"act": "activity.declare"})[0] == 400
    assert Visitor(desk).ask("POST", "/api/tables/line/overlaps", act)[0] == 401
