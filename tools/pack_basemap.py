# ruff: noqa: INP001, T201
"""Pack Natural Earth's land, and nothing else, for the console: `pack_basemap.py land-50m.json land-50m.bin`.

Input: the TopoJSON of npm `world-atlas` 2.0.2 (public domain data). No border is in it and none goes out.
Output: `DLND1`, four little-endian float64 (lon scale, lat scale, lon origin, lat origin; degrees), then varints: the
number of rings, and for each ring its number of points and their zigzag differences (lon, lat) on the quantised grid.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Point = tuple[int, int]


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(value: int) -> bytes:
    return varint(value << 1 if value >= 0 else (-value << 1) - 1)


def absolute(arc: list[list[int]]) -> list[Point]:
    """Undo TopoJSON's differences."""
    lon = lat = 0
    points = []
    for step in arc:
        lon, lat = lon + step[0], lat + step[1]
        points.append((lon, lat))
    return points


def rings(topology: dict[str, Any]) -> Iterator[list[Point]]:
    arcs = [absolute(arc) for arc in topology["arcs"]]
    for shape in topology["objects"]["land"]["geometries"]:
        for polygon in shape["arcs"]:
            for ring in polygon:
                points: list[Point] = []
                for index in ring:
                    arc = arcs[index] if index >= 0 else arcs[~index][::-1]
                    points += arc[1:] if points else arc
                yield points


def pack(topology: dict[str, Any]) -> bytes:
    found = list(rings(topology))
    transform = topology["transform"]
    out = bytearray(b"DLND1" + struct.pack("<4d", *transform["scale"], *transform["translate"]) + varint(len(found)))
    for points in found:
        out += varint(len(points))
        lon = lat = 0
        for x, y in points:
            out += zigzag(x - lon) + zigzag(y - lat)
            lon, lat = x, y
    return bytes(out)


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    packed = pack(json.loads(source.read_text()))
    target.write_bytes(packed)
    print(f"{target}: {len(packed)} bytes")
