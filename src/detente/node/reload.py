"""A configuration read again while the node runs: peers and tables that are new in it.

All of the file is checked before anything changes; a bad one changes nothing, and the desk says why. Whatever else is
different in it, and a peer that is gone from it, wait for the next start, and that is said too.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import structlog
from msgspec.structs import fields, replace

from detente.config import Config
from detente.engine.restore import restore
from detente.engine.values import Noticed, PeersAdded
from detente.errors import ConfigError, DetenteError
from detente.evidence.audit import Act
from detente.node.configured import address_of, charters_of, paired_of, party_of
from detente.node.keyring import load_peers
from detente.node.party import Node
from detente.types import NodeName, PartyId

log = structlog.get_logger()

_TAKEN = frozenset({"peer", "coordination"})


async def read_again(node: Node, read: Callable[[], Config]) -> list[str]:
    """Take over what is new in the configuration that *read* returns; returns what waits for the next start.

    Raises nothing: a fault is shown at the desk and noted in the node's log.
    """
    try:
        waits = await _taken_over(node, read())
    except DetenteError as fault:
        log.warning("configuration", fault=str(fault))
        node.inbox.put(Noticed("configuration", f"the configuration was not taken over, nothing changed: {fault}"))
        return []
    said = f"taken over; waits for the next start: {', '.join(waits)}" if waits else ""
    node.inbox.put(Noticed("configuration", said and f"the configuration is {said}"))
    return waits


async def _taken_over(node: Node, wanted: Config) -> list[str]:
    before, folder = node.config, node.folder
    known = {peer.party: peer for peer in before.peer}
    new = [peer for peer in wanted.peer if peer.party not in known]
    nodes = [before.node.node, *(peer.node for peer in before.peer)]
    for peer in new:
        if peer.node in nodes:
            raise ConfigError(f"peer {peer.party!r}: {peer.node} is a party here already")
        nodes.append(peer.node)
    after = replace(before, peer=[*before.peer, *new], coordination=wanted.coordination)
    tables = charters_of(after, folder)
    paired = paired_of(new, load_peers(node.keys.directory), _keys_folder(node))
    addresses = [address_of(peer, paired[PartyId(peer.party)]) for peer in new]
    # From here on nothing can be refused but by the machine.
    for address in addresses:
        node.links.check(address)
    node.keys.paired.update(paired)
    node.config = after
    node.nodes.update({PartyId(peer.party): NodeName(peer.node) for peer in new})
    node.parties.update({NodeName(peer.node): PartyId(peer.party) for peer in new})
    sessions = node.sessions([PartyId(peer.party) for peer in new])
    held = node.engine.tables.tables
    await node.inbox.ask(
        PeersAdded(
            tuple((party_of(peer), sessions[PartyId(peer.party)]) for peer in new),
            tuple(charter for charter in tables if charter.table not in held),
            node.releaser(node.engine.policies.in_force),
        )
    )
    restore(node.engine, node.store.read, set(sessions))  # of a peer that was one before
    for peer in new:
        node.pictures.added(peer.party)
        node.party_of_node[peer.node] = peer.party
    for address in addresses:
        node.links.add(address)
        node.acts.note(Act.CONFIG, "node", {"peer": address.node})
    changed = [field.name for field in fields(Config) if field.name not in _TAKEN]
    waits = [name for name in changed if getattr(before, name) != getattr(wanted, name)]
    asked = {peer.party: peer for peer in wanted.peer}
    waits += [f"peer {party}" for party, peer in known.items() if asked.get(party) != peer]
    names = {charter.table: charter for charter in tables}
    waits += [
        f"table {name}"
        for name, table in held.items()
        if name not in names or names[name].digest != table.charter.digest
    ]
    return waits


def _keys_folder(node: Node) -> Path:
    return node.folder / node.config.node.directory
