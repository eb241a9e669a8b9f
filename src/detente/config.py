"""One node's configuration: one TOML file, read once into one frozen tree. The field comments are the manual.

An unknown key refuses to start, with its path. Relative paths are relative to the file.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal, assert_never

import msgspec

from detente.errors import ConfigError
from detente.meant import read_toml

PARTY_NAME: Final = r"^[a-z][a-z0-9-]{0,31}\Z"
NODE_NAME: Final = r"^[a-z0-9]([a-z0-9.-]{0,120}[a-z0-9])?/detente\Z"

PartyName = Annotated[str, msgspec.Meta(pattern=PARTY_NAME)]
NodeText = Annotated[str, msgspec.Meta(pattern=NODE_NAME)]
Seconds = Annotated[float, msgspec.Meta(ge=0.0, le=86_400.0)]
Days = Annotated[int, msgspec.Meta(ge=0, le=36_500)]
PerSecond = Annotated[float, msgspec.Meta(ge=0.1, le=10_000.0)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Degrees = Annotated[float, msgspec.Meta(ge=-180.0, le=180.0)]
Latitude = Annotated[float, msgspec.Meta(ge=-90.0, le=90.0)]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Every part of the tree refuses keys it does not know."""


class NodeConfig(_Part, frozen=True):
    party: PartyName  # this party's short name
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=60)]  # as shown at every desk
    node: NodeText  # the node's name on the link and in the record, "<host>/detente"
    directory: str = "."  # where keys/, record.sqlite and segments live
    badges: list[str] = []  # shown at the top of every desk: "EXERCISE", "RECONSTRUCTION"


class ListenConfig(_Part, frozen=True):
    console: str = "127.0.0.1:8440"  # host:port of the console; loopback unless you say otherwise
    link: str = "127.0.0.1:7440"  # host:port where peers connect
    hosts: list[str] = []  # further host names the console answers to
    certificate: str = ""  # PEM files for the console's TLS; without them it speaks plain HTTP: keep it on loopback
    key: str = ""
    logs: str = ""  # host:port that serves the logs as tiles, read-only; empty: not served. Keep it on loopback


class PeerConfig(_Part, frozen=True):
    party: PartyName
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
    node: NodeText
    link: str  # host:port of the peer's link listener


class SbsFeed(_Part, frozen=True, tag="sbs", tag_field="kind"):
    name: str
    address: str  # host:port of a BaseStation (SBS-1) server


class BeastFeed(_Part, frozen=True, tag="beast", tag_field="kind"):
    name: str
    address: str
    receiver: tuple[Latitude, Degrees]  # latitude, longitude of the antenna; plots beyond 180 NM of it are refused


class RecordingFeed(_Part, frozen=True, tag="recording", tag_field="kind"):
    """A recording played as if it were live, moved in time to now. The desk says so."""

    name: str
    path: str
    loop: bool = False
    receiver: tuple[Latitude, Degrees] | None = None


class DeclaredConfig(_Part, frozen=True):
    """Which tracks of our own sensors are ours: "this one is mine"."""

    callsigns: list[str] = []  # prefixes
    identities: list[str] = []  # ICAO addresses or prefixes, lower-case hex


ProfileName = Literal["en-route", "terminal", "low-level", "light-aircraft"]
ClassName = Literal["large", "light", "drone", "unknown"]


class AreaConfig(_Part, frozen=True):
    """Where another profile holds. Its areas are not notified lines: nobody is told who enters them."""

    file: str  # GeoJSON, as for zones
    profile: ProfileName


class PairConfig(_Part, frozen=True):
    """For which two classes of aircraft another profile holds, wherever they are."""

    classes: tuple[ClassName, ClassName]
    profile: ProfileName


class DetectionConfig(_Part, frozen=True):
    profile: ProfileName = "en-route"
    area: list[AreaConfig] = []  # the first that an aircraft is in counts
    pair: list[PairConfig] = []  # before any area
    promote_level_off_s: Annotated[float, msgspec.Meta(ge=0.0, le=60.0)] = 50.0  # docs/nuisance.md
    zones: list[str] = []  # GeoJSON files of notified lines and zones
    tick_s: Annotated[float, msgspec.Meta(ge=0.05, le=10.0)] = 0.2  # how often new plots are judged


class ReleaseConfig(_Part, frozen=True):
    policy: str = ""  # TOML file of the release policy; none: nothing is released to anybody


class EscalationConfig(_Part, frozen=True):
    """The ladder's times, symmetric by agreement. Rungs are 1 supervisor … 5 leader. Our defaults."""

    conflict_after_s: tuple[Seconds, ...] = (0.0, 60.0, 120.0)
    hotline_after_s: tuple[Seconds, ...] = (0.0, 120.0, 300.0, 900.0, 3600.0)
    conflict_reaches_leader: bool = False  # the agreement may let predicted conflicts climb to the leaders' line


