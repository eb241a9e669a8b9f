"""`detente init`, `pair`, `check-config`, `run`: from an empty folder to a running node."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import Console

from detente.errors import ConfigError, DetenteError, PeerFault

_CONFIG = """\
# Détente: one node. An unknown key is refused with its path. See docs/operate/configure.md.

[node]
party = "{party}"
name = "{name}"
node = "{party}.example/detente"   # the name on the link and in the record; fixed by the keys
directory = "."                    # keys/ and record.sqlite stand here

[listen]
console = "127.0.0.1:8440"         # the desk, for browsers of this machine
link = "127.0.0.1:7440"            # where peers connect; loopback until you say otherwise
hosts = ["{party}.localhost:8440"]

[release]
policy = "release.toml"            # what leaves; without a rule nothing does

[detection]
profile = "en-route"               # en-route, terminal, low-level, light-aircraft
zones = []                         # GeoJSON files of notified lines and zones

[console]
centre = [47.0, 8.0]               # latitude, longitude of the map's centre
range_nm = 150.0

[accounts]
kind = "passkey"                   # accounts of this node: detente account add. Others: oidc, demo

# One block a peer, after `detente pair`:
# [[peer]]
# party = "bravo"
# name = "Bravo"
# node = "bravo.example/detente"
# link = "127.0.0.1:7441"

# One block a sensor:
# [[feed]]
# kind = "sbs"                     # sbs, beast, recording
# name = "receiver"
# address = "127.0.0.1:30003"
"""

_POLICY = """\
# What leaves this node. Rules stand in order; the first that matches decides; when none does, the track is withheld.
# See docs/operate/release.md and the examples there.
name = "nothing leaves"
"""


def _quoted(text: str) -> str:
    """Return *text* as it stands between the quotes of a TOML string."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


_out = Console(highlight=False, markup=False, soft_wrap=True)


@click.command("init", epilog="\b\nExample: detente init alfa --party alfa")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--party", required=True, help="Short name of this party: lower case, letters, digits, hyphen.")
@click.option("--name", default="", help="Name as shown at every desk; the party's by default.")
@click.option("--node", default="", help="Name on the link and in the record; PARTY.example/detente by default.")
@click.option(
    "--root-in",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the root key, best a stick; DIRECTORY/offline by default, to be taken away.",
)
def init(directory: Path, party: str, name: str, node: str, root_in: Path | None) -> None:
    """Make keys, an empty record and a configuration in DIRECTORY."""
    from detente.config import NODE_NAME, PARTY_NAME, parse_config
    from detente.node.clock import SystemClock
    from detente.node.keyring import make_keyring
    from detente.node.sqlite import SqliteStore

    path = directory / "detente.toml"
    if path.exists():
        raise ConfigError(f"{path}: there is a node already")
    if re.fullmatch(PARTY_NAME, party) is None:
        raise ConfigError(f"--party {party!r}: lower case letters, digits and hyphens, 32 at most, a letter first")
    if node and re.fullmatch(NODE_NAME, node) is None:
        raise ConfigError(f"--node {node!r}: HOST/detente, as in {party}.example/detente, in lower case")
    if not name.isprintable():
        raise ConfigError(f"--name {name!r}: one line of signs that can be seen")
    text = _CONFIG.format(party=party, name=_quoted(name or party.capitalize()))
    if node:
        text = text.replace(f"{party}.example/detente", node)
    config = parse_config(text.encode(), path)
    directory.mkdir(parents=True, exist_ok=True)
    root_in = root_in or directory / "offline"
    keyring = make_keyring(directory / "keys", config.node.node, SystemClock().now(), root_in=root_in)
    SqliteStore(directory / "record.sqlite", create=True).close()
    (directory / "release.toml").write_text(_POLICY, "utf-8")
    path.write_text(text, "utf-8")
    _out.print(f"A node for {config.node.name} stands in {directory}.")
    _out.print(f"  1. Take {root_in / 'root.key'} offline: paper or a stick in a safe, then delete it here.")
    _out.print(f"  2. Give each peer {directory / 'keys' / 'pairing.txt'} by any channel.")
    _out.print("  3. On the phone, read your own digits and let the other side type them:")
    _out.print(f"       {keyring.own_digits}")
    _out.print(f"  4. detente pair {directory} PAIRING_FILE")
    _out.print(f"  5. detente account add {directory} --role duty_officer --name NAME, for each who sits at the desk")
    _out.print(f"  6. detente run --config {path}")


