"""`detente account`: who may sit at a node's desk."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console

from detente.types import Role, instant_of_ms, iso_utc

if TYPE_CHECKING:
    from detente.config import Config
    from detente.node.accounts import AccountBook

_out = Console(highlight=False, markup=False, soft_wrap=True)

_ROLES: Final = [role.value for role in Role]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _opened(directory: Path) -> tuple[Config, AccountBook]:
    from detente.config import read_config
    from detente.node.accounts import ACCOUNTS_FILE, AccountBook

    config = read_config(directory / "detente.toml")
    return config, AccountBook(directory / config.node.directory / ACCOUNTS_FILE)


@click.group("account")
def account() -> None:
    """Accounts of a node: each has one seat, and is opened by its person's passkeys."""


_directory = click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
_account = click.argument("name_of", metavar="ACCOUNT")


@account.command("add", epilog='\b\nExample: detente account add alfa --role duty_officer --name "First shift"')
@_directory
@click.option("--role", required=True, type=click.Choice(_ROLES), help="The seat.")
@click.option("--name", required=True, help="The person's name, for this party's own desk; no other party is told it.")
def add(directory: Path, role: str, name: str) -> None:
    """Make an account and print the one-time address where its person makes a passkey."""
    config, book = _opened(directory)
    made, code = book.add(name, Role(role), _now_ms())
    _out.print(f"{made.account}: {name}, {role}")
    _invite(config, code)


@account.command("enrol", epilog="\b\nExample: detente account enrol alfa ACCOUNT")
@_directory
@_account
def enrol(directory: Path, name_of: str) -> None:
    """Print a new one-time address, for a further passkey or in place of a lost one."""
    config, book = _opened(directory)
    _invite(config, book.enrol(name_of, _now_ms()))


def _invite(config: Config, code: str) -> None:
    from detente.config import PasskeyAccounts
    from detente.node.configured import console_url

    if not isinstance(config.accounts, PasskeyAccounts):
        _out.print("  The node does not use passkeys ([accounts] kind): the account is good for tokens only.")
        return
    _out.print("  Give this address to that person and nobody else; it works once, within 24 hours:")
    _out.print(f"    {console_url(config)}#enrol={code}")


@account.command("token", epilog='\b\nExample: detente account token alfa ACCOUNT --name "night report" > alfa.token')
@_directory
@_account
@click.option("--name", required=True, help="What it is for; a token of the same name is replaced.")
@click.option(
    "--days", default=30, show_default=True, type=click.IntRange(1, 366), help="For how many days it is good."
)
def token(directory: Path, name_of: str, name: str, days: int) -> None:
    """Print a token for programs: it has the account's seat, and can neither commit nor send FLASH."""
    now_ms = _now_ms()
    _, book = _opened(directory)
    made = book.give_token(name_of, name[:60], now_ms, now_ms + days * 86_400_000)
    _out.print(made)


@account.command("list", epilog="\b\nExample: detente account list alfa")
@_directory
def list_(directory: Path) -> None:
    """Show the accounts, with what opens each."""
    _, book = _opened(directory)
    now_ms = _now_ms()
    for one in book.all():
        tokens = [f"{t.name} until {iso_utc(instant_of_ms(t.until_ms), 0)}" for t in one.tokens if now_ms < t.until_ms]
        state = "ended" if one.ended else f"{len(one.passkeys)} passkeys"
        waits = one.enrolment is not None and now_ms < one.enrolment.until_ms
        more = [*(["one-time address open"] if waits else []), *(f"token {text}" for text in tokens)]
        _out.print(f"{one.account}  {one.role.value}  {one.name}  {', '.join([state, *more])}")


@account.command("end", epilog="\b\nExample: detente account end alfa ACCOUNT")
@_directory
@_account
def end(directory: Path, name_of: str) -> None:
    """End an account now: its sessions, passkeys and tokens are worth nothing from this moment on."""
    _, book = _opened(directory)
    _out.print(f"{book.end(name_of).account} is ended.")
