"""A dossier holds, or says which exhibit does not, or that it does not know the roots."""

from __future__ import annotations

import hashlib
import io
import random
import stat
import struct
import zipfile
from contextlib import suppress
from dataclasses import replace as with_changes
from functools import cache

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.errors import OwnFault, PeerFault
from detente.evidence import dossier as dossier_module
from detente.evidence import verify as verify_module
from detente.evidence.checkpoint import sign_checkpoint
from detente.evidence.dossier import ZipFiles, is_name, make_dossier, read_sums, unpack_bodies, write_zip
from detente.evidence.keys import Revocation, fingerprint, sign_statement
from detente.evidence.leaf import Kind
from detente.evidence.log import Log
from detente.evidence.note import b64, sign_note
from detente.evidence.proof import Proof
from detente.evidence.store import Entry
from detente.evidence.verdict import Outcome
from detente.evidence.verify import verify
from evidence.records import START_MS, Node, Record, dossier, roots

ALFA, BRAVO = Node("alfa"), Node("bravo")


@pytest.fixture(autouse=True)
def quick_digits(monkeypatch):
    """The digits take a quarter of a second each by design; here they are computed once a key."""
    monkeypatch.setattr(verify_module, "fingerprint", once_a_key)


@cache
def once_a_key(key: str) -> str:
    return fingerprint(key)


@pytest.fixture(scope="module")
def record() -> Record:
    made = Record(ALFA, BRAVO)
    flash = made.say(ALFA, BRAVO, "flash", 300)
    made.sign(flash, receipt_at=297)
    ops = made.say(BRAVO, ALFA, "ops", 5, seen={"flash": (2, b64(flash.tree.root(2)))})
    made.sign(ops, receipt_at=5)
    track = made.say(ALFA, BRAVO, "track", 4, Kind.TRACK)
    made.sign(track)
    gone = made.store.logs[ops.origin]
    gone[3] = Entry(leaf=gone[3].leaf, body=None, salt=b"")
    return made


@pytest.fixture(scope="module")
def known() -> dict[str, str]:
    return roots({ALFA.node: ALFA, BRAVO.node: BRAVO})


def logs(record: Record) -> list[Log]:
    return list(record.logs.values())


@pytest.fixture(scope="module")
def whole(record) -> dict[str, bytes]:
    return dossier(record, ALFA, [record.extract(log) for log in logs(record)])


@pytest.fixture(scope="module")
def window(record) -> dict[str, bytes]:
    flash, ops, track = logs(record)
    asked = [
        record.extract(flash, "exhibits", 290, 300),
        record.extract(ops, "exhibits", 2, 4),
        record.extract(track, "exhibits", 0, 1),
    ]
    return dossier(record, ALFA, asked, (START_MS, START_MS + 10**7))


def test_a_whole_record_holds_and_says_what_is_not_there(whole, known, record):
    verdict = verify(whole, known)
    assert verdict.failures == ()
    assert (verdict.outcome, verdict.exit_code) == (Outcome.HOLDS, 0)
    flash, ops, track = verdict.logs
    assert (flash.leaves, flash.receipt_size, flash.outstanding, flash.signed_size) == (300, 297, 3, 300)
    assert (ops.leaves, ops.outstanding, ops.bodies_missing) == (5, 0, [3])
    assert (track.leaves, track.outstanding, dict(track.kinds)) == (4, 4, {"track": 4})
    for said in (
        "HOLDS",
        f"Root of alfa (alfa.example/detente): {ALFA.digits}, as typed",
        "sent, receipt outstanding: 3 leaves",
        "bodies missing: 1 (leaves 3)",
        "bravo.example/detente says it held the first 297 not later than 2026-11-22T16:10:00.000Z",
        "leaves [0, 300) under a root signed at 300: 300 hotline",
    ):
        assert said in verdict.report