RoleName = Literal[
    "operator", "supervisor", "duty_officer", "military", "intelligence", "foreign_service", "minister", "leader"
]
IdleMinutes = Annotated[float, msgspec.Meta(gt=0.0, le=60.0)]


class DemoAccounts(_Part, frozen=True, tag="demo", tag_field="kind"):
    """Whoever opens the desk takes any seat; DEMO ACCOUNTS stands on screen. Only where the desk is on loopback."""

    idle_min: IdleMinutes = 10.0  # after so long without an act the session is locked: it shows, and takes no order


class PasskeyAccounts(_Part, frozen=True, tag="passkey", tag_field="kind"):
    """Accounts of this node, each bound to one seat and opened by passkeys: see `detente account`."""

    domain: str = ""  # that passkeys are bound to, for good; empty: that of the first of listen.hosts
    idle_min: IdleMinutes = 10.0


class OidcAccounts(_Part, frozen=True, tag="oidc", tag_field="kind"):
    """Accounts that an OpenID Connect provider keeps. Its claim says the seat."""

    issuer: str  # https, or http on loopback
    client: str
    roles: dict[str, RoleName]  # a value of the claim → the seat here; a person must have exactly one
    claim: str = "roles"  # of the ID token: a text, or a list of them
    name_claim: str = "name"
    secret_file: str = ""  # file that holds the client's secret; empty: a public client, by PKCE alone
    idle_min: IdleMinutes = 10.0


AnyAccounts = DemoAccounts | PasskeyAccounts | OidcAccounts


class WebhookConfig(_Part, frozen=True):
    """An address of ours that is told what happened, beside the messages and never instead of them."""

    url: str  # https, or http on loopback; no redirect is followed
    events: list[Literal["alert", "message", "link", "fault"]]
    secret_file: str  # the body is signed with what it holds: HMAC-SHA256


class ConsoleConfig(_Part, frozen=True):
    centre: tuple[Latitude, Degrees] = (0.0, 0.0)  # latitude, longitude of the map's fixed centre
    range_nm: Annotated[float, msgspec.Meta(gt=0.0, le=3000.0)] = 200.0
    language: Literal["en", "tr", "ru"] = "en"


class LinkConfig(_Part, frozen=True):
    line_test_s: Annotated[float, msgspec.Meta(ge=10.0, le=86_400.0)] = 3_600.0  # how often each line is tested


class CoordinationConfig(_Part, frozen=True):
    tables: list[str] = []  # TOML files, each the charter of one table: the same at every member


class LimitsConfig(_Part, frozen=True):
    """Every limit, with what happens at it."""

    tracks: Annotated[int, msgspec.Meta(ge=16, le=1_000_000)] = 20_000  # further plots are refused as picture_full
    inbox_plots: Annotated[int, msgspec.Meta(ge=1)] = 256  # batches waiting; the oldest goes, counted
    alerts_shown: Annotated[int, msgspec.Meta(ge=10, le=200)] = 200  # "200 of 3,114"
    # What one peer may say, leaves a second and at once after a silence. Beyond it reading stops; nothing is dropped.
    flash_per_s: PerSecond = 5.0
    flash_burst: Count = 50
    ops_per_s: PerSecond = 20.0
    ops_burst: Count = 200
    track_per_s: PerSecond = 2.0
    track_burst: Count = 120
    peer_mb_a_day: Count = 4_096  # that one peer may have us keep; FLASH is taken all the same
    # Connections to the link accepted a second, from one address and in all; beyond it they are closed before TLS.
    accepts_per_s: PerSecond = 20.0
    accepts_per_address_per_s: PerSecond = 5.0


class RecordConfig(_Part, frozen=True):
    """The record on disk."""

    post_quantum: bool = True  # receipts are cosigned with ML-DSA-44 too, once an hour and at export
    high_water: str = "record.hwm"  # file of how far each log had come; best on another disk than the record
    scrub_hours: Annotated[float, msgspec.Meta(gt=0.0, le=8760.0)] = 24.0  # the whole record is read again this often
    challenge_s: Annotated[float, msgspec.Meta(ge=1.0, le=86_400.0)] = 180.0  # a peer shows that it holds a leaf


class RetentionConfig(_Part, frozen=True):
    """After how many days bodies are deleted, lane by lane; 0 never. Leaves stay, and so does what a hold names."""

    flash_days: Days = 0
    ops_days: Days = 0
    track_days: Days = 30


class PictureConfig(_Part, frozen=True):
    """The picture as the desk showed it, kept in `pictures/` for a replay. The oldest hours go first."""

    hours: Annotated[int, msgspec.Meta(ge=0, le=8_760)] = 72  # kept this long; 0: not at all
    mb: Annotated[int, msgspec.Meta(ge=16, le=1_000_000)] = 4_096  # and at most this much