@click.command("pair", epilog="\b\nExample: detente pair alfa bravo/keys/pairing.txt")
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("pairing", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--digits", default="", help="The peer's thirty digits as its officer reads them; asked for if not given."
)
@click.option("--forget", "forgotten", default="", help="Forget the peer with this node name.")
def pair(directory: Path, pairing: Path | None, digits: str, forgotten: str) -> None:
    """Pair with a peer: import its PAIRING file, then type the thirty digits that its officer reads to you.

    Without a PAIRING file: show your own digits, and who is paired.
    """
    from detente.node.clock import SystemClock
    from detente.node.keyring import (
        confirm_peer,
        forget_peer,
        keep_peer,
        load_keyring,
        load_peers,
        peer_from_statement,
    )
    from detente.types import NodeName, iso_utc

    keys = directory / "keys"
    if forgotten:
        forget_peer(keys, NodeName(forgotten))
        _out.print(f"{forgotten} is forgotten.")
        return
    keyring = load_keyring(keys)
    _out.print(f"Your own digits, to be read to the other side by phone:  {keyring.own_digits}")
    if pairing is None:
        for node, paired in load_peers(keys).items():
            state = f"confirmed {iso_utc(paired.confirmed_at, 0)}" if paired.confirmed_at else "UNVERIFIED"
            _out.print(f"  {node}: {state}")
        return
    try:
        raw = pairing.read_bytes()
        if peer_from_statement(raw).node == keyring.node:
            raise ConfigError(f"{pairing}: this is your own pairing file: the peer's is needed")
        kept = keep_peer(keys, raw)
    except PeerFault as wrong:
        raise ConfigError(f"{pairing}: {wrong}") from None
    node = kept.keys.node
    if kept.confirmed_at is None:
        typed = digits or click.prompt(f"Type the digits that the officer of {node} reads to you")
        kept = confirm_peer(keys, node, typed, SystemClock().now())
    _out.print(f"{node} is confirmed. Add it to detente.toml as a [[peer]].")


@click.command("check-config", epilog="\b\nExample: detente check-config alfa/detente.toml")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def check_config(file: Path) -> None:
    """Check a node's configuration or a scenario, and the files it names; exit 2 with the key's path if it is wrong."""
    if _is_scenario(file):
        from detente.demo.scenario import check_scenario

        lines = check_scenario(file)
    else:
        from detente.node.configured import check_files

        lines = check_files(file)
    for line in lines:
        _out.print(line)


@click.command("reload", epilog="\b\nExample: detente reload --config alfa/detente.toml")
@click.option("--config", "file", required=True, type=click.Path(dir_okay=False, path_type=Path), help="detente.toml")
def reload(file: Path) -> None:
    """Check a configuration, then let the node that runs under it read it again: new peers and tables."""
    from detente.config import read_config
    from detente.node.configured import check_files
    from detente.node.sqlite import writer_pid

    for line in check_files(file):
        _out.print(line)
    os.kill(writer_pid(file.parent / read_config(file).node.directory / "record.sqlite"), signal.SIGHUP)
    _out.print("The node reads it now. What it did not take over, it says at the desk.")


def _is_scenario(file: Path) -> bool:
    """Whether *file* has the steps of a scenario; what cannot be read is left to who reads it next."""
    try:
        keys = tomllib.loads(file.read_text("utf-8-sig")).keys()
    except (OSError, UnicodeDecodeError, RecursionError, tomllib.TOMLDecodeError):
        return False
    return "step" in keys and "node" not in keys


@click.command("run", epilog="\b\nExample: detente run --config alfa/detente.toml")
@click.option("--config", "file", required=True, type=click.Path(dir_okay=False, path_type=Path), help="detente.toml")
def run(file: Path) -> int:
    """Run a node until Ctrl-C. On SIGHUP it reads its configuration again: new peers, tables, the release policy."""
    from detente.config import read_config
    from detente.node import garbage
    from detente.node.logs import set_up
    from detente.node.party import Node, warm
    from detente.node.reload import read_again

    set_up()

    async def _run() -> None:
        with garbage.unlooked():
            node = Node.open(read_config(file), file.parent)
            await asyncio.to_thread(warm)
        running = asyncio.current_task()
        assert running is not None
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(sign, running.cancel)
        readings: set[asyncio.Task[list[str]]] = set()

        def read_configuration() -> None:
            reading = loop.create_task(read_again(node, lambda: read_config(file)))
            readings.add(reading)  # the loop alone would let it be collected before it is done
            reading.add_done_callback(readings.discard)

        loop.add_signal_handler(signal.SIGHUP, read_configuration)

        def listens() -> None:
            _out.print(f"{node.config.node.name}: console at {node.console_url}  (Ctrl-C ends it)")

        async with garbage.short_looks():
            await node.run(listens)

    try:
        asyncio.run(_run())
    except asyncio.CancelledError:
        return 0
    except OSError as wrong:
        raise DetenteError(str(wrong)) from None
    except BaseExceptionGroup as several:
        _, others = several.split((DetenteError, OSError))
        if others is not None:
            raise  # a fault of our own: all of it is wanted
        raise DetenteError("; ".join(str(fault) for fault in _each(several))) from None
    return 0


def _each(several: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for one in several.exceptions:
        if isinstance(one, BaseExceptionGroup):
            yield from _each(one)
        else:
            yield one
