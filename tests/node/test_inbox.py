"""The inbox has a bound for each kind of thing, and says what it did at it."""

from __future__ import annotations

import asyncio

import pytest

from detente.desk.orders import Displayed
from detente.engine.values import FeedSaid, OrderGiven, PeerSent, PlotsReceived, Tick
from detente.errors import OrderRefused
from detente.feeds.plot import empty_plots
from detente.link.frames import Channel
from detente.node.inbox import BATCH, ORDERS_WAITING, SENSED_A_TURN, Inbox
from detente.types import PartyId, Role

ORDER = OrderGiven(Displayed(), Role.OPERATOR)


def plots(source):
    return PlotsReceived(source, empty_plots(1))


def frame(n):
    return PeerSent(PartyId("bravo"), Channel.BULK, str(n))


def test_beyond_the_limit_the_oldest_plots_go_and_are_counted():
    async def play():
        inbox = Inbox(3)
        for source in range(5):
            inbox.put_plots(plots(source))
        inbox.put(Tick())
        taken = await inbox.take()
        return [event.source for event in taken if isinstance(event, PlotsReceived)], inbox.plots_dropped, len(taken)

    assert asyncio.run(play()) == ([2, 3, 4], 2, 4)


def test_what_was_taken_makes_room_for_new_plots():
    async def play():
        inbox = Inbox(2)
        for source in range(2):
            inbox.put_plots(plots(source))
        await inbox.take()
        inbox.put_plots(plots(2))
        return inbox.plots_dropped

    assert asyncio.run(play()) == 0


def test_a_turn_takes_a_batch_in_order_and_leaves_the_rest():
    async def play():
        inbox = Inbox(10)
        for n in range(BATCH + 5):
            inbox.put(frame(n))
        return [e.frame for e in await inbox.take()], [e.frame for e in await inbox.take()]

    first, rest = asyncio.run(play())
    assert first + rest == [str(n) for n in range(BATCH + 5)]
    assert len(first) == BATCH


def test_a_peers_frame_waits_for_no_more_than_the_plots_of_one_turn_and_plots_for_no_flood_of_frames():
    async def play():
        inbox = Inbox(40)
        for source in range(40):
            inbox.put_plots(plots(source))
        for n in range(2 * BATCH):
            inbox.put(frame(n))
        return await inbox.take()

    taken = asyncio.run(play())
    assert [event.frame for event in taken[:BATCH]] == [str(n) for n in range(BATCH)]
    assert [event.source for event in taken[BATCH:]] == list(range(SENSED_A_TURN))


def test_what_became_of_a_sensor_comes_behind_its_last_plots():
    async def play():
        inbox = Inbox(10)
        inbox.put_plots(plots(0))
        inbox.put(FeedSaid(0, "ended", ""))
        inbox.put(Tick())
        return [type(event) for event in await inbox.take()]

    assert asyncio.run(play()) == [Tick, PlotsReceived, FeedSaid]


def test_taking_waits_until_something_happens():
    async def play():
        inbox = Inbox(10)
        taking = asyncio.create_task(inbox.take())
        await asyncio.sleep(0.01)
        assert not taking.done()
        inbox.put(Tick())
        return await taking

    assert asyncio.run(play()) == [Tick()]


def test_an_order_beyond_the_limit_is_refused_with_a_reason_and_the_others_keep_waiting():
    async def play():
        inbox = Inbox(10)
        asked = [asyncio.create_task(inbox.ask(ORDER)) for _ in range(ORDERS_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(OrderRefused, match="nothing was done") as refused:
            await inbox.ask(ORDER)
        for waiting in await inbox.take():
            waiting.answer.set_result({"n": 1})
        answers = await asyncio.gather(*asked)
        again = asyncio.create_task(inbox.ask(ORDER))
        (waiting,) = await inbox.take()
        waiting.answer.set_result({})
        await again
        return refused.value.code, answers

    code, answers = asyncio.run(play())
    assert code == "busy"
    assert answers == [{"n": 1}] * ORDERS_WAITING


def test_when_too_many_frames_wait_their_reader_waits_and_none_is_lost():
    async def play():
        inbox = Inbox(10)

        async def read():
            for n in range(6 * BATCH):
                await inbox.put_frame(frame(n))

        reading = asyncio.create_task(read())
        await asyncio.sleep(0.01)
        assert not reading.done()
        taken = []
        while len(taken) < 6 * BATCH:
            taken += await inbox.take()
            await asyncio.sleep(0)
        await reading
        return [event.frame for event in taken]

    assert asyncio.run(play()) == [str(n) for n in range(6 * BATCH)]
