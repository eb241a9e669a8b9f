"""Makes docs/protocol/vectors/evidence.json and its dossiers: cases any implementation of the page must judge alike.

    PYTHONPATH=src:tests python -m evidence.make_vectors

Throw-away keys: the Ed25519 seed is SHA-256('detente demo ' + label). The one line that differs from run to run is the
ML-DSA-44 signature, which is random; the one in the file is kept while it holds.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from io import BytesIO
from itertools import pairwise
from typing import Any

import msgspec
from nacl import bindings as sodium

from conftest import ROOT as PROJECT
from detente.errors import PeerFault
from detente.evidence import keys, tiles
from detente.evidence.checkpoint import cosignature, open_checkpoint, sign_checkpoint, with_lines
from detente.evidence.dossier import pack_items_shown, write_zip
from detente.evidence.leaf import (
    Envelope,
    Kind,
    body_commitment,
    disclose,
    encode,
    pack_items,
    seed_for,
    tree_commitment,
)
from detente.evidence.log import Log
from detente.evidence.merkle import Tree, leaf_hash
from detente.evidence.note import COSIGNATURE, ED25519, Cosigner, Ed25519Signer, MlDsaCosigner, b64, key_id, sign_note
from detente.evidence.proof import Proof
from detente.evidence.store import Entry
from detente.types import Precedence
from evidence.records import START_MS, Node, Record, dossier, roots
from evidence.vectors import seed

FOLDER = PROJECT / "docs/protocol/vectors"
L = 2**252 + 27742317777372353535851937790883648493
ORIGIN = "alpha.example/detente/to/bravo.example/flash/1"
ALPHA, BRAVO = "alpha.example/detente", "bravo.example/detente"

ROOT = Ed25519Signer(f"{ALPHA}/root", seed("alpha root"))
ENV = Ed25519Signer(f"{ALPHA}/env", seed("alpha env"))
LOG = Ed25519Signer(ORIGIN, seed("alpha log"))
MIRROR = Cosigner(f"{BRAVO}/mirror", seed("bravo mirror"))
WITNESS = Cosigner("witness.neutral.example/w1", seed("witness"))
PQ = MlDsaCosigner(f"{BRAVO}/mirror", seed("bravo mirror pq"))
RECEIVED_AT_S, WITNESSED_AT_S = 0x6B031189, 0x6B03118F

SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]
T8 = bytes.fromhex(SMALL_ORDER[4])

Case = dict[str, Any]


def case(kind: str, what: str, accept: bool, **given: Any) -> Case:
    return {"kind": kind, "what": what, "accept": accept, **given}


def flipped(raw: bytes, at: int) -> bytes:
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


# --- Ed25519 at its edges -------------------------------------------------------------------------------------------


def _scalar(raw64: bytes) -> bytes:
    return sodium.crypto_core_ed25519_scalar_reduce(raw64)


def _signed_with(public_key: bytes, seed_: bytes, commitment: bytes, message: bytes, nonce: bytes) -> bytes:
    """A signature whose commitment is *commitment*, whatever it really is: S = nonce + H(R, A, M)·a."""
    secret = bytearray(hashlib.sha512(seed_).digest()[:32])
    secret[0] &= 248
    secret[31] = secret[31] & 127 | 64
    a = _scalar(bytes(secret) + bytes(32))
    k = _scalar(hashlib.sha512(commitment + public_key + message).digest())
    return commitment + sodium.crypto_core_ed25519_scalar_add(nonce, sodium.crypto_core_ed25519_scalar_mul(k, a))


def ed25519_cases() -> Iterator[Case]:
    """Source of the choice: the groups of Wycheproof's eddsa tests, and the small-order points of RFC 7748 curves."""
    public_key, secret = sodium.crypto_sign_seed_keypair(seed("edge"))
    message = b"this was said\n"

    def one(what: str, accept: bool, signature: bytes, message: bytes = message, key: bytes = public_key) -> Case:
        given = {"public_key": key.hex(), "message": message.hex(), "signature": signature.hex()}
        return case("ed25519", what, accept, **given)

    def sign(text: bytes) -> bytes:
        return sodium.crypto_sign(text, secret)[:64]

    good = sign(message)
    s = int.from_bytes(good[32:], "little")
    yield one("a good signature", True, good)
    yield one("of the empty message", True, sign(b""), b"")
    yield one("of a message of 1,023 bytes", True, sign(b"x" * 1023), b"x" * 1023)
    yield one("S + L: the same signature in another spelling", False, good[:32] + (s + L).to_bytes(32, "little"))
    for bit in (253, 254, 255):
        yield one(f"S with bit {bit} set", False, good[:32] + (s | 1 << bit).to_bytes(32, "little"))
    yield one("S = L", False, good[:32] + L.to_bytes(32, "little"))
    yield one("S = 2^256 - 1", False, good[:32] + b"\xff" * 32)
    yield one("S = 0", False, good[:32] + bytes(32))
    yield one("all zeros", False, bytes(64))
    yield one("63 bytes", False, good[:63])
    yield one("65 bytes", False, good + b"\0")
    yield one("no bytes", False, b"")
    yield one("a changed message", False, good, message + b"\n")
    for at in (0, 31, 32, 62):
        yield one(f"a bit of byte {at} changed", False, flipped(good, at))
    nonce = _scalar(hashlib.sha512(b"nonce").digest())
    honest = sodium.crypto_scalarmult_ed25519_base_noclamp(nonce)
    yield one(
        "R by hand, as a check of these vectors", True, _signed_with(public_key, seed("edge"), honest, message, nonce)
    )
    mixed = sodium.crypto_core_ed25519_add(honest, T8)
    yield one(
        "R with a part of order 8: only a cofactored verifier would take it",
        False,
        _signed_with(public_key, seed("edge"), mixed, message, nonce),
    )
    zero = bytes(32)
    yield one(
        "R = the identity, S = H·a",
        False,
        _signed_with(public_key, seed("edge"), bytes.fromhex(SMALL_ORDER[0]), message, zero),
    )
    for hexed in (SMALL_ORDER[8], SMALL_ORDER[9], "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"):
        yield one(
            f"R = {hexed[:4]}…{hexed[-2:]}, not a canonical encoding",
            False,
            _signed_with(public_key, seed("edge"), bytes.fromhex(hexed), message, zero),
        )
    for hexed in SMALL_ORDER:
        key = bytes.fromhex(hexed)
        yield one(
            "a key of small order, or not canonical: R = the identity, S = 0",
            False,
            bytes.fromhex(SMALL_ORDER[0]) + zero,
            message,
            key,
        )
    yield one("a key with a part of order 8", False, good, message, sodium.crypto_core_ed25519_add(public_key, T8))
    yield one("a key that is not on the curve", False, good, message, b"\x02" + bytes(31))
    yield one("a key of y = p + 3", False, good, message, (2**255 - 19 + 3).to_bytes(32, "little"))


