"""The logs as files that foreign tools read (C2SP tlog-tiles): served over HTTP, read-only, or written to a folder.

Below ``<origin>/`` stand ``checkpoint``, ``tile/<level>/<n>[.p/<width>]`` and ``tile/entries/<n>[.p/<width>]``, up to
the size of the newest signed checkpoint. Bodies are not served: who may read them is decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from detente.errors import ConfigError, OwnFault
from detente.evidence.checkpoint import Checkpoint
from detente.evidence.note import split_note
from detente.evidence.store import LeafStore
from detente.evidence.tiles import TILE_WIDTH, entries_path, pack_entries, tile, tile_path, widths

_TILE: Final = re.compile(r"tile/(entries|[0-7])/((?:x\d{3}/){0,5}\d{3})(?:\.p/([1-9]\d{0,2}))?")
_FOREVER: Final = "public, max-age=31536000, immutable"


class LogFiles:
    """The files of every log of a store, made when they are asked for."""

    def __init__(self, store: LeafStore) -> None:
        self._store = store

    def names(self) -> Iterator[str]:
        """Yield the name of every file there is now, log by log, its checkpoint last."""
        for origin in sorted(self._store.sizes()):
            head = self._head(origin)
            if head is None:
                continue
            level = 0
            while head.size >> 8 * level:
                for n, width in widths(head.size, level):
                    yield f"{origin}/{tile_path(level, n, width)}"
                level += 1
            for n, width in widths(head.size):
                yield f"{origin}/{entries_path(n, width)}"
            yield f"{origin}/checkpoint"

    def read(self, name: str) -> bytes | None:
        """Return the file *name*, or None when there is none (a tile beyond the signed size among them)."""
        origin, mark, rest = name.partition("/tile/")
        if not mark:
            return self._store.checkpoint(name.removesuffix("/checkpoint")) if name.endswith("/checkpoint") else None
        found, head = _TILE.fullmatch(f"tile/{rest}"), self._head(origin)
        if found is None or head is None:
            return None
        n = int(found[2].replace("/", "").replace("x", ""))
        width = int(found[3] or TILE_WIDTH)
        level = 0 if found[1] == "entries" else int(found[1])
        start = n * TILE_WIDTH
        if width > TILE_WIDTH or start + width > head.size >> 8 * level:
            return None
        wanted = entries_path(n, width) if found[1] == "entries" else tile_path(level, n, width)
        if wanted != f"tile/{rest}":
            return None  # another spelling of the same number
        if found[1] == "entries":
            return pack_entries(entry.leaf for entry in self._store.read(origin, start, start + width))
        return tile(self._store.tree(origin), level, n, width)

    def _head(self, origin: str) -> Checkpoint | None:
        note = self._store.checkpoint(origin)
        return None if note is None else Checkpoint.parse(split_note(note)[0].decode())


def write_logs(store: LeafStore, folder: Path, progress: Callable[[str], None] = lambda _: None) -> int:
    """Write every file of every log below the new *folder*; returns how many. Raises ConfigError."""
    files = LogFiles(store)
    if folder.exists():
        raise ConfigError(f"{folder}: is there already")
    count = 0
    for name in files.names():
        content = files.read(name)
        if content is None:
            raise OwnFault(f"{name}: the log changed meanwhile")
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError as wrong:
            raise ConfigError(f"{path}: {wrong.strerror}") from None
        progress(name)
        count += 1
    return count


def logs_app(store: LeafStore) -> Starlette:
    """Return the application that serves the logs of *store*: reads, and nothing else."""
    files = LogFiles(store)

    async def answer(request: Request) -> Response:
        name = request.path_params["name"]
        content = files.read(name)
        if content is None:
            raise HTTPException(404, "no such file")
        is_checkpoint = name.endswith("/checkpoint")
        return Response(
            content,
            media_type="text/plain; charset=utf-8" if is_checkpoint else "application/octet-stream",
            headers={"cache-control": "no-cache" if is_checkpoint else _FOREVER, "x-content-type-options": "nosniff"},
        )

    async def index(request: Request) -> Response:
        del request
        return Response("".join(f"{origin}\n" for origin in sorted(store.sizes())), media_type="text/plain")

    return Starlette(routes=[Route("/", index), Route("/{name:path}", answer)])
