"""One real node: a folder made by `detente init`, a process of `detente run`, and its desk over HTTP."""

# ruff: noqa: TID251

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

START_LIMIT_S = 300.0  # the first start compiles the kernels


class NodeDied(Exception):
    """The process ended, or does not answer."""


def free_ports(n: int) -> list[int]:
    """Return *n* ports of loopback that nobody listens on."""
    probes = [socket.socket() for _ in range(n)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


async def ran(*arguments: str, environment: dict[str, str] | None = None) -> tuple[int, str]:
    """Run the product's command line to its end; returns exit code and what it printed, both streams."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "detente",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment,
    )
    told, _ = await process.communicate()
    return process.returncode or 0, told.decode(errors="replace")


class RealNode:
    """A node of *party* in *folder*. `start`, then speak at its `desk`; `kill`, `stop` and `go_on` are signals."""

    def __init__(self, folder: Path, party: str) -> None:
        self.folder = folder
        self.party = party
        self.console, self.link = free_ports(2)
        self.process: asyncio.subprocess.Process | None = None
        self.started_s: list[float] = []
        self._cookie = ""
        self._token = ""

    @property
    def record(self) -> Path:
        return self.folder / "record.sqlite"

    async def make(self) -> None:
        """Make keys, record and configuration."""
        code, told = await ran("init", str(self.folder), "--party", self.party)
        if code:
            raise NodeDied(told)

    async def own_digits(self) -> str:
        told = (await ran("pair", str(self.folder)))[1]
        return told.split("phone:")[1].splitlines()[0].strip()

    async def pair(self, peer: RealNode, through_port: int) -> None:
        """Admit *peer*, whom this node dials on *through_port*."""
        digits = await peer.own_digits()
        code, told = await ran("pair", str(self.folder), str(peer.folder / "keys" / "pairing.txt"), "--digits", digits)
        if code:
            raise NodeDied(told)
        path = self.folder / "detente.toml"
        text = path.read_text().replace("127.0.0.1:8440", f"127.0.0.1:{self.console}")
        text = text.replace("127.0.0.1:7440", f"127.0.0.1:{self.link}").replace('kind = "passkey"', 'kind = "demo"')
        text += (
            f'\n[[peer]]\nparty = "{peer.party}"\nname = "{peer.party.title()}"\n'
            f'node = "{peer.party}.example/detente"\nlink = "127.0.0.1:{through_port}"\n'
        )
        path.write_text(text)

    # --- the process

    async def start(self, *before: str) -> float:
        """Start the process, under the command *before* if there is one; returns seconds until its desk answers."""
        begun = time.monotonic()
        log = (self.folder / "node.log").open("ab")
        self.process = await asyncio.create_subprocess_exec(
            *before,
            sys.executable,
            "-m",
            "detente",
            "run",
            "--config",
            str(self.folder / "detente.toml"),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        while True:
            with contextlib.suppress(OSError, NodeDied):
                await self._request("GET", "/healthz")
                break
            if self.process.returncode is not None:
                raise NodeDied(f"{self.party} ended with {self.process.returncode}: {self.last_words()}")
            if time.monotonic() - begun > START_LIMIT_S:
                raise NodeDied(f"{self.party} does not answer after {START_LIMIT_S:.0f} s")
            await asyncio.sleep(0.02)
        taken_s = time.monotonic() - begun
        self.started_s.append(taken_s)
        await self._sign_in()
        return taken_s

    def last_words(self) -> str:
        lines = (self.folder / "node.log").read_text(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else "nothing"

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def signal(self, number: signal.Signals) -> None:
        """Send *number* to the process and what runs it."""
        if self.is_running and self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            if number in {signal.SIGKILL, signal.SIGTERM, signal.SIGINT}:
                await self.process.wait()

    async def kill(self) -> None:
        await self.signal(signal.SIGKILL)

    async def end(self) -> None:
        """End it in good order; by force if it takes over ten seconds."""
        if not self.is_running:
            return
        try:
            async with asyncio.timeout(10):
                await self.signal(signal.SIGTERM)
        except TimeoutError:
            await self.kill()

    @property
    def rss_mb(self) -> float:
        """Resident memory of the process in MB."""
        assert self.process is not None
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    # --- the desk

    async def _sign_in(self) -> None:
        seat = await self._request("POST", "/api/session", {"role": "duty_officer"})
        self._token = seat["token"]

    async def say(self, to: str, text: str, precedence: str) -> str:
        """Give the order to say *text*; returns the message's name once the node answered."""
        order = {"order": "send_text", "to": to, "line": "watch", "precedence": precedence, "text": text}
        if precedence == "Z":
            order["reason"] = "R05"
        grant = await self._grant(order) if precedence == "Z" else ""
        return str((await self._request("POST", "/api/orders", order, grant))["message"])

    async def acknowledge(self, message: str) -> None:
        """Give the order to acknowledge *message*."""
        await self._request("POST", "/api/orders", {"order": "acknowledge_message", "message": message})

    async def _grant(self, order: object) -> str:
        """Confirm *order* as a demo account does: FLASH asks for it."""
        digest = hashlib.sha256(json.dumps(order).encode()).hexdigest()
        return str((await self._request("POST", "/api/step-up", {"order_digest": digest, "sure": True}))["grant"])

    async def board(self) -> dict[str, Any]:
        """Return what the desk shows."""
        found: dict[str, Any] = await self._request("GET", "/api/board")
        return found

    async def _request(self, method: str, path: str, body: object = None, grant: str = "") -> Any:
        raw = b"" if body is None else json.dumps(body).encode()
        head = [
            f"{method} {path} HTTP/1.1",
            f"Host: 127.0.0.1:{self.console}",
            f"Origin: http://127.0.0.1:{self.console}",
            f"Content-Length: {len(raw)}",
            "Content-Type: application/json",
            "Connection: close",
            f"Cookie: {self._cookie}",
            f"X-Detente-Token: {self._token}",
            f"X-Detente-Step-Up: {grant}",
        ]
        try:
            async with asyncio.timeout(20):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.console)
                try:
                    writer.write("\r\n".join([*head, "", ""]).encode() + raw)
                    answer = await reader.read()
                finally:
                    writer.transport.abort()
        except (OSError, TimeoutError) as wrong:
            raise NodeDied(f"{self.party}: {type(wrong).__name__}") from None
        top, _, content = answer.partition(b"\r\n\r\n")
        if not content:
            raise NodeDied(f"{self.party} hung up")
        lines = top.decode().split("\r\n")
        for line in lines:
            if line.lower().startswith("set-cookie:"):
                self._cookie = line.split(":", 1)[1].split(";")[0].strip()
        try:
            found = json.loads(content)
        except ValueError:
            raise NodeDied(f"{self.party} hung up within its answer") from None
        if int(lines[0].split()[1]) >= 400:
            raise Refused(found.get("detail", lines[0]))
        return found


class Refused(Exception):
    """The node answered an order with a refusal."""


def messages(board: dict[str, Any], texts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the rows of *board* that hold one of *texts*."""
    wanted = set(texts)
    return {row["text"]: row for row in board["messages"] if row["text"] in wanted}


def unacknowledged(board: dict[str, Any], party: str) -> list[str]:
    """Return the names of the messages on *party*'s *board* that wait for its desk."""
    rows = [row for row in board["messages"] if row["to"] == party and row["recorded"]]
    return [
        row["message"]
        for row in rows
        if all(h["acknowledged_at_ms"] is None for h in row["halves"] if h["party"] == party)
    ]
