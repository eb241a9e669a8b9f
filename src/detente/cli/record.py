"""`detente scrub`, `acts`, `tiles`: looking after the record of a node."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from detente.errors import ConfigError

if TYPE_CHECKING:
    from detente.node.scrub import Damage
    from detente.node.sqlite import SqliteStore

_out = Console(highlight=False, markup=False, soft_wrap=True)
_directory = click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))


@click.command("scrub", epilog="\b\nExample: detente scrub alfa")
@_directory
def scrub(directory: Path) -> int:
    """Read the whole record and the log of acts in DIRECTORY again; exit 1 and say where if anything is damaged.

    The node may run, and then repairs what it finds by itself from the other side's copy, once a day.
    """
    from rich.progress import Progress

    from detente.evidence.keys import KeyChain
    from detente.node.acts import AUDIT_FILE
    from detente.node.keyring import load_keyring, load_peers
    from detente.node.scrub import scrub as read_again
    from detente.node.sqlite import SqliteStore

    own = load_keyring(directory / "keys").chain
    chains: dict[str, KeyChain] = {own.node: own}
    chains |= {paired.keys.node: paired.keys.chain for paired in load_peers(directory / "keys").values()}
    found: list[Damage] = []
    total = 0
    shown = Console(stderr=True)
    for name in ("record.sqlite", AUDIT_FILE):
        if name == AUDIT_FILE and not (directory / name).exists():
            continue  # the node never ran
        store = SqliteStore(directory / name, read_only=True)
        try:
            leaves = sum(store.sizes().values())
            total += leaves
            with Progress(console=shown, transient=True, disable=not shown.is_terminal) as bar:
                task = bar.add_task(f"reading {name}", total=leaves)
                before, done = "", 0
                for step in read_again(store, chains, has_bodies=name != AUDIT_FILE):
                    done = step.leaves - (done if step.origin == before else 0)
                    bar.advance(task, done)
                    before, done = step.origin, step.leaves
                    found += step.found
            if name == AUDIT_FILE:
                found += _witnessed_otherwise(store)
        finally:
            store.close()
    for damage in found:
        _out.print(f"{damage.origin}  {damage.what} {damage.seq}: {damage.why}")
    _out.print(f"{total} leaves read, {len(found)} damaged")
    return 1 if found else 0


def _witnessed_otherwise(store: SqliteStore) -> list[Damage]:
    from detente.evidence.checkpoint import Checkpoint
    from detente.evidence.note import split_note
    from detente.node.scrub import Damage

    found: list[Damage] = []
    for peer, note in store.states("witnessed/").items():
        head = Checkpoint.parse(split_note(note)[0].decode())
        tree = store.tree(head.origin)
        if head.size > tree.size or tree.root(head.size) != head.root:
            why = f"not what {peer.removeprefix('witnessed/')} has witnessed: an act was taken out or changed"
            found.append(Damage(head.origin, "root", head.size, why))
    return found


@click.command("acts", epilog="\b\nExample: detente acts alfa --json")
@_directory
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def acts(directory: Path, as_json: bool) -> None:
    """Show the log of acts of the node in DIRECTORY: who did what and when, by seat. The node may run."""
    from detente.evidence.audit import check_chain
    from detente.evidence.keys import audit_origin
    from detente.evidence.leaf import FIRST_PREV
    from detente.node.acts import AUDIT_FILE
    from detente.node.keyring import load_keyring
    from detente.node.sqlite import SqliteStore
    from detente.types import instant_of_ms, iso_utc

    own = load_keyring(directory / "keys").chain
    if not (directory / AUDIT_FILE).exists():
        raise ConfigError(f"{directory / AUDIT_FILE}: no acts yet: the node never ran")
    store = SqliteStore(directory / AUDIT_FILE, read_only=True)
    try:
        origin = audit_origin(own.node)
        leaves = [entry.leaf for entry in store.read(origin, 0, 2**53)]
    finally:
        store.close()
    for entry in check_chain(leaves, 0, FIRST_PREV, origin, own.vkeys("env")):
        at = iso_utc(instant_of_ms(entry.at))
        if as_json:
            print(json.dumps({"at": at, "act": entry.act, "by": entry.by, "seq": entry.seq, "about": entry.about}))
        else:
            about = "  ".join(f"{key}={value}" for key, value in sorted(entry.about.items()))
            _out.print(f"{at}  {entry.by:16} {entry.act:10} {about}")


@click.command("tiles", epilog="\b\nExample: detente tiles alfa --out tiles")
@_directory
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A new folder.")
def tiles(directory: Path, out: Path) -> None:
    """Write the logs of the node in DIRECTORY as files that foreign tools read (C2SP tlog-tiles). The node may run."""
    from detente.node.logfiles import write_logs
    from detente.node.sqlite import SqliteStore

    store = SqliteStore(directory / "record.sqlite", read_only=True)
    try:
        if not any(store.sizes().values()):
            raise ConfigError(f"{directory / 'record.sqlite'}: no leaf yet: nothing was said with any peer")
        with Console(stderr=True).status("writing the logs"):
            count = write_logs(store, out)
    finally:
        store.close()
    _out.print(f"{out}: {count} files")
