"""The verifier in another language, written from docs/protocol alone, agrees with ours: on every vector, and on dossiers."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess

import pytest

from conftest import ROOT
from detente.evidence.dossier import write_zip
from detente.evidence.leaf import Kind
from detente.evidence.note import b64
from evidence.judge import VECTORS, cases
from evidence.records import Node, Record, dossier, roots

FOLDER = ROOT / "examples/verify-js"


def node(*words) -> subprocess.CompletedProcess[str]:
    path = shutil.which("node")
    if path is None:
        assert os.environ.get("CI") != "true", "CI has node, and it was not found"
        pytest.skip("node is not installed: the verifier in JavaScript cannot run here")
    return subprocess.run([path, *map(str, words)], capture_output=True, text=True, timeout=120, check=False)


def typed(known: dict[str, str]) -> list[str]:
    return [word for party, digits in known.items() for word in ("--root", f"{party}={digits}")]


@pytest.fixture(scope="module")
def record():
    alfa, bravo = Node("alfa"), Node("bravo")
    made = Record(alfa, bravo)
    flash = made.say(alfa, bravo, "flash", 300)
    made.sign(flash, receipt_at=297)
    ops = made.say(bravo, alfa, "ops", 5, seen={"flash": (2, b64(flash.tree.root(2)))})
    made.sign(ops, receipt_at=5)
    made.sign(made.say(alfa, bravo, "track", 4, Kind.TRACK))
    return made


def test_it_agrees_on_every_vector():
    done = node(FOLDER / "vectors.mjs", VECTORS)
    found = re.search(r"(\d+) cases: (\d+) agreed, (\d+) differ, (\d+) need ML-DSA-44", done.stdout)
    assert found, done.stderr
    total, agreed, differ, unchecked = map(int, found.groups())
    assert (total, differ, done.returncode) == (len(cases()), 0, 0), done.stdout
    # Node's own cryptography has no ML-DSA before version 24: those are said not to be checked, and are not counted.
    assert agreed + unchecked == total
    assert unchecked <= sum(case.get("needs") == "ML-DSA-44" for case in cases())


def test_it_agrees_on_a_dossier_that_holds_in_a_zip_and_in_a_folder(record, tmp_path):
    files = dossier(record, record.nodes["alfa.example/detente"], [record.extract(log) for log in record.logs.values()])
    archive = tmp_path / "dossier.zip"
    with archive.open("wb") as file:
        write_zip(file, files.items())
    for name, content in files.items():
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for path in (archive, tmp_path / "folder"):
        done = node(FOLDER / "verify.mjs", path, *typed(roots(record.nodes)))
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.endswith("HOLDS\n")
        assert "sent, receipt outstanding: 3" in done.stdout


def test_t35_it_does_not_know_roots_that_were_not_typed(record, tmp_path):
    files = dossier(record, record.nodes["alfa.example/detente"], [record.extract(log) for log in record.logs.values()])
    archive = tmp_path / "dossier.zip"
    with archive.open("wb") as file:
        write_zip(file, files.items())
    done = node(FOLDER / "verify.mjs", archive)
    assert done.returncode == 2
    assert "unknown root" in done.stdout


def test_t34_it_refuses_what_is_no_dossier(tmp_path):
    for name, content in (("empty.zip", b""), ("text.zip", b"x" * 100)):
        (tmp_path / name).write_bytes(content)
        assert node(FOLDER / "verify.mjs", tmp_path / name).returncode == 1
    made = io.BytesIO()
    write_zip(made, [("../outside", b"x")])
    (tmp_path / "path.zip").write_bytes(made.getvalue())
    done = node(FOLDER / "verify.mjs", tmp_path / "path.zip")
    assert done.returncode == 1
    assert "not a plain stored file" in done.stderr
    made = io.BytesIO()
    write_zip(made, [("manifest.note", b"x")])
    for name, content in (("before.zip", b"hidden" + made.getvalue()), ("behind.zip", made.getvalue() + b"hidden" * 4)):
        (tmp_path / name).write_bytes(content)
        assert node(FOLDER / "verify.mjs", tmp_path / name).returncode == 1


def test_it_was_written_from_the_page_and_uses_the_standard_library_only():
    imported = {
        name
        for path in FOLDER.glob("*.mjs")
        for name in re.findall(r"from '([^']+)'", path.read_text("utf-8"))
        if not name.startswith("./")
    }
    assert imported <= {"node:crypto", "node:fs", "node:path"}
    assert not (FOLDER / "package.json").exists()
