"""One bit changed anywhere in what a dossier holds is found, and the exhibit it is in is named.

Every push tries a sample, spread evenly over all files; `DETENTE_EVERY_BIT=1` tries every bit (some minutes). The two
dossiers are those of docs/protocol/vectors: whole logs in tiles, and a window in exhibits with single tracks shown.
"""

from __future__ import annotations

import io
import os
import zipfile
from functools import cache

import pytest

from detente.errors import PeerFault
from detente.evidence import verify as verify_module
from detente.evidence.dossier import ZipFiles
from detente.evidence.keys import fingerprint
from evidence.judge import VECTORS, cases

STRIDE = 1 if os.environ.get("DETENTE_EVERY_BIT") else 307
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


@pytest.mark.parametrize("name", NAMES)
def test_each_bit_of_each_file_is_found_and_the_file_is_named(name):
    files, known, tried, unnamed = dict(ZipFiles(io.BytesIO(zipped(name)))), typed(), 0, []
    for file, content in files.items():
        for bit in range(tried % STRIDE, 8 * len(content), STRIDE):
            verdict = verify_module.verify(files | {file: with_bit(content, bit)}, known)
            tried += 1
            if verdict.exit_code != 1 or file not in " ".join(found.exhibit for found in verdict.failures):
                unnamed.append((file, bit, verdict.exit_code))
    assert unnamed == []
    assert tried > 250
    print(f"{name}: {tried} single bits of {8 * sum(map(len, files.values()))} tried")


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
        ZipFiles(io.BytesIO(bytes(raw)))["a"]
