"""Tells configured addresses what happened: names and states, never words or positions, and never in a message's path.

What is told is what the board shows beyond the board before; so nothing that the link or the desk does waits for it.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import socket
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit, urlunsplit

import msgspec
import structlog

from detente.config import Config, WebhookConfig, is_loopback
from detente.desk.board import Board
from detente.errors import ConfigError, OwnFault
from detente.types import Role

SIGNATURE_HEADER: Final = "x-detente-signature"
WAITING_MAX: Final = 256
RETRIES_S: Final = (1.0, 5.0, 25.0)
TIMEOUT_S: Final = 5.0
_PACE_S: Final = 0.5
_FAULT_MAX: Final = 200

log = structlog.get_logger()


class DeskPort(Protocol):
    """What is asked of the desk."""

    def board(self, role: str) -> Board: ...

    async def wait(self, version: int) -> int: ...


class Event(msgspec.Struct, frozen=True):
    """Something that happened, by its names and states."""

    event: str
    at_ms: int
    about: dict[str, str]


class Told(msgspec.Struct, frozen=True):
    """The body of one call."""

    event: str
    number: int
    at_ms: int
    party: str
    about: dict[str, str]


def events_between(before: Board, after: Board) -> list[Event]:
    """Return what the board *after* shows that the one *before* did not."""
    found: list[Event] = []
    alerts = {row.alert: (row.level, row.state) for row in before.alerts}
    for row in after.alerts:
        if alerts.get(row.alert) != (row.level, row.state) and (row.alert in alerts or row.state == "active"):
            about = {"alert": row.alert, "level": str(row.level), "state": row.state}
            found.append(Event("alert", after.at_ms, about))
    messages = {row.message for row in before.messages}
    for message in after.messages:
        if message.message not in messages and message.recorded:
            about = {"message": message.message, "precedence": message.precedence}
            found.append(Event("message", after.at_ms, about | {"line": message.line, "sender": message.sender}))
    links = {peer.party: peer.state for peer in before.peers}
    found += [
        Event("link", after.at_ms, {"party": peer.party, "state": peer.state})
        for peer in after.peers
        if links.get(peer.party) != peer.state
    ]
    known = set(before.faults)
    found += [
        Event("fault", after.at_ms, {"words": fault[:_FAULT_MAX]}) for fault in after.faults if fault not in known
    ]
    return found


@dataclass
class _Hook:
    config: WebhookConfig
    secret: bytes
    waiting: deque[bytes] = field(default_factory=deque)
    filled: asyncio.Event = field(default_factory=asyncio.Event)
    lost: int = 0

    @property
    def name(self) -> str:
        return str(urlsplit(self.config.url).hostname)


class Webhooks:
    """One node's. `run` works until cancelled; *notice* shows a fault at the desk, or takes it back with no words."""

    def __init__(self, config: Config, folder: Path, desk: DeskPort, notice: Callable[[str, str], None]) -> None:
        self._party = config.node.party
        self._hooks = [_Hook(hook, secret_of(hook, folder)) for hook in config.webhook]
        self._desk, self._notice = desk, notice
        self._number = 0

    async def run(self) -> None:
        """Watch the board and tell until cancelled."""
        if not self._hooks:
            return
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._watch())
                for hook in self._hooks:
                    tasks.create_task(self._tell(hook))
        except Exception:
            # A bug of ours here must not end the watch: it is shown at the desk, and webhooks are silent from then on.
            log.exception("webhooks")
            self._notice("webhooks", "webhooks have stopped after an internal fault: tell the engineer")

    async def _watch(self) -> None:
        version, before = 0, self._desk.board(Role.OPERATOR.value)
        while True:
            version = await self._desk.wait(version)
            after = self._desk.board(Role.OPERATOR.value)
            for event in events_between(before, after):
                self._put(event)
            before = after
            await asyncio.sleep(_PACE_S)

    def _put(self, event: Event) -> None:
        if event.event == "fault" and "webhook" in event.about["words"]:
            return  # of a fault in telling nobody is told in this way
        self._number += 1
        told = Told(event.event, self._number, event.at_ms, self._party, event.about)
        for hook in self._hooks:
            if event.event not in hook.config.events:
                continue
            hook.waiting.append(msgspec.json.encode(told))
            if len(hook.waiting) > WAITING_MAX:
                hook.waiting.popleft()
                hook.lost += 1
            hook.filled.set()

    async def _tell(self, hook: _Hook) -> None:
        while True:
            await hook.filled.wait()
            hook.filled.clear()
            while hook.waiting:
                body = hook.waiting.popleft()
                why = await self._tried(hook, body)
                hook.lost += bool(why)
                gone = f"webhook {hook.name}: {hook.lost} not told; {why}" if why else ""
                self._notice(f"webhook {hook.config.url}", gone)

    async def _tried(self, hook: _Hook, body: bytes) -> str:
        """Call until it is taken; returns why it never was."""
        why = ""
        for pause_s in (0.0, *RETRIES_S):
            await asyncio.sleep(pause_s)
            try:
                await call(hook.config.url, body, hook.secret)
            except OwnFault as fault:
                why = str(fault)
                log.info("webhook", host=hook.name, fault=why)
            else:
                return ""
        return why


