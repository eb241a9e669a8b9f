"""The node's own log: what went wrong and where in the program, never what was said or seen."""

from __future__ import annotations

import json
import logging

import structlog

from detente.node import logs

CANARIES = ["hold north of 35", "35.912345", "AAAAseedAAAA", "TK1234"]


def logged(capsys, act):
    logs.set_up()
    try:
        act(structlog.get_logger())
    finally:
        structlog.reset_defaults()
    return capsys.readouterr().err


def fail(text, position):
    secret = CANARIES[2]
    assert secret
    raise KeyError(f"{text} at {position}")


def test_t37_a_traceback_names_the_place_in_the_program_and_no_value(capsys):
    def act(log):
        try:
            fail(CANARIES[0], CANARIES[1])
        except KeyError:
            log.exception("engine", given="PlotsReceived")

    said = logged(capsys, act)
    line = json.loads(said)
    assert line["given"] == "PlotsReceived"
    assert "KeyError" in line["exception"]
    assert "in fail" in line["exception"]
    assert not [canary for canary in CANARIES if canary in said]


def test_t37_only_named_fields_are_logged_and_others_are_counted(capsys):
    said = logged(
        capsys, lambda log: log.warning("record", fault="the disk is full", text=CANARIES[0], callsign="TK1234")
    )
    line = json.loads(said)
    assert (line["event"], line["fault"], line["left_out"]) == ("record", "the disk is full", 2)
    assert not [canary for canary in CANARIES if canary in said]


def test_t37_what_a_library_warns_of_is_one_line_without_values_as_well(capsys, monkeypatch):
    library = logging.getLogger("detente.tests.library")
    library.propagate = False

    def act(_log):
        library.warning("%s is not liked", CANARIES[0])
        library.error("Task was left\nfuture: <Task exception=KeyError('%s')>", CANARIES[3])
        library.error(f"Exception in callback told('{CANARIES[0]}') at x.py:1\nhandle: <Handle told('{CANARIES[1]}')>")
        try:
            fail(CANARIES[0], CANARIES[1])
        except KeyError:
            library.exception("not handled")

    monkeypatch.setattr(logging, "lastResort", None)
    said = logged(capsys, act)
    lines = [json.loads(line) for line in said.splitlines()]
    assert [line["fault"] for line in lines] == [
        "%s is not liked",
        "Task was left",
        "Exception in callback told",
        "not handled",
    ]
    assert {line["event"] for line in lines} == {"detente.tests.library"}
    assert [line["level"] for line in lines] == ["warning", "error", "error", "error"]
    assert "in fail" in lines[3]["exception"]
    assert not [canary for canary in CANARIES if canary in said]


def test_a_line_that_a_killed_peer_left_open_fills_no_log(capsys, monkeypatch):
    monkeypatch.setattr(logging, "lastResort", None)
    quiet = logging.getLogger("asyncio")
    monkeypatch.setattr(quiet, "propagate", False)
    assert logged(capsys, lambda _: quiet.warning("socket.send() raised exception.")) == ""
    assert logged(capsys, lambda _: quiet.warning("something else")) != ""