# --- keys, notes, statements ----------------------------------------------------------------------------------------


def key_line(name: str, algorithm: int, public_key: bytes) -> str:
    return f"{name}+{key_id(name, algorithm, public_key).hex()}+{b64(bytes([algorithm]) + public_key)}"


def key_cases() -> Iterator[Case]:
    for signer in (ROOT, ENV, LOG, MIRROR, WITNESS, PQ):
        yield case("key", f"algorithm 0x{signer.vkey.algorithm:02x}", True, line=str(signer.vkey))
    name, public_key = f"{ALPHA}/env", ENV.vkey.public_key
    line = str(ENV.vkey)
    for hexed in SMALL_ORDER:
        for algorithm in (ED25519, COSIGNATURE):
            yield case(
                "key", "small order, or not canonical", False, line=key_line(name, algorithm, bytes.fromhex(hexed))
            )
    torsion = sodium.crypto_core_ed25519_add(public_key, T8)
    for what, wrong in (
        ("with a part of order 8", key_line(name, ED25519, torsion)),
        ("not on the curve", key_line(name, ED25519, b"\x02" + bytes(31))),
        ("31 bytes", key_line(name, ED25519, public_key[:31])),
        ("33 bytes", key_line(name, ED25519, public_key + b"\0")),
        ("algorithm 0x02", key_line(name, 2, public_key)),
        ("ML-DSA-44 of 32 bytes", key_line(name, 6, public_key)),
        ("a space in the name", key_line("alpha env", ED25519, public_key)),
        ("a plus in the name", key_line("alpha+env", ED25519, public_key)),
        ("no name", key_line("", ED25519, public_key)),
        ("another key's id", line.replace("926e0333", "926e0334")),
        ("its id in capitals", line.replace("926e0333+", "926E0333+")),
        ("base64 without padding bits of zero", line[:-1] + chr(ord(line[-1]) + 1)),
        ("nothing after the id", f"{name}+926e0333+"),
        ("only a name", name),
    ):
        yield case("key", what, False, line=wrong)


