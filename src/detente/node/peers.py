"""The sockets of the link: two WebSocket connections to each peer over mutual TLS 1.3, and nobody else gets in.

The only certificates trusted are the pinned ones of the peers; a peer is who its public key says, never who its address
or a message says. Both sides dial. Where that makes a duplicate, the side with the smaller name decides: it keeps a
connection that lives and closes the other, and the other side takes a connection as open once the first frame has come
on it. So the two never disagree on which one is in use.

Reading stops while nobody takes the events: that is the back-pressure. Nothing is dropped between the two nodes except
by ending a connection, and what follows is the session's resume.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import socket
import ssl
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit
from weakref import WeakSet

from websockets.asyncio.client import connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

from detente.errors import ConfigError, OwnFault
from detente.evidence.keys import spki_pin
from detente.link.frames import FRAME_LIMIT, Channel
from detente.link.quota import Allowance, Bucket
from detente.types import NS_PER_S, NodeName

SUBPROTOCOL: Final = Subprotocol("detente.link.v1")
_CLOSE_DUPLICATE: Final = 4000
_CLOSE_REFUSED: Final = 4001
_CLOSE_SLOW: Final = 4002
_CLOSE_S: Final = 1.0

# Handshakes that fail are the daily noise of an open port: counted, not printed.
_quiet: Final = logging.getLogger("detente.peers")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False


@dataclass(frozen=True)
class PeerAddress:
    """Whom to expect, and where to dial. *url* ``wss://host:port/``, or empty if only the peer dials."""

    node: NodeName
    certificate_pem: str
    url: str = ""


@dataclass(frozen=True)
class TransportLimits:
    """Bounds of the sockets and what happens at them."""

    handshake_s: float = 5.0  # TLS and the WebSocket opening, each: refused
    first_frame_s: float = 5.0  # an open connection on which nothing comes: closed
    silence_s: float = 6.0  # nothing heard, six heartbeats: closed, dialled again
    events: int = 256  # events nobody took: reading stops, for all peers
    outgoing_bytes: int = 4 << 20  # the peer does not read: the connection is closed
    backoff_first_s: float = 0.1
    backoff_last_s: float = 15.0
    duplicate_alive_s: float = 3.0  # a connection heard this recently is kept, and a second one closed
    # Connections accepted, before anything is spent on TLS: a second, and at once. Beyond it they are closed, counted.
    accepts_per_s: float = 20.0
    accepts_burst: int = 60
    accepts_per_address_per_s: float = 5.0
    accepts_per_address_burst: int = 20
    addresses: int = 1_024  # remembered; the one unheard for longest is forgotten
    waiting_per_peer: int = 8  # connections of one peer on which nothing has come yet: further ones are refused


class Doorkeeper:
    """Who may knock: so many connections a second from one address and in all, whatever they would be.

    An address of a configured peer has its own allowance and no part in the one for all: a storm of strangers does not
    keep it out. *elapsed* is the loop's time, in seconds.
    """

    def __init__(self, limits: TransportLimits, known: Collection[str] = ()) -> None:
        self._limits = limits
        self._known = frozenset(known)
        self._all = Bucket(Allowance(limits.accepts_per_s, limits.accepts_burst))
        self._each: OrderedDict[str, Bucket] = OrderedDict()
        self.refused: Counter[str] = Counter()  # by address, of those remembered

    def know(self, address: str) -> None:
        """Take *address* for that of a configured peer."""
        self._known |= {address} - {""}

    def admits(self, address: str, elapsed_s: float) -> bool:
        """Whether a connection from *address* is accepted now."""
        limits = self._limits
        if address not in self._each:
            allowance = Allowance(limits.accepts_per_address_per_s, limits.accepts_per_address_burst)
            self._each[address] = Bucket(allowance)
            if len(self._each) > limits.addresses:
                forgotten, _ = self._each.popitem(last=False)
                self.refused.pop(forgotten, None)
        self._each.move_to_end(address)
        buckets = [self._each[address]] if address in self._known else [self._each[address], self._all]
        for bucket in buckets:
            bucket.refill(round(elapsed_s * NS_PER_S))
        if not all(bucket.is_open for bucket in buckets):
            self.refused[address] += 1
            return False
        for bucket in buckets:
            bucket.spend(1)
        return True


