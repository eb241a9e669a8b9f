"""Signed notes (C2SP signed-note): the one shape of everything signed here.

A note is a text that ends in a newline, a blank line, and signature lines ``— <name> <base64(key id ‖ signature)>``.
Three algorithms are known, told apart by one byte in the key:

* ``0x01`` Ed25519 over the text: envelopes, key statements, a log's own checkpoint;
* ``0x04`` ``cosignature/v1``, Ed25519 over a time and the text: a mirror's receipt, a witness;
* ``0x06`` ML-DSA-44 over the checkpoint as a subtree: the same, against a quantum computer.

OpenSSL verifies with small-order keys, for which one fixed signature fits any message: whoever published such a key
could disown all it signed. So no Ed25519 key is admitted here that fails libsodium's point check, and signatures are
verified by libsodium, which also refuses small-order commitments and S ≥ L.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey
from nacl.bindings import (
    crypto_core_ed25519_is_valid_point,
    crypto_sign,
    crypto_sign_BYTES,
    crypto_sign_open,
    crypto_sign_seed_keypair,
)
from nacl.exceptions import BadSignatureError

from detente.errors import OwnFault, PeerFault

ED25519: Final = 0x01
COSIGNATURE: Final = 0x04
MLDSA44: Final = 0x06

NOTE_LIMIT: Final = 65_536
SIGNATURES_LIMIT: Final = 32

_PUBLIC_KEY_LENGTH: Final = {ED25519: 32, COSIGNATURE: 32, MLDSA44: 1312}
_SIGNATURE_LENGTH: Final = {ED25519: 64, COSIGNATURE: 72, MLDSA44: 2428}
_DASH: Final = "— ".encode()
_CONTROL: Final = bytes(range(0x20)).replace(b"\n", b"")
_KEY_NAME: Final = re.compile(r"[^\s+\x00-\x1f]+")


def b64(raw: bytes) -> str:
    """Return standard padded base64."""
    return binascii.b2a_base64(raw, newline=False).decode("ascii")


def unb64(text: str | bytes) -> bytes:
    """Return what canonical base64 *text* encodes; raises ValueError for any other spelling of the same bytes."""
    try:
        raw = binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError) as wrong:
        raise ValueError(f"base64: {wrong}") from None
    # Unused trailing bits may be set in base64 that decodes; one content has one spelling here.
    if binascii.b2a_base64(raw, newline=False) != (text.encode() if isinstance(text, str) else text):
        raise ValueError("base64: not the canonical spelling")
    return raw


def key_id(name: str, algorithm: int, public_key: bytes) -> bytes:
    """Return the four bytes that tell keys apart in a signature line."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([algorithm]) + public_key).digest()[:4]


