"""Whether a dossier holds: every signature, hash, body and receipt, from its bytes and the digits an auditor typed.

It trusts nobody who made the dossier. First what says whose dossier it is must agree with itself (else it *fails*, and
the exhibit is named); then its roots must be those whose digits were typed (else they are *unknown*, whatever else
holds); then every leaf is checked. What is not shown, not there any more or not receipted is said, not hidden: gaps,
missing bodies, outstanding receipts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from detente.errors import PeerFault
from detente.evidence.checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint
from detente.evidence.dossier import (
    EXHIBITS_LIMIT,
    MANIFEST,
    POLICY,
    SUMS,
    Manifest,
    bodies_path,
    exhibit_name,
    log_name,
    policy_text,
    read_manifest,
    read_sums,
    statement_name,
    unpack_bodies,
)
from detente.evidence.keys import (
    KeyStatement,
    fingerprint,
    log_vkey,
    only_digits,
    origin,
    parse_origin,
    verify_statement,
)
from detente.evidence.leaf import FIRST_PREV, Envelope, check_place, decode, is_body_of
from detente.evidence.merkle import Tree, leaf_hash, verify_inclusion
from detente.evidence.note import Vkey, b64, open_note, split_note, unb64
from detente.evidence.proof import Proof
from detente.evidence.tiles import TILE_WIDTH, entries_path, tile, tile_path, unpack_entries, widths
from detente.evidence.verdict import FAILURES_LIMIT, Failure, LogFinding, Outcome, Verdict


@dataclass
class _Failures:
    """Failures found so far, and their limit: the first fifty tell enough."""

    found: list[Failure] = field(default_factory=list)

    def add(self, exhibit: str, reason: str) -> None:
        if len(self.found) < FAILURES_LIMIT:
            self.found.append(Failure(exhibit, reason))


def verify(files: Mapping[str, bytes], roots: Mapping[str, str]) -> Verdict:
    """Return whether the dossier in *files* (content by name) holds under *roots*, thirty digits by party.

    Raises OwnFault for digits that are not thirty.
    """
    typed = {party: only_digits(digits) for party, digits in roots.items()}
    failures = _Failures()
    try:
        manifest, statements, sums = _introduce(files)
    except _Broken as broken:
        return Verdict(Outcome.FAILS, (Failure(broken.exhibit, broken.reason),))
    digits = {listed.party: fingerprint(listed.root) for listed in manifest.parties}
    known = {party: shown for party, shown in digits.items() if typed.get(party) == only_digits(shown)}
    unknown = [
        Failure(
            party, "unknown root: " + ("other digits were typed" if party in typed else "no digits were typed for it")
        )
        for party in digits
        if party not in known
    ]
    if unknown:
        return Verdict(Outcome.UNKNOWN_ROOT, tuple(unknown), manifest=manifest, digits=known)
    dossier = _Dossier(files, statements, sums, failures)
    findings = dossier.check(manifest)
    outcome = Outcome.FAILS if failures.found else Outcome.HOLDS
    return Verdict(outcome, tuple(failures.found), tuple(findings), manifest, known)


class _Broken(Exception):
    def __init__(self, exhibit: str, reason: str) -> None:
        super().__init__(reason)
        self.exhibit = exhibit
        self.reason = reason


def _file(files: Mapping[str, bytes], name: str) -> bytes:
    try:
        return files[name]
    except KeyError:
        raise _Broken(name, "missing") from None
    except PeerFault as wrong:
        raise _Broken(name, wrong.reason) from None


def _introduce(files: Mapping[str, bytes]) -> tuple[Manifest, dict[str, list[KeyStatement]], dict[str, str]]:
    """Read what says whose dossier it is, each part against the roots it names itself."""
    name = MANIFEST
    raw = _file(files, name)
    try:
        manifest = read_manifest(raw)
        statements: dict[str, list[KeyStatement]] = {}
        for p, listed in enumerate(manifest.parties):
            name = MANIFEST
            root = Vkey.parse(listed.root)
            if root.name != f"{listed.node}/root" or listed.node in statements:
                raise _Broken(name, f"{root.name} is no root of {listed.node}, or the party is there twice")
            statements[listed.node] = []
            before: bytes | None = None
            for s in range(listed.statements):
                name = statement_name(p, s)
                note = _file(files, name)
                statement = verify_statement(note, root, before)
                if statement.node != listed.node:
                    raise _Broken(name, f"a statement of {statement.node}, not of {listed.node}")
                statements[listed.node].append(statement)
                before = note
        name = MANIFEST
        _check_shape(manifest)
        open_note(raw, *(key for statement in statements[manifest.by] for key in statement.vkeys("env")))
        name = SUMS
        listing = _file(files, SUMS)
        if b64(hashlib.sha256(listing).digest()) != manifest.sums:
            raise _Broken(SUMS, "not the one the manifest was signed with")
        return manifest, statements, read_sums(listing)
    except PeerFault as wrong:
        raise _Broken(name, wrong.reason) from None


def _check_shape(manifest: Manifest) -> None:
    """Refuse a manifest whose parts do not fit together; raises PeerFault or _Broken."""
    nodes = {listed.node for listed in manifest.parties}
    if manifest.by not in nodes or len({listed.party for listed in manifest.parties}) != len(manifest.parties):
        raise _Broken(MANIFEST, "its maker is not among its parties, or two bear one name")
    if len({log.origin for log in manifest.logs}) != len(manifest.logs):
        raise _Broken(MANIFEST, "a log is there twice")
    for log in manifest.logs:
        parts = parse_origin(log.origin)
        if not {parts.writer, parts.reader} <= nodes:
            raise _Broken(MANIFEST, f"{log.origin}: its writer or reader is not among the parties")
        length = log.stop - log.start
        if length < 0 or (log.form == "exhibits" and length > EXHIBITS_LIMIT) or (log.form == "tiles" and log.start):
            raise _Broken(MANIFEST, f"{log.origin}: no run of leaves from {log.start} to {log.stop}")


@dataclass
class _Dossier:
    """The dossier once its parties are known: reads each file once, and collects what fails."""

    files: Mapping[str, bytes]
    statements: Mapping[str, list[KeyStatement]]
    sums: Mapping[str, str]
    failures: _Failures
    used: set[str] = field(default_factory=set)
    trees: dict[str, Tree] = field(default_factory=dict)
    seen: list[tuple[str, int, str, tuple[int, str]]] = field(default_factory=list)
    """(origin, index, the other log's origin, (size, root)) of each `seen` read."""

    def check(self, manifest: Manifest) -> list[LogFinding]:
        for p, listed in enumerate(manifest.parties):
            for s in range(listed.statements):
                self.take(statement_name(p, s))
        self._check_policy(manifest)
        findings = []
        exhibit = 0
        for number, listed_log in enumerate(manifest.logs):
            parts = parse_origin(listed_log.origin)
            finding = LogFinding(listed_log, parts.writer, parts.reader)
            check = _LogCheck(self, finding, number)
            if listed_log.form == "tiles":
                check.tiles()
            else:
                check.exhibits(exhibit)
                exhibit += max(0, listed_log.stop - listed_log.start)
            findings.append(finding)
        self._check_seen()
        for name in sorted({*self.files, *self.sums} - self.used - {MANIFEST, SUMS})[:FAILURES_LIMIT]:
            self.failures.add(name, "a file that the manifest does not account for")
        return findings

    def _check_policy(self, manifest: Manifest) -> None:
        newest = {node: chain[-1] for node, chain in self.statements.items()}
        try:
            wanted = policy_text((log.origin for log in manifest.logs), newest).encode()
        except PeerFault as wrong:
            self.failures.add(POLICY, wrong.reason)
            return
        if self.take(POLICY) != wanted:
            self.failures.add(POLICY, "not the policy that follows from the key statements")

    def has(self, name: str) -> bool:
        return name in self.sums or name in self.files

    def take(self, name: str) -> bytes | None:
        """Return the content of *name*, noting as failures that it is missing or not what SHA256SUMS lists."""
        self.used.add(name)
        try:
            content = _file(self.files, name)
        except _Broken as broken:
            self.failures.add(name, broken.reason)
            return None
        if hashlib.sha256(content).hexdigest() != self.sums.get(name):
            self.failures.add(name, "changed: not the content that SHA256SUMS lists")
        return content

    def _check_seen(self) -> None:
        """What a writer says it has seen of the other side's log must be that log: else there are two histories."""
        for log, index, other, (size, root) in self.seen:
            tree = self.trees.get(other)
            if tree is not None and size <= tree.size and b64(tree.root(size)) != root:
                self.failures.add(f"{log} leaf {index}", f"saw another root of {other} at {size}: two histories")


@dataclass
class _LogCheck:
    """One log of the dossier."""

    dossier: _Dossier
    finding: LogFinding
    number: int
    heads: dict[int, bytes] = field(default_factory=dict)
    """Roots by the size at which they were signed."""
    opened: dict[bytes, SignedCheckpoint] = field(default_factory=dict)

    @property
    def _origin(self) -> str:
        return self.finding.listed.origin

    def _fail(self, where: str, reason: str) -> None:
        self.dossier.failures.add(f"{self._origin} {where}", reason)

    def _signed(self, note: bytes) -> Checkpoint:
        """Return the checkpoint in *note*, keeping the widest receipt; raises PeerFault."""
        if note in self.opened:
            return self.opened[note].checkpoint
        finding, statements = self.finding, self.dossier.statements
        logs = [log_vkey(statement, self._origin) for statement in statements[finding.writer]]
        mirrors = dict.fromkeys(key for statement in statements[finding.reader] for key in statement.vkeys("mirror"))
        ids = {keyed[:4] for _, keyed, _ in split_note(note)[1]}
        log = next((key for key in reversed(logs) if key.key_id in ids), logs[-1])
        signed = open_checkpoint(note, log, *mirrors)
        head = signed.checkpoint
        if self.heads.setdefault(head.size, head.root) != head.root:
            raise PeerFault(f"two roots are signed at {head.size}: two histories", note)
        finding.signed_size = max(finding.signed_size, head.size)
        if signed.cosigned_at_s and head.size > finding.receipt_size:
            finding.receipt_size, finding.receipt_at_s = head.size, min(signed.cosigned_at_s.values())
        self.opened[note] = signed
        return head

    def tiles(self) -> None:
        listed, dossier = self.finding.listed, self.dossier
        tree = dossier.trees[self._origin] = Tree()
        prev = FIRST_PREV
        for index, leaf, body, name in self._bundled():
            self._leaf(index, leaf, prev, body, name)
            prev = leaf_hash(leaf)
            tree.append(prev)
        for name in ("checkpoint", "receipt"):
            path = log_name(self.number, name)
            if name == "checkpoint" or dossier.has(path):
                self._check_root(path, tree)
        if tree.size != listed.stop or self.finding.signed_size != listed.stop:
            reason = f"{tree.size} leaves are there, {self.finding.signed_size} signed, {listed.stop} announced"
            self._fail(f"({log_name(self.number, 'checkpoint')})", reason)
        self._check_tiles(tree)

    def _bundled(self) -> Iterator[tuple[int, bytes, tuple[bytes, bytes] | None, str]]:
        """Yield index, leaf, its body and the bundle's name, up to the first bundle that cannot be read."""
        for n, width in widths(self.finding.listed.stop):
            start = n * TILE_WIDTH
            entries = log_name(self.number, entries_path(n, width))
            beside = log_name(self.number, bodies_path(n, width))
            try:
                leaves = unpack_entries(self.dossier.take(entries) or b"")
                bodies = unpack_bodies(self.dossier.take(beside) or b"")
            except PeerFault as wrong:
                self._fail(f"leaves from {start} ({entries})", wrong.reason)
                return
            if len(leaves) != width or len(bodies) != width:
                reason = f"{len(leaves)} leaves and {len(bodies)} bodies, not {width}"
                self._fail(f"gap at {start + len(leaves)} ({entries})", reason)
                return
            for i, (leaf, body) in enumerate(zip(leaves, bodies, strict=True)):
                yield start + i, leaf, body, entries

    def _check_root(self, path: str, tree: Tree) -> None:
        note = self.dossier.take(path)
        if note is None:
            return
        try:
            head = self._signed(note)
        except PeerFault as wrong:
            self._fail(f"({path})", wrong.reason)
            return
        if head.size > tree.size or tree.root(head.size) != head.root:
            self._fail(f"({path})", f"the root signed at {head.size} is not the root of the leaves")

    def _check_tiles(self, tree: Tree) -> None:
        for level in range(8):
            for n, width in widths(tree.size, level):
                path = log_name(self.number, tile_path(level, n, width))
                if self.dossier.take(path) != tile(tree, level, n, width):
                    self._fail(f"({path})", "not the hashes of the leaves")

    def exhibits(self, before: int) -> None:
        listed = self.finding.listed
        prev: bytes | None = FIRST_PREV if listed.start == 0 else None
        for index in range(listed.start, listed.stop):
            number = before + index - listed.start + 1
            leaf, proof, body = self._read_exhibit(number)
            name = exhibit_name(number, "leaf")
            if leaf is None or proof is None:
                self._fail(f"gap at {index} ({name})", "left out of the run it belongs to")
                prev = None
                continue
            self._check_proof(index, leaf, proof, name)
            self._leaf(index, leaf, prev, body, name)
            prev = leaf_hash(leaf)

    def _read_exhibit(self, number: int) -> tuple[bytes | None, bytes | None, tuple[bytes, bytes] | None]:
        take, has = self.dossier.take, self.dossier.has
        leaf, proof = take(exhibit_name(number, "leaf")), take(exhibit_name(number, "tlog-proof"))
        if not has(exhibit_name(number, "body")) and not has(exhibit_name(number, "salt")):
            return leaf, proof, None
        salt, body = take(exhibit_name(number, "salt")), take(exhibit_name(number, "body"))
        return leaf, proof, (salt or b"", body or b"")

    def _check_proof(self, index: int, leaf: bytes, raw: bytes, name: str) -> None:
        try:
            proof = Proof.parse(raw)
            head = self._signed(proof.checkpoint)
        except PeerFault as wrong:
            self._fail(f"leaf {index} proof ({name})", wrong.reason)
            return
        if proof.index != index or not verify_inclusion(leaf_hash(leaf), index, head.size, proof.path, head.root):
            self._fail(f"leaf {index} ({name})", f"not under the root signed at {head.size}")

    def _leaf(self, index: int, leaf: bytes, prev: bytes | None, body: tuple[bytes, bytes] | None, name: str) -> None:
        finding = self.finding
        try:
            envelope = self._decoded(index, leaf)
            wanted = unb64(envelope.prev) if prev is None else prev
            check_place(envelope, leaf, log=self._origin, seq=index, prev=wanted, to=finding.reader)
        except PeerFault as wrong:
            self._fail(f"leaf {index} ({name})", wrong.reason)
            return
        finding.leaves += 1
        finding.kinds[envelope.kind] += 1
        first, last = finding.written_ms or (envelope.ts, envelope.ts)
        finding.written_ms = min(first, envelope.ts), max(last, envelope.ts)
        mine = parse_origin(self._origin)
        for lane, seen in envelope.seen.items():
            other = origin(mine.reader, mine.writer, lane, mine.epoch)
            self.dossier.seen.append((self._origin, index, other, seen))
        if body is None:
            finding.bodies_missing.append(index)
        elif not is_body_of(envelope, *body):
            self._fail(f"leaf {index} body ({name})", "not the body that the leaf commits to")

    def _decoded(self, index: int, leaf: bytes) -> Envelope:
        chain = self.dossier.statements[self.finding.writer]
        key_id = split_note(leaf)[1][0][1][:4]
        keys = [key for statement in chain for key in statement.vkeys("env") if key.key_id == key_id]
        if not keys:
            raise PeerFault(f"signed by no env key of {self.finding.writer}", leaf)
        if not chain[-1].is_valid_for(keys[0], self._origin, index):
            raise PeerFault(f"signed by a key that {self.finding.writer} revoked before this index", leaf)
        return decode(leaf, keys[0])
