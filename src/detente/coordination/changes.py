"""What differs between two versions of a text, line by line, for people who are to sign the newer one."""

from __future__ import annotations

import difflib
from functools import lru_cache
from typing import Final

LINES_LIMIT: Final = 1_000
"""Lines of either text; beyond it nothing is compared, and that is said: the comparison grows with their product."""

NOT_COMPARED: Final = ("?", "")
"""Stands alone where the texts are too long to be compared."""


@lru_cache(maxsize=256)
def changes(old: str, new: str) -> tuple[tuple[str, str], ...]:
    """Return what turns *old* into *new*: (``-`` or ``+`` or a space for what stays beside it, line)."""
    before, after = old.splitlines(), new.splitlines()
    if max(len(before), len(after)) > LINES_LIMIT:
        return (NOT_COMPARED,)
    lines = list(difflib.unified_diff(before, after, n=1, lineterm=""))
    return tuple((line[:1], line[1:]) for line in lines[2:] if not line.startswith("@@"))