def test_t57_a_window_holds_and_says_which_leaves_are_not_shown(window, known):
    verdict = verify(window, known)
    assert verdict.failures == ()
    assert verdict.exit_code == 0
    flash, ops, _ = verdict.logs
    assert (flash.leaves, flash.outstanding, ops.bodies_missing) == (10, 3, [3])
    assert "not shown: [0, 290)" in verdict.report
    assert "not shown: [0, 2) and [4, 5)" in verdict.report
    assert "Window asked for" in verdict.report


def test_t57_a_leaf_left_out_of_its_run_is_a_gap(record, window, known):
    """The sums and the manifest are signed anew by the maker, who wants leaf 293 unseen."""
    flash, *_ = logs(record)
    asked = record.extract(flash, "exhibits", 290, 300)
    files = dossier(record, ALFA, [asked])
    for kind in ("leaf", "tlog-proof", "body", "salt"):
        del files[f"exhibits/0004.{kind}"]
    verdict = verify(resigned(files), known)
    assert verdict.exit_code == 1
    assert any("gap at 293" in failure.exhibit for failure in verdict.failures)


def resigned(files: dict[str, bytes]) -> dict[str, bytes]:
    """The same files under new sums and a manifest signed anew: what a dishonest maker can do."""
    files = {
        name: content for name, content in sorted(files.items()) if name not in {"SHA256SUMS", "manifest.note"}
    } | {"manifest.note": files["manifest.note"], "SHA256SUMS": files["SHA256SUMS"]}
    names = sorted(set(files) - {"SHA256SUMS", "manifest.note"})
    old = b64(hashlib.sha256(files["SHA256SUMS"]).digest())
    files["SHA256SUMS"] = "".join(f"{hashlib.sha256(files[n]).hexdigest()}  {n}\n" for n in names).encode()
    text = files["manifest.note"].decode().rpartition("\n\n")[0] + "\n"
    new = b64(hashlib.sha256(files["SHA256SUMS"]).digest())
    files["manifest.note"] = sign_note(text.replace(old, new), ALFA.env)
    return files


@settings(max_examples=80)
@given(st.integers(0, 2**64 - 1))
def test_one_flipped_bit_anywhere_is_found(whole, window, known, seed):
    chance = random.Random(seed)
    files = dict(chance.choice([whole, window]))
    name = chance.choice([n for n in sorted(files) if files[n]])
    content = bytearray(files[name])
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    files[name] = bytes(content)
    verdict = verify(files, known)
    assert verdict.exit_code == 1
    assert name in " ".join(f.exhibit for f in verdict.failures) or name in {"SHA256SUMS", "manifest.note"}
    assert "FAILS" in verdict.report


