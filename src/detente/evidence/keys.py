"""Whose keys are whose: statements signed by a node's root, log origins, and the thirty digits read over the phone.

A node has a ``root`` key that belongs offline and signs only key statements. A statement names the keys in use: ``env``
signs leaves, ``log`` checkpoints, ``mirror`` receipts, ``witness`` the peer's audit log; and the TLS keys and the URL
of the link. Each statement holds the digest of the one before, so a chain cannot be cut or reordered. A revoked key is
cut off by an index in a log, never by a clock; so is one that a newer key has replaced. `KeyChain`, all statements of
one node, is the one judge of which key may sign what. Nothing is believed of a statement until digits confirm its root.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import Meta

from detente.errors import OwnFault, PeerFault
from detente.evidence.checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint
from detente.evidence.leaf import HASH_PATTERN, Count, Envelope, Hash, Lane, Millis, decode
from detente.evidence.note import COSIGNATURE, ED25519, MLDSA44, Signer, Vkey, b64, open_note, sign_note, split_note
from detente.types import NodeName

STATEMENT_LIMIT: Final = 32_768
DIGITS: Final = 30

_HEAD: Final = "detente-keys/v1\n"
_NODE: Final = r"[a-z0-9](?:[a-z0-9.-]{0,120}[a-z0-9])?"
_NODE_NAME: Final = re.compile(rf"{_NODE}/detente")
_ORIGIN: Final = re.compile(rf"({_NODE})/detente/to/({_NODE})/(flash|ops|track)/([1-9][0-9]{{0,8}})")
_AUDIT: Final = re.compile(rf"({_NODE})/detente/audit/([1-9][0-9]{{0,8}})")
_PAIR_SALT: Final = b"detente-pair/v1"
_PAIR_ROUNDS: Final = 600_000

# Which algorithms serve which use: a receipt and a witness's statement differ, so C2SP asks for different keys.
_ADMITTED: Final = {
    "env": {ED25519},
    "log": {ED25519},
    "mirror": {COSIGNATURE, MLDSA44},
    "witness": {COSIGNATURE},
}

Use = Literal["env", "log", "mirror", "witness"]


class Origin(NamedTuple):
    """The four parts of a log's name."""

    writer: NodeName
    reader: NodeName
    lane: Lane
    epoch: int


def check_node_name(name: str) -> NodeName:
    """Return *name* as a node's name (``alfa.example/detente``); raises OwnFault for any other shape."""
    if not _NODE_NAME.fullmatch(name):
        raise OwnFault(f"{name!r} is no node name: write host/detente, in lower case")
    return NodeName(name)


@lru_cache(4_096)
def origin(writer: NodeName, reader: NodeName, lane: str, epoch: int = 1) -> str:
    """Return the origin of the log in which *writer* speaks to *reader* on *lane*."""
    name = f"{check_node_name(writer)}/to/{check_node_name(reader).removesuffix('/detente')}/{Lane(lane)}/{epoch}"
    if not _ORIGIN.fullmatch(name):
        raise OwnFault(f"{name!r} is no log origin: epochs count from 1")
    return name


@lru_cache(4_096)
def parse_origin(text: str) -> Origin:
    """Return the parts of a log's origin; raises PeerFault."""
    match = _ORIGIN.fullmatch(text)
    if match is None:
        raise PeerFault(f"{text[:80]!r} is no log origin", text.encode(errors="replace"))
    writer, reader, lane, epoch = match.groups()
    return Origin(NodeName(f"{writer}/detente"), NodeName(f"{reader}/detente"), Lane(lane), int(epoch))


def audit_origin(node: NodeName, epoch: int = 1) -> str:
    """Return the origin of the log in which *node* keeps its own acts, for its peers to witness."""
    return f"{check_node_name(node)}/audit/{epoch}"


def writer_of(origin_: str) -> NodeName:
    """Return the node that writes the log *origin_*, one to a peer or its own of acts; raises PeerFault."""
    audit = _AUDIT.fullmatch(origin_)
    return NodeName(f"{audit[1]}/detente") if audit else parse_origin(origin_).writer


class Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One key in use."""

    use: Use
    vkey: Annotated[str, Meta(max_length=4096)]


class Revocation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key that is no longer believed from an index on, log by log; in a log not named it is not believed at all."""

    vkey: Annotated[str, Meta(max_length=4096)]
    after: dict[Annotated[str, Meta(max_length=300)], Count]