def secret_of(hook: WebhookConfig, folder: Path) -> bytes:
    """Return the secret that signs what *hook* is told; raises ConfigError."""
    path = folder / hook.secret_file
    try:
        secret = path.read_bytes().strip()
    except OSError as wrong:
        raise ConfigError(f"{path}: webhook.secret_file: {wrong.strerror}") from None
    if len(secret) < 16:
        raise ConfigError(f"{path}: webhook.secret_file: at least 16 bytes")
    return secret


async def call(url: str, body: bytes, secret: bytes) -> None:
    """Tell *url* the *body*, signed; raises OwnFault with the reason when it was not taken."""
    import httpx  # noqa: PLC0415 an eighth of a second, for nodes that have webhooks

    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    address = await _resolved(host, port)
    literal = f"[{address}]" if ":" in address else address
    headers = {
        "host": parts.netloc,
        "content-type": "application/json",
        SIGNATURE_HEADER: f"sha256={hmac.digest(secret, body, 'sha256').hex()}",
    }
    aim = urlunsplit((parts.scheme, f"{literal}:{port}", parts.path or "/", parts.query, ""))
    try:
        # To the very address that was looked at; the certificate is still that of the name.
        async with (
            httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=TIMEOUT_S) as client,
            client.stream("POST", aim, content=body, headers=headers, extensions={"sni_hostname": host}) as answer,
        ):
            status = answer.status_code
    except (httpx.HTTPError, httpx.InvalidURL) as wrong:
        raise OwnFault(f"cannot be reached: {type(wrong).__name__}") from None
    if not 200 <= status < 300:
        raise OwnFault(f"answered {status}")


async def _resolved(host: str, port: int) -> str:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        raise OwnFault("its name has no address") from None
    address = str(found[0][4][0])
    if not is_allowed(host, address):
        raise OwnFault(f"its name leads to {address}, which is not taken")
    return address


def is_allowed(host: str, address: str) -> bool:
    """Whether a configured *host* may lead to *address*: never link-local or multicast; this machine if said."""
    try:
        where = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = where.ipv4_mapped if isinstance(where, ipaddress.IPv6Address) else None
    where = mapped or where
    if where.is_link_local or where.is_multicast or where.is_unspecified or where.is_reserved:
        return False
    return is_loopback(host) or not where.is_loopback


def hosts_of(hooks: Sequence[WebhookConfig]) -> list[str]:
    """Return the hosts that are told, for `detente check-config`."""
    return [str(urlsplit(hook.url).hostname) for hook in hooks]