@pytest.mark.parametrize(
    ("name", "exhibit"),
    [
        ("exhibits/0003.leaf", "flash/1 leaf 292 (exhibits/0003.leaf)"),
        ("exhibits/0003.body", "flash/1 leaf 292 body (exhibits/0003.leaf)"),
        ("exhibits/0003.salt", "flash/1 leaf 292 body (exhibits/0003.leaf)"),
        ("exhibits/0013.body", "track/1 leaf 0 body (exhibits/0013.leaf)"),
        ("exhibits/0011.tlog-proof", "ops/1 leaf 2"),
    ],
)
def test_a_change_that_its_maker_signs_over_is_still_found_and_named(window, known, name, exhibit):
    files = dict(window)
    content = bytearray(files[name])
    content[len(content) // 2] ^= 1
    files[name] = bytes(content)
    verdict = verify(resigned(files), known)
    assert verdict.exit_code == 1
    assert any(exhibit in failure.exhibit for failure in verdict.failures)


@pytest.mark.parametrize(
    "name",
    [
        "logs/000/tile/entries/000",
        "logs/000/bodies/000",
        "logs/000/tile/0/000",
        "logs/000/tile/0/001.p/44",
        "logs/000/tile/1/000.p/1",
        "logs/000/checkpoint",
        "logs/000/receipt",
        "policy.txt",
    ],
)
def test_a_changed_file_of_a_whole_log_is_found_even_when_its_maker_signs_over(whole, known, name):
    for at in (1, 700, -3):
        files = dict(whole)
        content = bytearray(files[name])
        content[min(at, len(content) - 1)] ^= 1
        files[name] = bytes(content)
        assert verify(resigned(files), known).exit_code == 1


@pytest.mark.parametrize(
    "name",
    [
        "logs/000/tile/entries/001.p/44",
        "logs/001/bodies/000.p/5",
        "logs/000/checkpoint",
        "exhibit",
        "keys/001/000.note",
        "manifest.note",
        "SHA256SUMS",
        "policy.txt",
    ],
)
def test_a_missing_file_is_named(whole, window, known, name):
    files = dict(window if name == "exhibit" else whole)
    del files["exhibits/0002.tlog-proof" if name == "exhibit" else name]
    verdict = verify(files, known)
    assert verdict.exit_code == 1
    assert any(name in f.exhibit for f in verdict.failures)


def test_a_file_nobody_announced_fails(whole, known):
    verdict = verify({**whole, "exhibits/9999.leaf": b"x"}, known)
    assert [f.exhibit for f in verdict.failures] == ["exhibits/9999.leaf"]


def test_t35_a_dossier_of_its_makers_own_roots_is_of_unknown_roots(known):
    forged = Record(Node("alfa", salt=" forged"), Node("bravo", salt=" forged"))
    alfa, bravo = forged.nodes.values()
    log = forged.say(alfa, bravo, "flash", 2)
    forged.sign(log, receipt_at=2)
    files = dossier(forged, alfa, [forged.extract(log)])
    assert verify(files, roots(forged.nodes)).exit_code == 0
    verdict = verify(files, known)
    assert (verdict.outcome, verdict.exit_code) == (Outcome.UNKNOWN_ROOT, 2)
    assert "nothing is proved" in verdict.report
    assert alfa.digits not in verdict.report  # they must come from their owner
    assert verify(files, {}).exit_code == 2


def test_half_of_the_roots_typed_is_not_enough(whole, known):
    verdict = verify(whole, {"alfa": known["alfa"]})
    assert verdict.exit_code == 2
    assert [f.exhibit for f in verdict.failures] == ["bravo"]
    assert known["alfa"] in verdict.report
    with pytest.raises(OwnFault, match="30 digits"):
        verify(whole, {"alfa": "12345"})


def test_t06_a_log_that_shows_another_history_than_was_seen_fails():
    record = Record(ALFA, BRAVO)
    flash = record.say(ALFA, BRAVO, "flash", 3)
    record.sign(flash, receipt_at=3)
    ops = record.say(BRAVO, ALFA, "ops", 1, seen={"flash": (2, b64(b"\1" * 32))})
    record.sign(ops)
    verdict = verify(dossier(record, ALFA, [record.extract(flash), record.extract(ops)]), roots(record.nodes))
    assert verdict.exit_code == 1
    assert any("two histories" in f.reason for f in verdict.failures)


def test_t06_two_roots_signed_at_one_size_fail(record, known):
    flash, *_ = logs(record)
    forked = Log(flash.origin)
    forked.extend([bytes([i % 256]) * 32 for i in range(300)])
    split = with_changes(flash, checkpoint=sign_checkpoint(forked.head(), ALFA.log))
    verdict = verify(dossier(record, ALFA, [record.extract(split)]), known)
    assert verdict.exit_code == 1
    assert any("not the root of the leaves" in f.reason for f in verdict.failures)


def test_t28_a_leaf_signed_after_its_key_was_revoked_fails(record, known):
    flash, *_ = logs(record)
    revoked = msgspec.structs.replace(
        ALFA.statement, revoked=(Revocation(vkey=str(ALFA.env.vkey), after={flash.origin: 298}),)
    )
    listed = [with_changes(ALFA.listed, statements=(sign_statement(revoked, ALFA.root),)), BRAVO.listed]
    files = dict(make_dossier(ALFA.env, ALFA.node, START_MS, listed, [record.extract(flash, "exhibits", 290, 300)]))
    verdict = verify(files, known)
    assert [f.exhibit.rpartition(" (")[0][-8:] for f in verdict.failures] == ["leaf 298", "leaf 299"]


def test_what_cannot_be_proved_is_not_exported(record):
    flash, *_ = logs(record)
    for extract in (
        record.extract(Log(flash.origin), "tiles", 0, 0),
        record.extract(flash, "tiles", 1, 300),
        record.extract(flash, "tiles", 0, 299),
        record.extract(flash, "exhibits", 10, 301),
        with_changes(record.extract(flash, "exhibits", 0, 10), read=lambda a, b: []),
    ):
        with pytest.raises(OwnFault):
            dossier(record, ALFA, [extract])


def test_the_same_record_gives_the_same_zip_and_it_reads_as_the_folder(whole, known):
    one, two = io.BytesIO(), io.BytesIO()
    write_zip(one, whole.items())
    write_zip(two, whole.items())
    assert one.getvalue() == two.getvalue()
    files = ZipFiles(one)
    assert dict(files) == whole
    assert len(files) == len(whole)
    assert verify(files, known).exit_code == 0


@pytest.mark.parametrize("where", ["before", "between", "before the directory", "behind", "as a comment"])
def test_t34_a_zip_with_bytes_that_are_of_no_file_is_refused(whole, where):
    made = io.BytesIO()
    write_zip(made, whole.items())
    raw = made.getvalue()
    with zipfile.ZipFile(made) as zipped:
        second = sorted(info.header_offset for info in zipped.infolist())[1]
        start = zipped.start_dir
    hidden = b"something to show"
    if where == "before":
        raw = hidden + raw
    elif where == "behind":
        raw += hidden
    elif where == "as a comment":
        raw = raw[:-2] + struct.pack("<H", len(hidden)) + hidden
    else:
        at = second if where == "between" else start
        with zipfile.ZipFile(made) as zipped:
            offsets = {info.orig_filename: info.header_offset for info in zipped.infolist()}
        directory = bytearray(raw[start:])
        place = 0
        for _ in offsets:
            name, extra, comment = struct.unpack_from("<HHH", directory, place + 28)
            (offset,) = struct.unpack_from("<I", directory, place + 42)
            if offset >= at:
                struct.pack_into("<I", directory, place + 42, offset + len(hidden))
            place += 46 + name + extra + comment
        struct.pack_into("<I", directory, place + 16, start + len(hidden))
        raw = raw[:at] + hidden + raw[at:start] + bytes(directory)
    with zipfile.ZipFile(io.BytesIO(raw)) as zipped:
        assert zipped.testzip() is None
    with pytest.raises(PeerFault, match="of no file"):
        ZipFiles(io.BytesIO(raw))


def test_a_flipped_byte_in_a_zip_is_found(whole, known):
    archive = io.BytesIO()
    write_zip(archive, whole.items())
    raw = bytearray(archive.getvalue())
    at = raw.index(whole["logs/001/tile/entries/000.p/5"]) + 100
    raw[at] ^= 0x40
    verdict = verify(ZipFiles(io.BytesIO(bytes(raw))), known)
    assert verdict.exit_code == 1
    assert "logs/001/tile/entries/000.p/5" in verdict.report


def archive(*members, compress=zipfile.ZIP_STORED) -> io.BytesIO:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compress) as out:
        for name, mode in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = compress
            out.writestr(info, b"x" * 100)
    return made


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "/etc/passwd",
        "a/../../x",
        "a//b",
        "./a",
        "C:\\x",
        "..\\x",
        "a\\b",
        "exhibits/",
        "con:",
        "\u202eleaf",
        ".hidden",
        "a/.ssh",
        "x" * 200,
        "",
    ],
)
def test_t34_a_name_that_leads_elsewhere_is_refused(name):
    assert not is_name(name)
    with pytest.raises(PeerFault, match="not a plain stored file"):
        ZipFiles(archive((name, 0o100644)))


