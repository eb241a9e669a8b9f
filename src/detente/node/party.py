"""A node put together from its configuration: keys, record, links, engine, console. The wiring, top to bottom."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, assert_never

import msgspec

from detente.alerts.escalation import agreed_ladder
from detente.alerts.life import AlertBook
from detente.config import (
    Config,
    DemoAccounts,
    OidcAccounts,
    PasskeyAccounts,
    PeerConfig,
    RecordingFeed,
    is_loopback,
    read_config,
    split_address,
)
from detente.coordination.charter import Charter
from detente.desk.codebook import draft_codebook
from detente.detect import detector as detection
from detente.detect.airspace import AircraftClass, Airspace
from detente.detect.profile import Profile, profile_named, promoting
from detente.detect.zone import Zone, read_zones, told_apart
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
from detente.evidence.leaf import Lane
from detente.link.frames import Code
from detente.link.hybrid import HybridClock
from detente.link.identity import LinkLimits, OwnIdentity, PeerIdentity
from detente.link.quota import Allowance
from detente.link.restore import restored_session
from detente.link.session import Session
from detente.node.accounts import ACCOUNTS_FILE, AccountBook
from detente.node.acts import Acts
from detente.node.clock import Clock, SystemClock
from detente.node.desk import Desk
from detente.node.feeding import feed_tasks, log_refused
from detente.node.highwater import HighWater
from detente.node.inbox import Inbox
from detente.node.keyring import Keyring, Paired, load_keyring, load_peers
from detente.node.logfiles import logs_app
from detente.node.office import Keys, Office
from detente.node.peers import Closed, Opened, PeerAddress, PeerLinks, Received, TransportLimits
from detente.node.pictures import PictureLog
from detente.node.records import KeysHeld, Records
from detente.node.replays import Replays
from detente.node.run import Pump
from detente.node.sqlite import SqliteStore
from detente.node.starting import Starting
from detente.node.web.door import Accounts, Demo
from detente.node.web.passkeys import Passkeys
from detente.node.web.provider import Provider
from detente.node.web.server import build_app, serve
from detente.node.webhooks import Webhooks, hosts_of, secret_of
from detente.picture import tracker as picture
from detente.picture.tracker import Tracker
from detente.release import match
from detente.release.lint import lint
from detente.release.policy import NOTHING, Policy, parse_policy
from detente.release.release import Releaser
from detente.surveillance import Surveillance
from detente.types import NodeName, PartyId, Role


def zones_of(config: Config, folder: Path) -> tuple[Zone, ...]:
    """Return the notified lines and zones of all files that *config* names, each id once; raises ConfigError."""
    return told_apart(_zones_in(config.detection.zones, folder))


def airspace_of(config: Config, folder: Path) -> Airspace:
    """Return which profile holds where and for which aircraft; raises ConfigError."""
    detection, own = config.detection, PartyId(config.node.party)

    def named(name: str) -> Profile:
        return promoting(profile_named(name), detection.promote_level_off_s)

    return Airspace(
        named(detection.profile),
        [(zone, named(area.profile)) for area in detection.area for zone in _zones_in([area.file], folder, own)],
        [(AircraftClass(p.classes[0]), AircraftClass(p.classes[1]), named(p.profile)) for p in detection.pair],
    )


def _zones_in(names: list[str], folder: Path, asserted_by: PartyId | None = None) -> tuple[Zone, ...]:
    zones: list[Zone] = []
    for name in names:
        path = folder / name
        try:
            zones += read_zones(path.read_bytes(), asserted_by)
        except OSError as wrong:
            raise ConfigError(f"{path}: {wrong.strerror or wrong}") from None
        except ConfigError as wrong:
            raise ConfigError(f"{path}: {wrong}") from None
    return tuple(zones)


def policy_of(config: Config, folder: Path) -> Policy:
    """Return the release policy that *config* names, or the one that releases nothing; raises ConfigError."""
    if not config.release.policy:
        return NOTHING
    path = folder / config.release.policy
    try:
        return parse_policy(path.read_bytes(), str(path))
    except OSError as wrong:
        raise ConfigError(f"{path}: {wrong.strerror or wrong}") from None


def policy_text_of(config: Config, folder: Path) -> str:
    """Return the text of the release policy that *config* names; empty without one. Raises ConfigError."""
    if not config.release.policy:
        return ""
    path = folder / config.release.policy
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as wrong:
        raise ConfigError(f"{path}: {wrong}") from None


def charters_of(config: Config, folder: Path) -> tuple[Charter, ...]:
    """Return the charters of the tables that *config* names; raises ConfigError."""
    found: list[Charter] = []
    for name in config.coordination.tables:
        path = folder / name
        try:
            charter = msgspec.toml.decode(path.read_bytes(), type=Charter)
            charter.check()
        except OSError as wrong:
            raise ConfigError(f"{path}: {wrong.strerror or wrong}") from None
        except (msgspec.DecodeError, UnicodeDecodeError, ConfigError) as wrong:
            raise ConfigError(f"{path}: {wrong}") from None
        known = {config.node.party, *(peer.party for peer in config.peer)}
        strangers = sorted(set(charter.members) - known)
        if strangers or config.node.party not in charter.members:
            whom = strangers[0] if strangers else config.node.party
            why = "is no peer here" if strangers else "does not sit at it"
            raise ConfigError(f"{path}: table {charter.table}: {whom} {why}")
        found.append(charter)
    return tuple(found)


def paired_of(
    configured: Sequence[PeerConfig], peers: Mapping[NodeName, Paired], folder: Path
) -> dict[PartyId, Paired]:
    """Return the keys of each peer that is *configured*, by party; raises ConfigError for one that is not paired."""
    for peer in configured:
        if NodeName(peer.node) not in peers:
            raise ConfigError(f"peer {peer.party!r} is not paired: detente pair {folder} its-pairing-file")
    return {PartyId(peer.party): peers[NodeName(peer.node)] for peer in configured}


def party_of(peer: PeerConfig) -> Party:
    """Return a peer as the engine knows it."""
    return Party(PartyId(peer.party), peer.name, NodeName(peer.node))


def address_of(peer: PeerConfig, paired: Paired) -> PeerAddress:
    """Return whom to expect, and where to dial."""
    return PeerAddress(NodeName(peer.node), paired.keys.certificate_pem, f"wss://{peer.link}/")


def link_limits(config: Config) -> LinkLimits:
    """Return the bounds of each link, with what *config* says of quotas."""
    limits = config.limits
    return LinkLimits(
        quotas={
            Lane.FLASH: Allowance(limits.flash_per_s, limits.flash_burst),
            Lane.OPS: Allowance(limits.ops_per_s, limits.ops_burst),
            Lane.TRACK: Allowance(limits.track_per_s, limits.track_burst),
        },
        mirror_bytes_a_day=limits.peer_mb_a_day << 20,
    )


def check_files(path: Path) -> list[str]:
    """Return what the configuration *path* holds, line by line, all its files read; raises ConfigError."""
    config, folder = read_config(path), path.parent
    zones, policy = zones_of(config, folder), policy_of(config, folder)
    charters = charters_of(config, folder)
    Releaser(policy, zones, {})
    airspace = airspace_of(config, folder)
    accounts_of(config, folder, AccountBook(folder / config.node.directory / ACCOUNTS_FILE))
    for hook in config.webhook:
        secret_of(hook, folder)
    for pem in (config.listen.certificate, config.listen.key):
        if pem and not (folder / pem).is_file():
            raise ConfigError(f"{path}: listen: no file {pem!r}")
    for feed in config.feed:
        if isinstance(feed, RecordingFeed) and not (folder / feed.path).is_file():
            raise ConfigError(f"{path}: feed {feed.name!r}: no file {feed.path!r}")
    agreed_ladder(
        config.escalation.conflict_after_s, config.escalation.hotline_after_s, config.escalation.conflict_reaches_leader
    )
    odd = lint(policy, [PartyId(peer.party) for peer in config.peer], {zone.zone_id for zone in zones})
    peers = ", ".join(peer.party for peer in config.peer) or "none yet: see detente pair"
    feeds = ", ".join(feed.name for feed in config.feed) or "none"
    return [
        f"{path}: good",
        f"  party {config.node.party} ({config.node.name}), node {config.node.node}",
        f"  peers: {peers}",
        f"  desk: {console_url(config)}, accounts of the kind {config.accounts.__struct_config__.tag}",
        f"  feeds: {feeds}",
        *(f"  webhook: {host}" for host in hosts_of(config.webhook)),
        f"  zones: {len(zones)}; profiles {', '.join(profile.name for profile in airspace.profiles)}",
        *(
            f"  table {charter.table}: {', '.join(charter.members)}, digest {charter.digest[:16]}…"
            for charter in charters
        ),
        f"  release: {policy.name}, {len(policy.rule)} rules, digest {policy.digest}",
        *(f"  release, odd: {line}" for line in odd),
    ]


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
        self.links = PeerLinks(
            NodeName(config.node.node),
            keyring.tls_key,
            keyring.tls_certificate,
            [address_of(peer, paired[PartyId(peer.party)]) for peer in config.peer],
            host=split_address(config.listen.link, "listen.link")[0],
            port=split_address(config.listen.link, "listen.link")[1],
            limits=TransportLimits(
                accepts_per_s=config.limits.accepts_per_s,
                accepts_per_address_per_s=config.limits.accepts_per_address_per_s,
            ),
        )

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

    async def run(self) -> None:
        """Work until cancelled, then close what is open."""
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
                tasks.create_task(serve(app, host, port, certificate=certificate, key=key))
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
            badges=tuple(dict.fromkeys((*config.node.badges, *_demo_badge(config)))),
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


def console_hosts(config: Config) -> list[str]:
    """Return what browsers may write in their address line to reach the desk, port included, the usual one first."""
    host, port = split_address(config.listen.console, "listen.console")
    own = [f"localhost:{port}"] if is_loopback(host) else []
    return [*config.listen.hosts, *own, config.listen.console]


def console_url(config: Config) -> str:
    """Return where a browser finds the desk."""
    return f"{'https' if config.listen.certificate else 'http'}://{console_hosts(config)[0]}/"


def accounts_of(config: Config, folder: Path, book: AccountBook) -> Accounts:
    """Return how people sign in at the desk; raises ConfigError."""
    match config.accounts:
        case DemoAccounts():
            return Demo()
        case PasskeyAccounts(domain=domain):
            hosts = console_hosts(config)
            domain = domain or hosts[0].partition(":")[0]
            scheme = "https" if config.listen.certificate else "http"
            names = [host for host in hosts if f".{host.partition(':')[0]}".endswith(f".{domain}")]
            return Passkeys(book, domain, [f"{scheme}://{host}" for host in names])
        case OidcAccounts() as oidc:
            secret = ""
            if oidc.secret_file:
                try:
                    secret = (folder / oidc.secret_file).read_text("utf-8").strip()
                except (OSError, UnicodeDecodeError) as wrong:
                    raise ConfigError(f"{folder / oidc.secret_file}: accounts.secret_file: {wrong}") from None
            return Provider(oidc, secret, f"{console_url(config)}api/oidc/callback")
        case _:
            assert_never(config.accounts)


def _demo_badge(config: Config) -> tuple[str, ...]:
    return ("DEMO ACCOUNTS",) if isinstance(config.accounts, DemoAccounts) else ()


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