class KeyStatement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What a root says of its node's keys. ``valid`` is from and to, milliseconds since 1970 UTC."""

    epoch: Annotated[int, Meta(ge=1, le=2**31)]
    keys: Annotated[tuple[Key, ...], Meta(min_length=1, max_length=16)]
    node: str
    prev: Annotated[str, Meta(pattern=rf"\A({HASH_PATTERN})?\Z")]
    tls: Annotated[tuple[Hash, ...], Meta(max_length=4)]
    url: Annotated[str, Meta(pattern=r"\A(wss://[a-zA-Z0-9.\[\]:-]{1,253}/[a-zA-Z0-9/._-]{0,100})?\Z")]
    valid: tuple[Millis, Millis]
    revoked: Annotated[tuple[Revocation, ...], Meta(max_length=64)] = ()

    def vkeys(self, use: Use) -> list[Vkey]:
        """Return the keys for *use*, the newest last."""
        return [Vkey.parse(key.vkey) for key in self.keys if key.use == use]

    def vkey(self, use: Use) -> Vkey:
        """Return the newest Ed25519 key for *use*; raises PeerFault when the statement names none."""
        found = [key for key in self.vkeys(use) if key.algorithm != MLDSA44]
        if not found:
            raise PeerFault(f"{self.node}: no {use} key in its statement")
        return found[-1]

    def is_valid_for(self, vkey: Vkey, log: str, index: int) -> bool:
        """Whether *vkey* may still sign what stands at *index* of *log*."""
        return not self.revoked or all(
            index < revoked.after.get(log, 0) for revoked in self.revoked if revoked.vkey == str(vkey)
        )


_encoder: Final = msgspec.json.Encoder(order="sorted")
_decoder: Final = msgspec.json.Decoder(KeyStatement)


def statement_digest(raw: bytes) -> str:
    """Return what the next statement's ``prev`` must hold after the statement note *raw*."""
    return b64(hashlib.sha256(raw).digest())


def sign_statement(statement: KeyStatement, root: Signer) -> bytes:
    """Return the statement as a note signed by *root*; raises OwnFault for one that no peer would admit."""
    try:
        line = _encoder.encode(statement).decode()
        raw = sign_note(f"{_HEAD}{line}\n", root)
        verify_statement(raw, root.vkey)
    except PeerFault as wrong:
        raise OwnFault(f"key statement: {wrong}") from None
    return raw


def verify_statement(raw: bytes, root: Vkey, previous: bytes | None = None) -> KeyStatement:
    """Return the key statement in *raw*, signed by *root*, every key in it admitted.

    With *previous*, the statement note before it, also that it follows: its ``prev`` is that note's digest, its epoch
    the next one, its node the same. Raises PeerFault with the first rule broken.
    """
    if len(raw) > STATEMENT_LIMIT:
        raise PeerFault(f"key statement: {len(raw)} bytes, more than {STATEMENT_LIMIT}", raw[:256])
    if root.algorithm != ED25519:
        raise PeerFault("key statement: a root key is Ed25519", raw)
    text = open_note(raw, root).text
    line = text.removeprefix(_HEAD).removesuffix("\n").encode()
    if not text.startswith(_HEAD) or b"\n" in line:
        raise PeerFault("key statement: not a detente-keys/v1 of one line", raw)
    try:
        statement = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise PeerFault(f"key statement: {wrong}", raw) from None
    if _encoder.encode(statement) != line:
        raise PeerFault("key statement: not canonical", raw)
    _check_keys(statement, root, raw)
    if previous is not None:
        _check_follows(statement, verify_statement(previous, root), previous, raw)
    return statement


def _check_keys(statement: KeyStatement, root: Vkey, raw: bytes) -> None:
    if not _NODE_NAME.fullmatch(statement.node):
        raise PeerFault(f"key statement: {statement.node[:80]!r} is no node name", raw)
    if statement.valid[0] >= statement.valid[1]:
        raise PeerFault("key statement: valid to no later than from", raw)
    public_keys = {root.public_key}
    for key in statement.keys:
        vkey = Vkey.parse(key.vkey)
        if vkey.algorithm not in _ADMITTED[key.use]:
            raise PeerFault(f"key statement: algorithm 0x{vkey.algorithm:02x} does not serve {key.use}", raw)
        if not vkey.name.startswith(f"{statement.node}/"):
            raise PeerFault(f"key statement: {vkey.name} is not a name of {statement.node}", raw)
        if vkey.public_key in public_keys:
            raise PeerFault(f"key statement: the {key.use} key serves twice", raw)
        public_keys.add(vkey.public_key)
    for revoked in statement.revoked:
        Vkey.parse(revoked.vkey)


