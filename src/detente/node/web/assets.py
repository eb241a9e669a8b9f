"""The console's files as they were reviewed: read once, served from memory, each with its SHA-256 as its tag."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

import msgspec

MEDIA_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
    "bin": "application/octet-stream",
    "md": "text/plain; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
}


class Asset(msgspec.Struct, frozen=True):
    body: bytes
    media_type: str
    sha256: str


def assets() -> Mapping[str, Asset]:
    """Return every file of the console by its path under `static/`. A path that is not a key does not exist."""
    found: dict[str, Asset] = {}
    _collect(files("detente.node.web") / "static", "", found)
    return found


def _collect(folder: Traversable, prefix: str, found: dict[str, Asset]) -> None:
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if entry.is_dir():
            _collect(entry, f"{prefix}{entry.name}/", found)
        elif media_type := MEDIA_TYPES.get(entry.name.rpartition(".")[2]):
            body = entry.read_bytes()
            found[prefix + entry.name] = Asset(body, media_type, hashlib.sha256(body).hexdigest())
