"""A dossier out of a node's record: what goes in, what its reader will find missing, and the files.

The command line and the console make dossiers with this; neither decides anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from detente.desk.record_view import Portion
from detente.errors import OwnFault
from detente.evidence.checkpoint import Checkpoint, cosignature, with_lines
from detente.evidence.dossier import Extract, Party, make_dossier
from detente.evidence.keys import parse_origin
from detente.evidence.log import Log, Receipt
from detente.evidence.note import split_note
from detente.evidence.store import LeafStore
from detente.node.extracts import Reading, Wanted, extracts
from detente.node.incident import find_incident
from detente.node.keyring import Keyring, PeerKeys


def parties_of(own: Keyring, peers: Sequence[PeerKeys], names: Mapping[str, str]) -> dict[str, Party]:
    """Return our party and each peer by node name; *names*: what the configuration calls them."""
    known = [(own.node, own.root, own.chain.notes), *((p.node, p.root, p.chain.notes) for p in peers)]
    return {
        node: Party(names.get(node, node.split("/")[0].split(".")[0]), node, root, notes) for node, root, notes in known
    }


def with_incident(record: LeafStore, wanted: Wanted, incident: str, around_min: float) -> Wanted:
    """Return *wanted* narrowed to the alert *incident* and so many minutes around it; raises OwnFault."""
    found = find_incident(record, incident)
    by_ms = round(around_min * 60_000)
    window = max(0, found.window[0] - by_ms), found.window[1] + by_ms + 1
    return replace(wanted, incident=found, window=window)


def chosen(
    record: LeafStore, parties: Mapping[str, Party], wanted: Wanted, told: Callable[[int], object] = int
) -> list[Extract]:
    """Return what goes in of each log; raises OwnFault when nothing does."""
    found = list(extracts(record, parties, wanted, told))
    if not found:
        raise OwnFault("nothing signed to export: no such log, or no leaf in that window")
    return found


def files_of(
    own: Keyring,
    parties: Mapping[str, Party],
    extracts_: Sequence[Extract],
    window: tuple[int, int] | None,
    at_ms: int,
    *,
    post_quantum: bool,
) -> tuple[list[Party], Iterator[tuple[str, bytes]]]:
    """Return the parties a dossier lists, and its files as (name, content)."""
    used = {node for e in extracts_ for node in parse_origin(e.log.origin)[:2]} | {own.node}
    listed = [party for node, party in sorted(parties.items()) if node in used]
    if post_quantum:
        for extract in extracts_:
            _cosign_again(extract.log, own, at_ms // 1_000)
    return listed, make_dossier(own.env, own.node, at_ms, listed, extracts_, window)


def portion(extract: Extract) -> Portion:
    """Return what *extract* holds; its bodies are counted as far as they were read."""
    log, read = extract.log, extract.read
    return Portion(
        log=log.origin,
        form=extract.form,
        start=extract.start,
        stop=extract.stop,
        size=log.size,
        receipt_outstanding=max(0, extract.stop - max(extract.start, log.receipt_size)),
        without_body=read.without_body if isinstance(read, Reading) else 0,
        only_incident=extract.show is not None,
    )


def _cosign_again(log: Log, own: Keyring, at_s: int) -> None:
    """Put our ML-DSA-44 line under the receipt that we gave for *log*: in the dossier; the record stays as it is."""
    given, strong = log.receipt, own.mirror_pq
    if given is None or parse_origin(log.origin).reader != own.node:
        return
    head = Checkpoint.parse(split_note(given.note)[0].decode())
    has_it = any(keyed[:4] == strong.vkey.key_id for _, keyed, _ in split_note(given.note)[1])
    if has_it or head != log.head(head.size):
        return  # of what is not what we hold now `detente verify` will speak; nothing is signed
    note = with_lines(given.note, cosignature(given.note, strong, at_s))
    if log.checkpoint == given.note:
        log.checkpoint = note
    log.receipt = Receipt(given.size, note, given.at_s)
