"""A node's keys and its peers' keys, as files a person can read.

``keys/`` holds one private key a file (0600), the newest root-signed statement ``keys.note``, and ``pairing.txt``,
which goes to each peer by any channel and holds all statements. ``keys/peers/`` holds each peer's pairing file as
received, with the statements that came later by the link and, once its digits were read over the phone and typed here,
a ``.confirmed`` file that names the root they stand for. Before, nothing is released.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from detente.errors import ConfigError, OwnFault, PeerFault
from detente.evidence.keys import (
    Key,
    KeyChain,
    KeyStatement,
    Use,
    check_node_name,
    fingerprint,
    only_digits,
    sign_statement,
    spki_pin,
)
from detente.evidence.note import Cosigner, Ed25519Signer, MlDsaCosigner, Vkey
from detente.node.keyfiles import (
    VALID_DAYS,
    make_certificate,
    private,
    read_seed,
    read_whole,
    write_seed,
    write_whole,
)
from detente.types import Instant, NodeName, instant_ms, instant_of_iso, iso_utc

DAY_MS: Final = 86_400_000
_PAIRING_LIMIT: Final = 1 << 18
_HEAD: Final = "detente-pairing/v1\n"
_STATEMENT: Final = re.compile(r"^(?=detente-keys/v1\n)", re.MULTILINE)
_CERTIFICATE: Final = "-----BEGIN CERTIFICATE-----"

AnySigner = Ed25519Signer | Cosigner | MlDsaCosigner

# Each key file of a node: the use its statement gives it, and what signs with it.
SIGNERS: Final[dict[str, tuple[Use, type[AnySigner]]]] = {
    "env": ("env", Ed25519Signer),
    "log": ("log", Ed25519Signer),
    "mirror": ("mirror", Cosigner),
    "mirror_pq": ("mirror", MlDsaCosigner),
    "witness": ("witness", Cosigner),
}


@dataclass(frozen=True)
class Keyring:
    """What a running node needs of its own keys; the root is not among them."""

    node: NodeName
    env: Ed25519Signer
    log: Ed25519Signer
    mirror: Cosigner
    witness: Cosigner
    mirror_pq: MlDsaCosigner
    salt_key: bytes = field(repr=False)
    tls_key: Path
    tls_certificate: Path
    chain: KeyChain
    pairing: bytes
    """What a peer gets: root key line, statements, certificate."""

    @property
    def root(self) -> Vkey:
        """The public half of the root."""
        return self.chain.root

    @property
    def statement(self) -> KeyStatement:
        """The statement in force."""
        return self.chain.newest

    @property
    def statement_note(self) -> bytes:
        """The statement in force as its root signed it."""
        return self.chain.notes[-1]

    @property
    def statement_digest(self) -> str:
        """Base64 SHA-256 of the statement, as ``hello`` carries it."""
        return self.chain.digest

    @cached_property
    def own_digits(self) -> str:
        """The thirty digits to read to the peer over the phone."""
        return fingerprint(str(self.root))


@dataclass(frozen=True)
class PeerKeys:
    """A peer's keys as its own root states them: verified, every point checked. Whose root it is, only digits tell."""

    chain: KeyChain
    certificate_pem: str
    certificate_der: bytes = field(repr=False)

    @property
    def root(self) -> Vkey:
        """The peer's root."""
        return self.chain.root

    @property
    def statement(self) -> KeyStatement:
        """The statement in force."""
        return self.chain.newest

    @property
    def statement_note(self) -> bytes:
        """The statement in force as its root signed it."""
        return self.chain.notes[-1]

    @property
    def statement_digest(self) -> str:
        """Base64 SHA-256 of the statement, as ``hello`` carries it."""
        return self.chain.digest

    @property
    def pairing(self) -> bytes:
        """The pairing file that tells all of this."""
        return pairing_file(self.chain, self.certificate_pem)

    @property
    def node(self) -> NodeName:
        """The peer's name."""
        return NodeName(self.statement.node)

    @cached_property
    def digits(self) -> str:
        """The thirty digits that the peer's officer reads, as computed here. Never shown where they are typed."""
        return fingerprint(str(self.root))


@dataclass(frozen=True)
class Paired:
    """A peer's keys and whether its digits were typed here and were right; None: still unverified."""

    keys: PeerKeys
    confirmed_at: Instant | None


