"""Each command's help ends with an example, and the command takes what its example gives it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

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
GROUPS = {name.split()[0] for name in COMMANDS}
ROOT = Path(__file__).resolve().parents[2]


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


def test_every_command_and_what_it_takes_is_told_to_somebody_who_reads() -> None:
    documents = "".join(path.read_text("utf-8") for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
    assert [name for name in COMMANDS if f"detente {name.split()[0]}" not in documents] == []
    options = [(name, one) for name, command in COMMANDS.items() for one in command.params]
    assert [(name, one.opts) for name, one in options if isinstance(one, click.Option) and not one.help] == []


def test_no_document_tells_of_a_command_or_an_option_that_there_is_not() -> None:
    """Looks at what stands at the beginning of a line or between backticks; a continued line is one."""
    wrong = []
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]:
        text = path.read_text("utf-8").replace("\\\n", " ")
        for found in re.finditer(r"(?:^ *|`)detente ([a-z][^\n`#]*)", text, re.MULTILINE):
            words = found[1].split()
            name = next((" ".join(words[:n]) for n in (2, 1) if " ".join(words[:n]) in COMMANDS), None)
            known = {option for one in COMMANDS[name].params for option in one.opts} if name else GROUPS
            told = {word.strip("[]…,.;") for word in words if word.startswith(("--", "[--"))} if name else {words[0]}
            wrong += [(path.name, found[1], word) for word in told - known - {"--help", "--version"}]
    assert wrong == []
