"""The command line. Each command lives in a module of its own here and is imported when it is called."""

from __future__ import annotations

import importlib
import io
import os
import sys
from typing import Final

import click

from detente import __version__
from detente.cli.kernels import keep_kernels
from detente.errors import DetenteError

# Command → the module that holds it, under the same name as a click command.
COMMANDS: Final = {
    "account": "detente.cli.account",
    "activity": "detente.cli.activity",
    "acts": "detente.cli.record",
    "alerts": "detente.cli.desk",
    "bench": "detente.cli.bench",
    "check-config": "detente.cli.node",
    "decisions": "detente.cli.desk",
    "demo": "detente.cli.demo",
    "detect": "detente.cli.detect",
    "encounters": "detente.cli.detect",
    "export": "detente.cli.dossier",
    "hotline": "detente.cli.desk",
    "init": "detente.cli.node",
    "keys": "detente.cli.keys",
    "pair": "detente.cli.node",
    "policy": "detente.cli.policy",
    "proposals": "detente.cli.desk",
    "reload": "detente.cli.node",
    "replay": "detente.cli.replay",
    "run": "detente.cli.node",
    "scrub": "detente.cli.record",
    "simulate": "detente.cli.simulate",
    "tiles": "detente.cli.record",
    "verify": "detente.cli.dossier",
}


class _Lazy(click.Group):
    """Commands are imported when called, so that `--help` and a usage error answer at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        command = getattr(importlib.import_module(module), cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="detente")
def cli() -> None:
    """Détente: a mechanism between parties that share an airspace and do not trust each other.

    It warns and records. It is not certified for flight safety, and the absence of a warning is not a clearance.
    """


CLOSED: Final = 141
"""Exit code when who reads the output closes it, as `| head -1` does: what a shell gives any program for it. Neither 0
nor 1, which would say of a check that was cut off how it ended."""


def main() -> int:
    """Run the command line; returns the exit code: 0 done, 1 a check failed, 2 usage or configuration."""
    if sys.stdout is None:
        print("detente: the standard output is closed: there is nowhere to write to", file=sys.stderr)
        return 2
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal of another alphabet, or a file name that is no text, is no reason to end half-way.
        sys.stdout.reconfigure(errors="backslashreplace")
    keep_kernels()
    code = _answered()
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        return code or CLOSED
    except OSError as wrong:
        _drop_output()
        if not code:
            print(f"detente: the output cannot be written: {wrong.strerror}", file=sys.stderr)
        return code or 2
    return code


def _answered() -> int:
    """Run one command; returns its exit code, with one line on stderr for what went wrong."""
    try:
        result = cli(standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.Abort:
        return 130
    except click.exceptions.NoArgsIsHelpError as asked:
        print(asked.format_message(), file=sys.stderr)
        return 2
    except click.UsageError as wrong:
        more = f" See {wrong.ctx.command_path} --help" if wrong.ctx else ""
        print(f"detente: {wrong.format_message()}{more}", file=sys.stderr)
        return 2
    except click.ClickException as wrong:
        print(f"detente: {wrong.format_message()}", file=sys.stderr)
        return 2
    except DetenteError as fault:
        print(f"detente: {fault}", file=sys.stderr)
        return 2
    except (BrokenPipeError, SystemExit):  # click and rich exit so when the output was closed, and no command does
        return CLOSED
    except OSError as wrong:  # a folder that cannot be written, a full disk: wherever it came up
        print(f"detente: {wrong.filename or 'a file or the output'}: {wrong.strerror or wrong}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return result if isinstance(result, int) else 0


def _drop_output() -> None:
    """Let what could not be written go, or the interpreter tries again as it ends and prints a traceback."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
