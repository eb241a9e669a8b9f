"""Fixtures that all tests share. Few, and builders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import detente
from detente.cli.kernels import drop_stale

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("DETENTE_SHARED", ROOT.parent / "shared"))

drop_stale(Path(detente.__file__).parent)

# Kernels compile on their first call, so no deadline.
settings.register_profile("detente", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("detente")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data beside the project. Tests that need it are skipped without it."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"the reference data are not at {SHARED}")
    return SHARED
