"""Judges one case of docs/protocol/vectors with our own code, as examples/verify-js/vectors.mjs does with its own."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import cache
from io import BytesIO
from typing import Any

import msgspec

from conftest import ROOT
from detente.errors import PeerFault
from detente.evidence import leaf, tiles
from detente.evidence import verify as verify_module
from detente.evidence.checkpoint import open_checkpoint
from detente.evidence.dossier import ZipFiles, unpack_items_shown
from detente.evidence.keys import KeyChain, fingerprint
from detente.evidence.leaf import Disclosure, decode, is_disclosed, is_tree
from detente.evidence.merkle import Tree, leaf_hash, verify_consistency, verify_inclusion
from detente.evidence.note import ED25519, Vkey, b64, open_note, unb64
from detente.evidence.proof import Proof

VECTORS = ROOT / "docs/protocol/vectors"


@cache
def cases() -> list[dict[str, Any]]:
    return json.loads((VECTORS / "evidence.json").read_text())["cases"]


def is_accepted(case: dict[str, Any]) -> bool:
    """Whether our code takes the case: False if it refuses it with its own error, and no other."""
    given = {name: value for name, value in case.items() if name not in {"kind", "what", "accept", "needs"}}
    try:
        return _JUDGES[case["kind"]](**given)
    except PeerFault:
        return False


def _raw(spelled: str) -> bytes:
    return base64.b64decode(spelled)


def _ed25519(public_key: str, message: str, signature: str) -> bool:
    return Vkey("edge", ED25519, bytes.fromhex(public_key)).verifies(bytes.fromhex(message), bytes.fromhex(signature))


def _key(line: str) -> bool:
    return str(Vkey.parse(line)) == line


def _note(note: str, keys: list[str]) -> bool:
    return bool(open_note(_raw(note), *map(Vkey.parse, keys)).signatures)


def _statements(root: str, chain: list[str]) -> bool:
    return bool(KeyChain.verify([note.encode() for note in chain], Vkey.parse(root)).node)


def _digits(line: str, digits: str) -> bool:
    return fingerprint(line) == digits


def _leaf(leaf: str, keys: list[str], place: dict[str, Any], hash: str | None = None) -> bool:  # noqa: A002  the case's name
    raw = _raw(leaf)
    said = decode(raw, Vkey.parse(keys[0]))
    is_there = all(getattr(said, name) == wanted for name, wanted in place.items())
    return is_there and hash in {None, b64(leaf_hash(raw))}


def _body(media: str, commitment: str, salt: str, body: str) -> bool:
    said = msgspec.structs.replace(_ANY, media=media, body=commitment, size=len(_raw(body)))
    return leaf.is_body_of(said, _raw(salt), _raw(body))


def _item(commitment: str, index: int, count: int, item: str, proof: list[str], salt: str) -> bool:
    return is_disclosed(commitment, Disclosure(index, count, unb64(salt), item.encode(), tuple(map(unb64, proof))))


def _items(media: str, commitment: str, items: str) -> bool:
    return all(is_disclosed(commitment, item) for item in unpack_items_shown(items.encode())) and is_tree(media)


def _root(leaves: list[str], root: str) -> bool:
    return b64(Tree(map(unb64, leaves)).root()) == root


def _inclusion(leaf: str, index: int, size: int, path: list[str], root: str) -> bool:
    return verify_inclusion(unb64(leaf), index, size, [unb64(h) for h in path], unb64(root))


def _consistency(old: int, new: int, path: list[str], old_root: str, new_root: str) -> bool:
    return verify_consistency(old, new, [unb64(h) for h in path], unb64(old_root), unb64(new_root))


def _checkpoint(note: str, log: str, cosigners: list[str], cosigned: dict[str, int] | None = None) -> bool:
    opened = open_checkpoint(note.encode(), Vkey.parse(log), *map(Vkey.parse, cosigners))
    return {str(key): at_s for key, at_s in opened.cosigned_at_s.items()} == (cosigned or {})


def _proof(proof: str, leaf: str, log: str, cosigners: list[str]) -> bool:
    return bool(Proof.parse(proof.encode()).verify(leaf.encode(), Vkey.parse(log), *map(Vkey.parse, cosigners)))


def _bundle(bundle: str, hashes: list[str]) -> bool:
    return [b64(leaf_hash(raw)) for raw in tiles.unpack_entries(_raw(bundle))] == hashes


def _path(level: int, n: int, width: int, path: str) -> bool:
    return tiles.tile_path(level, n, width) == path


@cache
def _files(name: str) -> dict[str, bytes]:
    return dict(ZipFiles(BytesIO((VECTORS / name).read_bytes())))


def _dossier(dossier: str, roots: dict[str, str], outcome: int, edit: dict[str, Any] | None = None) -> bool:
    verdict = verify_module.verify(edited(_files(dossier), edit or {}), roots)
    assert verdict.exit_code == outcome, verdict.report
    return outcome == 0


def edited(files: dict[str, bytes], edit: dict[str, Any]) -> dict[str, bytes]:
    """The same files with one edit, as the case names it."""
    files = dict(files)
    match edit:
        case {"flip": name, "at": at}:
            files[name] = files[name][:at] + bytes([files[name][at] ^ 1]) + files[name][at + 1 :]
        case {"drop": name}:
            del files[name]
        case {"cut": name}:
            files[name] = files[name][:-1]
        case {"add": name}:
            files[name] = b"x"
        case {"swap": [one, other]}:
            files[one], files[other] = files[other], files[one]
    return files


_ANY = leaf.Envelope(
    log="a",
    seq=0,
    prev="",
    to="a",
    ts=0,
    hlc=(0, 0),
    kind=leaf.Kind.REPORT,
    prec="R",
    by="a",
    body="",
    size=0,
    media="",
    pol="",
)

_JUDGES: dict[str, Callable[..., bool]] = {
    "ed25519": _ed25519,
    "key": _key,
    "note": _note,
    "statements": _statements,
    "digits": _digits,
    "leaf": _leaf,
    "body": _body,
    "item": _item,
    "items": _items,
    "root": _root,
    "inclusion": _inclusion,
    "consistency": _consistency,
    "checkpoint": _checkpoint,
    "proof": _proof,
    "bundle": _bundle,
    "path": _path,
    "dossier": _dossier,
}
