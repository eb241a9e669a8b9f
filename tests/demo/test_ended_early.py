"""A play that ends before its script: what was not reached is said so, and is not called unbuilt."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest


@pytest.mark.parametrize("after", ["What the nodes log", "step 1"], ids=["at once", "in its first step"])
def test_a_headless_play_that_is_interrupted_is_no_success_and_names_what_it_did_not_reach(tmp_path, after):
    command = [sys.executable, "-m", "detente", "demo", "--headless", "--directory", str(tmp_path / "demo")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as demo:
        assert demo.stderr is not None
        for line in demo.stderr:
            if after in line:
                break
        demo.send_signal(signal.SIGINT)
        out, _ = demo.communicate(timeout=60)
    assert demo.returncode == 130
    assert "not reached" in out
    assert "not built yet" not in out
