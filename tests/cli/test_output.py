"""What a command does when its output cannot be written, or a folder, or a port is another's: one line, and never exit 0."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from detente import cli

FULL = Path("/dev/full")  # a device of every Linux; where there is none, the test of a full disk fails and says so
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
"""Python writes a pipe in pieces unless it is told not to: then the fault comes up after the command has ended."""


def started(arguments, stdout, **more):
    return subprocess.Popen(
        [sys.executable, "-m", "detente", *map(str, arguments)],
        stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, text=True, **more,
    )  # fmt: skip


@pytest.fixture
def alfa(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["detente", "init", str(tmp_path / "alfa"), "--party", "alfa"])
    assert cli.main() == 0
    capsys.readouterr()
    return tmp_path / "alfa"


@pytest.mark.parametrize("environment", [BUFFERED, BUFFERED | {"PYTHONUNBUFFERED": "1"}], ids=["buffered", "not"])
@pytest.mark.parametrize("command", [["--help"], ["keys", "show"]], ids=" ".join)
def test_who_closes_the_output_is_told_nothing_and_the_exit_code_says_neither_good_nor_bad(alfa, command, environment):
    reader, writer = os.pipe()
    os.close(reader)
    with started([*command, *([alfa] if len(command) > 1 else [])], writer, env=environment) as process:
        os.close(writer)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (141, "")


@pytest.mark.parametrize("environment", [BUFFERED, BUFFERED | {"PYTHONUNBUFFERED": "1"}], ids=["buffered", "not"])
@pytest.mark.parametrize("command", [["--help"], ["keys", "show"]], ids=" ".join)
def test_output_that_a_full_disk_does_not_take_is_no_success(alfa, command, environment):
    with (
        FULL.open("w") as full,
        started([*command, *([alfa] if len(command) > 1 else [])], full, env=environment) as process,
    ):
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert err.startswith("detente: ")
    assert err.endswith("No space left on device\n")
    assert err.count("\n") == 1


def test_a_command_without_any_output_does_nothing_and_is_no_success():
    closed = [
        sys.executable,
        "-c",
        "import os, sys; os.close(1); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])",
    ]
    done = subprocess.run(
        [*closed, "-m", "detente", "--version"], stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "detente: the standard output is closed: there is nowhere to write to\n"


def test_a_folder_that_cannot_be_made_is_named_in_one_line(monkeypatch, capsys, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("sys.argv", ["detente", "init", str(tmp_path / "file" / "alfa"), "--party", "alfa"])
    assert cli.main() == 2
    assert capsys.readouterr().err == f"detente: {tmp_path / 'file' / 'alfa'}: Not a directory\n"


def test_a_node_whose_console_port_is_taken_says_so_in_one_line(alfa):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = alfa / "detente.toml"
        text = config.read_text().replace("127.0.0.1:7440", "127.0.0.1:0").replace(":8440", f":{port}")
        config.write_text(text)
        with started(["run", "--config", config], subprocess.PIPE) as process:
            _, err = process.communicate(timeout=120)
    assert process.returncode == 2
    assert err == f"detente: the console cannot listen on 127.0.0.1:{port}: Address already in use\n"
