"""Memory that one pass works in and the next works in again.

What a pass gives back, the system takes, and hands out again page by page, each emptied first: for 100,000 tracks that
is some 25 MB and a tenth of the time of a pass. Answers are the caller's: their memory serves again only when nobody
holds any of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, Final
from weakref import ReferenceType, ref

import numpy as np
import numpy.typing as npt

_SPARE: Final = 8  # an eighth more than asked for, as tracks come and go
_LEAST_BYTES: Final = 1 << 16


class Room:
    """Arrays by name, as large as the largest pass of late. For one pass at a time: see `borrowed`."""

    def __init__(self) -> None:
        self.lock: Final = Lock()
        self._held: dict[str, npt.NDArray[np.uint8]] = {}
        self._lent: dict[str, ReferenceType[npt.NDArray[np.uint8]]] = {}  # dead once nobody holds any of it

    def array(self, name: str, shape: tuple[int, ...], dtype: type) -> npt.NDArray[Any]:
        """Return an array of *shape*, its numbers whatever they were. It lasts until *name* is asked for again."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        return self._memory(name, size)[:size].view(dtype).reshape(shape)

    def lent(self, name: str, shape: tuple[int, ...], dtype: type) -> npt.NDArray[Any]:
        """Return an array of *shape* for the caller to keep: it lasts as long as anybody holds it or a part of it."""
        size, before = math.prod(shape) * np.dtype(dtype).itemsize, self._lent.get(name)
        if before is not None and before() is not None:
            del self._held[name]
        # All parts of an array hold the array that lies on the buffer, and not the memory below it.
        lent = np.frombuffer(self._memory(name, size).data, np.uint8)
        self._lent[name] = ref(lent)
        return lent[:size].view(dtype).reshape(shape)

    def _memory(self, name: str, size: int) -> npt.NDArray[np.uint8]:
        """Return memory of *size* bytes or more. That for a crowd that has gone is given back."""
        held = self._held.get(name)
        if held is None or not size <= len(held) <= 4 * size + _LEAST_BYTES:
            self._held[name] = held = np.empty(size + size // _SPARE, np.uint8)
        return held


@contextmanager
def borrowed(room: Room | None) -> Iterator[Room]:
    """Lend *room* to one pass; another for one that comes meanwhile, or where there is none."""
    if room is None or not room.lock.acquire(blocking=False):
        yield Room()
        return
    try:
        yield room
    finally:
        room.lock.release()
