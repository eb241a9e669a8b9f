"""Orders that are given twice are done once: who repeats an order under one key gets the answer of the first time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from detente.node.web.problem import Refused

KEPT: Final = 4_096
"""Keys remembered; beyond it the oldest goes. They are kept in memory: a node that starts anew knows none."""


@dataclass
class _Given:
    digest: bytes
    answer: Any = None
    done: bool = False
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Repeats:
    """What was ordered under which key, by whom."""

    def __init__(self, kept: int = KEPT) -> None:
        self._given: OrderedDict[tuple[str, str], _Given] = OrderedDict()
        self._kept = kept

    async def once(self, who: str, key: str, digest: bytes, do: Callable[[], Awaitable[Any]]) -> Any:
        """Return the answer of *do*, done once for *who*'s *key*.

        A refused order did nothing, so its repetition is tried anew. Raises Refused ``key_reused`` when the key came
        before with an order of another *digest*.
        """
        given = self._given.setdefault((who, key), _Given(digest))
        self._given.move_to_end((who, key))
        while len(self._given) > self._kept:
            self._given.popitem(last=False)
        if given.digest != digest:
            raise Refused("key_reused", f"the key {key[:64]!r} came with another order before")
        async with given.turn:  # the same order may come again while the first is being done
            if not given.done:
                given.answer = await do()
                given.done = True
            return given.answer
