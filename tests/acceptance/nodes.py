"""Real nodes as people run them: a folder, a process of `detente run`, a sensor, a console that is looked at, seats.

Whatever a test asks or orders goes over HTTP and WebSocket, in the types of `detente.client`.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec
import numpy as np
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from conftest import ROOT
from detente.cli import cli
from detente.client import Refused, Tracks, Unreachable, Zones, asking
from detente.client.asking import Ask
from detente.coordination.statement import AnyAct
from detente.coordination.view import TableView
from detente.desk.answers import Done, Grant, RecordEntry, Seat
from detente.desk.board import AlertRow, Board, FeedRow, Half, MessageRow, PeerRow
from detente.desk.frame import COLUMNS
from detente.desk.orders import AnyOrder, AtTable, Displayed, SendText
from detente.picture.picture import Mark, Reason
from flights import Flight

T = TypeVar("T")

PATIENCE_S = 90.0
"""How long anything may take on a machine that has other work."""


def until(what: str, look: Callable[[], T | None], within_s: float = PATIENCE_S) -> T:
    """Return what *look* finds as soon as it finds something; fails, saying *what* was waited for."""
    by = time.monotonic() + within_s
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > by:
            raise AssertionError(f"not within {within_s:.0f} s: {what}")
        time.sleep(0.1)


def now_ms(after_s: float = 0.0) -> int:
    return time.time_ns() // 1_000_000 + round(after_s * 1000)


# --- a sensor


class Sensor:
    """A receiver that hears what a test flies, once a second, in BaseStation lines; whoever connects gets them."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.2)
        self.port = self._listener.getsockname()[1]
        self._lines: list[socket.socket] = []
        self._flying: dict[str, tuple[Flight, float]] = {}
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._answer, self._hear)]
        for thread in self._threads:
            thread.start()

    def fly(self, callsign: str, flight: Flight) -> None:
        self._flying[callsign] = (flight, time.monotonic())

    def land(self, *callsigns: str) -> None:
        for callsign in callsigns:
            self._flying.pop(callsign, None)

    def send(self, line: str) -> None:
        """Send *line* as it is."""
        for one in list(self._lines):
            try:
                one.sendall(line.encode() + b"\r\n")
            except OSError:
                one.close()
                self._lines.remove(one)

    def close(self) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(5.0)
        for one in [*self._lines, self._listener]:
            one.close()

    def _answer(self) -> None:
        while not self._is_over.is_set():
            with contextlib.suppress(TimeoutError):
                one, _ = self._listener.accept()
                self._lines.append(one)

    def _hear(self) -> None:
        while not self._is_over.wait(1.0):
            for callsign, (flight, began) in list(self._flying.items()):
                self.send(heard(callsign, flight.after(time.monotonic() - began)))


def heard(callsign: str, at: Flight, *, late_s: float = 0.0) -> str:
    """Return the line that says where *at* is, stamped so long ago."""
    stamp = time.time() - late_s
    when = time.strftime("%Y/%m/%d,%H:%M:%S", time.gmtime(stamp)) + f".{int(stamp % 1 * 1000):03d}"
    state = f"{at.alt_ft:.0f},{at.gs_kt:.1f},{at.trk_deg % 360:.2f},{at.lat_deg:.6f},{at.lon_deg:.6f},{at.vs_fpm:.0f}"
    return f"MSG,3,1,1,{at.identity},1,{when},{when},{callsign},{state},,0,0,0,0"


# --- a seat


class Sitting:
    """One person's session in one browser: signs in, signs in once more where an order asks for it, as a page does."""

    def __init__(self, address: str, role: str) -> None:
        self.address, self.role = address, role
        dialled, self.host, named = asking.way_of(address)
        self._http = httpx.Client(base_url=dialled, headers={"origin": address} | named, trust_env=False, timeout=60.0)
        try:
            seat = self.ask(self._post("/api/session", Seat, {"role": role}))
        except (Refused, Unreachable):
            self.close()
            raise
        self._http.headers["x-detente-token"] = seat.token or ""

    @property
    def cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self._http.cookies.items())

    def close(self) -> None:
        self._http.close()

    def ask(self, ask: Ask[T]) -> T:
        try:
            answer = self._http.request(
                ask.method, ask.path, params=dict(ask.query), content=ask.body, headers=dict(ask.headers)
            )
        except httpx.HTTPError as wrong:
            raise Unreachable(f"{self.address}: {wrong}") from None
        return asking.answered(ask, answer.status_code, answer.content)

    def give(self, order: AnyOrder) -> Done:
        asked = asking.order(order, secrets.token_hex(12))
        try:
            return self.ask(asked)
        except Refused as refused:
            if refused.problem.code != "step_up_needed":
                raise
        assert asked.body is not None
        sure = {"order_digest": hashlib.sha256(asked.body).hexdigest(), "sure": True}
        grant = self.ask(self._post("/api/step-up", Grant, sure)).grant
        again = asking.order(order, secrets.token_hex(12))
        return self.ask(again._replace(headers={**again.headers, "x-detente-step-up": grant}))

    def say(self, table: str, act: AnyAct) -> str:
        """Do *act* at *table*; returns the statement's name."""
        return self.give(AtTable(table, act)).statement

    def refusal(self, table: str, act: AnyAct) -> str:
        """Return the code with which *act* is refused."""
        try:
            self.say(table, act)
        except Refused as refused:
            return refused.problem.code
        return "done"

    def view(self, table: str) -> TableView:
        return self.ask(asking.table(table))

    @staticmethod
    def _post(path: str, kind: type[T], body: object) -> Ask[T]:
        return Ask("POST", path, kind, body=msgspec.json.encode(body), headers={"content-type": "application/json"})


