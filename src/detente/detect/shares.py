"""A kernel's work over n rows, shared among threads. The kernels release the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from itertools import pairwise
from typing import Any

Share = tuple[int, int]


def shares_of(threads: Executor | None, n: int) -> list[Share]:
    """Return ranges (lo, hi) that cover n rows: one, or with threads and rows enough, many, to share well."""
    parts = 1 if threads is None or n < 4_096 else 16
    return list(pairwise(n * part // parts for part in range(parts + 1)))


def together(threads: Executor | None, kernel: Callable[..., Any], calls: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Call *kernel* with each of *calls*' arguments, on the threads if there are any; returns the results in order."""
    if threads is None:
        return [kernel(*call) for call in calls]
    return [done.result() for done in [threads.submit(kernel, *call) for call in calls]]


def each_of(threads: Executor | None, n: int, kernel: Callable[..., Any], *arguments: Any) -> list[Any]:
    """Call *kernel* with *arguments* and each share (lo, hi) of n rows; returns the results in order."""
    shares = shares_of(threads, n)
    return together(threads if len(shares) > 1 else None, kernel, ((*arguments, *share) for share in shares))
