"""Kernels that count no references to arrays.

Numba counts who holds an array, each time a kernel takes a slice or names a field of a tuple: with an instruction that
waits for all others, on a number that all threads share. In kernels that do so for every track and zone it was four
tenths of their time. A kernel that makes no array, and keeps none beyond its call, need not count: the caller holds
what it was given. It must not make any either (`np.empty`, concatenation): numba then refuses to compile it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from numba import njit

_OPTIONS: Final[dict[str, Any]] = {"cache": True, "nogil": True, "_nrt": False}


def uncounted(**options: Any) -> Callable[[Any], Any]:
    """Return numba's decorator with *options*, its results kept on the disk, without references or the lock."""
    decorator: Callable[[Any], Any] = njit(**_OPTIONS, **options)
    return decorator