def make_keyring(directory: Path, node_name: str, now: Instant, url: str = "", root_in: Path | None = None) -> Keyring:
    """Make all keys of *node_name* in *directory*, which must not hold any; return them as `load_keyring` does.

    *url* is where peers reach the link (``wss://…/``), if they are to be told. *root_in* is a folder for the root
    alone, a stick or one that is taken away; without it the root lies in *directory* until somebody takes it.
    """
    node = check_node_name(node_name)
    root_path = (root_in or directory) / "root.key"
    for folder in (directory, root_path.parent):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if (directory / "keys.note").exists() or root_path.exists():
        raise ConfigError(f"{directory}: there are keys already")
    root_seed = secrets.token_bytes(32)
    write_seed(root_path, node, "root", root_seed)
    write_seed(directory / "salt.key", node, "salt", secrets.token_bytes(32))
    keys = tuple(make_key(directory / f"{name}.key", node, name) for name in SIGNERS)
    tls_key, certificate = make_certificate(node, now)
    pem = certificate.public_bytes(Encoding.PEM)
    write_whole(directory / "tls.key", tls_key)
    write_whole(directory / "tls.crt", pem, 0o644)
    statement = KeyStatement(
        epoch=1,
        keys=keys,
        node=node,
        prev="",
        tls=(spki_pin(certificate.public_bytes(Encoding.DER)),),
        url=url,
        valid=(instant_ms(now), instant_ms(now) + VALID_DAYS * DAY_MS),
    )
    root = Ed25519Signer(f"{node}/root", root_seed)
    write_statements(directory, KeyChain.verify([sign_statement(statement, root)], root.vkey), pem.decode())
    return load_keyring(directory)


def make_key(path: Path, node: NodeName, name: str) -> Key:
    """Make a new key for *name* (one of `SIGNERS`) at *path*, and return it as a statement lists it."""
    seed = secrets.token_bytes(32)
    write_seed(path, node, name, seed)
    use, signer = SIGNERS[name]
    return Key(use=use, vkey=str(signer(f"{node}/{use}", seed).vkey))


def write_statements(directory: Path, chain: KeyChain, certificate_pem: str) -> None:
    """Put *chain* in force: ``pairing.txt`` first, which is the one that counts, then ``keys.note`` for people."""
    write_whole(directory / "pairing.txt", pairing_file(chain, certificate_pem), 0o644)
    write_whole(directory / "keys.note", chain.notes[-1])


def pairing_file(chain: KeyChain, certificate_pem: str) -> bytes:
    """Return what a peer is given: the root's key line, all statements oldest first, the newest certificate."""
    return f"{_HEAD}{chain.root}\n".encode() + b"".join(chain.notes) + certificate_pem.encode()


def load_keyring(directory: Path) -> Keyring:
    """Return the keys in *directory*; raises ConfigError for a missing, readable-by-others or mismatched one."""
    if not (directory / "pairing.txt").exists():
        raise ConfigError(f"{directory / 'pairing.txt'}: No such file: detente init makes a node's keys")
    pairing = read_whole(directory / "pairing.txt")
    try:
        own = peer_from_statement(pairing)
    except PeerFault as wrong:
        raise ConfigError(f"{directory / 'pairing.txt'}: {wrong}") from None
    _finish_replacing(directory, own)
    signers = {name: _signer(directory / f"{name}.key", own, name) for name in SIGNERS}
    if read_whole(directory / "tls.crt").decode(errors="replace") != own.certificate_pem:
        raise ConfigError(f"{directory}: tls.crt is not the certificate that keys.note names")
    return Keyring(
        node=own.node,
        salt_key=read_seed(directory / "salt.key", own.node, "salt"),
        tls_key=private(directory / "tls.key"),
        tls_certificate=directory / "tls.crt",
        chain=own.chain,
        pairing=pairing,
        **signers,  # type: ignore[arg-type]  # each of the class that SIGNERS gives its name
    )


def _signer(path: Path, own: PeerKeys, name: str) -> AnySigner:
    use, signer = SIGNERS[name]
    made = signer(f"{own.node}/{use}", read_seed(path, own.node, name))
    if not _is_named(made, own.statement, use):
        raise ConfigError(f"{path.parent}: {name}.key is not the key that keys.note names")
    return made


def _is_named(signer: AnySigner, statement: KeyStatement, use: Use) -> bool:
    return signer.vkey in statement.vkeys(use)


def _finish_replacing(directory: Path, own: PeerKeys) -> None:
    """Take over keys that lie ready for a statement that is in force: what was cut short between the two."""
    for path in directory.glob("*.next"):
        place = path.with_suffix("")
        if place.suffix == ".key" and place.stem in SIGNERS:
            use, signer = SIGNERS[place.stem]
            made = signer(f"{own.node}/{use}", read_seed(path, own.node, place.stem))
            is_in_force = _is_named(made, own.statement, use)
        else:
            certificate = directory / "tls.crt.next"
            is_in_force = certificate.exists() and read_whole(certificate).decode() == own.certificate_pem
        if is_in_force:
            path.replace(place)
        else:
            path.unlink()


