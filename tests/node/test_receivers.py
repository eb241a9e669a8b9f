"""Live sensors over real sockets, and recordings played in real time or faster."""

import asyncio
from contextlib import asynccontextmanager

import numpy as np
import pytest

from detente.errors import OwnFault
from detente.feeds.plot import Reject, empty_plots
from detente.feeds.site import Site
from detente.node import receivers
from detente.node.receivers import Player, ReceiverState, beast_receiver, sbs_receiver, together
from detente.types import NS_PER_S, Instant

SBS = b"MSG,3,1,1,4249B5,1,2018/04/03,19:02:29.000,2018/04/03,19:02:29.000,,7000,,,59.7,30.1,,,0,0,0,0\r\n"


@asynccontextmanager
async def sensor(*sayings):
    """A sensor on loopback that says one of *sayings* to each connection and hangs up."""
    left = list(sayings)

    async def serve(_reader, writer):
        writer.write(left.pop(0) if left else b"")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def first(receiver, n):
    batches = []
    async with asyncio.timeout(10.0):
        stream = receiver.batches()
        async for batch in stream:
            batches.append(batch)
            if len(batches) == n:
                break
        await stream.aclose()
    return batches


async def listened(receiver, seconds):
    """Listen for *seconds* to a sensor that says nothing."""
    stream = receiver.batches()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(stream), seconds)
    await stream.aclose()


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(receivers, "FIRST_WAIT_S", 0.02)


def test_a_receiver_connects_again_when_the_sensor_hangs_up():
    async def run():
        async with sensor(SBS, b"damage\n" + SBS) as port:
            receiver = sbs_receiver("127.0.0.1", port)
            assert receiver.health.state is ReceiverState.WAITING
            return receiver, await first(receiver, 2)

    receiver, batches = asyncio.run(run())
    assert [len(batch.plots) for batch in batches] == [1, 1]
    assert batches[1].rejected == {Reject.MALFORMED: 1}
    health = receiver.health
    assert (health.connections, health.plots, health.state) == (2, 2, ReceiverState.UP)
    assert health.received_bytes == 2 * len(SBS) + 7
    assert "closed by the sensor" in health.fault


def test_a_receiver_says_that_nobody_answers_and_tries_again():
    async def run():
        async with sensor(SBS) as port:
            pass
        receiver = sbs_receiver("127.0.0.1", port)
        await listened(receiver, 0.3)
        return receiver.health

    health = asyncio.run(run())
    assert health.state is ReceiverState.FAILED
    assert "127.0.0.1" in health.fault
    assert health.connections == 0


def test_a_silent_sensor_is_taken_for_dead(monkeypatch):
    monkeypatch.setattr(receivers, "SILENCE_S", 0.05)

    async def run():
        release = asyncio.Event()

        async def serve(_reader, writer):
            await release.wait()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        receiver = sbs_receiver("127.0.0.1", server.sockets[0].getsockname()[1])
        await listened(receiver, 0.4)
        release.set()
        server.close()
        await server.wait_closed()
        return receiver.health

    health = asyncio.run(run())
    assert health.connections >= 2


def test_a_beast_is_received_at_the_time_of_the_nodes_clock(shared):
    stream = (shared / "data/raw_modes/ulss7_beast_20180403T190228Z.bin").read_bytes()
    now = Instant(1_700_000_000 * NS_PER_S)

    async def run():
        async with sensor(stream) as port:
            return await first(beast_receiver("127.0.0.1", Site(59.74, 32.38), port, clock=lambda: now), 1)

    (batch,) = asyncio.run(run())
    assert len(batch.plots) > 10
    assert set(batch.plots["applicable_at_ns"].tolist()) == {now}


class FakeClock:
    """Time that passes only while somebody sleeps."""

    def __init__(self):
        self.now_ns = 5_000 * NS_PER_S

    def __call__(self):
        return Instant(self.now_ns)

    async def sleep(self, seconds):
        self.now_ns += round(seconds * NS_PER_S)


def recorded(*seconds):
    plots = empty_plots(len(seconds))
    plots["applicable_at_ns"] = [round(s * NS_PER_S) for s in seconds]
    return plots


def played(player):
    async def run():
        return [(now, plots["applicable_at_ns"].tolist()) async for now, plots in player.slices()]

    return asyncio.run(run())


@pytest.mark.parametrize("speed", [1.0, 4.0])
def test_a_recording_is_paced_and_keeps_its_own_time(speed):
    clock = FakeClock()
    slices = played(Player(recorded(10, 10.5, 11, 13), speed=speed, clock=clock, sleep=clock.sleep))
    assert [now // NS_PER_S for now, _ in slices] == [10, 11, 12, 13]
    assert [len(at) for _, at in slices] == [1, 2, 0, 1]
    assert clock.now_ns - 5_000 * NS_PER_S == 3 * NS_PER_S / speed


def test_a_recording_can_be_moved_to_the_nodes_time():
    clock = FakeClock()
    slices = played(Player(recorded(10, 11), rebased=True, clock=clock, sleep=clock.sleep))
    assert [at for _, (at,) in slices] == [5_000 * NS_PER_S, 5_001 * NS_PER_S]
    assert [now for now, _ in slices] == [5_000 * NS_PER_S, 5_001 * NS_PER_S]


def test_a_player_that_is_late_skips_nothing():
    clock = FakeClock()

    async def slow(seconds):
        await clock.sleep(seconds + 10.0)

    slices = played(Player(recorded(*range(10, 20)), clock=clock, sleep=slow))
    assert sum(len(at) for _, at in slices) == 10


def test_an_empty_recording_plays_nothing():
    assert played(Player(recorded())) == []


@pytest.mark.parametrize("wrong", [{"speed": 0.0}, {"slice_s": 0.0}, {"speed": 2.0, "rebased": True}])
def test_a_pace_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(OwnFault):
        Player(recorded(1), **wrong)


def test_recordings_are_joined_in_order_of_time():
    assert (np.diff(together([recorded(3, 5), recorded(1, 4)])["applicable_at_ns"]) > 0).all()
    assert receivers.wall_clock() > 1_700_000_000 * NS_PER_S
