"""Keys as files: one private key a file that nobody else may read, written whole or not at all."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from detente.errors import ConfigError
from detente.evidence.note import b64, unb64
from detente.types import NS_PER_S, Instant, NodeName

VALID_DAYS: Final = 1826

_ROOT_NOTE: Final = """\
THE ROOT KEY of {node}. IT BELONGS OFFLINE.
Whoever has it is this party: it signs which keys speak for the node. The node does not need it to run. Copy it to paper
or to a stick in a safe, twice, and delete it here."""
_KEY_NOTE: Final = "The {use} key of {node}. Whoever has it can act in this node's name; keep it on this machine only."


def write_seed(path: Path, node: NodeName, use: str, seed: bytes) -> None:
    """Put the 32-byte *seed* of *node*'s key for *use* at *path*, with words that say what it is."""
    text = (_ROOT_NOTE if use == "root" else _KEY_NOTE).format(use=use, node=node)
    comment = "".join(f"# {line}\n" for line in text.splitlines())
    write_whole(path, f"{comment}{node}/{use}\n{b64(seed)}\n".encode())


def read_seed(path: Path, node: NodeName, use: str) -> bytes:
    """Return the seed in *path*; raises ConfigError for a file that others may read or that is another key's."""
    lines = [line for line in read_whole(private(path)).decode(errors="replace").splitlines() if line[:1] != "#"]
    try:
        name, encoded = lines
        seed = unb64(encoded)
    except ValueError:
        raise ConfigError(f"{path}: not a name and a key on two lines") from None
    if name != f"{node}/{use}" or len(seed) != 32:
        raise ConfigError(f"{path}: not the {use} key of {node}")
    return seed


def private(path: Path) -> Path:
    """Return *path* if it is there and nobody else may read it."""
    try:
        mode = path.stat().st_mode
    except OSError as wrong:
        raise ConfigError(f"{path}: {wrong.strerror}") from None
    if mode & 0o077:
        raise ConfigError(f"{path}: others may read this private key: chmod 600 it, and think of it as read")
    return path


def read_whole(path: Path) -> bytes:
    """Return the bytes of *path*; raises ConfigError."""
    try:
        return path.read_bytes()
    except OSError as wrong:
        raise ConfigError(f"{path}: {wrong.strerror}") from None


def write_whole(path: Path, raw: bytes, mode: int = 0o600) -> None:
    """Put *raw* at *path*, whole or not at all, and on the disk when this returns; raises ConfigError."""
    beside = path.with_name(f".{path.name}.new")
    try:
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        try:
            os.fchmod(fd, mode)
            if os.write(fd, raw) != len(raw):
                raise ConfigError(f"{path}: the disk is full")
            os.fsync(fd)
        finally:
            os.close(fd)
        beside.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as wrong:
        raise ConfigError(f"{path}: {wrong.strerror}") from None


def make_certificate(node: NodeName, now: Instant) -> tuple[bytes, x509.Certificate]:
    """Return a new TLS key (PEM) and the self-signed certificate over it."""
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
        .not_valid_after(since + timedelta(days=VALID_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(key, hashes.SHA256())
    )
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), certificate
