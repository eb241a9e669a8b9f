"""What is served is what was reviewed: vendored files by their listed digests, land without a border, half a megabyte."""

from __future__ import annotations

import gzip
import re

import pytest

from detente.node.web.assets import assets

FILES = assets()


def test_each_vendored_file_is_listed_with_its_digest() -> None:
    listed = dict(re.findall(r"`([\w./-]+)` \|.*\| `([0-9a-f]{64})`", FILES["vendor/README.md"].body.decode()))
    there = {
        path: asset.sha256
        for path, asset in FILES.items()
        if path.endswith((".mjs", ".woff2", ".bin", ".OFL.txt", ".LICENSE.txt"))
    }
    assert there == listed


def loaded(language: str) -> int:
    """Bytes, compressed, of all that a page in *language* can ask for: its own words and the letters they need."""
    others = {f"i18n/{one}.json" for one in ("en", "tr", "ru") if one != language}
    letters = {"en": (), "tr": ("latin-ext",), "ru": ("cyrillic",)}[language]
    foreign = [part for part in ("latin-ext", "cyrillic") if part not in letters]
    return sum(
        len(gzip.compress(asset.body))
        for path, asset in FILES.items()
        if not path.endswith((".txt", ".md", ".d.mts"))
        and path not in others
        and not (path.startswith("fonts/") and any(part in path for part in foreign))
    )


@pytest.mark.parametrize("language", ["en", "tr", "ru"])
def test_the_console_stays_small(language: str) -> None:
    assert loaded(language) <= 500_000


def test_the_base_map_is_land_in_rings_that_close() -> None:
    body = FILES["map/land-50m.bin"].body
    assert body[:5] == b"DLND1"
    at = 37

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = body[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    rings = varint()
    assert rings == 1421
    for _ in range(rings):
        x = y = 0
        first = None
        for _ in range(varint()):
            dx, dy = varint(), varint()
            x += (dx >> 1) ^ -(dx & 1)
            y += (dy >> 1) ^ -(dy & 1)
            first = first or (x, y)
        assert first == (x, y)
    assert at == len(body)