class Config(_Part, frozen=True):
    node: NodeConfig
    listen: ListenConfig = ListenConfig()
    peer: list[PeerConfig] = []
    feed: list[SbsFeed | BeastFeed | RecordingFeed] = []
    declared: DeclaredConfig = DeclaredConfig()
    detection: DetectionConfig = DetectionConfig()
    release: ReleaseConfig = ReleaseConfig()
    escalation: EscalationConfig = EscalationConfig()
    console: ConsoleConfig = ConsoleConfig()
    accounts: AnyAccounts = PasskeyAccounts()
    webhook: list[WebhookConfig] = []
    limits: LimitsConfig = LimitsConfig()
    link: LinkConfig = LinkConfig()
    coordination: CoordinationConfig = CoordinationConfig()
    record: RecordConfig = RecordConfig()
    retention: RetentionConfig = RetentionConfig()
    picture: PictureConfig = PictureConfig()


def read_config(path: Path) -> Config:
    """Return the configuration in the TOML file *path*; raises ConfigError with the key's path on anything unknown."""
    try:
        text = path.read_bytes()
    except OSError as wrong:
        raise ConfigError(f"{path}: {wrong.strerror or wrong}") from None
    return parse_config(text, path)


def parse_config(text: bytes, path: Path) -> Config:
    """Return the configuration *text* holds; *path* names it in errors."""
    config = read_toml(text, Config, path)
    for where, address in (("listen.console", config.listen.console), ("listen.link", config.listen.link)):
        split_address(address, f"{path}: {where}")
    if config.listen.logs:
        split_address(config.listen.logs, f"{path}: listen.logs")
    _check_apart(config.listen, path)
    _check_door(config, path)
    names = [config.node.party]
    for i, peer in enumerate(config.peer):
        split_address(peer.link, f"{path}: peer[{i}].link")
        if peer.party in names:
            raise ConfigError(f"{path}: peer[{i}].party: {peer.party!r} is named twice")
        names.append(peer.party)
    feeds = [feed.name for feed in config.feed]
    for i, feed in enumerate(config.feed):
        if feeds.index(feed.name) != i:
            raise ConfigError(f"{path}: feed[{i}].name: {feed.name!r} is named twice")
        if not isinstance(feed, RecordingFeed):
            split_address(feed.address, f"{path}: feed[{i}].address")
    return config


def _check_apart(listen: ListenConfig, path: Path) -> None:
    """Raise ConfigError when two listeners are given one address; port 0 is any that is free."""
    taken: dict[str, str] = {}
    for where, address in (("console", listen.console), ("link", listen.link), ("logs", listen.logs)):
        if not address or address.endswith(":0"):
            continue
        if address in taken:
            raise ConfigError(f"{path}: listen.{where}: {address} is the address of listen.{taken[address]} already")
        taken[address] = where


def is_loopback(host: str) -> bool:
    """Whether *host*, a name or an address, is this machine and no other."""
    host = host.strip("[]").lower()
    return host == "localhost" or host.endswith(".localhost") or host == "::1" or host.startswith("127.")


def _check_door(config: Config, path: Path) -> None:
    """Raise ConfigError for a desk that anybody could sit at, and for an address that secrets would go to in clear."""
    listen = config.listen
    if bool(listen.certificate) != bool(listen.key):
        raise ConfigError(f"{path}: listen.certificate and listen.key come together")
    host = split_address(listen.console, f"{path}: listen.console")[0]
    match config.accounts:
        case DemoAccounts():
            if not is_loopback(host):
                raise ConfigError(
                    f"{path}: accounts.kind: demo accounts are for loopback, and listen.console is {host}"
                )
        case PasskeyAccounts():
            pass  # a browser offers passkeys only over TLS or on loopback
        case OidcAccounts(issuer=issuer):
            _check_url(issuer, f"{path}: accounts.issuer")
        case _:
            assert_never(config.accounts)
    for i, hook in enumerate(config.webhook):
        _check_url(hook.url, f"{path}: webhook[{i}].url")


def _check_url(url: str, where: str) -> None:
    found = re.fullmatch(r"(https?)://(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?(/[^\s#@\\]*)?", url)
    if found is None:
        raise ConfigError(f"{where}: {url!r} is no address: https://host/path, without a user name")
    if found[1] == "http" and not is_loopback(found[2]):
        raise ConfigError(f"{where}: {url!r} must be https: it is not on this machine")


def split_address(text: str, where: str) -> tuple[str, int]:
    """Return host and port of ``host:port``; raises ConfigError that names *where*."""
    found = re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):(\d{1,5})", text)
    if found is None or not 0 <= int(found[2]) <= 65_535:
        raise ConfigError(f"{where}: {text!r} is not host:port")
    return found[1].strip("[]"), int(found[2])
