"""Webhooks: what is told, to whom, signed, and what becomes of a call that nobody takes."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from contextlib import suppress
from pathlib import Path

import pytest
from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from browser.fake_desk import FakeDesk
from browser.serving import free_port
from detente.config import Config, NodeConfig, WebhookConfig
from detente.errors import ConfigError
from detente.node import webhooks
from detente.node.web.server import serve
from detente.node.webhooks import SIGNATURE_HEADER, WAITING_MAX, Webhooks, events_between, is_allowed, secret_of

SECRET = b"sixteen bytes or more"
EVENTS = ["alert", "message", "link", "fault"]


def a_config(url, folder, events=None):
    (folder / "secret").write_bytes(SECRET + b"\n")
    hook = WebhookConfig(url=url, events=EVENTS if events is None else events, secret_file="secret")
    return Config(node=NodeConfig(party="alfa", name="Alfa", node="alfa.example/detente"), webhook=[hook])


class Ear:
    """Hears what is told; answers with *statuses* in turn, the last again and again."""

    def __init__(self, *statuses):
        self.port = free_port()
        self.statuses = list(statuses) or [204]
        self.heard = []
        self.elsewhere = 0

    async def hear(self, request: Request) -> Response:
        self.heard.append((dict(request.headers), await request.body()))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return RedirectResponse("/elsewhere", status) if status == 307 else Response(status_code=status)

    async def other(self, request: Request) -> Response:
        self.elsewhere += 1
        return Response(status_code=204)

    def app(self):
        routes = [Route("/hook", self.hear, methods=["POST"]), Route("/elsewhere", self.other, methods=["POST"])]
        return Starlette(routes=routes)


def told(ear, folder, change, until, events=None):
    """Run the webhooks of a desk, let *change* happen, wait *until*; returns the notices at the desk."""
    notices = {}

    async def run():
        desk = FakeDesk(tracks=10, alert_after_s=None)
        hooks = Webhooks(
            a_config(f"http://127.0.0.1:{ear.port}/hook", folder, events), folder, desk, notices.__setitem__
        )
        tasks = [asyncio.create_task(hooks.run()), asyncio.create_task(serve(ear.app(), "127.0.0.1", ear.port))]
        await asyncio.sleep(0.2)
        change(desk)
        desk.publish()
        async with asyncio.timeout(10):
            while not until(notices):  # noqa: ASYNC110 it is another task, in the desk's own way, that brings it about
                await asyncio.sleep(0.02)
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        await asyncio.sleep(0.05)

    asyncio.run(run())
    return notices


def begins(desk):
    desk.alert_after_s = -1.0


def test_what_is_told_is_signed_and_holds_no_words_and_no_position(tmp_path):
    ear = Ear()
    told(ear, tmp_path, begins, lambda _: len(ear.heard) >= 3)
    for headers, body in ear.heard:
        assert headers[SIGNATURE_HEADER] == "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
        said = json.loads(body)
        assert set(said) == {"event", "number", "at_ms", "party", "about"}
        assert set(said["about"]) <= {"alert", "level", "state"}
    assert [json.loads(body)["number"] for _, body in ear.heard] == list(range(1, len(ear.heard) + 1))


def test_only_events_that_are_configured_are_told(tmp_path):
    ear = Ear()

    def both(desk):
        begins(desk)
        desk.extra_messages.append(replace(desk._messages(desk.now_ms())[0], message="bravo-ops-999"))

    told(ear, tmp_path, both, lambda _: ear.heard, ["message"])
    assert {json.loads(body)["event"] for _, body in ear.heard} == {"message"}


def test_a_call_that_fails_is_tried_again_and_then_counted_at_the_desk(tmp_path, monkeypatch):
    monkeypatch.setattr(webhooks, "RETRIES_S", (0.01, 0.01))
    ear = Ear(500, 500, 200)
    notices = told(ear, tmp_path, begins, lambda _: len(ear.heard) >= 4)
    assert ear.heard[0][1] == ear.heard[1][1] == ear.heard[2][1]
    assert set(notices.values()) <= {""}
    ear = Ear(500)
    notices = told(ear, tmp_path, begins, lambda notices: any("not told; answered 500" in n for n in notices.values()))
    assert any(text.startswith("webhook 127.0.0.1: ") for text in notices.values())


def test_t15_no_redirect_is_followed(tmp_path, monkeypatch):
    monkeypatch.setattr(webhooks, "RETRIES_S", ())
    ear = Ear(307)
    told(ear, tmp_path, begins, lambda notices: any("answered 307" in n for n in notices.values()))
    assert ear.elsewhere == 0


def test_t15_no_proxy_is_taken_from_the_environment(tmp_path, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    ear = Ear()
    told(ear, tmp_path, begins, lambda _: ear.heard)
    assert ear.heard


@pytest.mark.parametrize(
    ("host", "address", "allowed"),
    [
        ("pager.example", "192.0.2.7", True),
        ("pager.example", "10.1.2.3", True),
        ("pager.example", "127.0.0.1", False),
        ("pager.example", "::1", False),
        ("pager.example", "::ffff:127.0.0.1", False),
        ("pager.example", "169.254.169.254", False),
        ("pager.example", "::ffff:169.254.169.254", False),
        ("pager.example", "fe80::1", False),
        ("pager.example", "224.0.0.1", False),
        ("pager.example", "0.0.0.0", False),
        ("pager.example", "nonsense", False),
        ("localhost", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "169.254.169.254", False),
    ],
)
def test_t15_a_name_that_leads_elsewhere_is_refused(host, address, allowed):
    assert is_allowed(host, address) is allowed


def test_more_than_the_limit_drops_the_oldest_and_counts_it(tmp_path):
    hooks = Webhooks(a_config("http://127.0.0.1:9/", tmp_path), tmp_path, FakeDesk(tracks=10), lambda _w, _t: None)
    for n in range(WAITING_MAX + 5):
        hooks._put(webhooks.Event("link", n, {"party": "bravo", "state": "UP"}))
    [hook] = hooks._hooks
    assert (len(hook.waiting), hook.lost) == (WAITING_MAX, 5)


def test_a_fault_of_ours_in_telling_is_said_at_the_desk_and_ends_nothing(tmp_path, monkeypatch):
    notices = {}
    monkeypatch.setattr(webhooks, "events_between", None)

    async def run():
        desk = FakeDesk(tracks=10)
        hooks = Webhooks(a_config("http://127.0.0.1:9/", tmp_path), tmp_path, desk, notices.__setitem__)
        desk.publish()
        await hooks.run()

    asyncio.run(run())
    assert "tell the engineer" in notices["webhooks"]


def test_the_same_board_tells_nothing_and_a_link_or_a_fault_tells_itself():
    board = FakeDesk(tracks=10).board("operator")
    assert events_between(board, board) == []
    peer = replace(board.peers[0], state="DOWN")
    after = replace(board, peers=[peer, *board.peers[1:]], faults=["NOT RECORDED: disk full"])
    assert [(event.event, event.about) for event in events_between(board, after)] == [
        ("link", {"party": "bravo", "state": "DOWN"}),
        ("fault", {"words": "NOT RECORDED: disk full"}),
    ]


def test_a_secret_that_is_not_there_or_too_short_stops_the_node(tmp_path: Path):
    hook = WebhookConfig(url="https://x.example/", events=[], secret_file="secret")
    with pytest.raises(ConfigError, match="secret_file"):
        secret_of(hook, tmp_path)
    (tmp_path / "secret").write_bytes(b"short \n")
    with pytest.raises(ConfigError, match="at least 16 bytes"):
        secret_of(hook, tmp_path)
