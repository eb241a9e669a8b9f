"""A kernel's work over n rows, shared among threads. The kernels release the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from itertools import pairwise
from typing import Any


def each_of(threads: Executor | None, n: int, kernel: Callable[..., Any], *arguments: Any) -> list[Any]:
    """Call *kernel* with *arguments* and ranges (lo, hi) that cover n: one, or with threads enough to share well."""
    parts = 1 if threads is None or n < 4_096 else 16
    ranges = list(pairwise(n * part // parts for part in range(parts + 1)))
    if threads is None or parts == 1:
        return [kernel(*arguments, *share) for share in ranges]
    return [done.result() for done in [threads.submit(kernel, *arguments, *share) for share in ranges]]