def _check_follows(statement: KeyStatement, before: KeyStatement, previous: bytes, raw: bytes) -> None:
    if statement.node != before.node:
        raise PeerFault(f"key statement: of {statement.node}, not of {before.node}", raw)
    if statement.prev != statement_digest(previous):
        raise PeerFault("key statement: prev is not the digest of the statement before", raw)
    if statement.epoch != before.epoch + 1:
        raise PeerFault(f"key statement: epoch {statement.epoch} after {before.epoch}", raw)
    if any(revoked not in statement.revoked for revoked in before.revoked):
        raise PeerFault("key statement: a revocation of the statement before is gone", raw)


def verify_chain(statements: Sequence[bytes], root: Vkey) -> KeyStatement:
    """Return the newest of *statements*, oldest first, after checking that each follows the one before."""
    if not statements:
        raise PeerFault("key statement: none")
    return KeyChain.verify(statements, root).newest


@dataclass(frozen=True)
class KeyChain:
    """All key statements of one node, oldest first, each following the one before: who may sign what, and where.

    A key counts from the statement on that names it, in every log; it ends where the newest statement's ``revoked``
    says, whether it was stolen or only replaced. So a judgement never hangs on a clock.
    """

    root: Vkey
    notes: tuple[bytes, ...]
    statements: tuple[KeyStatement, ...]
    _log_vkeys: dict[str, list[Vkey]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def verify(cls, notes: Sequence[bytes], root: Vkey) -> KeyChain:
        """Return the chain of *notes* under *root*, every key in it admitted; raises PeerFault."""
        if not notes:
            raise PeerFault("key statement: none")
        first = verify_statement(notes[0], root)
        if first.prev:
            raise PeerFault("key statement: the chain does not begin at its first", notes[0])
        chain = cls(root, (notes[0],), (first,))
        for note in notes[1:]:
            chain = chain.followed_by(note)
        return chain

    def followed_by(self, note: bytes) -> KeyChain:
        """Return this chain with one more statement; raises PeerFault when it does not follow."""
        statement = verify_statement(note, self.root)
        _check_follows(statement, self.newest, self.notes[-1], note)
        return KeyChain(self.root, (*self.notes, note), (*self.statements, statement))

    @property
    def newest(self) -> KeyStatement:
        """The statement in force."""
        return self.statements[-1]

    @property
    def node(self) -> NodeName:
        """Whose keys these are."""
        return NodeName(self.newest.node)

    @cached_property
    def digest(self) -> str:
        """Digest of the newest statement, as ``hello`` carries it."""
        return statement_digest(self.notes[-1])

    def since(self, digest: str) -> tuple[bytes, ...] | None:
        """Return the statements after the one with *digest*; None when it is none of these."""
        for n, note in enumerate(self.notes, 1):
            if statement_digest(note) == digest:
                return self.notes[n:]
        return None

    def vkeys(self, use: Use) -> list[Vkey]:
        """Return every key that ever served *use*, the newest last."""
        return list(self._by_use.get(use, ()))

    @cached_property
    def _by_use(self) -> dict[Use, dict[Vkey, None]]:
        found: dict[Use, dict[Vkey, None]] = {}
        for key in (key for statement in self.statements for key in statement.keys):
            found.setdefault(key.use, {})[Vkey.parse(key.vkey)] = None
        return found

    def log_vkeys(self, origin_: str) -> list[Vkey]:
        """Return every key that ever signed checkpoints of the log *origin_*, under its name, the newest last.

        Raises PeerFault when the log is not one that this node writes.
        """
        if origin_ not in self._log_vkeys:  # the point check is not cheap
            if writer_of(origin_) != self.node:
                raise PeerFault(f"{self.node} does not write {origin_}")
            self._log_vkeys[origin_] = [Vkey(origin_, ED25519, key.public_key) for key in self.vkeys("log")]
        return list(self._log_vkeys[origin_])

    def check_valid(self, vkey: Vkey, log: str, index: int) -> None:
        """Refuse a key that may not sign what stands at *index* of *log*: raises PeerFault that says from where on."""
        if not self.newest.is_valid_for(vkey, log, index):
            ends = min(gone.after.get(log, 0) for gone in self.newest.revoked if gone.vkey == str(vkey))
            raise PeerFault(f"{vkey.name}: this key of {self.node} ends at {ends} of {log}, before {index}")

    def decode(self, leaf: bytes) -> Envelope:
        """Return the envelope in *leaf*, signed by an ``env`` key that is valid where the leaf says it stands.

        Raises PeerFault as `evidence.leaf.decode` does, and for a key that is replaced or revoked there. Whether that
        is the place it was read from is `evidence.leaf.check_place`'s to say.
        """
        # Two keys may bear one key id, for it can be had by trying: a later key must not hide what an older one signed.
        keys = self._env_keys.get(split_note(leaf)[1][0][1][:4], ()) if len(self._env_keys) > 1 else ()
        wrong = PeerFault(f"leaf: not signed by {self.node}", leaf)
        for key in keys or next(iter(self._env_keys.values())):
            try:
                envelope = decode(leaf, key)
                self.check_valid(key, envelope.log, envelope.seq)
            except PeerFault as refused:
                wrong = PeerFault(f"leaf: {refused.reason.removeprefix('leaf: ')}", leaf)
            else:
                return envelope
        raise wrong

    @cached_property
    def _env_keys(self) -> dict[bytes, list[Vkey]]:
        """All ``env`` keys by key id, the newest first."""
        found: dict[bytes, list[Vkey]] = {}
        for key in reversed(self.vkeys("env")):
            found.setdefault(key.key_id, []).append(key)
        if not found:
            raise PeerFault(f"{self.node}: no env key in its statements")
        return found

    def checkpoint(self, raw: bytes, origin_: str, *cosigners: Vkey) -> SignedCheckpoint:
        """Return the checkpoint of *origin_* in the note *raw*, signed by a ``log`` key that is valid at its size.

        Raises PeerFault as `evidence.checkpoint.open_checkpoint` does, and for a key replaced or revoked there.
        """
        lines = {keyed[:4] for name, keyed, _ in split_note(raw)[1] if name == origin_}
        wrong = PeerFault(f"checkpoint: not signed by the log {origin_}", raw)
        for key in self.log_vkeys(origin_):
            if key.key_id not in lines:
                continue
            try:
                signed = open_checkpoint(raw, key, *cosigners)
                self.check_valid(self._listed("log", key), origin_, signed.checkpoint.size - 1)
            except PeerFault as refused:
                # Another key may bear this id too: it can be had by trying.
                wrong = PeerFault(f"checkpoint: {refused.reason.removeprefix('checkpoint: ')}", raw)
            else:
                return signed
        raise wrong

    def cosigners(self, use: Literal["mirror", "witness"], head: Checkpoint) -> list[Vkey]:
        """Return the keys whose cosignature on *head* counts: those valid at its size, the newest last."""
        return [key for key in self.vkeys(use) if self.newest.is_valid_for(key, head.origin, max(0, head.size - 1))]

    def _listed(self, use: Use, key: Vkey) -> Vkey:
        """The key as the statements list it, whatever name it signed under."""
        return next(listed for listed in self.vkeys(use) if listed.public_key == key.public_key)


def log_vkey(statement: KeyStatement, origin_: str) -> Vkey:
    """Return the key that signs checkpoints of the log *origin_*: the ``log`` key, under the origin as its name.

    Raises PeerFault when the log is not one that the statement's node writes.
    """
    if writer_of(origin_) != statement.node:
        raise PeerFault(f"{statement.node} does not write {origin_}")
    return Vkey(origin_, ED25519, statement.vkey("log").public_key)


def fingerprint(root_vkey: str) -> str:
    """Return the thirty digits, in six groups of five, that stand for the root key line *root_vkey* (takes 0.25 s).

    Digits, not words: two ministries share no language. About 100 bits, stretched by 600,000 rounds.
    """
    raw = hashlib.pbkdf2_hmac("sha512", root_vkey.encode(), _PAIR_SALT, _PAIR_ROUNDS, 32)
    digits = f"{int.from_bytes(raw, 'big') % 10**DIGITS:0{DIGITS}d}"
    return " ".join(digits[i : i + 5] for i in range(0, DIGITS, 5))


def only_digits(typed: str) -> str:
    """Return the thirty digits of *typed*, spaces and hyphens left out; raises OwnFault for anything else."""
    digits = re.sub(r"[\s-]", "", typed)
    if not re.fullmatch(rf"[0-9]{{{DIGITS}}}", digits):
        raise OwnFault(f"{DIGITS} digits are wanted, in six groups of five")
    return digits


def spki_pin(certificate_der: bytes) -> str:
    """Return base64 SHA-256 of a certificate's public key, as ``tls`` lists it; raises PeerFault."""
    try:
        key = x509.load_der_x509_certificate(certificate_der).public_key()
        spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except ValueError as wrong:
        raise PeerFault(f"certificate: {wrong}", certificate_der) from None
    return b64(hashlib.sha256(spki).digest())