def test_t34_links_devices_folders_compression_doubles_and_masses_are_refused():
    for mode in (stat.S_IFLNK | 0o777, stat.S_IFCHR | 0o644, stat.S_IFIFO | 0o644, stat.S_IFDIR | 0o755, 0o104755):
        with pytest.raises(PeerFault):
            ZipFiles(archive(("a", mode)))
    with pytest.raises(PeerFault):
        ZipFiles(archive(("a", 0o100644), compress=zipfile.ZIP_DEFLATED))
    with pytest.warns(UserWarning, match="Duplicate"):
        double = archive(("a", 0o100644), ("a", 0o100644))
    with pytest.raises(PeerFault):
        ZipFiles(double)
    with pytest.raises(PeerFault, match="more than"):
        ZipFiles(archive(*((f"f{i}", 0o100644) for i in range(10_001))))
    with pytest.raises(PeerFault, match="zip:"):
        ZipFiles(io.BytesIO(b"not a zip"))


@given(st.binary(max_size=300))
def test_no_bytes_make_the_readers_raise_anything_but_their_own_error(raw):
    for read in (
        unpack_bodies,
        read_sums,
        lambda b: ZipFiles(io.BytesIO(b)),
        lambda b: verify({"manifest.note": b}, {}),
    ):
        with suppress(PeerFault):
            read(raw)


