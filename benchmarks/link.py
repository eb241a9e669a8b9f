"""What the link carries: envelopes a second over mutual TLS, FLASH on a narrow line, a peer that hardly reads.

`throughput` has both sides in one thread, `apart` each in a process of its own, as two nodes are: a side's rate is what
one core does for it, and the slower side's is what a link carries end to end with one core each.

`detente bench link` or `python benchmarks/link.py [--quick] [--overload-s 1800] [--json]`. Two sessions with the node's
own sockets, stores and batching. In one process and thread: *end to end on one core* is signing, SQLite, TLS,
decoding, verifying, SQLite again, the receipt and its way back. No engine and no desk. An envelope is a leaf of 1 KB
without a body. Rates are by CPU time of the process, which other work on the machine does not lengthen as much, and by
the wall beside it. The narrow line is a relay on loopback (`tools/chaos/line.py`), 256 kbit/s each way and 25 ms; a
*day's backlog* is 86,400 track leaves.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import multiprocessing
import os
import platform
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

from chaos.line import Line
from chaos.node import free_ports
from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair

from detente.evidence.leaf import Kind, Lane
from detente.evidence.merkle import Tree, leaf_hash
from detente.evidence.note import Ed25519Signer, b64
from detente.link.effects import Append, Close, Effect, Heard, Keep, KeepBody, SaveCheckpoint, SaveReceipt, Transmit
from detente.link.identity import LinkLimits
from detente.link.quota import Allowance
from detente.link.restore import restored_session
from detente.link.session import Draft
from detente.node.keyring import load_keyring, make_keyring
from detente.node.peers import Closed, Opened, PeerAddress, PeerLinks, Received
from detente.node.run import in_runs
from detente.node.sqlite import SqliteStore
from detente.testing.identities import own_identity, peer_identity
from detente.types import Instant, NodeName, Precedence

NAMES = ("alfa.example/detente", "bravo.example/detente")
POL = b64(bytes(32))
BATCH = 64
PLENTY = Allowance(1e9, 1e9)
LIMITS = LinkLimits(quotas=dict.fromkeys(Lane, PLENTY), mirror_bytes_a_day=1 << 50)  # quotas are not what is measured
KBIT_256 = 256_000 / 8


def now() -> Instant:
    return Instant(time.time_ns())


class Side:
    """One node without an engine: sockets, store, session, and the node's way of taking 64 inputs a transaction."""

    def __init__(self, folder: Path, own: Any, peer: Any, port: int, dials: int) -> None:
        self.peer = NodeName(peer.node)
        self.store = SqliteStore(folder / f"{own.node.split('.')[0]}.sqlite", create=True)
        # The keyring's TLS keys, and for the rest the keys of the tests: pairing is not what is measured.
        self.session = restored_session(self.store, own_identity(own.node), peer_identity(peer.node), LIMITS)
        certificate = peer.tls_certificate.read_text("ascii")
        address = PeerAddress(self.peer, certificate, f"wss://127.0.0.1:{dials}/")
        self.links = PeerLinks(own.node, own.tls_key, own.tls_certificate, [address], port=port)
        self.heard_at: dict[tuple[str, int], float] = {}
        self.heard = 0
        self._waiting: deque[Any] = deque()
        self._filled = asyncio.Event()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen())
            tasks.create_task(self._tick())
            tasks.create_task(self._pump())

    async def _listen(self) -> None:
        async for event in self.links.events():
            self._waiting.append(event)
            self._filled.set()

    async def _tick(self) -> None:
        while True:
            self._waiting.append(None)
            self._filled.set()
            await asyncio.sleep(0.1)

    async def _pump(self) -> None:
        while True:
            await self._filled.wait()
            effects: list[Effect] = []
            for _ in range(min(BATCH, len(self._waiting))):
                effects += self._decide(self._waiting.popleft())
            if not self._waiting:
                self._filled.clear()
            self.perform(effects)
            await asyncio.sleep(0)

    def _decide(self, event: Any) -> list[Effect]:
        match event:
            case Opened(_, channel):
                return self.session.opened(channel, now())
            case Closed(_, channel):
                return self.session.closed(channel, now())
            case Received(_, channel, frame):
                return self.session.received(channel, frame, now())
        return self.session.tick(now())

    def perform(self, effects: list[Effect]) -> None:
        """Record in one transaction, then send, then tell the session what was stored: as the node does."""
        while effects:
            appends = [effect for effect in effects if isinstance(effect, Append)]
            hashes = self.store.append(in_runs([(a.origin, a.start, a.entries) for a in appends])) if appends else {}
            for effect in effects:
                self._do(effect)
            starts: dict[str, int] = {}
            for append in appends:
                starts.setdefault(append.origin, append.start)
            effects = [e for log, h in hashes.items() for e in self.session.stored(log, starts[log], h, now())]

    def _do(self, effect: Effect) -> None:
        match effect:
            case KeepBody(log, seq, salt, body):
                self.store.put_body(log, seq, salt, body)
            case SaveCheckpoint(log, old, new):
                self.store.replace_checkpoint(log, old, new)
            case SaveReceipt(log, receipt):
                self.store.put_receipt(log, receipt)
            case Keep(key, value):
                self.store.put_state(key, value)
            case Transmit(channel, frame):
                self.links.send(self.peer, channel, frame)
            case Close(channel, _):
                self.links.close(self.peer, channel)
            case Heard(envelope):
                self.heard += 1
                if envelope.prec is Precedence.FLASH:
                    self.heard_at[envelope.log, envelope.seq] = time.monotonic()

    def say(self, lane: Lane, count: int = 1, body: bytes = b"", re: tuple[str, ...] = ()) -> None:
        """Write *count* leaves in one transaction."""
        precedence = Precedence.FLASH if lane is Lane.FLASH else Precedence.ROUTINE
        kind = Kind.TRACK if lane is Lane.TRACK else Kind.HOTLINE
        draft = Draft(kind=kind, body=body, precedence=precedence, by="operator", pol=POL, re=re)
        effects: list[Effect] = []
        for _ in range(count):
            effects += self.session.write(lane, draft, now())[1]
        self.perform(effects)


