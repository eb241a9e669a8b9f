"""Nodes that read their configuration again while they run: a third party comes in, and a bad file changes nothing."""

from __future__ import annotations

import asyncio
import os

import pytest

from detente.config import Config, CoordinationConfig, ListenConfig, NodeConfig, PeerConfig, RecordConfig
from detente.errors import ConfigError
from detente.evidence.audit import Act
from detente.link.transitions import State
from detente.node import party
from detente.node.keyring import confirm_peer, keep_peer, make_keyring
from detente.node.party import Node
from detente.node.reload import read_again
from detente.node.sqlite import SqliteStore, writer_pid
from detente.types import PartyId
from node.test_party import NOW, acts_of, faults, running, say, texts, until
from node.test_peers import free_port

PARTIES = ("alfa", "bravo", "charlie")
TABLE = 'table = "line"\ntitle = "The line"\nmembers = ["alfa", "bravo", "charlie"]\nagreement = "As we agreed."\n'


@pytest.fixture(autouse=True)
def _no_kernels(monkeypatch):
    monkeypatch.setattr(party, "warm", lambda: None)  # nothing flies here


class Stage:
    """Three parties' folders and keys, each paired with the others."""

    def __init__(self, folder):
        self.folder = folder
        self.ports = {name: (free_port(), free_port()) for name in PARTIES}
        rings = {name: make_keyring(folder / name / "keys", self.node_name(name), NOW) for name in PARTIES}
        self.rings = rings
        for name in PARTIES:
            SqliteStore(folder / name / "record.sqlite", create=True).close()

    def pair(self, name, *others):
        for other in others:
            keep_peer(self.folder / name / "keys", self.rings[other].pairing)
            confirm_peer(self.folder / name / "keys", self.node_name(other), self.rings[other].own_digits, NOW)

    @staticmethod
    def node_name(name):
        return f"{name}.example/detente"

    def config(self, name, *others, tables=(), **more):
        console, link = self.ports[name]
        peers = [
            PeerConfig(party=o, name=o, node=self.node_name(o), link=f"127.0.0.1:{self.ports[o][1]}") for o in others
        ]
        return Config(
            node=NodeConfig(party=name, name=name.capitalize(), node=self.node_name(name)),
            listen=ListenConfig(console=f"127.0.0.1:{console}", link=f"127.0.0.1:{link}"),
            peer=peers,
            coordination=CoordinationConfig(tables=list(tables)),
            **more,
        )

    def node(self, name, *others):
        self.pair(name, *others)
        return Node.open(self.config(name, *others), self.folder / name)


def is_up(node, *peers):
    return lambda: all(node.engine.link_state(PartyId(peer)) in {State.UP, State.DEGRADED} for peer in peers)


def test_a_third_party_is_added_by_configuration_while_the_others_run(tmp_path):
    stage = Stage(tmp_path)

    async def scene():
        alfa, bravo = stage.node("alfa", "bravo"), stage.node("bravo", "alfa")
        charlie = stage.node("charlie", "alfa", "bravo")
        async with running(alfa, bravo, charlie):
            await until(is_up(alfa, "bravo"), 60.0)
            await say(alfa, "bravo", "before")
            link = alfa.engine._sessions[PartyId("bravo")]
            for node, other in ((alfa, "bravo"), (bravo, "alfa")):
                own = node.config.node.party
                stage.pair(own, "charlie")
                (tmp_path / own / "line.toml").write_text(TABLE, "utf-8")
                wanted = stage.config(own, other, "charlie", tables=["line.toml"])
                assert await read_again(node, lambda wanted=wanted: wanted) == []
                assert list(node.engine.tables.tables) == ["line"]
            await until(is_up(charlie, "alfa", "bravo"), 60.0)
            await say(alfa, "charlie", "welcome")
            await say(charlie, "bravo", "good evening")
            await until(lambda: "welcome" in texts(charlie) and "good evening" in texts(bravo), 60.0)
            assert alfa.engine._sessions[PartyId("bravo")] is link  # the link that was there went on
            assert "before" in texts(bravo)
            board = alfa.engine.board(next(iter(party.Role)), alfa.clock.now())
            assert [row["id"] for row in board.parties] == ["alfa", "bravo", "charlie"]
            assert {row.party for row in board.peers} == {"bravo", "charlie"}

    asyncio.run(scene())
    acts = [entry.act for entry in acts_of(tmp_path / "alfa", [stage.rings["alfa"].env.vkey])]
    assert Act.CONFIG in acts


def test_a_bad_file_changes_nothing_and_the_desk_says_why(tmp_path):
    stage = Stage(tmp_path)

    def unreadable():
        raise ConfigError("detente.toml: Object contains unknown field `pier`")

    async def scene():
        alfa = stage.node("alfa", "bravo")
        async with running(alfa):
            for read, why in (
                (unreadable, "unknown field `pier`"),
                (lambda: stage.config("alfa", "bravo", "charlie"), "peer 'charlie' is not paired"),
                (lambda: stage.config("alfa", "bravo", tables=["none.toml"]), "none.toml"),
            ):
                assert await read_again(alfa, read) == []
                await until(lambda why=why: why in faults(alfa))
                assert [peer.party for peer in alfa.config.peer] == ["bravo"]
                assert set(alfa.keys.paired) == {"bravo"}
            waits = await read_again(alfa, lambda: stage.config("alfa", record=RecordConfig(scrub_hours=1.0)))
            assert waits == ["record", "peer bravo"]
            await until(lambda: "waits for the next start: record, peer bravo" in faults(alfa))
            assert await read_again(alfa, lambda: stage.config("alfa", "bravo")) == []
            await until(lambda: "configuration" not in faults(alfa))

    asyncio.run(scene())


def test_the_process_that_writes_a_record_is_known_while_it_does(tmp_path):
    path = tmp_path / "record.sqlite"
    store = SqliteStore(path, create=True)
    assert writer_pid(path) == os.getpid()
    store.close()
    with pytest.raises(ConfigError, match="no node writes"):
        writer_pid(path)