def remade(files: dict[str, bytes], change) -> dict[str, bytes]:
    """The same files under a manifest that *change* altered, signed by its maker."""
    head, line, *_ = files["manifest.note"].decode().split("\n")
    manifest = msgspec.json.decode(line)
    change(manifest)
    line = msgspec.json.encode(manifest, order="sorted").decode()
    return files | {"manifest.note": sign_note(f"{head}\n{line}\n", ALFA.env)}


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update(by="charlie.example/detente"),
        lambda m: m["parties"][1].update(party="alfa"),
        lambda m: m["parties"][1].update(node="alfa.example/detente"),
        lambda m: m["parties"][1].update(root="x"),
        lambda m: m["parties"][1].update(root=m["parties"][0]["root"]),
        lambda m: m["parties"][0].update(statements=2),
        lambda m: m["parties"].pop(),
        lambda m: m["parties"].reverse(),
        lambda m: m["logs"].append(m["logs"][0]),
        lambda m: m["logs"][0].update(origin="x"),
        lambda m: m["logs"][0].update(origin="charlie.example/detente/to/bravo.example/flash/1"),
        lambda m: m["logs"][0].update(start=1),
        lambda m: m["logs"][0].update(stop=2**53 - 1),
        lambda m: m["logs"][0].update(stop=299),
        lambda m: m["logs"][0].update(form="exhibits"),
        lambda m: m["logs"][0].update(form="exhibits", stop=2**53 - 1),
        lambda m: m["logs"][0].update(form="exhibits", start=5, stop=4),
        lambda m: m.update(logs=[]),
        lambda m: m.update(more=1),
        lambda m: m.update(sums="x"),
        lambda m: m.update(at=1.5),
    ],
)
def test_t34_a_manifest_that_announces_anything_else_fails_and_at_once(whole, known, change):
    assert verify(remade(whole, change), known).exit_code == 1


def test_a_manifest_in_another_spelling_or_of_another_kind_fails(whole, known):
    text = whole["manifest.note"].decode().rpartition("\n\n")[0] + "\n"
    for other in (text.replace('"at":', ' "at":'), text.replace("dossier/v1", "dossier/v2"), text + "more\n"):
        assert verify(whole | {"manifest.note": sign_note(other, ALFA.env)}, known).exit_code == 1


def test_a_manifest_that_its_maker_did_not_sign_fails(whole, known):
    text = whole["manifest.note"].decode().rpartition("\n\n")[0] + "\n"
    assert verify(whole | {"manifest.note": sign_note(text, BRAVO.env)}, known).exit_code == 1


@pytest.mark.parametrize(
    "odd", ["", "x\n", f"{'0' * 64}  ../x\n", f"{'0' * 64}  b\n{'0' * 64}  a\n", f"{'0' * 64}  a\n{'1' * 64}  a\n"]
)
def test_t34_odd_sums_fail(whole, known, odd):
    digest = b64(hashlib.sha256(odd.encode()).digest())
    files = remade(whole, lambda m: m.update(sums=digest)) | {"SHA256SUMS": odd.encode()}
    assert verify(files, known).exit_code == 1


