"""The pump: a bug of ours in one input is shown and does not end the watch."""

import asyncio

import pytest

from detente.desk.orders import Acknowledge
from detente.engine.values import FramesDue, OrderGiven, Tick, ViewSet
from detente.errors import OrderRefused
from detente.evidence.store import Entry
from detente.node.clock import SystemClock
from detente.node.inbox import Inbox
from detente.node.run import Pump, in_runs
from detente.testing.store import MemoryStore
from detente.types import Role


class BrokenEngine:
    """Fails on every order, as a bug would; ticks are well."""

    def __init__(self):
        self.answer = {}
        self.bugs = []
        self.ticks = 0

    def handle(self, event, now):
        if isinstance(event, OrderGiven):
            raise KeyError("a bug")
        self.ticks += isinstance(event, Tick)
        return []

    def broke(self, what):
        self.bugs.append(what)


class Screen:
    def __init__(self):
        self.shown = 0

    def show(self, frame):
        self.shown += 1


def test_a_bug_in_one_order_is_refused_to_its_giver_shown_at_the_desk_and_the_watch_goes_on():
    async def scene():
        engine, screen, inbox = BrokenEngine(), Screen(), Inbox(4)
        pump = Pump(engine, inbox, MemoryStore(), None, screen, SystemClock(), {}, dict)
        running = asyncio.create_task(pump.run())
        with pytest.raises(OrderRefused, match="nothing was promised"):
            await asyncio.wait_for(inbox.ask(OrderGiven(Acknowledge("alfa-1"), Role.OPERATOR)), 10.0)
        before = engine.ticks
        await asyncio.sleep(0.35)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return engine, screen, before

    engine, screen, before = asyncio.run(scene())
    assert engine.bugs == ["OrderGiven: KeyError"]
    assert screen.shown == 1
    assert engine.ticks > before


def test_t49_what_was_made_leaves_before_anything_else_of_a_turn_is_looked_at():
    class Noting(BrokenEngine):
        def __init__(self):
            super().__init__()
            self.seen = []

        def handle(self, event, now):
            self.seen.append((event, now % 100_000_000))
            return []

    async def scene():
        engine, inbox = Noting(), Inbox(4)
        pump = Pump(engine, inbox, MemoryStore(), None, Screen(), SystemClock(), {}, dict)
        inbox.put(ViewSet((0.0, 0.0), 1.0))  # waits before the first tick
        running = asyncio.create_task(pump.run())
        await asyncio.sleep(0.55)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return engine.seen

    seen = asyncio.run(scene())
    kinds = [type(event) for event, _ in seen]
    assert kinds[kinds.index(Tick) - 1] in {FramesDue, ViewSet}
    assert kinds.index(FramesDue) < kinds.index(Tick)
    assert kinds.count(FramesDue) == kinds.count(Tick) >= 2
    # Ticks keep to the grid: one that comes late moves no later one. The quickest shows it, whatever else the machine does.
    assert min(at for event, at in seen[4:] if isinstance(event, Tick)) < 30_000_000


def test_a_second_tick_waits_for_none():
    async def scene():
        inbox = Inbox(4)
        inbox.put_tick(Tick())
        inbox.put_tick(Tick())
        first = await inbox.take()
        inbox.put_tick(Tick())
        return first, await inbox.take()

    first, second = asyncio.run(scene())
    assert [len(first), len(second)] == [1, 1]


def test_leaves_that_follow_each_other_in_one_log_go_to_the_store_as_one_run_and_no_others():
    a, b, c, d = (Entry(leaf=leaf, body=None, salt=b"") for leaf in (b"a", b"b", b"c", b"d"))
    writes = [("flash", 4, [a]), ("ops", 0, [b]), ("flash", 5, [c]), ("flash", 9, [d])]
    assert in_runs(writes) == [("flash", 4, [a, c]), ("flash", 9, [d]), ("ops", 0, [b])]
    assert in_runs([]) == []