# --- a console that somebody looks at


@dataclass(frozen=True)
class Shown:
    """One track as the map has it."""

    callsign: str
    identity: str
    party: int  # whose sensor; index in Board.parties
    declared_by: int  # 255: nobody
    not_assessed: Reason
    marks: Mark
    latitude_deg: float
    age_s: float


class Console:
    """What a node shows, kept up to date by its live line; rows that appear are painted, as an open page does."""

    def __init__(self, sitting: Sitting) -> None:
        self.sitting = sitting
        self.board: Board | None = None
        self.tracks: dict[str, Shown] = {}  # as of the newest frame, by callsign or identity
        self.ever: dict[str, float] = {}  # name of a track → when it was first shown, s since 1970
        self._painted: set[str] = set()
        self._line: ClientConnection | None = None
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
        self._thread.join(10.0)
        self.sitting.close()

    def _follow(self) -> None:
        parts = urlsplit(self.sitting.address)
        with (
            contextlib.suppress(WebSocketException, OSError, Unreachable, Refused),
            connect(
                asking.live_of(self.sitting.address),
                additional_headers={"cookie": self.sitting.cookie},
                origin=self.sitting.address,  # type: ignore[arg-type]
                compression=None,
                proxy=None,
                sock=socket.create_connection((self.sitting.host, parts.port or 80)),
                max_size=asking.ANSWER_MAX,
            ) as self._line,
        ):
            for message in self._line:
                self._take(asking.event_of(message))

    def _take(self, event: Board | Zones | Tracks) -> None:
        if isinstance(event, Tracks):
            self.tracks = {one.callsign or one.identity: one for one in shown(event.frame)}
            for name in self.tracks:
                self.ever.setdefault(name, time.time())
        elif isinstance(event, Board):
            self.board = event
            self._paint(event)

    def _paint(self, board: Board) -> None:
        alerts = [row.alert for row in board.alerts if row.alert not in self._painted]
        messages = [
            row.message
            for row in board.messages
            if row.to == board.party and row.recorded and row.message not in self._painted
        ]
        if alerts or messages:
            self._painted.update(alerts, messages)
            self.sitting.give(Displayed(alerts, messages))


def shown(frame: bytes) -> Iterator[Shown]:
    told: dict[str, Any] = msgspec.msgpack.decode(frame)
    of = {name: np.frombuffer(told[name], code) for name, code in COLUMNS.items()}
    for i in range(told["n"]):
        yield Shown(
            of["callsign"][i].decode().strip(),
            of["identity"][i].decode(),
            int(of["party"][i]),
            int(of["declared_by"][i]),
            Reason(int(of["not_assessed"][i])),
            Mark(int(of["flags"][i])),
            float(of["lat"][i]),
            float(of["age_s"][i]),
        )


# --- a node


