"""A run of leaves of one log: each in its place, by its writer, after the one before it, and with its own body.

This is the part of verification that takes the time, and it needs nothing but what is handed to it: so a caller may
have runs checked in several processes. A signature costs some fifty times all the rest together. `Rules.signatures`
says whether each leaf's own is checked, or whether the roots that its writer signed over it are to be enough.
"""

from __future__ import annotations

import hashlib
from binascii import b2a_base64
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import methodcaller
from typing import Final, cast

import msgspec

from detente.errors import PeerFault
from detente.evidence.dossier import Salted
from detente.evidence.keys import KeyStatement
from detente.evidence.leaf import (
    LEAF_LIMIT,
    Disclosure,
    Envelope,
    Kind,
    Lane,
    decode,
    is_body_of,
    is_disclosed,
    is_tree,
)
from detente.evidence.note import Vkey, b64

BODY_SHOWN_LIMIT: Final = 65_536
"""Bodies longer than this are checked, and not carried into a report."""

Body = Salted | tuple[Disclosure, ...] | None
"""A whole body; or some items of a tree body; or None where it is gone."""


KEY_ID_LETTERS: Final = 5
"""So many letters of a signature's base64 are of the key id alone."""


def by_key_id(vkeys: Iterable[Vkey]) -> dict[bytes, list[Vkey]]:
    """Return *vkeys* by how their signatures begin.

    Several may begin alike, for a key id is four bytes and can be had by trying: none may hide another, or a writer
    could disown what it signed by publishing such a key later.
    """
    found: dict[bytes, list[Vkey]] = {}
    for vkey in dict.fromkeys(vkeys):
        found.setdefault(b64(vkey.key_id).encode()[:KEY_ID_LETTERS], []).append(vkey)
    return found


@dataclass(frozen=True)
class Rules:
    """What the leaves of one log must be. *keys* are its writer's for leaves (`by_key_id`), *statement* its newest."""

    origin: str
    writer: str
    reader: str
    keys: Mapping[bytes, Sequence[Vkey]]
    statement: KeyStatement
    signatures: bool = True
    listed: int = 0
    """Leaves below this index are kept for a report, track frames apart."""


@dataclass(frozen=True)
class Run:
    """Leaves of one log that stand one after another, from index *start* on, with their bodies.

    *prev* is the hash of the leaf before the first where that is known.
    """

    rules: Rules
    start: int
    leaves: Sequence[bytes]
    bodies: Sequence[Body]
    prev: bytes | None = None


@dataclass(frozen=True)
class Said:
    """One leaf as a report prints it; times are milliseconds since 1970 UTC by the writer's clock."""

    log: str
    index: int
    digest: str
    kind: str
    prec: str
    by: str
    ts: int
    hlc: tuple[int, int]
    exp: int | None
    re: tuple[str, ...]
    media: str
    body: bytes | None
    size: int


@dataclass(frozen=True)
class Fault:
    """What is wrong with a leaf, or with the *part* of its exhibit that is named."""

    index: int
    part: str
    reason: str


@dataclass
class Checked:
    """What was found of one run."""

    start: int
    hashes: bytes = b""
    """32 bytes a leaf."""
    faults: list[Fault] = field(default_factory=list)
    leaves: int = 0
    """How many hold."""
    kinds: Counter[str] = field(default_factory=Counter)
    written_ms: list[int] = field(default_factory=list)
    """When each leaf was written, by its writer; -1 of one that cannot be read."""
    missing: list[int] = field(default_factory=list)
    partial: list[int] = field(default_factory=list)
    """Leaves of whose tree body only some items are shown."""
    seen: list[tuple[int, Lane, tuple[int, str]]] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)


class _Brief(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False, tag_field="v", tag=1):
    """An envelope read without its spelling being judged: where the roots answer for the bytes."""

    log: str
    seq: int
    prev: str
    to: str
    ts: int
    hlc: tuple[int, int]
    kind: str
    prec: str
    by: str
    body: str
    size: int
    media: str
    exp: int | None = None
    re: tuple[str, ...] = ()
    seen: dict[Lane, tuple[int, str]] = {}


_brief: Final = msgspec.json.Decoder(_Brief)
_sha256 = hashlib.sha256
_HEAD: Final = b"detente-envelope/v1\n"
_is_headed: Final = methodcaller("startswith", _HEAD)


def check_run(run: Run) -> Checked:
    """Return what was found of *run*."""
    rules, checked = run.rules, Checked(run.start)
    hashes = [_sha256(b"\x00" + leaf).digest() for leaf in run.leaves]
    checked.hashes = b"".join(hashes)
    before = [None if run.prev is None else _spelled(run.prev), *map(_spelled, hashes[:-1])]
    if not rules.signatures and (said := _all_in_place(run, before)) is not None:
        _keep_all(checked, run, hashes, said)
        return checked
    for index, leaf, body, hashed, prev in zip(
        range(run.start, run.start + len(hashes)), run.leaves, run.bodies, hashes, before, strict=True
    ):
        try:
            envelope = _decoded(rules, index, leaf) if rules.signatures else _read(leaf)
            # What stands before the first leaf of a run may not be shown: then only this leaf says what it was.
            wanted = (rules.reader, rules.origin, index, envelope.prev if prev is None else prev)
            if _place(envelope) != wanted:
                raise _out_of_place(_place(envelope), wanted, leaf)
        except PeerFault as wrong:
            checked.faults.append(Fault(index, "", wrong.reason))
            checked.written_ms.append(-1)
        else:
            checked.leaves += 1
            checked.kinds[envelope.kind] += 1
            checked.written_ms.append(envelope.ts)
            _keep(checked, envelope, hashed, body, rules.listed)
    return checked


