"""Python's search for garbage in circles stops everything while it looks: a node keeps those stops short.

What a node loads at its start (some 170,000 objects: libraries, kernels, zones, policy) stays to its end, and to look
through it again costs a tenth of a second and more, as often as enough that is new has lasted. It is set aside, and
once a minute what has lasted since is. Whatever is set aside is freed as ever once nobody holds it; only a circle in it
would stay, so once a day everything is looked through.

For a process that is one node or one demo: it decides how the whole process is looked through.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Iterator
from typing import Final

EACH_S: Final = 60.0
_ALL_EACH: Final = 24 * 60  # looks: once a day


@contextlib.contextmanager
def unlooked() -> Iterator[None]:
    """Look for no garbage while a node is loaded: next to nothing of what it makes then is."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextlib.asynccontextmanager
async def short_looks() -> AsyncIterator[None]:
    """Set aside all that is loaded, and each minute what has lasted; at the end nothing is set aside any more."""
    gc.freeze()
    keeping = asyncio.create_task(_keep())
    try:
        yield
    finally:
        keeping.cancel()
        gc.unfreeze()


def look(*, at_all: bool = False) -> None:
    """Free the circles among what is new, or among all there is, and set aside what is left."""
    if at_all:
        gc.unfreeze()
    gc.collect()
    gc.freeze()


async def _keep() -> None:
    looks = 0
    while True:
        await asyncio.sleep(EACH_S)
        looks += 1
        look(at_all=looks % _ALL_EACH == 0)