class Node:
    """One party's node: made by `detente init`, paired by its digits, run as a process of its own."""

    def __init__(self, folder: Path, party: str) -> None:
        self.folder, self.party = folder / party, party
        self.console_port, self.link_port = free_ports(2)
        self.address = f"http://{party}.localhost:{self.console_port}"
        self.sensor = Sensor()
        self._process: subprocess.Popen[bytes] | None = None
        self._sittings: dict[str, Sitting] = {}
        self._console: Console | None = None
        command("init", str(self.folder), "--party", party)

    def pair(self, other: Node) -> None:
        """Admit *other*: its officer reads its digits on the telephone, ours types them."""
        digits = command("pair", str(other.folder)).split("phone:")[1].splitlines()[0].strip()
        command("pair", str(self.folder), str(other.folder / "keys" / "pairing.txt"), "--digits", digits)

    def configure(self, text: str) -> None:
        """Write the whole of the configuration."""
        (self.folder / "detente.toml").write_text(text, "utf-8")

    def start(self) -> None:
        with (self.folder / "node.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "detente", "run", "--config", str(self.folder / "detente.toml")],
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            )

    def until_up(self) -> None:
        until(f"{self.party} answers", self._answers, within_s=300.0)  # a first start compiles the kernels
        self._console = Console(Sitting(self.address, "operator"))
        until(f"{self.party} shows a board", lambda: self._console and self._console.board)

    def stop(self) -> None:
        """End the process in good order. Its sensor goes on."""
        for one in [*self._sittings.values(), *([self._console] if self._console else [])]:
            one.close()
        self._sittings.clear()
        self._console = None
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(30.0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def close(self) -> None:
        self.stop()
        self.sensor.close()

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"{self.party} ended: {(self.folder / 'node.log').read_text()[-600:]}")
        try:
            return httpx.get(f"http://127.0.0.1:{self.console_port}/healthz", trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of the node's log about *event*."""
        lines = (self.folder / "node.log").read_text("utf-8").splitlines()
        told = [msgspec.json.decode(line) for line in lines if line.startswith("{") and line.endswith("}")]
        return [line for line in told if line["event"] == event]

    # --- its people

    def __getattr__(self, role: str) -> Sitting:
        """Return who sits in the seat *role*: `alfa.military.say(…)`."""
        if role.startswith("_") or role not in SEATS:
            raise AttributeError(role)
        if role not in self._sittings:
            self._sittings[role] = self.sit(role)
        return self._sittings[role]

    def sit(self, role: str) -> Sitting:
        """Let somebody take the seat *role*; raises Refused where there is none."""
        return Sitting(self.address, role)

    def hotline(self, to: str, text: str) -> str:
        """Have the duty officer say *text* on the line of the watch; returns the message's name."""
        return self.duty_officer.give(SendText(to, "watch", "P", text)).message

    def check_table(self, charter: Path) -> None:
        """Have the configuration checked with one more table; raises ConfigError with what is wrong."""
        text = (self.folder / "detente.toml").read_text().replace("tables = [", f'tables = ["{charter}", ')
        path = self.folder / "tried.toml"
        path.write_text(text)
        command("check-config", str(path))

    @property
    def console(self) -> Console:
        assert self._console is not None
        return self._console

    # --- what its desk shows

    @property
    def board(self) -> Board:
        assert self.console.board is not None
        return self.console.board

    def peer(self, party: str) -> PeerRow:
        return next(row for row in self.board.peers if row.party == party)

    def feed(self, name: str) -> FeedRow:
        return next(row for row in self.board.feeds if row.feed == name)

    def alert(self, kind: str, *labels: str) -> AlertRow | None:
        """Return the newest alert of *kind* about all of *labels*."""
        rows = [row for row in self.board.alerts if row.kind == kind and set(labels) <= names_of(row)]
        return max(rows, key=lambda row: row.raised_at_ms, default=None)

    def message(self, name: str) -> MessageRow | None:
        return next((row for row in self.board.messages if row.message == name), None)

    def track(self, name: str) -> Shown | None:
        return self.console.tracks.get(name)

    def view(self, table: str) -> TableView:
        return self.duty_officer.view(table)

    def logs(self, other: Node) -> dict[str, tuple[int, str]]:
        """Return size and root of each log between this party and *other*, as this node holds it."""
        heads = self.duty_officer.ask(asking.logs())
        return {head.log: (head.size, head.root) for head in heads if head.party == other.party}

    def leaves(self, log: str) -> list[str]:
        """Return the hashes of the leaves of *log*, as this node holds it."""
        return [entry.hash for entry in self.entries(log)]

    def entries(self, log: str) -> Iterator[RecordEntry]:
        after: int | None = 0
        while after is not None:
            page = self.duty_officer.ask(asking.entries(log, after))
            yield from page.rows
            after = page.after


SEATS = frozenset(
    ("operator", "supervisor", "duty_officer", "military", "intelligence", "foreign_service", "minister", "leader")
)


def names_of(row: AlertRow) -> set[str]:
    return {ref.label for ref in (row.a, row.b) if ref is not None}


def half(row: AlertRow | MessageRow, party: str) -> Half:
    return next(one for one in row.halves if one.party == party)


def both_see(
    what: str, nodes: Sequence[Node], look: Callable[[Node], T | None], within_s: float = PATIENCE_S
) -> list[T]:
    """Wait until each of *nodes* shows it; returns what each shows."""
    return [until(f"{node.party}: {what}", lambda node=node: look(node), within_s) for node in nodes]


def in_line(flight: Flight, ahead_nm: float) -> Flight:
    """Return an aircraft that comes the other way, so far ahead, at the same level."""
    lat, lon = flight.moved(flight.trk_deg, ahead_nm * 1852.0)
    return replace(flight, lat_deg=lat, lon_deg=lon, trk_deg=flight.trk_deg + 180.0)


def free_ports(n: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def command(*words: str) -> str:
    """Do what a person types after `detente`; returns what is then on the screen."""
    screen = io.StringIO()
    with contextlib.redirect_stdout(screen):
        cli(list(words), standalone_mode=False)
    return screen.getvalue()
