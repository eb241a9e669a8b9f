"""A node's keys and its peers' keys, as files a person can read.

``keys/`` holds one private key a file (0600), the root-signed statement ``keys.note``, and ``pairing.txt``, which goes
to each peer by any channel. ``keys/peers/`` holds each peer's pairing file as received and, once its digits were read
over the phone and typed here, a ``.confirmed`` file that names the root they stand for. Before, nothing is released.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from detente.errors import ConfigError, OwnFault, PeerFault
from detente.evidence.keys import (
    Key,
    KeyStatement,
    check_node_name,
    fingerprint,
    only_digits,
    sign_statement,
    spki_pin,
    statement_digest,
    verify_statement,
)
from detente.evidence.note import Cosigner, Ed25519Signer, Vkey, b64, unb64
from detente.types import NS_PER_S, Instant, NodeName, instant_ms, instant_of_iso, iso_utc

_VALID_DAYS: Final = 1826
_DAY_MS: Final = 86_400_000
_PAIRING_LIMIT: Final = 65_536
_HEAD: Final = "detente-pairing/v1\n"
_CERTIFICATE: Final = "-----BEGIN CERTIFICATE-----"

_ROOT_NOTE: Final = """\
THE ROOT KEY of {node}. IT BELONGS OFFLINE.
Whoever has it is this party: it signs which keys speak for the node. The node does not need it to run. Copy it to paper
or to a stick in a safe, twice, and delete it here."""
_KEY_NOTE: Final = "The {use} key of {node}. Whoever has it can act in this node's name; keep it on this machine only."


@dataclass(frozen=True)
class Keyring:
    """What a running node needs of its own keys; the root is not among them."""

    node: NodeName
    env: Ed25519Signer
    log: Ed25519Signer
    mirror: Cosigner
    witness: Cosigner
    salt_key: bytes = field(repr=False)
    tls_key: Path
    tls_certificate: Path
    root: Vkey
    statement: KeyStatement
    statement_note: bytes
    pairing: bytes
    """What a peer gets: root key line, statement, certificate."""

    @property
    def statement_digest(self) -> str:
        """Base64 SHA-256 of the statement, as ``hello`` carries it."""
        return statement_digest(self.statement_note)

    @cached_property
    def own_digits(self) -> str:
        """The thirty digits to read to the peer over the phone."""
        return fingerprint(str(self.root))


@dataclass(frozen=True)
class PeerKeys:
    """A peer's keys as its own root states them: verified, every point checked. Whose root it is, only digits tell."""

    root: Vkey
    statement: KeyStatement
    statement_note: bytes
    certificate_pem: str
    certificate_der: bytes = field(repr=False)
    pairing: bytes = field(repr=False)

    @property
    def node(self) -> NodeName:
        """The peer's name."""
        return NodeName(self.statement.node)

    @property
    def statement_digest(self) -> str:
        """Base64 SHA-256 of the statement, as ``hello`` carries it."""
        return statement_digest(self.statement_note)

    @cached_property
    def digits(self) -> str:
        """The thirty digits that the peer's officer reads, as computed here. Never shown where they are typed."""
        return fingerprint(str(self.root))


@dataclass(frozen=True)
class Paired:
    """A peer's keys and whether its digits were typed here and were right; None: still unverified."""

    keys: PeerKeys
    confirmed_at: Instant | None


def make_keyring(directory: Path, node_name: str, now: Instant, url: str = "") -> Keyring:
    """Make all keys of *node_name* in *directory*, which must not hold any; return them as `load_keyring` does.

    *url* is where peers reach the link (``wss://…/``), if they are to be told.
    """
    node = check_node_name(node_name)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    if (directory / "keys.note").exists() or (directory / "root.key").exists():
        raise ConfigError(f"{directory}: there are keys already")
    seeds = {use: secrets.token_bytes(32) for use in ("root", "env", "log", "mirror", "witness", "salt")}
    for use, seed in seeds.items():
        text = (_ROOT_NOTE if use == "root" else _KEY_NOTE).format(use=use, node=node)
        comment = "".join(f"# {line}\n" for line in text.splitlines())
        _write(directory / f"{use}.key", f"{comment}{node}/{use}\n{b64(seed)}\n".encode())
    root = Ed25519Signer(f"{node}/root", seeds["root"])
    certificate = _make_certificate(directory, node, now)
    signers = {
        "env": Ed25519Signer(f"{node}/env", seeds["env"]).vkey,
        "log": Ed25519Signer(f"{node}/log", seeds["log"]).vkey,
        "mirror": Cosigner(f"{node}/mirror", seeds["mirror"]).vkey,
        "witness": Cosigner(f"{node}/witness", seeds["witness"]).vkey,
    }
    statement = KeyStatement(
        epoch=1,
        keys=tuple(Key(use=use, vkey=str(vkey)) for use, vkey in signers.items()),  # type: ignore[arg-type]
        node=node,
        prev="",
        tls=(spki_pin(certificate.public_bytes(Encoding.DER)),),
        url=url,
        valid=(instant_ms(now), instant_ms(now) + _VALID_DAYS * _DAY_MS),
    )
    note = sign_statement(statement, root)
    pem = certificate.public_bytes(Encoding.PEM).decode()
    _write(directory / "keys.note", note)
    _write(directory / "pairing.txt", f"{_HEAD}{root.vkey}\n".encode() + note + pem.encode(), 0o644)
    return load_keyring(directory)