def peer_from_statement(raw: bytes) -> PeerKeys:
    """Return the keys in a pairing file, verified; raises PeerFault with the first rule broken.

    What it proves: that one root named all of them. Not whose root: see `confirm`.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise PeerFault("pairing file: not UTF-8", raw[:256]) from None
    if len(raw) > _PAIRING_LIMIT or not text.startswith(_HEAD) or _CERTIFICATE not in text:
        raise PeerFault("pairing file: not a detente-pairing/v1", raw[:256])
    line, _, rest = text.removeprefix(_HEAD).partition("\n")
    notes, mark, certificate = rest.partition(_CERTIFICATE)
    root = Vkey.parse(line)
    chain = KeyChain.verify([note.encode() for note in _STATEMENT.split(notes) if note], root)
    if root.name != f"{chain.node}/root":
        raise PeerFault(f"pairing file: {root.name} is no root of {chain.node}", raw)
    pem = mark + certificate
    try:
        parsed = x509.load_pem_x509_certificate(pem.encode())
        der = parsed.public_bytes(Encoding.DER)
    except ValueError as wrong:
        raise PeerFault(f"pairing file: certificate: {wrong}", raw) from None
    if parsed.public_bytes(Encoding.PEM).decode() != pem:
        raise PeerFault("pairing file: not one certificate at its end", raw)
    if spki_pin(der) not in chain.newest.tls:
        raise PeerFault("pairing file: the certificate is not the one the statement names", raw)
    return PeerKeys(chain, pem, der)


def confirm(peer: PeerKeys, typed_digits: str) -> None:
    """Accept *peer* if *typed_digits*, as its own officer read them over another channel, are those of its root.

    Raises OwnFault otherwise: then someone stands between, or a digit was misheard. Never show the digits instead.
    """
    if only_digits(typed_digits) != only_digits(peer.digits):
        raise OwnFault(
            f"these are not the digits of {peer.node}: ask for them again by another channel; "
            "if they differ again, the pairing file was changed on its way"
        )


def keep_peer(directory: Path, raw: bytes) -> Paired:
    """Keep a peer's pairing file *raw*, unverified until its digits are typed; raises PeerFault, OwnFault.

    A newer statement of a root already confirmed is taken over only if it follows the one held.
    """
    peer = peer_from_statement(raw)
    path = _peer_path(directory, peer.node)
    if path.exists():
        held = _load_peer(path)
        if held.keys.pairing != raw:
            if held.confirmed_at is not None and held.keys.root != peer.root:
                raise OwnFault(f"{peer.node} is confirmed under another root: forget it first, then pair again")
            if held.keys.root == peer.root:
                _check_goes_on(held.keys.chain, peer.chain, raw)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    write_whole(path, raw)
    return _load_peer(path)


def _check_goes_on(held: KeyChain, newer: KeyChain, raw: bytes) -> None:
    if newer.notes[: len(held.notes)] != held.notes:
        raise PeerFault(f"{held.node}: its statements do not follow those held here", raw)


def keep_statements(directory: Path, node: NodeName, notes: Sequence[bytes]) -> Paired:
    """Keep further statements of the paired peer *node*, as they came by the link; raises PeerFault, OwnFault.

    They follow under a root that is known here, so nothing is typed again; that they came is for the desk to show.
    """
    path = _peer_path(directory, node)
    if not path.exists():
        raise OwnFault(f"{node} was not imported: take over its pairing file first")
    held = _load_peer(path).keys
    chain = held.chain
    for note in notes:
        chain = chain.followed_by(note)
    if spki_pin(held.certificate_der) not in chain.newest.tls:
        raise PeerFault(f"{node}: its new statement drops the certificate in use: import its new pairing file")
    write_whole(path, pairing_file(chain, held.certificate_pem))
    return _load_peer(path)


def confirm_peer(directory: Path, node: NodeName, typed_digits: str, now: Instant) -> Paired:
    """Confirm the kept peer *node* by *typed_digits*, for good; raises OwnFault when they differ."""
    path = _peer_path(directory, node)
    if not path.exists():
        raise OwnFault(f"{node} was not imported: take over its pairing file first")
    peer = _load_peer(path).keys
    confirm(peer, typed_digits)
    write_whole(path.with_suffix(".confirmed"), f"{peer.root}\n{iso_utc(now)}\n".encode())
    return _load_peer(path)


def forget_peer(directory: Path, node: NodeName) -> None:
    """Forget the peer *node* and that it was confirmed; raises OwnFault for one that is not known here.

    A name misspelt must not read as done: the peer that was meant would still be believed.
    """
    path = _peer_path(directory, node)
    if not path.exists():
        known = ", ".join(load_peers(directory)) or "nobody"
        raise OwnFault(f"{node} is not paired here, so nothing is forgotten; paired: {known}")
    path.with_suffix(".confirmed").unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def load_peers(directory: Path) -> dict[NodeName, Paired]:
    """Return the peers kept in *directory*, each confirmed or still unverified."""
    loaded = [_load_peer(path) for path in sorted((directory / "peers").glob("*.txt"))]
    return {paired.keys.node: paired for paired in loaded}


def _peer_path(directory: Path, node: NodeName) -> Path:
    return directory / "peers" / f"{check_node_name(node).removesuffix('/detente')}.txt"


def _load_peer(path: Path) -> Paired:
    try:
        peer = peer_from_statement(read_whole(path))
    except PeerFault as wrong:
        raise ConfigError(f"{path}: {wrong}") from None
    mark = path.with_suffix(".confirmed")
    if not mark.exists():
        return Paired(peer, None)
    try:
        root, at = read_whole(mark).decode().split()
        confirmed_at = instant_of_iso(at)
    except ValueError:
        raise ConfigError(f"{mark}: not a root key line and a time: forget the peer and pair again") from None
    # The digits were those of one root; another pairing file put in its place is unverified again.
    return Paired(peer, confirmed_at if root == str(peer.root) else None)
