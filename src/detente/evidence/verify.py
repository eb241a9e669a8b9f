"""Whether a dossier holds: every signature, hash, body and receipt, from its bytes and the digits an auditor typed.

It trusts nobody who made the dossier. First what says whose dossier it is must agree with itself (else it *fails*, and
the exhibit is named); then its roots must be those whose digits were typed (else they are *unknown*, whatever else
holds); then every leaf is checked. What is not shown, not there any more or not receipted is said, not hidden: gaps,
missing bodies, outstanding receipts.

Leaves are checked in runs (`run.check_run`), which a caller may spread over processes by giving its own `spread`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from detente.errors import PeerFault
from detente.evidence.bracket import LogTimes, in_order, other_log
from detente.evidence.checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint
from detente.evidence.dossier import (
    EXHIBITS_LIMIT,
    MANIFEST,
    POLICY,
    SUMS,
    Manifest,
    Salted,
    bodies_path,
    exhibit_name,
    log_name,
    policy_text,
    read_manifest,
    read_sums,
    statement_name,
    unpack_bodies,
    unpack_items_shown,
)
from detente.evidence.keys import (
    KeyChain,
    fingerprint,
    only_digits,
    parse_origin,
)
from detente.evidence.leaf import FIRST_PREV
from detente.evidence.merkle import HASH_LENGTH, Tree, leaf_hash, verify_inclusion
from detente.evidence.note import MLDSA44, Vkey, b64, open_note, split_note
from detente.evidence.proof import Proof
from detente.evidence.run import Body, Checked, Rules, Run, Said, by_key_id, check_run
from detente.evidence.tiles import TILE_WIDTH, entries_path, tile_path, unpack_entries, widths
from detente.evidence.verdict import FAILURES_LIMIT, Failure, LogFinding, Outcome, Verdict

Spread = Callable[[Callable[[Run], Checked], Iterable[Run]], Iterable[Checked]]
"""Calls a function for each run and gives what it returns, in order: `map`, or the same in several processes."""

LISTED_LIMIT: Final = 10_000
"""Of each log, so many of the leaves shown are listed one by one, track frames apart; the rest is counted."""


@dataclass
class _Failures:
    """Failures found so far, and their limit: the first fifty tell enough."""

    found: list[Failure] = field(default_factory=list)

    def add(self, exhibit: str, reason: str) -> None:
        if len(self.found) < FAILURES_LIMIT:
            self.found.append(Failure(exhibit, reason))


def verify(
    files: Mapping[str, bytes],
    roots: Mapping[str, str],
    *,
    signatures: bool = True,
    spread: Spread = map,
    told: Callable[[int], object] = int,
) -> Verdict:
    """Return whether the dossier in *files* (content by name) holds under *roots*, thirty digits by party.

    Without *signatures* each leaf is checked under the roots that its writer signed and its reader receipted, and not
    by its own signature; the report says so. *told* is called with the number of leaves checked since the last call.
    Raises OwnFault for digits that are not thirty.
    """
    typed = {party: only_digits(digits) for party, digits in roots.items()}
    failures = _Failures()
    try:
        manifest, chains, sums = _introduce(files)
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
    dossier = _Dossier(files, chains, sums, failures, signatures, spread, told)
    findings = dossier.check(manifest)
    outcome = Outcome.FAILS if failures.found else Outcome.HOLDS
    return Verdict(
        outcome,
        tuple(failures.found),
        tuple(findings),
        manifest,
        known,
        signatures=signatures,
        said=tuple(in_order(dossier.said, dossier.times)),
        times=dossier.times,
    )


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


def _introduce(files: Mapping[str, bytes]) -> tuple[Manifest, dict[str, KeyChain], dict[str, str]]:
    """Read what says whose dossier it is, each part against the roots it names itself."""
    name = MANIFEST
    raw = _file(files, name)
    try:
        manifest = read_manifest(raw)
        chains: dict[str, KeyChain] = {}
        for p, listed in enumerate(manifest.parties):
            name = MANIFEST
            root = Vkey.parse(listed.root)
            if root.name != f"{listed.node}/root" or listed.node in chains:
                raise _Broken(name, f"{root.name} is no root of {listed.node}, or the party is there twice")
            chain: KeyChain | None = None
            for s in range(listed.statements):
                name = statement_name(p, s)
                if name not in files:
                    raise _Broken(f"{MANIFEST}, {name}", "the one lists the other, which is missing")
                note = _file(files, name)
                chain = chain.followed_by(note) if chain else KeyChain.verify([note], root)
                if chain.node != listed.node:
                    raise _Broken(name, f"a statement of {chain.node}, not of {listed.node}")
            assert chain  # a manifest lists one statement of each party at least
            chains[listed.node] = chain
        name = MANIFEST
        _check_shape(manifest)
        open_note(raw, *chains[manifest.by].vkeys("env"))
        name = SUMS
        listing = _file(files, SUMS)
        if b64(hashlib.sha256(listing).digest()) != manifest.sums:
            raise _Broken(SUMS, "not the one the manifest was signed with")
        return manifest, chains, read_sums(listing)
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
    chains: Mapping[str, KeyChain]
    sums: Mapping[str, str]
    failures: _Failures
    signatures: bool
    spread: Spread
    told: Callable[[int], object]
    used: set[str] = field(default_factory=set)
    trees: dict[str, Tree] = field(default_factory=dict)
    times: dict[str, LogTimes] = field(default_factory=dict)
    said: list[Said] = field(default_factory=list)
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
            self.times[listed_log.origin] = LogTimes(listed_log.start)
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
        newest = {node: chain.newest for node, chain in self.chains.items()}
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
    before: int = 0
    """What makes the number of an exhibit of the index of its leaf."""

    @property
    def _origin(self) -> str:
        return self.finding.listed.origin

    def _fail(self, where: str, reason: str) -> None:
        self.dossier.failures.add(f"{self._origin} {where}", reason)

    def _signed(self, note: bytes) -> Checkpoint:
        """Return the checkpoint in *note*, keeping the widest receipt; raises PeerFault."""
        if note in self.opened:
            return self.opened[note].checkpoint
        finding = self.finding
        signed = self._open(note)
        head = signed.checkpoint
        if self.heads.setdefault(head.size, head.root) != head.root:
            raise PeerFault(f"two roots are signed at {head.size}: two histories", note)
        finding.signed_size = max(finding.signed_size, head.size)
        if signed.cosigned_at_s:
            at_s = min(signed.cosigned_at_s.values())
            self.dossier.times[self._origin].receipts.append((head.size, at_s))
            if head.size > finding.receipt_size:
                finding.receipt_size, finding.receipt_at_s = head.size, at_s
            if any(key.algorithm == MLDSA44 for key in signed.cosigned_at_s):
                finding.post_quantum_size = max(finding.post_quantum_size, head.size)
        self.opened[note] = signed
        return head

    def _open(self, note: bytes) -> SignedCheckpoint:
        """Return the checkpoint in *note* by a key of the log that was valid there; raises PeerFault.

        A cosignature by a mirror key that was not valid there any more is no receipt, and is left out.
        """
        writer, reader = self.dossier.chains[self.finding.writer], self.dossier.chains[self.finding.reader]
        ids = {keyed[:4] for _, keyed, _ in split_note(note)[1]}
        wrong = PeerFault(f"checkpoint: not signed by the log {self._origin}", note)
        for listed in writer.vkeys("log"):
            log = Vkey(self._origin, listed.algorithm, listed.public_key)
            if log.key_id not in ids:
                continue
            try:
                signed = open_checkpoint(note, log, *reader.vkeys("mirror"))
                writer.check_valid(listed, self._origin, signed.checkpoint.size - 1)
            except PeerFault as refused:
                wrong = refused  # another key may bear this id too
                continue
            valid = reader.cosigners("mirror", signed.checkpoint)
            return replace(signed, cosigned_at_s={k: at for k, at in signed.cosigned_at_s.items() if k in valid})
        raise wrong

    def tiles(self) -> None:
        listed, dossier = self.finding.listed, self.dossier
        tree = dossier.trees[self._origin] = Tree()
        hashes = []
        for checked in dossier.spread(check_run, self._bundles()):
            self._take_in(checked, self._bundle_of)
            hashes.append(checked.hashes)
        tree.extend_packed(b"".join(hashes))
        for name in ("checkpoint", "receipt"):
            path = log_name(self.number, name)
            if name == "checkpoint" or dossier.has(path):
                self._check_root(path, tree)
        if tree.size != listed.stop or self.finding.signed_size != listed.stop:
            reason = f"{tree.size} leaves are there, {self.finding.signed_size} signed, {listed.stop} announced"
            self._fail(f"({log_name(self.number, 'checkpoint')})", reason)
        self._check_tiles(tree)

    def _bundle_of(self, index: int) -> str:
        n = index // TILE_WIDTH
        return log_name(self.number, entries_path(n, min(TILE_WIDTH, self.finding.listed.stop - n * TILE_WIDTH)))

    def _bundles(self) -> Iterator[Run]:
        """Yield the leaves of each bundle with their bodies, up to the first bundle that cannot be read."""
        prev = FIRST_PREV
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
            yield Run(self._rules, start, leaves, bodies, prev)
            prev = leaf_hash(leaves[-1])

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
                if self.dossier.take(path) != tree.nodes(8 * level, n * TILE_WIDTH, width):
                    self._fail(f"({path})", "not the hashes of the leaves")

    def exhibits(self, before: int) -> None:
        self.before = before - self.finding.listed.start + 1
        for checked in self.dossier.spread(check_run, self._runs()):
            self._take_in(checked, self._leaf_of)

    def _leaf_of(self, index: int) -> str:
        return exhibit_name(self.before + index, "leaf")

    def _runs(self) -> Iterator[Run]:
        """Yield the exhibits in runs that end where one is left out, their proofs checked."""
        listed = self.finding.listed
        start, prev = listed.start, FIRST_PREV if listed.start == 0 else None
        leaves: list[bytes] = []
        bodies: list[Body] = []
        for index in range(listed.start, listed.stop):
            number = self.before + index
            name = self._leaf_of(index)
            leaf, proof, body = self._read_exhibit(number)
            if leaf is not None and proof is not None:
                self._check_proof(index, leaf, proof, name)
                leaves.append(leaf)
                bodies.append(body)
                continue
            self._fail(f"gap at {index} ({name})", "left out of the run it belongs to")
            if leaves:
                yield Run(self._rules, start, leaves, bodies, prev)
            start, prev, leaves, bodies = index + 1, None, [], []
        if leaves:
            yield Run(self._rules, start, leaves, bodies, prev)

    def _read_exhibit(self, number: int) -> tuple[bytes | None, bytes | None, Body]:
        take, has = self.dossier.take, self.dossier.has
        leaf, proof = take(exhibit_name(number, "leaf")), take(exhibit_name(number, "tlog-proof"))
        if has(items := exhibit_name(number, "items")):
            try:
                return leaf, proof, unpack_items_shown(take(items) or b"")
            except PeerFault as wrong:
                self._fail(f"({items})", wrong.reason)
        if not has(exhibit_name(number, "body")) and not has(exhibit_name(number, "salt")):
            return leaf, proof, None
        salt, body = take(exhibit_name(number, "salt")), take(exhibit_name(number, "body"))
        return leaf, proof, Salted(salt or b"", body or b"")

    def _check_proof(self, index: int, leaf: bytes, raw: bytes, name: str) -> None:
        try:
            proof = Proof.parse(raw)
            head = self._signed(proof.checkpoint)
        except PeerFault as wrong:
            self._fail(f"leaf {index} proof ({name})", wrong.reason)
            return
        if proof.index != index or not verify_inclusion(leaf_hash(leaf), index, head.size, proof.path, head.root):
            self._fail(f"leaf {index} ({name})", f"not under the root signed at {head.size}")

    def _take_in(self, checked: Checked, name: Callable[[int], str]) -> None:
        """Add what was found of a run to what is found of the log."""
        finding, dossier, times = self.finding, self.dossier, self.dossier.times[self._origin]
        for fault in checked.faults:
            self._fail(f"leaf {fault.index}{fault.part} ({name(fault.index)})", fault.reason)
        finding.leaves += checked.leaves
        finding.kinds += checked.kinds
        finding.bodies_missing += checked.missing
        finding.bodies_partial += checked.partial
        at = [ms for ms in checked.written_ms if ms >= 0]
        if at:
            first, last = finding.written_ms or (at[0], at[0])
            finding.written_ms = min(first, *at), max(last, *at)
        gap = checked.start - times.start - len(times.written_ms)
        times.written_ms += [-1] * gap + checked.written_ms
        for index, lane, head in checked.seen:
            other = other_log(self._origin, lane)
            times.seen.append((index, other, head[0]))
            dossier.seen.append((self._origin, index, other, head))
        dossier.said += checked.said
        dossier.told(len(checked.hashes) // HASH_LENGTH)

    @cached_property
    def _rules(self) -> Rules:
        chain = self.dossier.chains[self.finding.writer]
        return Rules(
            origin=self._origin,
            writer=self.finding.writer,
            reader=self.finding.reader,
            keys=by_key_id(chain.vkeys("env")),
            statement=chain.newest,
            signatures=self.dossier.signatures,
            listed=self.finding.listed.start + LISTED_LIMIT,
        )
