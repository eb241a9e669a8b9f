"""A dossier of one incident: its alert on both sides, what answered it, and the tracks of its aircraft alone."""

from __future__ import annotations

import json

import msgspec
import pytest

from detente.cli import main
from detente.evidence import verify as verify_module
from detente.evidence.checkpoint import cosignature, sign_checkpoint, with_lines
from detente.evidence.keys import fingerprint, origin
from detente.evidence.leaf import Kind
from detente.evidence.log import Log, Receipt
from detente.evidence.merkle import leaf_hash
from detente.evidence.note import b64
from detente.evidence.store import Entry
from detente.node import keyring as kr
from detente.node.sqlite import SqliteStore
from detente.release.alerts import AlertTold, Named
from detente.types import instant_of_ms
from detente.wire.messages import AckBody, encode_body
from detente.wire.tracks import TrackItem
from evidence.records import START_MS, leaf_of

HOUR_MS = 3_600_000


def alert(name: str, ref: int, at_ms: int) -> bytes:
    named = Named(is_yours=False, ref=ref, identity="4b1801")
    told = AlertTold(alert=name, happening="raised", kind="incursion", level="warning", at_ms=at_ms, a=named)
    return encode_body(told)


def frame(*refs: int) -> list[bytes]:
    return [
        msgspec.json.encode(
            TrackItem(ref, START_MS, 1, 2, None, None, None, None, None, None, None, None, None, 1, None, 0, 1)
        )
        for ref in refs
    ]


