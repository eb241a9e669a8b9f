"""One node: inputs from one inbox, effects in one order. Reads top to bottom.

Show, then record, then send. What happens is the engine's to decide; here is only the doing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol

import structlog

from detente.engine.engine import Engine
from detente.engine.values import (
    AdmitKeys,
    ClockStepped,
    CloseChannel,
    DiskWorks,
    Effect,
    FramesDue,
    Input,
    OrderGiven,
    PolicySet,
    ProbeDisk,
    Record,
    RecordBody,
    RecordCheckpoint,
    RecordReceipt,
    RecordState,
    Send,
    SessionsRestored,
    Show,
    Stored,
    StoreFailed,
    Tick,
    Vouched,
    Write,
)
from detente.errors import DetenteError, OrderRefused
from detente.evidence.store import Entry, LeafStore
from detente.evidence.store import Write as LeafWrite
from detente.link.frames import Channel
from detente.link.session import Session
from detente.node.clock import Clock
from detente.node.desk import Desk
from detente.node.inbox import Asked, Inbox
from detente.node.peers import PeerLinks
from detente.types import NS_PER_S, NodeName, PartyId

TICK_S: Final = 0.1
_TICK_NS: Final = round(TICK_S * NS_PER_S)
STEP_S: Final = 1.0
"""The machine's clock was set, and did not merely drift, when it moves by more than this between two looks."""

log = structlog.get_logger()


class Beside(Protocol):
    """What the pump asks of the node's work beside the engine."""

    def stored(self, hashes: Mapping[str, tuple[int, Sequence[bytes]]]) -> None:
        """Take note of what is on the disk now: by origin, where it begins and the hashes read back."""
        ...

    def done(self, effect: AdmitKeys | Vouched) -> None:
        """Do what the engine leaves to the node."""
        ...

    def ordered(self, given: OrderGiven, refused: OrderRefused | None) -> None:
        """Take note of an order and of what came of it."""
        ...

    def taken(self, given: ClockStepped | PolicySet) -> None:
        """Take note of a clock that was set, or of another release policy."""
        ...


