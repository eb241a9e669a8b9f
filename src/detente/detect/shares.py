"""A kernel's work over n rows, shared among threads. The kernels release the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from itertools import pairwise
from typing import Any, Final

MOST: Final = 16
LEAST: Final = 12_288  # what hands a share to a thread takes as long as a kernel does for some of its rows

Share = tuple[int, int]


def shares_of(threads: Executor | None, n: int, least: int = LEAST) -> list[Share]:
    """Return ranges (lo, hi) that cover n rows: one, or with threads, as many as have *least* rows, up to MOST.

    More of them than threads: who is done with a cheap one takes another.
    """
    parts = 1 if threads is None else min(max(n // least, 1), MOST)
    return list(pairwise(n * part // parts for part in range(parts + 1)))


def in_turn(threads: Executor | None, kernel: Callable[..., Any], calls: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
    """Call *kernel* with each of *calls*' arguments, on the threads if there are any; yields each result, in order, as
    soon as it is there."""
    if threads is None:
        return (kernel(*call) for call in calls)
    begun = [threads.submit(kernel, *call) for call in calls]
    return (each.result() for each in begun)


def together(threads: Executor | None, kernel: Callable[..., Any], calls: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Call *kernel* with each of *calls*' arguments, on the threads if there are any; returns the results in order."""
    return list(in_turn(threads, kernel, calls))


def each_of(
    threads: Executor | None, n: int, kernel: Callable[..., Any], *arguments: Any, least: int = LEAST
) -> list[Any]:
    """Call *kernel* with *arguments* and each share (lo, hi) of n rows; returns the results in order."""
    shares = shares_of(threads, n, least)
    return together(threads if len(shares) > 1 else None, kernel, ((*arguments, *share) for share in shares))
