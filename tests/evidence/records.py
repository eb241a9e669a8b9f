"""Two parties' record of a few leaves, made in memory: the builder of dossier and command line tests."""

from __future__ import annotations

import json
from collections.abc import Mapping

from detente.evidence.checkpoint import cosignature, sign_checkpoint, with_lines
from detente.evidence.dossier import Extract, Party, make_dossier
from detente.evidence.keys import Key, KeyStatement, fingerprint, origin, sign_statement
from detente.evidence.leaf import (
    Envelope,
    Kind,
    body_commitment,
    encode,
    pack_items,
    salt_for,
    seed_for,
    tree_commitment,
)
from detente.evidence.log import Log, Receipt
from detente.evidence.merkle import leaf_hash
from detente.evidence.note import Cosigner, Ed25519Signer, b64
from detente.evidence.store import Entry
from detente.testing.store import MemoryStore
from detente.types import NodeName, Precedence
from evidence.vectors import seed

START_MS = 1_795_363_200_000


class Node:
    """One party with its keys, made from its name."""

    def __init__(self, party: str, *, salt: str = "") -> None:
        self.party = party
        self.node = NodeName(f"{party}.example/detente")
        label = f"{party}{salt}"
        self.root = Ed25519Signer(f"{self.node}/root", seed(f"{label} root"))
        self.env = Ed25519Signer(f"{self.node}/env", seed(f"{label} env"))
        self.log = Ed25519Signer(f"{self.node}/log", seed(f"{label} log"))
        self.mirror = Cosigner(f"{self.node}/mirror", seed(f"{label} mirror"))
        self.statement = KeyStatement(
            epoch=1,
            keys=(
                Key("env", str(self.env.vkey)),
                Key("log", str(self.log.vkey)),
                Key("mirror", str(self.mirror.vkey)),
            ),
            node=self.node,
            prev="",
            tls=(),
            url="",
            valid=(START_MS, START_MS + 10**10),
        )

    @property
    def listed(self) -> Party:
        return Party(self.party, self.node, self.root.vkey, (sign_statement(self.statement, self.root),))

    @property
    def digits(self) -> str:
        return fingerprint(str(self.root.vkey))


def leaf_of(writer: Node, log: Log, reader: Node, kind: Kind, ts: int, **fields) -> tuple[bytes, bytes, bytes]:
    """One leaf for the end of *log*, with its body and salt; a track leaf has a tree body of three items.

    `said` is another body, `items` other items.
    """
    said, items = fields.pop("said", None), fields.pop("items", None)
    if kind is Kind.TRACK:
        items = items or [json.dumps([f"A-{log.size}-{i}", 351000000 + i]).encode() for i in range(3)]
        body, salt, media = pack_items(items), seed_for(b"k" * 32, log.origin, log.size), "application/json+tree"
        commitment = tree_commitment(salt, items)
    else:
        body, media = said or json.dumps({"text": f"leaf {log.size}"}).encode(), "application/json"
        salt = salt_for(b"k" * 32, log.origin, log.size)
        commitment = body_commitment(salt, body)
    fields = {
        "log": log.origin,
        "seq": log.size,
        "prev": b64(log.last_leaf_hash),
        "to": reader.node,
        "ts": ts,
        "hlc": (ts, 0),
        "kind": kind,
        "prec": Precedence.FLASH,
        "by": "duty_officer",
        "body": commitment,
        "size": len(body),
        "media": media,
        "pol": b64(bytes(32)),
    } | fields
    return encode(Envelope(**fields), writer.env), body, salt


class Record:
    """What two parties said to each other, as one of them holds it."""

    def __init__(self, one: Node, two: Node) -> None:
        self.nodes = {one.node: one, two.node: two}
        self.store = MemoryStore()
        self.logs: dict[str, Log] = {}

    def say(self, writer: Node, reader: Node, lane: str, count: int, kind: Kind = Kind.HOTLINE, **fields) -> Log:
        """Write *count* leaves, ten seconds apart, the second half of each ten without a body kept."""
        name = origin(writer.node, reader.node, lane)
        log = self.logs.setdefault(name, Log(name))
        for _ in range(count):
            told = {"ts": START_MS + log.size * 10_000} | fields
            leaf, body, salt = leaf_of(writer, log, reader, kind, **told)
            kept = Entry(leaf=leaf, body=body, salt=salt)
            self.store.append([(name, log.size, [kept])])
            log.extend([leaf_hash(leaf)])
        return log

    def sign(self, log: Log, *, receipt_at: int | None = None) -> None:
        """Sign the log's head, and let the reader receipt the first *receipt_at* leaves."""
        parts = log.origin.split("/to/")
        writer = self.nodes[NodeName(parts[0])]
        reader = self.nodes[NodeName(f"{parts[1].split('/')[0]}/detente")]
        note = sign_checkpoint(log.head(), writer.log)
        self.store.replace_checkpoint(log.origin, log.checkpoint, note)
        log.checkpoint = note
        if receipt_at:
            at_s = START_MS // 1000 + 600
            head = sign_checkpoint(log.head(receipt_at), writer.log)
            log.receipt = Receipt(receipt_at, with_lines(head, cosignature(head, reader.mirror, at_s)), at_s)
            self.store.put_receipt(log.origin, log.receipt)

    def extract(self, log: Log, form="tiles", start=0, stop=None) -> Extract:
        stop = log.size if stop is None else stop
        return Extract(log, form, start, stop, lambda a, b: self.store.read(log.origin, a, b))


def dossier(record: Record, maker: Node, extracts: list[Extract], window=None) -> dict[str, bytes]:
    listed = [node.listed for node in record.nodes.values()]
    return dict(make_dossier(maker.env, maker.node, START_MS + 10**6, listed, extracts, window))


def roots(nodes: Mapping[NodeName, Node]) -> dict[str, str]:
    return {node.party: node.digits for node in nodes.values()}