class Pump:
    """Takes inputs from the inbox, lets the engine decide and does what it says."""

    def __init__(
        self,
        engine: Engine,
        inbox: Inbox,
        store: LeafStore,
        links: PeerLinks,
        desk: Desk,
        clock: Clock,
        nodes: Mapping[PartyId, NodeName],
        sessions: Callable[[], Mapping[PartyId, Session]],
        office: Beside | None = None,
    ) -> None:
        self._engine = engine
        self._inbox = inbox
        self._store = store
        self._links = links
        self._desk = desk
        self._clock = clock
        self._nodes = nodes
        self._sessions = sessions  # as the disk has them
        self._office = office
        # SQLite is called from one thread and no other; the loop never waits for the disk.
        self._writer = ThreadPoolExecutor(1, "record")

    async def run(self) -> None:
        """Work until cancelled."""
        ticking = asyncio.create_task(self._tick())
        try:
            while True:
                taken = await self._inbox.take()
                if any(isinstance(event, Tick) for event in taken):
                    # Before the work of this turn, whose time depends on what is hidden (threat-model.md, row 49).
                    await self._perform(self._decide(FramesDue()))
                effects: list[Effect] = []
                for event in taken:
                    effects += self._decide(event)
                await self._perform(effects)
        finally:
            ticking.cancel()
            self._writer.shutdown()

    async def _tick(self) -> None:
        stepped_s = self._clock.stepped_s()
        while True:
            by_s = self._clock.stepped_s() - stepped_s
            if abs(by_s) > STEP_S:
                stepped_s += by_s
                log.warning("clock", set_by_s=round(by_s, 3))
                self._inbox.put(ClockStepped(round(by_s * NS_PER_S)))
            self._inbox.put_tick(Tick())
            # On a grid, so that a tick that came late makes no later one late.
            await asyncio.sleep(self._clock.real_s(TICK_S - self._clock.now() % _TICK_NS / NS_PER_S))

    def _decide(self, event: Input | Asked) -> list[Effect]:
        given = event.given if isinstance(event, Asked) else event
        try:
            effects = self._engine.handle(given, self._clock.now())
        except OrderRefused as refused:
            self._note(given, refused)
            return self._answer(event, refused)
        except Exception as fault:
            # A bug of ours must not end the watch: it is shown at the desk, logged whole, and the next input is taken.
            self._engine.broke(f"{type(given).__name__}: {type(fault).__name__}")
            with contextlib.suppress(OSError, ValueError):  # a log that cannot be written must not end the watch either
                log.exception("engine", given=type(given).__name__)
            return [Show(), *self._answer(event, OrderRefused("internal", "an internal fault; nothing was promised"))]
        self._note(given, None)
        self._answer(event, self._engine.answer)
        return effects

    def _note(self, given: Input, refused: OrderRefused | None) -> None:
        if self._office is not None and isinstance(given, OrderGiven):
            self._office.ordered(given, refused)
        elif self._office is not None and isinstance(given, ClockStepped | PolicySet):
            self._office.taken(given)

    @staticmethod
    def _answer(event: Input | Asked, answer: dict[str, object] | OrderRefused) -> list[Effect]:
        """Tell whoever gave the order what came of it, if somebody still waits."""
        if isinstance(event, Asked) and not event.answer.done():
            if isinstance(answer, OrderRefused):
                event.answer.set_exception(answer)
            else:
                event.answer.set_result(answer)
        return []

    async def _perform(self, effects: list[Effect]) -> None:
        while effects:
            for effect in effects:
                if isinstance(effect, Show):
                    self._desk.show(effect.frame)
            writes = [e for e in effects if isinstance(e, Write)]
            stored = await self._record(writes) if writes else []
            is_probe = all(isinstance(write, ProbeDisk) for write in writes)
            if any(isinstance(event, DiskWorks) for event in stored):
                self._begin_again()
            elif any(isinstance(event, StoreFailed) for event in stored) and not is_probe:
                # Nothing of this batch leaves: a promise is on the disk or it is not made.
                self._begin_again()
            else:
                self._send(effects)
                for effect in effects:
                    if self._office is not None and isinstance(effect, AdmitKeys | Vouched):
                        self._office.done(effect)
            effects = [effect for event in stored for effect in self._decide(event)]

    def _send(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                self._links.send(self._nodes[effect.peer], effect.channel, effect.frame)
            elif isinstance(effect, CloseChannel):
                self._links.close(self._nodes[effect.peer], effect.channel)

    def _begin_again(self) -> None:
        """After a failed write nobody goes on from memory: the links begin again from what the disk really has."""
        try:
            sessions = self._sessions()
        except DetenteError as fault:
            log.warning("record", fault=str(fault))
            sessions = {}
        self.go_on_with(sessions, self._nodes)

    def go_on_with(self, sessions: Mapping[PartyId, Session], parties: Iterable[PartyId]) -> None:
        """Replace *sessions*, and let the links of *parties* open anew."""
        self._inbox.put(SessionsRestored(sessions))
        for node in (self._nodes[party] for party in parties):
            for channel in Channel:
                self._links.close(node, channel)

    async def on_disk(self, write: Callable[[], None]) -> None:
        """Do *write* in the thread that writes the record; raises what it raises."""
        await asyncio.get_running_loop().run_in_executor(self._writer, write)

    async def _record(self, writes: list[Write]) -> list[Input]:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._writer, self._write, writes)
        except DetenteError as fault:
            log.warning("record", fault=str(fault))
            return [StoreFailed(str(fault))]

    def _write(self, writes: list[Write]) -> list[Input]:
        appends = [w for w in writes if isinstance(w, Record)]
        hashes = self._store.append(in_runs([(w.origin, w.start, w.entries) for w in appends])) if appends else {}
        for write in writes:
            match write:
                case RecordBody(origin, seq, salt, body):
                    self._store.put_body(origin, seq, salt, body)
                case RecordCheckpoint(origin, old, new):
                    self._store.replace_checkpoint(origin, old, new)
                case RecordReceipt(origin, receipt):
                    self._store.put_receipt(origin, receipt)
                case RecordState(key, value):
                    self._store.put_state(key, value)
                case ProbeDisk():
                    self._store.put_state("probe", b"")
        starts: dict[str, int] = {}
        for w in appends:
            starts.setdefault(w.origin, w.start)
        if self._office is not None:
            self._office.stored({origin: (starts[origin], hashed) for origin, hashed in hashes.items()})
        stored: list[Input] = [Stored(origin, starts[origin], hashed) for origin, hashed in hashes.items()]
        return [*stored, *(DiskWorks() for write in writes if isinstance(write, ProbeDisk))]


def in_runs(writes: Sequence[LeafWrite]) -> list[LeafWrite]:
    """Return *writes* with those joined that follow each other in one log: each costs the store several statements."""
    runs: dict[str, list[tuple[int, list[Entry]]]] = {}
    for origin, start, entries in writes:
        of_log = runs.setdefault(origin, [])
        if of_log and of_log[-1][0] + len(of_log[-1][1]) == start:
            of_log[-1][1].extend(entries)
        else:
            of_log.append((start, list(entries)))
    return [(origin, start, entries) for origin, of_log in runs.items() for start, entries in of_log]
