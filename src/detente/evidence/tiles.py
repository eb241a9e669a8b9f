"""A log as files that foreign tools read (C2SP tlog-tiles): hashes and entries in groups of 256."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from detente.errors import OwnFault, PeerFault
from detente.evidence.merkle import Tree

TILE_WIDTH: Final = 256
_TILE_HEIGHT: Final = 8
_ENTRY_LIMIT: Final = 65_535


def _number(n: int) -> str:
    """Three digits a group, all but the last marked: 1234067 → ``x001/x234/067``."""
    groups = [f"{n % 1000:03d}"]
    while n := n // 1000:
        groups.append(f"x{n % 1000:03d}")
    return "/".join(reversed(groups))


def _partial(width: int) -> str:
    if not 0 < width <= TILE_WIDTH:
        raise OwnFault(f"a tile is 1 to {TILE_WIDTH} wide, not {width}")
    return "" if width == TILE_WIDTH else f".p/{width}"


def tile_path(level: int, n: int, width: int = TILE_WIDTH) -> str:
    """Return the path of hash tile *n* of *level*."""
    return f"tile/{level}/{_number(n)}{_partial(width)}"


def entries_path(n: int, width: int = TILE_WIDTH) -> str:
    """Return the path of entry bundle *n*."""
    return f"tile/entries/{_number(n)}{_partial(width)}"


def widths(size: int, level: int = 0) -> Iterable[tuple[int, int]]:
    """Yield (n, width) of each tile of *level* in a log of *size* leaves, the partial one last."""
    nodes = size >> _TILE_HEIGHT * level
    for n in range((nodes + TILE_WIDTH - 1) // TILE_WIDTH):
        yield n, min(TILE_WIDTH, nodes - n * TILE_WIDTH)


def tile(tree: Tree, level: int, n: int, width: int = TILE_WIDTH) -> bytes:
    """Return hash tile *n* of *level*: *width* hashes of 32 bytes; raises OwnFault beyond the tree."""
    start = n * TILE_WIDTH
    return b"".join(tree.node(level * _TILE_HEIGHT, start + i) for i in range(width))


def pack_entries(leaves: Iterable[bytes]) -> bytes:
    """Return an entry bundle: each leaf after its length as uint16be."""
    parts: list[bytes] = []
    for leaf in leaves:
        if len(leaf) > _ENTRY_LIMIT:
            raise OwnFault(f"an entry of {len(leaf)} bytes, more than {_ENTRY_LIMIT}")
        parts += (len(leaf).to_bytes(2, "big"), leaf)
    return b"".join(parts)


def unpack_entries(raw: bytes) -> list[bytes]:
    """Return the leaves in an entry bundle; raises PeerFault when one is cut short."""
    leaves = []
    at, end = 0, len(raw)
    while at < end:
        start = at + 2
        stop = start + (raw[at] << 8 | raw[at + 1]) if start <= end else end + 1
        if stop > end:
            raise PeerFault("entry bundle: cut short", raw[at : at + 256])
        leaves.append(raw[start:stop])
        at = stop
    return leaves