@contextlib.asynccontextmanager
async def joined(folder: Path, line: Line) -> AsyncIterator[tuple[Side, Side]]:
    """Alfa and Bravo on *line*; nothing is dialled before the block asks for it."""
    keys = [make_keyring(folder / name[:4], name, now()) for name in NAMES]
    ports = free_ports(4)
    alfa = Side(folder, keys[0], keys[1], ports[0], ports[3])
    bravo = Side(folder, keys[1], keys[0], ports[1], ports[2])
    async with line.relay(ports[2], ports[0], forward=False), line.relay(ports[3], ports[1], forward=True):
        yield alfa, bravo
    for side in (alfa, bravo):
        side.store.close()


@contextlib.asynccontextmanager
async def running(*sides: Side) -> AsyncIterator[None]:
    async with contextlib.AsyncExitStack() as stack:
        for side in sides:
            await stack.enter_async_context(side.links)
        tasks = [asyncio.create_task(side.run()) for side in sides]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def until(holds: Any, within_s: float = 300.0) -> None:
    end = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError
        await asyncio.sleep(0.005)


# --- what is measured ------------------------------------------------------------------------------------------------


def cryptography(repeats: int) -> dict[str, Any]:
    """Our signing, verifying and tree beside the bare calls of the libraries, by turns; medians of eleven rounds."""
    seed, text = bytes(range(32)), b"x" * 1_000
    secret, ours = crypto_sign_seed_keypair(seed)[1], Ed25519Signer("alfa", seed)
    signed = crypto_sign(text, secret)
    signature = signed[:64]
    public = ours.vkey.public_key
    hashes = [leaf_hash(b"%d" % n) for n in range(repeats)]

    def bare_tree() -> None:
        for hashed in hashes:  # one inner node a leaf is what any tree must hash
            hashlib.sha256(b"\x01" + hashed + hashed).digest()

    pairs: dict[str, tuple[Any, Any]] = {
        "sign": (
            lambda: [crypto_sign(text, secret) for _ in range(repeats)],
            lambda: [ours.line(text) for _ in range(repeats)],
        ),
        "verify": (
            lambda: [crypto_sign_open(signed, public) for _ in range(repeats)],
            lambda: [ours.vkey.verifies(text, signature) for _ in range(repeats)],
        ),
        "tree": (bare_tree, lambda: Tree(hashes).root()),
    }
    found = {}
    for name, (library, product) in pairs.items():
        rounds = [(_cpu_s(library), _cpu_s(product)) for _ in range(11)]
        found[name] = {
            "library_per_s": round(repeats / statistics.median(one for one, _ in rounds)),
            "ours_per_s": round(repeats / statistics.median(one for _, one in rounds)),
            "share": round(statistics.median(one / two for one, two in rounds), 2),
        }
    return found


