"""The node's own log: what went wrong and where in the program, never what was said or seen."""

from __future__ import annotations

import json

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
