"""A node put together from its configuration: keys, record, links, engine, console. The wiring, top to bottom."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import structlog

from detente.alerts.escalation import agreed_ladder
from detente.alerts.life import AlertBook
from detente.config import (
    Config,
    RecordingFeed,
    split_address,
)
from detente.desk.codebook import draft_codebook
from detente.detect import detector as detection
from detente.engine.policies import STATE_KEY, kept_policy
from detente.engine.values import (
    Declared,
    Feed,
    Party,
    PeerClosed,
    PeerOpened,
    PeerSent,
    Setup,
)
from detente.errors import ConfigError, PeerFault
from detente.link.frames import Code
from detente.link.hybrid import HybridClock
from detente.link.identity import OwnIdentity, PeerIdentity
from detente.link.restore import restored_session
from detente.link.session import Session
from detente.node.accounts import ACCOUNTS_FILE, AccountBook, AccountsUnreadable
from detente.node.acts import Acts
from detente.node.clock import Clock, SystemClock
from detente.node.configured import (
    accounts_of,
    address_of,
    airspace_of,
    charters_of,
    console_hosts,
    console_url,
    demo_badge,
    link_limits,
    paired_of,
    party_of,
    policy_of,
    policy_text_of,
    zones_of,
)
from detente.node.desk import Desk
from detente.node.feeding import feed_tasks, log_refused
from detente.node.highwater import HighWater
from detente.node.inbox import Inbox
from detente.node.keyring import Keyring, Paired, load_keyring, load_peers
from detente.node.logfiles import logs_app
from detente.node.office import Keys, Office
from detente.node.peers import Closed, Opened, PeerLinks, Received, TransportLimits
from detente.node.pictures import PictureLog
from detente.node.records import KeysHeld, Records
from detente.node.replays import Replays
from detente.node.run import Pump
from detente.node.sqlite import SqliteStore
from detente.node.starting import Starting
from detente.node.web.server import build_app, serve
from detente.node.webhooks import Webhooks
from detente.picture import tracker as picture
from detente.picture.tracker import Tracker
from detente.release import match
from detente.release.policy import Policy
from detente.release.release import Releaser
from detente.surveillance import Surveillance
from detente.types import NodeName, PartyId, Role

_ACCOUNTS_S: Final = 1.0

log = structlog.get_logger()


@dataclass(frozen=True)
class Staging:
    """What a scenario adds to a node: feeds that it plays itself, and words for the screen."""

    feeds: tuple[Feed, ...] = ()
    not_built_yet: tuple[str, ...] = ()


class Node:
    """One party's node. Open it, then `run` it until cancelled."""

    def __init__(
        self,
        config: Config,
        folder: Path,
        clock: Clock,
        keyring: Keyring,
        peers: Mapping[NodeName, Paired],
        store: SqliteStore,
        staging: Staging | None = None,
    ) -> None:
        self.config = config
        self.folder = folder
        self._staging = staging or Staging()
        self.clock = clock
        self.store = store
        self.inbox = Inbox(config.limits.inbox_plots)
        self.zones = zones_of(config, folder)
        self.codebook = draft_codebook()
        self.nodes = {PartyId(peer.party): NodeName(peer.node) for peer in config.peer}
        self.parties = {node: party for party, node in self.nodes.items()}
        paired = paired_of(config.peer, peers, folder)
        directory = folder / config.node.directory
        self.keys = Keys(directory / "keys", keyring, paired)
        self._hybrid = HybridClock()
        self._high_water = HighWater(directory / config.record.high_water)
        self._behind = self._high_water.behind(store)
        self._starting = Starting(self._setup, lambda: self._setup(HybridClock()), lambda: self.keyring.salt_key)
        self.engine = self._starting.engine(store)
        self.acts = Acts(directory, keyring, clock)
        self.office = Office(
            config,
            self.keys,
            self.acts,
            store,
            directory / "record.sqlite",
            self._high_water,
            self.engine,
            self.inbox,
            clock,
            self.sessions,
            self._starting.renewed,
        )
        ids = [config.node.party, *(peer.party for peer in config.peer)]
        self.pictures = PictureLog(directory / "pictures", ids, config.picture)
        self.party_of_node = {config.node.node: config.node.party, **{peer.node: peer.party for peer in config.peer}}
        replays = Replays(self.pictures, self.reopened_store, self.party_of_node)
        self.desk = Desk(
            self.engine,
            self.inbox,
            clock,
            list(Role),
            self.office.read_place,
            store,
            Records(
                PartyId(config.node.party),
                self._keys_held,
                store,
                self.reopened_store,
                post_quantum=config.record.post_quantum,
            ),
            self.office.exported,
            replays,
        )
        self.links = _links_of(config, keyring, paired)

    @classmethod
    def open(cls, config: Config, folder: Path, clock: Clock | None = None, staging: Staging | None = None) -> Self:
        """Return the node whose keys and record stand in the configuration's directory; raises ConfigError."""
        directory = folder / config.node.directory
        keyring = load_keyring(directory / "keys")
        if keyring.node != config.node.node:
            raise ConfigError(f"{directory / 'keys'}: these are the keys of {keyring.node}, not of {config.node.node}")
        try:
            peers = load_peers(directory / "keys")
        except PeerFault as fault:
            raise ConfigError(f"{directory / 'keys'}: {fault}") from None
        store = SqliteStore(directory / "record.sqlite")
        return cls(config, folder, clock or SystemClock(), keyring, peers, store, staging)

    @property
    def keyring(self) -> Keyring:
        """Our own keys as they are in force."""
        return self.keys.own

    @property
    def console_url(self) -> str:
        """Where a browser finds the desk: the first configured host name, else the listening address."""
        return console_url(self.config)

    async def run(self, listens: Callable[[], None] = lambda: None) -> None:
        """Work until cancelled, then close what is open. *listens* is called once browsers can come."""
        host, port = split_address(self.config.listen.console, "listen.console")
        listen = self.config.listen
        book = AccountBook(self.folder / self.config.node.directory / ACCOUNTS_FILE)
        app = build_app(
            self.desk,
            hosts=console_hosts(self.config),
            accounts=accounts_of(self.config, self.folder, book),
            book=book,
            note=self.office.noted,
            tls=bool(listen.certificate),
            idle_s=self.config.accounts.idle_min * 60,
        )
        webhooks = Webhooks(self.config, self.folder, self.desk, self.office.notice)
        certificate = str(self.folder / listen.certificate) if listen.certificate else None
        key = str(self.folder / listen.key) if listen.key else None
        pump = Pump(
            self.engine,
            self.inbox,
            self.store,
            self.links,
            self.desk,
            self.clock,
            self.nodes,
            self.sessions,
            self.office,
        )
        self.office.pump = pump
        self.office.started(self._behind)
        await asyncio.to_thread(warm)
        try:
            async with self.links, asyncio.TaskGroup() as tasks:
                tasks.create_task(pump.run())
                tasks.create_task(self._listen())
                tasks.create_task(self.office.run())
                tasks.create_task(self.pictures.run())
                tasks.create_task(serve(app, host, port, certificate=certificate, key=key, bound=listens))
                tasks.create_task(self._watch_accounts(book))
                tasks.create_task(webhooks.run())
                tasks.create_task(log_refused(self.engine.feed_rows, self.clock))
                if self.config.listen.logs:
                    where = split_address(self.config.listen.logs, "listen.logs")
                    tasks.create_task(serve(logs_app(self.store), *where))
                for task in feed_tasks(self.config, self.folder, self.inbox, self.clock):
                    tasks.create_task(_until_done(task))
        finally:
            self.pictures.flush()
            self.office.close()
            self.store.close()

    async def _watch_accounts(self, book: AccountBook) -> None:
        """Say at the desk and in the log while the accounts cannot be read: the node goes on, nobody new sits down."""
        said = ""
        while True:
            try:
                book.all()
                means = "the accounts are those read last"
            except AccountsUnreadable:
                means = "nobody can sign in"
            if book.fault != said and book.fault:
                log.error("accounts", fault=f"{means}: {book.fault}")
            said = book.fault
            self.office.notice("accounts", said and f"{means}: {said}")
            await asyncio.sleep(_ACCOUNTS_S)

    def _keys_held(self) -> KeysHeld:
        paired = self.keys.paired
        unconfirmed = frozenset(party for party, one in paired.items() if one.confirmed_at is None)
        return KeysHeld(self.keyring, {party: one.keys for party, one in paired.items()}, unconfirmed)

    def reopened_store(self) -> SqliteStore:
        """Return the record for reading beside the node, or after it has stopped."""
        return SqliteStore(self.folder / self.config.node.directory / "record.sqlite", read_only=True)

    def sessions(
        self, parties: Collection[PartyId] | None = None, clock: HybridClock | None = None
    ) -> dict[PartyId, Session]:
        """Return every link (or those to *parties*) as the store has it: at the start, and after a failed write."""
        own = OwnIdentity(
            self.keyring.node,
            self.keyring.env,
            self.keyring.log,
            self.keyring.mirror,
            self.keyring.salt_key,
            self.keyring.chain,
            self.keyring.mirror_pq if self.config.record.post_quantum else None,
        )
        restored = {
            PartyId(party): restored_session(
                self.store,
                own,
                PeerIdentity(paired.keys.chain, paired.confirmed_at is not None),
                link_limits(self.config),
                codebook=self.codebook.digest,
                clock=clock or self._hybrid,
            )
            for party, paired in self.keys.paired.items()
            if parties is None or party in parties
        }
        for writer in (writer for session in restored.values() for writer in session.writers.values()):
            if writer.log.origin in self._behind:
                writer.freeze(Code.ROLLBACK)  # peer first: its hello says what was written since
        return restored

    def releaser(self, policy: Policy) -> Releaser:
        """Return *policy* at work, with a key of our own for the refs of each peer."""
        keys = {PartyId(p.party): _ref_key(self.keyring.salt_key, p.node) for p in self.config.peer}
        return Releaser(policy, self.zones, keys)

    def _setup(self, clock: HybridClock | None = None) -> Setup:
        config = self.config
        airspace = airspace_of(config, self.folder)
        profile = airspace.profiles[0]
        own = Party(PartyId(config.node.party), config.node.name, NodeName(config.node.node))
        peers = tuple(map(party_of, config.peer))
        parties = (own, *peers)
        ids = [party.party for party in parties]
        baseline = policy_of(config, self.folder)
        kept = kept_policy(self.store.state(STATE_KEY), baseline)
        return Setup(
            parties=parties,
            sessions=self.sessions(clock=clock),
            surveillance=Surveillance(
                Tracker(config.limits.tracks),
                detection.Detector(profile, self.zones, ids, airspace=airspace),
                AlertBook(profile, airspace.profiles, number_key=_ref_key(self.keyring.salt_key, "alerts")),
            ),
            releaser=self.releaser(baseline if kept is None else kept[0]),
            baseline=None if kept is None else baseline,
            policy_text=policy_text_of(config, self.folder) if kept is None else kept[1],
            zones=self.zones,
            codebook=self.codebook,
            ladder=agreed_ladder(
                config.escalation.conflict_after_s,
                config.escalation.hotline_after_s,
                config.escalation.conflict_reaches_leader,
            ),
            feeds=tuple(
                Feed(i, feed.name, note="recording" if isinstance(feed, RecordingFeed) else "")
                for i, feed in enumerate(config.feed)
            )
            + self._staging.feeds,
            not_built_yet=self._staging.not_built_yet,
            declared=Declared(
                tuple(i.encode() for i in config.declared.identities),
                tuple(c.encode() for c in config.declared.callsigns),
            ),
            badges=tuple(dict.fromkeys((*config.node.badges, *demo_badge(config)))),
            centre_deg=config.console.centre,
            range_nm=config.console.range_nm,
            alerts_shown=config.limits.alerts_shown,
            tick_ns=round(config.detection.tick_s * 1e9),
            is_exercise="EXERCISE" in config.node.badges,
            line_test_ns=round(config.link.line_test_s * 1e9),
            tables=charters_of(config, self.folder),
        )

    async def _listen(self) -> None:
        parties = self.parties
        async for event in self.links.events():
            match event:
                case Opened(peer, channel):
                    self.inbox.put(PeerOpened(parties[peer], channel))
                case Closed(peer, channel):
                    self.inbox.put(PeerClosed(parties[peer], channel))
                case Received(peer, channel, frame):
                    await self.inbox.put_frame(PeerSent(parties[peer], channel, frame))


def _links_of(config: Config, keyring: Keyring, paired: Mapping[PartyId, Paired]) -> PeerLinks:
    host, port = split_address(config.listen.link, "listen.link")
    return PeerLinks(
        NodeName(config.node.node),
        keyring.tls_key,
        keyring.tls_certificate,
        [address_of(peer, paired[PartyId(peer.party)]) for peer in config.peer],
        host=host,
        port=port,
        limits=TransportLimits(
            accepts_per_s=config.limits.accepts_per_s,
            accepts_per_address_per_s=config.limits.accepts_per_address_per_s,
        ),
    )


def warm() -> None:
    """Compile, or load from the cache, every kernel: none is compiled once a node runs."""
    picture.warm()
    detection.warm()
    match.warm()


def _ref_key(salt_key: bytes, node: str) -> bytes:
    return hmac.digest(salt_key, b"detente-refs/v1\n" + node.encode(), "sha256")


async def _until_done(task: asyncio.Task[None]) -> None:
    try:
        await task
    except asyncio.CancelledError:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        raise
