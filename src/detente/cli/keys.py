"""`detente keys`: what keys a node goes by, and replacing them under its offline root."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console

from detente.errors import ConfigError, OwnFault
from detente.types import instant_of_ms, iso_utc

if TYPE_CHECKING:
    from detente.node.keyring import Keyring

_AHEAD: Final = 4_096
"""How far ahead of a running node's logs a rotation ends the old keys: more than an hour of track frames."""

_out = Console(highlight=False, markup=False, soft_wrap=True)

_directory = click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
_use = click.option(
    "--use", "uses", multiple=True, required=True, help="Which key: env, log, mirror, witness or tls. May be repeated."
)
_root = click.option(
    "--root",
    "root_file",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The root key's file, on the stick it is kept on.",
)


@click.group("keys")
def keys() -> None:
    """Show a node's keys, or replace them under its root. The logs go on, and peers need not pair again."""


@keys.command("show", epilog="\b\nExample: detente keys show alfa")
@_directory
def show(directory: Path) -> None:
    """Show the keys in force in DIRECTORY, and those that ended and where."""
    from detente.node.keyring import load_keyring

    _print(load_keyring(directory / "keys"))


@keys.command("rotate", epilog="\b\nExample: detente keys rotate alfa --use env --use log --root /media/stick/root.key")
@_directory
@_use
@_root
def rotate(directory: Path, uses: tuple[str, ...], root_file: Path) -> None:
    """Replace keys of the node in DIRECTORY. It may run: it takes them over by itself within seconds.

    The old keys count up to an index in each log: the next one, or, while the node runs, one a little ahead.
    """
    sizes, is_running = _sizes(directory)
    ahead = _AHEAD if is_running else 0
    _replace(directory, uses, root_file, {origin: size + ahead for origin, size in sizes.items()})


@keys.command("revoke", epilog="\b\nExample: detente keys revoke alfa --use env --use log --root /media/stick/root.key")
@_directory
@_use
@_root
@click.option(
    "--at",
    "cuts",
    multiple=True,
    metavar="ORIGIN=INDEX",
    help="First index of a log at which the key was in other hands; the next one to be written by default.",
)
def revoke(directory: Path, uses: tuple[str, ...], root_file: Path, cuts: tuple[str, ...]) -> None:
    """Replace keys that were stolen. Stop the node first: the old keys end exactly where its logs stand, or before."""
    sizes, is_running = _sizes(directory)
    if is_running:
        raise OwnFault("stop the node first: a stolen key ends at an index that must not move meanwhile")
    for cut in cuts:
        origin, equals, index = cut.rpartition("=")
        if not equals or not index.isascii() or not index.isdigit() or origin not in sizes:
            raise click.UsageError(f"--at {cut!r}: write ORIGIN=INDEX of a log of this record")
        if int(index) > sizes[origin]:
            raise click.UsageError(f"--at {cut!r}: the log holds {sizes[origin]} leaves")
        sizes[origin] = int(index)
    _replace(directory, uses, root_file, sizes)


def _sizes(directory: Path) -> tuple[dict[str, int], bool]:
    """Return the sizes of all logs of the record, and whether a running node writes it."""
    from detente.node.sqlite import SqliteStore, is_written

    path = directory / "record.sqlite"
    is_running = is_written(path)
    store = SqliteStore(path, read_only=True)
    try:
        return store.sizes(), is_running
    finally:
        store.close()


def _replace(directory: Path, uses: tuple[str, ...], root_file: Path, ends: dict[str, int]) -> None:
    from detente.node.clock import SystemClock
    from detente.node.keyring import load_keyring
    from detente.node.rotation import load_root, replace_keys

    keyring = load_keyring(directory / "keys")
    if not root_file.exists():
        raise ConfigError(f"{root_file}: no root key there: bring the stick")
    made = replace_keys(directory / "keys", load_root(root_file, keyring), uses, ends, SystemClock().now())
    _print(made)
    _out.print("Peers learn of it by the link and show it. Confirm it by phone: say statement and epoch.")
    if "tls" in uses:
        _out.print(
            f"TLS: give each peer {directory / 'keys' / 'pairing.txt'} first; the link is down until they have it."
        )


def _print(keyring: Keyring) -> None:
    from detente.node.clock import SystemClock
    from detente.node.rotation import ended_keys

    statement = keyring.statement
    _out.print(f"{keyring.node}: statement {keyring.statement_digest}, epoch {statement.epoch}")
    first, last = (instant_of_ms(ms) for ms in statement.valid)
    is_over = "" if SystemClock().now() < last else ": OVER, rotate the keys; nothing is refused for it"
    _out.print(f"  valid    {iso_utc(first, 0)} to {iso_utc(last, 0)}{is_over}")
    for key in statement.keys:
        name, key_id, _ = key.vkey.split("+", 2)
        _out.print(f"  {key.use:8} {name} {key_id}")
    for vkey, after in ended_keys(keyring):
        where = ", ".join(f"{origin} from {index}" for origin, index in after.items()) or "everywhere"
        _out.print(f"  ended    {vkey.name} {vkey.key_id.hex()}: {where}")
