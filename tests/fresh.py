"""A Python of its own for what can only be seen in a process that has just begun."""

from __future__ import annotations

import os
import subprocess
import sys


def in_a_fresh_process(script: str, **environment: str) -> str:
    """Return what a Python script prints in a process of its own, which can import what this one can."""
    path = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return done.stdout