def _cpu_s(call: Any) -> float:
    begun = time.process_time()
    call()
    return time.process_time() - begun


async def throughput(count: int) -> dict[str, Any]:
    """Envelopes of 1 KB from signing to receipt, both sides in this thread."""
    with tempfile.TemporaryDirectory(prefix="detente-link-") as folder:
        async with joined(Path(folder), Line()) as (alfa, bravo):
            alfa.links, bravo.links = direct(Path(folder), alfa, bravo)
            async with running(alfa, bravo):
                writer = alfa.session.writers[Lane.OPS]
                await until(lambda: len(alfa.session.status(now()).channels) == 2)
                re = tuple([POL] * 10)
                alfa.say(Lane.OPS, BATCH, re=re)
                await until(lambda: writer.log.receipt_size == BATCH)
                wall, cpu = time.monotonic(), time.process_time()
                said = BATCH
                while said < count + BATCH:
                    if said - writer.sent < 512:
                        alfa.say(Lane.OPS, BATCH, re=re)
                        said += BATCH
                        await asyncio.sleep(0)
                    else:
                        await asyncio.sleep(0.001)
                await until(lambda: writer.log.receipt_size == said)
                wall, cpu = time.monotonic() - wall, time.process_time() - cpu
                leaf = alfa.store.read(writer.log.origin, 0, 1)[0].leaf
    return {
        "leaf_bytes": len(leaf),
        "envelopes": said - BATCH,
        "per_cpu_s": round((said - BATCH) / cpu),
        "per_s": round((said - BATCH) / wall),
    }


async def apart(count: int) -> dict[str, Any]:
    """The same with a process each: envelopes by each side's own second of CPU."""
    with tempfile.TemporaryDirectory(prefix="detente-link-") as name:
        folder = Path(name)
        keys = [make_keyring(folder / node[:4], node, now()) for node in NAMES]
        ports = free_ports(2)
        ours, theirs = multiprocessing.Pipe()
        # Spawned, not forked: a child of its own, with nothing of ours.
        reader = multiprocessing.get_context("spawn").Process(target=read_apart, args=(folder, ports, count, theirs))
        reader.start()
        alfa = Side(folder, keys[0], keys[1], ports[0], ports[1])
        async with running(alfa):
            writer, re = alfa.session.writers[Lane.OPS], tuple([POL] * 10)
            await until(lambda: len(alfa.session.status(now()).channels) == 2)
            alfa.say(Lane.OPS, BATCH, re=re)
            await until(lambda: writer.log.receipt_size == BATCH)
            wall, cpu, said = time.monotonic(), time.process_time(), BATCH
            while said < count + BATCH:
                if said - writer.sent < 512:
                    alfa.say(Lane.OPS, BATCH, re=re)
                    said += BATCH
                await asyncio.sleep(0 if said - writer.sent < 512 else 0.002)
            await until(lambda: writer.log.receipt_size == said)
            wall, cpu = time.monotonic() - wall, time.process_time() - cpu
            ours.send("done")
            reader_cpu = await asyncio.to_thread(ours.recv)
        alfa.store.close()
        await asyncio.to_thread(reader.join)
    return {
        "envelopes": count,
        "writer_per_cpu_s": round(count / cpu),
        "reader_per_cpu_s": round(count / reader_cpu),
        "per_s": round(count / wall),
    }


def read_apart(folder: Path, ports: list[int], count: int, pipe: Any) -> None:
    """Be the side that reads, in a process of its own; send what it cost."""

    async def read() -> None:
        bravo = Side(folder, *(load_keyring(folder / node[:4]) for node in NAMES[::-1]), ports[1], ports[0])
        async with running(bravo):
            await until(lambda: bravo.heard >= BATCH)
            cpu = time.process_time()
            await until(lambda: bravo.heard >= count + BATCH)
            await asyncio.to_thread(pipe.recv)
            pipe.send(time.process_time() - cpu)
        bravo.store.close()

    asyncio.run(read())


def direct(folder: Path, alfa: Side, bravo: Side) -> tuple[PeerLinks, PeerLinks]:
    """Connect the two without the relay, which would be part of what is measured."""
    ports = free_ports(2)
    links = []
    for own, other, port, to in ((alfa, bravo, ports[0], ports[1]), (bravo, alfa, ports[1], ports[0])):
        keys = [folder / side.session._own.node[:4] for side in (own, other)]  # noqa: SLF001 a benchmark may look
        address = PeerAddress(own.peer, (keys[1] / "tls.crt").read_text("ascii"), f"wss://127.0.0.1:{to}/")
        node = own.session._own.node  # noqa: SLF001
        links.append(PeerLinks(node, keys[0] / "tls.key", keys[0] / "tls.crt", [address], port=port))
    return links[0], links[1]


