"""docs/protocol/vectors/link.json: what a stranger's implementation is tried on is what this one makes."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from detente.errors import PeerFault
from detente.evidence.note import Vkey
from detente.link import fork, unlogged
from detente.link.frames import Code, Fork, LinkFault, Unlogged, decode, encode

ROOT = Path(__file__).resolve().parents[2]
FILE = json.loads((ROOT / "docs/protocol/vectors/link.json").read_text("utf-8"))
NAMES = {
    "hello",
    "cp",
    "rcpt",
    "credit",
    "hb",
    "nack",
    "ask",
    "fork",
    "bye",
    "keys_wanted",
    "keys",
    "audit",
    "witnessed",
}
NAMES |= {"challenge", "proof", "want", "copy"}


def raw(vector):
    return vector["text"] if "text" in vector else bytes.fromhex(vector["hex"])


def test_the_file_is_what_this_version_makes():
    spec = importlib.util.spec_from_file_location("link_vectors", ROOT / "tools/link_vectors.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.vectors() == FILE


def test_every_message_has_a_vector():
    texts = [json.loads(v["text"])["t"] for v in FILE["messages"] if "text" in v]
    kinds = {bytes.fromhex(v["hex"])[0] for v in FILE["messages"] if "hex" in v}
    assert set(texts) >= NAMES
    assert kinds == {1, 2, 3, 4, 5, 6, 7}


@pytest.mark.parametrize("vector", FILE["messages"], ids=lambda v: v["name"])
def test_a_message_is_read_and_written_again_the_same(vector):
    assert encode(decode(raw(vector))) == raw(vector)


@pytest.mark.parametrize("vector", FILE["refused"], ids=lambda v: v["name"])
def test_what_is_to_be_refused_is_refused_with_its_code(vector):
    with pytest.raises(LinkFault) as refused:
        decode(raw(vector))
    assert refused.value.code is Code(vector["code"])


def test_the_proof_and_the_note_outside_the_log_hold_under_the_keys_given():
    found = {v["name"]: decode(raw(v)) for v in FILE["messages"]}
    env = Vkey.parse(FILE["env"]["alfa.example/detente"])
    shown, flash = found["proof of two histories"], found["unlogged"]
    assert isinstance(shown, Fork)
    assert isinstance(flash, Unlogged)
    notes = [note.encode() for note in shown.notes]
    assert fork.proof_in("alfa.example/detente/to/bravo.example/flash/1", notes, [], [env]) == tuple(notes)
    assert unlogged.verified(flash.note, env).octets.startswith(b'{"line"')


@pytest.mark.parametrize(
    "change",
    [
        lambda note: note.replace(b"detente-unlogged/v1", b"detente-envelope/v1"),
        lambda note: note.replace(b'"prec":"Z"', b'"prec":"O"'),
        lambda note: note[:-3] + b"AA\n",
        lambda note: note + b" " * 9_000,
    ],
    ids=["another type", "no FLASH", "another signature", "too long"],
)
def test_t01_a_note_outside_the_log_that_is_not_one_is_refused(change):
    flash = next(decode(raw(v)) for v in FILE["messages"] if v["name"] == "unlogged")
    with pytest.raises(PeerFault):
        unlogged.verified(change(flash.note), Vkey.parse(FILE["env"]["alfa.example/detente"]))
