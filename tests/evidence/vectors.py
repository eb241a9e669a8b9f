"""The published vectors, and the throw-away keys they were made with."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Any

import pytest

from conftest import SHARED
from detente.evidence.note import Cosigner, Ed25519Signer

ORIGIN = "alpha.example/detente/to/bravo.example/flash/1"


def seed(label: str) -> bytes:
    return hashlib.sha256(f"detente demo {label}".encode()).digest()


@cache
def _load() -> dict[str, Any]:
    return json.loads((SHARED / "reference/link-vectors.json").read_text())


def vectors() -> dict[str, Any]:
    if not (SHARED / "reference/link-vectors.json").is_file():
        pytest.skip(f"the link's vectors are not at {SHARED}")
    return _load()


ROOT = Ed25519Signer("alpha.example/detente/root", seed("alpha root"))
ENV = Ed25519Signer("alpha.example/detente/env", seed("alpha env"))
LOG = Ed25519Signer(ORIGIN, seed("alpha log"))
MIRROR = Cosigner("bravo.example/detente/mirror", seed("bravo mirror"))
WITNESS = Cosigner("witness.neutral.example/w1", seed("witness"))