def note_cases() -> Iterator[Case]:
    text = "this was said\n\nand this\n"
    good = sign_note(text, ENV)
    other = sign_note(text, LOG)[len(text) + 1 :]
    line = good[len(text) + 1 :]

    def one(what: str, accept: bool, raw: bytes, *signers: Any) -> Case:
        return case("note", what, accept, note=b64(raw), keys=[str(s.vkey) for s in signers or (ENV,)])

    yield one("signed", True, good)
    yield one("a line by a key nobody asked for is passed over", True, good + other)
    yield one("two known keys", True, good + other, ENV, LOG)
    yield one("of two lines by one key the first counts", True, good + flipped_signature(line))
    yield one("of two lines by one key the first counts, and does not verify", False, flipped_note(text, line) + line)
    yield one("signed by none of the keys", False, good, LOG)
    yield one("a line by a known key that does not verify", False, good + flipped_signature(other), ENV, LOG)
    yield one("a changed text", False, flipped(good, 0))
    yield one("no signature", False, text.encode() + b"\n")
    yield one("no blank line", False, text.replace("\n\n", "\n").encode() + line)
    yield one("no newline at the end", False, good[:-1])
    yield one("a hyphen for the dash", False, good.replace("— ".encode(), b"- "))
    yield one("a tab in the text", False, sign_raw("this\twas said\n"))
    yield one("a NUL in the text", False, sign_raw("this\0was said\n"))
    yield one("not UTF-8", False, b"\xff" + good)
    yield one("a surrogate in UTF-8", False, b"\xed\xa0\x80" + good)
    yield one("33 signature lines", False, good + other * 32)
    yield one("32 signature lines", True, good + other * 31)
    yield one("more than 65,536 bytes", False, sign_raw("x" * 65_536 + "\n"))
    yield one("base64 in two lines", False, good.replace(line[60:62], line[60:61] + b"\n" + line[61:62]))
    yield one("a space after the signature", False, good[:-1] + b" \n")


def sign_raw(text: str) -> bytes:
    return text.encode() + b"\n" + ENV.line(text.encode())


def flipped_signature(line: bytes) -> bytes:
    head, _, encoded = line.rpartition(b" ")
    raw = base64.b64decode(encoded)
    return head + b" " + base64.b64encode(flipped(raw, 40)) + b"\n"


def flipped_note(text: str, line: bytes) -> bytes:
    return text.encode() + b"\n" + flipped_signature(line)


def statement(epoch: int = 1, prev: str = "", **changed: Any) -> keys.KeyStatement:
    log = Ed25519Signer(f"{ALPHA}/log", seed("alpha log"))
    said = {
        "epoch": epoch,
        "keys": (keys.Key("env", str(ENV.vkey)), keys.Key("log", str(log.vkey))),
        "node": ALPHA,
        "prev": prev,
        "tls": ("36zW9cpBdTI6NsafeKxeU93QDOM34gnDnCGRADvJr2s=",),
        "url": "wss://link.alpha.example:7443/",
        "valid": (START_MS, START_MS + 31_536_000_000),
    }
    return keys.KeyStatement(**(said | changed))


