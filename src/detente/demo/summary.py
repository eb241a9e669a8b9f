"""What happened in one performance, as the summary file says it."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from detente.demo.conditions import half_of, is_about
from detente.demo.runner import Runner
from detente.demo.stage import Stage
from detente.errors import PeerFault
from detente.evidence.dossier import Extract, Party, ZipFiles, make_dossier, write_zip
from detente.evidence.keys import parse_origin
from detente.evidence.verify import verify
from detente.link.restore import restored_log
from detente.types import instant_ms, iso_utc


def summary_of(runner: Runner, dossier: Path) -> dict[str, Any]:
    """Return the summary, after writing a dossier of the first party's record to *dossier* and checking it.

    The nodes must have stopped. A step that is not built, or whose time had not come, is `held: null`.
    """
    stage = runner.stage
    boards = runner.witness.boards
    exported = make_and_check(stage, dossier)
    if exported["path"] is not None:
        runner.judge_dossier(exported["verified"] and exported["tampered_refused"])
    rows = {party: [seen.row for seen in runner.witness.at(party)] for party in boards}
    return {
        "scenario": runner.scenario.name,
        "parties": list(stage.nodes),
        "traffic": {
            "source": [t.label for t in runner.scenario.traffic],
            "tracks": {p: node.engine.tracks_made for p, node in stage.nodes.items()},
            "plots": {p: sum(f.plots for f in board.feeds) for p, board in boards.items()},
            "rejected": {p: _added(f.rejected for f in board.feeds) for p, board in boards.items()},
        },
        "steps": runner.step_results(),
        "reconstruction": {"tr": _told(runner, "TR"), "ru": _told(runner, "RU")},
        "alerts": {
            "raised": {p: sum(r.raised_by == p for r in rows[p]) for p in rows},
            "displayed": {p: sum(half_of(r, p).displayed_at_ms is not None for r in rows[p]) for p in rows},
            "acknowledged": {p: sum(half_of(r, p).acknowledged_at_ms is not None for r in rows[p]) for p in rows},
        },
        "escalation": runner.climbs,
        "records": {"leaves": _leaves(stage), "roots_equal": runner.are_records_equal},
        "dossier": exported,
        "problems": runner.failures,
        "wall_s": round(time.monotonic() - runner.started_s, 1),
    }


def make_and_check(stage: Stage, path: Path) -> dict[str, Any]:
    """Write the first party's record as a dossier, verify it offline with typed digits, then with one byte flipped.

    Of a play that ended before anything was receipted there is none: its path and verdicts are null.
    """
    node = next(iter(stage.nodes.values()))
    paired = {node.keyring.node: (node.config.node.party, node.keyring.root, node.keyring.chain.notes)}
    for peer in node.config.peer:
        keys = stage.nodes[peer.party].keyring
        paired[keys.node] = (peer.party, keys.root, keys.chain.notes)
    parties = [Party(name, at, root, notes) for at, (name, root, notes) in sorted(paired.items())]
    store = node.reopened_store()
    try:
        extracts = []
        for name in sorted(store.sizes()):
            parts = parse_origin(name)
            log = restored_log(store, parts.writer, parts.reader, parts.lane)
            if log.receipt is not None:
                log.checkpoint = log.receipt.note
                extracts.append(Extract(log, "tiles", 0, log.receipt.size, partial(store.read, name)))
        if not extracts:
            return {"path": None, "roots": stage.digits, "leaves": 0, "verified": None, "tampered_refused": None}
        raw = io.BytesIO()
        made_at_ms = instant_ms(node.clock.now())
        write_zip(raw, make_dossier(node.keyring.env, node.keyring.node, made_at_ms, parties, extracts, None))
    finally:
        store.close()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw.getvalue())
    verdict = verify(ZipFiles(io.BytesIO(path.read_bytes())), stage.digits)
    return {
        "path": str(path),
        "roots": stage.digits,
        "leaves": sum(extract.stop for extract in extracts),
        "verified": verdict.exit_code == 0,
        "tampered_refused": _is_tampering_found(path.read_bytes(), stage.digits),
    }


def _is_tampering_found(raw: bytes, digits: Mapping[str, str]) -> bool:
    """Flip one bit in the middle of a stored leaf and verify again."""
    at = raw.index(b"detente-envelope/v1") + 60
    flipped = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
    try:
        return verify(ZipFiles(io.BytesIO(flipped)), digits).exit_code == 1
    except PeerFault:
        return True


def _told(runner: Runner, version: str) -> dict[str, Any]:
    """Return when the line's owner was first shown a warning of a shared playing of *version*, and how far ahead."""
    playings = [(run, at) for (v, run), at in runner.events_at.items() if v == version]
    if not playings:
        return {"lead_time_s": None, "warned_at": None, "crossing_at": None}
    run, event_at = max(playings)
    owner = next(iter(runner.stage.nodes))
    shown = [
        (half_of(seen.row, owner).displayed_at_ms, seen)
        for seen in runner.witness.at(owner)
        if is_about(seen.row, "reconstruction", run) and half_of(seen.row, owner).displayed_at_ms is not None
    ]
    first_ms, first = min(shown, key=lambda one: one[0] or 0, default=(None, None))
    crosses = any(seen.row.kind == "incursion" for _, seen in shown)
    return {
        "lead_time_s": None if first_ms is None else round((instant_ms(event_at) - first_ms) / 1000.0, 1),
        "warned_at": None if first_ms is None else iso_utc(type(event_at)(first_ms * 1_000_000)),
        "crossing_at": iso_utc(event_at) if crosses else None,
        "closest_at": iso_utc(event_at),
        "kinds": sorted({seen.row.kind.value for _, seen in shown}),
        "first": None if first is None else first.row.kind.value,
    }


def _leaves(stage: Stage) -> dict[str, int]:
    leaves = {}
    for node in stage.nodes.values():
        for origin, (_, is_own, size) in node.engine.logs().items():
            if is_own:
                leaves[origin] = size
    return leaves


def _added(counts: Any) -> dict[str, int]:
    total: dict[str, int] = {}
    for count in counts:
        for reason, n in count.items():
            total[reason] = total.get(reason, 0) + n
    return total
