"""Replacing a node's keys under its root: by rotation or because one was stolen. The logs go on.

The old key ends at an index in each log, which the new statement names. A rotation names an index a little ahead of
what is written, so that a running node loses nothing before it takes the new keys over; a revocation names the very
next index, with the node stopped, so that nothing the thief signs is ever admitted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding

from detente.errors import ConfigError, OwnFault, PeerFault
from detente.evidence.keys import Key, KeyChain, Revocation, parse_origin, sign_statement, spki_pin, writer_of
from detente.evidence.note import Ed25519Signer, Vkey
from detente.node.keyfiles import VALID_DAYS, make_certificate, read_seed, write_whole
from detente.node.keyring import DAY_MS, SIGNERS, Keyring, load_keyring, make_key, write_statements
from detente.types import Instant, NodeName, instant_ms

USES: Final = ("env", "log", "mirror", "witness", "tls")
_TLS_KEPT: Final = 2
"""The certificate before stays listed, so that a statement that comes by the link does not cut the link."""


def load_root(path: Path, keyring: Keyring) -> Ed25519Signer:
    """Return the root key in *path*, as `detente init` wrote it; raises ConfigError, OwnFault for another node's."""
    root = Ed25519Signer(keyring.root.name, read_seed(path, keyring.node, "root"))
    if root.vkey != keyring.root:
        raise OwnFault(f"{path}: not the root of {keyring.node}")
    return root


def replace_keys(
    directory: Path,
    root: Ed25519Signer,
    uses: Sequence[str],
    ends: Mapping[str, int],
    now: Instant,
    url: str | None = None,
) -> Keyring:
    """Replace the keys for *uses* (of `USES`) in *directory*; return the keyring as it is from now on.

    *ends*: by origin, from which index on the keys now in use count no more; in a log not named they count nowhere. A
    crash at any moment leaves either the old keys in force or the new ones. *url*: another address of the link, if any.
    """
    unknown = [use for use in uses if use not in USES]
    if unknown or not uses:
        raise OwnFault(f"no key for {', '.join(unknown) or 'nothing'}; there are {', '.join(USES)}")
    keyring = load_keyring(directory)
    before = keyring.statement
    replaced = [key for key in before.keys if key.use in uses]
    made = [_made(directory, keyring.node, name) for name, (use, _) in SIGNERS.items() if use in uses]
    pem, tls = keyring.tls_certificate.read_text(), before.tls
    if "tls" in uses:
        tls_key, certificate = make_certificate(keyring.node, now)
        pem = certificate.public_bytes(Encoding.PEM).decode()
        tls = (spki_pin(certificate.public_bytes(Encoding.DER)), *before.tls)[:_TLS_KEPT]
        write_whole(directory / "tls.crt.next", pem.encode(), 0o644)
        write_whole(directory / "tls.key.next", tls_key)
    statement = msgspec.structs.replace(
        before,
        epoch=before.epoch + 1,
        prev=keyring.statement_digest,
        keys=(*(key for key in before.keys if key not in replaced), *made),
        revoked=(*before.revoked, *(_ended(key, keyring.node, ends) for key in replaced)),
        tls=tls,
        url=before.url if url is None else url,
        valid=(instant_ms(now), instant_ms(now) + VALID_DAYS * DAY_MS),
    )
    write_statements(directory, _followed(keyring.chain, sign_statement(statement, root)), pem)
    return load_keyring(directory)


def _made(directory: Path, node: NodeName, name: str) -> Key:
    return make_key(directory / f"{name}.key.next", node, name)


def _ended(key: Key, node: NodeName, ends: Mapping[str, int]) -> Revocation:
    return Revocation(key.vkey, {log: end for log, end in sorted(ends.items()) if _signs(key.use, node, log)})


def _signs(use: str, node: NodeName, log: str) -> bool:
    """Whether *node*'s keys for *use* sign what stands in, or under, *log*."""
    is_audit = "/audit/" in log
    if use == "witness":
        return is_audit and writer_of(log) != node
    if use == "mirror":
        return not is_audit and parse_origin(log).reader == node
    return writer_of(log) == node and (use == "log" or not is_audit)


def _followed(chain: KeyChain, note: bytes) -> KeyChain:
    try:
        return chain.followed_by(note)
    except PeerFault as wrong:
        raise ConfigError(wrong.reason) from None


def ended_keys(keyring: Keyring) -> list[tuple[Vkey, dict[str, int]]]:
    """Return the keys of this node that ended, with where they did."""
    return [(Vkey.parse(gone.vkey), gone.after) for gone in keyring.statement.revoked]
