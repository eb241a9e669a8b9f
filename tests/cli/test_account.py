"""`detente account`: from an empty folder to an account with a one-time address and a token, and to its end."""

from __future__ import annotations

import time

import pytest

from detente.cli import cli
from detente.errors import ConfigError
from detente.node.accounts import AccountBook


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("node") / "alfa"
    cli(["init", str(made), "--party", "alfa"], standalone_mode=False)
    return made


def ran(capsys, *words):
    capsys.readouterr()
    cli(["account", *map(str, words)], standalone_mode=False)
    return capsys.readouterr().out


def test_an_account_is_made_shown_given_a_token_and_ended(folder, capsys):
    now_ms = time.time_ns() // 1_000_000
    said = ran(capsys, "add", folder, "--role", "military", "--name", "Ada Yılmaz")
    assert "military-1: Ada Yılmaz, military" in said
    address = next(line.strip() for line in said.splitlines() if "#enrol=" in line)
    assert address.startswith("http://alfa.localhost:8440/#enrol=")
    book = AccountBook(folder / "accounts.json")
    code = address.partition("#enrol=")[2]
    assert book.with_code(code, now_ms).account == "military-1"

    again = ran(capsys, "enrol", folder, "military-1")
    assert book.with_code(code, now_ms) is None, "an older address is void"
    assert "#enrol=" in again

    token = ran(capsys, "token", folder, "military-1", "--name", "report", "--days", "2").strip()
    assert book.with_token(token, now_ms)[0].account == "military-1"
    assert book.with_token(token, now_ms + 3 * 86_400_000) is None

    listed = ran(capsys, "list", folder)
    assert "military-1  military  Ada Yılmaz  0 passkeys, one-time address open, token report until " in listed
    assert token not in listed

    assert "military-1 is ended" in ran(capsys, "end", folder, "military-1")
    assert book.with_token(token, now_ms) is None
    assert "ended" in ran(capsys, "list", folder)


def test_a_node_made_by_init_signs_people_in_with_passkeys_and_says_so(folder, capsys):
    capsys.readouterr()
    cli(["check-config", str(folder / "detente.toml")], standalone_mode=False)
    assert "desk: http://alfa.localhost:8440/, accounts of the kind passkey" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["token", "military-9", "--name", "x"], ["enrol", "military-9"], ["end", "nobody"]])
def test_an_account_that_is_not_there_is_said_in_one_line(folder, capsys, words):
    with pytest.raises(ConfigError, match="no open account"):
        ran(capsys, words[0], folder, *words[1:])
