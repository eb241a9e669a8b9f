"""The evidence package is handed to a stranger: it runs with three libraries, without a network, and writes nothing."""

from __future__ import annotations

import json
import subprocess
import sys

from conftest import ROOT
from evidence.judge import VECTORS, cases

ALONE = """
import importlib.abc, io, json, sys

ALLOWED = {"cryptography", "nacl", "msgspec", "_cffi_backend", "cffi", "detente", "__main__"}
OURS = ("detente.evidence", "detente.errors", "detente.types")

class Guard(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top == "detente" and name != "detente" and not name.startswith(OURS):
            raise ImportError(f"not allowed: {name}")
        if top not in ALLOWED and top not in sys.stdlib_module_names:
            raise ImportError(f"not allowed: {name}")
        return None

before = set(sys.modules)
sys.meta_path.insert(0, Guard())

def audit(event, arguments):
    if event.startswith("socket.") or event == "open" and isinstance(arguments[1], str) and set("wax+") & set(arguments[1]):
        raise RuntimeError(f"{event} {arguments}")

sys.dont_write_bytecode = True
sys.addaudithook(audit)
import pkgutil
import detente.evidence
for module in pkgutil.iter_modules(detente.evidence.__path__):
    __import__(f"detente.evidence.{module.name}")
from detente.evidence.dossier import ZipFiles
from detente.evidence.verify import verify

case = json.loads(sys.argv[2])
with open(sys.argv[1], "rb") as file:
    verdict = verify(ZipFiles(file), case["roots"])
print(verdict.exit_code)
print(sorted({name.partition(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names))
"""


def test_a_dossier_is_verified_with_three_libraries_and_nothing_else():
    case = next(case for case in cases() if case["kind"] == "dossier" and case["accept"])
    done = subprocess.run(
        [sys.executable, "-c", ALONE, VECTORS / case["dossier"], json.dumps(case)],
        env={"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    code, foreign = done.stdout.splitlines()
    assert code == "0"
    assert {"cryptography", "msgspec", "nacl", "detente"} <= set(json.loads(foreign.replace("'", '"')))
