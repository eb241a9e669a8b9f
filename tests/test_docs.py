"""What the documents tell a reader to type works, and the files they show are accepted.

A block marked `sh run` is run as it stands, in a folder that looks like the clone; `toml policy` is a whole release policy.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from detente.release.policy import parse_policy

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "benchmarks").glob("*.md"))]
BLOCK = re.compile(r"^```([a-z]+ [a-z]+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(mark):
    return list(_blocks(mark))


def _blocks(mark):
    for path in DOCUMENTS:
        text = path.read_text("utf-8")
        for found in BLOCK.finditer(text):
            if found[1] == mark:
                line = text.count("\n", 0, found.start()) + 1
                yield pytest.param(found[2], id=f"{path.relative_to(ROOT)}:{line}")


@pytest.fixture
def clone(tmp_path):
    """A folder with the clone's sources in it, where a command may leave files."""
    for name in ("src", "examples", "docs", "benchmarks"):
        (tmp_path / name).symlink_to(ROOT / name)
    commands = tmp_path / "bin"
    commands.mkdir()
    detente = commands / "detente"
    detente.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m detente "$@"\n')
    detente.chmod(0o755)
    path = os.pathsep.join([str(commands), str(Path(sys.executable).parent), os.environ["PATH"]])
    return tmp_path, {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "120"}


@pytest.mark.parametrize("script", blocks("sh run"))
def test_what_a_document_tells_to_type_works(script, clone):
    folder, environment = clone
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("text", blocks("toml policy"))
def test_a_policy_in_a_document_is_a_policy(text):
    assert parse_policy(text.encode(), "the document").rule


def test_the_two_commands_of_the_readme_are_in_the_makefile():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    told = set(re.findall(r"\bmake ([a-z]+)\b", (ROOT / "README.md").read_text("utf-8")))
    assert told >= {"demo", "test"}
    assert [name for name in told if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []
