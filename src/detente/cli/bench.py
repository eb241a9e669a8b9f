"""`detente bench`: the project's own benchmarks, from `benchmarks/` of a source tree."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import click

import detente
from detente.errors import ConfigError

_FOLDER = Path(detente.__file__).resolve().parents[2] / "benchmarks"


def _benchmarks() -> dict[str, Path]:
    """Return the benchmarks there are: those modules that define `measured`."""
    found = sorted(_FOLDER.glob("*.py")) if _FOLDER.is_dir() else []
    return {path.stem: path for path in found if "\ndef measured(" in path.read_text(encoding="utf-8")}


def _loaded(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"benchmarks_{name}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@click.command(epilog="\b\nExample: detente bench record")
@click.argument("names", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.option("--quick", is_flag=True, help="Small sizes, seconds instead of minutes.")
def bench(names: tuple[str, ...], as_json: bool, quick: bool) -> None:
    """Run the benchmarks NAMES, or all of them, and print what was measured."""
    known = _benchmarks()
    if not known:
        raise ConfigError(f"no benchmarks at {_FOLDER}: they come with the source, not with the package")
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ConfigError(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}")
    found: dict[str, Any] = {}
    for name in names or known:
        print(f"{name} …", file=sys.stderr)
        found[name] = _loaded(name, known[name]).measured(quick)
    if as_json:
        print(json.dumps(found))
        return
    for name, parts in found.items():
        for part, rows in parts.items():
            for row in rows if isinstance(rows, list) else [rows]:
                print(f"{name} {part}: {row}")
