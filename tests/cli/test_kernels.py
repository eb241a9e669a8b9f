"""The command line where nothing but the temporary folder can be written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from detente.cli import kernels

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """Neither installation nor home can be written; returns what is made instead."""
    made = []
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setattr(kernels, "_is_writable", lambda _: False)
    monkeypatch.setattr(kernels.atexit, "register", lambda *call, **_: made.append(call))
    monkeypatch.setattr(kernels.tempfile, "tempdir", str(tmp_path))
    yield made
    os.environ.pop("NUMBA_CACHE_DIR", None)


def test_a_private_folder_is_made_and_removed_at_the_end(nowhere, capsys):
    kernels.keep_kernels()
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    assert folder.stat().st_mode & 0o077 == 0
    assert nowhere[0][1] == str(folder)
    assert "set NUMBA_CACHE_DIR" in capsys.readouterr().err


def test_a_folder_that_was_chosen_stays_chosen(nowhere, monkeypatch, capsys):
    monkeypatch.setenv("NUMBA_CACHE_DIR", "chosen")
    kernels.keep_kernels()
    assert os.environ["NUMBA_CACHE_DIR"] == "chosen"
    assert nowhere == []
    assert capsys.readouterr().err == ""


def test_a_folder_that_is_not_there_yet_is_as_writable_as_the_one_above_it(tmp_path):
    assert kernels._is_writable(tmp_path / "not" / "there")
    file = tmp_path / "file"
    file.write_text("")
    assert not kernels._is_writable(file / "below")


def test_kernels_are_compiled_anew_when_any_file_with_a_kernel_changed_and_not_when_none_did(tmp_path):
    (tmp_path / "detect" / "__pycache__").mkdir(parents=True)
    source, compiled = tmp_path / "detect" / "cpa.py", tmp_path / "detect" / "__pycache__" / "screen.nbc"
    source.write_text("njit")
    kernels.drop_stale(tmp_path)
    compiled.touch()
    kernels.drop_stale(tmp_path)
    assert compiled.exists()
    source.write_text("njit, changed")
    kernels.drop_stale(tmp_path)
    assert not compiled.exists()


def test_what_an_installation_compiles_is_kept_by_the_first_command(monkeypatch):
    """Thrown away after it was compiled, it would be compiled twice: the stamp comes first."""
    done = []
    monkeypatch.setattr(kernels, "keep_kernels", lambda: done.append("stamped"))
    monkeypatch.setattr("detente.node.party.warm", lambda: done.append("compiled"))
    kernels.compile_kernels()
    assert done == ["stamped", "compiled"]
    line = next(line for line in (ROOT / "Makefile").read_text("utf-8").splitlines() if "compile_kernels" in line)
    assert "party" not in line
