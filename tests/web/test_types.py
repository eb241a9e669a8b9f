"""The console's JSDoc types hold: by TypeScript's own checker, and against the structs that the node hands over.

The checker comes from npm into a cache outside this tree and is used by nobody else: neither to install nor to run the
console is a line of it needed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import msgspec
import pytest

from detente.desk import board, explanation, record_view, release_view

STATIC = Path(__file__).parents[2] / "src/detente/node/web/static"
VERSION = "7.0.2"
TYPES = (STATIC / "types.js").read_text()

STRUCTS = {
    struct.__name__: struct
    for module in (board, explanation, release_view, record_view)
    for struct in vars(module).values()
    if isinstance(struct, type) and issubclass(struct, msgspec.Struct) and struct.__module__ == module.__name__
}
ASKED = {"LeavesAsked", "DossierAsked"}
"""What a console sends: the node reads them strictly, and says what is wrong."""


def checker() -> Path | None:
    """Return TypeScript's checker, fetched by npm the first time; None without npm, or without its registry."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / f"detente-typescript-{VERSION}"
    tsc = cache / "node_modules/.bin/tsc"
    if not tsc.exists() and shutil.which("npm"):
        words = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", cache]
        cache.mkdir(parents=True, exist_ok=True)
        subprocess.run([*words, f"typescript@{VERSION}"], check=False, capture_output=True, timeout=180)
    return tsc if tsc.exists() else None


def test_every_module_passes_typescripts_own_check() -> None:
    tsc = checker()
    if tsc is None:
        why = "no TypeScript: npm is not installed, or it could not fetch the package"
        if os.environ.get("CI") == "true" and shutil.which("npm"):
            pytest.fail(why)
        pytest.skip(why)
    options = {
        "allowJs": True, "checkJs": True, "noEmit": True, "strict": True, "target": "es2022", "module": "es2022",
        "moduleResolution": "bundler", "lib": ["es2023", "dom", "dom.iterable"], "skipLibCheck": True, "types": [],
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "tsconfig.json"
        config.write_text(json.dumps({"compilerOptions": options, "include": [f"{STATIC}/**/*.js"]}))
        ran = subprocess.run([tsc, "-p", config], check=False, capture_output=True, text=True, timeout=120)
    assert ran.stdout == ""
    assert ran.returncode == 0


def typed(name: str) -> set[str] | None:
    """The fields that types.js gives *name*; None when it has no such type."""
    block = re.search(rf"@typedef \{{object\}} {name}\n((?: \* @property .*\n)+)", TYPES)
    if block:
        return set(re.findall(r"@property \{.*?\} (\w+)(?:  .*)?$", block[1], re.MULTILINE))
    line = re.search(rf"@typedef \{{(\{{.*\}})\}} {name}\b", TYPES)
    return set(re.findall(r"[{,] ?(\w+): ", re.sub(r"(?<=: )\{[^{}]*\}", "x", line[1]))) if line else None


@pytest.mark.parametrize("name", sorted(STRUCTS.keys() - ASKED))
def test_each_struct_of_the_node_is_typed_field_by_field(name: str) -> None:
    assert typed(name) == {field.encode_name for field in msgspec.structs.fields(STRUCTS[name])}