async def narrow(backlog: int, flashes: int, every_s: float, load_per_s: float = 0.0) -> dict[str, Any]:
    """FLASH on 256 kbit/s while *backlog* track leaves drain, and *load_per_s* times what the line carries is said."""
    line = Line()
    with tempfile.TemporaryDirectory(prefix="detente-link-") as folder:
        async with joined(Path(folder), line) as (alfa, bravo):
            for _ in range(0, backlog, BATCH):
                alfa.say(Lane.TRACK, BATCH)
            line.bytes_per_s, line.delay_s = KBIT_256, 0.025
            async with running(alfa, bravo):
                await until(lambda: len(alfa.session.status(now()).channels) == 2)
                await asyncio.sleep(2.0)
                loading = asyncio.create_task(load(alfa, load_per_s * KBIT_256))
                taken, refused = [], 0
                writer = alfa.session.writers[Lane.FLASH]
                for _ in range(flashes):
                    begun, seq = time.monotonic(), writer.next_seq
                    alfa.say(Lane.FLASH, body=b"closing fast, both of you")
                    key = (writer.log.origin, seq)
                    await until(lambda key=key: key in bravo.heard_at, 60.0)
                    taken.append(bravo.heard_at[key] - begun)
                    await asyncio.sleep(every_s)
                loading.cancel()
                left = alfa.session.writers[Lane.TRACK].log.size - alfa.session.writers[Lane.TRACK].sent
    ordered = sorted(taken)
    return {
        "backlog": backlog,
        "left": left,
        "overload": load_per_s,
        "flashes": len(taken),
        "p50_ms": round(statistics.median(ordered) * 1e3),
        "p99_ms": round(ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))] * 1e3),
        "refused": refused,
    }


async def load(side: Side, bytes_per_s: float) -> None:
    """Say so many bytes a second on the lanes of operations and tracks, ten times a second."""
    while bytes_per_s:
        body = os.urandom(int(bytes_per_s / 20))
        for lane in (Lane.OPS, Lane.TRACK):
            side.say(lane, body=body)
        await asyncio.sleep(0.1)


async def slow_reader(seconds: float) -> dict[str, Any]:
    """Memory of this process while the peer takes 1 KB a second and 100 KB a second are said to it."""
    line = Line()
    with tempfile.TemporaryDirectory(prefix="detente-link-") as folder:
        async with joined(Path(folder), line) as (alfa, bravo), running(alfa, bravo):
            await until(lambda: len(alfa.session.status(now()).channels) == 2)
            line.bytes_per_s = 1_000
            loading = asyncio.create_task(load(alfa, 100_000))
            await asyncio.sleep(5.0)
            before = rss_mb()
            most = before
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                await asyncio.sleep(0.25)
                most = max(most, rss_mb())
            loading.cancel()
            said = sum(writer.log.size for writer in alfa.session.writers.values())
    return {
        "seconds": seconds,
        "leaves_said": said,
        "rss_mb_before": round(before, 1),
        "grew_mb": round(most - before, 1),
    }


def rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def measured(quick: bool = False, overload_s: float = 60.0) -> dict[str, Any]:
    """Return the figures of the link, with the machine they are of."""
    found: dict[str, Any] = {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "cryptography": cryptography(300 if quick else 2_000),
        "throughput": [asyncio.run(throughput(1_024 if quick else 40_960)) for _ in range(1 if quick else 3)],
        "apart": [asyncio.run(apart(1_024 if quick else 81_920)) for _ in range(1 if quick else 3)],
        "narrow": asyncio.run(narrow(2_048 if quick else 86_400, 5 if quick else 60, 0.2 if quick else 0.5)),
        "slow_reader": asyncio.run(slow_reader(3.0 if quick else 60.0)),
    }
    flashes = 5 if quick else int(overload_s / 0.6)
    found["overload"] = asyncio.run(narrow(0, flashes, 0.3, load_per_s=10.0))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--overload-s", type=float, default=60.0, help="how long ten times overload lasts")
    asked = parser.parse_args()
    found = measured(asked.quick, asked.overload_s)
    print(json.dumps(found, indent=None if asked.json else 2))


if __name__ == "__main__":
    main()