def statement_cases() -> Iterator[Case]:
    first = keys.sign_statement(statement(), ROOT)
    newer = Ed25519Signer(f"{ALPHA}/env", seed("alpha env 2"))
    gone = keys.Revocation(vkey=str(ENV.vkey), after={ORIGIN: 2})
    digest = keys.statement_digest(first)
    log = Ed25519Signer(f"{ALPHA}/log", seed("alpha log"))
    both = (keys.Key("env", str(newer.vkey)), keys.Key("log", str(log.vkey)))
    second = keys.sign_statement(statement(2, digest, keys=both, revoked=(gone,)), ROOT)

    def one(what: str, accept: bool, *chain: bytes, root: Ed25519Signer = ROOT) -> Case:
        return case("statements", what, accept, root=str(root.vkey), chain=[raw.decode() for raw in chain])

    def said(**changed: Any) -> bytes:
        built = msgspec.json.decode(msgspec.json.encode(statement())) | changed
        line = json.dumps(built, sort_keys=True, separators=(",", ":"))
        return sign_note(f"detente-keys/v1\n{line}\n", ROOT)

    yield one("the first", True, first)
    yield one("a new env key, and the old one valid to an index", True, first, second)
    yield one("under another root", False, first, root=Ed25519Signer(f"{ALPHA}/root", seed("mallory")))
    yield one("the second alone", False, second)
    yield one("the second twice", False, first, second, second)
    yield one("another epoch", False, first, keys.sign_statement(statement(3, digest), ROOT))
    yield one("another predecessor", False, first, keys.sign_statement(statement(2, b64(bytes(32))), ROOT))
    dropped = keys.sign_statement(statement(3, keys.statement_digest(second), keys=both), ROOT)
    yield one("a revocation left out again", False, first, second, dropped)
    for hexed in SMALL_ORDER[:2]:
        bad = key_line(f"{ALPHA}/env", ED25519, bytes.fromhex(hexed))
        yield one("a key of small order", False, said(keys=[{"use": "env", "vkey": bad}]))
    env, root_line = {"use": "env", "vkey": str(ENV.vkey)}, str(Ed25519Signer(f"{ALPHA}/env", seed("alpha root")).vkey)
    foreign = str(Ed25519Signer(f"{BRAVO}/env", seed("alpha env")).vkey)
    for what, changed in (
        ("no key", {"keys": []}),
        ("one key for two uses", {"keys": [env, {"use": "log", "vkey": str(ENV.vkey)}]}),
        ("the root's key for leaves", {"keys": [{"use": "env", "vkey": root_line}]}),
        ("another node's key", {"keys": [{"use": "env", "vkey": foreign}]}),
        ("a receipt's key for leaves", {"keys": [{"use": "env", "vkey": str(MIRROR.vkey)}]}),
        ("an unknown use", {"keys": [{"use": "all", "vkey": str(ENV.vkey)}]}),
        ("an unknown field", {"more": 1}),
        ("valid to before from", {"valid": [2, 1]}),
        ("epoch 0", {"epoch": 0}),
        ("a node in capitals", {"node": "Alpha.example/detente"}),
        ("http for the URL", {"url": "http://alpha.example/"}),
        ("no revocations, spelled out", {"revoked": []}),
    ):
        yield one(what, False, said(**changed))


# --- leaves and bodies ----------------------------------------------------------------------------------------------

BODIES = (
    b'{"from":"duty","text":"Two UAS of ours at N35.10 E33.30, 400 ft, drifting north. Recovering."}',
    b'{"between":["A-1207","B-0031"],"min_m":500,"t_s":42,"type":"separation"}',
    b'{"from":"duty","text":"Northern pair holding at 35.20N. Please acknowledge."}',
)


def chain() -> list[tuple[bytes, bytes, bytes]]:
    made: list[tuple[bytes, bytes, bytes]] = []
    prev = hashlib.sha256().digest()
    for seq, body in enumerate(BODIES):
        salt = seed(f"salt {seq}")[:16]
        said = Envelope(
            log=ORIGIN,
            seq=seq,
            prev=b64(prev),
            to=BRAVO,
            ts=START_MS + 123 + 4000 * seq,
            hlc=(START_MS + 123 + 4000 * seq, 0),
            kind=Kind.ALERT if seq == 1 else Kind.HOTLINE,
            prec=Precedence.FLASH,
            by="duty",
            body=body_commitment(salt, body),
            size=len(body),
            media="application/json",
            pol=b64(hashlib.sha256(b"policy").digest()),
            exp=START_MS + 300_000 if seq == 1 else None,
            seen={"flash": (1, b64(leaf_hash(b"seen")))} if seq == 1 else {},
            re=(b64(prev),) if seq == 2 else (),
        )
        made.append((encode(said, ENV), salt, body))
        prev = leaf_hash(made[-1][0])
    return made


