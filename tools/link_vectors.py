# ruff: noqa: INP001  tools are scripts, no package
"""Write docs/protocol/vectors/link.json: every message of the link, and what is to be refused. `--check` compares."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from detente.evidence.checkpoint import cosignature, sign_checkpoint
from detente.evidence.keys import audit_origin
from detente.evidence.leaf import Envelope, Kind, Lane, body_commitment, encode
from detente.evidence.log import Log
from detente.evidence.merkle import leaf_hash
from detente.evidence.note import Cosigner, b64, unb64
from detente.evidence.store import Entry
from detente.link import frames, unlogged
from detente.link.frames import (
    Ask,
    Audit,
    Bodies,
    Bye,
    Challenge,
    Channel,
    Chunk,
    Code,
    Copy,
    Cp,
    Credit,
    Encoding,
    Fork,
    Given,
    GivenChunk,
    Hb,
    Hello,
    Keys,
    KeysWanted,
    LaneHello,
    Leaves,
    Nack,
    Preview,
    Proof,
    Rcpt,
    Unlogged,
    Want,
    Witnessed,
)
from detente.link.vouch import proof_of
from detente.testing.identities import own_identity
from detente.types import Precedence

FILE = Path(__file__).resolve().parent.parent / "docs/protocol/vectors/link.json"
ALFA, BRAVO = "alfa.example/detente", "bravo.example/detente"
AT_MS = 1_795_363_200_000


def _leaf(text: bytes) -> tuple[bytes, bytes, bytes]:
    own, salt = own_identity(ALFA), bytes(range(16))
    envelope = Envelope(
        log="alfa.example/detente/to/bravo.example/flash/1",
        seq=0,
        prev=b64(Log("x").last_leaf_hash),
        to=BRAVO,
        ts=AT_MS,
        hlc=(AT_MS, 0),
        kind=Kind.HOTLINE,
        prec=Precedence.FLASH,
        by="operator",
        body=body_commitment(salt, text),
        size=len(text),
        media="application/json",
        pol=b64(bytes(32)),
    )
    return encode(envelope, own.env), salt, text


def _witness(note: bytes) -> str:
    return cosignature(note, Cosigner(f"{BRAVO}/witness", bytes(32)), AT_MS // 1_000).decode()


def messages() -> dict[str, frames.Frame]:
    """Return one message of each kind and variant, by name."""
    alfa, bravo = own_identity(ALFA), own_identity(BRAVO)
    leaf, salt, body = _leaf(b'{"line":"watch","text":"hold north of 35"}')
    other = _leaf(b'{"line":"watch","text":"we said nothing"}')[0]
    log = Log("alfa.example/detente/to/bravo.example/flash/1")
    log.extend([leaf_hash(leaf)])
    note = sign_checkpoint(log.head(), alfa.log)
    lines = cosignature(note, bravo.mirror, AT_MS // 1_000).decode()
    root = b64(log.tree.root())
    nothing = b64(Log("x").tree.root())
    acts, nonce = Log(audit_origin(alfa.node)), b64(bytes(range(32)))
    acts.extend([leaf_hash(b"one"), leaf_hash(b"two")])
    lanes = {
        Lane.FLASH: LaneHello(own=(0, nothing), have=(1, root), receipt=(1, lines), quota=(300, 0, 50)),
        Lane.OPS: LaneHello(own=(0, nothing), have=(0, nothing), epochs=(1, 2), quota=(1_200, 0, 200)),
    }
    flash = unlogged.UnloggedFlash(
        to=BRAVO,
        ts=AT_MS,
        kind=Kind.HOTLINE,
        prec=Precedence.FLASH,
        by="operator",
        media="application/json",
        pol=b64(bytes(32)),
        body=b64(body),
    )
    piece = Chunk(Lane.FLASH, 0, 0, len(salt + body), Encoding.PLAIN, salt + body)
    return {
        "hello": Hello((1,), BRAVO, bravo.statement_digest, Channel.PRIO, lanes, ""),
        "checkpoint": Cp(Lane.FLASH, note.decode()),
        "receipt": Rcpt(Lane.FLASH, 1, lines),
        "credit": Credit(4_096),
        "heartbeat, the first": Hb(n=0, sent_us=AT_MS * 1_000, lanes={Lane.TRACK: (12, 0)}),
        "heartbeat": Hb(
            n=1,
            sent_us=AT_MS * 1_000,
            lanes={Lane.FLASH: (1, 0), Lane.OPS: (0, 0)},
            echo=(AT_MS * 1_000 - 500, AT_MS * 1_000 - 200),
            quota={Lane.FLASH: (300, 1, 49), Lane.OPS: (1_200, 0, 200)},
        ),
        "asked for again": Nack(Lane.OPS, 3, Code.GAP),
        "refused": Nack(Lane.OPS, 3, Code.PLACE),
        "own leaves asked for": Ask(Lane.FLASH, 0),
        "proof of two histories": Fork(Lane.FLASH, own=False, notes=(leaf.decode(), other.decode())),
        "statements asked for": KeysWanted(alfa.statement_digest),
        "statement": Keys(alfa.chain.notes[0].decode()),
        "acts to be witnessed": Audit(sign_checkpoint(acts.head(), alfa.log).decode(), 1, (b64(acts.tree.leaf(1)),)),
        "acts witnessed": Witnessed(2, _witness(sign_checkpoint(acts.head(), alfa.log))),
        "acts witnessed up to another size": Witnessed(1, ""),
        "challenge": Challenge(log.origin, 0, nonce),
        "held": Proof(log.origin, 0, *proof_of(Entry(leaf=leaf, body=body, salt=salt), unb64(nonce))),
        "not held": Proof(log.origin, 9, "", ""),
        "copy asked for": Want(log.origin, 0),
        "copy": Copy(log.origin, 0, leaf.decode(), b64(salt), b64(body)),
        "closing": Bye(Code.EPOCH),
        "leaves": Leaves(Lane.FLASH, 0, [leaf]),
        "body": piece,
        "bodies": Bodies(Lane.OPS, 7, [salt + body, salt]),
        "body that is gone": Chunk(Lane.OPS, 7, 0, 0, Encoding.PLAIN, b""),
        "preview": Preview(Lane.FLASH, leaf),
        "leaves given back": Given(Lane.FLASH, 0, [leaf]),
        "body given back": GivenChunk(piece),
        "unlogged": Unlogged(Lane.FLASH, unlogged.sign(flash, alfa.env)),
    }


REFUSED: dict[str, str | bytes] = {
    "no object": "[]",
    "no name": "{}",
    "an unknown name": '{"t":"order"}',
    "an unknown field": '{"t":"credit","taken":1,"more":2}',
    "a number with a fraction": '{"t":"credit","taken":1.5}',
    "a number below nothing": '{"t":"credit","taken":-1}',
    "a number past 2^53": '{"t":"credit","taken":9007199254740993}',
    "an unknown lane": '{"t":"ask","lane":"gossip","seq":0}',
    "an unknown code": '{"t":"bye","code":"because"}',
    "a proof of nothing": '{"t":"fork","lane":"ops","own":true,"notes":[]}',
    "a nonce of another length": '{"t":"challenge","log":"x","seq":0,"nonce":"AAAA"}',
    "a proof that is no hash": '{"t":"audit","note":"x","old":0,"proof":["AAAA"]}',
    "nothing": b"",
    "an unknown kind": b"\x09\x00" + bytes(20),
    "an unknown binary lane": b"\x01\x07" + bytes(20),
    "no leaves": b"\x01\x00" + bytes(8),
    "a bundle cut short": b"\x01\x00" + bytes(8) + b"\x00\x05abc",
    "a leaf of no bytes": b"\x03\x00",
    "a leaf over 8,192 bytes": b"\x03\x00" + bytes(8_193),
    "a body cut short": b"\x02\x00" + bytes(10),
    "an unknown encoding": b"\x02\x00" + bytes(8) + bytes(4) + (1).to_bytes(4, "big") + b"\x02" + b"x",
    "a piece past its body": b"\x02\x00" + bytes(8) + bytes(4) + (1).to_bytes(4, "big") + b"\x00" + b"xy",
}


def vectors() -> dict[str, object]:
    """Return the whole file as a value."""
    good = []
    for name, frame in messages().items():
        raw = frames.encode(frame)
        assert frames.decode(raw) == frame
        good.append({"name": name, **_shown(raw)})
    return {
        "what": "Messages of docs/protocol/link.md, version 1. `text` is sent as text, `hex` as a binary message.",
        "env": {node: str(own_identity(node).env.vkey) for node in (ALFA, BRAVO)},
        "mirror": {node: str(own_identity(node).mirror.vkey) for node in (ALFA, BRAVO)},
        "messages": good,
        "refused": [{"name": name, "code": "frame", **_shown(raw)} for name, raw in REFUSED.items()],
    }


def _shown(raw: str | bytes) -> dict[str, str]:
    return {"text": raw} if isinstance(raw, str) else {"hex": raw.hex()}


def rendered() -> str:
    """Return the text of the file."""
    return json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if FILE.read_text("utf-8") == rendered() else f"{FILE.name} is not what this version makes")
    FILE.write_text(rendered(), "utf-8")
