"""How fast a dossier is verified: a whole log in tiles, read from a stored zip, every file, hash, root and receipt.

    python benchmarks/verify.py [--quick] [--json]

`roots`: each leaf's bytes, place and predecessor under the roots that its writer signed and its reader receipted.
`roots and bodies`: the same with a plain body beside each leaf. `signatures`: each leaf's own Ed25519 signature and
spelling besides, which is what `detente verify` does unless told otherwise; in one process and in as many as there are
cores. `sodium` is what the library alone needs for the same signatures: the bound that nothing here can pass.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from nacl.bindings import crypto_sign_open

from detente.cli.dossier import spread_over
from detente.evidence import verify as verify_module
from detente.evidence.checkpoint import cosignature, sign_checkpoint, with_lines
from detente.evidence.dossier import Extract, Party, ZipFiles, make_dossier, write_zip
from detente.evidence.keys import Key, KeyStatement, fingerprint, origin, sign_statement
from detente.evidence.leaf import Envelope, Kind, body_commitment, encode
from detente.evidence.log import Log, Receipt
from detente.evidence.merkle import leaf_hash
from detente.evidence.note import Cosigner, Ed25519Signer, b64, split_note
from detente.evidence.store import Entry
from detente.types import NodeName, Precedence

ALFA, BRAVO = NodeName("alfa.example/detente"), NodeName("bravo.example/detente")
START_MS = 1_795_363_200_000
BODY = b'{"lang":"en","line":"watch","text":"Two UAS of ours at N35.10 E33.30, 400 ft, drifting north."}'


def seed(label: str) -> bytes:
    return label.encode().ljust(32, b".")


def keys(node: NodeName) -> tuple[Ed25519Signer, Ed25519Signer, Ed25519Signer, Cosigner, Party]:
    name = node.split(".")[0]
    root, env, log = (Ed25519Signer(f"{node}/{use}", seed(f"{name} {use}")) for use in ("root", "env", "log"))
    mirror = Cosigner(f"{node}/mirror", seed(f"{name} mirror"))
    listed = (Key("env", str(env.vkey)), Key("log", str(log.vkey)), Key("mirror", str(mirror.vkey)))
    statement = KeyStatement(
        epoch=1, keys=listed, node=node, prev="", tls=(), url="", valid=(START_MS, START_MS + 10**10)
    )
    return root, env, log, mirror, Party(name, node, root.vkey, (sign_statement(statement, root),))


def dossier(leaves: int, *, bodies: bool) -> bytes:
    """Return the zip of a dossier of one log of *leaves* leaves."""
    _, env, log_key, _, alfa = keys(ALFA)
    *_, mirror, bravo = keys(BRAVO)
    log = Log(origin(ALFA, BRAVO, "ops"))
    salt = bytes(16)
    entries, prev = [], log.last_leaf_hash
    for seq in range(leaves):
        said = Envelope(
            log=log.origin,
            seq=seq,
            prev=b64(prev),
            to=BRAVO,
            ts=START_MS + seq,
            hlc=(START_MS + seq, 0),
            kind=Kind.HOTLINE,
            prec=Precedence.ROUTINE,
            by="duty_officer",
            body=body_commitment(salt, BODY),
            size=len(BODY),
            media="application/json",
            pol=b64(bytes(32)),
        )
        leaf = encode(said, env)
        entries.append(Entry(leaf=leaf, body=BODY if bodies else None, salt=salt if bodies else b""))
        prev = leaf_hash(leaf)
    log.extend([leaf_hash(entry.leaf) for entry in entries])
    note = sign_checkpoint(log.head(), log_key)
    at_s = START_MS // 1000 + leaves
    log.receipt = Receipt(leaves, with_lines(note, cosignature(note, mirror, at_s)), at_s)
    log.checkpoint = log.receipt.note
    extract = Extract(log, "tiles", 0, leaves, lambda start, stop: entries[start:stop])
    made = io.BytesIO()
    write_zip(made, make_dossier(env, ALFA, START_MS, [alfa, bravo], [extract]))
    return made.getvalue()


def timed(raw: bytes, leaves: int, repeats: int, **how: Any) -> dict[str, Any]:
    """Return leaves a second over *repeats* verifications: by the wall's clock, and by this process's CPU."""
    digits = {node.split(".")[0]: fingerprint(str(keys(node)[0].vkey)) for node in (ALFA, BRAVO)}
    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        verdict = verify_module.verify(ZipFiles(io.BytesIO(raw)), digits, **how)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        assert verdict.exit_code == 0, verdict.report
    wall_s, cpu_s = statistics.median(walls), statistics.median(cpus)
    return {
        "leaves": leaves,
        "leaves_per_s": round(leaves / wall_s),
        "slowest_per_s": round(leaves / max(walls)),
        "leaves_per_cpu_s": round(leaves / cpu_s),
    }


def sodium(leaves: int) -> dict[str, Any]:
    """What the library alone does with the signatures of *leaves* leaves."""
    _, env, *_ = keys(ALFA)
    raw = ZipFiles(io.BytesIO(dossier(leaves, bodies=False)))
    bundle = raw[next(name for name in raw if "entries" in name)]
    leaf = bundle[2 : 2 + int.from_bytes(bundle[:2], "big")]
    text, lines = split_note(leaf)
    signed = lines[0][1][4:] + text
    begun = time.process_time()
    for _ in range(leaves):
        crypto_sign_open(signed, env.vkey.public_key)
    return {"signatures": leaves, "per_cpu_s": round(leaves / (time.process_time() - begun))}


def measured(quick: bool = False) -> dict[str, Any]:
    """Return leaves a second of each way to verify, with the machine they are of."""
    many, few, repeats = (20_000, 2_000, 3) if quick else (200_000, 20_000, 5)
    # The digits take a quarter of a second a root by design, however many leaves there are.
    slow, known = verify_module.fingerprint, {}
    verify_module.fingerprint = lambda key: known.get(key) or known.setdefault(key, slow(key))
    try:
        bare, full = dossier(many, bodies=False), dossier(many, bodies=True)
        signed = dossier(few, bodies=True)
        with ProcessPoolExecutor() as pool:
            spread = spread_over(pool)
            timed(signed, few, 1, spread=spread)
            return {
                "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
                "roots": timed(bare, many, repeats, signatures=False),
                "roots and bodies": timed(full, many, repeats, signatures=False),
                "roots and bodies, all cores": timed(full, many, repeats, signatures=False, spread=spread),
                "signatures": timed(signed, few, repeats),
                "signatures, all cores": timed(signed, few, repeats, spread=spread),
                "sodium": sodium(few),
            }
    finally:
        verify_module.fingerprint = slow


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = measured(asked.quick)
    print(json.dumps(found, indent=None if asked.json else 2))


if __name__ == "__main__":
    main()
