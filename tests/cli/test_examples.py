"""Each command's help ends with an example, and the command takes what its example gives it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from detente.cli import cli


def commands(group: click.Group = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


COMMANDS = dict(commands())


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_ends_with_an_example_that_the_command_takes(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = COMMANDS[name]
    found = re.search(r"Example: detente (.*)$", command.epilog or "")
    assert found is not None
    words = shlex.split(found[1].split(" > ")[0])
    assert words[: len(name.split())] == name.split()
    # The files are the reader's own: here only the words are looked at.
    monkeypatch.setattr(click.Path, "convert", lambda _self, value, _param, _ctx: value)
    monkeypatch.delenv("DETENTE_TOKEN_FILE", raising=False)
    command.make_context(name, words[len(name.split()) :])