class _Listener(socket.socket):
    """A listening socket that closes at once whom its doorkeeper does not admit: no handshake is begun with them."""

    door: Doorkeeper
    accepted: WeakSet[socket.socket]
    is_shut = False

    def accept(self) -> tuple[socket.socket, Any]:
        connection, address = super().accept()
        if self.is_shut or not self.door.admits(str(address[0]), asyncio.get_running_loop().time()):
            connection.close()
            raise BlockingIOError
        self.accepted.add(connection)
        return connection, address

    async def hang_up(self) -> None:
        """Accept nobody more, and end every accepted connection that is still open.

        The server knows only those that are through their TLS handshake.
        """
        self.is_shut = True
        for connection in list(self.accepted):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                # Nothing tells when a socket is closed.
                while any(connection.fileno() >= 0 for connection in self.accepted):  # noqa: ASYNC110
                    await asyncio.sleep(0.005)


def _listener(host: str, port: int, door: Doorkeeper) -> _Listener:
    try:
        family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = _Listener(family, socket.SOCK_STREAM)
    except OSError as wrong:
        raise ConfigError(f"link: cannot listen on {host}:{port}: {wrong.strerror or wrong}") from None
    listener.door = door
    listener.accepted = WeakSet()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
    except OSError as wrong:
        listener.close()
        raise ConfigError(f"link: cannot listen on {host}:{port}: {wrong.strerror or wrong}") from None
    return listener


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection to *peer* is in use: authenticated, nothing said yet."""

    peer: NodeName
    channel: Channel


@dataclass(frozen=True, slots=True)
class Closed:
    """It is gone."""

    peer: NodeName
    channel: Channel


@dataclass(frozen=True, slots=True)
class Received:
    """One frame from *peer*."""

    peer: NodeName
    channel: Channel
    frame: str | bytes


LinkEvent = Opened | Closed | Received


@dataclass(eq=False)
class _Wire:
    """One connection. Frames wait in *outgoing* for its own task to send them."""

    socket: Connection
    peer: NodeName
    channel: Channel
    outgoing: asyncio.Queue[str | bytes] = field(default_factory=asyncio.Queue)
    queued_bytes: int = 0
    heard_at: float = 0.0
    was_in_use: bool = False
    ending: asyncio.Task[None] | None = None

    @property
    def is_ending(self) -> bool:
        """Whether it was told to close."""
        return self.ending is not None

    def end(self, code: int, reason: str) -> None:
        """Begin to close; the reading task notices and tidies up."""
        if self.ending is None:
            self.ending = asyncio.create_task(self._end(code, reason))

    async def _end(self, code: int, reason: str) -> None:
        with contextlib.suppress(WebSocketException, OSError, TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await self.socket.close(code, reason)
        self.socket.transport.abort()  # a peer that does not read would keep the rest of it waiting


@dataclass
class _Side:
    """What this node knows of one peer's connections."""

    address: PeerAddress
    dial_tls: ssl.SSLContext
    in_use: dict[Channel, _Wire] = field(default_factory=dict)
    all_wires: set[_Wire] = field(default_factory=set)
    is_cut: bool = False
    wake: dict[Channel, asyncio.Event] = field(default_factory=lambda: {c: asyncio.Event() for c in Channel})


