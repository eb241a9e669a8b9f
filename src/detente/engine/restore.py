"""The desk rebuilt from the record at a node's start: the hotline and the peers' warnings are folds of leaves.

The picture is not stored: a minute of feeds rebuilds it, and with it our own alerts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import msgspec

from detente.engine.engine import Engine
from detente.evidence.keys import parse_origin
from detente.evidence.leaf import Envelope, Lane
from detente.evidence.merkle import leaf_hash
from detente.evidence.note import split_note
from detente.evidence.store import Entry
from detente.types import PartyId

_BATCH = 256
_envelope = msgspec.json.Decoder(Envelope)


def restore(
    engine: Engine,
    read: Callable[[str, int, int], Sequence[Entry]],
    parties: Collection[PartyId] | None = None,
) -> int:
    """Fold every leaf of the spoken lanes into *engine*, in the order both sides would merge them; returns how many.

    Of the links to *parties* alone, where they are named.

    The leaves were verified when they were stored, and their hashes are under signed roots.
    """
    spoken: list[tuple[tuple[int, int, str, int], PartyId, bool, Envelope, bytes, bytes]] = []
    for origin, (party, is_own, size) in engine.logs().items():
        if parse_origin(origin).lane is Lane.TRACK or (parties is not None and party not in parties):
            continue
        for start in range(0, size, _BATCH):
            for entry in read(origin, start, min(size, start + _BATCH)):
                if entry.body is None:
                    continue
                envelope = _envelope.decode(split_note(entry.leaf)[0].split(b"\n")[1])
                order = (*envelope.hlc, origin, envelope.seq)
                spoken.append((order, party, is_own, envelope, leaf_hash(entry.leaf), entry.body))
    spoken.sort(key=lambda one: one[0])
    for _, party, is_own, envelope, hashed, body in spoken:
        engine.remember(party, envelope, hashed, body, is_own=is_own)
    return len(spoken)