def load_keyring(directory: Path) -> Keyring:
    """Return the keys in *directory*; raises ConfigError for a missing, readable-by-others or mismatched one."""
    pairing = _read(directory / "pairing.txt")
    try:
        own = peer_from_statement(pairing)
    except PeerFault as wrong:
        raise ConfigError(f"{directory / 'pairing.txt'}: {wrong}") from None
    keyring = Keyring(
        node=own.node,
        env=Ed25519Signer(f"{own.node}/env", _seed(directory, own.node, "env")),
        log=Ed25519Signer(f"{own.node}/log", _seed(directory, own.node, "log")),
        mirror=Cosigner(f"{own.node}/mirror", _seed(directory, own.node, "mirror")),
        witness=Cosigner(f"{own.node}/witness", _seed(directory, own.node, "witness")),
        salt_key=_seed(directory, own.node, "salt"),
        tls_key=_private(directory / "tls.key"),
        tls_certificate=directory / "tls.crt",
        root=own.root,
        statement=own.statement,
        statement_note=own.statement_note,
        pairing=pairing,
    )
    for use, signer in (("env", keyring.env), ("log", keyring.log), ("mirror", keyring.mirror)):
        if own.statement.vkey(use) != signer.vkey:  # type: ignore[arg-type]
            raise ConfigError(f"{directory}: {use}.key is not the key that keys.note names")
    if _read(keyring.tls_certificate).decode(errors="replace") != own.certificate_pem:
        raise ConfigError(f"{directory}: tls.crt is not the certificate that keys.note names")
    return keyring


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
    note, mark, certificate = rest.partition(_CERTIFICATE)
    root = Vkey.parse(line)
    statement = verify_statement(note.encode(), root)
    if root.name != f"{statement.node}/root":
        raise PeerFault(f"pairing file: {root.name} is no root of {statement.node}", raw)
    pem = mark + certificate
    try:
        parsed = x509.load_pem_x509_certificate(pem.encode())
        der = parsed.public_bytes(Encoding.DER)
    except ValueError as wrong:
        raise PeerFault(f"pairing file: certificate: {wrong}", raw) from None
    if parsed.public_bytes(Encoding.PEM).decode() != pem:
        raise PeerFault("pairing file: not one certificate at its end", raw)
    if spki_pin(der) not in statement.tls:
        raise PeerFault("pairing file: the certificate is not the one the statement names", raw)
    return PeerKeys(root, statement, note.encode(), pem, der, raw)


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
                verify_statement(peer.statement_note, peer.root, held.keys.statement_note)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    _write(path, raw)
    return _load_peer(path)


def confirm_peer(directory: Path, node: NodeName, typed_digits: str, now: Instant) -> Paired:
    """Confirm the kept peer *node* by *typed_digits*, for good; raises OwnFault when they differ."""
    path = _peer_path(directory, node)
    if not path.exists():
        raise OwnFault(f"{node} was not imported: take over its pairing file first")
    peer = _load_peer(path).keys
    confirm(peer, typed_digits)
    _write(path.with_suffix(".confirmed"), f"{peer.root}\n{iso_utc(now)}\n".encode())
    return _load_peer(path)


def forget_peer(directory: Path, node: NodeName) -> None:
    """Forget the peer *node* and that it was confirmed."""
    path = _peer_path(directory, node)
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
        peer = peer_from_statement(_read(path))
    except PeerFault as wrong:
        raise ConfigError(f"{path}: {wrong}") from None
    mark = path.with_suffix(".confirmed")
    if not mark.exists():
        return Paired(peer, None)
    try:
        root, at = _read(mark).decode().split()
        confirmed_at = instant_of_iso(at)
    except ValueError:
        raise ConfigError(f"{mark}: not a root key line and a time: forget the peer and pair again") from None
    # The digits were those of one root; another pairing file put in its place is unverified again.
    return Paired(peer, confirmed_at if root == str(peer.root) else None)


def _make_certificate(directory: Path, node: NodeName, now: Instant) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    host = node.removesuffix("/detente")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
    since = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=now // NS_PER_S)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # A day earlier: the peer's clock may be behind ours.
        .not_valid_before(since - timedelta(days=1))
        .not_valid_after(since + timedelta(days=_VALID_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(directory / "tls.key", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    _write(directory / "tls.crt", certificate.public_bytes(Encoding.PEM), 0o644)
    return certificate


def _seed(directory: Path, node: NodeName, use: str) -> bytes:
    path = _private(directory / f"{use}.key")
    lines = [line for line in _read(path).decode(errors="replace").splitlines() if not line.startswith("#")]
    try:
        name, encoded = lines
        seed = unb64(encoded)
    except ValueError:
        raise ConfigError(f"{path}: not a name and a key on two lines") from None
    if name != f"{node}/{use}" or len(seed) != 32:
        raise ConfigError(f"{path}: not the {use} key of {node}")
    return seed


def _private(path: Path) -> Path:
    """Return *path* if it is there and nobody else may read it."""
    try:
        mode = path.stat().st_mode
    except OSError as wrong:
        raise ConfigError(f"{path}: {wrong.strerror}") from None
    if mode & 0o077:
        raise ConfigError(f"{path}: others may read this private key: chmod 600 it, and think of it as read")
    return path


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as wrong:
        raise ConfigError(f"{path}: {wrong.strerror}") from None


def _write(path: Path, raw: bytes, mode: int = 0o600) -> None:
    """Put *raw* at *path*, whole or not at all."""
    beside = path.with_name(f".{path.name}.new")
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        os.fchmod(fd, mode)
        os.write(fd, raw)
        os.fsync(fd)
    finally:
        os.close(fd)
    beside.replace(path)