def leaf_cases() -> Iterator[Case]:
    leaves = chain()
    place = {"log": ORIGIN, "to": BRAVO}

    def one(what: str, accept: bool, raw: bytes, signer: Any = ENV, **where: Any) -> Case:
        return case("leaf", what, accept, leaf=b64(raw), keys=[str(signer.vkey)], place=place | where)

    prev = b64(hashlib.sha256().digest())
    for seq, (raw, _, _) in enumerate(leaves):
        yield one(f"leaf {seq}", True, raw, seq=seq, prev=prev) | {"hash": b64(leaf_hash(raw))}
        prev = b64(leaf_hash(raw))
    raw, first = leaves[1][0], b64(leaf_hash(leaves[0][0]))
    at = {"seq": 1, "prev": first}
    yield one("in another place", False, raw, seq=2, prev=first)
    yield one("after another leaf", False, raw, seq=1, prev=b64(bytes(32)))
    yield one("in another lane", False, raw, **at, log=ORIGIN.replace("flash", "ops"))
    yield one("in another epoch", False, raw, **at, log=ORIGIN.replace("/1", "/2"))
    yield one("to another reader", False, raw, **at, to="charlie.example/detente")
    yield one("by another key", False, raw, LOG, **at)
    yield one("signed twice", False, raw + ENV.line(raw.rpartition(b"\n\n")[0] + b"\n"), **at)
    yield one("another signature line", False, raw + LOG.line(b"x"), **at)
    yield one("more than 8,192 bytes", False, sign_note("detente-envelope/v1\n" + "x" * 8192 + "\n", ENV), **at)
    text = raw.rpartition(b"\n\n")[0].decode() + "\n"
    for what, old, new in (
        ("a space", '"seq":1', '"seq": 1'),
        ("a field twice", '"seq":1', '"seq":1,"seq":1'),
        ("fields out of order", '"ts":', '"tt":0,"ts":'),
        ("an unknown field", '"v":1', '"v":1,"w":1'),
        ("1.0", '"seq":1', '"seq":1.0'),
        ("1e0", '"seq":1', '"seq":1e0'),
        ("minus zero", '"hlc":[1795363204123,0]', '"hlc":[1795363204123,-0]'),
        ("2^53 + 1", '"seq":1', '"seq":9007199254740993'),
        ("a needless escape", '"by":"duty"', '"by":"\\u0064uty"'),
        ("null", '"exp":1795363500000', '"exp":null'),
        ("a text for a number", '"seq":1', '"seq":"1"'),
        ("true", '"v":1', '"v":true'),
        ("another version", '"v":1', '"v":2'),
        ("an unknown kind", '"kind":"alert"', '"kind":"weather"'),
        ("an unknown precedence", '"prec":"Z"', '"prec":"X"'),
        ("a person's name", '"by":"duty"', '"by":"A Name"'),
        ("a hash in another spelling", 'NTcTE="', 'NTcTF="'),
        ("a negative index", '"seq":1', '"seq":-1'),
        ("an empty list spelled out", '"seen"', '"re":[],"seen"'),
        ("a byte order mark", "detente-envelope", "\ufeffdetente-envelope"),
        ("another head", "detente-envelope/v1", "detente-envelope/v2"),
        ("two lines", '"v":1}\n', '"v":1}\n\n{}\n'),
        ("a body of more than 16 MiB", '"size":72', '"size":16777217'),
    ):
        changed = text.replace(old, new, 1)
        if changed == text:
            changed = text.replace('"pol":"', '"pol":"A', 1)  # that leaf's hash ends otherwise: one letter too many
        yield one(what, False, sign_note(changed, ENV), **at)
    deep = text.replace('"v":1', '"seen":' + "[" * 3000 + "]" * 3000 + ',"v":1', 1)
    yield one("3,000 deep", False, sign_note(deep, ENV), **at)


