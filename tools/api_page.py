# ruff: noqa: INP001  tools are scripts, no package
"""Write the two lists of docs/protocol/api.md, endpoints and problems, out of the code: `python tools/api_page.py`."""

from __future__ import annotations

import re
from pathlib import Path

from detente.node.web.endpoint import Who
from detente.node.web.problem import PROBLEMS
from detente.node.web.routes import TABLE

PAGE = Path(__file__).resolve().parent.parent / "docs/protocol/api.md"
WHO = {Who.ANYONE: "anyone", Who.SEATED: "a seat"}


def written(page: str) -> str:
    """Return *page* with both lists as the code has them."""
    ordered = sorted(TABLE, key=lambda one: (one.path, one.method))
    endpoints = [
        f"| `{one.method} {one.path}` | {one.summary} | {WHO.get(one.who, one.who.value)} |" for one in ordered
    ]
    problems = [f"| `{code}` | {said.status} | {said.title} | {said.do} |" for code, said in sorted(PROBLEMS.items())]
    page = _replaced(page, r"\| `[A-Z]+ /", endpoints)
    return _replaced(page, r"\| `\w+` \| \d{3} \|", problems)


def _replaced(page: str, row: str, rows: list[str]) -> str:
    lines = page.split("\n")
    found = [n for n, line in enumerate(lines) if re.match(row, line)]
    lines[found[0] : found[-1] + 1] = rows
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
