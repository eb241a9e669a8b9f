"""What lasts is set aside and not looked through again, and a circle of garbage still goes."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from detente.node import garbage


class Thing:
    """Something that may hold itself."""

    def __init__(self) -> None:
        self.other: Thing | None = None


def circle() -> weakref.ref[Thing]:
    thing = Thing()
    thing.other = thing
    return weakref.ref(thing)


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def test_what_is_loaded_is_not_looked_through_again_while_a_node_runs() -> None:
    loaded = Thing()

    async def node() -> None:
        async with garbage.short_looks():
            newer = Thing()
            looked_through = {id(one) for one in gc.get_objects()}
            assert id(newer) in looked_through
            assert id(loaded) not in looked_through

    asyncio.run(node())
    assert gc.get_freeze_count() == 0
    assert any(one is loaded for one in gc.get_objects())


def test_a_circle_that_is_new_goes_with_the_next_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "EACH_S", 0.01)

    async def node() -> None:
        async with garbage.short_looks():
            gone = circle()
            await asyncio.sleep(0.5)
            assert gone() is None

    asyncio.run(node())


def test_a_circle_that_was_set_aside_goes_when_everything_is_looked_through() -> None:
    held = Thing()
    held.other = held
    garbage.look()
    there = weakref.ref(held)
    del held
    garbage.look()
    assert there() is not None
    garbage.look(at_all=True)
    assert there() is None


def test_what_was_set_aside_and_is_in_no_circle_goes_at_once() -> None:
    held = Thing()
    garbage.look()
    there = weakref.ref(held)
    del held
    assert there() is None


def test_a_start_that_fails_leaves_the_search_for_garbage_on() -> None:
    def start() -> None:
        with garbage.unlooked():
            assert not gc.isenabled()
            raise FileNotFoundError("detente.toml")

    with pytest.raises(FileNotFoundError):
        start()
    assert gc.isenabled()
