"""What a configuration names beyond itself, read and judged: zones, profiles, policy, tables, peers, accounts.

Each raises ConfigError with the file and what is wrong with it; `check_files` reads them all and starts nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import assert_never

from detente.alerts.escalation import agreed_ladder
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
from detente.detect.airspace import AircraftClass, Airspace
from detente.detect.profile import Profile, profile_named, promoting
from detente.detect.zone import Zone, read_zones, told_apart
from detente.engine.values import (
    Party,
)
from detente.errors import ConfigError, PeerFault
from detente.evidence.leaf import Lane
from detente.link.identity import LinkLimits
from detente.link.quota import Allowance
from detente.meant import read_toml
from detente.node.accounts import ACCOUNTS_FILE, AccountBook
from detente.node.keyring import Paired, load_peers, peer_from_statement
from detente.node.peers import PeerAddress
from detente.node.web.door import Accounts, Demo
from detente.node.web.passkeys import Passkeys
from detente.node.web.provider import Provider
from detente.node.webhooks import hosts_of, secret_of
from detente.release.lint import lint
from detente.release.policy import NOTHING, Policy, parse_policy
from detente.release.release import Releaser
from detente.types import NodeName, PartyId


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
            charter = read_toml(path.read_bytes(), Charter, path)
        except OSError as wrong:
            raise ConfigError(f"{path}: {wrong.strerror or wrong}") from None
        try:
            charter.check()
        except ConfigError as wrong:
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


def demo_badge(config: Config) -> tuple[str, ...]:
    """Return what the desk shows while anybody may take any seat."""
    return ("DEMO ACCOUNTS",) if isinstance(config.accounts, DemoAccounts) else ()


def _pairing_of(config: Config, folder: Path) -> list[str]:
    """Return the lines about keys and peers, and who is not paired yet; raises ConfigError for keys of another node.

    Without keys too: a configuration may be written, and is checked, before `detente init` has made them.
    """
    keys = folder / config.node.directory / "keys"
    names = [peer.party for peer in config.peer]
    try:
        own = peer_from_statement((keys / "pairing.txt").read_bytes())
        paired = load_peers(keys)
    except FileNotFoundError:
        return [_peers(names), f"  keys: none at {keys}; detente init makes them"]
    except PermissionError:
        return [_peers(names)]  # the node's user alone may read them, and another may check the file
    except PeerFault as wrong:
        raise ConfigError(f"{keys}: {wrong}") from None
    if own.node != config.node.node:
        raise ConfigError(f"{keys}: these are the keys of {own.node}, not of {config.node.node}")
    words = []
    for peer in config.peer:
        held = paired.get(NodeName(peer.node))
        state = "NOT PAIRED" if held is None else "UNVERIFIED" if held.confirmed_at is None else ""
        words.append(f"{peer.party} ({state}: see detente pair)" if state else peer.party)
    return [_peers(words)]


def _peers(words: Sequence[str]) -> str:
    return f"  peers: {', '.join(words) or 'none yet: see detente pair'}"


def check_files(path: Path) -> list[str]:
    """Return what the configuration *path* holds, line by line, all its files read; raises ConfigError."""
    config, folder = read_config(path), path.parent
    zones, policy = zones_of(config, folder), policy_of(config, folder)
    charters = charters_of(config, folder)
    Releaser(policy, zones, {})
    airspace = airspace_of(config, folder)
    accounts = folder / config.node.directory / ACCOUNTS_FILE
    book = AccountBook(accounts)
    accounts_of(config, folder, book)
    if os.access(accounts, os.R_OK):
        book.all()  # a node whose accounts cannot be read starts, and nobody can sign in
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
    feeds = ", ".join(feed.name for feed in config.feed) or "none"
    return [
        f"{path}: good",
        f"  party {config.node.party} ({config.node.name}), node {config.node.node}",
        *_pairing_of(config, folder),
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