def body_cases() -> Iterator[Case]:
    for raw, salt, body in chain():
        said = json.loads(raw.split(b"\n")[1])
        given = {"media": said["media"], "commitment": said["body"], "salt": b64(salt), "body": b64(body)}
        yield case("body", "plain", True, **given)
        yield case("body", "a changed body", False, **given | {"body": b64(flipped(body, 5))})
        yield case("body", "a changed salt", False, **given | {"salt": b64(flipped(salt, 5))})
        yield case("body", "a salt of 17 bytes", False, **given | {"salt": b64(salt + b"\0")})
    items = [
        b'["A-1207",351000000,333000000,12190]',
        b'["A-1208",351100000,333100000,10000]',
        b'["A-1301",352000000,334000000,9000]',
    ]
    tree_seed = seed_for(seed("salt key"), ORIGIN, 7)
    commits = tree_commitment(tree_seed, items)
    given = {
        "media": "application/json+tree",
        "commitment": commits,
        "salt": b64(tree_seed),
        "body": b64(pack_items(items)),
    }
    yield case("body", "a tree of three items", True, **given)
    yield case("body", "a tree of no item", True, **given | {"commitment": tree_commitment(tree_seed, []), "body": ""})
    yield case("body", "items in another order", False, **given | {"body": b64(pack_items(items[::-1]))})
    yield case("body", "the last item not ended", False, **given | {"body": b64(pack_items(items)[:-1])})
    yield case("body", "a tree under a salt of 16 bytes", False, **given | {"salt": b64(tree_seed[:16])})
    for index in range(3):
        shown = disclose(tree_seed, items, index)
        item = {
            "index": index,
            "count": 3,
            "item": shown.item.decode(),
            "proof": [b64(h) for h in shown.proof],
            "salt": b64(shown.salt),
        }
        yield case("item", f"item {index} of three", True, commitment=commits, **item)
        yield case("item", "under another index", False, commitment=commits, **item | {"index": (index + 1) % 3})
        yield case("item", "a changed item", False, commitment=commits, **item | {"item": shown.item.decode() + " "})
        yield case("item", "a proof cut short", False, commitment=commits, **item | {"proof": item["proof"][:-1]})
    packed = pack_items_shown(tree_seed, items, lambda found: [0, 2])
    yield case("items", "two of three", True, media=given["media"], commitment=commits, items=packed.decode())
    yield case("items", "of a plain body", False, media="application/json", commitment=commits, items=packed.decode())
    spaced = packed.decode().replace('"count":3', '"count": 3')
    yield case("items", "a space", False, media=given["media"], commitment=commits, items=spaced)


# --- trees, checkpoints, proofs, tiles ------------------------------------------------------------------------------


def tree_cases() -> Iterator[Case]:
    hashes = [leaf_hash(bytes([i])) for i in range(9)]
    tree = Tree(hashes)
    for size in range(10):
        leaves = [b64(h) for h in hashes[:size]]
        yield case("root", f"of {size} leaves", True, leaves=leaves, root=b64(tree.root(size)))
    yield case(
        "root", "of the leaves in another order", False, leaves=[b64(h) for h in hashes[::-1]], root=b64(tree.root())
    )
    for index, size in ((0, 1), (0, 2), (1, 2), (2, 3), (6, 7), (4, 8), (8, 9), (3, 9)):
        path = [b64(h) for h in tree.inclusion(index, size)]
        given = {"leaf": b64(hashes[index]), "index": index, "size": size, "path": path, "root": b64(tree.root(size))}
        yield case("inclusion", f"leaf {index} of {size}", True, **given)
        yield case("inclusion", "another leaf", False, **given | {"leaf": b64(bytes(32))})
        yield case("inclusion", "an index beyond the size", False, **given | {"index": size})
        yield case("inclusion", "a path too long", False, **given | {"path": [*path, b64(bytes(32))]})
        if path:
            yield case("inclusion", "a path too short", False, **given | {"path": path[:-1]})
    for old, new in ((1, 2), (2, 3), (3, 7), (4, 8), (6, 9), (8, 9), (9, 9), (0, 9)):
        path = [b64(h) for h in tree.consistency(old, new)]
        given = {"old": old, "new": new, "path": path, "old_root": b64(tree.root(old)), "new_root": b64(tree.root(new))}
        yield case("consistency", f"{old} to {new}", True, **given)
        yield case("consistency", "another old root", False, **given | {"old_root": b64(bytes(32))})
        if old:  # everything extends the empty log
            yield case("consistency", "another new root", False, **given | {"new_root": b64(bytes(32))})
        yield case("consistency", "a path too long", False, **given | {"path": [*path, b64(bytes(32))]})
        yield case("consistency", "from more to fewer", False, **given | {"old": new + 1})


def post_quantum_line(signed: bytes, before: str) -> bytes:
    """The ML-DSA-44 line of the file there is, while it holds; else a new one."""
    for line in before.splitlines(keepends=True):
        try:
            open_checkpoint(with_lines(signed, line.encode()), LOG.vkey, PQ.vkey)
        except PeerFault:
            continue
        if len(line) > 2000:
            return line.encode()
    return cosignature(signed, PQ, RECEIVED_AT_S)


