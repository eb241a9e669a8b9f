"""A session as the store has it: the start of a node, and the way on after a cut, a crash or a failed write."""

from __future__ import annotations

from detente.evidence.keys import origin
from detente.evidence.leaf import Lane
from detente.evidence.log import Log
from detente.evidence.store import LeafStore
from detente.link import fork
from detente.link.hybrid import HybridClock
from detente.link.identity import LinkLimits, OwnIdentity, PeerIdentity
from detente.link.session import Session
from detente.link.settlement import epoch_key
from detente.types import NodeName

_TRACK_BODIES = 3_600
"""Of so many of the newest track frames a missing body is asked for again; older ones serve nobody's picture."""


def restored_log(store: LeafStore, writer: NodeName, reader: NodeName, lane: Lane) -> Log:
    """Return the log in which *writer* speaks to *reader* on *lane*, in its newest epoch, as *store* has it."""
    name = origin(writer, reader, lane, _epoch(store, writer, reader, lane))
    return Log(name, store.tree(name), store.checkpoint(name), store.receipt(name))


def _epoch(store: LeafStore, writer: NodeName, reader: NodeName, lane: Lane) -> int:
    return int(store.state(epoch_key(origin(writer, reader, lane))) or 1)


def past_logs(store: LeafStore, one: NodeName, other: NodeName) -> dict[str, int]:
    """Return the logs of earlier epochs between two nodes, and how many leaves each has."""
    ways = [(writer, reader, lane) for writer, reader in ((one, other), (other, one)) for lane in Lane]
    names = [origin(*way, epoch) for way in ways for epoch in range(1, _epoch(store, *way))]
    sizes = store.sizes()
    return {name: sizes.get(name, 0) for name in names}


def missing_bodies(store: LeafStore, log: Log, lane: Lane) -> set[int]:
    """Return the leaves of a mirrored *log* whose body is still to come."""
    return set(store.bodies_wanted(log.origin, max(0, log.size - _TRACK_BODIES) if lane is Lane.TRACK else 0))


def restored_session(
    store: LeafStore,
    own: OwnIdentity,
    peer: PeerIdentity,
    limits: LinkLimits | None = None,
    codebook: str = "",
    clock: HybridClock | None = None,
) -> Session:
    """Return the session with *peer* that goes on from what *store* has."""
    mirrors = {lane: restored_log(store, peer.node, own.node, lane) for lane in Lane}
    written = {lane: restored_log(store, own.node, peer.node, lane) for lane in Lane}
    proofs = {log.origin: store.state(fork.state_key(log.origin)) for log in (*written.values(), *mirrors.values())}
    return Session(
        own,
        peer,
        written,
        mirrors,
        store.read,
        limits,
        codebook,
        clock=clock,
        missing={lane: missing_bodies(store, log, lane) for lane, log in mirrors.items()},
        past=past_logs(store, own.node, peer.node),
        forks={name: fork.unpacked(proof) for name, proof in proofs.items() if proof is not None},
    )