def test_a_party_whose_statement_is_of_another_node_fails(record, known):
    flash, *_ = logs(record)
    swapped = [with_changes(ALFA.listed, statements=BRAVO.listed.statements, root=BRAVO.root.vkey), BRAVO.listed]
    files = dict(make_dossier(ALFA.env, ALFA.node, START_MS, [ALFA.listed, BRAVO.listed], [record.extract(flash)]))
    assert verify(files, known).exit_code == 0
    with pytest.raises(PeerFault, match="does not write"):
        dict(make_dossier(ALFA.env, ALFA.node, START_MS, swapped, [record.extract(flash)]))


def test_a_dossier_without_its_readers_mirror_key_fails(record, known):
    flash, *_ = logs(record)
    bare = msgspec.structs.replace(BRAVO.statement, keys=BRAVO.statement.keys[:2])
    files = dossier(record, ALFA, [record.extract(flash, "exhibits", 0, 2)])
    files["keys/001/000.note"] = sign_statement(bare, BRAVO.root)
    verdict = verify(resigned(files), known)
    assert verdict.exit_code == 1
    assert "no mirror key" in verdict.report


def test_no_more_than_fifty_failures_are_listed(record, known):
    flash, *_ = logs(record)
    files = dossier(record, ALFA, [record.extract(flash, "exhibits", 0, 100)])
    for name in files:
        if name.endswith(".body"):
            files[name] = b"changed"
    verdict = verify(files, known)
    assert len(verdict.failures) == 50
    assert "50 found, more not counted" in verdict.report


def test_more_exhibits_or_files_than_the_limit_are_not_exported(record, monkeypatch):
    flash, *_ = logs(record)
    monkeypatch.setattr(dossier_module, "EXHIBITS_LIMIT", 9)
    with pytest.raises(OwnFault, match="10 exhibits"):
        dossier(record, ALFA, [record.extract(flash, "exhibits", 0, 10)])
    monkeypatch.setattr(dossier_module, "FILES_LIMIT", 12)
    with pytest.raises(OwnFault, match="12 files"):
        dossier(record, ALFA, [record.extract(flash, "exhibits", 0, 9)])


def test_a_body_taken_out_with_its_line_in_the_sums_is_found(window, known):
    """Whoever holds the dossier but not its maker's key cannot make a body look expired."""
    files = {
        name: content for name, content in window.items() if name not in {"exhibits/0003.body", "exhibits/0003.salt"}
    }
    listing = b"".join(
        line
        for line in files["SHA256SUMS"].splitlines(True)
        if b"0003." not in line or b"leaf" in line or b"proof" in line
    )
    verdict = verify(files | {"SHA256SUMS": listing}, known)
    assert [f.exhibit for f in verdict.failures] == ["SHA256SUMS"]
    assert verify(resigned(files), known).exit_code == 0  # its maker may; the report then says the body is missing


def test_a_proof_that_names_another_index_fails(window, known):
    files = dict(window)
    files["exhibits/0003.tlog-proof"] = files["exhibits/0003.tlog-proof"].replace(b"index 292\n", b"index 293\n")
    assert verify(resigned(files), known).exit_code == 1


def test_t06_exhibits_under_two_roots_signed_at_one_size_fail(record, known):
    flash, *_ = logs(record)
    files = dossier(record, ALFA, [record.extract(flash, "exhibits", 298, 300)])
    forked = Log(flash.origin)
    forked.extend([bytes(32), *(flash.tree.leaf(i) for i in range(1, 300))])
    proof = Proof(299, tuple(forked.tree.inclusion(299, 300)), sign_checkpoint(forked.head(), ALFA.log))
    files["exhibits/0002.tlog-proof"] = bytes(proof)
    verdict = verify(resigned(files), known)
    assert verdict.exit_code == 1
    assert any("two histories" in f.reason for f in verdict.failures)
