"""The high-water mark: how far each log had come, kept in a file apart from the record and checked at every start.

A backup of the record that is put back, or a clone of it, lags behind this file. Then nothing is appended before the
peer has said what it holds: see ROLLBACK in docs/protocol/link.md. Keep the file on another disk than the record
(``[record] high_water``), and out of its backups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from detente.errors import ConfigError
from detente.evidence.note import b64
from detente.evidence.store import LeafStore
from detente.node.keyfiles import write_whole
from detente.types import NS_PER_S, Instant

_EVERY_NS: Final = NS_PER_S
"""The mark may lag the record by this much: what is newer than the mark is caught by the peer, which holds it."""

Mark = tuple[int, str]
"""A size, and the hash of the last leaf below it."""

_encoder: Final = msgspec.json.Encoder(order="sorted")
_decoder: Final = msgspec.json.Decoder(dict[str, Mark])


class HighWater:
    """The marks in the file *path*, which is made when there is none. One thread writes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._marks: dict[str, Mark] = {}
        self._written_at = Instant(0)
        self._is_newer = False
        if path.exists():
            try:
                self._marks = _decoder.decode(path.read_bytes())
            except OSError as wrong:
                raise ConfigError(f"{path}: {wrong.strerror}") from None
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
                raise ConfigError(f"{path}: not a high-water mark: {wrong}") from None

    def raised(self, stored: Mapping[str, tuple[int, Sequence[bytes]]], now: Instant) -> None:
        """Note that logs grew: by origin, where the leaves began and their hashes as read back."""
        for origin, (start, hashes) in stored.items():
            size = start + len(hashes)
            if hashes and size > self._marks.get(origin, (0, ""))[0]:
                self._marks[origin] = (size, b64(hashes[-1]))
                self._is_newer = True
        if now - self._written_at >= _EVERY_NS:
            self.write(now)

    def write(self, now: Instant) -> None:
        """Put what is newer on the disk."""
        if self._is_newer:
            write_whole(self._path, _encoder.encode(self._marks))
            self._is_newer, self._written_at = False, now

    def behind(self, store: LeafStore) -> dict[str, str]:
        """Return, by origin, why *store* is not the record that this file has seen; empty when it is."""
        found: dict[str, str] = {}
        sizes = store.sizes()
        for origin, (size, last) in self._marks.items():
            held = sizes.get(origin, 0)
            if held < size:
                found[origin] = f"{origin}: the record holds {held} leaves and has held {size}: a backup put back?"
            elif b64(store.tree(origin).leaf(size - 1)) != last:
                found[origin] = f"{origin}: leaf {size - 1} is not the one this node has written"
        return found