def checkpoint_cases(before: str) -> Iterator[Case]:
    log = Log(ORIGIN)
    log.extend([leaf_hash(raw) for raw, _, _ in chain()])
    signed = sign_checkpoint(log.head(), LOG)
    receipt = with_lines(signed, cosignature(signed, MIRROR, RECEIVED_AT_S))
    witnessed = with_lines(receipt, cosignature(signed, WITNESS, WITNESSED_AT_S))
    quantum = with_lines(receipt, post_quantum_line(signed, before))
    cosigners = [str(MIRROR.vkey), str(WITNESS.vkey), str(PQ.vkey)]

    def one(what: str, accept: bool, raw: bytes, cosigned: dict[str, int] | None = None) -> Case:
        given = {"note": raw.decode(), "log": str(LOG.vkey), "cosigners": cosigners}
        return case("checkpoint", what, accept, **given) | ({} if cosigned is None else {"cosigned": cosigned})

    mirror, witness = {str(MIRROR.vkey): RECEIVED_AT_S}, {str(WITNESS.vkey): WITNESSED_AT_S}
    yield one("signed by the log", True, signed, {})
    yield one("with the mirror's receipt", True, receipt, mirror)
    yield one("with a neutral witness", True, witnessed, mirror | witness)
    yield one("with ML-DSA-44", True, quantum, mirror | {str(PQ.vkey): RECEIVED_AT_S}) | {"needs": "ML-DSA-44"}
    head, _, line = quantum.rpartition(b" ")
    broken = head + b" " + base64.b64encode(flipped(base64.b64decode(line), 900)) + b"\n"
    yield one("with ML-DSA-44, a bit changed", False, broken) | {"needs": "ML-DSA-44"}
    head, _, line = receipt.rpartition(b" ")
    moved = head + b" " + base64.b64encode(flipped(base64.b64decode(line), 11)) + b"\n"
    yield one("a receipt of another second", False, moved)
    yield one("only the receipt", False, sign_note(log.head().text, ENV) + cosignature(signed, MIRROR, RECEIVED_AT_S))
    other = Ed25519Signer(ORIGIN.replace("flash", "ops"), seed("alpha log"))
    yield one("signed under another log's name", False, sign_note(log.head().text, other))
    text = log.head().text
    for what, changed in (
        ("a fourth line", text + "more\n"),
        ("size 03", text.replace("\n3\n", "\n03\n")),
        ("size -1", text.replace("\n3\n", "\n-1\n")),
        ("size +3", text.replace("\n3\n", "\n+3\n")),
        ("a root of 31 bytes", text.rsplit("\n", 2)[0] + "\n" + b64(bytes(31)) + "\n"),
        ("another origin", text.replace("alpha", "other")),
        ("no origin", "\n" + text.split("\n", 1)[1]),
    ):
        yield one(what, False, sign_note(changed, LOG))
    tree = log.tree
    leaves = [raw for raw, _, _ in chain()]
    for index, leaf in enumerate(leaves):
        proof = bytes(Proof(index, tuple(tree.inclusion(index, 3)), witnessed))
        given = {"proof": proof.decode(), "leaf": leaf.decode(), "log": str(LOG.vkey), "cosigners": cosigners}
        yield case("proof", f"of leaf {index}", True, **given)
        yield case("proof", "of another leaf", False, **given | {"leaf": leaves[index - 1].decode()})
        for what, old, new in (
            ("another index", f"index {index}", f"index {index + 1}"),
            ("an index with a zero before", f"index {index}", f"index 0{index}"),
            ("another head", "tlog-proof@v1", "tlog-proof@v2"),
            ("an extra line", "@v1\n", "@v1\nextra AAAA\n"),
            ("no empty line", "\n\nalpha", "\nalpha"),
        ):
            changed = proof.decode().replace(old, new, 1)
            yield case("proof", what, False, **given | {"proof": changed})
    bundle = tiles.pack_entries(leaves)
    yield case("bundle", "of three leaves", True, bundle=b64(bundle), hashes=[b64(leaf_hash(leaf)) for leaf in leaves])
    yield case("bundle", "cut short", False, bundle=b64(bundle[:-1]), hashes=[])
    yield case("bundle", "half a length", False, bundle=b64(bundle + b"\0"), hashes=[])
    for n in (0, 7, 999, 1000, 1234067):
        yield case("path", "of a tile", True, level=0, n=n, width=256, path=tiles.tile_path(0, n))
    yield case("path", "of a partial tile", True, level=2, n=1, width=44, path=tiles.tile_path(2, 1, 44))