@pytest.fixture(scope="module")
def alfa(tmp_path_factory):
    """Alfa's record: a warning, bravo's own of the same event, an acknowledgement of both, and an hour later another."""
    folder = tmp_path_factory.mktemp("alfa")
    own = kr.make_keyring(folder / "keys", "alfa.example/detente", instant_of_ms(START_MS))
    peer = kr.make_keyring(tmp_path_factory.mktemp("bravo"), "bravo.example/detente", instant_of_ms(START_MS))
    kr.keep_peer(folder / "keys", peer.pairing)
    store = SqliteStore(folder / "record.sqlite", create=True)
    logs: dict[str, Log] = {}

    def say(writer, reader, lane, kind, ts, **fields):
        log = logs.setdefault(origin(writer.node, reader.node, lane), Log(origin(writer.node, reader.node, lane)))
        leaf, body, salt = leaf_of(writer, log, reader, kind, ts, **fields)
        log.extend(store.append([(log.origin, log.size, [Entry(leaf=leaf, body=body, salt=salt)])])[log.origin])
        return b64(leaf_hash(leaf))

    for second in range(6):
        say(own, peer, "track", Kind.TRACK, START_MS + 1000 * second, items=frame(77, 99, 100 + second))
    say(own, peer, "flash", Kind.HOTLINE, START_MS - HOUR_MS)
    ours = say(own, peer, "flash", Kind.ALERT, START_MS + 2000, said=alert("alfa-3", 77, START_MS))
    theirs = say(peer, own, "flash", Kind.ALERT, START_MS + 3000, said=alert("bravo-9", 500, START_MS))
    seen = {"said": encode_body(AckBody(at_ms=START_MS + 4000)), "re": (ours, theirs)}
    say(peer, own, "ops", Kind.ACK, START_MS + 4000, **seen)
    say(own, peer, "flash", Kind.ALERT, START_MS + HOUR_MS, said=alert("alfa-4", 99, START_MS + HOUR_MS))
    say(own, peer, "track", Kind.TRACK, START_MS + HOUR_MS, items=frame(77, 99))
    for log in logs.values():
        writer, reader = (own, peer) if log.origin.startswith("alfa") else (peer, own)
        note = sign_checkpoint(log.head(), writer.log)
        store.replace_checkpoint(log.origin, None, note)
        note = with_lines(note, cosignature(note, reader.mirror, START_MS // 1000 + 9000))
        store.put_receipt(log.origin, Receipt(log.size, note, START_MS // 1000 + 9000))
    store.close()
    return folder, {"alfa": own.own_digits, "bravo": peer.own_digits}, ours


@pytest.fixture
def run(monkeypatch, capsys):
    known: dict[str, str] = {}
    monkeypatch.setattr(
        verify_module, "fingerprint", lambda key: known.get(key) or known.setdefault(key, fingerprint(key))
    )

    def call(*words):
        monkeypatch.setattr("sys.argv", ["detente", *map(str, words)])
        code = main()
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def export(run, alfa, out, *words):
    folder = alfa[0]
    return run("export", "--store", folder / "record.sqlite", "--keys", folder / "keys", "--out", out, *words)


def verified(run, alfa, out):
    roots = [word for party, digits in alfa[1].items() for word in ("--root", f"{party}={digits}")]
    return run("verify", out, *roots)


@pytest.mark.parametrize("by", ["name", "peer's name", "hash"])
def test_an_incident_is_exported_with_both_sides_alerts_and_its_answers(alfa, run, tmp_path, by):
    name = {"name": "alfa-3", "peer's name": "bravo-9", "hash": alfa[2]}[by]
    code, said, err = export(run, alfa, tmp_path / "d", "--incident", name)
    assert (code, err) == (0, "")
    assert "alfa.example/detente/to/bravo.example/flash/1  leaves [1, 2) as exhibits" in said
    assert "not shown: 1 before, 1 after" in said
    assert "of each frame only the incident's aircraft" in said
    code, said, _ = verified(run, alfa, tmp_path / "d")
    assert code == 0
    for part in ("alert: alfa-3", "alert: bravo-9", "answers: flash leaf 1", "answers: flash leaf 0", "6 track"):
        assert part in said
    assert "alfa-4" not in said
    assert "bodies shown in part: 6" in said


def test_only_the_incidents_aircraft_leave_with_it(alfa, run, tmp_path):
    export(run, alfa, tmp_path / "d", "--incident", "alfa-3", "--log", "track")
    shown = [json.loads(path.read_bytes()) for path in (tmp_path / "d/exhibits").glob("*.items")]
    assert len(shown) == 6
    assert {json.loads(item["item"])[0] for frame in shown for item in frame["items"]} == {77}
    assert {frame["count"] for frame in shown} == {3}
    assert not list((tmp_path / "d/exhibits").glob("*.body"))
    assert verified(run, alfa, tmp_path / "d")[0] == 0


def test_a_changed_item_fails_with_its_exhibit_named(alfa, run, tmp_path):
    export(run, alfa, tmp_path / "d", "--incident", "alfa-3", "--log", "track")
    path = next((tmp_path / "d/exhibits").glob("*.items"))
    path.write_bytes(path.read_bytes().replace(b"[77,", b"[78,"))
    code, said, _ = verified(run, alfa, tmp_path / "d")
    assert code == 1
    assert f"items (exhibits/{path.stem}.leaf)" in said


def test_around_says_how_much_time_goes_with_it(alfa, run, tmp_path):
    _, said, _ = export(run, alfa, tmp_path / "d", "--incident", "alfa-3", "--around", "70")
    assert "flash/1  leaves [0, 3) as exhibits" in said
    assert "track/1  leaves [0, 7) as exhibits" in said


def test_a_range_of_leaves_is_exported(alfa, run, tmp_path):
    log = "alfa.example/detente/to/bravo.example/flash/1"
    code, said, _ = export(run, alfa, tmp_path / "d", "--leaves", f"{log}:1:3")
    assert code == 0
    assert "leaves [1, 3) as exhibits" in said
    assert verified(run, alfa, tmp_path / "d")[0] == 0


def test_what_is_not_there_is_said_in_one_line(alfa, run, tmp_path):
    log = "alfa.example/detente/to/bravo.example/flash/1"
    for words in (
        ("--incident", "alfa-99"),
        ("--incident", "alfa-3", "--from", "2026-11-22T16:00:15Z"),
        ("--leaves", f"{log}:0:9"),
        ("--leaves", f"{log}:2:2"),
        ("--leaves", f"{log}:a:b"),
        ("--leaves", log),
        ("--leaves", "nothing/1:0:1"),
    ):
        code, _, err = export(run, alfa, tmp_path / "d", *words)
        assert code == 2, words
        assert len(err.splitlines()) == 1
    assert not (tmp_path / "d").exists()
