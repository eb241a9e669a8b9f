"""docs/lessons.md names the lessons by number, and modules and tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs/lessons.md").read_text("utf-8")
ROWS = [line.split("|")[1:-1] for line in PAGE.splitlines() if re.match(r"\| \d+ \|", line)]


def test_all_sixteen_lessons_are_there_in_order():
    assert [int(row[0]) for row in ROWS] == list(range(1, 17))


def test_each_lesson_names_tests_that_there_are():
    known = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
    }
    named = [re.findall(r"`(test_\w+)`", row[4]) for row in ROWS]
    assert all(named)
    assert sorted({name for names in named for name in names} - known) == []


def test_each_lesson_names_code_that_there_is():
    for row in ROWS:
        paths = re.findall(r"`([\w/]+(?:\.py|/))`", row[2])
        assert paths or "`types.Role`" in row[2]
        assert [path for path in paths if not (ROOT / "src/detente" / path).exists()] == []