def digit_cases() -> Iterator[Case]:
    for signer in (ROOT, Ed25519Signer(f"{BRAVO}/root", seed("bravo root"))):
        line = str(signer.vkey)
        yield case("digits", "of a root", True, line=line, digits=keys.fingerprint(line))


# --- dossiers -------------------------------------------------------------------------------------------------------


def dossier_files() -> dict[str, tuple[dict[str, bytes], dict[str, str]]]:
    """Two dossiers, small: whole logs in tiles, and a window in exhibits with single tracks shown."""
    alfa, bravo = Node("alfa"), Node("bravo")
    record = Record(alfa, bravo)
    flash = record.say(alfa, bravo, "flash", 6)
    record.sign(flash, receipt_at=5)
    ops = record.say(bravo, alfa, "ops", 3, seen={"flash": (2, b64(flash.tree.root(2)))})
    record.sign(ops, receipt_at=3)
    track = record.say(alfa, bravo, "track", 3, Kind.TRACK)
    record.sign(track, receipt_at=3)
    gone = record.store.logs[ops.origin]
    gone[1] = Entry(leaf=gone[1].leaf, body=None, salt=b"")
    whole = [record.extract(log) for log in (flash, ops, track)]
    shown = record.extract(track, "exhibits", 0, 2)
    window = [record.extract(flash, "exhibits", 2, 6), record.extract(ops, "exhibits", 0, 2)]
    one_item = type(shown)(shown.log, shown.form, shown.start, shown.stop, shown.read, lambda items: [1])
    typed = roots(record.nodes)
    return {
        "tiles": (dossier(record, alfa, whole), typed),
        "exhibits": (dossier(record, bravo, [*window, one_item], (START_MS, START_MS + 10**7)), typed),
    }


def dossier_cases() -> Iterator[Case]:
    """The dossiers as they are, and with one edit each: flip a byte, drop, double, swap, add, cut short."""
    for name, (files, typed) in dossier_files().items():
        zipped = {"dossier": f"dossier-{name}.zip"}
        yield case("dossier", "as it is", True, **zipped, roots=typed, outcome=0)
        yield case("dossier", "no digits typed", False, **zipped, roots={}, outcome=2)
        swapped = {"alfa": typed["bravo"], "bravo": typed["alfa"]}
        yield case("dossier", "each other's digits", False, **zipped, roots=swapped, outcome=2)
        names = sorted(files)

        def one(what: str, outcome: int = 1, **edit: Any) -> Case:
            return case("dossier", what, False, **zipped, roots=typed, outcome=outcome, edit=edit)  # noqa: B023

        for listed in names:
            yield one(f"a bit of {listed} changed", flip=listed, at=len(files[listed]) // 2)
            yield one(f"{listed} left out", drop=listed)
            yield one(f"{listed} cut short", cut=listed)
        for a, b in pairwise(names):
            yield one(f"{a} and {b} exchanged", swap=[a, b])
        yield one("a file more", add="exhibits/9999.leaf")


def cases(before: str = "") -> list[Case]:
    """Return every case but that of the zip files, which `main` writes."""
    return [
        *ed25519_cases(),
        *key_cases(),
        *note_cases(),
        *statement_cases(),
        *digit_cases(),
        *leaf_cases(),
        *body_cases(),
        *tree_cases(),
        *checkpoint_cases(before),
        *dossier_cases(),
    ]


def written(before: str) -> str:
    """Return evidence.json, a case a line."""
    about = "Cases for docs/protocol/evidence.md: what a reader must accept and refuse. Made with throw-away keys."
    lines = ",\n".join(json.dumps(each, sort_keys=True) for each in cases(before))
    return f'{{"about": {json.dumps(about)}, "cases": [\n{lines}\n]}}\n'


def zipped(name: str) -> bytes:
    made = BytesIO()
    write_zip(made, dossier_files()[name][0].items())
    return made.getvalue()


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / "evidence.json"
    before = path.read_text() if path.exists() else ""
    kept = "\n".join(c["note"] for c in json.loads(before)["cases"] if c["kind"] == "checkpoint") if before else ""
    path.write_text(written(kept))
    for name in ("tiles", "exhibits"):
        (FOLDER / f"dossier-{name}.zip").write_bytes(zipped(name))


if __name__ == "__main__":
    main()