def _tls(purpose: ssl.Purpose, own: tuple[Path, Path], trusted_pem: str) -> ssl.SSLContext:
    """TLS 1.3 only, both sides show a certificate, only *trusted_pem* is believed: no authority, no system store."""
    is_server = purpose is ssl.Purpose.CLIENT_AUTH
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if is_server else ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # the key is pinned; a host name proves nothing here
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.set_alpn_protocols(["http/1.1"])
    if is_server:
        context.num_tickets = 0
    key, certificate = own
    try:
        context.load_cert_chain(certificate, key)
        if trusted_pem:
            context.load_verify_locations(cadata=trusted_pem)
    except (ssl.SSLError, OSError, ValueError) as wrong:
        raise ConfigError(f"link certificates: {wrong}") from None
    return context


def _pin_of(socket: Connection) -> str:
    """Base64 SHA-256 of the public key the peer showed in TLS."""
    tls = socket.transport.get_extra_info("ssl_object")
    return spki_pin(tls.getpeercert(binary_form=True))


class PeerLinks:
    """All connections of one node. Enter it, take `events`, and `send`.

    Listens on loopback unless *host* says otherwise; *port* 0 takes a free one, see `port`.
    """

    def __init__(
        self,
        node: NodeName,
        tls_key: Path,
        tls_certificate: Path,
        peers: Sequence[PeerAddress],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        limits: TransportLimits | None = None,
    ) -> None:
        self._node = node
        self._limits = limits or TransportLimits()
        self._host = host
        self._wanted_port = port
        own = self._own = (tls_key, tls_certificate)
        self._sides = {
            peer.node: _Side(peer, _tls(ssl.Purpose.SERVER_AUTH, own, peer.certificate_pem)) for peer in peers
        }
        self._by_pin = {
            spki_pin(ssl.PEM_cert_to_DER_cert(peer.certificate_pem)): self._sides[peer.node] for peer in peers
        }
        self._listen_tls = _tls(ssl.Purpose.CLIENT_AUTH, own, "".join(peer.certificate_pem for peer in peers))
        self._events: asyncio.Queue[LinkEvent] = asyncio.Queue(self._limits.events)
        self.door = Doorkeeper(self._limits, {urlsplit(peer.url).hostname or "" for peer in peers if peer.url})
        self._server: Server | None = None
        self._listener: _Listener | None = None
        self._dialling: list[asyncio.Task[None]] = []
        self._is_ending = False

    async def __aenter__(self) -> Self:
        self._listener = _listener(self._host, self._wanted_port, self.door)
        try:
            self._server = await serve(
                self._accept,
                sock=self._listener,
                ssl=self._listen_tls,
                ssl_handshake_timeout=self._limits.handshake_s,
                open_timeout=self._limits.handshake_s,
                subprotocols=[SUBPROTOCOL],
                compression=None,
                server_header=None,
                ping_interval=None,
                close_timeout=_CLOSE_S,
                max_size=FRAME_LIMIT,
                logger=_quiet,
            )
        except BaseException:  # a node that is ended while it starts leaves no socket behind
            self._listener.close()
            raise
        self._dialling = [
            asyncio.create_task(self._dial(side, channel))
            for side in self._sides.values()
            if side.address.url
            for channel in Channel
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_ending = True
        while not self._events.empty():  # readers may be waiting for room among events that nobody takes any more
            self._events.get_nowait()
        for task in self._dialling:
            task.cancel()
        await asyncio.gather(*self._dialling, return_exceptions=True)
        wires = [wire for side in self._sides.values() for wire in side.all_wires]
        for wire in wires:
            wire.end(1001, "going away")
        await asyncio.gather(*(wire.ending for wire in wires if wire.ending))
        if self._server is not None and self._listener is not None:
            self._server.close()
            await self._listener.hang_up()
            await self._server.wait_closed()

    def check(self, peer: PeerAddress) -> None:
        """Refuse a peer whose certificate does not serve: raises ConfigError."""
        _tls(ssl.Purpose.SERVER_AUTH, self._own, peer.certificate_pem)

    def add(self, peer: PeerAddress) -> None:
        """Let one more peer in, and dial it; raises ConfigError for a certificate that does not serve."""
        side = _Side(peer, _tls(ssl.Purpose.SERVER_AUTH, self._own, peer.certificate_pem))
        self._listen_tls.load_verify_locations(cadata=peer.certificate_pem)
        self._sides[peer.node] = side
        self._by_pin[spki_pin(ssl.PEM_cert_to_DER_cert(peer.certificate_pem))] = side
        self.door.know(urlsplit(peer.url).hostname or "")
        if self._server is not None and peer.url:
            self._dialling += [asyncio.create_task(self._dial(side, channel)) for channel in Channel]

    @property
    def port(self) -> int:
        """The port it listens on."""
        if self._server is None:
            raise OwnFault("the link does not listen yet")
        return int(next(iter(self._server.sockets)).getsockname()[1])

    async def events(self) -> AsyncIterator[LinkEvent]:
        """Yield what happens, for ever. While it is not taken, nothing more is read."""
        while True:
            yield await self._events.get()

    def send(self, peer: NodeName, channel: Channel, frame: str | bytes) -> bool:
        """Queue *frame*; returns False if no connection is in use. A peer that takes nothing loses its connection."""
        wire = self._sides[peer].in_use.get(channel)
        if wire is None or wire.is_ending:
            return False
        wire.queued_bytes += len(frame)
        if wire.queued_bytes > self._limits.outgoing_bytes:
            wire.end(_CLOSE_SLOW, "slow")
            return False
        wire.outgoing.put_nowait(frame)
        return True

    def close(self, peer: NodeName, channel: Channel) -> None:
        """End the connection in use, after what is queued; it is dialled again."""
        wire = self._sides[peer].in_use.get(channel)
        if wire is not None:
            wire.outgoing.put_nowait(_LAST)

    def cut(self, peer: NodeName) -> None:
        """Drop the link to *peer* and refuse it until `heal`: a pulled cable, for demonstrations and drills."""
        side = self._sides[peer]
        side.is_cut = True
        for wire in list(side.all_wires):
            wire.socket.transport.abort()

    def heal(self, peer: NodeName) -> None:
        """Dial and accept *peer* again, at once."""
        side = self._sides[peer]
        side.is_cut = False
        for wake in side.wake.values():
            wake.set()

    # --- connecting

    async def _accept(self, socket: ServerConnection) -> None:
        side = self._by_pin.get(_pin_of(socket))
        channel = _channel_of(socket.request.path if socket.request else "")
        if side is None or channel is None or socket.subprotocol != SUBPROTOCOL:
            await socket.close(_CLOSE_REFUSED, "refused")
            return
        for wake in side.wake.values():
            wake.set()  # a sign of life: dial the other connection now, not in fifteen seconds
        await self._serve(side, channel, socket)

    async def _dial(self, side: _Side, channel: Channel) -> None:
        attempts = 0
        wake = side.wake[channel]
        while True:
            if side.is_cut or channel in side.in_use:
                await wake.wait()
                wake.clear()
                attempts = 0
                continue
            wake.clear()
            try:
                was_in_use = await self._dial_once(side, channel)
                attempts = 0 if was_in_use else min(attempts + 1, 16)
            except (WebSocketException, OSError, TimeoutError, ssl.SSLError, EOFError):
                attempts = min(attempts + 1, 16)
            if side.is_cut or channel in side.in_use:
                continue
            delay_s = min(self._limits.backoff_last_s, self._limits.backoff_first_s * 2**attempts)
            with contextlib.suppress(TimeoutError):
                # Full jitter, so that two nodes or two hundred do not dial in step. Nothing secret hangs on it.
                # Not `wait_for`: before Python 3.12 it forgets a cancellation that comes together with the wake.
                async with asyncio.timeout(random.uniform(0, delay_s)):  # noqa: S311
                    await wake.wait()
                attempts = 0

    async def _dial_once(self, side: _Side, channel: Channel) -> bool:
        """Dial, and serve what comes of it to its end; returns whether it was ever in use."""
        async with asyncio.timeout(2 * self._limits.handshake_s):
            socket = await connect(
                f"{side.address.url.rstrip('/')}/{channel}",
                ssl=side.dial_tls,
                ssl_handshake_timeout=self._limits.handshake_s,
                open_timeout=self._limits.handshake_s,
                subprotocols=[SUBPROTOCOL],
                compression=None,
                user_agent_header=None,
                proxy=None,
                ping_interval=None,
                close_timeout=_CLOSE_S,
                max_size=FRAME_LIMIT,
                logger=_quiet,
            )
        if self._by_pin.get(_pin_of(socket)) is not side or socket.subprotocol != SUBPROTOCOL:
            await socket.close(_CLOSE_REFUSED, "refused")
            return False
        return await self._serve(side, channel, socket)

    # --- one connection, from opening to end

    async def _serve(self, side: _Side, channel: Channel, socket: Connection) -> bool:
        """Read one connection to its end; returns whether it was ever in use."""
        wire = _Wire(socket, side.address.node, channel)
        waiting = sum(1 for other in side.all_wires if side.in_use.get(other.channel) is not other)
        if side.is_cut or waiting >= self._limits.waiting_per_peer:
            await socket.close(_CLOSE_REFUSED, "refused")
            return False
        side.all_wires.add(wire)
        sending = asyncio.create_task(self._send_all(wire))
        try:
            if self._decides(side):
                if self._is_alive(side.in_use.get(channel)):
                    wire.end(_CLOSE_DUPLICATE, "duplicate")
                    return False
                await self._use(side, wire)
            await self._read_all(side, wire)
        except (ConnectionClosed, TimeoutError, OSError):
            pass
        finally:
            sending.cancel()
            side.all_wires.discard(wire)
            wire.end(1000, "")
            if wire.ending is not None:
                await asyncio.gather(wire.ending, return_exceptions=True)
            if side.in_use.get(channel) is wire:
                del side.in_use[channel]
                side.wake[channel].set()
                await self._tell(Closed(wire.peer, channel))
        return wire.was_in_use

    async def _tell(self, event: LinkEvent) -> None:
        if not self._is_ending:
            await self._events.put(event)

    def _decides(self, side: _Side) -> bool:
        """Whether it is for us to choose between two connections: the smaller name does."""
        return self._node < side.address.node

    def _is_alive(self, wire: _Wire | None) -> bool:
        if wire is None or wire.is_ending:
            return False
        return asyncio.get_running_loop().time() - wire.heard_at < self._limits.duplicate_alive_s

    async def _use(self, side: _Side, wire: _Wire) -> None:
        old = side.in_use.get(wire.channel)
        side.in_use[wire.channel] = wire
        wire.was_in_use = True
        wire.heard_at = asyncio.get_running_loop().time()
        if old is not None:
            old.end(_CLOSE_DUPLICATE, "replaced")
        await self._tell(Opened(wire.peer, wire.channel))

    async def _read_all(self, side: _Side, wire: _Wire) -> None:
        patience_s = self._limits.first_frame_s
        while True:
            async with asyncio.timeout(patience_s):
                frame = await wire.socket.recv()
            wire.heard_at = asyncio.get_running_loop().time()
            if wire.is_ending:
                return  # it was replaced meanwhile
            if side.in_use.get(wire.channel) is not wire:
                await self._use(side, wire)
            await self._tell(Received(wire.peer, wire.channel, frame))
            patience_s = self._limits.silence_s

    async def _send_all(self, wire: _Wire) -> None:
        with contextlib.suppress(ConnectionClosed, OSError):
            while (frame := await wire.outgoing.get()) is not _LAST:
                await wire.socket.send(frame)
                wire.queued_bytes -= len(frame)
            wire.end(1000, "")


_LAST: Final = ""
"""Queued where a connection is to end once everything before it is out; no frame is empty."""


def _channel_of(path: str) -> Channel | None:
    name = path.rpartition("/")[2]
    return Channel(name) if name in set(Channel) else None
