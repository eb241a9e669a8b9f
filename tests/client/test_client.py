"""The typed client and the command line over it, against a desk on a real socket."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import icalendar
import msgspec
import pytest

from browser.fake_desk import LOG
from browser.serving import Desk as Served
from browser.serving import served
from detente.cli import cli
from detente.client import AsyncDesk, Desk, Refused, Tracks, Unreachable, Zones, asking
from detente.client.asking import Ask
from detente.client.calls import Calls, Group, Talk, lists, talks
from detente.coordination.reports import ReportRow
from detente.desk.board import AlertRow, Board
from detente.desk.orders import Acknowledge, Rebase, SendText
from detente.desk.record_view import DossierAsked, LeavesAsked
from detente.errors import ConfigError
from detente.node.web.assets import assets
from detente.node.web.routes import TABLE
from detente.release.policy import parse_policy
from detente.types import Role
from web.test_accounts import House

NOW = time.time_ns() // 1_000_000


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, str]]:
    home = House(tmp_path_factory.mktemp("house"))
    account, _ = home.book.add("A program", Role.FOREIGN_SERVICE, NOW)
    token = home.book.give_token(account.account, "tests", NOW, NOW + 3_600_000)
    with home.open() as running:
        yield running, token


@pytest.fixture
def desk(house: tuple[Served, str]) -> Iterator[Desk]:
    with Desk(house[0].address, house[1]) as opened:
        yield opened


def test_the_client_reads_the_desk_in_the_nodes_own_types(desk: Desk) -> None:
    board = desk.board()
    assert (type(board), board.role) == (Board, "foreign_service")
    alerts = list(desk.alerts())
    assert [type(row) for row in alerts] == [AlertRow] * len(board.alerts)
    view = desk.tables.view("line")
    assert desk.tables.all() == [view.brief]
    for name, whole in [
        ("proposals", view.proposals),
        ("decisions", view.summits),
        ("incidents", view.incidents),
        ("ceasefire", view.ceasefires),
        ("ledger", view.timeline),
        ("differences", view.differences),
    ]:
        assert list(getattr(desk.tables, name)("line")) == whole
        assert whole
    assert desk.tables.watch("line") == view.watches
    reports = list(desk.tables.reports("line"))
    assert all(isinstance(row, ReportRow) for row in reports)
    assert len(list(desk.hotline.messages())) == board.messages_total
    assert desk.ask(asking.release())[0].party == "bravo"


def test_a_long_list_is_read_to_its_end(desk: Desk) -> None:
    [log] = desk.record.logs()
    assert (log.log, log.size) == (LOG, 500)
    assert [entry.seq for entry in desk.record.entries(LOG)] == list(range(500))


class Noting:
    """A desk that answers nothing: it notes the first thing that a call asks."""

    is_demo = True

    def __init__(self) -> None:
        self.asked: Ask[Any] | None = None

    def hold(self, talk: Talk[Any]) -> None:
        self.asked = next(talk)

    def pages(self, first: Ask[Any]) -> None:
        self.asked = first


STAND_IN: dict[type, Any] = {str: "x", int: 1, LeavesAsked: LeavesAsked(log="x"), DossierAsked: DossierAsked()}


def every_call() -> Iterator[tuple[str, Any, Noting]]:
    desk = Noting()
    calls = Calls(desk)
    for where, group in [("", calls), *((n, g) for n, g in vars(calls).items() if isinstance(g, Group))]:
        for name, made in vars(type(group)).items():
            if isinstance(made, talks | lists):
                yield f"{where}.{name}", getattr(group, name), desk


def test_every_endpoint_but_those_of_the_door_has_a_call() -> None:
    made = set()
    for _, call, desk in every_call():
        wanted = [p for p in inspect.signature(call, eval_str=True).parameters.values() if p.default is p.empty]
        named = [p for p in wanted if p.kind is p.POSITIONAL_OR_KEYWORD and p.name != "self"]
        call(*[STAND_IN.get(p.annotation, {}) for p in named])
        made.add((desk.asked.method, desk.asked.path))
    described = {
        (endpoint.method, re.sub(r"{\w+}", "x", endpoint.path))
        for endpoint in TABLE
        if not endpoint.path.startswith(
            ("/api/oidc", "/api/session/", "/api/sessions", "/api/sign-in", "/api/passkeys")
        )
        and not endpoint.path.startswith("/api/step-up")
    } - {("POST", "/api/session"), ("DELETE", "/api/session")}
    assert made == described


def test_every_call_says_what_it_gives() -> None:
    assert [name for name, call, _ in every_call() if not inspect.getdoc(call)] == []


def test_an_order_is_the_accounts_and_what_binds_takes_a_person(house: tuple[Served, str], desk: Desk) -> None:
    desk.orders.give(Acknowledge("alfa-3"))
    assert house[0].fake.orders[-1] == ("foreign_service", Acknowledge("alfa-3"))
    desk.hotline.send("bravo", "foreign_service", "Merhaba", lang="tr")
    assert house[0].fake.orders[-1][1] == SendText("bravo", "foreign_service", "R", "Merhaba", "tr")
    with pytest.raises(Refused) as refused:
        desk.orders.give(Rebase("bravo", "x"))
    assert refused.value.problem.code == "step_up_needed"
    with pytest.raises(Refused) as refused:
        desk.tables.view("nowhere")
    assert (refused.value.problem.code, refused.value.problem.status) == ("unknown_table", 404)
    assert refused.value.problem.do


def test_an_order_under_one_key_is_done_once(house: tuple[Served, str], desk: Desk) -> None:
    before = len(house[0].fake.orders)
    assert desk.orders.give(Acknowledge("alfa-3"), "k") == desk.orders.give(Acknowledge("alfa-3"), "k")
    assert len(house[0].fake.orders) == before + 1


def test_what_changes_comes_as_it_changes(house: tuple[Served, str], desk: Desk) -> None:
    kinds = set()
    for event in desk.events():
        kinds.add(type(event))
        if kinds == {Zones, Board, Tracks}:
            break
    assert kinds == {Zones, Board, Tracks}


def test_the_asynchronous_client_says_the_same(house: tuple[Served, str]) -> None:
    async def ask() -> tuple[Any, ...]:
        async with AsyncDesk(house[0].address, house[1]) as desk:
            board = await desk.board()
            alerts = [row async for row in desk.alerts()]
            await desk.orders.acknowledge("alfa-2")
            entries = [entry.seq async for entry in desk.record.entries(LOG)]
            view = await desk.tables.view("line")
            calendar = await desk.tables.calendar("line")
            async for event in desk.events():
                if isinstance(event, Board):
                    break
            with pytest.raises(Refused):
                await desk.tables.say("nowhere", None)  # type: ignore[arg-type]
            with pytest.raises(Refused, match="step_up_needed"):
                await desk.orders.give_for_sure(Rebase("bravo", "x"))
            return board.role, len(alerts), len(entries), view.brief.table, calendar[:15], type(event)

    role, alerts, entries, table, calendar, kind = asyncio.run(ask())
    assert (role, entries, table, calendar, kind) == ("foreign_service", 500, "line", b"BEGIN:VCALENDAR", Board)
    assert alerts > 0


def test_at_a_demo_seat_either_client_says_that_it_is_sure_and_the_order_is_done() -> None:
    async def ask(address: str) -> None:
        async with await AsyncDesk.at_demo_seat(address, "supervisor") as desk:
            await desk.orders.give_for_sure(Rebase("bravo", "asynchronous"))

    with served(tracks=4) as running:
        with Desk.at_demo_seat(running.address, "supervisor") as desk:
            desk.orders.give_for_sure(Rebase("bravo", "synchronous"))
        asyncio.run(ask(running.address))
        assert [order for _, order in running.fake.orders] == [
            Rebase("bravo", "synchronous"), Rebase("bravo", "asynchronous"),
        ]  # fmt: skip


def test_what_is_no_node_is_unreachable_and_a_wrong_token_is_refused(house: tuple[Served, str]) -> None:
    with Desk("http://127.0.0.1:9", "detente_x") as nobody, pytest.raises(Unreachable):
        nobody.board()
    with Desk(house[0].address, "detente_x") as stranger:
        with pytest.raises(Refused) as refused:
            stranger.board()
        assert refused.value.problem.code == "not_signed_in"
        with pytest.raises(Unreachable):
            next(stranger.events())
    for address in ("ftp://x", "http://x/path", "nothing"):
        with pytest.raises(ConfigError):
            Desk(address, "detente_x")
    for token in ("", "two words", "line\nbreak", "ünlaut"):
        with pytest.raises(ConfigError):
            Desk("http://x", token)


def test_no_proxy_from_the_environment_is_asked(house: tuple[Served, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Desk(*(house[0].address, house[1])) as desk:
        assert desk.board().party == "alfa"


# --- the calendar and the page


def test_due_dates_are_one_event_a_part_with_the_same_name_each_time(desk: Desk) -> None:
    first, second = (icalendar.Calendar.from_ical(desk.tables.calendar("line")) for _ in range(2))
    events = first.walk("VEVENT")
    view = desk.tables.view("line")
    due = [part for summit in view.summits for d in summit.decisions for part in d.parts if part.due_ms is not None]
    assert len(events) == len(due) > 0
    assert [str(e["uid"]) for e in events] == [str(e["uid"]) for e in second.walk("VEVENT")]
    assert {round(e["dtstart"].dt.timestamp()) for e in events} == {part.due_ms // 1000 for part in due}


@pytest.mark.parametrize("lang", ["en", "tr", "ru"])
def test_the_page_is_one_file_and_says_what_is_alleged(desk: Desk, lang: str) -> None:
    page = desk.tables.status("line", lang).decode()
    assert f'<html lang="{lang}">' in page
    assert "<script" not in page
    assert "src=" not in page
    assert "href=" not in page
    view, words = desk.tables.view("line"), json.loads(assets()[f"i18n/{lang}.json"].body)
    [claim] = view.ceasefires[0].claims
    assert claim.state.startswith("alleged")
    assert words[f"claim.{claim.state}"] in page
    assert view.brief.digest in page


# --- the command line


def ran(*words: str, capsysbinary: pytest.CaptureFixture[bytes]) -> str:
    cli(list(words), standalone_mode=False)
    return capsysbinary.readouterr().out.decode()


@pytest.fixture
def options(house: tuple[Served, str], tmp_path: Path) -> list[str]:
    (tmp_path / "token").write_text(house[1] + "\n")
    return ["--desk", house[0].address, "--token-file", str(tmp_path / "token")]


def test_the_command_line_lists_as_text_and_as_json(
    desk: Desk, options: list[str], capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    for words, count in [
        (["alerts"], desk.board().alerts_total),
        (["hotline", "list"], desk.board().messages_total),
        (["proposals"], len(desk.tables.view("line").proposals)),
        (["decisions"], len(desk.tables.view("line").summits)),
    ]:
        text = ran(*words, *options, capsysbinary=capsysbinary)
        assert len(text.splitlines()) == count
        lines = ran(*words, *options, "--json", capsysbinary=capsysbinary).splitlines()
        assert all(isinstance(json.loads(line), dict) for line in lines)
        assert len(lines) == count


def test_the_command_line_sends_and_says_the_messages_name(
    house: tuple[Served, str], options: list[str], capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    name = ran("hotline", "send", *options, "--line", "foreign_service", "bravo", "Hello", capsysbinary=capsysbinary)
    assert isinstance(house[0].fake.orders[-1][1], SendText)
    assert name.strip() == "" or name.startswith("alfa-")
    words = ["--line", "foreign_service", "--code", "W06", "--param", "track=BRV61", "bravo"]
    ran("hotline", "send", *options, *words, capsysbinary=capsysbinary)
    assert house[0].fake.orders[-1][1].params == {"track": "BRV61"}
    with pytest.raises(Refused, match="step_up_needed"):
        ran(
            "hotline",
            "send",
            *options,
            "--precedence",
            "Z",
            "--reason",
            "incursion",
            "bravo",
            "x",
            capsysbinary=capsysbinary,
        )


ALL = 'name = "all"\n[[rule]]\nname = "all"\neffect = "release"\nto = ["bravo"]\ngive = { fields = ["position"] }\n'


def test_t30_the_policy_is_set_confirmed_and_undone_from_the_command_line_by_persons_alone(
    options: list[str], tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    file = tmp_path / "all.toml"
    file.write_text(ALL)
    with served(tracks=4) as running:

        def at(seat: str, *words: str) -> str:
            return ran("policy", *words, "--node", running.address, "--seat", seat, capsysbinary=capsysbinary)

        said = at("supervisor", "set", str(file), "--yes")
        assert "1. Tell bravo of every aircraft: position." in said
        assert "wider: " in said
        assert "now told more to bravo: THY1" in said
        digest = said.split()[-1]
        assert digest == parse_policy(ALL).digest
        with pytest.raises(Refused, match="second_seat"):
            at("supervisor", "confirm", digest, "--yes")
        assert "in force" in at("duty_officer", "confirm", digest, "--yes")
        assert at("operator", "show", "--text") == ALL
        assert "wider than the baseline" in at("operator", "show")
        assert json.loads(at("operator", "show", "--json"))["state"]["digest"] == digest
        assert at("supervisor", "revert", "--yes").startswith("in force: ")
        file.write_text('name = "x"\nmood = 1\n')
        with pytest.raises(Refused, match="mood"):
            at("supervisor", "set", str(file), "--yes")
    # A token is no person: what the desk would ask a passkey for is refused, and nothing is changed.
    file.write_text(ALL)
    token = ["--node", options[1], *options[2:]]
    with pytest.raises(Refused, match="step_up_needed"):
        ran("policy", "set", str(file), "--yes", *token, capsysbinary=capsysbinary)
    with pytest.raises(Refused, match="wrong_accounts"):
        ran("policy", "show", "--node", options[1], "--seat", "supervisor", capsysbinary=capsysbinary)


def test_the_command_line_writes_a_calendar_and_a_page(
    options: list[str], tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    ics, page = tmp_path / "due.ics", tmp_path / "table.html"
    ran("decisions", *options, "--ics", str(ics), "--page", str(page), "--lang", "tr", capsysbinary=capsysbinary)
    assert ics.read_bytes().startswith(b"BEGIN:VCALENDAR")
    assert page.read_text().startswith("<!doctype html>")


def test_t17_what_others_wrote_is_printed_with_nothing_hidden(
    house: tuple[Served, str], options: list[str], capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    served_desk = house[0]
    row = served_desk.do(lambda fake: fake._messages(fake.now_ms())[0])
    hostile = msgspec.structs.replace(row, message="bravo-ops-1", code=None, text="a\x1b[31mb\u202ec\nalfa-1  alarm")
    served_desk.do(lambda fake: fake.extra_messages.append(hostile))
    text = ran("hotline", "list", *options, capsysbinary=capsysbinary)
    served_desk.do(lambda fake: fake.extra_messages.clear())
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "a\\u001b[31mb\\u202ec\\u000aalfa-1" in text
