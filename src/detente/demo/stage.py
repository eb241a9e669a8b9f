"""The stage of a scenario: a folder, a node a party with keys of its own, every pair paired by typed digits."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from detente.config import (
    Config,
    ConsoleConfig,
    CoordinationConfig,
    DemoAccounts,
    DetectionConfig,
    ListenConfig,
    NodeConfig,
    PeerConfig,
    ReleaseConfig,
)
from detente.demo.scenario import Party, Scenario
from detente.demo.staging import declared_by, seen_by
from detente.engine.values import Declares, Feed
from detente.feeds.plot import Plots
from detente.node.clock import Clock
from detente.node.keyring import Keyring, confirm_peer, keep_peer, make_keyring
from detente.node.party import Node, Staging
from detente.node.recordings import open_recording
from detente.node.sqlite import SqliteStore
from detente.types import NodeName

FIRST_CONSOLE_PORT: Final = 8441
RECONSTRUCTION_SOURCE: Final = 100
"""Source number of the feed that plays the reconstruction at each node."""


@dataclass(frozen=True)
class Sight:
    """What one sensor of one party sees of one recording, in the recording's own time."""

    party: str
    source: int
    traffic: str
    plots: Plots
    declared: tuple[bytes, ...]


@dataclass(frozen=True)
class Stage:
    """The nodes, what their sensors see, and the digits of each."""

    folder: Path
    nodes: dict[str, Node]
    sights: list[Sight]
    digits: dict[str, str]


def set_stage(scenario: Scenario, folder: Path, clock: Clock) -> Stage:
    """Return the stage of *scenario* in *folder*; nodes listen on loopback only. Raises ConfigError, FeedFault."""
    keyrings = {party.id: make_keyring(folder / party.id / "keys", party.node, clock.now()) for party in scenario.party}
    _pair_all(folder, keyrings, clock)
    consoles, links = _ports(len(scenario.party), FIRST_CONSOLE_PORT), _ports(len(scenario.party), 0)
    ports = {party.id: (consoles[i], links[i]) for i, party in enumerate(scenario.party)}
    sights = _sights(scenario)
    nodes = {}
    for party in scenario.party:
        SqliteStore(folder / party.id / "record.sqlite", create=True).close()
        staging = Staging(_feeds(scenario, party), tuple(scenario.not_built_yet()))
        node = Node.open(_config(scenario, party, ports), folder / party.id, clock, staging)
        for sight in sights:
            if sight.party == party.id:
                node.inbox.put(Declares(sight.declared))
        nodes[party.id] = node
    return Stage(folder, nodes, sights, {party: keyring.own_digits for party, keyring in keyrings.items()})


def _pair_all(folder: Path, keyrings: Mapping[str, Keyring], clock: Clock) -> None:
    """Pair every two parties as officers would, the digits of one typed at the other."""
    for party in keyrings:
        for other, keyring in keyrings.items():
            if other != party:
                keep_peer(folder / party / "keys", keyring.pairing)
                confirm_peer(folder / party / "keys", keyring.node, keyring.own_digits, clock.now())


def _config(scenario: Scenario, party: Party, ports: Mapping[str, tuple[int, int]]) -> Config:
    console, link = ports[party.id]
    view = next(view for view in scenario.view if view.name == party.view)
    return Config(
        node=NodeConfig(party=party.id, name=party.name, node=party.node, badges=list(scenario.labels)),
        listen=ListenConfig(
            console=f"127.0.0.1:{console}", link=f"127.0.0.1:{link}", hosts=[f"{party.id}.localhost:{console}"]
        ),
        peer=[
            PeerConfig(party=other.id, name=other.name, node=other.node, link=f"127.0.0.1:{ports[other.id][1]}")
            for other in scenario.party
            if other.id != party.id
        ],
        detection=DetectionConfig(
            profile=party.profile, zones=[str(scenario.file(name)) for name in party.zones], tick_s=0.2
        ),
        release=ReleaseConfig(policy=str(scenario.file(party.policy))),
        escalation=party.escalation,
        coordination=CoordinationConfig(
            tables=[str(scenario.file(f)) for f, charter in scenario.charters().items() if party.id in charter.members]
        ),
        accounts=DemoAccounts(),
        console=ConsoleConfig(centre=(view.latitude_deg, view.longitude_deg), range_nm=view.range_nm),
    )


def _feeds(scenario: Scenario, party: Party) -> tuple[Feed, ...]:
    labels = {traffic.name: traffic.label for traffic in scenario.traffic}
    feeds = tuple(Feed(i, s.feed, note=f"{labels[s.traffic]}; moved to now") for i, s in enumerate(party.sensor))
    note = "RECONSTRUCTION of 24 November 2015, synthetic"
    return (*feeds, Feed(RECONSTRUCTION_SOURCE, "reconstruction", is_synthetic=True, note=note))


def _sights(scenario: Scenario) -> list[Sight]:
    recorded = {t.name: open_recording(scenario.file(t.recording)).plots for t in scenario.traffic}
    traffic = {t.name: t for t in scenario.traffic}
    sights = []
    for party in scenario.party:
        for source, sensor in enumerate(party.sensor):
            about = traffic[sensor.traffic]
            plots = recorded[sensor.traffic]
            inside = (plots["applicable_at_ns"] >= about.begins) & (plots["applicable_at_ns"] <= about.ends)
            seen = seen_by(sensor, plots[inside])
            declared = tuple(one.encode() for one in declared_by(sensor, seen))
            sights.append(Sight(party.id, source, sensor.traffic, seen, declared))
    return sights


def _ports(n: int, first: int) -> list[int]:
    """Return *n* free ports of loopback, from *first* on where they are free; *first* 0 takes any."""
    found: list[int] = []
    wanted = first
    with closing(_Held()) as held:
        while len(found) < n:
            port = held.take(wanted)
            if port:
                found.append(port)
            elif not first or wanted > first + 200:
                raise OSError("no free port on loopback")
            wanted += 1 if first else 0
    return found


class _Held:
    """Keeps ports taken until all are chosen, so that none is chosen twice."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []

    def take(self, port: int) -> int:
        """Return *port* (any free one for 0) when it is free, else 0."""
        listener = socket.socket()
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            listener.close()
            return 0
        self._sockets.append(listener)
        return int(listener.getsockname()[1])

    def close(self) -> None:
        for one in self._sockets:
            one.close()


def node_names(stage: Stage) -> dict[str, NodeName]:
    """Return each party's node name."""
    return {party: node.keyring.node for party, node in stage.nodes.items()}
