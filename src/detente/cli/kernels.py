"""Where compiled kernels are kept when neither the installation nor the user's home can be written."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

import detente


def keep_kernels() -> None:
    """Make sure that numba has a folder for its cache: without one it refuses to be imported.

    As under a service manager: a read-only installation and no home. A private folder is then made, and removed at the
    end: a shared one would let others choose the code we run. Call it before the first kernel is imported.
    """
    package = Path(detente.__file__).resolve().parent
    drop_stale(package)
    home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    if "NUMBA_CACHE_DIR" in os.environ or _is_writable(package) or _is_writable(home):
        return
    folder = tempfile.mkdtemp(prefix="detente-kernels-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["NUMBA_CACHE_DIR"] = folder
    print(
        "detente: kernels are compiled anew, half a minute: set NUMBA_CACHE_DIR to a folder that stays", file=sys.stderr
    )


def compile_kernels() -> None:
    """Compile every kernel for this machine, as an installation does, so that no first command has to."""
    keep_kernels()
    from detente.node.party import warm  # after the cache has its folder

    warm()


def drop_stale(package: Path) -> None:
    """Throw away the compiled kernels of *package* if any file with a kernel has changed since they were made.

    Numba compiles a kernel anew when its own file changes, and keeps the old one when only a kernel that it calls did.
    """
    sources = [path for path in sorted(package.glob("*/*.py")) if b"njit" in path.read_bytes()]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    stamp = package / "__pycache__" / "kernels.sha256"
    with contextlib.suppress(OSError):  # a folder that cannot be written holds nothing older than itself
        if stamp.is_file() and stamp.read_text() == digest:
            return
        for compiled in (*package.glob("*/__pycache__/*.nbi"), *package.glob("*/__pycache__/*.nbc")):
            compiled.unlink(missing_ok=True)
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(digest)


def _is_writable(folder: Path) -> bool:
    """Whether files can be made in *folder*, or in the nearest folder above it that exists."""
    there = next((one for one in (folder, *folder.parents) if one.exists()), None)
    return there is not None and there.is_dir() and os.access(there, os.W_OK | os.X_OK)
