"""What the commands share that ask a running node: which desk, whose token, and how answers are printed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import click
import msgspec

from detente.client import Desk
from detente.errors import ConfigError
from detente.evidence.verdict import plain

P = ParamSpec("P")


def at_desk(command: Callable[..., int | None]) -> Callable[..., int | None]:
    """Give *command* the options of a desk, and the opened desk as its first argument."""

    @click.option("--desk", "address", envvar="DETENTE_DESK", default="http://localhost:8440", show_default=True,
                  help="Address of the console; DETENTE_DESK by default.")  # fmt: skip
    @click.option("--token-file", envvar="DETENTE_TOKEN_FILE", required=True,
                  type=click.Path(exists=True, dir_okay=False, path_type=Path),
                  help="File with an account's token (detente account token), or DETENTE_TOKEN_FILE.")  # fmt: skip
    @wraps(command)
    def with_desk(address: str, token_file: Path, **rest: Any) -> int | None:
        try:
            token = token_file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as wrong:
            raise ConfigError(f"{token_file}: {wrong}") from None
        with Desk(address, token) as desk:
            return command(desk, **rest)

    return with_desk


as_json = click.option("--json", "is_json", is_flag=True, help="One JSON value a line, as the API gives it.")


def show(rows: Iterable[Any], line: Callable[[Any], str], *, is_json: bool) -> None:
    """Print *rows*, each as JSON or by *line*; what does not show, or turns a line about, is printed as its number."""
    for row in rows:
        if is_json:
            sys.stdout.buffer.write(msgspec.json.encode(row) + b"\n")
        else:
            click.echo(plain(line(row)))
    sys.stdout.flush()


def the_table(desk: Desk, named: str) -> str:
    """Return the table that is meant: *named*, or the only one there is; raises ConfigError when that is unclear."""
    if named:
        return named
    tables = [brief.table for brief in desk.tables.all()]
    if len(tables) == 1:
        return tables[0]
    raise ConfigError(f"say which --table: {', '.join(tables) or 'this party sits at none'}")
