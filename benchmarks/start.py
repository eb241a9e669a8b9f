"""How long a node takes to open a record of a million leaves.

`detente bench start` or `python benchmarks/start.py [--quick] [--json]`. The log is made first and not counted. What
is timed is what a start does with the record: opening the file, the high-water mark, every session with its logs, the
fold of the spoken lanes; wall and CPU seconds, medians. The packages and kernels of a process are apart from it.
`first` is a start that finds no start index, reads everything and leaves one; `--spoken 1000000` takes some five
minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from detente.config import Config, ListenConfig, NodeConfig, PeerConfig
from detente.evidence.keys import origin
from detente.evidence.leaf import Envelope, Kind, Lane, body_commitment, encode, salt_for
from detente.evidence.merkle import leaf_hash
from detente.evidence.note import b64
from detente.evidence.store import Entry
from detente.node.clock import SystemClock
from detente.node.highwater import HighWater
from detente.node.keyring import Keyring, confirm_peer, keep_peer, make_keyring
from detente.node.party import Node
from detente.node.sqlite import SqliteStore
from detente.types import NodeName, Precedence
from detente.wire.messages import HotlineBody, encode_body

ALFA, BRAVO = NodeName("alfa.example/detente"), NodeName("bravo.example/detente")
_BATCH = 2_000


def leaf(keys: Keyring, log: str, seq: int, prev: bytes, kind: Kind, body: bytes) -> Entry:
    salt = salt_for(keys.salt_key, log, seq)
    at = 1_795_363_200_000 + seq * 1_000
    said = Envelope(
        log=log,
        seq=seq,
        prev=b64(prev),
        to=BRAVO,
        ts=at,
        hlc=(at, 0),
        kind=kind,
        prec=Precedence.ROUTINE,
        by="duty_officer",
        body=body_commitment(salt, body),
        size=len(body),
        media="application/json",
        pol=b64(bytes(32)),
    )
    return Entry(leaf=encode(said, keys.env), body=body, salt=salt)


def record(folder: Path, tracks: int, spoken: int) -> Config:
    """Make a node in *folder* with so many leaves in its track and in its ops log."""
    clock = SystemClock()
    keys = make_keyring(folder / "keys", ALFA, clock.now())
    peer = make_keyring(folder / "peer", BRAVO, clock.now())
    keep_peer(folder / "keys", peer.pairing)
    confirm_peer(folder / "keys", BRAVO, peer.own_digits, clock.now())
    store = SqliteStore(folder / "record.sqlite", create=True)
    mark = HighWater(folder / "record.hwm")
    said = encode_body(HotlineBody(line="watch", text="We go on watching the line."))
    for lane, count, kind, body in ((Lane.OPS, spoken, Kind.HOTLINE, said), (Lane.TRACK, tracks, Kind.TRACK, b"[]\n")):
        log = origin(ALFA, BRAVO, lane)
        prev = bytes(32)
        pattern = leaf(keys, log, 0, prev, kind, body)
        for start in range(0, count, _BATCH):
            batch = []
            for seq in range(start, min(count, start + _BATCH)):
                if lane is Lane.OPS or seq == count - 1:
                    one = leaf(keys, log, seq, prev, kind, body)
                else:  # signing a million leaves is not what is measured; these are as long
                    one = Entry(leaf=pattern.leaf[:-12] + seq.to_bytes(12, "big"), body=None, salt=b"")
                prev = leaf_hash(one.leaf)
                batch.append(one)
            mark.raised({log: (start, store.append([(log, start, batch)])[log])}, clock.now())
    mark.write(clock.now())
    store.close()
    return Config(
        node=NodeConfig(party="alfa", name="Alfa", node=ALFA),
        listen=ListenConfig(console="127.0.0.1:0", link="127.0.0.1:0"),
        peer=[PeerConfig(party="bravo", name="Bravo", node=BRAVO, link="127.0.0.1:1")],
    )


def opened(config: Config, folder: Path, repeats: int) -> dict[str, Any]:
    wall, cpu = [], []
    for _ in range(repeats):
        begun, worked = time.perf_counter(), time.process_time()
        node = Node.open(config, folder)
        wall.append(time.perf_counter() - begun)
        cpu.append(time.process_time() - worked)
        node.acts.close()
        node.store.close()
    return {"wall_s": round(statistics.median(wall), 3), "cpu_s": round(statistics.median(cpu), 3)}


def one(tracks: int, spoken: int, repeats: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="detente-start-") as name:
        folder = Path(name)
        config = record(folder, tracks, spoken)
        first = opened(config, folder, 1)
        found = opened(config, folder, repeats)
        return {"track_leaves": tracks, "spoken_leaves": spoken, "first": first, **found}


def measured(quick: bool = False, spoken: int | None = None) -> dict[str, Any]:
    """Return how long records take to open; *spoken*: one record of so many leaves on the ops lane."""
    sizes = [(0, 10), (20_000, 6_000)] if quick else [(0, 10), (1_000_000, 10), (1_000_000, 20_000)]
    if spoken is not None:
        sizes = [(0, spoken)]
    return {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "open": [one(tracks, spoken, 3 if quick else 7) for tracks, spoken in sizes],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--spoken", type=int)
    asked = parser.parse_args()
    found = measured(asked.quick, asked.spoken)
    print(json.dumps(found, indent=None if asked.json else 2))


if __name__ == "__main__":
    main()