@dataclass(frozen=True)
class Vkey:
    """A public key that was admitted: its name, its algorithm and its bytes.

    Raises PeerFault for an algorithm, a length or a point that is not admitted.
    """

    name: str
    algorithm: int
    public_key: bytes

    def __post_init__(self) -> None:
        if not _KEY_NAME.fullmatch(self.name):
            raise PeerFault(f"key name {self.name[:80]!r}: empty, or holds a space or a plus")
        wanted = _PUBLIC_KEY_LENGTH.get(self.algorithm)
        if wanted is None:
            raise PeerFault(f"key {self.name}: algorithm 0x{self.algorithm:02x} is not admitted")
        if len(self.public_key) != wanted:
            raise PeerFault(f"key {self.name}: {len(self.public_key)} bytes, not {wanted}", self.public_key)
        if self.algorithm != MLDSA44 and not _is_valid_point(self.public_key):
            raise PeerFault(
                f"key {self.name}: small-order or torsion point, every signature could be disowned", self.public_key
            )

    @classmethod
    def parse(cls, text: str) -> Vkey:
        """Return the key that ``name+hex(key id)+base64(algorithm ‖ public key)`` tells; raises PeerFault."""
        name, _, rest = text.partition("+")
        hexed, _, encoded = rest.partition("+")
        try:
            raw = unb64(encoded)
        except ValueError as wrong:
            raise PeerFault(f"key {name[:80]!r}: {wrong}", text.encode(errors="replace")) from None
        if not raw:
            raise PeerFault(f"key {name[:80]!r}: no public key", text.encode(errors="replace"))
        key = cls(name, raw[0], raw[1:])
        if str(key) != text:
            raise PeerFault(f"key {name[:80]!r}: the key id {hexed[:16]!r} is not of this key", text.encode())
        return key

    @cached_property
    def key_id(self) -> bytes:
        """Four bytes that stand before every signature by this key."""
        return key_id(self.name, self.algorithm, self.public_key)

    @cached_property
    def line_start(self) -> bytes:
        """How each line by this key begins, up to its base64."""
        return _DASH + self.name.encode() + b" "

    @cached_property
    def _text(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{b64(bytes([self.algorithm]) + self.public_key)}"

    def __str__(self) -> str:
        return self._text

    def verifies(self, text: bytes, signature: bytes) -> bool:
        """Whether *signature* (as it follows the key id in a line) is this key's over the note text *text*."""
        if len(signature) != _SIGNATURE_LENGTH[self.algorithm]:
            return False
        if self.algorithm == ED25519:
            return _ed25519_verifies(self.public_key, text, signature)
        at_s = int.from_bytes(signature[:8], "big")
        try:
            message = _COSIGNED[self.algorithm](self.name, at_s, text)
        except ValueError:
            return False
        if self.algorithm == COSIGNATURE:
            return _ed25519_verifies(self.public_key, message, signature[8:])
        try:
            MLDSA44PublicKey.from_public_bytes(self.public_key).verify(signature[8:], message)
        except InvalidSignature:
            return False
        return True


@lru_cache(1_024)
def _is_valid_point(public_key: bytes) -> bool:
    # It costs as much as four signatures, and the same few keys are read again with each log and each session.
    return bool(crypto_core_ed25519_is_valid_point(public_key))


def _ed25519_sign(secret: bytes, message: bytes) -> bytes:
    # libsodium, as for verifying: Ed25519 is deterministic, and it needs two thirds of what OpenSSL does.
    signature: bytes = crypto_sign(message, secret)[:crypto_sign_BYTES]
    return signature


def _ed25519_verifies(public_key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        crypto_sign_open(signature + message, public_key)
    except BadSignatureError:
        return False
    return True


def _cosignature_message(name: str, at_s: int, text: bytes) -> bytes:
    del name
    return b"cosignature/v1\ntime %d\n" % at_s + text


def _subtree_message(name: str, at_s: int, text: bytes) -> bytes:
    """What ML-DSA-44 signs of a checkpoint; raises ValueError when *text* is not one."""
    lines = text.split(b"\n")
    if len(lines) != 4 or lines[3]:
        raise ValueError("not a checkpoint")
    origin, size, root = lines[0], int(lines[1]), unb64(lines[2])
    cosigner = name.encode()
    if max(len(cosigner), len(origin)) > 255 or not 0 <= size < 1 << 64 or len(root) != 32:
        raise ValueError("not a checkpoint")
    return b"".join(
        (
            b"subtree/v1\n\0",
            bytes([len(cosigner)]) + cosigner + at_s.to_bytes(8, "big"),
            bytes([len(origin)]) + origin + bytes(8) + size.to_bytes(8, "big") + root,
        )
    )


_COSIGNED: Final[dict[int, Callable[[str, int, bytes], bytes]]] = {
    COSIGNATURE: _cosignature_message,
    MLDSA44: _subtree_message,
}


class Signer(Protocol):
    """Whatever can put its line under a note."""

    @property
    def vkey(self) -> Vkey: ...

    def line(self, text: bytes) -> bytes: ...


def _line(vkey: Vkey, signature: bytes) -> bytes:
    return vkey.line_start + binascii.b2a_base64(vkey.key_id + signature)


class Ed25519Signer:
    """Signs note texts as *name* with the 32-byte *seed* (0x01)."""

    def __init__(self, name: str, seed: bytes) -> None:
        public_key, self._secret = crypto_sign_seed_keypair(seed)
        self._seed = seed
        self.vkey = Vkey(name, ED25519, public_key)
        self._named: dict[str, Ed25519Signer] = {}

    def line(self, text: bytes) -> bytes:
        """Return the signature line over *text*, newline included."""
        return _line(self.vkey, _ed25519_sign(self._secret, text))

    def named(self, name: str) -> Ed25519Signer:
        """Return the same key under another name: one log key signs each log under that log's origin."""
        if name not in self._named:
            self._named[name] = Ed25519Signer(name, self._seed)
        return self._named[name]


class Cosigner:
    """Cosigns checkpoints as *name*: Ed25519 over a time and the text (0x04). A mirror's cosignature is the receipt."""

    def __init__(self, name: str, seed: bytes) -> None:
        public_key, self._secret = crypto_sign_seed_keypair(seed)
        self.vkey = Vkey(name, COSIGNATURE, public_key)

    def line_at(self, text: bytes, at_s: int) -> bytes:
        """Return the signature line over *text* that says it was seen at *at_s*, seconds since 1970 UTC."""
        message = _cosignature_message(self.vkey.name, at_s, text)
        return _line(self.vkey, at_s.to_bytes(8, "big") + _ed25519_sign(self._secret, message))


class MlDsaCosigner:
    """Cosigns checkpoints as *name* with ML-DSA-44 (0x06). Each signature is randomised; none is reproducible."""

    def __init__(self, name: str, seed: bytes) -> None:
        self._key = MLDSA44PrivateKey.from_seed_bytes(seed)
        self.vkey = Vkey(name, MLDSA44, self._key.public_key().public_bytes_raw())

    def line_at(self, text: bytes, at_s: int) -> bytes:
        """Return the signature line over the checkpoint *text* at *at_s*; raises OwnFault when it is not one."""
        try:
            message = _subtree_message(self.vkey.name, at_s, text)
        except ValueError as wrong:
            raise OwnFault(f"ML-DSA-44 cosigns checkpoints only: {wrong}") from None
        return _line(self.vkey, at_s.to_bytes(8, "big") + self._key.sign(message))


@dataclass(frozen=True)
class Signature:
    """One verified signature line: whose, and at what time its cosigner says it signed (None under 0x01)."""

    vkey: Vkey
    line: bytes
    at_s: int | None


@dataclass(frozen=True)
class Note:
    """A note that opened: its text and the signatures that were verified."""

    text: str
    signatures: tuple[Signature, ...]

    def by(self, vkey: Vkey) -> Signature | None:
        """Return the verified signature by *vkey*, or None."""
        return next((s for s in self.signatures if s.vkey == vkey), None)


def sign_note(text: str, *signers: Signer) -> bytes:
    """Return *text* as a note under the lines of *signers*; raises OwnFault for a text no note can hold."""
    raw = text.encode()
    if not raw.endswith(b"\n") or _has_control(raw):
        raise OwnFault("a note's text ends in a newline and holds no other control character")
    if not signers:
        raise OwnFault("a note without a signature is no note")
    return raw + b"\n" + b"".join(signer.line(raw) for signer in signers)


def _has_control(raw: bytes) -> bool:
    return len(raw.translate(None, _CONTROL)) != len(raw)


def split_note(raw: bytes) -> tuple[bytes, list[tuple[str, bytes, bytes]]]:
    """Return the text of a note and its lines as (name, key id and signature, the line); verifies nothing.

    Raises PeerFault when *raw* is not a note.
    """
    text, lines = _split(raw)
    return text, list(lines)


@lru_cache(32)
def _split(raw: bytes) -> tuple[bytes, tuple[tuple[str, bytes, bytes], ...]]:
    # A checkpoint is taken apart four times on its way to a receipt: for its key, its signatures, ours, and the peer.
    if len(raw) > NOTE_LIMIT:
        raise PeerFault(f"note: {len(raw)} bytes, more than {NOTE_LIMIT}", raw[:256])
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        raise PeerFault("note: not UTF-8", raw) from None
    if _has_control(raw):
        raise PeerFault("note: a control character other than newline", raw)
    end = raw.rfind(b"\n\n")
    if end < 0 or not raw.endswith(b"\n") or end + 2 == len(raw):
        raise PeerFault("note: no signatures under the text", raw)
    lines = raw[end + 2 :].splitlines(keepends=True)
    if len(lines) > SIGNATURES_LIMIT:
        raise PeerFault(f"note: {len(lines)} signatures, more than {SIGNATURES_LIMIT}", raw)
    return raw[: end + 1], tuple(_parse_line(line, raw) for line in lines)


def _parse_line(line: bytes, raw: bytes) -> tuple[str, bytes, bytes]:
    name, _, encoded = line.removeprefix(_DASH).removesuffix(b"\n").partition(b" ")
    try:
        signature = unb64(encoded)
    except ValueError as wrong:
        raise PeerFault(f"note: signature line: {wrong}", raw) from None
    text = name.decode()
    if not line.startswith(_DASH) or not _KEY_NAME.fullmatch(text) or len(signature) < 5:
        raise PeerFault("note: malformed signature line", raw)
    return text, signature, line


def open_note(raw: bytes, *vkeys: Vkey) -> Note:
    """Return the note in *raw* with the signatures that *vkeys* made.

    Lines by other keys are passed over, as C2SP asks. Two keys of one name may bear one key id, for it can be had by
    trying: then either may have signed. Raises PeerFault when *raw* is not a note, when a line by one of *vkeys* does
    not verify, and when none of them signed.
    """
    text, lines = split_note(raw)
    known: dict[tuple[str, bytes], list[Vkey]] = {}
    for vkey in dict.fromkeys(vkeys):
        known.setdefault((vkey.name, vkey.key_id), []).append(vkey)
    verified: dict[Vkey, Signature] = {}
    for name, keyed, line in lines:
        keys = known.get((name, keyed[:4]), [])
        if not keys or all(key in verified for key in keys):
            continue
        key = next((key for key in keys if key not in verified and key.verifies(text, keyed[4:])), None)
        if key is None:
            raise PeerFault(f"note: the signature by {name} does not verify", raw)
        at_s = None if key.algorithm == ED25519 else int.from_bytes(keyed[4:12], "big")
        verified[key] = Signature(key, line, at_s)
    if not verified:
        raise PeerFault("note: signed by none of the keys asked for", raw)
    return Note(text.decode(), tuple(verified.values()))
