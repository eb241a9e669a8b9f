"""Throw-away keys for tests and simulations, always the same for the same name. Never use them elsewhere."""

from __future__ import annotations

import hashlib
from functools import cache

from detente.evidence.keys import Key, KeyChain, KeyStatement, sign_statement
from detente.evidence.note import Cosigner, Ed25519Signer
from detente.link.identity import OwnIdentity, PeerIdentity
from detente.testing.signatures import line_once
from detente.types import NodeName


def _seed(node: str, use: str) -> bytes:
    return hashlib.sha256(f"detente test {node} {use}".encode()).digest()


class _TestSigner(Ed25519Signer):
    """Signs each text once in a simulation, and makes each key under another name once for all sessions."""

    def line(self, text: bytes) -> bytes:
        return line_once(self.vkey, text, 0, lambda: super(_TestSigner, self).line(text))

    @cache  # noqa: B019 test keys live as long as the process
    def named(self, name: str) -> Ed25519Signer:
        return _TestSigner(name, self._seed)


class _TestCosigner(Cosigner):
    """Cosigns each text at one time once in a simulation."""

    def line_at(self, text: bytes, at_s: int) -> bytes:
        return line_once(self.vkey, text, at_s, lambda: super(_TestCosigner, self).line_at(text, at_s))


@cache
def own_identity(node: str) -> OwnIdentity:
    """Return the identity of the test node *node* (``alfa.example/detente``)."""
    return OwnIdentity(
        node=NodeName(node),
        env=_TestSigner(f"{node}/env", _seed(node, "env")),
        log=_TestSigner(f"{node}/log", _seed(node, "log")),
        mirror=_TestCosigner(f"{node}/mirror", _seed(node, "mirror")),
        salt_key=_seed(node, "salt"),
        chain=peer_identity(node).chain,
    )


@cache
def key_statement(node: str) -> bytes:
    """Return the key statement of the test node *node*, signed by its root."""
    statement = KeyStatement(
        epoch=1,
        keys=(
            Key("env", str(Ed25519Signer(f"{node}/env", _seed(node, "env")).vkey)),
            Key("log", str(Ed25519Signer(f"{node}/log", _seed(node, "log")).vkey)),
            Key("mirror", str(Cosigner(f"{node}/mirror", _seed(node, "mirror")).vkey)),
        ),
        node=node,
        prev="",
        tls=(),
        url="",
        valid=(0, 2**52),
    )
    return sign_statement(statement, Ed25519Signer(f"{node}/root", _seed(node, "root")))


@cache
def peer_identity(node: str, *, confirmed: bool = True) -> PeerIdentity:
    """Return how others know the test node *node*."""
    root = Ed25519Signer(f"{node}/root", _seed(node, "root")).vkey
    return PeerIdentity(KeyChain.verify([key_statement(node)], root), confirmed)
