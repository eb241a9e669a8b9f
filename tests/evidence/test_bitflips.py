"""One bit changed anywhere in what a dossier holds is found, and the exhibit it is in is named.

Every push tries each seventh bit of two small dossiers, so each place in a byte is tried, and a sample of the two larger
ones of docs/protocol/vectors; `DETENTE_EVERY_BIT=1` tries every bit of all four (some minutes). In both pairs one is of
whole logs in tiles, the other of a window in exhibits with single tracks shown. What a bit left as it was has its
signatures verified once (`testing.signatures`): all else is read and checked anew for each.
"""

from __future__ import annotations

import io
import os
import zipfile
from dataclasses import replace as with_changes
from functools import cache

import pytest

from detente.errors import PeerFault
from detente.evidence import verify as verify_module
from detente.evidence.dossier import ZipFiles
from detente.evidence.keys import fingerprint
from detente.evidence.leaf import Kind
from detente.testing.signatures import shared
from evidence.judge import VECTORS, cases
from evidence.records import Node, Record, dossier, roots

IS_EVERY_BIT = bool(os.environ.get("DETENTE_EVERY_BIT"))
STRIDE = 1 if IS_EVERY_BIT else 307
SMALL_STRIDE = 1 if IS_EVERY_BIT else 7
NAMES = ("tiles", "exhibits")


@pytest.fixture(autouse=True)
def quick_digits(monkeypatch):
    """A quarter of a second a root by design; here once a key."""
    monkeypatch.setattr(verify_module, "fingerprint", once_a_key)


@cache
def once_a_key(key: str) -> str:
    return fingerprint(key)


def zipped(name: str) -> bytes:
    return (VECTORS / f"dossier-{name}.zip").read_bytes()


def typed() -> dict[str, str]:
    return next(case["roots"] for case in cases() if case["kind"] == "dossier" and case["accept"])


def with_bit(raw: bytes, bit: int) -> bytes:
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def unfound(files: dict[str, bytes], known: dict[str, str], stride: int) -> tuple[int, list[tuple[str, int, int]]]:
    """Return how many bits were tried, and those that were not found or whose file was not named."""
    tried, unnamed = 0, []
    for file, content in files.items():
        with shared():
            for bit in range(tried % stride, 8 * len(content), stride):
                verdict = verify_module.verify(files | {file: with_bit(content, bit)}, known)
                tried += 1
                if verdict.exit_code != 1 or file not in " ".join(found.exhibit for found in verdict.failures):
                    unnamed.append((file, bit, verdict.exit_code))
    print(f"{tried} single bits of {8 * sum(map(len, files.values()))} tried")
    return tried, unnamed


def small(name: str) -> tuple[dict[str, bytes], dict[str, str]]:
    """A dossier with one of each kind of file that there is: a FLASH, or a FLASH and one track of two in a frame."""
    alfa, bravo = Node("alfa"), Node("bravo")
    record = Record(alfa, bravo)
    flash = record.say(alfa, bravo, "flash", 2)
    record.sign(flash, receipt_at=2)
    if name == "tiles":
        return dossier(record, alfa, [record.extract(flash)]), roots(record.nodes)
    track = record.say(alfa, bravo, "track", 1, Kind.TRACK)
    record.sign(track, receipt_at=1)
    frame = with_changes(record.extract(track, "exhibits", 0, 1), show=lambda items: [1])
    return dossier(record, bravo, [record.extract(flash, "exhibits", 1, 2), frame]), roots(record.nodes)


@pytest.mark.parametrize("name", NAMES)
def test_each_seventh_bit_of_a_small_dossier_is_found_and_the_file_is_named(name):
    files, known = small(name)
    assert verify_module.verify(files, known).exit_code == 0
    tried, unnamed = unfound(files, known, SMALL_STRIDE)
    assert unnamed == []
    assert tried > 5_000


@pytest.mark.parametrize("name", NAMES)
def test_each_bit_of_each_file_is_found_and_the_file_is_named(name):
    tried, unnamed = unfound(dict(ZipFiles(io.BytesIO(zipped(name)))), typed(), STRIDE)
    assert unnamed == []
    assert tried > 250


@pytest.mark.parametrize("name", NAMES)
def test_each_bit_of_the_archive_is_found_or_changes_nothing_that_is_signed(name):
    """What a zip holds besides its files (times, versions) is nobody's word; all else is found or refused."""
    raw, known = zipped(name), typed()
    files = dict(ZipFiles(io.BytesIO(raw)))
    found = unchanged = 0
    for bit in range(0, 8 * len(raw), 3 * STRIDE):
        try:
            changed = ZipFiles(io.BytesIO(with_bit(raw, bit)))
            verdict = verify_module.verify(changed, known)
        except PeerFault:
            found += 1
            continue
        if verdict.exit_code:
            found += 1
        else:
            assert dict(changed) == files
            unchanged += 1
    assert found > unchanged


@pytest.mark.parametrize("name", NAMES)
def test_t34_an_archive_cut_short_anywhere_is_refused(name):
    raw = zipped(name)
    for length in range(0, len(raw), 997):
        with pytest.raises(PeerFault):
            dict(ZipFiles(io.BytesIO(raw[:length])))


def test_t34_an_archive_that_says_it_holds_more_than_it_does_is_refused_before_it_is_read():
    """A bomb: a few bytes that claim 300 MiB, and ten thousand names for the same bytes."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as out:
        info = zipfile.ZipInfo("a")
        info.external_attr = 0o100644 << 16
        out.writestr(info, b"x" * 100)
    raw = bytearray(made.getvalue())
    at = raw.index(b"PK\x01\x02")
    for offset in (20, 24):  # compressed and plain size
        raw[at + offset : at + offset + 4] = (300 << 20).to_bytes(4, "little")
    with pytest.raises(PeerFault, match="not a plain stored file"):
        ZipFiles(io.BytesIO(bytes(raw)))
    raw[at + 20 : at + 24] = raw[at + 24 : at + 28] = (200 << 20).to_bytes(4, "little")
    with pytest.raises(PeerFault, match="zip: a"):
        ZipFiles(io.BytesIO(bytes(raw)))