def _spelled(hashed: bytes) -> str:
    return b2a_base64(hashed, newline=False).decode()


def _place(said: Envelope) -> tuple[str, str, int, str]:
    return said.to, said.log, said.seq, said.prev


def _all_in_place(run: Run, before: Sequence[str | None]) -> list[Envelope] | None:
    """Return all envelopes of *run* where each is in its place, else None: then each is looked at by itself."""
    head, decoded = len(_HEAD), _brief.decode
    if max(map(len, run.leaves), default=0) > LEAF_LIMIT or not all(map(_is_headed, run.leaves)):
        return None
    try:
        said = cast("list[Envelope]", [decoded(leaf[head : leaf.find(b"\n", head)]) for leaf in run.leaves])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if said and before[0] is None:
        before = [said[0].prev, *before[1:]]
    is_so = (
        [each.prev for each in said] == before
        and [each.seq for each in said] == list(range(run.start, run.start + len(said)))
        and {(each.log, each.to) for each in said} <= {(run.rules.origin, run.rules.reader)}
    )
    return said if is_so else None


def _keep_all(checked: Checked, run: Run, hashes: Sequence[bytes], said: Sequence[Envelope]) -> None:
    """Do for a whole run what `_keep` does for a leaf, and look only at those of which there is more to say."""
    checked.leaves = len(said)
    checked.kinds.update([envelope.kind for envelope in said])
    checked.written_ms = [envelope.ts for envelope in said]
    if run.start >= run.rules.listed and all(body is None for body in run.bodies):
        checked.missing.extend(range(run.start, run.start + len(said)))
        checked.seen += [(each.seq, lane, head) for each in said if each.seen for lane, head in each.seen.items()]
        return
    for envelope, hashed, body in zip(said, hashes, run.bodies, strict=True):
        if body is None and not envelope.seen and envelope.seq >= run.rules.listed:
            checked.missing.append(envelope.seq)
        else:
            _keep(checked, envelope, hashed, body, run.rules.listed)


def _out_of_place(found: Sequence[object], wanted: Sequence[object], leaf: bytes) -> PeerFault:
    names = ("to", "log", "seq", "prev")
    name, is_, should = next(each for each in zip(names, found, wanted, strict=True) if each[1] != each[2])
    return PeerFault(f"leaf: {name} is {str(is_)[:100]}, not {should}", leaf)


def _read(leaf: bytes) -> Envelope:
    if len(leaf) > LEAF_LIMIT or not leaf.startswith(_HEAD):
        raise PeerFault("leaf: not a detente-envelope/v1, or too long", leaf[:256])
    try:
        brief = _brief.decode(leaf[len(_HEAD) : leaf.find(b"\n", len(_HEAD))])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise PeerFault(f"leaf: {wrong}", leaf) from None
    return cast("Envelope", brief)  # the same names hold the same things


def _decoded(rules: Rules, index: int, leaf: bytes) -> Envelope:
    start = leaf.rfind(b" ") + 1
    wrong = PeerFault(f"signed by no env key of {rules.writer}", leaf)
    for key in rules.keys.get(leaf[start : start + KEY_ID_LETTERS], ()):
        try:
            said = decode(leaf, key)
        except PeerFault as refused:
            wrong = refused
            continue
        if rules.statement.is_valid_for(key, rules.origin, index):
            return said
        wrong = PeerFault(f"signed by a key that {rules.writer} revoked before this index", leaf)
    raise wrong


def _keep(checked: Checked, said: Envelope, hashed: bytes, body: Body, listed: int) -> None:
    """Check the body of a leaf that is in its place, and keep what a report needs of it."""
    index = said.seq
    for lane, head in said.seen.items():
        checked.seen.append((index, lane, head))
    if body is None:
        checked.missing.append(index)
    elif isinstance(body, Salted):
        if not is_body_of(said, *body):
            checked.faults.append(Fault(index, " body", "not the body that the leaf commits to"))
    elif is_tree(said.media) and all(is_disclosed(said.body, item) for item in body):
        checked.partial.append(index)
    else:
        checked.faults.append(Fault(index, " items", "not items of the body that the leaf commits to"))
    if index < listed and said.kind != Kind.TRACK:
        checked.said.append(_said(said, hashed, body))


def _said(said: Envelope, hashed: bytes, body: Body) -> Said:
    shown = body.body if isinstance(body, Salted) and len(body.body) <= BODY_SHOWN_LIMIT else None
    return Said(
        log=said.log,
        index=said.seq,
        digest=b64(hashed),
        kind=str(said.kind),
        prec=str(said.prec),
        by=said.by,
        ts=said.ts,
        hlc=said.hlc,
        exp=said.exp,
        re=said.re,
        media=said.media,
        body=shown,
        size=said.size,
    )
